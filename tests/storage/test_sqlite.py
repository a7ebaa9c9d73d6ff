"""What only an SQLite store can show: full disks, crashes, other processes, erased bytes, refusals to open."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.core.person_keys import PersonValue, Use
from gateway.services.ports import Committed, Outdated, Store, Tx, Unavailable
from gateway.services.rows import ApartRow, PartnerRow
from gateway.storage import SqliteStore, StoreError, Worker, open_store, run_inline, sqlite
from gateway.storage.group import MAX_BATCH
from gateway.storage.migrate import Migration, load_migrations, migrate
from tests.storage.support import NOW, Signer, case, digest, event, inbound, outbound
from tests.support.full_disk import files_of_at_most

WRITER = Path(__file__).with_name("writer.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def dialect() -> str:
    """A file."""
    return "sqlite"


def put_meta(name: str, value: str) -> Any:
    """Return a unit that sets a named value."""

    async def unit(tx: Tx) -> None:
        await tx.set_meta(name, value)

    return unit


def find_meta(name: str) -> Any:
    """Return a unit that reads a named value."""

    async def unit(tx: Tx) -> str | None:
        return await tx.find_meta(name)

    return unit


async def opened(path: Path, *, create: bool = False) -> SqliteStore:
    """Open a store inline."""
    return await open_store(path, run=run_inline, sign_batch=Signer(), now=NOW, create=create)


# Batches


async def test_batch_is_bounded(path: Path) -> None:
    """More units than a batch may hold are committed in several."""
    batches = []

    async def run(fn: Any) -> Any:
        result = fn()
        if isinstance(result, list):
            batches.append(len(result))
        return result

    store = await open_store(path, run=run, sign_batch=Signer(), now=NOW, create=True)
    await asyncio.gather(*(store.commit(put_meta(str(n), "x")) for n in range(MAX_BATCH + 1)))
    await store.close()
    assert [MAX_BATCH, 1] == batches


async def test_batch_with_a_failure_is_run_again(store: SqliteStore) -> None:
    """A unit beside one that fails is run twice and stands once; after that, batches run in savepoints at once."""
    runs = []

    def counted(name: str, *, fails: bool = False) -> Any:
        async def unit(tx: Tx) -> None:
            runs.append(name)
            await tx.set_meta("runs", (await tx.find_meta("runs") or "") + name)
            if fails:
                raise KeyError(name)

        return unit

    both = (counted("a"), counted("b", fails=True), counted("c"))
    outcomes = await asyncio.gather(*(store.commit(unit) for unit in both), return_exceptions=True)
    assert (True, list("ababc")) == (isinstance(outcomes[1], KeyError), runs)
    assert "ac" == await store.read(find_meta("runs"))
    runs.clear()
    await asyncio.gather(store.commit(counted("d")), store.commit(counted("e", fails=True)), return_exceptions=True)
    assert ["d", "e"] == runs


async def test_what_all_units_of_a_batch_ask_for_is_read_once(store: SqliteStore) -> None:
    """Within one transaction nobody else changes it. So is what is not there, and most that is asked for is not."""

    async def unit(tx: Tx) -> None:
        await tx.find_partner("XBB")
        await tx.find_meta("a")
        await tx.find_meta("none")
        await tx.no_contacts()

    async def begin(tx: Tx) -> None:
        await tx.save_partner(PartnerRow("XBB", 0, None, None, None, None, 0))
        await tx.set_meta("a", "1")

    await store.commit(begin)
    asked: list[str] = []
    store._engine._writing().set_trace_callback(asked.append)
    await asyncio.gather(*(store.commit(unit) for _ in range(5)))
    parts = ("FROM partner ", "FROM no_contact ", "= 'a'", "= 'none'")
    assert [1, 1, 1, 1] == [sum(part in one for one in asked) for part in parts]


async def test_units_gather_while_a_commit_is_in_flight(path: Path) -> None:
    """What arrives during a commit makes one batch of its own."""
    batches = []
    gate = asyncio.Event()

    async def run(fn: Any) -> Any:
        result = fn()
        if isinstance(result, list):
            batches.append(len(result))
            await gate.wait()
        return result

    store = await open_store(path, run=run, sign_batch=Signer(), now=NOW, create=True)
    first = asyncio.create_task(store.commit(put_meta("0", "x")))
    while not batches:
        await asyncio.sleep(0)
    later = [asyncio.create_task(store.commit(put_meta(str(n), "x"))) for n in range(5)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *later)
    await store.close()
    assert [1, 5] == batches


async def test_worker_that_fails_fails_its_batch(path: Path) -> None:
    """If the worker itself fails, callers hear Unavailable and the next batch works."""
    broken = False

    async def run(fn: Any) -> Any:
        if broken:
            raise RuntimeError("no thread")
        return fn()

    heard: list[Unavailable] = []
    store = await open_store(path, run=run, sign_batch=Signer(), now=NOW, create=True, on_failure=heard.append)
    broken = True
    with pytest.raises(Unavailable):
        await store.commit(put_meta("a", "x"))
    broken = False
    await store.commit(put_meta("b", "x"))
    await store.close()
    assert 1 == len(heard)


# Failing disks


async def test_full_disk_and_back(store: SqliteStore, path: Path, signer: Signer) -> None:
    """On a full disk a batch fails whole with a hint; once there is space the store goes on by itself."""
    db = store._engine._writing()
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages + 3}").fetchall()
    units = [put_meta("small", "x"), put_meta("large", "x" * 100_000), put_meta("after", "x")]
    outcomes = await asyncio.gather(*(store.commit(unit) for unit in units), return_exceptions=True)
    assert ["the disk of the store is full"] * 3 == [str(outcome) for outcome in outcomes]
    assert all(isinstance(outcome, Unavailable) and "free space" in outcome.hint for outcome in outcomes)
    assert await store.read(find_meta("small")) is None
    db.execute("PRAGMA max_page_count = 1000000").fetchall()
    await store.commit(units[1])
    assert "x" * 100_000 == await store.read(find_meta("large"))


async def test_what_a_store_had_to_do_is_counted(store: SqliteStore) -> None:
    """Each transaction, the time of all of them, and those that came to nothing; a unit that fails alone is none."""

    async def refused(tx: Tx) -> None:
        raise Unavailable("no key of the partner")

    before = store.load()
    await store.commit(put_meta("a", "x"))
    with pytest.raises(Unavailable, match="no key"):
        await store.commit(refused)
    after = store.load()
    assert (0, before.batches + 2, 0) == (after.waiting, after.batches, after.failed)
    assert before.busy_s < after.busy_s < before.busy_s + 60
    db = store._engine._writing()
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages + 3}").fetchall()
    with pytest.raises(Unavailable, match="full"):
        await store.commit(put_meta("large", "x" * 100_000))
    assert (after.batches + 1, 1) == (store.load().batches, store.load().failed)


async def test_swallowed_full_disk_still_fails_the_batch(store: SqliteStore) -> None:
    """A unit that swallows a full disk cannot make its batch commit."""
    db = store._engine._writing()
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages + 3}").fetchall()

    async def swallow(tx: Tx) -> str:
        try:
            await tx.set_meta("large", "x" * 100_000)
        except Unavailable:
            return "fine"
        return "stored"

    with pytest.raises(Unavailable):
        await store.commit(swallow)


async def test_locked_store_is_unavailable(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the write lock too long, callers hear Unavailable; then the store goes on."""
    monkeypatch.setattr(sqlite, "_WAIT", "PRAGMA busy_timeout = 10")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="another process"):
        await store.commit(put_meta("a", "x"))
    other.execute("ROLLBACK")
    other.close()
    assert Committed(None, None) == await store.commit(put_meta("a", "x"))


