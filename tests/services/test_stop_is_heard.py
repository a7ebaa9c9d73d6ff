"""That a return is stopped reaches the other State, whatever stands before it in the thread."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core import wire
from gateway.core.case import State
from gateway.core.codes import Reason
from gateway.core.machine import NOT_TOLD
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    CONTEST,
    ELEMENTS,
    INTERVIEW_ANSWER,
    REISSUE,
    REMINDER,
    REQUEST,
    RESUMPTION,
    SAID_BY,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
    WITHDRAWAL,
)
from gateway.services import anew
from gateway.services.deliver import Line
from gateway.services.leaving import OF_A_RETURN, OF_AN_ANSWER, OF_DATA
from gateway.services.ports import HttpAnswer
from gateway.services.rows import OutboundRow
from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.holds import held, lift
from tests.support.network import Network, final, wrong_clock
from tests.support.no_contact import listed
from tests.support.restoring import back_up, outbox, refused_a_forgotten_stop, restore, settle

DAY = 24 * 60
"""Of minutes."""


async def under_way(network: Network, country: str, minor: bool = False) -> tuple[str, str, str]:
    """
    Have ``country`` post a message of a return that gets no answer, and restore the line.

    Returns its case, the other State and that one's case.
    """
    ours, theirs = await homeward.accepted(network, minor)
    person, role, _ = homeward.in_charge(minor)
    returning = network.gateways["XAA"].returning
    await returning.record(ours, homeward.record(minor, decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, person, role)
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    network.wires.cut = country == "XAA"
    await returning.request_document(ours, "first", "case_officer")
    await network.deliver(1)
    if country == "XBB":
        network.wires.cut = True
        await network.gateways["XBB"].returning.issue(theirs, homeward.DOCUMENT, "issuer")
        await network.deliver(1)
    network.wires.cut = False
    network.clock.pass_(hours=1)
    return (ours, "XBB", theirs) if country == "XAA" else (theirs, "XAA", ours)


async def last_two(network: Network, country: str, ref: str) -> list[tuple[str, str]]:
    """Return type and state of the last two messages of a case."""
    rows: list[OutboundRow] = list(await network.gateways[country].store.read(lambda tx: tx.outbound_of_case(ref)))
    return [(row.type, row.state) for row in rows[-2:]]


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_stop_is_heard_behind_a_message_that_got_no_answer(network: Network, country: str) -> None:
    """A message that was under way when the return was stopped is posted again, and the stop right after it."""
    ref, other, there = await under_way(network, country)
    await network.gateways[country].returning.suspend(ref, "danger", "welfare", "child_welfare")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, other, there)


async def test_freeze_of_the_accepting_side_is_heard_behind_a_message_that_got_no_answer(network: Network) -> None:
    """A veto of the asked State's child-welfare authority reaches the State that plans the return."""
    ref, other, there = await under_way(network, "XBB")
    await network.gateways["XBB"].hold.freeze(ref, "danger", "welfare", "child_welfare")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, other, there)


async def test_frozen_case_of_the_asking_side_says_nothing(network: Network) -> None:
    """Nothing leaves a case that its own side froze for a reason nobody may guess, neither the message nor a stop."""
    ref, *_ = await under_way(network, "XAA")
    await network.gateways["XAA"].returning.suspend(ref, "danger", "welfare", "child_welfare")
    await network.gateways["XAA"].hold.freeze(ref, "known now", "protection", "asylum_authority")
    assert 0 == await network.deliver()
    assert [("travel-document.request", "posted"), ("suspension", "dropped")] == await last_two(network, "XAA", ref)


async def test_message_without_a_stop_behind_it_stays(network: Network) -> None:
    """A stopped case from which no stop is told repeats nothing."""
    ref, *_ = await under_way(network, "XAA")
    await network.gateways["XAA"].hold.freeze(ref, "in doubt", "first", "case_officer")
    network.clock.pass_(hours=1)
    assert 0 == await network.deliver()


async def test_word_of_a_stop_that_may_not_leave_takes_nothing_along(network: Network) -> None:
    """To a State that is not to be contacted neither leaves, nor what was posted before it (N-01)."""
    ref, *_ = await under_way(network, "XAA")
    await network.gateways["XAA"].returning.suspend(ref, "danger", "welfare", "child_welfare")
    await listed(network)
    assert 0 == await network.deliver()
    assert [("travel-document.request", "posted"), ("suspension", "queued")] == await last_two(network, "XAA", ref)


