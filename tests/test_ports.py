"""Ports that tests and drills are given: no two processes are given the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import pair

ROOT = Path(__file__).parents[1]
ASKS = "from benchmarks.pair import free_port; print(free_port(), flush=True); input()"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that go with a process")
def test_a_port_that_another_process_was_given_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it listens there, and until it has ended: what it starts may stop listening, and begin again."""
    with subprocess.Popen(
        [sys.executable, "-c", ASKS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs, ours = int(other.stdout.readline()), pair.free_port() - 20_000
        monkeypatch.setattr(pair, "_given", {})
        drawn = iter([theirs - 20_000, ours, theirs - 20_000])
        monkeypatch.setattr(pair.secrets, "randbelow", lambda _: next(drawn))
        with pytest.raises(StopIteration):
            pair.free_port()
        other.communicate("\n")
    drawn = iter([theirs - 20_000])
    assert theirs == pair.free_port()
