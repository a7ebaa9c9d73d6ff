"""
Two hundred seeds of the simulation, and that a seed is one; a thousand are ``python -m drills.simulation``.

A line that fails names the seed and the command that plays it again.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drills.simulation import gather, run, run_all

ROOT = Path(__file__).parents[2]
SEEDS = 100
AT_ONCE = 5


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_invariant_holds(first: int) -> None:
    """Whatever ten seeds bring upon three gateways, nothing is lost, doubled, forgotten or contacted after a stop."""
    figures = gather(run_all(range(first, first + AT_ONCE), 1))
    assert [] == [f"{seed.replay}: {seed.failures[0]}" for seed in figures.failed]
    assert 60 * AT_ONCE <= figures.counts["messages"]
    assert 25 * AT_ONCE <= figures.counts["faults"]


@pytest.mark.parametrize("hash_seed", ["0", "1", "777"])
def test_seed_does_the_same_in_another_process(hash_seed: str) -> None:
    """The trace of a seed has one digest, in another process and whatever the order of sets is there."""
    command = [sys.executable, "-m", "drills.simulation", "--seeds", "2", "--start", "7", "--jobs", "1", "--json"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)
    assert gather([run(7), run(8)]).digest == json.loads(done.stdout)["digest"], done.stderr
