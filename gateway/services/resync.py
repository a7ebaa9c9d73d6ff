"""
After a restore: a raised epoch, and what partners do about it (``docs/protocol.md`` section 5, *Restore*).

A restored gateway may have forgotten its last hours. It never uses an old number again, because its numbers begin
anew in the new epoch; and its partners bring back what it forgot.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from gateway.core import checkpoint, wire
from gateway.core.case import CONCLUDED, Side, State
from gateway.core.machine import Send
from gateway.core.merkle import Frontier
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    CONFIRMATION,
    ERASURE,
    HANDOVER,
    RECTIFICATION,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    WITHDRAWAL,
)
from gateway.core.verification import WITHDRAWAL_BODY
from gateway.core.verification_changes import next_full_hour
from gateway.core.wire import Payload
from gateway.services import anew, cases, heard, listing, once_more, outbox, passed_over, standing, steps, threads
from gateway.services.context import Context
from gateway.services.leaving import OVER
from gateway.services.ports import Draft, Tx, Unavailable, Unit
from gateway.services.rows import CaseRow, LogHead, OutboundRow, ThreadRow

LOST = "the other State holds messages of ours in this case, which were lost before the restore"
"""Finding on a case that comes back after the listing that says so: what they were, nobody here knows."""

DROPPED = "a message that waited was dropped at the restore; freeze and withdraw the case, or ask anew"
"""Finding on a case of ours that asks."""

PASSED_OVER = "a rule stands against posting a message again that the other State may have lost; ask it"
"""
Finding on a case whose partner was restored, where a message of ours may not leave any more, or is here no more: what
was dropped, and had an answer all the same.
"""

_UNDER_WAY = "bringing:"
"""
Begins the name, before a partner's code, of its epoch and of the last message posted again in it while others are still
to be: another process may bring it what a later restore lost.
"""

PORTION = 100
"""
Messages posted again, or dropped as an epoch begins, in one transaction, however many there are: all that comes
meanwhile waits for no more.
"""

PAUSE_S = 0.02
"""Seconds between two portions, in which the store is everybody else's."""

_Reached = tuple[str, OutboundRow]
"""The partner, and the last of what waits for it, up to which the messages that were never posted are dropped."""


