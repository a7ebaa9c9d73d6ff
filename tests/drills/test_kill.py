"""The kill drill in its small size; the long run is ``python -m drills.kill``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Twenty SIGKILLs during 500 exchanges: nothing lost, nothing applied twice, no answer forgotten."""
    command = [sys.executable, "-m", "drills.kill", "--kills", "20", "--exchanges", "500", "--json"]
    done = subprocess.run([*command, "--root", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    print(done.stdout)  # with the seed
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stderr
    assert 20 == figures["kills"]
    assert 500 == figures["exchanges"]
    assert 0 == done.returncode
