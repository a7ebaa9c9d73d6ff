"""
Whether a message of a thread is accepted, and what it then does to its case: ``docs/protocol.md`` section 5.1, from the
type on.

Its number is known to be the next one. Nothing is written here of the message itself; ``gateway.services.receive``
records the verdict.
"""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import NamedTuple

import schemas
from gateway.core import exercise, wire
from gateway.core.calendars import local_date
from gateway.core.case import Case, Release, Side, State, replace, with_finding
from gateway.core.clocks import Clock, is_overdue
from gateway.core.codes import Kind, PeerError, Reason
from gateway.core.facts import Facts, Finding, When
from gateway.core.machine import Event, IllegalStep, Notify, RuleRefused, Send
from gateway.core.messages import (
    ACCEPTANCE,
    ACKNOWLEDGEMENT,
    AFTER_WITHDRAWAL,
    CONFIRMATION,
    DELAY,
    DOCUMENT,
    DOCUMENT_REQUEST,
    ELEMENTS,
    ERASURE,
    HANDOVER,
    INFORMATION,
    INTERVIEW_ANSWER,
    PROPOSAL,
    RECTIFICATION,
    REDIRECT,
    REMINDER,
    REPLY,
    REQUEST,
    SCHEDULE,
    TYPES,
    WITHDRAWAL,
    event_name,
)
from gateway.core.minimise import excess
from gateway.core.notices import UNANSWERED_MAX
from gateway.core.rule_checks import REMARKED
from gateway.core.rules import findings
from gateway.core.starts import starts_of_message, starts_of_receipt
from gateway.core.verification import CLERK, PARTNER
from gateway.core.wire import Payload
from gateway.services import away, cases, directory, heard, listing, steps, threads
from gateway.services.answer import unissue, unsay
from gateway.services.context import Context
from gateway.services.envelopes import Opened, hands
from gateway.services.passed_over import FORGOTTEN, bring_back, is_forgotten
from gateway.services.ports import Tx
from gateway.services.reckon import RECKONS_OTHERWISE
from gateway.services.resync import LOST
from gateway.services.rows import ThreadRow
from gateway.services.struck import drop_struck
from keys import statement as statements
from keys.errors import BadRest
from schemas import ijson

CAME_BEFORE = (
    "the message may have come before the restore as well: the other State may reckon from %(day)s on, we reckon from "
    "%(own_day)s"
)
"""Finding on a case whose time may have begun before our restore."""

EXTENDED_LATE = "the extension came on %(day)s, after %(due_day)s; its sender dates it %(said_day)s"
"""Finding on a case whose time was extended when it was over, as it came."""


FOUND_MAX = 64
"""Findings of each of these kinds that stand on a case, and of days that the other State reckons otherwise."""

SAID_MAX = 256
"""
Messages of one type by the other State that a thread takes (M-5.42): one a day for as long as a return is followed.

By the number alone, which its sender knows: nothing here depends on where the case stands, or who stopped it.
"""

STOPS_MAX = 2 * SAID_MAX
"""The same of what stops: whoever lets go as often as it may can stop again each time."""

OF_NOTHING_MAX = 1024
"""
Confirmations that wait for one State and are of no case: it has as many threads of which nothing is kept as it names.
"""

COMES = "the other State says that a person left whom nobody here awaits, and its message was refused; speak to it now"
"""Finding on a case by which nobody is awaited as far as we know: a restore may have made us forget that we agreed."""

_ASKED_BEFORE = (REMINDER, ELEMENTS, INTERVIEW_ANSWER)
"""What waits of ours for nothing once a reply came: it presses for that, or tells of the person what it did without."""


class Verdict(NamedTuple):
    """The outcome of one message: accepted, or refused for a reason; ``ref`` is the case it moved."""

    reason: Reason | None
    ref: str | None = None
    sealed: bytes | None = None
    start_on: date | None = None
    due_on: date | None = None


