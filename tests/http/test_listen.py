"""The listener itself: TLS, its handshake, and a door that cannot be opened."""

import asyncio
import contextlib
import gc
import gzip
import socket
import ssl
import sys
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakSet

import pytest
from aiohttp import web

from gateway import configured, home
from gateway.core import envelope
from gateway.http import listen as listening
from gateway.http.listen import listen
from gateway.http.peer_api import peer_app
from gateway.services.receive import Reply
from gateway.settings import Settings
from gateway.transport.peers import HttpPeers
from keys.card import Card
from tests.http.places import until_taken
from tests.support.crowds import client_hello
from tests.support.loop_time import LONG_S, pass_


class Echo:
    """Answers an envelope with its own bytes."""

    async def receive(self, raw: bytes) -> Reply:
        return Reply(200, "application/xg1-answer+json", raw)

    async def collect(self, raw: bytes) -> Reply:
        return await self.receive(raw)

    async def take_answer(self, raw: bytes) -> None:
        return None


class Gone(asyncio.Transport):
    """A line whose other end has left."""

    high: int | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def close(self) -> None: ...


def tls_door(folder: Path) -> tuple[ssl.SSLContext, str]:
    spki = home.make_certificate(folder, "XBB", "127.0.0.1", datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context, spki


async def test_our_client_and_our_door_speak_tls_to_each_other(serve: Callable[..., Any], tmp_path: Path) -> None:
    """With the certificate a new home makes, known by its key in the card."""
    context, spki = tls_door(tmp_path)
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=context)
    card = cast(Card, SimpleNamespace(addresses=(f"https://127.0.0.1:{port}",), spki=(spki,)))
    async with HttpPeers(lambda country: card) as peers:
        answer = await peers.post("XBB", "/xg/1/messages", b"sealed", envelope.MEDIA_TYPE)
    assert (200, b"sealed") == (answer.status, answer.body)


async def test_a_handshake_ends_without_tickets(serve: Callable[..., Any], tmp_path: Path) -> None:
    """Partners do not come again on a session, so none is made ready for them, or for a flood."""
    home.make_certificate(tmp_path, "XBB", "127.0.0.1", datetime.now(UTC))
    door = {"tls_certificate": "tls.crt", "tls_key": "tls.key"}
    settings = cast(Settings, SimpleNamespace(home=tmp_path, values={"listeners": {"peers": door}}))
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=configured.tls(settings))
    reader, writer = await connect(port, secured=True)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert await reader.read()
    assert not writer.get_extra_info("ssl_object").session.has_ticket
    writer.close()


async def test_a_client_that_does_not_shake_hands_is_closed(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TLS connection that says nothing does not stay."""
    monkeypatch.setattr(listening, "HANDSHAKE_TIMEOUT_S", LONG_S)
    context, _ = tls_door(tmp_path)
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=context)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await until_taken(1)
    for seconds in (LONG_S - 60, 60):
        assert await is_open(port, secured=True)
        assert not reader.at_eof()
        pass_(seconds)
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):
            assert b"" == await reader.read()
    writer.close()


TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE


async def connect(
    port: int, address: str = "127.0.0.1", *, secured: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    tls = TRUSTING if secured else None
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0), ssl=tls)


async def is_open(port: int, address: str = "127.0.0.1", *, secured: bool = False) -> bool:
    """Tell whether the door answers a request from ``address``."""
    try:
        reader, writer = await connect(port, address, secured=secured)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answered = bool(await reader.read(1))
        writer.close()
    except ConnectionError:
        return False
    return answered


async def test_an_answer_is_whole_though_the_end_waits_for_it_no_more(serve: Callable[..., Any]) -> None:
    """aiohttp fails where a handler is done in the turn in which its time is over; its answer has left by then."""

    async def late(request: web.Request) -> web.Response:
        waiter = asyncio.get_running_loop().create_future()
        waiter.cancel()  # as ``RequestHandler.shutdown`` leaves it until it runs again
        request.protocol._handler_waiter = waiter
        return web.Response(body=b"answer" * 10_000)

    app = web.Application()
    app.router.add_get("/", late)
    reader, writer = await connect(await serve(app))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.read()).endswith(b"answer" * 10_000)
    writer.close()


async def test_connections_that_say_nothing_to_tls_are_counted(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place is taken when the connection is accepted, not when its handshake is done."""
    monkeypatch.setattr(listening, "HANDSHAKE_TIMEOUT_S", LONG_S)
    context, _ = tls_door(tmp_path)
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=context, connections_max=2)
    assert await is_open(port, secured=True)
    await until_taken(0)
    mute = [await connect(port) for _ in range(2)]
    await until_taken(2)
    assert not await is_open(port, secured=True)
    for _, writer in mute:
        writer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere loopback has one address")
