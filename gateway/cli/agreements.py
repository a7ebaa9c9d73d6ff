"""``isthmus agreements``: which agreements are known, what they say, and what follows from a date."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

import schemas
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, emit, json_option, say, shown, table
from gateway.configured import calendar_of, load_calendar
from gateway.core.calendars import Calendar
from gateway.core.explanation import explain
from gateway.core.instruments import Instrument, Roll
from gateway.core.ladder import ladder_from_dict

COUNTRY_LETTERS = 3


def _instruments() -> list[Instrument]:
    return [Instrument.from_dict(one) for one in schemas.load_instruments().values()]


def _known_steps() -> list[str]:
    return sorted({rule.step for instrument in _instruments() for rule in instrument.steps})


def _directory_option(function: Any) -> Any:
    return click.option(
        "--calendars",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Calendars that go before those supplied.",
    )(function)


@click.group(cls=Verbs)
def agreements() -> None:
    """List agreements, explain a deadline, export a calendar."""


@agreements.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every agreement with its source and how sure its figures are."""
    found = sorted(_instruments(), key=lambda one: one.id)
    if as_json:
        emit([_summary(one) for one in found])
        return
    rows = [(one.id, one.confidence, one.valid_from, one.verified_on or "not verified", one.title) for one in found]
    click.echo(table(("id", "confidence", "from", "verified", "title"), rows))


def _summary(one: Instrument) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "valid_from": one.valid_from,
        "valid_until": one.valid_until,
        "confidence": one.confidence,
        "verified_by": one.verified_by,
        "verified_on": one.verified_on,
        "source": one.source,
        "steps": [rule.step for rule in one.steps],
    }


@agreements.command()
@click.argument("id")
@json_option
def show(id: str, as_json: bool) -> None:
    """Show the agreement ID as the data it is."""
    emit(schemas.load_instrument(id), as_json=as_json)


@agreements.command("explain")
@click.argument("requesting", metavar="FROM")
@click.argument("requested", metavar="TO")
@click.option("--step", default="reply", show_default=True, help="The step whose deadline is asked for.")
@click.option(
    "--start", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day of the event that starts it."
)
@click.option(
    "--calendar", "calendar_id", metavar="ID", help="Calendar to count by, such as AT-2026/27; by default one of TO."
)
@click.option(
    "--roll",
    type=click.Choice([roll.value for roll in Roll]),
    help="Count as if a last day of rest were treated so, whatever the agreement says.",
)
@click.option("--disputed", is_flag=True, help="TO says that its authority received nothing.")
@_directory_option
@json_option
def explain_(
    requesting: str,
    requested: str,
    step: str,
    start: datetime,
    calendar_id: str | None,
    roll: str | None,
    disputed: bool,
    calendars: Path | None,
    as_json: bool,
) -> None:
    """
    Explain when an answer of TO to FROM is due, under every agreement that applies.

    The agreement that governs comes first. FROM and TO are ISO 3166-1 alpha-3 codes. A figure nobody compared with
    the text of the agreement is shown as unverified.
    """
    for country in (requesting, requested):
        if len(country) != COUNTRY_LETTERS or not (country.isascii() and country.isalpha() and country.isupper()):
            raise click.UsageError("a country is named by three capital letters, such as XAA")
    if step not in _known_steps():
        raise click.UsageError(f"no agreement has a step {step!r}; known: {', '.join(_known_steps())}")
    calendar = _calendar(requested, calendar_id, calendars)
    try:
        rows = explain(
            _instruments(),
            requesting,
            requested,
            step,
            start.date(),
            calendar,
            ladder=ladder_from_dict(schemas.load_ladder()),
            roll=Roll(roll) if roll else None,
            disputed=disputed,
        )
    except OverflowError:
        raise click.UsageError("the day is too near the end of time to count from") from None
    if not rows:
        text = f"no agreement has a rule for '{step}' between {requesting} and {requested}"
        raise CommandError(Exit.FINDINGS, "no-rule", text, "isthmus agreements list")
    if as_json:
        emit(rows)
    else:
        click.echo("\n\n".join(_text(row) for row in rows))


