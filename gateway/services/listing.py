"""
What a restored partner is told: where each of its threads stands here (``resync``, ``docs/protocol.md`` section 5.8).

A listing that did not arrive is not kept and sent again but made anew: threads have moved since, and of a message that
belongs to no case only the sealed bytes are kept, which open with no other key.
"""

from datetime import datetime, timedelta

from gateway.core import wire
from gateway.core.messages import RESYNC
from gateway.services import channel
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import ThreadRow
from schemas import ijson

THREADS_A_MESSAGE = 32
"""Threads listed in one ``resync`` message: what its schema allows, so that it fits the smallest envelope."""

THREADS_AT_ONCE = 512
"""
Threads listed in one transaction; the others follow once that is answered: there are as many as a State likes, and
everybody waits for a transaction.
"""

AGAIN_S = 900
"""How long a listing waits that is made anew because the last one was refused: a wrong clock is not right at once."""

OTHER_PARTS_S = 1200
"""How long the other parts of a listing may take that was posted with its last one; one that is made anew takes 900."""

STEERED_S = 10.0
"""So much may a clock be steered back without having been set."""

RESTORED_AT = "restored_at"
"""Name of the stored instant at which our database last came back from a backup."""

LAST_EVENT = "restored_event"
"""Name of the number of the last step of any case that came back with it: no clock says what came before a restore."""

_UNLISTED = "listing_missed:"
"""
Name, before the partner's code, of ``LAST_EVENT`` as it was after an earlier restore, whose listing had not come when
the next one began: a listing names the last message of a thread, which by then may be one that is known.
"""

_EARLY = "listing_early:"
"""Name, before the partner's code, of when a listing was made that seems to be of before our restore."""

_AHEAD = "restored_ahead"
"""Name of ``RESTORED_AT``, once our clock has shown that this lies ahead: who wrote it did so by a clock that was."""

_LEFT = "listing_left:"
"""Name, before the partner's code, of the last thread that is listed, while there are others."""

_AWAITED, _WAITS = "listing_awaited:", "waits"
"""Name, before the partner's code, of until when its listing is waited for; that until it comes."""

_MADE = "listing_made:"
"""Name, before the partner's code, of the instant at which the listing that came was made, by the partner's clock."""


async def queue(context: Context, tx: Tx, country: str, now: datetime, wait_s: int = 0) -> str:
    """
    Put the listing for ``country`` in the outbox, to be posted in ``wait_s`` seconds, in place of one that waits there.

    It waits for a valid sealing key of it where none is held: nothing else would have it made. Returns the id of the
    last message of it that is made at once.
    """
    for row in await tx.waiting_in(country, None):
        if row.type == RESYNC:
            await tx.save_outbound(row._replace(state="dropped", envelope=None, answered_at=now))
    return await _list(context, tx, country, now, "", wait_s=wait_s)


async def go_on(context: Context, tx: Tx, country: str, now: datetime) -> None:
    """List what is left of the threads of ``country``, if any are, once all that was listed has its answer."""
    after = await tx.find_meta(_LEFT + country)
    if after and not any(row.type == RESYNC for row in await tx.waiting_in(country, None)):
        await _list(context, tx, country, now, after)


async def _list(context: Context, tx: Tx, country: str, now: datetime, after: str, *, wait_s: int = 0) -> str:
    """
    List threads of ``country`` behind that of the name ``after``, as many as are listed at once.

    Returns the id of the last message.
    """
    card, rows = context.trust.find(country), list[dict[str, object]]()
    found = await tx.threads(country, after, THREADS_AT_ONCE + 1)
    here, is_more = found[:THREADS_AT_ONCE], len(found) > THREADS_AT_ONCE
    for thread in here:
        if thread.in_digest is not None:
            rows.append(_row(thread.thread, thread.in_epoch, thread.in_seq, thread.in_digest))
            if card is not None and thread.in_epoch >= card.epoch:
                rows += await _before(tx, thread)
    id = ""
    # One that says that nothing is held is sent too: whoever was restored waits for it.
    for start in range(0, max(len(rows), 1), THREADS_A_MESSAGE):
        part = rows[start : start + THREADS_A_MESSAGE]
        body = ijson.dumps({"threads": part, "more": is_more or start + THREADS_A_MESSAGE < len(rows)})
        id = await channel.queue(context, tx, country, RESYNC, body, now, wait_s=wait_s)
    if is_more:
        await tx.set_meta(_LEFT + country, here[-1].thread)
    else:
        await tx.drop_meta(_LEFT + country)
    return id


async def await_one(tx: Tx, country: str, now: datetime) -> None:
    """
    Wait, from this restore on, for the listing of ``country``.

    Called before ``LAST_EVENT`` is that of this restore: where the listing of the one before never came, what that took
    is known to nobody here, and stays so (``may_have_left``).
    """
    last = await tx.find_meta(LAST_EVENT)
    if last is not None and await is_awaited(tx, country, now):
        await tx.set_meta(_UNLISTED + country, last)
    await tx.drop_meta(_EARLY + country)
    await tx.set_meta(_AWAITED + country, _WAITS)


