"""What was said in our epoch and rests on what was said in an earlier one, to a State that has forgotten both."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.messages import ACKNOWLEDGEMENT, HANDOVER, MONITORING, REPLY, SCHEDULE, TAKE_BACK
from tests.support import homeward, story
from tests.support.network import Network
from tests.support.restoring import back_up, outbox, raise_epochs, restore, settle

DANGER = ("danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")


async def in_another_epoch(network: Network, country: str, folder: Path) -> None:
    """Raise the epoch of ``country``, which loses nothing by it."""
    await restore(network, country, back_up(network, country, folder / "own"))
    await settle(network, 1)


async def said_last(network: Network, country: str, ref: str) -> list[str]:
    """Return the types of what ``country`` said in its case in the epoch of today and was taken, in their order."""
    rows = await outbox(network, country, ref)
    return [row.type for row in rows if row.epoch == network.gateways[country].context.epoch and row.stands]


async def test_reply_is_said_anew_behind_its_acknowledgement(network: Network, tmp_path: Path) -> None:
    """Who forgot both takes no reply before it is told anew that its request came; no desk answers twice."""
    ours, theirs = await story.received(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await in_another_epoch(network, "XBB", tmp_path)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    await restore(network, "XAA", before)
    await settle(network, 2)
    assert ["REPLIED"] * 2 == list(await homeward.states(network, ours, theirs))
    await raise_epochs(network, "XAA")
    assert [REPLY, ACKNOWLEDGEMENT, REPLY] == await said_last(network, "XBB", theirs)


@pytest.mark.parametrize("word", [HANDOVER, TAKE_BACK])
async def test_word_of_who_has_left_is_said_anew_behind_her_departure(
    network: Network, tmp_path: Path, word: str
) -> None:
    """Who forgot that she left takes neither, and would not know that she is called back, or in whose hands she is."""
    ours, theirs = await homeward.on_the_day(network)
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.deliver()
    await in_another_epoch(network, "XAA", tmp_path)
    returning = network.gateways["XAA"].returning
    if word == TAKE_BACK:
        await returning.recall(ours, *DANGER)
    else:
        homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=5))
        await homeward.hand_over(network, ours)
    await network.deliver()
    await restore(network, "XBB", before)
    await settle(network, 2)
    assert (await story.state(network, "XAA", ours)) == (await story.state(network, "XBB", theirs))
    assert word in (await story.case(network, "XBB", theirs)).said
    await raise_epochs(network, "XBB")
    assert [word, SCHEDULE, word] == await said_last(network, "XAA", ours)


@pytest.mark.parametrize("word", [HANDOVER, TAKE_BACK])
async def test_word_of_who_has_left_that_had_no_answer_is_said_anew_behind_her_departure(
    network: Network, tmp_path: Path, word: str
) -> None:
    """Nor is it lost where the line was down as it was said, and who forgot the departure refuses it at first."""
    ours, theirs = await homeward.on_the_day(network)
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.deliver()
    await in_another_epoch(network, "XAA", tmp_path)
    network.wires.cut = True
    if word == TAKE_BACK:
        await network.gateways["XAA"].returning.recall(ours, *DANGER)
    else:
        homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=5))
        await homeward.hand_over(network, ours)
    await network.deliver(1)
    network.wires.cut = False
    await restore(network, "XBB", before)
    await settle(network, 2)
    assert (await story.state(network, "XAA", ours)) == (await story.state(network, "XBB", theirs))
    assert word in (await story.case(network, "XBB", theirs)).said


async def test_report_is_said_anew_behind_the_handover(network: Network, tmp_path: Path) -> None:
    """Who forgot both is told that somebody is in danger, and not only that she arrived."""
    ours, theirs = await homeward.delivered(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await homeward.confirm_handover(network, theirs)
    await network.deliver()
    await in_another_epoch(network, "XBB", tmp_path)
    today, returning = network.clock.now().date().isoformat(), network.gateways["XBB"].returning
    await returning.report(theirs, "SEEN_CONCERN", today, False, "reception", "reception")
    await network.deliver()
    await restore(network, "XAA", before)
    await settle(network, 2)
    assert ["MONITORING"] * 2 == list(await homeward.states(network, ours, theirs))


async def test_what_is_refused_for_good_is_said_anew_once(network: Network, tmp_path: Path) -> None:
    """Who lost its own hand takes neither the second one nor a report, and neither goes round behind the other."""
    ours, theirs = await homeward.departed(network)
    before = back_up(network, "XAA", tmp_path / "before")
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=5))
    await homeward.hand_over(network, ours)
    await network.deliver()
    await homeward.confirm_handover(network, theirs)
    today, returning = network.clock.now().date().isoformat(), network.gateways["XBB"].returning
    await returning.report(theirs, "SEEN_CONCERN", today, False, "reception", "reception")
    await network.deliver()
    await in_another_epoch(network, "XBB", tmp_path)
    await restore(network, "XAA", before)
    await settle(network, 2)
    assert "DEPARTED" == await story.state(network, "XAA", ours)
    types = [row.type for row in await outbox(network, "XBB", theirs)]
    assert [2, 2] == [types.count(one) for one in (HANDOVER, MONITORING)]
