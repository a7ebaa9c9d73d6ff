"""A return through the real services, keys and stores of two States."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway.cli.signing import HAND_DAYS
from gateway.core import wire
from gateway.core.case import Release, State
from gateway.core.escalation import owed_steps
from gateway.core.machine import NOT_TOLD, Event, IllegalStep, RuleRefused, Send
from gateway.core.messages import ACCEPTANCE, DOCUMENT, PROPOSAL, REISSUE, WITHDRAWAL
from gateway.core.notices import open_demands
from gateway.core.return_changes import CORRECTED_LATE, STOPPED_LATE, STOPPED_THERE
from gateway.core.return_guards import UNTOLD, document
from gateway.services import cases, threads
from gateway.services.anew import WRONG_CLOCK_AWAY
from gateway.services.away import LATE
from gateway.services.context import Forbidden, NotFound
from gateway.services.judge import _replied
from gateway.services.ports import Tx
from gateway.services.returning import Returning
from gateway.services.rows import OutboundRow
from gateway.services.steps import DROPPED
from schemas import ijson
from tests.storage.support import case as stored_case
from tests.support import homeward, story
from tests.support.homeward import DEPARTS_AT
from tests.support.network import Network, final, nothing_leaves, wrong_clock
from tests.support.restoring import after_the_listing, back_up, restore


def acts(network: Network, country: str) -> Returning:
    """Return the acts of one State."""
    return network.gateways[country].returning


async def outbox(network: Network, country: str, ref: str, type: str) -> list[Any]:
    """Return what ``country`` put in its outbox for a case, of one type."""

    async def unit(tx: Any) -> Any:
        return [row for row in await tx.outbound_of_case(ref) if row.type == type]

    found: list[Any] = await network.gateways[country].store.read(unit)
    return found


def rules(error: pytest.ExceptionInfo[RuleRefused]) -> set[str]:
    return {finding.rule for finding in error.value.findings}


@pytest.mark.parametrize("minor", [False, True], ids=["adult", "minor"])
async def test_a_person_returns_and_is_followed_for_half_a_year(network: Network, minor: bool) -> None:
    """From the positive reply to a safe end, every step on both sides, each with its own authority in charge."""
    ours, theirs = await homeward.handed_over(network, minor)
    assert ("HANDED_OVER", "HANDED_OVER") == await homeward.states(network, ours, theirs)
    await acts(network, "XBB").report(theirs, "SEEN_SAFE", "2026-12-14", False, "reception", "reception")
    await network.deliver()
    assert ("MONITORING", "MONITORING") == await homeward.states(network, ours, theirs)
    network.clock.pass_(days=186)
    await network.refresh()
    await acts(network, "XBB").report(theirs, "SEEN_SAFE", "2027-06-17", True, "reception", "reception")
    await network.deliver()
    assert ("CLOSED_SAFE", "CLOSED_SAFE") == await homeward.states(network, ours, theirs)


async def test_a_child_by_what_was_sent_is_not_accepted_as_an_adult(network: Network) -> None:
    """Whom the other State calls an adult, and whose date of birth it sent makes a child, is refused as one (R-06)."""
    found = {"class": "adult", "decision": {"ref": "AGE-7", "on": "2026-11-20", "by": "Office"}}
    elements = {**story.draft()["elements"], "birth_date": "2011-04-17"}
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING, age=found, elements=elements)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    await acts(network, "XAA").consider(ours, homeward.record(), "first", "case_officer")
    await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
    await homeward.propose_other_days(network, ours, minor=False)
    with pytest.raises(RuleRefused) as refused:
        await homeward.accept(network, theirs)
    assert {"R-06"} == rules(refused)
    await acts(network, "XBB").refuse(theirs, "NO_CARER", "first", "registry_clerk")
    assert "REPLIED" == await story.state(network, "XBB", theirs)


async def test_it_is_not_closed_before_six_months(network: Network) -> None:
    """A last report after a month is refused where it is made."""
    _, theirs = await homeward.handed_over(network)
    await acts(network, "XBB").report(theirs, "SEEN_SAFE", "2026-12-14", False, "reception", "reception")
    network.clock.pass_(days=30)
    with pytest.raises(RuleRefused, match="6 months"):
        await acts(network, "XBB").report(theirs, "SEEN_SAFE", "2027-01-13", True, "reception", "reception")


async def test_a_proposal_rests_on_the_last_reply(network: Network) -> None:
    """Of two replies of the same second the later number counts: a proposal on the first one is refused."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].clear.contest(ours, "REGISTER_INCOMPLETE", "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    sent = await outbox(network, "XBB", theirs, "verification.reply")
    asked = await story.case(network, "XBB", theirs)

    async def unit(tx: Any) -> Any:
        return await _replied(tx, asked)

    assert sent[0].queued_at == sent[1].queued_at
    assert case.reply_digest == sent[1].digest == await network.gateways["XBB"].store.read(unit)


async def test_on_a_reply_that_was_taken_back_nothing_is_proposed(network: Network) -> None:
    """What is missing for a proposal is named to who prepares one (R-04); no body is made that no schema takes."""
    ours, theirs = await homeward.assessed(network)
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    await network.deliver()
    with pytest.raises(RuleRefused, match="taken back"):
        await acts(network, "XAA").prepare(ours, homeward.PLAN, "first", "case_officer")


async def test_only_conclusions_dates_and_signers_leave(network: Network) -> None:
    """The proposal has no name, no text of an assessment and nothing of the national file."""
    ours, theirs = await homeward.proposed(network)
    body = (await story.case(network, "XBB", theirs)).said["return.proposal"]
    assert {
        "kind": "risk",
        "positive": True,
        "on": "2026-11-24",
        "expires_on": "2027-02-20",
        "signed_by_role": "coordinator",
    } == body["conclusions"][0]
    text = str(body) + str((await story.case(network, "XAA", ours)).said)
    names = [name["family"] for name in story.ADULT["elements"]["names"]]
    assert [] == [word for word in (*names, "justification", "interpreter") if word in text]


# Vetoes.


async def test_the_other_welfare_authority_refuses(network: Network) -> None:
    """A refusal leads back to the assessment; the release given is void, and declining ends it."""
    ours, theirs = await homeward.proposed(network, minor=True)
    await acts(network, "XBB").refuse(theirs, "NO_CARER", "welfare", "child_welfare")
    await network.deliver()
    assert ("ASSESSED", "REPLIED") == await homeward.states(network, ours, theirs)
    case = await story.case(network, "XAA", ours)
    assert (("refused", "NO_CARER"), ()) == (
        tuple(case.said["return.acceptance"][name] for name in ("decision", "reason")),
        case.releases,
    )
    await acts(network, "XAA").decline(ours, "welfare", "child_welfare")
    assert "NOT_RETURNED" == await story.state(network, "XAA", ours)
    await network.gateways["XAA"].clear.close(ours, "first", "case_officer")


async def test_nobody_else_accepts_for_a_minor(network: Network) -> None:
    """In the other State it is the child-welfare authority that accepts a minor, and no head of desk."""
    _, theirs = await homeward.proposed(network, minor=True)
    pending = await acts(network, "XBB").prepare_acceptance(theirs, homeward.ANSWER, "first", "registry_clerk")
    thread = (await story.row(network, "XBB", theirs)).thread
    signed = network.approval(pending.digest, thread, "second", "return.acceptance", "desk_head")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XBB").accept(theirs, signed, "second", "desk_head")
    assert "V-30" in rules(refused)


async def test_the_own_welfare_authority_does_not_release(network: Network) -> None:
    """Two officers are not enough: without the release of the authority in charge nothing is proposed."""
    ours, _ = await homeward.assessed(network, minor=True)
    pending = await acts(network, "XAA").prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").propose(ours, "first", "case_officer")
    assert "R-10" in rules(refused)
    assert [] == await outbox(network, "XAA", ours, "return.proposal")


@pytest.mark.parametrize("wrong", ["digest", "thread", "person", "kind", "role"])
async def test_a_release_of_something_else_is_none(network: Network, wrong: str) -> None:
    """A statement over other bytes, of another thread, by another key, of another kind or role, releases nothing."""
    ours, _ = await homeward.assessed(network, minor=True)
    pending = await acts(network, "XAA").prepare(ours, homeward.PLAN, "first", "case_officer")
    right = {"digest": pending.digest, "thread": await homeward.thread(network, ours), "person": "welfare"}
    right |= {"kind": "return.release", "role": "welfare"}
    other = {
        "digest": "A" * 43,
        "thread": "A" * 22,
        "person": "second",
        "kind": "return.acceptance",
        "role": "coordinator",
    }
    signed = network.approval(**(right | {wrong: other[wrong]}))
    with pytest.raises(Forbidden):
        await acts(network, "XAA").endorse(ours, signed, "welfare", "child_welfare")
    await acts(network, "XAA").endorse(ours, network.approval(**right), "welfare", "child_welfare")


async def test_an_approval_of_a_return_ends_when_it_says(network: Network) -> None:
    """What a second person approved for a day is not proposed the day after."""
    ours, _ = await homeward.prepared(network)
    network.clock.pass_(days=2)
    await network.refresh()
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").propose(ours, "first", "case_officer")
    assert {"V-03"} == rules(refused)


async def test_a_negative_assessment_is_a_veto(network: Network) -> None:
    """A best-interests assessment that turned against the return stops a proposal that was signed by all."""
    ours, _ = await homeward.prepared(network, minor=True)
    kinds = [
        homeward.assessment(kind, positive=kind != "best_interests") for kind in ("risk", "best_interests", "family")
    ]
    await acts(network, "XAA").record(ours, homeward.record(True, assessments=kinds), "welfare", "child_welfare")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").propose(ours, "first", "case_officer")
    assert "R-09" in rules(refused)


async def test_nobody_writes_over_the_assessment_of_the_authority(network: Network) -> None:
    """What the authority in charge found on the last day stays found, although an officer writes the record anew."""
    ours, _ = await homeward.on_the_day(network, minor=True)
    good = (await story.case(network, "XAA", ours)).record
    against = [one | {"positive": False} for one in good["assessments"]]
    await acts(network, "XAA").record(ours, good | {"assessments": against}, "welfare", "child_welfare")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").record(ours, good, "first", "case_officer")
    assert {"R-09"} == rules(refused)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert "R-09" in rules(refused)


async def test_a_revocation_is_not_unsaid(network: Network) -> None:
    """A wish that was revoked is not there again because somebody writes the record of before; a new one may be."""
    ours, _ = await homeward.on_the_day(network)
    good = (await story.case(network, "XAA", ours)).record
    gone = good | {"wish": good["wish"] | {"revoked_on": "2026-12-12"}}
    await acts(network, "XAA").record(ours, gone, "first", "case_officer")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").record(ours, good, "first", "case_officer")
    assert {"R-23"} == rules(refused)
    anew = good | {"wish": good["wish"] | {"written_on": "2026-12-13"}}
    await acts(network, "XAA").record(ours, anew, "first", "case_officer")


