"""``isthmus evidence``: export what proves a case, and verify such a file without a network or a database."""

from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.errors import CommandError, Exit
from gateway.cli.evidence_file import verify_file
from gateway.cli.output import Verbs, counted, emit, json_option, say, shown
from gateway.cli.session import INPUT_MAX_BYTES, REASON, home_option, passphrase, passphrase_option, run
from gateway.cli.typed import check_folder, public_key
from gateway.core.evidence_report import Proved, Report
from gateway.core.evidence_verifier import Anchors, CheckToken
from gateway.core.reuse import DESK, bodies, purposes
from keys.durable_file import write_durably
from keys.trust_policy import is_country

if TYPE_CHECKING:
    from gateway.app import Gateway


@click.group(cls=Verbs)
def evidence() -> None:
    """Export what proves a case, and verify such a file offline."""


@evidence.command()
@click.argument("case")
@click.option("--as", "person", required=True, metavar="PERSON", help="Who exports.")
@click.option("--role", required=True, help="In which role.")
@click.option("--why", required=True, type=REASON, metavar="TEXT", help="Why; it is recorded (R-13).")
@click.option(
    "--with-content", "second", metavar="PERSON", help="Disclose the messages too, together with this person."
)
@click.option(
    "--to", "recipient", type=click.Choice(bodies()), help="Which body gets the messages; with --with-content."
)
@click.option("--for", "purpose", type=click.Choice(purposes()), help="What for, if not what they were sent for.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The zip to write."
)
@home_option
@passphrase_option
@json_option
def export(
    case: str,
    person: str,
    role: str,
    why: str,
    second: str | None,
    recipient: str | None,
    purpose: str | None,
    output: Path,
    home: Path,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Write the evidence of CASE into one zip. Without --with-content no name is in it."""
    if (second is None) != (recipient is None):
        raise click.UsageError("--with-content goes with --to: say which body gets the messages")
    if output.exists():
        raise CommandError(
            Exit.USAGE, "exists", f"{output} exists", "name a file that does not; nothing is overwritten"
        )

    check_folder(output)

    async def act(gateway: "Gateway") -> bytes:
        from gateway.services import evidence as exports  # the database and its library are needed here alone

        by = (person, second) if second else None
        cards = gateway.cards
        return await exports.export(
            gateway.context,
            case,
            person,
            role,
            why,
            cards=cards,
            with_content_by=by,
            recipient=recipient or DESK,
            purpose=purpose,
        )

    raw = run(home, passphrase(passphrase_file), act)
    write_durably(output, raw, mode=0o600, new=True)
    if as_json:
        emit({"file": str(output), "bytes": len(raw), "with_content": second is not None})
    else:
        say(f"wrote {output} ({len(raw)} bytes); anyone verifies it with: isthmus evidence verify {output}")


@evidence.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--root",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The root of the trust list, as it was compared: it leads to the cards of all States.",
)
@click.option(
    "--identity", "identities", multiple=True, metavar="XAA=KEY", help="An identity key compared out of band."
)
@click.option(
    "--tsa",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificates of a time-stamping authority (PEM).",
)
@click.option("--witnessed", is_flag=True, help="A checkpoint that too few States cosigned is a fault.")
@json_option
def verify(
    file: Path, root: Path | None, identities: tuple[str, ...], tsa: Path | None, witnessed: bool, as_json: bool
) -> None:
    """Verify FILE offline: every fault, by member. Exits 6 if there is one."""
    try:
        anchors = Anchors(_pinned(identities), _root(root) if root else None, _checker(tsa), witnessed)
        report = verify_file(file, anchors)
    except OSError as error:
        raise CommandError(
            Exit.USAGE,
            "unreadable",
            f"{error.filename or file} cannot be read: {error.strerror}",
            "name the zip, and files that exist",
        ) from error
    if as_json:
        emit({"verified": report.verified, **_plain(report)})
    else:
        _tell(report)
    if not report.verified:
        raise CommandError(
            Exit.INTEGRITY,
            "not-verified",
            f"the evidence does not verify: {counted(len(report.faults), 'fault')}",
            "ask whoever made the file for another export, and keep this one",
            tuple(f"{fault.member or 'the file'}: {fault.reason}" for fault in report.faults),
        )


def _root(path: Path) -> bytes:
    """Return what is in ``path``. Raises ``OSError``, and ``CommandError`` for what is far larger than a root."""
    with path.open("rb") as file:
        raw = file.read(INPUT_MAX_BYTES + 1)
    if len(raw) > INPUT_MAX_BYTES:
        text = f"{path} is larger than {INPUT_MAX_BYTES} bytes, and no root"
        raise CommandError(Exit.USAGE, "too-large", text, "name the root of the trust list: metadata/1.root.json")
    return raw


def _checker(tsa: Path | None) -> CheckToken | None:
    """Return what checks time-stamps under the certificates in ``tsa``. Raises ``Unavailable``, ``CommandError``."""
    if tsa is None:
        return None
    if find_spec("rfc3161_client") is None:
        raise CommandError(
            Exit.CONFIGURATION,
            "no-timestamp",
            "time-stamps need the extra 'timestamp'",
            "install the extra: requirements/timestamp.txt",
        )
    from gateway.transport.timestamp import load_roots, verify_token

    roots = load_roots(tsa)
    return lambda raw, message: verify_token(raw, message, roots)


def _pinned(texts: tuple[str, ...]) -> dict[str, set[bytes]]:
    """Return the identity keys that were compared, by State. Raises ``UsageError``: a slip would compare nothing."""
    pinned: dict[str, set[bytes]] = defaultdict(set)
    for text in texts:
        country, _, key = text.partition("=")
        if not is_country(country):
            raise click.UsageError(f"{shown(country)} is no country code; write --identity XAA=KEY")
        pinned[country].add(public_key(key))
    return dict(pinned)


def _plain(report: Report) -> dict[str, object]:
    return {
        "manifest": report.manifest,
        "members": report.members,
        "identities": report.identities,
        "messages": report.messages,
        "checkpoints": report.checkpoints,
        "notes": report.notes,
        "faults": report.faults,
    }


def _tell(report: Report) -> None:
    click.echo(
        f"{report.members} members, {len(report.messages)} messages: {'verified' if report.verified else 'FAULTS'}"
    )
    if (about := report.manifest) is not None:
        at = shown(about.exported_at)
        click.echo(shown(f"case {about.case} of {about.country} with {about.partner}, exported at {at}"))
    for who in report.identities:
        compared = "compared" if who.pinned else "compared by nobody: ask that State for it by another way"
        click.echo(f"identity of {who.country}: {who.fingerprint} ({compared})")
    for message in report.messages:
        click.echo(shown(f"{message.direction} {message.type} {message.digest}: {_proved(message)}"))
    for one in report.checkpoints:
        by = ", ".join(f"{country} {at:%Y-%m-%d %H:%M}" for country, at in sorted(one.cosigned.items())) or "nobody"
        stamped = f", stamped {one.stamped_at}" if one.stamped_at else ""
        enough = "enough" if one.enough else "too few"
        click.echo(f"log {one.origin}, {one.size} entries: cosigned by {by}, {enough}{stamped}")
    for note in report.notes:
        click.echo(f"note: {shown(note)}")  # it quotes the file


def _proved(message: Proved) -> str:
    """Return what the receipt of a message proves, in words; a status without one is the file's own and not told."""
    if message.receipt_by is None:
        return "no receipt"
    said = f"{message.status}{f' ({message.code})' if message.code else ''} by {message.receipt_by}"
    due = f", due on {message.due_on}" if message.due_on else ""
    return f"{said} at {shown(message.received_at)}{due}"
