"""``isthmus person``: who may act at this gateway."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import schemas
from gateway import settings
from gateway.cli import toml_file
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, emit, json_option, say
from gateway.cli.session import home_option, passphrase, passphrase_option
from gateway.cli.typed import public_key
from gateway.core.wire import format_instant
from gateway.home import TRAVELS, log_key
from gateway.services.context import Forbidden
from keys import b64
from keys.custody import KeyStore, open_store
from keys.rest import KEY_BYTES, Vault
from keys.sign import SigningKey

if TYPE_CHECKING:
    from gateway.services.accounts import Accounts


@click.group(cls=Verbs)
def person() -> None:
    """Add a person who may act here, let a person in at a desk, and shut one out."""


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
@click.option("--key", help="The person's public key, as isthmus keys new prints it.")
@click.option("--held", is_flag=True, help="Make the person's key here, in the gateway's key store, for the desks.")
@click.option("--token", is_flag=True, help="Make a token for the local API and print it once; only its hash is kept.")
@passphrase_option
@json_option
def add(
    id: str,
    home: Path,
    roles: tuple[str, ...],
    key: str | None,
    held: bool,
    token: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """
    Add the person ID with roles and a key of their own to the configuration.

    With --held the key lies in the gateway's key store, and the desks sign with it once the person has approved an act
    with a passkey or a code. Without it the key is the person's alone, and they sign with: isthmus case approve.
    """
    if held == (key is not None):
        raise click.UsageError("take one of --key and --held")
    chosen = settings.load(home, os.environ)
    _check_new(home, id)
    if key is not None:
        public, made = public_key(key), _configure(home, id, roles, public_key(key), token)
    else:
        store = open_store(chosen.custody, passphrase=passphrase(passphrase_file), environ=os.environ)
        log_key(store)  # where there is no store none is begun
        public, made = _configure_held(home, id, roles, store, token)
    emit({"id": id, "roles": list(dict.fromkeys(roles)), "token": made}, as_json=as_json)
    for role in (TRAVELS[role] for role in roles if role in TRAVELS):
        say(f"Partners verify this role: isthmus keys card --add-role {role}={b64.encode(public)}")
    say("Restart the gateway if it runs.")


def _configure(home: Path, id: str, roles: tuple[str, ...], key: bytes, token: bool) -> str | None:
    """Add the person to the configuration and return the new token, if there is one. Raises ``BadConfiguration``."""
    made = secrets.token_urlsafe(32) if token else None
    values: dict[str, Any] = {"id": id, "roles": list(dict.fromkeys(roles)), "key": b64.encode(key)}
    values["token_sha256"] = hashlib.sha256(made.encode()).hexdigest() if made else None
    toml_file.append(home, toml_file.table_text("persons", values, of_many=True))
    return made


def _configure_held(
    home: Path, id: str, roles: tuple[str, ...], store: KeyStore, token: bool
) -> tuple[bytes, str | None]:
    """
    Make the person's key in the store and add the person; return the public half, and the new token if there is one.

    A key of that name is nobody's, left by a run that was killed or to be replaced after a theft, and is destroyed.
    Raises ``StoreError``, ``BadConfiguration``; then none is left. Raises ``CommandError`` if another command added the
    person while the passphrase was typed: that key is theirs.
    """
    from gateway.web.signin.hand import key_name  # here: the pages' libraries take a while, and nothing else needs them

    _check_new(home, id)
    name, new = key_name(id), SigningKey.generate()
    if name in store.names():
        store.destroy(name)
    store.put(name, new.seed)
    try:
        return new.public, _configure(home, id, roles, new.public, token)
    except BaseException:
        if not _has(home, id):
            store.destroy(name)
        raise


def _check_new(home: Path, id: str) -> None:
    if _has(home, id):
        raise CommandError(
            Exit.USAGE, "known", f"there is a person '{id}' already", f"edit {home / settings.FILE_NAME} to change it"
        )


def _has(home: Path, id: str) -> bool:
    return any(one["id"] == id for one in settings.load(home, os.environ).values["persons"])


@person.command()
@click.argument("id")
@home_option
@click.option("--desk", required=True, type=click.Choice(["interior", "board", "operator"]), help="Which desk.")
@click.option("--hours", type=click.IntRange(1, 14 * 24), default=72, show_default=True, help="How long it is good.")
@json_option
def invite(id: str, home: Path, desk: str, hours: int, as_json: bool) -> None:
    """
    Print a link by which the person ID adds a passkey or an authenticator app at a desk.

    It is good once. Give it to the person by a way that you know to be theirs. A gateway may run meanwhile.
    """
    chosen = settings.load(home, os.environ)
    until = datetime.now(UTC) + timedelta(hours=hours)
    token = asyncio.run(_link(chosen, id, desk, until))
    origin = chosen.values.get("desks", {}).get("origins", {}).get(desk, "")
    emit({"id": id, "desk": desk, "link": f"{origin}/link/{token}", "until": format_instant(until)}, as_json=as_json)
    if not origin:
        say("The configuration has no 'desks': put the address of the desk before the link.")


@person.command("shut-out")
@click.argument("id")
@home_option
@json_option
def shut_out(id: str, home: Path, as_json: bool) -> None:
    """
    Take away every way in which the person ID signs in: passkeys, app, links and sessions, at every desk.

    For a passkey or a telephone that was lost or stolen. To sign in again the person needs a new link. A gateway may
    run meanwhile. Whoever left, and who was never in the configuration, may be named too.
    """
    chosen = settings.load(home, os.environ)
    means, sessions = asyncio.run(_drop_means(chosen, id))
    emit({"id": id, "means": means, "sessions": sessions}, as_json=as_json)
    if not means:
        say("No passkey and no app was there to take away, and links that nobody used are over: check the id.")
    if any(one["id"] == id and one.get("token_sha256") for one in chosen.values["persons"]):
        say("The person has a token for the local API still: take token_sha256 out of isthmus.toml, and restart.")


async def _drop_means(chosen: settings.Settings, id: str) -> tuple[int, int]:
    """
    Return how many means were taken away and how many sessions ended. Raises ``StoreError``.

    What is not there is not made for it: a start would take that for what was lost.
    """
    from gateway.stores import lacks_desks

    if await lacks_desks(chosen, os.environ):
        return 0, 0
    async with _accounts(chosen) as (accounts, now):
        return await accounts.drop_means(id, "", "operator", now)


@asynccontextmanager
async def _accounts(chosen: settings.Settings) -> AsyncIterator[tuple["Accounts", datetime]]:
    """Open the accounts for what seals nothing: no passphrase is asked for and no key of the gateway is opened."""
    from gateway.configured import persons
    from gateway.services.accounts import Accounts
    from gateway.stores import open_desk_store
    from gateway.system import SystemRandom

    now = datetime.now(UTC)
    store = await open_desk_store(chosen, os.environ, now)
    try:
        yield Accounts(store, persons(chosen.values), Vault(os.urandom(KEY_BYTES)), SystemRandom()), now
    finally:
        await store.close()


async def _link(chosen: settings.Settings, id: str, desk: str, until: datetime) -> str:
    """Return the token of a new link. Raises ``CommandError``, ``StoreError``."""
    async with _accounts(chosen) as (accounts, now):
        try:
            return await accounts.make_link(id, desk, "enrol", now, until)
        except Forbidden as error:
            hint = "isthmus person add; where the person is there already, put a role of that desk into isthmus.toml"
            raise CommandError(Exit.USAGE, "no-access", str(error), hint) from error
