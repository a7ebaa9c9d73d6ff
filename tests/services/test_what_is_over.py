"""What a case that is over still says of a person."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.case import State
from gateway.core.machine import Send
from gateway.core.messages import RECTIFICATION
from gateway.services import cases
from gateway.services.steps import of_what_is_over
from schemas import ijson
from tests.support import story
from tests.support.network import Network


@pytest.mark.parametrize("state", [State.CLOSED, State.BLOCKED])
async def test_correction_of_what_is_over_brings_no_right_value(network: Network, state: State) -> None:
    """It tells which value is wrong: nobody works the case any more who would need the right one."""
    ours, _ = await story.replied(network)
    context = network.gateways["XAA"].context

    async def load(tx: Any) -> cases.Held:
        return await cases.load(context, tx, ours)

    held = await context.store.read(load)
    said = {"number": 1, "parts": ["NAMES"], "handling": {"onward": "none"}, "elements": {"names": []}}
    over = held._replace(case=replace(held.case, state=state))
    sent = of_what_is_over(over, Send(RECTIFICATION, ijson.dumps(said).decode()))
    assert {**said, "handling": None, "elements": None} == ijson.loads(sent.body.encode())
    open_ = of_what_is_over(held, Send(RECTIFICATION, ijson.dumps(said).decode()))
    assert said == ijson.loads(open_.body.encode()), "while it is open it does"
