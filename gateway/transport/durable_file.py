"""Writing a file as a whole: there is all of it, on disk, or what was there before."""

import errno
import os
from pathlib import Path


def write_durably(path: Path, raw: bytes, *, mode: int | None = None, new: bool = False) -> None:
    """
    Put ``raw`` in the place of ``path``: on disk when this returns, and never seen half written.

    The file gets ``mode``, or what the process gives. Raises ``OSError``, as on a full disk, and if it is to be ``new``
    and is there; nothing was written then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb", opener=None if mode is None else _privately) as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if new and path.exists():
            raise FileExistsError(errno.EEXIST, "exists; nothing is overwritten")
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # what somebody asked for, and can look at
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
