"""Restore by epoch, collecting, erasure and retention, through real gateways."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.core import wire
from gateway.core.codes import PeerError, Reason
from gateway.core.machine import NOT_TOLD, RuleRefused
from gateway.core.messages import RESYNC
from gateway.core.return_guards import OUTDATED
from gateway.services import channel, heard
from gateway.services.audit import audit
from gateway.services.context import NotFound, Partner
from gateway.services.receive import Reply, problem
from gateway.services.resync import DROPPED, LOST, PASSED_OVER
from gateway.services.undelivered import NOT_BACK
from gateway.transport.card_directory import write_card
from keys import b64, card
from keys.sign import SigningKey
from schemas import ijson
from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.holds import lift
from tests.support.network import Network, make_network, wrong_clock
from tests.support.restoring import (
    LOST_NUMBER,
    after_the_listing,
    back_up,
    findings_of,
    next_card_of,
    outbox,
    put_back,
    restore,
    settle,
)


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


async def test_no_reminder_leaves_by_itself_because_a_clock_was_behind_at_the_restore(
    network: Network, tmp_path: Path
) -> None:
    """A step that the backup holds is none of after the restore, whatever hour it was by the clock then."""
    ours, _ = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].hold.freeze(ours, "known now", "first", "case_officer")
    await put_back(network, "XAA", backup, minutes=-10)
    network.clock.pass_(days=20)
    await network.refresh()
    looked = await network.gateways["XAA"].reminder.run_once(network.clock.now())
    assert (1, ()) == (looked.overdue, looked.refs)


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


async def test_lost_messages_become_findings_in_a_thread_that_went_on(network: Network, tmp_path: Path) -> None:
    """The restored State speaks again before its partner notices the restore: what it lost before is told even so."""
    asking = network.gateways["XAA"].context
    _, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await network.deliver()
    await put_back(network, "XBB", backup)
    await asking.trust.hold("XBB", "second", "a theft was heard of", network.clock.now())
    # Whoever lifts a hold takes the newest card; that the epoch was raised is noticed when cards are read next.
    await lift(asking.trust, "XBB", asking.trust.held("XBB").identity, network.clock.now())  # type: ignore[union-attr]
    await network.gateways["XBB"].refresh_trust()
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-21", "first")
    await network.gateways["XBB"].deliverer.run_once()
    assert 2 == asking.trust.card("XBB").epoch
    await network.gateways["XAA"].refresh_trust()
    await network.deliver()
    found = (await story.case(network, "XBB", theirs)).findings
    assert "the other State holds our message number 2, which was lost before the restore" in found


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
    await erase(gateway, ours, network.clock.now())
    files = [path.read_bytes() for path in (network.homes["XAA"] / "data").iterdir()]
    assert not [1 for raw in files if row.wrapped_key in raw or row.sealed in raw]
    with pytest.raises(NotFound):
        await story.case(network, "XAA", ours)


async def test_erased_reference_is_noted_outside_the_database(network: Network) -> None:
    """The list that a restore applies first holds the erased reference."""
    ours, _ = await story.received(network)
    await erase(network.gateways["XAA"], ours, network.clock.now())
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
    await erase(network.gateways["XAA"], ours, network.clock.now())
    await restore(network, "XAA", backup)
    with pytest.raises(NotFound):
        await story.case(network, "XAA", ours)


async def test_case_left_alone_is_closed(network: Network) -> None:
    """An answered case nobody closes is closed after a while, so that its retention begins."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
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


