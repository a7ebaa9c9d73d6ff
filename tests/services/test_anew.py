"""What was on its way when a backup was made, through real gateways that are restored (``gateway.services.anew``)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.case import State
from gateway.core.codes import Reason
from gateway.core.machine import NOT_TOLD
from gateway.core.wire import Payload
from gateway.services import anew, listing, reading
from gateway.services import outbox as outbox_service
from gateway.services.anew import NEVER_CAME, UNDECIDED
from gateway.services.compromise import Compromise
from gateway.services.ports import HttpAnswer
from gateway.services.receive import Receiver
from tests.support import homeward, story
from tests.support.agreements import agree
from tests.support.interviews import OPEN, PROPOSAL, RESULT, agreed
from tests.support.network import Network, nothing_leaves, wrong_clock
from tests.support.restoring import LOST_NUMBER, after_the_listing, back_up, findings_of, outbox, put_back, restore
from tests.support.spoilt import spoilt


async def test_answer_that_waited_takes_no_number_that_was_used_since(network: Network, tmp_path: Path) -> None:
    """What the asked State had not posted is dropped where its number left with another message since the backup."""
    _, theirs = await story.received(network)
    answer, hold = network.gateways["XBB"].answer, network.gateways["XBB"].hold
    await answer.acknowledge(theirs, "first")
    backup = back_up(network, "XBB", tmp_path / "backup")
    await hold.freeze(theirs, "in doubt", "first", "registry_clerk")
    await hold.release(theirs, "first", "registry_clerk")
    await hold.resume(theirs, "first", "registry_clerk")
    await hold.resume(theirs, "second", "desk_head")
    await answer.acknowledge(theirs, "first")
    waited, left = await outbox(network, "XBB", theirs)
    assert (waited.epoch, waited.seq) == (left.epoch, left.seq)
    await network.deliver()
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    (waited,) = await outbox(network, "XBB", theirs)
    assert ("dropped", None, 1) == (waited.state, waited.posted_at, waited.seq)
    assert [UNDECIDED, LOST_NUMBER] == await findings_of(network, "XBB", theirs)


async def test_answer_that_left_after_the_backup_gets_its_stored_answer(network: Network, tmp_path: Path) -> None:
    """What the partner lists did leave: its very bytes are posted again, and nothing is said twice or falls back."""
    ours, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    assert ("REPLIED", "REPLIED") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )
    assert [("receipted", 1, 1), ("receipted", 1, 2)] == [
        (row.state, row.epoch, row.seq) for row in await outbox(network, "XBB", theirs)
    ]
    assert [] == await findings_of(network, "XBB", theirs)


async def test_part_of_a_listing_that_comes_after_the_last_one_counts(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts of a listing are under way together: what one names that comes late did leave too."""
    monkeypatch.setattr(listing, "THREADS_A_MESSAGE", 1)
    _, theirs = await story.acknowledged(network)
    await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    thread = (await story.row(network, "XBB", theirs)).thread
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await restore(network, "XBB", backup)

    async def delay(tx: Any) -> None:
        parts = [row for row in await tx.waiting_outbound("XBB") if row.type == "resync"]
        part = [one.thread for one in await tx.threads("XBB")].index(thread)
        await tx.save_outbound(parts[part]._replace(next_try_at=network.clock.now() + timedelta(minutes=16)))

    await network.gateways["XAA"].store.commit(delay)
    for _ in range(2):
        await network.deliver()
        network.clock.pass_(minutes=8)
    await after_the_listing(network)
    assert "REPLIED" == await story.state(network, "XBB", theirs)