async def test_the_own_welfare_authority_stops_it_on_the_day(network: Network) -> None:
    """A suspension needs nothing but who brings it, reaches the other side without a reason, and nobody leaves."""
    ours, theirs = await homeward.on_the_day(network, minor=True)
    await acts(network, "XAA").suspend(ours, "the carer has moved away", "welfare", "child_welfare")
    await network.deliver()
    assert ("SUSPENDED", "SUSPENDED") == await homeward.states(network, ours, theirs)
    assert {"code": "SUSPENDED"} == (await story.case(network, "XAA", ours)).said["suspension"]
    with pytest.raises(IllegalStep):
        await acts(network, "XAA").depart(ours, "escort")


async def test_both_sides_go_on_when_who_stopped_lets_go(network: Network) -> None:
    """Released by who stopped it and resumed by an officer, the return goes on where it was on both sides."""
    ours, theirs = await homeward.on_the_day(network, minor=True)
    await acts(network, "XBB").suspend(theirs, "not today", "welfare", "child_welfare")
    await network.deliver()
    assert ("SUSPENDED", "SUSPENDED") == await homeward.states(network, ours, theirs)
    await network.gateways["XBB"].hold.release(theirs, "welfare", "child_welfare")
    await network.gateways["XBB"].hold.resume(theirs, "second", "desk_head")
    await network.deliver()
    assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)


# The day of departure.


async def test_consent_is_revoked_on_the_day(network: Network) -> None:
    """Until boarding the wish can be taken back, and then nobody leaves."""
    wish = {**homeward.RECORD["wish"], "revoked_on": DEPARTS_AT.date().isoformat()}
    ours, theirs = await homeward.on_the_day(network, wish=wish)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert "R-23" in rules(refused)
    assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"reconfirmation": None}, "R-23"),
        ({"reconfirmation": {**homeward.RECONFIRMATION, "on": "2026-12-13"}}, "R-23"),
        ({"contacts_given_on": None}, "R-12"),
        ({"proceedings": {"open": True, "presence_needed": True, "released_by": None}}, "R-08"),
        ({"identification": {"concluded_on": None}}, "R-08"),
    ],
    ids=["not-asked-again", "asked-the-day-before", "no-contacts", "needed-in-court", "not-identified"],
)
async def test_what_is_missing_on_the_day(network: Network, changes: dict[str, Any], rule: str) -> None:
    """Nobody leaves while one thing is missing on the day of departure."""
    ours, _ = await homeward.on_the_day(network, **changes)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert rule in rules(refused)


@pytest.mark.parametrize("minor", [False, True], ids=["adult", "minor"])
async def test_an_acceptance_that_is_over_lets_nobody_leave(network: Network, minor: bool) -> None:
    """The signature of the other State's authority counts until the instant it names."""
    ours, _ = await homeward.on_the_day(network, minor, days=19)
    homeward.move_to(network, DEPARTS_AT + timedelta(hours=8))
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort", arrives_at="2026-12-14T20:00:00Z")
    assert "R-10" in rules(refused)


@pytest.mark.parametrize(("zone", "over"), [("UTC", True), ("Pacific/Pago_Pago", False)])
async def test_the_time_to_reflect_ends_by_the_day_of_our_own_zone(network: Network, zone: str, over: bool) -> None:
    """In the West it is still the evening of her last day, when in UTC the next one has begun."""
    network.gateways["XAA"].context.zone = zone
    yesterday = (network.clock.now().date() - timedelta(days=1)).isoformat()
    reflection = {"granted_on": "2026-10-02", "ends_on": yesterday, "waived_in_writing_on": None}
    ours, _ = await story.replied(network)
    considered = acts(network, "XAA").consider(ours, homeward.record(reflection=reflection), "first", "case_officer")
    if over:
        await considered
        return
    with pytest.raises(RuleRefused) as refused:
        await considered
    assert {"R-08"} == rules(refused)


async def test_a_release_that_is_over_proposes_nothing(network: Network) -> None:
    """A release for a day does not count on the next."""
    ours, _ = await homeward.prepared(network, minor=True, days=1)
    network.clock.pass_(days=2)
    await network.refresh()
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").propose(ours, "first", "case_officer")
    assert "R-10" in rules(refused)


# The plan of the journey.


async def test_the_plan_leaves_72_hours_before_and_not_earlier(network: Network) -> None:
    """A plan made weeks before lies in the outbox until then."""
    ours, theirs = await homeward.scheduled(network)
    (queued,) = await outbox(network, "XAA", ours, "return.schedule")
    assert DEPARTS_AT - timedelta(hours=72) == queued.not_before
    homeward.move_to(network, DEPARTS_AT - timedelta(hours=72, seconds=1))
    await network.deliver()
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    homeward.move_to(network, DEPARTS_AT - timedelta(hours=72))
    await network.deliver()
    assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)


async def test_a_plan_that_has_not_left_is_dropped(network: Network) -> None:
    """Cancelled before the 72 hours, nothing was ever said of it."""
    ours, theirs = await homeward.scheduled(network)
    await acts(network, "XAA").cancel(ours, "first", "case_officer")
    await network.deliver()
    assert ["dropped"] == [row.state for row in await outbox(network, "XAA", ours, "return.schedule")]
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_a_plan_that_has_left_is_cancelled_by_a_message(network: Network) -> None:
    """The other State learns that nobody comes."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").cancel(ours, "first", "case_officer")
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_who_leaves_after_the_planned_arrival_says_when_she_arrives(network: Network) -> None:
    """Nobody is told of a journey that ends before it began: late on the day another arrival goes with it."""
    ours, theirs = await homeward.on_the_day(network)
    network.clock.pass_(hours=6)
    with pytest.raises(RuleRefused) as error:
        await acts(network, "XAA").depart(ours, "escort")
    assert {"V-39"} == rules(error)
    await acts(network, "XAA").depart(ours, "escort", arrives_at="2026-12-14T20:00:00Z")
    await network.deliver()
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)


async def test_a_plan_that_is_called_off_takes_nothing_else_back(network: Network) -> None:
    """Word that the return goes on, which waits for the line before a plan, leaves although the plan does not."""
    ours, theirs = await homeward.documented(network)
    await acts(network, "XAA").record(
        ours, homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL), "first", "case_officer"
    )
    await acts(network, "XAA").suspend(ours, "not yet", "welfare", "child_welfare")
    await network.deliver()
    await network.gateways["XAA"].hold.release(ours, "welfare", "child_welfare")
    await network.gateways["XAA"].hold.resume(ours, "second", "liaison_officer")
    await acts(network, "XAA").schedule(ours, homeward.JOURNEY, "second")
    await acts(network, "XAA").cancel(ours, "first", "case_officer")
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_a_stop_that_nobody_hears_of_keeps_word_that_another_is_over_until_it_goes_on(network: Network) -> None:
    """
    Considered anew and stopped in silence before that word has left: the other State does not go on with it.

    Nor does it hold it for ever: the word leaves once the case goes on.
    """
    ours, theirs = await homeward.proposed(network)
    hold = network.gateways["XAA"].hold

    async def let_go() -> None:
        await hold.release(ours, "welfare", "child_welfare")
        await hold.resume(ours, "second", "liaison_officer")

    await acts(network, "XAA").suspend(ours, "not yet", "welfare", "child_welfare")
    await network.deliver()
    await let_go()
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").suspend(ours, "again", "welfare", "child_welfare")
    await network.deliver()
    stopped = await homeward.states(network, ours, theirs)
    await let_go()
    network.clock.pass_(hours=1)
    await network.deliver()
    went_on = await homeward.states(network, ours, theirs)
    assert (("SUSPENDED", "SUSPENDED"), ("CONSIDERED", "PROPOSED")) == (stopped, went_on)


async def test_a_return_that_was_stopped_before_the_other_state_heard_of_it_stays_unheard_of(network: Network) -> None:
    """The proposal is taken out of the outbox; word of the stop would say that there had been one."""
    ours, theirs = await homeward.prepared(network)
    await acts(network, "XAA").propose(ours, "first", "case_officer")
    await acts(network, "XAA").suspend(ours, "not yet", "welfare", "child_welfare")
    await network.deliver()
    came = await network.gateways["XBB"].store.read(lambda tx: tx.inbound_of_case(theirs))
    assert ["verification.request"] == [row.type for row in came]


async def test_a_plan_without_a_departure_on_record_is_none(network: Network) -> None:
    """The departure is the record's; without one there is nothing to plan."""
    ours, _ = await homeward.documented(network)
    with pytest.raises(RuleRefused, match="plan of travel"):
        await acts(network, "XAA").schedule(ours, homeward.JOURNEY, "second")


async def test_another_document_takes_the_place_of_the_first(network: Network) -> None:
    """A document issued anew names the one it replaces."""
    ours, theirs = await homeward.documented(network)
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    await acts(network, "XBB").reissue(theirs, newer, "issuer")
    await network.deliver()
    said = (await story.case(network, "XAA", ours)).said["travel-document.reissue"]
    assert (newer, "A" * 43) == (said["document"], said["replaces"])


async def test_a_document_that_a_stop_kept_from_leaving_is_not_the_one_that_counts(network: Network) -> None:
    """Both States speak of the same document: one that was dropped unposted is issued again, and a finding says so."""
    ours, theirs = await homeward.documented(network)
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    await acts(network, "XBB").reissue(theirs, newer, "issuer")
    await acts(network, "XBB").suspend(theirs, "a moment", "welfare", "child_welfare")
    case = await story.case(network, "XBB", theirs)
    assert document(case) == document(await story.case(network, "XAA", ours))
    assert DROPPED % {"type": "travel-document.reissue"} in case.findings


async def test_who_left_while_a_request_and_a_document_crossed_is_awaited(network: Network) -> None:
    """A request that crossed the document takes the other State back; word of a departure is taken all the same."""
    ours, theirs = await homeward.documented(network)
    returning = acts(network, "XAA")
    network.clock.pass_(days=57)
    await network.refresh()
    await returning.run_once(network.clock.now())
    pending = await returning.prepare_document(ours, "2027-01-22", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await returning.request_document(ours, "first", "case_officer")
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "issued_on": "2027-01-21"}
    await acts(network, "XBB").reissue(theirs, {**newer, "valid_until": "2027-04-20"}, "issuer")
    await network.gateways["XBB"].deliverer.run_once()
    await network.gateways["XAA"].deliverer.run_once()
    assert ("DOCUMENTED", "ACCEPTED") == await homeward.states(network, ours, theirs)
    leaves = network.clock.now().replace(hour=8, minute=30) + timedelta(days=2)
    await leave(network, ours, leaves)
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)


