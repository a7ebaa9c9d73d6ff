"""
The world a seed runs in: three hosts with a gateway each, their clocks and disks, the network, and what is seen of it.

Everything of a gateway is the real thing, put together by ``gateway.app.build`` and run by ``gateway.serving.serve``,
but for the ports that a simulation must own: clock, randomness, the thread of the store, and TCP.
"""

import asyncio
import os
import random
import shutil
import sqlite3
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import connector, web_app

from gateway import app, serving, settings
from gateway.app import Gateway
from gateway.core import envelope, wire
from gateway.services.ports import HttpAnswer, Unavailable
from gateway.storage.errors import StoreError
from gateway.transport.card_directory import write_card, write_card_anew
from gateway.transport.peers import COLLECT_PATH, CONNECTIONS_PER_HOST, KEEPALIVE_S, HttpPeers
from keys import b64, jws
from keys.card import Card
from tests.sim import homes
from tests.sim.loop import PROCESS, Process, SimulatedLoop, turn
from tests.sim.network import Connector, Network
from tests.support.full_disk import files_of_at_most

MESSAGES = "/xg/1/messages"
ANSWERS = "/xg/1/answers"

COLLECTS_S = 3.0
"""How often a State that fetches does so: ten times as often as it is, for a seed has ten messages in that time."""

READY_S = 120.0
"""The longest that a gateway may take to come up, with every start of it."""


class Violation(AssertionError):
    """An invariant does not hold; ``name`` says which."""

    def __init__(self, name: str, told: str) -> None:
        super().__init__(f"{name}: {told}")
        self.name = name
        self.told = told


class Clock:
    """The ``Clock`` of one host: the time of the world, and how far this host is off."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.skew_s = 0.0

    def now(self) -> datetime:
        now = self._world.now()
        return now + timedelta(seconds=self.skew_s) if self.skew_s else now

    async def sleep(self, seconds: float) -> None:
        await self._world.sleep(seconds)


class Random:
    """The ``Random`` of one host, from the seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def token(self) -> str:
        return b64.encode(self._random.randbytes(16))

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def spread(self) -> float:
        return self._random.random()


class Disk:
    """
    The ``Run`` of one start of a gateway: the thread of its store, in which work waits its turn and takes time.

    Between asking and working, and between working and hearing of it, other callbacks run; a process may die there.
    While ``host.room`` is a number, no file grows beyond the journal's size and so many bytes: the operating system
    itself refuses the write, in the middle of it if that is where the room ends.
    """

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._alone = asyncio.Lock()

    async def __call__(self, work: Callable[[], Any]) -> Any:
        async with self._alone:
            takes_s = self._host.disk_random.choice((0.0, 0.0, 0.0005, 0.002))
            await (asyncio.sleep(takes_s) if takes_s else turn())
            made = self._work(work)
            await turn()
            return made

    def _work(self, work: Callable[[], Any]) -> Any:
        if self._host.room is None:
            return work()
        journal = self._host.database.with_name(self._host.database.name + "-wal")
        most = self._host.room + (journal.stat().st_size if journal.exists() else 0)
        with files_of_at_most(most):
            return work()


@dataclass(frozen=True)
class Post:
    """One attempt at one message, as it left a gateway."""

    at: float
    sender: str
    recipient: str
    type: str
    digest: str
    thread: str | None
    epoch: int
    seq: int | None
    ref: str | None
    attempts: int


@dataclass(frozen=True)
class Answered:
    """An answer that came through at the instant ``at`` to what ``post`` brought; ``digest`` is SHA-256 of it."""

    post: Post
    digest: str
    at: float


@dataclass(frozen=True)
class Asked:
    """What was posted to a State, as whoever stands on the line may keep it, and the message if it was one."""

    recipient: str
    path: str
    body: bytes
    media_type: str
    post: Post | None = None


class LinePeers(HttpPeers):
    """The real doors of the partners, over the simulated network; ``source`` is the host that knocks."""

    def __init__(self, network: Network, source: str, card_of: Callable[[str], Card | None]) -> None:
        def pool() -> aiohttp.BaseConnector:
            options = {"limit": 0, "limit_per_host": CONNECTIONS_PER_HOST, "keepalive_timeout": KEEPALIVE_S}
            return Connector(network, source, **options)

        super().__init__(card_of, timeout_s=homes.POST_TIMEOUT_S, tls=_tls(), connector=pool)


