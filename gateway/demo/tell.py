"""Telling the story while it happens: short lines on standard error, in 80 columns, with colour where there is any."""

import os
import textwrap
from collections.abc import Iterable
from datetime import date
from typing import TextIO

import click

COLUMNS = 80
_INDENT = 22


class Tell:
    """Writes lines of the story. ``NO_COLOR``, or a stream that is no terminal, leaves plain text."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._colour = may_colour(stream)

    def heading(self, text: str) -> None:
        """Begin a part of the story."""
        self._write(f"\n{styled(text, self._colour, bold=True)}")

    def day(self, day: date, text: str) -> None:
        """Begin a day of the story."""
        self.heading(f"{day_text(day)} {day.year} · {text}")

    def line(self, text: str) -> None:
        """Say something that concerns no case, broken at the width."""
        self._write(textwrap.fill(text, COLUMNS, initial_indent="  ", subsequent_indent="  "))

    def step(self, number: int, what: str, text: str, colour: str | None = None) -> None:
        """Say what happened to case ``number``: one word or two, then the rest, broken at the width."""
        lines = wrapped(text, COLUMNS - _INDENT) or [""]
        head = styled(f"{what:<{_INDENT - 5}}", self._colour, fg=colour)
        self._write(f"{number:>4} {head}{lines[0]}".rstrip())
        for more in lines[1:]:
            self._write(" " * _INDENT + more)

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def may_colour(stream: TextIO) -> bool:
    """Tell whether ``stream`` is a terminal and the environment does not ask for plain text (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, colour: bool, *, bold: bool | None = None, fg: str | None = None) -> str:
    """Return ``text`` in a style, or as it is without ``colour``."""
    return click.style(text, fg=fg, bold=bold) if colour and (bold or fg) else text


_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def day_text(day: date) -> str:
    """Return a day such as ``Mon 16 Nov``, the same in every locale."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def wrapped(text: str, width: int) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns, broken at spaces only."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def listed(names: Iterable[str]) -> str:
    """Return names in one line, or a dash."""
    return ", ".join(names) or "-"
