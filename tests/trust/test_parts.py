"""Faults of one country's part, which concern nobody else (docs/protocol.md 8.4)."""

from pathlib import Path

import pytest

from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, held, verdict


@pytest.mark.parametrize("name", ["another file than the one signed", "a part that has run out"])
async def test_a_faulty_part_is_not_believed(tmp_path: Path, name: str) -> None:
    """A file that is not the one signed, or a part past its end, is refused for that country alone (M-8.10)."""
    _, reader = await attacked(tmp_path, BY_NAME[name])
    assert "part" == await verdict(reader)


async def test_a_new_card_is_taken(tmp_path: Path) -> None:
    """What two of three keys sign is taken: the refusals have no other reason."""
    world, reader = await attacked(tmp_path, BY_NAME["a new card"])
    assert "taken" == await verdict(reader)
    assert 2 == len(await held(reader, "XBB"))
    assert world.states["XBB"].cards[1].raw == (await held(reader, "XBB"))[1]
