"""
What people of the gateway under test do: the acts of two desks and an authority, each through the real services.

The conformance suite says what is to be said; who may say it, and with whose signature, is decided here as in a
ministry.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.app import Gateway
from gateway.core.case import Side
from gateway.core.messages import NEGATIVE_OUTCOMES
from gateway.core.return_guards import represented
from gateway.services import cases
from gateway.services.context import NotFound
from keys import statement
from keys.sign import SigningKey
from tests.support import homeward
from tests.support.erased import erase

OFFICE = ("coordinator", "coordinator", "coordinator"), ("welfare", "child_welfare", "welfare")
"""Who is in charge of a return, without and with a representative: person, role, and its name in a card."""
RECEIVES = ("second", "desk_head", "desk_head"), ("welfare", "child_welfare", "welfare")

FREEZES = {
    "protection": ("protection", "asylum_authority", {"state": "indicated", "basis": "interview"}),
    "welfare": ("welfare", "child_welfare", None),
    "other": ("second", "liaison_officer", None),
}


class NotHere(Exception):
    """This back-end does not offer it."""


class Desk:
    """The people of one gateway, and the keys they sign with."""

    def __init__(self, gateway: Gateway, keys: Mapping[str, SigningKey]) -> None:
        """Act in ``gateway``; ``keys`` are those of the persons of its configuration."""
        self._gateway = gateway
        self._keys = keys

    async def submit(self, draft: Mapping[str, Any], *, exercise: bool = False) -> str:
        """Draft, approve and send a case; return its thread."""
        clear = self._gateway.clear
        ref = await clear.new({**draft, "officer": "first"}, "first", exercise=exercise)
        preview, thread = await clear.show(ref, "second", "liaison_officer")
        await clear.approve(ref, self._signed(preview.digest, thread, "request.approval", "liaison_officer"), "second")
        await clear.send(ref, "first")
        return thread

    async def say(self, partner: str, thread: str | None, type: str, body: Mapping[str, Any]) -> str | None:
        """Say the next thing in a thread; return the thread of what opens one. Raises ``NotHere``."""
        if type == "directory":
            await self._gateway.directory.announce(body, "second")
            return None
        if type == "information.request":
            return await self._question(partner, body)
        act = self._acts().get(type)
        if act is None or thread is None:
            raise NotHere(f"nobody here says {type}")
        if type == "information.answer":
            await self._inform(partner, thread, body)
            return None
        await act(await self._ref(partner, thread), thread, body)
        return None

    async def act(self, partner: str, thread: str, act: str, reason: str | None) -> None:
        """Do something in a thread without writing a message."""
        ref, gateway = await self._ref(partner, thread), self._gateway
        match act:
            case "freeze":
                person, role, protection = FREEZES[reason or "other"]
                now = gateway.context.clock.now()
                known = {"attested_by": person, "attested_on": now.date().isoformat(), **(protection or {})}
                await gateway.hold.freeze(ref, f"because of {reason}", person, role, known if protection else None)
            case "withdraw":
                await gateway.hold.withdraw(ref, "second", "liaison_officer")
            case "set-aside":
                await gateway.returning.suspend(ref, "a reason that stays here", "first", "case_officer")
            case "go-on":
                await self._go_on(ref, *FREEZES[reason or "other"][:2])
            case "close":
                asked = (await self._case(ref)).side is Side.REQUESTED
                await (gateway.answer.close(ref, "first") if asked else gateway.clear.close(ref, "first"))
            case "decline":
                await gateway.returning.decline(ref, "welfare", "child_welfare")
            case "erase":
                await erase(gateway, ref, gateway.context.clock.now())
            case _:
                raise NotHere(f"nobody here can {act[:20]}")

    async def _go_on(self, ref: str, person: str, role: str) -> None:
        """Let a frozen case go on: who froze it lets go, somebody proposes that it goes on, and another one agrees."""
        await self._gateway.hold.release(ref, person, role)
        await self._gateway.hold.resume(ref, *await self._role(ref))
        await self._gateway.hold.resume(ref, *await self._head(ref))

    def _acts(self) -> Mapping[str, Callable[[str, str, Mapping[str, Any]], Awaitable[None]]]:
        return {
            "verification.acknowledgement": self._acknowledge,
            "verification.delay": self._delay,
            "verification.question": self._ask,
            "verification.reply": self._reply,
            "verification.redirect": self._redirect,
            "verification.elements": self._elements,
            "verification.contest": self._contest,
            "verification.interview": self._interview,
            "verification.interview-answer": self._interview_answer,
            "verification.interview-result": self._interview_result,
            "reminder": self._remind,
            "return.proposal": self._propose,
            "return.acceptance": self._accept,
            "travel-document.request": self._request_document,
            "travel-document.issued": self._issue,
            "travel-document.reissue": self._reissue,
            "return.schedule": self._schedule,
            "return.handover": self._hand_over,
            "return.monitoring": self._monitor,
            "return.take-back": self._take_back,
            "suspension": self._suspend,
            "resumption": self._resume,
            "use-report.request": self._ask_use,
            "use-report.answer": self._report_use,
            "onward.request": self._ask_onward,
            "onward.answer": self._answer_onward,
            "rectification": self._rectify,
            "erasure": self._demand_erasure,
            "confirmation": self._confirm,
            "information.answer": self._never,
        }

    async def _never(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        raise NotHere("it is about no case")

    async def _acknowledge(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.answer.acknowledge(ref, "first")

    async def _delay(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        if body.get("extension"):
            await self._gateway.answer.extend(ref, body["reason"], "first")
        else:
            await self._gateway.answer.delay(ref, body["reason"], body["eta"], "first")

    async def _ask(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.answer.ask(ref, body["elements"], body["candidates"], "first")

    async def _reply(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        answer = self._gateway.answer
        pending = await answer.prepare(ref, body, "first")
        if body.get("outcome") in NEGATIVE_OUTCOMES:
            signed = self._signed(pending.digest, thread, "reply.second-signature", "second_signer", "signer")
            await answer.countersign(ref, signed, "signer")
        await answer.answer(ref, "first")

    async def _redirect(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.answer.redirect(ref, body["authority"]["id"], body["reason"], "first")

    async def _elements(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        clear = self._gateway.clear
        preview = await clear.prepare(ref, "first")
        signed = self._signed(preview.digest, thread, "elements.approval", "liaison_officer")
        await clear.approve(ref, signed, "second")
        await clear.send(ref, "first")

    async def _contest(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.clear.contest(ref, body["ground"], "first")

    async def _remind(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.reminder.remind(ref, "second", "liaison_officer")

    # An interview.

    async def _interview(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.answer.ask_interview(ref, body, "first")

    async def _interview_answer(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        clear, today = self._gateway.clear, self._now().date().isoformat()
        if body["decision"] == "DECLINED":
            await clear.decline_interview(ref, "first")
            return
        consent = {"language": "ru", "by": "interpreter", "on": today, "copy_given": True, "revoked_on": None}
        answer = {name: body[name] for name in ("present", "on")}
        pending = await clear.prepare_interview(ref, answer, consent, "first")
        signed = self._signed(pending.digest, thread, "interview.approval", "liaison_officer")
        await clear.approve(ref, signed, "second")
        await clear.agree_interview(ref, "first")

    async def _interview_result(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.answer.report_interview(ref, body, "first")

    # A return, on the side that proposes.

    async def _propose(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        returning, case = self._gateway.returning, await self._case(ref)
        person, role, named = OFFICE[represented(case)]
        if case.state.value == "RECALL":
            await self._is_back(ref)
        elif case.state.value not in ("CONSIDERED", "ASSESSED"):
            await returning.consider(ref, self._record(case), "first", "case_officer")
        if (await self._case(ref)).state.value == "CONSIDERED":
            await returning.assess(ref, person, role)
        plan = {name: body[name] for name in ("window", "needs", "referral")}
        pending = await returning.prepare(ref, plan, "first", "case_officer")
        approval = self._signed(pending.digest, thread, "return.approval", "liaison_officer")
        await returning.approve(ref, approval, "second")
        release = self._signed(pending.digest, thread, "return.release", named, person, 60)
        await returning.endorse(ref, release, person, role)
        await returning.propose(ref, "first", "case_officer")

    async def _is_back(self, ref: str) -> None:
        """Note that who was called back is back, with a new record."""
        returning = self._gateway.returning
        await returning.returned(ref, "first", "case_officer")
        await returning.record(ref, self._record(await self._case(ref)), "first", "case_officer")

    def _record(self, case: Any, **changes: Any) -> dict[str, Any]:
        """Return a national record in which nothing stands against a return, as of today."""
        today = self._now().date()
        days = {
            "on": (today - timedelta(days=1)).isoformat(),
            "expires_on": (today + timedelta(days=200)).isoformat(),
            "signer": OFFICE[represented(case)][1],
        }
        kinds = ("risk", "best_interests", "family") if represented(case) else ("risk",)
        made = homeward.record(represented(case))
        kept = (case.record or {}).get("assessments")  # what was assessed stays; who is in charge alone may change it
        made["assessments"] = kept or [{"kind": kind, "positive": True, **days} for kind in kinds]
        return made | changes

    async def _request_document(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        returning, case = self._gateway.returning, await self._case(ref)
        person, role, _ = OFFICE[represented(case)]
        await returning.record(ref, self._record(case, decision=homeward.DECISION), "first", "case_officer")
        await returning.decide(ref, person, role)
        pending = await returning.prepare_document(ref, body["needed_by"], "first", "case_officer")
        approval = self._signed(pending.digest, thread, "travel.approval", "liaison_officer")
        await returning.approve(ref, approval, "second")
        await returning.request_document(ref, "first", "case_officer")

    async def _schedule(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        returning, case = self._gateway.returning, await self._case(ref)
        if body["status"] == "cancelled":
            await returning.cancel(ref, "second", "liaison_officer")
            return
        if body["status"] == "departed":
            await self._record_departure(ref, case)
            await returning.depart(ref, "escort")
            return
        travel = {"departs_at": datetime.fromisoformat(body["departs_at"]).isoformat(), "notice_h": 48}
        record = self._record(case, decision=homeward.DECISION, travel=travel)
        await returning.record(ref, record, "first", "case_officer")
        plan = {name: body[name] for name in ("arrives_at", "point", "carrier", "escort", "medical_needs")}
        await returning.schedule(ref, plan, "second")

    async def _record_departure(self, ref: str, case: Any) -> None:
        now = self._now()
        travel = (case.record or {}).get("travel")
        again = {"on": now.date().isoformat(), "by": "escort", "consent_stands": True}
        told = (now - timedelta(days=2)).date().isoformat()
        full = {"decision": homeward.DECISION, "travel": travel, "contacts_given_on": told, "reconfirmation": again}
        await self._gateway.returning.record(ref, self._record(case, **full), "first", "case_officer")

    # A return, on the side that receives.

    async def _accept(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        returning = self._gateway.returning
        person, role, named = RECEIVES[represented(await self._case(ref))]
        if body["decision"] == "refused":
            await returning.refuse(ref, body["reason"], person, role)
            return
        answer = {name: body[name] for name in ("carer", "service", "receiving_services", "expires_on")}
        pending = await returning.prepare_acceptance(ref, answer, "first", "registry_clerk")
        signed = self._signed(pending.digest, thread, "return.acceptance", named, person, 60)
        await returning.accept(ref, signed, person, role)

    async def _issue(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.returning.issue(ref, body["document"], "issuer")

    async def _reissue(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.returning.reissue(ref, body["document"], "issuer")

    async def _monitor(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        act = self._gateway.returning.report
        await act(ref, body["status"], body["on"], body["final"], "reception", "reception")

    # A return, on either side.

    async def _hand_over(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        returning = self._gateway.returning
        if (await self._case(ref)).side is Side.REQUESTED:
            seen = await returning.protocol(ref, None, "reception", "reception")
            signed = self._signed(seen.digest, thread, "handover.receipt", "reception", "reception")
            await returning.confirm_handover(ref, signed, "reception")
            return
        protocol = body["protocol"]
        seen = await returning.protocol(ref, protocol, "escort", "escort")
        signed = self._signed(seen.digest, thread, "handover.delivery", "escort", "escort")
        await returning.hand_over(ref, protocol, signed, "escort")

    async def _take_back(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        act = self._gateway.returning.recall
        await act(ref, "a reason that stays here", body["reason"], body["by"], "welfare", "child_welfare")

    async def _suspend(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.returning.suspend(ref, "a reason that stays here", "welfare", "child_welfare")

    async def _resume(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        asking = (await self._case(ref)).side is Side.REQUESTING
        await self._gateway.hold.release(ref, "welfare", "child_welfare")
        role = "liaison_officer" if asking else "desk_head"
        await self._gateway.hold.resume(ref, "second", role)

    # After something was sent.

    async def _role(self, ref: str) -> tuple[str, str]:
        asking = (await self._case(ref)).side is Side.REQUESTING
        return ("first", "case_officer") if asking else ("first", "registry_clerk")

    async def _head(self, ref: str) -> tuple[str, str]:
        asking = (await self._case(ref)).side is Side.REQUESTING
        return ("second", "liaison_officer") if asking else ("second", "desk_head")

    async def _ask_use(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.notices.ask_use(ref, *await self._role(ref))

    async def _report_use(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.notices.report_use(ref, body, *await self._role(ref))

    async def _ask_onward(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.notices.ask_onward(ref, body["purpose"], body["recipient"], *await self._role(ref))

    async def _answer_onward(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        act, until = self._gateway.notices.answer_onward, body["until"] if body["decision"] == "GRANTED" else None
        await act(ref, body["number"], until, *await self._head(ref))

    async def _rectify(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        notices = self._gateway.notices
        if body.get("elements") is None:
            await notices.strike(ref, body["parts"], *await self._role(ref))
            return
        made = await notices.prepare_rectification(ref, body["parts"], body["elements"], *await self._role(ref))
        signed = self._signed(made.digest, thread, "rectification.approval", "liaison_officer")
        await notices.rectify(ref, signed, "second")

    async def _demand_erasure(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        await self._gateway.notices.demand_erasure(ref, *await self._role(ref))

    async def _confirm(self, ref: str, thread: str, body: Mapping[str, Any]) -> None:
        notices = self._gateway.notices
        if body["act"] == "ERASURE":
            await notices.destroy(ref, body["number"], *await self._head(ref))
        else:
            await notices.confirm(ref, body["number"], body["result"], *await self._role(ref))

    # What is about no person.

    async def _question(self, partner: str, body: Mapping[str, Any]) -> str:
        office = self._gateway.information
        made = await office.ask(partner, body, "writer")
        await self._send_office(partner, made, "information.request")
        return made.thread

    async def _inform(self, partner: str, thread: str, body: Mapping[str, Any]) -> None:
        made = await self._gateway.information.prepare_answer(partner, thread, body, "writer")
        await self._send_office(partner, made, "information.answer")

    async def _send_office(self, partner: str, made: Any, kind: str) -> None:
        signed = self._signed(made.digest or "", made.thread, kind, "information", "office")
        await self._gateway.information.send(partner, made.thread, signed, "office")

    # What the acts need.

    def _now(self) -> datetime:
        return self._gateway.context.clock.now()

    def _signed(self, digest: str, thread: str, kind: str, role: str, person: str = "second", days: int = 1) -> str:
        made = statement.Statement(thread, kind, role, digest, self._now() + timedelta(days=days))
        return statement.make(made, self._keys[person]).decode()

    async def _ref(self, partner: str, thread: str) -> str:
        row = await self._gateway.store.read(lambda tx: tx.find_thread(partner, thread))
        if row is None or row.ref is None:
            raise NotFound
        return str(row.ref)

    async def _case(self, ref: str) -> Any:
        context = self._gateway.context

        async def unit(tx: Any) -> Any:
            return (await cases.load(context, tx, ref)).case

        return await self._gateway.store.read(unit)
