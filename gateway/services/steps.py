"""
The only way to move a case: step it, store it and carry out the effects, all in the caller's transaction.

A crash between any two statements leaves the case as it was, or moved with its messages in the outbox.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.core.case import HELD, Case, Side, State, replace
from gateway.core.clocks import Clock
from gateway.core.facts import NOBODY_LOOKED, Finding, When, about
from gateway.core.machine import (
    NOT_TOLD,
    DropUnsent,
    Effect,
    EndThread,
    Event,
    IllegalStep,
    Notify,
    PostOn,
    RuleRefused,
    Send,
    step,
)
from gateway.core.messages import (
    ACCEPTANCE,
    AFTER_WITHDRAWAL,
    ASKS_OF_DATA,
    CONFIRMATION,
    DELAY,
    DOCUMENT_REQUEST,
    ERASURE,
    INTERVIEW_RESULT,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    PROPOSAL,
    RECTIFICATION,
    REISSUE,
    REMINDER,
    REPLY,
    RESUMPTION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
    USE_ANSWER,
    USE_REQUEST,
)
from gateway.core.notices import unanswered, unsaid
from gateway.core.return_guards import UNTOLD
from gateway.core.returns import CALLED_OR_AWAY
from gateway.core.rules import findings
from gateway.core.tables import table_for
from gateway.core.verification import GATEWAY
from gateway.services import away, cases, passed_over, person_stop, standing, threads
from gateway.services.cases import Held
from gateway.services.context import Context, Forbidden
from gateway.services.guests import is_guest
from gateway.services.ports import Tx, Unavailable
from gateway.services.representing import TAKES_FURTHER, check_representing
from gateway.services.rows import OutboundRow
from keys import statement as statements
from keys.errors import BadRest, BadSignature
from schemas import ijson

TAKES_ALONG = threads.STOPS | {PROPOSAL, ACCEPTANCE, SCHEDULE}
"""Types that must be heard, and before which what stands in their thread leaves though a rule objects (``leaving``)."""

DROPPED = "a message that waited was dropped when the case was stopped, and has to be said again: %(type)s"
"""Finding on a case that was stopped."""

DISOWNED = "the approval is by a key that its person has no more; have it approved anew"


async def move(context: Context, tx: Tx, held: Held, event: Event, now: datetime) -> Held:
    """
    Step the case by ``event`` and store everything it leads to.

    Raises ``IllegalStep``, ``RuleRefused``, ``Forbidden`` to a guest, ``NotFound`` to who represents another person,
    and ``Unavailable`` for a message that cannot be sealed now.
    """
    if is_guest(event.actor) and not context.guests.may_bring(event.name, event.actor, event.role, held.case.ref, now):
        raise Forbidden("a guest does not take this step, or not in this case", "ask the desk in charge")
    if event.name in TAKES_FURTHER:
        check_representing(context, held.case, event.actor, event.role, now)
    if found := (*_left_open(held.case, event, now), *_disowned(context, held.case, event)):
        raise RuleRefused(found)
    event = _here(context, event)
    case, effects = step(table_for(held.case.side), held.case, event, now)
    saved = await cases.store(context, tx, held, case, event, held.case.state.value, now)
    for effect in effects:
        saved = await _carry_out(context, tx, saved, effect, now)
    saved = await waits_no_more(context, tx, saved, now)
    context.log("case.moved", ref=case.ref, step=event.name, source=held.case.state.value, target=case.state.value)
    # Of who is called back nothing can be held; what another case of hers stopped meanwhile holds once she is back.
    if person_stop.concerns(held.case, case) or (held.case.state, event.name) == (State.RECALL, "returned"):
        return await hold_person(context, tx, saved, now)
    return saved


def against(context: Context, held: Held, event: Event, now: datetime) -> tuple[Finding, ...]:
    """Return what ``move`` would refuse ``event`` for, where that looks at no facts; nothing changes."""
    table = table_for(held.case.side)
    row = table.index.get((held.case.state, event.name))  # none where the case moved as its page was made
    found = (*_left_open(held.case, event, now), *_disowned(context, held.case, event))
    event = _here(context, event)
    guards = row.guards if row is not None else ()
    return found or tuple(one for name in guards for one in table.guards[name](held.case, event, now))


def _left_open(case: Case, event: Event, now: datetime) -> tuple[Finding, ...]:
    # A timer closes whatever people left open: nothing is kept longer for it.
    by_hand = event.name == "close" and event.role != GATEWAY
    return findings(When.CLOSE, about(case, now, around=NOBODY_LOOKED)) if by_hand else ()


def _disowned(context: Context, case: Case, event: Event) -> tuple[Finding, ...]:
    """
    Return what is against a step that goes by an approval, where that is by no key of its person (V-03).

    No card lists the key of who approves: that another stands in its place is all that tells of a theft.
    """
    row, pending = table_for(case.side).index.get((case.state, event.name)), case.pending
    if row is None or "approved" not in row.guards or pending is None or pending.statement is None:
        return ()
    person = context.persons.get(pending.approver or "")
    try:
        if person is not None:
            statements.parse(pending.statement.encode())[1].verify(person.key)
            return ()
    except BadSignature:
        pass
    return (Finding("V-03", DISOWNED),)


def _here(context: Context, event: Event) -> Event:
    return replace(event, data={**event.data, "zone": context.zone})


async def waits_no_more(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """Take what is said against a message that waits off the case once none waits any more."""
    case = person_stop.without_waiting(held.case)
    if case is held.case or any(row.waits for row in await tx.outbound_of_case(case.ref)):
        return held
    return await cases.note(context, tx, held, case, "go_on", context.country, now)


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
        found = cases.readable(context, await tx.find_case(other.ref))
        if found is not None and not person_stop.stops(found.case):
            await _hold(context, tx, found, now)
    return held


async def _hold(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """Freeze the case as the gateway's own holder if a stopped one shares a value; of who is away, say so."""
    case = held.case
    found = [one.ref for one in await person_stop.matches(tx, case.ref)]
    told = " ".join(person_stop.reasons(case))
    if all(ref in told for ref in found):
        return held
    actor, role = person_stop.HOLDER
    row = table_for(case.side).index.get((case.state, "freeze"))
    if row is not None and role in row.who and case.state is not State.WITHDRAWN:
        reason = f"{person_stop.BECAUSE}: {', '.join(found)}"
        data = {"reason": reason, "undo": await standing.undo_of(context, tx, held)}
        return await move(context, tx, held, Event("freeze", actor, role, data), now)
    if case.state in CALLED_OR_AWAY and person_stop.BECAUSE not in case.findings:
        context.notify(case, Notify("interior"))
        return await cases.add_finding(context, tx, held, person_stop.BECAUSE, "stop", actor, now)
    return held


