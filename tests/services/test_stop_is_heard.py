"""That a return is stopped reaches the other State, whatever stands before it in the thread."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.services.ports import OutboundRow
from tests.support import homeward, story
from tests.support.holds import lift
from tests.support.network import HandClock, Network
from tests.support.restoring import back_up, restore


async def under_way(network: Network, country: str) -> tuple[str, str, str]:
    """
    Have ``country`` post a message of a return that gets no answer, and restore the line.

    Returns its case, the other State and that one's case.
    """
    ours, theirs = await homeward.accepted(network)
    person, role, _ = homeward.in_charge(minor=False)
    returning = network.gateways["XAA"].returning
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, person, role)
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    network.wires.cut = country == "XAA"
    await returning.request_document(ours, "first", "case_officer")
    await network.deliver(1)
    if country == "XBB":
        network.wires.cut = True
        await network.gateways["XBB"].returning.issue(theirs, homeward.DOCUMENT, "issuer")
        await network.deliver(1)
    network.wires.cut = False
    network.clock.pass_(hours=1)
    return (ours, "XBB", theirs) if country == "XAA" else (theirs, "XAA", ours)


async def last_two(network: Network, country: str, ref: str) -> list[tuple[str, str]]:
    """Return type and state of the last two messages of a case."""
    rows: list[OutboundRow] = list(await network.gateways[country].store.read(lambda tx: tx.outbound_of_case(ref)))
    return [(row.type, row.state) for row in rows[-2:]]


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_stop_is_heard_behind_a_message_that_got_no_answer(network: Network, country: str) -> None:
    """A message that was under way when the return was stopped is posted again, and the stop right after it."""
    ref, other, there = await under_way(network, country)
    await network.gateways[country].returning.suspend(ref, "danger", "welfare", "child_welfare")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, other, there)


async def test_freeze_of_the_accepting_side_is_heard_behind_a_message_that_got_no_answer(network: Network) -> None:
    """A veto of the asked State's child-welfare authority reaches the State that plans the return."""
    ref, other, there = await under_way(network, "XBB")
    await network.gateways["XBB"].hold.freeze(ref, "danger", "welfare", "child_welfare")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, other, there)


async def test_frozen_case_of_the_asking_side_says_nothing(network: Network) -> None:
    """Nothing leaves a case that its own side froze for a reason nobody may guess, neither the message nor a stop."""
    ref, *_ = await under_way(network, "XAA")
    await network.gateways["XAA"].returning.suspend(ref, "danger", "welfare", "child_welfare")
    await network.gateways["XAA"].hold.freeze(ref, "known now", "protection", "asylum_authority")
    assert 0 == await network.deliver()
    assert [("travel-document.request", "posted"), ("suspension", "dropped")] == await last_two(network, "XAA", ref)


async def test_message_without_a_stop_behind_it_stays(network: Network) -> None:
    """A stopped case from which no stop is told repeats nothing."""
    ref, *_ = await under_way(network, "XAA")
    await network.gateways["XAA"].hold.freeze(ref, "in doubt", "first", "case_officer")
    network.clock.pass_(hours=1)
    assert 0 == await network.deliver()


async def test_plan_that_got_no_answer_is_followed_by_the_stop(network: Network) -> None:
    """A State that may have heard of a departure hears that it does not take place."""
    ours, theirs = await homeward.scheduled(network)
    network.wires.cut = True
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.refresh()
    await network.deliver(1)
    network.wires.cut = False
    await network.gateways["XAA"].returning.suspend(ours, "danger", "welfare", "child_welfare")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("second", ["suspend", "freeze"])
async def test_second_stop_does_not_take_back_the_word_of_the_first(network: Network, second: str) -> None:
    """A return that two authorities stop before the first word of it has left is stopped at the other State too."""
    ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XBB"]
    await gateway.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    if second == "suspend":
        await gateway.returning.suspend(theirs, "so are we", "first", "registry_clerk")
    else:
        await gateway.hold.freeze(theirs, "so are we", "first", "registry_clerk")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_stop_waits_for_a_key_of_the_other_state(network: Network) -> None:
    """A State that no key is held of hears of the stop once there is one."""
    ours, theirs = await homeward.accepted(network)
    trust = network.gateways["XBB"].context.trust
    await trust.hold("XAA", "second", "a theft was heard of", network.clock.now())
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    assert 0 == await network.gateways["XBB"].deliverer.run_once()
    await lift(trust, "XAA", trust.held("XAA").identity, network.clock.now())  # type: ignore[union-attr]
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_case_that_is_stopped_and_closed_lets_nothing_of_the_return_leave(network: Network) -> None:
    """To close a stopped case lets go of no document that was held back, unless the stop follows it."""
    ref, other, there = await under_way(network, "XBB")
    gateway = network.gateways["XBB"]
    await gateway.returning.suspend(ref, "danger", "welfare", "child_welfare")
    await gateway.answer.close(ref, "first")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, other, there)
    assert [("travel-document.issued", "receipted"), ("suspension", "receipted")] == await last_two(network, "XBB", ref)


async def test_case_that_the_other_state_stopped_and_ours_closed_lets_nothing_of_the_return_leave(
    network: Network,
) -> None:
    """A document that was held back because the other State stopped does not leave because our desk closes the case."""
    ref, _, there = await under_way(network, "XBB")
    await network.gateways["XAA"].returning.suspend(there, "danger", "welfare", "child_welfare")
    await network.gateways["XAA"].deliverer.run_once()
    await network.gateways["XBB"].answer.close(ref, "first")
    await network.deliver()
    assert [("travel-document.issued", "posted")] == (await last_two(network, "XBB", ref))[-1:]


async def test_stop_that_is_refused_for_its_times_is_said_again(network: Network) -> None:
    """A clock that was wrong when the return was stopped does not keep the other State from hearing of it."""
    ours, theirs = await homeward.accepted(network)
    context = network.gateways["XBB"].context
    context.clock = HandClock(network.clock.now() + timedelta(minutes=10))
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver(refresh=False)
    assert "ACCEPTED" == await story.state(network, "XAA", ours)
    context.clock = network.clock
    network.clock.pass_(minutes=26)
    await network.deliver(refresh=False)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_withdrawal_that_is_refused_for_its_times_is_said_again(network: Network) -> None:
    """A withdrawal that left by a wrong clock is refused, and leaves once more at the next full hour."""
    ours, theirs = await story.acknowledged(network)
    hold, context = network.gateways["XAA"].hold, network.gateways["XAA"].context
    context.clock = HandClock(network.clock.now() + timedelta(minutes=10))
    await hold.freeze(ours, "known now", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    context.clock.instant += timedelta(minutes=50)
    network.clock.pass_(minutes=50)
    await network.deliver(refresh=False)
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)
    context.clock = network.clock
    network.clock.pass_(hours=2)
    await network.deliver(refresh=False)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_partner_that_forgot_what_was_stopped_hears_of_both(network: Network, tmp_path: Path) -> None:
    """A State that was restored to before an acceptance gets it again with the stop that follows it."""
    ours, theirs = await homeward.proposed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await homeward.accept(network, theirs)
    await network.deliver()
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver()
    await restore(network, "XAA", backup)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ("SUSPENDED", "ACCEPTED") == (case.state, case.resume_to)
