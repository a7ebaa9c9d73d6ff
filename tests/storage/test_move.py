"""Moving a store there and back: nothing is lost, nothing is mixed, and what stands in the way is told."""

import asyncio
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.person_keys import PersonValue, Use
from gateway.services.account_store import CodeSecret, Snooze, Work
from gateway.services.ports import Tx, Unavailable
from gateway.services.rows import (
    AccessRow,
    ApartRow,
    ConflictRow,
    KeptRow,
    NoContactRow,
    OpeningRow,
    PartnerRow,
    ReleaseRow,
    SealingEnd,
    TrustEvent,
    WitnessedRow,
)
from gateway.storage import StoreError, move, open_store, run_inline
from gateway.storage.move import Differs, Files, to_postgres, to_sqlite
from gateway.storage.postgres import open_postgres
from gateway.storage.sqlite_desks import SqliteDesks
from tests.storage.commit_line import Line
from tests.storage.desk_rows import APPROVAL, INVITATION, LINK, PASSKEY, session
from tests.storage.support import EMPTY_LOG, NOW, Signer, accept, case, digest, event, inbound, outbound, thread
from tests.support.full_disk import files_of_at_most, watched
from tests.support.postgres import Cluster


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Where SQLite keeps it."""
    return Files(tmp_path / "gateway.db", tmp_path / "desks.db")


@pytest.fixture
async def empty(postgres: Cluster) -> str:
    """The address of a database without a table."""
    return await asyncio.to_thread(postgres.create)


async def fill(files: Files) -> None:
    """Put something into every table, with what a move could spoil: fractions, bytes of every kind, accents, NULL."""
    store = await open_store(files.store, run=run_inline, sign_batch=Signer(), now=NOW, create=True)
    await store.commit(lambda tx: tx.save_log_head("XBB", EMPTY_LOG))

    async def unit(tx: Tx) -> None:
        for number in range(450):
            await tx.save_case(case(f"c{number}", due_at=None if number % 3 else NOW, officer="Ångström 日本 ‮"))
        await tx.add_event(event("c1", sealed=bytes(range(256)) * 40))
        await tx.add_event(event("c1", digest=None, sealed=b""))
        await tx.save_thread(thread(ended='it\'s "over"\n\t\\x00'))
        await tx.save_outbound(outbound("o1", next_try_at=NOW + timedelta(seconds=0.123457), envelope=None))
        await tx.save_outbound(outbound("o2", ref=None, thread=None, seq=None))
        await tx.save_partner(PartnerRow("XBB", 2, None, "why", b"card", NOW, 2**53 + 1))
        await tx.add_trust_event(TrustEvent(0, NOW, "XBB", "hold", "p1", "why"))
        await tx.add_access(AccessRow("c1", NOW, "p1", "show", "", None))
        await tx.save_person_values("c1", [PersonValue(digest("v")[:16], Use.FOUND, number=True)], True)
        await tx.save_apart(ApartRow("c1", "c2", digest("s"), "p1", NOW, None, None))
        await tx.add_opening(OpeningRow(digest("key")[:16], None, "c1", NOW))
        await tx.save_no_contact(NoContactRow(0, "XCC", "p1", NOW, None, None, None, None, None, None, b"why"))
        await tx.add_figure('{"a": 1}')
        await tx.add_release(ReleaseRow(0, NOW, "table", "asked", "2026", "p1", None, "{}"))
        await tx.save_sealing_end(SealingEnd(digest("k")[:16], NOW, NOW, "window"))
        await tx.add_inbound(inbound("m0", ref="c1", status="refused", code="x", sealed=None))
        await tx.add_inbound_again("XBB", "digest-m0", digest("k")[:16])
        await tx.add_log_nodes("XAA/XBB/1", 1, 0, [digest("n")])
        await tx.save_kept(KeptRow("XAA/XBB/1", 1, digest("root"), NOW, "note", None))
        await tx.save_witnessed(WitnessedRow("XBB/XAA/1", 1, NOW, "note"))
        await tx.save_conflict(ConflictRow(0, "XBB/XAA/1", "fork", NOW, "us", "held", "shown", ()))
        await tx.set_meta("epoch", "3")

    await store.commit(unit)
    for number in range(9):
        await store.commit(accept(f"m{number + 1}"))
    await store.close()
    desks = await SqliteDesks.open(files.desks, NOW)
    await desks.add_invitation(INVITATION)
    await desks.add_session(session(invitation=INVITATION), b"\x00\xff", None)
    await desks.add_link(LINK)
    await desks.add_passkey(PASSKEY)
    await desks.set_code(CodeSecret("first", b"sealed", 7, NOW))
    await desks.add_draft("first", "/a", b"", NOW)
    await desks.claim("t", NOW)
    await desks.try_code("k", NOW)
    await desks.add_approval(APPROVAL)
    await desks.set_snooze(Snooze("c1", "first", NOW, "why"))
    await desks.add_work(Work("w1", "first", "", NOW, NOW), b"fields", 9)
    await desks.ask_link("second", "board", "first", NOW)
    await desks.close()


def dump(path: Path) -> dict[str, list[Any]]:
    """Return every row of every table of a file with the kinds of its values, in order of the rows."""
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608
    del rows["schema_migration"]
    return {
        name: sorted(([(type(one), one) for one in row] for row in found), key=repr) for name, found in rows.items()
    }


class Killed(BaseException):
    """Ends a move where a kill would."""


def kill(place: object) -> None:
    """Stand in for a step of a move that is never reached."""
    raise Killed


async def test_everything_goes_there_and_back(files: Files, empty: str) -> None:
    """A store moved to PostgreSQL and back is the same value for value, kinds among them, in every table."""
    await fill(files)
    before = {path: dump(path) for path in (files.store, files.desks)}
    unfilled = {name for held in before.values() for name, rows in held.items() if not rows}
    assert {"challenge", "account_event"} == unfilled
    there = await to_postgres(files, empty, NOW)
    assert [False, False] == [path.exists() for path in (files.store, files.desks)]
    back = await to_sqlite(empty, files, NOW)
    assert before == {path: dump(path) for path in (files.store, files.desks)}
    assert dict(there) == dict(back)
    assert {name: len(rows) for held in before.values() for name, rows in held.items()} == {
        name: one.rows for name, one in there.items()
    }


async def test_numbers_go_on_behind_what_was_moved(files: Files, empty: str) -> None:
    """What is added after a move gets a number that nothing has."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    store = await open_postgres(empty, sign_batch=Signer(), now=NOW)

    async def unit(tx: Tx) -> None:
        await tx.save_case(case("new"))
        await tx.add_event(event("c1"))
        await tx.save_outbound(outbound("new"))
        await tx.add_access(AccessRow("c1", NOW, "p1", "show", "later", None))

    await store.commit(unit)
    await store.commit(accept("later"))
    assert 3 == len(await store.read(lambda tx: tx.events("c1")))
    assert "later" == (await store.read(lambda tx: tx.accesses("c1")))[-1].justification
    await store.close()


