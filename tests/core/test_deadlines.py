"""Deadlines: the vectors of real agreements, clocks and their versions, the ladder, and which agreement governs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.core.calendars import Calendar, OutOfCalendar, end_of_day
from gateway.core.clocks import (
    Clock,
    extend_clock,
    is_overdue,
    recompute,
    shorten_clock,
    start_clock,
)
from gateway.core.deadlines import Evidence, ExtensionRefused, add_months, due, extend, find_start
from gateway.core.explanation import explain
from gateway.core.instruments import (
    ESCALATE_ONLY,
    POLICY_DEFAULT,
    BadRule,
    Extension,
    Instrument,
    Roll,
    Rule,
    Unit,
    instruments_for,
)
from gateway.core.ladder import ladder_from_dict, level, level_on

INSTRUMENTS = {name: Instrument.from_dict(value) for name, value in schemas.load_instruments().items()}
LADDER = ladder_from_dict(schemas.load_ladder())
AUSTRIA = Calendar.from_dict(schemas.load_calendar("AT-2026-27"))
VECTOR_DAYS = (date(2026, 12, 8), date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1), date(2027, 1, 6))
FIVE_DAYS = replace(AUSTRIA, id="FIVE", holidays=dict.fromkeys(VECTOR_DAYS, "Holiday"))
NO_DAYS = replace(AUSTRIA, id="NONE", holidays={})
BOTH = [pytest.param(AUSTRIA, id="AT-2026-27"), pytest.param(FIVE_DAYS, id="five-days")]


def d(text: str) -> date:
    """Return the date written as ``text``."""
    return date.fromisoformat(text)


def rule(name: str, step: str) -> Rule:
    """Return a rule of a shipped instrument, which must exist."""
    found = INSTRUMENTS[name].rule(step)
    assert found is not None
    return found


def at_noon(day: str) -> datetime:
    """Return noon UTC of ``day``."""
    return datetime.combine(d(day), datetime.min.time(), UTC) + timedelta(hours=12)


def started(one: Rule, day: str, calendar: Calendar = AUSTRIA) -> Clock:
    """Return the clock of ``one``, started at noon of ``day``."""
    return start_clock(one, Evidence("receipt", at_noon(day), "digest"), calendar)


def make(n: int = 10, unit: Unit = Unit.WORKING_DAY, **more: object) -> Rule:
    """Return a rule of an invented instrument."""
    return Rule("X", "reply", n, unit, "receipt", **more)  # type: ignore[arg-type]  # the tests name the fields


# --- the vectors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calendar", BOTH)
class TestVectors:
    """The dates that follow from real agreements, with the Austrian calendar and with five winter holidays alone."""

    def test_a1_no_roll(self, calendar):
        """A1: ten calendar days of a treaty without a roll rule end on Christmas Day."""
        assert d("2026-12-25") == due(rule("EURA-RS", "reply"), d("2026-12-15"), calendar).due_on

    def test_a2_roll(self, calendar):
        """A2: the same with a roll ends on the next working day."""
        rolled = replace(rule("EURA-RS", "reply"), roll=Roll.NEXT_WORKING)
        assert d("2026-12-28") == due(rolled, d("2026-12-15"), calendar).due_on

    def test_a3_extension_from_the_old_due_date(self, calendar):
        """A3: six more days are counted from the old due date, on whichever day they are granted."""
        one = rule("EURA-RS", "reply")
        for granted in ("2026-12-16", "2026-12-24"):
            longer = extend_clock(started(one, "2026-12-15", calendar), one, calendar, now=at_noon(granted), reason="X")
            assert d("2026-12-31") == longer.due_on

    def test_b_holidays_matter(self, calendar):
        """B: three working days over Christmas; without a holiday table the day is one too early."""
        one = rule("EURA-GE", "travel_document")
        expected = [d("2026-12-30"), d("2026-12-29")]
        assert expected == [due(one, d("2026-12-24"), held).due_on for held in (calendar, NO_DAYS)]

    def test_c_werktag_counts_saturday(self, calendar):
        """C: fourteen Werktage are not fourteen working days."""
        one = rule("BILAT-AT-MK", "reply")
        other = replace(one, unit=Unit.WORKING_DAY)
        expected = [d("2027-01-11"), d("2027-01-13")]
        assert expected == [due(each, d("2026-12-21"), calendar).due_on for each in (one, other)]

    def test_d_the_second_clock_starts_with_the_result(self, calendar):
        """D: ten days for the interview result, then 25 days from its notice, not from the application."""
        assert d("2026-12-11") == due(rule("EURA-RU-AT", "interview_result"), d("2026-12-01"), calendar).due_on
        assert d("2027-01-03") == due(rule("EURA-RU-AT", "reply"), d("2026-12-09"), calendar).due_on
        assert d("2026-12-26") == due(rule("EURA-RU", "reply"), d("2026-12-01"), calendar).due_on
        assert "interview_result" == rule("EURA-RU-AT", "reply").start_event

    def test_e_months(self, calendar):
        """E: three months end on the last day of February, in a leap year too."""
        one = rule("BILAT-ES-MA", "reply")
        expected = [d("2027-02-28"), d("2028-02-29")]
        assert expected == [due(one, d(start), calendar).due_on for start in ("2026-11-30", "2027-11-29")]

    def test_f_soft_and_hard(self, calendar):
        """F: one clock, a rule of 14 days and a limit of 30."""
        end = due(rule("BILAT-AT-XK", "reply"), d("2027-01-29"), calendar)
        assert (d("2027-02-12"), d("2027-02-28")) == (end.soft_on, end.due_on)

    def test_g_end_of_month(self, calendar):
        """G: four months from 31 October and six from 31 August end on the same day."""
        assert d("2027-02-28") == due(rule("BILAT-FR-RO-2002", "return_project"), d("2026-10-31"), calendar).due_on
        assert d("2027-02-28") == due(rule("BILAT-FR-RO-2002", "monitoring"), d("2026-08-31"), calendar).due_on

    def test_h_chained_clocks(self, calendar):
        """H: a document runs out after 90 days, and its re-issue is due 14 days later."""
        runs_out = due(rule("EURA-GE", "travel_document_validity"), d("2026-12-01"), calendar).due_on
        assert d("2027-03-01") == runs_out
        assert d("2027-03-15") == due(rule("EURA-GE", "travel_document_reissue"), runs_out, calendar).due_on

    def test_i_a_floor(self, calendar):
        """I: a reflection period ends on a day to wait for; it is never overdue and has no level."""
        clock = started(rule("COE197", "reflection"), "2026-11-24", calendar)
        assert d("2026-12-24") == clock.due_on
        late = at_noon("2027-06-01")
        assert (False, None) == (is_overdue(clock, late), level(clock, d("2027-06-01"), calendar, LADDER))

    def test_j_whose_holidays(self, calendar):
        """J: eleven working days differ by three with the holidays of the State that is asked."""
        one = rule("EURA-MD", "reply")
        expected = [d("2027-01-04"), d("2027-01-07")]
        assert expected == [due(one, d("2026-12-18"), held).due_on for held in (NO_DAYS, calendar)]

    def test_k_silence_escalates(self, calendar):
        """K: silence brings level after level, in order, and changes nothing in the clock."""
        one = rule("EURA-RS", "reply")
        assert one.effect_of_silence_in_text is not None
        assert "deemed" in one.effect_of_silence_in_text
        clock = started(one, "2026-12-15", calendar)
        days = ["2026-12-22", "2026-12-23", "2026-12-25", "2026-12-26", "2027-01-04", "2027-01-12", "2027-01-26"]
        found = [level(clock, d(day), calendar, LADDER) for day in days]
        assert [None, "L0", "L0", "L1", "L2", "L3", "L4"] == [rung and rung.level for rung in found]

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("EURA-BA-AT", "receipt"), ("EURA-BA", "ack"), ("EURA-UA-AT", "ack"), ("BILAT-RU-CH", "ack")],
    )
    def test_l_receipt_disputed(self, calendar, name, expected):
        """L: a disputed receipt stands where transmission counts; elsewhere the acknowledgement starts the clock."""
        evidence = [
            Evidence("acknowledgement", at_noon("2026-12-03"), "ack"),
            Evidence("receipt", at_noon("2026-12-01"), "receipt"),
        ]
        found = find_start(rule(name, "reply"), evidence, disputed=True)
        assert found is not None
        assert expected == found.digest
        assert (
            d("2026-12-01" if expected == "receipt" else "2026-12-03")
            == start_clock(rule(name, "reply"), found, calendar).start_on
        )


def test_no_rule_gives_silence_an_effect():
    """Every rule of every shipped agreement escalates on silence, and a rule that does more cannot be built."""
    assert {ESCALATE_ONLY} == {one.effect_of_silence for held in INSTRUMENTS.values() for one in held.steps}
    with pytest.raises(BadRule):
        make(effect_of_silence="DEEMED_CONSENT")


def test_undisputed_receipt_starts_the_clock():
    """Without a dispute a receipt starts a clock that counts from receipt."""
    receipt = Evidence("receipt", at_noon("2026-12-01"), "r")
    assert receipt == find_start(rule("EURA-RS", "reply"), [receipt])


def test_no_evidence_no_clock():
    """A clock that waits for an acknowledgement is not started by a receipt."""
    assert None is find_start(rule("EURA-UA-AT", "reply"), [Evidence("receipt", at_noon("2026-12-01"), "r")])


def test_an_event_of_its_own_name_is_evidence():
    """A recorded date of entry starts the clock that counts from entry."""
    entry = Evidence("entry", at_noon("2026-12-01"), "e")
    assert entry == find_start(rule("BILAT-ES-MA", "information"), [entry])


# --- data -------------------------------------------------------------------------------------------------------------


def test_no_figure_claims_a_verifier():
    """No shipped figure says that somebody verified it, and each says where it comes from."""
    for held in INSTRUMENTS.values():
        assert (None, None) == (held.verified_by, held.verified_on)
        assert "verified" not in {held.confidence, *(one.confidence for one in held.steps)}
        assert all(one.source for one in held.steps)


def test_general_knowledge_is_unverified():
    """A figure whose text was not consulted is labelled unverified."""
    steps = [one for held in INSTRUMENTS.values() for one in held.steps]
    unread = {one.confidence for one in steps if one.source and "General knowledge" in one.source}
    assert {"unverified"} == unread


def test_the_default_ladder():
    """The default has the times of the policy, one extension of ten with a reason, before the due date."""
    reply = rule(POLICY_DEFAULT, "reply")
    acknowledgement, document = rule(POLICY_DEFAULT, "acknowledgement"), rule(POLICY_DEFAULT, "travel_document")
    assert Extension(10, 20, reason_required=True, before_expiry=True) == reply.extension
    assert [10, 2, 3] == [reply.n, acknowledgement.n, document.n]
    assert {Unit.WORKING_DAY} == {one.unit for one in (reply, acknowledgement, document)}


def test_every_instrument_is_in_the_file_of_its_name():
    """Ids are unique and every agreement of the package builds."""
    assert sorted(INSTRUMENTS) == sorted(held.id for held in INSTRUMENTS.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 0},
        {"soft_n": 11},
        {"soft_n": 0},
        {"extension": Extension(5, 10)},
        {"extension": Extension(0, 12)},
        {"floor": True, "soft_n": 2},
        {"floor": True, "extension": Extension(5)},
        {"backward": True, "floor": True},
        {"backward": True, "soft_n": 2},
        {"backward": True, "extension": Extension(5)},
        {"backward": True, "roll": Roll.NEXT_WORKING},
    ],
)
def test_contradictions_are_refused(changes):
    """A rule that contradicts itself cannot be built."""
    with pytest.raises(BadRule):
        make(**changes)


# --- which instrument -------------------------------------------------------------------------------------------------


def ids(requesting: str, requested: str, step: str = "reply", on: str = "2026-12-01") -> list[str]:
    """Return the ids of the instruments that apply, in order."""
    return [held.id for held in instruments_for(INSTRUMENTS.values(), requesting, requested, step, d(on))]


@pytest.mark.parametrize(
    ("requesting", "requested", "expected"),
    [
        ("AUT", "RUS", ["EURA-RU-AT", "EURA-RU", POLICY_DEFAULT]),
        ("RUS", "AUT", ["EURA-RU-AT", "EURA-RU", POLICY_DEFAULT]),
        ("FRA", "RUS", ["EURA-RU", POLICY_DEFAULT]),
        ("AUT", "SRB", ["EURA-RS", "BILAT-AT-RS-ME-2004", POLICY_DEFAULT]),
        ("ESP", "MAR", ["BILAT-ES-MA", POLICY_DEFAULT]),
        ("MAR", "ESP", [POLICY_DEFAULT]),
        ("XAA", "XBB", [POLICY_DEFAULT]),
    ],
)
def test_special_before_general(requesting, requested, expected):
    """The special agreement goes first, the default last, and direction matters."""
    assert expected == ids(requesting, requested)


def test_not_in_force():
    """An agreement does not apply before its first day or after its last."""
    assert [POLICY_DEFAULT] == ids("AUT", "SRB", on="2003-12-31")
    ended = replace(INSTRUMENTS["EURA-RS"], valid_until=d("2026-11-30"))
    assert [] == instruments_for([ended], "AUT", "SRB", "reply", d("2026-12-01"))
    assert [ended] == instruments_for([ended], "AUT", "SRB", "reply", d("2026-11-30"))


def test_an_instrument_without_the_step_does_not_apply():
    """A protocol that says nothing about a step leaves it to the next agreement."""
    assert ["EURA-RU", POLICY_DEFAULT] == ids("FRA", "RUS")
    assert [] == ids("AUT", "RUS", "no_such_step")


def test_the_default_stays_last_whatever_its_rank():
    """The default never goes before an agreement."""
    high = replace(INSTRUMENTS[POLICY_DEFAULT], specificity=1000)
    found = instruments_for([high, INSTRUMENTS["EURA-RS"]], "AUT", "SRB", "reply", d("2026-12-01"))
    assert ["EURA-RS", POLICY_DEFAULT] == [held.id for held in found]


# --- instants ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "last"),
    [("Europe/Vienna", "2026-12-15T22:59:59Z"), ("Asia/Tbilisi", "2026-12-15T19:59:59Z")],
)
def test_due_until_24_in_the_requested_state(zone, last):
    """The due date lasts until 24:00 in the requested State, wherever the clock is read."""
    clock = started(make(10), "2026-12-01", replace(NO_DAYS, zone=zone))
    instant = datetime.fromisoformat(last)
    assert [False, True] == [is_overdue(clock, instant + timedelta(seconds=more)) for more in (0, 1)]


def test_the_event_day_is_that_of_the_requested_state():
    """A receipt late in the evening is of the next day further east."""
    evidence = Evidence("receipt", datetime(2026, 12, 1, 22, 0, tzinfo=UTC), "r")
    days = [
        start_clock(make(1), evidence, replace(NO_DAYS, zone=zone)).due_on for zone in ("Europe/Vienna", "Asia/Tbilisi")
    ]
    assert [d("2026-12-02"), d("2026-12-03")] == days


@pytest.mark.parametrize(
    ("start", "due_at"),
    [("2026-03-19", "2026-03-29T22:00:00Z"), ("2026-10-15", "2026-10-25T23:00:00Z")],
)
def test_a_change_of_the_clocks_moves_the_instant_not_the_day(start, due_at):
    """A period that ends on the day the clocks change lasts that whole local day."""
    clock = started(make(10, Unit.CALENDAR_DAY), start)
    assert (d(start) + timedelta(days=10), datetime.fromisoformat(due_at)) == (clock.due_on, clock.due_at)


def test_hours_are_elapsed_hours():
    """48 hours over a change of the clocks are 48 hours, and the local time differs."""
    at = datetime(2026, 10, 24, 10, 0, tzinfo=UTC)
    clock = start_clock(make(48, Unit.HOUR), Evidence("receipt", at, "r"), AUSTRIA)
    assert (at + timedelta(hours=48), d("2026-10-26")) == (clock.due_at, clock.due_on)
    assert [False, True] == [is_overdue(clock, clock.due_at + timedelta(seconds=more)) for more in (-1, 0)]


def test_hours_need_an_instant():
    """A rule in hours cannot be counted from a date."""
    with pytest.raises(BadRule):
        due(make(48, Unit.HOUR), d("2026-10-24"), AUSTRIA)


def test_hours_extend_in_hours():
    """An extension of a clock in hours adds hours."""
    one = make(48, Unit.HOUR, extension=Extension(24))
    clock = started(one, "2026-12-01")
    longer = extend_clock(clock, one, AUSTRIA, now=at_noon("2026-12-02"), reason="X")
    assert clock.due_at + timedelta(hours=24) == longer.due_at


def test_calendar_days_need_no_calendar_years():
    """Plain calendar days and months may run past the years a calendar knows; working days may not."""
    assert d("2028-01-09") == due(make(10, Unit.CALENDAR_DAY), d("2027-12-30"), AUSTRIA).due_on
    with pytest.raises(OutOfCalendar):
        due(make(10), d("2027-12-30"), AUSTRIA)


# --- delay notice and ladder ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (make(10), "2026-12-11"),
        (make(10, Unit.CALENDAR_DAY), "2026-12-09"),
        (make(14, Unit.CALENDAR_DAY), "2026-12-12"),
        (make(1), "2026-12-01"),
        (make(1, Unit.MONTH), "2026-12-25"),
    ],
)
def test_delay_notice_at_80_percent(one, expected):
    """The notice is due once 80 % of the time is used, in the rule's own unit."""
    clock = started(one, "2026-12-01", NO_DAYS)
    assert d(expected) == clock.delay_on


