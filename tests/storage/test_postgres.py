"""What is PostgreSQL's own: many nodes over one database, connections that break, a server that goes and comes."""

import asyncio
import os
import re
import signal
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.core.merkle import Frontier
from gateway.services import epochs
from gateway.services.ports import Conflict, Draft, Outdated, Signed, Tx, Unavailable
from gateway.services.rows import LogHead, NoContactRow
from gateway.storage import move, postgres_desks, postgres_reads
from gateway.storage import postgres as module
from gateway.storage.errors import StoreError
from gateway.storage.message_rows import _PARTNERS_DUE
from gateway.storage.migrate import ALTERED, Migration, load_migrations
from gateway.storage.postgres import CHANNEL, HASTY_MS, LEAD, SPACE, PostgresStore, connect, open_postgres
from gateway.storage.postgres_errors import reason
from gateway.storage.postgres_pool import open_pool
from gateway.storage.postgres_query import postgres_query
from gateway.storage.postgres_schema import DIALECT, RUNNING, migrate
from gateway.storage.postgres_tx import PostgresTx
from gateway.storage.postgres_words import translated
from tests.storage.commit_line import Line
from tests.storage.locks import holding, waiting
from tests.storage.support import EMPTY_LOG, NOW, Signer, accept, case, inbound, outbound, thread
from tests.support.pool import pooled
from tests.support.postgres import QUICK, Cluster, cluster

Nodes = tuple[PostgresStore, PostgresStore]


@pytest.fixture
async def nodes(dsn: str) -> AsyncIterator[Nodes]:
    """Two nodes over one database, with a log about XBB begun and one case stored."""
    made = [await open_postgres(dsn, sign_batch=Signer(), now=NOW) for _ in range(2)]

    async def begin(tx: Tx) -> None:
        await tx.save_log_head("XBB", EMPTY_LOG)
        await tx.save_case(case("c1"))
        await tx.save_case(case("c2"))

    await made[0].commit(begin)
    yield made[0], made[1]
    for one in made:
        await one.close()


async def holder(dsn: str, lock: int) -> int:
    """Return the process of the server that has an advisory lock of ours for a node, once one has."""
    db = await asyncpg.connect(dsn)
    try:
        while (found := await db.fetchval(_HOLDER, SPACE, lock)) is None:
            await asyncio.sleep(0.01)
        return int(found)
    finally:
        await db.close()


_HOLDER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


