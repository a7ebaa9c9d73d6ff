"""What somebody writes into the database who can write there and holds no key: it stops its own case at worst."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.core.machine import RuleRefused
from gateway.core.messages import SUSPENSION
from gateway.services import cases, outbox, threads
from gateway.services.escalate import Escalation
from gateway.services.ports import Unavailable
from gateway.storage.errors import StoreError
from keys.errors import BadRest
from tests.support import homeward, story
from tests.support.network import Network, make_network, open_gateway
from tests.support.restoring import outbox as outbox_of


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Network]:
    """XAA, XBB and XCC."""
    network = await make_network(tmp_path, ("XAA", "XBB", "XCC"))
    yield network
    await network.close()


def write(network: Network, country: str, statement: str, *values: Any) -> None:
    """Write to the database of ``country``, past its gateway; something has to be there to be changed."""
    with closing(sqlite3.connect(network.homes[country] / "data/gateway.db")) as db, db:
        assert db.execute(statement, values).rowcount > 0


async def test_a_case_that_is_written_over_to_another_state_is_in_no_note_to_that(three: Network) -> None:
    """The ministry of another State is pressed for no case that it has nothing to do with."""
    ours, _ = await story.acknowledged(three)
    three.clock.pass_(days=110)
    await three.refresh()
    write(three, "XAA", "UPDATE case_file SET partner = 'XCC' WHERE ref = ?", ours)
    with pytest.raises(RuleRefused):
        await Escalation(three.gateways["XAA"].context).note("XCC", "board", "foreign_affairs")


@pytest.mark.parametrize(
    ("column", "value"),
    [("side", "requested"), ("partner", "XCC"), ("thread", "A" * 22), ("state", "DRAFT"), ("state", "no state")],
)
async def test_no_case_is_taken_for_what_its_row_says(three: Network, column: str, value: str) -> None:
    """What stands in clear is what is sealed, or the case is not read, which is logged; every other one goes on."""
    ours, other = await story.sent(three), await story.sent(three)
    write(three, "XAA", f"UPDATE case_file SET {column} = ? WHERE ref = ?", value, ours)  # noqa: S608  # of the table above
    context, row = three.gateways["XAA"].context, await story.row(three, "XAA", ours)
    assert cases.readable(context, row) is None
    assert ("case.unreadable", {"ref": ours, "error": "Otherwise"}) == three.logs[-1]
    await three.deliver()
    assert (1, "DELIVERED") == (len(three.wires.posted), await story.state(three, "XAA", other))


async def test_no_case_is_erased_that_is_over_by_its_row_alone(network: Network) -> None:
    """What is erased is on a list beside the database, and no backup brings it back."""
    ours = await story.sent(network)
    write(network, "XAA", "UPDATE case_file SET state = 'CLOSED', closed_at = 0, changed_at = 0 WHERE ref = ?", ours)
    assert () == await network.gateways["XAA"].retention.run_once(network.clock.now())
    assert (await story.row(network, "XAA", ours)).sealed is not None


@pytest.mark.parametrize("to", ["XBB", "XCC"])
async def test_a_message_moves_no_case_of_another_thread(three: Network, to: str) -> None:
    """An answer is entered for nobody but whom it is about: its State posts it again until its own case takes it."""
    ours, theirs = await story.received(three)
    other = await story.sent(three, to=to)
    await three.deliver()
    statement = "UPDATE thread SET ref = ? WHERE ref = ?"
    write(three, "XAA", statement, other, ours)
    await three.gateways["XBB"].answer.acknowledge(theirs, "first")
    await three.deliver()
    assert ["DELIVERED"] * 2 == [await story.state(three, "XAA", ref) for ref in (ours, other)]
    with closing(sqlite3.connect(three.homes["XAA"] / "data/gateway.db")) as db, db:
        thread = (await story.row(three, "XAA", ours)).thread
        db.execute("UPDATE thread SET ref = ? WHERE thread = ?", (ours, thread))
    three.clock.pass_(hours=2)
    await three.deliver()
    assert ["ACKNOWLEDGED", "DELIVERED"] == [await story.state(three, "XAA", ref) for ref in (ours, other)]


ANOTHER = {
    "type": "resumption",
    "thread": "A" * 22,
    "epoch": 2,
    "seq": 9,
    "digest": "A" * 43,
    "partner": "XCC",
}
"""What the row of word of a stop may be made to say."""


async def test_no_message_is_said_once_more_as_what_it_was_not(network: Network) -> None:
    """What is signed or sealed anew is what was signed before: no word of a stop is made word that a return goes on."""
    _, theirs = await homeward.accepted(network)
    gateway = network.gateways["XBB"]
    await gateway.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    context, row = gateway.context, (await outbox_of(network, "XBB", theirs))[-1]
    held = cases.unseal(context, await story.row(network, "XBB", theirs))
    assert SUSPENSION == threads.again(context, held, row).type
    for column, value in ANOTHER.items():
        bad = row._replace(**{column: value})
        for take in (partial(threads.again, context, held), lambda one: outbox.kept(context, one, held.row)):
            with pytest.raises(BadRest, match="another one"):
                take(bad)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("case_file", "side", "no side"),
        ("case_file", "due_on", "no day"),
        ("case_file", "due_at", 2**62),
        ("case_file", "changed_at", 2**62),
        ("outbound", "queued_at", 2**62),
        ("outbound", "not_before", -1),
        ("outbound", "expires_at", 2**62),
    ],
)
async def test_no_row_of_one_case_ends_what_goes_through_all(
    network: Network, table: str, column: str, value: object
) -> None:
    """A process that ended of it would end again at each start; any other case is delivered, and counted as overdue."""
    spoiled, ours = (await story.received(network))[0], await story.sent(network)
    gateway = network.gateways["XAA"]
    await gateway.notices.ask_use(spoiled, "first", "case_officer")
    write(network, "XAA", f"UPDATE {table} SET {column} = ? WHERE ref = ?", value, spoiled)  # noqa: S608  # of the table above
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)
    network.clock.pass_(days=110)
    await network.refresh()
    for look in (gateway.retention.run_once, gateway.returning.run_once, gateway.deliverer.expire):
        await look(network.clock.now())
    assert 0 < (await gateway.reminder.run_once(network.clock.now())).overdue


async def test_no_row_of_one_state_ends_what_goes_to_all(three: Network) -> None:
    """Failures that nobody counted are none."""
    write(three, "XAA", "UPDATE partner SET failures = -1, open_until = ? WHERE country = 'XBB'", -(2**62))
    refs = [await story.sent(three, to=to) for to in ("XBB", "XCC")]
    await three.deliver()
    assert ["DELIVERED"] * 2 == [await story.state(three, "XAA", ref) for ref in refs]


async def test_the_end_of_a_log_that_is_none_is_told(three: Network) -> None:
    """Who starts over it learns of which State the log is, and what to do; nothing of the other State waits for it."""
    write(three, "XAA", "UPDATE log_head SET size = 2 WHERE partner = 'XBB'")
    ours = await story.sent(three, to="XCC")
    await three.deliver()
    assert "DELIVERED" == await story.state(three, "XAA", ours)
    await three.gateways["XAA"].close()
    with pytest.raises(Unavailable, match="our log about XBB is damaged") as caught:
        await open_gateway(three, "XAA")
    assert "restore the last backup" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("epoch", "none"), ("gone-back", "none"), ("restored_at", "none"), ("restored_at", "2026-11-25T09:00:00")],
)
async def test_what_the_whole_gateway_goes_by_is_looked_at_as_it_starts(
    network: Network, name: str, value: str
) -> None:
    """Who starts it learns which value is none, and what to do, where each process ended of it later on."""
    await network.gateways["XAA"].store.commit(lambda tx: tx.set_meta(name, value))
    await network.gateways["XAA"].close()
    with pytest.raises(StoreError, match=name) as caught:
        await open_gateway(network, "XAA")
    assert "restore the last backup" in caught.value.hint
