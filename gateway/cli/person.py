"""``isthmus person``: who may act at this gateway."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

import click

import schemas
from gateway import settings
from gateway.cli import toml_file
from gateway.cli.errors import CommandError, Exit
from gateway.cli.keys import public_key
from gateway.cli.output import emit, json_option, say
from gateway.cli.session import home_option
from keys import b64

TRAVELS = {
    "second_signer": "second_signer",
    "child_welfare": "welfare",
    "coordinator": "coordinator",
    "desk_head": "desk_head",
    "escort": "escort",
    "reception": "reception",
}
"""Roles whose statements travel, and as what the card lists their keys."""


@click.group()
def person() -> None:
    """Add a person who may act here."""


@person.command()
@click.argument("id")
@home_option
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(sorted(schemas.statement_roles() | {"operator": ""})),
)
@click.option("--key", required=True, help="The person's public key, as isthmus keys new prints it.")
@click.option("--token", is_flag=True, help="Make a token for the local API and print it once; only its hash is kept.")
@json_option
def add(id: str, home: Path, roles: tuple[str, ...], key: str, token: bool, as_json: bool) -> None:
    """Add the person ID with roles and a key of their own to the configuration."""
    chosen = settings.load(home, os.environ)
    if any(one["id"] == id for one in chosen.values["persons"]):
        raise CommandError(
            Exit.USAGE, "known", f"there is a person '{id}' already", f"edit {home / settings.FILE_NAME} to change it"
        )
    made = secrets.token_urlsafe(32) if token else None
    values: dict[str, Any] = {"id": id, "roles": list(dict.fromkeys(roles)), "key": b64.encode(public_key(key))}
    values["token_sha256"] = hashlib.sha256(made.encode()).hexdigest() if made else None
    toml_file.append(home, toml_file.table_text("persons", values, of_many=True))
    emit({"id": id, "roles": values["roles"], "token": made}, as_json=as_json)
    for role in (TRAVELS[role] for role in roles if role in TRAVELS):
        say(f"Partners verify this role: isthmus keys card --add-role {role}={values['key']}")
    say("Restart the gateway if it runs.")
