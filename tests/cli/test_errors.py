"""What an error means at the terminal."""

import ast
import errno
import json
import re
import sqlite3
from pathlib import Path

import click
import pytest

from gateway.cli import errors
from gateway.cli.errors import CommandError, Exit, describe, report
from gateway.core.facts import Finding
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.context import Forbidden, NoPartner, NotFound
from gateway.services.ports import Changed, Conflict, GoneBack, Unavailable
from gateway.settings import BadConfiguration
from gateway.storage.errors import StoreError as DatabaseError
from keys.durable_file import Unconfirmed
from keys.errors import BadRest, BadStore, CardRefused, SelfTestFailed, WrongPassphrase
from schemas import Problem, SchemaError
from schemas.ijson import BadJson
from tests.support.rows import for_each


def _of(error: Exception, cause: Exception) -> Exception:
    """Return ``error`` as it is raised from ``cause``."""
    error.__cause__ = cause
    return error


def _sqlite(code: int) -> sqlite3.OperationalError:
    """Return the error that SQLite gives with ``code``."""
    error = sqlite3.OperationalError("as it says")
    error.sqlite_errorcode = code
    return error


CASES = {
    "usage": (click.UsageError("no such option"), Exit.USAGE, "usage"),
    "command": (CommandError(Exit.UNREACHABLE, "reach", "nobody answers"), Exit.UNREACHABLE, "reach"),
    "configuration": (BadConfiguration(["/zone: none", "/country: none"]), Exit.CONFIGURATION, "configuration"),
    "rule": (RuleRefused((Finding("R-01", "not attested", "asylum"),)), Exit.REFUSED, "rule-refused"),
    "step": (IllegalStep("DRAFT", "send", "case_officer"), Exit.REFUSED, "illegal-step"),
    "forbidden": (Forbidden("not yours"), Exit.REFUSED, "forbidden"),
    "not found": (NotFound("no such case"), Exit.USAGE, "not-found"),
    "schema": (SchemaError("case-draft", (Problem("/to", "pattern", "is no country"),)), Exit.USAGE, "schema"),
    "json": (BadJson("two members of one name"), Exit.USAGE, "bad-json"),
    "passphrase": (WrongPassphrase("does not open", "try again"), Exit.INTEGRITY, "wrong-passphrase"),
    "key store": (BadStore("not private", "chmod 600"), Exit.CONFIGURATION, "key-store"),
    "card": (CardRefused("bad-signature", "no"), Exit.INTEGRITY, "integrity"),
    "rest": (BadRest("does not open"), Exit.INTEGRITY, "integrity"),
    "self-test": (SelfTestFailed("Ed25519"), Exit.INTEGRITY, "integrity"),
    "database": (DatabaseError("no such file", "isthmus init"), Exit.CONFIGURATION, "database"),
    "damaged": (_of(DatabaseError("a", "b"), sqlite3.DatabaseError("malformed")), Exit.INTEGRITY, "database"),
    **{
        f"database, {code}": (_of(DatabaseError("a", "b"), _sqlite(code)), exit, "database")
        for code, exit in (
            (sqlite3.SQLITE_FULL, Exit.LATER),
            (sqlite3.SQLITE_IOERR_SHMSIZE, Exit.LATER),
            (sqlite3.SQLITE_BUSY_RECOVERY, Exit.LATER),
            (sqlite3.SQLITE_IOERR_READ, Exit.CONFIGURATION),
            (sqlite3.SQLITE_CANTOPEN, Exit.CONFIGURATION),
        )
    },
    **{
        f"key store, {cause}": (_of(BadStore("a", "b"), cause), exit, "key-store")
        for cause, exit in (
            (OSError(errno.ENOSPC, "full"), Exit.LATER),
            (OSError(errno.EDQUOT, "full"), Exit.LATER),
            (BlockingIOError(errno.EAGAIN, "another"), Exit.LATER),
            (Unconfirmed(errno.EIO, "a disk"), Exit.LATER),
            (PermissionError(errno.EACCES, "others"), Exit.CONFIGURATION),
        )
    },
    "changed": (Changed("seen"), Exit.REFUSED, "changed"),
    "no partner": (NoPartner("XCC"), Exit.USAGE, "not-found"),
    "gone back": (GoneBack("an older state", "isthmus restore"), Exit.LATER, "gone-back"),
    "later": (Unavailable("the disk is full", "free space"), Exit.LATER, "later"),
    "conflict": (Conflict("version"), Exit.LATER, "conflict"),
    "port": (OSError(errno.EADDRINUSE, "Address already in use"), Exit.CONFIGURATION, "system"),
    "disk": (OSError(errno.ENOSPC, "No space left on device"), Exit.LATER, "system"),
    "folder": (IsADirectoryError(errno.EISDIR, "Is a directory"), Exit.USAGE, "system"),
    "no folder": (NotADirectoryError(errno.ENOTDIR, "Not a directory"), Exit.USAGE, "system"),
    "exists": (FileExistsError("exists"), Exit.USAGE, "system"),
    "size of a file": (OSError(errno.EFBIG, "File too large"), Exit.CONFIGURATION, "system"),
    "open files": (OSError(errno.EMFILE, "Too many open files"), Exit.CONFIGURATION, "system"),
    "long name": (OSError(errno.ENAMETOOLONG, "File name too long"), Exit.USAGE, "system"),
    "group": (ExceptionGroup("g", [ExceptionGroup("h", [Conflict("v")])]), Exit.LATER, "conflict"),
    "fault": (KeyError("a secret value"), Exit.FAULT, "fault"),
}


