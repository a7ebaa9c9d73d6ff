"""
The crowds that besiege a gateway in ``drills.flood``: slow clients, a flood, and handshakes alone.

Each is a process of its own, ``python -m tests.support.crowds JSON``, which keeps at it for a time and then prints what
it saw. The JSON names the ``work`` (``hold``, ``pour`` or ``shake``) and the arguments of that function.
"""

import asyncio
import json
import os
import random
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import ENVELOPE_BYTES
from gateway.core import envelope, wire

CROWD_NICE = 10
"""Crowds have machines of their own in life: here their work must not be taken for that of the gateway."""

STUCK_S = 60.0
"""A slow client that is still there after this long is there for good."""

PAUSE_S = 1.0
"""A slow client that was closed comes again after this long; without a pause it would be part of a flood."""

HEAD = f"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\nContent-Type: {envelope.MEDIA_TYPE}\r\n".encode()
ANSWER_HEAD = f"POST /xg/1/answers HTTP/1.1\r\nHost: x\r\nContent-Type: {wire.ANSWER_MEDIA_TYPE}\r\n".encode()
NOWHERE = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class Line:
    """A connection to the gateway, and what carries it below TLS."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    below: asyncio.Transport


async def _connect(port: int, address: str, tls: ssl.SSLContext | None, *, narrow: bool = False) -> Line:
    """Connect from ``address``; ``narrow`` leaves little room for what comes back. Raises ``OSError``."""
    raw = socket.socket()
    try:
        raw.setblocking(False)
        if narrow:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=1024 if narrow else 1 << 16)
    except BaseException:
        raw.close()
        raise
    below = writer.transport
    try:
        if tls is not None:
            await writer.start_tls(tls, server_hostname="x", ssl_handshake_timeout=STUCK_S)
    except BaseException:
        below.abort()
        raise
    return Line(reader, writer, below)  # type: ignore[arg-type]  # a TCP transport reads and writes


# The slow ones. Each returns when the gateway has closed the connection. ``again`` is a request it answers each time.


async def _say_nothing(line: Line, again: bytes) -> None:
    await line.reader.read()


async def _drip(line: Line, first: bytes, drop: bytes) -> None:
    line.writer.write(first)
    closed = asyncio.create_task(line.reader.read())
    while not closed.done() and not line.below.is_closing():
        line.writer.write(drop)
        await asyncio.wait({closed}, timeout=1.0)
    await asyncio.wait({closed})


async def _drip_headers(line: Line, again: bytes) -> None:
    await _drip(line, HEAD, b"X-A: b\r\n")


async def _drip_body(line: Line, again: bytes) -> None:
    await _drip(line, HEAD + b"Content-Length: 9349\r\n\r\nXG1", b"\0")


async def _never_let_go(line: Line, again: bytes) -> None:
    line.below.pause_reading()  # below TLS, so that not even its goodbye is read
    line.writer.write(NOWHERE * 1000)
    await _until_reset(line)


async def _never_read(line: Line, again: bytes) -> None:
    line.below.pause_reading()
    line.writer.write(again * PIPELINED)
    await _until_reset(line)


async def _read_a_byte(line: Line, again: bytes) -> None:
    line.writer.write(again * PIPELINED)
    reading = asyncio.create_task(_trickle(line))
    try:
        await _until_reset(line)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _trickle(line: Line) -> None:
    while await line.reader.read(1):
        await asyncio.sleep(1.0)


async def _until_reset(line: Line) -> None:
    """Return when the other side is gone, without a byte read or written: either would be more than it can expect."""
    raw = line.below.get_extra_info("socket")
    while raw.fileno() != -1 and raw.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 1)[0] == TCP_ESTABLISHED:
        await asyncio.sleep(0.5)


TCP_INFO = getattr(socket, "TCP_INFO", 0)
TCP_ESTABLISHED = 1
"""The first byte of what the kernel of Linux tells of a connection, while both sides are there."""

PIPELINED = 120
"""Requests at once, whose answers of 4 KiB are more than the buffers on the way to who does not read them hold."""

SLOW: Mapping[str, tuple[Callable[[Line, bytes], Awaitable[None]], bool, bool]] = {
    "nothing to TLS": (_say_nothing, False, False),
    "nothing after TLS": (_say_nothing, True, False),
    "headers drip": (_drip_headers, True, False),
    "body drips": (_drip_body, True, False),
    "never reads": (_never_read, True, True),
    "reads a byte": (_read_a_byte, True, True),
    "never lets go": (_never_let_go, True, False),
}
"""What a slow client does, whether it speaks TLS, and whether it leaves no room for answers."""

DEAF_EACH = 50
"""One client in so many never reads, one reads a byte at a time; their many requests make them part of a flood."""


def _kind(number: int) -> str:
    """Return what client ``number`` does."""
    deaf = {0: "never reads", 1: "reads a byte"}
    idle = [kind for kind in SLOW if kind not in deaf.values()]
    return deaf.get(number % DEAF_EACH, idle[number % len(idle)])


async def hold(port: int, count: int, addresses: Sequence[str], seconds: float, file: Path) -> dict[str, Any]:
    """Keep ``count`` slow clients at the door for ``seconds``; return how long each stayed, and the refused."""
    stayed: dict[str, list[float]] = {kind: [] for kind in SLOW}
    refused: Counter[str] = Counter()
    again = _with_body(HEAD, file.read_bytes()[:ENVELOPE_BYTES])
    until, tls = time.monotonic() + seconds, _tls()

    async def one(number: int) -> None:
        kind = _kind(number)
        behave, speaks_tls, narrow = SLOW[kind]
        await asyncio.sleep(number / count * min(2.0, seconds))
        while time.monotonic() < until:
            try:
                address = addresses[number % len(addresses)]
                line = await _connect(port, address, tls if speaks_tls else None, narrow=narrow)
            except OSError:
                refused[kind] += 1
                await asyncio.sleep(1.0)
                continue
            # TLS has a time of its own, and this crowd, which leaves the cores to others, may need all of it.
            began = time.monotonic()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(STUCK_S):
                    await behave(line, again)
            stayed[kind].append(time.monotonic() - began)
            line.below.abort()
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(one(number) for number in range(count)))
    return {"stayed": stayed, "refused": refused}


# The flood. Each kind is bytes to send and the statuses that may come back; 429 and 503 always may.


def _looks_valid(draw: random.Random, real: bytes) -> bytes:
    """Return a real envelope with one byte of its ciphertext changed: it costs us an opening to see that."""
    at = draw.randrange(len(real) // 2, len(real))
    return HEAD + f"Content-Length: {len(real)}\r\n\r\n".encode() + real[:at] + bytes([real[at] ^ 1]) + real[at + 1 :]


def _with_body(head: bytes, body: bytes, more: bytes = b"") -> bytes:
    return head + more + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


_SMUGGLED = b"GET /xg/1/log HTTP/1.1\r\nHost: x\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_LENGTH = b"Content-Length: %d\r\n" % (5 + len(_SMUGGLED))
_METHODS = (b"GET", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH", b"HEAD")

FLOOD: Mapping[str, tuple[Callable[[random.Random, bytes], bytes], frozenset[int]]] = {
    "looks valid": (_looks_valid, frozenset({400})),
    "too large, said": (lambda draw, real: HEAD + b"Content-Length: 99999999\r\n\r\n" + bytes(1000), frozenset({413})),
    "too large, unsaid": (
        lambda draw, real: HEAD + _CHUNKED + b"\r\n" + (b"10000\r\n" + bytes(1 << 16) + b"\r\n") * 100,
        frozenset({413}),
    ),
    "encoded": (
        lambda draw, real: _with_body(HEAD, b"\x1f\x8b" + bytes(200), b"Content-Encoding: gzip\r\n"),
        frozenset({400}),
    ),
    "deep": (lambda draw, real: _with_body(ANSWER_HEAD, b"[" * 60_000), frozenset({400})),
    "10,000 headers": (lambda draw, real: _with_body(HEAD, b"x", b"X-A: b\r\n" * 10_000), frozenset({400})),
    "no UTF-8 in a body": (lambda draw, real: _with_body(ANSWER_HEAD, b'{"receipt":"\xff\xfe\xc0"}'), frozenset({400})),
    "no UTF-8 in a head": (
        lambda draw, real: b"GET /\xff\xfe HTTP/1.1\r\nHost: \xc0\xaf\r\n\r\n",
        frozenset({400, 404, 405}),
    ),
    "two lengths": (
        lambda draw, real: HEAD + b"Content-Length: 1\r\n" + _LENGTH + b"\r\n0\r\n\r\n" + _SMUGGLED,
        frozenset({400}),
    ),
    "length and chunks": (
        lambda draw, real: HEAD + _LENGTH + _CHUNKED + b"\r\n0\r\n\r\n" + _SMUGGLED,
        frozenset({400}),
    ),
    "chunks named twice": (
        lambda draw, real: HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + _SMUGGLED,
        frozenset({400}),
    ),
    "chunks misspelt": (
        lambda draw, real: HEAD + b"Transfer-Encoding:\x0bchunked\r\n" + _LENGTH + b"\r\n0\r\n\r\n" + _SMUGGLED,
        frozenset({400}),
    ),
    "a head folded": (
        lambda draw, real: HEAD + b"X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _SMUGGLED,
        frozenset({400}),
    ),
    "wrong method": (
        lambda draw, real: draw.choice(_METHODS) + b" /xg/1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        frozenset({405}),
    ),
}
PAIRS = frozenset({"two lengths", "length and chunks", "chunks named twice", "chunks misspelt", "a head folded"})
"""Kinds that hold a second request which must never be answered."""


async def pour(
    port: int, count: int, addresses: Sequence[str], seconds: float, file: Path, seed: int
) -> dict[str, Any]:
    """Send what ``FLOOD`` holds from ``count`` connections for ``seconds``, as fast as answers come; count those."""
    told: dict[str, Counter[str]] = {kind: Counter() for kind in FLOOD}
    faults: Counter[str] = Counter()
    real = file.read_bytes()[-ENVELOPE_BYTES:]
    until, tls = time.monotonic() + seconds, _tls()

    async def one(number: int) -> None:
        draw = random.Random(seed + number)
        while time.monotonic() < until:
            kind = draw.choice(list(FLOOD))
            make, statuses = FLOOD[kind]
            try:
                async with asyncio.timeout(STUCK_S):
                    line = await _connect(port, addresses[number % len(addresses)], tls)
                    try:
                        answer = await _ask(line, make(draw, real))
                        _judge(kind, answer, statuses, told[kind], faults)
                    finally:
                        line.below.abort()
            except TimeoutError:
                faults[f"{kind}: never answered"] += 1
            except (OSError, EOFError):
                told[kind]["closed"] += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one(number) for number in range(count)))
    return {"told": told, "faults": faults}


async def _ask(line: Line, request: bytes) -> bytes:
    """Send ``request`` and return all that comes back; raises ``OSError`` or ``EOFError`` if nothing does."""
    line.writer.write(request)
    answer = await line.reader.readuntil(b"\r\n\r\n")
    with suppress(OSError):  # a connection may be reset while we still send, once the answer is there
        answer += await line.reader.read()
    return answer


def _judge(kind: str, answer: bytes, statuses: frozenset[int], told: Counter[str], faults: Counter[str]) -> None:
    status = int(answer[9:12])
    told[str(status)] += 1
    if status not in statuses | {429, 503}:
        faults[f"{kind}: {status}"] += 1
    if status in (429, 503) and b"\r\nRetry-After: " not in answer:
        faults[f"{kind}: {status} without Retry-After"] += 1
    if kind in PAIRS and answer.count(b"HTTP/1.") != 1:
        faults[f"{kind}: the second request was answered"] += 1


# The handshakes. They cost the gateway most once it has a whole hello: it makes a key, and signs.

SHAKES = ("finished", "left once answered", "gone after a hello", "silent in a hello")
"""What a client does with a handshake, again and again."""


async def shake(port: int, count: int, addresses: Sequence[str], seconds: float, file: Path) -> dict[str, Any]:
    """Have ``count`` clients begin handshakes for ``seconds``, each one after the other; count how they went."""
    told: dict[str, Counter[str]] = {kind: Counter() for kind in SHAKES}
    until, tls, hello = time.monotonic() + seconds, _tls(), client_hello()

    async def one(number: int) -> None:
        kind = SHAKES[number % len(SHAKES)]
        while time.monotonic() < until:
            try:
                async with asyncio.timeout(STUCK_S):
                    line = await _connect(port, addresses[number % len(addresses)], tls if kind == "finished" else None)
                    try:
                        await _begin(kind, line, hello)
                    finally:
                        line.below.abort()
                told[kind]["done"] += 1
            except (OSError, TimeoutError):
                told[kind]["refused"] += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one(number) for number in range(count)))
    return {"told": told, "faults": {}}


async def _begin(kind: str, line: Line, hello: bytes) -> None:
    """Send what this kind sends of a handshake, and wait for what it waits for."""
    if kind == "left once answered":
        line.writer.write(hello)
        if not await line.reader.read(1):
            raise ConnectionAbortedError
    elif kind == "gone after a hello":
        line.writer.write(hello)
    elif kind == "silent in a hello":
        line.writer.write(hello[: len(hello) // 2])
        await line.reader.read()


def client_hello() -> bytes:
    """Return the first bytes of a client; a server cannot tell that they were sent before."""
    there, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        _tls().wrap_bio(there, hello, server_hostname="x").do_handshake()
    return hello.read()


def be_crowd(arguments: Mapping[str, Any]) -> None:
    """Be one of the crowds as ``arguments`` say, beside the gateway; print what it saw, as JSON."""
    os.nice(CROWD_NICE)
    what = dict(arguments)
    works: Mapping[str, Callable[..., Coroutine[Any, Any, dict[str, Any]]]] = {
        "hold": hold,
        "pour": pour,
        "shake": shake,
    }
    work = works[what.pop("work")]
    print(json.dumps(asyncio.run(work(**what | {"file": Path(what["file"])}))), flush=True)


if __name__ == "__main__":
    be_crowd(json.loads(sys.argv[1]))
