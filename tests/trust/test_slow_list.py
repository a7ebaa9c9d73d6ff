"""A web server that serves a trust list slowly, or sends a reader elsewhere (docs/protocol.md 8.3, 8.4)."""

import asyncio
import threading
import time
from datetime import datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from gateway.services.ports import Unavailable
from gateway.services.trust import Trust
from gateway.serving import _trust_loop
from gateway.transport import trust_list
from tests.support.network import Network
from tests.support.slow_site import Quiet, serving, slow
from tests.support.trust_list import World, make_world


class ShortClock:
    """The network's clock, whose sleeps are real and short; at its first look it is the turn of a refresh."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._looks = 0

    def now(self) -> datetime:
        return self._network.clock.now()

    async def sleep(self, seconds: float) -> None:
        self._looks += 1
        if self._looks == 1:
            self._network.clock.pass_(minutes=16)
        await asyncio.sleep(min(seconds, 0.05))


async def test_hold_is_noticed_while_the_list_comes_slowly(both: tuple[Network, World]) -> None:
    """What an officer decides in another process counts within seconds, whatever the reading of the list does."""
    network, _ = both
    gateway, stop = network.gateways["XAA"], threading.Event()
    gateway.context.clock = ShortClock(network)
    own = gateway.context.trust
    with serving(slow(stop)) as address:
        gateway.cards._repository = address  # type: ignore[attr-defined]
        loop = asyncio.create_task(_trust_loop(gateway))
        try:
            await asyncio.sleep(0.5)
            other = Trust(
                own._pins, own._source, gateway.store, network.clock, vault=own._vault
            )  # what the command line makes
            await other.load()
            await other.hold("XBB", "second", "its keys are stolen", network.clock.now())
            async with asyncio.timeout(60):
                while "XBB" not in own.holds():
                    await asyncio.sleep(0.1)
        finally:
            loop.cancel()
            await asyncio.wait({loop}, timeout=60)  # the thread that reads ends with it, and keeps no process
            assert loop.done()
            stop.set()


@pytest.mark.parametrize("head", [False, True], ids=["body", "head"])
def test_reading_ends_in_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bool) -> None:
    """A server that goes on for ever, a byte at a time, is left once the time of one reading is over."""
    monkeypatch.setattr(trust_list, "TOTAL_S", 1.0)
    world, stop = make_world(tmp_path / "list", "XAA"), threading.Event()
    with serving(slow(stop, head=head)) as address:
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            world.reader(tmp_path / "reader", address).read()
        stop.set()
    assert time.monotonic() - begun < 60


async def test_reader_follows_no_redirect(tmp_path: Path) -> None:
    """Who serves the list cannot make the gateway ask an address inside of its own network."""
    asked: list[str] = []

    class Inside(Quiet):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

    world = make_world(tmp_path / "list", "XAA")
    with serving(Inside) as inside:

        class Outside(Quiet):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{inside}/inside")
                self.end_headers()

        with serving(Outside) as outside, pytest.raises(Unavailable):
            await world.reader(tmp_path / "reader", outside).refresh()
    assert [] == asked


async def test_list_is_read_from_a_web_server(tmp_path: Path) -> None:
    """The control: what a plain web server serves is read, and again when something is new."""

    class Files(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    world = make_world(tmp_path / "list", "XAA")
    with serving(partial(Files, directory=str(world.folder))) as address:
        reader = world.reader(tmp_path / "reader", address)
        await reader.refresh()
        world.issue("XAA")
        await reader.refresh()
    assert [2, {}] == [len(await reader.cards("XAA")), reader.faults()]


async def test_line_that_breaks_in_the_middle_is_no_fault_of_ours(tmp_path: Path) -> None:
    """A body that ends before its length is one more list that cannot be reached."""

    class Broken(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")

    world = make_world(tmp_path / "list", "XAA")
    with serving(Broken) as address, pytest.raises(Unavailable):
        await world.reader(tmp_path / "reader", address).refresh()
