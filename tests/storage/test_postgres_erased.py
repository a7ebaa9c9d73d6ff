"""What ``docs/operations.md`` says of an erasure in PostgreSQL: what stays on the server's disk, and what ends it."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from gateway.core.person_keys import PersonValue, Use
from gateway.services.ports import Store, Tx
from gateway.storage.migrate import load_migrations
from gateway.storage.postgres_schema import migrate
from tests.storage.support import NOW, case, event, inbound, outbound
from tests.support.postgres import Cluster

FILL = """
INSERT INTO case_file (ref, side, partner, thread, state, reminders, extended, delay_notice, opened_at, changed_at,
    version, wrapped, sealed)
SELECT n, 'requesting', 'XBB', n, 'SENT', 0, 0, 0, 0, 0, 1, sha256(n::text::bytea), sha256(n::text::bytea)
FROM generate_series(1, 50) AS n
"""

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def dialect() -> str:
    """A server."""
    return "postgres"


def places(server: Cluster, marks: Mapping[str, bytes]) -> dict[str, set[str]]:
    """Return in which folders of the server's data each of ``marks`` stands."""
    found: dict[str, set[str]] = {name: set() for name in marks}
    for path in (one for one in server.data.rglob("*") if one.is_file()):
        raw = path.read_bytes()
        for name, mark in marks.items():
            if mark in raw:
                found[name].add(path.relative_to(server.data).parts[0])
    return found


async def test_what_the_manual_has_done_each_night_ends_it(store: Store, postgres: Cluster, dsn: str) -> None:
    """After an erasure the server's journal holds the key still; after the statements of the manual nothing is left."""
    marks = {name: secrets.token_bytes(24) for name in ("key", "content", "step", "received", "sent")}
    marks["value"] = secrets.token_bytes(16)

    async def fill(tx: Tx) -> None:
        for number in range(50):
            await tx.save_case(case(f"c{number}"))
            await tx.add_event(event(f"c{number}", sealed=secrets.token_bytes(24)))
            await tx.save_person_values(
                f"c{number}", [PersonValue(secrets.token_bytes(16), Use.FOUND, number=False)], stop=False
            )
        await tx.save_case(case("gone", wrapped_key=marks["key"], sealed=marks["content"] + secrets.token_bytes(9000)))
        await tx.add_event(event("gone", sealed=marks["step"]))
        await tx.save_person_values("gone", [PersonValue(marks["value"], Use.FOUND, number=False)], stop=False)
        await tx.add_inbound(inbound(ref="gone", sealed=marks["received"]))
        await tx.save_outbound(outbound(ref="gone", envelope=marks["sent"], sealed=marks["sent"]))

    await leave_segment(postgres)  # a checkpoint may take away the segment before this one, and what is in it
    await store.commit(fill)
    await postgres.execute("ANALYZE", dsn)  # the server does so by itself, and keeps values it has seen
    await store.commit(lambda tx: tx.erase_case("gone"))
    await store.truncate()
    await postgres.execute("CHECKPOINT")
    assert "pg_wal" in places(postgres, marks)["key"]
    (night,) = re.findall(r"(VACUUM FULL public[^']+)'", MANUAL.read_text(encoding="utf-8"))
    await postgres.execute(night, dsn)
    (segments,) = re.findall(r"segments=.*'(SELECT[^']+)'", MANUAL.read_text(encoding="utf-8"))
    await leave_segment(postgres)
    ((kept,),) = await postgres.execute(segments)
    for _ in range(kept):
        await leave_segment(postgres)
    assert {} == {name: found for name, found in places(postgres, marks).items() if found}


async def test_what_the_planner_knew_of_sealed_columns_is_taken_away(postgres: Cluster) -> None:
    """A database of an earlier version has values of them among its figures; none is there after the upgrade."""
    dsn, known = await asyncio.to_thread(postgres.create), load_migrations("postgres")
    before = [one for one in known if not one.sql.startswith("-- The planner's figures")]
    assert len(known) - 1 == len(before)
    asked = "SELECT count(*) FROM pg_stats WHERE tablename = 'case_file' AND attname IN ('wrapped', 'sealed')"
    db = await asyncpg.connect(dsn)
    try:
        await migrate(db, NOW, create=True, migrations=before)
        await db.execute(FILL)
        await db.execute("ANALYZE case_file")
        assert 2 == await db.fetchval(asked)
        assert 1 == await migrate(db, NOW, create=False)
        await db.execute("ANALYZE case_file")
        assert 0 == await db.fetchval(asked)
    finally:
        await db.close()


async def leave_segment(server: Cluster) -> None:
    """Go on in the next segment of the journal, and give the old ones back for use again."""
    await server.execute("SELECT pg_switch_wal()")
    await server.execute("CHECKPOINT")