async def test_extension_that_left_after_the_backup_stands(network: Network, tmp_path: Path) -> None:
    """Both sides still reckon with one due day where the extension came and its sender was restored."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    mine, other = await story.case(network, "XAA", ours), await story.case(network, "XBB", theirs)
    assert mine.clock("reply").due_on == other.clock("reply").due_on


async def test_answer_that_never_left_is_given_by_a_person(network: Network, tmp_path: Path) -> None:
    """A reply that the partner does not list falls back, and its desk, which may know more by now, gives it again."""
    ours, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    assert ("ACKNOWLEDGED", [NEVER_CAME]) == (
        await story.state(network, "XBB", theirs),
        await findings_of(network, "XBB", theirs),
    )
    told = [one.event for one in await reading.history(network.gateways["XBB"].context, theirs)]
    assert (1, 0) == (told.count(reading.TAKEN_OUT), told.count("reply_not_accepted"))  # nobody abroad refused it
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    assert "NOT_FOUND" == (await story.case(network, "XAA", ours)).reply["outcome"]


async def test_document_that_never_left_takes_back_no_other_that_was_issued_since(
    network: Network, tmp_path: Path
) -> None:
    """Asked once more after the restore, the other State issues another one: both sides go by that."""
    ours, theirs = await homeward.asked_for_a_document(network)
    await network.gateways["XBB"].returning.issue(theirs, homeward.DOCUMENT, "issuer")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    asking = network.gateways["XAA"].returning
    pending = await asking.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await asking.request_document(ours, "first", "case_officer")
    await network.deliver()
    await network.gateways["XBB"].returning.issue(theirs, homeward.DOCUMENT, "issuer")
    await after_the_listing(network)
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    assert [NEVER_CAME] == await findings_of(network, "XBB", theirs)


async def test_question_that_waited_is_not_said_twice_for_a_proposal_that_comes_before_the_listing(
    network: Network, tmp_path: Path
) -> None:
    """A new proposal voids what was said of the one before, and leaves everything else where the restore put it."""
    ours, theirs = await homeward.proposed(network)
    await network.gateways["XBB"].notices.ask_use(theirs, "first", "registry_clerk")
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    asking = network.gateways["XAA"]
    await asking.returning.reassess(ours, "first", "case_officer")
    await asking.returning.assess(ours, "coordinator", "coordinator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking.deliverer, "run_once", nothing_leaves)
        await homeward.propose_other_days(network, ours, minor=False)
    await put_back(network, "XBB", backup)
    await network.gateways["XBB"].refresh_trust()
    await network.deliver(refresh=False)
    await asking.refresh_trust()
    await after_the_listing(network)
    assert ["receipted"] == [
        row.state for row in await outbox(network, "XBB", theirs) if row.type == "use-report.request"
    ]
    assert [] == await findings_of(network, "XBB", theirs)


async def test_acceptance_that_a_veto_took_back_does_not_leave(network: Network, tmp_path: Path) -> None:
    """A restored State that forgot the veto of its child-welfare authority accepts nothing by itself."""
    ours, theirs = await homeward.proposed(network, minor=True)
    await homeward.accept(network, theirs, minor=True)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XBB"].hold.freeze(theirs, "danger", "welfare", "child_welfare")
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    assert ("PROPOSED", "PROPOSED") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )


async def test_resumption_that_waited_does_not_end_a_later_stop(network: Network, tmp_path: Path) -> None:
    """A restored State that forgot its second stop does not say that the return goes on."""
    ours, theirs = await homeward.accepted(network)
    stopping = network.gateways["XBB"]
    await stopping.returning.suspend(theirs, "not today", "welfare", "child_welfare")
    await network.deliver()
    await stopping.hold.release(theirs, "welfare", "child_welfare")
    await stopping.hold.resume(theirs, "first", "registry_clerk")
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await stopping.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver()
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("posted", [False, True])
@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_stop_that_never_came_is_said_anew(network: Network, tmp_path: Path, posted: bool, country: str) -> None:
    """Word of a stop that was on its way at the backup is heard after the restore, without anybody's doing."""
    refs = dict(zip(("XAA", "XBB"), await homeward.accepted(network), strict=True))
    other = "XAA" if country == "XBB" else "XBB"
    network.wires.cut = True
    await network.gateways[country].returning.suspend(refs[country], "danger", "welfare", "child_welfare")
    if posted:
        await network.deliver(1)
    backup = back_up(network, country, tmp_path / "backup")
    network.wires.cut = False
    await restore(network, country, backup)
    network.clock.pass_(hours=1)
    await after_the_listing(network)
    assert "SUSPENDED" == await story.state(network, other, refs[other])


