"""
The PostgreSQL store: any number of processes, on any number of machines, over one database.

Rule 1: units gather as in ``group``; one process has one batch under way at a time, many processes have many.
Rule 2: a batch holds the store's lock in common with the others; one that needs the store to itself holds it alone
(``sql``, rule 3). So what stops a contact never passes another batch by.
Rule 3: a batch that stood in another's way is done again as a whole, and a read as well; so a unit may run repeatedly.
Rule 4: no answer is released before its batch is on disk (``synchronous_commit``), and on that of a synchronous standby
where there is one. Where the connection broke during the commit itself, the database is asked what became of it: each
batch leaves its number in a row of its process. The number of the transaction would not do: a server that lost it in a
crash, or a standby that never had it, gives it again.
By the same row a process sees that another, older database stands at its address. It writes nothing into that but word
of it, for the next process knows nothing. Nor does it write where a newer version has changed the schema.
Rule 5: after a batch that failed the next has half as many units at most, and each that did not lets in one more: where
a device signs slowly, or the server is slow, a whole batch takes longer than the server waits for anybody.
Rule 6: a node that died holds nothing: its locks go with its connection. One that stands still loses them: by the
time-outs of the server, or because another node ends its connection.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import asyncpg

from gateway.services.ports import GONE_BACK, Committed, GoneBack, Outdated, SignBatch, Unavailable, Unit, Unsaid
from gateway.storage.errors import StoreError
from gateway.storage.group import CAREFUL_BATCHES, MAX_BATCH, QUEUE_MAX, GroupCommit
from gateway.storage.migrate import check_known
from gateway.storage.postgres_errors import LOST, RACED, begin_session, reason, unavailable
from gateway.storage.postgres_pool import CLOSE_S, committed
from gateway.storage.postgres_schema import DIALECT, RUNNING, migrate
from gateway.storage.postgres_tx import Again, Connection, Driven, PostgresTx
from gateway.storage.tx import EPOCH

T = TypeVar("T")

VERSION_MIN = 150_000
"""The oldest server this is tried with: PostgreSQL 15."""

ENCODING = "UTF8"
"""What a database is in so that it holds every text. In SQL_ASCII it takes bytes that are no text of any script."""

SPACE = 0x49535448
"""First half of each advisory lock of ours, so that other programs in the same database do not meet them."""

BATCH, LEAD = 1, 2
"""Second half: the lock of a batch, and that of the one process that does what is done once for the whole gateway."""

CHANNEL = "isthmus_queued"
"""Channel on which nodes tell one another that a message waits. A hint: whoever misses it looks once a second."""

TOLD_S = 1.0
"""How long a node tries to say so: by then everybody has looked."""

TRIES = 10
"""How often a batch is begun again before its callers are told to come later."""

READERS_MAX = 4

LEAD_LOOK_S = 2.0
"""Seconds between two looks of a process that waits to lead, or that sees whether it still does."""

LEAD_LOST_S = 10
"""Seconds of silence after which the server takes a process for gone that leads, or waits to."""

CLEANED_S = 3600.0
"""How long the cleaning of a table after an erasure may take."""

BATCH_MAX_S = 20
"""
Seconds without a word after which the others end a batch, and with it the connection it came over. One that works,
however long, says something many times a second.