async def test_audit_knows_a_log_that_went_on_from_an_epoch_that_was_lost(network: Network, tmp_path: Path) -> None:
    """A backup of before the last restore is put back: epochs are left out, and the logs still audit."""
    await story.received(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await restore(network, "XBB", backup)
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.deliver()
    audited = await audit(network.gateways["XBB"].context)
    assert (("XBB/XAA/1", "XBB/XAA/3"), ()) == (audited.origins, audited.findings)


async def test_audit_knows_a_log_that_began_with_nothing(network: Network, tmp_path: Path) -> None:
    """Who is a partner since a restore, or said nothing before it, has a log that begins with a receipt."""
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await story.received(network)
    assert () == (await audit(network.gateways["XBB"].context)).findings


async def types_received(network: Network, ref: str) -> list[str]:
    """Return the types of the messages that XBB received in its case ``ref``."""
    rows = await network.gateways["XBB"].store.read(lambda tx: tx.inbound_of_case(ref))
    return [row.type for row in rows]


async def go_on(network: Network, ref: str) -> None:
    """Let XAA's case ``ref``, which its officer froze, go on."""
    hold = network.gateways["XAA"].hold
    await hold.release(ref, "first", "case_officer")
    await hold.resume(ref, "first", "case_officer")
    await hold.resume(ref, "second", "liaison_officer")


async def stopped_over_a_restore(network: Network, backup: Path) -> str:
    """Have XBB acknowledge a request and be restored to before it while XAA's case is frozen; return XAA's case."""
    back_up(network, "XBB", backup)
    ours, _ = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "in doubt", "first", "case_officer")
    await restore(network, "XBB", backup)
    await network.deliver()
    return ours


async def test_case_that_goes_on_is_brought_back_to_a_partner_restored_meanwhile(
    network: Network, tmp_path: Path
) -> None:
    """What was not posted again because its case stood still is once it goes on, before what follows in its thread."""
    ours = await stopped_over_a_restore(network, tmp_path / "backup")
    assert 0 == len(await network.gateways["XBB"].inquiries.board(limit=10))
    assert 0 == await network.gateways["XAA"].resync.partner_restored("XBB", network.clock.now())
    await go_on(network, ours)
    await network.deliver()
    network.clock.pass_(days=20)
    await network.refresh()
    await network.gateways["XAA"].reminder.remind(ours, "first", "case_officer")
    await network.deliver()
    theirs = await story.case(network, "XBB", await story.twin(network, ours))
    assert ("RECEIVED", 1) == (theirs.state, theirs.reminders)


async def test_what_takes_data_back_brings_along_what_a_restored_partner_forgot(
    network: Network, tmp_path: Path
) -> None:
    """Of a case that is over nothing is posted again by itself; what is confirmed in it later waits for no number."""
    ours, theirs = await story.received(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await network.gateways["XAA"].hold.freeze(ours, "in doubt", "first", "case_officer")
    await network.gateways["XAA"].hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    await network.gateways["XAA"].notices.strike(ours, ["SEX"], "first", "case_officer")
    await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network)
    await network.gateways["XBB"].notices.confirm(theirs, 1, "DONE", "first", "registry_clerk")
    await settle(network)
    assert {"receipted", "refused"} >= {row.state for row in await outbox(network, "XBB", theirs)}


@pytest.mark.parametrize("days", [0, 31])
async def test_what_does_not_come_back_to_a_restored_partner_is_told(
    network: Network, tmp_path: Path, days: int
) -> None:
    """Garbled on the way, or not to be reached until it expires: its first receipt stands, and a person asks."""
    _, theirs = await story.received(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await restore(network, "XAA", backup)
    receive = network.gateways["XAA"].receiver.receive
    network.gateways["XAA"].receiver.receive = lambda body: receive(body[:-1] + bytes([body[-1] ^ 1]))  # type: ignore[method-assign]
    network.wires.cut = days > 0
    await network.deliver(1)
    network.clock.pass_(days=days)
    await network.gateways["XBB"].deliverer.expire(network.clock.now())
    (sent,) = await outbox(network, "XBB", theirs)
    assert ("receipted", [NOT_BACK]) == (sent.state, await findings_of(network, "XBB", theirs))


async def test_what_a_restore_of_ours_dropped_does_not_come_back_and_is_told(network: Network, tmp_path: Path) -> None:
    """What came all the same is here no more; once its partner is restored that has it no more either, and is asked."""
    ours = await story.sent(network)
    backup, other = (back_up(network, country, tmp_path / country) for country in ("XAA", "XBB"))
    await network.deliver()
    (sent,) = await outbox(network, "XAA", ours)
    assert sent.answer is not None
    await restore(network, "XAA", backup)
    (dropped,) = await outbox(network, "XAA", ours)
    answer = wire.pad_answer(sent.answer)
    await network.gateways["XAA"].deliverer.answers.settle(dropped, answer)
    await settle(network)
    assert ("dropped", PASSED_OVER in await findings_of(network, "XAA", ours)) == (dropped.state, False)
    for _ in range(2):
        await restore(network, "XBB", other)
        await settle(network)
    assert 1 == (await findings_of(network, "XAA", ours)).count(PASSED_OVER)


async def test_plan_that_waits_is_dropped_at_a_restore_with_what_is_said_against_it(
    network: Network, tmp_path: Path
) -> None:
    """A journey is planned anew by somebody who knows what was forgotten; nothing waits that could be held back."""
    ours, _ = await homeward.scheduled(network)
    later = {**homeward.TRAVEL, "departs_at": (homeward.DEPARTS_AT + timedelta(hours=3)).isoformat()}
    moved = homeward.record(decision=homeward.DECISION, travel=later)
    await network.gateways["XAA"].returning.record(ours, moved, "first", "case_officer")
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver(1)
    (held,) = await findings_of(network, "XAA", ours)
    assert held.startswith(OUTDATED)
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    assert [DROPPED] == await findings_of(network, "XAA", ours)
    assert "dropped" == (await outbox(network, "XAA", ours))[-1].state


async def test_case_that_goes_on_posts_nothing_again_without_a_restore(network: Network) -> None:
    """A case that is resumed posts nothing that its partner answered in the epoch it is still in."""
    ours, _ = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "in doubt", "first", "case_officer")
    await go_on(network, ours)
    assert 0 == await network.deliver()


