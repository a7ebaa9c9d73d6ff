"""A clock that leapt is believed again after a day of going on, and one that nobody has looked at is not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.leap import LEAP, PATIENCE, Steady, before_leap, is_steady, look

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(last: Steady | None, start: datetime, hours: int) -> Steady:
    """Look at the start and each hour after it."""
    found = look(last, start)
    for hour in range(1, hours + 1):
        found = look(found, start + hour * HOUR)
    return found


def test_a_clock_that_nobody_has_looked_at_is_not_believed() -> None:
    """Unknown means no."""
    assert not is_steady(None, NOON)


@given(st.integers(0, 60))
def test_of_a_clock_that_only_went_on_no_leap_is_known(hours: int) -> None:
    """A new gateway has its first day before it, and refuses what is over."""
    assert before_leap(None, NOON) is None
    assert before_leap(hourly(None, NOON, hours), NOON + hours * HOUR) is None


@given(st.integers(0, 60))
def test_it_is_believed_after_a_day_of_looks_and_not_before(hours: int) -> None:
    """A day of going on is enough, however it began."""
    assert (hours >= 24) == is_steady(hourly(None, NOON, hours), NOON + hours * HOUR)


@given(st.timedeltas(min_value=LEAP + timedelta(seconds=1), max_value=timedelta(days=4000)), st.sampled_from([1, -1]))
def test_a_leap_either_way_takes_the_belief_for_a_day(by: timedelta, sign: int) -> None:
    """Before anybody has looked again, and from the look that finds it until a day later."""
    before = Steady(NOON - timedelta(days=5000), NOON)  # it has gone on for so long
    after = before.seen + sign * by
    assert not is_steady(before, after)
    assert before.seen == before_leap(before, after)
    found = look(before, after)
    assert (before.seen, after + PATIENCE) == (found.before, found.until)
    assert not is_steady(found, after)
    assert not is_steady(hourly(found, after, 23), after + 23 * HOUR)
    assert before.seen == before_leap(hourly(found, after, 23), after + 23 * HOUR)
    assert before_leap(hourly(found, after, 24), after + 24 * HOUR) is None
    assert is_steady(hourly(found, after, 24), after + 24 * HOUR)


@pytest.mark.parametrize("days", [(4, 10), (4, 2), (400, 4, 10)])
@pytest.mark.parametrize("kept", [True, False])
def test_what_a_clock_said_between_two_leaps_is_not_past(days: tuple[int, ...], kept: bool) -> None:
    """Nobody believed it then; ``kept`` tells a few looks between them from none but that which finds the leap."""
    found = hourly(None, NOON, 30)
    right = found.seen
    for day in days:
        at = right + timedelta(days=day, hours=1)
        assert right == before_leap(found, at)
        found = hourly(found, at, 3 if kept else 0)
    assert right == before_leap(found, found.seen)
    later = hourly(found, found.seen + HOUR, 24)
    assert before_leap(later, later.seen) is None
    assert later.seen == before_leap(later, later.seen + 2 * LEAP)


def test_a_clock_that_is_right_again_says_what_is_past() -> None:
    """It is where it was before it leapt, so what is past by it is past, whatever it said meanwhile."""
    before = hourly(None, NOON, 30)
    ahead = look(before, before.seen + 4 * LEAP)
    again = before.seen + HOUR
    assert ahead.seen == before_leap(ahead, again) == before_leap(look(ahead, again), again)
    assert again == before_leap(look(ahead, again), again + 9 * LEAP)


@given(st.lists(st.timedeltas(min_value=-LEAP, max_value=LEAP), max_size=20))
def test_what_is_shorter_than_a_day_is_no_leap(steps: list[timedelta]) -> None:
    """An hour's error, a night without power or a leap second: it is looked at as if nothing had been."""
    found = hourly(None, NOON, 30)
    for step in steps:
        found = look(found, found.seen + step)
    assert (NOON, None) == (found.since, found.before)