def test_an_extension_moves_the_delay_notice():
    """After an extension the notice is due at 80 % of the whole."""
    one = rule(POLICY_DEFAULT, "reply")
    longer = extend_clock(started(one, "2026-12-01", NO_DAYS), one, NO_DAYS, now=at_noon("2026-12-02"), reason="X")
    assert (d("2026-12-29"), d("2026-12-23")) == (longer.due_on, longer.delay_on)


def test_levels_follow_one_another():
    """Each level is reached after the one before it."""
    clock = started(rule(POLICY_DEFAULT, "reply"), "2026-12-01")
    days = [level_on(rung, clock, AUSTRIA) for rung in LADDER]
    assert ["L0", "L1", "L2", "L3", "L4", "L5", "L6"] == [rung.level for rung in LADDER]
    assert sorted(set(days)) == days


def test_another_fraction_is_counted_in_elapsed_days():
    """A rung at half the time is reached at half the days."""
    clock = started(make(10), "2026-12-01", NO_DAYS)
    assert d("2026-12-08") == level_on(replace(LADDER[0], offset_n=50), clock, NO_DAYS)


def test_held_stops_ladder_and_count():
    """While a case is frozen, nothing is escalated and nothing counted as overdue, though the time runs."""
    clock = started(rule(POLICY_DEFAULT, "reply"), "2026-12-01")
    assert None is level(clock, d("2027-01-20"), AUSTRIA, LADDER, held=True)
    assert [True, False] == [is_overdue(clock, at_noon("2027-01-20"), held=held) for held in (False, True)]


