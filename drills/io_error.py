"""
Let one write or sync after the other fail during a whole exchange, and see that nothing is acknowledged upon it.

XAA asks, XBB acknowledges: a desk opens, approves and sends a case, both gateways post and answer. This is run once for
each operation that reaches a disk and for each way in which it may fail, with real stores over a disk that fails there:

    once     that write or sync fails and every later one succeeds
    stays    every write and sync fails from there on, until the disk is replaced under the running gateways
    cut      that one fails, and the power goes once somebody has noticed
    dark     the power goes at that write or sync, under both gateways

Whoever is told "not now" tries again. At the instant of each acknowledgement it is compared with what is then certain
to be on the disk, and so is each message that leaves: it must be marked there as posted. At the end the power goes, and
the books of both are compared with what they answered.

    python -m drills.io_error [--count N] [--way NAME ...] [--seed N] [--json]

Each operation of an exchange is tried, some 650; ``--count`` tries so many, evenly spread. Exit status 1 if anything
was acknowledged or posted that was not on the disk, or was lost, or if an exchange did not come to its end by itself.
"""

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nacl.pwhash import argon2id

from gateway import settings
from gateway.core import wire
from gateway.core.envelope import envelope_id
from gateway.services.ports import HttpAnswer, Unavailable
from keys import jws
from tests.support import books, drilling, story
from tests.support.disk import Disk
from tests.support.network import START, Network, Wires, make_network, open_gateway

COUNTRIES = ("XAA", "XBB")
WAYS = ("once", "stays", "cut", "dark")
JOURNAL_PAGES = 16
"""Pages of journal that are moved into the file at once: so few that one exchange does it several times."""

