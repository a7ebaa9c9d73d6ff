"""
Random walks: a case or two somewhere along the way, and from there any step of anybody, with backups put back between.

The other plays take the steps that a desk would take where a case stands. Here each is tried wherever it stands, the
refused ones too: what no desk would think of is done as well, one behind the other, before the other State hears of it.
"""

import asyncio
import random
from collections.abc import Mapping

from tests.sim.desks import ACTS, AFTERWARDS, FURTHER
from tests.sim.faults import Backup
from tests.sim.scenario import Scenario
from tests.sim.work import OpenCase
from tests.sim.world import Host, World

ASKING, ASKED = "requesting", "requested"

HOME: Mapping[tuple[str, str], str] = FURTHER | {
    (ASKING, "DECIDED"): "decide",
    (ASKING, "DEPARTED"): "hand_over",
    (ASKED, "DEPARTED"): "confirm_handover",
    (ASKED, "HANDED_OVER"): "report",
}
"""The step by which a case gets to a person who is home soonest."""

BESIDE: Mapping[str, tuple[str, ...]] = {ASKING: ("settle",), ASKED: ("settle", "close", "report_last")}
"""Steps that the other plays do not draw by where a case stands, or do not take."""

STEPS: Mapping[str, tuple[str, ...]] = {
    side: tuple(
        sorted(
            {*steps, *AFTERWARDS[True], *AFTERWARDS[False], *(one for at in ACTS if at[0] == side for one in ACTS[at])}
        )
    )
    for side, steps in BESIDE.items()
}
"""Every step of a desk, by side."""

STOPPING = frozenset(
    {"cancel", "close", "decline", "demand_erasure", "freeze", "leave_at_that", "reassess", "recall", "refuse"}
    | {"report_last", "resume", "resume_return", "returned", "strike", "suspend", "withdraw"}
)
"""Steps that stop something, take it back or end it, or let it go on: where two States may come apart."""

STOPPING_FIRST = 0.6
"""How often one of those is taken, if any is allowed."""

ONLY_IN = {"resume": "FROZEN", "resume_return": "SUSPENDED"}
"""Two ways to let a case go on that one word of the desk names: by how it was stopped."""

ROUNDS = (3, 5, 7, 9, 11, 12, 13, 14, 14, 16)
"""How often each case is taken a step further before the walk begins."""

OUTCOMES = 0.3
"""How often half a year passes of who is home by then, and what became of her is said."""
HALF_A_YEAR_S, KEYS_DAYS = 186 * 86_400.0, 450

TO_THE_DAY_S = (23 * 3600.0, 2 * 3600.0 + 300.0)
"""How the day comes for which a journey is planned: no clock leaps."""

TURNS = (1, 2, 2, 3, 4, 6)
ACTS_EACH = (0, 1, 1, 2, 3)
"""How many acts of desks there are in a turn, before anything is put back and after it."""

WAYS = ("open", "open", "open", "at once", "mute", "deaf", "cut")
"""Whether what is said comes to the other State of a case, and its answers, or the next act is done before."""

PASSES_S = (5.0, 120.0, 3660.0, 3660.0, 3 * 3600.0)
LONG, LONG_DAYS = 0.15, (1, 2, 12, 31)
MONTH_DAYS = 32
PUT_BACK, CARD_LATE = 0.7, 0.25
"""How often a State is put back in a turn, else a backup made; and how often its partners hear of it later."""

MONTHS, A_MONTH = 0.15, 0.6
"""How often a walk goes over months; and how often one passes in it before a State is put back, so that word is old."""

SECOND = 0.4
"""How often there is a second case, half of the time of the same person, that stands somewhere else."""


