"""
Opening a door to strangers: aiohttp's own defaults keep an idle connection for an hour and tell versions to everyone.

The measures, with the time each leaves to a client that does nothing: TLS handshake 5 s, headers 15 s, idle 15 s,
answers that are not read 10 s, the end of a connection 3 s; a body has the limits of its door. After a refusal what
still comes is read for 1 s, so that the answer can be read.

A connection is counted from the moment it is accepted, before TLS, and by the address it comes from: whoever opens
many takes places from nobody else. Handshakes cost most of what a stranger can make us work, so that there is a bound
on how often one address may ask for one. Few are begun in a turn of the loop, and few strangers are served in one
(``gateway.http.turns``).

What comes from a trusted proxy says first for whom (``proxy_protocol``). Until then it is counted among all alone, and
that and TLS together have the time of a handshake.
"""

import asyncio
import errno
import resource
import socket
import ssl
import struct
import sys
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from itertools import product
from time import monotonic
from traceback import clear_frames
from typing import Any
from weakref import WeakSet

from aiohttp import web, web_protocol

from gateway.http.errors import NEUTRAL_SERVER, http_problem
from gateway.http.limits import Places, TokenBuckets
from gateway.http.proxy_protocol import Proxies
from gateway.http.turns import STRANGERS_IN_A_TURN, forget, meet

CONNECTIONS_MAX = 8192
CONNECTIONS_PER_ADDRESS_MAX = 256
"""Four gateways with 64 posts under way each, or forty browsers, behind one address."""

CONNECTS_PER_MINUTE = 3600
CONNECTS_AT_ONCE = 512
"""
Of one address: a partner whose line was down opens 64 at once, and no more than one for each post after that. Where an
address may have more connections, for it is a proxy that passes on those of many, it may open as many times more.
"""

ACCEPTED_IN_A_TURN = STRANGERS_IN_A_TURN // 4
"""
Each then needs three turns of a stranger: hello, the end of the handshake, a request. Of more that began, a flood of
handshakes would let none come to its end in time.
"""

REFUSED_IN_A_TURN = 8
TLS_READ_BYTES = 32 << 10
"""Set aside for each TLS connection before it says a word; asyncio takes 256 KiB, and a TLS record is 16."""

SOCKET_BYTES = 128 << 10
"""What the system holds of a connection, each way; left to itself it holds megabytes for who does not read."""

REQUESTS_QUEUED = 2
"""Of one connection, while the first is answered; aiohttp takes 32, with their bodies, and partners send one."""

HANDSHAKE_TIMEOUT_S = 5.0
UNSENT_BYTES = 64 << 10
"""What may wait to be sent on one connection before who writes has to wait."""

UNREAD_TIMEOUT_S = 10.0
"""How long a client may leave more than 64 KiB of answers unread: a telephone line needs less."""

CLOSE_TIMEOUT_S = 3.0
"""How long a connection that ends may take to send its last bytes and to be told goodbye by the other side."""

BACKLOG = 1024
SPARE_DESCRIPTORS = 512
"""Kept from strangers, for the store and for posts to partners."""

CONNECTIONS_MIN = 64
"""Of a door opened after others, where the system has no descriptors left for it: these come from the spare."""

_doors: WeakSet[Places] = WeakSet()
"""What the doors of this process have: one alone would leave what it leaves to the next to be taken there."""


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


_RESET = struct.pack("ii", 1, 0)


