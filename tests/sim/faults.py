"""
Everything that can go wrong in a seed, within a gateway, between two of them, and by those who run them.

Which fault comes when is drawn from the seed; nothing depends on what a key or a nonce is.
"""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.core.envelope import MEDIA_TYPE_SEVERAL
from gateway.services.compromise import Compromise
from gateway.services.ports import Unavailable
from gateway.transport.card_directory import newest_path
from keys.card import Card
from tests.sim import homes
from tests.sim.desks import Desks
from tests.sim.stops import HANDED_OVER_S
from tests.sim.world import Host, LinePeers, World
from tests.support.holds import lift

KINDS = {
    "crash": 30,
    "partition": 9,
    "deaf": 10,
    "isolation": 5,
    "cut": 12,
    "slowness": 6,
    "skew": 8,
    "full": 10,
    "rotation": 5,
    "signing": 4,
    "refresh": 5,
    "restore": 7,
    "hold": 6,
    "bar": 5,
    "mute": 7,
    "noise": 7,
    "again": 8,
    "pause": 6,
    "older": 5,
    "theft": 3,
}
"""How often each comes, beside the others."""

DISTURBED_S = (8.0, 11.0)

RESTORES = 0.15
"""How often a seed is one of restores: of one State from the same backup again, and of several."""

ANEW = 0.25
"""How often a backup is made anew where there is one: of what a restore has left, or is still about to."""

CARD_S = 4.0
"""The longest that a card takes to come to both partners."""

ANSWERS_CHANGE = 0.85
"""How often it is answers of which bytes change. What is asked is refused for good then, and a person is told."""

TAKEN = 0.6
"""How often whoever begins to sign with a new key has waited until both partners had the card that lists it."""

LONG_PAUSES = 0.3
"""How often a machine that stands still does so for longer than anybody waits for it."""


@dataclass
class Backup:
    """A copy of a store, and when it was made."""

    at: float
    path: Path


