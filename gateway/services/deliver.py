"""
Posting what waits, and making sense of what comes back.

Rule 1: a message is marked as posted, durably, before its first byte leaves; so a freeze knows what may be abroad.
Rule 2: the same bytes are posted until there is an answer that verifies or the message expires. Only a recipient that
changed its sealing key gets a new envelope, around the same signed message.
Rule 3: nothing of a frozen case is posted but its withdrawal (R-01, R-02), looked at again before every attempt. Where
word of a stop may leave, it takes what stands before it in its thread along, for no other number is taken before that.
Rule 4: one number at a time in a thread; between threads there is no order and no waiting.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from gateway.core import checkpoint, codes, envelope, wire
from gateway.core.case import Side, State
from gateway.core.checkpoint import Checkpoint, Proof
from gateway.core.codes import Kind, PeerError
from gateway.core.cosign import Conflict
from gateway.core.deadlines import Clock
from gateway.core.machine import Event, IllegalStep
from gateway.core.merkle import BadProof
from gateway.core.messages import (
    ACCEPTANCE,
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    CONTEST,
    DIRECTORY,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    INFORMATION_REQUEST,
    MONITORING,
    PROPOSAL,
    REISSUE,
    REQUEST,
    RESUMPTION,
    RESYNC,
    SCHEDULE,
    SUSPENSION,
    TYPES,
    WITHDRAWAL,
)
from gateway.core.retry import MAX_WAIT_S, Circuit, backoff
from gateway.core.rules import When, about, findings
from gateway.core.starts import ASKED, STATED, starts_of_message, starts_of_receipt
from gateway.core.verification import GATEWAY
from gateway.services import anew, cases, listing, no_contact, outbox, person_stop
from gateway.services.context import Context
from gateway.services.ports import CaseRow, ConflictRow, Draft, HttpAnswer, OutboundRow, PartnerRow, Tx, Unavailable
from gateway.services.witness import answered_name
from keys import b64
from keys import jws as jws_format
from keys.card import Card
from keys.errors import BadJws, BadSignature, UnknownKey
from schemas import ijson

LEASE_MARGIN_S = 10
"""A posted message is nobody else's to post for the time-out and this long; then any process may try again."""

COLLECT_LEASE_S = 1
"""How long an envelope that was collected is not handed out again; a collector whose reply was lost asks again."""

HELD_AGAIN_S = 60
"""A message that may not leave now is looked at again after this long, and keeps no place from those that may."""

UNASKED = frozenset({INFORMATION_REQUEST, DIRECTORY})
"""Types of no case that a State not to be contacted does not get: what we ask of it, and who asks (N-01)."""

SETTLED = frozenset({"receipted", "refused"})

EXPIRE_LOOK_S = 60.0
"""Seconds between two looks at what expired, and at whether the clock was set back meanwhile."""

STEERED_S = 10.0
"""So much may a clock be steered between two looks without having been set."""

IDLE_S = 1.0
"""Longest wait between two looks at what is due; a message queued by this process is looked for at once."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message this process may post now."""

    row: OutboundRow
    envelope: bytes


@dataclass(slots=True)
class Line:
    """What is under way to one partner: up to ``limit`` posts without an answer, and answers that are being stored."""

    limit: int
    posting: int = 0
    storing: int = 0
    more: bool = False
    """Whether the last claim took as much as there was room for, so that more may wait for a place."""
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


class BadAnswer(Exception):
    """What came back does not verify; the message is posted again, and the stored answer asked for."""


