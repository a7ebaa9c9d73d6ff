"""``isthmus stats``: counts, without a person in them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import emit, json_option, table
from gateway.cli.session import home_option, passphrase, passphrase_option, run
from gateway.services.inquire import Figures

if TYPE_CHECKING:
    from gateway.app import Gateway


@click.command()
@home_option
@passphrase_option
@json_option
def stats(home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Count cases by partner and state, what is overdue, and the messages that wait for an answer."""

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
