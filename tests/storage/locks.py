"""What a test has PostgreSQL wait for: a lock that it holds, or a standby."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tests.support.postgres import Cluster


@asynccontextmanager
async def holding(dsn: str, statement: str, *values: Any) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Hold what ``statement`` locks, in a transaction of its own, until what this yields is called."""
    db = await asyncpg.connect(dsn)
    try:
        await db.execute("BEGIN")
        await db.fetch(statement, *values)

        async def let_go() -> None:
            await db.execute("ROLLBACK")

        yield let_go
    finally:
        await db.close()


async def waiting(dsn: str, count: int = 1) -> None:
    """Return once ``count`` sessions wait for a lock."""
    db = await asyncpg.connect(dsn)
    try:
        for _ in range(6000):
            if await db.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") >= count:
                return
            await asyncio.sleep(0.01)
    finally:
        await db.close()
    raise AssertionError("nobody waits")


async def standby(server: Cluster, name: str) -> None:
    """Have commits wait for a standby of this name, which is not there; without one they wait no more."""
    await server.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    await server.execute("SELECT pg_reload_conf()")
    while [(name,)] != [tuple(row) for row in await server.execute("SHOW synchronous_standby_names")]:
        await asyncio.sleep(0.01)
    # It is the checkpointer that lets commits wait, or go on: told by now, it looks before a second checkpoint.
    for _ in range(2):
        await server.execute("CHECKPOINT")
