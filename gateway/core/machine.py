"""
How a case moves: one row, one event, one step.

Rule 1: every transition is a row of a table; a missing row is an error that names state, event and role.
Rule 2: ``step`` does nothing to the world. It returns the new case and effects as values; the store saves both.
Rule 3: silence is no event. No row is triggered by time passing unanswered.
Rule 4: until the full hour at which a withdrawal of ours may leave, the other State is answered as before it (M-5.26).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.core.case import PARTNER as PARTNER
from gateway.core.case import Case, State, replace
from gateway.core.facts import Facts, Finding

STAY = "="
"""Target of a row that leaves the state as it is."""

KEEP = "~"
"""Target of a row that leaves a held case where it is; the state it will resume in moves, by that state's own row."""

LEARN = "~?"
"""The same, where a state that does not know the event is left as it is."""

LET_GO = "<"
"""Target of a row that returns to ``resume_to`` once its function clears that; until then the case is suspended."""

NOT_TOLD = "no message of ours tells the other State of a step that was taken here; tell it by another way"
"""
Finding on a case whose thread has ended, or takes no contact, when a step is taken that waits for no message.

Also on one whose withdrawal got no receipt, or word that the return is stopped, that something was wrong or is to be
destroyed, and on one that is over where a confirmation got none; and where the other State refused one of these, a
recall or a report for good.
"""


class IllegalStep(Exception):
    """No row lets this role bring this event to a case in this state; no role at all, where ``role`` is empty."""

    def __init__(self, state: str, event: str, role: str) -> None:
        of = f" for the role '{role}'" if role else ""
        super().__init__(f"in state {state} there is no step '{event}'{of}")
        self.state = state
        self.event = event
        self.role = role


class RuleRefused(Exception):
    """A rule or a guard refuses the step; ``findings`` says which and why."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(f"{finding.rule}: {finding.because}" for finding in findings))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something that happened: ``name`` as in the table, ``actor`` (person id or country) and the ``role`` it acts in.

    ``data`` is what came with it (a body, a clock, a reason); ``facts`` what the rules look at, if the row has rules.
    """

    name: str
    actor: str
    role: str
    data: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """
    Effect: put a message with exactly this ``body`` in the outbox, not before ``not_before`` (``None``: now).

    An ``optional`` one waits where no key of the recipient is held, and is left out, with a finding, where the thread
    has ended: the step it belongs to must not wait for it.
    """

    type: str
    body: str
    not_before: datetime | None = None
    statements: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class DropUnsent:
    """
    Effect: take every message of the thread that was never posted out of the outbox and free its number.

    One of a type in ``keep`` stays: what it says still holds. Of several that stop or go on the last one says it all.
    """

    keep: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EndThread:
    """Effect: nothing but a withdrawal may follow in this thread; ``why`` is ``withdrawn`` or ``undelivered``."""

    why: str


@dataclass(frozen=True, slots=True)
class PostOn:
    """Effect: a thread that ended as undelivered goes on; its message is posted until it has an answer (M-5.10)."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Effect: tell the named desk that the case moved; carries no more than the reference and the state."""

    desk: str


Effect = Send | DropUnsent | EndThread | PostOn | Notify

Guard = Callable[[Case, Event, datetime], tuple[Finding, ...]]
Apply = Callable[[Case, Event, datetime], tuple[Case, tuple[Effect, ...]]]


@dataclass(frozen=True, slots=True)
class Row:
    """
    One transition: in ``source``, ``event`` brought by one of ``who`` leads to ``target`` if every guard is silent.

    ``evidence`` names what the step leaves behind as proof.
    """

    source: State
    event: str
    target: str
    who: frozenset[str]
    guards: tuple[str, ...] = ()
    evidence: str = ""


def rows_of(
    sources: tuple[State, ...],
    event: str,
    target: str,
    who: frozenset[str],
    guards: tuple[str, ...] = (),
    evidence: str = "",
) -> tuple[Row, ...]:
    """Return the same row for each state of ``sources``."""
    return tuple(Row(source, event, target, who, guards, evidence) for source in sources)


