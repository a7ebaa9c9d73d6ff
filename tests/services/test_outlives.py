"""What protects a person, and was not heard yet as its case was erased on the day that the other State set."""

import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import erased, stands
from gateway.core import exercise, wire
from gateway.core.case import HELD, State
from gateway.core.messages import CONFIRMATION, RESUMPTION, SUSPENSION, TAKE_BACK
from gateway.services import outbox
from gateway.services.channel import UNTAKEN
from gateway.services.retain import erase_and_confirm
from gateway.services.rows import EventRow, OutboundRow
from gateway.services.steady import SteadyClock
from tests.support import homeward, story
from tests.support.erased import erase as erased_there
from tests.support.network import Network, open_gateway, wrong_clock
from tests.support.restoring import back_up, put_back, restore, settle

LOSSES = ("waits", "may be abroad", "came without a receipt", "behind what came", "runs out", "wrong clock")

Say = Callable[[Network, str], Awaitable[tuple[str, str]]]


async def on_its_last_day(network: Network, theirs: str, loss: str) -> None:
    """Let this be the last day that the asking State set, and the line be down since, or bring no receipt."""
    case = await story.case(network, "XBB", theirs)
    until = {"retain_until": network.clock.now().date().isoformat()}
    said = {type: {**body, "handling": {**body["handling"], **until}} for type, body in case.said.items()}
    received = {**(case.received or {}), "handling": {**(case.received or {})["handling"], **until}}
    await story.put(network, "XBB", theirs, case.state, said=said, received=received)
    network.wires.lose_answers = loss == "came without a receipt"
    network.wires.cut = not network.wires.lose_answers


async def behind_what_came(network: Network, theirs: str, loss: str) -> None:
    """Have a question before the word come without a receipt, where the loss is that."""
    if loss == "behind what came":
        network.wires.lose_answers = True
        await network.gateways["XBB"].notices.ask_use(theirs, "first", "registry_clerk")
        await network.deliver()


async def stopped(network: Network, loss: str) -> tuple[str, str]:
    """Return a return that the State that was asked has stopped, where the other one does not answer."""
    ours, theirs = await homeward.accepted(network)
    await behind_what_came(network, theirs, loss)
    await on_its_last_day(network, theirs, loss)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    return ours, theirs


async def stopped_and_closed(network: Network, loss: str) -> tuple[str, str]:
    ours, theirs = await stopped(network, loss)
    await network.gateways["XBB"].answer.close(theirs, "first")
    return ours, theirs


async def called_back(network: Network, loss: str) -> tuple[str, str]:
    """The same of somebody who has arrived, and is called back."""
    ours, theirs = await homeward.handed_over(network)
    await behind_what_came(network, theirs, loss)
    await on_its_last_day(network, theirs, loss)
    by = (network.clock.now() + timedelta(days=5)).date().isoformat()
    await network.gateways["XBB"].returning.recall(theirs, "danger", "UNSAFE", by, "reception", "reception")
    await network.gateways["XBB"].answer.close(theirs, "first")
    return ours, theirs


async def found(network: Network, loss: str, status: str = "SEEN_CONCERN") -> tuple[str, str]:
    """The same of somebody who is found so when the six months are over."""
    ours, theirs = await homeward.handed_over(network)
    network.clock.pass_(days=190)
    await on_its_last_day(network, theirs, loss)
    on = (network.clock.now() - timedelta(days=1)).date().isoformat()
    await network.gateways["XBB"].returning.report(theirs, status, on, True, "reception", "reception")
    return ours, theirs


async def erase(network: Network, theirs: str) -> None:
    """Erase a case of XBB now, as a timer does."""
    context = network.gateways["XBB"].context
    await context.commit(lambda tx: erase_and_confirm(context, tx, theirs, network.clock.now()))
    assert "ERASED" == await story.state(network, "XBB", theirs)


async def waiting(network: Network) -> list[OutboundRow]:
    """Return what waits at XBB for XAA, in its order."""
    rows = await network.gateways["XBB"].store.read(lambda tx: tx.waiting_outbound("XAA"))
    return sorted(rows, key=lambda row: row.place)


