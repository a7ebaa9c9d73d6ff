"""What a restored partner is brought is brought in portions: however much there is, others wait for none of it."""

import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.core.messages import CONFIRMATION
from gateway.services.compromise import Compromise
from gateway.services.outbox import AT_ONCE
from gateway.services.ports import Committed, Tx, Unavailable, Unit
from gateway.services.resync import _UNDER_WAY, DROPPED, PORTION
from gateway.services.rows import OutboundRow
from tests.support import story
from tests.support.holds import held
from tests.support.network import Network, open_gateway
from tests.support.restoring import findings_of, next_card_of, outbox

BYTES = 8 << 10


LARGE = 256 << 10

Work = Callable[[Gateway, datetime], Awaitable[object]]
WORK: Mapping[str, tuple[str, Work]] = {
    "brought": ("receipted", lambda gateway, now: gateway.resync.partner_restored("XBB", now)),
    "dropped": ("queued", lambda gateway, now: gateway.resync.begin_epoch(now)),
    "expired": ("queued", lambda gateway, now: gateway.deliverer.expire(now + timedelta(days=367))),
    "signed": ("queued", lambda gateway, now: Compromise(gateway.context).sign_again(now)),
}
"""What changes many messages, and how they stand before."""


def of_no_case(number: int, now: datetime, state: str, size: int) -> OutboundRow:
    """Return a message of no case, such as had its answer or waits for it."""
    named, place = f"{number:022}", ("t" * 22, 1, number)
    said = ("XBB", named, named, b"e" * 32, *place, CONFIRMATION, state, "k" * 22)
    times = (now, now, now, 1, now, now.replace(year=now.year + 1), now)
    return OutboundRow(*said, b"e" * size, b"s", None, *times, "accepted", None, None)


async def said(network: Network, count: int, state: str = "receipted", size: int = BYTES) -> None:
    """Have XAA hold ``count`` messages that XBB took, or that wait."""
    now = network.clock.now()

    async def unit(tx: Tx) -> None:
        for number in range(1, count + 1):
            await tx.save_outbound(of_no_case(number, now, state, size))

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


async def test_all_that_waits_is_never_held_at_once_as_an_epoch_begins(network: Network) -> None:
    """An operator's small server would die in the middle of mending a theft."""
    count, gateway = 5 * PORTION + 1, network.gateways["XAA"]
    await said(network, count, "posted")
    tracemalloc.start()
    assert 2 == await gateway.resync.begin_epoch(network.clock.now())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < count * BYTES / 2


@pytest.mark.parametrize("name", WORK)
async def test_of_messages_with_images_a_few_are_held_at_once(network: Network, name: str) -> None:
    """A portion of them alone would be more than there is memory."""
    (state, work), count, gateway = WORK[name], 5 * AT_ONCE, network.gateways["XAA"]
    await said(network, count, state, LARGE)
    before = await kept(gateway, count)
    tracemalloc.start()
    await work(gateway, network.clock.now())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < count * LARGE / 2
    assert before == await kept(gateway, count)


async def kept(gateway: Gateway, count: int) -> list[int]:
    """Return how many bytes are kept of each message."""
    found = [
        await gateway.store.read(lambda tx, id=f"{n:022}": tx.find_outbound("XBB", id)) for n in range(1, count + 1)
    ]
    return [len(row.envelope or b"") + len(row.sealed or b"") for row in found if row is not None]


async def test_what_waits_behind_the_first_portion_does_not_leave_either(network: Network) -> None:
    """Cut off before the epoch rises, it is begun anew: what was dropped by then is told once, and so is the rest."""
    gateway = network.gateways["XAA"]
    first = await story.sent(network)
    await said(network, PORTION, "posted")
    last = await story.sent(network)
    commit = gateway.store.commit

    async def ends(unit: Unit[Any], partner: str = "") -> Committed:
        await commit(unit, partner)
        raise Unavailable("it ends", "")

    gateway.store.commit = ends  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await gateway.resync.begin_epoch(network.clock.now())
    gateway.store.commit = commit  # type: ignore[method-assign]
    assert ["dropped", "queued"] == [row.state for ref in (first, last) for row in await outbox(network, "XAA", ref)]
    assert 1 == await gateway.store.read(lambda tx: tx.epoch())
    assert 2 == await gateway.resync.begin_epoch(network.clock.now())
    assert ["dropped"] * 2 == [row.state for ref in (first, last) for row in await outbox(network, "XAA", ref)]
    assert [[DROPPED]] * 2 == [await findings_of(network, "XAA", ref) for ref in (first, last)]


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
    assert () == await gateway.resync.unfinished(network.clock.now())


async def test_who_brings_what_an_earlier_restore_lost_leaves_it_to_who_brings_it_since(network: Network) -> None:
    """A State is restored twice while two nodes bring it all, and one of them ends: none of it stays unposted."""
    gateway = network.gateways["XAA"]
    await said(network, 2 * PORTION + 1)
    beside = await open_gateway(network, "XAA")
    network.gateways["XAA"] = gateway
    next_card_of(network, "XBB", epoch=2)
    sleep, turns = network.clock.sleep, list[float]()

    async def turn(seconds: float) -> None:
        turns.append(seconds)
        if len(turns) == 2:  # the first node has posted two portions again
            next_card_of(network, "XBB", epoch=3)
            await beside.refresh_trust()
        elif len(turns) == 3:
            raise Unavailable("the second one ends after the first portion", "")

    network.clock.sleep = turn  # type: ignore[method-assign]
    await gateway.refresh_trust()
    network.clock.sleep = sleep  # type: ignore[method-assign]
    await gateway.refresh_trust()
    waiting = await gateway.store.read(lambda tx: tx.waiting_outbound("XBB"))
    attempts = Counter(row.attempts for row in waiting if row.type == CONFIRMATION)
    await beside.close()
    assert {3: 2 * PORTION, 2: 1} == attempts
    assert () == await gateway.resync.unfinished(network.clock.now())


async def test_what_a_state_on_hold_is_to_be_brought_waits_in_silence(network: Network) -> None:
    """Nobody reads each quarter of an hour that it was restored: it is brought the rest once the hold is lifted."""
    gateway = network.gateways["XAA"]
    await said(network, 1)
    await gateway.store.commit(lambda tx: tx.set_meta(f"{_UNDER_WAY}XBB", "1 "))
    lifted = await held(network, "XAA", "XBB")
    network.logs.clear()
    await gateway.refresh_trust()
    assert [] == [event for event, _ in network.logs if event.startswith("partner.")]
    await lifted()
    await gateway.refresh_trust()
    assert ["partner.restored"] == [event for event, _ in network.logs if event.startswith("partner.")]


async def test_nothing_is_posted_again_without_a_key_to_seal_it(network: Network) -> None:
    """It would be at each look, for nobody could list what is held."""
    gateway = network.gateways["XAA"]
    await said(network, 1)
    await gateway.context.trust.hold("XBB", "first", "looks odd", network.clock.now())
    with pytest.raises(Unavailable):
        await gateway.resync.partner_restored("XBB", network.clock.now())
    (row,) = await gateway.store.read(lambda tx: tx.outbound_since("XBB", network.clock.now()))
    assert "receipted" == row.state
