"""
What each event of state table R changes besides the state, and what it leads to.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.core import verification_changes
from gateway.core.age import treat_as_minor
from gateway.core.case import HELD, Case, Release, Side, State, replace, with_finding
from gateway.core.facts import When
from gateway.core.machine import NOT_TOLD, Apply, DropUnsent, EndThread, Event, Notify, PostOn, Send
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    PROPOSAL,
    REISSUE,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
    WITHDRAWAL,
)
from gateway.core.return_guards import UNTOLD, departs_at, may_come, notice_at, represented
from gateway.core.returns import (
    ARRANGED,
    ARRANGING,
    AWAY,
    NOT_ACCEPTED,
    OVER,
    PREPARING,
    RECALLED_BEFORE,
    REPORTS,
    RETURN_STATES,
    S,
)
from gateway.core.rules import findings
from gateway.core.verification import ATTESTS, PARTNER, WITHDRAWAL_BODY
from gateway.core.verification_changes import Change, with_holder
from gateway.core.verification_guards import body_of, pending_of, value_of
from schemas import ijson


def _said(case: Case, type: str, body: Mapping[str, Any]) -> Case:
    return replace(case, said={**case.said, type: body})


def _unsaid(case: Case, type: str) -> Case:
    return replace(case, said={one: body for one, body in case.said.items() if one != type})


def _of_our_stop(case: Case) -> dict[str, Any]:
    """Return what we said of a stop that is not lifted: it stands, whatever else was said is void."""
    return {type: body for type, body in case.said.items() if type == SUSPENSION}


def _clocked(case: Case, event: Event) -> Case:
    return case.with_clocks(*event.data.get("clocks", ()))


def _consider(case: Case, event: Event, now: datetime) -> Change:
    # What was prepared or asked in the verification has no use any more.
    return replace(case, record=event.data["record"], pending=None, releases=(), said={}), ()


def _recorded(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, record=event.data["record"]), ()


_VOID = frozenset({PROPOSAL, DOCUMENT_REQUEST})
"""What takes a return further and may wait unposted where it begins anew; a plan was cancelled before, or kept."""


def _begin_again(case: Case, event: Event, now: datetime) -> Change:
    """
    Leave ASSESSED or a later state: what was prepared, signed and agreed does not hold for another proposal.

    What would take the old one further and never left does not leave any more; everything else in the outbox does. That
    we told of a stop and have not lifted it stands; who proposed that a stopped case goes on saw another one (V-01).
    """
    case = replace(case, pending=None, releases=(), said=_of_our_stop(case), resume_proposer=None)
    return case, (DropUnsent(frozenset(TYPES) - _VOID),)


def _decline(case: Case, event: Event, now: datetime) -> Change:
    """
    End it: nobody is returned. A State that was asked to receive the person learns that nobody comes, and not why.

    It learns it as always, by a withdrawal at the full hour, and from no answer before it (M-5.26); but not of who left
    and was called back in silence.
    """
    ended, effects = _begin_again(case, event, now)
    if not event.data.get("proposed") or UNTOLD in case.findings:
        return ended, effects
    said = Send(WITHDRAWAL, WITHDRAWAL_BODY, verification_changes.next_full_hour(now))
    ended = verification_changes.untold(ended, case.state, now)
    return ended, (DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn"), said)


def _refused_by_them(case: Case, event: Event, now: datetime) -> Change:
    """Take in a no: every earlier word of either side is void, but that we told of a stop and have not lifted it."""
    if case.state in PASSED[case.side]:
        return case, (Notify("interior"),)
    case = replace(case, releases=(), said={**_of_our_stop(case), ACCEPTANCE: body_of(event)})
    return _clocked(case, event), (Notify("interior"),)


def _endorse(case: Case, event: Event, now: datetime) -> Change:
    role = "welfare" if represented(case) else "coordinator"
    return _with_release(case, event, "return.release", role), ()


def _with_release(case: Case, event: Event, kind: str, role: str) -> Case:
    signed = (event.data["digest"], event.data["valid_until"], event.data["statement"])
    made = Release("ours", kind, role, *signed, event.actor)
    others = tuple(one for one in case.releases if (one.authority, one.kind) != ("ours", kind))
    return replace(case, releases=(*others, made))


def _propose(case: Case, event: Event, now: datetime) -> Change:
    pending = pending_of(case)
    ours = tuple(one for one in case.releases if one.authority == "ours" and one.digest == pending.digest)
    case = _clocked(replace(case, said={PROPOSAL: value_of(pending)}), event)
    sent = Send(PROPOSAL, pending.body, None, tuple(one.statement for one in ours))
    return replace(case, pending=None, releases=ours), (sent,)


def _request_document(case: Case, event: Event, now: datetime) -> Change:
    pending = pending_of(case)
    case = _clocked(_said(case, DOCUMENT_REQUEST, value_of(pending)), event)
    return replace(case, pending=None), (Send(DOCUMENT_REQUEST, pending.body),)


def _accept(case: Case, event: Event, now: datetime) -> Change:
    pending = pending_of(case)
    role = "welfare" if represented(case) else "desk_head"
    case = _with_release(case, event, "return.acceptance", role)
    case = replace(_said(case, ACCEPTANCE, value_of(pending)), pending=None)
    return _clocked(case, event), (Send(ACCEPTANCE, pending.body, None, (event.data["statement"],)),)


def _refuse(case: Case, event: Event, now: datetime) -> Change:
    """
    Say no; what was prepared to say yes is void, and so is every earlier word of either side.

    The proposal and its release stand: a stop may take the refusal out before it leaves, and that is to be answered.
    """
    said = {type: body for type, body in case.said.items() if type in (PROPOSAL, SUSPENSION)}
    theirs = tuple(one for one in case.releases if one.kind == "return.release")
    case = replace(case, pending=None, releases=theirs, said={**said, ACCEPTANCE: body_of(event)})
    return _clocked(case, event), (Send(ACCEPTANCE, event.data["body"]),)


REPORTS_MAX = 256
"""
Reports of the other State, and demands to take the person back, that stand among the findings: one a day for longer
than a return is followed. It may send any number, in a case that is closed too, and each save of a case writes all.
"""


def _warned(case: Case, type: str, body: Mapping[str, Any]) -> Case:
    """
    Return the case with what a report or a demand to take the person back says among its findings.

    Each stays on record, whatever is said after it and wherever the case has moved on to: a danger must be seen. Beyond
    ``REPORTS_MAX`` the oldest goes; as a message it is kept like every other.
    """
    if type == MONITORING:
        return _reported(case, REPORTED, {"status": body["status"], "day": body["on"]})
    if type == TAKE_BACK:
        # Who calls back knows of it, and lets go by it of any stop.
        return _reported(_without(_known(case), STOPPED_THERE), TO_BE_TAKEN_BACK, _of_taking_back(body))
    return case


def _of_taking_back(body: Mapping[str, Any]) -> dict[str, str]:
    return {"day": body["by"], "reason": body["reason"]}


def _reported(case: Case, text: str, said: Mapping[str, str]) -> Case:
    """Return the case with ``text`` of what was ``said`` among its findings, and no more such than may stand there."""
    # By what was said last what they said is told from what we did (``notices``).
    stays = (TO_BE_TAKEN_BACK % _of_taking_back(case.said[TAKE_BACK]),) if TAKE_BACK in case.said else ()
    return with_finding(case, text, text % said, REPORTS_MAX, stays)


def _told(type: str) -> Apply:
    """Take in a message of the other State that moves the return, with the statements that came with it."""

    def apply(case: Case, event: Event, now: datetime) -> Change:
        brought = event.data.get("releases", ())
        case = _warned(_noted(case, brought), type, body_of(event))
        if case.state in PASSED[case.side] and not (case.state is S.UNDELIVERED and type in AWAITED[case.side]):
            return case, (Notify("interior"),)
        case = _clocked(_said(case, type, body_of(event)), event)
        # Said again, the later word counts.
        named = {(one.authority, one.kind) for one in brought}
        kept = tuple(one for one in case.releases if (one.authority, one.kind) not in named)
        return replace(case, releases=(*kept, *brought)), (Notify("interior"),)

    return apply


ACCEPTED_MAX = 256
"""Acceptances that are known again in a thread; each has a statement of an authority, and a return needs one."""


def _noted(case: Case, brought: Sequence[Release]) -> Case:
    """Return the case with the acceptances that came, each the answer to one proposal, among those known again."""
    new = [one.digest for one in brought if (one.authority, one.kind) == ("theirs", "return.acceptance")]
    return replace(case, accepted=tuple(dict.fromkeys((*case.accepted, *new)))[-ACCEPTED_MAX:]) if new else case


CORRECTED_LATE = "the escort signed another protocol of the handover after both hands had signed one; compare the two"
"""Finding on a case whose second hand crossed a correction by the first."""


def _handed_over(case: Case, event: Event, now: datetime) -> Change:
    """Take in the hand of the other State; once both have signed a protocol, that one stays."""
    if case.side is Side.REQUESTED and case.state in (S.HANDED_OVER, S.MONITORING):
        return case.with_found(CORRECTED_LATE), (Notify("interior"),)
    return _told(HANDOVER)(case, event, now)


PASSED: Mapping[Side, frozenset[State]] = {
    Side.REQUESTING: frozenset({S.UNDELIVERED, *OVER, S.NOT_RETURNED, S.CONSIDERED, S.ASSESSED, S.RECALL}),
    Side.REQUESTED: frozenset({S.UNDELIVERED, *OVER}),
}
"""States the case moved on to when a message crossed: it was accepted, and its body is not taken over."""


AWAITED: Mapping[Side, frozenset[str]] = {
    Side.REQUESTING: frozenset(),
    Side.REQUESTED: frozenset({SCHEDULE, HANDOVER}),
}
"""What is taken over all the same where a message of ours was lost: when and where the person comes, and with whom."""


_OF_ANOTHER = frozenset({ACCEPTANCE, DOCUMENT, REISSUE})
"""What answers a proposal, or follows from it, and says nothing of a later one."""


def _proposed(case: Case, event: Event, now: datetime) -> Change:
    """Take in a proposal; whatever was agreed on an earlier one is void, and what has not left of it does not leave."""
    if case.state in PASSED[Side.REQUESTED]:
        return case, (Notify("interior"),)
    said = {**_of_our_stop(case), PROPOSAL: body_of(event)}
    case = replace(case, said=said, releases=tuple(event.data.get("releases", ())), pending=None)
    return _clocked(case, event), (DropUnsent(frozenset(TYPES) - _OF_ANOTHER), Notify("interior"))


def _documented(case: Case, event: Event, now: datetime) -> Change:
    """Take in a document that was issued: it takes the place of any earlier one."""
    if case.state in PASSED[case.side]:
        return case, (Notify("interior"),)
    case = replace(_said(_unsaid(case, REISSUE), DOCUMENT, body_of(event)), pending=None)
    return _clocked(case, event), (Notify("interior"),)


def _left(case: Case, event: Event, now: datetime) -> Change:
    """Take in that the person left. Who is on the way is spoken of, also in a thread that had ended as undelivered."""
    changed, effects = _told(SCHEDULE)(case, event, now)
    return changed, (*effects, PostOn()) if case.state is S.UNDELIVERED else effects


def _saying(type: str) -> Apply:
    """Say what the event brings, and remember it."""

    def apply(case: Case, event: Event, now: datetime) -> Change:
        case = _clocked(_said(case, type, body_of(event)), event)
        return case, (Send(type, event.data["body"]),)

    return apply


UNCONFIRMED = "the person left before the other State confirmed the plan of the journey; tell it another way who comes"
"""Finding on a case whose person may arrive before word of it does: a line that is down keeps nobody at the gate."""


def _depart(case: Case, event: Event, now: datetime) -> Change:
    """
    Say that the person left; where no receipt says that the plan is known, people must say it too.

    It says all that a plan does, and who has left needs no other document: a plan or a request for one that never left
    is taken out, for a rule may hold it, and this behind it.
    """
    left, effects = _saying(SCHEDULE)(case, event, now)
    effects = (DropUnsent(frozenset(TYPES) - {SCHEDULE, DOCUMENT_REQUEST}), *effects)
    return (left.with_found(UNCONFIRMED) if event.data.get("unconfirmed") else left), effects


def _report(case: Case, event: Event, now: datetime) -> Change:
    """Report how the person was found; where no message can say so, it is a finding, and people do."""
    case = _clocked(_said(case, MONITORING, body_of(event)), event)
    return case, (Send(MONITORING, event.data["body"], optional=True),)


def _issue(case: Case, event: Event, now: datetime) -> Change:
    return _saying(DOCUMENT)(_unsaid(case, REISSUE), event, now)


def _schedule(case: Case, event: Event, now: datetime) -> Change:
    leaves = notice_at(departs_at(case.record or {}), now)
    return _said(case, SCHEDULE, body_of(event)), (Send(SCHEDULE, event.data["body"], leaves),)


def _cancel(case: Case, event: Event, now: datetime) -> Change:
    """
    Take the plan back: out of the outbox if it never left, by a message if it did and the State may be contacted.

    Nothing but what the message says stands before this step: a journey can always be called off. Who waits for the
    person is not kept waiting by a rule about what is told of her, for nothing is. Of a return that is suspended the
    word waits until that goes on.
    """
    case = _unsaid(case, SCHEDULE)
    if event.data.get("undo") == S.DOCUMENTED:
        return case, (DropUnsent(frozenset(TYPES) - {SCHEDULE}),)  # what else waits is no part of the plan
    silent = NO_CONTACT - {"R-02"} if event.facts and event.facts.state is S.SUSPENDED else NO_CONTACT
    if event.facts is None or {one.rule for one in findings(When.SEND, event.facts)} & silent:
        return case.with_found(NOT_TOLD), ()
    return case, (Send(SCHEDULE, event.data["body"], optional=True),)


NO_CONTACT = frozenset({"R-01", "R-02", "N-01", "REM-5"})
"""Rules by which a State hears nothing at all, whatever the message says."""


def _hand_over(case: Case, event: Event, now: datetime) -> Change:
    """Sign as the first hand; every protocol that was signed so counts, for the second hand may be under way to any."""
    before = tuple(one for one in case.releases if (one.authority, one.kind) == ("ours", "handover.delivery"))
    case = _with_release(case, event, "handover.delivery", "escort")
    earlier = tuple(one for one in before if one.digest != event.data["digest"])
    case = _said(replace(case, releases=(*earlier, *case.releases)), HANDOVER, body_of(event))
    return case, (Send(HANDOVER, event.data["body"], None, (event.data["statement"],), optional=True),)


def _confirm_handover(case: Case, event: Event, now: datetime) -> Change:
    """Sign as the second hand. The person is here: where no message can say so, it is a finding, and people do."""
    case = _with_release(case, event, "handover.receipt", "reception")
    case = _clocked(_said(case, HANDOVER, body_of(event)), event)
    return case, (Send(HANDOVER, event.data["body"], None, (event.data["statement"],), optional=True),)


def _may_say(case: Case, event: Event) -> bool:
    """
    Return whether a message may leave at all; the accepting side holds nothing that could forbid it.

    That no key of the other State is held (N-02) forbids nothing: word of a step that takes back waits for one.
    """
    if case.side is Side.REQUESTED:
        return True
    return event.facts is not None and not [one for one in findings(When.SEND, event.facts) if one.rule != "N-02"]


def _recall(case: Case, event: Event, now: datetime) -> Change:
    """
    Call the person back, and tell the other State if it may know and does not yet.

    Nothing stands before this step: a message that may not leave is left out, and it is a finding of ours alone that
    it was. Whoever calls back once more, also when the person is back or the case is closed, says it if it may be said
    by then, and that is all it does. Of one who is not back the asylum authority holds the case by it, as by a freeze,
    and with it the person's others (R-01). It ends a stop, of which a State that called back first hears by no recall.
    """
    over = case.state in HELD and SUSPENSION in case.said
    case = _stopped_no_more(case) if case.state in HELD else case
    if case.side is Side.REQUESTING and event.role in ATTESTS and case.state not in RECALLED_BEFORE:
        case = replace(case, holders=with_holder(case, event.actor, event.role), released=False)
    draft = event.data.get("draft")
    case = case if draft is None else replace(case, draft=draft)
    if case.state not in RECALLED_BEFORE:
        reasons = [text for text in (case.freeze_reason, event.data["reason"]) if text]
        case = replace(case, freeze_reason="\n".join(reasons), pending=None)
    body = event.data.get("body")
    if body is None or TAKE_BACK in case.said:
        sent = (Send(RESUMPTION, RESUMPTION_BODY, optional=True),) if over else ()
        return case, (Notify("interior"), *sent)
    if not _may_say(case, event):
        return case.with_found(UNTOLD), (Notify("interior"),)
    told = replace(_known(case), said={**case.said, TAKE_BACK: body_of(event)})
    return told, (Notify("interior"), Send(TAKE_BACK, body, optional=True))


def _known(case: Case) -> Case:
    """Return the case without the finding that the other State does not know of a recall."""
    return _without(case, UNTOLD)


def _stopped_no_more(case: Case) -> Case:
    """Return a case that was stopped as one that is called back: the recall holds for whoever stopped it."""
    return replace(_unsaid(case, SUSPENSION), holders=(), released=False, resume_to=None, resume_proposer=None)


def _let_on(case: Case, event: Event, now: datetime) -> Change:
    """Take off what was found of another case of the person: two persons have said that it is another person's."""
    return _without(case, event.data.get("over")), ()


