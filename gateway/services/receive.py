"""
What happens to an envelope: every check of ``docs/protocol.md`` section 5 in its order, then one transaction.

The checks before the transaction are pure work on bytes; those that need what is stored are in ``_decide``. A schema
or statement fault found early is reported only when its turn comes, so that the code a partner sees follows the
protocol's order. An envelope already answered gets its stored answer whatever has become of keys and cards since.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

import schemas
from gateway.core import codes, envelope, exercise, wire
from gateway.core.attachments import RULE as IMAGE_RULE
from gateway.core.attachments import has_images
from gateway.core.calendars import local_date
from gateway.core.case import Case, Release, Side, State, replace
from gateway.core.clocks import Clock, is_overdue
from gateway.core.codes import Kind, PeerError, Reason
from gateway.core.elements import element_findings
from gateway.core.facts import Facts, When
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.messages import (
    ACCEPTANCE,
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    COLLECT,
    DELAY,
    DIRECTORY,
    DOCUMENT,
    DOCUMENT_REQUEST,
    ELEMENTS,
    ERASURE,
    EXERCISE,
    HANDOVER,
    INFORMATION,
    INTERVIEW_ANSWER,
    PROPOSAL,
    RECTIFICATION,
    REDIRECT,
    REMINDER,
    REPLY,
    REQUEST,
    RESYNC,
    SCHEDULE,
    TYPES,
    WITHDRAWAL,
    event_name,
    required_statements,
)
from gateway.core.minimise import excess
from gateway.core.remark import wire_fault
from gateway.core.rule_checks import REMARKED
from gateway.core.rules import findings
from gateway.core.starts import starts_of_message, starts_of_receipt
from gateway.core.verification import CLERK, PARTNER
from gateway.core.wire import Payload
from gateway.services import cases, directory, listing, steps, threads
from gateway.services.answer import unissue, unsay
from gateway.services.context import Context
from gateway.services.ports import Conflict, Draft, Tx, Unavailable
from gateway.services.reckon import RECKONS_OTHERWISE
from gateway.services.resync import LOST, bring_back
from gateway.services.rows import InboundRow, ThreadRow
from gateway.services.shares import Shares
from gateway.services.struck import drop_struck
from keys import jws as jws_format
from keys import statement as statements
from keys.errors import BadJws, BadRest, BadSignature, BadStatement, CannotOpen, UnknownKey
from schemas import ijson

ANSWER_GRACE_S = 300
"""How long after ``expires_at`` the stored answer is given again; the same span as clocks may differ."""


CAME_BEFORE = (
    "the message may have come before the restore as well: the other State may reckon from %(day)s on, we reckon from "
    "%(own_day)s"
)
"""Finding on a case whose time may have begun before our restore."""

EXTENDED_LATE = "the extension came on %(day)s, after %(due_day)s; its sender dates it %(said_day)s"
"""Finding on a case whose time was extended when it was over, as it came."""

LARGEST_BYTES = envelope.SIZES[1] - envelope.LENGTH_BYTES
"""Largest signed message without images (M-4.5). All that the schemas allow fits; of white space there is no end."""

_TRIES = 3

_NO_TYPE = "unknown"
"""What stands for a type that this version does not know: 48 letters of its sender's choice, which may be a name."""


class Reply(NamedTuple):
    """What goes back over HTTP: status, media type, body, and Retry-After in seconds for a transient problem."""

    status: int
    media_type: str
    body: bytes
    retry_after_s: int | None = None


class Opened(NamedTuple):
    """
    A message whose signature verified: its payload, its signed bytes, its envelope's id, the raw id of the key that
    opened it, and faults found early.

    ``collecting`` says that it came to the path where nothing but ``collect`` belongs. Of an ``exercise`` the payload
    is that of the message exercised, in the frame of the one that was signed.
    """

    payload: Payload
    signed: bytes
    envelope_id: bytes
    kid: bytes
    schema_fault: Reason | None
    statement_fault: Reason | None
    collecting: bool
    exercise: bool = False


