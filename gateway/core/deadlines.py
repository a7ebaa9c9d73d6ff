"""
Deadlines: which agreement applies, when something is due, and the clock that says so.

Rule 1: law is data. Which days count, from which event, and how far they stretch stands in an instrument, never here.
Rule 2: the event day is not counted, and a day ends at 24:00 in the requested State.
Rule 3: a clock is never edited. An extension or a new list of holidays makes a new version, and the old one is kept.
Rule 4: silence has one effect, escalation. Whatever an instrument's text says about silence is shown, never applied.
Rule 5: a figure nobody verified is as usable as any other, but everything that shows it shows its confidence.
"""

import calendar as month_table
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.calendars import Calendar, OutOfCalendar, end_of_day, local_date

POLICY_DEFAULT = "POLICY_DEFAULT"
"""Id of the ladder that applies where no agreement does; it is policy and is shown as such."""

VERIFIED, UNVERIFIED = "verified", "unverified"
"""How sure a figure is that a named person compared with the text of its agreement, and one that nobody did."""

ESCALATE_ONLY = "ESCALATE_ONLY"
"""The only effect silence may have (Palermo Protocol art. 8, interpretative note: no return before verification)."""

ANYBODY = "*"
"""In a list of parties: every country."""

DELAY_NOTICE_PERCENT = 80
"""Share of the time after which an open case needs a reply or a notice of delay (CETS 197 art. 34(1))."""


NOTICE_MOST = timedelta(days=90)
"""
How long past the due day a notice of delay stands for an answer, whatever day it names.

No text names a figure. Three months are the longest period of a reply in any agreement here (BILAT-ES-MA).
"""


class BadRule(ValueError):
    """Say that an instrument's data contradicts itself."""


