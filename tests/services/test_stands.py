"""How far a database had come is known beside it, so that an older one is served by nobody before an epoch is begun."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway import stands
from gateway.services.ports import GoneBack
from tests.support import restoring, story
from tests.support.network import Network, make_network, open_gateway


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Two States that know each other."""
    made = await make_network(tmp_path, ("XAA", "XBB"))
    yield made
    await made.close()


async def put_there(network: Network, backup: Path) -> None:
    """Put a copy of XAA's database in its place, and do nothing else."""
    await network.gateways["XAA"].close()
    data = network.homes["XAA"] / "data"
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    await open_gateway(network, "XAA")


async def test_a_database_that_is_put_back_is_known_to_be_older(network: Network, tmp_path: Path) -> None:
    """Nobody serves it until an epoch is begun; what came as far, or further, than was written down is served."""
    path, now = tmp_path / stands.STANDS_FILE, network.clock.now()
    await stands.check(network.gateways["XAA"].context, path)  # nothing was ever written down
    await story.sent(network)
    backup = restoring.back_up(network, "XAA", tmp_path / "backup")
    await stands.keep(network.gateways["XAA"].context, path, now)
    await story.sent(network)
    await stands.check(network.gateways["XAA"].context, path)
    await put_there(network, backup)
    await stands.check(network.gateways["XAA"].context, path)  # of this one nothing tells that it had come further
    await story.sent(network)
    await stands.keep(network.gateways["XAA"].context, path, now)
    await put_there(network, backup)
    for _ in range(2):
        with pytest.raises(GoneBack, match="an older state"):
            await stands.check(network.gateways["XAA"].context, path)
    gateway = network.gateways["XAA"]
    await gateway.resync.begin_epoch(now)
    await stands.check(gateway.context, path)
    await stands.keep(gateway.context, path, now)
    assert path.read_text().startswith("2 ")