The server's own time-outs do not count while it waits for the rest of what a client began to send.
"""

COMMIT_ASKED_S = 10.0
"""How long to ask what became of a commit that took too long, or whose connection broke."""

DRAIN_S = 5.0
"""How long a store that closes waits for the batches under way, before it gives them up, and then for that."""

PATIENT = "5s"
"""How long a batch waits for a row that another one holds, before its callers are told to come later."""

HASTY_MS, HASTY_TRIES = (100, 300), 3
"""
How long it waits at first, between these, before it begins again with nothing in its hands, and how often. So two that
wait for one another are apart long before the server looks for such a ring, and not in step. Most waits are shorter.
"""

_SETTINGS = {
    "application_name": "isthmus",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
    "lock_timeout": PATIENT,
    "statement_timeout": "30s",
    # A node that stands still in the middle of a batch would keep the others waiting.
    "idle_in_transaction_session_timeout": "10s",
}

KEPT_DAYS = 30
"""How long the row of a process that writes no more is kept; each start takes out older ones."""

FORGOTTEN_BATCHES = 100_000
"""How many transactions come after it at least, before a row is taken out."""

_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN_SHARED = f"BEGIN; SELECT pg_advisory_xact_lock_shared({SPACE}, {BATCH})"
_BEGIN_ALONE = f"BEGIN; SELECT pg_advisory_xact_lock({SPACE}, {BATCH})"
# The number of the batch, and when that was. One process alone writes this row, one batch after another. Once the lock
# is held, so the epoch and the schema are those that hold until the batch has ended. From here on it waits as is said.
_NUMBERED = f"""
WITH was AS (SELECT split_part(value, ' ', 1) AS number FROM meta WHERE name = $1)
INSERT INTO meta (name, value) VALUES ($1, $2 || ' ' || extract(epoch FROM now())::bigint)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
RETURNING ({EPOCH}), (SELECT number FROM was), (SELECT max(number) FROM schema_migration),
    set_config('lock_timeout', $3, true)
"""  # noqa: S608  # a constant
# But not what commits: its node has said all it has to say, and the server that waits for a synchronous standby would
# take the end of the connection as leave to do without.
_END_STILL = """
SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a JOIN pg_locks AS l ON l.pid = a.pid
WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = $1::bigint::oid AND l.objid = $2::bigint::oid AND l.granted
    AND a.state_change < clock_timestamp() - make_interval(secs => $3)
    AND NOT (a.state = 'active' AND a.query = 'COMMIT')
"""
# Written, and not only read: so it waits for a commit that is still under way, and is itself on disk, and on that of a
# synchronous standby, only once what came before it is.
_BECAME = """
INSERT INTO meta (name, value) VALUES ($1, '') ON CONFLICT (name) DO UPDATE SET value = meta.value
RETURNING split_part(value, ' ', 1)
"""
_WENT_BACK = "an older state of it was put in its place: isthmus restore begin-epoch, as after any restore"
_IN_THE_WAY = "other nodes kept changing the same rows", "try again"
_GONE_BACK = """
INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
WHERE meta.value::bigint < excluded.value::bigint
"""
# Not by the clock alone: one that is ahead would take the rows of processes that run, each of which writes its own
# again with every batch.
_FORGOTTEN = f"""
DELETE FROM meta WHERE name LIKE 'batch:%' AND age(xmin) > {FORGOTTEN_BATCHES}
    AND extract(epoch FROM now()) - coalesce(nullif(split_part(value, ' ', 2), ''), '0')::bigint > 86400 * {KEPT_DAYS}