async def test_a_unit_does_not_fail_for_a_process_that_came_between(store: SqliteStore, path: Path) -> None:
    """A batch that is begun anew, because one of its units failed, waits for whoever was quicker."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    begun: list[str] = []

    def come_between(statement: str) -> None:
        if statement != "BEGIN IMMEDIATE":
            return
        begun.append(statement)
        if len(begun) == 2:
            other.execute("BEGIN IMMEDIATE")
            threading.Timer(0.2, other.execute, ["ROLLBACK"]).start()

    async def fail(tx: Tx) -> None:
        raise ValueError("not this one")

    store._engine._writing().set_trace_callback(come_between)
    failed, stored = await asyncio.gather(store.commit(fail), store.commit(put_meta("a", "x")), return_exceptions=True)
    assert (ValueError, Committed(None, None), 2) == (type(failed), stored, len(begun))
    other.close()


async def test_the_loop_goes_on_while_a_batch_that_is_begun_anew_waits(store: SqliteStore, path: Path) -> None:
    """Whoever came between is waited for beside the loop: here only the loop can make it end."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    loop, begun = asyncio.get_running_loop(), list[str]()

    def come_between(statement: str) -> None:
        if statement != "BEGIN IMMEDIATE":
            return
        begun.append(statement)
        if len(begun) == 2:
            other.execute("BEGIN IMMEDIATE")
            loop.call_soon_threadsafe(other.execute, "ROLLBACK")

    async def fail(tx: Tx) -> None:
        raise ValueError("not this one")

    store._engine._writing().set_trace_callback(come_between)
    failed, stored = await asyncio.gather(store.commit(fail), store.commit(put_meta("a", "x")), return_exceptions=True)
    assert (ValueError, Committed(None, None)) == (type(failed), stored)
    other.close()


