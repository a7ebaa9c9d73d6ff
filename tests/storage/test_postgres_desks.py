"""What only the desks' schema in PostgreSQL can show: who makes it, what is refused, and that it stands apart."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from gateway.services.account_store import DRAFT_LASTS
from gateway.services.ports import Outdated, Store, Unsaid
from gateway.storage import postgres_pool
from gateway.storage.errors import StoreError
from gateway.storage.migrate import Migration, load_migrations
from gateway.storage.postgres import open_postgres
from gateway.storage.postgres_desks import DIALECT, SCHEMA, PostgresDesks, prepare
from gateway.storage.postgres_pool import CLOSE_S
from gateway.storage.postgres_schema import MIGRATING, SPACE, migrate
from tests.storage.desk_rows import INVITATION, PASSKEY, session
from tests.storage.locks import holding, standby, waiting
from tests.storage.support import NOW, Signer
from tests.support.pool import pooled
from tests.support.postgres import QUICK, Cluster, cluster

T0 = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.fixture
def dialect() -> str:
    """A server."""
    return "postgres"


async def test_nodes_that_begin_together_make_it_once(postgres: Cluster) -> None:
    """A node that finds no schema while another is about to make it waits, and goes on with what the other made."""
    dsn = await asyncio.to_thread(postgres.create)
    first, second = [await asyncpg.connect(dsn, server_settings={"search_path": SCHEMA}) for _ in range(2)]
    async with first.transaction():
        await first.execute("SELECT pg_advisory_xact_lock($1, $2)", SPACE, MIGRATING)
        await first.execute(f"CREATE SCHEMA {SCHEMA}")
        waiting = asyncio.create_task(prepare(second, T0))
        while not await first.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
    await waiting
    await prepare(first, T0)
    assert len(load_migrations(DIALECT)) == await first.fetchval("SELECT count(*) FROM schema_migration")
    await first.close()
    await second.close()


async def test_it_stands_apart_from_the_store(store: Store, postgres: Cluster, dsn: str) -> None:
    """The store is opened beside it, for what one has is not in the tables of the other."""
    desks = await PostgresDesks.open(dsn, T0)
    await desks.close()
    again = await open_postgres(dsn, sign_batch=Signer(), now=NOW)
    await again.close()
    rows = await postgres.execute("SELECT schemaname FROM pg_tables WHERE tablename IN ('session', 'case_file')", dsn)
    assert {"desks", "public"} == {row[0] for row in rows}


async def test_they_are_closed_though_the_server_stands_still(postgres: Cluster) -> None:
    """A gateway that is stopped while the database does not answer does not wait for its goodbye."""
    dsn = await asyncio.to_thread(postgres.create)
    desks = await PostgresDesks.open(dsn, T0)
    mine = "SELECT pid FROM pg_stat_activity WHERE application_name = 'isthmus desks' AND datname = current_database()"
    ((pid,),) = await postgres.execute(mine, dsn)
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.wait_for(desks.close(), 2 * CLOSE_S)
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_who_is_cancelled_does_not_wait_for_a_server_that_stands_still(postgres: Cluster) -> None:
    """A gateway that is stopped while a step of a desk is under way ends within its bounds, and the step with it."""
    dsn = await asyncio.to_thread(postgres.create)
    desks = await PostgresDesks.open(dsn, T0)
    await desks.add_session(session("s1"), b"", None)
    waits = "SELECT pid FROM pg_stat_activity WHERE application_name = 'isthmus desks' AND wait_event_type = 'Lock'"
    async with holding(dsn, "SELECT 1 FROM desks.session FOR UPDATE"):
        step = asyncio.create_task(desks.sign_everybody_out())
        await waiting(dsn)
        ((pid,),) = await postgres.execute(waits)
        os.kill(pid, signal.SIGSTOP)
        try:
            step.cancel()
            await asyncio.wait({step}, timeout=3 * CLOSE_S)
            assert step.cancelled()
        finally:
            os.kill(pid, signal.SIGCONT)
            await asyncio.wait({step})
    assert await desks.find_session("s1") is not None
    await desks.close()


async def test_nothing_is_written_into_a_schema_of_a_newer_version(postgres: Cluster) -> None:
    """A node that was cut off as one of a newer version began writes no more; what it had under way came first."""
    dsn = await asyncio.to_thread(postgres.create)
    desks = await PostgresDesks.open(dsn, T0)
    await desks.add_draft("first", "/place", b"sealed", T0 + DRAFT_LASTS)
    db = await asyncpg.connect(dsn, server_settings={"search_path": SCHEMA})
    more = [*load_migrations(DIALECT), Migration(len(load_migrations(DIALECT)) + 1, "9999.sql", "SELECT 1;")]
    try:
        async with holding(dsn, "SELECT 1 FROM desks.draft FOR UPDATE") as let_go:
            before = asyncio.create_task(desks.add_draft("first", "/place", b"changed", T0 + DRAFT_LASTS))
            await waiting(dsn)
            migrating = asyncio.create_task(migrate(db, T0, create=False, migrations=more))
            await waiting(dsn, 2)
            await let_go()
            await before
            assert 1 == await migrating
        changes = (
            desks.add_draft("second", "/place", b"sealed", T0 + DRAFT_LASTS),
            desks.take_draft("first", "/place", T0),
            desks.sign_everybody_out(),
        )
        for change in changes:
            with pytest.raises(Outdated, match="newer version"):
                await change
        assert [("first", b"changed")] == [tuple(row) for row in await db.fetch("SELECT person, sealed FROM draft")]
    finally:
        await db.close()
        await desks.close()


@pytest.mark.parametrize("of_invitation", [False, True])
async def test_session_that_goes_on_at_one_node_is_ended_at_the_other(postgres: Cluster, of_invitation: bool) -> None:
    """Who takes away every way in of a person ends what a thief lets go on under a new token at the same moment."""
    dsn = await asyncio.to_thread(postgres.create)
    first, second = [await PostgresDesks.open(dsn, T0) for _ in range(2)]
    await first.add_invitation(INVITATION)
    invitation = INVITATION if of_invitation else None
    await first.add_session(session("s1", INVITATION.person, invitation), b"", None)
    async with holding(dsn, "SELECT 1 FROM desks.session FOR UPDATE") as let_go:
        goes_on = asyncio.create_task(first.add_session(session("s2", INVITATION.person, invitation), b"", "s1"))
        await waiting(dsn)
        end = second.revoke_invitation(INVITATION.id, T0) if of_invitation else second.drop_means(INVITATION.person)
        ends = asyncio.ensure_future(end)
        await waiting(dsn, 2)
        await let_go()
        assert await goes_on
        await ends
    left = await first.find_session("s2")
    for one in (first, second):
        await one.close()
    assert left is None


async def test_session_that_is_begun_at_one_node_is_ended_at_the_other(postgres: Cluster) -> None:
    """Who takes away every way in of a person ends what a thief begins with her passkey at the same moment."""
    dsn = await asyncio.to_thread(postgres.create)
    first, second = [await PostgresDesks.open(dsn, T0) for _ in range(2)]
    await first.add_passkey(PASSKEY)
    async with holding(dsn, "SELECT 1 FROM desks.passkey FOR UPDATE") as let_go:
        begins = asyncio.create_task(first.add_session(session("s1"), b"", None, by_means=True))
        await waiting(dsn)
        ends = asyncio.create_task(second.drop_means("first"))
        await waiting(dsn, 2)
        await let_go()
        assert await begins
        assert (1, 1) == await ends
    left = await first.find_session("s1")
    for one in (first, second):
        await one.close()
    assert left is None


async def test_of_two_passkeys_removed_at_two_nodes_one_stays(postgres: Cluster) -> None:
    """Neither of two that wait for one another counts the passkey that the other is about to remove."""
    dsn = await asyncio.to_thread(postgres.create)
    first, second = [await PostgresDesks.open(dsn, T0) for _ in range(2)]
    for id in ("p1", "p2"):
        await first.add_passkey(replace(PASSKEY, id=id))
    async with holding(dsn, "SELECT 1 FROM desks.passkey FOR UPDATE") as let_go:
        drops = [asyncio.create_task(one.drop_passkey("first", id)) for one, id in ((first, "p1"), (second, "p2"))]
        await waiting(dsn, 2)
        await let_go()
        dropped = await asyncio.gather(*drops)
    left = await first.passkeys("first")
    for one in (first, second):
        await one.close()
    assert (1, 1) == (sum(dropped), len(left))


async def test_a_step_is_not_done_before_the_synchronous_standby_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that waits for a standby is not cancelled, or it would count at once; nobody is told that it failed."""
    monkeypatch.setattr(postgres_pool, "COMMIT_MAX_S", 2.0)
    with cluster(*QUICK) as server:
        dsn = await asyncio.to_thread(server.create)
        desks = await PostgresDesks.open(dsn, T0)
        await standby(server, "away")
        with pytest.raises(Unsaid, match="does not say what became of it"):
            await desks.add_passkey(PASSKEY)
        assert await desks.find_passkey(PASSKEY.id) is None
        await standby(server, "")
        while await desks.find_passkey(PASSKEY.id) is None:
            await asyncio.sleep(0.01)
        await desks.close()


async def test_a_pool_before_the_database_is_refused(postgres: Cluster) -> None:
    """What one sets for its connection would be another's: which schema, and that it waits for the disk."""
    address = await asyncio.to_thread(postgres.create)
    with pooled(address) as through, pytest.raises(StoreError, match="connections of its own"):
        await PostgresDesks.open(through, NOW)


async def test_altered_table_is_refused(postgres: Cluster) -> None:
    """A column that is not ours is not worked with."""
    dsn = await asyncio.to_thread(postgres.create)
    await (await PostgresDesks.open(dsn, T0)).close()
    await postgres.execute("ALTER TABLE desks.session ADD COLUMN name TEXT", dsn)
    with pytest.raises(StoreError, match="altered"):
        await PostgresDesks.open(dsn, T0)


async def test_missing_database_is_said(postgres: Cluster) -> None:
    """Where the database cannot be had, the operator learns the next step."""
    with pytest.raises(StoreError) as caught:
        await PostgresDesks.open(postgres.dsn("none"), T0)
    assert caught.value.hint
