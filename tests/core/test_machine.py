"""How a table is stepped, shown on a table of three rows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from gateway.core.case import Case, State
from gateway.core.facts import Finding
from gateway.core.machine import LET_GO, STAY, Effect, Event, IllegalStep, Notify, Row, RuleRefused, Table, step
from tests.core.support import NOW, asking

OFFICER = frozenset({"officer"})


def _never(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return (Finding("V-99", "never", "state"),)


def _always(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    return ()


def _count(case: Case, event: Event, now: datetime) -> tuple[Case, tuple[Effect, ...]]:
    return replace(case, reminders=case.reminders + 1), (Notify("interior"),)


def _let_go(case: Case, event: Event, now: datetime) -> tuple[Case, tuple[Effect, ...]]:
    return replace(case, resume_to=None) if not case.holders else case, ()


ROWS = (
    Row(State.DRAFT, "go", State.SENT, OFFICER, ("always",)),
    Row(State.DRAFT, "count", STAY, OFFICER),
    Row(State.DRAFT, "wish", State.SENT, OFFICER, ("never", "always", "never")),
    Row(State.FROZEN, "resume", LET_GO, OFFICER),
)
GUARDS = {"never": _never, "always": _always}


def table(rows: tuple[Row, ...] = ROWS, guards: Mapping[str, Any] = GUARDS) -> Table:
    """Return the small table."""
    return Table(rows, guards, {"count": _count, "resume": _let_go}, frozenset({State.ERASED}))


def event(name: str, role: str = "officer") -> Event:
    """Return an event by an officer."""
    return Event(name, "anna", role)


def test_row_moves_the_case() -> None:
    """A row whose guards are silent leads to its target, without effects if none are named."""
    moved, effects = step(table(), asking(), event("go"), NOW)
    assert (State.SENT, ()) == (moved.state, effects)


def test_staying_changes_what_the_event_changes() -> None:
    """A row that stays keeps the state and applies the event's change and effects."""
    moved, effects = step(table(), asking(), event("count"), NOW)
    assert (State.DRAFT, 1, (Notify("interior"),)) == (moved.state, moved.reminders, effects)


def test_resuming_returns_where_the_case_was() -> None:
    """The target is the state the case remembers."""
    moved, _ = step(table(), asking(State.FROZEN, resume_to=State.REPLIED), event("resume"), NOW)
    assert State.REPLIED == moved.state


def test_what_somebody_holds_is_suspended() -> None:
    """It goes on once nobody does."""
    held = asking(State.FROZEN, resume_to=State.REPLIED, holders=(("XBB", "partner"),))
    moved, _ = step(table(), held, event("resume"), NOW)
    assert (State.SUSPENDED, State.REPLIED) == (moved.state, moved.resume_to)


def test_resuming_nowhere_is_illegal() -> None:
    """A case that remembers no state cannot go on."""
    with pytest.raises(IllegalStep):
        step(table(), asking(State.FROZEN), event("resume"), NOW)


@pytest.mark.parametrize(
    ("state", "name", "role"),
    [(State.SENT, "go", "officer"), (State.DRAFT, "stop", "officer"), (State.DRAFT, "go", "guardian")],
    ids=["state", "event", "role"],
)
def test_missing_row_is_named(state: State, name: str, role: str) -> None:
    """A step without a row names state, event and role."""
    with pytest.raises(IllegalStep, match=f"{state}.*{name}.*{role}") as caught:
        step(table(), asking(state), event(name, role), NOW)
    assert (state, name, role) == (caught.value.state, caught.value.event, caught.value.role)


def test_a_step_that_nobody_has_is_told_without_a_role() -> None:
    """Where a side has no such step at all nobody's role is named, and no empty one either."""
    assert "in state REPLIED there is no step 'refuse'" == str(IllegalStep("REPLIED", "refuse", ""))


def test_all_guards_speak() -> None:
    """A refusal carries what every guard found, not only the first."""
    with pytest.raises(RuleRefused, match="V-99: never; V-99: never") as caught:
        step(table(), asking(), event("wish"), NOW)
    assert (Finding("V-99", "never", "state"),) * 2 == caught.value.findings


def test_step_is_pure() -> None:
    """The same step taken twice gives the same answer and leaves its input as it was."""
    case = asking()
    assert step(table(), case, event("count"), NOW) == step(table(), case, event("count"), NOW)
    assert asking() == case


def test_two_rows_for_one_event_are_refused() -> None:
    """A table in which an event could lead two ways cannot be built."""
    with pytest.raises(ValueError, match="two rows"):
        table((*ROWS, Row(State.DRAFT, "go", State.CLOSED, OFFICER)))


def test_unknown_guard_is_refused() -> None:
    """A row whose guard has a wrong name cannot be built, so no guard is skipped by a slip."""
    with pytest.raises(ValueError, match="unknown guards"):
        table(guards={"always": _always})


def test_events_of_a_role() -> None:
    """A page can ask what a role may do in a state."""
    assert ("go", "count", "wish") == table().events(State.DRAFT, "officer")
    assert () == table().events(State.DRAFT, "guardian")
