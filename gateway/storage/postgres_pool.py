"""A few connections of one process to a PostgreSQL database, taken by whoever needs one for a moment."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg

from gateway.storage.errors import StoreError
from gateway.storage.postgres_errors import LOST, reason

WAIT_S = 10.0
"""How long to wait for a connection of the pool, or for a new one."""


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
            reset=reset,
            timeout=WAIT_S,
            command_timeout=40,
        )
    except (asyncpg.PostgresError, ValueError, *LOST) as error:
        raise StoreError(*reason(error)) from error