async def test_what_was_moved_from_cannot_be_served(files: Files, empty: str) -> None:
    """Neither side is opened again once it was moved away from, or two would give the same numbers."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    with pytest.raises(StoreError, match="was moved away from"):
        await open_store(files.store, run=run_inline, sign_batch=Signer(), now=NOW)
    await to_sqlite(empty, files, NOW)
    with pytest.raises(StoreError, match="was moved away from"):
        await open_postgres(empty, sign_batch=Signer(), now=NOW)
    with pytest.raises(StoreError, match="holds no store"):
        await to_sqlite(empty, Files(files.store.with_name("a.db"), files.desks.with_name("b.db")), NOW)


async def test_a_move_that_was_made_is_not_made_again(files: Files, empty: str) -> None:
    """Whoever did not see it end is told what is served now, and not to move the only copy away."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    await to_sqlite(empty, files, NOW)
    with pytest.raises(StoreError, match="was moved away from") as refused:
        await to_sqlite(empty, files, NOW)
    assert refused.value.hint.endswith(f"serve {files.store}")


async def test_a_full_database_is_left_alone(files: Files, dsn: str) -> None:
    """A database with one row in it is refused, and the source stays where it is."""
    await fill(files)
    store = await open_postgres(dsn, sign_batch=Signer(), now=NOW)
    await store.commit(lambda tx: tx.set_meta("epoch", "1"))
    await store.close()
    before = dump(files.store)
    with pytest.raises(StoreError, match="not empty"):
        await to_postgres(files, dsn, NOW)
    assert before == dump(files.store)


@pytest.mark.parametrize("end", ["", "-wal"])
async def test_files_are_not_written_over(files: Files, dsn: str, end: str) -> None:
    """Where a file is already, or a journal that would count as that of the new one, nothing is moved."""
    there = files.store.with_name(files.store.name + end)
    there.write_bytes(b"something")
    with pytest.raises(StoreError, match="there already"):
        await to_sqlite(dsn, files, NOW)
    assert b"something" == there.read_bytes()


