"""What only the desks' own file can show: how it is kept, and what is refused to be opened."""

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.services.account_store import DRAFT_LASTS
from gateway.services.ports import Outdated, Unavailable
from gateway.storage import sqlite_desks
from gateway.storage.errors import StoreError
from gateway.storage.migrate import Migration, load_migrations, migrate
from gateway.storage.sqlite_desks import SqliteDesks

PRAGMAS = ("journal_mode", "synchronous", "secure_delete")
T0 = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "desks.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteDesks]:
    """A new file, open."""
    made = await SqliteDesks.open(path, T0)
    yield made
    await made.close()


async def test_every_commit_is_on_the_disk(store: SqliteDesks, path: Path) -> None:
    """The file is in WAL mode with full synchronisation, overwrites what is deleted, and is its owner's alone."""
    rows = [list(await store._db.execute_fetchall(f"PRAGMA {name}")) for name in PRAGMAS]
    assert [[("wal",)], [(2,)], [(1,)]] == [[tuple(row) for row in one] for one in rows]
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


async def test_journal_is_cut_once_nobody_reads_it(
    store: SqliteDesks, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deleted stands in it until then, and whoever cuts it learns that it does."""
    monkeypatch.setattr(sqlite_desks, "BUSY_TIMEOUT_MS", 100)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM draft").fetchall()
        await store.add_draft("first", "/cases/1", b"what was typed", T0 + DRAFT_LASTS)
        await store.drop_drafts("/cases/1")
        with pytest.raises(Unavailable, match="reads"):
            await store.truncate()
        reader.execute("COMMIT")
        await store.truncate()
        assert not [one for one in path.parent.glob("desks.db*") if b"what was typed" in one.read_bytes()]


async def test_nobody_at_a_desk_waits_for_who_reads_the_journal(store: SqliteDesks, path: Path) -> None:
    """While another process reads the file people go on, and the journal is cut once it has read."""
    await store.add_draft("first", "/cases/1", b"what was typed", T0 + DRAFT_LASTS)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM draft").fetchall()
        await store.drop_drafts("/cases/1")
        cutting = asyncio.create_task(store.truncate())
        await asyncio.sleep(0.1)
        async with asyncio.timeout(60):  # who waited for the reader would wait without end
            await store.add_draft("first", "/cases/2", b"what else", T0 + DRAFT_LASTS)
        assert not cutting.done()
        reader.execute("COMMIT")
        await cutting
    assert 0 == path.with_name("desks.db-wal").stat().st_size


async def test_page_for_which_nothing_is_kept_waits_for_nobody(store: SqliteDesks, path: Path) -> None:
    """Every page asks for what was typed there: where nothing was, it looks while another process writes."""
    await store.add_draft("first", "/cases/1", b"what was typed", T0 + DRAFT_LASTS)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        for person, place in (("first", "/cases/2"), ("second", "/cases/1")):
            assert await store.take_draft(person, place, T0) is None
        writer.execute("ROLLBACK")
    assert b"what was typed" == await store.take_draft("first", "/cases/1", T0)


async def test_altered_file_is_refused(store: SqliteDesks, path: Path) -> None:
    """A column that is not ours, or a file of a newer program, is not opened."""
    await store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE session ADD COLUMN name TEXT")
        db.commit()
    with pytest.raises(StoreError, match="session"):
        await SqliteDesks.open(path, T0)


async def test_file_of_another_program_is_refused(path: Path) -> None:
    """Nothing is made in a file that is not ours."""
    path.write_bytes(b"something else, and long enough to be looked at" * 50)
    with pytest.raises(StoreError):
        await SqliteDesks.open(path, T0)


async def test_missing_folder_is_said(tmp_path: Path) -> None:
    """Where the file cannot be, the operator learns it."""
    with pytest.raises(StoreError, match="cannot be opened"):
        await SqliteDesks.open(tmp_path / "none" / "desks.db", T0)


async def test_nothing_is_written_into_a_schema_of_a_newer_version(store: SqliteDesks, path: Path) -> None:
    """A command of a newer version migrates the file while a gateway of the older one runs: that writes no more."""
    newer = Migration(len(load_migrations("desks")) + 1, "9999.sql", "CREATE TABLE newer (x TEXT) STRICT;")
    await store.add_draft("first", "/place", b"sealed", T0 + DRAFT_LASTS)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, T0, [*load_migrations("desks"), newer])
        for write in (store.add_draft("second", "/place", b"sealed", T0 + DRAFT_LASTS), store.sign_everybody_out()):
            with pytest.raises(Outdated, match="newer version"):
                await write
        assert [("first",)] == db.execute("SELECT person FROM draft").fetchall()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "COMMIT"])
async def test_who_is_cancelled_while_the_file_is_busy_stays_so(store: SqliteDesks, statement: str) -> None:
    """A unit that is cancelled as it begins or ends is cancelled and not unavailable, and leaves no transaction."""
    loop, cancelled = asyncio.get_running_loop(), threading.Event()

    def cancel() -> None:
        unit.cancel()
        loop.call_later(0.05, cancelled.set)  # once it has seen that, and asked for what it asks for then

    def hold_up(begun: str) -> None:
        if begun == statement and not cancelled.is_set():
            loop.call_soon_threadsafe(cancel)
            assert cancelled.wait(10)

    await store._db.set_trace_callback(hold_up)
    unit = asyncio.create_task(store.sign_everybody_out())
    await asyncio.wait({unit}, timeout=10)
    assert unit.cancelled()
    assert not store._db.in_transaction
    assert 0 == await store.sign_everybody_out()
