"""
Read models for desks, boards and reports, over a connection of their own that cannot write.

Every statement here reads along an index and names its columns, none of them sealed.
"""

import heapq
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import aiosqlite

from gateway.services.inquire import AuditRow, BoardRow, Figures, Place
from gateway.services.ports import Unavailable
from gateway.storage.errors import StoreError, reason, unavailable
from gateway.storage.sqlite import BUSY_TIMEOUT_MS

Row = tuple[Any, ...]

NO_DUE_AT = 253402300799
"""Sorts cases without a due instant last; the indexes are built with the same number (9999-12-31T23:59:59Z)."""

_BOARD = """
SELECT ref, partner, side, state, step, due_on, due_at, officer, instrument, calendar, reminders, extended,
    delay_notice, opened_at, changed_at,
    side = 'requested' AND NOT delay_notice AND closed_at IS NULL
    AND state IN ('RECEIVED', 'ACKNOWLEDGED', 'EXTENDED', 'CONTESTED', 'NEEDS_TIER2', 'NEEDS_INTERVIEW', 'ACCEPTED')
    AND EXISTS (SELECT 1 FROM case_event WHERE ref = case_file.ref AND event = 'delay_notice_due') AS notice_due
FROM case_file
"""
_PAGE = """
    (ifnull(due_at, 253402300799), ref) > (?, ?) AND ifnull(due_at, 253402300799) < ?
ORDER BY ifnull(due_at, 253402300799), ref LIMIT ?
"""
_OPEN = _BOARD + "WHERE closed_at IS NULL AND" + _PAGE
_OPEN_OF_PARTNER = _BOARD + "WHERE closed_at IS NULL AND partner = ? AND" + _PAGE
_OPEN_OF_OFFICER = _BOARD + "WHERE closed_at IS NULL AND officer = ? AND" + _PAGE
_OF_STATE = _BOARD + "WHERE state = ? AND" + _PAGE
_OF_OFFICER = _BOARD + "WHERE officer = ? AND state = ? AND" + _PAGE
_BY_REF = _BOARD + "WHERE ref = ?"

_AUDIT = "SELECT n, ref, at, person, action, justification, recipient FROM access WHERE n < ? ORDER BY n DESC LIMIT ?"
_AUDIT_OF_CASE = """
SELECT n, ref, at, person, action, justification, recipient FROM access WHERE ref = ? AND n < ? ORDER BY n DESC LIMIT ?
"""
# An exercise (gateway.core.exercise.MARK) is no case and stands in no figure.
_COUNT = "SELECT partner, state, count(*) FROM case_file WHERE substr(ref, 1, 3) <> 'TST' GROUP BY partner, state"
_OVERDUE = """
SELECT partner, count(*) FROM case_file
WHERE closed_at IS NULL AND ifnull(due_at, 253402300799) < ? AND substr(ref, 1, 3) <> 'TST' GROUP BY partner
"""
_WAITING = "SELECT partner, count(*) FROM outbound WHERE state IN ('queued', 'posted') GROUP BY partner"

_MAX_N = 2**63 - 1


class SqliteInquiries:
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

    async def board(
        self,
        *,
        partner: str | None = None,
        overdue_at: datetime | None = None,
        limit: int = 100,
        after: Place | None = None,
    ) -> Sequence[BoardRow]:
        """Return open cases, soonest due first; with ``overdue_at`` those alone that were due before that instant."""
        page = (*_after(after), inf if overdue_at is None else overdue_at.timestamp(), limit)
        if partner is None:
            return [_board(row) for row in await self._all(_OPEN, page)]
        return [_board(row) for row in await self._all(_OPEN_OF_PARTNER, (partner, *page))]

    async def cases(
        self, *, states: Sequence[str] = (), officer: str | None = None, limit: int = 100, after: Place | None = None
    ) -> Sequence[BoardRow]:
        """Return cases in ``states`` (none named: all open ones), soonest due first, of one officer or of all."""
        page = (*_after(after), inf, limit)
        if not states:
            if officer is None:
                return [_board(row) for row in await self._all(_OPEN, page)]
            return [_board(row) for row in await self._all(_OPEN_OF_OFFICER, (officer, *page))]
        # One short look for each state: a merge of sorted pages instead of a sort of everything.
        found = []
        for state in dict.fromkeys(states):
            named = (state,) if officer is None else (officer, state)
            rows = await self._all(_OF_STATE if officer is None else _OF_OFFICER, (*named, *page))
            found.append(map(_board, rows))
        return list(islice(heapq.merge(*found, key=lambda row: _at(row.place)), limit))

    async def find_case(self, ref: str) -> BoardRow | None:
        """Find one case by our reference."""
        rows = await self._all(_BY_REF, (ref,))
        return _board(rows[0]) if rows else None

    async def audit(self, *, ref: str | None = None, limit: int = 100, before: int | None = None) -> Sequence[AuditRow]:
        """Return looks at one case or at all, the latest first, continued ``before`` the number of the last row."""
        page = (_MAX_N if before is None else before, limit)
        rows = await (self._all(_AUDIT, page) if ref is None else self._all(_AUDIT_OF_CASE, (ref, *page)))
        return [AuditRow(row[0], row[1], _instant(row[2]), *row[3:]) for row in rows]

    async def figures(self, now: datetime) -> Figures:
        """Count cases, overdue cases and waiting messages."""
        cases = await self._all(_COUNT, ())
        overdue = await self._all(_OVERDUE, (now.timestamp(),))
        waiting = await self._all(_WAITING, ())
        return Figures({(partner, state): n for partner, state, n in cases}, dict(overdue), dict(waiting))

    async def _all(self, statement: str, values: Row) -> list[Any]:
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


def _at(place: Place) -> tuple[float, str]:
    return NO_DUE_AT if place.due_at is None else place.due_at.timestamp(), place.ref


def _after(place: Place | None) -> tuple[float, str]:
    return (-1, "") if place is None else _at(place)


def _board(row: Row) -> BoardRow:
    values = list(row)
    values[5] = None if row[5] is None else date.fromisoformat(row[5])
    values[6] = None if row[6] is None else _instant(row[6])
    values[11:] = bool(row[11]), bool(row[12]), _instant(row[13]), _instant(row[14]), bool(row[15])
    return BoardRow(*values)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
