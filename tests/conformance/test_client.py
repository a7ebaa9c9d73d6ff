"""How the suite tells a gateway that gives no answer from one that is there no more."""

import asyncio
from contextlib import suppress

import pytest

from conformance.client import Client
from conformance.registry import Gone


async def _asked(*, stays: bool) -> object:
    """Ask a server that closes each connection once it was asked, and ends with the first unless it ``stays``."""
    closed = asyncio.Semaphore(0)

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        if not stays:
            server.close()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        closed.release()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            return await client.answer([b"POST / HTTP/1.1\r\n\r\n"])
        finally:
            for _ in range(1 + stays):  # what was asked, and the look whether it is there
                await closed.acquire()


async def test_gateway_that_closes_without_an_answer_gave_none() -> None:
    """That is for the case to judge: it is there, and was asked what it has to answer."""
    assert await _asked(stays=True) is None


async def test_gateway_that_ended_meanwhile_is_gone() -> None:
    """Nothing is said against one that was killed in the middle of a case."""
    with pytest.raises(Gone):
        await _asked(stays=False)
