"""
The one page of somebody who is invited to a case: who answers for it, where it stands, what was sent, what they may do.

Rule 1: it is the page of the invitation's own case and role; without an invitation there is none.
Rule 2: what was sent, and the parts of a return, are shown as the tables give them to the role, for a reason, once the
look is recorded (R-13).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.core.machine import RuleRefused
from gateway.services import directory, rights
from gateway.services.access import REASON_MAX
from gateway.services.account_store import Invitation
from gateway.services.acts import DESK, RETURN_DESK, RETURN_PARTS, check_shown
from gateway.services.guests import is_guest
from gateway.services.inquire import BoardRow
from gateway.services.invitations import GUEST_VERBS
from gateway.web import reasons
from gateway.web.interior import case_view
from gateway.web.interior.case import SentLine, has_return, sent_line
from gateway.web.interior.case_view import Head
from gateway.web.interior.looks import given, reason_of, row_of, seen
from gateway.web.interior.returns import Arrangement, arranged
from gateway.web.interior.step_links import LETS_GO, links, steps_of
from gateway.web.interior.step_texts import TEXTS
from gateway.web.language import N_
from gateway.web.visit import SIGNED_IN, Route, Visit

SEES_PARTS: Final = RETURN_DESK | frozenset(RETURN_PARTS)


@dataclass(frozen=True, slots=True)
class Content:
    """What is shown for a reason: the account of what was sent, or the restriction that holds it back; the return."""

    made_at: datetime | None = None
    sent: tuple[SentLine, ...] = ()
    may_be_more: bool = False
    arrangement: Arrangement | None = None
    held_back: rights.Restriction | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """
    The page of one invitation.

    ``acting`` is who acts today for the officer named; ``closed`` are steps of the role that a guest cannot take, and
    ``stopped`` says that letting go is one of them: the officer, whom the others are asked of, does not do that either.
    ``account`` and ``parts`` say whether the role gets what was sent, or the return; ``desk`` that it reads the case.
    ``comes_back`` says how a guest with no passkey and no app comes in again: one ``set-up`` now, or a new ``link``.
    """

    role: str
    until: datetime
    authority: str
    acting: str
    head: Head
    closed: tuple[str, ...]
    stopped: bool
    account: bool
    parts: bool
    desk: bool
    comes_back: str


async def show(visit: Visit) -> web.StreamResponse:
    """Show the page; with a reason that stands, also what was sent, once the look is recorded."""
    invitation = visit.session.invitation if visit.session else None
    if invitation is None:
        return await visit.to("/")
    row = await _row(visit, invitation)
    page = await _page(visit, invitation, row)
    content = await _content(visit, invitation, row, page) if page.head.reason is not None else None
    return _shown(visit, page, content, why=visit.draft.get("why", ""))


def _shown(visit: Visit, page: Page, content: Content | None, problem: str = "", why: str = "") -> web.Response:
    status = 422 if problem else 200
    values = {"content": content, "problem": problem, "why": why, "reason_max": REASON_MAX}
    return visit.page("interior/invited.html", status=status, page=page, head=page.head, **values)


async def _row(visit: Visit, invitation: Invitation) -> BoardRow:
    row = await row_of(visit, invitation.ref)
    check_shown(row)
    return row


async def _page(visit: Visit, invitation: Invitation, row: BoardRow) -> Page:
    context, role = visit.site.desk.context, invitation.role
    closed = _closed(visit, row)
    head = case_view.head(visit, row, None, await links(visit, row), await reason_of(visit, row.ref))
    return Page(
        role=visit.tongue.role(role),
        until=invitation.until,
        authority=context.authority,
        acting=directory.in_charge(context, row.officer, visit.now) or "" if row.officer else "",
        head=head,
        closed=tuple(visit.tongue._(TEXTS[verb].title) for verb in closed if verb != LETS_GO),
        stopped=LETS_GO in closed,
        account=role in rights.READERS,
        parts=role in SEES_PARTS and has_return(row),
        desk=role in DESK,
        comes_back=await _comes_back(visit),
    )


async def _comes_back(visit: Visit) -> str:
    """Tell how a guest comes in again, whose link is used up; nothing of who has a passkey, an app, or a place here."""
    accounts, person = visit.site.accounts, visit.person.id
    if not is_guest(person) or await accounts.passkeys(person) or await accounts.has_code(person):
        return ""
    return "link" if await accounts.was_renewed(person) else "set-up"


def _closed(visit: Visit, row: BoardRow) -> tuple[str, ...]:
    """Return the steps that the tables give the role now and that a guest cannot take."""
    if not is_guest(visit.person.id):
        return ()
    return tuple(verb for verb in steps_of(visit, row) if verb not in GUEST_VERBS and verb in TEXTS)


async def _content(visit: Visit, invitation: Invitation, row: BoardRow, page: Page) -> Content:
    """Return what the role may see, each look recorded before it is taken."""
    why, context = page.head.reason.why if page.head.reason else "", visit.site.desk.context
    arrangement = None
    if page.parts:
        case = await seen(visit, row, invitation.role, why)
        arrangement = arranged(visit.tongue, case, invitation.role, visit.now)
    if not page.account:
        return Content(arrangement=arrangement)
    try:
        made = await rights.account(context, row.ref, visit.person.id, invitation.role, why)
    except RuleRefused:
        if (held_back := await rights.restriction(context, row.ref)) is None:
            raise
        return Content(arrangement=arrangement, held_back=held_back)
    sent = tuple(sent_line(visit, one) for one in made.sent)
    return Content(made.made_at, sent, made.may_be_more, arrangement)


async def give_reason(visit: Visit) -> web.StreamResponse:
    """Take the reason to see what was sent; the page shows it then."""
    invitation = visit.session.invitation if visit.session else None
    if visit.session is None or invitation is None:
        return await visit.to("/")
    row = await _row(visit, invitation)
    if visit.form.get("end"):
        await reasons.take_back(visit.site.accounts.papers, visit.session, row.ref, visit.now)
        return await visit.to(visit.path("invited"), told=visit.tongue._(N_("The content is closed again.")))
    why, problem = given(visit.form)
    if problem:
        return _shown(visit, await _page(visit, invitation, row), None, visit.tongue._(problem), why)
    await reasons.give(visit.site.accounts.papers, visit.session, row.ref, why, visit.now)
    return await visit.to(visit.path("invited"))


ROUTES = (
    Route("GET", "/invited", "invited", show, SIGNED_IN),
    Route("POST", "/invited", "invited-look", give_reason, SIGNED_IN),
)
