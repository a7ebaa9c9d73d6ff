"""
Break the line between two gateways in every way there is, and see what comes through once it is whole.

XAA and XBB are processes of their own, as ``isthmus serve`` runs them, and every connection between them goes through
lines that fail on purpose. First the line is down while messages pile up. Then requests arrive and answers do not; then
the line goes up and down; connections end at any byte; it is late and narrow; and, without TLS, what is posted arrives
twice. XAA asks, XBB acknowledges and gives notice of delay: two messages of a case whose order can be seen.

    python -m drills.partition [--messages 600] [--outage 30] [--seconds 12] [--only NAME] [--seed N] [--json]

Exit status 1 if anything was lost, came twice, out of order or against the rules, if a reminder left for what was never
delivered, or if a thousand messages took longer than a minute to pass once the line was whole.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.pair import COUNTRIES, Pair, draft, free_port, make_pair, submit
from gateway import settings
from gateway.app import Gateway
from tests.support.compared import compare, count, waiting
from tests.support.faulty_line import FaultyLine
from tests.support.served import Served, serve

LIMITS = {"post_timeout_s": 3}
"""A short time-out, so that a run has many attempts in it."""

DRAIN_PER_1000_S = 60.0
DRAIN_LEAST_S = 30.0
"""For few messages: one that was tried four times in vain waits up to 32 s for the next attempt."""

RECOVERY_S = 90.0
"""How long after the line is whole the first message may take: a partner is left alone so long after such outages."""

STALLED_S = 240.0
AT_ONCE = 8

Lines = Mapping[str, FaultyLine]


@dataclass
class Trouble:
    """One way in which the line was broken: how long, what passed meanwhile, and how long the rest took afterwards."""

    name: str
    seconds: float
    cases: int = 0
    waited: int = 0
    first_s: float = 0.0
    drain_s: float = 0.0
    connections: int = 0
    cuts: int = 0


@dataclass
class Figures:
    """What a run showed. Everything under ``faults`` must be 0."""

    seed: int
    troubles: list[Trouble] = field(default_factory=list)
    messages: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Tell whether everything came through, once and in order, and soon enough."""
        return not any(self.faults.values())


class World:
    """Two gateways, the lines to each of them, and their desks."""

    def __init__(self, pair: Pair, lines: Lines, desks: Mapping[str, Gateway]) -> None:
        """``desks`` are gateways that serve nothing: they work on the same store, as commands do."""
        self.pair, self.lines, self._desks = pair, lines, desks
        self._people = pair.people()

    async def ask(self, cases: int, value: Mapping[str, object], per_s: float) -> None:
        """Have XAA send ``cases`` requests, ``per_s`` each second."""
        for _ in range(cases):
            await asyncio.gather(submit(self._desks["XAA"], self._people, value), asyncio.sleep(1 / per_s))

    async def answer(self) -> None:
        """Acknowledge every request as it comes in to XBB, and give notice of delay at once; for ever."""
        desk = self._desks["XBB"]
        eta = (datetime.now(UTC).date() + timedelta(days=20)).isoformat()

        async def one(ref: str) -> None:
            await desk.answer.acknowledge(ref, "first")
            await desk.answer.delay(ref, "ARCHIVE_SEARCH", eta, "first")

        while True:
            found = await desk.store.read(lambda tx: tx.cases(states=("RECEIVED",), limit=AT_ONCE))
            await asyncio.gather(*(one(row.ref) for row in found))
            if not found:
                await asyncio.sleep(0.1)

    def answered(self) -> int:
        """Return how many messages have an answer."""
        done = "SELECT count(*) FROM outbound WHERE state = 'receipted'"
        return sum(count(self.pair.database(country), done) for country in COUNTRIES)


