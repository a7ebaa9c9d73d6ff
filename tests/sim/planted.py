"""
Proving the simulation: a gateway with a bug planted in it must fail by the invariant that was named beforehand.

A bug is a patch file in ``bugs/``, of the form of ``tests.conformance.mutate``: above the diff its ``Case`` is the name
of the invariant, and its ``Demand`` the one of the protocol that is broken. It goes onto a temporary copy, and the
simulation runs from there.
"""

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from drills.simulation import ORDINARY
from tests.conformance import mutate
from tests.conformance.mutate import ROOT, Mutant, NotRun

PATCHES = Path(__file__).parent / "bugs"
AT_ONCE = 5
"""Seeds played by one process of a copy, at most: most bugs are found in the first few."""

TIMEOUT_S = 600

PLAYED: Mapping[str, str] = dict.fromkeys(
    ("913-old-stop-is-not-said-once-more", "914-old-recall-is-not-said-once-more"), "apart"
)
"""What is played with a bug that the ordinary play does not reach (``drills.simulation``)."""


class Caught(NamedTuple):
    """The play and the seed that found a bug, and what did not hold in it, in its words."""

    play: str
    seed: int
    told: str


def load() -> list[Mutant]:
    """Return every bug in the order of the numbers. Raises ``BadPatch``."""
    return mutate.load(PATCHES)


def judge(bug: Mutant, *, seeds: int, start: int = 0) -> Caught | None:
    """
    Plant a bug in a copy and play seeds from ``start`` on until the invariant that it names fails.

    Returns ``None`` if none of ``seeds`` found it. Raises ``BadPatch``, ``NotRun``.
    """
    play = PLAYED.get(bug.name, ORDINARY)
    with mutate.copy_of_the_gateway() as root:
        mutate.apply(bug, root)
        for first in range(start, start + seeds, AT_ONCE):
            some = range(first, min(first + AT_ONCE, start + seeds))
            for seed, name, told in failures(root, play, some, until=bug.case):
                if name == bug.case:
                    return Caught(play, seed, told)
    return None


def reference(played: Iterable[tuple[str, int]]) -> list[str]:
    """
    Play seeds, by play and number, with the gateway as it is, from a copy likewise; return what did not hold.

    No news is good.
    """
    seeds = defaultdict[str, list[int]](list)
    for play, seed in played:
        seeds[play].append(seed)
    with mutate.copy_of_the_gateway() as root:
        return [
            f"{play} seed {seed}: {name}: {told}"
            for play, some in seeds.items()
            for seed, name, told in failures(root, play, some)
        ]


def failures(root: Path, play: str, seeds: Iterable[int], until: str = "") -> list[tuple[int, str, str]]:
    """
    Play ``seeds`` by ``play`` from the tree at ``root``, at most until the invariant ``until`` fails in one.

    Returns (seed, invariant, in words). Raises ``NotRun``.
    """
    if not (root / "drills").exists():
        shutil.copytree(ROOT / "drills", root / "drills", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", _PLAY, play, until, *map(str, seeds)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise NotRun(f"the simulation does not run: {done.stderr.strip().rpartition(chr(10))[2]}")
    return [(seed, name, told) for seed, name, told in json.loads(done.stdout)]


_PLAY = """
import json, sys
sys.path.insert(0, "")
from drills.simulation import run
play, until, made = sys.argv[1], sys.argv[2], []
for seed in sys.argv[3:]:
    made.append(run(int(seed), play))
    if any(name == until for name, _ in made[-1].failures):
        break
print(json.dumps([(one.number, name, told) for one in made for name, told in one.failures]))
"""
