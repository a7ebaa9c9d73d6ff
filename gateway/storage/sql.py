"""
How a unit speaks SQL: the ways to run a statement that a dialect has, and what every table needs.

Rule 1: a dialect is four ways to run a statement; it says what it words otherwise, and nothing else.
Rule 2: an error that concerns the whole store (full, I/O, locked) is remembered in ``failure``: a unit that swallows it
cannot make the batch commit.
Rule 3: a row that a unit decides by is read with ``_held``: until the batch ends nobody else changes it. What other
units read without holding it (who is stopped, who is not to be contacted, which log was witnessed) is written by a unit
that has the store to itself, ``_alone``. SQLite has one writer, so there both come by themselves.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from gateway.services.ports import BadValue, Draft, Unavailable
from gateway.services.rows import ThreadRow
from gateway.storage.errors import BrokenUnit

Row = tuple[Any, ...]


class Sql(ABC):
    """
    The ways to run a statement, of which a dialect says how.

    ``drafts`` holds what the unit asked the batch to log, ``failure`` what went wrong with the store itself. ``known``
    are rows that most units ask for, by statement and values; units that are undone together share it.
    """

    __slots__ = ("_added", "_live", "_messages", "_threads", "_writable", "drafts", "failure", "known")

    def __init__(self, *, writable: bool, known: dict[Row, Any] | None = None) -> None:
        self._writable = writable
        self.known = {} if known is None else known
        self._added: set[tuple[str, str]] = set()
        # How cases that are not erased, messages to send, and threads stand in the store, as this unit read or left
        # them: what a save compares with, and where a thread stands, is not read again.
        self._live: dict[str, Row] = {}
        self._messages: dict[tuple[str, str], tuple[Row, Row]] = {}
        self._threads: dict[tuple[str, str], ThreadRow | None] = {}
        self.drafts: list[Draft] = []
        self.failure: Unavailable | None = None

    # What a dialect says: how a statement is run. Each raises ``BadValue`` as ``check_values`` does, ``Conflict`` for a
    # key that is taken, ``BrokenUnit`` for a row that breaks a rule of the store, and ``Unavailable`` for what concerns
    # the whole store.

    @abstractmethod
    async def _one(self, statement: str, values: Row) -> Row | None:
        """Return the first row, or ``None``."""

    @abstractmethod
    async def _all(self, statement: str, values: Row) -> Sequence[Row]:
        """Return every row."""

    @abstractmethod
    async def _write(self, statement: str, values: Row) -> int:
        """Change rows and return how many."""

    @abstractmethod
    async def _many(self, statement: str, rows: Sequence[Row]) -> int:
        """Run a statement that changes rows for each of ``rows``; return how many were changed in all."""

    async def _held(self, statement: str, values: Row) -> Row | None:
        """Return the first row, which nobody else changes until the batch ends."""
        return await self._one(statement, values)

    async def _known(self, statement: str, values: Row, *, held: bool = True) -> Row | None:
        """Return the first row, asked once for all that share ``known``; whoever writes such a row clears that."""
        key = (statement, held, *values)
        if key not in self.known:  # that there is no such row is known too: most of these names are rare
            self.known[key] = await (self._held if held else self._one)(statement, values)
        row: Row | None = self.known[key]
        return row

    async def _all_held(self, statement: str, values: Row) -> Sequence[Row]:
        """Return every row, none of which anybody else changes until the batch ends."""
        return await self._all(statement, values)

    async def _free(self, statement: str, values: Row) -> Sequence[Row]:
        """Return the rows that nobody else is about to change, and hold those."""
        return await self._all(statement, values)

    @abstractmethod
    def _alone(self) -> None:
        """Go on if no other batch is under way in the whole store; raise what makes the batch begin again so if not."""

    async def _erased(self, ref: str) -> bool:
        if ref in self._live:
            return False
        row = await self._one("SELECT erased FROM case_file WHERE ref = ?", (ref,))
        return row is not None and row[0] == 1

    async def _insert(self, statement: str, values: Row) -> int:
        """Run an insertion that returns the number of the new row, and return it."""
        self._check_writable()
        row = await self._one(statement, values)
        if row is None:
            raise BrokenUnit("a row was inserted without a number")
        return int(row[0])

    def _check_writable(self) -> None:
        if not self._writable:
            raise BrokenUnit("a unit that only reads tried to write")


def check_values(values: Sequence[Any]) -> None:
    """
    Raise ``BadValue`` if one of ``values`` is none that every dialect holds.

    Before the statement, so that all dialects refuse the same: SQLite holds a NUL, PostgreSQL none, and what either
    raises for the rest it raises for faults of its own as well.
    """
    for value in values:
        if isinstance(value, str):
            if "\x00" in value or not (value.isascii() or _is_text(value)):
                raise BadValue
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise BadValue


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


LAST = 32503680000
"""The last instant that a column may hold, 3000-01-01T00:00:00Z: far from where reckoning with days and months ends."""


def instant(seconds: float) -> datetime:
    """
    Return the instant, in UTC, that a column holds as seconds since 1970.

    What no clock of ours shows counts as the nearest that one may: whoever can write to the database alone puts any
    number there, and one row must not end whatever goes through all of them.
    """
    if not 0 <= seconds <= LAST:
        seconds = 0 if seconds < 0 else LAST
    return datetime.fromtimestamp(seconds, UTC)


def instant_or_none(seconds: float | None) -> datetime | None:
    """Return the same of a column that may be null."""
    return None if seconds is None else instant(seconds)


def day_or_none(text: str | None) -> date | None:
    """Return the local date that a column holds, ``None`` also where it holds none, as above."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


def seconds(at: datetime) -> int:
    """Return ``at`` as a column holds it: whole seconds since 1970. Raises ``BrokenUnit`` for a naive instant."""
    # A naive instant would be read in the zone of the machine: refused rather than guessed at.
    if at.tzinfo is None:
        raise BrokenUnit("an instant without a zone cannot be stored")
    return int(at.timestamp() // 1)


def seconds_or_none(at: datetime | None) -> int | None:
    """Return the same of an instant that may be missing."""
    return None if at is None else seconds(at)