# What a unit decides by does not change under it.


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that keep what they hold as long as they wait for a row: the test says when they wait no more."""
    monkeypatch.setattr(module, "HASTY_TRIES", 0)


@pytest.mark.usefixtures("patient")
async def test_a_case_is_read_as_the_other_node_left_it(nodes: Nodes, dsn: str) -> None:
    """A unit that reads a case waits for the node that is changing it, and then sees the change."""

    async def freeze(tx: Tx) -> None:
        row = await tx.find_case("c1")
        assert row is not None
        await tx.save_case(row._replace(state="FROZEN", version=row.version + 1))
        await tx.find_case("c2")  # held by the test: this node stands still in the middle of its batch

    async def state(tx: Tx) -> str:
        row = await tx.find_case("c1")
        return row.state if row else ""

    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        freezing = asyncio.create_task(nodes[0].commit(freeze))
        await waiting(dsn)
        looking = asyncio.create_task(nodes[1].commit(state))
        await waiting(dsn, 2)
        await let_go()
        await freezing
        assert (await looking).value == "FROZEN"


@pytest.mark.usefixtures("patient")
async def test_no_save_is_lost(nodes: Nodes, dsn: str) -> None:
    """Two nodes that save the same version of a case, read before: the second is told that it was changed."""
    row = await nodes[0].read(lambda tx: tx.find_case("c1"))
    assert row is not None

    async def save(tx: Tx, state: str, pause: bool) -> None:
        await tx.save_case(row._replace(state=state, version=row.version + 1))
        if pause:
            await tx.find_case("c2")

    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        first = asyncio.create_task(nodes[0].commit(lambda tx: save(tx, "FROZEN", True)))
        await waiting(dsn)
        second = asyncio.create_task(nodes[1].commit(lambda tx: save(tx, "REPLIED", False)))
        await waiting(dsn, 2)
        await let_go()
        await first
        with pytest.raises(Conflict, match="changed meanwhile"):
            await second
    kept = await nodes[0].read(lambda tx: tx.find_case("c1"))
    assert (kept.state if kept else "") == "FROZEN"


async def test_two_nodes_that_need_one_anothers_rows_wait_for_no_second(dsn: str, nodes: Nodes) -> None:
    """One lets go of what it holds long before the server looks for a ring, and is done once the other is."""
    slow = [await open_postgres(f"{dsn}?deadlock_timeout=20s", sign_batch=Signer(), now=NOW) for _ in range(2)]

    async def both(tx: Tx, mine: str, other: str) -> None:
        row = await tx.find_case(mine)
        assert row is not None
        begun.add(mine)
        while len(begun) < 2:  # each has its own before it asks for the other's
            await tx.accesses(mine)
        assert await tx.find_case(other) is not None
        await tx.save_case(row._replace(version=row.version + 1))

    begun = set[str]()
    try:
        await asyncio.gather(
            slow[0].commit(lambda tx: both(tx, "c1", "c2")), slow[1].commit(lambda tx: both(tx, "c2", "c1"))
        )
        assert [2, 2] == [row.version for row in await nodes[0].read(lambda tx: tx.cases(("RECEIVED",)))]
    finally:
        for one in slow:
            await one.close()


@pytest.mark.usefixtures("patient")
async def test_what_lets_all_messages_leave_waits_in_no_ring(dsn: str, nodes: Nodes) -> None:
    """It takes rows in no order that another node goes by: it waits until that has none of them."""
    slow = [await open_postgres(f"{dsn}?deadlock_timeout=20s", sign_batch=Signer(), now=NOW) for _ in range(2)]
    hastening: list[asyncio.Task[Any]] = []

    async def both(tx: Tx) -> None:
        assert await tx.find_outbound("XBB", "id-m1") is not None
        hastening.append(asyncio.create_task(slow[1].commit(lambda tx: tx.hasten_outbound(NOW, NOW, NOW))))
        while not await there(tx, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            pass
        assert await tx.find_outbound("XBB", "id-m0") is not None

    async def queue(tx: Tx) -> None:
        for name in ("m0", "m1"):
            await tx.save_outbound(outbound(name, thread=name, next_try_at=NOW + timedelta(days=2)))

    try:
        await nodes[0].commit(queue)
        await slow[0].commit(both)
        assert 2 == (await hastening[0]).value
    finally:
        for one in slow:
            await one.close()


@pytest.mark.usefixtures("patient")
async def test_a_thread_that_came_meanwhile_is_seen(nodes: Nodes, dsn: str) -> None:
    """Two nodes that find no thread and begin one: the second begins again, and goes on from where the first was."""

    async def next_number(tx: Tx, pause: bool) -> int:
        row = await tx.find_thread("XBB", "new") or thread(thread="new", ref=None, in_seq=0)
        if pause:
            await tx.find_case("c2")
        await tx.save_thread(row._replace(in_seq=row.in_seq + 1))
        return row.in_seq + 1

    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        slow = asyncio.create_task(nodes[0].commit(lambda tx: next_number(tx, True)))
        await waiting(dsn)
        assert (await nodes[1].commit(lambda tx: next_number(tx, False))).value == 1
        await let_go()
        assert (await slow).value == 2


@pytest.mark.usefixtures("patient")
async def test_a_log_that_was_begun_meanwhile_is_not_begun_again(nodes: Nodes, dsn: str) -> None:
    """Its end stays where the other node has brought it, or the next entry would take the place of the first."""
    begun = LogHead("XAA/XCC/1", Frontier(0, ()), "")
    grown = LogHead(begun.origin, Frontier(1, (bytes(32),)), "checkpoint 1")

    async def begin(tx: Tx) -> None:
        if await tx.log_head("XCC") is None:
            await tx.find_case("c2")
            await tx.save_log_head("XCC", begun)

    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        slow = asyncio.create_task(nodes[0].commit(begin))
        await waiting(dsn)
        await nodes[1].commit(lambda tx: tx.save_log_head("XCC", grown))
        await let_go()
        await slow
    assert grown == await nodes[1].read(lambda tx: tx.log_head("XCC"))


@pytest.mark.usefixtures("patient")
async def test_figures_that_two_nodes_write_anew_are_not_doubled(nodes: Nodes, dsn: str) -> None:
    """Two nodes that start together, and find what the figures keep in an older form, leave as much as there was."""
    await nodes[0].commit(lambda tx: tx.add_figure("{}"))

    async def anew(tx: Tx, pause: bool) -> None:
        kept = await tx.kept_figures()
        await tx.drop_figures()
        if pause:
            await tx.find_case("c2")
        for one in kept:
            await tx.add_figure(one)

    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        first = asyncio.create_task(nodes[0].commit(lambda tx: anew(tx, True)))
        await waiting(dsn)
        second = asyncio.create_task(nodes[1].commit(lambda tx: anew(tx, False)))
        await waiting(dsn, 2)
        await let_go()
        await asyncio.gather(first, second)
    assert ("{}",) == await nodes[0].read(lambda tx: tx.kept_figures())


@pytest.mark.usefixtures("patient")
async def test_a_collect_that_comes_again_as_it_would_go_stays(nodes: Nodes, dsn: str) -> None:
    """A log tells of it by the time the node that deletes has it."""
    rows = [inbound(name, type="collect", ref=None, sealed=None) for name in ("again", "over", "last")]

    async def received(tx: Tx) -> None:
        for row in rows:
            await tx.add_inbound(row)

    async def again(tx: Tx) -> None:
        await tx.save_inbound(rows[0]._replace(code="id-reuse"))
        await tx.find_case("c2")

    await nodes[0].commit(received)
    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        coming = asyncio.create_task(nodes[0].commit(again))
        await waiting(dsn)
        going = asyncio.create_task(nodes[1].commit(lambda tx: tx.purge_collects(NOW + timedelta(days=8), 9)))
        await waiting(dsn, 2)
        await let_go()
        await coming
        assert 1 == (await going).value
    assert ["id-again", "id-last"] == [one.id for one in await nodes[0].read(lambda tx: tx.traces("inbound", 0, 9))]


@pytest.mark.usefixtures("patient")
async def test_a_stop_waits_for_every_batch_and_every_batch_for_it(nodes: Nodes, dsn: str) -> None:
    """What stops contact with a State is written while no other batch is under way, so that none passes it by."""

    async def stop(tx: Tx) -> None:
        await tx.save_no_contact(NoContactRow(0, "XBB", "p1", NOW, "p2", NOW, None, None, None, None, b"why"))

    async def stopped(tx: Tx) -> int:
        return len(await tx.no_contacts())

    async def slow(tx: Tx) -> int:
        found = len(await tx.no_contacts())
        await tx.find_case("c2")
        return found + len(await tx.no_contacts())

    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        before = asyncio.create_task(nodes[0].commit(slow))
        await waiting(dsn)
        stopping = asyncio.create_task(nodes[1].commit(stop))
        await waiting(dsn, 2)
        assert not stopping.done()
        third = await open_postgres(dsn, sign_batch=Signer(), now=NOW)
        after = asyncio.create_task(third.commit(stopped))
        await waiting(dsn, 3)  # behind the stop, though it would fit beside the batch that is under way
        await let_go()
        assert ((await before).value, (await stopping).value, (await after).value) == (0, None, 1)
        await third.close()


@pytest.mark.usefixtures("patient")
async def test_a_new_epoch_of_a_partner_waits_for_every_batch(nodes: Nodes, dsn: str) -> None:
    """What another node still takes in by the card before is stored by then, so the listing that follows has it."""

    async def slow(tx: Tx) -> int | None:
        found = await epochs.current(tx, "XBB")
        await tx.find_case("c2")
        return found

    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c2' FOR UPDATE") as let_go:
        before = asyncio.create_task(nodes[0].commit(slow))
        await waiting(dsn)
        noting = asyncio.create_task(nodes[1].commit(lambda tx: epochs.note(tx, "XBB", 2, NOW)))
        await waiting(dsn, 2)
        await let_go()
        assert (await before).value is None
        await noting
    assert 2 == (await nodes[0].commit(slow)).value


async def test_batches_in_one_anothers_way_are_done_again(nodes: Nodes) -> None:
    """Nodes that take the same cases in opposite orders do not fail: one of them begins again."""

    async def both(tx: Tx, first: str, second: str) -> None:
        for ref in (first, second):
            row = await tx.find_case(ref)
            assert row is not None
            await tx.save_case(row._replace(reminders=row.reminders + 1, version=row.version + 1))

    rounds = 4  # each time the server takes a second to see it
    for _ in range(rounds):
        await asyncio.gather(
            nodes[0].commit(lambda tx: both(tx, "c1", "c2")), nodes[1].commit(lambda tx: both(tx, "c2", "c1"))
        )
    rows = [await nodes[0].read(lambda tx, ref=ref: tx.find_case(ref)) for ref in ("c1", "c2")]  # type: ignore[misc]
    assert [row.reminders for row in rows if row] == [2 * rounds, 2 * rounds]


async def test_a_read_in_anothers_way_is_made_again(nodes: Nodes, dsn: str) -> None:
    """A read that PostgreSQL ends, because it and a statement over whole tables wait for one another, is made again."""
    db = await asyncpg.connect(dsn)
    try:
        # It is the read that is ended: a session looks once for a deadlock, so long after it began to wait.
        await db.execute("SET deadlock_timeout = '20s'")
        await db.execute("BEGIN; LOCK TABLE meta IN ACCESS EXCLUSIVE MODE")
        locking: list[asyncio.Task[Any]] = []

        async def lock() -> None:
            await db.execute("LOCK TABLE case_file IN ACCESS EXCLUSIVE MODE")
            await db.execute("ROLLBACK")

        async def look(tx: Tx) -> str | None:
            await tx.find_case("c1")
            if not locking:  # it waits for what the read has, and only then the read for what it has
                locking.append(asyncio.create_task(lock()))
                while not await there(tx, "SELECT 1 FROM pg_locks WHERE NOT granted"):
                    pass
            return await tx.find_meta("nothing")

        assert await nodes[0].read(look) is None
        await locking[0]
    finally:
        await db.close()


async def test_two_nodes_take_different_messages(nodes: Nodes) -> None:
    """What one node takes to post, the other passes over and does not wait for."""

    async def queue(tx: Tx) -> None:
        for number in range(6):
            await tx.save_outbound(outbound(f"m{number}", thread=f"t{number}"))

    async def take(tx: Tx) -> list[str]:
        rows = await tx.due_outbound(NOW, 3, "XBB")
        for row in rows:
            await tx.save_outbound(row._replace(state="posted", next_try_at=row.expires_at))
        return [row.id for row in rows]

    await nodes[0].commit(queue)
    taken = await asyncio.gather(*(node.commit(take) for node in nodes))
    ids = [id for one in taken for id in one.value]
    assert sorted(ids) == sorted(set(ids))
    rest = (await nodes[0].commit(take)).value
    assert sorted([*ids, *rest]) == [f"id-m{number}" for number in range(6)]


async def test_a_log_has_one_appender_at_a_time(nodes: Nodes) -> None:
    """Entries that two nodes make at once stand one after another, none lost and none at another's place."""
    await asyncio.gather(*(nodes[number % 2].commit(accept(f"m{number}")) for number in range(40)))
    entries = await nodes[0].read(lambda tx: tx.log_entries("XAA/XBB/1"))
    head = await nodes[0].read(lambda tx: tx.log_head("XBB"))
    assert [entry.index for entry in entries] == list(range(40))
    assert (head.frontier.size if head else 0, len({entry.digest for entry in entries})) == (40, 40)


