"""
Copy what a gateway keeps, row for row, from SQLite to PostgreSQL or back, and prove that nothing was lost.

Rule 1: the target is empty, or a database that holds the same already, and filled in one transaction; a file has
another name until it is whole.
Rule 2: a table is the same if both sides, read in the order of the primary key, give one count and one SHA-256 over
every value of every row.
Rule 3: the end of each log is derived anew from the leaves in the target.
Rule 4: nobody else writes to either side meanwhile.
Rule 5: what was moved away from is set aside, or two stores would go on giving the same numbers to the same partners.
Rule 6: whatever fails, one side is whole, and told which; no copy is removed before the other is known to be served.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from gateway.core.merkle import Frontier
from gateway.services.ports import Unavailable
from gateway.storage.errors import StoreError, reason
from gateway.storage.migrate import ASIDE, ASIDE_FILE, LEDGER, load_migrations, migrate, moved_to_a_server
from gateway.storage.postgres import BATCH, LEAD, SPACE, check_server
from gateway.storage.postgres_desks import SCHEMA, prepare
from gateway.storage.postgres_errors import LOST, begin_session
from gateway.storage.postgres_errors import reason as postgres_reason
from gateway.storage.postgres_schema import migrate as migrate_postgres
from gateway.storage.sql import Row
from gateway.storage.sqlite import connect

READ_AT_ONCE = 16
"""Rows read at once: the largest hold a message of some megabytes."""

PUT_ROWS, PUT_BYTES = 2000, 8 << 20
"""How many rows, or bytes in them, are gathered before they are written."""

JOURNALS = "with what lies beside it under its name and -wal or -shm"
"""Of each file that is taken away: a journal that stays replaces what the next file of that name holds."""


class Differs(Exception):
    """Say that the target does not hold what the source does; nothing was kept of it, and the source is as it was."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns in one order for both sides, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def query(self) -> str:
        """Return the statement that reads it whole, in the order of its primary key."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name} ORDER BY {', '.join(self.key)}"  # noqa: S608  # names of the schema


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: how many rows, and the SHA-256 over all of them in hexadecimal."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Files:
    """Where SQLite keeps what a gateway keeps: the store, and what the desks keep, which need not be there."""

    store: Path
    desks: Path


class Side(Protocol):
    """One database inside a transaction."""

    def rows(self, table: Table) -> AsyncIterator[Sequence[Row]]:
        """Yield the rows of a table in the order of its primary key, some at a time."""
        ...

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a table."""
        ...


class SqliteSide:
    """A file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    async def rows(self, table: Table) -> AsyncIterator[Sequence[Row]]:
        """Yield the rows of a table in the order of its primary key, some at a time."""
        cursor = self._db.execute(table.query)
        while found := cursor.fetchmany(READ_AT_ONCE):
            yield found

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a table."""
        marks = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608  # names of the schema
        self._db.executemany(statement, rows)

    def tables(self) -> list[Table]:
        """Return the tables in the order in which they were made, so that no row comes before one that it names."""
        names = self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall()
        return [self._table(name) for (name,) in names if name != LEDGER and not name.startswith("sqlite_")]

    def _table(self, name: str) -> Table:
        columns = self._db.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()
        key = sorted((place, column) for column, place in columns if place)
        return Table(name, tuple(column for column, _ in columns), tuple(column for _, column in key))