def _without(case: Case, finding: str | None) -> Case:
    return replace(case, findings=tuple(found for found in case.findings if found != finding))


def _returned(case: Case, event: Event, now: datetime) -> Change:
    """
    The person is back: everything is looked at anew, and nothing signed before counts.

    That the other State does not know it yet stays among the findings; what was found of another case is found anew.
    """
    case = _without(case, event.data.get("over"))
    return replace(case, record=None, said={}, releases=(), pending=None, freeze_reason=None), ()


_WORD_OF_STOP = frozenset({SUSPENSION})
"""What a second stop leaves in the outbox: the first may not have been told yet."""

_WORD_OF_GOING_ON = frozenset({RESUMPTION})
"""What a silent stop leaves in the outbox: that an earlier one is over, or the other State would hold it for ever."""

REPORTED = "the other State reports %(status)s as of %(day)s"
"""Finding on a case for each report on its person, one that says she was seen safe too."""

TO_BE_TAKEN_BACK = "the other State asks to take the person back by %(day)s: %(reason)s"
"""Finding on a case whose person the other State cannot keep."""

STOPPED_LATE = "the other State stopped the return when the person had left; speak to it, and call back if need be"
"""Finding on a case whose departure crossed a stop of the other State."""

STOPPED_THERE = "the other State stopped the return that was arranged before, and still does; speak to it first"
"""Finding on a case whose return is, or may be, prepared anew: nothing is held there, but people must know of it."""

