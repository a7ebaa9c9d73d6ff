"""
A disk under SQLite whose power is cut, and whose writes fail, where a drill says so.

The files are real ones of this machine and show what a process would see, synced or not. Beside them the disk keeps
what had reached it when each was last synced, and every write since. A cut leaves that image and a random part of the
later writes, sector by sector, in place of the files. The store meets it through a file system (VFS) of SQLite itself,
which lies over the ordinary one: locks and shared memory are the ordinary ones.

Rule 1: after a cut nothing reaches the disk until it is powered on again, and nothing that is said then was said.
Rule 2: a write that fails changes nothing. Of what a failed sync was to bring to the disk a random part arrived, and no
later sync brings the rest, though the file shows it: so does Linux.
"""

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import apsw

from gateway import stores
from gateway.storage import sqlite as store

SECTOR_BYTES = 512
WRITE, SYNC, TRUNCATE = "write", "sync", "truncate"
"""Kinds of operation."""

Later = tuple[int, bytes] | int
"""A write since the last sync (where, what), or the length to which the file was cut."""

_names = itertools.count()


class Disk:
    """
    One disk, for every file that a store opens while ``mounted``; ``random`` chooses what survives a cut.

    ``cut_at`` is the number of the operation (``operations`` counts them) at which the power goes, before that
    operation does anything. ``fails`` is asked about every operation, by its kind, and says whether it fails with an
    I/O error. ``pragmas`` are settings that a connection gets after the store's own; a commit moves the journal into
    the file once it has ``journal_pages``.
    """

    def __init__(self, random: random.Random, *, journal_pages: int = 16_000, pragmas: Sequence[str] = ()) -> None:
        self._random = random
        self.journal_pages = journal_pages
        self.pragmas = pragmas
        self._synced: dict[Path, bytearray] = {}
        self._later: dict[Path, list[Later]] = {}
        self._removed: dict[Path, bytearray] = {}
        self.operations = 0
        self.cut_at: int | None = None
        self.off = False
        self.fails: Callable[[str], bool] = lambda kind: False
        self._vfs = _Vfs(self, f"disk-{next(_names)}")

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Let every store of this process lie on this disk, in one thread and without the read models of the desks."""
        # Those would read through the interpreter's own SQLite: in one process the two do not see each other's locks.
        with patch.object(store, "connect", self.connect), patch.object(stores, "SqliteInquiries", _NoInquiries):
            yield

    def connect(self, path: Path) -> "Connection":
        """Open a connection as ``gateway.storage.sqlite.connect`` does; raises ``sqlite3.Error``."""
        with named():
            db = Connection(str(path.absolute()), flags=apsw.SQLITE_OPEN_READWRITE, vfs=self._vfs.name)
            try:
                for pragma in (f"PRAGMA busy_timeout = {store.BUSY_TIMEOUT_MS}", *store.PRAGMAS, *self.pragmas):
                    db.execute(pragma).fetchall()
                db.set_wal_hook(self._keep_journal_short)
            except BaseException:
                db.close()
                raise
            return db

    def _keep_journal_short(self, db: apsw.Connection, name: str, pages: int) -> int:
        """Do as SQLite's own hook does: a checkpoint that fails does not make the commit before it fail."""
        # Of its own hook apsw would hand on the error that SQLite itself leaves aside.
        if pages >= self.journal_pages:
            with suppress(apsw.Error):
                db.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
        return apsw.SQLITE_OK

    def power_on(self) -> None:
        """Cut the power if that has not happened, and leave in the files what survived. Every store is closed."""
        share = self._random.random()
        for path, image in self._removed.items():
            if path not in self._synced and self._random.random() < share:
                self._synced[path] = image
        for path in self._later:
            if path not in self._synced and self._random.random() >= share:
                path.unlink(missing_ok=True)  # made since, and its name is not on the disk yet
            else:
                self._arrive(path, share)
        for path, image in self._synced.items():
            path.write_bytes(image)
            path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
        self._forget()

    def write_certain(self, database: Path, to: Path) -> None:
        """Write ``database`` and its journal to ``to`` as far as a cut now is certain to leave them."""
        for end in ("", "-wal"):
            if (image := self._synced.get(database.with_name(database.name + end))) is not None:
                to.with_name(to.name + end).write_bytes(image)

    def put(self, files: Mapping[Path, bytes]) -> None:
        """Power on with ``files`` and nothing else of what was there. Every store is closed."""
        for path in {*self._synced, *self._later}:
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
        self._synced = {path: bytearray(content) for path, content in files.items()}
        for path, content in files.items():
            path.write_bytes(content)
        self._forget()

    def _forget(self) -> None:
        self._later = {path: [] for path in self._synced}
        self._removed.clear()
        self.cut_at, self.off = None, False

    def _arrive(self, path: Path, share: float) -> None:
        """Let about ``share`` of what was written since the last sync be on the disk, and the rest never."""
        image = self._synced.setdefault(path, bytearray())
        for one in self._later[path]:
            self._survive(image, one, share)
        self._later[path] = []

    def _survive(self, image: bytearray, one: Later, share: float) -> None:
        if isinstance(one, int):
            if self._random.random() < share:
                del image[one:]
            return
        at, content = one
        for begin, end in sectors(at, len(content)):
            if self._random.random() < share:
                image.extend(bytes(max(0, end - len(image))))
                image[begin:end] = content[begin - at : end - at]

    # What the files of the VFS tell.

    def opened(self, path: Path, *, existed: bool) -> None:
        """Begin to keep ``path``; what is in it when it is first seen has long been on the disk."""
        if path not in self._later:
            self._later[path] = []
            self._removed.pop(path, None)
            if existed:
                self._synced[path] = bytearray(path.read_bytes())

    def operate(self, kind: str, path: Path) -> None:
        """Count one operation; raises an I/O error if the power is off, goes at it, or the hook lets it fail."""
        self.operations += 1
        self.off = self.off or self.operations == self.cut_at
        if self.off:
            raise apsw.exception_for(_FAILURES[kind])
        if self.fails(kind):
            if kind == SYNC:
                self._arrive(path, self._random.random())
            raise apsw.exception_for(_FAILURES[kind])

    def changed(self, path: Path, what: Later) -> None:
        """Keep a write or a cut in length that is not synced."""
        self._later[path].append(what)

    def synced(self, path: Path) -> None:
        """Let everything of ``path`` be on the disk."""
        self._arrive(path, 1.0)

    def removed(self, path: Path) -> None:
        """Keep what was removed: until the directory is synced it may come back."""
        self._later.pop(path, None)
        if (image := self._synced.pop(path, None)) is not None:
            self._removed[path] = image