class Faults:
    """The faults of one run, and what they cost: who was restored, and whose keys were stolen."""

    def __init__(self, world: World, counts: Counter[str], desks: Desks) -> None:
        """Let things go wrong in ``world`` while ``desks`` work, and count them in ``counts``."""
        self.world = world
        self.random = world.random
        self.counts = counts
        self.desks = desks
        self.lost: list[tuple[str, float, float]] = []
        """Restores: country, instant of the backup, instant of the restore."""
        self.put_back_at: dict[str, datetime] = {}
        """When each State was restored last, by a clock that is right."""

        self.robbed: set[str] = set()
        """States that replaced stolen keys."""

        self.among: Sequence[str] = homes.COUNTRIES
        """States whose gateways something may befall."""

        self._backups: dict[str, Backup] = {}
        self._weights = KINDS | ({"restore": 40} if self.random.random() < RESTORES else {})
        self._stranger = LinePeers(world.network, "line.test", self._card)

    async def close(self) -> None:
        """Let go of the line of whoever posts again what is not theirs."""
        await self._stranger.close()

    async def disturbed(self, faults: int) -> None:
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
            tasks.append(asyncio.create_task(getattr(self, f"_{name}")(self.host())))
        await asyncio.gather(*tasks)

    def host(self) -> Host:
        """Return the gateway of one of the States."""
        return self.world.hosts[self.random.choice(self.among)]

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
                self.world.hear(one.post, answer.body)
            forgot = any(country == one.recipient for country, _, _ in self.lost)
            served = answer.status == 200 and answer.media_type == MEDIA_TYPE_SEVERAL
            if served and not forgot and sha256(one.body).digest() in self.world.collected:
                self.world.fail("collected once", f"{one.recipient} hands out again by a collect that it had answered")
            if served:
                self.world.collected[sha256(one.body).digest()] = self.world.loop.time()
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
        for stops in (journal.stopped, journal.held, journal.minors, journal.barred, journal.unpressed):
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
        await self.new_keys(host, keep=self.random.random() < 0.6, days=self.random.choice((45, 90)))

    async def new_keys(self, host: Host, *, keep: bool, days: int, wait_s: float = CARD_S) -> None:
        """Make a sealing key that is valid for ``days``, beside the others or in their place, and start with it."""
        async with host.alone:
            changes = homes.new_sealing(host.home, host.country, host.clock.now(), keep=keep, days=days)
            await self.issue(host, changes, wait_s)
            await host.stop()
            await asyncio.sleep(self.random.uniform(0.1, 1.0))
            host.start()

    async def _signing(self, host: Host) -> None:
        await self.signing(host)

    async def signing(self, host: Host) -> None:
        """Make a new signing key, publish it, and sign with it from a start on: once partners have the card, or not."""
        async with host.alone:
            if not (changes := homes.new_signing(host.home, host.country, host.clock.now())):
                return
            await self.issue(host, changes)
            if self.random.random() < TAKEN:
                for other in self.world.hosts.values():
                    if other is not host:
                        await other.act("refresh", lambda gateway: gateway.refresh_trust())
            await host.stop()
            homes.begin_to_sign(host.home)
            await asyncio.sleep(self.random.uniform(0.1, 1.0))
            host.start()

    async def issue(self, host: Host, changes: Mapping[str, Any], wait_s: float = CARD_S) -> None:
        """Issue a card; it comes to each partner in its own time, and is taken when that gateway looks."""
        await self._spread(host, homes.issue(host.home, host.country, changes, host.clock.now()), wait_s)

    async def _spread(self, host: Host, card: Card, wait_s: float = 2.0) -> None:
        for other in homes.COUNTRIES:
            if other != host.country:
                await asyncio.sleep(self.random.uniform(0.0, wait_s / 2))
                self.world.publish(card, other)

    async def _refresh(self, host: Host) -> None:
        """Issue a card that says the same, and have a partner read it at once."""
        await self.issue(host, {})
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
            outcome, _ = await host.act("confirm", partial(confirm, host))
            if outcome == "done":
                return
            await asyncio.sleep(0.5)

    async def _bar(self, host: Host) -> None:
        """Have two persons say that a State is not to be contacted, and two that this is over."""
        await self.desks.bar(host, self._other(host).country)
        await asyncio.sleep(self.random.uniform(1.0, 8.0))
        for _ in range(20):
            if await self.desks.unbar(host):
                return
            await asyncio.sleep(0.5)

    async def _restore(self, host: Host) -> None:
        """Make a backup the first time, and now and then anew; otherwise put the last one back as the manual says."""
        backup = self._backups.get(host.country)
        if backup is None or self.random.random() < ANEW:
            self._backups[host.country] = self.back_up(host)
            return
        async with host.alone:
            await host.stop()
            await self.put_back(host, backup)

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

    def back_up(self, host: Host) -> Backup:
        """Copy the store of a gateway, which may run."""
        self.counts["backups"] += 1
        path = host.home / f"backup.{self.counts['backups']}.db"
        with sqlite3.connect(host.database) as source, sqlite3.connect(path) as target:
            source.backup(target)
        source.close()
        target.close()
        return Backup(self.world.loop.time(), path)

    async def put_back(self, host: Host, backup: Backup) -> None:
        """Put a copy in the place of the store of a gateway that is stopped, as the manual says, and start it."""
        host.room = None
        host.set_aside()
        shutil.copyfile(backup.path, host.database)
        journal, now = self.desks.journals[host.country], self.world.loop.time()
        self.lost.append((host.country, backup.at, now))
        self.put_back_at[host.country] = self.world.now()
        journal.done = [one for one in journal.done if one[0] <= backup.at]
        journal.held = {ref: since for ref, since in journal.held.items() if since <= backup.at}
        journal.minors = {ref: since for ref, since in journal.minors.items() if since <= backup.at}
        journal.withheld = {ref: since for ref, since in journal.withheld.items() if since <= backup.at}
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


async def _close(gateway: Gateway) -> None:
    await gateway.context.peers.close()
    await gateway.close()


async def confirm(host: Host, gateway: Gateway) -> None:
    """Lift every hold, after a word with whoever is on it; a backup may have brought one back."""
    trust = gateway.context.trust
    for country in sorted(trust.holds()):
        identity = homes.own_card(host.home, country).identity
        await lift(trust, country, identity, host.clock.now())
