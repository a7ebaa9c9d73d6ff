"""That ``isthmus`` ends: a gateway that cannot start, and one that is stopped, whatever goes on in it."""

import asyncio
import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.pair import Pair, free_port, make_pair
from gateway.cli.errors import Exit
from gateway.cli.serve import _serve
from gateway.core import envelope
from gateway.services.ports import Outdated
from gateway.settings import FILE_NAME, load
from tests.support.served import serve, start

HALF = f"""POST /xg/1/messages HTTP/1.1\r
Host: xaa.example\r
Content-Type: {envelope.MEDIA_TYPE}\r
Content-Length: 4096\r
Expect: 100-continue\r
\r
"""
HOOK = """
[notices.webhook]
url = "https://desk.example/hooks"
secret = "env:NOT_THERE"
"""
EMBLEM = """
[listeners.desks]
host = "127.0.0.1"
port = {port}

[desks]
name = {{en = "A desk"}}
emblem = "none.svg"
origins = {{interior = "http://a.localhost:{port}", board = "http://b.localhost:{port}", operator = "http://c.localhost:{port}"}}
"""


async def made(root: Path, more: str = "") -> Pair:
    """Return homes, the first with a store and with ``more`` in its configuration."""
    pair = make_pair(root, tls=False)
    await (await pair.open("XAA", create=True)).close()
    with (pair.home("XAA") / FILE_NAME).open("a") as file:
        file.write(more)
    return pair


@pytest.mark.parametrize("fault", [HOOK, EMBLEM], ids=["gateway", "desks"])
async def test_a_gateway_that_cannot_start_ends(tmp_path: Path, fault: str) -> None:
    """What it had opened by then is closed: whoever keeps it running sees that it does not, and says why."""
    served = start(await made(tmp_path, fault.format(port=free_port())), "XAA")
    try:
        assert Exit.CONFIGURATION == await asyncio.to_thread(served.process.wait, 60)
    finally:
        served.stop(signal.SIGKILL)


async def test_signals_that_follow_the_first_cut_nothing_short(tmp_path: Path) -> None:
    """A terminal and systemd signal each process of many, and the parent its children again: all is closed anyway."""
    served = await asyncio.to_thread(serve, await made(tmp_path), "XAA")
    until = time.monotonic() + 60
    while served.process.poll() is None and not served.events("gateway.stopped") and time.monotonic() < until:
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.001)
    served.process.wait(60)
    assert "gateway.stopped" == list(served.lines())[-1]["event"]
    assert "Traceback" not in served.text()


def test_a_signal_does_not_cut_short_the_end_of_a_gateway_that_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that goes by another state than its store closes; whoever stops it then leaves none of that undone."""
    done: list[str] = []

    async def close() -> None:
        signal.raise_signal(signal.SIGTERM)
        for _ in range(3):
            await asyncio.sleep(0.01)
        done.append("closed")

    async def build(*_: object, **__: object) -> object:
        return SimpleNamespace(close=close, context=SimpleNamespace(log=lambda event: done.append(event)))

    async def serving(*_: object, **__: object) -> None:
        raise Outdated("the store is in another epoch", "start it again")

    monkeypatch.setattr("gateway.cli.serve.app.build", build)
    monkeypatch.setattr("gateway.cli.serve.serving.serve", serving)
    monkeypatch.setattr("gateway.cli.serve.hear_libraries", lambda log: None)
    with pytest.raises(Outdated):
        asyncio.run(_serve(SimpleNamespace(), lambda: ""))  # type: ignore[arg-type]
    assert ["closed", "gateway.stopped"] == done


async def test_a_first_signal_does_not_cut_short_the_closing_of_a_gateway_that_is_outdated(tmp_path: Path) -> None:
    """It waits for whoever is at its doors, and ends with the status for which whatever keeps it running starts it."""
    pair = await made(tmp_path)
    served = await asyncio.to_thread(serve, pair, "XAA")
    port = load(pair.home("XAA"), {}).values["listeners"]["peers"]["port"]
    try:
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(HALF.encode())
            assert line.recv(64).startswith(b"HTTP/1.1 100 ")  # the door has it in hand, and waits for its body
            with closing(sqlite3.connect(pair.database("XAA"))) as store, store:
                store.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('epoch', '2')")
            while served.process.poll() is None and not served.events("process.outdated"):
                await asyncio.sleep(0.05)
            served.process.send_signal(signal.SIGTERM)
        assert Exit.LATER == await asyncio.to_thread(served.process.wait, 60)
    finally:
        served.stop(signal.SIGKILL)
    assert "gateway.stopped" == list(served.lines())[-1]["event"]
    assert "Traceback" not in served.text()