TRIES = 12
NOTICED = 2
"""How often the disk is noticed to fail before it is replaced."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nothing acknowledged or posted that was not on the disk, nothing lost"

    seed: int
    ways: Sequence[str]
    positions: int = 0
    runs: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    noticed: int = 0
    acknowledgements: int = 0
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.failed.items()))
        ways = ", ".join(self.ways)
        yield (f"seed {self.seed}: {self.positions} positions, {self.runs} exchanges in {self.seconds} s ({ways})")
        yield f"operations made to fail: {kinds}; noticed in {self.noticed} exchanges"
        yield f"{self.acknowledgements} acknowledgements, each looked for on the disk when given, as was each message"


class HeardWires(Wires):
    """The wires between both: ``see`` is told what leaves for a country, ``hear`` what a country acknowledges."""

    def __init__(self, disk: Disk, see: Callable[[str, bytes], None], hear: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self._disk = disk
        self._see = see
        self._hear = hear

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        """Hand the bytes over, unless the power is off; what is acknowledged is heard before it is handed back."""
        self._check_power()
        self._see(country, body)
        answer = await super().post(country, path, body, media_type)
        self._check_power()
        if answer.status == 200:
            self._hear(country, answer.body)
        return answer

    def _check_power(self) -> None:
        if self._disk.off:
            raise Unavailable("the power is off")


class Run:
    """One exchange over a disk that fails."""

    def __init__(self, network: Network, disk: Disk, way: str, figures: Figures) -> None:
        self._network = network
        self._disk = disk
        self._way = way
        self._figures = figures
        self._noticed = 0
        self._answers: dict[str, dict[str, bytes]] = {country: {} for country in COUNTRIES}
        self._databases = {country: settings.load(home, {}).database for country, home in network.homes.items()}
        self._ref = ""
        network.wires = HeardWires(disk, self._see, self._hear)

    async def run(self, position: int | None) -> int:
        """
        Run the exchange and let its operation ``position`` (from 1) fail, or none.

        Returns how many operations it took.
        """
        await self._open()
        begun = self._disk.operations

        def fails(kind: str) -> bool:
            at = self._disk.operations - begun
            hit = at == position if self._way != "stays" else position is not None and at >= position
            self._figures.failed[kind] += hit
            return hit

        if self._way == "dark" and position is not None:
            self._disk.cut_at = begun + position
        else:
            self._disk.fails = fails
        try:
            await self._exchange()
        except Exception as error:
            self._fault("fell", f"{self._way}: {type(error).__name__}: {error}")
        took = self._disk.operations - begun
        self._disk.fails = lambda kind: False
        await self._go_dark()
        self._look()
        return took

    async def _exchange(self) -> None:
        for step in (self._new, self._approve, self._send):
            await self._insist(step, self._at_once)
        await self._insist(self._deliver, self._reached("XAA", "DELIVERED"))
        await self._insist(self._acknowledge, self._at_once)
        await self._insist(self._deliver, self._reached("XAA", "ACKNOWLEDGED"))
        await self._insist(self._deliver, self._nothing_waits)

    # The steps. Each may be told "not now", and is then taken again.

    async def _new(self) -> None:
        self._ref = await self._network.gateways["XAA"].clear.new(story.draft(), "first")

    async def _approve(self) -> None:
        clear = self._network.gateways["XAA"].clear
        preview, thread = await clear.show(self._ref, "second", "liaison_officer")
        signed = self._network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
        if await story.state(self._network, "XAA", self._ref) == "DRAFT":
            await clear.approve(self._ref, signed, "second")

    async def _send(self) -> None:
        if await story.state(self._network, "XAA", self._ref) == "CLEARED":
            await self._network.gateways["XAA"].clear.send(self._ref, "first")

    async def _acknowledge(self) -> None:
        theirs = await story.twin(self._network, self._ref)
        if await story.state(self._network, "XBB", theirs) == "RECEIVED":
            await self._network.gateways["XBB"].answer.acknowledge(theirs, "first")

    async def _deliver(self) -> None:
        await self._network.deliver(refresh=False)

    # When a step is done.

    async def _at_once(self) -> bool:
        return True

    def _reached(self, country: str, state: str) -> Callable[[], Awaitable[bool]]:
        async def reached() -> bool:
            return await story.state(self._network, country, self._ref) == state

        return reached

    async def _nothing_waits(self) -> bool:
        for country in COUNTRIES:
            with closing(self._disk.connect(self._databases[country])) as db:
                if db.execute("SELECT 1 FROM outbound WHERE state <> 'receipted'").fetchone() is not None:
                    return False
        return True

    async def _insist(self, step: Callable[[], Awaitable[None]], done: Callable[[], Awaitable[bool]]) -> None:
        """Take ``step`` until it is ``done``; between two tries some time passes, and the fault takes its course."""
        for _ in range(TRIES):
            try:
                await step()
                if not self._disk.off and await done():
                    return
            except Unavailable:
                pass
            await self._notice()
            self._network.clock.pass_(minutes=10)
        self._fault("stuck", f"{step.__name__} did not come to its end")

    async def _notice(self) -> None:
        self._noticed += 1
        self._figures.noticed += self._noticed == 1
        if self._way == "stays" and self._noticed == NOTICED:
            self._disk.fails = lambda kind: False
        if self._disk.off or (self._way == "cut" and self._noticed == 1):
            await self._go_dark()
            await self._open()

    async def _go_dark(self) -> None:
        """Let the power go and come back; the gateways are gone."""
        self._disk.off = True
        await self._network.close()
        self._disk.power_on()

    async def _open(self) -> None:
        for country in COUNTRIES:
            await open_gateway(self._network, country)

    # What is looked at.

    def _see(self, country: str, body: bytes) -> None:
        """Look whether what leaves for ``country`` is certain to be known as posted."""
        sender = COUNTRIES[country == COUNTRIES[0]]
        with self._certain(sender) as copy, closing(sqlite3.connect(copy)) as db:
            posted = "SELECT 1 FROM outbound WHERE envelope_id = ? AND posted_at IS NOT NULL"
            if db.execute(posted, (envelope_id(body),)).fetchone() is None:
                self._fault("posted_unmarked", f"{sender}, {self._way}")

    def _hear(self, country: str, body: bytes) -> None:
        """Keep an acknowledgement, and look whether what it says is certain to be kept."""
        said = body.rstrip(b" ")
        receipt = jws.parse(wire.parse_stored_answer(said).receipt, jws.TYP_RECEIPT)
        digest = wire.parse_receipt(receipt.payload).payload
        self._figures.acknowledgements += 1
        if self._answers[country].setdefault(digest, said) != said:
            self._fault("wrong_acknowledgements", "another answer than before")
        with self._certain(country) as copy:
            for name, count in books.faults_of_file(copy, {digest: said}).items():
                self._fault(f"{name}_when_said", f"{country}, {self._way}", count)

    @contextmanager
    def _certain(self, country: str) -> Iterator[Path]:
        """Have the database of ``country`` as a cut now is certain to leave it, in a file."""
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory) / "certain.db"
            self._disk.write_certain(self._databases[country], copy)
            yield copy

    def _look(self) -> None:
        """Compare the books of both with what they answered."""
        for country, answers in self._answers.items():
            with closing(self._disk.connect(self._databases[country])) as db:
                found = books.faults(lambda statement, db=db: db.execute(statement).fetchall(), answers)
                cases = db.execute("SELECT state FROM case_file").fetchall()
            # After a cut the desk may have begun anew what it was told had failed, and what the disk had all the same.
            found["unfinished"] += ("ACKNOWLEDGED",) not in cases
            found["cases_doubled"] += len(cases) > 1 and self._way not in ("cut", "dark")
            for name, count in (+found).items():
                self._fault(name, f"{country}, {self._way}", count)

    def _fault(self, name: str, text: str, count: int = 1) -> None:
        if not self._figures.faults[name]:
            print(f"{name}: {text}", file=sys.stderr)
        self._figures.faults[name] += count


async def drill(root: Path, count: int, seed: int, ways: Sequence[str] = WAYS) -> Figures:
    """Run the drill under ``root`` at up to ``count`` operations, in ``ways``, and return its figures."""
    began = time.monotonic()
    figures = Figures(seed, tuple(ways))
    network = await make_network(root)
    await network.close()
    databases = [settings.load(home, {}).database for home in network.homes.values()]
    empty = {database: database.read_bytes() for database in databases}
    disk = Disk(random.Random(seed), journal_pages=JOURNAL_PAGES)
    with disk.mounted():
        disk.put(empty)
        operations = await Run(network, disk, "once", figures).run(None)
        for position in chosen(operations, count):
            figures.positions += 1
            for way in ways:
                disk.put(empty)
                network.clock.instant = START
                figures.runs += 1
                await Run(network, disk, way, figures).run(position)
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def chosen(operations: int, count: int) -> Iterator[int]:
    """Yield up to ``count`` positions of ``operations``, evenly spread."""
    few = min(count, operations)
    return (1 + step * operations // few for step in range(few))


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Let each write and sync of an exchange fail in turn.")
    parser.add_argument("--count", type=int, default=9999, help="positions, evenly spread; more than there are: all")
    parser.add_argument("--way", action="append", choices=WAYS, help="a way of failing; without it, each")
    parser.add_argument("--seed", type=int, default=None, help="of what survives; default: drawn")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    # Gateways are opened thousands of times, and deriving their keys from the passphrase is slow on purpose.
    argon2id.kdf = cache(argon2id.kdf)
    seed = drilling.drawn(asked.seed)
    with tempfile.TemporaryDirectory(prefix="io-error-drill-") as directory:
        figures = asyncio.run(drill(Path(directory), asked.count, seed, asked.way or WAYS))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