def _calendar(country: str, id: str | None, directory: Path | None) -> Calendar:
    # "AT-2026/27" is how people write two years; a file is named with a dash.
    named = id and id.replace("/", "-")
    chosen = named or calendar_of(country, directory)
    if chosen is None:
        raise CommandError(
            Exit.USAGE,
            "no-calendar",
            f"no calendar of {country} is supplied",
            f"isthmus agreements calendar {country} {date.today().year} {date.today().year + 1} --id ID --zone ZONE; "
            "then --calendars DIR",
        )
    return load_calendar(chosen, directory)


_SHOWN = (
    ("article", "article"),
    ("source", "source"),
    ("confidence", "confidence"),
    ("verified_by", "verified by"),
    ("start_event", "runs from"),
    ("started_by", "proven by"),
    ("soft_on", "as a rule by"),
    ("delay_on", "delay notice by"),
    ("due_on", "due on"),
    ("due_at", "over at"),
    ("not_counted", "not counted"),
    ("without_holidays_on", "no holidays"),
    ("without_saturdays_on", "no Saturdays"),
    ("extension", "extension"),
    ("extended_to", "extended to"),
    ("problem", "problem"),
    ("effect_of_silence_in_text", "silence (text)"),
    ("effect_of_silence", "silence (here)"),
    ("note", "note"),
)


def _text(row: Mapping[str, Any]) -> str:
    head = f"{row['instrument']}{'  (governs)' if row['governs'] else ''}: {row['title']}"
    side = "before" if row["backward"] else "after"
    unit = _UNITS.get(row["unit"], row["unit"].replace("_", " ") + "s")
    count = f"  {row['n']} {unit} {side} {row['start_on']}, calendar {row['calendar']}"
    due = "not before" if row["floor"] else "at the latest" if row["backward"] else "due on"
    labels = [(name, due if name == "due_on" else label) for name, label in _SHOWN]
    lines = [f"  {label:<16} {_flat(row[name])}" for name, label in labels if row.get(name)]
    if not row["verified_by"]:
        lines.append(f"  {'verified by':<16} nobody: compare the figure with the text before you rely on it")
    lines += [f"  {'then':<16} {one['step']} by {one['due_on']}" for one in row["then"]]
    rungs = ", ".join(f"{one['level']} {one['on'] or 'outside the calendar'}" for one in row["ladder"])
    lines += [f"  {'silence leads to':<16} {rungs}"] if rungs else []
    return "\n".join([shown(head), shown(count), *lines])


_UNITS = {"werktag": "Werktage"}


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return shown(", ".join(f"{name} {inner}" for name, inner in value.items() if inner is not None))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return shown(", ".join(_flat(one) for one in value))
    return shown(value)


@agreements.command()
@click.argument("country")
@click.argument("first_year", type=click.IntRange(1900, 2200))
@click.argument("last_year", type=click.IntRange(1900, 2200))
@click.option("--id", "id", required=True, help="Id of the calendar; the file is named ID.json.")
@click.option("--zone", required=True, help="IANA time zone in which this State's days end.")
@click.option("--version", default="1", show_default=True, help="Version; a changed list takes a new one.")
@json_option
def calendar(country: str, first_year: int, last_year: int, id: str, zone: str, version: str, as_json: bool) -> None:
    """
    Export the public holidays of COUNTRY as a calendar file, on standard output.

    Read it through before you use it: a missed holiday moves every deadline after it.
    """
    from gateway.cli.calendars import CannotExport, export  # the library of holidays takes a second to load

    try:
        value = export(country, range(first_year, last_year + 1), id, zone, version)
        schemas.validate("calendar", value)
        Calendar.from_dict(value)
    except CannotExport as error:
        raise CommandError(Exit.USAGE, "no-calendar", str(error), error.hint) from error
    emit(value, as_json=as_json)
    say(f"{len(value['holidays'])} holidays. Save it as {id}.json in 'calendars_directory' once somebody has read it.")
