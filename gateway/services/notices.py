"""
After something was sent: ask what became of it, ask to pass it on, correct it, have it destroyed, and answer the same.

Rule 1: what is said here is a code, a number or a date. Right values for wrong ones are approved by two persons.
Rule 2: no answer is no: nothing here turns silence into a release (``gateway.core.notices.grants``).
Rule 3: a copy is destroyed with its key, in the transaction in which the confirmation stands in the outbox.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core import exercise
from gateway.core.attachments import only_drawn
from gateway.core.case import Case, Notice, Pending, Side
from gateway.core.elements import element_findings
from gateway.core.facts import Facts, Finding, about
from gateway.core.machine import Event, RuleRefused, step
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    CONFIRMATION,
    DOCUMENT_REQUEST,
    ELEMENTS,
    ERASURE,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    RECTIFICATION,
    USE_ANSWER,
    USE_REQUEST,
)
from gateway.core.minimise import disclose, members_of
from gateway.core.notices import REPLY_PART, last_number, open_demands
from gateway.core.preview import LEGAL_BASIS, body_text, prepared
from gateway.core.tables import table_for
from gateway.core.verification import CLERK, OFFICER
from gateway.core.verification_guards import value_of
from gateway.services import access, cases, heard, steps, threads
from gateway.services.answer import unsay
from gateway.services.around import look
from gateway.services.context import Context, Forbidden, acting, own_statement
from gateway.services.journal import fill_journal
from gateway.services.passed_over import bring_along
from gateway.services.ports import Tx, Unavailable
from gateway.services.retain import ErasedEntry, Retention, erase_and_confirm
from gateway.services.rows import OutboundRow

APPROVAL = "rectification.approval"
"""Kind of statement that approves right values for wrong ones."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    Who may hold the data of a person: one case, its partner, its state, and our demands it has not confirmed.

    Of those, ``untold`` are what no message of ours tells any more: it was dropped by a restore, or refused.
    """

    ref: str
    partner: str
    state: str
    open: tuple[Notice, ...]
    untold: tuple[Notice, ...] = ()


class Notices:
    """What either desk may say about data that was sent."""

    def __init__(self, context: Context, retention: Retention) -> None:
        """Work on the cases of ``context``; ``retention`` destroys what is to be destroyed."""
        self._context = context
        self._retention = retention

    # What was done with it.

    async def ask_use(self, ref: str, person: str, role: str) -> None:
        """Ask what the other State did with what we sent. Raises ``IllegalStep``, ``RuleRefused``."""
        await self._say(ref, "ask_use", USE_REQUEST, {}, person, role)

    async def report_use(self, ref: str, report: Mapping[str, Any], person: str, role: str) -> None:
        """Answer by ``report`` (schema ``use-report.answer``). Raises ``SchemaError``, ``RuleRefused``."""
        await self._say(ref, "report_use", USE_ANSWER, report, person, role)

    # May it be passed on.

    async def ask_onward(self, ref: str, purpose: str, recipient: str, person: str, role: str) -> None:
        """Ask to use what we received for ``purpose`` at a kind of body. Until a yes arrives the answer is no."""
        value = {"purpose": purpose, "recipient": recipient}
        await self._say(ref, "ask_onward", ONWARD_REQUEST, value, person, role)

    async def answer_onward(self, ref: str, number: int, until: str | None, person: str, role: str) -> None:
        """Grant request ``number`` up to and including ``until`` (ISO date), or refuse it (``None``), unreasoned."""
        decision = "REFUSED" if until is None else "GRANTED"
        value = {"number": number, "decision": decision, "until": until}
        await self._say(ref, "answer_onward", ONWARD_ANSWER, value, person, role)

    # It was wrong.

    async def strike(self, ref: str, parts: Sequence[str], person: str, role: str) -> None:
        """Say that ``parts`` of what we sent were wrong and are to be destroyed; it may follow a withdrawal."""
        value = {"parts": list(parts), "handling": None, "elements": None}
        await self._say(ref, "strike", RECTIFICATION, value, person, role, instead=self._unsaid)

    async def prepare_rectification(
        self,
        ref: str,
        parts: Sequence[str],
        elements: Mapping[str, Any],
        person: str,
        role: str,
        *,
        seen: str | None = None,
    ) -> Pending:
        """
        Prepare right values for ``parts``; a second person signs their digest. Returns the exact bytes.

        What a colleague prepared gives way. Raises ``SchemaError``, ``RuleRefused``, and ``Changed`` if the case is not
        what was ``seen``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> Pending:
            held = await cases.load(context, tx, ref, seen)
            draft = held.case.draft or {}
            handling = {"purpose": held.case.purpose, "legal_basis": LEGAL_BASIS, **draft["handling"]}
            number = last_number(held.case, RECTIFICATION, ours=True) + 1
            value = {"number": number, "parts": list(parts), "handling": handling, "elements": dict(elements)}
            pending = prepared(RECTIFICATION, value, person)
            await _check_left(context, tx, held, parts)
            if found := (*_images(elements), *element_findings(elements), *_of_real_persons(held.case, elements)):
                raise RuleRefused(found)
            data = {"pending": pending, "value": value, "digest": pending.digest}
            await steps.move(context, tx, held, Event("prepare_rectification", person, role, data), now)
            return pending

        made: Pending = (await context.commit(unit)).value
        return made

    async def rectify(self, ref: str, statement: str, person: str, role: str = "liaison_officer") -> None:
        """
        Approve the values prepared by ``statement`` over their digest, send them, and correct our own file.

        Raises ``Forbidden``, ``IllegalStep``, ``RuleRefused``.
        """
        context, now = self._context, self._context.clock.now()
        approver = acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            pending = held.case.pending
            if pending is None or pending.type != RECTIFICATION:
                raise Forbidden("no rectification is prepared in this case", "prepare it first")
            hint = "sign the digest that was shown"
            own_statement(
                approver, role, statement, held.case, APPROVAL, pending.digest, now, called="approval", hint=hint
            )
            value = value_of(pending)
            await _check_left(context, tx, held, value["parts"])
            # For the rules it is what it is: elements that leave. Only what brings no value is exempt of R-01.
            data = {"value": value, "body": pending.body, "digest": pending.digest}
            data["sent"] = await heard.sent_since(context, tx, held)
            facts = await self._facts(tx, held.case, ELEMENTS, value)
            await steps.move(context, tx, held, Event("rectify", person, role, data, facts), now)
            why = (held.case.draft or {}).get("justification", "")
            await access.record(context, tx, held, person, "rectify", why, now, held.case.partner)

        await context.commit(unit)

    # It is to be destroyed.

    async def demand_erasure(self, ref: str, person: str, role: str) -> None:
        """Ask the other State to destroy all that we sent in this case; it may follow a withdrawal."""
        await self._say(ref, "demand_erasure", ERASURE, {}, person, role)

    async def confirm(self, ref: str, number: int, result: str, person: str, role: str) -> None:
        """Confirm that rectification ``number`` was carried out wherever our State holds the data."""
        value = {"number": number, "act": "RECTIFICATION", "result": result}
        await self._say(ref, "confirm", CONFIRMATION, value, person, role)

    async def destroy(self, ref: str, number: int, person: str, role: str) -> None:
        """
        Destroy our copy as erasure ``number`` of the other State asks, and confirm it.

        On the side that was asked the whole case goes with its key; on the side that asked, what came from the other
        State. Raises ``IllegalStep``, ``RuleRefused``, and ``Unavailable`` while a message of ours is on its way.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        value = {"number": number, "act": "ERASURE", "result": "DONE"}
        event = Event("destroy", person, role, {"value": value, "body": body_text(CONFIRMATION, value)})
        entry = ErasedEntry(context, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            step(table_for(held.case.side), held.case, event, now)
            if any(row.waits for row in await tx.outbound_of_case(ref)):
                raise Unavailable("a message of this case is not answered yet", "destroy it once nothing is on its way")
            await steps.move(context, tx, held, event, now)
            await fill_journal(tx)
            if held.case.side is Side.REQUESTED:
                await erase_and_confirm(context, tx, ref, now)
                entry.note()
            else:
                for row in await tx.inbound_of_case(ref, bare=True):
                    await tx.save_inbound(row)  # without its signed bytes

        await context.commit(unit)
        await self._retention.empty_journal()

    # Who has it.

    async def recipients(self, ref: str, person: str, role: str, why: str) -> tuple[Recipient, ...]:
        """
        Return the cases in which something of this person may have been sent, each with what it has not confirmed.

        A rectification or erasure reaches every past recipient (R-16): whoever sends one looks here first, and again
        until nothing is open. Cases that share no number with this one may be of another person; a person decides.

        Which cases are of one person is itself about the person: who looks, and ``why``, goes on record in each (R-13).

        Raises ``Forbidden`` to whoever may not correct.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in OFFICER | CLERK:
            raise Forbidden(f"the role '{role}' corrects nothing", "ask the desk in charge")

        async def unit(tx: Tx) -> tuple[Recipient, ...]:
            refs = [ref, *(other.ref for other in await tx.shared(ref))]
            found = []
            for one in refs:
                row = await tx.find_case(one)
                if row is None or row.sealed is None:
                    continue
                if (held := cases.readable(context, row)) is None:
                    found.append(Recipient(row.ref, row.partner, row.state, ()))  # nobody can say that nothing left
                    continue
                case = held.case
                await access.record(context, tx, held, person, "recipients", why, now)
                if await heard.was_posted(tx, case):
                    untold = await _untold(context, tx, held)
                    found.append(Recipient(row.ref, case.partner, case.state.value, open_demands(case), untold))
            return tuple(found)

        found: tuple[Recipient, ...] = (await context.commit(unit)).value
        return found

    # What these have in common.

    async def _unsaid(self, tx: Tx, held: cases.Held, event: Event, now: datetime) -> bool:
        """Return whether an answer that is taken back was never posted: it is taken out, and the desk answers again."""
        row = table_for(held.case.side).index.get((held.case.state, event.name))
        if row is None or event.role not in row.who:
            return False
        parts = event.data["value"]["parts"]
        await _check_left(self._context, tx, held, parts)
        return parts == [REPLY_PART] and await unsay(self._context, tx, held, event.actor, now) is not held

    async def _say(
        self,
        ref: str,
        name: str,
        type: str,
        value: Mapping[str, Any],
        person: str,
        role: str,
        *,
        instead: Callable[[Tx, cases.Held, Event, datetime], Awaitable[bool]] | None = None,
    ) -> None:
        """Say ``value`` by the step ``name``, or do what returns that it was done ``instead``."""
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            number = last_number(held.case, type, ours=True) + 1
            body = {"number": number, **value}
            data = {"value": body, "body": body_text(type, body), "posted": await heard.was_posted(tx, held.case)}
            event = Event(name, person, role, data, await self._facts(tx, held.case, type, body))
            if instead is None or not await instead(tx, held, event, now):
                moved = await steps.move(context, tx, held, event, now)
                if type in AFTER_WITHDRAWAL:
                    await bring_along(context, tx, moved.row, now)

        await context.commit(unit)

    async def _facts(self, tx: Tx, case: Case, type: str, value: Mapping[str, Any]) -> Facts:
        now = self._context.clock.now()
        around = await look(self._context, tx, case, now)
        return about(case, now, type, value, around=around, question=case.received, justification="answer")


