"""
What each event of state table V changes besides the state, and what it leads to.
"""

from datetime import datetime, timedelta

from gateway.core.attachments import drawn
from gateway.core.case import CONCLUDED, Case, SentBack, Side, State, replace
from gateway.core.machine import NOT_TOLD, Apply, DropUnsent, Effect, EndThread, Event, IllegalStep, Notify, Send
from gateway.core.messages import (
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    ASKS_OF_DATA,
    CONFIRMATION,
    CONTEST,
    DELAY,
    ELEMENTS,
    INTERVIEW,
    INTERVIEW_ANSWER,
    INTERVIEW_RESULT,
    NEGATIVE_OUTCOMES,
    QUESTION,
    REDIRECT,
    REMINDER,
    REPLY,
    SCHEDULE,
    STILL_SAID,
    SUSPENSION,
    TYPES,
    WITHDRAWAL,
)
from gateway.core.minimise import elements_in
from gateway.core.person_keys import FOUND_BY
from gateway.core.remark import FURTHER_REMARK
from gateway.core.reuse import with_further
from gateway.core.verification import UNANSWERED_BY, WITHDRAWAL_BODY, S
from gateway.core.verification_guards import (
    GUARDS,
    body_of,
    let_go_by,
    named_guardian,
    pending_of,
    restated,
    value_of,
)
from gateway.core.wire import format_instant

# What each event changes besides the state.

Change = tuple[Case, tuple[Effect, ...]]


def _amend(case: Case, event: Event, now: datetime) -> Change:
    draft = event.data["draft"]
    # The purpose decides what a reply may say and what may leave, so it follows the draft.
    amended = replace(case, draft=draft, purpose=draft["purpose"], officer=draft["officer"])
    images = drawn(draft, event.data.get("renditions", case.renditions))
    amended = replace(amended, pending=event.data["pending"], renditions=images)
    before = case.draft or {}
    if before.get("representative") and named_guardian(before) != named_guardian(draft):
        amended = replace(amended, renamed_at=format_instant(now))
    return (_remarked(amended, event) if "remark" in event.data else amended), ()


def _remarked(case: Case, event: Event) -> Case:
    """Take in what became of the remark. That one told of a need for protection is not undone by another remark."""
    return replace(case, remark=event.data["remark"], remark_stop=event.data["remark_stop"] or case.remark_stop)


def _remark(case: Case, event: Event, now: datetime) -> Change:
    """Take in a remark in place of any other; what was prepared with that is void."""
    return _remarked(replace(case, draft=event.data["draft"], pending=event.data["pending"]), event), ()


def _confirm_remark(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, remark=event.data["remark"], pending=event.data["pending"]), ()


def _attach(case: Case, event: Event, now: datetime) -> Change:
    """Take in, or take out, an image drawn anew. What was prepared before is void: it may say something else now."""
    draft = event.data["draft"]
    images = drawn(draft, event.data["renditions"])
    return replace(case, draft=draft, renditions=images, pending=None), ()


def _prepare(case: Case, event: Event, now: datetime) -> Change:
    consent = event.data.get("consent")
    interview = {**(case.interview or {}), "consent": consent} if consent is not None else case.interview
    return replace(case, pending=event.data["pending"], interview=interview), ()


def _sign(case: Case, event: Event, now: datetime) -> Change:
    data = event.data
    signed = replace(
        pending_of(case), approver=event.actor, statement=data["statement"], valid_until=data["valid_until"]
    )
    return replace(case, pending=signed), ()


def _send_back(case: Case, event: Event, now: datetime) -> Change:
    """Keep the word beside the bytes, which stay for who prepared them to look at; an approval of them is void."""
    pending, data = pending_of(case), event.data
    word = SentBack(pending.digest, event.actor, format_instant(now), data["reason"], data["note"], data["statement"])
    others = (one for one in case.sent_back if (one.digest, one.by) != (word.digest, word.by))
    unsigned = replace(pending, approver=None, statement=None, valid_until=None)
    return replace(case, pending=unsigned, sent_back=(*others, word)), (Notify("interior"),)


