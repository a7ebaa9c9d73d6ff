"""Fixtures: an open store of each dialect, and the signer behind it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.services.ports import Store, Tx
from gateway.storage import SqliteInquiries, Worker, open_store
from gateway.storage.reads import SqlInquiries
from gateway.storage.sqlite import open_memory
from tests.storage.support import EMPTY_LOG, NOW, Signer
from tests.support.postgres import EMPTIED, QUICK, Cluster, apart, cluster


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
def database(postgres: Cluster) -> str:
    """The address of the one database of this session, with the tables of the store."""
    from gateway.storage.postgres import open_postgres

    dsn = postgres.create()

    async def make() -> None:
        store = await open_postgres(dsn, sign_batch=Signer(), now=NOW, create=True)
        await store.close()

    apart(make())
    return dsn


@pytest.fixture
def dsn(postgres: Cluster, database: str) -> str:
    """The address of an empty store in PostgreSQL: emptied of what an earlier test left, with its numbers from 1."""
    apart(postgres.execute(EMPTIED, database))
    return database


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on."""
    return str(request.param)


@pytest.fixture
async def store(request: pytest.FixtureRequest, dialect: str, path: Path, signer: Signer) -> AsyncIterator[Store]:
    """An empty store of the dialect with a log about XBB begun."""
    worker = Worker()
    if dialect == "memory":
        made: Store = open_memory(sign_batch=signer, now=NOW)
    elif dialect == "sqlite":
        made = await open_store(path, run=worker, sign_batch=signer, now=NOW, create=True)
    else:
        from gateway.storage.postgres import open_postgres

        made = await open_postgres(request.getfixturevalue("dsn"), sign_batch=signer, now=NOW)

    async def begin(tx: Tx) -> None:
        await tx.save_log_head("XBB", EMPTY_LOG)

    await made.commit(begin)
    yield made
    await made.close()
    worker.close()


@pytest.fixture
async def read_models(
    request: pytest.FixtureRequest, dialect: str, store: Store, path: Path
) -> AsyncIterator[SqlInquiries]:
    """What pages read of ``store``."""
    if dialect == "sqlite":
        made: SqlInquiries = await SqliteInquiries.open(path)
    else:
        from gateway.storage.postgres_reads import PostgresInquiries

        made = await PostgresInquiries.open(request.getfixturevalue("dsn"))
    yield made
    await made.close()
