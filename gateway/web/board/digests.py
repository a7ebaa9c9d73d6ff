"""
Digests: for one State and day, what is open with it, as a text to send; nothing is sent or recorded from here.

Rule 1: a digest holds the references of notes, what is waited for, days and lateness. None of our references, no name.
Rule 2: to list a case is to press for it. What may not be pressed for is on no digest, and no reason is told.
"""

from dataclasses import dataclass

from aiohttp import web

from gateway.core.columns import columns
from gateway.services.board import Band, Filter, Watched
from gateway.services.context import NotFound
from gateway.services.mention import mentionable
from gateway.web.board.desk import ROLES, board_of, file_name, partner_of, states_of, today_of
from gateway.web.language import LANGUAGES, N_, Tongue
from gateway.web.lateness import lateness
from gateway.web.visit import Route, Visit

MOST = 300
"""Cases on one digest, the longest overdue first; the text says how many more there are looked at."""

LISTED = (Band.VERY_LATE, Band.LATE, Band.DUE, Band.SOON)

HEADS = (N_("Reference"), N_("Waited for"), N_("Due on"), N_("Lateness"), N_("Reminders"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One case on a digest."""

    reference: str
    kind: str
    due_on: str
    lateness: str
    reminders: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What is open with one State on a day; ``more`` says that not all of it was looked at."""

    partner: str
    on: str
    entries: tuple[Entry, ...]
    more: bool


async def digest_of(visit: Visit, partner: str, tongue: Tongue) -> Digest:
    """Return the digest of today for ``partner``; an empty one for a State that is not to be contacted."""
    board, now, on = board_of(visit), visit.now, today_of(visit).isoformat()
    rows = list[Watched]()
    for band in LISTED:
        rows += await board.rows(Filter(partner, band), now, limit=MOST + 1 - len(rows))
        if len(rows) > MOST:
            break
    more, rows = len(rows) > MOST, rows[:MOST]
    may = await mentionable(visit.site.desk.context, [one.row.ref for one in rows], now)
    return Digest(partner, on, tuple(_entry(visit, one, tongue) for one in rows if one.row.ref in may), more)


def _entry(visit: Visit, one: Watched, tongue: Tongue) -> Entry:
    row = one.row
    late = lateness(row, visit.now, visit.site.desk.context.reckoner.calendars, tongue)
    return Entry(row.reference, tongue.code("step", row.step), tongue.day(row.due_on), late.text, row.reminders)


def text_of(visit: Visit, digest: Digest, tongue: Tongue) -> str:
    """Return a digest as plain text in the language in which it was made."""
    context = visit.site.desk.context
    names = {"sender": tongue.country(context.country), "recipient": tongue.country(digest.partner), "on": digest.on}
    head = [
        tongue._("Open between %(sender)s and %(recipient)s on %(on)s", **names),
        tongue.ngettext("One reply is open or due soon.", "%(n)s replies are open or due soon.", len(digest.entries))
        if digest.entries
        else tongue._("Nothing is open or due soon."),
    ]
    titles = [tongue._(text) for text in HEADS]
    rows = [
        titles,
        *([one.reference, one.kind, one.due_on, one.lateness, str(one.reminders)] for one in digest.entries),
    ]
    foot = [
        *([tongue._("There are more; this text lists those that are due first.")] if digest.more else []),
        tongue._("The references are made from the threads both gateways hold; your desk finds its case by them."),
    ]
    body = [columns(rows)] if digest.entries else []
    return "\n\n".join([*head, *body, *foot]) + "\n"


async def every(visit: Visit) -> web.StreamResponse:
    """Show the States, each with what is open and a link to its digest."""
    counts = {one.partner: one for one in await board_of(visit).counts(visit.now)}
    rows = [(code, name, counts[code], visit.site.desk.context.no_contact(code)) for code, name in states_of(visit)]
    return visit.page("board/digests.html", rows=rows)


async def show(visit: Visit) -> web.StreamResponse:
    """Show the digest of one State for today."""
    partner = partner_of(visit, visit.request.match_info["partner"])
    barred = visit.site.desk.context.no_contact(partner) is not None
    digest = await digest_of(visit, partner, visit.tongue)
    return visit.page("board/digest.html", digest=digest, text=text_of(visit, digest, visit.tongue), barred=barred)


async def as_text(visit: Visit) -> web.StreamResponse:
    """Send the digest of one State for today as a text file, in the language that the address names."""
    partner = partner_of(visit, visit.request.match_info["partner"])
    language = visit.query("language") or visit.tongue.lang
    if language not in LANGUAGES:
        raise NotFound("digests are not written in that language")
    tongue = visit.site.tongue(language)
    made = text_of(visit, await digest_of(visit, partner, tongue), tongue)
    return text_file(made, file_name(visit, f"digest-{partner}", "txt"))


def text_file(text: str, name: str) -> web.Response:
    """Return ``text`` as a file to keep; ``name`` is made of words of this desk and codes that it knows."""
    return web.Response(
        text=text,
        content_type="text/plain",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


ROUTES = (
    Route("GET", "/digests", "digests", every, ROLES),
    Route("GET", "/digests/{partner}", "digest", show, ROLES),
    Route("GET", "/digests/{partner}/text", "digest-text", as_text, ROLES),
)