async def leave(network: Network, ours: str, leaves: datetime, *, delivered: bool = False) -> None:
    """Plan a journey that begins at the instant ``leaves``, and have the person leave; word of it is ``delivered``."""
    full = homeward.record(
        decision=homeward.DECISION,
        travel={"departs_at": leaves.isoformat(), "notice_h": 24},
        contacts_given_on="2026-12-11",
        reconfirmation={"on": leaves.date().isoformat(), "by": "escort", "consent_stands": True},
    )
    await acts(network, "XAA").record(ours, full, "first", "case_officer")
    arrives = (leaves + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await acts(network, "XAA").schedule(ours, {**homeward.JOURNEY, "arrives_at": arrives}, "second")
    if delivered:
        await network.gateways["XAA"].deliverer.run_once()
    homeward.move_to(network, leaves)
    await network.refresh()
    await acts(network, "XAA").depart(ours, "escort")
    if delivered:
        await network.gateways["XAA"].deliverer.run_once()


async def test_a_document_that_is_over_leads_back(network: Network) -> None:
    """The day after its last day another document has to be asked for; until then nothing moves."""
    ours, _ = await homeward.documented(network)
    now = network.clock.now()
    assert () == await acts(network, "XAA").run_once(now)
    network.clock.pass_(days=57)
    assert (ours,) == await acts(network, "XAA").run_once(network.clock.now())
    assert "DECIDED" == await story.state(network, "XAA", ours)
    assert () == await acts(network, "XAA").run_once(network.clock.now())


async def test_no_document_is_over_unseen_behind_those_of_others(network: Network) -> None:
    """However many cases wait with a document, and those in which we are asked among them, each is looked at."""
    ours, _ = await homeward.documented(network)
    gateway = network.gateways["XAA"]
    others = [stored_case(f"other{number}", state="DOCUMENTED", side="requested") for number in range(1000)]

    async def fill(tx: Tx) -> None:
        for one in others:
            await tx.save_case(one._replace(due_at=network.clock.now()))

    await gateway.store.commit(fill)
    network.clock.pass_(days=57)
    assert (ours,) == await acts(network, "XAA").run_once(network.clock.now())


# Handover and after.


async def test_a_handover_needs_both_hands(network: Network) -> None:
    """One signature moves nothing; the second, over the same bytes, moves both sides."""
    ours, theirs = await homeward.delivered(network)
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)
    seen = await acts(network, "XBB").protocol(theirs, None, "reception", "reception")
    signed = network.approval("A" * 43, seen.thread, "reception", "handover.receipt", "reception")
    with pytest.raises(Forbidden, match="another digest"):
        await acts(network, "XBB").confirm_handover(theirs, signed, "reception")
    signed = network.approval(seen.digest, seen.thread, "reception", "handover.receipt", "reception")
    await acts(network, "XBB").confirm_handover(theirs, signed, "reception")
    await network.deliver()
    assert ("HANDED_OVER", "HANDED_OVER") == await homeward.states(network, ours, theirs)
    digests = {one.digest for one in (await story.case(network, "XAA", ours)).releases if "handover" in one.kind}
    assert {seen.digest} == digests


async def test_a_protocol_is_corrected_while_it_is_confirmed(network: Network) -> None:
    """The second hand under the first protocol counts, though the escort corrects it meanwhile; that is a finding."""
    ours, theirs = await homeward.delivered(network)
    a, b = acts(network, "XAA"), acts(network, "XBB")
    seen = await b.protocol(theirs, None, "reception", "reception")
    signed = network.approval(seen.digest, seen.thread, "reception", "handover.receipt", "reception")
    await b.confirm_handover(theirs, signed, "reception")
    corrected = {**homeward.PROTOCOL, "medicines": True}
    again = await a.protocol(ours, corrected, "escort", "escort")
    signed = network.approval(again.digest, again.thread, "escort", "handover.delivery", "escort")
    await a.hand_over(ours, corrected, signed, "escort")
    await network.deliver()
    assert ("HANDED_OVER", "HANDED_OVER") == await homeward.states(network, ours, theirs)
    here, there = await story.case(network, "XAA", ours), await story.case(network, "XBB", theirs)
    assert homeward.PROTOCOL == here.said["return.handover"]["protocol"] == there.said["return.handover"]["protocol"]
    assert CORRECTED_LATE in there.findings


async def test_the_second_hand_has_nothing_to_sign_before_the_first(network: Network) -> None:
    """Before the escort signed there is no protocol; nobody else sees or writes one."""
    ours, theirs = await homeward.departed(network)
    with pytest.raises(NotFound):
        await acts(network, "XBB").protocol(theirs, None, "reception", "reception")
    with pytest.raises(Forbidden, match="first hand"):
        await acts(network, "XBB").protocol(theirs, homeward.PROTOCOL, "reception", "reception")
    with pytest.raises(Forbidden, match="two hands"):
        await acts(network, "XAA").protocol(ours, homeward.PROTOCOL, "first", "case_officer")


async def test_the_protocol_is_shown_to_who_signs_it_now_and_that_is_on_record(network: Network) -> None:
    """It says where the person is handed over and who looks after her: a look (R-13), and none once that is done."""
    _, theirs = await homeward.delivered(network)
    reception = acts(network, "XBB")
    await reception.protocol(theirs, None, "reception", "reception")
    looks = await network.gateways["XBB"].store.read(lambda tx: tx.accesses(theirs))
    assert ("reception", "preview") == (looks[-1].person, looks[-1].action)
    for state in (State.HANDED_OVER, State.CLOSED, State.BLOCKED):
        await story.put(network, "XBB", theirs, state)
        with pytest.raises(IllegalStep):
            await reception.protocol(theirs, None, "reception", "reception")


async def test_the_person_is_called_back_after_departure(network: Network) -> None:
    """Whoever may freeze calls back, at once; both sides stand in RECALL, and back here all is assessed anew."""
    ours, theirs = await homeward.departed(network)
    await acts(network, "XAA").recall(ours, "the address is false", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)
    assert {"reason": "UNSAFE", "by": "2026-12-20"} == (await story.case(network, "XBB", theirs)).said[
        "return.take-back"
    ]
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    case = await story.case(network, "XAA", ours)
    assert ("CONSIDERED", None, ()) == (case.state, case.record, case.releases)


async def test_a_protection_need_after_departure_calls_back_and_says_nothing(network: Network) -> None:
    """The stop comes as a recall; the other State gets no message, not even that one (R-01)."""
    ours, theirs = await homeward.departed(network)
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    role = ("protection", "asylum_authority")
    await acts(network, "XAA").recall(ours, "said so", "UNSAFE", "2026-12-20", *role, protection=known)
    await network.deliver()
    assert ("RECALL", "DEPARTED") == await homeward.states(network, ours, theirs)
    assert [] == await outbox(network, "XAA", ours, "return.take-back")


async def test_who_is_back_before_the_departure_was_posted_is_not_awaited(network: Network) -> None:
    """Left and back while the line was down: once it is up, word of both arrives, and neither is held for good."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").depart(ours, "escort")
    await acts(network, "XAA").recall(ours, "a false address", "UNSAFE", "2026-12-20", "first", "case_officer")
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    await network.deliver()
    assert ("CONSIDERED", "RECALL") == await homeward.states(network, ours, theirs)


async def test_who_left_and_is_back_waits_for_no_document_that_was_asked_for_again(network: Network) -> None:
    """What never left of it is taken out as she leaves: nothing signed before counts once she is back (V-36)."""
    ours, theirs = await homeward.accepted(network)
    returning = acts(network, "XAA")
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, "coordinator", "coordinator")
    network.wires.lose_answers = True
    for _ in range(2):
        pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
        await homeward.approve(network, ours, pending, "travel.approval")
        await returning.request_document(ours, "first", "case_officer")
    await network.deliver(1)
    await acts(network, "XBB").issue(theirs, homeward.DOCUMENT, "issuer")
    await network.deliver(1)
    said = {"contacts_given_on": "2026-12-11", "reconfirmation": homeward.RECONFIRMATION}
    full = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL, **said)
    await returning.record(
        ours, homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL), "first", "case_officer"
    )
    await returning.schedule(ours, homeward.JOURNEY, "second")
    homeward.move_to(network, DEPARTS_AT + timedelta(minutes=12))
    await network.refresh()
    await returning.record(ours, full, "first", "case_officer")
    await returning.depart(ours, "escort")
    await returning.recall(ours, "a false address", "UNSAFE", "2026-12-20", "first", "case_officer")
    await returning.returned(ours, "first", "case_officer")
    network.wires.lose_answers = False
    for _ in range(2):
        await network.deliver()
        network.clock.pass_(minutes=2)
    assert ("CONSIDERED", "RECALL") == await homeward.states(network, ours, theirs)


async def left_and_called_back(network: Network) -> tuple[str, str]:
    """Let the asylum authority call back, for another reason than protection, who left while nothing could be sent."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").depart(ours, "escort")
    role = ("protection", "asylum_authority")
    await acts(network, "XAA").recall(ours, "a false address", "UNSAFE", "2026-12-20", *role)
    return ours, theirs


async def test_recall_of_the_asylum_authority_is_told_and_closed_once_it_let_go(network: Network) -> None:
    """Closed before the departure was posted, the case still says that the person left and that she is called back."""
    ours, theirs = await left_and_called_back(network)
    with pytest.raises(RuleRefused, match="V-08"):
        await network.gateways["XAA"].clear.close(ours, "first", "case_officer")
    await network.gateways["XAA"].hold.release(ours, "protection", "asylum_authority")
    await network.gateways["XAA"].clear.close(ours, "first", "case_officer")
    await network.deliver()
    assert ("CLOSED", "RECALL") == await homeward.states(network, ours, theirs)


async def test_recall_that_was_closed_while_it_was_held_is_told(network: Network) -> None:
    """A case that an earlier version closed over the hold says, too, that the person left and is called back."""
    ours, theirs = await left_and_called_back(network)
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> None:
        held = await cases.load(context, tx, ours)
        event, at = Event("close", "first", "case_officer"), network.clock.now()
        await cases.store(context, tx, held, replace(held.case, state=State.CLOSED), event, held.case.state.value, at)

    await context.commit(unit)
    await network.deliver()
    assert ("CLOSED", "RECALL") == await homeward.states(network, ours, theirs)


async def lift(network: Network, action: str) -> None:
    """Have two persons of XAA put XBB on the list of States not to be contacted (``propose``), or off it (``lift``)."""
    keep = network.gateways["XAA"].no_contact
    await getattr(keep, action)("XBB", "a coup", "second", "liaison_officer")
    confirm = {"propose": keep.confirm, "lift": keep.confirm_lift}[action]
    await confirm("XBB", "a coup", "welfare", "child_welfare")


