"""A look at a PostgreSQL store from outside of it, for checks: one statement after another, read only."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from gateway.services.ports import Unavailable
from gateway.storage.postgres_errors import LOST, POOLED, is_pooled, unavailable
from gateway.storage.postgres_words import translated
from gateway.storage.query import Query

_SETTINGS = {
    "application_name": "isthmus check",
    "default_transaction_read_only": "on",
    "timezone": "UTC",
    "statement_timeout": "30s",
}


@contextmanager
def postgres_query(dsn: str) -> Iterator[Query]:
    """Yield a look at the database at ``dsn``, where no loop runs in this thread. Raises ``Unavailable``."""
    with asyncio.Runner() as runner:

        def run(work: Coroutine[Any, Any, Any]) -> Any:
            try:
                return runner.run(work)
            except (asyncpg.PostgresError, ValueError, *LOST) as error:
                raise unavailable(error) from error

        db = run(asyncpg.connect(dsn, server_settings=_SETTINGS, timeout=10, command_timeout=40))
        try:
            if run(is_pooled(db)):
                raise Unavailable(*POOLED)
            yield lambda statement: run(db.fetch(translated(statement)))
        finally:
            run(db.close(timeout=5))