@dataclass(frozen=True, slots=True)
class Table:
    """A state table: rows, the guards by name, what each event changes, and the states without exit."""

    rows: tuple[Row, ...]
    guards: Mapping[str, Guard]
    applies: Mapping[str, Apply]
    terminal: frozenset[State]
    index: Mapping[tuple[State, str], Row] = field(init=False)

    def __post_init__(self) -> None:
        index: dict[tuple[State, str], Row] = {}
        for row in self.rows:
            if (row.source, row.event) in index:
                raise ValueError(f"two rows for {row.event} in {row.source}")
            if missing := [name for name in row.guards if name not in self.guards]:
                raise ValueError(f"row {row.source}/{row.event} names unknown guards {missing}")
            index[row.source, row.event] = row
        object.__setattr__(self, "index", index)

    def events(self, state: State, role: str) -> tuple[str, ...]:
        """Return the events that ``role`` may bring in ``state``, for a page or a help text."""
        return tuple(row.event for row in self.rows if row.source is state and role in row.who)


def step(table: Table, case: Case, event: Event, now: datetime) -> tuple[Case, tuple[Effect, ...]]:
    """
    Move ``case`` by ``event`` at the instant ``now`` and return the new case and the effects.

    Pure: called twice it gives the same answer. Raises ``IllegalStep`` if no row fits and ``RuleRefused`` if a guard
    of the row objects; then nothing has changed.
    """
    if event.role == PARTNER and _untold(case, now):
        return _before_withdrawal(table, case, event, now)
    return _step(table, case, event, now)


def _step(table: Table, case: Case, event: Event, now: datetime) -> tuple[Case, tuple[Effect, ...]]:
    row = table.index.get((case.state, event.name))
    if row is None or event.role not in row.who:
        raise IllegalStep(case.state, event.name, event.role)
    findings = tuple(finding for name in row.guards for finding in table.guards[name](case, event, now))
    if findings:
        raise RuleRefused(findings)
    if row.target in (KEEP, LEARN):
        kept = _elsewhere(table, case, event, now, must=row.target == KEEP)
        if kept is not None:
            return kept
    apply = table.applies.get(event.name)
    changed, effects = apply(case, event, now) if apply else (case, ())
    # A step may itself name where a frozen case will resume; it never names the state it leads to.
    target = _target(row, case, changed)
    return (changed if changed.state is target else replace(changed, state=target)), effects


def _untold(case: Case, now: datetime) -> bool:
    """
    Return whether a withdrawal of ours is decided and the other State cannot know of it yet.

    Where a clock was ahead when it was decided this lasts as much longer, though the withdrawal itself leaves at the
    next full hour: the thread then answers as it stood, which tells nothing, and keeps nothing more of what comes.
    """
    return case.withdraws_at is not None and now < datetime.fromisoformat(case.withdraws_at)


def _before_withdrawal(table: Table, case: Case, event: Event, now: datetime) -> tuple[Case, tuple[Effect, ...]]:
    """
    Take what the other State says if the case would while it was stopped, and keep no more of it than a withdrawn one.

    What the next message is judged by goes on as if it were still stopped; the answer carries the same dates.
    """
    # What an earlier version withdrew within this hour has no other place.
    stood = replace(case, state=State.FROZEN, resume_to=case.answers_as or case.resume_to, withdraws_at=None)
    stopped, _ = step(table, stood, event, now)
    moved, effects = _step(table, case, event, now)
    return replace(moved, answers_as=stopped.resume_to, clocks=stopped.clocks, interview=stopped.interview), effects


def _target(row: Row, before: Case, changed: Case) -> State:
    if row.target == LET_GO and changed.resume_to:
        return State.SUSPENDED
    stays = row.target in (STAY, LEARN)
    target = before.state if stays else before.resume_to if row.target == LET_GO else State(row.target)
    if target is None:
        raise IllegalStep(before.state, row.event, "")
    return target


def _elsewhere(
    table: Table, case: Case, event: Event, now: datetime, *, must: bool
) -> tuple[Case, tuple[Effect, ...]] | None:
    """Step the state a held case will resume in; ``None`` if that state has no such step and need not have one."""
    if case.resume_to is None or (case.resume_to, event.name) not in table.index:
        if must:
            raise IllegalStep(case.state, event.name, event.role)
        return None
    moved, effects = step(table, replace(case, state=case.resume_to), event, now)
    return replace(moved, state=case.state, resume_to=moved.state), effects