async def _carry_out(context: Context, tx: Tx, held: Held, effect: Effect, now: datetime) -> Held:
    """Carry out one effect; returns what is held now."""
    match effect:
        case Send():
            return await _send(context, tx, held, effect, now)
        case DropUnsent(keep):
            return await _drop_unsent(context, tx, held, keep, now)
        case EndThread(why):
            thread = await threads.thread_of(tx, held.case)
            # What the other State withdrew stays so, whatever becomes of a message of ours afterwards (M-5.23).
            if held.case.side is Side.REQUESTING or thread.ended != "withdrawn":
                await tx.save_thread(thread._replace(ended=why))
            # No withdrawal of who is asked closes a number: what it posted is posted on, or its correction never comes.
            if why == "withdrawn" and held.case.side is Side.REQUESTING:
                return await say_behind(context, tx, held, await threads.abandon(tx, held.case, now), now)
        case PostOn():
            return await away.revive(context, tx, held, now)
        case Notify():
            context.notify(held.case, effect)
    return held


async def _send(context: Context, tx: Tx, held: Held, send: Send, now: datetime) -> Held:
    try:
        await threads.queue(context, tx, held, send, now)
    except (IllegalStep, Unavailable) as error:
        if not send.optional:
            raise
        # The step it belongs to stops something, or calls somebody back; nothing stands before that.
        context.log("message.left_out", ref=held.case.ref, type=send.type, error=type(error).__name__)
        return await not_told(context, tx, held, now)
    held = await note_said(context, tx, held, send.type, now)
    takes_back = held.case.side is Side.REQUESTED and send.type in AFTER_WITHDRAWAL
    if (send.type in TAKES_ALONG or takes_back) and held.case.state is not State.ERASED:
        # Its partner may have been restored, and wait for a number that a rule kept from it.
        await passed_over.post(context, tx, held.row, now)
    return held


async def note_said(context: Context, tx: Tx, held: Held, type: str, now: datetime) -> Held:
    """Take off the finding that what was dropped of ``type`` has to be said again, once all of it is said."""
    found = DROPPED % {"type": type}
    if found not in held.case.findings or not await _is_all_said(context, tx, held, type):
        return held
    left = tuple(one for one in held.case.findings if one != found)
    return await cases.note(context, tx, held, replace(held.case, findings=left), "dropped", context.country, now)


async def _is_all_said(context: Context, tx: Tx, held: Held, type: str) -> bool:
    """
    Return whether all that was dropped of ``type`` is said again.

    By a correction that is each part that one dropped had, by a question to pass data on the very same one.
    """
    if type in _ANSWERS:
        return not any(one.kind == _ANSWERS[type] for one in unanswered(held.case))
    if type not in (RECTIFICATION, ONWARD_REQUEST):
        return type in _SAID_BY_ONE
    rows = [row for row in await tx.outbound_of_case(held.case.ref) if row.type == type and row.stands]
    said = [body for row in rows if (body := threads.find_said(context, held, row)) is not None]
    numbers = {body["number"] for body in said}
    return all(
        _named(one.body) <= {name for body in said if body["number"] > one.number for name in _named(body)}
        for one in held.case.notices
        if one.ours and one.kind == type and one.answer is None and one.number not in numbers
    )


