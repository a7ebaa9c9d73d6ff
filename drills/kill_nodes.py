"""
Kill the nodes of two gateways, and their database server, again and again while they work.

Each State has two nodes over one PostgreSQL database of a real server that syncs to the disk. SIGKILL meets, at random
instants and also while they start: a node, both nodes of a State, a process of the server (all its others go with it,
and it recovers), the server itself (it is started again). A connection is also cut by the server. People work at every
node meanwhile. Afterwards all finish, and both databases are compared as in ``drills.kill``.

    python -m drills.kill_nodes [--kills 120] [--nodes 2] [--seed N] [--json]

Exit status 1 if anything was lost, applied twice or forgotten, or if a node fell over without being killed.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg

from benchmarks.pair import COUNTRIES, Pair, approve, draft, submit
from drills.kill import (
    STALLED_S,
    Figures,
    Journal,
    Part,
    compare,
    play,
    prepare,
    ready,
    restart_s,
    rows,
    stalled,
    verify_answers,
)
from gateway.app import Gateway
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.context import Forbidden
from gateway.services.ports import Conflict, Unavailable
from gateway.storage.errors import StoreError
from gateway.storage.postgres_errors import LOST, reason
from tests.support import drilling
from tests.support.postgres import Cluster, cluster

FEEDERS = 2
PAUSE_S = 0.1
"""Of each person at a desk, between two cases: on two cores there must be something left to start what was killed."""

MOVES_S = 10.0
"""
How long to wait after a kill until an answer came through, before the next: a kill meets work, or a start.

