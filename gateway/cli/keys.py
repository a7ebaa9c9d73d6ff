"""
``isthmus keys``: the keys of persons and of the gateway, and the cards that name them.

Rule 1: no private key is ever printed, but by ``export`` to a program or a file, for a custody that is only read. A
person's key is made where the person is.
Rule 2: a card is issued with the identity key, which is brought from its safe for that and carried back.
Rule 3: a new key stands in a card before it is used, and an old private half is destroyed for good.
"""

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import UnsupportedOperation
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import schemas
from gateway import home as homes
from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, emit, json_option, say, table
from gateway.cli.own_card import (
    IDENTITY_VARIABLES,
    KeyPlace,
    check_dated,
    date_anew,
    device_key,
    device_pin,
    identity_options,
    issue,
    open_identity,
    our_cards,
    own_card,
    own_store,
    publish,
    tell_card,
)
from gateway.cli.session import home_option, key_passphrase_option, passphrase, passphrase_option
from gateway.cli.typed import address, past_instant, public_key
from gateway.core.wire import MAX_VALIDITY, format_instant
from gateway.home import NEXT, ended_keys, private_kids
from gateway.settings import Settings
from keys import b64, card, device, statement
from keys.card import Card
from keys.custody import FileStore, KeyStore, exported, file_uri, open_store
from keys.errors import UnknownKey
from keys.ids import SIGN, key_id
from keys.sign import Signer, SigningKey

PERSON = "person"
"""Name of the one key in a person's key store."""

SEALING_MAX = 13
SIGNING_MAX = 8
"""Keys that a card may list (schema ``card``)."""

ANSWERED = MAX_VALIDITY + timedelta(days=1)
"""
How long after its window a signing key stays in our cards: an answer by it is asked for again for as long as a message
may be posted, and a partner checks it by the card it holds then.
"""

KEY_VARIABLES = ("ISTHMUS_KEY_PASSPHRASE",)


def open_person_key(file: Path, passphrase_file: Path | None) -> SigningKey:
    """Return the key of a person in the store ``file``. Raises ``StoreError``."""
    ask = passphrase(passphrase_file, variables=KEY_VARIABLES, prompt="Passphrase of the person's key")
    return SigningKey(open_store(file_uri(file), passphrase=ask, environ={}).get(PERSON))


def window(kid: str, public: bytes, start: datetime, end: datetime) -> dict[str, Any]:
    """Return one key of a card with its window."""
    return {
        "kid": kid,
        "key": b64.encode(public),
        "from": format_instant(start),
        "until": format_instant(end),
        "revoked_at": None,
    }


@click.group(cls=Verbs)
def keys() -> None:
    """Make, show, rotate, revoke, destroy and export keys; issue the next card."""


@keys.command()
@click.argument("file", type=click.Path(dir_okay=False, resolve_path=True, path_type=Path))
@click.option(
    "--profile",
    type=click.Choice(["moderate", "interactive"]),
    default="moderate",
    show_default=True,
    help="Cost of one guess at the passphrase.",
)
@key_passphrase_option
@json_option
def new(file: Path, profile: str, key_passphrase_file: Path | None, as_json: bool) -> None:
    """Make the signing key of a person in the new key store FILE, and print its public half."""
    if file.exists():
        raise FileExistsError(None, "exists; a key is never overwritten", str(file))
    ask = passphrase(key_passphrase_file, variables=KEY_VARIABLES, prompt="Passphrase for the new key", new=True)
    made = SigningKey.generate()
    open_store(file_uri(file, profile), passphrase=ask, environ={}).put(PERSON, made.seed)
    value = {"file": str(file), "key": b64.encode(made.public), "kid": made.kid}
    if as_json:
        emit(value)
        return
    click.echo("\n".join(f"{name:<5} {text}" for name, text in value.items()))
    say(f"Next, at the gateway: isthmus person add ID --role ROLE --key {value['key']}")


