"""
One lock for whoever changes what is in a folder: the kernel's, on the folder itself.

It ends with the process that holds it, however that ends, and leaves no file behind that lies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone_in(folder: Path, *, wait: bool = True) -> Iterator[int]:
    """
    Hold the lock of ``folder`` while the block runs, and ``wait`` for whoever has it; yields its descriptor.

    Raises ``OSError`` if there is no such folder, and ``BlockingIOError`` if somebody has it who is not waited for.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield descriptor
    finally:
        os.close(descriptor)


def is_taken(descriptor: int) -> bool:
    """
    Return whether another process holds the lock of what ``descriptor`` opened for itself alone.

    Where none does, whoever wants to take it is told for the moment until ``descriptor`` is closed that we have it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def take(descriptor: int) -> bool:
    """Return whether the lock of what ``descriptor`` opened is held now, by this process; it does not wait."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
