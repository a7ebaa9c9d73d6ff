"""
Break the line between two gateways in every way there is, and see what comes through once it is whole.

XAA and XBB are processes of their own, as ``isthmus serve`` runs them, and every connection between them goes through
lines that fail on purpose. First the line is down while messages pile up. Then requests arrive and answers do not; then
the line goes up and down; connections end at any byte; it is late and narrow; and, without TLS, what is posted arrives
twice. XAA asks, XBB acknowledges and gives notice of delay: two messages of a case whose order can be seen.

Then the same, with TLS, between two hosts, each a network namespace, with nothing but the kernel between them: the link
is down; it loses everything and tells nobody; it lets one direction through; it goes up and down; it is slow and loses
packets. Where there is no root, or no ``ip``, this part says what is missing and is left out.

    python -m drills.partition [--messages 600] [--outage 30] [--seconds 12] [--only NAME] [--namespaces] [--seed N]
        [--json]

Exit status 1 if anything was lost, came twice, out of order or against the rules, if a reminder left for what was never
delivered, or if a thousand messages took longer than a minute to pass once the line was whole.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchmarks.pair import COUNTRIES, WORDS, Pair, draft, free_port, make_pair, submit
from gateway import home, settings
from gateway.app import Gateway
from gateway.transport.card_directory import write_card
from keys import card
from keys.custody import open_store
from keys.sign import SigningKey
from tests.support import drilling, namespaces
from tests.support.compared import compare, count, waiting
from tests.support.faulty_line import FaultyLine
from tests.support.namespaces import Host
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
Hosts = Mapping[str, Host]


class Line(Protocol):
    """What stands between both, seen from one of them: a ``FaultyLine`` or a ``Host`` with its end of the cable."""

    @property
    def seen(self) -> Counter[str]:
        """What passed so far, by a name for it."""

    def heal(self) -> None:
        """Take every fault away."""


@dataclass
class Trouble:
    """One way in which the line was broken: how long, what passed meanwhile, and how long the rest took afterwards."""

    name: str
    seconds: float
    cases: int = 0
    waited: int = 0
    first_s: float = 0.0
    drain_s: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    """What the lines, or the kernel, counted meanwhile."""


@dataclass
class Figures(drilling.Figures):
    """What a run showed. Everything under ``faults`` must be 0."""

    WELL = "everything came through once and in order"

    seed: int
    troubles: list[Trouble] = field(default_factory=list)
    messages: int = 0

    def lines(self) -> Iterator[str]:
        """Yield what a person is told."""
        yield f"seed {self.seed}: {self.messages} messages"
        for one in self.troubles:
            yield (
                f"  {one.name:<22} {one.seconds:>4.0f} s, {one.cases} cases; {one.waited} messages waited at its end, "
                f"the first passed after {one.first_s} s, all {one.drain_s} s later "
                f"({', '.join(f'{times} {what}' for what, times in one.seen.items())})"
            )


class World:
    """Two gateways, the lines to each of them, and their desks."""

    def __init__(self, pair: Pair, lines: Mapping[str, Line], desks: Mapping[str, Gateway]) -> None:
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

    def seen(self) -> Counter[str]:
        """Return what passed so far, on all lines."""
        total: Counter[str] = Counter()
        for line in self.lines.values():
            total.update(line.seen)
        return total

    def answered(self) -> int:
        """Return how many messages have an answer."""
        done = "SELECT count(*) FROM outbound WHERE state = 'receipted'"
        return sum(count(self.pair.database(country), done) for country in COUNTRIES)


@asynccontextmanager
async def behind_lines(root: Path, draw: random.Random, *, tls: bool) -> AsyncIterator[World]:
    """Make two homes whose cards name lines that fail on purpose, and serve both on this host behind them."""
    pair = make_pair(root, tls=tls, limits=LIMITS)
    async with AsyncExitStack() as stack:
        lines = {country: await stack.enter_async_context(_line_to(pair, country, draw)) for country in COUNTRIES}
        yield await stack.enter_async_context(_world(pair, lines, lambda country: serve(pair, country)))


@asynccontextmanager
async def on_two_hosts(root: Path, draw: random.Random) -> AsyncIterator[World]:
    """Make two homes whose cards name addresses of two hosts, and serve each on its own."""
    pair = make_pair(root, limits=LIMITS)
    with namespaces.two_hosts() as made:
        hosts = dict(zip(COUNTRIES, made, strict=True))
        for country, host in hosts.items():
            _move(pair, country, host.address)
        async with _world(pair, hosts, lambda country: hosts[country].inside(serve, pair, country)) as within:
            yield within


@asynccontextmanager
async def _world(pair: Pair, lines: Mapping[str, Line], serve_it: Callable[[str], Served]) -> AsyncIterator[World]:
    """Fill both homes, serve them, and open their desks, which need no line: they work on the databases."""
    for country in COUNTRIES:
        gateway = await pair.open(country, create=True)
        await gateway.refresh_trust()
        await gateway.close()
    served: dict[str, Served] = {}
    async with AsyncExitStack() as stack:
        try:
            for country in COUNTRIES:
                served[country] = await asyncio.to_thread(serve_it, country)
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
    port, moved = _port(pair, country), free_port()
    _replace(pair, country, f"port = {port}\n", f"port = {moved}\n")
    return FaultyLine(port, moved, draw)


def _move(pair: Pair, country: str, address: str) -> None:
    """Have the gateway of ``country`` listen at ``address``, and say so in its next card, as one that moves does."""
    _replace(pair, country, 'host = "127.0.0.1"\n', f'host = "{address}"\n')
    store = open_store(f"file:{pair.home(country) / home.IDENTITY_FILE}", passphrase=lambda: WORDS, environ={})
    held = card.parse_card((pair.home(country) / "cards" / country / "1.jws").read_bytes())
    changes = {"addresses": [f"https://{address}:{_port(pair, country)}"]}
    issued = home.next_card(held, changes, SigningKey(store.get(home.IDENTITY)), datetime.now(UTC))
    for one in COUNTRIES:
        write_card(pair.home(one) / "cards", issued)


def _port(pair: Pair, country: str) -> int:
    return int(settings.load(pair.home(country), {}).values["listeners"]["peers"]["port"])


def _replace(pair: Pair, country: str, before: str, after: str) -> None:
    """Replace what stands once in the configuration of ``country``."""
    file = pair.home(country) / settings.FILE_NAME
    text = file.read_text()
    if text.count(before) != 1:
        raise RuntimeError(f"the listener of {country} is not where it was")
    file.write_text(text.replace(before, after))


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


# What can be wrong between two hosts.


async def _link_down(hosts: Hosts, draw: random.Random) -> None:
    hosts["XAA"].unplug()  # XAA has no way there and is told so; XBB has one that leads nowhere


async def _link_silent(hosts: Hosts, draw: random.Random) -> None:
    for host in hosts.values():
        host.mute()


async def _link_one_way(hosts: Hosts, draw: random.Random) -> None:
    hosts["XBB"].mute()  # as with lines: of a connection that was there what XAA sends arrives, and no more than that


async def _link_flapping(hosts: Hosts, draw: random.Random) -> None:
    while True:
        host = draw.choice(list(hosts.values()))
        host.unplug()
        await asyncio.sleep(draw.uniform(0.2, 1.5))
        host.heal()
        await asyncio.sleep(draw.uniform(0.2, 1.5))


async def _link_slow(hosts: Hosts, draw: random.Random) -> None:
    for host in hosts.values():
        host.slow()


Break = Callable[[Any, random.Random], Awaitable[None]]
"""What breaks the lines of a world, which are of the kind that it is for."""

WORLDS: Mapping[str, Callable[[Path, random.Random], AbstractAsyncContextManager[World]]] = {
    "tls": partial(behind_lines, tls=True),
    "plain": partial(behind_lines, tls=False),
    "hosts": on_two_hosts,
}

PILING_UP = ("down", "link down")
"""Troubles that last as long as an outage, with as many messages; the others are shorter."""

SLOW_LINK = "link slow and lossy"

TROUBLES: tuple[tuple[str, str, Break], ...] = (
    ("tls", "down", _down),
    ("tls", "one way", _one_way),
    ("tls", "flapping", _flapping),
    ("tls", "cut anywhere", _cut),
    ("tls", "late and narrow", _late),
    ("plain", "one way, no TLS", _one_way),
    ("plain", "everything twice", _twice),
    ("plain", "cut anywhere, no TLS", _cut),
    ("hosts", "link down", _link_down),
    ("hosts", "link silent", _link_silent),
    ("hosts", "link one way", _link_one_way),
    ("hosts", "link flapping", _link_flapping),
    ("hosts", SLOW_LINK, _link_slow),
)
"""Each with the world it happens in and its name."""


async def trouble(
    within: World,
    name: str,
    break_it: Break,
    cases: int,
    seconds: float,
    draw: random.Random,
    value: Mapping[str, object],
) -> Trouble:
    """Break the line for ``seconds`` while ``cases`` are sent, make it whole, and wait until nothing waits."""
    told = Trouble(name, seconds, cases)
    made = within.seen()
    breaking = asyncio.ensure_future(break_it(within.lines, draw))
    began = time.monotonic()
    await within.ask(cases, value, 2 * cases / seconds)
    await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    breaking.cancel()
    await asyncio.gather(breaking, return_exceptions=True)
    if not breaking.cancelled():
        breaking.result()  # raises: a line that could not be broken is no trouble that was lived through
    told.waited, before = waiting(within.pair), within.answered()
    for line in within.lines.values():
        line.heal()
    whole = time.monotonic()
    while waiting(within.pair) or not _all_said(within.pair):
        if not told.first_s and within.answered() > before:
            told.first_s = round(time.monotonic() - whole, 1)
        if time.monotonic() - whole > STALLED_S:
            break
        await asyncio.sleep(0.1)
    told.drain_s = round(time.monotonic() - whole - told.first_s, 1)
    told.seen = within.seen()
    told.seen.subtract(made)
    return told


def _all_said(pair: Pair) -> bool:
    """Tell whether XBB has said both things about each case XAA has."""
    cases = count(pair.database("XAA"), "SELECT count(*) FROM case_file")
    return count(pair.database("XBB"), "SELECT count(*) FROM outbound") == 2 * cases


async def run(
    root: Path,
    messages: int,
    outage_s: float,
    seconds: float,
    seed: int,
    *,
    names: Sequence[str],
) -> Figures:
    """Run the troubles ``names`` under ``root`` and return the figures."""
    draw, value, figures = random.Random(seed), draft(), Figures(seed)
    cases = max(1, messages // 3)
    for kind, world in WORLDS.items():
        chosen = [(name, break_it) for where, name, break_it in TROUBLES if where == kind and name in names]
        if not chosen:
            continue
        place = root / kind
        place.mkdir()
        async with world(place, draw) as within:
            answering = asyncio.create_task(within.answer())
            try:
                for name, break_it in chosen:
                    many, lasting = (cases, outage_s) if name in PILING_UP else (cases // 4, seconds)
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


def choose(only: Sequence[str], *, hosts_alone: bool) -> list[str]:
    """Return the names of the troubles to live through here; what this machine cannot do is left out, with a note."""
    names = {
        name: where
        for where, name, _ in TROUBLES
        if (not only or name in only) and (where == "hosts" or not hosts_alone)
    }
    if "hosts" in names.values() and (why := namespaces.lacking()) is not None:
        print(f"note: {why}, so no link between two hosts is broken", file=sys.stderr)
        return [name for name, where in names.items() if where != "hosts"]
    if SLOW_LINK in names and (why := namespaces.lacking(slow=True)) is not None:
        print(f"note: {why}, so no link between two hosts is slow", file=sys.stderr)
        del names[SLOW_LINK]
    return list(names)


def main() -> int:
    """Run as the arguments say; print the figures on stdout; return the exit status."""
    parser = argparse.ArgumentParser(prog="partition", description="Break the line between two gateways in many ways.")
    parser.add_argument("--messages", type=int, default=600, help="that pile up during the outage; more follow")
    parser.add_argument("--outage", type=float, default=30.0, help="seconds the line is down")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each other trouble")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=[name for _, name, _ in TROUBLES],
        metavar="NAME",
        help="this trouble; may be given again",
    )
    parser.add_argument("--namespaces", action="store_true", help="only those between two hosts (root and Linux alone)")
    parser.add_argument("--seed", type=int, default=None, help="of cuts and flapping; default: drawn, and printed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    names = choose(asked.only, hosts_alone=asked.namespaces)
    if not names:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # what was made is taken away on the way out
    seed = drilling.drawn(asked.seed)
    with tempfile.TemporaryDirectory(prefix="partition-drill-") as directory:
        figures = asyncio.run(run(Path(directory), asked.messages, asked.outage, asked.seconds, seed, names=names))
    return drilling.report(figures, as_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
