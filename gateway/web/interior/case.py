"""
The page of one case: summary, timeline, messages, questions about data, documents, record of access.

Rule 1: without a reason a page shows what the local API shows a desk without one, and nothing of the person.
Rule 2: with a reason the look is recorded first; if that fails, nothing is shown.
Rule 3: every step that may be taken now is one link away, and the one that stops the case stands on each page, as it
does on those that check, approve, send or take a step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from gateway.core.case import Case, Side
from gateway.core.machine import RuleRefused
from gateway.core.returns import RETURN_STATES
from gateway.core.verification import OFFICER
from gateway.services import elsewhere, evidence, reading, referral, rights, second
from gateway.services.access import REASON_MAX
from gateway.services.acts import ANYBODY, DESK, GONE, RETURN_DESK, RETURN_PARTS, check_shown
from gateway.services.context import NotFound
from gateway.services.escalate import Escalation
from gateway.services.inquire import BoardRow
from gateway.services.invitations import DESKS, INVITERS
from gateway.services.reading import OPENERS
from gateway.web import readable, reasons, words
from gateway.web.interior import case_view, pressing
from gateway.web.interior.case_view import Asked, Head, Known, Section
from gateway.web.interior.looks import acting_as, before_of, given, glanced, reason_of, role_among, row_of, seen
from gateway.web.interior.step_links import ABOUT_DATA, links
from gateway.web.language import N_
from gateway.web.readable import Part
from gateway.web.visit import Route, Visit, is_own

SEES: Final = ANYBODY - {"foreign_affairs"}
"""Who may see that a case exists and where it stands; foreign affairs have a board of their own."""

HISTORY: Final = DESK | {"child_welfare", "coordinator", "dpo"}
"""Who reads the history of a case and the messages that passed: the desks, and who decides or supervises."""

ASKS: Final = DESK | {"child_welfare", "dpo"}
"""Who deals with questions about data that was sent."""

RETURNS: Final = RETURN_DESK | frozenset(RETURN_PARTS)
LOOKERS: Final = RETURNS | OPENERS
"""Who may see some content of a case for a reason."""

PAPERS: Final = evidence.ROLES | rights.READERS
PRINTS: Final = HISTORY

MINE_FIRST: Final = DESK
"""Of several roles that fit, one of a desk is taken."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One part of the pages of a case: path, text, and whether it is this page."""

    path: str
    text: str
    current: bool


_TABS = (
    ("case", N_("Summary"), SEES),
    ("case-timeline", N_("Timeline"), HISTORY),
    ("case-messages", N_("Messages"), HISTORY),
    ("case-data", N_("Questions about data"), ASKS),
    ("case-return", N_("Return"), RETURNS),
    ("case-pictures", N_("Images"), DESK),
    ("remark", N_("Remark"), DESK),
    ("case-documents", N_("Documents"), PAPERS),
    ("case-log", N_("Record of access"), OPENERS),
    ("invitations", N_("Invitations"), INVITERS),
)


def tabs(visit: Visit, row: BoardRow, head: Head) -> tuple[Tab, ...]:
    """Return the parts of the case that the visitor may open; the return once there is one, or may be."""
    shown = []
    for name, text, roles in _TABS:
        if name == "case-return" and not has_return(row):
            continue
        if name == "remark" and row.side != Side.REQUESTING:
            continue  # what came stands with the message it came in
        if name == "invitations" and not may_invite(visit, row, head):
            continue
        if roles & visit.roles:
            path = visit.path(name, ref=row.ref)
            shown.append(Tab(path, visit.tongue._(text), path == visit.request.path))
    return tuple(shown)


def may_invite(visit: Visit, row: BoardRow, head: Head) -> bool:
    """Tell whether the visitor is of the desk that invites, or the welfare authority of a minor who may return."""
    if visit.session is None or visit.session.invitation is not None:
        return False
    minor_returns = row.state in RETURN_STATES and bool(head.represented)
    return bool(visit.roles & DESKS[Side(row.side)]) or ("child_welfare" in visit.roles and minor_returns)


def has_return(row: BoardRow) -> bool:
    """Tell whether a return is, was, or may be in the case, as far as its state tells."""
    return row.state in {*RETURN_STATES, "REPLIED", "SUSPENDED", "FROZEN", "WITHDRAWN", "UNDELIVERED"}


