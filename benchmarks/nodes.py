"""
Accept requests with one, two and more processes over PostgreSQL, beside one process over SQLite, on the same cores.

Each is ``isthmus serve`` as it is installed, over HTTP on loopback. PostgreSQL is a server of its own that syncs to the
disk; it, the load generator and all processes share the cores of this machine. Every server takes the same envelopes,
in turns, into an empty store: at full load, and at half of what one process over PostgreSQL takes.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL

from benchmarks.accept import Round, load, write_envelopes
from benchmarks.figures import Figure, median, percentile
from benchmarks.pair import WORDS, Pair, make_pair, use_database
from gateway import settings
from tests.support.postgres import Cluster, binaries, cluster

ROUNDS = 3
ROUGHLY_PER_S = 400
"""Only to turn seconds into a number of envelopes; what is measured is the time that this number takes."""

READY_S = 60.0
LOG = "log"


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to serve: processes, and whether the store is a database that they share."""

    processes: int
    shared: bool

    @property
    def name(self) -> str:
        """Return what it is called in the figures."""
        return f"{'PostgreSQL' if self.shared else 'SQLite'} x {self.processes}"


@dataclass(slots=True)
class Taken:
    """
    What one way to serve took in all rounds: messages, rates a second, latencies in seconds.

    ``commits`` and ``undone`` are transactions of the database: each that was undone was begun again.
    """

    messages: int = 0
    per_s: list[float] = field(default_factory=list)
    full: list[float] = field(default_factory=list)
    half: list[float] = field(default_factory=list)
    halves: list[float] = field(default_factory=list)
    commits: int = 0
    undone: int = 0

    def add(self, full: Round, paced: Round, half_per_s: float) -> None:
        """Add a round at full load and at ``half_per_s``."""
        self.messages += len(full.latencies) + len(paced.latencies)
        self.per_s.append(full.per_s)
        self.full += full.latencies
        self.half += paced.latencies
        self.halves.append(half_per_s)

    async def look(self, dsn: str | None) -> None:
        """Add what the database counted of its transactions."""
        import asyncpg  # here, because only this benchmark needs it

        db = await asyncpg.connect(dsn)
        try:
            counted = "SELECT xact_commit, xact_rollback FROM pg_stat_database WHERE datname = current_database()"
            commits, undone = await db.fetchrow(counted)
        finally:
            await db.close()
        self.commits, self.undone = self.commits + commits, self.undone + undone

    def figures(self, kind: Kind) -> list[Figure]:
        """Return the figures of ``kind``."""
        told = [
            Figure(f"{kind.name}: accept", median(self.per_s), "/s"),
            Figure(f"{kind.name}: p99, full load", percentile(self.full, 0.99) * 1000, "ms"),
            Figure(f"{kind.name}: p50 at {median(self.halves):.0f}/s", percentile(self.half, 0.5) * 1000, "ms"),
            Figure(f"{kind.name}: p99 at {median(self.halves):.0f}/s", percentile(self.half, 0.99) * 1000, "ms"),
        ]
        if kind.shared:
            told.append(Figure(f"{kind.name}: messages a transaction", self.messages / max(1, self.commits), ""))
            told.append(Figure(f"{kind.name}: undone of 1,000 messages", 1000 * self.undone / self.messages, ""))
        return told


def run(seconds: float = 24.0, processes: Sequence[int] = (1, 2, 4)) -> list[Figure]:
    """Measure for about ``seconds`` in all; returns for each way its rate, latencies and what was done again."""
    if binaries() is None:
        raise SystemExit("error: PostgreSQL is not installed\nhint: on Debian 'apt install postgresql'")
    kinds = [*(Kind(count, shared=True) for count in processes), Kind(1, shared=False)]
    with cluster() as server, tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return asyncio.run(_run(Path(directory), server, kinds, seconds))


async def _run(root: Path, server: Cluster, kinds: Sequence[Kind], seconds: float) -> list[Figure]:
    count = max(200, int(seconds / (2 * ROUNDS * len(kinds)) * ROUGHLY_PER_S))
    homes, template = await _prepare(root, server, 2 * count)
    taken = {kind: Taken() for kind in kinds}
    for _ in range(ROUNDS):
        half = 0.0
        for kind in kinds:
            pair = Pair(root / "now")
            shutil.rmtree(pair.root, ignore_errors=True)
            shutil.copytree(homes.root, pair.root)
            if kind.shared:
                use_database(pair, "XBB", server.create(template))
            async with served(pair, kind.processes) as port:
                full = await load(port, pair, 0, count)
                half = half or full.per_s / 2
                paced = await load(port, pair, count, count // 2, half)
            taken[kind].add(full, paced, half)
            if kind.shared:
                await taken[kind].look(pair.dsn("XBB"))
    return [figure for kind in kinds for figure in taken[kind].figures(kind)]


async def _prepare(root: Path, server: Cluster, count: int) -> tuple[Pair, str]:
    """Return a pair with empty stores and ``count`` envelopes, and the name of a database that is as empty."""
    (root / "homes").mkdir()
    pair = make_pair(root / "homes", tls=False)
    for country in ("XAA", "XBB"):
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        if country == "XAA":
            await asyncio.to_thread(write_envelopes, gateway, pair.root / "envelopes", count)
        await gateway.close()
    shutil.copytree(pair.root, root / "filling")
    dsn = server.create()
    use_database(filling := Pair(root / "filling"), "XBB", dsn)
    gateway = await filling.open("XBB", create=True)
    await gateway.refresh_trust()
    await gateway.close()
    return pair, dsn.rpartition("/")[2]


@asynccontextmanager
async def served(pair: Pair, processes: int) -> AsyncIterator[int]:
    """
    Run ``isthmus serve`` on the home of XBB; yield its port once it is ready, and stop it on the way out.

    Its lines stand in the file ``log`` of the pair.
    """
    log = pair.root / LOG
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "-C", str(pair.home("XBB"))]
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--processes",
            str(processes),
            env={**os.environ, "ISTHMUS_PASSPHRASE": WORDS},
            stdin=DEVNULL,
            stderr=stream,
        )
    try:
        async with asyncio.timeout(READY_S):
            while b'"gateway.ready"' not in log.read_bytes():
                if process.returncode is not None:
                    raise RuntimeError(f"it did not start:\n{log.read_text()[-2000:]}")
                await asyncio.sleep(0.05)
        yield settings.load(pair.home("XBB"), {}).values["listeners"]["peers"]["port"]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