async def test_a_recall_is_told_once_it_may_be(network: Network) -> None:
    """Called back while the other State was not to be contacted, it is told by calling back once more after that."""
    ours, theirs = await homeward.departed(network)
    back = ("UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await lift(network, "propose")
    await acts(network, "XAA").recall(ours, "unsafe", *back)
    assert UNTOLD in (await story.case(network, "XAA", ours)).findings
    await lift(network, "lift")
    await acts(network, "XAA").recall(ours, "still unsafe", *back)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)
    assert UNTOLD not in (await story.case(network, "XAA", ours)).findings


async def stays_untold(network: Network) -> tuple[str, str]:
    """Call back in silence who had left, and decide that she stays; the other State may know it only after that."""
    ours, theirs = await homeward.departed(network)
    await lift(network, "propose")
    await acts(network, "XAA").recall(ours, "unsafe", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    await lift(network, "lift")
    return ours, theirs


async def test_recall_that_was_not_told_is_closed_by_no_timer(network: Network) -> None:
    """The other State may await the person still, and from a closed case nobody is reminded of it: people close it."""
    ours, _ = await stays_untold(network)
    network.clock.pass_(days=400)
    await network.refresh()
    await network.gateways["XAA"].retention.run_once(network.clock.now())
    assert "NOT_RETURNED" == await story.state(network, "XAA", ours)


async def test_recall_that_was_not_told_is_told_from_a_closed_case(network: Network) -> None:
    """Closed by an officer before the other State knew of it, the recall is told by calling back once more."""
    ours, theirs = await stays_untold(network)
    await network.gateways["XAA"].clear.close(ours, "first", "case_officer")
    await acts(network, "XAA").recall(ours, "she is here", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await network.deliver()
    assert ("CLOSED", "RECALL") == await homeward.states(network, ours, theirs)
    with pytest.raises(RuleRefused, match="V-35"):
        await acts(network, "XAA").recall(ours, "again", "UNSAFE", "2026-12-20", "welfare", "child_welfare")


async def test_who_is_back_in_silence_is_told_of_once_no_need_is_attested(network: Network) -> None:
    """Called back in silence and back here, the person is told of as soon as the authority attests no need."""
    ours, theirs = await homeward.handed_over(network)
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    none = {"state": "none", "attested_by": "protection", "attested_on": "2026-12-14", "basis": "interview"}
    asylum, back = ("protection", "asylum_authority"), ("UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await acts(network, "XAA").recall(ours, "said so", "UNSAFE", "2026-12-20", *asylum, protection=known)
    await network.gateways["XAA"].hold.release(ours, *asylum)
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    await acts(network, "XAA").recall(ours, "she is here", *back)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "to be attested", *asylum)
    await hold.attest(ours, none, "looked at", *asylum)
    await hold.release(ours, *asylum)
    await hold.resume(ours, "first", "case_officer")
    await hold.resume(ours, "second", "liaison_officer")
    await network.deliver()
    assert ("CONSIDERED", "HANDED_OVER") == await homeward.states(network, ours, theirs)
    await acts(network, "XAA").recall(ours, "she is here", *back)
    await network.deliver()
    assert ("CONSIDERED", "RECALL") == await homeward.states(network, ours, theirs)


async def test_an_acceptance_that_was_held_back_is_no_answer_to_another_plan(network: Network) -> None:
    """What its child welfare signed for the first plan, and the gateway never sent, accepts no second one."""
    ours, theirs = await homeward.proposed(network, minor=True)
    pending = await acts(network, "XBB").prepare_acceptance(theirs, homeward.ANSWER, "first", "registry_clerk")
    thread = await homeward.thread(network, ours)
    signed = network.approval(pending.digest, thread, "welfare", "return.acceptance", "welfare")
    await acts(network, "XBB").refuse(theirs, "NO_CARER", "welfare", "child_welfare")
    await network.deliver()
    await homeward.propose_other_days(network, ours)
    context = network.gateways["XBB"].context

    async def send(tx: Any) -> None:
        held, now = await cases.load(context, tx, theirs), network.clock.now()
        until = wire.format_instant(now + timedelta(days=30))
        ours = Release("ours", "return.acceptance", "welfare", pending.digest, until, signed)
        said = {**held.case.said, ACCEPTANCE: ijson.loads(pending.body.encode())}
        lying = replace(held.case, state=State.ACCEPTED, releases=(*held.case.releases, ours), said=said)
        held = await cases.note(context, tx, held, lying, "reckoned", "XBB", now)
        await threads.queue(context, tx, held, Send(ACCEPTANCE, pending.body, None, (signed,)), now)

    await context.commit(send)
    await network.deliver()
    (_, last) = await outbox(network, "XBB", theirs, ACCEPTANCE)
    assert ("PROPOSED", "refused") == (await story.state(network, "XAA", ours), last.status)


async def test_an_answer_that_comes_late_undoes_nothing_that_was_said_since(network: Network) -> None:
    """The first acceptance crossed another proposal; word of its refusal comes when a second one has been given."""
    ours, theirs = await homeward.proposed(network)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
    await homeward.accept(network, theirs)
    network.wires.lose_answers = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.gateways["XAA"].deliverer, "run_once", nothing_leaves)
        await homeward.propose_other_days(network, ours, minor=False)
    await network.deliver()
    await homeward.accept(network, theirs)
    network.wires.lose_answers = False
    network.clock.pass_(days=1)
    await network.deliver()
    assert ["refused", "accepted"] == [row.status for row in await outbox(network, "XBB", theirs, ACCEPTANCE)]
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_a_document_that_is_refused_late_does_not_undo_the_one_issued_in_its_place(network: Network) -> None:
    """Word that the first one was refused for its times comes when another was issued; both States go by that."""
    ours, theirs = await homeward.asked_for_a_document(network)
    with wrong_clock(network, "XBB", 10):
        await acts(network, "XBB").issue(theirs, homeward.DOCUMENT, "issuer")
        network.wires.lose_answers = True
        await network.deliver(refresh=False)
    network.wires.lose_answers = False
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    await acts(network, "XBB").reissue(theirs, newer, "issuer")
    for _ in range(2):
        network.clock.pass_(hours=1)
        await network.deliver()
    said = [row.status for row in await outbox(network, "XBB", theirs, "travel-document.issued")]
    assert (["refused"], "DOCUMENTED", "DOCUMENTED") == (said, *await homeward.states(network, ours, theirs))


async def test_a_document_that_a_stop_kept_from_leaving_is_due_still(network: Network) -> None:
    """Once the return goes on, the State that was asked owes the document that it had not sent."""
    _, theirs = await homeward.asked_for_a_document(network)
    await acts(network, "XBB").issue(theirs, homeward.DOCUMENT, "issuer")
    await acts(network, "XBB").suspend(theirs, "a moment", "second", "desk_head")
    case = await story.case(network, "XBB", theirs)
    going_on = replace(case, state=State(case.resume_to or ""))
    assert (False, ("travel_document",)) == (DOCUMENT in case.said, owed_steps(going_on))


async def refused_for_its_times(network: Network, issue: Awaitable[None]) -> None:
    """Say a document by a clock that is ten minutes ahead, and have it refused."""
    with wrong_clock(network, "XBB", 10):
        await issue
        await network.deliver(refresh=False)


async def test_a_document_that_is_refused_is_due_still(network: Network) -> None:
    """The State that was asked owes the document: the refused one counts for nothing, and its time runs on."""
    _, theirs = await homeward.asked_for_a_document(network)
    await refused_for_its_times(network, acts(network, "XBB").issue(theirs, homeward.DOCUMENT, "issuer"))
    case = await story.case(network, "XBB", theirs)
    assert ("ACCEPTED", False, ("travel_document",)) == (case.state, DOCUMENT in case.said, owed_steps(case))


async def test_a_document_issued_again_that_is_refused_does_not_count(network: Network) -> None:
    """The one before it counts again on both sides, and is the one that the next takes the place of."""
    ours, theirs = await homeward.documented(network)
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    await acts(network, "XBB").reissue(theirs, newer, "issuer")
    await network.deliver()
    newest = {**newer, "number_digest": "C" * 42 + "A"}
    await refused_for_its_times(network, acts(network, "XBB").reissue(theirs, newest, "issuer"))
    counts = [document(await story.case(network, *where)) for where in (("XAA", ours), ("XBB", theirs))]
    assert [newer, newer] == counts


async def test_a_document_counts_whose_proposal_came_by_a_clock_that_was_ahead(network: Network) -> None:
    """What was issued since a proposal is known by the order of the messages, and by no clock."""
    _, theirs = await homeward.documented(network)

    async def a_day_ahead(tx: Tx) -> None:
        (row,) = [one for one in await tx.inbound_of_case(theirs) if one.type == PROPOSAL]
        await tx.save_inbound(row._replace(received_at=row.received_at + timedelta(days=1)))

    await network.gateways["XBB"].context.commit(a_day_ahead)
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    await refused_for_its_times(network, acts(network, "XBB").reissue(theirs, newer, "issuer"))
    assert homeward.DOCUMENT == document(await story.case(network, "XBB", theirs))


async def refused_too_late(network: Network) -> tuple[str, str]:
    """Propose a return, consider it anew, and have the first proposal refused by a State that knows of no other."""
    ours, theirs = await homeward.proposed(network)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
    await acts(network, "XBB").refuse(theirs, "WINDOW_NOT_POSSIBLE", "second", "desk_head")
    return ours, theirs


async def test_a_refusal_that_crossed_another_proposal_leaves_that_one(network: Network) -> None:
    """Written before the second plan was known, it is of the first: the second is answered, and awaited if declined."""
    ours, theirs = await refused_too_late(network)
    await homeward.propose_other_days(network, ours, minor=False)
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_a_person_whose_first_proposal_was_refused_late_is_still_awaited(network: Network) -> None:
    """Considered anew once more when that refusal comes, and then declined: who has the second one is told."""
    ours, theirs = await refused_too_late(network)
    network.wires.lose_answers = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.gateways["XBB"].deliverer, "run_once", nothing_leaves)
        await homeward.propose_other_days(network, ours, minor=False)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    network.wires.lose_answers = False
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ("CONSIDERED", "PROPOSED") == await homeward.states(network, ours, theirs)
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("NOT_RETURNED", "WITHDRAWN") == await homeward.states(network, ours, theirs)


