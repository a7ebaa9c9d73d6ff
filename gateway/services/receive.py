"""
What happens to an envelope: every check of ``docs/protocol.md`` section 5 in its order, then one transaction.

``gateway.services.envelopes`` does those that need nothing stored, ``_decide`` those that do, and
``gateway.services.judge`` the last of them with the step itself. An envelope already answered gets its stored answer
whatever has become of keys and cards since.
"""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from gateway.core import checkpoint, codes, envelope, wire
from gateway.core.case import Side
from gateway.core.codes import PeerError, Reason
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    COLLECT,
    DIRECTORY,
    RESYNC,
    TYPES,
    WITHDRAWAL,
)
from gateway.core.wire import Payload
from gateway.services import epochs, listing, outage, tree
from gateway.services.context import Context
from gateway.services.daily import Daily, is_over
from gateway.services.envelopes import Opened, open_envelope
from gateway.services.judge import Judge, Verdict
from gateway.services.ports import Conflict, Draft, Tx, Unavailable
from gateway.services.rows import InboundRow, ThreadRow
from gateway.services.shares import Shares
from keys import jws as jws_format
from keys.errors import BadJws, BadRest
from schemas import ijson

ANSWER_GRACE_S = 300
"""How long after ``expires_at`` the stored answer is given again; the same span as clocks may differ."""

_BY_OUR_CLOCK = frozenset({Reason.TIME_FUTURE, Reason.TIME_EXPIRED})
"""What is found wrong with the times of a message by our own clock alone."""

FETCHES_NOT, FETCHES_ON = timedelta(days=1), timedelta(days=7)
"""After how long without fetching a State begins to, and how often it is told that it goes on."""

_TRIES = 3


_NO_TYPE = "unknown"
"""What stands for a type that this version does not know: 48 letters of its sender's choice, which may be a name."""


_MAY_BE_KNOWN = frozenset({"unknown-key", "cannot-open", "unknown-signer", "hold", "later"})
"""Codes that say something of us today; an envelope answered earlier still gets the answer it got (5.1, step 4)."""


class Reply(NamedTuple):
    """What goes back over HTTP: status, media type, body, and Retry-After in seconds for a transient problem."""

    status: int
    media_type: str
    body: bytes
    retry_after_s: int | None = None


def problem(error: PeerError) -> Reply:
    """Return the problem document for ``error``; the partner learns the code and nothing else."""
    code = error.code
    retry = {"later": 5, "rate": 30, "hold": 900, "unknown-key": 900, "unknown-signer": 900, "out-of-order": 2}
    return Reply(code.status, codes.PROBLEM_MEDIA_TYPE, codes.problem(code.code), retry.get(code.code))


