"""The client for partners' doors, against real servers on the loopback, good and bad."""

import asyncio
import gc
import shutil
import ssl
import subprocess
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.core import envelope
from gateway.core.wire import ANSWER_MAX_BYTES
from gateway.http.listen import runner_settings
from gateway.services.ports import HttpAnswer, Unavailable
from gateway.transport import peers as transport
from gateway.transport.peers import (
    CONNECT_TIMEOUT_S,
    CONNECTIONS_PER_HOST,
    TIMEOUT_S,
    TLS_READ_BYTES,
    HttpPeers,
    SpkiPin,
    parse_retry_after,
    spki_hash,
    web_pki,
)
from keys import b64
from keys.card import Card
from tests.support.tls import Identity

MEDIA_TYPE = "application/xg1-envelope"
OTHER_KEY = b64.encode(bytes(32))


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("tls"))


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Door = Callable[..., Awaitable[str]]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Return ``door(handler, tls) -> address`` for a server that does whatever ``handler`` says."""
    runners = []

    async def open_door(handler: Handler, tls: ssl.SSLContext | None = None) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        return f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"

    yield open_door
    for runner in runners:
        await runner.cleanup()


def peers(*addresses: str, spki: tuple[str, ...] = (), **settings: Any) -> HttpPeers:
    """Return a client that knows one partner, XBB."""
    card = cast(Card, SimpleNamespace(addresses=addresses, spki=spki))
    return HttpPeers(lambda country: card if country == "XBB" else None, **settings)


async def ask(client: HttpPeers, path: str = "/xg/1/messages") -> HttpAnswer:
    async with client:
        return await client.post("XBB", path, b"sealed", MEDIA_TYPE)


async def answer(request: web.Request) -> web.Response:
    return web.Response(body=b"answer", content_type="application/xg1-answer+json")


async def test_a_post_brings_the_body_and_returns_the_answer(door: Door) -> None:
    """Body, media type and path arrive; no header says who or what we are."""
    seen: list[tuple[str, bytes, dict[str, str]]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.path_qs, await request.read(), dict(request.headers)))
        return web.Response(
            status=429, body=b"{}", content_type="application/problem+json", headers={"Retry-After": "30"}
        )

    address = await door(handler)
    got = await ask(peers(address + "/base/"))
    assert HttpAnswer(429, "application/problem+json", b"{}", 30.0) == got
    path, body, headers = seen[0]
    assert ("/base/xg/1/messages", b"sealed") == (path, body)
    assert {"Host", "Accept", "Accept-Encoding", "Content-Type", "Content-Length"} == set(headers)
    assert ("identity", MEDIA_TYPE) == (headers["Accept-Encoding"], headers["Content-Type"])
    assert address == f"http://{headers['Host']}"


@pytest.mark.parametrize("size", envelope.SIZES)
async def test_envelopes_of_every_size_arrive_whole(door: Door, size: int) -> None:
    """Up to the largest, with their length declared."""
    seen: list[tuple[str | None, bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        raw = b"".join([chunk async for chunk in request.content.iter_any()])
        seen.append((request.headers.get("Content-Length"), raw))
        return web.Response()

    async with peers(await door(handler)) as client:
        await client.post("XBB", "/xg/1/messages", bytes(size), MEDIA_TYPE)
    assert [(str(size), bytes(size))] == seen


async def test_a_listed_key_is_enough(door: Door, identity: Identity) -> None:
    """A self-signed certificate whose key the card lists is the partner, among several keys too."""
    address = await door(answer, identity.server())
    assert 200 == (await ask(peers(address, spki=(OTHER_KEY, identity.spki)))).status


async def test_another_key_is_refused_before_a_byte_is_sent(door: Door, identity: Identity) -> None:
    """The server never sees the request."""
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    address = await door(handler, identity.server())
    with pytest.raises(Unavailable, match="ServerFingerprintMismatch"):
        await ask(peers(address, spki=(OTHER_KEY,)))
    assert [] == seen


async def test_without_a_listed_key_the_web_pki_decides(door: Door, identity: Identity) -> None:
    """A certificate nobody vouches for is refused; one that the given authorities vouch for is taken."""
    address = await door(answer, identity.server())
    with pytest.raises(Unavailable, match="Certificate"):
        await ask(peers(address))
    trusting = ssl.create_default_context(cafile=str(identity.certificate))
    assert 200 == (await ask(peers(address, tls=trusting))).status


async def test_an_older_tls_is_refused_even_with_the_right_key(door: Door, identity: Identity) -> None:
    """TLS 1.2 is not spoken, pinned or not."""
    address = await door(answer, identity.server(ssl.TLSVersion.TLSv1_2))
    with pytest.raises(Unavailable):
        await ask(peers(address, spki=(identity.spki,)))
    with pytest.raises(Unavailable):
        await ask(peers(address))


async def test_one_connection_serves_many_posts(door: Door, identity: Identity) -> None:
    """TLS is kept alive between posts to one partner."""
    ports = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return web.Response()

    address = await door(handler, identity.server())
    async with peers(address, spki=(identity.spki,)) as client:
        for _ in range(5):
            await client.post("XBB", "/xg/1/messages", b"", MEDIA_TYPE)
    assert 1 == len(ports)


async def test_a_connection_that_lay_idle_too_long_is_not_used_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is let go of before the other gateway closes it: a post that met that end would come to nothing."""
    assert runner_settings()["keepalive_timeout"] > transport.KEEPALIVE_S
    monkeypatch.setattr(transport, "KEEPALIVE_S", 0.01)
    async with speaking(OK, OK) as (address, ports), peers(address) as client:
        await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)
        await asyncio.sleep(0.05)
        await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)
    assert 2 == len(set(ports))


