"""
Let the disks of two running gateways fill up in the middle of their work, make space again, and count what that cost.

Two processes of ``isthmus serve`` over TLS on loopback, each with its home on a small disk of its own (tmpfs). Again
and again one of the disks is filled up to a random rest. A partner posts all the while, and both desks go on asking,
acknowledging and erasing. Whatever is accepted must be there at the end; whatever is not must be refused with 503 and
Retry-After before it is acknowledged; the log must say why; and once there is space both go on by themselves.

    python -m drills.disk_full [--count 6] [--seed N] [--json]

Needs Linux and the right to mount, as root or in a user namespace; where neither is given it says so and passes. Exit
status 1 if anything was lost, acknowledged without being stored, refused otherwise, not alarmed, or not taken up again.
"""

import argparse
import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pair import COUNTRIES, Pair, approve, draft, make_pair, submit
from gateway.app import Gateway
from gateway.core import envelope
from gateway.erased import ERASED_FILE
from gateway.services.ports import Unavailable
from gateway.transport.peers import HttpPeers
from tests.support import books, drilling
from tests.support.compared import count
from tests.support.erased import erase
from tests.support.requests import Sealed, seal_requests
from tests.support.served import Served, serve

LIMITS = {"post_timeout_s": 3, "requests_per_minute": 60_000}
DISK = "96m"
"""Room for the journal at its longest (64 MiB), so that only what is put beside it fills the disk."""

REST_BYTES = 400 * 1024
"""At most so much is left free: some messages still fit, and the disk fills up in the middle of a transaction."""

POSTED = 24
"""Requests that the partner posts while the disk is full, and how many before."""

CASES = 4
"""Cases that the desk of XAA opens in a round while the disk of XBB is full."""

AT_ONCE = (1, 2, 8)
GOES_ON_S = 120.0
"""Everything that waited must have been settled by then; most of it is the pause a partner leaves after failures."""

