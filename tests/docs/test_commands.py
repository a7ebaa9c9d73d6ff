"""The commands that the documents name are those of the program: each verb, each option, and no argument too many."""

import re
from pathlib import Path

import click

from conformance.cli import main as suite
from gateway.cli.main import cli
from tests.support.rows import for_each

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROGRAMS = {"isthmus": cli, "isthmus-conformance": suite}
CALL = re.compile(r"(?:\.venv/bin/)?(isthmus(?:-conformance)?) (.+)")
SPAN = re.compile(r"`([^`]+)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
HELP = {"--help", "--version"}
MODULE = re.compile(r"python -m ((?:benchmarks|conformance|drills|tools)\.[a-z_.]+)([^`#\n]*)")


def calls(page: Path) -> list[str]:
    """Return every call of a command in the page: in a span of code, or on an indented line."""
    text = page.read_text(encoding="utf-8")
    spans = [" ".join(span.split()) for span in SPAN.findall(text)]
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return [found[0] for one in (*spans, *lines) if (found := CALL.match(one))]


def fault(call: str) -> str | None:
    """Return what of the call the program does not take, or ``None``."""
    found = CALL.match(call)
    assert found is not None
    # What stands behind two spaces on a line of its own, or behind a hash, is said about the command.
    said = re.split(r" {2,}| #", found[2])[0]
    command: click.Command = PROGRAMS[found[1]]
    context = click.Context(command)
    words = said.split()
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        below = command.get_command(context, words[0])
        if below is None:
            return words[0]
        command = below
        words.pop(0)
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | HELP
    unknown = next((option for option in OPTION.findall(" ".join(words)) if option not in known), None)
    if unknown or isinstance(command, click.Group):
        return unknown
    given, room = arguments(command, " ".join(words))
    if room is not None and len(given) > room:
        return given[room]
    # Dots, or a line that goes on, say that more is to be given; a verb without its arguments is only named.
    named = given and not {"...", "\\"} & set(words)
    always = (one for one in command.params if isinstance(one, click.Option) and one.required and named)
    return next((one.opts[0] for one in always if not {*one.opts} & set(words)), None)


def arguments(command: click.Command, said: str) -> tuple[list[str], int | None]:
    """Return the arguments in ``said``, and how many the command has room for; ``None`` if that has no end."""
    # What may be left out stands in brackets, and behind these signs the shell goes on.
    words = re.sub(r'"[^"]*"', "X", re.split(r"(?:^| )(?:\[|[<>|\\](?: |$))", said)[0]).split()
    takes = {name for one in command.params if isinstance(one, click.Option) and not one.is_flag for name in one.opts}
    given = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if before not in takes and not re.match(r"-|\.\.\.", word)
    ]
    room = [one.nargs for one in command.params if isinstance(one, click.Argument)]
    return given, None if -1 in room else sum(room)


@for_each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_the_programs(page: Path) -> None:
    """Every command in a document is one, and takes the options and arguments that stand beside it."""
    assert {} == {call: wrong for call in calls(page) if (wrong := fault(call))}


def test_an_option_that_is_always_taken_is_looked_for() -> None:
    """A command that can be typed as it stands runs: who acts is named in it."""
    assert [None, "--as", None] == [
        fault(f"isthmus return suspend {said}") for said in ("REF --reason - --as PERSON", "REF --reason -", "REF ...")
    ]


def test_an_argument_too_many_is_found() -> None:
    """Three years are one too many for a command that takes the first and the last."""
    assert "2028" == fault("isthmus agreements calendar FRA 2026 2027 2028 --id FRA-2027 --zone Europe/Paris > FILE")


def module_faults(page: Path) -> list[str]:
    """Return each module of ours that the page has run and that is not there, and each option its source lacks."""
    found = []
    for name, said in MODULE.findall(page.read_text(encoding="utf-8")):
        path = ROOT / f"{name.replace('.', '/')}.py"
        source = path.read_text(encoding="utf-8") if path.is_file() else ""
        options = OPTION.findall(re.split(r" {2,}", said)[0])
        found += [name] if not source else [f"{name} {one}" for one in options if f'"{one}"' not in source]
    return found


@for_each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_that_are_run_are_there(page: Path) -> None:
    """Every drill and tool that a document has run is there, and its source names the options that stand beside it."""
    assert [] == module_faults(page)
