"""Accounts for every test of this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.web.signin.support import House
from tests.web.signin.support import house as open_house


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Accounts in a new file."""
    async with open_house(tmp_path) as made:
        yield made
