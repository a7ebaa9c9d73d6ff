"""``isthmus stats``: counts without a person in them, and the fixed tables of figures that may be shown to others."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, emit, json_option, say, table
from gateway.cli.session import home_option, passphrase, passphrase_option, run
from gateway.core.figures import DIRECTIONS, PUBLIC, TABLES
from gateway.core.suppress import TOTAL
from gateway.services.inquire import Figures

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.services.figures import Release


@click.group(cls=Verbs, invoke_without_command=True)
@click.pass_context
@home_option
@passphrase_option
@json_option
def stats(ctx: click.Context, home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Count cases by partner and state, what is overdue, and the messages that wait for an answer.

    These counts are for those who run the gateway. What is shown to others goes through release.
    """
    if ctx.invoked_subcommand is not None:
        return

    async def act(gateway: "Gateway") -> Figures:
        return await gateway.inquiries.figures(gateway.context.clock.now())

    figures = run(home, passphrase(passphrase_file), act)
    partners = sorted({partner for partner, _ in figures.cases} | set(figures.overdue) | set(figures.waiting))
    value: dict[str, dict[str, Any]] = {
        partner: {
            "cases": {state: count for (one, state), count in sorted(figures.cases.items()) if one == partner},
            "overdue": figures.overdue.get(partner, 0),
            "waiting": figures.waiting.get(partner, 0),
        }
        for partner in partners
    }
    if as_json:
        emit({"partners": value})
        return
    rows = [
        (partner, one["overdue"], one["waiting"], ", ".join(f"{state} {n}" for state, n in one["cases"].items()))
        for partner, one in value.items()
    ]
    click.echo(table(("partner", "overdue", "waiting", "cases"), rows))


@stats.command()
@click.argument("name", type=click.Choice(list(TABLES)), metavar="TABLE")
@click.option("--direction", type=click.Choice(DIRECTIONS), required=True, help="Cases in which we ask, or are asked.")
@click.option("--period", required=True, metavar="2026|2026Q3", help="Year or quarter in which the cases began.")
@click.option("--as", "person", required=True, metavar="PERSON", help="Who releases it.")
@click.option("--role", required=True, help="In which role: coordinator or dpo.")
@click.option("--with", "second", metavar="PERSON", help="Foreign affairs; for tables about single States.")
@home_option
@passphrase_option
@json_option
def release(
    name: str,
    direction: str,
    period: str,
    person: str,
    role: str,
    second: str | None,
    home: Path,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """
    Show TABLE once, with small cells hidden, and enter it in the ledger.

    A table is shown one time for each direction and period, from a whole quarter after the period on.
    """
    from gateway.services import figures as service  # the database and its library are needed here alone

    async def act(gateway: "Gateway") -> "Release":
        return await service.release(gateway.context, name, direction, period, person, role, second)

    try:
        made = run(home, passphrase(passphrase_file), act)
    except service.CannotRelease as error:
        raise CommandError(Exit.REFUSED, "not-released", str(error), "isthmus stats list") from error
    _show(made, as_json=as_json)


@stats.command("list")
@click.option("--public", is_flag=True, help="Only what everybody may see.")
@click.option("--number", type=int, metavar="N", help="Print the table with this number again.")
@home_option
@passphrase_option
@json_option
def list_(public: bool, number: int | None, home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """List the tables that were shown, or print one of them again."""
    from gateway.services import figures as service

    async def act(gateway: "Gateway") -> "tuple[Release, ...]":
        return await service.ledger(gateway.context, PUBLIC if public else None)

    found = run(home, passphrase(passphrase_file), act)
    if number is not None:
        chosen = next((one for one in found if one.number == number), None)
        if chosen is None:
            raise CommandError(Exit.USAGE, "not-found", f"no table has the number {number}", "isthmus stats list")
        _show(chosen, as_json=as_json)
        return
    if as_json:
        emit([_line(one) for one in found])
        return
    header = ("number", "at", "table", "direction", "period", "audience", "first", "second")
    rows = [[_line(one)[column] for column in header] for one in found]
    click.echo(table(header, rows)) if rows else say("No table was shown yet.")


def _line(one: "Release") -> Mapping[str, Any]:
    return {
        "number": one.number,
        "at": one.at,
        "table": one.table.name,
        "direction": one.direction,
        "period": one.period,
        "audience": one.table.audience,
        "first": one.first,
        "second": one.second,
    }


def _show(one: "Release", *, as_json: bool) -> None:
    from gateway.services import figures as service

    value = service.content_json(one.table, one.direction, one.period, one.cells)
    if as_json:
        emit({**_line(one), **value})
        return
    click.echo(f"{value['title']}; {one.direction}, {one.period}; {value['audience']}, number {one.number}")
    names = {TOTAL: "all", "": "all"}
    header = ["", *(names.get(column, column) for column in value["columns"])]
    rows = [
        [names.get(row, row), *("-" if cell is None else cell for cell in line)]
        for row, line in zip(value["rows"], value["cells"], strict=True)
    ]
    click.echo(table(header, rows))
    say(f"A dash is a count below {value['minimum']}, nought too, or one from which such a count could be found.")