"""  # noqa: S608  # a constant


class PostgresStore(GroupCommit):
    """
    The ``Store`` port over one database.

    Open it with ``open_postgres``. It belongs to one event loop. ``on_failure`` hears the cause of each batch that did
    not commit, and why this process neither leads nor waits to.
    """

    def __init__(
        self,
        dsn: str,
        sign_batch: SignBatch,
        *,
        on_failure: Callable[[Unavailable], None] = lambda _: None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        super().__init__(queue_max, on_failure)
        self._dsn = dsn
        self._sign_batch = sign_batch
        self._db: Connection | None = None
        self._readers: list[Connection] = []
        self._reading = asyncio.Semaphore(READERS_MAX)
        self._careful = 0
        self._name = f"batch:{secrets.token_hex(16)}"
        self._number = 0
        self._epoch = 1
        # What may stand in our row: the last batch that was stored, and those of which nobody knows.
        self._last: set[str | None] = {None}

    async def read(self, unit: Unit[T]) -> T:
        """
        Run ``unit`` against committed state, one and the same from its first look to its last, without writing.

        Raises ``BrokenUnit`` on a write, ``Unavailable`` if the store cannot be read, and whatever the unit raises.
        """
        self._check_open()
        async with self._reading:
            for _ in range(TRIES):
                with suppress(Again):  # whoever works on a table as a whole, or migrates, was in the way
                    return await self._read(unit)
        raise Unavailable(*_IN_THE_WAY)

    async def _read(self, unit: Unit[T]) -> T:
        """Run ``unit`` once. Raises ``Again`` too."""
        db = await self._begun(self._readers.pop() if self._readers else None, _BEGIN_READING)
        tx = PostgresTx(db, writable=False)
        try:
            value: T = await Driven(unit, tx)
            _check_whole(tx, None)
            await _run(db.execute, "COMMIT")
        except BaseException:
            if not await _rolled_back(db):
                db.terminate()
            raise
        finally:
            tx.close()
            if not db.is_closed():
                self._readers.append(db)
        return value

    async def truncate(self) -> None:
        """
        Give the space of deleted rows back, and put the figures in an order that does not tell of their coming.

        What the planner knows of each table is made anew: it holds values of rows, such as a person is found by.
        The journal of the database is its own; docs/operations.md says what may stay there, and for how long.

        Raises ``Unavailable``, also where another transaction stands in the way.
        """
        db = await self._connect()
        try:
            await _run(db.execute, "SET statement_timeout = 0")  # in a large store this takes minutes
            for statement in (
                "CLUSTER figure USING figure_pkey",
                *(f"VACUUM (ANALYZE) {table}" for table in _ERASED_TABLES),
            ):
                await _run(partial(db.execute, timeout=CLEANED_S), statement)
        except Again as error:
            raise Unavailable(*_IN_THE_WAY) from error
        finally:
            await _close(db)

    async def lead(self, work: Callable[[], Awaitable[None]], heard: Callable[[], None]) -> None:
        """
        Run ``work`` while this process is the one that leads, and wait to lead while another does.

        What leads is a lock of one connection: it goes with the process, however that ends, and with the connection;
        then ``work`` is cancelled, and this process waits again. All the while ``heard`` is called for what any node
        queued. Returns when ``work`` does, and raises what it raises.
        """
        while True:
            try:
                done = await self._lead_once(work, heard)
            except (Unavailable, *LOST, asyncpg.PostgresError) as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():  # as it waited for ``work`` to end, which is cancelled too
                    raise asyncio.CancelledError from None
                self._on_failure(error if isinstance(error, Unavailable) else unavailable(error))
                await asyncio.sleep(LEAD_LOOK_S)
            else:
                return done.result()

    async def close(self) -> None:
        """Commit what waits, refuse what comes later, and close every connection. May be called twice."""
        await self._drained(DRAIN_S)
        readers, self._readers = self._readers, []
        db, self._db = self._db, None
        await asyncio.gather(*(_close(one) for one in (*readers, *([db] if db else []))))

    async def _lead_once(self, work: Callable[[], Awaitable[None]], heard: Callable[[], None]) -> asyncio.Future[None]:
        """Return ``work`` once it is done; raises what the connection does, and ``work`` is cancelled then."""
        db = await self._connect()
        working: asyncio.Future[None] | None = None
        try:
            # A leader that stands still, or whose machine is gone, asks nothing: its lock ends with its session.
            await db.execute(f"SET idle_session_timeout = '{LEAD_LOST_S}s'")
            await db.fetch("SELECT pg_advisory_lock_shared($1, $2)", SPACE, RUNNING)
            await db.add_listener(CHANNEL, lambda *_: heard())
            while True:
                await db.fetch(_END_STILL, SPACE, BATCH, float(BATCH_MAX_S), timeout=LEAD_LOST_S)
                if working is None and await db.fetchval("SELECT pg_try_advisory_lock($1, $2)", SPACE, LEAD):
                    working = asyncio.ensure_future(work())
                if working is not None:
                    await asyncio.wait({working}, timeout=LEAD_LOOK_S)
                    if working.done():
                        return working
                else:
                    await asyncio.sleep(LEAD_LOOK_S)
        finally:
            try:
                if working is not None and not working.done():
                    working.cancel()
                    with suppress(asyncio.CancelledError):
                        await working
            finally:
                await _close(db)

    # One batch.

    async def _outcomes(self, units: Sequence[Unit[Any]]) -> Sequence[Committed | Exception]:
        try:
            outcomes = await self._transact(units)
            self._most = min(self._most + 1, MAX_BATCH)
            return outcomes
        except Unavailable as failure:
            self._most = max(len(units) // 2, 1)
            if isinstance(failure, GoneBack):
                await self._leave_word()
            return self._fail(failure, len(units))
        except Exception as error:
            fault = Unavailable("the batch failed", "see the log for the cause")
            fault.__cause__ = error
            return self._fail(fault, len(units))

    async def _transact(self, units: Sequence[Unit[Any]]) -> Sequence[Committed | Exception]:
        alone = False
        careful = self._careful > 0
        self._careful = max(self._careful - 1, 0)
        for turn in range(TRIES):
            try:
                return await self._attempt(units, alone=alone, careful=careful, hasty=turn < HASTY_TRIES)
            except Again as again:
                alone = alone or again.alone
                await asyncio.sleep(0 if again.alone else turn * 0.01)
            except _OneFailed:
                careful = True
                self._careful = CAREFUL_BATCHES
        raise Unavailable(*_IN_THE_WAY)

    async def _attempt(
        self, units: Sequence[Unit[Any]], *, alone: bool, careful: bool, hasty: bool
    ) -> Sequence[Committed | Exception]:
        """
        Run the batch once. Raises ``Again``, ``Unavailable`` and, without ``careful``, ``_OneFailed``.

        Whatever it raises, nothing was stored; unless the database could not be asked what became of the commit.
        """
        self._db = db = await self._begun(self._db, _BEGIN_ALONE if alone else _BEGIN_SHARED)
        self._number += 1
        number = str(self._number)
        try:
            wait = f"{HASTY_MS[0] + secrets.randbelow(HASTY_MS[1] - HASTY_MS[0])}ms" if hasty else PATIENT
            found, last, schema, _ = await _run(db.fetchrow, _NUMBERED, self._name, number, wait)
            if int(last or 0) > max(int(one or 0) for one in self._last):  # its machine was put back, and no database
                raise Outdated("this process has gone back: the database has a later batch of it", "start it again")
            if (last or None) not in self._last:  # empty where somebody asked what became of a first batch
                raise GoneBack("the database has gone back: the last batch of this process is not in it", _WENT_BACK)
            check_known(schema, DIALECT)
            self._epoch = epoch = int(found or 1)
            batch = PostgresTx(db, writable=True, alone=alone, epoch=epoch)
            values: list[tuple[Any, int | None] | Exception] = []
            drafted: set[tuple[str, str]] = set()
            logged: set[str] = set()
            for unit in units:
                known = None if careful else batch.known
                tx = PostgresTx(db, writable=True, alone=alone, epoch=epoch, hasty=hasty, known=known)
                outcome = await self._unit(tx, db, unit, batch, drafted, logged, careful=careful)
                if isinstance(outcome, Exception) and len(units) > 1 and not careful:
                    raise _OneFailed
                values.append(outcome)
            if len(units) == 1 and isinstance(values[0], Exception):
                if not await _rolled_back(db):
                    db.terminate()  # or the next batch would begin in what is left of this one
                return [values[0]]
            if hasty and batch.drafts:
                # Whoever has the end of a log signs, and then waits for nobody who waits here: there is no ring to
                # leave, and all that was done would be done again while a slow device signs.
                await _run(db.execute, f"SET LOCAL lock_timeout = '{PATIENT}'")
            try:
                signed = await Driven(lambda _: batch.log(self._sign_batch), batch) if batch.drafts else None
            except Unavailable as error:
                _check_whole(batch, error)  # a deadlock while logging is no fault of the keys
                raise
        except BaseException:
            if not await _rolled_back(db):
                db.terminate()
            raise
        self._last.add(number)
        await self._commit(db, number)
        self._last = {number}
        if batch.queued:
            await _tell(db)
        made: list[Committed | Exception] = []
        for value in values:
            if isinstance(value, Exception):
                made.append(value)
            else:
                made.append(Committed(value[0], None if value[1] is None or not signed else signed.answers[value[1]]))
        return made

    async def _unit(
        self,
        tx: PostgresTx,
        db: Connection,
        unit: Unit[Any],
        batch: PostgresTx,
        drafted: set[tuple[str, str]],
        logged: set[str],
        *,
        careful: bool,
    ) -> tuple[Any, int | None] | Exception:
        """Run one unit of the batch; return its value and the place of its first receipt, or why it failed alone."""
        if careful:
            await _run(db.execute, "SAVEPOINT unit")
        try:
            value = await Driven(unit, tx)
            await Driven(lambda _: tx.check_drafts(drafted, logged), tx)
        except Exception as error:
            _check_whole(tx, error)
            if careful:
                await _run(db.execute, "ROLLBACK TO unit; RELEASE unit")
            return error
        finally:
            tx.close()
        _check_whole(tx, None)
        if careful:
            await _run(db.execute, "RELEASE unit")
        first = next((at for at, draft in enumerate(tx.drafts) if draft.claims is not None), None)
        place = None if first is None else len(batch.drafts) + first
        batch.drafts.extend(tx.drafts)
        batch.queued = batch.queued or tx.queued
        return value, place

    async def _commit(self, db: Connection, number: str) -> None:
        try:
            status = await committed(db)
        except RACED as error:
            raise Again from error
        except LOST:
            db.terminate()
            status = await self._became(number)
        except asyncpg.PostgresError as error:
            db.terminate()
            raise unavailable(error) from error
        except BaseException:
            db.terminate()
            raise
        if status != "COMMIT":
            raise Unavailable("the database did not commit", "see its log for the cause")

    async def _became(self, number: str) -> str:
        """Ask what became of the batch ``number``, the last one begun, for as long as it may still be under way."""
        with suppress(TimeoutError):
            async with asyncio.timeout(COMMIT_ASKED_S):
                while True:
                    try:
                        db = await self._connect()
                        try:
                            last = await db.fetchval(_BECAME, self._name)
                        finally:
                            await _close(db)
                        return "COMMIT" if last == number else "ROLLBACK"
                    except (Unavailable, *LOST, asyncpg.PostgresError):
                        pass
                    await asyncio.sleep(0.2)
        raise Unsaid(
            "the database was lost during a commit, and does not say what became of it",
            "look whether the step was taken before you take it again; a partner asks again by itself",
        )

    async def _leave_word(self) -> None:
        """Let every other process know, and each that starts, that the database has gone back."""
        with suppress(Unavailable, *LOST, asyncpg.PostgresError):  # the next batch finds the same
            db = await self._connect()
            try:
                await db.execute(_GONE_BACK, GONE_BACK, str(self._epoch))
            finally:
                await _close(db)

    async def _begun(self, kept: Connection | None, statement: str) -> Connection:
        """Begin a transaction over the connection that was kept, or a new one where the server has ended that."""
        if kept is not None and not kept.is_closed():
            try:
                await kept.execute(statement)
            except asyncpg.LockNotAvailableError as error:
                kept.terminate()
                raise unavailable(error) from error  # over another connection it would wait as long again
            except (asyncpg.PostgresError, *LOST):
                kept.terminate()  # nothing was begun, so nothing is done twice
            except BaseException:
                kept.terminate()
                raise
            else:
                return kept
        made = await self._connect()
        try:
            await _run(made.execute, statement)
        except BaseException:
            made.terminate()
            raise
        return made

    async def _connect(self) -> Connection:
        return await connect(self._dsn)


class _OneFailed(Exception):
    """Say that a unit of a batch without savepoints failed, and the batch with it."""


_ERASED_TABLES = (
    "case_file",
    "case_event",
    "access",
    "inbound",
    "outbound_body",
    "person_value",
    "person_apart",
    "opening",
)


async def connect(dsn: str) -> Connection:
    """Open a connection with the store's settings. Raises ``Unavailable``."""
    try:
        made: Connection = await asyncpg.connect(
            dsn, server_settings=_SETTINGS, statement_cache_size=500, timeout=10, command_timeout=40
        )
        try:
            await begin_session(made)
        except BaseException:
            made.terminate()
            raise
    except (asyncpg.PostgresError, ValueError, *LOST) as error:
        raise unavailable(error) from error
    return made


