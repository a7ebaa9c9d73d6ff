"""
The sign-offs: what waits for the authority in charge of a person, what exactly it would sign, and its way to say no.

Rule 1: which cases wait is read from the state tables and from who is in charge of the person; no list is kept.
Rule 2: nobody signs in its place and no role overrides it. To stop is one step, alone, and needs nobody's leave.
Rule 3: a list shows references. What is to be signed is content, shown for a reason that was recorded first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.core.case import Side
from gateway.core.returns import IN_CHARGE
from gateway.services import reading, second
from gateway.services.acts import VERBS
from gateway.services.context import NotFound
from gateway.services.inquire import Place
from gateway.services.reading import Awaiting, part_of_return
from gateway.services.second import DECIDES
from gateway.web import words
from gateway.web.interior.case import asks, opened, shown
from gateway.web.interior.looks import acting_as, row_of, seen
from gateway.web.interior.returns import prepared, recorded, signature
from gateway.web.interior.step_links import link, verbs
from gateway.web.interior.step_texts import TEXTS
from gateway.web.language import N_
from gateway.web.lateness import Lateness, lateness
from gateway.web.visit import Entry, Route, Visit

PAGE: Final = 50

_VETOES: Final = ("decline", "refusal", "suspension", "freeze", "recall")
"""How it says no or stop, the step that ends most first; those that the state allows are offered."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the list."""

    ref: str
    partner: str
    side: str
    state: str
    what: str
    ready: str
    kind: str
    officer: str | None
    late: Lateness
    path: str


async def sign_offs(visit: Visit) -> web.StreamResponse:
    """Show the cases that wait for the visitor's authority."""
    roles = visit.roles & IN_CHARGE
    after = place_of(visit.query("after"))
    found = await second.signatures(visit.site.desk, roles, PAGE + 1, after)
    following = visit.here(after=place_text(found[PAGE - 1].row.place)) if len(found) > PAGE else ""
    lines = [_line(visit, one) for one in found[:PAGE]]
    return visit.page("interior/welfare.html", lines=lines, following=following)


def _line(visit: Visit, one: Awaiting) -> Waiting:
    tongue, row = visit.tongue, one.row
    event = _first(one)
    ready, kind = _ready(one, event)
    return Waiting(
        ref=row.ref,
        partner=tongue.country(row.partner),
        side=words.side(tongue, row.side),
        state=words.state(tongue, row.state),
        what=tongue._(TEXTS[_verb(event)].title),
        ready=tongue._(ready),
        kind=kind,
        officer=row.officer,
        late=lateness(row, visit.now, visit.site.desk.context.reckoner.calendars, tongue),
        path=visit.path("sign-off", ref=row.ref),
    )


def _first(one: Awaiting) -> str:
    """Return the event the case waits for: a signature before a decision."""
    return next((name for name in one.events if name not in DECIDES), one.events[0])


def _verb(event: str) -> str:
    return next(name for name, verb in VERBS.items() if event in verb.events)


def _ready(one: Awaiting, event: str) -> tuple[str, str]:
    if event in DECIDES:
        return N_("To be decided on the record"), "new"
    if one.digest is None:
        return N_("The desk has still to prepare it"), "still"
    if one.row.side == Side.REQUESTING and not one.approved:
        return N_("Prepared; the desk has still to approve it"), "soon"
    return N_("Ready to be signed"), "new"


def place_text(place: Place) -> str:
    """Return a place in a list as the address of a page holds it."""
    return f"{place.due_at.isoformat() if place.due_at else ''}~{place.ref}"


def place_of(text: str) -> Place | None:
    """Return the place that an address holds; what is none counts as the beginning."""
    due, separator, ref = text.partition("~")
    if not separator or not ref:
        return None
    try:
        due_at = datetime.fromisoformat(due) if due else None
    except ValueError:
        return None
    return Place(due_at, ref) if due_at is None or due_at.tzinfo is not None else None


async def sign_off(visit: Visit) -> web.StreamResponse:
    """Show what exactly is to be signed, for a reason; and the ways to sign it, or to say no."""
    row = await row_of(visit, visit.request.match_info["ref"])
    role = acting_as(visit, IN_CHARGE)
    row, head, _ = await opened(visit)
    if role is None:
        raise NotFound("there is no such case here")
    if head.gone or head.reason is None:
        return asks(visit, row, head, visit.request.path)
    tongue = visit.tongue
    case = await seen(visit, row, role, head.reason.why, "preview")
    in_charge = reading.in_charge(case)
    role = in_charge if in_charge in visit.roles else role
    part = part_of_return(case, role)
    waits = await reading.awaiting(visit.site.desk.context, [row], role, second.signs(role))
    allowed = await verbs(visit, row)
    mine = [_verb(name) for name in waits[0].events] if waits else []
    signs = [link(visit, row, verb) for verb in dict.fromkeys(mine) if verb in allowed]
    vetoes = [link(visit, row, verb) for verb in _VETOES if verb in allowed]
    return shown(
        visit,
        "welfare_case.html",
        row,
        head,
        body=prepared(tongue, part),
        record=recorded(tongue, part) if waits and _first(waits[0]) in DECIDES else None,
        unwritten=tongue._(_unwritten(waits)),
        digest=part.prepared.digest if part.prepared else "",
        approver=part.prepared.approver if part.prepared else None,
        author=part.prepared.author if part.prepared else None,
        signs=signs,
        vetoes=vetoes,
        in_charge=tongue.role(in_charge),
        is_mine=in_charge == role,
        signatures=[signature(tongue, one, visit.now) for one in case.releases],
    )


def _unwritten(waits: Sequence[Awaiting]) -> str:
    """Return what is said where there is no text to sign (English): what that is for, or who has still to write it."""
    if not waits:
        return N_("Nothing in this case waits for your signature now.")
    if _first(waits[0]) in DECIDES:
        return N_("There is no text to sign at the moment. What you decide here, you decide on the record.")
    return N_("The desk has still to prepare what you would sign. You may say no before that, or stop.")


ROUTES = (
    Route("GET", "/sign-offs", "sign-offs", sign_offs, IN_CHARGE),
    Route("GET", "/cases/{ref}/sign-off", "sign-off", sign_off, IN_CHARGE),
)

NAVIGATION = (Entry("sign-offs", N_("Sign-offs"), IN_CHARGE),)
