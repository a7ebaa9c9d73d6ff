"""
What a monitoring system may see of a gateway, and a load balancer (decision 0031).

Rule 1: a figure about one State tells how the way to it stands, and nothing of a message: while all goes well it is the
same whether much is exchanged with that State or nothing. What waits because a rule or a person holds it is not told.
Rule 2: whoever looks often does not load the store: it is asked a few bounded statements, and the answer is kept.
Rule 3: where the store is away that is said, and nothing is raised.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.core.retry import MAX_WAIT_S, Circuit
from gateway.services.context import Context
from gateway.services.health import Health
from gateway.services.operate import Line, Operate
from gateway.services.ports import Unavailable

KEPT_S = 5.0
"""How long what the store said is said again."""

PATIENCE_S = 3.0
"""How long the store may take for it before it counts as away; both who scrapes and who balances wait for longer."""

UNTRIED = timedelta(seconds=2 * MAX_WAIT_S)
"""How long after a partner was to be left alone something is posted to it, if anything may be; a message waits half."""

LOOK_S = 3600.0
"""How often everything is looked at that ``isthmus check`` looks at, but for the whole of the database."""


class Way(NamedTuple):
    """How the way to one partner stands: see ``_way``; ``busy`` is whether it sends here as no State does."""

    partner: str
    out_of_reach: bool
    held: bool
    busy: bool = False


@dataclass(slots=True)
class Monitor:
    """
    What one process shows of itself and of its gateway.

    ``ends`` returns until when its keys and certificates are good, by name; ``busy`` whether a State has left here half
    of what it may in a day. ``serves`` is whether its doors are open
    and stay so, ``leads`` whether it does what is done once for a gateway, ``answered`` how often it gave partners an
    answer with an HTTP status.
    """

    operate: Operate
    ends: Callable[[datetime], Mapping[str, datetime]]
    busy: Callable[[str, datetime], bool]
    serves: bool = False
    leads: bool = False
    answered: Counter[int] = field(default_factory=Counter)
    health: Health | None = None
    _ways: Sequence[Way] | None = None
    _kept_until: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def context(self) -> Context:
        """Return what the gateway stands on."""
        return self.operate.context

    def stop(self) -> None:
        """Be ready no more: the doors close."""
        self.serves = False

    async def ways(self) -> Sequence[Way] | None:
        """Return how the way to each partner stands, as it was a moment ago; ``None`` while the store is away."""
        loop = asyncio.get_running_loop()
        async with self._looking:
            if loop.time() >= self._kept_until:
                self._ways = await self._asked()
                self._kept_until = loop.time() + KEPT_S
            return self._ways

    async def _asked(self) -> Sequence[Way] | None:
        """
        Return what the store says now, ``None`` if it does not say it soon.

        How that ends is not waited for: over a server that stands still, to leave off asking takes longer than this.
        """
        asking = asyncio.ensure_future(self.operate.lines())
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard, also where nobody waits
        try:
            await asyncio.wait({asking}, timeout=PATIENCE_S)
            if not asking.done():
                return None
            lines, now = asking.result(), self.context.clock.now()
        except Unavailable:
            return None
        finally:
            asking.cancel()
        known = [line for line in lines if line.partner in self.context.partners]
        return [_way(line, now)._replace(busy=self.busy(line.partner, now)) for line in known]

    async def is_ready(self) -> bool:
        """Return whether partners and people may be sent to this process."""
        return await self.ways() is not None and self.serves  # as it is once the store has answered

    async def run(self) -> None:
        """Look at everything each hour until cancelled."""
        await self.context.every(LOOK_S, self.look)

    async def look(self, now: datetime) -> None:
        """Look at everything once."""
        self.health = await self.operate.health(now, again=True)


def _way(line: Line, now: datetime) -> Way:
    """
    Return what is told of a partner at ``now``.

    It is out of reach while the posts to it fail one after the other and something that was posted waits. For how long
    is not told: what a rule or a person holds back waits beside it. Where that alone waits nothing is posted any more,
    and nobody knows. Of one that is not to be contacted nothing is told: that is for those who keep the list.
    """
    waits = not line.barred and line.outbox is not None and line.outbox.attempts > 0
    tried = line.open_until is not None and abs(now - line.open_until) < UNTRIED  # nor by a clock that was ahead
    return Way(line.partner, waits and tried and Circuit(line.failures).opened, line.held)
