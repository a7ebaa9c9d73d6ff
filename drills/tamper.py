"""
Change every byte of an envelope, of the message in it and of an answer, and see that none of it is accepted.

Each byte is changed in several ways: each of its bits alone, then values drawn at random. Three things are changed:

    envelope   what is on the line, and the gateway that it is for takes it in
    message    the signed bytes, sealed anew for that gateway, as whoever knows its public key can
    answer     receipt, opening and proof, and the gateway that asked takes them for its message

Then the unchanged ones are taken in, and must be accepted, and the books are looked at.

    python -m drills.tamper [--count 12] [--seed N] [--json]

Exit status 1 if anything changed was accepted or left a trace, or the unchanged was not accepted.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway import settings
from gateway.core import codes
from gateway.services import cases, outbox
from gateway.services.answers import BadAnswer
from gateway.services.deliver import Line
from tests.support import books, drilling, story
from tests.support.network import Network, make_network

BITS = tuple(1 << bit for bit in range(8))


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nothing changed was accepted"

    seed: int
    changes: int
    bytes: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        yield f"seed {self.seed}: {self.changes} changes of each byte, in {self.seconds} s"
        for what, count in self.bytes.items():
            yield f"  {what:<10} {count} bytes, {self.tried[what]} changed copies"
        yield "refused: " + ", ".join(f"{why} {count}" for why, count in sorted(self.refused.items()))


class Drill:
    """A request that XAA has in its outbox, and whoever stands on the line to XBB."""

    def __init__(self, network: Network, ref: str, figures: Figures) -> None:
        self._network = network
        self._ref = ref
        self._figures = figures
        self._random = random.Random(figures.seed)

    async def run(self) -> None:
        """Change everything in turn, and take in what was not changed."""
        row, signed = await self._sent()
        context, faults = self._network.gateways["XAA"].context, self._figures.faults
        now = self._network.clock.now()
        await self._change("envelope", row.envelope, self._receive)
        await self._change("message", signed, lambda raw: self._receive(outbox.seal_for(context, "XBB", raw, now)[1]))
        self._look("XBB", {})
        answer = await self._network.gateways["XBB"].receiver.receive(row.envelope)
        faults["unchanged_refused"] += answer.status != 200
        await self._change("answer", answer.body, lambda raw: self._settle(row, raw))
        faults["accepted"] += await story.state(self._network, "XAA", self._ref) != "SENT"
        await self._network.gateways["XAA"].deliverer.settle(row, answer.body)
        faults["unchanged_refused"] += await story.state(self._network, "XAA", self._ref) != "DELIVERED"
        self._look("XBB", {row.digest: answer.body.rstrip(b" ")})

    async def _sent(self) -> tuple[Any, bytes]:
        """Return the row of the request in the outbox, claimed as for posting, and its signed bytes."""
        gateway = self._network.gateways["XAA"]
        (claimed,) = await gateway.deliverer.claim("XBB", Line(1))

        async def unit(tx: Any) -> bytes:
            held = await cases.load(gateway.context, tx, self._ref)
            return gateway.context.vault.open(held.key, "outbound", claimed.row.id, "sealed", claimed.row.sealed)

        return claimed.row, await gateway.store.read(unit)

    async def _change(self, what: str, raw: bytes, take: Callable[[bytes], Awaitable[str | None]]) -> None:
        """Have each changed copy of ``raw`` taken; ``take`` returns why it was refused, or ``None``."""
        self._figures.bytes[what] = len(raw)
        for at, changed in self._copies(raw):
            self._figures.tried[what] += 1
            try:
                why = await take(changed)
            except Exception as error:
                self._fault("fell", f"{what}, byte {at}: {type(error).__name__}")
                continue
            if why is None:
                self._fault("accepted", f"{what}, byte {at}: {raw[at]:#04x} to {changed[at]:#04x}")
            else:
                self._figures.refused[f"{what} {why}"] += 1

    def _copies(self, raw: bytes) -> Iterator[tuple[int, bytes]]:
        others = [value for value in range(1, 256) if value not in BITS]
        for at, byte in enumerate(raw):
            drawn = self._random.sample(others, max(0, self._figures.changes - len(BITS)))
            for change in (*BITS[: self._figures.changes], *drawn):
                copy = bytearray(raw)
                copy[at] = byte ^ change
                yield at, bytes(copy)

    async def _receive(self, raw: bytes) -> str | None:
        reply = await self._network.gateways["XBB"].receiver.receive(raw)
        if reply.status == 200:
            return None
        return codes.find_problem_code(json.loads(reply.body)["type"]) or "unknown"

    async def _settle(self, row: Any, raw: bytes) -> str | None:
        try:
            await self._network.gateways["XAA"].deliverer.settle(row, raw)
        except BadAnswer:
            return "bad-answer"
        return None

    def _look(self, country: str, answers: dict[str, bytes]) -> None:
        """Compare the books with ``answers``: they hold those messages and nothing else."""
        database = settings.load(self._network.homes[country], {}).database
        with closing(sqlite3.connect(database)) as db:
            found = books.faults(lambda statement: db.execute(statement).fetchall(), answers)
            kept = {digest for (digest,) in db.execute("SELECT digest FROM inbound")}
        found["left_a_trace"] += len(kept - set(answers))
        self._figures.faults.update(+found)

    def _fault(self, name: str, text: str) -> None:
        print(f"{name}: {text}", file=sys.stderr)
        self._figures.faults[name] += 1


async def drill(root: Path, changes: int, seed: int) -> Figures:
    """Run the drill under ``root``, with ``changes`` of each byte, and return its figures."""
    began = time.monotonic()
    figures = Figures(seed, changes)
    network = await make_network(root)
    try:
        await Drill(network, await story.sent(network), figures).run()
    finally:
        await network.close()
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Change every byte of an envelope, a message and an answer.")
    parser.add_argument("--count", type=int, default=12, help="changes of each byte: its bits, then drawn ones")
    parser.add_argument("--seed", type=int, default=None, help="of the drawn ones; default: drawn")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    seed = drilling.drawn(asked.seed)
    with tempfile.TemporaryDirectory(prefix="tamper-drill-") as directory:
        figures = asyncio.run(drill(Path(directory), asked.count, seed))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
