"""The machine's clock and its randomness, as the ports that the services take them by."""

import asyncio
import os
import random as random_module
from datetime import UTC, datetime

from keys import b64


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)


class SystemRandom:
    """The operating system's randomness."""

    def token(self) -> str:
        """Return 16 random bytes as base64url."""
        return b64.encode(os.urandom(16))

    def bytes(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        return os.urandom(count)

    def spread(self) -> float:
        """Return a number in [0, 1)."""
        return random_module.SystemRandom().random()