async def test_a_stop_after_another_proposal_leads_back_to_that_one(network: Network) -> None:
    """A document of the plan before, which had not left, is void with it: the case goes on where the new one stands."""
    ours, theirs = await homeward.asked_for_a_document(network)
    await acts(network, "XBB").issue(theirs, homeward.DOCUMENT, "issuer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.gateways["XBB"].deliverer, "run_once", nothing_leaves)
        await acts(network, "XAA").reassess(ours, "first", "case_officer")
        await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
        await homeward.propose_other_days(network, ours, minor=False)
        await acts(network, "XBB").suspend(theirs, "not yet", "welfare", "child_welfare")
        await network.gateways["XBB"].hold.release(theirs, "welfare", "child_welfare")
        await network.gateways["XBB"].hold.resume(theirs, "second", "desk_head")
    await network.deliver()
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_who_was_refused_and_whose_next_proposal_was_not_taken_is_awaited_by_nobody(network: Network) -> None:
    """The case was closed there on that refusal, and its gateway took no second proposal: nobody is told of an end."""
    ours, theirs = await refused_too_late(network)
    await network.gateways["XBB"].answer.close(theirs, "first", "registry_clerk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.gateways["XBB"].deliverer, "run_once", nothing_leaves)
        await homeward.propose_other_days(network, ours, minor=False)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await network.deliver()
    assert ["accepted", "refused"] == [row.status for row in await outbox(network, "XAA", ours, PROPOSAL)]
    assert ["accepted"] == [row.status for row in await outbox(network, "XBB", theirs, ACCEPTANCE)]
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    assert [] == await outbox(network, "XAA", ours, WITHDRAWAL)


async def test_an_acceptance_is_no_answer_to_another_plan(network: Network) -> None:
    """A gateway that is taken over sends what its child welfare signed for the first plan again, for a second one."""
    ours, theirs = await homeward.accepted(network, minor=True)
    context = network.gateways["XBB"].context
    before = await context.store.read(lambda tx: cases.load(context, tx, theirs))
    (old,) = await outbox(network, "XBB", theirs, ACCEPTANCE)
    send = threads.again(context, before, old)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").assess(ours, "welfare", "child_welfare")
    await homeward.propose_other_days(network, ours)

    async def replay(tx: Any) -> None:
        held = await cases.load(context, tx, theirs)
        lying = replace(held.case, state=before.case.state, releases=before.case.releases, said=before.case.said)
        held = await cases.note(context, tx, held, lying, "reckoned", "XBB", network.clock.now())
        await threads.queue(context, tx, held, send, network.clock.now())

    await context.commit(replay)
    await network.deliver()
    assert "PROPOSED" == await story.state(network, "XAA", ours)


async def test_who_never_left_is_not_called_back(network: Network) -> None:
    """Where nobody was called back in silence, word of it is no step."""
    ours, _ = await homeward.assessed(network)
    with pytest.raises(RuleRefused) as error:
        await acts(network, "XAA").recall(ours, "unsafe", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    assert {"V-35"} == rules(error)


async def test_the_receiving_service_sends_back_the_wrong_person(network: Network) -> None:
    """An error is said by the side that sees it."""
    ours, theirs = await homeward.departed(network)
    await acts(network, "XBB").recall(theirs, "another face", "WRONG_PERSON", "2026-12-20", "reception", "reception")
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


# A line that is down for longer than a message counts.


async def lost(network: Network, *, posted: bool) -> tuple[str, str]:
    """Have word of another document get no receipt in its time, ``posted`` or not; the person leaves all the same."""
    ours, theirs = await unheard(network, posted=posted)
    await leave_in_two_days(network, ours)
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)
    return ours, theirs


async def leave_in_two_days(network: Network, ours: str) -> None:
    """Have the person of ``ours`` leave in the morning of the day after tomorrow; the other State hears of it."""
    leaves = network.clock.now().replace(hour=8, minute=30) + timedelta(days=2)
    await leave(network, ours, leaves, delivered=True)


async def unheard(network: Network, *, posted: bool) -> tuple[str, str]:
    """Return a return in which word of another document got no receipt in its time, ``posted`` or not."""
    ours, theirs = await homeward.documented(network)
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    await acts(network, "XBB").reissue(theirs, newer, "issuer")
    if posted:
        network.wires.cut = True
        await network.gateways["XBB"].deliverer.run_once()
        network.wires.cut = False
    network.clock.pass_(days=31)
    await network.refresh()
    await network.gateways["XBB"].deliverer.expire(network.clock.now())
    assert "UNDELIVERED" == await story.state(network, "XBB", theirs)
    return ours, theirs


@pytest.mark.parametrize("posted", [False, True], ids=["never posted", "posted"])
async def test_a_return_is_stopped_though_a_message_was_lost(network: Network, posted: bool) -> None:
    """A veto stands where no word of it can leave: people tell it, and who leaves all the same is called back."""
    ours, theirs = await unheard(network, posted=posted)
    await network.gateways["XBB"].hold.freeze(theirs, "the carer is gone", "welfare", "child_welfare")
    case = await story.case(network, "XBB", theirs)
    assert (State.FROZEN, State.UNDELIVERED, (NOT_TOLD,)) == (case.state, case.resume_to, case.findings)
    await leave_in_two_days(network, ours)
    assert ("DEPARTED", "FROZEN") == await homeward.states(network, ours, theirs)
    await acts(network, "XBB").recall(theirs, "nobody is there", "UNSAFE", "2026-12-31", "welfare", "child_welfare")
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("posted", [False, True], ids=["never posted", "posted"])
async def test_what_was_lost_before_a_restore_stays_so_once_the_person_leaves(
    network: Network, tmp_path: Path, posted: bool
) -> None:
    """Its number is of an epoch that is over: the other State would refuse it, and what follows it after it."""
    ours, theirs = await unheard(network, posted=posted)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    await leave_and_be_handed_over(network, ours, theirs)
    (row,) = await outbox(network, "XBB", theirs, REISSUE)
    assert "undelivered" == row.state


@pytest.mark.parametrize("posted", [False, True], ids=["never posted", "posted"])
async def test_who_arrives_is_handed_over_though_what_was_lost_gave_its_number_back(
    network: Network, posted: bool
) -> None:
    """A confirmation had the number of what was lost meanwhile; what follows the departure has the next ones."""
    ours, theirs = await unheard(network, posted=posted)
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", "case_officer")
    await network.deliver()
    await network.gateways["XBB"].notices.confirm(theirs, 1, "DONE", "first", "registry_clerk")
    await network.deliver()
    assert () == open_demands(await story.case(network, "XAA", ours))
    await leave_and_be_handed_over(network, ours, theirs)


async def leave_and_be_handed_over(network: Network, ours: str, theirs: str) -> None:
    """Let the person leave, and see that both hands sign the handover."""
    await leave_in_two_days(network, ours)
    await sign_first(network, ours)
    await network.deliver()
    await sign_second(network, theirs)
    await network.deliver()
    assert ("HANDED_OVER", "HANDED_OVER") == await homeward.states(network, ours, theirs)


async def sign_first(network: Network, ours: str) -> None:
    """Sign a protocol of the handover as the escort of XAA."""
    protocol = {**homeward.PROTOCOL, "at": network.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}
    seen = await acts(network, "XAA").protocol(ours, protocol, "escort", "escort")
    signed = network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort", HAND_DAYS)
    await acts(network, "XAA").hand_over(ours, protocol, signed, "escort")


async def sign_second(network: Network, theirs: str) -> None:
    """Sign what the escort signed as the reception of XBB."""
    seen = await acts(network, "XBB").protocol(theirs, None, "reception", "reception")
    signed = network.approval(seen.digest, seen.thread, "reception", "handover.receipt", "reception", HAND_DAYS)
    await acts(network, "XBB").confirm_handover(theirs, signed, "reception")


async def test_who_is_on_the_way_is_awaited_at_a_time_and_a_place_though_a_message_was_lost(network: Network) -> None:
    """When and where the person arrives is on record with the side whose own last message was never received."""
    _, theirs = await lost(network, posted=True)
    case = await story.case(network, "XBB", theirs)
    assert ("departed", "Northtown") == (
        case.said["return.schedule"]["status"],
        case.said["return.schedule"]["point"]["unit"],
    )


@pytest.mark.parametrize("posted", [False, True], ids=["never posted", "posted"])
async def test_who_arrives_is_handed_over_though_a_message_was_lost(network: Network, posted: bool) -> None:
    """A message that was never received keeps no hand from being signed, and none from being heard."""
    ours, theirs = await lost(network, posted=posted)
    await sign_first(network, ours)
    await network.deliver()
    await sign_second(network, theirs)
    await network.deliver()
    assert ("HANDED_OVER", "HANDED_OVER") == await homeward.states(network, ours, theirs)
    assert LATE in (await story.case(network, "XBB", theirs)).findings


@pytest.mark.parametrize("posted", [False, True], ids=["never posted", "posted"])
async def test_first_hand_is_signed_though_word_of_another_protocol_was_lost(network: Network, posted: bool) -> None:
    """A line that is down for a month after the departure ends no thread: what follows is heard once it is up."""
    ours, theirs = await homeward.departed(network)
    homeward.move_to(network, DEPARTS_AT + timedelta(hours=5))
    await sign_first(network, ours)
    if posted:
        network.wires.cut = True
        await network.gateways["XAA"].deliverer.run_once()
        network.wires.cut = False
    network.clock.pass_(days=31)
    await network.refresh()
    await network.gateways["XAA"].deliverer.expire(network.clock.now())
    await sign_first(network, ours)
    await network.deliver()
    await sign_second(network, theirs)
    await network.deliver()
    assert ("HANDED_OVER", "HANDED_OVER") == await homeward.states(network, ours, theirs)


async def month_down(network: Network, country: str) -> None:
    """Let a month go by in which nothing leaves ``country``, and then bring the line up."""
    network.clock.pass_(days=31)
    await network.refresh()
    await network.gateways[country].deliverer.expire(network.clock.now())
    await network.deliver()


async def test_who_left_and_is_back_is_told_of_though_the_line_was_down_all_the_while(network: Network) -> None:
    """Of who left, was called back and came back while nothing could leave the other State hears both at last."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").depart(ours, "escort")
    await acts(network, "XAA").recall(ours, "a false address", "UNSAFE", "2026-12-20", "first", "case_officer")
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    await month_down(network, "XAA")
    assert ("CONSIDERED", "RECALL") == await homeward.states(network, ours, theirs)
    assert LATE in (await story.case(network, "XAA", ours)).findings


async def test_recall_of_a_case_that_was_put_away_is_heard_after_a_month(network: Network) -> None:
    """Who closes the case of a person called back does not end the word of it that waits for the line."""
    ours, theirs = await homeward.departed(network)
    await acts(network, "XAA").recall(ours, "unsafe", "UNSAFE", "2026-12-20", "first", "case_officer")
    await network.gateways["XAA"].clear.close(ours, "first", "case_officer")
    await month_down(network, "XAA")
    assert ("CLOSED", "RECALL") == await homeward.states(network, ours, theirs)
    assert LATE in (await story.case(network, "XAA", ours)).findings


async def posted_in_vain(network: Network, country: str) -> None:
    """Post what waits at ``country`` once, over a line that breaks."""
    network.wires.cut = True
    await network.gateways[country].deliverer.run_once()
    network.wires.cut = False


async def test_departure_that_was_lost_on_its_way_is_heard_after_a_month(network: Network) -> None:
    """Word of a departure that was posted, lost and refused as expired is said anew: the person is awaited."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").depart(ours, "escort")
    await posted_in_vain(network, "XAA")
    await month_down(network, "XAA")
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)


