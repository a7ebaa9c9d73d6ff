"""No journey goes on that was not agreed so: what changes between the plan and the departure stops it."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.core.machine import NOT_TOLD, IllegalStep, RuleRefused
from gateway.core.return_changes import UNCONFIRMED
from gateway.core.return_guards import OUTDATED
from gateway.services.offered import open_steps
from gateway.services.returning import Returning
from gateway.serving import desk_services
from tests.support import homeward, story
from tests.support.homeward import DEPARTS_AT
from tests.support.network import Network


def acts(network: Network, country: str) -> Returning:
    """Return the acts of one State."""
    return network.gateways[country].returning


def rules(error: pytest.ExceptionInfo[RuleRefused]) -> set[str]:
    """Return the rules that objected."""
    return {finding.rule for finding in error.value.findings}


async def outbox(network: Network, ref: str, type: str) -> list[str]:
    """Return what became of the messages of one type that XAA handed in for a case."""

    async def unit(tx: Any) -> list[str]:
        return [row.state for row in await tx.outbound_of_case(ref) if row.type == type]

    found: list[str] = await network.gateways["XAA"].store.read(unit)
    return found


async def asked_for_document(network: Network, minor: bool = False) -> tuple[str, str]:
    """Take a case to a request for a travel document that lies in XAA's outbox."""
    ours, theirs = await homeward.accepted(network, minor)
    returning, (person, role, _) = acts(network, "XAA"), homeward.in_charge(minor)
    await returning.record(ours, homeward.record(minor, decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, person, role)
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await returning.request_document(ours, "first", "case_officer")
    return ours, theirs


async def move_departure(network: Network, ref: str, days: int) -> None:
    """Move the departure in the record by so many days, as one officer can, and let that day come."""
    leaves = DEPARTS_AT + timedelta(days=days)
    changes: dict[str, Any] = {
        "decision": homeward.DECISION,
        "travel": {**homeward.TRAVEL, "departs_at": leaves.isoformat()},
        "contacts_given_on": "2026-12-09",
        "reconfirmation": {**homeward.RECONFIRMATION, "on": leaves.date().isoformat()},
    }
    await acts(network, "XAA").record(ref, homeward.record(**changes), "first", "case_officer")
    homeward.move_to(network, leaves + timedelta(minutes=5))
    await network.refresh()


async def test_nobody_leaves_on_a_day_that_was_not_told(network: Network) -> None:
    """Moved in the record after the other State had the plan, the departure is refused until it is planned anew."""
    ours, theirs = await homeward.on_the_day(network)
    await move_departure(network, ours, 2)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert {"V-39"} == rules(refused)
    await acts(network, "XAA").cancel(ours, "escort", "escort")
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("cut", [True, False])
async def test_who_leaves_before_the_plan_is_confirmed_is_told_of_by_people_too(network: Network, cut: bool) -> None:
    """Where no receipt says that the other State knows the journey, the escort sees it at the gate."""
    ours, _ = await homeward.scheduled(network)
    network.wires.cut = cut
    homeward.move_to(network, DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    homeward.move_to(network, DEPARTS_AT + timedelta(minutes=12))
    said = {"contacts_given_on": "2026-12-11", "reconfirmation": homeward.RECONFIRMATION}
    full = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL, **said)
    returning = network.gateways["XAA"].returning
    await returning.record(ours, full, "first", "case_officer")
    await network.refresh()
    await returning.depart(ours, "escort")
    case = await story.case(network, "XAA", ours)
    assert ("DEPARTED", cut) == (case.state, UNCONFIRMED in case.findings)


async def needing(network: Network, *, posted: bool) -> tuple[str, str]:
    """Take a case to the day of departure of somebody whose plan tells medical needs, and had no answer."""
    ours, theirs = await homeward.documented(network)
    returning = acts(network, "XAA")
    agreed = {**homeward.TRAVEL, "medical_consent_on": "2026-11-24"}
    await returning.record(ours, homeward.record(decision=homeward.DECISION, travel=agreed), "first", "case_officer")
    await returning.schedule(ours, {**homeward.JOURNEY, "medical_needs": ["OXYGEN"]}, "second")
    if posted:
        network.wires.cut = True
        homeward.move_to(network, DEPARTS_AT - timedelta(hours=71))
        await network.deliver()
        network.wires.cut = False
    homeward.move_to(network, DEPARTS_AT + timedelta(minutes=12))
    await network.refresh()
    return ours, theirs


@pytest.mark.parametrize("posted", [True, False])
async def test_word_of_a_departure_waits_for_no_plan_that_is_held(network: Network, posted: bool) -> None:
    """Who takes back that medical needs are told leaves all the same, and whoever receives her hears of it (R-23)."""
    ours, theirs = await needing(network, posted=posted)
    said = {"contacts_given_on": "2026-12-11", "reconfirmation": homeward.RECONFIRMATION}
    full = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL, **said)
    await acts(network, "XAA").record(ours, full, "first", "case_officer")
    await network.deliver()
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs), "the plan is held"
    await acts(network, "XAA").depart(ours, "escort")
    await network.deliver()
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)
    assert [] == (await story.case(network, "XBB", theirs)).said["return.schedule"]["medical_needs"]