FILLER = "filler"
APART = ("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")
"""Ways to be where a mount is nobody else's and ends with the process."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nothing lost, no restart, nothing to do but make space"

    seed: int
    rounds: int = 0
    accepted: int = 0
    accepted_while_full: int = 0
    refused_while_full: int = 0
    desk_told: int = 0
    cases: int = 0
    alarms: int = 0
    goes_on_max_s: float = 0.0
    settled_max_s: float = 0.0
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        yield f"seed {self.seed}: {self.rounds} rounds over each disk, {self.cases} cases in {self.seconds} s"
        yield (
            f"{self.accepted} requests accepted, {self.accepted_while_full} of them into the rest that was free; "
            f"{self.refused_while_full} refused with 503 and Retry-After; a desk was told {self.desk_told} times"
        )
        yield (
            f"{self.alarms} lines of alarm; with space again all of the refused were accepted within "
            f"{self.goes_on_max_s} s and every case was settled within {self.settled_max_s} s"
        )


class Disk:
    """The home of one gateway, on a disk of its own that can be filled."""

    def __init__(self, home: Path) -> None:
        made = home.rename(home.with_suffix(".made"))
        home.mkdir(mode=0o700)
        mount(home, DISK)
        shutil.copytree(made, home, dirs_exist_ok=True)
        self._directory = home
        self._filler = home / FILLER

    def fill(self, rest: int) -> None:
        """Leave ``rest`` bytes free."""
        free = os.statvfs(self._directory)
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free.f_frsize, free.f_bavail * free.f_frsize - rest))

    def empty(self) -> None:
        """Make space."""
        self._filler.unlink()


class Drill:
    """Two processes, their disks, their desks, and a partner that posts to XBB."""

    def __init__(self, pair: Pair, disks: dict[str, Disk], figures: Figures) -> None:
        self._pair = pair
        self._disks = disks
        self._figures = figures
        self._random = random.Random(figures.seed)
        self._served: dict[str, Served] = {}
        self._desks: dict[str, Gateway] = {}
        self._requests: list[Sealed] = []
        self._answers: dict[str, bytes] = {}
        self._submitted: set[str] = set()

    async def run(self, rounds: int) -> None:
        """Run ``rounds`` rounds over each disk, and compare the books."""
        self._served = {country: await asyncio.to_thread(serve, self._pair, country) for country in COUNTRIES}
        self._desks = {country: await self._pair.open(country) for country in COUNTRIES}
        try:
            self._requests = seal_requests(self._desks["XAA"], "XBB", draft(), 2 * POSTED * rounds)
            async with HttpPeers(self._desks["XAA"].context.trust.find) as peers:
                for _ in range(rounds):
                    await self._fill_asked(peers)
                    await self._fill_asking()
                    self._figures.rounds += 1
            for country in COUNTRIES:
                self._fault("fell_over", self._served[country].process.poll() is not None)
        finally:
            for desk in self._desks.values():
                await desk.close()
            for served in self._served.values():
                self._fault("ended_badly", served.stop() != 0)
        self._compare()

    async def _fill_asked(self, peers: HttpPeers) -> None:
        """Fill the disk of XBB, to which a partner and XAA post, and make space again."""
        before, during = self._take(POSTED), self._take(POSTED)
        refused = await self._post(peers, before)
        self._fault("refused_with_space", len(refused))
        alarms = self._alarms("XBB")
        self._disks["XBB"].fill(self._random.randrange(REST_BYTES))
        refused = await self._post(peers, during)
        self._figures.refused_while_full += len(refused)
        self._figures.accepted_while_full += len(during) - len(refused)
        self._fault("not_full", not refused)
        for _ in range(CASES):
            await self._submit()
        self._fault("no_alarm", self._alarms("XBB") == alarms)
        self._disks["XBB"].empty()
        began = time.monotonic()
        while refused and time.monotonic() - began < GOES_ON_S:
            refused = await self._post(peers, refused)
        self._fault("not_taken_up", len(refused))
        self._figures.goes_on_max_s = max(self._figures.goes_on_max_s, round(time.monotonic() - began, 2))
        await self._settle()

    async def _fill_asking(self) -> None:
        """Fill the disk of XAA, whose desk asks and to which XBB posts its acknowledgements, and make space again."""
        for _ in range(CASES):
            await self._submit()
        await self._wait_for(self._is_delivered)
        alarms = self._alarms("XAA")
        self._disks["XAA"].fill(self._random.randrange(REST_BYTES))
        told = 0
        while not told:  # the first few may still find room
            try:
                await self._submit()
            except Unavailable as error:
                told += 1
                self._fault("told_otherwise", "full" not in str(error))
        self._figures.desk_told += told
        await self._acknowledge()

        async def is_posted() -> bool:
            queued = count(self._pair.database("XBB"), "SELECT count(*) FROM outbound WHERE state = 'queued'")
            return not queued or self._alarms("XAA") != alarms

        await self._wait_for(is_posted)  # XBB does that in a turn of its own; until then XAA has nothing to write
        until = time.monotonic() + GOES_ON_S
        while self._alarms("XAA") == alarms and time.monotonic() < until:
            await asyncio.sleep(0.1)
        self._fault("no_alarm", self._alarms("XAA") == alarms)
        self._disks["XAA"].empty()
        await self._finish_drafts()
        await self._settle()
        await self._erase()

    async def _erase(self) -> None:
        """Erase a case of XAA with no space at all, in which it must neither fall over nor forget to note it."""
        desk, now = self._desks["XAA"], self._desks["XAA"].context.clock.now()
        (row,) = await desk.store.read(lambda tx: tx.cases(states=("ACKNOWLEDGED",), limit=1))
        self._disks["XAA"].fill(0)
        try:
            await erase(desk, row.ref, now)
        except Unavailable:
            self._figures.desk_told += 1
        except Exception as error:
            self._fault("fell_over", 1)
            print(f"erasing: {type(error).__name__}: {error}", file=sys.stderr)
        self._disks["XAA"].empty()
        await erase(desk, row.ref, now)
        noted = (self._pair.home("XAA") / ERASED_FILE).read_text(encoding="ascii").split()
        self._fault("erased_unnoted", row.ref not in noted)

    async def _submit(self) -> None:
        self._submitted.add(await submit(self._desks["XAA"], self._pair.people(), draft()))

    async def _post(self, peers: HttpPeers, requests: Sequence[Sealed]) -> list[Sealed]:
        """Post ``requests``, some at once, and return those that were refused."""
        refused: list[Sealed] = []

        async def post(one: Sealed) -> None:
            answer = await peers.post("XBB", "/xg/1/messages", one.envelope, envelope.MEDIA_TYPE)
            if answer.status == 200:
                self._answers[one.digest] = answer.body.rstrip(b" ")
                return
            refused.append(one)
            self._fault("refused_otherwise", answer.status != 503 or not answer.retry_after_s)

        left = list(requests)
        while left:
            size = self._random.choice(AT_ONCE)
            await asyncio.gather(*map(post, left[:size]))
            left = left[size:]
        return refused

    async def _acknowledge(self) -> None:
        """Acknowledge, as the desk of XBB, what the desk of XAA asked; the partner's own requests are left alone."""
        desk = self._desks["XBB"]
        asked = await self._desks["XAA"].store.read(lambda tx: tx.cases(states=("SENT", "DELIVERED")))
        threads = {row.thread for row in asked}
        rows = await desk.store.read(lambda tx: tx.cases(states=("RECEIVED",)))
        await asyncio.gather(*(desk.answer.acknowledge(row.ref, "first") for row in rows if row.thread in threads))

    async def _finish_drafts(self) -> None:
        """Take the cases further in which the desk of XAA was interrupted."""
        desk, people = self._desks["XAA"], self._pair.people()
        for row in await desk.store.read(lambda tx: tx.cases(states=("DRAFT", "CLEARED"))):
            if row.state == "DRAFT":
                await approve(desk, row.ref, people)
            await desk.clear.send(row.ref, "first")
            self._submitted.add(row.ref)

    async def _settle(self) -> None:
        """Acknowledge what comes in until every case of XAA is acknowledged."""
        began = time.monotonic()
        await self._wait_for(self._is_settled)
        self._figures.settled_max_s = max(self._figures.settled_max_s, round(time.monotonic() - began, 1))

    async def _is_settled(self) -> bool:
        await self._acknowledge()
        return not await self._desks["XAA"].store.read(lambda tx: tx.cases(states=("SENT", "DELIVERED")))

    async def _is_delivered(self) -> bool:
        return not await self._desks["XAA"].store.read(lambda tx: tx.cases(states=("SENT",)))

    async def _wait_for(self, done: Callable[[], Awaitable[bool]]) -> None:
        until = time.monotonic() + GOES_ON_S
        while not await done():
            if time.monotonic() > until:
                self._fault("not_settled", 1)
                return
            await asyncio.sleep(0.2)

    def _compare(self) -> None:
        """Compare the books of both, closed by now, with what was answered and submitted."""
        for country, answers in (("XBB", self._answers), ("XAA", {})):
            self._figures.faults += books.faults_of_file(self._pair.database(country), answers)
        with closing(sqlite3.connect(self._pair.database("XAA"))) as db:
            cases = dict(db.execute("SELECT ref, state FROM case_file"))
        self._fault("cases_lost", len(self._submitted - set(cases)))
        self._fault("cases_unfinished", sum(state not in ("ACKNOWLEDGED", "ERASED") for state in cases.values()))
        self._figures.cases = len(cases)
        self._figures.accepted = len(self._answers)
        self._figures.alarms = sum(self._alarms(country) for country in COUNTRIES)

    def _alarms(self, country: str) -> int:
        lines = self._served[country].lines()
        return sum(line.get("event") == "store.unavailable" and "full" in line.get("error", "") for line in lines)

    def _take(self, count: int) -> list[Sealed]:
        taken, self._requests = self._requests[:count], self._requests[count:]
        return taken

    def _fault(self, name: str, count: int) -> None:
        if count and not self._figures.faults[name]:
            print(f"{name}: {count}", file=sys.stderr)
        self._figures.faults[name] += count


