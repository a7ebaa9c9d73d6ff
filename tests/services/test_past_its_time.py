"""What a partner lacks that was put back by more than thirty days: posted past its time, refused, and heard behind."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.core import wire
from gateway.core.case import State
from gateway.core.codes import PeerError, Reason
from gateway.core.machine import NOT_TOLD, Send
from gateway.core.messages import (
    ERASURE,
    RECTIFICATION,
    REPLY,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    USE_REQUEST,
    WITHDRAWAL,
)
from gateway.core.notices import open_demands
from gateway.core.return_changes import REPORTED, TO_BE_TAKEN_BACK
from gateway.services import threads
from gateway.services.answers import SAYS_OTHERWISE
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.passed_over import LOST_THERE
from gateway.services.ports import Tx
from gateway.services.receive import Reply, problem
from gateway.services.resync import PASSED_OVER
from gateway.services.rows import OutboundRow
from keys import b64, card
from keys.sign import SigningKey
from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.network import Network
from tests.support.restoring import (
    back_up,
    both_put_back,
    card_of,
    findings_of,
    next_card_of,
    outbox,
    put_back_later,
    raise_epochs,
    restore,
    settle,
)

CASE, WELFARE = ("first", "case_officer"), ("welfare", "child_welfare")


async def forgotten(network: Network, folder: Path, days: int = 31) -> tuple[str, str]:
    """Have XBB forget a question of XAA what became of the data, in a return that it knows; return both cases."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", folder / "backup")
    await network.gateways["XAA"].notices.ask_use(ours, *CASE)
    await network.deliver()
    await put_back_later(network, "XBB", backup, days)
    return ours, theirs


async def suspend(network: Network, ours: str) -> None:
    await network.gateways["XAA"].returning.suspend(ours, "unsafe", *WELFARE)


async def take_reply_back(network: Network, theirs: str) -> None:
    """Have XBB say that its reply is none, and XAA hear it."""
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    await network.deliver()


async def said(network: Network, ours: str) -> list[tuple[str, str]]:
    """Return type and state of what XAA said in a case since the proposal."""
    return [(row.type, row.state) for row in await outbox(network, "XAA", ours)][2:]


async def test_stop_is_heard_behind_what_is_over(network: Network, tmp_path: Path) -> None:
    """The bytes that it lacks are refused, which uses their number; nothing of them is taken, and the stop is heard."""
    ours, theirs = await forgotten(network, tmp_path)
    await suspend(network, ours)
    await settle(network, 1)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)
    assert () == open_demands(await story.case(network, "XBB", theirs))
    assert [LOST_THERE] == await findings_of(network, "XAA", ours)
    assert [(USE_REQUEST, "receipted"), (SUSPENSION, "receipted")] == await said(network, ours)


async def test_reply_is_heard_behind_what_is_over(network: Network, tmp_path: Path) -> None:
    """Who asks and was put back to before a notice of delay has its answer all the same."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2027-01-20", "first")
    await network.deliver()
    await put_back_later(network, "XAA", backup)
    await story.give_answer(network, theirs, story.reply())
    await settle(network, 1)
    assert "REPLIED" == await story.state(network, "XAA", ours)
    assert [LOST_THERE] == await findings_of(network, "XBB", theirs)


async def test_nothing_is_posted_past_its_time_while_nothing_waits_behind_it(network: Network, tmp_path: Path) -> None:
    """Nor is any of it once that is heard: it leaves once for its number."""
    ours, _ = await forgotten(network, tmp_path)
    before = [row.attempts for row in await outbox(network, "XAA", ours)]
    await settle(network, 2)
    assert before == [row.attempts for row in await outbox(network, "XAA", ours)]
    await suspend(network, ours)
    await settle(network, 2)
    assert [one + 2 for one in before] == [row.attempts for row in await outbox(network, "XAA", ours)][: len(before)]


async def test_a_number_that_is_missing_for_another_reason_has_it_posted_once(network: Network, tmp_path: Path) -> None:
    """Whoever says that one is missing however often is posted to once, and people tell it the stop."""
    ours, _ = await forgotten(network, tmp_path)
    receiver = network.gateways["XBB"].receiver

    async def gap(raw: bytes) -> Reply:
        return problem(PeerError(Reason.SEQ_GAP))

    receiver.receive = gap  # type: ignore[method-assign]
    before = [row.attempts for row in await outbox(network, "XAA", ours)]
    await suspend(network, ours)
    await settle(network, 5)
    assert [one + 2 for one in before] == [row.attempts for row in await outbox(network, "XAA", ours)][: len(before)]
    assert [NOT_TOLD, PASSED_OVER] == await findings_of(network, "XAA", ours)


async def test_nothing_is_posted_past_its_time_that_a_rule_holds(network: Network, tmp_path: Path) -> None:
    """A stopped case says nothing: what is posted past its time waits for that too, and leaves once it goes on."""
    ours, _ = await story.acknowledged(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    gateway = network.gateways["XAA"]
    await gateway.notices.ask_use(ours, *CASE)
    await network.deliver()
    await put_back_later(network, "XBB", backup)
    await gateway.notices.strike(ours, ["SEX"], *CASE)
    network.wires.cut = True
    await network.deliver(1)
    await gateway.hold.freeze(ours, "in doubt", *CASE)
    network.wires.cut = False
    before = [row.attempts for row in await outbox(network, "XAA", ours)]
    await settle(network, 2)
    assert before == [row.attempts for row in await outbox(network, "XAA", ours)]
    await gateway.hold.release(ours, *CASE)
    await gateway.hold.resume(ours, *CASE)
    await gateway.hold.resume(ours, "second", "liaison_officer")
    await settle(network, 2)
    assert "receipted" == (await outbox(network, "XAA", ours))[-1].state


@pytest.mark.parametrize("closed", [False, True])
async def test_nothing_of_a_withdrawn_case_is_posted_past_its_time(
    network: Network, tmp_path: Path, closed: bool
) -> None:
    """
    A request that was stopped and withdrawn does not leave anew before what takes data back, also once closed.

    The withdrawal that is said once more closes its number, and what takes data back is heard behind that.
    """
    backup = back_up(network, "XBB", tmp_path / "backup")
    ours, _ = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "she asks for protection", *CASE)
    await network.gateways["XAA"].hold.withdraw(ours, *CASE)
    network.clock.pass_(hours=1)
    await network.deliver()
    await put_back_later(network, "XBB", backup)
    if closed:
        await story.put(network, "XAA", ours, State.CLOSED)
    before = (await outbox(network, "XAA", ours))[:2]
    await network.gateways["XAA"].notices.demand_erasure(ours, *CASE)
    await settle(network, 2)
    after = await outbox(network, "XAA", ours)
    assert [row.attempts for row in before] == [row.attempts for row in after][:2]
    assert [(WITHDRAWAL, "receipted"), (ERASURE, "receipted")] == [(row.type, row.state) for row in after][2:]
    assert [] == await findings_of(network, "XAA", ours)


async def test_word_that_a_return_goes_on_does_not_bring_its_stop_back(network: Network, tmp_path: Path) -> None:
    """Word of a stop that was forgotten and is over is refused, and not said anew once the return goes on."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await suspend(network, ours)
    await network.deliver()
    await put_back_later(network, "XBB", backup)
    await go_on(network, ours)
    await settle(network, 2)
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert [PASSED_OVER, LOST_THERE] == await findings_of(network, "XAA", ours)