class PostgresSide:
    """A schema: the one that the connection looks in."""

    def __init__(self, db: Any) -> None:
        self._db = db

    async def rows(self, table: Table) -> AsyncIterator[Sequence[Row]]:
        """Yield the rows of a table in the order of its primary key, some at a time."""
        cursor = await self._db.cursor(table.query)
        while found := await cursor.fetch(READ_AT_ONCE):
            yield [tuple(row) for row in found]

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a table."""
        await self._db.copy_records_to_table(table.name, records=rows, columns=table.columns)

    async def is_empty(self, tables: Sequence[Table]) -> bool:
        """Return whether no table has a row; raise ``StoreError`` unless there are just these, with these columns."""
        rows = await self._db.fetch(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND is_generated = 'NEVER'"
        )
        found = {(table, column) for table, column in rows if table != LEDGER}
        if found != {(table.name, column) for table in tables for column in table.columns}:
            raise StoreError("the two stores do not have the same tables", "start the gateway once with this version")
        for table in tables:
            if await self._db.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table.name})"):  # noqa: S608  # names of the schema
                return False
        return True

    async def number_on(self, tables: Sequence[Table]) -> None:
        """Let what is added next get a number behind the last one copied."""
        for table in tables:
            key = table.key[0]
            sequence = await self._db.fetchval("SELECT pg_get_serial_sequence($1, $2)", table.name, key)
            if sequence is not None:
                last = f"SELECT setval($1::text::regclass, coalesce(max({key}), 1), max({key}) IS NOT NULL)"
                await self._db.fetchval(f"{last} FROM {table.name}", sequence)


async def to_postgres(files: Files, dsn: str, now: datetime) -> Mapping[str, Content]:
    """
    Copy what is in ``files`` into the empty database at ``dsn``, set the files aside, and return what was copied.

    A database that holds the very same already is left as it is: a move was cut off before the files were set aside.
    Raises ``Differs``, ``StoreError`` and ``Unavailable``; then nothing was changed, or it is said that the database
    holds everything and is to be served.
    """
    made: dict[str, Content] = {}
    moved = False
    try:
        with _told(), _held(files.store, "sqlite") as store, _held(files.desks, "desks") as desks:
            if store is None:
                if files.store.with_name(files.store.name + ASIDE_FILE).exists():
                    raise moved_to_a_server(str(files.store))
                raise StoreError(f"{files.store}: no such file", "check data_dir in the configuration")
            async with _connected(dsn) as db:
                async with db.transaction():
                    await migrate_postgres(db, now, create=True)
                    made |= await _into_postgres(store, db)
                    if desks is not None:
                        await db.execute(f"SET LOCAL search_path TO {SCHEMA}")
                        await prepare(db, now)
                        made |= await _into_postgres(desks, db)
                moved = True
        for path in (files.store, files.desks):
            _set_aside(path)
    except (StoreError, OSError) as error:
        if not moved:
            raise
        hint = f"serve the database and nothing else, and move {files.store} and {files.desks} away, {JOURNALS}"
        raise StoreError(f"the database holds everything, and the files were not set aside: {error}", hint) from error
    return made


async def to_sqlite(dsn: str, files: Files, now: datetime) -> Mapping[str, Content]:
    """
    Copy what is in the database at ``dsn`` into ``files``, which are not there yet, and set its tables aside.

    Raises and returns as ``to_postgres`` does.
    """
    unfinished = files.store.parent / "moving"
    made: dict[str, Content] = {}
    with _told():
        async with _connected(dsn) as db:
            await _check_served(db, unfinished, files)
            # A journal that lies there is taken for that of the file that is put beside it, and replaces what it holds.
            beside = [f"{path}{end}" for path in (files.store, files.desks) for end in ("", "-wal", "-shm")]
            for path in map(Path, beside):
                if path.exists():
                    hint = f"move it away, {JOURNALS}, once you know that the database is served"
                    raise StoreError(f"{path}: is there already", hint)
            shutil.rmtree(unfinished, ignore_errors=True)  # of a copy that was cut off, and not the only one
            try:
                unfinished.mkdir(mode=0o700)
                schemas = [await db.fetchval("SELECT current_schema()")]
                async with db.transaction(isolation="repeatable_read", readonly=True):
                    made |= await _into_file(db, unfinished / files.store.name, "postgres", "sqlite", now)
                    if await db.fetchval("SELECT to_regnamespace($1)", SCHEMA) is not None:
                        schemas.append(SCHEMA)
                        await db.execute(f"SET LOCAL search_path TO {SCHEMA}")
                        made |= await _into_file(db, unfinished / files.desks.name, "postgres_desks", "desks", now)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            await _change_sides(db, dsn, schemas, unfinished, files, made)
    shutil.rmtree(unfinished, ignore_errors=True)
    return made


async def _check_served(db: Any, unfinished: Path, files: Files) -> None:
    """Raise ``StoreError`` unless the database holds a store; a copy that is the only one is said where it lies."""
    if await db.fetchval("SELECT to_regclass($1)", LEDGER) is not None:
        return
    if await db.fetchval("SELECT to_regclass($1)", LEDGER + ASIDE) is not None:
        if unfinished.exists():
            hint = f"what it held is whole in {unfinished}: move the files there one folder up, and serve them"
            raise StoreError("the database was moved away from, and the move was cut off at its end", hint)
        if files.store.exists():  # whoever was cut off did not see that it ended
            hint = f"take 'database' out of the configuration, and serve {files.store}"
            raise StoreError("the database was moved away from", hint)
    raise StoreError("the database holds no store", "check the address in the configuration")


async def _change_sides(
    db: Any, dsn: str, schemas: Sequence[str], unfinished: Path, files: Files, made: Mapping[str, Content]
) -> None:
    """
    Set the tables aside and put the files in their place: both, or neither. Raises ``Unavailable`` for neither.

    The files come first, and go back if the tables then stay: a copy that is in its place too early can be taken away
    again, and a source that was set aside without it leaves nothing to serve.
    """
    placed: list[Path] = []
    ending = False
    try:
        async with db.transaction():
            if SCHEMA in schemas:
                await _check_still(db, unfinished / files.desks.name, made)
            for schema in schemas:
                # Every table: a node that waits for the lock would go on writing where nobody looks any more.
                for (name,) in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema):
                    await db.execute(f'ALTER TABLE "{schema}"."{name}" RENAME TO "{name}{ASIDE}"')
            for path in (files.desks, files.store):
                if (unfinished / path.name).exists():
                    os.replace(unfinished / path.name, path)
                    placed.append(path)
            _sync(files.store.parent)
            ending = True
    except BaseException as error:
        db.terminate()
        aside = await _is_aside(dsn) if ending else False
        if aside:
            return  # it was committed, and the answer lost
        for path in placed:
            os.replace(path, unfinished / path.name)
        if placed:
            _sync(unfinished)  # first: after a power cut a file may have two names, and must have one
        _sync(files.store.parent)
        if aside is None:
            hint = f"if its tables end in _moved, move the files in {unfinished} one folder up, and serve them"
            raise StoreError("the database was lost as the move ended, and does not say how", hint) from error
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


async def _check_still(db: Any, copy: Path, made: Mapping[str, Content]) -> None:
    """
    Keep everybody from the tables of the desks, and raise ``Unavailable`` unless they are still as they were ``made``.

    Whoever takes a passkey away at the command line, or makes a link, takes none of the locks of a gateway.
    """
    with closing(connect(copy)) as file:
        tables = SqliteSide(file).tables()
    names = ", ".join(f"{SCHEMA}.{table.name}" for table in tables)
    await db.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    await db.execute(f"SET LOCAL search_path TO {SCHEMA}")
    for table in tables:
        if await _content(PostgresSide(db), table) != made[table.name]:
            raise Unavailable("somebody changed what the desks keep while it was copied", "move again")


async def _is_aside(dsn: str) -> bool | None:
    """Ask over a new connection whether the tables are set aside; ``None`` if it cannot be asked."""
    try:
        db = await asyncpg.connect(dsn, server_settings=_SETTINGS, timeout=10)
        try:
            # Held by the connection that was lost for as long as its commit may still be under way.
            await db.fetchval("SELECT pg_advisory_lock($1, $2)", SPACE, LEAD)
            return bool(await db.fetchval("SELECT count(*) FROM pg_tables WHERE tablename = $1", LEDGER + ASIDE))
        finally:
            await db.close(timeout=5)
    except (asyncpg.PostgresError, *LOST):
        return None


async def check_stopped(dsn: str) -> None:
    """Check that nobody of ours uses the database at ``dsn``. Raises ``Unavailable`` if a node does, ``StoreError``."""
    with _told():
        async with _connected(dsn):
            pass


async def _into_postgres(source: SqliteSide, db: Any) -> dict[str, Content]:
    tables, target = source.tables(), PostgresSide(db)
    empty = await target.is_empty(tables)
    try:
        made = await _copy(source, target, tables, fill=empty)
    except Differs as error:
        if empty:
            raise
        hint = (
            "create another one for the gateway alone; where a move into this one was cut off, and it was never served "
            "since, it may be dropped"
        )
        raise StoreError("the database is not empty, and does not hold what the file does", hint) from error
    await target.number_on(tables)
    return made


async def _into_file(db: Any, path: Path, dialect: str, files: str, now: datetime) -> dict[str, Content]:
    _check_present(await db.fetch(f"SELECT number, sha256 FROM {LEDGER}"), dialect)  # noqa: S608  # a constant
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(connect(path)) as file:
        migrate(file, now, load_migrations(files))
        file.execute("BEGIN IMMEDIATE")
        side = SqliteSide(file)
        made = await _copy(PostgresSide(db), side, side.tables())
        file.execute("COMMIT")
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return made


async def _copy(source: Side, target: Side, tables: Sequence[Table], *, fill: bool = True) -> dict[str, Content]:
    """
    Copy ``tables`` and return what each holds. Raises ``Differs`` unless both sides hold the same.

    Without ``fill`` they are compared alone: another move that was cut off has copied them.
    """
    made = {table.name: await _content(source, table, target if fill else None) for table in tables}
    for table in tables:
        if await _content(target, table) != made[table.name]:
            raise Differs(f"the table {table.name} is not what it was")
    if "log_head" in made:
        await _check_logs(target)
    return made


async def _content(side: Side, table: Table, target: Side | None = None) -> Content:
    """Read a table to its end, adding its rows to ``target`` if there is one, and return what it holds."""
    count, digest = 0, hashlib.sha256()
    gathered, size = list[Row](), 0
    async for part in side.rows(table):
        for row in (tuple(map(_plain, one)) for one in part):
            raw = b"".join(map(_canonical, row))
            digest.update(raw)
            count += 1
            if target is not None:
                gathered.append(row)
                size += len(raw)
        if target is not None and (len(gathered) >= PUT_ROWS or size >= PUT_BYTES):
            await target.put(table, gathered)
            gathered, size = [], 0
    if target is not None and gathered:
        await target.put(table, gathered)
    return Content(count, digest.hexdigest())


def _plain(value: Any) -> Any:
    """Return a number that is whole as one: an instant is whole seconds on one side and has a fraction on the other."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _canonical(value: Any) -> bytes:
    """Return bytes that no other value has, nor values side by side: kind, length, content."""
    if isinstance(value, bytes):
        return b"b%d:" % len(value) + value
    raw = b"" if value is None else str(value).encode()
    return b"%s%d:" % (type(value).__name__[0].encode(), len(raw)) + raw