@for_each("name", CASES)
def test_each_error_has_its_exit_code(name: str) -> None:
    """Every kind of error leads to the exit code and the short code of its kind."""
    error, exit, code = CASES[name]
    told = describe(error)
    assert (exit, code) == (told.exit, told.code)


def test_each_error_has_a_next_step() -> None:
    """Whoever reads what went wrong, at night and alone, reads what to do next; so too of what a verb itself says."""
    assert [] == [name for name, (error, *_) in CASES.items() if name != "command" and not describe(error).hint]
    said = [
        (path.name, call.lineno, len(call.args), {one.arg for one in call.keywords})
        for path in Path(errors.__file__).parent.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "CommandError"
    ]
    assert len(said) > 60
    assert [] == [(name, line) for name, line, count, named in said if count < 4 and "hint" not in named]


@for_each("name", ["size of a file", "open files", "long name"])
def test_what_owner_and_mode_do_not_mend_leads_elsewhere(name: str) -> None:
    """Who runs against a limit is not sent to look at the mode of a file."""
    assert "mode" not in describe(CASES[name][0]).hint


def test_a_stop_says_that_something_may_be_done() -> None:
    """Ctrl-C may come after the last step, too: nobody is told that nothing was done."""
    told = describe(click.exceptions.Abort())
    assert (Exit.LATER, False, True) == (told.exit, "before it was done" in told.detail, "on record" in told.hint)


def test_an_error_is_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A person sees ``error:`` and ``hint:`` on standard error and nothing on standard output."""
    code = report(Unavailable("the disk is full", "free space"), as_json=False)
    assert (75, ("", "error: the disk is full\nhint: free space\n")) == (code, capsys.readouterr())


def test_what_an_option_may_be_stands_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The library sets each value on a line of its own, with a tab, which no terminal is given."""
    option = click.Option(["--reason"], type=click.Choice(["ARCHIVE_SEARCH", "TRANSLATION"]), required=True)
    report(click.MissingParameter(param=option), as_json=False)
    first = capsys.readouterr().err.splitlines()[0]
    assert "error: Missing option '--reason'. Choose from: ARCHIVE_SEARCH, TRANSLATION" == first


def test_all_problems_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """A bad configuration is told with every problem."""
    report(BadConfiguration(["/zone: one", "/country: two"]), as_json=False)
    assert ["  /zone: one", "  /country: two"] == capsys.readouterr().err.splitlines()[1:3]


def test_json_names_rule_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json`` the error is one object on standard error."""
    report(RuleRefused((Finding("R-01", "not attested", "asylum"),)), as_json=True)
    told = json.loads(capsys.readouterr().err)["error"]
    assert {"code", "detail", "hint", "problems"} == set(told)
    assert [{"rule": "R-01", "because": "not attested", "where": "asylum"}] == told["problems"]


def test_a_fault_quotes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A fault of the program is told by kind and place, without its text and without a stack trace."""
    try:
        raise KeyError("a secret value")
    except KeyError as error:
        report(error, as_json=False)
    told = capsys.readouterr().err
    assert "KeyError at test_errors.py:" in told
    assert "secret" not in told
    assert "Traceback" not in told


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """An escape sequence in a text is shown as question marks."""
    report(CommandError(Exit.USAGE, "x", "a\x1b[31mb\u202e"), as_json=False)
    assert "error: a?[31mb?\n" == capsys.readouterr().err


def test_exit_codes_are_those_of_the_handbook() -> None:
    """Every exit code stands in ``docs/operations.md``, but for a fault of the program."""
    text = (errors.Path(__file__).parents[2] / "docs/operations.md").read_text()
    assert [] == [code for code in Exit if code is not Exit.FAULT and f"| {int(code)} |" not in text]


def test_who_is_told_to_restore_a_backup_is_told_what_comes_after() -> None:
    """A database that is put back and served gives its numbers a second time; each hint says how that is kept from."""
    folder = Path(errors.__file__).parents[1]
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))
    said = re.findall(r"restore the last backup.{0,26}", re.sub(r'"\s+f?"', "", source))
    assert {"restore the last backup, then isthmus restore"} == {one[:45] for one in said}