class Resync:
    """Both ends of a restore."""

    def __init__(self, context: Context) -> None:
        """Work for the gateway of ``context``."""
        self._context = context

    async def partner_restored(self, country: str, now: datetime) -> int:
        """
        Post the last days of envelopes to a partner whose epoch was raised again, and list what we hold of it.

        Returns how many messages will be posted again. What the partner still knows gets its stored answer. By a clock
        that leapt ahead nothing counts as over that was not so before: it is noticed once, and never looked at again.
        """
        context, over = self._context, self._context.surely(now)
        outbox.check_recipient(context, country, now)  # first, or all of it is posted again at each look
        epoch = context.trust.card(country).epoch
        await self._say_again(country, now)
        await self._withdraw_again(country, now)

        async def begin(tx: Tx) -> OutboundRow | None:
            partner, under_way = await tx.find_partner(country), await _last_posted(tx, country)
            if partner is not None and partner.epoch == epoch and under_way is not None and under_way[0] == epoch:
                return await tx.find_outbound(country, under_way[1])
            if partner is not None:
                # First: an answer out of the log of before stands for nothing that is posted again.
                await tx.save_partner(partner._replace(epoch=epoch))
            await tx.set_meta(_UNDER_WAY + country, f"{epoch} ")
            return None

        async def end(tx: Tx) -> None:
            if await _is_brought(tx, country, epoch):
                await listing.queue(context, tx, country, now)
                await tx.drop_meta(_UNDER_WAY + country)

        count = await self._post_again(country, epoch, (await context.commit(begin)).value, over, now)
        await context.commit(end)
        context.wake()
        return count

    async def unfinished(self, now: datetime) -> tuple[str, ...]:
        """
        Return the partners that were not brought all of it: this process ended, or could not, meanwhile.

        One on hold, or of which no key is held else, is brought nothing before one is.
        """
        context = self._context
        found = [name.removeprefix(_UNDER_WAY) for name, _ in await context.store.read(_under_way)]
        known = [country for country in found if country in context.partners]
        return tuple(country for country in known if outbox.recipient(context, country, now) is not None)

    async def _post_again(
        self, country: str, epoch: int, last: OutboundRow | None, over: datetime, now: datetime
    ) -> int:
        """
        Have what ``country`` may still take posted again in its ``epoch``, a portion at a time; return how many it is.

        It goes on behind ``last`` where it was cut off, and ends where another process brings it what it lost since.
        """
        # As long as another State may still take it: what is not posted again by then is over, and a stop is said anew.
        since = over - timedelta(days=self._context.policy.envelope_days) - wire.SKEW
        count = 0

        async def unit(tx: Tx) -> tuple[int, OutboundRow | None]:
            if not await _is_brought(tx, country, epoch):
                return 0, None
            again, gone = list[OutboundRow](), list[OutboundRow]()
            reached, room = last, PORTION
            while room and (rows := await tx.outbound_since(country, since, reached, min(room, outbox.AT_ONCE))):
                for row in rows:
                    bare = row._replace(envelope=None, sealed=None)
                    if passed_over.may_repeat(row, over) and await _may_leave(tx, row):
                        again.append(bare)
                    elif _is_kept_back(row) and over <= row.expires_at + wire.SKEW:
                        gone.append(bare)
                reached, room = bare, room - len(rows)
            for one in gone:
                await self._tell_gone(tx, one, now)
            for one in again:
                # The answer stays: it is what the partner said, and proves it, whatever it says now. So do the bytes.
                current = await tx.find_outbound_again(one)
                if current is not None:
                    await tx.save_outbound(passed_over.again(current, now))
            if reached is not None and room < PORTION:
                await tx.set_meta(_UNDER_WAY + country, f"{epoch} {reached.id}")
            return len(again), None if room else reached

        while True:
            more: int
            more, last = (await self._context.commit(unit)).value
            count += more
            if last is None:
                return count
            await self._context.clock.sleep(PAUSE_S)

    async def _say_again(self, country: str, now: datetime) -> None:
        """
        Say anew each word that stands, which ``country`` took and is posted again no more (decisions 0042, 0047).

        Each by itself, before the new epoch is taken as seen: what is said by then is not said twice.
        """
        context = self._context
        async for row in cases.in_states(context, standing.STATES):
            held = cases.readable(context, row) if row.partner == country else None
            if held is not None and standing.types_of(held.case):
                await self._in_one(row.ref, partial(once_more.say_again, context, ref=row.ref, now=now))
            elif held is not None and held.case.state is State.SUSPENDED and SUSPENSION in held.case.said:
                await self._in_one(row.ref, partial(self._tell_of_a_stop, ref=row.ref, now=now))

    async def _tell_of_a_stop(self, tx: Tx, ref: str, now: datetime) -> None:
        """
        Have people tell of a stop of ours as who asks, which its partner took and is posted again no more (0041).

        Not while the case is frozen: why it is nobody may guess, and nobody asks the other State then (R-02).
        """
        held, over = cases.readable(self._context, await tx.find_case(ref)), self._context.surely(now)
        said = await standing.said_by(tx, ref, SUSPENSION)
        taken = any(row.status == wire.ACCEPTED for row in said)
        if held is not None and taken and not any(row.waits or passed_over.may_repeat(row, over) for row in said):
            await cases.add_finding(self._context, tx, held, PASSED_OVER, "resync", held.case.partner, now)

    async def _withdraw_again(self, country: str, now: datetime) -> None:
        """Say once more what was withdrawn, and told too long ago to be posted again (decision 0046)."""
        context = self._context
        async for thread in threads.each_with(context, country):
            if thread.ended == "withdrawn" and thread.ref is not None:
                await self._in_one(thread.ref, partial(once_more.withdraw_again, context, ref=thread.ref, now=now))

    async def _in_one(self, ref: str, unit: Unit[None]) -> None:
        """Run ``unit`` for the case ``ref``: one must not keep everything else from being posted again."""
        try:
            await self._context.commit(unit)
        except Unavailable:
            raise
        except Exception as error:
            self._context.log("case.fault", ref=ref, error=type(error).__name__)

    async def _tell_gone(self, tx: Tx, row: OutboundRow, now: datetime) -> None:
        """Tell the desk of a message that came and is not posted again, though its partner may have forgotten it."""
        held = cases.readable(self._context, await tx.find_case(row.ref) if row.ref else None)
        if held is not None and held.case.state not in CONCLUDED:
            await cases.add_finding(self._context, tx, held, PASSED_OVER, "resync", row.partner, now)

    async def take_listing(self, tx: Tx, payload: Payload, now: datetime) -> None:
        """
        Compare a partner's listing of our messages with what we remember; what we lost becomes a finding.

        A request that we dropped because the backup had not posted it, or that the backup did not know to be sent, did
        leave: its case may be withdrawn as one whose message is abroad, and is if that was decided already (M-5.25). Of
        a thread whose case has not come back yet the digest of our last message is kept as the last that was seen, and
        becomes a finding when its case opens.
        """
        for item in payload.body["threads"]:
            thread = await tx.find_thread(payload.sender, item["thread"])
            known = await tx.find_outbound_by_digest(payload.sender, item["payload"])
            if thread is not None and thread.ref is not None:
                await anew.take_listed(self._context, tx, thread.ref, item, known, now)
            if known is not None and not known.never_left:
                continue
            if known is not None:
                await tx.save_outbound(known._replace(posted_at=known.queued_at))
            self._context.log("thread.behind", partner=payload.sender, seq=item["seq"])
            if thread is None or thread.ref is None:
                # What came in it before this listing was refused, and knew of no case of ours.
                ref = await _unsent(tx, payload.sender, item["thread"])
                thread = (thread or ThreadRow(payload.sender, item["thread"], None))._replace(ref=ref)
            begun = thread.in_digest is not None or thread.out_seq > 0
            if not begun:
                await tx.save_thread(thread._replace(seen=item["payload"]))
            held = cases.readable(self._context, await tx.find_case(thread.ref) if thread.ref is not None else None)
            # One finding, whatever a partner lists, and however often: a case must not grow by it.
            if held is not None and not heard.has_lost(held.case):
                text = heard.LOST_NUMBER % {"number": item["seq"]}
                noted = await cases.add_finding(self._context, tx, held, text, "resync", payload.sender, now)
                abroad = known is not None or not begun
                if abroad and noted.case.side is Side.REQUESTING and await _given_up(tx, held.row):
                    late = Send(WITHDRAWAL, WITHDRAWAL_BODY, next_full_hour(now))
                    await threads.queue(self._context, tx, noted, late, now)
        if not payload.body["more"]:
            await listing.came(tx, payload.sender, payload.issued_at, now)

    async def begin_epoch(self, now: datetime) -> int:
        """
        Raise our own epoch after a restore and begin each log anew with its last checkpoint as first entry.

        A request or an answer to a question that waited in the backup does not leave: the case may have been frozen
        since, and the backup does not know. For the same reason no reminder leaves by itself before a person has taken
        a step of the case. What waited in a case that we are asked in, or asks for nothing (``_tells``), stays where it
        is until the partner lists what it holds (``anew``). Returns the new epoch; it is announced in the next card.
        """
        context = self._context
        epoch = context.epoch + 1

        async def unit(tx: Tx, begun: _Reached | None) -> _Reached | None:
            reached = await self._forget_unsent(tx, begun, now)
            if reached is not None:
                return reached
            await tx.set_meta("epoch", str(epoch))
            for country in context.partners:
                await listing.await_one(tx, country, now)
            await tx.set_meta(listing.RESTORED_AT, wire.format_instant(now))
            await tx.set_meta(listing.LAST_EVENT, str(await tx.last_event()))
            for country in context.partners:
                old = await tx.log_head(country)
                head = LogHead(checkpoint.origin(context.country, country, epoch), Frontier(), "")
                await tx.save_log_head(country, head)
                if old is not None and old.checkpoint:
                    digest = wire.payload_digest(old.checkpoint.encode())
                    tx.draft(Draft(country, digest, None, old.checkpoint.encode()))
            return None

        reached: _Reached | None = None
        while (reached := (await context.commit(partial(unit, begun=reached))).value) is not None:
            pass
        context.epoch = epoch
        return epoch

    async def _forget_unsent(self, tx: Tx, begun: _Reached | None, now: datetime) -> _Reached | None:
        """
        Drop what we as the asking State never posted, and say so on each case; a person decides what follows.

        Goes on behind ``begun``. Returns how far it came after ``PORTION`` messages, ``None`` once none is left: more
        may wait than there is memory, in which a transaction keeps the pages it changes. The epoch rises with the last
        portion. Where the work is cut off before, it is begun anew, and what is dropped by then stays so.
        """
        room = PORTION
        for country in self._context.partners:
            if begun is not None and country != begun[0]:
                continue
            last, begun = None if begun is None else begun[1], None
            while room and (rows := await tx.waiting_outbound(country, last, min(room, outbox.AT_ONCE))):
                for row in rows:
                    await self._forget(tx, row, now)
                last, room = rows[-1], room - len(rows)
            if not room and last is not None:
                return country, last
        return None

    async def _forget(self, tx: Tx, row: OutboundRow, now: datetime) -> None:
        found = await tx.find_case(row.ref or "") if _waited(row) else None
        if found is None or found.side != Side.REQUESTING.value or found.sealed is None:
            return
        held = cases.readable(self._context, found)
        again = held is not None and await standing.heard_before(self._context, tx, held, row) is not None
        if held is not None and (again or _tells(self._context, held, row)):
            return  # it stays where it is, like what the asked side says (``anew``)
        await tx.save_outbound(row._replace(state="dropped", envelope=None, sealed=None, answered_at=now))
        if held is None:
            return  # its message is gone all the same; one such case must not keep the epoch from rising
        dropped = await steps.as_before(self._context, tx, held, held.case.with_found(DROPPED), (row,))
        noted = await cases.note(self._context, tx, held, dropped, "restore", self._context.country, now)
        await steps.waits_no_more(self._context, tx, noted, now)