async def test_listing_that_comes_before_its_request_becomes_a_finding(network: Network, tmp_path: Path) -> None:
    """A case that opens after the listing that says what was lost of it says so from its first state on."""
    ours = await stopped_over_a_restore(network, tmp_path / "backup")
    await go_on(network, ours)
    await network.deliver()
    assert [LOST] == await findings_of(network, "XBB", await story.twin(network, ours))


async def test_case_of_which_nothing_was_lost_opens_without_a_finding(network: Network, tmp_path: Path) -> None:
    """A request that is brought back and was not answered by any message carries no finding."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await story.received(network)
    await restore(network, "XBB", backup)
    await network.deliver()
    assert [] == await findings_of(network, "XBB", await story.twin(network, ours))


async def test_word_of_a_stop_is_brought_back(network: Network, tmp_path: Path) -> None:
    """A suspension that a restored State forgot is posted again at once, though the case stands still."""
    ours, theirs = await homeward.accepted(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XAA"].returning.suspend(ours, "not now", "welfare", "child_welfare")
    await network.deliver()
    await restore(network, "XBB", backup)
    assert "ACCEPTED" == await story.state(network, "XBB", theirs)
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)


async def lost_acknowledgement(network: Network, backup: Path) -> str:
    """Restore XBB to before its acknowledgement of a request; return its case. Nothing is posted yet."""
    _, theirs = await story.received(network)
    back_up(network, "XBB", backup)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await restore(network, "XBB", backup)
    return theirs


async def test_listing_refused_for_a_wrong_clock_comes_again(network: Network, tmp_path: Path) -> None:
    """A listing that is refused as stale is made anew a quarter of an hour later."""
    theirs = await lost_acknowledgement(network, tmp_path / "backup")
    with wrong_clock(network, "XBB", -10):
        await network.deliver(refresh=False)
    assert [] == await findings_of(network, "XBB", theirs)
    assert 0 == await network.deliver(refresh=False)
    network.clock.pass_(minutes=15)
    await network.deliver(refresh=False)
    assert [LOST_NUMBER] == await findings_of(network, "XBB", theirs)


@pytest.mark.parametrize("days", [1, 32, 64])
async def test_listing_refused_while_no_key_of_its_state_is_held_comes_once_one_is(
    network: Network, tmp_path: Path, days: int
) -> None:
    """However long that is: whoever was restored waits for it, and nothing else would have it made."""
    theirs = await lost_acknowledgement(network, tmp_path / "backup")
    asking = network.gateways["XAA"]
    held = asking.context.policy
    with wrong_clock(network, "XBB", -10):
        network.wires.lose_answers = True
        await network.deliver(refresh=False)
        network.wires.lose_answers = False
        network.clock.pass_(minutes=1)
        asking.context.policy = replace(held, suites=frozenset())
        await network.deliver(refresh=False)
    for _ in range(0, days, 32):
        network.clock.pass_(days=min(days, 32))
        await network.gateways["XBB"].refresh_trust()
        await asking.deliverer.run_once()
        await asking.deliverer.expire(network.clock.now())
    assert [] == await findings_of(network, "XBB", theirs)
    asking.context.policy = held
    network.clock.pass_(minutes=15)
    await network.deliver()
    assert [LOST_NUMBER] == await findings_of(network, "XBB", theirs)


@pytest.mark.parametrize("late", [20, 180])
async def test_listing_by_a_clock_that_is_late_counts_as_come(network: Network, tmp_path: Path, late: int) -> None:
    """A State whose clock is late takes the new card, and lists, once its clock is past the restore (M-8.1)."""
    ours, _ = await story.replied(network, "NATIONAL")
    with wrong_clock(network, "XBB", -late) as slow:
        await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
        for _ in range(0, late + 45, 15):
            for clock in (network.clock, slow):
                clock.pass_(minutes=15)
            await network.gateways["XBB"].refresh_trust()
            await network.deliver(refresh=False)
    asking = network.gateways["XAA"]
    await asking.clear.close(ours, "first")
    assert "CLOSED" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("fetched", [False, True])
async def test_desk_is_told_that_a_partner_lacks_what_is_over(network: Network, tmp_path: Path, fetched: bool) -> None:
    """What may be kept no longer is not posted past its time to a State that lacks it; what is said behind it waits."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await story.acknowledged(network)
    network.clock.pass_(days=158)
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.deliver()
    assert [] == await findings_of(network, "XAA", ours)
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", "case_officer")
    for _ in range(12 if fetched else 0):  # no answer comes
        await network.gateways["XAA"].deliverer.waiting("XBB", 64)
        network.clock.pass_(seconds=2)
    if not fetched:
        await network.deliver()
    assert [PASSED_OVER, NOT_TOLD] == await findings_of(network, "XAA", ours)
    assert 1 == (await outbox(network, "XAA", ours))[0].attempts


