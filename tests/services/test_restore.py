"""Restore by epoch, collecting, erasure and retention, through real gateways."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway import home
from gateway.services.audit import audit
from gateway.services.context import NotFound
from gateway.transport.card_directory import write_card
from keys import b64, card
from keys.custody import open_store
from keys.sign import SigningKey
from tests.support import story
from tests.support.network import Network, make_network, open_gateway


def next_card_of(network: Network, country: str, **changes: object) -> None:
    """Issue and publish the next card of ``country`` to everyone, as its operator would from the offline key."""
    path = network.homes[country]
    identity = open_store(f"file:{path / home.IDENTITY_FILE}", passphrase=lambda: "correct horse", environ={})
    held = next(iter(network.gateways[c] for c in network.gateways if c != country)).context.trust.card(country)
    issued = home.next_card(held, changes, SigningKey(identity.get(home.IDENTITY)), network.clock.now())
    for other in network.homes.values():
        write_card(other / "cards", issued)


async def restore(network: Network, country: str, backup: Path) -> None:
    """Put the database of ``backup`` back, raise the epoch, and publish the card that says so."""
    await network.gateways[country].close()
    data = network.homes[country] / "data"
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    gateway = await open_gateway(network, country)
    epoch = await gateway.resync.begin_epoch(network.clock.now())
    next_card_of(network, country, epoch=epoch)
    for each in network.gateways.values():
        await each.refresh_trust()


def back_up(network: Network, country: str, to: Path) -> Path:
    """Copy a gateway's data as a backup taken between two transactions."""
    shutil.copytree(network.homes[country] / "data", to)
    return to