def _send(case: Case, event: Event, now: datetime) -> Change:
    pending = pending_of(case)
    left = case.remark is not None and "remark" in value_of(pending)
    remark = replace(case.remark, sent=True) if case.remark is not None and left else case.remark
    return replace(case, pending=None, remark=remark), (Send(pending.type, pending.body),)


def _receipt(case: Case, event: Event, now: datetime) -> Change:
    case = case.with_clocks(*event.data["clocks"])
    found = event.data["findings"]
    return (replace(case, findings=(*case.findings, *found)) if found else case), ()


def _not_accepted(case: Case, event: Event, now: datetime) -> Change:
    case = replace(case, said=event.data.get("said", case.said))
    if found := event.data.get("found"):
        return case.with_found(found), (Notify("interior"),)
    found = REFUSED_AS % {"code": event.data["code"]}  # each of several that are refused
    return replace(case, findings=(*case.findings, found)), (Notify("interior"),)


def _extension_not_accepted(case: Case, event: Event, now: datetime) -> Change:
    """Take back what the extension changed when it was handed in: the end of the time, and the day told for it."""
    case = case.with_clocks(*event.data.get("clocks", ()))
    told = case.delay is not None and bool(case.delay.get("extension"))
    return _not_accepted(replace(case, delay=None) if told else case, event, now)


def _undelivered(case: Case, event: Event, now: datetime) -> Change:
    asked = case.side is Side.REQUESTED
    # The other State goes by what was wrong, or keeps it; what is owed to it its own desk asks for.
    mute = AFTER_WITHDRAWAL - {CONFIRMATION} if asked and case.state not in CONCLUDED else AFTER_WITHDRAWAL
    # Nor does the State that awaits the person hear of a plan, or that it is called off.
    unheard = {WITHDRAWAL, *mute} if asked else {WITHDRAWAL, SCHEDULE, *mute}
    # Where we ask, what waits behind it is taken out with it, and nobody looks into a case that is over.
    gone = {event.data.get("type"), *event.data.get("behind", ())}
    lost = {event.data.get("type")} if asked else gone
    # The other State goes on, or will until it hears of the stop. A freeze of who asks is told to nobody.
    unstopped = SUSPENSION in gone and event.data.get("held") in (S.SUSPENDED, *((S.FROZEN,) if asked else ()))
    if lost & unheard or unstopped:
        case = case.with_found(NOT_TOLD)  # it works on it, awaits somebody, or keeps it
    if not asked and (case.state is S.WITHDRAWN or case.withdraws_at is not None):
        return case, (Notify("interior"),)  # the withdrawal itself, or before it; the thread has ended already
    # What stops or takes data back is heard all the same where we are asked: it moves up to the lost number (M-5.10).
    kept = STILL_SAID if asked else frozenset()
    return case, (DropUnsent(kept), EndThread("undelivered"), Notify("interior"))


REFUSED_AS = "not accepted: %(code)s"
"""Finding on a case whose message the other gateway refused."""

CORRECTED_HERE = (
    "%(part)s: the record was set right here alone; if what was wrong was sent, the other State is still to be told"
)
"""
Finding on a case of which a part was corrected while it stood still, and nothing said so: a correction reaches who got
it, and each part has its own.
"""

ANSWERED_LATE = "the answer came after the case was closed; it is kept until the case is erased"
"""Finding on a case that was closed without an answer, and got one after all."""

ANSWERED_WRONGLY = "an answer came after the case was closed, and the rules do not let it be kept"
"""Finding on such a case if the answer is one that would have been refused before: a person asks anew."""


def _waits_still(case: Case) -> bool:
    """Return whether a case was closed, not withdrawn, and holds no answer: the first that comes is not lost (R-11)."""
    return case.state is S.CLOSED and case.withdraws_at is None and case.reply is None


def _answered_late(case: Case, event: Event, now: datetime) -> Change:
    """Keep the first answer to what was closed unanswered, if it would have been taken where it was open."""
    if any(guard(case, event, now) for guard in (GUARDS["rules_receive"], GUARDS["attested"])):
        return case.with_found(ANSWERED_WRONGLY), (Notify("interior"),)
    kept = replace(case, reply=event.data["body"], reply_digest=event.data.get("digest"))
    kept = kept.with_clocks(*event.data.get("clocks", ()))
    return replace(kept, findings=(*case.findings, ANSWERED_LATE)), (Notify("interior"),)


