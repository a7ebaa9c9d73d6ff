"""
What may be asked of the store by those who look: boards, queues, the record of access, figures.

Rule 1: a row here has no field for a name, a reason or a sealed column; who may see a case's content asks the case.
Rule 2: a page costs the page, not the table: every list is read along an index and continued after its last row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BoardRow:
    """
    One case as a desk may see it that must not learn an identity.

    ``notice_due``: our desk was told that it owes an answer or a notice of delay, and gave neither yet (R-11).
    """

    ref: str
    partner: str
    side: str
    state: str
    step: str | None
    due_on: date | None
    due_at: datetime | None
    officer: str | None
    instrument: str | None
    calendar: str | None
    reminders: int
    extended: bool
    delay_notice: bool
    opened_at: datetime
    changed_at: datetime
    notice_due: bool = False

    @property
    def place(self) -> "Place":
        """Return where the next page begins if this row ends one."""
        return Place(self.due_at, self.ref)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list ordered by due date, those without one last, then reference."""

    due_at: datetime | None
    ref: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One look at, or disclosure of, a case (rule R-13). ``number`` grows with each entry."""

    number: int
    ref: str
    at: datetime
    person: str
    action: str
    justification: str
    recipient: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """
    Counts, without a person in them.

    ``cases`` is keyed by (partner, state); ``overdue`` (open cases past their due instant) and ``waiting`` (messages
    not yet receipted) by partner.
    """

    cases: Mapping[tuple[str, str], int]
    overdue: Mapping[str, int]
    waiting: Mapping[str, int]


class Inquiries(Protocol):
    """The read models. Each may raise ``Unavailable``."""

    async def board(
        self,
        *,
        partner: str | None = None,
        overdue_at: datetime | None = None,
        limit: int = 100,
        after: Place | None = None,
    ) -> Sequence[BoardRow]:
        """Return open cases, soonest due first; with ``overdue_at`` those alone that were due before that instant."""
        ...

    async def cases(
        self, *, states: Sequence[str] = (), officer: str | None = None, limit: int = 100, after: Place | None = None
    ) -> Sequence[BoardRow]:
        """Return cases in ``states`` (none named: all open ones), soonest due first, of one officer or of all."""
        ...

    async def find_case(self, ref: str) -> BoardRow | None:
        """Find one case by our reference."""
        ...

    async def audit(self, *, ref: str | None = None, limit: int = 100, before: int | None = None) -> Sequence[AuditRow]:
        """Return looks at one case or at all, the latest first, continued ``before`` the number of the last row."""
        ...

    async def figures(self, now: datetime) -> Figures:
        """Count cases, overdue cases and waiting messages."""
        ...