async def opened(visit: Visit) -> tuple[BoardRow, Head, Case | None]:
    """Return the row of the case, its head, and the case for who may read it without a reason (``FLAGGED``)."""
    row = await row_of(visit, visit.request.match_info["ref"])
    role = acting_as(visit, case_view.FLAGGED, MINE_FIRST)
    case = await glanced(visit, row, role) if role and row.state not in GONE else None
    reason, steps = await reason_of(visit, row.ref), (*await links(visit, row), *await pressing.link_of(visit, row))
    return row, case_view.head(visit, row, case, steps, reason, ABOUT_DATA), case


def shown(
    visit: Visit, template: str, row: BoardRow, head: Head, *, status: int = 200, **values: object
) -> web.Response:
    """Return a page of the case."""
    values |= {"head": head, "tabs": tabs(visit, row, head), "reason_max": REASON_MAX}
    return visit.page(f"interior/{template}", status=status, **values)


def asks(visit: Visit, row: BoardRow, head: Head, back: str, problem: str = "", why: str = "") -> web.Response:
    """Return the page that asks why the visitor needs to see what is at ``back``; what was typed there is kept."""
    visit.not_shown = visit.request.path == back
    status = 422 if problem else 200
    return shown(visit, "case_ask.html", row, head, status=status, back=back, problem=problem, why=why)


@dataclass(frozen=True, slots=True)
class Content:
    """A case whose content stands open to the visitor: its row, its head, and the case itself."""

    row: BoardRow
    head: Head
    case: Case


async def content_of(visit: Visit, back: str, only: Side | None = None) -> Content | web.Response:
    """
    Return the case of the address once the look is recorded, or the page that asks why the visitor needs ``back``.

    Raises ``NotFound`` where the visitor has no role of ``DESK``, or the case is not one of the side ``only``.
    """
    row, head, _ = await opened(visit)
    role = acting_as(visit, DESK)
    check_shown(row)
    if role is None or (only is not None and row.side != only):
        raise NotFound("there is nothing here for your role")
    if head.reason is None:
        return asks(visit, row, head, back)
    return Content(row, head, await seen(visit, row, role, head.reason.why))


# Summary.


async def summary(visit: Visit) -> web.StreamResponse:
    """Show where the case stands; for a reason that stands, its content too, once the look is recorded."""
    return await _summary(visit)


async def _summary(visit: Visit, problem: str = "") -> web.Response:
    row, head, case = await opened(visit)
    known, sections, due = await _content(visit, row, head, case)
    typed = visit.form.get("why", "") or visit.draft.get("why", "")
    visit.not_shown = visit.route.name == "case-task-form" and sections is None
    task = {"due": due and visit.may("case-task"), "problem": problem, "why": typed}
    status = 422 if problem else 200
    context = visit.site.desk.context
    aside = known is not None and await reading.is_set_aside(context, row.ref)
    mark = await Escalation(context).mark_of(row.ref) if known is not None and row.side == Side.REQUESTING else None
    told = {"known": known, "sections": sections, "task": task, "aside": aside, "mark": mark}
    return shown(visit, "case.html", row, head, status=status, **told)


async def _content(
    visit: Visit, row: BoardRow, head: Head, case: Case | None
) -> tuple[Known | None, tuple[Section, ...] | None, bool]:
    """
    Return what a desk sees of the case, its content if a reason stands, and whether that asks for a referral.

    The look is recorded before anything is returned, in each other case that was counted, or is named, too.
    """
    role = acting_as(visit, DESK)
    if role is None or case is None:
        return None, None, False
    due = await second.here(visit.site.desk, row, visit.person.id)
    known = case_view.known(visit, case, shown=head.reason is not None, due=due)
    if head.reason is None:
        return known, None, False
    looked = await seen(visit, row, role, head.reason.why)
    of = (visit.site.desk.context, row.ref, visit.person.id, head.reason.why)
    counted, named = await referral.find(*of), await elsewhere.find(*of)
    return known, case_view.content(visit.tongue, looked, counted, named), counted is not None


async def settle(visit: Visit) -> web.StreamResponse:
    """Take what was done about the referral that is asked for, or why nothing is to be: the case asks no more."""
    row = await row_of(visit, visit.request.match_info["ref"])
    why, problem = given(visit.form)
    if problem:
        return await _summary(visit, visit.tongue._(problem))
    role = role_among(visit, OFFICER)
    await referral.settle(visit.site.desk.context, row.ref, why, visit.person.id, role)
    return await visit.to(visit.path("case", ref=row.ref), told=visit.tongue._(N_("Your word was recorded.")))


