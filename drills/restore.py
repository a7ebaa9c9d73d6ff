"""
Lose the machine of a gateway and put it back from its backups, while its partner keeps going.

XAA asks, XBB acknowledges, two processes of ``isthmus serve`` over TLS on loopback. The database of XBB is backed up
while both work, and they go on. Then XBB is killed and its home is wiped; XAA goes on asking. On a blank directory XBB
is put back as docs/operations.md says: the home and the key stores from their own copies, the database from its backup,
``isthmus restore begin-epoch``, the new card to the partner, and a start. Nobody touches XAA. Its desk's work and its
messages must come back by themselves, and in the end both must agree on everything.

    python -m drills.restore [--count 60] [--json]

``--count`` is of cases: a quarter each is acknowledged before the backup, only received by then, begun after it, and
begun while XBB is gone. Exit status 1 if a case or an answer was lost, a number was used twice, something was sent
again that the backup knew of, or an audit found anything.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.pair import COUNTRIES, WORDS, Pair, draft, make_pair, submit
from gateway.app import Gateway
from tests.support import books, drilling
from tests.support.served import PROGRAM, Served, serve

LIMITS = {"post_timeout_s": 3}
REFRESH = {"ISTHMUS_TRUST__REFRESH_S": "5"}
"""Cards are read every five seconds in place of every quarter of an hour: that wait is the operator's choice."""

DONE_S = 180.0


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nothing lost, nothing sent again, no number used twice"

    cases: int = 0
    forgotten: int = 0
    put_back_s: float = 0.0
    caught_up_s: float = 0.0
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        yield f"{self.cases} cases in {self.seconds} s; {self.forgotten} of them the backup did not know"
        yield (
            f"put back and serving after {self.put_back_s} s; what it forgot brought back, what it missed taken in "
            f"and all acknowledged after {self.caught_up_s} s"
        )