async def test_one_address_does_not_take_the_places_of_another(serve: Callable[..., Any]) -> None:
    """Whoever holds their share is refused one more, and a partner from elsewhere is served."""
    port = await serve(peer_app(Echo(), Echo(), log=print), per_address_max=3)
    held = [await connect(port, "127.0.0.8") for _ in range(3)]
    await until_taken(3)
    assert [False, True] == [await is_open(port, address) for address in ("127.0.0.8", "127.0.0.9")]
    for _, writer in held:
        writer.close()
    await until_taken(0)
    assert await is_open(port, "127.0.0.8")


def test_a_place_is_given_back_once_however_often_a_connection_is_closed() -> None:
    """Given back twice, it would let in more than there is room for."""
    places = listening.Places(2, 2)
    ours, theirs = socket.socketpair()
    assert [True, True] == [places.take("a") for _ in range(2)]
    connection = listening._Connection(ours, places, "a")
    with theirs:
        for _ in range(2):
            connection.close()
    assert [True, False] == [places.take("a") for _ in range(2)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere loopback has one address")
async def test_who_is_refused_keeps_nobody_waiting() -> None:
    """A refusal costs next to nothing: one look at the queue goes past several to whoever has a place."""
    places = listening.Places(10, 1)
    (door,) = await listening._bind("127.0.0.1", 0, places, None, reuse_port=False)
    with contextlib.closing(door), contextlib.ExitStack() as lines:
        for address in ("127.0.0.8",) * 6 + ("127.0.0.9",):
            lines.enter_context(socket.create_connection(door.getsockname(), 5, (address, 0)))
        accepted = [door.accept() for _ in range(2)]
        for connection, _ in accepted:
            connection.close()
    assert ["127.0.0.8", "127.0.0.9"] == [address[0] for _, address in accepted]


async def test_a_turn_refuses_no_more_than_so_many() -> None:
    """A queue of those who have no place keeps the loop from nobody else: the rest of it waits for the next turn."""
    (door,) = await listening._bind("127.0.0.1", 0, listening.Places(10, 0), None, reuse_port=False)
    with contextlib.closing(door), contextlib.ExitStack() as lines:
        for _ in range(listening.REFUSED_IN_A_TURN + 1):
            lines.enter_context(socket.create_connection(door.getsockname(), 5))
        door.setblocking(False)
        with pytest.raises(ConnectionAbortedError):
            door.accept()
        with pytest.raises(BlockingIOError):
            door.accept()


async def test_a_turn_begins_few_handshakes() -> None:
    """Each needs turns of its own to come to its end in time, however many wait behind it."""
    (door,) = await listening._bind("127.0.0.1", 0, listening.Places(10, 10), None, reuse_port=False)
    door.shakes_hands = True
    door.setblocking(False)
    begun: list[socket.socket] = []

    async def serve(connection: socket.socket, _: object) -> None:
        begun.append(connection)

    door.serve = serve
    with contextlib.closing(door), contextlib.ExitStack() as lines:
        for _ in range(2 * listening.ACCEPTED_IN_A_TURN):
            lines.enter_context(socket.create_connection(door.getsockname(), 5))
        for turn in (1, 2):
            with pytest.raises(ConnectionAbortedError):
                door.accept()
            await asyncio.sleep(0)
            assert turn * listening.ACCEPTED_IN_A_TURN == len(begun)
        for connection in begun:
            connection.close()


@pytest.mark.parametrize(
    ("secured", "asked", "each", "rate"),
    [
        (True, None, listening.CONNECTIONS_PER_ADDRESS_MAX, (60.0, 512.0)),
        (True, 3, 3, (60.0, 512.0)),
        (True, 4 * listening.CONNECTIONS_PER_ADDRESS_MAX, 4 * listening.CONNECTIONS_PER_ADDRESS_MAX, (240.0, 2048.0)),
        (False, None, 2000, None),
    ],
)
async def test_what_one_address_may_have_goes_by_what_is_asked_for(
    serve: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    secured: bool,
    asked: int | None,
    each: int,
    rate: tuple[float, float] | None,
) -> None:
    """Connections, and connects a second and at once; behind a proxy that speaks TLS all that the door has."""
    monkeypatch.setattr(listening, "_doors", doors := WeakSet[listening.Places]())
    context = tls_door(tmp_path)[0] if secured else None
    await serve(web.Application(), ssl_context=context, per_address_max=asked, connections_max=2000)
    (made,) = doors
    assert each == made._per_address
    assert rate == (made._rate and (made._rate._rate, made._rate._room))


@pytest.mark.parametrize("sent", [b"words", b"\x16\x03\x01", None], ids=["no TLS", "cut off", "a hello"])
async def test_a_handshake_that_came_to_nothing_leaves_no_garbage(
    serve: Callable[..., Any], tmp_path: Path, sent: bytes | None
) -> None:
    """A hundred kilobytes of TLS each, which until the next collection would add up in a flood of handshakes."""
    context, _ = tls_door(tmp_path)
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=context)
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(client_hello() if sent is None else sent)
            if sent is None:
                await reader.read(1)
            writer.transport.abort()
        async with asyncio.timeout(30):
            while any(isinstance(one, SSLProtocol) for one in gc.get_objects()):
                await asyncio.sleep(0.05)
    finally:
        gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell who is gone")