Without that wait a State that is never reached is left alone by the other for longer and longer, as in life.
"""

LEFT_S = 3
"""A case that nobody took further for this long was left by a process that died; whoever finds it goes on with it."""

AWAY, LATER = reason(ConnectionError())[0], 75
"""What a node says that could not start because the database was not there, and its status then."""

SERVER = "server"
VICTIMS = {"node": 80, "both": 5, "connection": 8, "process of the server": 5, SERVER: 2}
"""What is killed, and how often in a hundred times."""

NO_SERVER = (asyncpg.PostgresError, *LOST)
"""What the hand itself meets where the server is about to come back."""

ROOT = Path(__file__).resolve().parents[1]
TAKEN = (Unavailable, Conflict, IllegalStep, RuleRefused, Forbidden)
"""What people meet where the database is away, or a colleague at another node was quicker."""


# One node.


async def node(part: Part) -> None:
    """Serve as one of the nodes of a State, and work at its desk, until killed or terminated."""
    desk = partial(_ask, Pair(part.root)) if part.country == "XAA" else _acknowledge
    try:
        await play(part, desk, one_of_many=True)
    except Unavailable:
        raise SystemExit(LATER) from None
    except StoreError as error:
        if str(error) != AWAY:
            raise
        raise SystemExit(LATER) from None


async def _ask(pair: Pair, gateway: Gateway) -> None:
    """Begin cases until there are enough, and finish those that a process left when it died."""
    people, value, journal = pair.people(), draft(), Journal(pair.root / "submitted")

    async def feed() -> None:
        while not (pair.root / "enough").exists():
            with suppress(*TAKEN):
                journal.add(await submit(gateway, people, value))
            await asyncio.sleep(PAUSE_S)

    async def finish() -> None:
        while True:
            with suppress(*TAKEN):
                left = gateway.context.clock.now() - timedelta(seconds=LEFT_S)
                for row in await gateway.store.read(lambda tx: tx.cases(states=("DRAFT", "CLEARED"))):
                    if row.changed_at < left:
                        if row.state == "DRAFT":
                            await approve(gateway, row.ref, people)
                        await gateway.clear.send(row.ref, "first")
                        journal.add(row.ref)
            await asyncio.sleep(1)

    await asyncio.gather(finish(), *(feed() for _ in range(FEEDERS)))


async def _acknowledge(gateway: Gateway) -> None:
    """Acknowledge every case as it comes in, for ever; at the other node somebody does so too."""

    async def one(ref: str) -> None:
        with suppress(*TAKEN):
            await gateway.answer.acknowledge(ref, "first")

    while True:
        with suppress(*TAKEN):
            found = await gateway.store.read(lambda tx: tx.cases(states=("RECEIVED",), limit=8))
            await asyncio.gather(*(one(row.ref) for row in found))
        await asyncio.sleep(0.05)


# The hand that kills.


class Drill:
    """The nodes of both States, their server, and when what is killed."""

    def __init__(self, pair: Pair, server: Cluster, kills: int, nodes: int, seed: int) -> None:
        self._pair = pair
        self._server = server
        self._kills = kills
        self._random = random.Random(seed)
        self._nodes: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self._places = [(country, number) for country in COUNTRIES for number in range(nodes)]
        self.figures = Figures(seed)
        self.not_started = 0

    def run(self) -> None:
        """Work, kill, let all finish, and end them in order."""
        began = time.monotonic()
        for place in self._places:
            self._start(place)
        try:
            while self.figures.kills < self._kills:
                before, until = self._answered(), time.monotonic() + MOVES_S
                self._watch(lambda: self._answered() > before or time.monotonic() > until)  # noqa: B023  (called here)
                time.sleep(self._random.uniform(0.0, 0.6))
                self._kill(self._random.choices(list(VICTIMS), list(VICTIMS.values()))[0])
            (self._pair.root / "enough").touch()
            self._watch(self._finished)
        finally:
            self._end()
        self.figures.seconds = round(time.monotonic() - began, 1)

    def _start(self, place: tuple[str, int]) -> None:
        part = Part(self._pair.root, place[0], os.getpid(), time.time())
        command = [sys.executable, "-m", "drills.kill_nodes", *part.options()]
        with (self._pair.root / f"{part.country}.errors").open("ab") as errors:
            self._nodes[place] = subprocess.Popen(command, cwd=ROOT, stderr=errors)

    def _kill(self, victim: str) -> None:
        self.figures.kills_of[victim] += 1
        match victim:
            case "node":
                self._kill_nodes([self._random.choice(self._places)])
            case "both":
                country = self._random.choice(COUNTRIES)
                self._kill_nodes([place for place in self._places if place[0] == country])
            case "connection":
                self._kill_process(signal.SIGTERM)
            case "process of the server":
                self._kill_process(signal.SIGKILL)
            case _:
                with suppress(ProcessLookupError):
                    os.kill(self._server.pid, signal.SIGKILL)
                self._restart_server()
        self.figures.kills += 1

    def _kill_nodes(self, places: list[tuple[str, int]]) -> None:
        for place in places:
            self._nodes[place].kill()
        for place in places:
            if (status := self._nodes[place].wait()) != -signal.SIGKILL:
                self._fell(place, status)
            self._start(place)

    def _kill_process(self, number: int) -> None:
        """Send a signal to a process of the server that works for one of the nodes."""
        with suppress(*NO_SERVER):
            found = rows(self._pair, "XAA", "SELECT pid FROM pg_stat_activity WHERE application_name = 'isthmus'")
            if found:
                os.kill(self._random.choice(found)[0], number)

    def _restart_server(self) -> None:
        until = time.monotonic() + STALLED_S
        while True:
            try:
                return self._server.start()
            except RuntimeError:  # the processes of the one that was killed are still about to notice
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _fell(self, place: tuple[str, int], status: int) -> None:
        if status == LATER:
            self.not_started += 1
            return
        self.figures.faults["fell_over"] += 1
        tail = (self._pair.root / f"{place[0]}.errors").read_text()[-3000:]
        print(f"a node of {place[0]} fell over by itself, with status {status}:\n{tail}", file=sys.stderr)

    def _watch(self, until: Callable[[], bool]) -> None:
        """Wait for ``until``, starting again what could not start; a run that stands still is a fault."""
        moved, last = time.monotonic(), -1
        while not until():
            for place, child in list(self._nodes.items()):
                if (status := child.poll()) is not None:
                    self._fell(place, status)
                    self._start(place)
            if (now := self._answered()) != last:
                moved, last = time.monotonic(), now
            if self._stuck(time.monotonic() - moved):
                self.figures.faults["stalled"] += 1
                return
            time.sleep(0.02)

    def _answered(self) -> int:
        """Return the bytes of the journals of answers: they grow with each."""
        files = (self._pair.root / f"{country}.answers" for country in COUNTRIES)
        return sum(file.stat().st_size for file in files if file.exists())

    def _stuck(self, still_s: float) -> bool:
        with suppress(*NO_SERVER):
            return stalled(self._pair, still_s)
        return still_s > STALLED_S

    def _finished(self) -> bool:
        time.sleep(0.5)
        with suppress(*NO_SERVER):
            return not self._left() and ready(self._pair, self._nodes.values())
        return False

    def _left(self) -> bool:
        """Return whether a message waits or a case is not at its end."""
        waits = "SELECT count(*) FROM outbound WHERE state IN ('queued', 'posted')"
        open_ = "SELECT count(*) FROM case_file WHERE state <> 'ACKNOWLEDGED'"
        return any(rows(self._pair, one, text)[0][0] for one in COUNTRIES for text in (waits, open_))

    def _end(self) -> None:
        for child in self._nodes.values():
            child.terminate()
        for place, child in self._nodes.items():
            if (status := child.wait(30)) != 0:
                self.figures.faults["ended_badly"] += 1
                print(f"a node of {place[0]} ended with status {status}", file=sys.stderr)


def drill(root: Path, kills: int, nodes: int, seed: int) -> Figures:
    """Run the drill under ``root`` and return its figures."""
    with cluster() as server:
        databases = {country: server.create() for country in COUNTRIES}
        pair = asyncio.run(prepare(root, databases))
        run = Drill(pair, server, kills, nodes, seed)
        run.run()
        run.figures.restart_p50_s = restart_s(pair)
        count = rows(pair, "XAA", "SELECT count(*) FROM case_file")[0][0]
        compare(pair, run.figures, count)
        asyncio.run(verify_answers(pair, run.figures.faults))
        if run.not_started:
            print(f"{run.not_started} starts found no database and were made again", file=sys.stderr)
    return run.figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(
        description="Kill nodes and their database server; count what was lost or doubled."
    )
    parser.add_argument("--kills", type=int, default=120)
    parser.add_argument("--nodes", type=int, default=2, help="of each State")
    parser.add_argument(
        "--seed", type=int, default=None, help="of the instants and victims; default: drawn, and printed"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--root", type=Path, default=None, help="keep everything in this directory")
    Part.add_options(parser)
    asked = parser.parse_args()
    if asked.node:
        asyncio.run(node(Part(asked.root, asked.node, asked.parent, asked.began)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the server is not left behind
    seed = drilling.drawn(asked.seed)
    if asked.root is not None:
        asked.root.mkdir(parents=True, exist_ok=True)
        figures = drill(asked.root.resolve(), asked.kills, asked.nodes, seed)
    else:
        with tempfile.TemporaryDirectory(prefix="kill-drill-") as directory:
            figures = drill(Path(directory), asked.kills, asked.nodes, seed)
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
