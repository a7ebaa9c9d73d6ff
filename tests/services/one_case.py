"""A store in memory with one case and what was said in it, for tables of what hangs on that alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gateway.core.case import Case, Side, State
from gateway.services.ports import Store, Tx
from gateway.services.rows import CaseRow, InboundRow, OutboundRow, ThreadRow
from gateway.storage.sqlite import open_memory
from tests.storage.support import NOW, Signer, event, outbound


async def over(
    row: CaseRow | None,
    said: Sequence[OutboundRow] = (),
    steps: Sequence[str] = (),
    thread: ThreadRow | None = None,
    came: Sequence[InboundRow] = (),
) -> Store:
    """Return a store with one case, what was said in it and came, the names of its steps, and where its thread is."""
    store = open_memory(sign_batch=Signer(), now=NOW)

    async def unit(tx: Tx) -> None:
        if row is not None:
            await tx.save_case(row)
        if thread is not None:
            await tx.save_thread(thread)
        for one in said:
            await tx.save_outbound(one)
        for other in came:
            await tx.add_inbound(other)
        for name in steps:
            await tx.add_event(event(event=name, actor="first"))

    await store.commit(unit)
    return store


def value(side: Side = Side.REQUESTING, **changes: Any) -> Case:
    """Return that case, sent by us, with ``changes``."""
    members = {"ref": "c1", "partner": "XBB", "thread": "thread-c1", "state": State.SENT, "officer": "first"}
    return Case(**{**members, "side": side, "purpose": "verification", **changes})


def message(text: str) -> OutboundRow:
    """Return a message of ``text``: epoch and number, type and state. Whatever is not queued was posted an hour ago."""
    place, kind, state = text.split(" ")
    epoch, seq = (int(one) for one in place.split("."))
    posted_at = None if state == "queued" else NOW - timedelta(hours=1)
    status = {"receipted": "accepted", "refused": "refused"}.get(state)
    return outbound(place, type=kind, state=state, epoch=epoch, seq=seq, posted_at=posted_at, status=status)
