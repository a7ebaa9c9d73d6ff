"""
What becomes of a message that is over without an answer: it ends and a person is told, or it goes on after all.

What stops a request or takes data back is said once more where its time ran out, and so is that a return is stopped
where we are asked: the other State may be back, and nobody else tells it there.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from gateway.core import wire
from gateway.core.case import Case, Side, State
from gateway.core.machine import Event, Send
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    DIRECTORY,
    ERASURE,
    RECTIFICATION,
    RESYNC,
    STILL_SAID,
    SUSPENSION,
    WITHDRAWAL,
    WORD_OF_STOP,
)
from gateway.core.verification import GATEWAY, WITHDRAWAL_BODY
from gateway.core.verification_changes import next_full_hour
from gateway.services import (
    anew,
    away,
    cases,
    channel,
    listing,
    no_contact,
    once_more,
    outbox,
    passed_over,
    resync,
    steps,
    threads,
)
from gateway.services.answers import add_finding
from gateway.services.context import Context
from gateway.services.leaving import OVER, STOPPED, brings_too_late, still_says, was_never_told
from gateway.services.ports import Tx
from gateway.services.rows import CaseRow, OutboundRow, PartnerRow
from keys.errors import BadRest

_HAS_TO_BE_HEARD = threads.STOPS | {RECTIFICATION, ERASURE}
"""Types that stop something or take data back, and that no number closes: a withdrawal is heard at any."""

NOT_BACK = "a message that the other State may have lost was posted again and did not come through; ask it"
"""Finding on a case whose partner was restored, or had its keys stolen: what it has of us nobody here knows."""

Ready = Callable[[OutboundRow], Awaitable[OutboundRow | None]]
"""How a message may leave now, ``None`` where a rule stands against it, or it cannot be read."""


async def expire(context: Context, now: datetime) -> int:
    """
    End as undelivered every message past ``expires_at`` and 300 s; return how many there were.

    Until then the other State may still accept it (M-3.7), so it is not over for us either (M-5.10). Nothing ends
    while the clock is not believed.
    """
    if not context.believes(now):
        return 0

    async def unit(tx: Tx) -> int:
        ended, looked, most = 0, set[str](), 500
        while True:
            rows = await tx.expired_outbound(now - wire.SKEW, most)
            new = [row for row in rows if row.id not in looked]
            for row in new:
                current = await tx.find_outbound(row.partner, row.id)
                if current is not None and current.waits:  # not moved up by one before it
                    ended += await end(context, tx, current, None, now)
            looked.update(row.id for row in new)
            if ended or len(rows) < most:
                return ended
            most *= 2  # what is posted on stays where it was found, and hides nothing behind it

    committed = await context.commit(unit)
    count: int = committed.value
    return count


async def end(context: Context, tx: Tx, row: OutboundRow, code: str | None, now: datetime) -> bool:
    """
    End ``row`` as undelivered, by the problem ``code`` or because its time ran out; return whether it ended.

    What goes on after all is left as it is, or is made anew.
    """
    if row.answer is not None:
        return await _end_answered(context, tx, row, code, now)
    if row.type == RESYNC and await _waits_on(context, tx, row, now):
        return False
    if code is None and await away.outlives(context, tx, row, now):
        return False
    if code is None:
        context.log("message.expired", partner=row.partner, type=row.type, ref=row.ref)
    lost = row._replace(state="undelivered", code=code, answered_at=now)
    await tx.save_outbound(lost)
    await anew.give_up(context, tx, lost, now)
    if code is not None:
        await channel.note_untaken(tx, row, now)
    if row.type == RESYNC:
        await listing.go_on(context, tx, row.partner, now)
    await _tell_case(context, tx, row, code, now)
    return True


async def _end_answered(context: Context, tx: Tx, row: OutboundRow, code: str | None, now: datetime) -> bool:
    """Let the answer of ``row`` stand, which was posted again after a restore; return ``False`` if it is posted on."""
    if code is None and await passed_over.fills(tx, row):
        return False
    if code is None and await passed_over.is_filled(tx, row):
        await passed_over.unfill(tx, row)  # what waited behind it runs out too, and nobody has heard of its number
    await tx.save_outbound(passed_over.settled_before(row))
    await add_finding(context, tx, row, NOT_BACK, now)
    await once_more.say_again(context, tx, row.ref or "", now)
    await once_more.withdraw_again(context, tx, row.ref or "", now)
    if code is None and row.type == SUSPENSION:
        await _stop_anew(context, tx, row, now)
    if row.type == DIRECTORY:
        await anew.announce_anew(context, tx, row, now, listing.AGAIN_S)  # nobody here would know
    return True


async def _stop_anew(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Say a stop of who is asked anew as if its State had refused it for its times, unless it is said since.

    Of a case that was closed since nothing else does: for a day a State that was put back by months, whose clock has
    leapt by that, refuses nothing that stands before it, and the time of the stop may end in it (M-3.7).
    """
    case = await tx.find_case(row.ref or "")
    if case is not None and case.side == Side.REQUESTED:
        await anew.said_anew(context, tx, row._replace(code=anew.EXPIRED), now)


