"""
A case in the store: out of it, and back with a line of its history, in the caller's transaction.

Rule 1: whoever acts on what they saw of a case brings its ``mark``. If that is another by now, nothing is done. A stop
brings none: it waits for nothing.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from gateway.core.case import Case, State, parse_case, serialize_case
from gateway.core.escalation import away_until, owed
from gateway.core.machine import PARTNER, Event
from gateway.core.verification import GATEWAY
from gateway.services import person_stop
from gateway.services.context import Context, NotFound
from gateway.services.ports import Changed, Tx
from gateway.services.rows import CaseRow, EventRow
from keys import b64
from keys.errors import BadRest

PART = 200
"""Cases read in one transaction where all are read, at most: of those with images the store gives fewer at once."""

SECOND_WORD, ANSWER = 1, 2
"""Words that may be due in a case: a second person's on what a first one prepared or proposed, an answer about data."""


class Otherwise(BadRest):
    """Say that a case can be read, and is not what its row says in clear."""


class Held(NamedTuple):
    """A case out of the store: its row, its value, and its key while the transaction lasts."""

    row: CaseRow
    case: Case
    key: bytes


async def load(context: Context, tx: Tx, ref: str, seen: str | None = None) -> Held:
    """
    Return the case ``ref``; with ``seen``, a mark of what was seen of it, only if it is still the same.

    Raises ``NotFound`` if there is none or it was erased, ``Changed`` if it is not what was seen.
    """
    row = await tx.find_case(ref)
    held = unseal(context, row)
    if seen is not None and not await _is_still(context, tx, held.case, seen):
        raise Changed("the case is not what was seen of it any more")
    return held


WHOLE = "case"
UNREAD = "steps"
"""What a mark is made of: the content of a case, or the steps that may have changed it."""

_CHANGES_NOTHING = frozenset(
    {"receipt", "stop", "go_on", "late", "not_told", "release", "propose_resume", "remind", "reminder", "delay"}
)
"""
Steps that change nothing of what a mark is of; of any other it is not looked at what it changed. The other State may
remind, and say that it is late, any number of times: no desk could take a step on what it saw while that goes on.
"""


def mark(context: Context, case: Case) -> str:
    """
    Return a mark of what was written into ``case`` or received in it, and of what is prepared in it.

    It is the same as long as nobody changes any of that, and keyed. It is for who was shown the whole for a reason:
    for anybody else ``mark_unread`` is.
    """
    pending = case.pending and (case.pending.type, case.pending.digest, case.pending.author, case.pending.approver)
    said = (case.received, case.record, case.interview, pending, (case.draft, case.reply))
    return _mark(context, case.ref, WHOLE, said)


async def mark_unread(context: Context, tx: Tx, ref: str) -> str:
    """
    Return a mark of the same for who was not shown the whole: it depends on nothing of the content by any byte.

    It is of the steps that were taken since, and so changes with some that changed nothing of it, too.
    """
    taken = [(one.event, one.at.isoformat()) for one in await tx.events(ref) if one.event not in _CHANGES_NOTHING]
    return _mark(context, ref, UNREAD, taken)


def _mark(context: Context, ref: str, of: str, said: object) -> str:
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{of}.{b64.encode(context.vault.index_value(f'mark|{ref}|{of}|{digest}'))}"


async def _is_still(context: Context, tx: Tx, case: Case, seen: str) -> bool:
    """Tell whether ``case`` is what it was when the mark ``seen`` was made."""
    is_unread = seen.partition(".")[0] == UNREAD
    now = await mark_unread(context, tx, case.ref) if is_unread else mark(context, case)
    return hmac.compare_digest(seen.encode("utf-8", "replace"), now.encode())


def unseal(context: Context, row: CaseRow | None) -> Held:
    """
    Return the case in ``row``; raises ``NotFound`` if there is none or it was erased.

    Raises ``BadRest`` if it does not open, as ``Otherwise`` where what stands in clear is not what is sealed: whoever
    can write to the database and holds no key shall not have a case that is stopped taken for one that is not.
    """
    if row is None or row.wrapped_key is None or row.sealed is None:
        raise NotFound("there is no such case here, or it was erased")
    key = context.vault.unwrap(row.ref, row.wrapped_key)
    case = parse_case(context.vault.open(key, "case", row.ref, "sealed", row.sealed))
    if (case.ref, case.side, case.partner, case.thread, case.state) != row[:5]:
        raise Otherwise("the case stands otherwise than its row says")
    return Held(row, case, key)


def readable(context: Context, row: CaseRow | None) -> Held | None:
    """
    Return the case in ``row``, or ``None`` if nothing of it is kept or, which is logged, if it cannot be read.

    For whoever goes through many cases, or takes what came for one: a spoiled one must not hold up the others.
    """
    if row is None or row.wrapped_key is None or row.sealed is None:
        return None
    try:
        return unseal(context, row)
    except BadRest as error:
        context.log("case.unreadable", ref=row.ref, error=type(error).__name__)
        return None


