"""
Two hundred seeds of the simulation, and that a seed is one; a thousand are ``python -m drills.simulation``.

A line that fails names the seed and the command that plays it again.
"""

import asyncio
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from sqlite3 import OperationalError

import pytest

from drills.simulation import gather, run, run_all, run_some
from gateway import app
from tests.sim import homes, scenario
from tests.sim.loop import SimulatedLoop
from tests.sim.stops import Stops

ROOT = Path(__file__).parents[2]
SEEDS = 200
AT_ONCE = 10


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_invariant_holds(first: int) -> None:
    """Whatever ten seeds bring upon three gateways, nothing is lost, doubled, forgotten or contacted after a stop."""
    figures = gather(run_all(range(first, first + AT_ONCE), 1))
    assert [] == [f"{seed.replay}: {seed.failures[0]}" for seed in figures.failed]
    assert 60 * AT_ONCE <= figures.counts["messages"]
    assert 25 * AT_ONCE <= figures.counts["faults"]


@pytest.mark.parametrize("play", ["apart", "clocks"])
def test_every_invariant_holds_after_a_month_apart_and_with_wrong_clocks(play: str) -> None:
    """A State out of reach for longer than anything is valid, and clocks that are wrong by days, cost nothing else."""
    figures = gather(run_all(range(2), 1, play))
    assert [] == [f"{seed.replay}: {seed.failures[0]}" for seed in figures.failed]


def test_every_invariant_holds_on_a_random_walk() -> None:
    """Any step of a return behind any other, with what is said lost and backups put back between, breaks nothing."""
    seeds = list(run_all(range(4), 1, "walk"))
    figures = gather(seeds)
    assert [] == [f"{seed.replay}: {seed.failures[0]}" for seed in figures.failed]
    assert figures.counts["restores"]
    assert seeds[2].digest == run(2, "walk").digest


@pytest.mark.parametrize("hash_seed", ["0", "1", "777"])
def test_seed_does_the_same_in_another_process(hash_seed: str) -> None:
    """The trace of a seed has one digest, whatever was played before it and whatever the order of sets is."""
    command = [sys.executable, "-m", "drills.simulation", "--seeds", "2", "--start", "7", "--jobs", "1", "--json"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert _digest() == json.loads(done.stdout)["digest"], done.stderr


def test_tasks_of_a_group_are_cancelled_in_one_order() -> None:
    """A gateway that is stopped ends its loops in the same order each time, wherever they lie in memory."""
    kept, orders = [], []

    async def wait(number: int, ended: list[int]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(number)

    async def stop(ended: list[int]) -> None:
        async with asyncio.timeout(1), asyncio.TaskGroup() as group:
            kept.append([group.create_task(wait(number, ended)) for number in range(30)])

    for _ in range(3):
        loop, ended = SimulatedLoop(7), list[int]()
        with pytest.raises(TimeoutError):
            loop.run_until_complete(stop(ended))
        loop.close()
        orders.append(ended)
    assert orders[0] == orders[1] == orders[2]


def test_seed_ends_though_no_gateway_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that ends at every start is a failure of the seed, which says why, and not a seed without end."""

    async def broken(*_: object) -> None:
        raise RuntimeError("cannot begin")

    homes.template()
    monkeypatch.setattr(app, "publish_own", broken)
    ((name, told),) = run(0).failures
    assert name == "runs to its end"
    assert "does not come up" in told
    assert "cannot begin" in told


def test_seed_has_failed_where_what_leaves_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invariant that breaks off as a message leaves is a failure of the seed, and no line that is down."""

    def broken(*_: object) -> None:
        raise OperationalError("ambiguous column name")

    homes.template()
    monkeypatch.setattr(Stops, "watch", broken)
    failures = [told for name, told in run(1, "walk").failures if name == "runs to its end"]
    assert failures
    assert all("ambiguous column name" in told for told in failures)


def test_seed_whose_process_ends_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seed that takes its process with it is a failure, and so is what that one still had to play."""
    homes.template()
    monkeypatch.setattr(sys, "gettrace", lambda: None)
    monkeypatch.setattr(scenario, "run", lambda *_, **__: os._exit(1))
    assert [(number, "runs to its end", "its process ended") for number in (0, 1)] == [
        (seed.number, *seed.failures[0]) for seed in run_some([0, 1])
    ]


@cache
def _digest() -> str:
    """Return the digest of seeds 7 and 8, of which this process plays the later one first."""
    later, first = run(8), run(7)
    for seed in (first, later):
        assert seed.digest, seed.failures
    return gather([first, later]).digest
