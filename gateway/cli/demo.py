"""`isthmus demo`: two invented States on this machine, from the first draft to the last reminder."""

import asyncio
import contextlib
import errno
import json
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from gateway.cli.errors import CommandError, Exit
from gateway.cli.running import alone
from gateway.demo import report
from gateway.demo.clock import DemoClock
from gateway.demo.population import Population
from gateway.demo.report import Result, Told
from gateway.demo.states import ASKED, ASKING, HOST, NAMES, Ports, World, choose_ports, origins, running
from gateway.demo.story import Story, Stuck
from gateway.demo.tell import Tell, may_colour

LAST_PORT = 65_535 - 5


@click.command()
@click.option(
    "--once",
    is_flag=True,
    help="Tell the story and end; without it both gateways and their desks stay up until Ctrl-C.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
@click.option("--port", type=click.IntRange(1, LAST_PORT), help="First of six ports in a row; free ones if not given.")
def demo(once: bool, as_json: bool, port: int | None) -> int:
    """
    Show two invented States, XAA and XBB, confirming nationalities, and four stories to their end: a return, a return
    that is refused, a case withdrawn without a reason, and a silence that ends in a note verbale.

    Everything is real but the people and the clock: two gateways with keys, databases and TLS on loopback, in a
    directory that is removed at the end. Progress goes to standard error.
    """
    try:
        return asyncio.run(_show(Tell(sys.stderr), once=once, as_json=as_json, port=port))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("\nStopped; everything the demonstration made is removed.", err=True)
        return 130 if once else 0
    except ExceptionGroup as group:
        told = _explained(group)
        if told is None:
            raise
        raise told from group


def _explained(error: Exception) -> CommandError | None:
    """Return what a person can do about ``error``, or ``None`` where ``gateway.cli.errors`` says it better."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Stuck):
        return CommandError(Exit.LATER, "stuck", str(error), "the machine may be too busy; run it again")
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        hint = "choose other ports with --port N, or leave it out"
        return CommandError(Exit.CONFIGURATION, "port-taken", error.strerror or str(error), hint)
    return None


async def _show(tell: Tell, *, once: bool, as_json: bool, port: int | None) -> int:
    """Run both gateways, and tell the story once, or fill the desks and stay; return the exit code."""
    stopping = _Stopping()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="isthmus-demo-") as root:
        if not once:
            return await _stay(tell, Path(root), choose_ports(port), as_json, stopping)
        async with running(Path(root), choose_ports(port), DemoClock(), alone=alone) as world:
            with stopping:
                _introduce(tell, world, root)
                story = Story(world, tell)
                results = await story.run()
                _print(results, story.told, time.monotonic() - began_s, as_json)
    return Exit.DONE if all(result.receipt_verified for result in results if result.messages) else Exit.FINDINGS


async def _stay(tell: Tell, root: Path, ports: Mapping[str, Ports], as_json: bool, stopping: "_Stopping") -> int:
    """Open the desks of both States over a population of cases, and stay until stopped."""
    from gateway.demo.start import Start  # here, because only the desks need the libraries of pages

    start = Start(f"http://demo.localhost:{ports[ASKING].desks}")
    async with running(root, ports, DemoClock(), start.open, alone=alone) as world:
        with stopping:
            _introduce(tell, world, str(root))
            await Population(world, tell).fill()
            start.world = world
            if as_json:
                click.echo(
                    json.dumps({"start": start.address, "desks": {c: origins(s) for c, s in world.states.items()}})
                )
            _invite(tell, world, start.address)
            await asyncio.Event().wait()
    return Exit.DONE


class _Stopping:
    """
    SIGTERM and Ctrl-C end the demonstration, once.

    A second one, or a first one after the block, as it is closing, changes nothing: it would cut that short, and leave
    behind what is removed at the end.
    """

    def __init__(self) -> None:
        """Hear both from now on."""
        self._task, loop = asyncio.current_task(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self._stop)

    def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def __enter__(self) -> None:
        """Nothing is open yet."""

    def __exit__(self, *_: object) -> None:
        self._task = None


def _introduce(tell: Tell, world: World, root: str) -> None:
    tell.heading("Two invented States. People and clock are invented, the rest is real.")
    for country, state in world.states.items():
        tell.line(f"{country}  {NAMES[country]['en']}  https://{HOST}:{state.ports.peers}  TLS 1.3")
    tell.line(f"in   {root}  (removed at the end)")


def _print(results: list[Result], told: list[Told], took_s: float, as_json: bool) -> None:
    """Print the one object, or the table, on standard output."""
    asked = [result for result in results if result.messages]
    unsent = [result for result in results if not result.messages]
    if as_json:
        value = {
            "cases": [result.to_dict() for result in asked],
            "not_sent": [result.to_dict() for result in unsent],
            "stories": [one.to_dict() for one in told],
            "took_s": round(took_s, 2),
        }
        click.echo(json.dumps(value))
        return
    verified, answers = sum(result.verified for result in results), sum(result.messages for result in results)
    late = sum(result.overdue for result in results)
    click.echo(f"\n{report.table(results, may_colour(sys.stdout))}\n\n{report.legend(results)}")
    for one in told:
        click.echo(f"\n{one.name}\n{report.path(one)}")
    click.echo(
        f"\n{len(asked)} cases sent, {len(unsent)} stopped before; {verified} of {answers} answers verified; "
        f"{late} overdue; {took_s:.1f} s"
    )


def _invite(tell: Tell, world: World, start: str) -> None:
    """Say how to reach both gateways, as whom, with a line that works, and where the desks are."""
    for country in (ASKING, ASKED):
        state = world.states[country]
        tell.heading(f"{country}: local API at http://{HOST}:{state.ports.api}, tokens:")
        for person in state.people.values():
            tell.line(f"{person.id:<11} {person.token}")
    state = world.states[ASKING]
    header = shlex.quote(f"Authorization: Bearer {state.people['board'].token}")
    tell.heading("What is overdue, as the foreign-affairs desk sees it (no identity in it):")
    tell.line(f"curl -s -H {header} \\")
    tell.line(f"  http://{HOST}:{state.ports.api}/v1/overdue")
    tell.heading("The desks of both States, with a link that signs in for each person:")
    tell.line(start)
    tell.heading("Both gateways stay up. Stop with Ctrl-C.")