async def reason_form(visit: Visit) -> web.StreamResponse:
    """Ask for the reason once more, with what was typed before a session ended."""
    row, head, _ = await opened(visit)
    return asks(visit, row, head, _back(visit, row), why=visit.draft.get("why", ""))


async def give_reason(visit: Visit) -> web.StreamResponse:
    """Take the reason to see the case, and lead back to the page that asked for it; nothing is shown yet."""
    row, head, _ = await opened(visit)
    why, problem = given(visit.form)
    back = _back(visit, row)
    if problem or visit.session is None:
        return asks(visit, row, head, back, visit.tongue._(problem), why)
    await reasons.give(visit.site.accounts.papers, visit.session, row.ref, why, visit.now)
    return await visit.to(back)


def _back(visit: Visit, row: BoardRow) -> str:
    """Return the page of this case to go on with: the one that asked, if it is one of them."""
    wanted = visit.form.get("back", "") or visit.draft.get("back", "")
    own = visit.path("case", ref=row.ref)
    return wanted if wanted.startswith(f"{own}/") and is_own(wanted) else own


async def take_back(visit: Visit) -> web.StreamResponse:
    """Close the content again before the fifteen minutes are over."""
    row = await row_of(visit, visit.request.match_info["ref"])
    if visit.session is not None:
        await reasons.take_back(visit.site.accounts.papers, visit.session, row.ref, visit.now)
    return await visit.to(visit.path("case", ref=row.ref), told=visit.tongue._(N_("The content is closed again.")))


# What happened.


async def timeline(visit: Visit) -> web.StreamResponse:
    """Show what happened and which messages passed, by role and without a name."""
    row, head, _ = await opened(visit)
    steps, passed = await reading.past(visit.site.desk.context, row.ref, _skipped(visit), reading.SHOWN_MAX + 1)
    moments = case_view.moments(visit.tongue, steps, passed)
    part = _part(visit, moments)
    return shown(visit, "case_timeline.html", row, head, moments=moments[: reading.SHOWN_MAX], part=part)


@dataclass(frozen=True, slots=True)
class ListPart:
    """Where a page stands in a long list: addresses of the earlier part and of the latest, and lines on a page."""

    earlier: str
    latest: str
    most: int
    ends: bool


def _skipped(visit: Visit) -> int:
    """Return behind how many of the latest lines the page begins; what means nothing is left out."""
    text = visit.query("skip")
    return min(int(text), reading.PAST_MAX) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _part(visit: Visit, lines: Sequence[object]) -> ListPart:
    """Return where the page stands whose ``lines`` were read, with one more if there is an earlier part."""
    skip, most, more = _skipped(visit), reading.SHOWN_MAX, len(lines) > reading.SHOWN_MAX
    goes_on = more and skip + most <= reading.PAST_MAX
    earlier = visit.here(skip=str(skip + most)) if goes_on else ""
    return ListPart(earlier, visit.here(skip="") if skip else "", most, more and not goes_on)


def part_of_looks(visit: Visit, found: Sequence[reading.Seen]) -> ListPart:
    """
    Return where a page of a record of access stands whose looks were read, with one more if there is an earlier part.

    It goes on by the number of the last look: a page of an opened record is itself a look, and would move a count.
    """
    most, latest = reading.SHOWN_MAX, visit.here(before="") if before_of(visit) is not None else ""
    earlier = visit.here(before=str(found[most - 1].number)) if len(found) > most else ""
    return ListPart(earlier, latest, most, ends=False)


def _most(lines: Sequence[object]) -> int:
    """Return how many lines a print has at most, if there may be more than it shows; 0 if it shows all."""
    return reading.SHOWN_MAX if len(lines) >= reading.SHOWN_MAX else 0


async def messages(visit: Visit) -> web.StreamResponse:
    """Show each message with what proves that it was taken, checked while the page is made."""
    row, head, _ = await opened(visit)
    passed = await reading.messages(visit.site.desk.context, row.ref, _skipped(visit), reading.SHOWN_MAX + 1)
    told = [case_view.told(visit.tongue, one) for one in passed[: reading.SHOWN_MAX]]
    return shown(visit, "case_messages.html", row, head, told=told, part=_part(visit, passed))


