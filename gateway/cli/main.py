"""
The command ``isthmus``: which verbs there are, and where each of them is.

Rule 1: a verb is imported when it is called, so that ``--version`` and ``--help`` cost nothing.
Rule 2: whatever a verb raises becomes an exit code and two lines in ``gateway.cli.errors``; nobody sees a stack trace.
Rule 3: whoever stops reading what is printed, as ``head`` does, is told nothing: the command ends as one that SIGPIPE
ended. The signal itself stays off, for a gateway writes to sockets whose other ends go away.
"""

import os
import resource
import select
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NamedTuple

import click

from gateway import __version__


class Place(NamedTuple):
    """Where a verb is: ``module:attribute``, and what ``isthmus --help`` says of it."""

    target: str
    text: str


VERBS: Mapping[str, Place] = {
    "demo": Place("gateway.cli.demo:demo", "Two invented States on this machine: the whole story."),
    "init": Place("gateway.cli.init:init", "Make a gateway's home: configuration, keys, card, database."),
    "check": Place("gateway.cli.check:check", "Look at everything at once and name the next step for each finding."),
    "serve": Place("gateway.cli.serve:serve", "Run the gateway until it is stopped."),
    "keys": Place("gateway.cli.keys:keys", "Make, show, rotate, revoke, destroy and export keys; issue the next card."),
    "compromise": Place("gateway.cli.compromise:compromise", "After a theft: stop, revoke, replace, meet again."),
    "trust": Place("gateway.cli.trust:trust", "Keep the list of whose key is whose; hold or confirm a State."),
    "partner": Place("gateway.cli.partner:partner", "Add a partner State; list those not to be contacted."),
    "person": Place("gateway.cli.person:person", "Add a person who may act here, let in at a desk, shut out."),
    "preview": Place("gateway.cli.preview:preview", "Show what would leave, what is withheld, and by which rule."),
    "redact": Place("gateway.cli.redact:redact", "Take out of notes what identifies somebody."),
    "case": Place("gateway.cli.case:case", "Open, approve, send, answer, stop and close cases."),
    "interview": Place("gateway.cli.interview:interview", "Propose an interview, agree or say no, tell its result."),
    "data": Place("gateway.cli.data:data", "Ask what became of data, correct it, have it destroyed, and answer."),
    "directory": Place("gateway.cli.directory:directory", "Who is competent where; announce our own authorities."),
    "information": Place("gateway.cli.information:information", "Documents, means and routes, without persons."),
    "return": Place("gateway.cli.return_:return_", "Consider, propose, accept and carry out a return; stop it."),
    "form": Place("gateway.cli.form:form", "Sealed messages on paper, for a partner whose line is down."),
    "overdue": Place("gateway.cli.overdue:overdue", "List what is late, by partner; no identity is shown."),
    "escalate": Place("gateway.cli.escalate:escalate", "Press for an answer, level by level, or stop the pressing."),
    "note-verbale": Place("gateway.cli.note_verbale:note_verbale", "Write the note verbale; no identity is in it."),
    "agreements": Place("gateway.cli.agreements:agreements", "List agreements, explain a deadline, export a calendar."),
    "access": Place("gateway.cli.access:access", "What was sent about a person, to whom, when and why."),
    "evidence": Place("gateway.cli.evidence:evidence", "Export what proves a case, and verify such a file offline."),
    "log": Place("gateway.cli.log:log", "Audit the logs, keep checkpoints, see what contradicts."),
    "stats": Place("gateway.cli.stats:stats", "Count cases and waiting messages; release tables of figures."),
    "store": Place("gateway.cli.store:store", "Move a gateway from SQLite to PostgreSQL, or back."),
    "restore": Place("gateway.cli.restore:restore", "Begin a new epoch after a database was restored."),
    "benchmark": Place("gateway.cli.benchmark:benchmark", "Measure this machine beside the bare primitives."),
}
"""Every verb, in the order of ``isthmus --help``."""


CUT_SHORT = """
error: stopped; what was done by then stands
hint: look at what is on record before you repeat it"""
"""What is said where Ctrl-C came in the middle of an import: Python cannot begin that again, and nothing more loads."""

LATER = 75
"""Exit code of what was stopped, as ``gateway.cli.errors`` has it."""

UNREAD = 128 + 13
"""Exit code where nobody reads standard output any more: what a shell says of a program that SIGPIPE ended."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for, and whose errors are told in one way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command ``cmd_name``, or ``None`` if there is no such verb."""
        place = VERBS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.text) for name, place in VERBS.items()])

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run, and exit with the code of what happened."""
        given = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a name that a terminal cannot show ends nothing half way
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(given, *rest, **{**extra, "standalone_mode": False})
        except _Broken as broken:
            code = UNREAD if _is_unread(1) else _told(broken.__cause__ or broken, given)
        except Exception as error:
            code = _told(error, given)
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments, which may print help."""
        with _broken_pipes():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        with _broken_pipes():
            return super().invoke(ctx)


class _Broken(Exception):
    """Carries a ``BrokenPipeError`` past the library, which would end with 1 at any of them and say nothing."""


@contextmanager
def _broken_pipes() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _Broken from error


def _told(error: BaseException, given: list[str]) -> int:
    """Tell of ``error`` on standard error, if somebody reads that, and return the exit code."""
    try:
        errors = import_module("gateway.cli.errors")
    except Exception:
        if not isinstance(error, click.exceptions.Abort):
            raise
        click.echo(CUT_SHORT, err=True)
        return LATER
    try:
        return int(errors.report(error, as_json="--json" in given))
    except OSError as failed:  # nobody reads it, or the disk that it goes to is full: the code is left to say
        if isinstance(failed, BrokenPipeError) and not _is_unread(2):
            raise
        return int(errors.describe(error).exit)


def _is_unread(descriptor: int) -> bool:
    """Return whether nobody reads ``descriptor`` any more; what is left in its buffer then goes nowhere, in silence."""
    poll = select.poll()
    poll.register(descriptor, 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return True


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="isthmus", message="%(prog)s %(version)s")
def cli() -> None:
    """
    Confirm nationalities between States, and prove it.

    Data goes to standard output, talk to standard error; every verb takes --json. Exit codes: 0 done, 1 findings,
    2 usage, 3 configuration, 4 partner unreachable, 5 a rule refused, 6 integrity or signature, 70 a fault of the
    program, 75 try later, 141 nobody reads what is printed any more.
    """


def main() -> None:
    """Run the command line; the entry point of the installed program. A crash leaves no core, which holds names."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    cli(prog_name="isthmus")


if __name__ == "__main__":
    main()