def _arrive(case: Case, event: Event, now: datetime) -> Change:
    """Take in a message of the other State."""
    if event.name in ("delay", "extension"):
        case = replace(case, delays=case.delays + 1)
    if event.name == "reply" and _waits_still(case):
        return _answered_late(case, event, now)
    if case.state in (S.WITHDRAWN, S.CLOSED, S.NOT_RETURNED):
        return case, ()
    body = event.data["body"]
    case = case.with_clocks(*event.data.get("clocks", ()))
    match event.name:
        case "question":
            case = replace(case, asked=tuple(body["elements"]), pending=None)
        case "interview":
            case = replace(case, interview={"proposal": body}, pending=None)
        case "interview_answer":
            case = replace(case, interview={**(case.interview or {}), "answer": body})
        case "interview_result":
            case = replace(case, interview={**(case.interview or {}), "result": body})
        case "delay" | "extension":
            case = replace(case, delay=body)
        case "reply":
            case = replace(case, reply=body, reply_digest=event.data.get("digest"))
        case "elements" if case.received is not None:
            merged = {**case.received["elements"], **body["elements"]}
            # The remark of the request stays what it is: one more comes beside it.
            more = {FURTHER_REMARK: body["remark"]} if "remark" in body else {}
            # What was prepared, and signed, without them may be wrong now: the person may be found by them.
            under = with_further(case.received, body.get("handling"))
            case = replace(case, received={**under, **more, "elements": merged}, pending=None)
        case "contest":
            case = replace(case, contests=case.contests + 1)
        case "reminder":
            case = replace(case, reminders=case.reminders + 1)
        case _:
            pass
    return case, (Notify("interior"),)


def _resume_to(case: Case) -> State:
    if case.resume_to is None:
        raise IllegalStep(case.state, "resume", "")
    return case.resume_to


