"""The board learns that a step is refused, and not by what about the person."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.case import State
from gateway.core.rules import RULES
from gateway.web.board import reminders
from gateway.web.rules import sentence
from tests.support import story
from tests.support.network import Network
from tests.web.board.support import board_desk
from tests.web.support import Desk


@pytest.fixture
async def desk(network: Network, tmp_path: Path) -> AsyncIterator[Desk]:
    """The board of XAA."""
    async with board_desk(network, tmp_path) as made:
        yield made


def told(text: str) -> list[str]:
    """Return the rules of content that a page names, by their number or their sentence."""
    rules = [rule.id for rule in RULES if not rule.id.startswith(("D-", "N-"))]
    return [id for id in rules if f"<bdi>{id}</bdi>" in text or sentence(id) in text]


async def test_what_a_rule_says_of_the_person_is_not_told_to_the_board(desk: Desk, network: Network) -> None:
    """A rung recorded, or a note issued, for a case with an open question of protection: refused without a reason."""
    ref, _ = await story.acknowledged(network)
    network.clock.pass_(days=60)
    someone = await desk.officer("board", at="board")
    await someone.get(f"/replies/{ref}")
    await someone.post(f"/replies/{ref}/level", {"level": "L3"})
    draft = (await story.case(network, "XAA", ref)).draft
    known = {"state": "indicated", "attested_by": None, "attested_on": None, "basis": None}
    await story.put(
        network, "XAA", ref, State(await story.state(network, "XAA", ref)), draft={**draft, "asylum": known}
    )
    refused = await someone.post(f"/replies/{ref}/level")
    assert 422 == refused.status
    assert "A rule refuses" in refused.words
    assert [] == told(refused.text)


async def test_the_board_is_told_what_is_no_content(desk: Desk, network: Network) -> None:
    """That a rung is not reached, or rests, says nothing of a person and stands on the page."""
    ref, _ = await story.acknowledged(network)
    network.clock.pass_(days=40)
    someone = await desk.officer("board", at="board")
    for status in (200, 422):
        await someone.get(f"/replies/{ref}")
        await someone.post(f"/replies/{ref}/level", {"level": "L3"})
        page = await someone.post(f"/replies/{ref}/level")
        assert status == page.status
    assert "<bdi>D-08</bdi>" in page.text


async def test_two_at_once_remind_once(desk: Desk, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looked before the other's reminder went is told so: the days between two are looked at as it is sent."""
    ref, _ = await story.acknowledged(network)
    network.clock.pass_(days=40)
    await network.refresh()
    someone, other = await desk.officer("board", at="board"), await desk.officer("board", at="board")
    for one in (someone, other):
        await one.get("/")
        assert "Nothing has been sent yet" in (await one.post("/reminders", {"ref": ref})).words
    # The second one's look is over when the first one's reminder goes.
    monkeypatch.setattr(reminders, "against", lambda visit, watched: "")
    assert "The reminder is in the outbox" in (await someone.post("/reminders")).words
    assert "the last reminder is too recent" in (await other.post("/reminders")).words
    history = (await desk.gateway.inquiries.pressed([ref]))[ref]
    assert ["remind"] == [one.event for one in history]
    network.clock.pass_(days=desk.gateway.context.policy.reminder_cooldown_days)
    await network.refresh()
    again = await desk.officer("board", at="board")
    await again.get("/")
    await again.post("/reminders", {"ref": ref})
    assert "The reminder is in the outbox" in (await again.post("/reminders")).words