class Verdict(NamedTuple):
    """The outcome of one message: accepted, or refused for a reason; ``ref`` is the case it moved."""

    reason: Reason | None
    ref: str | None = None
    sealed: bytes | None = None
    start_on: date | None = None
    due_on: date | None = None


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
        on_directory: Callable[[Tx, Payload, bytes, datetime], Awaitable[None]],
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
        self._on_information = on_information
        self._shares = Shares()

    async def receive(self, raw: bytes) -> Reply:
        """
        Take in the envelope ``raw`` and return what to answer; never raises for anything a partner can send.

        What is answered with 200 is durable before it is returned.
        """
        now = self._context.clock.now()
        envelope_id = envelope.envelope_id(raw)
        try:
            opened = await self._opened(raw, envelope_id, now)
            if isinstance(opened, Reason):
                stored = await self._stored(envelope_id, now) if codes.outward(opened).code in _MAY_BE_KNOWN else None
                if stored is None:
                    raise PeerError(opened)
                return self._answer(stored)
            answer = await self._settle(opened, now)
            if answer is None:
                raise Conflict("a message was stored without an answer")
            return self._answer(answer)
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

    async def collect(self, raw: bytes) -> Reply:
        """Answer a sealed ``collect`` message with the envelopes that wait for its sender (protocol 5.6)."""
        now = self._context.clock.now()
        try:
            opened = await self._open(raw, envelope.envelope_id(raw), now, collecting=True)
            answer = await self._settle(opened, now)
            if answer is not None:
                return self._answer(answer)  # refused by a receipt, like any other message
            body = await self._on_collect(opened.payload.sender, opened.payload.body["max"])
            return Reply(200, envelope.MEDIA_TYPE_SEVERAL, body)
        except PeerError as error:
            self._context.log("message.refused", code=error.code.code, reason=str(error.reason))
            return problem(error)
        except Unavailable as error:
            self._context.unavailable(error)
            return problem(PeerError(Reason.STORE_UNAVAILABLE))

    # The checks that need no store, in the order of the protocol.

    async def _opened(self, raw: bytes, envelope_id: bytes, now: datetime) -> Opened | Reason:
        """Return the message, or why it is none; of the error, and of all that was read before it, nothing stays."""
        try:
            return await self._open(raw, envelope_id, now, collecting=False)
        except PeerError as error:
            return error.reason

    async def _open(self, raw: bytes, envelope_id: bytes, now: datetime, *, collecting: bool) -> Opened:
        """
        Return the message in ``raw``. Raises ``PeerError``.

        Once it lets the loop turn, so that all who came together are decrypted, then read, one after the other
        (docs/performance.md). Nothing turns between reading and verifying: anybody can seal what takes twenty times its
        size once it is read, and what strangers sent is never read for more than one of them at a time.
        """
        context = self._context
        parsed = envelope.parse(raw, context.policy.suites)
        key = context.opener(parsed.kid, now)
        if key.suite != parsed.suite:
            raise PeerError(Reason.KEY_OTHER_SUITE)
        try:
            plain = key.open(parsed.head, parsed.enc_ct)
        except CannotOpen as error:
            raise PeerError(Reason.SEAL_OPEN) from error
        await asyncio.sleep(0)
        signed = envelope.unpad(plain)
        try:
            jws = jws_format.parse(signed, jws_format.TYP_MESSAGE)
        except BadJws as error:
            raise PeerError(Reason.JWS_FORM) from error
        try:
            payload = wire.parse_payload(jws.payload)
        except ijson.BadJson as error:
            raise PeerError(Reason.JSON_FORM) from error
        if payload.recipient != context.country:
            raise PeerError(Reason.TO_OTHER)
        public = context.trust.signing_key(payload.sender, jws.kid, now)
        try:
            jws.verify(public)
        except BadSignature as error:
            raise PeerError(Reason.SIGNATURE) from error
        schema_fault = _schema_fault(payload)
        exercising = payload.type == EXERCISE and schema_fault is None
        if exercising:
            payload, schema_fault = _exercised(payload)
            schema_fault = schema_fault or _schema_fault(payload)
        if len(signed) > LARGEST_BYTES and not has_images(payload.body):
            schema_fault = Reason.SCHEMA
        statement_fault = None if schema_fault else self._statement_fault(payload, now)
        return Opened(payload, signed, envelope_id, parsed.kid, schema_fault, statement_fault, collecting, exercising)

    def _statement_fault(self, payload: Payload, now: datetime) -> Reason | None:
        """Return why the statements are not those the type requires (protocol section 6), or ``None``."""
        required = required_statements(payload.type, payload.body, _kinds(payload))
        if len(payload.statements) != len(required):
            return Reason.STATEMENT_MISSING
        if not required:
            return None
        card = self._context.trust.card(payload.sender)
        for raw, (kind, role) in zip(payload.statements, required, strict=True):
            try:
                _, signed = statements.parse(raw.encode())
                statements.verify(
                    raw.encode(),
                    thread=payload.thread or "",
                    kind=kind,
                    role=role,
                    digest=payload.body_digest,
                    key=card.role_key(signed.kid, role, now),
                    now=now,
                )
            except UnknownKey:
                return Reason.STATEMENT_KEY
            except BadStatement:
                return Reason.STATEMENT_FORM
        return None

    # The checks that need what is stored, and the decision.

    async def _settle(self, opened: Opened, now: datetime) -> bytes | None:
        """
        Decide on the message and return its answer once that is durable; ``None`` for a collect to be served.

        Raises ``PeerError`` (``later``) while its sender has its share under way.
        """
        with self._shares.of(opened.payload.sender):
            return await self._committed(lambda tx: self._decide(tx, opened, now), opened.payload.sender)

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
            return await self._again(tx, row, now) if row else None

        return await self._committed(unit)

    async def _again(self, tx: Tx, row: InboundRow, now: datetime) -> bytes | None:
        """Return the answer kept for ``row``; where it is given no more, draft another and return ``None``."""
        over = now > row.expires_at + timedelta(seconds=ANSWER_GRACE_S)
        if row.answer is not None and (not over or _says_expired(row.answer)):
            receipt = jws_format.parse(wire.parse_stored_answer(row.answer).receipt, jws_format.TYP_RECEIPT)
            if not self._is_doubted(receipt):
                return row.answer
            # No partner takes a receipt by such a key, so the same is said again under the key in use.
            tx.draft(Draft(row.partner, row.digest, receipt.payload, None))
            return None
        if over:
            # Also while the answer has not been purged yet: when that happens is nothing for a partner to see.
            self._draft(tx, row.partner, row.digest, Verdict(Reason.ANSWER_PURGED), now)
        elif row.type == COLLECT and row.status == wire.ACCEPTED:
            # It counts once: a replay would learn whether messages wait.
            self._draft(tx, row.partner, row.digest, Verdict(Reason.ID_REUSED), now)
        else:
            raise Conflict("the same message stands in this batch; its answer is not signed yet")
        return None

    def _is_doubted(self, receipt: jws_format.Jws) -> bool:
        """
        Return whether the key of a receipt of ours was revoked since, or left our card while the key in use may do.

        That one may if it is listed for the instant of the receipt; no partner goes by another (M-5.17).
        """
        context, at = self._context, wire.parse_receipt(receipt.payload).received_at
        if context.vouches_for(receipt.kid, at):
            return False
        return context.is_revoked(receipt.kid) or context.vouches_for(context.keyring.signing.kid, at)

    async def _decide(self, tx: Tx, opened: Opened, now: datetime) -> bytes | None:
        payload = opened.payload
        # The digest covers the id, so a message seen before is found by its id, and one look is enough for a new one.
        first = await tx.find_inbound_by_id(payload.sender, payload.id)
        known = first if first is None or first.digest == payload.digest else await _same(tx, payload)
        if known is not None:
            if known.kid != opened.kid:
                # Whoever has either key can read it; ``gateway.services.exposure`` asks.
                await tx.add_inbound_again(known.partner, known.digest, opened.kid)
            return await self._again(tx, known, now)
        # A higher epoch and a gap raise before anything is refused: a refusal uses up a number for its sender, and for
        # us only the next one of an epoch whose card is here. A restore may have set us back unknown to the sender.
        behind = self._epoch_fault(payload)
        fault = wire.times_findings(payload, now)
        if fault is None and first is not None:
            fault = Reason.ID_REUSED
        if payload.thread is None:
            await self._channel(tx, opened, fault or behind, now)
            return None
        thread = await tx.find_thread(payload.sender, payload.thread)
        thread = thread or ThreadRow(payload.sender, payload.thread, None)
        order = behind or self._order_fault(thread, payload, await self._withdrawn(tx, thread))
        if fault := fault or order:
            await self._advance(tx, thread, opened, Verdict(fault), now)
            return None
        try:
            verdict = await self._judge(tx, thread, opened, now)
        except (IllegalStep, RuleRefused) as error:
            self._context.log("message.illegal", type=payload.type, reason=type(error).__name__)
            verdict = Verdict(_step_reason(error))
        except PeerError as error:
            if error.code.kind is not Kind.REFUSAL:
                raise
            verdict = Verdict(error.reason)
        await self._advance(tx, thread, opened, verdict, now)
        return None

    async def _withdrawn(self, tx: Tx, thread: ThreadRow) -> bool:
        """Return whether the sender withdrew the thread; a withdrawal of ours ends only what we send."""
        if thread.ended != "withdrawn":
            return False
        case = await tx.find_case(thread.ref) if thread.ref else None
        return case is None or case.side == Side.REQUESTED.value

    def _is_of_today(self, payload: Payload) -> bool:
        """Return whether the payload is of the epoch that its sender's card announces."""
        return payload.epoch == self._context.trust.card(payload.sender).epoch

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

    async def _judge(self, tx: Tx, thread: ThreadRow, opened: Opened, now: datetime) -> Verdict:
        """Check schema, minimisation, statements and step, in this order, and move the case."""
        payload = opened.payload
        if opened.collecting or payload.type not in TYPES:
            later = payload.type in schemas.known_types_without_schema()
            return Verdict(Reason.TYPE_LATER if later else Reason.TYPE_UNKNOWN)
        if opened.schema_fault:
            return Verdict(opened.schema_fault)
        if payload.type in INFORMATION:
            if opened.statement_fault:
                return Verdict(opened.statement_fault)
            return Verdict(None, await self._on_information(tx, thread, payload, now))
        row = await tx.find_case(thread.ref) if thread.ref else None
        held = cases.unseal(self._context, row) if row is not None and row.sealed is not None else None
        if held is not None and held.case.exercise is not opened.exercise:
            return Verdict(Reason.STEP_NONE)  # a thread is an exercise or it is not (M-5.38)
        if opened.exercise and exercise.body_findings(payload.body):
            return Verdict(Reason.STEP_NONE)
        if fault := _minimisation_fault(payload, held.case if held else None):
            return Verdict(fault)
        if fault := self._remark_fault(payload, now):
            return Verdict(fault)
        if fault := opened.statement_fault or _hand_fault(payload, held.case if held else None):
            return Verdict(fault)
        if held is None and (row is not None or (thread.ref is None and thread.ended == "withdrawn")):
            return await self._of_nothing(tx, thread, opened, now)
        if held is None and thread.ref is not None:
            return Verdict(Reason.STEP_THREAD_ENDED)  # a thread of questions about no person (M-3.23)
        if held is None:
            return await self._open_case(tx, thread, opened, now)
        return await self._move(tx, held, opened, now)

    def _remark_fault(self, payload: Payload, now: datetime) -> Reason | None:
        """Return why a remark may not come: no agreement allows it, or one that long (protocol: ``not-minimised``)."""
        if payload.type not in REMARKED or "remark" not in payload.body:
            return None
        most = self._context.reckoner.remark_most(payload.sender, self._context.country, payload.type, now)
        allowed = most is not None and len(payload.body["remark"]["text"]) <= most
        return None if allowed else Reason.REMARK_NOT_AGREED

    async def _of_nothing(self, tx: Tx, thread: ThreadRow, opened: Opened, now: datetime) -> Verdict:
        """
        Judge a message in a thread of which nothing is kept: its case was erased, or only a withdrawal of it came.

        It takes what any case that is over takes. Whoever takes data back learns that none is held (M-5.31).
        """
        payload = opened.payload
        if payload.type not in (WITHDRAWAL, *AFTER_WITHDRAWAL) or payload.body.get("elements") is not None:
            return Verdict(Reason.STEP_THREAD_ENDED)
        if payload.type in (RECTIFICATION, ERASURE):
            act = "RECTIFICATION" if payload.type == RECTIFICATION else "ERASURE"
            value = {"number": payload.body["number"], "act": act, "result": "NOT_HELD"}
            text = ijson.dumps(value).decode()
            sender, side = payload.sender, await threads.side_of(tx, thread)
            await threads.confirm_nothing(
                self._context, tx, sender, thread.thread, text, now, exercise=opened.exercise, side=side
            )
        return Verdict(None)

    async def _open_case(self, tx: Tx, thread: ThreadRow, opened: Opened, now: datetime) -> Verdict:
        payload = opened.payload
        if payload.type == WITHDRAWAL:
            return Verdict(None)  # of a thread whose request never came: ids alone are kept
        if not TYPES[payload.type].opens:
            return Verdict(Reason.STEP_THREAD_UNKNOWN)
        context = self._context
        found = findings(When.RECEIVE, Facts(now, None, payload.type, payload.body))
        if found:
            raise RuleRefused(found)
        starts = starts_of_receipt(payload.type, payload.body)
        clocks = context.reckoner.begin(payload.sender, context.country, starts, now, payload.digest)
        case = Case(
            ref=context.new_ref(now, exercise=opened.exercise),
            exercise=opened.exercise,
            side=Side.REQUESTED,
            partner=payload.sender,
            thread=payload.thread or "",
            state=State.RECEIVED,
            # No case is without a named officer; where nobody is present, the first to acknowledge it is in charge.
            officer=directory.assigned(context, CLERK, now) or "",
            purpose=payload.body["handling"]["purpose"],
            clocks=clocks,
            # Before its first message a thread has seen nothing, unless a listing said what a restore took from us.
            findings=(LOST,) if thread.seen is not None else (),
            received=payload.body,
        )
        if redated := await self._redated(tx, case, payload):
            case = replace(case, findings=(*case.findings, redated))
        held = cases.fresh(context, case, now)
        event = Event("request", payload.sender, PARTNER, {"digest": payload.digest})
        saved = await cases.store(context, tx, held, case, event, "", now)
        context.log("case.moved", ref=case.ref, step="request", source="", target=case.state.value)
        return self._accepted(saved, opened)

    async def _move(self, tx: Tx, held: cases.Held, opened: Opened, now: datetime) -> Verdict:
        payload, context, case = opened.payload, self._context, held.case
        name = event_name(payload.type, payload.body)
        data: dict[str, object] = {"digest": payload.digest, "body": payload.body, "value": payload.body}
        reckoned: Clock | None = None
        if name == "extension":
            clock = case.clock("reply")
            reckoned = clock and context.reckoner.extend(
                context.country, case.partner, clock, payload.issued_at, payload.body["reason"]
            )
            data |= {"clock": reckoned, "clocks": (reckoned,) if reckoned else ()}
        elif payload.type == REDIRECT:
            named, today = payload.body["authority"]["id"], now.date()
            data["listed"] = await directory.is_listed(context, tx, payload.sender, named, today)
        elif begun := self._begun(case, payload, now):
            data["clocks"] = begun
        if payload.type == PROPOSAL:
            data["replied"] = await _replied(tx, case)
        if payload.type == SCHEDULE:
            data["lost"] = await threads.may_have_lost(context, tx, case)
        if name in ("acceptance", "refusal"):
            data["late"] = await threads.is_late(tx, case, payload.in_reply_to)
        if releases := _releases(payload):
            data["releases"] = releases
        question = _question(case, payload.type)
        facts = Facts(now, None, payload.type, payload.body, question=question)
        moved = await steps.move(context, tx, held, Event(name, payload.sender, PARTNER, data, facts), now)
        await bring_back(context, tx, held.row, moved.row, now)
        if payload.type == RECTIFICATION:
            await drop_struck(context, tx, moved, payload.body["parts"])
            moved = await unissue(context, tx, await unsay(context, tx, moved, context.country, now), now)
        if payload.type == REPLY:
            for asked in _ASKED_BEFORE:
                await threads.leave_out(context, tx, moved, asked, now)
        if payload.type == ACKNOWLEDGEMENT and (clock := moved.case.clock("reply")) is not None:
            reckoned = clock if clock.evidence == payload.digest else None
        other = _other_date(reckoned, payload)
        late = _came_late(case, payload, now) if name == "extension" else None
        for found in filter(None, (other, late, await self._redated(tx, moved.case, payload))):
            noted = replace(moved.case, findings=(*moved.case.findings, found))
            moved = await cases.note(context, tx, moved, noted, "reckoned", payload.sender, now)
        return self._accepted(moved, opened)

    def _begun(self, case: Case, payload: Payload, now: datetime) -> tuple[Clock, ...]:
        """Return the clocks this message starts: by its receipt here and now, or by what its sender states in it."""
        country, begin = self._context.country, self._context.reckoner.begin
        pair = (country, case.partner) if case.side is Side.REQUESTING else (case.partner, country)
        asked = starts_of_receipt(payload.type, payload.body, issued_before=DOCUMENT in case.said)
        stated = starts_of_message(payload.type, payload.body)
        clocks = begin(*pair, asked, now, payload.digest, case.clocks)
        return clocks + begin(*pair, stated, payload.issued_at, payload.digest, case.clocks)

    async def _redated(self, tx: Tx, case: Case, payload: Payload) -> str | None:
        """
        Return what to note if a restore may have made us forget that we received this message on an earlier day.

        Its sender holds the first receipt then, and reckons from that day; nothing here says which it was.
        """
        asked = starts_of_receipt(payload.type, payload.body, issued_before=DOCUMENT in case.said)
        if not asked or not await listing.may_have_come(tx, payload.sender, payload.issued_at):
            return None
        country = self._context.country
        pair = (country, case.partner) if case.side is Side.REQUESTING else (case.partner, country)
        earliest = {
            clock.step: clock for clock in self._context.reckoner.begin(*pair, asked, payload.issued_at, payload.digest)
        }
        for clock in case.clocks:
            first = earliest.get(clock.step) if clock.evidence == payload.digest else None
            if first is not None and (first.start_on, first.due_on) != (clock.start_on, clock.due_on):
                return CAME_BEFORE % {"day": first.start_on, "own_day": clock.start_on}
        return None

    def _accepted(self, held: cases.Held, opened: Opened) -> Verdict:
        """Return the verdict for an accepted message: its signed bytes sealed under the case's key, and its dates."""
        payload = opened.payload
        # A return that was declined is over by a withdrawal too, whatever state its case is in.
        over = held.case.state in (State.WITHDRAWN, State.CLOSED) or held.case.withdraws_at is not None
        keep = not over or held.case.reply_digest == payload.digest  # the answer to what was closed without one
        sealed = (
            self._context.vault.seal(held.key, "inbound", payload.digest, "sealed", opened.signed) if keep else None
        )
        step = TYPES[payload.type].clock_step
        begun = [clock for clock in held.case.clocks if clock.evidence == payload.digest]
        clock = next((clock for clock in begun if clock.step == step), None)
        if clock is None:
            return Verdict(None, held.case.ref, sealed)
        return Verdict(None, held.case.ref, sealed, clock.start_on, clock.due_on)

    async def _channel(self, tx: Tx, opened: Opened, fault: Reason | None, now: datetime) -> None:
        """Take in a message that belongs to the channel and to no case, unless an earlier check found a ``fault``."""
        payload = opened.payload
        if fault is None and payload.type not in ((COLLECT,) if opened.collecting else (DIRECTORY, RESYNC)):
            fault = Reason.TYPE_UNKNOWN
        fault = fault or opened.schema_fault
        if fault is None and opened.collecting:
            await tx.add_inbound(_row(opened, Verdict(None), now))  # no receipt: what waits is the answer
            return
        if fault is None and payload.type == RESYNC:
            await self._on_resync(tx, payload, now)
        elif fault is None:
            try:
                await self._on_directory(tx, payload, opened.signed, now)
            except PeerError as error:
                fault = error.reason
        await self._record(tx, opened, Verdict(fault), now)

    async def _advance(self, tx: Tx, thread: ThreadRow, opened: Opened, verdict: Verdict, now: datetime) -> None:
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
        await self._record(tx, opened, verdict, now)

    async def _record(self, tx: Tx, opened: Opened, verdict: Verdict, now: datetime) -> None:
        await tx.add_inbound(_row(opened, verdict, now))
        self._draft(tx, opened.payload.sender, opened.payload.digest, verdict, now)

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


