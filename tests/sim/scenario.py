"""
What happens in a seed: three desks at work (``desks``), what goes wrong while they are (``faults``), and the end.

Rule 1: every choice is drawn from the seed, also which fault comes when; nothing depends on what a key or a nonce is.
Rule 2: after the last fault the network heals, clocks are right, disks have room, and what waits is delivered.
Rule 3: in some seeds one State fetches what waits for it: from the first day, for a while, or beside its own door.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.sim import homes
from tests.sim.desks import MESSAGES, Desks
from tests.sim.draining import Draining
from tests.sim.faults import Faults, confirm
from tests.sim.invariants import check, check_silence
from tests.sim.world import World

FAULTS = 30
PARTS = 4
"""Parts of a run; between two of them hours, days or weeks pass."""

YEARS_EVERY = 40
"""Of so many seeds one goes on for two years after its messages are delivered."""

FETCHES: Mapping[str, float] = {"": 0.7, "always": 0.12, "a while": 0.09, "beside": 0.09}
"""How often one State fetches, and how: without a door, without one in the middle of the seed, or beside its door."""

YEARS_STEP_DAYS = 150
YEARS_STEPS = 6
STEADY_S = 23 * 3600
"""Less than a day: a clock that goes on by so much at once has not leapt (``gateway.core.leap``)."""

LASTS_S = 120.0
"""The longest that the desks may take for what is left to do once the faults are over."""


@dataclass
class Result:
    """What a run showed."""

    seed: int
    digest: str
    counts: Counter[str]
    failures: Sequence[Any]
    trace: Sequence[str]
    virtual_s: float


def run(seed: int, root: Path, play: "type[Scenario] | None" = None, *, leave: bool = False) -> Result:
    """
    Run the whole scenario of ``seed``, or ``play``, under the empty directory ``root`` and return what it showed.

    With ``leave`` nothing is tidied up behind it, for a process that ends soon.
    """
    with homes.shared(leave=leave):
        return _run(seed, root, play or Scenario, leave=leave)


def _run(seed: int, root: Path, kind: "type[Scenario]", *, leave: bool) -> Result:
    world = World(seed, root)
    play = kind(world)
    try:
        world.loop.run_until_complete(play.play())
        digest, virtual_s = world.digest(), (world.now() - homes.START).total_seconds()
        return Result(seed, digest, play.counts, list(world.failures), list(world.trace), virtual_s)
    finally:
        if leave:
            world.leave()
        else:
            world.close()


class Scenario:
    """One run: desks, faults, healing, and the end."""

    messages = MESSAGES
    """How many messages the desks send at least."""

    def __init__(self, world: World) -> None:
        """Play in ``world``."""
        self.world = world
        self.random = world.random
        self.counts: Counter[str] = Counter()
        self.desks = Desks(world, self.counts)
        self.faults = Faults(world, self.counts, self.desks)
        self.draining = Draining(world, self.desks, self.faults)
        self._fetches = self.random.choices(list(FETCHES), list(FETCHES.values()))[0]
        self._fetcher = self.faults.host()
        self._addresses = homes.card.claims_of(homes.own_card(self._fetcher.home, self._fetcher.country))["addresses"]

    async def play(self) -> None:
        """Play to the end and check every invariant."""
        try:
            await self._play()
        finally:
            await self.faults.close()

    async def _play(self) -> None:
        hosts = self.world.hosts.values()
        if self._fetches in ("always", "beside"):
            await self._fetch(begin=True)
        for host in hosts:
            host.start()
        for host in hosts:
            await host.ready()
        desks = [asyncio.create_task(self.desks.work(host)) for host in hosts]
        await self.course()
        await self.until_sent(self.messages)
        self.desks.working = False
        await asyncio.gather(*desks)
        await self.heal()
        await self.draining.drain()
        self.counts["fetched"] = self.world.fetched
        await check(self)
        if self.goes_on_for_years and not self.world.failures:
            await self._years()

    @property
    def goes_on_for_years(self) -> bool:
        """Return whether two years pass once all is delivered."""
        return self.world.seed % YEARS_EVERY == YEARS_EVERY - 1

    async def course(self) -> None:
        """Let everything go wrong that is drawn, in some parts, while the desks work."""
        faults = FAULTS + self.random.randrange(8)
        for part in range(PARTS):
            if self._fetches == "a while" and part in (1, PARTS - 1):
                await self._fetch(begin=part == 1)
            elif self._fetches == "beside":
                self._door(shut=part % 2 == 1)
            await self.faults.disturbed(faults // PARTS + (part < faults % PARTS))
            if part < PARTS - 1:
                self.world.jump(self.random.choice((3600, 86_400, 86_400, 86_400, 6 * 86_400)))

    async def until_sent(self, messages: int) -> None:
        """Wait until the desks have sent so many messages in all."""
        self.desks.most = max(self.desks.most, messages)
        latest = self.world.loop.time() + LASTS_S
        while self.counts["messages"] < messages and not self.world.failures:
            await asyncio.sleep(0.5)
            if self.world.loop.time() > latest:
                self.world.fail("works", f"{self.counts['messages']} messages, and no more come")

    async def _years(self) -> None:
        """Let two years pass in which nobody is at any desk: there are new keys in time, and timers, and silence."""
        hosts = self.world.hosts.values()
        since = {host.country: int(host.look("SELECT max(n) FROM case_event")[0][0] or 0) for host in hosts}
        for _ in range(YEARS_STEPS):
            for host in hosts:
                await self.faults.new_keys(host, keep=True, days=3 * YEARS_STEP_DAYS, wait_s=0.2)
                await host.ready()
            self.world.jump(YEARS_STEP_DAYS * 86400)
            await asyncio.sleep(3.0)
            await self._go_on(2)  # for a day nothing is ended for good
        await self._go_on(3)  # a timer that found its disk or a partner busy runs again within the hour
        for host in hosts:
            await host.act("refresh", lambda gateway: gateway.refresh_trust())
        self.counts["years"] += 2
        await check_silence(self, since)

    async def _go_on(self, times: int) -> None:
        """Let time pass without a leap of any clock."""
        for _ in range(times):
            self.world.jump(STEADY_S)
            await asyncio.sleep(3.0)

    # One State fetches what waits for it.

    async def _fetch(self, *, begin: bool) -> None:
        """Have one State fetch from now on, or be posted to again: its card, and what is configured at each of them."""
        country, beside = self._fetcher.country, self._fetches == "beside"
        self.world.note(country, "fetches", status=begin)
        self.counts["fetching"] += begin
        for host in self.world.hosts.values():
            async with host.alone:
                ran = host.wanted
                await host.stop()
                for partner in homes.COUNTRIES:
                    if country in (host.country, partner) and partner != host.country:
                        homes.fetch(host.home, host.country, partner, fetches=country if begin else None, beside=beside)
                if ran:
                    host.start()
        if not beside:
            self._door(shut=begin)
            await self.faults.issue(self._fetcher, {"addresses": [] if begin else self._addresses})

    def _door(self, *, shut: bool) -> None:
        """Let nobody reach the State that fetches, or let them again."""
        door = self.world.network.close_door if shut else self.world.network.open_door
        door(self._fetcher.name)

    async def heal(self) -> None:
        """Everything runs and is reachable; nobody waits for a card."""
        self.world.note("-", "heal")
        self._door(shut=self._fetches == "always")
        for host in self.world.hosts.values():
            host.start()
            await host.ready()
            await host.act("confirm", partial(confirm, host))
            await self.desks.unbar(host)
