"""A hold that is lifted by whoever may, for tests that are about something else."""

from collections.abc import Sequence
from datetime import datetime

from gateway.services.ports import TrustEvent, Tx
from gateway.services.trust import Trust


async def lift(trust: Trust, country: str, identity: bytes, now: datetime) -> None:
    """Lift the hold on ``country`` as if officers had compared its ``identity`` (32 bytes)."""

    async def words(tx: Tx) -> Sequence[TrustEvent]:
        return [TrustEvent(0, now, country, "confirm", "second", "read out by telephone")]

    assert await trust.confirm(country, identity, now, words)
