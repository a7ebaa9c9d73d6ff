"""
What had an answer before its partner was restored, and was not posted again: a rule, or a stop, stood against it.
"""

from collections.abc import Collection
from datetime import datetime

from gateway.core import checkpoint, wire
from gateway.core.messages import RESYNC, TYPES
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import CaseRow, OutboundRow


async def post(context: Context, tx: Tx, case: CaseRow, now: datetime, types: Collection[str] = tuple(TYPES)) -> None:
    """
    Post again what of ``types`` in a case was answered from a log of an earlier epoch, as far as it may leave now.

    A message that follows waits behind it: its partner may have forgotten the number before. What the partner knows
    gets its stored answer, and what is posted again already is so once.
    """
    partner = await tx.find_partner(case.partner)
    for row in await tx.outbound_of_case(case.ref):
        if row.state == "posted" or row.answer is None or partner is None or not may_repeat(row, now):
            continue
        if row.type in types and _epoch_of(row.answer) < partner.epoch:
            await tx.save_outbound(again(row, now))
            context.queued = True


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


def _epoch_of(answer: bytes) -> int:
    """Return the epoch of the log that a stored answer, which verified, was entered in."""
    note = checkpoint.parse_proof(wire.parse_stored_answer(answer).proof).checkpoint
    return int(note.split("\n", 1)[0].rsplit("/", 1)[1])
