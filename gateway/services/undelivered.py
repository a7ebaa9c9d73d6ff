"""What becomes of a message that is over without an answer: it ends and a person is told, or it goes on after all."""

from datetime import datetime

from gateway.core.machine import Event
from gateway.core.messages import RESYNC
from gateway.core.verification import GATEWAY
from gateway.services import anew, away, cases, listing, no_contact, outbox, passed_over, resync, steps, threads
from gateway.services.answers import add_finding
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow

NOT_BACK = "a message that the other State may have lost was posted again and did not come through; ask it"
"""Finding on a case whose partner was restored, or had its keys stolen: what it has of us nobody here knows."""


async def end(context: Context, tx: Tx, row: OutboundRow, code: str | None, now: datetime) -> bool:
    """End ``row`` as undelivered; return whether it ended, or goes on."""
    if row.answer is not None:
        # Answered before it was posted again after a restore: that receipt stands, and nothing ends.
        await tx.save_outbound(passed_over.settled_before(row))
        await add_finding(context, tx, row, NOT_BACK, now)
        return True
    if row.type == RESYNC and await _waits_on(context, tx, row, now):
        return False
    if code is None and await away.outlives(context, tx, row, now):
        return False
    if code is None:
        context.log("message.expired", partner=row.partner, type=row.type, ref=row.ref)
    lost = row._replace(state="undelivered", code=code, answered_at=now)
    await tx.save_outbound(lost)
    await anew.give_up(context, tx, lost, now)
    case_row = await tx.find_case(row.ref) if row.ref else None
    if case_row is not None and case_row.sealed is not None:
        try:
            held = cases.unseal(context, case_row)
            if row.type in threads.HEARD_AT_LAST and await anew.said_anew(context, tx, row, now):
                return True
        except Exception as error:
            # A case that cannot be read does not move; the messages of all others must still come to an end.
            context.log("case.fault", ref=row.ref, error=type(error).__name__)
            return True
        behind = [one.type for one in await threads.unsent_of(tx, held.case)]
        data = {"code": code, "type": row.type, "behind": behind, "held": held.case.state}
        await steps.tell(context, tx, held, Event("undelivered", row.partner, GATEWAY, data), now)
    return True


async def tell_lacking(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Tell the desk that ``row`` waits in vain: before it a restored partner lacks what is over and is posted no more.

    Only what left in the last 30 days is posted again (M-5.28). By a backup older than that the partner answers that a
    number is missing, until ``row`` runs out as well.
    """
    partner = await tx.find_partner(row.partner)
    if partner is None or row.ref is None:
        return
    for one in await tx.outbound_of_case(row.ref):
        before = one.epoch == row.epoch and (one.seq or 0) < (row.seq or 0) and one.answer is not None
        if before and not passed_over.may_repeat(one, now) and passed_over.is_of_before(one, partner):
            await add_finding(context, tx, row, resync.PASSED_OVER, now)
            return


async def _waits_on(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Return whether a listing that expired is for a partner not to be contacted; if so it is made anew, or stays.

    It waits until that State is off the list (N-01), however long: whoever was restored waits for it then.
    """
    if row.partner not in context.partners:
        return False
    if await no_contact.barred(context, tx, row.partner) is None:
        return False
    current = await tx.find_outbound(row.partner, row.id)
    dropped = current is None or current.state == "dropped"  # with one that expired beside it
    if not dropped and outbox.recipient(context, row.partner, now) is not None:
        await listing.queue(context, tx, row.partner, now)
    return True
