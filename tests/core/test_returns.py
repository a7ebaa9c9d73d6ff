"""
What the steps of a return look at, save and send.

``tests/test_tables.py`` takes every row with everything in order, and ``tests/test_explore.py`` shows of each guard
that something would go wrong without it. Here are the edges of the guards, and what each step leaves behind.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.core.case import Case, Release, Side, State
from gateway.core.facts import When, about
from gateway.core.machine import NOT_TOLD, DropUnsent, Effect, Event, IllegalStep, Notify, RuleRefused, Send, step
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    PROPOSAL,
    REISSUE,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
)
from gateway.core.return_changes import (
    REPORTED,
    REPORTS_MAX,
    RESUMPTION_BODY,
    STOPPED_LATE,
    STOPPED_THERE,
    SUSPENSION_BODY,
    TO_BE_TAKEN_BACK,
)
from gateway.core.return_guards import OUTDATED, OVER_BY_THEN, open_for_return, outdated, proposed, represented
from gateway.core.returns import AWAY, DOCUMENT_MARGIN, OUTCOMES, SEALED_H, VALID_DAYS
from gateway.core.rules import findings
from gateway.core.tables import GUARDS, table_for
from gateway.core.verification import PARTNER
from schemas import ijson
from tests.core import return_support as kit
from tests.core import support
from tests.core.support import AROUND, NOW, around
from tests.support.rows import for_each

S = State
ASKING, ASKED = Side.REQUESTING, Side.REQUESTED
BOTH = pytest.mark.parametrize("side", list(Side))
OF_BOTH_AGES = pytest.mark.parametrize("minor", [False, True], ids=["adult", "minor"])

SOUGHT = support.draft(asylum={**support.DRAFT["asylum"], "state": "indicated"})
"""The file of somebody who turned out to seek protection, so that nothing may be said."""

Taken = tuple[Case, tuple[Effect, ...]]


def ready(side: Side, state: State, event: str, minor: bool = False, **changes: Any) -> Case:
    """Return a case in ``state`` to whose ``event`` nothing objects, with members changed."""
    return replace(kit.good_case(side, table_for(side).index[state, event], minor), **changes)


def brought(case: Case, name: str, *, minor: bool = False, by: tuple[str, str] | None = None, **data: Any) -> Event:
    """Return the event with which nothing is wrong; ``by`` brings it, and ``data`` is laid over what comes with it."""
    event = kit.good_event(table_for(case.side).index[case.state, name], case, minor)
    event = replace(event, data={**event.data, **data})
    return event if by is None else replace(event, actor=by[0], role=by[1])


def take(case: Case, name: str, *, now: datetime = NOW, **more: Any) -> Taken:
    """Take the step ``name``, brought as ``brought`` says."""
    return step(table_for(case.side), case, brought(case, name, **more), now)


def taken(side: Side, state: State, name: str, minor: bool = False, **data: Any) -> Taken:
    """Take the step ``name`` in ``state`` with everything in order."""
    return take(ready(side, state, name, minor), name, minor=minor, **data)


def objects(guard: str, case: Case, name: str, *, now: datetime = NOW, **more: Any) -> bool:
    """Return whether ``guard`` objects to the step."""
    return bool(GUARDS[guard](case, brought(case, name, **more), now))


def recorded(guard: str, state: State, name: str, minor: bool = False, now: datetime = NOW, **record: Any) -> bool:
    """Return whether ``guard`` objects to the step if the record has members changed."""
    case = ready(ASKING, state, name, minor, record=kit.record(**record))
    return objects(guard, case, name, minor=minor, now=now)


def sent(effects: tuple[Effect, ...]) -> list[Send]:
    """Return the messages among the effects."""
    return [effect for effect in effects if isinstance(effect, Send)]


def text(value: Mapping[str, Any]) -> str:
    """Return a body as it would leave."""
    return ijson.dumps(value).decode()


def at(day: str, hour: int = 9) -> datetime:
    """Return an hour of an ISO date, in UTC."""
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00+00:00")


def kinds(case: Case) -> set[tuple[str, str, str]]:
    """Return whose statements of which kind and role are held."""
    return {(one.authority, one.kind, one.role) for one in case.releases}


# Before a proposal: who, when, and on what.


@pytest.mark.parametrize("zone", ["America/Bogota", "Europe/Vienna", "Asia/Tbilisi"])
def test_a_time_that_protects_lasts_to_the_end_of_its_last_day(zone: str) -> None:
    """In the evening of that day, where the record is kept, neither the time to reflect nor that to appeal is over."""
    evening = datetime(2026, 11, 30, 23, 59, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    reflection = {"granted_on": "2026-10-31", "ends_on": "2026-11-30", "waived_in_writing_on": None}
    decision = {"appeal_until": "2026-11-30", "waived": False, "on": "2026-11-26"}
    proposing = ready(ASKING, S.ASSESSED, "propose", record=kit.record(reflection=reflection))
    deciding = ready(ASKING, S.ACCEPTED, "decide", record=kit.record(decision=decision))
    for now, holds in ((evening, True), (evening + timedelta(minutes=1), False)):
        assert holds is objects("reflection_over", proposing, "propose", now=now, zone=zone)
        assert holds is objects("decided_finally", deciding, "decide", now=now, zone=zone)


@pytest.mark.parametrize("zone", ["America/Bogota", "Europe/Vienna", "Asia/Tbilisi"])
def test_an_assessment_counts_to_the_end_of_its_last_day(zone: str) -> None:
    """What the record dates begins and ends with a day where the record is kept, and not in UTC."""
    midnight = datetime(2026, 12, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    lasting = kit.record(assessments=kit.assessment("risk", expires_on="2026-11-30"))
    beginning = kit.record(
        assessments=kit.assessment("risk", on="2026-12-01"),
        identification={"concluded_on": "2026-12-01"},
        contacts_given_on="2026-12-01",
        wish={"written_on": "2026-12-01"},
        views={"heard_on": "2026-12-01", "by": "dora"},
    )
    guards = ("assessed_positive", "identified", "consented")
    for now, over in ((midnight - timedelta(minutes=1), False), (midnight, True)):
        case = ready(ASKING, S.ASSESSED, "propose", record=lasting)
        assert over is objects("assessed_positive", case, "propose", now=now, zone=zone)
        for minor in (False, True):
            case = ready(ASKING, S.ASSESSED, "propose", minor, record=beginning)
            assert [not over] * 3 == [
                objects(name, case, "propose", minor=minor, now=now, zone=zone) for name in guards
            ]
        case = ready(ASKING, S.SCHEDULED, "depart", record=beginning)
        assert over is not objects("contacts_given", case, "depart", now=now, zone=zone)


def test_an_adult_waives_the_time_to_reflect_in_writing() -> None:
    """A waiver in writing ends an adult's time to reflect, from the day it was written on."""
    running = {"granted_on": "2026-11-20", "ends_on": "2026-12-31"}
    for written, holds in (("2026-12-01", False), ("2026-12-02", True)):
        reflection = {**running, "waived_in_writing_on": written}
        assert holds is recorded("reflection_over", S.ASSESSED, "propose", reflection=reflection)


def test_a_minor_waives_nothing() -> None:
    """The time to reflect of a minor runs to its end, whatever was written."""
    reflection = {"granted_on": "2026-11-20", "ends_on": "2026-12-31", "waived_in_writing_on": "2026-11-21"}
    assert recorded("reflection_over", S.ASSESSED, "propose", minor=True, reflection=reflection)


@pytest.mark.parametrize(
    ("granted_on", "ends_on", "holds"),
    [
        ("2026-10-31", "2026-11-30", False),
        ("2026-11-01", "2026-11-30", True),
        ("2026-10-31", "2026-12-01", True),
    ],
    ids=["thirty days, over yesterday", "twenty-nine days", "its last day is today"],
)
def test_the_time_to_reflect_is_thirty_days_and_over(granted_on: str, ends_on: str, holds: bool) -> None:
    """Thirty days at least were granted, and the last of them is past."""
    reflection = {"granted_on": granted_on, "ends_on": ends_on}
    assert holds is recorded("reflection_over", S.ASSESSED, "propose", reflection=reflection)


def test_a_day_beyond_which_no_calendar_counts_is_an_objection_and_no_fault() -> None:
    """As in the rules: whoever typed the last day there is into a record is told that the step cannot be taken."""
    last = {"granted_on": "9999-12-31", "ends_on": "9999-12-31"}
    assert recorded("reflection_over", S.ASSESSED, "propose", reflection=last)


@pytest.mark.parametrize(("on", "holds"), [("2026-12-01", False), ("2026-12-02", True)])
def test_identification_is_concluded_and_not_announced(on: str, holds: bool) -> None:
    """A day to come on which identification will be concluded counts for nothing."""
    assert holds is recorded("identified", S.ASSESSED, "propose", identification={"concluded_on": on})


@pytest.mark.parametrize(
    ("file", "holds"),
    [
        (support.DRAFT, False),
        (kit.MINOR, False),
        ({**kit.MINOR, "representative": None}, True),
        ({**kit.MINOR, "representative": {**kit.MINOR["representative"], "signed_by": ""}}, True),
        (support.draft(age={"class": "unknown", "decision": None}), True),
        (None, True),
    ],
    ids=["adult", "minor", "nobody", "nobody signed", "age unknown", "no file"],
)
def test_who_may_be_a_minor_is_represented(file: Mapping[str, Any] | None, holds: bool) -> None:
    """Unless the person is known to be an adult somebody was appointed and signed."""
    assert holds is objects("represented", ready(ASKING, S.ASSESSED, "propose", draft=file), "propose")


@pytest.mark.parametrize(("said", "is_so"), [({}, True), ({PROPOSAL: kit.proposal()}, False)])
def test_who_was_not_proposed_yet_counts_as_represented_where_it_is_asked(said: dict[str, Any], is_so: bool) -> None:
    """Before a proposal nobody there has said that the person is an adult."""
    assert is_so is represented(kit.case_in(ASKED, S.REPLIED, said=said))


@OF_BOTH_AGES
@pytest.mark.parametrize(("side", "state", "name"), [(ASKING, S.CONSIDERED, "assess"), (ASKED, S.PROPOSED, "accept")])
def test_one_authority_is_in_charge(side: Side, state: State, name: str, minor: bool) -> None:
    """Child welfare decides for a minor and for nobody else; for an adult the referral mechanism, or the desk."""
    other = "coordinator" if side is ASKING else "desk_head"
    case = ready(side, state, name, minor)
    refused = {role for role in ("child_welfare", other) if objects("in_charge", case, name, by=("dora", role))}
    assert {other if minor else "child_welfare"} == refused


@pytest.mark.parametrize(
    ("assessments", "holds"),
    [
        (kit.assessment("risk", positive=False), False),
        (kit.assessment("risk", expires_on="2026-12-01"), False),
        (kit.assessment("risk", expires_on="2026-11-30"), True),
        (kit.assessment("risk", on="2026-12-02"), True),
        (kit.assessment("risk", signer=""), True),
        ([one for one in kit.RECORD["assessments"] if one["kind"] != "risk"], True),
        ([one for one in kit.RECORD["assessments"] if one["kind"] == "risk"], False),
    ],
    ids=["against it", "to the end of today", "expired", "of tomorrow", "unsigned", "none", "of the risk alone"],
)
def test_a_return_is_assessed_when_the_assessment_counts(assessments: list[dict[str, Any]], holds: bool) -> None:
    """What an adult's assessment says is not asked yet; that it is signed and counts today is."""
    assert holds is recorded("assessed", S.CONSIDERED, "assess", assessments=assessments)


def test_what_the_person_says_is_written_down_before_it_is_assessed() -> None:
    """Nothing is assessed without a wish on record, and a minor has been heard by somebody named."""
    assert recorded("assessed", S.CONSIDERED, "assess", wish=None)
    assert not recorded("assessed", S.CONSIDERED, "assess", wish={"wish": "stay"}, views=None)
    assert recorded("assessed", S.CONSIDERED, "assess", minor=True, views={"by": ""})
    assert recorded("assessed", S.CONSIDERED, "assess", minor=True, views={"heard_on": "2026-12-02"})


@pytest.mark.parametrize("kind", ["best_interests", "family"])
def test_a_minor_needs_more_assessments(kind: str) -> None:
    """A minor's best interests and family are assessed too; an adult's need not be."""
    left = [one for one in kit.RECORD["assessments"] if one["kind"] != kind]
    assert recorded("assessed_positive", S.ASSESSED, "propose", minor=True, assessments=left)
    assert not recorded("assessed_positive", S.ASSESSED, "propose", assessments=left)


def test_the_latest_assessment_decides() -> None:
    """A later assessment replaces an earlier one, in either direction."""
    earlier = {"kind": "risk", "on": "2026-11-24", "expires_on": "2027-01-31", "signer": "dora"}
    for then, later in ((True, False), (False, True)):
        found = [{**earlier, "positive": then}, {**earlier, "on": "2026-11-25", "positive": later}]
        assert (not later) is recorded("assessed_positive", S.ASSESSED, "propose", assessments=found)


def test_two_assessments_of_one_day_count_together() -> None:
    """Of two assessments of one day the one that is against it decides, in whatever order they were written."""
    one = kit.assessment("risk")[0]
    for found in ([one, {**one, "positive": False}], [{**one, "positive": False}, one]):
        assert recorded("assessed_positive", S.ASSESSED, "propose", assessments=found)


