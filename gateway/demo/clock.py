"""A clock that goes on by itself and can be moved forward, so that a month passes in a few seconds."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
"""A Monday morning; a holiday of XBB (23 November) falls into the ten working days it has."""

LOOK_EVERY_S = 0.01
"""Real time between two looks at what is waited for."""

BUSY_S = 2.0
"""Real time of waiting after which a minute of the clock passes."""


class DemoClock:
    """The ``Clock`` port: it runs on by itself, and whoever sleeps past the instant it is moved to wakes at once."""

    def __init__(self, start: datetime = START) -> None:
        """Begin at ``start`` (aware, UTC)."""
        self._at = start
        self._since_s = time.monotonic()
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """Return the present instant of the demonstration."""
        return self._at + timedelta(seconds=time.monotonic() - self._since_s)

    def move_to(self, instant: datetime) -> None:
        """Let the time until ``instant`` pass at once. Raises ``ValueError`` for an instant already past."""
        if instant < self.now():
            raise ValueError("a clock is not put back")
        self._at, self._since_s = instant, time.monotonic()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` of this clock have passed, or were made to."""
        until = self.now() + timedelta(seconds=seconds)
        while (left_s := (until - self.now()).total_seconds()) > 0:
            # Not ``wait_for``: until Python 3.12 it forgets that it was cancelled if the clock moves at that moment.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._moved.wait()

    async def pass_until(self, reached: Callable[[], Awaitable[bool]], patience_s: float) -> bool:
        """
        Return whether ``reached`` comes true within ``patience_s`` of real time.

        A loop that was in the middle of its look as the clock was moved sleeps its whole period from there, which is
        longer than anybody waits. So minutes of this clock pass meanwhile, and it looks again.
        """
        latest_s = time.monotonic() + patience_s
        busy_s = time.monotonic() + BUSY_S
        while not await reached():
            if time.monotonic() > latest_s:
                return False
            if time.monotonic() > busy_s:
                self.move_to(self.now() + timedelta(minutes=1))
                busy_s = time.monotonic() + BUSY_S
            await asyncio.sleep(LOOK_EVERY_S)
        return True
