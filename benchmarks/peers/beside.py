"""
Whole messages from one station to another, ours beside AS2 and signed and encrypted e-mail, in turns.

Everybody has the message ready before the clock starts, as ours stands in the outbox: what is counted is the way from
there to the verified and stored receipt (mail without a receipt: to the server's 250). The rate of making messages
ready is told apart, because what it holds differs: ours is a case opened, minimised, approved by a second person,
sealed and queued in three durable steps; theirs is a signature and an encryption, with AS2 also rows and files.

Everybody is measured with few and with many messages in flight, and counts by whichever suits it better.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import exchange
from benchmarks.figures import Figure, median
from benchmarks.peers import as2, jose, mail
from benchmarks.peers.program import Ask

IN_FLIGHT = (exchange.IN_FLIGHT, 4 * exchange.IN_FLIGHT)
ROUNDS = 3
OURS = "Isthmus"
AS2 = "AS2, django-pyas2"
MAILS = {
    "kept": "mail, connections kept",
    "anew": "mail, a connection each",
    "receipt": "mail with signed receipts",
}
OF_AS2, OF_MAIL = 25.0, 5.0
ROUGHLY_PER_S = {OURS: 1000, AS2: 45, MAILS["kept"]: 1100, MAILS["anew"]: 850, MAILS["receipt"]: 320}
"""Only to turn seconds into a number of messages, so that a round lasts about as long for everybody."""


@dataclass(slots=True)
class Rates:
    """
    What one contestant did in each round.

    Messages a second from ready to done and from nothing to ready; seconds of processor time, of both stations
    together, for one message from ready to done.
    """

    done: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)


def run(seconds: float = 60.0) -> list[Figure]:
    """Measure for about ``seconds`` in all, a quarter of it sealing; returns rates, and ours beside each."""
    rates = {in_flight: asyncio.run(_run(seconds * 0.75 / len(IN_FLIGHT), in_flight)) for in_flight in IN_FLIGHT}
    return [*_figures(rates), *jose.run(seconds * 0.25)]


async def _run(seconds: float, in_flight: int) -> Mapping[str, Rates]:
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        works: dict[str, Ask] = {OURS: partial(_ours, in_flight)}
        for name in ("as2", *MAILS):
            (root / name).mkdir()
        works[AS2] = await stack.enter_async_context(as2.stations(root / "as2", in_flight))
        for way, name in MAILS.items():
            works[name] = await stack.enter_async_context(mail.stations(root / way, in_flight, way))
        warm_up = exchange.WARM_UPS * in_flight
        for name in list(works)[1:]:
            await works[name](warm_up)  # as ours does in each round, for its gateways are new in each
        found = {name: Rates() for name in works}
        for turn in range(ROUNDS):
            for name in list(works)[:: 1 if turn % 2 == 0 else -1]:
                count = max(in_flight, int(seconds / ROUNDS / len(works) * ROUGHLY_PER_S[name]))
                told = await works[name](count)
                if told["done"] != count:
                    raise RuntimeError(f"{name}: {told['done']} of {count} messages were done")
                found[name].done.append(count / told["seconds"])
                found[name].processor_s.append(told["processor_s"] / count)
                found[name].ready.append(count / told["prepared_s"])
        return found


async def _ours(in_flight: int, count: int) -> dict[str, Any]:
    """Exchange ``count`` messages between two fresh gateways."""
    told = await exchange.one_round(count, in_flight)
    return {**told, "seconds": told["at"][-1], "done": len(told["at"])}


def _figures(all_rates: Mapping[int, Mapping[str, Rates]]) -> list[Figure]:
    by_name = {name: {n: rates[name] for n, rates in all_rates.items()} for name in all_rates[IN_FLIGHT[0]]}
    suits = {name: max(of, key=lambda n: median(of[n].done)) for name, of in by_name.items()}
    rates = {name: of[suits[name]] for name, of in by_name.items()}
    done = {name: median(one.done) for name, one in rates.items()}
    ready = {name: median(one.ready) for name, one in rates.items()}
    processor_s = {name: median(one.processor_s) for name, one in rates.items()}
    targets = {AS2: OF_AS2} | dict.fromkeys(MAILS.values(), OF_MAIL)
    both = {name: 1 / (1 / done[name] + 1 / ready[name]) for name in rates}
    return [
        *(Figure(name, rate, "/s") for name, rate in done.items()),
        *(
            Figure(f"{name}: {n} in flight", median(one.done), "/s")
            for name, of in by_name.items()
            for n, one in of.items()
        ),
        *(Figure(f"Isthmus, times {name}", done[OURS] / done[name], "", aim) for name, aim in targets.items()),
        *(Figure(f"{name}: processor time", used * 1000, "ms") for name, used in processor_s.items()),
        *(
            Figure(f"Isthmus, times {name}, in processor time", processor_s[name] / processor_s[OURS], "")
            for name in targets
        ),
        *(Figure(f"{name}: made ready", rate, "/s") for name, rate in ready.items()),
        *(Figure(f"{name}: made ready and sent", rate, "/s") for name, rate in both.items()),
    ]


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
