"""
The SQLite store: one file, one writer connection, group commit.

Rule 1: units gather as in ``group``, and one transaction takes all that wait.
Rule 2: each unit sees what the earlier ones of its batch wrote, and one that fails is rolled back alone. A batch is
first tried without savepoints, which copy every page that a unit touches; if a unit fails, the batch is begun again and
each runs in its own. So a unit may run twice, and leaves nothing behind but what it writes.
Rule 3: no answer is released before its batch is on disk (WAL, ``synchronous=FULL``).
Rule 4: a batch that cannot commit fails whole with ``Unavailable``, and the store goes on with the next one.
Rule 5: units run on the loop, what waits for the disk or for another process runs in ``run``. Python in a second thread
would only fight with the loop for the interpreter: that cost a third of the rate. So a batch begins on the loop too,
unless another process is in the way.
Rule 6: the journal is moved into the file beside the writer, on a connection and in a thread of its own. What little
is new since then a commit moves itself, so that no commit waits a tenth of a second for thousands of pages. What a
process that was killed left in the journal is moved when the store is opened: the next start has that to read no more.
Rule 7: no row is cached between transactions: other processes may write the same file.
"""

import asyncio
import os
import sqlite3
import weakref
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from gateway.services.ports import Committed, SignBatch, Signed, Unavailable, Unit
from gateway.storage.errors import EMPTY, RESTORE, StoreError, reason, unavailable
from gateway.storage.group import CAREFUL_BATCHES, QUEUE_MAX, GroupCommit
from gateway.storage.migrate import ASIDE_FILE, check_known, migrate, moved_to_a_server
from gateway.storage.sqlite_tx import SqliteTx, finish
from gateway.storage.tx import EPOCH

T = TypeVar("T")

