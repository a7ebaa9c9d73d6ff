"""``isthmus store``: where a gateway keeps what it keeps."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, emit, json_option, say
from gateway.cli.running import alone
from gateway.cli.session import home_option
from gateway.cli.typed import check_secret
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.storage.move import Content

SQLITE = "sqlite"

_STORE = "SELECT 1 FROM sqlite_schema WHERE name = 'meta'"
"""Not there in a file that was moved away from, of which the move tells."""


@click.group(cls=Verbs)
def store() -> None:
    """Move a gateway from SQLite to PostgreSQL, or back."""


@store.command()
@home_option
@click.option(
    "--to",
    "target",
    required=True,
    metavar="PLACE",
    help="sqlite, or what 'database' of the configuration shall be: file:NAME, env:NAME, or an address.",
)
@json_option
def move(home: Path, target: str, as_json: bool) -> None:
    """
    Copy everything to another, empty store, and compare every row.

    The gateway is stopped, on every machine. Nothing but what it keeps is moved: keys, cards and configuration stay.
    Afterwards what was moved away from is set aside and cannot be served. Exits 6 if anything differs; then nothing was
    changed.
    """
    check_secret("--to", target)
    chosen = settings.load(home, os.environ)
    with alone(chosen):
        made = _move(chosen, _wanted(chosen, target))
    if as_json:
        emit({name: asdict(one) for name, one in made.items()})
    else:
        click.echo(f"{sum(one.rows for one in made.values())} rows in {len(made)} tables, the same on both sides")
    path = home / settings.FILE_NAME
    line = f"Take 'database' out of {path}."
    if target != SQLITE:
        line = f'Put into {path}, before its first section: database = "{target}"'
    say(f"Next:\n  1. {line}\n  2. isthmus check -C {home}, then start the gateway.\n  3. {_rest(chosen)}")


def _wanted(chosen: Settings, target: str) -> Settings:
    """Return the configuration with another store. Raises ``BadConfiguration``."""
    values = {name: value for name, value in chosen.values.items() if name != "database"}
    return settings.check(chosen.home, values if target == SQLITE else {**values, "database": target})


def _move(chosen: Settings, wanted: Settings) -> "Mapping[str, Content]":
    from gateway.storage.move import Differs, Files, to_postgres, to_sqlite  # here: only the extra has its library

    files, now = Files(chosen.database, chosen.accounts), datetime.now(UTC)
    here, there = chosen.dsn(os.environ), wanted.dsn(os.environ)
    try:
        if here is None and there is not None:
            _check_desks(chosen)
            return asyncio.run(to_postgres(files, there, now))
        if here is not None and there is None:
            return asyncio.run(to_sqlite(here, files, now))
    except Differs as error:
        hint = "nothing was changed; isthmus log audit, and report this"
        raise CommandError(Exit.INTEGRITY, "differs", str(error), hint) from error
    raise click.UsageError("it moves from SQLite to PostgreSQL and back; between two servers use pg_dump")


def _check_desks(chosen: Settings) -> None:
    """Raise ``StoreError`` if the file of the desks was lost: no backup of it can be put into the database later."""
    from gateway.storage.query import sqlite_query  # here, as the rest of the storage
    from gateway.stores import find_lost_desks

    if chosen.database.is_file():
        with sqlite_query(chosen.database) as query:
            if query(_STORE) and (lost := find_lost_desks(chosen, "sqlite", query)) is not None:
                raise lost


def _rest(chosen: Settings) -> str:
    """Return what is to become of what was moved away from: it holds what the gateway will erase elsewhere."""
    from gateway.storage.migrate import ASIDE_FILE  # here, as the rest of the storage

    ends = (ASIDE_FILE, f"{ASIDE_FILE}-wal", f"{ASIDE_FILE}-shm")
    aside = [path.with_name(path.name + end) for path in (chosen.database, chosen.accounts) for end in ends]
    files = " and ".join(str(path) for path in aside if path.exists())  # also those of an earlier move
    if chosen.values.get("database") is None:
        return f"Destroy {files} once all is well, and the backups in time."
    also = f", and destroy {files}," if files else ""
    return f"Drop the old database{also} once all is well, and the backups in time."
