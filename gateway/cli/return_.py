"""
``isthmus return``: the steps of a return, on the side that proposes and on the side that accepts. JSON in, JSON out.

Rule 1: a verb takes the same step as the local API does, by the same code; who may take it stands in the state tables.
Rule 2: who signs names the digest that was shown, so that nobody signs unseen what changed meanwhile.
Approving what was prepared, letting go, going on and closing are verbs of ``isthmus case``.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

import schemas
from gateway.cli.case import Desk, desk_options, plain_step, ref_argument, seen_option
from gateway.cli.output import Verbs
from gateway.cli.session import REASON, read_json
from gateway.cli.signing import HAND_DAYS, Pen, pen_options
from gateway.core.attachments import in_short
from gateway.core.case import Side
from gateway.services import access
from gateway.services.acts import RETURN_DESK, RETURN_PARTS, check_shown
from gateway.services.as_json import return_json
from gateway.services.audience import find_row

if TYPE_CHECKING:
    from gateway.app import Gateway

VALID_DAYS = 60
"""How long the signature of an authority in charge counts if nobody says otherwise."""


@click.group(name="return", cls=Verbs)
def return_() -> None:
    """
    Consider, propose, accept and carry out a return; stop it at any time.

    Every verb says who acts (--as) and prints JSON. A reference that begins with a dash comes after "--".
    """


@return_.command()
@ref_argument
@click.option(
    "--why", type=REASON, metavar="TEXT", required=True, help="Why it is looked at; recorded before it is shown."
)
@desk_options
def show(desk: Desk, ref: str, why: str) -> None:
    """Show the return as far as the role sees it: record, what was said, who signed, what is prepared."""

    async def act(gateway: "Gateway") -> Any:
        role = desk.looking(gateway, RETURN_DESK | frozenset(RETURN_PARTS))
        check_shown(await find_row(gateway.inquiries, ref, {role}))
        of = (gateway.context, ref, desk.person, role)
        mark = await access.stand(*of)
        return {**in_short(return_json(await access.look(*of, why=why), role)), "mark": mark}

    desk.run(act)


def _from_file(name: str, step: str, what: str, text: str) -> None:
    """Add a verb that takes a step with the JSON object in FILE."""

    @return_.command(name, help=f'{text} FILE may be "-", for standard input.')
    @ref_argument
    @click.argument("file")
    @desk_options
    @seen_option(step)
    def filed(desk: Desk, ref: str, file: str) -> None:
        body = read_json(file, what=what)
        desk.run(lambda gateway: desk.step(gateway, step, ref, body))


def _signed(name: str, step: str, side: Side, kind: str, text: str) -> None:
    """Add a verb that signs what is prepared, as an authority in charge."""

    @return_.command(name, help=text)
    @ref_argument
    @pen_options(VALID_DAYS)
    @desk_options
    def signed(desk: Desk, ref: str, pen: Pen) -> None:
        desk.run(lambda gateway: desk.sign(gateway, pen, step, side, ref, kind))


# The side that proposes.

_from_file("consider", "consideration", "a return record", "Begin to consider a return, with the record in FILE.")
_from_file("record", "record", "a return record", "Replace the national record of the return by the one in FILE.")
plain_step(return_, "assess", "assessment", "Say, as the authority in charge, that the assessments are complete.")
plain_step(return_, "decline", "decline", "End it without a return.")
plain_step(
    return_, "reassess", "reassessment", "Begin anew, because something changed; what was signed before is void."
)
_from_file("prepare", "proposal", "a plan", "Prepare the proposal: the plan in FILE, and the conclusions on record.")
_signed(
    "endorse",
    "endorsement",
    Side.REQUESTING,
    "return.release",
    "Release the return that was prepared and approved, as the authority in charge.",
)
plain_step(return_, "propose", "propose", "Send the proposal that was approved and released.")
plain_step(return_, "decide", "decision", "Note that the decision on record is final.")
plain_step(return_, "request-document", "document-request", "Send the request for a travel document that was approved.")
_from_file("schedule", "schedule", "a journey", "Fix the journey in FILE; it is told 72 hours before departure.")
plain_step(return_, "cancel", "cancellation", "Take the plan of the journey back.")
plain_step(return_, "returned", "returned", "Note that the person is back; everything is assessed anew.")


@return_.command()
@ref_argument
@click.option("--needed-by", required=True, type=click.DateTime(["%Y-%m-%d"]), help="When it is needed.")
@desk_options
@seen_option("document")
def document(desk: Desk, ref: str, needed_by: datetime) -> None:
    """Prepare the request for a travel document; a second person approves it (isthmus case approve)."""
    desk.run(lambda gateway: desk.step(gateway, "document", ref, {"needed_by": needed_by.date().isoformat()}))


@return_.command()
@ref_argument
@click.option("--arrives-at", metavar="INSTANT", help="If later than planned, such as 2027-02-09T12:40:00Z.")
@click.option("--left-at", metavar="INSTANT", help="If a restore took the departure: when it was.")
@desk_options
def depart(desk: Desk, ref: str, arrives_at: str | None, left_at: str | None) -> None:
    """Say, as the escort, that the person left now. Everything is looked at once more."""
    body = {"arrives_at": arrives_at, **({} if left_at is None else {"left_at": left_at})}
    desk.run(lambda gateway: desk.step(gateway, "departure", ref, body))


@return_.command()
@ref_argument
@click.argument("file", required=False)
@desk_options
def protocol(desk: Desk, ref: str, file: str | None) -> None:
    """Show the exact protocol of a handover to sign: of FILE, or, without it, what the first hand signed."""
    body = {"protocol": None if file is None else read_json(file, what="a protocol")}
    desk.run(lambda gateway: desk.step(gateway, "protocol", ref, body))


@return_.command("hand-over")
@ref_argument
@click.argument("file")
@pen_options(HAND_DAYS)
@desk_options
def hand_over(desk: Desk, ref: str, file: str, pen: Pen) -> None:
    """Sign the protocol of a handover in FILE as the escort, the first hand."""
    value = read_json(file, what="a protocol")

    async def act(gateway: "Gateway") -> Any:
        seen = await gateway.returning.protocol(ref, value, desk.person, "escort")
        now = gateway.context.clock.now()
        made = pen.sign(seen.thread, seen.digest, "handover.delivery", "escort", now)
        return await desk.step(gateway, "handover", ref, {"protocol": value, "statement": made})

    desk.run(act)


# Either side.


@return_.command()
@ref_argument
@click.option("--reason", required=True, type=REASON, metavar="TEXT", help="Why; it stays sealed here.")
@desk_options
def suspend(desk: Desk, ref: str, reason: str) -> None:
    """Stop the return at once; a State that knows of it learns that it is stopped, and no reason."""
    desk.run(lambda gateway: desk.step(gateway, "suspension", ref, {"reason": reason}))


@return_.command()
@ref_argument
@click.option("--reason", required=True, type=REASON, metavar="TEXT", help="Why; it stays sealed here.")
@click.option(
    "--code", required=True, type=click.Choice(sorted(schemas.codes("take_back_reason"))), help="What is told."
)
@click.option("--by", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Until when.")
@click.option("--protection", metavar="FILE", help="The protection state that became known: 'asylum' of a case draft.")
@desk_options
def recall(desk: Desk, ref: str, reason: str, code: str, by: datetime, protection: str | None) -> None:
    """Call the person back after departure."""
    body: dict[str, Any] = {"reason": reason, "code": code, "by": by.date().isoformat()}
    if protection is not None:
        body["protection"] = read_json(protection, what="a protection state")
    desk.run(lambda gateway: desk.step(gateway, "recall", ref, body))


# The side that accepts.

_from_file("answer", "acceptance", "an answer", "Prepare to accept: carer, services and expiry in FILE.")
_signed(
    "accept",
    "accept",
    Side.REQUESTED,
    "return.acceptance",
    "Accept what was prepared, as the authority in charge; it leaves with the signature.",
)
_from_file("issue", "issue", "a travel document", "Say that the travel document in FILE was issued.")
_from_file("reissue", "reissue", "a travel document", "Say that the document in FILE takes the place of the last.")


@return_.command()
@ref_argument
@click.option(
    "--reason", required=True, type=click.Choice(sorted(schemas.codes("reason_not_received"))), help="Why not."
)
@desk_options
def refuse(desk: Desk, ref: str, reason: str) -> None:
    """Refuse the return that is proposed."""
    desk.run(lambda gateway: desk.step(gateway, "refusal", ref, {"reason": reason}))


@return_.command("confirm")
@ref_argument
@pen_options(HAND_DAYS)
@desk_options
def confirm(desk: Desk, ref: str, pen: Pen) -> None:
    """Sign the protocol of a handover as the receiving service, the second hand."""

    async def act(gateway: "Gateway") -> Any:
        seen = await gateway.returning.protocol(ref, None, desk.person, "reception")
        now = gateway.context.clock.now()
        made = pen.sign(seen.thread, seen.digest, "handover.receipt", "reception", now)
        return await desk.step(gateway, "handover-confirmation", ref, {"statement": made})

    desk.run(act)


@return_.command()
@ref_argument
@click.option("--status", required=True, type=click.Choice(sorted(schemas.codes("monitoring"))), help="As a code.")
@click.option("--on", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day of the visit.")
@click.option("--final", is_flag=True, help="No other report will follow; not before six months.")
@desk_options
def report(desk: Desk, ref: str, status: str, on: datetime, final: bool) -> None:
    """Report how the person was found after arrival."""
    body = {"status": status, "on": on.date().isoformat(), "final": final}
    desk.run(lambda gateway: desk.step(gateway, "report", ref, body))