class Deliverer:
    """The sending side of one gateway."""

    def __init__(self, context: Context) -> None:
        """Deliver what stands in the outbox of ``context``."""
        self._context = context
        self._lines = {country: Line(context.policy.in_flight) for country in context.partners}
        self._latest: datetime | None = None
        """The latest instant that anything was looked for at since the last look at all waits: a clock may go back."""
        self._queued = asyncio.Event()
        context.wake = self._queued.set

    async def run(self) -> None:
        """Deliver to every partner that is posted to, each in a loop of its own, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for country, partner in self._context.partners.items():
                if partner.transmission != "pull":
                    group.create_task(self._pump(country))
            group.create_task(self._watch())
            group.create_task(self._expire_loop())

    async def _watch(self) -> None:
        """Wake the pump of each partner that something is due for: when something was queued, and each second."""
        while True:
            self._queued.clear()
            now = self._now()
            try:
                for country in await self._context.store.read(partial(_partners_due, now=now)):
                    if country in self._lines:
                        self._lines[country].changed.set()
            except Unavailable as error:
                self._context.log("store.unavailable", error=str(error), hint=error.hint)
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
            self._context.log("store.unavailable", error=str(error), hint=error.hint)
            return ()

    async def _expire_loop(self) -> None:
        while True:
            try:
                await self.look()
            except Unavailable as error:
                self._context.log("store.unavailable", error=str(error), hint=error.hint)
            await self._context.clock.sleep(EXPIRE_LOOK_S)

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
            await self.hasten(now, set_back=now + timedelta(seconds=STEERED_S) < latest)
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

    async def claim(self, country: str, line: Line, *, collected: bool = False) -> Sequence[Claimed]:
        """
        Return the messages for ``country`` to post now on ``line``, each marked as posted and leased to us.

        What is under way already counts where the circuit allows a single probe. What is ``collected`` is leased for a
        moment only: it waits, and may be fetched again, until its answer is there.
        """
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

        lease = now + timedelta(seconds=COLLECT_LEASE_S if collected else self._lease_s)

        async def unit(tx: Tx) -> tuple[list[Claimed], int]:
            partner = await tx.find_partner(country)
            if partner is not None and partner.hold is not None:
                return [], 0  # decided at another node a moment ago: the card in memory does not know yet
            circuit = Circuit(partner.failures, partner.open_until) if partner else Circuit()
            # While this waited for its turn, more answers may have come.
            room, under_way = line.room, line.under_way
            width = room if collected else circuit.width(now, room + under_way) - under_way
            claimed: list[Claimed] = []
            parked.clear()  # a unit may run twice
            # Every row looked at is due later afterwards, leased or held, so each look finds others.
            for _ in range(_LOOKS):
                rows = await due(tx, width - len(claimed)) if len(claimed) < width else ()
                if not rows:
                    break
                for row in rows:
                    if await anew.is_parked(self._context, tx, row):
                        parked.append(row)
                        await tx.save_outbound(row._replace(next_try_at=now + timedelta(seconds=HELD_AGAIN_S)))
                    elif item := await self._claim_one(tx, row, now, lease):
                        claimed.append(item)
            return claimed, width

        parked: list[OutboundRow] = []
        claimed: list[Claimed]
        claimed, width = (await self._context.commit(unit)).value
        for row in parked:
            await self._settle(row, now)
        line.more = 0 < width <= len(claimed)
        return claimed

    async def _claim_one(self, tx: Tx, row: OutboundRow, now: datetime, lease: datetime) -> Claimed | None:
        if now > row.expires_at + wire.SKEW:
            await self._undelivered(tx, row, None, now)  # never sent again (M-5.10), whatever kept us until now
            return None
        if row.type == RESYNC and outbox.recipient(self._context, row.partner, now) and not self._is_listed(row, now):
            # A sibling that stands in the same look may have had all of them made anew.
            current = await tx.find_outbound(row.partner, row.id)
            if current is not None and current.state != "dropped":
                await listing.queue(self._context, tx, row.partner, now)
            return None
        try:
            ready = await self._ready(tx, row, now)
        except Unavailable:
            raise
        except Exception as error:
            # One row that cannot be read must not keep every other message from leaving.
            self._context.log("message.fault", partner=row.partner, type=row.type, error=type(error).__name__)
            ready = None
        if ready is None or ready.envelope is None:
            await tx.save_outbound(row._replace(next_try_at=now + timedelta(seconds=HELD_AGAIN_S)))
            return None
        posted_at = row.posted_at or now
        ready = ready._replace(state="posted", attempts=row.attempts + 1, next_try_at=lease, posted_at=posted_at)
        await tx.save_outbound(ready)
        return Claimed(ready, ready.envelope or b"")

    async def _settle(self, row: OutboundRow, now: datetime) -> None:
        """Settle what waited at a restore, whole or not at all; one case that cannot be read stops no other."""
        try:
            await self._context.commit(partial(anew.settle, self._context, row=row, now=now))
        except Unavailable as error:
            # It is looked at again in a minute; what was claimed beside it is marked as posted, and must leave now.
            self._context.log("store.unavailable", error=str(error), hint=error.hint)
        except Exception as error:
            self._context.log("message.fault", partner=row.partner, type=row.type, error=type(error).__name__)

    async def _ready(self, tx: Tx, row: OutboundRow, now: datetime) -> OutboundRow | None:
        """Return ``row`` as it may be posted now, or ``None`` if a rule objects; nothing is written."""
        if row.ref is not None and row.type != WITHDRAWAL and not await self._may_leave(tx, row, now):
            stop = await self._stop_behind(tx, row)
            if stop is None or not await self._may_leave(tx, stop, now):
                return None
        if row.type in UNASKED and await no_contact.barred(self._context, tx, row.partner) is not None:
            self._context.log("message.held", partner=row.partner, rule="N-01")
            return None
        return await self._resealed(tx, row, now)

    async def _may_leave(self, tx: Tx, row: OutboundRow, now: datetime) -> bool:
        """Look at the rules of a retry again; what they object to stays where it is, unposted."""
        case_row = await tx.find_case(row.ref or "")
        if case_row is None or case_row.sealed is None:
            return False
        if case_row.state in STOPPED and not _passes(case_row, row.type):
            return False
        held = cases.unseal(self._context, case_row)
        case, asking = held.case, held.case.side is Side.REQUESTING
        if case.state is State.CLOSED and case.holders and row.type in OF_A_RETURN:
            return False  # it was stopped, and closed so
        # What may follow a withdrawal is judged by its body: only what brings nothing new is exempt.
        # A message of a return is judged by what it says: a cancelled plan is not held back, a departure is.
        body = self._said(held, row) or {} if row.type in AFTER_WITHDRAWAL or row.type in OF_A_RETURN else {}
        reason = await no_contact.barred(self._context, tx, case.partner) if asking else None
        stopped = await person_stop.held_back(tx, case)
        facts = about(case, now, row.type, body, no_contact=reason, person_stopped=stopped)
        found = findings(When.RETRY, facts)
        for finding in found:
            self._context.log("message.held", ref=case.ref, rule=finding.rule)
        return not found

    async def _stop_behind(self, tx: Tx, row: OutboundRow) -> OutboundRow | None:
        """
        Return word of a stop that waits behind ``row`` in its thread, if ``row`` was posted and may be abroad.

        Whether it came nobody knows. If it did, the other State goes on by it until it hears of the stop.
        """
        if row.posted_at is None:
            return None
        waiting = [one for one in await tx.outbound_of_case(row.ref or "") if one.state in ("queued", "posted")]
        behind = [one for one in waiting if (one.epoch, one.seq or 0) > (row.epoch, row.seq or 0)]
        return next((one for one in behind if one.type in cases.STOPS), None)

    async def _resealed(self, tx: Tx, row: OutboundRow, now: datetime) -> OutboundRow:
        """Return ``row`` in an envelope for a key the recipient still lists; the signed message stays the same."""
        key = outbox.recipient(self._context, row.partner, now)
        if key is None or b64.encode(key.kid) == row.kid or row.ref is None or row.sealed is None:
            return row
        case_row = await tx.find_case(row.ref)
        if self._is_listed(row, now) or case_row is None or case_row.wrapped_key is None:
            return row
        case_key = self._context.vault.unwrap(row.ref, case_row.wrapped_key)
        signed = self._context.vault.open(case_key, "outbound", row.id, "sealed", row.sealed)
        kid, sealed = outbox.seal_for(self._context, row.partner, signed, now)
        return row._replace(kid=kid, envelope=sealed, envelope_id=envelope.envelope_id(sealed))

    def _is_listed(self, row: OutboundRow, now: datetime) -> bool:
        """Return whether the card of the recipient still lists the key that ``row`` is sealed to."""
        card = self._context.trust.find(row.partner)
        return card is not None and any(entry.kid == row.kid and entry.is_active(now) for entry in card.sealing)

    # Posting, and what came back.

    async def _deliver(self, item: Claimed, line: Line) -> None:
        """Post a message that counts as one of ``line`` already, and store what comes back."""
        try:
            answer = await self._post(item)
        finally:
            line.posting -= 1
        line.storing += 1
        line.hear()
        try:
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
            if isinstance(error, asyncio.CancelledError) and _is_ending():
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
            context.log("store.unavailable", error=str(error), hint=error.hint)
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
            await self._later(row, answer.retry_after_s, failure=not reached)
        else:
            await self._give_up(row, known.code)

    async def _later(self, row: OutboundRow, retry_after_s: float | None, *, failure: bool) -> None:
        context = self._context

        async def unit(tx: Tx) -> None:
            now = context.clock.now()
            current = await tx.find_outbound(row.partner, row.id)
            if current is None or current.state != "posted":
                return
            wait_s = backoff(current.attempts, context.random.spread(), retry_after_s)
            asked = None if retry_after_s is None else now + timedelta(seconds=min(retry_after_s, MAX_WAIT_S))
            # Before this message has its wait: one that was put off is not what an answer lets go.
            await self._note(tx, row.partner, failure, now, context.random.spread(), asked)
            await tx.save_outbound(current._replace(next_try_at=now + timedelta(seconds=wait_s)))

        try:
            await context.commit(unit)
        except Unavailable as error:
            context.log("store.unavailable", error=str(error), hint=error.hint)

    async def _note(
        self, tx: Tx, country: str, failure: bool, now: datetime, spread: float, asked: datetime | None = None
    ) -> None:
        """
        Keep the partner's circuit: one more failure, or a success that closes it.

        Once it was open, what was posted in vain meanwhile may wait for an hour; it is tried as soon as the partner
        answers again, and ``asked`` for nothing later, now or before (M-5.11).
        """
        row = await tx.find_partner(country) or PartnerRow(country, 0, None, None, None, None, 0)
        if asked is not None:
            await _ask_until(tx, country, asked, now)
        circuit = Circuit(row.failures, row.open_until)
        if failure and not circuit.allows(now):
            return  # of the posts that were under way when it opened; counting each would keep it open for an hour
        after = circuit.after_failure(now, spread) if failure else circuit.after_success()
        if after == circuit:
            return
        await tx.save_partner(row._replace(failures=after.failures, open_until=after.open_until))
        if circuit.opened and not failure:
            at = await _asked_until(tx, country, now)
            # What waits no longer than a lease may be under way at this moment, here or at another node.
            await tx.hasten_posted(country, at, max(at, now + timedelta(seconds=self._lease_s)))

    @property
    def _lease_s(self) -> float:
        """Return for how many seconds a message that is being posted is nobody else's."""
        return self._context.policy.post_timeout_s + LEASE_MARGIN_S

    def verify(self, partner: str, digest: str, raw: bytes) -> tuple[wire.Answer, wire.Receipt]:
        """
        Check an answer: receipt signature and content, log opening, proof and checkpoint (protocol sections 5 and 7).

        Raises ``BadAnswer``.
        """
        return self._checked(partner, digest, raw)[:2]

    def _checked(self, partner: str, digest: str, raw: bytes) -> tuple[wire.Answer, wire.Receipt, Proof, Checkpoint]:
        context = self._context
        try:
            answer = wire.parse_answer(raw)
            signed = jws_format.parse(answer.receipt, jws_format.TYP_RECEIPT)
            receipt = wire.parse_receipt(signed.payload)
            card = context.trust.card(partner)
            signed.verify(self._receipt_key(card, signed.kid, receipt.received_at))
            proof = checkpoint.parse_proof(answer.proof)
            shown = _entered(answer, proof, self._origin(partner, card.epoch, proof), card)
        except (PeerError, BadJws, BadSignature, BadProof, UnknownKey, ijson.BadJson, ValueError) as error:
            raise BadAnswer(str(error)) from error
        if (receipt.sender, receipt.recipient) != (partner, context.country) or (digest and receipt.payload != digest):
            raise BadAnswer("the receipt is about another message")
        return answer, receipt, proof, shown

    def _receipt_key(self, card: Card, kid: str, received_at: datetime) -> bytes:
        """
        Return the key a receipt was signed with: in its window when it was made, and not revoked by now.

        A stored answer may be weeks old and its key rotated since (M-8.3); a revoked key could date a receipt back.
        """
        now = self._context.clock.now()
        if any(entry.kid == kid and entry.is_revoked(now) for entry in card.signing):
            raise UnknownKey("the key was revoked")
        return card.signing_key(kid, received_at)

    def _origin(self, partner: str, epoch: int, proof: Proof) -> str:
        """
        Return the origin the proof must have: of the partner's epoch, or of an earlier one that the proof names.

        A restored partner gives the answer it stored before, from the log of that time; its log key has not changed.
        """
        named = proof.checkpoint.split("\n", 1)[0]
        earlier = named.removeprefix(f"{partner}/{self._context.country}/")
        if earlier.isascii() and earlier.isdigit() and len(earlier) <= _EPOCH_DIGITS and 1 <= int(earlier) < epoch:
            epoch = int(earlier)
        return checkpoint.origin(partner, self._context.country, epoch)

    async def settle(self, row: OutboundRow, raw: bytes) -> None:
        """
        Store a verified answer, log its receipt, and move the case. The same answer twice changes nothing.

        Raises ``BadAnswer``, ``Unavailable``.
        """
        answer, receipt, proof, shown = self._checked(row.partner, row.digest, raw)
        context = self._context

        async def unit(tx: Tx) -> bool:
            now = context.clock.now()
            if await _forked(tx, row.partner, shown, proof.checkpoint, now):
                return True
            current = await tx.find_outbound(row.partner, row.id)
            if current is None or current.state in SETTLED:
                if current is not None and (current.status, current.code) != (receipt.status, receipt.code):
                    context.log("answer.differs", partner=row.partner, status=receipt.status, code=receipt.code)
                return False
            await self._note(tx, row.partner, False, now, 0.0)
            if current.answer is not None:
                # Posted again after the partner's restore: what it said then stands, and the case has moved by it.
                await tx.save_outbound(_settled_before(current))
                lost = receipt.status == wire.REFUSED and current.type in cases.HEARD_AT_LAST
                if lost and await anew.said_anew(context, tx, current, now):
                    return False
                if receipt.status != current.status:
                    context.log("answer.differs", partner=row.partner, status=receipt.status, code=receipt.code)
                if found := _difference(current.answer, receipt):
                    await self._add_finding(tx, row, found, now)
                if answer.receipt != wire.parse_stored_answer(current.answer).receipt:
                    tx.draft(Draft(row.partner, row.digest, None, answer.receipt))
                return False
            accepted = receipt.status == wire.ACCEPTED
            state = "receipted" if accepted else "refused"
            stored = wire.serialize_answer(answer)
            settled = current._replace(
                state=state, status=receipt.status, code=receipt.code, answered_at=now, answer=stored
            )
            await tx.save_outbound(settled)
            tx.draft(Draft(row.partner, row.digest, None, answer.receipt))
            if accepted or not await anew.said_anew(context, tx, settled, now):
                await self._tell_case(tx, settled, receipt, now)
            if settled.type == RESYNC and not accepted:
                await self._list_anew(tx, settled, now)
            return False

        if (await context.commit(unit)).value:
            context.log("log.forked", partner=row.partner, digest=row.digest)
            raise BadAnswer("its log shows two trees of one size")
        context.log("message.answered", partner=row.partner, status=receipt.status, code=receipt.code)
        if row.partner in self._lines:
            self._lines[row.partner].changed.set()  # the next number of the thread may leave now

    async def _list_anew(self, tx: Tx, row: OutboundRow, now: datetime) -> None:
        """Make a listing anew that was refused for when it was sent: by a wrong clock, or in an epoch that is over."""
        in_vain = row.code in anew.OUT_OF_TIME or row.epoch != self._context.epoch
        if in_vain and outbox.recipient(self._context, row.partner, now) is not None:
            await listing.queue(self._context, tx, row.partner, now, listing.AGAIN_S)

    async def _add_finding(self, tx: Tx, row: OutboundRow, found: str, now: datetime) -> None:
        """Add a finding to the case of a message of ours, once, as long as anything of the case is kept."""
        case_row = await tx.find_case(row.ref) if row.ref else None
        if case_row is None or case_row.sealed is None:
            return
        held = cases.unseal(self._context, case_row)
        if found not in held.case.findings:
            noted = replace(held.case, findings=(*held.case.findings, found))
            await cases.note(self._context, tx, held, noted, "reckoned", row.partner, now)

    async def _tell_case(self, tx: Tx, row: OutboundRow, receipt: wire.Receipt, now: datetime) -> None:
        if receipt.status == wire.REFUSED:
            await anew.fall_back(self._context, tx, row, {"code": receipt.code, "digest": row.digest}, now)
            return
        case_row = await tx.find_case(row.ref) if row.ref else None
        if case_row is None or case_row.sealed is None:
            return
        held = cases.unseal(self._context, case_row)
        clocks, found = self._reckon(held, row, receipt)
        data = {"clocks": clocks, "findings": found, "digest": row.digest}
        await self._move(tx, held, Event("receipt", row.partner, GATEWAY, data), now)

    def _reckon(
        self, held: cases.Held, row: OutboundRow, receipt: wire.Receipt
    ) -> tuple[tuple[Clock, ...], tuple[str, ...]]:
        """Return the clocks a receipt starts as reckoned here, and a finding where the partner reckons otherwise."""
        case = held.case
        body = self._said(held, row) if row.type in ASKED | STATED else None
        if body is None:
            return (), ()
        country, begin = self._context.country, self._context.reckoner.begin
        pair = (country, case.partner) if case.side is Side.REQUESTING else (case.partner, country)
        stated = starts_of_message(row.type, body)
        clocks = begin(*pair, stated, max(row.queued_at, row.not_before), row.digest, case.clocks)
        asked = starts_of_receipt(row.type, body, issued_before=DOCUMENT in case.said)
        try:
            clocks += begin(*pair, asked, receipt.received_at, row.digest, case.clocks)
        except OverflowError:
            return clocks, (f"the other State says it received at {wire.format_instant(receipt.received_at)}",)
        step = TYPES[row.type].clock_step
        ours = next((clock.due_on for clock in clocks if clock.step == step), None)
        if ours != receipt.due_on:
            return clocks, (f"the other State reckons {receipt.due_on}, we reckon {ours}",)
        return clocks, ()

    def _said(self, held: cases.Held, row: OutboundRow) -> Mapping[str, Any] | None:
        """Return the body of a message of ours, empty where no clock depends on it; ``None`` if it is not kept."""
        if row.type in (REQUEST, CONTEST, ACKNOWLEDGEMENT):
            return {}
        if row.sealed is None:
            return None
        signed = self._context.vault.open(held.key, "outbound", row.id, "sealed", row.sealed)
        body = wire.parse_payload(jws_format.parse(signed, jws_format.TYP_MESSAGE).payload).body
        return body["body"] if held.case.exercise else body

    async def _move(self, tx: Tx, held: cases.Held, event: Event, now: datetime) -> None:
        try:
            await cases.move(self._context, tx, held, event, now)
        except IllegalStep:
            # The receipt is kept either way; a case that is over does not move any more.
            self._context.log("case.unmoved", ref=held.case.ref, step=event.name, state=held.case.state.value)

    # Giving up: a final problem, or a message that expired.

    async def _give_up(self, row: OutboundRow, code: str) -> None:
        context = self._context

        async def unit(tx: Tx) -> None:
            now = context.clock.now()
            current = await tx.find_outbound(row.partner, row.id)
            if current is not None and current.state == "posted":
                await self._undelivered(tx, current, code, now)

        context.log("message.final", partner=row.partner, code=code)
        await context.commit(unit)

    async def hasten(self, now: datetime, *, set_back: bool = False) -> int:
        """
        Let what waits longer than anything ever does be tried now; return how many messages that were.

        A clock that was ahead when a post failed put the next attempt as far ahead. Since it is right again, nothing
        of ours would wait that long. Where it was ``set_back`` while we looked, every wait may be wrong, and ends.
        """
        longest = max(MAX_WAIT_S, HELD_AGAIN_S, self._lease_s)
        latest = now if set_back else now + timedelta(seconds=longest) + wire.SKEW

        async def unit(tx: Tx) -> int:
            for country in self._context.partners if set_back else ():
                partner = await tx.find_partner(country)
                if partner is not None and partner.open_until is not None:
                    await tx.save_partner(partner._replace(open_until=None))
            return await tx.hasten_outbound(now, latest)

        count: int = (await self._context.commit(unit)).value
        return count

    async def expire(self, now: datetime) -> int:
        """
        End as undelivered every message past ``expires_at`` and 300 s; return how many there were.

        Until then the other State may still accept it (M-3.7), so it is not over for us either (M-5.10).
        """

        async def unit(tx: Tx) -> int:
            rows = await tx.expired_outbound(now - wire.SKEW, 500)
            for row in rows:
                await self._undelivered(tx, row, None, now)
            return len(rows)

        committed = await self._context.commit(unit)
        count: int = committed.value
        return count

    async def _undelivered(self, tx: Tx, row: OutboundRow, code: str | None, now: datetime) -> None:
        if row.answer is not None:
            # Answered before it was posted again after a restore: that receipt stands, and nothing ends.
            await tx.save_outbound(_settled_before(row))
            return
        if code is None:
            self._context.log("message.expired", partner=row.partner, type=row.type, ref=row.ref)
        await tx.save_outbound(row._replace(state="undelivered", code=code, answered_at=now))
        case_row = await tx.find_case(row.ref) if row.ref else None
        if case_row is not None and case_row.sealed is not None:
            try:
                held = cases.unseal(self._context, case_row)
                if row.type == WITHDRAWAL and await anew.said_anew(self._context, tx, row, now):
                    return
            except Exception as error:
                # A case that cannot be read does not move; the messages of all others must still come to an end.
                self._context.log("case.fault", ref=row.ref, error=type(error).__name__)
                return
            await self._move(tx, held, Event("undelivered", row.partner, GATEWAY, {"code": code}), now)

    # A partner that has no address of its own collects.

    async def fetch(self, country: str, most: int) -> Sequence[Claimed]:
        """Return up to ``most`` messages that ``country`` fetches now, and may fetch again until it answers."""
        return await self.claim(country, Line(most), collected=True)

    async def waiting(self, country: str, most: int) -> bytes:
        """
        Return up to ``most`` envelopes that wait for ``country``, framed for the reply to ``collect``.

        What does not fit into one reply, or was fetched and not answered, comes again with a later one (M-5.21).
        """
        claimed = await self.fetch(country, most)
        fitting, room = [], envelope.COLLECT_MAX_BYTES
        for item in claimed:
            room -= envelope.LENGTH_BYTES + len(item.envelope)
            if room < 0:
                break
            fitting.append(item.envelope)
        return envelope.serialize_several(fitting)

    async def take_answer(self, raw: bytes) -> None:
        """
        Take an answer a partner posted to us for a message it collected.

        Raises ``PeerError`` if it is none, or is about nothing we sent.
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
        self._context.trust.signing_key(receipt.sender, signed.kid, self._context.clock.now())
        try:
            await self.settle(row, raw)
        except BadAnswer as error:
            raise PeerError(codes.Reason.ANSWER_PROOF) from error


OF_A_RETURN = frozenset({PROPOSAL, ACCEPTANCE, DOCUMENT_REQUEST, DOCUMENT, REISSUE, SCHEDULE, HANDOVER, MONITORING})
"""Types of a return whose body says which rules stand before them."""

STOPPED = frozenset(
    {State.FROZEN.value, State.SUSPENDED.value, State.WITHDRAWN.value, State.BLOCKED.value, State.ERASED.value}
)


OVER = frozenset({State.WITHDRAWN.value, State.BLOCKED.value})
"""States that are over and not stopped: what may follow a withdrawal still leaves."""


def _passes(row: CaseRow, type: str) -> bool:
    """Return whether ``type`` leaves a case that is stopped: what may follow a withdrawal, and word of the stop."""
    if row.state in OVER:
        return type in AFTER_WITHDRAWAL
    # That a return is stopped must reach the other side. A frozen case of the asking side says nothing at all.
    told = row.state == State.SUSPENDED or (row.state == State.FROZEN and row.side == Side.REQUESTED)
    return told and type in (SUSPENSION, RESUMPTION)


_LOOKS = 16
"""Most looks at the outbox for one claim, so that no number of held messages makes a transaction long."""

_EPOCH_DIGITS = 15


def _settled_before(row: OutboundRow) -> OutboundRow:
    """Return a message that was answered before a partner's restore as it stood then."""
    return row._replace(state="receipted" if row.status == wire.ACCEPTED else "refused")


