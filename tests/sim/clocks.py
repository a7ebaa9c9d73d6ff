"""
Clocks that are wrong by days, months or years, and then right again.

What may never come of that: something destroyed whose time is not over, a message given up that is still valid, a key
or a card that counts as over for good, an epoch more than there were restores. All that is drawn here has random
numbers of its own.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from tests.sim import homes
from tests.sim.faults import Backup, confirm
from tests.sim.scenario import Scenario
from tests.sim.world import Host, World

DAY_S = 86_400.0
BEFORE, EACH = 25, 12
"""Messages in all until the first clock is wrong, and those that follow with each that is."""

TIMES = 3
AHEAD = (1.5, 3.0, 7.0, 7.0, 40.0, 365.0, 800.0)
BEHIND = (1.5, 3.0, 7.0, 40.0)
"""By how many days a clock is wrong."""

FOR_S = (5.0, 7200.0, 7200.0, 20 * 3600.0)
"""For how long, in all less than a day: what a wrong clock does that nobody sets right for longer is told (0027)."""

LONGER_S = 3 * DAY_S
BEARABLE_DAYS = 7.0
"""A clock that is late, or ahead by no more than this, is wrong for days too: nothing of a seed is over by then."""

PUT_BACK = 0.4
"""How often a backup is put back by a clock that is ahead. One that is late issues no card, as it says."""

STEP_S = 6 * 3600.0
FIRST_DAY = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)


class Clocks(Scenario):
    """One run in which clocks are wrong by days and more."""

    goes_on_for_years = False

    def __init__(self, world: World) -> None:
        """Play in ``world``."""
        super().__init__(world)
        self._draw = random.Random(f"{world.seed}/clocks")
        self._backups: dict[str, Backup] = {}

    async def course(self) -> None:
        """Have one clock after another wrong for a while, now and then two at once, and the desks work on."""
        draw = self._draw
        self.desks.most = BEFORE
        await self.faults.disturbed(4)
        await self.until_sent(BEFORE)
        self._backups = {host.country: self.faults.back_up(host) for host in self.world.hosts.values()}
        for time in range(TIMES):
            self.desks.most = BEFORE + (time + 1) * EACH
            hosts = draw.sample(sorted(self.world.hosts), draw.choice((1, 1, 1, 2)))
            await self._wrong([self.world.hosts[country] for country in hosts])
            await asyncio.sleep(draw.uniform(0.0, 4.0))
            self.world.jump(draw.choice((0.0, 3600.0, 20 * 3600.0)))
            await self.faults.disturbed(draw.choice((0, 4)))
            await self.until_sent(self.desks.most)

    async def heal(self) -> None:
        """
        Have everybody see the cards that were dated anew, and officers confirm them.

        A partner whose clock was ahead as well has taken the one before, and puts that State on hold.
        """
        await super().heal()
        for host in self.world.hosts.values():
            await host.act("refresh", lambda gateway: gateway.refresh_trust())
            await host.act("confirm", partial(confirm, host))

    async def _wrong(self, hosts: Sequence[Host]) -> None:
        """Have clocks wrong: from one moment to the next, or from a start on; set right while they run, or not."""
        wrongs = [(host, *self._drawn(host)) for host in hosts]
        for host, off_s, _, starts in wrongs:
            host.was_wrong = True
            await self._set(host, off_s, starts=starts)
        lasts_s = min(lasts_s for _, _, lasts_s, _ in wrongs)
        await self._pass(lasts_s / 2)
        ahead = [host for host, off_s, _, _ in wrongs if off_s > 0]
        if ahead and self._draw.random() < PUT_BACK:
            await self._put_back(self._draw.choice(ahead))
        await self._pass(lasts_s / 2)
        for host, off_s, _, _ in wrongs:
            await self._set(host, -off_s, starts=self._draw.random() < 0.4)
            self.world.note(host.country, "clock.right")
            # As the check says: partners take no card that is dated ahead, and whatever follows it waits with it.
            self.world.publish_anew(homes.date_anew(host.home, host.country, host.clock.now()))

    async def _put_back(self, host: Host) -> None:
        """Put a backup of before back while the clock is wrong, as whoever sets a machine up anew may."""
        self.counts["restored by a wrong clock"] += 1
        async with host.alone:
            await host.stop()
            await self.faults.put_back(host, self._backups[host.country])
        await host.ready()

    def _drawn(self, host: Host) -> tuple[float, float, bool]:
        """Return by how many seconds a clock is wrong, for how many, and whether it is from a start on."""
        draw = self._draw
        starts = draw.random() < 0.4
        ahead = draw.random() < 0.6
        days = draw.choice(AHEAD) if ahead else -draw.choice(BEHIND)
        off_s = days * DAY_S
        if starts and not ahead and draw.random() < 0.6:
            off_s = (FIRST_DAY - self.world.now()).total_seconds()
        lasts_s = draw.choice(FOR_S)
        if off_s <= BEARABLE_DAYS * DAY_S and draw.random() < 0.4:
            lasts_s = LONGER_S
        self.world.note(host.country, "clock.wrong", days=round(off_s / DAY_S, 1), starts=starts, count=int(lasts_s))
        self.counts["wrong clocks"] += 1
        return off_s, lasts_s, starts

    async def _set(self, host: Host, by_s: float, *, starts: bool) -> None:
        if not starts:
            host.shift(by_s)
            return
        async with host.alone:
            await host.stop()
            host.shift(by_s)
            await asyncio.sleep(self._draw.uniform(0.1, 1.0))
            host.start()
        await host.ready()

    async def _pass(self, seconds: float) -> None:
        """Let time pass at which the desks are at work, in steps that are no leap."""
        await asyncio.sleep(self._draw.uniform(1.0, 4.0))
        while seconds > STEP_S:
            self.world.jump(STEP_S)
            seconds -= STEP_S
            await asyncio.sleep(1.0)
        if seconds > 60:
            self.world.jump(seconds)
        await asyncio.sleep(2.0)
