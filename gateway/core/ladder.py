"""The ladder of escalation: how far a late answer has come on it, and on which day it reaches each level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.core.calendars import Calendar, OutOfCalendar, local_date
from gateway.core.clocks import Clock
from gateway.core.deadlines import DELAY_NOTICE_PERCENT, _add
from gateway.core.instruments import Unit


@dataclass(frozen=True, slots=True)
class Level:
    """
    One rung of the escalation ladder.

    ``anchor`` is ``fraction`` (``offset_n`` is a percentage of the time) or ``due`` (``offset_n`` units after the due
    date). ``who`` may trigger it; ``cooldown_days`` pass before it is triggered again.
    """

    level: str
    offset_n: int
    unit: str
    anchor: str
    who: tuple[str, ...]
    cooldown_days: int
    text: str

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Level":
        """Return the rung in one element of the ladder's ``levels``."""
        return cls(**{**value, "who": tuple(value["who"])})


def ladder_from_dict(value: Mapping[str, Any]) -> tuple[Level, ...]:
    """Return the rungs in ``value``, which the schema "ladder" accepted, lowest first."""
    return tuple(Level.from_dict(level) for level in value["levels"])


def level_on(level: Level, clock: Clock, calendar: Calendar) -> date:
    """
    Return the first local day on which ``level`` is reached.

    Nothing after the due date is reached while the due date lasts: due + 0 is the day after it.
    """
    if level.anchor == "fraction":
        if level.offset_n == DELAY_NOTICE_PERCENT:
            return clock.delay_on
        return clock.start_on + (clock.due_on - clock.start_on) * level.offset_n // 100
    if level.offset_n == 0:
        return local_date(clock.due_at, clock.zone)
    return _add(Unit(level.unit), clock.due_on, level.offset_n, calendar)


def level(
    clock: Clock, today: date, calendar: Calendar, ladder: Sequence[Level], *, held: bool = False
) -> Level | None:
    """
    Return the highest rung reached on ``today``, a date of the requested State, or ``None``.

    ``held``: the case is frozen, suspended, or marked as one where pressing may endanger; nothing is escalated then.
    The level is derived anew each time and never stored, and it is all that silence brings about. A rung whose day lies
    outside the calendar is not reached: nothing is pressed on a day nobody can count to.
    """
    if held or clock.floor:
        return None
    return next((rung for rung in reversed(ladder) if is_reached(rung, clock, today, calendar)), None)


def is_reached(rung: Level, clock: Clock, today: date, calendar: Calendar) -> bool:
    """Tell whether the day of ``rung`` has come by ``today``; it has not where the calendar cannot say."""
    try:
        return today >= level_on(rung, clock, calendar)
    except OutOfCalendar:
        return False
