"""What the end of a case must not do: crash a loop, leave a guessable trace, or lose a reply."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.services.context import Forbidden
from gateway.services.ports import Unavailable
from schemas import SchemaError
from tests.support import story
from tests.support.erased import erase
from tests.support.network import Network
from tests.support.restoring import refused_for_its_times


async def test_case_erased_on_request_does_not_end_the_retention_loop(network: Network) -> None:
    """A closed case that was erased early is over; the timers pass it by."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.close(ours, "first")
    await erase(gateway, ours, network.clock.now())
    network.clock.pass_(days=900)
    assert () == await gateway.retention.run_once(network.clock.now())
    assert "ERASED" == await story.state(network, "XAA", ours)


async def test_erased_case_is_erased_once(network: Network) -> None:
    """A case erased by the timers is not erased again at every look."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.close(ours, "first")
    for days in (181, 400):
        network.clock.pass_(days=days)
        await gateway.retention.run_once(network.clock.now())
    assert () == await gateway.retention.run_once(network.clock.now())
    assert [ours] == (network.homes["XAA"] / "erased.txt").read_text().split()


async def test_erasure_leaves_nothing_to_guess_a_name_by(network: Network) -> None:
    """After erasure neither the digest of a body nor the free text of a justification is left."""
    ours, _ = await story.received(network)
    gateway = network.gateways["XAA"]
    await erase(gateway, ours, network.clock.now())
    events = await gateway.store.read(lambda tx: tx.events(ours))
    looks = await gateway.store.read(lambda tx: tx.accesses(ours))
    assert {None} == {event.digest for event in events}
    assert {"erased"} == {look.justification for look in looks}


@pytest.mark.parametrize("posted", [False, True])
async def test_erased_open_case_stands_on_no_board(network: Network, posted: bool) -> None:
    """An open case erased on request is no open case any more, and nothing of it waits to be sent, or for an answer."""
    ours = await story.sent(network)
    if posted:
        network.wires.lose_answers = True
        await network.deliver(1)
    gateway = network.gateways["XAA"]
    await erase(gateway, ours, network.clock.now())
    assert [] == list(await gateway.inquiries.board(limit=10))
    assert ["dropped"] == [row.state for row in await gateway.store.read(lambda tx: tx.outbound_of_case(ours))]


async def test_nothing_is_awaited_in_an_erased_case(network: Network) -> None:
    """Neither a step nor a day of it stays, by which it could be told from others."""
    ours, _ = await story.received(network)
    assert (await story.row(network, "XAA", ours)).due_at is not None
    await erase(network.gateways["XAA"], ours, network.clock.now())
    row = await story.row(network, "XAA", ours)
    assert (None, None, None) == (row.step, row.due_on, row.due_at)


async def test_journal_that_could_not_be_cut_is_cut_later(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure while somebody reads leaves the journal for the next look, and does not forget it."""
    ours, _ = await story.received(network)
    gateway, cut = network.gateways["XAA"], []

    async def busy() -> None:
        raise Unavailable("another process reads the store")

    async def free() -> None:
        cut.append(True)

    monkeypatch.setattr(gateway.store, "truncate", busy)
    await erase(gateway, ours, network.clock.now())
    assert "store.unavailable" in [event for event, _ in network.logs]
    monkeypatch.setattr(gateway.store, "truncate", free)
    await gateway.retention.run_once(network.clock.now())
    await gateway.retention.run_once(network.clock.now())
    assert [True] == cut


