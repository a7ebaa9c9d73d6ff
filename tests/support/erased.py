"""Erase a case wherever it stands, as the timers do one that is over: for what is to be seen once it is gone."""

from datetime import datetime

from gateway.app import Gateway
from gateway.services.ports import Tx


async def erase(gateway: Gateway, ref: str, now: datetime) -> None:
    """Erase the case ``ref`` of ``gateway`` at ``now``, and cut the journal."""
    await gateway.retention.erase(ref, now, _anyway)
    await gateway.retention.empty_journal()


async def _anyway(tx: Tx) -> bool:
    return True
