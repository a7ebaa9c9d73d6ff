"""The siege in its small size; the long run is ``python -m drills.flood``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NOT_HERE = {"honest too slow"}
"""What other tests at work on the same cores decide as much as the gateway does."""


@pytest.mark.timeout(600)
def test_slow_clients_go_and_a_flood_is_refused_while_a_partner_exchanges() -> None:
    """Of every kind none stays 20 s, each answer is one that may be given, and the partner is never refused."""
    command = [
        sys.executable,
        "-m",
        "drills.flood",
        "--once",
        "--seconds",
        "3",
        "--slow",
        "60",
        "--flood",
        "8",
        "--shake",
        "8",
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    faults = {name: count for name, count in figures["faults"].items() if count and name not in NOT_HERE}
    assert {} == faults, done.stdout
    assert all(row["connections"] for row in figures["slow"].values())
    assert all(figures["told"][kind]["done"] for kind in ("finished", "left once answered", "gone after a hello"))
    assert sum(phase["sent"] for phase in figures["phases"]) == 20 * (2 + 3 + 2 + 3 + 3)
