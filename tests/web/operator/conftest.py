"""The operator's desk of a gateway with two operators."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.web import operator
from tests.web.operator.support import staffed_desk
from tests.web.support import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Serve the operator's pages."""
    async with staffed_desk(tmp_path, [operator.PAGES]) as made:
        yield made
