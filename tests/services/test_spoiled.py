"""What cannot be read any more stops itself, and nothing beside it."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core import wire
from gateway.services import access, rights, threads
from gateway.services.escalate import Escalation
from gateway.services.ports import Tx
from gateway.services.rows import CaseRow, TrustEvent
from keys import jws
from tests.support import homeward, story
from tests.support.network import Network, make_network, open_gateway, wrong_clock
from tests.support.restoring import after_the_listing, back_up, outbox, restore
from tests.support.spoilt import spoilt


def receipt_in(answer: bytes | None) -> wire.Receipt:
    """Return the receipt in a stored answer."""
    return wire.parse_receipt(jws.parse(wire.parse_stored_answer(answer or b"").receipt, jws.TYP_RECEIPT).payload)


async def spoil(network: Network, country: str, ref: str) -> CaseRow:
    """Spoil a case of ``country``; returns the row that it had."""
    row = await story.row(network, country, ref)
    bad = row._replace(sealed=spoilt(row.sealed), version=row.version + 1)
    await network.gateways[country].store.commit(lambda tx: tx.save_case(bad))
    return row


async def test_spoiled_case_keeps_no_listing_out(network: Network, tmp_path: Path) -> None:
    """A listing that names a case nobody can read settles all the others."""
    _, spoiled = await story.received(network)
    _, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    row = await spoil(network, "XBB", spoiled)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XBB"].store.commit(lambda tx: tx.save_case(row._replace(version=row.version + 2)))
    await network.gateways["XBB"].answer.acknowledge(spoiled, "first")
    await network.deliver()
    await restore(network, "XBB", backup)
    for _ in range(4):
        await after_the_listing(network)
    assert ["receipted", "receipted"] == [row.state for row in await outbox(network, "XBB", theirs)]


async def test_spoiled_case_lets_no_other_request_leave_after_a_restore(network: Network, tmp_path: Path) -> None:
    """What waited in the backup is dropped of each case, for any of them may have been stopped since."""
    spoiled, other = await story.sent(network), await story.sent(network)
    await spoil(network, "XAA", spoiled)
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    assert [["dropped"]] * 2 == [[row.state for row in await outbox(network, "XAA", ref)] for ref in (spoiled, other)]


async def test_spoiled_case_keeps_no_other_message_from_being_collected(tmp_path: Path) -> None:
    """Whoever collects takes in what stands behind a message that one spoiled case cannot take."""
    network = await make_network(tmp_path / "n", extra='transmission = "pull"\n')
    collector = network.gateways["XBB"].collector
    try:
        ours = await story.sent(network)
        await collector.run_once("XAA")
        await spoil(network, "XBB", await story.twin(network, ours))
        await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
        later = await story.sent(network)
        await collector.run_once("XAA")
        assert "DELIVERED" == await story.state(network, "XAA", later)
    finally:
        await network.close()


async def test_spoiled_case_keeps_no_look_at_another_off_the_record(network: Network) -> None:
    """Whoever is told of several cases at once is on record in each that can be read (R-13)."""
    spoiled, ours = await story.sent(network), await story.sent(network)
    await spoil(network, "XAA", spoiled)
    context = network.gateways["XAA"].context
    refs, now = (spoiled, "no case", ours), network.clock.now()
    await context.commit(lambda tx: access.view_each(context, tx, refs, "first", "who is she", now))
    (*_, last) = await context.store.read(lambda tx: tx.accesses(ours))
    assert ("first", "view", now) == (last.person, last.action, last.at)


@pytest.mark.parametrize("paper", ["note", "quarterly"])
async def test_spoiled_case_keeps_no_other_off_the_papers(network: Network, paper: str) -> None:
    """A note verbale and a quarterly list name what is owed in the cases that can be read."""
    spoiled, _ = await story.acknowledged(network)
    ours, _ = await story.acknowledged(network)
    network.clock.pass_(days=110)
    await network.refresh()
    await spoil(network, "XAA", spoiled)
    await getattr(Escalation(network.gateways["XAA"].context), paper)("XBB", "board", "foreign_affairs")
    events = await network.gateways["XAA"].store.read(lambda tx: tx.events(ours))
    assert {"note": "escalate_l4", "quarterly": "escalate_l5"}[paper] == events[-1].event


async def test_spoiled_message_ends_no_look_at_what_expired(network: Network) -> None:
    """A message that waits and cannot be read is taken out with its thread when what stands before it expires."""
    _, theirs = await story.acknowledged(network)
    network.wires.cut = True
    answer = network.gateways["XBB"].answer
    await answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await network.deliver(1)
    await answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-21", "first")
    row = (await outbox(network, "XBB", theirs))[-1]
    bad = row._replace(sealed=spoilt(row.sealed))
    await network.gateways["XBB"].store.commit(lambda tx: tx.save_outbound(bad))
    network.clock.pass_(days=31)
    await network.gateways["XBB"].deliverer.look()
    assert ["undelivered", "dropped"] == [row.state for row in (await outbox(network, "XBB", theirs))[-2:]]


async def test_a_stop_holds_though_a_message_that_waits_is_spoiled(network: Network) -> None:
    """What cannot be read cannot be said again, and is dropped like the rest; the case stands still all the same."""
    ours, _ = await homeward.on_the_day(network)
    gateway = network.gateways["XAA"]
    await gateway.returning.cancel(ours, "escort", "escort")
    row = (await outbox(network, "XAA", ours))[-1]
    await gateway.store.commit(lambda tx: tx.save_outbound(row._replace(sealed=spoilt(row.sealed))))
    await gateway.hold.freeze(ours, "doubt", "welfare", "child_welfare")
    assert ("FROZEN", "dropped") == (
        await story.state(network, "XAA", ours),
        next(one.state for one in await outbox(network, "XAA", ours) if one.id == row.id),
    )


async def test_what_is_said_of_data_waits_behind_a_plan_that_is_spoiled(network: Network) -> None:
    """It would step before a plan that waits for its day: what cannot be read keeps its place, and ends no step."""
    ours, _ = await homeward.scheduled(network)
    gateway = network.gateways["XAA"]
    row = (await outbox(network, "XAA", ours))[-1]
    await gateway.store.commit(lambda tx: tx.save_outbound(row._replace(sealed=spoilt(row.sealed))))
    await gateway.notices.demand_erasure(ours, "first", "case_officer")
    assert [("return.schedule", "queued"), ("erasure", "queued")] == [
        (one.type, one.state) for one in (await outbox(network, "XAA", ours))[-2:]
    ]
    assert ("message.fault", {"partner": "XBB", "type": "return.schedule", "error": "BadRest"}) in network.logs


async def test_receipt_of_a_withdrawal_is_kept_though_its_case_is_spoiled(network: Network) -> None:
    """The answer is stored and logged, and the other State is not taken for one that does not answer."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    await gateway.hold.freeze(ours, "doubt", "protection", "asylum_authority")
    await gateway.hold.withdraw(ours, "protection", "asylum_authority")
    await spoil(network, "XAA", ours)
    network.clock.pass_(hours=2)
    await network.deliver()
    last = (await outbox(network, "XAA", ours))[-1]
    assert ("withdrawal", "receipted", "accepted") == (last.type, last.state, last.status)
    partner = await gateway.store.read(lambda tx: tx.find_partner("XBB"))
    assert partner is not None
    assert 0 == partner.failures


