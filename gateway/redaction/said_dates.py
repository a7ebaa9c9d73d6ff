"""Dates as they are said: in digits in any order, or with the name of a month, and with other words between."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.redaction.seen import Item, Seen, Span

EDTF = re.compile(r"^[~?%]?(\d{4}|\d{2}XX|\d{3}X)(?:-(\d\d|XX))?(?:-(\d\d|XX))?[~?%]?$")
"""A date of the record (EDTF): year, month and day, each of which may be unknown."""


_HIJRI, _LUNAR = 621.5643, 0.970224


@dataclass(frozen=True, slots=True)
class Date:
    """A date of the record, ``None`` for each part that is unknown."""

    year: int | None
    month: int | None
    day: int | None

    def is_year(self, item: Item) -> bool:
        """Tell whether ``item`` is the year, in four digits or two."""
        if self.year is None or not item.text.isdecimal():
            return False
        return item.text == f"{self.year:04}" or item.text == f"{self.year % 100:02}"

    def is_month(self, item: Item) -> bool:
        """Tell whether ``item`` may name the month."""
        return self.month is not None and (self.month in item.months or item.number == self.month)

    def is_day(self, item: Item) -> bool:
        """Tell whether ``item`` is the day."""
        return self.day is not None and self.day in (item.number, item.spelt)

    def years_elsewhere(self) -> Iterator[int]:
        """Yield the years of Iran, of the Hijri calendar and of Thailand that begin or end in the year."""
        if self.year is None:
            return
        yield from (self.year - 622, self.year - 621, self.year + 543)
        # A Hijri year has 354 11/30 days, 0.970224 of one of ours; the first began in July 622.
        yield from range(int((self.year - _HIJRI) / _LUNAR), int((self.year + 1 - _HIJRI) / _LUNAR) + 1)

    def compact(self) -> Iterator[str]:
        """Yield the date as digits alone."""
        if None in (self.year, self.month, self.day):
            return
        y, m, d = f"{self.year:04}", f"{self.month:02}", f"{self.day:02}"
        yield from dict.fromkeys((y + m + d, d + m + y, m + d + y, d + m + y[2:], y[2:] + m + d, m + d + y[2:]))


_GAP = 3
"""Words that may stand between the parts of a date: 17 of the month of May."""

_ITEMS_MAX = 3 * (_GAP + 1)
"""Parts that so many words can be: each a month, a day, and with the one before it another day."""


def said(seen: Seen, wanted: Date) -> Iterator[Span]:
    """Yield where two parts of the date stand together: day and month, or month and year."""
    for i, one in enumerate(seen.items):
        for two in seen.items[i + 1 : i + 1 + _ITEMS_MAX]:
            if two.word - one.word > _GAP:
                break
            if two.word == one.word:
                continue  # the same word read in two ways: sept, of seven and of September
            named = bool(one.months or two.months)
            # Two bare numbers are a date only where they are written as one: 17.05, 5/1994.
            written = two.word - one.word == 1 and seen.close(one.end, two.start)
            for a, b in ((one, two), (two, one)):
                day = wanted.is_day(a) and wanted.is_month(b)
                year = wanted.is_year(a) and wanted.is_month(b) and (b.months or len(a.text) == 4)
                if (day or year) and (named or written):
                    yield one.start, two.end


def dates_in(text: str) -> list[tuple[int, int, int]]:
    """Return the dates (year, month, day) written in digits or with a month's name in a text in free words."""
    seen = Seen(text, None)
    items = [one for one in seen.items if one.spelt is None]
    found = []
    for one, two, three in zip(items, items[1:], items[2:], strict=False):
        if three.word - one.word > 2 * _GAP:
            continue
        for y, m, d in ((one, two, three), (three, two, one), (three, one, two)):
            if y.number is None or d.number is None or len(y.text) != 4 or not 1 <= d.number <= 31:
                continue
            found += [(y.number, month, d.number) for month in m.months or {m.number or 0} if 1 <= month <= 12]
    return found
