"""Fixtures: two States whose stores are databases of one server, new for each test, and the nodes that serve them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks.accept import write_envelopes
from benchmarks.load import ENVELOPE_BYTES
from gateway.app import Gateway
from tests.support.nodes import Nodes, afresh, make_nodes
from tests.support.nodes import envelopes as envelopes_of
from tests.support.postgres import QUICK, cluster

ENVELOPES = 300


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nodes, dict[str, str]]]:
    """Both homes, and the databases that each test has copies of."""
    with cluster(*QUICK) as server:
        yield make_nodes(tmp_path_factory.mktemp("nodes"), server)


@pytest.fixture
def nodes(made: tuple[Nodes, dict[str, str]]) -> Iterator[Nodes]:
    """Both States with empty stores, and no node yet."""
    nodes, templates = made
    afresh(nodes, templates)
    yield nodes
    nodes.close()


@pytest.fixture(scope="session")
def written(made: tuple[Nodes, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of sealed requests of XAA to XBB, each of a case of its own."""
    import asyncio

    nodes, templates = made
    file = tmp_path_factory.mktemp("envelopes") / "envelopes"

    async def write() -> None:
        afresh(nodes, templates)
        gateway = await nodes.pair.open("XAA")
        write_envelopes(gateway, file, ENVELOPES)
        await gateway.close()

    asyncio.run(write())
    return file


@pytest.fixture
def envelopes(written: Path) -> list[bytes]:
    """Sealed requests of XAA to XBB."""
    return list(envelopes_of(written, ENVELOPE_BYTES))


@asynccontextmanager
async def here(nodes: Nodes, country: str) -> AsyncIterator[Gateway]:
    """Open a node of ``country`` in this process: its people work there, and others deliver."""
    gateway = await nodes.pair.open(country)
    await gateway.refresh_trust()
    try:
        yield gateway
    finally:
        await gateway.close()