async def begun_anew(network: Network, ours: str) -> None:
    """Have XAA consider the return of a minor anew, and propose it once more."""
    returning = network.gateways["XAA"].returning
    await returning.reassess(ours, "first", "case_officer")
    await returning.assess(ours, "welfare", "child_welfare")
    await homeward.propose_other_days(network, ours)


async def test_another_proposal_is_heard_behind_a_message_that_got_no_answer(network: Network) -> None:
    """A return of a minor that begins anew is void; what asked for a document in it keeps nothing out."""
    ours, _, theirs = await under_way(network, "XAA", minor=True)
    await begun_anew(network, ours)
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)


async def test_refusal_of_another_proposal_is_heard_behind_a_message_that_got_no_answer(network: Network) -> None:
    """Nor does a document of the return before keep out that the other State will not receive the minor."""
    theirs, _, ours = await under_way(network, "XBB", minor=True)
    await begun_anew(network, ours)
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "welfare", "child_welfare")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert ("ASSESSED", "REPLIED") == await homeward.states(network, ours, theirs)


async def test_message_of_a_return_begun_anew_stays_until_it_is_proposed(network: Network) -> None:
    """A document is not asked for once more by what nobody has signed again."""
    ours, *_ = await under_way(network, "XAA", minor=True)
    await network.gateways["XAA"].returning.reassess(ours, "first", "case_officer")
    assert 0 == await network.deliver()


async def test_plan_that_got_no_answer_is_followed_by_the_stop(network: Network) -> None:
    """A State that may have heard of a departure hears that it does not take place."""
    ours, theirs = await homeward.scheduled(network)
    network.wires.cut = True
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.refresh()
    await network.deliver(1)
    network.wires.cut = False
    await network.gateways["XAA"].returning.suspend(ours, "danger", "welfare", "child_welfare")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("second", ["suspend", "freeze"])
async def test_second_stop_does_not_take_back_the_word_of_the_first(network: Network, second: str) -> None:
    """A return that two authorities stop before the first word of it has left is stopped at the other State too."""
    ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XBB"]
    await gateway.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    if second == "suspend":
        await gateway.returning.suspend(theirs, "so are we", "first", "registry_clerk")
    else:
        await gateway.hold.freeze(theirs, "so are we", "first", "registry_clerk")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_stop_waits_for_a_key_of_the_other_state(network: Network) -> None:
    """A State that no key is held of hears of the stop once there is one."""
    ours, theirs = await homeward.accepted(network)
    trust = network.gateways["XBB"].context.trust
    await trust.hold("XAA", "second", "a theft was heard of", network.clock.now())
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    assert 0 == await network.gateways["XBB"].deliverer.run_once()
    await lift(trust, "XAA", trust.held("XAA").identity, network.clock.now())  # type: ignore[union-attr]
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_case_that_is_stopped_and_closed_lets_nothing_of_the_return_leave(network: Network) -> None:
    """To close a stopped case lets go of no document that was held back, unless the stop follows it."""
    ref, other, there = await under_way(network, "XBB")
    gateway = network.gateways["XBB"]
    await gateway.returning.suspend(ref, "danger", "welfare", "child_welfare")
    await gateway.answer.close(ref, "first")
    await network.deliver()
    assert "SUSPENDED" == await story.state(network, other, there)
    rows: list[OutboundRow] = list(await gateway.store.read(lambda tx: tx.outbound_of_case(ref)))
    left = [(row.type, row.state) for row in rows if row.state != "dropped"]  # the stop was queued anew by the closing
    assert [("travel-document.issued", "receipted"), ("suspension", "receipted")] == left[-2:]


async def test_case_that_the_other_state_stopped_and_ours_closed_lets_nothing_of_the_return_leave(
    network: Network,
) -> None:
    """A document that was held back because the other State stopped does not leave because our desk closes the case."""
    ref, _, there = await under_way(network, "XBB")
    await network.gateways["XAA"].returning.suspend(there, "danger", "welfare", "child_welfare")
    await network.gateways["XAA"].deliverer.run_once()
    await network.gateways["XBB"].answer.close(ref, "first")
    await network.deliver()
    assert [("travel-document.issued", "posted")] == (await last_two(network, "XBB", ref))[-1:]


USE = {"number": 1, "held": True, "restrictions_kept": True, "uses": []}


