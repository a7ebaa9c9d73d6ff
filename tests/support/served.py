"""
Gateways of a pair as ``isthmus serve`` runs them: each a process of its own, with its log in a file.

What serves need not be this tree: ``program`` names another one, such as an earlier release.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.pair import WORDS, Pair

PROGRAM = Path(__file__).resolve().parents[2]
READY_S = 60.0
STOP_S = 30.0


@dataclass
class Served:
    """One gateway that runs; ``begun`` is where its part of the log begins, after that of earlier starts."""

    country: str
    process: "subprocess.Popen[bytes]"
    log: Path
    begun: int

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self.process.pid

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the lines this process logged so far."""
        with self.log.open("rb") as stream:
            stream.seek(self.begun)
            for line in stream:
                with suppress(ValueError):
                    yield json.loads(line)

    def events(self, name: str) -> int:
        """Return how many lines of this process are of the event ``name``."""
        return sum(line.get("event") == name for line in self.lines())

    def text(self) -> str:
        """Return what this process wrote so far."""
        return self.log.read_bytes()[self.begun :].decode(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait until the process ended, and return its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_S)


def start(pair: Pair, country: str, *, program: Path = PROGRAM, environ: Mapping[str, str] | None = None) -> Served:
    """Start the gateway of ``country`` without waiting for it; ``environ`` is added to that of this process."""
    log = pair.root / f"{country}.log"
    begun = log.stat().st_size if log.exists() else 0
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli.main", "serve", "-C", str(pair.home(country))],
            cwd=program,
            env={**os.environ, "PYTHONPATH": str(program), "ISTHMUS_PASSPHRASE": WORDS, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
    return Served(country, process, log, begun)


def serve(pair: Pair, country: str, *, program: Path = PROGRAM, environ: Mapping[str, str] | None = None) -> Served:
    """
    Start the gateway of ``country`` and return once its doors are open.

    Raises ``RuntimeError`` with the end of its log if it ends before, or takes longer than a minute.
    """
    served = start(pair, country, program=program, environ=environ)
    until = time.monotonic() + READY_S
    while not served.events("gateway.ready"):
        if served.process.poll() is not None or time.monotonic() > until:
            served.stop(signal.SIGKILL)
            raise RuntimeError(f"{country} did not start:\n{served.text()[-2000:]}")
        time.sleep(0.05)
    return served