def test_nothing_is_pressed_on_a_day_that_the_calendar_does_not_know():
    """A rung whose day lies beyond the list of holidays is not reached, and those before it are."""
    clock = started(rule(POLICY_DEFAULT, "reply"), "2026-12-01")
    short = replace(AUSTRIA, valid_until=clock.due_on, holidays={})
    known = level(clock, d("2027-02-01"), AUSTRIA, LADDER)
    found = level(clock, d("2027-02-01"), short, LADDER)
    assert None not in (known, found)
    assert LADDER.index(found) < LADDER.index(known)


# --- extensions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "day", "reason", "code"),
    [
        (make(), "2026-12-02", "X", "none"),
        (make(extension=Extension(5)), "2026-12-16", "X", "late"),
        (make(extension=Extension(5)), "2026-12-02", None, "reason"),
        (make(extension=Extension(5)), "2026-12-02", "", "reason"),
    ],
)
def test_an_extension_is_refused(one, day, reason, code):
    """Without an extension in the rule, too late, or without a reason there is none."""
    with pytest.raises(ExtensionRefused) as refused:
        extend_clock(started(one, "2026-12-01", NO_DAYS), one, NO_DAYS, now=at_noon(day), reason=reason)
    assert code == refused.value.code


def test_only_once_without_a_total():
    """A rule without a total gives one extension."""
    one = make(extension=Extension(5))
    clock = extend_clock(started(one, "2026-12-01"), one, AUSTRIA, now=at_noon("2026-12-02"), reason="X")
    with pytest.raises(ExtensionRefused) as refused:
        extend_clock(clock, one, AUSTRIA, now=at_noon("2026-12-03"), reason="X")
    assert "cap" == refused.value.code


