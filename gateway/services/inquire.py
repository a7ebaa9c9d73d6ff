"""
What may be asked of the store by those who look: boards, queues, the record of access, figures.

Rule 1: a row here has no field for a name, a reason or a sealed column; who may see a case's content asks the case.
Rule 2: a page costs the page, not the table: every list is read along an index and continued after its last row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from gateway.core.case import State
from gateway.core.escalation import Pressed
from gateway.core.figures import Step

WATCHED = (
    *(State.SENT, State.DELIVERED, State.ACKNOWLEDGED, State.EXTENDED, State.NEEDS_TIER2, State.NEEDS_INTERVIEW),
    *(State.REDIRECTED, State.CONTESTED, State.DECIDED),
)
"""
States of the requesting side in which it waits for the other State.

Not that of a proposal of a return: no agreement sets a day for the answer, so none is ever late and nobody is pressed.
Who saw the case there would learn that somebody is to be returned, and could do nothing upon it.
"""


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
class WatchRow:
    """
    One case in which we wait for the other State, as foreign affairs sees it.

    ``reference`` is the one in notes, which the other State makes of the same thread; the thread itself stays here.
    """

    ref: str
    reference: str
    partner: str
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

    @property
    def place(self) -> Place:
        """Return where the next page begins if this row ends one."""
        return Place(self.due_at, self.ref)


@dataclass(frozen=True, slots=True)
class WatchPart:
    """Cases with one State that are due after ``from_at`` up to ``before``; either may be left open."""

    partner: str
    from_at: datetime | None
    before: datetime | None


@dataclass(frozen=True, slots=True)
class AskedRow:
    """The course of one case in which we asked: what its dates are made from, without an answer in it."""

    instrument: str
    extended: bool
    delay_notice: bool
    due_at: datetime | None
    steps: tuple[Step, ...]


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which open cases a queue holds.

    ``states`` and ``officers`` may each name several, and none means any; an officer that is ``None`` is nobody.
    ``due_from`` and ``due_before`` bound the due instant; a case without one counts as due last of all. With ``side``
    at least one state is named: the two are read along one index.
    """

    side: str | None = None
    states: tuple[str, ...] = ()
    partner: str | None = None
    officers: tuple[str | None, ...] = ()
    due_from: datetime | None = None
    due_before: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what would have to be looked for in the whole table."""
        if self.side is not None and not self.states:
            raise ValueError("a queue of one side names its states")


class Inquiries(Protocol):
    """The read models. Each may raise ``Unavailable``."""

    async def queue(
        self, wanted: Wanted, *, limit: int = 50, after: Place | None = None, latest: bool = False
    ) -> Sequence[BoardRow]:
        """Return open cases, soonest due first, or with ``latest`` in the opposite order; continued ``after`` a row."""
        ...

    async def count(self, wanted: Wanted, most: int = 100) -> int:
        """Return how many cases a queue holds, and ``most`` for that many or more."""
        ...

    async def apart_begun(self, *, limit: int = 50, after: Place | None = None) -> Sequence[BoardRow]:
        """Return open cases of which one person said that they are about another, and no second one yet."""
        ...

    async def pressing_proposed(self, *, limit: int = 50, after: Place | None = None) -> Sequence[BoardRow]:
        """Return open cases of which one person said that they may be pressed for again, and no second one yet."""
        ...

    async def words_due(self, which: int, *, limit: int = 50, after: Place | None = None) -> Sequence[BoardRow]:
        """
        Return cases, closed ones too, in which one of the words ``which`` may be due, soonest due first.

        ``which`` is one of ``gateway.services.cases`` or several added.
        """
        ...

    async def officers(self) -> Sequence[str | None]:
        """Return who has open cases; ``None`` is among them if there are cases that nobody has."""
        ...

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

    # What foreign affairs watches: cases in which we wait for the other State.

    async def watched(
        self, *, partner: str | None = None, undated: bool = False, limit: int = 100, after: Place | None = None
    ) -> Sequence[WatchRow]:
        """Return cases we wait in, soonest due first; with ``undated`` those alone that have no due date."""
        ...

    async def watched_in(
        self, parts: Sequence[WatchPart], *, limit: int = 100, after: Place | None = None
    ) -> Sequence[WatchRow]:
        """Return cases we wait in that are in one of ``parts``, each of another State, soonest due first."""
        ...

    async def find_watched(self, ref: str) -> WatchRow | None:
        """Find one case we wait in by our reference."""
        ...

    async def still_watched(self, refs: Sequence[str]) -> frozenset[str]:
        """Return those of ``refs`` that are cases we wait in."""
        ...

    async def watched_counts(self, ends: Mapping[str, Sequence[datetime]]) -> Mapping[str, Sequence[int]]:
        """
        Count the cases we wait in, by State: those due up to each of its ``ends`` (rising), after the last, undated.

        A case counts once, in the first part it fits.
        """
        ...

    async def pressed(self, refs: Sequence[str]) -> Mapping[str, Sequence[Pressed]]:
        """Return how each of ``refs`` was pressed for, oldest first: reminders, rungs, and the mark that stops it."""
        ...

    async def asked(self, partner: str, limit: int) -> Sequence[AskedRow]:
        """Return the course of the last ``limit`` cases in which we asked ``partner``, the latest first."""
        ...