async def go_on(network: Network, ours: str) -> None:
    await network.gateways["XAA"].hold.release(ours, *WELFARE)
    await network.gateways["XAA"].hold.resume(ours, *CASE)


async def test_stop_that_stands_is_heard_behind_one_that_is_over(network: Network, tmp_path: Path) -> None:
    """A case that stands still takes along what stands before word of that, past its time as well."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await suspend(network, ours)
    await go_on(network, ours)
    await network.deliver()
    network.clock.pass_(days=5)
    await suspend(network, ours)
    await network.deliver()
    await put_back_later(network, "XBB", backup, days=28)
    await settle(network, 1)
    assert ["SUSPENDED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert {"receipted"} == {row.state for row in await outbox(network, "XAA", ours)}


async def stopped_there(network: Network, folder: Path, *, knows: bool) -> tuple[str, str]:
    """Have XBB stop a return, and put XAA back to after that or, where it does not know it, to before."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", folder / "before")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await put_back_later(network, "XAA", back_up(network, "XAA", folder / "after") if knows else before)
    return ours, theirs


async def states_of(network: Network, ref: str, country: str = "XBB", type: str = SUSPENSION) -> list[str]:
    """Return how each message of ``type`` stands that ``country`` said in a case; without one: that it is stopped."""
    return [row.state for row in await outbox(network, country, ref) if row.type == type]


@pytest.mark.parametrize("knows", [False, True])
async def test_stop_of_who_is_asked_is_said_anew_though_nothing_waits(
    network: Network, tmp_path: Path, knows: bool
) -> None:
    """Whoever forgot it goes on with nothing; whoever knows it takes it once more, and nobody is told anything."""
    ours, theirs = await stopped_there(network, tmp_path, knows=knows)
    assert ["SUSPENDED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert ([] if knows else [LOST_THERE]) == await findings_of(network, "XBB", theirs)
    said = await states_of(network, theirs)
    assert ["receipted"] * 2 == said
    # Once: what was said an hour ago is posted again as it is.
    await raise_epochs(network, "XAA")
    assert said == await states_of(network, theirs)
    await network.gateways["XBB"].hold.release(theirs, *WELFARE)
    await network.gateways["XBB"].hold.resume(theirs, "first", "registry_clerk")
    await network.deliver()
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))