async def test_a_message_accepted_at_both_nodes_is_stored_once(nodes: Nodes) -> None:
    """Of two nodes that take in the same message at once one is told that it is stored, and looks again."""
    done = await asyncio.gather(*(node.commit(accept("same")) for node in nodes), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Committed", "Conflict"]
    conflict = next(one for one in done if isinstance(one, Conflict))
    assert "digest-same" not in str(conflict)


# Who leads, and who is told.


async def refused(dsn: str) -> None:
    """Return once a node has asked for the lock of the one that leads, and was told that another has it."""
    leads, db = await holder(dsn, LEAD), await asyncpg.connect(dsn)
    try:
        while not await db.fetchval(_ASKED, leads):
            await asyncio.sleep(0.01)
    finally:
        await db.close()


_ASKED = """
SELECT count(*) FROM pg_stat_activity
WHERE query LIKE 'SELECT pg_try_advisory_lock%' AND state = 'idle' AND pid <> $1 AND datname = current_database()
"""


async def test_another_leads_once_the_first_is_gone(nodes: Nodes, dsn: str) -> None:
    """One node runs what is done once; when its connection is gone its work ends, and the other begins."""
    led: list[int] = []
    over = asyncio.Event()

    def work(number: int) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            led.append(number)
            try:
                await asyncio.Event().wait()
            finally:
                over.set()

        return run

    first = asyncio.create_task(nodes[0].lead(work(0), lambda: None))
    await until(lambda: led == [0])
    second = asyncio.create_task(nodes[1].lead(work(1), lambda: None))
    await refused(dsn)
    assert led == [0]
    first.cancel()
    await until(lambda: led == [0, 1])
    assert over.is_set()
    second.cancel()
    await asyncio.wait({first, second})


async def test_a_leader_whose_connection_broke_stops(dsn: str, postgres: Cluster) -> None:
    """A leader that the database no longer knows as one cancels its work before it waits again, and says why."""
    begun, ended, told = asyncio.Event(), asyncio.Event(), list[Unavailable]()
    node = await open_postgres(dsn, sign_batch=Signer(), now=NOW, on_failure=told.append)

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    leading = asyncio.create_task(node.lead(work, lambda: None))
    await begun.wait()
    await postgres.execute(f"SELECT pg_terminate_backend({await holder(dsn, LEAD)})")
    await asyncio.wait_for(ended.wait(), 60)
    await until(lambda: bool(told))
    leading.cancel()
    await asyncio.wait({leading})
    await node.close()
    assert ["the database cannot be reached"] == [str(one) for one in told]


async def test_a_leader_that_is_cancelled_as_it_lets_go_ends(nodes: Nodes, postgres: Cluster, dsn: str) -> None:
    """Its connection broke, and its work takes a moment to end: who is cancelled in that moment waits no more."""
    begun, letting_go = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            letting_go.set()
            await asyncio.Event().wait()

    leading = asyncio.create_task(nodes[0].lead(work, lambda: None))
    await begun.wait()
    await postgres.execute(f"SELECT pg_terminate_backend({await holder(dsn, LEAD)})")
    await asyncio.wait_for(letting_go.wait(), 60)
    leading.cancel()
    await asyncio.wait({leading}, timeout=60)
    assert leading.cancelled()


async def test_whatever_ends_the_work_of_a_leader_its_lock_goes_with_it(nodes: Nodes, dsn: str) -> None:
    """Its work, told to end, fails in place of that: no connection stays behind that holds the lock."""
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Unavailable("as it ends") from None

    leading = asyncio.create_task(nodes[0].lead(work, lambda: None))
    await begun.wait()
    leading.cancel()
    await asyncio.wait({leading})
    db = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(60):
            while await db.fetchval(_HOLDER, SPACE, LEAD) is not None:
                await asyncio.sleep(0.01)
    finally:
        await db.close()


async def test_a_failure_of_the_leaders_work_is_raised(nodes: Nodes) -> None:
    """What the work raises ends the process that leads; it is not taken for a lost connection."""

    async def work() -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        await nodes[0].lead(work, lambda: None)


async def test_other_nodes_hear_what_was_queued(nodes: Nodes, postgres: Cluster, dsn: str) -> None:
    """A node is told when another stored a message that waits, and not when it only saved a case."""
    heard: list[None] = []
    leads = asyncio.Event()

    async def work() -> None:
        leads.set()  # it listens before it leads
        await asyncio.Event().wait()

    listening = asyncio.create_task(nodes[1].lead(work, lambda: heard.append(None)))
    await leads.wait()

    async def change(tx: Tx) -> None:
        row = await tx.find_case("c1")
        assert row is not None
        await tx.save_case(row._replace(version=2))

    async def queue(tx: Tx) -> None:
        await tx.save_outbound(outbound("m1"))

    await nodes[0].commit(change)
    await postgres.execute(f"NOTIFY {CHANNEL}", dsn)  # what was said before is heard before
    await until(lambda: bool(heard))
    assert len(heard) == 1
    await nodes[0].commit(queue)
    await until(lambda: len(heard) == 2)
    listening.cancel()
    await asyncio.wait({listening})


# Connections that break, and a server that is not there.


async def add(tx: Tx) -> str:
    """Store a case."""
    await tx.save_case(case("c9"))
    return "stored"


@pytest.mark.parametrize(("cut", "stored"), [("after", True), ("before", False)])
async def test_what_became_of_a_commit_is_asked(dsn: str, cut: str, stored: bool) -> None:
    """Where the line breaks during a commit, the caller hears what became of it: stored, or nothing stored."""
    async with Line(dsn) as line:
        store = await open_postgres(line.dsn, sign_batch=Signer(), now=NOW)
        line.cut = cut
        if stored:
            assert (await store.commit(add)).value == "stored"
        else:
            with pytest.raises(Unavailable, match="did not commit"):
                await store.commit(add)
        assert line.cuts == 1
        assert (await store.read(lambda tx: tx.find_case("c9")) is not None) is stored
        assert (await store.commit(accept_nothing)).value is None  # and it goes on
        await store.close()


async def accept_nothing(tx: Tx) -> None:
    """Look at something."""
    await tx.find_case("c1")


class Still(Exception):
    """What a unit raises behind which the server stands still."""


@contextmanager
def stopping() -> Iterator[Callable[[Tx], Awaitable[None]]]:
    """Yield a unit that has the server stand still behind its connection, and fails; in the end the server goes on."""
    stopped: list[int] = []

    async def unit(tx: Tx) -> None:
        stopped.append(await process(tx))
        os.kill(stopped[0], signal.SIGSTOP)
        raise Still

    try:
        yield unit
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


async def there(tx: Tx, statement: str) -> bool:
    """Return whether a statement finds a row, over the connection of a unit."""
    assert isinstance(tx, PostgresTx)
    return await tx._one(statement, ()) is not None


async def process(tx: Tx) -> int:
    """Return the process of the server that serves this connection."""
    assert isinstance(tx, PostgresTx)
    row = await tx._one("SELECT pg_backend_pid()", ())
    assert row is not None
    return int(row[0])


async def test_who_is_cancelled_while_it_takes_back_stays_cancelled(nodes: Nodes) -> None:
    """A read that failed and waits for a server that stands still ends when it is told to, with what it was told."""
    failed = asyncio.Event()
    with stopping() as unit:

        async def failing(tx: Tx) -> None:
            try:
                await unit(tx)
            finally:
                failed.set()

        reading = asyncio.ensure_future(nodes[0].read(failing))
        await failed.wait()
        assert not reading.done()
        reading.cancel()
        await asyncio.wait({reading}, timeout=60)
        assert reading.cancelled()
    await nodes[0].read(accept_nothing)


async def test_what_could_not_be_taken_back_is_not_gone_on_with(nodes: Nodes) -> None:
    """After a unit that failed alone over a connection that gives no answer, the next batch takes another one."""
    before = (await nodes[0].commit(process)).value
    with stopping() as unit, pytest.raises(Still):
        await nodes[0].commit(unit)
    assert (await nodes[0].commit(process)).value != before


async def test_the_server_goes_and_comes(dsn: str, postgres: Cluster) -> None:
    """Without its server a store says so with the next step; once it is back the same store goes on."""
    with cluster(*QUICK) as other:
        store = await open_postgres(other.dsn(), sign_batch=Signer(), now=NOW, create=True)
        await store.commit(add)
        await asyncio.to_thread(other.stop, "immediate")
        for attempt in (store.commit(accept_nothing), store.read(accept_nothing)):
            with pytest.raises(Unavailable, match="cannot be reached") as failed:
                await attempt
            assert failed.value.hint
            assert other.password not in str(failed.value) + failed.value.hint
        await asyncio.to_thread(other.start)
        await store.commit(accept_nothing)
        assert await store.read(lambda tx: tx.find_case("c9")) is not None
        await store.close()


async def test_what_is_wrong_with_the_address_is_not_a_server_that_is_away(dsn: str, tmp_path: Path) -> None:
    """A file that the address names and that is not there, or a certificate that is not believed, is said as that."""
    there, away = urlsplit(dsn), "a file that the address of the store leads to cannot be opened"
    nowhere = f"postgresql:///{there.path[1:]}?user={there.username}&host=/no/such/folder"
    verified = f"{dsn}{'&' if there.query else '?'}sslmode=verify-full&sslrootcert="
    unknown = verified.replace("verify-full", "most").removesuffix("&sslrootcert=")
    for address, text in {
        f"{verified}/no/such.pem": away,
        f"{verified}{tmp_path}": away,
        nowhere: away,
        unknown: "the address of the store cannot be used",
    }.items():
        with pytest.raises(Unavailable, match=text):
            await connect(address)
    assert "not believed" in reason(ssl.SSLCertVerificationError(1, "self-signed certificate"))[0]


CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def test_a_pool_that_comes_between_is_not_gone_on_over(nodes: Nodes, postgres: Cluster, dsn: str) -> None:
    """One put before the server while nodes run gives them no session: two would lead, and none wait for the disk."""
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    with pooled(dsn) as through:
        nodes[0]._dsn = through
        leading = asyncio.create_task(nodes[0].lead(work, lambda: None))
        await postgres.execute(CUT, dsn)
        with pytest.raises(Unavailable, match="connections of its own"):
            await nodes[0].commit(add)
        with pytest.raises(Unavailable, match="connections of its own"):
            await nodes[0].read(lambda tx: tx.find_case("c1"))
        leading.cancel()
        await asyncio.wait({leading})
        assert not begun.is_set()
    nodes[0]._dsn = dsn
    assert "stored" == (await nodes[0].commit(add)).value


async def test_a_slow_signer_has_fewer_to_sign_for(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a whole batch takes longer to sign than the server waits, smaller ones are made until they pass."""
    monkeypatch.setitem(module._SETTINGS, "idle_in_transaction_session_timeout", "1s")
    quick = Signer()

    def slow(heads: Mapping[str, LogHead], drafts: Sequence[Draft]) -> Signed:
        time.sleep(0.05 * len(drafts))
        return quick(heads, drafts)

    store = await open_postgres(dsn, sign_batch=slow, now=NOW)
    await store.commit(lambda tx: tx.save_log_head("XBB", EMPTY_LOG))
    names = {f"s{number}" for number in range(32)}
    while names:  # whoever was told to come later comes again
        outcomes = await asyncio.gather(*(store.commit(accept(name)) for name in names), return_exceptions=True)
        assert {Unavailable} >= {type(one) for one in outcomes if isinstance(one, BaseException)}
        names -= {one.value for one in outcomes if not isinstance(one, BaseException)}
    await store.close()


async def test_what_was_done_is_not_done_again_while_another_node_signs(dsn: str, nodes: Nodes) -> None:
    """However slowly its device signs: who comes to the end of the same log then waits, and keeps what it has done."""
    signs, quick, runs = threading.Event(), Signer(), list[None]()

    def slow(heads: Mapping[str, LogHead], drafts: Sequence[Draft]) -> Signed:
        signs.set()
        time.sleep(2 * HASTY_MS[1] / 1000)
        return quick(heads, drafts)

    async def sign() -> None:
        node = await open_postgres(dsn, sign_batch=slow, now=NOW)
        await node.commit(accept("m1"))
        await node.close()

    async def counted(tx: Tx) -> None:
        runs.append(None)
        await accept("m2")(tx)

    signing = asyncio.create_task(asyncio.to_thread(asyncio.run, sign()))
    await asyncio.to_thread(signs.wait)
    await nodes[0].commit(counted)
    await signing
    assert 1 == len(runs)


@pytest.mark.usefixtures("patient")
async def test_a_held_row_is_not_waited_for_without_end(dsn: str, nodes: Nodes) -> None:
    """A unit that waits too long for another node fails with the next step, and its batch with it."""
    async with holding(dsn, "SELECT 1 FROM case_file WHERE ref = 'c1' FOR UPDATE"):
        with pytest.raises(Unavailable, match="another node holds"):
            await nodes[0].commit(accept_nothing)


async def test_commits_wait_for_the_disk(dsn: str) -> None:
    """A connection waits for the disk at each commit, whatever the server's default is."""
    db = await connect(dsn)
    try:
        await db.execute("ALTER DATABASE " + urlsplit(dsn).path[1:] + " SET synchronous_commit = off")
        again = await connect(dsn)
        assert await again.fetchval("SHOW synchronous_commit") == "on"
        await again.close()
    finally:
        await db.execute("ALTER DATABASE " + urlsplit(dsn).path[1:] + " RESET synchronous_commit")
        await db.close()


BOUNDS = """
SELECT name, setting FROM pg_settings WHERE name IN (
    'idle_in_transaction_session_timeout', 'idle_session_timeout', 'lock_timeout', 'statement_timeout',
    'transaction_timeout')
"""


async def test_no_bound_that_somebody_set_for_the_database_is_ours(dsn: str, postgres: Cluster) -> None:
    """Each kind of connection goes by its own: a migration, a move or a cleaning would be ended, and begun anew."""
    for name, _ in await postgres.execute(BOUNDS):
        await postgres.execute(f"ALTER DATABASE {urlsplit(dsn).path[1:]} SET {name} = 4321")
    db = await connect(dsn)
    found = {"store": await db.fetch(BOUNDS)}
    await db.close()
    async with move._connected(dsn) as db:
        found["move"] = await db.fetch(BOUNDS)
    for kind in (postgres_reads, postgres_desks):
        pool = await open_pool(dsn, 1, kind._SETTINGS)
        found[kind.__name__] = await pool.fetch(BOUNDS)
        await pool.close()

    def look() -> Any:
        with postgres_query(dsn) as query:
            return query(BOUNDS)

    found["check"] = await asyncio.to_thread(look)
    theirs = {(kind, name) for kind, rows in found.items() for name, value in rows if value == "4321"}
    # Who looks, and who reads for pages, does so in one statement: nothing of theirs is idle in a transaction.
    assert {"idle_in_transaction_session_timeout"} >= {name for _, name in theirs}
    assert {"check", postgres_reads.__name__} >= {kind for kind, _ in theirs}


async def test_a_store_in_a_schema_in_which_nobody_looks_is_not_restored(dsn: str, postgres: Cluster) -> None:
    """Where somebody changed the search path: who is told that the store is gone puts a backup in its place."""
    await postgres.execute(f"ALTER DATABASE {urlsplit(dsn).path[1:]} SET search_path = elsewhere")
    with pytest.raises(StoreError, match="in the schema public") as raised:
        await open_postgres(dsn, sign_batch=Signer(), now=NOW)
    assert "restore nothing" in raised.value.hint


# The schema.


async def test_an_empty_database_is_not_taken_for_a_gateway(postgres: Cluster) -> None:
    """Without being told to make a store, an empty database is refused."""
    with pytest.raises(StoreError, match="holds no store"):
        await open_postgres(await asyncio.to_thread(postgres.create), sign_batch=Signer(), now=NOW)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_does_not_hold_every_text_is_refused(postgres: Cluster, encoding: str) -> None:
    """One in another encoding would take a gateway, and no reason in Arabic letters a year later."""
    name = f"in_{encoding.lower()}"
    await postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    with pytest.raises(StoreError, match=encoding) as refused:
        await open_postgres(postgres.dsn(name), sign_batch=Signer(), now=NOW, create=True)
    assert "UTF8" in refused.value.hint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("CREATE TABLE other (n int); DROP TABLE schema_migration", "another program"),
        ("ALTER TABLE case_file ALTER COLUMN sealed TYPE text", "altered"),
        ("DROP INDEX case_open", "altered"),
        ("INSERT INTO schema_migration VALUES (999, 'x', 0, 'x')", "knows up to"),
        ("UPDATE schema_migration SET sha256 = 'x' WHERE number = 1", "not the one applied"),
    ],
)
async def test_a_strange_schema_is_refused(postgres: Cluster, change: str, said: str) -> None:
    """A database of another program, a newer or an altered one is refused with what is wrong."""
    address = await asyncio.to_thread(postgres.create)
    await (await open_postgres(address, sign_batch=Signer(), now=NOW, create=True)).close()
    db = await asyncpg.connect(address)
    await db.execute(change)
    await db.close()
    with pytest.raises(StoreError, match=said):
        await open_postgres(address, sign_batch=Signer(), now=NOW)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("CREATE INDEX quicker ON inbound (received_at)", "quicker"),
        ("CREATE TABLE graphs (id int PRIMARY KEY)", "graphs"),
        ("ALTER TABLE inbound ADD COLUMN remark TEXT", "inbound.remark"),
        ("DROP INDEX inbound_by_id", ""),
    ],
)
async def test_what_was_added_by_hand_is_named(postgres: Cluster, change: str, named: str) -> None:
    """An index that somebody added for speed is taken out again: a backup put in its place would lose a day."""
    address = await asyncio.to_thread(postgres.create)
    await (await open_postgres(address, sign_batch=Signer(), now=NOW, create=True)).close()
    await postgres.execute(change, address)
    with pytest.raises(StoreError) as refused:
        await open_postgres(address, sign_batch=Signer(), now=NOW)
    assert ("a table or index of the store was altered" + (named and f": {named}"), ALTERED) == (
        str(refused.value),
        refused.value.hint,
    )