def _reset(transport: asyncio.WriteTransport) -> None:
    """Close at once and for good: without a reset the system would go on offering what is not read, for minutes."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class NeutralHandler(web.RequestHandler):
    """
    Answers what is no HTTP at all with a neutral problem, and writes no line: it would quote the bytes.

    It also ends a connection whose other side does not read what it asked for, or does not let go when it is over:
    aiohttp waits for either without end.
    """

    __slots__ = ("_abort", "_error_headers", "_lost")

    def __init__(self, manager: web.Server, headers: Mapping[str, str], **settings: Any) -> None:
        """``headers`` are those the door sets on every answer."""
        super().__init__(manager, loop=asyncio.get_running_loop(), **settings)
        self._error_headers = headers
        self._abort: asyncio.TimerHandle | None = None
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(high=UNSENT_BYTES)  # for TLS asyncio lets 512 KiB wait
        super().connection_made(transport)

    async def start(self) -> None:
        """Serve the connection to its end, and see to it that the end comes."""
        if self._lost:
            return  # before its turn: aiohttp would fail over what it let go of
        transport = self.transport
        try:
            await super().start()
        finally:
            if transport is not None and not self._lost:
                self._abort_in(CLOSE_TIMEOUT_S, transport)

    def pause_writing(self) -> None:
        """Wait for the other side to read, for a while."""
        super().pause_writing()
        if self.transport is not None:
            self._abort_in(UNREAD_TIMEOUT_S, self.transport)

    def resume_writing(self) -> None:
        """Write on; of a connection that is ending the time stays."""
        super().resume_writing()
        if self.transport is not None:
            self._abort_in(None)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of what the connection held."""
        self._lost = True
        self._abort_in(None)
        super().connection_lost(exc)

    def _abort_in(self, seconds: float | None, transport: asyncio.WriteTransport | None = None) -> None:
        if self._abort is not None:
            self._abort.cancel()
        self._abort = None
        if seconds is not None and transport is not None:
            self._abort = self._loop.call_later(seconds, _reset, transport)

    def log_exception(self, *_: Any, exc_info: BaseException | bool | None = None, **__: Any) -> None:
        """
        Name what aiohttp caught, in one line and without the trace: that may quote what a client sent.

        What our handlers raise is told by the door (``gateway.fault``). What comes here happened outside of them, most
        often because a connection was torn down in the middle of a body. ``InvalidStateError`` is aiohttp's own, at the
        end of the process: a handler was done in the turn in which it was waited for no longer. Its answer is written.
        """
        caught = type(exc_info)
        self.logger.error("a connection ended with %s", caught.__name__, extra={"caught": caught})

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that could not be read."""
        headers = {"Cache-Control": "no-store", "Server": NEUTRAL_SERVER, **self._error_headers}
        response = http_problem(status, headers)
        response.force_close()
        return response


class _Server(web.Server):
    def __init__(self, made: web.Server, settings: dict[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, **settings)
        self._settings = settings
        self._error_headers = headers

    def __call__(self) -> web.RequestHandler:
        return NeutralHandler(self, self._error_headers, **self._settings)


class NeutralRunner(web.AppRunner):
    """An ``AppRunner`` with ``runner_settings`` whose connections are ``NeutralHandler`` with ``headers``."""

    __slots__ = ("_headers",)

    def __init__(self, app: web.Application, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(app, **runner_settings())
        self._headers = dict(headers or {})

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._kwargs, self._headers)


def _refuse(accepted: socket.socket) -> None:
    """Close for good, and before a byte is answered."""
    with accepted, suppress(OSError):
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


_GONE = frozenset({7, 8})
"""The first byte of what Linux tells of a connection: TCP_CLOSE after a reset, TCP_CLOSE_WAIT after an end."""


def _is_gone(accepted: socket.socket) -> bool:
    """Return whether the other side has closed already; where the system does not tell, nobody is."""
    return sys.platform == "linux" and accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _GONE


class _Connection(socket.socket):
    """A connection that holds a place until its descriptor is closed, in whatever state that happens."""

    def __init__(self, accepted: socket.socket, places: Places, address: str | None) -> None:
        """``address`` is ``None`` for one that is counted for nobody yet."""
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._places, self._counted, self._held = places, address, True
        self._named: str | None = None
        meet(self.fileno(), places)

    def getpeername(self) -> Any:
        """Return whom it comes from: the address that a proxy named, with no port, or that at the other end."""
        return super().getpeername() if self._named is None else (self._named, 0)

    async def hear(self, proxies: Proxies) -> None:
        """Learn of a proxy for whom this is, and be counted for them. Raises ``OSError`` where it is closed instead."""
        try:
            self._named = await proxies.read(self)
            address = self.getpeername()[0]
            self._places.give_back(self._counted)
            self._counted, self._held = address, self._places.take(address, monotonic())
            if not self._held:
                raise ConnectionAbortedError
        except BaseException:
            _refuse(self)
            raise

    def close(self) -> None:
        """Close, and give the place back."""
        forget(self.fileno())
        super().close()
        if self._held:
            self._held = False
            self._places.give_back(self._counted)


class _Listening(socket.socket):
    """
    A listening socket that hands on a connection only if there is a place for its address.

    What comes from one of ``proxies`` is not handed on: ``serve`` serves it. Where TLS ends here (``shakes_hands``)
    nobody is handed on who has left already: a handshake with them would come to nothing.
    """

    shakes_hands = False

    def __init__(self, bound: socket.socket, places: Places, proxies: Proxies | None) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self._places = places
        self.proxies = proxies
        self.serve: Callable[[_Connection, Proxies | None], Coroutine[Any, Any, None]]
        self._beginning: set[asyncio.Task[None]] = set()
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self.setsockopt(socket.SOL_SOCKET, buffer, SOCKET_BYTES)  # whatever is accepted inherits them

    def close(self) -> None:
        """Close, and leave the descriptors of this door to others."""
        super().close()
        _doors.discard(self._places)
        for task in self._beginning:
            task.cancel()

    def listen(self, backlog: int = BACKLOG) -> None:
        """Keep a long queue; asyncio means by ``backlog`` also how many it accepts before anybody else has a turn."""
        super().listen(BACKLOG)

    def accept(self) -> tuple[socket.socket, Any]:
        """
        Accept the next that is there and has a place; what has none is reset before a byte is read.

        Raises ``ConnectionAbortedError`` where a turn has brought as many of those, and from proxies, as it may.
        """
        begun = 0
        for _ in range(REFUSED_IN_A_TURN):
            accepted, address = super().accept()
            proxies = self.proxies if self.proxies is not None and address[0] in self.proxies else None
            counted = address[0] if proxies is None else None
            gone = self.shakes_hands and proxies is None and _is_gone(accepted)
            if gone or not self._places.take(counted, monotonic()):
                _refuse(accepted)
                continue  # it cost next to nothing, and a queue of such would keep out whoever comes behind them
            connection = _Connection(accepted, self._places, counted)
            if proxies is None and not self.shakes_hands:
                return connection, address
            connection.setblocking(False)
            task = asyncio.get_running_loop().create_task(self.serve(connection, proxies))
            self._beginning.add(task)
            task.add_done_callback(partial(self._begun, connection))
            begun += 1
            if begun == ACCEPTED_IN_A_TURN:
                break
        raise ConnectionAbortedError

    def _begun(self, connection: _Connection, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        if task.cancelled():  # before its first step, perhaps
            connection.close()


class _Site(web.BaseSite):
    """One listening socket, with a bound on the time of a TLS handshake."""

    __slots__ = ("_listening",)

    def __init__(self, runner: web.BaseRunner, listening: _Listening, ssl_context: ssl.SSLContext | None) -> None:
        super().__init__(runner, ssl_context=ssl_context, backlog=ACCEPTED_IN_A_TURN)
        self._listening = listening

    @property
    def _handshake_s(self) -> float | None:
        return HANDSHAKE_TIMEOUT_S if self._ssl_context else None

    @property
    def name(self) -> str:
        """Return the address it listens on."""
        host, port, *_ = self._listening.getsockname()
        return f"{'https' if self._ssl_context else 'http'}://{host}:{port}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner was not set up")
        self._listening.serve = partial(self._serve, server)
        self._listening.shakes_hands = self._ssl_context is not None
        self._server = await asyncio.get_running_loop().create_server(
            server,
            sock=self._listening,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=self._handshake_s,
        )

    async def _serve(self, server: web.Server, connection: _Connection, proxies: Proxies | None) -> None:
        """Serve who shakes hands, and what a proxy passes on if it says for whom; what comes to nothing is closed."""
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                if proxies is not None:
                    await connection.hear(proxies)
                await asyncio.get_running_loop().connect_accepted_socket(
                    server, connection, ssl=self._ssl_context, ssl_handshake_timeout=self._handshake_s
                )
        except OSError as error:  # a time that is over, and TLS that is none, among them
            _forget(error)


def _forget(error: BaseException | None) -> None:
    """Let go of what failed: its frames hold the error, and the TLS, which would wait for the collector of garbage."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def try_address(host: str, port: int) -> None:
    """
    See that ``listen`` could take ``host`` and ``port``. It does not listen there, and hinders nobody who begins to.

    Raises ``OSError`` as that does: of an address where somebody listens, or that is not of this machine.
    """
    missing: OSError | None = None
    tried = 0
    for family, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(address)
            tried += 1
        except OSError as error:
            # A name may have an address of a family that this machine does not speak.
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                raise
            missing = error
    if not tried:
        raise missing or OSError(errno.EADDRNOTAVAIL, "no address to listen on")


