"""
Post the same requests again and again, and count how many took effect twice.

XBB takes in requests of XAA, some of them several times at once. Whoever recorded the line then posts them again: the
same envelope, and the same signed message in a new envelope, as whoever once opened it can. They do so

    now         to the gateway that took them in
    restart     to the same gateway, closed and opened again
    restore     to the gateway after its database was put back and its epoch raised
    forgotten   likewise, where the backup is older than the messages: each may be taken in once more, as one case
    elsewhere   to a third State, XCC

    python -m drills.replay [--count 10000] [--place NAME ...] [--seed N] [--json]

Exit status 1 if a request took effect twice, was answered otherwise than the first time, or was accepted elsewhere.
"""

import argparse
import asyncio
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nacl.pwhash import argon2id

from gateway import settings
from gateway.services import outbox
from tests.support import books, drilling, story
from tests.support.network import Network, make_network, open_gateway
from tests.support.requests import Sealed, seal_requests
from tests.support.restoring import restore

COUNTRIES = ("XAA", "XBB", "XCC")
REQUESTS = 50
AT_ONCE = 16
RESEALED = 0.25
"""In how many replays the signed message comes in a new envelope."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nothing took effect twice"

    seed: int
    requests: int = REQUESTS
    replays: Counter[str] = field(default_factory=Counter)
    resealed: int = 0
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        where = ", ".join(f"{place} {count}" for place, count in self.replays.items())
        yield f"seed {self.seed}: {self.requests} requests, {self.replays.total()} replays in {self.seconds} s"
        yield f"of them {where}; {self.resealed} in a new envelope"


class Drill:
    """Three gateways, the requests that were recorded, and what each was answered."""

    def __init__(self, network: Network, requests: list[Sealed], figures: Figures) -> None:
        self._network = network
        self._requests = requests
        self._figures = figures
        self._random = random.Random(figures.seed)
        self._answers: dict[str, bytes] = {}
        self._backups = {name: network.homes["XBB"].parent / name for name in ("before", "after")}

    async def run(self, places: Mapping[str, "Place"], count: int) -> None:
        """Have XBB take everything in, then replay ``count`` in all, at each of ``places``."""
        self._back_up("before")
        for one in self._requests:
            # The first time, too, some come twice at once: a sender that heard nothing posts again.
            await self._post([one] * self._random.choice((1, 1, 2, 4)), "XBB")
        self._back_up("after")
        self._look()
        for place, prepare in places.items():
            to = await prepare(self)
            for _ in range(0, count // len(places), AT_ONCE):
                await self._post(self._random.choices(self._requests, k=AT_ONCE), to)
                self._figures.replays[place] += AT_ONCE
            self._look()

    # Where they are posted. A store that several nodes share will add its second node here.

    async def now(self) -> str:
        """Change nothing."""
        return "XBB"

    async def restart(self) -> str:
        """Close the gateway and open it again."""
        await self._network.gateways["XBB"].close()
        await open_gateway(self._network, "XBB")
        return "XBB"

    async def restored(self) -> str:
        """Put a database back that knows the requests, and raise the epoch."""
        await restore(self._network, "XBB", self._backups["after"])
        return "XBB"

    async def forgotten(self) -> str:
        """Put a database back that does not know them, and raise the epoch: the first answer to each is a new one."""
        await restore(self._network, "XBB", self._backups["before"])
        self._answers.clear()
        return "XBB"

    async def elsewhere(self) -> str:
        """Post to a State that none of them is for."""
        return "XCC"

    def _back_up(self, name: str) -> None:
        shutil.copytree(self._network.homes["XBB"] / "data", self._backups[name])

    # What is posted, and what came of it.

    async def _post(self, requests: list[Sealed], to: str) -> None:
        await asyncio.gather(*(self._post_one(one, to) for one in requests))

    async def _post_one(self, one: Sealed, to: str) -> None:
        raw = one.envelope
        if self._random.random() < RESEALED:
            self._figures.resealed += 1
            _, raw = outbox.seal_for(self._network.gateways["XAA"].context, to, one.signed, self._network.clock.now())
        reply = await self._network.gateways[to].receiver.receive(raw)
        if to != "XBB":
            self._figures.faults["accepted_elsewhere"] += reply.status == 200
            return
        if reply.status != 200:
            self._figures.faults["not_answered"] += 1
        elif self._answers.setdefault(one.digest, said := reply.body.rstrip(b" ")) != said:
            self._figures.faults["answered_otherwise"] += 1

    def _look(self) -> None:
        """Compare the books of XBB and XCC with what was answered."""
        for country, answers in (("XBB", self._answers), ("XCC", {})):
            database = settings.load(self._network.homes[country], {}).database
            with closing(sqlite3.connect(database)) as db:
                self._figures.faults += books.faults(lambda statement, db=db: db.execute(statement).fetchall(), answers)
                (count,) = db.execute("SELECT count(*) FROM case_file").fetchone()
            self._figures.faults["cases_doubled"] += max(0, count - len(answers))


Place = Callable[[Drill], Awaitable[str]]
"""Prepares where is posted to, and returns the country."""

PLACES: Mapping[str, Place] = {
    "now": Drill.now,
    "restart": Drill.restart,
    "restore": Drill.restored,
    "forgotten": Drill.forgotten,
    "elsewhere": Drill.elsewhere,
}


async def drill(root: Path, count: int, seed: int, places: Mapping[str, Place] = PLACES) -> Figures:
    """Run the drill under ``root`` with ``count`` replays in all, and return its figures."""
    began = time.monotonic()
    figures = Figures(seed)
    network = await make_network(root, COUNTRIES)
    try:
        requests = seal_requests(network.gateways["XAA"], "XBB", story.draft(), REQUESTS)
        await Drill(network, requests, figures).run(places, count)
    finally:
        await network.close()
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Post the same requests again; count what took effect twice.")
    parser.add_argument("--count", type=int, default=10_000, help="replays in all")
    parser.add_argument("--place", action="append", choices=list(PLACES), help="a place; without it, each")
    parser.add_argument("--seed", type=int, default=None, help="of what is posted when; default: drawn")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    # Gateways are opened again, and deriving their keys from the passphrase is slow on purpose.
    argon2id.kdf = cache(argon2id.kdf)
    seed = drilling.drawn(asked.seed)
    places = {name: PLACES[name] for name in asked.place or PLACES}
    with tempfile.TemporaryDirectory(prefix="replay-drill-") as directory:
        figures = asyncio.run(drill(Path(directory), asked.count, seed, places))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
