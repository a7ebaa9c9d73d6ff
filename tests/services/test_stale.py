"""What happens when the directory of cards cannot be read for a long time (docs/protocol.md 8.3)."""

import pytest

from gateway.core.machine import RuleRefused
from gateway.services.deliver import Line
from tests.support import story
from tests.support.network import Network


async def test_nothing_is_sent_on_cards_a_week_old(network: Network) -> None:
    """After 7 days without reading the cards nothing is sent; the case stays cleared."""
    ref = await story.cleared(network)
    network.clock.pass_(days=7, minutes=1)
    with pytest.raises(RuleRefused, match="N-02"):
        await network.gateways["XAA"].clear.send(ref, "first")


async def test_nothing_is_sent_on_cards_that_a_clock_read_in_a_month(network: Network) -> None:
    """Cards that were last read by a clock that was a month ahead are not fresh for a month and a week."""
    ref = await story.cleared(network)
    network.clock.pass_(days=30)
    await network.gateways["XAA"].refresh_trust()
    network.clock.pass_(days=-30)
    with pytest.raises(RuleRefused, match="N-02"):
        await network.gateways["XAA"].clear.send(ref, "first")
    await network.gateways["XAA"].refresh_trust()
    await network.gateways["XAA"].clear.send(ref, "first")
    assert "SENT" == await story.state(network, "XAA", ref)


async def test_nothing_is_taken_in_on_cards_two_weeks_old(network: Network) -> None:
    """After 14 days what arrives is answered `later`, so that its sender keeps it; then it is taken."""
    await story.sent(network)
    network.clock.pass_(days=14, minutes=1)
    await network.gateways["XAA"].refresh_trust()
    await network.deliver(1, refresh=False)
    assert 503 == network.wires.answers[-1].status
    network.clock.pass_(hours=1)
    await network.deliver()
    assert 200 == network.wires.answers[-1].status


async def test_nothing_is_sent_before_a_new_epoch_is_published(network: Network) -> None:
    """A gateway that raised its epoch sends nothing until its own card says so (M-5.27)."""
    await story.sent(network)
    network.gateways["XAA"].context.epoch += 1
    assert 0 == await network.deliver()


async def test_a_key_outside_its_window_opens_nothing(network: Network) -> None:
    """What is sealed to a key whose window is over is answered `unknown-key`, destroyed or not (M-8.4)."""
    await story.sent(network)
    network.clock.pass_(hours=1)
    await network.refresh()
    claimed = await network.gateways["XAA"].deliverer.claim("XBB", Line(1))
    network.clock.pass_(days=46)
    await network.refresh()
    reply = await network.gateways["XBB"].receiver.receive(claimed[0].envelope)
    assert 410 == reply.status


async def test_what_outlives_its_conditions_is_erased(network: Network) -> None:
    """The asked State erases a closed case on the day its sender set, before its own timers (R-05)."""
    _, theirs = await story.replied(network)
    gateway = network.gateways["XBB"]
    await gateway.answer.close(theirs, "first")
    network.clock.pass_(days=170)
    assert (theirs,) == await gateway.retention.run_once(network.clock.now())


async def test_what_was_withdrawn_is_closed_at_once(network: Network) -> None:
    """The asked State closes a withdrawn case in the next round of retention."""
    ours, theirs = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "protection", "asylum_authority")
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    await network.deliver()
    network.clock.pass_(hours=1)
    await network.gateways["XBB"].retention.run_once(network.clock.now())
    assert "CLOSED" == await story.state(network, "XBB", theirs)
