"""No number of a thread is used twice, whatever waits unposted, and by whichever clock it was put there."""

from gateway.core.messages import ACKNOWLEDGEMENT, QUESTION, RECTIFICATION, REPLY, USE_REQUEST
from tests.support import story
from tests.support.network import Network, wrong_clock
from tests.support.restoring import outbox

CASE = "case_officer"
MONTH = 30 * 24 * 60


async def waiting(network: Network, country: str, ref: str) -> list[tuple[str, int | None]]:
    """Return type and number of what waits unposted in a case, in the order of the numbers."""
    rows = [row for row in await outbox(network, country, ref) if row.state == "queued"]
    return [(row.type, row.seq) for row in sorted(rows, key=lambda row: row.seq or 0)]


async def all_accepted(network: Network, country: str, ref: str) -> bool:
    """Let everything leave, and return whether the other State took all that was not dropped."""
    network.wires.cut = False
    for _ in range(3):
        network.clock.pass_(hours=1)
        await network.deliver()
    return {"accepted"} == {row.status for row in await outbox(network, country, ref) if row.state != "dropped"}


async def test_what_a_clock_that_was_ahead_put_there_keeps_its_place(network: Network) -> None:
    """It bears an instant that is still to come, but waits for no day: what is said after it is heard after it."""
    _, theirs = await story.received(network)
    network.wires.cut = True
    with wrong_clock(network, "XBB", 10):
        await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await story.give_answer(network, theirs, story.reply())
    assert [(ACKNOWLEDGEMENT, 1), (REPLY, 2)] == await waiting(network, "XBB", theirs)
    assert await all_accepted(network, "XBB", theirs)


async def test_what_stands_behind_it_keeps_its_number(network: Network) -> None:
    """Two corrections, the first by a clock that was ahead, and a question: three numbers."""
    ours, _ = await story.replied(network)
    notices = network.gateways["XAA"].notices
    network.wires.cut = True
    with wrong_clock(network, "XAA", 10):
        await notices.strike(ours, ["NAMES"], "first", CASE)
    await notices.strike(ours, ["BIRTH_DATE"], "first", CASE)
    await notices.ask_use(ours, "first", CASE)
    assert [(RECTIFICATION, 2), (RECTIFICATION, 3), (USE_REQUEST, 4)] == await waiting(network, "XAA", ours)
    assert await all_accepted(network, "XAA", ours)


async def test_question_by_a_clock_that_was_a_month_ahead_does_not_wait_a_month(network: Network) -> None:
    """It is refused for its times soon after the clock is right, where it would wait in silence."""
    _, theirs = await story.acknowledged(network)
    gateway = network.gateways["XBB"]
    with wrong_clock(network, "XBB", MONTH):
        await gateway.answer.ask(theirs, ["SEX"], 2, "first", "registry_clerk")
    for cut in (True, False):  # the first attempt meets a line that is down
        network.wires.cut = cut
        await gateway.deliverer.look()
        await network.deliver(refresh=False)
        network.clock.pass_(minutes=1)
    *_, asked = await outbox(network, "XBB", theirs)
    assert (QUESTION, "refused", "stale") == (asked.type, asked.state, asked.code)
