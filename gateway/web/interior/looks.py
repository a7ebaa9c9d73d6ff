"""
Why somebody needs to see a case: asked once, good for fifteen minutes, and recorded again with every look.

Rule 1: a reason counts for one person, at one sign-in, and for one case.
Rule 2: what is kept here opens nothing. Each page that shows content records its own look first (R-13), and shows
nothing if that fails.
"""

from collections.abc import Mapping

from gateway.core.case import Case
from gateway.services import access
from gateway.services.access import REASON_MAX, REASON_MIN
from gateway.services.acts import check_shown
from gateway.services.audience import find_row
from gateway.services.context import Forbidden, NotFound
from gateway.services.inquire import BoardRow
from gateway.web import reasons
from gateway.web.language import N_
from gateway.web.reasons import Reason
from gateway.web.visit import Visit


async def reason_of(visit: Visit, ref: str) -> Reason | None:
    """Return why this visitor needs to see ``ref``, if they said so in the last fifteen minutes."""
    return await reasons.find(visit.site.accounts.papers, visit.session, ref, visit.now) if visit.session else None


async def row_of(visit: Visit, ref: str) -> BoardRow:
    """Return the row of a case this visitor may know of. Raises ``NotFound``, also where another is invited to it."""
    if visit.session is not None and visit.session.invitation is not None and visit.session.invitation.ref != ref:
        raise NotFound("there is no such case here")
    return await find_row(visit.site.desk.inquiries, ref, visit.roles)


def place_of(visit: Visit, ref: str) -> str:
    """Return the page that a visitor comes back to from a step in the case: a guest's own, or that of the case."""
    invited = visit.session is not None and visit.session.invitation is not None
    return visit.path("invited") if invited else visit.path("case", ref=ref)


def acting_as(visit: Visit, roles: frozenset[str], first: frozenset[str] = frozenset()) -> str | None:
    """Return the visitor's role that is one of ``roles``, those of ``first`` before others; ``None`` if none is."""
    fitting = sorted(visit.roles & roles, key=lambda role: (role not in first, role))
    return fitting[0] if fitting else None


def role_among(visit: Visit, roles: frozenset[str], first: frozenset[str] = frozenset()) -> str:
    """Return what ``acting_as`` does, on a page whose route is for ``roles``. Raises ``Forbidden``."""
    role = acting_as(visit, roles, first)
    if role is None:
        raise Forbidden("none of the roles that take this step")
    return role


async def seen(visit: Visit, row: BoardRow, role: str, why: str, action: str = "view") -> Case:
    """
    Return the case of ``row`` for ``role``, once the look and ``why`` are recorded.

    Raises ``NotFound`` for a case that is locked or erased, ``Unavailable`` if the look cannot be recorded.
    """
    check_shown(row)
    return await access.look(visit.site.desk.context, row.ref, visit.person.id, role, why=why, action=action)


async def glanced(visit: Visit, row: BoardRow, role: str) -> Case:
    """Return the same case for a page that shows nothing personal of it; nothing is recorded."""
    check_shown(row)
    return await access.glance(visit.site.desk.context, row.ref, visit.person.id, role)


async def marked(visit: Visit, row: BoardRow, role: str) -> str:
    """Return the mark of the same case for a page that does not show the whole of it; taken before that is read."""
    check_shown(row)
    return await access.stand(visit.site.desk.context, row.ref, visit.person.id, role)


def before_of(visit: Visit) -> int | None:
    """Return the number of the look before which a page of a record of access goes on; what means nothing is none."""
    text = visit.query("before")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def given(form: Mapping[str, str]) -> tuple[str, str]:
    """Return the reason that was typed, and what is wrong with it (English, marked), or an empty text."""
    why = " ".join(form.get("why", "").split())
    if not why:
        return "", N_("Say why, in a few words.")
    if len(why) > REASON_MAX:
        return why, N_("Say it in at most 400 characters.")
    if len(why) < REASON_MIN:
        return why, N_("Say it in words that somebody who checks the log understands.")
    return why, ""
