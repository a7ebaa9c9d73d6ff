"""
Notes verbales: what one would say, issuing it, and printing what was issued.

Rule 1: a note is made by ``gateway.services.escalate``: opaque references, days and agreements, and no person.
Rule 2: issuing one is recorded in each of its cases, which then rest; a draft records nothing and has no number.
Rule 3: a note is issued as its draft was seen. If it would say something else by then, the page shows what.
"""

from aiohttp import web

from gateway.core.machine import RuleRefused
from gateway.core.note_verbale import LANGUAGES, Note, paragraphs, serialize_html, serialize_text
from gateway.services.context import NotFound
from gateway.services.escalate import SHOWN, Escalation, Issued, mark
from gateway.services.ports import Changed
from gateway.web.board.desk import ROLE, ROLES, partner_of, states_of, today_of
from gateway.web.board.digests import text_file
from gateway.web.language import N_
from gateway.web.printing import CannotPrint, print_pdf
from gateway.web.visit import Route, Visit

LANGUAGE_NAMES = {"en": N_("English"), "fr": N_("French")}


async def every(visit: Visit) -> web.StreamResponse:
    """Show the notes issued last, or those before the one that the address names, and where to draft one."""
    before, year = _place(visit.query("before")) or (None, today_of(visit).year)
    wanted = (year, visit.person.id, ROLE)
    found = await _escalation(visit).issued_until(*wanted, before=before, most=SHOWN + 1)
    rows = [(one.note.number, *_numbers(one), visit.tongue.country(one.partner), one.note) for one in found[:SHOWN]]
    return visit.page(
        "board/notes.html",
        rows=rows,
        states=states_of(visit),
        languages=_languages(visit),
        next=visit.here(before=rows[-1][0]) if len(found) > SHOWN else "",
        first=visit.here(before="") if before is not None else "",
    )


def _place(text: str) -> tuple[int, int] | None:
    """Return number and year of the note that ``text`` (``3/2026``) names; what names none is left out."""
    number, _, year = text.partition("/")
    fits = text.isascii() and number.isdigit() and year.isdigit() and len(number) < 6 and len(year) == 4
    return (int(number), int(year)) if fits else None


async def draft(visit: Visit) -> web.StreamResponse:
    """Show what a note about everything ready for it would say."""
    partner = partner_of(visit, visit.query("partner"))
    language = visit.query("language") or _own(visit)
    if language not in LANGUAGES:
        raise NotFound("notes are not written in that language")
    note = await _draft(visit, partner, language)
    return _drafted(visit, partner, language, note)


async def issue(visit: Visit) -> web.StreamResponse:
    """Show what issuing the note brings about; with the confirmation, issue it and lead to it."""
    partner = partner_of(visit, visit.form.get("partner", ""))
    language = visit.form.get("language", "")
    if language not in LANGUAGES:
        raise NotFound("notes are not written in that language")
    seen = visit.form.get("seen", "")
    if visit.form.get("confirm") != "yes":
        draft = await _draft(visit, partner, language)
        if draft is None or mark(draft) != seen:
            return _drafted(visit, partner, language, draft, changed=draft is not None)
        return visit.page("board/note_confirm.html", partner=partner, language=language, note=draft, seen=seen)
    try:
        note = await _escalation(visit).note(partner, visit.person.id, ROLE, language, seen=seen)
    except Changed:  # a case left it, or the last one did
        return _drafted(visit, partner, language, await _draft(visit, partner, language), changed=True)
    number, year = note.number.split("/")
    return await visit.to(
        visit.path("note", year=year, number=number),
        told=visit.tongue._("The note has number %(number)s and is recorded in its cases.", number=note.number),
    )


async def again(visit: Visit) -> web.StreamResponse:
    """Lead back to the notes: what was to be confirmed is confirmed anew."""
    return await visit.to(visit.path("notes"))


async def show(visit: Visit) -> web.StreamResponse:
    """Show a note as it was issued."""
    found = await _issued(visit)
    return _shown(visit, found)


async def as_text(visit: Visit) -> web.StreamResponse:
    """Send a note as a text file."""
    found = await _issued(visit)
    return text_file(serialize_text(found.note), f"{_name(found)}.txt")


async def as_pdf(visit: Visit) -> web.StreamResponse:
    """Send a note as PDF/A; where it cannot be printed, show the note with what the operator has to do."""
    found = await _issued(visit)
    try:
        made = await print_pdf(serialize_html(found.note))
    except CannotPrint as error:
        visit.site.desk.context.log("page.not_printed", error=str(error), hint=error.hint)
        return _shown(visit, found, hint=error.hint, status=503)
    disposition = f'attachment; filename="{_name(found)}.pdf"'
    return web.Response(body=made, content_type="application/pdf", headers={"Content-Disposition": disposition})


def _escalation(visit: Visit) -> Escalation:
    return Escalation(visit.site.desk.context)


async def _draft(visit: Visit, partner: str, language: str) -> Note | None:
    """Return what a note would say, ``None`` where no case is ready for one."""
    try:
        return await _escalation(visit).note(partner, visit.person.id, ROLE, language, draft=True)
    except RuleRefused:
        return None


def _drafted(visit: Visit, partner: str, language: str, note: Note | None, *, changed: bool = False) -> web.Response:
    return visit.page(
        "board/note_draft.html",
        status=409 if changed else 200,
        changed=changed,
        seen=mark(note) if note else "",
        partner=partner,
        language=language,
        note=note,
        parts=paragraphs(note) if note else None,
        languages=_languages(visit),
    )


async def _issued(visit: Visit) -> Issued:
    parts = visit.request.match_info
    return await _escalation(visit).issued(f"{parts['number']}/{parts['year']}", visit.person.id, ROLE)


def _shown(visit: Visit, issued: Issued, *, hint: str | None = None, status: int = 200) -> web.Response:
    number, year = _numbers(issued)
    return visit.page(
        "board/note.html",
        status=status,
        issued=issued,
        parts=paragraphs(issued.note),
        number=number,
        year=year,
        hint=hint,
    )


def _numbers(issued: Issued) -> tuple[str, str]:
    number, _, year = issued.note.number.partition("/")
    return number, year


def _name(issued: Issued) -> str:
    """Return the name of the file: the number and the State, both of which we gave."""
    number, year = _numbers(issued)
    return f"note-{issued.partner}-{int(year)}-{int(number)}"


def _own(visit: Visit) -> str:
    return visit.tongue.lang if visit.tongue.lang in LANGUAGES else LANGUAGES[0]


def _languages(visit: Visit) -> list[tuple[str, str]]:
    return [(lang, visit.tongue._(LANGUAGE_NAMES[lang])) for lang in LANGUAGES]


ROUTES = (
    Route("GET", "/notes", "notes", every, ROLES),
    Route("GET", "/notes/draft", "note-draft", draft, ROLES),
    Route("POST", "/notes/issue", "note-issue", issue, ROLES),
    Route("GET", "/notes/issue", "note-again", again, ROLES),
    Route("GET", "/notes/{year}/{number}", "note", show, ROLES),
    Route("GET", "/notes/{year}/{number}/text", "note-text", as_text, ROLES),
    Route("GET", "/notes/{year}/{number}/pdf", "note-pdf", as_pdf, ROLES),
)
