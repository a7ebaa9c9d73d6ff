"""
How fast this machine computes just now, so that a bound on computing says the same on each.

Process time leaves out who waits for a core, and not that a core is slower, or shares its caches with others.
"""

import time
from hashlib import sha256

REFERENCE_S = 0.021
"""What ``_work`` takes of a core of the machine on which the bounds of the tests were set, while nothing else runs."""

TRIES = 3


def slowness() -> float:
    """Return how many times as long as there the same work takes here, and 1 at least: no bound gets tighter."""
    return max(1.0, min(_work() for _ in range(TRIES)) / REFERENCE_S)


def _work() -> float:
    """Compute as the code under test does, in Python for the most part, and return the seconds of a core."""
    started, text = time.process_time(), "x" * 4096
    for number in range(400):
        found = {one: at for at, one in enumerate(map(str, range(500)))}
        text = sha256(f"{text[:4000]}{number}{len(found)}".encode()).hexdigest() * 64
    return time.process_time() - started
