"""
What stands, and was told too long ago to be posted again: said once more to a State that may lack it.

A stop (decision 0041), a recall and a reply that is none (0042), a withdrawal (0046), and what else stands (0047).
"""

from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime

from gateway.core import wire
from gateway.core.case import HELD, Case, Side, State
from gateway.core.machine import IllegalStep, Send
from gateway.core.messages import ACCEPTANCE, RECTIFICATION, RESUMPTION, WITHDRAWAL
from gateway.core.notices import strike_again
from gateway.core.verification import WITHDRAWAL_BODY
from gateway.core.verification_changes import next_full_hour
from gateway.services import anew, cases, heard, passed_over, standing, steps, threads
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow
from keys import statement
from keys.errors import BadRest
from schemas import ijson


async def say_again(context: Context, tx: Tx, ref: str, now: datetime, *, goes_on: bool = False) -> None:
    """
    Say each of our words that stand in the case ``ref`` once more, if it was taken and is posted again no more.

    It is the same body in a new message (decisions 0042 and 0047). Where the case ``goes_on``, and was stopped before,
    only what was taken before a restore of the other State is.
    """
    held = cases.readable(context, await tx.find_case(ref))
    if held is None:
        return
    word = stop = standing.stop_of(held.case)
    if goes_on and stop != RECTIFICATION:
        word = RECTIFICATION if _answers_without_a_reply(held.case) else None
    if word is not None:
        await _stop_again(context, tx, held, word, now, goes_on=goes_on)
    for type in standing.types_of(held.case) if stop is None else ():
        await _last_again(context, tx, held, type, now, goes_on=goes_on)


async def _last_again(context: Context, tx: Tx, held: cases.Held, type: str, now: datetime, *, goes_on: bool) -> None:
    """
    Say the last word of ``type`` in a case once more.

    What was said in an epoch of ours that is over may have been taken back by what our restore lost. Where a listing
    tells of that, a person decides; that a return goes on is told by people at any rate, for a later stop may be lost.
    So is what nobody would take any more, or may keep.
    """
    said, surely = await standing.said_by(tx, held.case.ref, type), context.surely(now)
    taken = next((one for one in said if one.status == wire.ACCEPTED), None)
    if taken is None or any(one.state not in passed_over.DONE or passed_over.may_repeat(one, surely) for one in said):
        return
    if goes_on and not await _is_of_before(tx, taken):
        return
    if type == ACCEPTANCE and threads.find_said(context, held, taken) != held.case.said[ACCEPTANCE]:
        return  # of a proposal that another has replaced
    if taken.epoch < context.epoch and type == RESUMPTION:
        await anew.tell_otherwise(context, tx, taken, now)
        return
    send = threads.find_again(context, held, taken)
    if send is None or (taken.epoch < context.epoch and heard.has_lost(held.case)):
        return
    over = type == ACCEPTANCE and await standing.is_held(context, tx, held.case, type, held.case.said[type], now)
    if over or _is_over(send, now):
        await anew.tell_otherwise(context, tx, taken, now)
        return
    try:
        await threads.queue(context, tx, held, replace(send, optional=True), now)
    except IllegalStep:
        context.log("message.left_out", ref=held.case.ref, type=type, error="IllegalStep")


async def _stop_again(context: Context, tx: Tx, held: cases.Held, type: str, now: datetime, *, goes_on: bool) -> None:
    """
    Say the word of a stop that stands, of ``type``, once more.

    That a reply is none comes before all that waits: by word that its return goes on the other State would go by that
    reply. Where the case ``goes_on`` it is said only if it was taken before a restore of that State, or never left:
    our stop takes it out of the outbox.
    """
    said, surely = await standing.said_by(tx, held.case.ref, type), context.surely(now)
    taken = next((one for one in said if one.status == wire.ACCEPTED), None)
    # What is of an epoch of ours that is over is refused by who forgot it: where the case goes on that is too late.
    counts = [one for one in said if one.epoch == context.epoch or not goes_on]
    waits = any(one.state not in passed_over.DONE or passed_over.may_repeat(one, surely) for one in counts)
    send = threads.find_again(context, held, taken) if taken is not None and not waits else None
    if goes_on and not any(one.stands for one in said):  # one that was refused for its times was heard by nobody
        send = strike_again(held.case)
    elif goes_on and (taken is None or not await _is_of_before(tx, taken)):
        return
    if send is None:
        return
    try:
        if type == RECTIFICATION:
            await threads.say_before(context, tx, held, (send,), now)
            await steps.note_said(context, tx, held, type, now)
            return
    except BadRest as error:
        context.log_fault(held.case.partner, type, error)
    with suppress(IllegalStep):  # the thread has ended
        await threads.queue(context, tx, held, replace(send, optional=True), now)


async def withdraw_again(context: Context, tx: Tx, ref: str, now: datetime) -> None:
    """
    Say our withdrawal of a case once more, if it was taken and is posted again no more (decision 0046).

    Who forgot it works on, and all it says is taken as if it were still asked. What is locked is read by nobody.
    """
    row, surely = await tx.find_case(ref), context.surely(now)
    if row is None or row.side != Side.REQUESTING or row.state in (State.BLOCKED, State.ERASED):
        return
    said = [one for one in await tx.outbound_of_case(ref) if one.type == WITHDRAWAL]
    if any(one.waits or passed_over.may_repeat(one, surely) for one in said):
        return
    held = cases.readable(context, row) if any(one.status == wire.ACCEPTED for one in said) else None
    if held is not None:
        await threads.queue(context, tx, held, Send(WITHDRAWAL, WITHDRAWAL_BODY, next_full_hour(now)), now)


def _is_over(send: Send, now: datetime) -> bool:
    """Return whether the last day has come up to which a word may be kept, or the end of a signature in it."""
    until = (ijson.loads(send.body.encode()).get("handling") or {}).get("retain_until")
    signed = (statement.parse(one.encode())[0].valid_until for one in send.statements)
    return (until is not None and date.fromisoformat(until) <= now.date()) or any(end <= now for end in signed)


def _answers_without_a_reply(case: Case) -> bool:
    """Return whether we are asked in a case that is not stopped, and have no reply, or took it back."""
    return case.side is Side.REQUESTED and case.reply is None and case.state not in HELD


async def _is_of_before(tx: Tx, row: OutboundRow) -> bool:
    """Return whether ``row`` was taken before a restore of its State."""
    partner = await tx.find_partner(row.partner)
    return partner is not None and passed_over.is_of_before(row, partner)
