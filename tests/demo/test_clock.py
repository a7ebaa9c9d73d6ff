"""The clock of the demonstration, which is moved while the loops of its gateways are at work."""

import asyncio
from datetime import timedelta

import pytest

from gateway.demo import clock
from gateway.demo.clock import START, DemoClock


async def test_what_sleeps_on_after_the_clock_was_moved_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that was looking as days passed sleeps five minutes from there: they pass too, and it looks again."""
    monkeypatch.setattr(clock, "BUSY_S", 0.02)
    moved, looked = DemoClock(), asyncio.Event()

    async def loop() -> None:
        moved.move_to(START + timedelta(days=3))
        await moved.sleep(300.0)
        looked.set()

    async def has_looked() -> bool:
        return looked.is_set()

    async with asyncio.TaskGroup() as group:
        group.create_task(loop())
        assert await moved.pass_until(has_looked, 5.0)
    assert timedelta(days=3, minutes=5) <= moved.now() - START < timedelta(days=3, hours=1)


async def test_what_never_comes_is_waited_for_no_longer_than_it_says() -> None:
    """Nothing comes about by itself, however many minutes pass."""

    async def never() -> bool:
        return False

    assert not await DemoClock().pass_until(never, 0.05)
