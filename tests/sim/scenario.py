"""
What happens in a seed: three desks at work (``desks``), and everything that can go wrong while they are.

Rule 1: every choice is drawn from the seed, also which fault comes when; nothing depends on what a key or a nonce is.
Rule 2: after the last fault the network heals, clocks are right, disks have room, and what waits is delivered.
Rule 3: in some seeds one State fetches what waits for it: from the first day, for a while, or beside its own door.
"""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.core.envelope import MEDIA_TYPE_SEVERAL
from gateway.core.messages import CONFIRMATION, RESYNC
from gateway.services.compromise import Compromise
from gateway.services.deliver import PASSED_OVER
from gateway.services.ports import Unavailable
from gateway.transport.card_directory import newest_path
from keys.card import Card
from schemas import ijson
from tests.sim import homes
from tests.sim.desks import MESSAGES, Desks
from tests.sim.held import held_from
from tests.sim.invariants import check, check_silence
from tests.sim.stops import HANDED_OVER_S
from tests.sim.world import Host, LinePeers, World
from tests.support.holds import lift

FAULTS = 30
PARTS = 4
"""Parts of a run; between two of them hours, days or weeks pass."""

DISTURBED_S = (8.0, 11.0)
YEARS_EVERY = 40
"""Of so many seeds one goes on for two years after its messages are delivered."""

FETCHES: Mapping[str, float] = {"": 0.7, "always": 0.12, "a while": 0.09, "beside": 0.09}
"""How often one State fetches, and how: without a door, without one in the middle of the seed, or beside its door."""

RESTORES = 0.15
"""How often a seed is one of restores: of one State from the same backup again, and of several."""

YEARS_STEP_DAYS = 150
YEARS_STEPS = 6
STEADY_S = 23 * 3600
"""Less than a day: a clock that goes on by so much at once has not leapt (``gateway.core.leap``)."""

CARD_S = 4.0
"""The longest that a card takes to come to both partners."""

LASTS_S = 120.0
"""The longest that the desks may take for what is left to do once the faults are over."""

ANSWERS_CHANGE = 0.85
"""How often it is answers of which bytes change. What is asked is refused for good then, and a person is told."""

LONG_PAUSES = 0.3
"""How often a machine that stands still does so for longer than anybody waits for it."""

DRAINS_S = 3 * 86400.0
"""After the last fault, the longest that anything may still wait to be delivered."""


@dataclass
class Backup:
    """A copy of a store, and when it was made."""

    at: float
    path: Path


@dataclass
class Result:
    """What a run showed."""

    seed: int
    digest: str
    counts: Counter[str]
    failures: Sequence[Any]
    trace: Sequence[str]
    virtual_s: float


def run(seed: int, root: Path) -> Result:
    """Run the whole scenario of ``seed`` under the empty directory ``root`` and return what it showed."""
    with homes.shared():
        return _run(seed, root)


def _run(seed: int, root: Path) -> Result:
    world = World(seed, root)
    play = Scenario(world)
    try:
        world.loop.run_until_complete(play.play())
        digest, virtual_s = world.digest(), (world.now() - homes.START).total_seconds()
        return Result(seed, digest, play.counts, list(world.failures), list(world.trace), virtual_s)
    finally:
        world.close()