async def check_server(db: Connection) -> None:
    """Raise ``StoreError`` for a server that is too old, or a database that lacks letters."""
    if db.get_server_version() < (VERSION_MIN // 10_000,):
        raise StoreError("the database is older than PostgreSQL 15", "install a newer server")
    check_encoding(await db.fetchval("SHOW server_encoding"))


def check_encoding(encoding: str) -> None:
    """Raise ``StoreError`` if a database in ``encoding`` is none that holds every text."""
    if encoding != ENCODING:
        hint = (
            "create one with: createdb --template template0 --encoding UTF8; what is in it comes over by pg_dump"
            " --encoding UTF8, with every node stopped"
        )
        raise StoreError(f"the database is in {encoding}, which does not hold every script", hint)


async def open_postgres(
    dsn: str,
    *,
    sign_batch: SignBatch,
    now: datetime,
    create: bool = False,
    on_failure: Callable[[Unavailable], None] = lambda _: None,
    queue_max: int = QUEUE_MAX,
) -> PostgresStore:
    """
    Open the store in the database at ``dsn``, bringing its schema to the present.

    Args:
        dsn: address of the database (``postgresql://user@host/name``), of a user that may make tables in it.
        sign_batch: signs each batch that logs something, inside its transaction.
        now: the instant to record for a migration applied.
        create: whether to make the tables in an empty database.
        on_failure: hears the cause of each batch that did not commit, and why this process neither leads nor waits to.
        queue_max: how many units may wait in this process.

    Raises:
        StoreError: with the next step for an operator; nothing was changed.
    """
    try:
        db = await connect(dsn)
    except Unavailable as error:
        raise StoreError(str(error), error.hint) from error
    try:
        await check_server(db)
        await migrate(db, now, create=create)
        await db.execute(_FORGOTTEN)
    except (asyncpg.PostgresError, *LOST) as error:
        raise StoreError(*reason(error)) from error
    finally:
        await _close(db)
    return PostgresStore(dsn, sign_batch, on_failure=on_failure, queue_max=queue_max)


def _check_whole(tx: PostgresTx, error: Exception | None) -> None:
    """Raise what concerns the whole batch, also where the unit swallowed it."""
    if tx.failure is not None:
        raise tx.failure from error
    if tx.again is not None:
        raise tx.again from error


async def _run(call: Callable[..., Awaitable[Any]], *values: Any) -> Any:
    """Run a statement of the store itself. Raises ``Again`` or ``Unavailable``."""
    try:
        return await call(*values)
    except RACED as error:
        raise Again from error
    except (asyncpg.PostgresError, *LOST) as error:
        raise unavailable(error) from error


async def _tell(db: Connection) -> None:
    """
    Tell the other nodes that a message waits, apart from the batch that stored it, and whatever comes of that.

    In the batch the server would let one such commit of all its databases wait for the other, disk, synchronous standby
    and all, and end the one whose time to wait for a lock was over.
    """
    with suppress(asyncpg.PostgresError, *LOST):
        await db.execute(f"NOTIFY {CHANNEL}", timeout=TOLD_S)


async def _rolled_back(db: Connection) -> bool:
    """
    Roll back what is under way, if anything; return whether the connection is of any use still.

    Whoever is cancelled meanwhile stays so, and ends the connection: a leader that lost its lock must not go on.
    """
    if db.is_closed():
        return False
    try:
        if db.is_in_transaction():
            await asyncio.shield(asyncio.wait_for(db.execute("ROLLBACK"), 5))
    except Exception:
        return False
    except BaseException:
        db.terminate()
        raise
    return not db.is_closed()


async def _close(db: Connection) -> None:
    try:
        await db.close(timeout=CLOSE_S)
    except (asyncpg.PostgresError, *LOST):
        db.terminate()
