"""
Working days of one State.

Rule 1: a calendar is data with an id, a version and a validity; outside its validity it has no answer, not a guess.
Rule 2: a changed list of holidays is a new version. What was reckoned with the old one names the old one.
Rule 3: weekdays are numbered as Python numbers them, Monday = 0 to Sunday = 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SATURDAY = 5
ONE_DAY = timedelta(days=1)


class BadCalendar(ValueError):
    """Say that a calendar's data contradicts itself."""


class OutOfCalendar(ValueError):
    """Say that a day lies outside the years a calendar knows."""

    def __init__(self, day: date, calendar: "Calendar") -> None:
        super().__init__(
            f"{day} is outside calendar {calendar.id} version {calendar.version}"
            f" ({calendar.valid_from} to {calendar.valid_until}); load a newer calendar"
        )


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    The public holidays and the weekly rest days of one State.

    ``holidays`` maps a local date to the name of the holiday, ``weekend`` holds weekday numbers, ``zone`` is an IANA
    name. ``valid_from`` and ``valid_until`` are the first and the last day the list speaks about.
    """

    id: str
    version: str
    zone: str
    holidays: Mapping[date, str] = field(hash=False)
    valid_from: date
    valid_until: date
    weekend: frozenset[int] = frozenset({5, 6})
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a calendar that contradicts itself."""
        if self.valid_until < self.valid_from:
            raise BadCalendar(f"calendar {self.id} ends before it begins")
        if not self.weekend <= frozenset(range(7)) or len(self.weekend) == 7:
            raise BadCalendar(f"calendar {self.id} has no working day or an unknown weekday")
        if any(not self.valid_from <= day <= self.valid_until for day in self.holidays):
            raise BadCalendar(f"calendar {self.id} names a holiday outside its validity")
        if not _is_zone(self.zone):
            raise BadCalendar(f"calendar {self.id} names a zone that is not known here")
        object.__setattr__(self, "holidays", MappingProxyType(dict(self.holidays)))

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Calendar":
        """Return the calendar in ``value``, which the schema "calendar" accepted."""
        return cls(
            id=value["id"],
            version=value["version"],
            zone=value["zone"],
            holidays={date.fromisoformat(day): name for day, name in value["holidays"].items()},
            valid_from=date.fromisoformat(value["valid_from"]),
            valid_until=date.fromisoformat(value["valid_until"]),
            weekend=frozenset(value["weekend"]),
            source=value["source"],
        )

    def check(self, day: date) -> None:
        """Raise ``OutOfCalendar`` unless the calendar speaks about ``day``."""
        if not self.valid_from <= day <= self.valid_until:
            raise OutOfCalendar(day, self)

    def is_working(self, day: date, saturday_counts: bool = False) -> bool:
        """
        Tell whether ``day`` is a working day.

        ``saturday_counts`` is for the Werktag of Austrian and German usage: a Saturday counts unless it is a holiday.

        Raises:
            OutOfCalendar: the calendar does not speak about ``day``.
        """
        self.check(day)
        rest = self.weekend - {SATURDAY} if saturday_counts else self.weekend
        return day.weekday() not in rest and day not in self.holidays

    def next_working(self, day: date) -> date:
        """Return ``day`` if it is a working day, else the first working day after it."""
        while not self.is_working(day):
            day += ONE_DAY
        return day

    def add_working(self, day: date, n: int, saturday_counts: bool = False) -> date:
        """Return the ``n``-th working day after ``day``, or before it if negative; ``day`` itself is not counted."""
        ahead = ONE_DAY if n > 0 else -ONE_DAY
        left = abs(n)
        while left > 0:
            day += ahead
            left -= self.is_working(day, saturday_counts)
        return day


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def local_date(instant: datetime, zone: str) -> date:
    """Return the date the wall clocks of ``zone`` show at ``instant``, which is aware."""
    return instant.astimezone(ZoneInfo(zone)).date()


def end_of_day(day: date, zone: str) -> datetime:
    """
    Return 24:00 of ``day`` in ``zone`` as a UTC instant.

    Where a change of the clocks removes midnight this is the instant of the change; where it doubles midnight it is
    the first of the two.
    """
    return datetime.combine(day + ONE_DAY, time(), ZoneInfo(zone)).astimezone(UTC)