@pytest.mark.parametrize("posted", [False, True])
async def test_acknowledgement_that_never_came_is_said_anew(network: Network, tmp_path: Path, posted: bool) -> None:
    """All else in a thread follows the acknowledgement, so it leaves once more, with the dates of that day."""
    agree(network, "EURA-UA-AT")
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    if posted:
        network.wires.cut = True
        await network.deliver(1)
        network.wires.cut = False
    backup = back_up(network, "XBB", tmp_path / "backup")
    network.clock.pass_(days=3)
    await network.refresh()
    await put_back(network, "XBB", backup)
    agree(network, "EURA-UA-AT")
    await after_the_listing(network)
    said = await story.payload(network, "XBB", theirs, "verification.acknowledgement")
    case = await story.case(network, "XAA", ours)
    assert ("ACKNOWLEDGED", said.body["due_on"]) == (case.state, case.clock("reply").due_on.isoformat())


async def test_acknowledgement_and_answer_that_waited_leave_an_open_thread(network: Network, tmp_path: Path) -> None:
    """Where both never left the acknowledgement does, and the reply can be given again."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await story.give_answer(network, theirs, story.reply())
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    for _ in range(3):
        await after_the_listing(network)
    assert ("ACKNOWLEDGED", "ACKNOWLEDGED") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_freeze_that_is_entered_again_drops_what_waited(network: Network, tmp_path: Path) -> None:
    """A freeze between the restore and the start takes the acknowledgement back, as it did before."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await network.gateways["XBB"].hold.freeze(theirs, "in doubt", "first", "registry_clerk")
    await after_the_listing(network)
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_listing_is_waited_for_as_long_as_a_message_is_valid(network: Network, tmp_path: Path) -> None:
    """A partner that reads the new card after days, and has had the answer all the time, finds it unchanged."""
    ours, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await put_back(network, "XBB", backup)
    await network.gateways["XBB"].refresh_trust()
    network.clock.pass_(days=5)
    await network.gateways["XBB"].refresh_trust()
    assert 0 == await network.gateways["XBB"].deliverer.run_once()
    await after_the_listing(network)
    assert "REPLIED" == await story.state(network, "XAA", ours) == await story.state(network, "XBB", theirs)


async def test_plan_that_waits_for_months_is_dropped_at_a_restore(network: Network, tmp_path: Path) -> None:
    """A journey of a case that was withdrawn since the backup is not told when its day comes."""
    ours, theirs = await homeward.accepted(network)
    asking, departs_at = network.gateways["XAA"], datetime(2027, 1, 20, 8, 30, tzinfo=UTC)
    person, role, _ = homeward.in_charge(minor=False)
    await asking.returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await asking.returning.decide(ours, person, role)
    pending = await asking.returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await asking.returning.request_document(ours, "first", "case_officer")
    await network.deliver()
    document = {**homeward.DOCUMENT, "valid_until": "2027-05-20"}
    await network.gateways["XBB"].returning.issue(theirs, document, "issuer")
    await network.deliver()
    travel = {"departs_at": departs_at.isoformat(), "notice_h": 48}
    record = homeward.record(decision=homeward.DECISION, travel=travel)
    await asking.returning.record(ours, record, "first", "case_officer")
    await asking.returning.schedule(ours, {**homeward.JOURNEY, "arrives_at": "2027-01-20T12:10:00Z"}, "second")
    homeward.move_to(network, departs_at - timedelta(days=8))
    await network.refresh()
    backup = back_up(network, "XAA", tmp_path / "backup")
    await asking.hold.freeze(ours, "known now", "first", "case_officer")
    await asking.hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=2)
    await network.deliver()
    await restore(network, "XAA", backup)
    homeward.move_to(network, departs_at - timedelta(hours=71))
    await network.deliver()
    (plan,) = [row for row in await outbox(network, "XAA", ours) if row.type == "return.schedule"]
    assert ("dropped", None) == (plan.state, plan.posted_at)


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_case_that_cannot_be_read_stops_no_restore(network: Network, tmp_path: Path, country: str) -> None:
    """The epoch rises although a message of a spoiled case waits, and the message does not leave."""
    if country == "XAA":
        ref = await story.sent(network)
    else:
        _, ref = await story.received(network)
        await network.gateways["XBB"].answer.acknowledge(ref, "first")
    row = await story.row(network, country, ref)
    spoiled = row._replace(sealed=spoilt(row.sealed), version=row.version + 1)
    await network.gateways[country].store.commit(lambda tx: tx.save_case(spoiled))
    await restore(network, country, back_up(network, country, tmp_path / "backup"))
    await after_the_listing(network)
    assert 2 == network.gateways[country].context.epoch
    assert [None] == [row.posted_at for row in await outbox(network, country, ref)]


