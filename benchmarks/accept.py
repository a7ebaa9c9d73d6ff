"""
Accept requests over HTTP on loopback, beside the bare pipeline.

The gateway does everything it does in life: rate and size limits, every check of the protocol, case, clocks, log,
commit at ``synchronous=FULL``, signed receipt with proof, one line of log a step. The load generator is a process of
its own on the same cores. Gateway and bare pipeline take the same envelopes in turns.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure, median, percentile
from benchmarks.load import ENVELOPE_BYTES, child
from benchmarks.pair import Pair, draft, make_pair
from benchmarks.resident import resident_mib
from gateway import serving
from gateway.app import Gateway
from gateway.core import wire
from gateway.core.messages import REQUEST
from gateway.log import configure_log
from gateway.services import outbox
from keys import jws

CONNECTIONS = 64
ROUNDS = 3
RATIO = 0.5
AIM_PER_S = 1600
HALF_LOAD_P99_MS = 50.0
ROUGHLY_PER_S = 1200
"""Only to turn seconds into a number of envelopes; what is measured is the time that this number takes."""


@dataclass(slots=True)
class Round:
    """What one server did in one round: messages a second, latencies in seconds, memory in MiB before and after."""

    per_s: float
    latencies: Sequence[float]
    before_mib: float = 0.0
    after_mib: float = 0.0
    half_load: Sequence[float] = field(default=())


def run(seconds: float = 24.0) -> list[Figure]:
    """Measure for about ``seconds`` in all; returns rates, the ratio, latencies and memory."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return asyncio.run(_run(Path(directory), seconds))


async def _run(root: Path, seconds: float) -> list[Figure]:
    count = max(300, int(seconds / (2 * ROUNDS) * ROUGHLY_PER_S))
    pair = make_pair(root, tls=False)
    for country in ("XAA", "XBB"):
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        if country == "XAA":
            await asyncio.to_thread(write_envelopes, gateway, root / "envelopes", 2 * count)
        await gateway.close()
    shutil.copytree(pair.home("XBB"), root / "fresh")
    ours, bare = [], []
    for turn in range(ROUNDS):
        ours.append(await _gateway(pair, count))
        bare.append(await _bare(pair, root / f"bare-{turn}.db", count))
    return _figures(ours, bare)


def write_envelopes(gateway: Gateway, file: Path, count: int) -> None:
    """Write ``count`` sealed requests to XBB, each of a case of its own, one after another into ``file``."""
    with file.open("wb") as out:
        out.writelines(envelopes(gateway, count))


def envelopes(gateway: Gateway, count: int) -> Iterator[bytes]:
    """Yield ``count`` sealed requests of ``gateway`` to XBB, each of a case of its own."""
    context, now = gateway.context, datetime.now(UTC).replace(microsecond=0)
    body = gateway.clear.preview(draft()).body.encode()
    for _ in range(count):
        raw = wire.serialize_payload(
            type=REQUEST,
            id=context.random.token(),
            sender=context.country,
            recipient="XBB",
            thread=context.random.token(),
            epoch=1,
            seq=1,
            prev=None,
            issued_at=now,
            expires_at=now + wire.MAX_VALIDITY,
            in_reply_to=None,
            clock=context.reckoner.claim("XBB", "reply"),
            statements=(),
            body=body,
        )
        _, sealed = outbox.seal_for(context, "XBB", jws.sign(raw, jws.TYP_MESSAGE, context.keyring.signing), now)
        if len(sealed) != ENVELOPE_BYTES:
            raise RuntimeError(f"an envelope of {len(sealed)} bytes, not {ENVELOPE_BYTES}")
        yield sealed


async def _gateway(pair: Pair, count: int) -> Round:
    """Begin with a fresh gateway, accept ``count`` at full load, then as many at half of the rate that gave."""
    shutil.rmtree(pair.home("XBB"))
    shutil.copytree(pair.root / "fresh", pair.home("XBB"))
    async with child("benchmarks.accept", "serve", str(pair.root)) as (server, said):
        before_mib = resident_mib(server.pid)
        full = await load(said["port"], pair, 0, count, 0.0)
        after_mib = resident_mib(server.pid)
        half = await load(said["port"], pair, count, count // 2, full.per_s / 2)
        return Round(full.per_s, full.latencies, before_mib, after_mib, half.latencies)


async def _bare(pair: Pair, database: Path, count: int) -> Round:
    async with child("benchmarks.bare", str(pair.root), str(database)) as (_, said):
        return await load(said["port"], pair, 0, count, 0.0)


async def load(port: int, pair: Pair, first: int, count: int, per_s: float = 0.0) -> Round:
    """Post ``count`` envelopes from number ``first`` at ``per_s`` (0: as fast as they are answered)."""
    arguments = (port, pair.root / "envelopes", first, count, CONNECTIONS, per_s)
    async with child("benchmarks.load", *map(str, arguments)) as (_, said):
        return Round(count / said["seconds"], said["latencies"])


def size_of(pair: Pair) -> int:
    """Return the bytes of XBB's data, the journal left out: it is written over and over."""
    return sum(file.stat().st_size for file in pair.database("XBB").parent.iterdir() if file.suffix == ".db")


def _figures(ours: Sequence[Round], bare: Sequence[Round]) -> list[Figure]:
    per_s = median([one.per_s for one in ours])
    bare_per_s = median([one.per_s for one in bare])
    full = [latency for one in ours for latency in one.latencies]
    half = [latency for one in ours for latency in one.half_load]
    return [
        Figure("accept", per_s, "/s", AIM_PER_S, aim=True),
        Figure("bare pipeline", bare_per_s, "/s"),
        Figure("accept, of the bare pipeline", per_s / bare_per_s, "", RATIO),
        Figure("accept p50, full load", percentile(full, 0.5) * 1000, "ms"),
        Figure("accept p99, full load", percentile(full, 0.99) * 1000, "ms"),
        Figure("accept p50, half load", percentile(half, 0.5) * 1000, "ms"),
        Figure("accept p99, half load", percentile(half, 0.99) * 1000, "ms", HALF_LOAD_P99_MS, less=True),
        Figure("memory before load", median([one.before_mib for one in ours]), "MiB", 150, less=True),
        Figure("memory after load", max(one.after_mib for one in ours), "MiB", 300, less=True),
    ]


async def _serve(root: Path, *, loops: bool, process: int | None) -> None:
    """
    Serve XBB of the pair at ``root`` until terminated, as ``isthmus serve`` does, its log thrown away.

    Without ``loops`` no timer runs, and what is measured is accepting alone. ``process`` is the number of this one
    where several share the address.
    """
    with open(os.devnull, "w") as nowhere:
        gateway = await Pair(root).open("XBB", log=configure_log(nowhere))
        ready = asyncio.Event()
        shared = {"one_of_many": process is not None, "process": process or 0}
        task = asyncio.create_task(serving.serve(gateway, ready=ready, loops=loops, **shared))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait({task, asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            port = gateway.settings.values["listeners"]["peers"]["port"]
            print(f'{{"port": {port}}}', flush=True)
        await asyncio.wait({task})
        await gateway.close()
        if not task.cancelled():
            task.result()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        number = next((int(word) for word in sys.argv[3:] if word.isdecimal()), None)
        asyncio.run(_serve(Path(sys.argv[2]), loops="alone" not in sys.argv[3:], process=number))
    else:
        for figure in run():
            print(figure.line())
