"""``isthmus serve --processes``: children that share the listeners, and a parent that keeps them alive."""

import asyncio
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession

import schemas
from benchmarks.pair import WORDS, Pair, free_port, make_pair, use_database
from gateway import serving, settings
from gateway.cli.errors import Exit
from gateway.cli.processes import Processes, check_free
from gateway.cli.running import CHILD_S, STOP_S
from gateway.http.listen import CLOSE_TIMEOUT_S, runner_settings
from gateway.stands import STANDS_FILE
from gateway.storage import postgres
from gateway.storage.postgres_pool import CLOSE_S
from gateway.transport import notices
from gateway.transport.redactor import TIME_LIMIT_S
from tests.cli.support import call
from tests.support.nodes import Node, Nodes, post, until
from tests.support.processes import family


def children(node: Node) -> set[int]:
    """Return the processes that the parent started."""
    return set(family(node.pid)) - {node.pid}


async def ready(nodes: Nodes, *options: str) -> Node:
    """Start a gateway of two processes and return when both are ready."""
    node = nodes.start("XBB", "--processes", "2", *options)
    await node.wait_ready()
    return node


async def test_all_processes_take_messages_at_one_address(nodes: Nodes, envelopes: list[bytes]) -> None:
    """It says once that it is ready, when both are; then each takes some of the messages."""
    node = await ready(nodes)
    assert [1, 2] == sorted(line["process"] for line in node.events("process.ready"))
    assert ["gateway.ready"] == [line["event"] for line in node.lines() if line["event"].startswith("gateway.")]
    for raw in envelopes[:40]:
        async with ClientSession() as client:  # a connection of its own: the system gives it to one of them
            assert 200 == (await post(client, node, raw))[0]
    assert {1, 2} == {line["process"] for line in node.events("case.moved")}


async def _figure(client: ClientSession, port: int, name: str) -> float:
    async with client.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return next(
            float(line.split()[1]) for line in (await answer.text()).splitlines() if line.startswith(f"{name} ")
        )


