"""What holds of every clock, whatever the rule, the calendar, the zone and the order in which things happen."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.core.calendars import Calendar, local_date
from gateway.core.clocks import VERSIONS_MAX, Clock, extend_clock, is_overdue, recompute, start_clock, succeed
from gateway.core.deadlines import Evidence, ExtensionRefused, due
from gateway.core.explanation import longest
from gateway.core.instruments import Extension, Roll, Rule, Unit
from gateway.core.ladder import ladder_from_dict, level

YEARS = (date(2024, 1, 1), date(2045, 12, 31))
"""Long enough for seventy months after any start, rolled and extended."""
NEAR = (date(2025, 12, 1), date(2028, 12, 31))
"""Where the holidays lie, so that they are met."""
ZONES = ("Europe/Vienna", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Kiritimati", "Africa/Casablanca", "UTC")
LADDER = ladder_from_dict(schemas.load_ladder())

days = st.dates(date(2026, 1, 1), date(2027, 6, 30))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 30)).map(lambda one: one.replace(tzinfo=UTC))
zones = st.sampled_from(ZONES)
holidays = st.dictionaries(st.dates(*NEAR), st.just("Rest"), max_size=40)
weekends = st.sampled_from([frozenset({5, 6}), frozenset({4, 5}), frozenset({6}), frozenset[int]()])
counted = st.sampled_from([Unit.CALENDAR_DAY, Unit.WORKING_DAY, Unit.WERKTAG, Unit.MONTH])


@st.composite
def calendars(draw: st.DrawFn, zone: str | None = None) -> Calendar:
    return Calendar("XAA-T", "1", zone or draw(zones), draw(holidays), *YEARS, draw(weekends))


@st.composite
def rules(draw: st.DrawFn, *, extensible: bool = False) -> Rule:
    n = draw(st.integers(1, 40))
    roll = draw(st.sampled_from(list(Roll)))
    extension = None
    if extensible:
        more = draw(st.integers(1, 30))
        extension = Extension(draw(st.integers(1, more)), n + more)
    return Rule("TEST", "reply", n, draw(counted), "receipt", roll=roll, extension=extension)


def started(rule: Rule, calendar: Calendar, at: datetime) -> Clock:
    return start_clock(rule, Evidence("receipt", at, "digest"), calendar)


def without_history(clock: Clock) -> Clock:
    return replace(clock, history=())


# Nothing moves backwards, and nothing is lost.


@given(rules(extensible=True), calendars(), instants, st.lists(st.booleans(), max_size=8))
def test_no_clock_moves_backwards(rule: Rule, calendar: Calendar, at: datetime, steps: list[bool]) -> None:
    """Extensions and new holidays, in any order, never bring a due date forward, and number the versions in order."""
    clock = started(rule, calendar, at)
    for number, extended in enumerate(steps, 2):
        before = clock
        if extended:
            try:
                clock = extend_clock(clock, rule, calendar, now=at, reason="X")
            except ExtensionRefused:
                continue
        else:
            added = {clock.due_on: "New", **calendar.holidays} if clock.due_on <= YEARS[1] else calendar.holidays
            calendar = replace(calendar, version=str(number), holidays=added)
            clock = recompute(clock, rule, calendar)
        assert clock.due_on >= before.due_on
        assert clock.due_at >= before.due_at
        assert clock.start_on == before.start_on
        assert clock.version == before.version + 1
        assert clock.history == (*before.history, without_history(before))


@given(rules(extensible=True), calendars(), instants, st.integers(0, 10))
def test_no_extension_passes_its_cap(rule: Rule, calendar: Calendar, at: datetime, times: int) -> None:
    """However often it is extended, the units stay within the cap, and without a roll so does the day."""
    clock = started(rule, calendar, at)
    for _ in range(times):
        try:
            clock = extend_clock(clock, rule, calendar, now=at, reason="X")
        except ExtensionRefused:
            continue
    assert rule.extension is not None
    assert rule.n + sum(clock.extended) <= rule.extension.cap(rule.n)
    if rule.roll is Roll.NONE and rule.unit is not Unit.MONTH:
        whole = replace(rule, n=rule.extension.cap(rule.n), extension=None)
        assert clock.due_on <= due(whole, clock.start_on, calendar).due_on


@given(rules(extensible=True), calendars(), days)
def test_the_longest_period_is_the_cap(rule: Rule, calendar: Calendar, start: date) -> None:
    """Every extension taken at once ends where they end one by one, and never before the plain due date."""
    assert longest(rule, start, calendar).due_on >= due(rule, start, calendar).due_on


# A calendar that changes.


@given(rules(extensible=True), calendars(), instants, st.sets(st.dates(*NEAR), max_size=20), st.booleans())
def test_a_retroactive_decree_makes_a_new_version_and_keeps_the_old(
    rule: Rule, calendar: Calendar, at: datetime, decreed: set[date], extended: bool
) -> None:
    """Reckoned anew, the clock is what it would have been, and the version of the day stands in its history."""
    clock = started(rule, calendar, at)
    if extended:
        clock = extend_clock(clock, rule, calendar, now=at, reason="X")
    newer = replace(calendar, version="2", holidays={**calendar.holidays, **dict.fromkeys(decreed, "Decree")})
    anew = recompute(clock, rule, newer)
    assert without_history(clock) == anew.history[-1]
    assert ("recomputed", "2", clock.version + 1) == (anew.cause, anew.calendar_version, anew.version)
    assert clock.extended == anew.extended
    again = started(rule, newer, at)
    if extended:
        again = extend_clock(again, rule, newer, now=at, reason="X")
    assert again.due_on == anew.due_on


@given(rules(), calendars(), instants)
def test_the_same_calendar_makes_no_version(rule: Rule, calendar: Calendar, at: datetime) -> None:
    """Reckoning again by what has not changed changes nothing."""
    clock = started(rule, calendar, at)
    assert clock is recompute(clock, rule, calendar)


@given(rules(), calendars(), instants, instants)
def test_a_clock_that_follows_another_keeps_it(rule: Rule, calendar: Calendar, at: datetime, later: datetime) -> None:
    """Started anew by other evidence, a step keeps each clock that ran, once, and survives JSON with it."""
    first = started(rule, calendar, at)
    second = succeed(first, started(rule, calendar, later))
    assert (2, "restarted", (first,)) == (second.version, second.cause, second.history)
    assert second == Clock.from_dict(second.to_dict())
    third = succeed(second, started(rule, calendar, later))
    assert [()] * 2 == [one.history for one in third.history]
    last = third
    for _ in range(VERSIONS_MAX):  # what starts a step anew may come any number of times
        last = succeed(last, first)
    assert (VERSIONS_MAX, third.version + VERSIONS_MAX) == (len(last.history), last.version)
    assert last.version - 1 == last.history[-1].version


# Days, zones, changes of the clocks.


@given(rules(), calendars(), days)
def test_the_event_day_is_not_counted(rule: Rule, calendar: Calendar, start: date) -> None:
    """The period ends after its first day at the earliest, and one unit less ends no later."""
    end = due(rule, start, calendar).due_on
    assert end > start
    if rule.n > 1 and rule.roll is Roll.NONE:
        assert due(replace(rule, n=rule.n - 1), start, calendar).due_on <= end


@given(st.integers(1, 40), calendars(), days)
def test_working_days_are_counted_one_by_one(n: int, calendar: Calendar, start: date) -> None:
    """Between the event and the due date lie exactly as many working days as the rule says, the last one included."""
    end = due(Rule("TEST", "reply", n, Unit.WORKING_DAY, "receipt"), start, calendar).due_on
    between = [start + timedelta(days=at) for at in range(1, (end - start).days + 1)]
    assert n == sum(calendar.is_working(day) for day in between)
    assert calendar.is_working(end)


@given(st.integers(1, 40), calendars(), days)
def test_counting_back_mirrors_counting_on(n: int, calendar: Calendar, event: date) -> None:
    """Between the last day for a notice and the event lie as many working days, the event day not counted."""
    rule = Rule("TEST", "advance_notice", n, Unit.WORKING_DAY, "departure", backward=True)
    last = due(rule, event, calendar).due_on
    between = [last + timedelta(days=at) for at in range((event - last).days)]
    assert n == sum(calendar.is_working(day) for day in between)


@given(rules(), st.data(), zones, instants)
def test_a_day_ends_at_24_in_the_zone_of_the_requested_state(
    rule: Rule, data: st.DataObject, zone: str, at: datetime
) -> None:
    """The last instant of the due date is still in time and the next is not, across every change of the clocks."""
    clock = started(rule, data.draw(calendars(zone)), at)
    last = clock.due_at - timedelta(microseconds=1)
    assert clock.start_on == at.astimezone(ZoneInfo(zone)).date()
    assert (clock.due_on, False) == (local_date(last, zone), is_overdue(clock, last))
    assert (clock.due_on + timedelta(days=1), True) == (local_date(clock.due_at, zone), is_overdue(clock, clock.due_at))


@given(st.integers(1, 1000), calendars(), instants)
def test_hours_are_elapsed_hours_in_every_zone(n: int, calendar: Calendar, at: datetime) -> None:
    """A rule in hours ends after that many hours have passed, whatever the wall clocks showed meanwhile."""
    clock = started(Rule("TEST", "reply", n, Unit.HOUR, "receipt"), calendar, at)
    assert timedelta(hours=n) == clock.due_at - at


# Silence.


@given(rules(), calendars(), instants, st.timedeltas(timedelta(0), timedelta(days=1000)))
def test_nothing_is_overdue_while_it_is_held(rule: Rule, calendar: Calendar, at: datetime, passed: timedelta) -> None:
    """In a frozen interval nothing is overdue and no rung is reached; the time itself runs on."""
    clock, now = started(rule, calendar, at), at + passed
    assert (False, None) == (
        is_overdue(clock, now, held=True),
        level(clock, local_date(now, clock.zone), calendar, LADDER, held=True),
    )
    assert is_overdue(clock, now) == (now >= clock.due_at)


@given(rules(), calendars(), instants, st.lists(st.integers(0, 700), min_size=2, max_size=8))
def test_the_ladder_is_only_climbed(rule: Rule, calendar: Calendar, at: datetime, after: list[int]) -> None:
    """As days pass a rung is never lower than before, and asking changes nothing."""
    clock = started(rule, calendar, at)
    names = [
        rung.level if (rung := level(clock, clock.start_on + timedelta(days=day), calendar, LADDER)) else ""
        for day in sorted(after)
    ]
    assert sorted(names) == names