async def withdrawn(network: Network) -> tuple[str, str]:
    """Have XAA withdraw a case that XBB acknowledged; the withdrawal waits for the full hour. Return both cases."""
    ours, theirs = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "known now", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    return ours, theirs


@pytest.mark.parametrize("posted", [False, True])
@pytest.mark.parametrize("closed", [False, True])
async def test_withdrawal_that_never_came_is_said_anew(
    network: Network, tmp_path: Path, posted: bool, closed: bool
) -> None:
    """A withdrawal of the backup that is refused as of an epoch that is over follows in the new one, at the hour."""
    ours, theirs = await withdrawn(network)
    if closed:
        await network.gateways["XAA"].clear.close(ours, "first")
    if posted:
        network.clock.pass_(hours=1)
        network.wires.cut = True
        await network.deliver(1)
        network.wires.cut = False
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    assert ("receipted", 2) == [(row.state, row.epoch) for row in await outbox(network, "XAA", ours)][-1]
    assert [] == await findings_of(network, "XAA", ours)


async def test_withdrawal_that_expired_before_the_restore_is_said_anew(network: Network, tmp_path: Path) -> None:
    """A backup of a month ago brings a withdrawal that may not be sent any more; another one is."""
    ours, theirs = await withdrawn(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    network.clock.pass_(days=31)
    await network.refresh()
    await restore(network, "XAA", backup)
    await network.deliver()
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ["undelivered", "receipted"] == [
        row.state for row in await outbox(network, "XAA", ours) if row.type == "withdrawal"
    ]
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_withdrawal_that_came_is_said_anew_to_a_partner_that_forgot_it(network: Network, tmp_path: Path) -> None:
    """A partner restored after us refuses what is of our old epoch; it learns of the withdrawal, and once an epoch."""
    ours, theirs = await withdrawn(network)
    forgetful = back_up(network, "XBB", tmp_path / "forgetful")
    network.clock.pass_(hours=1)
    await network.deliver()
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await network.deliver()
    network.clock.pass_(hours=1)
    for again in ("once", "twice"):
        await restore(network, "XBB", forgetful)
        forgetful = back_up(network, "XBB", tmp_path / again)
        await network.deliver()
        network.clock.pass_(hours=2)
        await network.deliver()
        assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    assert 2 == sum(row.type == "withdrawal" for row in await outbox(network, "XAA", ours))


async def test_withdrawal_that_had_come_is_not_repeated(network: Network, tmp_path: Path) -> None:
    """A withdrawal that left after the backup gets its stored answer, and no other follows."""
    ours, theirs = await withdrawn(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    await restore(network, "XAA", backup)
    await network.deliver()
    assert ["receipted"] == [row.state for row in await outbox(network, "XAA", ours) if row.type == "withdrawal"]


async def test_withdrawal_that_is_refused_in_our_epoch_is_not_said_for_ever(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever refuses withdrawals gets one, and a person is told."""
    ours, _ = await withdrawn(network)
    decide = Receiver._epoch_fault

    def refuse(self: Receiver, payload: Payload) -> Reason | None:
        return Reason.EPOCH_BEHIND if payload.type == "withdrawal" else decide(self, payload)

    monkeypatch.setattr(Receiver, "_epoch_fault", refuse)
    for _ in range(4):
        network.clock.pass_(hours=1)
        await network.deliver()
    assert ["refused"] == [row.state for row in await outbox(network, "XAA", ours) if row.type == "withdrawal"]
    assert ["not accepted: illegal-step", NOT_TOLD] == await findings_of(network, "XAA", ours)


async def test_what_left_before_what_is_listed_left_too(network: Network, tmp_path: Path) -> None:
    """A partner lists the last message of a thread; the earlier ones that waited with it came before it."""
    ours, theirs = await story.received(network)
    answer = network.gateways["XBB"].answer
    await answer.acknowledge(theirs, "first")
    await answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await answer.ask(theirs, ["SEX"], 2, "first")
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    assert [("receipted", 1, number) for number in (1, 2, 3)] == [
        (row.state, row.epoch, row.seq) for row in await outbox(network, "XBB", theirs)
    ]
    mine, other = await story.case(network, "XAA", ours), await story.case(network, "XBB", theirs)
    assert mine.clock("reply").due_on == other.clock("reply").due_on


async def test_nobody_guesses_whether_a_message_left_before_one_that_was_lost(network: Network, tmp_path: Path) -> None:
    """Where the partner holds a later message that the backup does not know, the case stays, and a person is told."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await network.deliver()
    await restore(network, "XBB", backup)
    await after_the_listing(network)
    mine, other = await story.case(network, "XAA", ours), await story.case(network, "XBB", theirs)
    assert mine.clock("reply").due_on == other.clock("reply").due_on
    assert UNDECIDED in await findings_of(network, "XBB", theirs)


async def test_clock_that_was_a_week_ahead_at_the_restore_holds_nothing_for_ever(
    network: Network, tmp_path: Path
) -> None:
    """The listing came a quarter of an hour after it was made, and seemed to be of before: nobody makes another."""
    ours, theirs = await story.received(network)
    network.wires.cut = True
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "backup"), minutes=7 * 24 * 60)
    await network.refresh()
    network.clock.pass_(minutes=15)
    network.wires.cut = False
    await after_the_listing(network)
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)


