"""What only the read models over PostgreSQL can show: that they read along indexes, cannot write, and how they fail."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from gateway.services.inquire import Wanted
from gateway.services.ports import Store, Unavailable
from gateway.storage import StoreError, reads
from gateway.storage.postgres_reads import CONNECTIONS_MAX, PostgresInquiries
from tests.storage.asked import asked_of_queue
from tests.storage.queues import QUEUES
from tests.support.pool import pooled
from tests.support.postgres import Cluster

FILL = (
    """
    INSERT INTO case_file (ref, side, partner, thread, state, officer, due_at, reminders, extended, delay_notice,
        opened_at, changed_at, closed_at, words, version)
    SELECT 'c-' || n, CASE WHEN n % 2 = 0 THEN 'requesting' ELSE 'requested' END, 'X' || n % 40, 't-' || n,
        (ARRAY['ACKNOWLEDGED', 'SENT', 'CLOSED', 'RECEIVED', 'ASKED'])[1 + n / 2 % 5],
        CASE WHEN n % 11 > 0 THEN 'p' || n % 11 END,
        CASE WHEN n % 9 > 0 THEN 1767225600 + (n * 7919) % 31536000 END, 0, 0, 0, 1767225600, 1767225600,
        CASE WHEN n / 2 % 5 = 2 THEN 1767225601 END, CASE WHEN n % 50 = 0 THEN 1 + n % 3 ELSE 0 END, 1
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO case_event (ref, at, event, actor, role, source, target)
    SELECT ref, 1767225600, 'remind', 'p', 'r', 'S', 'S' FROM case_file
    """,
    """
    INSERT INTO access (ref, at, person, action, justification)
    SELECT 'c-' || n % 500, 1767225600, 'p1', 'show', 'why' FROM generate_series(1, 20000) AS n
    """,
    "ANALYZE",
)

PAGES = {
    "open": (reads._OPEN, (-1, "", 1e12, 50)),
    "open of a partner": (reads._OPEN_OF_PARTNER, ("X7", -1, "", 1e12, 50)),
    "open of an officer": (reads._OPEN_OF_OFFICER, ("p3", -1, "", 1e12, 50)),
    "of a state": (reads._OF_STATE, ("SENT", -1, "", 1e12, 50)),
    "of a state and an officer": (reads._OF_OFFICER, ("p3", "SENT", -1, "", 1e12, 50)),
    "one": (reads._BY_REF, ("c-5",)),
    "nobody's": (reads._NOBODYS, ()),
    "next officer": (reads._NEXT_OFFICER, ("p3",)),
    "looks": (reads._AUDIT, (10**9, 50)),
    "watched": (reads._WATCHED, (-1, "", 50)),
    "watched of a partner": (reads._WATCHED_OF_PARTNER, ("X8", -1, "", 50)),
    "part": (reads._IN_PART, ("X8", -1, "", 1e12, 50)),
    "counted": (f"SELECT {reads._WATCHED_COUNT}", ("X8", -1, 1e12)),
    "words": (reads._WORDS_DUE, (1, -1, "", 1e12, 50)),
    "asked": (reads._ASKED, ("X8", 50)),
}

SLOW = re.compile("Sort|Seq Scan|_pkey on case_file|Filter: .*officer").search
ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'isthmus reads'"


@pytest.fixture
def dialect() -> str:
    """A server."""
    return "postgres"


@pytest.fixture
async def filled(store: Store, postgres: Cluster, dsn: str) -> AsyncIterator[PostgresInquiries]:
    """Read models over a store of many cases, of which the planner has figures."""
    for statement in FILL:
        await postgres.execute(statement, dsn)
    made = await PostgresInquiries.open(dsn)
    yield made
    await made.close()


async def plan(inquiries: PostgresInquiries, statement: str, values: tuple[object, ...]) -> str:
    """Return how the database would run a statement."""
    return "\n".join(row[0] for row in await inquiries._all(f"EXPLAIN {statement}", values))


async def test_pages_are_read_along_an_index(filled: PostgresInquiries) -> None:
    """With twenty thousand cases no page is sorted, and none reads a table through."""
    plans = {name: await plan(filled, *page) for name, page in PAGES.items()}
    assert {} == {name: text for name, text in plans.items() if SLOW(text)}


@pytest.mark.parametrize("latest", [False, True])
async def test_queues_are_read_along_an_index(filled: PostgresInquiries, latest: bool) -> None:
    """No queue is sorted or read through, in either order."""
    asked = [one for wanted, _ in QUEUES.values() for one in await asked_of_queue(wanted, latest=latest)]
    plans = {statement: await plan(filled, statement, values) for statement, values in asked}
    assert {} == {name: text for name, text in plans.items() if SLOW(text)}


async def test_one_page_more_than_connections_waits(filled: PostgresInquiries) -> None:
    """Pages that find every connection taken wait for one."""
    found = await asyncio.gather(*(filled.count(Wanted(), most=3) for _ in range(4 * CONNECTIONS_MAX)))
    assert [3] * 4 * CONNECTIONS_MAX == found


async def test_read_models_outlive_their_connections(filled: PostgresInquiries, postgres: Cluster, dsn: str) -> None:
    """A connection that broke fails the page that used it, and none after."""
    await postgres.execute(ENDED, dsn)
    with suppress(Unavailable):
        await filled.board()
    assert 100 == len(await filled.board())


async def test_a_pool_before_the_database_is_refused(dsn: str) -> None:
    """Nothing is read over one either: each connection that is opened later is looked at."""
    with pooled(dsn) as through, pytest.raises(StoreError, match="connections of its own"):
        await PostgresInquiries.open(through)


async def test_another_database_is_no_store(postgres: Cluster) -> None:
    """Read models over a database without the tables are refused with a hint, and so are those over none."""
    for dsn in (postgres.create(), postgres.dsn("none")):
        with pytest.raises(StoreError) as caught:
            await PostgresInquiries.open(dsn)
        assert caught.value.hint
