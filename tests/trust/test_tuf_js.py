"""
The same lists read by tuf-js: another implementation, in another language, comes to the same verdict on each.

But on those that the protocol forbids and TUF does not, which are told with their reasons in ``attacks``.
"""

import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.services.ports import Unavailable
from keys import trust_policy
from tests.support.trust_list import make_world
from tests.trust.attacks import ATTACKS, MISNAMED, STRICTER, XAA, XBB, Attack, misname
from tests.trust.reading import verdict

HERE = Path(__file__).parent / "tuf_js"
MODULES = Path(sys.prefix) / "tuf-js" / "node_modules"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not (MODULES / "tuf-js").is_dir(), reason="tuf-js is not installed; make test does it where it may"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the test says what went wrong."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve ``folder`` on loopback, as any web server would, and give its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


Read = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    """A function by which tuf-js, started once, reads the list at an address with what a folder keeps of it."""
    environ = {**os.environ, "NODE_PATH": str(MODULES)}
    command = [str(NODE), str(HERE / "read.js")]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        asking, told = node.stdin, node.stdout
        assert asking is not None
        assert told is not None

        def ask(cache: Path, address: str, *paths: str) -> dict[str, Any]:
            print(json.dumps([str(cache), address, *paths]), file=asking, flush=True)
            value: dict[str, Any] = json.loads(told.readline())
            return value

        yield ask


def _told(said: dict[str, Any]) -> str:
    if said["refused"] is not None:
        return "refused"
    return "part" if isinstance(said["targets"][XBB], dict) else "taken"


@pytest.mark.parametrize("attack", [*ATTACKS, *STRICTER], ids=lambda attack: attack.name.replace(" ", "-"))
async def test_both_readers_come_to_the_same_verdict(tmp_path: Path, read: Read, attack: Attack) -> None:
    """tuf-js refuses what we refuse, but for ``STRICTER``, and takes what we take, over HTTP, from the same files."""
    world, cache = make_world(tmp_path / "list", "XBB", "XAA"), tmp_path / "tuf-js"
    attack.before(world)
    cache.mkdir()
    shutil.copy(world.folder / "metadata" / "1.root.json", cache / "root.json")
    with served(world.folder) as address:
        reader = world.reader(tmp_path / "reader", address)
        await reader.refresh()
        assert "taken" == _told(read(cache, address, XAA, XBB))
        attack.after(world)
        assert attack.verdict == await verdict(reader)
        assert ("taken" if attack in STRICTER else attack.verdict) == _told(read(cache, address, XAA, XBB))


async def test_a_country_that_is_misnamed_is_nobody_to_ours_alone(tmp_path: Path, read: Read) -> None:
    """Ours takes nothing of it and all of the others; what tuf-js takes is why the protocol asks for the one form."""
    world, cache = make_world(tmp_path / "list", "XAA", *MISNAMED), tmp_path / "tuf-js"
    misname(world)
    cache.mkdir()
    shutil.copy(world.folder / "metadata" / "1.root.json", cache / "root.json")
    with served(world.folder) as address:
        reader = world.reader(tmp_path / "reader", address)
        await reader.refresh()
        said = read(cache, address, *map(trust_policy.cards_path, ("XAA", *MISNAMED)))
    assert 1 == len(await reader.cards("XAA"))
    for country in MISNAMED:
        with pytest.raises(Unavailable, match="does not name it"):
            await reader.cards(country)
    assert (None, True) == (said["refused"], all(isinstance(one, str) for one in said["targets"].values()))


async def test_both_readers_have_the_same_bytes(tmp_path: Path, read: Read) -> None:
    """What tuf-js downloads is byte for byte what was signed and what our gateway reads its cards from."""
    world, cache = make_world(tmp_path / "list", "XAA", "XBB", windows=2), tmp_path / "tuf-js"
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[1]}')
    world.issue("XBB")
    cache.mkdir()
    shutil.copy(world.folder / "metadata" / "1.root.json", cache / "root.json")
    with served(world.folder) as address:
        reader = world.reader(tmp_path / "reader", address)
        await reader.refresh()
        said = read(cache, address, XAA, XBB, "policy/suites.json", "cards/XCC/card.json")
    ours = {
        path: hashlib.sha256(trust_policy.serialize_cards(code, await reader.cards(code))).hexdigest()
        for code, path in (("XAA", XAA), ("XBB", XBB))
    }
    suites = reader.policy(trust_policy.SUITES)
    assert suites is not None
    ours |= {"policy/suites.json": hashlib.sha256(suites).hexdigest(), "cards/XCC/card.json": None}
    assert ours == said["targets"]