async def test_recall_behind_a_departure_that_was_lost_on_its_way_is_heard(network: Network) -> None:
    """Word of the departure is said anew before the recall that waits behind it, which nobody could take otherwise."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").depart(ours, "escort")
    await posted_in_vain(network, "XAA")
    await acts(network, "XAA").recall(ours, "a false address", "UNSAFE", "2026-12-20", "first", "case_officer")
    await month_down(network, "XAA")
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


async def test_recall_that_was_lost_on_its_way_is_heard_of_who_is_back(network: Network) -> None:
    """A recall that was posted and lost is said anew though the person came back meanwhile."""
    ours, theirs = await homeward.departed(network)
    await acts(network, "XAA").recall(ours, "unsafe", "UNSAFE", "2026-12-20", "first", "case_officer")
    await posted_in_vain(network, "XAA")
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    await month_down(network, "XAA")
    assert ("CONSIDERED", "RECALL") == await homeward.states(network, ours, theirs)


async def test_second_hand_that_was_lost_on_its_way_is_heard_before_the_report(network: Network) -> None:
    """The hand of the receiving service is said anew after a month, and what it reports since is heard behind it."""
    ours, theirs = await homeward.delivered(network)
    await sign_second(network, theirs)
    await posted_in_vain(network, "XBB")
    await report(network, theirs, "SEEN_CONCERN", network.clock.now().date().isoformat())
    await month_down(network, "XBB")
    assert ("MONITORING", "MONITORING") == await homeward.states(network, ours, theirs)


async def test_departure_that_a_wrong_clock_refuses_is_said_again_later(network: Network) -> None:
    """What a State whose clock is wrong does not hear of a departure waits a while, and a person is told."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").depart(ours, "escort")
    with wrong_clock(network, "XBB", -40):
        await network.deliver(refresh=False)
    rows = await outbox(network, "XAA", ours, "return.schedule")
    assert (["receipted", "refused", "queued"], "SCHEDULED") == (
        [row.state for row in rows],
        await story.state(network, "XBB", theirs),
    )
    assert WRONG_CLOCK_AWAY in (await story.case(network, "XAA", ours)).findings
    network.clock.pass_(minutes=16)
    await network.deliver()
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)


async def test_report_that_a_wrong_clock_refuses_is_said_again_later(network: Network) -> None:
    """How a person who has left was found is heard once the clock is right, by nobody's doing."""
    ours, theirs = await homeward.handed_over(network)
    await report(network, theirs, "SEEN_CONCERN", network.clock.now().date().isoformat())
    with wrong_clock(network, "XAA", -40):
        await network.deliver(refresh=False)
    network.clock.pass_(minutes=16)
    await network.deliver()
    assert ("MONITORING", "MONITORING") == await homeward.states(network, ours, theirs)


async def test_departure_that_never_left_in_its_time_is_not_posted_as_it_stands(network: Network) -> None:
    """A gateway that was down for a month says it anew: nobody takes what has expired."""
    ours, theirs = await homeward.on_the_day(network)
    await acts(network, "XAA").depart(ours, "escort")
    network.clock.pass_(days=31)
    await network.refresh()
    await network.deliver()
    rows = [(row.state, row.posted_at is None) for row in await outbox(network, "XAA", ours, "return.schedule")]
    assert [("receipted", False), ("dropped", True), ("receipted", False)] == rows
    assert "DEPARTED" == await story.state(network, "XBB", theirs)


