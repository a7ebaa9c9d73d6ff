"""The time of the loop that a test runs in: what has its end in it ends when the test says so, on every machine."""

import asyncio

LONG_S = 3600.0
"""A bound that no pause of the machine reaches; ``pass_`` brings its end about."""


def pass_(seconds: float) -> None:
    """Have the clock of the running loop show ``seconds`` more: nobody waits, and what ends by then ends next."""
    loop = asyncio.get_running_loop()
    shown = loop.time
    loop.time = lambda: shown() + seconds  # type: ignore[method-assign]
