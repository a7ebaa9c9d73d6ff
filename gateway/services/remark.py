"""
A remark beside a message: written, read by a machine in another process, compared with the record, confirmed, sent.

Rule 1: whatever goes wrong while a remark is read holds it, with a code; its words stand in no log, nor does what they
tell of.
Rule 2: it is compared with the case's own record each time: when it was read, when it is confirmed, when a body is
composed or approved with it, and once more when it is sent. What cannot be compared is taken for a leak.
Rule 3: that a remark tells of a need for protection holds every message of the case until the state is attested anew;
that it tells of none releases nothing (R-01, REM-5).
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import schemas
from gateway.core import remark as remarks
from gateway.core.calendars import local_date
from gateway.core.case import Case, Remark, State, Stop
from gateway.core.facts import Finding
from gateway.core.machine import Event, RuleRefused
from gateway.core.messages import ELEMENTS, REQUEST
from gateway.core.preview import Preview, compose
from gateway.core.remark import About, digest_of, marked, seal
from gateway.core.verification_guards import restated
from gateway.core.wire import format_instant
from gateway.redaction.language import LANGUAGES
from gateway.redaction.leaks import leaks
from gateway.services import cases, steps
from gateway.services.around import look
from gateway.services.context import Context, acting
from gateway.services.ports import Redacted, Tx

_OF_THE_MACHINE = "recogniser-"
"""How the codes begin that are for the operator. What the others say of a case is for its desk, and for no log."""

NOT_COMPARED = "record"
"""The field that stands for all of them where the comparison itself failed."""


async def read(context: Context, draft: Mapping[str, Any]) -> Redacted | None:
    """Return what the recogniser makes of the remark in ``draft``, ``None`` if it has none. Raises nothing."""
    written = draft.get("remark")
    if written is None:
        return None
    if written["language"] not in LANGUAGES:
        return Redacted((), ("language-unknown",), None)
    try:
        return await context.redactor.redact(written["text"], written["language"])
    except Exception as error:
        context.log("remark.held", error=type(error).__name__)
        return Redacted((), ("recogniser-failed",), None)


def become(case: Case, draft: Mapping[str, Any], redacted: Redacted | None, author: str) -> Remark | None:
    """
    Return what becomes of the remark in ``draft`` of ``case`` by what the recogniser made of it; not confirmed.

    ``author`` is who wrote it into the record.
    """
    written = draft.get("remark")
    if written is None or redacted is None:
        return None
    reasons, text = redacted.reasons, ""
    if not reasons:
        try:
            text = marked(written["text"], redacted.spans)
        except (ValueError, TypeError):
            reasons = ("recogniser-failed",)
    if not reasons and redacted.language is None:
        reasons = ("language-unknown",)
    if not reasons and redacted.language != written["language"]:
        reasons = ("language-other",)
    if not reasons and not remarks.says_something(text):
        reasons = ("nothing-left",)
    if reasons:
        return Remark(written["language"], "", "", digest_of(written), (), reasons, author=author)
    found = told(text, draft, case, redacted.language)
    made = Remark(written["language"], text, "", digest_of(written), redacted.spans, leaks=found, author=author)
    return replace(made, digest=seal(made, draft))


def stop_of(draft: Mapping[str, Any], remark: Remark | None, today: date) -> Stop | None:
    """Return the stop that ``remark`` is to its case as of ``today``, if it tells of a need for protection, or may."""
    if remark is None or remarks.PROTECTION not in remark.reasons:
        return None
    return Stop(digest_of(draft["asylum"]), today.isoformat())


def told(text: str, draft: Mapping[str, Any], case: Case, language: str | None) -> tuple[str, ...]:
    """
    Return the fields of the record of ``case`` that ``text`` tells something of; all of them if nobody can say.

    A name or number that was rectified is the person's still, and who was her guardian is told by nothing that leaves:
    the record is compared as it stood before, too.
    """
    records = (draft, *({"elements": one} for one in case.former), *map(restated, case.earlier))
    try:
        found = [leak for one in records for leak in leaks(text, one, (case.ref, case.thread), language)]
    except Exception:
        return (NOT_COMPARED,)
    return tuple(dict.fromkeys(leak.field for leak in found))


def about(context: Context, case: Case, type: str, now: datetime) -> About:
    """
    Return what is known of the remark of ``case`` beside a message of ``type`` at ``now``.

    The comparison with the record is made here and now, each time it is asked for.
    """
    remark = case.remark
    most = context.reckoner.remark_most(context.country, case.partner, type, now)
    compared = None if remark is None or not remark.text else told(remark.text, case.draft or {}, case, remark.language)
    return About(remark, most, compared, case.remark_stop)


def unread(context: Context, to: str, type: str, now: datetime) -> About:
    """Return what is known of a remark in a draft that is no case yet: whether an agreement allows it."""
    return About(most=context.reckoner.remark_most(context.country, to, type, now))


def type_of(case: Case) -> str:
    """Return the type of the message that a remark of ``case`` would go with now."""
    return ELEMENTS if case.state is State.NEEDS_TIER2 else REQUEST


class Remarks:
    """What the requesting desk does with a remark."""

    def __init__(self, context: Context) -> None:
        """Work on the cases of ``context``."""
        self._context = context

    async def write(
        self,
        ref: str,
        remark: Mapping[str, Any] | None,
        person: str,
        role: str = "case_officer",
        *,
        seen: str | None = None,
    ) -> Remark | None:
        """
        Put ``remark`` (``language`` and ``text``, ``None`` for none) into the record of ``ref`` and have it read.

        Returns what became of it, to be confirmed by a person, with the reasons for which it is held. What was prepared
        is void. Raises ``SchemaError``, ``IllegalStep``, ``RuleRefused``: no agreement allows one (REM-1), and
        ``Changed`` if what it takes the place of is not what was ``seen``.
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)
        before = (await context.store.read(lambda tx: cases.load(context, tx, ref))).case
        self._check_agreed(before, remark, now)
        schemas.validate("case-draft", {**(before.draft or {}), "remark": remark})
        redacted = await read(context, {"remark": remark})

        async def unit(tx: Tx) -> Remark | None:
            held = await cases.load(context, tx, ref, seen)
            draft = {**(held.case.draft or {}), "remark": remark}
            outcome = become(held.case, draft, redacted, person)
            changed = replace(held.case, draft=draft, remark=outcome)
            asked = held.case.state is State.NEEDS_TIER2
            preview = None if asked else await self._preview(tx, changed, now)
            # Whoever wrote the rest stays its author: who writes a remark, or takes one out, frees nobody to approve.
            author = held.case.pending.author if held.case.pending is not None else person
            data = {
                "draft": draft,
                "pending": preview.pending(author) if preview else None,
                "remark": outcome,
                "remark_stop": stop_of(draft, outcome, local_date(now, context.zone)),
                "digest": outcome.digest if outcome and outcome.digest else None,
            }
            await steps.move(context, tx, held, Event("remark", person, role, data), now)
            return outcome

        outcome: Remark | None = (await context.commit(unit)).value
        for reason in outcome.reasons if outcome is not None else ():
            if reason.startswith(_OF_THE_MACHINE):
                context.log("remark.held", reason=reason)
        return outcome

    async def confirm(
        self, ref: str, digest: str, text: str | None, person: str, role: str = "case_officer"
    ) -> Preview | None:
        """
        Confirm the redacted remark of ``ref`` that has ``digest``, or, with ``text``, that text with words taken out.

        Returns what would leave with it, where that is prepared; an approval given before is void.

        Raises ``IllegalStep``, ``RuleRefused``: another text was seen (V-02), it is held (REM-2), has words that were
        not in it (REM-3), tells something of the record (REM-4) or is too long (REM-1).
        """
        context, now = self._context, self._context.clock.now()
        acting(context, person, role, now, ref)

        async def unit(tx: Tx) -> Preview | None:
            held = await cases.load(context, tx, ref)
            remark = self._confirmed(held.case, digest, text, person, now)
            changed = replace(held.case, remark=remark)
            pending, preview = held.case.pending, None
            if held.case.state is not State.NEEDS_TIER2 or (pending is not None and pending.type == ELEMENTS):
                preview = await self._preview(tx, changed, now)
            # Here too; who wrote or confirmed the remark does not approve it either (V-01).
            author = pending.author if pending is not None else person
            data = {
                "remark": remark,
                "pending": preview.pending(author) if preview else pending,
                "digest": remark.digest,
            }
            await steps.move(context, tx, held, Event("confirm_remark", person, role, data), now)
            return preview

        prepared: Preview | None = (await context.commit(unit)).value
        return prepared

    async def _preview(self, tx: Tx, case: Case, now: datetime) -> Preview:
        """Return what would leave for ``case`` as it stands, with its remark if that is confirmed."""
        context, draft = self._context, case.draft or {}
        schemas.validate("case-draft", draft)
        return compose(
            draft,
            context.authority,
            now,
            around=await look(context, tx, case, now),
            asked=case.asked if case.state is State.NEEDS_TIER2 else None,
            renditions=case.renditions,
            remark=about(context, case, type_of(case), now),
        )

    def _confirmed(self, case: Case, digest: str, text: str | None, person: str, now: datetime) -> Remark:
        remark = case.remark
        if remark is None or not remarks.is_read(case.draft, remark) or remark.sent:
            raise _refused("REM-2", "there is no remark here that was read and redacted")
        if remark.reasons:
            raise _refused("REM-2", f"the remark is held: {', '.join(remark.reasons)}")
        if digest != seal(remark, case.draft):
            raise _refused("V-02", "the remark that was looked at, or the record beside it, is another one now")
        if text is not None:
            text = unicodedata.normalize("NFC", " ".join(text.split()))
            if not remarks.is_shortened(text, remark.text):
                raise _refused("REM-3", "words may be taken out of what was redacted, and none put in")
            remark = replace(remark, text=text)
        if not remarks.says_something(remark.text):
            raise _refused("REM-2", "nothing is left of the remark but marks")
        self._check_length(case, remark.text, now)
        if found := told(remark.text, case.draft or {}, case, remark.language):
            raise _refused("REM-4", f"the remark tells something of the record: {', '.join(found)}")
        return replace(
            remark,
            digest=seal(remark, case.draft),
            leaks=(),
            by=person,
            at=format_instant(now),
            record=digest_of(case.draft),
        )

    def _check_agreed(self, case: Case, remark: Mapping[str, Any] | None, now: datetime) -> None:
        most = self._context.reckoner.remark_most(self._context.country, case.partner, type_of(case), now)
        if remark is not None and most is None:
            raise _refused("REM-1", "no agreement with that State allows a remark in this message")

    def _check_length(self, case: Case, text: str, now: datetime) -> None:
        most = self._context.reckoner.remark_most(self._context.country, case.partner, type_of(case), now)
        if most is None:
            raise _refused("REM-1", "no agreement with that State allows a remark in this message")
        if len(text) > most:
            raise _refused("REM-1", f"the agreement allows {most} characters, and the redacted remark has {len(text)}")
        if fault := remarks.wire_fault(text):
            raise _refused("REM-2", fault)


def _refused(rule: str, because: str) -> RuleRefused:
    return RuleRefused((Finding(rule, because, "remark"),))
