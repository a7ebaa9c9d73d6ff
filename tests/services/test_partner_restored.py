"""What a partner that was restored goes by that it had refused, and what a rule keeps from it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.case import State
from gateway.core.machine import NOT_TOLD
from gateway.core.messages import RESYNC
from gateway.core.notices import open_demands
from gateway.services import epochs
from gateway.services.resync import PASSED_OVER
from tests.support import homeward, story
from tests.support.network import Network, wrong_clock
from tests.support.restoring import back_up, findings_of, next_card_of, outbox, refused_for_its_times, restore, settle


async def test_acceptance_that_was_replaced_is_stopped_where_a_restored_partner_goes_by_it(
    network: Network, tmp_path: Path
) -> None:
    """An acceptance refused for its times, and a refusal after it: a partner that forgot both does not go on."""
    ours, theirs = await homeward.proposed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await refused_for_its_times(network, homeward.accept(network, theirs))
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "second", "liaison_officer")
    await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)
    assert [text for text in await findings_of(network, "XBB", theirs) if "that it had refused" in text]


@pytest.mark.parametrize("second", ["NOT_FOUND", "NATIONAL"])
async def test_reply_that_was_replaced_is_struck_where_a_restored_partner_goes_by_it(
    network: Network, tmp_path: Path, second: str
) -> None:
    """A reply refused for its times, then another: a partner that forgot both rests on none but what holds."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await refused_for_its_times(network, story.give_answer(network, theirs, story.reply("NATIONAL")))
    await story.give_answer(network, theirs, story.reply(second))
    await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network)
    rests_on = (await story.case(network, "XAA", ours)).reply
    assert (None if second == "NOT_FOUND" else "NATIONAL") == (rests_on and rests_on["outcome"])


async def test_nothing_is_taken_back_of_what_replaces_nothing(network: Network, tmp_path: Path) -> None:
    """A delay that was refused for its times is taken by a partner that forgot so: people are told, and no more."""
    _, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    delay = network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await refused_for_its_times(network, delay)
    await restore(network, "XAA", backup)
    await settle(network, 1)
    assert [text for text in await findings_of(network, "XBB", theirs) if "that it had refused" in text]
    assert ["receipted", "refused"] == [row.state for row in await outbox(network, "XBB", theirs)]


async def test_erased_case_keeps_no_restored_partner_from_being_met(network: Network, tmp_path: Path) -> None:
    """Nothing is left of what it had heard in that case, nor of the case that could tell a desk so."""
    gateway, other = network.gateways["XAA"], await story.sent(network)
    erased, _ = await story.received(network)
    await gateway.store.commit(lambda tx: tx.erase_case(erased))
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    assert {2} == {row.attempts for row in await outbox(network, "XAA", other)}