async def test_clock_that_was_a_day_ahead_as_the_listing_came_holds_nothing_for_a_day(
    network: Network, tmp_path: Path
) -> None:
    """What waited at the restore is settled as soon by a clock that is right again as if it had always been."""
    _, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    with wrong_clock(network, "XBB", 24 * 60):
        await network.deliver(refresh=False)
    await network.gateways["XBB"].deliverer.look()
    await after_the_listing(network)
    await after_the_listing(network)
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)


async def test_listing_that_was_made_before_the_restore_ends_no_wait(network: Network, tmp_path: Path) -> None:
    """A greeting that was on its way knows nothing of the answer that came after it was written."""
    _, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    backup, asking = back_up(network, "XBB", tmp_path / "backup"), network.gateways["XAA"]
    await Compromise(asking.context).greet(network.clock.now())
    await network.gateways["XBB"].deliverer.run_once()
    network.clock.pass_(hours=1)
    await put_back(network, "XBB", backup)
    await network.gateways["XBB"].refresh_trust()
    await asking.deliverer.run_once()
    network.clock.pass_(minutes=25)
    await network.gateways["XBB"].deliverer.run_once()
    await after_the_listing(network)
    assert "REPLIED" == await story.state(network, "XBB", theirs)


async def test_stop_between_the_listing_and_the_post_takes_nothing_back_that_left(
    network: Network, tmp_path: Path
) -> None:
    """What is listed did leave: a freeze drops it no more, and the case goes on where it was."""
    _, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    await restore(network, "XBB", backup)
    await network.gateways["XAA"].deliverer.run_once()
    hold = network.gateways["XBB"].hold
    await hold.freeze(theirs, "in doubt", "first", "registry_clerk")
    await hold.release(theirs, "first", "registry_clerk")
    await hold.resume(theirs, "first", "registry_clerk")
    await hold.resume(theirs, "second", "desk_head")
    await after_the_listing(network)
    assert ("REPLIED", []) == (await story.state(network, "XBB", theirs), await findings_of(network, "XBB", theirs))


