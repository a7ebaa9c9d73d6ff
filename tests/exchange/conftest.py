"""A door shared by the tests of a module, each with threads of its own, and a fresh one for those that need it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.exchange.partner import Door, open_door


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """XBB with its door open; its clock stands still."""
    made = await open_door(tmp_path_factory.mktemp("door"))
    yield made
    await made.close()
    made.no_fault()


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Door]:
    """An XBB of one's own, whose clock, trust and store a test may change."""
    made = await open_door(tmp_path)
    yield made
    await made.close()
    made.no_fault()
