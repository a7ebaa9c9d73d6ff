"""
A new request, or a change to one that was never taken: a list of tasks, kept until it is handed in.

Rule 1: what is typed is kept at once, sealed, for the person who typed it; its address is a random id and says nothing.
Rule 2: nothing here sends anything. At the end there is a draft case, which a second person must approve.
Rule 3: a file that is brought in is read as strictly as a message, and held to the same schema.
Rule 4: of an image only what was drawn anew is kept, beside the fields, where no form can put anything.
Rule 5: a copy of a case is handed in only while the case is what was copied. What a colleague recorded meanwhile is
shown, and goes before what was typed in the same place. Of a copy that an earlier version began, which does not tell
what was copied, all that differs is shown, and nothing that was typed is replaced.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict

import schemas
from gateway.core import documents
from gateway.core.attachments import FILE_MAX_BYTES, Rendition
from gateway.core.case import Case
from gateway.core.machine import RuleRefused
from gateway.core.verification import OFFICER
from gateway.services import cases
from gateway.services.access import REASON_MAX
from gateway.services.account_store import Session, Work
from gateway.services.context import NotFound
from gateway.services.opening import Reused
from gateway.services.ports import Unavailable
from gateway.web import forms, reasons, unfit
from gateway.web.error_page import NoDraft
from gateway.web.form_fields import Field, Option, body_fields
from gateway.web.forms import Problem
from gateway.web.interior import differences, guardian, looks, pictures, tasks
from gateway.web.interior.disclosure import disclosure, objections
from gateway.web.interior.step_links import steps_of
from gateway.web.interior.tasks import (
    TASKS,
    Standing,
    Task,
    read,
    spellings,
    standing,
    with_spelling,
    with_task,
)
from gateway.web.language import N_
from gateway.web.posted import NEVER_KEPT, BadForm
from gateway.web.visit import Entry, Route, Visit, is_own
from schemas import SchemaError, ijson

IMPORT_MAX_BYTES: Final = 256 * 1024

_DOCUMENT: Final = "b.elements.document"

_STATES: Final = {
    "new": (N_("Not started"), "still"),
    "begun": (N_("In progress"), "soon"),
    "done": (N_("Done"), "good"),
}


# Beginning.


async def begin_page(visit: Visit) -> web.StreamResponse:
    """Show what was begun, and how to begin anew: empty, or from a file."""
    return await _begin(visit, ())


async def _begin(visit: Visit, problems: Sequence[tuple[str, str]]) -> web.StreamResponse:
    works = await visit.site.accounts.papers.works(visit.person.id)
    return visit.page("interior/draft_begin.html", status=422 if problems else 200, works=works, problems=problems)


async def begin(visit: Visit) -> web.StreamResponse:
    """Begin an empty request; whoever begins it is proposed as its officer."""
    fields = [("b.officer", visit.person.id), ("b.category", "subject")]
    work = await visit.site.accounts.papers.begin_work(visit.person.id, fields, visit.now)
    return await visit.to(visit.path("request", id=work.id))


async def bring_in(visit: Visit) -> web.StreamResponse:
    """Begin a request with the case draft in a file."""
    try:
        draft = ijson.loads(visit.uploads.get("file", b""))
        schemas.validate(tasks.SCHEMA, draft)
        fields = tasks.from_draft(draft, visit.tongue)
    except ijson.BadJson:
        return await _begin(visit, [("file", visit.tongue._("The file is no strict JSON object, or none was chosen."))])
    except SchemaError as error:
        text = visit.tongue._("The file does not fit the schema of a case draft. These places are wrong:")
        places = (("file", unfit.said(visit.tongue, one)) for one in error.problems)
        return await _begin(visit, [("file", text), *places])
    except BadForm:
        text = visit.tongue._("The file holds invisible or control characters in a text.")
        return await _begin(visit, [("file", text)])
    work = await visit.site.accounts.papers.begin_work(visit.person.id, list(fields.items()), visit.now)
    return await visit.to(
        visit.path("request", id=work.id), told=visit.tongue._("The file was read. Look through each task.")
    )


# The list of tasks.


async def _work(visit: Visit) -> Work:
    """Return what is written here; raises ``NoDraft``, also for what is another's."""
    found = await visit.site.accounts.papers.find_work(visit.person.id, visit.request.match_info["id"])
    if found is None:
        raise NoDraft("there is no such request of yours")
    return found