SUSPENSION_BODY = '{"code":"SUSPENDED"}'
RESUMPTION_BODY = '{"code":"RESUMED"}'


def _suspended(case: Case) -> tuple[Case, Send]:
    """Return the case as one whose other side is told that it is stopped, and what tells it; no reason is given."""
    told = _said(case, SUSPENSION, ijson.loads(SUSPENSION_BODY.encode()))
    return told, Send(SUSPENSION, SUSPENSION_BODY, optional=True)


def _unreleased(case: Case) -> Case:
    """Return a stopped case without the release of a proposal that has not left: it did not know what stopped it."""
    prepared = case.side is Side.REQUESTING and case.resume_to in PREPARING
    return replace(case, releases=()) if prepared else case


def _proposal_refused(case: Case, event: Event, now: datetime) -> Change:
    """Go back to where it was released; that release was of a proposal that is over, and may be older than a stop."""
    refused, effects = verification_changes.APPLIES["not_accepted"](case, event, now)
    return (replace(refused, releases=()) if case.state is S.PROPOSED else refused), effects


def _suspend(case: Case, event: Event, now: datetime) -> Change:
    """
    Stop at once; the other State learns that it is stopped, if it knows of a return and may be told anything.

    A plan that waits in the outbox is dropped, or it would hold up the message that stops it. Of a proposal that is
    dropped so it never hears.
    """
    at = case.resume_to if case.state is S.SUSPENDED else case.state
    undo = event.data.get("undo") if at in RETURN_STATES else None
    resume_to = S(undo) if undo else at
    reasons = [text for text in (case.freeze_reason, event.data.get("reason")) if text]
    stopped = replace(
        case,
        holders=with_holder(case, event.actor, event.role),
        released=False,
        resume_to=resume_to,
        freeze_reason="\n".join(reasons) or None,
    )
    if at not in RETURN_STATES:
        return stopped, ()
    stopped = _unreleased(replace(stopped, pending=None))
    told = (resume_to in ARRANGING or SUSPENSION in case.said) and _may_say(case, event)
    if told and SUSPENSION not in case.said:
        stopped, sent = _suspended(stopped)
        return stopped, (DropUnsent(), Notify("interior"), sent)
    return stopped, (DropUnsent(_WORD_OF_STOP if told else _WORD_OF_GOING_ON), Notify("interior"))


