"""
Cut the power under a gateway again and again while it accepts messages, and count what that lost or invented.

A whole gateway with its real store takes in sealed requests, several at a time. Its disk is one whose power goes at a
random write or sync, also while the gateway starts: what was synced stays, and of what was written later a random part,
sector by sector. The gateway is opened again on what is left, its books are compared with every answer it gave, and
what was not answered is posted again.

    python -m drills.power_cut [--count 5000] [--seed N] [--synchronous NORMAL] [--json]

Exit status 1 if an acknowledged message was lost, a database was damaged, an answer was not the one that is stored, or
log and messages disagree. With ``--synchronous NORMAL`` or ``OFF`` it must fail, which shows that it sees a loss.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nacl.pwhash import argon2id

from gateway import settings
from gateway.app import Gateway
from gateway.services.ports import Unavailable
from tests.support import books, drilling, story
from tests.support.disk import Disk
from tests.support.network import Network, make_network, open_gateway
from tests.support.requests import Sealed, seal_requests

CUTS_A_DATABASE = 40
"""Cuts before the gateway begins with an empty database again, so that looking through it stays quick."""

REQUESTS = 800
"""As many as one database ever takes."""

LIFE_OPERATIONS = 500
"""Writes and syncs after which the power goes at the latest: some ten messages."""

START_OPERATIONS = 40
CUT_AT_START = 0.1
STOPPED_FIRST = 0.1
"""In how many cases the power goes while the gateway starts, and only after it was stopped in good order."""

TRUNCATE = 0.05
"""After how many groups the journal is cut to nothing, as after an erasure."""

JOURNAL_PAGES = (16, 100, 16_000)
"""Pages of journal that are moved into the file at once: few, so that cuts meet it often; the last is the store's."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nothing acknowledged was lost, nothing damaged, no answer changed"

    seed: int
    synchronous: str | None = None
    cuts: int = 0
    at_start: int = 0
    stopped_first: int = 0
    acknowledged: int = 0
    stored_unheard: int = 0
    operations: int = 0
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        told = f", synchronous={self.synchronous}" if self.synchronous else ""
        yield (
            f"seed {self.seed}{told}: {self.cuts} cuts ({self.at_start} while "
            f"starting, {self.stopped_first} after a stop) among {self.operations} writes and syncs "
            f"in {self.seconds} s"
        )
        yield (
            f"{self.acknowledged} messages acknowledged, {self.stored_unheard} times one stored whose answer was lost"
        )