def test_more_than_the_rule_allows():
    """An amount beyond the rule is refused, and so is none at all."""
    one = make(extension=Extension(5))
    end = due(one, d("2026-12-01"), AUSTRIA)
    for amount in (0, -1, 6):
        with pytest.raises(ExtensionRefused) as refused:
            extend(one, end, d("2026-12-01"), AUSTRIA, (), amount)
        assert "amount" == refused.value.code


def test_late_and_without_reason_where_the_rule_allows():
    """A rule may allow an extension after the due date and without a reason."""
    one = make(extension=Extension(5, reason_required=False, before_expiry=False))
    clock = extend_clock(started(one, "2026-12-01", NO_DAYS), one, NO_DAYS, now=at_noon("2026-12-20"), reason=None)
    assert d("2026-12-22") == clock.due_on


def test_an_extension_is_a_new_version():
    """The old version of an extended clock is kept, with its dates."""
    one = rule(POLICY_DEFAULT, "reply")
    clock = started(one, "2026-12-01")
    longer = extend_clock(clock, one, AUSTRIA, now=at_noon("2026-12-02"), reason="ARCHIVE_SEARCH")
    assert (2, "extended", (10,), "ARCHIVE_SEARCH") == (longer.version, longer.cause, longer.extended, longer.reason)
    assert (clock,) == longer.history


