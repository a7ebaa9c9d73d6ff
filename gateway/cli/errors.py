"""
What an error means to the person at the terminal: an exit code, ``error:`` and ``hint:`` on standard error.

Rule 1: every exception that can come out of a verb is told here, and nowhere else; nobody sees a stack trace.
Rule 2: no line quotes a personal value, a key or a passphrase; the errors told here do not hold one.
Rule 3: with ``--json`` the same stands in one object on standard error, so that standard output stays data.
"""

import errno
import json
import sqlite3
import traceback
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, cast

import click

from gateway.cli.output import say, shown, styled, visible
from gateway.core.calendars import OutOfCalendar
from gateway.core.codes import PeerError
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.context import Forbidden, NoPartner, NotFound
from gateway.services.ports import BadValue, Changed, Conflict, GoneBack, Unavailable
from gateway.settings import BadConfiguration
from gateway.storage.errors import StoreError as DatabaseError
from gateway.storage.errors import is_passing
from keys.durable_file import Unconfirmed
from keys.errors import KeysError, SelfTestFailed, StoreError, WrongPassphrase
from keys.trust_policy import BadList
from schemas import SchemaError, UnknownName
from schemas.ijson import BadJson


class Exit(IntEnum):
    """The exit codes, the same for every verb (``docs/operations.md``); 70 is a fault of the program itself."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    REFUSED = 5
    INTEGRITY = 6
    FAULT = 70
    LATER = 75


class CommandError(Exception):
    """Something a verb itself found wrong: exit code, short code, one line, the next step, and more lines."""

    def __init__(self, exit: Exit, code: str, detail: str, hint: str = "", problems: tuple[Any, ...] = ()) -> None:
        super().__init__(detail)
        self.told = Told(exit, code, detail, hint, problems)


@dataclass(frozen=True, slots=True)
class Told:
    """One error as it is told; ``problems`` are lines, or findings with rule and reason."""

    exit: Exit
    code: str
    detail: str
    hint: str = ""
    problems: tuple[Any, ...] = ()


def report(error: BaseException, *, as_json: bool) -> int:
    """Print ``error`` on standard error and return the exit code."""
    told = describe(error)
    if as_json:
        value = {"code": told.code, "detail": told.detail, "hint": told.hint, "problems": list(told.problems)}
        say(visible(json.dumps({"error": value}, ensure_ascii=False)))
        return int(told.exit)
    say(f"{styled('error:', 'red', err=True)} {shown(told.detail)}")
    for problem in told.problems:
        say(f"  {shown(_line(problem))}")
    if told.hint:
        say(f"{styled('hint:', 'cyan', err=True)} {shown(told.hint)}")
    return int(told.exit)


def _line(problem: Any) -> str:
    if isinstance(problem, dict):
        return f"{problem['rule']}: {problem['because']}" + (f" ({problem['where']})" if problem["where"] else "")
    return str(problem)


def describe(error: BaseException) -> Told:
    """Return what ``error`` means."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return _of_command(error) or _of_case(error) or _of_keys(error) or _of_machine(error) or _fault(error)


def _of_command(error: BaseException) -> Told | None:
    match error:
        case CommandError():
            return error.told
        case click.exceptions.NoArgsIsHelpError():  # its message is the page of help
            names = ", ".join(cast("click.Group", error.ctx.command).list_commands(error.ctx))
            text = f"a command is missing; there are: {names}"
            return Told(Exit.USAGE, "usage", text, f"{error.ctx.command_path} --help")
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "isthmus"
            dash = (
                "; an id that begins with a dash comes last, after --" if isinstance(error, click.NoSuchOption) else ""
            )
            # The library sets the values to choose from on lines of their own.
            text = " ".join(error.format_message().split())
            return Told(Exit.USAGE, "usage", text, f"{path} --help{dash}")
        case click.exceptions.Abort():
            # It may come after the last step as well as before the first.
            hint = "look at what is on record before you repeat it"
            return Told(Exit.LATER, "stopped", "stopped; what was done by then stands", hint)
        case click.ClickException():
            return Told(Exit.USAGE, "usage", error.format_message(), "check what was given; isthmus --help")
        case BadConfiguration():
            count = len(error.problems)
            text = f"the configuration has {count} problem{'s' if count > 1 else ''}"
            return Told(Exit.CONFIGURATION, "configuration", text, error.hint, tuple(error.problems))
    return None


def _of_case(error: BaseException) -> Told | None:
    match error:
        case RuleRefused():
            found = tuple(asdict(finding) for finding in error.findings)
            hint = (
                "mend what each rule names, then try again" if found else "the desk in charge of the case knows which"
            )
            return Told(Exit.REFUSED, "rule-refused", "a rule refuses", hint, found)
        case IllegalStep():
            return Told(Exit.REFUSED, "illegal-step", str(error), "isthmus case show REF lists the steps that are open")
        case Forbidden():
            return Told(Exit.REFUSED, "forbidden", str(error), error.hint)
        case NoPartner():
            return Told(Exit.USAGE, "not-found", str(error), "isthmus trust status lists the partners")
        case NotFound():
            return Told(Exit.USAGE, "not-found", str(error), "isthmus case list")
        case SchemaError():
            places = tuple(f"{problem.pointer or '/'}: {problem.text}" for problem in error.problems)
            hint = "set right what each line names, then try again"
            return Told(Exit.USAGE, "schema", "the input does not fit its schema", hint, places)
        case BadValue():
            return Told(Exit.USAGE, "bad-value", f"in what was given {error}", "type it anew, at a terminal in UTF-8")
        case BadJson():
            hint = "see that it is the right file, whole, and JSON in UTF-8"
            return Told(Exit.USAGE, "bad-json", f"the input is not strict JSON: {error.reason}", hint)
        case UnknownName() | OutOfCalendar():
            return Told(Exit.USAGE, "unknown", str(error.args[0]), "isthmus agreements list")
    return None


