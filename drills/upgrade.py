"""
Upgrade two gateways in place, one after the other, while they exchange; then try the way back.

The earlier release is taken out of the history: what stood before the storage schema last grew. It makes both homes and
serves them, each gateway and each desk a process of its own. One gateway is stopped, and the present release started on
its home and its database, while the other goes on; later the other too. XAA asks and XBB acknowledges all the time.
At the end the earlier release is started on a migrated database once more, which it must refuse and leave as it is.

    python -m drills.upgrade [--from REVISION] [--seconds 8] [--json]

Exit status 1 if a message failed, came twice or was lost, or if the earlier release did anything but refuse.
"""

import argparse
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from benchmarks.pair import COUNTRIES, Pair
from tests.support import drilling
from tests.support.compared import compare, count, waiting
from tests.support.served import PROGRAM, STOP_S, Served, serve, start

DESK = PROGRAM / "tests/support/desk.py"
PER_S = 5.0
SETTLE_S = 60.0

MAKE = """
import asyncio, sys
from pathlib import Path
from benchmarks.pair import COUNTRIES, make_pair

async def main(root):
    pair = make_pair(root)
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()

asyncio.run(main(Path(sys.argv[1])))
"""
"""Run by the earlier release: it makes both homes with everything as it was then."""


class NoHistory(Exception):
    """There is no history to take an earlier release out of, as in an unpacked archive."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "nobody noticed, and the way back was refused"

    earlier: str
    schemas: list[int] = field(default_factory=list)
    messages: int = 0
    together: int = 0
    """Messages answered while one gateway was of the earlier release and one of the present."""

    refusals: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        yield f"from {self.earlier}, storage schema {min(self.schemas)}, to {max(self.schemas)}"
        yield f"{self.messages} messages, {self.together} of them answered between the two releases"
        for text in self.refusals:
            yield f"the way back: exit status {text}"


def earlier_revision() -> str:
    """Return the commit before the one that last added to the storage schema. Raises ``NoHistory``."""
    newest = (
        _git("log", "-1", "--diff-filter=A", "--format=%H", "--", "gateway/storage/migrations/sqlite").decode().strip()
    )
    if not newest:
        raise NoHistory
    return _git("rev-parse", "--short", f"{newest}~1").decode().strip()


def unpack(revision: str, into: Path) -> None:
    """Unpack the tree of ``revision``. Raises ``NoHistory``."""
    with tarfile.open(fileobj=BytesIO(_git("archive", revision))) as archive:
        archive.extractall(into, filter="data")


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=PROGRAM, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistory from error
    return done.stdout


@contextmanager
def desk(pair: Pair, country: str, program: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the desk of ``country`` with the release at ``program`` while the block runs."""
    environ = {**os.environ, "PYTHONPATH": str(program)}
    command = [sys.executable, str(DESK), str(pair.root), country, *arguments]
    process = subprocess.Popen(command, cwd=program, env=environ)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)