# How it is run.


def mount(directory: Path, size: str) -> None:
    """Put an empty disk of ``size`` over ``directory``."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(directory)], check=True)


def apart() -> Sequence[str] | None:
    """Return a command that runs another where it may mount, or ``None`` if nothing here may."""
    if sys.platform != "linux":
        return None
    with tempfile.TemporaryDirectory() as directory:
        trial = ("mount", "-t", "tmpfs", "none", directory)
        for way in APART:
            if shutil.which(way[0]) and subprocess.run([*way, *trial], capture_output=True).returncode == 0:
                return way
    return None


async def drill(root: Path, rounds: int, seed: int) -> Figures:
    """Run the drill under ``root``, where it may mount, and return its figures."""
    began = time.monotonic()
    figures = Figures(seed)
    pair = make_pair(root, limits=LIMITS)
    disks = {country: Disk(pair.home(country)) for country in COUNTRIES}
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()
    await Drill(pair, disks, figures).run(rounds)
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Fill the disks of two gateways; count what was lost.")
    parser.add_argument("--count", type=int, default=6, help="rounds, each over both disks")
    parser.add_argument("--seed", type=int, default=None, help="of what is left free; default: drawn")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.apart:
        way = apart()
        if way is None:
            print("note: nothing may be mounted here, so no disk is filled")
            return 0
        return subprocess.run([*way, sys.executable, "-m", "drills.disk_full", *sys.argv[1:], "--apart"]).returncode
    seed = drilling.drawn(asked.seed)
    with tempfile.TemporaryDirectory(prefix="disk-full-drill-", ignore_cleanup_errors=True) as directory:
        figures = asyncio.run(drill(Path(directory), asked.count, seed))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