async def test_partner_brings_back_what_a_restore_lost(network: Network, tmp_path: Path) -> None:
    """A request accepted after the backup is posted again and accepted once more, as one case."""
    before, _ = await story.received(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    lost, _ = await story.received(network)
    network.clock.pass_(hours=1)
    await restore(network, "XBB", backup)
    await network.deliver()
    cases = await network.gateways["XBB"].inquiries.board(limit=10)
    assert 2 == len(cases)
    assert {await story.twin(network, before), await story.twin(network, lost)} == {case.ref for case in cases}


async def test_restored_gateway_uses_no_number_twice(network: Network, tmp_path: Path) -> None:
    """After a restore the next message of a thread begins the numbers of a new epoch, and is accepted."""
    ours, theirs = await story.received(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.deliver()
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await network.deliver()
    assert (await story.case(network, "XAA", ours)).delay["reason"] == "ARCHIVE_SEARCH"


async def test_nothing_leaves_by_itself_before_somebody_has_had_the_case_in_hand(
    network: Network, tmp_path: Path
) -> None:
    """A freeze made after the backup is forgotten; no reminder of the case goes out until a person has taken a step."""
    ours, _ = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].hold.freeze(ours, "known now", "first", "case_officer")
    await restore(network, "XAA", backup)
    network.clock.pass_(days=20)
    asking = network.gateways["XAA"]
    await asking.refresh_trust()
    looked = await asking.reminder.run_once(network.clock.now())
    assert (1, ()) == (looked.overdue, looked.refs)
    await asking.reminder.remind(ours, "first", "case_officer")
    network.clock.pass_(days=asking.context.policy.reminder_cooldown_days + 1)
    await asking.refresh_trust()
    assert (ours,) == (await asking.reminder.run_once(network.clock.now())).refs


async def test_lost_messages_of_ours_become_findings(network: Network, tmp_path: Path) -> None:
    """What the partner holds of us and we forgot is said on the case."""
    _, theirs = await story.received(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.deliver()
    found = (await story.case(network, "XBB", theirs)).findings
    assert ["the other State holds our message number 1, which was lost before the restore"] == list(found)


async def test_state_without_an_address_collects(tmp_path: Path) -> None:
    """A State that cannot be reached collects its messages and posts their answers."""
    network = await make_network(tmp_path, extra='transmission = "pull"\n')
    try:
        ours = await story.sent(network)
        assert 0 == await network.deliver()
        assert 1 == await network.gateways["XBB"].collector.run_once("XAA")
        assert "DELIVERED" == await story.state(network, "XAA", ours)
    finally:
        await network.close()


async def test_erased_case_leaves_no_key_behind(network: Network) -> None:
    """After erasure neither the case's key nor its sealed values are in any file of the database."""
    ours, _ = await story.received(network)
    row = await story.row(network, "XAA", ours)
    gateway = network.gateways["XAA"]
    await gateway.retention.erase(ours, network.clock.now())
    files = [path.read_bytes() for path in (network.homes["XAA"] / "data").iterdir()]
    assert not [1 for raw in files if row.wrapped_key in raw or row.sealed in raw]
    with pytest.raises(NotFound):
        await story.case(network, "XAA", ours)


async def test_erased_reference_is_noted_outside_the_database(network: Network) -> None:
    """The list that a restore applies first holds the erased reference."""
    ours, _ = await story.received(network)
    await network.gateways["XAA"].retention.erase(ours, network.clock.now())
    assert [ours] == (network.homes["XAA"] / "erased.txt").read_text().split()


async def test_closed_case_is_blocked_then_erased(network: Network) -> None:
    """Retention hides a closed case after one period and erases it after another (R-25)."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.close(ours, "first")
    network.clock.pass_(days=181)
    assert () == await gateway.retention.run_once(network.clock.now())
    assert "BLOCKED" == await story.state(network, "XAA", ours)
    network.clock.pass_(days=400)
    assert (ours,) == await gateway.retention.run_once(network.clock.now())


async def test_hold_after_a_foreign_card(network: Network) -> None:
    """A card signed by another identity key puts the State on hold: nothing is sent until a person confirms."""
    path = network.homes["XAA"] / "cards"
    held = network.gateways["XAA"].context.trust.card("XBB")
    stranger = SigningKey.generate()
    claims = {**card.claims_of(held), "serial": 2, "prev": held.digest, "identity": b64.encode(stranger.public)}
    forged = card.parse_card(card.sign_card(claims, stranger))
    write_card(path, forged)
    await network.gateways["XAA"].refresh_trust()
    assert {"XBB"} == set(network.gateways["XAA"].context.trust.holds())
    assert network.gateways["XAA"].context.trust.find("XBB") is None


async def test_restore_does_not_bring_back_an_erased_case(network: Network, tmp_path: Path) -> None:
    """A case erased after the backup is erased again before the restored gateway serves."""
    ours, _ = await story.received(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].retention.erase(ours, network.clock.now())
    await restore(network, "XAA", backup)
    with pytest.raises(NotFound):
        await story.case(network, "XAA", ours)


async def test_case_left_alone_is_closed(network: Network) -> None:
    """An answered case nobody closes is closed after a while, so that its retention begins."""
    ours, theirs = await story.replied(network)
    network.clock.pass_(days=61)
    for gateway in network.gateways.values():
        await gateway.retention.run_once(network.clock.now())
    assert ("CLOSED", "CLOSED") == (await story.state(network, "XAA", ours), await story.state(network, "XBB", theirs))


async def test_rotated_key_gets_the_same_message_in_a_new_envelope(network: Network) -> None:
    """When the recipient lists another sealing key only, the same signed message is sealed to it (M-1.2)."""
    network.wires.cut = True
    ours = await story.sent(network)
    await network.deliver(1)

    async def queued(tx: Any) -> Any:
        return (await tx.outbound_of_case(ours))[0]

    before = await network.gateways["XAA"].store.read(queued)
    claims = card.claims_of(network.gateways["XAA"].context.trust.card("XBB"))
    second = {**claims["sealing"][1], "from": claims["sealing"][0]["from"]}
    network.clock.pass_(hours=2)
    next_card_of(network, "XBB", sealing=[second])
    for gateway in network.gateways.values():
        await gateway.refresh_trust()
    network.wires.cut = False
    await network.deliver()
    after = await network.gateways["XAA"].store.read(queued)
    assert (before.digest, "receipted") == (after.digest, after.state)
    assert before.envelope_id != after.envelope_id


async def test_audit_knows_how_a_raised_epoch_begins(network: Network, tmp_path: Path) -> None:
    """After a restore the logs still audit: the new one begins with the last checkpoint of the old."""
    await story.received(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await restore(network, "XBB", backup)
    await network.deliver()
    assert () == tuple((await audit(network.gateways["XBB"].context)).findings)


async def test_audit_takes_the_checkpoint_that_is_kept_right_after_a_restore(network: Network, tmp_path: Path) -> None:
    """A restored gateway keeps a checkpoint of one entry, the beginning, before anything else; its logs still audit."""
    await story.received(network)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    gateway = network.gateways["XBB"]
    await gateway.checkpoints.run_once(network.clock.now())
    assert () == tuple((await audit(gateway.context)).findings)
