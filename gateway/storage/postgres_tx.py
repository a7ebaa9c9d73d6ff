"""
One unit's view of a PostgreSQL store: how it runs the statements of ``tx``, and the few it words otherwise.

Rule 1: what a unit decides by is locked as it is read (``FOR NO KEY UPDATE``), so a decision still holds when it is
written; where there was no row yet, one that meanwhile came makes the batch begin again.
Rule 2: messages that wait are taken by whoever comes first; what another node holds is passed over (``SKIP LOCKED``).
Rule 3: what other units read without holding it is written by a batch that has the store to itself.
"""

from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import asyncpg

from gateway.services.ports import Unit
from gateway.services.rows import LogEntry, LogHead, PartnerRow, ThreadRow
from gateway.storage.errors import BrokenUnit
from gateway.storage.log_rows import entry_rows
from gateway.storage.postgres_errors import LOST, RACED, of_unit, unavailable
from gateway.storage.postgres_words import translated
from gateway.storage.sql import Row, check_values
from gateway.storage.tx import SqlTx

T = TypeVar("T")

Connection: TypeAlias = Any
"""A connection of asyncpg, which has no types."""

_HELD = " FOR NO KEY UPDATE"
_FREE = " FOR NO KEY UPDATE OF o SKIP LOCKED"


class Again(Exception):
    """Say that the batch is to be begun again; with ``alone`` it needs the store to itself."""

    def __init__(self, *, alone: bool = False) -> None:
        super().__init__()
        self.alone = alone


class PostgresTx(SqlTx):
    """
    The ``Tx`` port over one connection that is inside a transaction.

    ``alone`` says that no other batch is under way anywhere. ``again`` is what makes the batch begin again, remembered
    so that a unit that swallows it cannot make the batch commit; ``queued`` says that a message was stored that waits.
    ``epoch`` is the one that the batch found as it began. A ``hasty`` one begins again where a row is not to be had.
    """

    __slots__ = ("_absent", "_db", "_epoch", "_only_new", "_raced", "again", "alone", "busy", "queued")

    def __init__(
        self,
        db: Connection,
        *,
        writable: bool,
        alone: bool = False,
        epoch: int | None = None,
        hasty: bool = False,
        known: dict[Row, Any] | None = None,
    ) -> None:
        super().__init__(writable=writable, known=known)
        self._epoch = epoch
        self._raced = (*RACED, asyncpg.LockNotAvailableError) if hasty else RACED
        self._db: Connection | None = db
        self._absent: set[tuple[str, ...]] = set()
        self._only_new = False
        self.alone = alone
        self.again: Again | None = None
        self.busy = False
        self.queued = False

    def close(self) -> None:
        """Refuse every later call."""
        self._db, self.known = None, {}

    # What is written where nothing was: another node may have written it since we looked.

    async def find_thread(self, partner: str, thread: str) -> ThreadRow | None:
        """Find where a thread stands."""
        return self._looked(await super().find_thread(partner, thread), "thread", partner, thread)

    async def save_thread(self, row: ThreadRow) -> None:
        """Store where a thread stands; raises ``Conflict`` if it belongs to another case."""
        await self._put(super().save_thread(row), "thread", row.partner, row.thread)

    async def find_partner(self, country: str, *, held: bool = True) -> PartnerRow | None:
        """Find what is known of a partner; where it is not ``held`` another node may change it but for its hold."""
        return self._looked(await super().find_partner(country, held=held), "partner", country)

    async def save_partner(self, row: PartnerRow) -> None:
        """Store what is known of a partner."""
        await self._put(super().save_partner(row), "partner", row.country)

    async def find_meta(self, name: str) -> str | None:
        """Return a named value, or ``None``."""
        return self._looked(await super().find_meta(name), "meta", name)

    async def set_meta(self, name: str, value: str) -> None:
        """Store a named value."""
        await self._put(super().set_meta(name, value), "meta", name)

    async def epoch(self) -> int:
        """Return the epoch that is stored; the batch has read it already, once it held the lock of a batch."""
        return await super().epoch() if self._epoch is None else self._epoch

    async def log_head(self, partner: str) -> LogHead | None:
        """Find the end of the log about a partner that is appended to."""
        return self._looked(await super().log_head(partner), "log", partner)

    async def save_log_head(self, partner: str, head: LogHead) -> None:
        """Store the end of a log and append to that log from now on."""
        await self._put(super().save_log_head(partner, head), "log", partner)

    def _looked(self, found: T | None, *key: str) -> T | None:
        if found is None and self._writable:
            self._absent.add(key)
        return found

    async def _put(self, saving: Awaitable[None], *key: str) -> None:
        """
        Save what has ``key``; where there was nothing when we looked, begin the batch again if there is something now.

        The key is unique: whoever comes second waits until the first has committed, and then inserts nothing.
        """
        self._only_new = key in self._absent
        self._absent.discard(key)
        try:
            await saving
        finally:
            self._only_new = False

    async def put_entries(self, entries: Iterable[LogEntry]) -> None:
        """Store log entries set-wise."""
        if rows := entry_rows(entries):
            await self._write(_PUT_ENTRIES, tuple(list(column) for column in zip(*rows, strict=True)))

    async def put_answers(self, answers: Sequence[tuple[bytes, str, str]]) -> None:
        """
        Store answers set-wise, each (answer, partner, digest), into their inbound rows.

        Raises ``BrokenUnit`` if one is for a message that is not stored.
        """
        if not answers:
            return
        columns = tuple(list(column) for column in zip(*answers, strict=True))
        if await self._write(_PUT_ANSWERS, columns) != len(answers):
            raise BrokenUnit("an answer was made for a message that is not stored")

    # How a statement is run.

    async def _one(self, statement: str, values: Row) -> Row | None:
        row: Row | None = await self._run(self._open().fetchrow, translated(statement), values)
        return row

    async def _all(self, statement: str, values: Row) -> Sequence[Row]:
        rows: Sequence[Row] = await self._run(self._open().fetch, translated(statement), values)
        return rows

    async def _held(self, statement: str, values: Row) -> Row | None:
        return await self._one(statement + _HELD if self._writable else statement, values)

    async def _all_held(self, statement: str, values: Row) -> Sequence[Row]:
        return await self._all(statement + _HELD if self._writable else statement, values)

    async def _free(self, statement: str, values: Row) -> Sequence[Row]:
        return await self._all(statement + _FREE if self._writable else statement, values)

    async def _write(self, statement: str, values: Row) -> int:
        self._check_writable()
        text = translated(statement)
        if text.startswith(_QUEUEING):
            self.queued = True
        only_new = self._only_new and _OVERWRITES in text
        if only_new:
            text = text.partition(_OVERWRITES)[0] + "DO NOTHING"
        status: str = await self._run(self._open().execute, text, values)
        count = int(status.rpartition(" ")[2])
        if only_new and count == 0:
            raise self._begin_again(Again())
        return count

    async def _many(self, statement: str, rows: Sequence[Row]) -> int:
        if not rows:
            return 0
        self._check_writable()
        for values in rows:
            check_values(values)
        await self._run(self._open().executemany, translated(statement), (rows,))
        return len(rows)  # only insertions come here, and one that fails raises

    def _alone(self) -> None:
        if self._writable and not self.alone:
            raise self._begin_again(Again(alone=True))

    def _begin_again(self, again: Again) -> Again:
        self.again = again
        return again

    async def _run(self, call: Callable[..., Awaitable[Any]], text: str, values: Row) -> Any:
        check_values(values)
        self.busy = True
        try:
            return await call(text, *values)
        except self._raced as error:
            raise self._begin_again(Again()) from error
        except (asyncpg.PostgresError, UnicodeEncodeError, *LOST) as error:
            own = of_unit(error)
            if own is not None:
                raise own from error
            self.failure = unavailable(error)
            raise self.failure from error
        finally:
            self.busy = False

    def _open(self) -> Connection:
        if self._db is None:
            raise BrokenUnit("a Tx was used after its unit ended")
        if self.failure is not None:
            raise self.failure
        if self.again is not None:
            raise self.again
        return self._db


