"""
Messages that belong to the channel between two States and to no case: no thread, no number, no answer but a receipt.

They are signed, sealed, posted and tried again like every other message.
"""

from datetime import datetime, timedelta

from gateway.core import wire
from gateway.core.messages import INFORMATION, RESYNC
from gateway.services import outbox
from gateway.services.context import Context
from gateway.services.outbox import Letter
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow

UNTAKEN = "untaken:"
"""Name, before State and type, of when that State last refused for good what we said of no case."""


async def queue(
    context: Context,
    tx: Tx,
    country: str,
    type: str,
    body: bytes,
    now: datetime,
    *,
    wait_s: int = 0,
) -> str:
    """
    Put a message of ``type`` without a thread around ``body`` in the outbox for ``country``, and return its id.

    It is posted in ``wait_s`` seconds. Where no valid sealing key of it is held it waits for one.
    """
    at = now.replace(microsecond=0)
    letter = Letter(
        partner=country,
        type=type,
        body=body,
        issued_at=at,
        expires_at=at + wire.MAX_VALIDITY,
        may_wait=True,
    )
    row = await outbox.put(context, tx, letter, now)
    if wait_s:
        await tx.save_outbound(row._replace(next_try_at=now + timedelta(seconds=wait_s)))
    return row.id


async def note_untaken(tx: Tx, row: OutboundRow, now: datetime) -> None:
    """Note for who runs it that ``row`` is refused for good, if it is of no case: no desk sees it."""
    if row.ref is None and row.type not in {RESYNC, *INFORMATION}:
        await tx.set_meta(f"{UNTAKEN}{row.partner}:{row.type}", now.isoformat())