async def _opened(visit: Visit) -> Work | web.StreamResponse:
    """
    Return what is written here; a copy of a case only for a reason that stands, once the look is recorded (R-13).

    Without one it is asked for, and what was typed meanwhile waits; where the case takes no change, the page says so.
    """
    found = await _copied(visit)
    return found if isinstance(found, web.StreamResponse) else found[0]


async def _copied(visit: Visit) -> tuple[Work, Case | None] | web.StreamResponse:
    """Return the same, with the case as it is now, if this is a copy of one."""
    work = await _work(visit)
    if not work.ref:
        return work, None
    row = await looks.row_of(visit, work.ref)
    steps = steps_of(visit, row)
    if "amend" not in steps:
        return visit.page("interior/draft_closed.html", status=409, ref=work.ref)
    reason = await looks.reason_of(visit, work.ref)
    if reason is None:
        typed = [(name, text) for name, text in (visit.forms or visit.draft).items() if name not in NEVER_KEPT]
        if typed:
            await visit.site.accounts.papers.keep_draft(visit.person.id, visit.request.path, typed, visit.now)
        back, waits = visit.request.path, "yes" if typed else ""
        return await visit.to(visit.path("amend", ref=work.ref, work=work.id, back=back, waits=waits))
    return work, await looks.seen(visit, row, steps["amend"][0], reason.why)


def _posted(work: Work) -> MultiDict[str]:
    return MultiDict(work.fields)


def _fields(visit: Visit, task: Task) -> tuple[Field, ...]:
    return tasks.fields_of(task, visit.site.desk.context, visit.now, visit.tongue)


def _standings(visit: Visit, posted: MultiDict[str]) -> list[Standing]:
    return [standing(task, _fields(visit, task), posted, visit.tongue) for task in TASKS.values()]


def _stopped(posted: MultiDict[str]) -> str:
    """Return the protection state that lets nothing leave, or an empty text while none was said or it is none."""
    state = posted.get("b.asylum.state", "")
    return "" if state in ("", "none") else state


async def overview(visit: Visit) -> web.StreamResponse:
    """Show the tasks and how far each has come."""
    work = await _work(visit)
    posted, shown = _posted(work), []
    # Of a copy it is content of the case: the task shows it, for a reason, once the look is recorded.
    stopped = "" if work.ref else _stopped(posted)
    standings, purpose = _standings(visit, posted), posted.get(tasks.PURPOSE, "")
    for one in standings:
        text, kind = _STATES[one.state]
        if one.state == "new" and not one.task.is_needed(purpose):
            text = N_("If there is any")
        if one.task.name == "gates" and stopped:
            text, kind = N_("Nothing may leave"), "late"
        path = visit.path("request-task", id=work.id, task=one.task.name)
        shown.append((visit.tongue._(one.task.title), path, visit.tongue._(text), kind, visit.tongue._(one.task.about)))
    needed = [one for one in standings if one.task.is_needed(purpose)]
    return visit.page(
        "interior/draft.html",
        work=work,
        items=shown,
        done=sum(one.state == "done" for one in needed),
        needed=len(needed),
        stopped=stopped,
    )


# One task.


async def task_page(visit: Visit) -> web.StreamResponse:
    """Show the fields of one task as they were left; what was typed when a session ended goes before."""
    work, task = await _opened(visit), _task(visit)
    if isinstance(work, web.StreamResponse):
        return work
    posted = _posted(work)
    if visit.draft:
        posted = with_task(posted, task, MultiDict(visit.draft))
    found = standing(task, _fields(visit, task), posted, visit.tongue)
    problems = found.problems if found.state == "begun" and visit.query("problems") else ()
    return _show_task(visit, work, task, posted, problems)


