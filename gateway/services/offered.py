"""
The steps that stand open in a case for one person now: what the tables give their roles, but for what would be refused.

Rule 1: what stands open is asked of the guards of the step itself, wherever they look at the case and who acts alone.
What a rule says of the content is looked at when the step is taken, and said with what can be done; of some that take
nothing it is said before (``against``).
Rule 2: a guest is offered what a guest's word may do.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.core.age import treat_as_minor
from gateway.core.case import HELD, Case, Side, State
from gateway.core.escalation import is_stopped, owed
from gateway.core.facts import Finding
from gateway.core.machine import Event, RuleRefused
from gateway.core.messages import (
    DOCUMENT_REQUEST,
    ERASURE,
    INTERVIEW_RESULT,
    ONWARD_REQUEST,
    RECTIFICATION,
    REPLY,
    REQUEST,
    USE_REQUEST,
)
from gateway.core.remark import is_confirmed
from gateway.core.returns import CALLED_OR_AWAY
from gateway.core.tables import table_for
from gateway.core.verification import OFFICER
from gateway.core.verification_guards import DELAYS_MAX, REMINDERS_MAX
from gateway.services import cases, heard, listing, steps
from gateway.services.acts import VERBS, DeskServices, allowed
from gateway.services.context import Context
from gateway.services.guests import is_guest
from gateway.services.hold import WAYS_ON
from gateway.services.inquire import BoardRow
from gateway.services.invitations import GUEST_VERBS
from gateway.services.ports import Tx
from gateway.services.reckon import overdue
from gateway.services.representing import TAKES_FURTHER, represents

ANSWERS: Final[Mapping[str, str]] = {
    "use-report": USE_REQUEST,
    "onward-answer": ONWARD_REQUEST,
    "confirmation": RECTIFICATION,
    "destruction": ERASURE,
}
"""Steps that answer a numbered question or demand of the other State, with the kind of it."""

OF_WHAT_IS_PREPARED: Final = frozenset(
    {
        "answer",
        "countersignature",
        "approval",
        "send-back",
        "send",
        "propose",
        "endorsement",
        "accept",
        "document-request",
    }
    | {"interview-agreement"}
)
"""Steps that sign or send a text which somebody prepared before."""


_SIGNED_OR_SENT: Final = OF_WHAT_IS_PREPARED | {"rectification-approval"}

OF_WHAT_LEFT: Final = frozenset({"use-question", "strike", "erasure-demand"})
"""Steps about data that the other State has of us: until some was posted there is none."""

_BRING: Final = frozenset({REQUEST, REPLY, INTERVIEW_RESULT})
"""Types of messages of which one is the first to bring data; an acknowledgement, or a question, brings none."""

_LOOKS: Final = frozenset(
    {"two_persons", "not_sent_back", "approved", "prepared", "countersigned", "right_type", "in_charge"}
)
"""Guards of these steps that look at the case, who acts and in which role; others look at what the step brings too."""

_TOLD_BEFORE: Final = frozenset({"send", "close", "discard", "returned", "assessment", "decision"})
"""Steps that take nothing, and stay offered where a rule refuses them now: their page says what is to be done first."""

_WHERE_IT_STOOD: Final[Mapping[str, str]] = {"reassessment": "reassess", "cancellation": "cancel"}
"""Steps that a stopped case takes where it stood, with their event."""


async def open_steps(
    services: DeskServices, row: BoardRow, person: str, roles: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Return the steps that ``person`` may take in the case of ``row`` now, each with those of ``roles`` that may."""
    context, guest = services.context, is_guest(person)
    given = {
        verb: tuple(may)
        for verb, may in allowed(Side(row.side), State(row.state), roles)
        if verb in GUEST_VERBS or not guest
    }
    if not given:
        return given

    async def unit(tx: Tx) -> dict[str, tuple[str, ...]]:
        held, now, found = await cases.load(context, tx, row.ref), context.clock.now(), dict[str, tuple[str, ...]]()
        has_data = await heard.was_posted(tx, held.case, _BRING)
        has_data = has_data or await heard.may_have_lost(context, tx, held.case, listing.seems_awaited)
        for verb, may in given.items():
            if verb in WAYS_ON:
                may = await services.hold.way_on(tx, held, verb, person, may)
            if VERBS[verb].events & TAKES_FURTHER:
                may = tuple(role for role in may if represents(context, held.case, person, role, now))
            if verb == "restatement":
                may = tuple(role for role in may if _may_restate(held.case, role))
            if verb == "extension" and not _goes_longer(context, held.case, now):
                continue
            if verb in OF_WHAT_LEFT and not has_data:
                continue
            if verb in _SIGNED_OR_SENT or verb == "assessment":
                may = tuple(role for role in may if _is_let(held.case, Event("", person, role), verb, now))
            if may and _has_place(held.case, verb, now):
                found[verb] = may
        return found

    open_ = await context.store.read(unit)
    if "reminder" in open_ and is_stopped((await services.inquiries.pressed([row.ref]))[row.ref]):
        del open_["reminder"]
    return open_


