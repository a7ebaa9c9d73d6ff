"""
Several partners at once, with one process over PostgreSQL and with two: each sends, and is sent to.

With one partner two processes meet at the end of one log; with several each may hold what the other one waits for.
What is to be posted stands in the outbox before, and is let go once messages come in. All partners are gateways of one
further process, each with a store in a file; it, the load generator, PostgreSQL and what is measured share the cores of
this machine. Rates are those of the time in which messages went both ways.

    python -m benchmarks.partners serve DIRECTORY      (plays the partners of a directory of homes)
"""

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.accept import envelopes
from benchmarks.figures import Figure, median, percentile
from benchmarks.load import child
from benchmarks.nodes import LOG, served
from benchmarks.pair import Pair, draft, make_pair, submit, use_database
from gateway import serving
from gateway.app import Gateway
from gateway.log import configure_log
from gateway.services.receive import Reply
from gateway.storage.postgres import CHANNEL
from tests.support.postgres import Cluster, binaries, cluster

PARTNERS = ("XAA", "XAB", "XAC", "XAD", "XAE", "XCC", "XDD", "XEE")
HUB = "XBB"
CONNECTIONS = 64
ROUNDS = 3
ROUGHLY_PER_S = 250
"""Either way. Only to turn seconds into a number of messages."""

AWAY_S = 0.1
"""So long a message is under way at most: the answers of several partners come in any order, as from real ones."""

FEEDERS = 16
LEFT_S = 120.0

GIVEN_UP, LONG = "canceling statement due to lock timeout", "still waiting for"
"""What the server logs of a lock that was not to be had in time, and of one waited for longer than a second."""

_COUNTED = """
SELECT xact_rollback AS undone, deadlocks FROM pg_stat_database WHERE datname = current_database()
"""
_LEFT = "SELECT count(*) FROM outbound WHERE state IN ('queued', 'posted')"
_PUT_OFF = "UPDATE outbound SET next_try_at = next_try_at + 1800, try_at = try_at + 1800"
_LET_GO = "UPDATE outbound SET next_try_at = next_try_at - 1800, try_at = try_at - 1800"
"""What is sent waits until what comes begins."""


@dataclass(frozen=True, slots=True)
class Round:
    """
    One round: the ``seconds`` in which messages went both ways, how many were ``accepted`` and ``answered`` in each,
    latencies in seconds, and what the server counted of locks.

    ``messages`` are all of the round, both ways; ``undone`` the transactions that came to nothing.
    """

    seconds: float
    accepted: float
    answered: float
    latencies: Sequence[float]
    messages: int
    undone: int
    deadlocks: int
    given_up: int
    long: int


def run(seconds: float = 24.0, processes: Sequence[int] = (1, 2)) -> list[Figure]:
    """Measure for about ``seconds`` in all, in turns; returns what each number of processes did."""
    if binaries() is None:
        raise SystemExit("error: PostgreSQL is not installed\nhint: on Debian 'apt install postgresql'")
    with cluster("log_lock_waits=on") as server, tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        return asyncio.run(_run(Path(directory), server, processes, seconds))


async def _run(root: Path, server: Cluster, processes: Sequence[int], seconds: float) -> list[Figure]:
    each = max(60, int(seconds / (ROUNDS * len(processes)) * ROUGHLY_PER_S / len(PARTNERS)))
    homes, template = await _prepare(root, server, each)
    rounds: dict[int, list[Round]] = {count: [] for count in processes}
    for _ in range(ROUNDS):
        for count in processes:
            pair = Pair(root / "now")
            shutil.rmtree(pair.root, ignore_errors=True)
            shutil.copytree(homes.root, pair.root)
            use_database(pair, HUB, server.create(template))
            rounds[count].append(await _round(pair, server, count, each * len(PARTNERS)))
    return [figure for count in processes for figure in _figures(count, rounds[count])]


async def _prepare(root: Path, server: Cluster, each: int) -> tuple[Pair, str]:
    """
    Return States with empty stores and, in turns of all partners, ``each`` envelopes of every one for the hub.

    And the name of a database of the hub in which as many messages wait for each partner.
    """
    (root / "homes").mkdir()
    pair = make_pair(root / "homes", tls=False, countries=(HUB, *PARTNERS))
    use_database(pair, HUB, server.create())
    async with AsyncExitStack() as held:
        opened: dict[str, Gateway] = {}
        for country in (HUB, *PARTNERS):
            opened[country] = await pair.open(country, create=True)
            held.push_async_callback(opened[country].close)
            await opened[country].refresh_trust()
        with (pair.root / "envelopes").open("wb") as out:
            for turn in zip(*(envelopes(opened[country], each) for country in PARTNERS), strict=True):
                out.writelines(turn)
        people, value = pair.people(), draft()
        waiting = iter([value | {"to": country} for _ in range(each) for country in PARTNERS])

        async def feed() -> None:
            for one in waiting:
                await submit(opened[HUB], people, one)

        await asyncio.gather(*(feed() for _ in range(FEEDERS)))
    await server.execute(_PUT_OFF, pair.dsn(HUB))
    return pair, str(pair.dsn(HUB)).rpartition("/")[2]


