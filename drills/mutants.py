"""
Flip one behaviour of the gateway after the other, and see that the conformance suite notices each.

Every patch of ``tests/conformance/mutants/`` goes onto a copy of the gateway, and the case that it names is run against
it. First the same cases are run against the gateway as it is, and all must pass. The kill matrix is written to
``docs/kill-matrix.md``.

    python -m drills.mutants [NAME ...] [--jobs 2] [--json]

With names (the beginning of a number is enough) only those are run. A line of the page is written anew when its mutant
was run, so a run that is broken off leaves the others as they were.

Exit status 1 if a mutant survives, a case fails without one, or a patch does not apply any more.
"""

import argparse
import json
import re
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from conformance import cases as all_cases
from conformance.registry import load as load_cases
from tests.conformance import mutate
from tests.conformance.mutate import KILLED, BadPatch, Mutant, NotRun, Outcome

PAGE = mutate.ROOT / "docs" / "kill-matrix.md"
FAULTY = "not run"

HEAD = """\
# Kill matrix

Written by `python -m drills.mutants`; do not edit. Each line is a gateway that is wrong in one thing: a patch of
`tests/conformance/mutants/`, applied to a copy. The case was named in the patch before it was run. "killed" means that
it failed there; against the gateway as it is it passes. The last column is the seconds of the run.
"""


ROW = re.compile(
    r"^\| (?P<name>[0-9]{3}-[a-z0-9-]+) \| (?P<flips>.+) \| (?P<section>[0-9.]+) (?P<demand>M-[0-9.]+)"
    r" \| `(?P<case>[a-z0-9.-]+)` \| (?P<result>[a-z ]+) \| (?P<seconds>[0-9.]+) \|$"
)


def line(mutant: Mutant, section: str, outcome: Outcome) -> str:
    """Return the line of the page for one mutant."""
    where = f"{section} {mutant.demand}"
    return f"| {mutant.name} | {mutant.flips} | {where} | `{mutant.case}` | {outcome.result} | {outcome.seconds:.1f} |"


def lines(text: str) -> dict[str, str]:
    """Return the lines of a page by the names of the mutants."""
    return {found["name"]: found[0] for one in text.splitlines() if (found := ROW.match(one))}


def page(rows: Mapping[str, str], mutants: Sequence[Mutant]) -> str:
    """Return the page: how many there are of each area, and the line in ``rows`` of each of ``mutants``."""
    areas = Counter(one.area for one in mutants)
    shown = [rows[one.name] for one in mutants if one.name in rows]
    killed = sum(f"| {KILLED} |" in row for row in shown)
    told = f"{len(mutants)} mutants, {killed} killed, by {len({one.case for one in mutants})} cases. "
    told += "By area: " + ", ".join(f"{area} {count}" for area, count in areas.items()) + "."
    head = ["| mutant | what it does | section, demand | case | result | s |", "|---|---|---|---|---|---|"]
    return "\n".join([HEAD, *textwrap.wrap(told, 120), "", *head, *shown]) + "\n"


def chosen(names: Sequence[str]) -> list[Mutant]:
    """Return the mutants that ``names`` begin, or all."""
    return [one for one in mutate.load() if not names or any(one.name.startswith(name) for name in names)]


def judge(mutant: Mutant) -> Outcome:
    """Run one mutant; whatever keeps it from being run is no kill."""
    begun = time.monotonic()
    try:
        return mutate.judge(mutant)
    except (BadPatch, NotRun) as error:
        return Outcome(FAULTY, str(error), time.monotonic() - begun)


def judge_all(mutants: Sequence[Mutant], jobs: int) -> Iterator[tuple[Mutant, Outcome]]:
    """Yield what came of each, in order, with ``jobs`` gateways under test at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(mutants, pool.map(judge, mutants), strict=True)


def main() -> int:
    """Run as the arguments say; print a line for each mutant; return the exit status."""
    parser = argparse.ArgumentParser(description="Flip one behaviour after the other; each must fail its case.")
    parser.add_argument("names", nargs="*", help="run these only")
    parser.add_argument("--jobs", type=int, default=2, help="gateways under test at a time")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    asked = parser.parse_args()
    begun = time.monotonic()
    mutants = chosen(asked.names)
    if not mutants:
        parser.error("no mutant is called that")
    sections = {one.id: one.section for one in load_cases(all_cases).values()}
    wrong = mutate.reference(one.case for one in mutants)
    for told in wrong:
        print(f"without a mutant: {told}", file=sys.stderr)
    rows: list[tuple[Mutant, Outcome]] = []
    known = lines(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    for mutant, outcome in judge_all(mutants, asked.jobs):
        rows.append((mutant, outcome))
        talk = sys.stderr if asked.json else sys.stdout
        print(f"{outcome.result:<14} {mutant.name:<36} {mutant.case}: {outcome.detail}"[:200], file=talk, flush=True)
        known[mutant.name] = line(mutant, sections[mutant.case], outcome)
        PAGE.write_text(page(known, mutate.load()), encoding="utf-8")
    seconds = time.monotonic() - begun
    good = not wrong and all(outcome.result == KILLED for _, outcome in rows)
    report(rows, seconds, as_json=asked.json, good=good)
    return 0 if good else 1


def report(rows: Sequence[tuple[Mutant, Outcome]], seconds: float, *, as_json: bool, good: bool) -> None:
    """Print the figures."""
    killed = sum(outcome.result == KILLED for _, outcome in rows)
    if as_json:
        results = {mutant.name: outcome.result for mutant, outcome in rows}
        print(json.dumps({"mutants": results, "killed": killed, "seconds": round(seconds, 1), "good": good}))
        return
    print(f"{len(rows)} mutants, {killed} killed, in {seconds:.0f} s")
    print("the suite noticed each of them" if good else "FAILED")


if __name__ == "__main__":
    sys.exit(main())