def _task(visit: Visit) -> Task:
    found = TASKS.get(visit.request.match_info.get("task", "documents"))
    if found is None:
        raise NotFound("there is no such task")
    return found


def _show_task(
    visit: Visit,
    work: Work,
    task: Task,
    posted: MultiDict[str],
    problems: Sequence[Problem],
    *,
    more: Sequence[tuple[str, str]] = (),
    found: tasks.Spelling | None = None,
    choice: Sequence[Option] = (),
    status: int = 200,
) -> web.StreamResponse:
    """
    Return the page of one task; ``more`` are problems of fields that are of the page and not of the draft.

    With a ``choice`` it asks which guardian is named.
    """
    of = guardian.asked(_fields(visit, task), choice)
    barred = [
        code for code in sorted(visit.site.desk.context.partners) if code not in tasks.partners(visit.site.desk.context)
    ]
    return visit.page(
        f"interior/draft_{task.name}.html" if task.name in _OWN_PAGES else "interior/draft_task.html",
        status=status,
        work=work,
        task=task,
        fields=forms.show(of, posted, problems, visit.tongue),
        problems=[(one.name, one.words(visit.tongue)) for one in problems] + list(more),
        errors=dict(more),
        spelling=found,
        barred=[visit.tongue.country(code) for code in barred],
        stopped=_stopped(posted),
        asks=guardian.ANSWERED if choice else "",
        typed=visit.form,
        pictures=pictures.in_request(visit, work.id, posted) if task.name == "documents" else (),
    )


_OWN_PAGES = frozenset({"names", "gates", "documents"})


async def task_save(visit: Visit) -> web.StreamResponse:
    """Keep a task as it was typed, whatever is wrong with it; add or take away a row, or help with a field."""
    work, task = await _opened(visit), _task(visit)
    if isinstance(work, web.StreamResponse):
        return work
    before, changed = _posted(work), forms.changed(_fields(visit, task), visit.forms)
    posted = with_task(before, task, visit.forms if changed is None else changed)
    own, is_asked = _own_guardian(work, before), guardian.ANSWERED in visit.form
    unsaid = guardian.is_unsaid(before, posted, own, is_copy=bool(work.ref), is_asked=is_asked)
    if unsaid and task.name == guardian.TASK:
        return await _ask_which(visit, work, task, posted, own)
    told, problem = "", ""
    if task.name == "documents":  # whichever button was pressed, a file that was chosen comes along
        posted, told, problem = await _pictured(visit, posted)
    if changed is None and not unsaid:
        posted = guardian.with_reference(posted, visit.site.desk.context.random.token)
    if changed is None and "suggest" in visit.form and task.name == "names":
        return await _suggest(visit, work, task, posted)
    work = await _keep(visit, work, posted)
    if problem:
        return _show_task(visit, work, task, posted, (), more=[("file", problem)], status=422)
    if changed is not None:
        return _show_task(visit, work, task, posted, ())
    if "read" in visit.form:
        return await _read_zone(visit, work, task, posted)
    wrong = _check_digit(visit, posted) if task.name == "documents" else []
    if told and not wrong:
        return await visit.to(visit.path("request-task", id=work.id, task=task.name), told=told)
    return await _saved(visit, work, task, posted, wrong)


async def _saved(
    visit: Visit, work: Work, task: Task, posted: MultiDict[str], more: Sequence[tuple[str, str]] = ()
) -> web.StreamResponse:
    """Lead on to the list of tasks; but for who saves it for later, what is wrong with this one comes first."""
    if "later" not in visit.form:
        problems = standing(task, _fields(visit, task), posted, visit.tongue).problems
        if problems or more:
            return _show_task(visit, work, task, posted, problems, more=more, status=422)
    return await visit.to(visit.path("request", id=work.id))


