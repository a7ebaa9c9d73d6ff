"""
``isthmus escalate``: the ladder that silence leads up, one rung at a time, and the mark that stops it.

Rule 1: a rung is triggered by a person whose rung it is; this command adds no right to anybody.
Rule 2: nothing here shows who the case is about, nor foreign affairs that a case was stopped.
"""

from typing import TYPE_CHECKING, Any

import click

from gateway.cli.case import Desk, desk_options, ref_argument
from gateway.cli.output import Verbs, say
from gateway.cli.session import REASON
from gateway.core.escalation import MAY_ALLOW, MAY_STOP
from gateway.core.note_verbale import LANGUAGES, serialize_text
from gateway.core.verification import CLERK
from gateway.services.audience import find_row
from gateway.services.escalate import FINDERS, Escalation

if TYPE_CHECKING:
    from gateway.app import Gateway

_LANGUAGE = click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)


@click.group(cls=Verbs)
def escalate() -> None:
    """Press for an overdue answer, level by level; or say that nobody may."""


@escalate.command()
@ref_argument
@click.argument("level", type=click.Choice([f"L{number}" for number in range(1, 7)]))
@_LANGUAGE
@desk_options
def trigger(desk: Desk, ref: str, level: str, language: str) -> None:
    """
    Trigger LEVEL for the case REF and record it.

    L1 sends the next numbered reminder, L4 writes the note verbale; the others record what people did by other ways.
    """

    async def act(gateway: "Gateway") -> dict[str, Any]:
        service = Escalation(gateway.context)
        role = desk.fitting(gateway, frozenset(service.who(level)))
        await find_row(gateway.inquiries, ref, {role})  # a case that this role does not see is none
        note = await service.trigger(ref, level, desk.person, role, language)
        return {"ref": ref, "level": level, "note": serialize_text(note) if note else None}

    desk.run(act)


@escalate.command("list")
@click.argument("partner", metavar="XBB")
@_LANGUAGE
@desk_options
def list_(desk: Desk, partner: str, language: str) -> None:
    """Write the quarterly list about XBB for the joint committee, and record level L5 in each case on it."""

    async def act(gateway: "Gateway") -> dict[str, Any]:
        service = Escalation(gateway.context)
        role = desk.fitting(gateway, frozenset(service.who("L5")))
        return {"partner": partner, "text": await service.quarterly(partner, desk.person, role, language)}

    desk.run(act)


@escalate.command()
@ref_argument
@click.option("--why", required=True, type=REASON, metavar="TEXT", help="Why; it stays sealed here.")
@desk_options
def stop(desk: Desk, ref: str, why: str) -> None:
    """Mark the case REF "do not press": at once, by one person. No reminder and no level follows."""

    async def act(gateway: "Gateway") -> dict[str, Any]:
        role = desk.fitting(gateway, MAY_STOP)
        await Escalation(gateway.context).stop(ref, why, desk.person, role)
        return {"ref": ref, "do_not_press": True}

    desk.run(act)


@escalate.command()
@ref_argument
@desk_options
def allow(desk: Desk, ref: str) -> None:
    """Take the mark away: the first person proposes it, a second, other one does it."""

    async def act(gateway: "Gateway") -> dict[str, Any]:
        role = desk.fitting(gateway, MAY_ALLOW)
        gone = await Escalation(gateway.context).allow(ref, desk.person, role)
        return {"ref": ref, "do_not_press": not gone}

    if desk.run(act)["do_not_press"]:
        say("Proposed. A second person takes the mark away with the same command.")


@escalate.command()
@click.argument("partner", metavar="XBB")
@click.argument("reference")
@desk_options
def find(desk: Desk, partner: str, reference: str) -> None:
    """Tell which case of ours XBB means by a REFERENCE in a note verbale."""

    async def act(gateway: "Gateway") -> dict[str, Any]:
        role = desk.fitting(gateway, FINDERS, CLERK)
        return {"ref": await Escalation(gateway.context).find(partner, reference, desk.person, role)}

    desk.run(act)
