"""
Posting what waits, until it is answered or over.

Rule 1: a message is marked as posted, durably, before its first byte leaves; so a freeze knows what may be abroad.
Rule 2: the same bytes are posted until there is an answer that verifies or the message expires. Only a recipient that
changed its sealing key gets a new envelope, around the same signed message.
Rule 3: one number at a time in a thread; between threads there is no order and no waiting.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from gateway.core import codes, envelope, wire
from gateway.core.codes import Kind, PeerError
from gateway.core.messages import RESYNC, WITHDRAWAL
from gateway.core.retry import MAX_WAIT_S, Circuit, backoff
from gateway.core.verification_changes import next_full_hour
from gateway.services import (
    anew,
    listing,
    no_contact,
    nodes,
    outage,
    passed_over,
    resync,
    threads,
    undelivered,
)
from gateway.services.answers import Answers, BadAnswer
from gateway.services.context import Context, is_ending
from gateway.services.leaving import Leaving
from gateway.services.ports import HttpAnswer, Tx, Unavailable
from gateway.services.rows import OutboundRow
from gateway.services.shares import Shares
from keys import jws as jws_format
from keys.errors import BadJws, RevokedKey, UnknownKey
from schemas import ijson

COLLECT_LEASE_S = 1
"""How long an envelope that was collected is not handed out again; a collector whose reply was lost asks again."""

HANDED_OUT_MAX = 4096
"""
How much that was handed out to be fetched and got no answer here is remembered: another node may have had the answer.
What is forgotten is fetched once more, if its partner was restored.
"""

CLAIMED_MAX, CLAIMED_MIN = 128, 4
"""
Messages that one batch claims, about, if something waits for every partner: their share of the first, and no less than
the second for any. Each takes some ten statements, and all the while others wait for the batch: what comes in, and over
PostgreSQL a stop at another node.
"""

HELD_AGAIN_S = 60
"""A message that may not leave now is looked at again after this long, and keeps no place from those that may."""

_IN_VAIN = 10
"""After how many times that it was fetched without an answer a number before a message may be missing."""

GAP = "out-of-order"
"""Code of the answer to a message before which a number of its thread was never used, as far as its recipient knows."""

EXPIRE_LOOK_S = 60.0
"""Seconds between two looks at what expired, and at whether the clock was set back meanwhile."""

IDLE_S = 1.0
"""Longest wait between two looks at what is due; a message queued by this process is looked for at once."""

READ_TURNS = 2
"""
Turns of the loop before an answer is looked at: in the first those that came with it are read, in the second the next
messages leave. The same work many times in a row costs less than all of it for one message after another.
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this process may post now."""

    row: OutboundRow
    envelope: bytes


@dataclass(slots=True)
class Line:
    """
    What is under way to one partner: up to ``limit`` posts without an answer, and answers that are being stored.

    ``at_once`` are claimed in one transaction, at most.
    """

    limit: int
    at_once: int = CLAIMED_MAX
    posting: int = 0
    storing: int = 0
    more: bool = False
    """Whether more may wait for a place: the last claim took as much as there was room for, or a look found some."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def under_way(self) -> int:
        """Return how many messages are in our hands."""
        return self.posting + self.storing

    @property
    def room(self) -> int:
        """Return how many more may be posted now. As many answers as posts may wait for the store."""
        return min(self.limit - self.posting, 2 * self.limit - self.under_way)

    def hear(self) -> None:
        """Hear that a place is free, and have whoever waits for one take it."""
        if self.more:
            self.changed.set()


class NoRoom(Exception):
    """Say that a message does not fit into what is left of the reply to a ``collect``."""


