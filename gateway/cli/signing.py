"""
What a signature at the command line comes from: a person's key and the digest that was shown, or a statement.

Rule 1: who signs names the digest that was shown, so that nobody signs unseen what changed meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gateway.cli.errors import CommandError, Exit
from gateway.cli.keys import open_person_key
from gateway.cli.session import key_passphrase_option
from keys import statement as statements

USED_DAYS = 1
"""How long a statement counts that is used as soon as it is signed; a day leaves room for a clock that is off."""

HAND_DAYS = 200
"""The same, of a hand under a handover: it tells what was done, and must be heard after a line was down."""

STATEMENT_MAX_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Pen:
    """What a signature comes from: a person's key and the digest it is for, or a statement made elsewhere."""

    key: Path | None
    digest: str | None
    given: str | None
    file: Path | None
    days: int

    def sign(self, thread: str, digest: str | None, kind: str, role: str, now: datetime) -> str:
        """
        Return the statement over ``digest``, which is ``None`` where nothing is prepared; or the one made elsewhere.

        Raises ``CommandError`` if it is not the digest named, ``UsageError`` if none is.
        """
        if self.given is not None:
            with click.open_file(self.given, "rb") as stream:
                raw: bytes = stream.read(STATEMENT_MAX_BYTES)
            return raw.decode("ascii", "replace").strip()
        if self.key is None or self.digest is None:
            raise click.UsageError("sign with --key FILE --digest DIGEST, or hand in --statement FILE")
        if self.digest != digest:
            raise CommandError(
                Exit.REFUSED,
                "digest",
                "what is to be signed has another digest, or nothing is prepared",
                "look at it again before you sign",
            )
        made = statements.Statement(thread, kind, role, self.digest, now + timedelta(days=self.days))
        return statements.make(made, open_person_key(self.key, self.file)).decode()


def pen_options(days: int | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """
    Add the options of a ``Pen``, which the command gets by that name.

    With ``days``, how long the signature counts is an option too, and that its default; without, ``USED_DAYS``.
    """
    options = [
        key_passphrase_option,
        click.option("--statement", metavar="FILE", help="A statement signed elsewhere (isthmus keys sign)."),
        click.option("--digest", help="With --key: the digest that the preview showed."),
        click.option(
            "--key",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
            help="The person's key (isthmus keys new).",
        ),
    ]
    if days is not None:
        lasts = click.IntRange(1, HAND_DAYS)
        options.insert(
            0, click.option("--days", default=days, show_default=True, type=lasts, help="How long it counts.")
        )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(
            *args: Any,
            key: Path | None,
            digest: str | None,
            statement: str | None,
            key_passphrase_file: Path | None,
            days: int = USED_DAYS,
            **rest: Any,
        ) -> Any:
            return function(*args, pen=Pen(key, digest, statement, key_passphrase_file, days), **rest)

        made: Callable[..., Any] = command
        for option in options:
            made = option(made)
        return made

    return decorate