def _frozen(case: Case, event: Event, now: datetime) -> Change:
    """
    Freeze as in a verification. The accepting side tells the other that it is stopped: a veto must be heard. Where a
    message of its own was lost, people do as well.

    The proposing side tells nothing, because the reason may be one that nobody may guess. That an earlier stop is over
    it says once the case goes on.
    """
    at = case.at
    frozen, effects = verification_changes.APPLIES["freeze"](case, event, now)
    frozen = _unreleased(frozen)
    if case.side is Side.REQUESTING:
        kept = DropUnsent(_WORD_OF_GOING_ON)
        return frozen, tuple(kept if effect == DropUnsent() else effect for effect in effects)
    if at is S.UNDELIVERED and may_come(case):
        frozen = frozen.with_found(NOT_TOLD)  # a line may be down, and somebody may come all the same
    elif at not in ARRANGED and frozen.resume_to not in ARRANGED:  # by a refusal that never left it is arranged still
        return frozen, effects
    if SUSPENSION not in case.said:
        frozen, sent = _suspended(frozen)
        return frozen, (*effects, sent)
    return frozen, tuple(DropUnsent(_WORD_OF_STOP) if effect == DropUnsent() else effect for effect in effects)


_ANEW = frozenset({S.ASSESSED, S.PROPOSED, S.ACCEPTED, S.DECIDED, S.DOCUMENTED})
"""States from which a return begins anew at once; a plan that was told is called off first, or somebody waits."""