async def test_one_partner_has_a_bound_of_connections_and_takes_them_from_no_other(door: Door) -> None:
    """Sixty-four posts to one are under way at once, one more waits for one of them, and that to another for none."""
    here, over = [0], asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        here[0] += 1
        await over.wait()
        return web.Response()

    doors = {"XBB": await door(slow), "XCC": await door(answer)}
    cards = {name: cast(Card, SimpleNamespace(addresses=(one,), spki=())) for name, one in doors.items()}
    async with HttpPeers(cards.get) as client, asyncio.timeout(60):
        posts = [
            asyncio.create_task(client.post("XBB", "/xg/1/messages", b"", MEDIA_TYPE))
            for _ in range(CONNECTIONS_PER_HOST + 1)
        ]
        while here[0] < CONNECTIONS_PER_HOST:
            await asyncio.sleep(0.01)
        assert 200 == (await client.post("XCC", "/xg/1/messages", b"", MEDIA_TYPE)).status
        assert CONNECTIONS_PER_HOST == here[0]
        over.set()
        assert {200} == {(await post).status for post in posts}


async def test_an_address_has_a_bound_of_time_to_connect(door: Door) -> None:
    """Far less than the whole exchange has: a dead first address leaves time for those behind it."""
    told = list[float | None]()

    class Watched(aiohttp.TCPConnector):
        async def connect(
            self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
        ) -> aiohttp.connector.Connection:
            told.append(timeout.sock_connect)
            return await super().connect(req, traces, timeout)

    assert 200 == (await ask(peers(await door(answer), connector=Watched))).status
    assert ([CONNECT_TIMEOUT_S], True) == (told, 3 * CONNECT_TIMEOUT_S < TIMEOUT_S)


async def test_a_redirect_is_not_followed(door: Door) -> None:
    """It is an answer like any other, and nobody asks there."""
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert 307 == (await ask(peers(await door(handler)))).status
    assert ["/xg/1/messages"] == seen


async def test_a_cookie_is_not_kept(door: Door) -> None:
    """Nothing links one post to the next."""
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(dict(request.cookies))
        return web.Response(headers={"Set-Cookie": "a=b"})

    async with peers(await door(handler)) as client:
        for _ in range(2):
            await client.post("XBB", "/xg/1/messages", b"", MEDIA_TYPE)
    assert [{}, {}] == seen


