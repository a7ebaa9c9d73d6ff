"""What a proxy says before TLS: for whom it connects."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.pair import free_port
from gateway import home, serving
from gateway.http import listen as listening
from gateway.http.proxy_protocol import BINARY_MAX, SIGNATURE, TEXT_MAX, BadHeader, Header, Proxies, parse
from tests.http.places import taken, until_taken
from tests.support.loop_time import LONG_S, pass_
from tests.support.network import HandClock, make_network
from tests.support.rows import for_each

# The header: what the specification says of each form.


def binary(first: int, second: int, block: bytes, length: int | None = None) -> bytes:
    """Return a header of version 2: version and command, family and transport, addresses and what is added."""
    return SIGNATURE + bytes([first, second]) + (len(block) if length is None else length).to_bytes(2) + block


def of_four(source: str) -> bytes:
    return IPv4Address(source).packed + IPv4Address("192.168.0.11").packed + bytes([220, 4, 1, 187])


def of_six(source: str) -> bytes:
    return IPv6Address(source).packed + IPv6Address("2001:db8::11").packed + bytes([220, 4, 1, 187])


LONGEST_SIX = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
CHECKSUM = b"\x03\0\x04\0\0\0\0"
HEADERS = {
    b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n": "192.168.0.1",
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": "255.255.255.255",
    b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n": "0.0.0.0",  # noqa: S104
    f"PROXY TCP6 {LONGEST_SIX} {LONGEST_SIX} 65535 65535\r\n".encode(): LONGEST_SIX,
    b"PROXY TCP6 2001:DB8:0:0::1 ::1 1 2\r\n": "2001:db8::1",
    b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n": "192.0.2.1",
    b"PROXY TCP6 ::ffff:c000:201 ::1 1 2\r\n": "192.0.2.1",
    b"PROXY UNKNOWN\r\n": None,
    f"PROXY UNKNOWN {LONGEST_SIX} {LONGEST_SIX} 65535 65535\r\n".encode(): None,
    b"PROXY UNKNOWN \xff one \n line \r of anything\r\n": None,
    binary(0x21, 0x11, of_four("192.168.0.1")): "192.168.0.1",
    binary(0x21, 0x21, of_six("2001:db8::1")): "2001:db8::1",
    binary(0x21, 0x21, of_six("::ffff:192.0.2.1")): "192.0.2.1",
    binary(0x21, 0x11, of_four("192.168.0.1") + CHECKSUM + b"\x04\0\0"): "192.168.0.1",
    binary(0x21, 0x11, of_four("192.168.0.1") + bytes(BINARY_MAX - 28)): "192.168.0.1",
    binary(0x20, 0x00, b""): None,
    binary(0x20, 0x11, of_four("192.168.0.1")): None,
    binary(0x20, 0xFF, b"whatever"): None,
    binary(0x21, 0x00, b""): None,
    binary(0x21, 0x01, b"whatever"): None,
    binary(0x21, 0x10, of_four("192.168.0.1")): None,
    binary(0x21, 0x12, of_four("192.168.0.1")): None,
    binary(0x21, 0x31, bytes(216)): None,
    binary(0x21, 0x32, bytes(216)): None,
}


@pytest.mark.parametrize("raw", HEADERS)
@pytest.mark.parametrize("behind", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_header_names_an_address_or_is_of_the_proxy(raw: bytes, behind: bytes) -> None:
    """Each form, the longest lines among them; what is added to it is passed over, and what follows is not of it."""
    assert Header(len(raw), HEADERS[raw]) == parse(raw + behind)


def test_the_longest_lines_are_those_of_the_specification() -> None:
    """56, 104 and 107 bytes (2.1)."""
    lengths = {len(raw) for raw in HEADERS if raw.startswith(b"PROXY")}
    assert {56, 104, TEXT_MAX} <= lengths
    assert TEXT_MAX == max(lengths)


@for_each(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\xc2\xb2\r\n",
        b"PROXY TCP4 ::1 ::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n",
        b"PROXY TCP6 ::1::1 ::2 1 2\r\n",
        b"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UNKNOWN\n\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY \r\n",
        b"PROXY UNKNOWN " + b"x" * (TEXT_MAX - 15) + b"\r\n",
        b"PROXY TCP4 " + b"1" * TEXT_MAX,
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" + b"x" * TEXT_MAX,
        binary(0x11, 0x11, of_four("192.0.2.1")),
        binary(0x31, 0x11, of_four("192.0.2.1")),
        binary(0x22, 0x11, of_four("192.0.2.1")),
        binary(0x21, 0x41, of_four("192.0.2.1")),
        binary(0x21, 0x13, of_four("192.0.2.1")),
        binary(0x21, 0x11, of_four("192.0.2.1")[:-1]),
        binary(0x21, 0x21, of_six("2001:db8::1")[:-1]),
        binary(0x21, 0x11, b"", length=BINARY_MAX - 15),
        binary(0x20, 0x00, b"", length=65535),
    ],
)
def test_what_is_no_header_is_refused(raw: bytes) -> None:
    """Whatever does not match exactly, and what is longer than it may be, before all of it has come (2.1, 2.2)."""
    with pytest.raises(BadHeader):
        parse(raw)


def texts() -> st.SearchStrategy[tuple[bytes, str | None]]:
    def line(source: Any, target: Any, ports: tuple[int, int]) -> tuple[bytes, str | None]:
        words = f"PROXY TCP{source.version} {source} {target} {ports[0]} {ports[1]}\r\n"
        return words.encode(), str(getattr(source, "ipv4_mapped", None) or source)

    ports = st.tuples(*[st.integers(0, 65535)] * 2)
    kinds = [st.builds(line, st.ip_addresses(v=v), st.ip_addresses(v=v), ports) for v in (4, 6)]
    rest = st.binary(max_size=TEXT_MAX - 16).filter(lambda raw: b"\r" not in raw)
    return st.one_of(*kinds, rest.map(lambda raw: (b"PROXY UNKNOWN " + raw + b"\r\n", None)))


def binaries() -> st.SearchStrategy[tuple[bytes, str | None]]:
    def block(source: Any, target: Any, ports: bytes, more: bytes) -> tuple[bytes, str | None]:
        family = 0x11 if source.version == 4 else 0x21
        named = str(getattr(source, "ipv4_mapped", None) or source)
        return binary(0x21, family, source.packed + target.packed + ports + more), named

    ports, more = st.binary(min_size=4, max_size=4), st.binary(max_size=300)
    kinds = [st.builds(block, st.ip_addresses(v=v), st.ip_addresses(v=v), ports, more) for v in (4, 6)]
    own = st.builds(lambda kind, raw: (binary(0x20, kind, raw), None), st.integers(0, 255), more)
    return st.one_of(*kinds, own)


@given(st.one_of(texts(), binaries()), st.binary(max_size=40), st.data())
def test_as_many_bytes_are_asked_for_as_are_of_the_header(
    header: tuple[bytes, str | None], behind: bytes, data: st.DataObject
) -> None:
    """However few come at a time, whoever reads as many as are said to lack has the header, and nothing behind it."""
    raw, address = header
    line, held = raw + behind, b""
    while isinstance(missing := parse(held), int):
        assert 1 <= missing <= len(raw) - len(held)
        came = data.draw(st.integers(1, missing))
        held = line[: len(held) + came]
    assert (raw, Header(len(raw), address)) == (held, missing)


@given(st.one_of(st.binary(max_size=120), st.one_of(texts(), binaries()).map(lambda one: one[0])), st.data())
def test_any_bytes_are_a_header_or_too_few_or_none(raw: bytes, data: st.DataObject) -> None:
    """Nothing else comes of them, also where some were changed; and what follows a header makes no other of it."""
    changed = bytearray(raw)
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=2)) if raw else ():
        changed[place] = data.draw(st.integers(0, 255))
    try:
        found = parse(bytes(changed))
    except BadHeader:
        return
    if isinstance(found, int):
        assert 1 <= found < BINARY_MAX
    else:
        assert found.length <= len(changed)
        assert found == parse(bytes(changed[: found.length])) == parse(bytes(changed) + b"\r\n")


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("10.1.2.0", True),
        ("10.1.2.15", True),
        ("10.1.2.16", False),
        ("::ffff:10.1.2.3", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::7", True),
        ("fe80::1%eth0", True),
        ("::1", False),
    ],
)
def test_a_proxy_is_known_by_its_address(address: str, is_one: bool) -> None:
    """By one of its own or of its network, however that of IPv4 is written."""
    proxies = Proxies(["10.1.2.0/28", "192.0.2.7", "2001:db8::/64", "fe80::/10"], print)
    assert is_one == (address in proxies)


# The door: real connections and TLS.

FOR_ONE = b"PROXY TCP4 192.0.2.1 192.0.2.9 40000 443\r\n"
FOR_ONE_MAPPED = binary(0x21, 0x21, of_six("::ffff:192.0.2.1"))
FOR_OTHER = binary(0x21, 0x11, of_four("192.0.2.2"))
OWN = binary(0x20, 0x00, b"")

TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE

Door = Callable[..., Any]
Said = list[str]


def echo() -> web.Application:
    """Return an application that answers with the address a request came from."""
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.remote)

    app.router.add_get("/", answer)
    return app


@pytest.fixture
def said() -> Said:
    """What the door has logged."""
    return []


@pytest.fixture
def door(serve: Callable[..., Any], tmp_path: Path, said: Said) -> Door:
    """Return ``door(*proxies, **settings) -> port``: it speaks TLS, and trusts loopback unless told otherwise."""
    home.make_certificate(tmp_path, "XBB", "127.0.0.1", datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")

    async def opened(*proxies: str, **settings: Any) -> int:
        trusted = Proxies(proxies or ("127.0.0.1",), lambda event, **_: said.append(event))
        return int(await serve(echo(), proxies=trusted, **{"ssl_context": context, **settings}))

    return opened


@contextlib.asynccontextmanager
async def line(port: int, header: bytes, dripped: int = 0) -> AsyncIterator["Line"]:
    """Send ``header`` and the first bytes of TLS at once, ``dripped`` of them a byte at a time, and shake hands."""
    before = taken()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    made = Line(reader, writer)
    try:
        await made.shake_hands(header, dripped)
        yield made
    finally:
        writer.transport.abort()
        while taken() > before:  # until the door has noticed
            await asyncio.sleep(0.001)


class Line:
    """TLS over a connection that has said something before it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._come, self._go = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = TRUSTING.wrap_bio(self._come, self._go)

    async def shake_hands(self, first: bytes, dripped: int) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        first += self._go.read()
        for byte in first[:dripped]:
            self._writer.write(bytes([byte]))
            await asyncio.sleep(0)
        self._writer.write(first[dripped:])
        await self._until(self._tls.do_handshake)

    async def ask(self) -> str:
        """Return the address that the application sees."""
        self._tls.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
            answer += await self._until(lambda: self._tls.read(4096))
        return answer.rpartition(b"\r\n\r\n")[2].decode()

    async def _until(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._writer.write(self._go.read())
                if not (came := await self._reader.read(4096)):
                    raise ConnectionResetError from None
                self._come.write(came)
            finally:
                self._writer.write(self._go.read())


async def seen(port: int, header: bytes, dripped: int = 0) -> str | None:
    """Return the address that the application sees, ``None`` if the connection is closed before it is asked."""
    try:
        async with asyncio.timeout(10), line(port, header, dripped) as one:
            return await one.ask()
    except ConnectionError:
        return None


@pytest.mark.parametrize("dripped", [0, 10_000])
@pytest.mark.parametrize(
    ("header", "address"),
    [
        (FOR_ONE, "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "2001:db8::1"),
        (FOR_ONE_MAPPED, "192.0.2.1"),
        (FOR_OTHER, "192.0.2.2"),
        (binary(0x21, 0x11, of_four("192.0.2.3") + CHECKSUM), "192.0.2.3"),
        (OWN, "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (binary(0x21, 0x31, bytes(216)), "127.0.0.1"),
    ],
)
async def test_the_application_sees_whom_the_proxy_names(door: Door, header: bytes, address: str, dripped: int) -> None:
    """Whether all comes at once, the first bytes of TLS with it, or a byte at a time."""
    assert address == await seen(await door(), header, min(dripped, len(header)))


async def test_connections_are_counted_for_whom_the_proxy_names(door: Door) -> None:
    """Whoever has their share gets no more by the same proxy, however the address is written; another is served."""
    port = await door(per_address_max=1)
    async with line(port, FOR_ONE):
        asked = [await seen(port, header) for header in (FOR_ONE, FOR_ONE_MAPPED, FOR_OTHER, OWN)]
    assert [None, None, "192.0.2.2", "127.0.0.1"] == asked
    assert "192.0.2.1" == await seen(port, FOR_ONE)


async def test_handshakes_are_counted_for_whom_the_proxy_names(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shakes hands too often is refused, and another by the same proxy is not."""
    monkeypatch.setattr(listening, "CONNECTS_AT_ONCE", 2)
    monkeypatch.setattr(listening, "CONNECTS_PER_MINUTE", 1)
    port = await door()
    asked = [await seen(port, header) for header in (FOR_ONE, FOR_ONE, FOR_ONE, FOR_OTHER)]
    assert ["192.0.2.1", "192.0.2.1", None, "192.0.2.2"] == asked


async def test_addresses_are_bounded_where_tls_ended_at_the_proxy(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that names whom it connects for leaves the bounds of an address to the gateway, without TLS too."""
    monkeypatch.setattr(listening, "CONNECTIONS_PER_ADDRESS_MAX", 1)
    port = await door(ssl_context=None)
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    asked = []
    for (reader, writer), header in zip(lines, (FOR_ONE, FOR_ONE, FOR_OTHER), strict=True):
        writer.write(header + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                asked.append(await reader.read(12))
    for _, writer in lines:
        writer.transport.abort()
    assert [b"HTTP/1.1 200", b"HTTP/1.1 200"] == [one for one in asked if one]


@pytest.mark.parametrize("start", [b"", FOR_ONE[:20], OWN[:14], FOR_ONE, FOR_ONE + b"\x16\x03\x01"])
async def test_a_proxy_that_falls_silent_is_counted_and_closed(
    door: Door, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    """Before its header, in it, or between it and TLS: it has the time of a handshake, and gives its place back."""
    monkeypatch.setattr(listening, "HANDSHAKE_TIMEOUT_S", LONG_S)
    port = await door(connections_max=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    await until_taken(1)
    assert await seen(port, FOR_OTHER) is None
    pass_(LONG_S)
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):
            assert b"" == await reader.read()
    writer.close()
    await until_taken(0)
    assert "192.0.2.2" == await seen(port, FOR_OTHER)


async def test_a_proxy_that_sends_no_header_is_closed_and_said_once(door: Door, said: Said) -> None:
    """TLS at once, or something else: it is no guess whether a header comes; the log says so, a minute apart."""
    port = await door(connections_max=1)
    asked = [await seen(port, start) for start in (b"", b"x", FOR_ONE.lower(), binary(0x21, 0x11, b""))]
    assert [None] * 4 == asked
    assert ["proxy.unread"] == said
    assert "192.0.2.1" == await seen(port, FOR_ONE)


async def test_a_proxy_that_looks_whether_the_door_is_there_is_no_fault(door: Door, said: Said) -> None:
    """One that connects, says nothing or names itself, and goes."""
    port = await door(connections_max=1)
    for start in (b"", OWN, FOR_ONE[:20]):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            assert b"" == await reader.read()
        writer.close()
    assert ("192.0.2.1", []) == (await seen(port, FOR_ONE), said)


async def test_from_anybody_else_a_header_is_no_tls(door: Door) -> None:
    """Who is no proxy speaks for nobody, and is served by the address they have."""
    port = await door("127.0.0.8")
    asked = [await seen(port, header) for header in (FOR_ONE, FOR_OTHER, OWN, b"")]
    assert [None, None, None, "127.0.0.1"] == asked


async def test_a_door_that_closes_does_not_wait_for_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not said for whom it is goes with the door, and nothing of it is left."""
    monkeypatch.setattr(listening, "HANDSHAKE_TIMEOUT_S", LONG_S)
    before = asyncio.all_tasks()
    runner = await listening.listen(echo(), "127.0.0.1", 0, proxies=Proxies(["127.0.0.1"], print))
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    await until_taken(1)
    async with asyncio.timeout(60):  # and not the time of a handshake
        await runner.cleanup()
        with contextlib.suppress(ConnectionError):
            assert b"" == await reader.read()
    writer.close()
    await asyncio.sleep(0)
    assert set() == asyncio.all_tasks() - before


async def test_the_doors_that_the_configuration_names_have_proxies(tmp_path: Path) -> None:
    """Partners and people come by them, where it says so; without their header nobody is answered there."""
    network = await make_network(tmp_path)
    gateway, ports, app = network.gateways["XAA"], [free_port(), free_port()], echo()

    async def close() -> None:
        return None

    async def desks(_: object) -> Any:
        return SimpleNamespace(app=app, headers={}, close=close, run=asyncio.Event().wait)

    plain = {"host": "127.0.0.1", "tls_certificate": None, "tls_key": None, "proxies": ["127.0.0.0/28"]}
    doors = {name: {**plain, "port": port} for name, port in zip(("peers", "desks"), ports, strict=True)}
    cast(dict[str, Any], gateway.settings.values)["listeners"] = doors
    gateway.context.clock, ready = SleepingClock(), asyncio.Event()
    task = asyncio.create_task(serving.serve(gateway, ready=ready, loops=False, open_desks=desks))
    try:
        await asyncio.wait_for(ready.wait(), 30)
        answers = [await answer(port, header) for port in ports for header in (FOR_ONE, b"")]
    finally:
        task.cancel()
        await asyncio.wait({task})
        await network.close()
    assert [b"HTTP/1.1 404", b"", b"HTTP/1.1 200", b""] == answers


class SleepingClock(HandClock):
    """One for loops that run: what sleeps does not move it."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def answer(port: int, header: bytes) -> bytes:
    """Return how what a door without TLS answers begins, empty if it answers nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(header + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        async with asyncio.timeout(10):
            return await reader.read(12)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()