@keys.command()
@click.option(
    "--key", "file", required=True, type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
)
@click.option("--thread", required=True, help="Thread of the case, as its preview names it.")
@click.option("--digest", required=True, help="Digest that the preview showed.")
@click.option(
    "--kind", required=True, type=click.Choice(sorted(schemas.codes("statement_kind"))), help="What is stated."
)
@click.option("--role", required=True, type=click.Choice(sorted(schemas.codes("role"))), help="In which role.")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, 200), help="How long it may be used.")
@key_passphrase_option
@json_option
def sign(
    file: Path,
    thread: str,
    digest: str,
    kind: str,
    role: str,
    days: int,
    key_passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Sign a statement away from the gateway, for --statement of the verbs of isthmus case and isthmus return."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    made = statement.make(
        statement.Statement(thread, kind, role, digest, until), open_person_key(file, key_passphrase_file)
    )
    if as_json:
        emit({"statement": made.decode(), "valid_until": until})
    else:
        click.echo(made.decode())


@keys.command()
@home_option
@passphrase_option
@json_option
def show(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Show the keys of our card with their windows, and which private halves are here. Nothing private is shown."""
    chosen = settings.load(home, os.environ)
    held = own_card(chosen)
    store = open_store(chosen.custody, passphrase=passphrase(passphrase_file), environ=os.environ)
    here = private_kids(store)
    if chosen.signing:
        here |= {key.kid: "device" for key in (device_key(chosen),) if key is not None}
    rows: list[dict[str, Any]] = [
        {"use": use, "kid": key.kid, "from": key.valid_from, "until": key.valid_until, "revoked_at": key.revoked_at}
        | {"active": key.is_active(datetime.now(UTC)), "private_half": here.get(key.kid)}
        for use, group in (("signing", held.signing), ("sealing", held.sealing), ("role", held.roles))
        for key in group
    ]
    rows += [
        {"use": "log", "kid": one.kid, "from": None, "until": None, "revoked_at": None, "active": True}
        | {"private_half": here.get(one.kid)}
        for one in held.log
    ]
    if as_json:
        emit({"serial": held.serial, "epoch": held.epoch, "fingerprint": held.fingerprint, "keys": rows})
        return
    click.echo(f"card {held.serial} of {held.country}, epoch {held.epoch}\nfingerprint {held.fingerprint}\n")
    click.echo(table(tuple(rows[0]), [tuple(row.values()) for row in rows]))


@keys.command("card")
@home_option
@click.option("--add-role", "roles", multiple=True, metavar="ROLE=KEY", help="List a person's key for a role.")
@click.option("--remove-key", "removed", multiple=True, metavar="KID", help="Leave out a role key.")
@click.option("--address", "addresses", multiple=True, metavar="URL", help="The addresses, in place of those listed.")
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="List the key of this certificate (PEM) beside that of the one in use, in place of others.",
)
@click.option("--web-pki", is_flag=True, help="List no certificate: partners check ours by the Web PKI.")
@click.option("--date-anew", "anew", is_flag=True, help="In the place of what a clock that was ahead has dated.")
@identity_options
@json_option
def card_(
    home: Path,
    roles: tuple[str, ...],
    removed: tuple[str, ...],
    addresses: tuple[str, ...],
    certificates: tuple[Path, ...],
    web_pki: bool,
    anew: bool,
    identity: Path | str | None,
    identity_passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """
    Issue the next card, with other role keys, addresses or certificates.

    A key that the card lists for the same ROLE is listed for a year more. A card that is dated ahead is taken by no
    partner before its day, nor any that follows it: once the clock is right, --date-anew puts the same in its place.
    """
    if anew and (roles or removed or addresses or certificates or web_pki):
        raise click.UsageError("--date-anew changes nothing else; make the next card after it")
    if certificates and web_pki:
        raise click.UsageError("take one of --certificate and --web-pki")
    chosen = settings.load(home, os.environ)
    if anew:
        tell_card(chosen, date_anew(chosen, home, identity, identity_passphrase_file), as_json)
        say("It takes the place of the file of that serial, wherever you gave that.")
        return
    held = own_card(chosen)
    changes: dict[str, Any] = {"roles": _next_roles(card.claims_of(held)["roles"], removed, roles)}
    if addresses:
        changes["addresses"] = [address(one) for one in addresses]
    if certificates or web_pki:
        changes["spki"] = _next_spki(chosen, held, certificates)
    made = issue(chosen, held, changes, open_identity(home, identity, identity_passphrase_file, held))
    tell_card(chosen, made, as_json)


def _next_spki(chosen: Settings, held: Card, certificates: Sequence[Path]) -> list[str]:
    """Return the certificate keys of the next card; where any are named the one in use stays. Raises ``UsageError``."""
    in_use = chosen.values["listeners"]["peers"]["tls_certificate"]
    known = [_spki_of(chosen.home / in_use)] if in_use and certificates else []
    found = [one for one in known if one in held.spki] + [_spki_of(file) for file in certificates]
    return list(dict.fromkeys(found))


def _spki_of(file: Path) -> str:
    from gateway.transport.peers import spki_hash  # here: the library of the network takes a while

    try:
        found = spki_hash(x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER))
    except ValueError:
        found = ""
    if not found:
        raise click.UsageError(f"{file} holds no certificate as PEM")
    return found


def _next_roles(
    listed: Sequence[Mapping[str, Any]], removed: Sequence[str], added: Sequence[str]
) -> list[Mapping[str, Any]]:
    """Return the role keys of the next card. Raises ``UsageError``, ``CommandError``."""
    for kid in removed:
        if kid not in {one["kid"] for one in listed}:
            raise click.UsageError(f"our card lists no role key {kid!r}; see: isthmus keys show")
    found = {one["kid"]: one for one in listed if one["kid"] not in removed}
    for new in map(_role, added):
        old = found.get(new["kid"], new)
        if old["role"] != new["role"] or old["revoked_at"] is not None:
            text = f"our card lists that key for the role '{old['role']}'"
            text = f"that key was revoked at {old['revoked_at']}" if old["revoked_at"] else text
            raise CommandError(Exit.REFUSED, "key-in-use", text, "a role takes a key of its own: isthmus keys new")
        # From when it was first listed: what the key signed before is judged by this card too.
        found[new["kid"]] = {**new, "from": old["from"]}
    return list(found.values())


def _role(text: str) -> dict[str, Any]:
    role, _, key = text.partition("=")
    known = schemas.statement_roles()
    named = known.get(role, role)
    if named not in schemas.codes("role"):
        raise click.UsageError(f"no role {role!r}; known: {', '.join(sorted(known))}")
    public = public_key(key)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    kid = b64.encode(key_id(SIGN, public))
    return {"role": named, **window(kid, public, start, start + timedelta(days=366))}


@keys.command("device")
@click.argument("uri")
@json_option
def device_(uri: str, as_json: bool) -> None:
    """
    Make a signing key inside the device that URI names (pkcs11:token=...;object=...?module-path=...).

    It cannot be read out again. List it in the card next: isthmus keys rotate signing --device URI.
    """
    made = device.make_key(uri, pin=device_pin, environ=os.environ)
    emit({"device": uri, "key": b64.encode(made.public), "kid": made.kid}, as_json=as_json)


@keys.command()
@click.argument("what", type=click.Choice(["signing", "sealing", "identity"]))
@home_option
@passphrase_option
@identity_options
@click.option("--suite", type=click.Choice(["1", "2"]), help="sealing: suite of new keys; by default that of the last.")
@click.option("--activate", is_flag=True, help="signing: begin to use the new key and destroy the old one.")
@click.option("--device", "uri", metavar="URI", help="signing: the new key is the one in this device.")
@click.option("--new-identity", metavar="FILE", type=KeyPlace(), help="identity: where the new identity key is made.")
@json_option
def rotate(
    what: str,
    home: Path,
    passphrase_file: Path | None,
    identity: Path | str | None,
    identity_passphrase_file: Path | None,
    suite: str | None,
    activate: bool,
    uri: str | None,
    new_identity: Path | str | None,
    as_json: bool,
) -> None:
    """
    Make new keys beside the old ones, with both in the next card; or a card under a new identity key.

    A new signing key is used only after --activate: partners must hold the card that lists it. Sealing keys follow the
    windows of the last ones; as many are made as windows have ended. Under a new identity key every partner holds us
    until an officer there has compared the new fingerprint: tell them before.
    """
    for option, of, given in (
        ("--suite", "sealing", suite),
        ("--activate", "signing", activate),
        ("--device", "signing", uri),
        ("--new-identity", "identity", new_identity),
    ):
        if given and of != what:
            raise click.UsageError(f"{option} goes with isthmus keys rotate {of}")
    if activate and uri:
        raise click.UsageError("--activate takes the key that 'signing' of the configuration names: leave out --device")
    chosen = settings.load(home, os.environ)
    held = own_card(chosen)
    if what == "identity":
        _new_identity(chosen, held, new_identity, identity_passphrase_file, as_json)
        return
    store = own_store(chosen, held, passphrase(passphrase_file))
    if activate:
        _activate(chosen, store, held, as_json)
        return
    signer = open_identity(home, identity, identity_passphrase_file, held)
    now = datetime.now(UTC)
    changes = (
        next_signing(_new_signer(store, uri, held), held, now)
        if what == "signing"
        else _next_sealing(store, held, now, suite, our_cards(chosen))
    )
    made = issue(chosen, held, changes, signer)
    tell_card(chosen, made, as_json)
    if uri:
        say(f'Once every partner has taken the card: set signing = "{uri}" in the configuration, start the gateway,')
        say("and destroy the old private half: isthmus keys rotate signing --activate")
    elif what == "signing":
        say("Once every partner has taken the card: isthmus keys rotate signing --activate")
    else:
        say("Restart the gateway, so that it opens what is sealed to the new keys.")


def _living(entries: Sequence[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    return [one for one in entries if datetime.fromisoformat(one["until"]) > now]


def _new_identity(
    chosen: Settings, held: Card, place: Path | str | None, passphrase_file: Path | None, as_json: bool
) -> None:
    """Make a new identity key at ``place`` and issue the card under it; nothing that exists is written over."""
    check_dated(held)
    if place is None:
        raise click.UsageError("name where the new identity key is made: --new-identity FILE, on a medium of its own")
    if isinstance(place, str):
        signer: Signer = device.make_key(place, pin=device_pin, environ=os.environ)
    else:
        if place.exists():
            raise FileExistsError(None, "exists; a key is never overwritten", str(place))
        variables = ("ISTHMUS_NEW_IDENTITY_PASSPHRASE", *IDENTITY_VARIABLES)
        ask = passphrase(passphrase_file, variables=variables, prompt="Passphrase for the new identity key", new=True)
        made = SigningKey.generate()
        open_store(file_uri(place), passphrase=ask, environ={}).put(homes.IDENTITY, made.seed)
        signer = made
    issued = publish(chosen, homes.card_of_new_identity(held, signer, datetime.now(UTC)))
    tell_card(chosen, issued, as_json, fingerprint=issued.fingerprint)
    say("Read the fingerprint out to every partner, by another way than the card goes: until then they hold us.")
    say("Destroy the old identity key and every copy of it, once the last partner has confirmed the new one.")


def _new_signer(store: KeyStore, uri: str | None, held: Card) -> Signer:
    """
    Return the signing key to list next: the one in a device, or one in the store, made if there is none yet.

    One that was revoked before it was used is never listed again. Raises ``CommandError`` for a device's.
    """
    revoked = card.revocations(held)["signing"]
    if uri is not None:
        inside = device.open_device(uri, pin=device_pin, environ=os.environ)
        if inside.kid in revoked:
            hint = "make another in the device: isthmus keys device URI"
            raise CommandError(Exit.REFUSED, "revoked", "our card says that the key in the device is revoked", hint)
        return inside
    if NEXT in store.names() and SigningKey(store.get(NEXT)).kid in revoked:
        store.destroy(NEXT)
    if NEXT not in store.names():
        store.put(NEXT, SigningKey.generate().seed)
    return SigningKey(store.get(NEXT))


def next_signing(new: Signer, held: Card, now: datetime) -> dict[str, Any]:
    """
    Return what the card after ``held`` says of signing keys: ``new`` beside those that are listed at ``now``.

    One that is listed already is listed for longer: its window begins where it did, for what it signed since then. Once
    one was stolen, receipts that fell with it are given again, by the key in use, of the instant that they name. So the
    next one is valid from before it was made, as that in the place of the stolen one is (docs/protocol.md, 8.1).

    Raises ``CommandError`` if the card lists as many as it may.
    """
    now = now.replace(microsecond=0)
    start = now - timedelta(hours=1)
    until = start + timedelta(days=366)
    living = _living(card.claims_of(held)["signing"], now - ANSWERED)
    listed = [one for one in living if one["kid"] != new.kid]
    start = min([start, *(datetime.fromisoformat(one["from"]) for one in living if one["kid"] == new.kid)])
    if len(listed) >= SIGNING_MAX:
        raise CommandError(
            Exit.FINDINGS, "full", f"a card lists {SIGNING_MAX} signing keys at most", "wait until one ends"
        )
    if any(one["revoked_at"] for one in listed):
        used = [datetime.fromisoformat(one["from"]) for one in listed if one["revoked_at"] is None]
        start = min([start, *(max(begun, now - ANSWERED) for begun in used)])
    return {"signing": [*listed, window(new.kid, new.public, start, until)]}


def _activate(chosen: Settings, store: KeyStore, held: Card, as_json: bool) -> None:
    """Put the next signing key in the place of the one in use."""
    names = store.names()
    if (inside := device_key(chosen)) is not None:
        _check_listed(held, inside.kid, "isthmus keys rotate signing --device URI")
        for name in {homes.SIGNING, NEXT} & set(names):
            store.destroy(name)
        emit({"signing": inside.kid}, as_json=as_json)
        return
    if NEXT not in names:
        raise CommandError(Exit.FINDINGS, "no-next", "there is no new signing key", "isthmus keys rotate signing")
    new = SigningKey(store.get(NEXT))
    _check_listed(held, new.kid, "isthmus keys rotate signing")
    store.replace(homes.SIGNING, NEXT)
    emit({"signing": new.kid}, as_json=as_json)
    say("Restart the gateway: it signs with the new key from then on.")


def _check_listed(held: Card, kid: str, hint: str) -> None:
    """Raise ``CommandError`` if no partner would take a word by the key ``kid``, by our card ``held``."""
    try:
        held.signing_key(kid, datetime.now(UTC))
    except UnknownKey as error:
        text = f"our card {held.serial} does not list the new signing key for now: {error}"
        raise CommandError(Exit.FINDINGS, "unlisted", text, hint) from error


def _next_sealing(
    store: KeyStore, held: Card, now: datetime, suite: str | None, cards: Sequence[bytes]
) -> dict[str, Any]:
    """
    Return the next windows; a key that was made before, and that none of our ``cards`` lists, is taken first.

    Where no key is good for now, as where a clock that was ahead has dated them all, those to come are left out, or
    nobody could write to us before the first of them begins.
    """
    listed = card.claims_of(held)["sealing"]
    living = _living(listed, now)
    begun = [one for one in living if datetime.fromisoformat(one["from"]) <= now]
    if all(one["revoked_at"] for one in begun):
        living = begun
    room = SEALING_MAX - len(living)
    if room <= 0:
        raise CommandError(
            Exit.FINDINGS, "full", f"all {SEALING_MAX} windows are still to come", "nothing to do before one has ended"
        )
    last = max((datetime.fromisoformat(one["from"]) for one in living if not one["revoked_at"]), default=None)
    begin = last + homes.WINDOW_EVERY if last else now.replace(microsecond=0) - timedelta(hours=1)
    kind = int(suite or listed[-1]["suite"])
    left = [key for key in homes.unlisted_keys(store, cards) if key.suite == kind]
    made = []
    for index in range(room):
        new = left[index] if index < len(left) else homes.add_sealing_key(store, kind)
        start = begin + index * homes.WINDOW_EVERY
        made.append({"suite": kind, **window(b64.encode(new.kid), new.public, start, start + homes.WINDOW_LASTS)})
    return {"sealing": [*living, *made]}


@keys.command()
@click.argument("kid")
@click.option(
    "--since",
    metavar="INSTANT",
    help="Of a stolen key of a role: since when, such as 2026-03-20T12:00:00Z. What it signed since then falls.",
)
@home_option
@identity_options
@json_option
def revoke(
    kid: str,
    since: str | None,
    home: Path,
    identity: Path | None,
    identity_passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Revoke the key KID from now on, or since it was stolen, in the next card. It is not taken back."""
    chosen = settings.load(home, os.environ)
    held = own_card(chosen)
    claims, at = card.claims_of(held), format_instant(past_instant(since) if since else datetime.now(UTC))
    if since and kid in {one["kid"] for name in ("signing", "sealing") for one in claims[name]}:
        raise click.UsageError("--since is for the key of a role; for the gateway's own: isthmus compromise --since")
    groups = {name: claims[name] for name in ("signing", "sealing", "roles")}
    found = [one for group in groups.values() for one in group if one["kid"] == kid]
    if not found:
        hint = "see isthmus keys show; that of a person that no card lists is replaced in isthmus.toml"
        raise CommandError(Exit.USAGE, "unlisted", f"our card lists no key {kid!r}", hint)
    if found[0]["revoked_at"] is not None:
        text = f"the key was revoked at {found[0]['revoked_at']}"
        raise CommandError(
            Exit.FINDINGS, "revoked", text, "nothing to do, but to give each partner the card that says so"
        )
    changes = {
        name: [{**one, "revoked_at": at} if one["kid"] == kid else one for one in group]
        for name, group in groups.items()
    }
    made = issue(chosen, held, changes, open_identity(home, identity, identity_passphrase_file, held))
    tell_card(chosen, made, as_json, revoked=kid)


@keys.command("passphrase")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path))
@passphrase_option
@click.option(
    "--new-passphrase-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the new passphrase from this file instead of $ISTHMUS_NEW_PASSPHRASE or the terminal.",
)
@json_option
def passphrase_(file: Path, passphrase_file: Path | None, new_passphrase_file: Path | None, as_json: bool) -> None:
    """
    Close the key store FILE under another passphrase, as when somebody leaves who knew it.

    The keys in it stay the same. Where somebody may have had a copy and the passphrase: isthmus compromise.
    """
    old = passphrase(passphrase_file)
    new = passphrase(new_passphrase_file, variables=("ISTHMUS_NEW_PASSPHRASE",), prompt="New passphrase", new=True)
    store = FileStore(file, "moderate", old)
    store.names()  # the old one is asked for first, and looked at before the new one is asked for
    if new() == old():  # as where a credential of systemd was read for both
        hint = "name the new one with --new-passphrase-file or $ISTHMUS_NEW_PASSPHRASE"
        raise CommandError(Exit.USAGE, "same-passphrase", "the new passphrase is the one before", hint)
    store.change_passphrase(new)
    emit({"file": str(file)}, as_json=as_json)
    say("Restart the gateway with the new one. Replace the copy in the safe: older copies open with the old one.")


