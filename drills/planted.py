"""
Plant one bug after the other into a copy of the gateway, and see that the simulation finds each.

Every patch of ``tests/sim/bugs/`` names the invariant that must catch it. The seeds are played in order until one fails
by that invariant. First the gateway as it is, from a copy likewise, must pass the seeds that caught something.

    python -m drills.planted [NAME ...] [--seeds 200] [--jobs N] [--json]

Exit status 1 if a bug is not caught, or a patch does not apply any more.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.conformance.mutate import BadPatch, Mutant
from tests.sim import planted
from tests.sim.planted import Caught

MISSED = "not caught"


def judge_all(bugs: Sequence[Mutant], seeds: int, jobs: int) -> Iterator[tuple[Mutant, Caught | None]]:
    """Yield what came of each bug, in order, with ``jobs`` copies under test at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(bugs, pool.map(partial(planted.judge, seeds=seeds), bugs), strict=True)


def main() -> int:
    """Run as the arguments say; print a line for each bug; return the exit status."""
    parser = argparse.ArgumentParser(description="Planted bugs; the simulation must catch each.")
    parser.add_argument("names", nargs="*", help="run these only")
    parser.add_argument("--seeds", type=int, default=200, help="seeds played at most for each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="copies under test at a time")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    asked = parser.parse_args()
    bugs = [one for one in planted.load() if not asked.names or any(one.name.startswith(name) for name in asked.names)]
    if not bugs:
        parser.error("no bug is called that")
    found: dict[str, Caught | None] = {}
    talk = sys.stderr if asked.json else sys.stdout
    try:
        for bug, caught in judge_all(bugs, asked.seeds, asked.jobs):
            found[bug.name] = caught
            told = f"{caught.play} {caught.seed:<4} {bug.case}: {caught.told}" if caught else MISSED
            print(f"{bug.name:<44} {told}"[:200], file=talk, flush=True)
    except BadPatch as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    wrong = planted.reference(sorted({(caught.play, caught.seed) for caught in found.values() if caught}))
    for told in wrong:
        print(f"without a bug: {told}", file=sys.stderr)
    good = not wrong and all(found.values())
    if asked.json:
        print(
            json.dumps({"bugs": {name: one and f"{one.play} {one.seed}" for name, one in found.items()}, "good": good})
        )
    else:
        print("the simulation found each of them" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
