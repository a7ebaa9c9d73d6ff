"""
The desk of one State, in a process of its own: it asks, or acknowledges what it is asked, beside the gateway that runs.

It works on the store as commands do. It is run by its path, with the release in ``PYTHONPATH`` that made the home, so
that it imports nothing an earlier release did not have.

    python tests/support/desk.py DIRECTORY XAA --cases 40 --per-s 5      ask, then end
    python tests/support/desk.py DIRECTORY XBB                           acknowledge until terminated
"""

import argparse
import asyncio
import signal
from pathlib import Path

from benchmarks.pair import Pair, draft, submit
from gateway.app import Gateway

AT_ONCE = 8


async def ask(pair: Pair, gateway: Gateway, cases: int, per_s: float) -> None:
    """Send ``cases`` requests, ``per_s`` each second."""
    people, value = pair.people(), draft()
    for _ in range(cases):
        await asyncio.gather(submit(gateway, people, value), asyncio.sleep(1 / per_s))


async def acknowledge(gateway: Gateway) -> None:
    """Acknowledge each request as it comes in, for ever."""
    while True:
        found = await gateway.store.read(lambda tx: tx.cases(states=("RECEIVED",), limit=AT_ONCE))
        await asyncio.gather(*(gateway.answer.acknowledge(row.ref, "first") for row in found))
        if not found:
            await asyncio.sleep(0.1)


async def work(root: Path, country: str, cases: int, per_s: float) -> None:
    """Be the desk of ``country`` until the work is done or SIGTERM comes."""
    pair = Pair(root)
    gateway = await pair.open(country)
    try:
        task = asyncio.create_task(ask(pair, gateway, cases, per_s) if cases else acknowledge(gateway))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
    finally:
        await gateway.close()


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description="Be the desk of one State.")
    parser.add_argument("root", type=Path)
    parser.add_argument("country")
    parser.add_argument("--cases", type=int, default=0)
    parser.add_argument("--per-s", type=float, default=5.0)
    asked = parser.parse_args()
    asyncio.run(work(asked.root, asked.country, asked.cases, asked.per_s))


if __name__ == "__main__":
    main()
