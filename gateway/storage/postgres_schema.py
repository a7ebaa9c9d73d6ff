"""
Bring the schema of a PostgreSQL store to the present. The rules are those of ``migrate``.

What the tables are is compared by a digest over the catalogue, taken after the last migration and kept beside it:
columns with their types, and the names of indexes and constraints. It does not depend on the version of the server.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from gateway.storage.errors import RESTORE, StoreError
from gateway.storage.migrate import ALTERED, ASIDE, LEDGER, Migration, check_recorded, load_migrations
from gateway.storage.query import Query

DIALECT = "postgres"

SPACE, BATCH, LEAD, MIGRATING, RUNNING, DESKS = 0x49535448, 1, 2, 3, 4, 5
"""
The advisory locks of a batch, and of the node that leads (``postgres``); that under which one migrates while others
wait; that which every node that runs holds in common: for seconds after a leader has ended nobody leads; and that which
each transaction of desks that writes holds in common (``postgres_desks``).
"""

NEVER_S = 1e8
"""In place of the time-out of a statement, for one that must not be given up."""

# A migration takes as long as it takes, and so does whoever waits for it: one that was ended after half a minute would
# be begun anew at each start, for ever. For what others hold it waits as long as any batch.
_PATIENT = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"
_HASTY = "SET LOCAL lock_timeout = '5s'"

ELSEWHERE = f"""
SELECT schemaname FROM pg_tables WHERE tablename = '{LEDGER}' AND schemaname <> 'desks'
    AND schemaname IS DISTINCT FROM current_schema() LIMIT 1
"""  # noqa: S608  # a constant
"""Asked where there is no store: whether it lies in a schema in which this user does not look."""

DESKS_TABLES = "SELECT 1 FROM pg_tables WHERE schemaname = 'desks' LIMIT 1"
"""Asked whether the desks keep anything in the database."""

_LEDGER = """
CREATE TABLE schema_migration (
    number     BIGINT PRIMARY KEY,  -- Number of the migration, from 1.
    sha256     TEXT   NOT NULL,     -- SHA-256 of its file, in hexadecimal.
    applied_at BIGINT NOT NULL,     -- When it was applied, in seconds since 1970-01-01T00:00:00Z.
    shape      TEXT   NOT NULL      -- SHA-256 over the catalogue as it was then, in hexadecimal.
)
"""

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, coalesce(collation_name, '')
FROM information_schema.columns WHERE table_schema = current_schema() AND table_name IN (
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE')
ORDER BY table_name COLLATE "C", column_name COLLATE "C"
"""
_NAMES = """
SELECT c.relname, i.indisunique::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT conname, contype::text FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'f', 'p', 'u')
ORDER BY 1, 2
"""


async def migrate(db: Any, now: datetime, *, create: bool, migrations: Sequence[Migration] | None = None) -> int:
    """
    Apply what is missing, all in one transaction, and check the outcome; return how many were applied.

    ``db`` is an asyncpg connection outside any transaction; with ``create`` an empty schema is filled. Raises
    ``StoreError`` as ``gateway.storage.migrate.migrate`` does, and while nodes of the version before run: they would go
    on writing what it is migrated away from. Then nothing was changed. While another migrates this waits.
    """
    known = load_migrations(DIALECT) if migrations is None else migrations
    async with db.transaction():
        await db.execute(_PATIENT)
        await db.execute("SELECT pg_advisory_xact_lock($1, $2)", SPACE, MIGRATING, timeout=NEVER_S)
        await db.execute(_HASTY)
        tables = {
            name for (name,) in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname=current_schema()")
        }
        if LEDGER not in tables and not create and (schema := await db.fetchval(ELSEWHERE)) is not None:
            hint = (
                f"set search_path of this user, and of the database, so that it begins with {schema}; restore nothing"
            )
            raise StoreError(f"the store is in the schema {schema}, and this user looks in another one", hint)
        if not tables:
            if not create:
                hint = f"{RESTORE}; a new home is made by isthmus init"
                raise StoreError("the database holds no store", hint)
            await db.execute(_LEDGER)
        elif f"{LEDGER}{ASIDE}" in tables and LEDGER not in tables:
            hint = "take 'database' out of the configuration; a move needs an empty database"
            raise StoreError("the database was moved away from", hint)
        elif LEDGER not in tables:
            raise StoreError("the database belongs to another program", "give the gateway a database of its own")
        rows = await db.fetch("SELECT number, sha256, shape FROM schema_migration ORDER BY number")
        check_recorded({row[0]: row[1] for row in rows}, known)
        if rows and rows[-1][2] != await _shape(db):
            raise StoreError(f"a table or index of the store was altered{await _named(db, known)}", ALTERED)
        pending = known[len(rows) :]
        for lock in (LEAD, RUNNING) if pending and rows else ():
            if not await db.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", SPACE, lock):
                raise StoreError(
                    "nodes of an earlier version run over this database",
                    "stop every node, back up, then start them again",
                )
        for lock in (BATCH, DESKS) if pending and rows else ():
            # A node whose connection broke a moment ago holds none of those. What it has under way is waited for, and
            # its next batch, or what its desks write next, finds that the schema is another one.
            await db.execute("SELECT pg_advisory_xact_lock($1, $2)", SPACE, lock)
        for migration in pending:
            await db.execute(migration.sql, timeout=NEVER_S)
            values = (migration.number, migration.sha256, int(now.timestamp()), await _shape(db))
            await db.execute(
                "INSERT INTO schema_migration (number, sha256, applied_at, shape) VALUES ($1, $2, $3, $4)", *values
            )
    return len(pending)


async def _named(db: Any, known: Sequence[Migration]) -> str:
    """Return the names of what no migration makes, as a text to add; empty if all of it has names that are known."""
    said = {LEDGER, *re.findall(r"\w+", _LEDGER + " ".join(one.sql for one in known))}
    columns = [(table, f"{table}.{column}", column) for table, column, *_ in await db.fetch(_COLUMNS)]
    found = {table if table not in said else name for table, name, column in columns if not {table, column} <= said}
    indexes = {name for name, _ in await db.fetch(_NAMES)}
    found |= {name for name in indexes if name not in said and not _BY_ITSELF.search(name)}
    return f": {', '.join(sorted(found))}" if found else ""


_BY_ITSELF = re.compile(r"_(pkey|key|check|fkey)\d*$")
"""How the names end that PostgreSQL gives."""


def altered(query: Query, schema: str | None = None) -> str | None:
    """
    Return what is wrong where a schema is not as it was migrated, for which no gateway starts; ``None`` if it is, or is
    not there. It is that which ``query`` looks in, or the one of the name ``schema``.
    """
    within, place = (f"'{schema}'", f"{schema}.") if schema else ("current_schema()", "")
    ((there,),) = query(f"SELECT to_regclass('{place}{LEDGER}') IS NOT NULL")  # constants
    if not there:
        return None
    ((shape,),) = query(f"SELECT shape FROM {place}{LEDGER} ORDER BY number DESC LIMIT 1")  # noqa: S608  # constants
    found = [row for one in (_COLUMNS, _NAMES) for row in query(one.replace("current_schema()", within))]
    return None if shape == _digest(found) else f"a table or index of the {schema or 'store'} was altered"


async def _shape(db: Any) -> str:
    """Return the digest over the catalogue of the store's schema."""
    return _digest((*await db.fetch(_COLUMNS), *await db.fetch(_NAMES)))


def _digest(rows: Iterable[Any]) -> str:
    return hashlib.sha256(repr(sorted(tuple(row) for row in rows)).encode()).hexdigest()
