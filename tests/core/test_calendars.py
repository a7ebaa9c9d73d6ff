"""Working days, the ends of days, and the exporter of calendar files."""

from datetime import UTC, date, datetime, timedelta

import pytest

import schemas
from gateway.cli.calendars import CannotExport, export
from gateway.core.calendars import BadCalendar, Calendar, OutOfCalendar, end_of_day, local_date

SHIPPED = {"AT-2026-27": 2027, "XAA-2026-27": 2036, "XBB-2026-27": 2036}
"""Calendars of the package, and the last year of each."""


def make(**changes: object) -> Calendar:
    """Return a calendar of 2026 with one holiday, changed as given."""
    value = {
        "id": "T",
        "version": "1",
        "zone": "Europe/Vienna",
        "source": "test",
        "weekend": [5, 6],
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
        "holidays": {"2026-12-08": "A day"},
    }
    return Calendar.from_dict({**value, **changes})


@pytest.fixture(scope="module")
def austria() -> Calendar:
    """Return the shipped Austrian calendar."""
    return Calendar.from_dict(schemas.load_calendar("AT-2026-27"))


@pytest.mark.parametrize("name", schemas.calendars())
def test_shipped_calendars_fit_their_schema(name):
    """Every calendar of the package fits the schema, builds, and covers whole years, the invented ones ten."""
    calendar = Calendar.from_dict(schemas.load_calendar(name))
    end = date(SHIPPED[name], 12, 31)
    assert (name, date(2026, 1, 1), end) == (calendar.id, calendar.valid_from, calendar.valid_until)
    assert set(range(2026, end.year + 1)) == {day.year for day in calendar.holidays}


def test_austria_holds_the_winter_holidays(austria):
    """The Austrian set has 8, 25 and 26 December, 1 and 6 January, and not 24 and 31 December."""
    days = [date(2026, 12, day) for day in (8, 25, 26)] + [date(2027, 1, day) for day in (1, 6)]
    assert [True] * 5 == [day in austria.holidays for day in days]
    assert not {date(2026, 12, 24), date(2026, 12, 31)} & set(austria.holidays)


def test_austria_is_the_export(austria):
    """The shipped file has the days that the exporter gives, and names the library and its version."""
    made = export("AT", (2027, 2026), "AT-2026-27", "Europe/Vienna", "1")
    schemas.validate("calendar", made)
    assert dict(austria.holidays) == dict(Calendar.from_dict(made).holidays)
    assert austria.source.startswith("Python library holidays 0.")


def test_export_takes_the_weekend_of_the_country():
    """A State that rests on Friday and Saturday gets that weekend."""
    assert [4, 5] == export("EG", [2026], "EG-2026", "Africa/Cairo", "1")["weekend"]


@pytest.mark.parametrize(
    ("country", "years"), [("XX", [2026]), ("HolidayBase", [2026]), ("AT", [2026, 2028]), ("AT", [])]
)
def test_export_refuses(country, years):
    """An unknown country and years with a gap are refused with a hint."""
    with pytest.raises(CannotExport) as refused:
        export(country, years, "T", "UTC", "1")
    assert refused.value.hint


@pytest.mark.parametrize(
    ("day", "saturday_counts", "expected"),
    [
        (date(2026, 12, 7), False, True),
        (date(2026, 12, 8), False, False),
        (date(2026, 12, 12), False, False),
        (date(2026, 12, 12), True, True),
        (date(2026, 12, 13), True, False),
    ],
)
def test_is_working(day, saturday_counts, expected):
    """A holiday never counts, a Saturday counts as a Werktag only."""
    assert expected == make().is_working(day, saturday_counts)


def test_saturday_counts_leaves_another_weekend_alone():
    """Where Friday and Saturday are the weekend, Friday stays a rest day for a Werktag."""
    calendar = make(weekend=[4, 5])
    assert [False, True] == [calendar.is_working(date(2026, 12, day), True) for day in (11, 12)]


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2027, 1, 1)])
def test_no_answer_outside_its_years(day):
    """Outside its validity a calendar raises instead of guessing."""
    with pytest.raises(OutOfCalendar, match="load a newer calendar"):
        make().is_working(day)


def test_counting_past_the_end_raises():
    """A count that runs past the last known day has no result."""
    with pytest.raises(OutOfCalendar):
        make().add_working(date(2026, 12, 30), 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_until": "2025-12-31", "holidays": {}},
        {"weekend": [7]},
        {"weekend": [0, 1, 2, 3, 4, 5, 6]},
        {"holidays": {"2027-01-01": "Late"}},
    ],
)
def test_contradictions_are_refused(changes):
    """A calendar that contradicts itself cannot be built."""
    with pytest.raises(BadCalendar):
        make(**changes)


def test_unknown_zone_is_refused():
    """A zone that is no IANA name cannot be loaded."""
    with pytest.raises(BadCalendar):
        make(zone="Nowhere/Land")


def test_holidays_cannot_be_changed():
    """The holidays of a built calendar are read-only."""
    with pytest.raises(TypeError):
        make().holidays[date(2026, 1, 1)] = "New"  # type: ignore[index]  # that it fails is the test


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        (date(2026, 12, 25), "Europe/Vienna", "2026-12-25T23:00:00+00:00"),
        (date(2026, 12, 25), "Asia/Tbilisi", "2026-12-25T20:00:00+00:00"),
        (date(2026, 3, 28), "Europe/Vienna", "2026-03-28T23:00:00+00:00"),
        (date(2026, 3, 29), "Europe/Vienna", "2026-03-29T22:00:00+00:00"),
        (date(2026, 10, 25), "Europe/Vienna", "2026-10-25T23:00:00+00:00"),
        # Cairo leaves out 00:00 to 01:00 of 24 April and has 23:00 to 24:00 of 29 October twice.
        (date(2026, 4, 23), "Africa/Cairo", "2026-04-23T22:00:00+00:00"),
        (date(2026, 10, 29), "Africa/Cairo", "2026-10-29T22:00:00+00:00"),
    ],
)
def test_end_of_day(day, zone, expected):
    """24:00 is the State's own, on both changes of its clocks and where a change takes midnight away."""
    assert datetime.fromisoformat(expected) == end_of_day(day, zone)


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Africa/Cairo", "America/Havana", "Asia/Tbilisi", "Pacific/Apia"])
def test_end_of_day_is_where_the_date_changes(zone):
    """The instant before 24:00 has the day's date and 24:00 itself the next, on every day of a year."""
    for offset in range(365):
        day = date(2026, 1, 1) + timedelta(days=offset)
        end = end_of_day(day, zone)
        before, after = local_date(end - timedelta(seconds=1), zone), local_date(end, zone)
        assert (day, day + timedelta(days=1)) == (before, after)


def test_local_date_is_that_of_the_zone():
    """One instant has two dates in two States."""
    instant = datetime(2026, 12, 1, 22, 30, tzinfo=UTC)
    assert [date(2026, 12, 1), date(2026, 12, 2)] == [local_date(instant, z) for z in ("Europe/Vienna", "Asia/Tbilisi")]