def _own_guardian(work: Work, before: MultiDict[str]) -> str:
    """Return the reference of the guardian whom the draft names now, or else the case of which it is a copy."""
    of_case = (work.base or {}).get("representative") or {}
    return before.get(guardian.REFERENCE) or str(of_case.get("ref") or "")


async def _ask_which(visit: Visit, work: Work, task: Task, posted: MultiDict[str], own: str) -> web.StreamResponse:
    """Keep what was typed without the reference of the guardian, and ask which guardian it is."""
    # A page from before another one was named brings the reference of whom nobody means by the one on record.
    choice = guardian.options(own or posted[guardian.REFERENCE], visit.site.desk.context.random.token(), visit.tongue)
    posted = MultiDict((name, text) for name, text in posted.items() if name != guardian.REFERENCE)
    work = await _keep(visit, work, posted)
    return _show_task(visit, work, task, posted, (guardian.UNSAID,), choice=choice, status=422)


async def _keep(visit: Visit, work: Work, posted: MultiDict[str]) -> Work:
    return await visit.site.accounts.papers.save_work(work, list(posted.items()), visit.now)


async def _suggest(visit: Visit, work: Work, task: Task, posted: MultiDict[str]) -> web.StreamResponse:
    """Propose Latin letters for one name: the recommended ones are filled in where none were typed."""
    place = visit.form["suggest"]
    row = int(place) if place.isascii() and place.isdigit() and len(place) < 3 else 0
    found = spellings(posted, row)
    if found is None:
        text = visit.tongue._(
            "There is no table for this. Write the name and its script (for example uk-Cyrl, ar-Arab or fr-Latn) "
            "first; for other scripts copy the Latin letters from a document."
        )
        problems = standing(task, _fields(visit, task), posted, visit.tongue).problems
        long = [one for one in problems if one.text == forms.TOO_LONG]
        more = [] if long else [(f"{tasks.NAMES}.{row}.script", text)]
        return _show_task(visit, work, task, posted, long, more=more, status=422)
    posted = with_spelling(posted, found)
    return _show_task(visit, await _keep(visit, work, posted), task, posted, (), found=found)


async def _read_zone(visit: Visit, work: Work, task: Task, posted: MultiDict[str]) -> web.StreamResponse:
    """Take kind, number and issuer of a document from its machine-readable lines, if every check digit is right."""
    lines = [line for line in (line.replace(" ", "").upper() for line in visit.form.get("mrz", "").split("\n")) if line]
    try:
        zone = documents.parse_mrz(lines)
    except documents.BadMrz:
        return _show_task(visit, work, task, posted, (), more=[("mrz", visit.tongue._(_BAD_ZONE))], status=422)
    posted = MultiDict(posted)
    posted[f"{_DOCUMENT}.type"] = zone.document_code
    posted[f"{_DOCUMENT}.number"] = zone.number
    if zone.issuer in schemas.codes("country"):
        posted[f"{_DOCUMENT}.issuer"] = zone.issuer
    work = await _keep(visit, work, posted)
    problems = standing(task, _fields(visit, task), posted, visit.tongue).problems
    return _show_task(visit, work, task, posted, problems)


_BAD_ZONE = N_(
    "The check digits do not fit, or these are not two or three lines of a machine-readable zone. A check digit tells "
    "that a character is wrong and not which: compare each line with the document."
)
_BAD_DIGIT = N_(
    "This is not the check digit of that number. One of the two is mistyped: compare both with the document."
)


def _check_digit(visit: Visit, posted: MultiDict[str]) -> list[tuple[str, str]]:
    """Return what is wrong with the check digit that was typed beside the number, if one was."""
    digit = forms.ascii_digits(visit.form.get("digit", ""))
    if not digit:
        return []
    number = posted.get(f"{_DOCUMENT}.number", "").replace(" ", "").upper()
    try:
        # In the zone a number has nine places, filled up (ICAO Doc 9303 part 3, section 4.2); fillers count as 0.
        documents.verify_number(number.ljust(9, documents.FILLER), digit)
    except documents.BadMrz:
        return [("digit", visit.tongue._(_BAD_DIGIT))]
    return []