_QUEUEING = "INSERT INTO outbound_body"
_OVERWRITES = "DO UPDATE SET"
# In one message to the server, and not row by row: a process that stood still between two of them would hold its locks
# for as long, since the server ends no statement whose end it has not been sent.
_PUT_ENTRIES = """
INSERT INTO log_entry (origin, idx, receipt, r, leaf, direction, digest, at)
SELECT * FROM unnest(?::text[], ?::bigint[], ?::bytea[], ?::bytea[], ?::bytea[], ?::text[], ?::text[], ?::float8[])
"""
_PUT_ANSWERS = """
UPDATE inbound SET answer = d.answer FROM unnest(?::bytea[], ?::text[], ?::text[]) AS d (answer, partner, digest)
WHERE inbound.partner = d.partner AND inbound.digest = d.digest
"""


class Driven(Generic[T]):
    """A unit at work, held to its promise: it awaits nothing but its ``Tx``. Await it for the unit's value."""

    def __init__(self, unit: Unit[T], tx: PostgresTx) -> None:
        self._unit = unit
        self._tx = tx

    def __await__(self) -> Generator[Any, Any, T]:
        """Run the unit. Raises what it raises, and ``BrokenUnit`` if it suspends for anything else."""
        steps = self._unit(self._tx).__await__()
        try:
            waited = next(steps)
            while True:
                if not self._tx.busy:
                    steps.close()
                    raise BrokenUnit("a unit of work awaited something other than its Tx")
                try:
                    sent = yield waited
                except BaseException as error:
                    waited = steps.throw(error)
                else:
                    waited = steps.send(sent)
        except StopIteration as done:
            value: T = done.value
            return value