async def test_each_process_is_watched_at_a_port_of_its_own(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first at the port that is configured, the second at the next; both are ready, and one of them leads."""
    door = free_port()
    monkeypatch.setenv("ISTHMUS_LISTENERS__METRICS__PORT", str(door))
    await ready(nodes)

    async with ClientSession() as client:

        async def one_leads() -> bool:
            return 1 == sum([await _figure(client, port, "isthmus_leader") for port in (door, door + 1)])

        assert [1, 1] == [await _figure(client, port, "isthmus_ready") for port in (door, door + 1)]
        await until(one_leads, 90)


async def test_a_process_that_dies_is_started_again(nodes: Nodes, envelopes: list[bytes]) -> None:
    """One is killed: the other goes on, and soon there are two again."""
    node = await ready(nodes)
    os.kill(min(children(node)), signal.SIGKILL)

    async def again() -> bool:
        return len(node.events("process.ready")) == 3

    async with ClientSession() as client:
        assert 200 == (await post(client, node, envelopes[0], patient_s=60))[0]
        await until(again, 90)
    assert [-signal.SIGKILL] == [line["status"] for line in node.events("process.ended")]
    assert 2 == len(children(node))


async def test_a_process_that_is_killed_before_all_are_ready_is_started_again(tmp_path: Path) -> None:
    """One is ready and the other killed as it starts, by whom memory is short for: the first is not ended by that."""
    killed = tmp_path / "killed"
    child = (
        "import os, pathlib, signal, socket, sys; link = socket.socket(fileno=int(sys.argv[-1]));"
        "number = __import__('json').loads(link.makefile('rb').readline())['number'];"
        f"killed = pathlib.Path({str(killed)!r});"
        "first = number == 2 and not killed.exists();"
        "first and (__import__('time').sleep(1), killed.touch(), os.kill(os.getpid(), signal.SIGKILL));"
        "link.send(b'r'); link.recv(1)"
    )
    lines, ready = [], asyncio.Event()
    many = Processes((sys.executable, "-c", child), 2, None, lambda *line, **_: lines.append(line), ready.set)
    running = asyncio.create_task(many.run())
    await asyncio.wait({running, asyncio.create_task(ready.wait())}, timeout=90, return_when=asyncio.FIRST_COMPLETED)
    assert ([("process.ended",)], True, False) == (lines, ready.is_set(), running.done())
    os.kill(os.getpid(), signal.SIGTERM)
    assert 0 == await running


async def test_a_process_that_cannot_be_started_again_ends_no_other(tmp_path: Path) -> None:
    """Where no descriptor, or no process, is to be had for a while the others go on, and it is tried again."""
    child = (
        "import os, pathlib, socket, sys; link = socket.socket(fileno=int(sys.argv[-1]));"
        "link.makefile('rb').readline();"
        f"pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch(); link.send(b'r'); link.recv(1)"
    )
    lines, ready = asyncio.Queue[str](), asyncio.Event()
    many = Processes((sys.executable, "-c", child), 2, None, lambda event, **_: lines.put_nowait(event), ready.set)
    running = asyncio.create_task(many.run())
    await ready.wait()
    child_pid, limits = int(next(tmp_path.iterdir()).name), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        os.kill(child_pid, signal.SIGKILL)
        said = [await asyncio.wait_for(lines.get(), 90) for _ in range(2)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    while len(list(tmp_path.iterdir())) < 3 and not running.done():
        await asyncio.sleep(0.05)
    assert (["process.ended", "process.unstarted"], False) == (said, running.done())
    os.kill(os.getpid(), signal.SIGTERM)
    assert 0 == await running


async def test_a_signal_stops_all_in_good_order(nodes: Nodes) -> None:
    """SIGTERM to the parent ends both, each after its last transaction, and then the parent; the home knows of it."""
    node = await ready(nodes)
    held = children(node)
    assert 0 == await asyncio.to_thread(node.stop)
    assert 2 == len(node.events("process.stopped"))
    assert "gateway.stopped" == node.lines()[-1]["event"]
    assert not any(Path(f"/proc/{one}").exists() for one in held)
    assert ["1", "0"] == (nodes.pair.home("XBB") / STANDS_FILE).read_text().split()[:2]


async def test_each_ends_by_itself_though_the_database_stands_still(nodes: Nodes) -> None:
    """Nobody has to be killed: what waits for the database gives up before whoever waits for the end does."""
    node = await ready(nodes)
    mine = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    server = [nodes.cluster.pid, *(pid for (pid,) in await nodes.rows("XBB", mine))]
    for pid in server:
        os.kill(pid, signal.SIGSTOP)
    try:
        node.process.send_signal(signal.SIGTERM)
        assert 0 == await asyncio.to_thread(node.process.wait, STOP_S)
    finally:
        for pid in server:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    assert 2 == len(node.events("process.stopped"))
    assert "gateway.stopped" == node.lines()[-1]["event"]


def test_whoever_waits_for_an_end_waits_longer_than_it_takes() -> None:
    """The bounds stand in one order: of the steps of an end, of a parent, of a command, of what starts a gateway."""
    leading, doors = 2 * CLOSE_S, runner_settings()["shutdown_timeout"] + CLOSE_TIMEOUT_S
    desks_and_pages, batches, goodbye = 2 * CLOSE_S, 2 * postgres.DRAIN_S, CLOSE_S
    listeners = schemas.load("configuration")["properties"]["listeners"]["properties"]
    drain = listeners["metrics"]["properties"]["drain_s"]["maximum"]
    rest = serving.LEAVE_S + notices.DRAIN_S + TIME_LIMIT_S
    assert leading + drain + doors + desks_and_pages + rest + batches + goodbye < CHILD_S < STOP_S < 90


async def test_no_process_outlives_its_parent(nodes: Nodes) -> None:
    """A parent that is killed takes its children with it: nobody else knows of them."""
    node = await ready(nodes)
    held = children(node)
    node.stop(signal.SIGKILL)

    async def gone() -> bool:
        return not any(Path(f"/proc/{one}").exists() for one in held)

    await until(gone, 60)


async def test_the_passphrase_is_in_no_argument_and_no_environment(nodes: Nodes) -> None:
    """Whoever may look at the processes of this machine does not see what opens the key store."""
    node = await ready(nodes)
    assert WORDS.encode() in Path(f"/proc/{node.pid}/environ").read_bytes()  # where the test put it
    for one in children(node):
        for name in ("cmdline", "environ"):
            assert WORDS.encode() not in Path(f"/proc/{one}/{name}").read_bytes()


async def test_a_gateway_that_cannot_start_ends_with_the_status_of_its_processes(nodes: Nodes) -> None:
    """No database: each says why, and nothing is tried for ever."""
    use_database(nodes.pair, "XBB", f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    node = nodes.start("XBB", "--processes", "2")
    assert Exit.CONFIGURATION == await asyncio.to_thread(node.process.wait, 90)
    assert "the database cannot be reached" in node.log.read_text()
    assert not node.events("process.ended")


async def test_an_address_that_is_taken_is_not_shared_with_strangers(nodes: Nodes, envelopes: list[bytes]) -> None:
    """Two gateways at one address would take one another's messages: the second does not start."""
    node = await ready(nodes)
    second = nodes.start("XBB", "--processes", "2", port=node.port)
    assert Exit.CONFIGURATION == await asyncio.to_thread(second.process.wait, 90)
    async with ClientSession() as client:
        assert 200 == (await post(client, node, envelopes[0]))[0]


def test_more_processes_than_there_are_ports_to_watch_them_at_are_refused(nodes: Nodes) -> None:
    """Exit 3 before any is started, with the port that is too high."""
    last = {"ISTHMUS_PASSPHRASE": WORDS, "ISTHMUS_LISTENERS__METRICS__PORT": "65535"}
    done = call("serve", "-C", nodes.pair.home("XBB"), "--processes", "2", "--json", **last)
    assert Exit.CONFIGURATION == done.exit_code
    assert "/listeners/metrics/port: 2 processes need ports up to 65536" in done.stderr


@pytest.mark.parametrize(("door", "before", "count"), [("METRICS", 2, 3), ("METRICS", 0, 1), ("API", 0, 2)])
def test_two_doors_at_one_port_are_refused(tmp_path: Path, door: str, before: int, count: int) -> None:
    """Children that share an address would share one for both, or the last of them finds none to be watched at."""
    pair = make_pair(tmp_path)
    taken = settings.load(pair.home("XBB"), {}).values["listeners"]["peers"]["port"]
    place = {"HOST": "127.0.0.1", "PORT": str(taken - before)}
    chosen = settings.load(pair.home("XBB"), {f"ISTHMUS_LISTENERS__{door}__{part}": one for part, one in place.items()})
    with pytest.raises(settings.BadConfiguration, match=f"127.0.0.1:{taken} is that of '[a-z]+' too"):
        check_free(chosen, count)


def test_a_store_in_a_file_is_served_by_one_process(tmp_path: Path) -> None:
    """SQLite: exit 3, with the next step."""
    pair: Pair = make_pair(tmp_path, tls=False)
    done = call("serve", "-C", pair.home("XAA"), "--processes", "2", "--json")
    assert Exit.CONFIGURATION == done.exit_code
    assert '"one-process"' in done.stderr