async def test_people_tell_a_stop_that_a_partner_cannot_hear(network: Network, tmp_path: Path) -> None:
    """It keeps nothing of the case, so it refuses word of the stop behind all that is over."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await homeward.accepted(network)
    network.clock.pass_(days=31)
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.gateways["XAA"].returning.suspend(ours, "unsafe", "welfare", "child_welfare")
    await settle(network, 1)
    assert NOT_TOLD in await findings_of(network, "XAA", ours)


async def test_people_tell_a_demand_that_a_partner_cannot_hear_though_it_withdrew(
    network: Network, tmp_path: Path
) -> None:
    """The data are there all the same (R-16); and the desk is told of it once, however often it is posted in vain."""
    backup = back_up(network, "XAA", tmp_path / "backup")
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "known now", "first", "case_officer")
    await network.gateways["XAA"].hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=2)
    await network.deliver()
    network.clock.pass_(days=31)
    await network.deliver()
    await restore(network, "XAA", backup)
    await network.gateways["XBB"].notices.demand_erasure(theirs, "first", "registry_clerk")

    async def gap(raw: bytes) -> Reply:
        return problem(PeerError(Reason.SEQ_GAP))

    network.gateways["XAA"].receiver.receive = gap  # type: ignore[method-assign]
    network.logs.clear()
    for _ in range(4):
        await network.deliver()
        network.clock.pass_(hours=2)
    told = [values["desk"] for event, values in network.logs if event == "case.notice" and values["ref"] == theirs]
    assert ([NOT_TOLD, PASSED_OVER], ["interior"]) == (await findings_of(network, "XBB", theirs), told)


async def test_who_asked_learns_that_its_request_left_though_an_answer_came_before_the_listing(
    network: Network, tmp_path: Path
) -> None:
    """What the other State says in a thread that the backup has not begun is refused, and leaves no case behind it."""
    ours = await story.cleared(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].clear.send(ours, "first")
    await network.deliver()
    await network.gateways["XBB"].answer.acknowledge(await story.twin(network, ours), "first")
    await put_back(network, "XAA", backup)
    await network.gateways["XBB"].deliverer.run_once()
    await settle(network)
    assert [LOST_NUMBER] == await findings_of(network, "XAA", ours)


async def test_listing_that_no_key_opens_any_more_is_made_anew(network: Network, tmp_path: Path) -> None:
    """A partner that replaced its sealing key before it read the listing gets it under the new one."""
    theirs = await lost_acknowledgement(network, tmp_path / "backup")
    claims = card.claims_of(network.gateways["XAA"].context.trust.card("XBB"))
    second = {**claims["sealing"][1], "from": claims["sealing"][0]["from"]}
    next_card_of(network, "XBB", sealing=[second])
    await network.deliver()
    assert [LOST_NUMBER] == await findings_of(network, "XBB", theirs)


async def test_listing_of_an_epoch_that_is_over_is_made_anew(network: Network, tmp_path: Path) -> None:
    """A listing that waited in the backup of a State that is restored as well still reaches the other one."""
    theirs = await lost_acknowledgement(network, tmp_path / "backup")
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "with-the-listing"))
    await network.deliver()
    assert [] == await findings_of(network, "XBB", theirs)
    network.clock.pass_(minutes=15)
    await network.deliver()
    assert [LOST_NUMBER] == await findings_of(network, "XBB", theirs)


async def taken_again(network: Network, backup: Path, **later: float) -> tuple[str, str]:
    """Restore XBB to before a request and deliver it once more ``later``; return both references."""
    back_up(network, "XBB", backup)
    ours, _ = await story.received(network)
    network.clock.pass_(**later)
    await restore(network, "XBB", backup)
    await network.deliver()
    return ours, await story.twin(network, ours)


async def test_both_sides_learn_that_they_reckon_from_different_days(network: Network, tmp_path: Path) -> None:
    """A request taken again days after its first receipt is due on another day on either side, and both say so."""
    ours, theirs = await taken_again(network, tmp_path / "backup", days=5)
    mine, other = await story.case(network, "XAA", ours), await story.case(network, "XBB", theirs)
    due, due_there = mine.clock("reply").due_on, other.clock("reply").due_on
    assert due != due_there
    told = f"since it was restored the other State reckons {due_there}; its first receipt says {due}"
    assert (told,) == mine.findings
    start, start_there = mine.clock("reply").start_on, other.clock("reply").start_on
    said = f"the other State may reckon from {start} on, we reckon from {start_there}"
    assert (f"the message may have come before the restore as well: {said}",) == other.findings


@pytest.mark.parametrize("noticed_after_days", [0, 5])
async def test_clock_that_was_behind_at_the_restore_hides_no_other_day(
    network: Network, tmp_path: Path, noticed_after_days: int
) -> None:
    """A State that was restored by a clock of before a request it had learns that it may reckon from another day."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await story.received(network)
    await put_back(network, "XBB", backup, minutes=-10)
    network.clock.pass_(days=noticed_after_days)
    await network.refresh()
    network.clock.pass_(days=5 - noticed_after_days)
    await network.deliver()
    (told,) = await findings_of(network, "XBB", await story.twin(network, ours))
    assert told.startswith("the message may have come before the restore as well")


