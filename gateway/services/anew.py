"""
After our own restore: what of ours was on its way, and what of it is said once more (M-5.27).

Rule 1: what waited unposted in the backup is not posted as it stands. Its number may have been freed since, and have
left with another message. It waits for the listing of the partner.
Rule 2: what the listing names did leave, and so did what stood before it in its thread, for a drop takes all of a
thread: the very bytes are posted, and the stored answer comes.
Rule 3: what is not listed never left. Word of a stop, which waits for no listing, and what nobody takes back once it
was said leaves once more, under a new number. Everything else may have been taken back since the backup: its case goes
back to where it was before, and a person decides.
Rule 4: where the partner holds a later message that we do not know nobody here can tell whether this one left before.
Its case stays where it is, and a person asks.
Rule 5: what was posted, and is refused as of an epoch that is over, never came: rule 3. What waits behind it in its
thread, once the partner has listed what it holds, did not leave either: all of it is settled together, in its order. In
any epoch a withdrawal or word of a stop that is refused for its times alone, by a clock that is wrong here or there, is
said once more later, and a person is told. So is what is said of a person who has left: that she left, the hands that
were signed, how she was found. What waits behind it can be heard after it alone, and stays behind it.
Rule 6: what takes data back where we are asked, and word of a stop, has the number of a message that was lost (M-5.10).
If that had come, it is refused, and said once more under the next number. What is said of a case that is gone, and a
change of our directory, are said again after an outage, a wrong clock, a restore or a theft, for nobody here would know
that they were not heard: also where the partner had taken them, and has forgotten that by a restore since. So is what
else takes data back, where it was taken in an epoch that is over and is refused as of that.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.core import exercise, wire
from gateway.core.case import Case, Side, State
from gateway.core.machine import NOT_TOLD, Event, IllegalStep, Send
from gateway.core.messages import (
    ACCEPTANCE,
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    CONTEST,
    DIRECTORY,
    EXERCISE,
    HANDOVER,
    INTERVIEW,
    INTERVIEW_RESULT,
    MONITORING,
    QUESTION,
    RECTIFICATION,
    REDIRECT,
    REMINDER,
    REPLY,
    RESUMPTION,
    SAID_BY,
    SCHEDULE,
    STILL_SAID,
    SUSPENSION,
    TAKE_BACK,
    TYPES,
    USE_ANSWER,
    WITHDRAWAL,
    WORD_OF_STOP,
    refused_as,
    takes_place,
)
from gateway.core.minimise import members_of
from gateway.core.notices import REPLY_PART, corrected_again, struck_reply
from gateway.core.return_changes import SUSPENSION_BODY
from gateway.core.tables import table_for
from gateway.core.verification import GATEWAY, WITHDRAWAL_BODY, unanswered_by
from gateway.core.verification_changes import next_full_hour
from gateway.core.wire import Payload
from gateway.services import (
    away,
    cases,
    channel,
    directory,
    heard,
    listing,
    outbox,
    passed_over,
    standing,
    steps,
    threads,
)
from gateway.services.answer import acknowledgement
from gateway.services.context import Context
from gateway.services.leaving import OVER, STOPPED, still_says
from gateway.services.ports import Tx
from gateway.services.rows import OutboundRow
from keys.errors import BadRest
from schemas import ijson

NEVER_CAME = "a message that waited in the backup never left, and was dropped; see whether it is to be sent anew"
"""Finding on a case after a restore, once the other State has listed what it holds (rule 3)."""

UNDECIDED = "a message that waited in the backup was dropped, and may have left since; ask the other State"
"""Finding on a case after a restore (rule 4)."""

WRONG_CLOCK = "word of a stop or a withdrawal is refused for its times, and said again; see whose clock is wrong"
"""Finding on a case whose stop the other State does not hear because a clock is wrong, here or there (rule 5)."""

WRONG_CLOCK_AWAY = "word of who has left is refused for its times, and said again; see whose clock is wrong"
"""The same, of what is said of a person who has left."""

NOT_AWAITED = "the other State takes no word that the person left, and may await nobody; speak to it now"
"""Finding on a case whose person has left by what a restored partner has forgotten, and refused since."""

ANSWERED_THERE = (
    "the other State takes no reminder in this case, and may have given the answer that our restore has lost; ask it, "
    "and withdraw and ask anew"
)
"""Finding on a case of ours that waits since before our restore, and whose reminder is refused for good."""

EXPIRED = "expired"
OUT_OF_TIME = frozenset({"stale", EXPIRED})
"""Codes of a refusal that says nothing of what a message says."""

USED = "id-reuse"
"""Code of a refusal for a number that another message had."""

_KEPT = AFTER_WITHDRAWAL | {REDIRECT, QUESTION, INTERVIEW, INTERVIEW_RESULT, HANDOVER, MONITORING, USE_ANSWER}
"""Types by which nothing is allowed: they ask, take data back, or tell what was done."""

_HELD = STOPPED | {State.UNDELIVERED}


async def is_parked(context: Context, tx: Tx, row: OutboundRow) -> bool:
    """
    Return whether ``row`` waited when our epoch was raised, and nothing says that it ever left (rule 1).

    A withdrawal's number is never freed, and of what belongs to no case nothing is dropped.
    """
    if row.state != "queued" or row.epoch >= context.epoch or row.ref is None or row.type == WITHDRAWAL:
        return False
    return await listing.stands(tx, row.partner) is not None


async def settle(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """Carry out rule 3 for a parked ``row``, and for all that is parked with it, if it is time."""
    case_row = await tx.find_case(row.ref or "")
    if case_row is None or case_row.sealed is None or outbox.recipient(context, row.partner, now) is None:
        return
    rows = await _parked(tx, case_row.ref, context.epoch)
    if await listing.is_awaited(tx, row.partner, now):
        # A plan does not wait here (``Resync``): this is word that somebody left, or that a journey is off.
        rows = [one for one in rows if one.type in threads.AT_ONCE]
    if rows:
        await _settle(context, tx, cases.unseal(context, case_row), rows, now)


async def _settle(context: Context, tx: Tx, held: cases.Held, rows: list[OutboundRow], now: datetime) -> None:
    """Say or drop ``rows`` of one case, none of which came, in their order."""
    # What was said since has waited behind them, and does again.
    later = [one for one in await threads.unsent_of(tx, held.case) if one.epoch == context.epoch]
    sends = [(one, threads.find_again(context, held, one)) for one in later]
    await threads.take_out(context, tx, held, [*(one for one in rows if one.state == "queued"), *later], now)
    # What cannot be read is not said behind them: it came as little as they did.
    rows = [*rows, *(one for one, send in sends if send is None)]
    answered = any(one.type == REPLY for one in rows)
    for one in rows:
        # A question that our own answer followed is not asked any more, whether that answer leaves or falls back.
        over = answered and one.type in (QUESTION, INTERVIEW)
        if one.type == RESUMPTION and one.state == "queued":
            await tell_otherwise(context, tx, one, now)  # its desk cannot say it again
        elif over or not await said_anew(context, tx, one, now):
            data = {"code": one.code} if one.state == "refused" else {"found": NEVER_CAME}
            since = any(send and takes_place(another.type, one.type) for another, send in sends)
            await fall_back(context, tx, one, {**data, "digest": one.digest}, now, since=since)
    held = await cases.load(context, tx, held.case.ref)
    for send in filter(None, (send for _, send in sends)):
        await threads.queue(context, tx, held, send, now)


async def waits(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Return whether a refusal of ``row`` counts only once the partner has listed what it holds.

    It may be an answer that was stored before our restore: what stood behind that message may have left then, and no
    clock tells. Until the listing has come the answer is asked for again. Word of a stop, and that somebody left or a
    journey is off, waits for no listing.
    """
    if row.epoch >= context.epoch or row.type == WITHDRAWAL or not await listing.is_awaited(tx, row.partner, now):
        return False
    behind = await _behind(context, tx, row)
    return bool(behind) and not any(one.type in threads.AT_ONCE for one in (row, *behind))


