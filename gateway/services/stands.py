"""What stands in a case, and was told too long ago to be posted again: said once more to a State that may lack it."""

from dataclasses import replace
from datetime import datetime

from gateway.core import wire
from gateway.core.machine import IllegalStep
from gateway.core.messages import ACCEPTANCE, RESUMPTION
from gateway.services import anew, cases, heard, passed_over, threads
from gateway.services.context import Context
from gateway.services.ports import Tx


async def say_again(context: Context, tx: Tx, ref: str, now: datetime) -> None:
    """
    Say each of our words that stand in the case ``ref`` once more, if it was taken and is posted again no more.

    It is the same body in a new message (decisions 0042 and 0047).
    """
    held = cases.readable(context, await tx.find_case(ref))
    if held is None:
        return
    if threads.stop_of(held.case) is not None:
        await anew.stop_again(context, tx, ref, now)
        return
    for type in threads.standing(held.case):
        await _last_again(context, tx, held, type, now)


async def _last_again(context: Context, tx: Tx, held: cases.Held, type: str, now: datetime) -> None:
    """
    Say the last word of ``type`` in a case once more.

    What was said in an epoch of ours that is over may have been taken back by what our restore lost. Where a listing
    tells of that, a person decides; that a return goes on is told by people at any rate, for a later stop may be lost.
    """
    said, surely = await threads.words_of_stop(tx, held.case.ref, type), context.surely(now)
    taken = next((one for one in said if one.status == wire.ACCEPTED), None)
    if taken is None or any(one.state not in passed_over.DONE or passed_over.may_repeat(one, surely) for one in said):
        return
    if type == ACCEPTANCE and threads.find_said(context, held, taken) != held.case.said[ACCEPTANCE]:
        return  # of a proposal that another has replaced
    if taken.epoch < context.epoch and type == RESUMPTION:
        await anew.tell_otherwise(context, tx, taken, now)
        return
    send = threads.find_again(context, held, taken)
    if send is None or (taken.epoch < context.epoch and heard.has_lost(held.case)):
        return
    try:
        await threads.queue(context, tx, held, replace(send, optional=True), now)
    except IllegalStep:
        context.log("message.left_out", ref=held.case.ref, type=type, error="IllegalStep")
