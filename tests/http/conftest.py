"""Open any of our applications on a free port of the loopback, as the live listener does."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from gateway.http.listen import NeutralRunner, listen

Serve = Callable[..., Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return ``serve(app, **settings) -> port``; every door is closed afterwards."""
    runners: list[NeutralRunner] = []

    async def open_door(app: web.Application, **settings: object) -> int:
        runner = await listen(app, "127.0.0.1", 0, **settings)
        runners.append(runner)
        return int(runner.addresses[0][1])

    yield open_door
    for runner in runners:
        await runner.cleanup()
