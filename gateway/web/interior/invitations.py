"""
The invitations to one case: who was asked in, as what, until when; and asking somebody in, or taking it back.

Rule 1: the link is shown once, on the page after the invitation was made, and the gateway sends it to nobody.
Rule 2: the desk in charge invites (``gateway.services.invitations``); whoever is here by an invitation does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, time, timedelta
from typing import Final

from aiohttp import web

from gateway.core.case import Case, Side
from gateway.services import invitations
from gateway.services.access import REASON_MAX
from gateway.services.account_store import INVITATION_MAX, Invitation
from gateway.services.acts import GONE
from gateway.services.context import Forbidden, NotFound
from gateway.services.guests import is_guest
from gateway.services.inquire import BoardRow
from gateway.services.invitations import DESKS, INVITERS, LINK_LASTS, Wish
from gateway.services.representing import represents
from gateway.web.forms import read_day
from gateway.web.interior.looks import acting_as, given, row_of
from gateway.web.language import N_
from gateway.web.visit import Route, Visit

GUEST: Final = "guest"
"""In place of a person's id in the form: somebody who has no place in the configuration."""

LINK: Final = "link"


@dataclass(frozen=True, slots=True)
class Line:
    """One invitation in words; ``person`` is empty for a guest. Who stopped the case is not told here."""

    id: str
    role: str
    person: str
    by: str
    made_at: datetime
    until: datetime
    state: str
    kind: str
    stands: bool
    revoked: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form, and what is wrong with it, by field."""

    role: str = ""
    who: str = ""
    until: str = ""
    why: str = ""
    problems: tuple[tuple[str, str], ...] = ()

    def error(self, name: str) -> str:
        """Return what is wrong with a field; an empty text if nothing is."""
        return dict(self.problems).get(name, "")


async def _opened(visit: Visit) -> tuple[BoardRow, Case, str]:
    """Return the case, and the role in which the visitor may invite to it. Raises ``Forbidden``, ``NotFound``."""
    if visit.session is None or visit.session.invitation is not None:
        raise Forbidden("who was invited invites nobody", "the desk in charge does")
    row = await row_of(visit, visit.request.match_info["ref"])
    role = acting_as(visit, DESKS[Side(row.side)]) or acting_as(visit, frozenset({"child_welfare"}))
    if role is None:
        raise Forbidden("none of your roles invites to this case", "the desk in charge does")
    case = await invitations.check_inviter(visit.site.desk.context, row.ref, visit.person.id, role)
    return row, case, role


def _line(visit: Visit, case: Case, one: Invitation) -> Line:
    tongue, context = visit.tongue, visit.site.desk.context
    if one.revoked_at is not None:
        state, kind = N_("Taken back"), "still"
    elif one.stands(visit.now) and not represents(context, case, one.person, one.role, visit.now):
        state, kind = (
            N_("Opens the case no more: the record names another guardian, or another signature. It still stops it"),
            "late",
        )
    elif one.stands(visit.now):
        state, kind = N_("Stands"), "good"
    else:
        state, kind = N_("Over"), "still"
    return Line(
        one.id,
        tongue.role(one.role),
        "" if is_guest(one.person) else one.person,
        one.by,
        one.made_at,
        one.until,
        tongue._(state),
        kind,
        one.stands(visit.now),
        one.revoked_at is not None,
    )


async def show(visit: Visit) -> web.StreamResponse:
    """Show who was invited, and the form to invite somebody."""
    row, case, _ = await _opened(visit)
    role, who, until, why = (visit.draft.get(name, "") for name in ("role", "who", "until", "why"))
    return await _list(visit, row, case, Typed(role, who, until, why))


async def _list(visit: Visit, row: BoardRow, case: Case, typed: Typed) -> web.Response:
    lines = [_line(visit, case, one) for one in await visit.site.accounts.invitations(row.ref)]
    return visit.page(
        "interior/invitations.html",
        status=422 if typed.problems else 200,
        ref=row.ref,
        lines=lines,
        roles=[(role, visit.tongue.role(role)) for role in invitations.invitable(case.side)],
        who=_who(visit, case.side),
        typed=typed,
        most=INVITATION_MAX.days,
        reason_max=REASON_MAX,
        gone=row.state in GONE,
    )


def _who(visit: Visit, side: Side) -> Sequence[tuple[str, str]]:
    """Return who may be invited: a guest, and every person in office with one of the roles."""
    roles, tongue = frozenset(invitations.invitable(side)), visit.tongue
    found = [
        (one.id, f"{one.id} ({tongue.roles(one.roles & roles)})")
        for one in sorted(visit.site.desk.context.persons.values(), key=lambda one: one.id)
        if one.roles & roles and one.active(visit.now)
    ]
    return [(GUEST, tongue._(N_("A guest, who has no place in this gateway"))), *found]


def _read(visit: Visit, side: Side) -> tuple[Typed, datetime]:
    """Return the form to invite as it was posted, with what is wrong, and the end of its last day."""
    form, problems = visit.form, list[tuple[str, str]]()
    role, who = form.get("role", ""), form.get("who", "")
    if role not in invitations.invitable(side):
        problems.append(("role", N_("Choose in which role.")))
    person = visit.site.desk.context.persons.get(who)
    if who != GUEST and (person is None or not person.active(visit.now)):
        problems.append(("who", N_("Choose who is invited.")))
    elif person is not None and role in invitations.invitable(side) and role not in person.roles:
        problems.append(("who", N_("This person does not hold the role.")))
    until, problem = _until(visit, form)
    why, unsaid = _why(form)
    problems += [(name, text) for name, text in (("until", problem), ("why", unsaid)) if text]
    told = tuple((name, visit.tongue._(text)) for name, text in problems)
    return Typed(role, who, form.get("until", ""), why, told), until


def _why(form: Mapping[str, str]) -> tuple[str, str]:
    """Return the reason that was typed, and what is wrong with it: of an invitation it is asked in other words."""
    why, problem = given(form)
    return why, problem if why or not problem else N_("Say why they are invited.")


def _until(visit: Visit, form: Mapping[str, str]) -> tuple[datetime, str]:
    """Return the end of the day posted, in the time zone of the gateway, and what is wrong with it."""
    day = read_day(form.get("until", ""))
    if day is None or day.year == MAXYEAR:  # beside the last day there is, no zone has a time
        return visit.now, N_("Enter the last day as year, month and day, for example 2026-12-24.")
    end = datetime.combine(day + timedelta(days=1), time(), visit.tongue.zone).astimezone(UTC)
    if end <= visit.now:
        return visit.now, N_("The last day is over. Enter today or a later day.")
    if end > visit.now + INVITATION_MAX:
        return visit.now, N_("An invitation lasts 180 days at most. Enter an earlier day.")
    return end, ""


async def invite(visit: Visit) -> web.StreamResponse:
    """Show what an invitation will do; with the confirmation, make it and lead to the page that shows its link."""
    row, case, role = await _opened(visit)
    if row.state in GONE:
        raise NotFound("the case is locked or erased; nobody is invited to it")
    typed, until = _read(visit, case.side)
    if typed.problems or "change" in visit.form:
        return await _list(visit, row, case, typed)
    if not visit.form.get("confirm"):
        return visit.page(
            "interior/invitation_confirm.html",
            ref=row.ref,
            typed=typed,
            until=until,
            role_text=visit.tongue.role(typed.role),
            is_guest=typed.who == GUEST,
        )
    wish = Wish(row.ref, typed.role, None if typed.who == GUEST else typed.who, until, typed.why)
    desk = visit.site
    made, token = await invitations.invite(desk.desk.context, desk.accounts, wish, visit.person.id, role)
    return await _made(visit, made, token)


async def _made(visit: Visit, made: Invitation, token: str) -> web.Response:
    """Lead to the page of an invitation, which finds its link once: kept sealed until that page takes it away."""
    path = visit.path("invitation", ref=made.ref, id=made.id)
    link = visit.site.origins[visit.pages.name] + visit.path("link", token=token)
    await visit.site.accounts.papers.keep_draft(visit.person.id, path, [(LINK, link)], visit.now)
    return await visit.to(path)


async def _one(visit: Visit) -> tuple[BoardRow, Line, str]:
    row, case, role = await _opened(visit)
    found = await visit.site.accounts.find_invitation(visit.request.match_info["id"], row.ref)
    if found is None:
        raise NotFound("there is no such invitation to this case")
    return row, _line(visit, case, found), role


async def show_one(visit: Visit) -> web.StreamResponse:
    """Show one invitation; right after it was made, its link."""
    row, line, _ = await _one(visit)
    return _page(visit, row, line, Typed(until=visit.draft.get("until", ""), why=visit.draft.get("why", "")))


def _page(visit: Visit, row: BoardRow, line: Line, typed: Typed) -> web.Response:
    visit.shown_once = LINK in visit.draft
    return visit.page(
        "interior/invitation.html",
        status=422 if typed.problems else 200,
        ref=row.ref,
        one=line,
        link=visit.draft.get(LINK, ""),
        link_until=min(line.until, visit.now + LINK_LASTS),
        typed=typed,
        reason_max=REASON_MAX,
        gone=row.state in GONE,
    )


async def renew(visit: Visit) -> web.StreamResponse:
    """Make a new link, and let the invitation last until the day posted; the person stays the same."""
    row, line, role = await _one(visit)
    until, problem = _until(visit, visit.form)
    why, unsaid = _why(visit.form)
    told = [(name, visit.tongue._(text)) for name, text in (("until", problem), ("why", unsaid)) if text]
    if told:
        return _page(visit, row, line, Typed(until=visit.form.get("until", ""), why=why, problems=tuple(told)))
    wish = Wish(row.ref, "", None, until, why)
    context, accounts = visit.site.desk.context, visit.site.accounts
    made, token = await invitations.renew(context, accounts, line.id, wish, visit.person.id, role)
    return await _made(visit, made, token)


async def revoke(visit: Visit) -> web.StreamResponse:
    """Say what taking it back does; with the confirmation, take it back."""
    row, line, role = await _one(visit)
    if visit.request.method == "GET" or not visit.form.get("confirm"):
        return visit.page("interior/invitation_revoke.html", ref=row.ref, one=line)
    await invitations.revoke(visit.site.desk.context, visit.site.accounts, row.ref, line.id, visit.person.id, role)
    told = visit.tongue._(N_("The invitation was taken back. Its link and its sessions have ended."))
    return await visit.to(visit.path("invitations", ref=row.ref), told=told)


ROUTES = (
    Route("GET", "/cases/{ref}/invitations", "invitations", show, INVITERS),
    Route("POST", "/cases/{ref}/invitations", "invite", invite, INVITERS),
    Route("GET", "/cases/{ref}/invitations/{id}", "invitation", show_one, INVITERS),
    Route("POST", "/cases/{ref}/invitations/{id}", "invitation-renew", renew, INVITERS),
    Route("GET", "/cases/{ref}/invitations/{id}/revoke", "invitation-revoke", revoke, INVITERS),
    Route("POST", "/cases/{ref}/invitations/{id}/revoke", "invitation-revoked", revoke, INVITERS),
)