class Scenario:
    """One run: desks, faults, healing, and the end."""

    def __init__(self, world: World) -> None:
        """Play in ``world``."""
        self.world = world
        self.random = world.random
        self.counts: Counter[str] = Counter()
        self.desks = Desks(world, self.counts)
        self.lost: list[tuple[str, float, float]] = []
        """Restores: country, instant of the backup, instant of the restore."""
        self.robbed: set[str] = set()
        """States that replaced stolen keys."""

        self._backups: dict[str, Backup] = {}
        self._weights = _FAULTS | ({"restore": 40} if self.random.random() < RESTORES else {})
        self._fetches = self.random.choices(list(FETCHES), list(FETCHES.values()))[0]
        self._fetcher = self._host()
        self._addresses = homes.card.claims_of(homes.own_card(self._fetcher.home, self._fetcher.country))["addresses"]
        self._stranger = LinePeers(world.network, "line.test", self._card)

    async def play(self) -> None:
        """Play to the end and check every invariant."""
        try:
            await self._play()
        finally:
            await self._stranger.close()

    async def _play(self) -> None:
        hosts = self.world.hosts.values()
        if self._fetches in ("always", "beside"):
            await self._fetch(begin=True)
        for host in hosts:
            host.start()
        for host in hosts:
            await host.ready()
        desks = [asyncio.create_task(self.desks.work(host)) for host in hosts]
        faults = FAULTS + self.random.randrange(8)
        for part in range(PARTS):
            if self._fetches == "a while" and part in (1, PARTS - 1):
                await self._fetch(begin=part == 1)
            elif self._fetches == "beside":
                self._door(shut=part % 2 == 1)
            await self._disturbed(faults // PARTS + (part < faults % PARTS))
            if part < PARTS - 1:
                self.world.jump(self.random.choice((3600, 86_400, 86_400, 86_400, 6 * 86_400)))
        latest = self.world.loop.time() + LASTS_S
        while self.counts["messages"] < MESSAGES and not self.world.failures:
            await asyncio.sleep(0.5)
            if self.world.loop.time() > latest:
                self.world.fail("works", f"{self.counts['messages']} messages, and no more come")
        self.desks.working = False
        await asyncio.gather(*desks)
        await self._heal()
        await self._drain()
        self.counts["fetched"] = self.world.fetched
        await check(self)
        if self.world.seed % YEARS_EVERY == YEARS_EVERY - 1 and not self.world.failures:
            await self._years()

    async def _years(self) -> None:
        """Let two years pass in which nobody is at any desk: there are new keys in time, and timers, and silence."""
        hosts = self.world.hosts.values()
        since = {host.country: int(host.look("SELECT max(n) FROM case_event")[0][0] or 0) for host in hosts}
        for _ in range(YEARS_STEPS):
            for host in hosts:
                await self._new_keys(host, keep=True, days=3 * YEARS_STEP_DAYS, wait_s=0.2)
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
            await self._issue(self._fetcher, {"addresses": [] if begin else self._addresses})

    def _door(self, *, shut: bool) -> None:
        """Let nobody reach the State that fetches, or let them again."""
        door = self.world.network.close_door if shut else self.world.network.open_door
        door(self._fetcher.name)

    # Faults.

    async def _disturbed(self, faults: int) -> None:
        """Let ``faults`` faults come at random instants of a while, and wait until the last has passed."""
        length = self.random.uniform(*DISTURBED_S)
        begins = sorted(self.random.uniform(0.0, length * 0.8) for _ in range(faults))
        tasks, began = [], self.world.loop.time()
        for at in begins:
            await asyncio.sleep(max(0.0, began + at - self.world.loop.time()))
            names, weights = zip(*self._weights.items(), strict=True)
            name = self.random.choices(names, weights)[0]
            self.counts[name] += 1
            self.counts["faults"] += 1
            self.world.note("-", f"fault.{name}")
            tasks.append(asyncio.create_task(getattr(self, f"_{name}")(self._host())))
        await asyncio.gather(*tasks)

    def _host(self) -> Host:
        return self.world.hosts[self.random.choice(homes.COUNTRIES)]

    def _other(self, host: Host) -> Host:
        return self.world.hosts[self.random.choice([one for one in homes.COUNTRIES if one != host.country])]

    async def _crash(self, host: Host) -> None:
        """Kill a gateway at whatever it is about to do, and start it again a while later."""
        if host.process is None or not host.process.alive:
            return
        host.process.fuse = self.random.randrange(1, 250)
        process = host.process
        for _ in range(20):
            await asyncio.sleep(0.1)
            if not process.alive:
                break
        else:
            process.die()
        await asyncio.sleep(self.random.uniform(0.1, 4.0))
        if host.wanted:
            host.start()

    async def _partition(self, host: Host) -> None:
        await self._blocked([(host, self._other(host))], both=True)

    async def _deaf(self, host: Host) -> None:
        """Let nothing through in one direction."""
        await self._blocked([(host, self._other(host))], both=False)

    async def _isolation(self, host: Host) -> None:
        others = [one for one in self.world.hosts.values() if one is not host]
        await self._blocked([(host, other) for other in others], both=True)

    async def _blocked(self, pairs: Sequence[tuple[Host, Host]], *, both: bool) -> None:
        ways = [(one.name, other.name) for one, other in pairs]
        ways += [(other, one) for one, other in ways] if both else []
        for way in ways:
            self.world.network.block(*way)
        await asyncio.sleep(self.random.uniform(0.5, 9.0))
        for way in ways:
            self.world.network.open(*way)

    async def _cut(self, host: Host) -> None:
        """Break every connection between two hosts, several times."""
        other = self._other(host)
        for _ in range(4):
            self.world.network.cut(host.name, other.name)
            await asyncio.sleep(self.random.uniform(0.01, 0.5))

    async def _mute(self, host: Host) -> None:
        """Lose each answer to one partner as it is written: all that it says was done and kept before."""
        way = host.name, self._other(host).name
        self.world.network.mute[way] += 1
        await asyncio.sleep(self.random.uniform(0.5, 5.0))
        self.world.network.mute[way] -= 1

    async def _noise(self, host: Host) -> None:
        """Change a byte of some answers on the way to one partner, or of something that is asked of it."""
        answers = self.random.random() < ANSWERS_CHANGE
        way = host.name, self._other(host).name, answers
        self.world.network.noise[way] = self.random.randrange(1, 5) if answers else 1
        await asyncio.sleep(self.random.uniform(2.0, 6.0))
        self.counts["changed"] = len(self.world.network.spoiled)
        self.world.network.noise[way] = 0

    async def _again(self, host: Host) -> None:
        """Post again what somebody kept from the line, new or old; who sent it first knows nothing of that."""
        for _ in range(self.random.randrange(1, 6)):
            if not (kept := self.world.asked):
                return
            one = kept[-1] if self.random.random() < 0.5 else self.random.choice(kept)
            self.counts["replays"] += 1
            try:
                answer = await self._stranger.post(one.recipient, one.path, one.body, one.media_type)
            except Unavailable:
                continue
            if one.post is not None and answer.status == 200 and not self.world.network.is_changed(answer.body):
                self.world.answers.append((one.post, sha256(answer.body.rstrip(b" ")).hexdigest()))
            forgot = any(country == one.recipient for country, _, _ in self.lost)
            served = answer.status == 200 and answer.media_type == MEDIA_TYPE_SEVERAL
            if served and not forgot and sha256(one.body).digest() in self.world.collected:
                self.world.fail("collected once", f"{one.recipient} hands out again by a collect that it had answered")
            await asyncio.sleep(self.random.uniform(0.0, 0.3))

    def _card(self, country: str) -> Card:
        return homes.own_card(self.world.hosts[country].home, country)

    async def _pause(self, host: Host) -> None:
        """Let a machine stand still, as one whose host is busy or moves it, now and then for an hour; then go on."""
        process = host.process
        if process is None or not process.alive or process.fuse is not None or host.alone.locked():
            return
        async with host.alone:
            began = self.world.loop.time()
            process.stand_still()
            await asyncio.sleep(self.random.uniform(0.5, 9.0))
            if self.random.random() < LONG_PAUSES:
                self.world.jump(self.random.choice((600.0, 3600.0, 6 * 3600.0)))
                await asyncio.sleep(self.random.uniform(0.0, 1.0))
            self._later_by(host, began, self.world.loop.time() - began)
            self.world.loop.go_on(process)
            self.world.note(host.country, "goes on")

    def _later_by(self, host: Host, began: float, stood_s: float) -> None:
        """Count no time that a machine stood still: what was handed over just before a stop leaves when it goes on."""
        journal = self.desks.journals[host.country]
        for stops in (journal.stopped, journal.held, journal.minors):
            stops.update({ref: at + stood_s for ref, at in stops.items() if at > began - HANDED_OVER_S})

    async def _older(self, host: Host) -> None:
        """Let the directory show an older card of a partner for a while, as a copy that is behind does."""
        country = self._other(host).country
        newest = newest_path(host.home / "cards", country)
        if newest.name == "1.jws":
            return
        held, lost = self._serial(host, country), len(self.lost)
        away = newest.rename(newest.with_suffix(".away"))
        await host.act("refresh", lambda gateway: gateway.refresh_trust())
        await asyncio.sleep(self.random.uniform(0.5, 6.0))
        if self._serial(host, country) < held and len(self.lost) == lost:
            self.world.fail("trust goes forward", f"{host.country} went back to an older card of {country}")
        away.rename(newest)

    def _serial(self, host: Host, country: str) -> int:
        ((raw,),) = host.look("SELECT card FROM partner WHERE country = ?", country)
        return homes.card.parse_card(raw).serial

    async def _slowness(self, host: Host) -> None:
        """Let everything travel slowly, some of it longer than anybody waits."""
        factor = self.random.choice((10.0, 60.0, 150.0))
        self.world.network.slow *= factor
        await asyncio.sleep(self.random.uniform(1.0, 6.0))
        self.world.network.slow /= factor

    async def _skew(self, host: Host) -> None:
        """Put a clock wrong, by less than partners bear or by more, and right again."""
        off = self.random.choice((-1, 1)) * self.random.choice((40.0, 200.0, 500.0, 1500.0))
        host.shift(off)
        await asyncio.sleep(self.random.uniform(2.0, 8.0))
        host.shift(-off)

    async def _full(self, host: Host) -> None:
        """Leave a disk no room, from some byte on."""
        if host.room is not None or host.alone.locked():
            return
        host.room = self.random.choice((0, self.random.randrange(60_000)))
        await asyncio.sleep(self.random.uniform(0.5, 5.0))
        host.room = None

    async def _rotation(self, host: Host) -> None:
        """Make a new sealing key, publish it, and start the gateway again so that it opens with it."""
        await self._new_keys(host, keep=self.random.random() < 0.6, days=self.random.choice((45, 90)))

    async def _new_keys(self, host: Host, *, keep: bool, days: int, wait_s: float = CARD_S) -> None:
        async with host.alone:
            changes = homes.new_sealing(host.home, host.country, host.clock.now(), keep=keep, days=days)
            await self._issue(host, changes, wait_s)
            await host.stop()
            await asyncio.sleep(self.random.uniform(0.1, 1.0))
            host.start()

    async def _issue(self, host: Host, changes: Mapping[str, Any], wait_s: float = CARD_S) -> None:
        """Issue a card; it comes to each partner in its own time, and is taken when that gateway looks."""
        await self._spread(host, homes.issue(host.home, host.country, changes, host.clock.now()), wait_s)

    async def _spread(self, host: Host, card: Card, wait_s: float = 2.0) -> None:
        for other in homes.COUNTRIES:
            if other != host.country:
                await asyncio.sleep(self.random.uniform(0.0, wait_s / 2))
                self.world.publish(card, other)

    async def _refresh(self, host: Host) -> None:
        """Issue a card that says the same, and have a partner read it at once."""
        await self._issue(host, {})
        await self._other(host).act("refresh", lambda gateway: gateway.refresh_trust())

    async def _hold(self, host: Host) -> None:
        """Put a partner on hold: nothing is sent to it and nothing taken from it until an officer confirms its key."""
        other = self._other(host).country
        work = lambda g: g.context.trust.hold(other, "second", "heard of something", host.clock.now())  # noqa: E731
        outcome, _ = await host.act("hold", work)
        if outcome not in ("done", "cut"):
            return
        await asyncio.sleep(self.random.uniform(1.0, 6.0))
        for _ in range(20):
            outcome, _ = await host.act("confirm", partial(_confirm, host))
            if outcome == "done":
                return
            await asyncio.sleep(0.5)

    async def _restore(self, host: Host) -> None:
        """Make a backup the first time; the next time, put it back as the manual says."""
        backup = self._backups.get(host.country)
        if backup is None:
            self._back_up(host)
            return
        async with host.alone:
            await host.stop()
            await self._put_back(host, backup)

    async def _theft(self, host: Host) -> None:
        """Have a State replace the keys that were stolen from it as the command does, a new epoch with them."""
        async with host.alone:
            await host.stop()
            host.room = None
            self.counts["thefts"] += 1
            self.robbed.add(host.country)
            gateway = await host.build()
            try:
                gateway.context.epoch = max(gateway.context.epoch, homes.own_card(host.home, host.country).epoch)
                epoch = await gateway.resync.begin_epoch(host.clock.now())
            finally:
                await _close(gateway)
            changes, gone = homes.stolen(host.home, host.country, host.clock.now())
            card = homes.issue(host.home, host.country, changes | {"epoch": epoch}, host.clock.now())
            gateway = await host.build()
            try:
                met, now = Compromise(gateway.context), host.clock.now()
                await met.note_destroyed(gone, now)
                await met.sign_again(now)
                await met.greet(now)
            finally:
                await _close(gateway)
            await self._spread(host, card)
            host.start()

    def _back_up(self, host: Host) -> None:
        path = host.home / "backup.db"
        with sqlite3.connect(host.database) as source, sqlite3.connect(path) as target:
            source.backup(target)
        source.close()
        target.close()
        self._backups[host.country] = Backup(self.world.loop.time(), path)

    async def _put_back(self, host: Host, backup: Backup) -> None:
        host.room = None
        host.set_aside()
        shutil.copyfile(backup.path, host.database)
        journal, now = self.desks.journals[host.country], self.world.loop.time()
        self.lost.append((host.country, backup.at, now))
        journal.done = [one for one in journal.done if one[0] <= backup.at]
        journal.held = {ref: since for ref, since in journal.held.items() if since <= backup.at}
        journal.minors = {ref: since for ref, since in journal.minors.items() if since <= backup.at}
        held = homes.own_card(host.home, host.country)
        gateway = await host.build()
        try:
            gateway.context.epoch = max(gateway.context.epoch, held.epoch)
            epoch = await gateway.resync.begin_epoch(host.clock.now())
            await self.desks.enter_again(gateway, host.country)
        finally:
            await _close(gateway)
        card = homes.issue(host.home, host.country, {"epoch": epoch}, host.clock.now())
        self.counts["restores"] += 1
        await self._spread(host, card)
        host.start()

    # The end.

    async def _heal(self) -> None:
        """Everything runs and is reachable; nobody waits for a card."""
        self.world.note("-", "heal")
        self._door(shut=self._fetches == "always")
        for host in self.world.hosts.values():
            host.start()
            await host.ready()
            await host.act("confirm", partial(_confirm, host))

    async def _drain(self) -> None:
        """
        Let time pass until nothing waits any more, but for what a person stopped. Word of a stop does not wait.

        Nor does what takes a return further go on, or what stands behind it, where a rule holds it because the other
        State took its reply back (R-04), the person is a minor since, or all began anew and nothing is signed, until
        people go on with it or say that it is over (``held_from``); nor what stands behind a number that a restored
        partner has forgotten: of a message that a rule kept from it, which a finding tells people, or of a case that
        was destroyed, of which nothing is left that could be posted again.

        A case that was stopped while a partner began a new epoch is not posted again, also once it goes on; what
        follows in its thread waits for a number that the partner has forgotten.
        """
        latest = self.world.now() + timedelta(seconds=DRAINS_S)
        while True:
            unnoticed = self._unnoticed()
            if not (waiting := await self._waiting() + unnoticed):
                return
            for host in self.world.hosts.values() if unnoticed else ():
                await host.act("refresh", lambda gateway: gateway.refresh_trust())
            if self.world.now() > latest:
                self.world.fail("drains", f"still waiting: {waiting}")
                return
            await asyncio.sleep(2.0)
            if self._found() or self._unnoticed():
                self.world.jump(self.random.choice((30.0, 300.0, 1800.0)))

    def _unnoticed(self) -> list[tuple[Any, ...]]:
        """Return who was restored and is not known to be: a card that a clock ahead has dated is taken later."""
        epochs = {host.country: homes.own_card(host.home, host.country).epoch for host in self.world.hosts.values()}
        known = "SELECT country, epoch FROM partner"
        return [
            (host.country, partner, "restored", epoch)
            for host in self.world.hosts.values()
            for partner, epoch in host.look(known)
            if epoch < epochs[partner]
        ]

    async def _waiting(self) -> list[tuple[Any, ...]]:
        return [(host.country, *row[:4]) for host, row in self._found() if not await self._may_wait(host, row)]

    def _found(self) -> list[tuple[Host, tuple[Any, ...]]]:
        """Return each message that waits, but for what a person stopped, and what is sealed to a key that is gone."""
        query = """
            SELECT outbound.partner, type, outbound.state, attempts, outbound.thread, kid, outbound.ref, epoch, seq,
                ifnull(case_file.state, '') IN ('CONSIDERED', 'ASSESSED', 'PROPOSED') OR EXISTS (
                    SELECT 1 FROM case_event WHERE ref = outbound.ref
                    AND event IN ('rectification', 'restate', 'strike'))
            FROM outbound LEFT JOIN case_file USING (ref)
            WHERE outbound.state IN ('queued', 'posted') AND ifnull(case_file.state, '') <> 'FROZEN'
            AND (ifnull(case_file.state, '') <> 'SUSPENDED' OR type = 'suspension')
            AND NOT (outbound.partner IN (SELECT value FROM json_each(?))
                AND EXISTS (SELECT 1 FROM case_event WHERE ref = outbound.ref AND event = 'freeze'))
        """
        restored = ijson.dumps(sorted({country for country, _, _ in self.lost} | self.robbed)).decode()
        found = [(host, row) for host in self.world.hosts.values() for row in host.look(query, restored)]
        found = [(host, row) for host, row in found if row[4] or not self._sealed_for_good(host, row)]
        stopped = self.desks.waits_for_people
        return [(host, row) for host, row in found if not stopped(host.country, row[6], row[1])]

    async def _may_wait(self, host: Host, row: tuple[Any, ...]) -> bool:
        """Return whether it is shown why a message waits for people, or for a number that is lost: see ``_drain``."""
        partner, type, _, _, thread, _, ref, epoch, seq, unsaid = row
        if host.gateway is None or thread is None:
            return False
        if unsaid and (since := await held_from(host, ref)) is not None and since <= (epoch, seq):
            return True
        restored = any(country == partner for country, _, _ in self.lost)
        if (gap := self._forgotten(host, partner, thread) if restored else None) is None:
            return False
        if ref is None:
            left = """SELECT 1 FROM outbound JOIN outbound_body USING (n)
                WHERE partner = ? AND thread = ? AND epoch = ? AND seq BETWEEN ? AND ? AND envelope IS NOT NULL"""
            return type == CONFIRMATION and not host.look(left, partner, thread, *gap)
        return PASSED_OVER in (await self.desks.case(host.gateway, ref)).findings

    def _forgotten(self, host: Host, partner: str, thread: str) -> tuple[int, int, int] | None:
        """Return epoch and first and last number of what ``partner`` waits for in a thread before what waits here."""
        waits = "SELECT epoch, seq FROM outbound WHERE partner = ? AND thread = ? AND state IN ('queued', 'posted')"
        waiting = host.look(waits, partner, thread)
        if not waiting:
            return None
        epoch, first = min(waiting)
        came = "SELECT in_seq FROM thread WHERE partner = ? AND thread = ? AND in_epoch = ?"
        rows = self.world.hosts[partner].look(came, host.country, thread, epoch)
        awaited = (rows[0][0] if rows else 0) + 1
        return (epoch, awaited, first - 1) if awaited < first else None

    def _sealed_for_good(self, host: Host, row: tuple[Any, ...]) -> bool:
        """
        Return whether a message of no thread, which is not sealed anew, is sealed to a key that is gone.

        A listing is not: it is made anew as soon as it may be posted, a quarter of an hour after one that was refused.
        """
        return row[1] != RESYNC and row[5] not in {entry.kid for entry in homes.own_card(host.home, row[0]).sealing}


_FAULTS = {
    "crash": 30,
    "partition": 9,
    "deaf": 10,
    "isolation": 5,
    "cut": 12,
    "slowness": 6,
    "skew": 8,
    "full": 10,
    "rotation": 5,
    "refresh": 5,
    "restore": 7,
    "hold": 6,
    "mute": 7,
    "noise": 7,
    "again": 8,
    "pause": 6,
    "older": 5,
    "theft": 3,
}


async def _close(gateway: Gateway) -> None:
    await gateway.context.peers.close()
    await gateway.close()


async def _confirm(host: Host, gateway: Gateway) -> None:
    """Lift every hold, after a word with whoever is on it; a backup may have brought one back."""
    trust = gateway.context.trust
    for country in sorted(trust.holds()):
        identity = homes.own_card(host.home, country).identity
        await lift(trust, country, identity, host.clock.now())