async def _same(tx: Tx, payload: Payload) -> InboundRow | None:
    """Return the row of this very message, where another one used its id before."""
    return await tx.find_inbound(payload.sender, payload.digest)


_MAY_BE_KNOWN = frozenset({"unknown-key", "cannot-open", "unknown-signer", "hold", "later"})
"""Codes that say something of us today; an envelope answered earlier still gets the answer it got (5.1, step 4)."""


def _last(thread: ThreadRow, payload: Payload) -> int:
    """Return the last number of the payload's epoch that was used in the thread."""
    return thread.in_seq if payload.epoch == thread.in_epoch else 0


def _says_expired(answer: bytes) -> bool:
    """Return whether a stored answer is the refusal ``expired`` itself."""
    receipt = jws_format.parse(wire.parse_stored_answer(answer).receipt, jws_format.TYP_RECEIPT)
    return wire.parse_receipt(receipt.payload).code == codes.outward(Reason.ANSWER_PURGED).code


_WITH_ELEMENTS = (REQUEST, ELEMENTS, RECTIFICATION, DOCUMENT_REQUEST)


def _kinds(payload: Payload) -> tuple[str, ...]:
    """Return what the statements of a handover say they are; which hand it is says nothing else of the message."""
    if payload.type != HANDOVER:
        return ()
    try:
        return tuple(statements.parse(raw.encode())[0].statement for raw in payload.statements)
    except BadStatement:
        return ()