async def _under_way(tx: Tx) -> Sequence[tuple[str, str]]:
    return await tx.metas(_UNDER_WAY)


async def _last_posted(tx: Tx, country: str) -> tuple[int, str] | None:
    """Return in which epoch ``country`` is brought what it lost, and the last message posted again in it, if any."""
    epoch, between, id = (await tx.find_meta(_UNDER_WAY + country) or "").partition(" ")
    return (int(epoch), id) if between else None


async def _is_brought(tx: Tx, country: str, epoch: int) -> bool:
    """Return whether ``country`` is still brought what it lost before ``epoch``, by whichever process."""
    under_way = await _last_posted(tx, country)
    return under_way is not None and under_way[0] == epoch


async def _unsent(tx: Tx, country: str, thread: str) -> str | None:
    """Return the case of ``thread`` in which we ask ``country``, if nothing of it was taken there as far as we know."""
    # The reference alone: a partner may list as often as it likes, and the others wait meanwhile.
    states = (State.DRAFT, State.CLEARED, State.NOT_ACCEPTED, State.FROZEN, State.WITHDRAWN, State.CLOSED)
    return await tx.find_asked(country, thread, [state.value for state in states])


async def _given_up(tx: Tx, row: CaseRow) -> bool:
    """Return whether a case of which nothing seemed to have left was withdrawn or discarded, also if it is closed."""
    if row.state != State.CLOSED:
        return row.state == State.WITHDRAWN
    ends = await tx.events(row.ref)
    return any(event.target == State.WITHDRAWN or event.event == "discard" for event in ends)


