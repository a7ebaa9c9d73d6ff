"""
That one gateway runs on a home, and how another command makes it stop.

Rule 1: a running gateway holds a lock on ``serve.lock`` in the data directory; the lock ends with the process, however
that ends, so no file is left behind that lies.
Rule 2: whoever holds the lock writes its process id into the file, and nobody else does.
Rule 3: where the store is a database that many share, several may run on one home, each with a lock of its own.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gateway.cli.errors import CommandError, Exit
from gateway.settings import Settings
from keys.folder_lock import is_taken, take

LOCK_FILE = "serve.lock"
CHILD_S = 70.0
STOP_S = 80.0
"""
How long the parent of many processes gives each to end before it kills it, and how long a command waits for a gateway.

Each is longer than what it waits for, and what starts a gateway waits longer than both (``TimeoutStopSec`` of systemd,
90 seconds by itself; docs/operations.md). A gateway ends within a second, but where its database stands still each step
of its end has a bound: what leads lets go (10 s), a load balancer learns of the end (``drain_s`` of the configuration,
5 s at most), doors (``shutdown_timeout`` and ``CLOSE_TIMEOUT_S`` of ``http.listen``), desks and pages (``CLOSE_S`` of
``postgres_pool``, each), its place among the nodes (``serving.LEAVE_S``), notices (``DRAIN_S`` of
``transport.notices``), the recogniser (5 s), batches under way (twice ``DRAIN_S`` of ``postgres``) and the goodbye of
the database (``CLOSE_S``): 68 seconds, where all of them are used up.
"""

_LOOK_S = 0.05


SHARED_MAX = 16
"""Gateways that may run on one home over a database; more nodes are more machines, each with a home of its own."""


def is_shared(chosen: Settings) -> bool:
    """Return whether the store is a database that several processes may serve."""
    return chosen.values.get("database") is not None


def runs(chosen: Settings) -> bool:
    """Return whether a gateway runs on the home; nothing is made for that, and nobody is signalled."""
    return any(_is_held(path) for path in _files(chosen))


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return is_taken(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(chosen: Settings) -> Iterator[None]:
    """
    Hold a lock of the home while the block runs.

    Raises ``CommandError`` if a gateway runs on it; where the store is shared, if as many do as may.
    """
    with ExitStack() as stack:
        # One after the other, so that no more files are made than are held.
        tried: list[int] = []
        for path in _files(chosen):
            tried.append(stack.enter_context(_opened(path)))
            if take(tried[-1]):
                break
        else:
            raise _busy(_holder(tried[0]), "a gateway runs on this home already")
        with _signed(path, tried[-1]):
            yield


@contextmanager
def stopped(chosen: Settings, wait_s: float = STOP_S) -> Iterator[bool]:
    """
    Stop what runs on the home, and keep it from coming back while the block runs.

    Yields whether there was anything. Nodes on other machines are not reached from here. Raises ``CommandError`` if one
    does not end within ``wait_s`` seconds.
    """
    with ExitStack() as stack:
        descriptors = [stack.enter_context(_opened(path)) for path in _files(chosen)]
        running = [descriptor for descriptor in descriptors if not take(descriptor)]
        for descriptor in running:
            _end(descriptor, wait_s)
        for path, descriptor in zip(_files(chosen), descriptors, strict=True):
            stack.enter_context(_signed(path, descriptor))
        yield bool(running)


def _files(chosen: Settings) -> list[Path]:
    more = [f"serve-{number}.lock" for number in range(2, SHARED_MAX + 1)] if is_shared(chosen) else []
    return [chosen.data / name for name in (LOCK_FILE, *more)]


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _signed(path: Path, descriptor: int) -> Iterator[None]:
    try:
        _sign(descriptor)
    except OSError as error:
        error.filename = str(path)  # the system names no file where a descriptor is written
        raise
    yield
    os.ftruncate(descriptor, 0)


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _end(descriptor: int, wait_s: float) -> None:
    """Ask the holder to stop, until the lock is ours."""
    asked: set[int] = set()
    until = time.monotonic() + wait_s
    while not take(descriptor):
        holder = _holder(descriptor)
        if holder is not None and holder not in asked:
            asked.add(holder)  # once each: a second signal would cut short what the first began
            try:
                os.kill(holder, signal.SIGTERM)
            except ProcessLookupError:
                continue
            except PermissionError:
                raise _busy(holder, "the gateway belongs to another user and cannot be stopped from here") from None
        if time.monotonic() > until:
            raise _busy(holder, "the gateway does not stop")
        time.sleep(_LOOK_S)


def _busy(holder: int | None, text: str) -> CommandError:
    named = f" (process {holder})" if holder else ""
    return CommandError(Exit.LATER, "running", f"{text}{named}", "stop it first, with whatever starts it")