def test_two_assessments_of_one_day_are_both_signed() -> None:
    """Of two assessments of one day one that nobody signed is no assessment, and neither counts without it."""
    one = kit.assessment("risk")[0]
    for found in ([one, {**one, "signer": ""}], [{**one, "signer": ""}, one]):
        assert recorded("assessed_positive", S.ASSESSED, "propose", assessments=found)


@pytest.mark.parametrize("word", ["yes", 1])
def test_only_yes_is_yes(word: Any) -> None:
    """What is no true of the record, whatever a case system wrote there, favours no return and ends no waiting."""
    assert recorded("assessed_positive", S.ASSESSED, "propose", assessments=kit.assessment("risk", positive=word))
    assert recorded("consented", S.ASSESSED, "propose", wish={"copy_given": word})
    assert recorded("decided_finally", S.ACCEPTED, "decide", decision={"remedies_explained": word})
    running = {"appeal_until": "2026-12-31", "waived": word}
    assert recorded("decided_finally", S.ACCEPTED, "decide", decision=running)
    assert recorded("reconfirmed_today", S.SCHEDULED, "depart", reconfirmation={"consent_stands": word})


@pytest.mark.parametrize("views", [{"by": ""}, {"heard_on": "2026-12-02"}])
def test_a_minor_who_was_not_heard_has_not_consented(views: dict[str, Any]) -> None:
    """Somebody named has heard her, by today; of an adult nobody has to."""
    assert recorded("consented", S.ASSESSED, "propose", minor=True, views=views)
    assert not recorded("consented", S.ASSESSED, "propose", views=views)


def test_an_examination_is_looked_at_where_it_is_asked_what_it_says() -> None:
    """One that is over keeps nobody from being assessed; it keeps her from travelling."""
    old = {"kind": "medical", "positive": True, "on": "2026-10-01", "expires_on": "2026-10-02", "signer": "dora"}
    found = [*kit.RECORD["assessments"], old]
    assert not recorded("assessed", S.CONSIDERED, "assess", assessments=found)
    assert recorded("assessed_positive", S.SCHEDULED, "depart", assessments=found)


def test_two_assessments_of_one_day_end_with_the_first() -> None:
    """Of two assessments of one day the one that expires first ends both."""
    one = kit.assessment("risk")[0]
    for found in ([one, {**one, "expires_on": "2026-11-30"}], [{**one, "expires_on": "2026-11-30"}, one]):
        assert recorded("assessed_positive", S.ASSESSED, "propose", assessments=found)


def test_how_long_an_assessment_counts() -> None:
    """The days are those that ``docs/rules.md`` tells a desk, under R-09."""
    assert {"risk": 90, "best_interests": 90, "family": 180, "medical": 14} == VALID_DAYS


@pytest.mark.parametrize("kind", sorted(VALID_DAYS))
def test_an_assessment_grows_old(kind: str) -> None:
    """However late an assessment says it expires, it counts for no longer than its kind does."""
    for age, holds in ((VALID_DAYS[kind], False), (VALID_DAYS[kind] + 1, True)):
        on = (NOW - timedelta(days=age)).date().isoformat()
        old = {"kind": kind, "positive": True, "on": on, "expires_on": "2030-01-01", "signer": "dora"}
        found = [*(one for one in kit.RECORD["assessments"] if one["kind"] != kind), old]
        assert holds is recorded("assessed_positive", S.ASSESSED, "propose", minor=True, assessments=found)


def test_fitness_to_travel_counts_once_it_is_assessed() -> None:
    """Nobody has to be examined; but who was, and is not fit, does not travel."""
    medical = {"kind": "medical", "positive": False, "on": "2026-12-01", "expires_on": "2026-12-10", "signer": "dora"}
    found = [*kit.RECORD["assessments"], medical]
    assert recorded("assessed_positive", S.SCHEDULED, "depart", assessments=found)


@pytest.mark.parametrize(
    "wish",
    [
        {"wish": "undecided"},
        {"options_explained_on": "2026-11-04"},
        {"written_on": "2026-12-02"},
        {"language": ""},
        {"copy_given": False},
        {"detained_now": None},
        {"revoked_on": "2027-01-01"},
    ],
    ids=["undecided", "explained afterwards", "to be written", "no language", "no copy", "unknown", "will be revoked"],
)
def test_a_wish_is_free_informed_and_written(wish: dict[str, Any]) -> None:
    """A wish counts if its options were explained before it was written, in a language, with a copy, and stands."""
    assert recorded("consented", S.ASSESSED, "propose", wish=wish)


@pytest.mark.parametrize(
    ("proceedings", "holds"),
    [
        ({"open": False, "presence_needed": True, "released_by": None}, False),
        ({"open": True, "presence_needed": False, "released_by": None}, False),
        ({"open": True, "presence_needed": True, "released_by": "prosecutor"}, False),
        ({"open": True, "presence_needed": True, "released_by": ""}, True),
        ({"open": None, "presence_needed": None, "released_by": None}, True),
        (None, True),
    ],
    ids=["none open", "not needed", "released", "nobody released", "unknown", "not on record"],
)
def test_proceedings_let_the_person_go(proceedings: dict[str, Any] | None, holds: bool) -> None:
    """Unless they are known to be over, or to go on without her, proceedings hold the person until she is released."""
    case = ready(ASKING, S.ASSESSED, "propose", record={**kit.RECORD, "proceedings": proceedings})
    assert holds is objects("no_open_proceedings", case, "propose")


@pytest.mark.parametrize(
    "said",
    [
        {"reply": "another"},
        {"represented": True},
        {"consent": {"informed": True, "written": True, "on": "2026-11-02"}},
        {"conclusions": []},
    ],
    ids=lambda said: next(iter(said)),
)
def test_a_proposal_says_what_the_record_says(said: dict[str, Any]) -> None:
    """The reply, the person, the consent and the conclusions of a proposal are those on record."""
    pending = kit.prepared({**kit.proposal(), **said}, PROPOSAL)
    assert objects("true_to_record", ready(ASKING, S.ASSESSED, "propose", pending=pending), "propose")


def test_a_proposal_names_every_conclusion_it_needs() -> None:
    """A minor's proposal with the conclusion of the risk alone is none."""
    pending = kit.prepared({**kit.proposal(True), "conclusions": kit.proposal()["conclusions"]}, PROPOSAL)
    case = ready(ASKING, S.ASSESSED, "propose", True, pending=pending)
    assert objects("true_to_record", case, "propose", minor=True)


def test_a_release_is_over_the_bytes_that_leave() -> None:
    """A release of an earlier proposal lets no other one leave."""
    other = kit.release("ours", "return.release", "coordinator", {**kit.proposal(), "needs": ["INTERPRETER"]})
    assert objects("welfare_released", ready(ASKING, S.ASSESSED, "propose", releases=(other,)), "propose")


def test_a_release_counts_until_its_instant() -> None:
    """At the instant until which a statement is valid it counts no more."""
    for now, holds in ((NOW - timedelta(seconds=1), False), (NOW, True)):
        releases = kit.signatures(ASKING, valid_until=NOW.isoformat())
        case = ready(ASKING, S.ASSESSED, "propose", releases=releases)
        assert holds is objects("welfare_released", case, "propose", now=now)


@pytest.mark.parametrize("minor", [False, True], ids=["adult", "minor"])
def test_a_release_of_the_other_role_is_none(minor: bool) -> None:
    """The referral mechanism releases no minor, and child welfare no adult."""
    case = ready(ASKING, S.ASSESSED, "propose", minor)
    own = tuple(replace(one, role="coordinator" if minor else "welfare") for one in case.releases)
    assert objects("welfare_released", replace(case, releases=own), "propose", minor=minor)


@pytest.mark.parametrize(("until", "holds"), [("2026-12-01", False), ("2026-11-30", True)])
def test_a_reply_is_valid_to_the_end_of_its_last_day(until: str, holds: bool) -> None:
    """A reply counts on the last day it names, and not on the next."""
    case = ready(ASKING, S.ASSESSED, "propose", reply=support.reply(valid_until=until))
    assert holds is objects("positive_reply", case, "propose")


@pytest.mark.parametrize("side", [ASKING, ASKED])
@pytest.mark.parametrize(
    ("reply", "retain_until", "days", "is_open"),
    [
        (support.reply(), "2027-06-01", 0, True),
        (None, "2027-06-01", 0, False),
        (support.reply("NOT_FOUND"), "2027-06-01", 0, False),
        (support.reply(valid_until="2026-12-01"), "2027-06-01", 0, True),
        (support.reply(valid_until="2026-11-30"), "2027-06-01", 0, False),
        (support.reply(), "2026-12-01", 0, True),
        (support.reply(), "2026-11-30", 0, False),
        (support.reply(), "2027-06-01", 364, True),
        (support.reply(), "2027-06-01", 365, False),
    ],
)
def test_a_case_is_open_for_a_return_as_long_as_its_reply_counts_and_what_was_sent_is_kept(
    side: Side, reply: dict[str, Any] | None, retain_until: str, days: int, is_open: bool
) -> None:
    """To the end of the last day of either, on both sides, and for no year after the last step."""
    handling = {**support.REQUEST_BODY["handling"], "retain_until": retain_until}
    case = replace(ready(ASKING, S.ASSESSED, "propose"), side=side, reply=reply, said={}, draft=None, received=None)
    if side is ASKING:
        case = replace(case, draft=support.draft(handling=handling))
    else:
        case = replace(case, received={**support.REQUEST_BODY, "handling": handling})
    assert is_open is open_for_return(case, NOW - timedelta(days=days), NOW, NOW.date())


@pytest.mark.parametrize(("until", "is_open"), [("2026-12-01", True), ("2026-11-30", False)])
def test_what_was_sent_is_kept_as_long_as_the_last_of_it(until: str, is_open: bool) -> None:
    """A proposal that came after the request, to be kept for longer or not, keeps the case open where it is asked."""
    request = {**support.REQUEST_BODY, "handling": {**support.REQUEST_BODY["handling"], "retain_until": "2026-11-30"}}
    proposal = {**kit.proposal(), "handling": {**kit.HANDLING, "retain_until": until}}
    case = kit.case_in(ASKED, S.PROPOSED, received=request, said={PROPOSAL: proposal})
    assert is_open is open_for_return(case, NOW, NOW, NOW.date())


@pytest.mark.parametrize(
    "changes",
    [{"reply": support.reply("NOT_FOUND")}, {"reply": None}, {"reply_digest": None}],
    ids=["not found", "no reply", "nothing signed"],
)
def test_a_proposal_rests_on_a_signed_reply_that_confirms(changes: dict[str, Any]) -> None:
    """Neither a no, nor silence, nor what nobody signed is a yes."""
    assert objects("positive_reply", ready(ASKING, S.ASSESSED, "propose", **changes), "propose")


@pytest.mark.parametrize(("represented", "role"), [(True, "coordinator"), (False, "welfare")])
def test_who_is_asked_takes_no_proposal_that_the_other_authority_released(represented: bool, role: str) -> None:
    """For a minor child welfare has to have released it, for an adult the referral mechanism, and as a release."""
    case = ready(ASKED, S.REPLIED, "proposal", represented)
    event = brought(case, "proposal", minor=represented)
    released = event.data["releases"]
    assert not GUARDS["welfare_released"](case, event, NOW)
    for changes in ({"role": role}, {"kind": "return.acceptance"}):
        told = replace(event, data={**event.data, "releases": tuple(replace(one, **changes) for one in released)})
        assert GUARDS["welfare_released"](case, told, NOW)


def test_the_proposal_that_stands_is_the_last_that_its_own_authority_released() -> None:
    """Neither one before it, nor what the other side signed, nor another statement of that authority."""
    made = ready(ASKING, S.PROPOSED, "acceptance").releases
    first, last = (replace(made[0], kind="return.release", authority="ours", digest=name) for name in ("first", "last"))
    others = (replace(first, authority="theirs", digest="theirs"), replace(first, kind="handover.delivery", digest="x"))
    case = ready(ASKING, S.PROPOSED, "acceptance", releases=(first, last, *others))
    assert "last" == proposed(case)
    assert "theirs" == proposed(replace(case, side=ASKED))
    assert proposed(replace(case, releases=())) is None


def test_a_conclusion_that_is_against_it_is_none_of_a_proposal() -> None:
    """What the record knows and does not favour a return is not said as if it did."""
    case = ready(ASKING, S.ASSESSED, "propose", record=kit.record(assessments=kit.assessment("risk", positive=False)))
    assert objects("true_to_record", case, "propose")


FRIDAY = kit.record(travel={"departs_at": "2026-12-04T15:00:00+01:00"})
"""A record with a journey three days ahead."""


def lasting(until: str) -> tuple[Release, ...]:
    """Return the statements of both authorities, that count up to the instant ``until``."""
    return kit.signatures(ASKING, valid_until=until)


@pytest.mark.parametrize(
    ("guard", "short", "lasts"),
    [
        ("positive_reply", *({"reply": support.reply(valid_until=day)} for day in ("2026-12-03", "2026-12-04"))),
        (
            "welfare_accepted",
            *(
                {"said": {**kit.SAID, ACCEPTANCE: kit.acceptance(expires_on=day)}}
                for day in ("2026-12-03", "2026-12-04")
            ),
        ),
        *(
            (guard, *({"releases": lasting(until)} for until in ("2026-12-04T14:00:00Z", "2026-12-04T14:00:01Z")))
            for guard in ("welfare_released", "welfare_accepted")
        ),
    ],
    ids=["reply", "acceptance", "release", "statement of the acceptance"],
)
def test_a_journey_is_planned_on_what_lasts_until_its_departure(
    guard: str, short: dict[str, Any], lasts: dict[str, Any]
) -> None:
    """What is over on the day of departure is told to the desk that plans, and not at the gate."""
    case = ready(ASKING, S.DOCUMENTED, "schedule", record=FRIDAY)
    assert not objects(guard, replace(case, **lasts), "schedule")
    found = GUARDS[guard](replace(case, **short), brought(case, "schedule"), NOW)
    assert [True] == [one.because.startswith(OVER_BY_THEN) for one in found]


