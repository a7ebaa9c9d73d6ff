"""
Run whole networks of gateways under a virtual clock, each seed with other faults, and check what must hold afterwards.

A seed is three real gateways in one thread, some sixty messages between them, and at least thirty faults: crashes
at any step, partitions, broken connections, changed bytes, wrong clocks, full disks, stolen keys, restores from a
backup (``docs/simulation.md``). The same seed does the same everywhere.

    python -m drills.simulation [--seeds 1000] [--start 0] [--jobs N] [--play apart|clocks|walk] [--json] [--trace]

Exit status 1 at any violation; the seed, what did not hold, and the command that plays it again are printed.
"""

import argparse
import json
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from tests.sim import homes, scenario
from tests.sim.apart import Apart
from tests.sim.clocks import Clocks
from tests.sim.walk import Walk
from tests.support.memory import MEMORY

CHUNK = 5
"""Seeds given to a process at a time: what each leaves behind is some 15 MB, and fifty open files."""

LONGEST_S = 30
"""Processor time after which a seed has failed: something turns in a circle and lets nobody else have a turn."""


ORDINARY = "ordinary"
PLAYS = {ORDINARY: scenario.Scenario, "apart": Apart, "clocks": Clocks, "walk": Walk}
"""
What a seed is: the network with all its faults, a State out of reach for more than a month, wrong clocks, or any step
behind any other.
"""


class Endless(KeyboardInterrupt):
    """A seed took too long. No task and no callback keeps a ``KeyboardInterrupt`` to itself."""


@dataclass(frozen=True)
class Seed:
    """What one seed showed: the digest of its trace, counts, seconds that passed in it, and what did not hold."""

    number: int
    digest: str
    counts: Counter[str]
    virtual_s: float
    failures: tuple[tuple[str, str], ...]
    trace: tuple[str, ...] = ()
    play: str = "ordinary"

    @property
    def replay(self) -> str:
        """Return the command that plays this seed again and prints all that happened in it."""
        other = "" if self.play == ORDINARY else f"--play {self.play} "
        return f"python -m drills.simulation {other}--start {self.number} --seeds 1 --trace"


@dataclass
class Figures:
    """What all seeds showed together."""

    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    virtual_h: float = 0.0
    seconds: float = 0.0
    failed: list[Seed] = field(default_factory=list)
    digest: str = ""

    def add(self, seed: Seed) -> None:
        """Add one seed; the digest is over all of them in order."""
        self.seeds += 1
        self.counts.update(seed.counts)
        self.virtual_h += seed.virtual_s / 3600
        self.digest = sha256(f"{self.digest}{seed.digest}".encode()).hexdigest()
        if seed.failures:
            self.failed.append(seed)


def run(number: int, play: str = ORDINARY, *, trace: bool = False, leave: bool = False) -> Seed:
    """
    Run one seed in this process, by the scenario ``play``; an error of the simulation itself is a failure too.

    With ``leave`` nothing is tidied up behind it, for a process that ends soon.
    """
    root = Path(tempfile.mkdtemp(prefix="simulation-", dir=MEMORY))
    try:
        with _limited():
            made = scenario.run(number, root, PLAYS[play], leave=leave)
    except (Exception, Endless):
        return _without_an_end(number, play, traceback.format_exc())
    finally:
        shutil.rmtree(root, ignore_errors=True)
    failures = tuple((one.name, one.told) for one in made.failures)
    return Seed(number, made.digest, made.counts, made.virtual_s, failures, tuple(made.trace) if trace else (), play)


def _without_an_end(number: int, play: str, told: str) -> Seed:
    return Seed(number, "", Counter(), 0.0, (("runs to its end", told),), play=play)


def run_some(numbers: Sequence[int], play: str = ORDINARY, *, trace: bool = False) -> Iterator[Seed]:
    """
    Yield what each of a few seeds showed, in order; they run in a copy of this process, which ends with them.

    To bring every task of a seed to its end, close what its dead had open and collect the garbage takes one part in
    fifteen of it. In this process runs the first one, so that no copy has to make homes, and every one where a
    debugger, a profile or a count of what is reached looks on.
    """
    watched = sys.gettrace() is not None or sys.getprofile() is not None
    own = len(numbers) if watched else not homes.template.cache_info().currsize
    for number in numbers[:own]:
        yield run(number, play, trace=trace)
    if others := numbers[own:]:
        yield from _in_a_copy(others, play, trace=trace)


