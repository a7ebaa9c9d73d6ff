"""
Clocks: one deadline of one case, begun by proof and never edited.

Rule 1: a clock is never edited. An extension or a new list of holidays makes a new version, and the old one is kept;
of those that were started anew again and again the last are (``VERSIONS_MAX``).
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any

from gateway.core.calendars import Calendar, local_date
from gateway.core.deadlines import Due, Evidence, ExtensionRefused, due, extend
from gateway.core.instruments import Rule, Unit, date_or_none

VERSIONS_MAX = 64
"""
Versions of one clock before the last that are kept where evidence starts it anew. A State may ask for a travel
document, or issue one, any number of times, each is a version, and each save of a case writes them all.
"""

NOTICE_MOST = timedelta(days=90)
"""
How long past the due day a notice of delay stands for an answer, whatever day it names.

No text names a figure. Three months are the longest period of a reply in any agreement here (BILAT-ES-MA).
"""


@dataclass(frozen=True, slots=True)
class Clock:
    """
    One running period, with the evidence that started it.

    ``evidence`` is the digest of the signed object that started it, ``start_on`` that event's local date in the
    requested State, ``extended`` the units granted so far, each. ``cause`` is ``started``, ``restarted``,
    ``extended``, ``shortened`` or ``recomputed``; ``history`` holds the earlier versions, oldest first, each with an
    empty history.
    """

    step: str
    instrument: str
    start_event: str
    evidence: str
    start_on: date
    start_at: datetime | None
    soft_on: date | None
    delay_on: date
    due_on: date
    due_at: datetime
    floor: bool
    calendar: str
    calendar_version: str
    zone: str
    extended: tuple[int, ...] = ()
    reason: str | None = None
    cause: str = "started"
    version: int = 1
    history: tuple["Clock", ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the clock as JSON values."""
        value = {name: getattr(self, name) for name in _CLOCK}
        for name in ("start_on", "soft_on", "delay_on", "due_on", "start_at", "due_at"):
            value[name] = value[name] and value[name].isoformat()
        return {**value, "extended": list(self.extended), "history": [clock.to_dict() for clock in self.history]}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Clock":
        """
        Return the clock that ``to_dict`` made ``value`` from.

        Its members go in by their places: names that were read Python would compare with each parameter, letter by
        letter. Raises ``TypeError`` for a member that there is not, ``KeyError`` where one is missing.
        """
        members = {
            **_DEFAULTS,
            **value,
            "start_on": date.fromisoformat(value["start_on"]),
            "soft_on": date_or_none(value["soft_on"]),
            "delay_on": date.fromisoformat(value["delay_on"]),
            "due_on": date.fromisoformat(value["due_on"]),
            "start_at": value["start_at"] and datetime.fromisoformat(value["start_at"]),
            "due_at": datetime.fromisoformat(value["due_at"]),
            "extended": tuple(value["extended"]),
            "history": tuple([cls.from_dict(clock) for clock in value["history"]]),
        }
        if len(members) > len(_CLOCK):
            raise TypeError(f"a clock has no {sorted(members.keys() - set(_CLOCK))}")
        return cls(*_IN_ORDER(members))


_CLOCK = tuple(field.name for field in fields(Clock))
_DEFAULTS = {one.name: one.default for one in fields(Clock) if one.default is not MISSING}
_VALUES, _IN_ORDER = attrgetter(*_CLOCK), itemgetter(*_CLOCK)
_EVIDENCE = _CLOCK.index("evidence")


def with_evidence(clock: Clock, digest: str) -> Clock:
    """Return ``clock`` started by other evidence of the same day; what it reckons stays."""
    values: list[Any] = list(_VALUES(clock))
    values[_EVIDENCE] = digest
    return Clock(*values)


def start_clock(rule: Rule, evidence: Evidence, calendar: Calendar) -> Clock:
    """
    Return the clock of ``rule``, started by ``evidence``, in the requested State's calendar and zone.

    Raises:
        OutOfCalendar: the count needs a day the calendar does not know.
    """
    start_on = local_date(evidence.at, calendar.zone)
    end = due(rule, start_on, calendar, evidence.at)
    return Clock(
        step=rule.step,
        instrument=rule.instrument,
        start_event=rule.start_event,
        evidence=evidence.digest,
        start_on=start_on,
        start_at=evidence.at.astimezone(UTC) if rule.unit is Unit.HOUR else None,
        soft_on=end.soft_on,
        delay_on=end.delay_on,
        due_on=end.due_on,
        due_at=end.due_at,
        floor=rule.floor,
        calendar=calendar.id,
        calendar_version=calendar.version,
        zone=calendar.zone,
    )


