"""
What comes back for a message: an answer that is checked, stored, logged, and moves the case.

Rule 1: an answer counts once everything in it verifies, and the first one stands; the same one again changes nothing.
Rule 2: one that was under way over the partner's restore says what it knew before it. It is kept, and the message is
posted again for all that: the partner may have forgotten it.
Rule 3: a log that shows two trees of one size is kept as evidence, and its answer is none.
"""

from datetime import datetime, timedelta

from gateway.core import checkpoint, wire
from gateway.core.checkpoint import Checkpoint, Proof
from gateway.core.clocks import Clock
from gateway.core.codes import PeerError
from gateway.core.cosign import Conflict
from gateway.core.machine import Event
from gateway.core.merkle import BadProof
from gateway.core.messages import DOCUMENT, RESUMPTION, RESYNC, TYPES
from gateway.core.starts import ASKED, STATED, counted_from, starts_of_message, starts_of_receipt
from gateway.core.verification import GATEWAY
from gateway.services import anew, cases, channel, epochs, listing, outage, passed_over, resync, steps, threads
from gateway.services.context import Context
from gateway.services.ports import Draft, Tx
from gateway.services.reckon import RECKONS_OTHERWISE
from gateway.services.rows import OutboundRow
from gateway.services.shown import find_note, largest_name, last_name
from gateway.services.witness import keep
from keys import jws as jws_format
from keys.card import Card
from keys.errors import BadJws, BadSignature, UnknownKey
from schemas import ijson

RECEIVED_AT = "the other State says it received at %(at)s"
"""Finding on a case whose receipt names an instant that cannot be."""

NO_CALENDAR = "no calendar here knows the days for %(step)s"
"""Finding on a case of which a time cannot be reckoned."""

GOES_BY_IT = "since it was restored the other State goes by a message of ours that it had refused; ask it"
SAYS_OTHERWISE = "since it was restored the other State says %(receipt)s; its first receipt says %(first_receipt)s"
RECKONS_ANEW = "since it was restored the other State reckons %(day)s; its first receipt says %(first_day)s"
"""Findings on a case whose partner came back from a restore and says otherwise (M-5.28)."""

_EPOCH_DIGITS = 15


class BadAnswer(Exception):
    """What came back does not verify; the message is posted again, and the stored answer asked for."""


