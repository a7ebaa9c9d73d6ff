"""
Whole exchanges between two gateways, each a process of its own, over TLS 1.3 kept alive.

One exchange is one request: claimed, posted, accepted, its answer verified, stored and logged by both. The requests
stand in the outbox before the clock starts. Both gateways and their stores share the cores of this machine.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.figures import Figure, median, percentile
from benchmarks.load import child
from benchmarks.pair import Pair, draft, make_pair, submit
from benchmarks.resident import processor_s, resident_mib
from gateway import serving
from gateway.log import configure_log

IN_FLIGHT = 32
AIM_PER_S = 700
ONE_P50_MS = 6.0
ROUNDS = 3
ROUGHLY_PER_S = 400
"""Only to turn seconds into a number of exchanges."""


def run(seconds: float = 20.0) -> list[Figure]:
    """Measure for about ``seconds`` in all; returns the rate at 32 in flight and the time of one at a time."""
    count = max(100, int(seconds / ROUNDS * ROUGHLY_PER_S))
    many = [asyncio.run(one_round(count, IN_FLIGHT)) for _ in range(ROUNDS)]
    alone = asyncio.run(one_round(max(100, count // 4), 1))
    per_s = median([len(one["at"]) / one["at"][-1] for one in many])
    # Between two answers, with one message in flight, lies one whole exchange.
    gaps = [after - before for before, after in zip(alone["at"], alone["at"][1:], strict=False)]
    return [
        Figure(f"exchanges, {IN_FLIGHT} in flight", per_s, "/s", AIM_PER_S, aim=True),
        Figure("exchange p50, one in flight", percentile(gaps, 0.5) * 1000, "ms", ONE_P50_MS, less=True),
        Figure("exchange p99, one in flight", percentile(gaps, 0.99) * 1000, "ms"),
        Figure("lost", sum(count - len(one["at"]) for one in many), "", 0, less=True),
        Figure("memory under load, the larger of the two", max(one["mib"] for one in many), "MiB", 300, less=True),
    ]


async def one_round(count: int, in_flight: int) -> Mapping[str, Any]:
    """
    Exchange ``count`` messages between fresh gateways.

    Returns the seconds of preparing them (``prepared_s``), the instants of the answers after that (``at``, in seconds),
    the processor time of both gateways from there (``processor_s``) and the memory of the larger one (``mib``).
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        pair = make_pair(Path(directory), limits={"in_flight": in_flight})
        for country in ("XAA", "XBB"):
            gateway = await pair.open(country, create=True)
            await gateway.refresh_trust()
            await gateway.close()
        async with child("benchmarks.accept", "serve", directory) as (receiver, _):
            before = processor_s(receiver.pid)
            async with child("benchmarks.exchange", "send", directory, str(count)) as (sender, said):
                used = said["processor_s"] + processor_s(receiver.pid) - before
                mib = max(resident_mib(receiver.pid), resident_mib(sender.pid))
            return {**said, "mib": mib, "processor_s": used}


async def _send(root: Path, count: int) -> None:
    """Queue ``count`` requests as XAA, then deliver them all and print when each answer was stored."""
    at: list[float] = []
    done = asyncio.Event()
    with open(os.devnull, "w") as nowhere:
        write = configure_log(nowhere)

        def log(event: str, **values: Any) -> None:
            write(event, **values)
            if event == "message.answered":
                at.append(perf_counter())
                if len(at) == count:
                    done.set()

        gateway = await Pair(root).open("XAA", log=log)
        serving.settle_in()  # as ``serving.serve`` does for the receiver
        people, value, numbers = Pair(root).people(), draft(), iter(range(count))

        async def feed() -> None:
            for _ in numbers:
                await submit(gateway, people, value)

        prepared = perf_counter()
        await asyncio.gather(*(feed() for _ in range(16)))
        began, used = perf_counter(), process_time()
        delivering = asyncio.create_task(gateway.deliverer.run())
        await asyncio.wait(
            {delivering, asyncio.create_task(done.wait())}, return_when=asyncio.FIRST_COMPLETED, timeout=120
        )
        told = {
            "at": [instant - began for instant in at],
            "prepared_s": began - prepared,
            "processor_s": process_time() - used,
        }
        print(json.dumps(told), flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()
        delivering.cancel()
        await asyncio.wait({delivering})
        await gateway.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        asyncio.run(_send(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        for figure in run():
            print(figure.line())
