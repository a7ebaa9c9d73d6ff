"""
What a person may read of one case: its history, its messages with their proofs, and the parts of a return.

Rule 1: a history names roles and nobody; it does not say which role stopped a case, for that tells about the person.
Rule 2: a proof is checked when it is shown, with the card that is held now; nothing is called checked from memory.
Rule 3: what a role sees of a return stands in ``gateway.services.acts``; this only takes the parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core import checkpoint, wire
from gateway.core.case import Case, Pending, Release, Side, State
from gateway.core.codes import PeerError
from gateway.core.merkle import BadProof
from gateway.core.messages import NOT_ACCEPTED, REPLY, TYPES
from gateway.core.return_guards import represented
from gateway.core.tables import table_for
from gateway.core.verification import IN_CHARGE, UNANSWERED_BY
from gateway.core.verification_guards import restated
from gateway.services import access, cases
from gateway.services.acts import DESK, RETURN_DESK, RETURN_PARTS
from gateway.services.answers import entered
from gateway.services.context import Context, Forbidden, NotFound
from gateway.services.evidence_tables import PAUSES
from gateway.services.inquire import BoardRow
from gateway.services.passed_over import stopped_as
from gateway.services.ports import Tx
from gateway.services.rows import AccessRow, CaseRow, EventRow, InboundRow, LogEntry, OutboundRow
from keys import jws
from keys.card import Card
from keys.errors import BadJws, BadRest, BadSignature, UnknownKey
from schemas import ijson

SHOWN_MAX = 200
"""
Steps, and messages, of one case that a page has: a return has some fifty. The other State may say again as often as it
likes what it may say at all, and every proof is checked while everybody else waits. A page leads to earlier ones.
"""

PAST_MAX = 20 * SHOWN_MAX
"""Of how many such lines a page leads back to earlier ones: whoever goes there has them all read."""

OPENERS = DESK | {"dpo"}
"""Roles that may read the reasons in a record of access."""

SIGNED = frozenset(
    {"approval statement", "release statement", "signed acceptance", "statement", "first signature", "second signature"}
)
"""Evidence of the rows of the state tables that only a signature of a person brings."""


# History.

TAKEN_OUT = "taken_out"
"""In place of a refusal, where this gateway took a message out that had not left: it leads back to the same state."""

_REFUSALS = frozenset(
    {NOT_ACCEPTED, "extension_not_accepted", *UNANSWERED_BY} | {one.refused for one in TYPES.values()}
)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a history: when, which event, in which role (empty where that tells about the person), and where."""

    at: datetime
    event: str
    role: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What proves that a message was taken: ``state`` and, in the log that the receiver keeps, its ``index``.

    ``state`` is ``none`` (no receipt yet), ``checked`` (receipt and log entry verify now), ``failed`` (they do not) or
    ``entered`` (the entry stands in our log; the answer itself is not kept any longer). ``size`` is the number of
    entries under the checkpoint shown.
    """

    state: str
    index: int | None = None
    size: int | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """
    One message of a case, without its content.

    ``ours`` says that we sent it; ``at`` is when it came, or when it was first posted (``None``: not yet). ``state`` is
    that of the outbox for ours, and the verdict for theirs.
    """

    ours: bool
    type: str
    at: datetime | None
    queued_at: datetime
    state: str
    code: str | None
    digest: str
    seq: int | None
    answered_at: datetime | None
    proof: Proof


async def history(context: Context, ref: str) -> tuple[Step, ...]:
    """
    Return what happened last in the case ``ref``, the latest first, at most ``SHOWN_MAX`` steps; it names nobody.

    Raises ``NotFound``.
    """

    async def unit(tx: Tx) -> tuple[CaseRow, Sequence[EventRow]]:
        return await _case_row(tx, ref), await tx.events(ref)

    of, rows = await context.store.read(unit)
    return tuple(_step(row, of.partner) for row in reversed(rows[-SHOWN_MAX:]))


def _step(row: EventRow, partner: str) -> Step:
    return Step(row.at, _event(row, partner), "" if row.event in PAUSES else row.role, row.source, row.target)


def _event(row: EventRow, partner: str) -> str:
    """Return which event a line of a history tells: what took a message out here was no refusal of the other State."""
    return TAKEN_OUT if row.event in _REFUSALS and row.actor != partner else row.event


async def is_set_aside(context: Context, ref: str) -> bool:
    """Tell whether ``ref`` is a request that was suspended and closed out of that (decision 0038)."""

    async def unit(tx: Tx) -> bool:
        row = await tx.find_case(ref)
        if row is None or row.state != State.CLOSED:
            return False
        return await stopped_as(tx, row) is State.SUSPENDED

    return await context.store.read(unit)


Message = InboundRow | OutboundRow


async def messages(context: Context, ref: str, skip: int = 0, most: int = SHOWN_MAX) -> tuple[Passed, ...]:
    """
    Return the last messages of the case ``ref``, behind the ``skip`` latest, at most ``most``; latest first.

    Each has its proof checked. Raises ``NotFound``.
    """

    async def unit(tx: Tx) -> tuple[CaseRow, Sequence[Message], Mapping[str, LogEntry | None]]:
        row, rows = await _case_row(tx, ref), (await _messages(tx, ref, skip + most))[skip:]
        return row, rows, await _entries(tx, rows)

    row, rows, entries = await context.store.read(unit)
    held = context.trust.find(row.partner)
    return tuple(_of_message(context, held, one, entries) for one in rows)


async def past(context: Context, ref: str, skip: int, most: int) -> tuple[tuple[Step, ...], tuple[Passed, ...]]:
    """
    Return what happened in the case ``ref`` and which messages passed, behind the ``skip`` latest of both together.

    They are at most ``most`` together. Raises ``NotFound``.
    """

    async def unit(tx: Tx) -> tuple[CaseRow, list[EventRow | Message], Mapping[str, LogEntry | None]]:
        row, steps = await _case_row(tx, ref), (await tx.events(ref))[-(skip + most) :]
        lines: list[EventRow | Message] = [*reversed(steps), *await _messages(tx, ref, skip + most)]
        lines = sorted(lines, key=_at, reverse=True)[skip : skip + most]
        return row, lines, await _entries(tx, [one for one in lines if not isinstance(one, EventRow)])

    row, lines, entries = await context.store.read(unit)
    held = context.trust.find(row.partner)
    steps = tuple(_step(one, row.partner) for one in lines if isinstance(one, EventRow))
    return steps, tuple(_of_message(context, held, one, entries) for one in lines if not isinstance(one, EventRow))


async def _case_row(tx: Tx, ref: str) -> CaseRow:
    row = await tx.find_case(ref)
    if row is None:
        raise NotFound("there is no such case here")
    return row


async def _messages(tx: Tx, ref: str, last: int) -> list[Message]:
    """Return the ``last`` messages that were posted, are to be, or came; the latest first."""
    sent = [one for one in await tx.outbound_of_case(ref) if one.state != "dropped" or one.posted_at is not None]
    rows: list[Message] = [*sent, *await tx.inbound_of_case(ref, last, bare=True)]
    return sorted(rows, key=lambda one: (_at(one), one.seq or 0), reverse=True)[:last]


def _at(row: EventRow | Message) -> datetime:
    if isinstance(row, EventRow):
        return row.at
    return row.received_at if isinstance(row, InboundRow) else row.posted_at or row.queued_at


async def _entries(tx: Tx, rows: Sequence[Message]) -> Mapping[str, LogEntry | None]:
    """Return the entry in our log of each message that came, by its digest."""
    came = [one for one in rows if isinstance(one, InboundRow)]
    return {one.digest: await tx.find_log_entry(one.partner, "issued", one.digest) for one in came}


def _of_message(context: Context, held: Card | None, row: Message, entries: Mapping[str, LogEntry | None]) -> Passed:
    return _came(context, row, entries[row.digest]) if isinstance(row, InboundRow) else _sent(context, held, row)


def _sent(context: Context, card: Card | None, row: OutboundRow) -> Passed:
    proof = Proof("none")
    if row.answer is not None:
        proof = _checked(row.answer, row.digest, card, row.partner, context.country, context)
    return Passed(
        True, row.type, row.posted_at, row.queued_at, row.state, row.code, row.digest, row.seq, row.answered_at, proof
    )


def _came(context: Context, row: InboundRow, entry: LogEntry | None) -> Passed:
    if row.answer is not None:
        proof = _checked(row.answer, row.digest, context.own, context.country, row.partner, context)
    elif entry is not None:
        proof = Proof("entered", entry.index, None, entry.origin)
    else:
        proof = Proof("none")
    return Passed(
        False,
        row.type,
        row.received_at,
        row.received_at,
        row.status,
        row.code,
        row.digest,
        row.seq,
        row.received_at,
        proof,
    )


def _checked(raw: bytes, digest: str, card: Card | None, keeper: str, other: str, context: Context) -> Proof:
    """Check a stored answer of ``keeper`` as protocol sections 5 and 7 say, with the ``card`` that is held now."""
    if card is None:
        return Proof("failed")
    try:
        answer = wire.parse_stored_answer(raw)
        signed = jws.parse(answer.receipt, jws.TYP_RECEIPT)
        receipt = wire.parse_receipt(signed.payload)
        signed.verify(card.receipt_key(signed.kid, receipt.received_at, context.clock.now()))
        if (receipt.sender, receipt.recipient, receipt.payload) != (keeper, other, digest):
            return Proof("failed")
        proof = checkpoint.parse_proof(answer.proof)
        origin = proof.checkpoint.split("\n", 1)[0]
        if not origin.startswith(f"{keeper}/{other}/"):
            return Proof("failed")
        return Proof("checked", proof.index, entered(answer, proof, origin, card).size, origin)
    except (PeerError, BadJws, BadSignature, BadProof, UnknownKey, ijson.BadJson, ValueError):
        return Proof("failed")


# The record of access.


@dataclass(frozen=True, slots=True)
class Seen:
    """
    One look at, or disclosure of, a case; ``why`` is ``None`` where it was not opened or is not kept.

    ``number`` counts from the first one, which is 1: what is recorded later changes none of those before.
    """

    number: int
    at: datetime
    person: str
    action: str
    recipient: str | None
    why: str | None = None


async def looks(context: Context, ref: str, before: int | None, most: int) -> tuple[Seen, ...]:
    """
    Return who looked at the case ``ref``, the latest first, without their reasons.

    They are at most ``most``, those before the look of the number ``before`` where one is named: however many are
    recorded meanwhile, as each page of an opened record is itself, what follows it is the same.
    """
    rows = await context.store.read(lambda tx: tx.accesses(ref))
    return tuple(
        Seen(number, row.at, row.person, row.action, row.recipient) for number, row in _part(rows, before, most)
    )


def _part(rows: Sequence[AccessRow], before: int | None, most: int) -> Sequence[tuple[int, AccessRow]]:
    end = len(rows) if before is None else min(max(before - 1, 0), len(rows))
    first = max(end - most, 0)
    return [*enumerate(rows[first:end], first + 1)][::-1]


async def opened_looks(
    context: Context, ref: str, person: str, role: str, why: str, before: int | None, most: int
) -> tuple[Seen, ...]:
    """
    Return the same with the reasons that were given, once this look itself is recorded (R-13).

    A reason is somebody's own words and may name a person. Raises ``Forbidden`` to other roles than ``OPENERS``,
    ``NotFound`` also for an erased case: its reasons went with its key.
    """
    if role not in OPENERS:
        raise Forbidden(f"the role '{role}' does not read reasons", "the desk and the data-protection officer do")
    if not why:
        raise Forbidden("reasons are shown for a justification only", "say why you need to see them")
    now = context.clock.now()

    async def unit(tx: Tx) -> tuple[cases.Held, Sequence[AccessRow]]:
        held = await cases.load(context, tx, ref)
        await access.record(context, tx, held, person, "log", why, now)
        return held, await tx.accesses(ref)

    held, rows = (await context.commit(unit)).value
    return tuple(
        Seen(number, row.at, row.person, row.action, row.recipient, _opened(context, held, row))
        for number, row in _part(rows, before, most)
    )


def _opened(context: Context, held: cases.Held, row: AccessRow) -> str | None:
    try:
        return access.justification_of(context, held, row)
    except (BadRest, ValueError):
        return None


# A return.


@dataclass(frozen=True, slots=True)
class ReturnPart:
    """
    What one role sees of a return: ``record`` and ``prepared`` only where it sees the whole.

    ``person`` is what is recorded of age and guardian, and was (``earlier``), for a desk and the authority in charge.
    """

    thread: str
    record: Mapping[str, Any] | None
    person: Mapping[str, Any] | None
    said: Mapping[str, Any]
    releases: tuple[Release, ...]
    prepared: Pending | None


def part_of_return(case: Case, role: str) -> ReturnPart:
    """Return what ``role`` sees of the return in ``case``. Raises ``KeyError`` for a role that sees nothing of one."""
    whole = role in RETURN_DESK
    pending = case.pending if whole and case.pending and case.pending.type != REPLY else None
    said = {type: body for type, body in case.said.items() if whole or type in RETURN_PARTS[role]}
    person = {**restated(case.draft), "earlier": case.earlier} if case.draft and role in DESK | IN_CHARGE else None
    return ReturnPart(case.thread, case.record if whole else None, person, said, case.releases, pending)


# What waits for a signature.


@dataclass(frozen=True, slots=True)
class Awaiting:
    """
    One case that waits for a role: its row, and the events it may sign or decide.

    ``type`` and ``digest`` are those of the bytes that lie there to be signed; ``approved`` says that the desk's second
    person has approved them. Without bytes the desk has still to prepare them.
    """

    row: BoardRow
    events: tuple[str, ...]
    type: str | None = None
    digest: str | None = None
    approved: bool = False


def signable(side: Side, role: str) -> frozenset[str]:
    """Return the events that ``role`` brings by its own signature, as the table of ``side`` has them."""
    return frozenset(row.event for row in table_for(side).rows if role in row.who and row.evidence in SIGNED)


def states_awaiting(side: Side, role: str, events: frozenset[str]) -> tuple[State, ...]:
    """Return the states of ``side`` in which ``role`` may bring one of ``events``."""
    table = table_for(side)
    return tuple(state for state in State if events & frozenset(table.events(state, role)))


def in_charge(case: Case) -> str:
    """Return the role that decides about this person: as the guard ``in_charge`` of the tables does."""
    if represented(case):
        return "child_welfare"
    return "coordinator" if case.side is Side.REQUESTING else "desk_head"


async def awaiting(
    context: Context, rows: Sequence[BoardRow], role: str, events: Mapping[Side, frozenset[str]]
) -> tuple[Awaiting, ...]:
    """Return those of ``rows`` that wait for ``role`` to bring one of ``events``; nothing of it names a person."""

    async def unit(tx: Tx) -> list[Awaiting]:
        found = []
        for row in rows:
            stored = await tx.find_case(row.ref)
            if stored is None or stored.sealed is None:
                continue
            try:
                case = cases.unseal(context, stored).case
            except BadRest:
                context.log("case.unreadable", ref=row.ref)
                continue
            if (one := _awaiting(case, row, role, events[case.side])) is not None:
                found.append(one)
        return found

    return tuple(await context.store.read(unit))


def _awaiting(case: Case, row: BoardRow, role: str, events: frozenset[str]) -> Awaiting | None:
    here = tuple(name for name in table_for(case.side).events(case.state, role) if name in events)
    if not here or in_charge(case) != role:
        return None
    pending = case.pending
    if pending is None:
        return Awaiting(row, here)
    if any(one.authority == "ours" and one.digest == pending.digest for one in case.releases):
        return None  # signed already; the desk goes on
    return Awaiting(row, here, pending.type, pending.digest, pending.approver is not None)
