"""
A load generator: posts envelopes from a file over kept-alive connections, from a process of its own.

It speaks just enough HTTP/1.1 to be cheap, because it runs on the same cores as what it measures. Latency is counted
from the moment a post was due, so a server that stalls is charged for everybody who waited.

    python -m benchmarks.load PORT FILE FIRST COUNT CONNECTIONS RATE      (RATE 0: as fast as answers come)
"""

import asyncio
import json
import mmap
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from time import perf_counter, time
from typing import Any

from gateway.core import envelope

ENVELOPE_BYTES = 9349
"""Of suite 1 in the smallest size class: 21 of head, 1120 of encapsulated key, 8 KiB of plaintext, 16 of tag."""

_HEAD = (
    f"POST /xg/1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {envelope.MEDIA_TYPE}\r\n"
    f"Content-Length: {ENVELOPE_BYTES}\r\n\r\n"
).encode()


class Refused(Exception):
    """The server answered something other than 200."""


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(_HEAD + body)
    head = await reader.readuntil(b"\r\n\r\n")
    fields = head.lower()
    at = fields.index(b"content-length:") + len(b"content-length:")
    answer = await reader.readexactly(int(fields[at : fields.index(b"\r\n", at)]))
    if not head.startswith(b"HTTP/1.1 200 "):
        raise Refused(f"{head.splitlines()[0].decode()}: {answer[:200].decode(errors='replace')}")


async def post_all(port: int, file: Path, first: int, count: int, connections: int, rate: float) -> dict[str, Any]:
    """
    Post ``count`` envelopes of ``file`` from number ``first``; return the seconds taken and, in order, the latencies.

    ``at`` are the instants of the answers, in seconds since 1970.
    """
    latencies: list[float] = []
    at: list[float] = []
    numbers = iter(range(count))
    with file.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as stored:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
        began = perf_counter()

        async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mine: Iterator[int]) -> None:
            for number in mine:
                due = began + number / rate if rate else perf_counter()
                if (early := due - perf_counter()) > 0:
                    await asyncio.sleep(early)
                place = (first + number) * ENVELOPE_BYTES
                await _post(reader, writer, stored[place : place + ENVELOPE_BYTES])
                latencies.append(perf_counter() - due)
                at.append(time())

        await asyncio.gather(*(work(reader, writer, numbers) for reader, writer in opened))
        seconds = perf_counter() - began
        for _, writer in opened:
            writer.close()
    return {"seconds": seconds, "latencies": latencies, "at": at}


async def line_of(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Return the next line of JSON of a process of ours. Raises ``RuntimeError`` if it ends without one."""
    if process.stdout is None or not (line := await process.stdout.readline()):
        raise RuntimeError(f"a process of this benchmark ended with status {await process.wait()} and said nothing")
    told: dict[str, Any] = json.loads(line)
    return told


@asynccontextmanager
async def child(*command: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """Run a module of ours as a process; yield it with the first line of JSON it prints; end it on the way out."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command, stdout=PIPE, limit=1 << 26)
    try:
        yield process, await line_of(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def main() -> None:
    """Run as the arguments say and print the outcome as one line of JSON."""
    port, file, first, count, connections, rate = sys.argv[1:]
    outcome = asyncio.run(post_all(int(port), Path(file), int(first), int(count), int(connections), float(rate)))
    print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