async def data(visit: Visit) -> web.StreamResponse:
    """Show what was asked and demanded about data that was sent, in both directions, with its state."""
    row, head, case = await opened(visit)
    if case is None and not head.gone and (role := acting_as(visit, ASKS)) is not None:
        case = await glanced(visit, row, role)
    asked: list[Asked] = [case_view.asked(visit.tongue, one) for one in reversed(case.notices)] if case else []
    return shown(visit, "case_data.html", row, head, asked=asked)


# Documents.


async def documents(visit: Visit) -> web.StreamResponse:
    """Offer what may be taken out of the case: the evidence, a printed summary, the account for the person."""
    row, head, _ = await opened(visit)
    form = visit.route.name.removesuffix(
        "-form"
    )  # where a session ended over one of the two, what was typed stands in it
    return _documents(visit, row, head, form=form, why=visit.draft.get("why", ""))


def _documents(
    visit: Visit, row: BoardRow, head: Head, problem: str = "", form: str = "", why: str = ""
) -> web.Response:
    readers = rights.OFFICIAL if head.gone else rights.READERS
    may = {"evidence": bool(visit.roles & evidence.ROLES), "account": bool(visit.roles & readers)}
    prints = bool(visit.roles & PRINTS) and not head.gone
    typed = {"problem": problem, "form": form, "why": why}
    status = 422 if problem else 200
    return shown(visit, "case_documents.html", row, head, status=status, may=may, prints=prints, **typed)


async def take_evidence(visit: Visit) -> web.StreamResponse:
    """Give the zip that proves the case, without personal content; the look is recorded by the export itself."""
    row = await row_of(visit, visit.request.match_info["ref"])
    role = role_among(visit, evidence.ROLES, MINE_FIRST)
    why, problem = given(visit.form)
    if problem:
        row, head, _ = await opened(visit)
        return _documents(visit, row, head, visit.tongue._(problem), "evidence", why)
    raw = await visit.site.desk.evidence(row.ref, visit.person.id, role, why)
    named = {"Content-Disposition": f'attachment; filename="evidence-{row.ref}.zip"'}
    return web.Response(body=raw, content_type="application/zip", headers=named)


@dataclass(frozen=True, slots=True)
class SentLine:
    """One message of an account in words; without ``parts`` if what it said cannot be read."""

    title: str
    at: str
    to: str
    receipt: str
    parts: tuple[Part, ...] | None


async def account(visit: Visit) -> web.StreamResponse:
    """Show the account for the person: what was sent about them, to whom, when and why."""
    row = await row_of(visit, visit.request.match_info["ref"])
    role = role_among(visit, rights.READERS, rights.OFFICIAL if row.state in GONE else MINE_FIRST)
    why, problem = given(visit.form)
    row, head, _ = await opened(visit)
    if problem:
        return _documents(visit, row, head, visit.tongue._(problem), "account", why)
    try:
        made = await rights.account(visit.site.desk.context, row.ref, visit.person.id, role, why)
    except RuleRefused as error:
        if all(finding.rule != "R-22" for finding in error.findings):
            raise
        return _documents(visit, row, head, await _held_back(visit, row), "account", why)
    sent = [sent_line(visit, one) for one in made.sent]
    tongue = visit.tongue
    # The page is printed and handed over: who looked, and why, stands in the record of access for whom it is.
    looks = [
        (tongue.instant(one.at), words.looked(tongue, one.action), words.recipient(tongue, one.recipient))
        for one in made.looks
    ]
    country = tongue.country(made.country)
    return shown(visit, "case_account.html", row, head, made=made, country=country, sent=sent, looks=looks)


async def _held_back(visit: Visit, row: BoardRow) -> str:
    """Return that a restriction holds the account back, until when, and who can review it (R-22)."""
    found = await rights.restriction(visit.site.desk.context, row.ref)
    until = visit.tongue.day(found.until) if found else ""
    text = N_("A restriction holds the account back until %(day)s. The data-protection authority can review it.")
    return visit.tongue._(text, day=until)


