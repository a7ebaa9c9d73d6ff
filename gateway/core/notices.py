"""
What may be said about data after it was sent: what became of it, may it be passed on, it was wrong, destroy it.

Rule 1: a question, a demand and their answers leave the state of a case as it is; only destroying our copy closes it.
Rule 2: no answer is no. Data is used for another purpose only while a yes of the State that sent it lasts.
Rule 3: what may follow a withdrawal (``messages.AFTER_WITHDRAWAL``) brings nothing new about the person: values that
replace wrong ones travel only while a request may travel, approved by two persons like a request.
Rule 4: a confirmation of erasure leaves in the very step that destroys the copy, so none is given for less.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from gateway.core.age import born_a_minor
from gateway.core.case import CONCLUDED, HELD, PARTNER, Case, Notice, Side, State, replace
from gateway.core.facts import Finding
from gateway.core.machine import KEEP, STAY, Apply, Effect, Event, Guard, Notify, Row, Send
from gateway.core.messages import (
    CONFIRMATION,
    ERASURE,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    PROPOSAL,
    RECTIFICATION,
    REPLY,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
    USE_ANSWER,
    USE_REQUEST,
)
from gateway.core.minimise import disclose, members_of
from gateway.core.person_keys import FOUND_BY
from gateway.core.return_changes import REPORTED, TO_BE_TAKEN_BACK
from gateway.core.return_guards import may_come
from gateway.core.returns import CALLED_OR_AWAY
from gateway.core.reuse import Grant, with_further
from gateway.core.verification_changes import CORRECTED_HERE
from schemas import ijson

Change = tuple[Case, tuple[Effect, ...]]

_PARTNER = frozenset({PARTNER})
_DPO = frozenset({"dpo"})
_OFFICER = frozenset({"case_officer", "liaison_officer"}) | _DPO
_CLERK = frozenset({"registry_clerk", "desk_head"}) | _DPO

REPLY_PART = "REPLY"

UNANSWERED_MAX: Mapping[str, int] = {USE_REQUEST: 16, ONWARD_REQUEST: 16, RECTIFICATION: 64, ERASURE: 64}
"""How many of a kind by the other State may wait for our answer in a thread (M-5.39); more of what sets data right."""

_NEVER_THERE = frozenset({State.DRAFT, State.CLEARED, State.NOT_ACCEPTED, State.ERASED})
"""States in which the other State holds nothing of ours, and one in which nothing is left here."""
_TRAVELLING = frozenset({State.DEPARTED, State.RECALL})

_MUTE = frozenset({*HELD, State.SENT, State.UNDELIVERED})
"""States in which we hear, and say nothing of our own: stopped, or a message of ours has not arrived."""
_NO_CORRECTION = CONCLUDED | _TRAVELLING | {State.NEEDS_TIER2}
"""States in which no right value leaves: an open question asks for it anyway, and what is over needs none."""
_DESTROYING = frozenset(
    {State.REPLIED, State.REDIRECTED, State.WITHDRAWN, State.CLOSED, State.NOT_RETURNED}
    | {State.CLOSED_SAFE, State.CLOSED_CONCERN, State.LOST_CONTACT}
)
"""States in which a copy may be destroyed: nobody is on the way and nothing is under work."""


def _rows(
    sources: Collection[State], event: str, who: frozenset[str], guards: tuple[str, ...], evidence: str = "message"
) -> tuple[Row, ...]:
    return tuple(Row(source, event, STAY, who, guards, evidence) for source in sources)


def _hears(sources: Collection[State], event: str, guards: tuple[str, ...]) -> tuple[Row, ...]:
    """Return the rows of what the other State says; where the case is stopped, the row of where it was decides."""
    # Where a case is stopped, what arrives is judged by where it was (M-5.30): that may be where nothing is there.
    stopped = tuple(Row(source, event, KEEP, _PARTNER, (), "message") for source in sources if source in HELD)
    return (*_rows([source for source in sources if source not in HELD], event, _PARTNER, guards), *stopped)


def rows(side: Side, states: Collection[State]) -> tuple[Row, ...]:
    """Return the rows of ``side`` in those of ``states``, the states that its tables know, where they belong."""
    asking = side is Side.REQUESTING
    hearing = [state for state in State if state in states and state not in _NEVER_THERE]
    speaking = [state for state in hearing if state not in _MUTE]
    working = [state for state in speaking if state not in CONCLUDED or state is State.CLOSED]
    return (
        *_heard(hearing if asking else [state for state in hearing if state is not State.WITHDRAWN], hearing),
        *_said(side, speaking, working),
        *(_corrected([state for state in working if state not in _NO_CORRECTION]) if asking else ()),
        *_destroyed(side, [state for state in speaking if state in _DESTROYING], ("erasure_asked",)),
        *(() if asking else _confirmed_behind_what_was_lost()),
    )


def _confirmed_behind_what_was_lost() -> tuple[Row, ...]:
    """Return what the asked side owes, and is heard, where a message of its own was lost for good (M-5.10)."""
    lost = (State.UNDELIVERED,)
    return (
        *_rows(lost, "confirm", _CLERK, ("was_asked",)),
        *_destroyed(Side.REQUESTED, lost, ("erasure_asked", "nobody_comes")),
    )


def _heard(questions: Collection[State], demands: Collection[State]) -> tuple[Row, ...]:
    """Return what the other State may say; after a withdrawal of its own, only what may follow one."""
    return (
        *_hears(questions, "use_request", ("fresh_number",)),
        *_hears(questions, "use_answer", ("asked_before",)),
        *_hears(questions, "onward_request", ("fresh_number",)),
        *_hears(questions, "onward_answer", ("asked_before",)),
        *_hears(demands, "rectification", ("fresh_number", "nothing_new")),
        *_hears(demands, "erasure", ("fresh_number",)),
        *_hears(demands, "confirmation", ("asked_before",)),
    )


def _said(side: Side, speaking: Collection[State], working: Collection[State]) -> tuple[Row, ...]:
    desk = _OFFICER if side is Side.REQUESTING else _CLERK
    return (
        *_rows(working, "ask_use", desk, ("rules_send",)),
        *_rows(working, "report_use", desk, ("was_asked", "rules_send")),
        *_rows(working, "ask_onward", desk, ("rules_send",)),
        *_rows(working, "answer_onward", _head(side) | {"child_welfare"}, ("was_asked", "rules_send")),
        *_rows(speaking, "strike", desk, ("was_sent", "posted")),
        *_rows(speaking, "demand_erasure", desk, ("posted",)),
        *_rows(speaking, "confirm", desk, ("was_asked",)),
    )


def _corrected(states: Collection[State]) -> tuple[Row, ...]:
    signed = ("two_persons", "same_bytes", "correction_only", "rules_send")
    return (
        *_rows(states, "prepare_rectification", _OFFICER - _DPO, ("was_sent",), "body digest"),
        *_rows(states, "rectify", frozenset({"liaison_officer"}), signed, "approval statement"),
    )


def _destroyed(side: Side, states: Collection[State], guards: tuple[str, ...]) -> tuple[Row, ...]:
    """Return how a copy ends: the whole case on the side that was asked; what came in reply on the side that asked."""
    target = State.CLOSED if side is Side.REQUESTING else State.ERASED
    who = _head(side) | _DPO
    return tuple(Row(state, "destroy", target, who, guards, "erased key id") for state in states)


def _head(side: Side) -> frozenset[str]:
    return frozenset({"liaison_officer"} if side is Side.REQUESTING else {"desk_head"})


# Looking things up.


def last_number(case: Case, kind: str, *, ours: bool) -> int:
    """Return the highest number of a question or demand of ``kind`` that one side has sent in the thread, or 0."""
    return max((one.number for one in case.notices if one.kind == kind and one.ours is ours), default=0)


def find(case: Case, kind: str, number: int, *, ours: bool) -> Notice | None:
    """Find the question or demand ``number`` of ``kind`` that one side has sent."""
    found = (one for one in case.notices if one.kind == kind and one.ours is ours and one.number == number)
    return next(found, None)


def grants(case: Case) -> tuple[Grant, ...]:
    """
    Return each yes of the other State to another use of what it sent: purpose, body and last day.

    Silence is no, a refusal is no, and a later refusal ends an earlier yes (Palermo Protocol Article 10(3), M-3.19).
    """
    return tuple(
        Grant(one.body["purpose"], one.body["recipient"], date.fromisoformat(one.answer["until"]))
        for one in case.notices
        if one.kind == ONWARD_REQUEST and one.ours and one.answer is not None and one.answer["decision"] == "GRANTED"
    )


def open_demands(case: Case) -> tuple[Notice, ...]:
    """Return the rectifications and erasures of ours that the other State has not confirmed (rule R-16)."""
    return tuple(
        one for one in case.notices if one.ours and one.kind in (RECTIFICATION, ERASURE) and one.answer is None
    )


def unanswered(case: Case) -> tuple[Notice, ...]:
    """Return what the other State asked or demanded and we have not answered."""
    return tuple(one for one in case.notices if not one.ours and one.answer is None)


# Guards.


def _found(rule: str, because: str) -> tuple[Finding, ...]:
    return (Finding(rule, because),)


_QUESTION_OF: Mapping[str, str] = {
    "use_answer": USE_REQUEST,
    "report_use": USE_REQUEST,
    "onward_answer": ONWARD_REQUEST,
    "answer_onward": ONWARD_REQUEST,
}


def _question(event: Event) -> tuple[str, int]:
    """Return what an answer answers: kind and number."""
    value = event.data["value"]
    if "act" in value:
        return (RECTIFICATION if value["act"] == "RECTIFICATION" else ERASURE), value["number"]
    return _QUESTION_OF[event.name], value["number"]


_KIND_OF: Mapping[str, str] = {
    "use_request": USE_REQUEST,
    "onward_request": ONWARD_REQUEST,
    "rectification": RECTIFICATION,
    "erasure": ERASURE,
}


def _fresh_number(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    kind = _KIND_OF[event.name]
    # A number may be left out: a message that a freeze took back had one too.
    if event.data["value"]["number"] <= last_number(case, kind, ours=False):
        return _found("V-10", "this number was used before")
    # Each makes the case longer and asks something of a desk: no partner has a person answer without end.
    if sum(one.kind == kind for one in unanswered(case)) >= UNANSWERED_MAX[kind]:
        return _found("V-10", "as many of this kind as a thread takes wait for their answer")
    return ()


def _asked_before(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    kind, number = _question(event)
    return () if find(case, kind, number, ours=True) else _found("V-11", "it answers nothing that we sent")


def _was_asked(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    kind, number = _question(event)
    one = find(case, kind, number, ours=False)
    if one is None:
        return _found("V-11", "the other State did not send what this answers")
    if kind == ERASURE and one.answer is None:  # M-3.21
        return _found("R-16", "an erasure is confirmed by the step that destroys the copy, and not before")
    return ()


def _sent_by(asking: bool, parts: Collection[str]) -> bool:
    """Return whether ``parts`` are of what that side sends: the asking one elements, the asked one its reply."""
    return REPLY_PART not in parts if asking else set(parts) == {REPLY_PART}


def _nothing_new(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """A rectification is of what its sender sent, replaces what was there, and after a withdrawal nothing (M-3.20)."""
    value = event.data["value"]
    if not _sent_by(case.side is Side.REQUESTED, value["parts"]):
        return _found("R-16", "a State takes back what it sent itself, and nothing of ours")
    if value["elements"] is None:
        return ()
    held = (case.received or {}).get("elements", {})
    if case.side is Side.REQUESTING or case.state in CONCLUDED:
        return _found("R-16", "no value may come here; what is wrong is destroyed")
    if not set(value["elements"]) <= set(held) & members_of(value["parts"]):
        return _found("R-16", "a rectification brings no element that was not sent before and is not named in it")
    return ()


def _was_sent(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    """We correct what we ourselves sent: elements on the asking side, the reply on the other."""
    ours = _sent_by(case.side is Side.REQUESTING, event.data["value"]["parts"])
    return () if ours else _found("R-16", "a State corrects what it sent itself")


def _posted(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    # Whoever never got anything must not learn that there was anything (M-5.25).
    return () if event.data["posted"] else _found("V-12", "nothing of this case was ever posted")


def _correction_only(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    value = event.data["value"]
    if case.draft is None or value["elements"] is None:
        return _found("R-16", "there is no value to send, or no file to compare it with")
    if case.withdraws_at is not None:  # also where a return was declined: the other State is told that it is over
        return _found("R-16", "after a withdrawal no value leaves; say what was wrong instead")
    # What was asked for says nothing: one question follows another, and a reply may come before an answer to the last.
    sent = {*disclose(case.draft, case.purpose).elements, *event.data["sent"]}
    if not set(value["elements"]) <= sent & members_of(value["parts"]):
        return _found("R-16", "only elements that were sent before, and that are named in it, are corrected")
    return ()


def _erasure_asked(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    one = find(case, ERASURE, event.data["value"]["number"], ours=False)
    return () if one is not None else _found("R-16", "the other State has not asked for it")


def _nobody_comes(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    because = "somebody may come by what was said before a message was lost; the other State withdraws first"
    return _found("V-45", because) if may_come(case) else ()


GUARDS: Mapping[str, Guard] = {
    "fresh_number": _fresh_number,
    "asked_before": _asked_before,
    "was_asked": _was_asked,
    "nothing_new": _nothing_new,
    "was_sent": _was_sent,
    "posted": _posted,
    "correction_only": _correction_only,
    "erasure_asked": _erasure_asked,
    "nobody_comes": _nobody_comes,
}


# What each event changes.


def _noted(case: Case, kind: str, event: Event, now: datetime, *, ours: bool) -> Case:
    value = event.data["value"]
    # A value that replaces a wrong one stands in the file; it is not kept a second time.
    kept = {name: part for name, part in value.items() if name not in ("elements", "handling")}
    made = Notice(kind, ours, value["number"], now.date().isoformat(), kept)
    return replace(case, notices=(*case.notices, made))


def _answered(case: Case, event: Event, *, ours: bool) -> Case:
    kind, number = _question(event)
    return replace(
        case,
        notices=tuple(
            replace(one, answer=event.data["value"])
            if (one.kind, one.number, one.ours) == (kind, number, ours)
            else one
            for one in case.notices
        ),
    )


def unsaid(case: Case, type: str, value: Mapping[str, Any]) -> Case:
    """Return the case in which ``value``, our last answer of ``type``, was not heard: what it answers waits for one."""
    kind, number = _question(Event(TYPES[type].event, "", "", {"value": value}))
    notices = (
        replace(one, answer=None)
        if (one.kind, one.number, one.ours, one.answer) == (kind, number, False, value)
        else one
        for one in case.notices
    )
    return replace(case, notices=tuple(notices))


def _ask(kind: str) -> Apply:
    def apply(case: Case, event: Event, now: datetime) -> Change:
        return _noted(case, kind, event, now, ours=True), (Send(kind, event.data["body"]),)

    return apply


def _reply(kind: str) -> Apply:
    def apply(case: Case, event: Event, now: datetime) -> Change:
        return _answered(case, event, ours=False), (Send(kind, event.data["body"]),)

    return apply


def _hear(kind: str) -> Apply:
    def apply(case: Case, event: Event, now: datetime) -> Change:
        return _noted(case, kind, event, now, ours=False), (Notify("interior"),)

    return apply


def _heard_answer(case: Case, event: Event, now: datetime) -> Change:
    return _answered(case, event, ours=True), (Notify("interior"),)


def _rectified(case: Case, event: Event, now: datetime) -> Change:
    """
    Strike what was wrong from our file at once; what a person must do elsewhere is confirmed afterwards.

    Who had proposed that a stopped case goes on had seen what was wrong, so that is proposed anew (V-01).
    """
    value = event.data["value"]
    case = replace(_noted(case, RECTIFICATION, event, now, ours=False), resume_proposer=None)
    if REPLY_PART in value["parts"]:
        # A reply that was wrong is none: nothing may rest on it any more.
        case = _found_of_who_left(replace(case, reply=None, reply_digest=None), TAKEN_BACK_LATE)
        return case, (Notify("interior"),)
    if case.received is not None:
        wrong = members_of(value["parts"])
        kept = {name: part for name, part in case.received.get("elements", {}).items() if name not in wrong}
        under = with_further(case.received, value["handling"])
        right = {**kept, **(value["elements"] or {})}
        case = replace(case, received={**under, "elements": right})
        case = replace(case, said={type: _without(body, wrong) for type, body in case.said.items()})
        if case.pending is not None and case.pending.type == REPLY:
            case = replace(case, pending=None)  # it was prepared, and signed, on what was wrong
        if born_a_minor(right, now.date()) and not case.said.get(PROPOSAL, {}).get("represented"):
            case = _found_of_who_left(case, MINOR_LATE)
    return case, (Notify("interior"),)


TAKEN_BACK_LATE = "the other State took its reply back when the person had left; speak to it, and call back if need be"
"""Finding on a case whose person is with, or on the way to, a State that does not say any more that it confirms her."""

MINOR_LATE = (
    "by the date of birth that was set right who came as an adult is a minor; tell the authority in charge of minors"
)
"""Finding on a case in which no authority for minors had a say before the person left."""


def _found_of_who_left(case: Case, found: str) -> Case:
    """Return the case with ``found`` among its findings, once, if the person has left: no step is held by it then."""
    return case.with_found(found) if case.state in CALLED_OR_AWAY else case


def _without(body: Mapping[str, Any], wrong: Collection[str]) -> Mapping[str, Any]:
    """Return a body of a return without the elements in ``wrong``; a request for a document may have brought some."""
    if not body.get("elements"):
        return body
    return {**body, "elements": {name: part for name, part in body["elements"].items() if name not in wrong}}


def _prepare_rectification(case: Case, event: Event, now: datetime) -> Change:
    return replace(case, pending=event.data["pending"]), ()


def _told(case: Case, parts: Collection[str]) -> Case:
    """Return the case without the findings that ``parts`` were corrected here alone; of any other it is still so."""
    told = {CORRECTED_HERE % {"part": part} for part in parts}
    return replace(case, findings=tuple(found for found in case.findings if found not in told))


def _rectify(case: Case, event: Event, now: datetime) -> Change:
    """
    Send the body that was prepared, and correct our own file by the same values.

    What the person is found by is kept as it was: a wrong name still leads to her other cases, and to who else got it.
    """
    value, draft = event.data["value"], case.draft or {}
    case = _told(_noted(case, RECTIFICATION, event, now, ours=True), value["parts"])
    before = {name: part for name, part in draft["elements"].items() if name in FOUND_BY}
    right = {**draft, "elements": {**draft["elements"], **value["elements"]}}
    if any(right["elements"][name] != part for name, part in before.items()):
        case = replace(case, former=(*case.former, before))
    case = replace(case, pending=None, draft=right)
    return case, (Send(RECTIFICATION, event.data["body"]),)


def struck_reply(case: Case, now: datetime) -> tuple[Case, tuple[Send, ...]]:
    """Return the case after its reply was taken back by the gateway itself, and the message that says so (M-3.20)."""
    number = last_number(case, RECTIFICATION, ours=True) + 1
    value = {"number": number, "parts": [REPLY_PART], "handling": None, "elements": None}
    body = ijson.dumps(value).decode()
    struck, _ = _struck(case, Event("strike", "", "gateway", {"value": value, "body": body}), now)
    return struck, (Send(RECTIFICATION, body, optional=True),)


def strike_again(case: Case) -> Send | None:
    """Return the message by which our reply was taken back last, ``None`` where that was heard, or never was."""
    ours = [one for one in case.notices if one.ours and one.kind == RECTIFICATION]
    if not ours or ours[-1].answer is not None or REPLY_PART not in ours[-1].body["parts"]:
        return None
    value = {**ours[-1].body, "handling": None, "elements": None}
    return Send(RECTIFICATION, ijson.dumps(value).decode(), optional=True)


def corrected_again(case: Case, value: Mapping[str, Any], now: datetime) -> tuple[Case, Mapping[str, Any]]:
    """Return the case by which ``value``, a correction of ours, is said under the next number, and that body."""
    again = {**value, "number": last_number(case, RECTIFICATION, ours=True) + 1}
    return _noted(case, RECTIFICATION, Event("strike", "", "gateway", {"value": again}), now, ours=True), again


def _struck(case: Case, event: Event, now: datetime) -> Change:
    """Say that something of ours was wrong; a reply that we take back is no reply of ours any more."""
    case = _told(_noted(case, RECTIFICATION, event, now, ours=True), event.data["value"]["parts"])
    if REPLY_PART in event.data["value"]["parts"]:
        case = replace(case, reply=None, reply_digest=None)
    return case, (Send(RECTIFICATION, event.data["body"]),)


_REPORTS = tuple(found.partition("%")[0] for found in (REPORTED, TO_BE_TAKEN_BACK))
"""How the findings begin that repeat what the other State said of the person."""


def _is_our_stop(case: Case, type: str, body: Mapping[str, Any]) -> bool:
    """Return whether we said ``body``, that the return is stopped or the person called back: it may be said anew."""
    if type == TAKE_BACK:
        return TO_BE_TAKEN_BACK % {"day": body["by"], "reason": body["reason"]} not in case.findings
    return type == SUSPENSION


def _destroy(case: Case, event: Event, now: datetime) -> Change:
    """Let go of everything the other State sent, and confirm it; on the asked side the whole case goes with its key."""
    case = _answered(case, event, ours=False)
    told = {type: body for type, body in case.said.items() if _is_our_stop(case, type, body)}
    emptied = replace(case, received=None, reply=None, reply_digest=None, delay=None, pending=None, said=told)
    # What was proposed for an interview and came of it is theirs too, and so is what their authority signed.
    ours = tuple(release for release in case.releases if release.authority == "ours")
    findings = tuple(found for found in case.findings if not found.startswith(_REPORTS))
    emptied = replace(emptied, interview=None, releases=ours, findings=findings)
    return emptied, (Send(CONFIRMATION, event.data["body"]), Notify("interior"))


APPLIES: Mapping[str, Apply] = {
    "use_request": _hear(USE_REQUEST),
    "use_answer": _heard_answer,
    "onward_request": _hear(ONWARD_REQUEST),
    "onward_answer": _heard_answer,
    "rectification": _rectified,
    "erasure": _hear(ERASURE),
    "confirmation": _heard_answer,
    "ask_use": _ask(USE_REQUEST),
    "report_use": _reply(USE_ANSWER),
    "ask_onward": _ask(ONWARD_REQUEST),
    "answer_onward": _reply(ONWARD_ANSWER),
    "strike": _struck,
    "prepare_rectification": _prepare_rectification,
    "rectify": _rectify,
    "demand_erasure": _ask(ERASURE),
    "confirm": _reply(CONFIRMATION),
    "destroy": _destroy,
}
