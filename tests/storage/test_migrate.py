"""Migrations: applied once, in order, whole, and refused where they do not fit."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.storage import StoreError
from gateway.storage.migrate import Migration, load_migrations, migrate
from tests.storage.support import NOW

FIRST = Migration(1, "0001_first.sql", "-- A comment; with a semicolon.\nCREATE TABLE a (x TEXT) STRICT;\n")
SECOND = Migration(2, "0002_second.sql", "CREATE TABLE b (x TEXT) STRICT;\nCREATE INDEX b_x ON b (x);\n")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty database."""
    made = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    yield made
    made.close()


def tables(db: sqlite3.Connection) -> set[str]:
    """Return the names of the tables."""
    return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_migrations_are_applied_once(db: sqlite3.Connection) -> None:
    """Each migration is applied once and recorded with number, SHA-256 and time."""
    assert 1 == migrate(db, NOW, [FIRST])
    assert 1 == migrate(db, NOW, [FIRST, SECOND])
    assert 0 == migrate(db, NOW, [FIRST, SECOND])
    recorded = db.execute("SELECT number, sha256, applied_at FROM schema_migration ORDER BY number").fetchall()
    at = int(NOW.timestamp())
    assert [(1, FIRST.sha256, at), (2, SECOND.sha256, at)] == recorded


def test_package_migrations_are_numbered_without_gaps() -> None:
    """The package's own migrations count from 1."""
    found = load_migrations()
    assert list(range(1, len(found) + 1)) == [migration.number for migration in found]


def test_a_collect_that_a_log_tells_of_is_told_apart(db: sqlite3.Connection) -> None:
    """It has the code from then on without which it would be deleted (0015)."""
    migrate(db, NOW, load_migrations()[:14])
    for digest in ("logged", "not"):
        db.execute(
            "INSERT INTO inbound (partner, id, digest, envelope_id, epoch, type, status, received_at, expires_at) "
            "VALUES ('XBB', ?1, ?1, x'00', 1, 'collect', 'accepted', 0, 0)",
            (digest,),
        )
    db.execute(
        "INSERT INTO log_entry (origin, idx, receipt, r, leaf, direction, digest, at) "
        "VALUES ('o', 0, x'', zeroblob(32), zeroblob(32), 'issued', 'logged', 0)"
    )
    migrate(db, NOW)
    assert [("id-reuse",), (None,)] == db.execute("SELECT code FROM inbound ORDER BY n").fetchall()


def test_migration_is_applied_whole_or_not(db: sqlite3.Connection) -> None:
    """A migration that fails in the middle leaves nothing, nor do those before it in the same run."""
    broken = replace(SECOND, sql=SECOND.sql + "CREATE TABLE b (y TEXT);\n")
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, NOW, [FIRST, broken])
    assert set() == tables(db)


def test_each_column_has_a_sentence() -> None:
    """Every column of the schema has its sentence, ended by a full stop."""
    columns = re.compile(r"    [a-z_]+ +(TEXT|INTEGER|REAL|BLOB)\b")
    lines = load_migrations()[0].sql.splitlines()
    lacking = [
        line
        for line, following in pairwise(lines)
        if columns.match(line) and not re.search(r"-- [A-Z0-9].*\.$", line) and "CHECK" not in following
    ]
    assert [] == lacking


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        ("UPDATE schema_migration SET sha256 = 'other' WHERE number = 1", "not the one applied"),
        ("INSERT INTO schema_migration VALUES (3, 'x', 0)", "schema 3, this program knows up to 2"),
        ("DELETE FROM schema_migration WHERE number = 1", "lacks a migration"),
        ("DROP TABLE a", "no table a"),
        ("DROP INDEX b_x", "no index b_x"),
        ("ALTER TABLE a ADD COLUMN y TEXT", "table a of the store was altered"),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END", "trigger t that is not its own"),
    ],
)
def test_spoilt_store_is_refused(db: sqlite3.Connection, spoil: str, text: str) -> None:
    """A store whose schema is not what the migrations make is refused in one line, with a hint."""
    migrate(db, NOW, [FIRST, SECOND])
    db.execute(spoil)
    with pytest.raises(StoreError, match=text) as caught:
        migrate(db, NOW, [FIRST, SECOND])
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_migration_missing_here_is_refused(db: sqlite3.Connection) -> None:
    """A store with a migration that this program lacks, though it has later ones, is refused."""
    migrate(db, NOW, [FIRST, SECOND])
    with pytest.raises(StoreError, match="migration 1 of the store is missing"):
        migrate(db, NOW, [SECOND])


