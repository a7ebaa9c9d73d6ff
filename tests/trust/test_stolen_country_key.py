"""One stolen key of a country's three (docs/protocol.md 8.4)."""

from pathlib import Path

import pytest

from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, held, verdict


@pytest.mark.parametrize("name", ["one stolen country key of three", "one stolen country key under two names"])
async def test_one_key_of_three_lists_no_card(tmp_path: Path, name: str) -> None:
    """What one of three keys signs is refused, also under two names; the cards held stay."""
    world, reader = await attacked(tmp_path, BY_NAME[name])
    assert "part" == await verdict(reader)
    assert tuple(card.raw for card in world.states["XBB"].cards) == await held(reader, "XBB")
