"""``isthmus log``: whether the logs are whole and agree with what is stored."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import counted, emit, json_option
from gateway.cli.session import home_option, passphrase, passphrase_option, run
from gateway.services import audit as audits

if TYPE_CHECKING:
    from gateway.app import Gateway


@click.group()
def log() -> None:
    """Audit the logs against what is stored."""


@log.command()
@home_option
@passphrase_option
@json_option
def audit(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Derive every log anew and compare it with the store, the answers given and the signed checkpoints.

    Changes nothing. Exits 6 if anything does not fit: then keep the machine as it is, and copy the home.
    """

    async def act(gateway: "Gateway") -> audits.Audited:
        return await audits.audit(gateway.context)

    found = run(home, passphrase(passphrase_file), act)
    if as_json:
        emit(found)
    else:
        click.echo(f"{len(found.origins)} logs, {found.entries} entries, {found.answers} answers")
    if found.findings:
        raise CommandError(
            Exit.INTEGRITY,
            "audit",
            f"the logs do not agree with the store: {counted(len(found.findings), 'finding')}",
            "keep the machine as it is, copy the home, and call for help before you restart anything",
            tuple(f"{one.origin} {'' if one.index is None else one.index}: {one.reason}" for one in found.findings),
        )
