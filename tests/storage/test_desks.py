"""The desks' own file: what is durable, what only one of many gets, what is refused."""

import asyncio
import re
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.services.account_store import (
    ATTEMPTS_MAX,
    BACK_OFF_MAX,
    Approval,
    Challenge,
    CodeSecret,
    Invitation,
    Link,
    Passkey,
    Session,
)
from gateway.services.ports import Conflict, Unavailable
from gateway.storage.desks import DeskStore
from gateway.storage.errors import StoreError
from gateway.storage.migrate import load_migrations

T0 = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "desks.db"


@pytest_asyncio.fixture
async def store(path: Path) -> AsyncIterator[DeskStore]:
    """A new file, open."""
    made = await DeskStore.open(path, T0)
    yield made
    await made.close()


def session(id: str = "s1", person: str = "first", invitation: Invitation | None = None) -> Session:
    """Return a session."""
    return Session(id, person, "interior", "csrf", T0, T0, "passkey", T0, invitation, language="fr")


INVITATION = Invitation("i1", "ref1", "lawyer", "guest.i1", "first", T0, T0 + HOUR)
LINK = Link("l1", "first", "interior", "enrol", T0, T0 + HOUR)
PASSKEY = Passkey("p1", "first", b"\x01\x02", 3, ("usb", "nfc"), "blue", T0)
APPROVAL = Approval(
    "ref1",
    "thread",
    "kind",
    "role",
    "digest",
    "first",
    "passkey",
    "challenge",
    "salt",
    "s1",
    T0,
    "p1",
    b"k",
    b"a",
    b"c",
)


async def test_what_is_kept_is_there_after_a_restart(store: DeskStore, path: Path) -> None:
    """Every kind of row comes back as it was put in."""
    await store.add_session(session(), b"told", None)
    await store.add_invitation(INVITATION)
    await store.add_link(LINK)
    await store.add_passkey(PASSKEY)
    await store.set_code(CodeSecret("first", b"sealed", 7, T0))
    await store.add_challenge(Challenge("c1", "use", "binding", None, b"sealed", T0 + HOUR))
    await store.add_approval(APPROVAL)
    await store.close()
    again = await DeskStore.open(path, T0)
    assert (session(), b"told") == await again.find_session("s1")
    assert INVITATION == await again.find_invitation("i1")
    assert LINK == await again.find_link("l1")
    assert PASSKEY == await again.find_passkey("p1")
    assert CodeSecret("first", b"sealed", 7, T0) == await again.find_code("first")
    assert Challenge("c1", "use", "binding", None, b"sealed", T0 + HOUR) == await again.take_challenge("c1")
    assert [APPROVAL] == await again.approvals("ref1")
    await again.close()


