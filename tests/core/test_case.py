"""A case survives being sealed, whatever it holds."""

from dataclasses import FrozenInstanceError, replace
from datetime import date

import pytest

from gateway.core.case import Case, State, parse_case, serialize_case
from tests.core import support

FULL = support.asking(
    State.FROZEN,
    clocks=(support.clock(), support.clock("acknowledgement")),
    asked=("SEX", "DOCUMENT"),
    reply=support.reply("NOT_FOUND"),
    delay=support.BODIES["delay"],
    contests=1,
    reminders=2,
    resume_to=State.REPLIED,
    frozen_by=("carol", "guardian"),
    holders=(("carol", "guardian"), ("dora", "court")),
    freeze_reason="why",
    resume_proposer="anna",
    findings=("the other State reckons otherwise",),
)


@pytest.mark.parametrize("case", [FULL, support.asking(), support.asked()], ids=["full", "asking", "asked"])
def test_round_trip(case: Case) -> None:
    """What is read back from JSON equals what was written, types included."""
    read = parse_case(serialize_case(case))
    assert case == read
    assert (type(case.state), type(case.side)) == (type(read.state), type(read.side))


def test_pending_survives() -> None:
    """A signed body keeps its exact text, its author and its signer."""
    assert FULL.pending is not None
    signed = replace(FULL, pending=replace(FULL.pending, approver="boris", statement="a.b.c"))
    assert signed.pending == parse_case(serialize_case(signed)).pending


def test_clock_by_step() -> None:
    """A clock is found by its step, and a step without one gives none."""
    assert support.clock("acknowledgement") == FULL.clock("acknowledgement")
    assert FULL.clock("travel_document") is None


def test_new_clock_takes_the_place_of_the_old() -> None:
    """There is one clock for each step."""
    later = support.clock(due_on=date(2026, 12, 20))
    changed = FULL.with_clock(later)
    assert later == changed.clock("reply")
    assert ["acknowledgement", "reply"] == sorted(clock.step for clock in changed.clocks)


def test_case_is_a_value() -> None:
    """Nothing changes a case in place."""
    with pytest.raises(FrozenInstanceError):
        FULL.state = State.DRAFT  # type: ignore[misc]  # the assignment under test


def test_overdue_is_no_state() -> None:
    """Lateness follows from a clock and is stored nowhere."""
    assert "OVERDUE" not in {state.value for state in State}
