"""
What the desks keep, in a schema of its own of the gateway's database: every node sees every session.

Each transaction is on the disk of the server before its method returns (``synchronous_commit``). None writes into a
schema that a newer version has changed, and whoever changes it waits for what is under way.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any

import asyncpg

from gateway.services.ports import Unavailable, Unsaid
from gateway.storage.desks import DeskStore, Row
from gateway.storage.errors import StoreError
from gateway.storage.migrate import check_known, load_migrations
from gateway.storage.postgres_errors import LOST, of_unit, reason, unavailable
from gateway.storage.postgres_pool import CLOSE_S, WAIT_S, as_it_is, close_pool, committed, open_pool
from gateway.storage.postgres_schema import DESKS, DESKS_TABLES, MIGRATING, SPACE, migrate
from gateway.storage.postgres_words import translated
from gateway.storage.sql import check_values

SCHEMA = "desks"
DIALECT = "postgres_desks"

CONNECTIONS_MAX = 4
"""Transactions of desks under way at once in one process; a fifth waits."""

_SETTINGS = {
    "application_name": "isthmus desks",
    "search_path": SCHEMA,
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
    "lock_timeout": "5s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
}

# Once the lock is held, so that the number is that which holds until the transaction has ended.
_BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock_shared({SPACE}, {DESKS})"
_NUMBER = "SELECT max(number) FROM schema_migration"


class PostgresDesks(DeskStore):
    """The schema, open. It belongs to one event loop."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str, now: datetime) -> "PostgresDesks":
        """Open the schema in the database at ``dsn``, making it if there is none. Raises ``StoreError``."""
        pool = await open_pool(dsn, CONNECTIONS_MAX, _SETTINGS, reset=as_it_is)
        try:
            async with pool.acquire() as db:
                await prepare(db, now)
        except (asyncpg.PostgresError, *LOST) as error:
            await close_pool(pool)
            raise StoreError(*reason(error)) from error
        except Unavailable as error:
            await close_pool(pool)
            raise StoreError(str(error), error.hint) from error
        except BaseException:
            await close_pool(pool)
            raise
        return cls(pool)

    async def truncate(self) -> None:
        """Do nothing: the journal is the server's. docs/operations.md says what may stay there, and for how long."""

    async def close(self) -> None:
        """Close the connections, once nobody uses one."""
        await close_pool(self._pool)

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator["_Unit"]:
        with _translated():
            async with self._pool.acquire(timeout=WAIT_S) as db:
                try:
                    await db.execute(_BEGIN)
                    check_known(await db.fetchval(_NUMBER), DIALECT)
                    yield _Unit(db)
                    await _commit(db)
                except BaseException:
                    await _roll_back(db)
                    raise

    async def _change(self, statement: str, values: Row) -> int:
        async with self._unit() as unit:
            return await unit.change(statement, values)

    async def _taken(self, statement: str, values: Row) -> list[Any]:
        async with self._unit() as unit:
            return await unit.all(statement, values)

    async def _all(self, statement: str, values: Row) -> list[Any]:
        with _translated():
            async with self._pool.acquire(timeout=WAIT_S) as db:
                return await _Unit(db).all(statement, values)


class _Unit:
    """The ``Unit`` over one connection."""

    def __init__(self, db: Any) -> None:
        self._db = db

    async def change(self, statement: str, values: Row) -> int:
        """Change rows and return how many."""
        check_values(values)
        status: str = await self._db.execute(translated(statement), *values)
        return int(status.rpartition(" ")[2])

    async def first(self, statement: str, values: Row) -> Any:
        """Return the first row, or ``None``."""
        check_values(values)
        return await self._db.fetchrow(translated(statement), *values)

    async def all(self, statement: str, values: Row) -> list[Any]:
        """Return every row."""
        check_values(values)
        rows: list[Any] = await self._db.fetch(translated(statement), *values)
        return rows


async def _commit(db: Any) -> None:
    """Commit. Raises ``Unsaid`` where the server does not say that it did: the transaction may be under way still."""
    try:
        await committed(db)
    except LOST as error:
        text = "the database was lost during a commit, and does not say what became of it"
        raise Unsaid(text, "look whether it was done before you do it again") from error


async def _roll_back(db: Any) -> None:
    """
    Roll back; where the server does not do so soon, end the connection: a gateway that is stopped must not wait for it.

    Whatever becomes of it, the first failure is the one told.
    """
    try:
        async with asyncio.timeout(CLOSE_S):
            await db.execute("ROLLBACK")
    except BaseException as error:
        with suppress(asyncpg.InterfaceError):  # the pool has let go of one that was lost
            db.terminate()
        if not isinstance(error, Exception):
            raise


@contextmanager
def _translated() -> Iterator[None]:
    """Translate errors of the database at the edge: ``Conflict``, ``BrokenUnit`` or ``Unavailable``."""
    try:
        yield
    except (asyncpg.PostgresError, UnicodeEncodeError, *LOST) as error:
        raise of_unit(error) or unavailable(error) from error


async def is_missing(dsn: str) -> bool:
    """Return whether the desks keep nothing in the database at ``dsn``, not even tables. Raises ``StoreError``."""
    desks = PostgresDesks(await open_pool(dsn, 1, _SETTINGS, reset=as_it_is))
    try:
        return not await desks._all(DESKS_TABLES, ())
    except Unavailable as error:
        raise StoreError(str(error), error.hint) from error
    finally:
        await desks.close()


async def prepare(db: Any, now: datetime) -> None:
    """
    Make the schema if there is none, and bring its tables to the present.

    ``db`` looks in that schema first. Raises ``StoreError`` and what asyncpg does.
    """
    if await db.fetchval("SELECT to_regnamespace($1)", SCHEMA) is None:
        async with db.transaction():
            await db.execute("SELECT pg_advisory_xact_lock($1, $2)", SPACE, MIGRATING)
            await db.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await migrate(db, now, create=True, migrations=load_migrations(DIALECT))
