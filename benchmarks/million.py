"""
The same gateway with nothing in its store, and with a thousand, a hundred thousand and a million cases.

Each store is filled by ``benchmarks.filled``; accepting is measured on all of them in turns, then the pages of both
desks. The load generator, server and store share the cores and the memory of one machine: a store of a million cases is
about as large as its memory, so what is read comes partly from the disk's cache and partly from the disk.

The timers (reminders, retention) do not run while accepting is measured, or the figure would be theirs; then once with
them, from the start of the gateway, when each takes its first look at every case that concerns it.

Over PostgreSQL the same stores are moved there as ``isthmus store move`` does, each into a database of its own, and
accepting is measured with one process and with two, without the timers. Pages are those of a file alone.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import accept, filled, pages
from benchmarks.figures import Figure, median, percentile
from benchmarks.load import child
from benchmarks.pair import Pair, use_database
from benchmarks.resident import processor_s, resident_mib

if TYPE_CHECKING:
    from tests.support.postgres import Cluster

CASES = 1_000_000
SIZES = (0, 1_000, 100_000)
ROUNDS = 3
OF_EMPTY = 0.9
BOARD_P99_MS = pages.TARGET_P99_MS
ROUGHLY_PER_S = 1000


@dataclass(slots=True)
class Measured:
    """
    What was measured with one number of cases.

    Rates, latencies and the processor time of a message in seconds, memory in MiB, size in bytes; for each page the
    seconds of all requests and the processor time of one. ``two`` are the rates of two processes over one database.
    """

    pair: Pair
    bytes: int = 0
    ready_s: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    two: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    mib: float = 0.0
    with_timers_per_s: float = 0.0
    pages: Mapping[str, tuple[Sequence[float], float]] = field(default_factory=dict)


def run(seconds: float = 60.0, cases: int = CASES, *, shared: bool = False) -> list[Figure]:
    """
    Fill the stores, the largest with ``cases`` cases, then accept for about ``seconds`` and ask for pages.

    ``shared`` measures accepting over databases of a PostgreSQL server, by one process and by two.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        if not shared:
            return asyncio.run(_run(Path(directory), seconds, cases))
        from tests.support.postgres import binaries, cluster  # here: nothing else of this needs its packages

        if binaries() is None:
            raise SystemExit("error: PostgreSQL is not installed\nhint: on Debian 'apt install postgresql'")
        with cluster() as server:
            return asyncio.run(_run_shared(Path(directory), server, seconds, cases))


async def _run(root: Path, seconds: float, cases: int) -> list[Figure]:
    sizes = [*(size for size in SIZES if size < cases), cases]
    count = max(200, int(seconds / len(sizes) / (ROUNDS + 1) * ROUGHLY_PER_S))
    found, filling = await _fill(root, sizes, (ROUNDS + 1) * count)
    for one in found.values():
        one.bytes = accept.size_of(one.pair)
    for turn, size in _turns(sizes):
        found[size].per_s.append(await _accept(found[size], turn * count, count))
    for one in found.values():
        one.pages = await pages.measure(one.pair, filled.COUNTRY)
        await _with_timers(one, ROUNDS * count, count)
    return [*_figures(found), Figure(f"filling {cases:,} cases", filling, "s")]


async def _run_shared(root: Path, server: "Cluster", seconds: float, cases: int) -> list[Figure]:
    sizes = [0, cases]
    count = max(200, int(seconds / len(sizes) / (2 * ROUNDS) * ROUGHLY_PER_S))
    found, filling = await _fill(root, sizes, 2 * ROUNDS * count)
    moving = 0.0
    for one in found.values():
        began = perf_counter()
        one.bytes = await _moved(one.pair, server)
        moving = perf_counter() - began
    for turn, size in _turns(sizes):
        one = found[size]
        one.per_s.append(await _accept(one, 2 * turn * count, count))
        one.two.append(await _accept(one, (2 * turn + 1) * count, count, processes=2))
    done = [Figure(f"filling {cases:,} cases", filling, "s"), Figure(f"moving {cases:,} cases", moving, "s")]
    return [*_figures(found), *done]


