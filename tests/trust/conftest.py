"""Two or three States for every test of this folder that asks for them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cli.support import Homes, copy_homes
from tests.support.network import Network, make_network
from tests.support.trust_list import World
from tests.trust.homes import listed
from tests.trust.witnesses import three


@pytest_asyncio.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Network]:
    """XAA, XBB and XCC, each a witness of the other two."""
    made = await three(tmp_path)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Network, World]]:
    """XAA and XBB on one trust list."""
    network, world = await listed(tmp_path)
    yield network, world
    await network.close()


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Two States, XAA and XBB, that know each other."""
    made = await make_network(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def homes(tmp_path: Path) -> Homes:
    """Two fresh homes, made by the command line, that know each other."""
    return copy_homes(tmp_path)
