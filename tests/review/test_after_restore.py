"""A partner's restore must bring back withdrawals, undo nothing, and survive a crash; cards must not end a loop."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.services.ports import Unavailable
from tests.support import story
from tests.support.holds import lift
from tests.support.network import Network, open_gateway
from tests.support.restoring import back_up, next_card_of, restore


async def test_withdrawal_comes_back_to_a_restored_partner(network: Network, tmp_path: Path) -> None:
    """A partner that forgot a withdrawal in its restore is told of it again; nothing else of the case is posted."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "protection", "asylum_authority")
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    await network.deliver()
    await restore(network, "XBB", backup)
    before = len(network.wires.posted)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    to_partner = [path for country, path, _ in network.wires.posted[before:] if country == "XBB"]
    assert 2 == len(to_partner)  # the withdrawal and the listing


async def test_closed_after_a_withdrawal_is_not_posted_again(network: Network, tmp_path: Path) -> None:
    """What the other State withdrew stays unsaid once it is closed, whatever that State forgot in its restore."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "protection", "asylum_authority")
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    await network.deliver()
    await network.gateways["XBB"].answer.close(theirs, "first")
    assert "CLOSED" == await story.state(network, "XBB", theirs)
    await restore(network, "XAA", backup)
    before = len(network.wires.posted)
    await network.deliver()
    to_partner = [path for country, path, _ in network.wires.posted[before:] if country == "XAA"]
    assert 1 == len(to_partner)  # the listing, and not the acknowledgement


async def test_message_posted_again_is_settled_by_the_answer_of_the_old_log(network: Network, tmp_path: Path) -> None:
    """What a restored partner still knows gets its stored answer, whose proof is of its log before the restore."""
    ours, _ = await story.received(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await restore(network, "XBB", backup)
    await network.deliver()
    rows = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_of_case(ours))
    assert ["receipted"] == [row.state for row in rows]
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_receipt_stands_when_posting_again_fails(network: Network, tmp_path: Path) -> None:
    """A message that was receipted stays so if the partner's restore is followed by silence until it expires."""
    ours, _ = await story.acknowledged(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await restore(network, "XBB", backup)
    network.clock.pass_(days=31)
    await network.gateways["XAA"].deliverer.expire(network.clock.now())
    rows = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_of_case(ours))
    assert [("receipted", True)] == [(row.state, row.answer is not None) for row in rows]
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)


async def test_crash_between_card_and_resync_forgets_nothing(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that dies after it took the card of a new epoch brings back what was lost when it is up again."""
    await story.received(network)
    gateway = network.gateways["XAA"]
    network.clock.pass_(hours=1)
    next_card_of(network, "XBB", epoch=2)
    assert ("XBB",) == await gateway.context.trust.run_once(network.clock.now())
    await gateway.close()
    gateway = await open_gateway(network, "XAA")
    assert ("XBB",) == await gateway.context.trust.run_once(network.clock.now())
    await gateway.refresh_trust()
    assert () == await gateway.context.trust.run_once(network.clock.now())


async def test_unreadable_cards_of_one_state_stop_no_other(network: Network) -> None:
    """Cards that cannot be read leave the loop running and are told in the log."""
    gateway = network.gateways["XAA"]

    class Broken:
        async def refresh(self) -> None:
            pass

        def policy(self, name: str) -> bytes | None:
            return None

        def version(self) -> None:
            pass

        async def cards(self, country: str) -> list[bytes]:
            raise Unavailable("the card directory cannot be read")

    gateway.context.trust._source = Broken()
    await gateway.refresh_trust()
    assert "trust.unread" in [event for event, _ in network.logs]


async def test_hold_lifted_by_another_process_stays_lifted(network: Network) -> None:
    """A hold that an officer lifted at the command line is not put back by the server's next refresh."""
    server = network.gateways["XAA"]
    held = server.context.trust.card("XBB")
    await server.context.trust.hold("XBB", "second", "another identity", network.clock.now())
    other = await open_gateway(network, "XAA")
    await lift(other.context.trust, "XBB", held.identity, network.clock.now())
    await server.refresh_trust()
    assert {} == dict(server.context.trust.holds())
    await server.close()


async def test_repeated_listing_adds_one_finding(network: Network, tmp_path: Path) -> None:
    """A partner that lists the same lost message again does not make the case grow."""
    _, theirs = await story.received(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await restore(network, "XBB", backup)
    for _ in range(2):
        await network.gateways["XAA"].resync.partner_restored("XBB", network.clock.now())
        await network.deliver()
        network.clock.pass_(seconds=timedelta(minutes=5).total_seconds())
    assert 1 == len((await story.case(network, "XBB", theirs)).findings)


@pytest.mark.parametrize("first", ["listing", "withdrawal"])
async def test_request_that_left_after_the_backup_is_withdrawn(network: Network, tmp_path: Path, first: str) -> None:
    """It was dropped at the restore; the partner lists it, and so the withdrawal reaches the partner after all."""
    ours = await story.sent(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.deliver()
    theirs = await story.twin(network, ours)
    await restore(network, "XAA", backup)

    async def withdrawn() -> None:
        hold = network.gateways["XAA"].hold
        await hold.freeze(ours, "asks for protection", "protection", "asylum_authority")
        await hold.withdraw(ours, "protection", "asylum_authority")

    if first == "withdrawal":
        await withdrawn()
        assert "RECEIVED" == await story.state(network, "XBB", theirs)
    await network.deliver()
    if first == "listing":
        await withdrawn()
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_request_that_waited_in_the_backup_does_not_leave(network: Network, tmp_path: Path) -> None:
    """A restore forgets a freeze; so what the backup had not posted is dropped, and a person decides."""
    ours = await story.sent(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "asks for protection", "protection", "asylum_authority")
    await hold.withdraw(ours, "protection", "asylum_authority")
    await restore(network, "XAA", backup)
    network.clock.pass_(hours=2)
    await network.deliver()
    assert [] == [path for country, path, body in network.wires.posted if country == "XBB"]
    assert "dropped at the restore" in (await story.case(network, "XAA", ours)).findings[0]