def sectors(at: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield the parts (begin, end) of a write of ``length`` bytes at ``at`` that lie in one sector each."""
    begin = at
    while begin < at + length:
        end = min(at + length, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield begin, end
        begin = end


_FAILURES = {
    WRITE: apsw.SQLITE_IOERR_WRITE,
    SYNC: apsw.SQLITE_IOERR_FSYNC,
    TRUNCATE: apsw.SQLITE_IOERR_TRUNCATE,
}


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk, name: str) -> None:
        super().__init__(name, base="")
        self.name = name
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> "_File":
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        existed = path.exists()
        file = _File(self._disk, path, name, flags)
        self._disk.opened(path, existed=existed)
        return file

    def xDelete(self, name: str, syncdir: bool) -> None:
        self._disk.operate(TRUNCATE, Path(name))
        super().xDelete(name, syncdir)
        self._disk.removed(Path(name))

    def excepthook(self, kind: Any, value: Any, trace: Any) -> None:
        """Say nothing of an error that SQLite does not hand on: it fails on purpose."""


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, path: Path, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk, self._path = disk, path

    def xWrite(self, content: bytes, at: int) -> None:
        self._disk.operate(WRITE, self._path)
        super().xWrite(content, at)
        self._disk.changed(self._path, (at, bytes(content)))

    def xTruncate(self, length: int) -> None:
        self._disk.operate(TRUNCATE, self._path)
        super().xTruncate(length)
        self._disk.changed(self._path, length)

    def xSync(self, flags: int) -> None:
        self._disk.operate(SYNC, self._path)
        self._disk.synced(self._path)

    def excepthook(self, kind: Any, value: Any, trace: Any) -> None:
        """Say nothing, as above."""


class Connection(apsw.Connection):
    """What the store uses of ``sqlite3.Connection``, by the SQLite that can be given a file system."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Run ``statement`` up to its first row; raises what ``sqlite3`` would."""
        with named():
            return Cursor(self, super().execute(statement, values))

    def executemany(self, statement: str, rows: Any) -> Any:
        """Run ``statement`` once for each of ``rows``."""
        count, done = 0, None
        for row in rows:
            done = self.execute(statement, row)
            count += done.rowcount
        if done is not None:
            done.rowcount = count
        return done

    def close(self, force: bool = False) -> None:
        """Close; a journal that could not be moved into the file then is moved later, as with ``sqlite3``."""
        with suppress(apsw.IOError):
            super().close(force)


class Cursor:
    """What the store uses of ``sqlite3.Cursor``."""

    def __init__(self, db: apsw.Connection, rows: Any) -> None:
        self._rows = rows
        self.rowcount = db.changes()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows; one that cannot be read raises what ``sqlite3`` would."""
        return iter(self.fetchall())

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or ``None``."""
        with named():
            return self._rows.fetchone()

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        with named():
            return self._rows.fetchall()


_KINDS: dict[int, type[sqlite3.Error]] = {
    apsw.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
    apsw.SQLITE_MISMATCH: sqlite3.IntegrityError,
    apsw.SQLITE_CORRUPT: sqlite3.DatabaseError,
    apsw.SQLITE_NOTADB: sqlite3.DatabaseError,
    apsw.SQLITE_TOOBIG: sqlite3.DataError,
    apsw.SQLITE_MISUSE: sqlite3.InterfaceError,
    apsw.SQLITE_RANGE: sqlite3.InterfaceError,
}


@contextmanager
def named() -> Iterator[None]:
    """Turn an error of ``apsw`` into that of ``sqlite3``, with its code."""
    try:
        yield
    except apsw.Error as error:
        code = getattr(error, "extendedresult", 0) or getattr(error, "result", apsw.SQLITE_ERROR)
        made = _KINDS.get(code & 0xFF, sqlite3.OperationalError)(str(error))
        made.sqlite_errorcode = code
        made.sqlite_errorname = type(error).__name__
        raise made from error


class _NoInquiries:
    """Stands where the read models of the desks are: nobody asks them here."""

    @classmethod
    async def open(cls, path: Path) -> "_NoInquiries":
        return cls()

    async def close(self) -> None:
        """Do nothing: it holds nothing."""