class ExtensionRefused(ValueError):
    """
    Say that a rule does not allow this extension.

    ``code`` is one of ``none``, ``late``, ``reason``, ``cap`` and ``amount``.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Unit(StrEnum):
    """What is counted. A Werktag is a working day or a Saturday that is no holiday; it is not an Arbeitstag."""

    CALENDAR_DAY = "calendar_day"
    WORKING_DAY = "working_day"
    WERKTAG = "werktag"
    MONTH = "month"
    HOUR = "hour"


class Roll(StrEnum):
    """What becomes of a last day that is no working day (Regulation 1182/71 art. 3(4) rolls; most treaties do not)."""

    NONE = "none"
    NEXT_WORKING = "next_working"


@dataclass(frozen=True, slots=True)
class Extension:
    """
    How far a rule stretches.

    ``n`` is the most one extension adds, ``max_total`` the most the whole count may reach, in the rule's unit.
    Without ``max_total`` there is one extension. ``before_expiry``: it is announced on the due date at the latest.
    """

    n: int
    max_total: int | None = None
    reason_required: bool = True
    before_expiry: bool = True

    def cap(self, n: int) -> int:
        """Return the most that a rule of ``n`` units may reach."""
        return n + self.n if self.max_total is None else self.max_total


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One step of one instrument: how long, in which unit, from which event.

    ``floor`` turns the due date into a day that must have passed (a reflection period) instead of one to meet.
    ``backward`` counts back from an event that is still to come, such as a notice before a departure.
    ``effect_of_silence_in_text`` is what the text says, for people to read; ``effect_of_silence`` is what this
    gateway does, always ``ESCALATE_ONLY``.
    """

    instrument: str
    step: str
    n: int
    unit: Unit
    start_event: str
    soft_n: int | None = None
    roll: Roll = Roll.NONE
    extension: Extension | None = None
    floor: bool = False
    backward: bool = False
    article: str | None = None
    confidence: str = UNVERIFIED
    source: str | None = None
    effect_of_silence_in_text: str | None = None
    effect_of_silence: str = ESCALATE_ONLY
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that contradicts itself or gives silence an effect."""
        if self.n < 1:
            raise BadRule(f"{self.instrument} {self.step}: a period has at least one unit")
        if self.soft_n is not None and not 1 <= self.soft_n <= self.n:
            raise BadRule(f"{self.instrument} {self.step}: the soft limit is not within the hard one")
        if self.extension is not None and (self.extension.n < 1 or self.extension.cap(self.n) <= self.n):
            raise BadRule(f"{self.instrument} {self.step}: an extension adds something")
        if self.floor and (self.soft_n is not None or self.extension is not None):
            raise BadRule(f"{self.instrument} {self.step}: a floor has neither a soft limit nor an extension")
        if self.backward and (
            self.floor or self.soft_n is not None or self.extension is not None or self.roll is Roll.NEXT_WORKING
        ):
            raise BadRule(f"{self.instrument} {self.step}: a count back has neither limits nor an extension nor a roll")
        if self.effect_of_silence != ESCALATE_ONLY:
            raise BadRule(f"{self.instrument} {self.step}: silence may only escalate")

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], instrument: Mapping[str, Any]) -> "Rule":
        """Return the rule of one element of ``steps``; what it leaves open comes from its instrument."""
        extension = value["extension"]
        return cls(
            **{
                **value,
                "instrument": instrument["id"],
                "unit": Unit(value["unit"]),
                "roll": Roll(value["roll"]),
                "extension": Extension(**extension) if extension else None,
                "article": value.get("article") or instrument["article"],
                "source": value.get("source") or instrument["source"],
            }
        )


@dataclass(frozen=True, slots=True)
class Parties:
    """One direction of an instrument: who may ask (``asking``) and who answers (``asked``), as country codes."""

    asking: frozenset[str]
    asked: frozenset[str]

    def match(self, requesting: str, requested: str) -> bool:
        """Tell whether ``requesting`` may ask ``requested`` under this direction."""
        return _among(requesting, self.asking) and _among(requested, self.asked)


@dataclass(frozen=True, slots=True)
class RemarkTerms:
    """What an agreement says of remarks in free words: the most characters, in which message types, and where."""

    most_characters: int
    types: frozenset[str]
    source: str

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "RemarkTerms":
        """Return the terms in ``value``, which the schema "instrument" accepted."""
        return cls(value["most_characters"], frozenset(value["types"]), value["source"])


@dataclass(frozen=True, slots=True)
class Instrument:
    """An agreement as data: who is bound, from when to when, and its rules."""

    id: str
    title: str
    parties: tuple[Parties, ...]
    specificity: int
    valid_from: date
    valid_until: date | None
    article: str | None
    source: str | None
    confidence: str
    verified_by: str | None
    verified_on: date | None
    steps: tuple[Rule, ...]
    remark: RemarkTerms | None = None

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Instrument":
        """Return the instrument in ``value``, which the schema "instrument" accepted."""
        return cls(
            id=value["id"],
            title=value["title"],
            parties=tuple(Parties(frozenset(pair["from"]), frozenset(pair["to"])) for pair in value["parties"]),
            specificity=value["specificity"],
            valid_from=date.fromisoformat(value["valid_from"]),
            valid_until=_date_or_none(value["valid_until"]),
            article=value["article"],
            source=value["source"],
            confidence=value["confidence"],
            verified_by=value["verified_by"],
            verified_on=_date_or_none(value["verified_on"]),
            steps=tuple(Rule.from_dict(step, value) for step in value["steps"]),
            remark=RemarkTerms.from_dict(terms) if (terms := value.get("remark")) else None,
        )

    def rule(self, step: str) -> Rule | None:
        """Return the rule for ``step``, or ``None`` where the instrument has none."""
        return next((rule for rule in self.steps if rule.step == step), None)

    def applies(self, requesting: str, requested: str, on: date) -> bool:
        """Tell whether the instrument binds this pair, in this direction, on ``on``."""
        in_force = self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)
        return in_force and any(pair.match(requesting, requested) for pair in self.parties)


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
        """Return the clock that ``to_dict`` made ``value`` from."""
        return cls(
            **{
                **value,
                "start_on": date.fromisoformat(value["start_on"]),
                "soft_on": _date_or_none(value["soft_on"]),
                "delay_on": date.fromisoformat(value["delay_on"]),
                "due_on": date.fromisoformat(value["due_on"]),
                "start_at": value["start_at"] and datetime.fromisoformat(value["start_at"]),
                "due_at": datetime.fromisoformat(value["due_at"]),
                "extended": tuple(value["extended"]),
                "history": tuple(cls.from_dict(clock) for clock in value["history"]),
            }
        )


_CLOCK = tuple(field.name for field in fields(Clock))
_VALUES = attrgetter(*_CLOCK)
_EVIDENCE = _CLOCK.index("evidence")


def with_evidence(clock: Clock, digest: str) -> Clock:
    """Return ``clock`` started by other evidence of the same day; what it reckons stays."""
    values: list[Any] = list(_VALUES(clock))
    values[_EVIDENCE] = digest
    return Clock(*values)


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


def _date_or_none(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _among(country: str, countries: frozenset[str]) -> bool:
    return country in countries or ANYBODY in countries


# --- which instrument -------------------------------------------------------------------------------------------------


def instruments_for(
    instruments: Iterable[Instrument], requesting: str, requested: str, step: str, on: date
) -> list[Instrument]:
    """
    Return the instruments in force with a rule for ``step``, the most special first, the policy default last.

    A better or faster agreement goes before the general one (Palermo Protocol art. 8(6)); which of them were agreed
    as the measure between two partners is configuration, so the caller passes those.
    """
    found = [one for one in instruments if one.rule(step) and one.applies(requesting, requested, on)]
    return sorted(
        found, key=lambda one: (one.id == POLICY_DEFAULT, -one.specificity, -one.valid_from.toordinal(), one.id)
    )


def remark_most(instruments: Iterable[Instrument], requesting: str, requested: str, type: str, on: date) -> int | None:
    """
    Return how many characters a remark in a message of ``type`` may have between the pair on ``on``.

    ``None`` where no agreement in force allows one. Of several that speak of remarks the most special one counts.
    """
    found = [one for one in instruments if one.remark and one.applies(requesting, requested, on)]
    first = min(found, key=lambda one: (-one.specificity, -one.valid_from.toordinal(), one.id), default=None)
    terms = first.remark if first else None
    return terms.most_characters if terms and type in terms.types else None


def rule_for(instruments: Iterable[Instrument], requesting: str, requested: str, step: str, on: date) -> Rule | None:
    """Return the rule of the most special instrument for ``step``, or ``None`` where not even a default has one."""
    return next((one.rule(step) for one in instruments_for(instruments, requesting, requested, step, on)), None)


# --- which event ------------------------------------------------------------------------------------------------------

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


# --- when -------------------------------------------------------------------------------------------------------------


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


def _local(instant: datetime | None, calendar: Calendar, rule: Rule) -> datetime:
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
        due_at = _local(start_at, calendar, rule) + timedelta(hours=-rule.n if rule.backward else rule.n)
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


# --- clocks -----------------------------------------------------------------------------------------------------------


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


def extend_clock(
    clock: Clock, rule: Rule, calendar: Calendar, *, now: datetime, reason: str | None, amount: int | None = None
) -> Clock:
    """
    Return the next version of ``clock``, extended by ``amount`` units or by all the rule still allows.

    Args:
        now: the instant of the notice; a rule may refuse one that comes after the due date.
        reason: the code of the reason (`reason_delay`).

    Raises:
        ExtensionRefused: with code ``none``, ``late``, ``reason``, ``cap`` or ``amount``.
    """
    extension = rule.extension
    if extension is not None and extension.before_expiry and is_overdue(clock, now):
        raise ExtensionRefused("late", "an extension is announced before the due date has passed")
    if extension is not None and extension.reason_required and not reason:
        raise ExtensionRefused("reason", "an extension gives a reason")
    before = Due(clock.soft_on, clock.delay_on, clock.due_on, clock.due_at)
    end, added = extend(rule, before, clock.start_on, calendar, clock.extended, amount)
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
    history = (*before.history, replace(before, history=()))
    return replace(clock, cause="restarted", version=before.version + 1, history=history)


def is_overdue(clock: Clock, now: datetime, *, held: bool = False) -> bool:
    """
    Tell whether the time is over at ``now`` and nothing came.

    The due date belongs to the requested State up to its last instant. A floor is never overdue. ``held``: the case
    is frozen or suspended, which stops the count of what is overdue though not the clock.
    """
    return not clock.floor and not held and now >= clock.due_at


def floor_passed(clock: Clock, now: datetime) -> bool:
    """Tell whether the day a floor forbids to act before is wholly over; ``False`` for any other clock."""
    return clock.floor and now >= clock.due_at


def days_left(clock: Clock, now: datetime) -> int:
    """Return the calendar days from today, in the requested State, to the due date; negative once it has passed."""
    return (clock.due_on - local_date(now, clock.zone)).days


def delay_notice_due(clock: Clock, now: datetime) -> bool:
    """Tell whether an open case needs a reply or a notice of delay by now (CETS 197 art. 34(1))."""
    return not clock.floor and local_date(now, clock.zone) >= clock.delay_on


def notice_until(clock: Clock, named: date) -> date:
    """Return the last day for which a notice of delay stands that names the day ``named``."""
    return min(named, clock.due_on + NOTICE_MOST)


# --- the ladder -------------------------------------------------------------------------------------------------------


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


# --- explaining -------------------------------------------------------------------------------------------------------


def not_counted(rule: Rule, start_on: date, due_on: date, calendar: Calendar) -> list[tuple[date, str]]:
    """Return the holidays between the two dates that the count passed over, with their names."""
    if rule.unit not in (Unit.WORKING_DAY, Unit.WERKTAG):
        return []
    rest = calendar.weekend - ({5} if rule.unit is Unit.WERKTAG else frozenset())
    days = ((day, name) for day, name in sorted(calendar.holidays.items()) if start_on < day <= due_on)
    return [(day, name) for day, name in days if day.weekday() not in rest]


def longest(rule: Rule, start_on: date, calendar: Calendar, start_at: datetime | None = None) -> Due:
    """
    Return the end of the period if every extension the rule allows is granted.

    Raises ``OutOfCalendar``.
    """
    end, already = due(rule, start_on, calendar, start_at), list[int]()
    while True:
        try:
            end, added = extend(rule, end, start_on, calendar, already)
        except ExtensionRefused:
            return end
        already.append(added)


def _explain_dates(rule: Rule, start_on: date, calendar: Calendar) -> dict[str, Any]:
    start_at = datetime.combine(start_on, datetime.min.time(), ZoneInfo(calendar.zone))
    try:
        end = due(rule, start_on, calendar, start_at)
        last = longest(rule, start_on, calendar, start_at)
    except OutOfCalendar as error:
        return dict.fromkeys(_DATES) | {"not_counted": [], "problem": str(error)}
    skipped = not_counted(rule, start_on, end.due_on, calendar)
    return {
        "soft_on": end.soft_on and end.soft_on.isoformat(),
        "delay_on": None if rule.floor or rule.backward or rule.step in UNANSWERED else end.delay_on.isoformat(),
        "due_on": end.due_on.isoformat(),
        "due_at": end.due_at.isoformat(),
        "extended_to": last.due_on.isoformat() if last != end else None,
        **_explain_otherwise(rule, start_on, start_at, end, calendar),
        "not_counted": [{"on": day.isoformat(), "name": name} for day, name in skipped],
        "problem": None,
    }


_DATES = ("soft_on", "delay_on", "due_on", "due_at", "extended_to", "without_holidays_on", "without_saturdays_on")


def _explain_otherwise(
    rule: Rule, start_on: date, start_at: datetime, end: Due, calendar: Calendar
) -> dict[str, str | None]:
    """Return the days that would follow from no holidays, and from no Saturday as a Werktag, where they differ."""
    bare = replace(calendar, holidays={}, valid_from=date.min, valid_until=date.max)
    without = due(rule, start_on, bare, start_at).due_on
    strict = None
    if rule.unit is Unit.WERKTAG:
        strict = due(replace(rule, unit=Unit.WORKING_DAY), start_on, calendar, start_at).due_on
    return {
        "without_holidays_on": without.isoformat() if without != end.due_on else None,
        "without_saturdays_on": strict.isoformat() if strict and strict != end.due_on else None,
    }


UNANSWERED = frozenset({"travel_document_validity", "approval_validity", "take_back"})
"""Steps that are how long something lasts: nobody owes an answer, so nothing is late and nothing is pressed."""

FOLLOWS: Mapping[str, str] = {"travel_document_validity": "expiry", "interview_result": "interview_result"}
"""Step -> start event that its last day is at the latest: a clock that another clock starts."""


def _explain_next(instrument: Instrument, rule: Rule, due_on: str | None, calendar: Calendar) -> list[dict[str, Any]]:
    """Return what the end of this step starts under the same instrument, reckoned from its last day."""
    event = FOLLOWS.get(rule.step)
    if event is None or due_on is None:
        return []
    found = []
    for other in instrument.steps:
        if other.start_event == event:
            dates = _explain_dates(other, date.fromisoformat(due_on), calendar)
            found.append({"step": other.step, "start_event": event, "start_on": due_on, "due_on": dates["due_on"]})
    return found


def _explain_ladder(
    rule: Rule, start_on: date, calendar: Calendar, ladder: Sequence[Level]
) -> list[dict[str, str | None]]:
    """Return each rung and the day on which silence reaches it; none for a period nobody answers."""
    if rule.floor or rule.backward or rule.step in UNANSWERED:
        return []
    clock = start_clock(
        rule, Evidence("", datetime.combine(start_on, datetime.min.time(), ZoneInfo(calendar.zone)), ""), calendar
    )

    def day(rung: Level) -> str | None:
        try:
            return level_on(rung, clock, calendar).isoformat()
        except OutOfCalendar:
            return None

    return [{"level": rung.level, "on": day(rung), "text": rung.text} for rung in ladder]


def explain(
    instruments: Iterable[Instrument],
    requesting: str,
    requested: str,
    step: str,
    start_on: date,
    calendar: Calendar,
    *,
    ladder: Sequence[Level] = (),
    roll: Roll | None = None,
    disputed: bool = False,
) -> list[dict[str, Any]]:
    """
    Return one row for each instrument with a rule for ``step``, the one that governs first.

    A row says what the rule is, where it stands, how sure that is, which evidence starts it, which dates follow from
    ``start_on``, what its end starts in turn, what the text says of silence and what silence does here: the day of
    each rung of ``ladder``. Dates are ISO strings; a row the calendar cannot answer has a ``problem`` in place of its
    dates. A rule in hours is counted from the beginning of ``start_on``.

    Args:
        roll: count as if the rule treated a last day of rest so, instead of as its text does.
        disputed: the requested State says that its authority received nothing.
    """
    rows = []
    for place, instrument in enumerate(instruments_for(instruments, requesting, requested, step, start_on)):
        rule = instrument.rule(step)
        if rule is None:
            continue
        rule = rule if roll is None or rule.backward else replace(rule, roll=roll)
        dates = _explain_dates(rule, start_on, calendar)
        rows.append(
            {
                "instrument": instrument.id,
                "title": instrument.title,
                "governs": place == 0,
                "article": rule.article,
                "source": rule.source,
                "confidence": rule.confidence,
                "verified_by": instrument.verified_by,
                "verified_on": instrument.verified_on and instrument.verified_on.isoformat(),
                "step": step,
                "n": rule.n,
                "unit": rule.unit.value,
                "soft_n": rule.soft_n,
                "start_event": rule.start_event,
                "started_by": _started_by(rule, disputed),
                "start_on": start_on.isoformat(),
                "roll": rule.roll.value,
                "extension": asdict(rule.extension) if rule.extension else None,
                "floor": rule.floor,
                "backward": rule.backward,
                "effect_of_silence_in_text": rule.effect_of_silence_in_text,
                "effect_of_silence": rule.effect_of_silence,
                "note": rule.note,
                "calendar": calendar.id,
                "calendar_version": calendar.version,
                **dates,
                "then": _explain_next(instrument, rule, dates["due_on"], calendar),
                "ladder": _explain_ladder(rule, start_on, calendar, ladder) if dates["due_on"] else [],
            }
        )
    return rows


def _started_by(rule: Rule, disputed: bool) -> str:
    """Return the kind of evidence that starts ``rule`` where a receipt and an acknowledgement are both there."""
    at = datetime(2000, 1, 1, tzinfo=UTC)
    held = [Evidence(kind, at, "") for kind in dict.fromkeys(("receipt", "acknowledgement", starts_by(rule)))]
    found = find_start(rule, held, disputed)
    return found.kind if found else starts_by(rule)
