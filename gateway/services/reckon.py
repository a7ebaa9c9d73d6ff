"""
Which rule and which calendar a clock runs by, between two States.

Both sides reckon for themselves from the same data; neither believes the other's date without its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from gateway.core.calendars import Calendar, OutOfCalendar, local_date
from gateway.core.clocks import (
    Clock,
    extend_clock,
    is_overdue,
    recompute,
    shorten_clock,
    start_clock,
    succeed,
    with_evidence,
)
from gateway.core.deadlines import CONDITIONAL, Evidence, ExtensionRefused, due, starts_by
from gateway.core.instruments import Instrument, Rule, Unit, instruments_for, remark_most
from gateway.core.ladder import Level, level
from gateway.core.starts import Start
from gateway.core.wire import ClockClaim

_KEPT = 4096
"""Rules and clocks of a day that are kept, because every message of that day asks for them again."""


RECKONS_OTHERWISE = "the other State reckons %(day)s, we reckon %(own_day)s"
"""Finding on a case of whose time the two States name different days."""


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
    _rules: dict[tuple[str, str, str, date], tuple[Rule, ...]] = field(default_factory=dict)
    _started: dict[tuple[str, str, str, tuple[str, ...], date], tuple[Rule, ...]] = field(default_factory=dict)
    _clocks: dict[tuple[str, str, date, str, str], Clock | None] = field(default_factory=dict)

    def rules(self, requesting: str, requested: str, step: str, at: datetime) -> tuple[Rule, ...]:
        """
        Return the rules for ``step`` that bind the pair at ``at``, the most special first.

        An agreement holds from the first to the last day of its validity in the requested State, as its clocks do.
        """
        on = self._day(requested, at)
        key = (requesting, requested, step, on)
        found = self._rules.get(key)
        if found is None:
            if len(self._rules) >= _KEPT:
                self._rules.clear()
            agreed = self.agreed.get(frozenset((requesting, requested)))
            chosen = [one for one in self.instruments if agreed is None or one.id in agreed]
            named = instruments_for(chosen, requesting, requested, step, on)
            found = self._rules[key] = tuple(rule for one in named if (rule := one.rule(step)))
        return found

    def rule(self, requesting: str, requested: str, step: str, at: datetime) -> Rule | None:
        """Return the most special rule for ``step`` that binds the pair at ``at``, or ``None``."""
        return next(iter(self.rules(requesting, requested, step, at)), None)

    def remark_most(self, requesting: str, requested: str, type: str, at: datetime) -> int | None:
        """Return how long a remark in a ``type`` may be by an agreement of the pair; ``None``: there is none."""
        agreed = self.agreed.get(frozenset((requesting, requested)))
        chosen = [one for one in self.instruments if agreed is None or one.id in agreed]
        return remark_most(chosen, requesting, requested, type, self._day(requested, at))

    def _day(self, requested: str, at: datetime) -> date:
        """Return the date of ``at`` in the requested State; without a calendar of it nothing is reckoned by that."""
        calendar = self.calendars.get(requested)
        return at.date() if calendar is None else local_date(at, calendar.zone)

    def claim(self, requested: str, step: str) -> ClockClaim | None:
        """Return what a message says of the clock it starts: the requested State's calendar and its version."""
        calendar = self.calendars.get(requested)
        return ClockClaim(step, calendar.id, calendar.version) if calendar else None

    def start(
        self,
        requesting: str,
        requested: str,
        evidence: Evidence,
        steps: Sequence[str],
        running: Sequence[Clock] = (),
    ) -> tuple[Clock, ...]:
        """
        Return the clocks of ``steps`` that ``evidence`` starts, in the requested State's calendar.

        A step whose rule names other evidence is not started by this one. A step without a rule, or a date outside the
        calendar, starts none: a missing clock shows as missing. One of ``running`` in the same step goes on in the
        history of what follows it.
        """
        calendar = self.calendars.get(requested)
        if calendar is None:
            return ()
        rules = self._starting(requesting, requested, tuple(steps), evidence)
        if not rules:
            return ()
        clocks = []
        day = self._day(requested, evidence.at)
        for rule in rules:
            clock = self._begun(rule, evidence, calendar, day)
            if clock is not None:
                clocks.append(succeed(next((one for one in running if one.step == rule.step), None), clock))
        return tuple(clocks)

    def begin(
        self,
        requesting: str,
        requested: str,
        starts: Sequence[Start],
        at: datetime,
        digest: str,
        running: Sequence[Clock] = (),
    ) -> tuple[Clock, ...]:
        """
        Return the clocks that a message starts: ``starts`` is what it proves, ``digest`` that of its payload.

        ``at`` is the instant that counts where the message itself states no date.

        Raises ``OverflowError`` if ``at`` is too near the end of time to count from.
        """
        calendar = self.calendars.get(requested)
        if calendar is None or not starts:
            return ()
        clocks: list[Clock] = []
        for one in starts:
            # A date has no hour. Noon is on that date wherever the clocks of the zone are just being changed.
            since = at if one.on is None else datetime.combine(one.on, time(12), ZoneInfo(calendar.zone))
            try:
                clocks += self.start(requesting, requested, Evidence(one.kind, since, digest), one.steps, running)
            except OverflowError:
                if one.on is None:
                    raise
                # The message states a date at the end of the calendar of the world; nothing can be counted from it.
        return tuple(clocks)

    def lacking(
        self, requesting: str, requested: str, starts: Sequence[Start], at: datetime, begun: Sequence[Clock]
    ) -> tuple[str, ...]:
        """
        Return the steps whose clock ``starts`` start by the rules that bind the pair, and that is not ``begun``.

        None where the requested State has no calendar at all, for then nothing is ever reckoned with it.
        """
        if requested not in self.calendars:
            return ()
        rules = (
            rule
            for one in starts
            for rule in self._starting(requesting, requested, one.steps, Evidence(one.kind, at, ""))
        )
        running = {clock.step for clock in begun}
        return tuple(dict.fromkeys(rule.step for rule in rules if rule.step not in running))

    def _starting(
        self, requesting: str, requested: str, steps: tuple[str, ...], evidence: Evidence
    ) -> tuple[Rule, ...]:
        """Return the rules of ``steps`` that ``evidence`` starts; the same for all evidence of its kind on a day."""
        key = (requesting, requested, evidence.kind, steps, self._day(requested, evidence.at))
        found = self._started.get(key)
        if found is None:
            if len(self._started) >= _KEPT:
                self._started.clear()
            rules = (self._started_by(requesting, requested, step, evidence) for step in steps)
            found = self._started[key] = tuple(rule for rule in rules if rule is not None)
        return found

    def _started_by(self, requesting: str, requested: str, step: str, evidence: Evidence) -> Rule | None:
        """Return the rule that ``evidence`` starts: the governing one, or what holds until its event comes, if ever."""
        for rule in self.rules(requesting, requested, step, evidence.at):
            if rule.backward:
                return None
            if starts_by(rule) == evidence.kind:
                return rule
            if rule.start_event not in CONDITIONAL:
                return None
        return None

    def of(self, requesting: str, requested: str, clock: Clock) -> Rule | None:
        """
        Return the rule that ``clock`` runs by: that which bound the pair when it started, whatever has ended since.

        ``None`` if the agreement is not among the data any more.
        """
        at = datetime.combine(clock.start_on, time(12), ZoneInfo(clock.zone))
        found = self.rules(requesting, requested, clock.step, at)
        return next((rule for rule in found if rule.instrument == clock.instrument), None)

    def recompute(self, requesting: str, requested: str, clock: Clock) -> Clock:
        """Return ``clock`` reckoned anew by the calendar of today, or itself where nothing changes or none answers."""
        calendar = self.calendars.get(requested)
        rule = self.of(requesting, requested, clock)
        if (
            calendar is None
            or rule is None
            or (calendar.id, calendar.version) == (clock.calendar, clock.calendar_version)
        ):
            return clock
        try:
            return recompute(clock, rule, calendar)
        except (ExtensionRefused, OutOfCalendar):
            return clock

    def notice_by(self, requesting: str, requested: str, departs_at: datetime, arrives_at: datetime) -> datetime | None:
        """
        Return the last instant for the notice of a journey, or ``None`` where no agreement asks for one.

        Counted back from the departure or the arrival, whichever the agreement names.

        Raises ``OutOfCalendar``, and ``KeyError`` where an agreement asks for it and there is no calendar.
        """
        rule = self.rule(requesting, requested, "advance_notice", departs_at)
        if rule is None:
            return None
        calendar = self.calendars[requested]
        event = arrives_at if rule.start_event == "arrival" else departs_at
        return due(rule, local_date(event, calendar.zone), calendar, event).due_at

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
        rule = self.of(requesting, requested, clock)
        if calendar is None or rule is None:
            return None
        try:
            return extend_clock(clock, rule, calendar, now=now, reason=reason)
        except (ExtensionRefused, OutOfCalendar):
            return None

    def shorten(self, requesting: str, requested: str, clock: Clock) -> Clock:
        """Return ``clock`` without its last extension, by the calendar of today: a decree since then still stands."""
        return self.recompute(requesting, requested, shorten_clock(clock))

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
