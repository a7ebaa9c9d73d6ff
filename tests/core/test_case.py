"""A case survives being sealed, whatever it holds."""

import dataclasses
from dataclasses import FrozenInstanceError
from datetime import date
from typing import Any

import orjson
import pytest

from gateway.core.case import LEAST_FILE_SIZE, Case, Pending, State, parse_case, replace, serialize_case
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
    changed = FULL.with_clocks(later)
    assert later == changed.clock("reply")
    assert ["acknowledgement", "reply"] == sorted(clock.step for clock in changed.clocks)


def test_case_is_a_value() -> None:
    """Nothing changes a case in place."""
    with pytest.raises(FrozenInstanceError):
        FULL.state = State.DRAFT  # type: ignore[misc]  # the assignment under test


def test_case_with_changes_is_what_the_library_makes_of_it() -> None:
    """A case with changes is another case, equal to that of the library, whole, and as unchangeable."""
    made = replace(FULL, state=State.DRAFT, contests=2)
    assert dataclasses.replace(FULL, state=State.DRAFT, contests=2) == made
    assert (State.FROZEN, 1) == (FULL.state, FULL.contests)
    assert serialize_case(dataclasses.replace(FULL, state=State.DRAFT, contests=2)) == serialize_case(made)
    with pytest.raises(FrozenInstanceError):
        made.state = State.SENT  # type: ignore[misc]  # the assignment under test


def test_case_has_no_other_members() -> None:
    """A change of what a case does not have is an error, as the library has it."""
    with pytest.raises(TypeError, match="stat"):
        replace(FULL, stat=State.DRAFT)  # type: ignore[call-arg]  # the call under test


def test_overdue_is_no_state() -> None:
    """Lateness follows from a clock and is stored nowhere."""
    assert "OVERDUE" not in {state.value for state in State}


def test_case_written_before_it_was_filled_up_is_read() -> None:
    """A row of an earlier version, without images, a remark or a correction, or with who froze it, is the same case."""
    raw = {**orjson.loads(serialize_case(FULL).rstrip()), "frozen_by": ["carol", "guardian"]}
    for name in ("renditions", "remark", "remark_stop", "former", "accepted"):
        del raw[name]
    assert FULL == parse_case(orjson.dumps(raw))


GONE = "gone"
STRANGE = {**support.clock().to_dict(), "new": 1}


@pytest.mark.parametrize("change", [{"clocks": [STRANGE]}, {"new": 1}, {"partner": GONE}], ids=["clock", "new", "gone"])
def test_case_of_other_members_is_not_read(change: dict[str, Any]) -> None:
    """A case, or a clock in it, with a member that there is not, or without one that it needs, is none."""
    raw = {name: value for name, value in {**orjson.loads(serialize_case(FULL)), **change}.items() if value != GONE}
    with pytest.raises(TypeError):
        parse_case(orjson.dumps(raw))


@pytest.mark.parametrize("text", ["   ", "ends with spaces   ", "\t\n ", "\u00a0\u3000"])
def test_spaces_of_a_value_stay(text: str) -> None:
    """Only what fills the row up is dropped, and no space of what stands in it."""
    case = replace(FULL, freeze_reason=text)
    assert text == parse_case(serialize_case(case)).freeze_reason


@pytest.mark.parametrize("size", [1, 3000, 4000, 9000, 70_000, 2_600_000])
def test_length_of_a_row_is_a_power_of_two(size: int) -> None:
    """Whatever a case holds, images too, its row has one of few sizes and less than twice what it needs."""
    raw = serialize_case(replace(FULL, freeze_reason="x" * size))
    assert 0 == len(raw) & (len(raw) - 1)
    assert len(raw) <= max(LEAST_FILE_SIZE, 2 * len(raw.rstrip()))


def test_image_does_not_make_a_file_tell_its_length() -> None:
    """Beside an image of whatever size, also in a body that waits, a longer file gives a row of the same length."""
    for size in range(8000, 34_000, 500):
        page = {"sha256": "x" * 43, "content": "A" * size}
        images = {"photo": {"of": "y" * 43, "wire": {"media_type": "image/jpeg", "pages": [page]}, "removed": []}}
        body = orjson.dumps({"elements": {"photo": images["photo"]["wire"]}}).decode()
        for pending in (None, Pending("verification.request", body, "z" * 43, "anna")):
            cases = [replace(FULL, renditions=images, pending=pending, freeze_reason="x" * more) for more in (0, 900)]
            assert 1 == len({len(serialize_case(case)) for case in cases})
            assert cases == [parse_case(serialize_case(case)) for case in cases]