class Answers:
    """What one gateway makes of the answers to its messages."""

    def __init__(self, context: Context) -> None:
        """Take the answers to what stands in the outbox of ``context``."""
        self._context = context

    def verify(self, partner: str, digest: str, raw: bytes) -> tuple[wire.Answer, wire.Receipt]:
        """
        Check an answer: receipt signature and content, log opening, proof and checkpoint (protocol sections 5 and 7).

        Raises ``BadAnswer``.
        """
        return self._checked(partner, digest, raw)[:2]

    def _checked(
        self, partner: str, digest: str, raw: bytes
    ) -> tuple[wire.Answer, wire.Receipt, Proof, Checkpoint, Card]:
        context = self._context
        try:
            answer = wire.parse_answer(raw)
            signed = jws_format.parse(answer.receipt, jws_format.TYP_RECEIPT)
            receipt = wire.parse_receipt(signed.payload)
            card = context.trust.card(partner)
            signed.verify(card.receipt_key(signed.kid, receipt.received_at, context.clock.now()))
            proof = checkpoint.parse_proof(answer.proof)
            shown = entered(answer, proof, self._origin(partner, card.epoch, proof), card)
        except (PeerError, BadJws, BadSignature, BadProof, UnknownKey, ijson.BadJson, ValueError) as error:
            raise BadAnswer(str(error)) from error
        if (receipt.sender, receipt.recipient) != (partner, context.country) or (digest and receipt.payload != digest):
            raise BadAnswer("the receipt is about another message")
        return answer, receipt, proof, shown, card

    def _origin(self, partner: str, epoch: int, proof: Proof) -> str:
        """
        Return the origin the proof must have: of the partner's epoch, or of an earlier one that the proof names.

        A restored partner gives the answer it stored before, from the log of that time; its log key has not changed.
        Whether that log was over when the message was made, ``settle`` looks at.
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
        answer, receipt, proof, shown, card = self._checked(row.partner, row.digest, raw)
        context, stored = self._context, wire.without_padding(raw)

        async def unit(tx: Tx) -> bool:
            now = context.clock.now()
            partner = await tx.find_partner(row.partner, held=False)
            # By another process, of which the card in memory does not know yet.
            if partner is not None and partner.hold is not None:
                raise BadAnswer("the State is on hold")
            if partner is not None and partner.card not in (None, card.raw):
                raise BadAnswer("there is another card of the State")
            if _epoch(shown.origin) < await epochs.earliest(tx, row.partner, row.queued_at):
                # Told, and not refused: where a clock was wrong an honest answer looks so too, and must not be lost.
                context.log("log.uncompared", partner=row.partner, count=1)
            if await _forked(context, tx, row, shown, proof.checkpoint, now):
                return True
            current = await tx.find_outbound_again(row)
            if current is None or current.state in passed_over.DONE:
                if current is not None and (current.status, current.code) != (receipt.status, receipt.code):
                    context.log("answer.differs", partner=row.partner, status=receipt.status, code=receipt.code)
                return False
            await outage.note(context, tx, row.partner, False, now, 0.0)
            late = row.attempts < current.attempts and await resync.is_past(tx, row.partner, _epoch(shown.origin))
            if late and current.answer is not None:
                return False
            if current.answer is not None:
                # Posted again after the partner's restore: what it said then stands, and the case has moved by it.
                await self._take_again(tx, current, stored, answer, receipt, now)
                return False
            settled = await self._take_first(tx, current, answer.receipt, stored, receipt, now)
            if settled is not None and late:
                await resync.go_on(tx, settled, current.next_try_at)
            return False

        if (await context.commit(unit, row.partner)).value:
            context.log("log.forked", partner=row.partner, digest=row.digest)
            raise BadAnswer("its log shows two trees of one size")
        context.log("message.answered", partner=row.partner, status=receipt.status, code=receipt.code)
        self._compare_clocks(row, receipt)

    def _compare_clocks(self, row: OutboundRow, receipt: wire.Receipt) -> None:
        """
        Tell where the partner's clock shows so another time than ours that one of the two refuses messages (``stale``).

        It signs when a message came: not before that waited here, nor after its answer was here. An answer that was
        stored and is given again says the same.
        """
        if receipt.received_at < row.queued_at - wire.SKEW:
            ours = "ahead"
        elif receipt.received_at > self._context.clock.now() + wire.SKEW:
            ours = "behind"
        else:
            return
        self._context.clocks_are_apart(row.partner, ours)

    async def _take_first(
        self, tx: Tx, row: OutboundRow, signed: bytes, stored: bytes, receipt: wire.Receipt, now: datetime
    ) -> OutboundRow | None:
        """
        Store the first answer to a message and move its case; return the row, ``None`` where the message waits.

        ``signed`` is the ``receipt`` as it was signed, ``stored`` the whole answer.
        """
        accepted = receipt.status == wire.ACCEPTED
        if not accepted and await anew.waits(self._context, tx, row, now):
            await tx.save_outbound(row._replace(next_try_at=now + timedelta(seconds=listing.AGAIN_S)))
            return None
        state = "receipted" if accepted else "refused"
        settled = row._replace(state=state, status=receipt.status, code=receipt.code, answered_at=now, answer=stored)
        if accepted and row.type == RESYNC:
            settled = settled._replace(envelope=None, sealed=None)  # it is made anew, and never posted again
        await tx.save_outbound(settled)
        tx.draft(Draft(row.partner, row.digest, None, signed))
        if accepted or not await anew.refused(self._context, tx, settled, receipt.received_at, now):
            await self._tell_case(tx, settled, receipt, now)
        if settled.type == RESYNC and (accepted or not await self._list_anew(tx, settled, now)):
            await listing.go_on(self._context, tx, row.partner, now)
        return settled

    async def _take_again(
        self, tx: Tx, row: OutboundRow, stored: bytes, answer: wire.Answer, receipt: wire.Receipt, now: datetime
    ) -> None:
        """
        Note what a restored partner says of a message that it had answered before (M-5.28).

        Where what it said then cannot be read any more, or fell with its key, the ``stored`` form of this answer is
        kept in its place.
        """
        context, first = self._context, threads.find_receipt(row)
        stands = first is not None and not self._replaces(row.partner, *first, answer.receipt, now)
        await tx.save_outbound(passed_over.settled_before(row if stands else row._replace(answer=stored)))
        if receipt.status == wire.REFUSED and await anew.has_to_be_heard(context, tx, row, now):
            if not await anew.said_anew(context, tx, row._replace(code=receipt.code), now):
                await channel.note_untaken(tx, row, now)
        elif receipt.code == "illegal-step" and row.type == RESUMPTION:
            await anew.tell_otherwise(context, tx, row, now)  # it holds still what goes on here
        if receipt.status != row.status:
            context.log("answer.differs", partner=row.partner, status=receipt.status, code=receipt.code)
        filled = receipt.code in anew.OUT_OF_TIME and await passed_over.is_filled(tx, row)
        if found := passed_over.LOST_THERE if filled else _difference(row, first and first[1], receipt):
            await add_finding(context, tx, row, found, now)
        if (row.status, receipt.status) == (wire.REFUSED, wire.ACCEPTED):
            await anew.take_back(context, tx, row, now)
        if first is None or answer.receipt != first[0]:
            tx.draft(Draft(row.partner, row.digest, None, answer.receipt))

    def _replaces(self, partner: str, signed: bytes, first: wire.Receipt, anew: bytes, now: datetime) -> bool:
        """
        Return whether ``anew`` proves more than the ``first`` receipt, ``signed`` by a key that counts no more.

        So it does by the very same words, and by other ones of the same outcome where the first fell (M-8.3): a State
        that forgot the message signs those of before no more. What comes with it alone proves that the other State's
        log holds a receipt that stands (evidence).
        """
        old, new = (jws_format.parse(raw, jws_format.TYP_RECEIPT) for raw in (signed, anew))
        try:
            self._context.trust.card(partner).receipt_key(old.kid, first.received_at, now)
        except UnknownKey:
            said, since = wire.parse_receipt(new.payload), self._context.trust.revoked(partner).get(old.kid)
            fell = since is not None and first.received_at >= since
            return old.payload == new.payload or (fell and (said.status, said.code) == (first.status, first.code))
        return False

    async def _list_anew(self, tx: Tx, row: OutboundRow, now: datetime) -> bool:
        """
        Make a listing anew that was refused for when it was sent: by a wrong clock, or in an epoch that is over.

        Returns whether it was refused so.
        """
        in_vain = row.code in anew.OUT_OF_TIME or row.epoch != self._context.epoch
        if in_vain:
            await listing.queue(self._context, tx, row.partner, now, listing.AGAIN_S)
        return in_vain

    async def _tell_case(self, tx: Tx, row: OutboundRow, receipt: wire.Receipt, now: datetime) -> None:
        if receipt.status == wire.REFUSED:
            await channel.note_untaken(tx, row, now)
            await anew.fall_back(self._context, tx, row, {"code": receipt.code, "digest": row.digest}, now)
            return
        held = cases.readable(self._context, await tx.find_case(row.ref) if row.ref else None)
        if held is None:
            return  # what was answered stands, whatever became of the case
        clocks, found = self._reckon(held, row, receipt, now)
        data = {"clocks": clocks, "findings": found, "digest": row.digest}
        await steps.tell(self._context, tx, held, Event("receipt", row.partner, GATEWAY, data), now)

    def _reckon(
        self, held: cases.Held, row: OutboundRow, receipt: wire.Receipt, now: datetime
    ) -> tuple[tuple[Clock, ...], tuple[str, ...]]:
        """Return the clocks a receipt starts as reckoned here, and what to note of the instant and days it names."""
        case, made_at = held.case, max(row.queued_at, row.not_before)
        at, found = counted_from(receipt.received_at, made_at, now), []
        if at != receipt.received_at:
            found.append(RECEIVED_AT % {"at": wire.format_instant(receipt.received_at)})
        body = threads.find_said(self._context, held, row) if row.type in ASKED | STATED else None
        if body is None:
            return (), tuple(found)
        reckoner, pair = self._context.reckoner, case.sides(self._context.country)
        clocks = reckoner.begin(*pair, starts_of_message(row.type, body), made_at, row.digest, case.clocks)
        # A document may have crossed the request, or come before this receipt: who issues them knows which was first.
        issued = DOCUMENT in case.said and receipt.due_on is None
        asked = starts_of_receipt(row.type, body, issued_before=issued)
        clocks += reckoner.begin(*pair, asked, at, row.digest, case.clocks)
        found += (NO_CALENDAR % {"step": step} for step in reckoner.lacking(*pair, asked, at, clocks))
        step = TYPES[row.type].clock_step
        ours = next((clock.due_on for clock in clocks if clock.step == step), None)
        if ours != receipt.due_on:
            found.append(RECKONS_OTHERWISE % {"day": receipt.due_on, "own_day": ours})
        return clocks, tuple(found)


def _difference(row: OutboundRow, first: wire.Receipt | None, receipt: wire.Receipt) -> str | None:
    """Return what to note if a restored partner says otherwise than in its ``first`` answer to ``row`` (M-5.28)."""
    if (row.status, receipt.status) == (wire.REFUSED, wire.ACCEPTED):
        return GOES_BY_IT
    if row.status != receipt.status:
        return SAYS_OTHERWISE % {"receipt": receipt.status, "first_receipt": row.status}
    if first is not None and (first.start_on, first.due_on) != (receipt.start_on, receipt.due_on):
        return RECKONS_ANEW % {"day": receipt.due_on, "first_day": first.due_on}
    return None


async def _forked(context: Context, tx: Tx, row: OutboundRow, shown: Checkpoint, note: str, now: datetime) -> bool:
    """
    Return whether a partner's log contradicts a checkpoint it showed before (M-7.5); keep what was ``shown``.

    Two roots for one size are two histories, and both signed notes are kept as evidence, within the bound of all that
    is kept about a log. The largest that was shown is known, and of the others the last of each place of a ring, for
    one may say that it has any size. A smaller tree is an older answer; that each continues the other
    ``gateway.services.witness`` has proved later, away from any message.
    """
    largest, place = largest_name(shown.origin), last_name(shown.origin, shown.size)
    held = await find_note(context.log, tx, largest)
    if held == note:
        return False  # as all answers of one batch
    before = await find_note(context.log, tx, place)
    known = {one: checkpoint.parse_checkpoint(checkpoint.parse_note(one).text) for one in (held, before) if one}
    for other, head in known.items():
        if head.size == shown.size and head.root != shown.root:
            await keep(tx, shown.origin, Conflict.FORK, now, row.partner, other, note)
            return True
    if held is None:
        # A message that has its answer begins no log: its sender has as many earlier epochs as its card makes up.
        current = await tx.find_outbound(row.partner, row.id)
        if current is None or current.state in passed_over.DONE:
            return False
        if current.answer is not None and await resync.is_past(tx, row.partner, _epoch(shown.origin)):
            return False
    if held is None or shown.size > known[held].size:
        await tx.set_meta(largest, note)
    if before is None or known[before].size != shown.size:
        await tx.set_meta(place, checkpoint.bare(note))
    return False


def _epoch(origin: str) -> int:
    """Return the epoch of the log ``origin``."""
    return int(origin.rpartition("/")[2])


def entered(answer: wire.Answer, proof: Proof, origin: str, card: Card) -> Checkpoint:
    """Return the checkpoint that ``proof`` leads to under the log keys of the card. Raises ``BadProof``."""
    return checkpoint.verify_entry(answer.receipt, answer.r, proof, origin, *(entry.key for entry in card.log))


async def add_finding(context: Context, tx: Tx, row: OutboundRow, found: str, now: datetime) -> None:
    """Add a finding to the case of a message of ours, once, as long as the case can be read."""
    held = cases.readable(context, await tx.find_case(row.ref) if row.ref else None)
    if held is not None:
        await cases.add_finding(context, tx, held, found, "reckoned", row.partner, now)
