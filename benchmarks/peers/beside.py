"""
Whole messages from one station to another, ours beside AS2 and signed and encrypted e-mail, in turns.

Everybody has the message ready before the clock starts, as ours stands in the outbox: what is counted is the way from
there to the verified and stored receipt (mail without a receipt: to the server's 250). The rate of making messages
ready is told apart, because what it holds differs: ours is a case opened, minimised, approved by a second person,
sealed and queued in three durable steps; theirs is a signature and an encryption, with AS2 also rows and files.

Everybody is measured with few and with many messages in flight, and counts by whichever suits it better. Ours goes over
TLS 1.3, as it always does; a peer goes over TLS 1.3, which is the comparison of like with like, and over a plain line.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
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
LINES = {"TLS 1.3": True, "plain": False}
"""What the peers' messages go over, and whether it is TLS."""

ROUGHLY_PER_S = {OURS: 1000, AS2: 42, MAILS["kept"]: 1050, MAILS["anew"]: 600, MAILS["receipt"]: 310}
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
        roughly_per_s = {OURS: ROUGHLY_PER_S[OURS]}
        for line, tls in LINES.items():
            for name in (AS2, *MAILS.values()):
                place = root / f"{len(works)}"
                place.mkdir()
                called = _called(name, line)
                works[called] = await stack.enter_async_context(_stations(name, place, in_flight, tls))
                roughly_per_s[called] = ROUGHLY_PER_S[name]
        warm_up = exchange.WARM_UPS * in_flight
        for name in list(works)[1:]:
            await works[name](warm_up)  # as ours does in each round, for its gateways are new in each
        found = {name: Rates() for name in works}
        for turn in range(ROUNDS):
            for name in list(works)[:: 1 if turn % 2 == 0 else -1]:
                count = max(in_flight, int(seconds / ROUNDS / len(works) * roughly_per_s[name]))
                told = await works[name](count)
                if told["done"] != count:
                    raise RuntimeError(f"{name}: {told['done']} of {count} messages were done")
                found[name].done.append(count / told["seconds"])
                found[name].processor_s.append(told["processor_s"] / count)
                found[name].ready.append(count / told["prepared_s"])
        return found


def _stations(name: str, root: Path, in_flight: int, tls: bool) -> AbstractAsyncContextManager[Ask]:
    """Return the two stations of the peer ``name``, which live as long as they are entered."""
    if name == AS2:
        return as2.stations(root, in_flight, tls=tls)
    return mail.stations(root, in_flight, next(way for way in MAILS if MAILS[way] == name), tls=tls)


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
    targets = {
        _called(name, line): OF_AS2 if name == AS2 else OF_MAIL for line in LINES for name in (AS2, *MAILS.values())
    }
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


def _called(peer: str, line: str) -> str:
    return f"{peer}, {line}"


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
