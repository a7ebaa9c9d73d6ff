"""
Many nodes of one gateway over one database: each a process of its own, as ``isthmus serve`` runs it, behind its port.

The other State is a door in the test's own process, which keeps every envelope that comes to it.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import ClientError, ClientSession, web

from benchmarks.pair import COUNTRIES, WORDS, Pair, free_port, make_pair, use_database
from gateway.core import codes, envelope
from gateway.stands import STANDS_FILE
from gateway.storage.postgres import LEAD, SPACE
from tests.support.postgres import Cluster, apart

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
STOP_S = 40.0


@dataclass
class Node:
    """One process; ``port`` is where it takes messages, ``log`` a file of its lines."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self.process.pid

    @property
    def runs(self) -> bool:
        """Tell whether it has not ended."""
        return self.process.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines it logged so far."""
        found = []
        for line in self.log.read_bytes().splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of the event ``name``."""
        return [line for line in self.lines() if line.get("event") == name]

    async def wait_ready(self) -> None:
        """Return once its doors are open. Raises ``RuntimeError`` with its log if it ends before."""
        until = time.monotonic() + READY_S
        while not self.events("gateway.ready"):
            if not self.runs or time.monotonic() > until:
                raise RuntimeError(f"a node did not start:\n{self.log.read_text()[-2000:]}")
            await asyncio.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait until the process ended, and return its status."""
        if self.runs:
            self.process.send_signal(number)
        return self.process.wait(STOP_S)


@dataclass
class Nodes:
    """Two States whose stores are databases of ``cluster``, and the nodes that were started on them."""

    pair: Pair
    cluster: Cluster
    running: list[Node] = field(default_factory=list)

    def start(self, country: str, *options: str, port: int | None = None) -> Node:
        """Start a node of ``country`` at a port of its own, or at ``port``, without waiting for it."""
        chosen = port or free_port()
        log = self.pair.root / f"node-{len(self.running)}-{time.monotonic_ns()}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli.main", "serve", "-C", str(self.pair.home(country)), *options],
                cwd=ROOT,
                env={**os.environ, "ISTHMUS_PASSPHRASE": WORDS, "ISTHMUS_LISTENERS__PEERS__PORT": str(chosen)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )
        node = Node(process, chosen, log)
        self.running.append(node)
        return node

    async def ready(self, country: str, count: int = 2) -> list[Node]:
        """Start ``count`` nodes of ``country`` at once and return them when all are ready."""
        made = [self.start(country) for _ in range(count)]
        for node in made:
            await node.wait_ready()
        return made

    async def rows(self, country: str, statement: str, *values: Any) -> list[Any]:
        """Return what a statement finds in the store of ``country``."""
        db = await asyncpg.connect(self.pair.dsn(country))
        try:
            return [tuple(row) for row in await db.fetch(statement, *values)]
        finally:
            await db.close()

    async def leader(self, country: str) -> int | None:
        """Return the process of the server that holds the lock of the one that leads, or ``None``."""
        found = await self.rows(
            country,
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            SPACE,
            LEAD,
        )
        return found[0][0] if found else None

    def close(self) -> None:
        """End what still runs."""
        for node in self.running:
            if node.runs:
                node.process.send_signal(signal.SIGCONT)
                node.process.kill()
            node.process.wait(STOP_S)
        self.running.clear()


def make_nodes(root: Path, cluster: Cluster) -> tuple[Nodes, dict[str, str]]:
    """Make both homes and their stores; returns them, and for each country a database to copy for each test."""
    addresses = {country: cluster.create() for country in COUNTRIES}
    pair = make_pair(root, tls=False, databases=addresses)

    async def fill() -> None:
        for country in COUNTRIES:
            gateway = await pair.open(country, create=True)
            await gateway.refresh_trust()
            await gateway.close()

    apart(fill())
    return Nodes(pair, cluster), {country: dsn.rpartition("/")[2] for country, dsn in addresses.items()}


def afresh(nodes: Nodes, templates: dict[str, str]) -> None:
    """Give both States stores as they were made."""
    for country, template in templates.items():
        use_database(nodes.pair, country, nodes.cluster.create(template))
        (nodes.pair.home(country) / STANDS_FILE).unlink(missing_ok=True)  # a home is of one store for good


# The other State's door.


@dataclass
class Door:
    """What came to a State: how often each envelope, and when; ``later`` has it put everybody off."""

    came: Counter[bytes] = field(default_factory=Counter)
    later: bool = False


@asynccontextmanager
async def door(pair: Pair, country: str, *, later: bool = False) -> AsyncIterator[Door]:
    """Take messages as ``country`` at its own port, keep them, and answer as its gateway does."""
    gateway, made = await pair.open(country), Door(later=later)
    await gateway.refresh_trust()

    async def take(request: web.Request) -> web.Response:
        raw = await request.read()
        made.came[envelope.envelope_id(raw)] += 1
        if made.later:
            return web.Response(status=503, body=codes.problem("later"), content_type=codes.PROBLEM_MEDIA_TYPE)
        reply = await gateway.receiver.receive(raw)
        return web.Response(status=reply.status, body=reply.body, content_type=reply.media_type)

    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/xg/1/messages", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", gateway.settings.values["listeners"]["peers"]["port"]).start()
        yield made
    finally:
        await runner.cleanup()
        await gateway.close()


async def post(client: ClientSession, node: Node, raw: bytes, *, patient_s: float = 0.0) -> tuple[int, bytes]:
    """
    Post an envelope to ``node`` and return status and body; status 0 if it could not be reached.

    Tries again for ``patient_s`` seconds while the answer is to come later.
    """
    until = time.monotonic() + patient_s
    while True:
        found = 0, b""
        with suppress(ClientError, OSError, TimeoutError):
            headers = {"Content-Type": envelope.MEDIA_TYPE}
            async with client.post(f"http://127.0.0.1:{node.port}/xg/1/messages", data=raw, headers=headers) as answer:
                found = answer.status, await answer.read()
        if found[0] == 200 or time.monotonic() > until:
            return found
        await asyncio.sleep(0.1)


async def until(condition: Any, within_s: float) -> float:
    """Wait until ``condition()`` (awaited) is true; return how long it took. Raises ``TimeoutError``."""
    began = time.monotonic()
    while not await condition():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"not within {within_s} s")
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def envelopes(file: Path, size: int) -> Iterator[bytes]:
    """Yield the envelopes of ``size`` bytes in ``file``."""
    raw = file.read_bytes()
    for at in range(0, len(raw), size):
        yield raw[at : at + size]
