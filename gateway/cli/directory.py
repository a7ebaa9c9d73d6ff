"""``isthmus directory``: who is competent for what in which State, and who is in charge here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.case import Desk, desk_options
from gateway.cli.output import Verbs, emit, json_option
from gateway.cli.session import home_option, passphrase, passphrase_option, read_json, run
from gateway.services import directory as directories

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.app import Gateway


@click.group(cls=Verbs)
def directory() -> None:
    """Competent authorities and liaison officers of every State, as each announced its own."""


@directory.command()
@click.argument("country", required=False)
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="What holds on this day; by default today.")
@home_option
@passphrase_option
@json_option
def show(country: str | None, on: "datetime | None", home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Show the directory of COUNTRY, or of all: authorities and officers, each with tasks and days."""

    async def act(gateway: "Gateway") -> Any:
        return await gateway.directory.show(country, on.date() if on else None)

    emit(run(home, passphrase(passphrase_file), act), as_json=as_json)


@directory.command()
@click.argument("file")
@desk_options
def announce(desk: Desk, file: str) -> None:
    """Announce our directory in FILE to every partner: valid_from, authorities, officers."""
    change = read_json(file, what="a directory")

    async def act(gateway: "Gateway") -> Any:
        role = desk.fitting(gateway, directories.KEEPERS)
        return {"serial": await gateway.directory.announce(change, desk.person, role)}

    desk.run(act)


@directory.command()
@home_option
@passphrase_option
@json_option
def staff(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """List the persons here, their deputies and absences, and who acts for each of them now."""

    async def act(gateway: "Gateway") -> Any:
        context, now = gateway.context, gateway.context.clock.now()
        return [
            {
                "id": one.id,
                "roles": sorted(one.roles),
                "deputy": one.deputy,
                "absences": one.absences,
                "acts_now": directories.in_charge(context, one.id, now),
            }
            for one in context.persons.values()
        ]

    emit(run(home, passphrase(passphrase_file), act), as_json=as_json)
