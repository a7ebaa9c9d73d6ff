"""``isthmus overdue``: the board of what is late, for scripts. No identity is in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import emit, json_option, say, shown, table
from gateway.cli.session import home_option, passphrase, passphrase_option, run
from gateway.core.calendars import local_date
from gateway.core.escalation import owed
from gateway.services import cases
from gateway.services.as_csv import csv_line
from gateway.services.escalate import Escalation
from gateway.services.inquire import BoardRow, Place

if TYPE_CHECKING:
    from gateway.app import Gateway

PAGE = 500
COLUMNS = (
    "partner",
    "ref",
    "side",
    "state",
    "step",
    "due_on",
    "days_late",
    "level",
    "do_not_press",
    "reference",
    "instrument",
    "calendar",
    "reminders",
    "extended",
    "delay_notice",
    "notice_due",
    "officer",
)


@click.command()
@home_option
@passphrase_option
@click.option("--partner", metavar="XBB", help="Only this State.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; no cell can be a formula.")
@json_option
def overdue(home: Path, passphrase_file: Path | None, partner: str | None, as_csv: bool, as_json: bool) -> None:
    """List the open cases whose time has run out, the longest overdue first."""
    if as_csv and as_json:
        raise click.UsageError("choose one of --csv and --json")

    async def act(gateway: "Gateway") -> list[dict[str, Any]]:
        now = gateway.context.clock.now()
        return [await _row(gateway, row, now) for row in await _board(gateway, partner, now)]

    rows = run(home, passphrase(passphrase_file), act)
    if as_json:
        emit(rows)
    elif as_csv:
        click.echo(csv_text(rows), nl=False)
    elif rows:
        click.echo(table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]))
    else:
        say("Nothing is overdue.")


async def _board(gateway: "Gateway", partner: str | None, now: datetime) -> list[BoardRow]:
    rows: list[BoardRow] = []
    after: Place | None = None
    while True:
        page = await gateway.inquiries.board(partner=partner, overdue_at=now, limit=PAGE, after=after)
        rows.extend(page)
        if len(page) < PAGE:
            return rows
        after = page[-1].place


async def _row(gateway: "Gateway", row: BoardRow, now: datetime) -> dict[str, Any]:
    """Return one line: how many days late by the requested State's calendar day, and the level silence has reached."""
    context = gateway.context
    case = (await context.store.read(lambda tx: cases.load(context, tx, row.ref))).case
    clock = owed(case)
    standing = await Escalation(context).standing(case)
    late = (local_date(now, clock.zone if clock else context.zone) - row.due_on).days if row.due_on else None
    found = {name: getattr(row, name) for name in COLUMNS if hasattr(row, name)}
    return {
        **found,
        "due_on": row.due_on and row.due_on.isoformat(),
        "days_late": late,
        "level": standing.level,
        "do_not_press": standing.stopped,
        "reference": standing.reference,
    }


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return ``rows`` as CSV, without control or direction characters."""
    cells = [[row[name] if isinstance(row[name], int) else shown(row[name]) for name in COLUMNS] for row in rows]
    return "".join(map(csv_line, [COLUMNS, *cells]))
