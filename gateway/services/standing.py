"""
What of ours stands in a case: the words by which the other State goes, or would go if it knew them.

Where it forgot one by a restore, and it is posted again no more, it is said once more (``once_more``).
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any

from gateway.core import wire
from gateway.core.case import HELD, Case, Side, State
from gateway.core.facts import When, about
from gateway.core.messages import (
    ACCEPTANCE,
    CONTEST,
    MONITORING,
    PROPOSAL,
    RECTIFICATION,
    REDIRECT,
    REPLY,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    WORD_OF_STOP,
)
from gateway.core.return_guards import outdated
from gateway.core.returns import ARRANGED, ARRANGING
from gateway.core.rules import findings
from gateway.core.verification import undo_state
from gateway.services import threads
from gateway.services.around import look
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow

_IN_DANGER = frozenset({"SEEN_CONCERN", "NOT_FOUND"})
"""Statuses of a report by which the other State acts for the person."""

_FOUND = (State.MONITORING, State.CLOSED_CONCERN, State.LOST_CONTACT)
"""States of a case in which the last report may say that the person is in danger."""

STATES = (*HELD, State.REPLIED, State.CONTESTED, *ARRANGING, State.RECALL, *_FOUND)
"""States of a case in which a word of ours may stand by which the other State goes, or would go if it knew it."""

_LIFTED_BY: Mapping[str, frozenset[str]] = {
    SUSPENSION: frozenset({RESUMPTION, TAKE_BACK}),
    RESUMPTION: frozenset({SUSPENSION, TAKE_BACK}),
    TAKE_BACK: frozenset({PROPOSAL, ACCEPTANCE}),
    RECTIFICATION: frozenset({REPLY}),
    ACCEPTANCE: frozenset(),
    CONTEST: frozenset(),
    MONITORING: frozenset(),
}
"""What we say after such a word when it stands no more: another one behind that says something else."""


def types_of(case: Case) -> tuple[str, ...]:
    """
    Return the types of our words that stand in a case, and of which a State that forgot them hears by nothing else.

    Beside that which keeps a person where she is (``stop_of``): that she is in danger, that a stop is over, an answer
    to a proposal, and an objection.
    """
    if (stop := stop_of(case)) is not None:
        return (stop,)
    if case.state in HELD or case.state not in STATES:
        return ()
    asked, found = case.side is Side.REQUESTED, list[str]()
    if not asked and case.state is State.CONTESTED:
        found.append(CONTEST)
    if asked and ACCEPTANCE in case.said and case.state in (State.REPLIED, *ARRANGED):
        found.append(ACCEPTANCE)
    if asked and case.state in _FOUND and case.said.get(MONITORING, {}).get("status") in _IN_DANGER:
        found.append(MONITORING)
    return (*found, RESUMPTION) if case.state in ARRANGING else tuple(found)


def stop_of(case: Case) -> str | None:
    """
    Return the type of that word of ours, ``None`` if none stands.

    Of who is asked it says that the return is stopped or, where it did not stop that, that the reply which it rests on
    is none, also before there is a return; of either State that the person is called back, who is not back as far as we
    know.

    What the other State says in such a case is taken as if nothing stood there: it learns of it by this word alone.
    """
    if case.state is State.RECALL:
        return TAKE_BACK if TAKE_BACK in case.said else None
    if case.side is Side.REQUESTING:
        return None
    if case.state in HELD and SUSPENSION in case.said:
        return SUSPENSION
    rests_on_it = case.at in ARRANGED or case.state is State.REPLIED
    return RECTIFICATION if rests_on_it and case.reply is None else None


def holds_no_more(case: Case) -> bool:
    """Return whether a return goes on as far as we are concerned, be it that the other State holds it still."""
    ours = SUSPENSION in case.said or case.freeze_reason is not None or stop_of(case) is not None
    return case.at in ARRANGING and case.state is not State.FROZEN and not ours


async def said_by(tx: Tx, ref: str, type: str, before: OutboundRow | None = None) -> list[OutboundRow]:
    """
    Return what was said by ``type`` in a case since it was lifted last, and was not lost, the last word first.

    Of what was said ``before`` a message, if one is given.
    """
    both = {type, *_LIFTED_BY[type]}
    rows = [row for row in await tx.outbound_of_case(ref) if row.state not in ("dropped", "undelivered")]
    rows = [row for row in rows if before is None or row.place < before.place]
    said = sorted((row for row in rows if row.type in both), key=lambda row: row.place, reverse=True)
    return list(takewhile(lambda row: row.type == type, said))


async def word_of_going_on(tx: Tx, ref: str) -> list[OutboundRow]:
    """Return our last word that a return goes on, if it has no answer yet, and word of the stop may have left."""
    rows = [row for row in await tx.outbound_of_case(ref) if row.type in WORD_OF_STOP and row.state != "dropped"]
    left = any(row.type == SUSPENSION and row.posted_at is not None for row in rows)
    return [row for row in rows if left and row.type == RESUMPTION and row.waits][-1:]


async def reports_of_danger(context: Context, tx: Tx, held: Held) -> list[OutboundRow]:
    """Return our reports that a person is in danger since the last one that says otherwise, or cannot be read."""
    rows = sorted(await tx.outbound_of_case(held.case.ref), key=lambda row: row.place, reverse=True)
    last = [row for row in rows if row.type == MONITORING and row.state != "dropped"]
    return list(takewhile(lambda row: (threads.find_said(context, held, row) or {}).get("status") in _IN_DANGER, last))


async def heard_before(context: Context, tx: Tx, held: Held, row: OutboundRow) -> OutboundRow | None:
    """Return the last word of ours that the other State took, where it stands and ``row`` says the same once more."""
    return await taken_before(context, tx, held, row) if row.type in types_of(held.case) else None


async def taken_before(context: Context, tx: Tx, held: Held, row: OutboundRow) -> OutboundRow | None:
    """Return the same, also of what stands no more: it may have crossed what the other State said upon it."""
    before = await said_by(tx, held.case.ref, row.type, before=row)
    taken = [one for one in before if one.status == wire.ACCEPTED]
    body = threads.find_said(context, held, row) if taken else None
    return next((one for one in taken if threads.find_said(context, held, one) == body), None)


async def is_held(context: Context, tx: Tx, case: Case, type: str, body: Mapping[str, Any], now: datetime) -> bool:
    """
    Return whether a rule stands against saying ``body`` once more: it would wait, and behind it what has to be heard.

    So it is with an acceptance whose reply was taken back or is over (R-04), of an adult who is a minor by what was set
    right since (R-06), or whose signature or carer counts no more (R-10).
    """
    facts = about(case, now, type, body, around=await look(context, tx, case, now))
    return bool(findings(When.RETRY, facts) or outdated(case, type, body, now))


async def undo_of(context: Context, tx: Tx, held: Held) -> str | None:
    """
    Return the state the case falls back to if its unsent messages are dropped now.

    Word that a journey is off undoes nothing, and what is said once more was heard before. Whoever was pointed to
    another authority knows that still, though no acknowledgement of that one left.
    """
    planned = SCHEDULE in held.case.said
    unsent = [row for row in await threads.unsent_of(tx, held.case) if row.type != SCHEDULE or planned]
    new = [row for row in unsent if await heard_before(context, tx, held, row) is None]
    state = undo_state(tuple(row.type for row in new))
    rows = await tx.outbound_of_case(held.case.ref) if state == State.RECEIVED else ()
    pointed = any(row.type == REDIRECT and row.stands and row not in new for row in rows)
    return State.REDIRECTED.value if pointed else state
