"""Who may change the trustees (docs/protocol.md 8.4)."""

from pathlib import Path

import pytest

from tests.trust.attacks import BY_NAME
from tests.trust.reading import attacked, verdict


@pytest.mark.parametrize(
    "name",
    [
        "a root not signed by the old threshold",
        "a root not signed by the new threshold",
        "a root that skips a version",
    ],
)
async def test_a_root_without_both_thresholds_is_refused(tmp_path: Path, name: str) -> None:
    """Trustees are changed by as many of the old and of the new as it takes, version by version (M-8.13)."""
    _, reader = await attacked(tmp_path, BY_NAME[name])
    assert "refused" == await verdict(reader)


async def test_a_root_signed_by_both_is_followed(tmp_path: Path) -> None:
    """A reader pinned to the first root follows to new trustees, and takes what those sign."""
    world, reader = await attacked(tmp_path, BY_NAME["a new root"])
    assert "taken" == await verdict(reader)
    world.add("XCC")
    await reader.refresh()
    assert 1 == len(await reader.cards("XCC"))