async def reply(network: Network, theirs: str) -> None:
    """Have XBB reply."""
    await story.give_answer(network, theirs, story.reply())


async def extend(network: Network, theirs: str) -> None:
    """Have XBB extend its time."""
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")


async def suspend(network: Network, theirs: str) -> None:
    """Have XBB stop the return."""
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")


@pytest.mark.parametrize(
    ("at", "say", "minutes", "answered"),
    [
        (story.acknowledged, reply, 0, "receipted"),
        (story.acknowledged, extend, 10, "refused"),
        (homeward.accepted, suspend, 10, "refused"),
    ],
)
async def test_answer_to_a_message_that_is_spoiled_is_taken(
    network: Network,
    at: Callable[[Network], Awaitable[tuple[str, str]]],
    say: Callable[[Network, str], Awaitable[None]],
    minutes: int,
    answered: str,
) -> None:
    """What was answered stands, and is not asked again for a month, though nobody here can read what was said."""
    _, theirs = await at(network)
    with wrong_clock(network, "XBB", minutes):
        await say(network, theirs)
        row = (await outbox(network, "XBB", theirs))[-1]
        bad = row._replace(sealed=spoilt(row.sealed))
        await network.gateways["XBB"].store.commit(lambda tx: tx.save_outbound(bad))
        await network.deliver(refresh=False)
    assert answered == next(one.state for one in await outbox(network, "XBB", theirs) if one.id == row.id)