def overlap(host: str, other: str) -> bool:
    """Return whether nobody can listen at both at one port: at one address, or on Linux at one beside all of them."""
    if host == other:
        return True
    for (family, address), (same, another) in product(_found(host), _found(other)):
        beside = sys.platform == "linux" and not _ALL.isdisjoint((address[0], another[0]))
        if family == same and (beside or address == another):
            return True
    return False


_ALL = frozenset({"0.0.0.0", "::"})  # noqa: S104
"""What stands for every address of a family."""


def _found(host: str) -> list[tuple[int, tuple[Any, ...]]]:
    """Return family and address of each address of ``host``, with port 0; nothing for a name that nobody knows."""
    with suppress(socket.gaierror):
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [(family, address) for family, *_, address in found]
    return []


async def _bind(host: str, port: int, places: Places, proxies: Proxies | None, *, reuse_port: bool) -> list[_Listening]:
    """Listen at each address of ``host``. Raises ``OSError`` if one is taken, or none is of this machine."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[_Listening] = []
    missing: OSError | None = None
    for family, address in dict.fromkeys((family, address) for family, *_, address in found):
        try:
            made = socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=reuse_port)
        except OSError as error:
            # A name may have an address of a family that this machine does not speak.
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                for one in bound:
                    one.close()
                raise
            missing = error
            continue
        bound.append(_Listening(made, places, proxies))
    if not bound:
        raise missing or OSError(errno.EADDRNOTAVAIL, "no address to listen on")
    return bound


def _connections(wished: int) -> int:
    """Return how many connections the system lets us have, up to ``wished``; it is asked for more if it gives few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    kept = SPARE_DESCRIPTORS + sum(places.most for places in _doors)
    needed = wished + kept
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return wished
    return max(1, min(wished, max(soft - kept, CONNECTIONS_MIN)))