async def test_listing_of_an_earlier_restore_hides_no_other_day(network: Network, tmp_path: Path) -> None:
    """What was made after a State was restored once may have come before it was restored once more."""
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "first"))
    await network.deliver()
    network.clock.pass_(hours=1)
    _, theirs = await taken_again(network, tmp_path / "second", days=5)
    (told,) = await findings_of(network, "XBB", theirs)
    assert told.startswith("the message may have come before the restore as well")


async def test_request_taken_again_on_the_same_day_is_no_finding(network: Network, tmp_path: Path) -> None:
    """Where both reckon from one day a second receipt changes nothing."""
    ours, theirs = await taken_again(network, tmp_path / "backup", hours=1)
    assert [] == await findings_of(network, "XAA", ours) == await findings_of(network, "XBB", theirs)


async def test_request_sent_after_the_restore_is_no_finding(network: Network, tmp_path: Path) -> None:
    """What was sent after the restore cannot have come before it, however long it was under way."""
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    network.clock.pass_(hours=1)
    ours = await story.sent(network)
    network.clock.pass_(days=5)
    await network.deliver()
    assert [] == await findings_of(network, "XBB", await story.twin(network, ours))


async def test_answer_that_turns_into_its_opposite_is_a_finding(network: Network, tmp_path: Path) -> None:
    """A message that the restored State accepted before and refuses now is said on the case, and stays accepted."""
    backup = back_up(network, "XAA", tmp_path / "backup")
    _, theirs = await story.acknowledged(network)
    await restore(network, "XAA", backup)
    await network.deliver()
    told = "since it was restored the other State says refused; its first receipt says accepted"
    assert [told] == await findings_of(network, "XBB", theirs)
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)


