"""What ``docs/operations.md`` says of backups of a PostgreSQL store: a dump that is put back is the store."""

import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.services.ports import Store
from gateway.storage.postgres import open_postgres
from gateway.storage.postgres_desks import PostgresDesks
from tests.storage.support import NOW, Signer, accept, case
from tests.support.postgres import USER, Cluster

T0 = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.fixture
def dialect() -> str:
    """A server."""
    return "postgres"


async def test_a_dump_that_is_put_back_is_the_store(store: Store, postgres: Cluster, dsn: str, tmp_path: Path) -> None:
    """A dump, restored into a database made as the manual says, is opened and holds what it held, desks among it."""
    await store.commit(lambda tx: tx.save_case(case("c1")))
    await store.commit(accept("m1"))
    desks = await PostgresDesks.open(dsn, T0)
    await desks.ask_link("first", "board", "second", T0)
    await desks.close()
    made = "CREATE DATABASE back OWNER isthmus TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
    await postgres.execute(made)
    file = tmp_path / "isthmus.dump"
    for command in (
        ["pg_dump", "--format=custom", f"--file={file}", dsn],
        ["pg_restore", "--no-owner", f"--role={USER}", "--exit-on-error", f"--dbname={postgres.dsn('back')}", file],
    ):
        tool = str(postgres.tools / str(command[0]))
        await asyncio.to_thread(subprocess.run, [tool, *command[1:]], check=True, timeout=60)
    again = await open_postgres(postgres.dsn("back"), sign_batch=Signer(), now=NOW)
    assert await store.read(lambda tx: tx.find_case("c1")) == await again.read(lambda tx: tx.find_case("c1"))
    assert b"answer claims m2" == (await again.commit(accept("m2"))).answer
    await again.close()
    desks = await PostgresDesks.open(postgres.dsn("back"), T0)
    assert "second" == await desks.link_asked("first", "board", T0.replace(hour=0), T0, take=False)
    await desks.close()
