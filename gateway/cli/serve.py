"""``isthmus serve``: run a gateway until it is told to stop."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from gateway import app, settings
from gateway.cli.output import emit, json_option
from gateway.cli.running import alone
from gateway.cli.session import home_option, passphrase, passphrase_option


@click.command()
@home_option
@passphrase_option
@json_option
def serve(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Run the gateway in the foreground until SIGTERM or Ctrl-C.

    It logs JSON lines to standard error and may be killed at any moment: a restart goes on where the disk says.
    """
    chosen = settings.load(home, os.environ)
    with alone(chosen):
        asyncio.run(_serve(chosen, passphrase(passphrase_file)))
    if as_json:
        emit({"stopped": True})


async def _serve(chosen: settings.Settings, ask: Callable[[], str]) -> None:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        if task is not None:
            task.cancel()

    gateway = await app.build(chosen, passphrase=ask)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        with suppress(asyncio.CancelledError):
            await app.serve(gateway)
        if not stopped:
            raise asyncio.CancelledError
    finally:
        await gateway.close()
        gateway.context.log("gateway.stopped")
