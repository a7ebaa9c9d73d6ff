"""How late something is, in words and by whose calendar."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.core.calendars import Calendar
from gateway.web.language import tongue
from gateway.web.lateness import due_soon_at, lateness, stopped

ZONE = "Europe/Vienna"
CALENDAR = Calendar(
    "XBB-2026",
    "1",
    ZONE,
    {date(2026, 12, 8): "Feast"},
    date(2026, 1, 1),
    date(2026, 12, 31),
    source="test",
)
CALENDARS = {"XBB": CALENDAR}
ENGLISH = tongue("en", ZONE)
DUE = date(2026, 12, 4)
"""A Friday; the Tuesday after is a holiday."""


@dataclass
class Row:
    """A row with a due date."""

    due_on: date | None
    due_at: datetime | None
    calendar: str | None = "XBB-2026"


def row(on: date = DUE, calendar: str | None = "XBB-2026") -> Row:
    """Return what is due at the end of ``on``."""
    end = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(ZONE)) + timedelta(days=1)
    return Row(on, end.astimezone(UTC), calendar)


@pytest.mark.parametrize(
    ("now", "kind", "text"),
    [
        (datetime(2026, 11, 25, 9, tzinfo=UTC), "good", "7 working days left"),
        (datetime(2026, 12, 1, 9, tzinfo=UTC), "soon", "3 working days left"),
        (datetime(2026, 12, 3, 9, tzinfo=UTC), "soon", "1 working day left"),
        (datetime(2026, 12, 4, 9, tzinfo=UTC), "soon", "Due today"),
        (datetime(2026, 12, 4, 22, 59, 59, tzinfo=UTC), "soon", "Due today"),
        (datetime(2026, 12, 4, 23, 0, tzinfo=UTC), "late", "Late since the last working day"),
        (datetime(2026, 12, 6, 12, tzinfo=UTC), "late", "Late since the last working day"),
        (datetime(2026, 12, 7, 9, tzinfo=UTC), "late", "1 working day late"),
        (datetime(2026, 12, 8, 9, tzinfo=UTC), "late", "1 working day late"),
        (datetime(2026, 12, 9, 9, tzinfo=UTC), "late", "2 working days late"),
    ],
)
def test_working_days_are_counted_by_the_calendar(now: datetime, kind: str, text: str) -> None:
    """Rest days and holidays of the State that is asked do not count, and a day ends there, not here."""
    found = lateness(row(), now, CALENDARS, ENGLISH)
    assert (found.kind, found.text, found.working) == (kind, text, True)
    assert (found.due_on, found.calendar) == (DUE, "XBB-2026")


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (datetime(2026, 12, 3, 9, tzinfo=UTC), "1 working day left"),
        (datetime(2026, 12, 4, 9, tzinfo=UTC), "2 calendar days left"),
        (datetime(2026, 12, 5, 9, tzinfo=UTC), "1 calendar day left"),
        (datetime(2026, 12, 6, 9, tzinfo=UTC), "Due today"),
    ],
)
def test_a_last_day_that_is_a_rest_day_is_not_said_to_be_today(now: datetime, text: str) -> None:
    """Most agreements do not roll a last day: where it is a Sunday, the Friday before is not it."""
    found = lateness(row(date(2026, 12, 6)), now, CALENDARS, ENGLISH)
    assert ("soon", text) == (found.kind, found.text)


def test_no_due_date_is_said() -> None:
    """What has no due date yet is neither late nor in time."""
    found = lateness(Row(None, None, None), datetime(2026, 12, 4, tzinfo=UTC), CALENDARS, ENGLISH)
    assert (found.kind, found.text, found.due_on) == ("still", "No due date", None)


def test_a_stop_moves_no_day() -> None:
    """What was due before is told with its day and calendar, and not as late, however far back it lies."""
    told = stopped(row(date(2026, 1, 5)), ENGLISH)
    expected = ("still", "Stopped: not counted as late here", date(2026, 1, 5), "XBB-2026", True)
    assert expected == (told.kind, told.text, told.due_on, told.calendar, told.stopped)
    assert (None, True) == (stopped(None, ENGLISH).due_on, stopped(None, ENGLISH).stopped)


@pytest.mark.parametrize("calendar", ["XCC-2026", None])
def test_unknown_calendar_counts_calendar_days_and_says_so(calendar: str | None) -> None:
    """Without the calendar the words say that calendar days are counted."""
    now = datetime(2026, 12, 9, 9, tzinfo=UTC)
    assert lateness(row(calendar=calendar), now, CALENDARS, ENGLISH).text == "5 calendar days late"
    assert lateness(row(date(2026, 12, 10), calendar), now, CALENDARS, ENGLISH).text == "1 calendar day left"


def test_days_outside_the_calendar_count_as_calendar_days() -> None:
    """Where the calendar does not speak, nothing is guessed."""
    found = lateness(row(), datetime(2027, 1, 4, 9, tzinfo=UTC), CALENDARS, ENGLISH)
    assert (found.text, found.working) == ("31 calendar days late", False)


def test_soon_is_three_working_days() -> None:
    """Due soon reaches to the end of the third working day."""
    now = datetime(2026, 12, 4, 9, tzinfo=UTC)
    assert due_soon_at(now, CALENDAR).date() == date(2026, 12, 11)
    assert due_soon_at(now, None).date() == date(2026, 12, 8)
