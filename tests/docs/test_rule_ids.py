"""docs/rules.md has a paragraph for every rule id of the code, and the state table page is what the rows say."""

import re
from pathlib import Path

import pytest

from gateway.core.rules import RULES, Rule, When
from gateway.core.verification import GUARDS
from tools import draw_tables

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
NOW_PART, _, LATER_PART = PAGE.partition("## Come with the return arrangement")
ID = re.compile(r"\b(?:[RNQVDE]-\d\d|M-0\d|MIN-\d)\b")
PARAGRAPH = re.compile(
    r"^### (\S+): (.+)\n\nSource: (.+?)\.(?: Looked at: (.+)\.)?\n\n(.+(?:\n.+)*)\n\nCode: (.+)\.$", re.MULTILINE
)
PARAGRAPHS = {found[0]: found[1:] for found in PARAGRAPH.findall(NOW_PART)}
SOURCES = sorted((ROOT / "gateway").rglob("*.py"))


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
    assert list(PARAGRAPHS) == re.findall(r"^### (\S+):", NOW_PART, re.MULTILINE)


def test_later_ids_are_not_in_the_code() -> None:
    """What is listed as coming later is not claimed by any check, and has no paragraph yet."""
    later = set(re.findall(r"^\| (\S+) \|", LATER_PART, re.MULTILINE)) - {"id", "---"}
    assert {"R-04", "R-08"} <= later
    assert set() == later & (in_code() | set(PARAGRAPHS))


def test_rules_are_all_of_one_to_twenty_six() -> None:
    """Together the two parts leave no number of the safeguards out."""
    assert {f"R-{number:02}" for number in range(1, 27)} <= set(ID.findall(PAGE))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_paragraph_says_what_the_row_says(rule: Rule) -> None:
    """Title, source and moments of a rule are those of its row."""
    title, source, when, _, _ = PARAGRAPHS[rule.id]
    shown = frozenset(When(name) for name in re.findall(r"`(\w+)`", when))
    assert (rule.title, rule.source, rule.when) == (title, source, shown)


@pytest.mark.parametrize("id", sorted(PARAGRAPHS))
def test_code_is_where_the_paragraph_says(id: str) -> None:
    """Every file named exists, and every function named is in one of them."""
    code = PARAGRAPHS[id][4]
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in re.findall(r"`(\S+\.py)`", code)]
    functions = re.findall(r"`(_\w+)`", code)
    assert texts
    assert [] == [name for name in functions if not any(f"def {name}(" in text for text in texts)]


def test_moments_are_explained() -> None:
    """The table of moments has each of them, in order."""
    assert [when.value for when in When] == re.findall(r"^\| `(\w+)` \|", NOW_PART, re.MULTILINE)


def test_state_table_page_is_drawn_from_the_rows() -> None:
    """docs/state-table-v.md is what ``python -m tools.draw_tables`` writes."""
    assert draw_tables.page() == draw_tables.PAGE.read_text(encoding="utf-8")


def test_state_table_page_shows_every_guard() -> None:
    """No guard is defined and stands before no row."""
    assert set() == {name for name in GUARDS if f"`{name}`" not in draw_tables.page()}
