"""What takes data back where we are asked, in a thread in which a message of ours was lost for good (M-5.10)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.codes import Reason
from gateway.core.machine import NOT_TOLD
from gateway.core.notices import open_demands
from gateway.services import outbox
from gateway.services.ports import Tx
from gateway.services.retain import erase_and_confirm
from gateway.services.rows import OutboundRow
from tests.support import homeward, restoring, story
from tests.support.network import Network, final, nothing_leaves, wrong_clock
from tests.support.restoring import after_the_listing, back_up, restore
from tests.support.stolen import steal_from

CASE, CLERK, HEAD = "case_officer", "registry_clerk", "desk_head"


async def never_came(network: Network) -> None:
    """Let what XBB posts be lost on the line until its time is over."""
    network.wires.cut = True
    await month(network)


async def came_without_receipt(network: Network) -> None:
    """Let what XBB posts arrive, and every answer to it be lost until its time is over."""
    network.wires.lose_answers = True
    await month(network)


async def refused_for_good(network: Network) -> None:
    """Let what XBB posts meet a final problem."""
    receiver = network.gateways["XAA"].receiver
    receive = receiver.receive
    receiver.receive = lambda body: receive(body[:-1] + bytes([body[-1] ^ 1]))  # type: ignore[method-assign]
    await network.deliver()
    receiver.receive = receive  # type: ignore[method-assign]


async def month(network: Network) -> None:
    """Let the time of a message pass, and the line be up again."""
    await network.deliver()
    network.clock.pass_(days=31)
    network.wires.cut = network.wires.lose_answers = False
    await network.refresh()
    await network.gateways["XBB"].deliverer.expire(network.clock.now())


LOSSES = [never_came, came_without_receipt, refused_for_good]
Loss = Callable[[Network], Awaitable[None]]


async def lost(network: Network, loss: Loss) -> tuple[str, str]:
    """Let the acknowledgement of XBB be lost for good."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await loss(network)
    assert "UNDELIVERED" == await story.state(network, "XBB", theirs)
    return ours, theirs


async def withdraw(network: Network, ours: str) -> None:
    asking = network.gateways["XAA"]
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=1)
    await network.deliver()


async def said(network: Network, theirs: str) -> list[OutboundRow]:
    """Return what XBB said in the thread of a case, also what belongs to none any more, as it was queued."""
    case = await story.row(network, "XBB", theirs)
    since = network.clock.now().replace(year=2020)
    rows = await network.gateways["XBB"].store.read(lambda tx: tx.outbound_since("XAA", since))
    return [row for row in rows if row.thread == case.thread]


async def is_confirmed(network: Network, ours: str) -> bool:
    return () == open_demands(await story.case(network, "XAA", ours))


