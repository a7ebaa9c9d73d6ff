"""``isthmus preview``: what would leave for a national record, before anything is stored or sent."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

import schemas
from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import emit, json_option, say, styled, table, visible
from gateway.cli.session import read_json
from gateway.core.facts import before_a_case
from gateway.core.instruments import Instrument, remark_most
from gateway.core.messages import ELEMENTS, REQUEST
from gateway.core.minimise import MATRIX
from gateway.core.preview import Preview, compose
from gateway.core.remark import About
from gateway.web import language, readable
from gateway.web.language import Tongue
from schemas import ijson

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
        _tell(made, draft)
    if made.findings:
        raise CommandError(
            Exit.REFUSED,
            "rule-refused",
            f"this may not be sent: {len(made.findings)} finding{'s' if len(made.findings) > 1 else ''}",
            "mend what each rule names, then preview again",
            tuple({"rule": one.rule, "because": one.because, "where": one.where} for one in made.findings),
        )


def _compose(draft: Mapping[str, Any], home: Path | None, authority: str | None, asked: tuple[str, ...]) -> Preview:
    zone, no_contact = "UTC", None
    agreed: Sequence[str] | None = None
    if home is not None:
        values = settings.load(home, os.environ).values
        zone, partner = values["zone"], values["partners"].get(draft["to"])
        no_contact = (
            "not configured as a partner" if partner is None else (partner.get("no_contact") or {}).get("reason")
        )
        authority, agreed = authority or values["authority"], (partner or {}).get("instruments") or None
    asks, now = authority or STAND_IN_AUTHORITY, datetime.now(UTC)
    known = [Instrument.from_dict(one) for one in schemas.load_instruments().values()]
    allowed = [one for one in known if agreed is None or one.id in agreed]
    most = remark_most(allowed, asks[:3], draft["to"], ELEMENTS if asked else REQUEST, now.date())
    around = before_a_case(zone, no_contact)
    return compose(draft, asks, now, around=around, asked=asked or None, remark=About(most=most))


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


_GROUPS: Mapping[str, str] = {"sent": "They receive", "withheld": "Stays for now", "forbidden": "Never leaves"}
_NOTHING = "nothing"


def _tell(made: Preview, draft: Mapping[str, Any]) -> None:
    """Print the table of ``made``: what is in the file, what they receive (read from the exact body), and why."""
    tongue = language.tongue("en", "UTC")
    body = ijson.loads(made.body.encode())
    received = {**body.get("elements", {}), "remark": body.get("remark")}
    held = {
        **draft.get("national", {}),
        **draft["elements"],
        "representative_ref": (draft.get("representative") or {}).get("ref"),
        "remark": (draft.get("remark") or {}).get("text"),
    }
    rows = []
    for line in made.lines:
        theirs = _short(tongue, line.member, received.get(line.member)) if line.status == "sent" else _NOTHING
        why = line.because if line.rule == "-" else f"{line.rule}: {line.because}"
        ours = _short(tongue, line.member, held.get(line.member))
        rows.append((line.status, _title(tongue, line.member), ours, theirs, why))
    head, *lines = table(("field", "in your file", "they receive", "why"), [row[1:] for row in rows]).splitlines()
    for status, group in _GROUPS.items():
        these = [line for line, row in zip(lines, rows, strict=True) if row[0] == status]
        if these:
            click.echo(f"{styled(group, _COLOURS[status])}\n  {head}")
            click.echo("".join(f"  {line}\n" for line in these))
    click.echo(
        f"The message: {made.type}, {len(made.body.encode())} bytes. Approving it signs this digest of its bytes:"
    )
    click.echo(f"  {made.digest}\n\nThe exact bytes:\n{visible(made.body)}")
    if not made.findings:
        say("No rule forbids sending this.")


_WIDEST = 30
"""Characters of a value in the table; the exact bytes below it have the whole."""


def _title(tongue: Tongue, member: str) -> str:
    return next((part.label for part in readable.elements(tongue, {member: ""})), member)


def _short(tongue: Tongue, member: str, value: Any) -> str:
    """Return ``value`` in a few words: its codes as text, its parts in a row, cut where the column ends."""
    if value is None:
        return "-"
    if not isinstance(value, str):
        value = ", ".join(_words(readable.elements(tongue, {member: value})))
    line = " ".join(str(value).split())
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"


def _words(found: Sequence[readable.Part]) -> list[str]:
    """Return the words of ``found``, names and numbers before what codes say of them."""
    leaves = _leaves(found)
    return [part.text for typed in (True, False) for part in leaves if part.typed is typed]


def _leaves(found: Sequence[readable.Part]) -> list[readable.Part]:
    return [leaf for part in found for leaf in (_leaves(part.parts) if part.parts else [part])]
