"""
What the command line prints: data on standard output, talk on standard error.

Rule 1: with ``--json`` standard output holds one JSON value and nothing else.
Rule 2: colour only where a terminal shows it and ``NO_COLOR`` is not set; a control or direction character, or one that
nobody can see, is never passed on as it is: in JSON its escape stands for it, which is the same value.
"""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any, TextIO, TypeVar

import click

from gateway.core import unseen
from gateway.core.columns import columns

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add ``--json`` to a command; its parameter is ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")(function)


class Verbs(click.Group):
    """A group whose help says the whole of what each verb does: cut short, two that do opposite things read alike."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs, each with the first sentence of its own help."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(sys.maxsize)) for name, one in found if one is not None])


def plain(value: Any) -> Any:
    """Return ``value`` as JSON values: dataclasses as objects, instants and dates as ISO text, tuples as arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def emit(value: Any, *, as_json: bool = True) -> None:
    """Print ``value`` as JSON: on one line for a program (``as_json``), indented for a reader."""
    click.echo(visible(json.dumps(plain(value), ensure_ascii=False, indent=None if as_json else 2)))


def visible(text: str) -> str:
    r"""
    Return ``text`` with the escape of JSON (``\uXXXX``) for each character that a terminal obeys or does not show.

    Line breaks stay, and so do the letters of every script with the joiners that spell them.
    """
    return _NOT_PLAIN.sub(lambda found: found[0] if _is_shown(found[0]) else json.dumps(found[0])[1:-1], text)


_NOT_PLAIN = re.compile(r"[^ -~\n]")


def _is_shown(sign: str) -> bool:
    if sign in unseen.JOINERS:
        return True
    return unicodedata.category(sign) not in _OBEYED and not unseen.has_unseen(sign)


_OBEYED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of Unicode: controls, directions and other formats, halves of a character, private and free places."""


def say(text: str) -> None:
    """Say something to the person at the terminal, on standard error."""
    click.echo(text, err=True)


def counted(number: int, noun: str) -> str:
    """Return ``number`` and ``noun``, in the plural where it is not one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def colourful(stream: TextIO) -> bool:
    """Tell whether colour may be used on ``stream`` (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def styled(text: str, colour: str, *, err: bool = False) -> str:
    """Return ``text`` in ``colour`` where colour may be used."""
    return click.style(text, fg=colour) if colourful(sys.stderr if err else sys.stdout) else text


def shown(value: Any) -> str:
    """Return ``value`` as one cell of a table: empty for ``None``, without control or direction characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(plain(value))
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return ``rows`` as columns of text under ``header``."""
    return columns([header, *([shown(value) for value in row] for row in rows)])
