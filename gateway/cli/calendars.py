"""
Make a calendar file from the ``holidays`` library.

Rule 1: the gateway never asks the library while it runs. A State exports a file, reads it through, and keeps it.
Rule 2: the file names the library and its version, so that the same file can be made again.
"""

from collections.abc import Iterable
from datetime import date
from importlib.metadata import version as version_of
from typing import Any

import holidays

LIBRARY_VERSION = version_of("holidays")

LANGUAGE = "en_US"
"""Names are exported in English where the library has them, whatever the language of the machine."""


class CannotExport(ValueError):
    """Say that the library cannot make this calendar; ``hint`` is the next step, in one line."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


def _country_holidays(country: str, years: list[int]) -> holidays.HolidayBase:
    if country not in holidays.list_supported_countries():
        raise CannotExport(
            f"the library holidays {LIBRARY_VERSION} knows no country {country[:8]!r}",
            "give the ISO 3166-1 code in capitals, or write the calendar file by hand",
        )
    known = holidays.country_holidays(country)
    language = LANGUAGE if LANGUAGE in known.supported_languages else known.default_language
    return holidays.country_holidays(country, years=years, language=language)


def export(country: str, years: Iterable[int], id: str, zone: str, version: str) -> dict[str, Any]:
    """
    Return the public holidays of ``country`` in ``years`` as a value of the schema "calendar".

    Args:
        country: ISO 3166-1 code, alpha-2 or alpha-3, in capitals.
        years: years without a gap; the calendar is valid from the first day of the first to the last day of the last.
        id: id of the calendar, which is also the name of its file.
        zone: IANA name of the zone in which this State's days end.
        version: version to give; a changed list takes a new one.

    Raises:
        CannotExport: the library does not know the country, or the years have a gap.
    """
    wanted = sorted(set(years))
    if not wanted or wanted != list(range(wanted[0], wanted[-1] + 1)):
        raise CannotExport("the years of a calendar follow one another", "give every year from the first to the last")
    found = _country_holidays(country, wanted)
    return {
        "id": id,
        "version": version,
        "zone": zone,
        "source": f"Python library holidays {LIBRARY_VERSION}, country {country}, category public",
        "weekend": sorted(found.weekend),
        "valid_from": date(wanted[0], 1, 1).isoformat(),
        "valid_until": date(wanted[-1], 12, 31).isoformat(),
        "holidays": {day.isoformat(): name for day, name in sorted(found.items()) if day.year in wanted},
    }
