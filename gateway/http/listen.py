"""
Opening a door to strangers: aiohttp's own defaults keep an idle connection for an hour and tell versions to everyone.

The measures, with the time each leaves to a client that does nothing: TLS handshake 5 s, headers 15 s, idle 15 s; a
body has the limits of its door. After a refusal what still comes is read for 1 s, so that the answer can be read.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.http.errors import NEUTRAL_SERVER, http_problem

CONNECTIONS_MAX = 8192
HANDSHAKE_TIMEOUT_S = 5.0
BACKLOG = 1024


def runner_settings() -> dict[str, Any]:
    """Return the keyword arguments of an ``AppRunner`` for a door that strangers reach."""
    return {
        "access_log": None,  # one line a step is written by the services; a path may name a case
        "handle_signals": False,
        "keepalive_timeout": 15.0,
        "lingering_time": 1.0,
        "auto_decompress": False,  # an encoding is refused, and what is refused is not unpacked first
        "max_headers": 64,
        "shutdown_timeout": 10.0,
    }


class NeutralHandler(web.RequestHandler):
    """
    Answers what is no HTTP at all with a neutral problem, and writes no line: it would quote the bytes.

    ``error_headers`` are the headers its door sets on every answer.
    """

    __slots__ = ("error_headers",)
    error_headers: Mapping[str, str]

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that could not be read."""
        headers = {"Cache-Control": "no-store", "Server": NEUTRAL_SERVER, **self.error_headers}
        response = http_problem(status, headers)
        response.force_close()
        return response


class _Server(web.Server):
    def __init__(self, made: web.Server, settings: dict[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, **settings)
        self._settings = settings
        self._error_headers = headers

    def __call__(self) -> web.RequestHandler:
        handler = NeutralHandler(self, loop=asyncio.get_running_loop(), **self._settings)
        handler.error_headers = self._error_headers
        return handler


class NeutralRunner(web.AppRunner):
    """An ``AppRunner`` with ``runner_settings`` whose connections are ``NeutralHandler`` with ``headers``."""

    __slots__ = ("_headers",)

    def __init__(self, app: web.Application, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(app, **runner_settings())
        self._headers = dict(headers or {})

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._kwargs, self._headers)


class _Refused(asyncio.Protocol):
    """A connection beyond the bound: closed before a byte is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


class BoundedSite(web.BaseSite):
    """A TCP listener with a bound on connections and on the time of a TLS handshake."""

    __slots__ = ("_connections_max", "_host", "_port", "_reuse_port")

    def __init__(
        self,
        runner: web.BaseRunner,
        host: str,
        port: int,
        *,
        ssl_context: ssl.SSLContext | None = None,
        connections_max: int = CONNECTIONS_MAX,
        reuse_port: bool = False,
    ) -> None:
        """``port`` 0 takes a free one; ``runner.addresses`` tells which."""
        super().__init__(runner, ssl_context=ssl_context, backlog=BACKLOG)
        self._host = host
        self._port = port
        self._connections_max = connections_max
        self._reuse_port = reuse_port

    @property
    def name(self) -> str:
        """Return the address it listens on."""
        return f"{'https' if self._ssl_context else 'http'}://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        self._server = await asyncio.get_running_loop().create_server(
            self._connection,
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            reuse_port=self._reuse_port or None,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if self._ssl_context else None,
        )

    def _connection(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None or len(server.connections) >= self._connections_max:
            return _Refused()
        return server()


async def listen(
    app: web.Application,
    host: str,
    port: int,
    *,
    ssl_context: ssl.SSLContext | None = None,
    connections_max: int = CONNECTIONS_MAX,
    reuse_port: bool = False,
    headers: Mapping[str, str] | None = None,
) -> NeutralRunner:
    """
    Serve ``app`` on ``host`` and ``port`` and return the runner; ``await runner.cleanup()`` closes the door.

    ``headers`` are those the application sets on every answer, for what never reaches it.

    Raises ``OSError`` if the address cannot be listened on; nothing stays open then.
    """
    runner = NeutralRunner(app, headers)
    await runner.setup()
    site = BoundedSite(
        runner, host, port, ssl_context=ssl_context, connections_max=connections_max, reuse_port=reuse_port
    )
    try:
        await site.start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner
