"""A node that dies or stands still, and a database server that goes and comes back: the others go on."""

import asyncio
import json
import os
import signal
import time
from itertools import count
from pathlib import Path

import pytest
from aiohttp import ClientSession

from benchmarks.pair import WORDS, use_database
from gateway import serving, stands
from gateway.cli.errors import Exit
from gateway.core import envelope
from gateway.services.monitor import PATIENCE_S
from gateway.services.ports import GoneBack
from gateway.storage.postgres import LEAD_LOST_S
from tests.cli.support import call
from tests.nodes.conftest import here
from tests.support.loop_time import pass_
from tests.support.nodes import Node, Nodes, post, until

SCRAPE_S = 10.0
"""How long Prometheus waits for an answer, where nobody told it otherwise."""


LEADS_S = {signal.SIGKILL: LEAD_LOST_S - 1, signal.SIGSTOP: 60}
"""Within which another node leads: soon after one that died, and after one that stands still once it was silent."""


@pytest.mark.parametrize(("number", "within_s"), LEADS_S.items(), ids=["dead", "still"])
async def test_another_node_leads_when_the_leader_is_gone(nodes: Nodes, number: int, within_s: float) -> None:
    """What is done once for the whole gateway goes on at another node: soon, or once the leader was silent too long."""
    (first,) = await nodes.ready("XBB", 1)

    async def leads() -> bool:
        return await nodes.leader("XBB") is not None

    await until(leads, 60)
    before = await nodes.leader("XBB")
    await nodes.ready("XBB", 1)

    async def waits() -> bool:
        asked = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> $1"
        return bool(await nodes.rows("XBB", asked + " AND pid <> pg_backend_pid()", before))

    await until(waits, 60)
    first.process.send_signal(number)

    async def another_leads() -> bool:
        return await nodes.leader("XBB") not in (None, before)

    assert await until(another_leads, within_s) < within_s


async def test_a_node_that_stands_still_in_a_batch_lets_the_others_go_on(nodes: Nodes, envelopes: list[bytes]) -> None:
    """Its locks end with its time-out; the other node takes messages again, and so does it once it goes on."""
    within_s = (
        90  # the others end its batch after 20 s, look every 2, and try again every 5: 27 where nothing else runs
    )
    still, other = await nodes.ready("XBB")
    async with ClientSession() as client:
        await _stand_still(nodes, client, still, envelopes[:200])
        began = time.monotonic()
        status, _ = await post(client, other, envelopes[200], patient_s=within_s)
        taken_s = time.monotonic() - began
        still.process.send_signal(signal.SIGCONT)
        assert (200, True) == (status, taken_s < within_s), f"after {taken_s:.1f} s"
        assert 200 == (await post(client, still, envelopes[201], patient_s=60))[0]
    assert still.runs


async def _stand_still(nodes: Nodes, client: ClientSession, node: Node, raws: list[bytes]) -> None:
    """Post to ``node`` and stop it, again and again, until it stands still with a batch under way."""
    inside = (
        "SELECT 1 FROM pg_locks WHERE locktype = 'relation' AND relation = 'log_head'::regclass AND mode = "
        "'RowExclusiveLock' AND granted AND pid <> pg_backend_pid()"
    )

    async def load() -> None:
        for raw in raws:
            await post(client, node, raw)

    posting = [asyncio.create_task(load()) for _ in range(4)]
    try:
        for turn in count():
            assert turn < 400, "it was never inside a batch when it was stopped"
            await asyncio.sleep(0.005)
            node.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.05)
            if await nodes.rows("XBB", inside):
                return
            node.process.send_signal(signal.SIGCONT)
    finally:
        for task in posting:
            task.cancel()


async def test_monitoring_hears_soon_of_a_database_that_stands_still(nodes: Nodes) -> None:
    """It is told that the store is away before whoever scrapes gives up, which would say that the process is."""
    ours = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'isthmus%' AND datname = current_database()"
    async with here(nodes, "XBB") as gateway:
        monitor = serving.monitor_of(gateway)
        assert await monitor.ways() is not None
        still = [pid for (pid,) in await nodes.rows("XBB", ours)]
        for pid in still:
            os.kill(pid, signal.SIGSTOP)
        try:
            monitor._kept_until = 0.0
            telling = asyncio.create_task(monitor.ways())
            await asyncio.wait({telling}, timeout=0.1)
            assert not telling.done()  # it is given its time, and no more
            pass_(PATIENCE_S)
            assert await asyncio.wait_for(telling, SCRAPE_S - PATIENCE_S) is None
        finally:
            for pid in still:
                os.kill(pid, signal.SIGCONT)
        monitor._kept_until = 0.0
        assert await monitor.ways() is not None