# --- recomputing ------------------------------------------------------------------------------------------------------


def test_a_retroactive_holiday_makes_a_new_version():
    """A holiday decreed afterwards moves the due date in a new version; the old one still names its calendar."""
    one = make(10)
    clock = started(one, "2026-12-01")
    decreed = replace(AUSTRIA, version="2", holidays={**AUSTRIA.holidays, d("2026-12-10"): "Mourning"})
    anew = recompute(clock, one, decreed)
    assert (d("2026-12-16"), d("2026-12-17")) == (clock.due_on, anew.due_on)
    assert (2, "recomputed", "2") == (anew.version, anew.cause, anew.calendar_version)
    assert ((clock,), "1", "digest") == (anew.history, anew.history[0].calendar_version, anew.evidence)


def test_recomputing_with_the_same_calendar_changes_nothing():
    """Without a change there is no new version; hours, and they alone, are reckoned from the instant that is kept."""
    one, in_hours = rule(POLICY_DEFAULT, "reply"), make(48, Unit.HOUR)
    clock = extend_clock(started(one, "2026-12-01"), one, AUSTRIA, now=at_noon("2026-12-02"), reason="X")
    hours = started(in_hours, "2026-12-01")
    assert clock is recompute(clock, one, AUSTRIA)
    assert hours is recompute(hours, in_hours, AUSTRIA)
    assert (None, at_noon("2026-12-01")) == (clock.start_at, hours.start_at)


