"""What a restore, a stop and a missing key do to one another: each word is heard, once and in order."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.machine import RuleRefused
from gateway.core.messages import RECTIFICATION
from gateway.services.rows import OutboundRow
from tests.support import homeward, story
from tests.support.holds import held
from tests.support.network import Network, make_network, wrong_clock
from tests.support.no_contact import listed
from tests.support.restoring import (
    back_up,
    findings_of,
    outbox,
    put_back,
    refused_a_forgotten_stop,
    refused_for_its_times,
    restore,
    settle,
)
from tests.support.spoilt import spoilt


async def test_withdrawal_that_a_restored_state_refuses_for_its_times_is_said_again(
    network: Network, tmp_path: Path
) -> None:
    """A withdrawal that a State forgot, and whose slow clock refuses it when it is posted again, is heard later."""
    ours, theirs = await story.acknowledged(network)
    network.clock.pass_(minutes=30)
    backup = back_up(network, "XBB", tmp_path / "backup")
    gateway = network.gateways["XAA"]
    await gateway.hold.freeze(ours, "known now", "first", "case_officer")
    await gateway.hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(minutes=31)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    network.clock.pass_(minutes=2)
    await restore(network, "XBB", backup)
    with wrong_clock(network, "XBB", -40):
        await network.deliver(refresh=False)
    await settle(network)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def replaced_reply(network: Network, folder: Path) -> tuple[str, str]:
    """Have XAA refuse a reply, take another one, and forget both in a restore; return both cases."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", folder / "backup")
    await refused_for_its_times(network, story.give_answer(network, theirs, story.reply("NATIONAL")))
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network)
    return ours, theirs


async def test_valid_reply_is_not_struck_by_a_second_restore(network: Network, tmp_path: Path) -> None:
    """What was taken back once is not taken back again at another restore, which would strike the answer that holds."""
    ours, theirs = await replaced_reply(network, tmp_path)
    assert (await story.case(network, "XAA", ours)).reply is None
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply("NATIONAL", confidence="MEDIUM"))
    await network.deliver()
    assert (await story.case(network, "XAA", ours)).reply["outcome"] == "NATIONAL"
    network.clock.pass_(hours=1)
    second = back_up(network, "XAA", tmp_path / "second")  # nothing is lost by it
    await restore(network, "XAA", second)
    await settle(network)
    case = await story.case(network, "XAA", ours)
    assert case.reply is not None


async def test_second_restore_strikes_once(network: Network, tmp_path: Path) -> None:
    """However often a State is restored, a reply that it had refused is struck once."""
    _, theirs = await replaced_reply(network, tmp_path)
    for n in range(3):
        await restore(network, "XAA", back_up(network, "XAA", tmp_path / f"again{n}"))
        await settle(network)
    assert 1 == [r.type for r in await outbox(network, "XBB", theirs)].count(RECTIFICATION)


