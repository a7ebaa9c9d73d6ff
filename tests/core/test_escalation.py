"""Who may press when, and what stops it: one refusal for each reason, and none where all is in order."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import schemas
from gateway.core.calendars import Calendar
from gateway.core.case import Case, Side, State
from gateway.core.clocks import start_clock
from gateway.core.deadlines import Evidence
from gateway.core.escalation import (
    ALLOW,
    PROPOSE,
    STOP,
    Pressed,
    delay_notice_from,
    event_of,
    is_stopped,
    owed,
    owed_steps,
    press_findings,
    proposer,
    took_place,
)
from gateway.core.instruments import Instrument
from gateway.core.ladder import ladder_from_dict
from gateway.core.messages import DOCUMENT
from gateway.core.wire import SKEW
from tests.support.rows import for_each

START = datetime(2026, 12, 1, 12, tzinfo=UTC)
AUSTRIA = Calendar.from_dict(schemas.load_calendar("AT-2026-27"))
LADDER = {rung.level: rung for rung in ladder_from_dict(schemas.load_ladder())}
DEFAULT = Instrument.from_dict(schemas.load_instrument("POLICY_DEFAULT"))


def clock(step: str) -> Any:
    rule = DEFAULT.rule(step)
    assert rule is not None
    return start_clock(rule, Evidence("receipt", START, step), AUSTRIA)


CLOCKS = (clock("acknowledgement"), clock("reply"))
CASE = Case("ref", Side.REQUESTING, "XBB", "thread", State.ACKNOWLEDGED, "first", "NATIONALITY", CLOCKS)
LATE = datetime(2027, 1, 20, 12, tzinfo=UTC)


def ids(found: Any) -> list[str]:
    return [one.rule for one in found]


def pressed(event: str, actor: str = "first", day: int = 1) -> Pressed:
    return Pressed(event, actor, datetime(2027, 1, day, tzinfo=UTC))


@pytest.mark.parametrize("level", LADDER)
def test_each_rung_may_be_triggered_by_each_of_its_roles(level: str) -> None:
    """Once the day has come nothing stands against it for any role the ladder names."""
    rung, late = LADDER[level], LATE + timedelta(days=340)
    assert [] == [
        ids(press_findings(rung, CASE, role, (), AUSTRIA, late))
        for role in rung.who
        if press_findings(rung, CASE, role, (), AUSTRIA, late)
    ]


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "another role": ({"role": "registry_clerk"}, "D-04"),
    "frozen": ({"case": replace(CASE, state=State.FROZEN)}, "D-05"),
    "suspended": ({"case": replace(CASE, state=State.SUSPENDED)}, "D-05"),
    "do not press": ({"past": (pressed(STOP),)}, "D-06"),
    "do not press, one proposed": ({"past": (pressed(STOP), pressed(PROPOSE))}, "D-06"),
    "nothing owed": ({"case": replace(CASE, state=State.REPLIED)}, "D-07"),
    "no clock": ({"case": replace(CASE, clocks=())}, "D-07"),
    "no calendar": ({"calendar": None}, "D-07"),
    "our own debt": ({"case": replace(CASE, side=Side.REQUESTED)}, "D-07"),
    "too early": ({"now": datetime(2026, 12, 16, tzinfo=UTC)}, "D-07"),
    "rests": ({"past": (pressed("escalate_l2", day=18),)}, "D-08"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_stands_against_a_rung(name: str) -> None:
    """Each reason is a finding of its own."""
    changes, expected = REFUSED[name]
    asked: dict[str, Any] = {"case": CASE, "role": "desk_head", "past": (), "calendar": AUSTRIA, "now": LATE}
    assert expected in ids(press_findings(LADDER["L2"], **{**asked, **changes}))


def test_a_rung_rests_for_its_cool_down_and_no_longer() -> None:
    """After the cool-down the same rung may be triggered again; another rung never made it rest."""
    past = (pressed("escalate_l2", day=18), pressed("escalate_l3", day=19))
    days = [datetime(2027, 1, day, tzinfo=UTC) for day in (22, 23)]
    found = [ids(press_findings(LADDER["L2"], CASE, "desk_head", past, AUSTRIA, now)) for now in days]
    assert [["D-08"], []] == found


def test_a_rung_does_not_rest_from_a_day_that_has_not_come() -> None:
    """What a clock recorded that was weeks ahead keeps no later pressing back."""
    past = (replace(pressed("escalate_l2"), at=LATE + timedelta(days=20)),)
    assert [] == ids(press_findings(LADDER["L2"], CASE, "desk_head", past, AUSTRIA, LATE))


def test_the_reminder_is_the_first_rung() -> None:
    """L1 leaves the event of the numbered reminder, the others one of their own name."""
    assert ["remind", "escalate_l4"] == [event_of("L1"), event_of("L4")]


@pytest.mark.parametrize(
    ("events", "stopped", "who"),
    [
        ((), False, None),
        ((STOP,), True, None),
        ((STOP, PROPOSE), True, "first"),
        ((STOP, PROPOSE, ALLOW), False, None),
        ((STOP, PROPOSE, STOP), True, None),
        ((STOP, PROPOSE, ALLOW, STOP), True, None),
        (("remind", STOP, "remind"), True, None),
    ],
)
def test_the_mark_is_what_happened_last(events: tuple[str, ...], stopped: bool, who: str | None) -> None:
    """The mark stands from its setting to its taking away; setting it again ends a proposal."""
    past = [pressed(event) for event in events]
    assert (stopped, who) == (is_stopped(past), proposer(past))


OWED: Mapping[str, tuple[dict[str, Any], str | None]] = {
    "not acknowledged": ({"state": State.DELIVERED}, "acknowledgement"),
    "acknowledged": ({}, "reply"),
    "pointed to another authority": ({"state": State.REDIRECTED}, "acknowledgement"),
    "pointed to another authority, counted from its word": (
        {"state": State.REDIRECTED, "clocks": (clock("reply"),)},
        "reply",
    ),
    "answered": ({"state": State.REPLIED}, None),
    "frozen": ({"state": State.FROZEN}, None),
    "a second look without a time of its own": ({"state": State.CONTESTED, "answered": "reply"}, None),
    "a second look with one": ({"state": State.CONTESTED, "answered": "the first reply"}, "reply"),
    "document asked for": ({"state": State.DECIDED, "clocks": (clock("travel_document"),)}, "travel_document"),
    "document not asked for": ({"state": State.DECIDED}, None),
    "document due from us": (
        {"state": State.ACCEPTED, "side": Side.REQUESTED, "clocks": (clock("travel_document"),)},
        "travel_document",
    ),
    "another document due from us": (
        {
            "state": State.ACCEPTED,
            "side": Side.REQUESTED,
            "said": {DOCUMENT: {}},
            "clocks": (replace(clock("travel_document"), step="travel_document_reissue"),),
        },
        "travel_document_reissue",
    ),
    "interview agreed on": (
        {"clocks": (*CLOCKS, clock("interview")), "interview": {"answer": {"decision": "ACCEPTED"}}},
        "interview",
    ),
    "interview declined": (
        {"clocks": (*CLOCKS, clock("interview")), "interview": {"answer": {"decision": "DECLINED"}}},
        "reply",
    ),
    "interview held": (
        {
            "clocks": (*CLOCKS, clock("interview")),
            "interview": {"answer": {"decision": "ACCEPTED"}, "result": {"result": "HELD"}},
        },
        "reply",
    ),
}


@for_each("name", OWED)
def test_what_is_owed(name: str) -> None:
    """Of what runs, the desks see what is owed in the state the case is in, the earliest first."""
    changes, expected = OWED[name]
    found = owed(replace(CASE, **changes))
    assert expected == (found and found.step)


def test_what_ended_owes_nothing() -> None:
    """No state after the answer owes a step of the verification."""
    ended = (State.REPLIED, State.WITHDRAWN, State.CLOSED, State.NOT_RETURNED, State.CLOSED_SAFE, State.RECALL)
    assert [()] * len(ended) == [owed_steps(replace(CASE, state=state)) for state in ended]


def test_the_day_a_notice_of_delay_is_owed_from() -> None:
    """At 80 % of the time; a notice puts it off to the day after the one it names, and never brings it forward."""
    ours = replace(CASE, side=Side.REQUESTED)
    found = [
        delay_notice_from(replace(ours, delay=delay)) for delay in (None, {"eta": "2026-12-24"}, {"eta": "2026-12-02"})
    ]
    assert [date(2026, 12, 14), date(2026, 12, 25), date(2026, 12, 14)] == found
    assert None is delay_notice_from(CASE)


def test_what_a_clock_ahead_did_has_its_time_yet() -> None:
    """A reminder counts as sent up to the skew ahead of now; one dated later holds no other up."""
    now = datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert [True, True, False] == [took_place(now + ahead, now) for ahead in (-SKEW, SKEW, SKEW + timedelta(seconds=1))]
