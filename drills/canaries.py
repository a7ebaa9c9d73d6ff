"""
Looks for a thousand invented people wherever two gateways leave something, and where no value of any of them may be.

Every value of every person is a canary: it stands nowhere else. The people go every way a case can go, through two
gateways that run as processes of their own, at debug level; gateways are killed, made to fail with whole drafts in the
error, and aborted. Then logs, databases, backups, figures, problems, evidence, notices, temporary files, crash output,
command lines, environments, pages and commands are looked through, in every script, folding and encoding. The memory of
each gateway is read while it is idle, and once more after the restart of ``docs/operations.md``.

    python -m drills.canaries [--people 1000] [--seed N] [--json] [--brief]

Exit status 1 if a value stood where none may, or if a way could not be gone to its end.
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, TCPConnector

from gateway.demo.states import ASKED, ASKING
from tests.support import outlets
from tests.support.canaries import Findings, Maker, Person, Seeker, person
from tests.support.journeys import JOURNEYS, Desk, walk
from tests.support.outlets import MAY
from tests.support.processes import COUNTRIES, Processes, make_processes

STRANGERS: Final = 6
"""People who are no case, and stand in requests that are refused and in errors."""

SETTLE_S: Final = 4.0
"""A gateway is idle after this long without anything to do."""

IN_FLIGHT: Final = 16


@dataclass
class Figures:
    """What a run showed: for each place the canaries found and the bytes looked at, and what went wrong."""

    seed: int
    people: int
    canaries: int = 0
    seconds: float = 0.0
    found: dict[str, int] = field(default_factory=dict)
    looked: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=dict)
    """Of each place what the canaries found there are: elements, national fields, ``remark``, ``reason``."""

    leaks: dict[str, list[str]] = field(default_factory=dict)
    """Of each place where none may be: where it was found there, and the first canaries."""

    blind: list[str] = field(default_factory=list)
    """Places where values do stand and none was found: the search itself is broken."""

    failed: list[str] = field(default_factory=list)
    idle: Mapping[str, Any] = field(default_factory=dict)
    restarted: Mapping[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Tell whether nothing stood where it may not, and everything was looked at."""
        return not (self.leaks or self.blind or self.failed)


async def run(root: Path, count: int, seed: int, *, thorough: bool = True) -> Figures:
    """
    Let ``count`` people go their ways under ``root``, look everywhere, and return the figures.

    Not ``thorough``: fewer pages and commands, and memory for the forms alone in which Python holds text.
    """
    maker, figures = Maker(seed), Figures(seed, count)
    people = [person(maker, number) for number in range(count)]
    strangers = [person(maker, -1 - number) for number in range(STRANGERS)]
    figures.canaries = len(maker.made)
    findings = Findings(Seeker(maker.made))
    async with (
        outlets.told(findings) as notices,
        ClientSession(
            connector=TCPConnector(keepalive_timeout=10)  # let go before the other end does
        ) as client,
    ):
        processes = await asyncio.to_thread(make_processes, root, notices)
        try:
            await asyncio.gather(*(asyncio.to_thread(processes.start, country) for country in COUNTRIES))
            desk = Desk(processes, findings, client, asyncio.Semaphore(IN_FLIGHT))
            with outlets.Watch(processes, findings):
                await _live(desk, people, strangers, figures, thorough=thorough)
            await _look_at_memory(processes, findings, figures, thorough=thorough)
            await asyncio.to_thread(outlets.back_up, processes)
            await asyncio.to_thread(outlets.search_files, processes, findings)
        finally:
            await asyncio.to_thread(processes.close)
    _sum_up(
        findings,
        figures,
        {one.casefold(): kind for each in (*people, *strangers) for one, kind in each.kinds().items()},
    )
    return figures


