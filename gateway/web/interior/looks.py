"""
Why somebody needs to see a case: asked once, good for fifteen minutes, and recorded again with every look.

Rule 1: a reason counts for one person, at one sign-in, and for one case. It is kept in memory and nowhere else.
Rule 2: what is kept here opens nothing. Each page that shows content records its own look first (R-13), and shows
nothing if that fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.core.case import Case
from gateway.services.accounts import Session
from gateway.services.acts import GONE, find_row, look
from gateway.services.context import NotFound
from gateway.services.inquire import BoardRow
from gateway.web.language import N_
from gateway.web.visit import Visit

LASTS: Final = timedelta(minutes=15)
"""How long a reason is not asked for again: one piece of work on one case."""

REASON_MAX: Final = 400
KEPT_MAX: Final = 10_000
"""Reasons kept at once; beyond that the oldest are asked for again."""

_Key = tuple[str, datetime, str, str]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and until when it need not be given again."""

    why: str
    until: datetime


@dataclass(slots=True)
class Reasons:
    """The reasons that stand, by person, sign-in, desk and case."""

    _kept: dict[_Key, Reason] = field(default_factory=dict)

    def give(self, session: Session, ref: str, why: str, now: datetime) -> None:
        """Keep why the person of ``session`` needs to see ``ref``."""
        for key in [key for key, one in self._kept.items() if one.until <= now]:
            del self._kept[key]
        while len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[_key(session, ref)] = Reason(why, now + LASTS)

    def find(self, session: Session, ref: str, now: datetime) -> Reason | None:
        """Return the reason that stands, or ``None``."""
        found = self._kept.get(_key(session, ref))
        return found if found is not None and now < found.until else None

    def take_back(self, session: Session, ref: str) -> None:
        """Forget the reason: the person is done with the case."""
        self._kept.pop(_key(session, ref), None)


def _key(session: Session, ref: str) -> _Key:
    # A session keeps when it was opened while its token changes, as at each new proof of presence.
    return session.person, session.opened_at, session.desk, ref


REASONS: Final = Reasons()
"""Those of this process. A restart asks anew."""


def reason_of(visit: Visit, ref: str) -> Reason | None:
    """Return why this visitor needs to see ``ref``, if they said so in the last fifteen minutes."""
    return REASONS.find(visit.session, ref, visit.now) if visit.session else None


async def row_of(visit: Visit, ref: str) -> BoardRow:
    """Return the row of a case this visitor may know of. Raises ``NotFound``, also where another is invited to it."""
    if visit.session is not None and visit.session.invitation is not None and visit.session.invitation.ref != ref:
        raise NotFound("there is no such case here")
    return await find_row(visit.site.desk.inquiries, ref)


def acting_as(visit: Visit, roles: frozenset[str], first: frozenset[str] = frozenset()) -> str | None:
    """Return the visitor's role that is one of ``roles``, those of ``first`` before others; ``None`` if none is."""
    fitting = sorted(visit.roles & roles, key=lambda role: (role not in first, role))
    return fitting[0] if fitting else None


async def seen(visit: Visit, row: BoardRow, role: str, why: str, action: str) -> Case:
    """
    Return the case of ``row`` for ``role``; with ``why`` once the look is recorded, without it nothing is recorded.

    Raises ``NotFound`` for a case that is locked or erased, ``Unavailable`` if the look cannot be recorded.
    """
    if row.state in GONE:
        raise NotFound("the case is locked or erased; its content is not shown")
    return await look(visit.site.desk, row.ref, visit.person.id, role, why, action)


def given(form: Mapping[str, str]) -> tuple[str, str]:
    """Return the reason that was typed, and what is wrong with it (English, marked), or an empty text."""
    why = " ".join(form.get("why", "").split())
    if not why:
        return "", N_("Say why you need to see it.")
    if len(why) > REASON_MAX:
        return why, N_("Say it in at most 400 characters.")
    if len(why) < 3:
        return why, N_("Say it in words that somebody who checks the log understands.")
    return why, ""
