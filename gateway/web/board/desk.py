"""
What the pages of the board share: its role, its read model, and one row in words.

Rule: a row in words is made of the columns the board may see, and of nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from gateway.core.calendars import local_date
from gateway.services import directory
from gateway.services.account_store import Snooze
from gateway.services.board import Band, Board, Watched
from gateway.services.context import NotFound
from gateway.services.inquire import Place
from gateway.web import words
from gateway.web.language import N_, Tongue
from gateway.web.lateness import Lateness, lateness
from gateway.web.visit import Visit

ROLE: Final = "foreign_affairs"
ROLES: Final = frozenset({ROLE})

BOARD: Final = "board"
"""Under which ``Site.extra`` holds the read model."""

BANDS: Mapping[Band, str] = {
    Band.VERY_LATE: N_("Very late"),
    Band.LATE: N_("Late"),
    Band.DUE: N_("Due today"),
    Band.SOON: N_("Due soon"),
    Band.OPEN: N_("In time"),
    Band.UNDATED: N_("No date yet"),
}
"""What each part of the list is called."""

TAGS: Mapping[Band, str] = {
    Band.VERY_LATE: "late",
    Band.LATE: "late",
    Band.DUE: "soon",
    Band.SOON: "soon",
    Band.OPEN: "good",
    Band.UNDATED: "still",
}
"""The colour that repeats it."""

LEVELS: Mapping[str, str] = {
    "L0": N_("Notice that the date is near"),
    "L1": N_("Formal reminder"),
    "L2": N_("Head of desk to head of desk"),
    "L3": N_("Liaison officer or embassy"),
    "L4": N_("Note verbale"),
    "L5": N_("Quarterly list to the joint committee"),
    "L6": N_("Minister to minister"),
}
"""What each rung of the ladder supplied is."""

REASONS: Mapping[str, str] = {
    "ANNOUNCED": N_("The other State announced a date"),
    "CONTACTED": N_("It was taken up by telephone or in a meeting"),
    "HOLIDAY": N_("The other authority is closed for a holiday"),
    "TOGETHER": N_("It is taken up together with other cases"),
    "OTHER": N_("Another reason"),
}
"""Why a case may be put aside; a code, because words of one's own may tell who it is about."""

_PLACE = re.compile(r"(-|[0-9]{1,12})\.([A-Za-z0-9_-]{1,64})")


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is in charge here: the officer named, and who acts for that officer now (empty: nobody)."""

    officer: str
    acts: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row in words. ``aside`` is what the person who looks put aside."""

    watched: Watched
    kind: str
    stands: str
    band: str
    tag: str
    lateness: Lateness
    calendar_version: str
    level: str
    duty: Duty
    aside: Snooze | None
    aside_reason: str


def board_of(visit: Visit) -> Board:
    """Return the read model of this gateway."""
    found: Board = visit.site.extra[BOARD]
    return found


def partner_of(visit: Visit, country: str) -> str:
    """Return ``country`` if it is a State this gateway deals with. Raises ``NotFound``."""
    if country not in visit.site.desk.context.partners:
        raise NotFound("there is no such partner here")
    return country


def states_of(visit: Visit) -> list[tuple[str, str]]:
    """Return code and name of every State this gateway deals with, by name."""
    named = [(code, visit.tongue.country(code)) for code in visit.site.desk.context.partners]
    return sorted(named, key=lambda pair: pair[1])


def line_of(visit: Visit, watched: Watched, aside: Mapping[str, Snooze]) -> Line:
    """Return a row in words."""
    row, tongue, context = watched.row, visit.tongue, visit.site.desk.context
    calendar = context.reckoner.calendars.get(row.partner)
    snooze = aside.get(row.ref)
    return Line(
        watched,
        tongue.code("step", row.step) if row.step else "",
        words.state(tongue, row.state),
        tongue._(BANDS[watched.band]),
        TAGS[watched.band],
        lateness(row, visit.now, context.reckoner.calendars, tongue),
        calendar.version if calendar and calendar.id == row.calendar else "",
        level_text(tongue, watched.level),
        duty_of(visit, row.officer),
        snooze,
        tongue._(REASONS[snooze.reason]) if snooze and snooze.reason in REASONS else "",
    )


def lines_of(visit: Visit, rows: Sequence[Watched], aside: Mapping[str, Snooze]) -> list[Line]:
    """Return rows in words."""
    return [line_of(visit, one, aside) for one in rows]


def duty_of(visit: Visit, officer: str | None) -> Duty:
    """Return who is in charge of a case of ``officer`` now."""
    if officer is None:
        return Duty("", "")
    return Duty(officer, directory.in_charge(visit.site.desk.context, officer, visit.now) or "")


def level_text(tongue: Tongue, level: str | None) -> str:
    """Return what a rung is; one of a ladder of another make, by its name alone."""
    if level is None:
        return ""
    return tongue._(LEVELS[level]) if level in LEVELS else level


def today_of(visit: Visit) -> date:
    """Return which day it is by the clocks of this place."""
    return visit.now.astimezone(visit.tongue.zone).date()


def place_text(place: Place) -> str:
    """Return a place in a list as it stands in a URL; ``parse_place`` reads it."""
    return f"{'-' if place.due_at is None else int(place.due_at.timestamp())}.{place.ref}"


def parse_place(text: str) -> Place | None:
    """Return the place that ``place_text`` wrote, ``None`` for an empty text. Raises ``NotFound`` for anything else."""
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise NotFound("the list has no such place")
    due, ref = found.groups()
    try:
        return Place(None if due == "-" else datetime.fromtimestamp(int(due), UTC), ref)
    except (ValueError, OverflowError, OSError):
        raise NotFound("the list has no such place") from None


def file_name(visit: Visit, what: str, extension: str) -> str:
    """Return the name of a file to keep: ``what`` is one of this desk's own words, the rest the day here."""
    return f"{what}-{local_date(visit.now, visit.site.zone).isoformat()}.{extension}"