def test_a_proposal_rests_on_the_reply_that_was_sent() -> None:
    """A proposal that names a reply which this State never sent rests on none."""
    case = ready(ASKED, S.REPLIED, "proposal")
    assert objects("positive_reply", case, "proposal", body={**kit.proposal(), "reply": "another"})
    for none in (None, ""):  # the store found no reply of ours, and one that names none is no match for that
        assert objects("positive_reply", case, "proposal", body={**kit.proposal(), "reply": none}, replied=none)


# An acceptance.


@pytest.mark.parametrize(
    "carer",
    [
        None,
        {"class": "", "ref": "r"},
        {"ref": ""},
        {"agreed_in_writing_on": None},
        {"agreed_in_writing_on": "2026-12-02"},
    ],
    ids=["nobody", "of no class", "unnamed", "not in writing", "will agree"],
)
def test_a_carer_has_agreed_in_writing(carer: dict[str, Any] | None) -> None:
    """Somebody who is named has agreed in writing to receive the person."""
    changed = None if carer is None else {**kit.acceptance()["carer"], **carer}
    case = ready(ASKING, S.PROPOSED, "acceptance")
    assert objects("carer_agreed", case, "acceptance", body=kit.acceptance(carer=changed))


def test_a_day_that_has_not_begun_in_utc_is_told_as_that() -> None:
    """Where it is the second of December already, a carer who agreed today is no carer who never agreed."""
    case = ready(ASKING, S.PROPOSED, "acceptance")
    body = kit.acceptance(carer={**kit.acceptance()["carer"], "agreed_in_writing_on": "2026-12-02"})
    early, late = datetime(2026, 12, 1, 20, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
    (found,) = GUARDS["carer_agreed"](case, brought(case, "acceptance", body=body), early)
    assert "agreed on a day that has not begun in UTC yet" in found.because
    assert not objects("carer_agreed", case, "acceptance", body=body, now=late)


@pytest.mark.parametrize(
    ("side", "state", "name"),
    [(ASKING, S.ASSESSED, "propose"), (ASKING, S.DECIDED, "request_document"), (ASKED, S.PROPOSED, "accept")],
)
def test_what_is_prepared_is_what_the_step_sends(side: Side, state: State, name: str) -> None:
    """Bytes that were approved as another message do not leave by this step, nor do none."""
    case = ready(side, state, name)
    assert case.pending is not None
    assert not objects("right_type", case, name)
    other = DOCUMENT_REQUEST if case.pending.type == PROPOSAL else PROPOSAL
    for pending in (replace(case.pending, type=other), None):
        assert objects("right_type", replace(case, pending=pending), name)


def test_a_service_with_its_competence_is_named() -> None:
    """An acceptance without a service that takes care is not taken."""
    case = ready(ASKING, S.PROPOSED, "acceptance")
    for service in (None, {"id": "", "competence": "CARE"}, {"id": "XBB-20", "competence": ""}):
        assert objects("carer_agreed", case, "acceptance", body=kit.acceptance(service=service))


@pytest.mark.parametrize(
    ("signed_on", "expires_on", "holds"),
    [("2026-12-01", "2026-12-01", False), ("2026-12-02", "2027-01-31", True), ("2026-11-01", "2026-11-30", True)],
    ids=["today alone", "signed tomorrow", "over"],
)
def test_an_acceptance_is_valid_on_its_days(signed_on: str, expires_on: str, holds: bool) -> None:
    """An acceptance counts from the day it was signed to the day it expires."""
    case = ready(ASKING, S.PROPOSED, "acceptance")
    body = kit.acceptance(signed_on=signed_on, expires_on=expires_on)
    assert holds is objects("welfare_accepted", case, "acceptance", body=body)


@OF_BOTH_AGES
@pytest.mark.parametrize(("side", "name"), [(ASKING, "acceptance"), (ASKED, "accept")])
def test_an_acceptance_is_of_who_was_proposed(side: Side, name: str, minor: bool) -> None:
    """One that takes a minor for an adult, or the other way round, is not about that person, nor is one of nobody."""
    case = ready(side, S.PROPOSED, name, minor)

    def stands(body: dict[str, Any], releases: tuple[Release, ...] = case.releases) -> bool:
        prepared = case.pending if side is ASKING else kit.prepared(body, ACCEPTANCE)
        held = replace(case, pending=prepared, releases=releases)
        return not objects("same_person", held, name, minor=minor, body=body)

    assert stands(kit.acceptance(minor))
    assert not stands({**kit.acceptance(minor), "represented": not minor})
    assert not stands(kit.acceptance(minor, proposal=None), ())


@pytest.mark.parametrize(("guard", "name"), [("same_person", "acceptance"), ("proposal_known", "refusal")])
def test_an_answer_that_was_written_too_early_is_none_to_what_stands(guard: str, name: str) -> None:
    """Its sender had not taken the proposal that stands by then, though what it says fits."""
    case = ready(ASKING, S.PROPOSED, name)
    for late in (False, True):
        assert late is objects(guard, case, name, late=late)


def test_the_other_side_accepts_for_a_minor_by_its_welfare_authority() -> None:
    """An acceptance for a minor that the desk signed is none."""
    body = kit.acceptance(True)
    by_desk = kit.release("theirs", "return.acceptance", "desk_head", body)
    case = ready(ASKING, S.PROPOSED, "acceptance", True)
    assert objects("welfare_accepted", case, "acceptance", minor=True, releases=(by_desk,))


def test_who_never_accepted_awaits_nobody() -> None:
    """After a message of ours was lost, a departure is taken only if this State had accepted the return."""
    case = ready(ASKED, S.UNDELIVERED, "departure")
    never = {type: body for type, body in case.said.items() if type != ACCEPTANCE}
    assert not objects("accepted_once", case, "departure")
    assert objects("accepted_once", replace(case, said=never), "departure")
    assert objects("accepted_once", replace(case, said={**never, ACCEPTANCE: kit.refusal()}), "departure")


def test_who_is_on_the_way_is_awaited_although_the_acceptance_fell() -> None:
    """The key of our statement was revoked, a message of ours lost: she has left, and the news of it is taken."""
    case = ready(ASKED, S.UNDELIVERED, "departure")
    theirs = tuple(one for one in case.releases if one.authority == "theirs")
    assert not objects("accepted_once", replace(case, releases=theirs), "departure")


# The decision, the document and the journey.


@pytest.mark.parametrize(
    ("decision", "holds"),
    [
        ({"appeal_until": "2026-11-30"}, False),
        ({"appeal_until": "2026-12-01"}, True),
        ({"appeal_until": "2026-12-31", "waived": True}, False),
        ({"appeal_until": None}, True),
        ({"remedies_explained": None}, True),
        ({"on": "2026-12-02"}, True),
        ({"authority": ""}, True),
        ({"ref": ""}, True),
    ],
    ids=["over", "its last day", "waived", "unknown", "not explained", "of tomorrow", "by nobody", "no reference"],
)
def test_a_decision_stands(decision: dict[str, Any], holds: bool) -> None:
    """A competent body decided, the remedies were explained, and the time for them is over or was waived."""
    assert holds is recorded("decided_finally", S.ACCEPTED, "decide", decision=decision)


@pytest.mark.parametrize(
    ("issued_on", "valid_until", "holds"),
    [
        ("2026-12-01", "2026-12-01", False),
        ("2026-12-02", "2027-03-01", False),
        ("2026-12-03", "2027-03-01", True),
        ("2026-11-30", "2026-11-30", True),
    ],
    ids=["to the end of today", "where it is tomorrow already", "in two days", "over"],
)
def test_a_document_is_valid_when_it_comes(issued_on: str, valid_until: str, holds: bool) -> None:
    """A document that is over is not taken; one that was issued tomorrow is, for it may be tomorrow there."""
    body = deepcopy(kit.issued(valid_until))
    body["document"]["issued_on"] = issued_on
    assert holds is objects("document_valid", ready(ASKING, S.DECIDED, "document"), "document", body=body)


def test_a_document_is_issued_where_one_was_asked_for() -> None:
    """Nobody issues a document for somebody for whom the other State asked for none."""
    case = ready(ASKED, S.ACCEPTED, "issue")
    unasked = {type: body for type, body in case.said.items() if type != DOCUMENT_REQUEST}
    assert not objects("document_asked", case, "issue")
    assert objects("document_asked", replace(case, said=unasked), "issue")


def test_the_last_document_counts() -> None:
    """A document that was issued again takes the place of the first, for the journey and for its end."""
    good, over = kit.issued(), kit.issued("2026-11-30")
    for first, again, holds in ((good, over, True), (over, good, False)):
        said = {**kit.SAID, DOCUMENT: first, REISSUE: again}
        travelling = ready(ASKING, S.DOCUMENTED, "schedule", said=said)
        assert holds is objects("document_outlasts_travel", travelling, "schedule")
        assert holds is not objects("document_over", travelling, "document_expired")


def test_a_document_outlasts_the_journey_by_two_days() -> None:
    """A document that ends earlier than two days after the planned departure strands nobody: no plan rests on it."""
    assert timedelta(days=2) == DOCUMENT_MARGIN
    for until, holds in (("2026-12-03", False), ("2026-12-02", True)):
        said = {**kit.SAID, DOCUMENT: kit.issued(until)}
        case = ready(ASKING, S.DOCUMENTED, "schedule", said=said)
        assert holds is objects("document_outlasts_travel", case, "schedule")


def test_departure_without_an_acceptance_is_awaited_where_a_restore_lost_one() -> None:
    """Whoever never accepted, or whose acceptance was refused, awaits nobody; whom a restore made forget it does."""
    case = ready(ASKED, S.PROPOSED, "departure")
    assert S.DEPARTED is take(case, "departure")[0].state
    assert objects("accepted_once", case, "departure", lost=False)


@pytest.mark.parametrize(("state", "name"), [(S.DOCUMENTED, "schedule"), (S.SCHEDULED, "depart")])
def test_a_document_lasts_until_the_arrival(state: State, name: str) -> None:
    """On a long way home nobody is at a border with a paper that is over, also who leaves later than planned."""
    case = ready(ASKING, state, name, said={**kit.SAID, DOCUMENT: kit.issued("2026-12-05")})
    for arrives, holds in (("2026-12-05T23:59:59Z", False), ("2026-12-05T23:30:00-01:00", True)):
        body = kit.schedule(arrives_at=arrives)
        assert holds is objects("document_outlasts_travel", case, name, body=body)


def test_a_document_ends_on_the_day_after_its_last() -> None:
    """On its last day a document is still valid, and the timer ends nothing."""
    said = {**kit.SAID, DOCUMENT: kit.issued("2026-12-01")}
    case = ready(ASKING, S.DOCUMENTED, "document_expired", said=said)
    assert objects("document_over", case, "document_expired")
    assert S.DECIDED is take(case, "document_expired", now=at("2026-12-02", 0))[0].state


def test_no_document_leads_nowhere() -> None:
    """Where no document is on record none has ended, and no journey is planned."""
    case = ready(ASKING, S.DOCUMENTED, "schedule", said={ACCEPTANCE: kit.acceptance()})
    assert objects("document_over", case, "document_expired")
    assert objects("document_outlasts_travel", case, "schedule")


@pytest.mark.parametrize(
    ("notice_h", "ahead_h", "holds"),
    [(48, 48, False), (48, 47, True), (120, SEALED_H, False), (120, SEALED_H - 1, True), (0, 0, False)],
    ids=["just in time", "an hour late", "more than a plan may be known", "and late for that", "none wanted"],
)
def test_notice_is_given_as_agreed(notice_h: int, ahead_h: int, holds: bool) -> None:
    """The plan leaves as early as was agreed, where that is more than 72 hours as early as it may."""
    leaves = NOW + timedelta(hours=ahead_h)
    travel = {"departs_at": leaves.isoformat(), "notice_h": notice_h}
    assert holds is recorded("notice_kept", S.DOCUMENTED, "schedule", travel=travel)


def test_a_plan_names_the_instant_on_record() -> None:
    """A plan in another offset names the same instant; one a minute later does not."""
    case = ready(ASKING, S.DOCUMENTED, "schedule")
    for said, holds in (("2026-12-01T09:00:00-05:00", False), ("2026-12-01T14:01:00Z", True)):
        assert holds is objects("as_planned", case, "schedule", body=kit.schedule(departs_at=said))


@pytest.mark.parametrize(
    ("leaves", "holds"),
    [
        ("2026-12-01T00:30:00+14:00", False),
        ("2026-11-30T23:30:00-10:00", True),
        ("2026-12-31T23:30:00-10:00", False),
        ("2027-01-01T00:30:00+14:00", True),
    ],
    ids=["first day", "the evening before", "last day", "the morning after"],
)
def test_a_journey_is_within_the_days_that_were_agreed(leaves: str, holds: bool) -> None:
    """Both authorities signed for the days of the proposal, and they are those of the place of departure."""
    body = {"departs_at": leaves, "arrives_at": "2027-01-02T00:00:00Z", "point": kit.schedule()["point"]}
    for state, name in ((S.DOCUMENTED, "schedule"), (S.SCHEDULED, "depart")):
        case = ready(ASKING, state, name, record=kit.record(travel={"departs_at": leaves}))
        case = replace(case, said={**case.said, SCHEDULE: kit.schedule(departs_at=leaves)})
        now = datetime.fromisoformat(leaves)
        assert holds is objects("as_planned", case, name, now=now, body=body)


@pytest.mark.parametrize(
    ("arrives", "holds"),
    [
        ("2026-12-01T14:00:00Z", True),
        ("2026-12-01T15:30:00+02:00", True),
        ("2026-12-01T14:01:00Z", False),
        ("2026-12-01T09:30:00-05:00", False),
    ],
)
def test_a_journey_ends_after_it_begins(arrives: str, holds: bool) -> None:
    """By the instant, whatever offset each is written in: somebody waits there by what the plan says."""
    case = ready(ASKING, S.DOCUMENTED, "schedule")
    assert holds is objects("as_planned", case, "schedule", body=kit.schedule(arrives_at=arrives))


def test_a_proposal_without_its_days_is_no_plan() -> None:
    """Where it is not known for which days the authorities signed, nothing is planned."""
    case = ready(ASKING, S.DOCUMENTED, "schedule")
    assert objects("as_planned", replace(case, said={**case.said, PROPOSAL: {}}), "schedule")


def test_who_leaves_later_on_the_day_leaves_as_planned() -> None:
    """A delay within the day is no other journey; one into the next day is planned anew."""
    case = ready(ASKING, S.SCHEDULED, "depart")
    for left, holds in ((at("2026-12-01", 22), False), (at("2026-12-01", 23), True)):  # midnight at the place is at 23
        body = kit.schedule("departed", departs_at=left.isoformat())
        assert holds is objects("as_planned", case, "depart", body=body, now=left)


@pytest.mark.parametrize(
    ("said", "now", "holds"),
    [
        ("2026-12-01T22:59:00Z", "2026-12-01T22:59:00Z", False),
        ("2026-12-02T00:30:00+02:00", "2026-12-01T22:59:00Z", False),
        ("2026-12-01T22:59:00Z", "2026-12-01T23:00:00Z", True),
        ("2026-12-01T23:00:00Z", "2026-12-01T22:59:00Z", True),
    ],
    ids=["that day", "written further east", "said a day late", "said a day ahead"],
)
def test_the_plan_the_departure_and_the_step_are_of_one_day(said: str, now: str, holds: bool) -> None:
    """By the days of the place of departure, where midnight is at 23:00 in UTC."""
    case, body = ready(ASKING, S.SCHEDULED, "depart"), kit.schedule("departed", departs_at=said)
    assert holds is objects("as_planned", case, "depart", body=body, now=datetime.fromisoformat(now))


@pytest.mark.parametrize(
    "told",
    [{"departs_at": "2026-12-01T14:01:00Z"}, {"point": {"country": "XBB", "unit": "Southtown"}}],
    ids=lambda told: next(iter(told)),
)
def test_who_leaves_leaves_as_the_other_state_was_told(told: dict[str, Any]) -> None:
    """A departure or a point that is not the one in the plan is no journey that anybody waits for."""
    case = ready(ASKING, S.SCHEDULED, "depart")
    assert not objects("as_planned", case, "depart")
    assert objects("as_planned", replace(case, said={**case.said, SCHEDULE: kit.schedule(**told)}), "depart")


OFFSETS = ["-10:00", "-05:00", "+00:00", "+05:45", "+14:00"]


@pytest.mark.parametrize("offset", OFFSETS)
def test_guard_and_rule_mean_the_same_day(offset: str) -> None:
    """The day on which the wish is confirmed again is that of the place of departure, to the guard and to R-23."""
    leaves = f"2026-12-01T12:00:00{offset}"
    zone = datetime.fromisoformat(leaves).tzinfo
    case = ready(ASKING, S.SCHEDULED, "depart", record=kit.record(travel={"departs_at": leaves}))
    first = datetime(2026, 11, 30, 22, 30, tzinfo=zone).astimezone(UTC)
    for hour in range(28):
        now = first + timedelta(hours=hour)
        other_day = now.astimezone(zone).date().isoformat() != "2026-12-01"
        found = findings(When.SEND, about(case, now, SCHEDULE, kit.schedule("departed"), around=AROUND))
        assert other_day is objects("reconfirmed_today", case, "depart", now=now)
        assert other_day is ("R-23" in {one.rule for one in found})


@pytest.mark.parametrize("state", [S.DEPARTED, S.RECALL])
def test_that_she_has_left_is_told_whatever_lapsed(state: State) -> None:
    """Once the person has left, what runs out while the notice waits to be posted does not keep it from who waits."""
    case = replace(kit.case_in(ASKING, state), reply=None, releases=(), record=kit.record(contacts_given_on=None))
    told = about(case, at("2026-12-09"), SCHEDULE, kit.schedule("departed"), around=AROUND)
    assert set() == {one.rule for one in findings(When.RETRY, told)}


@pytest.mark.parametrize("state", [S.DEPARTED, S.RECALL])
def test_that_she_has_left_is_not_told_where_she_seeks_protection(state: State) -> None:
    """R-01 stands before the news of a departure as before all else."""
    sought = {**kit.MINOR, "asylum": {**kit.MINOR["asylum"], "state": "indicated"}}
    told = about(
        replace(kit.case_in(ASKING, state), draft=sought),
        at("2026-12-01"),
        SCHEDULE,
        kit.schedule("departed"),
        around=AROUND,
    )
    assert "R-01" in {one.rule for one in findings(When.RETRY, told)}


def test_nobody_leaves_on_the_wish_of_yesterday() -> None:
    """A message that names the day of the confirmation does not let anybody leave on another."""
    case = ready(ASKING, S.SCHEDULED, "depart")
    told = about(case, at("2026-12-02"), SCHEDULE, kit.schedule("departed"), around=AROUND)
    assert "R-23" in {one.rule for one in findings(When.SEND, told)}


def test_a_departure_without_an_offset_has_no_day() -> None:
    """Where it is not known where a journey begins, no day is that of the departure."""
    travel = {"departs_at": "2026-12-01T15:00:00"}
    assert recorded("reconfirmed_today", S.SCHEDULED, "depart", travel=travel)
    assert recorded("as_planned", S.SCHEDULED, "depart", travel=travel)


@pytest.mark.parametrize("again", [{"by": ""}, {"consent_stands": None}, {"on": "2026-12-02"}])
def test_somebody_asked_again_and_the_answer_was_yes(again: dict[str, Any]) -> None:
    """Who asked again is named, and the answer is a plain yes of today."""
    assert recorded("reconfirmed_today", S.SCHEDULED, "depart", reconfirmation=again)


def test_contacts_are_given_and_not_promised() -> None:
    """Addresses that will be given tomorrow do not let anybody leave today."""
    assert recorded("contacts_given", S.SCHEDULED, "depart", contacts_given_on="2026-12-02")


NEEDED = sorted(kit.RECORD)


@pytest.mark.parametrize("member", NEEDED)
@pytest.mark.parametrize("gone", [True, False], ids=["missing", "null"])
def test_nobody_leaves_on_an_incomplete_record(member: str, gone: bool) -> None:
    """Whatever part of a minor's record is missing, or says nothing, the step is refused and nothing is sent."""
    record = {name: value for name, value in kit.RECORD.items() if name != member}
    case = ready(ASKING, S.SCHEDULED, "depart", True, record=record if gone else {**record, member: None})
    with pytest.raises(RuleRefused):
        take(case, "depart", minor=True)


@pytest.mark.parametrize("state", [S.FROZEN, S.SUSPENDED])
def test_who_has_left_is_called_back_from_a_stop(state: State) -> None:
    """Also where word of how the months after it ended came in since; who has not left is called back by nobody."""
    case = ready(ASKED, state, "recall")
    for at_last in (*AWAY, S.RECALL, *OUTCOMES):
        assert not objects("has_left", replace(case, resume_to=at_last), "recall")
    for before in (S.SCHEDULED, None):
        assert objects("has_left", replace(case, resume_to=before), "recall")


# What waits while more becomes known.

OTHER_WISH = {"record": kit.record(wish={"written_on": "2026-11-04"})}
OTHER_HOUR = {"record": kit.record(travel={"departs_at": "2026-12-01T16:00:00+01:00"})}
SHORT = {"said": {**kit.SAID, DOCUMENT: kit.issued("2026-12-02")}}
CHILD = {"received": {**support.REQUEST_BODY, "elements": {**support.REQUEST_BODY["elements"], "birth_date": "2010"}}}


@for_each(
    ("side", "type", "body", "changes", "rules"),
    [
        (ASKING, PROPOSAL, kit.proposal(), {}, set()),
        (ASKING, PROPOSAL, kit.proposal(), OTHER_WISH, {"V-32"}),
        (ASKING, SCHEDULE, kit.schedule(), {}, set()),
        (ASKING, SCHEDULE, kit.schedule(), OTHER_HOUR, {"V-39"}),
        (ASKING, SCHEDULE, kit.schedule(), SHORT, {"V-38"}),
        (ASKING, SCHEDULE, kit.schedule("cancelled"), {**OTHER_HOUR, **SHORT}, set()),
        (ASKING, SCHEDULE, kit.schedule("departed"), {**OTHER_HOUR, **SHORT}, set()),
        (ASKED, ACCEPTANCE, kit.acceptance(), {}, set()),
        (ASKED, ACCEPTANCE, kit.acceptance(), CHILD, {"R-06"}),
        (ASKED, ACCEPTANCE, kit.acceptance(True), CHILD, set()),
        (ASKED, ACCEPTANCE, kit.refusal(), CHILD, set()),
        (ASKED, DOCUMENT, kit.issued(), CHILD, set()),
    ],
)
def test_what_waits_does_not_leave_where_it_says_something_else_than_is_known(
    side: Side, type: str, body: dict[str, Any], changes: dict[str, Any], rules: set[str]
) -> None:
    """A proposal, a plan and the acceptance of an adult are looked at again; that a journey is off, or a no, is not."""
    found = outdated(kit.case_in(side, S.SCHEDULED, **changes), type, body, NOW)
    assert rules == {one.rule for one in found}
    assert all(one.because.startswith(OUTDATED) for one in found)


# What the proposing side saves and sends.


def test_to_consider_begins_with_nothing() -> None:
    """The record comes in, and what was prepared, signed or said before has no part in the return."""
    case = ready(ASKING, S.REPLIED, "consider", record=None, pending=kit.prepared(kit.proposal(), PROPOSAL))
    moved, effects = take(case, "consider")
    assert (S.CONSIDERED, kit.RECORD, None, (), {}) == (
        moved.state,
        moved.record,
        moved.pending,
        moved.releases,
        moved.said,
    )
    assert () == effects


def test_to_consider_is_judged_by_the_record_it_brings() -> None:
    """An older record on file does not stand in for the one that comes with the step."""
    case = ready(ASKING, S.REPLIED, "consider", record=kit.RECORD)
    with pytest.raises(RuleRefused):
        take(case, "consider", record=kit.record(identification={"concluded_on": None}))


@pytest.mark.parametrize("state", [S.CONSIDERED, S.PROPOSED, S.SCHEDULED, S.SUSPENDED])
def test_a_record_replaces_the_record_alone(state: State) -> None:
    """What is written into the record at any time before departure changes nothing else, and is not sent."""
    changed = kit.record(wish={"revoked_on": "2026-12-01"})
    case = ready(ASKING, state, "record")
    assert (replace(case, record=changed), ()) == take(case, "record", record=changed)


ASSESSED_ON = [S.ASSESSED, S.PROPOSED, S.SCHEDULED, S.SUSPENDED]
AGAINST = kit.record(assessments=kit.assessment("risk", positive=False))


@OF_BOTH_AGES
@pytest.mark.parametrize("state", ASSESSED_ON)
def test_an_assessment_is_written_over_by_its_authority_alone(state: State, minor: bool) -> None:
    """What child welfare, or for an adult the coordinator, found is changed by nobody else, in either direction."""
    case = ready(ASKING, state, "record", minor, record=AGAINST)
    mine, other = ("child_welfare", "coordinator") if minor else ("coordinator", "child_welfare")
    for role in ("case_officer", "liaison_officer", "guardian", other):
        with pytest.raises(RuleRefused, match="R-09"):
            step(table_for(ASKING), case, brought(case, "record", minor=minor, by=("x", role), record=kit.RECORD), NOW)
    event = brought(case, "record", minor=minor, by=("dora", mine), record=kit.RECORD)
    assert kit.RECORD == step(table_for(ASKING), case, event, NOW)[0].record


@pytest.mark.parametrize("state", [S.CONSIDERED, *ASSESSED_ON])
@pytest.mark.parametrize(("written_on", "taken"), [("2026-11-29", False), ("2026-11-30", True)])
def test_a_revoked_wish_stays_revoked(state: State, written_on: str, taken: bool) -> None:
    """After a revocation counts what was written on that day or later, and not what was there before."""
    case = ready(ASKING, state, "record", record=kit.record(wish={"revoked_on": "2026-11-30"}))
    anew = kit.record(wish={"written_on": written_on})
    if taken:
        assert anew == take(case, "record", record=anew)[0].record
    else:
        with pytest.raises(RuleRefused, match="R-23"):
            take(case, "record", record=anew)


WAS_NO: list[Any] = [
    pytest.param({"wish": "stay", "written_on": "2026-11-29"}, {"written_on": "2026-11-03"}, False, id="older"),
    pytest.param({"wish": "stay", "written_on": "2026-11-29"}, {"written_on": "2026-11-29"}, False, id="same day"),
    pytest.param({"wish": "stay", "written_on": "2026-11-29"}, {"written_on": "2026-11-30"}, True, id="later"),
    pytest.param({"wish": "undecided", "written_on": None}, {"written_on": "2026-11-30"}, False, id="no day: before"),
    pytest.param({"wish": "undecided", "written_on": None}, {"written_on": "2026-12-01"}, True, id="no day: today"),
    pytest.param({"wish": "stay", "written_on": "2027-12-01"}, {"written_on": "2026-12-01"}, True, id="slip"),
    pytest.param(
        {"wish": "stay", "written_on": "2026-12-02"}, {"written_on": "2026-12-02"}, False, id="tomorrow there"
    ),
    pytest.param(
        {"wish": "stay", "written_on": "2026-11-29", "revoked_on": "2026-11-20"},
        {"written_on": "2026-11-25"},
        False,
        id="before the later of two days",
    ),
    pytest.param(
        {"wish": "stay", "written_on": "2026-11-20", "revoked_on": "2026-11-29"},
        {"wish": "stay", "written_on": "2026-11-20", "revoked_on": "2026-11-30"},
        True,
        id="revoked once more",
    ),
    pytest.param({"wish": "elsewhere"}, {"written_on": None}, False, id="a yes without a day"),
    pytest.param({"revoked_on": "2026-11-03"}, {"written_on": "2026-11-03"}, False, id="the one that was revoked"),
    pytest.param({"wish": "stay"}, {"wish": "elsewhere", "written_on": "2026-11-02"}, False, id="dated back"),
    pytest.param({"revoked_on": "2026-11-30"}, {"revoked_on": "2026-11-29"}, False, id="revoked earlier"),
    pytest.param({"wish": "stay"}, {"wish": "elsewhere"}, True, id="another no"),
    pytest.param({"wish": "stay", "written_on": None}, {"wish": "stay"}, True, id="a day for it"),
    pytest.param({"wish": "stay"}, {"wish": "stay", "written_on": None}, True, id="its day taken out"),
]


@pytest.mark.parametrize("state", [S.CONSIDERED, *ASSESSED_ON])
@pytest.mark.parametrize(("before", "anew", "taken"), WAS_NO)
def test_a_no_is_followed_by_what_was_said_later(
    state: State, before: dict[str, Any], anew: dict[str, Any], taken: bool
) -> None:
    """Whoever writes the record anew unsays no no by a wish that is older, or of the same day, or has no day."""
    case = ready(ASKING, state, "record", record=kit.record(wish=before))
    record = kit.record(wish=anew)
    if taken:
        assert record == take(case, "record", record=record)[0].record
    else:
        with pytest.raises(RuleRefused, match="R-23"):
            take(case, "record", record=record)


def test_a_no_is_not_taken_out() -> None:
    """A record that says nothing of the wish takes the place of no no; of a yes it may."""
    for wish, refused in (({"wish": "stay"}, True), ({}, False)):
        case = ready(ASKING, S.SCHEDULED, "record", record=kit.record(wish=wish))
        assert refused is objects("revocation_kept", case, "record", record=kit.record(wish=None))


@pytest.mark.parametrize(
    ("again", "refused"),
    [
        ({}, True),
        (None, True),
        ({"consent_stands": False}, False),
        ({"on": "2026-11-30", "consent_stands": False}, True),
        ({"on": "2026-11-30"}, True),
        ({"on": "2026-12-02"}, False),
    ],
    ids=["yes after all", "taken out", "no still", "another day's no", "another day's yes", "asked the next day"],
)
def test_a_no_on_the_day_holds_for_the_day(again: dict[str, Any] | None, refused: bool) -> None:
    """Asked on the day of departure and having said no, the person is asked again on another day at the earliest."""
    case = ready(ASKING, S.SCHEDULED, "record", record=kit.record(reconfirmation={"consent_stands": False}))
    assert refused is objects("revocation_kept", case, "record", record=kit.record(reconfirmation=again))


@pytest.mark.parametrize("said_on", ["2026-12-02", "2026-12-03", "2027-12-01"])
@pytest.mark.parametrize(("on", "refused"), [("2026-12-02", True), ("2026-12-03", False)])
def test_a_no_that_is_dated_ahead_is_of_tomorrow_at_most(said_on: str, on: str, refused: bool) -> None:
    """It may be tomorrow already where it was said; a slip of the pen does not hold for a year."""
    said = kit.record(reconfirmation={"consent_stands": False, "on": said_on})
    case = ready(ASKING, S.SCHEDULED, "record", record=said)
    assert refused is objects("revocation_kept", case, "record", record=kit.record(reconfirmation={"on": on}))


@pytest.mark.parametrize(
    ("state", "name", "to"),
    [
        (S.ASSESSED, "reassess", S.CONSIDERED),
        (S.PROPOSED, "reassess", S.CONSIDERED),
        (S.DOCUMENTED, "reassess", S.CONSIDERED),
        (S.ASSESSED, "decline", S.NOT_RETURNED),
    ],
)
def test_what_was_agreed_does_not_outlive_it(state: State, name: str, to: State) -> None:
    """Whoever goes back, or decides against a return, leaves nothing prepared, signed or agreed; the record stays."""
    case = ready(ASKING, state, name)
    moved, effects = take(case, name)
    assert (to, None, (), {}, case.record) == (moved.state, moved.pending, moved.releases, moved.said, moved.record)
    assert [] == sent(effects)


@OF_BOTH_AGES
def test_a_release_is_kept_with_its_end(minor: bool) -> None:
    """The authority in charge leaves its statement, the bytes it covers and until when it counts."""
    case = ready(ASKING, S.ASSESSED, "endorse", minor, releases=())
    moved, effects = take(case, "endorse", minor=minor, by=("dora", "child_welfare" if minor else "coordinator"))
    assert case.pending is not None
    role = "welfare" if minor else "coordinator"
    made = Release("ours", "return.release", role, case.pending.digest, kit.LATER, "statement", "dora")
    assert ((made,), ()) == (moved.releases, effects)


@pytest.mark.parametrize("name", ["freeze", "suspend"])
@pytest.mark.parametrize(
    ("state", "undo", "void"),
    [(S.CONSIDERED, None, True), (S.ASSESSED, None, True), (S.PROPOSED, "ASSESSED", True), (S.PROPOSED, None, False)],
    ids=["considered", "assessed", "a proposal that never left", "a proposal that left"],
)
def test_a_release_does_not_outlive_a_stop(name: str, state: State, undo: str | None, void: bool) -> None:
    """What was released before it was known what stops the case carries no proposal after it."""
    case = ready(ASKING, state, name)
    moved, _ = take(case, name, undo=undo)
    assert (() if void else case.releases) == moved.releases


@pytest.mark.parametrize(
    ("state", "name"), [(S.SCHEDULED, "depart"), (S.DOCUMENTED, "schedule"), (S.DECIDED, "request_document")]
)
def test_nothing_goes_on_of_a_minor_once_what_was_signed_fell(state: State, name: str) -> None:
    """Who is restated with a plan abroad stays in its state, unsigned: every step of ours from there on is refused."""
    with pytest.raises(RuleRefused, match="R-10"):
        take(ready(ASKING, state, name, minor=True, releases=()), name, minor=True)


def test_a_release_does_not_outlive_its_proposal() -> None:
    """A proposal that the other gateway refused is released anew; where another step followed, nothing changes."""
    moved, _ = taken(ASKING, S.PROPOSED, "proposal_not_accepted")
    assert () == moved.releases
    case = ready(ASKING, S.ACCEPTED, "proposal_not_accepted")
    assert case.releases == take(case, "proposal_not_accepted")[0].releases


@OF_BOTH_AGES
def test_who_approves_does_not_release(minor: bool) -> None:
    """One person in both roles does not approve the bytes and release the return, in either order (V-01)."""
    role = "child_welfare" if minor else "coordinator"
    case = ready(ASKING, S.ASSESSED, "approve", minor, releases=())
    approved, _ = take(case, "approve", minor=minor, by=("eva", "liaison_officer"))
    with pytest.raises(RuleRefused, match="V-01: who approves"):
        take(approved, "endorse", minor=minor, by=("eva", role))
    released, _ = take(case, "endorse", minor=minor, by=("eva", role))
    with pytest.raises(RuleRefused, match="V-01: who approves"):
        take(released, "approve", minor=minor, by=("eva", "liaison_officer"))
    assert take(released, "approve", minor=minor, by=("boris", "liaison_officer"))


@OF_BOTH_AGES
@pytest.mark.parametrize("state", [S.PROPOSED, S.CONSIDERED])
def test_an_acceptance_accepts_one_proposal(minor: bool, state: State) -> None:
    """What was taken once, also where the return had moved on, is no answer to another plan."""
    role = "welfare" if minor else "desk_head"
    releases = (kit.release("theirs", "return.acceptance", role, kit.acceptance(minor)),)
    released = kit.signatures(ASKING, minor)[:1]
    case = ready(ASKING, state, "acceptance", minor, releases=released)
    moved, _ = take(case, "acceptance", minor=minor, releases=releases, body=kit.acceptance(minor), around=AROUND)
    again = replace(ready(ASKING, S.PROPOSED, "acceptance", minor, releases=released), accepted=moved.accepted)
    with pytest.raises(RuleRefused, match="R-10: this acceptance was the answer to an earlier proposal"):
        take(again, "acceptance", minor=minor, releases=releases, body=kit.acceptance(minor), around=AROUND)


@OF_BOTH_AGES
@pytest.mark.parametrize(("side", "event"), [(ASKING, "acceptance"), (ASKED, "accept")])
def test_an_acceptance_names_the_proposal_it_accepts(side: Side, event: str, minor: bool) -> None:
    """One that is for another proposal, such as one that was held back, is none for the one that stands."""
    body = kit.acceptance(minor, proposal=kit.REPLY_DIGEST)
    releases = (kit.release("theirs", "return.acceptance", "welfare" if minor else "desk_head", body),)
    case = ready(side, S.PROPOSED, event, minor)
    case = case if side is ASKING else replace(case, pending=kit.prepared(body, ACCEPTANCE))
    with pytest.raises(RuleRefused, match="V-31: the acceptance is the answer to another proposal"):
        take(case, event, minor=minor, releases=releases, body=body, digest=kit.digest_of(body))


def test_a_second_release_replaces_the_first() -> None:
    """The authority that signs again is held by its last word, and the other side's is kept."""
    case = ready(ASKING, S.ASSESSED, "endorse")
    moved, _ = take(case, "endorse", by=("dora", "coordinator"), valid_until="2027-02-01T00:00:00Z")
    ends = {(one.authority, one.valid_until) for one in moved.releases}
    assert {("ours", "2027-02-01T00:00:00Z"), ("theirs", kit.LATER)} == ends


def test_a_proposal_leaves_with_its_release() -> None:
    """The approved bytes leave with the statement over them; an answer to an earlier proposal is void."""
    case = ready(ASKING, S.ASSESSED, "propose")
    moved, effects = take(case, "propose", clocks=(support.clock("acceptance"),))
    assert case.pending is not None
    assert [Send(PROPOSAL, case.pending.body, None, ("return.release coordinator",))] == sent(effects)
    assert (S.PROPOSED, None, {PROPOSAL: kit.proposal()}) == (moved.state, moved.pending, moved.said)
    assert {("ours", "return.release", "coordinator")} == kinds(moved)
    assert support.clock("acceptance") == moved.clock("acceptance")


def test_an_acceptance_comes_in_with_its_statement() -> None:
    """The answer and what was signed with it are kept, its clock runs, and the desk is told."""
    moved, effects = taken(ASKING, S.PROPOSED, "acceptance", clocks=(support.clock("travel"),))
    assert (S.ACCEPTED, kit.acceptance()) == (moved.state, moved.said[ACCEPTANCE])
    assert {("ours", "return.release", "coordinator"), ("theirs", "return.acceptance", "desk_head")} == kinds(moved)
    assert ((Notify("interior"),), support.clock("travel")) == (effects, moved.clock("travel"))


def test_a_refusal_leads_back_to_the_assessment() -> None:
    """After a no nothing signed counts any more, and what was answered is all that was said."""
    moved, effects = taken(ASKING, S.PROPOSED, "refusal")
    assert (S.ASSESSED, (), {ACCEPTANCE: kit.refusal()}) == (moved.state, moved.releases, moved.said)
    assert (Notify("interior"),) == effects


@pytest.mark.parametrize("case_state", [S.CONSIDERED, S.NOT_RETURNED, S.WITHDRAWN, S.UNDELIVERED])
@pytest.mark.parametrize("name", ["acceptance", "refusal", "document"])
def test_what_crossed_is_taken_and_changes_nothing(case_state: State, name: str) -> None:
    """An answer to a return that is no longer meant is taken without a word, and counts for nothing then or later."""
    case = ready(ASKING, case_state, name)
    came = tuple(one.digest for one in kit.signatures(ASKING) if (one.authority, name) == ("theirs", "acceptance"))
    assert (replace(case, accepted=came), (Notify("interior"),)) == take(case, name)


def test_a_message_that_is_lost_after_a_decline_ends_its_thread_no_other_way() -> None:
    """The thread was withdrawn: what takes data back still follows, as where a case was withdrawn."""
    over, _ = take(ready(ASKING, S.ASSESSED, "decline"), "decline", proposed=True)
    assert (over, (Notify("interior"),)) == take(over, "undelivered", code=None)


def test_a_request_for_a_document_is_remembered() -> None:
    """The approved bytes leave, nothing stays prepared, and the case waits where it is."""
    case = ready(ASKING, S.DECIDED, "request_document")
    moved, effects = take(case, "request_document", clocks=(support.clock("travel_document"),))
    assert case.pending is not None
    assert [Send(DOCUMENT_REQUEST, case.pending.body)] == sent(effects)
    assert (S.DECIDED, None, kit.document_request()) == (moved.state, moved.pending, moved.said[DOCUMENT_REQUEST])
    assert support.clock("travel_document") == moved.clock("travel_document")


@pytest.mark.parametrize(("state", "to"), [(S.DECIDED, S.DOCUMENTED), (S.SCHEDULED, S.SCHEDULED)])
def test_a_document_replaces_what_was_issued_again(state: State, to: State) -> None:
    """A new document takes the place of every earlier one, and moves no plan."""
    case = ready(ASKING, state, "document")
    case = replace(case, said={**case.said, REISSUE: kit.SAYING["reissue"]})
    moved, _ = take(case, "document", body=kit.issued("2027-04-01"))
    assert (to, kit.issued("2027-04-01")) == (moved.state, moved.said[DOCUMENT])
    assert REISSUE not in moved.said


def test_a_document_issued_again_stands_beside_the_first() -> None:
    """What was issued again is kept, and it is what counts."""
    moved, _ = taken(ASKING, S.DOCUMENTED, "reissue")
    assert (S.DOCUMENTED, kit.SAYING["reissue"]) == (moved.state, moved.said[REISSUE])


def test_a_document_that_is_over_changes_the_state_alone() -> None:
    """A document ends by itself: the case goes back to ask for another, and nothing is sent."""
    case = ready(ASKING, S.DOCUMENTED, "document_expired")
    assert (replace(case, state=S.DECIDED), ()) == take(case, "document_expired")


@pytest.mark.parametrize("ahead_h", [SEALED_H - 1, SEALED_H, SEALED_H + 1, 240])
def test_a_plan_waits_until_72_hours_before(ahead_h: int) -> None:
    """The plan is in the outbox at once and leaves 72 hours before departure, or now if that is past."""
    leaves = NOW + timedelta(hours=ahead_h)
    record = kit.record(travel={"departs_at": leaves.isoformat()})
    case = ready(ASKING, S.DOCUMENTED, "schedule", record=record)
    body = text(kit.schedule(departs_at=leaves.isoformat(), arrives_at=(leaves + timedelta(hours=4)).isoformat()))
    moved, effects = take(case, "schedule", body=body)
    assert [Send(SCHEDULE, body, max(NOW, leaves - timedelta(hours=72)))] == sent(effects)
    assert (S.SCHEDULED, "planned") == (moved.state, moved.said[SCHEDULE]["status"])


def test_a_plan_that_never_left_is_dropped() -> None:
    """What still waits in the outbox is taken out of it, and the other State never learns of it."""
    moved, effects = taken(ASKING, S.SCHEDULED, "cancel", undo="DOCUMENTED")
    (dropped,) = effects
    assert isinstance(dropped, DropUnsent)
    assert (S.DOCUMENTED, {SCHEDULE}) == (moved.state, set(TYPES) - dropped.keep)
    assert SCHEDULE not in moved.said


def test_a_plan_that_left_is_called_off_by_a_message() -> None:
    """The other State is told, as far as it can be: the journey does not wait for the message."""
    moved, effects = taken(ASKING, S.SCHEDULED, "cancel")
    assert [Send(SCHEDULE, text(kit.schedule("cancelled")), optional=True)] == sent(effects)
    assert (S.DOCUMENTED, False) == (moved.state, SCHEDULE in moved.said)


@pytest.mark.parametrize("looked", [True, False], ids=["protection sought", "nobody looked"])
def test_a_journey_is_called_off_in_silence(looked: bool) -> None:
    """Where nothing may be said the journey is called off all the same, nothing leaves, and a finding says so."""
    case = ready(ASKING, S.SCHEDULED, "cancel", draft=SOUGHT)
    event = brought(case, "cancel")
    moved, effects = step(table_for(ASKING), case, event if looked else replace(event, facts=None), NOW)
    assert (S.DOCUMENTED, (NOT_TOLD,), ()) == (moved.state, moved.findings, effects)


@pytest.mark.parametrize(
    ("looked", "told"),
    [
        ({"around": around(no_contact="listed")}, False),
        ({"around": around(recipient_ready=False)}, True),
        ({"draft": {**support.DRAFT, "transfer_ground": None}}, True),
        ({"draft": {**support.DRAFT, "endangerment_check": {"result": "failed", "by": "", "on": ""}}}, True),
        ({"body": {**kit.schedule("cancelled"), "handling": {**kit.HANDLING, "retain_until": "2026-12-01"}}}, True),
    ],
    ids=["not to be contacted", "no key", "no ground", "endangered", "conditions over"],
)
def test_nobody_is_kept_waiting_by_what_a_message_may_tell(looked: dict[str, Any], told: bool) -> None:
    """That a journey is off is told wherever the State may be contacted, whatever else has run out."""
    event = brought(ready(ASKING, S.SCHEDULED, "cancel"), "cancel")
    assert event.facts is not None
    case = ready(ASKING, S.SCHEDULED, "cancel")
    moved, effects = step(table_for(ASKING), case, replace(event, facts=replace(event.facts, **looked)), NOW)
    assert (told, not told) == (bool(sent(effects)), NOT_TOLD in moved.findings)


def test_a_departure_is_told_at_once() -> None:
    """That the person left is said now, and what was said last is that she left."""
    moved, effects = taken(ASKING, S.SCHEDULED, "depart")
    assert [Send(SCHEDULE, text(kit.schedule("departed")))] == sent(effects)
    assert (S.DEPARTED, "departed") == (moved.state, moved.said[SCHEDULE]["status"])


REFUSED = {
    "proposal_not_accepted": (ASKING, S.PROPOSED, S.ASSESSED),
    "schedule_not_accepted": (ASKING, S.SCHEDULED, S.DOCUMENTED),
    "acceptance_not_accepted": (ASKED, S.ACCEPTED, S.PROPOSED),
    "document_not_accepted": (ASKED, S.DOCUMENTED, S.ACCEPTED),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_desk_learns_that_a_message_was_refused(name: str) -> None:
    """A message of ours that the other gateway refused leads back, with its code on file and the desk told."""
    side, state, to = REFUSED[name]
    moved, effects = taken(side, state, name)
    assert (to, ("not accepted: stale",), (Notify("interior"),)) == (moved.state, moved.findings, effects)


# Two hands.


def test_the_first_hand_signs_and_waits() -> None:
    """The escort's signature leaves with the protocol; the person counts as handed over by nobody's word alone."""
    moved, effects = taken(ASKING, S.DEPARTED, "hand_over")
    assert [Send(HANDOVER, text(kit.handover()), None, ("statement",), optional=True)] == sent(effects)
    assert (S.DEPARTED, True) == (moved.state, ("ours", "handover.delivery", "escort") in kinds(moved))


def test_the_first_hand_arrives_and_moves_nothing() -> None:
    """On the receiving side the escort's signature is kept until somebody there has signed too."""
    moved, _ = taken(ASKED, S.DEPARTED, "handover")
    assert (S.DEPARTED, True) == (moved.state, ("theirs", "handover.delivery", "escort") in kinds(moved))


def test_the_second_hand_hands_over() -> None:
    """Who receives the person signs the same protocol; the signature leaves, and the person is there."""
    moved, effects = taken(ASKED, S.DEPARTED, "confirm_handover", clocks=(support.clock("monitoring"),))
    assert [Send(HANDOVER, text(kit.handover()), None, ("statement",), optional=True)] == sent(effects)
    assert (S.HANDED_OVER, support.clock("monitoring")) == (moved.state, moved.clock("monitoring"))
    assert {("theirs", "handover.delivery", "escort"), ("ours", "handover.receipt", "reception")} <= kinds(moved)


def test_both_hands_sign_one_protocol() -> None:
    """Two signatures over two protocols are no handover, on either side."""
    other = {**kit.handover(), "protocol": {**kit.handover()["protocol"], "belongings": False}}
    ours = ready(ASKED, S.DEPARTED, "confirm_handover")
    assert objects("both_hands", ours, "confirm_handover", digest=kit.digest_of(other))
    second = kit.release("theirs", "handover.receipt", "reception", other)
    theirs = ready(ASKING, S.DEPARTED, "handover")
    assert objects("both_hands", theirs, "handover", releases=(second,))


def test_nobody_is_handed_over_unsigned() -> None:
    """A second hand that did not sign, or a first that is missing, leaves the person with the escort."""
    case = ready(ASKED, S.DEPARTED, "confirm_handover")
    assert objects("both_hands", case, "confirm_handover", statement="")
    assert objects("both_hands", replace(case, releases=kit.signatures(ASKED)), "confirm_handover")


@pytest.mark.parametrize("changes", [{"authority": "ours"}, {"kind": "handover.receipt"}])
def test_the_first_hand_is_that_of_the_escort(changes: dict[str, str]) -> None:
    """What this State signed itself, or who received the person, is no signature of who brought the person."""
    case = ready(ASKED, S.DEPARTED, "confirm_handover")
    first = case.releases[-1]
    assert not objects("both_hands", case, "confirm_handover")
    assert objects("both_hands", replace(case, releases=(replace(first, **changes),)), "confirm_handover")


def test_the_second_hand_is_that_of_who_receives() -> None:
    """Where only what the escort signed comes back, nobody has received the person."""
    case = ready(ASKING, S.DEPARTED, "handover")
    delivery, receipt = kit.brought("handover", kit.handover())
    for releases, holds in (((delivery,), True), ((receipt,), False)):
        assert holds is objects("both_hands", case, "handover", releases=releases)


# Afterwards.


@pytest.mark.parametrize(("side", "name"), [(ASKING, "hand_over"), (ASKED, "handover")])
@pytest.mark.parametrize(
    ("then", "asking", "asked"),
    [
        ("2026-04-30T14:00:00Z", False, False),
        ("2026-04-30T13:59:59Z", True, True),
        ("2026-12-01T09:00:00Z", False, False),
        ("2026-12-01T09:00:01Z", True, False),
        ("2026-12-01T09:05:00Z", True, False),
        ("2026-12-01T09:05:01Z", True, True),
        ("2026-12-01T09:00:00", True, True),
    ],
    ids=["at departure", "before it", "now", "ahead", "as far ahead as clocks may be", "further", "nowhere"],
)
def test_a_handover_is_dated_when_it_was(side: Side, name: str, then: str, asking: bool, asked: bool) -> None:
    """Between the departure and now lies the handover; the other State's clock may be five minutes ahead of ours."""
    case = ready(side, S.DEPARTED, name)
    body = kit.handover(then)
    refused = objects("handover_dated", case, name, body=text(body) if side is ASKING else body)
    assert (asking if side is ASKING else asked) is refused


@pytest.mark.parametrize(
    ("handed_over", "seen", "now", "holds"),
    [
        ("2026-05-31T10:00:00Z", "2026-11-30", at("2026-12-01"), False),
        ("2026-05-31T10:00:00Z", "2026-11-29", at("2026-12-01"), True),
        ("2026-07-31T10:00:00Z", "2027-01-30", at("2027-02-01"), True),
        ("2026-08-31T10:00:00Z", "2027-02-28", at("2027-03-01"), False),
        ("2026-08-31T10:00:00Z", "2027-02-27", at("2027-03-01"), True),
        ("2026-05-01T10:00:00Z", "2026-12-02", at("2026-12-01"), False),
        ("2026-05-01T10:00:00Z", "2026-12-03", at("2026-12-01"), True),
    ],
    ids=[
        *("of a short month", "a day early", "before the 31st", "to the end of February", "a day before"),
        *("tomorrow there", "to come"),
    ],
)
def test_a_return_is_followed_for_six_months(handed_over: str, seen: str, now: datetime, holds: bool) -> None:
    """The last report is of a day six months after the handover, and of no day to come."""
    said = {**kit.SAID, HANDOVER: kit.handover(handed_over)}
    case = ready(ASKED, S.MONITORING, "report_safe", said=said)
    body = text({**kit.monitoring(final=True), "on": seen})
    assert holds is objects("six_months", case, "report_safe", body=body, now=now)


@pytest.mark.parametrize(("zone", "holds"), [("UTC", True), ("Pacific/Auckland", False)])
@pytest.mark.parametrize("state", [S.HANDED_OVER, S.MONITORING, S.RECALL])
def test_a_report_is_of_a_day_that_has_come(state: State, zone: str, holds: bool) -> None:
    """Nobody is seen tomorrow; in the east tomorrow may have begun."""
    case = ready(ASKED, state, "report")
    body = text({**kit.monitoring(), "on": "2026-12-02"})
    assert holds is objects("seen", case, "report", body=body, zone=zone, now=at("2026-12-01", 12))


def test_nothing_is_reckoned_from_a_handover_that_was_not() -> None:
    """Without a protocol of the handover six months have no beginning."""
    said = {name: body for name, body in kit.SAID.items() if name != HANDOVER}
    assert objects("six_months", ready(ASKED, S.MONITORING, "report_safe", said=said), "report_safe")


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("report", S.MONITORING),
        ("report_safe", S.CLOSED_SAFE),
        ("report_concern", S.CLOSED_CONCERN),
        ("report_lost", S.LOST_CONTACT),
    ],
)
@pytest.mark.parametrize("state", [S.HANDED_OVER, S.MONITORING])
def test_a_report_is_a_code_and_leaves(state: State, name: str, to: State) -> None:
    """How the person is doing leaves as it was written, the first time too, and is the last that was said of it."""
    moved, effects = taken(ASKED, state, name)
    assert [Send(MONITORING, text(kit.SAYING[name]), optional=True)] == sent(effects)
    assert (to, kit.SAYING[name]) == (moved.state, moved.said[MONITORING])


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("monitoring", S.MONITORING),
        ("monitoring_safe", S.CLOSED_SAFE),
        ("monitoring_concern", S.CLOSED_CONCERN),
        ("monitoring_lost", S.LOST_CONTACT),
    ],
)
@pytest.mark.parametrize("state", [S.HANDED_OVER, S.MONITORING])
def test_a_report_comes_in_and_tells_the_desk(state: State, name: str, to: State) -> None:
    """A report is kept, also where the last one is the first that comes, and the desk that proposed is told."""
    moved, effects = taken(ASKING, state, name)
    assert (to, kit.SAYING[name], (Notify("interior"),)) == (moved.state, moved.said[MONITORING], effects)


