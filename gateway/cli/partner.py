"""``isthmus partner``: another State, known by its identity key, and the list of those not to be contacted."""

import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import settings
from gateway.cli import toml_file
from gateway.cli.case import Desk, desk_options
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, emit, json_option, say
from gateway.cli.session import REASON, home_option
from gateway.cli.typed import by_fingerprint, public_key
from gateway.home import is_ahead
from gateway.services.no_contact import KEEPERS, Entry
from gateway.transport.card_directory import CARD_MAX_BYTES, write_card
from keys import b64, card
from keys.errors import CardRefused

if TYPE_CHECKING:
    from gateway.app import Gateway


@click.group(cls=Verbs)
def partner() -> None:
    """Add a partner State, and keep the list of those that are not to be contacted."""


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
    try:
        card.parse_card(raw)  # what is no card at all is said to be none
    except CardRefused as error:
        hint = "take the file that the State handed over, such as 2.jws"
        raise CommandError(Exit.INTEGRITY, "bad-card", f"{file} is no card: {error}", hint) from error
    found = card.verify_card(raw, public_key(identity)) if identity else by_fingerprint([raw], fingerprint or "")
    if found.country != country:
        raise CommandError(Exit.INTEGRITY, "wrong-country", f"that is a card of {found.country}", "take the right file")
    if is_ahead(found, datetime.now(UTC)):
        raise CommandError(
            Exit.INTEGRITY,
            "card-ahead",
            f"that card is dated {found.issued_at:%Y-%m-%d %H:%M} UTC, ahead of the clock: no later one would be taken",
            f"set the clock here if it is late; else ask {country} for the same card dated anew: isthmus keys card "
            "--date-anew",
        )
    values = {
        "identity": b64.encode(found.identity),
        "calendar": calendar,
        "transmission": transmission,
        "instruments": list(agreements) or None,
    }
    text = toml_file.table_text(f"partners.{country}", values)
    toml_file.append(home, text, first=lambda: write_card(chosen.cards, found))
    emit({"country": country, "serial": found.serial, "fingerprint": found.fingerprint}, as_json=as_json)
    say("Restart the gateway if it runs; then: isthmus check --online")


_REASON = click.option(
    "--reason",
    required=True,
    type=REASON,
    metavar="TEXT",
    help="Why; who keeps the list reads it, foreign affairs too. Name no person.",
)


@partner.command("no-contact")
@click.argument("country")
@_REASON
@desk_options
def no_contact(desk: Desk, country: str, reason: str) -> None:
    """
    Propose that the State COUNTRY is not to be contacted; another person confirms it.

    Once it is confirmed nothing leaves for it but withdrawals, not even what waits already.
    """
    _keep(desk, "propose", country, reason)


@partner.command()
@click.argument("country")
@_REASON
@desk_options
def confirm(desk: Desk, country: str, reason: str) -> None:
    """Confirm what another person proposed for COUNTRY: that it is not to be contacted."""
    _keep(desk, "confirm", country, reason)


@partner.command()
@click.argument("country")
@_REASON
@desk_options
def lift(desk: Desk, country: str, reason: str) -> None:
    """Propose that COUNTRY may be contacted again; another person confirms it. A mere proposal ends at once."""
    _keep(desk, "lift", country, reason)


@partner.command("confirm-lift")
@click.argument("country")
@_REASON
@desk_options
def confirm_lift(desk: Desk, country: str, reason: str) -> None:
    """Confirm what another person proposed for COUNTRY: that it may be contacted again."""
    _keep(desk, "confirm-lift", country, reason)


@partner.command("list")
@desk_options
def list_(desk: Desk) -> None:
    """List the States that are not to be contacted, and those proposed, with everybody's reasons."""

    async def act(gateway: "Gateway") -> Any:
        found = await gateway.no_contact.entries(desk.person, desk.fitting(gateway, KEEPERS))
        return [entry_json(entry) for entry in found]

    desk.run(act)


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry of the list as it is printed."""
    said = [{**asdict(one), "at": one.at.isoformat()} for one in entry.said]
    return {"country": entry.country, "holds": entry.holds, "said": said}


def _keep(desk: Desk, act: str, country: str, reason: str) -> None:
    async def keep(gateway: "Gateway") -> Any:
        keeper = gateway.no_contact
        acts: dict[str, Callable[..., Any]] = {
            "propose": keeper.propose,
            "confirm": keeper.confirm,
            "lift": keeper.lift,
            "confirm-lift": keeper.confirm_lift,
        }
        return entry_json(await acts[act](country, reason, desk.person, desk.fitting(gateway, KEEPERS)))

    desk.run(keep)
