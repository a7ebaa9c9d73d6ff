"""
The mark "do not press" of a case of ours: no reminder leaves while it stands, nor does any other step of the ladder.

Rule 1: to set it is one page and one button, for one person (``escalation.MAY_STOP``); no reason is weighed.
Rule 2: two different persons take it away; whoever has proposed that reads who is to say so too.
Rule 3: nothing of the person is shown here, and why the mark was set is shown to nobody.
"""

from typing import Final

from aiohttp import web

from gateway.core.case import HELD, Side, State
from gateway.core.escalation import MAY_ALLOW, MAY_STOP
from gateway.core.verification import OFFICER
from gateway.services.access import REASON_MAX
from gateway.services.acts import GONE
from gateway.services.context import NotFound
from gateway.services.escalate import Escalation
from gateway.services.inquire import WATCHED, BoardRow
from gateway.web import words
from gateway.web.interior.case_view import Link
from gateway.web.interior.looks import acting_as, given, role_among, row_of
from gateway.web.language import N_
from gateway.web.visit import Route, Visit

PRESET: Final = N_("Pressing may endanger somebody.")
"""A reason that stands in the form already, so that nobody has to find words before nothing is pressed any more."""

_OVER: Final = frozenset({*GONE, State.CLOSED})

_MATTERS: Final = frozenset({State.DRAFT, State.CLEARED, State.NOT_ACCEPTED, *WATCHED, *HELD})
"""States in which somebody is pressed for, or may be once the request has left or the case goes on."""


def _may_mark(visit: Visit, row: BoardRow) -> bool:
    """Tell whether the visitor may set the mark in this case, whether or not anything is owed in it now."""
    invited = visit.session is not None and visit.session.invitation is not None
    return not invited and row.side == Side.REQUESTING and row.state not in _OVER and visit.may("pressing")


async def link_of(visit: Visit, row: BoardRow) -> tuple[Link, ...]:
    """Return the link to the page of the mark, for who may set it, where an answer is awaited or the mark stands."""
    if not _may_mark(visit, row):
        return ()
    if row.state not in _MATTERS and not (await Escalation(visit.site.desk.context).mark_of(row.ref)).stopped:
        return ()
    text = visit.tongue._(N_("Whether the other State is pressed for an answer"))
    return (Link("pressing", text, visit.path("pressing", ref=row.ref)),)


async def show(visit: Visit) -> web.StreamResponse:
    """Show whether the mark stands, and the one step that may be taken with it now."""
    return await _page(visit, visit.draft.get("why", ""))


async def _page(visit: Visit, why: str = "", problem: str = "") -> web.Response:
    row, tongue = await _row(visit), visit.tongue
    mark = await Escalation(visit.site.desk.context).mark_of(row.ref)
    return visit.page(
        "interior/pressing.html",
        status=422 if problem else 200,
        row=row,
        partner=tongue.country(row.partner),
        state=words.state(tongue, row.state),
        mark=mark,
        may_allow=acting_as(visit, MAY_ALLOW) is not None,
        seconds=tongue.roles(MAY_ALLOW),
        why=visit.form.get("why", "") if problem else why or tongue._(PRESET),
        problem=problem,
        reason_max=REASON_MAX,
    )


async def _row(visit: Visit) -> BoardRow:
    row = await row_of(visit, visit.request.match_info["ref"])
    if not _may_mark(visit, row):
        raise NotFound("there is nothing here that could be pressed for")
    return row


async def stop(visit: Visit) -> web.StreamResponse:
    """Set the mark at once."""
    row, role = await _row(visit), role_among(visit, MAY_STOP, OFFICER)
    why, problem = given(visit.form)
    if problem:
        return await _page(visit, problem=visit.tongue._(problem))
    await Escalation(visit.site.desk.context).stop(row.ref, why, visit.person.id, role)
    told = N_("The case is marked “do not press”. No reminder leaves while the mark stands.")
    return await visit.to(visit.path("case", ref=row.ref), told=visit.tongue._(told))


async def allow(visit: Visit) -> web.StreamResponse:
    """Propose to take the mark away, or take it away as the second person."""
    row, role = await _row(visit), role_among(visit, MAY_ALLOW, OFFICER)
    gone = await Escalation(visit.site.desk.context).allow(row.ref, visit.person.id, role)
    if gone:
        told = N_("Your word was recorded, the second of two: the other State may be reminded again.")
    else:
        told = N_("Your word was recorded. The mark stands until a second, other person says the same.")
    return await visit.to(visit.path("case", ref=row.ref), told=visit.tongue._(told))


ROUTES = (
    Route("GET", "/cases/{ref}/pressing", "pressing", show, MAY_STOP),
    Route("POST", "/cases/{ref}/pressing", "pressing-stop", stop, MAY_STOP),
    Route("GET", "/cases/{ref}/pressing/allow", "pressing-form", show, MAY_STOP),
    Route("POST", "/cases/{ref}/pressing/allow", "pressing-allow", allow, MAY_ALLOW),
)