def test_statistics_are_no_fault(db: sqlite3.Connection) -> None:
    """An operator may run ANALYZE."""
    migrate(db, NOW, [FIRST, SECOND])
    db.execute("INSERT INTO b VALUES ('x')")
    db.execute("ANALYZE")
    assert 0 == migrate(db, NOW, [FIRST, SECOND])


def test_database_of_another_program_is_refused(db: sqlite3.Connection) -> None:
    """A database with tables but no record of migrations is refused and left as it is."""
    db.execute("CREATE TABLE song (title TEXT)")
    with pytest.raises(StoreError, match="another program"):
        migrate(db, NOW, [FIRST])
    assert {"song"} == tables(db)


def test_digests_of_bodies_that_stood_in_clear_are_struck(db: sqlite3.Connection) -> None:
    """Those of messages and of notes stay, for they cover something random."""
    before = [one for one in load_migrations() if one.number < 10]
    migrate(db, NOW, before)
    steps = [
        ("approve", "liaison_officer", None),
        ("reply", "partner", "m"),
        ("receipt", "gateway", "r"),
        ("escalate_l4", "foreign_affairs", "n"),
    ]
    for event, role, kept in steps:
        db.execute(
            "INSERT INTO case_event (ref, at, event, actor, role, source, target, digest)"
            " VALUES ('a', 0, ?, '', ?, '', '', ?)",
            (event, role, kept or "body"),
        )
    migrate(db, NOW)
    assert steps == db.execute("SELECT event, role, digest FROM case_event ORDER BY n").fetchall()


def test_stored_cases_say_where_a_word_may_be_due(db: sqlite3.Connection) -> None:
    """By their steps, until each is saved again: of none too few, and of none that is over without something asked."""
    migrate(db, NOW, [one for one in load_migrations() if one.number < 13])
    stored = [
        ("DRAFT", "", 1),
        ("SENT", "prepare send", 0),
        ("NEEDS_TIER2", "send reply prepare", 1),
        ("FROZEN", "freeze propose_resume", 1),
        ("FROZEN", "freeze prepare", 0),
        ("REPLIED", "prepare_rectification rectify", 0),
        ("REPLIED", "rectify prepare_rectification", 1),
        ("CLOSED", "prepare_rectification close", 0),
        ("CLOSED", "use_request erasure report_use", 2),
        ("CLOSED", "rectification confirm", 0),
        ("BLOCKED", "use_request", 0),
        ("ERASED", "erasure", 0),
        ("ACKNOWLEDGED", "prepare onward_request", 3),
    ]
    for at, (state, steps, _) in enumerate(stored):
        db.execute(
            "INSERT INTO case_file (ref, side, partner, thread, state, reminders, extended, delay_notice, opened_at,"
            " changed_at, version) VALUES (?, '', '', '', ?, 0, 0, 0, 0, 0, 1)",
            (str(at), state),
        )
        for step in steps.split():
            db.execute(
                "INSERT INTO case_event (ref, at, event, actor, role, source, target) VALUES (?, 0, ?, '', '', '', '')",
                (str(at), step),
            )
    migrate(db, NOW)
    found = db.execute("SELECT words FROM case_file ORDER BY n").fetchall()
    assert [(words,) for _, _, words in stored] == found
