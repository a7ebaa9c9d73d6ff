"""
The only way to change a case: load it, step it, carry out the effects, save it, all in the caller's transaction.

A crash between any two statements leaves the case as it was, or moved with its messages in the outbox.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from gateway.core import exercise, wire
from gateway.core.case import Case, Side, State, parse_case, serialize_case
from gateway.core.deadlines import Clock
from gateway.core.escalation import owed
from gateway.core.machine import DropUnsent, Effect, EndThread, Event, IllegalStep, Notify, RuleRefused, Send, step
from gateway.core.messages import (
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    CONFIRMATION,
    CONTEST,
    EXERCISE,
    REQUEST,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
    WITHDRAWAL,
)
from gateway.core.rules import When, about, findings
from gateway.core.tables import table_for
from gateway.core.verification import GATEWAY, undo_state
from gateway.services import outbox, person_stop
from gateway.services.context import Context, Forbidden, NotFound
from gateway.services.guests import is_guest
from gateway.services.outbox import Letter
from gateway.services.ports import AccessRow, CaseRow, EventRow, OutboundRow, ThreadRow, Tx, Unavailable
from keys import b64, jws
from keys.errors import BadRest

PERSON_AWAY = frozenset({State.DEPARTED, State.HANDED_OVER, State.MONITORING})
"""States in which nothing of ours can be held back any more, and people decide whether to call the person back."""

PART = 200
"""Cases read in one transaction where all are read."""

ENDED = frozenset({State.CLOSED, State.BLOCKED, State.ERASED})


STOPS = frozenset({SUSPENSION, TAKE_BACK})
"""Types that must be heard whatever stands in their way, and do no harm if they are heard twice."""

HEARD_AT_LAST = STOPS | {WITHDRAWAL}

NOT_TOLD = "no message of ours tells the other State of a step that was taken here; tell it by another way"
"""Finding on a case whose thread has ended, when somebody stops it or calls the person back."""


class Held(NamedTuple):
    """A case out of the store: its row, its value, and its key while the transaction lasts."""

    row: CaseRow
    case: Case
    key: bytes


async def load(context: Context, tx: Tx, ref: str) -> Held:
    """
    Return the case ``ref``.

    Raises ``NotFound`` if there is none or it was erased.
    """
    row = await tx.find_case(ref)
    return unseal(context, row)


def unseal(context: Context, row: CaseRow | None) -> Held:
    """Return the case in ``row``; raises ``NotFound`` if there is none or it was erased."""
    if row is None or row.wrapped_key is None or row.sealed is None:
        raise NotFound("there is no such case here, or it was erased")
    key = context.vault.unwrap(row.ref, row.wrapped_key)
    plain = context.vault.open(key, "case", row.ref, "sealed", row.sealed)
    return Held(row, parse_case(plain), key)


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
        version=0,
        wrapped_key=wrapped,
        sealed=None,
    )
    return Held(row, case, key)


async def store(context: Context, tx: Tx, held: Held, case: Case, event: Event, source: str, now: datetime) -> Held:
    """Save ``case`` in place of what was held, with one line of its history; returns what is held now."""
    clock = current_clock(case)
    row = held.row._replace(
        state=case.state.value,
        thread=case.thread,
        officer=case.officer or None,
        step=clock.step if clock else None,
        instrument=clock.instrument if clock else held.row.instrument,
        calendar=clock.calendar if clock else held.row.calendar,
        due_on=clock.due_on if clock else None,
        due_at=clock.due_at if clock else None,
        reminders=case.reminders,
        extended=any(c.extended for c in case.clocks),
        delay_notice=case.delay is not None,
        changed_at=now,
        closed_at=now if case.state is State.CLOSED and held.case.state is not State.CLOSED else held.row.closed_at,
        version=held.row.version + 1,
        sealed=context.vault.seal(held.key, "case", case.ref, "sealed", serialize_case(case)),
    )
    await tx.save_case(row)
    if person_stop.concerns(held.case if held.row.version else None, case):
        await person_stop.enter(context, tx, case)
    digest = event.data.get("digest")
    await tx.add_event(
        EventRow(case.ref, now, event.name, event.actor, event.role, source, case.state.value, digest, None)
    )
    return Held(row, case, held.key)


def current_clock(case: Case) -> Clock | None:
    """Return the clock whose due date the desks see: the earliest of what is owed, or ``None``."""
    return owed(case)


async def move(context: Context, tx: Tx, held: Held, event: Event, now: datetime) -> Held:
    """
    Step the case by ``event`` and store everything it leads to.

    Raises ``IllegalStep``, ``RuleRefused``, ``Forbidden`` to a guest, and ``Unavailable`` for a message that cannot be
    sealed now.
    """
    if is_guest(event.actor) and not context.guests.may_bring(event.name, event.actor, event.role, held.case.ref, now):
        raise Forbidden("a guest does not take this step, or not in this case", "ask the desk in charge")
    # A timer closes whatever people left open: nothing is kept longer for it.
    by_hand = event.name == "close" and event.role != GATEWAY
    if by_hand and (found := findings(When.CLOSE, about(held.case, now))):
        raise RuleRefused(found)
    case, effects = step(table_for(held.case.side), held.case, event, now)
    saved = await store(context, tx, held, case, event, held.case.state.value, now)
    for effect in effects:
        saved = await _carry_out(context, tx, saved, effect, now)
    context.log("case.moved", ref=case.ref, step=event.name, source=held.case.state.value, target=case.state.value)
    if person_stop.concerns(held.case, case):
        return await hold_person(context, tx, saved, now)
    return saved


async def tell(context: Context, tx: Tx, held: Held, event: Event, now: datetime) -> None:
    """Step the case by what came of a message of ours; one that is over does not move any more, which is no fault."""
    try:
        await move(context, tx, held, event, now)
    except IllegalStep:
        context.log("case.unmoved", ref=held.case.ref, step=event.name, state=held.case.state.value)


async def hold_person(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """
    Hold what a stop reaches once a case was stored: the person's other cases, or this one if another is stopped.

    Returns what is held now. A case that is stopped itself needs no hold: R-01 stands against it already, and once that
    falls it is looked at again.
    """
    if not person_stop.stops(held.case):
        return await _hold(context, tx, held, now)
    for other in await tx.shared(held.case.ref):
        # Of one that cannot be read no step can be taken: the others must be held all the same.
        found = readable(context, await tx.find_case(other.ref))
        if found is not None and not person_stop.stops(found.case):
            await _hold(context, tx, found, now)
    return held


async def _hold(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """Freeze the case as the gateway's own holder if a stopped one shares a value; beyond recall by us, say so."""
    case = held.case
    found = [one.ref for one in await person_stop.matches(tx, case.ref)]
    told = " ".join(person_stop.reasons(case))
    if all(ref in told for ref in found):
        return held
    actor, role = person_stop.HOLDER
    row = table_for(case.side).index.get((case.state, "freeze"))
    if row is not None and role in row.who and case.state is not State.WITHDRAWN:
        reason = f"{person_stop.BECAUSE}: {', '.join(found)}"
        data = {"reason": reason, "undo": await undo_of(tx, case)}
        return await move(context, tx, held, Event("freeze", actor, role, data), now)
    if case.state in PERSON_AWAY and person_stop.BECAUSE not in case.findings:
        context.notify(case, Notify("interior"))
        told_case = replace(case, findings=(*case.findings, person_stop.BECAUSE))
        return await note(context, tx, held, told_case, "stop", actor, now)
    return held


