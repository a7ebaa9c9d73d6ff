"""What somebody typed about a key or a card, read: a public key, a fingerprint, an instant, an address, a place."""

import errno
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click

import schemas
from gateway import settings
from gateway.cli.errors import CommandError, Exit
from keys import b64, card, trust_words
from keys.card import Card
from keys.errors import CardRefused
from keys.sign import check_public


def public_key(text: str) -> bytes:
    """Return the public key (32 bytes) in ``text``; raises ``UsageError``."""
    try:
        raw = b64.decode(text)
        check_public(raw)
    except Exception as error:
        raise click.UsageError("a public key is 43 characters of base64url, as isthmus keys new prints it") from error
    return raw


def address(text: str) -> str:
    """Return ``text`` if a card may list it as an address of a gateway. Raises ``click.UsageError``."""
    form = schemas.load("card")["properties"]["addresses"]["items"]
    if len(text) > form["maxLength"] or not re.search(form["pattern"], text) or settings.split(text) is None:
        raise click.UsageError("--address is where partners reach the gateway, such as https://gateway.example:8443")
    return text


def check_folder(path: Path) -> None:
    """Raise ``OSError`` where no file can be made at ``path``: told before anything is recorded, or stopped, for it."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))


def check_secret(option: str, database: str) -> None:
    """Raise ``click.UsageError`` if ``database`` is an address with a password, which everybody on the machine sees."""
    try:
        url = urlsplit(database)
    except ValueError:
        return  # an address that cannot be read is refused where it is gone to, and is not quoted
    if url.netloc and (url.password is not None or "password" in parse_qs(url.query)):
        text = "a password belongs neither on a command line nor into the configuration: write the address into a file"
        raise click.UsageError(f"{text} that you alone may read, and name that: {option} file:PATH")


def past_instant(text: str) -> datetime:
    """Return the instant that ``--since`` names, in UTC. Raises ``click.UsageError``, also for one to come."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise click.UsageError("--since needs a zone: write a Z at its end if it is UTC")
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):  # the second of one that is before the first, in UTC
        raise click.UsageError("--since takes an instant with its zone, such as 2026-03-20T12:00:00Z") from None
    if found > datetime.now(UTC):
        raise click.UsageError("--since is in the future")
    return found.replace(microsecond=0)


def by_fingerprint(raws: Sequence[bytes], fingerprint: str) -> Card:
    """
    Return the newest card whose identity key has ``fingerprint``. Raises ``CommandError`` if there is none.

    Raises ``UsageError`` for what is no fingerprint, as by a word that was left out: nobody is suspected by that.
    """
    try:
        wanted = trust_words.read(fingerprint).hex()
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for raw in reversed(raws):
        try:
            found = card.parse_card(raw)
        except CardRefused:
            continue
        if found.fingerprint.replace(" ", "") == wanted:
            return found
    raise CommandError(
        Exit.INTEGRITY,
        "fingerprint",
        "no card here is by an identity key of that fingerprint",
        "read it out again, digit by digit; if it still differs, somebody else is speaking for that State",
    )
