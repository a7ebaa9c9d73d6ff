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


class Noting(GroupCommit):
    """A store that keeps the units it was to run, batch by batch."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[list[Unit[Any]]] = []

    async def _outcomes(self, units: Sequence[Unit[Any]]) -> Sequence[Committed | Exception]:
        self.ran.append(list(units))
        return [Committed(unit, None) for unit in units]


async def test_units_of_a_batch_run_in_the_order_of_their_partners() -> None:
    """Two nodes that hold rows of the same partners take them in one order, or each would wait for the other."""
    store, made = Noting(), [(lambda tx: nothing(tx), partner) for partner in ("XCC", "", "XBB", "XCC", "XBB", "")]
    heard = await asyncio.gather(*(store.commit(unit, partner) for unit, partner in made))
    assert [[made[place][0] for place in (1, 5, 2, 4, 0, 3)]] == store.ran
    assert [unit for unit, _ in made] == [one.value for one in heard]