async def test_who_is_gone_before_a_handshake_keeps_nobody_waiting() -> None:
    """A hello of somebody who has left costs no handshake, takes no place, and is gone past as one that is refused."""
    places = listening.Places(10, 10)
    (door,) = await listening._bind("127.0.0.1", 0, places, None, reuse_port=False)
    door.shakes_hands = True
    with contextlib.closing(door), contextlib.ExitStack() as lines:
        for number in range(6):
            with socket.create_connection(door.getsockname(), 5, ("127.0.0.8", 0)) as left:
                left.sendall(b"\x16\x03\x01")
                if number % 2:
                    left.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, listening._RESET)
        lines.enter_context(socket.create_connection(door.getsockname(), 5, ("127.0.0.9", 0)))
        served: list[socket.socket] = []

        async def serve(connection: socket.socket, _: object) -> None:
            served.append(connection)

        door.serve = serve
        door.setblocking(False)
        with pytest.raises(BlockingIOError):
            door.accept()
        assert {"127.0.0.9": 1} == dict(places._taken)
        await asyncio.sleep(0)
        served[0].close()


async def test_a_proxy_that_passes_tls_through_may_connect_for_many(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one address may have four times the connections, it may also open four times as many at once."""
    monkeypatch.setattr(
        listening, "HANDSHAKE_TIMEOUT_S", LONG_S
    )  # not what ends them, however long all take to connect
    context, _ = tls_door(tmp_path)
    more = 4 * listening.CONNECTIONS_PER_ADDRESS_MAX
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=context, per_address_max=more)
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(listening.CONNECTS_AT_ONCE + 100)]
    try:
        await until_taken(len(lines))
        reset = [reader for reader, _ in lines if reader.exception() is not None or reader.at_eof()]
        assert [] == reset
    finally:
        for _, writer in lines:
            writer.transport.abort()


@pytest.mark.parametrize("secured", [True, False])
async def test_answers_that_nobody_reads_are_not_waited_for(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secured: bool
) -> None:
    """A client that asks and never reads is reset once nothing more fits into what lies between."""
    monkeypatch.setattr(listening, "UNREAD_TIMEOUT_S", 0.3)
    context, _ = tls_door(tmp_path)
    port = await serve(many_words(), ssl_context=context if secured else None)
    async with deaf(port, secured) as transport:
        transport.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
        raw = transport.get_extra_info("socket")
        async with asyncio.timeout(60):  # nothing is read or written meanwhile: the system itself is told
            while not raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                await asyncio.sleep(0.05)


async def test_a_connection_that_is_over_is_not_kept_by_the_other_side(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that does not answer the goodbye of TLS gives its place back all the same, and soon."""
    monkeypatch.setattr(listening, "CLOSE_TIMEOUT_S", 0.3)
    context, _ = tls_door(tmp_path)
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=context, connections_max=1)
    async with deaf(port, True) as transport:
        transport.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(20):  # and not the thirty seconds of asyncio otherwise
            while not await is_open(port, secured=True):
                await asyncio.sleep(0.05)


