"""The drill of broken lines in its small size; the long run is ``python -m drills.partition``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TROUBLES = ("down", "one way, no TLS", "everything twice")
NOT_HERE = ("slow to drain", "slow to begin")
"""What other tests at work on the same cores decide as much as the gateways do."""


@pytest.mark.timeout(600)
def test_what_was_sent_over_broken_lines_arrives_once_and_in_order() -> None:
    """Down, open one way, or doubling everything: nothing lost, no second effect, no reminder of what is not there."""
    command = [
        sys.executable,
        "-m",
        "drills.partition",
        "--messages",
        "24",
        "--outage",
        "3",
        "--seconds",
        "2",
        "--json",
    ]
    for name in TROUBLES:
        command += ["--only", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count and not name.endswith(NOT_HERE)}, (
        done.stdout
    )
    assert [*TROUBLES] == [trouble["name"] for trouble in figures["troubles"]]
    assert 3 * sum(trouble["cases"] for trouble in figures["troubles"]) == figures["messages"]
    down = figures["troubles"][0]
    assert down["cases"] == down["waited"]
