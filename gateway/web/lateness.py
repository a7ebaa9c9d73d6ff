"""
How late something is, in words: working days by the calendar the due date came from.

Rule 1: the due date is the clock's and never reckoned anew here; only the days between it and today are counted.
Rule 2: where the calendar does not speak about those days, calendar days are counted and the words say so.
Rule 3: a stop moves no due date. While it stands nothing counts as late, and its words say both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from gateway.core.calendars import Calendar, OutOfCalendar, local_date
from gateway.web.language import Tongue

SOON_DAYS = 3
"""Working days before a due date from which it counts as soon."""

COUNTED_MAX = 750
"""Days that are counted one by one; what is three years off is told in calendar days."""


class Due(Protocol):
    """What has a due date: a row of a list, or a clock."""

    @property
    def due_on(self) -> date | None:
        """Return the last day, in the State that is asked."""
        ...

    @property
    def due_at(self) -> datetime | None:
        """Return the instant at which that day ends."""
        ...

    @property
    def calendar(self) -> str | None:
        """Return the id of the calendar it was reckoned by."""
        ...


@dataclass(frozen=True, slots=True)
class Lateness:
    """
    How something stands against its due date.

    ``kind`` is ``still`` (no date), ``good``, ``soon`` or ``late``, the kinds of a tag. ``days`` counts from the due
    date, above 0 after it; ``working`` says whether they are working days. ``text`` says all of it. ``stopped`` tells
    that the case stands still, so that nothing is late and the day stays what it was.
    """

    kind: str
    days: int
    working: bool
    text: str
    due_on: date | None = None
    calendar: str = ""
    stopped: bool = False


def lateness(due: Due, now: datetime, calendars: Mapping[str, Calendar], tongue: Tongue) -> Lateness:
    """Return how ``due`` stands at ``now``; ``calendars`` are those the gateway reckons with, by country."""
    if due.due_on is None or due.due_at is None:
        return Lateness("still", 0, True, tongue._("No due date"))
    calendar = next((one for one in calendars.values() if one.id == due.calendar), None)
    today = local_date(now, calendar.zone if calendar else tongue.zone.key)
    days, working = _between(calendar, due.due_on, today)
    is_late = now >= due.due_at
    kind = "late" if is_late else "soon" if -days <= SOON_DAYS else "good"
    if days == 0 and today < due.due_on:  # no working day is left, and yet the last day is another than today
        days, working = (today - due.due_on).days, False
    return Lateness(kind, days, working, _text(days, working, is_late, tongue), due.due_on, due.calendar or "")


def stopped(due: Due | None, tongue: Tongue) -> Lateness:
    """Return how it stands with the time of a case that is stopped; ``due`` is what was due when it was, if known."""
    text = tongue._("Stopped: not counted as late here")
    if due is None:
        return Lateness("still", 0, True, text, stopped=True)
    return Lateness("still", 0, True, text, due.due_on, due.calendar or "", stopped=True)


def due_soon_at(now: datetime, calendar: Calendar | None) -> datetime:
    """Return the instant before which what is due is due soon: the end of the third working day from ``now``."""
    try:
        day = calendar.add_working(now.date(), SOON_DAYS) if calendar else now.date() + timedelta(days=SOON_DAYS)
    except OutOfCalendar:
        day = now.date() + timedelta(days=SOON_DAYS)
    return now + (day - now.date()) + timedelta(days=1)


def _between(calendar: Calendar | None, due_on: date, today: date) -> tuple[int, bool]:
    """Return the days from ``due_on`` to ``today``, negative before it, and whether they are working days."""
    plain = (today - due_on).days
    if calendar is None or abs(plain) > COUNTED_MAX:
        return plain, False
    try:
        return _counted(calendar, due_on, today), True
    except OutOfCalendar:
        return plain, False


@lru_cache(maxsize=4096)
def _counted(calendar: Calendar, due_on: date, today: date) -> int:
    first, last, sign = (due_on, today, 1) if today >= due_on else (today, due_on, -1)
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sign * sum(calendar.is_working(day) for day in days)


def _text(days: int, working: bool, is_late: bool, tongue: Tongue) -> str:
    if is_late and days <= 0:
        return tongue._("Late since the last working day")
    if is_late and working:
        return tongue.ngettext("%(n)s working day late", "%(n)s working days late", days)
    if is_late:
        return tongue.ngettext("%(n)s calendar day late", "%(n)s calendar days late", days)
    if days >= 0:
        return tongue._("Due today")
    if working:
        return tongue.ngettext("%(n)s working day left", "%(n)s working days left", -days)
    return tongue.ngettext("%(n)s calendar day left", "%(n)s calendar days left", -days)
