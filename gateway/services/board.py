"""
What foreign affairs watches: who owes us an answer, since when, how far silence has led, how long each State takes.

Rule 1: nothing here has a field for what a case is about, and nothing here can open one; only columns and the names and
instants of steps are read.
Rule 2: which part of the list a case is in follows from its due instant alone, by the calendar of the State that owes.
Rule 3: counts are made along an index and kept for seconds, reply times for minutes; each says when it was made.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from gateway.core import figures
from gateway.core.calendars import Calendar, OutOfCalendar, end_of_day, local_date
from gateway.core.clocks import Clock
from gateway.core.escalation import Pressed, is_stopped, took_place
from gateway.core.figures import INTERNAL, File, Table
from gateway.services.inquire import Inquiries, Place, WatchPart, WatchRow
from gateway.services.reckon import Reckoner

SOON_DAYS = 3
"""Working days before its date from which a reply is due soon."""

VERY_LATE_DAYS = 10
"""Working days after its date from which a reply is very late: the rung of the embassies on the ladder supplied."""

COUNTS_LAST = timedelta(seconds=15)
TIMES_LAST = timedelta(minutes=10)
SAMPLE = 200
"""
Cases whose course the reply times of a State are made from: the last that were opened. Each costs a tenth of a
millisecond, and a page waits for one State's at most.
"""

PART = 500
"""Rows read at once where all are read."""

EXERCISE = "TST"
"""How the reference of an invented case begins (``gateway.core.exercise.MARK``)."""


class Band(StrEnum):
    """A part of the list: how a case stands against its date."""

    VERY_LATE = "very-late"
    LATE = "late"
    DUE = "due"
    SOON = "soon"
    OPEN = "open"
    UNDATED = "undated"


@dataclass(frozen=True, slots=True)
class Watched:
    """
    One row as it is shown: the case, its part of the list, the rung silence has reached, how it was pressed for.

    ``stopped`` says that pressing may endanger somebody; no rung is reached then.
    """

    row: WatchRow
    band: Band
    level: str | None
    stopped: bool
    reminded_at: datetime | None
    pressed: tuple[Pressed, ...]

    @property
    def is_exercise(self) -> bool:
        """Tell whether the case is invented, to practise."""
        return self.row.ref.startswith(EXERCISE)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows: of one State or of all, in one part of the list or in all."""

    partner: str | None = None
    band: Band | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases with one State are in each part of the list, as of ``at``."""

    partner: str
    at: datetime
    of: Mapping[Band, int]

    @property
    def late(self) -> int:
        """Return how many are past their date."""
        return self.of[Band.LATE] + self.of[Band.VERY_LATE]

    @property
    def total(self) -> int:
        """Return how many there are."""
        return sum(self.of.values())


@dataclass(frozen=True, slots=True)
class ReplyTimes:
    """
    How long one State takes to reply, in days begun, as of ``at``.

    ``at_least`` is the number of replies, in tens; all are ``None`` where there are too few to show (``figures``).
    """

    partner: str
    at: datetime
    at_least: int | None
    median_days: int | None
    p90_days: int | None


_TIMES = Table("reply-times", "How long each State took to reply", INTERNAL, "partner", "durations")

PLAIN = Calendar("", "", "UTC", {}, date(1900, 1, 1), date(2300, 1, 1))
"""Weekdays alone, where a State has no calendar or it does not speak about the day."""


@dataclass(slots=True)
class Board:
    """The board of one gateway. ``partners`` are the States it deals with."""

    inquiries: Inquiries
    reckoner: Reckoner
    partners: Sequence[str]
    _counts: dict[str, Counts] = field(default_factory=dict)
    _times: dict[str, ReplyTimes] = field(default_factory=dict)

    async def rows(self, wanted: Filter, now: datetime, *, limit: int, after: Place | None = None) -> Sequence[Watched]:
        """Return the rows of a page, soonest due first."""
        return await self._shown(await self._rows(wanted, now, limit, after), now)

    async def find(self, ref: str, now: datetime) -> Watched | None:
        """Find one case by our reference; ``None`` also if nothing is waited for in it."""
        row = await self.inquiries.find_watched(ref)
        return (await self._shown([row], now))[0] if row else None

    async def still(self, refs: Iterable[str]) -> frozenset[str]:
        """Return those of ``refs`` in which a reply is still waited for."""
        return await self.inquiries.still_watched(sorted(refs))

    async def every(self, wanted: Filter, now: datetime) -> AsyncIterator[Watched]:
        """Yield every row, a part of them at a time."""
        after: Place | None = None
        while True:
            page = await self.rows(wanted, now, limit=PART, after=after)
            for one in page:
                yield one
            if len(page) < PART:
                return
            after = page[-1].row.place

    async def counts(self, now: datetime) -> Sequence[Counts]:
        """Return the counts of every State."""
        return await self._counted(self.partners, now)

    async def times(self, now: datetime) -> Sequence[ReplyTimes]:
        """
        Return the reply times of every State.

        One at most of those that were made too long ago is made anew for each call, so that no page waits for all.
        """
        aged = [one for one in self._times.values() if not _is_recent(one.at, now, TIMES_LAST)]
        if aged:
            await self._timed(min(aged, key=lambda one: one.at).partner, now)
        return [self._times.get(partner) or await self._timed(partner, now) for partner in self.partners]

    async def times_of(self, partner: str, now: datetime) -> ReplyTimes:
        """Return the reply times of one State."""
        found = self._times.get(partner)
        return found if found and _is_recent(found.at, now, TIMES_LAST) else await self._timed(partner, now)

    async def counts_of(self, partner: str, now: datetime) -> Counts:
        """Return the counts of one State."""
        return (await self._counted([partner], now))[0]

    # How.

    async def _rows(self, wanted: Filter, now: datetime, limit: int, after: Place | None) -> Sequence[WatchRow]:
        partner, band = wanted.partner, wanted.band
        if band is None or band is Band.UNDATED:
            undated = band is Band.UNDATED
            return await self.inquiries.watched(partner=partner, undated=undated, limit=limit, after=after)
        # Each State has a calendar of its own, and so bounds of its own.
        partners = self.partners if partner is None else [partner]
        parts = [WatchPart(one, *_bounds(self._ends(one, now), band)) for one in partners]
        return await self.inquiries.watched_in(parts, limit=limit, after=after)

    async def _shown(self, rows: Sequence[WatchRow], now: datetime) -> Sequence[Watched]:
        pressed = await self.inquiries.pressed([row.ref for row in rows])
        made = []
        for row in rows:
            past = tuple(pressed[row.ref])
            stopped = is_stopped(past)
            reminded = max((one.at for one in past if one.event == "remind" and took_place(one.at, now)), default=None)
            level = None if stopped else self._level(row, now)
            made.append(Watched(row, self._band(row, now), level, stopped, reminded, past))
        return made

    def _band(self, row: WatchRow, now: datetime) -> Band:
        if row.due_at is None:
            return Band.UNDATED
        ends = self._ends(row.partner, now)
        return next((band for band, end in zip(_DATED, ends, strict=False) if row.due_at <= end), Band.OPEN)

    def _level(self, row: WatchRow, now: datetime) -> str | None:
        """Return the rung that silence has reached after the due date; the notice before it is for the other desk."""
        calendar = self.reckoner.calendars.get(row.partner)
        if calendar is None or row.due_on is None or row.due_at is None or now < row.due_at:
            return None
        clock = Clock(
            *(row.step or "", row.instrument or "", "", "", row.due_on, None, None, row.due_on, row.due_on, row.due_at),
            *(False, calendar.id, calendar.version, calendar.zone),
        )
        return self.reckoner.level(row.partner, clock, now, held=False)

    def _ends(self, partner: str, now: datetime) -> tuple[datetime, datetime, datetime, datetime]:
        calendar = self.reckoner.calendars.get(partner, PLAIN)
        very_late, due, soon = _ends_on(calendar, local_date(now, calendar.zone))
        return very_late, now, due, soon

    async def _counted(self, partners: Sequence[str], now: datetime) -> list[Counts]:
        aged = [
            one
            for one in partners
            if (found := self._counts.get(one)) is None or not _is_recent(found.at, now, COUNTS_LAST)
        ]
        if aged:
            numbers = await self.inquiries.watched_counts({one: self._ends(one, now) for one in aged})
            for one, parts in numbers.items():
                self._counts[one] = Counts(one, now, dict(zip(Band, parts, strict=True)))
        return [self._counts[one] for one in partners]

    async def _timed(self, partner: str, now: datetime) -> ReplyTimes:
        courses = []
        for row in await self.inquiries.asked(partner, SAMPLE):
            # The body of a reply is sealed, and a duration needs none of it.
            file = File(
                "requesting", partner, row.instrument, row.extended, row.delay_notice, reply=None, due_at=row.due_at
            )
            course = figures.course(file, row.steps, now)
            if course is not None:
                courses.append(course)
        cells = figures.tabulate_durations(_TIMES, [partner], courses)
        shown = [cells[f"{partner} reply", name] for name in figures.DURATION_COLUMNS]
        made = self._times[partner] = ReplyTimes(partner, now, *shown)
        return made


_DATED = (Band.VERY_LATE, Band.LATE, Band.DUE, Band.SOON)


def _bounds(ends: Sequence[datetime], band: Band) -> tuple[datetime | None, datetime | None]:
    """Return after which and up to which due instant a case is in ``band``."""
    if band is Band.OPEN:
        return ends[-1], None
    at = _DATED.index(band)
    return ends[at - 1] if at else None, ends[at]


def _is_recent(at: datetime, now: datetime, lasts: timedelta) -> bool:
    return at <= now < at + lasts


@lru_cache(maxsize=1024)
def _ends_on(calendar: Calendar, today: date) -> tuple[datetime, datetime, datetime]:
    """
    Return the last due instants, on ``today``, of what is very late, due today and due soon.

    Very late is what has been over for ``VERY_LATE_DAYS`` working days, today counted; so is the rung of the ladder.
    """
    tomorrow = today + timedelta(days=1)
    try:
        long_ago = calendar.add_working(tomorrow, -VERY_LATE_DAYS)
        behind = calendar.add_working(today, SOON_DAYS + 1)
    except OutOfCalendar:
        long_ago, behind = PLAIN.add_working(tomorrow, -VERY_LATE_DAYS), PLAIN.add_working(today, SOON_DAYS + 1)
    ends = (long_ago - timedelta(days=1), today, behind - timedelta(days=1))
    very_late, due, soon = (end_of_day(day, calendar.zone) for day in ends)
    return very_late, due, soon


def cool_down_until(watched: Watched, days: int) -> datetime | None:
    """Return until when no further reminder is sent for a case, or ``None`` if none was sent."""
    return watched.reminded_at and watched.reminded_at + timedelta(days=days)