# What the accepting side saves and sends.


@pytest.mark.parametrize("state", [S.REPLIED, S.ACCEPTED, S.SCHEDULED, S.RECALL])
def test_a_new_proposal_voids_what_was_agreed(state: State) -> None:
    """A proposal replaces an earlier one with all that was said and signed on it, and that has not left."""
    moved, (dropped, told) = taken(ASKED, state, "proposal")
    assert (S.PROPOSED, {PROPOSAL: kit.proposal()}, None) == (moved.state, moved.said, moved.pending)
    assert ({("theirs", "return.release", "coordinator")}, Notify("interior")) == (kinds(moved), told)
    assert isinstance(dropped, DropUnsent)
    assert {ACCEPTANCE, DOCUMENT, REISSUE} == set(TYPES) - dropped.keep


def test_a_new_proposal_does_not_end_a_stop() -> None:
    """That the other side was told of a stop is remembered through whatever it proposes."""
    case = ready(ASKED, S.ACCEPTED, "proposal")
    case = replace(case, said={**case.said, SUSPENSION: kit.SAYING["suspension"]})
    assert {PROPOSAL, SUSPENSION} == set(take(case, "proposal")[0].said)


@OF_BOTH_AGES
def test_an_acceptance_leaves_signed(minor: bool) -> None:
    """The prepared bytes leave with the statement of the authority in charge, which is kept until it ends."""
    case = ready(ASKED, S.PROPOSED, "accept", minor, releases=kit.signatures(ASKED, minor)[:1])
    event = brought(case, "accept", minor=minor, clocks=(support.clock("travel"),))
    assert case.pending is not None
    role = "welfare" if minor else "desk_head"
    made = Release("ours", "return.acceptance", role, case.pending.digest, kit.LATER, "statement")
    looked = about(
        replace(case, releases=(*case.releases, made)), NOW, ACCEPTANCE, kit.acceptance(minor), around=AROUND
    )
    moved, effects = step(table_for(ASKED), case, replace(event, facts=looked), NOW)
    assert [Send(ACCEPTANCE, case.pending.body, None, ("statement",))] == sent(effects)
    assert (S.ACCEPTED, replace(made, by="dora"), None) == (moved.state, moved.releases[-1], moved.pending)
    assert (kit.acceptance(minor), support.clock("travel")) == (moved.said[ACCEPTANCE], moved.clock("travel"))