async def test_nobody_tells_a_stop_to_who_keeps_nothing_of_it(network: Network, tmp_path: Path) -> None:
    """Who erased its case refuses word of the stop that it had taken, and goes on with nothing: no desk is told."""
    ours, theirs = await homeward.accepted(network, days=300)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await erase(network.gateways["XAA"], ours, network.clock.now())
    await put_back_later(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    assert ["receipted", "refused"] == await states_of(network, theirs)
    assert [] == await findings_of(network, "XBB", theirs)


async def test_people_tell_a_stop_to_who_lacks_the_return(network: Network, tmp_path: Path) -> None:
    """Who refuses it after the thread was filled knows of no return: that it took the stop once says nothing."""
    before = back_up(network, "XAA", tmp_path / "before")
    _, theirs = await homeward.accepted(network, days=300)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await put_back_later(network, "XAA", before)
    assert {LOST_THERE, NOT_TOLD} <= {*await findings_of(network, "XBB", theirs)}


async def test_stop_that_is_said_anew_ends_no_thread(network: Network, tmp_path: Path) -> None:
    """Whoever is out of reach for a month from then on hears it afterwards, and the return is where it was."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    network.clock.pass_(days=31)
    await network.refresh()
    network.wires.cut = True
    await restore(network, "XAA", before)
    await settle(network, 1)
    network.clock.pass_(days=31)
    for gateway in network.gateways.values():
        await gateway.deliverer.expire(network.clock.now())
    network.wires.cut = False
    await settle(network, 4)
    assert ["SUSPENDED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert "ACCEPTED" == (await story.case(network, "XBB", theirs)).resume_to
    assert NOT_TOLD not in await findings_of(network, "XBB", theirs)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("down", [False, True])
async def test_stop_is_heard_in_the_minutes_in_which_it_runs_out(
    network: Network, tmp_path: Path, down: bool, closed: bool
) -> None:
    """Its partner would take it still, so it is posted again; and where the line is down so long, it is said anew."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    if closed:
        await network.gateways["XBB"].answer.close(theirs, "first")
    network.clock.pass_(days=30, minutes=2)
    await network.refresh()
    network.wires.cut = down
    await restore(network, "XAA", before)
    await network.deliver()
    network.wires.cut = False
    if down:
        await settle(network, 1)
    assert ["SUSPENDED", "CLOSED" if closed else "SUSPENDED"] == list(await homeward.states(network, ours, theirs))
    assert ["receipted"] * (2 if down else 1) == await states_of(network, theirs)


async def called_back(network: Network, folder: Path, by: str, *, knows: bool) -> tuple[str, str]:
    """Have ``by`` call back who has left, and the other State put back to after that, or to before it."""
    ours, theirs = await homeward.departed(network)
    caller, hearer, ref = ("XAA", "XBB", ours) if by == "XAA" else ("XBB", "XAA", theirs)
    before = back_up(network, hearer, folder / "before")
    await network.gateways[caller].returning.recall(ref, "danger", "UNSAFE", "2026-12-20", *WELFARE)
    await network.deliver()
    await put_back_later(network, hearer, back_up(network, hearer, folder / "after") if knows else before)
    return ours, theirs


@pytest.mark.parametrize("knows", [False, True])
@pytest.mark.parametrize("by", ["XAA", "XBB"])
async def test_recall_is_said_anew_though_nothing_waits(network: Network, tmp_path: Path, by: str, knows: bool) -> None:
    """Whoever forgot it leaves nobody where she is; whoever knows it takes it once more, and nobody is told of it."""
    ours, theirs = await called_back(network, tmp_path, by, knows=knows)
    caller, hearer, ref, there = ("XAA", "XBB", ours, theirs) if by == "XAA" else ("XBB", "XAA", theirs, ours)
    assert ["RECALL"] * 2 == list(await homeward.states(network, ours, theirs))
    assert ([] if knows else [LOST_THERE]) == await findings_of(network, caller, ref)
    found = TO_BE_TAKEN_BACK % {"day": "2026-12-20", "reason": "UNSAFE"}
    assert 1 == (await findings_of(network, hearer, there)).count(found)
    await raise_epochs(network, hearer)
    assert ["receipted"] * 2 == await states_of(network, ref, caller, TAKE_BACK)


async def test_recall_is_said_anew_to_nobody_who_is_not_to_be_contacted(network: Network, tmp_path: Path) -> None:
    """It waits for as long as that State stands on the list (N-01), and is heard once it does not."""
    ours, theirs = await homeward.departed(network)
    before = back_up(network, "XBB", tmp_path / "before")
    gateway = network.gateways["XAA"]
    await gateway.returning.recall(ours, "danger", "UNSAFE", "2026-12-20", *CASE)
    await network.deliver()
    await gateway.no_contact.propose("XBB", "danger", "second", "liaison_officer")
    await gateway.no_contact.confirm("XBB", "danger", *WELFARE)
    await put_back_later(network, "XBB", before)
    await settle(network, 2)
    assert ["receipted", "queued"] == await states_of(network, ours, "XAA", TAKE_BACK)
    await gateway.no_contact.lift("XBB", "over", *WELFARE)
    await gateway.no_contact.confirm_lift("XBB", "over", "second", "liaison_officer")
    await settle(network, 2)
    assert ["RECALL"] * 2 == list(await homeward.states(network, ours, theirs))


async def test_recall_is_not_said_anew_of_who_is_back(network: Network, tmp_path: Path) -> None:
    """Who asks knows that she is, and says nothing; to who is asked it is no news that she was called back."""
    ours, _ = await homeward.departed(network)
    await network.gateways["XAA"].returning.recall(ours, "danger", "UNSAFE", "2026-12-20", *CASE)
    await network.deliver()
    await network.gateways["XAA"].returning.returned(ours, *CASE)
    await put_back_later(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    assert ["receipted"] == await states_of(network, ours, "XAA", TAKE_BACK)


async def test_recall_of_who_is_asked_moves_nobody_who_is_back(network: Network, tmp_path: Path) -> None:
    """No message says that she is back, so it is said anew; the case of who asks begins anew all the same."""
    ours, theirs = await homeward.departed(network)
    await network.gateways["XBB"].returning.recall(theirs, "danger", "UNSAFE", "2026-12-20", *WELFARE)
    await network.deliver()
    await network.gateways["XAA"].returning.returned(ours, *CASE)
    before = await findings_of(network, "XAA", ours)
    await put_back_later(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    assert ["CONSIDERED", "RECALL"] == list(await homeward.states(network, ours, theirs))
    assert ["receipted"] * 2 == await states_of(network, theirs, type=TAKE_BACK)
    assert before == await findings_of(network, "XAA", ours)
    assert [] == await findings_of(network, "XBB", theirs)


@pytest.mark.parametrize("knows", [False, True])
async def test_reply_that_is_taken_back_is_taken_back_anew(network: Network, tmp_path: Path, knows: bool) -> None:
    """
    Whoever forgot it goes on with no return; whoever knows it refuses its number, and nobody is told or asked anything.

    The State that took its reply back takes a plan and a departure all the same, as if nothing had been said.
    """
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await take_reply_back(network, theirs)
    await put_back_later(network, "XAA", back_up(network, "XAA", tmp_path / "after") if knows else before)
    case = await story.case(network, "XAA", ours)
    assert (None, 1) == (case.reply, len(case.notices))
    assert ([] if knows else [LOST_THERE]) == await findings_of(network, "XBB", theirs)
    said = ["receipted", "refused" if knows else "receipted"]
    assert said == await states_of(network, theirs, type=RECTIFICATION)
    await raise_epochs(network, "XAA")
    assert said == await states_of(network, theirs, type=RECTIFICATION)


async def test_reply_is_taken_back_anew_after_one_who_knew_it_was_put_back(network: Network, tmp_path: Path) -> None:
    """That it refused that word once, because it knew it, says nothing of the next backup that is put back."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await take_reply_back(network, theirs)
    await put_back_later(network, "XAA", back_up(network, "XAA", tmp_path / "after"))
    await put_back_later(network, "XAA", before)
    assert (await story.case(network, "XAA", ours)).reply is None


async def taken_back_and_stopped(network: Network, folder: Path, by: str, days: int = 31) -> tuple[str, str]:
    """Have XBB take its reply back, ``by`` stop the return, and XAA put back to before both."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", folder / "before")
    await take_reply_back(network, theirs)
    await network.gateways[by].returning.suspend(ours if by == "XAA" else theirs, "danger", *WELFARE)
    await network.deliver()
    await put_back_later(network, "XAA", before, days)
    return ours, theirs


async def let_go(network: Network, theirs: str) -> None:
    await network.gateways["XBB"].hold.release(theirs, *WELFARE)
    await network.gateways["XBB"].hold.resume(theirs, "first", "registry_clerk")


@pytest.mark.parametrize("stops", ["suspend", "freeze"])
async def test_reply_is_taken_back_anew_before_its_return_goes_on(network: Network, tmp_path: Path, stops: str) -> None:
    """Behind a stop of its own nothing is said of it; word that the stop is over alone would have it gone by."""
    ours, theirs = await taken_back_and_stopped(network, tmp_path, "XBB")
    hold = network.gateways["XBB"].hold
    if stops == "freeze":
        await hold.freeze(theirs, "danger", "first", "registry_clerk")
        await hold.release(theirs, "first", "registry_clerk")
        await hold.release(theirs, *WELFARE)
        await hold.resume(theirs, "second", "desk_head")
        await hold.resume(theirs, "first", "registry_clerk")
    else:
        await let_go(network, theirs)
    waiting = [row.type for row in await outbox(network, "XBB", theirs) if row.state == "queued"]
    assert [RECTIFICATION, RESUMPTION] == waiting
    await network.deliver()
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert (await story.case(network, "XAA", ours)).reply is None
    assert ["receipted"] * 2 == await states_of(network, theirs, type=RECTIFICATION)


@pytest.mark.parametrize("days", [3, 31])
async def test_reply_is_taken_back_anew_where_the_other_state_has_forgotten_its_own_stop(
    network: Network, tmp_path: Path, days: int
) -> None:
    """It holds nothing and would let the person leave by that reply; nobody here has stopped anything."""
    ours, theirs = await taken_back_and_stopped(network, tmp_path, "XAA", days)
    assert ["ACCEPTED", "SUSPENDED"] == list(await homeward.states(network, ours, theirs))
    assert (await story.case(network, "XAA", ours)).reply is None
    assert ["receipted"] * (1 if days == 3 else 2) == await states_of(network, theirs, type=RECTIFICATION)


@pytest.mark.parametrize("restored", [False, True])
async def test_reply_is_not_taken_back_anew_as_a_return_goes_on_where_it_is_known(
    network: Network, restored: bool, tmp_path: Path
) -> None:
    """Of who was never restored nothing has to be said twice; who knew it refuses the number, and nobody is told."""
    ours, theirs = await homeward.accepted(network, days=300)
    await take_reply_back(network, theirs)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    if restored:
        await put_back_later(network, "XAA", back_up(network, "XAA", tmp_path / "after"))
    network.clock.pass_(days=32)
    await network.refresh()
    await let_go(network, theirs)
    await network.deliver()
    said = ["receipted", "refused"] if restored else ["receipted"]
    assert said == await states_of(network, theirs, type=RECTIFICATION)
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert [] == await findings_of(network, "XBB", theirs)
    assert 1 == len((await story.case(network, "XAA", ours)).notices)


async def test_reply_that_was_taken_back_in_an_epoch_that_is_over_is_taken_back_anew(
    network: Network, tmp_path: Path
) -> None:
    """Who forgot it takes nothing of that epoch any more, and would let the person leave by that reply."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await take_reply_back(network, theirs)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "asked"))
    await settle(network, 1)
    await restore(network, "XAA", before)
    await settle(network, 1)
    assert (await story.case(network, "XAA", ours)).reply is None
    said = ["receipted"] * 2
    assert said == await states_of(network, theirs, type=RECTIFICATION)
    await raise_epochs(network, "XAA", 1)
    assert said == await states_of(network, theirs, type=RECTIFICATION)


async def forgotten_since(network: Network, folder: Path, by: str, ref: str, act: Awaitable[object]) -> None:
    """Have the other State forget ``act`` of ``by`` in its case ``ref``, whose epoch was raised since it was taken."""
    other = next(country for country in network.gateways if country != by)
    before = back_up(network, other, folder / "before")
    await act
    await network.deliver()
    await restore(network, by, back_up(network, by, folder / "own"))
    await settle(network, 1)
    await restore(network, other, before)
    await settle(network, 1)
    assert SAYS_OTHERWISE % {"receipt": "refused", "first_receipt": "accepted"} in await findings_of(network, by, ref)


@pytest.mark.parametrize("kind", [RECTIFICATION, ERASURE])
@pytest.mark.parametrize("withdrawn", [False, True])
async def test_what_takes_data_back_is_said_anew_where_its_epoch_is_over(
    network: Network, tmp_path: Path, kind: str, withdrawn: bool
) -> None:
    """Who forgot it takes nothing of that epoch any more, and would keep what is wrong, or is to be destroyed; once."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    if withdrawn:
        await gateway.hold.freeze(ours, "she asks for protection", *CASE)
        await gateway.hold.withdraw(ours, *CASE)
        network.clock.pass_(hours=2)
        await network.deliver()
    strike, demand = partial(gateway.notices.strike, ours, ["SEX"], *CASE), gateway.notices.demand_erasure
    await forgotten_since(network, tmp_path, "XAA", ours, strike() if kind == RECTIFICATION else demand(ours, *CASE))
    assert [(kind, 1)] == [(one.kind, one.number) for one in (await story.case(network, "XBB", theirs)).notices]
    await raise_epochs(network, "XBB")
    assert [1, 2] == [row.epoch for row in await outbox(network, "XAA", ours) if row.type == kind]


async def test_correction_is_said_anew_without_what_was_said_since(network: Network, tmp_path: Path) -> None:
    """What its epoch took from it is told again, and the value that was sent after it is not struck by it."""
    ours, theirs = await story.acknowledged(network, elements={**story.draft()["elements"], "sex": 2})
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].notices.strike(ours, ["SEX", "BIRTH_PLACE"], *CASE)
    await network.deliver()
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "own"))
    await settle(network, 1)
    desk = network.gateways["XAA"].clear
    await desk.prepare(ours, *CASE)
    preview, thread = await desk.show(ours, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
    await desk.approve(ours, signed, "second")
    await desk.send(ours, *CASE)
    await network.deliver()
    await restore(network, "XBB", before)
    await settle(network, 2)
    held = await story.case(network, "XBB", theirs)
    assert (2, False) == (held.received["elements"].get("sex"), "birth_place" in held.received["elements"])
    assert [(1, ["BIRTH_PLACE"])] == [(one.number, one.body["parts"]) for one in held.notices]


async def test_confirmation_is_said_anew_where_its_epoch_is_over(network: Network, tmp_path: Path) -> None:
    """Who forgot it would wait for it for good."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XAA"].notices.strike(ours, ["SEX"], *CASE)
    await network.deliver()
    act = network.gateways["XBB"].notices.confirm(theirs, 1, "DONE", "first", "registry_clerk")
    await forgotten_since(network, tmp_path, "XBB", theirs, act)
    (asked,) = (await story.case(network, "XAA", ours)).notices
    assert "DONE" == asked.answer["result"]


async def test_reply_is_not_taken_back_anew_where_another_was_given_in_the_new_epoch(
    network: Network, tmp_path: Path
) -> None:
    """Said behind that one it would take that one back."""
    ours, theirs = await story.acknowledged(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    await take_reply_back(network, theirs)
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", *CASE)
    await network.deliver()
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "own"))
    await settle(network, 1)
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    await restore(network, "XAA", before)
    await settle(network, 1)
    assert "NOT_FOUND" == (await story.case(network, "XAA", ours)).reply["outcome"]


async def test_another_stop_after_a_recall_is_not_taken_for_the_first(network: Network) -> None:
    """It is not known there by that one: where it is refused people tell it."""
    ours, theirs = await homeward.accepted(network, days=300)
    returning = network.gateways["XBB"].returning
    await returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    # She left as the stop was told, is called back from there, and a return is arranged anew.
    for country, ref, state in (("XAA", ours, State.DEPARTED), ("XBB", theirs, State.DEPARTED)):
        await story.put(network, country, ref, state, resume_to=None, holders=(), said={})
    await returning.recall(theirs, "danger", "UNSAFE", "2026-12-20", *WELFARE)
    await network.deliver()
    assert ["RECALL"] * 2 == list(await homeward.states(network, ours, theirs))
    await story.put(network, "XBB", theirs, State.ACCEPTED, said={})
    await story.put(network, "XAA", ours, State.CLOSED)
    await erase(network.gateways["XAA"], ours, network.clock.now())
    await returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    assert ["receipted", "refused"] == await states_of(network, theirs)
    assert NOT_TOLD in await findings_of(network, "XBB", theirs)


async def test_stop_is_heard_that_was_made_behind_another_that_ran_out(network: Network) -> None:
    """The thread ends by that one as ever, and what stands behind it moves up to its number (M-5.10)."""
    ours, theirs = await homeward.accepted(network, days=300)
    gateway = network.gateways["XBB"]
    network.wires.cut = True
    await gateway.returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver(1)
    await gateway.hold.release(theirs, *WELFARE)
    await gateway.hold.resume(theirs, "first", "registry_clerk")
    network.clock.pass_(days=31)
    await gateway.returning.suspend(theirs, "danger again", *WELFARE)
    await network.refresh()
    await gateway.deliverer.expire(network.clock.now())
    network.wires.cut = False
    await settle(network, 2)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)
    assert "UNDELIVERED" == (await story.case(network, "XBB", theirs)).resume_to


async def test_nothing_goes_on_with_a_stop_that_was_closed(network: Network, tmp_path: Path) -> None:
    """It is not said anew: what the State that forgot it says next is refused, and its desk sees that."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await network.gateways["XBB"].answer.close(theirs, "first")
    await put_back_later(network, "XAA", before)
    assert ["receipted"] == await states_of(network, theirs)
    returning = network.gateways["XAA"].returning
    await returning.record(ours, homeward.record(decision=homeward.DECISION), *CASE)
    await returning.decide(ours, "coordinator", "coordinator")
    pending = await returning.prepare_document(ours, "2027-01-20", *CASE)
    await homeward.approve(network, ours, pending, "travel.approval")
    await returning.request_document(ours, *CASE)
    await settle(network, 2)
    assert "refused" == (await outbox(network, "XAA", ours))[-1].state
    assert "not accepted: illegal-step" in await findings_of(network, "XAA", ours)


@pytest.mark.parametrize("frozen", [False, True])
async def test_stop_of_who_asks_is_not_said_anew(network: Network, tmp_path: Path, frozen: bool) -> None:
    """The person is with it, and nobody leaves; what a freeze is about is told by nothing that is said of a stop."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await suspend(network, ours)
    await network.deliver()
    if frozen:
        await network.gateways["XAA"].hold.freeze(ours, "in doubt", *CASE)
    await put_back_later(network, "XBB", backup)
    assert [(SUSPENSION, "receipted")] == await said(network, ours)
    assert "ACCEPTED" == await story.state(network, "XBB", theirs)
    assert ([] if frozen else [PASSED_OVER]) == await findings_of(network, "XAA", ours)  # frozen: nobody asks


async def test_it_is_posted_until_it_has_an_answer_while_something_waits(network: Network, tmp_path: Path) -> None:
    """A line that fails ends nothing of it; where what waited ran out, it is not posted any more either."""
    ours, theirs = await forgotten(network, tmp_path)
    await suspend(network, ours)
    await network.deliver(1)
    network.wires.cut = True
    gateway = network.gateways["XAA"]
    for _ in range(3):
        network.clock.pass_(hours=2)
        await network.deliver()
        await gateway.deliverer.expire(network.clock.now())
    assert "posted" == (await outbox(network, "XAA", ours))[0].state
    assert [NOT_TOLD] == await findings_of(network, "XAA", ours)
    network.wires.cut = False
    await settle(network, 2)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)


async def test_it_is_signed_anew_where_the_window_of_its_key_is_over(network: Network, tmp_path: Path) -> None:
    """Nobody takes a message under such a key, whatever its times say (M-3.6)."""
    ours, theirs = await forgotten(network, tmp_path)
    context, signer = network.gateways["XAA"].context, SigningKey.generate()
    held = card.claims_of(card_of(network, "XAA"))["signing"]
    begun = {**held[0], "kid": signer.kid, "key": b64.encode(signer.public)}
    over = {**held[0], "until": wire.format_instant(network.clock.now() - timedelta(days=1))}
    next_card_of(network, "XAA", signing=[over, begun])
    context.keyring = replace(context.keyring, signing=signer)
    await network.refresh()
    await suspend(network, ours)
    await settle(network, 1)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)


async def test_what_was_left_without_an_answer_is_posted_again_once_more_is_said(
    network: Network, tmp_path: Path
) -> None:
    """What waited behind it ran out before the line was back: its number is still missing as a stop is said."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", tmp_path / "backup")
    for _ in range(2):
        await network.gateways["XAA"].notices.ask_use(ours, *CASE)
        await network.deliver()
        network.clock.pass_(days=16)
        await network.refresh()
    await restore(network, "XBB", backup)
    await network.deliver(1)
    network.wires.cut = True
    network.clock.pass_(days=15)
    for _ in range(2):
        await network.gateways["XAA"].deliverer.expire(network.clock.now())
    network.wires.cut = False
    await network.refresh()
    await suspend(network, ours)
    await settle(network, 2)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)
    assert NOT_TOLD not in await findings_of(network, "XAA", ours)