def _is_kept_back(row: OutboundRow) -> bool:
    """
    Return whether people have to know of a message that came and may not be posted again: nothing of it is left.

    Or it says that somebody is called back, of whom the other State would await that she comes.
    """
    return row.state == "receipted" and (row.envelope is None or row.type == TAKE_BACK)


def _waited(row: OutboundRow) -> bool:
    """Return whether a message of a case was never posted that a person must send anew; a stop is heard without one."""
    return row.state == "queued" and row.ref is not None and row.type not in threads.HEARD_AT_LAST


def _tells(context: Context, held: cases.Held, row: OutboundRow) -> bool:
    """
    Return whether a message asks for nothing: it tells what took place, as that somebody left, or takes data back.

    One that brings a right value waits for a person: nobody may be told it since the backup.
    """
    if row.type not in {SCHEDULE, HANDOVER, *AFTER_WITHDRAWAL}:
        return False
    body = threads.find_said(context, held, row)
    return body is not None and body.get("status") != "planned" and not body.get("elements")


async def is_past(tx: Tx, country: str, epoch: int) -> bool:
    """Return whether a partner's log of ``epoch`` is of before a restore that was noticed, or before it began anew."""
    partner = await tx.find_partner(country)
    return partner is not None and epoch != partner.epoch


async def go_on(tx: Tx, row: OutboundRow, next_try_at: datetime) -> None:
    """Have a message posted again at ``next_try_at`` though it was answered, unless another took its place."""
    current = await tx.find_outbound(row.partner, row.id)
    if current is not None and current.state == row.state:
        await tx.save_outbound(current._replace(state="posted", next_try_at=next_try_at))


