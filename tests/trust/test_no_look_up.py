"""No message waits for the trust list: with the network cut to everything but the partner, all goes on."""

import ipaddress
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio

from gateway.http.listen import listen
from gateway.http.peer_api import peer_app
from gateway.transport.peers import HttpPeers
from tests.support import story
from tests.support.network import Network
from tests.trust.homes import listed


class Cut:
    """Refuses every connection and every look-up of a name, of this whole process, but to the ports in ``open``."""

    def __init__(self) -> None:
        self.on = False
        self.open: set[int] = set()
        self.refused: list[Any] = []
        self.passed: list[int] = []
        sys.addaudithook(self._hear)  # for good: Python takes none back, so ``on`` decides

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in ("socket.connect", "socket.sendto") and args[0].family != socket.AF_UNIX:
            host, port = args[-1][:2]
            if ipaddress.ip_address(host).is_loopback and port in self.open:
                self.passed.append(port)
                return
            self._refuse(args[-1])
        if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            self._refuse(args[0])

    def _refuse(self, what: Any) -> None:
        self.refused.append(what)
        raise ConnectionRefusedError(f"the network is cut: {what}")


CUT = Cut()


@contextmanager
def cut(*ports: int) -> Iterator[Cut]:
    """Cut the network to everything but ``ports`` of this machine."""
    CUT.on, CUT.open, CUT.refused, CUT.passed = True, set(ports), [], []
    try:
        yield CUT
    finally:
        CUT.on = False


@pytest_asyncio.fixture
async def doors(tmp_path: Path) -> AsyncIterator[tuple[Network, dict[str, int]]]:
    """XAA and XBB on one trust list, with real doors on loopback, and the port of each."""
    network, world = await listed(tmp_path)
    runners, peers, ports = [], [], {}
    for country, gateway in network.gateways.items():
        app = peer_app(gateway.receiver, gateway.deliverer, log=gateway.context.log, limits={})
        runners.append(await listen(app, "127.0.0.1", 0))
        ports[country] = runners[-1].addresses[0][1]
        gateway.context.peers = HttpPeers(gateway.context.trust.find)
        peers.append(gateway.context.peers)
    for country, port in ports.items():
        world.issue(country, at=network.clock.now(), addresses=[f"http://127.0.0.1:{port}"], spki=[])
    await network.refresh()
    yield network, ports
    for one in peers:
        await one.close()
    for runner in runners:
        await runner.cleanup()
    await network.close()


async def test_a_message_looks_nothing_up(doors: tuple[Network, dict[str, int]]) -> None:
    """A request, its acknowledgement and their receipts pass while nothing but the partner can be reached."""
    network, ports = doors
    with cut(*ports.values()) as line:
        ours = await story.sent(network)
        assert 1 == await network.deliver(refresh=False)
        theirs = await story.twin(network, ours)
        await network.gateways["XBB"].answer.acknowledge(theirs, "first")
        assert 1 == await network.deliver(refresh=False)
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ours)
    assert [] == line.refused
    assert set(ports.values()) == set(line.passed)


async def test_the_cut_cuts(doors: tuple[Network, dict[str, int]]) -> None:
    """The same exchange with only the other door open does not pass: the cut is real."""
    network, ports = doors
    with cut(ports["XAA"]) as line:
        await story.sent(network)
        await network.deliver(refresh=False)
    assert [("127.0.0.1", ports["XBB"])] == line.refused
