"""The secretariat's online keys, stolen (docs/protocol.md 8.4)."""

from pathlib import Path

import pytest

from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, held, verdict


@pytest.mark.parametrize(
    "name", ["targets by the online key", "an older part by the online key", "a part left out by the online key"]
)
async def test_the_online_key_speaks_for_nobody(tmp_path: Path, name: str) -> None:
    """With the online key nobody gives a country other keys, an older card, or none; the cards held stay."""
    world, reader = await attacked(tmp_path, BY_NAME[name])
    assert "refused" == await verdict(reader)
    assert tuple(card.raw for card in world.states["XBB"].cards) == await held(reader, "XBB")


@pytest.mark.parametrize("name", ["another online key", "another online key after higher numbers"])
async def test_another_key_of_the_publisher_is_followed_at_once(tmp_path: Path, name: str) -> None:
    """Once the trustees name another key, the list by it is taken, however high a thief of the old one numbered his."""
    world, reader = await attacked(tmp_path, BY_NAME[name])
    assert "taken" == await verdict(reader)
    card = world.issue("XBB")
    assert "taken" == await verdict(reader)
    assert card.raw in await held(reader, "XBB")
