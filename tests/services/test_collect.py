"""Collecting from several partners: each by itself."""

import asyncio
from pathlib import Path

from gateway.services.ports import HttpAnswer
from tests.support import story
from tests.support.network import make_network


async def test_partner_that_takes_its_time_holds_up_no_other_collection(tmp_path: Path) -> None:
    """XBB hands out a message and is slow to take the answer; what waits at XCC is asked for all the same."""
    network = await make_network(tmp_path, ("XAA", "XBB", "XCC"), extra='transmission = "collect"\n')
    await network.gateways["XBB"].answer.acknowledge((await story.received(network))[1], "first")
    post, held, asked = network.wires.post, asyncio.Event(), asyncio.Event()

    async def slow(country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        if (country, path) == ("XBB", "/xg/1/answers"):
            held.set()
            await asyncio.Event().wait()
        if country == "XCC" and held.is_set():
            asked.set()
        await asyncio.sleep(0)
        return await post(country, path, body, media_type)

    network.wires.post = slow  # type: ignore[method-assign]
    collecting = asyncio.create_task(network.gateways["XAA"].collector.run())
    try:
        await asyncio.wait_for(asked.wait(), 30)
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        await network.close()
    assert held.is_set()