async def test_case_that_the_other_state_lets_go_on_is_brought_back_to_it(network: Network, tmp_path: Path) -> None:
    """A partner that stopped a return and was restored meanwhile gets what it forgot once it resumes it."""
    ours, theirs = await homeward.accepted(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    person, role, _ = homeward.in_charge(minor=False)
    returning = network.gateways["XAA"].returning
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, person, role)
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await returning.request_document(ours, "first", "case_officer")
    await network.deliver()
    await network.gateways["XBB"].returning.suspend(theirs, "not today", "welfare", "child_welfare")
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.deliver()
    assert "ACCEPTED" == await story.state(network, "XBB", theirs)
    stopping = network.gateways["XBB"]
    await stopping.returning.suspend(theirs, "not today", "welfare", "child_welfare")
    await stopping.hold.release(theirs, "welfare", "child_welfare")
    await stopping.hold.resume(theirs, "first", "registry_clerk")
    await network.deliver()
    assert "travel-document.request" in await types_received(network, theirs)


async def cleared_and_forgotten(network: Network, backup: Path) -> tuple[str, str]:
    """Restore XAA to before it sent a request that XBB has; return both references."""
    ours = await story.cleared(network)
    back_up(network, "XAA", backup)
    await network.gateways["XAA"].clear.send(ours, "first")
    await network.deliver()
    theirs = await story.twin(network, ours)
    await restore(network, "XAA", backup)
    return ours, theirs


@pytest.mark.parametrize("listed_first", [True, False])
async def test_request_that_was_sent_after_the_backup_can_be_withdrawn(
    network: Network, tmp_path: Path, listed_first: bool
) -> None:
    """A request that left after the backup is said on its case, and withdrawn whether that is known yet or not."""
    ours, theirs = await cleared_and_forgotten(network, tmp_path / "backup")
    hold = network.gateways["XAA"].hold
    if listed_first:
        await network.deliver()
    await hold.freeze(ours, "known now", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    await network.deliver()
    assert [LOST_NUMBER] == await findings_of(network, "XAA", ours)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def proposed_and_forgotten(network: Network, backup: Path) -> tuple[str, str]:
    """Restore XAA to before it sent a proposal that XBB has; return both references."""
    ours, theirs = await homeward.prepared(network)
    back_up(network, "XAA", backup)
    await network.gateways["XAA"].returning.propose(ours, "first", "case_officer")
    await network.deliver()
    await restore(network, "XAA", backup)
    await after_the_listing(network)
    assert ("ASSESSED", "PROPOSED") == await homeward.states(network, ours, theirs)
    return ours, theirs


async def test_whoever_was_proposed_after_the_backup_is_not_awaited_in_vain(network: Network, tmp_path: Path) -> None:
    """What a restored State forgot may be a proposal: where it declines the return, the other State hears of it."""
    ours, theirs = await proposed_and_forgotten(network, tmp_path / "backup")
    await network.gateways["XAA"].returning.decline(ours, "coordinator", "coordinator")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("NOT_RETURNED", "WITHDRAWN") == await homeward.states(network, ours, theirs)


async def test_case_of_who_may_have_been_proposed_after_the_backup_is_left_to_people(
    network: Network, tmp_path: Path
) -> None:
    """No timer puts away a case in which the other State may await somebody of whom nothing is known here."""
    ours, _ = await proposed_and_forgotten(network, tmp_path / "backup")
    network.clock.pass_(days=400)
    await network.gateways["XAA"].retention.run_once(network.clock.now())
    assert "ASSESSED" == await story.state(network, "XAA", ours)


async def test_case_of_who_was_refused_since_the_restore_is_put_away(network: Network, tmp_path: Path) -> None:
    """A proposal made since the restore replaces whatever was lost; who was refused by it is awaited no more."""
    ours, theirs = await proposed_and_forgotten(network, tmp_path / "backup")
    await network.gateways["XAA"].returning.propose(ours, "first", "case_officer")
    await network.deliver()
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "second", "liaison_officer")
    await network.deliver()
    assert ("ASSESSED", "REPLIED") == await homeward.states(network, ours, theirs)
    network.clock.pass_(days=400)
    await network.gateways["XAA"].retention.run_once(network.clock.now())
    assert "CLOSED" == await story.state(network, "XAA", ours)