async def test_what_is_said_after_the_restore_waits_for_what_was_on_its_way(network: Network, tmp_path: Path) -> None:
    """A reply of the new epoch does not overtake the acknowledgement that waits for the listing."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)
    await after_the_listing(network)
    assert "REPLIED" == await story.state(network, "XAA", ours) == await story.state(network, "XBB", theirs)


async def test_stop_of_a_case_that_was_closed_is_said_anew(network: Network, tmp_path: Path) -> None:
    """A return that is stopped and closed at once is stopped at the other State, too, after a restore."""
    ours, theirs = await homeward.accepted(network)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.gateways["XBB"].answer.close(theirs, "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_recall_that_never_came_is_said_anew(network: Network, tmp_path: Path) -> None:
    """A person who is called back is called back at the other State too, after a restore."""
    ours, theirs = await homeward.handed_over(network)
    await network.gateways["XBB"].returning.recall(theirs, "danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await network.deliver()
    assert "RECALL" == await story.state(network, "XAA", ours)


async def test_answer_of_a_closed_case_is_said_anew(network: Network, tmp_path: Path) -> None:
    """A case that an earlier version closed upon an answer that waited is stopped by nobody, and answered by nobody."""
    ours, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    await story.put(network, "XBB", theirs, State.CLOSED)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_question_that_never_came_is_said_anew(network: Network, tmp_path: Path) -> None:
    """What asks for more is asked once more: the desk could not ask again."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    assert "NEEDS_TIER2" == await story.state(network, "XAA", ours)


async def test_proposal_of_an_interview_that_never_came_is_said_anew(network: Network, tmp_path: Path) -> None:
    """The person is still asked whether it wants to be interviewed."""
    ours, theirs = await story.acknowledged(network, **OPEN)
    await network.gateways["XBB"].answer.ask_interview(theirs, PROPOSAL, "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    assert "NEEDS_INTERVIEW" == await story.state(network, "XAA", ours)


async def test_result_of_an_interview_that_never_came_is_said_anew(network: Network, tmp_path: Path) -> None:
    """A reply that rests on an interview is taken only after its result, which is told only once."""
    ours, theirs = await agreed(network)
    homeward.move_to(network, datetime(2026, 12, 10, 15, tzinfo=UTC))
    await network.refresh()
    await network.gateways["XBB"].answer.report_interview(theirs, RESULT, "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    await story.give_answer(network, theirs, story.reply(method_used=["CONSULAR_INTERVIEW"]))
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_hand_of_the_receiving_service_that_never_came_is_said_anew(network: Network, tmp_path: Path) -> None:
    """That a person was received is told with its signature, as it was signed."""
    ours, theirs = await homeward.delivered(network)
    await homeward.confirm_handover(network, theirs, days=7)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    assert "HANDED_OVER" == await story.state(network, "XAA", ours)


async def test_refusal_of_a_return_that_never_came_is_said_anew(network: Network, tmp_path: Path) -> None:
    """A return that is refused is refused at the other State too; one that is accepted is accepted anew by people."""
    ours, theirs = await homeward.proposed(network)
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "second", "liaison_officer")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    assert "PROPOSED" != await story.state(network, "XAA", ours)


async def test_a_refusal_that_never_came_is_not_said_of_another_proposal(network: Network, tmp_path: Path) -> None:
    """Another proposal came since: nobody there has refused that one, and it can be accepted."""
    ours, theirs = await homeward.proposed(network)
    network.wires.cut = True
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "second", "liaison_officer")
    await network.deliver(1)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.gateways["XAA"].returning.reassess(ours, "first", "case_officer")
    await network.gateways["XAA"].returning.assess(ours, "coordinator", "coordinator")
    await homeward.propose_other_days(network, ours, minor=False)
    network.wires.cut = False
    await restore(network, "XBB", backup)
    network.clock.pass_(days=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.gateways["XBB"].deliverer, "run_once", nothing_leaves)
        await network.deliver()
    assert "PROPOSED" == await story.state(network, "XBB", theirs)
    await after_the_listing(network)
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_next_message_names_none_that_never_left(network: Network, tmp_path: Path) -> None:
    """``prev`` of what follows skips all that was dropped."""
    _, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await story.give_answer(network, theirs, story.reply())
    dropped = {row.digest for row in (await outbox(network, "XBB", theirs))[1:]}
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    await story.give_answer(network, theirs, story.reply())
    assert (await story.payload(network, "XBB", theirs, "verification.reply")).prev not in dropped


