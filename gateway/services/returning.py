"""
What both States do for a return: consider, assess, propose, accept, document, schedule, leave, hand over, look after.

Rule 1: a return goes on in the case of the positive reply it rests on; whether a step may be taken says state table R.
Rule 2: what leaves is composed from record and draft: conclusions, dates, signers. Whoever signs, signs those bytes.
Rule 3: the authority in charge, the escort and the receiving service sign with keys of their own, which our card lists,
so that the other State can verify that it was they.
Rule 4: the plan of a journey leaves 72 hours before departure and not earlier. Until then it lies sealed in the outbox.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import schemas
from gateway.core import exercise, return_bodies, wire
from gateway.core.calendars import OutOfCalendar
from gateway.core.case import Case, Pending, Release, Side, State, replace
from gateway.core.facts import Facts, Finding, about
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    PROPOSAL,
    REISSUE,
    SCHEDULE,
    SUSPENSION,
    TAKE_BACK,
    event_name,
)
from gateway.core.preview import body_digest, body_text, prepared
from gateway.core.return_guards import notice_at
from gateway.core.returns import SEALED_H
from gateway.core.tables import table_for
from gateway.core.verification import GATEWAY
from gateway.services import access, cases, heard, listing, person_stop, standing, steps, threads
from gateway.services.around import look
from gateway.services.clear import approval_kind
from gateway.services.context import Context, Forbidden, NotFound, Person, acting, check_listed, own_statement
from gateway.services.fallen import without_fallen
from gateway.services.ports import Tx
from keys import statement as statements
from keys.errors import BadRest
from schemas import ijson

APPROVAL = {PROPOSAL: "return.approval", DOCUMENT_REQUEST: "travel.approval"}
"""Kind of statement that approves a body of a return, by message type."""

REPORTS = {
    "monitoring": "report",
    "monitoring_safe": "report_safe",
    "monitoring_concern": "report_concern",
    "monitoring_lost": "report_lost",
}
"""What a report is here, by what it is to the State that gets it."""


NOT_FORGOTTEN = "only a departure that our last restore may have taken is said of an instant of the past, by its offset"
"""Why a departure of another time than now is not said."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """The exact text of a handover's protocol, its digest, and the thread: what both hands sign."""

    body: str
    digest: str
    thread: str


_HANDS: Mapping[str, str] = {"escort": "hand_over", "reception": "confirm_handover"}
"""The two hands of a handover: role, and the step by which it signs."""

Make = Callable[[Tx, Case], Awaitable[tuple[str, Mapping[str, Any]]]]
"""Makes, of a case, the text of the body that leaves (or an empty one) and what else the event carries."""


