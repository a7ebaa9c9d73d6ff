"""The stage of the browser tests: one for each file, on the event loop of that file."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.web.browser.stage import Stage, staged
from tests.web.chromium import CHROMIUM


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Both States with their desks over a population of cases, and a browser."""
    if not CHROMIUM.exists():
        pytest.skip("Chromium is missing")
    async with staged(tmp_path_factory.mktemp("stage")) as made:
        yield made
