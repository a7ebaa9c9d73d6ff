"""
The desks' own file, ``desks.db``, beside the gateway's database.

Each transaction is on the disk before its method returns (WAL, ``synchronous=FULL``); one of another process is waited
for.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosqlite

from gateway.services.ports import Unavailable
from gateway.storage.desks import DeskStore, Row
from gateway.storage.errors import StoreError, of_desks, of_unit, reason, unavailable
from gateway.storage.migrate import check_known, load_migrations, migrate
from gateway.storage.sql import check_values

BUSY_TIMEOUT_MS = 5_000

_LOOK_S = 0.05


class SqliteDesks(DeskStore):
    """The file, open. It belongs to one event loop."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, now: datetime) -> "SqliteDesks":
        """Open the file, making it if there is none. Raises ``StoreError``."""
        await asyncio.to_thread(_prepare, path, now)
        try:
            db = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
            try:
                await db.execute("PRAGMA synchronous = FULL")
                # What somebody wrote and deleted is overwritten: it is sealed under a key that stays.
                await db.execute("PRAGMA secure_delete = ON")
            except BaseException:
                await db.close()  # a process waits for its thread
                raise
        except sqlite3.Error as error:
            raise StoreError(*reason(error)) from error
        return cls(db)

    async def truncate(self) -> None:
        """
        Move everything out of the journal and cut it to nothing. Raises ``Unavailable`` while somebody reads it.

        Another process that reads it is waited for between turns, so that nobody at a desk is.
        """
        until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        while not await self._truncated():
            if time.monotonic() > until:
                raise Unavailable("another process reads the desks' file", "end the other process, or wait")
            await asyncio.sleep(_LOOK_S)

    async def _truncated(self) -> bool:
        """Return whether the journal could be cut at once."""
        async with self._turn:
            with _translated():
                await self._db.execute("PRAGMA busy_timeout = 0")
                try:
                    ((busy, _, _),) = await self._db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    await self._db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        return not busy

    async def close(self) -> None:
        """Close the file."""
        async with self._turn:
            await self._db.close()

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator["_Unit"]:
        async with self._turn:
            with _translated():
                try:
                    await self._db.execute("BEGIN IMMEDIATE")
                    # A command of a newer version may have migrated the file under this process.
                    ((number,),) = await self._db.execute_fetchall("SELECT max(number) FROM schema_migration")
                    check_known(number, "desks")
                    yield _Unit(self._db)
                    await self._db.execute("COMMIT")
                except BaseException:
                    # Whoever is cancelled leaves a statement that is still to run; this comes after it, and does
                    # nothing where no transaction is left. Whatever becomes of it, the first failure is the one told.
                    with suppress(sqlite3.Error, ValueError):
                        await self._db.rollback()
                    raise

    async def _change(self, statement: str, values: Row) -> int:
        async with self._unit() as unit:
            return await unit.change(statement, values)

    async def _taken(self, statement: str, values: Row) -> list[Any]:
        async with self._unit() as unit:
            return await unit.all(statement, values)

    async def _all(self, statement: str, values: Row) -> list[Any]:
        async with self._turn:
            with _translated():
                return await _Unit(self._db).all(statement, values)


class _Unit:
    """The ``Unit`` over the one connection."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    async def change(self, statement: str, values: Row) -> int:
        """Change rows and return how many."""
        check_values(values)
        return (await self._db.execute(statement, values)).rowcount

    async def first(self, statement: str, values: Row) -> Any:
        """Return the first row, or ``None``."""
        rows = await self.all(statement, values)
        return rows[0] if rows else None

    async def all(self, statement: str, values: Row) -> list[Any]:
        """Return every row."""
        check_values(values)
        return list(await self._db.execute_fetchall(statement, values))


class _translated:
    """Translate errors of SQLite at the edge: ``Conflict``, ``BrokenUnit`` or ``Unavailable``."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise of_unit(error) or unavailable(error) from error
        if isinstance(error, ValueError):
            raise Unavailable("the desks' file is closed", "start the gateway again") from error


def _prepare(path: Path, now: datetime) -> None:
    """Make the file if there is none, for its owner alone, and bring its schema to the present."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            migrate(db, now, load_migrations("desks"))
    except sqlite3.Error as error:
        raise of_desks(path, *reason(error)) from error
    except StoreError as error:
        raise of_desks(path, str(error), error.hint) from error
    except OSError as error:
        raise StoreError(f"the desks' file cannot be opened: {error.strerror}", "check the data directory") from error
