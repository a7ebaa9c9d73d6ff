"""What withdraws or takes data back, and got no answer in its time: it is said once more, for nobody else tells it."""

import pytest

from gateway.core.machine import NOT_TOLD
from gateway.core.notices import open_demands
from tests.support import homeward, story
from tests.support.network import Network
from tests.support.restoring import findings_of, outbox

CASE, CLERK = "case_officer", "registry_clerk"


async def month(network: Network, *, came: bool = False) -> None:
    """Let the time of what waits pass, on a line that is cut or, if it ``came``, loses the answers; then look twice."""
    network.wires.cut, network.wires.lose_answers = not came, came
    network.clock.pass_(hours=1)
    await network.deliver()
    network.clock.pass_(days=31)
    await network.refresh()
    for gateway in network.gateways.values():
        await gateway.deliverer.expire(network.clock.now())
        await gateway.deliverer.expire(network.clock.now())
    network.wires.cut = network.wires.lose_answers = False


async def back(network: Network) -> None:
    """Let some hours pass on a line that is up again."""
    for _ in range(3):
        network.clock.pass_(hours=1)
        await network.deliver()


async def withdraw(network: Network, ours: str) -> None:
    asking = network.gateways["XAA"]
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)


@pytest.mark.parametrize("months", [1, 2])
async def test_a_withdrawal_that_ran_out_is_said_once_the_other_state_is_back(network: Network, months: int) -> None:
    """It waits for the full hour as any other; people were told to say it by another way meanwhile."""
    ours, theirs = await story.acknowledged(network)
    await withdraw(network, ours)
    for _ in range(months):
        await month(network)
    assert NOT_TOLD in await findings_of(network, "XAA", ours)
    await network.deliver()
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)
    await back(network)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    said = [row for row in await outbox(network, "XAA", ours) if row.type == "withdrawal"]
    assert ["undelivered"] * months + ["receipted"] == [row.state for row in said]
    assert {0} == {(row.not_before.minute + row.not_before.second) for row in said}


async def test_a_withdrawal_that_came_without_a_receipt_is_said_again_and_changes_nothing(network: Network) -> None:
    """The other State takes another one at a higher number, and its case moves once."""
    ours, theirs = await story.acknowledged(network)
    await withdraw(network, ours)
    await month(network, came=True)
    await back(network)
    said = [row.state for row in await outbox(network, "XAA", ours) if row.type == "withdrawal"]
    assert ["undelivered", "receipted"] == said
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_a_return_that_was_declined_is_withdrawn_once_the_other_state_is_back(network: Network) -> None:
    """Who waits for the person hears a month later that nobody comes."""
    ours, theirs = await homeward.accepted(network)
    returning = network.gateways["XAA"].returning
    await returning.reassess(ours, "first", CASE)
    await returning.decline(ours, "coordinator", "coordinator")
    await month(network)
    await back(network)
    assert ("NOT_RETURNED", "WITHDRAWN") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("came", [False, True])
