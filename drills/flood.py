"""
Besiege one gateway while an honest partner goes on, and count what that cost the partner.

The gateway is a process of its own behind TLS, as ``isthmus serve`` runs it. First the partner is alone. Then 500 slow
clients come and come again: some say nothing to TLS, some nothing after it, some drip headers or a body, some do not
let go, some never read what they asked for. Then a flood joins them: envelopes that look valid, bodies too large,
encoded or deep, ten thousand headers, invalid UTF-8, pairs of requests in one, wrong methods. Then there are handshakes
alone, that are finished or not, and the partner first goes on by the connections it has and then connects anew for each
exchange, as one does that was silent for a while. All share the cores of one machine.

    python -m drills.flood [--seconds 60] [--slow 500] [--flood 64] [--shake 64] [--once] [--one-address] [--json]

Exit status 1 if the partner was refused or waited longer than 250 ms (p99), if a slow client stayed longer than 20 s,
if the gateway held 300 MB or grew, or if it gave an answer that no such request may get.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any

import aiohttp

from benchmarks.accept import write_envelopes
from benchmarks.figures import percentile
from benchmarks.load import ENVELOPE_BYTES
from benchmarks.pair import COUNTRIES, Pair, make_pair
from benchmarks.resident import resident_mib
from gateway import settings
from gateway.app import Gateway
from gateway.core import envelope
from gateway.services.ports import Unavailable
from gateway.transport.peers import HttpPeers
from tests.support import drilling
from tests.support.served import Served, serve

ROOT = Path(__file__).resolve().parents[1]

HONEST_PER_S = 20
HONEST_P99_MS = 250.0
SLOW_MOST_S = 20.0
MEMORY_MIB = 286.0
"""300 MB."""

GROWTH_MIB = 16.0
"""More than the caches of a gateway that accepts 20 messages a second, less than any of these crowds would need."""

LASTING_S = 45.0
"""A siege shorter than this says nothing of growth: a crowd takes that long to be there in full."""


def _addresses(net: int, count: int) -> list[str]:
    """Return ``count`` addresses of loopback that nobody else uses; on systems with one address alone, that one."""
    if sys.platform != "linux":
        return ["127.0.0.1"]
    return [f"127.0.{net}.{number}" for number in range(1, count + 1)]


# The partner, and what is measured.


@dataclass
class Phase:
    """What the honest partner met with while something went on; latencies in milliseconds from when each was due."""

    name: str
    sent: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    most_ms: float = 0.0
    worked: float = 0.0
    """Of the time the gateway worked, as a share of one core."""

    starved: float = 0.0
    """Of the time it was ready to work and had to wait for a core: what others on this machine cost the partner."""

    disk_ms: float = 0.0
    """The longest that the disk took to keep 4 KiB: each answer waits for a commit, and a commit for the disk."""

    late_ms: float = 0.0
    """The longest that the partner's own process began a message late: the latencies hold that, and it is not ours."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "the partner noticed nothing"

    seed: int
    seconds: float
    phases: list[Phase] = field(default_factory=list)
    slow: dict[str, dict[str, float]] = field(default_factory=dict)
    told: dict[str, dict[str, int]] = field(default_factory=dict)
    memory_peak_mib: float = 0.0
    memory_growth_mib: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        yield f"seed {self.seed}, load average {os.getloadavg()[0]:.1f} at the end"
        for phase in self.phases:
            yield (
                f"  {phase.name:<24} {phase.sent:>5} exchanges: "
                f"p50 {phase.p50_ms} ms, p99 {phase.p99_ms} ms, longest {phase.most_ms} ms; "
                f"the gateway worked {phase.worked:.0%} of the time and waited {phase.starved:.0%} of it for a core; "
                f"the disk took {phase.disk_ms} ms at most, and the partner was late by {phase.late_ms}"
            )
        for kind, row in self.slow.items():
            yield (
                f"  {kind:<24} {row['connections']:>5.0f} connections, {row['refused']:.0f} refused, "
                f"longest {row['longest_s']} s"
            )
        for kind, told in self.told.items():
            yield f"  {kind:<24} {', '.join(f'{count} x {status}' for status, count in sorted(told.items()))}"
        yield f"  memory: {self.memory_peak_mib} MiB at most, {self.memory_growth_mib:+} MiB towards the end"


class Disk:
    """What the disk under the gateways takes to keep 4 KiB, looked at four times a second."""

    def __init__(self, file: Path) -> None:
        """Write into ``file``, which is made."""
        self._file = file
        self._longest_ms = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._longest_ms = max(self._longest_ms, await asyncio.to_thread(self._keep))
            await asyncio.sleep(0.25)

    def longest_ms(self) -> float:
        """Return the longest it took since this was asked last."""
        longest, self._longest_ms = self._longest_ms, 0.0
        return round(longest, 1)

    def _keep(self) -> float:
        began = time.monotonic()
        with self._file.open("wb") as stream:
            stream.write(bytes(4096))
            stream.flush()
            os.fsync(stream.fileno())
        return (time.monotonic() - began) * 1000