async def _check_logs(side: Side) -> None:
    """Derive the end of each log anew from its leaves. Raises ``Differs`` if it is another than the one stored."""
    ends: dict[str, Frontier] = {}
    async for part in side.rows(Table("log_entry", ("origin", "idx", "leaf"), ("origin", "idx"))):
        for origin, rows in groupby(part, itemgetter(0)):
            ends[origin] = ends.get(origin, Frontier()).append([leaf for _, _, leaf in rows])
    async for part in side.rows(Table("log_head", ("origin", "size", "hashes"), ("origin",))):
        for origin, size, hashes in part:
            end = ends.get(origin, Frontier())
            if (end.size, b"".join(end.hashes)) != (size, hashes):
                raise Differs(f"the end of the log {origin} does not follow from its entries")


def _check_present(applied: Iterable[Any], dialect: str) -> None:
    """Raise ``StoreError`` unless the migrations applied, (number, SHA-256), are those of this program."""
    if {(number, sha256) for number, sha256 in applied} != {
        (one.number, one.sha256) for one in load_migrations(dialect)
    }:
        raise StoreError("the store is of another version of this program", "start the gateway once with this version")


@contextmanager
def _held(path: Path, dialect: str) -> Iterator[SqliteSide | None]:
    """Keep everybody else from writing to a file while the block runs; yield ``None`` if there is none."""
    aside = path.with_name(path.name + ASIDE_FILE)
    if not path.exists():
        yield None
        return
    if aside.exists():
        hint = f"destroy it, or move it away, {JOURNALS}, once you know what it is"
        raise StoreError(f"{aside}: is there already", hint)
    with closing(connect(path)) as db:
        db.execute("BEGIN IMMEDIATE")
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if LEDGER not in names and f"{LEDGER}{ASIDE}" in names:
            # Its tables are set aside once the database has committed, so that is known to be whole.
            hint = f"serve the database that it was moved to, which holds everything, and move {path} away, {JOURNALS}"
            raise StoreError(f"{path} was moved away from, and the move was cut off at its end", hint)
        _check_present(db.execute(f"SELECT number, sha256 FROM {LEDGER}"), dialect)  # noqa: S608  # a constant
        yield SqliteSide(db)
        _rename_tables(db)
        db.execute("COMMIT")


