"""
From a national record to a message that may leave: draft, preview, two persons, send.

Rule 1: the author and the approver are different persons, each with a key of their own.
Rule 2: the approver's key signs the digest of the exact body bytes that were previewed; ``send`` embeds those bytes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import schemas
from gateway.core import exercise as exercises
from gateway.core import wire
from gateway.core.attachments import Rendition, drawn
from gateway.core.calendars import local_date
from gateway.core.case import Case, Pending, Side, State
from gateway.core.facts import Around, Facts, Finding, about, before_a_case
from gateway.core.machine import Event, RuleRefused
from gateway.core.messages import ASKS_OF_DATA, CONTEST, ELEMENTS, INTERVIEW_ANSWER, RECTIFICATION, REQUEST
from gateway.core.preview import Preview, body_text, compose, prepared
from gateway.core.remark import About
from gateway.core.verification import CLERK, OFFICER
from gateway.core.verification_changes import ASKS_FURTHER
from gateway.services import access, cases, directory, heard, listing, opening, steps
from gateway.services import remark as remarks
from gateway.services.around import look
from gateway.services.context import Context, Forbidden, acting, own_statement
from gateway.services.images import Images
from gateway.services.passed_over import bring_back
from gateway.services.ports import Conflict, Renderer, Tx
from schemas import ijson

APPROVAL = {
    REQUEST: "request.approval",
    ELEMENTS: "elements.approval",
    INTERVIEW_ANSWER: "interview.approval",
}
"""Kind of statement that approves a body, by message type."""

PREVIEWED = frozenset({REQUEST, ELEMENTS})
"""Types of body that are made of the draft, and shown element by element; any other is shown as it is."""

UNDER_WAY = "what was posted has no receipt, and would be posted again once the case is closed"
"""Why a case that was set aside is not closed: whoever stopped it did so before that was heard."""

_UNHEARD = ASKS_FURTHER | ASKS_OF_DATA | {REQUEST}
"""Types of which one without a receipt keeps a suspended case from being closed, as a right value does (R-02)."""

SEES_CONTENT = OFFICER | CLERK | {"second_signer"}
"""Roles that may see what a message says of a person; the others see states and dates."""


def _check_invented(elements: Mapping[str, Any], *, exercise: bool) -> None:
    """Raise ``RuleRefused`` if an exercise names a State that exists; a case is an exercise from its opening on."""
    if exercise and (found := exercises.findings(elements)):
        raise RuleRefused(found)


def _kept(images: Mapping[str, Rendition] | None) -> dict[str, Any]:
    """Return images as a case keeps them."""
    return {member: image.kept for member, image in (images or {}).items()}


def _drafted(
    context: Context,
    draft: Mapping[str, Any],
    pending: Pending,
    images: Mapping[str, Any],
    now: datetime,
    *,
    exercise: bool,
) -> Case:
    """Return a new case for ``draft``, its first body prepared."""
    return Case(
        ref=context.new_ref(now, exercise=exercise),
        exercise=exercise,
        side=Side.REQUESTING,
        partner=draft["to"],
        thread=context.random.token(),
        state=State.DRAFT,
        officer=draft["officer"],
        purpose=draft["purpose"],
        pending=pending,
        draft=draft,
        renditions=drawn(draft, images),
    )


def approval_kind(kinds: Mapping[str, str], type: str) -> str:
    """Return the kind of statement that approves a body of ``type``; raises ``Forbidden`` if none of ``kinds`` does."""
    if type not in kinds:
        raise Forbidden(
            "what is prepared in this case is approved by a step of its own",
            "look at what is prepared, and approve that",
        )
    return kinds[type]


def sent_back_kind(reason: str) -> str:
    """Return the kind of statement that sends a body back for ``reason`` (list ``reason_sent_back``)."""
    return f"sent-back.{reason.lower().replace('_', '-')}"


class Clear:
    """What the requesting desk does before anything leaves."""

    def __init__(self, context: Context, renderer: Renderer) -> None:
        """Work on the cases of ``context``; ``renderer`` draws images anew."""
        self._context = context
        self.remarks = remarks.Remarks(context)
        self.images = Images(context, renderer, self.preview)

    def preview(
        self,
        draft: Mapping[str, Any],
        asked: tuple[str, ...] | None = None,
        *,
        around: Around | None = None,
        renditions: Mapping[str, Any] | None = None,
        remark: About | None = None,
    ) -> Preview:
        """
        Return what would leave for ``draft`` (schema ``case-draft``), without storing anything.

        ``around`` is what was looked up around its case; what is known of the same person from other cases is looked at
        once the draft is one. Raises ``schemas.SchemaError`` if it is no case draft.
        """
        schemas.validate("case-draft", draft)
        context = self._context
        now = context.clock.now()
        return compose(
            draft,
            context.authority,
            now,
            around=around or before_a_case(context.zone, context.no_contact(draft["to"])),
            asked=asked,
            renditions=renditions,
            remark=remark or remarks.unread(context, draft["to"], REQUEST if asked is None else ELEMENTS, now),
        )

    async def new(
        self,
        draft: Mapping[str, Any],
        person: str,
        role: str = "case_officer",
        *,
        exercise: bool = False,
        images: Mapping[str, Rendition] | None = None,
        once: str | None = None,
    ) -> str:
        """
        Open a case for ``draft`` and return its reference. Nothing is sent; findings do not stop a draft.

        ``images`` are those drawn anew of files that the draft names. An ``exercise`` is about an invented person and
        stays one; a draft that names a State which exists is refused. What comes again from ``person`` with the key
        ``once`` opens no second case: the first is returned.

        Raises ``schemas.SchemaError``, ``Forbidden``, and ``opening.Reused`` if ``once`` came with another draft.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in OFFICER:
            raise Forbidden(f"the role '{role}' opens no case", "use case_officer or liaison_officer")
        schemas.validate("case-draft", draft)
        asked = opening.once(context, person, once, draft, exercise=exercise) if once is not None else None
        if asked is not None and (before := await context.store.read(partial(opening.find, asked=asked))) is not None:
            return before
        directory.named(context, draft["officer"], OFFICER, now)
        kept = _kept(images)
        preview = self.preview(draft, renditions=kept)
        _check_invented(draft["elements"], exercise=exercise)
        case = _drafted(context, draft, preview.pending(person), kept, now, exercise=exercise)
        outcome = remarks.become(case, draft, await remarks.read(context, draft), person)
        case = replace(case, remark=outcome, remark_stop=remarks.stop_of(draft, outcome, local_date(now, context.zone)))

        async def unit(tx: Tx) -> str:
            if asked is not None:
                if (before := await opening.find(tx, asked)) is not None:
                    return before  # the two came together
                await opening.enter(tx, asked, case.ref, now)
            event = Event("open", person, role, {"digest": preview.digest})
            held = await cases.store(context, tx, cases.fresh(context, case, now), case, event, "", now)
            held = await steps.hold_person(context, tx, held, now)
            await access.record(context, tx, held, person, "open", draft["justification"], now)
            return case.ref

        try:
            opened: str = (await context.commit(unit)).value
        except Conflict:
            if asked is None:
                raise
            opened = (await context.commit(unit)).value  # entered at another node in this instant: it is found now
        return opened

    async def amend(
        self,
        ref: str,
        draft: Mapping[str, Any],
        person: str,
        role: str = "case_officer",
        *,
        images: Mapping[str, Rendition] | None = None,
        seen: str | None = None,
    ) -> Preview:
        """
        Replace the draft of ``ref``; an approval given before is void. Raises ``IllegalStep``, ``RuleRefused``.

        Images of files that the new draft still names stay; ``images`` are added to them. With ``seen``
        (``cases.mark``) nothing is replaced that was not seen: raises ``Changed``.
        """
        context, now = self._context, self._context.clock.now()
        schemas.validate("case-draft", draft)
        directory.named(context, draft["officer"], OFFICER, now)
        _check_invented(draft["elements"], exercise=exercises.is_exercise(ref))
        acting(context, person, role, now, ref)
        redacted = await remarks.read(context, draft)

        async def unit(tx: Tx) -> Preview:
            held = await cases.load(context, tx, ref, seen)
            kept = {**held.case.renditions, **_kept(images)}
            preview = self.preview(draft, renditions=kept)
            outcome = remarks.become(held.case, draft, redacted, person)
            stop = remarks.stop_of(draft, outcome, local_date(now, context.zone))
            data: dict[str, Any] = {"draft": draft, "pending": preview.pending(person), "renditions": kept}
            data |= {"remark": outcome, "remark_stop": stop}
            await steps.move(context, tx, held, Event("amend", person, role, data), now)
            return preview

        made: Preview = (await context.commit(unit)).value
        return made

    async def show(self, ref: str, person: str, role: str = "case_officer") -> tuple[Preview, str]:
        """
        Return the preview of the case ``ref`` and its thread, which the approver's statement names.

        The body is the one stored; its findings are looked at anew. Raises ``Forbidden`` to a role that sees no names.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        if role not in SEES_CONTENT:
            raise Forbidden(f"the role '{role}' sees no content", "ask somebody of the desk in charge")

        async def unit(tx: Tx) -> tuple[Case, Around]:
            case = (await cases.load(context, tx, ref)).case
            return case, await look(context, tx, case, now)

        case, around = await context.store.read(unit)
        asked = case.asked if case.state is State.NEEDS_TIER2 else None
        preview = self.preview(
            case.draft or {},
            asked,
            around=around,
            renditions=case.renditions,
            remark=remarks.about(context, case, remarks.type_of(case), now),
        )
        pending = case.pending
        if pending is not None:
            preview = replace(preview, body=pending.body, digest=pending.digest)
        return preview, case.thread

    async def prepare(self, ref: str, person: str, role: str = "case_officer") -> Preview:
        """Prepare the answer to a tier-2 question from the draft; only the elements asked for are in it."""
        context = self._context
        now = context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> Preview:
            held = await cases.load(context, tx, ref)
            case = held.case
            known = remarks.about(context, case, ELEMENTS, now)
            around = await look(context, tx, case, now)
            preview = self.preview(
                case.draft or {}, case.asked, around=around, renditions=case.renditions, remark=known
            )
            data = {"pending": preview.pending(person), "digest": preview.digest}
            event = Event("prepare", person, role, data, await self._facts(tx, held.case, preview.type, preview.body))
            await steps.move(context, tx, held, event, now)
            return preview

        made: Preview = (await context.commit(unit)).value
        return made

    async def prepare_interview(
        self,
        ref: str,
        answer: Mapping[str, Any],
        consent: Mapping[str, Any],
        person: str,
        role: str = "case_officer",
        *,
        seen: str | None = None,
    ) -> Pending:
        """
        Prepare to accept the interview proposed: who must be present, and on which day.

        ``answer`` has ``present`` and ``on``; ``consent`` is the person's own, to this interview: ``language``, ``by``,
        ``on``, ``copy_given`` and ``revoked_on``, as in a case draft. It stays here. What a colleague prepared gives
        way. Raises ``SchemaError``, and ``Changed`` if the case is not what was ``seen``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)
        value = {"decision": "ACCEPTED", **answer}
        pending = prepared(INTERVIEW_ANSWER, value, person)
        schemas.validate("interview-consent", consent)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref, seen)
            data = {"pending": pending, "digest": pending.digest, "consent": dict(consent)}
            event = Event("prepare", person, role, data, await self._facts(tx, held.case, pending.type, pending.body))
            await steps.move(context, tx, held, event, now)

        await context.commit(unit)
        return pending

    async def agree_interview(
        self, ref: str, person: str, role: str = "case_officer", *, seen: str | None = None
    ) -> None:
        """
        Send the acceptance that was approved. Raises ``RuleRefused`` without consent or without a representative, and
        ``Changed`` if it is not what was ``seen``.
        """
        await self._interview(ref, "interview_answer", {}, person, role, seen)

    async def decline_interview(self, ref: str, person: str, role: str = "case_officer") -> None:
        """Say no to an interview, at once and without a reason; whoever speaks for the person may."""
        body = ijson.dumps({"decision": "DECLINED", "present": [], "on": None}).decode()
        await self._interview(ref, "decline_interview", {"body": body}, person, role)

    async def _interview(
        self, ref: str, name: str, data: Mapping[str, Any], person: str, role: str, seen: str | None = None
    ) -> None:
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref, seen)
            text = data.get("body") or (held.case.pending.body if held.case.pending else "{}")
            facts = await self._facts(tx, held.case, INTERVIEW_ANSWER, text)
            await steps.move(context, tx, held, Event(name, person, role, data, facts), now)

        await context.commit(unit)

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
            kind = approval_kind(APPROVAL, pending.type) if pending else "request.approval"
            hint = "sign the digest that the preview shows, with your own key"
            stated = own_statement(
                approver, role, statement, held.case, kind, digest, now, called="approval", hint=hint
            )
            type, body = (pending.type, pending.body) if pending else (REQUEST, "{}")
            facts = await self._facts(tx, held.case, type, body)
            until = wire.format_instant(stated.valid_until)
            data = {"digest": digest, "statement": statement, "valid_until": until}
            await steps.move(context, tx, held, Event("approve", person, role, data, facts), now)

        await context.commit(unit)

    async def send_back(
        self, ref: str, statement: str, reason: str, note: str | None, person: str, role: str = "liaison_officer"
    ) -> None:
        """
        Send back what is prepared in ``ref``, of a return too: ``statement`` is of ``reason``, over the same digest.

        ``note`` stays with the case, for who prepared it. Raises as ``approve``.
        """
        context, now = self._context, self._context.clock.now()
        signer = acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            pending = held.case.pending
            if pending is not None and pending.type == RECTIFICATION:
                approval_kind({}, pending.type)  # it has steps of its own, as for an approval
            digest = pending.digest if pending else ""
            own_statement(signer, role, statement, held.case, sent_back_kind(reason), digest, now)
            data = {"digest": digest, "statement": statement, "reason": reason, "note": note}
            await steps.move(context, tx, held, Event("send_back", person, role, data), now)

        await context.commit(unit)

    async def send(self, ref: str, person: str, role: str = "case_officer", *, seen: str | None = None) -> None:
        """
        Put the approved body of ``ref`` in the outbox; when this returns it is durable.

        Raises ``IllegalStep``, ``RuleRefused``, ``Unavailable``, and ``Changed`` if it is not what was ``seen``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref, seen)
            await steps.move(context, tx, held, await self.sending(tx, held, Event("send", person, role)), now)
            why = (held.case.draft or {}).get("justification", "")
            await access.record(context, tx, held, person, "send", why, now, held.case.partner)

        await context.commit(unit)

    async def sending(self, tx: Tx, held: cases.Held, by: Event) -> Event:
        """Return ``by`` with what the rules and the guards of sending look at."""
        pending = held.case.pending
        type, body = (pending.type, pending.body) if pending else (REQUEST, "{}")
        facts = await self._facts(tx, held.case, type, body)
        return replace(by, data={"digest": pending.digest if pending else None}, facts=facts)

    async def contest(self, ref: str, ground: str, person: str, role: str = "case_officer") -> None:
        """Ask for a second look at the reply, once, on a coded ``ground``. Raises as ``send``."""
        context, now = self._context, self._context.clock.now()
        body = body_text(CONTEST, {"ground": ground})
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            facts = await self._facts(tx, held.case, CONTEST, "{}")
            await steps.move(context, tx, held, Event("contest", person, role, {"body": body}, facts), now)

        await context.commit(unit)

    async def close(self, ref: str, person: str, role: str = "case_officer", event: str = "close") -> None:
        """
        Close (or, before anything was accepted, ``discard``) the case.

        Raises ``IllegalStep``, ``ValueError``, and ``RuleRefused`` where the other State may await the person (V-45),
        or would be told once more what had no receipt as the case was set aside (R-02).
        """
        if event not in ("close", "discard"):
            raise ValueError("a case is closed or discarded here, and takes no other step")
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> None:
            held = await cases.load(context, tx, ref)
            closing = await self.closing(tx, held, Event(event, person, role))
            moved = await steps.move(context, tx, held, closing, now)
            await bring_back(context, tx, held.row, moved.row, now)

        await context.commit(unit)

    async def closing(self, tx: Tx, held: cases.Held, by: Event, waits: heard.Waits = listing.is_awaited) -> Event:
        """Return ``by`` with what its guards look at. Raises ``RuleRefused`` (R-02) as ``close``."""
        context, case = self._context, held.case
        if case.state is State.SUSPENDED and await heard.is_under_way(context, tx, held, _UNHEARD):
            raise RuleRefused((Finding("R-02", UNDER_WAY),))
        return replace(by, data={"awaited": await heard.is_awaited(context, tx, case, waits)})

    async def _facts(self, tx: Tx, case: Case, type: str, body: str) -> Facts:
        """Return what the rules look at before a message of ours about ``case`` leaves."""
        context, now = self._context, self._context.clock.now()
        around, known = await look(context, tx, case, now), remarks.about(context, case, type, now)
        return about(case, now, type, ijson.loads(body.encode()), around=around, remark=known)
