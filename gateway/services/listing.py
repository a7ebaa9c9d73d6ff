"""
What a restored partner is told: where each of its threads stands here (``resync``, ``docs/protocol.md`` section 5.8).

A listing that did not arrive is not kept and sent again but made anew: threads have moved since, and of a message that
belongs to no case only the sealed bytes are kept, which open with no other key.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.core import wire
from gateway.core.messages import RESYNC
from gateway.services import channel
from gateway.services.context import Context
from gateway.services.ports import ThreadRow, Tx
from schemas import ijson

THREADS_A_MESSAGE = 32
"""Threads listed in one ``resync`` message: what its schema allows, so that it fits the smallest envelope."""

AGAIN_S = 900
"""How long a listing waits that is made anew because the last one was refused: a wrong clock is not right at once."""


async def queue(context: Context, tx: Tx, country: str, now: datetime, wait_s: int = 0) -> None:
    """
    Put the listing for ``country`` in the outbox, to be posted in ``wait_s`` seconds, in place of one that waits there.

    Raises ``Unavailable`` if no valid sealing key of it is held.
    """
    for row in await tx.outbound_since(country, now - 2 * wire.MAX_VALIDITY):
        if row.type == RESYNC and row.state in ("queued", "posted"):
            await tx.save_outbound(row._replace(state="dropped", envelope=None, answered_at=now))
    threads = [row for row in await tx.threads(country) if row.in_digest is not None]
    for start in range(0, len(threads), THREADS_A_MESSAGE):
        part = threads[start : start + THREADS_A_MESSAGE]
        body = ijson.dumps({"threads": _rows(part), "more": start + THREADS_A_MESSAGE < len(threads)})
        id = await channel.queue(context, tx, country, RESYNC, body, now)
        made = await tx.find_outbound(country, id)
        if made is not None and wait_s:
            await tx.save_outbound(made._replace(next_try_at=now + timedelta(seconds=wait_s)))


def _rows(threads: Sequence[ThreadRow]) -> list[dict[str, object]]:
    return [
        {"thread": row.thread, "epoch": row.in_epoch, "seq": row.in_seq, "payload": row.in_digest} for row in threads
    ]