async def _live(desk: Desk, people: list[Person], strangers: list[Person], figures: Figures, *, thorough: bool) -> None:
    """Let everything happen that leaves something."""
    walking = asyncio.create_task(walk(desk, people))
    await asyncio.sleep(2.0)
    await desk.pause(lambda: outlets.kill_both(desk))
    await outlets.send_badly(desk, strangers[5])
    journeys, figures.failed = await walking
    # A few of each kind are enough for pages and commands, which show one case at a time.
    chosen = [one for one in journeys if one.theirs][: len(JOURNEYS)]
    await outlets.read_pages(desk, chosen, strangers, 150 if thorough else 20)
    typed = strangers[3].words[0]
    figures.failed += await outlets.run_commands(desk, chosen[1], strangers[2], typed, thorough=thorough)
    figures.failed += await outlets.break_things(desk, strangers)
    # What idles afterwards has dealt with cases in this life: each is looked at once more, in both States.
    for journey in chosen:
        await journey.look()


async def _look_at_memory(processes: Processes, findings: Findings, figures: Figures, *, thorough: bool) -> None:

    async def look(place: str) -> Mapping[str, Any]:
        await asyncio.sleep(SETTLE_S if thorough else SETTLE_S / 3)
        return asdict(await asyncio.to_thread(outlets.search_memory, processes, findings, place, thorough=thorough))

    figures.idle = await look(outlets.IDLE)
    figures.failed += await asyncio.to_thread(outlets.abort, processes)
    await asyncio.to_thread(processes.stop, ASKED)
    await asyncio.gather(*(asyncio.to_thread(processes.start, country, wiping=True) for country in COUNTRIES))
    figures.restarted = await look(outlets.RESTARTED)


def _sum_up(findings: Findings, figures: Figures, kinds: Mapping[str, str]) -> None:
    places = sorted(findings.looked)
    figures.looked = {place: findings.looked[place] for place in places}
    figures.found = {place: findings.count(place) for place in places}
    figures.kinds = {
        place: sorted({kinds[one.casefold()] for one in findings.found[place] if one.casefold() in kinds})
        for place in places
    }
    for place in places:
        if findings.count(place) and place not in MAY:
            first = list(findings.found[place])[:3]
            figures.leaks[place] = [f"{sorted(findings.where[place])[:5]}: {', '.join(first)}"]
    seen = [place for place in MAY if place not in (outlets.IDLE, outlets.TYPED)]
    figures.blind = [place for place in seen if not figures.found.get(place)]


def report(figures: Figures, *, as_json: bool) -> None:
    """Print the figures: one JSON object, or lines for people."""
    if as_json:
        print(json.dumps(asdict(figures) | {"good": figures.good}, ensure_ascii=False))
        return
    print(f"{figures.people} people, {figures.canaries} canaries, seed {figures.seed}, {figures.seconds:.0f} s")
    print(f"{'found':>7} {'KiB':>9}  place")
    for place, count in figures.found.items():
        kind = "may stand here" if place in MAY else "LEAK" if count else ""
        print(f"{count:>7} {figures.looked[place] >> 10:>9}  {place}{f' ({kind})' if kind else ''}")
    for name, held in (("idle", figures.idle), ("after the restart", figures.restarted)):
        for country in (ASKING, ASKED):
            whole, parts, mib = (held[part].get(country) for part in ("canaries", "parts", "mib"))
            print(f"memory of {country} {name}: {whole} canaries and {parts} parts of some in {mib} MiB")
    for text in (*figures.failed, *(f"LEAK in {place}: {one}" for place, all in figures.leaks.items() for one in all)):
        print(text)
    for place in figures.blind:
        print(f"nothing was found where something is: {place}")
    print("nothing stood where it may not" if figures.good else "FAILED")


def main() -> int:
    """Run as the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(prog="canaries", description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--brief", action="store_true", help="fewer pages, commands and forms: for the tests")
    parser.add_argument("--root", type=Path, help="keep everything in this directory, which is empty")
    asked = parser.parse_args()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        root = asked.root or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="canaries-")))
        root.mkdir(exist_ok=True)
        figures = asyncio.run(run(root.resolve(), asked.people, asked.seed, thorough=not asked.brief))
    figures.seconds = round(time.monotonic() - began, 1)
    report(figures, as_json=asked.json)
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())
