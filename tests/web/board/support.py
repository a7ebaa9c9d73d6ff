"""The board of a test's gateway, served on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.services.board import Board
from gateway.web import board
from tests.support.network import Network
from tests.web.support import Desk, desks


@asynccontextmanager
async def board_desk(network: Network, root: Path, country: str = "XAA") -> AsyncIterator[Desk]:
    """Serve the board of the gateway of ``country``."""
    gateway = network.gateways[country]
    extra: dict[str, Any] = {
        "board": Board(gateway.inquiries, gateway.context.reckoner, tuple(gateway.context.partners))
    }
    async with desks(network, root, [board.PAGES], country, extra=extra) as made:
        yield made