async def test_who_arrives_is_received_and_reported_on_though_no_message_can_say_so(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A final problem ended the thread: the reception signs and reports all the same, and a finding has people tell."""
    _, theirs = await homeward.delivered(network)

    monkeypatch.setattr(network.wires, "post", final)
    await sign_second(network, theirs)
    await network.gateways["XBB"].deliverer.run_once()
    await report(network, theirs, "SEEN_CONCERN", "2026-12-14")
    case = await story.case(network, "XBB", theirs)
    assert ("MONITORING", True) == (case.state, NOT_TOLD in case.findings)


# Who is away and not where she is awaited.


async def is_overdue(network: Network, country: str, ref: str) -> bool:
    """Return whether the desk of ``country`` has its case among what is overdue."""
    rows = await network.gateways[country].inquiries.board(overdue_at=network.clock.now())
    return ref in [row.ref for row in rows]


async def overdue_in_both(network: Network, ours: str, theirs: str) -> tuple[bool, bool]:
    return await is_overdue(network, "XAA", ours), await is_overdue(network, "XBB", theirs)


async def test_who_left_and_was_not_handed_over_is_overdue_on_both_sides(network: Network) -> None:
    """From the arrival on, as it was told, until both hands have signed, both desks see that she is not there."""
    ours, theirs = await homeward.departed(network)
    assert (False, False) == await overdue_in_both(network, ours, theirs)
    homeward.move_to(network, DEPARTS_AT + timedelta(hours=5))
    assert (True, True) == await overdue_in_both(network, ours, theirs)


@pytest.mark.parametrize("stopped", [False, True], ids=["planned", "stopped"])
async def test_who_was_awaited_and_did_not_leave_is_overdue_on_both_sides(network: Network, stopped: bool) -> None:
    """Once the days that were agreed are over nobody may leave any more: neither State waits on without seeing it."""
    ours, theirs = await homeward.on_the_day(network)
    if stopped:
        await network.gateways["XAA"].hold.freeze(ours, "a new danger", "first", "case_officer")
    homeward.move_to(network, datetime(2027, 2, 28, 12, tzinfo=UTC))
    assert (False, False) == await overdue_in_both(network, ours, theirs)
    network.clock.pass_(hours=13)
    assert (True, True) == await overdue_in_both(network, ours, theirs)


async def test_nobody_abroad_is_late_with_a_document_that_was_not_asked_for(network: Network) -> None:
    """The list of what other States owe has no day for a return that our own desk is to take further; a stop has."""
    ours, _ = await homeward.accepted(network)
    gateway = network.gateways["XAA"]
    await gateway.returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await gateway.returning.decide(ours, "coordinator", "coordinator")
    watched = await gateway.inquiries.find_watched(ours)
    assert watched is not None
    assert (None, None) == (watched.step, watched.due_on)
    await gateway.hold.freeze(ours, "a new danger", "first", "case_officer")
    homeward.move_to(network, datetime(2027, 3, 1, 12, tzinfo=UTC))
    assert await is_overdue(network, "XAA", ours)


async def test_who_left_before_an_upgrade_is_overdue_too(network: Network) -> None:
    """A case that an earlier version stored without the day stands on the lists once the loop of deadlines ran."""
    ours, theirs = await homeward.departed(network)
    for country, ref in (("XAA", ours), ("XBB", theirs)):
        context = network.gateways[country].context

        async def undated(tx: Tx, ref: str = ref) -> None:
            row = await tx.find_case(ref)
            await tx.save_case(row._replace(due_on=None, due_at=None, version=row.version + 1))

        await context.commit(undated)
    network.clock.pass_(days=2)
    assert (False, False) == await overdue_in_both(network, ours, theirs)
    for country in ("XAA", "XBB"):
        await network.gateways[country].reminder.date_the_away(network.clock.now())
    assert (True, True) == await overdue_in_both(network, ours, theirs)


async def test_who_was_handed_over_is_not_overdue(network: Network) -> None:
    """The hour between the arrival and the second hand is over, and so is the waiting."""
    ours, theirs = await homeward.handed_over(network)
    assert (False, False) == await overdue_in_both(network, ours, theirs)


async def test_who_is_not_reported_on_to_the_end_is_overdue_on_both_sides(network: Network) -> None:
    """After six months the last report is due, and nobody forgets who was followed until then."""
    ours, theirs = await homeward.handed_over(network)
    await report(network, theirs, "SEEN_SAFE", "2026-12-14")
    await network.deliver()
    network.clock.pass_(days=180)
    assert (False, False) == await overdue_in_both(network, ours, theirs)
    network.clock.pass_(days=6)
    assert (True, True) == await overdue_in_both(network, ours, theirs)
    await network.refresh()
    await report(network, theirs, "SEEN_SAFE", "2027-06-17", final=True)
    await network.deliver()
    assert (False, False) == await overdue_in_both(network, ours, theirs)


async def test_who_was_called_back_and_is_not_back_is_overdue_on_both_sides(network: Network) -> None:
    """Past the day that the other State was told nobody forgets who was to be back by it."""
    ours, theirs = await homeward.departed(network)
    await acts(network, "XAA").recall(ours, "unsafe", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await network.deliver()
    assert (False, False) == await overdue_in_both(network, ours, theirs)
    homeward.move_to(network, DEPARTS_AT + timedelta(days=7))
    assert (True, True) == await overdue_in_both(network, ours, theirs)


# A stop that crosses the departure.


async def crossed(network: Network) -> tuple[str, str]:
    """Have the child welfare of XBB stop the return of a minor in the moment in which she leaves."""
    ours, theirs = await homeward.on_the_day(network, minor=True)
    network.wires.cut = True
    await acts(network, "XBB").suspend(theirs, "the carer is none", "welfare", "child_welfare")
    await acts(network, "XAA").depart(ours, "escort")
    network.wires.cut = False
    network.clock.pass_(minutes=10)
    await network.deliver()
    assert ("DEPARTED", "SUSPENDED") == await homeward.states(network, ours, theirs)
    return ours, theirs


@pytest.mark.parametrize(("person", "role"), [("welfare", "child_welfare"), ("reception", "reception")])
async def test_who_left_across_a_stop_is_called_back_from_it(network: Network, person: str, role: str) -> None:
    """Whoever may stop, or receives the person, calls back at once; nobody has to let the stop go first."""
    ours, theirs = await crossed(network)
    await acts(network, "XBB").recall(theirs, "unsafe", "UNSAFE", "2026-12-20", person, role)
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


async def test_nobody_is_called_back_from_a_stop_who_has_not_left(network: Network) -> None:
    """Where a return is stopped before the departure, there is nobody to call back."""
    _, theirs = await homeward.on_the_day(network)
    await acts(network, "XBB").suspend(theirs, "a moment", "second", "desk_head")
    with pytest.raises(RuleRefused) as error:
        await acts(network, "XBB").recall(theirs, "unsafe", "UNSAFE", "2026-12-20", "second", "desk_head")
    assert {"V-35"} == rules(error)


async def test_a_clerk_does_not_put_away_a_stopped_case_of_who_is_on_the_way(network: Network) -> None:
    """Over the stop of the child welfare no clerk closes a case whose person is awaited."""
    _, theirs = await crossed(network)
    with pytest.raises(RuleRefused) as error:
        await network.gateways["XBB"].answer.close(theirs, "first", "registry_clerk")
    assert {"V-35"} == rules(error)


async def test_a_stop_that_came_too_late_is_a_finding(network: Network) -> None:
    """The desk whose person has left sees that the other State would have stopped it."""
    ours, _ = await crossed(network)
    assert (STOPPED_LATE,) == (await story.case(network, "XAA", ours)).findings


async def test_whoever_proposes_anew_sees_that_the_other_state_stopped(network: Network) -> None:
    """A stop that came while the return was prepared anew is a finding until the other State goes on."""
    ours, theirs = await homeward.accepted(network)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XBB").suspend(theirs, "a moment", "second", "desk_head")
    await network.deliver()
    await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
    assert STOPPED_THERE in (await story.case(network, "XAA", ours)).findings
    await network.gateways["XBB"].hold.release(theirs, "second", "desk_head")
    await network.gateways["XBB"].hold.resume(theirs, "second", "desk_head")
    await network.deliver()
    assert ("ASSESSED", "ACCEPTED") == await homeward.states(network, ours, theirs)
    assert STOPPED_THERE not in (await story.case(network, "XAA", ours)).findings


async def test_a_stop_that_a_recall_ended_stands_there_no_more(network: Network) -> None:
    """Whoever calls back from a stop lets go of it: who is back is not said to be stopped there for good."""
    ours, theirs = await homeward.on_the_day(network, minor=True)
    network.wires.cut = True
    await acts(network, "XBB").suspend(theirs, "the carer is none", "welfare", "child_welfare")
    await acts(network, "XAA").depart(ours, "escort")
    await acts(network, "XAA").recall(ours, "unsafe", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    network.wires.cut = False
    network.clock.pass_(minutes=10)
    await network.deliver()
    assert STOPPED_THERE in (await story.case(network, "XAA", ours)).findings
    await acts(network, "XBB").recall(theirs, "unsafe", "UNSAFE", "2026-12-20", "reception", "reception")
    network.clock.pass_(minutes=10)
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    assert STOPPED_THERE not in (await story.case(network, "XAA", ours)).findings


# What the other State says of a danger.


async def report(network: Network, theirs: str, status: str, on: str, final: bool = False) -> None:
    """Report from XBB how the person was found."""
    await acts(network, "XBB").report(theirs, status, on, final, "reception", "reception")


def found(status: str, on: str) -> str:
    """Return the finding that a report leaves."""
    return f"the other State reports {status} as of {on}"


async def test_a_danger_is_on_record_while_the_person_is_called_back(network: Network) -> None:
    """Called back in silence, the other State goes on to report; what it saw is seen here."""
    ours, theirs = await homeward.handed_over(network)
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    role = ("protection", "asylum_authority")
    await acts(network, "XAA").recall(ours, "said so", "UNSAFE", "2026-12-20", *role, protection=known)
    await report(network, theirs, "SEEN_CONCERN", "2026-12-14")
    await network.deliver()
    assert found("SEEN_CONCERN", "2026-12-14") in (await story.case(network, "XAA", ours)).findings


async def test_a_danger_is_on_record_while_who_is_back_is_assessed_anew(network: Network) -> None:
    """Back in silence and assessed for another return, the person is still reported on, and it is not refused."""
    ours, theirs = await homeward.handed_over(network)
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    role = ("protection", "asylum_authority")
    await acts(network, "XAA").recall(ours, "said so", "UNSAFE", "2026-12-20", *role, protection=known)
    await network.gateways["XAA"].hold.release(ours, *role)
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    await acts(network, "XAA").record(ours, homeward.record(), "first", "case_officer")
    await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
    await report(network, theirs, "SEEN_CONCERN", "2026-12-14")
    await network.deliver()
    assert found("SEEN_CONCERN", "2026-12-14") in (await story.case(network, "XAA", ours)).findings


async def test_who_is_called_back_and_not_yet_fetched_is_still_reported_on(network: Network) -> None:
    """A side that was told of a recall can say that the person is in danger, and both stay where they are."""
    ours, theirs = await homeward.handed_over(network)
    await acts(network, "XAA").recall(ours, "unsafe", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await network.deliver()
    await report(network, theirs, "SEEN_CONCERN", "2026-12-14")
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)
    assert found("SEEN_CONCERN", "2026-12-14") in (await story.case(network, "XAA", ours)).findings


async def test_a_danger_is_not_hidden_by_the_next_report(network: Network) -> None:
    """Of two reports that come at once after an outage both are on record, not the last word alone."""
    ours, theirs = await homeward.handed_over(network)
    network.wires.cut = True
    await report(network, theirs, "SEEN_CONCERN", "2026-12-14")
    await report(network, theirs, "SEEN_SAFE", "2026-12-14")
    network.wires.cut = False
    network.clock.pass_(minutes=10)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert (found("SEEN_CONCERN", "2026-12-14"), found("SEEN_SAFE", "2026-12-14")) == case.findings[-2:]


async def test_a_demand_to_take_back_is_on_record_in_a_closed_file(network: Network) -> None:
    """Closed as safe and put away here, the case says why and by when the other State calls the person back."""
    ours, theirs = await homeward.handed_over(network)
    await report(network, theirs, "SEEN_SAFE", "2026-12-14")
    await network.deliver()
    network.clock.pass_(days=186)
    await network.refresh()
    await report(network, theirs, "SEEN_SAFE", "2027-06-17", final=True)
    await network.deliver()
    await network.gateways["XAA"].clear.close(ours, "first", "case_officer")
    role = ("reception", "reception")
    await acts(network, "XBB").recall(theirs, "seen on the street", "UNSAFE", "2027-07-01", *role)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert "the other State asks to take the person back by 2027-07-01: UNSAFE" in case.findings


# Nobody is returned.


async def test_who_was_asked_to_receive_the_person_learns_that_nobody_comes(network: Network) -> None:
    """Accepted there and declined here, the case ends there too, by a withdrawal at a full hour like any other."""
    ours, theirs = await homeward.accepted(network)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    (told,) = await outbox(network, "XAA", ours, "withdrawal")
    assert (0, 0, 0) == (told.not_before.minute, told.not_before.second, told.not_before.microsecond)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("NOT_RETURNED", "WITHDRAWN") == await homeward.states(network, ours, theirs)
    await network.gateways["XBB"].answer.close(theirs, "first", "registry_clerk")


async def test_nobody_is_left_waiting_by_a_case_that_is_put_away(network: Network) -> None:
    """A suspended return that the other State knows of is not closed in silence: it is withdrawn, which is heard."""
    ours, theirs = await homeward.accepted(network)
    await acts(network, "XAA").suspend(ours, "a moment", "first", "case_officer")
    await network.deliver()
    with pytest.raises(RuleRefused, match="V-45"):
        await network.gateways["XAA"].clear.close(ours, "first", "case_officer")
    await network.gateways["XAA"].hold.freeze(ours, "it is over", "first", "case_officer")
    await network.gateways["XAA"].hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("WITHDRAWN", "WITHDRAWN") == await homeward.states(network, ours, theirs)


async def test_a_withdrawal_that_nobody_heard_is_said_by_people(network: Network) -> None:
    """The line was down for a month: the other State waits still, and the case says that it was not told."""
    ours, theirs = await homeward.accepted(network)
    await network.gateways["XAA"].hold.freeze(ours, "it is over", "first", "case_officer")
    await network.gateways["XAA"].hold.withdraw(ours, "first", "case_officer")
    network.wires.cut = True
    network.clock.pass_(days=32)
    await network.deliver()
    assert ("WITHDRAWN", "ACCEPTED") == await homeward.states(network, ours, theirs)
    assert NOT_TOLD in (await story.case(network, "XAA", ours)).findings


async def test_what_comes_for_a_return_that_was_declined_is_taken_and_not_kept(network: Network) -> None:
    """A travel document that crossed the decline is receipted as before, and the number on it is nowhere here."""
    ours, theirs = await homeward.asked_for_a_document(network)
    await acts(network, "XBB").issue(theirs, homeward.DOCUMENT, "issuer")
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    await network.deliver()
    (sent,) = await outbox(network, "XBB", theirs, "travel-document.issued")
    context = network.gateways["XAA"].context
    rows = await context.store.read(lambda tx: tx.inbound_of_case(ours))
    (kept,) = [row for row in rows if row.type == "travel-document.issued"]
    assert ("accepted", None) == (sent.status, kept.sealed)


async def test_who_was_never_asked_learns_nothing_of_a_return(network: Network) -> None:
    """Declined before anything was proposed, the case stands in the other State as it did."""
    ours, theirs = await homeward.assessed(network)
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("NOT_RETURNED", "REPLIED") == await homeward.states(network, ours, theirs)


async def test_who_refused_to_receive_the_person_learns_nothing_more(network: Network) -> None:
    """Where the other State said no itself, its case stands as it did, and it is not told what became of ours."""
    ours, theirs = await homeward.proposed(network)
    await acts(network, "XBB").refuse(theirs, "NOT_SAFE", "first", "registry_clerk")
    await network.deliver()
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    assert [] == await outbox(network, "XAA", ours, "withdrawal")
    assert ("NOT_RETURNED", "REPLIED") == await homeward.states(network, ours, theirs)


async def test_a_refusal_is_taken_where_the_return_is_assessed_anew(network: Network) -> None:
    """Refused there while it was assessed again here: nobody waits for the person, and nobody is told a thing."""
    ours, theirs = await homeward.proposed(network)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
    await acts(network, "XBB").refuse(theirs, "NOT_SAFE", "first", "registry_clerk")
    await network.deliver()
    (refusal,) = await outbox(network, "XBB", theirs, "return.acceptance")
    assert ("accepted", None) == (refusal.status, refusal.code)
    assert ("ASSESSED", "REPLIED") == await homeward.states(network, ours, theirs)
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    assert [] == await outbox(network, "XAA", ours, "withdrawal")


async def test_an_acceptance_takes_nothing_further_where_the_return_is_assessed_anew(network: Network) -> None:
    """Accepted there while it was assessed again here, the person is awaited there until somebody declines."""
    ours, theirs = await homeward.proposed(network)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await acts(network, "XAA").assess(ours, "coordinator", "coordinator")
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("ASSESSED", "ACCEPTED") == await homeward.states(network, ours, theirs)
    case = await story.case(network, "XAA", ours)
    assert ({}, ()) == (case.said, case.releases)
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("NOT_RETURNED", "WITHDRAWN") == await homeward.states(network, ours, theirs)


async def test_who_was_called_back_in_silence_and_stays_is_not_withdrawn(network: Network) -> None:
    """A withdrawal of somebody who arrived would tell what the recall did not."""
    ours, _ = await homeward.handed_over(network)
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    role = ("protection", "asylum_authority")
    await acts(network, "XAA").recall(ours, "said so", "UNSAFE", "2026-12-20", *role, protection=known)
    await network.gateways["XAA"].hold.release(ours, *role)
    await acts(network, "XAA").returned(ours, "first", "case_officer")
    await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    assert [] == await outbox(network, "XAA", ours, "withdrawal")


# A message that the other gateway refuses.


async def test_a_refused_proposal_is_none(network: Network) -> None:
    """Where the other State has closed its case, the proposal is refused and the case stands where it was before."""
    ours, theirs = await homeward.prepared(network)
    await network.gateways["XBB"].answer.close(theirs, "first", "registry_clerk")
    await acts(network, "XAA").propose(ours, "first", "case_officer")
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert case.state == "ASSESSED"
    assert ("not accepted: illegal-step",) == case.findings[-1:]


# Stopping for a protection need.


async def test_a_protection_need_withdraws_a_return_neutrally(network: Network) -> None:
    """Frozen after the proposal and withdrawn, the other State reads what it reads at every withdrawal."""
    ours, theirs = await homeward.accepted(network)
    known = {"state": "indicated", "attested_by": "protection", "attested_on": None, "basis": None}
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "said so", "protection", "asylum_authority", protection=known)
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("WITHDRAWN", "WITHDRAWN") == await homeward.states(network, ours, theirs)


# Statements.


async def test_a_statement_by_another_key_counts_for_nothing(network: Network) -> None:
    """What the authority in charge did not sign with its own key is no release."""
    ours, _ = await homeward.assessed(network)
    pending = await acts(network, "XAA").prepare(ours, homeward.PLAN, "first", "case_officer")
    at = await homeward.thread(network, ours)
    signed = network.approval(pending.digest, at, "first", "return.release", "coordinator")
    with pytest.raises(Forbidden, match="does not verify"):
        await acts(network, "XAA").endorse(ours, signed, "coordinator", "coordinator")
    signed = network.approval(pending.digest, at, "first", "return.approval", "liaison_officer")
    with pytest.raises(Forbidden, match="does not verify"):
        await acts(network, "XAA").approve(ours, signed, "second")


async def test_a_key_that_the_card_does_not_list_is_said_before_it_travels(network: Network) -> None:
    """The other State could not verify it, so the step is refused here, with what to do."""
    ours, _ = await homeward.assessed(network)
    pending = await acts(network, "XAA").prepare(ours, homeward.PLAN, "first", "case_officer")
    context = network.gateways["XAA"].context
    assert context.own is not None
    context.own = replace(context.own, roles=())
    with pytest.raises(Forbidden, match="does not list") as refused:
        await homeward.endorse(network, ours, pending)
    assert "--add-role coordinator" in refused.value.hint


async def test_the_releasing_authority_is_not_the_author(network: Network) -> None:
    """Nobody releases what they prepared themselves, and nobody signs what is not prepared."""
    ours, _ = await homeward.assessed(network)
    signed = network.approval(
        "A" * 43, await homeward.thread(network, ours), "coordinator", "return.release", "coordinator"
    )
    with pytest.raises(RuleRefused, match="not on record"):
        await acts(network, "XAA").endorse(ours, signed, "coordinator", "coordinator")


async def test_a_record_that_is_none_is_refused(network: Network) -> None:
    """The schema of the record is looked at before anything else."""
    ours, _ = await homeward.assessed(network)
    with pytest.raises(schemas.SchemaError):
        await acts(network, "XAA").record(ours, {"forced": True}, "first", "case_officer")


async def test_it_begins_with_a_positive_reply_only(network: Network) -> None:
    """A negative reply, or none, begins no return."""
    ours, _ = await story.replied(network, "NOT_FOUND")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").consider(ours, homeward.record(), "first", "case_officer")
    assert "R-04" in rules(refused)


async def test_every_disclosure_is_recorded(network: Network) -> None:
    """Who sent what of a return to whom stands in the record of access (R-13)."""
    ours, _ = await homeward.documented(network)

    async def unit(tx: Any) -> Any:
        return [(row.person, row.recipient) for row in await tx.accesses(ours) if row.action == "send"]

    assert [("first", "XBB")] * 3 == await network.gateways["XAA"].store.read(unit)


async def test_a_correction_does_not_wait_for_the_day_of_the_plan(network: Network) -> None:
    """What is said while the plan lies sealed leaves at once; the plan, unchanged, still leaves 72 hours before."""
    ours, theirs = await homeward.scheduled(network)
    before = (await outbox(network, "XAA", ours, "return.schedule"))[-1]
    await network.gateways["XAA"].notices.strike(ours, ["BIRTH_PLACE"], "first", "case_officer")
    await network.deliver()
    assert ["receipted"] == [row.state for row in await outbox(network, "XAA", ours, "rectification")]
    plan = (await outbox(network, "XAA", ours, "return.schedule"))[-1]
    assert ("queued", before.not_before, before.expires_at) == (plan.state, plan.not_before, plan.expires_at)
    homeward.move_to(network, DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)


async def test_what_was_dropped_is_named_by_no_later_message(network: Network) -> None:
    """A withdrawal after a plan that never left does not name the plan, nor anything else (M-5.26)."""
    ours, _ = await homeward.scheduled(network)
    await network.gateways["XAA"].hold.freeze(ours, "known", "protection", "asylum_authority")
    await network.gateways["XAA"].hold.withdraw(ours, "first", "case_officer")
    said = await story.payload(network, "XAA", ours, "withdrawal")
    assert (None, None) == (said.prev, said.in_reply_to)


async def test_a_correction_is_no_proposal_whoever_signs_it(network: Network) -> None:
    """Right values that are prepared while a return is assessed are approved by their own step, and as nothing else."""
    ours, _ = await homeward.assessed(network)
    notices, right = network.gateways["XAA"].notices, {"birth_date": "1999-01-02"}
    made = await notices.prepare_rectification(ours, ["BIRTH_DATE"], right, "first", "case_officer")
    with pytest.raises(Forbidden, match="a step of its own"):
        await homeward.approve(network, ours, made, "return.approval")


async def corrected_to_a_child(network: Network, ours: str) -> None:
    """Put right the date of birth of whom everybody took for an adult: she is fifteen."""
    asking, right = network.gateways["XAA"].notices, {"birth_date": "2011-04-17"}
    pending = await asking.prepare_rectification(ours, ["BIRTH_DATE"], right, "first", "case_officer")
    thread = await homeward.thread(network, ours)
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await asking.rectify(ours, signed, "second")


async def test_who_turns_out_to_be_a_child_does_not_leave_as_an_adult(network: Network) -> None:
    """Once the date of birth was put right nothing takes the return further; to call it off is no step of it."""
    ours, _ = await homeward.on_the_day(network)
    await corrected_to_a_child(network, ours)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert {"R-06"} == {one.rule for one in refused.value.findings}
    await acts(network, "XAA").cancel(ours, "second", "liaison_officer")
    await corrected_to_a_child(network, ours)  # nor is it one to put the date right again
    assert "DOCUMENTED" == await story.state(network, "XAA", ours)


async def test_a_plan_that_waits_does_not_leave_for_who_turns_out_to_be_a_child(network: Network) -> None:
    """The date of birth is put right while it waits for its day: the correction leaves, and it can be called off."""
    ours, theirs = await homeward.scheduled(network)
    await corrected_to_a_child(network, ours)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.refresh()
    await network.deliver()
    (right,), (plan,) = [await waiting(network, ours, type) for type in ("rectification", "return.schedule")]
    assert ("receipted", "queued") == (right.state, plan.state)
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    await acts(network, "XAA").cancel(ours, "second", "liaison_officer")
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def waiting(network: Network, ours: str, type: str) -> list[OutboundRow]:
    """Return the messages of ``type`` in XAA's outbox, but for those that were taken out of it."""
    return [row for row in await outbox(network, "XAA", ours, type) if row.state != "dropped"]


async def test_no_plan_is_made_for_a_child_who_was_taken_for_an_adult(network: Network) -> None:
    """The date of birth is put right once the travel document is there, before anything is planned."""
    ours, _ = await homeward.documented(network)
    await corrected_to_a_child(network, ours)
    record = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL)
    await acts(network, "XAA").record(ours, record, "first", "case_officer")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").schedule(ours, homeward.JOURNEY, "second")
    assert {"R-06"} == {one.rule for one in refused.value.findings}


