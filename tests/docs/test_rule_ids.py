"""docs/rules.md has a paragraph for every rule id of the code, and the state table pages are what the rows say."""

import re
from pathlib import Path

import pytest

from gateway.core.case import Side
from gateway.core.facts import When
from gateway.core.rules import RULES, Rule
from gateway.core.tables import GUARDS, MARKS, table_for
from tests.docs.rules_page import PAGE, PARAGRAPHS, ROOT
from tests.support.rows import for_each
from tools import draw_tables

ID = re.compile(r"\b(?:[RNQVDE]-\d\d|M-0\d|MIN-\d|REM-\d)\b")
SOURCES = sorted(set((ROOT / "gateway").rglob("*.py")) - {ROOT / "gateway" / "web" / "rules.py"})
"""The sentences that pages say are left out: they would stand in for a check that is gone."""


def in_code() -> set[str]:
    """Return every rule id that stands in a string of the gateway's code."""
    return {id for path in SOURCES for id in re.findall(rf'"({ID.pattern})"', path.read_text(encoding="utf-8"))}


def test_every_id_of_the_code_has_a_paragraph() -> None:
    """No finding shows an id that cannot be looked up."""
    assert set() == in_code() - set(PARAGRAPHS)


def test_every_paragraph_is_about_an_id_of_the_code() -> None:
    """No paragraph promises a check that is not there."""
    assert set() == set(PARAGRAPHS) - in_code()


def test_every_heading_is_a_whole_paragraph() -> None:
    """Each id has a source, a text and the place of its code, once."""
    assert list(PARAGRAPHS) == re.findall(r"^### (\S+):", PAGE, re.MULTILINE)


@for_each("rule", RULES, ids=lambda rule: rule.id)
def test_a_source_nobody_verified_is_marked(rule: Rule) -> None:
    """What is quoted without having been seen says so in the row, and so on the page and wherever a row is shown."""
    assert ("(unverified)" in rule.source) == (rule.id in UNVERIFIED)


UNVERIFIED = {"R-04", "R-17", "R-18", "R-21"}
"""Rules whose text of law nobody who works on this has seen."""


def test_rules_are_all_of_one_to_twenty_six() -> None:
    """The table leaves no number of the safeguards out."""
    assert [f"R-{number:02}" for number in range(1, 27)] == [rule.id for rule in RULES if rule.id.startswith("R-")]


@for_each("rule", RULES, ids=lambda rule: rule.id)
def test_paragraph_says_what_the_row_says(rule: Rule) -> None:
    """Title, source and moments of a rule are those of its row."""
    title, source, when, _, _ = PARAGRAPHS[rule.id]
    shown = frozenset(When(name) for name in re.findall(r"`(\w+)`", when))
    assert (rule.title, rule.source, rule.when) == (title, source, shown)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.procedure], ids=lambda rule: rule.id)
def test_paragraph_names_the_steps_of_a_procedure(rule: Rule) -> None:
    """Of a rule that is a procedure the page says so, and names each step that carries it out."""
    _, _, _, text, code = PARAGRAPHS[rule.id]
    assert "procedure" in text
    assert [] == [step for step in rule.procedure if f"`{re.split('[:.]', step)[-1]}`" not in code]


@for_each("id", sorted(PARAGRAPHS))
def test_code_is_where_the_paragraph_says(id: str) -> None:
    """Every file named exists, and every function named is in one of them."""
    code = PARAGRAPHS[id][4]
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in re.findall(r"`(\S+\.py)`", code)]
    functions = re.findall(r"`(_\w+)`", code)
    assert texts
    assert [] == [name for name in functions if not any(f"def {name}(" in text for text in texts)]


def test_moments_are_explained() -> None:
    """The table of moments has each of them, in order."""
    assert [when.value for when in When] == re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("path", draw_tables.pages(), ids=lambda path: path.name)
def test_state_table_page_is_drawn_from_the_rows(path: Path) -> None:
    """The pages of the state tables are what ``python -m tools.draw_tables`` writes."""
    assert draw_tables.pages()[path] == path.read_text(encoding="utf-8")


def test_every_row_is_on_one_page() -> None:
    """What the two pages show of a side are all rows of its table, each once."""
    for side in Side:
        shown = [*draw_tables.rows(side, returning=False), *draw_tables.rows(side, returning=True)]
        assert sorted(map(repr, table_for(side).rows)) == sorted(map(repr, shown))


def test_state_table_pages_show_every_guard() -> None:
    """No guard is defined and stands before no row, and each is shown with the promise it is marked with."""
    pages = "".join(draw_tables.pages().values())
    assert set() == {name for name in GUARDS if f"| `{name}` | [{MARKS[name]}: " not in pages}