async def test_nobody_else_may_be_there(files: Files, dsn: str) -> None:
    """While a node has a connection to the database nothing is moved, to it or from it."""
    await fill(files)
    store = await open_postgres(dsn, sign_batch=Signer(), now=NOW)
    await store.commit(lambda tx: tx.find_meta("epoch"))
    elsewhere = Files(files.store.with_name("a.db"), files.desks.with_name("b.db"))
    for attempt in (
        to_postgres(files, dsn, NOW),
        to_sqlite(dsn, elsewhere, NOW),
    ):
        with pytest.raises(Unavailable, match="connections of a gateway"):
            await attempt
    await store.close()
    assert files.store.exists()


async def test_a_spoilt_row_is_seen(files: Files, postgres: Cluster, empty: str) -> None:
    """A database that changes what it is given is found out: nothing is kept there, and the source is as it was."""
    await fill(files)
    store = await open_postgres(empty, sign_batch=Signer(), now=NOW, create=True)
    await store.close()
    for statement in (
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.answer = 'x'; RETURN NEW; END $$",
        "CREATE TRIGGER spoil BEFORE INSERT ON outbound FOR EACH ROW EXECUTE FUNCTION spoil()",
    ):
        await postgres.execute(statement, empty)
    before = dump(files.store)
    with pytest.raises(Differs, match="outbound"):
        await to_postgres(files, empty, NOW)
    assert before == dump(files.store)
    assert 0 == (await postgres.execute("SELECT count(*) FROM case_file", empty))[0][0]


async def test_a_log_that_does_not_end_where_it_says_is_not_moved(files: Files, empty: str) -> None:
    """The end of each log is derived anew from its entries."""
    await fill(files)
    with closing(sqlite3.connect(files.store)) as db, db:
        db.execute("UPDATE log_entry SET leaf = zeroblob(32) WHERE idx = 4")
    with pytest.raises(Differs, match="XAA/XBB/1"):
        await to_postgres(files, empty, NOW)
    assert files.store.exists()


async def test_a_copy_that_was_cut_off_leaves_no_file(files: Files, postgres: Cluster, empty: str) -> None:
    """A move to files that fails in the middle leaves neither of them, and the database can be served still."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    await postgres.execute("ALTER TABLE desks.session DROP COLUMN told", empty)
    with pytest.raises(StoreError):
        await to_sqlite(empty, files, NOW)
    assert [False, False, False] == [one.exists() for one in (files.store, files.desks, files.store.parent / "moving")]
    await (await open_postgres(empty, sign_batch=Signer(), now=NOW)).close()


async def test_files_that_cannot_be_put_in_place_leave_the_database_served(
    files: Files, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the second file cannot be put in its place the first goes back, and the move can be made again."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    replace = os.replace

    def full(old: Path, new: Path) -> None:
        if new == files.store:
            raise OSError(28, "No space left on device", str(new))
        replace(old, new)

    synced = list[str]()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        patch.setattr(os, "fsync", watched(synced))
        with pytest.raises(OSError, match="No space left"):
            await to_sqlite(empty, files, NOW)
    assert ["moving", files.store.parent.name] == synced[-2:]  # so that no power cut leaves a file without a name
    assert ["desks.db.moved", "gateway.db.moved"] == sorted(one.name for one in files.store.parent.iterdir())
    await (await open_postgres(empty, sign_batch=Signer(), now=NOW)).close()
    await to_sqlite(empty, files, NOW)
    await (await open_store(files.store, run=run_inline, sign_batch=Signer(), now=NOW)).close()


async def cut_off(files: Files, dsn: str, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Begin a move to PostgreSQL that is killed as it comes to the function ``at``."""
    with monkeypatch.context() as patch:
        patch.setattr(move, at, kill)
        with pytest.raises(Killed):
            await to_postgres(files, dsn, NOW)


