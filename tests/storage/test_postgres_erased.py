"""What ``docs/operations.md`` says of an erasure in PostgreSQL: what stays on the server's disk, and what ends it."""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.services.ports import Store, Tx
from tests.storage.support import case, event, inbound, outbound
from tests.support.postgres import Cluster

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

    async def fill(tx: Tx) -> None:
        for number in range(50):
            await tx.save_case(case(f"c{number}"))
        await tx.save_case(case("gone", wrapped_key=marks["key"], sealed=marks["content"] + secrets.token_bytes(9000)))
        await tx.add_event(event("gone", sealed=marks["step"]))
        await tx.add_inbound(inbound(ref="gone", sealed=marks["received"]))
        await tx.save_outbound(outbound(ref="gone", envelope=marks["sent"], sealed=marks["sent"]))

    await leave_segment(postgres)  # a checkpoint may take away the segment before this one, and what is in it
    await store.commit(fill)
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


async def leave_segment(server: Cluster) -> None:
    """Go on in the next segment of the journal, and give the old ones back for use again."""
    await server.execute("SELECT pg_switch_wal()")
    await server.execute("CHECKPOINT")
