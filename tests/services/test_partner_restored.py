"""What a partner that was restored goes by that it had refused, and what a rule keeps from it."""

from pathlib import Path

import pytest

from tests.support import homeward, story
from tests.support.network import Network
from tests.support.restoring import back_up, findings_of, refused_for_its_times, restore, settle


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
    returning = network.gateways["XBB"].returning
    seen = await returning.protocol(theirs, None, "reception", "reception")
    signed = network.approval(seen.digest, seen.thread, "reception", "handover.receipt", "reception")
    await returning.confirm_handover(theirs, signed, "reception")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "HANDED_OVER" == await story.state(network, "XAA", ours)