class Receiver:
    """The receiving side of one gateway."""

    def __init__(
        self,
        context: Context,
        on_collect: Callable[[str, int], Awaitable[bytes]],
        on_resync: Callable[[Tx, Payload, datetime], Awaitable[None]],
        on_directory: Callable[[Tx, Payload, bytes], Awaitable[None]],
        on_information: Callable[[Tx, ThreadRow, Payload, datetime], Awaitable[str]],
    ) -> None:
        """
        ``on_collect(country, max)`` returns waiting envelopes, framed; ``on_resync`` takes a partner's listing, and
        ``on_directory`` what it announces of itself, with its signed bytes. ``on_information`` takes what is about no
        person, and returns what its thread stands under in place of a case.
        """
        self._context = context
        self._on_collect = on_collect
        self._on_resync = on_resync
        self._on_directory = on_directory
        self._judge = Judge(context, on_information)
        self._shares = Shares()
        self.daily = Daily(context.policy.messages_a_day, context.policy.mebibytes_a_day)
        self._fetched: dict[str, tuple[datetime, datetime]] = {}
        """When a State fetched last what we post to it, and when that was told last."""
        self._ahead: dict[str, date] = {}
        """On which day it was told last of a State that goes by what nobody took or said here."""

    async def receive(self, raw: bytes) -> Reply:
        """
        Take in the envelope ``raw`` and return what to answer; never raises for anything a partner can send.

        What is answered with 200 is durable before it is returned.
        """
        return await self._taken(raw, collecting=False)

    async def collect(self, raw: bytes) -> Reply:
        """Answer a sealed ``collect`` message with the envelopes that wait for its sender (protocol 5.6)."""
        return await self._taken(raw, collecting=True)

    async def _taken(self, raw: bytes, *, collecting: bool) -> Reply:
        now = self._context.clock.now()
        envelope_id = envelope.envelope_id(raw)
        try:
            opened = await self._opened(raw, envelope_id, now, collecting=collecting)
            if isinstance(opened, Reason):
                stored = await self._stored(envelope_id, now) if codes.outward(opened).code in _MAY_BE_KNOWN else None
                if stored is None:
                    raise PeerError(opened)
                return self._answer(stored)
            answer = await self._settle(opened, now)
            if answer is not None:
                return self._answer(answer)
            if not collecting:
                raise Conflict("a message was stored without an answer")
            self._tell_fetched(opened.payload.sender, now)
            body = await self._on_collect(opened.payload.sender, opened.payload.body["max"])
            return Reply(200, envelope.MEDIA_TYPE_SEVERAL, body)
        except PeerError as error:
            self._context.log("message.refused", code=error.code.code, reason=str(error.reason))
            return problem(error)
        except Unavailable as error:
            self._context.unavailable(error)
            return problem(PeerError(Reason.STORE_UNAVAILABLE))
        except BadRest as error:
            # What is kept of this one case cannot be read. Its sender tries again; nobody else waits for it.
            self._context.log("message.fault", error=type(error).__name__)
            return problem(PeerError(Reason.STORE_UNAVAILABLE))

    async def _opened(self, raw: bytes, envelope_id: bytes, now: datetime, *, collecting: bool) -> Opened | Reason:
        """Return the message, or why it is none; of the error, and of all that was read before it, nothing stays."""
        try:
            return await open_envelope(self._context, raw, envelope_id, now, collecting=collecting)
        except PeerError as error:
            return error.reason

    # The checks that need what is stored, and the decision.

    async def _settle(self, opened: Opened, now: datetime) -> bytes | None:
        """
        Decide on the message and return its answer once that is durable; ``None`` for a collect to be served.

        Raises ``PeerError``: ``later`` while its sender has its share under way, ``rate`` once it left here what it may
        in a day.
        """
        payload, is_new = opened.payload, False
        fault: Reason | None = None

        async def unit(tx: Tx) -> bytes | None:
            nonlocal is_new, fault
            first, known = await _came_before(tx, payload)
            is_new = known is None
            if known is not None:
                return await self._known(tx, known, opened, now)
            fault = (await self._decide(tx, opened, first, now)).reason
            return None

        sender = payload.sender
        with self._shares.of(sender):
            if self.daily.is_full(payload, now):
                # No transaction is spent on it: one in which anything is refused so is run a second time.
                _, known = await self._context.store.read(partial(_came_before, payload=payload))
                if known is None:
                    raise PeerError(Reason.SENDER_DAY)
            try:
                answer = await self._committed(unit, sender)
            except PeerError as error:
                if error.reason is Reason.SEQ_GAP:
                    await self._tell_ahead(payload)
                raise
        if is_new:  # once it is kept: as many more as a State may have under way can pass the bound
            self.daily.count(payload, len(opened.signed), now)
        if is_new and fault is not None:
            self._tell_refused(sender, fault)
        if is_new and fault is Reason.STEP_THREAD_UNKNOWN and TYPES[payload.type].sender == Side.REQUESTED:
            await self._tell_ahead(payload)
        if self.daily.is_busy_now(payload, now):
            self._context.log("partner.busy", partner=sender, **({"code": "over"} if is_over(payload, now) else {}))
        return answer

    def _tell_refused(self, sender: str, fault: Reason) -> None:
        """Tell, by the code that ``sender`` gets, what was refused for good; whoever runs a clock that is late too."""
        self._context.log("message.refused", partner=sender, code=codes.outward(fault).code)
        if fault is Reason.TIME_FUTURE:
            self._context.clocks_are_apart(sender, "behind")

    async def _tell_ahead(self, payload: Payload) -> None:
        """
        Tell once a day of a State that goes by what nobody took or said here, if no restore of ours explains that.

        It posts a number once it has a receipt for the one before (M-5.6), and answers what it was asked. So somebody
        may sign in our name, and take our mail.
        """
        today = self._context.clock.now().date()
        if self._ahead.get(payload.sender) == today:
            return  # it is posted again and again

        async def is_explained(tx: Tx) -> bool:
            restored = await tx.find_meta(listing.RESTORED_AT)
            thread = await tx.find_thread(payload.sender, payload.thread or "") if restored else None
            last = await tx.find_inbound(payload.sender, thread.in_digest or "") if thread else None
            return restored is not None and (last is None or last.received_at <= datetime.fromisoformat(restored))

        if not await self._context.store.read(is_explained):
            self._ahead[payload.sender] = today
            self._context.log("partner.ahead", partner=payload.sender, seq=payload.seq)

    def _tell_fetched(self, country: str, now: datetime) -> None:
        """
        Tell of a State that fetches what we post to it: somebody else may do so with its keys.

        As it begins, which is after a day without, and once a week while it goes on: it may be rightful.
        """
        if self._context.partners[country].transmission == "pull" or not self._context.trust.card(country).addresses:
            return
        last, told = self._fetched.get(country, (None, now))
        if last is None or abs(now - last) > FETCHES_NOT or abs(now - told) >= FETCHES_ON:
            self._context.log("partner.fetches", partner=country)
            told = now
        self._fetched[country] = now, told

    async def _committed(self, unit: Callable[[Tx], Awaitable[bytes | None]], partner: str = "") -> bytes | None:
        """Return the answer that ``unit`` drafted, once it is signed, or else what it returned."""
        for _ in range(_TRIES):
            try:
                committed = await self._context.commit(unit, partner)
            except Conflict:
                continue  # a twin of this message was in the same batch; the next look finds its answer
            answer: bytes | None = committed.answer if committed.answer is not None else committed.value
            return answer
        raise PeerError(Reason.STORE_CONFLICT)

    def _answer(self, answer: bytes) -> Reply:
        return Reply(200, wire.ANSWER_MEDIA_TYPE, wire.pad_answer(answer))

    async def _stored(self, envelope_id: bytes, now: datetime) -> bytes | None:
        """Return the stored answer of an envelope that was answered before, or ``None`` if it never was."""

        async def unit(tx: Tx) -> bytes | None:
            row = await tx.find_inbound_by_envelope(envelope_id)
            # A collect that was accepted has no answer to give, and is no message to whom it may not be served now.
            served = row is not None and row.type == COLLECT and row.status == wire.ACCEPTED and row.answer is None
            return await self._again(tx, row, now) if row and not served else None

        return await self._committed(unit)

    async def _again(self, tx: Tx, row: InboundRow, now: datetime) -> bytes | None:
        """Return the answer kept for ``row``; where it is given no more, draft another and return ``None``."""
        over = now > row.expires_at + timedelta(seconds=ANSWER_GRACE_S)
        stands = not over or self._context.doubts(now) is not None
        receipt = None if row.answer is None else _receipt_in(row.answer)
        if spoiled := row.answer is not None and receipt is None:
            receipt = await self._logged(tx, row)
        if receipt is not None and (stands or _says_expired(receipt)):
            if not spoiled and not self._is_doubted(receipt):
                return row.answer
            # No partner takes a receipt by such a key, so the same is said again under the key in use.
            tx.draft(Draft(row.partner, row.digest, receipt.payload, None))
            return None
        if over:
            # Also while the answer has not been purged yet: when that happens is nothing for a partner to see.
            told = await self._told_expired(tx, row)
            if told is not None:
                return told
            self._draft(tx, row.partner, row.digest, Verdict(Reason.ANSWER_PURGED), now)
        elif row.type == COLLECT and row.status == wire.ACCEPTED:
            # It counts once: a replay would learn whether messages wait.
            self._draft(tx, row.partner, row.digest, Verdict(Reason.ID_REUSED), now)
        else:
            raise Conflict("the same message stands in this batch; its answer is not signed yet")
        if row.type == COLLECT and row.code is None:
            # A log tells of it from here on, so it stays: ``purge_collects`` goes by that.
            await tx.save_inbound(row._replace(code=codes.outward(Reason.ID_REUSED).code))
        return None

    async def _logged(self, tx: Tx, row: InboundRow) -> jws_format.Jws | None:
        """Return our receipt for ``row`` as our log has it, where the answer itself cannot be read any more."""
        self._context.log("message.fault", partner=row.partner, type=row.type, error=wire.BadAnswer.__name__)
        entry = await tx.find_log_entry(row.partner, "issued", row.digest)
        return jws_format.parse(entry.receipt, jws_format.TYP_RECEIPT) if entry is not None else None

    async def _told_expired(self, tx: Tx, row: InboundRow) -> bytes | None:
        """
        Return the answer that a message is over as our log has it, under its last checkpoint; ``None`` if it has none.

        It is entered once (M-5.18), also where the answer itself was purged: whoever recorded what passes, without a
        key of anybody, may post all of it again each hour, and a log loses nothing.
        """
        entry, head = await tx.find_log_entry(row.partner, "issued", row.digest), await tx.log_head(row.partner)
        if entry is None or head is None or entry.origin != head.origin:
            return None
        receipt = jws_format.parse(entry.receipt, jws_format.TYP_RECEIPT)
        if not _says_expired(receipt) or self._is_doubted(receipt):
            return None
        path = await tree.inclusion(tx, head.origin, entry.index, head.frontier.size)
        proof = checkpoint.proof_text(entry.index, path, head.checkpoint)
        return wire.serialize_answer(wire.Answer(entry.receipt, entry.r, proof))

    def _is_doubted(self, receipt: jws_format.Jws) -> bool:
        """
        Return whether the key of a receipt of ours was revoked since, or left our card while the key in use may do.

        That one may if it is listed for the instant of the receipt; no partner goes by another (M-5.17).
        """
        context, at = self._context, wire.parse_receipt(receipt.payload).received_at
        if context.vouches_for(receipt.kid, at):
            return False
        return context.is_revoked(receipt.kid) or context.vouches_for(context.keyring.signing.kid, at)

    async def _known(self, tx: Tx, known: InboundRow, opened: Opened, now: datetime) -> bytes | None:
        """Return the answer that a message got before, ``None`` where it is signed anew."""
        if known.kid != opened.kid:
            # Whoever has either key can read it; ``gateway.services.exposure`` asks.
            await tx.add_inbound_again(known.partner, known.digest, opened.kid)
        return await self._again(tx, known, now)

    async def _decide(self, tx: Tx, opened: Opened, first: InboundRow | None, now: datetime) -> Verdict:
        """Decide on a message that did not come before; ``first`` is another one that has its id."""
        payload = opened.payload
        await self._check_card(tx, payload.sender)
        # A higher epoch and a gap raise before anything is refused: a refusal uses up a number for its sender, and for
        # us only the next one of an epoch whose card is here. A restore may have set us back unknown to the sender.
        behind = self._epoch_fault(payload)
        fault = self._unless_ours_leapt(wire.times_findings(payload, now), now)
        if fault is None and first is not None:
            fault = Reason.ID_REUSED
        if payload.thread is None:
            return await self._channel(tx, opened, fault or behind, now)
        thread = await tx.find_thread(payload.sender, payload.thread)
        thread = thread or ThreadRow(payload.sender, payload.thread, None)
        order = behind or self._order_fault(thread, payload, await self._withdrawn(tx, thread))
        if fault := fault or order:
            return await self._advance(tx, thread, opened, Verdict(fault), now)
        return await self._advance(tx, thread, opened, await self._judge.verdict(tx, thread, opened, now), now)

    async def _withdrawn(self, tx: Tx, thread: ThreadRow) -> bool:
        """Return whether the sender withdrew the thread; a withdrawal of ours ends only what we send."""
        if thread.ended != "withdrawn":
            return False
        case = await tx.find_case(thread.ref) if thread.ref else None
        return case is None or case.side == Side.REQUESTED.value

    async def _check_card(self, tx: Tx, sender: str) -> None:
        """
        Raise if another process put ``sender`` on hold, or took another card of it than ours.

        By that a key may be revoked, or an epoch begun: that process lists what came before its card, and nothing of
        the old epoch is taken behind its back (M-5.28). Both are transient: what is here follows within seconds.
        """
        partner = await tx.find_partner(sender, held=False)
        if partner is not None and partner.hold is not None:
            raise PeerError(Reason.HOLD_CARD)
        if await epochs.current(tx, sender) not in (None, self._context.trust.card(sender).epoch):
            raise PeerError(Reason.EPOCH_AHEAD)
        if partner is not None and partner.card not in (None, self._context.trust.card(sender).raw):
            raise PeerError(Reason.CARD_STALE)

    def _is_of_today(self, payload: Payload) -> bool:
        """Return whether the payload is of the epoch that its sender's card announces."""
        return payload.epoch == self._context.trust.card(payload.sender).epoch

    def _unless_ours_leapt(self, fault: Reason | None, now: datetime) -> Reason | None:
        """
        Return ``fault``; raise for one that our own clock found, if that leapt (transient, M-3.7).

        A refusal is for good, and dated by that clock: who sent the message may not even take it (M-5.17).
        """
        if fault in _BY_OUR_CLOCK and self._context.doubts(now) is not None:
            raise PeerError(Reason.CLOCK_LEAPT)
        return fault

    def _epoch_fault(self, payload: Payload) -> Reason | None:
        """Return why the epoch is refused; raises for one whose card is still on its way (transient, M-5.8)."""
        announced = self._context.trust.card(payload.sender).epoch
        if payload.epoch > announced:
            raise PeerError(Reason.EPOCH_AHEAD)
        return Reason.EPOCH_BEHIND if payload.epoch < announced else None

    def _order_fault(self, thread: ThreadRow, payload: Payload, withdrawn: bool) -> Reason | None:
        """Return why the number cannot be taken, ``None`` if it is the next; raises for a gap (transient)."""
        seq, last = payload.seq or 0, _last(thread, payload)
        if withdrawn and (payload.type not in (WITHDRAWAL, *AFTER_WITHDRAWAL) or seq <= last):
            return Reason.SEQ_CLOSED
        if seq <= last:
            return Reason.SEQ_REUSED
        if seq > last + 1 and payload.type != WITHDRAWAL:
            raise PeerError(Reason.SEQ_GAP)
        return None

    async def _channel(self, tx: Tx, opened: Opened, fault: Reason | None, now: datetime) -> Verdict:
        """Take in a message that belongs to the channel and to no case, unless an earlier check found a ``fault``."""
        payload = opened.payload
        if fault is None and payload.type not in ((COLLECT,) if opened.collecting else (DIRECTORY, RESYNC)):
            fault = Reason.TYPE_UNKNOWN
        fault = fault or opened.schema_fault
        if fault is None and opened.collecting:
            await tx.add_inbound(_row(opened, Verdict(None), now))  # no receipt: what waits is the answer
            if self._context.trust.card(payload.sender).addresses:
                await outage.note_fetch(tx, payload.sender, now)
            return Verdict(None)
        if fault is None and payload.type == RESYNC:
            await self._on_resync(tx, payload, now)
        elif fault is None:
            try:
                await self._on_directory(tx, payload, opened.signed)
            except PeerError as error:
                fault = error.reason
        return await self._record(tx, opened, Verdict(fault), now)

    async def _advance(self, tx: Tx, thread: ThreadRow, opened: Opened, verdict: Verdict, now: datetime) -> Verdict:
        """Record the verdict, and use up the number: of an accepted message, and of a refused one that is the next."""
        payload = opened.payload
        accepted = verdict.reason is None
        if accepted or (payload.seq == _last(thread, payload) + 1 and self._is_of_today(payload)):
            # Effects of the step may have changed the row: read it again before writing our part of it.
            latest = thread
            if thread.ref is not None or thread.ended is not None:
                latest = await tx.find_thread(thread.partner, thread.thread) or thread
            await tx.save_thread(
                latest._replace(
                    ref=latest.ref or verdict.ref,
                    in_epoch=payload.epoch,
                    in_seq=payload.seq or 0,
                    in_digest=payload.digest if accepted else latest.in_digest,
                    seen=payload.digest if accepted else latest.seen,
                    ended="withdrawn" if accepted and payload.type == WITHDRAWAL else latest.ended,
                )
            )
        return await self._record(tx, opened, verdict, now)

    async def _record(self, tx: Tx, opened: Opened, verdict: Verdict, now: datetime) -> Verdict:
        await tx.add_inbound(_row(opened, verdict, now))
        self._draft(tx, opened.payload.sender, opened.payload.digest, verdict, now)
        return verdict

    def _draft(self, tx: Tx, partner: str, digest: str, verdict: Verdict, now: datetime) -> None:
        accepted = verdict.reason is None
        receipt = wire.Receipt(
            sender=self._context.country,
            recipient=partner,
            payload=digest,
            status=wire.ACCEPTED if accepted else wire.REFUSED,
            code=None if verdict.reason is None else codes.outward(verdict.reason).code,
            received_at=now,
            start_on=verdict.start_on,
            due_on=verdict.due_on,
        )
        tx.draft(Draft(partner, digest, wire.serialize_receipt(receipt), None))