async def test_requests_behind_one_that_is_not_answered_yet_are_left_unread(serve: Callable[..., Any]) -> None:
    """A client that sends many at once, each with a body, does not fill our memory with them."""
    asked, over, app = asyncio.Queue[web.RequestHandler](), asyncio.Event(), web.Application()

    async def answer(request: web.Request) -> web.Response:
        asked.put_nowait(request.protocol)
        await over.wait()
        return web.Response()

    app.router.add_post("/", answer)
    port = await serve(app)
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        _, writer = await asyncio.open_connection(sock=raw)
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000)
        writer.write(request * 30)
        async with asyncio.timeout(60):
            handler = await asked.get()
            while not handler._buffer_paused:
                await asyncio.sleep(0.001)
        assert 20 * len(request) < writer.transport.get_write_buffer_size()
        writer.transport.abort()
    over.set()  # whoever closes the doors waits for an answer that is still to come


def many_words() -> web.Application:
    """Return an application that answers everything with a megabyte."""
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bytes(1 << 20))

    app.router.add_get("/", answer)
    return app


@contextlib.asynccontextmanager
async def deaf(port: int, secured: bool) -> AsyncIterator[asyncio.Transport]:
    """Connect, read nothing from then on, and yield what writes."""
    loop = asyncio.get_running_loop()
    raw, protocol = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
    transport = await loop.start_tls(raw, protocol, TRUSTING) if secured else raw
    raw.pause_reading()  # below TLS, so that not even its goodbye is read
    try:
        yield transport
    finally:
        raw.abort()


