"""
One unit's view of an SQLite store: how it runs the statements of ``tx``.

Rule 1: no method awaits anything, so a unit that only uses its ``Tx`` runs to its end in one step (``finish``).
"""

import sqlite3
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from gateway.storage.errors import BrokenUnit, of_unit, unavailable
from gateway.storage.sql import Row, check_values
from gateway.storage.tx import SqlTx

T = TypeVar("T")


class SqliteTx(SqlTx):
    """
    The ``Tx`` port over one connection.

    After ``close`` every call is refused, so that a ``Tx`` that escaped its unit can do no harm. ``epoch`` is the one
    that the batch found as it began.
    """

    __slots__ = ("_db", "_epoch")

    def __init__(
        self,
        db: sqlite3.Connection,
        *,
        writable: bool,
        epoch: int | None = None,
        known: dict[Row, Any] | None = None,
    ) -> None:
        super().__init__(writable=writable, known=known)
        self._db: sqlite3.Connection | None = db
        self._epoch = epoch

    async def epoch(self) -> int:
        """Return the epoch that is stored; the batch has read it already."""
        return await super().epoch() if self._epoch is None else self._epoch

    def close(self) -> None:
        """Refuse every later call."""
        self._db, self.known = None, {}

    async def _one(self, statement: str, values: Row) -> Row | None:
        check_values(values)
        try:
            row: Row | None = self._open().execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise self._translated(error) from error
        return row

    async def _all(self, statement: str, values: Row) -> list[Row]:
        check_values(values)
        try:
            return self._open().execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._translated(error) from error

    async def _write(self, statement: str, values: Row) -> int:
        self._check_writable()
        check_values(values)
        try:
            return self._open().execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise self._translated(error) from error

    async def _many(self, statement: str, rows: Sequence[Row]) -> int:
        if not rows:
            return 0
        self._check_writable()
        for values in rows:
            check_values(values)
        try:
            return self._open().executemany(statement, rows).rowcount
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _alone(self) -> None:
        """Go on: SQLite has one writer."""

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            raise BrokenUnit("a Tx was used after its unit ended")
        if self.failure is not None:
            raise self.failure
        return self._db

    def _translated(self, error: sqlite3.Error) -> Exception:
        own = of_unit(error)
        if own is not None:
            return own
        self.failure = unavailable(error)
        return self.failure


def finish(work: Awaitable[T]) -> T:
    """Run what awaits nothing but its ``SqliteTx`` to its end in one step. Raises ``BrokenUnit`` if it suspends."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as done:
        value: T = done.value
        return value
    try:
        steps.close()
    except Exception as error:
        raise BrokenUnit("a unit of work awaited something other than its Tx") from error
    raise BrokenUnit("a unit of work awaited something other than its Tx")
