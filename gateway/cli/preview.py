"""``isthmus preview``: what would leave for a national record, before anything is stored or sent."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

import schemas
from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import emit, json_option, say, styled, table
from gateway.cli.session import read_json
from gateway.core.minimise import MATRIX
from gateway.core.preview import Preview, compose

EXAMPLE = "example-case-draft.json"
STAND_IN_AUTHORITY = "XAA-ID-01"
"""Named in the body where no home says who asks; the digest is then not that of a real case."""

_COLOURS: Mapping[str, str] = {"sent": "green", "withheld": "yellow", "forbidden": "red"}


@click.command()
@click.argument("file", required=False)
@click.option("--example", is_flag=True, help="Print a valid case draft, to edit and preview.")
@click.option(
    "-C",
    "home",
    metavar="DIR",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    help="Preview as this gateway would.",
)
@click.option("--authority", metavar="ID", help=f"Who asks; without -C by default {STAND_IN_AUTHORITY}.")
@click.option(
    "--asked",
    multiple=True,
    type=click.Choice([row["element"] for row in MATRIX["elements"]]),
    help="Preview the answer to a question that asks for this element; may be given several times.",
)
@json_option
def preview(
    file: str | None, example: bool, home: Path | None, authority: str | None, asked: tuple[str, ...], as_json: bool
) -> None:
    """
    Show what would leave for the case draft in FILE ("-": standard input), and what would not.

    Names each element that is withheld or forbidden with the rule that says so. Exits 5 if a rule forbids sending.
    Nothing is stored and nothing is sent.
    """
    if example:
        click.echo(files(schemas).joinpath(EXAMPLE).read_text(encoding="utf-8"), nl=False)
        return
    if file is None:
        raise click.UsageError("name a FILE, '-' for standard input, or --example")
    draft = read_json(file, what="a case draft")
    schemas.validate("case-draft", draft)
    made = _compose(draft, home, authority, asked)
    if as_json:
        emit(preview_json(made))
    else:
        _tell(made)
    if made.findings:
        raise CommandError(
            Exit.REFUSED,
            "rule-refused",
            f"this may not be sent: {len(made.findings)} finding{'s' if len(made.findings) > 1 else ''}",
            "mend what each rule names, then preview again",
            tuple({"rule": one.rule, "because": one.because, "where": one.where} for one in made.findings),
        )


def _compose(draft: Mapping[str, Any], home: Path | None, authority: str | None, asked: tuple[str, ...]) -> Preview:
    no_contact: str | None = None
    if home is not None:
        values = settings.load(home, os.environ).values
        partner = values["partners"].get(draft["to"])
        no_contact = (
            "not configured as a partner" if partner is None else (partner.get("no_contact") or {}).get("reason")
        )
        authority = authority or values["authority"]
    return compose(
        draft, authority or STAND_IN_AUTHORITY, datetime.now(UTC), no_contact=no_contact, asked=asked or None
    )


def preview_json(made: Preview) -> dict[str, Any]:
    """Return ``made`` with its elements sorted by what happens to them."""

    def lines(status: str) -> list[dict[str, str]]:
        return [
            {"element": line.element, "member": line.member, "rule": line.rule, "because": line.because}
            for line in made.lines
            if line.status == status
        ]

    return {
        "type": made.type,
        "digest": made.digest,
        "body": made.body,
        "sent": lines("sent"),
        "withheld": lines("withheld"),
        "forbidden": lines("forbidden"),
        "findings": [{"rule": one.rule, "because": one.because, "where": one.where} for one in made.findings],
    }


def _tell(made: Preview) -> None:
    rows = [(line.status, line.member, line.rule, line.because) for line in made.lines]
    head, *lines = table(("", "element", "rule", "because"), rows).splitlines()
    click.echo(head)
    for line, row in zip(lines, rows, strict=True):
        click.echo(styled(line, _COLOURS[row[0]]))
    click.echo(f"\n{made.type}, {len(made.body.encode())} bytes, digest {made.digest}")
    click.echo(made.body)
    if not made.findings:
        say("No rule forbids sending this.")
