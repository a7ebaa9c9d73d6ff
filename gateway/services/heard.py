"""What the other State may have heard of us in a case: as far as we know, and as it listed after a restore."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime

from gateway.core import exercise, wire
from gateway.core.case import Case, State
from gateway.core.messages import (
    ACCEPTANCE,
    ELEMENTS,
    INTERVIEW,
    INTERVIEW_ANSWER,
    POSITIVE_OUTCOMES,
    PROPOSAL,
    QUESTION,
    RECTIFICATION,
    REPLY,
    SCHEDULE,
    TYPES,
)
from gateway.services import listing, threads
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow
from keys.errors import BadRest

LOST_NUMBER = "the other State holds our message number %(number)s, which was lost before the restore"
"""Finding on a case after a restore: what that message said, nobody here knows."""

Waits = Callable[[Tx, str, datetime], Awaitable[bool]]
"""Whether a State may still list what we lost, at an instant."""

_LOST_NUMBER = LOST_NUMBER.partition("%")[0]


async def was_posted(tx: Tx, case: Case, types: Collection[str] = frozenset(TYPES)) -> bool:
    """
    Return whether any envelope of the thread was ever posted, as far as we know or the other State told us.

    Where we know what left, one of ``types`` counts; what a restore made us forget may be of any.
    """
    thread = await threads.thread_of(tx, case)
    # What a restore made us forget left all the same; the listing of the other State put its digest there.
    if thread.seen is not None and thread.in_digest is None and thread.out_seq == 0:
        return True
    return any(row.posted_at is not None and row.type in types for row in await tx.outbound_of_case(case.ref))


async def is_under_way(context: Context, tx: Tx, held: Held, types: Collection[str]) -> bool:
    """
    Return whether a message was posted, so that it may be abroad, and has no answer.

    It is of one of ``types``, or a correction that brings a right value.
    """
    rows = [row for row in await tx.outbound_of_case(held.case.ref) if row.posted_at is not None]
    abroad = [row for row in rows if row.waits and row.answer is None]
    return any(row.type in types or _brings_a_value(context, held, row) for row in abroad)


def _brings_a_value(context: Context, held: Held, row: OutboundRow) -> bool:
    """Return whether a message is a correction with a right value; one that cannot be read never leaves."""
    return row.type == RECTIFICATION and bool((threads.find_said(context, held, row) or {}).get("elements"))


async def is_unconfirmed(tx: Tx, case: Case) -> bool:
    """Return whether nothing says that the other State took what was said last of a journey."""
    rows = [row for row in await tx.outbound_of_case(case.ref) if row.type == SCHEDULE and row.state != "dropped"]
    return not rows or rows[-1].status != wire.ACCEPTED


ANSWERS: Mapping[str, str] = {ELEMENTS: QUESTION, INTERVIEW_ANSWER: INTERVIEW}
"""What answers a question of ours, type by type."""


async def is_asked_still(tx: Tx, case: Case, type: str) -> bool:
    """
    Return whether the question that a message of ``type`` answers was told, and waits for that still.

    It does until such an answer came, or a reply of ours was taken; not by what was answered and never left.
    """
    said = [row for row in await tx.outbound_of_case(case.ref) if row.posted_at is not None and row.stands]
    last = max((row for row in said if row.type in {REPLY, *ANSWERS.values()}), key=lambda row: row.place, default=None)
    if last is None or last.type != ANSWERS[type]:
        return False
    came = [row for row in await tx.inbound_of_case(case.ref, bare=True) if row.type == type]
    return not any(
        row.status == wire.ACCEPTED and last.posted_at is not None and row.received_at >= last.posted_at for row in came
    )


async def is_late(tx: Tx, case: Case, in_reply_to: str | None) -> bool:
    """
    Return whether a message of the other State was written before it knew of our last proposal (protocol M-3.12).

    ``in_reply_to`` says which message of ours it had taken last; one that is unknown here says nothing. A proposal that
    its gateway refused is none, nor is one that ended and never left: there is no knowing of that.
    """
    rows = [row for row in await tx.outbound_of_case(case.ref) if row.state != "dropped"]
    named = [row.place for row in rows if row.digest == in_reply_to]
    stand = [row for row in rows if row.type == PROPOSAL and row.status != wire.REFUSED]
    proposals = [row.place for row in stand if row.state != "undelivered" or row.posted_at is not None]
    return bool(named) and bool(proposals) and max(named) < max(proposals)


async def is_awaited(context: Context, tx: Tx, case: Case, waits: Waits = listing.is_awaited) -> bool:
    """
    Return whether the other State has a proposal of ours, as far as we know, and has not said no to it.

    What it holds of us and we lost in a restore may be one, but for where its reply allows none, or where another was
    proposed since that restore. Until it has listed what it holds nobody knows that nothing was lost.
    """
    rows = [row for row in await tx.outbound_of_case(case.ref) if row.type == PROPOSAL and row.status != wire.REFUSED]
    since = any(row.posted_at is not None and row.epoch == context.epoch for row in rows)
    denied = case.state is State.REPLIED and case.reply and case.reply["outcome"] not in POSITIVE_OUTCOMES
    if not since and not denied and await may_have_lost(context, tx, case, waits):
        return True
    asked = [row.posted_at for row in rows if row.posted_at is not None]
    try:
        answer = await threads.last_taken(context, tx, case, ACCEPTANCE) if asked else None
    except BadRest as error:
        # Nothing stands before a decline, nor this case before the timers of others. Word too much does no harm.
        context.log_fault(case.partner, ACCEPTANCE, error)
        return True
    if not asked or answer is None:
        return bool(asked)
    at, payload = answer
    late = at < asked[-1] or await is_late(tx, case, payload.in_reply_to)
    return late or exercise.body_of(payload)["decision"] == "accepted"


def has_lost(case: Case) -> bool:
    """Return whether the other State holds a message of ours in this case that a restore took from us."""
    return any(text.startswith(_LOST_NUMBER) for text in case.findings)


async def may_have_lost(context: Context, tx: Tx, case: Case, is_awaited: Waits = listing.is_awaited) -> bool:
    """
    Return whether a restore took a message of this case from us, or the listing is still to come that says so.

    Where nothing left as far as we know, the listing itself withdraws what was given up meanwhile (``Resync``). A State
    that is no partner any more lists nothing, and hears of no withdrawal.
    """
    if has_lost(case) or case.partner not in context.partners:
        return has_lost(case)
    thread = await threads.thread_of(tx, case)
    begun = thread.in_digest is not None or thread.out_seq > 0
    return begun and await is_awaited(tx, case.partner, context.clock.now())


async def sent_since(context: Context, tx: Tx, held: Held) -> tuple[str, ...]:
    """Return the members of the further elements that left, or will, after the request; what is refused is not held."""
    found: dict[str, None] = {}
    for row in await tx.outbound_of_case(held.case.ref):
        if row.type != ELEMENTS or row.state == "dropped" or row.status == wire.REFUSED:
            continue
        found |= dict.fromkeys((threads.find_said(context, held, row) or {}).get("elements", {}))
    return tuple(found)