class Deliverer:
    """The sending side of one gateway."""

    def __init__(self, context: Context) -> None:
        """Deliver what stands in the outbox of ``context``."""
        self._context = context
        self._leaving = Leaving(context)
        self.answers = Answers(context)
        self._shares = Shares()
        share = at_once(len(context.partners))
        self._lines = {country: Line(context.policy.in_flight, share) for country in context.partners}
        self._latest: datetime | None = None
        """The latest instant that anything was looked for at since the last look at all waits: a clock may go back."""
        self._ahead: Mapping[str, datetime] = {}
        """Which nodes said at the last look that they run by a clock that is ahead of ours, and what it showed."""
        self._handed_out: dict[tuple[str, str], int] = {}
        """Partner and id of what this process handed out to be fetched: the attempt that an answer to it is about."""
        self._queued = asyncio.Event()
        context.wake = self._queued.set

    async def run(self) -> None:
        """Deliver to every partner that is posted to, each in a loop of its own, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for country, partner in self._context.partners.items():
                if partner.transmission != "pull":
                    group.create_task(self._pump(country))
            group.create_task(self._watch())
            group.create_task(self._context.every(EXPIRE_LOOK_S, lambda _: self.look()))

    async def _watch(self) -> None:
        """Wake the pump of each partner that something is due for: when something was queued, and each second."""
        while True:
            self._queued.clear()
            now = self._now()
            try:
                for country in await self._context.store.read(partial(_partners_due, now=now)):
                    if country in self._lines:
                        self._lines[country].more = True
                        self._lines[country].changed.set()
            except Unavailable as error:
                self._context.unavailable(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._queued.wait()

    async def _pump(self, country: str) -> None:
        """
        Keep up to ``in_flight`` posts to one partner on the line; a slow one holds up nobody else.

        A place on the line is free once the answer is there. While that is stored the next message leaves, so that the
        two gateways do not wait by turns for one another's disks.
        """
        line = self._lines[country]
        async with asyncio.TaskGroup() as posts:  # a fault of ours ends the loop, and with it the process, loudly
            while True:
                await line.changed.wait()
                line.changed.clear()
                claimed = await self._claim_safely(country, line)
                line.posting += len(claimed)
                for item in claimed:
                    posts.create_task(self._deliver(item, line))
                if line.more and line.room > 0:
                    line.changed.set()

    async def _claim_safely(self, country: str, line: Line) -> Sequence[Claimed]:
        if line.room < 1:
            return ()
        try:
            return await self.claim(country, line)
        except Unavailable as error:
            self._context.unavailable(error)
            return ()

    def _now(self) -> datetime:
        """Return what the clock shows, and remember that it did."""
        now = self._context.clock.now()
        self._latest = max(now, self._latest or now)
        return now

    async def look(self) -> None:
        """Let go of waits that a clock made which was ahead and is right again, and end what expired."""
        now = self._context.clock.now()
        latest, self._latest = self._latest or now, now
        try:
            before, self._ahead = self._ahead, await self._context.store.read(partial(nodes.ahead, now=now))
            if self._ahead.items() - before.items():
                self._latest = max(latest, self._latest)  # a node runs whose clock is ahead: ours may be what is wrong
            else:
                await self.hasten(now, set_back=now + timedelta(seconds=listing.STEERED_S) < latest)
        except Unavailable:
            self._latest = max(latest, self._latest)
            raise
        await self.expire(now)

    async def run_once(self) -> int:
        """Post everything that may be posted now, once, to every partner; return how many messages were posted."""
        count = 0
        for country, partner in self._context.partners.items():
            if partner.transmission != "pull":
                line = Line(self._context.policy.in_flight)
                claimed = await self.claim(country, line)
                line.posting = len(claimed)
                await asyncio.gather(*(self._deliver(item, line) for item in claimed))
                count += len(claimed)
        return count

    # Claiming: what may be posted now, marked so before it is.

    async def claim(self, country: str, line: Line, *, collected_s: float | None = None) -> Sequence[Claimed]:
        """
        Return the messages for ``country`` to post now on ``line``, each marked as posted and leased to us.

        What is under way already counts where the circuit allows a single probe. What is collected is leased for
        ``collected_s`` seconds only: it waits, and may be fetched again, until its answer is there.
        """
        collected = collected_s is not None
        # Until this claim has found how much there is, more does not wait: whatever ends it early, a pump then sleeps.
        more, line.more = line.more, False
        now = self._now()
        card = self._context.trust.find(country)
        if card is None or not self._context.announced or not (collected or card.addresses):
            # Our new epoch is not announced yet (M-5.27), or the State is on hold, has no card, or collects: nothing is
            # sent, and what is never sent must not be marked as posted.
            return ()

        async def due(tx: Tx, limit: int) -> Sequence[OutboundRow]:
            if collected:
                return await tx.collectable_outbound(now, limit, country)
            return await tx.due_outbound(now, limit, country)

        async def anything(tx: Tx) -> bool:
            return bool(await due(tx, 1))

        if not more and not await self._context.store.read(anything):
            return ()  # a look costs less than a transaction: over PostgreSQL even an empty one is written to disk

        lease = now + timedelta(seconds=outage.lease_s(self._context) if collected_s is None else collected_s)

        async def unit(tx: Tx) -> tuple[list[Claimed], list[OutboundRow], int]:
            partner = await tx.find_partner(country, held=False)
            if partner is not None and (partner.hold is not None or partner.card not in (None, card.raw)):
                return [], [], 0  # decided, or read, at another node a moment ago: the card in memory does not know yet
            circuit = Circuit(partner.failures, partner.open_until) if partner else Circuit()
            if not collected and circuit.failures and await outage.is_fetching(tx, country, now):
                return [], [], 0
            # While this waited for its turn, more answers may have come.
            room, under_way = line.room, line.under_way
            width = room if collected else circuit.width(now, room + under_way) - under_way
            most = width if collected else min(width, line.at_once)
            left = envelope.COLLECT_MAX_BYTES if collected else math.inf
            found = await self._claim_due(tx, due, width, most, now, lease, left)
            if collected and found[0] and card.addresses:
                await outage.note_handed_out(tx, country, now)
            return *found, most

        claimed: list[Claimed]
        parked: list[OutboundRow]
        claimed, parked, most = (await self._context.commit(unit)).value
        for row in parked:
            await self._settle_parked(row, now)
        line.more = 0 < most <= len(claimed)
        return claimed

    async def _claim_due(
        self,
        tx: Tx,
        due: Callable[[Tx, int], Awaitable[Sequence[OutboundRow]]],
        width: int,
        most: int,
        now: datetime,
        lease: datetime,
        left: float,
    ) -> tuple[list[Claimed], list[OutboundRow]]:
        """
        Return what of the ``due`` is claimed, up to ``most``, and what is parked; ``width`` is the room there is.

        ``left`` is how many bytes of the reply to a ``collect`` are; what does not fit is not marked as posted.
        """
        claimed: list[Claimed] = []
        parked: list[OutboundRow] = []
        # Every row looked at is due later afterwards, leased or held, so each look finds others.
        for look in range(_LOOKS):
            # Where some are held, many may be: from then on as many are looked at as there is room for.
            before, limit = len(claimed), (width if look else most) - len(claimed)
            rows = await due(tx, limit) if len(claimed) < most else ()
            if not rows:
                break
            for row in rows:
                if len(claimed) == most:
                    break
                if await anew.is_parked(self._context, tx, row):
                    parked.append(row)
                    await tx.save_outbound(row._replace(next_try_at=now + timedelta(seconds=HELD_AGAIN_S)))
                    continue
                try:
                    item = await self._claim_one(tx, row, now, lease, left)
                except NoRoom:
                    return claimed, parked
                if item is not None:
                    claimed.append(item)
                    left -= _framed_bytes(item.envelope)
            if len(claimed) - before == len(rows) < limit:
                break  # all that is due is claimed, and what follows in its threads waits for it
        return claimed, parked

    async def _claim_one(self, tx: Tx, row: OutboundRow, now: datetime, lease: datetime, left: float) -> Claimed | None:
        if now > row.expires_at + wire.SKEW and not await undelivered.is_posted_on(self._context, tx, row, now):
            # Never sent again (M-5.10), whatever kept us until now. What was answered before ends nothing by it.
            if self._context.believes(now) or await undelivered.ends_nothing(self._context, tx, row, now):
                await undelivered.end(self._context, tx, row, None, now)
            else:
                await tx.save_outbound(row._replace(next_try_at=now + timedelta(seconds=HELD_AGAIN_S)))
            return None
        in_vain = self._was_fetched(row) and (row.answer is not None or row.attempts >= _IN_VAIN)
        if in_vain and await resync.goes_behind(self._context, tx, row, now):
            return None
        if self._was_fetched(row) and row.attempts >= _IN_VAIN and await self._fill_or_leave(tx, row, now, said=False):
            return None
        if row.type == RESYNC and self._leaving.is_sealed_in_vain(row, now):
            # A sibling that stands in the same look may have had all of them made anew.
            current = await tx.find_outbound(row.partner, row.id)
            if current is not None and current.state != "dropped":
                await listing.queue(self._context, tx, row.partner, now)
            return None
        ready = await self._ready(tx, now, row)
        if ready is None and row.answer is not None and await no_contact.barred(self._context, tx, row.partner) is None:
            await undelivered.pass_over(self._context, tx, row, now)
            return None
        if ready is None or ready.envelope is None:
            await tx.save_outbound(row._replace(next_try_at=now + timedelta(seconds=HELD_AGAIN_S)))
            return None
        if _framed_bytes(ready.envelope) > left:
            raise NoRoom
        posted_at = row.posted_at or now
        ready = ready._replace(state="posted", attempts=row.attempts + 1, next_try_at=lease, posted_at=posted_at)
        await tx.save_outbound(ready)
        return Claimed(ready, ready.envelope or b"")

    async def _ready(self, tx: Tx, now: datetime, row: OutboundRow) -> OutboundRow | None:
        """Return how a message may leave now; one that cannot be read must not keep every other one from leaving."""
        try:
            return await self._leaving.ready(tx, row, now)
        except Unavailable:
            raise
        except Exception as error:
            self._context.log_fault(row.partner, row.type, error)
            return None

    async def _fill_or_leave(self, tx: Tx, row: OutboundRow, now: datetime, *, said: bool) -> bool:
        """
        Take it that a number before ``row`` is missing, and have what stands there posted, past its time if need be.

        Returns whether ``row`` is posted for that itself, and is left then: a number before it is lost for good, as its
        State has ``said``, or shows by no answer in days. What has to be heard behind it is told by people meanwhile.
        """
        if await passed_over.fills(tx, row):
            await undelivered.tell_unheard(self._context, tx, row, now)
            left = said or await passed_over.fills_in_vain(tx, row, now)
            if left:
                await tx.save_outbound(passed_over.settled_before(row))
            return left
        await undelivered.fill_gap(self._context, tx, row, now, partial(self._ready, tx, now))
        return False

    def _was_fetched(self, row: OutboundRow) -> bool:
        """Return whether ``row`` was fetched and not answered: whoever fetches cannot say that a number is missing."""
        return (row.partner, row.id) in self._handed_out

    async def _settle_parked(self, row: OutboundRow, now: datetime) -> None:
        """Settle what waited at a restore, whole or not at all; one case that cannot be read stops no other."""
        try:
            await self._context.commit(partial(anew.settle, self._context, row=row, now=now))
        except Unavailable as error:
            # It is looked at again in a minute; what was claimed beside it is marked as posted, and must leave now.
            self._context.unavailable(error)
        except Exception as error:
            self._context.log_fault(row.partner, row.type, error)

    # Posting.

    async def _deliver(self, item: Claimed, line: Line) -> None:
        """Post a message that counts as one of ``line`` already, and store what comes back."""
        if self._context.clock.now() >= item.row.next_try_at:
            # We stood still meanwhile. The message is anybody's to post by now, and its case may have been stopped.
            line.posting -= 1
            self._context.log("message.undelivered_now", partner=item.row.partner, error="LeaseOver")
            line.hear()
            return
        try:
            answer = await self._post(item)
        finally:
            line.posting -= 1
        line.storing += 1
        line.hear()
        try:
            for _ in range(READ_TURNS):
                await asyncio.sleep(0)
            await self._store(item.row, answer)
        finally:
            line.storing -= 1
            line.hear()

    async def _post(self, item: Claimed) -> HttpAnswer | None:
        """Post a message and return the answer, ``None`` if there is none."""
        context, row = self._context, item.row
        try:
            async with asyncio.timeout(context.policy.post_timeout_s):
                return await context.peers.post(row.partner, "/xg/1/messages", item.envelope, envelope.MEDIA_TYPE)
        except (Exception, asyncio.CancelledError) as error:
            # ``Unavailable`` and time-outs, and whatever else a strange server makes the transport raise.
            if isinstance(error, asyncio.CancelledError) and is_ending():
                raise
            context.log("message.undelivered_now", partner=row.partner, error=type(error).__name__)
            return None

    async def _store(self, row: OutboundRow, answer: HttpAnswer | None) -> None:
        """Store what an answer says, and when to try again if there is none or it does not verify."""
        context = self._context
        if answer is None:
            await self._later(row, None, failure=True)
            return
        try:
            await self._take(row, answer)
        except BadAnswer as error:
            context.log("answer.bad", partner=row.partner, error=str(error))
            await self._later(row, None, failure=True)
        except Unavailable as error:
            # Not stored, so not known: the lease runs out and the stored answer is asked for again.
            context.unavailable(error)
        except Exception as error:
            # Whatever a partner manages to send, it must not end the loop that serves all the others.
            context.log("answer.fault", partner=row.partner, error=type(error).__name__)
            await self._later(row, None, failure=True)

    async def _take(self, row: OutboundRow, answer: HttpAnswer) -> None:
        if answer.status == 200:
            await self.settle(row, answer.body)
            return
        code = _problem_code(answer)
        known = codes.CODES.get(code) if code else None
        if known is None or known.kind is Kind.TRANSIENT:
            self._context.log("message.later", partner=row.partner, code=code or f"http-{answer.status}")
            reached = known is not None and code not in ("later", "rate")
            await self._later(row, answer.retry_after_s, failure=not reached, gap=code == GAP)
        else:
            await self._give_up(row, known.code)

    async def settle(self, row: OutboundRow, raw: bytes) -> None:
        """Store an answer, and let the next number of its thread leave. Raises as ``Answers.settle`` does."""
        await self.answers.settle(row, raw)
        if row.partner in self._lines:
            self._lines[row.partner].changed.set()

    async def _later(self, row: OutboundRow, retry_after_s: float | None, *, failure: bool, gap: bool = False) -> None:
        context = self._context

        async def unit(tx: Tx) -> None:
            now = context.clock.now()
            current = await tx.find_outbound(row.partner, row.id)
            if current is None or current.state != "posted":
                return
            fetched = failure and retry_after_s is None and await outage.is_fetching(tx, row.partner, now)
            wait_s = backoff(1 if fetched else current.attempts, context.random.spread(), retry_after_s)
            asked = None if retry_after_s is None else now + timedelta(seconds=min(retry_after_s, MAX_WAIT_S))
            # Before this message has its wait: one that was put off is not what an answer lets go.
            await outage.note(context, tx, row.partner, failure, now, context.random.spread(), asked)
            if gap and await resync.is_unheard(context, tx, current, now) and current.attempts == row.attempts:
                # It is kept, for a partner that is restored once more may know that number.
                await tx.save_outbound(passed_over.settled_before(current))
                return
            if gap and current.attempts == row.attempts and await resync.goes_behind(context, tx, current, now):
                return  # nor is it posted a third time
            if gap and current.attempts == row.attempts and await self._fill_or_leave(tx, current, now, said=True):
                return
            if not gap and await passed_over.fills(tx, current):
                await undelivered.tell_unheard(context, tx, current, now)
            if current.attempts == row.attempts:  # or another attempt is under way since this lease ran out
                await tx.save_outbound(current._replace(next_try_at=now + timedelta(seconds=wait_s)))

        try:
            await context.commit(unit, row.partner)
        except Unavailable as error:
            context.unavailable(error)

    # Giving up: a final problem, or a message that expired.

    async def _give_up(self, row: OutboundRow, code: str) -> None:
        context = self._context

        async def unit(tx: Tx) -> None:
            now = context.clock.now()
            current = await tx.find_outbound(row.partner, row.id)
            if current is not None and current.state == "posted":
                await undelivered.end(self._context, tx, current, code, now)

        context.log("message.final", partner=row.partner, code=code)
        await context.commit(unit, row.partner)

    async def hasten(self, now: datetime, *, set_back: bool) -> int:
        """
        Let what waits longer than anything ever does be tried now; return how many messages that were.

        A clock that was ahead when a post failed put the next attempt as far ahead. Since it is right again, nothing
        of ours would wait that long. Where it was ``set_back`` while we looked, every wait may be wrong, and ends.
        What was queued by it, and is dated later than that, leaves too: it is refused for its times, and its desk is
        told, where it would wait in silence for a day that may be a year off. So may the instant be wrong before which
        a stop or a withdrawal is not to leave: a stop leaves now, and a withdrawal at the next full hour (M-5.26).
        """
        longest = max(MAX_WAIT_S, HELD_AGAIN_S, outage.lease_s(self._context))
        farthest = now + timedelta(seconds=longest) + wire.SKEW
        latest = now if set_back else farthest

        async def unit(tx: Tx) -> int:
            hour = next_full_hour(now + wire.SKEW)  # no other node, whose clock may differ, binds one to a later hour
            count = await tx.hasten_bound(WITHDRAWAL, hour, hour)
            for stop in threads.STOPS:
                count += await tx.hasten_bound(stop, now, latest)
            count += await tx.hasten_outbound(now, latest, farthest)
            for country in self._context.partners if set_back else ():
                partner = await tx.find_partner(country)
                if partner is not None and partner.open_until is not None:
                    await tx.save_partner(partner._replace(open_until=None))
            return count

        count: int = (await self._context.commit(unit)).value
        return count

    async def expire(self, now: datetime) -> int:
        """End as undelivered every message past its time; return how many there were (``undelivered.expire``)."""
        return await undelivered.expire(self._context, now)

    # A partner that has no address of its own collects.

    async def fetch(self, country: str, most: int, lease_s: float = COLLECT_LEASE_S) -> Sequence[Claimed]:
        """Return up to ``most`` messages ``country`` fetches now, and may again in ``lease_s`` until it answers."""
        return await self.claim(country, Line(most), collected_s=lease_s)

    async def waiting(self, country: str, most: int) -> bytes:
        """
        Return up to ``most`` envelopes that wait for ``country``, framed for the reply to ``collect``.

        What does not fit into one reply, or was fetched and not answered, comes again with a later one (M-5.21).
        """
        claimed = await self.fetch(country, most)
        for item in claimed:
            self._handed_out[country, item.row.id] = item.row.attempts
        while len(self._handed_out) > HANDED_OUT_MAX:
            del self._handed_out[next(iter(self._handed_out))]
        return envelope.serialize_several([item.envelope for item in claimed])

    async def take_answer(self, raw: bytes) -> None:
        """
        Take an answer a partner posted to us for a message it collected.

        It counts as one to what this process handed out last: an answer from before the partner's restore, that comes
        late or once more, does not stand for what has not been fetched again since.

        Raises ``PeerError`` if it is none, is about nothing we sent, or its sender has its share under way.
        """
        try:
            signed = jws_format.parse(wire.parse_answer(raw).receipt, jws_format.TYP_RECEIPT)
            receipt = wire.parse_receipt(signed.payload)
        except BadJws as error:
            raise PeerError(codes.Reason.JWS_FORM) from error
        except ijson.BadJson as error:
            raise PeerError(codes.Reason.RECEIPT_FORM) from error

        async def unit(tx: Tx) -> OutboundRow | None:
            return await tx.find_outbound_by_digest(receipt.sender, receipt.payload)

        row = await self._context.store.read(unit)
        if row is None:
            raise PeerError(codes.Reason.ANSWER_UNASKED)
        card = self._context.trust.card(receipt.sender)
        try:
            card.receipt_key(signed.kid, receipt.received_at, self._context.clock.now())
        except RevokedKey as error:
            raise PeerError(codes.Reason.SIGNER_REVOKED) from error
        except UnknownKey as error:
            raise PeerError(codes.Reason.SIGNER_UNKNOWN) from error
        try:
            with self._shares.of(receipt.sender):
                # What does not verify gives its place back before anything is waited for.
                await self.settle(row._replace(attempts=self._handed_out.get((row.partner, row.id), 0)), raw)
        except BadAnswer as error:
            raise PeerError(codes.Reason.ANSWER_PROOF) from error
        self._handed_out.pop((row.partner, row.id), None)
        if row.waits and card.addresses:  # a first answer: one that comes once more may have been recorded
            await self._context.commit(partial(outage.note_answered, country=row.partner))


_LOOKS = 16
"""Most looks at the outbox for one claim, so that no number of held messages makes a transaction long."""


def _framed_bytes(raw: bytes) -> int:
    """Return how many bytes of the reply to a ``collect`` an envelope takes."""
    return envelope.LENGTH_BYTES + len(raw)


def at_once(partners: int) -> int:
    """Return how many messages are claimed for one of so many partners in one transaction."""
    return max(CLAIMED_MIN, CLAIMED_MAX // max(1, partners))


def _problem_code(answer: HttpAnswer) -> str | None:
    """Return the protocol's code in a problem document, or ``None`` for anything else a proxy may have said."""
    if answer.media_type != codes.PROBLEM_MEDIA_TYPE:
        return None
    try:
        value = ijson.loads(answer.body)
    except ijson.BadJson:
        return None
    type_uri = value.get("type")
    return codes.find_problem_code(type_uri) if isinstance(type_uri, str) else None


async def _partners_due(tx: Tx, now: datetime) -> Sequence[str]:
    return await tx.partners_due(now)
