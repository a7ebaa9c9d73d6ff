"""
Kill two gateways again and again while they work, and count what that lost or did twice.

XAA asks, XBB acknowledges: two exchanges a case, over TLS between two processes on loopback, through the same services
as in life. SIGKILL meets either at random points, also while it starts. Afterwards both are left to finish, and the two
databases are compared with each other and with journals the processes wrote as they went.

    python -m drills.kill [--kills 2000] [--exchanges 20000] [--seed N] [--json]

Exit status 1 if anything was lost, applied twice or forgotten, or if a gateway fell over without being killed.
"""

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.pair import COUNTRIES, Pair, approve, draft, make_pair, submit
from gateway import serving
from gateway.app import Gateway
from gateway.core import checkpoint, merkle, wire
from gateway.core.merkle import Frontier
from gateway.log import configure_log
from gateway.services.ports import HttpAnswer
from gateway.storage.postgres_words import translated
from gateway.transport.peers import HttpPeers
from keys import jws
from keys.card import Card
from tests.support import drilling
from tests.support.postgres import apart

LIMITS = {"post_timeout_s": 3, "in_flight": 32}
"""A short time-out makes the lease of a message short, so that a run ends soon after its last kill."""

FEEDERS = 8
STALLED_S = 180.0
"""Nothing moved for this long and nothing waits for its time: the run is stuck, which is as bad as a loss."""

LONGEST_S = 3600.0
"""The longest that a message waits for its next attempt: one that met a dead partner eight times waits minutes."""

ROOT = Path(__file__).resolve().parents[1]


# One gateway: what a child process runs until it is killed.


class Journal:
    """A file of lines, each written by one call: what was written is there after SIGKILL."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, *words: str) -> None:
        """Add one line."""
        os.write(self._descriptor, (" ".join(words) + "\n").encode())


class WitnessedPeers(HttpPeers):
    """The partners' doors, with a journal of every answer that came through, before anything is done with it."""

    def __init__(self, card_of: Callable[[str], Card | None], journal: Journal) -> None:
        super().__init__(card_of)
        self._journal = journal

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        """Post, and note the digest the receipt is about and the hash of the whole answer."""
        answer = await super().post(country, path, body, media_type)
        if answer.status == 200:
            receipt = jws.parse(wire.parse_answer(answer.body).receipt, jws.TYP_RECEIPT)
            about = wire.parse_receipt(receipt.payload).payload
            self._journal.add(about, sha256(answer.body.rstrip(b" ")).hexdigest())
        return answer


