"""
Our own card at the command line: the newest one, the identity key that signs the next, and the issuing of that.

The identity key is brought from its safe for a card and carried back; no private key is ever printed.
"""

import os
from collections.abc import Callable, Mapping, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway import home as homes
from gateway import stands
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import emit, say
from gateway.cli.session import VARIABLE, passphrase
from gateway.services.own_card import every
from gateway.settings import Settings
from gateway.transport.card_directory import load_cards, newest_path, write_card, write_card_anew
from keys import card, device
from keys.card import Card
from keys.custody import KeyStore, file_uri, open_store
from keys.errors import CardRefused
from keys.sign import Signer, SigningKey

IDENTITY_VARIABLES = ("ISTHMUS_IDENTITY_PASSPHRASE", VARIABLE)
PIN_VARIABLES = ("ISTHMUS_DEVICE_PIN",)


class KeyPlace(click.ParamType[Path | str]):
    """Where a key is: the path of a key store, or the address of a key in a device."""

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Return a path as such, an address as text."""
        text = str(value)
        return text if text.startswith(f"{device.SCHEME}:") else Path(text).resolve()


def identity_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add where the identity key is; the parameters are ``identity`` and ``identity_passphrase_file``."""
    function = click.option(
        "--identity-passphrase-file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="ISTHMUS_IDENTITY_PASSPHRASE_FILE",
        help="Read its passphrase from this file instead of $ISTHMUS_IDENTITY_PASSPHRASE.",
    )(function)
    return click.option(
        "--identity",
        metavar="FILE",
        type=KeyPlace(),
        help=f"The store of the identity key, or its pkcs11: address; by default {homes.IDENTITY_FILE} in the home.",
    )(function)


def open_identity(home: Path, file: Path | str | None, passphrase_file: Path | None, held: Card) -> Signer:
    """
    Return the identity key that signs the card after ``held``.

    Raises ``CommandError`` if it is not here, or is not the one of ``held``, which somebody else may have put there;
    and if ``held`` is dated ahead: nobody takes it, nor what follows it.
    """
    check_dated(held)
    return _identity_of(home, file, passphrase_file, held)


def check_dated(held: Card) -> None:
    """Raise ``CommandError`` if our card ``held`` is dated ahead: nobody takes it, nor what follows it."""
    if homes.is_ahead(held, datetime.now(UTC)):
        raise CommandError(
            Exit.CONFIGURATION,
            "card-ahead",
            f"our newest card, {held.serial}, is dated {held.issued_at:%Y-%m-%d %H:%M} UTC, ahead of the clock",
            "set the clock if it is late; if it is right, no partner takes that card: isthmus keys card --date-anew",
        )


def _identity_of(home: Path, file: Path | str | None, passphrase_file: Path | None, held: Card) -> Signer:
    path = file or home / homes.IDENTITY_FILE
    ask = passphrase(passphrase_file, variables=IDENTITY_VARIABLES, prompt="Passphrase of the identity key")
    identity = _identity_at(path, ask)
    if identity.public != held.identity:
        raise CommandError(
            Exit.INTEGRITY,
            "wrong-identity",
            f"{path} is not the identity key of cards/{held.country}/{held.serial}.jws, our newest card",
            "take the key of this State; where that card is not yours, remove it, and ask who could have put it there",
        )
    return identity


def _identity_at(path: Path | str, ask: Callable[[], str]) -> Signer:
    if isinstance(path, str):
        return device.open_device(path, pin=device_pin, environ=os.environ)
    if not path.exists():
        raise CommandError(
            Exit.CONFIGURATION,
            "no-identity",
            f"{path} is not here",
            "bring the identity key from its safe and name it with --identity FILE",
        )
    return SigningKey(open_store(file_uri(path), passphrase=ask, environ={}).get(homes.IDENTITY))


def device_pin() -> str:
    """Ask for the PIN of a device whose address names no source of it. Raises ``CommandError`` without a terminal."""
    return passphrase(None, variables=PIN_VARIABLES, prompt="PIN of the device")()


def device_key(chosen: Settings) -> device.DeviceKey | None:
    """Return the signing key in use if it is in a device, ``None`` if it is in the key store. Raises ``StoreError``."""
    return device.open_device(chosen.signing, pin=device_pin, environ=os.environ) if chosen.signing else None


def own_card(chosen: Settings) -> Card:
    """Return our newest card. Raises ``CommandError`` if there is none, or it is damaged."""
    found = load_cards(chosen.cards, str(chosen.values["country"]))
    if not found:
        raise CommandError(
            Exit.CONFIGURATION,
            "no-card",
            f"{chosen.cards} holds no card of ours",
            "restore it from the backup of the configuration, or check 'trust.directory'",
        )
    try:
        return card.parse_card(found[-1])
    except CardRefused as error:
        path = newest_path(chosen.cards, str(chosen.values["country"]))
        hint = "restore it from its copy; remove it only where none of you issued it"
        raise CommandError(Exit.INTEGRITY, "bad-card", f"{path} is no card: {error}", hint) from error