def _images(elements: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return a finding for each image: a wrong one is struck; a right one is sent when it is asked for again."""
    return only_drawn(elements, {})


def _of_real_persons(case: Case, elements: Mapping[str, Any]) -> tuple[Finding, ...]:
    return exercise.findings(elements) if case.exercise else ()


STILL_HERE = "what brings this waits here and has not left: stop the case, which keeps it here, and set it right there"
"""Why a correction is not sent: it would follow, and so tell first, what nobody has been told yet."""


_BRINGS = frozenset({ELEMENTS, DOCUMENT_REQUEST})
"""Types that bring elements which the request did not."""


async def _check_left(context: Context, tx: Tx, held: cases.Held, parts: Sequence[str]) -> None:
    """
    Raise ``RuleRefused`` if any of ``parts`` is brought by what was never posted alone: it would leave as it is.

    Of what is abroad it is said at once, whatever waits.
    """
    case, wrong = held.case, members_of(parts)
    rows = [row for row in await tx.outbound_of_case(case.ref) if row.type in _BRINGS]
    if case.draft is None or not any(row.state == "queued" for row in rows):
        return
    wrong -= frozenset(disclose(case.draft, case.purpose).elements)
    for row in rows:
        if row.posted_at is not None:
            wrong -= _brings(context, held, row, frozenset())
    if any(row.state == "queued" and wrong & _brings(context, held, row, wrong) for row in rows):
        raise RuleRefused((Finding("R-16", STILL_HERE, "parts"),))


def _brings(context: Context, held: cases.Held, row: OutboundRow, unread: frozenset[str]) -> frozenset[str]:
    """Return the members of the elements of a message of ours, ``unread`` where it cannot be read or is not kept."""
    body = threads.find_said(context, held, row)
    return unread if body is None else frozenset(body["elements"])


async def _untold(context: Context, tx: Tx, held: cases.Held) -> tuple[Notice, ...]:
    """Return the open demands of ours that no message tells any more; what cannot be read, or is not kept, told one."""
    said = [row for row in await tx.outbound_of_case(held.case.ref) if row.type in (RECTIFICATION, ERASURE)]
    alive = [row for row in said if row.waits or row.state == "receipted"]
    bodies = [(row.type, threads.find_said(context, held, row)) for row in alive]
    if any(body is None for _, body in bodies):
        return ()
    told = {(type, body["number"]) for type, body in bodies if body is not None}
    return tuple(one for one in open_demands(held.case) if (one.kind, one.number) not in told)