async def against(services: DeskServices, row: BoardRow, verb: str, person: str, role: str) -> tuple[Finding, ...]:
    """Return what stands against the step ``verb`` now, before it is taken; nothing where that is told by taking it."""
    if verb not in _TOLD_BEFORE:
        return ()
    context, now = services.context, services.context.clock.now()

    (name,) = VERBS[verb].events

    async def unit(tx: Tx) -> tuple[Finding, ...]:
        held, event = await cases.load(context, tx, row.ref), Event(name, person, role)
        try:
            if name == "send":
                event = await services.clear.sending(tx, held, event)
            elif name in ("close", "discard") and role in OFFICER:
                event = await services.clear.closing(tx, held, event, listing.seems_awaited)
            elif name == "close":
                event = await services.answer.closing(tx, held, event)
        except RuleRefused as error:
            return error.findings
        return steps.against(context, held, event, now)

    return await context.store.read(unit)


def _has_place(case: Case, verb: str, now: datetime) -> bool:
    """Tell whether the case has a place for the step: something prepared or late, an open question, who has left."""
    if verb == "reminder":
        return case.reminders < REMINDERS_MAX and overdue(owed(case), now)
    if verb == "contest":
        return not case.contests
    if verb == "interview-result":
        return _awaits_a_result(case)
    if verb == "interview":
        return not table_for(case.side).guards["interview_allowed"](case, Event("ask_interview", "", ""), now)
    if verb == "issue":
        return DOCUMENT_REQUEST in case.said
    if verb in ("delay", "extension"):
        return case.delays < DELAYS_MAX
    if verb in OF_WHAT_IS_PREPARED:
        # Right values for wrong ones are approved, and leave, by a step of their own.
        return case.pending is not None and case.pending.type != RECTIFICATION
    if verb == "recall":
        return _may_call_back(case, now)
    if verb in _WHERE_IT_STOOD and case.state in HELD:
        return (case.resume_to or case.state, _WHERE_IT_STOOD[verb]) in table_for(case.side).index
    if verb == "attachment-removal":
        return bool(case.renditions)
    if verb == "remark-confirmation":
        return _may_be_confirmed(case)
    if verb == "rectification-approval":
        return case.pending is not None and case.pending.type == RECTIFICATION
    if verb not in ANSWERS:
        return True
    return any(one.kind == ANSWERS[verb] and not one.ours and one.answer is None for one in case.notices)


def _is_let(case: Case, by: Event, verb: str, now: datetime) -> bool:
    """
    Tell whether no guard stands against the step that looks at nothing but the case and who acts, as ``by`` says.

    A signature that is over counts here: whoever takes the step reads that it is, which no other page tells.
    """
    table = table_for(case.side)
    if (pending := case.pending) is not None:
        case = replace(case, pending=replace(pending, valid_until=None))
        if verb == "propose" and all((one.authority, one.digest) != ("ours", pending.digest) for one in case.releases):
            return False
    for name in VERBS[verb].events:
        row = table.index.get((case.state, name))
        looks = [] if row is None else [table.guards[one] for one in row.guards if one in _LOOKS]
        if row is not None and not any(look(case, replace(by, name=name), now) for look in looks):
            return True
    return False


def _may_restate(case: Case, role: str) -> bool:
    """Tell whether anything of age and guardian is for ``role`` to say: for whom, and what of who has left (R-06)."""
    minor = case.draft is not None and treat_as_minor(case.draft)
    return minor or case.state not in CALLED_OR_AWAY if role == "child_welfare" else not minor


def _goes_longer(context: Context, case: Case, now: datetime) -> bool:
    """Tell whether the agreement lets the time of the reply be extended now, for some reason (D-01, D-02)."""
    clock = case.clock("reply")
    if clock is None or overdue(clock, now):
        return False
    return context.reckoner.extend(case.partner, context.country, clock, now, "any") is not None


def _awaits_a_result(case: Case) -> bool:
    """Tell whether an interview was agreed on of which nothing was reported (M-02)."""
    said = case.interview or {}
    agreed = (said.get("answer") or {}).get("decision") == "ACCEPTED"
    return agreed and said.get("result") is None


def _may_call_back(case: Case, now: datetime) -> bool:
    """Tell whether there is somebody to call back, or word of it to be said: where nobody has left there is not."""
    table, event = table_for(case.side), Event("recall", "", "")
    row = table.index.get((case.state, event.name))
    return row is not None and not any(table.guards[name](case, event, now) for name in row.guards)


def _may_be_confirmed(case: Case) -> bool:
    """Tell whether a remark was read and redacted in ``case`` that a person has not confirmed yet."""
    remark = case.remark
    return remark is not None and not (remark.reasons or remark.sent or is_confirmed(case.draft, remark))