def _difference(stored: bytes, receipt: wire.Receipt) -> str | None:
    """Return what to note if a restored partner says otherwise than in the answer kept of a message (M-5.28)."""
    first = wire.parse_receipt(
        jws_format.parse(wire.parse_stored_answer(stored).receipt, jws_format.TYP_RECEIPT).payload
    )
    if first.status != receipt.status:
        return f"since it was restored the other State says {receipt.status}; its first receipt says {first.status}"
    if (first.start_on, first.due_on) != (receipt.start_on, receipt.due_on):
        return f"since it was restored the other State reckons {receipt.due_on}; its first receipt says {first.due_on}"
    return None


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


def _is_ending() -> bool:
    """Return whether the task that runs is being cancelled: a future below may be cancelled by itself too."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _partners_due(tx: Tx, now: datetime) -> Sequence[str]:
    return await tx.partners_due(now)


async def _ask_until(tx: Tx, country: str, until: datetime, now: datetime) -> None:
    """Keep until when a partner asked for nothing more (``Retry-After``), the latest of what it asked."""
    if until > await _asked_until(tx, country, now):
        await tx.set_meta(_ASKED + country, until.isoformat())


async def _asked_until(tx: Tx, country: str, now: datetime) -> datetime:
    """Return until when a partner asked for nothing more, ``now`` at the earliest."""
    text = await tx.get_meta(_ASKED + country)
    until = datetime.fromisoformat(text) if text else now
    # No wait is longer: an end beyond that was set by a clock that was ahead.
    return until if now < until <= now + timedelta(seconds=MAX_WAIT_S) else now


_ASKED = "asked_until:"
"""Name, before the partner's code, of the instant until which it asked for nothing more."""