class Partner:
    """XAA with messages to XBB that are ready to be posted, each of a case of its own."""

    def __init__(
        self, peers: HttpPeers, anew: HttpPeers, file: Path, verify: Callable[[bytes], object], disk: Disk
    ) -> None:
        """Post the envelopes in ``file`` one after another, from the first; ``anew`` keeps no connection."""
        self._disk = disk
        self._peers = {False: peers, True: anew}
        self._stored = file.read_bytes()
        self._verify = verify
        self._next = 0

    async def exchange(
        self, phase: Phase, seconds: float, faults: Counter[str], gateway: int, *, anew: bool = False
    ) -> None:
        """Post ``HONEST_PER_S`` messages a second for ``seconds`` to a process; verify each answer."""
        before = _scheduled(gateway)
        self._disk.longest_ms()
        began, answers, latencies, late = time.monotonic(), list[bytes](), list[float](), 0.0

        async def one(due: float) -> None:
            at, self._next = self._next * ENVELOPE_BYTES, self._next + 1
            raw = self._stored[at : at + ENVELOPE_BYTES]
            try:
                answer = await self._peers[anew].post("XBB", "/xg/1/messages", raw, envelope.MEDIA_TYPE)
            except Unavailable:
                faults["honest refused"] += 1
                return
            latencies.append((time.monotonic() - due) * 1000)
            if answer.status == 200:
                answers.append(answer.body)
            else:
                faults["honest refused"] += 1

        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * HONEST_PER_S)):
                due = began + number / HONEST_PER_S
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                late = max(late, time.monotonic() - due)
                group.create_task(one(due))
                phase.sent += 1
        taken = time.monotonic() - began
        phase.worked, phase.starved = (
            round((after - then) / taken, 2) for after, then in zip(_scheduled(gateway), before, strict=True)
        )
        phase.disk_ms, phase.late_ms = self._disk.longest_ms(), round(late * 1000, 1)
        for answer in answers:
            try:
                self._verify(answer)
            except Exception:
                faults["answers that do not verify"] += 1
        if latencies:
            phase.p50_ms, phase.p99_ms = (round(percentile(latencies, of), 1) for of in (0.5, 0.99))
            phase.most_ms = round(max(latencies), 1)


def _scheduled(process: int) -> tuple[float, float]:
    """Return the seconds a process has worked, and waited for a core; nothing where the system does not tell."""
    try:
        worked, waited, _ = Path(f"/proc/{process}/schedstat").read_text().split()
    except OSError:
        return 0.0, 0.0
    return int(worked) / 1e9, int(waited) / 1e9


