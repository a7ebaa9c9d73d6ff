"""The drill of false clocks in its small size; the long run is ``python -m drills.clock``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drills.clock import BRIEF, library

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(library() is None, reason="libfaketime is missing (Debian: apt install faketime)")
@pytest.mark.timeout(180)
def test_a_clock_that_jumps_accepts_no_replay_and_calls_nothing_late() -> None:
    """Ten minutes and four days back: what comes from ahead is refused, as documented, and all else is as before."""
    command = [sys.executable, "-m", "drills.clock", "--brief", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stdout
    told = {one["name"]: (one["accepted"], one["refused"]) for one in figures["moments"]}
    stale = (0, {"stale": 3})
    assert dict(zip(BRIEF, [(3, {}), stale, stale, (3, {})], strict=True)) == told
    assert all(one["replays"] for one in figures["moments"])