@pytest.mark.parametrize(("about_data", "stopped"), [(False, True), (False, False), (True, True), (True, False)])
async def test_answer_under_way_in_a_case_that_we_stopped_is_not_posted_again_once_it_is_closed(
    network: Network, about_data: bool, stopped: bool
) -> None:
    """The other State withdraws what we stopped, and a timer closes it: our answer, which got no answer, stays here."""
    ours, theirs = await story.acknowledged(network)
    if about_data:
        await network.gateways["XAA"].notices.ask_use(ours, "first", "case_officer")
        await network.deliver()
    network.wires.cut = True
    if about_data:
        await network.gateways["XBB"].notices.report_use(theirs, USE, "first", "registry_clerk")
    else:
        await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver(1)
    if stopped:
        await network.gateways["XBB"].hold.freeze(theirs, "she fled from there", "first", "registry_clerk")
    network.wires.cut = False
    asking = network.gateways["XAA"].hold
    await asking.freeze(ours, "asked in error", "first", "case_officer")
    await asking.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=2)
    await network.gateways["XAA"].deliverer.run_once()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    asked = network.gateways["XBB"]
    await asked.answer.close(theirs, "first")
    for days in (0, 2):
        network.clock.pass_(hours=2, days=days)
        await network.refresh()
        asked.context.policy = replace(asked.context.policy, blocked_after_days=1)
        await asked.retention.run_once(network.clock.now())
        await network.deliver()
        _, left = (await last_two(network, "XBB", theirs))[-1]
        assert stopped == (left == "posted")
    assert "BLOCKED" == await story.state(network, "XBB", theirs)


def test_every_type_of_a_case_is_sorted_by_whether_it_leaves_where_the_case_was_stopped_and_closed() -> None:
    """A type that comes later is sorted too: what answers, or takes a return further, is let go of by no closing."""
    first = {REQUEST}  # it was heard, or there would be nothing to suspend
    # Taken out as the case is closed; posted and without a receipt, they keep it from being closed.
    taken_out = {ELEMENTS, INTERVIEW_ANSWER, CONTEST, REMINDER}
    of_the_stop = {SUSPENSION, RESUMPTION, TAKE_BACK}
    kinds = [OF_A_RETURN, OF_AN_ANSWER, OF_DATA, AFTER_WITHDRAWAL, {WITHDRAWAL}, of_the_stop, taken_out, first]
    assert sorted(SAID_BY) == sorted(type for kind in kinds for type in kind)
    assert set() == {row.type for row in TYPES.values() if row.sender == "requested"} - OF_AN_ANSWER - OF_A_RETURN