@asynccontextmanager
async def world(root: Path, draw: random.Random, *, tls: bool) -> AsyncIterator[World]:
    """Make two homes whose cards name the lines, serve both, and open the lines and the desks."""
    pair = make_pair(root, tls=tls, limits=LIMITS)
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()
    served: dict[str, Served] = {}
    async with AsyncExitStack() as stack:
        lines = {country: await stack.enter_async_context(_line_to(pair, country, draw)) for country in COUNTRIES}
        try:
            for country in COUNTRIES:
                served[country] = await asyncio.to_thread(serve, pair, country)
            desks = {}
            for country in COUNTRIES:
                desks[country] = await pair.open(country)
                stack.push_async_callback(desks[country].close)
            yield World(pair, lines, desks)
        finally:
            for one in served.values():
                await asyncio.to_thread(one.stop)


def _line_to(pair: Pair, country: str, draw: random.Random) -> FaultyLine:
    """Return a line at the address in the card of ``country``, and have its gateway listen somewhere else."""
    file = pair.home(country) / settings.FILE_NAME
    port, moved = settings.load(pair.home(country), {}).values["listeners"]["peers"]["port"], free_port()
    text = file.read_text()
    if text.count(f"port = {port}\n") != 1:
        raise RuntimeError("the port of the listener is not where it was")
    file.write_text(text.replace(f"port = {port}\n", f"port = {moved}\n"))
    return FaultyLine(port, moved, draw)


# What can be wrong with a line. Each is called when its trouble begins, and cancelled when it is over.


async def _down(lines: Lines, draw: random.Random) -> None:
    for line in lines.values():
        line.silent_there = line.silent_back = True


async def _one_way(lines: Lines, draw: random.Random) -> None:
    # Behind TLS only what goes over a connection that was there arrives: a handshake takes both ways.
    lines["XBB"].silent_back = True  # XBB gets what XAA sends; nothing that XBB answers or sends arrives
    lines["XAA"].silent_there = True


async def _flapping(lines: Lines, draw: random.Random) -> None:
    while True:
        for line in lines.values():
            line.resets = not line.resets
            if line.resets:
                line.reset()
        await asyncio.sleep(draw.uniform(0.2, 1.5))


async def _cut(lines: Lines, draw: random.Random) -> None:
    for line in lines.values():
        line.reset()
        line.cut_within = 60_000


async def _late(lines: Lines, draw: random.Random) -> None:
    for line in lines.values():
        line.delay_s, line.bytes_per_s = 0.2, 200_000


async def _twice(lines: Lines, draw: random.Random) -> None:
    for line in lines.values():
        line.reset()
        line.twice = True


async def trouble(
    within: World,
    name: str,
    break_it: Callable[[Lines, random.Random], Awaitable[None]],
    cases: int,
    seconds: float,
    draw: random.Random,
    value: Mapping[str, object],
) -> Trouble:
    """Break the line for ``seconds`` while ``cases`` are sent, make it whole, and wait until nothing waits."""
    told = Trouble(name, seconds, cases)
    made = [(line.connections, line.cuts) for line in within.lines.values()]
    breaking = asyncio.ensure_future(break_it(within.lines, draw))
    began = time.monotonic()
    await within.ask(cases, value, 2 * cases / seconds)
    await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    breaking.cancel()
    await asyncio.gather(breaking, return_exceptions=True)
    told.waited, before = waiting(within.pair), within.answered()
    for line in within.lines.values():
        line.heal()
        line.reset()  # a line that was down and is up again knows nothing of the connections it had
    whole = time.monotonic()
    while waiting(within.pair) or not _all_said(within.pair):
        if not told.first_s and within.answered() > before:
            told.first_s = round(time.monotonic() - whole, 1)
        if time.monotonic() - whole > STALLED_S:
            break
        await asyncio.sleep(0.1)
    told.drain_s = round(time.monotonic() - whole - told.first_s, 1)
    told.connections = sum(line.connections for line in within.lines.values()) - sum(one for one, _ in made)
    told.cuts = sum(line.cuts for line in within.lines.values()) - sum(one for _, one in made)
    return told