async def test_a_proxy_of_the_environment_is_not_used(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shell says about proxies does not move our messages."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert 200 == (await ask(peers(await door(answer)))).status


@pytest.mark.parametrize("declared", [True, False])
async def test_an_answer_beyond_its_bound_is_refused(
    door: Door, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    """With or without a length; a collect may bring more than a message's answer, up to a bound of its own."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if declared:
            return web.Response(body=bytes(ANSWER_MAX_BYTES + 1))
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(bytes(ANSWER_MAX_BYTES + 1))
        return response

    address = await door(handler)
    with pytest.raises(Unavailable, match="larger than"):
        await ask(peers(address))
    assert ANSWER_MAX_BYTES + 1 == len((await ask(peers(address), "/xg/1/collect")).body)
    monkeypatch.setattr(transport, "COLLECT_MAX_BYTES", ANSWER_MAX_BYTES)
    with pytest.raises(Unavailable, match="larger than"):
        await ask(peers(address), "/xg/1/collect")


async def test_an_answer_of_the_largest_size_is_taken(door: Door) -> None:
    """To its last byte."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=bytes(ANSWER_MAX_BYTES))

    assert ANSWER_MAX_BYTES == len((await ask(peers(await door(handler)))).body)


@pytest.mark.parametrize("how", ["gzip", "br"])
async def test_an_encoded_answer_is_refused(door: Door, how: str) -> None:
    """Nothing is unpacked, so nothing can unpack to more than it says."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": how})

    with pytest.raises(Unavailable, match="encoded"):
        await ask(peers(await door(handler)))


async def test_a_slow_answer_is_unavailable(door: Door) -> None:
    """A partner that takes the message and says nothing holds nobody up for longer than the time-out."""

    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(2)
        return web.Response()

    with pytest.raises(Unavailable, match="Timeout"):
        await ask(peers(await door(handler), timeout_s=0.2))


async def test_what_waits_may_take_longer_to_come(door: Door) -> None:
    """A reply to ``collect`` is larger than an answer, and what it brings can be had in no other way."""

    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response()

    assert 200 == (await ask(peers(await door(handler), timeout_s=0.05), "/xg/1/collect")).status


async def test_a_connection_that_breaks_is_unavailable(door: Door) -> None:
    """Also in the middle of an answer."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()  # type: ignore[attr-defined]  # a TCP transport has it
        return response

    with pytest.raises(Unavailable):
        await ask(peers(await door(handler)))


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def speaking(*said: bytes) -> AsyncIterator[tuple[str, list[int]]]:
    """Yield the address of a server that says these bytes to one request after another, and who asked it."""
    left, ports = iter(said), list[int]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\nsealed")
                ports.append(writer.get_extra_info("peername")[1])
                writer.write(answer := next(left))
                if not answer or b"HTTP/1.0" in answer:
                    break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", ports


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 199 Later\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
async def test_an_answer_may_come_in_any_form_of_http(said: bytes, body: bytes) -> None:
    """After interim ones, in chunks, up to the end of the connection, or without a body."""
    async with speaking(said) as (address, _):
        assert body == (await ask(peers(address))).body


@pytest.mark.parametrize("head", [b"", b"Upgrade: x\r\nConnection: upgrade\r\n"])
async def test_an_answer_that_changes_the_protocol_is_the_last(head: bytes) -> None:
    """Nothing of HTTP comes behind a 101: nobody waits for it, nor takes what does come for the next answer."""
    said = b"HTTP/1.1 101 Switching Protocols\r\n" + head + b"\r\n" + OK.replace(b"ok", b"no")
    async with speaking(said, OK) as (address, _), peers(address, timeout_s=60.0) as client:
        told = [await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE) for _ in range(2)]
    assert [(101, b""), (200, b"ok")] == [(one.status, one.body) for one in told]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + bytes(9000),
    ],
)
async def test_what_is_no_answer_is_unavailable(said: bytes) -> None:
    """The end of the connection, what is no HTTP, and lines without end."""
    async with speaking(said) as (address, _):
        with pytest.raises(Unavailable, match="no answer"):
            await ask(peers(address, timeout_s=60.0))


