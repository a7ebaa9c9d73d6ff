"""``isthmus note-verbale``: the note of the fourth rung, as text, JSON or PDF/A, with opaque references only."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.case import Desk, desk_options
from gateway.cli.note_pdf import serialize_pdf
from gateway.cli.output import emit, say
from gateway.cli.typed import check_folder
from gateway.core.note_verbale import LANGUAGES, Note, serialize_html, serialize_text
from gateway.services.escalate import Escalation
from keys.durable_file import write_durably

if TYPE_CHECKING:
    from gateway.app import Gateway


@click.command("note-verbale")
@click.argument("partner", metavar="XBB")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the note.")
@click.option(
    "--pdf",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it as PDF/A too; no file is overwritten.",
)
@click.option("--draft", is_flag=True, help="Show what it would say; it gets no number, and nothing is recorded.")
@desk_options
def note_verbale(desk: Desk, partner: str, language: str, file: Path | None, draft: bool) -> None:
    """
    Write the note verbale about every case with XBB for which the fourth level is reached.

    It holds references of its own, days and agreements, and no identity. It is numbered and recorded in each case,
    which then rests. Seal and initials are put on paper by hand.
    """
    if file is not None:
        check_folder(file)
        if file.exists():
            raise click.UsageError(f"{file} exists; take another path")

    async def act(gateway: "Gateway") -> Note:
        escalation = Escalation(gateway.context)
        role = desk.fitting(gateway, frozenset(escalation.who("L4")))
        return await escalation.note(partner, desk.person, role, language, draft=draft)

    made = desk.done(act)
    if desk.as_json:
        emit({"number": made.number or None, "on": made.on, "items": made.items, "text": serialize_text(made)})
    else:
        click.echo(serialize_text(made), nl=False)
    if file is not None:
        _write(file, made)


def _write(file: Path, made: Note) -> None:
    """Write the PDF. What the note says was recorded and printed before, so that a missing library loses nothing."""
    content = serialize_pdf(serialize_html(made))
    write_durably(file, content, new=True)
    say(f"{file}: {len(content)} bytes")