async def refused(context: Context, tx: Tx, row: OutboundRow, received_at: datetime, now: datetime) -> bool:
    """
    Carry out rule 5 for ``row``, which the partner refused ``received_at``; return whether that settles it.

    What still stands behind it once the partner has listed what it holds never left. Where that is not waited for
    (``waits``) it did not leave either if the refusal is from after our restore.
    """
    if await _knows_it(context, tx, row):
        return True
    if row.epoch == context.epoch or row.type == WITHDRAWAL:
        return await said_anew(context, tx, row, now)
    behind = await _behind(context, tx, row)
    settled = await _is_settled(tx, row, behind, received_at, now)
    held = cases.readable(context, await tx.find_case(row.ref or "")) if settled else None
    if held is not None and outbox.recipient(context, row.partner, now) is not None:
        await _settle(context, tx, held, [row, *behind], now)
        return True
    return await said_anew(context, tx, row, now)


async def _knows_it(context: Context, tx: Tx, row: OutboundRow) -> bool:
    """
    Return whether ``row``, refused, says a stop again to a State that took it before, and lacks nothing of the thread.

    It knows that word by its number, or keeps nothing of its case any more, has it under lock, or goes on anew, and the
    first word was heard. That it lacks something shows by the numbers of one epoch alone. Whoever forgot an acceptance
    or an objection takes it. A recall may cross another proposal, by which it stands no more.
    """
    if (row.code, row.epoch) != ("illegal-step", context.epoch):
        return False
    held = cases.readable(context, await tx.find_case(row.ref or ""))
    if held is not None and row.type in (ACCEPTANCE, CONTEST):
        return await standing.taken_before(context, tx, held, row) is not None
    before = standing.taken_before if row.type == TAKE_BACK else standing.heard_before
    first = await before(context, tx, held, row) if held is not None else None
    return first is not None and first.epoch == row.epoch and not await passed_over.is_filled(tx, first)


