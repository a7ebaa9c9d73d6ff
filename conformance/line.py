"""
The man in the middle: a line that loses, delays, cuts, changes, swaps, doubles and repeats what passes over it.

One stands before the door of every test State, another between the suite and the gateway. A line passes on whole HTTP
messages, byte for byte, until a case puts something into ``ways``: each is used for one exchange, and then forgotten.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from conformance.state import Change

HEAD_MAX, BODY_MAX = 64 << 10, 16 << 20

Send = Callable[[bytes], Awaitable[bytes]]
Way = Callable[[bytes, Send], Awaitable[bytes | None]]
"""Takes a request and what sends it on; returns the bytes that go back, or ``None`` to break the connection."""


@dataclass
class Line:
    """A line to ``port`` on ``host``; ``passed`` keeps each request and the answer that came for it."""

    host: str
    port: int
    ways: list[Way] = field(default_factory=list)
    passed: list[tuple[bytes, bytes]] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen on a free port of the same host and return it."""
        self._server = await asyncio.start_server(self._serve, self.host, 0, limit=HEAD_MAX)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of its own for each connection: that it is cancelled when the run ends is nobody's news.
        with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError):
            while request := await read_message(reader):
                back = await self.ways.pop(0)(request, self.send) if self.ways else await self.send(request)
                if not back:
                    break  # lost by the way, or broken off by whoever should have answered
                writer.write(back)
                await writer.drain()
                if not whole(back):
                    break
        writer.close()

    async def send(self, request: bytes) -> bytes:
        """Send a request on over a connection of its own, and return the whole answer."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=HEAD_MAX)
        try:
            writer.write(request)
            await writer.drain()
            answer = await read_message(reader)
        finally:
            writer.close()
        self.passed.append((request, answer))
        return answer


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Return one whole HTTP message, or nothing at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    if b"transfer-encoding: chunked" in head.lower():
        body = b""
        while True:
            line = await reader.readuntil(b"\r\n")
            piece = await reader.readexactly(int(line.split(b";")[0], 16) + 2)
            body += line + piece
            if len(piece) == 2:
                return head + body
    return head + await reader.readexactly(min(length(head), BODY_MAX))


def length(head: bytes) -> int:
    """Return the length that the head of a message declares."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def whole(message: bytes) -> bool:
    """Return whether a message has the length that it declares."""
    head, _, body = message.partition(b"\r\n\r\n")
    return b"transfer-encoding" in head.lower() or length(head) == len(body)


# What a line can do


def loses_request() -> Way:
    """Lose the request, and break the connection."""

    async def way(request: bytes, send: Send) -> bytes | None:
        return None

    return way


def loses_answer() -> Way:
    """Deliver the request and lose the answer."""

    async def way(request: bytes, send: Send) -> bytes | None:
        await send(request)
        return None

    return way


def delays(seconds: float) -> Way:
    """Hold the answer back."""

    async def way(request: bytes, send: Send) -> bytes | None:
        answer = await send(request)
        await asyncio.sleep(seconds)
        return answer

    return way


def cuts_request(count: int) -> Way:
    """Deliver the first ``count`` bytes of the request, then break off on both sides."""

    async def way(request: bytes, send: Send) -> bytes | None:
        with suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(0.5):
                await send(request[:count])
        return None

    return way


def cuts_answer(count: int) -> Way:
    """Deliver the request, and the first ``count`` bytes of the answer."""

    async def way(request: bytes, send: Send) -> bytes | None:
        return (await send(request))[:count]

    return way


def changes_request(change: Change) -> Way:
    """Change the body of the request."""

    async def way(request: bytes, send: Send) -> bytes | None:
        return await send(changed(request, change))

    return way


def changes_answer(change: Change) -> Way:
    """Change the body of the answer."""

    async def way(request: bytes, send: Send) -> bytes | None:
        return changed(await send(request), change)

    return way


def doubles() -> Way:
    """Deliver the request twice, and answer with what came the second time."""

    async def way(request: bytes, send: Send) -> bytes | None:
        await send(request)
        return await send(request)

    return way


def swaps(line: Line) -> Way:
    """Deliver the request, and answer with what came for the one before."""

    async def way(request: bytes, send: Send) -> bytes | None:
        before = line.passed[-1][1] if line.passed else b""
        await send(request)
        return before or None

    return way


def repeats(line: Line) -> Way:
    """Deliver the request before this one once more, and then this one."""

    async def way(request: bytes, send: Send) -> bytes | None:
        if line.passed:
            await send(line.passed[-1][0])
        return await send(request)

    return way


def changed(message: bytes, change: Change) -> bytes:
    """Return an HTTP message with its body changed, and its length made right."""
    head, _, body = message.partition(b"\r\n\r\n")
    made = change(body)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(made)]) + b"\r\n\r\n" + made