def _next_version(clock: Clock, end: Due, calendar: Calendar, cause: str) -> Clock:
    """Return ``clock`` with the new end, one version on, and the old version in its history."""
    return replace(
        clock,
        soft_on=end.soft_on,
        delay_on=end.delay_on,
        due_on=end.due_on,
        due_at=end.due_at,
        calendar=calendar.id,
        calendar_version=calendar.version,
        zone=calendar.zone,
        cause=cause,
        version=clock.version + 1,
        history=(*clock.history, replace(clock, history=())),
    )


def extend_clock(clock: Clock, rule: Rule, calendar: Calendar, *, now: datetime, reason: str | None) -> Clock:
    """
    Return the next version of ``clock``, extended by all that the rule still allows.

    Args:
        now: the instant of the notice; a rule may refuse one that comes after the due date.
        reason: the code of the reason (`reason_delay`).

    Raises:
        ExtensionRefused: with code ``none``, ``late``, ``reason`` or ``cap``.
    """
    extension = rule.extension
    if extension is not None and extension.before_expiry and is_overdue(clock, now):
        raise ExtensionRefused("late", "an extension is announced before the due date has passed")
    if extension is not None and extension.reason_required and not reason:
        raise ExtensionRefused("reason", "an extension gives a reason")
    before = Due(clock.soft_on, clock.delay_on, clock.due_on, clock.due_at)
    end, added = extend(rule, before, clock.start_on, calendar, clock.extended)
    longer = _next_version(clock, end, calendar, "extended")
    return replace(longer, extended=(*clock.extended, added), reason=reason)


def shorten_clock(clock: Clock) -> Clock:
    """
    Return the next version of ``clock`` without its last extension, which the other State did not accept.

    It ends as it did before that one; a clock that was not extended is returned as it is.
    """
    before = next((one for one in reversed(clock.history) if len(one.extended) < len(clock.extended)), None)
    if before is None:
        return clock
    history = (*clock.history, replace(clock, history=()))
    return replace(before, cause="shortened", version=clock.version + 1, history=history)


def recompute(clock: Clock, rule: Rule, calendar: Calendar) -> Clock:
    """
    Return ``clock`` reckoned anew from its evidence with another version of the calendar.

    Its extensions are laid on again, each with the units it had. Where neither a date nor the calendar changes, the
    clock itself is returned.
    """
    end = due(rule, clock.start_on, calendar, clock.start_at)
    for index, amount in enumerate(clock.extended):
        end, _ = extend(rule, end, clock.start_on, calendar, clock.extended[:index], amount)
    anew = _next_version(clock, end, calendar, "recomputed")
    same = replace(anew, cause=clock.cause, version=clock.version, history=clock.history)
    return clock if same == clock else anew


def succeed(before: Clock | None, clock: Clock) -> Clock:
    """
    Return ``clock`` as what follows ``before`` in the same step: one version on, everything earlier in its history.

    Other evidence may start a step anew, a second look after a reply or the result of an interview. The clock that
    ran until then is kept, as after an extension.
    """
    if before is None:
        return clock
    history = (*before.history, replace(before, history=()))[-VERSIONS_MAX:]
    return replace(clock, cause="restarted", version=before.version + 1, history=history)


def is_overdue(clock: Clock, now: datetime, *, held: bool = False) -> bool:
    """
    Tell whether the time is over at ``now`` and nothing came.

    The due date belongs to the requested State up to its last instant. A floor is never overdue. ``held``: the case
    is frozen or suspended, which stops the count of what is overdue though not the clock.
    """
    return not clock.floor and not held and now >= clock.due_at


def notice_until(clock: Clock, named: date) -> date:
    """Return the last day for which a notice of delay stands that names the day ``named``."""
    return min(named, clock.due_on + NOTICE_MOST)
