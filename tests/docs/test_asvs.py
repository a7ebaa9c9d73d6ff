"""The table of ASVS requirements is complete and names tests that there are; the page beside it says what is so."""

import csv
import re
from datetime import timedelta
from pathlib import Path

import schemas
from gateway.services import account_store
from gateway.services.account_store import DESKS, LEVELS, PRESENT, desk_of
from tests.docs.functions import functions_of
from tests.support.rows import for_each

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/security/asvs.csv"
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")

LEVEL_1 = """
    3.2.1 3.2.2 3.3.1 3.4.1 3.4.2 3.5.1 3.5.2 3.5.3 6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1
    6.3.2 6.4.1 6.4.2 7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.1.1 8.2.1 8.2.2 8.3.1 10.4.1 10.4.2 10.4.3 10.4.4 10.4.5
"""
LEVEL_2 = """
    3.3.2 3.3.3 3.3.4 3.4.3 3.4.4 3.4.5 3.4.6 3.5.4 3.5.5 3.7.1 3.7.2 6.1.2 6.1.3 6.2.9 6.2.10 6.2.11 6.2.12 6.3.3
    6.3.4 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.1 6.6.2 6.6.3 6.8.1 6.8.2 6.8.3 6.8.4 7.1.1 7.1.2 7.1.3
    7.3.1 7.3.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2 8.1.2 8.2.3 8.4.1 10.1.1 10.1.2 10.2.1 10.2.2 10.3.1
    10.3.2 10.3.3 10.3.4 10.4.6 10.4.7 10.4.8 10.4.9 10.4.10 10.4.11 10.5.1 10.5.2 10.5.3 10.5.4 10.5.5 10.6.1
    10.6.2 10.7.1 10.7.2 10.7.3
"""
"""Every requirement of ASVS 5.0.0 in the chapters V3, V6, V7, V8 and V10, by the level it is first asked at."""

with TABLE.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def table_of(head: str) -> list[list[str]]:
    """Return the cells of the table of the page that begins with the columns ``head``."""
    lines = PAGE.partition(f"\n{head}\n")[2].splitlines()[1:]
    end = next(at for at, line in enumerate(lines) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]


def test_every_requirement_has_one_row() -> None:
    """Each id of levels 1 and 2, in the order of the standard, with its level; no other id, and none twice."""
    level = {id: level for level, ids in (("1", LEVEL_1), ("2", LEVEL_2)) for id in ids.split()}
    wanted = sorted(level, key=lambda id: [int(part) for part in id.split(".")])
    assert wanted == [row["id"] for row in ROWS]
    assert level == {row["id"]: row["level"] for row in ROWS}


@for_each("row", ROWS, ids=lambda row: str(row["id"]))
def test_a_row_says_how_and_names_tests_that_there_are(row: dict[str, str]) -> None:
    """It says how in a sentence; where the requirement applies, a test shows it or the sentence says who looked."""
    assert row["applies"] in ("yes", "part", "no")
    assert re.fullmatch(r"\S.*\.", row["how"])
    named = {one: functions_of(ROOT / "tests" / one.partition("::")[0]) for one in row["test"].split()}
    assert [] == [one for one, there in named.items() if one.partition("::")[2] not in there]
    failing = [one for one, there in named.items() if there[one.partition("::")[2]]]
    assert not failing or "not held" in row["how"]
    assert named or row["applies"] == "no" or row["how"].startswith("reviewed: ")
    assert len(row["test"].split()) == len(named)


def test_what_does_not_hold_is_on_the_page() -> None:
    """The page lists the rows that are not held, and no others."""
    section = PAGE.partition("## What does not hold")[2].partition("\n## ")[0]
    listed = [id for ids in re.findall(r"^- \*\*([\d., ]+)\*\*:", section, re.MULTILINE) for id in ids.split(", ")]
    assert [row["id"] for row in ROWS if "not held" in row["how"]] == listed


def test_page_gives_the_figures_of_the_code() -> None:
    """Each limit of sessions, links and guesses is the one in force."""
    told = {name.strip("`"): value for name, value, _ in table_of("| figure | value | what it is |")}
    assert told == {name: _words(getattr(account_store, name)) for name in told}
    assert {"IDLE", "ABSOLUTE", "FRESH", "LINK_MAX", "FREE_ATTEMPTS", "BACK_OFF_MAX", "ATTEMPTS_MAX"} <= set(told)


def _words(value: object) -> str:
    if not isinstance(value, timedelta):
        return str(value)
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if value.total_seconds() % size == 0 and value.total_seconds() >= 2 * size:
            return f"{int(value.total_seconds()) // size} {unit}"
    raise ValueError("an odd time")


def test_page_names_every_way_in() -> None:
    """The ways to sign in are those that a session can be begun by, and say which of them prove presence."""
    ways = table_of("| way | proves presence | what it is | what it opens |")
    told = {way.strip("`"): proves for way, proves, *_ in ways}
    assert {level: "yes" if level in PRESENT else "no" for level in LEVELS} == told


def test_page_names_every_role() -> None:
    """Each role works at the desk that the page says."""
    told = {desk: re.findall(r"`(\w+)`", roles) for desk, roles in table_of("| desk | roles |")}
    roles = schemas.codes("person_role")
    assert {desk: [role for role in roles if desk_of(role) == desk] for desk in DESKS} == told