def _rename_tables(db: sqlite3.Connection) -> None:
    """Set every table aside: whoever waits for the lock would go on writing where nobody looks any more."""
    tables = db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    for (name,) in tables.fetchall():
        db.execute(f'ALTER TABLE "{name}" RENAME TO "{name}{ASIDE}"')


def _set_aside(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + end), path.with_name(path.name + ASIDE_FILE + end))
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Any]:
    """Connect to a database that nobody else of ours uses, and keep them out while the block runs."""
    db = await asyncpg.connect(dsn, server_settings=_SETTINGS, timeout=10)
    try:
        try:
            await begin_session(db)
        except Unavailable as error:
            raise StoreError(str(error), error.hint) from error
        await check_server(db)
        for lock in (LEAD, BATCH):
            if not await db.fetchval("SELECT pg_try_advisory_lock($1, $2)", SPACE, lock):
                raise Unavailable(
                    "a gateway, or another move, runs over this database", "stop every node first, or let that move end"
                )
        if others := await db.fetchval(_OTHERS):
            raise Unavailable(f"the database has {others} other connections of a gateway", "stop every node first")
        yield db
    finally:
        await db.close(timeout=5)


@contextmanager
def _told() -> Iterator[None]:
    """Translate errors of either database at the edge."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(*reason(error)) from error
    except (asyncpg.PostgresError, *LOST) as error:
        if getattr(error, "filename", None):
            raise  # of a file, and it says which
        raise StoreError(*postgres_reason(error)) from error


_SETTINGS = {
    "application_name": "isthmus move",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "lock_timeout": "5s",
    # Whatever the server says: a copy takes as long as it takes.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'isthmus%'
"""