def _restated(case: Case, event: Event, now: datetime) -> Change:
    """
    Set right age and guardian as in a verification; a return that rested on what is not so begins anew.

    Whoever signed it signed for a minor or an adult, and heard the person by this guardian. What the other State still
    says to it is taken and moves nothing, so that no answer tells of the stop (M-5.30), nor of one that is withdrawn
    (M-5.26). What was signed of a return that is over stays as evidence.
    """
    made, effects = verification_changes.APPLIES["restate"](case, event, now)
    if _rests_on(case.draft or {}) == _rests_on(made.draft or {}):
        return made, effects
    if case.answers_as in _ANEW:
        made = replace(made, answers_as=S.CONSIDERED)
    if case.state is not S.FROZEN:
        return made, effects
    made = replace(made, releases=())
    if case.resume_to in _ANEW:
        made = replace(made, said=_of_our_stop(case), resume_to=S.CONSIDERED)
    return made, effects


def _rests_on(draft: Mapping[str, Any]) -> tuple[bool, str | None]:
    """Return what a return rests on of age and guardian: whether the person is a minor, and who stands up for her."""
    return treat_as_minor(draft), (draft["representative"] or {}).get("ref")


def _resume(case: Case, event: Event, now: datetime) -> Change:
    """Let go of our side; the case goes on once the other State, too, holds it no more."""
    by = (event.actor, event.role)
    holders = tuple(holder for holder in case.holders if holder != by)
    told = SUSPENSION in case.said
    case = _unsaid(case, SUSPENSION)
    effects = (Send(RESUMPTION, RESUMPTION_BODY, optional=True),) if told else ()
    if holders:
        return replace(case, holders=holders, freeze_reason=None, resume_proposer=None), effects
    resumed, more = verification_changes.APPLIES["resume"](case, event, now)
    return replace(resumed, holders=()), (*more, *effects)


