"""``isthmus partner``: another State, known by its identity key."""

import os
from pathlib import Path

import click

from gateway import settings
from gateway.cli import toml_file
from gateway.cli.errors import CommandError, Exit
from gateway.cli.keys import by_fingerprint, public_key
from gateway.cli.output import emit, json_option, say
from gateway.cli.session import home_option
from gateway.transport.card_directory import CARD_MAX_BYTES, write_card
from keys import b64, card


@click.group()
def partner() -> None:
    """Add a partner State."""


@partner.command()
@click.argument("country")
@home_option
@click.option(
    "--card", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its card."
)
@click.option("--identity", metavar="KEY", help="Its identity key, as it was given to you by another way.")
@click.option("--fingerprint", help="Or the fingerprint of that key, as it was read out to you, in quotes.")
@click.option("--calendar", metavar="ID", help="The calendar its days are counted by.")
@click.option("--transmission", type=click.Choice(["push", "pull", "collect"]), default="push", show_default=True)
@click.option("--agreement", "agreements", multiple=True, metavar="ID", help="An agreement that holds with it.")
@json_option
def add(
    country: str,
    home: Path,
    file: Path,
    identity: str | None,
    fingerprint: str | None,
    calendar: str | None,
    transmission: str,
    agreements: tuple[str, ...],
    as_json: bool,
) -> None:
    """
    Add the State COUNTRY: keep its card, and pin its identity key in the configuration.

    The identity key, or its fingerprint, must have come by another way than the card.
    """
    if (identity is None) == (fingerprint is None):
        raise click.UsageError("name one of --identity and --fingerprint, as it came by another way than the card")
    chosen = settings.load(home, os.environ)
    if country in chosen.values["partners"]:
        raise CommandError(
            Exit.USAGE, "known", f"{country} is a partner already", f"edit {home / settings.FILE_NAME} to change it"
        )
    with file.open("rb") as stream:
        raw = stream.read(CARD_MAX_BYTES).rstrip(b"\r\n")
    found = card.verify_card(raw, public_key(identity)) if identity else by_fingerprint([raw], fingerprint or "")
    if found.country != country:
        raise CommandError(Exit.INTEGRITY, "wrong-country", f"that is a card of {found.country}", "take the right file")
    values = {
        "identity": b64.encode(found.identity),
        "calendar": calendar,
        "transmission": transmission,
        "instruments": list(agreements) or None,
    }
    write_card(chosen.cards, found)
    toml_file.append(home, toml_file.table_text(f"partners.{country}", values))
    emit({"country": country, "serial": found.serial, "fingerprint": found.fingerprint}, as_json=as_json)
    say("Restart the gateway if it runs; then: isthmus check --online")
