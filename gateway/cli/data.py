"""``isthmus data``: what becomes of data that was sent: its use, its onward transfer, its correction, its end."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

import schemas
from gateway.cli.case import Desk, desk_options, plain_step, ref_argument, seen_option
from gateway.cli.output import Verbs, say
from gateway.cli.session import REASON, read_json
from gateway.cli.signing import Pen, pen_options
from gateway.core.case import Side, State
from gateway.services import rights
from gateway.services.acts import VERBS
from gateway.services.notices import APPROVAL
from gateway.services.retain import ORDERED

if TYPE_CHECKING:
    from gateway.app import Gateway

_NUMBER = click.argument("number", type=click.IntRange(1, 9999))
_PART = click.option(
    "--part",
    "parts",
    multiple=True,
    required=True,
    type=click.Choice(sorted(schemas.codes("rectified_part"))),
    help="Which part was wrong.",
)


@click.group(cls=Verbs)
def data() -> None:
    """
    Ask and answer what became of data that was sent, correct it, and have it destroyed.

    No answer is no. What corrects and destroys may follow a withdrawal; nothing else may.
    """


plain_step(data, "ask-use", "use-question", "Ask what the other State did with what we sent.")
plain_step(data, "ask-erasure", "erasure-demand", "Ask the other State to destroy all that we sent in this case.")


@data.command("report-use")
@ref_argument
@click.argument("file")
@desk_options
def report_use(desk: Desk, ref: str, file: str) -> None:
    """Answer what became of what we received: FILE has number, held, restrictions_kept and uses."""
    body = read_json(file, what="a report on use")
    desk.run(lambda gateway: desk.step(gateway, "use-report", ref, body))


@data.command("ask-onward")
@ref_argument
@click.option("--purpose", required=True, type=click.Choice(sorted(schemas.codes("use_purpose"))), help="For what.")
@click.option("--to", "recipient", required=True, type=click.Choice(sorted(schemas.codes("recipient_class"))))
@desk_options
def ask_onward(desk: Desk, ref: str, purpose: str, recipient: str) -> None:
    """Ask to use what we received for another purpose or at another body. Until a yes arrives the answer is no."""
    body = {"purpose": purpose, "recipient": recipient}
    desk.run(lambda gateway: desk.step(gateway, "onward-question", ref, body))


@data.command("answer-onward")
@ref_argument
@_NUMBER
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Grant it until this day; without it, refuse.")
@desk_options
def answer_onward(desk: Desk, ref: str, number: int, until: datetime | None) -> None:
    """Grant or refuse the other State's request NUMBER. A refusal has no reason."""
    body = {"number": number, "until": until.date().isoformat() if until else None}
    desk.run(lambda gateway: desk.step(gateway, "onward-answer", ref, body))


@data.command()
@ref_argument
@_PART
@click.option("--everywhere", is_flag=True, help="Say so in every case in which something of this person was sent.")
@desk_options
def strike(desk: Desk, ref: str, parts: tuple[str, ...], *, everywhere: bool) -> None:
    """
    Say that parts of what we sent were wrong and are to be destroyed.

    With --everywhere each recipient is named, with the reason where it cannot be told now (R-16).
    """

    async def act(gateway: "Gateway") -> Any:
        if not everywhere:
            return await desk.step(gateway, "strike", ref, {"parts": list(parts)})
        return await rights.rectify(gateway.context, gateway.notices, ref, parts, desk.person, _looking(desk, gateway))

    desk.run(act)


@data.command()
@ref_argument
@click.argument("file")
@_PART
@desk_options
@seen_option("rectification")
def correct(desk: Desk, ref: str, file: str, parts: tuple[str, ...]) -> None:
    """
    Prepare right values for parts that were wrong: FILE holds them as elements.

    A second person approves and sends them: isthmus data approve.
    """
    body = {"parts": list(parts), "elements": read_json(file, what="the right elements")}

    async def act(gateway: "Gateway") -> Any:
        made = await desk.step(gateway, "rectification", ref, body)
        say("A second person approves and sends it now: isthmus data approve")
        return made

    desk.run(act)


@data.command()
@ref_argument
@pen_options()
@desk_options
def approve(desk: Desk, ref: str, pen: Pen) -> None:
    """Approve right values as a second person with a key of their own, and send them."""
    desk.run(lambda gateway: desk.sign(gateway, pen, "rectification-approval", Side.REQUESTING, ref, APPROVAL))


@data.command()
@ref_argument
@_NUMBER
@click.option("--result", type=click.Choice(sorted(schemas.codes("confirmed_result"))), default="DONE")
@desk_options
def confirm(desk: Desk, ref: str, number: int, result: str) -> None:
    """Confirm that rectification NUMBER of the other State was carried out wherever we hold the data."""
    desk.run(lambda gateway: desk.step(gateway, "confirmation", ref, {"number": number, "result": result}))


def _confirmed(context: click.Context, _: click.Parameter, yes: bool) -> None:
    """Ask on standard error, for standard output is data, but not where a shell completes a line. Raises ``Abort``."""
    if not yes and not context.resilient_parsing:
        click.confirm("This destroys our copy for good. Go on?", abort=True, err=True)


_YES = click.option(
    "--yes", is_flag=True, is_eager=True, expose_value=False, callback=_confirmed, help="Do not ask whether to go on."
)


@data.command()
@ref_argument
@_NUMBER
@_YES
@desk_options
def destroy(desk: Desk, ref: str, number: int) -> None:
    """Destroy our copy as erasure NUMBER of the other State asks, and confirm it."""
    desk.run(lambda gateway: desk.step(gateway, "destruction", ref, {"number": number}))


@data.command()
@ref_argument
@click.option("--with", "second", required=True, metavar="PERSON", help="Who erases it with you, for the desk.")
@_YES
@desk_options
def erase(desk: Desk, ref: str, second: str) -> None:
    """
    Erase the closed or locked case REF before its time, because a court or an authority ordered it.

    The data-protection officer does, with a liaison officer or desk head. What the other State has is not erased by it.
    """

    async def act(gateway: "Gateway") -> Any:
        desk.fitting(gateway, frozenset({ORDERED}))
        await gateway.retention.erase_as_ordered(ref, desk.person, second)
        return {"ref": ref, "state": State.ERASED.value}

    desk.run(act)


@data.command()
@ref_argument
@click.option("--why", required=True, type=REASON, metavar="TEXT", help="Why; it is recorded in each case (R-13).")
@desk_options
def recipients(desk: Desk, ref: str, why: str) -> None:
    """List the cases in which something of this person may have been sent, and what is not confirmed in each."""

    async def act(gateway: "Gateway") -> Any:
        return await gateway.notices.recipients(ref, desk.person, _looking(desk, gateway), why)

    desk.run(act)


def _looking(desk: Desk, gateway: "Gateway") -> str:
    """Return the role in which the person looks at whom something was sent to: one that corrects, on either side."""
    return desk.looking(gateway, VERBS["strike"].roles(Side.REQUESTING) | VERBS["strike"].roles(Side.REQUESTED))