async def test_reply_is_taken_back_before_its_return_goes_on_in_another_epoch(network: Network, tmp_path: Path) -> None:
    """Word of that in an epoch that is over is refused, and comes too late once the return goes on."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await take_reply_back(network, theirs)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await both_put_back(network, tmp_path, "XBB", before)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)
    await let_go(network, theirs)
    waiting = [row.type for row in await outbox(network, "XBB", theirs) if row.state == "queued"]
    assert [RECTIFICATION, RESUMPTION] == waiting
    await network.deliver()
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert (await story.case(network, "XAA", ours)).reply is None


async def test_reply_is_taken_back_in_another_epoch_where_the_other_state_alone_has_stopped(
    network: Network, tmp_path: Path
) -> None:
    """It has forgotten its stop and that word, and would let the person leave by the reply."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await take_reply_back(network, theirs)
    await suspend(network, ours)
    await network.deliver()
    await both_put_back(network, tmp_path, "XBB", before)
    assert ["ACCEPTED", "SUSPENDED"] == list(await homeward.states(network, ours, theirs))
    assert (await story.case(network, "XAA", ours)).reply is None


async def test_correction_is_said_anew_behind_a_later_one(network: Network, tmp_path: Path) -> None:
    """Its own number would be refused behind that of the later one, and what is wrong stay; it is said once."""
    ours, theirs = await story.acknowledged(network)
    before = back_up(network, "XBB", tmp_path / "before")
    notices = network.gateways["XAA"].notices
    await notices.strike(ours, ["BIRTH_PLACE"], *CASE)
    await network.deliver()
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "own"))
    await settle(network, 1)
    await network.gateways["XAA"].notices.strike(ours, ["SEX"], *CASE)
    await network.deliver()
    await restore(network, "XBB", before)
    await settle(network, 2)
    held = await story.case(network, "XBB", theirs)
    assert "birth_place" not in held.received["elements"]
    assert [(2, ["SEX"]), (3, ["BIRTH_PLACE"])] == [(one.number, one.body["parts"]) for one in held.notices]
    await network.gateways["XBB"].notices.confirm(theirs, 3, "DONE", "first", "registry_clerk")
    await network.deliver()
    assert [1, 2] == [one.number for one in open_demands(await story.case(network, "XAA", ours))]
    await raise_epochs(network, "XBB")
    assert ["receipted"] * 3 == await states_of(network, ours, "XAA", RECTIFICATION)


