"""
Many processes of one gateway on one machine: a parent that opens no door, and children that share the listeners.

Rule 1: the parent asks for the passphrase, once, and opens the key store with it, so that a wrong one is told once. A
child gets it over a socket that nobody else holds: never as an argument, never in the environment.
Rule 2: a child that dies is started again, later each time it does not last. Where none is left and none can be
started, all stop with the status of the last, for whatever started the parent to see. So they do where one says before
all are ready that it cannot start; one that was killed says nothing of the others.
Rule 3: a child stops in good order when its parent does, however that ended: the socket tells it.
"""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from subprocess import DEVNULL
from time import monotonic

from gateway.checks.host import DOUBLE, doubles
from gateway.cli.errors import CommandError, Exit
from gateway.cli.running import CHILD_S
from gateway.cli.session import VARIABLE
from gateway.http.listen import try_address
from gateway.settings import BadConfiguration, Settings
from keys.custody import open_store

PROCESSES_MAX = 64
"""Far beyond what one machine and one database serve; a slip of the finger is not a thousand processes."""

AGAIN_S = 0.5
AGAIN_MAX_S = 30.0
LASTED_S = 60.0
"""Seconds before a child that died is started again: twice as long each time, from the start once one lasted this."""

KILLED_S = 5.0
"""How long to wait for the end of a child that was killed; the system does that at once."""

PORT_MAX = 65535

READY = b"r"


# The child's end.


class Parent:
    """What a child knows of its parent, by the descriptor of the socket between them."""

    def __init__(self, descriptor: int) -> None:
        """Take over ``descriptor`` and hear what the parent says."""
        self._link = socket.socket(fileno=descriptor)
        with self._link.makefile("rb") as said:
            told = json.loads(said.readline() or b"{}")
        self.number = int(told.get("number", 0))
        self.ready = _Told(self._link)
        self._words: str | None = told.get("words")

    def passphrase(self) -> str:
        """Return the passphrase of the key store. Raises ``CommandError`` if the parent has none."""
        if self._words is None:
            raise CommandError(Exit.CONFIGURATION, "no-passphrase", "the parent gave no passphrase", "start it again")
        return self._words

    def on_end(self, stop: Callable[[], None]) -> None:
        """Have the running loop call ``stop`` once when the parent ends; it says nothing more before."""
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(self._link)
            stop()

        loop.add_reader(self._link, ended)


class _Told(asyncio.Event):
    """Set when the doors are open; the parent hears it."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__()
        self._link = link

    def set(self) -> None:
        """Set, and tell the parent."""
        super().set()
        with suppress(OSError):  # it is gone, and the child hears so in a moment
            self._link.send(READY)


# The parent's end.


@dataclass(slots=True)
class Processes:
    """
    ``count`` processes that each run ``command`` with ``--child`` and a descriptor, kept alive.

    ``words`` is the passphrase, if the key store needs one; ``log`` writes a line; ``on_ready`` is called once, when
    all are ready.
    """

    command: Sequence[str]
    count: int
    words: str | None
    log: Callable[..., None]
    on_ready: Callable[[], None]
    _ready: set[int] = field(default_factory=set)
    _begun: bool = False

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT and return 0, or the status of a child if none can be kept alive."""
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        stop = asyncio.create_task(stopping.wait())
        keepers = [asyncio.create_task(self._keep(number)) for number in range(1, self.count + 1)]
        done, _ = await asyncio.wait({stop, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, *keepers):
            task.cancel()
        await asyncio.gather(stop, *keepers, return_exceptions=True)
        return next((task.result() for task in keepers if task in done), 0)

    async def _keep(self, number: int) -> int:
        """
        Keep one child alive; return its status if it cannot be started and no other runs.

        Raises ``OSError`` if the system gives no process for it, and no other runs.
        """
        wait_s = AGAIN_S
        while True:
            began = monotonic()
            try:
                status, was_ready = await self._live(number)
            except OSError as error:
                # No descriptor, or no process, is to be had just now: that says nothing of those that run.
                if not self._ready:
                    raise
                self.log("process.unstarted", process=number, error=type(error).__name__)
            else:
                if not was_ready and not (self._ready and (self._begun or status < 0)):
                    return status
                self.log("process.ended", process=number, status=status)
            wait_s = AGAIN_S if monotonic() - began > LASTED_S else min(2 * wait_s, AGAIN_MAX_S)
            await asyncio.sleep(wait_s)

    async def _live(self, number: int) -> tuple[int, bool]:
        """Start a child and see it to its end; return its status, and whether it was ready."""
        ours, theirs = socket.socketpair()
        with closing(ours):
            with closing(theirs):
                descriptor = theirs.fileno()
                child = await asyncio.create_subprocess_exec(
                    *self.command, "--child", str(descriptor), pass_fds=(descriptor,), stdin=DEVNULL, env=_environ()
                )
            try:
                was_ready = await self._hear(ours, number)
                return await child.wait(), was_ready
            finally:
                self._ready.discard(number)
                await _end(child)

    async def _hear(self, link: socket.socket, number: int) -> bool:
        """Tell a child what it needs; return whether it became ready before it ended."""
        loop = asyncio.get_running_loop()
        link.setblocking(False)
        with suppress(OSError):  # one that ended at once
            await loop.sock_sendall(link, json.dumps({"number": number, "words": self.words}).encode() + b"\n")
            if await loop.sock_recv(link, 1) == READY:
                self._ready.add(number)
                if not self._begun and len(self._ready) == self.count:
                    self._begun = True
                    self.on_ready()
                return True
        return False


def _environ() -> dict[str, str]:
    """Return our environment without the passphrase, if that is where it came from."""
    return {name: value for name, value in os.environ.items() if name != VARIABLE}


async def _end(child: asyncio.subprocess.Process) -> None:
    """See to it that ``child`` has ended: asked first, made to if it takes too long."""
    for ask, patience_s in ((child.terminate, CHILD_S), (child.kill, KILLED_S)):
        if child.returncode is None:
            with suppress(ProcessLookupError):
                ask()
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), patience_s)


def passphrase_of(chosen: Settings, ask: Callable[[], str]) -> str | None:
    """Return the passphrase if the key store needs one, having opened the store with it. Raises what that does."""
    given: list[str] = []

    def asked() -> str:
        given.append(ask())
        return given[-1]

    open_store(chosen.custody, passphrase=asked, environ=os.environ).names()
    return given[-1] if given else None


def check_apart(chosen: Settings, count: int = 1) -> None:
    """Check that no two doors of ``count`` processes have one address. Raises ``BadConfiguration``."""
    if problems := [f"{DOUBLE % double}; take another port" for double in doubles(chosen, count)]:
        raise BadConfiguration(problems, "isthmus check looks at every door, and at all else that a start needs")


def check_free(chosen: Settings, count: int) -> None:
    """
    Check that nobody listens where ``count`` processes are to: children share an address with whoever shares it too.

    For monitoring each has a port of its own. Raises ``OSError``, and ``BadConfiguration`` where there is no such port,
    or two doors would have it.
    """
    check_apart(chosen, count)
    for name, listener in chosen.values["listeners"].items():
        first = listener["port"]
        last = first + (count - 1 if name == "metrics" and first else 0)
        if last > PORT_MAX:
            raise BadConfiguration(
                [f"/listeners/{name}/port: {count} processes need ports up to {last}; take a lower one"]
            )
        for port in range(first, last + 1):
            try_address(listener["host"], port)