async def types(network: Network) -> list[str]:
    return [row.type for row in await waiting(network)]


async def line_is_up(network: Network) -> None:
    network.wires.cut = network.wires.lose_answers = False
    await network.refresh()
    for _ in range(3):
        network.clock.pass_(hours=1)
        await network.deliver()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("say", "state"),
    [(stopped_and_closed, "SUSPENDED"), (called_back, "RECALL"), (found, "CLOSED_CONCERN")],
    ids=["stopped", "called back", "in danger"],
)
async def test_word_that_protects_her_is_heard_though_its_case_is_gone(
    network: Network, say: Say, state: str, loss: str
) -> None:
    """The day that the other State set ends what it sent. Word of ours that she is in danger is heard all the same."""
    ours, theirs = await say(network, loss)
    if loss != "waits":
        await network.deliver()
    network.clock.pass_(days=1)
    network.wires.cut = network.wires.cut and loss != "wrong clock"
    with wrong_clock(network, "XBB", 20 if loss == "wrong clock" else 0) as clock:
        assert (theirs,) == await network.gateways["XBB"].retention.run_once(clock.now())
        await network.deliver()
    assert "ERASED" == await story.state(network, "XBB", theirs)
    if loss == "runs out":
        await network.deliver()
        network.clock.pass_(days=31)
        await network.refresh()
        await network.gateways["XBB"].deliverer.expire(network.clock.now())
    await line_is_up(network)
    assert state == await story.state(network, "XAA", ours)
    assert [] == await types(network)


@pytest.mark.parametrize(
    ("say", "members"),
    [(stopped_and_closed, {"code"}), (called_back, {"reason", "by"}), (found, {"handling", "status", "on", "final"})],
)
async def test_what_is_kept_of_it_names_nobody_and_goes_with_its_envelope(
    network: Network, say: Say, members: set[str]
) -> None:
    """The case goes on its day with its key. What stays is a code under a key of no case, until its envelope goes."""
    _, theirs = await say(network, "waits")
    context = network.gateways["XBB"].context
    network.clock.pass_(days=1)
    assert (theirs,) == await network.gateways["XBB"].retention.run_once(network.clock.now())
    (row,) = await waiting(network)
    payload = wire.payload_in(outbox.kept(context, row, None))
    assert (None, ()) == (row.ref, tuple(payload.statements))
    assert members == set(exercise.body_of(payload))
    await line_is_up(network)
    network.clock.pass_(days=31)
    await network.gateways["XBB"].retention.run_once(network.clock.now())
    rows = await context.store.read(lambda tx: tx.outbound_since("XAA", network.clock.now().replace(year=2020)))
    (kept,) = [one for one in rows if one.id == row.id]
    assert (None, None) == (kept.envelope, kept.sealed)


async def test_stop_that_was_lifted_is_not_said_anew(network: Network) -> None:
    """It may be abroad, and word that the return goes on stands behind it: said once more it would stop her again."""
    _, theirs = await stopped(network, "may be abroad")
    await network.deliver()
    await network.gateways["XBB"].hold.release(theirs, "welfare", "child_welfare")
    await network.gateways["XBB"].hold.resume(theirs, "first", "registry_clerk")
    assert [SUSPENSION, RESUMPTION] == await types(network)
    await erase(network, theirs)
    assert [RESUMPTION] == await types(network)


async def lifted(network: Network, loss: str) -> tuple[str, str]:
    """Return a return that the asked State stopped, as the other one heard, and lets go on while the line is down."""
    ours, theirs = await homeward.accepted(network)
    network.wires.lose_answers = loss == "came without a receipt"
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await network.deliver()
    network.wires.cut = True
    await network.gateways["XBB"].hold.release(theirs, "welfare", "child_welfare")
    await network.gateways["XBB"].hold.resume(theirs, "first", "registry_clerk")
    if loss == "may be abroad":
        await network.deliver(1)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)
    return ours, theirs