async def test_whoever_was_proposed_after_the_backup_is_not_awaited_in_vain_before_the_listing(
    network: Network, tmp_path: Path
) -> None:
    """A return declined before the partner listed what it holds is told, for nobody knows yet what was lost."""
    ours, theirs = await homeward.prepared(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].returning.propose(ours, "first", "case_officer")
    await network.deliver()
    await put_back(network, "XAA", backup)
    await network.gateways["XAA"].returning.decline(ours, "coordinator", "coordinator")
    await settle(network)
    assert ("NOT_RETURNED", "WITHDRAWN") == await homeward.states(network, ours, theirs)


async def test_no_case_is_put_away_before_the_listing_says_what_was_lost(network: Network, tmp_path: Path) -> None:
    """After a restore an officer closes a case on a positive reply once it is known that nothing of it was lost."""
    ours, _ = await story.replied(network, "NATIONAL")
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    asking = network.gateways["XAA"]
    with pytest.raises(RuleRefused, match="V-45"):
        await asking.clear.close(ours, "first")
    network.clock.pass_(days=62)
    await asking.retention.run_once(network.clock.now())
    assert "REPLIED" == await story.state(network, "XAA", ours)
    for each in network.gateways.values():
        await each.refresh_trust()
    await settle(network)
    await network.gateways["XAA"].clear.close(ours, "first")
    assert "CLOSED" == await story.state(network, "XAA", ours)


async def test_case_with_who_is_no_partner_any_more_waits_for_no_listing(network: Network, tmp_path: Path) -> None:
    """A State that was taken out of the configuration since the restore keeps nobody's data here for ever."""
    ours, _ = await story.replied(network, "NATIONAL")
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    asking = network.gateways["XAA"]
    del cast(dict[str, Partner], asking.context.partners)["XBB"]
    await asking.clear.close(ours, "first")
    assert "CLOSED" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("who", ["officer", "timer"])
async def test_request_that_was_sent_after_the_backup_is_not_discarded_in_silence(
    network: Network, tmp_path: Path, who: str
) -> None:
    """Of a draft that the other State has the restore may have taken a proposal too: it is withdrawn, not discarded."""
    ours, _ = await cleared_and_forgotten(network, tmp_path / "backup")
    await network.deliver()
    asking = network.gateways["XAA"]
    if who == "officer":
        with pytest.raises(RuleRefused, match="V-45"):
            await asking.clear.close(ours, "first", "case_officer", "discard")
    else:
        network.clock.pass_(days=182)
        await asking.retention.run_once(network.clock.now())
    assert "CLEARED" == await story.state(network, "XAA", ours)


async def contested_and_forgotten(network: Network, backup: Path, outcome: str) -> tuple[str, str]:
    """Restore XAA to before it contested a reply, of which XBB has heard; return both references."""
    ours, theirs = await story.replied(network, outcome)
    back_up(network, "XAA", backup)
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first")
    await network.deliver()
    await restore(network, "XAA", backup)
    await after_the_listing(network)
    assert ("REPLIED", "CONTESTED") == await homeward.states(network, ours, theirs)
    assert heard.has_lost(await story.case(network, "XAA", ours))
    return ours, theirs