def test_connections_leave_descriptors_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives few descriptors, fewer connections are taken, so that store and posts have theirs."""
    given = [(1024, 2048)]
    monkeypatch.setattr(listening.resource, "getrlimit", lambda _: given[-1])
    monkeypatch.setattr(listening.resource, "setrlimit", lambda _, limits: given.append(limits))
    assert 2048 - listening.SPARE_DESCRIPTORS == listening._connections(8192)
    assert [(1024, 2048), (2048, 2048)] == given
    assert 100 == listening._connections(100)


@pytest.mark.parametrize(
    ("hard", "asked", "second"),
    [(40_000, 2 * 8192 + listening.SPARE_DESCRIPTORS, 8192), (2048, 2048, 64)],
)
async def test_two_doors_together_leave_descriptors_to_others(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hard: int, asked: int, second: int
) -> None:
    """Strangers who fill both doors leave the store and posts what one door alone leaves them."""
    given, made = [(1024, hard)], list[listening.Places]()
    monkeypatch.setattr(listening.resource, "getrlimit", lambda _: given[-1])
    monkeypatch.setattr(listening.resource, "setrlimit", lambda _, limits: given.append(limits))
    monkeypatch.setattr(listening, "_doors", WeakSet())
    kept = listening.Places.__init__

    def keep(self: listening.Places, *given: Any) -> None:
        kept(self, *given)
        made.append(self)

    monkeypatch.setattr(listening.Places, "__init__", keep)
    for _ in range(2):
        await serve(web.Application())
    assert (asked, second) == (given[-1][0], made[1].most)


async def test_a_connection_that_is_lost_before_its_turn_fails_nothing() -> None:
    """Whoever is gone before we began to serve leaves no task that failed, in whatever order a loop takes its turns."""
    server = web.AppRunner(many_words())
    await server.setup()
    assert server.server is not None
    handler = listening.NeutralHandler(server.server, {})
    others = asyncio.all_tasks()
    handler.connection_made(Gone())
    (served,) = asyncio.all_tasks() - others
    handler.connection_lost(None)
    await asyncio.wait([served])
    assert served.cancelled() or served.exception() is None  # from Python 3.12 on aiohttp begins it at once
    await server.cleanup()


async def test_who_reads_on_is_not_reset_for_having_read_slowly() -> None:
    """The time for what is not read begins when more waits than fits, and is over once it is read."""
    server = web.AppRunner(many_words())
    await server.setup()
    assert server.server is not None
    handler, line = listening.NeutralHandler(server.server, {}), Gone()
    handler.connection_made(line)
    handler.pause_writing()
    assert (True, listening.UNSENT_BYTES) == (handler._abort is not None, line.high)
    handler.resume_writing()
    assert handler._abort is None
    handler.connection_lost(None)
    await server.cleanup()


async def test_who_reads_on_while_the_connection_ends_has_no_more_time_for_it() -> None:
    """A few bytes read now and then would keep a connection that is over open for ever."""
    server = web.AppRunner(many_words())
    await server.setup()
    assert server.server is not None
    handler = listening.NeutralHandler(server.server, {})
    handler.connection_made(Gone())
    handler.pause_writing()
    handler.force_close()
    handler.resume_writing()
    assert handler._abort is not None
    handler.connection_lost(None)
    assert handler._abort is None
    await server.cleanup()


async def test_headers_that_drip_are_not_waited_for(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose first request never ends is closed after the keep-alive time."""
    settings = listening.runner_settings()
    monkeypatch.setattr(listening, "runner_settings", lambda: settings | {"keepalive_timeout": 0.3})
    port = await serve(peer_app(Echo(), Echo(), log=print))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\n")
    async with asyncio.timeout(12):  # and not the fifteen seconds of that time otherwise
        with contextlib.suppress(ConnectionError):  # closed with what came unread, where the loop was late
            assert b"" == await reader.read()
    writer.close()


async def test_a_body_is_not_waited_for_once_its_request_was_answered(serve: Callable[..., Any]) -> None:
    """What still comes is read for a second, so that the answer can be read, and then the connection is closed."""
    port = await serve(web.Application())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
    async with asyncio.timeout(8):  # and not the ten seconds of aiohttp otherwise
        assert (await reader.read()).startswith(b"HTTP/1.1 404 ")
    writer.close()


async def ask(port: int, head: str, body: bytes = b"") -> bytes:
    """Send a request with the lines ``head``, and return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(("more", "status"), [(62, b"200"), (63, b"400")])
async def test_a_request_has_so_many_headers_and_no_more(serve: Callable[..., Any], more: int, status: bytes) -> None:
    """Each is kept for as long as its request: sixty-four are more than any partner or browser sends."""
    port = await serve(counting())
    answer = await ask(port, "".join(f"X-{number}: x\r\n" for number in range(more)))
    assert status == answer.split()[1]


async def test_what_is_packed_is_not_unpacked(serve: Callable[..., Any]) -> None:
    """A body is bounded as it comes: one that unpacks to a thousand times as much is refused, and fills nothing."""
    packed = gzip.compress(bytes(100_000))
    answer = await ask(await serve(counting()), f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n", packed)
    assert str(len(packed)).encode() == answer.partition(b"\r\n\r\n")[2]


def counting() -> web.Application:
    """Return an application that answers how many bytes it was sent."""
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    app.router.add_post("/", answer)
    return app


async def test_an_address_that_is_taken_is_said_at_once(serve: Callable[..., Any]) -> None:
    """And what was begun is closed again."""
    port = await serve(web.Application())
    with pytest.raises(OSError, match="in use"):
        await listen(web.Application(), "127.0.0.1", port)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one address on loopback")
def test_two_addresses_are_not_one_because_ports_of_one_are_busy() -> None:
    """A start was refused by chance, as often as the port that was tried was taken at the other address."""
    with contextlib.ExitStack() as busy:
        for _ in range(400):
            busy.enter_context(socket.create_server(("127.0.0.2", 0)))
        assert not any(listening.overlap("127.0.0.1", "127.0.0.2") for _ in range(400))
