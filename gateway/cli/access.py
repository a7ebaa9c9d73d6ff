"""``isthmus access``: what was sent about a person, to whom, when and why; and what may hold that account back."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

import schemas
from gateway.cli.output import emit, json_option, say, table, visible
from gateway.cli.session import REASON, home_option, passphrase, passphrase_option, run

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.services.rights import Account, OpenDemand


@click.command()
@click.argument("ref", required=False)
@click.option("--as", "person", metavar="PERSON", help="Who asks.")
@click.option("--role", help="In which role: dpo, guardian, lawyer or case_officer.")
@click.option("--why", type=REASON, metavar="TEXT", help="Why; it is recorded (R-13).")
@click.option(
    "--restrict",
    "ground",
    type=click.Choice(sorted(schemas.codes("restriction_ground"))),
    help="Hold the account back on this ground; the dpo does, with --until.",
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the restriction.")
@click.option("--lift", is_flag=True, help="End the restriction.")
@click.option("--unconfirmed", is_flag=True, help="List corrections and erasures that no State has confirmed.")
@home_option
@passphrase_option
@json_option
def access(
    ref: str | None,
    person: str | None,
    role: str | None,
    why: str | None,
    ground: str | None,
    until: datetime | None,
    lift: bool,
    unconfirmed: bool,
    home: Path,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """
    Tell what was sent about the person of case REF, to whom, when and why.

    Prints the copy for the person as text, or everything as JSON. The look is recorded before anything is printed.
    """
    from gateway.services import rights  # the database and its library are needed here alone

    if unconfirmed:
        _list(run(home, passphrase(passphrase_file), lambda gateway: rights.unconfirmed(gateway.context)), as_json)
        return
    if ref is None or person is None or role is None:
        raise click.UsageError("name the case, --as PERSON and --role ROLE")
    chosen, by, acting_as = ref, person, role
    if ground is not None or lift:
        if lift == (ground is not None) or (until is None) == (ground is not None):
            raise click.UsageError("choose --restrict GROUND with --until DATE, or --lift")
        last = until.date() if until else date.max

        async def decide(gateway: "Gateway") -> None:
            if ground is None:
                await rights.lift(gateway.context, chosen, by, acting_as)
            else:
                await rights.restrict(gateway.context, chosen, ground, last, by, acting_as)

        run(home, passphrase(passphrase_file), decide)
        emit({"ref": ref, "restricted": not lift}, as_json=as_json)
        return
    if why is None:
        raise click.UsageError("say why: --why TEXT")
    reason = why

    async def act(gateway: "Gateway") -> "Account":
        return await rights.account(gateway.context, chosen, by, acting_as, reason)

    made = run(home, passphrase(passphrase_file), act)
    if as_json:
        emit(rights.account_json(made))
    else:
        click.echo(visible(rights.account_text(made)), nl=False)


def _list(found: "tuple[OpenDemand, ...]", as_json: bool) -> None:
    if as_json:
        emit(list(found))
    elif found:
        header = ("ref", "partner", "kind", "number", "asked_on", "due_on")
        click.echo(table(header, [[getattr(one, name) for name in header] for one in found]))
    else:
        say("Every correction and erasure was confirmed.")
