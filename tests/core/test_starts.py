"""Which evidence a message is: a clock starts at what its rule names, on the day that counts, and at nothing else."""

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.core import messages
from gateway.core.starts import ASKED, STATED, Start, counted_from, starts_of_message, starts_of_receipt
from gateway.core.wire import SKEW
from tests.core import support
from tests.support.rows import for_each

RESULT = support.HELD_INTERVIEW


@pytest.mark.parametrize(("outcome", "starts"), [("NATIONAL", True), ("NOT_NATIONAL", False), ("NOT_FOUND", False)])
def test_only_a_yes_starts_what_follows_a_reply(outcome: str, starts: bool) -> None:
    """No time for a transfer runs from a reply that is not positive."""
    assert starts is bool(starts_of_message(messages.REPLY, support.reply(outcome)))


@pytest.mark.parametrize(
    ("result", "kinds"), [("HELD", ["interview_result", "interview"]), ("NOT_HELD", ["interview_result"])]
)
def test_what_was_not_held_starts_nothing_that_counts_from_an_interview(result: str, kinds: list[str]) -> None:
    """A result starts the reply where an agreement says so; the day of an interview counts only if there was one."""
    found = starts_of_message(messages.INTERVIEW_RESULT, {**RESULT, "result": result})
    assert kinds == [one.kind for one in found]
    assert [date.fromisoformat(RESULT["on"])] * (len(kinds) - 1) == [one.on for one in found if one.on]


@pytest.mark.parametrize(("before", "step"), [(False, "travel_document"), (True, "travel_document_reissue")])
def test_a_second_request_asks_for_another_document(before: bool, step: str) -> None:
    """The receipt of a request starts the issue, or the re-issue where a document was issued before."""
    found = starts_of_receipt(messages.DOCUMENT_REQUEST, {}, issued_before=before)
    assert (Start("request", (step,)), Start("reply", (step,))) == found


@pytest.mark.parametrize(("decision", "count"), [("ACCEPTED", 1), ("DECLINED", 0)])
def test_an_interview_is_due_once_it_was_accepted(decision: str, count: int) -> None:
    """Saying no to an interview starts no time for one."""
    assert count == len(starts_of_receipt(messages.INTERVIEW_ANSWER, {"decision": decision}))


def test_a_document_counts_from_its_own_dates() -> None:
    """Its validity runs from the issue and its re-issue from the end, whenever the message was sent."""
    body: dict[str, Any] = {"document": {"issued_on": "2026-11-20", "valid_until": "2027-02-18"}}
    for type in (messages.DOCUMENT, messages.REISSUE):
        assert [date(2026, 11, 20), date(2027, 2, 18)] == [one.on for one in starts_of_message(type, body)]


@for_each("type", sorted(set(messages.TYPES) - STATED - ASKED))
def test_no_other_message_starts_a_clock(type: str) -> None:
    """What is no evidence starts nothing, such as a delay, a reminder, or anything that follows a withdrawal."""
    assert ((), ()) == (starts_of_receipt(type, {}), starts_of_message(type, {}))


def test_what_a_receipt_says_counts_within_what_clocks_may_differ() -> None:
    """Who is asked dates its receipt, up to the skew before the message was made and after the receipt was seen."""
    made, seen, more = support.NOW, support.NOW + timedelta(hours=1), timedelta(seconds=1)
    for said in (made - SKEW, made, seen, seen + SKEW):
        assert said == counted_from(said, made, seen)
    assert made == counted_from(made - SKEW - more, made, seen)
    assert seen == counted_from(seen + SKEW + more, made, seen)
