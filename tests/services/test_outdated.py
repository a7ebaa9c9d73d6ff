"""A process that numbers in another epoch than its store writes nothing, sends nothing, and asks to be ended."""

from datetime import timedelta

import pytest

from gateway.services import outbox
from gateway.services.ports import Outdated, Tx
from gateway.services.rows import ThreadRow
from tests.support import story
from tests.support.network import Network, open_gateway
from tests.support.restoring import next_card_of


async def test_a_process_of_the_old_epoch_gives_no_number(network: Network) -> None:
    """What its people do is refused and stands nowhere; the process that began the epoch goes on."""
    _, theirs = await story.received(network)
    old = network.gateways["XBB"]
    new = await open_gateway(network, "XBB")
    ended: list[None] = []
    old.context.on_outdated = lambda: ended.append(None)
    await old.context.look()
    epoch = await new.resync.begin_epoch(network.clock.now())
    next_card_of(network, "XBB", epoch=epoch)
    for one in (old, *network.gateways.values()):
        await one.refresh_trust()
    assert (False, True) == (old.context.announced, new.context.announced)
    with pytest.raises(Outdated):
        await old.answer.acknowledge(theirs, "first")
    with pytest.raises(Outdated):
        await old.context.look()
    assert [None, None] == ended
    assert ["process.outdated"] * 2 == [event for event, _ in network.logs if event == "process.outdated"]
    await new.answer.acknowledge(theirs, "first")
    await network.deliver()
    assert [(2, 1, "receipted")] == [(row.epoch, row.seq, row.state) for row in await said(network, theirs)]
    await old.close()


async def test_the_log_says_why_a_process_ends_for_what_its_desks_keep(network: Network) -> None:
    """Whose schema is looked at as it is written, in no unit of the store; and nothing is said twice of one failure."""
    context, ended = network.gateways["XBB"].context, list[None]()
    context.on_outdated = lambda: ended.append(None)
    error = Outdated("a newer version wrote it", "install that version")
    for _ in range(2):
        context.unavailable(error)
    said_why = [values for event, values in network.logs if event == "process.outdated"]
    assert [(str(error), error.hint)] == [(values["error"], values["hint"]) for values in said_why]
    assert [None] == ended


async def said(network: Network, ref: str) -> list[outbox.OutboundRow]:
    """Return what XBB said in a case."""
    return list(await network.gateways["XBB"].store.read(lambda tx: tx.outbound_of_case(ref)))


async def test_a_store_that_was_put_back_under_a_process_is_not_gone_on_with(network: Network) -> None:
    """Where the store is in an earlier epoch than it was, the numbers of the process would be given again."""
    _, theirs = await story.received(network)
    await network.gateways["XBB"].resync.begin_epoch(network.clock.now())
    await network.gateways["XBB"].close()
    gateway = await open_gateway(network, "XBB")
    await gateway.store.commit(lambda tx: tx.set_meta("epoch", "1"))
    with pytest.raises(Outdated):
        await gateway.answer.acknowledge(theirs, "first")


async def test_a_thread_of_a_later_epoch_is_not_gone_on_with(network: Network) -> None:
    """A thread that has numbers of a later epoch gets none of an earlier one."""
    gateway, now = network.gateways["XBB"], network.clock.now()
    thread = ThreadRow("XAA", "thread", None, 1, 0, None, 2, 4, None, None)
    letter = outbox.Letter(partner="XAA", type="delay", body=b"{}", issued_at=now, expires_at=now + timedelta(days=1))

    async def unit(tx: Tx) -> None:
        await outbox.put(gateway.context, tx, letter, now, thread)

    with pytest.raises(Outdated):
        await gateway.context.commit(unit)