async def test_epoch_raised_by_a_version_that_waits_for_no_listing(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waited there is posted as it stands, as that version would."""

    async def nothing(*_: Any) -> None:
        pass

    _, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    backup = back_up(network, "XBB", tmp_path / "backup")
    await network.deliver()
    with monkeypatch.context() as patch:
        patch.setattr(listing, "await_one", nothing)
        await put_back(network, "XBB", backup)
    await network.refresh()
    assert 1 == await network.gateways["XBB"].deliverer.run_once()
    assert "REPLIED" == await story.state(network, "XBB", theirs)


async def test_stop_that_was_ended_is_not_said_anew(network: Network, tmp_path: Path) -> None:
    """Word of a stop that never came, and does not stand any more, stops nobody after the restore."""
    ours, theirs = await homeward.accepted(network)
    stopping = network.gateways["XBB"]
    network.wires.cut = True
    await stopping.returning.suspend(theirs, "not today", "welfare", "child_welfare")
    await network.deliver(1)
    await stopping.hold.release(theirs, "welfare", "child_welfare")
    await stopping.hold.resume(theirs, "first", "registry_clerk")
    backup = back_up(network, "XBB", tmp_path / "backup")
    network.wires.cut = False
    await restore(network, "XBB", backup)
    network.clock.pass_(hours=1)
    await after_the_listing(network)
    assert "ACCEPTED" == await story.state(network, "XAA", ours) == await story.state(network, "XBB", theirs)


async def test_case_that_is_stopped_while_an_answer_is_under_way_says_nothing_anew(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that is refused as of the old epoch is not asked again by a case that was frozen a moment before."""
    _, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    network.wires.cut = True
    await network.deliver(1)
    network.wires.cut = False
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    post = network.wires.post

    async def freeze_first(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if country == "XAA" and await story.state(network, "XBB", theirs) != "FROZEN":
            await network.gateways["XBB"].hold.freeze(theirs, "in doubt", "first", "registry_clerk")
        return await post(country, path, body, media_type)

    monkeypatch.setattr(network.wires, "post", freeze_first)
    network.clock.pass_(hours=1)
    await network.deliver()
    question = (await outbox(network, "XBB", theirs))[-1]
    assert ("refused", 1, "FROZEN") == (question.state, question.epoch, await story.state(network, "XBB", theirs))


async def test_partner_without_a_key_keeps_the_claim_alive(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be sealed for now waits where it is, and is said once there is a key."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await network.deliver()
    network.clock.pass_(minutes=22)
    with monkeypatch.context() as patch:
        patch.setattr(outbox_service, "recipient", lambda *_: None)
        assert 0 == await network.gateways["XBB"].deliverer.run_once()
    network.clock.pass_(minutes=2)
    for _ in range(2):
        await network.deliver()
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)


async def test_fault_in_one_case_is_whole_and_stops_no_other(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be settled stays where it is, untouched, and what waits beside it is said."""
    _, theirs = await story.acknowledged(network)
    other, _ = await story.received(network)
    await story.give_answer(network, theirs, story.reply())
    await network.gateways["XBB"].answer.acknowledge(await story.twin(network, other), "first")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))

    async def break_off(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(anew, "fall_back", break_off)
    await after_the_listing(network)
    waited = (await outbox(network, "XBB", theirs))[-1]
    assert ("queued", "REPLIED") == (waited.state, await story.state(network, "XBB", theirs))
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", other)


async def test_second_message_of_a_type_is_said_anew_as_well(network: Network, tmp_path: Path) -> None:
    """Two reports that never came both come after the restore, in their order."""
    _, theirs = await homeward.handed_over(network)
    today = network.clock.now().date().isoformat()
    for finding in ("SEEN_SAFE", "SEEN_CONCERN"):
        await network.gateways["XBB"].returning.report(theirs, finding, today, False, "reception", "reception")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    for _ in range(2):
        await after_the_listing(network)
    assert ["receipted"] * 2 == [
        row.state for row in await outbox(network, "XBB", theirs) if (row.type, row.epoch) == ("return.monitoring", 2)
    ]


async def test_nothing_that_allows_leaves_a_case_that_was_stopped_and_closed(network: Network, tmp_path: Path) -> None:
    """An acceptance that never came, of a return that was stopped and closed, is not said anew; the stop is."""
    ours, theirs = await homeward.proposed(network)
    network.wires.cut = True
    await homeward.accept(network, theirs)
    await network.deliver(1)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.gateways["XBB"].answer.close(theirs, "first")
    backup = back_up(network, "XBB", tmp_path / "backup")
    network.wires.cut = False
    await restore(network, "XBB", backup)
    network.clock.pass_(hours=1)
    await after_the_listing(network)
    case = await story.case(network, "XAA", ours)
    assert ("SUSPENDED", "PROPOSED") == (case.state, case.resume_to)


async def test_recall_does_not_wait_behind_what_waits_for_the_listing(network: Network, tmp_path: Path) -> None:
    """Word of a stop leaves before the other State has listed anything."""
    _, theirs = await homeward.delivered(network)
    await homeward.confirm_handover(network, theirs, days=7)
    await network.gateways["XBB"].returning.recall(theirs, "danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await network.gateways["XBB"].refresh_trust()
    await network.gateways["XAA"].refresh_trust()  # it takes the new card, and its listing does not leave yet
    for _ in range(3):
        await network.gateways["XBB"].deliverer.run_once()
        network.clock.pass_(minutes=2)
    assert ("return.take-back", "receipted") in [(row.type, row.state) for row in await outbox(network, "XBB", theirs)]


async def test_question_that_our_own_reply_followed_is_not_asked_again(network: Network, tmp_path: Path) -> None:
    """Where a reply falls back both sides stand where they stood before the question."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await story.give_answer(network, theirs, story.reply())
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await after_the_listing(network)
    assert ("ACKNOWLEDGED", "ACKNOWLEDGED") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )


async def test_listing_with_a_number_that_is_not_that_of_its_digest_lets_nothing_go(
    network: Network, tmp_path: Path
) -> None:
    """What a partner says of a message that we know counts only as far as we know it."""
    _, theirs = await homeward.proposed(network)
    known = (await outbox(network, "XBB", theirs))[-1]
    await homeward.accept(network, theirs)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    context = network.gateways["XBB"].context
    row = {"thread": known.thread, "epoch": 1, "seq": (known.seq or 0) + 10, "payload": known.digest}
    await context.commit(lambda tx: anew.take_listed(context, tx, theirs, row, known, network.clock.now()))
    assert "queued" == (await outbox(network, "XBB", theirs))[-1].state


async def test_nothing_is_named_that_never_left_after_two_restores(network: Network, tmp_path: Path) -> None:
    """What waits since two epochs is taken out together, and what follows names neither."""
    _, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "once"))
    await network.gateways["XAA"].refresh_trust()
    await story.give_answer(network, theirs, story.reply())
    dropped = {row.digest for row in (await outbox(network, "XBB", theirs))[1:]}
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "twice"))
    for _ in range(2):
        await after_the_listing(network)
    await story.give_answer(network, theirs, story.reply())
    assert (await story.payload(network, "XBB", theirs, "verification.reply")).prev not in dropped