class Returning:
    """The acts of both sides of a return."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    # What the gateway notices by itself.

    async def run(self, every_s: float = 3600.0) -> None:
        """Look at the travel documents every ``every_s`` seconds until cancelled."""
        await self._context.every(every_s, self.run_once)

    async def run_once(self, now: datetime) -> tuple[str, ...]:
        """
        Lead each case whose travel document is over back to where another can be asked for; return which.

        Not while the clock is not believed: only a new document leads forward again.
        """
        if not self._context.believes(now):
            return ()
        rows = cases.in_states(self._context, (State.DOCUMENTED,))
        return tuple(
            [row.ref async for row in rows if row.side == Side.REQUESTING and await self._expire(row.ref, now)]
        )

    async def _expire(self, ref: str, now: datetime) -> bool:
        context = self._context

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            await steps.move(context, tx, held, Event("document_expired", "gateway", GATEWAY), now)

        try:
            await context.commit(unit)
        except (IllegalStep, RuleRefused):
            return False  # it is still valid, or the case moved on meanwhile
        except (BadRest, NotFound) as error:
            context.log("case.unreadable", ref=ref, error=type(error).__name__)
            return False  # one that cannot be read holds up no other
        return True

    # The side that proposes: whether to.

    async def consider(self, ref: str, record: Mapping[str, Any], person: str, role: str) -> None:
        """
        Begin to consider a return, with its national ``record`` (schema ``return-record``).

        Raises ``schemas.SchemaError``, ``Forbidden``, ``IllegalStep``, ``RuleRefused``.
        """
        schemas.validate("return-record", record)
        await self._step(ref, "consider", person, role, _with({"record": record}))

    async def record(
        self, ref: str, record: Mapping[str, Any], person: str, role: str, *, seen: str | None = None
    ) -> None:
        """Replace the national record of the return. Raises as ``consider``."""
        schemas.validate("return-record", record)
        await self._step(ref, "record", person, role, _with({"record": record}), seen=seen)

    async def assess(self, ref: str, person: str, role: str, *, seen: str | None = None) -> None:
        """Say as the authority in charge that the assessments are complete, whatever they conclude."""
        await self._step(ref, "assess", person, role, seen=seen)

    async def decline(self, ref: str, person: str, role: str) -> None:
        """End it: no return. Nothing stands before this step; whoever was asked to receive the person is told."""

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            return "", {"proposed": await heard.is_awaited(self._context, tx, case)}

        await self._step(ref, "decline", person, role, make)

    async def reassess(self, ref: str, person: str, role: str) -> None:
        """Begin anew, because something changed; what was signed before is void."""
        await self._step(ref, "reassess", person, role)

    async def prepare(
        self, ref: str, plan: Mapping[str, Any], person: str, role: str, *, seen: str | None = None
    ) -> Pending:
        """
        Prepare the proposal from the record and ``plan`` (``window``, ``needs``, ``referral``); return its exact bytes.

        It takes the place of what a colleague prepared. Raises ``schemas.SchemaError`` if it does not make a proposal,
        ``RuleRefused``, and ``Changed`` if the case is not what was ``seen``.
        """
        return await self._prepare(
            ref, PROPOSAL, lambda case, now: return_bodies.proposal(case, plan), person, role, seen
        )

    async def prepare_document(
        self, ref: str, needed_by: str, person: str, role: str, *, seen: str | None = None
    ) -> Pending:
        """Prepare the request for a travel document needed by an ISO date; return its exact bytes."""
        return await self._prepare(
            ref, DOCUMENT_REQUEST, lambda case, now: return_bodies.document_request(case, needed_by), person, role, seen
        )

    async def approve(self, ref: str, statement: str, person: str, role: str = "liaison_officer") -> None:
        """Approve what was prepared, as a second person, by a statement of the own key over its digest."""
        signer = acting(self._context, person, role, self._context.clock.now())

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            pending = _pending(case)
            kind = approval_kind(APPROVAL, pending.type)
            now = self._context.clock.now()
            stated = own_statement(signer, role, statement, case, kind, pending.digest, now)
            until = wire.format_instant(stated.valid_until)
            return pending.body, {"digest": pending.digest, "statement": statement, "valid_until": until}

        await self._step(ref, "approve", person, role, make, prepared=True)

    async def endorse(self, ref: str, statement: str, person: str, role: str) -> None:
        """
        Release the return that was prepared, as the authority in charge; the statement travels with the proposal.

        It counts until the instant that it names, also on the day of departure.
        """
        data = self._signed(statement, person, role, "return.release")
        await self._step(ref, "endorse", person, role, data)

    async def propose(self, ref: str, person: str, role: str, *, seen: str | None = None) -> None:
        """Send the proposal that was approved and released. Raises ``RuleRefused`` naming what is missing."""
        await self._step(ref, "propose", person, role, _prepared, prepared=True, discloses=True, seen=seen)

    async def decide(self, ref: str, person: str, role: str, *, seen: str | None = None) -> None:
        """Note that the decision on record is final: remedies explained, the time to appeal over or waived."""
        await self._step(ref, "decide", person, role, seen=seen)

    async def request_document(self, ref: str, person: str, role: str, *, seen: str | None = None) -> None:
        """Send the request for a travel document that was approved."""
        await self._step(ref, "request_document", person, role, _prepared, prepared=True, discloses=True, seen=seen)

    # The journey.

    async def schedule(
        self,
        ref: str,
        plan: Mapping[str, Any],
        person: str,
        role: str = "liaison_officer",
        *,
        seen: str | None = None,
    ) -> None:
        """
        Fix the journey: ``plan`` has ``arrives_at``, ``point``, ``carrier``, ``escort``, ``medical_needs``.

        The departure is that of the record. The message waits in the outbox until 72 hours before. Raises
        ``RuleRefused`` too if the agreement wants more notice than is left, whatever the record says of it.
        """

        def planned(case: Case, now: datetime) -> Mapping[str, Any]:
            value = return_bodies.planned(case, plan)
            schemas.validate(SCHEDULE, value)
            self._check_notice(case.partner, value, now)
            return value

        await self._say(ref, "schedule", SCHEDULE, planned, person, role, seen)

    def _check_notice(self, partner: str, value: Mapping[str, Any], now: datetime) -> None:
        """Raise ``RuleRefused`` if the plan leaves too late for the agreement; it gets as much as there can be."""
        context = self._context
        departs_at, arrives_at = (datetime.fromisoformat(value[name]) for name in ("departs_at", "arrives_at"))
        try:
            by = context.reckoner.notice_by(context.country, partner, departs_at, arrives_at)
        except (OutOfCalendar, KeyError):
            raise RuleRefused((Finding("V-40", "no calendar says when notice of this journey is due"),)) from None
        sealed_until = notice_at(departs_at, now)
        if by is not None and sealed_until > max(by, departs_at - timedelta(hours=SEALED_H)):
            raise RuleRefused((Finding("V-40", "the agreement wants more notice to the other State than is left"),))

    async def cancel(self, ref: str, person: str, role: str) -> None:
        """Take the plan back; a plan that has not left is dropped, and then nothing is sent."""
        await self._say(ref, "cancel", SCHEDULE, lambda case, now: return_bodies.cancelled(case), person, role)

    async def depart(
        self,
        ref: str,
        person: str,
        role: str = "escort",
        arrives_at: str | None = None,
        left_at: str | None = None,
    ) -> None:
        """
        Say as the escort that the person left now, and, if it is later than planned, when she arrives.

        Raises ``RuleRefused`` unless everything still stands today; where our last restore took the departure, unless
        it did at the instant ``left_at`` before it.
        """
        left = None if left_at is None else await self._forgotten(left_at)

        def departed(case: Case, now: datetime) -> Mapping[str, Any]:
            value = return_bodies.departed(case, left or now, arrives_at)
            if datetime.fromisoformat(value["arrives_at"]) <= (left or now):
                raise RuleRefused((Finding("V-39", "the arrival as planned is past; say when it will be now"),))
            return value

        await self._say(ref, "depart", SCHEDULE, departed, person, role, left_at=left)

    async def _forgotten(self, left_at: str) -> datetime:
        """Return the instant of a departure that our last restore may have taken; raises ``RuleRefused`` for others."""
        restored = await self._context.store.read(lambda tx: tx.find_meta(listing.RESTORED_AT))
        try:
            left, now = datetime.fromisoformat(left_at), self._context.clock.now()
            if restored and left < min(datetime.fromisoformat(restored), now):  # our clock may have been ahead then
                return left.astimezone(UTC)  # rules take the day of an instant as it stands
        except (OverflowError, TypeError, ValueError):
            pass  # no instant, or one without an offset, which none is compared with
        raise RuleRefused((Finding("V-39", NOT_FORGOTTEN),))

    async def protocol(
        self, ref: str, protocol: Mapping[str, Any] | None, person: str, role: str, *, why: str = "to sign the handover"
    ) -> Protocol:
        """
        Return the exact bytes that the two hands of a handover sign, while this role signs them.

        The escort brings ``protocol`` (schema ``return.handover``); the receiving service gets what the escort signed,
        and is on record with it and ``why``: it says where the person is handed over, and who looks after her (R-13).
        Raises ``NotFound`` before there is one, ``Forbidden`` to whoever is neither escort nor reception,
        ``IllegalStep``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in _HANDS:
            raise Forbidden("the two hands are the escort and the receiving service", "act in one of these roles")

        async def unit(tx: Tx) -> Protocol:
            held = await cases.load(context, tx, ref)
            case, row = held.case, table_for(held.case.side).index.get((held.case.state, _HANDS[role]))
            if row is None or role not in row.who:
                raise IllegalStep(case.state, _HANDS[role], role)
            if protocol is not None:
                text = body_text(HANDOVER, _handover(case, protocol))
            else:
                text = await self._received(tx, case)
                await access.record(context, tx, held, person, "preview", why, now)
            return Protocol(text, body_digest(text), case.thread)

        made: Protocol = (await context.commit(unit)).value
        return made

    async def hand_over(
        self, ref: str, protocol: Mapping[str, Any], statement: str, person: str, role: str = "escort"
    ) -> None:
        """Sign the protocol of the handover as the escort, the first hand."""

        async def text(tx: Tx, case: Case) -> str:
            return body_text(HANDOVER, _handover(case, protocol))

        await self._sign_hand(ref, "hand_over", text, statement, "handover.delivery", person, role)

    async def confirm_handover(self, ref: str, statement: str, person: str, role: str = "reception") -> None:
        """Sign the protocol that the escort signed, as the receiving service, the second hand."""
        await self._sign_hand(ref, "confirm_handover", self._received, statement, "handover.receipt", person, role)

    async def _sign_hand(
        self,
        ref: str,
        name: str,
        text: Callable[[Tx, Case], Awaitable[str]],
        statement: str,
        kind: str,
        person: str,
        role: str,
    ) -> None:
        signer = acting(self._context, person, role, self._context.clock.now())

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            body = await text(tx, case)
            digest = body_digest(body)
            stated = self._listed(statement, case, signer, role, kind, digest)
            return body, {"body": body, **_release(stated, digest, statement)}

        await self._step(ref, name, person, role, make, HANDOVER)

    async def recall(
        self,
        ref: str,
        reason: str,
        code: str,
        by: str,
        person: str,
        role: str,
        protection: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Call the person back after departure, or ask to have them taken back, by the ISO date ``by``.

        ``reason`` stays sealed; the other State gets ``code`` (list ``take_back_reason``). ``protection``
        replaces the protection state of the draft where a freeze would; then the other State is told nothing (R-01).
        Nothing stands before this step. Raises ``Forbidden`` for a ``protection`` that attests none.
        """
        if protection is not None and protection.get("state") == "none":
            raise Forbidden("who calls back attests no 'none'", "leave the protection state out")
        text = body_text(TAKE_BACK, {"reason": code, "by": by})

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            draft = person_stop.tightened(case, protection, person, role)
            return text, {"reason": reason, "body": text, "draft": draft}

        await self._step(ref, "recall", person, role, make, TAKE_BACK)

    async def returned(self, ref: str, person: str, role: str) -> None:
        """Note that the person is back; everything is assessed anew."""

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            return "", {"over": person_stop.BECAUSE}

        await self._step(ref, "returned", person, role, make)

    # Stop, on either side; ``Hold`` lets go and goes on.

    async def suspend(self, ref: str, reason: str, person: str, role: str) -> None:
        """Stop the return at once; a State that knows of it learns that it is stopped, and no reason."""

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            return "", {"reason": reason, "undo": await self._undo(tx, case)}

        await self._step(ref, "suspend", person, role, make, SUSPENSION)

    # The side that accepts.

    async def prepare_acceptance(
        self, ref: str, answer: Mapping[str, Any], person: str, role: str, *, seen: str | None = None
    ) -> Pending:
        """
        Prepare to accept: ``answer`` has ``carer`` (``class``, ``agreed_in_writing_on``), ``service``,
        ``receiving_services`` and ``expires_on``. Return its exact bytes.
        """
        token = self._context.random.token()
        return await self._prepare(
            ref, ACCEPTANCE, lambda case, now: return_bodies.acceptance(case, answer, token, now), person, role, seen
        )

    async def accept(self, ref: str, statement: str, person: str, role: str) -> None:
        """Accept what was prepared, as the authority in charge, by a statement of the own key; it leaves with it."""
        data = self._signed(statement, person, role, "return.acceptance")
        await self._step(ref, "accept", person, role, data, prepared=True, discloses=True)

    async def refuse(self, ref: str, reason: str, person: str, role: str) -> None:
        """Refuse the proposal with a coded ``reason`` (list ``reason_not_received``)."""
        await self._say(ref, "refuse", ACCEPTANCE, lambda case, now: return_bodies.refusal(case, reason), person, role)

    async def issue(self, ref: str, document: Mapping[str, Any], person: str, role: str = "document_issuer") -> None:
        """Say that a travel document was issued: ``type``, ``number_digest``, ``issued_on``, ``valid_until``."""
        await self._say(
            ref, "issue", DOCUMENT, lambda case, now: return_bodies.document(case, document, now), person, role
        )

    async def reissue(self, ref: str, document: Mapping[str, Any], person: str, role: str = "document_issuer") -> None:
        """Say that another document takes the place of the last one."""
        await self._say(
            ref,
            "reissue_document",
            REISSUE,
            lambda case, now: return_bodies.reissued(case, document, now),
            person,
            role,
        )

    async def report(self, ref: str, status: str, on: str, final: bool, person: str, role: str) -> None:
        """Report how the person was found on the ISO date ``on``, as a code (list ``monitoring``)."""
        value = {"status": status, "final": final}
        name = REPORTS[event_name(MONITORING, value)] if status in schemas.codes("monitoring") else "report"
        await self._say(
            ref, name, MONITORING, lambda case, now: return_bodies.monitoring(case, status, on, final), person, role
        )

    # How each step is taken.

    async def _prepare(
        self,
        ref: str,
        type: str,
        compose: Callable[[Case, datetime], Mapping[str, Any]],
        person: str,
        role: str,
        seen: str | None = None,
    ) -> Pending:
        made: list[Pending] = []

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            pending = prepared(type, compose(case, self._context.clock.now()), person)
            made.append(pending)
            return pending.body, {"pending": pending, "digest": pending.digest}

        await self._step(ref, "prepare", person, role, make, type, seen=seen)
        return made[-1]

    async def _say(
        self,
        ref: str,
        name: str,
        type: str,
        compose: Callable[[Case, datetime], Mapping[str, Any]],
        person: str,
        role: str,
        seen: str | None = None,
        left_at: datetime | None = None,
    ) -> None:
        """Send a message that needs no second person, composed from the case."""

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            text = body_text(type, compose(case, self._context.clock.now()))
            data = {
                "body": text,
                "digest": body_digest(text),
                "undo": await self._undo(tx, case),
                "left_at": left_at,
            }
            return text, {**data, "unconfirmed": type == SCHEDULE and await heard.is_unconfirmed(tx, case)}

        await self._step(ref, name, person, role, make, type, discloses=True, seen=seen)

    async def _undo(self, tx: Tx, case: Case) -> str | None:
        return await standing.undo_of(self._context, tx, await cases.load(self._context, tx, case.ref))

    async def _step(
        self,
        ref: str,
        name: str,
        person: str,
        role: str,
        make: Make | None = None,
        type: str = "",
        *,
        prepared: bool = False,
        discloses: bool = False,
        seen: str | None = None,
    ) -> None:
        """
        Take the step ``name``: compose what leaves, look at the rules, move the case.

        ``prepared`` takes the type of the message from what is pending; ``discloses`` records the disclosure. With
        ``seen`` (``cases.mark``) no step is taken on what was not seen: raises ``Changed``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await without_fallen(context, tx, await cases.load(context, tx, ref, seen))
            case = held.case
            row = table_for(case.side).index.get((case.state, name))
            if row is None or role not in row.who:
                raise IllegalStep(case.state, name, role)
            try:
                text, data = await make(tx, case) if make else ("", {})
            except return_bodies.NotOnRecord as error:
                raise RuleRefused((Finding("R-00", str(error)),)) from error
            if case.exercise and text and (found := exercise.body_findings(ijson.loads(text.encode()))):
                raise RuleRefused(found)
            kind = case.pending.type if prepared and case.pending else type
            signed = (data["release"],) if "release" in data else ()
            # The rules look at the case as the step would leave it: with the signature, or with what became known.
            after = replace(case, releases=(*case.releases, *signed), draft=data.get("draft") or case.draft)
            facts = await self._facts(tx, after, kind, text, data.get("left_at"))
            await steps.move(context, tx, held, Event(name, person, role, data, facts), now)
            if discloses:
                why = (case.draft or {}).get("justification") or "answer to a request"
                await access.record(context, tx, held, person, "send", why, now, case.partner)

        await context.commit(unit)

    async def _facts(self, tx: Tx, case: Case, type: str, text: str, left_at: datetime | None) -> Facts:
        """Return what the rules look at before a message of ours about ``case`` leaves; of who left, as of then."""
        now = self._context.clock.now()
        return about(
            case,
            left_at or now,
            type,
            ijson.loads(text.encode()) if text else {},
            around=await look(self._context, tx, case, now),
            question=case.received,
            justification=None if case.side is Side.REQUESTING else "answer to a request",
        )

    async def _received(self, tx: Tx, case: Case) -> str:
        """Return the exact text of the protocol that the other hand sent; its statement covers these bytes."""
        found = await threads.last_taken(self._context, tx, case, HANDOVER)
        if found is None:
            raise NotFound("the escort has not signed a protocol yet")
        return found[1].body_bytes.decode()

    def _signed(self, statement: str, person: str, role: str, kind: str) -> Make:
        """Return what makes the data of a step that brings a statement of an authority over what is prepared."""
        signer = acting(self._context, person, role, self._context.clock.now())

        async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
            pending = _pending(case)
            stated = self._listed(statement, case, signer, role, kind, pending.digest)
            return pending.body, _release(stated, pending.digest, statement)

        return make

    def _listed(
        self, statement: str, case: Case, signer: Person, role: str, kind: str, digest: str
    ) -> statements.Statement:
        """Return what a statement says that travels: the signer's own, by a key in our card. Raises ``Forbidden``."""
        now = self._context.clock.now()
        stated = own_statement(signer, role, statement, case, kind, digest, now)
        check_listed(self._context, statement, role, now)
        return stated


def _with(data: Mapping[str, Any]) -> Make:
    async def make(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
        return "", data

    return make


async def _prepared(tx: Tx, case: Case) -> tuple[str, Mapping[str, Any]]:
    pending = _pending(case)
    return pending.body, {"digest": pending.digest, "body": pending.body}


def _pending(case: Case) -> Pending:
    if case.pending is None:
        raise return_bodies.NotOnRecord("a body that is prepared")
    return case.pending


def _handover(case: Case, protocol: Mapping[str, Any]) -> Mapping[str, Any]:
    if case.side is not Side.REQUESTING:
        raise Forbidden("the first hand is the escort of the State that proposed", "leave the protocol out")
    return return_bodies.handover(case, protocol)


def _release(stated: statements.Statement, digest: str, statement: str) -> Mapping[str, Any]:
    """Return what an event carries of a statement of ours; ``release`` is it as the rules see it already."""
    until = wire.format_instant(stated.valid_until)
    release = Release("ours", stated.statement, stated.role, digest, until, statement)
    return {"digest": digest, "statement": statement, "valid_until": until, "release": release}
