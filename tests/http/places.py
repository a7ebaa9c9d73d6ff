"""How many connections the doors of this process have: what a client has done is noticed there a little later."""

import asyncio

from gateway.http import listen


def taken() -> int:
    """Return how many places are taken, at all doors."""
    return sum(places._all for places in listen._doors)


async def until_taken(count: int) -> None:
    """Return once no more and no fewer than ``count`` places are taken. Raises ``TimeoutError``."""
    async with asyncio.timeout(60):
        while taken() != count:
            await asyncio.sleep(0.001)
