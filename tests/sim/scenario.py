"""
What happens in a seed: three desks at work, and everything that can go wrong while they are.

Rule 1: every choice is drawn from the seed, also which fault comes when; nothing depends on what a key or a nonce is.
Rule 2: a desk knows what its gateway told it and nothing else. What a crash left open it looks up again.
Rule 3: after the last fault the network heals, clocks are right, disks have room, and what waits is delivered.
"""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gateway.app import Gateway
from gateway.core import wire
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.messages import RESYNC, SUSPENSION, WITHDRAWAL
from gateway.services import cases
from gateway.services.context import Forbidden, NotFound
from gateway.services.ports import Conflict, Unavailable
from keys import statement
from schemas import ijson
from tests.sim import homes
from tests.sim.invariants import check, check_silence
from tests.sim.world import Host, Post, World
from tests.support import homeward, story
from tests.support.holds import lift

MESSAGES = 60
FAULTS = 25
PARTS = 4
"""Parts of a run; between two of them hours, days or weeks pass."""

DISTURBED_S = (8.0, 11.0)
YEARS_EVERY = 40
"""Of so many seeds one goes on for two years after its messages are delivered."""

YEARS_STEP_DAYS = 150
YEARS_STEPS = 6
STEADY_S = 23 * 3600
"""Less than a day: a clock that goes on by so much at once has not leapt (``gateway.core.leap``)."""

GOES_ON = 0.5
"""How often a desk that has returns under way takes the next step of one, before it looks at anything else."""

STOPS = 0.08
"""How often a desk that might stop a case does."""

CARD_S = 4.0
"""The longest that a card takes to come to both partners."""

LASTS_S = 120.0
"""The longest that the desks may take for what is left to do once the faults are over."""

DRAINS_S = 3 * 86400.0
"""After the last fault, the longest that anything may still wait to be delivered."""

EXPECTED = {error.__name__ for error in (IllegalStep, RuleRefused, Forbidden, NotFound, Unavailable, Conflict)}
"""What an act may raise: the case moved on meanwhile, a rule stands against it, or the disk is full."""

PLAN = {**homeward.PLAN, "window": {"from": "2026-11-25", "until": "2027-02-28"}}
NEEDED_BY = "2026-12-10"
RELEASED_DAYS = 60

FAMILIES = ("ADLER", "BERGER", "CONRAD", "DREXLER", "EBNER", "FUCHS", "GRUBER", "HALLER", "IMHOF", "JONAS", "KELLER")


@dataclass
class Journal:
    """What the desks of one State know to have done: (seconds of the loop, reference, event)."""

    done: list[tuple[float, str, str]] = field(default_factory=list)
    stopped: dict[str, float] = field(default_factory=dict)
    """References of cases that stand still by a person's word, and since when."""

    held: dict[str, float] = field(default_factory=dict)
    """References of returns that the child-welfare authority stopped, and since when."""


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


class OpenCase(NamedTuple):
    """What a desk sees of a case before it acts; ``due_at`` in seconds since 1970."""

    ref: str
    side: str
    state: str
    thread: str | None
    partner: str
    due_at: float | None


