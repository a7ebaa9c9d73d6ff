"""Two nodes of one gateway: what one takes in the other knows, and what one queues either may deliver."""

import asyncio

import asyncpg
from aiohttp import ClientSession

from benchmarks.pair import draft, submit
from drills.kill import broken_logs
from gateway.core import wire
from tests.nodes.conftest import here
from tests.support.nodes import Nodes, door, post, until


async def test_a_message_taken_at_one_node_is_answered_from_the_store_by_the_other(
    nodes: Nodes, envelopes: list[bytes]
) -> None:
    """The same envelope at the other node gets the very answer that the first one gave."""
    first, second = await nodes.ready("XBB")
    async with ClientSession() as client:
        given = [await post(client, first, raw) for raw in envelopes[:10]]
        again = [await post(client, second, raw) for raw in envelopes[:10]]
    assert {200} == {status for status, _ in given}
    assert given == again
    assert [(10,)] == await nodes.rows("XBB", "SELECT count(*) FROM inbound")


async def test_an_envelope_at_both_nodes_at_once_counts_once(nodes: Nodes, envelopes: list[bytes]) -> None:
    """Whichever node stores it, both give one answer, and there is one case."""
    first, second = await nodes.ready("XBB")
    async with ClientSession() as client:

        async def both(raw: bytes) -> None:
            one, other = await asyncio.gather(
                post(client, first, raw, patient_s=90), post(client, second, raw, patient_s=90)
            )
            assert (200, one[1]) == other

        await asyncio.gather(*map(both, envelopes[:60]))
    assert [(60,)] == await nodes.rows("XBB", "SELECT count(*) FROM inbound")
    assert [(60,)] == await nodes.rows("XBB", "SELECT count(*) FROM case_file")
    assert [(60,)] == await nodes.rows("XBB", "SELECT count(*) FROM log_entry")


async def test_one_log_grows_by_the_hands_of_both(nodes: Nodes, envelopes: list[bytes]) -> None:
    """Two nodes that take messages of one partner at once append to one log, without a gap and without a fork."""
    running = await nodes.ready("XBB")
    answers: list[bytes] = []
    async with ClientSession() as client:
        waiting = iter(envelopes)

        async def send(turn: int) -> None:
            for raw in waiting:
                status, body = await post(client, running[turn % 2], raw, patient_s=90)
                assert 200 == status
                answers.append(body)

        await asyncio.gather(*map(send, range(16)))
    assert 0 == await asyncio.to_thread(broken_logs, nodes.pair, "XBB")
    assert [(len(envelopes),)] == await nodes.rows("XBB", "SELECT size FROM log_head WHERE current = 1")
    for node in running:
        assert node.events("case.moved")
    async with here(nodes, "XAA") as gateway:
        for body in answers:
            gateway.deliverer.answers.verify("XBB", "", body)
    proofs = [wire.parse_answer(body).proof for body in answers]
    assert len(answers) == len({proof.split("\n")[1] for proof in proofs})


async def test_what_one_node_queues_either_delivers_once(nodes: Nodes) -> None:
    """Each message leaves once, whichever node queued it, and both take part."""
    running = await nodes.ready("XAA")
    async with door(nodes.pair, "XBB") as other, here(nodes, "XAA") as desk:
        people, value, queued = nodes.pair.people(), draft(), list[str]()

        def all_take_part() -> bool:
            return all(node.events("message.answered") for node in running)

        async def feed() -> None:
            # Whoever is the first to hear may be so again and again, where the other one waits for a core.
            while len(queued) < 60 or (len(queued) < 1000 and not all_take_part()):
                queued.append(await submit(desk, people, value))

        async def answered() -> bool:
            done = await nodes.rows("XAA", "SELECT count(*) FROM outbound WHERE state = 'receipted'")
            return [(len(queued),)] == done

        await asyncio.gather(*(feed() for _ in range(6)))
        await until(answered, 90)
        assert len(queued) == len(other.came)
        assert {1} == set(other.came.values())
        assert [(len(queued),)] == await nodes.rows("XAA", "SELECT sum(attempts)::bigint FROM outbound")
    assert all_take_part()


async def test_what_a_node_posts_and_hears_waits_for_nobody_who_holds_the_partner(nodes: Nodes) -> None:
    """Each node posts to the same partner and stores its answers while another one has what is known of it in hand."""
    async with door(nodes.pair, "XBB"), here(nodes, "XAA") as desk:
        await submit(desk, nodes.pair.people(), draft())
        other = await asyncpg.connect(nodes.pair.dsn("XAA"))
        try:
            await other.execute("BEGIN; SELECT 1 FROM partner FOR UPDATE")
            assert 1 == await desk.deliverer.run_once()
            assert [("receipted",)] == await nodes.rows("XAA", "SELECT state FROM outbound")
        finally:
            await other.close()
