"""The restore drill in its small size; the long run is ``python -m drills.restore``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_gateway_put_back_from_its_backups_gets_back_what_it_forgot() -> None:
    """A home wiped and put back: the partner brings back what the backup did not know, and no number is used twice."""
    command = [sys.executable, "-m", "drills.restore", "--count", "8", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stderr
    assert (8, 2) == (figures["cases"], figures["forgotten"])
    assert 0 == done.returncode
