"""Every measure of the threat model names a test, and every test it names is there."""

import re
from pathlib import Path

from tests.docs.functions import functions_of
from tests.support.rows import for_each

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
HEAD = "| threat | asset | measure | test |"
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")
ASSETS = set(re.findall(r"^\| (A\d) \|", PAGE, re.MULTILINE))


def rows() -> list[list[str]]:
    """Return the cells of every row of every table of threats."""
    found, inside = [], False
    for line in PAGE.splitlines():
        if line == HEAD:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@for_each("row", rows(), ids=lambda row: row[0])
def test_measure_is_tried(row: list[str]) -> None:
    """A row has its four cells, assets that are listed, and at least one test that exists."""
    assert 4 == len(row)
    assert set(row[1].split()) <= ASSETS
    named = NAMED.findall(row[3])
    assert named
    assert [] == [f"{file}::{name}" for file, name in named if name not in functions_of(ROOT / "tests" / file)]


def test_no_table_of_threats_is_without_tests() -> None:
    """Each boundary has a table of the same four columns, and every asset is threatened somewhere."""
    heads = re.findall(r"^\| threat .*$", PAGE, re.MULTILINE)
    assert {HEAD} == set(heads)
    assert ASSETS == {asset for row in rows() for asset in row[1].split()}