async def test_word_that_a_journey_is_off_waits_for_no_plan_that_is_held(network: Network) -> None:
    """A plan that may be abroad is not tried again once she does not wish to go; that it is off must be heard."""
    ours, _ = await needing(network, posted=True)
    stays = {**homeward.record()["wish"], "revoked_on": "2026-12-13"}
    full = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL, wish=stays)
    await acts(network, "XAA").record(ours, full, "first", "case_officer")
    await network.deliver()
    await acts(network, "XAA").cancel(ours, "escort", "escort")
    await network.deliver()
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert ["receipted", "receipted"] == await outbox(network, ours, "return.schedule")


async def test_nobody_leaves_before_the_plan(network: Network) -> None:
    """Moved to a day on which the plan still lies sealed, the departure is refused: nobody would be there."""
    ours, theirs = await homeward.scheduled(network)
    await move_departure(network, ours, -4)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert {"V-39"} == rules(refused)
    assert "return.schedule" not in (await story.case(network, "XBB", theirs)).said


async def test_a_decision_that_was_quashed_lets_nobody_leave(network: Network) -> None:
    """Quashed after the plan was told, the decision carries no departure."""
    ours, _ = await homeward.on_the_day(network, decision=None)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert {"V-36"} == rules(refused)


async def test_a_decision_that_was_quashed_holds_the_plan(network: Network) -> None:
    """Quashed while the plan lies sealed, the decision keeps it from leaving."""
    ours, theirs = await homeward.scheduled(network)
    await acts(network, "XAA").record(ours, homeward.record(travel=homeward.TRAVEL), "first", "case_officer")
    homeward.move_to(network, DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_a_decision_that_was_quashed_asks_for_no_document(network: Network) -> None:
    """Quashed before the request for a travel document leaves, the decision holds who the person is back."""
    ours, _ = await homeward.accepted(network)
    await acts(network, "XAA").record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await acts(network, "XAA").decide(ours, "coordinator", "coordinator")
    pending = await acts(network, "XAA").prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await acts(network, "XAA").record(ours, homeward.record(decision=None), "first", "case_officer")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").request_document(ours, "first", "case_officer")
    assert {"V-36"} == rules(refused)


async def test_an_older_yes_does_not_unsay_a_no(network: Network) -> None:
    """A form with the wish of November does not write over that she wrote in December that she stays."""
    ours, _ = await homeward.on_the_day(network)
    good = (await story.case(network, "XAA", ours)).record
    stays = {**good, "wish": {**good["wish"], "wish": "stay", "written_on": "2026-12-12"}}
    await acts(network, "XAA").record(ours, stays, "coordinator", "coordinator")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").record(ours, good, "first", "case_officer")
    assert {"R-23"} == rules(refused)
    anew = {**good, "wish": {**good["wish"], "written_on": "2026-12-13"}}
    await acts(network, "XAA").record(ours, anew, "first", "case_officer")


async def test_a_no_at_the_gate_is_final_for_the_day(network: Network) -> None:
    """A form of the same morning does not turn what she said when she was asked into a yes."""
    ours, _ = await homeward.on_the_day(network)
    good = (await story.case(network, "XAA", ours)).record
    no = {**good, "reconfirmation": {**good["reconfirmation"], "consent_stands": False}}
    await acts(network, "XAA").record(ours, no, "coordinator", "coordinator")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").record(ours, good, "first", "case_officer")
    assert {"R-23"} == rules(refused)
    await acts(network, "XAA").record(ours, {**no, "contacts_given_on": "2026-12-14"}, "first", "case_officer")


async def test_a_plan_lies_within_the_days_that_both_signed(network: Network) -> None:
    """A journey on the eve of the days for which both authorities signed is not planned."""
    ours, _ = await homeward.documented(network, minor=True)
    leaves = DEPARTS_AT - timedelta(days=5)
    travel = {**homeward.TRAVEL, "departs_at": leaves.isoformat()}
    full = homeward.record(True, decision=homeward.DECISION, travel=travel)
    await acts(network, "XAA").record(ours, full, "first", "case_officer")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").schedule(ours, {**homeward.JOURNEY, "arrives_at": "2026-12-09T12:10:00Z"}, "second")
    assert {"V-39"} == rules(refused)


async def test_a_handover_is_not_dated_back(network: Network) -> None:
    """A protocol of half a year before is not signed, or the months in which she is looked after would be over."""
    ours, theirs = await homeward.departed(network)
    homeward.move_to(network, DEPARTS_AT + timedelta(hours=5))
    wrong = {**homeward.PROTOCOL, "at": "2026-06-14T12:40:00Z"}
    seen = await acts(network, "XAA").protocol(ours, wrong, "escort", "escort")
    signed = network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").hand_over(ours, wrong, signed, "escort")
    assert {"V-44"} == rules(refused)
    assert "return.handover" not in (await story.case(network, "XBB", theirs)).said


@pytest.mark.parametrize("declined", [False, True])
async def test_what_was_not_posted_does_not_outlive_a_reassessment(network: Network, declined: bool) -> None:
    """A request for a document that waits when everything is looked at anew never leaves, nor after a no."""
    ours, theirs = await asked_for_document(network)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    if declined:
        await acts(network, "XAA").decline(ours, "coordinator", "coordinator")
    await network.deliver()
    assert ["dropped"] == await outbox(network, ours, "travel-document.request")
    assert "travel-document.request" not in (await story.case(network, "XBB", theirs)).said


async def test_a_reassessment_holds_up_no_other_proposal(network: Network) -> None:
    """The next proposal of a minor's return takes the number of the request that was dropped, and leaves."""
    ours, theirs = await asked_for_document(network, minor=True)
    returning = acts(network, "XAA")
    await returning.reassess(ours, "first", "case_officer")
    await returning.assess(ours, "welfare", "child_welfare")
    pending = await returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    await homeward.endorse(network, ours, pending, True)
    await returning.propose(ours, "first", "case_officer")
    await network.deliver()
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)


