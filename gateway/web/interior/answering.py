"""
Answering what another State asked: the elements it sent beside the form, the outcome first, then what goes with it.

Rule 1: only outcomes that answer the question asked are there to choose, and only reasons that fit the outcome.
Rule 2: not found is not no. The page says so where the outcome is chosen.
Rule 3: what was received is shown for a reason, and the look is recorded before (R-13).
Rule 4: an answer takes the place of the one that the page showed, if one was prepared, and of no other.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from aiohttp import web
from multidict import MultiDict

from gateway.core.case import Case
from gateway.core.edtf import BadEdtf, parse
from gateway.core.messages import ELEMENTS, NEGATIVE_OUTCOMES, OUTCOMES_FOR, REQUEST, allowed_methods
from gateway.core.reuse import FURTHER
from gateway.services import cases
from gateway.services.act_bodies import components
from gateway.services.ports import Changed
from gateway.web.form_fields import Field, body_fields, with_options
from gateway.web.forms import PREFIX
from gateway.web.interior import looks
from gateway.web.interior.differences import Difference
from gateway.web.interior.step_pages import Form, Step, head_of, kept, page_of, standing, take_form, why_of
from gateway.web.language import N_
from gateway.web.said import Said, say
from gateway.web.visit import Visit

HINTS = {
    "NOT_FOUND": N_("Nothing was found, and that is all it says. It is not a no, and the other State may ask again."),
    "NOT_NATIONAL": N_("An entry was found and it shows that the person is not a national. It needs a reason."),
    "FORMER_NATIONAL": N_("An entry was found and it shows that the nationality ended. It needs a reason."),
    "NO_PR_AT_DATE": N_("An entry was found and it shows no right of residence on that day. It needs a reason."),
    "CANNOT_SAY": N_("The register does not allow an answer. It needs a reason."),
    "REFUSED": N_("The question is not answered. It needs a reason."),
}
"""What an outcome says, where that is easily taken for something else."""

_OUTCOME = f"{PREFIX}.outcome"
"""How the outcome is posted, which stands in no address: it says what was found of the person."""

_SIGNED_AS = {"registry_clerk": "REGISTRAR", "desk_head": "DESK_HEAD"}


@cache
def reasons(outcome: str) -> tuple[str, ...]:
    """Return the reasons that go with ``outcome``, as the schema of the reply demands; none if there is to be none."""
    for one in components()["Reply"]["allOf"]:
        wanted = one["then"]["properties"].get("reason")
        if wanted is not None and outcome in one["if"]["properties"]["outcome"]["enum"]:
            return tuple(wanted.get("enum", ()))
    return ()


def _fields(case: Case, outcome: str) -> tuple[Field, ...]:
    """Return the fields that go with ``outcome``: the reasons that fit, and none where none is due."""
    fitting = reasons(outcome)
    made = body_fields("Reply")
    chosen = next(one for one in made if one.member == "outcome").options
    made = with_options(made, "/outcome", [one for one in chosen if one.value == outcome])
    methods = next(one for one in made if one.member == "method_used").options
    made = with_options(made, "/method_used", [one for one in methods if one.value in _methods(case)])
    made = tuple(replace(one, least=1) if _is_needed(one, outcome) else one for one in made)
    if not fitting:
        return tuple(replace(one, options=()) if one.member == "reason" else one for one in made)
    known = next(one for one in made if one.member == "reason").options
    made = with_options(made, "/reason", [one for one in known if one.value in fitting])
    return tuple(replace(one, nullable=False) if one.member == "reason" else one for one in made)


def _is_needed(field: Field, outcome: str) -> bool:
    """Tell whether an answer with ``outcome`` has to say where it was looked up, or what matched (rules R-26, M-01)."""
    if field.member == "method_used":
        return outcome not in ("CANNOT_SAY", "REFUSED")
    return field.member == "match_basis" and outcome not in ("NOT_FOUND", "CANNOT_SAY", "REFUSED", "DOC_NOT_AUTHENTIC")


def _methods(case: Case) -> frozenset[str]:
    """Return where it may be looked up, as far as the request allows."""
    asked = case.received or {}
    return allowed_methods(asked["method_limit"], asked["no_contact_methods"] is not False)


def _shown(of: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields in which there is something to fill in; where nothing was found, nothing matched."""
    found_none = any(one.member == "outcome" and one.options[0].value == "NOT_FOUND" for one in of)
    return tuple(
        one
        for one in of
        if (one.member != "reason" or one.options) and not (one.member == "match_basis" and found_none)
    )


def _outcomes(visit: Visit, case: Case) -> list[tuple[str, str, str]]:
    """Return the outcomes that answer the question of the case: code, text, and what it says."""
    tongue, fitting = visit.tongue, OUTCOMES_FOR[case.purpose]
    every = next(one for one in body_fields("Reply") if one.member == "outcome").options
    return [
        (str(one.value), one.words(tongue), tongue._(HINTS[str(one.value)]) if one.value in HINTS else "")
        for one in every
        if one.value in fitting
    ]


