"""
What waits for a word: a second person's, who looks at what the first one prepared or said, or an answer about data; and
for the signature of an authority.

Rule 1: it is read from the cases themselves. What each says whenever it is saved (``cases.words``) tells where to look
and nothing else: no list is kept that could say otherwise.
Rule 2: nothing here names the person of a case: a verb, the type of a message, who of the desk did the first part.
Rule 3: a word is shown to those whose roles may give it; also to who gave the first one, to see that it waits, but in a
list of what others prepared.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Final

from gateway.core.case import Case, Pending, Side, State
from gateway.core.escalation import MAY_ALLOW, is_stopped, proposer
from gateway.core.messages import NEGATIVE_OUTCOMES, RECTIFICATION, REPLY
from gateway.core.verification_guards import lapsed, value_of
from gateway.services import cases, reading
from gateway.services.acts import APPROVALS, VERBS, DeskServices, allowed
from gateway.services.inquire import BoardRow, Place, Wanted
from gateway.services.offered import ANSWERS
from gateway.services.ports import Tx

SECOND: Final = ("approval", "countersignature", "rectification-approval", "resume", "apart")
"""Steps by which a second person lets count what a first one prepared or said. Authorities have a list of their own."""

PRESSING: Final = "pressing"
"""The word by which a second person takes the mark "do not press" away: no step of the tables, for it moves no case."""

ABOUT_DATA: Final = tuple(ANSWERS)
"""Steps that answer what the other State asks or demands about data."""

PART: Final = 100
"""Cases that are looked into at once."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word that is due: the step that gives it, the type of the message it is about, and who was ``first``."""

    verb: str
    type: str = ""
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case in which words are due."""

    row: BoardRow
    words: tuple[Word, ...]


async def waiting(
    services: DeskServices,
    verbs: Sequence[str],
    person: str,
    roles: frozenset[str],
    limit: int,
    after: Place | None = None,
    *,
    others: bool = False,
) -> tuple[Waiting, ...]:
    """
    Return at most ``limit`` cases in which one of ``verbs`` is due that ``roles`` may take, soonest due first.

    With ``others`` they are those alone of which another person than ``person`` did the first part.
    """
    context, found = services.context, list[Waiting]()
    while len(found) < limit:
        proposed = await _proposed(services, after) if PRESSING in verbs and roles & MAY_ALLOW else ()
        pressing = {row.ref: (Word(PRESSING, first=(who,)),) for row, who in proposed if who is not None}
        rows = await _candidates(services, verbs, [row for row, _ in proposed], after)

        async def unit(tx: Tx, rows: Sequence[BoardRow] = rows) -> list[Waiting]:
            return [Waiting(row, await _words(services, tx, row, verbs, person, roles)) for row in rows]

        looked = [Waiting(one.row, one.words + pressing.get(one.row.ref, ())) for one in await context.store.read(unit)]
        found += [one for one in looked if any(not others or person not in word.first for word in one.words)]
        if len(rows) < PART:
            break
        after = rows[-1].place
    return tuple(found[:limit])


WAYS_ON: Final = ("resume", "apart")
"""Those of ``SECOND`` that no page of what is prepared tells of."""


async def here(services: DeskServices, row: BoardRow, person: str) -> tuple[Word, ...]:
    """Return the second words that are due in the case of ``row`` before it goes on, whoever may give them."""
    everybody = frozenset(role for verb in WAYS_ON for role in VERBS[verb].anybody())
    return await services.context.store.read(lambda tx: _words(services, tx, row, WAYS_ON, person, everybody))


async def _proposed(services: DeskServices, after: Place | None) -> Sequence[tuple[BoardRow, str | None]]:
    """Return the next cases that somebody proposes to press for again, and who does; nobody where we press for none."""
    rows = await services.inquiries.pressing_proposed(limit=PART, after=after)
    past = await services.inquiries.pressed([row.ref for row in rows])
    return [
        (row, proposer(past[row.ref]) if row.side == Side.REQUESTING and is_stopped(past[row.ref]) else None)
        for row in rows
    ]


async def _candidates(
    services: DeskServices, verbs: Sequence[str], more: Sequence[BoardRow], after: Place | None
) -> list[BoardRow]:
    """Return the next cases in which one of ``verbs`` may be due, ``more`` among them."""
    read = services.inquiries
    which = (cases.SECOND_WORD if {*SECOND} & {*verbs} else 0) + (cases.ANSWER if {*ABOUT_DATA} & {*verbs} else 0)
    found = {row.ref: row for row in (*more, *await read.words_due(which, limit=PART, after=after))}
    if "apart" in verbs:
        found |= {row.ref: row for row in await read.apart_begun(limit=PART, after=after)}
    return list(islice(sorted(found.values(), key=_order), PART))


def _order(row: BoardRow) -> tuple[bool, float, str]:
    return row.due_at is None, row.due_at.timestamp() if row.due_at else 0.0, row.ref


async def signatures(
    services: DeskServices, roles: Iterable[str], limit: int, after: Place | None = None
) -> tuple[reading.Awaiting, ...]:
    """Return at most ``limit`` cases that wait for an authority of ``roles`` to sign or decide; soonest due first."""
    found = [one for role in sorted(roles) for one in await _signatures_of(services, role, limit, after)]
    return tuple(sorted(found, key=lambda one: _order(one.row))[:limit])


async def _signatures_of(
    services: DeskServices, role: str, limit: int, after: Place | None
) -> Sequence[reading.Awaiting]:
    events, found = signs(role), list[reading.Awaiting]()
    states = {side: reading.states_awaiting(side, role, events[side]) for side in Side}
    wanted = [Wanted(side, tuple(one.value for one in states[side])) for side in Side if states[side]]
    while len(found) < limit:
        read = [row for one in wanted for row in await services.inquiries.queue(one, limit=PART, after=after)]
        rows = sorted(read, key=_order)[:PART]
        found += await reading.awaiting(services.context, rows, role, events)
        if len(rows) < PART:
            break
        after = rows[-1].place
    return found[:limit]


DECIDES: Final = frozenset({"assess", "decide"})
"""What the authority in charge decides on the record, without a text to sign."""


def signs(role: str) -> Mapping[Side, frozenset[str]]:
    """Return what ``role``, an authority, brings by its signature or decides, on each side."""
    return {side: reading.signable(side, role) | DECIDES for side in Side}


@lru_cache(maxsize=256)
def _allowed(side: str, state: str, roles: frozenset[str]) -> list[tuple[str, list[str]]]:
    """Return ``allowed``, found once for each state: in most cases that are looked at the word is for others to say."""
    return allowed(Side(side), State(state), roles)


async def _words(
    services: DeskServices, tx: Tx, row: BoardRow, verbs: Sequence[str], person: str, roles: frozenset[str]
) -> tuple[Word, ...]:
    """Return the words that are due in the case of ``row``, of those that ``roles`` may give there."""
    may = {verb: own for verb, own in _allowed(row.side, row.state, roles) if verb in verbs}
    held = cases.readable(services.context, await tx.find_case(row.ref)) if may else None
    if held is None:
        return ()
    due = _due(held.case, services.context.clock.now())
    if "apart" in may and (first := await services.hold.first_words(tx, held.case)):
        due.append(Word("apart", first=first))
    found = [word for word in due if word.verb in may]
    if any(word.verb == "resume" and person not in word.first for word in found):
        # Whoever stopped it again since has to let go first: nobody's word is due before.
        open_ = await services.hold.way_on(tx, held, "resume", person, may["resume"])
        found = [word for word in found if word.verb != "resume" or open_]
    return tuple(found)


def _due(case: Case, now: datetime) -> list[Word]:
    """Return what is due in ``case`` by what it holds, whoever may say it."""
    found = list[Word]()
    pending = case.pending
    if (
        pending is not None
        and not case.disputed
        and (not pending.statement or lapsed(pending, now))
        and (verb := verb_for(pending))
    ):
        found.append(Word(verb, pending.type, (pending.author,)))
    if case.resume_proposer is not None and case.state is State.FROZEN:
        found.append(Word("resume", first=(case.resume_proposer,)))
    asked = {one.kind for one in case.notices if not one.ours and one.answer is None}
    return [*found, *(Word(verb, kind) for verb, kind in ANSWERS.items() if kind in asked)]


def verb_for(pending: Pending) -> str | None:
    """Return the step by which a second person lets count what is ``pending``; ``None`` where none of the desk does."""
    if pending.type in APPROVALS:
        return "approval"
    if pending.type == RECTIFICATION:
        return "rectification-approval"
    if pending.type == REPLY and value_of(pending)["outcome"] in NEGATIVE_OUTCOMES:
        return "countersignature"
    return None