def _named(body: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """Return what a correction, or a question to pass data on, is about: each part, or the purpose and for whom."""
    parts = body.get("parts")
    return {(part,) for part in parts} if parts is not None else {(body["purpose"], body["recipient"])}


_SAID_BY_ONE = frozenset({USE_REQUEST, ERASURE, DELAY, REMINDER, INTERVIEW_RESULT, DOCUMENT_REQUEST, REISSUE})
"""Types of which one more message says all that several did."""


async def say_behind(context: Context, tx: Tx, held: Held, gone: Sequence[OutboundRow], now: datetime) -> Held:
    """Say once more what was ``gone`` with its number, behind the withdrawal: if that is said next, it steps there."""
    try:
        sends = [of_what_is_over(held, threads.again(context, held, row)) for row in gone]
        if sends:
            await threads.say_before(context, tx, held, sends, now)
    except BadRest as error:
        # No withdrawal waits for what cannot be read.
        context.log_fault(held.case.partner, gone[0].type, error)
        return await _find_untold(context, tx, held, now)
    return held


async def not_told(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """Note that a step was taken of which the other State hears nothing, unless it has withdrawn or was told so."""
    if (await threads.thread_of(tx, held.case)).ended == "withdrawn":
        return held
    return await _find_untold(context, tx, held, now)


async def tell_unheard(context: Context, tx: Tx, held: Held, now: datetime) -> None:
    """Have the desk learn, once, that the other State does not hear what waits in a case, and that people tell it."""
    if NOT_TOLD not in held.case.findings:
        context.notify(held.case, Notify("interior"))
        await _find_untold(context, tx, held, now)


async def _find_untold(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    return await cases.add_finding(context, tx, held, NOT_TOLD, "not_told", context.country, now)


async def _drop_unsent(context: Context, tx: Tx, held: Held, keep: frozenset[str], now: datetime) -> Held:
    """Take the never-posted messages of the case's thread out of the outbox and free their numbers; see the effect."""
    # What waited in a backup may have left: where it is kept it waits on for the listing of the partner (``anew``).
    waits = keep - threads.AT_ONCE
    found = await threads.unsent_of(tx, held.case)
    unsent = [row for row in found if row.epoch == context.epoch or row.type not in waits]
    stops = [row for row in unsent if row.type in (SUSPENSION, RESUMPTION)]
    kept, gone = [], []
    for row in unsent:
        try:
            if (row.type in keep and row not in stops[:-1]) or _calls_off(context, held, row):
                kept.append(of_what_is_over(held, threads.again(context, held, row)))
            else:
                gone.append(row)
        except BadRest as error:
            # What cannot be read cannot be said again; the stop that drops the rest must not fail for it.
            context.log_fault(row.partner, row.type, error)
            gone.append(row)
    await threads.take_out(context, tx, held, unsent, now)
    for send in kept:
        held = await _carry_out(context, tx, held, replace(send, optional=True), now)
    if held.case.state is State.CLOSED:
        gone = [row for row in gone if row.type in ASKS_OF_DATA]  # nobody waits for the rest any more
    return await _never_said(context, tx, held, gone, now) if held.case.state in {*HELD, State.CLOSED} else held


async def _never_said(context: Context, tx: Tx, held: Held, gone: Sequence[OutboundRow], now: datetime) -> Held:
    """
    Have a case that was stopped know what of its messages is not said any more, where no step back tells it.

    What was said last of such a type counts again; that a recall is not known is a finding by itself (V-35).
    """
    if any(extends(context, held, row) for row in gone):
        held = await _not_extended(context, tx, held, now)
    types = {row.type for row in gone if TYPES[row.type].undo is None} - {SUSPENSION, RESUMPTION}
    if not types and not any(row.type in {REPLY, *threads.DOCUMENTS} for row in gone):
        return held
    found = [UNTOLD if kind == TAKE_BACK else DROPPED % {"type": kind} for kind in sorted(types)]
    case = await as_before(context, tx, held, held.case.with_found(*found), gone)
    try:
        case = replace(case, said=await _still_said(context, tx, held, gone))
    except BadRest as error:
        # As above: the stop must not fail for what cannot be read.
        context.log_fault(held.case.partner, gone[0].type, error)
    return await cases.note(context, tx, held, case, "dropped", context.country, now)


async def as_before(context: Context, tx: Tx, held: Held, case: Case, gone: Sequence[OutboundRow]) -> Case:
    """
    Return ``case`` as it was before ``gone`` was said, which nobody heard: its desk owes that still, and can say it.

    A notice of delay that was heard before counts again, of the same look; so does a reply, if nobody took it back.
    """
    types = {row.type for row in gone}
    if types & {DELAY, INTERVIEW_RESULT, REPLY}:
        rows = sorted(await tx.outbound_of_case(case.ref), key=lambda row: row.place)
        heard = [row for row in rows if row.stands]
        if DELAY in types:  # else nobody there knows that it takes longer
            case = replace(case, delay=_last(context, held, heard, DELAY, REPLY))
        if INTERVIEW_RESULT in types and not any(row.type == INTERVIEW_RESULT for row in heard):
            rest = {name: one for name, one in (case.interview or {}).items() if name != "result"}
            case = replace(case, interview=rest)
        if REPLY in types:
            taken_back = RECTIFICATION in types  # that is gone with it, and said as the case goes on
            case = replace(case, reply=None if taken_back else _last(context, held, heard, REPLY, RECTIFICATION))
    for row in gone:
        if row.type in _ANSWERS and (said := threads.find_said(context, held, row)) is not None:
            case = unsaid(case, row.type, said)
    return case


def _last(context: Context, held: Held, rows: Sequence[OutboundRow], type: str, ends: str) -> Mapping[str, Any] | None:
    """Return what the last of ``rows`` of ``type`` says, ``None`` where one that ``ends`` it came since, or nothing."""
    last = [row for row in rows if row.type in (type, ends)][-1:]
    return threads.find_said(context, held, last[0]) if last and last[0].type == type else None


_ANSWERS: Mapping[str, str] = {USE_ANSWER: USE_REQUEST, ONWARD_ANSWER: ONWARD_REQUEST, CONFIRMATION: RECTIFICATION}
"""What answers a question or a demand about data, type by type."""

OWED = frozenset({DELAY, INTERVIEW_RESULT, *_ANSWERS})
"""Types of what is owed still where it was not taken, and moves no case; of the others its event tells (``TYPES``)."""


def extends(context: Context, held: Held, row: OutboundRow) -> bool:
    """Return whether a message says that the time is extended; one that cannot be read does not, which is logged."""
    return row.type == DELAY and bool((threads.find_said(context, held, row) or {}).get("extension"))


def shortened(context: Context, case: Case) -> tuple[Clock, ...]:
    """Return the clock of the reply as it was before an extension, for the other State reckons by that; or nothing."""
    clock = case.clock("reply")
    shorter = clock and context.reckoner.shorten(case.partner, context.country, clock)
    return (shorter,) if shorter else ()


async def _not_extended(context: Context, tx: Tx, held: Held, now: datetime) -> Held:
    """Take back what an extension changed here of which the other State never heard: it reckons by the time before."""
    data = {"clocks": shortened(context, held.case), "found": DROPPED % {"type": DELAY}}
    return await move(context, tx, held, Event("extension_not_accepted", context.country, GATEWAY, data), now)


async def _still_said(
    context: Context, tx: Tx, held: Held, gone: Sequence[OutboundRow]
) -> Mapping[str, Mapping[str, Any]]:
    """Return what is said in the case without ``gone``: what was said before of the same counts. Raises ``BadRest``."""
    types, said = {row.type for row in gone}, held.case.said
    if types & threads.DOCUMENTS:
        said = await threads.with_documents(context, tx, held)
    if DOCUMENT_REQUEST not in types:
        return said
    rows = sorted(await tx.outbound_of_case(held.case.ref), key=lambda row: row.place)
    earlier = [row for row in rows if row.type == DOCUMENT_REQUEST and row.state in ("posted", "receipted")]
    body = threads.said(context, held, earlier[-1]) if earlier else None
    rest = {type: one for type, one in said.items() if type != DOCUMENT_REQUEST}
    return rest if body is None else {**rest, DOCUMENT_REQUEST: body}


def of_what_is_over(held: Held, send: Send) -> Send:
    """Return what a case that is over still says by ``send``: of a correction what is wrong, and no right value."""
    over = held.case.state in (State.CLOSED, State.BLOCKED) or held.case.withdraws_at is not None
    if send.type != RECTIFICATION or not over:
        return send
    value = ijson.loads(send.body.encode())
    return replace(send, body=ijson.dumps({**value, "handling": None, "elements": None}).decode())


def _calls_off(context: Context, held: Held, row: OutboundRow) -> bool:
    """Return whether a message says that a journey is off: whoever knows the plan hears it, unless the thread ends."""
    if row.type != SCHEDULE or held.case.state in (State.WITHDRAWN, State.UNDELIVERED):
        return False
    body = threads.said(context, held, row)
    return body is not None and body["status"] == "cancelled"
