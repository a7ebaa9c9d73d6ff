"""Fixtures: an open store of each dialect, and the signer behind it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.services.ports import Store, Tx
from gateway.storage import Worker, open_store
from tests.storage.support import EMPTY_LOG, NOW, Signer
from tests.support.postgres import QUICK, Cluster, apart, cluster


@pytest.fixture
def signer() -> Signer:
    """A signer that keeps its calls."""
    return Signer()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store stands."""
    return tmp_path / "store.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of this session."""
    with cluster(*QUICK) as made:
        yield made


@pytest.fixture(scope="session")
def template(postgres: Cluster) -> str:
    """The name of a database with the tables of the store, from which others are copied."""
    from gateway.storage.postgres import open_postgres

    async def make() -> None:
        await postgres.execute("CREATE DATABASE store_template")
        store = await open_postgres(postgres.dsn("store_template"), sign_batch=Signer(), now=NOW, create=True)
        await store.close()

    apart(make())
    return "store_template"


@pytest.fixture
def dsn(postgres: Cluster, template: str) -> str:
    """The address of an empty store in PostgreSQL."""
    return postgres.create(template)


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, path: Path, signer: Signer) -> AsyncIterator[Store]:
    """An empty store of each dialect with a log about XBB begun."""
    worker = Worker()
    if request.param == "sqlite":
        made: Store = await open_store(path, run=worker, sign_batch=signer, now=NOW, create=True)
    else:
        from gateway.storage.postgres import open_postgres

        made = await open_postgres(request.getfixturevalue("dsn"), sign_batch=signer, now=NOW)

    async def begin(tx: Tx) -> None:
        await tx.save_log_head("XBB", EMPTY_LOG)

    await made.commit(begin)
    yield made
    await made.close()
    worker.close()
