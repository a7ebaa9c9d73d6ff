"""
The steps that a person signs: exactly what is signed, its digest, and the proof of presence for just these bytes.

Rule 1: what is signed is shown whole, in words and as the text it is, and the look is recorded before (R-13).
Rule 2: the proof is for the digest that was shown. If something else is prepared meanwhile, nothing is signed.
Rule 3: a step signs the type of message it is for; if another is prepared, there is nothing to sign.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiohttp import web
from multidict import MultiDict

import schemas
from gateway.core.attachments import in_short
from gateway.core.case import Pending
from gateway.core.facts import Finding
from gateway.core.machine import RuleRefused
from gateway.core.messages import ACCEPTANCE, HANDOVER, PROPOSAL, RECTIFICATION, REPLY
from gateway.services import notices
from gateway.services.acts import APPROVALS
from gateway.services.clear import sent_back_kind
from gateway.services.context import NotFound
from gateway.web import forms
from gateway.web.form_fields import Field, body_fields, without
from gateway.web.interior import looks
from gateway.web.interior.answering import received
from gateway.web.interior.step_pages import Form, Step, act, head_of, kept, page_of, why_of
from gateway.web.language import N_
from gateway.web.said import Said, say
from gateway.web.signin import presence
from gateway.web.signin.hand import STATEMENT_LASTS, Act
from gateway.web.signin.refused import Refused
from gateway.web.visit import Visit
from schemas import SchemaError, ijson

KINDS: Mapping[str, str] = {
    "countersignature": "reply.second-signature",
    "endorsement": "return.release",
    "accept": "return.acceptance",
    "rectification-approval": notices.APPROVAL,
    "handover": "handover.delivery",
    "handover-confirmation": "handover.receipt",
}
"""Kind of the statement of each step that is signed here; approvals have pages of their own (``clearing``)."""

BACK = "send-back"
"""The step whose statement says what is wrong with a text, and not that it may leave."""

FILLED_IN = frozenset({"handover", BACK})
"""Steps of which a form is filled in before anything is signed."""

TYPES: Mapping[str, str] = {
    "countersignature": REPLY,
    "endorsement": PROPOSAL,
    "accept": ACCEPTANCE,
    "rectification-approval": RECTIFICATION,
}
"""Type of the message that is signed, where somebody prepared it before."""

LASTS: Mapping[str, timedelta] = {
    "endorsement": timedelta(days=60),
    "accept": timedelta(days=60),
    "handover": timedelta(days=200),
    "handover-confirmation": timedelta(days=200),
}
"""
How long a signature counts that others rest on later; any other counts for a day.

A hand tells what was done, and must be heard after a line was down, as long as a return is followed.
"""

REFUSED = N_(
    "Your presence was not proved for exactly this text, so nothing was signed. Look at it again and try once more."
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    What is to be signed: type of the message, exact text, digest, thread; and the ``body`` of the act.

    An answer is signed beside what was asked: the ``question``, and what was ``received`` with it. ``author`` is who
    prepared the text here, and can prepare another. ``kind`` is that of the statement, where the step has several.
    """

    type: str
    text: str
    digest: str
    thread: str
    body: Mapping[str, Any]
    question: str = ""
    received: tuple[Said, ...] = ()
    author: str = ""
    kind: str = ""

    def act(self, step: Step) -> Act:
        """Return what the person approves."""
        return Act(
            step.ref, self.kind or KINDS[step.verb], schemas.statement_roles()[step.role], self.thread, self.digest
        )


def _fitting(step: Step, pending: Pending | None) -> Pending | None:
    """Return what is prepared, if it is what this step signs."""
    wanted = APPROVALS if step.verb == BACK else (TYPES[step.verb],)
    return pending if pending is not None and pending.type in wanted else None


async def _prepared(visit: Visit, step: Step, why: str, body: Mapping[str, Any]) -> Prepared | None:
    """Return what the step signs, as it stands now, once the look is recorded; ``None`` if nothing is prepared."""
    desk, person = visit.site.desk.returning, visit.person.id
    if step.verb == "handover-confirmation":
        await looks.glanced(visit, step.row, step.role)
        try:
            made = await desk.protocol(step.ref, None, person, step.role, why=why)
        except NotFound:
            return None  # the first hand has not signed yet
        return Prepared(HANDOVER, made.body, made.digest, made.thread, body)
    case = await looks.seen(visit, step.row, step.role, why, "sign")
    if step.verb == "handover":
        made = await desk.protocol(step.ref, body["protocol"], person, step.role)
        return Prepared(HANDOVER, made.body, made.digest, made.thread, body)
    pending = _fitting(step, case.pending)
    if pending is None:
        return None
    if step.verb == BACK:
        # Nobody reads a picture in letters, and who sends a text back comes from the page that shows it whole.
        text = ijson.dumps(in_short(ijson.loads(pending.body.encode()))).decode()
        return Prepared(
            pending.type, text, pending.digest, case.thread, body, kind=sent_back_kind(body.get("reason", ""))
        )
    asked = (visit.tongue.code("purpose", case.purpose), received(visit, case)) if pending.type == REPLY else ("", ())
    return Prepared(pending.type, pending.body, pending.digest, case.thread, body, *asked, pending.author)


