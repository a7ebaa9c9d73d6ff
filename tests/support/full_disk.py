"""A disk that is full, or fails, as a process meets it."""

import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def unconfirmed(error: int) -> Callable[[int], None]:
    """Return an ``fsync`` of a disk that keeps files and answers ``error`` for a folder."""
    fsync = os.fsync

    def refusing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(error, os.strerror(error))
        fsync(descriptor)

    return refusing


def watched(seen: list[str]) -> Callable[[int], None]:
    """Return an ``fsync`` that adds the name of each file and folder to ``seen`` (Linux)."""
    fsync = os.fsync

    def watching(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))

    return watching