async def _is_settled(
    tx: Tx, row: OutboundRow, behind: Collection[OutboundRow], received_at: datetime, now: datetime
) -> bool:
    """Return whether the refusal of ``row``, of an epoch that is over, says of what stands ``behind`` it too."""
    restored = await tx.find_meta(listing.RESTORED_AT)
    since = restored is not None and received_at >= datetime.fromisoformat(restored) - wire.SKEW
    stands = bool(behind) and await listing.stands(tx, row.partner) is not None
    listed = stands and not await listing.is_awaited(tx, row.partner, now)
    # A recall of today waits behind word of the departure, too.
    return listed or (since and (bool(behind) or row.type in _OF_WHO_LEFT))


async def _behind(context: Context, tx: Tx, row: OutboundRow) -> list[OutboundRow]:
    """Return what waits behind ``row`` in its case since before our epoch."""
    parked = await _parked(tx, row.ref or "", context.epoch)
    return [one for one in parked if one.place > row.place]


async def take_back(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Take back what a restored partner goes by now, and had refused: a reply, or an acceptance, that was replaced since.

    What replaced it comes too late there. A reply or an acceptance that still stands here is not taken back.
    """
    held = cases.readable(context, await tx.find_case(row.ref or ""))
    if held is None:
        return
    case: Case = held.case
    said = threads.find_said(context, held, row)
    if said is None or await _taken_back(tx, row):
        return
    if row.type == REPLY and case.reply != said:
        case, effects = struck_reply(case, now)
        held = await cases.note(context, tx, held, case, "strike", context.country, now)
    elif row.type == ACCEPTANCE and said["decision"] == "accepted" and case.said.get(ACCEPTANCE) != said:
        effects = (Send(SUSPENSION, SUSPENSION_BODY),)
    else:
        return
    for send in effects:
        with suppress(IllegalStep):  # the thread has ended; the finding on the difference stands either way
            await threads.queue(context, tx, held, send, now)


async def _taken_back(tx: Tx, row: OutboundRow) -> bool:
    """Return whether what takes ``row`` back was said after it, at an earlier restore: it is posted again with it."""
    rows = [one for one in await tx.outbound_of_case(row.ref or "") if one.place > row.place]
    alive = [one for one in rows if one.stands]
    if row.type == REPLY:
        return any(one.type == RECTIFICATION for one in alive)  # of who is asked, each is of the whole reply
    stops = [one.type for one in sorted(alive, key=lambda one: one.place) if one.type in WORD_OF_STOP]
    return stops[-1:] == [SUSPENSION]


async def _parked(tx: Tx, ref: str, epoch: int) -> list[OutboundRow]:
    """Return what waits in the case ``ref`` since before ``epoch``, in its order."""
    waiting = await tx.queued_of_case(ref)
    together = [one for one in waiting if one.type != WITHDRAWAL and one.epoch < epoch]
    return sorted(together, key=lambda one: one.place)


async def take_listed(
    context: Context, tx: Tx, ref: str, listed: Mapping[str, Any], known: OutboundRow | None, now: datetime
) -> None:
    """
    Carry out rules 2 and 4 for the case ``ref``: its partner ``listed`` a message of it, ``known`` here or lost.

    ``listed`` is a row of a ``resync``: thread, epoch and number. Of what is known our own place of it counts.
    """
    place = (listed["thread"], listed["epoch"], listed["seq"])
    thread, epoch, seq = place if known is None else (known.thread, known.epoch, known.seq or 0)
    parked = await _parked(tx, ref, context.epoch)
    rows = [row for row in parked if (row.thread, row.epoch) == (thread, epoch) and (row.seq or 0) <= seq]
    if known is not None:
        for row in rows:
            await tx.save_outbound(row._replace(state="posted", posted_at=row.queued_at, next_try_at=now))
        context.queued = context.queued or bool(rows)
        return
    rows = [row for row in rows if row.type not in threads.STOPS]
    held = cases.readable(context, await tx.find_case(ref)) if rows else None
    if held is not None:
        await threads.take_out(context, tx, held, rows, now)
        await cases.note(context, tx, held, held.case.with_found(UNDECIDED), "restore", context.country, now)


async def said_anew(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """Say ``row``, that did not come, once more in our epoch if rule 3, 5 or 6 lets it; return whether it is said."""
    if row.code is not None and await _is_said_since(tx, row):
        return True
    of_nothing = row.ref is None and row.type in threads.OUTLIVES_ITS_CASE
    old = row.epoch < context.epoch or await _rests_on_what_is_behind(tx, row)
    if not old and row.code == USED and (of_nothing or row.type in STILL_SAID):
        return await _under_the_next(context, tx, row, now)
    if of_nothing and (old or row.code in OUT_OF_TIME):
        return await _of_nothing_anew(context, tx, row, now, 0 if old else listing.AGAIN_S)
    if not old and row.code in OUT_OF_TIME and row.type in {ACCEPTANCE, RECTIFICATION, RESUMPTION, *_OF_WHO_LEFT}:
        return await _heard_after_all(context, tx, row, now)
    if row.type == DIRECTORY and (old or row.code in OUT_OF_TIME):
        return await announce_anew(context, tx, row, now, listing.AGAIN_S)
    out_of_time = row.type in threads.HEARD_AT_LAST and row.code in OUT_OF_TIME
    case_row = await tx.find_case(row.ref or "") if old or out_of_time else None
    if case_row is None or case_row.sealed is None:
        return False
    held = cases.readable(context, case_row)
    if held is not None and await standing.heard_before(context, tx, held, row) is not None:
        row = row._replace(status=wire.ACCEPTED)  # it is said once more, and stands as it was heard
    send = None if held is None else await _anew(context, tx, held, row, now)
    if held is None or send is None:
        return False
    if row.type == RECTIFICATION:
        since = await _said_in_our_epoch(context, tx, held)
        rest = _rest_of(context, held, row, since)
        if rest is None:
            return True  # all of it is said since
        if any(type == RECTIFICATION and body.get("number", 0) > rest["number"] for type, body in since):
            # Its number is used: behind a later one it would be refused, and what is wrong stay there (M-5.31).
            case, rest = corrected_again(held.case, rest, now)
            held = await cases.note(context, tx, held, case, "strike", context.country, now)
        send = steps.of_what_is_over(held, replace(send, body=ijson.dumps(rest).decode()))
    other = [one for one in await tx.outbound_of_case(case_row.ref) if one.stands and one.id != row.id]
    if row.type == WITHDRAWAL and any(one.type == WITHDRAWAL and one.epoch == context.epoch for one in other):
        return True
    # What was posted past its time, for its number, is refused by no wrong clock.
    wrong_clock = out_of_time and now <= row.expires_at + wire.SKEW
    if wrong_clock and row.type in threads.STOPS:
        send = replace(send, not_before=now + timedelta(seconds=listing.AGAIN_S))
    if wrong_clock:
        held = await cases.add_finding(context, tx, held, WRONG_CLOCK, "refused_again", row.partner, now)
    try:
        await threads.queue(context, tx, held, send, now)
    except IllegalStep:
        return False  # the thread has ended
    return True


async def has_to_be_heard(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Return whether ``row`` has to be said anew, which was accepted before its State was restored and is refused since.

    So it is with what is of no case, or stops something; and with what takes data back, tells of who has left, is still
    our reply, acceptance or objection, or the acknowledgement without which no reply is taken, where our epoch was
    raised since it was said, or it rests on such (``_rests_on_what_is_behind``), and nothing says so newly, or else in
    its place.
    """
    if row.ref is None or row.type in threads.HEARD_AT_LAST:
        return True
    held = cases.readable(context, await tx.find_case(row.ref))
    if held is None or (row.epoch == context.epoch and not await _rests_on_what_is_behind(tx, row)):
        return False
    if row.type in _OF_WHO_LEFT or row.type == ACKNOWLEDGEMENT or await _still_holds(context, tx, held, row, now):
        return not await _said_since(tx, row)
    if row.type not in AFTER_WITHDRAWAL:
        return False
    return _rest_of(context, held, row, await _said_in_our_epoch(context, tx, held)) is not None


async def _rests_on_what_is_behind(tx: Tx, row: OutboundRow) -> bool:
    """
    Return whether what stood before ``row`` in an epoch that is over is said anew behind it.

    Its State had forgotten that as it refused ``row``: who has left is handed over, and a reply follows its receipt.
    What was accepted before is refused so, and the first of its kind that had no answer by then.
    """
    first = (row.state, row.code) == ("refused", "illegal-step") and row.type not in AFTER_WITHDRAWAL
    if row.ref is None or not (first or row.status == wire.ACCEPTED):
        return False
    rows = await tx.outbound_of_case(row.ref)
    before = {one.type for one in rows if one.epoch < row.epoch and one.status == wire.ACCEPTED}
    if first and row.type in before:
        return False  # or two of them, each said anew behind the other, would go on for ever
    return any(one.stands and one.place > row.place and one.type in before for one in rows)


async def _still_holds(context: Context, tx: Tx, held: cases.Held, row: OutboundRow, now: datetime) -> bool:
    """
    Return whether ``row`` is a reply, an answer to a proposal or an objection that was taken, and stands as we know.

    Its desk cannot give it again. That it was taken back may be what a restore of ours has lost. One that a rule would
    hold now is not said: people tell.
    """
    case = held.case
    if row.status != wire.ACCEPTED or heard.has_lost(case):
        return False
    if row.type == CONTEST:
        return case.state is State.CONTESTED
    stands = {REPLY: case.reply, ACCEPTANCE: case.said.get(ACCEPTANCE)}.get(row.type)
    if stands is None or stands != threads.find_said(context, held, row):
        return False
    return not await standing.is_held(context, tx, case, row.type, stands, now)


_Said = Sequence[tuple[str, Mapping[str, Any]]]
"""What was said, and stands or was refused, by type and body."""


async def _said_in_our_epoch(context: Context, tx: Tx, held: cases.Held) -> _Said:
    rows = [one for one in passed_over.said(await tx.outbound_of_case(held.case.ref)) if one.epoch == context.epoch]
    return [(one.type, threads.find_said(context, held, one) or {}) for one in rows]


def _rest_of(context: Context, held: cases.Held, row: OutboundRow, since: _Said) -> Mapping[str, Any] | None:
    """
    Return the body of ``row``, which takes data back, without what was said ``since``, or newly.

    A correction has parts: one that was struck since stays out, and one of which another value was said, for that would
    be struck. Returns ``None`` where nothing is left to be said, or it cannot be read.
    """
    said = threads.find_said(context, held, row)
    same = [body for type, body in since if type == row.type]
    if said is None or any(all(body.get(name) == said.get(name) for name in ("number", "act")) for body in same):
        return None
    if row.type != RECTIFICATION:
        return said
    newer = {name for _, body in since for name in body.get("elements") or {}}
    told = {part for body in same for part in body.get("parts", ())}
    told |= {REPLY_PART for type, _ in since if type == REPLY}
    parts = [part for part in said["parts"] if part not in told and not members_of((part,)) & newer]
    right = members_of(parts)
    values = {name: value for name, value in (said["elements"] or {}).items() if name in right} or None
    rest = {**said, "parts": parts, "elements": values, "handling": said["handling"] if values else None}
    return rest if parts else None


async def _is_said_since(tx: Tx, row: OutboundRow) -> bool:
    """Return whether ``row``, word of a stop, was said once more behind it, and that waits or was taken."""
    said = await standing.said_by(tx, row.ref or "", row.type) if row.type in threads.STOPS else ()
    return any(one.stands and one.place > row.place for one in said)


async def _under_the_next(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Say ``row`` under the next number if that of it was another's, which came then; return whether it is said.

    Word of a stop is not where the other State has withdrawn: it would never leave, and what takes data back waits
    behind it.
    """
    if not await threads.used_before(tx, row):
        return False
    if row.ref is None:
        return await _of_nothing_anew(context, tx, row, now)
    held = cases.readable(context, await tx.find_case(row.ref))
    if held is None or (row.type in AFTER_WITHDRAWAL and held.case.state in STOPPED - OVER):
        return False
    withdrawn = (await threads.thread_of(tx, held.case)).ended == "withdrawn"
    if row.type in WORD_OF_STOP and (withdrawn or (row.type == SUSPENSION and SUSPENSION not in held.case.said)):
        return False
    try:
        await threads.say_before(context, tx, held, (threads.again(context, held, row),), now)
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return False
    return True


async def give_up(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Let what comes next in the thread of ``row``, which was lost, have its number where we are asked (M-5.10).

    What waits behind it in a case moves up with the step of that. What is of no case moves up here, and what of that
    expired while the other State was out of reach is said once more before it. So is a change of our directory, which
    has no number.
    """
    if row.type == DIRECTORY and not row.code:
        await announce_anew(context, tx, row, now)
    thread = await tx.find_thread(row.partner, row.thread) if row.thread else None
    if thread is None or await threads.side_of(tx, thread) is Side.REQUESTING:
        return
    await threads.give_back(tx, context.epoch, (row,))
    await threads.note_lost(tx, row)
    if row.ref is not None or row.type not in threads.OUTLIVES_ITS_CASE:
        return
    behind = list[OutboundRow]()
    if thread.out_seq > (row.seq or 0):
        waiting = await tx.waiting_in(row.partner, row.thread)
        behind = [one for one in waiting if (one.ref, one.epoch, one.state) == (None, row.epoch, "queued")]
    for one in behind:
        await tx.save_outbound(one._replace(state="dropped", envelope=None, sealed=None, answered_at=now))
    partner = await tx.find_partner(row.partner)
    out_of_reach = row.posted_at is None or (partner is not None and partner.failures > 0)
    for one in (*((row,) if out_of_reach and not row.code else ()), *behind):
        await _of_nothing_anew(context, tx, one, now)


async def _of_nothing_anew(context: Context, tx: Tx, row: OutboundRow, now: datetime, wait_s: int = 0) -> bool:
    """Say ``row``, whose case is gone, once more in ``wait_s`` seconds; return whether it is said."""
    thread, payload = await tx.find_thread(row.partner, row.thread or ""), _kept(context, row)
    if thread is None or payload is None:
        return False
    exercised, side = payload.type == EXERCISE, await threads.side_of(tx, thread)
    body = (exercise.unwrap(payload.body_bytes)[1] if exercised else payload.body_bytes).decode()
    send = Send(row.type, body, optional=True)
    try:
        said = await threads.queue_of_nothing(
            context, tx, row.partner, thread.thread, send, now, exercise=exercised, side=side
        )
    except IllegalStep:
        return False  # the thread has ended
    await tx.save_outbound(said._replace(next_try_at=said.next_try_at + timedelta(seconds=wait_s)))
    return True


async def announce_anew(context: Context, tx: Tx, row: OutboundRow, now: datetime, wait_s: int = 0) -> bool:
    """
    Announce the change of our directory in ``row`` once more in ``wait_s`` seconds; return whether it is.

    In a later epoch than its own it is at once, and with it what was announced after it, whose place it would take.
    """
    payload = _kept(context, row)
    if payload is None:
        return False
    if row.epoch < context.epoch:
        await directory.announce_again(context, tx, row.partner, now, payload.body["serial"])
    else:
        await channel.queue(context, tx, row.partner, DIRECTORY, payload.body_bytes, now, wait_s=wait_s)
    return True


def _kept(context: Context, row: OutboundRow) -> Payload | None:
    """Return the payload of a message of no case, ``None`` if it is not kept, or to a State that is no partner now."""
    if row.sealed is None or row.partner not in context.partners:
        return None
    try:
        return wire.payload_in(outbox.kept(context, row, None))
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return None


_OF_WHO_LEFT = frozenset({SCHEDULE, HANDOVER, MONITORING, TAKE_BACK})


async def _heard_after_all(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Say anew what is said of a person who has left, and was refused for its times; return whether it is said.

    It may have waited past its time for a line that was down, and goes at once then. Else a clock is wrong, and it
    waits; so does what stands behind it. So it is with a correction where a return rests on a reply that we took back:
    the other State goes by that. And with the last word that a return goes on, or that it is refused: no step says that
    once more.
    """
    held = cases.readable(context, await tx.find_case(row.ref or ""))
    if held is None or row.sealed is None:
        return False
    goes_on = row.type == RESUMPTION and standing.holds_no_more(held.case)
    if held.case.state in _HELD and not still_says(held.case.state, row.type) and not goes_on:
        return False
    try:
        if row.type == SCHEDULE and not away.is_departure(context, held, row):
            return False
        if row.type == RECTIFICATION:
            is_due = standing.stop_of(held.case) == RECTIFICATION
        elif row.type == ACCEPTANCE:
            is_due = is_kept(held.case, row.type, threads.said(context, held, row) or {"decision": None})
        elif row.type == RESUMPTION:
            is_due = goes_on and not await _said_since(tx, row)
        else:
            is_due = await away.has_left(context, tx, held)
        if not is_due:
            return False
        (said,) = await threads.say_before(context, tx, held, (threads.again(context, held, row),), now)
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return False
    if now <= row.expires_at + wire.SKEW:
        await tx.save_outbound(said._replace(next_try_at=now + timedelta(seconds=listing.AGAIN_S)))
        found = WRONG_CLOCK_AWAY if row.type in _OF_WHO_LEFT - threads.STOPS else WRONG_CLOCK
        await cases.add_finding(context, tx, held, found, "refused_again", row.partner, now)
    return True


async def _anew(context: Context, tx: Tx, held: cases.Held, row: OutboundRow, now: datetime) -> Send | None:
    case = held.case
    if row.type == WITHDRAWAL:
        return Send(WITHDRAWAL, WITHDRAWAL_BODY, next_full_hour(now))
    if row.sealed is None or (row.type in threads.STOPS and row.type not in case.said):
        return None
    if row.type in threads.STOPS:
        return threads.find_again(context, held, row)
    # What takes data back is said in a case that is over, and in a thread that had ended, too.
    silent = STOPPED if row.type in AFTER_WITHDRAWAL else _HELD
    if case.state in silent and not still_says(case.state, row.type) and row.type != standing.stop_of(case):
        return None
    if row.type == ACKNOWLEDGEMENT:
        # With the dates of today, from which both sides reckon where the agreement counts from it.
        return Send(ACKNOWLEDGEMENT, ijson.dumps(acknowledgement(context, case, now)).decode())
    send = threads.find_again(context, held, row)
    if send is not None and row.type in AFTER_WITHDRAWAL:
        return steps.of_what_is_over(held, send)
    if send is not None and await _still_holds(context, tx, held, row, now):
        return send
    return send if send is not None and is_kept(case, row.type, ijson.loads(send.body.encode())) else None


def is_kept(case: Case, type: str, said: Mapping[str, Any]) -> bool:
    """Return whether a message of ``case`` that never came, with the body ``said``, is said anew by nobody's doing."""
    tells = type == SCHEDULE and said["status"] != "planned"
    # Not one of a proposal that another has replaced: it would be heard as one of that (M-3.12).
    refusal = type == ACCEPTANCE and said["decision"] == "refused" and case.said.get(ACCEPTANCE) == said
    # The desk of a case that was closed on its answer cannot give it again, nor has anybody stopped it since.
    closed = type == REPLY and case.state is State.CLOSED and not case.holders
    return type in _KEPT or tells or refusal or closed


async def _said_since(tx: Tx, row: OutboundRow) -> bool:
    """Return whether another message that takes the place of ``row`` was said after it, and stands."""
    later = [one for one in await tx.outbound_of_case(row.ref or "") if one.stands and one.place > row.place]
    return any(takes_place(one.type, row.type) for one in later)


async def fall_back(
    context: Context, tx: Tx, row: OutboundRow, data: Mapping[str, Any], now: datetime, *, since: bool = False
) -> None:
    """
    Move the case of a message that was refused, or never came: what the message led to does not hold.

    ``since`` says that another was said since that takes its place, and is out of the outbox at the moment.
    """
    held = cases.readable(context, await tx.find_case(row.ref or ""))
    if held is None:
        return
    taken = await standing.heard_before(context, tx, held, row) is not None  # said once more, it undoes nothing
    name = refused_as(row.type, since=since or taken or await _said_since(tx, row))
    name = unanswered_by(held.case) if name == TYPES[REPLY].refused else name
    if steps.extends(context, held, row):
        name, data = "extension_not_accepted", {**data, "clocks": steps.shortened(context, held.case)}
    if row.type in threads.DOCUMENTS and not since:  # else that one is what counts
        try:
            if held.case.said.get(row.type) == threads.said(context, held, row):
                data = {**data, "said": await threads.with_documents(context, tx, held)}
        except BadRest as error:
            context.log_fault(row.partner, row.type, error)
    if row.type in steps.OWED and data.get("code") != "illegal-step" and _is_to_be_said(held.case, row.type):
        # Who takes no such step does not wait for it: owed without end, it would keep the case open.
        held = held._replace(case=await steps.as_before(context, tx, held, held.case, (row,)))
    by = context.country if "found" in data else row.partner  # what never left nobody there refused
    if data.get("code") == "illegal-step" and _says_who_left(context, held, row):
        data = {**data, "found": NOT_AWAITED}
    if data.get("code") == "illegal-step" and await _waits_in_vain(tx, held.case, row):
        data = {**data, "found": ANSWERED_THERE}
    await steps.tell(context, tx, held, Event(name, by, GATEWAY, data), now)
    if data.get("code") == "illegal-step" and row.type in _WARNS:
        await tell_otherwise(context, tx, row, now)


def _is_to_be_said(case: Case, type: str) -> bool:
    """Return whether a step says a message of ``type`` in a case where it is or, if it is stopped, goes on."""
    index = table_for(case.side).index
    return any(case.at is not None and (case.at, step) in index for step in SAID_BY[type])


async def _waits_in_vain(tx: Tx, case: Case, row: OutboundRow) -> bool:
    """Return whether ``row`` reminds of what nobody owes any more there, as far as is known since our restore."""
    if row.type != REMINDER or case.reply is not None:
        return False
    return any(one.epoch < row.epoch for one in await tx.outbound_of_case(case.ref))


_WARNS = threads.HEARD_AT_LAST | {RESUMPTION, MONITORING}
"""Types that stop something, let it go on, or tell of a danger: who refuses one for good may go by what was before."""


async def tell_otherwise(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> None:
    """
    Have the desk tell the other State by another way what that refused, unless it is a stop that is over here.

    Nor that a return goes on which is stopped again. It is said anew by nobody else: a later stop may be lost.
    """
    held = cases.readable(context, await tx.find_case(row.ref or ""))
    if held is None or (row.type in WORD_OF_STOP and (row.type == SUSPENSION) != (SUSPENSION in held.case.said)):
        return
    if held.case.side is Side.REQUESTED and (await threads.thread_of(tx, held.case)).ended == "withdrawn":
        return  # it said itself that nobody comes
    await cases.add_finding(context, tx, held, NOT_TOLD, "not_told", context.country, now)


def _says_who_left(context: Context, held: cases.Held, row: OutboundRow) -> bool:
    try:
        return away.is_departure(context, held, row)
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return False