async def test_spoiled_message_of_today_parks_nothing_that_waited_at_a_restore(
    network: Network, tmp_path: Path
) -> None:
    """An acknowledgement that never left is said anew, and an answer behind it that nobody can read is taken back."""
    _, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await reply(network, theirs)
    row = (await outbox(network, "XBB", theirs))[-1]
    bad = row._replace(sealed=spoilt(row.sealed))
    await network.gateways["XBB"].store.commit(lambda tx: tx.save_outbound(bad))
    for _ in range(2):
        await after_the_listing(network)
    rows = [(row.type, row.state) for row in await outbox(network, "XBB", theirs) if row.state != "dropped"]
    assert ("ACKNOWLEDGED", [("verification.acknowledgement", "receipted")]) == (
        await story.state(network, "XBB", theirs),
        rows,
    )


async def test_spoiled_card_ends_no_process_and_hides_no_hold(tmp_path: Path) -> None:
    """Nothing passes to or from its State; what was decided of another is noticed, now and at the next start."""
    network = await make_network(tmp_path, ("XAA", "XBB", "XCC"))
    gateway, running = network.gateways["XAA"], network.gateways["XAA"].context.trust

    async def unit(tx: Tx) -> None:
        for country, changes in (("XBB", {"card": b"spoilt"}), ("XCC", {"hold": "its machine was taken"})):
            row = await tx.find_partner(country)
            assert row is not None
            await tx.save_partner(row._replace(**changes))

    await gateway.store.commit(unit)
    assert await gateway.store.read(running.changed)
    await running.load()
    assert (None, ["XCC"]) == (running.find("XBB"), list(running.holds()))
    assert not await gateway.store.read(running.changed)
    assert [("trust.fault", {"country": "XBB", "error": "CardRefused"})] == network.logs[-1:]
    await gateway.close()
    begun = (await open_gateway(network, "XAA")).context.trust
    assert (None, ["XCC"]) == (begun.find("XBB"), list(begun.holds()))
    await network.close()


async def test_card_that_was_compared_takes_the_place_of_a_spoiled_one(network: Network) -> None:
    """Two officers who compared the identity key make good what cannot be read, as they lift a hold."""
    gateway, own = network.gateways["XAA"], network.gateways["XBB"].context.own
    assert own is not None

    async def spoil(tx: Tx) -> None:
        row = await tx.find_partner("XBB")
        assert row is not None
        await tx.save_partner(row._replace(card=b"spoilt"))

    async def words(tx: Tx) -> Sequence[TrustEvent]:
        return [TrustEvent(0, network.clock.now(), "XBB", "confirm", one, "by telephone") for one in ("ada", "grace")]

    await gateway.store.commit(spoil)
    await gateway.refresh_trust()
    assert gateway.context.trust.find("XBB") is None
    assert await gateway.context.trust.confirm("XBB", own.identity, network.clock.now(), words)
    await gateway.refresh_trust()
    assert own == gateway.context.trust.find("XBB")


async def spoil_last_answer(network: Network, ours: str) -> None:
    """Spoil the answer that XAA keeps of what it said last in a case."""
    row = (await outbox(network, "XAA", ours))[-1]
    assert row.answer is not None
    bad = row._replace(answer=b"\xff" + row.answer[1:])
    await network.gateways["XAA"].store.commit(lambda tx: tx.save_outbound(bad))


async def test_spoiled_answer_keeps_nothing_from_who_fetches(tmp_path: Path) -> None:
    """Who fetches and was put back by more than thirty days hears a stop behind a message whose answer is spoilt."""
    network = await make_network(tmp_path / "n", extra='transmission = "pull"\n')
    asking, collect = network.gateways["XAA"], network.gateways["XAA"].collector.run_once

    async def both(times: int = 3) -> None:
        for _ in range(times):
            network.clock.pass_(minutes=1)
            await network.gateways["XBB"].collector.run_once("XAA")
            await collect("XBB")

    try:
        network.deliver = lambda *a, **k: both()  # type: ignore[method-assign]
        ours, theirs = await homeward.accepted(network, days=300)
        backup = back_up(network, "XBB", tmp_path / "backup")
        await asking.notices.ask_use(ours, "first", "case_officer")
        await both()
        network.clock.pass_(days=31)
        await network.refresh()
        await restore(network, "XBB", backup)
        await both()
        await spoil_last_answer(network, ours)
        await asking.returning.suspend(ours, "unsafe", "welfare", "child_welfare")
        await both(16)
        assert "SUSPENDED" == await story.state(network, "XBB", theirs)
    finally:
        await network.close()


