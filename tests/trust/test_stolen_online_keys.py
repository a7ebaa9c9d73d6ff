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
