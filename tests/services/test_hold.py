"""The asylum stop and freezing: nothing leaves but one neutral withdrawal."""

from datetime import timedelta

import pytest

from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.context import Forbidden
from tests.support import story
from tests.support.network import Network

STATES = ["unknown", "indicated", "requested", "pending", "granted", "refused", "withdrawn"]


@pytest.mark.parametrize("name", STATES)
async def test_no_state_but_none_can_be_approved(network: Network, name: str) -> None:
    """Every protection state but an attested none stops the approval (R-01)."""
    protection = {"state": name, "attested_by": None, "attested_on": None, "basis": None}
    with pytest.raises(RuleRefused, match="R-01"):
        await story.cleared(network, asylum=protection)


async def test_unattested_none_does_not_pass(network: Network) -> None:
    """The word none without who, when and why is no attestation."""
    protection = {"state": "none", "attested_by": None, "attested_on": None, "basis": None}
    with pytest.raises(RuleRefused, match="R-01"):
        await story.cleared(network, asylum=protection)


async def test_freeze_before_posting_sends_nothing(network: Network) -> None:
    """A case frozen and withdrawn before anything was posted sends nothing at all."""
    ref = await story.sent(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "she said she is afraid", "protection", "asylum_authority")
    await hold.withdraw(ref, "protection", "asylum_authority")
    network.clock.pass_(days=2)
    assert (0, []) == (await network.deliver(), network.wires.posted)


async def test_freeze_after_posting_sends_one_withdrawal(network: Network) -> None:
    """After something was posted, exactly one withdrawal leaves, at the next full hour (M-5.25)."""
    ours, theirs = await story.acknowledged(network)
    count = len(network.wires.posted)
    hold = network.gateways["XAA"].hold
    network.clock.pass_(minutes=17)
    await hold.freeze(ours, "indication", "welfare", "child_welfare")
    await hold.withdraw(ours, "welfare", "child_welfare")
    assert 0 == await network.deliver()
    network.clock.pass_(minutes=43)
    assert 1 == await network.deliver()
    assert (count + 1, "WITHDRAWN") == (len(network.wires.posted), await story.state(network, "XBB", theirs))


async def test_nothing_is_retried_while_frozen(network: Network) -> None:
    """A message posted without a receipt is not posted again once the case is frozen, and its number is closed."""
    network.wires.lose_answers = True
    ours = await story.sent(network)
    await network.gateways["XAA"].deliverer.run_once()
    network.wires.lose_answers = False
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "indication", "protection", "asylum_authority")
    network.clock.pass_(days=1)
    assert 0 == await network.deliver()
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    assert 1 == await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", await story.twin(network, ours))


async def test_withdrawal_of_a_request_that_never_came(network: Network) -> None:
    """A withdrawal whose request was lost on the way is accepted, and keeps only ids."""
    network.wires.cut = True
    ours = await story.sent(network)
    await network.gateways["XAA"].deliverer.run_once()
    network.wires.cut = False
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "indication", "protection", "asylum_authority")
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    await network.deliver()
    assert 200 == network.wires.answers[-1].status
    assert "None" == await story.twin(network, ours)


async def test_frozen_case_sends_no_reminder(network: Network) -> None:
    """A frozen case is neither overdue nor reminded of."""
    ours, _ = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "indication", "protection", "asylum_authority")
    network.clock.pass_(days=40)
    assert 0 == (await network.gateways["XAA"].reminder.run_once(network.clock.now())).overdue


async def test_reply_that_crosses_a_freeze_is_kept(network: Network) -> None:
    """A reply that arrives while frozen is accepted, and the case resumes as replied."""
    ours, theirs = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "protection", "asylum_authority")
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    assert "FROZEN" == await story.state(network, "XAA", ours)
    await hold.release(ours, "protection", "asylum_authority")
    await hold.resume(ours, "first", "case_officer")
    await hold.resume(ours, "second", "liaison_officer")
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_only_the_freezer_lets_go(network: Network) -> None:
    """A case frozen by one authority is not released by another."""
    ours, _ = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "protection", "asylum_authority")
    with pytest.raises(RuleRefused, match="V-07"):
        await hold.release(ours, "welfare", "child_welfare")


async def test_resume_needs_the_attested_none_again(network: Network) -> None:
    """A case frozen because protection was asked for cannot resume while that stands (R-01)."""
    ours, _ = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    asked = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}
    await hold.freeze(ours, "application", "protection", "asylum_authority", asked)
    await hold.release(ours, "protection", "asylum_authority")
    await hold.resume(ours, "first", "case_officer")
    with pytest.raises(RuleRefused, match="R-01"):
        await hold.resume(ours, "second", "liaison_officer")


async def test_officer_cannot_freeze_in_a_role_not_held(network: Network) -> None:
    """Acting in a role the person does not hold is refused."""
    ours, _ = await story.acknowledged(network)
    with pytest.raises(Forbidden):
        await network.gateways["XAA"].hold.freeze(ours, "x", "first", "court")


async def test_withdrawn_case_takes_no_more_from_us(network: Network) -> None:
    """After a withdrawal neither send nor remind nor contest is a step."""
    ours, _ = await story.replied(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "duplicate", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first")


async def test_two_reasons_look_alike_on_the_wire(network: Network) -> None:
    """Withdrawals for different reasons are the same messages at the same hour, but for ids (M-5.26)."""
    seen = []
    for reason, person, role in (
        ("twice", "first", "case_officer"),
        ("asks for protection", "protection", "asylum_authority"),
    ):
        ours, _ = await story.acknowledged(network)
        before = len(network.wires.posted)
        await network.gateways["XAA"].hold.freeze(ours, reason, person, role)
        await network.gateways["XAA"].hold.withdraw(ours, person, role)
        network.clock.instant = network.clock.instant.replace(minute=0) + timedelta(hours=1)
        await network.deliver()
        seen.append([(country, path, len(body)) for country, path, body in network.wires.posted[before:]])
    assert seen[0] == seen[1]
    assert 1 == len(seen[0])
