"""A State that asks and is put back to before a reply that nobody posts again (M-5.28): both desks are told."""

from pathlib import Path

import pytest

from gateway.services.anew import ANSWERED_THERE
from gateway.services.answers import SAYS_OTHERWISE
from gateway.services.passed_over import FORGOTTEN
from tests.support import story
from tests.support.network import Network
from tests.support.restoring import back_up, findings_of, restore, settle

CASE, CLERK = "case_officer", "registry_clerk"


async def put_back(network: Network, folder: Path, days: int, *, closed: bool = False) -> tuple[str, str]:
    """Have XBB answer, and XAA be put back to before that so many ``days`` later; return both cases."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", folder / "backup")
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()
    if closed:
        await network.gateways["XBB"].answer.close(theirs, "first", CLERK)
    network.clock.pass_(days=days)
    await network.refresh()
    await network.gateways["XBB"].retention.run_once(network.clock.now())
    await restore(network, "XAA", backup)
    await settle(network, 1)
    return ours, theirs


async def remind(network: Network, ours: str) -> None:
    """Remind twice by a person's hand."""
    for _ in range(2):
        await network.gateways["XAA"].reminder.remind(ours, "first", CASE)
        await network.deliver()


@pytest.mark.parametrize("closed", [False, True])
async def test_who_answered_learns_that_the_answer_is_lost_there(
    network: Network, tmp_path: Path, closed: bool
) -> None:
    """A reminder shows it, also one that is refused as the case is closed; then who asks is told to look, too."""
    ours, theirs = await put_back(network, tmp_path, 33, closed=closed)
    assert ("ACKNOWLEDGED", []) == (await story.state(network, "XAA", ours), await findings_of(network, "XBB", theirs))
    await remind(network, ours)
    assert [FORGOTTEN] == await findings_of(network, "XBB", theirs)
    assert [ANSWERED_THERE] * closed == await findings_of(network, "XAA", ours)


async def test_what_is_said_there_is_asked_anew(network: Network, tmp_path: Path) -> None:
    """The request is withdrawn and asked once more, in another thread, and answered there."""
    ours, theirs = await put_back(network, tmp_path, 33)
    await remind(network, ours)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "the answer is lost", "first", CASE)
    await hold.withdraw(ours, "first", CASE)
    await settle(network, 2)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    anew, _ = await story.replied(network)
    assert "REPLIED" == await story.state(network, "XAA", anew)


async def test_nothing_is_said_of_an_answer_that_is_posted_again(network: Network, tmp_path: Path) -> None:
    """Up to thirty days later it comes by itself, and a reminder that crosses it shows no loss."""
    ours, theirs = await put_back(network, tmp_path, 20)
    assert ("REPLIED", []) == (await story.state(network, "XAA", ours), await findings_of(network, "XBB", theirs))


async def test_a_reminder_that_crossed_the_answer_shows_no_loss(network: Network, tmp_path: Path) -> None:
    """Who was never put back has what it gave a receipt for, whatever it had taken as it wrote."""
    ours, theirs = await story.acknowledged(network)
    network.clock.pass_(days=20)
    await network.refresh()
    await network.gateways["XAA"].reminder.remind(ours, "first", CASE)
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.gateways["XBB"].deliverer.run_once()
    await network.deliver()
    assert ([], []) == (await findings_of(network, "XAA", ours), await findings_of(network, "XBB", theirs))


async def test_who_was_put_back_and_lost_nothing_is_told_of_no_loss(network: Network, tmp_path: Path) -> None:
    """A reminder of the second look names the first reply as taken, though that is posted to nobody any more."""
    ours, theirs = await story.replied(network)
    await network.gateways["XAA"].clear.contest(ours, "METHOD_DOUBTED", "first", CASE)
    await network.deliver()
    network.clock.pass_(days=33)
    await network.refresh()
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await settle(network, 1)
    await remind(network, ours)
    assert ([], 2) == (await findings_of(network, "XBB", theirs), (await story.case(network, "XBB", theirs)).reminders)


async def both_restored(network: Network, folder: Path, backup: Path) -> None:
    """Have XBB begin another epoch, losing nothing, and XAA be put back to ``backup`` twenty days later."""
    await restore(network, "XBB", back_up(network, "XBB", folder / "theirs"))
    network.clock.pass_(days=20)
    await network.refresh()
    await restore(network, "XAA", backup)
    await settle(network, 1)


async def test_answer_in_an_epoch_that_is_over_is_heard_by_who_lost_it(network: Network, tmp_path: Path) -> None:
    """It is posted again and refused, for its State has begun another epoch since, and said once more in that."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()
    await both_restored(network, tmp_path, backup)
    differs = SAYS_OTHERWISE % {"receipt": "refused", "first_receipt": "accepted"}
    assert ("REPLIED", [differs]) == (
        await story.state(network, "XAA", ours),
        await findings_of(network, "XBB", theirs),
    )


async def test_who_said_what_is_lost_in_an_epoch_that_is_over_learns_it_by_a_reminder(
    network: Network, tmp_path: Path
) -> None:
    """That it takes longer is told by nobody again: where it is refused as of that epoch, who asks would not know."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2027-01-20", "first")
    await network.deliver()
    await both_restored(network, tmp_path, backup)
    await remind(network, ours)
    assert FORGOTTEN in await findings_of(network, "XBB", theirs)
