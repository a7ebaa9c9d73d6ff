"""The tables of a reply (protocol 3.5, VRP) say what code and schema do: outcomes, reasons, bases and methods."""

import re
from pathlib import Path

import pytest

import schemas
from gateway.core.messages import CONTACTING, METHODS_FOR, OUTCOMES_FOR, POSITIVE_OUTCOMES, allowed_methods
from tests.core import support

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
PART = PAGE.partition("#### VRP `verification.reply`")[2].partition("\n#### ")[0]
OUTCOMES = {
    row[0]: row[1:] for row in re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (.+?) \|$", PART, re.MULTILINE)
}
LIMITS = dict(re.findall(r"^\| `(M\d)` \| (.+) \|$", PART, re.MULTILINE))
REASONS = ("reason_negative", "reason_cannot_say", "reason_refused")


def _codes(text: str) -> set[str]:
    return set(re.findall(r"`([A-Z0-9_]+)`", text))


def test_every_outcome_has_a_row() -> None:
    """The table has the outcomes of the code list, and no others."""
    assert set(schemas.codes("outcome")) == set(OUTCOMES)


@pytest.mark.parametrize("purpose", OUTCOMES_FOR)
def test_outcomes_answer_the_questions_of_the_table(purpose: str) -> None:
    """An outcome answers the questions its row names."""
    shown = {outcome for outcome, row in OUTCOMES.items() if row[0] == "each" or purpose in _codes(row[0])}
    assert set(OUTCOMES_FOR[purpose]) == shown


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_reasons_are_those_of_the_schema(outcome: str) -> None:
    """The schema takes the reasons of the row, and no other and no null beside them."""
    row = OUTCOMES[outcome][1]
    listed = re.search(r"list `(reason_\w+)`", row)
    shown = set(schemas.codes(listed[1])) if listed else _codes(row) or {None}
    every = {None, *(code for name in REASONS for code in schemas.codes(name))}
    value = support.reply(outcome)
    assert shown == {code for code in every if schemas.is_valid("verification.reply", {**value, "reason": code})}


def test_positive_outcomes_rest_on_something() -> None:
    """What is positive has a basis and no reason, and what is not found has neither."""
    assert all(("null", "not empty") == OUTCOMES[outcome][1:] for outcome in POSITIVE_OUTCOMES)
    assert ("null", "empty") == OUTCOMES["NOT_FOUND"][1:]


def test_methods_of_each_limit() -> None:
    """Each limit allows what its row names and what the row it refers to does."""
    shown: dict[str, set[str]] = {}
    for limit, text in LIMITS.items():
        named = _codes(text)
        shown[limit] = named - set(LIMITS) | {method for before in named & set(LIMITS) for method in shown[before]}
    assert {limit: set(methods) for limit, methods in METHODS_FOR.items()} == shown


@pytest.mark.parametrize("limit", METHODS_FOR)
def test_methods_without_contact(limit: str) -> None:
    """The sentence after the table names what nobody may do where nobody may be asked."""
    named = re.search(r"Where `no_contact_methods` is true, (.+?) are not", PART.replace("\n", " "))
    assert named is not None
    assert _codes(named[1]) == CONTACTING
    assert set(METHODS_FOR[limit]) - CONTACTING == allowed_methods(limit, no_contact=True)