@dataclass(frozen=True, slots=True)
class Part:
    """What a process of a drill is told: which gateway it is, who started it, and when (seconds since 1970)."""

    root: Path
    country: str
    parent: int
    began: float

    def options(self) -> list[str]:
        """Return it as options of a command line."""
        named = {"--root": self.root, "--node": self.country, "--parent": self.parent, "--began": self.began}
        return [str(word) for pair in named.items() for word in pair]

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Let ``parser`` take what ``options`` makes, without showing it to people."""
        parser.add_argument("--node", choices=COUNTRIES, help=argparse.SUPPRESS)
        parser.add_argument("--parent", type=int, default=0, help=argparse.SUPPRESS)
        parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)


async def play(part: Part, desk: Callable[[Gateway], Awaitable[None]], *, one_of_many: bool = False) -> None:
    """
    Run the gateway that ``part`` names and ``desk``, the work of its people, until killed or terminated.

    ``one_of_many``: other processes serve the same gateway at the same address.
    """
    pair, root, country = Pair(part.root), part.root, part.country
    held: list[Gateway] = []
    peers = WitnessedPeers(lambda other: held[0].context.trust.find(other), Journal(root / f"{country}.answers"))
    starts = Journal(root / f"{country}.starts")
    with (root / f"{country}.log").open("a") as stream:
        write = configure_log(stream)

        def log(event: str, **values: Any) -> None:
            if event in ("gateway.ready", "process.ready"):
                starts.add(str(os.getpid()), f"{time.time() - part.began:.3f}")
            write(event, **values)

        gateway = await pair.open(country, peers=peers, log=log)
        held.append(gateway)
        doors = serving.serve(gateway, one_of_many=one_of_many)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (doors, desk(gateway), _parent_ends(part.parent))]
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, lambda: [task.cancel() for task in tasks])
        await peers.close()
        await gateway.close()


async def _parent_ends(parent: int) -> None:
    """End this process soon after the drill that started it, ``parent``, however that ended."""
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    raise SystemExit("the drill is gone")


async def _ask(pair: Pair, count: int, gateway: Gateway) -> None:
    """Take every case that was begun to its sending, then begin new ones until there are ``count``."""
    people, value = pair.people(), draft()
    journal = Journal(pair.root / "submitted")
    for row in await gateway.store.read(lambda tx: tx.cases(states=("DRAFT", "CLEARED"))):
        if row.state == "DRAFT":
            await approve(gateway, row.ref, people)
        await gateway.clear.send(row.ref, "first")
        journal.add(row.ref)
    left = iter(range(count - _count(pair, "XAA", "SELECT count(*) FROM case_file")))

    async def feed() -> None:
        for _ in left:
            journal.add(await submit(gateway, people, value))

    await asyncio.gather(*(feed() for _ in range(FEEDERS)))


async def _acknowledge(gateway: Gateway) -> None:
    """Acknowledge every case as it comes in, for ever."""
    while True:
        rows = await gateway.store.read(lambda tx: tx.cases(states=("RECEIVED",), limit=FEEDERS))
        await asyncio.gather(*(gateway.answer.acknowledge(row.ref, "first") for row in rows))
        if not rows:
            await asyncio.sleep(0.05)


# The hand that kills.


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nothing lost, nothing applied twice, no answer forgotten"

    seed: int
    kills: int = 0
    kills_of: Counter[str] = field(default_factory=Counter)
    cases: int = 0
    exchanges: int = 0
    posts: int = 0
    seconds: float = 0.0
    restart_p50_s: float = 0.0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        of = ", ".join(f"{country} {count}" for country, count in sorted(self.kills_of.items()))
        yield (
            f"seed {self.seed}: {self.kills} kills ({of}), "
            f"{self.exchanges} exchanges of {self.cases} cases in {self.seconds} s"
        )
        yield f"{self.posts} answers came through; a killed gateway is ready again in {self.restart_p50_s} s (p50)"


class Drill:
    """Two child processes, and when they are killed."""

    def __init__(self, pair: Pair, kills: int, exchanges: int, seed: int) -> None:
        self._pair = pair
        # The points are random and seeded; a program that is killed does not come to the same point twice.
        self._random = random.Random(seed)
        self._cases = exchanges // 2
        self._points = sorted(self._random.uniform(0.0, 0.97) * exchanges for _ in range(kills))
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self.figures = Figures(seed)

    def run(self) -> None:
        """Work, kill, let both finish, and end them in order."""
        began = time.monotonic()
        for country in COUNTRIES:
            self._start(country)
        try:
            for point in self._points:
                self._wait(partial(self._past, point))
                time.sleep(self._random.uniform(0.0, 0.3))
                self._kill(self._random.choice(COUNTRIES))
            self._wait(self._finished)
        finally:
            for node in self._nodes.values():
                node.terminate()
            for country, node in self._nodes.items():
                if node.wait(30) != 0:
                    self.figures.faults["ended_badly"] += 1
                    print(f"{country} ended with status {node.returncode}", file=sys.stderr)
        self.figures.seconds = round(time.monotonic() - began, 1)

    def _start(self, country: str) -> None:
        part = Part(self._pair.root, country, os.getpid(), time.time())
        command = [sys.executable, "-m", "drills.kill", "--exchanges", str(2 * self._cases), *part.options()]
        errors = (self._pair.root / f"{country}.errors").open("ab")
        with errors:
            self._nodes[country] = subprocess.Popen(command, cwd=ROOT, stderr=errors)

    def _kill(self, country: str) -> None:
        node = self._nodes[country]
        node.kill()
        if node.wait() != -signal.SIGKILL:
            self._fell(country)
        self.figures.kills += 1
        self.figures.kills_of[country] += 1
        self._start(country)

    def _fell(self, country: str) -> None:
        tail = (self._pair.root / f"{country}.errors").read_text()[-2000:]
        self.figures.faults["fell_over"] += 1
        print(f"{country} fell over by itself:\n{tail}", file=sys.stderr)

    def _wait(self, until: Callable[[], bool]) -> None:
        """Wait for ``until``; a gateway that falls over, or a run that stands still, is a fault."""
        moved, last = time.monotonic(), -1
        while not until():
            for country, node in self._nodes.items():
                if node.poll() is not None:
                    self._fell(country)
                    self._start(country)
            if (now := self._answered()) != last:
                moved, last = time.monotonic(), now
            if stalled(self._pair, time.monotonic() - moved):
                self.figures.faults["stalled"] += 1
                return
            time.sleep(0.02)

    def _answered(self) -> int:
        """Return roughly how many answers came: all lines of the journals have one length."""
        line = 43 + 1 + 64 + 1
        files = (self._pair.root / f"{country}.answers" for country in COUNTRIES)
        return sum(file.stat().st_size // line for file in files if file.exists())

    def _past(self, point: float) -> bool:
        return self._answered() >= point

    def _finished(self) -> bool:
        if self._answered() < 2 * self._cases or not ready(self._pair, self._nodes.values()):
            return False
        time.sleep(0.2)
        done = "SELECT count(*) FROM outbound WHERE state = 'receipted'"
        return all(_count(self._pair, country, done) >= self._cases for country in COUNTRIES)


# What is compared afterwards.


def compare(pair: Pair, figures: Figures, count: int) -> None:
    """Compare both databases with each other and with the journals; what is wrong is counted in ``figures.faults``."""
    faults = figures.faults
    for ours, theirs in (COUNTRIES, COUNTRIES[::-1]):
        sent = rows(pair, ours, "SELECT digest, state, answer, thread FROM outbound")
        got = rows(pair, theirs, "SELECT digest, status, answer, thread, ref FROM inbound")
        stored = {row[0]: row for row in got}
        faults["applied_twice"] += len(got) - len(stored)
        faults["from_nowhere"] += len(set(stored) - {row[0] for row in sent})
        faults["lost"] += sum(row[0] not in stored or stored[row[0]][1] != "accepted" for row in sent)
        faults["unanswered"] += sum(row[1] != "receipted" or row[2] is None for row in sent)
        faults["answers_differ"] += sum(row[2] != stored[row[0]][2] for row in sent if row[0] in stored)
        handed_out = lines(pair.root / f"{ours}.answers")
        figures.posts += len(handed_out)
        known = {digest: sha256(row[2] or b"").hexdigest() for digest, row in stored.items()}
        faults["forgotten_answers"] += sum(known.get(digest) != hash for digest, hash in handed_out)
        _compare_logs(pair, theirs, "issued", set(stored), faults)
        _compare_logs(pair, ours, "received", {row[0] for row in sent}, faults)
        figures.exchanges += len(sent)
    _compare_cases(pair, count, figures)


def _compare_cases(pair: Pair, count: int, figures: Figures) -> None:
    faults = figures.faults
    submitted = {ref for (ref,) in lines(pair.root / "submitted")}
    cases = {country: rows(pair, country, "SELECT thread, ref, state FROM case_file") for country in COUNTRIES}
    figures.cases = len(cases["XAA"])
    faults["cases_missing"] += abs(count - len(cases["XAA"])) + len(submitted - {row[1] for row in cases["XAA"]})
    threads = {country: Counter(row[0] for row in held) for country, held in cases.items()}
    faults["cases_doubled"] += sum((threads["XBB"] - threads["XAA"]).values())
    faults["cases_lost"] += sum((threads["XAA"] - threads["XBB"]).values())
    for country, held in cases.items():
        faults["cases_unfinished"] += sum(row[2] != "ACKNOWLEDGED" for row in held)
        steps = Counter(rows(pair, country, "SELECT ref, event FROM case_event"))
        faults["steps_taken_twice"] += sum(times - 1 for times in steps.values())


def _compare_logs(pair: Pair, country: str, direction: str, digests: set[str], faults: Counter[str]) -> None:
    """Check that each digest stands once in the log of ``country`` and that the log is the tree its head says."""
    written = rows(pair, country, "SELECT digest FROM log_entry WHERE direction = ?", (direction,))
    entries = Counter(row[0] for row in written)
    faults["logged_twice"] += sum(times - 1 for times in entries.values())
    faults["not_logged"] += len(digests - set(entries))
    faults["logged_from_nowhere"] += len(set(entries) - digests)
    faults["broken_log"] += broken_logs(pair, country)


def broken_logs(pair: Pair, country: str) -> int:
    """Return how many logs of ``country`` have a gap, or are not the tree that their head says."""
    broken = 0
    for origin, size, hashes, note in rows(pair, country, "SELECT origin, size, hashes, checkpoint FROM log_head"):
        leaves = rows(pair, country, "SELECT leaf, idx FROM log_entry WHERE origin = ? ORDER BY idx", (origin,))
        tree, _ = merkle.batch_proofs(Frontier(), [leaf for leaf, _ in leaves])
        head = b"".join(tree.hashes)
        body = checkpoint.checkpoint_body(origin, tree.size, tree.root())
        whole = (tree.size, head) == (size, hashes) and [index for _, index in leaves] == list(range(size))
        broken += not (whole and note.startswith(body))
    return broken


async def verify_answers(pair: Pair, faults: Counter[str]) -> None:
    """Verify every stored answer: signature, opening, proof, checkpoint."""
    for country in COUNTRIES:
        gateway = await pair.open(country)
        try:
            found = rows(pair, country, "SELECT partner, digest, answer FROM outbound WHERE answer IS NOT NULL")
            for partner, digest, answer in found:
                try:
                    gateway.deliverer.answers.verify(partner, digest, wire.pad_answer(answer))
                except Exception:
                    faults["unverified_answers"] += 1
        finally:
            await gateway.close()


def rows(pair: Pair, country: str, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return what a statement finds in the store of ``country``, whatever kind it is of."""
    if (dsn := pair.dsn(country)) is not None:
        return apart(_rows_of_server(dsn, statement, values))
    with closing(sqlite3.connect(f"{pair.database(country).as_uri()}?mode=ro", uri=True, timeout=30)) as db:
        return db.execute(statement, values).fetchall()