@pytest.mark.parametrize("data", [{"statement": ""}, {"valid_until": NOW.isoformat()}], ids=["unsigned", "over"])
def test_nothing_is_accepted_unsigned(data: dict[str, Any]) -> None:
    """An acceptance without a statement, or with one that is over, does not leave."""
    assert objects("welfare_accepted", ready(ASKED, S.PROPOSED, "accept"), "accept", **data)


def test_a_refusal_voids_what_was_prepared() -> None:
    """After a no nothing is prepared or signed here, and the verification and the proposal stand as they did."""
    moved, effects = taken(ASKED, S.PROPOSED, "refuse")
    assert [Send(ACCEPTANCE, text(kit.refusal()))] == sent(effects)
    signed = [(one.authority, one.kind) for one in moved.releases]
    assert (S.REPLIED, None, [("theirs", "return.release")]) == (moved.state, moved.pending, signed)
    assert {PROPOSAL: kit.proposal(), ACCEPTANCE: kit.refusal()} == moved.said
    assert support.reply() == moved.reply


def test_another_request_for_a_document_is_one_for_a_new_document() -> None:
    """A request that comes once a document was issued asks for another, and the issuer may issue it."""
    moved, _ = taken(ASKED, S.DOCUMENTED, "document_request")
    assert (S.ACCEPTED, kit.document_request()) == (moved.state, moved.said[DOCUMENT_REQUEST])
    assert S.DOCUMENTED is take(moved, "issue")[0].state


