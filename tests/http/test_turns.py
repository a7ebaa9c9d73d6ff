"""Whose turn it is: strangers are served a few at a time, each in turn, and whoever is known at once."""

import asyncio
import selectors
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from gateway import home
from gateway.core import envelope, wire
from gateway.core.codes import PeerError, Reason
from gateway.http import turns
from gateway.http.peer_api import peer_app
from gateway.services.receive import Reply, problem


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Yield 24 connections on which a byte waits to be read, at their first ends; nobody is known there."""
    made = [socket.socketpair() for _ in range(24)]
    for ours, theirs in made:
        turns.meet(ours.fileno(), "door")
        theirs.send(b"x")
    yield made
    for ours, theirs in made:
        turns.forget(ours.fileno())
        ours.close()
        theirs.close()


def served(selector: turns.Turns) -> set[int]:
    return {key.fd for key, _ in selector.select(0)}


def test_a_turn_takes_few_strangers_and_all_who_are_known(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """Whatever a crowd has sent, whoever is known is served in the same turn."""
    known = {ours.fileno() for ours, _ in pairs[12:]}
    for descriptor in known:
        turns.forget(descriptor)
    with turns.Turns() as selector:
        for ours, _ in pairs:
            selector.register(ours, selectors.EVENT_READ)
        now = served(selector)
    assert known <= now
    assert turns.STRANGERS_IN_A_TURN == len(now - known)


def test_each_stranger_has_a_turn(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """Who goes on sending waits until all others were served: nobody is passed over for good."""
    with turns.Turns() as selector:
        for ours, _ in pairs:
            selector.register(ours, selectors.EVENT_READ)
        rounds = [served(selector) for _ in range(2 * ceil(len(pairs) / turns.STRANGERS_IN_A_TURN))]
    half = len(rounds) // 2
    everybody = {ours.fileno() for ours, _ in pairs}
    assert [everybody, everybody] == [set().union(*rounds[:half]), set().union(*rounds[half:])]


def test_a_crowd_at_one_door_keeps_nobody_waiting_at_another(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """A health check, and whoever is to stop a case at a desk, has a turn at once while partners' door is flooded."""
    elsewhere = pairs[-1][0].fileno()
    turns.forget(elsewhere)
    turns.meet(elsewhere, "another door")
    with turns.Turns() as selector:
        for ours, _ in pairs:
            selector.register(ours, selectors.EVENT_READ)
        rounds = [served(selector) for _ in range(3)]
    assert [(turns.STRANGERS_IN_A_TURN + 1, True)] * 3 == [(len(one), elsewhere in one) for one in rounds]


def test_a_turn_in_which_all_are_served_orders_nobody(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """Where there is room for all who are ready, each is served and keeps its place: nobody is sorted for nothing."""
    few = [ours for ours, _ in pairs[: turns.STRANGERS_IN_A_TURN]]
    before = dict(turns._strangers["door"])
    with turns.Turns() as selector:
        for ours in few:
            selector.register(ours, selectors.EVENT_READ)
        now = served(selector)
    assert ({ours.fileno() for ours in few}, before) == (now, turns._strangers["door"])


class Answering:
    """Answers with what it is told to."""

    def __init__(self) -> None:
        self.reply = Reply(200, wire.ANSWER_MEDIA_TYPE, b"answer")

    async def receive(self, raw: bytes) -> Reply:
        return self.reply

    collect = receive

    async def take_answer(self, raw: bytes) -> None:
        if self.reply.status != 200:
            raise PeerError(Reason.STORE_UNAVAILABLE)


def tls(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return contexts of a door and of who trusts it."""
    home.make_certificate(folder, "XBB", "127.0.0.1", datetime.now(UTC))
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.check_hostname, theirs.verify_mode = False, ssl.CERT_NONE
    return ours, theirs


async def ask(writer: asyncio.StreamWriter, reader: asyncio.StreamReader, path: str, media_type: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: 1\r\n\r\nx"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/xg/1/messages", envelope.MEDIA_TYPE),
        ("/xg/1/collect", envelope.MEDIA_TYPE),
        ("/xg/1/answers", wire.ANSWER_MEDIA_TYPE),
    ],
)
@pytest.mark.parametrize("refused", [False, True])
async def test_who_proved_to_be_a_partner_is_no_stranger(
    serve: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    media_type: str,
    refused: bool,
) -> None:
    """Everybody is one at first, and stays one for as long as what comes is refused."""
    monkeypatch.setattr(turns, "_strangers", {})
    door = Answering()
    if refused:
        door.reply = problem(PeerError(Reason.STORE_UNAVAILABLE))  # after which the connection is kept
    ours, theirs = tls(tmp_path)
    port = await serve(peer_app(door, door, log=lambda *_, **__: None), ssl_context=ours)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=theirs)
    _, mute = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: met() == 2)
    await ask(writer, reader, path, media_type)
    assert 1 + refused == met()
    writer.close()
    mute.close()
    await until(lambda: not turns._strangers)


def met() -> int:
    """Return how many strangers there are, at whatever door."""
    return sum(len(one) for one in turns._strangers.values())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.01)


def test_the_loop_of_a_gateway_takes_turns(pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """What ``isthmus serve`` runs on is such a loop: it reads of a crowd a few in each of its turns."""
    read: list[int] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        for ours, _ in pairs:
            loop.add_reader(ours, read.append, ours.fileno())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for ours, _ in pairs:
            loop.remove_reader(ours)

    turns.run(serve())
    assert 0 < len(read) <= 2 * turns.STRANGERS_IN_A_TURN