def _all_said(pair: Pair) -> bool:
    """Tell whether XBB has said both things about each case XAA has."""
    cases = count(pair.database("XAA"), "SELECT count(*) FROM case_file")
    return count(pair.database("XBB"), "SELECT count(*) FROM outbound") == 2 * cases


async def run(
    root: Path, messages: int, outage_s: float, seconds: float, seed: int, *, only: Sequence[str] = ()
) -> Figures:
    """Run every trouble, or ``only`` some, under ``root`` and return the figures."""
    draw, value, figures = random.Random(seed), draft(), Figures(seed)
    cases = max(1, messages // 3)
    plan = [
        (True, "down", _down, cases, outage_s),
        (True, "one way", _one_way, cases // 4, seconds),
        (True, "flapping", _flapping, cases // 4, seconds),
        (True, "cut anywhere", _cut, cases // 4, seconds),
        (True, "late and narrow", _late, cases // 4, seconds),
        (False, "one way, no TLS", _one_way, cases // 4, seconds),
        (False, "everything twice", _twice, cases // 4, seconds),
        (False, "cut anywhere, no TLS", _cut, cases // 4, seconds),
    ]
    for tls in (True, False):
        place = root / ("tls" if tls else "plain")
        place.mkdir()
        async with world(place, draw, tls=tls) as within:
            answering = asyncio.create_task(within.answer())
            try:
                for _, name, break_it, many, lasting in (one for one in plan if one[0] is tls):
                    if only and name not in only:
                        continue
                    figures.troubles.append(await trouble(within, name, break_it, many, lasting, draw, value))
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
        _judge(within.pair, figures)
    return figures


def _judge(pair: Pair, figures: Figures) -> None:
    figures.faults.update(compare(pair))
    for country in COUNTRIES:
        database = pair.database(country)
        figures.messages += count(database, "SELECT count(*) FROM outbound")
        figures.faults["reminders"] += count(database, "SELECT count(*) FROM outbound WHERE type LIKE '%reminder%'")
    for one in figures.troubles:
        allowed_s = max(DRAIN_LEAST_S, DRAIN_PER_1000_S * (one.waited + 2 * one.cases) / 1000)
        figures.faults[f"{one.name}: slow to drain"] = int(one.drain_s > allowed_s)
        figures.faults[f"{one.name}: slow to begin"] = int(one.first_s > RECOVERY_S)


def report(figures: Figures, *, as_json: bool) -> None:
    """Print the figures: one JSON object, or lines for people."""
    if as_json:
        print(json.dumps(vars(figures) | {"good": figures.good}, default=vars))
        return
    print(f"seed {figures.seed}: {figures.messages} messages")
    for one in figures.troubles:
        print(
            f"  {one.name:<22} {one.seconds:>4.0f} s, {one.cases} cases; {one.waited} messages waited at its end, "
            f"the first passed after {one.first_s} s, all {one.drain_s} s later "
            f"({one.connections} connections, {one.cuts} cut)"
        )
    for name, times in sorted(figures.faults.items()):
        print(f"  {name:<36} {times}")
    print("everything came through once and in order" if figures.good else "FAILED")


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(prog="partition", description="Break the line between two gateways in many ways.")
    parser.add_argument("--messages", type=int, default=600, help="that pile up during the outage; more follow")
    parser.add_argument("--outage", type=float, default=30.0, help="seconds the line is down")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each other trouble")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this trouble; may be given again")
    parser.add_argument("--seed", type=int, default=None, help="of cuts and flapping; default: drawn, and printed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(2**32)
    with tempfile.TemporaryDirectory(prefix="partition-drill-") as directory:
        figures = asyncio.run(run(Path(directory), asked.messages, asked.outage, asked.seconds, seed, only=asked.only))
    report(figures, as_json=asked.json)
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())