class Judge:
    """Judges the messages of one gateway."""

    def __init__(
        self, context: Context, on_information: Callable[[Tx, ThreadRow, Payload, datetime], Awaitable[str]]
    ) -> None:
        """``on_information`` takes what is about no person, and returns what its thread stands under for a case."""
        self._context = context
        self._on_information = on_information

    async def verdict(self, tx: Tx, thread: ThreadRow, opened: Opened, now: datetime) -> Verdict:
        """
        Return the verdict on the next message of ``thread``, its case moved in ``tx`` if it is accepted.

        Raises ``PeerError`` for what its sender may try again (``later``, ``out-of-order``).
        """
        try:
            verdict = await self._judged(tx, thread, opened, now)
        except (IllegalStep, RuleRefused) as error:
            self._context.log("message.illegal", type=opened.payload.type, reason=type(error).__name__)
            await self._note_who_comes(tx, thread, opened.payload, now)
            verdict = Verdict(_step_reason(error))
        except PeerError as error:
            if error.code.kind is not Kind.REFUSAL:
                raise
            return Verdict(error.reason)
        await self._note_what_is_forgotten(tx, thread.ref, opened.payload, now)
        return verdict

    async def _note_who_comes(self, tx: Tx, thread: ThreadRow, payload: Payload, now: datetime) -> None:
        """Have people here learn of a departure that is refused: somebody may be on the way all the same."""
        if payload.type != SCHEDULE or payload.body["status"] != away.DEPARTED:
            return
        held = cases.readable(self._context, await tx.find_case(thread.ref or ""))
        if held is None or COMES in held.case.findings:
            return
        self._context.notify(held.case, Notify("interior"))
        await cases.add_finding(self._context, tx, held, COMES, "stop", self._context.country, now)

    async def _note_what_is_forgotten(self, tx: Tx, ref: str | None, payload: Payload, now: datetime) -> None:
        """Have the desk learn, by a reminder taken or refused, that the other State waits for what it had, and lost."""
        if payload.type != REMINDER or ref is None:
            return
        held = cases.readable(self._context, await tx.find_case(ref))
        if held is None or held.case.state is State.BLOCKED or FORGOTTEN in held.case.findings:
            return
        if not await is_forgotten(self._context, tx, ref, payload.sender, payload.in_reply_to, now):
            return
        self._context.notify(held.case, Notify("interior"))
        await cases.add_finding(self._context, tx, held, FORGOTTEN, "resync", payload.sender, now)

    async def _judged(self, tx: Tx, thread: ThreadRow, opened: Opened, now: datetime) -> Verdict:
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
        if held is not None and (held.case.partner, held.case.thread) != (payload.sender, payload.thread):
            raise BadRest("the row of a thread names the case of another one")
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
            # No desk stands before the answer to each, so how many wait is bounded here: the rest comes later.
            if (
                await tx.count_waiting(payload.sender, thread.thread) >= UNANSWERED_MAX[payload.type]
                or await tx.count_of_nothing(payload.sender, OF_NOTHING_MAX) == OF_NOTHING_MAX
            ):
                raise PeerError(Reason.SENDER_SHARE)
            value = {"number": payload.body["number"], "act": act, "result": "NOT_HELD"}
            send = Send(CONFIRMATION, ijson.dumps(value).decode())
            sender, side = payload.sender, await threads.side_of(tx, thread)
            await threads.queue_of_nothing(
                self._context, tx, sender, thread.thread, send, now, exercise=opened.exercise, side=side
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
        if await _is_said_out(tx, case, payload):
            raise RuleRefused((Finding("D-10", "as many of this type as a thread takes came in it"),))
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
        if payload.type in heard.ANSWERS:
            data["asked_still"] = await heard.is_asked_still(tx, case, payload.type)
        if payload.type == SCHEDULE:
            data["lost"] = await heard.may_have_lost(context, tx, case)
        if name in ("acceptance", "refusal"):
            data["late"] = await heard.is_late(tx, case, payload.in_reply_to)
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
        found = {
            RECKONS_OTHERWISE: _other_date(reckoned, payload),
            EXTENDED_LATE: _came_late(case, payload, now) if name == "extension" else None,
            CAME_BEFORE: await self._redated(tx, moved.case, payload),
        }
        for kind, text in found.items():
            if text is not None:
                noted = with_finding(moved.case, kind, text, FOUND_MAX)
                moved = await cases.note(context, tx, moved, noted, "reckoned", payload.sender, now)
        return self._accepted(moved, opened)

    def _begun(self, case: Case, payload: Payload, now: datetime) -> tuple[Clock, ...]:
        """Return the clocks this message starts: by its receipt here and now, or by what its sender states in it."""
        begin, pair = self._context.reckoner.begin, case.sides(self._context.country)
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
        begin, pair = self._context.reckoner.begin, case.sides(self._context.country)
        earliest = {clock.step: clock for clock in begin(*pair, asked, payload.issued_at, payload.digest)}
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


async def _is_said_out(tx: Tx, case: Case, payload: Payload) -> bool:
    """Return whether the other State has said as often what it says as a thread takes (M-5.42)."""
    if payload.epoch == 1 and (payload.seq or 0) <= SAID_MAX:
        return False  # there were not so many yet
    most = STOPS_MAX if payload.type in threads.STOPS else SAID_MAX
    return await tx.count_accepted(case.ref, payload.type) >= most


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


def _hand_fault(payload: Payload, case: Case | None) -> Reason | None:
    """Return why a handover carries the other side's hand: who asked delivers, who was asked receives (section 6)."""
    if payload.type != HANDOVER or case is None:
        return None
    due = "handover.receipt" if case.side is Side.REQUESTING else "handover.delivery"
    return None if hands(payload) == (due,) else Reason.STATEMENT_FORM


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
    return max(rows, key=lambda row: row.place).digest if rows else None


def _question(case: Case, type: str) -> dict[str, object] | None:
    """Return what a reply answers: the conditions of our own request."""
    if type not in (REPLY, DELAY) or case.draft is None:
        return None
    return {
        "handling": {"purpose": case.purpose},
        "method_limit": case.draft["method_limit"],
        "no_contact_methods": case.draft["no_contact_methods"],
    }


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


def _step_reason(error: IllegalStep | RuleRefused) -> Reason:
    if isinstance(error, IllegalStep):
        return Reason.STEP_NONE
    return Reason.METHOD_LIMIT if error.findings[0].rule == "M-01" else Reason.STEP_NONE
