"""
What the pages of the steps have in common: which step it is and who may, its head, its form, the page before the act.

Rule 1: a page is there only for a step that the case allows now to a role the visitor holds; everything else is refused
before anything of the case is shown.
Rule 2: what is typed goes back and forth in the form and is kept nowhere until the step is taken.
Rule 3: so does the mark of the case that a page rests on, where the step counts only for what was seen
(``acts.Verb.compared``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import MultiDict

from gateway.core.case import Case, Side, State
from gateway.core.documents import number_digest
from gateway.core.facts import Finding
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.act_bodies import TAKES
from gateway.services.acts import DESK, VERBS, Call
from gateway.services.context import Forbidden
from gateway.services.guests import is_guest
from gateway.services.inquire import BoardRow
from gateway.services.invitations import GUEST_VERBS
from gateway.services.offered import open_steps
from gateway.web import forms, reasons, words
from gateway.web.form_fields import Field, body_fields
from gateway.web.forms import PREFIX, Problem
from gateway.web.interior import looks
from gateway.web.interior.case_view import STOPS, Link
from gateway.web.interior.differences import Difference
from gateway.web.interior.guardian import with_reference
from gateway.web.interior.step_links import is_own_stop, steps_of, stop_of
from gateway.web.interior.step_texts import StepText
from gateway.web.interior.step_variants import ASIDE, ASKING, AT_ONCE, SECOND, text_of
from gateway.web.said import Said, say
from gateway.web.visit import Visit
from schemas import SchemaError, ijson

_TAKES_OUT = frozenset({"restatement"})
"""Steps in which a part that is left empty is taken off the record, and is said to be none before it is."""

_STOPS = AT_ONCE | frozenset(STOPS.values())
"""Steps on whose pages no other stop is offered."""


@dataclass(frozen=True, slots=True)
class Step:
    """
    A step that the visitor may take now, in ``role``; ``roles`` are all of theirs that may.

    ``stop`` is the one that stops the case, if they may take that and this is not a stop itself.
    """

    verb: str
    ref: str
    row: BoardRow
    side: Side
    role: str
    roles: tuple[str, ...]
    text: StepText
    stop: Link | None


async def step_of(visit: Visit) -> Step:
    """
    Return the step that is visited. Raises ``HTTPNotFound`` for a verb there is not, ``Forbidden``, ``NotFound``,
    ``IllegalStep``.
    """
    verb, ref = visit.request.match_info["verb"], visit.request.match_info["ref"]
    if verb not in VERBS:
        raise web.HTTPNotFound
    # Whoever may never take this step learns nothing about the case, not even that there is none.
    if not visit.roles & VERBS[verb].anybody():
        raise Forbidden("none of your roles may do this", "ask a person whose role may")
    row = await looks.row_of(visit, ref)
    if visit.session is not None and is_guest(visit.session.person) and verb not in GUEST_VERBS:
        raise Forbidden("a guest does not take this step", "ask the desk in charge")
    side, here = Side(row.side), steps_of(visit, row).get(verb, [])
    fitting = tuple(role for role in here if role in VERBS[verb].roles(side))
    if not fitting:
        raise IllegalStep(State(row.state), verb, ", ".join(sorted(visit.roles)))
    named = visit.query("role")
    role = named if named in fitting else await _foremost(visit, row, verb, fitting)
    stop = None if verb in _STOPS else await stop_of(visit, row)
    return Step(verb, ref, row, side, role, fitting, await _text(visit, verb, row, role), stop)


async def _text(visit: Visit, verb: str, row: BoardRow, role: str) -> StepText:
    """Return what is said of the step in this case: of one that takes two words, whether the visitor's decides."""
    if verb in SECOND and await visit.site.desk.hold.is_second(row.ref, verb, visit.person.id, role):
        return SECOND[verb]
    if verb in ASKING and row.side == Side.REQUESTING:
        return ASKING[verb]
    is_own = verb in AT_ONCE and await is_own_stop(visit, row, {role})
    is_aside = verb in ASIDE and (row.side, row.state) == (Side.REQUESTING, State.SUSPENDED)
    return ASIDE[verb] if is_aside else text_of(verb, row.side, row.state, is_own=is_own)


