"""
Dates that are only partly known: EDTF level 1 (ISO 8601-2:2019) as far as it fits a date of birth or of entry.

Grammar::

    value  = date [ "/" date ]               an interval has two ends
    date   = part [ "?" / "~" / "%" ]        uncertain, approximate, both
    part   = year / year "-" month / year "-" month "-" day
    year   = 4 digits; the last one or two may be X, and then nothing follows
    month  = 01..12 / XX;  day = 01..31 / XX, and after the month XX only XX

Not taken from the standard: open and unknown ends of an interval, seasons, years of more digits, signs. A date of
birth needs none of them, and two spellings of one value would make two digests.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

TEXT_MAX = 23
"""Characters of the longest value: two whole dates, each qualified, and the slash."""

_PART = re.compile(r"([0-9]{4}|[0-9]{3}X|[0-9]{2}XX)(?:-([0-9]{2}|XX)(?:-([0-9]{2}|XX))?)?([?~%]?)", re.ASCII)


class BadEdtf(ValueError):
    """Say that a text is no date of this form; the text itself is not quoted, it may be somebody's birthday."""


@dataclass(frozen=True, slots=True)
class EdtfDate:
    """
    The days a partly known date may mean, from ``lower`` to ``upper``, both included.

    ``uncertain`` (``?``) and ``approximate`` (``~``) are true if either end says so; ``%`` is both. They do not widen
    the days: how far "about" reaches is for people to judge. ``text`` is the value as received.
    """

    lower: date
    upper: date
    uncertain: bool
    approximate: bool
    text: str

    @property
    def is_exact(self) -> bool:
        """Tell whether it is one day, without a qualifier."""
        return self.lower == self.upper and not self.uncertain and not self.approximate


def parse(text: str) -> EdtfDate:
    """
    Return the days that ``text`` may mean.

    Raises:
        BadEdtf: it is not in the grammar above, is no day of the calendar, or ends before it begins.
    """
    lower, upper, marks = _days(text)
    return EdtfDate(lower, upper, not marks.isdisjoint("?%"), not marks.isdisjoint("~%"), text)


def check(text: str) -> None:
    """Return if ``text`` may mean a day. Raises ``BadEdtf`` as ``parse`` does."""
    _days(text)


def _days(text: str) -> tuple[date, date, set[str]]:
    """Return the first and the last day that ``text`` may mean, and its qualifiers."""
    if len(text) > TEXT_MAX:
        raise BadEdtf("a date is not that long")
    ends = [_parse_date(part) for part in text.split("/", 2)]
    if len(ends) > 2:
        raise BadEdtf("an interval has two ends")
    lower, upper = ends[0][0], ends[-1][1]
    if lower > upper:
        raise BadEdtf("an interval ends before it begins")
    return lower, upper, {mark for _, _, mark in ends}


def _parse_date(text: str) -> tuple[date, date, str]:
    """Return the first and the last day of one date, and its qualifier."""
    found = _PART.fullmatch(text)
    if found is None:
        raise BadEdtf("not a date of the form YYYY, YYYY-MM or YYYY-MM-DD with X for unknown digits")
    year, month, day, mark = found.groups()
    if "X" in year and month is not None:
        raise BadEdtf("nothing follows a year with unknown digits")
    if month == "XX" and day not in (None, "XX"):
        raise BadEdtf("no day follows an unknown month")
    try:
        return (*_bounds(year, month, day), mark)
    except ValueError:
        raise BadEdtf("not a day of the calendar") from None


def _bounds(year: str, month: str | None, day: str | None) -> tuple[date, date]:
    if month is None or month == "XX":
        return date(int(year.replace("X", "0")), 1, 1), date(int(year.replace("X", "9")), 12, 31)
    y, m = int(year), int(month)
    if day is None or day == "XX":
        return date(y, m, 1), date(y, m, monthrange(y, m)[1])
    return date(y, m, int(day)), date(y, m, int(day))


def overlaps(a: EdtfDate, b: EdtfDate) -> bool:
    """Tell whether the two may mean the same day. It says that they agree, never that they are the same."""
    return a.lower <= b.upper and b.lower <= a.upper