def own_store(chosen: Settings, held: Card, ask: Callable[[], str]) -> KeyStore:
    """
    Return the key store, from which a card is made that follows ``held``.

    Raises ``StoreError``, also if it is another gateway's: nothing here could use what that card would list.
    """
    store = open_store(chosen.custody, passphrase=ask, environ=os.environ)
    homes.check_log_key(homes.log_key(store).kid, held)
    return store


def check_newest(chosen: Settings, store: KeyStore, held: Card, signing: Set[str] | None) -> None:
    """
    Raise ``CommandError`` where what stands beside the database, or a key here, tells of later cards than ``held``.

    One that is issued in the place of theirs puts us on hold at each partner. ``held`` lists one of ``signing`` (ids);
    with ``None``, where a device signs, what stands beside the database tells alone.
    """
    stood = stands.noted(chosen.home / stands.STANDS_FILE, stands.of_card(held))
    if stood is not None and stood.epoch > held.epoch:
        found, hint = f"is of epoch {held.epoch}, and a gateway ran here in epoch {stood.epoch}", ""
    elif signing is None:
        return
    elif signing.isdisjoint(key.kid for key in held.signing):
        found = "does not list the signing key in use"
        hint = (
            "; if none is missing, put the key store of that card back, or run isthmus compromise again if it was cut"
            " short; where that key is lost: isthmus keys rotate signing, then the same with --activate, and this again"
        )
    elif homes.NEXT not in store.names() and (unlisted := homes.unlisted_keys(store, our_cards(chosen))):
        found = f"and those before it list none of {len(unlisted)} sealing keys"
        hint = "; if none is missing, a rotation was cut short: isthmus keys rotate sealing goes on, then this again"
    else:
        return
    text = f"our newest card here, {held.serial}, {found}: later ones are missing"
    hint = f"take them from a partner, which has all of them, before you go on{hint}"
    raise CommandError(Exit.CONFIGURATION, "cards-missing", text, hint)


def our_cards(chosen: Settings) -> list[bytes]:
    """Return all cards of ours, oldest first. Raises as ``own_card`` does."""
    held = own_card(chosen)
    return [one.raw for one in every(load_cards(chosen.cards, held.country), held.country, held)]


def issue(chosen: Settings, held: Card, changes: Mapping[str, Any], identity: Signer) -> Card:
    """
    Sign the card that follows ``held`` with ``changes``, publish it in the home's directory, and return it.

    Raises as ``publish`` does.
    """
    return publish(chosen, homes.next_card(held, changes, identity, datetime.now(UTC)))


def publish(chosen: Settings, made: Card) -> Card:
    """Put the card ``made`` where ours lie. Raises ``CommandError`` if another command issued one meanwhile."""
    try:
        write_card(chosen.cards, made)
    except FileExistsError as error:
        text = f"another command issued card {made.serial} meanwhile"
        raise CommandError(Exit.LATER, "conflict", text, "nothing was issued; run this again") from error
    return made


def date_anew(chosen: Settings, home: Path, file: Path | str | None, passphrase_file: Path | None) -> Card:
    """
    Publish our cards that are dated ahead in their own places, dated now, and return the newest.

    Raises ``CommandError`` where partners may hold our newest card, and as ``open_identity``.
    """
    held, now = own_card(chosen), datetime.now(UTC)
    if not homes.is_ahead(held, now):
        text = f"our newest card, {held.serial}, is dated {held.issued_at:%Y-%m-%d %H:%M} UTC, and partners may hold it"
        raise CommandError(Exit.USAGE, "not-ahead", text, "issue the next one instead: isthmus keys card")
    identity = _identity_of(home, file, passphrase_file, held)
    made = homes.dated_anew([card.parse_card(one) for one in our_cards(chosen)], identity, now)
    for one in made:
        write_card_anew(chosen.cards, one)
    return made[-1]


def tell_card(chosen: Settings, made: Card, as_json: bool, **more: Any) -> None:
    """Print the card that was issued and what to do with it."""
    path = chosen.cards / made.country / f"{made.serial}.jws"
    value = {"country": made.country, "serial": made.serial, "epoch": made.epoch, "card": str(path), **more}
    if as_json:
        emit(value)
    else:
        click.echo("\n".join(f"{name:<10} {text}" for name, text in value.items()))
    say("Give this card to every partner; they take it at their next refresh. Carry the identity key back.")
