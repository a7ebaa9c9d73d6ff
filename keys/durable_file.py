"""
Writing a file as a whole: there is all of it, on disk, or what was there before.

A name is on the disk once its folder was synced, and not by a sync of the file (fsync(2)).
"""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

NEVER_CONFIRMED = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What a file system says that knows no sync of a folder (fsync(2)), as some shares: there is no more to be done."""

NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})
"""What a file system says that gives a file one name (link(2)), as those of sticks."""


class Unconfirmed(OSError):
    """The file stands there, whole, and the disk does not confirm that it keeps it: a power cut may take it back."""


def write_durably(
    path: Path, raw: bytes, *, mode: int | None = None, new: bool = False, keep_owner: bool = False
) -> None:
    """
    Put ``raw`` in the place of ``path``: on disk when this returns, and never seen half written.

    The file gets ``mode``, or what the process gives; with ``keep_owner`` it stays, when root writes it, its owner's.
    Raises ``OSError``, as on a full disk, and if it is to be ``new`` and is there, also where another process put it
    there in this instant; nothing was written then, but where it is ``Unconfirmed``.
    """
    with written_durably(path, mode=mode, new=new, keep_owner=keep_owner) as file:
        file.write(raw)


@contextmanager
def written_durably(
    path: Path, *, mode: int | None = None, new: bool = False, keep_owner: bool = False
) -> Iterator[BinaryIO]:
    """
    Put what the block writes into the file that it gets in the place of ``path``, as ``write_durably`` does.

    What the block raises comes out, and leaves what was there before.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with _put(path, mode, new, keep_owner) as file:
            yield file
        _confirm(folder, path)
    finally:
        os.close(folder)


def confirm(path: Path) -> None:
    """
    Have the disk keep the name ``path``, of a file that stands there: whoever made it may have been killed before that.

    Raises ``OSError``, and ``Unconfirmed`` where the disk does not confirm it.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        _confirm(folder, path)
    finally:
        os.close(folder)


def confirm_all(folder: Path) -> None:
    """Have the disk keep what lies in ``folder``, and below, whoever wrote it. Raises ``OSError``, ``Unconfirmed``."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            _confirm(descriptor, path)
        finally:
            os.close(descriptor)


def make_folder(path: Path, *, mode: int = 0o777) -> None:
    """
    Make the folder ``path``, and those above it, on disk when this returns; one that is there already is left alone.

    It gets ``mode``, those above it what the process gives. Raises as ``confirm``.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=mode, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from error
    confirm(path)


def _confirm(folder: int, path: Path) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in NEVER_CONFIRMED:
            text = "written, but the disk does not confirm that it keeps it"
            raise Unconfirmed(error.errno, text, str(path)) from error


def drop_unfinished(path: Path) -> None:
    """Drop what processes that were killed left beside ``path``; for whoever keeps all others from writing it."""
    for other in path.parent.iterdir():
        if re.fullmatch(rf"\.{re.escape(path.name[:_SHORT])}\.[0-9a-f]{{16}}", other.name):
            other.unlink(missing_ok=True)


_SHORT = 40
"""Characters of a name that are in that of the file beside it, which no disk finds too long so."""


@contextmanager
def _put(path: Path, mode: int | None, new: bool, keep_owner: bool) -> Iterator[BinaryIO]:
    def made(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666 if mode is None else mode)

    temporary = path.with_name(f".{path.name[:_SHORT]}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb", opener=made) as file:
            if mode is not None and mode & ~os.fstat(file.fileno()).st_mode:  # no disk is asked that keeps no modes
                os.fchmod(file.fileno(), mode)
            if keep_owner and os.geteuid() == 0 and path.exists():
                os.fchown(file.fileno(), path.stat().st_uid, path.stat().st_gid)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if new:
            _name(temporary, path)
        else:
            temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to tell
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary), str(path)):  # and no other's
            if isinstance(error, FileExistsError):
                raise FileExistsError(errno.EEXIST, "exists; nothing is overwritten", str(path)) from error
            error.filename = str(path)  # what somebody asked for, and can look at
        raise


def _name(temporary: Path, path: Path) -> None:
    """Give ``temporary`` the name ``path``, which nothing has: of two processes that come at once one is refused."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # An empty file keeps the place; whoever is killed between these two lines leaves that.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            temporary.replace(path)
        except OSError:
            with suppress(OSError):  # the first error is the one to tell
                path.unlink()
            raise
    else:
        with suppress(OSError):  # the file has its name
            temporary.unlink()
