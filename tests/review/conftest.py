"""A network of two gateways for every test of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.network import Network, make_network


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Two States, XAA and XBB, that know each other."""
    made = await make_network(tmp_path)
    yield made
    await made.close()