def test_an_issued_document_replaces_every_earlier_one() -> None:
    """The notice leaves, and no document issued again before it counts any more."""
    case = ready(ASKED, S.ACCEPTED, "issue")
    case = replace(case, said={**case.said, REISSUE: kit.SAYING["reissue"]})
    moved, effects = take(case, "issue", clocks=(support.clock("travel"),))
    assert [Send(DOCUMENT, text(kit.issued()))] == sent(effects)
    assert (kit.issued(), False) == (moved.said[DOCUMENT], REISSUE in moved.said)
    assert support.clock("travel") == moved.clock("travel")


@pytest.mark.parametrize("state", [S.DOCUMENTED, S.SCHEDULED])
def test_a_document_is_issued_again_without_losing_the_plan(state: State) -> None:
    """The notice of another document leaves, and the journey stays planned."""
    moved, effects = taken(ASKED, state, "reissue_document")
    assert [Send(REISSUE, text(kit.SAYING["reissue"]))] == sent(effects)
    assert (state, kit.SAYING["reissue"]) == (moved.state, moved.said[REISSUE])


@pytest.mark.parametrize(
    ("state", "name", "to"),
    [
        (S.DOCUMENTED, "schedule_notice", S.SCHEDULED),
        (S.SCHEDULED, "cancellation", S.DOCUMENTED),
        (S.DOCUMENTED, "cancellation", S.DOCUMENTED),
        (S.DOCUMENTED, "departure", S.DEPARTED),
    ],
)
def test_what_is_said_of_a_journey_is_the_last_word(state: State, name: str, to: State) -> None:
    """A plan, its end and a departure are one message type: the last one counts."""
    moved, effects = taken(ASKED, state, name)
    assert (to, kit.SAYING[name], (Notify("interior"),)) == (moved.state, moved.said[SCHEDULE], effects)


