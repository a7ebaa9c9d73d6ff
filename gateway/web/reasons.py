"""
The reasons for which people see cases, kept in the memory of one gateway's desks and nowhere else.

A restart asks for them anew. ``gateway.web.interior.looks`` says what a reason is good for.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from gateway.services.account_store import Session

LASTS: Final = timedelta(minutes=15)
"""How long a reason is not asked for again: one piece of work on one case."""

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
