"""What is said to the other State in the thread of a case: put in the outbox, taken out of it, read again."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import dropwhile, takewhile
from typing import Any

from gateway.core import exercise, wire
from gateway.core.case import Case, Side, State
from gateway.core.codes import PeerError
from gateway.core.facts import When, about
from gateway.core.machine import IllegalStep, Send
from gateway.core.messages import (
    ACCEPTANCE,
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    CONFIRMATION,
    CONTEST,
    DOCUMENT,
    ERASURE,
    EXERCISE,
    HANDOVER,
    INFORMATION,
    MONITORING,
    PROPOSAL,
    RECTIFICATION,
    REISSUE,
    REPLY,
    REQUEST,
    RESUMPTION,
    SCHEDULE,
    STILL_SAID,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
    WITHDRAWAL,
)
from gateway.core.minimise import members_of
from gateway.core.return_changes import NO_CONTACT
from gateway.core.rules import findings
from gateway.core.starts import counted_from
from gateway.services import cases, outbox
from gateway.services.around import look
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.outbox import Letter
from gateway.services.ports import Tx
from gateway.services.rows import InboundRow, OutboundRow, ThreadRow
from keys import jws
from keys.errors import BadJws, BadRest
from schemas import ijson

STOPS = frozenset({SUSPENSION, TAKE_BACK})
"""Types that must be heard whatever stands in their way, and do no harm if they are heard twice."""

OUTLIVES_ITS_CASE = AFTER_WITHDRAWAL | STOPS | {RESUMPTION, MONITORING}
"""
Types that who is asked says once more as its case is erased, and until they are heard: what takes data back, that a
return is stopped, or not any more, or somebody called back, and that she was found in danger. Each is word of its own,
and names nobody.
"""

AT_ONCE = STOPS | {SCHEDULE}
"""Word of a stop, that somebody left or that a journey is off: it waits for no listing, and said twice does no harm."""

_OF_IT = frozenset({REQUEST, REPLY, RECTIFICATION, ERASURE})
"""Before what no correction steps: what it may be of, and another one."""

_HEARD_BEFORE = STOPS | _OF_IT | {RESUMPTION, HANDOVER, MONITORING}
"""Before what a correction does not step where it may leave: that, and word of a stop and of the person."""

DOCUMENTS = frozenset({DOCUMENT, REISSUE})
"""Types that say which travel document counts."""

_ON_A_REPLY = DOCUMENTS | {ACCEPTANCE}
"""Types of who is asked that rest on its reply (R-04)."""

HEARD_AT_LAST = STOPS | {WITHDRAWAL}


async def thread_of(tx: Tx, case: Case) -> ThreadRow:
    """
    Return the thread of ``case`` as both directions stand, or a new one.

    What came in it before was of no case, where a restore took the request that it answers: from the next message on
    it is this one's.
    """
    found = await tx.find_thread(case.partner, case.thread)
    if found is None or (found.ref is None and case.state is not State.ERASED):
        return (found or ThreadRow(case.partner, case.thread, None))._replace(ref=case.ref)
    return found


_PART = 500
"""Threads read at once: with a State there may be as many as it likes."""


async def each_with(context: Context, partner: str) -> AsyncIterator[ThreadRow]:
    """Yield the threads with ``partner``, by name."""
    after = ""
    while True:
        found = await context.store.read(partial(_threads, partner=partner, after=after))
        for row in found:
            yield row
        if len(found) < _PART:
            return
        after = found[-1].thread


async def _threads(tx: Tx, partner: str, after: str) -> Sequence[ThreadRow]:
    return await tx.threads(partner, after, _PART)


async def queue(context: Context, tx: Tx, held: Held, send: Send, now: datetime) -> OutboundRow:
    """
    Put a message around the exact body of ``send`` in the outbox, with the next number of the case's thread.

    What steps before it or behind it (``_stepping``) is taken out and put there anew; what stands behind one that steps
    does so too, or neither: no number is freed before one that is used.

    Raises ``IllegalStep`` if the thread has ended and a message of this type may not follow, and ``Unavailable`` if no
    valid sealing key of the recipient is held; a withdrawal, and what is said of a step that must not wait, then waits
    for one in the outbox, because whoever decides on it must not have to come back.
    """
    case = held.case
    if not _may_follow(case.side, send.type, (await thread_of(tx, case)).ended):
        raise IllegalStep(case.state, send.type, "")
    first, later = await _stepping(context, tx, held, send, now)
    before, behind = ([replace(again(context, held, row), optional=True) for row in rows] for rows in (first, later))
    await take_out(context, tx, held, [*first, *later], now)
    for one in before:
        await _queue(context, tx, held, one, now)
    queued = await _queue(context, tx, held, send, now)
    for one in behind:
        await _queue(context, tx, held, one, now)
    return queued


async def _stepping(
    context: Context, tx: Tx, held: Held, send: Send, now: datetime
) -> tuple[list[OutboundRow], list[OutboundRow]]:
    """
    Return which messages of a case that were never posted step before ``send``, and which behind it.

    Behind a withdrawal all of them: its number is never freed, so nothing may wait before it that is taken out later,
    and be numbered anew as the withdrawal is. Behind a correction what does not bring what is wrong; behind a demand to
    destroy what rests on a reply that was taken back. Behind word of a stop whatever waits for what a restore left open
    (``anew``), for a stop waits for no listing; behind anything else what waits for its day, as the plan of a journey.
    """
    case, unsent = held.case, await unsent_of(tx, held.case)
    if send.type == WITHDRAWAL:
        return [], _last_of(context, held, unsent)
    if send.type in (RECTIFICATION, CONFIRMATION):
        body = ijson.loads(send.body.encode())
        wrong = members_of(body.get("parts", ()))
        if send.type == RECTIFICATION and case.side is Side.REQUESTED:
            return _over_demands(context, held, wrong, unsent)
        silent = body.get("elements") is None and bool(unsent) and await _is_silent(context, tx, case, now)
        return [], _behind_what_is_right(context, held, wrong, unsent, silent=silent)
    if send.type == ERASURE and case.side is Side.REQUESTED and case.reply is None:
        # Our reply was taken back, and what rests on it is held: a demand to destroy does not wait behind that.
        return [], _last_of(context, held, unsent, lambda row, body: row.type not in _ON_A_REPLY)
    ours = [row for row in unsent if row.epoch == context.epoch]
    before = unsent[: len(unsent) - len(ours)]
    from_first = partial(_from_first, context, held, ours)
    if send.type in STOPS and before:
        # Nobody is called back of whom it was not heard that they left: word of that waits for no listing either.
        told = [row for row in before if row.type == SCHEDULE and find_again(context, held, row) is not None]
        return told, from_first(lambda row: row.type not in STOPS)
    if send.type == SUSPENSION:
        # Word that a journey is off is all that a stop leaves of a schedule, and may not leave before the case goes on.
        return [], from_first(lambda row: row.type == SCHEDULE)
    waits = partial(_has_its_day, context, held, context.surely(now))
    return [], [*filter(waits, before), *reversed(list(takewhile(waits, reversed(ours))))]


def _from_first(
    context: Context, held: Held, rows: Sequence[OutboundRow], steps: Callable[[OutboundRow], bool]
) -> list[OutboundRow]:
    """
    Return the first of ``rows`` that ``steps`` behind a message, and all that stands behind it.

    What cannot be put there anew stays, and what stands before it.
    """
    return _last_of(context, held, list(dropwhile(lambda row: not steps(row), rows)))


def _has_its_day(context: Context, held: Held, surely: datetime, row: OutboundRow) -> bool:
    """
    Return whether a message waits for an instant of its own, not for one at which a clock that was ahead made it.

    The plan of a journey waits for that too: it is not told before its hour is past for sure (V-40). What cannot be
    read, and so not be put behind another, is waited for.
    """
    if row.not_before <= surely or row.type in STOPS or find_again(context, held, row) is None:
        return False
    return row.not_before > row.queued_at or _is_a_plan(context, held, row)


def _is_a_plan(context: Context, held: Held, row: OutboundRow) -> bool:
    with suppress(BadRest):
        body = said(context, held, row) if row.type == SCHEDULE else None
        return body is not None and not _was_made(row, body)
    return False


async def _is_silent(context: Context, tx: Tx, case: Case, now: datetime) -> bool:
    """Return whether the other State hears nothing at all of a case now, but what takes data back (R-01, N-01)."""
    facts = about(case, now, HANDOVER, around=await look(context, tx, case, now))
    return bool({one.rule for one in findings(When.RETRY, facts)} & NO_CONTACT)


def _behind_what_is_right(
    context: Context, held: Held, wrong: frozenset[str], unsent: Sequence[OutboundRow], *, silent: bool = False
) -> list[OutboundRow]:
    """
    Return which of ``unsent`` step behind word that ``wrong`` members were, or that something is set right.

    A rule may hold them, and that waits for none. What brings the wrong values itself is set right once it was heard.
    Where the case is ``silent`` word of a stop and of the person is held too, and steps behind what is not.
    """

    def stays(row: OutboundRow, body: Mapping[str, Any]) -> bool:
        if row.type in _OF_IT or wrong & set(body.get("elements") or {}):
            return True
        return not silent and (row.type in _HEARD_BEFORE or _was_made(row, body))

    return _last_of(context, held, unsent, stays)


def _over_demands(
    context: Context, held: Held, wrong: frozenset[str], unsent: Sequence[OutboundRow]
) -> tuple[list[OutboundRow], list[OutboundRow]]:
    """
    Return which of ``unsent`` stay before a correction of ours as the asked State, and which step behind it.

    It takes our reply back, and what rests on that is held from then on (R-04), for good where nobody goes on with it:
    neither the correction nor a demand to destroy that was made before it waits behind what is held.
    """
    first, later, rest = list[OutboundRow](), list[OutboundRow](), list(unsent)
    while True:
        steps = _behind_what_is_right(context, held, wrong, rest)
        rest, later = rest[: len(rest) - len(steps)], [*steps, *later]
        demands = _last_of(context, held, rest, lambda row, body: row.type != ERASURE)
        if not demands:
            return [row for row in first if later and (row.seq or 0) > (later[0].seq or 0)], later
        rest, first = rest[: len(rest) - len(demands)], [*demands, *first]


def _last_of(
    context: Context,
    held: Held,
    unsent: Sequence[OutboundRow],
    stays: Callable[[OutboundRow, Mapping[str, Any]], bool] = lambda row, body: False,
) -> list[OutboundRow]:
    """Return the last of ``unsent``, up to one that ``stays``, is of an earlier epoch, or cannot be put there anew."""
    later = list[OutboundRow]()
    for row in reversed(unsent):
        if row.epoch < context.epoch:
            break
        body = find_said(context, held, row)
        if body is None or stays(row, body) or find_again(context, held, row) is None:
            break
        later.insert(0, row)
    return later


def _was_made(row: OutboundRow, body: Mapping[str, Any]) -> bool:
    """Return whether a message is of a journey that was begun, or called off."""
    return row.type == SCHEDULE and body["status"] != "planned"


async def _queue(context: Context, tx: Tx, held: Held, send: Send, now: datetime) -> OutboundRow:
    case, thread = held.case, await thread_of(tx, held.case)
    # What the other State says until the full hour is taken: not to name it would tell that this was made before.
    undated = send.type == WITHDRAWAL or (case.side is Side.REQUESTING and thread.ended == "withdrawn")
    hour = await _hour_of(tx, thread) if undated and send.type != WITHDRAWAL else None
    leaves_at = max(send.not_before or now, hour or now, now).replace(microsecond=0).astimezone(UTC)
    requested = case.partner if case.side is Side.REQUESTING else context.country
    clock_step = TYPES[send.type].clock_step
    # The confirmation of an erasure outlives its case: it is of none, and says nothing of it.
    gone = case.state is State.ERASED
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
        undated=undated,
    )
    return await outbox.put(context, tx, letter, now, thread)


async def _hour_of(tx: Tx, thread: ThreadRow) -> datetime | None:
    """
    Return the full hour at which our withdrawal of ``thread`` may leave, ``None`` if none waits for one.

    What is said behind it bears that instant, or it would tell that the withdrawal was decided before (M-5.26).
    """
    rows = await tx.outbound_of_case(thread.ref) if thread.ref else ()
    return max((row.not_before for row in rows if (row.type, row.state) == (WITHDRAWAL, "queued")), default=None)


def _kept(context: Context, held: Held, id: str, signed: bytes) -> bytes:
    return context.vault.seal(held.key, "outbound", id, "sealed", signed)


async def queue_of_nothing(
    context: Context, tx: Tx, partner: str, thread: str, send: Send, now: datetime, *, exercise: bool, side: Side
) -> OutboundRow:
    """
    Put ``send`` in the outbox in a thread of which nothing is kept; ``side`` is the one we have there.

    An optional one waits where no key of the other State is held. Raises ``IllegalStep`` for a thread in which nothing
    of ours may follow, ``Unavailable`` as ``queue`` does.
    """
    gone = Case("", side, partner, thread, State.ERASED, "", "", exercise=exercise)
    return await queue(context, tx, cases.fresh(context, gone, now), send, now)


async def side_of(tx: Tx, thread: ThreadRow) -> Side:
    """Return the side that we have in ``thread``; of one that is known by a withdrawal alone we are asked."""
    case = await tx.find_case(thread.ref) if thread.ref else None
    return Side.REQUESTING if case is not None and case.side == Side.REQUESTING else Side.REQUESTED


def _may_follow(side: Side, type: str, ended: str | None) -> bool:
    """Return whether ``side`` may still say a message in a thread that ``ended`` (M-5.23, M-5.10)."""
    if ended is None or type == WITHDRAWAL:
        return True
    if ended == "withdrawn":
        return type in AFTER_WITHDRAWAL
    return type in STILL_SAID and side is Side.REQUESTED


async def give_back(tx: Tx, epoch: int, rows: Sequence[OutboundRow]) -> None:
    """
    Let the first number of ``rows``, of one thread, be that of what comes next there: none of them has a receipt.

    Only where we are asked: no withdrawal of ours closes it, and what takes data back, which alone follows there, would
    never be heard behind it. If it was used all the same, what has it now is refused ``id-reuse``, and said anew under
    the next one (M-5.10).
    """
    numbers = [row.seq for row in rows if row.thread and row.epoch == epoch and row.seq and row.type not in INFORMATION]
    thread = await tx.find_thread(rows[0].partner, rows[0].thread or "") if numbers else None
    if thread is None or thread.out_epoch != epoch or await side_of(tx, thread) is Side.REQUESTING:
        return
    await tx.save_thread(thread._replace(out_seq=min([thread.out_seq, *(number - 1 for number in numbers)])))


_LOST_OF_NO_CASE = "lost_number:"
"""Name, before partner and thread, of the place of the last message of no case there that was posted and given up."""


async def note_lost(tx: Tx, row: OutboundRow) -> None:
    """Remember where ``row`` stood, of no case, which was given up: what has its number next may find it used."""
    if row.ref is None and row.posted_at is not None and row.type not in INFORMATION:
        await tx.set_meta(f"{_LOST_OF_NO_CASE}{row.partner}:{row.thread}", f"{row.epoch} {row.seq}")


async def used_before(tx: Tx, row: OutboundRow) -> bool:
    """Return whether the number of ``row`` was that of another message, given up, that may have come (M-5.10)."""
    if await tx.find_meta(f"{_LOST_OF_NO_CASE}{row.partner}:{row.thread}") == f"{row.epoch} {row.seq}":
        return True
    thread = await tx.find_thread(row.partner, row.thread or "")
    others = await tx.outbound_of_case(thread.ref) if thread is not None and thread.ref else ()
    place = (row.thread, row.epoch, row.seq)
    return any(one.id != row.id and one.posted_at and (one.thread, one.epoch, one.seq) == place for one in others)


async def take_out(context: Context, tx: Tx, held: Held, unsent: Sequence[OutboundRow], now: datetime) -> None:
    """Take ``unsent`` out of the outbox as if they had never been in it: neither numbers nor ``prev`` show them."""
    if not unsent:
        return
    thread, gone = await thread_of(tx, held.case), {row.digest: row for row in unsent}
    seen = thread.seen
    while seen is not None and seen in gone:
        row = gone[seen]
        try:
            seen = payload_of(context, held, row).prev
        except BadRest as error:
            # What stood before it only tells the reader of the log; that it is taken out must not fail for that.
            context.log_fault(row.partner, row.type, error)
            seen = None
    for row in unsent:
        await tx.save_outbound(row._replace(state="dropped", envelope=None, sealed=None, answered_at=now))
    numbers = [row.seq for row in unsent if row.epoch == thread.out_epoch and row.seq is not None]
    last = max(min([thread.out_seq + 1, *numbers]) - 1, await _withdrawn_at(tx, held.case, thread))
    await tx.save_thread(thread._replace(out_seq=last, seen=seen))


async def _withdrawn_at(tx: Tx, case: Case, thread: ThreadRow) -> int:
    """Return the number of our last withdrawal in the epoch of ``thread``, or 0: it is freed by nothing before it."""
    rows = await tx.outbound_of_case(case.ref) if thread.ended == "withdrawn" else ()
    said = [row.seq or 0 for row in rows if (row.type, row.epoch) == (WITHDRAWAL, thread.out_epoch)]
    return max(said, default=0)


def payload_of(context: Context, held: Held, row: OutboundRow) -> wire.Payload:
    """Return the payload of a message of ours whose signed bytes are kept. Raises ``BadRest`` as ``outbox.kept``."""
    payload = wire.payload_in(context.vault.open(held.key, "outbound", row.id, "sealed", row.sealed or b""))
    outbox.check_said(row, payload)
    return payload


def received(context: Context, held: Held, row: InboundRow) -> wire.Payload:
    """Return the payload of a message of the other State whose signed bytes are kept. Raises ``BadRest``."""
    return wire.payload_in(context.vault.open(held.key, "inbound", row.digest, "sealed", row.sealed or b""))


def again(context: Context, held: Held, row: OutboundRow) -> Send:
    """Return what puts a message of ours in the outbox once more, with the same body, statements and day."""
    payload = payload_of(context, held, row)
    raw = exercise.unwrap(payload.body_bytes)[1] if held.case.exercise else payload.body_bytes
    leaves_at = row.not_before if row.not_before > row.queued_at else None
    return Send(row.type, raw.decode(), leaves_at, payload.statements)


def find_again(context: Context, held: Held, row: OutboundRow) -> Send | None:
    """Return what ``again`` does, or ``None`` where the message cannot be read, which is logged."""
    try:
        return again(context, held, row)
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return None


def said(context: Context, held: Held, row: OutboundRow) -> Mapping[str, Any] | None:
    """Return the body of a message of ours, empty where no clock depends on it; ``None`` if it is not kept."""
    if row.type in (REQUEST, CONTEST, ACKNOWLEDGEMENT):
        return {}
    if row.sealed is None:
        return None
    return exercise.body_of(payload_of(context, held, row))


def find_said(context: Context, held: Held, row: OutboundRow) -> Mapping[str, Any] | None:
    """Return what ``said`` does, and ``None`` also where the message cannot be read, which is logged."""
    try:
        return said(context, held, row)
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return None


async def with_documents(context: Context, tx: Tx, held: Held) -> Mapping[str, Mapping[str, Any]]:
    """
    Return what is said in the case, with the travel documents that count by what is in the outbox, or has left.

    They are those of the proposal that stands: a document takes the place of every earlier one, and one issued again
    that of the last. Which were said since that proposal is told by the message that each names as taken last, whatever
    a clock said. Raises ``BadRest`` if one of them cannot be read.
    """
    case = held.case
    came = await tx.inbound_of_case(case.ref, bare=True)
    last = max((place for place, one in enumerate(came) if one.type == PROPOSAL), default=0)
    since = {one.digest for one in came[last:]}
    found: dict[str, Mapping[str, Any]] = {}
    for row in sorted(await tx.outbound_of_case(case.ref), key=lambda row: row.place):
        if row.type not in DOCUMENTS or not row.stands or row.sealed is None:
            continue
        body = said(context, held, row)
        if body is not None and payload_of(context, held, row).in_reply_to in since:
            found = {row.type: body} if row.type == DOCUMENT else {**found, row.type: body}
    return {**{type: body for type, body in case.said.items() if type not in DOCUMENTS}, **found}


def counted_at(row: OutboundRow) -> datetime | None:
    """
    Return the instant that counts for the receipt of an accepted message of ours, ``None`` where there is none.

    Where the receipt that is kept cannot be read any more that of its answer does, which came then or later.
    """
    if row.status != wire.ACCEPTED or row.answer is None:
        return None
    made_at, found = max(row.queued_at, row.not_before), find_receipt(row)
    seen_at = row.answered_at or made_at
    return counted_from(found[1].received_at, made_at, seen_at) if found else seen_at


def find_receipt(row: OutboundRow) -> tuple[bytes, wire.Receipt] | None:
    """Return the receipt in the answer kept of a message, as it was signed and as it reads; ``None``: it is spoiled."""
    try:
        signed = wire.parse_stored_answer(row.answer or b"").receipt
        return signed, wire.parse_receipt(jws.parse(signed, jws.TYP_RECEIPT).payload)
    except (PeerError, BadJws, ijson.BadJson):
        return None


async def unsent_of(tx: Tx, case: Case) -> list[OutboundRow]:
    """Return the messages of the case that were queued and never posted, in the order of their numbers."""
    rows = [row for row in await tx.queued_of_case(case.ref) if row.type != WITHDRAWAL]
    return sorted(rows, key=lambda row: row.place)


async def waits(tx: Tx, case: Case, type: str) -> bool:
    """Return whether a message of ``type`` of the case was never posted, and is still to be."""
    return any(row.type == type for row in await unsent_of(tx, case))


async def holds_up_a_stop(tx: Tx, row: OutboundRow) -> bool:
    """Return whether word of a stop, of a recall or, of who is asked, that the reply is none waits behind ``row``."""
    case = await tx.find_case(row.ref) if row.ref else None
    if case is None:
        return False
    types = STOPS | ({RECTIFICATION} if case.side == Side.REQUESTED else set())
    rows = await tx.outbound_of_case(case.ref)
    return any(one.waits and one.type in types and one.place > row.place for one in rows)


async def leave_out(context: Context, tx: Tx, held: Held, type: str, now: datetime) -> bool:
    """
    Take each message of ``type`` that was never posted out of the outbox; what waits beside it is put there anew.

    Returns whether any was; none is where what stands beside it cannot be read, which is logged.
    """
    unsent = [row for row in await unsent_of(tx, held.case) if row.epoch == context.epoch]
    if not any(row.type == type for row in unsent):
        return False
    try:
        others = [again(context, held, row) for row in unsent if row.type != type]
    except BadRest as error:
        context.log_fault(held.case.partner, type, error)
        return False
    await take_out(context, tx, held, unsent, now)
    for one in others:
        await _queue(context, tx, held, replace(one, optional=True), now)
    return True


async def last_taken(context: Context, tx: Tx, case: Case, type: str) -> tuple[datetime, wire.Payload] | None:
    """Return the last message of ``type`` that was taken in and is kept, and when it came."""
    # In order of arrival, for two may come at one instant; of each the bytes alone, for it may have many with images.
    for one in reversed(await tx.inbound_of_case(case.ref, bare=True)):
        is_one = one.type == type and one.status == wire.ACCEPTED
        row = await tx.find_inbound(one.partner, one.digest) if is_one else None
        if row is not None and row.sealed is not None:
            return row.received_at, received(context, await cases.load(context, tx, case.ref), row)
    return None


async def say_before(
    context: Context, tx: Tx, held: Held, sends: Sequence[Send], now: datetime
) -> Sequence[OutboundRow]:
    """
    Say ``sends`` before all that waits in our epoch, and that anew behind them; return their rows.

    Raises ``BadRest`` if what waits cannot be read, before anything is changed.
    """
    waiting = [one for one in await unsent_of(tx, held.case) if one.epoch == context.epoch]
    behind = [again(context, held, one) for one in waiting]
    await take_out(context, tx, held, waiting, now)
    rows = [await _queue(context, tx, held, replace(one, optional=True), now) for one in (*sends, *behind)]
    return rows[: len(sends)]


async def abandon(tx: Tx, case: Case, now: datetime) -> list[OutboundRow]:
    """
    Give up what was posted and never receipted: the withdrawal that follows closes its number.

    Returns what of it takes data back, in its order: nobody knows whether it came, and it may follow the withdrawal.
    """
    gone = [row for row in await tx.outbound_of_case(case.ref) if row.state == "posted" and row.type != WITHDRAWAL]
    for row in gone:
        await tx.save_outbound(row._replace(state="dropped", envelope=None, answered_at=now))
    takes_back = [row for row in gone if row.type in AFTER_WITHDRAWAL]
    return sorted(takes_back, key=lambda row: row.place)
