"""A line to PostgreSQL that is cut as a batch is committed."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit


class Line:
    """A TCP line to the server that can be cut as a commit passes: before it arrives, or before its answer does."""

    def __init__(self, dsn: str) -> None:
        self._to = urlsplit(dsn)
        self.cut: str | None = None
        self.count = 1
        """Which commit is cut, counted from when ``cut`` is set."""
        self.cuts = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Line":
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._tasks.add(asyncio.create_task(self._pass(reader, writer)))

        self._server = await asyncio.start_server(begin, "127.0.0.1", 0)
        self.dsn = self._to._replace(
            netloc=f"{self._to.username}:{self._to.password}@127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        ).geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
        except OSError:  # the server is away
            writer.close()
            return
        mute, answered = asyncio.Event(), asyncio.Event()
        passing = [
            asyncio.create_task(self._copy(reader, inner_writer, mute, answered, upward=True)),
            asyncio.create_task(self._copy(inner_reader, writer, mute, answered, upward=False)),
        ]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in passing:
                task.cancel()
            writer.close()
            inner_writer.close()

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        mute: asyncio.Event,
        answered: asyncio.Event,
        *,
        upward: bool,
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                cut = self.cut if upward and b"COMMIT" in chunk else None
                if cut and self.count > 1:
                    self.count, cut = self.count - 1, None
                if cut:
                    self.cut, self.cuts = None, self.cuts + 1
                    mute.set()
                if not upward and mute.is_set():
                    answered.set()
                elif cut != "before":
                    writer.write(chunk)
                    await writer.drain()
                if cut == "after":
                    await answered.wait()  # the server has committed; its answer is lost with the line
                if cut:
                    return