@pytest.mark.parametrize("stopped", [S.FROZEN, S.SUSPENDED])
@pytest.mark.parametrize("place", [S.ASSESSED, S.PROPOSED, S.ACCEPTED, S.DECIDED, S.DOCUMENTED, S.SCHEDULED, S.SENT])
def test_what_is_stopped_is_begun_anew_and_stays_stopped(stopped: State, place: State) -> None:
    """Nobody's stop is lifted by a reassessment, ours or theirs, and what we told of one is still to be lifted."""
    holders = (("dora", "child_welfare"), ("protection", "asylum_authority"), ("XBB", PARTNER))
    case = ready(ASKING, stopped, "reassess", resume_to=place, holders=holders, resume_proposer="anna")
    case = replace(case, freeze_reason="why", said={**case.said, SUSPENSION: {}, ACCEPTANCE: {}})
    if place in (S.SCHEDULED, S.SENT):
        with pytest.raises(IllegalStep):
            take(case, "reassess")
        return
    moved, effects = take(case, "reassess")
    assert (stopped, S.CONSIDERED, holders, False) == (moved.state, moved.resume_to, moved.holders, moved.released)
    assert ("why", None) == (moved.freeze_reason, moved.resume_proposer)
    assert ({SUSPENSION}, (), []) == (set(moved.said), moved.releases, sent(effects))


# Calling back.


@BOTH
def test_a_recall_is_said_once(side: Side) -> None:
    """The first who calls the person back tells the other State; a second adds a reason and says nothing."""
    moved, effects = taken(side, S.DEPARTED, "recall")
    assert [Send(TAKE_BACK, text(kit.SAYING["recall"]), optional=True)] == sent(effects)
    again, more = take(moved, "recall", reason="another reason")
    assert (S.RECALL, "reason\nanother reason", []) == (again.state, again.freeze_reason, sent(more))


def test_a_recall_is_silent_where_nothing_may_be_said() -> None:
    """A need for protection calls the person back all the same, and no message says so."""
    case = ready(ASKING, S.DEPARTED, "recall")
    event = brought(case, "recall", draft=SOUGHT)
    event = replace(
        event, facts=about(replace(case, draft=SOUGHT), NOW, TAKE_BACK, kit.SAYING["recall"], around=AROUND)
    )
    moved, effects = step(table_for(ASKING), case, event, NOW)
    assert (S.RECALL, SOUGHT, (Notify("interior"),)) == (moved.state, moved.draft, effects)
    assert TAKE_BACK not in moved.said


@pytest.mark.parametrize("state", [S.FROZEN, S.SUSPENDED])
def test_a_recall_takes_the_place_of_a_stop(state: State) -> None:
    """Who is called back from a stop is held by nobody any more, and a later stop is told anew."""
    case = replace(ready(ASKED, state, "recall"), holders=(("dora", "child_welfare"),))
    moved, effects = take(replace(case, said={**case.said, SUSPENSION: kit.SAYING["suspension"]}), "recall")
    assert [Send(TAKE_BACK, text(kit.SAYING["recall"]), optional=True)] == sent(effects)
    assert (S.RECALL, None, ()) == (moved.state, moved.resume_to, moved.holders)
    assert SUSPENSION not in moved.said


def test_a_recall_from_a_stop_of_who_was_called_back_says_that_the_stop_is_over() -> None:
    """The other State called back first, so that nothing else tells it; a recall that is told ends the stop as well."""
    said = {SUSPENSION: kit.SAYING["suspension"], TAKE_BACK: kit.SAYING["take_back"]}
    case = replace(ready(ASKED, S.SUSPENDED, "recall"), resume_to=S.RECALL)
    moved, effects = take(replace(case, said={**case.said, **said}), "recall")
    assert (S.RECALL, [Send(RESUMPTION, RESUMPTION_BODY, optional=True)]) == (moved.state, sent(effects))
    stopped, _ = take(ready(ASKING, S.RECALL, "suspension"), "suspension")
    assert STOPPED_THERE not in take(stopped, "take_back")[0].findings


def test_a_recall_by_the_asylum_authority_holds_until_it_lets_go() -> None:
    """As after a freeze of that authority, nobody considers the person anew before it let go (V-08)."""
    by = ("protection", "asylum_authority")
    case, _ = taken(ASKING, S.DEPARTED, "recall", by=by)
    assert (by,) == case.holders
    with pytest.raises(RuleRefused, match="V-08"):
        take(case, "returned")
    with pytest.raises(RuleRefused, match="V-07"):
        take(case, "release", by=CAROL)
    free, _ = take(case, "release", by=by)
    assert ((), S.CONSIDERED) == (free.holders, take(free, "returned")[0].state)


def test_a_recall_by_the_asylum_authority_is_not_closed_before_it_lets_go() -> None:
    """Once the case is closed nobody lets go any more, so it is closed only after that (V-08)."""
    by = ("protection", "asylum_authority")
    case, _ = taken(ASKING, S.DEPARTED, "recall", by=by)
    with pytest.raises(RuleRefused, match="V-08"):
        take(case, "close")
    free, _ = take(case, "release", by=by)
    assert S.CLOSED == take(free, "close")[0].state


@BOTH
def test_a_recall_by_another_holds_nothing(side: Side) -> None:
    """Who calls a person back otherwise says nothing of protection, and nobody has to let go."""
    assert () == taken(side, S.DEPARTED, "recall", by=CAROL)[0].holders


def test_a_recall_without_a_message_says_nothing() -> None:
    """Who calls back and has nothing to say to the other State says nothing, and the file stays as it was."""
    case = ready(ASKING, S.HANDED_OVER, "recall")
    moved, effects = take(case, "recall", body=None, draft=None)
    assert (S.RECALL, case.draft, [], None) == (moved.state, moved.draft, sent(effects), moved.pending)


@BOTH
@pytest.mark.parametrize("state", [S.DEPARTED, S.CLOSED_SAFE])
def test_the_other_state_calls_back(side: Side, state: State) -> None:
    """What the other State says is kept, and nobody's consent is needed, even after the return was closed."""
    moved, effects = taken(side, state, "take_back")
    assert (S.RECALL, kit.SAYING["take_back"], (Notify("interior"),)) == (
        moved.state,
        moved.said[TAKE_BACK],
        effects,
    )