async def _carry_out(context: Context, tx: Tx, held: Held, effect: Effect, now: datetime) -> Held:
    """Carry out one effect; returns what is held now."""
    match effect:
        case Send(optional=True):
            try:
                await queue(context, tx, held, effect, now)
            except (IllegalStep, Unavailable) as error:
                # The step it belongs to stops something, or calls somebody back; nothing stands before that.
                context.log("message.left_out", ref=held.case.ref, type=effect.type, error=type(error).__name__)
                return await _not_told(context, tx, held, now)
        case Send():
            await queue(context, tx, held, effect, now)
        case DropUnsent(keep):
            return await _drop_unsent(context, tx, held, keep, now)
        case EndThread(why):
            thread = await thread_of(tx, held.case)
            # What the other State withdrew stays so, whatever becomes of a message of ours afterwards (M-5.23).
            if held.case.side is Side.REQUESTING or thread.ended != "withdrawn":
                await tx.save_thread(thread._replace(ended=why))
            if why == "withdrawn":
                await _abandon(tx, held.case, now)
        case Notify():
            context.notify(held.case, effect)
    return held


async def _not_told(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """Note that a step was taken of which the other State hears nothing, unless it has withdrawn or was told so."""
    case, thread = held.case, await thread_of(tx, held.case)
    if thread.ended == "withdrawn" or NOT_TOLD in case.findings:
        return held
    told = replace(case, findings=(*case.findings, NOT_TOLD))
    return await note(context, tx, held, told, "not_told", context.country, now)


async def index_persons(context: Context) -> int:
    """
    Enter the persons of all cases anew, and hold what is then seen to be stopped; return how many cases were read.

    Done once after an upgrade that changed how values are made, and for a store from before there was an index. Each
    part is a transaction of its own: one that is interrupted is done again from the start.
    """
    if await context.store.read(lambda tx: person_stop.is_current(context, tx)):
        return 0
    count = await _each_case(context, lambda tx, held: person_stop.enter(context, tx, held.case))
    now = context.clock.now()

    async def spread(tx: Tx, held: Held) -> None:
        if person_stop.stops(held.case):
            await hold_person(context, tx, held, now)

    await _each_case(context, spread)
    await context.commit(lambda tx: person_stop.make_current(context, tx))
    return count


async def _each_case(context: Context, act: Callable[[Tx, Held], Awaitable[None]]) -> int:
    """Do ``act`` with every case of ours that asks and can be read, a part of them in each transaction."""
    count, after = 0, ""
    while True:
        refs = await context.store.read(partial(_refs, after))
        if not refs:
            return count

        async def unit(tx: Tx, refs: Sequence[str] = refs) -> None:
            for ref in refs:
                row = await tx.find_case(ref)
                if row is None or row.side != Side.REQUESTING or (held := readable(context, row)) is None:
                    continue
                await act(tx, held)

        await context.commit(unit)
        count, after = count + len(refs), refs[-1]


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
            return await tx.cases(states=names, limit=PART, unmoved_since=unmoved_since, after=after)

        rows = await context.store.read(unit)
        for row in rows:
            yield row
        if len(rows) < PART:
            return
        last = rows[-1]


async def _refs(after: str, tx: Tx) -> Sequence[str]:
    return await tx.case_refs(after, PART)


async def thread_of(tx: Tx, case: Case) -> ThreadRow:
    """Return the thread of ``case`` as both directions stand, or a new one."""
    found = await tx.find_thread(case.partner, case.thread)
    return found or ThreadRow(case.partner, case.thread, case.ref, 0, 0, None, 0, 0, None, None)


async def queue(context: Context, tx: Tx, held: Held, send: Send, now: datetime) -> OutboundRow:
    """
    Put a message around the exact body of ``send`` in the outbox, with the next number of the case's thread.

    A message that waits for its day, such as the plan of a journey, steps behind it: a correction does not wait for it.
    Behind word of a stop steps whatever waits for what a restore left open (``anew``), for a stop waits for no listing.

    Raises ``Unavailable`` if no valid sealing key of the recipient is held; a withdrawal, and what is said of a step
    that must not wait, then waits for one in the outbox, because whoever decides on it must not have to come back.
    """
    case = held.case
    if not _may_follow(send.type, (await thread_of(tx, case)).ended):
        raise IllegalStep(case.state, send.type, "")
    unsent = [] if send.type == WITHDRAWAL else await unsent_of(tx, case)
    first, later = _stepping(context, send.type, unsent, now)
    before, behind = ([replace(again(context, held, row), optional=True) for row in rows] for rows in (first, later))
    await take_out(context, tx, held, [*first, *later], now)
    for one in before:
        await _queue(context, tx, held, one, now)
    queued = await _queue(context, tx, held, send, now)
    for one in behind:
        await _queue(context, tx, held, one, now)
    return queued


def _stepping(
    context: Context, type: str, unsent: Sequence[OutboundRow], now: datetime
) -> tuple[list[OutboundRow], list[OutboundRow]]:
    """Return which of ``unsent`` of a case step before a message of ``type``, and which behind it."""
    restored = type in STOPS and any(row.epoch < context.epoch for row in unsent)
    # Nobody is called back of whom it was not heard that they left: word of that waits for no listing either.
    first = [row for row in unsent if restored and row.epoch < context.epoch and row.type == SCHEDULE]
    later = [row for row in unsent if row.not_before > now and row.type not in STOPS]
    if restored:
        later = [row for row in unsent if row.epoch == context.epoch and row.type not in STOPS]
    elif type == SUSPENSION:
        # Word that a journey is off is all that a stop leaves of a schedule, and may not leave before the case goes on.
        later = [row for row in unsent if row.type == SCHEDULE]
    return first, later


async def _queue(context: Context, tx: Tx, held: Held, send: Send, now: datetime) -> OutboundRow:
    case, thread = held.case, await thread_of(tx, held.case)
    leaves_at = max(send.not_before or now, now).replace(microsecond=0).astimezone(UTC)
    requested = case.partner if case.side is Side.REQUESTING else context.country
    clock_step = TYPES[send.type].clock_step
    gone = case.state is State.ERASED  # the confirmation of an erasure outlives its case, and keeps nothing of it
    letter = Letter(
        partner=case.partner,
        type=send.type,
        framed_as=EXERCISE if case.exercise else None,
        body=(exercise.wrap(send.type, send.body) if case.exercise else send.body).encode(),
        issued_at=leaves_at,
        expires_at=leaves_at + timedelta(days=context.policy.message_days),
        not_before=leaves_at if send.not_before else None,
        clock=context.reckoner.claim(requested, clock_step) if clock_step else None,
        statements=send.statements,
        ref=None if gone else case.ref,
        keep=None if gone else partial(_kept, context, held),
        may_wait=send.optional or send.type in HEARD_AT_LAST,
    )
    return await outbox.put(context, tx, letter, now, thread)


def _kept(context: Context, held: Held, id: str, signed: bytes) -> bytes:
    return context.vault.seal(held.key, "outbound", id, "sealed", signed)


async def confirm_nothing(
    context: Context, tx: Tx, partner: str, thread: str, body: str, now: datetime, *, exercise: bool
) -> None:
    """
    Confirm in a thread of which nothing is kept, by ``body``, that there was nothing; of that nothing is kept either.

    Raises ``IllegalStep`` for a thread in which nothing of ours may follow, ``Unavailable`` as ``queue`` does.
    """
    gone = Case("", Side.REQUESTED, partner, thread, State.ERASED, "", "", exercise=exercise)
    await queue(context, tx, fresh(context, gone, now), Send(CONFIRMATION, body), now)


def _may_follow(type: str, ended: str | None) -> bool:
    """Return whether a message may still be sent in a thread that ``ended`` (M-5.23, M-5.10)."""
    return ended is None or type == WITHDRAWAL or (ended == "withdrawn" and type in AFTER_WITHDRAWAL)


async def _drop_unsent(context: Context, tx: Tx, held: Held, keep: frozenset[str], now: datetime) -> Held:
    """Take the never-posted messages of the case's thread out of the outbox and free their numbers; see the effect."""
    unsent = await unsent_of(tx, held.case)
    stops = [row for row in unsent if row.type in (SUSPENSION, RESUMPTION)]
    kept = []
    for row in unsent:
        try:
            if (row.type in keep and row not in stops[:-1]) or _calls_off(context, held, row):
                kept.append(again(context, held, row))
        except BadRest as error:
            # What cannot be read cannot be said again; the stop that drops the rest must not fail for it.
            context.log("message.fault", partner=row.partner, type=row.type, error=type(error).__name__)
    await take_out(context, tx, held, unsent, now)
    for send in kept:
        held = await _carry_out(context, tx, held, replace(send, optional=True), now)
    return held


def _calls_off(context: Context, held: Held, row: OutboundRow) -> bool:
    """Return whether a message says that a journey is off: whoever knows the plan hears it, unless all is over."""
    if row.type != SCHEDULE or held.case.state is State.WITHDRAWN:
        return False
    body = said(context, held, row)
    return body is not None and body["status"] == "cancelled"


async def take_out(context: Context, tx: Tx, held: Held, unsent: Sequence[OutboundRow], now: datetime) -> None:
    """Take ``unsent`` out of the outbox as if they had never been in it: neither numbers nor ``prev`` show them."""
    if not unsent:
        return
    thread, gone = await thread_of(tx, held.case), {row.digest: row for row in unsent}
    seen = thread.seen
    while seen is not None and seen in gone:
        row = gone[seen]
        try:
            seen = _payload(context, held, row).prev
        except BadRest as error:
            # What stood before it only tells the reader of the log; that it is taken out must not fail for that.
            context.log("message.fault", partner=row.partner, type=row.type, error=type(error).__name__)
            seen = None
    for row in unsent:
        await tx.save_outbound(row._replace(state="dropped", envelope=None, sealed=None, answered_at=now))
    numbers = [row.seq for row in unsent if row.epoch == thread.out_epoch and row.seq is not None]
    await tx.save_thread(thread._replace(out_seq=min([thread.out_seq + 1, *numbers]) - 1, seen=seen))


def _payload(context: Context, held: Held, row: OutboundRow) -> wire.Payload:
    """Return the payload of a message of ours whose signed bytes are kept."""
    signed = context.vault.open(held.key, "outbound", row.id, "sealed", row.sealed or b"")
    return wire.parse_payload(jws.parse(signed, jws.TYP_MESSAGE).payload)


def again(context: Context, held: Held, row: OutboundRow) -> Send:
    """Return what puts a message of ours in the outbox once more, with the same body, statements and day."""
    payload = _payload(context, held, row)
    raw = exercise.unwrap(payload.body_bytes)[1] if held.case.exercise else payload.body_bytes
    return Send(row.type, raw.decode(), row.not_before, payload.statements)


def said(context: Context, held: Held, row: OutboundRow) -> Mapping[str, Any] | None:
    """Return the body of a message of ours, empty where no clock depends on it; ``None`` if it is not kept."""
    if row.type in (REQUEST, CONTEST, ACKNOWLEDGEMENT):
        return {}
    if row.sealed is None:
        return None
    body = _payload(context, held, row).body
    return body["body"] if held.case.exercise else body


async def unsent_of(tx: Tx, case: Case) -> list[OutboundRow]:
    """Return the messages of the case that were queued and never posted, in the order of their numbers."""
    rows = [row for row in await tx.outbound_of_case(case.ref) if row.state == "queued" and row.type != WITHDRAWAL]
    return sorted(rows, key=lambda row: (row.epoch, row.seq or 0))


async def undo_of(tx: Tx, case: Case) -> str | None:
    """Return the state the case falls back to if its unsent messages are dropped now."""
    planned = SCHEDULE in case.said  # word that a journey is off undoes nothing
    return undo_state(tuple(row.type for row in await unsent_of(tx, case) if row.type != SCHEDULE or planned))


async def was_posted(tx: Tx, case: Case) -> bool:
    """Return whether any envelope of the thread was ever posted, as far as we know or the other State told us."""
    thread = await thread_of(tx, case)
    # What a restore made us forget left all the same; the listing of the other State put its digest there.
    if thread.seen is not None and thread.in_digest is None and thread.out_seq == 0:
        return True
    return any(row.posted_at is not None for row in await tx.outbound_of_case(case.ref))


async def _abandon(tx: Tx, case: Case, now: datetime) -> None:
    """Give up what was posted and never receipted: the withdrawal that follows closes its number."""
    for row in await tx.outbound_of_case(case.ref):
        if row.state == "posted" and row.type != WITHDRAWAL:
            await tx.save_outbound(row._replace(state="dropped", envelope=None, answered_at=now))


async def note(context: Context, tx: Tx, held: Held, case: Case, name: str, actor: str, now: datetime) -> Held:
    """Save a finding added to ``case`` without moving it."""
    return await store(context, tx, held, case, Event(name, actor, "gateway"), held.case.state.value, now)


_WHY_SIZE = 2048
"""
Bytes a justification is filled up to before it is sealed, so that its length does not tell whose it is: 400 characters
of any script fit. A longer one is filled up to the next power of two.
"""


async def record_access(
    context: Context,
    tx: Tx,
    held: Held,
    person: str,
    action: str,
    why: str,
    now: datetime,
    recipient: str | None = None,
) -> None:
    """
    Record a look at, or a disclosure of, the case (R-13).

    The justification is somebody's own words and may name a person, so it is sealed under the case's key,
    filled up with spaces (those at its end do not count).
    """
    raw = why.encode()
    filled = raw.ljust(max(_WHY_SIZE, 1 << (len(raw) - 1).bit_length()))
    sealed = context.vault.seal(held.key, "access", held.case.ref, "justification", filled)
    await tx.add_access(AccessRow(held.case.ref, now, person, action, b64.encode(sealed), recipient))


def justification_of(context: Context, held: Held, row: AccessRow) -> str:
    """Return the words that ``record_access`` sealed."""
    sealed = b64.decode(row.justification)
    return context.vault.open(held.key, "access", held.case.ref, "justification", sealed).decode().rstrip(" ")
