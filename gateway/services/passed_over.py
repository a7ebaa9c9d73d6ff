"""
What had an answer before its partner was restored, and was not posted again: a rule, or a stop, stood against it.

It is posted after all once its case goes on, or takes data back. What was over is not taken any more. It is posted past
its time, to be refused, where its partner lacks its number and something waits behind that (decision 0040).
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from gateway.core import checkpoint, exercise, wire
from gateway.core.case import Side, State
from gateway.core.merkle import BadProof
from gateway.core.messages import AFTER_WITHDRAWAL, HANDOVER, RESYNC, SUSPENSION, TYPES
from gateway.services import outbox
from gateway.services.context import Context
from gateway.services.leaving import OVER, STOPPED
from gateway.services.ports import Tx
from gateway.services.rows import CaseRow, OutboundRow, PartnerRow


async def bring_back(context: Context, tx: Tx, before: CaseRow, after: CaseRow, now: datetime) -> None:
    """
    Post again what the partner's restore passed over because the case stood still, if it goes on now.

    If it is withdrawn or set aside, what takes data back is, and steps behind a withdrawal where it is not heard
    before. That is what was answered from a log of an earlier epoch; what the partner knows gets its stored answer. A
    message that follows waits behind it: its partner may have forgotten the number before. What is posted again
    already, since the case went on before, is so once.
    """
    if before.state in STOPPED and await stopped_as(tx, after) is None:
        await post(context, tx, after, now)
    elif after.side == Side.REQUESTING and (before.state, after.state) in _GIVEN_UP:
        await _leave(tx, after)
        await post(context, tx, after, now, AFTER_WITHDRAWAL)


_GIVEN_UP = {(State.FROZEN, State.WITHDRAWN), (State.SUSPENDED, State.CLOSED)}
"""Steps of who asks, by which a case that was stopped never goes on."""


async def _leave(tx: Tx, case: CaseRow) -> None:
    """Let what is posted again, and had an answer, stand as it did then, unless word of the stop is heard behind it."""
    rows = await tx.outbound_of_case(case.ref)
    for row in () if is_told(rows) else rows:
        if row.state == "posted" and row.answer is not None and row.type not in AFTER_WITHDRAWAL:
            await tx.save_outbound(settled_before(row))


async def bring_along(context: Context, tx: Tx, case: CaseRow, now: datetime) -> None:
    """
    Post again what the partner's restore passed over because the case was over, if something takes data back now.

    Where we are asked no withdrawal closes a number, so what takes back waits for each that stands before it.
    """
    if case.side == Side.REQUESTED and await stopped_as(tx, case) in OVER:
        await post(context, tx, case, now)


async def stopped_as(tx: Tx, row: CaseRow) -> State | None:
    """
    Return the state in which nothing of a case is posted again, or ``None`` if it goes on or was closed as usual.

    A closed case stands where it was withdrawn, or where who asks set it aside (decision 0038). Who is asked owes its
    answer all the same.
    """
    if row.state != State.CLOSED:
        return State(row.state) if row.state in STOPPED else None
    steps = await tx.events(row.ref)
    if any(event.target == State.WITHDRAWN for event in steps):
        return State.WITHDRAWN
    aside = any((event.source, event.target) == (State.SUSPENDED, State.CLOSED) for event in steps)
    return State.SUSPENDED if aside and row.side == Side.REQUESTING else None


async def post(context: Context, tx: Tx, case: CaseRow, now: datetime, types: Collection[str] = tuple(TYPES)) -> None:
    """
    Post again what of ``types`` in a case was answered from a log of an earlier epoch, as far as it may leave now.

    A message that follows waits behind it: its partner may have forgotten the number before. What the partner knows
    gets its stored answer, and what is posted again already is so once.
    """
    partner, over = await tx.find_partner(case.partner), context.surely(now)
    for row in await tx.outbound_of_case(case.ref):
        if row.state == "posted" or row.answer is None or partner is None or not may_repeat(row, over):
            continue
        if row.type in types and is_of_before(row, partner):
            await tx.save_outbound(again(row, now))
            context.queued = True


def lacking(rows: Sequence[OutboundRow], row: OutboundRow, partner: PartnerRow, now: datetime) -> list[OutboundRow]:
    """Return, in order, what of ``rows`` stands before ``row`` in its epoch and a restored partner takes no more."""
    before = [one for one in rows if one.epoch == row.epoch and (one.seq or 0) < (row.seq or 0)]
    over = [one for one in before if one.answer is not None and not may_repeat(one, now) and is_of_before(one, partner)]
    return sorted(over, key=lambda one: one.seq or 0)


_FILLED = "filled:"
"""
Name, before partner and thread, of the partner's epoch, of the place up to which what is over is posted in it, and of
the instant since when.
"""

_IN_VAIN = timedelta(days=2)
"""
So long at least what is over is handed out to who fetches it and gives no answer: by a backup that old its clock has
leapt, and for a day it refuses nothing for its times (M-3.7).
"""


async def fill(tx: Tx, rows: Sequence[OutboundRow], partner: PartnerRow, now: datetime) -> list[OutboundRow]:
    """Post ``rows`` of one thread again past their time, once in the epoch of ``partner``; return how they stand."""
    # What has no envelope any more is sealed to no key.
    filled = [again(one, now)._replace(kid=one.kid if one.envelope is not None else "") for one in rows]
    for one in filled:
        await tx.save_outbound(one)
    noted = f"{partner.epoch} {rows[-1].epoch} {rows[-1].seq} {wire.format_instant(now)}"
    await tx.set_meta(_name(rows[-1]), noted)
    return filled


async def is_filled(tx: Tx, row: OutboundRow) -> bool:
    """Return whether ``row``, or what stands behind it, is posted past its time since the last restore of its State."""
    partner = await tx.find_partner(row.partner)
    noted = [int(one) for one in (await tx.find_meta(_name(row)) or "").split()[:3]]
    return partner is not None and noted[:1] == [partner.epoch] and row.place <= (noted[1], noted[2])


async def fills_in_vain(tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """Return whether ``row``, which fills a gap, was handed out for so long that its State would have answered it."""
    since = (await tx.find_meta(_name(row)) or "").split()[3:]
    return bool(since) and now - datetime.fromisoformat(since[0]) > _IN_VAIN


async def unfill(tx: Tx, row: OutboundRow) -> None:
    """Let what is over in the thread of ``row`` be posted once more: a rule has kept some of it from leaving."""
    await tx.set_meta(_name(row), "")


async def fills(tx: Tx, row: OutboundRow) -> bool:
    """
    Return whether ``row``, which was answered, is posted past its time, for something else waits behind it (M-5.28).

    Its number has to be used before that can be heard. Where nothing waits any more, it is not posted either.
    """
    if row.answer is None or row.ref is None or not await is_filled(tx, row):
        return False
    rows = await tx.outbound_of_case(row.ref)
    return not all([await is_filled(tx, one) for one in rows if one.waits])


def kept_no_longer(context: Context, row: OutboundRow, case: CaseRow | None, now: datetime) -> bool:
    """Return whether the last day has come up to which what a message brought may be kept. Raises ``BadRest``."""
    body = exercise.body_of(wire.payload_in(outbox.kept(context, row, case)))
    until = (body.get("handling") or {}).get("retain_until")
    return row.type != HANDOVER and until is not None and date.fromisoformat(until) <= now.date()


def _name(row: OutboundRow) -> str:
    return f"{_FILLED}{row.partner}:{row.thread}"


LOST_THERE = (
    "the other State has lost in a restore what we said long ago, and takes none of it again; what still holds of it "
    "has to be said anew"
)
"""Finding on a case in which a message was posted again past its time, so that what is said now can be heard."""

FORGOTTEN = (
    "the other State has lost in a restore what we said in this case, as its reminder shows; tell it by another way, "
    "and have it withdraw and ask anew"
)
"""Finding on a case in which who asks waits for what it had, and nobody posts again (M-5.28)."""


async def is_forgotten(
    context: Context, tx: Tx, ref: str, country: str, in_reply_to: str | None, now: datetime
) -> bool:
    """
    Return whether ``country`` has lost what it had of us in the case ``ref``, and is not told again.

    ``in_reply_to`` says which message of ours it had taken last as it wrote; one that is unknown here says nothing.
    What is behind that, and had its receipt before a restore of ``country``, is taken no more where it ran out since,
    or our own epoch was raised.
    """
    partner = await tx.find_partner(country)
    rows = await tx.outbound_of_case(ref)
    taken = [row.place for row in rows if row.digest == in_reply_to]
    if partner is None or (in_reply_to is not None and not taken):
        return False
    last = max(taken, default=(0, 0))
    behind = [row for row in rows if row.state == "receipted" and row.place > last]
    over = [row for row in behind if row.epoch < context.epoch or not may_repeat(row, now)]
    return any(is_of_before(row, partner) for row in over)


def said(rows: Sequence[OutboundRow]) -> list[OutboundRow]:
    """Return what of a case was said or waits, without what was dropped, or never delivered."""
    return [row for row in rows if row.state in ("queued", "posted", "receipted", "refused")]


def is_told(rows: Sequence[OutboundRow]) -> bool:
    """Return whether word of a stop of its return is among what was said, or waits, in a case."""
    return any(row.type == SUSPENSION for row in said(rows))


def settled_before(row: OutboundRow) -> OutboundRow:
    """Return a message that was answered before a partner's restore as it stood then."""
    return row._replace(state="receipted" if row.status == wire.ACCEPTED else "refused")


DONE = frozenset({"receipted", "refused"})
"""States of what was answered and is not posted again just now."""


def may_repeat(row: OutboundRow, now: datetime) -> bool:
    """Return whether a message left, and its partner would still take it."""
    return (
        row.envelope is not None
        and row.state in ("posted", "receipted", "refused")
        and row.type != RESYNC
        and now <= row.expires_at + wire.SKEW
    )


def again(row: OutboundRow, now: datetime) -> OutboundRow:
    """Return a message to be posted again: what may still come of an attempt before answers an earlier one."""
    return row._replace(state="posted", next_try_at=now, attempts=row.attempts + 1)


def is_of_before(row: OutboundRow, partner: PartnerRow) -> bool:
    """
    Return whether the answer of ``row``, which verified, was entered in a log of before the partner's epoch.

    That of a State that began anew is in another one, be it lower (M-8.5). So counts one that cannot be read any more:
    what is posted again for nothing has its stored answer, and no other message waits for it.
    """
    try:
        note = checkpoint.parse_proof(wire.parse_stored_answer(row.answer or b"").proof).checkpoint
        return int(note.split("\n", 1)[0].rpartition("/")[2]) != partner.epoch
    except (wire.BadAnswer, BadProof, ValueError):
        return True