async def test_acceptance_that_another_replaced_is_taken_back(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two States do not arrange a return by two acceptances: the one that was replaced is stopped."""
    ours, theirs = await homeward.proposed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await refused_for_its_times(network, homeward.accept(network, theirs))
    assert "PROPOSED" == await story.state(network, "XBB", theirs)
    other = {**homeward.ANSWER, "carer": {**homeward.ANSWER["carer"], "class": "FOSTER_FAMILY"}}
    monkeypatch.setattr(homeward, "ANSWER", other)
    await homeward.accept(network, theirs)
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)
    await restore(network, "XAA", backup)
    await settle(network)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_departure_and_recall_that_waited_both_are_heard(network: Network, tmp_path: Path) -> None:
    """A person who left and is called back is awaited and called back there too, where a backup held word of both."""
    ours, theirs = await homeward.on_the_day(network)
    returning = network.gateways["XAA"].returning
    await returning.depart(ours, "escort")
    await returning.recall(ours, "danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await settle(network)
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("early", [True, False])
async def test_recall_after_the_restore_does_not_overtake_the_departure(
    network: Network, tmp_path: Path, early: bool
) -> None:
    """Word that a person left goes before word that she is called back, and neither waits for a listing."""
    ours, theirs = await homeward.on_the_day(network)
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    for country in ("XBB", "XAA"):
        await network.gateways[country].refresh_trust()
    await network.gateways["XAA"].returning.recall(ours, "danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    if early:
        await network.gateways["XAA"].deliverer.run_once()
    await settle(network)
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


async def off_the_list(network: Network) -> None:
    """Take XBB off the list of States not to be contacted."""
    keeper = network.gateways["XAA"].no_contact
    await keeper.lift("XBB", "over", "second", "liaison_officer")
    await keeper.confirm_lift("XBB", "over", "board", "foreign_affairs")


async def test_what_a_restored_state_on_the_list_lost_is_posted_once_it_is_off(
    network: Network, tmp_path: Path
) -> None:
    """What may not be posted to a State while it is not to be contacted is posted again afterwards."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _theirs = await story.received(network)
    network.clock.pass_(hours=1)
    await listed(network)
    await restore(network, "XBB", backup)
    await settle(network)
    await off_the_list(network)
    network.clock.pass_(hours=1)
    await settle(network)
    assert "RECEIVED" == await story.state(network, "XBB", await story.twin(network, ours))


async def test_what_follows_is_heard_too(network: Network, tmp_path: Path) -> None:
    """A message behind one that was lost by such a State is heard once both may leave."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _theirs = await story.received(network)
    network.clock.pass_(hours=1)
    await listed(network)
    await restore(network, "XBB", backup)
    await settle(network)
    await off_the_list(network)
    await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
    await settle(network)
    assert "receipted" == (await outbox(network, "XAA", ours))[-1].state


async def test_resumed_case_goes_back_to_where_it_was(network: Network) -> None:
    """Word that a journey is off, which waits for a key, is no plan: a stop does not lead back to before it."""
    ours, _theirs = await homeward.scheduled(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    await held(network, "XAA", "XBB")
    gateway = network.gateways["XAA"]
    await gateway.returning.cancel(ours, "first", "case_officer")
    await gateway.returning.reassess(ours, "first", "case_officer")
    assert "CONSIDERED" == await story.state(network, "XAA", ours)
    await gateway.returning.suspend(ours, "doubt", "welfare", "child_welfare")
    case = await story.case(network, "XAA", ours)
    await gateway.hold.release(ours, "welfare", "child_welfare")
    await gateway.hold.resume(ours, "first", "case_officer")
    assert "CONSIDERED" == case.resume_to


async def test_cancellation_is_not_lost_by_a_stop(network: Network) -> None:
    """Word that a journey is off is kept when the return is stopped, and leaves when it goes on."""
    ours, theirs = await homeward.scheduled(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    lifted = await held(network, "XAA", "XBB")
    gateway = network.gateways["XAA"]
    await gateway.returning.cancel(ours, "first", "case_officer")
    await gateway.returning.suspend(ours, "doubt", "welfare", "child_welfare")
    await lifted()
    await network.deliver()
    await gateway.hold.release(ours, "welfare", "child_welfare")
    await gateway.hold.resume(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_spoiled_word_of_a_stop_stops_no_second_stop(network: Network) -> None:
    """A stop does not fail for an earlier message that cannot be read any more."""
    _ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XBB"]
    await gateway.returning.suspend(theirs, "doubt", "welfare", "child_welfare")
    row = (await outbox(network, "XBB", theirs))[-1]
    await gateway.store.commit(lambda tx: tx.save_outbound(row._replace(sealed=spoilt(row.sealed))))
    await gateway.hold.freeze(theirs, "danger", "protection", "asylum_authority")
    assert "FROZEN" == await story.state(network, "XBB", theirs)


async def test_refusal_that_a_restored_state_takes_now_stops_no_later_return(network: Network, tmp_path: Path) -> None:
    """A refusal of a return that stands is no acceptance to be stopped."""
    ours, theirs = await homeward.proposed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await refused_for_its_times(
        network, network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "second", "liaison_officer")
    )
    await network.deliver()
    await restore(network, "XAA", backup)
    for _ in range(6):
        await network.gateways["XBB"].deliverer.run_once()
        if [r for r in await outbox(network, "XBB", theirs) if r.type == "suspension"]:
            break
    network.wires.cut = True
    returning = network.gateways["XAA"].returning
    pending = await returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    await homeward.endorse(network, ours, pending)
    await returning.propose(ours, "first", "case_officer")
    network.wires.cut = False
    await settle(network)
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)


async def test_demand_that_never_left_is_open(network: Network) -> None:
    """A demand to erase that never came is shown as open to whoever looks."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    network.wires.cut = True
    await gateway.notices.demand_erasure(ours, "first", "case_officer")
    await network.deliver(1)
    network.clock.pass_(days=31)
    await gateway.deliverer.look()
    assert "undelivered" == (await outbox(network, "XAA", ours))[-1].state
    (one,) = await gateway.notices.recipients(ours, "first", "case_officer", "to correct it")
    assert 1 == len(one.open)


async def test_spoiled_demand_keeps_no_correction_from_others(network: Network) -> None:
    """Who may hold the data of a person is told although one message cannot be read."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.notices.strike(ours, ["NAMES"], "first", "case_officer")
    await network.deliver()
    row = (await outbox(network, "XAA", ours))[-1]
    await gateway.store.commit(lambda tx: tx.save_outbound(row._replace(sealed=spoilt(row.sealed))))
    found = await gateway.notices.recipients(ours, "first", "case_officer", "to correct it")
    assert [(ours, 1)] == [(one.ref, len(one.open)) for one in found]


async def test_what_is_said_of_a_stop_refused_again_is_logged(network: Network, tmp_path: Path) -> None:
    """What a restored State says of a stop, otherwise than before, is recorded (M-5.28)."""
    _, theirs = await refused_a_forgotten_stop(network, tmp_path)
    found = await findings_of(network, "XBB", theirs)
    assert [text for text in found if "since it was restored the other State says" in text]


async def test_spoiled_reply_that_was_refused_holds_up_nothing(network: Network, tmp_path: Path) -> None:
    """A reply that cannot be read any more keeps neither its own answer nor what follows from being stored."""
    _ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await refused_for_its_times(network, story.give_answer(network, theirs, story.reply("NATIONAL")))
    await story.give_answer(network, theirs, story.reply("NATIONAL", confidence="MEDIUM"))
    await network.deliver()
    row = next(r for r in await outbox(network, "XBB", theirs) if r.state == "refused")
    await network.gateways["XBB"].store.commit(lambda tx: tx.save_outbound(row._replace(sealed=spoilt(row.sealed))))
    await restore(network, "XAA", backup)
    await settle(network)
    assert not [r for r in await outbox(network, "XBB", theirs) if r.state == "posted"]


async def test_word_that_a_return_goes_on_is_not_lost_by_a_freeze(network: Network) -> None:
    """The end of a stop that was told is told too, once a freeze after it is over."""
    ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XAA"]
    await gateway.returning.suspend(ours, "not today", "welfare", "child_welfare")
    await network.deliver()
    lifted = await held(network, "XAA", "XBB")
    await gateway.hold.release(ours, "welfare", "child_welfare")
    await gateway.hold.resume(ours, "first", "case_officer")
    await gateway.hold.freeze(ours, "doubt", "welfare", "child_welfare")
    await lifted()
    await gateway.hold.release(ours, "welfare", "child_welfare")
    await gateway.hold.resume(ours, "first", "case_officer")
    await gateway.hold.resume(ours, "second", "liaison_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_cancellation_is_heard_after_a_restore(network: Network, tmp_path: Path) -> None:
    """Nobody is awaited for a journey that was off before a restore."""
    ours, theirs = await homeward.scheduled(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    await network.gateways["XAA"].returning.cancel(ours, "first", "case_officer")
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await settle(network)
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_second_plan_that_is_cancelled_takes_no_cancellation_along(network: Network) -> None:
    """Word that the first journey is off is heard, although a second plan was dropped meanwhile."""
    ours, theirs = await homeward.scheduled(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    returning = network.gateways["XAA"].returning
    lifted = await held(network, "XAA", "XBB")
    await returning.cancel(ours, "first", "case_officer")
    await lifted()
    later = {**homeward.TRAVEL, "departs_at": (homeward.DEPARTS_AT + timedelta(days=4)).isoformat()}
    await returning.record(
        ours, homeward.record(False, decision=homeward.DECISION, travel=later), "first", "case_officer"
    )
    await returning.schedule(ours, {**homeward.JOURNEY, "arrives_at": "2026-12-18T12:10:00Z"}, "second")
    await returning.cancel(ours, "first", "case_officer")
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_acceptance_taken_back_twice_stops_no_new_return(network: Network, tmp_path: Path) -> None:
    """However often a State is restored, an acceptance that it had refused is stopped once."""
    _ours, theirs = await homeward.proposed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await refused_for_its_times(network, homeward.accept(network, theirs))
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "second", "liaison_officer")
    await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network)
    for n in range(2):
        await restore(network, "XAA", back_up(network, "XAA", tmp_path / f"again{n}"))
        await settle(network)
    assert 1 == [r.type for r in await outbox(network, "XBB", theirs)].count("suspension")


async def test_collecting_state_hears_of_a_cancellation_behind_a_stop(tmp_path: Path) -> None:
    """A State that collects hears of a journey that is off, although the return was stopped before it came."""
    network = await make_network(tmp_path / "n", extra='transmission = "pull"\n')
    try:

        async def both() -> None:
            for _ in range(4):
                for a, b in (("XBB", "XAA"), ("XAA", "XBB")):
                    await network.gateways[a].collector.run_once(b)

        network.deliver = lambda *a, **k: both()  # type: ignore[method-assign]
        ours, theirs = await homeward.scheduled(network)
        homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
        await network.refresh()
        await both()
        assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)
        gateway = network.gateways["XAA"]
        await gateway.returning.cancel(ours, "first", "case_officer")
        await gateway.returning.suspend(ours, "doubt", "welfare", "child_welfare")
        await both()
        await gateway.hold.release(ours, "welfare", "child_welfare")
        await gateway.hold.resume(ours, "first", "case_officer")
        network.clock.pass_(hours=1)
        await both()
        assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    finally:
        await network.close()


async def test_recall_on_hold_after_a_restore_waits_for_no_listing(network: Network, tmp_path: Path) -> None:
    """A recall placed while the other State is on hold goes before a report of the new epoch, once it is not."""
    ours, theirs = await homeward.delivered(network)
    await homeward.confirm_handover(network, theirs, days=7)
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    for country in ("XBB", "XAA"):
        await network.gateways[country].refresh_trust()
    returning, today = network.gateways["XBB"].returning, network.clock.now().date().isoformat()
    await returning.report(theirs, "SEEN_CONCERN", today, False, "reception", "reception")
    lifted = await held(network, "XBB", "XAA")
    await returning.recall(theirs, "danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await lifted()
    await network.gateways["XBB"].deliverer.run_once()
    await network.gateways["XBB"].deliverer.run_once()
    assert "RECALL" == await story.state(network, "XAA", ours)


async def test_waiting_stop_does_not_leave_for_a_listed_state(network: Network) -> None:
    """Word of a stop that waits for a key does not leave for a State that is not to be contacted meanwhile."""
    ours, _theirs = await homeward.accepted(network)
    lifted = await held(network, "XAA", "XBB")
    await network.gateways["XAA"].returning.suspend(ours, "danger", "welfare", "child_welfare")
    await listed(network)
    await lifted()
    network.wires.posted.clear()
    await network.deliver()
    assert [] == [p for p in network.wires.posted if p[0] == "XBB"]


async def test_waiting_stop_is_dropped_by_a_freeze(network: Network) -> None:
    """Word of a stop that waits for a key does not leave once the case was frozen and withdrawn."""
    ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XAA"]
    lifted = await held(network, "XAA", "XBB")
    await gateway.returning.suspend(ours, "danger", "welfare", "child_welfare")
    await gateway.hold.freeze(ours, "known", "protection", "asylum_authority")
    await gateway.hold.withdraw(ours, "protection", "asylum_authority")
    await lifted()
    await network.deliver()
    assert "ACCEPTED" == await story.state(network, "XBB", theirs)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_exercise_reply_is_struck_too(network: Network, tmp_path: Path) -> None:
    """What was replaced is struck in an exercise as in a real case."""
    gateway = network.gateways["XAA"]
    make = gateway.clear.new

    async def new(draft, person):  # type: ignore[no-untyped-def]
        return await make(draft, person, exercise=True)

    gateway.clear.new = new  # type: ignore[method-assign]
    ours, _ = await replaced_reply(network, tmp_path)
    assert (await story.case(network, "XAA", ours)).exercise
    assert (await story.case(network, "XAA", ours)).reply is None


async def declined(network: Network, *, arrived: bool) -> tuple[str, str]:
    """
    Have XAA propose a return, strike what it sent, and decline; return both cases, the line being down.

    Of the proposal, which ``arrived`` or not, no receipt came, so that what was struck waits behind it.
    """
    ours, theirs = await homeward.prepared(network)
    desk = network.gateways["XAA"]
    await desk.returning.propose(ours, "first", "case_officer")
    network.wires.lose_answers, network.wires.cut = arrived, not arrived
    await desk.deliverer.run_once()
    network.wires.lose_answers, network.wires.cut = False, True
    await desk.notices.strike(ours, ["BIRTH_PLACE"], "first", "case_officer")
    await desk.returning.reassess(ours, "first", "case_officer")
    await desk.returning.decline(ours, "coordinator", "coordinator")
    return ours, theirs


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "lost"])
@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "declined"])
async def test_a_withdrawal_waits_behind_nothing_and_shares_its_number_with_nothing(
    network: Network, *, arrived: bool, stopped: bool
) -> None:
    """What takes data back follows the withdrawal, also where it waited before, and whatever is stopped meanwhile."""
    ours, theirs = await declined(network, arrived=arrived)
    desk = network.gateways["XAA"]
    if stopped:
        await desk.hold.freeze(ours, "a need became known", "protection", "asylum_authority")
        await desk.hold.withdraw(ours, "protection", "asylum_authority")
        await desk.notices.strike(ours, ["BIRTH_PLACE"], "first", "case_officer")
    await desk.notices.demand_erasure(ours, "first", "case_officer")
    network.wires.cut = False
    for _ in range(4):
        network.clock.pass_(hours=1)
        await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    said = [row for row in await outbox(network, "XAA", ours) if row.state != "dropped"]
    assert ["withdrawal", "rectification", "erasure"] == [row.type for row in sorted(said, key=place)][-3:]
    assert {"receipted"} == {row.state for row in said}
    assert len(said) == len({row.seq for row in said})
    hour = next(row.not_before for row in said if row.type == "withdrawal")
    assert all(row.posted_at >= hour for row in said if row.type in ("rectification", "erasure"))


def place(row: OutboundRow) -> tuple[int, int]:
    """Return where a message stands in its thread."""
    return row.epoch, row.seq or 0


async def test_no_right_value_follows_a_withdrawal(network: Network) -> None:
    """Where a return was declined the other State is told that it is over, and gets no value after that (R-16)."""
    ours, theirs = await homeward.proposed(network)
    desk = network.gateways["XAA"]
    pending = await desk.notices.prepare_rectification(
        ours, ["BIRTH_DATE"], {"birth_date": "1999-01-02"}, "first", "case_officer"
    )
    kind, thread = "rectification.approval", await homeward.thread(network, ours)
    signed = network.approval(pending.digest, thread, "second", kind, "liaison_officer")
    network.wires.cut = True
    await desk.notices.rectify(ours, signed, "second")
    await desk.returning.reassess(ours, "first", "case_officer")
    await desk.returning.decline(ours, "coordinator", "coordinator")
    pending = await desk.notices.prepare_rectification(
        ours, ["BIRTH_DATE"], {"birth_date": "1999-01-03"}, "first", "case_officer"
    )
    signed = network.approval(pending.digest, thread, "second", kind, "liaison_officer")
    with pytest.raises(RuleRefused, match="R-16"):
        await desk.notices.rectify(ours, signed, "second")
    network.wires.cut = False
    for _ in range(3):
        network.clock.pass_(hours=1)
        await network.deliver()
    case = await story.case(network, "XBB", theirs)
    assert ("WITHDRAWN", False) == (case.state, "birth_date" in case.received["elements"])
