"""
From a draft to a message that leaves: check what will leave, have a second person approve it, send it.

Rule 1: content is shown for a reason that stands, and the look is recorded before it is shown (R-13).
Rule 2: who approves sees the same table and the same digest as who wrote it, and proves presence for just that digest.
Rule 3: what is sent is what the page of sending named.
Rule 4: a refusal of a rule is a page of its own that says what can be done. Nothing there overrides it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Final

from aiohttp import web

import schemas
from gateway.core.case import Case, Pending, Side
from gateway.core.machine import Event, RuleRefused
from gateway.core.returns import RETURN_STATES
from gateway.core.tables import GUARDS
from gateway.core.verification_guards import lapsed
from gateway.services import second
from gateway.services.acts import APPROVALS, DESK, GONE, VERBS, Call, check_shown
from gateway.services.clear import APPROVAL, SEES_CONTENT
from gateway.services.context import NotFound
from gateway.services.inquire import BoardRow
from gateway.services.offered import against
from gateway.web.interior import case as case_page
from gateway.web.interior import pictures
from gateway.web.interior.case_view import Head, sent_back
from gateway.web.interior.disclosure import Disclosure, disclosure, objections, plain
from gateway.web.interior.looks import acting_as, marked, row_of, seen
from gateway.web.interior.queues import QUEUES
from gateway.web.interior.step_links import link, steps_of, verbs
from gateway.web.signin import presence
from gateway.web.signin.hand import Act
from gateway.web.signin.refused import Refused
from gateway.web.visit import Route, Visit

APPROVES: Final = VERBS["approval"].anybody()
SENDS: Final = VERBS["send"].anybody()
_OFFERED = ("approval", "rectification-approval", "send-back", "send", "amend")
"""Steps that the page of what will leave leads to."""

Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


def interrupted(handler: Handler) -> Handler:
    """Return ``handler`` with a page of its own for what a rule refuses."""

    @wraps(handler)
    async def guarded(visit: Visit) -> web.StreamResponse:
        try:
            return await handler(visit)
        except RuleRefused as error:
            ref = visit.request.match_info["ref"]
            found = objections(visit, error.findings)
            return visit.page("interior/check_refused.html", status=422, ref=ref, objections=found)

    return guarded


async def _opened(visit: Visit) -> tuple[BoardRow, Head] | web.StreamResponse:
    """Return the case of the address and its head, or the page that asks why the visitor needs to see it."""
    row, head, _ = await case_page.opened(visit)
    check_shown(row)
    if head.reason is None:
        return case_page.asks(visit, row, head, visit.request.path)
    return row, head


async def _prepared(visit: Visit, row: BoardRow, why: str) -> tuple[Case, Disclosure | None]:
    """Return the case, once the look is recorded, and what is prepared in it; ``None`` if nothing is."""
    role = acting_as(visit, DESK | APPROVES, SEES_CONTENT)
    if role is None:
        raise NotFound("there is nothing here for your role")
    case = await seen(visit, row, role, why, "preview")
    pending = case.pending
    if pending is None:
        return case, None
    if case.side is Side.REQUESTING and pending.type in APPROVAL and role in SEES_CONTENT:
        preview, _ = await visit.site.desk.clear.show(row.ref, visit.person.id, role)
        if preview.type == pending.type:
            return case, _whole(visit, case, pending, disclosure(visit, case.draft or {}, preview))
    return case, _whole(visit, case, pending, plain(visit, pending.type, pending.body, pending.digest))


def _whole(visit: Visit, case: Case, pending: Pending, shown: Disclosure) -> Disclosure:
    """Return ``shown`` with the images of the body that is prepared, and with what it was sent back for."""
    found = pictures.leaving(visit, pending.body, "case-picture", ref=case.ref, whose="leaves")
    is_open = pending.approver is None or lapsed(pending, visit.now)
    barred = GUARDS["not_sent_back"](case, Event("approve", visit.person.id, ""), visit.now) if is_open else ()
    return replace(shown, pictures=found, objections=(*shown.objections, *objections(visit, barred)))


def _words(visit: Visit, case: Case) -> list[tuple[str, str]]:
    """Return what was said against the text that is prepared: by whom and why, and their own words."""
    return [(said, one.note or "") for said, one in zip(sent_back(visit.tongue, case), case.disputed, strict=True)]


@dataclass(frozen=True, slots=True)
class Second:
    """Who of the desk has to approve or sign what is prepared, beside who wrote it; and the list in which it waits."""

    people: tuple[str, ...]
    waits_in: str


def _second(visit: Visit, pending: Pending) -> Second | None:
    """Return who may be the second person, in office and with the role; ``None`` where none of the desk is needed."""
    verb = second.verb_for(pending)
    if verb is None:
        return None
    persons, roles = visit.site.desk.context.persons, VERBS[verb].anybody()
    able = (one for one in persons.values() if one.roles & roles and one.active(visit.now))
    waits_in = next(visit.tongue._(queue.title) for queue in QUEUES.values() if verb in queue.words)
    return Second(tuple(sorted(one.id for one in able if one.id != pending.author)), waits_in)


async def check(visit: Visit) -> web.StreamResponse:
    """Show what will leave, field by field, with the digest of the exact body and who may approve it."""
    found = await _opened(visit)
    if isinstance(found, web.StreamResponse):
        return found
    row, head = found
    case, shown = await _prepared(visit, row, head.reason.why if head.reason else "")
    pending, steps = case.pending, await verbs(visit, row)
    return visit.page(
        "interior/check.html",
        head=head,
        row=row,
        shown=shown,
        pending=pending,
        words=_words(visit, case),
        is_author=pending is not None and pending.author == visit.person.id,
        second=_second(visit, pending) if pending else None,
        may={name: link(visit, row, name).path for name in _OFFERED if name in steps},
    )


@interrupted
async def approve(visit: Visit) -> web.StreamResponse:
    """Show the approver the same table and digest, and take the proof for just that digest."""
    found = await _opened(visit)
    if isinstance(found, web.StreamResponse):
        return found
    row, head = found
    steps = steps_of(visit, row)
    if "approval" not in steps:
        return visit.page("interior/approve_closed.html", status=409, ref=row.ref)
    case, shown = await _prepared(visit, row, head.reason.why if head.reason else "")
    return await _ask(visit, row, head, case, shown)


async def _ask(
    visit: Visit, row: BoardRow, head: Head, case: Case, shown: Disclosure | None, *, refused: str = ""
) -> web.StreamResponse:
    pending = case.pending
    if pending is None or shown is None or pending.type not in APPROVALS:
        return visit.page("interior/approve_closed.html", status=409, ref=row.ref)
    is_author = pending.author == visit.person.id
    barred = is_author or bool(shown.objections)
    question, cannot = None, ""
    if not barred:
        question, cannot = await presence.ask(visit, _act(visit, row, case, pending))
    return visit.page(
        "interior/approve.html",
        status=422 if refused else 200,
        head=head,
        row=row,
        shown=shown,
        pending=pending,
        words=_words(visit, case),
        back=link(visit, row, "send-back").path if "send-back" in await verbs(visit, row) else "",
        is_author=is_author,
        question=question,
        cannot=cannot,
        refused=refused,
    )


def _act(visit: Visit, row: BoardRow, case: Case, pending: Pending) -> Act:
    """Return what is approved: the kind of statement, the role as the statement names it, and the exact bytes."""
    role = steps_of(visit, row)["approval"][0]
    return Act(row.ref, APPROVALS[pending.type], schemas.statement_roles()[role], case.thread, pending.digest)


@interrupted
async def approve_now(visit: Visit) -> web.StreamResponse:
    """Take the approval: the proof is checked against what is prepared now, whatever the page showed."""
    found = await _opened(visit)
    if isinstance(found, web.StreamResponse):
        return found
    row, head = found
    steps = steps_of(visit, row)
    case, shown = await _prepared(visit, row, head.reason.why if head.reason else "")
    if "approval" not in steps or case.pending is None or case.pending.type not in APPROVALS:
        return visit.page("interior/approve_closed.html", status=409, ref=row.ref)
    if visit.form.get("digest") != case.pending.digest:
        return await _ask(visit, row, head, case, shown, refused="changed")
    try:
        statement = await presence.sign(visit, _act(visit, row, case, case.pending))
    except Refused:
        return await _ask(visit, row, head, case, shown, refused="proof")
    call = Call(visit.person.id, steps["approval"][0], row.ref, {"statement": statement})
    await VERBS["approval"].act(visit.site.desk, call)
    told = visit.tongue._("Approved. Nothing has been sent yet.")
    after = steps_of(visit, await row_of(visit, row.ref))
    return await visit.to(visit.path("send" if "send" in after else "case", ref=row.ref), told=told)


@interrupted
async def send(visit: Visit) -> web.StreamResponse:
    """Say what sending will do; with ``confirm`` put the approved body into the outbox."""
    at = await row_of(visit, visit.request.match_info["ref"])
    role = acting_as(visit, DESK)
    mark = await marked(visit, at, role) if role is not None and at.state not in GONE else ""
    row, head, case = await case_page.opened(visit)
    steps = steps_of(visit, row)
    if case is None or "send" not in steps or row.state in RETURN_STATES:
        return visit.page("interior/approve_closed.html", status=409, ref=row.ref)
    if visit.form.get("confirm"):
        call = Call(visit.person.id, steps["send"][0], row.ref, {}, visit.form.get("seen", ""))
        await VERBS["send"].act(visit.site.desk, call)
        told = visit.tongue._("Handed to the outbox. The receipt of the other State will stand in the timeline.")
        return await visit.to(visit.path("case", ref=row.ref), told=told)
    if found := await against(visit.site.desk, row, "send", visit.person.id, steps["send"][0]):
        return visit.page("interior/check_refused.html", ref=row.ref, objections=objections(visit, found))
    return visit.page(
        "interior/approve_send.html",
        head=head,
        row=row,
        pending=case.pending,
        case=case,
        partner=visit.tongue.country(row.partner),
        seen=mark,
    )


ROUTES = (
    Route("GET", "/cases/{ref}/check", "check", check, DESK | APPROVES),
    Route("GET", "/cases/{ref}/approve", "approve", approve, APPROVES),
    Route("POST", "/cases/{ref}/approve", "approve-now", approve_now, APPROVES),
    Route("GET", "/cases/{ref}/send", "send", send, SENDS),
    Route("POST", "/cases/{ref}/send", "send-now", send, SENDS),
)