async def _case(visit: Visit, step: Step) -> Case | None:
    """Return the case, the look recorded; ``None`` if no reason stands."""
    reason = await looks.reason_of(visit, step.ref)
    return None if reason is None else await looks.seen(visit, step.row, step.role, reason.why)


async def show(visit: Visit, step: Step) -> web.StreamResponse:
    """Show what was received, and ask for the outcome; for what goes with it, where that was typed and came late."""
    case = await _case(visit, step)
    return await why_of(visit, step) if case is None else _begun(visit, step, case, kept(MultiDict(visit.draft)))


def _begun(visit: Visit, step: Step, case: Case, typed: Sequence[tuple[str, str]]) -> web.Response:
    """Return the page that asks for the outcome or, if one that fits is among what was typed, for the rest."""
    posted: MultiDict[str] = MultiDict(typed)
    outcome, asked = posted.get(_OUTCOME, ""), visit.request.method == "POST"
    if outcome not in OUTCOMES_FOR[case.purpose]:
        return visit.page(
            "interior/answer.html",
            status=422 if asked else 200,
            step=head_of(visit, step),
            received=received(visit, case),
            question=visit.tongue.code("purpose", case.purpose),
            outcomes=_outcomes(visit, case),
            standing=standing(visit, case, shown=True),
            changed=None,
            problem=visit.tongue._(N_("Choose what was found.")) if asked else "",
        )
    if f"{PREFIX}.as_of" not in posted:
        posted[f"{PREFIX}.as_of"] = _as_of(visit, case)
        posted[f"{PREFIX}.signed_by_role"] = _SIGNED_AS.get(step.role, "")
        if outcome in ("NOT_FOUND", "REFUSED", "CANNOT_SAY"):
            posted[f"{PREFIX}.confidence"] = "NONE"
    return _page(visit, step, case, posted)


def _page(
    visit: Visit, step: Step, case: Case, posted: MultiDict[str], changed: tuple[Difference, ...] | None = None
) -> web.Response:
    """Return the page with the fields of the answer, which rests on the case as it is now."""
    outcome = posted[_OUTCOME]
    of = _shown(_fields(case, outcome))
    seen, prepared = cases.mark(visit.site.desk.context, case), standing(visit, case, shown=True)
    form = Form(of, posted, seen=seen, changed=changed, standing=prepared)
    return page_of(visit, step, form, "interior/answer.html", **_more(visit, case, outcome))


def _as_of(visit: Visit, case: Case) -> str:
    """Return the day that the answer is about: of entry for permanent residence, if it is one day, else today."""
    if case.purpose != "PERM_RESIDENCE":
        return visit.now.astimezone(visit.tongue.zone).date().isoformat()
    try:
        entry = parse(str(((case.received or {}).get("elements") or {}).get("entry_date")))
    except BadEdtf:
        return ""
    return entry.lower.isoformat() if entry.lower == entry.upper else ""


async def take(visit: Visit, step: Step) -> web.StreamResponse:
    """Take the answer one page further: from the outcome to what goes with it, and on."""
    case = await _case(visit, step)
    if case is None:
        return await why_of(visit, step)
    outcome = visit.form.get(_OUTCOME, "")
    if "go" in visit.form or outcome not in OUTCOMES_FOR[case.purpose]:
        return _begun(visit, step, case, kept(visit.forms))
    of, more = _fields(case, outcome), _more(visit, case, outcome)
    try:
        return await take_form(visit, step, of, "interior/answer.html", **more)
    except Changed:
        return _page(visit, step, await _case(visit, step) or case, visit.forms, ())


def received(visit: Visit, case: Case) -> tuple[Said, ...]:
    """Return what the other State sent in ``case``, in words."""
    sent = case.received or {}
    # Who is looked up stands before the conditions under which that is done.
    members = sorted(sent.items(), key=lambda member: member[0] != "elements")
    request = {name: one for name, one in members if name not in FURTHER}
    more = {FURTHER[name]: one for name, one in members if name in FURTHER}
    said = say(body_fields(REQUEST), request, visit.tongue)
    return (*said, *say(body_fields(ELEMENTS), more, visit.tongue))


def _more(visit: Visit, case: Case, outcome: str) -> dict[str, object]:
    tongue = visit.tongue
    return {
        "received": received(visit, case),
        "question": tongue.code("purpose", case.purpose),
        "outcome": tongue.code("outcome", outcome),
        "hint": tongue._(HINTS[outcome]) if outcome in HINTS else "",
        "second": outcome in NEGATIVE_OUTCOMES,
        "chosen": (_OUTCOME, outcome),
        "outcomes": [],
    }