async def _forked(tx: Tx, country: str, shown: Checkpoint, note: str, now: datetime) -> bool:
    """
    Return whether a partner's log contradicts the largest checkpoint it showed before (M-7.5); keep what was ``shown``.

    Two roots for one size are two histories, and both signed notes are kept as evidence. A smaller tree is an older
    answer; that each continues the other ``gateway.services.witness`` has proved later, away from any message.
    """
    name = answered_name(shown.origin)
    held = await tx.get_meta(name)
    if held == note:
        return False  # as all answers of one batch
    known = checkpoint.parse_checkpoint(checkpoint.parse_note(held).text) if held else None
    if held is None or known is None or shown.size > known.size:
        await tx.set_meta(name, note)
        return False
    if shown.size < known.size or shown.root == known.root:
        return False
    await tx.save_conflict(ConflictRow(0, shown.origin, Conflict.FORK, now, country, held, note, ()))
    return True


def _entered(answer: wire.Answer, proof: Proof, origin: str, card: Card) -> Checkpoint:
    """Return the checkpoint that ``proof`` leads to under any log key of the card. Raises ``BadProof``."""
    failure = BadProof("the card lists no log key")
    for entry in card.log:
        try:
            return checkpoint.verify_entry(answer.receipt, answer.r, proof, origin, entry.key)
        except BadProof as error:
            failure = error
    raise failure
