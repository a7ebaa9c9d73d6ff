"""This gateway under test in a process of its own, and the suite as a partner starts it."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Bench:
    """A gateway under test in a process of its own."""

    process: subprocess.Popen[str]
    target: str
    backend: str

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait(60)


def start_bench(*more: str) -> Bench:
    """Start this gateway behind its back-end."""
    command = [sys.executable, "-m", "tests.conformance.backend", *more]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    return Bench(process, told["target"], told["backend"])


def end_bench(made: Bench) -> None:
    """End a gateway under test as its operator does."""
    made.process.send_signal(signal.SIGINT)
    try:
        made.process.wait(60)
    except subprocess.TimeoutExpired:
        made.kill()
    assert made.process.stdout is not None
    made.process.stdout.close()


def suite(*arguments: str | Path, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    """Run the suite's command."""
    command = [sys.executable, "-m", "conformance.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def run_on(made: Bench, folder: Path, *more: str | Path, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    """Run cases against a gateway under test."""
    where = ("--target", made.target, "--backend", made.backend, "--report", folder)
    return suite("run", *where, *more, timeout=timeout)
