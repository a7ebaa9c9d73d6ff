"""The drill of false clocks in its small size; the long run is ``python -m drills.clock``."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drills.clock import BASE, BRIEF, HOME_ZONE, change_after, leap_after, library

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(library() is None, reason="libfaketime is missing (Debian: apt install faketime)")
@pytest.mark.timeout(600)
def test_a_clock_that_jumps_accepts_no_replay_and_calls_nothing_late() -> None:
    """Ten minutes back it refuses what comes from ahead, four days back it puts that off; all else is as before."""
    command = [sys.executable, "-m", "drills.clock", "--brief", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stdout
    told = {one["name"]: (one["accepted"], one["refused"]) for one in figures["moments"]}
    moments = [(3, {}), (0, {"stale": 3}), (0, {"later": 3}), (3, {})]
    assert (dict(zip(BRIEF, moments, strict=True)), 3) == (told, figures["taken_after"])
    assert all(one["replays"] for one in figures["moments"])


def test_the_drill_finds_its_leap_second_and_its_change_of_the_clocks_in_any_year() -> None:
    """Both lie ahead of any day on which it is run, and within the year for which the keys of its homes are made."""
    for at in range(0, 3650, 5):
        today = datetime(2026, 11, 29, 15, tzinfo=UTC) + timedelta(days=at)
        leap = leap_after(today + BASE)
        friday = change_after(leap + timedelta(minutes=5))
        offsets = {(friday + timedelta(days=days)).astimezone(HOME_ZONE).utcoffset() for days in (0, 2)}
        assert (2, True) == (len(offsets), f"{leap:%m-%d %X}" in ("06-30 23:59:58", "12-31 23:59:58"))
        assert today + BASE < leap < friday < today + timedelta(days=330)
