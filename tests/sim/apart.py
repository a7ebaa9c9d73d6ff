"""
A State out of reach for more than thirty days, and back.

What waits for it runs out, what it says is not heard, stops and departures cannot be told, keys change meanwhile; then
it comes back as it was, or by a backup of before. All that is drawn here has random numbers of its own.
"""

import asyncio
import random

from tests.sim.faults import Backup
from tests.sim.invariants import check_heard
from tests.sim.scenario import STEADY_S, Scenario
from tests.sim.world import Host, World

BEFORE, BACKED_UP, PARTED, TOGETHER = 30, 6, 14, 30
"""Messages until backups are made, then until the State is out of reach, while it is, and once it is back."""

EVERY_DAYS = 3
"""After so many days without it the desks send another message."""

WAYS = ("off", "cut off", "cut off", "from one", "mute", "mute")
"""
How a State is out of reach: its machine is off, no line leads to it, or to one of its partners; or whatever is posted
to it comes, and every answer to that is lost.
"""

DAYS = (31, 33, 38, 47)
KEYS_AT = (6, 19)
"""Days of the absence on which each State has new keys."""

LEAP_DAYS = 9

STOPPED_SHARE = 0.5
"""
How often all that is arranged is stopped before, and heard there: nothing is said behind that, so whoever is put back
to before it hears of it on its new epoch alone. Else a return is under way as the State parts.
"""

TOUCHED_SHARE = 0.5
"""How often desks go on with what was stopped so: what they say of it is not heard for a month, and then is."""

ROUNDS = (2, 4, 6, 8)
"""How often each case is taken a step further before all is stopped: some are proposed by then, some planned."""

LEAVE_IN = 5
TO_THE_DAY_S = (STEADY_S, 2 * 3600.0)
"""Before which of these steps the day comes for which journeys are planned, and how: no clock leaps."""

STEP_S, HEARD_S = 2.0, 15.0
"""How long a step of each case takes to be heard, and all stops."""


class Apart(Scenario):
    """One run in which a State is out of reach for longer than anything is valid."""

    goes_on_for_years = False

    def __init__(self, world: World) -> None:
        """Play in ``world``."""
        super().__init__(world)
        self._draw = random.Random(f"{world.seed}/apart")
        self._far = world.hosts[self._draw.choice(sorted(world.hosts))]
        self._others = [host for host in world.hosts.values() if host is not self._far]
        self._backups: dict[str, Backup] = {}
        self._heard: list[str] = []
        """States that heard of a stop, a recall or a reply taken back, as often as they did."""

    async def course(self) -> None:
        """Lose a State, let more than a month pass, and have it back."""
        draw, faults = self._draw, self.faults
        self.desks.most = BEFORE
        await faults.disturbed(4)
        await self.until_sent(BEFORE)
        self._back_up()
        await self._go_on_for(BACKED_UP)
        if draw.random() < STOPPED_SHARE:
            await self._stop_all()
        way = draw.choice(WAYS)
        self.world.note(self._far.country, "parted", reason=way)
        self.counts[way] += 1
        await self._part(way)
        await self._go_on_for(PARTED)
        await self._while_apart(draw.choice(DAYS), way)
        await self._come_back(way)
        if self._heard:
            await self._hear_of_it()
        self.desks.most = self.counts["messages"] + TOGETHER
        await faults.disturbed(draw.choice((0, 6)))
        await self.until_sent(self.desks.most)

    async def _go_on_for(self, messages: int) -> None:
        await self.until_sent(self.counts["messages"] + messages)

    def _back_up(self) -> None:
        self._backups = {host.country: self.faults.back_up(host) for host in self.world.hosts.values()}

    async def _stop_all(self) -> None:
        """Take cases further, back all up, and stop each return that is arranged; who has left is called back."""
        hosts, rounds = self.world.hosts.values(), self._draw.choice(ROUNDS)
        for number in range(rounds):
            for seconds in TO_THE_DAY_S if number == LEAVE_IN else ():
                self.world.jump(seconds)
                await asyncio.sleep(STEP_S)
            for host in hosts:
                await self.desks.further(host)
            await asyncio.sleep(STEP_S)
        self._back_up()
        await asyncio.sleep(STEP_S)
        for host in hosts:
            self._heard += await self.desks.stop_returns(host)
        await asyncio.sleep(HEARD_S)
        if self._draw.random() < TOUCHED_SHARE:
            self.desks.left_alone.clear()

    async def _hear_of_it(self) -> None:
        """Have whoever was put back hear of what was said before, and look whether it holds to that."""
        self.desks.most = 0
        await self.heal()
        await self.draining.drain()
        await check_heard(self)
        self.desks.left_alone.clear()

    async def _part(self, way: str) -> None:
        far = self._far
        if way == "off":
            await far.stop()
            self.faults.among = tuple(host.country for host in self._others)
        partners = self._others[:1] if way == "from one" else self._others
        for other in partners:
            self._lines(far, other, way, shut=True)
        if self._draw.random() < 0.5 and way != "from one":
            self.world.withhold(far.country)

    def _lines(self, far: Host, other: Host, way: str, *, shut: bool) -> None:
        network = self.world.network
        if way == "mute":
            network.mute[far.name, other.name] += 1 if shut else -1
        elif way != "off":
            for ends in ((far.name, other.name), (other.name, far.name)):
                (network.block if shut else network.open)(*ends)

    async def _while_apart(self, days: int, way: str) -> None:
        """Let ``days`` pass, each without a leap of any clock, or some with one; keys change twice."""
        leaps, passed = self._draw.random() < 0.4, 0.0
        due = list(KEYS_AT)
        while passed < days:
            if due and passed >= due[0]:
                due.pop(0)
                await self._new_keys(way)
            step = LEAP_DAYS if leaps and passed + LEAP_DAYS < days - 3 else STEADY_S / 86_400
            self.world.jump(step * 86_400)
            passed += step
            self.desks.most += int(passed) % EVERY_DAYS == 0
            await asyncio.sleep(2.0)

    async def _new_keys(self, way: str) -> None:
        for host in self.world.hosts.values():
            if host is self._far and way == "off":
                continue
            await self.faults.new_keys(host, keep=self._draw.random() < 0.5, days=90, wait_s=0.2)
            if self._draw.random() < 0.5:
                await self.faults.signing(host)

    async def _come_back(self, way: str) -> None:
        """Have the State back; before that, behind that or never a backup is put back, of it or of another one."""
        draw, far = self._draw, self._far
        which = draw.choice((None, far, far, far, *self._others))
        if self._heard:
            which = self.world.hosts[draw.choice(self._heard)]
        at_once = draw.random() < 0.5
        if which is not None and at_once:
            await self._restore(which)
        for other in self._others[:1] if way == "from one" else self._others:
            self._lines(far, other, way, shut=False)
        self.faults.among = tuple(self.world.hosts)
        if way == "off":
            await self.faults.new_keys(far, keep=True, days=90, wait_s=0.2)
        self.world.reach()
        await far.ready()
        await asyncio.sleep(draw.uniform(0.0, 5.0))
        if which is not None and not at_once:
            await self._restore(which)
        self.world.note(far.country, "together", reason="" if which is None else which.country)

    async def _restore(self, host: Host) -> None:
        self.counts["restored"] += 1
        async with host.alone:
            await host.stop()
            await self.faults.put_back(host, self._backups[host.country])