class WatchedPeers(LinePeers):
    """The doors of the partners, with a note of every message that leaves and every answer that comes."""

    def __init__(self, host: "Host", card_of: Callable[[str], Card | None]) -> None:
        super().__init__(host.world.network, host.name, card_of)
        self._host = host
        self._flying: dict[str, float] = {}

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        world = self._host.world
        if path != MESSAGES:
            world.asked.append(Asked(country, path, body, media_type))
            answer = await super().post(country, path, body, media_type)
            if path == ANSWERS and answer.status == 204:
                self._host.answered(country, body)
            elif path == COLLECT_PATH and answer.media_type == envelope.MEDIA_TYPE_SEVERAL:
                world.collected[sha256(body).digest()] = world.loop.time()
            return answer
        post = self._host.leaves(country, body)
        world.asked.append(Asked(country, path, body, media_type, post))
        since = self._flying.get(post.digest)
        if since is not None and since > self._host.shifted_at + 1.0:
            world.fail("one attempt at a time", f"{post.sender} posts {post.type} while it is under way")
        self._flying[post.digest] = post.at
        try:
            answer = await super().post(country, path, body, media_type)
        finally:
            self._flying.pop(post.digest, None)
        if answer.status == 200 and not world.network.is_changed(answer.body):
            world.hear(post, answer.body)
        return answer