def _withdrawn(case: Case, event: Event, now: datetime) -> Change:
    # What takes data back follows a withdrawal, whoever says it: nobody here would say it again. One that is said once
    # more to who may have forgotten it (decision 0046) is no news to who did not.
    told = () if case.state is State.WITHDRAWN else (Notify("interior"),)
    return replace(case, pending=None), (DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn"), *told)


def _contest(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, contests=case.contests + 1), (Send(CONTEST, event.data["body"]),)


def _contested(case: Case, event: Event, now: datetime) -> Change:
    """
    The same event name on both sides: a body of our own leaves, a body of theirs arrives.

    A notice of delay was one of the first look: of the second nothing was said yet (R-11).
    """
    clock = case.clock("reply")
    case = replace(case, answered=clock.evidence if clock else None, delay=None)
    return _contest(case, event, now) if case.side is Side.REQUESTING else _arrive(case, event, now)


def _interviewed(case: Case, event: Event, now: datetime) -> Change:
    """As with a contest: on one side it leaves, on the other it arrives."""
    if case.side is Side.REQUESTED:
        return _arrive(case, event, now)
    answer = value_of(pending_of(case))
    return _send(replace(case, interview={**(case.interview or {}), "answer": answer}), event, now)


def _decline_interview(case: Case, event: Event, now: datetime) -> Change:
    declined = replace(case, interview={**(case.interview or {}), "answer": body_of(event)}, pending=None)
    return declined, (Send(INTERVIEW_ANSWER, event.data["body"]),)


def _ask_interview(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, interview={"proposal": body_of(event)}), (Send(INTERVIEW, event.data["body"]),)


def _report_interview(case: Case, event: Event, now: datetime) -> Change:
    reported = replace(case, interview={**(case.interview or {}), "result": body_of(event)})
    return reported, (Send(INTERVIEW_RESULT, event.data["body"]),)


def _remind(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, reminders=case.reminders + 1), (Send(REMINDER, event.data["body"]),)


def with_holder(case: Case, actor: str, role: str) -> tuple[tuple[str, str], ...]:
    """Return who holds the case once ``actor`` stops it in ``role``: who did so last stands last."""
    return (*(holder for holder in case.holders if holder != (actor, role)), (actor, role))


def _freeze(case: Case, event: Event, now: datetime) -> Change:
    draft = event.data.get("draft")
    case = replace(case, draft=draft) if draft is not None else case
    reason = event.data["reason"]
    case = replace(case, holders=with_holder(case, event.actor, event.role))
    if case.state in (S.FROZEN, S.WITHDRAWN):
        return replace(case, freeze_reason=f"{case.freeze_reason}\n{reason}", released=False, resume_proposer=None), ()
    at = _resume_to(case) if case.state is S.SUSPENDED else case.state
    resume_to = S(event.data["undo"]) if event.data.get("undo") else at
    if at is S.CONTESTED and resume_to is S.REPLIED:
        case = replace(case, contests=case.contests - 1)  # the objection never left, so it may still be made
    if resume_to is not at and resume_to is S.ACKNOWLEDGED and case.contests:
        resume_to = S.CONTESTED  # the answer to a second look, or what it asks, never left, and that is asked for still
    if resume_to is S.CLEARED:
        resume_to = S.DRAFT  # the approval did not know what stopped the case; it is given anew
    frozen = replace(
        case,
        resume_to=resume_to,
        freeze_reason=reason,
        released=False,
        resume_proposer=None,
        pending=None,
    )
    return frozen, (DropUnsent(), Notify("interior"))


def _looked_at_anew(case: Case) -> Case:
    """Return the case without a proposal that it goes on: whoever made that had seen another record (V-01)."""
    return replace(case, resume_proposer=None)


def _correct(case: Case, event: Event, now: datetime) -> Change:
    """
    Replace what is known of the person and nothing else of the record; a wrong entry counts for nothing any more.

    What was rectified before is kept but for the elements that are corrected: the others are known elsewhere still.
    """
    known, right = (case.draft or {})["elements"], event.data["elements"]
    corrected = {name for name in FOUND_BY if known.get(name) != right.get(name)}
    now_right = {name: right[name] for name in corrected if name in right}
    kept = [{name: part for name, part in one.items() if name not in corrected} | now_right for one in case.former]
    draft = {**(case.draft or {}), "elements": right}
    if event.data.get("posted"):
        wrong = elements_in(name for name in known if known[name] != right.get(name))
        case = case.with_found(*(CORRECTED_HERE % {"part": part} for part in sorted(wrong)))
    return _looked_at_anew(replace(case, draft=draft, former=tuple(kept), renditions=drawn(draft, case.renditions))), ()


def _attest(case: Case, event: Event, now: datetime) -> Change:
    return _looked_at_anew(replace(case, draft={**(case.draft or {}), "asylum": event.data["asylum"]})), ()


def _restate(case: Case, event: Event, now: datetime) -> Change:
    """Replace what is recorded of age and guardian, and keep what stood."""
    before, anew = case.draft or {}, restated(event.data)
    elements = before["elements"]
    if anew["representative"] != before["representative"]:
        # Under this name a draft may carry a reference itself, which must not leave in place of the one that ended.
        elements = {name: part for name, part in elements.items() if name != "representative_ref"}
    draft = {**before, **anew, "elements": elements}
    earlier = (*case.earlier, {**restated(before), "until": format_instant(now)})
    return _looked_at_anew(replace(case, draft=draft, earlier=earlier, pending=None)), (Notify("interior"),)


def _release(case: Case, event: Event, now: datetime) -> Change:
    gone = let_go_by(case, event.actor, event.role, event.data.get("left", ()))
    holders = tuple(holder for holder in case.holders if holder not in gone)
    return replace(case, holders=holders, released=not holders), (Notify("interior"),)


def _propose_resume(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, resume_proposer=event.actor), ()


def _resume(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, freeze_reason=None, released=False, resume_proposer=None, resume_to=None), ()


def next_full_hour(now: datetime) -> datetime:
    """Return the first full hour after ``now``: every withdrawal leaves then, so its time tells nothing."""
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def untold(case: Case, at: State | None, now: datetime) -> Case:
    """Return ``case`` as one that answers as in ``at`` until the full hour at which a withdrawal may leave."""
    return replace(case, withdraws_at=next_full_hour(now).isoformat(), answers_as=at)


def _withdraw(case: Case, event: Event, now: datetime) -> Change:
    # What may follow a withdrawal takes data back, and is not dropped by it.
    if case.withdraws_at is not None:
        # A return that was declined: a second withdrawal would tell that the case was stopped since.
        return replace(case, pending=None), (DropUnsent(AFTER_WITHDRAWAL),)
    effects: list[Effect] = [DropUnsent(AFTER_WITHDRAWAL), EndThread("withdrawn")]
    if event.data["posted"]:
        effects.append(Send(WITHDRAWAL, WITHDRAWAL_BODY, next_full_hour(now)))
    return untold(replace(case, pending=None), case.resume_to, now), tuple(effects)


ASKS_FURTHER = frozenset({ELEMENTS, INTERVIEW_ANSWER, CONTEST, REMINDER})
"""What the asking State says in a verification after the request: each tells something, or presses."""


def _close(case: Case, event: Event, now: datetime) -> Change:
    """
    Put the case away; what waited while it was suspended was to wait, and nobody lets it go on (R-02).

    Nor does anybody wait any more for the answer to an objection that has not left. What became of data a person may
    ask anew, on either side.
    """
    if case.state not in (S.SUSPENDED, S.CONTESTED):
        return case, ()
    asks = ASKS_FURTHER | ASKS_OF_DATA if case.state is S.SUSPENDED else ASKS_FURTHER
    return case, (DropUnsent(frozenset(TYPES) - asks),)


def _say(type: str) -> Apply:
    def apply(case: Case, event: Event, now: datetime) -> Change:
        return case.with_clocks(*event.data.get("clocks", ())), (Send(type, event.data["body"]),)

    return apply


def _delay(case: Case, event: Event, now: datetime) -> Change:
    """Say that it takes longer, and remember until when: the next notice is due after that day (R-11)."""
    said = replace(case, delay=body_of(event), delays=case.delays + 1)
    return _say(DELAY)(said, event, now)


def _acknowledge(case: Case, event: Event, now: datetime) -> Change:
    """Whoever takes a request up is in charge of it from then on."""
    return _say(ACKNOWLEDGEMENT)(replace(case, officer=event.actor), event, now)


def _ask(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, asked=tuple(event.data["asked"])), (Send(QUESTION, event.data["body"]),)


def _answer(case: Case, event: Event, now: datetime) -> Change:
    pending = pending_of(case)
    statements = (pending.statement,) if pending.statement and value_of(pending)["outcome"] in NEGATIVE_OUTCOMES else ()
    return replace(case, pending=None, reply=value_of(pending)), (Send(REPLY, pending.body, None, statements),)


APPLIES = {
    "amend": _amend,
    "remark": _remark,
    "confirm_remark": _confirm_remark,
    "attach": _attach,
    "prepare": _prepare,
    "approve": _sign,
    "send_back": _send_back,
    "countersign": _sign,
    "send": _send,
    "interview_answer": _interviewed,
    "decline_interview": _decline_interview,
    "redirection": _arrive,
    "interview": _arrive,
    "interview_result": _arrive,
    "redirect": _say(REDIRECT),
    "ask_interview": _ask_interview,
    "report_interview": _report_interview,
    "receipt": _receipt,
    "not_accepted": _not_accepted,
    **dict.fromkeys(UNANSWERED_BY, _not_accepted),
    "extension_not_accepted": _extension_not_accepted,
    "undelivered": _undelivered,
    "acknowledgement": _arrive,
    "question": _arrive,
    "delay": _arrive,
    "extension": _arrive,
    "reply": _arrive,
    "elements": _arrive,
    "contest": _contested,
    "reminder": _arrive,
    "withdrawal": _withdrawn,
    "remind": _remind,
    "freeze": _freeze,
    "correct": _correct,
    "attest": _attest,
    "restate": _restate,
    "release": _release,
    "propose_resume": _propose_resume,
    "resume": _resume,
    "withdraw": _withdraw,
    "close": _close,
    "acknowledge": _acknowledge,
    "notify_delay": _delay,
    "extend": _delay,
    "ask": _ask,
    "answer": _answer,
}