async def test_refused_reply_can_be_given_again(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that the asking State refused is no reply: the desk that is asked answers again."""
    ours, theirs = await story.acknowledged(network)
    card = network.gateways["XAA"].context.trust._cards["XBB"]
    missing: Any = replace(card, roles=())
    network.gateways["XAA"].context.trust._cards["XBB"] = missing
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)
    network.gateways["XAA"].context.trust._cards["XBB"] = card
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_a_second_look_is_asked_for_on_a_ground_that_there_is(network: Network) -> None:
    """The other State would refuse any other, and the one second look would be spent on it (V-06)."""
    ours, _ = await story.replied(network)
    with pytest.raises(SchemaError):
        await network.gateways["XAA"].clear.contest(ours, "NO_SUCH_GROUND", "first")
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_refused_second_reply_is_still_owed_to_who_contested_the_first(network: Network) -> None:
    """The case goes back to where the second look was asked for, not to where the first reply was."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].clear.contest(ours, "REGISTER_INCOMPLETE", "first")
    await network.deliver()
    await refused_for_its_times(network, story.give_answer(network, theirs, story.reply()))
    assert "CONTESTED" == await story.state(network, "XBB", theirs)


async def test_reply_is_taken_after_a_reminder_was_undelivered(network: Network) -> None:
    """A message of ours that expired ends what we may send; the reply we wait for still arrives."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    network.clock.pass_(days=20)
    await network.refresh()
    network.wires.cut = True
    assert (ours,) == (await gateway.reminder.run_once(network.clock.now())).refs
    await gateway.deliverer.run_once()
    network.clock.pass_(days=30, minutes=10)
    await gateway.deliverer.expire(network.clock.now())
    network.wires.cut = False
    await network.refresh()
    assert "UNDELIVERED" == await story.state(network, "XAA", ours)
    await story.give_answer(network, theirs, story.reply(as_of="2026-12-01"))
    await network.deliver()
    assert "NATIONAL" == (await story.case(network, "XAA", ours)).reply["outcome"]


async def test_one_partner_without_a_key_stops_no_other_reminder(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case that cannot be reminded of now is passed over; the look at the deadlines goes on."""
    await story.acknowledged(network)
    network.clock.pass_(days=20)
    network.gateways["XAA"].context.trust._holds["XBB"] = "another identity"
    done = await network.gateways["XAA"].reminder.run_once(network.clock.now())
    assert (1, ()) == (done.overdue, done.refs)


async def test_freeze_by_an_officer_attests_nothing(network: Network) -> None:
    """Nobody but the asylum authority can replace a protection state by an attested none."""
    ours, _ = await story.acknowledged(network)
    none = {"state": "none", "attested_by": "first", "attested_on": "2026-11-25", "basis": "said so"}
    with pytest.raises(Forbidden):
        await network.gateways["XAA"].hold.freeze(ours, "x", "first", "case_officer", none)


async def test_desk_without_names_is_shown_none(network: Network) -> None:
    """A foreign-affairs desk, which must learn no identity, cannot call up a preview."""
    ours, _ = await story.acknowledged(network)
    with pytest.raises(Forbidden):
        await network.gateways["XAA"].clear.show(ours, "board", "foreign_affairs")


async def test_closing_is_no_way_to_another_step(network: Network) -> None:
    """The event of ``close`` is one of two; no other row of the table is reached through it."""
    ours, _ = await story.replied(network)
    with pytest.raises(ValueError, match="closed or discarded"):
        await network.gateways["XAA"].clear.close(ours, "first", event="suspend")


async def test_case_that_cannot_be_read_stops_no_loop(network: Network) -> None:
    """One damaged case is logged by expiry, reminders and retention, and ends none of them."""
    ours = await story.sent(network)
    gateway = network.gateways["XAA"]

    async def damage(tx: Any) -> None:
        row = await tx.find_case(ours)
        state = {"state": "CLOSED", "closed_at": network.clock.now(), "sealed": b"x" * 80, "version": row.version + 1}
        await tx.save_case(row._replace(**state))

    await gateway.store.commit(damage)
    network.clock.pass_(days=200)
    assert 1 == await gateway.deliverer.expire(network.clock.now())
    assert () == await gateway.retention.run_once(network.clock.now())
    assert "case.not_moved" in [event for event, _ in network.logs]
