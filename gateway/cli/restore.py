"""``isthmus restore``: what a gateway does after its database came back from a backup."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import settings
from gateway.cli.output import json_option, say
from gateway.cli.own_card import identity_options, issue, open_identity, own_card, tell_card
from gateway.cli.running import alone
from gateway.cli.session import home_option, passphrase, passphrase_option, run

if TYPE_CHECKING:
    from gateway.app import Gateway


@click.group()
def restore() -> None:
    """Begin a new epoch after a database was restored."""


@restore.command("begin-epoch")
@home_option
@passphrase_option
@identity_options
@json_option
def begin_epoch(
    home: Path,
    passphrase_file: Path | None,
    identity: Path | str | None,
    identity_passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """
    Raise the epoch of the restored database and announce it in the next card.

    Before the gateway talks to anyone again: it is stopped, on every machine, and the identity key is here. Partners
    then post again what they sent in the last 30 days, and no number is used twice. Everybody at the desks signs in
    anew: what came back may hold sessions and links that had ended.
    """
    chosen = settings.load(home, os.environ)
    held = own_card(chosen)
    signer = open_identity(home, identity, identity_passphrase_file, held)

    async def act(gateway: "Gateway") -> int:
        # The backup may be older than the last restore; the card is not, so no epoch is used twice.
        gateway.context.epoch = max(gateway.context.epoch, held.epoch)
        return await gateway.resync.begin_epoch(gateway.context.clock.now())

    ask = passphrase(passphrase_file)
    with alone(chosen):
        _check_stopped(chosen)
        asyncio.run(sign_everybody_out(chosen))
        epoch = run(home, ask, act)
        tell_card(chosen, issue(chosen, held, {"epoch": epoch}, signer), as_json)
    say(
        "Enter every freeze made after the backup again: the database has forgotten them. With PostgreSQL also remove"
        " again whatever passkeys, codes and invitations were removed since. Then start the gateway."
    )


def _check_stopped(chosen: settings.Settings) -> None:
    """Raise ``Unavailable`` if a node runs over the database, on whatever machine: it would go on in the old epoch."""
    if (dsn := chosen.dsn(os.environ)) is not None:
        from gateway.storage.move import check_stopped  # here: only the extra has its library

        asyncio.run(check_stopped(dsn))


async def sign_everybody_out(chosen: settings.Settings) -> None:
    """End every session at the desks, and take back every link that nobody used."""
    from gateway.stores import open_desk_store

    if chosen.dsn(os.environ) is None and not chosen.accounts.exists():
        return  # there never were any desks
    store = await open_desk_store(chosen, os.environ, datetime.now(UTC))
    try:
        await store.sign_everybody_out()
    finally:
        await store.close()