async def test_withdrawal_of_a_case_that_cannot_be_read_ends_no_look_at_what_expired(
    network: Network, tmp_path: Path
) -> None:
    """One spoiled case of an old epoch does not keep the messages of all others from coming to an end."""
    ours, _ = await withdrawn(network)
    row = await story.row(network, "XAA", ours)
    spoiled = row._replace(sealed=spoilt(row.sealed), version=row.version + 1)
    await network.gateways["XAA"].store.commit(lambda tx: tx.save_case(spoiled))
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    network.clock.pass_(days=31)
    await network.gateways["XAA"].deliverer.look()
    assert "undelivered" == (await outbox(network, "XAA", ours))[-1].state


async def test_reply_taken_back_is_said_again_that_a_wrong_clock_refuses(network: Network) -> None:
    """A return rests on it there, and whoever took it back cannot do so twice; a person knows why it is late."""
    ours, theirs = await homeward.accepted(network)
    asked = network.gateways["XBB"]
    with wrong_clock(network, "XAA", -20):
        await asked.notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
        await network.deliver(refresh=False)
    assert (await story.case(network, "XAA", ours)).reply is not None
    network.clock.pass_(hours=1)
    await network.deliver()
    assert (await story.case(network, "XAA", ours)).reply is None
    assert [anew.WRONG_CLOCK] == await findings_of(network, "XBB", theirs)
    assert ["refused", "receipted"] == [row.state for row in await outbox(network, "XBB", theirs)][-2:]