@pytest.mark.parametrize("gone", ["locked", "erased"])
@pytest.mark.parametrize("loss", ["waits", "may be abroad", "came without a receipt"])
async def test_word_that_a_stop_is_over_is_heard_though_its_case_is_gone(
    network: Network, loss: str, gone: str
) -> None:
    """Nobody can lift that stop here any more: the other State would hold the case for ever, and hear nothing of it."""
    ours, theirs = await lifted(network, loss)
    if gone == "locked":
        await story.put(network, "XBB", theirs, State.BLOCKED)
    else:
        await erase(network, theirs)
    await line_is_up(network)
    assert "ACCEPTED" == await story.state(network, "XAA", ours)
    assert [] == await types(network)


async def test_word_that_a_stop_is_over_does_not_leave_behind_another(network: Network) -> None:
    """That second stop is told to nobody: what the other State believes is so, and stays so (R-02)."""
    _, theirs = await lifted(network, "waits")
    context = network.gateways["XBB"].context
    await story.put(network, "XBB", theirs, State.SUSPENDED, holders=(("welfare", "child_welfare"),))
    await context.commit(lambda tx: erase_and_confirm(context, tx, theirs, network.clock.now()))
    assert [] == await types(network)


@pytest.mark.parametrize("say", ["stop", "recall"])
async def test_word_that_protects_her_is_posted_again_out_of_a_locked_case(
    network: Network, tmp_path: Path, say: str
) -> None:
    """Who forgot it by a restore would let her leave, or stay: what leaves a case that is locked comes again, too."""
    ours, theirs = await (homeward.accepted if say == "stop" else homeward.handed_over)(network)
    before = back_up(network, "XAA", tmp_path / "before")
    returning = network.gateways["XBB"].returning
    if say == "stop":
        await returning.suspend(theirs, "danger", "welfare", "child_welfare")
    else:
        by = (network.clock.now() + timedelta(days=5)).date().isoformat()
        await returning.recall(theirs, "danger", "UNSAFE", by, "reception", "reception")
    await network.deliver()
    await network.gateways["XBB"].answer.close(theirs, "first")
    await story.put(network, "XBB", theirs, State.BLOCKED)
    await restore(network, "XAA", before)
    await settle(network, 1)
    assert ("SUSPENDED" if say == "stop" else "RECALL") == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("statuses", [("SEEN_CONCERN", "SEEN_SAFE"), ("SEEN_SAFE",)], ids="-".join)
async def test_danger_that_is_over_is_not_said_anew(network: Network, statuses: tuple[str, ...]) -> None:
    """That she was seen safe since, or at all, is no word that protects her: it goes with its case."""
    _, theirs = await homeward.handed_over(network)
    network.wires.cut = True
    for status in statuses:
        network.clock.pass_(days=1)
        on = (network.clock.now() - timedelta(days=1)).date().isoformat()
        await network.gateways["XBB"].returning.report(theirs, status, on, False, "reception", "reception")
    await erase(network, theirs)
    assert [] == await types(network)


@pytest.mark.parametrize("state", [*HELD, State.CLOSED])
async def test_how_she_was_found_is_not_told_out_of_a_stop(network: Network, state: State) -> None:
    """A case that is stopped, or was closed so, tells the other State nothing of her, erased or not (R-02)."""
    _, theirs = await found(network, "waits")
    await story.put(network, "XBB", theirs, state, holders=(("welfare", "child_welfare"),))
    await erase(network, theirs)
    assert [] == await types(network)


@pytest.mark.parametrize("say", [stopped_and_closed, called_back, found])
async def test_case_that_a_backup_brought_back_says_no_such_word(network: Network, say: Say) -> None:
    """It may have gone on since the backup, and was erased then: what waited in it may have been lifted."""
    _, theirs = await say(network, "waits")
    path = network.homes["XBB"] / erased.ERASED_FILE
    erased.note(path, theirs)
    await erased.apply(network.gateways["XBB"].context, path)
    assert "ERASED" == await story.state(network, "XBB", theirs)
    assert [] == await types(network)