@pytest.mark.parametrize(
    ("name", "day", "text"), [("monitoring", "on", REPORTED), ("take_back", "by", TO_BE_TAKEN_BACK)]
)
def test_what_a_state_reports_makes_no_case_longer_without_end(name: str, day: str, text: str) -> None:
    """It may say another day as often as it likes, in a closed case too; the last words stand, and the first may go."""
    case, said = ready(ASKING, S.CLOSED, name), kit.SAYING[name]
    days = [(date(2026, 1, 1) + timedelta(days=past)).isoformat() for past in range(REPORTS_MAX + 2)]
    for one in days:
        body = {**said, day: one}
        case, _ = take(case, name, body=body, value=body)
    found = [one for one in case.findings if one.startswith(text.partition("%")[0])]
    assert (REPORTS_MAX, True, False) == (len(found), days[-1] in found[-1], any(days[0] in one for one in found))


def test_who_is_back_is_looked_at_anew() -> None:
    """Nothing that was recorded, signed or said before the person came back counts for another return."""
    moved, _ = taken(ASKING, S.RECALL, "returned")
    assert (S.CONSIDERED, None, {}, (), None) == (
        moved.state,
        moved.record,
        moved.said,
        moved.releases,
        moved.freeze_reason,
    )
    with pytest.raises(RuleRefused):
        take(moved, "assess")


# Stopping.

CAROL, DORA = ("carol", "guardian"), ("dora", "child_welfare")


def partner(case: Case) -> tuple[str, str]:
    """Return the other State as one who holds the case."""
    return (case.partner, PARTNER)


@BOTH
def test_a_stop_is_said_once_and_names_no_reason(side: Side) -> None:
    """The first stop tells the other State that there is one; a second adds a holder, and says nothing."""
    case = ready(side, S.ACCEPTED, "suspend", freeze_reason=None)
    moved, effects = take(case, "suspend", by=CAROL, reason="she is afraid")
    assert (DropUnsent(), Notify("interior"), Send(SUSPENSION, SUSPENSION_BODY, optional=True)) == effects
    assert (S.SUSPENDED, S.ACCEPTED, (CAROL,)) == (moved.state, moved.resume_to, moved.holders)
    again, more = take(moved, "suspend", by=DORA, reason="so are we")
    assert ((CAROL, DORA), S.ACCEPTED, []) == (again.holders, again.resume_to, sent(more))
    assert "she is afraid\nso are we" == again.freeze_reason


@pytest.mark.parametrize("state", [S.CONSIDERED, S.ASSESSED])
def test_a_stop_of_what_the_other_state_does_not_know_is_not_said(state: State) -> None:
    """As long as nothing was proposed a stop tells nobody that a return was thought of."""
    moved, effects = taken(ASKING, state, "suspend")
    assert (S.SUSPENDED, [], False) == (moved.state, sent(effects), SUSPENSION in moved.said)


@pytest.mark.parametrize("second", ["suspend", "freeze"])
def test_a_second_stop_leaves_the_word_of_the_first(second: str) -> None:
    """What says that a return is stopped may not have left yet, and is not taken out of the outbox by a second stop."""
    stopped, _ = taken(ASKED, S.ACCEPTED, "suspend", by=CAROL)
    assert DropUnsent(frozenset({SUSPENSION})) in take(stopped, second, by=DORA)[1]


def test_a_freeze_of_the_proposing_side_takes_back_that_it_was_stopped() -> None:
    """A freeze may have a reason that nobody may guess: the word of a stop that has not left does not leave."""
    stopped, _ = taken(ASKING, S.ACCEPTED, "suspend", by=CAROL)
    assert DropUnsent(frozenset({RESUMPTION})) in take(stopped, "freeze", by=DORA)[1]


def test_a_stop_is_silent_where_nothing_may_be_said() -> None:
    """With protection sought the case is stopped all the same, and no message says so."""
    moved, effects = take(ready(ASKING, S.SCHEDULED, "suspend", draft=SOUGHT), "suspend")
    assert (S.SUSPENDED, (DropUnsent(frozenset({RESUMPTION})), Notify("interior"))) == (moved.state, effects)


def test_a_plan_that_never_left_is_gone_with_the_stop() -> None:
    """A plan that the stop took out of the outbox is planned anew when the case goes on."""
    moved, _ = taken(ASKING, S.SCHEDULED, "suspend", undo="DOCUMENTED")
    assert (S.SUSPENDED, S.DOCUMENTED, None) == (moved.state, moved.resume_to, moved.pending)


def test_an_approval_does_not_outlive_a_stop() -> None:
    """What was prepared and approved before a stop is prepared and approved anew."""
    assert taken(ASKING, S.ASSESSED, "suspend")[0].pending is None


def test_the_accepting_side_says_that_it_froze() -> None:
    """A veto is heard: the other State learns that the return is stopped, once, and not why."""
    moved, effects = taken(ASKED, S.SCHEDULED, "freeze")
    assert [Send(SUSPENSION, SUSPENSION_BODY, optional=True)] == sent(effects)
    assert (S.FROZEN, S.SCHEDULED) == (moved.state, moved.resume_to)
    assert [] == sent(take(moved, "freeze", by=DORA)[1])


def test_the_proposing_side_freezes_in_silence() -> None:
    """A freeze may have a reason that nobody may guess, so the proposing side says nothing of one."""
    moved, effects = taken(ASKING, S.SCHEDULED, "freeze")
    assert (S.FROZEN, (DropUnsent(frozenset({RESUMPTION})), Notify("interior"))) == (moved.state, effects)


def test_a_suspended_case_freezes_where_it_stood() -> None:
    """A freeze of a case that was suspended, and said to be, says nothing again and keeps where it goes on."""
    stopped, _ = taken(ASKED, S.ACCEPTED, "suspend", by=CAROL)
    moved, effects = take(stopped, "freeze", by=DORA)
    assert (S.FROZEN, S.ACCEPTED, (CAROL, DORA), []) == (
        moved.state,
        moved.resume_to,
        moved.holders,
        sent(effects),
    )


@BOTH
def test_a_stop_of_the_other_state_holds_the_case(side: Side) -> None:
    """The other State is a holder like any other, and says no reason."""
    case = ready(side, S.DOCUMENTED, "suspension", freeze_reason=None)
    moved, effects = take(case, "suspension")
    assert (S.SUSPENDED, S.DOCUMENTED, (partner(case),)) == (moved.state, moved.resume_to, moved.holders)
    assert ((Notify("interior"),), None) == (effects, moved.freeze_reason)


@BOTH
def test_a_stop_that_comes_after_departure_stops_nothing(side: Side) -> None:
    """Who is on the way cannot be stopped by a message; it is heard, and moves nothing."""
    case = ready(side, S.DEPARTED, "suspension")
    told = replace(case, findings=(STOPPED_LATE,))
    assert (told, (Notify("interior"),)) == take(case, "suspension")


def test_a_stop_that_crosses_a_recall_is_known_to_who_proposes_anew() -> None:
    """Who is back may be proposed once more: the other State still stands still, and says it no second time."""
    stopped, _ = take(ready(ASKING, S.RECALL, "suspension"), "suspension")
    back, _ = take(replace(stopped, holders=()), "returned")
    assert (S.CONSIDERED, (STOPPED_THERE,)) == (back.state, back.findings)
    assert () == take(back, "resumption")[0].findings


def both_hold(side: Side) -> Case:
    """Return a case with an accepted return that carol stopped, and the other State as well."""
    stopped, _ = taken(side, S.ACCEPTED, "suspend", by=CAROL)
    held, _ = take(stopped, "suspension")
    assert (CAROL, partner(held)) == held.holders
    return held


DESK = {ASKING: ("boris", "liaison_officer"), ASKED: ("boris", "desk_head")}


@BOTH
def test_a_case_goes_on_only_when_our_holders_let_go(side: Side) -> None:
    """The desk cannot let a case go on that somebody else of its own State holds."""
    with pytest.raises(RuleRefused, match="V-08"):
        take(both_hold(side), "resume", by=DESK[side])


@BOTH
def test_a_case_waits_for_the_other_state(side: Side) -> None:
    """When we let go we say so; the case goes on with the word of the other State."""
    ours, _ = take(both_hold(side), "release", by=CAROL)
    waiting, effects = take(ours, "resume", by=DESK[side])
    assert [Send(RESUMPTION, RESUMPTION_BODY, optional=True)] == sent(effects)
    assert (S.SUSPENDED, (partner(ours),), False) == (waiting.state, waiting.holders, SUSPENSION in waiting.said)
    moved, _ = take(waiting, "resumption")
    assert (S.ACCEPTED, (), None) == (moved.state, moved.holders, moved.resume_to)


@BOTH
def test_the_other_state_waits_for_us(side: Side) -> None:
    """When the other State lets go first the case stays stopped until we do."""
    theirs, _ = take(both_hold(side), "resumption")
    assert (S.SUSPENDED, (CAROL,), False) == (theirs.state, theirs.holders, theirs.released)
    ours, _ = take(theirs, "release", by=CAROL)
    moved, effects = take(ours, "resume", by=DESK[side])
    assert (S.ACCEPTED, (), None, None) == (moved.state, moved.holders, moved.resume_to, moved.freeze_reason)
    assert [Send(RESUMPTION, RESUMPTION_BODY, optional=True)] == sent(effects)


def test_a_refusal_does_not_end_a_stop() -> None:
    """The other State was told of the stop, and holds by it whatever is proposed next: it is told when that ends."""
    stopped, _ = taken(ASKING, S.PROPOSED, "suspend", by=CAROL)
    refused, _ = take(stopped, "refusal")
    assert {SUSPENSION, ACCEPTANCE} == set(refused.said)
    ours, _ = take(refused, "release", by=CAROL)
    moved, effects = take(ours, "resume", by=DESK[ASKING])
    assert (S.ASSESSED, [Send(RESUMPTION, RESUMPTION_BODY, optional=True)]) == (moved.state, sent(effects))


def test_what_was_never_said_is_not_taken_back() -> None:
    """A case that was stopped in silence goes on in silence."""
    stopped, _ = taken(ASKING, S.ASSESSED, "suspend", by=DESK[ASKING])
    moved, effects = take(stopped, "resume", by=DESK[ASKING])
    assert (S.ASSESSED, []) == (moved.state, sent(effects))


def test_a_case_does_not_go_on_while_the_rules_object() -> None:
    """What stopped the case may have become a reason never to go on."""
    stopped, _ = taken(ASKING, S.ACCEPTED, "suspend", by=DESK[ASKING])
    with pytest.raises(RuleRefused, match="R-01"):
        take(replace(stopped, draft=SOUGHT), "resume", by=DESK[ASKING])


def test_a_frozen_case_is_not_let_go_by_the_other_state() -> None:
    """The other State lifts its own hold of a frozen case, and nothing else."""
    frozen, _ = taken(ASKED, S.ACCEPTED, "freeze", by=CAROL)
    held, _ = take(frozen, "suspension")
    moved, _ = take(held, "resumption")
    assert (S.FROZEN, (CAROL,), False) == (moved.state, moved.holders, moved.released)


@pytest.mark.parametrize("stop", ["freeze", "suspend"])
def test_an_answer_that_arrives_during_a_stop_moves_where_it_goes_on(stop: str) -> None:
    """An acceptance is judged and kept while the case is stopped, so that the other State sees no difference."""
    stopped, _ = take(ready(ASKING, S.PROPOSED, stop, releases=kit.signatures(ASKING)[:1]), stop, by=CAROL)
    moved, _ = take(stopped, "acceptance")
    assert (stopped.state, S.ACCEPTED, kit.acceptance()) == (moved.state, moved.resume_to, moved.said[ACCEPTANCE])
    with pytest.raises(RuleRefused, match="R-10"):
        take(stopped, "acceptance", releases=())


def residing(day: str) -> Case:
    """Return a case of somebody who entered in August 2024, with the reply that she resided there on a day."""
    case = ready(ASKING, S.REPLIED, "consider")
    elements = {**(case.draft or {})["elements"], "entry_date": "2024-08"}
    file = {**(case.draft or {}), "elements": elements}
    return replace(case, purpose="PERM_RESIDENCE", draft=file, reply=support.reply("PR_AT_DATE", as_of=day))


def test_residence_as_of_another_day_begins_no_return() -> None:
    """The case stays where the reply may be contested: it is not about the day of entry (Article 8(3))."""
    assert S.CONSIDERED == take(residing("2024-08-31"), "consider")[0].state
    with pytest.raises(RuleRefused, match="R-04"):
        take(residing("2026-12-01"), "consider")
    assert S.CONSIDERED == take(residing("2024-08-01"), "consider")[0].state
    with pytest.raises(RuleRefused, match="R-04"):
        take(residing("2024-07-31"), "consider")


def test_a_recall_ends_what_was_prepared_and_is_held_by_who_attests() -> None:
    """What was approved before it does not leave after it, and who was let go of before is held again."""
    case = support.asking(S.DEPARTED, released=True)
    taken, _ = support.take(case, "recall", "hana", "asylum_authority", reason="unsafe", body=None, draft=None)
    assert (None, False) == (taken.pending, taken.released)
    assert (("hana", "asylum_authority"),) == taken.holders


def test_nothing_of_before_counts_once_the_person_is_back() -> None:
    """Record, messages, statements, the prepared body and the reason of the recall are of the return that is over."""
    case = support.asking(S.RECALL, record=kit.RECORD, said=kit.SAID, freeze_reason="unsafe", released=True)
    taken, _ = support.take(case, "returned", "anna", "case_officer")
    assert (S.CONSIDERED, None, {}, ()) == (taken.state, taken.record, taken.said, taken.releases)
    assert (None, None) == (taken.pending, taken.freeze_reason)