async def test_message_that_a_rule_holds_back_stops_nothing_behind_it(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An acceptance whose reply has run out is not posted again; word that the person arrived is heard all the same."""
    reply = story.reply
    monkeypatch.setattr(story, "reply", lambda *a, **k: reply(*a, **{"valid_until": "2026-12-16", **k}))
    ours, theirs = await homeward.departed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    network.clock.pass_(days=3)
    await network.refresh()
    await restore(network, "XAA", backup)
    await settle(network, 2)
    assert [text for text in await findings_of(network, "XBB", theirs) if "a rule stands against" in text]
    returning = network.gateways["XAA"].returning
    seen = await returning.protocol(ours, homeward.PROTOCOL, "escort", "escort")
    signed = network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort")
    await returning.hand_over(ours, homeward.PROTOCOL, signed, "escort")
    await network.deliver()
    await homeward.confirm_handover(network, theirs)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "HANDED_OVER" == await story.state(network, "XAA", ours)


async def plan_passed_over(network: Network, folder: Path) -> tuple[str, str]:
    """Have XBB forget a plan with medical needs that may be told no more, and XAA not post it again; return both."""
    ours, theirs = await homeward.documented(network)
    returning = network.gateways["XAA"].returning
    agreed = {**homeward.TRAVEL, "medical_consent_on": "2026-11-24"}
    await returning.record(ours, homeward.record(decision=homeward.DECISION, travel=agreed), "first", "case_officer")
    await returning.schedule(ours, {**homeward.JOURNEY, "medical_needs": ["OXYGEN"]}, "second")
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    backup = back_up(network, "XBB", folder / "backup")
    await network.deliver()
    assert "SCHEDULED" == await story.state(network, "XBB", theirs)
    full = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL)
    await returning.record(ours, full, "first", "case_officer")
    await restore(network, "XBB", backup)
    await settle(network, 2)
    return ours, theirs


async def test_plan_is_not_posted_again_with_needs_that_may_be_told_no_more(network: Network, tmp_path: Path) -> None:
    """Who takes back that medical needs are told: a State that was restored since is not told of them anew (R-23)."""
    ours, theirs = await plan_passed_over(network, tmp_path)
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    assert [text for text in await findings_of(network, "XAA", ours) if "a rule stands against" in text]


@pytest.mark.parametrize(("step", "there"), [("suspend", "SUSPENDED"), ("cancel", "DOCUMENTED")])
async def test_stop_is_heard_behind_what_a_rule_kept_from_a_restored_partner(
    network: Network, tmp_path: Path, step: str, there: str
) -> None:
    """What a partner forgot and was not told again comes along with word of a stop, which is heard after it alone."""
    ours, theirs = await plan_passed_over(network, tmp_path)
    returning = network.gateways["XAA"].returning
    await (
        returning.suspend(ours, "danger", "welfare", "child_welfare")
        if step == "suspend"
        else returning.cancel(ours, "first", "case_officer")
    )
    await settle(network, 1)
    assert there == await story.state(network, "XBB", theirs)
    assert {"receipted"} == {row.state for row in await outbox(network, "XAA", ours)}


async def test_plan_that_waited_for_its_day_longer_than_a_month_is_posted_again(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a partner forgot counts from when it could leave: a State that awaited somebody still does."""
    monkeypatch.setattr(homeward, "DOCUMENT", {**homeward.DOCUMENT, "valid_until": "2027-02-20"})
    ours, theirs = await homeward.documented(network)
    gateway, travel = network.gateways["XAA"], {**homeward.TRAVEL, "departs_at": "2027-01-08T08:30:00+00:00"}
    full = homeward.record(decision=homeward.DECISION, travel=travel)
    await gateway.returning.record(ours, full, "first", "case_officer")
    await gateway.returning.schedule(ours, {**homeward.JOURNEY, "arrives_at": "2027-01-08T12:10:00Z"}, "second")
    for _ in range(40):
        network.clock.pass_(days=1)
        await network.refresh()
    backup = back_up(network, "XBB", tmp_path / "backup")
    network.clock.pass_(days=1)
    await network.deliver()
    await gateway.retention.run_once(network.clock.now())
    await restore(network, "XBB", backup)
    await settle(network, 1)
    assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("forgotten", [True, False], ids=["forgotten", "known"])
async def test_answer_that_was_under_way_over_a_restore_does_not_stand_for_what_was_forgotten(
    network: Network, tmp_path: Path, forgotten: bool
) -> None:
    """
    An acknowledgement is taken, its answer is late, and the restore is noticed first: it is posted again all the same.

    A partner that knows it gives the same answer again, and the case moves once.
    """
    ours, theirs = await story.received(network)
    backup = None if not forgotten else back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    network.wires.lose_answers = True
    await network.deliver(refresh=False)
    network.wires.lose_answers = False
    (row,), late = await outbox(network, "XBB", theirs), network.wires.answers[-1].body
    await restore(network, "XAA", backup or back_up(network, "XAA", tmp_path / "backup"))
    deliverer = network.gateways["XBB"].deliverer
    await deliverer.settle(row, late)
    await deliverer.settle(row, late)
    await settle(network, 1)
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    await network.deliver()
    assert ["receipted"] * 2 == [one.state for one in await outbox(network, "XBB", theirs)]
    events = await network.gateways["XBB"].store.read(lambda tx: tx.events(theirs))
    assert 2 == [event.event for event in events].count("receipt")


async def test_what_is_posted_again_already_is_not_begun_a_second_time(network: Network, tmp_path: Path) -> None:
    """A return that goes on twice: what a restored State is told again meanwhile stays under way once."""
    _ours, theirs = await homeward.accepted(network)
    gateway, stopped = network.gateways["XBB"], []
    await gateway.returning.suspend(theirs, "doubt", "welfare", "child_welfare")
    await network.deliver()
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await settle(network)
    network.wires.cut = True
    for _ in range(2):
        await gateway.hold.release(theirs, "welfare", "child_welfare")
        await gateway.hold.resume(theirs, "first", "registry_clerk")
        await gateway.deliverer.run_once()
        stopped.append({row.id: row.attempts for row in await outbox(network, "XBB", theirs) if row.answer is not None})
        await gateway.returning.suspend(theirs, "doubt", "welfare", "child_welfare")
    assert stopped[0] == stopped[1]
    assert {row.state for row in await outbox(network, "XBB", theirs) if row.answer is not None} == {"posted"}


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_what_took_data_back_after_a_withdrawal_comes_back_with_all_that_stands_before_it(
    network: Network, tmp_path: Path, country: str
) -> None:
    """A partner that forgot the thread hears of the erasure once the numbers before it are used there (M-5.6)."""
    partner = "XBB" if country == "XAA" else "XAA"
    backup = back_up(network, partner, tmp_path / "backup")
    ours, theirs = await story.replied(network)
    asking, ref = network.gateways["XAA"], {"XAA": ours, "XBB": theirs}[country]
    await asking.hold.freeze(ours, "known now", "first", "case_officer")
    await asking.hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    role, part = {"XAA": ("case_officer", "NAMES"), "XBB": ("registry_clerk", "REPLY")}[country]
    notices = network.gateways[country].notices
    await notices.strike(ref, [part], "first", role)
    await notices.demand_erasure(ref, "first", role)
    await network.deliver()
    await restore(network, partner, backup)
    await settle(network, 2)
    assert {"receipted", "refused"} >= {row.state for row in await outbox(network, country, ref)}


async def collect(network: Network) -> None:
    """Let XBB fetch what XAA has for it, again and again for two hours, and XAA post nothing by itself."""
    for _ in range(8):
        network.clock.pass_(minutes=15)
        await network.gateways["XBB"].collector.run_once("XAA")


@pytest.mark.parametrize("come", [settle, collect])
@pytest.mark.parametrize("heard", [False, True], ids=["before it leaves", "heard before"])
async def test_withdrawal_waits_for_no_confirmation_behind_what_a_restored_partner_forgot(
    network: Network, tmp_path: Path, heard: bool, come: Callable[[Network], Awaitable[None]]
) -> None:
    """What stands before the confirmation is not posted again: it is said behind the withdrawal, which closes that."""
    ours, theirs = await story.replied(network)
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    await network.deliver()
    backup = back_up(network, "XBB", tmp_path / "backup")
    asking = network.gateways["XAA"]
    await asking.notices.ask_use(ours, "first", "case_officer")
    await network.deliver()
    await asking.notices.confirm(ours, 1, "DONE", "first", "case_officer")
    await network.deliver()
    await asking.hold.freeze(ours, "known now", "first", "case_officer")
    await asking.hold.withdraw(ours, "first", "case_officer")
    if heard:
        network.clock.pass_(hours=1)
        await network.deliver()
    await restore(network, "XBB", backup)
    await come(network)
    case = await story.case(network, "XBB", theirs)
    assert ("WITHDRAWN", ()) == (case.state, open_demands(case))
    assert {"receipted"} == {row.state for row in await outbox(network, "XAA", ours)}


async def put_right(network: Network, ours: str) -> None:
    """Have XAA send another date of birth in place of a wrong one, and its case frozen once it was heard."""
    notices = network.gateways["XAA"].notices
    pending = await notices.prepare_rectification(
        ours, ["BIRTH_DATE"], {"birth_date": "1999-01-02"}, "first", "case_officer"
    )
    thread = (await story.row(network, "XAA", ours)).thread
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await notices.rectify(ours, signed, "second")


async def strike(network: Network, ours: str) -> None:
    await network.gateways["XAA"].notices.strike(ours, ["BIRTH_DATE"], "first", "case_officer")


async def demand(network: Network, ours: str) -> None:
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", "case_officer")


@pytest.mark.parametrize("frozen", [False, True], ids=["withdrawn", "frozen"])
@pytest.mark.parametrize("say", [put_right, strike, demand])
async def test_what_took_data_back_before_a_withdrawal_is_not_forgotten(
    network: Network, tmp_path: Path, say: Callable[[Network, str], Awaitable[None]], frozen: bool
) -> None:
    """A restored partner hears that a value was wrong, or is to be destroyed, whether the withdrawal came before."""
    ours, theirs = await story.replied(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await say(network, ours)
    await network.deliver()
    asking = network.gateways["XAA"]
    await asking.hold.freeze(ours, "known now", "first", "case_officer")
    if frozen:
        await restore(network, "XBB", backup)
        await settle(network, 1)
    await asking.hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    if not frozen:
        await restore(network, "XBB", backup)
    await settle(network, 2)
    case = await story.case(network, "XBB", theirs)
    wrong = say is not demand and "birth_date" in case.received["elements"]
    assert ("WITHDRAWN", False, 1) == (case.state, wrong, len(case.notices))
    assert () == (await story.case(network, "XAA", ours)).findings


@pytest.mark.parametrize("order", ["closed before", "closed after", "closed while the line is down"])
async def test_request_that_was_set_aside_is_not_posted_again(network: Network, tmp_path: Path, order: str) -> None:
    """A State that forgot a request is not asked anew by one that stopped it and closed it (decision 0038)."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await story.received(network)
    asking = network.gateways["XAA"]
    if order == "closed while the line is down":
        network.wires.cut = True
        await restore(network, "XBB", backup)
        await network.deliver()
    await asking.returning.suspend(ours, "a colleague asks", "first", "case_officer")
    if order != "closed after":
        await asking.clear.close(ours, "first")
    network.wires.cut = False
    if order != "closed while the line is down":
        await restore(network, "XBB", backup)
    await settle(network)
    if order == "closed after":
        await asking.clear.close(ours, "first")
        await settle(network)
    assert [] == list(await network.gateways["XBB"].store.read(lambda tx: tx.case_refs("", 10)))


async def test_what_takes_back_in_a_case_that_was_set_aside_is_told_another_way_to_who_forgot_it(
    network: Network, tmp_path: Path
) -> None:
    """What stands before it is not posted again, so it is not heard there; whoever asked is told at once."""
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await story.received(network)
    asking = network.gateways["XAA"]
    await asking.returning.suspend(ours, "a colleague asks", "first", "case_officer")
    await asking.clear.close(ours, "first")
    await asking.notices.strike(ours, ["NAMES"], "first", "case_officer")
    await network.deliver()
    await restore(network, "XBB", backup)
    await settle(network)
    assert [] == list(await network.gateways["XBB"].store.read(lambda tx: tx.case_refs("", 10)))
    assert [NOT_TOLD] == list(await findings_of(network, "XAA", ours))
    assert ["receipted", "receipted"] == [row.state for row in await outbox(network, "XAA", ours)]


@pytest.mark.parametrize("before", [True, False], ids=["closed before", "closed after"])
@pytest.mark.parametrize("refused", [True, False])
async def test_right_value_is_told_again_by_a_case_that_was_set_aside_if_it_was_told(
    network: Network, tmp_path: Path, refused: bool, before: bool
) -> None:
    """Who forgot it goes by the wrong one again, in a request that it has still; who had refused it never had it."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    asking = network.gateways["XAA"]
    with wrong_clock(network, "XBB", -20 if refused else 0):
        await put_right(network, ours)
        await network.deliver(refresh=False)
    await asking.returning.suspend(ours, "a colleague asks", "first", "case_officer")
    if before:
        await asking.clear.close(ours, "first")
    await restore(network, "XBB", backup)
    await settle(network)
    if not before:
        await asking.clear.close(ours, "first")
        await settle(network)
    elements = (await story.case(network, "XBB", theirs)).received["elements"]
    assert refused is (elements["birth_date"] != "1999-01-02")
    assert ("refused" if refused else "receipted") == (await outbox(network, "XAA", ours))[-1].state
    assert PASSED_OVER not in await findings_of(network, "XAA", ours)


async def test_answer_of_a_stopped_case_is_heard_again_by_who_forgot_it_once_that_is_closed(
    network: Network, tmp_path: Path
) -> None:
    """Who is asked owes it, in whichever order the case is put away there and the other State restored (0038)."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()
    held = {"resume_to": State.PROPOSED, "holders": (("XAA", "partner"),)}
    await story.put(network, "XBB", theirs, State.SUSPENDED, **held)
    await restore(network, "XAA", backup)
    await settle(network)
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)
    await network.gateways["XBB"].answer.close(theirs, "first")
    await settle(network)
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_a_card_that_raises_the_epoch_again_and_again_costs_a_few_times_a_day(network: Network) -> None:
    """A card is made in a moment, and each epoch has all of a month posted again: beyond some it waits for a day."""
    ours, _ = await story.received(network)

    def noticed() -> int:
        return sum(event == "partner.restored" for event, _ in network.logs)

    for epoch in range(2, 2 + 3 * epochs.A_DAY):
        next_card_of(network, "XBB", epoch=epoch)
        network.clock.pass_(minutes=15)
        await network.refresh()
    # The one that its card named before counts too.
    assert epochs.A_DAY - 1 == noticed()
    assert epochs.A_DAY == (await outbox(network, "XAA", ours))[0].attempts
    network.clock.pass_(days=1)
    await network.refresh()
    assert epochs.A_DAY == noticed()


async def test_a_listing_that_was_taken_leaves_no_bytes(network: Network) -> None:
    """It is never posted again, and a State may have one made for each epoch that it begins."""
    await story.received(network)
    next_card_of(network, "XBB", epoch=2)
    await network.refresh()
    waiting = await network.gateways["XAA"].store.read(lambda tx: tx.waiting_outbound("XBB"))
    (listed,) = [row for row in waiting if row.type == RESYNC]
    assert listed.envelope is not None
    await network.gateways["XAA"].deliverer.run_once()
    row = await network.gateways["XAA"].store.read(lambda tx: tx.find_outbound("XBB", listed.id))
    assert row is not None
    assert ("receipted", None, None) == (row.state, row.envelope, row.sealed)


@pytest.mark.parametrize("stop", ["suspend", "freeze"])
async def test_recall_that_a_stop_keeps_from_who_forgot_it_is_told_to_people(
    network: Network, tmp_path: Path, stop: str
) -> None:
    """Who is back is awaited by a State that forgot she was called back; her case is stopped, and says nothing."""
    ours, theirs = await homeward.departed(network)
    network.clock.pass_(hours=1)
    backup = back_up(network, "XBB", tmp_path / "backup")
    gateway = network.gateways["XAA"]
    await gateway.returning.recall(ours, "danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await network.deliver()
    await gateway.returning.returned(ours, "first", "case_officer")
    await (gateway.returning.suspend if stop == "suspend" else gateway.hold.freeze)(
        ours, "looked into", "welfare", "child_welfare"
    )
    network.clock.pass_(hours=1)
    await restore(network, "XBB", backup)
    await settle(network)
    assert "DEPARTED" == await story.state(network, "XBB", theirs)
    assert PASSED_OVER in await findings_of(network, "XAA", ours)