class Drill:
    """One gateway, the disk under it, and the partner that posts."""

    def __init__(self, network: Network, disk: Disk, requests: list[Sealed], figures: Figures) -> None:
        self._network = network
        self._disk = disk
        self._requests = requests
        self._figures = figures
        self._random = random.Random(figures.seed)
        self._database = settings.load(network.homes["XBB"], {}).database
        self._empty = self._database.read_bytes()
        self._answers: dict[str, bytes] = {}

    async def run(self, cuts: int) -> None:
        """Cut the power ``cuts`` times."""
        with self._disk.mounted():
            while self._figures.cuts < cuts:
                await self._use_up(min(CUTS_A_DATABASE, cuts - self._figures.cuts))
        self._figures.operations = self._disk.operations

    async def _use_up(self, cuts: int) -> None:
        """Begin with an empty database, cut the power ``cuts`` times over it, and look at what each cut left."""
        self._disk.put({self._database: self._empty})
        self._answers.clear()
        first, last = self._figures.cuts, self._figures.cuts + cuts
        while True:
            if self._figures.cuts < last and self._random.random() < CUT_AT_START:
                await self._start_in_the_dark()
            gateway = await self._open()
            if gateway is None and self._figures.cuts == first:
                raise RuntimeError("the gateway does not start on an empty database")
            if gateway is None:
                return
            if not self._look():
                await gateway.close()
                return
            if self._figures.cuts == last:
                await gateway.close()
                break
            await self._live(gateway)
            self._cut()
        self._figures.acknowledged += len(self._answers)

    async def _start_in_the_dark(self) -> None:
        """Start, and let the power go while the gateway does."""
        self._disk.cut_at = self._disk.operations + self._random.randrange(1, START_OPERATIONS)
        gateway = await self._open()
        if gateway is not None:
            await gateway.close()
        self._figures.at_start += 1
        self._cut()

    async def _open(self) -> Gateway | None:
        """Open the gateway; whatever keeps it from starting while the power is on is damage."""
        self._disk.journal_pages = self._random.choice(JOURNAL_PAGES)
        try:
            return await open_gateway(self._network, "XBB")
        except Exception as error:
            if not self._disk.off:
                self._fault("corrupt", f"{type(error).__name__}: {error}")
            return None

    async def _live(self, gateway: Gateway) -> None:
        """Take in messages until the power goes, or until none is left."""
        self._disk.cut_at = self._disk.operations + self._random.randrange(1, LIFE_OPERATIONS)
        for group in self._groups():
            await asyncio.gather(*(self._post(gateway, one) for one in group))
            if self._random.random() < TRUNCATE and not self._disk.off:
                await self._truncate(gateway)
            if self._disk.off:
                break
        if not self._disk.off:
            stopped = self._random.random() < STOPPED_FIRST
            self._figures.stopped_first += stopped
            self._disk.off = not stopped
        await gateway.close()

    def _groups(self) -> Iterator[list[Sealed]]:
        """Yield what is posted at once: first what was not answered yet, and with it what was, as a lost answer is."""
        left = [one for one in self._requests if one.digest not in self._answers]
        again = [one for one in self._requests if one.digest in self._answers]
        most = self._random.randrange(1, LIFE_OPERATIONS // 10)
        while left and most > 0:
            size = self._random.choice((1, 1, 4, 16))
            group, left, most = left[:size], left[size:], most - size
            yield group + self._random.sample(again, min(len(again), 1))

    async def _post(self, gateway: Gateway, one: Sealed) -> None:
        reply = await gateway.receiver.receive(one.envelope)
        if self._disk.off:
            return  # nobody hears it
        if reply.status != 200:
            self._fault("not_accepted", f"status {reply.status}")
            return
        said = reply.body.rstrip(b" ")
        if self._answers.setdefault(one.digest, said) != said:
            self._fault("wrong_acknowledgements", "another answer than before")

    async def _truncate(self, gateway: Gateway) -> None:
        try:
            await gateway.store.truncate()
        except Unavailable as error:
            if not self._disk.off:
                self._fault("not_truncated", str(error))

    def _cut(self) -> None:
        self._disk.power_on()
        self._figures.cuts += 1

    def _look(self) -> bool:
        """Compare the books with the answers; what was lost is not missed twice. Return whether it may go on."""
        with closing(self._disk.connect(self._database)) as db:
            found = books.faults(lambda statement: db.execute(statement).fetchall(), self._answers)
            if "corrupt" not in found:
                kept = {digest for (digest,) in db.execute("SELECT digest FROM inbound")}
                self._figures.stored_unheard += len(kept - set(self._answers))
                self._answers = {digest: said for digest, said in self._answers.items() if digest in kept}
        for name, count in found.items():
            self._fault(name, f"{count} after cut {self._figures.cuts}", count)
        return "corrupt" not in found

    def _fault(self, name: str, text: str, count: int = 1) -> None:
        if not self._figures.faults[name]:
            print(f"{name}: {text}", file=sys.stderr)
        self._figures.faults[name] += count


async def drill(root: Path, cuts: int, seed: int, synchronous: str | None = None) -> Figures:
    """Run the drill under ``root`` and return its figures."""
    began = time.monotonic()
    figures = Figures(seed, synchronous)
    network = await make_network(root)
    requests = seal_requests(network.gateways["XAA"], "XBB", story.draft(), REQUESTS)
    await network.close()
    pragmas = (f"PRAGMA synchronous = {synchronous}",) if synchronous else ()
    await Drill(network, Disk(random.Random(seed), pragmas=pragmas), requests, figures).run(cuts)
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Cut the power under a gateway; count what was lost or invented.")
    parser.add_argument("--count", type=int, default=5000, help="cuts")
    parser.add_argument("--seed", type=int, default=None, help="of the cuts and what survives; default: drawn")
    parser.add_argument("--synchronous", choices=["NORMAL", "OFF"], help="in place of the store's own setting")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    # A gateway is opened thousands of times, and deriving its keys from the passphrase is slow on purpose.
    argon2id.kdf = cache(argon2id.kdf)
    seed = drilling.drawn(asked.seed)
    with tempfile.TemporaryDirectory(prefix="power-cut-drill-") as directory:
        figures = asyncio.run(drill(Path(directory), asked.count, seed, asked.synchronous))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