async def test_truncate_while_somebody_reads(store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is not cut under a reader: Unavailable, and it works once the reader is gone."""
    monkeypatch.setattr(sqlite, "_WAIT", "PRAGMA busy_timeout = 10")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM meta").fetchall()
    await store.commit(put_meta("a", "x"))
    with pytest.raises(Unavailable):
        await store.truncate()
    other.execute("ROLLBACK")
    other.close()
    await store.truncate()
    assert 0 == path.with_name("store.db-wal").stat().st_size


# Erasure


async def test_erased_bytes_are_in_no_file(store: Store, path: Path) -> None:
    """After erase and truncate neither key nor sealed bytes are in the file, its journal or its index."""
    shuffled = random.Random(7)
    marks: dict[str, list[bytes]] = {}

    def mark(ref: str) -> bytes:
        made = shuffled.randbytes(24)
        marks.setdefault(ref, []).append(made)
        return made

    async def fill(tx: Tx) -> None:
        for n in range(150):
            ref = f"{shuffled.randrange(10**9)}-{n}"
            size = shuffled.choice((10, 300, 900, 2000, 5000, 12000))
            await tx.save_case(case(ref, wrapped_key=mark(ref) * 3, sealed=mark(ref) + bytes(size) + mark(ref)))
            await tx.add_event(event(ref, sealed=mark(ref) + bytes(size // 3)))
            await tx.add_inbound(inbound(ref, ref=ref, sealed=mark(ref) + bytes(size // 2)))
            message = outbound(ref, ref=ref, envelope=mark(ref) + bytes(9000), sealed=mark(ref) + bytes(size))
            await tx.save_outbound(message)

    async def change(tx: Tx) -> None:
        for ref in marks:
            row = await tx.find_case(ref)
            assert row is not None
            size = shuffled.choice((10, 500, 3000, 8000))
            await tx.save_case(case(ref, version=2, wrapped_key=mark(ref) * 4, sealed=mark(ref) + bytes(size)))

    async def erase(tx: Tx) -> None:
        for ref in gone:
            await tx.erase_case(ref)

    await store.commit(fill)
    await store.commit(change)
    gone = shuffled.sample(sorted(marks), 60)
    await store.commit(erase)
    await store.truncate()
    raw = b"".join(file.read_bytes() for file in path.parent.glob("store.db*"))
    assert 3 == len(list(path.parent.glob("store.db*")))
    assert not [ref for ref in gone if any(found in raw for found in marks[ref])]
    kept = next(ref for ref in marks if ref not in gone)
    assert marks[kept][-1] in raw


async def test_erased_values_of_a_person_are_in_no_file(store: Store, path: Path) -> None:
    """Erasure leaves neither the keyed values of a person nor a decision over them in the file or its journal."""
    value, decided = digest("a")[:16], digest("decided")

    async def fill(tx: Tx) -> None:
        for ref in ("c1", "c2"):
            await tx.save_case(case(ref))
            await tx.save_person_values(ref, [PersonValue(value, Use.FOUND | Use.SEEKS, number=False)], stop=False)
        await tx.save_apart(ApartRow("c1", "c2", decided, "first", NOW, None, None))

    await store.commit(fill)
    await store.commit(lambda tx: tx.erase_case("c1"))
    await store.commit(lambda tx: tx.erase_case("c2"))
    await store.truncate()
    raw = b"".join(file.read_bytes() for file in path.parent.glob("store.db*"))
    assert b"c1" in raw
    assert (False, False) == (value in raw, decided in raw)


# Processes


async def test_killed_process_loses_nothing_acknowledged(path: Path) -> None:
    """A process killed between and within commits loses no unit it acknowledged."""
    await (await opened(path, create=True)).close()
    acknowledged: list[str] = []
    for turn in range(4):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(WRITER), str(path), f"t{turn}", "0", cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(60 + 17 * turn):
            acknowledged.append((await process.stdout.readline()).decode().strip())
        process.send_signal(signal.SIGKILL)
        rest = (await process.stdout.read()).decode().splitlines(keepends=True)
        acknowledged.extend(line.strip() for line in rest if line.endswith("\n"))
        await process.wait()
    store = await opened(path)
    missing = [name for name in acknowledged if await store.read(find_meta(name)) is None]
    await store.close()
    assert len(acknowledged) > 200
    assert [] == missing


@pytest.mark.parametrize("full", [False, True])
async def test_what_a_killed_process_left_is_moved_at_the_next_start(path: Path, full: bool) -> None:
    """The file alone holds then what stood in its journal; a full disk stops no start, and nothing is lost."""
    await (await opened(path, create=True)).close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WRITER), str(path), "t", "0", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    names = [(await process.stdout.readline()).decode().strip() for _ in range(2000)]
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    size = path.stat().st_size
    disk: AbstractContextManager[None] = files_of_at_most(size) if full else nullcontext()
    with disk:
        store = await opened(path)
        assert [] == [name for name in names if await store.read(find_meta(name)) is None]
    assert full == (path.stat().st_size == size)
    if full:
        await store.truncate()
    copied = shutil.copyfile(path, path.with_name("alone.db"))
    with closing(sqlite3.connect(copied)) as alone:
        found = {name for (name,) in alone.execute("SELECT name FROM meta")}
    assert set(names) <= found
    await store.close()


async def test_two_processes_write(path: Path) -> None:
    """Two processes commit to one file, and nothing of either is lost."""
    await (await opened(path, create=True)).close()
    names = ("a", "b")
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(WRITER), str(path), name, "120", cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        for name in names
    ]
    outputs = [(await process.communicate())[0] for process in processes]
    assert [0, 0] == [process.returncode for process in processes]
    store = await opened(path)
    for name, output in zip(names, outputs, strict=True):
        assert 120 == len(output.split())
        assert [] == [n for n in range(120) if await store.read(find_meta(f"{name}-{n}")) is None]
    assert "240" == await store.read(find_meta("count"))
    await store.close()


async def test_reader_sees_another_process(store: Store, path: Path) -> None:
    """A read sees what another connection committed: nothing is cached."""
    assert await store.read(find_meta("a")) is None
    other = await opened(path)
    await other.commit(put_meta("a", "x"))
    await other.close()
    assert "x" == await store.read(find_meta("a"))


# Opening


async def test_new_store_is_private(path: Path) -> None:
    """A new store, its journal and its index can be read by their owner alone."""
    store = await opened(path, create=True)
    await store.commit(put_meta("a", "x"))
    assert {0o600} == {file.stat().st_mode & 0o777 for file in path.parent.glob("store.db*")}
    await store.close()


async def test_settings_hold(store: SqliteStore) -> None:
    """The writer runs with the durability and secrecy settings it promises, and never waits on the loop."""
    db = store._engine._writing()
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store", "busy_timeout")
    assert ["wal", 2, 1, 1, 2, 0] == [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]


async def test_closing_twice_is_harmless(path: Path) -> None:
    """A store may be closed twice."""
    store = await opened(path, create=True)
    await store.close()
    await store.close()


def refusals(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield (name, path, text of the refusal) of files that are no store."""
    yield "missing folder", folder / "no" / "store.db", "no such directory"
    yield "missing file", folder / "none.db", "no such file"
    (folder / "folder.db").mkdir()
    yield "folder", folder / "folder.db", "not a file"
    (folder / "empty.db").touch()
    yield "empty", folder / "empty.db", "the file is empty"
    (folder / "text.db").write_text("not a database, and longer than the header of one" * 20)
    yield "text", folder / "text.db", "not a store"
    other = sqlite3.connect(folder / "other.db")
    other.execute("CREATE TABLE song (title TEXT)")
    other.close()
    yield "other program", folder / "other.db", "another program"


async def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    """What is no store is refused in one line, with a hint."""
    for name, path, text in refusals(tmp_path):
        with pytest.raises(StoreError) as caught:
            await opened(path)
        assert text in str(caught.value), name
        assert "\n" not in str(caught.value) + caught.value.hint
        assert caught.value.hint


async def test_read_only_file_is_refused() -> None:
    """A file that may not be written is refused in one line, with a hint."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        await (await opened(path, create=True)).close()
        path.chmod(0o444)
        Path(folder).chmod(0o755)
        user = os.geteuid()
        # The superuser may write anything, so the check is made as nobody.
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(StoreError, match="cannot be written"):
                await opened(path)
        finally:
            os.seteuid(user)


# Size


async def test_due_outbound_stays_fast(path: Path) -> None:
    """With 20,000 messages waiting, most behind others, finding what is due reads a page, not the table."""
    store = await opened(path, create=True)

    async def fill(tx: Tx) -> None:
        for n in range(20_000):
            message = outbound(str(n), thread=f"t{n // 2}", seq=n % 2, envelope=b"e", sealed=None, ref=None)
            await tx.save_outbound(message)

    async def steps(tx: Tx) -> int:
        count = 0

        def tick() -> int:
            nonlocal count
            count += 1
            return 0

        db = store._engine._reading()
        db.set_progress_handler(tick, 100)
        found = await tx.due_outbound(NOW + timedelta(days=1), 64, "XBB")
        assert ("XBB",) == await tx.partners_due(NOW + timedelta(days=1))
        db.set_progress_handler(None, 0)
        assert 64 == len(found)
        return count * 100

    await store.commit(fill)
    instructions = await store.read(steps)
    await store.close()
    assert instructions < 20_000


async def test_worker_serves_one_at_a_time() -> None:
    """The live worker calls functions in order, in one thread."""
    worker = Worker()
    calls: list[int] = []
    await asyncio.gather(*(worker(partial(calls.append, n)) for n in range(20)))
    worker.close()
    assert list(range(20)) == calls


async def test_answer_survives_reopening(path: Path, signer: Signer) -> None:
    """What was committed is there after closing and opening again."""
    store = await opened(path, create=True)
    await store.commit(put_meta("a", "x"))
    await store.close()
    store = await opened(path)
    assert "x" == await store.read(find_meta("a"))
    await store.close()


async def test_more_than_may_wait_are_told_to_come_later(path: Path) -> None:
    """A store takes no more units than may wait; whoever comes then is told so at once, and the others are stored."""
    store = await open_store(path, run=run_inline, sign_batch=Signer(), now=NOW, create=True, queue_max=2)

    async def add(tx: Tx, ref: str) -> None:
        await tx.save_case(case(ref))

    done = await asyncio.gather(*(store.commit(partial(add, ref=f"c{n}")) for n in range(4)), return_exceptions=True)
    assert [isinstance(one, Unavailable) for one in done] == [False, False, True, True]
    assert await store.read(lambda tx: tx.find_case("c1")) is not None
    await store.close()


async def test_nothing_is_written_into_a_schema_of_a_newer_version(path: Path, signer: Signer) -> None:
    """A command of a newer version migrates the file while a gateway of the older one runs: that writes no more."""
    worker = Worker()
    store = await open_store(path, run=worker, sign_batch=signer, now=NOW, create=True)
    newer = Migration(len(load_migrations()) + 1, "9999.sql", "CREATE TABLE newer (x TEXT) STRICT;")
    with closing(sqlite.connect(path)) as db:
        migrate(db, NOW, [*load_migrations(), newer])
        with pytest.raises(Outdated, match="newer version"):
            await store.commit(lambda tx: tx.save_case(case("c1")))
        assert [] == db.execute("SELECT ref FROM case_file").fetchall()
    await store.close()
    worker.close()