def sent_line(visit: Visit, one: rights.Sent) -> SentLine:
    """Return one message of an account in words."""
    tongue = visit.tongue
    receipt = tongue._(N_("No receipt came"))
    if one.receipt is not None:
        at, status = one.receipt["received_at"], tongue.code("receipt_status", one.receipt["status"])
        if at is None:
            receipt = tongue._(N_("%(status)s; the receipt cannot be read any more"), status=status)
        else:
            receipt = tongue._(N_("%(status)s on %(at)s"), status=status, at=tongue.instant(at))
    title, to = tongue.code("message_type", one.type), tongue.country(one.recipient)
    if one.elements is None:
        return SentLine(title, tongue.instant(one.posted_at), to, receipt, None)
    conditions = {
        "purpose": one.purpose,
        "legal_basis": one.legal_basis,
        "use_restrictions": list(one.use_restrictions),
        "retain_until": one.retain_until,
        "onward": one.onward,
    }
    said = (
        *readable.conditions(tongue, conditions),
        *_elements(visit, one.type, one.elements),
    )
    return SentLine(title, tongue.instant(one.posted_at), to, receipt, said)


def _elements(visit: Visit, type: str, elements: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return what a message of ``type`` said: its members by its own schema, the elements in it by theirs."""
    own = {name: value for name, value in elements.items() if name in readable.members(type)}
    rest = {name: value for name, value in elements.items() if name not in own}
    return (*readable.parts(visit.tongue, type, own), *readable.elements(visit.tongue, rest))


async def printed(visit: Visit) -> web.StreamResponse:
    """Show the summary for the printer, with the content that the screen shows; printing is a look of its own."""
    row, head, _ = await opened(visit)
    if head.gone or head.reason is None:
        return asks(visit, row, head, visit.request.path)
    role = role_among(visit, PRINTS, MINE_FIRST)
    looked = await seen(visit, row, role, head.reason.why, "print")
    is_desk = bool(visit.roles & DESK)
    sections = case_view.content(visit.tongue, looked) if is_desk else ()
    known = case_view.known(visit, looked, shown=True) if is_desk else None
    steps = await reading.history(visit.site.desk.context, row.ref)
    moments = case_view.moments(visit.tongue, steps, ())
    most = _most(moments)
    return shown(visit, "case_print.html", row, head, known=known, sections=sections, moments=moments, most=most)


# The record of access.


async def log(visit: Visit) -> web.StreamResponse:
    """Show who looked at the case; the reasons they gave once this look is recorded too."""
    row, head, _ = await opened(visit)
    context, reason = visit.site.desk.context, head.reason
    role = role_among(visit, OPENERS, MINE_FIRST)
    which = (before_of(visit), reading.SHOWN_MAX + 1)
    if reason is None or head.gone:
        found, is_open = await reading.looks(context, row.ref, *which), False
    else:
        found, is_open = await reading.opened_looks(context, row.ref, visit.person.id, role, reason.why, *which), True
    tongue, shown_now = visit.tongue, found[: reading.SHOWN_MAX]
    lines = [(one, words.looked(tongue, one.action), words.recipient(tongue, one.recipient)) for one in shown_now]
    return shown(visit, "case_log.html", row, head, lines=lines, is_open=is_open, part=part_of_looks(visit, found))


ROUTES = (
    Route("GET", "/cases/{ref}", "case", summary, SEES),
    Route("GET", "/cases/{ref}/look", "case-reason", reason_form, LOOKERS),
    Route("POST", "/cases/{ref}/look", "case-look", give_reason, LOOKERS),
    Route("GET", "/cases/{ref}/look/end", "case-closed", summary, LOOKERS),
    Route("POST", "/cases/{ref}/look/end", "case-look-end", take_back, LOOKERS),
    Route("GET", "/cases/{ref}/task", "case-task-form", summary, OFFICER),
    Route("POST", "/cases/{ref}/task", "case-task", settle, OFFICER),
    Route("GET", "/cases/{ref}/timeline", "case-timeline", timeline, HISTORY),
    Route("GET", "/cases/{ref}/messages", "case-messages", messages, HISTORY),
    Route("GET", "/cases/{ref}/data", "case-data", data, ASKS),
    Route("GET", "/cases/{ref}/documents", "case-documents", documents, PAPERS),
    Route("GET", "/cases/{ref}/evidence", "evidence-form", documents, evidence.ROLES),
    Route("POST", "/cases/{ref}/evidence", "case-evidence", take_evidence, evidence.ROLES),
    Route("GET", "/cases/{ref}/account", "account-form", documents, rights.READERS),
    Route("POST", "/cases/{ref}/account", "case-account", account, rights.READERS),
    Route("GET", "/cases/{ref}/print", "case-print", printed, PRINTS),
    Route("GET", "/cases/{ref}/log", "case-log", log, OPENERS),
)
