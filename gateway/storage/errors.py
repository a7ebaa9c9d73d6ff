"""What can be wrong with a store, apart from what every caller must expect (``Unavailable`` and ``Conflict``)."""

import sqlite3
from pathlib import Path

from gateway.services.ports import Conflict, Unavailable


class StoreError(Exception):
    """
    Say in one line why a store cannot be opened.

    ``hint`` is the next step for an operator, in one line.
    """

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


def of_desks(path: Path, text: str, hint: str) -> StoreError:
    """Return what to say of the desks' file: nothing is in it of what is restored and then numbered anew."""
    instead = "put the desks' file back from its backup, or move it away and invite everybody anew"
    return StoreError(f"{path}: {text}", hint.replace(RESTORE, instead))


class BrokenUnit(Exception):
    """Say that a unit of work broke a rule of the store: it suspended, wrote while reading, or stored a bad row."""


# SPEC: SQLite result codes, https://www.sqlite.org/rescode.html; the low byte is the primary code.
_FULL = ("the disk of the store is full", "free space, but not in the data directory; the gateway goes on by itself")
EMPTY = "the file is empty"
RESTORE = "restore the last backup, then isthmus restore begin-epoch"
DAMAGED = ("the store is damaged", f"stop the gateway and {RESTORE}")
_REASONS = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # no room for the file that its readers share
    sqlite3.SQLITE_IOERR: ("the disk of the store reported an I/O error", "check the disk and the system log"),
    sqlite3.SQLITE_BUSY: ("another process holds the store", "end the other process, or try again later"),
    sqlite3.SQLITE_LOCKED: ("the store is locked", "try again later"),
    sqlite3.SQLITE_READONLY: ("the store cannot be written", "check owner, mode and mount of the data directory"),
    sqlite3.SQLITE_PERM: ("the store may not be opened", "check owner and mode of the data directory"),
    sqlite3.SQLITE_CANTOPEN: ("the store cannot be opened", "check owner and mode of it and of the data directory"),
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: (
        "the file is not a store",
        f"check data_dir in the configuration, or {RESTORE}",
    ),
    sqlite3.SQLITE_NOMEM: ("there is not enough memory for the store", "free memory"),
}


def reason(error: sqlite3.Error) -> tuple[str, str]:
    """Return what went wrong and the next step, for an error of SQLite, without quoting any value."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    other = (f"the store failed: {error}", "see the log for the cause")
    return _REASONS.get(code) or _REASONS.get(code & 0xFF, other)


_PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_passing(error: sqlite3.Error) -> bool:
    """Return whether the same may be done again later: there was no room, or another process had the store."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code in _PASSING or code & 0xFF in _PASSING


def unavailable(error: sqlite3.Error) -> Unavailable:
    """Translate an error of SQLite at the edge."""
    text, hint = reason(error)
    made = Unavailable(text, hint)
    made.__cause__ = error
    return made


_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def of_unit(error: sqlite3.Error) -> Conflict | BrokenUnit | None:
    """Translate an error that is the unit's own doing; ``None`` for one that concerns the whole store."""
    if isinstance(error, sqlite3.IntegrityError):
        if error.sqlite_errorcode in _TAKEN:
            return Conflict(f"a row with the same key exists ({error})")
        return BrokenUnit(f"a row breaks a rule of the store ({error})")
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return BrokenUnit(f"a value cannot be stored ({error})")
    return None