async def _pictured(visit: Visit, posted: MultiDict[str]) -> tuple[MultiDict[str], str, str]:
    """
    Have a file drawn anew, or take an image out, if the form asks for it; the file itself is kept nowhere.

    Returns the fields with it, what is said of it, and what is wrong with the file.
    """
    if out := visit.form.get("out", ""):
        return pictures.leave_out(posted, out), visit.tongue._("The image was taken out."), ""
    if "draw" not in visit.form and not visit.uploads:
        return posted, "", ""
    member, image, problem = await pictures.drawn_of(visit)
    if image is None:
        return posted, "", problem
    told = visit.tongue._("The image was drawn anew. The file itself was not kept.")
    return pictures.keep(posted, member, image), told, ""


async def picture_page(visit: Visit) -> web.StreamResponse:
    """Give one page of an image of the request, as it was drawn anew."""
    work = await _opened(visit)
    if isinstance(work, web.StreamResponse):
        return work
    member = visit.request.match_info["member"]
    kept = pictures.kept_in(_posted(work)).get(member, {})
    return pictures.served(member, visit.request.match_info["page"], pictures.page_of(visit, kept.get("wire")))


# The end.


async def review(visit: Visit) -> web.StreamResponse:
    """Show what would leave, or what is still missing; with ``confirm`` make a draft case of it."""
    found = await _copied(visit)
    if isinstance(found, web.StreamResponse):
        return found
    work, case = found
    posted = _posted(work)
    draft, problems = read(posted, visit.tongue)
    if problems := _missing(visit, posted) or problems:
        problems += _not_begun(visit, posted, problems)
        listed = [(_place(visit, work, one), one.words(visit.tongue)) for one in problems]
        return visit.page("interior/draft_missing.html", status=422, work=work, problems=listed)
    if case is not None and case.draft != work.base:
        return await _changed(visit, work, case, draft)
    preview = visit.site.desk.clear.preview(draft, renditions=pictures.kept_in(posted))
    if visit.form.get("confirm"):
        return await _hand_in(visit, work, draft, pictures.images_of(posted), case)
    images = pictures.leaving(visit, preview.body, "request-picture-page", id=work.id)
    shown = replace(disclosure(visit, draft, preview), pictures=images)
    return visit.page("interior/draft_review.html", work=work, shown=shown, partner=visit.tongue.country(draft["to"]))


def _missing(visit: Visit, posted: MultiDict[str]) -> tuple[Problem, ...]:
    """Return what is wrong with each task that must be done or was begun."""
    needed = [one for one in _standings(visit, posted) if one.task.needed or one.state == "begun"]
    found = [tasks.check(one.task, _fields(visit, one.task), posted, visit.tongue) for one in needed]
    return tuple(problem for each in found for problem in each)