async def test_case_that_was_denied_is_put_away_whatever_was_lost(network: Network, tmp_path: Path) -> None:
    """On a reply that allows no return none was proposed: what a restore took is nothing that anybody awaits."""
    ours, _ = await contested_and_forgotten(network, tmp_path / "backup", "NOT_FOUND")
    network.clock.pass_(days=62)
    await network.gateways["XAA"].retention.run_once(network.clock.now())
    assert "CLOSED" == await story.state(network, "XAA", ours)


async def test_whoever_may_have_been_proposed_before_the_restore_is_not_put_away_by_a_desk(
    network: Network, tmp_path: Path
) -> None:
    """An officer, too, closes no case on a positive reply that lost a message: withdrawn, it is closed by anybody."""
    ours, theirs = await contested_and_forgotten(network, tmp_path / "backup", "NATIONAL")
    asking = network.gateways["XAA"]
    with pytest.raises(RuleRefused, match="V-45"):
        await asking.clear.close(ours, "first")
    await asking.hold.freeze(ours, "it is over", "first", "case_officer")
    await asking.hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    await asking.clear.close(ours, "first")
    assert ("CLOSED", "WITHDRAWN") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("begin", [story.cleared, story.sent])
async def test_case_of_which_nothing_left_is_withdrawn_in_silence(
    network: Network, tmp_path: Path, begin: Callable[[Network], Awaitable[str]]
) -> None:
    """After a restore too nothing is sent of a case that the other State never had, also if its request waited."""
    ours = await begin(network)
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await network.deliver()
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "known now", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=2)
    assert 0 == await network.deliver()


@pytest.mark.parametrize("how", ["discarded", "withdrawn"])
async def test_request_that_was_given_up_before_the_listing_is_withdrawn_there_too(
    network: Network, tmp_path: Path, how: str
) -> None:
    """A request sent after the backup, whose case was given up and closed since, is withdrawn by the listing."""
    ours = await story.cleared(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].clear.send(ours, "first")
    await network.deliver()
    theirs = await story.twin(network, ours)
    await put_back(network, "XAA", backup)
    gateway = network.gateways["XAA"]
    if how == "discarded":
        await gateway.clear.close(ours, "first", "case_officer", "discard")
    else:
        await gateway.hold.freeze(ours, "known now", "first", "case_officer")
        await gateway.hold.withdraw(ours, "first", "case_officer")
        await gateway.clear.close(ours, "first")
    await settle(network)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    assert [LOST_NUMBER] == await findings_of(network, "XAA", ours)


async def test_listing_makes_no_case_grow(network: Network) -> None:
    """Whatever numbers a partner lists, and however often, one finding of a case says so."""
    _, theirs = await story.received(network)
    thread = (await story.row(network, "XBB", theirs)).thread
    context = network.gateways["XAA"].context
    for first in (1, 33):
        listed = [
            {"thread": thread, "epoch": 1, "seq": number, "payload": wire.payload_digest(b"%d" % number)}
            for number in range(first, first + 32)
        ]
        body = ijson.dumps({"threads": listed, "more": False})
        await context.commit(lambda tx, body=body: channel.queue(context, tx, "XBB", RESYNC, body, network.clock.now()))
        await network.deliver()
    assert [LOST_NUMBER] == await findings_of(network, "XBB", theirs)


async def test_correction_that_a_restore_dropped_is_listed_as_untold(network: Network, tmp_path: Path) -> None:
    """Who looks where data went sees which correction no message of ours tells, and tells it again."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XAA"].notices.strike(ours, ["BIRTH_DATE"], "first", "case_officer")
    backup = back_up(network, "XAA", tmp_path / "backup")
    # What was said behind it is forgotten: whether it left before nobody here can tell.
    await network.deliver()
    await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
    await network.deliver()
    await restore(network, "XAA", backup)
    await after_the_listing(network)
    gateway = network.gateways["XAA"]
    (reached,) = await gateway.notices.recipients(ours, "first", "case_officer", "correction")
    assert ["BIRTH_DATE"] == [part for one in reached.untold for part in one.body["parts"]]
    await gateway.notices.strike(ours, ["BIRTH_DATE"], "first", "case_officer")
    await network.deliver()
    assert "BIRTH_DATE" in str((await story.case(network, "XBB", theirs)).notices)