def _of_keys(error: BaseException) -> Told | None:
    match error:
        case WrongPassphrase():
            return Told(Exit.INTEGRITY, "wrong-passphrase", str(error), error.hint)
        case StoreError():
            return Told(_of_cause(error), "key-store", str(error), error.hint)
        case SelfTestFailed():
            text = f"a primitive does not give its published answer: {error}"
            return Told(Exit.INTEGRITY, "integrity", text, "install the pinned packages anew; use nothing here before")
        case BadList():
            hint = "see what the list holds (isthmus trust show FOLDER), and that what was given is right, and whole"
            return Told(Exit.INTEGRITY, "integrity", str(error), hint)
        case KeysError():
            hint = "see that it is the right file, whole as it was handed over; if it is, ask whoever made it"
            return Told(Exit.INTEGRITY, "integrity", str(error) or type(error).__name__, hint)
        case PeerError():
            return Told(
                Exit.INTEGRITY, "trust", str(error), "compare the fingerprint by another way than the card came"
            )
    return None


def _of_machine(error: BaseException) -> Told | None:
    match error:
        case DatabaseError():
            return Told(_of_cause(error), "database", str(error), error.hint)
        case GoneBack():
            return Told(Exit.LATER, "gone-back", str(error), error.hint)
        case Unavailable():
            return Told(Exit.LATER, "later", str(error), error.hint)
        case ModuleNotFoundError(name="asyncpg"):
            text = "the library for PostgreSQL is not installed"
            return Told(Exit.CONFIGURATION, "postgres-library", text, "install the extra: requirements/postgres.txt")
        case Changed():
            hint = "isthmus case show REF prints the mark of what is on record now; look at it before you repeat this"
            return Told(Exit.REFUSED, "changed", "the case is not what was seen of it any more", hint)
        case Conflict():
            return Told(Exit.LATER, "conflict", "the case changed meanwhile", "read it again, then try again")
        case Unconfirmed():
            hint = "see what is wrong with the disk, then whether the file is there still; a power cut may take it back"
            return Told(Exit.LATER, "unconfirmed", f"{error.filename}: {error.strerror}", hint)
        case OSError():
            return _of_system(error)
    return None


def _of_cause(error: BaseException) -> Exit:
    """Return the exit code for a store that cannot be opened or changed, by what the system or SQLite said of it."""
    match error.__cause__:
        case sqlite3.OperationalError() as cause:
            return Exit.LATER if is_passing(cause) else Exit.CONFIGURATION
        case sqlite3.DatabaseError():
            return Exit.INTEGRITY
        case Unconfirmed() | BlockingIOError():
            return Exit.LATER
        case OSError() as cause:
            return Exit.LATER if cause.errno in (errno.ENOSPC, errno.EDQUOT) else Exit.CONFIGURATION
    return Exit.CONFIGURATION


_SYSTEM: dict[int, tuple[Exit, str]] = {
    errno.EADDRINUSE: (Exit.CONFIGURATION, "choose another port under [listeners], or end the process that has it"),
    errno.EADDRNOTAVAIL: (Exit.CONFIGURATION, "name an address of this machine under [listeners]"),
    errno.EACCES: (Exit.CONFIGURATION, "check owner and mode; ports below 1024 need a right of their own"),
    errno.ENOSPC: (Exit.LATER, "free space, but not in the data directory; then try again"),
    errno.EDQUOT: (Exit.LATER, "free space, but not in the data directory; then try again"),
    errno.EFBIG: (Exit.CONFIGURATION, "raise the limit of a file: ulimit -f, or LimitFSIZE of the unit"),
    errno.EMFILE: (Exit.CONFIGURATION, "raise the limit of open files: ulimit -n, or LimitNOFILE of the unit"),
    errno.EROFS: (Exit.CONFIGURATION, "the file system is mounted read-only"),
    errno.ENOENT: (Exit.USAGE, "check the path"),
    errno.ENAMETOOLONG: (Exit.USAGE, "check the path: a name in it is too long"),
    errno.EISDIR: (Exit.USAGE, "check the path: that is a folder"),
    errno.ENOTDIR: (Exit.USAGE, "check the path: a part of it is no folder"),
    errno.EEXIST: (Exit.USAGE, "take another path; nothing is overwritten"),
}


def _of_system(error: OSError) -> Told:
    exit, hint = _SYSTEM.get(error.errno or 0, (Exit.CONFIGURATION, "check path, owner and mode"))
    if isinstance(error, FileExistsError):
        exit, hint = _SYSTEM[errno.EEXIST]
    if error.errno == errno.EACCES and error.filename:
        hint = "check owner, mode and mount"
    place = f"{error.filename}: " if error.filename else ""
    return Told(exit, "system", f"{place}{error.strerror or error}", hint)


def _fault(error: BaseException) -> Told:
    """Tell a fault of the program itself by its kind and place, never by its text, which may quote anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    place = f" at {Path(frame.filename).name}:{frame.lineno}" if frame else ""
    text = f"a fault of the program: {type(error).__name__}{place}"
    return Told(Exit.FAULT, "fault", text, "nothing more was done; report this line")