def check_unread(descriptor: int) -> None:
    """Raise ``click.UsageError`` if ``descriptor`` is of a file that others may read."""
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) & 0o077:
        text = "others may read the file to which the private keys would be written"
        raise click.UsageError(f"{text}: remove it, then umask 077 and the same again")


@keys.command()
@home_option
@passphrase_option
@json_option
def export(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Print every private key of the gateway, as env: and credential: take it, to what keeps it: never to a terminal.

    isthmus keys export | systemd-creds encrypt --name=keys - /etc/isthmus/keys.cred
    """
    if sys.stdout.isatty():
        raise click.UsageError("private keys are not shown at a terminal; give them to the program that keeps them")
    with suppress(UnsupportedOperation):  # what is no file of the system
        check_unread(sys.stdout.fileno())
    chosen = settings.load(home, os.environ)
    store = open_store(chosen.custody, passphrase=passphrase(passphrase_file), environ=os.environ)
    homes.log_key(store)  # of a store that is not there nothing would be a copy of every key
    text = exported(store)
    if as_json:
        emit({"content": text})
    else:
        click.echo(text)
    say("Whoever reads this has every key. Export anew after each change, and start the gateway again.")


@keys.command()
@home_option
@passphrase_option
@click.option("--clock-is-right", is_flag=True, help="The gateway was off for more than a day, and the clock is right.")
@json_option
def destroy(home: Path, passphrase_file: Path | None, clock_is_right: bool, as_json: bool) -> None:
    """
    Destroy the private halves of sealing keys that ended or are revoked. What was sealed to them stays closed.

    A gateway that runs does this by itself when a window ends, or a day after its clock leapt.
    """
    from gateway.read_only import waits  # here, because no other verb of these needs what it imports

    chosen, now = settings.load(home, os.environ), datetime.now(UTC)
    store = open_store(chosen.custody, passphrase=passphrase(passphrase_file), environ=os.environ)
    cards = our_cards(chosen)
    over, revoked = ended_keys(store, cards, now), ended_keys(store, cards, datetime.min.replace(tzinfo=UTC))
    seen = waits(chosen, now) if over != revoked and not clock_is_right else None
    destroyed = over if seen is None or seen.before is None else revoked
    for name in destroyed:
        store.destroy(name)
    emit({"destroyed": destroyed}, as_json=as_json)
    if seen is not None and seen.before is not None:
        say(f"The clock went from {seen.before:%Y-%m-%d %H:%M} to {seen.since:%Y-%m-%d %H:%M} UTC at once.")
        say("What has ended is kept; a gateway that runs destroys it a day later. If it is right: --clock-is-right")
    if destroyed:
        say(f"{len(destroyed)} destroyed. Replace the copy of the key store in the safe, and destroy the old copy.")
    else:
        say("Nothing was destroyed: none that may be has ended or is revoked.")
