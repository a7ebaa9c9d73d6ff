"""A deadline explained: every day that counts and why, and what follows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core.calendars import Calendar, OutOfCalendar
from gateway.core.clocks import start_clock
from gateway.core.deadlines import Due, Evidence, ExtensionRefused, due, extend, find_start, starts_by
from gateway.core.instruments import Instrument, Roll, Rule, Unit, instruments_for
from gateway.core.ladder import Level, level_on


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


def _explain_rule(rule: Rule) -> dict[str, Any]:
    """Return what the rule is, where it stands, how sure that is, and what it says of silence; nothing is reckoned."""
    return {
        "article": rule.article,
        "source": rule.source,
        "confidence": rule.confidence,
        "step": rule.step,
        "n": rule.n,
        "unit": rule.unit.value,
        "soft_n": rule.soft_n,
        "start_event": rule.start_event,
        "roll": rule.roll.value,
        "extension": asdict(rule.extension) if rule.extension else None,
        "floor": rule.floor,
        "backward": rule.backward,
        "effect_of_silence_in_text": rule.effect_of_silence_in_text,
        "effect_of_silence": rule.effect_of_silence,
        "note": rule.note,
    }


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
                "verified_by": instrument.verified_by,
                "verified_on": instrument.verified_on and instrument.verified_on.isoformat(),
                **_explain_rule(rule),
                "started_by": _started_by(rule, disputed),
                "start_on": start_on.isoformat(),
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
