"""Where a word may be due: the store finds by it the few cases that are looked into."""

from typing import Any

import pytest

from gateway.core.case import Case, Notice, Pending, Side, State
from gateway.core.messages import ERASURE, RECTIFICATION, REPLY, REQUEST
from gateway.services import cases, second
from tests.services.one_case import value
from tests.storage.support import NOW


def prepared(type: str, body: str = "{}") -> Pending:
    """Return a body of ``type`` that a first person prepared."""
    return Pending(type, body, "digest", "first")


def asked(answer: Any = None, *, ours: bool = False) -> Notice:
    """Return a demand about data."""
    return Notice(ERASURE, ours, 1, "2026-11-25", {}, answer)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (value(), 0),
        (value(state=State.DRAFT, pending=prepared(REQUEST)), cases.SECOND_WORD),
        (value(Side.REQUESTED, state=State.ACKNOWLEDGED, pending=prepared(REPLY, '{"outcome":"NOT_FOUND"}')), 1),
        (value(state=State.REPLIED, pending=prepared(RECTIFICATION)), 1),
        (value(state=State.FROZEN, resume_proposer="first"), 1),
        (value(state=State.CLOSED, notices=(asked(), asked({}))), cases.ANSWER),
        (value(state=State.CLOSED, notices=(asked({}), asked(ours=True))), 0),
        (value(state=State.REPLIED, pending=prepared(RECTIFICATION), notices=(asked(),)), 3),
        (value(state=State.BLOCKED, notices=(asked(),)), 0),
    ],
)
def test_a_case_says_which_words_may_be_due_in_it(case: Case, words: int) -> None:
    """Never none where one is due, or nobody would find it; a closed case is looked into for what is asked alone."""
    assert words == cases.words(case)
    due = {word.verb for word in second._due(case, NOW)} if case.state is not State.BLOCKED else set()
    assert (bool(words & 1), bool(words & 2)) == (bool(due & {*second.SECOND}), bool(due & {*second.ABOUT_DATA}))


def test_what_is_prepared_in_a_closed_case_leaves_nowhere() -> None:
    """Such a case is never saved again, and nobody has to look into it for good."""
    assert 0 == cases.words(value(state=State.CLOSED, pending=prepared(RECTIFICATION)))