def _suspension(case: Case, event: Event, now: datetime) -> Change:
    """
    Take in that the other State stopped: it holds the case until it says otherwise.

    Where the person has left nothing is held any more, and where a return is prepared, or she is called back, nothing
    is held yet; but people must know that the other State would not have it, and takes no proposal further.
    """
    if case.state not in (*ARRANGING, *HELD):
        anew = case.state in (*PREPARING, S.RECALL)
        found = STOPPED_LATE if case.state in AWAY else STOPPED_THERE if anew else None
        return case.with_found(found) if found else case, (Notify("interior"),)
    holders = with_holder(case, event.actor, PARTNER)
    return replace(case, holders=holders, released=False, resume_to=case.at), (Notify("interior"),)


def _resumption(case: Case, event: Event, now: datetime) -> Change:
    case = _without(case, STOPPED_THERE)
    if case.state not in HELD:
        return case, (Notify("interior"),)
    holders = tuple(holder for holder in case.holders if holder[1] != PARTNER)
    # What our side stopped goes on by a step of our own desk alone, also where its holders have let go (V-08).
    if case.state is S.SUSPENDED and not holders and case.freeze_reason is None:
        case = replace(case, resume_to=None)
    return replace(case, holders=holders, released=not holders), (Notify("interior"),)