async def test_departure_is_said_anew_where_its_epoch_is_over(network: Network, tmp_path: Path) -> None:
    """Who forgot it takes nothing of that epoch any more, and would await nobody."""
    ours, theirs = await homeward.on_the_day(network)
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.deliver()
    await both_put_back(network, tmp_path, "XAA", before)
    assert ["DEPARTED"] * 2 == list(await homeward.states(network, ours, theirs))
    said = await states_of(network, ours, "XAA", SCHEDULE)
    await raise_epochs(network, "XBB")
    assert said == await states_of(network, ours, "XAA", SCHEDULE)


async def test_danger_is_said_anew_where_its_epoch_is_over(network: Network, tmp_path: Path) -> None:
    """So is how somebody was found, who is far from there."""
    ours, theirs = await homeward.handed_over(network)
    network.clock.pass_(days=2)
    before = back_up(network, "XAA", tmp_path / "before")
    on = (network.clock.now() - timedelta(days=1)).date().isoformat()
    await network.gateways["XBB"].returning.report(theirs, "SEEN_CONCERN", on, False, "reception", "reception")
    await network.deliver()
    await both_put_back(network, tmp_path, "XBB", before)
    assert REPORTED % {"status": "SEEN_CONCERN", "day": on} in await findings_of(network, "XAA", ours)