@pytest.mark.parametrize("withdrawn", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
async def test_what_was_demanded_is_confirmed_though_a_message_was_lost(
    network: Network, loss: Loss, withdrawn: bool
) -> None:
    """The confirmation takes the number that was lost, or the next one if that was used; the other State hears it."""
    ours, theirs = await lost(network, loss)
    asking, asked = network.gateways["XAA"].notices, network.gateways["XBB"].notices
    if withdrawn:
        await withdraw(network, ours)
    await asking.strike(ours, ["NAMES"], "first", CASE)
    await asking.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await asked.confirm(theirs, 1, "DONE", "first", CLERK)
    await network.deliver()
    await asked.destroy(theirs, 1, "second", HEAD)
    await network.deliver()
    assert await is_confirmed(network, ours)
    last = (await said(network, theirs))[-1]
    assert (loss is came_without_receipt) + 2 == last.seq


async def erased_by_timer(network: Network, theirs: str) -> None:
    context = network.gateways["XBB"].context
    await context.commit(lambda tx: erase_and_confirm(context, tx, theirs, context.clock.now()))
    assert "ERASED" == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("loss", LOSSES)
async def test_both_demands_are_confirmed_by_who_is_gone(network: Network, loss: Loss) -> None:
    """A timer that erases the case confirms what was demanded, under the number that was lost and the next ones."""
    ours, theirs = await lost(network, loss)
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", CASE)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await erased_by_timer(network, theirs)
    await network.deliver()
    assert await is_confirmed(network, ours)


@pytest.mark.parametrize("loss", LOSSES)
async def test_who_demands_what_is_gone_already_hears_so(network: Network, loss: Loss) -> None:
    """A demand that comes after the case was erased is taken and confirmed with NOT_HELD, as often as it comes."""
    ours, theirs = await lost(network, loss)
    await erased_by_timer(network, theirs)
    for _ in range(2):
        await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
        await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ["NOT_HELD"] * 2 == [(one.answer or {}).get("result") for one in case.notices]


@pytest.mark.parametrize("came", [False, True])
async def test_what_was_on_its_way_as_the_case_was_erased_holds_up_no_confirmation(
    network: Network, came: bool
) -> None:
    """Nobody knows whether it came: if it did, the confirmation under its number is refused, and said once more."""
    ours, theirs = await on_its_way(network, came=came)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.gateways["XAA"].deliverer.run_once()
    await erased_by_timer(network, theirs)
    await up_again(network)
    assert await is_confirmed(network, ours)


async def on_its_way(network: Network, *, came: bool) -> tuple[str, str]:
    """Withdraw a case of which an acknowledgement is on its way that ``came`` or not; no answer to it did."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    network.wires.cut, network.wires.lose_answers = not came, came
    await network.gateways["XBB"].deliverer.run_once()
    network.wires.cut = network.wires.lose_answers = False
    asking = network.gateways["XAA"]
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=1)
    await asking.deliverer.run_once()
    return ours, theirs


async def up_again(network: Network) -> None:
    """Let what waits be tried, however long it waited."""
    network.clock.pass_(hours=1)
    await network.deliver()


async def test_that_a_journey_is_off_is_not_posted_behind_a_plan_that_was_lost(network: Network) -> None:
    """The thread ends with the plan (M-5.11): the word behind it is taken out, and people tell the other State."""
    ours, _ = await homeward.scheduled(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.refresh()
    network.wires.cut = True
    await network.gateways["XAA"].deliverer.run_once()
    await network.gateways["XAA"].returning.cancel(ours, "first", "case_officer")
    network.wires.cut, network.wires.post = False, final
    network.clock.pass_(minutes=5)
    await network.gateways["XAA"].deliverer.run_once()
    said = [row.state for row in await restoring.outbox(network, "XAA", ours) if row.type == "return.schedule"]
    assert ("UNDELIVERED", ["undelivered", "dropped"]) == (await story.state(network, "XAA", ours), said)
    assert NOT_TOLD in await restoring.findings_of(network, "XAA", ours)


async def test_what_waits_behind_a_lost_number_moves_up_to_it(network: Network) -> None:
    """A confirmation that was given while the message before it was still tried is heard once that is given up."""
    ours, theirs = await on_its_way(network, came=False)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    await asking.notices.strike(ours, ["NAMES"], "first", CASE)
    await asking.deliverer.run_once()
    network.wires.cut = True
    network.clock.pass_(days=28)
    await network.refresh()
    await asked.notices.confirm(theirs, 1, "DONE", "first", CLERK)
    network.clock.pass_(days=3)
    network.wires.cut = False
    await network.refresh()
    await asked.deliverer.expire(network.clock.now())
    await up_again(network)
    assert await is_confirmed(network, ours)
    assert (1, "receipted") == ((last := (await said(network, theirs))[-1]).seq, last.state)


async def test_what_waits_behind_a_confirmation_that_was_lost_moves_up_too(network: Network) -> None:
    """In an undelivered case one confirmation is lost as well: it is said again under its number, the next behind."""
    ours, theirs = await lost(network, never_came)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    for part in ("NAMES", "SEX"):
        await asking.notices.strike(ours, [part], "first", CASE)
    await network.deliver()
    network.wires.cut = True
    await asked.notices.confirm(theirs, 1, "DONE", "first", CLERK)
    await network.deliver()
    network.clock.pass_(days=28)
    await network.refresh()
    await asked.notices.confirm(theirs, 2, "DONE", "first", CLERK)
    network.clock.pass_(days=3)
    network.wires.cut = False
    await network.refresh()
    await asked.deliverer.expire(network.clock.now())
    await up_again(network)
    assert await is_confirmed(network, ours)
    assert [(1, "receipted"), (2, "receipted")] == [(row.seq, row.state) for row in (await said(network, theirs))[-2:]]


@pytest.mark.parametrize("posted", [True, False])
async def test_confirmation_of_what_is_gone_is_said_until_it_is_heard(network: Network, posted: bool) -> None:
    """Nobody is left who would say it again: what expired is said anew, in its order, and once."""
    ours, theirs = await gone(network)
    network.wires.cut = True
    with pytest.MonkeyPatch.context() as patch:
        if not posted:  # nor is a key held
            patch.setattr(network.gateways["XBB"].deliverer, "run_once", nothing_leaves)
            patch.setattr(outbox, "recipient", lambda *_: None)
        await month(network)
    await up_again(network)
    assert await is_confirmed(network, ours)
    rows = [row for row in await said(network, theirs) if row.type == "confirmation"]
    assert [(3, "receipted"), (4, "receipted")] == [(row.seq, row.state) for row in rows][-2:]
    assert 4 == len(rows)


async def gone(network: Network) -> tuple[str, str]:
    """Have XBB erase a case in which two things were demanded of it; both confirmations wait."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", CASE)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await erased_by_timer(network, theirs)
    return ours, theirs