@pytest.mark.parametrize("say", [stopped_and_closed, called_back, found])
@pytest.mark.parametrize("put_back", [False, True])
async def test_erasure_that_was_cut_off_says_it_at_the_next_start(
    network: Network, tmp_path: Path, say: Say, put_back: bool
) -> None:
    """The list had the case and the database did not: nothing of it has moved since, unless that was put back."""
    _, theirs = await say(network, "waits")
    gateway, home = network.gateways["XBB"], network.homes["XBB"]
    before = back_up(network, "XBB", tmp_path / "before")
    if put_back:
        step = EventRow(theirs, network.clock.now(), "note", "XBB", "gateway", "CLOSED", "CLOSED", None, None)
        await gateway.context.commit(lambda tx: tx.add_event(step))
    await stands.keep(gateway.context, home / stands.STANDS_FILE, network.clock.now())
    erased.note(home / erased.ERASED_FILE, theirs)
    await gateway.close()
    shutil.rmtree(home / "data")
    shutil.copytree(before, home / "data")
    await open_gateway(network, "XBB")
    assert "ERASED" == await story.state(network, "XBB", theirs)
    assert (0 if put_back else 1) == len(await types(network))


async def test_start_that_is_cut_off_after_a_restore_says_nothing_at_the_next(network: Network, tmp_path: Path) -> None:
    """What it erased by then brings the database as far as it had come, and the rest was put back all the same."""
    other, _ = await story.replied(network)
    first = await story.twin(network, other)
    _, theirs = await stopped_and_closed(network, "waits")
    gateway, home = network.gateways["XBB"], network.homes["XBB"]
    before = back_up(network, "XBB", tmp_path / "before")
    step = EventRow(theirs, network.clock.now(), "note", "XBB", "gateway", "CLOSED", "CLOSED", None, None)
    await gateway.context.commit(lambda tx: tx.add_event(step))
    await stands.keep(gateway.context, home / stands.STANDS_FILE, network.clock.now())
    await gateway.close()
    shutil.rmtree(home / "data")
    shutil.copytree(before, home / "data")
    for ref in (first, theirs):  # the second start finds the rest of the list
        erased.note(home / erased.ERASED_FILE, ref)
        await (await open_gateway(network, "XBB")).close()
    await open_gateway(network, "XBB")
    assert "ERASED" == await story.state(network, "XBB", theirs)
    assert [] == await types(network)


async def test_erasure_of_an_epoch_that_is_over_says_nothing(network: Network, tmp_path: Path) -> None:
    """A node that was down as another one put the database back has the list, and word of how far that had come."""
    _, theirs = await stopped_and_closed(network, "waits")
    gateway, home = network.gateways["XBB"], network.homes["XBB"]
    before = back_up(network, "XBB", tmp_path / "before")
    await stands.keep(gateway.context, home / stands.STANDS_FILE, network.clock.now())
    known = (home / stands.STANDS_FILE).read_bytes()
    await put_back(network, "XBB", before)
    await network.gateways["XBB"].close()
    (home / stands.STANDS_FILE).write_bytes(known)
    erased.note(home / erased.ERASED_FILE, theirs)
    await open_gateway(network, "XBB")
    assert "ERASED" == await story.state(network, "XBB", theirs)
    assert [] == await types(network)


async def test_stop_that_was_lifted_leaves_no_locked_case(network: Network) -> None:
    """Word that the return goes on stands behind it, and stays there: it would hold the other State for ever."""
    ours, theirs = await stopped(network, "waits")
    await network.gateways["XBB"].hold.release(theirs, "welfare", "child_welfare")
    await network.gateways["XBB"].hold.resume(theirs, "first", "registry_clerk")
    assert [SUSPENSION, RESUMPTION] == await types(network)
    await story.put(network, "XBB", theirs, State.BLOCKED)
    await line_is_up(network)
    assert "ACCEPTED" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("down", [2, 31])