def test_recomputing_keeps_the_extension():
    """The units granted before are laid on again."""
    one = rule(POLICY_DEFAULT, "reply")
    clock = extend_clock(started(one, "2026-12-01"), one, AUSTRIA, now=at_noon("2026-12-02"), reason="X")
    anew = recompute(clock, one, replace(NO_DAYS, version="2"))
    assert ((10,), d("2026-12-29"), 3) == (anew.extended, anew.due_on, anew.version)
    assert [1, 2] == [old.version for old in anew.history]


def test_an_extension_that_is_not_accepted_leaves_those_before_it():
    """The other State refused the second: the first stands, also where holidays were reckoned anew meanwhile."""
    one = make(10, extension=Extension(5, 20))
    clocks = [started(one, "2026-12-01")]
    for _ in range(2):
        clocks.append(extend_clock(clocks[-1], one, AUSTRIA, now=at_noon("2026-12-02"), reason="X"))
    shorter = shorten_clock(recompute(clocks[2], one, replace(NO_DAYS, version="2")))
    assert (clocks[1].extended, clocks[1].due_on, 5) == (shorter.extended, shorter.due_on, shorter.version)
    assert [1, 2, 3, 4] == [old.version for old in shorter.history]
    assert clocks[0] is shorten_clock(clocks[0])


def test_a_clock_survives_json():
    """A clock with a history comes back as it was."""
    one = make(10, extension=Extension(5, 20), soft_n=3)
    clock = extend_clock(started(one, "2026-12-01"), one, AUSTRIA, now=at_noon("2026-12-02"), reason="X")
    hours = started(make(48, Unit.HOUR), "2026-12-01")
    assert [clock, hours] == [Clock.from_dict(each.to_dict()) for each in (clock, hours)]


# --- explaining -------------------------------------------------------------------------------------------------------