async def test_nothing_is_migrated_under_nodes_of_the_version_before(postgres: Cluster) -> None:
    """A node of a newer version, started while older ones run, changes nothing; once they are stopped it migrates."""
    address = await asyncio.to_thread(postgres.create)
    older = await asyncpg.connect(address)
    try:
        await migrate(older, NOW, create=True, migrations=load_migrations(DIALECT)[:1])
        await older.fetchval("SELECT pg_try_advisory_lock($1, $2)", SPACE, LEAD)
        with pytest.raises(StoreError, match="earlier version run"):
            await (await open_postgres(address, sign_batch=Signer(), now=NOW)).close()
        assert 1 == await older.fetchval("SELECT count(*) FROM schema_migration")
        await older.fetchval("SELECT pg_advisory_unlock($1, $2)", SPACE, LEAD)
        await (await open_postgres(address, sign_batch=Signer(), now=NOW)).close()
        assert len(load_migrations(DIALECT)) == await older.fetchval("SELECT count(*) FROM schema_migration")
    finally:
        await older.close()


async def test_nothing_is_migrated_under_nodes_while_nobody_leads(
    postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that waits to lead is there too: it takes seconds until it sees that the one which led has ended."""
    monkeypatch.setattr(module, "LEAD_LOOK_S", 30.0)
    address = await asyncio.to_thread(postgres.create)
    node = await open_postgres(address, sign_batch=Signer(), now=NOW, create=True)
    led = await asyncpg.connect(address)
    assert await led.fetchval("SELECT pg_try_advisory_lock($1, $2)", SPACE, LEAD)
    running = asyncio.create_task(node.lead(asyncio.Event().wait, lambda: None))  # type: ignore[arg-type]
    newer = await asyncpg.connect(address)
    try:
        await holder(address, RUNNING)
        await led.close()
        more = [*load_migrations(DIALECT), Migration(len(load_migrations(DIALECT)) + 1, "9999.sql", "SELECT 1;")]
        with pytest.raises(StoreError, match="earlier version run"):
            await migrate(newer, NOW, create=False, migrations=more)
        running.cancel()
        await asyncio.wait({running})
        assert 1 == await migrate(newer, NOW, create=False, migrations=more)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await newer.close()
        await node.close()


async def test_a_migration_takes_as_long_as_it_takes(postgres: Cluster) -> None:
    """However long a statement may take at most, here and at the server; who starts meanwhile waits and goes on."""
    address = await asyncio.to_thread(postgres.create)
    await (await open_postgres(address, sign_batch=Signer(), now=NOW, create=True)).close()
    slow = f"SELECT pg_sleep({LONGER_S + 1});"
    more = [*load_migrations(DIALECT), Migration(len(load_migrations(DIALECT)) + 1, "9999.sql", slow)]
    limits = {"statement_timeout": "1s", "lock_timeout": "1s"}
    nodes = [await asyncpg.connect(address, server_settings=limits, command_timeout=LONGER_S) for _ in range(2)]
    try:
        made = await asyncio.gather(*(migrate(one, NOW, create=False, migrations=more) for one in nodes))
        assert [0, 1] == sorted(made)
    finally:
        for one in nodes:
            await one.close()


LONGER_S = 3
"""How long a statement may take: long for one that reads a catalogue, also on a slow machine."""


@pytest.mark.usefixtures("patient")
async def test_a_node_writes_nothing_into_a_schema_of_a_newer_version(postgres: Cluster) -> None:
    """One that it did not see, for its connections had broken, ends; what that had under way came first."""
    address = await asyncio.to_thread(postgres.create)
    node = await open_postgres(address, sign_batch=Signer(), now=NOW, create=True)
    newer = await asyncpg.connect(address)
    more = [*load_migrations(DIALECT), Migration(len(load_migrations(DIALECT)) + 1, "9999.sql", "SELECT 1;")]

    async def slow(tx: Tx) -> None:
        await tx.save_case(case("before"))
        await tx.find_meta("held")

    try:
        await node.commit(lambda tx: tx.set_meta("held", "yes"))
        async with holding(address, "SELECT 1 FROM meta WHERE name = 'held' FOR UPDATE") as let_go:
            before = asyncio.create_task(node.commit(slow))
            await waiting(address)
            migrating = asyncio.create_task(migrate(newer, NOW, create=False, migrations=more))
            await waiting(address, 2)
            assert not migrating.done()
            await let_go()
            await before
            assert 1 == await migrating
        with pytest.raises(Outdated, match="newer version"):
            await node.commit(lambda tx: tx.save_case(case("after")))
        assert [("before",)] == [tuple(row) for row in await newer.fetch("SELECT ref FROM case_file")]
    finally:
        await newer.close()
        await node.close()


async def test_an_address_that_leads_nowhere_is_refused(dsn: str) -> None:
    """A server, database or password that is wrong is told with the next step, and without the password."""
    whole = urlsplit(dsn)
    for wrong in (
        whole._replace(netloc=f"{whole.username}:{whole.password}@127.0.0.1:1"),
        whole._replace(path="/nowhere"),
        whole._replace(netloc=f"{whole.username}:mistyped@127.0.0.1:{whole.port}"),
    ):
        with pytest.raises(StoreError) as failed:
            await open_postgres(wrong.geturl(), sign_batch=Signer(), now=NOW)
        assert failed.value.hint
        assert "mistyped" not in str(failed.value)


async def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return once ``true`` is."""
    for _ in range(int(seconds * 50)):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that")


async def test_a_backlog_of_one_partner_costs_the_others_nothing(nodes: Nodes, dsn: str) -> None:
    """What is due is looked for along the index of each partner, however much waits for one of them."""
    await nodes[0].commit(lambda tx: tx.save_outbound(outbound("m0", thread="t0", partner="XCC")))
    db = await asyncpg.connect(dsn)
    try:
        named = (
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'outbound' AND column_name <> 'n'"
        )
        columns = [row[0] for row in await db.fetch(named)]
        other = {"id": "id || g", "digest": "digest || g", "thread": "thread || g"}
        values = ", ".join(other.get(column, column) for column in columns)
        await db.execute(
            f"INSERT INTO outbound ({', '.join(columns)}) SELECT {values} FROM outbound, generate_series(1, 20000) AS g"  # noqa: S608
        )
        await db.execute("ANALYZE outbound")
        plan = await db.fetch(f"EXPLAIN (ANALYZE) {translated(_PARTNERS_DUE)}", NOW.timestamp())
    finally:
        await db.close()
    text = "\n".join(row[0] for row in plan)
    assert "Hash" not in text, text
    assert max(map(int, re.findall(r"rows=(\d+) loops", text))) < 1000, text
    assert ("XCC",) == await nodes[0].read(lambda tx: tx.partners_due(NOW))
