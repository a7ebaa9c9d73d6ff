"""A few connections of one process to a PostgreSQL database, taken by whoever needs one for a moment."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import asyncpg

from gateway.storage.errors import StoreError
from gateway.storage.postgres_errors import LOST, begin_session, reason
from gateway.storage.postgres_schema import NEVER_S

WAIT_S = 10.0
"""How long to wait for a connection of the pool, or for a new one."""

CLOSE_S = 5.0
"""How long a pool that closes waits for whoever uses it, and for the server to say goodbye, or to roll back."""


COMMIT_MAX_S = 30.0
"""How long a commit may take before its callers are told that nobody knows: the disk, or a synchronous standby."""


async def open_pool(
    dsn: str, most: int, settings: Mapping[str, str], *, reset: Callable[[Any], Awaitable[None]] | None = None
) -> Any:
    """
    Return a pool of at most ``most`` connections to ``dsn``, each with ``settings``; the first is open.

    ``reset`` is done to a connection that is given back, in place of ending what its user may have left under way.
    Raises ``StoreError``.
    """
    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=most,
            server_settings=dict(settings),
            init=begin_session,
            reset=reset,
            timeout=WAIT_S,
            command_timeout=40,
        )
    except (asyncpg.PostgresError, ValueError, *LOST) as error:
        raise StoreError(*reason(error)) from error


async def close_pool(pool: Any) -> None:
    """Close the connections of ``pool``; where nobody answers, end them: a gateway that is stopped must not wait."""
    with suppress(asyncpg.PostgresError, *LOST):
        async with asyncio.timeout(CLOSE_S):
            await pool.close()


async def committed(db: Any) -> str:
    """
    Commit, and return what the server says; raises ``TimeoutError`` and ends the connection where it says nothing.

    Nothing here lets the server know that nobody waits any more. It would cancel the commit, and one that waits for a
    synchronous standby is then there, seen by everybody, without the standby having it.
    """
    committing = asyncio.ensure_future(db.execute("COMMIT", timeout=NEVER_S))
    try:
        await asyncio.wait({committing}, timeout=COMMIT_MAX_S)
        if committing.done():
            status: str = committing.result()
            return status
        raise TimeoutError
    finally:
        if not committing.done():
            db.terminate()
            await asyncio.wait({committing})
            committing.exception()  # that its connection ended is known


async def as_it_is(db: Any) -> None:
    """Leave a connection as it is, where its user leaves nothing under way: resetting costs a turn."""
