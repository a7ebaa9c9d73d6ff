"""The command as a whole: what it costs to start, and that every verb is there and speaks JSON."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from gateway import __version__
from gateway.cli.main import CUT_SHORT, VERBS, LazyGroup, cli
from tests.cli.support import ENVIRON, ROOT, Homes, call, spawn


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_the_version_loads_nothing_heavy() -> None:
    """Asking for the version imports neither HTTP, nor cryptography, nor schemas."""
    heavy = "aiohttp", "cryptography", "jsonschema", "jsonschema_rs", "nacl"
    code = f"import sys, gateway.cli.main; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert "[]\n" == done.stdout


def test_who_stops_a_command_while_it_loads_sees_no_stack_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the middle of an import leaves half a library behind, with which nothing more can be loaded."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "get_command", interrupted)
    monkeypatch.setitem(sys.modules, "gateway.cli.errors", None)
    with pytest.raises(SystemExit) as ended:
        cli.main(["check"])
    assert (75, CUT_SHORT.split()) == (ended.value.code, capsys.readouterr().err.split())


def test_the_version_is_printed() -> None:
    """``--version`` prints name and version and exits 0."""
    done = spawn("--version")
    assert (0, f"isthmus {__version__}\n", "") == (done.returncode, done.stdout, done.stderr)


def test_help_names_every_verb() -> None:
    """``--help`` lists all verbs without importing them."""
    text = call("--help").stdout
    assert [] == [name for name in VERBS if name not in text]


def test_help_of_a_group_tells_its_verbs_apart() -> None:
    """Each has its whole sentence: cut short, to confirm that a State is barred and that it no longer is read alike."""
    groups = {name: cli.get_command(click.Context(cli), name) for name in VERBS}
    for name, group in groups.items():
        if isinstance(group, click.Group):
            text = " ".join(call(name, "--help").stdout.partition("Commands:")[2].split())
            said = [verb.get_short_help_str(1000) for verb in group.commands.values()]
            assert [] == [one for one in said if one not in text]
            assert len(said) == len(set(said))


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_there(name: str) -> None:
    """Each verb of the table can be imported and explains itself."""
    result = call(name, "--help")
    assert (0, "") == (result.exit_code, result.stderr)


@pytest.mark.parametrize(("given", "first"), [((), "demo, init"), (("log",), "audit, checkpoints")])
def test_a_group_without_a_command_names_its_commands(given: tuple[str, ...], first: str) -> None:
    """Who stops too early reads on one line what may follow, and not a page of help broken into one."""
    result = call(*given)
    text, hint = result.stderr.splitlines()
    assert (2, True) == (result.exit_code, text.startswith(f"error: a command is missing; there are: {first}, "))
    assert [*given, "--help"] == hint.split()[2:]


def test_every_command_speaks_json() -> None:
    """Each command has ``--json`` and a help text."""
    found = list(commands(cli, "isthmus"))
    without = [path for path, command in found if "--json" not in [o for p in command.params for o in p.opts]]
    assert ([], []) == (without, [path for path, command in found if not command.help])


def test_an_unknown_verb_is_a_usage_error() -> None:
    """A verb that is none exits 2 with one line and a next step, and prints no data."""
    done = spawn("frobnicate")
    assert (2, "") == (done.returncode, done.stdout)
    assert ["error: No such command 'frobnicate'.", "hint: isthmus --help"] == done.stderr.splitlines()


def unread(*args: Any, both: bool = False) -> "subprocess.CompletedProcess[bytes]":
    """Run the program with a standard output, or both, that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli.main", *map(str, args)],
            cwd=ROOT,
            input=b'{"id":1,"text":"x"}\n' * 3,
            stdout=writer,
            stderr=writer if both else subprocess.PIPE,
            env={**os.environ, **ENVIRON},
            timeout=110,
            check=False,
        )
    finally:
        os.close(writer)


UNREAD = (
    ("--version",),
    ("--help",),
    ("case", "--help"),
    ("check", "--example"),
    ("agreements", "list"),
    ("agreements", "list", "--json"),
    ("redact",),
)


@pytest.mark.parametrize("command", UNREAD, ids=" ".join)
def test_who_stops_reading_ends_the_command_in_silence(command: tuple[str, ...]) -> None:
    """As other programs of Unix: the status of one that SIGPIPE ended, and no word of it."""
    done = unread(*command)
    assert (141, b"") == (done.returncode, done.stderr)


def test_an_error_that_nobody_reads_has_its_status_still() -> None:
    """Standard error is closed too: the exit code is what is left to say."""
    assert 2 == unread("case", "show", both=True).returncode
    assert 3 == unread("check", "-C", "/nonexistent", "--json", both=True).returncode


def test_an_error_that_a_full_disk_does_not_take_has_its_status_still() -> None:
    """Standard error goes into a file on a full disk: no crash, whose status would say that a check found something."""
    command = [sys.executable, "-m", "gateway.cli.main", "overdue", "-C", "/nonexistent"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=ROOT, stderr=full, env={**os.environ, **ENVIRON}, timeout=110, check=False)
    assert 3 == done.returncode


def test_a_pipe_that_broke_elsewhere_is_told_of(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output is read: it was another end that went away, and that is an error with a line."""

    def broken() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(SystemExit) as ended:
        LazyGroup("isthmus", callback=broken, invoke_without_command=True).main([])
    assert (3, True) == (ended.value.code, "Broken pipe" in capfd.readouterr().err)


@pytest.mark.parametrize(
    "command",
    [
        ("evidence", "export", "none", "--as", "first", "--role", "dpo", "--why", "asked", "-o"),
        ("note-verbale", "XBB", "--as", "board", "--pdf"),
        ("compromise", "--since", "2026-01-01T00:00:00Z", "--report"),
    ],
    ids=lambda command: command[0],
)
def test_a_folder_that_is_not_there_is_told_before_anything_is_done(homes: Homes, command: tuple[str, ...]) -> None:
    """A disclosure would be recorded, a note numbered, or a gateway stopped, and no file be written then."""
    place = homes.root / "none" / "file"
    done = call(*command, place, "-C", homes.home("XAA"), ISTHMUS_PASSPHRASE="not the right one")
    assert (2, True) == (done.exit_code, f"{place.parent}: there is no such folder" in done.stderr)
