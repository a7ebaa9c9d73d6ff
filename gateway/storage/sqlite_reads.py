"""Read models over an SQLite store: a connection of their own that cannot write."""

import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite

from gateway.services.ports import Unavailable
from gateway.storage.errors import StoreError, reason, unavailable
from gateway.storage.reads import Row, SqlInquiries
from gateway.storage.sql import check_values
from gateway.storage.sqlite import BUSY_TIMEOUT_MS


class SqliteInquiries(SqlInquiries):
    """The ``Inquiries`` port. Open it with ``open``; it belongs to one event loop."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db

    @classmethod
    async def open(cls, path: Path) -> "SqliteInquiries":
        """Open a connection to the store at ``path`` that cannot write; raises ``StoreError``."""
        failed: list[sqlite3.Error] = []

        def connect() -> sqlite3.Connection:
            # aiosqlite leaves its thread to itself when the connector raises, and a loop that closes meanwhile makes
            # that thread fail. So the error is carried out, over an empty database that is closed in good order.
            try:
                return _connect(path)
            except sqlite3.Error as error:
                failed.append(error)
                return sqlite3.connect(":memory:")

        db = await aiosqlite.Connection(connect, iter_chunk_size=64)
        if failed:
            await db.close()
            text, hint = reason(failed[0])
            raise StoreError(f"{path}: {text}", hint) from failed[0]
        return cls(db)

    async def close(self) -> None:
        """Close the connection."""
        await self._db.close()

    async def _all(self, statement: str, values: Row) -> list[Any]:
        check_values(values)
        try:
            return list(await self._db.execute_fetchall(statement, values))
        except sqlite3.Error as error:
            raise unavailable(error) from error
        except ValueError as error:
            raise Unavailable("the store is closed", "start the gateway again") from error


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT 1 FROM case_file LIMIT 1").fetchall()
    except sqlite3.Error:
        db.close()
        raise
    return db
