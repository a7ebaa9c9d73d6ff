"""The drill of failing writes in its small size; the long run is ``python -m drills.io_error``."""

from pathlib import Path
from typing import Any

import pytest

from drills.io_error import WAYS, drill
from gateway.storage.sqlite import BatchFailed, Engine


@pytest.mark.timeout(600)
async def test_no_failed_write_or_sync_is_acknowledged(tmp_path: Path) -> None:
    """At ten places of an exchange each way of failing leads to no acknowledgement, and to no loss."""
    figures = await drill(tmp_path, count=10, seed=1)
    assert {} == dict(+figures.faults)
    assert (10 * len(WAYS), True) == (figures.runs, figures.failed["write"] > 0)


@pytest.mark.timeout(600)
async def test_answer_given_in_spite_of_a_failed_commit_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that says a batch holds although its commit failed is found out."""
    honest = Engine.end

    def end(engine: Engine, outcomes: Any) -> Any:
        try:
            return honest(engine, outcomes)
        except BatchFailed:
            return outcomes

    monkeypatch.setattr(Engine, "end", end)
    figures = await drill(tmp_path, count=12, seed=1, ways=("once",))
    assert figures.faults["lost_when_said"] > 0