def _not_begun(visit: Visit, posted: MultiDict[str], problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """
    Return each empty task that must be done and whose fields may each be left out, as elements may.

    It holds no draft back: MIN-5 says what is missing where the rest fits, and as long as that is so nothing leaves.
    """
    told, purpose = {tasks.task_of(one.name) for one in problems}, posted.get(tasks.PURPOSE, "")
    return tuple(
        Problem(tasks.posted_name(one.task.members[0]), forms.MISSING, one.task.title)
        for one in _standings(visit, posted)
        if one.state == "new" and one.task.is_needed(purpose) and one.task not in told
    )


def _place(visit: Visit, work: Work, problem: Problem) -> str:
    """Return where a problem can be mended."""
    task = tasks.task_of(problem.name)
    if task is None:
        return visit.path("request", id=work.id)
    return f"{visit.path('request-task', id=work.id, task=task.name, problems='1')}#{problem.name}"


async def _changed(visit: Visit, work: Work, case: Case, draft: Mapping[str, Any]) -> web.StreamResponse:
    """Show what was recorded in the case since it was copied; once that was seen, take it into the copy."""
    now, mark, of = case.draft or {}, cases.mark(visit.site.desk.context, case), body_fields(tasks.SCHEMA)
    if work.base is None:
        return await _uncertain(visit, work, now, mark, differences.apart(of, now, draft, visit.tongue))
    places = differences.changed(work.base, now)
    if visit.form.get("take") == mark:
        fields = _merged(work, case, places, visit)
        await visit.site.accounts.papers.save_work(work, fields, visit.now, now)
        told = visit.tongue._("What was recorded meanwhile stands in your copy now. Look through it again.")
        return await visit.to(visit.path("request", id=work.id), told=told)
    found = differences.listed(of, places, now, draft, visit.tongue)
    return visit.page("interior/draft_changed.html", status=409, work=work, found=found, mark=mark)


async def _uncertain(
    visit: Visit, work: Work, now: Mapping[str, Any], mark: str, found: Sequence[differences.Difference]
) -> web.StreamResponse:
    """Show all that differs from a copy of which nobody knows what was copied; once that was seen, go on with it."""
    if visit.form.get("take") == mark:
        await visit.site.accounts.papers.save_work(work, work.fields, visit.now, now)
        told = visit.tongue._("Your copy stands as it did. Look through it again.")
        return await visit.to(visit.path("request", id=work.id), told=told)
    return visit.page("interior/draft_changed.html", status=409, work=work, found=found, mark=mark)


def _merged(work: Work, case: Case, places: frozenset[differences.Place], visit: Visit) -> list[tuple[str, str]]:
    """Return the fields of a copy with the parts of the case at ``places`` as they are now."""
    now = [*tasks.from_draft(case.draft or {}, visit.tongue).items(), *pictures.of_case(case)]
    names = [".".join((forms.PREFIX, *place)) for place in places]

    def is_new(field: str) -> bool:
        own = pictures.place_of(field)
        return any(own == name or own.startswith(f"{name}.") for name in names)

    return [(name, text) for name, text in work.fields if not is_new(name)] + [
        (name, text) for name, text in now if is_new(name)
    ]


async def _hand_in(
    visit: Visit, work: Work, draft: dict[str, Any], images: Mapping[str, Rendition], case: Case | None
) -> web.StreamResponse:
    """Open the case, or change the one this is about; then what was written here is gone."""
    desk, person, role = visit.site.desk, visit.person.id, sorted(visit.roles & OFFICER)[0]
    if case is not None:
        ref, seen = work.ref, cases.mark(desk.context, case)
        try:
            await desk.clear.amend(ref, draft, person, role, images=images, seen=seen)
        except RuleRefused as error:
            found = objections(visit, error.findings)
            return visit.page("interior/check_refused.html", status=422, ref=ref, objections=found)
        told = visit.tongue._("The draft was changed. An approval given before is void.")
    else:
        # In two tabs, or where the case was opened and the copy stayed, one thing that was written opens one case.
        try:
            ref = await desk.clear.new(draft, person, role, images=images, once=f"request {work.id}")
        except Reused as error:
            told = visit.tongue._(
                "What was written here was handed in before, as this case. Later changes are not in it."
            )
            return await visit.to(visit.path("check", ref=error.ref), told=told)
        told = visit.tongue._("The case was opened. Nothing has been sent: a second person has to approve it.")
    await reasons.give(visit.site.accounts.papers, _session(visit), ref, draft["justification"][:REASON_MAX], visit.now)
    with suppress(Unavailable):  # the case stands; what is left over here can be discarded by hand
        await visit.site.accounts.papers.drop_work(person, work.id)
    return await visit.to(visit.path("check", ref=ref), told=told)


def _session(visit: Visit) -> Session:
    if visit.session is None:
        raise LookupError("nobody has signed in here")
    return visit.session


async def discard(visit: Visit) -> web.StreamResponse:
    """Ask, and then forget what was written here."""
    work = await _work(visit)
    if visit.form.get("confirm"):
        await visit.site.accounts.papers.drop_work(visit.person.id, work.id)
        return await visit.to(visit.path("request-new"), told=visit.tongue._("What you had begun was deleted."))
    return visit.page("interior/draft_discard.html", work=work)


async def amend(visit: Visit) -> web.StreamResponse:
    """Take the draft of a case up again, once the look at it is recorded."""
    ref = visit.request.match_info["ref"]
    row = await looks.row_of(visit, ref)
    steps = steps_of(visit, row)
    if "amend" not in steps:
        return visit.page("interior/draft_closed.html", status=409, ref=ref)
    why, problem = looks.given(visit.form) if visit.request.method == "POST" else ("", "")
    begun = await _begun(visit, ref)
    if visit.request.method == "GET" or problem:
        carried = {name: value for name in _CARRIED if (value := _carried(visit, name))} if begun else {}
        values = {"ref": ref, "why": why or visit.draft.get("why", ""), "problem": problem, "carried": carried}
        return visit.page("interior/draft_amend.html", status=422 if problem else 200, **values)
    await reasons.give(visit.site.accounts.papers, _session(visit), ref, why, visit.now)
    if begun is not None:
        own, back = visit.path("request", id=begun.id), _carried(visit, "back")
        return await visit.to(back if back.startswith(f"{own}/") and is_own(back) else own)
    role = steps["amend"][0]
    case = await looks.seen(visit, row, role, why)
    fields = [*tasks.from_draft(case.draft or {}, visit.tongue).items(), *pictures.of_case(case)]
    work = await visit.site.accounts.papers.begin_work(visit.person.id, fields, visit.now, ref, case.draft)
    return await visit.to(visit.path("request", id=work.id))


_CARRIED: Final = ("work", "back", "waits")
"""What the page that asks for the reason carries on: the copy it is for, the page of that, and whether text waits."""


def _carried(visit: Visit, name: str) -> str:
    return visit.form.get(name) or visit.draft.get(name) or visit.query(name)


async def _begun(visit: Visit, ref: str) -> Work | None:
    """Return the copy of the case ``ref`` that the reason is asked for, if it is one of the visitor's."""
    named = _carried(visit, "work")
    found = await visit.site.accounts.papers.find_work(visit.person.id, named) if named else None
    return found if found is not None and found.ref == ref else None


ROUTES = (
    Route("GET", "/requests/new", "request-new", begin_page, OFFICER),
    Route("POST", "/requests/new", "request-begin", begin, OFFICER),
    Route("GET", "/requests/import", "request-import-form", begin_page, OFFICER),
    Route("POST", "/requests/import", "request-import", bring_in, OFFICER, upload=IMPORT_MAX_BYTES),
    Route("GET", "/requests/{id}", "request", overview, OFFICER),
    Route("GET", "/requests/{id}/review", "request-review", review, OFFICER),
    Route("POST", "/requests/{id}/review", "request-hand-in", review, OFFICER),
    Route("GET", "/requests/{id}/discard", "request-discard", discard, OFFICER),
    Route("POST", "/requests/{id}/discard", "request-discarded", discard, OFFICER),
    Route("GET", "/requests/{id}/picture/{member}/{page}", "request-picture-page", picture_page, OFFICER),
    Route("GET", "/requests/{id}/documents", "request-documents", task_page, OFFICER),
    Route("POST", "/requests/{id}/documents", "request-documents-save", task_save, OFFICER, upload=FILE_MAX_BYTES),
    Route("GET", "/requests/{id}/{task}", "request-task", task_page, OFFICER),
    Route("POST", "/requests/{id}/{task}", "request-task-save", task_save, OFFICER),
    Route("GET", "/cases/{ref}/amend", "amend", amend, OFFICER),
    Route("POST", "/cases/{ref}/amend", "amend-begin", amend, OFFICER),
)

NAVIGATION = (Entry("request-new", N_("New request"), OFFICER),)