@pytest.mark.parametrize(
    "said", [OK + OK, OK[:-1], b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]
)
async def test_what_one_answer_leaves_is_not_taken_for_the_next(said: bytes) -> None:
    """A connection with more in it than an answer, with less, or that its server gives up, is not used again."""
    async with speaking(OK, said, OK) as (address, ports), peers(address) as client:
        await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)
        client._timeout_s = 0.5  # of a post that leaves at once, over the open connection, however late the loop is
        with suppress(Unavailable):
            await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)
        client._timeout_s = TIMEOUT_S
        await asyncio.sleep(0)
        assert b"ok" == (await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)).body
        assert (3, 2) == (len(ports), len(set(ports)))


async def test_a_post_that_is_given_up_leaves_no_connection_behind() -> None:
    """Its answer, should it come, is nobody else's."""
    async with speaking(OK, OK[:9], OK) as (address, ports), peers(address) as client:
        await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)
        assert b"ok" == (await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)).body
        assert (3, 2) == (len(ports), len(set(ports)))


async def test_a_second_address_serves_when_the_first_is_dead(door: Door) -> None:
    """And it is asked first from then on."""
    address = await door(answer)
    async with peers("http://127.0.0.1:1", address) as client:
        for _ in range(2):
            assert 200 == (await client.post("XBB", "/xg/1/messages", b"", MEDIA_TYPE)).status
        assert {"XBB": address} == client._last_good


async def test_an_address_that_cannot_be_is_passed_over(door: Door) -> None:
    """A card may list one, as its form lets a port have five digits; it is no fault of ours."""
    impossible = "http://127.0.0.1:99999"
    assert 200 == (await ask(peers(impossible, await door(answer)))).status
    with pytest.raises(Unavailable, match="no answer"):
        await ask(peers(impossible))


async def test_a_post_after_all_was_closed_opens_a_new_connection(door: Door) -> None:
    """A gateway whose doors are opened anew goes on with the same client."""
    async with peers(await door(answer)) as client:
        for _ in range(2):
            assert 200 == (await client.post("XBB", "/xg/1/messages", b"", MEDIA_TYPE)).status
            await client.close()


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_an_address_that_does_not_speak_the_protocol_is_passed_over(door: Door, kind: str) -> None:
    """The page of a proxy is no answer while another address has one; where none has, the first is what is told."""
    well, asked = [True], []

    async def page(request: web.Request) -> web.Response:
        asked.append(request.path)
        return await answer(request) if well and well.pop() else web.Response(status=502, content_type=kind)

    async def lost(_: web.Request) -> web.Response:
        return web.Response(status=404)

    async def problem(request: web.Request) -> web.Response:
        return web.Response(status=503, body=b"{}", headers={"Content-Type": "Application/Problem+JSON ; v=1"})

    proxy, address = await door(page), await door(answer)
    async with peers(proxy, address) as client:
        for _ in range(4):
            assert b"answer" == (await client.post("XBB", "/xg/1/messages", b"", MEDIA_TYPE)).body
        # The one that answered last is asked first: the proxy while all was well, and once more.
        assert ({"XBB": address}, 2) == (client._last_good, len(asked))
    assert 503 == (await ask(peers(proxy, await door(problem), address))).status
    for others in (["http://127.0.0.1:1"], [await door(lost)]):
        assert (502, kind) == ((got := await ask(peers(proxy, *others))).status, got.media_type)


