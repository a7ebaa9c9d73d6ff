"""
The same gateway with nothing in its store, and with a thousand, a hundred thousand and a million cases.

Each store is filled by ``benchmarks.filled``; accepting is measured on all of them in turns, then the pages of both
desks. The load generator, server and store share the cores and the memory of one machine: a store of a million cases is
about as large as its memory, so what is read comes partly from the disk's cache and partly from the disk.

The timers (reminders, retention) do not run while accepting is measured, or the figure would be theirs; then once with
them, from the start of the gateway, when each takes its first look at every case that concerns it.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from benchmarks import accept, filled, pages
from benchmarks.figures import Figure, median, percentile
from benchmarks.load import child
from benchmarks.pair import Pair
from benchmarks.resident import processor_s, resident_mib

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
    seconds of all requests and the processor time of one.
    """

    pair: Pair
    bytes: int
    ready_s: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    mib: float = 0.0
    with_timers_per_s: float = 0.0
    pages: Mapping[str, tuple[Sequence[float], float]] = field(default_factory=dict)


def run(seconds: float = 60.0, cases: int = CASES) -> list[Figure]:
    """Fill the stores, the largest with ``cases`` cases, then accept for about ``seconds`` and ask for pages."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return asyncio.run(_run(Path(directory), seconds, cases))


async def _run(root: Path, seconds: float, cases: int) -> list[Figure]:
    sizes = [*(size for size in SIZES if size < cases), cases]
    count = max(200, int(seconds / len(sizes) / (ROUNDS + 1) * ROUGHLY_PER_S))
    (root / "model").mkdir()
    seen = await filled.models(root / "model")
    found: dict[int, Measured] = {}
    filling = 0.0
    for size in sizes:
        (place := root / str(size)).mkdir()
        began = perf_counter()
        pair = await filled.prepare(place, size, seen)
        filling = perf_counter() - began
        await _envelopes(pair, (ROUNDS + 1) * count)
        found[size] = Measured(pair, accept.size_of(pair))
    for turn in range(ROUNDS):
        for size in sizes[:: 1 if turn % 2 == 0 else -1]:
            await _accept(found[size], turn * count, count)
    for one in found.values():
        one.pages = await pages.measure(one.pair, filled.COUNTRY)
        await _with_timers(one, ROUNDS * count, count)
    return [*_figures(found), Figure(f"filling {cases:,} cases", filling, "s")]


async def _envelopes(pair: Pair, count: int) -> None:
    gateway = await pair.open("XAA")
    await gateway.refresh_trust()
    await asyncio.to_thread(accept.write_envelopes, gateway, pair.root / "envelopes", count)
    await gateway.close()


async def _accept(one: Measured, first: int, count: int) -> None:
    began = perf_counter()
    async with child("benchmarks.accept", "serve", str(one.pair.root), "alone") as (server, said):
        one.ready_s.append(perf_counter() - began)
        before = processor_s(server.pid)
        loaded = await accept.load(said["port"], one.pair, first, count)
        one.processor_s.append((processor_s(server.pid) - before) / count)
        one.per_s.append(loaded.per_s)
        one.latencies.extend(loaded.latencies)
        one.mib = max(one.mib, resident_mib(server.pid))


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
        figures += [
            Figure(f"{name} accept, processor time", median(one.processor_s) * 1000, "ms"),
            Figure(f"{name} accept p50", percentile(one.latencies, 0.5) * 1000, "ms"),
            Figure(f"{name} accept p99", percentile(one.latencies, 0.99) * 1000, "ms"),
            Figure(f"{name} accept while the timers begin", one.with_timers_per_s, "/s"),
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
