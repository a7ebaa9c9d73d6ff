"""The power-cut drill in its small size; the long run is ``python -m drills.power_cut``."""

from pathlib import Path

import pytest

from drills.power_cut import drill


@pytest.mark.timeout(600)
async def test_sixty_power_cuts_lose_nothing_acknowledged(tmp_path: Path) -> None:
    """Sixty cuts at random writes: every acknowledged message is there, with its answer, and the books agree."""
    figures = await drill(tmp_path, cuts=60, seed=1)
    assert {} == dict(+figures.faults)
    assert (60, True) == (figures.cuts, figures.acknowledged > 100)


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
async def test_store_that_does_not_sync_each_commit_is_seen_to_lose(tmp_path: Path, synchronous: str) -> None:
    """With less than ``synchronous=FULL`` the same drill finds acknowledged messages gone."""
    figures = await drill(tmp_path, cuts=20, seed=1, synchronous=synchronous)
    assert figures.faults["lost"] > 0