async def may_have_left(tx: Tx, country: str, now: datetime) -> int | None:
    """
    Return the number of the last step of any case that came back with a restore which ``country`` has not listed since.

    Of a case that has a step up to that one, more may have left than is known here, and no listing will say so any more
    where a later restore came before it. ``None`` if there is no such restore.
    """
    last = await tx.find_meta(LAST_EVENT) if await is_awaited(tx, country, now) else None
    last = last or await tx.find_meta(_UNLISTED + country)
    return int(last) if last is not None else None


async def came(tx: Tx, country: str, made_at: datetime, now: datetime) -> None:
    """
    Note that the last part of a listing by ``country`` came; others, under way at once with it, may still follow.

    One that was made before our restore knows nothing of what came since, and another one follows. Where our clock was
    ahead at the restore nothing tells them apart, and the one that came may be the only one.
    """
    if await stands(tx, country) != _WAITS:
        return
    restored = await tx.find_meta(RESTORED_AT)
    since = min(datetime.fromisoformat(restored), now) - wire.SKEW if restored else made_at
    if made_at >= since or await _was_ahead(tx, now):
        await _note(tx, country, made_at, now)
    else:
        await tx.set_meta(_EARLY + country, wire.format_instant(made_at))


async def _note(tx: Tx, country: str, made_at: datetime, now: datetime) -> None:
    await tx.set_meta(_MADE + country, wire.format_instant(made_at))
    await tx.set_meta(_AWAITED + country, (now + timedelta(seconds=OTHER_PARTS_S)).isoformat())


async def _was_ahead(tx: Tx, now: datetime) -> bool:
    """Return whether our clock, which shows ``now``, was ahead as we were restored, as it has told now or before."""
    restored = await tx.find_meta(RESTORED_AT)
    if restored and datetime.fromisoformat(restored) > now + timedelta(seconds=STEERED_S):
        await tx.set_meta(_AHEAD, restored)
        return True
    return restored is not None and await tx.find_meta(_AHEAD) == restored


async def is_awaited(tx: Tx, country: str, now: datetime) -> bool:
    """
    Return whether ``country`` may still say that it holds what we, since our restore, do not know to have posted.

    No other part is waited for any longer: an end beyond that was set by a clock that was ahead, and is set anew.
    """
    until = await stands(tx, country)
    if until == _WAITS:
        early = await tx.find_meta(_EARLY + country) if await _was_ahead(tx, now) else None
        if early is not None:
            await _note(tx, country, datetime.fromisoformat(early), now)
    latest = now + timedelta(seconds=OTHER_PARTS_S)
    if until is not None and until != _WAITS and datetime.fromisoformat(until) > latest:
        await tx.set_meta(_AWAITED + country, latest.isoformat())
    return await seems_awaited(tx, country, now)


async def seems_awaited(tx: Tx, country: str, now: datetime) -> bool:
    """Return what ``is_awaited`` does, and note nothing: for a page, which only reads."""
    until = await stands(tx, country)
    return until == _WAITS or (until is not None and now < datetime.fromisoformat(until))


async def may_have_come(tx: Tx, country: str, issued_at: datetime) -> bool:
    """
    Return whether a message of ``country`` may have come before our last restore: if it made it before its listing.

    Both instants are by its clock, which may have been put right between them by what partners bear. Ours may have been
    wrong by more when we were restored. Until a listing comes every message may have.
    """
    stood = await stands(tx, country)
    made = await tx.find_meta(_MADE + country) if stood != _WAITS else None
    return stood is not None and (made is None or issued_at <= datetime.fromisoformat(made) + wire.SKEW)


async def stands(tx: Tx, country: str) -> str | None:
    """Return how it stands with the listing of ``country`` after our last restore; ``None`` if there was none."""
    return await tx.find_meta(_AWAITED + country)


async def _before(tx: Tx, thread: ThreadRow) -> list[dict[str, object]]:
    """
    Return where a thread stood before its partner was restored, if it went on in the new epoch before anybody noticed.

    What came in the new epoch is known there: of what was lost, only the last message before says anything.
    """
    came = await tx.inbound_of_case(thread.ref, bare=True) if thread.ref is not None else ()
    of_old = [
        (row.epoch, row.seq, row.digest)
        for row in came
        if row.thread == thread.thread and row.status == wire.ACCEPTED and row.epoch < thread.in_epoch and row.seq
    ]
    return [_row(thread.thread, *max(of_old))] if of_old else []


def _row(thread: str, epoch: int, seq: int, payload: str) -> dict[str, object]:
    return {"thread": thread, "epoch": epoch, "seq": seq, "payload": payload}