async def test_every_commit_is_on_the_disk(store: DeskStore, path: Path) -> None:
    """The file is in WAL mode with full synchronisation, and its owner's alone."""
    rows = [list(await store._db.execute_fetchall(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")]
    assert [[("wal",)], [(2,)]] == [[tuple(row) for row in one] for one in rows]
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


async def test_only_one_of_many_gets_what_is_there_once(store: DeskStore) -> None:
    """A link, a challenge, a code's step, a counter and a form's token go to one of those that come together."""
    await store.add_link(LINK)
    await store.add_challenge(Challenge("c1", "use", "b", None, b"", T0 + HOUR))
    await store.set_code(CodeSecret("first", b"", 7, T0))
    await store.add_passkey(PASSKEY)
    links = await asyncio.gather(*(store.use_link("l1", T0) for _ in range(8)))
    challenges = await asyncio.gather(*(store.take_challenge("c1") for _ in range(8)))
    steps = await asyncio.gather(*(store.use_code("first", 8) for _ in range(8)))
    counts = await asyncio.gather(*(store.use_passkey("p1", 3, 4, T0) for _ in range(8)))
    claims = await asyncio.gather(*(store.claim("t", T0 + HOUR) for _ in range(8)))
    assert [7, 7] == [links.count(None), challenges.count(None)]
    assert [1, 1, 1] == [steps.count(True), counts.count(True), [one.state for one in claims].count("new")]


async def test_two_processes_get_it_once(store: DeskStore, path: Path) -> None:
    """The command line and a gateway share the file, and one of them is too late."""
    other = await DeskStore.open(path, T0)
    await other.add_link(LINK)
    used = await asyncio.gather(*(one.use_link("l1", T0) for one in (store, other) for _ in range(4)))
    assert 7 == used.count(None)
    await other.close()


async def test_session_takes_the_place_of_another_at_once(store: DeskStore) -> None:
    """The old one and the new one are never both there, nor neither."""
    await store.add_session(session("s1"), b"", None)
    await store.add_session(session("s2"), b"", "s1")
    assert await store.find_session("s1") is None
    with pytest.raises(Conflict):
        await store.add_session(session("s2"), b"", "s2x")
    assert await store.find_session("s2") is not None


async def test_revoking_takes_links_and_sessions_along(store: DeskStore) -> None:
    """Nothing that an invitation gave outlives it, and it is revoked once."""
    await store.add_invitation(INVITATION)
    await store.add_link(Link("l2", "guest.i1", "interior", "invitation", T0, T0 + HOUR, None, "i1"))
    await store.add_session(session("s3", "guest.i1", INVITATION), b"", None)
    assert [True, False] == [await store.revoke_invitation("i1", T0) for _ in range(2)]
    assert (None, None) == (await store.find_session("s3"), await store.find_link("l2"))


async def test_session_whose_invitation_is_gone_is_none(store: DeskStore) -> None:
    """A session that goes by an invitation is nothing without it."""
    await store.add_session(session("s3", "guest.i1", INVITATION), b"", None)
    assert await store.find_session("s3") is None


async def test_wait_grows_to_a_quarter_of_an_hour(store: DeskStore) -> None:
    """Each wrong code doubles it, and the twentieth is the last that is looked at."""
    at, waits = T0, []
    for _ in range(ATTEMPTS_MAX):
        begun = at
        while not await store.try_code("k", at):
            at += timedelta(seconds=15)
        waits.append(int((at - begun).total_seconds()))
    assert [0, 0, 0, 30, 60, 120, 240, 480] == waits[:8]
    assert {int(BACK_OFF_MAX.total_seconds())} == set(waits[8:])
    assert not await store.try_code("k", at + timedelta(days=1))
    await store.clear_attempts("k")
    assert await store.try_code("k", at)


async def test_broken_unit_leaves_nothing_behind(store: DeskStore) -> None:
    """What fails in the middle is undone, and the next transaction works."""
    await store.add_session(session("s1"), b"", None)
    await store.add_session(session("s4"), b"", None)
    with pytest.raises(Conflict):
        await store.add_session(session("s1"), b"", "s4")
    assert await store.find_session("s4") is not None
    await store.add_session(session("s5"), b"", "s4")
    assert await store.find_session("s4") is None


async def test_closed_file_is_unavailable(path: Path) -> None:
    """After closing nothing is served, and the error is one that callers know."""
    made = await DeskStore.open(path, T0)
    await made.close()
    with pytest.raises(Unavailable):
        await made.find_link("l1")


async def test_altered_file_is_refused(store: DeskStore, path: Path) -> None:
    """A column that is not ours, or a file of a newer program, is not opened."""
    await store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE session ADD COLUMN name TEXT")
        db.commit()
    with pytest.raises(StoreError, match="session"):
        await DeskStore.open(path, T0)


async def test_file_of_another_program_is_refused(path: Path) -> None:
    """Nothing is made in a file that is not ours."""
    path.write_bytes(b"something else, and long enough to be looked at" * 50)
    with pytest.raises(StoreError):
        await DeskStore.open(path, T0)


async def test_missing_folder_is_said(tmp_path: Path) -> None:
    """Where the file cannot be, the operator learns it."""
    with pytest.raises(StoreError, match="cannot be opened"):
        await DeskStore.open(tmp_path / "none" / "desks.db", T0)


def test_each_column_has_a_sentence() -> None:
    """What a column holds stands beside it."""
    for migration in load_migrations("desks"):
        columns = re.findall(r"^    [a-z_]+ +(?:TEXT|INTEGER|BLOB)\b.*$", migration.sql, re.MULTILINE)
        assert columns
        assert [] == [line for line in columns if not re.search(r"-- [A-Z].*\.$|-- [a-z]+ or [a-z]+\.$", line)]