@cache
def _tls() -> ssl.SSLContext:
    """Return the context that no simulated connection uses; reading the system's authorities takes long."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Host:
    """The machine of one State: its home on disk, its clock, and the gateway while one runs."""

    def __init__(self, world: "World", country: str) -> None:
        self.world = world
        self.country = country
        self.name = homes.host(country)
        self.home = world.root / country.lower()
        self.clock = Clock(world)
        self.random = Random(f"{world.seed}/{country}")
        self.disk_random = random.Random(f"{world.seed}/{country}/disk")
        self.room: int | None = None
        self.shifted_at = 0.0
        """When its clock last jumped, or all it had sent was last made due again: a lease of then means nothing."""
        self.was_wrong = False
        """Whether its clock was ever wrong by a day or more."""
        self.wanted = False
        self.process: Process | None = None
        self.gateway: Gateway | None = None
        self.died: asyncio.Future[None] | None = None
        self.alone = asyncio.Lock()
        """Held by whoever stops this gateway and starts it again."""
        self._set_aside = 0
        self._root: asyncio.Task[None] | None = None
        self._looking: sqlite3.Connection | None = None
        shutil.copytree(homes.template().root / country.lower(), self.home)

    @property
    def database(self) -> Path:
        """Return the file of the store."""
        return self.home / "data" / "gateway.db"

    @property
    def up(self) -> bool:
        """Return whether a gateway serves now."""
        return self.gateway is not None and self.process is not None and self.process.alive

    # Starting and stopping.

    def start(self) -> None:
        """Start a process, unless one runs; it serves as soon as it can."""
        self.wanted = True
        if self.process is not None:
            return
        process = self.process = Process(self.name, self._on_death)
        self.world.processes.append(process)
        self.died = self.world.loop.create_future()
        self._root = self.task(self._run())
        self._root.add_done_callback(lambda task: self._on_end(process, task), context=copy_context())

    def shift(self, seconds: float) -> None:
        """Put the clock forward, or back."""
        self.clock.skew_s += seconds
        self.shifted_at = self.world.loop.time()

    def task(self, work: Any) -> asyncio.Task[Any]:
        """Return ``work`` as a task of the process that runs now."""
        context = copy_context()
        context.run(PROCESS.set, self.process)
        return self.world.loop.create_task(work, context=context)

    async def build(self) -> Gateway:
        """Put the gateway together on this host, in a process."""
        held: list[Gateway] = []
        peers = WatchedPeers(self, lambda country: held[0].context.trust.find(country))
        gateway = await app.build(
            settings.load(self.home, {}),
            passphrase=lambda: homes.WORDS,
            environ={},
            clock=self.clock,
            random=self.random,
            run=Disk(self),
            peers=peers,
            log=self.say,
            redactor=homes.Reader(),
            renderer=homes.Renderer(),
            inquiries=homes.NoInquiries(),
        )
        held.append(gateway)
        self._watch_what_is_fetched(gateway)
        return gateway

    def _watch_what_is_fetched(self, gateway: Gateway) -> None:
        """Have ``gateway`` fetch often, and look at what it hands out to a State that fetches as at what it posts."""
        hand_out = gateway.receiver._on_collect

        async def watched(country: str, most: int) -> bytes:
            body = await hand_out(country, most)
            for raw in envelope.parse_several(body):
                self.leaves(country, raw)
                self.world.fetched += 1
            return body

        gateway.receiver._on_collect = watched
        gateway.collector.run = partial(gateway.collector.run, COLLECTS_S)  # type: ignore[method-assign]

    async def _run(self) -> None:
        gateway = await self.build()
        ready = asyncio.Event()

        async def announce() -> None:
            await ready.wait()
            self.gateway = gateway

        told = asyncio.create_task(announce())
        try:
            await serving.serve(gateway, ready=ready)
        finally:
            told.cancel()
            self.gateway = None
            await gateway.context.peers.close()
            await gateway.close()

    def _on_end(self, process: Process, task: asyncio.Task[None]) -> None:
        """A process ended by itself: on purpose, or because its store cannot be had; anything else is a fault."""
        if process is not self.process:
            return
        process.alive = False
        self._gone()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (Unavailable, StoreError)):
            self.world.fail("stays up", f"{self.country} ended with {type(error).__name__}: {error}", error)
        self.world.note(self.country, "process.ended", error=type(error).__name__)
        if self.wanted:
            self.world.loop.call_later(1.0, self._start_again)

    def _start_again(self) -> None:
        if self.wanted:
            self.start()

    def _on_death(self, process: Process) -> None:
        """Keep the disk as the dead process left it: what its store had written is there, whatever it was about to."""
        self.world.note(self.country, "process.died")
        self._gone()
        dead = self.set_aside()
        for name in (self.database.name, self.database.name + "-wal"):
            if (dead / name).exists():
                shutil.copyfile(dead / name, self.home / "data" / name)

    def set_aside(self) -> Path:
        """Put an empty directory in the place of the data, and return where the data is now."""
        self._set_aside += 1
        aside = self.home / f"data.{self._set_aside}"
        (self.home / "data").rename(aside)
        (self.home / "data").mkdir()
        return aside

    def _gone(self) -> None:
        self.world.keep_tasks()
        self.gateway = self.process = self._root = None
        self._look_no_more()
        self.world.network.crash(self.name)
        if self.died is not None and not self.died.done():
            self.died.set_result(None)

    def crash(self) -> None:
        """Kill the process at once."""
        if self.process is not None:
            self.process.die()

    async def stop(self) -> None:
        """End the process in good order."""
        self.wanted = False
        root = self._root
        if root is not None:
            root.cancel()
            while self._root is root:
                await asyncio.sleep(0.05)

    async def ready(self) -> None:
        """Wait until a gateway serves. Raises ``TimeoutError``: it does not, however often it is started."""
        latest = self.world.loop.time() + READY_S
        while not self.up:
            if self.world.loop.time() > latest:
                raise TimeoutError(f"{self.country} does not come up: {self.world.failures[-1:]}")
            await asyncio.sleep(0.1)

    # What is seen of it.

    def say(self, event: str, **values: Any) -> None:
        """Take a line of the gateway's log."""
        if event == "partner.restored":
            self.shifted_at = self.world.loop.time()
        self.world.note(self.country, event, **values)

    def look(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """
        Read what is committed on this host's disk.

        Where a gateway serves, beside its writer and over the connection it reads with, which has most pages already.
        """
        store: Any = None if self.gateway is None else self.gateway.store
        reader = None if store is None else store._engine._reader
        return (reader or self._beside()).execute(statement, values).fetchall()

    def _beside(self) -> sqlite3.Connection:
        if self._looking is None:
            self._looking = sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True, isolation_level=None)
        return self._looking

    def _look_no_more(self) -> None:
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def leaves(self, recipient: str, body: bytes) -> Post:
        """Note an attempt and look whether it may be made: marked on disk before, and of no case that is stopped."""
        columns = "type, digest, thread, epoch, seq, ref, attempts, posted_at"
        query = f"SELECT {columns} FROM outbound WHERE partner = ? AND envelope_id = ?"  # noqa: S608  (constants)
        rows = self.look(query, recipient, envelope.envelope_id(body))
        if not rows or rows[0][7] is None:
            self.world.fail("marked before it leaves", f"{self.country} posts what its disk does not hold as posted")
        rows = rows or [("unknown", b64.encode(envelope.envelope_id(body)), None, 0, None, None, 0)]
        type_, digest, thread, epoch, seq, ref, attempts = rows[0][:7]
        at = self.world.loop.time()
        post = Post(at, self.country, recipient, type_, digest, thread, epoch, seq, ref, attempts)
        self.world.posts.append(post)
        try:
            self.world.watch(post)
        except Exception as error:  # the gateway would take it for a line that is down
            told = f"whether {self.country} may post {type_} cannot be told: {error!r}"
            self.world.fail("runs to its end", told, error)
        return post

    def answered(self, sender: str, body: bytes) -> None:
        """Note an answer to what this State fetched from ``sender``, which has taken it."""
        receipt = wire.parse_receipt(jws.parse(wire.parse_answer(body).receipt, jws.TYP_RECEIPT).payload)
        post = next((one for one in reversed(self.world.posts) if one.digest == receipt.payload), None)
        if post is not None:
            self.world.hear(post, body)

    async def act(self, name: str, work: Callable[[Gateway], Awaitable[Any]]) -> tuple[str, Any]:
        """
        Have a person do something at the gateway; return how it ended and what came of it.

        ``done``, ``down`` (nothing serves), ``cut`` (the process died or ended meanwhile: nobody knows what became of
        it), or the name of what it raised.
        """
        gateway, died = self.gateway, self.died
        if gateway is None or died is None or not self.up:
            return "down", None
        task = self.task(work(gateway))
        self.world.dead.append(task)
        await asyncio.wait((task, died), return_when=asyncio.FIRST_COMPLETED)
        if not task.done() or task.cancelled():
            outcome, value = "cut", None
        elif (error := task.exception()) is not None:
            outcome, value = type(error).__name__, error
        else:
            outcome, value = "done", task.result()
        self.world.note(self.country, f"desk.{name}", status=outcome)
        return outcome, value


