"""What is recorded of age and guardian, set right once a case has left: by whom, and what falls with it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services import access, cases, reading, rights
from gateway.services.account_store import Invitation
from gateway.services.acts import DESK, RETURN_DESK, RETURN_PARTS
from gateway.services.context import Forbidden, NotFound, Person
from gateway.services.representing import represents
from tests.support import homeward, story
from tests.support.network import START, Network

WELFARE = ("welfare", "child_welfare")
COORDINATOR = ("coordinator", "coordinator")
GUARDIAN: Mapping[str, Any] = homeward.MINOR["representative"]
OTHER = {**GUARDIAN, "ref": "CJDAgXMgk34Kg3R2-Y6VVw"}
CHILD = {"class": "minor", "decision": None}
TODAY = START.date().isoformat()
FOUND_ADULT = {"class": "adult", "decision": {"ref": "AGE-7", "on": TODAY, "by": "Youth Office"}}


async def stopped(network: Network, **changes: Any) -> str:
    """Return a case of a represented minor that the other State works on and child welfare has frozen."""
    ours, _ = await story.acknowledged(network, **{**homeward.MINOR, **changes})
    await network.gateways["XAA"].hold.freeze(ours, "the record is wrong", *WELFARE)
    return ours


async def restate(network: Network, ref: str, age: Any, guardian: Any, *who: str) -> None:
    """Set right what is recorded, by default as child welfare."""
    await network.gateways["XAA"].hold.restate(ref, age, guardian, "as decided", *(who or WELFARE))


async def goes_on(network: Network, ref: str) -> None:
    """Have child welfare let go, and two persons of the desk let the case go on."""
    hold = network.gateways["XAA"].hold
    await hold.release(ref, *WELFARE)
    await hold.resume(ref, "first", "case_officer")
    await hold.resume(ref, "second", "liaison_officer")


async def test_wrong_guardian_is_replaced_and_what_stood_is_kept(network: Network) -> None:
    """Child welfare names the right guardian once the case has left; the wrong appointment stays on record."""
    ours = await stopped(network)
    await restate(network, ours, CHILD, OTHER)
    await goes_on(network, ours)
    case = await story.case(network, "XAA", ours)
    (before,) = case.earlier
    assert (OTHER, CHILD, "ACKNOWLEDGED") == (case.draft["representative"], case.draft["age"], case.state)
    assert (homeward.MINOR, START) == (
        {name: before[name] for name in ("age", "representative")},
        network.clock.now(),
    )
    assert before["until"].startswith(TODAY)


async def test_who_was_named_wrongly_reads_nothing_more(network: Network) -> None:
    """A person whom the file named as guardian by mistake gets no account any more, the right one does."""
    gateway = network.gateways["XAA"]
    people = {name: Person(name, frozenset({"guardian"}), bytes(32)) for name in ("wrong", "right")}
    gateway.context.persons = {**gateway.context.persons, **people}
    ours = await stopped(network, representative={**GUARDIAN, "signed_by": "wrong"})
    await rights.account(gateway.context, ours, "wrong", "guardian", "what was sent")
    await restate(network, ours, CHILD, {**GUARDIAN, "signed_by": "right"})
    with pytest.raises(NotFound):
        await rights.account(gateway.context, ours, "wrong", "guardian", "what was sent")
    assert ours == (await rights.account(gateway.context, ours, "right", "guardian", "what was sent")).ref


async def test_guest_who_was_taken_for_the_guardian_reads_nothing_more(network: Network) -> None:
    """An invitation as guardian ends with who was named wrongly, but for his stop; one made afterwards opens it."""
    context, ours = network.gateways["XAA"].context, await stopped(network)

    def invite(name: str, role: str) -> tuple[str, str]:
        now = network.clock.now()
        made = Invitation(name, ours, role, f"guest.{name}", "first", now, now + timedelta(days=30))
        context.guests.take(made)
        return made.person, role

    wrong, lawyer = invite("wrong", "guardian"), invite("lawyer", "lawyer")
    for guest in (wrong, lawyer):
        await access.look(context, ours, *guest, why="what is recorded?")
    network.clock.pass_(seconds=1)
    await restate(network, ours, CHILD, {**GUARDIAN, "appointed_on": "2026-11-11"})
    await access.look(context, ours, *wrong, why="a slip in the day ends nothing")
    await restate(network, ours, CHILD, None)
    network.clock.pass_(seconds=1)
    right = invite("right", "guardian")
    await restate(network, ours, CHILD, OTHER)
    with pytest.raises(NotFound):
        await access.look(context, ours, *wrong, why="what is recorded?")
    for guest in (right, lawyer):
        await access.look(context, ours, *guest, why="what is recorded?")
    await network.gateways["XAA"].hold.freeze(ours, "afraid", *wrong)


async def test_each_guardian_who_is_taken_out_takes_the_guest_along(network: Network) -> None:
    """By reference or by who signed, in the very second too, and also where the first one is on record again."""
    context, ours = network.gateways["XAA"].context, await stopped(network)
    guests = []
    for named in (None, GUARDIAN, OTHER, {**OTHER, "signed_by": "Youth Court"}):
        network.clock.pass_(seconds=1)
        now = network.clock.now()
        made = Invitation(f"{len(guests)}", ours, "guardian", f"guest.{len(guests)}", "first", now, now + timedelta(9))
        context.guests.take(made)
        guests.append(made.person)
        await restate(network, ours, CHILD, named)
        case = await story.case(network, "XAA", ours)
        opens = [represents(context, case, one, "guardian", network.clock.now()) for one in guests]
        # Nobody was on record before the second, so that one stays who is.
        assert opens == [named is GUARDIAN and one == guests[1] for one in guests]


async def test_a_desk_that_names_another_guardian_in_a_draft_takes_the_guest_along(network: Network) -> None:
    """Who was invited as the guardian of before opens the case no more, once the draft names another, or none."""
    gateway, clock = network.gateways["XAA"], network.clock
    draft = story.draft(**homeward.MINOR)
    ours, opens = await gateway.clear.new(draft, "first"), list[list[bool]]()
    guests = []
    for named in ({**GUARDIAN, "appointed_on": "2026-11-11"}, OTHER, {**OTHER, "signed_by": "Youth Court"}):
        now = clock.now()
        made = Invitation(f"{len(guests)}", ours, "guardian", f"guest.{len(guests)}", "first", now, now + timedelta(9))
        gateway.context.guests.take(made)
        guests.append(made.person)
        clock.pass_(seconds=1)
        await gateway.clear.amend(ours, {**draft, "representative": named}, "first")
        case = await story.case(network, "XAA", ours)
        opens.append([represents(gateway.context, case, one, "guardian", clock.now()) for one in guests])
        clock.pass_(seconds=1)
    assert [[True], [False, False], [False, False, False]] == opens


async def test_what_stood_is_shown_to_a_desk_and_who_is_in_charge(network: Network) -> None:
    """Whoever else sees a return learns from it neither of age nor of who was the guardian before."""
    ours = await stopped(network)
    await restate(network, ours, CHILD, OTHER)
    case = await story.case(network, "XAA", ours)
    shown = {role for role in {*RETURN_DESK, *RETURN_PARTS} if reading.part_of_return(case, role).person is not None}
    assert {*DESK, "child_welfare", "coordinator"} == shown


async def test_reason_stands_in_the_record_of_access(network: Network) -> None:
    """Who set it right, and why, is recorded as with every other correction (R-13), and no empty reason is one."""
    ours, hold = await stopped(network), network.gateways["XAA"].hold
    with pytest.raises(RuleRefused, match="R-13"):
        await hold.restate(ours, CHILD, OTHER, " ", *WELFARE)
    await restate(network, ours, CHILD, OTHER)
    row = await network.gateways["XAA"].store.read(lambda tx: tx.accesses(ours))
    assert ("welfare", "restate") == (row[-1].person, row[-1].action)


async def test_desk_does_not_set_it_right(network: Network) -> None:
    """No role of the desk that asks may, nor a guest; who is in charge holds no other role (``HELD_ALONE``)."""
    ours = await stopped(network)
    for person, role in (("first", "case_officer"), ("second", "liaison_officer"), ("protection", "asylum_authority")):
        with pytest.raises(IllegalStep):
            await restate(network, ours, CHILD, OTHER, person, role)
    with pytest.raises(Forbidden):
        await restate(network, ours, CHILD, OTHER, "guest.g", "child_welfare")


async def test_only_where_the_case_stands_still(network: Network) -> None:
    """A case that goes on is stopped first, so that nothing leaves on what is being set right."""
    ours, _ = await story.acknowledged(network, **homeward.MINOR)
    with pytest.raises(IllegalStep):
        await restate(network, ours, CHILD, OTHER)


async def test_stop_is_not_let_go_of(network: Network) -> None:
    """Whoever stopped the case holds it after the correction as before."""
    ours = await stopped(network)
    await network.gateways["XAA"].hold.freeze(ours, "afraid", "protection", "asylum_authority")
    before = await story.case(network, "XAA", ours)
    await restate(network, ours, FOUND_ADULT, None)
    after = await story.case(network, "XAA", ours)
    assert (before.holders, before.state, before.released) == (after.holders, after.state, after.released)
    assert before.draft["asylum"] == after.draft["asylum"]


async def test_minor_without_a_guardian_stands_still(network: Network) -> None:
    """An appointment that never was is taken out, and nothing goes on before there is one (R-07)."""
    ours = await stopped(network)
    await restate(network, ours, CHILD, None)
    with pytest.raises(RuleRefused, match="R-07"):
        await goes_on(network, ours)


NO_ADULT = {
    "no decision": {"class": "adult", "decision": None},
    "the decision that was on record": {"class": "adult", "decision": {**FOUND_ADULT["decision"], "ref": "AGE-1"}},
    "a decision of tomorrow": {"class": "adult", "decision": {**FOUND_ADULT["decision"], "on": "2026-11-26"}},
}


@pytest.mark.parametrize("name", NO_ADULT)
async def test_correction_makes_no_adult_without_another_decision(network: Network, name: str) -> None:
    """Whoever counts as a minor stays one without a new decision on age, of a day that has come (R-06)."""
    first = {"class": "minor", "decision": {"ref": "AGE-1", "on": "2026-11-20", "by": "Youth Office"}}
    ours = await stopped(network, age=first)
    with pytest.raises(RuleRefused, match="R-06"):
        await restate(network, ours, NO_ADULT[name], GUARDIAN)


async def test_quashed_decision_makes_no_adult_again(network: Network) -> None:
    """A decision that was taken off the record does not come back; another one is needed."""
    ours = await stopped(network, age=FOUND_ADULT)
    await restate(network, ours, {"class": "unknown", "decision": None}, GUARDIAN)
    with pytest.raises(RuleRefused, match="R-06"):
        await restate(network, ours, FOUND_ADULT, GUARDIAN)
    await restate(network, ours, {**FOUND_ADULT, "decision": {**FOUND_ADULT["decision"], "ref": "AGE-8"}}, GUARDIAN)
    assert 2 == len((await story.case(network, "XAA", ours)).earlier)


async def test_quashed_decision_takes_the_place_of_no_other(network: Network) -> None:
    """It comes back neither for an adult by another decision, nor does she stay one where that is taken off (R-06)."""
    ours = await stopped(network, age=FOUND_ADULT)
    other = {**FOUND_ADULT, "decision": {**FOUND_ADULT["decision"], "ref": "AGE-8"}}
    for age in ({"class": "unknown", "decision": None}, other):
        await restate(network, ours, age, GUARDIAN)
    for age in (FOUND_ADULT, {**FOUND_ADULT, "decision": None}):
        with pytest.raises(RuleRefused, match="R-06"):
            await restate(network, ours, age, GUARDIAN)
    await restate(network, ours, {**other, "decision": {**other["decision"], "by": "Youth Court"}}, GUARDIAN)


async def test_what_stands_already_is_not_set_right(network: Network) -> None:
    """Said twice it is kept once: nothing was recorded before that is not so now."""
    ours = await stopped(network)
    await restate(network, ours, CHILD, OTHER)
    with pytest.raises(RuleRefused, match="R-06"):
        await restate(network, ours, CHILD, OTHER)
    assert 1 == len((await story.case(network, "XAA", ours)).earlier)


async def test_nobody_becomes_an_adult_in_a_case_that_is_over(network: Network) -> None:
    """Where no two persons let the case go on any more, a minor stays one; a guardian may be set right (R-06)."""
    ours = await stopped(network)
    await network.gateways["XAA"].hold.withdraw(ours, *WELFARE)
    with pytest.raises(RuleRefused, match="R-06"):
        await restate(network, ours, FOUND_ADULT, None)
    await restate(network, ours, CHILD, OTHER)
    assert OTHER == (await story.case(network, "XAA", ours)).draft["representative"]


async def test_who_is_in_charge_says_it(network: Network) -> None:
    """What is recorded of age is child welfare's; the guardian of an adult is the referral mechanism's (V-30)."""
    ours, _ = await story.acknowledged(network, age=FOUND_ADULT, representative=GUARDIAN)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "the record is wrong", *WELFARE)
    with pytest.raises(RuleRefused, match="V-30"):
        await restate(network, ours, CHILD, GUARDIAN, *COORDINATOR)
    with pytest.raises(RuleRefused, match="V-30"):
        await restate(network, ours, FOUND_ADULT, None)
    await restate(network, ours, FOUND_ADULT, OTHER, *COORDINATOR)
    await restate(network, ours, CHILD, OTHER)


async def test_wrongly_dated_decision_is_dated_right(network: Network) -> None:
    """A decision dated ahead by a slip counts from its right day on, once child welfare has said so."""
    ours = await stopped(network, age=FOUND_ADULT)
    ahead = {**FOUND_ADULT, "decision": {**FOUND_ADULT["decision"], "on": "2036-11-25"}}
    await restate(network, ours, ahead, GUARDIAN)
    with pytest.raises(RuleRefused, match="R-06"):
        await goes_on(network, ours)
    await restate(network, ours, FOUND_ADULT, GUARDIAN)
    hold = network.gateways["XAA"].hold
    await hold.resume(ours, "first", "case_officer")
    await hold.resume(ours, "second", "liaison_officer")
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)


async def test_return_of_an_adult_who_is_a_child_begins_anew(network: Network) -> None:
    """What was signed for an adult falls; the other State learns it by the proposal that takes its place."""
    ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XAA"]
    await gateway.hold.freeze(ours, "she is fifteen", *WELFARE)
    await restate(network, ours, CHILD, GUARDIAN)
    await goes_on(network, ours)
    case = await story.case(network, "XAA", ours)
    assert ("CONSIDERED", (), {}) == (case.state, case.releases, case.said)
    returning, full = gateway.returning, homeward.record(True, decision=homeward.DECISION)
    await returning.record(ours, full, "first", "case_officer")
    with pytest.raises(RuleRefused, match="V-30"):
        await returning.assess(ours, *COORDINATOR)
    await returning.assess(ours, *WELFARE)
    await homeward.propose_other_days(network, ours)
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)
    assert (await story.case(network, "XBB", theirs)).said["return.proposal"]["represented"]


async def test_answer_to_a_proposal_that_fell_does_not_show_it(network: Network) -> None:
    """What the other State accepts meanwhile is taken as where nothing stopped the case, and moves nothing (M-5.30)."""
    ours, theirs = await homeward.proposed(network)
    await network.gateways["XAA"].hold.freeze(ours, "she is fifteen", *WELFARE)
    await restate(network, ours, CHILD, GUARDIAN)
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("FROZEN", "ACCEPTED") == await homeward.states(network, ours, theirs)
    await goes_on(network, ours)
    assert "CONSIDERED" == await story.state(network, "XAA", ours)


async def test_nor_does_it_show_until_a_withdrawal_may_be_known(network: Network) -> None:
    """Set right in the hour before a withdrawal leaves, the thread answers as it stood (M-5.26)."""
    ours, theirs = await homeward.proposed(network)
    await network.gateways["XAA"].hold.freeze(ours, "she is fifteen", *WELFARE)
    await network.gateways["XAA"].hold.withdraw(ours, *WELFARE)
    await restate(network, ours, CHILD, GUARDIAN)
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("WITHDRAWN", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_planned_journey_is_called_off_first(network: Network) -> None:
    """Who is awaited is not forgotten: with a plan that was told the case goes on where it can be called off."""
    ours, theirs = await homeward.scheduled(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=48))
    await network.deliver()
    await network.gateways["XAA"].hold.freeze(ours, "she is fifteen", *WELFARE)
    await restate(network, ours, CHILD, GUARDIAN)
    await goes_on(network, ours)
    returning = network.gateways["XAA"].returning
    with pytest.raises(RuleRefused, match="R-10"):
        await returning.depart(ours, "escort")
    await returning.cancel(ours, "first", "case_officer")
    await returning.reassess(ours, *WELFARE)
    await network.deliver()
    assert ("CONSIDERED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize(("guardian", "stands"), [(OTHER, False), ({**GUARDIAN, "appointed_on": "2026-11-10"}, True)])
async def test_release_falls_with_the_guardian_not_with_a_date(network: Network, guardian: Any, stands: bool) -> None:
    """What was signed of a return rests on who stands up for the person, and not on the day of the appointment."""
    ours, _ = await homeward.accepted(network, minor=True)
    await network.gateways["XAA"].hold.freeze(ours, "the record is wrong", *WELFARE)
    await restate(network, ours, homeward.MINOR["age"], guardian)
    assert stands == bool((await story.case(network, "XAA", ours)).releases)


async def test_officer_does_not_write_over_it(network: Network) -> None:
    """Once the authority in charge has set it right, writing the file anew leaves it as it is (R-06)."""
    gateway, ours = network.gateways["XAA"], await story.cleared(network, **homeward.MINOR)
    await gateway.hold.freeze(ours, "the record is wrong", *WELFARE)
    await restate(network, ours, CHILD, OTHER)
    await goes_on(network, ours)
    with pytest.raises(RuleRefused, match="R-06"):
        await gateway.clear.amend(ours, story.draft(**homeward.MINOR), "first")
    await gateway.clear.amend(ours, story.draft(age=CHILD, representative=OTHER), "first")


async def test_guardian_of_who_has_left_is_replaced_and_nothing_else(network: Network) -> None:
    """Who must not read where a child was brought is taken off her case; word of her waits for no other guardian."""
    ours, theirs = await homeward.departed(network, minor=True)
    context, age = network.gateways["XAA"].context, homeward.MINOR["age"]
    tomorrow = (network.clock.now().date() + timedelta(days=1)).isoformat()
    for anew, guardian in (
        (age, None),
        (FOUND_ADULT, OTHER),
        (CHILD, OTHER),
        (age, {**OTHER, "appointed_on": tomorrow}),
    ):
        with pytest.raises(RuleRefused, match="R-07"):
            await restate(network, ours, anew, guardian)
    before = await story.case(network, "XAA", ours)
    await restate(network, ours, age, {**OTHER, "signed_by": "Another Court"})
    case = await story.case(network, "XAA", ours)
    assert (before.state, before.releases) == (case.state, case.releases)
    named = GUARDIAN["signed_by"], network.clock.now()
    assert [True, False] == [represents(context, one, named[0], "guardian", named[1]) for one in (before, case)]
    await network.gateways["XAA"].returning.recall(ours, "unsafe", "UNSAFE", "2026-12-20", *WELFARE)
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


async def test_nothing_is_set_right_that_was_not_seen(network: Network) -> None:
    """Two who set it right at once do not write over one another."""
    ours, gateway = await stopped(network), network.gateways["XAA"]
    seen = cases.mark(gateway.context, await story.case(network, "XAA", ours))
    await gateway.hold.restate(ours, CHILD, OTHER, "as decided", *WELFARE, seen=seen)
    with pytest.raises(cases.Changed):
        await gateway.hold.restate(ours, CHILD, GUARDIAN, "as decided", *WELFARE, seen=seen)
