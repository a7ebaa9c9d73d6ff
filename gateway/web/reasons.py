"""
The reasons for which people see cases: kept sealed with what is typed in the desks, so that every node knows them.

``gateway.web.interior.looks`` says what a reason is good for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.services.account_store import Session
from gateway.services.papers import Papers
from keys import instants

LASTS: Final = timedelta(minutes=15)
"""How long a reason is not asked for again: one piece of work on one case."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and until when it need not be given again."""

    why: str
    until: datetime


async def give(papers: Papers, session: Session, ref: str, why: str, now: datetime) -> None:
    """Keep why the person of ``session`` needs to see ``ref``."""
    fields = [("why", why), ("until", instants.serialize(now + LASTS))]
    await papers.keep_draft(session.person, _place(session, ref), fields, now, LASTS)


async def find(papers: Papers, session: Session, ref: str, now: datetime) -> Reason | None:
    """Return the reason that stands, or ``None``."""
    found = dict(await papers.find_draft(session.person, _place(session, ref), now) or ())
    return Reason(found["why"], instants.parse(found["until"])) if found else None


async def take_back(papers: Papers, session: Session, ref: str, now: datetime) -> None:
    """Forget the reason: the person is done with the case."""
    await papers.take_draft(session.person, _place(session, ref), now)


def _place(session: Session, ref: str) -> str:
    # Below the case, so that it goes with it. A session keeps when it was opened while its token changes, as at each
    # new proof of presence; no page has such an address.
    return f"/cases/{ref}/#reason/{session.desk}/{session.opened_at.isoformat()}"
