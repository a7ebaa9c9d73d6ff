"""``isthmus overdue``: the board of what is late, for scripts. No identity is in it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import counted, emit, json_option, say, shown, table
from gateway.cli.session import home_option, passphrase, passphrase_option, run
from gateway.core.calendars import local_date
from gateway.core.escalation import Pressed, is_stopped, owed
from gateway.services import cases
from gateway.services.as_csv import csv_line
from gateway.services.escalate import Escalation
from gateway.services.inquire import BoardRow, Place
from gateway.services.ports import Tx

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
        pages = [await _lines(gateway, page, now) async for page in _pages(gateway, partner, now)]
        return [line for lines in pages for line in lines]

    rows = run(home, passphrase(passphrase_file), act)
    if as_json:
        emit(rows)
    elif as_csv:
        click.echo(csv_text(rows), nl=False)
    elif rows:
        click.echo(table(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]))
    else:
        say("Nothing is overdue.")
    if unread := sum(row["reference"] is None for row in rows):
        verb = "is" if unread == 1 else "are"
        say(f"{counted(unread, 'case')} of these cannot be read, and {verb} here without a level: isthmus log audit")


async def _pages(gateway: "Gateway", partner: str | None, now: datetime) -> AsyncIterator[Sequence[BoardRow]]:
    after: Place | None = None
    while page := await gateway.inquiries.board(partner=partner, overdue_at=now, limit=PAGE, after=after):
        yield page
        after = page[-1].place


async def _lines(gateway: "Gateway", page: Sequence[BoardRow], now: datetime) -> list[dict[str, Any]]:
    """Return a line for each case of ``page``, but for those that were erased meanwhile."""
    past = await gateway.inquiries.pressed([row.ref for row in page])

    async def unit(tx: Tx) -> list[dict[str, Any]]:
        lines = [await _line(gateway, tx, row, past[row.ref], now) for row in page]
        return [line for line in lines if line is not None]

    return await gateway.store.read(unit)


async def _line(
    gateway: "Gateway", tx: Tx, row: BoardRow, past: Sequence[Pressed], now: datetime
) -> dict[str, Any] | None:
    """
    Return one line: how many days late by the requested State's calendar day, and the level silence has reached.

    ``None`` where the case was erased meanwhile. One that cannot be read is late all the same: it has neither level nor
    reference, and hides none of the others.
    """
    context, found = gateway.context, await tx.find_case(row.ref)
    if found is None or found.sealed is None:
        return None
    held = cases.readable(context, found)
    clock = owed(held.case) if held else None
    standing = Escalation(context).standing_by(held.case, past, now) if held else None
    late = (local_date(now, clock.zone if clock else context.zone) - row.due_on).days if row.due_on else None
    return {
        **{name: getattr(row, name) for name in COLUMNS if hasattr(row, name)},
        "due_on": row.due_on and row.due_on.isoformat(),
        "days_late": late,
        "level": standing and standing.level,
        "do_not_press": is_stopped(past),
        "reference": standing and standing.reference,
    }


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return ``rows`` as CSV, without control or direction characters."""
    cells = [[row[name] if isinstance(row[name], int) else shown(row[name]) for name in COLUMNS] for row in rows]
    return "".join(map(csv_line, [COLUMNS, *cells]))
