"""``isthmus serve``: run a gateway until it is told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from gateway import app, serving, settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import emit, json_option
from gateway.cli.processes import PROCESSES_MAX, Parent, Processes, check_apart, check_free, passphrase_of
from gateway.cli.running import alone, is_shared
from gateway.cli.session import check_clock, home_option, passphrase, passphrase_option
from gateway.heap import give_back_large
from gateway.http import turns
from gateway.log import configure_log, hear_libraries


@click.command()
@home_option
@passphrase_option
@click.option(
    "--processes",
    type=click.IntRange(1, PROCESSES_MAX),
    default=1,
    show_default=True,
    help="How many processes share the listeners; more than one over PostgreSQL alone.",
)
@click.option("--child", type=int, hidden=True, help="Descriptor of the socket to the parent of many processes.")
@json_option
def serve(home: Path, passphrase_file: Path | None, processes: int, child: int | None, as_json: bool) -> int:
    """
    Run the gateway in the foreground until SIGTERM or Ctrl-C.

    It logs JSON lines to standard error and may be killed at any moment: a restart goes on where the disk says.
    """
    if child is not None:
        parent = Parent(child)
        turns.run(_serve(settings.load(home, os.environ), parent.passphrase, parent))
        return 0
    check_clock()
    chosen = settings.load(home, os.environ)
    if processes > 1 and not is_shared(chosen):
        raise CommandError(
            Exit.CONFIGURATION,
            "one-process",
            "a store in SQLite is served by one process",
            "name a PostgreSQL database in 'database', or leave --processes out",
        )
    status = 0
    with alone(chosen):
        if processes > 1:
            status = _serve_many(chosen, processes, passphrase(passphrase_file))
        else:
            check_apart(chosen)
            turns.run(_serve(chosen, passphrase(passphrase_file)))
    if as_json and not status:
        emit({"stopped": True})
    return status


async def _serve(chosen: settings.Settings, ask: Callable[[], str], parent: Parent | None = None) -> None:
    """Serve in this process, alone or as the child of ``parent``."""
    give_back_large()
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    stopped = closing = False

    def stop() -> None:
        nonlocal stopped
        # Once: a terminal and systemd signal every process of many, and the parent its children again. A second
        # cancellation would cut short what the first began, and leave open what this process then waits for. So would
        # a first one where it ends by itself, and say that it was stopped: whoever keeps it running would not start it.
        if task is not None and not stopped and not closing:
            task.cancel()
        stopped = True

    def close() -> None:
        nonlocal closing
        closing = True

    log = configure_log()
    if parent is not None:
        log = partial(log, process=parent.number)
    hear_libraries(log)
    gateway = await app.build(chosen, passphrase=ask, log=log)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        with suppress(asyncio.CancelledError):
            if parent is None:
                await serving.serve(gateway, on_end=close)
            else:
                parent.on_end(stop)
                await serving.serve(gateway, ready=parent.ready, one_of_many=True, process=parent.number, on_end=close)
        if not stopped:
            raise asyncio.CancelledError
    finally:
        closing = True
        await gateway.close()
        gateway.context.log("process.stopped" if parent else "gateway.stopped")


def _serve_many(chosen: settings.Settings, count: int, ask: Callable[[], str]) -> int:
    """Have ``count`` children serve; return 0 once they were stopped, or the status of one if none can be kept."""
    words = passphrase_of(chosen, ask)
    check_free(chosen, count)
    log = configure_log()
    hear_libraries(log)
    port = chosen.values["listeners"]["peers"]["port"]
    command = (sys.executable, "-P", "-m", "gateway.cli.main", "serve", "-C", str(chosen.home))
    many = Processes(command, count, words, log, partial(log, "gateway.ready", port=port, count=count))
    status = asyncio.run(many.run())
    log("gateway.stopped")
    if status < 0:
        name = signal.Signals(-status).name
        raise CommandError(Exit.FAULT, "process", f"a process was ended by {name} before it was ready", "see its log")
    return status
