"""
Replies to watch: the list, one of its cases, the list as a file, and putting a case aside.

Rule 1: the list is read along an index from the place named in its address; whoever puts a case aside does not see it
in the list until its day, and everybody else does. One that was answered meanwhile is aside no more.
Rule 2: a cell of the file that a spreadsheet would take for a formula is marked as text.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from aiohttp import web

from gateway.core.escalation import rests_until, took_place
from gateway.core.ladder import Level
from gateway.services.account_store import Snooze
from gateway.services.as_csv import csv_line
from gateway.services.board import SAMPLE, Band, Counts, Filter, ReplyTimes, Watched, cool_down_until
from gateway.services.context import NotFound
from gateway.services.escalate import Escalation
from gateway.web import words
from gateway.web.board.desk import (
    BANDS,
    REASONS,
    ROLE,
    ROLES,
    board_of,
    file_name,
    level_text,
    line_of,
    lines_of,
    parse_place,
    partner_of,
    place_text,
    states_of,
    today_of,
)
from gateway.web.board.reminders import BEFOREHAND, against
from gateway.web.forms import read_day
from gateway.web.language import N_
from gateway.web.lateness import lateness
from gateway.web.visit import Route, Visit

PAGE = 30
ASIDE_MAX = 200
"""Cases one person may have put aside at once: each is read besides every page of the list."""

ASIDE_DAYS_MAX = 60
CHART_MAX = 12
"""Bars of the chart; the table below it has every State."""

RECORDED = ("L3", "L6")
"""Rungs that a person takes in another way and records here; a note verbale and a quarterly list have pages."""

COLUMNS = (
    *("partner", "ref", "reference", "state", "step", "due_on", "band", "days", "day_unit", "level", "do_not_press"),
    *("instrument", "calendar", "reminders", "reminded_at", "extended", "delay_notice", "opened_on", "officer"),
)

PROBLEMS: Mapping[str, str] = {
    "none": N_("Nothing was sent: no case was chosen. Choose at least one in the list."),
    "many": N_("Nothing was sent: too many at once. Choose fewer."),
    "again": N_("Nothing was sent. Choose the cases once more."),
}
"""Why no reminder came of a choice of cases, by what the address says after it."""


def wanted_of(visit: Visit) -> Filter:
    """Return which rows the address asks for. Raises ``NotFound`` for a State or a part there is not."""
    partner, band = visit.query("partner"), visit.query("band")
    if band and band not in {one.value for one in Band}:
        raise NotFound("the list has no such part")
    return Filter(partner_of(visit, partner) if partner else None, Band(band) if band else None)


async def show(visit: Visit) -> web.StreamResponse:
    """Show a page of the list, how many there are of what, and how long each State takes."""
    wanted, after, board = wanted_of(visit), parse_place(visit.query("after")), board_of(visit)
    aside = await _aside(visit)
    if visit.query("aside"):
        found = [one for ref in sorted(aside) if (one := await board.find(ref, visit.now))]
        rows, more = sorted(found, key=lambda one: aside[one.row.ref].until), False
    else:
        read = await board.rows(wanted, visit.now, limit=PAGE + 1 + len(aside), after=after)
        left = [one for one in read if one.row.ref not in aside]
        rows, more = left[:PAGE], len(left) > PAGE
    counts, times = await board.counts(visit.now), {one.partner: one for one in await board.times(visit.now)}
    problem = PROBLEMS.get(visit.query("problem"))
    return visit.page(
        "board/replies.html",
        status=422 if problem else 200,
        lines=lines_of(visit, rows, aside),
        next=visit.here(after=place_text(rows[-1].row.place)) if more else "",
        first=visit.here(after="") if after else "",
        wanted=wanted,
        only_aside=bool(visit.query("aside")),
        aside=len(aside),
        states=states_of(visit),
        bands=[(band.value, visit.tongue._(text)) for band, text in BANDS.items()],
        states_now=_by_state(visit, counts, times, wanted.partner),
        sample=SAMPLE,
        problems=[("replies", visit.tongue._(problem))] if problem else [],
        cooldown=visit.site.desk.context.policy.reminder_cooldown_days,
    )


async def _aside(visit: Visit) -> dict[str, Snooze]:
    """Return what whoever looks put aside, of the cases in which a reply is still waited for."""
    found = await visit.site.accounts.papers.snoozes(visit.person.id, visit.now)
    still = await board_of(visit).still(found)
    return {ref: one for ref, one in found.items() if ref in still}


def _by_state(
    visit: Visit, counts: Sequence[Counts], times: Mapping[str, ReplyTimes], partner: str | None
) -> dict[str, object]:
    """Return the table of the States, the bars of those most is late from, and the sums of the list: of ``partner``."""
    table = sorted(
        ((visit.tongue.country(one.partner), one, times[one.partner]) for one in counts), key=lambda row: row[0]
    )
    late = sorted((row for row in table if row[1].late), key=lambda row: -row[1].late)
    total = {band: sum(one.of[band] for one in counts if partner in (None, one.partner)) for band in Band}
    return {
        "by_state": table,
        "bars": [(name, one.late, "late") for name, one, _ in late[:CHART_MAX]],
        "total": total,
        "counted_at": max((one.at for one in counts), default=visit.now),
    }


async def as_csv(visit: Visit) -> web.StreamResponse:
    """Send the list as CSV (RFC 4180), all of it that the filter lets pass; no identity is in it."""
    wanted, board = wanted_of(visit), board_of(visit)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8; header=present",
            "Content-Disposition": f'attachment; filename="{file_name(visit, "replies", "csv")}"',
        }
    )
    await response.prepare(visit.request)
    part = [csv_line(COLUMNS)]
    async for one in board.every(wanted, visit.now):
        part.append(csv_line(_cells(visit, one)))
        if len(part) >= PAGE:
            await response.write("".join(part).encode())
            part = []
    await response.write("".join(part).encode())
    await response.write_eof()
    return response


def _cells(visit: Visit, one: Watched) -> list[Any]:
    """Return the cells of ``COLUMNS``."""
    row = one.row
    late = lateness(row, visit.now, visit.site.desk.context.reckoner.calendars, visit.tongue)
    return [
        *(row.partner, row.ref, row.reference, row.state, row.step, row.due_on, one.band.value),
        *((late.days, "working" if late.working else "calendar") if row.due_on else (None, None)),
        *(one.level, one.stopped, row.instrument, row.calendar, row.reminders, one.reminded_at),
        *(row.extended, row.delay_notice, row.opened_at.astimezone(visit.tongue.zone).date(), row.officer),
    ]


# One case.


async def _watched(visit: Visit) -> Watched:
    found = await board_of(visit).find(visit.request.match_info["ref"], visit.now)
    if found is None:
        raise NotFound("nothing is waited for in such a case")
    return found


async def show_one(visit: Visit) -> web.StreamResponse:
    """Show one case: its dates, how it was pressed for, and what may be done."""
    return await _page(visit, await _watched(visit))


async def _page(
    visit: Visit, watched: Watched, problems: Sequence[tuple[str, str]] = (), status: int = 200
) -> web.Response:
    aside = await visit.site.accounts.papers.snoozes(visit.person.id, visit.now)
    context, tongue = visit.site.desk.context, visit.tongue
    cool = cool_down_until(watched, context.policy.reminder_cooldown_days)
    return visit.page(
        "board/reply.html",
        status=status,
        line=line_of(visit, watched, aside),
        history=[(one.at, words.event(visit.tongue, one.event)) for one in reversed(watched.pressed)],
        reasons=[(code, visit.tongue._(text)) for code, text in REASONS.items()],
        problems=problems,
        typed={name: visit.form.get(name) or visit.draft.get(name, "") for name in ("until", "reason", "level")},
        latest=_latest(visit),
        cool_until=cool if cool and cool > visit.now else None,
        against=tongue._(BEFOREHAND[code]) if (code := against(visit, watched)) in BEFOREHAND else "",
        rungs=[(one.level, level_text(visit.tongue, one.level)) for one in _open_rungs(visit, watched)],
        climbs=bool(_rungs(visit)),
    )


def _rungs(visit: Visit) -> list[Level]:
    """Return the rungs this desk records by hand."""
    return [one for one in visit.site.desk.context.reckoner.ladder if ROLE in one.who and one.level in RECORDED]


def _open_rungs(visit: Visit, watched: Watched) -> list[Level]:
    """Return those of them that silence has reached in this case and that do not rest: others would be refused."""
    context = visit.site.desk.context
    names = [one.level for one in context.reckoner.ladder]
    if watched.level not in names or context.no_contact(watched.row.partner) is not None:
        return []
    reached = names[: names.index(watched.level) + 1]
    past = [one for one in watched.pressed if took_place(one.at, visit.now)]
    rest = {one.level: rests_until(one, past) for one in _rungs(visit)}
    return [one for one in _rungs(visit) if one.level in reached and (rest[one.level] or visit.now) <= visit.now]


async def put_aside(visit: Visit) -> web.StreamResponse:
    """Put a case aside until a day, for a reason of the list."""
    watched, tongue = await _watched(visit), visit.tongue
    until, problems = _until(visit), []
    if until is None:
        problems.append(("until", tongue._("Enter a day from tomorrow to %(day)s", day=_latest(visit))))
    if visit.form.get("reason") not in REASONS:
        problems.append(("reason", tongue._("Choose a reason")))
    if not problems and len(await _aside(visit)) >= ASIDE_MAX:
        problems.append(("", tongue._("You have put aside as many cases as one person may. Take some up again first.")))
    if problems or until is None:
        return await _page(visit, watched, problems, 422)
    ref = watched.row.ref
    await visit.site.accounts.papers.snooze(Snooze(ref, visit.person.id, until, visit.form["reason"]))
    told = tongue._("The case is put aside until %(day)s. It leaves your list until then; others still see it.")
    return await visit.to(visit.path("replies"), told=told % {"day": until.astimezone(tongue.zone).date().isoformat()})


def _until(visit: Visit) -> datetime | None:
    """Return the beginning of the day typed, by the clocks of this place, if a case may be put aside until then."""
    day = read_day(visit.form.get("until", ""))
    if day is None:
        return None
    ahead = (day - today_of(visit)).days
    return datetime.combine(day, time(), visit.tongue.zone) if 0 < ahead <= ASIDE_DAYS_MAX else None


def _latest(visit: Visit) -> str:
    """Return the last day until which a case may be put aside."""
    return (today_of(visit) + timedelta(days=ASIDE_DAYS_MAX)).isoformat()


async def take_up(visit: Visit) -> web.StreamResponse:
    """Take up again what was put aside."""
    ref = visit.request.match_info["ref"]
    await visit.site.accounts.papers.wake(ref, visit.person.id)
    return await visit.to(visit.path("replies"), told=visit.tongue._("The case is back in your list."))


async def record_level(visit: Visit) -> web.StreamResponse:
    """Record that a rung was taken by another way: first the effect, then the act."""
    watched, level = await _watched(visit), visit.form.get("level", "")
    if level not in [one.level for one in _rungs(visit)]:
        return await _page(visit, watched, [("level", visit.tongue._("Choose what was done"))], 422)
    if visit.form.get("confirm") != "yes":
        line = line_of(visit, watched, {})
        return visit.page("board/level.html", line=line, level=level, text=level_text(visit.tongue, level))
    context = visit.site.desk.context
    await Escalation(context).trigger(watched.row.ref, level, visit.person.id, ROLE)
    return await visit.to(
        visit.path("reply", ref=watched.row.ref), told=visit.tongue._("It is recorded in the history of the case.")
    )


ROUTES = (
    Route("GET", "/", "replies", show, ROLES),
    Route("GET", "/replies.csv", "replies-csv", as_csv, ROLES),
    Route("GET", "/replies/{ref}", "reply", show_one, ROLES),
    Route("POST", "/replies/{ref}/aside", "put-aside", put_aside, ROLES),
    Route("GET", "/replies/{ref}/aside", "aside", show_one, ROLES),
    Route("GET", "/replies/{ref}/taken-up", "taken-up", show_one, ROLES),
    Route("POST", "/replies/{ref}/taken-up", "take-up", take_up, ROLES),
    Route("POST", "/replies/{ref}/level", "record-level", record_level, ROLES),
    Route("GET", "/replies/{ref}/level", "level", show_one, ROLES),
)
