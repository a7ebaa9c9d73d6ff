"""
That one gateway runs on a home, and how another command makes it stop.

Rule 1: a running gateway holds a lock on ``serve.lock`` in the data directory; the lock ends with the process, however
that ends, so no file is left behind that lies.
Rule 2: whoever holds the lock writes its process id into the file, and nobody else does.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.cli.errors import CommandError, Exit
from gateway.settings import Settings

LOCK_FILE = "serve.lock"
STOP_S = 30.0
"""How long a gateway has to end: it finishes the transaction in flight, which takes seconds at most."""

_LOOK_S = 0.05


@contextmanager
def alone(chosen: Settings) -> Iterator[None]:
    """Hold the lock of the home while the block runs. Raises ``CommandError`` if a gateway runs on it."""
    descriptor = _open(chosen)
    try:
        if not _take(descriptor):
            raise _busy(_holder(descriptor), "a gateway runs on this home already")
        _sign(descriptor)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def stopped(chosen: Settings, wait_s: float = STOP_S) -> Iterator[bool]:
    """
    Stop the gateway that runs on the home, and keep it from coming back while the block runs.

    Yields whether there was one. Raises ``CommandError`` if it does not end within ``wait_s`` seconds.
    """
    descriptor = _open(chosen)
    try:
        ran = not _take(descriptor)
        if ran:
            _end(descriptor, wait_s)
        _sign(descriptor)
        yield ran
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _open(chosen: Settings) -> int:
    path: Path = chosen.data / LOCK_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
    while not _take(descriptor):
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