async def _round(pair: Pair, server: Cluster, processes: int, count: int) -> Round:
    """Have ``count`` messages pass each way, and as many processes as that serve the hub."""
    before, dsn = _log_of(server), pair.dsn(HUB)
    async with child("benchmarks.partners", "serve", str(pair.root)), served(pair, processes) as port:
        said, _ = await asyncio.gather(_loaded(port, pair, count), _sent(server, dsn))
    ((undone, deadlocks),) = await server.execute(_COUNTED, dsn)
    lines, answered = _log_of(server)[len(before) :], _answered(pair.root / LOG)
    first, last = max(said["at"][0], answered[0]), min(said["at"][-1], answered[-1])
    if last <= first:
        raise RuntimeError("messages went one way after the other: measure for longer")
    within = [latency for at, latency in zip(said["at"], said["latencies"], strict=True) if first <= at <= last]
    return Round(
        seconds=last - first,
        accepted=len(within) / (last - first),
        answered=sum(first <= at <= last for at in answered) / (last - first),
        latencies=within,
        messages=2 * count,
        undone=undone,
        deadlocks=deadlocks,
        given_up=lines.count(GIVEN_UP),
        long=lines.count(LONG),
    )


async def _loaded(port: int, pair: Pair, count: int) -> dict[str, Any]:
    """Post ``count`` envelopes to the hub; returns what the load generator says."""
    arguments = (port, pair.root / "envelopes", 0, count, CONNECTIONS, 0.0)
    async with child("benchmarks.load", *map(str, arguments)) as (_, said):
        return said


async def _sent(server: Cluster, dsn: str | None) -> None:
    """Let go what waits at the hub once the first message has come, and return when all of it is answered."""
    async with asyncio.timeout(LEFT_S):
        while not await server.execute("SELECT 1 FROM inbound LIMIT 1", dsn):
            await asyncio.sleep(0.05)
        await server.execute(_LET_GO, dsn)
        await server.execute(f"NOTIFY {CHANNEL}", dsn)
        while (await server.execute(_LEFT, dsn))[0][0]:
            await asyncio.sleep(0.2)


def _log_of(server: Cluster) -> str:
    return (server.folder / "server.log").read_text(errors="replace")


def _answered(log: Path) -> list[float]:
    """Return when each answer was stored, in seconds since 1970, the first one first, by the lines in ``log``."""
    told = (json.loads(line) for line in log.read_bytes().splitlines() if b'"message.answered"' in line)
    return sorted(datetime.fromisoformat(one["timestamp"]).timestamp() for one in told)


def _figures(processes: int, rounds: Sequence[Round]) -> list[Figure]:
    name = f"{len(PARTNERS)} partners, PostgreSQL x {processes}"
    latencies = [latency for one in rounds for latency in one.latencies]
    undone, messages = (sum(getattr(one, part) for one in rounds) for part in ("undone", "messages"))
    return [
        Figure(f"{name}: both ways for", median([one.seconds for one in rounds]), "s"),
        Figure(f"{name}: accepted", median([one.accepted for one in rounds]), "/s"),
        Figure(f"{name}: answered", median([one.answered for one in rounds]), "/s"),
        Figure(f"{name}: p99", percentile(latencies, 0.99) * 1000, "ms"),
        Figure(f"{name}: undone of 1,000", 1000 * undone / messages, ""),
        Figure(f"{name}: deadlocks", sum(one.deadlocks for one in rounds), ""),
        Figure(f"{name}: locks given up", sum(one.given_up for one in rounds), ""),
        Figure(f"{name}: waits over 1 s", sum(one.long for one in rounds), ""),
    ]


async def _serve(root: Path) -> None:
    """Serve as every partner until terminated, the logs thrown away, no timer running."""
    with open(os.devnull, "w") as nowhere:
        log, ready = configure_log(nowhere), [asyncio.Event() for _ in PARTNERS]
        async with AsyncExitStack() as held, asyncio.TaskGroup() as group:
            tasks = []
            for country, event in zip(PARTNERS, ready, strict=True):
                gateway = await Pair(root).open(country, log=log)
                gateway.receiver.receive = partial(_far, gateway.receiver.receive)  # type: ignore[method-assign]
                held.push_async_callback(gateway.close)
                tasks.append(group.create_task(serving.serve(gateway, ready=event, loops=False)))
            for event in ready:
                await event.wait()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, partial(_cancel, tasks))
            print(json.dumps({"partners": len(tasks)}), flush=True)


async def _far(receive: Callable[[bytes], Awaitable[Reply]], raw: bytes) -> Reply:
    """Take in an envelope as if its sender were up to ``AWAY_S`` away."""
    await asyncio.sleep(random.uniform(0, AWAY_S))  # noqa: S311  (nothing is kept secret by it)
    return await receive(raw)


def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(Path(sys.argv[2])))
    else:
        for figure in run():
            print(figure.line())
