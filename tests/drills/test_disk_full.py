"""The drill of full disks in its small size; the long run is ``python -m drills.disk_full``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drills.disk_full import apart

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_full_disk_costs_no_message_and_no_step_by_hand() -> None:
    """With no space a request is refused with 503 and Retry-After; with space again both gateways go on."""
    if apart() is None:
        pytest.skip("nothing may be mounted here")
    command = [sys.executable, "-m", "drills.disk_full", "--count", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    print(done.stdout)  # with the seed
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stderr
    assert figures["refused_while_full"] > 0
    assert figures["alarms"] > 0
    assert 0 == done.returncode