def test_explain_names_article_source_and_confidence():
    """Each row says which rule, from where, how sure, and what silence does here."""
    rows = explain(INSTRUMENTS.values(), "AUT", "SRB", "reply", d("2026-12-15"), AUSTRIA)
    assert [("EURA-RS", True), ("BILAT-AT-RS-ME-2004", False), (POLICY_DEFAULT, False)] == [
        (row["instrument"], row["governs"]) for row in rows
    ]
    assert ["medium", "high", "unverified"] == [row["confidence"] for row in rows]
    assert ["2026-12-25", "2027-01-05", "2026-12-30"] == [row["due_on"] for row in rows]
    assert all(row["source"] for row in rows)
    assert {ESCALATE_ONLY} == {row["effect_of_silence"] for row in rows}
    assert [{"on": "2026-12-25", "name": "Christmas Day"}] == rows[2]["not_counted"]


def test_explain_says_where_the_calendar_ends():
    """A row the calendar cannot answer says so and has no date."""
    (row,) = explain(INSTRUMENTS.values(), "XAA", "XBB", "reply", d("2027-12-30"), AUSTRIA)
    assert None is row["due_on"]
    assert "load a newer calendar" in row["problem"]


def test_explain_counts_a_saturday_holiday_for_werktage():
    """A holiday on a Saturday is passed over by Werktage and is no loss to working days."""
    (row, *_) = explain(INSTRUMENTS.values(), "AUT", "XKX", "travel_document", d("2026-12-23"), AUSTRIA)
    assert ["2026-12-25", "2026-12-26"] == [day["on"] for day in row["not_counted"]]


# --- properties -------------------------------------------------------------------------------------------------------

DAYS = st.dates(d("2026-01-01"), d("2026-12-31"))
UNITS = st.sampled_from([Unit.CALENDAR_DAY, Unit.WORKING_DAY, Unit.WERKTAG])
ROLLS = st.sampled_from(list(Roll))


@given(
    DAYS,
    st.integers(1, 40),
    UNITS,
    ROLLS,
    st.integers(1, 20),
    st.integers(1, 40),
    st.integers(0, 6),
)
def test_extensions_go_forward_and_end_at_the_cap(start, n, unit, roll, step, more, times):
    """However it is extended, a clock never moves back and its count never passes the cap."""
    one = make(n, unit, roll=roll, extension=Extension(step, n + more))
    clock = started(one, start.isoformat())
    for _ in range(times):
        try:
            longer = extend_clock(clock, one, AUSTRIA, now=at_noon(start.isoformat()), reason="X")
        except ExtensionRefused:
            continue
        assert longer.due_on > clock.due_on
        assert longer.due_at > clock.due_at
        assert longer.delay_on >= clock.delay_on
        assert longer.version == clock.version + 1
        clock = longer
    assert n + sum(clock.extended) <= n + more
    if roll is Roll.NONE:
        assert clock.due_on <= due(replace(one, n=n + more, extension=None), start, AUSTRIA).due_on


@given(DAYS, st.integers(1, 60), UNITS, ROLLS)
def test_order_of_dates(start, n, unit, roll):
    """The notice of delay never comes after the due date, and the due date is after the start."""
    end = due(make(n, unit, roll=roll), start, AUSTRIA)
    assert start <= end.delay_on <= end.due_on
    assert start < end.due_on
    assert end_of_day(end.due_on, AUSTRIA.zone) == end.due_at


@given(DAYS, st.integers(1, 60))
def test_more_rest_is_never_earlier(start, n):
    """Working days take as long as Werktage or longer, and those as long as calendar days or longer."""
    ends = [due(make(n, unit), start, AUSTRIA).due_on for unit in (Unit.CALENDAR_DAY, Unit.WERKTAG, Unit.WORKING_DAY)]
    assert sorted(ends) == ends


@given(DAYS, st.integers(1, 60), st.sets(st.dates(d("2026-01-01"), d("2027-12-31")), max_size=30))
def test_one_more_holiday_is_never_earlier(start, n, holidays):
    """Adding holidays never brings a due date forward, and recomputing equals reckoning at once."""
    one = make(n)
    fuller = replace(AUSTRIA, version="2", holidays={**AUSTRIA.holidays, **dict.fromkeys(holidays, "New")})
    clock = started(one, start.isoformat())
    anew = recompute(clock, one, fuller)
    assert anew.due_on >= clock.due_on
    assert started(one, start.isoformat(), fuller).due_on == anew.due_on


@given(DAYS, st.integers(1, 48))
def test_months(start, n):
    """The month is always the n-th after, and the day the same unless that month is too short."""
    end = add_months(start, n)
    assert (start.year * 12 + start.month + n) == end.year * 12 + end.month
    assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)
