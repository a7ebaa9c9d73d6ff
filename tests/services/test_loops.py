"""What a gateway does again and again goes on after failures of the store, and ends when it is to."""

import asyncio
from contextlib import suppress
from datetime import datetime

from gateway.services.ports import Unavailable
from tests.support.network import Network


async def test_a_loop_that_is_cancelled_as_the_store_fails_ends(network: Network) -> None:
    """A store may fail of the cancellation itself; a loop that took that for a failure would never end."""
    context = network.gateways["XAA"].context

    failures = [Unavailable("cannot roll back", "look at the disk")]

    async def work(_: datetime) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not failures:
                raise
            raise failures.pop() from None

    loop = asyncio.create_task(context.every(1, work))
    await asyncio.sleep(0)
    loop.cancel()
    await asyncio.wait({loop}, timeout=60)
    assert loop.cancelled()


async def test_a_loop_that_is_cancelled_ends_though_its_work_took_that_for_a_failure(network: Network) -> None:
    """Work that goes through many things goes on after the failure of each, also after one that was its own end."""
    context, again, begun = network.gateways["XAA"].context, asyncio.Event(), asyncio.Event()

    async def work(_: datetime) -> None:
        (again if begun.is_set() else begun).set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    loop, goes_on = asyncio.create_task(context.every(1, work)), asyncio.create_task(again.wait())
    await begun.wait()
    loop.cancel()
    await asyncio.wait({loop, goes_on}, return_when=asyncio.FIRST_COMPLETED)
    ended = loop.cancelled()
    for task in (loop, goes_on):
        task.cancel()
    assert ended


async def test_a_loop_goes_on_after_a_failure_of_the_store(network: Network) -> None:
    """What could not be done because the store could not be had is done the next time."""
    context, done = network.gateways["XAA"].context, asyncio.Event()
    failures = [Unavailable("busy", "try again later")]

    async def work(_: datetime) -> None:
        await asyncio.sleep(0)  # the clock of these tests waits for nobody
        if failures:
            raise failures.pop()
        done.set()

    loop = asyncio.create_task(context.every(1, work))
    await asyncio.wait_for(done.wait(), 60)
    loop.cancel()