def fresh(context: Context, case: Case, now: datetime) -> Held:
    """Return a case that is not in the store yet, with a key of its own."""
    key, wrapped = context.vault.new_case_key(case.ref)
    row = CaseRow(
        ref=case.ref,
        side=case.side.value,
        partner=case.partner,
        thread=case.thread,
        state=case.state.value,
        officer=case.officer,
        step=None,
        instrument=None,
        calendar=None,
        due_on=None,
        due_at=None,
        reminders=0,
        extended=False,
        delay_notice=False,
        opened_at=now,
        changed_at=now,
        closed_at=None,
        words=0,
        version=0,
        wrapped_key=wrapped,
        sealed=None,
    )
    return Held(row, case, key)


async def store(context: Context, tx: Tx, held: Held, case: Case, event: Event, source: str, now: datetime) -> Held:
    """Save ``case`` in place of what was held, with one line of its history; returns what is held now."""
    clock = owed(case)
    due_on, due_at = (clock.due_on, clock.due_at) if clock else away_until(case, context.zone, now) or (None, None)
    # By a clock of long ago no step is before the one it follows, or the case would be over at once.
    at = max(now, held.row.changed_at)
    closes = case.state is State.CLOSED and held.case.state is not State.CLOSED
    row = held.row._replace(
        state=case.state.value,
        thread=case.thread,
        officer=case.officer or None,
        step=clock.step if clock else None,
        instrument=clock.instrument if clock else held.row.instrument,
        calendar=clock.calendar if clock else held.row.calendar,
        due_on=due_on,
        due_at=due_at,
        reminders=case.reminders,
        extended=any(c.extended for c in case.clocks),
        delay_notice=case.delay is not None,
        changed_at=at,
        closed_at=at if closes else held.row.closed_at,
        words=words(case),
        version=held.row.version + 1,
        sealed=context.vault.seal(held.key, "case", case.ref, "sealed", serialize_case(case)),
    )
    await tx.save_case(row)
    if person_stop.concerns(held.case if held.row.version else None, case):
        await person_stop.enter(context, tx, case)
    digest, sealed = event.data.get("digest"), None
    if digest is not None and event.role not in _OF_MESSAGES:
        sealed, digest = context.vault.seal(held.key, "event", case.ref, "digest", digest.encode()), None
    await tx.add_event(
        EventRow(case.ref, now, event.name, event.actor, event.role, source, case.state.value, digest, sealed)
    )
    return Held(row, case, held.key)


def words(case: Case) -> int:
    """
    Return which words may be due in ``case``: ``SECOND_WORD``, ``ANSWER``, both added, or 0.

    It says where to look (``gateway.services.second``): of a case too many perhaps, but of none too few. What is
    prepared leaves no case that is closed, and nobody finds one that is blocked.
    """
    if case.state in (State.BLOCKED, State.ERASED):
        return 0
    begun = case.pending is not None or case.resume_proposer is not None
    asked = any(not one.ours and one.answer is None for one in case.notices)
    return SECOND_WORD * (begun and case.state is not State.CLOSED) + ANSWER * asked


_OF_MESSAGES = frozenset({PARTNER, GATEWAY})
"""
Roles whose steps bring the digest of a message, which covers its random id and stands in clear.

What a person brings is the digest of a body, a remark or an image. Those hold names and dates and nothing random: with
their digests in clear the file alone would say whom they are about to anyone with a list of persons, so they are
sealed with the case.
"""


def digest_of(context: Context, held: Held | None, event: EventRow) -> str | None:
    """Return the digest of what a step was about, or ``None`` where it had none or it is not readable any more."""
    if event.digest is not None or event.sealed is None or held is None:
        return event.digest
    try:
        return context.vault.open(held.key, "event", event.ref, "digest", event.sealed).decode()
    except BadRest:
        return None  # what is sealed of this step is a reason, and no digest


async def note(context: Context, tx: Tx, held: Held, case: Case, name: str, actor: str, now: datetime) -> Held:
    """Save ``case``, of which the gateway itself has noted something, without moving it."""
    return await store(context, tx, held, case, Event(name, actor, "gateway"), held.case.state.value, now)


async def add_finding(context: Context, tx: Tx, held: Held, found: str, name: str, actor: str, now: datetime) -> Held:
    """Save ``found`` among the findings of the case, without moving it; one that stands there is not noted again."""
    case = held.case.with_found(found)
    return held if case is held.case else await note(context, tx, held, case, name, actor, now)


async def in_states(
    context: Context, states: Sequence[State], unmoved_since: datetime | None = None
) -> AsyncIterator[CaseRow]:
    """
    Yield every case in ``states``, soonest due first, a part of them in each transaction.

    Those that stay where they are hide none behind them, however many they are.
    """
    last: CaseRow | None = None
    names = [state.value for state in states]
    while True:

        async def unit(tx: Tx, after: CaseRow | None = last) -> Sequence[CaseRow]:
            return await tx.cases(names, limit=PART, unmoved_since=unmoved_since, after=after)

        rows = await context.store.read(unit)
        if not rows or (last is not None and rows[-1].ref == last.ref):  # nothing is behind it but itself
            return
        last = rows[-1]
        for row in rows:
            yield row


async def parts(context: Context) -> AsyncIterator[Sequence[str]]:
    """Yield the references of all cases, erased ones too, a part of them in each transaction."""
    last = ""

    async def unit(tx: Tx) -> Sequence[str]:
        return await tx.case_refs(last, PART)

    while refs := await context.store.read(unit):
        yield refs
        last = refs[-1]