def _hand_fault(payload: Payload, case: Case | None) -> Reason | None:
    """Return why a handover carries the other side's hand: who asked delivers, who was asked receives (section 6)."""
    if payload.type != HANDOVER or case is None:
        return None
    due = "handover.receipt" if case.side is Side.REQUESTING else "handover.delivery"
    return None if _kinds(payload) == (due,) else Reason.STATEMENT_FORM


def _releases(payload: Payload) -> tuple[Release, ...]:
    """Return the verified statements of a message of a return, as the case keeps them."""
    if payload.type not in (PROPOSAL, ACCEPTANCE, HANDOVER):
        return ()
    made = []
    for raw in payload.statements:
        stated, _ = statements.parse(raw.encode())
        until = wire.format_instant(stated.valid_until)
        made.append(Release("theirs", stated.statement, stated.role, payload.body_digest, until, raw))
    return tuple(made)


async def _replied(tx: Tx, case: Case) -> str | None:
    """Return the digest of the last reply of ours that the other State accepted, or ``None``."""
    rows = [row for row in await tx.outbound_of_case(case.ref) if row.type == REPLY and row.status == wire.ACCEPTED]
    return max(rows, key=lambda row: (row.epoch, row.seq or 0)).digest if rows else None


def _exercised(payload: Payload) -> tuple[Payload, Reason | None]:
    """Return the payload of the message that is exercised, and why it is none; its digest stays that of the whole."""
    try:
        type, raw = exercise.unwrap(payload.body_bytes)
    except ValueError:
        return payload, Reason.SCHEMA
    return payload._replace(type=type, body=payload.body["body"], body_bytes=raw), None