FAULTS = frozenset(
    {"gateway.fault", "message.fault", "case.fault", "answer.fault", "checkpoint.fault", "collect.fault", "log.fault"}
    | {"log.forked", "log.broken", "log.contradicted", "checkpoint.larger"}
    | {"case.unreadable", "message.unreadable"}
)
"""Lines of a log that say what must never happen, whatever the network, the disks and the clocks do."""

UNPROVED = "unproved"
"""
What is said of a keeper that cannot lead from an older checkpoint to a newer one; one that came back from a backup
cannot, and a person is told (``docs/protocol.md``, M-7.12). That it is said of nobody else the end checks.
"""


class World:
    """Everything of one seed."""

    def __init__(self, seed: int, root: Path) -> None:
        self.seed = seed
        self.root = root
        self.loop = SimulatedLoop(seed)
        self.network = Network(self.loop, random.Random(f"{seed}/network"))
        self.random = random.Random(f"{seed}/world")
        self.homes = homes.template()
        self.processes: list[Process] = []
        self.dead: list[asyncio.Task[Any]] = []
        self.posts: list[Post] = []
        self.answers: list[Answered] = []
        self.asked: list[Asked] = []
        self.collected: dict[bytes, float] = {}
        """SHA-256 of each ``collect`` that was answered with envelopes, and when; a refusal hands nothing out."""
        self.fetched = 0
        self.failures: list[Violation] = []
        self.trace: list[str] = []
        self.lines: Counter[tuple[str, str, str]] = Counter()
        """How often a gateway logged an event about a partner: (country, event, partner)."""
        self._digest = sha256()
        self._names: dict[str, str] = {}
        self._withheld = ""
        self._kept_cards: list[tuple[Card, str]] = []
        self._jumped_s = 0.0
        self._now = 0.0, homes.START
        self._sleepers: dict[asyncio.Future[None], float] = {}
        self._monotonic, connector.monotonic = connector.monotonic, self.loop.time
        self.watch: Callable[[Post], None] = lambda post: None
        self.hosts = {country: Host(self, country) for country in homes.COUNTRIES}

    # Time.

    def now(self) -> datetime:
        """Return the true time."""
        instant = self.loop.time() + self._jumped_s
        if instant != self._now[0]:
            self._now = instant, homes.START + timedelta(seconds=instant)
        return self._now[1]

    def is_over(self, expires_at: int) -> bool:
        """Return whether a message that is valid until ``expires_at``, in seconds since 1970, is over in truth."""
        return self.now().timestamp() > expires_at + wire.SKEW.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of the true time, of which a jump brings many at once."""
        made = self.loop.create_future()
        timer = self.loop.call_later(seconds, _wake, made)
        self._sleepers[made] = self.loop.time() + self._jumped_s + seconds
        try:
            await made
        finally:
            timer.cancel()
            del self._sleepers[made]

    def jump(self, seconds: float) -> None:
        """Let a long time pass in which nothing else happens; who slept by the clock wakes."""
        self._jumped_s += seconds
        for host in self.hosts.values():
            host.shifted_at = self.loop.time()
        self.note("-", "jump", count=int(seconds))
        for sleeper, until in self._sleepers.items():
            if until <= self.loop.time() + self._jumped_s:
                _wake(sleeper)

    # Trace.

    def note(self, where: str, event: str, **values: Any) -> None:
        """Add a line to the trace: names in place of references and digests, and nothing that is random bytes."""
        said = {name: self._named(name, value) for name, value in sorted(values.items()) if name not in _UNTOLD}
        line = f"{self.loop.time():.6f} {where} {event} {said}"
        self.trace.append(line)
        self._digest.update(line.encode() + b"\n")
        self.lines[where, event, str(values.get("partner"))] += 1
        if event in FAULTS and values.get("code") != UNPROVED:
            self.fail("says no fault", line)

    def _named(self, name: str, value: Any) -> str:
        if name in ("ref", "digest", "thread") and value:
            return self._names.setdefault(value, f"{name}{len(self._names)}")
        return str(value)

    def digest(self) -> str:
        """Return the digest of the trace so far."""
        return self._digest.hexdigest()

    def hear(self, post: Post, answer: bytes) -> None:
        """Note an answer that came through now."""
        self.answers.append(Answered(post, sha256(answer.rstrip(b" ")).hexdigest(), self.loop.time()))

    def fail(self, name: str, told: str, error: BaseException | None = None) -> None:
        """Note that an invariant does not hold; the run goes on to its end."""
        made = Violation(name, f"at {self.loop.time():.3f}: {told}")
        made.__cause__ = error
        self.failures.append(made)

    # Cards.

    def publish(self, card: Card, to: str) -> None:
        """Bring a card to the home of another State, now or once either may be reached."""
        if self._withheld in (to, card.country):
            self._kept_cards.append((card, to))
        else:
            write_card(self.hosts[to].home / "cards", card)

    def publish_anew(self, cards: Sequence[Card]) -> None:
        """Put cards that were dated anew in their places in every other home."""
        for card, host in product(cards, self.hosts.values()):
            if host.country != card.country:
                write_card_anew(host.home / "cards", card)

    def withhold(self, country: str) -> None:
        """Let no card come to or from a State until ``reach``."""
        self._withheld = country

    def reach(self) -> None:
        """Let every card come, also those that were kept."""
        self._withheld = ""
        for card, to in self._kept_cards:
            self.publish(card, to)
        self._kept_cards.clear()

    def keep_tasks(self) -> None:
        """
        Keep every task of now to the end of the seed.

        Whoever holds a task of the dead is dead too: unless they are kept, a collection would run their last words.
        What is kept asyncio need not know any more: with it, each death would go through those of all before.
        """
        found = asyncio.all_tasks(self.loop)
        self.dead.extend(found)
        for task in found:
            asyncio.tasks._unregister_task(task)

    def leave(self) -> None:
        """Let every task stand where it is, for good, and keep no disk full: the process ends soon."""
        self.keep_tasks()
        _LEFT.append(self)
        for file in (*self.root.rglob("*.db"), *self.root.rglob("*-wal")):
            os.truncate(file, 0)
        connector.monotonic = self._monotonic

    def close(self) -> None:
        """Bring every task to its end, the dead ones too, and the loop."""
        for host in self.hosts.values():
            host.wanted, host.room = False, None
        self.loop.set_exception_handler(lambda loop, context: None)
        self.loop.revive(self.processes)
        for _ in range(50):
            tasks = [task for task in {*self.dead, *asyncio.all_tasks(self.loop)} if not task.done()]
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=30))
        for host in self.hosts.values():
            host._look_no_more()
        connector.monotonic = self._monotonic
        self.loop.close()
        # aiohttp keeps the last thousand chains of handlers for good, and with each of them all that its seed made.
        web_app._cached_build_middleware.cache_clear()


_LEFT: list[World] = []
"""What was left as it is: nothing of it may be collected, or its tasks would run their last words."""


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)


_UNTOLD = frozenset({"hint", "kid"})
