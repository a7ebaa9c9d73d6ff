"""
Which cases may be mentioned to the State that owes something in them.

A list of what is open presses for it like a reminder does, so whatever forbids a reminder keeps a case off every list:
an open protection question, a State not to be contacted, the mark "do not press". The reason is not told here.
"""

from collections.abc import Sequence
from datetime import datetime

from gateway.core.case import Side
from gateway.core.escalation import Pressed, is_stopped, owed
from gateway.core.facts import When, about
from gateway.core.messages import REMINDER
from gateway.core.rules import findings
from gateway.services import cases
from gateway.services.around import look
from gateway.services.context import Context, NotFound
from gateway.services.ports import Tx
from keys.errors import BadRest


async def mentionable(context: Context, refs: Sequence[str], now: datetime) -> frozenset[str]:
    """Return those of ``refs`` that may be mentioned now; an exercise is none, nor is a case that cannot be read."""

    async def unit(tx: Tx) -> frozenset[str]:
        return frozenset([ref for ref in refs if await _may(context, tx, ref, now)])

    return await context.store.read(unit)


async def _may(context: Context, tx: Tx, ref: str, now: datetime) -> bool:
    try:
        case = (await cases.load(context, tx, ref)).case
    except (NotFound, BadRest):
        return False
    if case.side is not Side.REQUESTING or case.exercise or owed(case) is None:
        return False
    if is_stopped([Pressed(event.event, event.actor, event.at) for event in await tx.events(ref)]):
        return False
    around = await look(context, tx, case, now)
    return not findings(When.REMIND, about(case, now, REMINDER, around=around))