@pytest.mark.parametrize("heard", [False, True], ids=["behind it", "after it"])
async def test_what_follows_a_withdrawal_is_said_once_the_other_state_is_back(
    network: Network, heard: bool, came: bool
) -> None:
    """A demand to destroy that ran out comes behind another withdrawal, whether or not the first one was ``heard``."""
    ours, theirs = await story.replied(network)
    await withdraw(network, ours)
    if heard:
        await back(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", CASE)
    await month(network, came=came)
    await back(network)
    case = await story.case(network, "XBB", theirs)
    assert ["erasure"] == [one.kind for one in open_demands(case)] or ["erasure"] == [one.kind for one in case.notices]
    assert "WITHDRAWN" == case.state
    last = (await outbox(network, "XAA", ours))[-1]
    assert ("erasure", "refused" if came and heard else "receipted") == (last.type, last.state)


@pytest.mark.parametrize("came", [False, True])
@pytest.mark.parametrize("word", ["strike", "demand", "confirm"])
async def test_what_the_asked_state_takes_back_is_said_once_the_other_state_is_back(
    network: Network, word: str, came: bool
) -> None:
    """A reply that was wrong is relied on until the other State hears so: the word has the number that was lost."""
    ours, theirs = await story.replied(network)
    asked = network.gateways["XBB"].notices
    if word == "strike":
        await asked.strike(theirs, ["REPLY"], "first", CLERK)
    elif word == "demand":
        await asked.demand_erasure(theirs, "first", CLERK)
    else:
        await network.gateways["XAA"].notices.strike(ours, ["NAMES"], "first", CASE)
        await network.deliver()
        await asked.confirm(theirs, 1, "DONE", "first", CLERK)
    await month(network, came=came)
    assert (word != "confirm") == (NOT_TOLD in await findings_of(network, "XBB", theirs))
    await back(network)
    case = await story.case(network, "XAA", ours)
    heard = {"strike": case.reply is None, "confirm": () == open_demands(case)}
    assert heard.get(word, ["erasure"] == [one.kind for one in case.notices if not one.ours])


async def stop(network: Network, theirs: str, how: str, *, came: bool) -> None:
    """Have XBB stop a return: the word runs out itself, waits ``behind`` what does, or is given ``after`` that."""
    asked = network.gateways["XBB"]
    if how in ("behind", "after"):
        newer = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A", "valid_until": "2027-02-20"}
        await asked.returning.reissue(theirs, newer, "issuer")
        network.wires.cut, network.wires.lose_answers = not came, came
        await network.deliver(1)
    if how == "after":
        await month(network, came=came)
    if how == "suspend":
        await asked.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    else:
        await asked.hold.freeze(theirs, "danger", "welfare", "child_welfare")
    if how != "after":
        await month(network, came=came)


@pytest.mark.parametrize("came", [False, True])
@pytest.mark.parametrize("how", ["suspend", "freeze", "behind", "after"])
async def test_a_stop_of_who_is_asked_is_said_once_the_other_state_is_back(
    network: Network, how: str, came: bool
) -> None:
    """Nobody leaves by a return that is stopped; of what was lost, or came unanswered, the number is known by then."""
    ours, theirs = await homeward.documented(network)
    await stop(network, theirs, how, came=came)
    assert NOT_TOLD in await findings_of(network, "XBB", theirs)
    await back(network)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)
    said = [row.state for row in await outbox(network, "XBB", theirs) if row.type == "suspension"]
    assert "receipted" == said[-1]
    assert {"undelivered", "dropped", "refused", "receipted"} >= set(said)


@pytest.mark.parametrize("months", [1, 2])
@pytest.mark.parametrize("came", [False, True])
async def test_that_a_stop_is_over_is_said_once_the_other_state_is_back(
    network: Network, came: bool, months: int
) -> None:
    """Word of a stop that is over is not said again, but what came of it is lifted: the other State would hold on."""
    ours, theirs = await homeward.documented(network)
    asked = network.gateways["XBB"]
    await asked.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    if months == 1:
        network.wires.cut, network.wires.lose_answers = not came, came
    await network.deliver(1)
    await asked.hold.release(theirs, "welfare", "child_welfare")
    await asked.hold.resume(theirs, "first", CLERK)
    for _ in range(months):
        await month(network, came=came)
    await back(network)
    assert ("DOCUMENTED", "UNDELIVERED") == await homeward.states(network, ours, theirs)
    last = (await outbox(network, "XBB", theirs))[-1]
    assert ("resumption", "receipted") == (last.type, last.state)


async def test_a_stop_of_who_asks_is_left_to_people(network: Network) -> None:
    """Nobody leaves while that State holds, and no number of its own is used twice: its withdrawal is heard at any."""
    ours, theirs = await homeward.documented(network)
    await network.gateways["XAA"].returning.suspend(ours, "danger", "welfare", "child_welfare")
    await month(network)
    await back(network)
    assert NOT_TOLD in await findings_of(network, "XAA", ours)
    assert ("SUSPENDED", "DOCUMENTED") == await homeward.states(network, ours, theirs)


async def test_a_stop_that_ran_out_is_not_said_where_the_other_state_has_withdrawn(network: Network) -> None:
    """It says itself that nobody comes, while word of the stop waits."""
    ours, theirs = await homeward.documented(network)
    await stop(network, theirs, "suspend", came=False)
    asking = network.gateways["XAA"]
    await asking.hold.freeze(ours, "known now", "first", CASE)
    await asking.hold.withdraw(ours, "first", CASE)
    network.clock.pass_(hours=1)
    await asking.deliverer.run_once()
    await back(network)
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    assert "dropped" == (await outbox(network, "XBB", theirs))[-1].state


async def test_a_stop_whose_number_was_used_is_not_said_where_the_other_state_has_withdrawn(network: Network) -> None:
    """It would never leave, and what takes data back would wait behind it for as long as it counts."""
    ours, theirs = await homeward.documented(network)
    await stop(network, theirs, "suspend", came=True)
    network.wires.lose_answers = True
    await network.deliver(1)
    network.wires.lose_answers = False
    await withdraw(network, ours)
    network.clock.pass_(hours=1)
    await network.gateways["XAA"].deliverer.run_once()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    await back(network)
    last = (await outbox(network, "XBB", theirs))[-1]
    assert ("suspension", "refused", "id-reuse") == (last.type, last.state, last.code)
