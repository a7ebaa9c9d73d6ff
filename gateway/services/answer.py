"""
What the requested desk does: acknowledge, ask for more, say it will be late, answer.

Rule 1: everything is a code; no register extract is ever echoed.
Rule 2: an answer that is not positive leaves only with the signature of a second signer over its exact bytes.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.core import wire
from gateway.core.case import Case, Pending, State, replace
from gateway.core.clocks import Clock
from gateway.core.facts import Facts, Finding, about
from gateway.core.machine import Event, RuleRefused
from gateway.core.messages import (
    ACKNOWLEDGEMENT,
    DELAY,
    DOCUMENT,
    INTERVIEW,
    INTERVIEW_RESULT,
    NEGATIVE_OUTCOMES,
    QUESTION,
    REDIRECT,
    REISSUE,
    REPLY,
    TYPES,
)
from gateway.core.preview import LEGAL_BASIS, body_text, prepared
from gateway.core.starts import starts_of_message
from gateway.core.verification import GATEWAY, unanswered_by
from gateway.core.verification_guards import value_of
from gateway.services import access, cases, steps, threads
from gateway.services.around import look
from gateway.services.context import Context, Forbidden, acting, check_listed, own_statement
from gateway.services.directory import is_listed
from gateway.services.passed_over import bring_back
from gateway.services.ports import Tx
from gateway.services.reckon import overdue
from keys.errors import BadRest

ANSWER_WAITS = "the answer waits here and has not left; the case is closed once it has"
"""Why a case is not closed yet."""

Body = Callable[[Case], tuple[str, Mapping[str, Any], Mapping[str, Any]]]
"""Builds a message from its case: type, body, and what else the event carries."""


class Answer:
    """The acts of the requested desk on a case it received."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    async def acknowledge(self, ref: str, person: str, role: str = "registry_clerk") -> None:
        """Acknowledge the request as a competent human: authority, calendar, and the dates reckoned here."""
        context, now = self._context, self._context.clock.now()

        def body(case: Case) -> tuple[str, Mapping[str, Any], dict[str, Any]]:
            return ACKNOWLEDGEMENT, acknowledgement(context, case, now), {}

        await self._say(ref, "acknowledge", person, role, body)

    async def ask(
        self, ref: str, elements: list[str], candidates: int, person: str, role: str = "registry_clerk"
    ) -> None:
        """Ask for tier-2 ``elements`` because ``candidates`` (2 or more) entries fit. Raises ``SchemaError``."""
        value = {"code": "AMBIGUOUS", "candidates": candidates, "elements": elements}
        await self._say(ref, "ask", person, role, lambda case: (QUESTION, value, {"asked": tuple(elements)}))

    async def redirect(self, ref: str, authority: str, reason: str, person: str, role: str = "registry_clerk") -> None:
        """
        Point to the competent ``authority`` of our own directory. Raises ``Forbidden`` if it is not one of it today.
        """
        context, today = self._context, self._context.clock.now().date()
        ours = await context.store.read(lambda tx: is_listed(context, tx, context.country, authority, today))
        if not ours:
            raise Forbidden(
                f"{authority} is not in our directory today", "announce it first: isthmus directory announce"
            )
        value = {"authority": {"id": authority}, "reason": reason}
        await self._say(ref, "redirect", person, role, lambda case: (REDIRECT, value, {}))

    async def ask_interview(
        self, ref: str, proposal: Mapping[str, Any], person: str, role: str = "registry_clerk"
    ) -> None:
        """
        Propose an interview (schema ``verification.interview``); only where the request's method limit allows one.

        Raises ``SchemaError``, ``RuleRefused``.
        """
        await self._say(ref, "ask_interview", person, role, lambda case: (INTERVIEW, proposal, {}))

    async def report_interview(
        self, ref: str, result: Mapping[str, Any], person: str, role: str = "registry_clerk"
    ) -> None:
        """Say if the interview agreed on was held and what it showed (schema ``verification.interview-result``)."""
        await self._say(ref, "report_interview", person, role, lambda case: (INTERVIEW_RESULT, result, {}))

    async def delay(self, ref: str, reason: str, eta: str, person: str, role: str = "registry_clerk") -> None:
        """Say by code why the answer will take until ``eta`` (ISO date); no extension of the clock."""
        value = {"reason": reason, "eta": eta, "extension": False, "due_on": None}
        await self._say(ref, "notify_delay", person, role, lambda case: (DELAY, value, {}))

    async def extend(self, ref: str, reason: str, person: str, role: str = "registry_clerk") -> None:
        """Extend the clock as far as its rule allows, before it is due, giving a coded reason."""
        context, now = self._context, self._context.clock.now()

        def body(case: Case) -> tuple[str, dict[str, Any], dict[str, Any]]:
            clock = case.clock("reply")
            longer: Clock | None = clock and context.reckoner.extend(case.partner, context.country, clock, now, reason)
            end = longer or clock
            due_on = (end.due_on if end else now.date()).isoformat()
            value = {"reason": reason, "eta": due_on, "extension": True, "due_on": due_on}
            extra = {"clock": longer, "clocks": (longer,) if longer else (), "overdue": overdue(clock, now)}
            return DELAY, value, extra

        await self._say(ref, "extend", person, role, body)

    async def prepare(
        self,
        ref: str,
        reply: Mapping[str, Any],
        person: str,
        role: str = "registry_clerk",
        *,
        seen: str | None = None,
    ) -> Pending:
        """
        Prepare ``reply`` (schema ``verification.reply`` without ``handling``) and return its exact bytes and digest.

        It takes the place of what a colleague prepared. Raises ``schemas.SchemaError``, ``RuleRefused``, and
        ``Changed`` if the case is not what was ``seen``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> Pending:
            held = await cases.load(context, tx, ref, seen)
            handling = {**(held.case.received or {})["handling"], "legal_basis": LEGAL_BASIS}
            value = {**reply, "handling": handling}  # the conditions are the request's, whatever the caller brings
            pending = prepared(REPLY, value, person)
            facts = await _facts(context, tx, held.case, value)
            event = Event("prepare", person, role, {"pending": pending, "digest": pending.digest}, facts)
            await steps.move(context, tx, held, event, now)
            await access.record(context, tx, held, person, "search", "answer to a request", now)
            return pending

        made: Pending = (await context.commit(unit)).value
        return made

    async def countersign(self, ref: str, statement: str, person: str) -> None:
        """
        Add the second signature to the prepared answer; its key must stand in our own card for that role.

        Raises ``Forbidden``, ``IllegalStep``, ``RuleRefused``.
        """
        context, now = self._context, self._context.clock.now()
        signer = acting(context, person, "second_signer", now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            digest = held.case.pending.digest if held.case.pending else ""
            stated = own_statement(
                signer,
                "second_signer",
                statement,
                held.case,
                "reply.second-signature",
                digest,
                now,
                called="signature",
                hint="sign the digest of the prepared answer",
            )
            check_listed(context, statement, "second_signer", now)
            until = wire.format_instant(stated.valid_until)
            data = {"digest": digest, "statement": statement, "valid_until": until}
            await steps.move(context, tx, held, Event("countersign", person, "second_signer", data), now)

        await context.commit(unit)

    async def answer(self, ref: str, person: str, role: str = "registry_clerk", *, seen: str | None = None) -> None:
        """
        Send the prepared answer. Raises ``RuleRefused`` if a second signature is missing, ``IllegalStep``, and
        ``Changed`` if it is not the one that was ``seen``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref, seen)
            pending = held.case.pending
            value = value_of(pending) if pending else {}
            data = {"outcome": value.get("outcome"), "reply": value, "digest": pending.digest if pending else None}
            event = Event("answer", person, role, data, await _facts(context, tx, held.case, value))
            await steps.move(context, tx, held, event, now)

        await context.commit(unit)

    async def close(self, ref: str, person: str, role: str = "registry_clerk") -> None:
        """
        Close an answered or withdrawn case. Raises ``IllegalStep``, and ``RuleRefused`` while its answer waits here.

        What the answer rests on may be set right before it leaves, and who closed the case would not answer again.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            closing = await self.closing(tx, held, Event("close", person, role))
            moved = await steps.move(context, tx, held, closing, now)
            await bring_back(context, tx, held.row, moved.row, now)

        await context.commit(unit)

    async def closing(self, tx: Tx, held: cases.Held, by: Event) -> Event:
        """Return ``by`` as it is. Raises ``RuleRefused`` (R-11) as ``close``."""
        if await threads.waits(tx, held.case, REPLY):
            raise RuleRefused((Finding("R-11", ANSWER_WAITS),))
        return by

    async def _say(self, ref: str, name: str, person: str, role: str, body: Body) -> None:
        """Send a coded message built from the case by ``body(case) -> (type, body, more event data)``."""
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            type, value, extra = body(held.case)
            data = {"body": body_text(type, value), **extra}
            await steps.move(context, tx, held, Event(name, person, role, data), now)

        await context.commit(unit)


def acknowledgement(context: Context, case: Case, now: datetime) -> Mapping[str, Any]:
    """Return what an acknowledgement says that is handed in ``now``: authority, calendar and dates reckoned here."""
    calendar = context.reckoner.calendars.get(context.country)
    stated = starts_of_message(ACKNOWLEDGEMENT, {})
    begun = context.reckoner.begin(case.partner, context.country, stated, now, "", case.clocks)
    # Where the agreement counts from this very acknowledgement, it says the dates that follow from itself.
    clock = next((one for one in begun if one.step == "reply"), case.clock("reply"))
    return {
        "authority": {"id": context.authority},
        "calendar": {
            "id": calendar.id if calendar else f"{context.country}-NONE",
            "version": calendar.version if calendar else "0",
        },
        "start_on": clock.start_on.isoformat() if clock else None,
        "due_on": clock.due_on.isoformat() if clock else None,
    }


UNSAID = "an answer that was never posted was taken out, for what it rests on was set right or fell; answer again"
"""Finding on a case whose answer would have left as it was prepared."""


async def unsay(context: Context, tx: Tx, held: cases.Held, actor: str, now: datetime) -> cases.Held:
    """
    Take the answer of ``held`` out of the outbox if it was never posted, and have the desk answer again.

    Returns the case as it is then. No case is closed upon an answer that has not left (``Answer.close``).
    """
    if held.case.state is not State.REPLIED or not await threads.leave_out(context, tx, held, REPLY, now):
        return held
    unsaid = held._replace(case=replace(held.case, reply=None))
    event = Event(unanswered_by(held.case), actor, GATEWAY, {"found": UNSAID})
    return await steps.move(context, tx, unsaid, event, now)


UNISSUED = "a document that was never told was taken out, for what it rests on was set right or fell; issue it again"
"""Finding on a case whose travel document would have left as it was made, after the correction."""


async def unissue(context: Context, tx: Tx, held: cases.Held, now: datetime) -> cases.Held:
    """
    Take what says which travel document counts out of the outbox if it was never posted, and have it issued again.

    Told after the correction was heard, it would pass for one that was made by it. Returns the case as it is then.
    """
    gone = [one for one in (DOCUMENT, REISSUE) if await threads.leave_out(context, tx, held, one, now)]
    if not gone:
        return held
    try:
        said = await threads.with_documents(context, tx, held)
    except BadRest as error:
        # A correction is taken whatever is wrong with what was told before.
        context.log_fault(held.case.partner, gone[0], error)
        said = {name: body for name, body in held.case.said.items() if name not in gone}
    data = {"found": UNISSUED, "said": said}
    await steps.tell(context, tx, held, Event(TYPES[gone[0]].refused, context.country, GATEWAY, data), now)
    return await cases.load(context, tx, held.case.ref)


async def _facts(context: Context, tx: Tx, case: Case, value: Mapping[str, Any]) -> Facts:
    now = context.clock.now()
    around = await look(context, tx, case, now)
    return about(case, now, REPLY, value, around=around, question=case.received, justification="answer")


def needs_second_signer(outcome: str) -> bool:
    """Tell whether an answer with ``outcome`` needs a second signature before it leaves."""
    return outcome in NEGATIVE_OUTCOMES
