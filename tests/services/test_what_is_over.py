"""What a case that is over still says of a person."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.case import State
from gateway.core.machine import Send
from gateway.core.messages import DOCUMENT, RECTIFICATION, REPLY
from gateway.services import cases
from gateway.services.steps import of_what_is_over
from schemas import ijson
from tests.support import homeward, story
from tests.support.network import Network, nothing_leaves
from tests.support.restoring import outbox


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


async def answered(network: Network, type: str) -> tuple[str, str]:
    """Take a case to where a reply, or a travel document, of the State that is asked is posted without an answer."""
    if type == REPLY:
        ours, theirs = await story.acknowledged(network)
    else:
        ours, theirs = await homeward.asked_for_a_document(network)
    asked = network.gateways["XBB"]
    network.wires.cut = True
    if type == REPLY:
        await story.give_answer(network, theirs, story.reply())
    else:
        await asked.returning.issue(theirs, homeward.DOCUMENT, "issuer")
    await network.deliver()
    return ours, theirs


async def withdraw_unanswered(network: Network, ours: str) -> None:
    """Withdraw, and have that taken before anything of the other State leaves."""
    asking, asked = network.gateways["XAA"], network.gateways["XBB"]
    await asking.hold.freeze(ours, "known now", "first", "case_officer")
    await asking.hold.withdraw(ours, "first", "case_officer")
    network.wires.cut = False
    network.clock.pass_(hours=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked.deliverer, "run_once", nothing_leaves)
        await network.deliver()


@pytest.mark.parametrize(("type", "stopped"), [(REPLY, False), (REPLY, True), (DOCUMENT, False), (DOCUMENT, True)])
async def test_number_of_what_was_posted_before_the_withdrawal_is_used(
    network: Network, type: str, stopped: bool
) -> None:
    """Who is asked closes no number, so it is posted until it has its answer (M-5.23); not where people stopped it."""
    ours, theirs = await answered(network, type)
    if stopped:
        await network.gateways["XBB"].hold.freeze(theirs, "known now", "first", "registry_clerk")
    await withdraw_unanswered(network, ours)
    assert State.WITHDRAWN == await story.state(network, "XBB", theirs)
    network.clock.pass_(hours=1)
    await network.deliver()
    states = [row.state for row in await outbox(network, "XBB", theirs) if row.type == type]
    assert states == ["posted" if stopped else "receipted"]