async def test_a_reassessment_leaves_what_takes_nothing_further(network: Network) -> None:
    """That a journey is off, and a correction, leave although everything is looked at anew."""
    ours, theirs = await homeward.on_the_day(network)
    await network.gateways["XAA"].notices.strike(ours, ["BIRTH_PLACE"], "first", "case_officer")
    await acts(network, "XAA").cancel(ours, "escort", "escort")
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await network.deliver()
    assert ("CONSIDERED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    assert ["dropped", "receipted"] == await outbox(network, ours, "rectification")


async def resume_there(network: Network, theirs: str) -> None:
    """Have XBB lift the stop of its child welfare, and deliver that."""
    hold = network.gateways["XBB"].hold
    await hold.release(theirs, "welfare", "child_welfare")
    await hold.resume(theirs, "second", "desk_head")
    await network.deliver()


async def ways_back(network: Network, ref: str) -> set[str]:
    """Return which of the two steps that lead back the desk of XAA is offered."""
    services = desk_services(network.gateways["XAA"])
    row = await services.inquiries.find_case(ref)
    assert row is not None
    return {"cancellation", "reassessment"} & set(await open_steps(services, row, "first", frozenset({"case_officer"})))


@pytest.mark.parametrize("place", ["ACCEPTED", "DOCUMENTED"])
async def test_a_stopped_return_goes_on_where_it_was_begun_anew(network: Network, place: str) -> None:
    """Who was to receive the person fell away: the stop stands over a reassessment, and lifts to no old acceptance."""
    ours, theirs = await (homeward.accepted if place == "ACCEPTED" else homeward.documented)(network, True)
    await acts(network, "XBB").suspend(theirs, "the carer is none", "welfare", "child_welfare")
    await network.deliver()
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await network.deliver()
    assert ("SUSPENDED", "SUSPENDED") == await homeward.states(network, ours, theirs)
    assert (("XBB", "partner"),) == (await story.case(network, "XAA", ours)).holders
    with pytest.raises(IllegalStep):
        await acts(network, "XAA").assess(ours, "welfare", "child_welfare")
    await resume_there(network, theirs)
    assert ("CONSIDERED", place) == await homeward.states(network, ours, theirs)
    assert () == (await story.case(network, "XAA", ours)).releases


@pytest.mark.parametrize("told", [True, False])
async def test_a_journey_that_is_stopped_is_called_off_before_it_is_begun_anew(network: Network, told: bool) -> None:
    """A plan is called off though the other State holds the return: nobody is awaited by it once that goes on."""
    ours, theirs = await (homeward.on_the_day if told else homeward.scheduled)(network, minor=True)
    await acts(network, "XBB").suspend(theirs, "the carer is none", "welfare", "child_welfare")
    await network.deliver()
    with pytest.raises(IllegalStep):
        await acts(network, "XAA").reassess(ours, "first", "case_officer")
    assert {"cancellation"} == await ways_back(network, ours)
    await acts(network, "XAA").cancel(ours, "escort", "escort")
    assert {"reassessment"} == await ways_back(network, ours)
    await acts(network, "XAA").reassess(ours, "first", "case_officer")
    await network.deliver()
    waits = ["receipted", "dropped", "queued"] if told else ["dropped"]
    assert waits == await outbox(network, ours, "return.schedule")
    assert ("SUSPENDED", "SUSPENDED") == await homeward.states(network, ours, theirs)
    await resume_there(network, theirs)
    network.clock.pass_(minutes=10)
    await network.deliver()
    assert ("CONSIDERED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    known = (await story.case(network, "XBB", theirs)).said.get("return.schedule", {"status": None})
    assert ("cancelled" if told else None) == known["status"]


async def test_no_journey_is_planned_beyond_the_acceptance(network: Network) -> None:
    """An acceptance for ten days is over on the day of departure: the desk learns that as it plans the journey."""
    with pytest.raises(RuleRefused) as refused:
        await homeward.scheduled(network, False, 10)
    assert {"R-10"} == rules(refused)


async def test_a_plan_does_not_leave_once_another_document_ends_too_early(network: Network) -> None:
    """While the plan waited a document was issued again that ends on the day of departure: nobody would leave."""
    ours, theirs = await homeward.scheduled(network)
    short = {**homeward.DOCUMENT, "valid_until": DEPARTS_AT.date().isoformat()}
    await acts(network, "XBB").reissue(theirs, short, "issuer")
    await network.deliver()
    homeward.move_to(network, DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    found = (await story.case(network, "XAA", ours)).findings
    assert OUTDATED + "the travel document does not outlast the journey" in found


async def test_a_journey_is_called_off_whatever_the_day(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the conditions of the data run out on the day of the journey, the other State learns that nobody comes."""
    monkeypatch.setitem(homeward.HANDLING, "retain_until", DEPARTS_AT.date().isoformat())
    ours, theirs = await homeward.on_the_day(network)
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").depart(ours, "escort")
    assert {"R-05"} == rules(refused)
    await acts(network, "XAA").cancel(ours, "escort", "escort")
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    assert NOT_TOLD not in (await story.case(network, "XAA", ours)).findings


async def test_what_was_released_before_a_stop_is_released_anew(network: Network) -> None:
    """Stopped for a new danger before anything was proposed, the same bytes are no longer released after it."""
    ours, _ = await homeward.prepared(network, minor=True)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "the carer is not who was said", "second", "liaison_officer")
    await hold.release(ours, "second", "liaison_officer")
    await hold.resume(ours, "first", "case_officer")
    await hold.resume(ours, "second", "liaison_officer")
    pending = await acts(network, "XAA").prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    with pytest.raises(RuleRefused) as refused:
        await acts(network, "XAA").propose(ours, "first", "case_officer")
    assert {"R-10"} == rules(refused)
    await homeward.endorse(network, ours, pending, True)
    await acts(network, "XAA").propose(ours, "first", "case_officer")