class Run:
    """Both gateways, the release each of them is of, and what they exchanged."""

    def __init__(self, pair: Pair, earlier: Path, figures: Figures, seconds: float) -> None:
        """Begin with both of the earlier release."""
        self._pair, self._figures, self._seconds = pair, figures, seconds
        self._earlier = earlier
        self._program = dict.fromkeys(COUNTRIES, earlier)
        self._served: dict[str, Served] = {}

    def whole(self, order: Sequence[str]) -> None:
        """Exchange, upgrade the first of ``order``, exchange, upgrade the second, exchange; then try the way back."""
        try:
            for country in COUNTRIES:
                self._served[country] = serve(self._pair, country, program=self._earlier)
            self._exchange()
            self._upgrade(order[0])
            before = self._answered()
            self._exchange()
            self._figures.together += self._answered() - before
            self._upgrade(order[1])
            self._exchange()
            self._settle()
            self._go_back(order[0])
            self._exchange()
            self._settle()
        finally:
            for one in self._served.values():
                one.stop()

    def _exchange(self) -> None:
        """Ask and acknowledge for a while, each desk with the release of its gateway."""
        cases = ("--cases", str(max(1, int(self._seconds * PER_S))), "--per-s", str(PER_S))
        with (
            desk(self._pair, "XBB", self._program["XBB"]) as acknowledging,
            desk(self._pair, "XAA", self._program["XAA"], *cases) as asking,
        ):
            self._figures.faults["desks that failed"] += asking.wait(SETTLE_S + self._seconds) != 0
            until = time.monotonic() + SETTLE_S
            while self._unacknowledged() and time.monotonic() < until:
                time.sleep(0.1)
            self._figures.faults["desks that failed"] += acknowledging.poll() is not None

    def _upgrade(self, country: str) -> None:
        """Stop the gateway of ``country`` while the other sends to it, and start the present release on its home."""
        other = next(one for one in COUNTRIES if one != country)
        asking = ("--cases", "10", "--per-s", "20")
        with desk(self._pair, "XAA", self._program["XAA"], *asking) as sending:
            if country == "XAA":
                sending.wait(SETTLE_S)  # a desk must not work on a store that is being migrated
            self._figures.faults["ended badly"] += self._served[country].stop() != 0
            self._program[country] = PROGRAM
            self._served[country] = serve(self._pair, country)
            self._figures.faults["desks that failed"] += sending.wait(SETTLE_S) != 0
        self._figures.faults["ended badly"] += self._served[other].process.poll() is not None
        self._figures.schemas.append(_schema(self._pair, country))

    def _go_back(self, country: str) -> None:
        """Start the earlier release on a migrated database: it must refuse with exit code 3 and change nothing."""
        self._served[country].stop()
        before = _content(self._pair, country)
        tried = start(self._pair, country, program=self._earlier)
        status, text = tried.process.wait(SETTLE_S), tried.text()
        self._figures.refusals.append(f"{status}: {' '.join(text.split())}")
        self._figures.faults["the way back was open"] += status != 3 or "install the newer version again" not in text
        self._figures.faults["the way back changed the store"] += _content(self._pair, country) != before
        self._served[country] = serve(self._pair, country)

    def _unacknowledged(self) -> bool:
        """Tell whether a case of XAA is not acknowledged yet."""
        open_cases = "SELECT count(*) FROM case_file WHERE state <> 'ACKNOWLEDGED'"
        return bool(count(self._pair.database("XAA"), open_cases))

    def _answered(self) -> int:
        done = "SELECT count(*) FROM outbound WHERE state = 'receipted'"
        return sum(count(self._pair.database(country), done) for country in COUNTRIES)

    def _settle(self) -> None:
        until = time.monotonic() + SETTLE_S
        while waiting(self._pair) and time.monotonic() < until:
            time.sleep(0.1)


def _schema(pair: Pair, country: str) -> int:
    return count(pair.database(country), "SELECT max(number) FROM schema_migration")


def _content(pair: Pair, country: str) -> str:
    """Return a digest of the database of a gateway that does not run."""
    return sha256(pair.database(country).read_bytes()).hexdigest()


def drill(root: Path, revision: str, seconds: float, orders: Sequence[Sequence[str]]) -> Figures:
    """Run the drill under ``root`` in each of ``orders`` and return its figures. Raises ``NoHistory``."""
    figures, earlier = Figures(revision), root / "earlier"
    unpack(revision, earlier)
    for number, order in enumerate(orders):
        place = root / str(number)
        place.mkdir()
        environ = {**os.environ, "PYTHONPATH": str(earlier)}
        subprocess.run([sys.executable, "-c", MAKE, str(place)], cwd=earlier, env=environ, check=True)
        pair = Pair(place)
        figures.schemas.append(_schema(pair, order[0]))
        Run(pair, earlier, figures, seconds).whole(order)
        figures.faults.update(compare(pair))
        figures.messages += sum(count(pair.database(country), "SELECT count(*) FROM outbound") for country in COUNTRIES)
    figures.faults["the schema did not grow"] += len(set(figures.schemas)) < 2
    return figures


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status. Without a history it passes."""
    parser = argparse.ArgumentParser(prog="upgrade", description="Upgrade two gateways in place while they exchange.")
    parser.add_argument("--from", dest="revision", help="the earlier release; default: before the last new migration")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each exchange")
    parser.add_argument("--first", choices=COUNTRIES, help="upgrade this one first; default: try both orders")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    orders = [COUNTRIES[::-1], COUNTRIES]
    if asked.first:
        orders = [order for order in orders if order[0] == asked.first]
    try:
        with tempfile.TemporaryDirectory(prefix="upgrade-drill-") as directory:
            figures = drill(Path(directory), asked.revision or earlier_revision(), asked.seconds, orders)
    except NoHistory:
        print("note: there is no history here, so no earlier release to upgrade from", file=sys.stderr)
        return 0
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
