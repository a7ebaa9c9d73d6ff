"""What a restored partner is brought is brought in portions: however much there is, others wait for none of it."""

import tracemalloc
from datetime import datetime

import pytest

from gateway.core.messages import CONFIRMATION
from gateway.services.ports import Tx, Unavailable
from gateway.services.resync import PORTION
from gateway.services.rows import OutboundRow
from tests.support.network import Network
from tests.support.restoring import next_card_of

BYTES = 8 << 10


def of_no_case(number: int, now: datetime) -> OutboundRow:
    """Return a message of no case that had its answer."""
    named, place = f"{number:022}", ("t" * 22, 1, number)
    said = ("XBB", named, named, b"e" * 32, *place, CONFIRMATION, "receipted", "k" * 22)
    times = (now, now, now, 1, now, now.replace(year=now.year + 1), now)
    return OutboundRow(*said, b"e" * BYTES, b"s", None, *times, "accepted", None, None)


async def said(network: Network, count: int) -> None:
    """Have XAA hold ``count`` messages that XBB took."""
    now = network.clock.now()

    async def unit(tx: Tx) -> None:
        for number in range(1, count + 1):
            await tx.save_outbound(of_no_case(number, now))

    await network.gateways["XAA"].store.commit(unit)


async def test_all_of_it_is_posted_again_and_never_held_at_once(network: Network) -> None:
    """A month of messages to a State is more than there is memory."""
    count = 5 * PORTION + 1
    await said(network, count)
    tracemalloc.start()
    posted = await network.gateways["XAA"].resync.partner_restored("XBB", network.clock.now())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == posted
    assert peak < count * BYTES / 2


async def test_what_was_cut_off_is_gone_on_with(network: Network) -> None:
    """A process that ended meanwhile has the rest posted again once it reads cards again."""
    gateway = network.gateways["XAA"]
    await said(network, PORTION + 1)
    network.clock.pass_(minutes=1)
    next_card_of(network, "XBB", epoch=2)
    sleep, turned = network.clock.sleep, []

    async def ends(_: float) -> None:
        turned.append(await gateway.store.read(lambda tx: tx.find_partner("XBB")))
        raise Unavailable("it ends", "")

    network.clock.sleep = ends  # type: ignore[method-assign]
    await gateway.refresh_trust()
    network.clock.sleep = sleep  # type: ignore[method-assign]
    assert [2] == [partner.epoch for partner in turned]
    waiting = await gateway.store.read(lambda tx: tx.waiting_outbound("XBB"))
    assert PORTION == len(waiting)
    await gateway.refresh_trust()
    waiting = await gateway.store.read(lambda tx: tx.waiting_outbound("XBB"))
    assert [2] * (PORTION + 1) == [row.attempts for row in waiting if row.type == CONFIRMATION]
    assert () == await gateway.resync.unfinished()


async def test_nothing_is_posted_again_without_a_key_to_seal_it(network: Network) -> None:
    """It would be at each look, for nobody could list what is held."""
    gateway = network.gateways["XAA"]
    await said(network, 1)
    await gateway.context.trust.hold("XBB", "first", "looks odd", network.clock.now())
    with pytest.raises(Unavailable):
        await gateway.resync.partner_restored("XBB", network.clock.now())
    (row,) = await gateway.store.read(lambda tx: tx.outbound_since("XBB", network.clock.now()))
    assert "receipted" == row.state