async def test_a_move_to_a_database_that_was_cut_off_at_its_end_says_what_to_serve(
    files: Files, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once the tables of a file are set aside: another move names the side that is whole."""
    await fill(files)
    await cut_off(files, empty, monkeypatch, "_set_aside")
    with pytest.raises(StoreError, match="cut off at its end") as refused:
        await to_postgres(files, empty, NOW)
    assert ("serve the database" in refused.value.hint, "-wal" in refused.value.hint) == (True, True)
    await (await open_postgres(empty, sign_batch=Signer(), now=NOW)).close()


async def test_a_move_that_was_cut_off_before_its_end_is_ended_by_another(
    files: Files, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once the database has everything and no table of a file is set aside: both are whole, and alike."""
    await fill(files)
    before = dump(files.store)
    await cut_off(files, empty, monkeypatch, "_rename_tables")
    assert before == dump(files.store)
    made = await to_postgres(files, empty, NOW)
    assert {name: len(rows) for name, rows in before.items()} == {name: made[name].rows for name in before}
    assert ["desks.db.moved", "gateway.db.moved"] == sorted(one.name for one in files.store.parent.iterdir())
    await to_sqlite(empty, Files(files.store.with_name("a.db"), files.desks.with_name("b.db")), NOW)
    assert before == dump(files.store.with_name("a.db"))


async def test_a_copy_that_the_file_has_gone_on_from_is_not_taken_for_it(
    files: Files, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the gateway was started again over its file after a move was cut off, the old copy is not served."""
    await fill(files)
    await cut_off(files, empty, monkeypatch, "_rename_tables")
    store = await open_store(files.store, run=run_inline, sign_batch=Signer(), now=NOW)
    await store.commit(lambda tx: tx.set_meta("epoch", "4"))
    await store.close()
    before = dump(files.store)
    with pytest.raises(StoreError, match="not empty") as refused:
        await to_postgres(files, empty, NOW)
    assert "cut off" in refused.value.hint
    assert before == dump(files.store)


async def test_files_that_cannot_be_set_aside_are_told_to_be_over(files: Files, empty: str) -> None:
    """Where the disk is full once the database holds everything, and one file is spoilt, the other side is named."""
    await fill(files)
    # Room for the index of each journal, and for the new names of the tables of the desks, not for those of the store.
    with files_of_at_most(32 << 10), pytest.raises(StoreError, match="the database holds everything") as told:
        await to_postgres(files, empty, NOW)
    assert "serve the database" in told.value.hint
    await (await open_postgres(empty, sign_batch=Signer(), now=NOW)).close()


async def test_what_is_taken_away_while_it_is_copied_does_not_come_back(
    files: Files, empty: str, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A passkey that is taken away at the command line, once it was copied, is not in the place of the database."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    into_file = move._into_file

    async def then_shut_out(db: Any, path: Path, *rest: Any) -> dict[str, Any]:
        made = await into_file(db, path, *rest)
        if path.name == files.desks.name:
            await postgres.execute("DELETE FROM desks.passkey", empty)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(move, "_into_file", then_shut_out)
        with pytest.raises(Unavailable, match="while it was copied"):
            await to_sqlite(empty, files, NOW)
    assert ["desks.db.moved", "gateway.db.moved"] == sorted(one.name for one in files.store.parent.iterdir())
    await to_sqlite(empty, files, NOW)
    assert [] == dump(files.desks)["passkey"]


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_move_whose_last_commit_is_cut_off_leaves_one_side(files: Files, empty: str, cut: str) -> None:
    """Where the line breaks as the tables are set aside it is asked whether they are, and one side is served."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    async with Line(empty) as line:
        line.count = 2  # the first is that of the copy
        line.cut = cut
        if cut == "after":
            await to_sqlite(line.dsn, files, NOW)
            await (await open_store(files.store, run=run_inline, sign_batch=Signer(), now=NOW)).close()
            return
        with pytest.raises(StoreError):
            await to_sqlite(line.dsn, files, NOW)
    assert ["desks.db.moved", "gateway.db.moved"] == sorted(one.name for one in files.store.parent.iterdir())
    await (await open_postgres(empty, sign_batch=Signer(), now=NOW)).close()


async def test_the_only_copy_is_not_removed(files: Files, empty: str, postgres: Cluster) -> None:
    """Where tables are set aside and the copy was not put in its place, another move says where it lies."""
    await fill(files)
    await to_postgres(files, empty, NOW)
    await postgres.execute("ALTER TABLE schema_migration RENAME TO schema_migration_moved", empty)
    copy = files.store.parent / "moving" / "gateway.db"
    copy.parent.mkdir()
    copy.write_bytes(b"all there is")
    with pytest.raises(StoreError, match="cut off") as refused:
        await to_sqlite(empty, files, NOW)
    assert (True, b"all there is") == (str(copy.parent) in refused.value.hint, copy.read_bytes())
