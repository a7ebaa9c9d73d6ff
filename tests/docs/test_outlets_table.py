"""The table of outlets has a row for each outlet, a column for each value of a file, and names tests that there are."""

import csv
import re
from pathlib import Path

import schemas
from gateway.demo.states import ASKED, ASKING
from tests.docs.functions import functions_of
from tests.support import journeys, outlets
from tests.support.processes import WORDS
from tests.support.rows import for_each

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/security/outlets.csv"
ELEMENTS = [row["element"] for row in schemas.load_matrix()["elements"]]
NATIONAL = list(schemas.load("case-draft")["properties"]["national"]["properties"])
STANDS = ("may", "no", "never")

OUTLETS = """
    lists search sort CSV PDF print log metrics error notice backup receipt evidence problem API CLI title address audit
    statistics digest database temporary crash memory command message paper
"""
"""Words of which each names an outlet of the gateway: one without a row would be an outlet that nobody looked at."""

with TABLE.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_columns_are_every_value_of_a_file() -> None:
    """Each element of the matrix, each national field, the remark as it was written and reasons have a column."""
    assert ["outlet", "place", *ELEMENTS, *NATIONAL, "remark", "reason", "how", "test"] == list(ROWS[0])


@for_each("word", OUTLETS.split())
def test_every_outlet_has_a_row(word: str) -> None:
    """The outlet is named by at least one row."""
    assert [row for row in ROWS if re.search(rf"\b{word.lower()}", row["outlet"].lower())]


def test_every_place_of_the_drill_is_an_outlet() -> None:
    """Wherever the canary drill looks there is a row, and no row names a place where it does not look."""
    named = [*vars(outlets).items(), *vars(journeys).items()]
    places = {value for name, value in named if name.isupper() and isinstance(value, str) and name != "WHY"}
    assert places - {ASKED, ASKING, WORDS} == {row["place"] for row in ROWS}


@for_each("row", ROWS, ids=lambda row: str(row["outlet"]))
def test_a_row_says_how_and_names_tests_that_there_are(row: dict[str, str]) -> None:
    """Each cell says may, no or never; a sentence says how, and each test is there."""
    assert {row[name] for name in (*ELEMENTS, *NATIONAL, "remark", "reason")} <= set(STANDS)
    assert re.fullmatch(r"\S.*\.", row["how"])
    named = [one.partition("::") for one in row["test"].split()]
    assert named
    assert [] == [name for path, _, name in named if name not in functions_of(ROOT / "tests" / path)]


def test_what_stands_somewhere_is_where_the_drill_says_it_may() -> None:
    """A place where no value may stand has no row with a ``may``, but for messages and paper, which are sealed."""
    sealed = ("message to the partner", "message on paper")
    may = {row["place"] for row in ROWS if "may" in row.values() and row["outlet"] not in sealed}
    assert set(outlets.MAY) == may


def test_no_national_field_leaves() -> None:
    """Whatever goes to another State or another body has no place for a national field."""
    leaving = [row for row in ROWS if row["outlet"].startswith(("message", "evidence", "receipt", "account"))]
    assert {"never"} == {row[name] for row in leaving for name in NATIONAL}
    assert len(leaving) >= 6


def test_what_each_can_be_compelled_to_produce_was_measured() -> None:
    """Each role of the table in ``docs/security.md`` names tests, and they are there."""
    lines = PAGE.partition("\n| who | can produce | cannot produce | measured by |\n")[2].splitlines()[1:]
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 10
    for line in rows:
        named = re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", line.split("|")[4])
        assert named, line
        assert [] == [name for path, name in named if name not in functions_of(ROOT / "tests" / path)]