class Drill:
    """Both homes, the processes on them, and the safe in which the copies lie."""

    def __init__(self, pair: Pair, figures: Figures) -> None:
        self._pair = pair
        self._safe = pair.root / "safe"
        self._figures = figures
        self._served: dict[str, Served] = {}

    async def run(self, count: int) -> None:
        """Work, lose the machine, put it back, and compare."""
        home, safe = self._pair.home("XBB"), self._safe
        # Key stores, configuration, cards and certificate do not change while the gateway runs.
        shutil.copytree(home, safe, ignore=shutil.ignore_patterns("data"))
        try:
            for country in COUNTRIES:
                self._served[country] = await asyncio.to_thread(serve, self._pair, country, environ=REFRESH)
            done = await self._ask(count // 4)
            await self._finish(done)
            received = await self._ask(count // 4)
            await self._wait_until_received(received)
            self._back_up()
            forgotten = await self._ask(count // 4)
            await self._finish(received + forgotten)
            self._served["XBB"].stop(signal.SIGKILL)
            shutil.rmtree(home)
            missed = await self._ask(count // 4)
            began = time.monotonic()
            await asyncio.to_thread(self._put_back)
            self._figures.put_back_s = round(time.monotonic() - began, 1)
            await self._finish(done + received + forgotten + missed)
            self._figures.caught_up_s = round(time.monotonic() - began, 1)
        finally:
            for served in self._served.values():
                self._figures.faults["ended_badly"] += served.stop() not in (0, -signal.SIGKILL)
        self._compare(done + missed, received + forgotten)
        self._figures.forgotten = len(forgotten)

    def _back_up(self) -> None:
        """Take a snapshot of the database through SQLite, while the gateway runs."""
        database, copy = self._pair.database("XBB"), self._safe / "gateway.db"
        with closing(sqlite3.connect(database)) as live, closing(sqlite3.connect(copy)) as made:
            live.backup(made)

    def _put_back(self) -> None:
        """Do what docs/operations.md says, on a blank directory."""
        home = self._pair.home("XBB")
        shutil.copytree(self._safe, home, ignore=shutil.ignore_patterns("gateway.db"))
        database = home / "data" / "gateway.db"
        database.parent.mkdir(mode=0o700)
        shutil.copyfile(self._safe / "gateway.db", database)
        database.chmod(0o600)
        made = json.loads(self._isthmus("restore", "begin-epoch", "-C", str(home), "--json"))
        shutil.copyfile(made["card"], self._pair.home("XAA") / "cards" / "XBB" / Path(made["card"]).name)
        self._served["XBB"] = serve(self._pair, "XBB", environ=REFRESH)

    def _isthmus(self, *arguments: str) -> bytes:
        """Run a command. Raises ``CalledProcessError``, and says what the command said, if it does not exit 0."""
        command = [sys.executable, "-m", "gateway.cli.main", *arguments]
        environ = {**os.environ, "ISTHMUS_PASSPHRASE": WORDS}
        done = subprocess.run(command, cwd=PROGRAM, env=environ, capture_output=True)
        if done.returncode:
            print(done.stderr.decode(), file=sys.stderr)
        done.check_returncode()
        return done.stdout

    # The desks, each beside the process that serves.

    async def _ask(self, count: int) -> list[str]:
        async with self._desk("XAA") as desk:
            people = self._pair.people()
            return [await submit(desk, people, draft()) for _ in range(count)]

    async def _finish(self, refs: Sequence[str]) -> None:
        """Acknowledge whatever comes in, until each of ``refs`` is acknowledged and nothing waits on either side."""
        until = time.monotonic() + DONE_S
        async with self._desk("XAA") as asking, self._desk("XBB") as asked:
            while not await self._is_finished(asking, asked, refs):
                rows = await asked.store.read(lambda tx: tx.cases(states=("RECEIVED",)))
                await asyncio.gather(*(asked.answer.acknowledge(row.ref, "first") for row in rows))
                if time.monotonic() > until:
                    self._figures.faults["not_finished"] += 1
                    return
                await asyncio.sleep(0.2)

    async def _wait_until_received(self, refs: Sequence[str]) -> None:
        until = time.monotonic() + DONE_S
        async with self._desk("XAA") as desk:
            while waiting := await desk.store.read(lambda tx: tx.cases(states=("SENT",))):
                if time.monotonic() > until:
                    raise RuntimeError(f"{len(waiting)} of {len(refs)} cases were not received")
                await asyncio.sleep(0.1)

    async def _is_finished(self, asking: Gateway, asked: Gateway, refs: Sequence[str]) -> bool:
        ours = await asking.store.read(lambda tx: tx.cases(states=("ACKNOWLEDGED",)))
        theirs = await asked.store.read(lambda tx: tx.cases(states=("ACKNOWLEDGED",)))
        waiting = [await one.inquiries.outbox() for one in (asking, asked)]
        threads = {row.thread for row in ours if row.ref in set(refs)}
        return len(threads) == len(refs) and threads <= {row.thread for row in theirs} and not any(waiting)

    @asynccontextmanager
    async def _desk(self, country: str) -> AsyncIterator[Gateway]:
        gateway = await self._pair.open(country)
        try:
            yield gateway
        finally:
            await gateway.close()

    # What is compared.

    def _compare(self, once: Sequence[str], twice: Sequence[str]) -> None:
        """
        Compare both databases.

        Cases of ``once`` were acknowledged once. XBB forgot that it had acknowledged those of ``twice``, so its desk
        did so again, and under a number of the new epoch.
        """
        faults = self._figures.faults
        self._figures.cases = len(once) + len(twice)
        for country, other in (COUNTRIES, COUNTRIES[::-1]):
            sent = self._rows(other, "SELECT digest FROM outbound WHERE answer IS NOT NULL")
            faults.update(books.faults_of_file(self._pair.database(country), {}))
            kept = {digest for (digest,) in self._rows(country, "SELECT digest FROM inbound")}
            faults["messages_lost"] += len({digest for (digest,) in sent} - kept)
            try:
                self._isthmus("log", "audit", "-C", str(self._pair.home(country)))
            except subprocess.CalledProcessError:
                faults["audit_found_something"] += 1
        threads = dict(self._rows("XAA", "SELECT ref, thread FROM case_file"))
        theirs = Counter(thread for (thread,) in self._rows("XBB", "SELECT thread FROM case_file"))
        faults["cases_lost"] += len({threads[ref] for ref in (*once, *twice)} - set(theirs))
        faults["cases_doubled"] += sum(times - 1 for times in theirs.values())
        # XAA outlived it all, so it knows every message of a case that XBB ever sent.
        heard = self._rows("XAA", "SELECT thread, epoch, seq, digest FROM inbound WHERE seq IS NOT NULL")
        numbers = Counter((thread, epoch, seq) for thread, epoch, seq, _ in heard)
        faults["numbers_used_twice"] += sum(times - 1 for times in numbers.values())
        epochs: dict[str, list[int]] = {}
        for thread, epoch, _, _ in heard:
            epochs.setdefault(thread, []).append(epoch)
        faults["sent_again"] += sum(len(epochs[threads[ref]]) != 1 for ref in once)
        faults["epoch_not_raised"] += sum(sorted(epochs[threads[ref]]) != [1, 2] for ref in twice)

    def _rows(self, country: str, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._pair.database(country))) as db:
            return db.execute(statement).fetchall()


async def drill(root: Path, count: int) -> Figures:
    """Run the drill under ``root`` with ``count`` cases and return its figures."""
    began = time.monotonic()
    figures = Figures()
    pair = make_pair(root, limits=LIMITS)
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()
    await Drill(pair, figures).run(count)
    figures.seconds = round(time.monotonic() - began, 1)
    return figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Lose a gateway's machine and put it back; count what was lost.")
    parser.add_argument("--count", type=int, default=60, help="cases")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="restore-drill-") as directory:
        figures = asyncio.run(drill(Path(directory), asked.count))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
