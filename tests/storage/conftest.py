"""Fixtures: an open store of each dialect, and the signer behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.services.ports import Store, Tx
from gateway.storage import Worker, open_store
from tests.storage.support import EMPTY_LOG, NOW, Signer


@pytest.fixture
def signer() -> Signer:
    """A signer that keeps its calls."""
    return Signer()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store stands."""
    return tmp_path / "store.db"


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, path: Path, signer: Signer) -> AsyncIterator[Store]:
    """An empty store with a log about XBB begun. A second dialect is one more parameter here."""
    worker = Worker()
    made = await open_store(path, run=worker, sign_batch=signer, now=NOW, create=True)

    async def begin(tx: Tx) -> None:
        await tx.save_log_head("XBB", EMPTY_LOG)

    await made.commit(begin)
    yield made
    await made.close()
    worker.close()
