"""
A line between two gateways that fails on purpose: everything that goes through it is TCP, and it reads nothing of it.

One ``FaultyLine`` stands before one listener. What is wrong with it is set while it runs, and holds for what passes
from then on: it is late, narrow, silent in one direction or both, cut in the middle, reset, or brings everything twice.
"""

import asyncio
import random
import socket
import struct
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Self

_RESET = struct.pack("ii", 1, 0)
CHUNK_BYTES = 16 << 10


class FaultyLine:
    """Passes on what comes to ``port`` of loopback to ``target``, as far as its faults let it."""

    def __init__(self, port: int, target: int, draw: random.Random) -> None:
        """Without a fault at first; ``draw`` chooses where connections are cut."""
        self.delay_s = 0.0
        """How late each piece arrives."""

        self.bytes_per_s: float | None = None
        """How much a connection carries in a direction."""

        self.silent_there = False
        """What is sent towards the target is taken and never arrives; nobody is told."""

        self.silent_back = False
        """So are the answers, though what they answer arrived."""

        self.resets = False
        """A connection is reset as soon as it is made."""

        self.cut_within: int | None = None
        """Each connection is reset at a random byte of the first so many, counted in both directions."""

        self.twice = False
        """What a connection brings is brought to the target over a second one too, and its answers thrown away."""

        self.connections = 0
        self.cuts = 0
        self._port, self._target, self._draw = port, target, draw
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open the line."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, and every connection."""
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Reset every connection there is."""
        for writer in self._open:
            _reset(writer)
        self._open.clear()

    @property
    def seen(self) -> Counter[str]:
        """What came so far: connections, and how many of them were cut."""
        return Counter({"connections": self.connections, "cut": self.cuts})

    def heal(self) -> None:
        """Take every fault away, and every connection: a line that is up again knows nothing of those it had."""
        self.delay_s, self.bytes_per_s, self.cut_within = 0.0, None, None
        self.silent_there = self.silent_back = self.resets = self.twice = False
        self.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.connections += 1
        with suppress(OSError):
            await self._carry(reader, writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = [writer]
        self._open.add(writer)
        try:
            if self.resets:
                return
            ways = [await asyncio.open_connection("127.0.0.1", self._target) for _ in range(1 + self.twice)]
            held += [there for _, there in ways]
            self._open.update(held)
            fuse = [self._draw.randrange(self.cut_within)] if self.cut_within else [None]
            back = [self._pass(ways[0][0], [writer], fuse, back=True)]
            back += [_drain(other) for other, _ in ways[1:]]
            async with asyncio.TaskGroup() as group:
                for work in (self._pass(reader, held[1:], fuse, back=False), *back):
                    group.create_task(work)
        except* OSError:
            pass
        finally:
            for one in held:
                _reset(one)
            self._open.difference_update(held)

    async def _pass(
        self, reader: asyncio.StreamReader, writers: list[asyncio.StreamWriter], fuse: list[int | None], *, back: bool
    ) -> None:
        """Pass on what comes until it ends; raises ``OSError`` where the connection is cut."""
        while data := await reader.read(CHUNK_BYTES):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if self.bytes_per_s:
                await asyncio.sleep(len(data) / self.bytes_per_s)
            if self.silent_back if back else self.silent_there:
                continue
            left = fuse[0]
            for writer in writers:
                writer.write(data if left is None else data[:left])
                await writer.drain()
            if left is not None:
                fuse[0] = left - len(data)
                if left <= len(data):
                    self.cuts += 1
                    raise ConnectionAbortedError
        raise ConnectionAbortedError  # either end of a connection ends both


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(CHUNK_BYTES):
        pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, so that the other side is told at once and in the hardest way."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() != -1:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