_ASKED_BEFORE = (REMINDER, ELEMENTS, INTERVIEW_ANSWER)
"""What waits of ours for nothing once a reply came: it presses for that, or tells of the person what it did without."""


def _other_date(reckoned: Clock | None, payload: Payload) -> str | None:
    """Return what to note if a message that starts or extends a clock names another day than is ``reckoned`` here."""
    if reckoned is None or reckoned.due_on.isoformat() == payload.body["due_on"]:
        return None
    return RECKONS_OTHERWISE % {"day": payload.body["due_on"], "own_day": reckoned.due_on}


def _came_late(case: Case, payload: Payload, now: datetime) -> str | None:
    """Return what to note of an extension that its desk says it handed in in time, and that came when time was over."""
    clock = case.clock("reply")
    if clock is None or not is_overdue(clock, now):
        return None
    came, said = local_date(now, clock.zone), local_date(payload.issued_at, clock.zone)
    return EXTENDED_LATE % {"day": came, "due_day": clock.due_on, "said_day": said}


def _schema_fault(payload: Payload) -> Reason | None:
    if payload.type not in TYPES:
        return None
    if not schemas.is_valid(payload.type, payload.body):
        return Reason.SCHEMA
    if payload.type in REMARKED and "remark" in payload.body and wire_fault(payload.body["remark"]["text"]):
        return Reason.SCHEMA
    if payload.type == RECTIFICATION and has_images(payload.body):  # a wrong one is struck (protocol 3.7)
        return Reason.SCHEMA_IMAGE
    elements = payload.body.get("elements") if payload.type in _WITH_ELEMENTS else None
    found = element_findings(elements) if elements else ()
    if not found:
        return None
    return Reason.SCHEMA_IMAGE if found[0].rule == IMAGE_RULE else Reason.SCHEMA


def _minimisation_fault(payload: Payload, case: Case | None) -> Reason | None:
    """Return why the elements are more than the purpose allows (protocol: ``not-minimised``), or ``None``."""
    if payload.type in (REQUEST, DOCUMENT_REQUEST):
        found = excess(payload.body["elements"], payload.body["handling"]["purpose"])
    elif payload.type == ELEMENTS and case is not None:
        found = excess(payload.body["elements"], case.purpose, case.asked)
    else:
        return None
    if not found:
        return None
    return Reason.MATRIX_TIER if found[0].rule == "MIN-2" else Reason.MATRIX_FORBIDDEN


def _question(case: Case, type: str) -> dict[str, object] | None:
    """Return what a reply answers: the conditions of our own request."""
    if type not in (REPLY, DELAY) or case.draft is None:
        return None
    return {
        "handling": {"purpose": case.purpose},
        "method_limit": case.draft["method_limit"],
        "no_contact_methods": case.draft["no_contact_methods"],
    }


def _step_reason(error: IllegalStep | RuleRefused) -> Reason:
    if isinstance(error, IllegalStep):
        return Reason.STEP_NONE
    return Reason.METHOD_LIMIT if error.findings[0].rule == "M-01" else Reason.STEP_NONE


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