async def test_stop_that_is_refused_for_its_times_is_said_again(network: Network) -> None:
    """A clock that was wrong when the return was stopped does not keep the other State from hearing of it."""
    ours, theirs = await homeward.accepted(network)
    with wrong_clock(network, "XBB", 10):
        await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
        await network.deliver(refresh=False)
        assert "ACCEPTED" == await story.state(network, "XAA", ours)
    network.clock.pass_(minutes=26)
    await network.deliver(refresh=False)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_withdrawal_that_is_refused_for_its_times_is_said_again(network: Network) -> None:
    """A withdrawal that left by a wrong clock is refused, and leaves once more at the next full hour."""
    ours, theirs = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    with wrong_clock(network, "XAA", 10) as wrong:
        await hold.freeze(ours, "known now", "first", "case_officer")
        await hold.withdraw(ours, "first", "case_officer")
        wrong.pass_(minutes=50)
        network.clock.pass_(minutes=50)
        await network.deliver(refresh=False)
        assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)
    network.clock.pass_(hours=2)
    await network.deliver(refresh=False)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_stop_said_again_by_a_clock_a_day_ahead_does_not_wait_a_day(network: Network) -> None:
    """A clock that bound the word of a stop to tomorrow does not keep it until then once it is right."""
    ours, theirs = await homeward.accepted(network)
    deliverer = network.gateways["XBB"].deliverer
    with wrong_clock(network, "XBB", DAY):
        await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
        await network.deliver(refresh=False)
    await deliverer.look()
    await network.deliver(refresh=False)
    network.clock.pass_(minutes=26)
    await network.deliver(refresh=False)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_withdrawal_decided_by_a_clock_a_day_ahead_does_not_wait_a_day(network: Network) -> None:
    """A withdrawal leaves at the next full hour by the clock as it is now, and is said again by it."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    with wrong_clock(network, "XAA", DAY):
        await gateway.hold.freeze(ours, "known now", "first", "case_officer")
        await gateway.hold.withdraw(ours, "first", "case_officer")
    await gateway.deliverer.look()
    assert 0 == await network.deliver(refresh=False)
    network.clock.pass_(hours=1)
    assert 1 == await network.deliver(refresh=False)
    network.clock.pass_(hours=1)
    await network.deliver(refresh=False)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_partner_that_forgot_what_was_stopped_hears_of_both(network: Network, tmp_path: Path) -> None:
    """A State that was restored to before an acceptance gets it again with the stop that follows it."""
    ours, theirs = await homeward.proposed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await homeward.accept(network, theirs)
    await network.deliver()
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver()
    await restore(network, "XAA", backup)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ("SUSPENDED", "ACCEPTED") == (case.state, case.resume_to)


async def test_stop_that_a_partner_without_the_case_refused_is_heard_once_it_has_it(
    network: Network, tmp_path: Path
) -> None:
    """A State that put back a backup without the case, and then a later one, gets the stop with what stands before."""
    empty = back_up(network, "XAA", tmp_path / "empty")
    ours, theirs = await homeward.proposed(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await homeward.accept(network, theirs)
    await network.deliver()
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await restore(network, "XAA", empty)
    await network.deliver()
    assert ("suspension", "refused") == (await last_two(network, "XBB", theirs))[-1]
    await restore(network, "XAA", backup)
    await settle(network)
    case = await story.case(network, "XAA", ours)
    assert ("SUSPENDED", "ACCEPTED") == (case.state, case.resume_to)


async def test_word_that_a_return_goes_on_does_not_overtake_a_stop_said_again(network: Network) -> None:
    """A stop that a wrong clock dated waits to be said again; a resumption waits behind it."""
    ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XBB"]
    with wrong_clock(network, "XBB", 10):
        await gateway.returning.suspend(theirs, "danger", "welfare", "child_welfare")
        await network.deliver(refresh=False)
    network.clock.pass_(minutes=10, seconds=30)
    await gateway.hold.release(theirs, "welfare", "child_welfare")
    await gateway.hold.resume(theirs, "first", "registry_clerk")
    await network.deliver(refresh=False)
    network.clock.pass_(minutes=30)
    await network.deliver(refresh=False)
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_stop_said_again_keeps_no_withdrawal_out(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that is said anew after a freeze, and so may not leave, is dropped by the withdrawal that follows."""
    ours, theirs = await homeward.accepted(network)
    network.wires.cut = True
    await network.gateways["XAA"].returning.suspend(ours, "danger", "welfare", "child_welfare")
    await network.deliver(1)
    network.wires.cut = False
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    gateway, post = network.gateways["XAA"], network.wires.post

    async def freeze_first(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        answer = await post(country, path, body, media_type)
        if country == "XBB" and await story.state(network, "XAA", ours) != "FROZEN":
            await gateway.hold.freeze(ours, "known now", "protection", "asylum_authority")
        return answer

    network.clock.pass_(minutes=30)
    with monkeypatch.context() as patch:
        patch.setattr(network.wires, "post", freeze_first)
        await gateway.deliverer.run_once()
    await gateway.hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("stop", ["suspend", "freeze", "freeze before a return"])
async def test_reply_that_was_taken_back_and_not_heard_before_a_stop_is_none_once_it_is_over(
    network: Network, stop: str
) -> None:
    """A stop takes out what waits, and the word with it; the other State would go on by that reply."""
    begin = story.replied if stop == "freeze before a return" else homeward.accepted
    ours, theirs = await begin(network)
    gateway, clerk = network.gateways["XBB"], ("first", "registry_clerk")
    state = await story.state(network, "XAA", ours)
    await gateway.notices.strike(theirs, ["REPLY"], *clerk)
    if stop == "suspend":
        await gateway.returning.suspend(theirs, "danger", *clerk)
    else:
        await gateway.hold.freeze(theirs, "danger", *clerk)
    await network.deliver()
    assert (await story.case(network, "XAA", ours)).reply is not None
    await gateway.hold.release(theirs, *clerk)
    if stop != "suspend":
        await gateway.hold.resume(theirs, "second", "desk_head")
    await gateway.hold.resume(theirs, *clerk)
    waits = ["rectification"] if begin is story.replied else ["rectification", "resumption"]
    assert waits == [one.type for one in await outbox(network, "XBB", theirs) if one.waits]
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert (state, None, [1]) == (case.state, case.reply, [one.number for one in case.notices])


async def test_reply_that_was_taken_back_is_none_though_the_other_state_still_holds(network: Network) -> None:
    """Word that our stop is over leaves then, and that the reply is none before it."""
    ours, theirs = await homeward.accepted(network)
    gateway, clerk = network.gateways["XBB"], ("first", "registry_clerk")
    await gateway.notices.strike(theirs, ["REPLY"], *clerk)
    await gateway.returning.suspend(theirs, "danger", *clerk)
    await network.gateways["XAA"].returning.suspend(ours, "danger", "welfare", "child_welfare")
    await network.deliver()
    await gateway.hold.release(theirs, *clerk)
    await gateway.hold.resume(theirs, *clerk)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)
    await network.deliver()
    assert (await story.case(network, "XAA", ours)).reply is None