def _turns(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return which size is measured in which round: all of them, every second time in the opposite order."""
    return [(turn, size) for turn in range(ROUNDS) for size in sizes[:: 1 if turn % 2 == 0 else -1]]


async def _fill(root: Path, sizes: Sequence[int], envelopes: int) -> tuple[dict[int, Measured], float]:
    """Return a store with each number of cases and as many envelopes for it, and the seconds that the last one took."""
    (root / "model").mkdir()
    seen = await filled.models(root / "model")
    found: dict[int, Measured] = {}
    filling = 0.0
    for size in sizes:
        (place := root / str(size)).mkdir()
        began = perf_counter()
        pair = await filled.prepare(place, size, seen)
        filling = perf_counter() - began
        await _envelopes(pair, envelopes)
        found[size] = Measured(pair)
    return found, filling


async def _moved(pair: Pair, server: "Cluster") -> int:
    """Move the store into a database of its own, as one that has run for long is: statistics taken, all written."""
    from gateway.storage.move import Files, to_postgres  # here: what moves to a server needs its packages

    dsn, file = server.create(), pair.database(filled.COUNTRY)
    await to_postgres(Files(file, file.with_name("no-desks.db")), dsn, datetime.now(UTC))
    use_database(pair, filled.COUNTRY, dsn)
    await server.execute("VACUUM (FREEZE, ANALYZE)", dsn)
    await server.execute("CHECKPOINT", dsn)
    return int((await server.execute("SELECT pg_database_size(current_database())", dsn))[0][0])


async def _envelopes(pair: Pair, count: int) -> None:
    gateway = await pair.open("XAA")
    await gateway.refresh_trust()
    await asyncio.to_thread(accept.write_envelopes, gateway, pair.root / "envelopes", count)
    await gateway.close()


async def _accept(one: Measured, first: int, count: int, processes: int = 1) -> float:
    """Accept ``count`` messages with no timers running, and return how many a second."""
    serve = ("benchmarks.accept", "serve", str(one.pair.root), "alone")
    numbers = [(str(number),) for number in range(processes)] if processes > 1 else [()]
    began = perf_counter()
    async with AsyncExitStack() as running:
        servers = [await running.enter_async_context(child(*serve, *number)) for number in numbers]
        ready_s, port = perf_counter() - began, servers[0][1]["port"]
        before = sum(processor_s(server.pid) for server, _ in servers)
        loaded = await accept.load(port, one.pair, first, count)
        used_s = (sum(processor_s(server.pid) for server, _ in servers) - before) / count
        if processes == 1:
            one.ready_s.append(ready_s)
            one.processor_s.append(used_s)
            one.latencies.extend(loaded.latencies)
            one.mib = max(one.mib, resident_mib(servers[0][0].pid))
        return loaded.per_s


async def _with_timers(one: Measured, first: int, count: int) -> None:
    async with child("benchmarks.accept", "serve", str(one.pair.root)) as (_, said):
        one.with_timers_per_s = (await accept.load(said["port"], one.pair, first, count)).per_s


def _figures(found: dict[int, Measured]) -> list[Figure]:
    figures: list[Figure] = []
    empty = next(iter(found.values()))
    for size, one in found.items():
        name = f"{size:,} cases:" if size else "empty:"
        per_s = median(one.per_s)
        figures.append(Figure(f"{name} accept", per_s, "/s"))
        if size:
            # Each round beside the empty store's of the same round, so that a slow moment of the machine meets both.
            shares = [ours / bare for ours, bare in zip(one.per_s, empty.per_s, strict=True)]
            figures.append(Figure(f"{name} accept, of empty", median(shares), "", OF_EMPTY))
        if one.two:
            figures.append(Figure(f"{name} accept by two processes", median(one.two), "/s"))
        if one.two and size:
            shares = [ours / bare for ours, bare in zip(one.two, empty.two, strict=True)]
            figures.append(Figure(f"{name} accept by two processes, of empty", median(shares), "", OF_EMPTY))
        figures += [
            Figure(f"{name} accept, processor time", median(one.processor_s) * 1000, "ms"),
            Figure(f"{name} accept p50", percentile(one.latencies, 0.5) * 1000, "ms"),
            Figure(f"{name} accept p99", percentile(one.latencies, 0.99) * 1000, "ms"),
            *([Figure(f"{name} accept while the timers begin", one.with_timers_per_s, "/s")] if one.pages else []),
            Figure(f"{name} ready", median(one.ready_s), "s", 2, less=True),
            Figure(f"{name} memory under load", one.mib, "MiB", 300, less=True),
            Figure(f"{name} store", one.bytes / 2**20, "MiB"),
        ]
        for page, (taken, used) in one.pages.items():
            target = BOARD_P99_MS if size else None
            figures.append(Figure(f"{name} {page}, p50", percentile(taken, 0.5) * 1000, "ms"))
            figures.append(Figure(f"{name} {page}, p99", percentile(taken, 0.99) * 1000, "ms", target, less=True))
            figures.append(Figure(f"{name} {page}, processor time", used * 1000, "ms"))
    return figures


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
