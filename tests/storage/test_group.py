"""Gathering units into batches, over a store that does nothing."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.services.ports import Committed, Tx, Unit
from gateway.storage.group import GroupCommit


class Broken(GroupCommit):
    """A store whose first batch raises what no batch may raise."""

    batches = 0

    async def _outcomes(self, units: Sequence[Unit[Any]]) -> Sequence[Committed | Exception]:
        self.batches += 1
        if self.batches == 1:
            raise RuntimeError("a fault of ours")
        return [Committed(None, None) for _ in units]


async def nothing(tx: Tx) -> None:
    """Do nothing."""


async def test_fault_of_a_batch_is_no_end() -> None:
    """Whoever waits for a batch that breaks hears so, and is not taken for cancelled; the next batch runs."""
    store = Broken()
    made = await asyncio.gather(*(store.commit(nothing) for _ in range(3)), return_exceptions=True)
    assert ["a fault of ours"] * 3 == [str(one) for one in made]
    assert all(isinstance(one, RuntimeError) for one in made)
    assert isinstance(await store.commit(nothing), Committed)