async def show(visit: Visit, step: Step) -> web.StreamResponse:
    """Ask why, then show what is signed; the first hand of a handover fills in its record, a word against it before."""
    reason = await looks.reason_of(visit, step.ref)
    if reason is None:
        return await why_of(visit, step)
    if step.verb in FILLED_IN:
        return page_of(visit, step, Form(_fields(step), MultiDict(kept(MultiDict(visit.draft)))))
    return await _page(visit, step, await _prepared(visit, step, reason.why, {}))


async def take(visit: Visit, step: Step) -> web.StreamResponse:
    """Sign what was shown, for the proof that came with the form, and take the step."""
    reason = await looks.reason_of(visit, step.ref)
    if reason is None:
        return await why_of(visit, step)
    body: Mapping[str, Any] = {}
    if step.verb in FILLED_IN:
        form, body = _filled_in(visit, step)
        if form is not None:
            return page_of(visit, step, form)
    try:
        prepared = await _prepared(visit, step, reason.why, body)
    except SchemaError:
        return page_of(visit, step, Form(_fields(step), visit.forms, (forms.Problem("", forms.WHOLE),)))
    if prepared is None or "proof" not in visit.form:
        return await _page(visit, step, prepared)
    try:
        statement = await presence.sign(visit, prepared.act(step), LASTS.get(step.verb, STATEMENT_LASTS))
        return await act(visit, step, {**prepared.body, "statement": statement})
    except Refused:
        return await _page(visit, step, prepared, problem=visit.tongue._(REFUSED))
    except RuleRefused as error:
        return await _page(visit, step, prepared, findings=tuple(error.findings))


def _fields(step: Step) -> tuple[Field, ...]:
    """Return the fields of what is filled in before it is signed."""
    return body_fields("WhyBack") if step.verb == BACK else without(body_fields("HandedOver"), "statement")


def _filled_in(visit: Visit, step: Step) -> tuple[Form | None, Mapping[str, Any]]:
    """Return the form to show again, or what was filled in: the record of a handover, or why a text goes back."""
    of = _fields(step)
    rows = forms.changed(of, visit.forms)
    if rows is not None or "change" in visit.form:
        return Form(of, rows if rows is not None else visit.forms), {}
    value, problems = forms.read(of, visit.forms, visit.tongue.zone, "WhyBack" if step.verb == BACK else "")
    if not problems and step.verb != BACK:
        whole = body_fields("ProtocolWanted")
        value, problems = forms.read(whole, visit.forms, visit.tongue.zone, "ProtocolWanted")
    return (Form(of, visit.forms, problems), {}) if problems else (None, value)


async def _page(
    visit: Visit,
    step: Step,
    prepared: Prepared | None,
    problem: str = "",
    findings: tuple[Finding, ...] = (),
) -> web.StreamResponse:
    """Return the page that shows what is signed and asks for the proof; or says that there is nothing to sign."""
    head = head_of(visit, step)
    if prepared is None:
        return visit.page("interior/step_nothing.html", step=head)
    wanted = prepared.act(step)
    question, cannot = await presence.ask(visit, wanted)
    # A word against a text does not end with its signature: it bars that text for good.
    until = "" if step.verb == BACK else visit.tongue.instant(visit.now + LASTS.get(step.verb, STATEMENT_LASTS))
    return visit.page(
        "interior/step_sign.html",
        status=422 if problem or findings else 200,
        step=head,
        said=say(body_fields(prepared.type), ijson.loads(prepared.text.encode()), visit.tongue),
        kind=visit.tongue.code("message_type", prepared.type),
        statement=visit.tongue.code("statement_kind", wanted.kind),
        asked=prepared,
        text=prepared.text,
        digest=prepared.digest,
        until=until,
        question=question,
        cannot=cannot,
        problem=problem,
        findings=findings,
        hidden=kept(visit.forms) if step.verb in FILLED_IN else [],
    )
