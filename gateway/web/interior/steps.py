"""
The steps of a case, one page each: what it does, who learns what, the fields it takes, one look before it is taken.

Rule 1: a stop is one page and one button. No step that stops a case asks a second time.
Rule 2: a page that shows what is on record about the person records the look first, for a reason (``looks``).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web
from multidict import MultiDict

from gateway.core.case import Case, Notice, Side, State
from gateway.core.notices import REPLY_PART, unanswered
from gateway.core.verification import IN_CHARGE
from gateway.services import directory
from gateway.services.act_bodies import TAKES
from gateway.services.acts import ANYBODY, DESK, RETURN_DESK, VERBS
from gateway.services.offered import ANSWERS, against
from gateway.services.ports import Changed, Tx
from gateway.web import forms
from gateway.web.form_fields import Field, Option, body_fields, with_options
from gateway.web.interior import answering, differences, guardian, looks, signatures
from gateway.web.interior.step_links import PAGES
from gateway.web.interior.step_pages import (
    Form,
    Standing,
    Step,
    confirm_of,
    head_of,
    kept,
    page_of,
    standing,
    step_of,
    take_form,
    take_why,
    why_of,
)
from gateway.web.interior.step_variants import AT_ONCE
from gateway.web.language import N_
from gateway.web.visit import Route, Visit

SIGNED = frozenset(
    {
        "countersignature",
        "endorsement",
        "accept",
        "rectification-approval",
        "send-back",
        "handover",
        "handover-confirmation",
    }
)
"""Steps that a person signs: ``signatures`` has their pages."""

PRESET = N_("Stopped at once from the desk; the reason follows.")
"""A reason that stands in the form already, so that nobody has to find words before a case is stopped."""

_FOLLOWED = frozenset({State.HANDED_OVER, State.MONITORING})
"""States whose day is that of the last report; of who is called back it is the day by which she is to be back."""

_LAST_REPORT = N_("Not before %(day)s, six months after the handover.")

_PREPARES = frozenset({"prepare", "prepare_rectification"})
_TIGHTENS = frozenset({"freeze", "recall"})

# The fields of a step.


def _needs_reason(step: Step) -> bool:
    """Tell whether the page shows what is on record about the person, to a role that may see it."""
    may = {"correction": DESK, "record": RETURN_DESK, "restatement": IN_CHARGE}
    return step.role in may.get(step.verb, frozenset())


async def _fields(visit: Visit, step: Step) -> tuple[Field, ...]:
    """Return the fields of the body that the step takes; none if it takes none."""
    name = TAKES.get(step.verb)
    made = body_fields(name) if name is not None else ()
    if step.verb in _TIGHTENS and step.role != "asylum_authority":
        made = _without_none(made)
    if step.verb in ANSWERS:
        case = await looks.glanced(visit, step.row, step.role)
        asked = [one for one in unanswered(case) if one.kind == ANSWERS[step.verb]]
        return with_options(made, "/number", [_numbered(visit, one) for one in asked])
    if step.verb == "report" and step.row.state in _FOLLOWED and step.row.due_on is not None:
        text = visit.tongue._(_LAST_REPORT, day=visit.tongue.day(step.row.due_on))
        return tuple(replace(one, hint=text) if one.member == "final" else one for one in made)
    if step.verb in ("strike", "rectification"):
        return _own_parts(made, step.side)
    if step.verb == "restatement":
        return guardian.asked(made, await _guardians(visit, step))
    if step.verb == "redirect":
        return with_options(made, "/authority/id", await _authorities(visit), asked=True)
    return made


def _own_parts(of: tuple[Field, ...], side: Side) -> tuple[Field, ...]:
    """A State takes back what it sent itself: who asks elements, who is asked its reply (R-16)."""
    parts = next(one.options for one in of if one.member == "parts")
    asking = side is Side.REQUESTING
    return with_options(of, "/parts", [one for one in parts if (one.value != REPLY_PART) is asking])


def _without_none(of: Sequence[Field]) -> tuple[Field, ...]:
    """Whoever stops a case attests no 'none': that is for the authority that attests it."""
    at = "/protection/state"
    state = next(one for group in of if group.member == "protection" for one in group.fields if one.pointer == at)
    return with_options(of, at, [one for one in state.options if one.value != "none"])


async def _guardians(visit: Visit, step: Step) -> list[Option]:
    """
    Return the guardian on record, and another one, each by the reference that is recorded; none if none is on record.

    Whether somebody else was appointed no day and no signature tells, and what was signed and who may read hang on it.
    The reference of another is the one that the form brings, unless somebody had that before; else a new one.
    """
    case = await looks.glanced(visit, step.row, step.role)
    known = [(file or {}).get("representative") or {} for file in (case.draft, *case.earlier)]
    if not (own := known[0].get("ref")):
        return []
    named = visit.forms.get(guardian.REFERENCE) or visit.draft.get(guardian.REFERENCE, "")
    is_new = named and all(named != one.get("ref") for one in known)
    another = named if is_new else visit.site.desk.context.random.token()
    return guardian.options(own, another, visit.tongue)


def _numbered(visit: Visit, notice: Notice) -> Option:
    text = visit.tongue._(N_("Number %(number)s of %(day)s"), number=notice.number, day=notice.on)
    return Option(notice.number, text=text)


async def _authorities(visit: Visit) -> list[Option]:
    """Return the authorities of our own directory today."""
    context, today = visit.site.desk.context, visit.now.date()

    async def unit(tx: Tx) -> directory.Listing:
        return await directory.listing(context, tx, context.country, today)

    found = await context.store.read(unit)
    return [Option(one.id, text=one.id) for one in found.authorities]


async def _form(visit: Visit, step: Step, of: tuple[Field, ...], why: str) -> Form:
    """Return the form at first: what is on record, where the step replaces it; or what was typed when it came late."""
    typed = kept(MultiDict(visit.draft))
    if typed and _needs_reason(step):
        return Form(of, MultiDict(typed), seen=visit.draft.get("seen", ""))  # typed over what was on record then
    seen, value = "", {"reason": visit.tongue._(PRESET)} if step.verb in AT_ONCE else {}
    prepared: Standing | None = None
    if VERBS[step.verb].compared:
        shows = _needs_reason(step)
        of_case = (visit, step.row, step.role)
        seen = await looks.marked(*of_case)
        case = await (looks.seen(*of_case, why) if shows else looks.glanced(*of_case))
        prepares = bool(VERBS[step.verb].events & _PREPARES)
        value = _recorded(step, case) if shows else {}
        prepared = standing(visit, case) if prepares else None
    posted = MultiDict(typed) if typed else forms.fill(of, value, visit.tongue.zone)
    if step.verb == "restatement" and not typed:
        posted.pop(guardian.REFERENCE, None)  # which guardian it is, is to be said
    return Form(of, posted, seen=seen, standing=prepared)


def _recorded(step: Step, case: Case) -> dict[str, Any]:
    """Return what is on record and the step replaces."""
    if step.verb == "record":
        return dict(case.record or {})
    names = ("age", "representative") if step.verb == "restatement" else ("elements",)
    return {name: (case.draft or {}).get(name) for name in names}


async def _changed(visit: Visit, step: Step, of: tuple[Field, ...]) -> web.StreamResponse:
    """Show what was typed again, beside what was recorded meanwhile and would be undone by it."""
    reason = await looks.reason_of(visit, step.ref)
    if reason is None:
        return await why_of(visit, step)
    seen = await looks.marked(visit, step.row, step.role)
    case = await looks.seen(visit, step.row, step.role, reason.why)
    value, _ = forms.read(of, visit.forms, visit.tongue.zone)
    found = tuple(differences.apart(of, _recorded(step, case), value, visit.tongue))
    return page_of(visit, step, Form(of, visit.forms, seen=seen, changed=found))


# The pages.


async def show(visit: Visit) -> web.StreamResponse:
    """Show what a step does and the fields it takes; one that takes none is a page to confirm."""
    step = await step_of(visit)
    if step.verb in PAGES:
        return await visit.to(visit.path(PAGES[step.verb], ref=step.ref))
    if step.verb == "protocol":
        # Whoever signs a handover sees its exact text before; there is no other use of it here.
        hand = "handover" if step.side is Side.REQUESTING else "handover-confirmation"
        return await visit.to(visit.path("step", ref=step.ref, verb=hand))
    if step.verb == "reply":
        return await answering.show(visit, step)
    if step.verb in SIGNED:
        return await signatures.show(visit, step)
    reason = await looks.reason_of(visit, step.ref)
    if _needs_reason(step) and reason is None:
        return await why_of(visit, step)
    of = await _fields(visit, step)
    if step.verb in ANSWERS and not any(one.options for one in of if one.member == "number"):
        return visit.page("interior/step_nothing.html", step=head_of(visit, step))
    form = await _form(visit, step, of, reason.why if reason else "")
    form.findings = await against(visit.site.desk, step.row, step.verb, visit.person.id, step.role)
    return page_of(visit, step, form) if of else confirm_of(visit, step, form, {})


async def take(visit: Visit) -> web.StreamResponse:
    """Read what was posted; show it once more with its effect, and take the step when that was confirmed."""
    step = await step_of(visit)
    if step.verb in PAGES or step.verb == "protocol":
        return await show(visit)
    if "why" in visit.form and "look" in visit.form:
        return await take_why(visit, step)
    if step.verb == "reply":
        return await answering.take(visit, step)
    if step.verb in SIGNED:
        return await signatures.take(visit, step)
    of = await _fields(visit, step)
    try:
        return await take_form(visit, step, of)
    except Changed:
        if not _needs_reason(step):
            raise
        return await _changed(visit, step, of)


ROUTES = (
    Route("GET", "/cases/{ref}/steps/{verb}", "step", show, ANYBODY),
    Route("POST", "/cases/{ref}/steps/{verb}", "step.take", take, ANYBODY),
)