async def _came_before(tx: Tx, payload: Payload) -> tuple[InboundRow | None, InboundRow | None]:
    """
    Return the row of the first message that had this id, and that of this very message, if they came.

    The digest covers the id, so one that came is found by its id, and one look is enough for a new one.
    """
    first = await tx.find_inbound_by_id(payload.sender, payload.id)
    if first is None or first.digest == payload.digest:
        return first, first
    return first, await tx.find_inbound(payload.sender, payload.digest)


def _last(thread: ThreadRow, payload: Payload) -> int:
    """Return the last number of the payload's epoch that was used in the thread."""
    return thread.in_seq if payload.epoch == thread.in_epoch else 0


def _receipt_in(answer: bytes) -> jws_format.Jws | None:
    """Return the receipt in a stored answer, ``None`` if that cannot be read any more."""
    try:
        receipt = jws_format.parse(wire.parse_stored_answer(answer).receipt, jws_format.TYP_RECEIPT)
        wire.parse_receipt(receipt.payload)
    except (PeerError, BadJws, ijson.BadJson):
        return None
    return receipt


def _says_expired(receipt: jws_format.Jws) -> bool:
    """Return whether a receipt of ours is the refusal ``expired`` itself."""
    return wire.parse_receipt(receipt.payload).code == codes.outward(Reason.ANSWER_PURGED).code


def _row(opened: Opened, verdict: Verdict, now: datetime) -> InboundRow:
    """Return what is kept in clear of a message; of a refused one nothing that its sender wrote freely (M-5.4)."""
    payload = opened.payload
    return InboundRow(
        partner=payload.sender,
        id=payload.id,
        digest=payload.digest,
        envelope_id=opened.envelope_id,
        thread=payload.thread,
        epoch=payload.epoch,
        seq=payload.seq,
        type=payload.type if payload.type in TYPES else _NO_TYPE,
        status=wire.ACCEPTED if verdict.reason is None else wire.REFUSED,
        code=None if verdict.reason is None else codes.outward(verdict.reason).code,
        received_at=now,
        expires_at=payload.expires_at,
        ref=verdict.ref,
        answer=None,
        sealed=verdict.sealed,
        kid=opened.kid,
    )