async def listen(
    app: web.Application,
    host: str,
    port: int,
    *,
    ssl_context: ssl.SSLContext | None = None,
    connections_max: int = CONNECTIONS_MAX,
    per_address_max: int | None = None,
    proxies: Proxies | None = None,
    reuse_port: bool = False,
    headers: Mapping[str, str] | None = None,
) -> NeutralRunner:
    """
    Serve ``app`` on ``host`` and ``port`` and return the runner; ``await runner.cleanup()`` closes the door.

    ``port`` 0 takes a free one; ``runner.addresses`` tells which. ``per_address_max`` bounds the connections of one
    address, and by it how often it may connect; without it that is ``CONNECTIONS_PER_ADDRESS_MAX`` where TLS ends here.
    Where it does not, all come from the proxy in front, and there is no bound, unless it is one of ``proxies``, which
    say for whom they connect. ``headers`` are those the application sets on every answer, for what never reaches it.

    Raises ``OSError`` if the address cannot be listened on; nothing stays open then.
    """
    most = _connections(connections_max)
    each, rate = per_address_max or most, None
    web_protocol.MAX_MSG_QUEUE_SIZE = REQUESTS_QUEUED
    SSLProtocol.max_size = TLS_READ_BYTES
    if ssl_context is not None or proxies is not None:
        each = per_address_max or CONNECTIONS_PER_ADDRESS_MAX
        many = max(1.0, each / CONNECTIONS_PER_ADDRESS_MAX)
        rate = TokenBuckets(round(CONNECTS_PER_MINUTE * many), round(CONNECTS_AT_ONCE * many))
    runner = NeutralRunner(app, headers)
    bound: list[_Listening] = []
    await runner.setup()
    try:
        places = Places(most, each, rate)
        bound += await _bind(host, port, places, proxies, reuse_port=reuse_port)
        _doors.add(places)
        for listening in bound:
            await _Site(runner, listening, ssl_context).start()
    except BaseException:
        await runner.cleanup()
        for listening in bound:
            listening.close()
        raise
    return runner
