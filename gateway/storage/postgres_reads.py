"""Read models over a PostgreSQL store: a few connections of their own that cannot write."""

from typing import Any

import asyncpg

from gateway.services.ports import Unavailable
from gateway.storage.errors import StoreError
from gateway.storage.postgres_errors import LOST, unavailable
from gateway.storage.postgres_pool import WAIT_S, as_it_is, close_pool, open_pool
from gateway.storage.postgres_words import translated
from gateway.storage.reads import Row, SqlInquiries
from gateway.storage.sql import check_values

CONNECTIONS_MAX = 4
"""Statements of pages under way at once in one process; a fifth waits."""

_SETTINGS = {
    "application_name": "isthmus reads",
    "default_transaction_read_only": "on",
    "timezone": "UTC",
    "statement_timeout": "30s",
    "lock_timeout": "0",
}


class PostgresInquiries(SqlInquiries):
    """The ``Inquiries`` port. Open it with ``open``; it belongs to one event loop."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str) -> "PostgresInquiries":
        """Open connections to the store at ``dsn`` that cannot write; raises ``StoreError``."""
        pool = await open_pool(dsn, CONNECTIONS_MAX, _SETTINGS, reset=as_it_is)
        made = cls(pool)
        try:
            await made._all("SELECT 1 FROM case_file LIMIT 1", ())
        except Unavailable as error:
            await made.close()
            raise StoreError(str(error), error.hint) from error
        return made

    async def close(self) -> None:
        """Close the connections, once nobody reads."""
        await close_pool(self._pool)

    async def _all(self, statement: str, values: Row) -> list[Any]:
        check_values(values)
        try:
            async with self._pool.acquire(timeout=WAIT_S) as db:
                rows: list[Any] = await db.fetch(translated(statement), *values)
        except (asyncpg.PostgresError, *LOST) as error:
            raise unavailable(error) from error
        return rows