async def _foremost(visit: Visit, row: BoardRow, verb: str, fitting: Sequence[str]) -> str:
    """Return in which of the ``fitting`` roles the step is shown first: one of a desk, and one that is not refused."""
    own: Sequence[str] = ()
    if len(fitting) > 1:
        own = (await open_steps(visit.site.desk, row, visit.person.id, frozenset(fitting))).get(verb, ())
    return min(own or fitting, key=lambda one: (one not in DESK, one))


# What a page shows.


@dataclass(frozen=True, slots=True)
class Head:
    """What stands on top of every page of a step."""

    ref: str
    title: str
    does: str
    learns: str
    button: str
    severe: bool
    sends: bool
    partner: str
    state: str
    case: str
    here: str
    role: str
    others: tuple[tuple[str, str], ...]
    stop: Link | None


def head_of(visit: Visit, step: Step) -> Head:
    """Return the head of the page of ``step`` in the language of the visitor."""
    tongue, text = visit.tongue, step.text
    others = tuple((visit.here(role=role), tongue.role(role)) for role in step.roles if role != step.role)
    return Head(
        step.ref,
        tongue._(text.title),
        tongue._(text.does),
        tongue._(text.learns),
        tongue._(text.button),
        text.severe,
        text.sends,
        tongue.country(step.row.partner),
        words.state(tongue, step.row.state),
        looks.place_of(visit, step.ref),
        visit.here(),
        tongue.role(step.role),
        others,
        step.stop,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is prepared in the case already, and gives way: its type in words, who prepared it, and what it says."""

    type: str
    author: str
    said: tuple[Said, ...] = ()


def standing(visit: Visit, case: Case, *, shown: bool = False) -> Standing | None:
    """Return what is prepared in ``case``, if anything is; what it says where the content is ``shown``."""
    if (pending := case.pending) is None:
        return None
    said = say(body_fields(pending.type), ijson.loads(pending.body.encode()), visit.tongue) if shown else ()
    return Standing(visit.tongue.code("message_type", pending.type), pending.author, said)


@dataclass(slots=True)
class Form:
    """
    The fields of a step, what stands in them, and what is wrong with it.

    ``seen`` is the mark of the case that the page rests on. ``changed`` says how what is typed differs from what was
    recorded since, if anything was. ``standing`` is what is prepared already, where the step prepares something.
    """

    fields: tuple[Field, ...]
    posted: MultiDict[str] = field(default_factory=MultiDict)
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    seen: str = ""
    changed: tuple[Difference, ...] | None = None
    standing: Standing | None = None


def page_of(visit: Visit, step: Step, form: Form, template: str = "interior/step.html", **more: Any) -> web.Response:
    """Return the page with the fields of a step; one with something wrong in it is an error (422)."""
    shown = forms.show(form.fields, form.posted, form.problems, visit.tongue)
    wrong = bool(form.problems or form.findings)
    return visit.page(
        template,
        status=409 if form.changed is not None else 422 if wrong else 200,
        step=head_of(visit, step),
        fields=shown,
        seen=form.seen,
        changed=form.changed,
        problems=[(one.name, one.words(visit.tongue)) for one in form.problems],
        findings=form.findings,
        at_once=step.verb in AT_ONCE,
        standing=form.standing,
        **more,
    )


def confirm_of(visit: Visit, step: Step, form: Form, value: Mapping[str, Any]) -> web.Response:
    """Return the page that names the effect and repeats what was filled in; nothing has happened yet."""
    return visit.page(
        "interior/step_confirm.html",
        status=422 if form.findings and visit.request.method == "POST" else 200,
        step=head_of(visit, step),
        said=say(form.fields, value, visit.tongue, nulls=step.verb in _TAKES_OUT),
        hidden=kept(form.posted),
        seen=form.seen,
        findings=form.findings,
        editable=bool(form.fields),
    )


def kept(posted: MultiDict[str]) -> list[tuple[str, str]]:
    """Return the fields of the body that a page carries on to the next."""
    return [(name, value) for name, value in posted.items() if name.startswith(f"{PREFIX}.")]


async def why_of(visit: Visit, step: Step, problem: str = "", why: str = "") -> web.Response:
    """Return the page that asks why the visitor needs to see what is on record; what they typed waits meanwhile."""
    posted = visit.forms if kept(visit.forms) else MultiDict(visit.draft)
    if (typed := kept(posted)) and visit.session is not None:
        waits = [*typed, ("seen", posted.get("seen", ""))]  # it was typed over what was on record then
        await visit.site.accounts.papers.keep_draft(visit.session.person, visit.request.path, waits, visit.now)
        visit.not_shown = visit.request.method == "GET"
    return visit.page(
        "interior/step_why.html",
        status=422 if problem else 200,
        step=head_of(visit, step),
        why=why or visit.draft.get("why", ""),
        problem=visit.tongue._(problem) if problem else "",
        waits=bool(typed),
    )


async def take_why(visit: Visit, step: Step) -> web.StreamResponse:
    """Keep the reason that was given, and lead back to the page that shows what it was given for."""
    why, problem = looks.given(visit.form)
    if problem or visit.session is None:
        return await why_of(visit, step, problem, why)
    await reasons.give(visit.site.accounts.papers, visit.session, step.ref, why, visit.now)
    return await visit.to(visit.here())


# From form to act.


async def _completed(visit: Visit, step: Step, posted: MultiDict[str]) -> MultiDict[str]:
    """Return the form with what nobody types: random references, and the digest in place of a document's number."""
    made = MultiDict(posted)
    if step.verb == "schedule":
        name, count = f"{PREFIX}.escort.refs", posted.get(f"{PREFIX}.escort.count", "")
        wanted = int(count) if count in ("1", "2", "3", "4") else 0
        tokens = made.popall(name, [])[:wanted]
        for token in [*tokens, *(visit.site.desk.context.random.token() for _ in range(wanted - len(tokens)))]:
            made.add(name, token)
    if step.verb == "restatement":
        made = with_reference(made, visit.site.desk.context.random.token)
    name = f"{PREFIX}.number_digest"
    if step.verb in ("issue", "reissue") and (number := posted.get(name, "")) and len(number) != _DIGEST_CHARS:
        case = await looks.glanced(visit, step.row, step.role)
        made[name] = number_digest(case.thread, number)
    return made


_DIGEST_CHARS = 43
"""A digest in base64url; no travel document has a number of that length."""


async def take_form(
    visit: Visit, step: Step, of: tuple[Field, ...], template: str = "interior/step.html", **more: Any
) -> web.StreamResponse:
    """Take the form of a step one page further."""
    rows, seen = forms.changed(of, visit.forms), visit.form.get("seen", "")
    if rows is not None or "change" in visit.form:
        return page_of(visit, step, Form(of, rows if rows is not None else visit.forms, seen=seen), template, **more)
    posted = await _completed(visit, step, visit.forms)
    value, problems = forms.read(of, posted, visit.tongue.zone, TAKES.get(step.verb, ""))
    if problems:
        return page_of(visit, step, Form(of, visit.forms, problems, seen=seen), template, **more)
    form = Form(of, posted, seen=seen)
    if "confirm" not in visit.form:
        return confirm_of(visit, step, form, value)
    try:
        return await act(visit, step, value)
    except RuleRefused as error:
        form.findings = tuple(error.findings)
        return confirm_of(visit, step, form, value)
    except SchemaError as error:
        form.problems = forms.blame(of, posted, visit.tongue.zone, error)
        return page_of(visit, step, form, template, **more)


async def act(visit: Visit, step: Step, value: Mapping[str, Any]) -> web.StreamResponse:
    """Take the step and lead to where it was offered. Raises ``Changed`` if the case is not what its page rested on."""
    seen = visit.form.get("seen", "") if VERBS[step.verb].compared else None
    await VERBS[step.verb].act(visit.site.desk, Call(visit.person.id, step.role, step.ref, value, seen))
    return await visit.to(looks.place_of(visit, step.ref), told=visit.tongue._(step.text.done))
