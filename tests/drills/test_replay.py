"""The replay drill in its small size; the long run is ``python -m drills.replay``."""

from pathlib import Path

from drills.replay import PLACES, drill


async def test_no_replay_takes_effect_a_second_time(tmp_path: Path) -> None:
    """Replayed at once, after a restart, after a restore and to another State, a request is one case and no other."""
    figures = await drill(tmp_path, count=800, seed=1)
    assert {} == dict(+figures.faults)
    assert set(PLACES) == set(figures.replays)
