"""``isthmus form``: a sealed message on paper for a partner whose line is down, and its answer on paper back."""

import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import segno

from gateway import settings
from gateway.cli.errors import CommandError, Exit
from gateway.cli.output import Verbs, counted, emit, json_option, say
from gateway.cli.session import INPUT_MAX_BYTES, home_option, passphrase, passphrase_option, run
from gateway.core.codes import PeerError, Reason, find_problem_code
from gateway.core.printed_form import Kind, form_text, parse_parts, serialize_parts
from gateway.services.context import NoPartner
from keys.durable_file import write_durably
from schemas import ijson

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.services.ports import Tx

_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    default=".",
    show_default="this directory",
    help="Where the pages are written.",
)
AT_ONCE = 16
"""Messages taken from the outbox in one transaction."""
LEASE_S = 600
"""How long none of them is taken again: far longer than their pages take to write, on the slowest machine."""


@click.group(cls=Verbs)
def form() -> None:
    """
    Messages on paper, as QR codes with a digest.

    What is printed is the sealed envelope, which only its recipient can open; the rules were looked at as before any
    posting. The other State scans it, receives it like one from the line, and prints the answer.
    """


@form.command("print")
@click.argument("country")
@_OUT
@home_option
@passphrase_option
@json_option
def print_(country: str, out: Path, home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Print what waits for COUNTRY and may leave, one page for each message. The line goes on trying too.

    Whichever arrives first counts. What was printed is printed again, as the same page, until its answer is there.
    """

    ours, pages = _country(home), list[str]()
    out.mkdir(parents=True, exist_ok=True)  # before anything counts as posted

    async def act(gateway: "Gateway") -> int:
        await gateway.context.look()  # a store that has gone back would give its numbers a second time
        if country not in gateway.context.partners:
            raise NoPartner(country)
        # One by one, for after weeks without a line more may wait than there is memory.
        return await _take(gateway, country, lambda raw: pages.append(_write(out, Kind.MESSAGE, raw, ours, country)))

    left = run(home, passphrase(passphrase_file), act)
    if left:
        verb = "waits" if left == 1 else "wait"
        say(
            f"{counted(left, 'more message')} for {country} {verb}: behind one of the same case that has no answer "
            "yet, or because a rule stands against it, or the State is on hold (isthmus check)."
        )
    elif not pages:
        say(f"Nothing waits for {country}.")
    emit({"pages": pages}, as_json=as_json)


async def _take(gateway: "Gateway", country: str, give: Callable[[bytes], None]) -> int:
    """Give what may leave for ``country`` now, however long it would rest on the line; return how much else waits."""
    clock = gateway.context.clock

    async def wake(tx: "Tx") -> None:
        await tx.hasten_posted(country, clock.now(), clock.now())

    await gateway.context.commit(wake)
    given: set[str] = set()
    while new := await gateway.deliverer.fetch(country, AT_ONCE, LEASE_S):
        for item in new:
            # Where all of them take longer than a lease, the first come again: they are printed, and leased anew.
            if item.row.id not in given:
                give(item.envelope)
        given |= {item.row.id for item in new}
    await gateway.context.commit(wake)  # the line goes on
    figures = await gateway.inquiries.figures(clock.now())
    return figures.waiting.get(country, 0) - len(given)


@form.command()
@click.argument("file")
@_OUT
@home_option
@passphrase_option
@json_option
def read(file: str, out: Path, home: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """
    Take in the form whose codes stand in FILE, one a line ("-": standard input).

    A message is received and its answer printed; an answer is checked and settles the message it is about.
    """
    out.mkdir(parents=True, exist_ok=True)  # before anything is received
    with click.open_file(file, "r", encoding="ascii", errors="replace") as stream:
        lines = stream.read(INPUT_MAX_BYTES).splitlines()
    try:
        kind, raw = parse_parts(lines)
    except ValueError as error:
        hint = "scan the codes of one form, one a line; where the page was written a .txt beside it has them"
        raise CommandError(Exit.USAGE, "form", str(error), hint) from error

    async def act(gateway: "Gateway") -> Any:
        await gateway.context.look()  # as in print
        if kind is Kind.ANSWER:
            try:
                await gateway.deliverer.take_answer(raw)
            except PeerError as error:
                if error.reason is not Reason.ANSWER_UNASKED:
                    raise
                text, hint = "the answer is about no message of ours", "read it where the message was printed"
                raise CommandError(Exit.USAGE, "form", text, hint) from error
            return None
        return await gateway.receiver.receive(raw)

    reply = run(home, passphrase(passphrase_file), act)
    if reply is None:
        emit({"kind": "answer", "settled": True}, as_json=as_json)
    elif reply.status != 200:
        raise _untaken(str(find_problem_code(ijson.loads(reply.body)["type"])))
    else:
        page = _write(out, Kind.ANSWER, reply.body, _country(home), "its sender")
        emit({"kind": "message", "pages": [page]}, as_json=as_json)


_LATER = frozenset({"later", "rate", "hold"})


def _untaken(code: str) -> CommandError:
    """Return what is told of a message that was answered by ``code`` (protocol 2), which nobody carries back."""
    text = f"the message is not taken ({code}), and nothing goes back"
    if code in _LATER:
        return CommandError(Exit.LATER, "form", text, "isthmus check; then read it again later")
    if code == "unknown-key":
        hint = "see that it is for this State; where it is, give its sender our newest card, and have it printed anew"
        return CommandError(Exit.REFUSED, "form", text, hint)
    return CommandError(Exit.REFUSED, "form", text, "compare its digest by telephone, and have it printed anew")


def _country(home: Path) -> str:
    return str(settings.load(home, os.environ).values["country"])


def _write(out: Path, kind: Kind, raw: bytes, sender: str, recipient: str) -> str:
    """Write the form as a page of HTML with its codes as drawings and as text; return its path."""
    codes = serialize_parts(kind, raw)
    drawn = "".join(
        f"<section><p>{n} of {len(codes)}</p>{segno.make_qr(code, error='m').svg_inline(scale=2)}</section>"
        for n, code in enumerate(codes, 1)
    )
    text = form_text(kind, raw, sender, recipient)
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sealed form</title>'
        "<style>section{break-inside:avoid}pre{white-space:pre-wrap}</style></head>"
        f"<body><pre>{html.escape(text)}</pre>{drawn}</body></html>\n"
    )
    stem = codes[0].split(":")[4].lower()
    path = out / f"form-{kind.name.lower()}-{stem}.html"
    write_durably(path, page.encode())
    write_durably(path.with_suffix(".txt"), ("\n".join(codes) + "\n").encode())
    return str(path)