Run = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function, one at a time and in order of asking, and returns or raises what it does."""

CHECKPOINT_UNITS = 640
"""Units between two checkpoints beside the writer. About 4,000 pages: a tenth of a second of a core that has time."""

BUSY_TIMEOUT_MS = 5_000
"""
How long to wait for another process (the command line beside the server) to end its transaction. The writer waits only
where ``Engine._patient`` says so: never on the loop.
"""

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # On macOS fsync alone leaves data in the drive's cache; elsewhere this changes nothing.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA foreign_keys = ON",
    # Deleted and replaced content is overwritten with zeros, so that an erasure leaves nothing in free pages.
    "PRAGMA secure_delete = ON",
    # Savepoints keep old page images in a temporary file: in memory, so that no disk ever holds a copy.
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cache_size = -32000",
    # 64 MiB of journal between checkpoints: index pages that many messages touch are copied once instead of often.
    "PRAGMA wal_autocheckpoint = 16000",
)

_STANDS = f"SELECT ({EPOCH}), (SELECT max(number) FROM schema_migration)"  # noqa: S608  (constants)

_WAIT = f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}"
_WAIT_NEVER = "PRAGMA busy_timeout = 0"


async def run_inline(fn: Callable[[], Any]) -> Any:
    """Call ``fn`` at once, on the loop: for tests and simulation."""
    return fn()


class Worker:
    """A single thread for all work of one store: the live ``Run``."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def __call__(self, fn: Callable[[], Any]) -> Any:
        """Call ``fn`` in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, fn)

    def close(self) -> None:
        """End the thread after the work it has."""
        self._executor.shutdown(wait=True)


class SqliteStore(GroupCommit):
    """
    The ``Store`` port over one SQLite file.

    Open it with ``open_store``. It belongs to one event loop. ``on_failure`` hears the cause of each batch that did not
    commit, for log and alarm.
    """

    def __init__(
        self,
        engine: "Engine",
        run: Run,
        *,
        aside: Run | None = None,
        on_failure: Callable[[Unavailable], None] = lambda _: None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        super().__init__(queue_max, on_failure)
        self._engine = engine
        self._run = run
        self._aside = aside
        self._checkpoint: asyncio.Task[None] | None = None
        self._since_checkpoint = 0
        self._alone = asyncio.Lock()

    async def read(self, unit: Unit[T]) -> T:
        """
        Run ``unit`` against committed state without writing.

        Raises ``BrokenUnit`` on a write, ``Unavailable`` if the store cannot be read, and whatever the unit raises.
        """
        self._check_open()
        value: T = await self._run(lambda: self._engine.read(unit))
        return value

    async def truncate(self) -> None:
        """
        Move everything out of the journal and cut it to nothing.

        Raises ``Unavailable`` while another connection reads an older state; the caller tries again.
        """
        async with self._alone:
            if self._checkpoint is not None:
                await self._checkpoint
            await self._run(self._engine.truncate)

    async def lead(self, work: Callable[[], Awaitable[None]], heard: Callable[[], None]) -> None:
        """Run ``work``: one process serves a gateway whose store is a file (``gateway.cli.running``)."""
        await work()

    async def close(self) -> None:
        """Commit what waits, refuse what comes later, and close the file. May be called twice."""
        await self._drained()
        if self._checkpoint is not None:
            await self._checkpoint
        await self._run(self._engine.close)

    def _after(self, units: int) -> None:
        """Begin a checkpoint beside the writer, if enough was written since the last and none is under way."""
        self._since_checkpoint += units
        if self._aside is None or self._checkpoint is not None or self._since_checkpoint < CHECKPOINT_UNITS:
            return
        self._since_checkpoint = 0
        self._checkpoint = asyncio.get_running_loop().create_task(self._checkpointed(self._aside))

    async def _checkpointed(self, aside: Run) -> None:
        try:
            await aside(self._engine.checkpoint)
        except Unavailable as failure:
            self._on_failure(failure)  # nothing is lost: the journal holds it, and a commit tries again
        finally:
            self._checkpoint = None

    async def _outcomes(self, units: Sequence[Unit[Any]]) -> Sequence[Committed | Exception]:
        try:
            async with self._alone:
                if not self._engine.begin_at_once():
                    await self._run(self._engine.begin)
                made = self._engine.transact(units)
                if made is None:
                    # Another process may be quicker now: no unit must fail for that, nor the loop wait.
                    await self._run(self._engine.begin)
                    made = self._engine.transact(units) or []
                outcomes: Sequence[Committed | Exception] = await self._run(lambda: self._engine.end(made))
        except BatchFailed as failed:
            return self._fail(failed.cause, len(units))
        except Exception as error:
            failure = Unavailable("the store's worker failed", "see the log for the cause")
            failure.__cause__ = error
            return self._fail(failure, len(units))
        return outcomes


class BatchFailed(Exception):
    """Say that a batch was rolled back as a whole; ``cause`` is what its callers hear."""

    def __init__(self, cause: Unavailable) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Engine:
    """The synchronous half: connections and transactions. Every method runs inside ``run``."""

    def __init__(self, path: Path, sign_batch: SignBatch) -> None:
        self._path = path
        self._sign_batch = sign_batch
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._careful = 0
        self._closed = False

    def open(self, now: datetime, *, create: bool = True) -> None:
        """Open the file and bring its schema to the present, from nothing with ``create``; raises ``StoreError``."""
        try:
            self._writer = self._connect()
            if not create and self._writer.execute("SELECT 1 FROM sqlite_schema").fetchone() is None:
                # A backup that failed leaves such a file. A gateway that began in it would use its numbers again.
                raise StoreError(EMPTY, RESTORE)
            migrate(self._writer, now)
            self._writer.execute(_WAIT_NEVER)
            with suppress(sqlite3.Error):  # nothing is lost: the journal holds it, and a commit tries again
                _move(self._writer)
        except sqlite3.Error as error:
            text, hint = reason(error)
            raise StoreError(f"{self._path}: {text}", hint) from error
        except StoreError as error:
            raise StoreError(f"{self._path}: {error}", error.hint) from error

    def begin_at_once(self) -> bool:
        """Begin a batch and return True; False if another process is in one of its own. Raises ``BatchFailed``."""
        with self._whole():
            db = self._writing()
            try:
                self._begin(db)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                return False
        return True

    def begin(self) -> None:
        """Begin a batch, once no other process is in the middle of one: this waits. Raises ``BatchFailed``."""
        with self._whole(), self._patient() as db:
            self._begin(db)

    def _begin(self, db: sqlite3.Connection) -> None:
        if db.in_transaction:  # a batch whose loop ended half-way
            db.execute("ROLLBACK")
        db.execute("BEGIN IMMEDIATE")

    def transact(self, units: Sequence[Unit[Any]]) -> list[Committed | Exception] | None:
        """
        Run the units of the batch that was begun and return what became of each, in order.

        Returns ``None`` if one failed and the batch has to begin anew, to be run with care. Raises ``BatchFailed`` if
        the batch as a whole was rolled back.
        """
        with self._whole():
            db = self._writing()
            if self._careful or len(units) == 1:
                self._careful = max(self._careful - 1, 0)
                return self._transact(db, units, careful=True)
            made = self._transact(db, units, careful=False)
            if made is None:
                self._careful = CAREFUL_BATCHES + 1  # this one again, and those after it
            return made

    def end(self, outcomes: list[Committed | Exception]) -> list[Committed | Exception]:
        """Commit the batch and return ``outcomes``, which hold from then on. Raises ``BatchFailed``."""
        with self._whole():
            self._writing().execute("COMMIT")
        return outcomes

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Roll the whole batch back for whatever is raised within; raise ``BatchFailed`` for what is ours to say."""
        try:
            yield
        except sqlite3.Error as error:
            self._abandon()
            raise BatchFailed(unavailable(error)) from error
        except Unavailable as error:
            self._abandon()
            raise BatchFailed(error) from error
        except BaseException:
            self._abandon()
            raise

    def read(self, unit: Unit[T]) -> T:
        """Run a unit in a transaction that only reads."""
        try:
            db = self._reading()
            db.execute("BEGIN DEFERRED")
        except sqlite3.Error as error:
            self._drop_reader()
            raise unavailable(error) from error
        tx = SqliteTx(db, writable=False)
        try:
            return finish(unit(tx))
        finally:
            tx.close()
            if tx.failure is None:
                db.execute("ROLLBACK")
            else:
                self._drop_reader()

    def checkpoint(self) -> None:
        """Move what the journal holds into the file, beside a writer and without waiting for one."""
        try:
            with closing(self._connect()) as db:
                _move(db)
        except sqlite3.Error as error:
            raise unavailable(error) from error

    def truncate(self) -> None:
        """Checkpoint everything and cut the journal to nothing; raises ``Unavailable`` while somebody reads."""
        try:
            with self._patient() as db:
                busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        if busy:
            raise Unavailable("another process reads the store", "end the other process, or try again later")

    def close(self) -> None:
        """Close both connections; the last one to close empties the journal."""
        self._closed = True
        self._drop_reader()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _transact(
        self, db: sqlite3.Connection, units: Sequence[Unit[Any]], *, careful: bool
    ) -> list[Committed | Exception] | None:
        """Run ``units`` and log what they drafted; without ``careful``, return ``None`` at the first that fails."""
        batch = SqliteTx(db, writable=True)
        epoch, newest = db.execute(_STANDS).fetchone()  # once, for all units of the batch
        check_known(newest)  # a command of a newer version may have migrated the file under this process
        drafted: set[tuple[str, str]] = set()
        logged: set[str] = set()
        values: list[tuple[Any, int | None] | Exception] = []
        for unit in units:
            tx = SqliteTx(db, writable=True, epoch=int(epoch or 1), known=None if careful else batch.known)
            outcome = _run_unit(db, unit, tx, drafted, logged, careful=careful)
            if isinstance(outcome, Exception):
                if not careful:
                    return None
                values.append(outcome)
                continue
            first = next((at for at, draft in enumerate(tx.drafts) if draft.claims is not None), None)
            values.append((outcome[0], None if first is None else len(batch.drafts) + first))
            batch.drafts.extend(tx.drafts)
        signed = finish(batch.log(self._sign_batch)) if batch.drafts else None
        return [_committed(value, signed) for value in values]

    def _writing(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable("the store is closed", "start the gateway again")
        if self._writer is None:
            self._writer = self._connect()
            self._writer.execute(_WAIT_NEVER)
        return self._writer

    @contextmanager
    def _patient(self) -> Iterator[sqlite3.Connection]:
        """Yield the writer, which waits within for what another process holds."""
        db = self._writing()
        db.execute(_WAIT)
        try:
            yield db
        finally:
            db.execute(_WAIT_NEVER)

    def _reading(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable("the store is closed", "start the gateway again")
        if self._reader is None:
            self._reader = self._connect()
            self._reader.execute("PRAGMA query_only = ON")
        return self._reader

    def _connect(self) -> sqlite3.Connection:
        return connect(self._path)

    def _abandon(self) -> None:
        """Roll back; a connection that cannot even do that is replaced at the next batch."""
        if self._writer is None:
            return
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            self._writer.close()
            self._writer = None

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


_databases = count(1)


class MemoryEngine(Engine):
    """As ``Engine``, over a database in memory, which is there for as long as the store is open."""

    def __init__(self, sign_batch: SignBatch) -> None:
        super().__init__(Path(f"memory-{next(_databases)}"), sign_batch)

    def _connect(self) -> sqlite3.Connection:
        return _connect(f"file:/{self._path}?vfs=memdb")


async def open_store(
    path: Path,
    *,
    run: Run,
    sign_batch: SignBatch,
    now: datetime,
    create: bool = False,
    aside: Run | None = None,
    on_failure: Callable[[Unavailable], None] = lambda _: None,
    queue_max: int = QUEUE_MAX,
) -> SqliteStore:
    """
    Open the store at ``path``, bringing its schema to the present.

    Args:
        path: the file; beside it stand ``-wal`` and ``-shm``.
        run: calls all work of the store, one at a time.
        sign_batch: signs each batch that logs something, inside its transaction.
        now: the instant to record for a migration applied.
        create: whether to make the file (mode 0600) if it is missing, and the schema in it if it is empty.
        aside: calls what may run beside all other work of the store; without it each commit keeps the journal short.
        on_failure: hears the cause of each batch that did not commit.
        queue_max: how many units may wait.

    Raises:
        StoreError: with the next step for an operator; nothing was changed.
    """
    _check_file(path, create)
    engine = Engine(path, sign_batch)
    try:
        await run(lambda: engine.open(now, create=create))
    except BaseException:
        await run(engine.close)
        raise
    return SqliteStore(engine, run, aside=aside, on_failure=on_failure, queue_max=queue_max)


def open_memory(*, sign_batch: SignBatch, now: datetime) -> SqliteStore:
    """
    Open an empty store in memory, whose work is done at once and on the loop: for tests and simulation.

    It is closed with the last that holds it, if nobody closes it before. ``sign_batch`` and ``now`` are those of
    ``open_store``.
    """
    engine = MemoryEngine(sign_batch)
    engine.open(now)
    store = SqliteStore(engine, run_inline)
    weakref.finalize(store, engine.close)
    return store


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection with the store's settings; raises ``sqlite3.Error``."""
    return _connect(f"{path.absolute().as_uri()}?mode=rw")


def _connect(uri: str) -> sqlite3.Connection:
    # Threads: `run` keeps calls apart, so the connection may be opened in one thread and used in another.
    db = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        for pragma in PRAGMAS:
            db.execute(pragma).fetchall()
    except sqlite3.Error:
        db.close()
        raise
    return db


def _move(db: sqlite3.Connection) -> None:
    """Move what the journal holds into the file as far as nobody is in the way, waiting for nobody."""
    db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _check_file(path: Path, create: bool) -> None:
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent}: no such directory", "check data_dir in the configuration")
    if create and not path.exists():
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreError(f"{path}: cannot be created ({error.strerror})", "check the data directory") from error
    check_here(path)
    if not path.exists():
        hint = f"see that data_dir is right, and its disk mounted; only if it is lost {RESTORE}"
        raise StoreError(f"{path}: no such file", hint)
    if not path.is_file():
        raise StoreError(f"{path}: not a file", "check data_dir in the configuration")
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise StoreError(f"{path}: cannot be written", "check owner, mode and mount of the data directory")


def check_here(path: Path) -> None:
    """Raise ``StoreError`` if the store at ``path`` was moved away from: what stood beside it is elsewhere too."""
    if not path.exists() and path.with_name(path.name + ASIDE_FILE).exists():
        raise moved_to_a_server(str(path))


def _run_unit(
    db: sqlite3.Connection,
    unit: Unit[Any],
    tx: SqliteTx,
    drafted: set[tuple[str, str]],
    logged: set[str],
    *,
    careful: bool,
) -> tuple[Any] | Exception:
    """
    Run a unit and return (value,), or why it failed; with ``careful`` in a savepoint, to which a failure goes back.

    Raises what concerns the whole batch.
    """
    if careful:
        db.execute("SAVEPOINT unit")
    try:
        value = finish(unit(tx))
        finish(tx.check_drafts(drafted, logged))
    except Exception as error:
        if tx.failure is not None:
            raise tx.failure from error
        if careful:
            db.execute("ROLLBACK TO unit")
            db.execute("RELEASE unit")
        return error
    finally:
        tx.close()
    if tx.failure is not None:
        raise tx.failure
    if careful:
        db.execute("RELEASE unit")
    return (value,)


def _committed(value: tuple[Any, int | None] | Exception, signed: Signed | None) -> Committed | Exception:
    if isinstance(value, Exception):
        return value
    at = value[1]
    return Committed(value[0], None if at is None or signed is None else signed.answers[at])
