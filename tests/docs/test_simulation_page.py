"""The page of the simulation lists what is played and what must hold: each invariant, each fault, each planted bug."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from drills import simulation
from tests.sim import planted
from tests.sim.faults import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/simulation.md").read_text(encoding="utf-8")
SOURCES = [*(ROOT / "tests/sim").glob("*.py"), Path(simulation.__file__)]


def rows(heading: str, head: str) -> list[list[str]]:
    """Return the cells of the rows under the table head ``head``, in the part of the page under ``heading``."""
    part = PAGE.partition(f"\n{heading}\n")[2]
    lines = part.partition(f"\n{head}\n")[2].splitlines()[1:]
    table = lines[: next(n for n, line in enumerate([*lines, ""]) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def strings() -> Iterator[str]:
    """Yield every constant text in the sources of the simulation."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def failed_by() -> Iterator[str]:
    """Yield the name of the invariant in every call of ``fail`` in the simulation that names one in its place."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fail":
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_page_lists_every_invariant() -> None:
    """Each invariant by which a seed can fail has one row, and each row is of one."""
    named = [row[0] for row in rows("## Invariants", "| name | what must hold | forgiven |")]
    assert sorted(set(named)) == sorted(named)
    assert set() == set(failed_by()) - set(named)
    assert set() == set(named) - set(strings())


def test_page_lists_every_planted_bug() -> None:
    """Each patch has one row, with the invariant that has to catch it."""
    listed = rows("## Planted bugs", "| bug | what the gateway does | caught by | seed |")
    assert [(one.name, one.case) for one in planted.load()] == [(row[0], row[2]) for row in listed]


def test_page_lists_every_fault() -> None:
    """Each fault that a seed may draw is told, and no other."""
    told = " ".join(row[0] for row in rows("## What happens in a seed", "| fault | what it is |"))
    assert sorted(KINDS) == sorted(re.findall(r"`([a-z]+)`", told))


def test_page_lists_every_play() -> None:
    """Each scenario but the ordinary one is told under the name by which it is played."""
    told = [row[0] for row in rows("### A month apart, wrong clocks, and random walks", "| `--play` | what it is |")]
    assert sorted(set(simulation.PLAYS) - {simulation.ORDINARY}) == sorted(re.findall(r"`([a-z]+)` ", " ".join(told)))