async def test_spoiled_answer_holds_up_nothing_that_is_posted_again(network: Network, tmp_path: Path) -> None:
    """What a restored partner says anew is kept in its place, and word of a stop behind it is heard."""
    ours, theirs = await homeward.accepted(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    gateway = network.gateways["XAA"]
    await gateway.notices.ask_use(ours, "first", "case_officer")
    await network.deliver()
    await spoil_last_answer(network, ours)
    await restore(network, "XBB", backup)
    await gateway.returning.suspend(ours, "unsafe", "welfare", "child_welfare")
    await after_the_listing(network)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)
    assert ["accepted"] * 4 == [receipt_in(row.answer).status for row in await outbox(network, "XAA", ours)]


async def test_spoiled_answer_ends_no_account(network: Network) -> None:
    """The person learns what was sent, and of that whose receipt cannot be read how it was answered."""
    ours, _ = await story.replied(network)
    await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
    await network.deliver()
    await spoil_last_answer(network, ours)
    context = network.gateways["XAA"].context
    made = await rights.account(context, ours, "first", "case_officer", "she asked for it")
    receipts = [one.receipt or {} for one in made.sent]
    assert [("accepted", True), ("accepted", False)] == [(one["status"], bool(one["received_at"])) for one in receipts]
    assert "received: at an instant that cannot be read any more, accepted" in rights.account_text(made)
    assert network.logs[-1] == ("message.fault", {"partner": "XBB", "type": "use-report.request", "error": "BadAnswer"})


async def test_spoiled_answer_of_a_question_starts_its_clock_all_the_same(network: Network) -> None:
    """It counts from when its answer was here, which is no earlier than its receipt."""
    ours, _ = await story.acknowledged(network)
    (row,) = await outbox(network, "XAA", ours)
    assert threads.counted_at(row) is not None
    assert row.answered_at == threads.counted_at(row._replace(answer=b"\xff"))


async def test_spoiled_answer_of_our_own_is_given_again(network: Network) -> None:
    """Who did not get it and posts once more has the receipt that our log holds; without it the message runs out."""
    _, theirs = await story.acknowledged(network)
    network.wires.lose_answers = True
    await reply(network, theirs)
    await network.deliver(1)
    row = (await outbox(network, "XBB", theirs))[-1]
    gateway = network.gateways["XAA"]
    answered = await gateway.store.read(lambda tx: tx.find_inbound("XBB", row.digest))
    assert answered is not None
    assert answered.answer is not None
    bad = answered._replace(answer=b"\xff" + answered.answer[1:])
    await gateway.store.commit(lambda tx: tx.save_inbound(bad))
    network.wires.lose_answers = False
    network.clock.pass_(hours=1)
    await network.deliver()
    row = (await outbox(network, "XBB", theirs))[-1]
    assert ("receipted", receipt_in(answered.answer)) == (row.state, receipt_in(row.answer))


@pytest.mark.parametrize("posted", [False, True])
async def test_what_is_written_to_another_state_in_the_database_is_sealed_to_none(tmp_path: Path, posted: bool) -> None:
    """Whoever writes rows and has no key moves no message to another State: who it is for stands in what is signed."""
    network = await make_network(tmp_path, ("XAA", "XBB", "XCC"))
    try:
        ours, other = await story.sent(network), await story.sent(network)
        (row,), (before,) = await outbox(network, "XAA", ours), await outbox(network, "XAA", other)
        at = network.clock.now() if posted else None
        with closing(sqlite3.connect(network.homes["XAA"] / "data/gateway.db")) as db, db:
            db.execute(
                "UPDATE outbound SET partner = 'XCC', posted_at = ? WHERE id = ?", (at and at.timestamp(), row.id)
            )
        await network.deliver()
        (moved,) = await outbox(network, "XAA", ours)
        assert {before.kid} == {row.kid, moved.kid}
        assert [] == [to for to, *_ in network.wires.posted if to == "XCC"]
        assert "DELIVERED" == await story.state(network, "XAA", other)
    finally:
        await network.close()
