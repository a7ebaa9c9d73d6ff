"""A board over real gateways, and somebody of foreign affairs at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.services.board import Board
from gateway.web import board
from tests.support.network import Network, make_network
from tests.web.support import Desk, Officer, desks


@asynccontextmanager
async def board_desk(network: Network, root: Path, country: str = "XAA") -> AsyncIterator[Desk]:
    """Serve the board of the gateway of ``country``."""
    gateway = network.gateways[country]
    extra: dict[str, Any] = {
        "board": Board(gateway.inquiries, gateway.context.reckoner, tuple(gateway.context.partners))
    }
    async with desks(network, root, [board.PAGES], country, extra=extra) as made:
        yield made


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