async def _rows_of_server(dsn: str, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    import asyncpg  # here, because a drill over files needs no server

    db = await asyncpg.connect(dsn, timeout=30)
    try:
        return [tuple(row) for row in await db.fetch(translated(statement), *values)]
    finally:
        await db.close()


def _count(pair: Pair, country: str, statement: str) -> int:
    return int(rows(pair, country, statement)[0][0])


def lines(path: Path) -> list[tuple[str, ...]]:
    """Return the words of each line of a journal."""
    return [tuple(line.split(" ")) for line in path.read_text().splitlines()]


def stalled(pair: Pair, still_s: float) -> bool:
    """Return whether a run in which nothing moved for ``still_s`` is stuck; a wait before an attempt is none."""
    if still_s <= STALLED_S:
        return False
    now = time.time()
    later = "SELECT count(*) FROM outbound WHERE state IN ('queued', 'posted') AND try_at > ?"
    alone = "SELECT count(*) FROM partner WHERE open_until > ?"
    waits = any(rows(pair, one, text, (now,))[0][0] for one in COUNTRIES for text in (later, alone))
    return not waits or still_s > LONGEST_S + STALLED_S


def ready(pair: Pair, processes: Iterable["subprocess.Popen[bytes]"]) -> bool:
    """Return whether each of ``processes`` opened its doors; one that has not may not know yet how to end in order."""
    files = (pair.root / f"{country}.starts" for country in COUNTRIES)
    known = {int(pid) for file in files if file.exists() for pid, _ in lines(file)}
    return all(one.pid in known for one in processes)


def restart_s(pair: Pair) -> float:
    """Return the median seconds from starting a process to its open doors; starts that were killed do not count."""
    taken = [float(seconds) for country in COUNTRIES for (_, seconds) in lines(pair.root / f"{country}.starts")]
    return round(statistics.median(taken), 2)


async def prepare(root: Path, databases: Mapping[str, str] | None = None) -> Pair:
    """Make two homes with empty stores and each other's cards; ``databases`` as ``make_pair`` takes them."""
    pair = make_pair(root, limits=LIMITS, databases=databases)
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()
    return pair


def drill(root: Path, kills: int, exchanges: int, seed: int) -> Figures:
    """Run the drill under ``root`` and return its figures."""
    pair = asyncio.run(prepare(root))
    run = Drill(pair, kills, exchanges, seed)
    run.run()
    run.figures.restart_p50_s = restart_s(pair)
    compare(pair, run.figures, exchanges // 2)
    asyncio.run(verify_answers(pair, run.figures.faults))
    return run.figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Kill two gateways at random points; count what was lost or doubled.")
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--exchanges", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None, help="of the points and victims; default: drawn, and printed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--root", type=Path, default=None, help="keep everything in this directory")
    Part.add_options(parser)
    asked = parser.parse_args()
    if asked.node:
        desk = partial(_ask, Pair(asked.root), asked.exchanges // 2) if asked.node == "XAA" else _acknowledge
        asyncio.run(play(Part(asked.root, asked.node, asked.parent, asked.began), desk))
        return 0
    seed = drilling.drawn(asked.seed)
    if asked.root is not None:
        asked.root.mkdir(parents=True, exist_ok=True)
        figures = drill(asked.root.resolve(), asked.kills, asked.exchanges, seed)
    else:
        with tempfile.TemporaryDirectory(prefix="kill-drill-") as directory:
            figures = drill(Path(directory), asked.kills, asked.exchanges, seed)
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