@asynccontextmanager
async def _crowd(**arguments: Any) -> AsyncIterator[Callable[[], Awaitable[dict[str, Any]]]]:
    """Run one of the crowds as a process of its own; yield what waits for it and returns what it saw."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.crowds", json.dumps(arguments), cwd=ROOT, stdout=PIPE, limit=1 << 24
    )

    async def ended() -> dict[str, Any]:
        out, _ = await child.communicate()
        if child.returncode:
            raise RuntimeError(f"a crowd ended with status {child.returncode}")
        seen: dict[str, Any] = json.loads(out)
        return seen

    try:
        yield ended
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


class Watch:
    """The memory of the gateway, looked at twice a second."""

    def __init__(self, served: Served) -> None:
        """Look at ``served``."""
        self.pid = served.pid
        self.seen: list[float] = []

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.seen.append(await asyncio.to_thread(resident_mib, self.pid))
            await asyncio.sleep(0.5)

    def growth(self, since: int) -> float:
        """Return by how much the last third of what was seen from number ``since`` is above the second."""
        third = (len(self.seen) - since) // 3
        second, last = self.seen[since + third : since + 2 * third], self.seen[-third:]
        return max(last) - max(second) if third else 0.0


@dataclass(frozen=True, slots=True)
class Crowds:
    """How many clients there are of each kind, and in which of the phases."""

    slow: int
    flood: int
    shake: int
    one_address: bool = False
    once: bool = False


async def siege(root: Path, figures: Figures, crowds: Crowds) -> None:
    """Run the phases, or ``once`` the worst of them alone, against one gateway of a fresh pair under ``root``."""
    pair = make_pair(root)
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()
    gateway = await pair.open("XAA")
    try:
        await _besiege(gateway, pair, figures, crowds)
    finally:
        await gateway.close()


async def _besiege(gateway: Gateway, pair: Pair, figures: Figures, crowds: Crowds) -> None:
    seconds, file, port = figures.seconds, pair.root / "envelopes", _port(pair)
    quiet = max(2.0, seconds / 6)
    await asyncio.to_thread(write_envelopes, gateway, file, int((2 * quiet + 4 * seconds) * HONEST_PER_S) + 1)
    served = await asyncio.to_thread(serve, pair, "XBB")
    watch = Watch(served)
    disk = Disk(pair.root / "disk")
    looking = [asyncio.create_task(watch.run()), asyncio.create_task(disk.run())]
    find = gateway.context.trust.find
    try:
        async with HttpPeers(find) as peers, HttpPeers(find, connector=_anew) as anew:
            verify = partial(gateway.deliverer.answers.verify, "XBB", "")
            partner = Partner(peers, anew, file, verify, disk)
            crowd = {"port": port, "seconds": seconds, "file": str(file)}
            await partner.exchange(_phase(figures, "alone"), quiet, figures.faults, served.pid)
            if crowds.slow or crowds.flood:
                await _slow_and_flood(partner, figures, crowds, crowd, watch)
            if crowds.shake:
                await _handshakes(partner, figures, crowds, crowd, served.pid, quiet)
    finally:
        for one in looking:
            one.cancel()
        figures.faults["gateway fell over"] += served.process.poll() is not None
        figures.faults["gateway ended badly"] += served.stop() != 0
        figures.faults["faults in its log"] += served.events("gateway.fault")
    figures.memory_peak_mib = round(max(watch.seen), 1)
    figures.faults["memory too much"] += figures.memory_peak_mib >= MEMORY_MIB
    figures.faults["memory grew"] += figures.memory_growth_mib > GROWTH_MIB
    figures.faults["honest too slow"] += sum(phase.p99_ms >= HONEST_P99_MS for phase in figures.phases)


def _anew() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(force_close=True, limit=0)


async def _slow_and_flood(
    partner: Partner, figures: Figures, crowds: Crowds, crowd: Mapping[str, Any], watch: "Watch"
) -> None:
    seconds, gateway = figures.seconds, watch.pid
    holding = {**crowd, "work": "hold", "count": crowds.slow}
    holding |= {"addresses": _addresses(1, 1 if crowds.one_address else 50)}
    pouring = {**crowd, "work": "pour", "count": crowds.flood, "addresses": _addresses(2, 16), "seed": figures.seed}
    if not crowds.once:
        async with _crowd(**holding) as ended:
            await partner.exchange(_phase(figures, "slow clients"), seconds, figures.faults, gateway)
            _take_slow(figures, await ended())
    besieged = len(watch.seen)
    async with _crowd(**holding) as ended, _crowd(**pouring) as poured:
        await partner.exchange(_phase(figures, "slow clients and flood"), seconds, figures.faults, gateway)
        if seconds >= LASTING_S:
            figures.memory_growth_mib = round(watch.growth(besieged), 1)
        _take_slow(figures, await ended())
        _take_told(figures, await poured())


async def _handshakes(
    partner: Partner, figures: Figures, crowds: Crowds, crowd: Mapping[str, Any], gateway: int, quiet: float
) -> None:
    """Let the partner go on beside handshakes alone: by the connections it has, then by a new one for each exchange."""
    seconds = figures.seconds
    shaking = {**crowd, "work": "shake", "count": crowds.shake, "addresses": _addresses(3, 64)}
    shaking["seconds"] = 2 * seconds
    await partner.exchange(_phase(figures, "alone, each anew"), quiet, figures.faults, gateway, anew=True)
    async with _crowd(**shaking) as shaken:
        await partner.exchange(_phase(figures, "handshakes"), seconds, figures.faults, gateway)
        await partner.exchange(_phase(figures, "handshakes, each anew"), seconds, figures.faults, gateway, anew=True)
        _take_told(figures, await shaken())


def _phase(figures: Figures, name: str) -> Phase:
    figures.phases.append(Phase(name))
    return figures.phases[-1]


def _port(pair: Pair) -> int:
    return int(settings.load(pair.home("XBB"), {}).values["listeners"]["peers"]["port"])


def _take_slow(figures: Figures, seen: Mapping[str, Any]) -> None:
    for kind, stayed in seen["stayed"].items():
        row = figures.slow.setdefault(kind, {"connections": 0, "refused": 0, "longest_s": 0.0})
        row["connections"] += len(stayed)
        row["refused"] += seen["refused"].get(kind, 0)
        row["longest_s"] = round(max([row["longest_s"], *stayed]), 1)
        figures.faults["slow stayed too long"] += sum(one > SLOW_MOST_S for one in stayed)


def _take_told(figures: Figures, seen: Mapping[str, Any]) -> None:
    figures.told |= {kind: dict(told) for kind, told in seen["told"].items()}
    figures.faults.update(seen["faults"])


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(prog="flood", description="Besiege a gateway; count what that cost a partner.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each siege")
    parser.add_argument("--slow", type=int, default=500, help="slow clients at once")
    parser.add_argument("--flood", type=int, default=64, help="connections of the flood at once")
    parser.add_argument("--shake", type=int, default=64, help="clients that begin handshakes at once")
    parser.add_argument("--once", action="store_true", help="slow clients and flood together, and nothing before")
    parser.add_argument("--one-address", action="store_true", help="all slow clients come from one address")
    parser.add_argument("--seed", type=int, default=None, help="of the flood; default: drawn, and printed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    seed = drilling.drawn(asked.seed)
    with tempfile.TemporaryDirectory(prefix="flood-drill-") as directory:
        figures = Figures(seed, asked.seconds)
        crowds = Crowds(asked.slow, asked.flood, asked.shake, asked.one_address, asked.once)
        asyncio.run(siege(Path(directory), figures, crowds))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