class Scenario:
    """One run: desks, faults, healing, and the end."""

    def __init__(self, world: World) -> None:
        """Play in ``world``."""
        self.world = world
        self.random = world.random
        self.counts: Counter[str] = Counter()
        self.journals = {country: Journal() for country in homes.COUNTRIES}
        self.lost: list[tuple[str, float, float]] = []
        """Restores: country, instant of the backup, instant of the restore."""
        self._backups: dict[str, Backup] = {}
        self._working = True
        self._persons = 0
        world.watch = self.watch

    async def play(self) -> None:
        """Play to the end and check every invariant."""
        hosts = self.world.hosts.values()
        for host in hosts:
            host.start()
        for host in hosts:
            await host.ready()
        desks = [asyncio.create_task(self._desk(host)) for host in hosts]
        faults = FAULTS + self.random.randrange(8)
        for part in range(PARTS):
            await self._disturbed(faults // PARTS + (part < faults % PARTS))
            if part < PARTS - 1:
                self.world.jump(self.random.choice((3600, 86_400, 86_400, 86_400, 6 * 86_400)))
        latest = self.world.loop.time() + LASTS_S
        while self.counts["messages"] < MESSAGES and not self.world.failures:
            await asyncio.sleep(0.5)
            if self.world.loop.time() > latest:
                self.world.fail("works", f"{self.counts['messages']} messages, and no more come")
        self._working = False
        await asyncio.gather(*desks)
        await self._heal()
        await self._drain()
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

    # Desks.

    async def _desk(self, host: Host) -> None:
        """Do one thing after another until the work is over."""
        while self._working:
            await asyncio.sleep(self.random.uniform(0.1, 1.2))
            if host.up:
                await self._something(host)

    async def _something(self, host: Host) -> None:
        if self.counts["messages"] >= MESSAGES:
            return
        rows = [OpenCase(*row) for row in host.look(_OPEN_CASES)]
        if not rows or (self.random.random() < 0.1 and len(rows) < 5):
            await self._ask(host)
            return
        returns = [row for row in rows if row.state in _RETURN]
        row = self.random.choice(returns if returns and self.random.random() < GOES_ON else rows)
        if acts := _ACTS.get((row.side, row.state)):
            await getattr(self, f"_{self.random.choice(acts)}")(host, row)

    async def _do(
        self, host: Host, ref: str, event: str, work: Callable[[Gateway], Awaitable[Any]], *, says: bool = False
    ) -> bool:
        """Have a step taken; note it if the gateway says it was. One that ``says`` something sends a message."""
        outcome, value = await host.act(event, work)
        if outcome == "done":
            self.journals[host.country].done.append((self.world.loop.time(), ref, event))
            self.counts["messages"] += says
            self.counts["acts"] += 1
            return True
        if outcome not in EXPECTED | {"down", "cut"}:
            self.world.fail("acts as documented", f"{event} in {host.country} raised {outcome}: {value}", value)
        return False

    async def _ask(self, host: Host) -> None:
        partner = self.random.choice([one for one in homes.COUNTRIES if one != host.country])
        draft = self._draft(host, partner)
        outcome, ref = await host.act("new", lambda gateway: gateway.clear.new(draft, "first"))
        if outcome == "done":
            self.journals[host.country].done.append((self.world.loop.time(), ref, "open"))
            if await self._approve_ref(host, ref):
                await self._send_ref(host, ref)
        elif outcome not in EXPECTED | {"down", "cut"}:
            self.world.fail("acts as documented", f"new in {host.country} raised {outcome}: {ref}", ref)

    def _draft(self, host: Host, partner: str) -> dict[str, Any]:
        """Return a case draft about an invented adult; now and then it is one who was asked about before."""
        if not self._persons or self.random.random() < 0.95:
            self._persons += 1
        number = self._persons
        day = host.clock.now().date()
        family = FAMILIES[number % len(FAMILIES)] + "ABCDEFGHIKLMNOPR"[number // len(FAMILIES) % 16] * 2
        elements = {
            "names": [_name(family)],
            "birth_date": f"{1950 + number % 50}-04-{1 + number % 28:02d}",
            "birth_place": {"country": partner, "unit": "Northtown"},
            "sex": 2,
        }
        attested = {"state": "none", "attested_by": "protection", "attested_on": day.isoformat(), "basis": "interview"}
        return story.draft(
            to=partner,
            claimed_origin=[partner],
            elements=elements,
            asylum=attested,
            handling=homeward.HANDLING,
        )

    async def _approve(self, host: Host, row: OpenCase) -> None:
        await self._approve_ref(host, row.ref)

    async def _approve_ref(self, host: Host, ref: str) -> bool:
        async def approve(gateway: Gateway) -> None:
            preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
            kind = "request.approval" if preview.type == "verification.request" else "elements.approval"
            signed = self._signed(host, thread, kind, "liaison_officer", preview.digest, "second")
            await gateway.clear.approve(ref, signed, "second")

        return await self._do(host, ref, "approve", approve)

    def _signed(self, host: Host, thread: str, kind: str, role: str, digest: str, person: str, days: int = 2) -> str:
        until = host.clock.now() + timedelta(days=days)
        return homes.sign(self.world.homes, person, statement.Statement(thread, kind, role, digest, until))

    async def _send(self, host: Host, row: OpenCase) -> None:
        await self._send_ref(host, row.ref)

    async def _send_ref(self, host: Host, ref: str) -> bool:
        return await self._do(host, ref, "send", lambda gateway: gateway.clear.send(ref, "first"), says=True)

    async def _acknowledge(self, host: Host, row: OpenCase) -> None:
        await self._do(host, row.ref, "acknowledge", lambda g: g.answer.acknowledge(row.ref, "first"), says=True)

    async def _delay(self, host: Host, row: OpenCase) -> None:
        eta = (host.clock.now().date() + timedelta(days=20)).isoformat()
        work = lambda g: g.answer.delay(row.ref, "ARCHIVE_SEARCH", eta, "first")  # noqa: E731  (one line of work)
        await self._do(host, row.ref, "notify_delay", work, says=True)

    async def _extend(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.answer.extend(row.ref, "ARCHIVE_SEARCH", "first")  # noqa: E731
        await self._do(host, row.ref, "extend", work, says=True)

    async def _answer(self, host: Host, row: OpenCase) -> None:
        outcome = self.random.choice(("NATIONAL", "NATIONAL", "NATIONAL", "NOT_FOUND"))
        value = story.reply(outcome, as_of=host.clock.now().date().isoformat())

        async def answer(gateway: Gateway) -> None:
            pending = await gateway.answer.prepare(row.ref, value, "first")
            if outcome != "NATIONAL":
                kind = "reply.second-signature"
                signed = self._signed(host, row.thread, kind, "second_signer", pending.digest, "signer")
                await gateway.answer.countersign(row.ref, signed, "signer")
            await gateway.answer.answer(row.ref, "first")

        await self._do(host, row.ref, "answer", answer, says=True)

    async def _contest(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.clear.contest(row.ref, "NEW_ELEMENT", "first")  # noqa: E731
        await self._do(host, row.ref, "contest", work, says=True)

    async def _propose(self, host: Host, row: OpenCase) -> None:
        """Go from a positive reply to a proposal of a return, which the authority in charge releases."""
        person, role, named = homeward.in_charge(minor=False)

        async def propose(gateway: Gateway) -> None:
            returning = gateway.returning
            if row.state == "REPLIED":
                await returning.consider(row.ref, homeward.record(), "first", "case_officer")
            if row.state in ("REPLIED", "CONSIDERED"):
                await returning.assess(row.ref, person, role)
            pending = await returning.prepare(row.ref, PLAN, "first", "case_officer")
            kind = "return.approval"
            signed = self._signed(host, row.thread, kind, "liaison_officer", pending.digest, "second")
            await returning.approve(row.ref, signed, "second")
            signed = self._signed(host, row.thread, "return.release", named, pending.digest, person, RELEASED_DAYS)
            await returning.endorse(row.ref, signed, person, role)
            await returning.propose(row.ref, "first", "case_officer")

        await self._do(host, row.ref, "propose", propose, says=True)

    async def _accept(self, host: Host, row: OpenCase) -> None:
        """Accept a return, as the authority in charge on the other side."""

        async def accept(gateway: Gateway) -> None:
            returning = gateway.returning
            pending = await returning.prepare_acceptance(row.ref, homeward.ANSWER, "first", "registry_clerk")
            kind, role = "return.acceptance", "desk_head"
            signed = self._signed(host, row.thread, kind, role, pending.digest, "second", RELEASED_DAYS)
            await returning.accept(row.ref, signed, "second", role)

        await self._do(host, row.ref, "accept", accept, says=True)

    async def _refuse(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.returning.refuse(row.ref, "NO_CARER", "first", "registry_clerk")  # noqa: E731
        await self._do(host, row.ref, "refuse", work, says=True)

    async def _reassess(self, host: Host, row: OpenCase) -> None:
        """Begin a return anew, of which the other State learns by the next proposal."""
        if self.random.random() < STOPS:
            await self._do(host, row.ref, "reassess", lambda g: g.returning.reassess(row.ref, "first", "case_officer"))

    async def _decide(self, host: Host, row: OpenCase) -> None:
        """Enter the decision that the person returns, as the authority in charge, and ask for a travel document."""
        person, role, _ = homeward.in_charge(minor=False)

        async def decide(gateway: Gateway) -> None:
            returning = gateway.returning
            if row.state == "ACCEPTED":
                await returning.record(row.ref, homeward.record(decision=homeward.DECISION), "first", "case_officer")
                await returning.decide(row.ref, person, role)
            pending = await returning.prepare_document(row.ref, NEEDED_BY, "first", "case_officer")
            signed = self._signed(host, row.thread, "travel.approval", "liaison_officer", pending.digest, "second")
            await returning.approve(row.ref, signed, "second")
            await returning.request_document(row.ref, "first", "case_officer")

        await self._do(host, row.ref, "request_document", decide, says=True)

    async def _issue_document(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.returning.issue(row.ref, homeward.DOCUMENT, "issuer")  # noqa: E731
        await self._do(host, row.ref, "issue", work, says=True)

    async def _schedule(self, host: Host, row: OpenCase) -> None:
        """Plan a journey for tomorrow: the soonest that there may be."""
        leaves = host.clock.now() + timedelta(hours=25)
        travel = {"departs_at": wire.format_instant(leaves), "notice_h": 24}
        point = {"country": row.partner, "unit": "Northtown"}
        arrives_at = wire.format_instant(leaves + timedelta(hours=4))

        async def schedule(gateway: Gateway) -> None:
            record = homeward.record(decision=homeward.DECISION, travel=travel)
            await gateway.returning.record(row.ref, record, "first", "case_officer")
            journey = {**homeward.JOURNEY, "arrives_at": arrives_at, "point": point}
            await gateway.returning.schedule(row.ref, journey, "second")

        await self._do(host, row.ref, "schedule", schedule, says=True)

    async def _cancel(self, host: Host, row: OpenCase) -> None:
        work = lambda g: g.returning.cancel(row.ref, "first", "case_officer")  # noqa: E731
        await self._do(host, row.ref, "cancel", work, says=True)

    async def _depart(self, host: Host, row: OpenCase) -> None:
        """Have the person leave, who confirms it on the day; a journey of another day is cancelled."""
        now = host.clock.now()

        async def depart(gateway: Gateway) -> None:
            held = await gateway.store.read(lambda tx: cases.load(gateway.context, tx, row.ref))
            travel = (held.case.record or {})["travel"]
            again = {"on": now.date().isoformat(), "by": "escort", "consent_stands": True}
            given = {"contacts_given_on": "2026-11-25", "reconfirmation": again}
            record = homeward.record(decision=homeward.DECISION, travel=travel, **given)
            await gateway.returning.record(row.ref, record, "first", "case_officer")
            await gateway.returning.depart(row.ref, "escort")

        await self._do(host, row.ref, "depart", depart, says=True)

    async def _recall(self, host: Host, row: OpenCase) -> None:
        """Call back who has left, as the child-welfare authority of either side."""
        if self.random.random() >= STOPS:
            return
        by = (host.clock.now().date() + timedelta(days=9)).isoformat()
        work = lambda g: g.returning.recall(row.ref, "danger", "UNSAFE", by, "welfare", "child_welfare")  # noqa: E731
        if await self._do(host, row.ref, "recall", work, says=True):
            self.counts["recalls"] += 1

    async def _hand_over(self, host: Host, row: OpenCase) -> None:
        """Sign that the person was handed over, as the escort."""
        at = wire.format_instant(host.clock.now())
        protocol = {**homeward.PROTOCOL, "at": at, "place": {"country": row.partner, "unit": "Northtown"}}

        async def hand_over(gateway: Gateway) -> None:
            seen = await gateway.returning.protocol(row.ref, protocol, "escort", "escort")
            signed = self._signed(host, seen.thread, "handover.delivery", "escort", seen.digest, "escort")
            await gateway.returning.hand_over(row.ref, protocol, signed, "escort")

        await self._do(host, row.ref, "hand_over", hand_over, says=True)

    async def _confirm_handover(self, host: Host, row: OpenCase) -> None:
        """Sign that the person arrived, as the service that receives her."""

        async def confirm(gateway: Gateway) -> None:
            seen = await gateway.returning.protocol(row.ref, None, "reception", "reception")
            signed = self._signed(host, seen.thread, "handover.receipt", "reception", seen.digest, "reception")
            await gateway.returning.confirm_handover(row.ref, signed, "reception")

        await self._do(host, row.ref, "confirm_handover", confirm, says=True)

    async def _report(self, host: Host, row: OpenCase) -> None:
        today = host.clock.now().date().isoformat()
        work = lambda g: g.returning.report(row.ref, "SEEN_SAFE", today, False, "reception", "reception")  # noqa: E731
        await self._do(host, row.ref, "report", work, says=True)

    async def _close(self, host: Host, row: OpenCase) -> None:
        if row.side == "requesting":
            await self._do(host, row.ref, "close", lambda g: g.clear.close(row.ref, "first"))
        else:
            await self._do(host, row.ref, "close", lambda g: g.answer.close(row.ref, "first"))

    async def _freeze(self, host: Host, row: OpenCase) -> None:
        """Stop a case; what the desk was not told of it does again until it is."""
        if self.random.random() >= STOPS:
            return
        who = ("first", "case_officer") if row.side == "requesting" else ("first", "registry_clerk")
        work = lambda g: g.hold.freeze(row.ref, "known now", *who)  # noqa: E731
        if await self._do(host, row.ref, "freeze", work):
            self.counts["freezes"] += 1
            self.journals[host.country].stopped[row.ref] = self.world.loop.time()

    async def _suspend(self, host: Host, row: OpenCase) -> None:
        """Stop a return, as the child-welfare authority of either side."""
        if self.random.random() >= STOPS:
            return
        work = lambda g: g.returning.suspend(row.ref, "danger", "welfare", "child_welfare")  # noqa: E731
        if await self._do(host, row.ref, "suspend", work):
            self.counts["suspensions"] += 1
            self.journals[host.country].held[row.ref] = self.world.loop.time()

    async def _withdraw(self, host: Host, row: OpenCase) -> None:
        if await self._do(host, row.ref, "withdraw", lambda g: g.hold.withdraw(row.ref, "first", "case_officer")):
            self.counts["withdrawals"] += 1

    async def _resume(self, host: Host, row: OpenCase) -> None:
        """Let a case go on: who froze it lets go, two persons agree."""
        role = "case_officer" if row.side == "requesting" else "registry_clerk"
        other = "liaison_officer" if row.side == "requesting" else "desk_head"

        async def resume(gateway: Gateway) -> None:
            await gateway.hold.release(row.ref, "first", role)
            await gateway.hold.resume(row.ref, "first", role)
            # From here on it may go on, whether or not the desk hears of it.
            self.journals[host.country].stopped.pop(row.ref, None)
            await gateway.hold.resume(row.ref, "second", other)

        await self._do(host, row.ref, "resume", resume)

    async def _resume_return(self, host: Host, row: OpenCase) -> None:
        """Let a return go on once its authority lets go; the other State may hold it still."""
        role = "case_officer" if row.side == "requesting" else "registry_clerk"

        async def resume(gateway: Gateway) -> None:
            await gateway.hold.release(row.ref, "welfare", "child_welfare")
            self.journals[host.country].held.pop(row.ref, None)  # as above
            await gateway.hold.resume(row.ref, "first", role)

        if await self._do(host, row.ref, "resume", resume):
            self.counts["resumptions"] += 1

    async def _remind(self, host: Host, row: OpenCase) -> None:
        if row.due_at is None or row.due_at > host.clock.now().timestamp():
            return
        work = lambda g: g.reminder.remind(row.ref, "first", "case_officer")  # noqa: E731
        await self._do(host, row.ref, "remind", work, says=True)

    def watch(self, post: Post) -> None:
        """
        Look whether a message may leave.

        Of a case that was stopped the withdrawal does alone; of a return word of the stop, and what had left before.
        """
        journal, ref = self.journals[post.sender], post.ref or ""
        since, silent = journal.stopped.get(ref), post.type != WITHDRAWAL
        if since is None:
            since = journal.held.get(ref)
            silent = post.type not in (WITHDRAWAL, SUSPENSION) and not self._is_again(post)
        if since is not None and silent and post.at > since + HANDED_OVER_S:
            told = f"{post.sender} posts {post.type} number {post.seq}, stopped since {since:.3f}"
            self.world.fail("silent once stopped", told)

    def _is_again(self, post: Post) -> bool:
        """Return whether a message had been posted before: word of a stop comes after what may have come already."""
        return any(one.digest == post.digest for one in self.world.posts if one is not post)

    # Faults.

    async def _disturbed(self, faults: int) -> None:
        """Let ``faults`` faults come at random instants of a while, and wait until the last has passed."""
        length = self.random.uniform(*DISTURBED_S)
        begins = sorted(self.random.uniform(0.0, length * 0.8) for _ in range(faults))
        tasks, began = [], self.world.loop.time()
        for at in begins:
            await asyncio.sleep(max(0.0, began + at - self.world.loop.time()))
            names, weights = zip(*_FAULTS.items(), strict=True)
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
        if host.process is None:
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
        card = homes.issue(host.home, host.country, changes, host.clock.now())
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
        journal, now = self.journals[host.country], self.world.loop.time()
        self.lost.append((host.country, backup.at, now))
        journal.done = [one for one in journal.done if one[0] <= backup.at]
        journal.held = {ref: since for ref, since in journal.held.items() if since <= backup.at}
        held = homes.own_card(host.home, host.country)
        gateway = await host.build()
        try:
            gateway.context.epoch = max(gateway.context.epoch, held.epoch)
            epoch = await gateway.resync.begin_epoch(host.clock.now())
            for ref in list(journal.stopped):
                await self._freeze_again(gateway, ref)
        finally:
            await gateway.context.peers.close()
            await gateway.close()
        card = homes.issue(host.home, host.country, {"epoch": epoch}, host.clock.now())
        self.counts["restores"] += 1
        for other in homes.COUNTRIES:
            if other != host.country:
                await asyncio.sleep(self.random.uniform(0.0, 1.0))
                self.world.publish(card, other)
        host.start()

    async def _freeze_again(self, gateway: Gateway, ref: str) -> None:
        """Enter a freeze that the backup has forgotten; a case that it has forgotten too cannot be contacted about."""
        try:
            row = await gateway.store.read(lambda tx: tx.find_case(ref))
            role = "case_officer" if row is not None and row.side == "requesting" else "registry_clerk"
            await gateway.hold.freeze(ref, "known before", "first", role)
        except (NotFound, IllegalStep):
            pass

    # The end.

    async def _heal(self) -> None:
        """Everything runs and is reachable; nobody waits for a card."""
        self.world.note("-", "heal")
        for host in self.world.hosts.values():
            host.start()
            await host.ready()
            await host.act("confirm", partial(_confirm, host))

    async def _drain(self) -> None:
        """
        Let time pass until nothing waits any more, but for what a person stopped. Word of a stop does not wait.

        A case that was stopped while a partner was restored is not posted again, also once it goes on; what follows in
        its thread waits for a number that the partner has forgotten.
        """
        latest = self.world.now() + timedelta(seconds=DRAINS_S)
        while True:
            unnoticed = self._unnoticed()
            if not (waiting := self._waiting() + unnoticed):
                return
            for host in self.world.hosts.values() if unnoticed else ():
                await host.act("refresh", lambda gateway: gateway.refresh_trust())
            if self.world.now() > latest:
                self.world.fail("drains", f"still waiting: {waiting}")
                return
            await asyncio.sleep(2.0)
            if self._waiting() or self._unnoticed():
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

    def _waiting(self) -> list[tuple[Any, ...]]:
        query = """
            SELECT outbound.partner, type, outbound.state, attempts, outbound.thread, kid
            FROM outbound LEFT JOIN case_file USING (ref)
            WHERE outbound.state IN ('queued', 'posted') AND ifnull(case_file.state, '') <> 'FROZEN'
            AND (ifnull(case_file.state, '') <> 'SUSPENDED' OR type = 'suspension')
            AND NOT (outbound.partner IN (SELECT value FROM json_each(?))
                AND EXISTS (SELECT 1 FROM case_event WHERE ref = outbound.ref AND event = 'freeze'))
        """
        restored = ijson.dumps(sorted({country for country, _, _ in self.lost})).decode()
        found = [(host, row) for host in self.world.hosts.values() for row in host.look(query, restored)]
        return [(host.country, *row[:4]) for host, row in found if row[4] or not self._sealed_for_good(host, row)]

    def _sealed_for_good(self, host: Host, row: tuple[Any, ...]) -> bool:
        """
        Return whether a message of no thread, which is not sealed anew, is sealed to a key that is gone.

        A listing is not: it is made anew as soon as it may be posted, a quarter of an hour after one that was refused.
        """
        return row[1] != RESYNC and row[5] not in {entry.kid for entry in homes.own_card(host.home, row[0]).sealing}


HANDED_OVER_S = 0.3
"""How long after a stop a message may leave that was handed over to be posted before it."""

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
    "restore": 6,
    "hold": 6,
}

_ASKING, _ASKED = "requesting", "requested"
_ACTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (_ASKING, "DRAFT"): ("approve",),
    (_ASKING, "CLEARED"): ("send", "send", "freeze"),
    (_ASKING, "SENT"): ("freeze",),
    (_ASKING, "DELIVERED"): ("freeze", "remind"),
    (_ASKING, "ACKNOWLEDGED"): ("freeze", "remind"),
    (_ASKING, "EXTENDED"): ("freeze", "remind"),
    (_ASKING, "REPLIED"): ("contest", "propose", "propose", "propose", "propose", "close", "freeze"),
    (_ASKING, "CONSIDERED"): ("propose",),
    (_ASKING, "ASSESSED"): ("propose",),
    (_ASKING, "CONTESTED"): ("freeze", "remind"),
    (_ASKING, "FROZEN"): ("withdraw", "resume"),
    (_ASKED, "RECEIVED"): ("acknowledge", "acknowledge", "acknowledge", "freeze"),
    (_ASKED, "ACKNOWLEDGED"): ("answer", "answer", "answer", "delay", "extend", "freeze"),
    (_ASKED, "EXTENDED"): ("answer", "answer", "answer", "delay", "freeze"),
    (_ASKED, "CONTESTED"): ("answer", "answer", "delay"),
    (_ASKING, "PROPOSED"): ("suspend", "reassess"),
    (_ASKING, "ACCEPTED"): ("decide", "decide", "suspend", "reassess"),
    (_ASKING, "DECIDED"): ("decide", "suspend", "suspend", "suspend", "reassess"),
    (_ASKING, "DOCUMENTED"): ("schedule", "schedule", "suspend", "reassess"),
    (_ASKING, "SCHEDULED"): ("depart", "depart", "depart", "depart", "cancel", "suspend"),
    (_ASKING, "DEPARTED"): ("hand_over", "recall"),
    (_ASKING, "HANDED_OVER"): ("recall",),
    (_ASKED, "PROPOSED"): ("accept", "accept", "accept", "accept", "refuse", "suspend"),
    (_ASKED, "ACCEPTED"): ("issue_document", "issue_document", "suspend"),
    (_ASKED, "DOCUMENTED"): ("suspend",),
    (_ASKED, "SCHEDULED"): ("suspend",),
    (_ASKED, "DEPARTED"): ("confirm_handover", "confirm_handover", "recall"),
    (_ASKED, "HANDED_OVER"): ("report", "recall"),
    (_ASKED, "FROZEN"): ("resume",),
    (_ASKING, "SUSPENDED"): ("resume_return",),
    (_ASKED, "SUSPENDED"): ("resume_return",),
}


_RETURN = frozenset({"PROPOSED", "ACCEPTED", "DECIDED", "DOCUMENTED", "SCHEDULED", "DEPARTED", "HANDED_OVER"})
"""States of a return that is under way."""

# The soonest due first, as a desk sees them. Read beside the gateway: it is what a person knows before an act.
_OPEN_CASES = f"""
SELECT ref, side, state, thread, partner, due_at FROM case_file
WHERE state IN ({", ".join(f"'{state}'" for state in sorted({state for _, state in _ACTS}))})
ORDER BY due, ref LIMIT 40
"""  # noqa: S608  (our own words)


async def _confirm(host: Host, gateway: Gateway) -> None:
    """Lift every hold, after a word with whoever is on it; a backup may have brought one back."""
    trust = gateway.context.trust
    for country in sorted(trust.holds()):
        identity = homes.own_card(host.home, country).identity
        await lift(trust, country, identity, host.clock.now())


def _name(family: str) -> dict[str, Any]:
    return {
        "use": "document",
        "family": family,
        "given": "MARIIA",
        "patronymic": None,
        "full": None,
        "script": "ro-Latn",
        "latin": {"family": family, "given": "MARIIA", "patronymic": None, "full": None, "system": "ICAO9303"},
    }
