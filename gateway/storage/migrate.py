"""
Bring the schema of a store to the present.

Rule 1: a migration is one numbered file that is never edited once released; the table ``schema_migration`` keeps the
SHA-256 of each that was applied.
Rule 2: a store written by a newer program is refused, never guessed at.
Rule 3: after migrating, every table and index must be exactly what the migrations make.
Rule 4: a process writes nothing into a schema that a newer program made while it ran.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from gateway.services.ports import Outdated
from gateway.storage.errors import RESTORE, StoreError
from gateway.storage.query import Query

ALTERED = f"undo what was changed by hand; where that cannot be done, {RESTORE}"
"""What to do where somebody changed a schema: what is put back from a backup lacks what was stored since."""

LEDGER = "schema_migration"
ASIDE = "_moved"
ASIDE_FILE = ".moved"
"""Added to the names of the tables, and of the files, that ``isthmus store move`` moved away from."""

_LEDGER = """
CREATE TABLE schema_migration (
    number     INTEGER PRIMARY KEY,  -- Number of the migration, from 1.
    sha256     TEXT    NOT NULL,     -- SHA-256 of its file, in hexadecimal.
    applied_at INTEGER NOT NULL      -- When it was applied, in seconds since 1970-01-01T00:00:00Z.
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of SQL."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the file in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> tuple[str, ...]:
        """Return the statements one by one, so that all of them run inside one transaction."""
        return _statements(self.sql)


@cache
def _statements(sql: str) -> tuple[str, ...]:
    made, pending = list[str](), ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            made.append(pending)
            pending = ""
    return tuple(made)


@cache
def load_migrations(dialect: str = "sqlite") -> tuple[Migration, ...]:
    """Load the migrations of a dialect from the package, in order of their numbers."""
    folder = files("gateway.storage").joinpath("migrations", dialect)
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    made = [Migration(int(entry.name[:4]), entry.name, entry.read_bytes().decode()) for entry in found]
    return tuple(sorted(made, key=lambda migration: migration.number))


@cache
def _newest(dialect: str) -> int:
    return load_migrations(dialect)[-1].number


def check_known(number: int | None, dialect: str = "sqlite") -> None:
    """Raise ``Outdated`` if ``number``, of the last migration of a store that is open, is one of a newer program."""
    if number is not None and number > _newest(dialect):
        raise Outdated("a newer version has changed the schema", "start this process again in that version")


def migrate(db: sqlite3.Connection, now: datetime, migrations: Sequence[Migration] | None = None) -> int:
    """
    Apply what is missing, all in one transaction, and check the outcome.

    Args:
        db: an open connection without a transaction (``isolation_level=None``).
        now: the instant to record, aware.
        migrations: what to apply; the package's own if left out.

    Returns:
        How many migrations were applied.

    Raises:
        StoreError: a migration applied earlier was changed, is missing or is newer than this program; the file belongs
            to another program; or a table or index is not what the migrations make. Nothing was changed.
    """
    known = load_migrations() if migrations is None else migrations
    db.execute("BEGIN IMMEDIATE")
    try:
        applied = _apply(db, known, now)
        _check_schema(db, known)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return applied


def _apply(db: sqlite3.Connection, known: Sequence[Migration], now: datetime) -> int:
    if not _names(db):
        db.execute(_LEDGER)
    elif f"{LEDGER}{ASIDE}" in _names(db):
        raise moved_to_a_server("the file")
    elif LEDGER not in _names(db):
        raise StoreError("the file is a database of another program", "check data_dir in the configuration")
    recorded = dict(db.execute("SELECT number, sha256 FROM schema_migration ORDER BY number").fetchall())
    check_recorded(recorded, known)
    pending = [migration for migration in known if migration.number not in recorded]
    for migration in pending:
        for statement in migration.statements():
            db.execute(statement)
        row = (migration.number, migration.sha256, int(now.astimezone(UTC).timestamp()))
        db.execute("INSERT INTO schema_migration (number, sha256, applied_at) VALUES (?, ?, ?)", row)
    return len(pending)


def moved_to_a_server(what: str) -> StoreError:
    """
    Return what to say of a file that was moved away from, where the configuration still names it.

    A backup, or a new home, in its place would be served beside the database that it was moved to.
    """
    hint = (
        "name the database it was moved to as 'database' in the configuration; "
        f"where it was moved back since, {RESTORE}"
    )
    return StoreError(f"{what} was moved away from", hint)


def check_recorded(recorded: dict[int, str], known: Sequence[Migration]) -> None:
    """Raise ``StoreError`` unless what was applied (SHA-256 by number) is the beginning of ``known``."""
    by_number = {migration.number: migration for migration in known}
    newest = max(by_number, default=0)
    for number, sha256 in recorded.items():
        migration = by_number.get(number)
        if migration is None and number > newest:
            raise StoreError(
                f"the store has schema {max(recorded)}, this program knows up to {newest}",
                "install the newer version again",
            )
        if migration is None:
            raise StoreError(f"migration {number} of the store is missing here", "install the program again")
        if migration.sha256 != sha256:
            raise StoreError(
                f"migration {migration.name} is not the one applied to the store", "install the program again"
            )
    if set(recorded) != set(range(1, len(recorded) + 1)):
        raise StoreError("the store lacks a migration before its last", ALTERED)


def _check_schema(db: sqlite3.Connection, known: Sequence[Migration]) -> None:
    if (text := _altered(_schema(db), known)) is not None:
        raise StoreError(text, ALTERED)


def check_file(query: Query, known: Sequence[Migration]) -> None:
    """
    Raise ``StoreError`` if the file that ``query`` reads is not as ``known``, or the first of them, make it.

    One without any table is as none of them, and ``migrate`` makes them.
    """
    if not query(_SCHEMA):
        return
    recorded = dict(query("SELECT number, sha256 FROM schema_migration ORDER BY number"))
    check_recorded(recorded, known)
    if (text := _altered(_by_name(query(_SCHEMA)), known[: len(recorded)])) is not None:
        raise StoreError(text, ALTERED)


def altered(query: Query, known: Sequence[Migration]) -> str | None:
    """Return what of the file that ``query`` reads is not as ``known`` make it, for which no gateway starts over it."""
    return _altered(_by_name(query(_SCHEMA)), known)


def _altered(found: Mapping[tuple[str, str], str | None], known: Sequence[Migration]) -> str | None:
    expected = _made_by(tuple(known))
    for kind, name in expected:
        if (kind, name) not in found:
            return f"the store has no {kind} {name}"
        if expected[kind, name] != found[kind, name]:
            return f"{kind} {name} of the store was altered"
    for kind, name in found:
        if (kind, name) not in expected:
            return f"the store has a {kind} {name} that is not its own"
    return None


@cache
def _made_by(known: tuple[Migration, ...]) -> Mapping[tuple[str, str], str | None]:
    """Return the schema that ``known`` make, found by making it: once a process, for each store that is opened."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute(_LEDGER)
        for migration in known:
            for statement in migration.statements():
                db.execute(statement)
        return MappingProxyType(_schema(db))


def _names(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


# sqlite_stat1 and its like are made by ANALYZE, which an operator may run.
_SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'"


def _schema(db: sqlite3.Connection) -> dict[tuple[str, str], str | None]:
    return _by_name(db.execute(_SCHEMA))


def _by_name(rows: Iterable[Any]) -> dict[tuple[str, str], str | None]:
    return {(kind, name): sql for kind, name, sql in rows}
