"""Writing a file as a whole: there is all of it, on disk, or what was there before."""

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

NEVER_CONFIRMED = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What a file system says that knows no sync of a folder (fsync(2)), as some shares: there is no more to be done."""


class Unconfirmed(OSError):
    """The file stands there, whole, and the disk does not confirm that it keeps it: a power cut may take it back."""


def write_durably(path: Path, raw: bytes, *, mode: int | None = None, new: bool = False) -> None:
    """
    Put ``raw`` in the place of ``path``: on disk when this returns, and never seen half written.

    The file gets ``mode``, or what the process gives. Raises ``OSError``, as on a full disk, and if it is to be ``new``
    and is there; nothing was written then, but where it is ``Unconfirmed``.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        _put(path, raw, mode, new)
        try:
            os.fsync(folder)
        except OSError as error:
            if error.errno not in NEVER_CONFIRMED:
                text = "written, but the disk does not confirm that it keeps it"
                raise Unconfirmed(error.errno, text, str(path)) from error
    finally:
        os.close(folder)


def _put(path: Path, raw: bytes, mode: int | None, new: bool) -> None:
    def made(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666 if mode is None else mode)

    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb", opener=made) as file:
            if mode is not None and mode & ~os.fstat(file.fileno()).st_mode:  # no disk is asked that keeps no modes
                os.fchmod(file.fileno(), mode)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if new and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "exists; nothing is overwritten")
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to tell
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # what somebody asked for, and can look at
        raise