async def test_stop_of_an_old_backup_is_heard(network: Network, tmp_path: Path) -> None:
    """A stop that waited in a backup of last month has expired there, and is said anew all the same."""
    ours, theirs = await homeward.accepted(network)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    backup = back_up(network, "XBB", tmp_path / "backup")
    network.clock.pass_(days=31)
    await network.refresh()
    await restore(network, "XBB", backup)
    await network.gateways["XBB"].deliverer.look()
    await settle(network)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_stop_that_a_restored_state_refuses_for_its_times_is_said_again(network: Network, tmp_path: Path) -> None:
    """A State that forgot a stop, and whose clock is wrong when it is posted again, hears it later."""
    ours, _ = await refused_a_forgotten_stop(network, tmp_path)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("type", ["suspension", "withdrawal", "return.take-back"])
async def test_stop_that_is_refused_for_its_times_is_a_finding(
    network: Network, monkeypatch: pytest.MonkeyPatch, type: str
) -> None:
    """While it is said again, a quarter of an hour later or at the full hour, a person knows of it, once."""
    times = wire.times_findings
    ahead = Reason.TIME_FUTURE
    monkeypatch.setattr(
        "gateway.services.receive.wire.times_findings",
        lambda payload, now: ahead if payload.type == type else times(payload, now),
    )
    hold, returning = network.gateways["XAA"].hold, network.gateways["XAA"].returning
    if type == "withdrawal":
        ref, _ = await story.acknowledged(network)
        await hold.freeze(ref, "known now", "first", "case_officer")
        await hold.withdraw(ref, "first", "case_officer")
    elif type == "suspension":
        ref, _ = await homeward.accepted(network)
        await returning.suspend(ref, "danger", "welfare", "child_welfare")
    else:
        ref, _ = await homeward.handed_over(network)
        await returning.recall(ref, "danger", "UNSAFE", "2027-02-20", "welfare", "child_welfare")
    for _ in range(4):
        network.clock.pass_(hours=1)
        await network.deliver(refresh=False)
    assert 1 == list((await story.case(network, "XAA", ref)).findings).count(anew.WRONG_CLOCK)
    rows = [row for row in await outbox(network, "XAA", ref) if row.type == type]
    assert [*["refused"] * 4, "queued"] == [row.state for row in rows]
    assert {0} == {row.not_before.minute for row in rows} or type != "withdrawal"


@pytest.mark.parametrize("type", ["suspension", "resumption", "return.take-back", "return.monitoring"])
async def test_warning_that_is_refused_for_good_is_told_by_people(network: Network, type: str) -> None:
    """The other State keeps nothing of the case any more: word of a stop, or that it is over, is told it otherwise."""
    stopping = type in ("suspension", "resumption")
    ours, theirs = await (homeward.accepted if stopping else homeward.handed_over)(network)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    if not stopping:
        known = {"state": "indicated", "attested_by": "welfare", "attested_on": None, "basis": None}
        role = ("welfare", "child_welfare")
        await asking.returning.recall(ours, "unsafe", "UNSAFE", "2026-12-20", *role, protection=known)
        await asking.clear.close(ours, "first")
    await erase(asking, ours, network.clock.now())
    match type:
        case "return.take-back":
            await asked.returning.recall(theirs, "unsafe", "UNSAFE", "2026-12-20", "reception", "reception")
        case "return.monitoring":
            await asked.returning.report(theirs, "SEEN_CONCERN", "2026-12-14", False, "reception", "reception")
        case _:
            await asked.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    if type == "resumption":
        await asked.hold.release(theirs, "welfare", "child_welfare")
        await asked.hold.resume(theirs, "first", "registry_clerk")
    await network.deliver()
    assert (type, "refused") in await last_two(network, "XBB", theirs)
    found = (await story.case(network, "XBB", theirs)).findings
    assert (True, "not accepted: illegal-step") == (NOT_TOLD in found, found[0])