async def test_no_that_is_taken_back_is_taken_back_anew(network: Network, tmp_path: Path) -> None:
    """Who forgot that goes by a mistaken no for good: nobody answers again before it is contested."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    before = back_up(network, "XAA", tmp_path / "before")
    await take_reply_back(network, theirs)
    await put_back_later(network, "XAA", before)
    assert (await story.case(network, "XAA", ours)).reply is None


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("knows", [False, True])
async def test_withdrawal_is_said_anew(network: Network, tmp_path: Path, knows: bool, closed: bool) -> None:
    """Who forgot it looks for somebody of whom nobody asks any more, and all it says is taken as if it were asked."""
    ours, theirs = await story.acknowledged(network)
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].hold.freeze(ours, "she asks for protection", *CASE)
    await network.gateways["XAA"].hold.withdraw(ours, *CASE)
    network.clock.pass_(hours=1)
    await network.deliver()
    if closed:
        await network.gateways["XAA"].clear.close(ours, *CASE)
    await put_back_later(network, "XBB", back_up(network, "XBB", tmp_path / "after") if knows else before)
    await settle(network, 1)
    assert await story.state(network, "XBB", theirs) in ("WITHDRAWN", "CLOSED")
    assert ["receipted"] * 2 == await states_of(network, ours, "XAA", WITHDRAWAL)
    await raise_epochs(network, "XBB")
    assert ["receipted"] * 2 == await states_of(network, ours, "XAA", WITHDRAWAL)


async def test_one_case_keeps_no_withdrawal_of_another_back(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in one case is told, and everything else is said and posted again."""
    cases = [(await story.acknowledged(network))[0] for _ in range(2)]
    for ours in cases:
        await network.gateways["XAA"].hold.freeze(ours, "she asks for protection", *CASE)
        await network.gateways["XAA"].hold.withdraw(ours, *CASE)
    network.clock.pass_(hours=1)
    await network.deliver()
    faulty, really = cases[0], threads.queue

    async def queue(context: Context, tx: Tx, held: Held, send: Send, now: datetime) -> OutboundRow:
        if held.case.ref == faulty:
            raise ValueError("a fault")
        return await really(context, tx, held, send, now)

    monkeypatch.setattr(threads, "queue", queue)
    await put_back_later(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    await settle(network, 1)
    assert [1, 2] == [len(await states_of(network, ours, "XAA", WITHDRAWAL)) for ours in cases]
    assert ("case.fault", {"ref": faulty, "error": "ValueError"}) in network.logs


@pytest.mark.parametrize("heard", [False, True])
async def test_people_tell_that_a_return_goes_on_where_its_epoch_is_over(
    network: Network, tmp_path: Path, heard: bool
) -> None:
    """Said anew it might lift a later stop, which a restore took. Nobody else tells who holds it still."""
    ours, theirs = await stopped_there_and_known(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await let_go(network, theirs)
    network.wires.cut = not heard
    await network.deliver(1)
    network.wires.cut = False
    await both_put_back(network, tmp_path, "XBB", before)
    assert ["SUSPENDED", "ACCEPTED"] == list(await homeward.states(network, ours, theirs))
    assert NOT_TOLD in await findings_of(network, "XBB", theirs)


async def stopped_there_and_known(network: Network) -> tuple[str, str]:
    ours, theirs = await homeward.accepted(network, days=300)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    return ours, theirs


@pytest.mark.parametrize("outcome", ["NATIONAL", "NOT_FOUND"])
async def test_reply_is_said_anew_where_its_epoch_is_over(network: Network, tmp_path: Path, outcome: str) -> None:
    """Its desk has answered and cannot do so again; who asked and forgot it would wait for it in vain."""
    ours, theirs = await story.acknowledged(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await story.give_answer(network, theirs, story.reply(outcome))
    await network.deliver()
    await both_put_back(network, tmp_path, "XBB", before)
    assert ["REPLIED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert ["receipted"] * 2 == await states_of(network, theirs, type=REPLY)
    await raise_epochs(network, "XAA")
    assert ["receipted"] * 2 == await states_of(network, theirs, type=REPLY)


async def test_reply_that_may_have_been_taken_back_is_not_said_anew(network: Network, tmp_path: Path) -> None:
    """That is what its restore lost, as the listing of the other State has told; a person decides."""
    ours, theirs = await story.acknowledged(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    answered = back_up(network, "XBB", tmp_path / "answered")
    await take_reply_back(network, theirs)
    await restore(network, "XBB", answered)
    await settle(network, 1)
    await restore(network, "XAA", before)
    await settle(network, 2)
    assert ["ACKNOWLEDGED", "REPLIED"] == list(await homeward.states(network, ours, theirs))


@pytest.mark.parametrize("answered", [False, True])
async def test_acknowledgement_is_said_anew_where_its_epoch_is_over(
    network: Network, tmp_path: Path, answered: bool
) -> None:
    """Who forgot it takes no reply, given before or since, and no desk acknowledges twice."""
    ours, theirs = await story.received(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    if answered:
        await story.give_answer(network, theirs, story.reply())
        await network.deliver()
    await both_put_back(network, tmp_path, "XBB", before)
    if not answered:
        await story.give_answer(network, theirs, story.reply())
        await network.deliver()
    assert ["REPLIED"] * 2 == list(await homeward.states(network, ours, theirs))
