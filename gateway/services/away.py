"""
Who has left: what is said of her must be heard, and no message that is lost ends her thread (decision 0023).

Nor does a word that is said once more, for it was heard before (decisions 0041 and 0047).
"""

from datetime import datetime

from gateway.core import envelope
from gateway.core.messages import SCHEDULE, TAKE_BACK, WITHDRAWAL
from gateway.services import cases, listing, outbox, standing, threads
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow, ThreadRow
from keys.errors import BadRest

LATE = "a message of ours got no receipt in its time; tell the other State by another way that the line is down"
"""Finding on a case whose person has left and whose thread goes on past the time of a message."""

DEPARTED = "departed"
"""What a ``return.schedule`` says of a person who has left."""


async def has_left(context: Context, tx: Tx, held: Held) -> bool:
    """
    Return whether the person of a return has left, as its thread tells: what is said of her must be heard, if late.

    Of who is back, or put away, the case itself says it no more, and the other State may not know it yet. Where it was
    told that nobody comes (a withdrawal) there is nobody to be heard of.

    Raises ``BadRest`` if a message of ours cannot be read that may say it.
    """
    case = held.case
    if (await threads.thread_of(tx, case)).ended == "withdrawn":
        return False
    if TAKE_BACK in case.said or case.said.get(SCHEDULE, {}).get("status") == DEPARTED:
        return True
    told = [row for row in await tx.outbound_of_case(case.ref) if row.state != "dropped"]
    return any(row.type == TAKE_BACK or is_departure(context, held, row) for row in told)


def is_departure(context: Context, held: Held, row: OutboundRow) -> bool:
    """Return whether a message of ours says that a person has left."""
    return row.type == SCHEDULE and (threads.said(context, held, row) or {}).get("status") == DEPARTED


async def revive(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """
    Let a thread that ended as undelivered go on, because its person has left; returns what is held now.

    What was never posted uses no number. What was is posted until it has an answer.
    """
    thread = await threads.thread_of(tx, held.case)
    if thread.ended != "undelivered":
        return held
    lost = [row for row in await tx.outbound_of_case(held.case.ref) if row.state == "undelivered"]
    if any(row.code is not None for row in lost):
        return held  # it met a final problem, and would again
    lost = [row for row in lost if row.epoch == context.epoch and row.type != WITHDRAWAL]
    await threads.take_out(context, tx, held, [row for row in lost if row.posted_at is None], now)
    last = await _last_given(tx, held, thread)
    await tx.save_thread((await threads.thread_of(tx, held.case))._replace(ended=None, out_seq=last))
    for row in lost:
        if row.posted_at is None:
            continue
        try:
            await _post_on(context, tx, held, row, now)
        except BadRest as error:
            # It stays lost; word that somebody is on the way must be taken all the same.
            context.log_fault(row.partner, row.type, error)
    return await cases.add_finding(context, tx, held, LATE, "late", context.country, now)


async def _last_given(tx: Tx, held: Held, thread: ThreadRow) -> int:
    """Return the last number in the epoch of ``thread`` that left, or waits: one that was given back counts again."""
    rows = await tx.outbound_of_case(held.case.ref)
    given = [row for row in rows if row.epoch == thread.out_epoch and (row.posted_at or row.state == "queued")]
    return max((row.seq or 0 for row in given), default=0)


async def _post_on(context: Context, tx: Tx, held: Held, row: OutboundRow, now: datetime) -> None:
    """Have a message of ours posted again, as it is; its envelope may be gone by now."""
    if row.envelope is None and outbox.recipient(context, row.partner, now) is not None:
        kid, sealed = outbox.seal_for(context, row.partner, outbox.kept(context, row, held.row), now)
        row = row._replace(kid=kid, envelope=sealed, envelope_id=envelope.envelope_id(sealed))
    await tx.save_outbound(row._replace(state="posted", next_try_at=now, answered_at=None))


async def outlives(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Let the thread of somebody who has left go on though ``row`` got no receipt in its time; return whether it does.

    So does one in which ``row`` says once more what was heard before, as that a return is stopped.

    What was never posted is said anew, with all that waits behind it; what a restore left open is settled as ever
    (``anew``). What was posted is posted until it has an answer, for its number must be used before anything else can
    be heard (M-5.10).
    """
    held = cases.readable(context, await tx.find_case(row.ref or ""))
    if held is None or row.type == WITHDRAWAL:
        return False
    try:
        if not await has_left(context, tx, held) and await standing.heard_before(context, tx, held, row) is None:
            return False
        current = await tx.find_outbound(row.partner, row.id)
        if current is None or current.state == "dropped":
            return True  # said anew just now, behind another one that expired
        if row.posted_at is None and row.epoch == context.epoch:
            await threads.say_before(context, tx, held, (), now)
        elif row.posted_at is None and await listing.stands(tx, row.partner) is None:
            return False
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return False
    await cases.add_finding(context, tx, held, LATE, "late", context.country, now)
    return True