async def goes_behind(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Let our withdrawal pass ``row``, which stands before it behind a number that a restored partner forgot.

    Nothing that stands before it is posted again since the case was withdrawn, and the withdrawal closes all those
    numbers (M-5.22). What ``row`` takes back is said once more behind it; whether it came nobody knows where it has no
    answer. Returns whether it does; ``row`` is not posted any more then.
    """
    case = await tx.find_case(row.ref) if row.ref else None
    if case is None or case.side != Side.REQUESTING or row.type == WITHDRAWAL:
        return False
    rows = await tx.outbound_of_case(case.ref)
    if not any(one.type == WITHDRAWAL and one.waits and row.place < one.place for one in rows):
        return False
    given_up = row._replace(state="dropped", answered_at=now)
    await tx.save_outbound(
        (given_up if row.answer is None else passed_over.settled_before(row))._replace(envelope=None)
    )
    held = cases.readable(context, case)
    if held is not None and row.type in AFTER_WITHDRAWAL:
        await steps.say_behind(context, tx, held, (row,), now)
    return True


async def is_unheard(context: Context, tx: Tx, row: OutboundRow, now: datetime) -> bool:
    """
    Return whether ``row``, which takes data back, is posted again in vain: its partner misses a number before it.

    Nothing else of a request that was set aside is posted again, unless word of the stop was said (decision 0038). The
    desk learns of it, also where the row was not answered before: one such is posted on.
    """
    case = await tx.find_case(row.ref) if row.ref and row.type in AFTER_WITHDRAWAL else None
    if case is None or case.state != State.CLOSED or await passed_over.stopped_as(tx, case) is not State.SUSPENDED:
        return False
    if passed_over.is_told(await tx.outbound_of_case(case.ref)):
        return False
    held = cases.readable(context, case)
    if held is not None:
        await steps.tell_unheard(context, tx, held, now)
    return row.answer is not None


async def _may_leave(tx: Tx, row: OutboundRow) -> bool:
    """
    Return whether a message that was answered may be posted again.

    Of a case that is frozen or withdrawn, also once it is closed, nothing is but the withdrawal, and what takes data
    back: neither must wait behind the others (``goes_behind``). No withdrawal of the asked side closes a number, so
    there what stands before such a message comes with it, or once that is said (``bring_along``). That a return is
    stopped is, and with it all that stands before it in the thread, or it would not be taken: the partner may have
    forgotten it. So it is where the stop was refused: who had forgotten what it was about may know it now. What stands
    before one that is said later comes along then (``steps``). The rest of a case that goes on later is posted again
    then (``bring_back``). A case that who asks set aside never goes on (decision 0038).
    """
    if row.state == "posted" or row.ref is None or row.type in (WITHDRAWAL, ERASURE, CONFIRMATION):
        return True
    case = await tx.find_case(row.ref)
    if case is None or case.sealed is None:
        return False
    stopped = await passed_over.stopped_as(tx, case)
    if stopped is None:
        return True
    rows = await tx.outbound_of_case(row.ref)
    asked = case.side == Side.REQUESTED
    if stopped is State.SUSPENDED and asked and _stands_before(row, rows, AFTER_WITHDRAWAL):
        return True
    if stopped in OVER and not asked:
        return row.type == RECTIFICATION
    if stopped in OVER:
        locked = case.state == State.BLOCKED and not any(
            one.target == State.WITHDRAWN for one in await tx.events(row.ref)
        )
        return _stands_before(row, rows, threads.OUTLIVES_ITS_CASE if locked else AFTER_WITHDRAWAL)
    if case.state == State.CLOSED and row.type == RECTIFICATION:
        return True
    quiet = stopped is State.FROZEN and case.side == Side.REQUESTING
    return not quiet and passed_over.is_told(rows)


def _stands_before(row: OutboundRow, rows: Sequence[OutboundRow], types: frozenset[str]) -> bool:
    """Return whether ``row`` is of ``types``, or something of ``rows`` that is stands behind it."""
    return any(one.type in types and row.place <= one.place for one in passed_over.said(rows))