class Walk(Scenario):
    """One run in which any step follows any other."""

    goes_on_for_years = False
    messages = 0

    def __init__(self, world: World) -> None:
        """Play in ``world``."""
        super().__init__(world)
        self._draw = random.Random(f"{world.seed}/walk")
        self._asking, self._asked = (world.hosts[one] for one in self._draw.sample(sorted(world.hosts), 2))
        # A draw of its own: a walk that does not go over months takes the course that it took.
        self._months = random.Random(f"{world.seed}/months")
        self._over_months = self._months.random() < MONTHS
        self._backups: list[tuple[Host, Backup]] = []
        self.desks.most = 0
        self.desks.stops = 1.0

    async def course(self) -> None:
        """Take a case or two somewhere, and then any steps, with what is said lost or late, and backups put back."""
        draw = self._draw
        if self._over_months:
            await self._long_keys()
        await self._begin(1)
        second = draw.random() < SECOND
        rounds = draw.choice(ROUNDS)
        for done in range(rounds):
            if second and done == rounds // 2:
                await self._begin(draw.choice((1, 2)))
            await self._further()
            await self._back_up()
        if draw.random() < OUTCOMES:
            await self._half_a_year()
        for _ in range(draw.choice(TURNS)):
            await self._act_and_wait()
            if draw.random() < PUT_BACK:
                if self._over_months and self._months.random() < A_MONTH:
                    await self._days(MONTH_DAYS)
                await self._put_back()
            else:
                await self._back_up()
            await self._act_and_wait()
        if draw.random() < LONG:
            await self._days(draw.choice(LONG_DAYS))
        self.world.reach()

    async def _begin(self, person: int) -> None:
        ref = await self.desks._open(self._asking, self._asked.country, person)
        if ref and await self.desks._approve_ref(self._asking, ref):
            await self.desks._send_ref(self._asking, ref)
        await asyncio.sleep(2.0)

    async def _further(self) -> None:
        """Take each case a step further; where a journey is planned its day comes first."""
        planned = "SELECT 1 FROM case_file WHERE state = 'SCHEDULED'"
        for seconds in TO_THE_DAY_S if self._asking.look(planned) else (3600.0,):
            self.world.jump(seconds)
            await asyncio.sleep(2.0)
        for host in (self._asking, self._asked):
            await self.desks.further(host, HOME)
        await asyncio.sleep(2.0)

    async def _back_up(self) -> None:
        """Copy both stores at an instant at which nothing else is done: what came before it is in them."""
        await asyncio.sleep(0.1)
        self._backups += [(host, self.faults.back_up(host)) for host in (self._asking, self._asked)]
        await asyncio.sleep(0.1)

    async def _half_a_year(self) -> None:
        """Let half a year pass of whoever is home, and have her State say what became of her."""
        await self._long_keys()
        self.world.jump(HALF_A_YEAR_S)
        await asyncio.sleep(5.0)
        self._backups = []
        await self._back_up()
        await self.desks.further(self._asked, {(ASKED, "MONITORING"): "report_last"})
        await asyncio.sleep(5.0)
        await self._back_up()

    async def _long_keys(self) -> None:
        """Give each State keys that last as long as the walk may."""
        for host in self.world.hosts.values():
            await self.faults.new_keys(host, keep=True, days=KEYS_DAYS, wait_s=0.2)
            await host.ready()

    async def _act_and_wait(self) -> None:
        """Take some steps, each behind the other or once the States have heard of it, or not."""
        for _ in range(self._draw.choice(ACTS_EACH)):
            await self._act()
            await self._wait()

    async def _act(self) -> None:
        """Try steps of the desks in an order that is drawn, until one is done."""
        draw, hosts = self._draw, self.world.hosts.values()
        cases = [(host, OpenCase(*row)) for host in hosts for row in host.look(_CASES)]
        tries = [(host, row, step) for host, row in cases for step in STEPS[row.side]]
        tries = [one for one in tries if ONLY_IN.get(one[2], one[1].state) == one[1].state]
        draw.shuffle(tries)
        if draw.random() < STOPPING_FIRST:
            tries.sort(key=lambda one: one[2] not in STOPPING)
        for host, row, step in tries:
            done = self.counts["acts"]
            await getattr(self.desks, f"_{step}")(host, row)
            if self.counts["acts"] > done:
                return

    async def _wait(self) -> None:
        """Let what was said come to the other State, or be lost, or let the next act be done before."""
        draw, network = self._draw, self.world.network
        way = draw.choice(WAYS)
        if way == "at once":
            return
        one, other = draw.sample([self._asking.name, self._asked.name], 2)
        ways = {"deaf": [(one, other)], "cut": [(one, other), (other, one)]}.get(way, [])
        for blocked in ways:
            network.block(*blocked)
        network.mute[one, other] += way == "mute"
        await asyncio.sleep(draw.uniform(2.0, 6.0))
        self.world.jump(draw.choice(PASSES_S))
        await asyncio.sleep(draw.uniform(0.5, 4.0))
        for blocked in ways:
            network.open(*blocked)
        network.mute[one, other] -= way == "mute"

    async def _put_back(self) -> None:
        """Put a backup back, one of the last few more often than an older one; partners hear of it at once, or late."""
        draw = self._draw
        host, backup = draw.choice(self._backups[-draw.choice((4, 4, 6, 12, len(self._backups))) :])
        if draw.random() < CARD_LATE:
            self.world.withhold(host.country)
        async with host.alone:
            await host.stop()
            await self.faults.put_back(host, backup)
        await host.ready()
        await asyncio.sleep(draw.choice((0.0, 2.0, 6.0)))
        if draw.random() < 0.5:
            self.world.reach()

    async def _days(self, days: int) -> None:
        for _ in range(days):
            self.world.jump(86_400.0 - 3600.0)
            await asyncio.sleep(2.0)


_CASES = "SELECT ref, side, state, thread, partner, due_at FROM case_file ORDER BY ref"
