"""``isthmus interview``: propose an interview, consent to it or say no, and tell its result."""

from typing import TYPE_CHECKING, Any

import click

from gateway.cli.case import Desk, desk_options, ref_argument, seen_option
from gateway.cli.output import Verbs, say
from gateway.cli.session import read_json

if TYPE_CHECKING:
    from gateway.app import Gateway


@click.group(cls=Verbs)
def interview() -> None:
    """
    Interviews, within the limits that the request sets.

    The asked State proposes one and tells its result; the asking State agrees with the person's consent, or says no.
    """


@interview.command()
@ref_argument
@click.argument("file")
@desk_options
def propose(desk: Desk, ref: str, file: str) -> None:
    """Propose the interview in FILE ("-": standard input): mode, place, present, questions, from, until."""
    body = read_json(file, what="the proposal of an interview")
    desk.run(lambda gateway: desk.step(gateway, "interview", ref, body))


@interview.command()
@ref_argument
@click.argument("file")
@desk_options
@seen_option("interview-consent")
def consent(desk: Desk, ref: str, file: str) -> None:
    """
    Prepare to accept the interview proposed: FILE has present, on, and the person's consent.

    A second person approves what is prepared: isthmus case approve; then: isthmus interview agree.
    """
    body = read_json(file, what="the acceptance of an interview")

    async def act(gateway: "Gateway") -> Any:
        made = await desk.step(gateway, "interview-consent", ref, body)
        say("A second person approves it now: isthmus case approve; then: isthmus interview agree REF")
        return made

    desk.run(act)


@interview.command()
@ref_argument
@desk_options
@seen_option("interview-agreement")
def agree(desk: Desk, ref: str) -> None:
    """Send the acceptance that was approved."""
    desk.run(lambda gateway: desk.step(gateway, "interview-agreement", ref, {}))


@interview.command()
@ref_argument
@desk_options
def decline(desk: Desk, ref: str) -> None:
    """Say no, at once and without a reason."""
    desk.run(lambda gateway: desk.step(gateway, "interview-refusal", ref, {}))


@interview.command()
@ref_argument
@click.argument("file")
@desk_options
def result(desk: Desk, ref: str, file: str) -> None:
    """Tell the result in FILE: result, on, outcome, present. What was said stays with who heard it."""
    body = read_json(file, what="the result of an interview")
    desk.run(lambda gateway: desk.step(gateway, "interview-result", ref, body))
