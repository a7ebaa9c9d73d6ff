"""
When something is due: what starts a period, how its days are counted, and what an extension adds.

Rule 1: the event day is not counted, and a day ends at 24:00 in the requested State.
Rule 2: what starts a period is proved, and the best proof there is counts.
"""

import calendar as month_table
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from gateway.core.calendars import Calendar, end_of_day, local_date
from gateway.core.instruments import BadRule, Roll, Rule, Unit

DELAY_NOTICE_PERCENT = 80
"""Share of the time after which an open case needs a reply or a notice of delay (CETS 197 art. 34(1))."""


class ExtensionRefused(ValueError):
    """
    Say that a rule does not allow this extension.

    ``code`` is one of ``none``, ``late``, ``reason``, ``cap`` and ``amount``.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Due:
    """
    When something is due.

    Dates are those of the requested State; ``due_at`` is the UTC instant at which the time is over. ``soft_on`` is
    the date of "as a rule within"; ``delay_on`` that by which an open case needs a reply or a notice of delay.
    """

    soft_on: date | None
    delay_on: date
    due_on: date
    due_at: datetime


class Evidence(NamedTuple):
    """What may start a clock: its kind (``receipt``, ``acknowledgement`` ...), the instant, and the digest of it."""

    kind: str
    at: datetime
    digest: str


EVIDENCE: Mapping[str, tuple[str, ...]] = {
    "transmission": ("receipt",),
    "receipt": ("receipt", "acknowledgement"),
    "notice": ("receipt",),
    "information_given": ("receipt",),
    "confirmed_receipt": ("acknowledgement",),
    "procedure_started": ("acknowledgement",),
    "positive_reply": ("reply",),
    "nationality_established": ("reply",),
    "transfer": ("handover",),
}
"""
Start event -> kinds of evidence that prove it, best first.

"transmission": the instrument lets a transmission report count as receipt. "notice" and "information_given" are our
message, and its receipt says when it was there. "confirmed_receipt" and "procedure_started": only the requested State's
own word counts. An event that is not here is proven by evidence of its own name, such as a request, an entry, an issue,
an expiry or the result of an interview.
"""

CONDITIONAL = frozenset({"interview", "interview_result"})
"""Start events that some cases never see; until one does, the next agreement's rule for the step holds."""


def starts_by(rule: Rule) -> str:
    """Return the kind of evidence that starts the clock of ``rule`` when nothing is disputed."""
    return EVIDENCE.get(rule.start_event, (rule.start_event,))[0]


def find_start(rule: Rule, evidence: Iterable[Evidence], disputed: bool = False) -> Evidence | None:
    """
    Return the evidence that starts the clock of ``rule``, or ``None`` while there is none.

    ``disputed``: the requested State says that its authority received nothing. A gateway's receipt then stands only
    where the instrument counts the transmission; elsewhere the clock starts with the acknowledgement.
    """
    kinds = EVIDENCE.get(rule.start_event, (rule.start_event,))
    if disputed and rule.start_event == "receipt":
        kinds = ("acknowledgement",)
    held = sorted(evidence, key=lambda one: one.at)
    return next((one for kind in kinds for one in held if one.kind == kind), None)