def _in_a_copy(numbers: Sequence[int], play: str, *, trace: bool) -> Iterator[Seed]:
    here, there = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, as tests have: no seed needs one
        copy = os.fork()
    if copy == 0:
        _tell(there, numbers, play, trace=trace)
    os.close(there)
    with os.fdopen(here, "rb") as told:
        for number in numbers:
            try:
                yield pickle.load(told)  # noqa: S301  (what our own copy wrote)
            except (EOFError, pickle.UnpicklingError):
                yield _without_an_end(number, play, "its process ended")
    os.waitpid(copy, 0)


def _tell(there: int, numbers: Sequence[int], play: str, *, trace: bool) -> NoReturn:
    """Run seeds, write what each showed to the pipe ``there``, and end this process."""
    try:
        with os.fdopen(there, "wb") as told:
            for number in numbers:
                pickle.dump(run(number, play, trace=trace, leave=True), told)
                told.flush()
    finally:
        os._exit(0)


@contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Endless(f"no end after {LONGEST_S} s of processor time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run_all(seeds: Sequence[int], jobs: int, play: str = ORDINARY, *, trace: bool = False) -> Iterator[Seed]:
    """Yield what each seed showed, in order; with more than one of ``jobs`` in as many processes at a time."""
    few = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    if jobs == 1:
        for some in few:
            yield from run_some(some, play, trace=trace)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for played in pool.map(partial(_all_of, play=play, trace=trace), few):
            yield from played


def _all_of(numbers: Sequence[int], *, play: str, trace: bool) -> list[Seed]:
    return list(run_some(numbers, play, trace=trace))


def gather(seeds: Iterable[Seed], *, quiet: bool = False) -> Figures:
    """Add up what ``seeds`` show and say at once what did not hold."""
    figures, began = Figures(), time.monotonic()
    for seed in seeds:
        figures.add(seed)
        for name, told in seed.failures if not quiet else ():
            print(f"seed {seed.number}: {name}: {told}", file=sys.stderr)
        if seed.failures and not quiet:
            print(f"seed {seed.number}: again with: {seed.replay}", file=sys.stderr, flush=True)
    figures.seconds = time.monotonic() - began
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(description="Three gateways under a virtual clock, with faults drawn from a seed.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first one")
    parser.add_argument("--play", choices=PLAYS, default=ORDINARY, help="what is played")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--trace", action="store_true", help="print all that happened in each seed")
    asked = parser.parse_args(arguments)
    numbers = range(asked.start, asked.start + asked.seeds)
    played = run_all(numbers, 1 if asked.trace or asked.seeds == 1 else asked.jobs, asked.play, trace=asked.trace)
    figures = gather(_told(played) if asked.trace else played)
    report(figures, as_json=asked.json)
    return 1 if figures.failed else 0


def _told(seeds: Iterable[Seed]) -> Iterator[Seed]:
    for seed in seeds:
        print("\n".join(seed.trace))
        yield seed


def report(figures: Figures, *, as_json: bool) -> None:
    """Print the figures: one JSON object, or lines for people."""
    failed = {seed.number: sorted({name for name, _ in seed.failures}) for seed in figures.failed}
    hours = round(figures.virtual_h, 1)
    if as_json:
        made = {"seeds": figures.seeds, "counts": dict(sorted(figures.counts.items())), "virtual_h": hours}
        made |= {"seconds": round(figures.seconds, 1), "digest": figures.digest, "failed": failed}
        print(json.dumps(made))
        return
    print(f"{figures.seeds} seeds, {hours} virtual hours in {figures.seconds:.0f} s; digest {figures.digest[:16]}")
    for name, count in sorted(figures.counts.items()):
        print(f"  {name:<14} {count}")
    print(f"FAILED: {failed}" if failed else "every invariant held in every seed")


if __name__ == "__main__":
    sys.exit(main())