APPLIES: Mapping[str, Apply] = {
    "consider": _consider,
    "record": _recorded,
    "reassess": _begin_again,
    "decline": _decline,
    "endorse": _endorse,
    "propose": _propose,
    "acceptance": _told(ACCEPTANCE),
    "refusal": _refused_by_them,
    "request_document": _request_document,
    "document": _documented,
    "reissue": _told(REISSUE),
    "schedule": _schedule,
    "cancel": _cancel,
    "depart": _depart,
    "hand_over": _hand_over,
    "handover": _handed_over,
    "recall": _recall,
    "take_back": _told(TAKE_BACK),
    "go_on": _let_on,
    "returned": _returned,
    "suspend": _suspend,
    "freeze": _frozen,
    "restate": _restated,
    "resume": _resume,
    "suspension": _suspension,
    "resumption": _resumption,
    "proposal": _proposed,
    "document_request": _told(DOCUMENT_REQUEST),
    "schedule_notice": _told(SCHEDULE),
    "cancellation": _told(SCHEDULE),
    "departure": _left,
    "accept": _accept,
    "refuse": _refuse,
    "issue": _issue,
    "reissue_document": _saying(REISSUE),
    "confirm_handover": _confirm_handover,
    **dict.fromkeys(("report", "report_safe", "report_concern", "report_lost"), _report),
    **dict.fromkeys(REPORTS, _told(MONITORING)),
    **dict.fromkeys(NOT_ACCEPTED, verification_changes.APPLIES["not_accepted"]),
    "proposal_not_accepted": _proposal_refused,
}
