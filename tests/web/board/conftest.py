"""A board over real gateways, and somebody of foreign affairs at it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.network import Network, make_network
from tests.web.board.support import board_desk
from tests.web.support import Desk, Officer


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Two States that know one another."""
    made = await make_network(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def desk(network: Network, tmp_path: Path) -> AsyncIterator[Desk]:
    """The desks of XAA with the board alone."""
    async with board_desk(network, tmp_path) as made:
        yield made


@pytest.fixture
async def officer(desk: Desk) -> Officer:
    """Somebody of foreign affairs, signed in."""
    return await desk.officer("board", at="board")