@pytest.mark.parametrize(("status", "speaks"), [(204, True), (201, False), (206, False)])
async def test_done_is_what_the_protocol_calls_done(door: Door, status: int, speaks: bool) -> None:
    """Another success is of something else that answers there, and took no message; a 204 is not asked for twice."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status)

    assert (status if speaks else 200) == (await ask(peers(await door(handler), await door(answer)))).status


async def test_without_an_address_a_partner_is_unavailable() -> None:
    """A State that collects, is on hold or has no card has no door."""
    with pytest.raises(Unavailable, match="no address"):
        await ask(peers())
    async with peers("http://127.0.0.1:1") as client:
        with pytest.raises(Unavailable, match="no address of XCC"):
            await client.post("XCC", "/xg/1/messages", b"", MEDIA_TYPE)
        with pytest.raises(Unavailable, match="no answer"):
            await client.post("XBB", "/xg/1/messages", b"", MEDIA_TYPE)


def test_a_hash_is_of_the_key_and_not_of_the_certificate(identity: Identity) -> None:
    """A renewed certificate over the same key stays known; what is no certificate has no hash."""
    assert identity.spki == spki_hash(identity.der)
    assert "" == spki_hash(b"no certificate")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made with OpenSSL, which is not here")
async def test_a_key_whose_point_is_compressed_is_hashed_as_it_stands(door: Door, tmp_path: Path) -> None:
    """So does every other program (RFC 5480 allows the form): its card lists that hash, and its server is known."""
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    made = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key]
    pressed = ["pkey", "-in", key, "-ec_conv_form", "compressed", "-out", key]
    signed = ["req", "-x509", "-key", key, "-out", certificate, "-days", "2", "-subj", "/CN=gateway XBB"]
    for command in (made, pressed, signed):
        subprocess.run(["openssl", *command], capture_output=True, check=True)
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    point = read.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    spki = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    der = read.public_bytes(Encoding.DER)
    assert spki in der
    assert b64.encode(sha256(spki).digest()) == spki_hash(der)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    assert 200 == (await ask(peers(await door(answer, context), spki=(spki_hash(der),)))).status


@pytest.mark.parametrize(
    "point",
    [bytes(65), b"\4" + b"\2".rjust(32, b"\0") + bytes(32), b"\4" + b"\xff" * 64],
    ids=["infinity", "of-order-2-elsewhere", "not-reduced"],
)
def test_a_certificate_over_a_point_that_is_none_has_no_hash(identity: Identity, point: bytes) -> None:
    """It names no key, so that no card can list it."""
    public = x509.load_der_x509_certificate(identity.der).public_key()
    right = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert "" == spki_hash(identity.der.replace(right, point))


async def test_a_connection_sets_little_aside(door: Door, identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where TLS of our own door ends before us: sixty-four to each partner hold 2 MiB and not 16."""
    monkeypatch.setattr(SSLProtocol, "max_size", 256 << 10)
    address = await door(answer, identity.server())
    async with peers(address, spki=(identity.spki,)) as client:
        await client.post("XBB", "/xg/1/messages", b"sealed", MEDIA_TYPE)
        ours = [one for one in gc.get_objects() if isinstance(one, SSLProtocol) and not one._server_side]
        assert {TLS_READ_BYTES} == {len(one._ssl_buffer) for one in ours if one._transport is not None}


def test_pins_of_the_same_keys_are_equal() -> None:
    """Connections are shared by what is accepted, in whatever order it is listed."""
    a, b = b64.encode(bytes(32)), b64.encode(bytes([1]) * 32)
    assert SpkiPin((a, b)) == SpkiPin((b, a))
    assert len({SpkiPin((a, b)), SpkiPin((b, a)), SpkiPin((a,))}) == 2
    assert SpkiPin((a,)) != SpkiPin((b,))


def test_web_pki_is_of_tls_1_3_alone() -> None:
    """Where a card lists no key the line has the same TLS, and a certificate of that host (M-1.3)."""
    context = web_pki()
    assert (ssl.TLSVersion.TLSv1_3, ssl.CERT_REQUIRED, True) == (
        *(context.minimum_version, context.verify_mode, context.check_hostname),
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("999999", 999_999.0),
        (None, None),
        ("-1", None),
        ("1e9", None),
        ("inf", None),
        ("٣", None),
        ("9999999", None),
    ],
)
def test_retry_after_is_whole_seconds(text: str | None, seconds: float | None) -> None:
    """A date, a sign or a number nobody would wait for is no advice."""
    assert seconds == parse_retry_after(text)