async def test_what_is_said_of_nothing_moves_up_to_a_number_that_met_a_final_problem(network: Network) -> None:
    """Of two confirmations one is lost, and is not said without end; the other has its number, and is heard."""
    ours, theirs = await gone(network)
    network.wires.cut = True
    await network.gateways["XBB"].deliverer.run_once()
    network.wires.cut = False
    network.clock.pass_(hours=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.wires, "post", final)
        await network.gateways["XBB"].deliverer.run_once()
    await up_again(network)
    rows = [row for row in await said(network, theirs) if row.type == "confirmation"]
    assert [(3, "undelivered"), (4, "dropped"), (3, "receipted")] == [(row.seq, row.state) for row in rows]
    assert [1] == [one.number for one in open_demands(await story.case(network, "XAA", ours))]


async def test_what_is_said_of_nothing_has_no_number_that_was_used_by_such_a_word(network: Network) -> None:
    """A confirmation of what is gone came and had no receipt; the next one, refused for its number, is said again."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await erased_by_timer(network, theirs)
    network.wires.lose_answers = True
    await network.gateways["XBB"].deliverer.run_once()
    network.wires.lose_answers = False
    network.clock.pass_(days=31)
    await network.refresh()
    await reached(network)
    await network.gateways["XBB"].deliverer.expire(network.clock.now())
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    assert await is_confirmed(network, ours)
    rows = [row for row in await said(network, theirs) if row.type == "confirmation"]
    assert [(3, None), (3, "id-reuse"), (4, None)] == [(row.seq, row.code) for row in rows]


async def reached(network: Network) -> None:
    """Have XBB know that XAA answers, as after any message of another case."""

    async def unit(tx: Tx) -> None:
        partner = await tx.find_partner("XAA")
        assert partner is not None
        await tx.save_partner(partner._replace(failures=0, open_until=None))

    await network.gateways["XBB"].context.commit(unit)


async def test_nothing_is_said_without_end_to_who_refuses_every_number(network: Network) -> None:
    """A number is taken for a used one as often as a message of ours had it, and no more."""
    ours, theirs = await lost(network, never_came)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    await network.gateways["XBB"].notices.destroy(theirs, 1, "second", HEAD)
    network.gateways["XAA"].receiver._order_fault = lambda *_: Reason.SEQ_REUSED  # type: ignore[method-assign]
    await network.deliver()
    rows = [row for row in await said(network, theirs) if row.type == "confirmation"]
    assert [(1, "id-reuse"), (2, "id-reuse")] == [(row.seq, row.code) for row in rows]


async def test_desk_learns_that_what_it_confirms_is_refused(network: Network) -> None:
    """In a thread that had ended, too: nobody else would tell that the other State has not heard it."""
    ours, theirs = await lost(network, never_came)
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", CASE)
    await network.deliver()
    await network.gateways["XBB"].notices.confirm(theirs, 1, "DONE", "first", CLERK)
    network.gateways["XAA"].receiver._order_fault = lambda *_: Reason.SEQ_REUSED  # type: ignore[method-assign]
    await network.deliver()
    assert "not accepted: id-reuse" in (await story.case(network, "XBB", theirs)).findings


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_what_is_confirmed_outlives_a_restore(network: Network, tmp_path: Path, withdrawn: bool) -> None:
    """What waits as our epoch is raised is said anew in that, in a thread that had ended as in any other."""
    ours, theirs = await lost(network, never_came)
    if withdrawn:
        await withdraw(network, ours)
    await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", CASE)
    await network.deliver()
    network.wires.cut = True
    await network.gateways["XBB"].notices.confirm(theirs, 1, "DONE", "first", CLERK)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    network.wires.cut = False
    await after_the_listing(network)
    await up_again(network)
    assert await is_confirmed(network, ours)


async def test_a_stopped_case_does_not_say_it_again(network: Network) -> None:
    """What is refused for its number in a case that was stopped meanwhile is a finding, and nothing leaves."""
    ours, theirs = await story.received(network)
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    await asked.answer.acknowledge(theirs, "first")
    await came_without_receipt(network)
    await asking.notices.strike(ours, ["NAMES"], "first", CASE)
    await network.deliver()
    await asked.notices.confirm(theirs, 1, "DONE", "first", CLERK)
    network.wires.lose_answers = True
    await asked.deliverer.run_once()
    network.wires.lose_answers = False
    await asked.hold.freeze(theirs, "known now", "first", CLERK)
    (row,) = [row for row in await said(network, theirs) if row.type == "confirmation"]
    await asked.deliverer.settle(row, network.wires.answers[-1].body)
    await up_again(network)
    assert [(1, "id-reuse")] == [(one.seq, one.code) for one in await said(network, theirs)][1:]
    assert ("not accepted: id-reuse",) == (await story.case(network, "XBB", theirs)).findings


async def test_confirmation_of_what_is_gone_is_said_again_by_a_clock_that_is_right(network: Network) -> None:
    """What is refused for its times alone is said once more a quarter of an hour later: nobody would know of it."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    with wrong_clock(network, "XBB", 20):
        await erased_by_timer(network, theirs)
        for _ in range(3):
            await network.gateways["XBB"].deliverer.run_once()
    assert ["stale", None] == [row.code for row in await said(network, theirs)][-2:]
    assert 1 == sum(row.code == "stale" for row in await said(network, theirs))
    assert not await is_confirmed(network, ours)
    await up_again(network)
    assert await is_confirmed(network, ours)


