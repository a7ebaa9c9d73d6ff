"""
A stop at one node while another is about to post: it holds from the moment it is taken, whichever came first.

The delay before the stop follows the race: longer after a stop that came first, shorter after one that came too late.
So most rounds are as close as the machine can make them, and both ends are seen. It grows by a share of itself: a few
rounds are enough also where the other node takes a hundred times as long.
"""

import asyncio

from benchmarks.pair import draft, submit
from tests.nodes.conftest import here
from tests.support.nodes import Nodes, door, until

ROUNDS = 60
STEP_S = 0.002


def longer(delay_s: float) -> float:
    """Return the delay before a stop, after one that came first."""
    return delay_s * 1.2 + STEP_S


def shorter(delay_s: float) -> float:
    """Return the delay before a stop, after one that came too late."""
    return max(0.0, delay_s / 1.2 - STEP_S)


async def test_a_case_stopped_at_one_node_is_not_posted_by_the_other(nodes: Nodes) -> None:
    """A message that the stop found unposted never leaves; one that was abroad stays so and is not taken back."""
    await nodes.ready("XAA", 1)
    async with door(nodes.pair, "XBB") as other, here(nodes, "XAA") as desk:
        people, value, delay_s = nodes.pair.people(), draft(), 4 * STEP_S
        for _ in range(ROUNDS):
            ref = await submit(desk, people, value)
            await asyncio.sleep(delay_s)
            await desk.hold.freeze(ref, "new facts", "first", "case_officer")
            found = await nodes.rows("XAA", "SELECT state FROM outbound WHERE ref = $1", ref)
            delay_s = longer(delay_s) if found == [("dropped",)] else shorter(delay_s)

        async def answered() -> bool:
            return [] == await nodes.rows("XAA", "SELECT 1 FROM outbound WHERE state NOT IN ('dropped', 'receipted')")

        last = await submit(desk, people, value)

        async def came_last() -> bool:
            rows = await nodes.rows("XAA", "SELECT 1 FROM outbound WHERE ref = $1 AND state = 'receipted'", last)
            return bool(rows)

        await until(came_last, 90)  # and what were posted in spite of its stop, and longer due, left before it
        await until(answered, 90)
        rows = await nodes.rows(
            "XAA",
            "SELECT o.state = 'dropped', o.attempts, o.posted_at IS NULL, t.out_seq, o.envelope_id "
            "FROM outbound AS o JOIN thread AS t ON t.ref = o.ref WHERE o.ref <> $1",
            last,
        )
    assert ROUNDS == len(rows)
    # Not posted: no attempt, no number used, and nothing came. Posted: one attempt, under the number that is used.
    assert {(True, 0, True, 0), (False, 1, False, 1)} == {row[:4] for row in rows}
    assert {(True, 0), (False, 1)} == {(row[0], other.came[row[4]]) for row in rows}


async def test_a_state_listed_at_one_node_gets_no_post_from_the_other(nodes: Nodes) -> None:
    """From the confirmation on nothing of the list's States is posted, though the message was queued before."""
    await nodes.ready("XAA", 1)
    early = 0
    async with door(nodes.pair, "XBB") as other, here(nodes, "XAA") as desk:
        people, value, delay_s = nodes.pair.people(), draft(), 2 * STEP_S
        for turn in range(25):
            if early and turn >= 5:
                break  # the desk was the first at least once
            await desk.no_contact.propose("XBB", "a reason", "second", "liaison_officer")
            ref = await submit(desk, people, value)
            await asyncio.sleep(delay_s)
            await desk.no_contact.confirm("XBB", "a reason", "protection", "asylum_authority")
            before = await nodes.rows("XAA", "SELECT attempts, envelope_id FROM outbound WHERE ref = $1", ref)
            ((attempts, envelope_id),) = before

            async def came(envelope_id: bytes = envelope_id, attempts: int = attempts) -> bool:
                return other.came[envelope_id] >= attempts

            await until(came, 90)
            await asyncio.sleep(1.2)  # the other node looks at what waits once a second
            assert before == await nodes.rows("XAA", "SELECT attempts, envelope_id FROM outbound WHERE ref = $1", ref)
            assert attempts == other.came[envelope_id]
            early += attempts == 0
            delay_s = longer(delay_s) if attempts == 0 else shorter(delay_s)
            await desk.no_contact.lift("XBB", "a reason", "second", "liaison_officer")
            await desk.no_contact.confirm_lift("XBB", "a reason", "protection", "asylum_authority")
    assert early > 0