async def test_word_that_a_return_is_stopped_leaves_of_who_turns_out_to_be_a_child(network: Network) -> None:
    """That she was taken for an adult is a reason to stop; the other State hears of the stop as of any."""
    ours, theirs = await homeward.on_the_day(network)
    await corrected_to_a_child(network, ours)
    await acts(network, "XAA").suspend(ours, "she is fifteen", "welfare", "child_welfare")
    await network.deliver()
    assert ("SUSPENDED", "SUSPENDED") == await homeward.states(network, ours, theirs)


async def test_acceptance_under_way_is_not_of_the_same_proposal_made_once_more(network: Network) -> None:
    """What was accepted before another proposal was known accepts that one neither if it says the same."""
    ours, theirs = await homeward.proposed(network)
    await homeward.accept(network, theirs)
    returning = network.gateways["XAA"].returning
    await returning.reassess(ours, "first", "case_officer")
    await returning.assess(ours, "coordinator", "coordinator")
    pending = await returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    await homeward.endorse(network, ours, pending)
    await returning.propose(ours, "first", "case_officer")
    await network.gateways["XBB"].deliverer.run_once()
    await network.deliver()
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_who_calls_back_says_nothing_of_protection_that_takes_a_stop_away(network: Network) -> None:
    """That there is no need for protection is attested by its authority, and not beside a recall (R-01)."""
    gateway = network.gateways["XAA"]
    ours, _ = await homeward.on_the_day(network)
    await gateway.returning.depart(ours, "escort")
    none = {"state": "none", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "interview"}
    with pytest.raises(Forbidden, match="attests no 'none'"):
        await gateway.returning.recall(ours, "unsafe", "UNSAFE", "2026-12-20", "first", "case_officer", none)
    assert "DEPARTED" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("asked", [1, 2])
async def test_request_for_a_document_that_a_stop_took_out_leaves_the_one_before_it(
    network: Network, asked: int
) -> None:
    """Of two the first was heard, and counts again; of one that never left nothing does."""
    ours, _ = await homeward.accepted(network)
    returning, heard = acts(network, "XAA"), None
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, "coordinator", "coordinator")
    for number in range(asked):
        network.wires.cut = number + 1 == asked
        pending = await returning.prepare_document(ours, f"2026-12-1{number}", "first", "case_officer")
        await homeward.approve(network, ours, pending, "travel.approval")
        await returning.request_document(ours, "first", "case_officer")
        if not network.wires.cut:
            await network.deliver()
            heard = (await story.case(network, "XAA", ours)).said["travel-document.request"]
    await network.gateways["XAA"].hold.freeze(ours, "doubt", "welfare", "child_welfare")
    assert heard == (await story.case(network, "XAA", ours)).said.get("travel-document.request")
