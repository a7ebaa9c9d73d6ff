"""A hold, and what lifts it by whoever may, for tests that are about something else."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from gateway.services.ports import Tx
from gateway.services.rows import TrustEvent
from gateway.services.trust import Trust
from tests.support.network import Network


async def lift(trust: Trust, country: str, identity: bytes, now: datetime) -> None:
    """Lift the hold on ``country`` as if officers had compared its ``identity`` (32 bytes)."""

    async def words(tx: Tx) -> Sequence[TrustEvent]:
        return [TrustEvent(0, now, country, "confirm", "second", "read out by telephone")]

    assert await trust.confirm(country, identity, now, words)


async def held(network: Network, country: str, other: str) -> Callable[[], Awaitable[None]]:
    """Have ``country`` put ``other`` on hold; returns what lifts it again."""
    trust = network.gateways[country].context.trust
    await trust.hold(other, "second", "a theft was heard of", network.clock.now())
    return lambda: lift(trust, other, trust.held(other).identity, network.clock.now())
