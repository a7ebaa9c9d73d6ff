"""How long a gateway takes to start, and the memory it holds when nothing happens."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Figure, median
from benchmarks.load import child
from benchmarks.pair import make_pair
from benchmarks.resident import resident_mib

VERSION_S = 0.3
READY_S = 2.0
REST_MIB = 150.0


def run(seconds: float = 10.0) -> list[Figure]:
    """Start the command and a gateway as often as fits into ``seconds``, at least three times each."""
    times = max(3, int(seconds / 3))
    command = [sys.executable, "-m", "gateway.cli.main", "--version"]
    version = [_timed(command) for _ in range(times)]
    ready, rest = zip(*asyncio.run(_starts(times)), strict=True)
    return [
        Figure("isthmus --version", median(version), "s", VERSION_S, less=True),
        Figure("gateway ready", median(ready), "s", READY_S, less=True),
        Figure("memory at rest", median(rest), "MiB", REST_MIB, less=True),
    ]


def _timed(command: list[str]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  (our own program)
    return perf_counter() - began


async def _starts(times: int) -> list[tuple[float, float]]:
    """Return the seconds from starting a process to its open doors, and its memory in MiB a moment later."""
    found = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        pair = make_pair(Path(directory))
        await (await pair.open("XBB", create=True)).close()
        for _ in range(times):
            began = perf_counter()
            async with child("benchmarks.accept", "serve", directory) as (server, _):
                took = perf_counter() - began
                await asyncio.sleep(0.5)
                found.append((took, resident_mib(server.pid)))
    return found


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
