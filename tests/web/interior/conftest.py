"""The interior desk of one State, or of both, for every test of this folder; some make another in its place."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.web.interior import PAGES
from tests.web.interior.case_support import two_desks
from tests.web.support import Desk, Officer, one_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk of XAA."""
    async with one_desk(tmp_path, [PAGES]) as made:
        yield made


@pytest.fixture
async def first(desk: Desk) -> Officer:
    """A case officer who has signed in."""
    return await desk.officer("first")


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    """The desks of both States of a network, with everybody a case concerns."""
    async with two_desks(tmp_path) as made:
        yield made
