"""``isthmus restore``: what a gateway does after its database came back from a backup."""

import asyncio
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, json_option, say
from gateway.cli.own_card import check_newest, identity_options, issue, open_identity, own_card, tell_card
from gateway.cli.running import alone
from gateway.cli.session import home_option, passphrase, passphrase_option, run
from gateway.core.wire import format_instant
from gateway.read_only import check_ours, raised_at
from gateway.services.ports import Unavailable
from keys.card import Card

if TYPE_CHECKING:
    from gateway.app import Gateway

AGAIN = timedelta(days=1)
"""How long after an epoch was begun another one has to be meant: what waited since is dropped by it."""

again_option = click.option("--again", is_flag=True, help="Do it once more, within a day of the last time.")


@click.group(cls=Verbs)
def restore() -> None:
    """Begin a new epoch after a database was restored."""


@restore.command("begin-epoch")
@home_option
@passphrase_option
@identity_options
@again_option
@json_option
def begin_epoch(
    home: Path,
    passphrase_file: Path | None,
    identity: Path | str | None,
    identity_passphrase_file: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """
    Raise the epoch of the restored database and announce it in the next card.

    Before the gateway talks to anyone again: it is stopped, on every machine, and the identity key is here. Partners
    then post again what they sent in the last 30 days, and no number is used twice. Everybody at the desks signs in
    anew: what came back may hold sessions and links that had ended. Once for each restore: within a day of the last one
    it asks for --again.
    """
    chosen = settings.load(home, os.environ)
    held = own_card(chosen)
    signer = open_identity(home, identity, identity_passphrase_file, held)

    async def act(gateway: "Gateway") -> int:
        check_newest(chosen, gateway.keys, held, {gateway.context.keyring.signing.kid})
        # The backup may be older than the last restore; the card is not. So no epoch is used twice.
        gateway.context.epoch = max(gateway.context.epoch, held.epoch)
        return await gateway.resync.begin_epoch(gateway.context.clock.now())

    ask = passphrase(passphrase_file)
    with alone(chosen):
        _check_stopped(chosen)
        check_ours(chosen)
        if not again and (at := begun_lately(chosen, held)) is not None:
            hint = "if a database was put back since then: --again; if none was, go on with the next step"
            raise CommandError(Exit.USAGE, "begun-already", f"epoch {held.epoch} was begun at {at}", hint)
        asyncio.run(sign_everybody_out(chosen))
        epoch = run(home, ask, act)
        tell_card(chosen, issue(chosen, held, {"epoch": epoch}, signer), as_json)
    say(
        "Of who left since the backup have the escort say when, before anything else (isthmus return depart --left-at)."
        " Enter every stop made after the backup again, also of States that are not to be contacted: the database has"
        " forgotten them. Where the database of the desks was put back too, as it is with PostgreSQL, remove again"
        " whatever passkeys, codes and invitations were removed since. Then start the gateway."
    )


def begun_lately(chosen: settings.Settings, held: Card, *, by_theft: bool = False) -> str | None:
    """Return when the epoch of ``held`` was begun, since a theft of keys or else, if that was within a day."""
    now = datetime.now(UTC)
    with suppress(Unavailable):  # what opens it next says what is wrong with it
        at = raised_at(chosen, held, by_theft=by_theft)
        if at is not None and abs(now - at) < AGAIN:
            return format_instant(at)
    return None


def _check_stopped(chosen: settings.Settings) -> None:
    """Raise ``Unavailable`` if a node runs over the database, on whatever machine: it would go on in the old epoch."""
    if (dsn := chosen.dsn(os.environ)) is not None:
        from gateway.storage.move import check_stopped  # here: only the extra has its library

        asyncio.run(check_stopped(dsn))


async def sign_everybody_out(chosen: settings.Settings) -> None:
    """End every session at the desks, and take back every link that nobody used."""
    from gateway.stores import lacks_desks, open_desk_store

    if await lacks_desks(chosen, os.environ):
        return  # there never were any desks, or a start tells that they were lost
    store = await open_desk_store(chosen, os.environ, datetime.now(UTC))
    try:
        await store.sign_everybody_out()
    finally:
        await store.close()
