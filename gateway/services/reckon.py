"""
Which rule and which calendar a clock runs by, between two States.

Both sides reckon for themselves from the same data; neither believes the other's date without its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from gateway.core.calendars import Calendar, OutOfCalendar, local_date
from gateway.core.deadlines import (
    Clock,
    Evidence,
    ExtensionRefused,
    Instrument,
    Level,
    Rule,
    Unit,
    extend_clock,
    is_overdue,
    level,
    rule_for,
    start_clock,
    with_evidence,
)
from gateway.core.wire import ClockClaim

_KEPT = 4096
"""Rules and clocks of a day that are kept, because every message of that day asks for them again."""

STEPS = ("acknowledgement", "reply")
"""Steps whose clock starts when the request is received."""


@dataclass(slots=True)
class Reckoner:
    """
    The law of one gateway: instruments, the calendar of each State, the escalation ladder.

    ``agreed`` narrows, for a pair of States (as a frozenset), the instruments to those agreed between them; a pair that
    is not named uses every instrument that applies. ``calendars`` maps a country to the calendar it counts by.
    """

    instruments: Sequence[Instrument]
    calendars: Mapping[str, Calendar]
    ladder: Sequence[Level]
    agreed: Mapping[frozenset[str], frozenset[str]] = field(default_factory=dict)
    _rules: dict[tuple[str, str, str, date], Rule | None] = field(default_factory=dict)
    _clocks: dict[tuple[str, str, date, str, str], Clock | None] = field(default_factory=dict)

    def rule(self, requesting: str, requested: str, step: str, at: datetime) -> Rule | None:
        """Return the most special rule for ``step`` that binds the pair at ``at``, or ``None``."""
        key = (requesting, requested, step, at.date())
        if key not in self._rules:
            if len(self._rules) >= _KEPT:
                self._rules.clear()
            agreed = self.agreed.get(frozenset((requesting, requested)))
            chosen = [one for one in self.instruments if agreed is None or one.id in agreed]
            self._rules[key] = rule_for(chosen, requesting, requested, step, at.date())
        return self._rules[key]

    def claim(self, requested: str, step: str) -> ClockClaim | None:
        """Return what a message says of the clock it starts: the requested State's calendar and its version."""
        calendar = self.calendars.get(requested)
        return ClockClaim(step, calendar.id, calendar.version) if calendar else None

    def start(self, requesting: str, requested: str, evidence: Evidence, steps: Sequence[str]) -> tuple[Clock, ...]:
        """
        Return the clocks of ``steps`` that ``evidence`` starts, in the requested State's calendar.

        A step without a rule, or a date outside the calendar, starts none: a missing clock shows as missing.
        """
        calendar = self.calendars.get(requested)
        if calendar is None:
            return ()
        clocks = []
        day = local_date(evidence.at, calendar.zone)
        for name in steps:
            rule = self.rule(requesting, requested, name, evidence.at)
            if rule is None or rule.start_event not in ("receipt", "transmission"):
                continue
            clock = self._begun(rule, evidence, calendar, day)
            if clock is not None:
                clocks.append(clock)
        return tuple(clocks)

    def _begun(self, rule: Rule, evidence: Evidence, calendar: Calendar, day: date) -> Clock | None:
        """Return the clock of ``rule``; those that begin on one day differ in their evidence alone."""
        if rule.unit is Unit.HOUR:
            return start_clock(rule, evidence, calendar)
        key = (rule.instrument, rule.step, day, calendar.id, calendar.version)
        if key not in self._clocks:
            if len(self._clocks) >= _KEPT:
                self._clocks.clear()
            try:
                self._clocks[key] = start_clock(rule, evidence, calendar)
            except OutOfCalendar:
                self._clocks[key] = None
        first = self._clocks[key]
        return with_evidence(first, evidence.digest) if first else None

    def extend(self, requesting: str, requested: str, clock: Clock, now: datetime, reason: str) -> Clock | None:
        """Return ``clock`` extended once more as its rule allows, or ``None`` if it allows no more."""
        calendar = self.calendars.get(requested)
        rule = self.rule(requesting, requested, clock.step, now)
        if calendar is None or rule is None:
            return None
        try:
            return extend_clock(clock, rule, calendar, now=now, reason=reason)
        except (ExtensionRefused, OutOfCalendar):
            return None

    def level(self, requested: str, clock: Clock | None, now: datetime, held: bool) -> str | None:
        """Return the escalation level that silence has reached at ``now``, or ``None``; derived, never stored."""
        calendar = self.calendars.get(requested)
        if clock is None or calendar is None:
            return None
        try:
            reached = level(clock, local_date(now, clock.zone), calendar, self.ladder, held=held)
        except OutOfCalendar:
            return None
        return reached.level if reached else None


def overdue(clock: Clock | None, now: datetime, held: bool = False) -> bool:
    """Tell whether ``clock`` has run out at ``now``; no clock is never overdue."""
    return clock is not None and is_overdue(clock, now, held=held)