@pytest.mark.parametrize("posted", [False, True], ids=["", "may be abroad"])
@pytest.mark.parametrize(
    ("say", "state"), [(stopped_and_closed, "SUSPENDED"), (called_back, "RECALL"), (found, "CLOSED_CONCERN")]
)
async def test_word_that_protects_her_is_heard_though_its_case_is_locked(
    network: Network, say: Say, state: str, posted: bool, down: int
) -> None:
    """A line that is down for longer than a case stays open takes none of it, nor does its running out."""
    ours, theirs = await say(network, "waits")
    gateway = network.gateways["XBB"]
    await story.put(network, "XBB", theirs, State.BLOCKED)
    if posted:
        await network.deliver()
    network.clock.pass_(days=down)
    await network.refresh()
    await gateway.deliverer.expire(network.clock.now())
    await line_is_up(network)
    assert ("BLOCKED", state) == (await story.state(network, "XBB", theirs), await story.state(network, "XAA", ours))
    assert [] == await types(network)


@pytest.mark.parametrize("say", [stopped_and_closed, called_back, found])
async def test_word_that_protects_her_is_said_once_a_locked_case_is_erased(network: Network, say: Say) -> None:
    """What leaves a case that is locked outlives it, too."""
    _, theirs = await say(network, "waits")
    await story.put(network, "XBB", theirs, State.BLOCKED)
    await erase(network, theirs)
    assert 1 == len(await types(network))


async def test_word_that_may_not_follow_takes_no_confirmation_along(network: Network) -> None:
    """In a thread that ended no recall is said any more; what the other State demanded is confirmed all the same."""
    ours, theirs = await called_back(network, "waits")
    network.wires.cut = False
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", "case_officer")
    await network.gateways["XAA"].deliverer.run_once()
    context, case = network.gateways["XBB"].context, await story.case(network, "XBB", theirs)

    async def ended(tx: Any) -> None:
        thread = await tx.find_thread("XAA", case.thread)
        await tx.save_thread(thread._replace(ended="undelivered"))

    assert [TAKE_BACK] == await types(network)
    await context.commit(ended)
    await erase(network, theirs)
    assert [CONFIRMATION] == await types(network)


async def seen_for(network: Network, country: str, days: int) -> None:
    """Let the clock of a gateway go on steadily for some days, as it looks each half of one."""
    steady = SteadyClock(network.gateways[country].context)
    for _ in range(2 * days):
        await steady.run_once(network.clock.now())
        network.clock.pass_(hours=12)
    await steady.run_once(network.clock.now())


async def test_no_timer_ends_what_the_other_state_is_still_to_bring_back(network: Network, tmp_path: Path) -> None:
    """A day has come since the backup, and with it an objection: the case goes on there, and is not over here."""
    ours, theirs = await story.replied(network)
    await seen_for(network, "XBB", 2)
    homeward.move_to(network, network.clock.now().replace(hour=20))
    await on_its_last_day(network, theirs, "")
    network.wires.cut = False
    await SteadyClock(network.gateways["XBB"].context).run_once(network.clock.now())
    backup = back_up(network, "XBB", tmp_path / "backup")
    network.clock.pass_(hours=1)
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first", "case_officer")
    await network.deliver()
    network.clock.pass_(hours=10)
    await restore(network, "XBB", backup)
    gateway = network.gateways["XBB"]
    await SteadyClock(gateway.context).begin()
    assert () == await gateway.retention.run_once(network.clock.now())
    await settle(network)
    assert "CONTESTED" == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("forgotten", [False, True], ids=["at once", "once it had forgotten that it took it"])
async def test_who_runs_it_learns_that_word_of_no_case_was_refused(
    network: Network, tmp_path: Path, forgotten: bool
) -> None:
    """Its case is gone, so no desk learns that she is awaited by nobody there."""
    ours, theirs = await called_back(network, "waits")
    backup = back_up(network, "XAA", tmp_path / "backup")
    await erase(network, theirs)
    if forgotten:
        await line_is_up(network)
        await put_back(network, "XAA", backup)
    await erased_there(network.gateways["XAA"], ours, network.clock.now())
    await line_is_up(network)
    noted = await network.gateways["XBB"].store.read(lambda tx: tx.metas(UNTAKEN))
    assert ["untaken:XAA:return.take-back"] == [name for name, _ in noted]
    assert [] == await types(network)
