"""
From a national record to a message that may leave: draft, preview, two persons, send.

Rule 1: the author and the approver are different persons, each with a key of their own.
Rule 2: the approver's key signs the digest of the exact body bytes that were previewed; ``send`` embeds those bytes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import schemas
from gateway.core.case import Case, Side, State
from gateway.core.machine import Event
from gateway.core.messages import REQUEST
from gateway.core.preview import Preview, compose
from gateway.core.rules import Facts
from gateway.core.verification import CLERK, OFFICER
from gateway.services import cases
from gateway.services.context import Context, Forbidden, acting
from gateway.services.ports import Tx
from keys import statement as statements
from keys.errors import BadJws, BadSignature, BadStatement
from schemas import ijson

APPROVAL = {"verification.request": "request.approval", "verification.elements": "elements.approval"}
"""Kind of statement that approves a body, by message type."""


SEES_CONTENT = OFFICER | CLERK | {"second_signer"}
"""Roles that may see what a message says of a person; the others see states and dates."""


class Clear:
    """What the requesting desk does before anything leaves."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    def preview(self, draft: Mapping[str, Any], asked: tuple[str, ...] | None = None) -> Preview:
        """
        Return what would leave for ``draft`` (schema ``case-draft``), without storing anything.

        Raises ``schemas.SchemaError`` if it is no case draft.
        """
        schemas.validate("case-draft", draft)
        context = self._context
        reason = context.no_contact(draft["to"])
        return compose(draft, context.authority, context.clock.now(), no_contact=reason, asked=asked)

    async def new(self, draft: Mapping[str, Any], person: str, role: str = "case_officer") -> str:
        """
        Open a case for ``draft`` and return its reference. Nothing is sent; findings do not stop a draft.

        Raises ``schemas.SchemaError``, ``Forbidden``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in OFFICER:
            raise Forbidden(f"the role '{role}' opens no case", "use case_officer or liaison_officer")
        preview = self.preview(draft)
        case = Case(
            ref=context.new_ref(now),
            side=Side.REQUESTING,
            partner=draft["to"],
            thread=context.random.token(),
            state=State.DRAFT,
            officer=draft["officer"],
            purpose=draft["purpose"],
            pending=preview.pending(person),
            draft=draft,
        )

        async def unit(tx: Tx) -> None:
            event = Event("open", person, role, {"digest": preview.digest})
            held = await cases.store(context, tx, cases.fresh(context, case, now), case, event, "", now)
            await cases.record_access(context, tx, held, person, "open", draft["justification"], now)

        await context.commit(unit)
        return case.ref

    async def amend(self, ref: str, draft: Mapping[str, Any], person: str, role: str = "case_officer") -> Preview:
        """Replace the draft of ``ref``; an approval given before is void. Raises ``IllegalStep``, ``RuleRefused``."""
        preview = self.preview(draft)
        await self._step(ref, "amend", person, role, {"draft": draft, "pending": preview.pending(person)})
        return preview

    async def show(self, ref: str, person: str, role: str = "case_officer") -> tuple[Preview, str]:
        """
        Return the preview of the case ``ref`` and its thread, which the approver's statement names.

        The body is the one stored; its findings are looked at anew. Raises ``Forbidden`` to a role that sees no names.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in SEES_CONTENT:
            raise Forbidden(f"the role '{role}' sees no content", "ask somebody of the desk in charge")

        async def unit(tx: Tx) -> Case:
            return (await cases.load(context, tx, ref)).case

        case = await context.store.read(unit)
        asked = case.asked if case.state is State.NEEDS_TIER2 else None
        preview = self.preview(case.draft or {}, asked)
        pending = case.pending
        if pending is not None:
            preview = replace(preview, body=pending.body, digest=pending.digest)
        return preview, case.thread

    async def prepare(self, ref: str, person: str, role: str = "case_officer") -> Preview:
        """Prepare the answer to a tier-2 question from the draft; only the elements asked for are in it."""
        context = self._context
        now = context.clock.now()
        acting(context, person, role, now)
        made: list[Preview] = []

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            preview = self.preview(held.case.draft or {}, held.case.asked)
            made.append(preview)
            data = {"pending": preview.pending(person), "digest": preview.digest}
            event = Event("prepare", person, role, data, self._facts(held.case, preview.type, preview.body))
            await cases.move(context, tx, held, event, now)

        await context.commit(unit)
        return made[-1]

    async def approve(self, ref: str, statement: str, person: str, role: str = "liaison_officer") -> None:
        """
        Approve the body prepared for ``ref`` by ``statement``, a JWS of the approver's own key over its digest.

        Raises ``Forbidden`` if the statement does not verify under the person's key, ``IllegalStep``, ``RuleRefused``.
        """
        context, now = self._context, self._context.clock.now()
        approver = acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            pending = held.case.pending
            digest = pending.digest if pending else ""
            kind = APPROVAL[pending.type] if pending else "request.approval"
            try:
                statements.verify(
                    statement.encode(),
                    thread=held.case.thread,
                    kind=kind,
                    role=schemas.statement_roles()[role],
                    digest=digest,
                    key=approver.key,
                    now=now,
                )
            except (BadStatement, BadJws, BadSignature) as error:
                raise Forbidden(
                    f"the approval does not verify: {error}",
                    "sign the digest that the preview shows, with your own key",
                ) from error
            facts = self._facts(held.case, pending.type if pending else REQUEST, pending.body if pending else "{}")
            data = {"digest": digest, "statement": statement}
            await cases.move(context, tx, held, Event("approve", person, role, data, facts), now)

        await context.commit(unit)

    async def send(self, ref: str, person: str, role: str = "case_officer") -> None:
        """
        Put the approved body of ``ref`` in the outbox; when this returns it is durable.

        Raises ``IllegalStep``, ``RuleRefused``, ``Unavailable``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            pending = held.case.pending
            facts = self._facts(held.case, pending.type if pending else REQUEST, pending.body if pending else "{}")
            data = {"digest": pending.digest if pending else None}
            await cases.move(context, tx, held, Event("send", person, role, data, facts), now)
            why = (held.case.draft or {}).get("justification", "")
            await cases.record_access(context, tx, held, person, "send", why, now, held.case.partner)

        await context.commit(unit)

    async def contest(self, ref: str, ground: str, person: str, role: str = "case_officer") -> None:
        """Ask for a second look at the reply, once, on a coded ``ground``. Raises as ``send``."""
        body = ijson.dumps({"ground": ground}).decode()
        schemas.validate("verification.contest", ijson.loads(body.encode()))
        await self._step(ref, "contest", person, role, {"body": body}, facts_type="verification.contest")

    async def close(self, ref: str, person: str, role: str = "case_officer", event: str = "close") -> None:
        """Close (or, before anything was accepted, ``discard``) the case. Raises ``IllegalStep``, ``ValueError``."""
        if event not in ("close", "discard"):
            raise ValueError("a case is closed or discarded here, and takes no other step")
        await self._step(ref, event, person, role, {})

    async def _step(
        self, ref: str, name: str, person: str, role: str, data: Mapping[str, Any], facts_type: str = ""
    ) -> None:
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            facts = self._facts(held.case, facts_type, "{}") if facts_type else None
            await cases.move(context, tx, held, Event(name, person, role, data, facts), now)

        await context.commit(unit)

    def _facts(self, case: Case, type: str, body: str) -> Facts:
        """Return what the rules look at before a message of ours about ``case`` leaves."""
        context, now = self._context, self._context.clock.now()
        ready = cases.recipient(context, case.partner, now) is not None
        value = ijson.loads(body.encode())
        reason = context.no_contact(case.partner)
        return Facts(now, case.draft, type, value, no_contact=reason, recipient_ready=ready)