async def test_word_that_a_return_goes_on_waits_for_a_key(network: Network) -> None:
    """A return that goes on while the other State is on hold goes on there too, once it is not."""
    ours, theirs = await homeward.accepted(network)
    gateway = network.gateways["XBB"]
    await gateway.returning.suspend(theirs, "not today", "welfare", "child_welfare")
    await network.deliver()
    lifted = await held(network, "XBB", "XAA")
    await gateway.hold.release(theirs, "welfare", "child_welfare")
    await gateway.hold.resume(theirs, "first", "registry_clerk")
    await lifted()
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_word_that_a_journey_is_off_waits_for_a_key(network: Network) -> None:
    """Nobody is awaited for a journey that was called off while the other State was on hold."""
    ours, theirs = await homeward.scheduled(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    lifted = await held(network, "XAA", "XBB")
    await network.gateways["XAA"].returning.cancel(ours, "first", "case_officer")
    await lifted()
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_recall_that_no_message_tells_is_a_finding(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the thread has ended nothing more may be said in it: whoever calls a person back learns that."""
    _, theirs = await homeward.handed_over(network)
    today, gateway = network.clock.now().date().isoformat(), network.gateways["XBB"]

    with monkeypatch.context() as patch:
        patch.setattr(network.wires, "post", final)
        await gateway.returning.report(theirs, "SEEN_SAFE", today, False, "reception", "reception")
        await network.deliver(1)
    await gateway.returning.recall(theirs, "danger", "UNSAFE", "2027-02-20", "welfare", "child_welfare")
    assert NOT_TOLD in (await story.case(network, "XBB", theirs)).findings


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_stop_that_met_a_final_problem_is_a_finding(
    network: Network, monkeypatch: pytest.MonkeyPatch, country: str
) -> None:
    """A byte of it changed on the way, and its thread has ended: a person learns to say it by another way."""
    refs = await homeward.accepted(network)
    ref = refs[country == "XBB"]
    with monkeypatch.context() as patch:
        patch.setattr(network.wires, "post", final)
        await network.gateways[country].returning.suspend(ref, "danger", "welfare", "child_welfare")
        await network.deliver(1)
    case = await story.case(network, country, ref)
    assert (State.SUSPENDED, State.UNDELIVERED, (NOT_TOLD,)) == (case.state, case.resume_to, case.findings)


async def test_stop_that_waits_behind_what_met_a_final_problem_is_a_finding(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where we are asked it moves up to the number of what was lost; that met a problem, so people tell it as well."""
    _, theirs = await homeward.documented(network)
    gateway = network.gateways["XBB"]
    newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
    await gateway.returning.reissue(theirs, newer, "issuer")
    network.wires.cut = True
    await network.deliver(1)
    network.wires.cut = False
    await gateway.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    network.clock.pass_(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(network.wires, "post", final)
        await network.deliver(1)
    lost, dropped, moved = (await outbox(network, "XBB", theirs))[-3:]
    assert [(REISSUE, "undelivered"), (SUSPENSION, "dropped"), (SUSPENSION, "queued")] == [
        (row.type, row.state) for row in (lost, dropped, moved)
    ]
    assert lost.seq == moved.seq
    assert NOT_TOLD in (await story.case(network, "XBB", theirs)).findings


async def test_recall_behind_a_report_that_got_no_receipt_in_its_time_is_heard(network: Network) -> None:
    """A line that was down for a month takes the report no more; the recall that waits behind it arrives."""
    ours, theirs = await homeward.handed_over(network)
    today, gateway = network.clock.now().date().isoformat(), network.gateways["XBB"]
    network.wires.cut = True
    await gateway.returning.report(theirs, "SEEN_SAFE", today, False, "reception", "reception")
    await network.deliver(1)
    network.clock.pass_(days=31)
    await gateway.deliverer.look()
    await network.refresh()
    await gateway.returning.recall(theirs, "danger", "UNSAFE", "2027-02-20", "welfare", "child_welfare")
    network.wires.cut = False
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


async def test_message_that_was_claimed_is_not_posted_once_its_lease_is_over(network: Network) -> None:
    """A node that stood still posts nothing of a case that was stopped meanwhile at another."""
    node = network.gateways["XAA"]
    ours = await story.sent(network)
    line = Line(1)
    (item,) = await node.deliverer.claim("XBB", line)
    line.posting = 1
    network.clock.pass_(minutes=60)
    await node.hold.freeze(ours, "new facts", "welfare", "child_welfare")
    await node.deliverer._deliver(item, line)
    assert ([], 0) == (network.wires.posted, line.under_way)


async def test_other_states_word_lets_nothing_go_on_that_was_stopped_here(network: Network) -> None:
    """Both sides stop a return. Ours, let go of but not resumed, stays stopped when the other State goes on."""
    ours, theirs = await homeward.accepted(network)
    here, there = network.gateways["XAA"], network.gateways["XBB"]
    await here.returning.suspend(ours, "danger", "welfare", "child_welfare")
    await network.deliver()
    await there.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver()
    await here.hold.release(ours, "welfare", "child_welfare")
    await there.hold.release(theirs, "welfare", "child_welfare")
    await there.hold.resume(theirs, "first", "registry_clerk")
    await network.deliver()
    assert ("SUSPENDED", "SUSPENDED") == await homeward.states(network, ours, theirs)
    await here.hold.resume(ours, "first", "case_officer")
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_a_stop_is_taken_where_the_reply_is_contested(network: Network, tmp_path: Path) -> None:
    """A State that has forgotten its doubts proposes and stops: the proposal is refused there, and the stop is not."""
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XAA"].clear.contest(ours, "REGISTER_INCOMPLETE", "first")
    await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network)
    returning = network.gateways["XAA"].returning
    await returning.consider(ours, homeward.record(False), "first", "case_officer")
    await returning.assess(ours, "coordinator", "coordinator")
    pending = await returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    await homeward.endorse(network, ours, pending)
    await returning.propose(ours, "first", "case_officer")
    network.wires.lose_answers = True
    await network.deliver(1)
    network.wires.lose_answers = False
    await returning.suspend(ours, "not yet", "welfare", "child_welfare")
    await settle(network)
    said = {one.type: one.state for one in await outbox(network, "XAA", ours)}
    assert ("refused", "receipted") == (said["return.proposal"], said["suspension"])
    assert ("SUSPENDED", "CONTESTED") == await homeward.states(network, ours, theirs)


async def test_stop_that_is_over_takes_nothing_along_out_of_a_case_that_stands_still(
    network: Network, tmp_path: Path
) -> None:
    """A veto that was lifted is no word that stands: who forgot all hears nothing of a case that is stopped."""
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING)
    before = back_up(network, "XAA", tmp_path / "before")
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    xaa, xbb = network.gateways["XAA"], network.gateways["XBB"]
    await xaa.returning.consider(ours, homeward.record(), "first", "case_officer")
    await xaa.returning.assess(ours, "coordinator", "coordinator")
    await homeward.propose_other_days(network, ours, minor=False)
    await xbb.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver()
    await xbb.hold.release(theirs, "welfare", "child_welfare")
    await xbb.hold.resume(theirs, "first", "registry_clerk")
    await xbb.returning.refuse(theirs, "NO_CARER", "first", "registry_clerk")
    await network.deliver()
    await xbb.hold.freeze(theirs, "known", "welfare", "child_welfare")
    network.clock.pass_(minutes=2)
    await restore(network, "XAA", before)
    await settle(network)
    assert State.ACKNOWLEDGED == await story.state(network, "XAA", ours)


async def test_freeze_that_takes_a_refusal_out_is_heard(network: Network) -> None:
    """The refusal never left, so the return is arranged still for who asks, which hears of the veto."""
    ours, theirs = await homeward.proposed(network)
    xbb = network.gateways["XBB"]
    await xbb.returning.refuse(theirs, "NO_CARER", "first", "registry_clerk")
    await xbb.hold.freeze(theirs, "known", "welfare", "child_welfare")
    await network.deliver()
    assert ("SUSPENDED", "FROZEN") == await homeward.states(network, ours, theirs)