@pytest.mark.parametrize("days", [0, 31])
async def test_confirmation_of_what_is_gone_outlives_a_restore(network: Network, tmp_path: Path, days: int) -> None:
    """What waited in the backup is of an epoch that is over, and is said in the new one, however long it waits."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    network.wires.cut = True
    await erased_by_timer(network, theirs)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    network.clock.pass_(days=days)
    await network.refresh()
    await network.gateways["XBB"].deliverer.expire(network.clock.now())
    network.wires.cut = False
    await after_the_listing(network)
    await up_again(network)
    assert await is_confirmed(network, ours)


async def test_confirmation_of_what_is_gone_outlives_a_theft(network: Network) -> None:
    """What waits under a stolen key is signed by the next one, also where its case is no more."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    network.wires.cut = True
    await erased_by_timer(network, theirs)
    await steal_from(network, "XBB")
    network.wires.cut = False
    await after_the_listing(network)
    await up_again(network)
    assert await is_confirmed(network, ours)


async def test_confirmation_of_what_is_gone_is_said_again_to_who_forgot_it(network: Network, tmp_path: Path) -> None:
    """A partner that was restored takes it in no epoch of ours that is over, and would ask for ever."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await network.deliver()
    backup = back_up(network, "XAA", tmp_path / "theirs")
    await erased_by_timer(network, theirs)
    await network.deliver()
    assert await is_confirmed(network, ours)
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "ours"))
    await after_the_listing(network)
    await restore(network, "XAA", backup)
    await after_the_listing(network)
    assert await is_confirmed(network, ours)
