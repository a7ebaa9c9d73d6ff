"""What must not stop, or turn in circles, where more waits for a partner than may be on the line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from gateway.services import nodes
from gateway.services.deliver import Deliverer, Line
from gateway.services.ports import HttpAnswer, Unit
from tests.support import story
from tests.support.network import Network, Wires

pytestmark = pytest.mark.timeout(100)  # a loop that turns in circles lets nobody else have a turn, not even the test


class Slow(Wires):
    """Wires on which a post waits until ``go`` is set."""

    def __init__(self, wires: Wires) -> None:
        super().__init__(gateways=wires.gateways)
        self.begun, self.go = 0, asyncio.Event()

    async def post(self, country: str, path: str, body: bytes, media_type: str) -> HttpAnswer:
        """Wait, then post."""
        self.begun += 1
        await self.go.wait()
        return await super().post(country, path, body, media_type)


@asynccontextmanager
async def more_waits(network: Network) -> AsyncIterator[tuple[Slow, Line]]:
    """Let three messages wait for XBB where one may be on the line, and the first of them be under way."""
    context = network.gateways["XAA"].context
    for _ in range(3):
        await story.sent(network)
    context.policy = replace(context.policy, in_flight=1)
    context.peers = wires = Slow(network.wires)
    deliverer = Deliverer(context)
    task, line = asyncio.create_task(deliverer._pump("XBB")), deliverer._lines["XBB"]
    line.changed.set()
    try:
        while not wires.begun:
            await asyncio.sleep(0.01)
        yield wires, line
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_state_on_hold_while_more_waits_stops_nobody_else(network: Network) -> None:
    """The hold comes while a message is under way: its answer comes, no other leaves, and the loop goes on."""
    gateway = network.gateways["XAA"]
    async with more_waits(network) as (wires, line):
        await gateway.context.trust.hold("XBB", "second", "a theft was heard of", network.clock.now())
        wires.go.set()
        while line.under_way or line.changed.is_set() or not line.changed._waiters:  # it waits to be woken
            await asyncio.sleep(0.01)
    assert (1, 1) == (wires.begun, len(wires.answers))


async def test_a_store_that_refuses_while_more_waits_is_asked_once_a_second(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that the store refuses, without even letting others have a turn, is not tried again at once."""
    gateway = network.gateways["XAA"]
    async with more_waits(network) as (wires, _):
        wires.go.set()
        monkeypatch.setattr(gateway.store, "_queue_max", 0)
        while "store.unavailable" not in [event for event, _ in network.logs]:
            await asyncio.sleep(0.01)
        for _turn in range(1000):  # of the loop: as many as a second has where nothing is done in them
            await asyncio.sleep(0)
        refused = [event for event, _ in network.logs if event == "store.unavailable"]
        monkeypatch.undo()
    assert 1 <= len(refused) <= 5


async def test_what_a_look_found_due_is_not_looked_for_again(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look that wakes a pump is the only one before its claim: a message that leaves costs one read."""
    context, looks = network.gateways["XAA"].context, 0
    await story.sent(network)
    context.peers = wires = Slow(network.wires)
    read = context.store.read

    async def counted(unit: Unit[Any]) -> Any:
        nonlocal looks
        looks += getattr(unit, "func", None) is not nodes.ahead  # that is read once a minute, and for no message
        return await read(unit)

    monkeypatch.setattr(context.store, "read", counted)
    task = asyncio.create_task(Deliverer(context).run())
    while not wires.begun:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert 1 == looks


async def test_what_expired_is_ended_while_a_gateway_runs(network: Network) -> None:
    """Also where nothing may be posted, as to a State whose card was not read for long."""
    gateway, ours = network.gateways["XAA"], await story.sent(network)
    network.clock.pass_(days=31)
    task = asyncio.create_task(gateway.deliverer.run())
    try:
        while "UNDELIVERED" != await story.state(network, "XAA", ours):
            await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])
