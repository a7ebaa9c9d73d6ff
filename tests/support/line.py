"""
A line between two gateways that keeps every byte: real HTTP on loopback through a recorder, as a partner would see it.

TLS is left out, because it would hide what is compared; the doors, the client and every header are the live ones.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

from gateway.core import envelope, wire
from gateway.core.wire import Payload
from gateway.http.listen import listen
from gateway.http.peer_api import peer_app
from gateway.transport.peers import HttpPeers
from keys import jws
from keys.card import Card
from tests.support.network import Network


@dataclass(frozen=True)
class Part:
    """One HTTP message: its first line, its headers in their order, its body."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Exchange:
    """A request and its response, when the request came, and which State it went to."""

    at: datetime
    to: str
    request: Part
    response: Part


@dataclass
class Recorder:
    """Stands before the door of one State, hands every byte on, and keeps it with the instant of the common clock."""

    network: Network
    country: str
    order: "count[int]"
    heard: list[tuple[int, datetime, bytearray, bytearray]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        """Hand on one connection; a new exchange begins when bytes come after an answer."""
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        back = asyncio.create_task(self._back(inner_reader, writer))
        answered = True
        try:
            while data := await reader.read(1 << 16):
                if answered or self.heard[-1][3]:
                    self.heard.append((next(self.order), self.network.clock.now(), bytearray(), bytearray()))
                    answered = False
                self.heard[-1][2].extend(data)
                inner_writer.write(data)
        finally:
            inner_writer.close()
            await back
            writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            self.heard[-1][3].extend(data)
            writer.write(data)


@dataclass
class Line:
    """What passed between the gateways of a network, in order."""

    network: Network
    recorders: list[Recorder]

    def exchanges(self) -> list[Exchange]:
        """Return every exchange in the order in which it began."""
        found = [(number, at, one.country, out, back) for one in self.recorders for number, at, out, back in one.heard]
        return [Exchange(at, country, parse(out), parse(back)) for _, at, country, out, back in sorted(found)]

    def opened(self, exchange: Exchange) -> Payload:
        """Return what the recipient reads in the message."""
        context = self.network.gateways[exchange.to].context
        parsed = envelope.parse(exchange.request.body, context.suites)
        plain = context.opener(parsed.kid, exchange.at).open(parsed.head, parsed.enc_ct)
        return wire.parse_payload(jws.parse(envelope.unpad(plain), jws.TYP_MESSAGE).payload)


def parse(raw: bytearray) -> Part:
    """
    Return the one HTTP message in ``raw``.

    Two values are of the run and not of the message: the port, and ``Date``, which HTTP takes from the machine's clock
    and not from the network's. Of the first the host stays, of the second its length.
    """
    head, _, body = bytes(raw).partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    own = {"Host": lambda value: value.split(":")[0], "Date": lambda value: str(len(value))}
    named = [(name, own.get(name, str)(value)) for name, value in headers]
    assert int(dict(named)["Content-Length"]) == len(body)
    return Part(first, tuple(named), body)


@asynccontextmanager
async def line(network: Network) -> AsyncIterator[Line]:
    """Let the gateways of ``network`` speak HTTP through recorders."""
    order, made = count(), Line(network, [])
    ports: dict[str, int] = {}
    closing: list[Any] = []
    for country, gateway in network.gateways.items():
        app = peer_app(gateway.receiver, gateway.deliverer, log=lambda event, **values: None, watch=gateway.witness)
        door = await listen(app, "127.0.0.1", 0)
        recorder = Recorder(network, country, order)
        inner = int(door.addresses[0][1])

        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: Recorder = recorder, port: int = inner
        ) -> None:
            await to.serve(reader, writer, port)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports[country] = server.sockets[0].getsockname()[1]
        made.recorders.append(recorder)
        closing += [door.cleanup, server.close]

    def card_of(country: str) -> Card | None:
        card = next(iter(network.gateways.values())).context.trust.find(country) or own(country)
        return replace(card, addresses=(f"http://127.0.0.1:{ports[country]}",)) if card else None

    def own(country: str) -> Card | None:
        return network.gateways[country].context.own

    clients = []
    for gateway in network.gateways.values():
        gateway.context.peers = client = HttpPeers(card_of)
        clients.append(client)
    try:
        yield made
    finally:
        for client in clients:
            await client.close()
        for close in closing:
            done = close()
            if done is not None:
                await done
