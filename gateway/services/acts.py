"""
The steps a person takes in a case: each verb once, with the events it brings, who may, and what does it.

Rule 1: what a role may do is read from the state tables; a verb adds nothing to it.
Rule 2: personal content is shown for a justification only, and the look is recorded before it is shown (R-13).

The local API, the command line and the pages of the desks all take their steps through here.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.core.attachments import MEMBER_OF, NotRendered
from gateway.core.case import Pending, Remark, Side, State
from gateway.core.machine import RuleRefused
from gateway.core.messages import ACCEPTANCE, DOCUMENT, DOCUMENT_REQUEST, HANDOVER, MONITORING, REISSUE, SCHEDULE
from gateway.core.preview import Preview
from gateway.core.returns import CALLED_OR_AWAY, RETURN_STATES
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS, table_for
from gateway.core.verification import ANSWERING, MAY_TELL_APART, OFFICER
from gateway.services import clear, returning
from gateway.services.answer import Answer
from gateway.services.audience import READ_A_CASE, READ_A_RETURN
from gateway.services.clear import Clear
from gateway.services.context import Context, NotFound
from gateway.services.hold import Hold
from gateway.services.inquire import BoardRow, Inquiries
from gateway.services.notices import Notices
from gateway.services.remind import Reminder
from gateway.services.returning import Protocol, Returning
from keys import b64

DESK = READ_A_CASE
"""Roles that may see personal content, for a justification."""

LISTS = DESK | {"foreign_affairs", "child_welfare", "dpo"}
"""Roles that may see lists of cases, in which there is no identity. Others ask for a case they know of."""


@dataclass(frozen=True, slots=True)
class DeskServices:
    """
    What a desk takes its steps through.

    ``evidence(ref, person, role, why)`` returns the zip that proves a case, without personal content, and records the
    look itself.
    """

    context: Context
    clear: Clear
    answer: Answer
    hold: Hold
    notices: Notices
    returning: Returning
    reminder: Reminder
    inquiries: Inquiries
    evidence: Callable[[str, str, str, str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """
    One request that may be served: who acts in which role, on which case (empty: on none), with what body.

    ``seen`` is the mark of what they saw of it (``cases.mark``); ``None`` if the caller does not say.
    """

    person: str
    role: str
    ref: str
    body: Mapping[str, Any]
    seen: str | None = None


Act = Callable[[DeskServices, Call], Awaitable[Preview | Pending | Protocol | Remark | None]]


@dataclass(frozen=True, slots=True)
class Verb:
    """
    One step a person takes: the ``events`` of the state tables it may bring, on which sides, and what does it.

    ``only`` names the roles that may, where the gateway itself brings the event after persons have decided; empty, they
    are those of the tables. ``states`` names where an event that several verbs bring is this one's; empty, everywhere.
    ``compared`` says that it is taken only on what was seen: it replaces what is on record, or lets it count or leave.
    No step that stops anything is.
    """

    events: frozenset[str]
    sides: frozenset[Side]
    act: Act
    only: frozenset[str] = frozenset()
    states: frozenset[State] = frozenset()
    compared: bool = False

    def roles(self, side: Side) -> frozenset[str]:
        """Return every role that may bring one of its events on ``side``, in whatever state."""
        rows = REQUESTING_ROWS if side is Side.REQUESTING else REQUESTED_ROWS
        found = frozenset(role for row in rows if row.event in self.events for role in row.who)
        return found & self.only if self.only else found

    def anybody(self) -> frozenset[str]:
        """Return every role that may bring one of its events on some side."""
        return frozenset(role for side in self.sides for role in self.roles(side))


def _close(services: DeskServices, call: Call) -> Awaitable[None]:
    desk = services.clear if call.role in OFFICER else services.answer
    return desk.close(call.ref, call.person, call.role)


def _freeze(services: DeskServices, call: Call) -> Awaitable[None]:
    return services.hold.freeze(call.ref, call.body["reason"], call.person, call.role, call.body.get("protection"))


async def _tell_apart(services: DeskServices, call: Call) -> None:
    await services.hold.tell_apart(call.ref, call.body["why"], call.person, call.role)


def _correct(services: DeskServices, call: Call) -> Awaitable[None]:
    elements, why = call.body["elements"], call.body["why"]
    return services.hold.correct(call.ref, elements, why, call.person, call.role, seen=call.seen)


def _attest(services: DeskServices, call: Call) -> Awaitable[None]:
    return services.hold.attest(call.ref, call.body["protection"], call.body["why"], call.person, call.role)


def _restate(services: DeskServices, call: Call) -> Awaitable[None]:
    age, guardian, why = (call.body[name] for name in ("age", "representative", "why"))
    return services.hold.restate(call.ref, age, guardian, why, call.person, call.role, seen=call.seen)


def _ask(services: DeskServices, call: Call) -> Awaitable[None]:
    return services.answer.ask(call.ref, list(call.body["elements"]), call.body["candidates"], call.person, call.role)


def _delay(services: DeskServices, call: Call) -> Awaitable[None]:
    return services.answer.delay(call.ref, call.body["reason"], call.body["eta"], call.person, call.role)


def _redirect(services: DeskServices, call: Call) -> Awaitable[None]:
    named, reason = call.body["authority"]["id"], call.body["reason"]
    return services.answer.redirect(call.ref, named, reason, call.person, call.role)


def _prepare_interview(services: DeskServices, call: Call) -> Awaitable[Pending]:
    answer = {name: call.body[name] for name in ("present", "on")}
    return services.clear.prepare_interview(
        call.ref, answer, call.body["consent"], call.person, call.role, seen=call.seen
    )


def _ask_onward(services: DeskServices, call: Call) -> Awaitable[None]:
    purpose, recipient = call.body["purpose"], call.body["recipient"]
    return services.notices.ask_onward(call.ref, purpose, recipient, call.person, call.role)


def _answer_onward(services: DeskServices, call: Call) -> Awaitable[None]:
    number, until = call.body["number"], call.body["until"]
    return services.notices.answer_onward(call.ref, number, until, call.person, call.role)


def _rectify(services: DeskServices, call: Call) -> Awaitable[Pending]:
    parts, elements = call.body["parts"], call.body["elements"]
    return services.notices.prepare_rectification(call.ref, parts, elements, call.person, call.role, seen=call.seen)


def _confirm(services: DeskServices, call: Call) -> Awaitable[None]:
    number, result = call.body["number"], call.body["result"]
    return services.notices.confirm(call.ref, number, result, call.person, call.role)


async def _attach(services: DeskServices, call: Call) -> Preview | None:
    """Have an image drawn anew and bring it into the case; what is no base64url is no file either."""
    try:
        raw = b64.decode(call.body["content"])
    except ValueError:
        raise RuleRefused((NotRendered("file-kind").finding,)) from None
    member = MEMBER_OF[call.body["element"]]
    return await services.clear.images.attach(call.ref, member, raw, call.person, call.role, seen=call.seen)


def _detach(services: DeskServices, call: Call) -> Awaitable[Preview | None]:
    member = MEMBER_OF[call.body["element"]]
    return services.clear.images.detach(call.ref, member, call.person, call.role, seen=call.seen)


def _remark(services: DeskServices, call: Call) -> Awaitable[Remark | None]:
    return services.clear.remarks.write(call.ref, call.body["remark"], call.person, call.role, seen=call.seen)


def _confirm_remark(services: DeskServices, call: Call) -> Awaitable[Preview | None]:
    digest, text = call.body["digest"], call.body.get("text")
    return services.clear.remarks.confirm(call.ref, digest, text, call.person, call.role)


async def _approve(services: DeskServices, call: Call) -> None:
    """Approve what is prepared: of a verification, or of a return."""
    row = await services.inquiries.find_case(call.ref)
    desk = services.returning if row is not None and row.state in RETURN_STATES else services.clear
    await desk.approve(call.ref, call.body["statement"], call.person, call.role)


def _send_back(services: DeskServices, call: Call) -> Awaitable[None]:
    statement, reason, note = call.body["statement"], call.body["reason"], call.body.get("note")
    return services.clear.send_back(call.ref, statement, reason, note, call.person, call.role)


def _returning(
    act: Callable[[Returning, Mapping[str, Any]], Callable[..., Awaitable[Any]]], *names: str, compared: bool = False
) -> Act:
    """Return what takes a step of a return: the method that ``act`` names, with these members of the body."""

    async def step(services: DeskServices, call: Call) -> Preview | Pending | Protocol | None:
        given = [call.body[name] for name in names] if names != _WHOLE else [call.body]
        more = {"seen": call.seen} if compared else {}
        made: Pending | Protocol | None = await act(services.returning, call.body)(
            call.ref, *given, person=call.person, role=call.role, **more
        )
        return made

    return step


_WHOLE = ("",)
"""In place of members: the body itself."""

_ASKING = frozenset({Side.REQUESTING})
_ASKED = frozenset({Side.REQUESTED})
_BOTH = _ASKING | _ASKED


def _verb(
    events: str, sides: frozenset[Side], act: Act, states: frozenset[State] = frozenset(), *, compared: bool = False
) -> Verb:
    return Verb(frozenset(events.split()), sides, act, states=states, compared=compared)


def _of_what_was_seen(event: str, act: Callable[[Returning], Callable[..., Awaitable[Any]]], *names: str) -> Verb:
    """Return a step of the State that proposes a return, taken only on what was seen."""
    return _verb(event, _ASKING, _returning(lambda r, b: act(r), *names, compared=True), compared=True)


def _prepares(
    sides: frozenset[Side], state: State, act: Callable[[Returning], Callable[..., Awaitable[Any]]], *names: str
) -> Verb:
    """Return a step that prepares a message of a return in ``state``, in place of what was seen there."""
    taken = _returning(lambda r, b: act(r), *names, compared=True)
    return _verb("prepare", sides, taken, frozenset({state}), compared=True)


_OF_A_RETURN: Mapping[str, Verb] = {
    # The side that proposes.
    "consideration": _verb("consider", _ASKING, _returning(lambda r, b: r.consider, *_WHOLE)),
    "record": _of_what_was_seen("record", lambda r: r.record, *_WHOLE),
    "assessment": _of_what_was_seen("assess", lambda r: r.assess),
    "decline": _verb("decline", _ASKING, _returning(lambda r, b: r.decline)),
    "reassessment": _verb("reassess", _ASKING, _returning(lambda r, b: r.reassess)),
    "proposal": _prepares(_ASKING, State.ASSESSED, lambda r: r.prepare, *_WHOLE),
    "endorsement": _verb("endorse", _ASKING, _returning(lambda r, b: r.endorse, "statement")),
    "propose": _of_what_was_seen("propose", lambda r: r.propose),
    "decision": _of_what_was_seen("decide", lambda r: r.decide),
    "document": _prepares(_ASKING, State.DECIDED, lambda r: r.prepare_document, "needed_by"),
    "document-request": _of_what_was_seen("request_document", lambda r: r.request_document),
    "schedule": _of_what_was_seen("schedule", lambda r: r.schedule, *_WHOLE),
    "cancellation": _verb("cancel", _ASKING, _returning(lambda r, b: r.cancel)),
    "departure": _verb(
        "depart",
        _ASKING,
        _returning(lambda r, b: partial(r.depart, arrives_at=b.get("arrives_at"), left_at=b.get("left_at"))),
    ),
    "handover": _verb("hand_over", _ASKING, _returning(lambda r, b: r.hand_over, "protocol", "statement")),
    "returned": _verb("returned", _ASKING, _returning(lambda r, b: r.returned)),
    # Either side.
    "protocol": _verb("hand_over confirm_handover", _BOTH, _returning(lambda r, b: r.protocol, "protocol")),
    "recall": _verb(
        "recall",
        _BOTH,
        _returning(lambda r, b: partial(r.recall, protection=b.get("protection")), "reason", "code", "by"),
    ),
    "suspension": _verb("suspend", _BOTH, _returning(lambda r, b: r.suspend, "reason")),
    # The side that accepts.
    "acceptance": _prepares(_ASKED, State.PROPOSED, lambda r: r.prepare_acceptance, *_WHOLE),
    "accept": _verb("accept", _ASKED, _returning(lambda r, b: r.accept, "statement")),
    "refusal": _verb("refuse", _ASKED, _returning(lambda r, b: r.refuse, "reason")),
    "issue": _verb("issue", _ASKED, _returning(lambda r, b: r.issue, *_WHOLE)),
    "reissue": _verb("reissue_document", _ASKED, _returning(lambda r, b: r.reissue, *_WHOLE)),
    "handover-confirmation": _verb(
        "confirm_handover", _ASKED, _returning(lambda r, b: r.confirm_handover, "statement")
    ),
    "report": _verb(
        "report report_safe report_concern report_lost",
        _ASKED,
        _returning(lambda r, b: r.report, "status", "on", "final"),
    ),
}


VERBS: Mapping[str, Verb] = {
    "amend": _verb(
        "amend", _ASKING, lambda s, c: s.clear.amend(c.ref, c.body, c.person, c.role, seen=c.seen), compared=True
    ),
    "attachment": _verb("amend attach", _ASKING, _attach, compared=True),
    "attachment-removal": _verb("amend attach", _ASKING, _detach, compared=True),
    "remark": _verb("remark", _ASKING, _remark, compared=True),
    "remark-confirmation": _verb("confirm_remark", _ASKING, _confirm_remark),
    "approval": _verb("approve", _ASKING, _approve),
    "send-back": _verb("send_back", _ASKING, _send_back),
    "send": _verb("send", _ASKING, lambda s, c: s.clear.send(c.ref, c.person, c.role, seen=c.seen), compared=True),
    "elements": _verb(
        "prepare", _ASKING, lambda s, c: s.clear.prepare(c.ref, c.person, c.role), frozenset({State.NEEDS_TIER2})
    ),
    "contest": _verb("contest", _ASKING, lambda s, c: s.clear.contest(c.ref, c.body["ground"], c.person, c.role)),
    "reminder": _verb("remind", _ASKING, lambda s, c: s.reminder.remind(c.ref, c.person, c.role)),
    "discard": _verb("discard", _ASKING, lambda s, c: s.clear.close(c.ref, c.person, c.role, "discard")),
    "freeze": _verb("freeze", _BOTH, _freeze),
    "release": _verb("release", _BOTH, lambda s, c: s.hold.release(c.ref, c.person, c.role)),
    "resume": _verb("propose_resume resume", _BOTH, lambda s, c: s.hold.resume(c.ref, c.person, c.role)),
    "apart": Verb(
        frozenset({"release", "go_on"}),
        _ASKING,
        _tell_apart,
        MAY_TELL_APART,
        frozenset({State.FROZEN, *CALLED_OR_AWAY}),
    ),
    "correction": _verb("correct", _ASKING, _correct, compared=True),
    "attestation": _verb("attest", _ASKING, _attest),
    "restatement": _verb("restate", _ASKING, _restate, compared=True),
    "withdraw": _verb("withdraw", _ASKING, lambda s, c: s.hold.withdraw(c.ref, c.person, c.role)),
    "close": _verb("close", _BOTH, _close),
    "redirect": _verb("redirect", _ASKED, _redirect),
    "interview": _verb("ask_interview", _ASKED, lambda s, c: s.answer.ask_interview(c.ref, c.body, c.person, c.role)),
    "interview-consent": _verb(
        "prepare", _ASKING, _prepare_interview, frozenset({State.NEEDS_INTERVIEW}), compared=True
    ),
    "interview-agreement": _verb(
        "interview_answer",
        _ASKING,
        lambda s, c: s.clear.agree_interview(c.ref, c.person, c.role, seen=c.seen),
        compared=True,
    ),
    "interview-refusal": _verb(
        "decline_interview", _ASKING, lambda s, c: s.clear.decline_interview(c.ref, c.person, c.role)
    ),
    "interview-result": _verb(
        "report_interview", _ASKED, lambda s, c: s.answer.report_interview(c.ref, c.body, c.person, c.role)
    ),
    "use-question": _verb("ask_use", _BOTH, lambda s, c: s.notices.ask_use(c.ref, c.person, c.role)),
    "use-report": _verb("report_use", _BOTH, lambda s, c: s.notices.report_use(c.ref, c.body, c.person, c.role)),
    "onward-question": _verb("ask_onward", _BOTH, _ask_onward),
    "onward-answer": _verb("answer_onward", _BOTH, _answer_onward),
    "strike": _verb("strike", _BOTH, lambda s, c: s.notices.strike(c.ref, c.body["parts"], c.person, c.role)),
    "rectification": _verb("prepare_rectification", _ASKING, _rectify, compared=True),
    "rectification-approval": _verb(
        "rectify", _ASKING, lambda s, c: s.notices.rectify(c.ref, c.body["statement"], c.person, c.role)
    ),
    "erasure-demand": _verb("demand_erasure", _BOTH, lambda s, c: s.notices.demand_erasure(c.ref, c.person, c.role)),
    "confirmation": _verb("confirm", _BOTH, _confirm),
    "destruction": _verb("destroy", _BOTH, lambda s, c: s.notices.destroy(c.ref, c.body["number"], c.person, c.role)),
    "acknowledge": _verb("acknowledge", _ASKED, lambda s, c: s.answer.acknowledge(c.ref, c.person, c.role)),
    "question": _verb("ask", _ASKED, _ask),
    "delay": _verb("notify_delay", _ASKED, _delay),
    "extension": _verb("extend", _ASKED, lambda s, c: s.answer.extend(c.ref, c.body["reason"], c.person, c.role)),
    "reply": _verb(
        "prepare",
        _ASKED,
        lambda s, c: s.answer.prepare(c.ref, c.body, c.person, c.role, seen=c.seen),
        frozenset(ANSWERING),
        compared=True,
    ),
    "countersignature": _verb(
        "countersign", _ASKED, lambda s, c: s.answer.countersign(c.ref, c.body["statement"], c.person)
    ),
    "answer": _verb(
        "answer", _ASKED, lambda s, c: s.answer.answer(c.ref, c.person, c.role, seen=c.seen), compared=True
    ),
    **_OF_A_RETURN,
}
"""Every step that is taken through ``POST /v1/cases/{ref}/<verb>``."""

ANYBODY = LISTS | frozenset(role for verb in VERBS.values() for role in verb.anybody())
"""Everyone who may bring some event may see that a case exists and where it stands."""

GONE = frozenset({State.BLOCKED.value, State.ERASED.value})
"""States whose content no desk sees any more."""

APPROVALS: Mapping[str, str] = {**clear.APPROVAL, **returning.APPROVAL}
"""Kind of statement that approves a body, of a return or not, by message type."""

RETURN_DESK = READ_A_RETURN
"""Roles that see the whole of a return."""

RETURN_PARTS: Mapping[str, frozenset[str]] = {
    "escort": frozenset({SCHEDULE, HANDOVER}),
    "reception": frozenset({ACCEPTANCE, SCHEDULE, HANDOVER, MONITORING}),
    "document_issuer": frozenset({DOCUMENT_REQUEST, DOCUMENT, REISSUE}),
}
"""What the others see of it: the messages that their act is about."""


def check_shown(row: BoardRow) -> None:
    """Return if the content of the case in ``row`` may be shown. Raises ``NotFound`` if it is locked or erased."""
    if row.state in GONE:
        raise NotFound("the case is locked or erased; its content is not shown")


def allowed(side: Side, state: State, roles: frozenset[str]) -> list[tuple[str, list[str]]]:
    """Return the steps that somebody with ``roles`` may take in ``state``, each with the roles that may take it."""
    table = table_for(side)
    events = {role: frozenset(table.events(state, role)) for role in sorted(roles)}
    found = []
    for name, verb in VERBS.items():
        here = side in verb.sides and (not verb.states or state in verb.states)
        may = [role for role in events if not verb.only or role in verb.only]
        fitting = [role for role in may if here and events[role] & verb.events]
        if fitting:
            found.append((name, fitting))
    return found
