"""The kill drill of many nodes in its small size; the long run is ``python -m drills.kill_nodes``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import binaries

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed")
def test_kills_of_nodes_and_server_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Twelve kills of nodes, connections and the server itself: nothing lost, applied twice, or forgotten."""
    command = [sys.executable, "-m", "drills.kill_nodes", "--kills", "12", "--json", "--root", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.stdout, done.stderr
    print(done.stdout)  # with the seed
    figures = json.loads(done.stdout)
    assert {} == {name: count for name, count in figures["faults"].items() if count}, done.stderr
    assert 12 == figures["kills"]
    assert figures["exchanges"] > 0
    assert 0 == done.returncode