def add_months(day: date, n: int) -> date:
    """Return the day ``n`` months after ``day``; where that month is too short, its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + n, 12)
    return date(year, month + 1, min(day.day, month_table.monthrange(year, month + 1)[1]))


def _add(unit: Unit, day: date, n: int, calendar: Calendar) -> date:
    """Return the last day of ``n`` units after the event day ``day`` (before it, if negative), before any roll."""
    match unit:
        case Unit.CALENDAR_DAY:
            return day + timedelta(days=n)
        case Unit.WORKING_DAY:
            return calendar.add_working(day, n)
        case Unit.WERKTAG:
            return calendar.add_working(day, n, saturday_counts=True)
        case Unit.MONTH:
            return add_months(day, n)
        case Unit.HOUR:
            raise BadRule("hours are counted from an instant, not from a day")


def _rolled(rule: Rule, day: date, calendar: Calendar) -> date:
    return calendar.next_working(day) if rule.roll is Roll.NEXT_WORKING else day


def _delay_on(rule: Rule, start_on: date, due_on: date, n: int, calendar: Calendar) -> date:
    """Return the day by which 80 % of the time is used: in the rule's own unit, months and hours by elapsed days."""
    if rule.backward:
        return due_on
    if rule.unit in (Unit.MONTH, Unit.HOUR):
        return start_on + (due_on - start_on) * DELAY_NOTICE_PERCENT // 100
    return _add(rule.unit, start_on, n * DELAY_NOTICE_PERCENT // 100, calendar)


def _local(instant: datetime | None, rule: Rule) -> datetime:
    if instant is None:
        raise BadRule(f"{rule.instrument} {rule.step}: hours are counted from an instant, not from a day")
    return instant.astimezone(UTC)


def due(rule: Rule, start_on: date, calendar: Calendar, start_at: datetime | None = None) -> Due:
    """
    Return when a period that began on ``start_on`` ends; the event day is not counted.

    ``start_on`` is the event's local date in the requested State and ``calendar`` that State's. ``start_at``, the
    event's instant, is needed for a rule in hours alone; those are elapsed hours. A rule that counts back gives the
    last day, or the last instant, before an event that is still to come.

    Raises:
        OutOfCalendar: the count needs a day the calendar does not know.
        BadRule: a rule in hours without an instant.
    """
    if rule.unit is Unit.HOUR:
        due_at = _local(start_at, rule) + timedelta(hours=-rule.n if rule.backward else rule.n)
        due_on = local_date(due_at, calendar.zone)
        return Due(None, _delay_on(rule, start_on, due_on, rule.n, calendar), due_on, due_at)
    if rule.backward:
        due_on = _add(rule.unit, start_on, -rule.n, calendar)
        return Due(None, due_on, due_on, end_of_day(due_on, calendar.zone))
    due_on = _rolled(rule, _add(rule.unit, start_on, rule.n, calendar), calendar)
    soft_on = None
    if rule.soft_n is not None:
        soft_on = _rolled(rule, _add(rule.unit, start_on, rule.soft_n, calendar), calendar)
    delay_on = _delay_on(rule, start_on, due_on, rule.n, calendar)
    return Due(soft_on, delay_on, due_on, end_of_day(due_on, calendar.zone))


def extend(
    rule: Rule, before: Due, start_on: date, calendar: Calendar, already: Sequence[int], amount: int | None = None
) -> tuple[Due, int]:
    """
    Return the end of the period after one more extension, and the units it added.

    The added units are counted from the old due date, not from the day of the grant. ``already`` are the units of
    earlier extensions; ``amount`` is how much is asked for, by default all the rule still allows.

    Raises:
        ExtensionRefused: the rule has no extension, its cap is reached, or ``amount`` goes past it.
    """
    extension = rule.extension
    if extension is None:
        raise ExtensionRefused("none", "the rule knows no extension")
    used = rule.n + sum(already)
    room = min(extension.n, extension.cap(rule.n) - used)
    if room < 1:
        raise ExtensionRefused("cap", "the longest period the rule allows is reached")
    added = room if amount is None else amount
    if not 1 <= added <= room:
        raise ExtensionRefused("amount", f"the rule leaves 1 to {room} more")
    if rule.unit is Unit.HOUR:
        due_at = before.due_at + timedelta(hours=added)
        due_on = local_date(due_at, calendar.zone)
    else:
        due_on = _rolled(rule, _add(rule.unit, before.due_on, added, calendar), calendar)
        due_at = end_of_day(due_on, calendar.zone)
    delay_on = max(before.delay_on, _delay_on(rule, start_on, due_on, used + added, calendar))
    return Due(before.soft_on, delay_on, due_on, due_at), added