async def _tell_case(context: Context, tx: Tx, row: OutboundRow, code: str | None, now: datetime) -> None:
    """Tell the case of ``row`` that it is undelivered, and say ``row`` once more if its time ran out."""
    case_row = await tx.find_case(row.ref) if row.ref else None
    if case_row is None or case_row.sealed is None:
        return
    try:
        held = cases.unseal(context, case_row)
        if row.type in threads.HEARD_AT_LAST and await anew.said_anew(context, tx, row, now):
            return
    except Exception as error:
        # A case that cannot be read does not move; the messages of all others must still come to an end.
        context.log("case.fault", ref=row.ref, error=type(error).__name__)
        return
    behind = [one.type for one in await threads.unsent_of(tx, held.case)]
    data = {"code": code, "type": row.type, "behind": behind, "held": held.case.state}
    await steps.tell(context, tx, held, Event("undelivered", row.partner, GATEWAY, data), now)
    if code is None:
        await _say_again(context, tx, row, now)


async def _say_again(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Say ``row`` once more, whose time ran out, if it withdraws, stops or takes data back, in a new message (M-5.10).

    Where we asked, what follows a withdrawal stands behind a number that may be missing there: another withdrawal
    closes it. Without one nothing but people tells it (R-16). Whether ``row`` had come nobody knows; what is heard
    twice changes nothing.
    """
    if row.type != WITHDRAWAL and row.type not in STILL_SAID:
        return
    held = await cases.load(context, tx, row.ref or "")
    asking = held.case.side is Side.REQUESTING
    if not await _stands(tx, held.case, row.type):
        return
    try:
        if row.type != WITHDRAWAL and not asking:
            await threads.say_before(context, tx, held, (threads.again(context, held, row),), now)
        elif row.type != WITHDRAWAL:
            await steps.say_behind(context, tx, held, (row,), now)
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return
    if asking and not await _withdraws(tx, row):
        held = await cases.load(context, tx, held.case.ref)
        await threads.queue(context, tx, held, Send(WITHDRAWAL, WITHDRAWAL_BODY, next_full_hour(now)), now)


async def _stands(tx: Tx, case: Case, type: str) -> bool:
    """
    Return whether a lost message of ``type`` still says how it is with ``case``, and may be said again there.

    Word of a stop is of the last step alone, and of a return that the other State has not withdrawn. A stop of who asks
    is not: nobody leaves while that State holds, and its withdrawal is heard at any number.
    """
    ended = (await threads.thread_of(tx, case)).ended
    if case.side is Side.REQUESTING:
        return ended == "withdrawn" and type not in WORD_OF_STOP
    if type not in WORD_OF_STOP:
        return True
    is_last = (type == SUSPENSION) == (SUSPENSION in case.said)
    return is_last and ended == "undelivered" and (case.state not in OVER or still_says(case.state, type))


async def _withdraws(tx: Tx, row: OutboundRow) -> bool:
    """Return whether a withdrawal that stands behind ``row`` waits for its answer."""
    rows = await tx.outbound_of_case(row.ref or "")
    return any(one.type == WITHDRAWAL and one.waits and one.place > row.place for one in rows)


async def is_posted_on(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """Return whether ``row`` is posted past its time: its person has left, or its State may lack it."""
    if row.answer is not None:
        return await passed_over.fills(tx, row)
    if row.posted_at is not None and not context.believes(now) and await threads.holds_up_a_stop(tx, row):
        return True  # by a clock that leapt nobody can say that it is over, and a stop is not to wait for that
    return row.posted_at is not None and await away.outlives(context, tx, row, now)


async def ends_nothing(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """Return whether word of a stop waits behind ``row``, and that was answered before, or is said anew instead."""
    if not await threads.holds_up_a_stop(tx, row):
        return False
    return row.answer is not None or await away.outlives(context, tx, row, now)


async def pass_over(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Leave a message unposted that was answered before its partner's restore, and that a rule holds back now.

    It must not hold up what follows: mostly the partner knows it. Of a case that is stopped it is posted once the
    case goes on (``bring_back``); of any other one a person is told. That a value was wrong is said behind our
    withdrawal, without the right one.
    """
    await tx.save_outbound(passed_over.settled_before(row))
    if await passed_over.is_filled(tx, row):
        await passed_over.unfill(tx, row)
    case_row = await tx.find_case(row.ref or "")
    held = cases.readable(context, case_row)
    if held is not None and brings_too_late(held.case, row):
        await steps.say_behind(context, tx, held, (row,), now)
    elif held is not None and was_never_told(held.case, row):
        return  # its desk was told as it was refused
    elif case_row is not None and case_row.state not in STOPPED:
        await add_finding(context, tx, row, resync.PASSED_OVER, now)


async def fill_gap(context: Context, tx: Tx, row: OutboundRow, now: datetime, ready: Ready) -> None:
    """
    Post again what a restored partner lacks before ``row``, past its time, or tell the desk that ``row`` waits in vain.

    The bytes themselves are posted, for a refusal as ``expired`` uses the number too, and ``row`` can be heard
    (M-5.28). All that is lacking is, as far as ``ready`` returns how it may leave now, or nothing: where a rule
    stands against one, or it may be kept no longer, or nothing is left of it, or it asks about somebody in a case that
    was stopped and is over, what stands behind it is not heard, and people tell what stops something, or takes data
    back.
    """
    partner = await tx.find_partner(row.partner)
    if partner is None or row.ref is None:
        return
    rows = await tx.outbound_of_case(row.ref)
    lacking = passed_over.lacking(rows, row, partner, now)
    if not lacking or any(one.state == "posted" for one in lacking):
        return  # nothing is over, or that is under way
    new = [one for one in lacking if not await passed_over.is_filled(tx, one)]
    if new and await _fill(context, tx, new, partner, now, ready):
        return
    await add_finding(context, tx, row, resync.PASSED_OVER, now)
    await tell_unheard(context, tx, row, now)


async def _fill(
    context: Context, tx: Tx, rows: Sequence[OutboundRow], partner: PartnerRow, now: datetime, ready: Ready
) -> bool:
    """Post ``rows`` of one case again past their time, or none where one may not leave; return whether it is."""
    case = await tx.find_case(rows[0].ref or "")
    if case is None or case.wrapped_key is None or any(one.state not in passed_over.DONE for one in rows):
        return False
    if await _is_over(tx, case) and any(one.type not in _SAID_OF_WHAT_IS_OVER for one in rows):
        return False
    # All of them first, for what stands before word of a stop leaves with that.
    for row in await passed_over.fill(tx, rows, partner, now):
        one = await ready(row) if row.sealed is not None else None
        try:
            left_over = one is None or one.envelope is None or passed_over.kept_no_longer(context, one, case, now)
        except BadRest as error:
            context.log_fault(row.partner, row.type, error)
            left_over = True
        if one is None or left_over:
            for each in rows:
                await tx.save_outbound(each)
            await passed_over.unfill(tx, row)
            return False
        await tx.save_outbound(one)
    context.queued = True
    return True


_SAID_OF_WHAT_IS_OVER = AFTER_WITHDRAWAL | {WITHDRAWAL}


async def _is_over(tx: Tx, case: CaseRow) -> bool:
    """Return whether a case in which we ask was withdrawn, or set aside, and closed: nothing is asked anew (M-5.28)."""
    closed = case.side == Side.REQUESTING and case.state == State.CLOSED
    return closed and await passed_over.stopped_as(tx, case) is not None


async def tell_unheard(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Have people tell the other State what waits in the case of ``row`` and has to be heard, once.

    In a thread that was withdrawn no stop has to be: that State goes on with nothing. What takes data back has.
    """
    rows = await tx.outbound_of_case(row.ref or "")
    waiting = {one.type for one in rows if one.waits and one.answer is None}
    held = cases.readable(context, await tx.find_case(row.ref or "")) if waiting & _HAS_TO_BE_HEARD else None
    if held is None:
        return
    over = (await threads.thread_of(tx, held.case)).ended == "withdrawn"
    if waiting & (_HAS_TO_BE_HEARD - threads.STOPS if over else _HAS_TO_BE_HEARD):
        await steps.tell_unheard(context, tx, held, now)


async def _waits_on(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Return whether a listing that expired is for a partner not to be contacted, or on hold; if so it is made anew.

    It waits until that State is off the list (N-01), or a key of it is held, however long: whoever was restored waits
    for it then.
    """
    if row.partner not in context.partners:
        return False
    has_key = outbox.recipient(context, row.partner, now) is not None
    if has_key and await no_contact.barred(context, tx, row.partner) is None:
        return False
    current = await tx.find_outbound(row.partner, row.id)
    if current is not None and current.state != "dropped":  # with one that expired beside it
        await listing.queue(context, tx, row.partner, now)
    return True
