"""A look at a PostgreSQL store from outside of it, for checks: one statement after another, read only."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from gateway.storage.postgres_errors import LOST, begin_session, unavailable
from gateway.storage.postgres_words import translated
from gateway.storage.query import Query

_SETTINGS = {"application_name": "isthmus check", "timezone": "UTC", "lock_timeout": "0"}
_READ_ONLY = "SET default_transaction_read_only = on"
"""Once connected, so that ``reset_val`` of ``pg_settings`` says what it is for everybody else."""

WAIT_S = 30.0
"""How long one statement may take, by itself."""


@contextmanager
def postgres_query(dsn: str, wait_s: float = WAIT_S) -> Iterator[Query]:
    """
    Yield a look at the database at ``dsn``, where no loop runs in this thread; a statement has ``wait_s`` seconds.

    The server ends it then; one that stands still has a quarter more. Raises ``Unavailable``.
    """
    settings = {**_SETTINGS, "statement_timeout": f"{1000 * wait_s:.0f}ms"}
    with asyncio.Runner() as runner:

        def run(work: Coroutine[Any, Any, Any]) -> Any:
            try:
                return runner.run(work)
            except (asyncpg.PostgresError, ValueError, *LOST) as error:
                raise unavailable(error) from error

        db = run(asyncpg.connect(dsn, server_settings=settings, timeout=10, command_timeout=1.25 * wait_s))
        try:
            run(begin_session(db))
            run(db.execute(_READ_ONLY))
            yield lambda statement: run(db.fetch(translated(statement)))
        finally:
            run(db.close(timeout=5))
