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
from benchmarks.load import child, line_of
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

WARM_UPS = 2
"""
How many messages go before those that are counted, in times of those in flight: connections stay open, and to open 64
of them, by a hybrid key exchange each, takes as much as 90 messages. Peers get as many before their first round.
"""


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
    Exchange ``count`` messages between fresh gateways, once as many as ``WARM_UPS`` times those in flight are answered.

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
            numbers = str(WARM_UPS * in_flight), str(count)
            async with child("benchmarks.exchange", "send", directory, *numbers) as (sender, ready):
                before = processor_s(receiver.pid)
                said = await line_of(sender)
                used = said["processor_s"] + processor_s(receiver.pid) - before
                mib = max(resident_mib(receiver.pid), resident_mib(sender.pid))
            return {**ready, **said, "mib": mib, "processor_s": used}


async def _send(root: Path, warm_up: int, count: int) -> None:
    """
    Queue ``warm_up`` requests as XAA and deliver them all, then ``count``.

    Prints a line once the former are answered and the latter stand in the outbox, and one with when each was answered.
    """
    at: list[float] = []
    awaited, all_answered = 0, asyncio.Event()
    with open(os.devnull, "w") as nowhere:
        write = configure_log(nowhere)

        def log(event: str, **values: Any) -> None:
            write(event, **values)
            if event == "message.answered":
                at.append(perf_counter())
                if len(at) == awaited:
                    all_answered.set()

        gateway = await Pair(root).open("XAA", log=log)
        serving.settle_in()  # as ``serving.serve`` does for the receiver
        people, value = Pair(root).people(), draft()

        async def prepare(messages: int) -> float:
            numbers, before = iter(range(messages)), perf_counter()

            async def feed() -> None:
                for _ in numbers:
                    await submit(gateway, people, value)

            await asyncio.gather(*(feed() for _ in range(16)))
            return perf_counter() - before

        async def deliver(messages: int) -> list[float]:
            nonlocal awaited
            at.clear()
            all_answered.clear()
            awaited = messages
            began, delivering = perf_counter(), asyncio.create_task(gateway.deliverer.run())
            done = asyncio.create_task(all_answered.wait())
            await asyncio.wait({delivering, done}, return_when=asyncio.FIRST_COMPLETED, timeout=120)
            delivering.cancel()
            done.cancel()
            await asyncio.wait({delivering, done})
            return [instant - began for instant in at]

        await prepare(warm_up)
        await deliver(warm_up)
        prepared_s = await prepare(count)
        print(json.dumps({"prepared_s": prepared_s}), flush=True)
        used = process_time()
        answered = await deliver(count)
        print(json.dumps({"at": answered, "processor_s": process_time() - used}), flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()
        await gateway.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        asyncio.run(_send(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
    else:
        for figure in run():
            print(figure.line())
