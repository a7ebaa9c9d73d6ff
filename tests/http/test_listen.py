"""The listener itself: TLS, its handshake, and a door that cannot be opened."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway import home
from gateway.core import envelope
from gateway.http import listen as listening
from gateway.http.listen import listen
from gateway.http.peer_api import peer_app
from gateway.services.receive import Reply
from gateway.transport.peers import HttpPeers
from keys.card import Card


class Echo:
    """Answers an envelope with its own bytes."""

    async def receive(self, raw: bytes) -> Reply:
        return Reply(200, "application/xg1-answer+json", raw)

    async def collect(self, raw: bytes) -> Reply:
        return await self.receive(raw)

    async def take_answer(self, raw: bytes) -> None:
        return None


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


async def test_a_client_that_does_not_shake_hands_is_closed(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TLS connection that says nothing does not stay."""
    monkeypatch.setattr(listening, "HANDSHAKE_TIMEOUT_S", 0.2)
    context, _ = tls_door(tmp_path)
    port = await serve(peer_app(Echo(), Echo(), log=print), ssl_context=context)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(2):
        with contextlib.suppress(ConnectionError):
            assert b"" == await reader.read()
    writer.close()


async def test_headers_that_drip_are_not_waited_for(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose first request never ends is closed after the keep-alive time."""
    settings = listening.runner_settings()
    monkeypatch.setattr(listening, "runner_settings", lambda: settings | {"keepalive_timeout": 0.3})
    port = await serve(peer_app(Echo(), Echo(), log=print))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /xg/1/messages HTTP/1.1\r\nHost: x\r\n")
    async with asyncio.timeout(5):
        assert b"" == await reader.read()
    writer.close()


async def test_an_address_that_is_taken_is_said_at_once(serve: Callable[..., Any]) -> None:
    """And what was begun is closed again."""
    port = await serve(web.Application())
    with pytest.raises(OSError, match="in use"):
        await listen(web.Application(), "127.0.0.1", port)