async def test_nothing_acknowledged_is_lost_when_the_server_crashes(nodes: Nodes, envelopes: list[bytes]) -> None:
    """The server is gone and back while messages come: both nodes go on by themselves, and hold what they answered."""
    running = await nodes.ready("XBB")
    answers: dict[bytes, bytes] = {}
    waiting = iter(envelopes)
    async with ClientSession() as client:

        async def send(turn: int) -> None:
            for raw in waiting:
                status, body = await post(client, running[turn % 2], raw, patient_s=90)
                assert 200 == status
                answers[envelope.envelope_id(raw)] = body.rstrip(b" ")

        async def crash() -> None:
            while len(answers) < len(envelopes) // 3:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(nodes.cluster.stop, "immediate")
            await asyncio.to_thread(nodes.cluster.start)

        await asyncio.gather(crash(), *map(send, range(8)))
    stored = dict(await nodes.rows("XBB", "SELECT envelope_id, answer FROM inbound"))
    assert len(envelopes) == len(answers)
    assert answers == stored
    assert all(node.runs for node in running)
    assert all(1 == len(node.events("gateway.ready")) for node in running)


async def test_no_epoch_is_begun_while_a_node_runs(nodes: Nodes) -> None:
    """``begin-epoch`` is refused while a node uses the database, on whatever machine that runs."""
    await nodes.ready("XAA", 1)
    home = nodes.pair.home("XAA")
    refused = await asyncio.to_thread(call, "restore", "begin-epoch", "-C", home, ISTHMUS_PASSPHRASE=WORDS)
    assert (75, True) == (refused.exit_code, "stop every node first" in refused.stderr)


async def test_a_node_of_an_epoch_that_is_over_ends(nodes: Nodes) -> None:
    """A node that runs on while the epoch is raised says so and ends, so that it is started anew."""
    (node,) = await nodes.ready("XAA", 1)
    await nodes.rows("XAA", "INSERT INTO meta (name, value) VALUES ('epoch', '2')")

    async def ended() -> bool:
        return not node.runs

    await until(ended, 15)
    assert (75, True) == (node.process.returncode, bool(node.events("process.outdated")))


async def test_no_node_starts_over_a_database_that_went_back(nodes: Nodes) -> None:
    """Where an older state takes the place of the database each node ends, and none goes on before the next epoch."""
    name = str(nodes.pair.dsn("XAA")).rpartition("/")[2]
    older = (await asyncio.to_thread(nodes.cluster.create, name)).rpartition("/")[2]
    several = nodes.start("XAA", "--processes", "2")
    await several.wait_ready()
    alter = "ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}"
    await nodes.cluster.execute(alter.format(name, "false"))
    ending = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608  # our own name
    await nodes.cluster.execute(ending)
    await nodes.cluster.execute(f"ALTER DATABASE {name} RENAME TO {name}_gone")
    await nodes.cluster.execute(f"ALTER DATABASE {older} RENAME TO {name}")

    async def ended() -> bool:
        return not several.runs

    await until(ended, 60)
    assert Exit.LATER == several.process.returncode
    another = nodes.start("XAA")
    assert Exit.LATER == await asyncio.to_thread(another.process.wait, 60)
    assert "begin-epoch" in another.log.read_text()
    home = nodes.pair.home("XAA")
    begun = await asyncio.to_thread(call, "restore", "begin-epoch", "-C", home, "--json", ISTHMUS_PASSPHRASE=WORDS)
    assert 0 == begun.exit_code, begun.stderr
    try:
        await nodes.ready("XAA", 1)
    finally:
        Path(json.loads(begun.stdout)["card"]).unlink()  # the home is that of every test here


async def test_a_database_that_had_come_further_is_gone_on_with_by_no_node(
    nodes: Nodes, envelopes: list[bytes]
) -> None:
    """By what stands in the home of one machine every other is told too, also one that was off and knows nothing."""
    older = await asyncio.to_thread(nodes.cluster.create, str(nodes.pair.dsn("XBB")).rpartition("/")[2])
    stood = nodes.pair.home("XBB") / stands.STANDS_FILE
    async with here(nodes, "XBB") as gateway:
        assert 200 == (await gateway.receiver.receive(envelopes[0])).status
        await stands.keep(gateway.context, stood, gateway.context.clock.now())
    async with here(nodes, "XBB") as gateway:
        await gateway.context.look()
    use_database(nodes.pair, "XBB", older)
    for _ in range(2):
        async with here(nodes, "XBB") as gateway:
            with pytest.raises(GoneBack):
                await gateway.context.look()
        stood.unlink(missing_ok=True)
