"""Commits that a server loses, or that its synchronous standby does not have: nobody is told that they stand."""

import asyncio

import pytest

from gateway.services.ports import GONE_BACK, GoneBack, Outdated, Tx, Unavailable, Unit
from gateway.storage import postgres, postgres_pool
from gateway.storage.postgres import PostgresStore, open_postgres
from tests.storage.commit_line import Line
from tests.storage.locks import standby
from tests.storage.support import EMPTY_LOG, NOW, Signer, accept, outbound
from tests.support.postgres import QUICK, Cluster, cluster


async def opened(dsn: str, *, create: bool = False) -> PostgresStore:
    """Open a node over ``dsn``; with ``create`` in a new database, with a log about XBB begun."""
    store = await open_postgres(dsn, sign_batch=Signer(), now=NOW, create=create)
    if create:
        await store.commit(lambda tx: tx.save_log_head("XBB", EMPTY_LOG))
    return store


async def outcome(committing: "asyncio.Future[object]") -> str:
    """Return the name of what a commit came to."""
    return type((await asyncio.gather(committing, return_exceptions=True))[0]).__name__


async def test_a_lost_commit_is_not_taken_for_another_of_its_number() -> None:
    """A server that crashes gives the numbers of lost transactions again; whoever asks is not told of another's."""
    # The journal is written at a commit and no sooner, so nothing of the batch that is under way is left.
    with cluster("fsync=off", "autovacuum=off", "wal_writer_delay=10s") as server:
        dsn = await asyncio.to_thread(server.create)
        other = await opened(dsn, create=True)
        async with Line(dsn) as line:
            node = await opened(line.dsn)
            await node.commit(accept("m1"))
            line.cut = "before"
            committing = asyncio.ensure_future(node.commit(accept("lost")))
            while not line.cuts:
                await asyncio.sleep(0)
            await asyncio.to_thread(server.stop, "immediate")
            await asyncio.to_thread(server.start)
            await others(other)
            assert await outcome(committing) == "Unavailable"
            assert await other.read(lambda tx: tx.find_inbound("XBB", "digest-lost")) is None
            await node.close()
        await other.close()


async def test_a_database_that_went_back_is_not_written_to() -> None:
    """Where an older state takes the place of the database a process that wrote since writes nothing into that."""
    with cluster(*QUICK) as server:
        dsn = await asyncio.to_thread(server.create)
        name = dsn.rpartition("/")[2]
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
        node = await opened(dsn, create=True)
        await server.execute(ended)
        older = (await asyncio.to_thread(server.create, name)).rpartition("/")[2]
        await node.commit(accept("m1"))
        await server.execute(ended)
        await server.execute(f"ALTER DATABASE {name} RENAME TO gone")
        await server.execute(f"ALTER DATABASE {older} RENAME TO {name}")
        for message in ("m2", "m3"):
            with pytest.raises(GoneBack, match="gone back"):
                await node.commit(accept(message))
        other = await opened(dsn)
        assert () == await other.read(lambda tx: tx.log_entries("XAA/XBB/1"))
        assert "1" == await other.read(lambda tx: tx.find_meta(GONE_BACK))  # whoever comes after it is told
        await node.close()
        await other.close()


async def test_a_process_that_went_back_is_not_taken_for_a_database_that_did() -> None:
    """Where a machine is put back with what runs on it, its process ends alone: the database is what it was."""
    with cluster(*QUICK) as server:
        dsn = await asyncio.to_thread(server.create)
        node = await opened(dsn, create=True)
        before = node._number, set(node._last)
        await node.commit(accept("m1"))
        node._number, node._last = before  # as the memory of a machine that is resumed from a snapshot
        for message in ("m2", "m3"):
            with pytest.raises(Outdated, match="this process has gone back") as raised:
                await node.commit(accept(message))
            assert raised.type is Outdated
        assert await node.read(lambda tx: tx.find_meta(GONE_BACK)) is None
        await node.close()


async def test_a_row_that_is_written_still_is_not_forgotten() -> None:
    """A clock of the server that is ahead for a while takes the row of no process that runs."""
    with cluster(*QUICK) as server:
        dsn = await asyncio.to_thread(server.create)
        node = await opened(dsn, create=True)
        await server.execute("UPDATE meta SET value = '1 0' WHERE name LIKE 'batch:%'", dsn)
        await (await opened(dsn)).close()
        await node.commit(accept("m1"))
        await node.close()


async def others(store: PostgresStore, count: int = 20) -> None:
    """Commit ``count`` batches of another node; the first finds its connection gone."""
    for number in range(count):
        for _ in range(50):
            try:
                await store.commit(accept(f"n{number}"))
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                break


async def test_no_answer_before_the_synchronous_standby_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that waits for a standby is left waiting, and its caller told that nobody knows; later it is there."""
    monkeypatch.setattr(postgres_pool, "COMMIT_MAX_S", 5.0)
    monkeypatch.setattr(postgres, "COMMIT_ASKED_S", 1.0)
    monkeypatch.setattr(postgres, "BATCH_MAX_S", 1)
    monkeypatch.setattr(postgres, "LEAD_LOOK_S", 0.2)
    with cluster(*QUICK) as server:
        dsn = await asyncio.to_thread(server.create)
        node = await opened(dsn, create=True)
        other = await opened(dsn)
        await standby(server, "away")
        waits = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' ORDER BY backend_start"
        committing = asyncio.ensure_future(node.commit(accept("m1")))
        while not (before := await server.execute(waits)):
            await asyncio.sleep(0.01)
        # Only now: a batch that is late for another reason is one that it ends.
        leading = asyncio.ensure_future(other.lead(asyncio.Event().wait, lambda: None))  # type: ignore[arg-type]
        with pytest.raises(Unavailable, match="does not say what became of it"):
            await committing
        assert (await server.execute(waits))[0] == before[0]
        assert await other.read(lambda tx: tx.find_inbound("XBB", "digest-m1")) is None
        await standby(server, "")
        while await other.read(lambda tx: tx.find_inbound("XBB", "digest-m1")) is None:
            await asyncio.sleep(0.01)
        leading.cancel()
        await asyncio.wait({leading})
        await node.close()
        await other.close()


async def test_a_hint_to_other_nodes_ends_no_commit(dsn: str, postgres: Cluster) -> None:
    """Two nodes store what waits to be posted while disk or standby is slow: neither is given up for the other."""
    both = [await opened(dsn) for _ in range(2)]
    await standby(postgres, "away")
    try:
        committing = asyncio.gather(*(node.commit(queue(f"m{at}")) for at, node in enumerate(both)))
        # Both are where nothing of theirs is undone any more; or one was ended, and has failed.
        while not committing.done() and len(await postgres.execute(SLOW)) < 2:
            await asyncio.sleep(0.01)
    finally:
        await standby(postgres, "")
    await committing
    for node in both:
        await node.close()


SLOW = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def queue(name: str) -> Unit[None]:
    """Return a unit that stores a message to be posted."""

    async def unit(tx: Tx) -> None:
        await tx.save_outbound(outbound(name, thread=name))

    return unit
