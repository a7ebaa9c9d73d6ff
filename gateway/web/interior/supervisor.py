"""
The pages of the data-protection officer: who looked at what, what persons are owed, and by which rules data leaves.

Rule 1: the access log shows references and acts. A reason is somebody's own words, so it is opened for a reason of the
officer's own, which is recorded with each page of it before anything is shown.
Rule 2: nothing is changed from here. A dry run stores nothing of what was typed, and shows codes and rules, no values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

import schemas
from gateway import __version__
from gateway.core.case import State
from gateway.core.facts import When
from gateway.core.minimise import MATRIX, NEVER, Line
from gateway.core.preview import Preview
from gateway.core.rules import RULES
from gateway.services import reading, rights
from gateway.services.context import NotFound
from gateway.services.inquire import AuditRow
from gateway.web import unfit, words
from gateway.web.interior.case import part_of_looks, sent_line
from gateway.web.interior.looks import before_of, given, reason_of
from gateway.web.interior.search import NOT_FOUND, REFERENCE
from gateway.web.language import N_, Tongue
from gateway.web.reasons import give
from gateway.web.visit import Entry, Route, Visit
from schemas import SchemaError, ijson

ROLE: Final = "dpo"
ROLES: Final = frozenset({ROLE})

PAGE: Final = 50
SCANNED: Final = 200
SCANS: Final = 10
"""Entries read at once, and how often, when looking for one person's: a page costs the page, not the log."""

UPLOAD_MAX: Final = 256 * 1024


# The access log.


@dataclass(frozen=True, slots=True)
class Found:
    """One page of the log, and the number before which the next one begins (``None``: there is no more)."""

    rows: Sequence[AuditRow]
    before: int | None


async def _found(visit: Visit, ref: str, person: str, before: int | None) -> Found:
    inquiries = visit.site.desk.inquiries
    if not person:
        rows = list(await inquiries.audit(ref=ref or None, limit=PAGE + 1, before=before))
        return Found(rows[:PAGE], rows[PAGE - 1].number if len(rows) > PAGE else None)
    found: list[AuditRow] = []
    for _ in range(SCANS):
        rows = list(await inquiries.audit(ref=ref or None, limit=SCANNED, before=before))
        for row in rows:
            if row.person == person:
                found.append(row)
                if len(found) == PAGE:
                    return Found(found, row.number)
        if len(rows) < SCANNED:
            return Found(found, None)
        before = rows[-1].number
    return Found(found, before)


async def access(visit: Visit, problem: str = "") -> web.StreamResponse:
    """List who looked at what, the latest first, narrowed to a case or a person."""
    ref, chosen = visit.query("ref")[:64], visit.form.get("person") or visit.draft.get("person")
    person = (chosen or visit.query("person"))[:64]
    found = await _found(visit, ref, person, before_of(visit))
    known = {*visit.site.desk.context.persons, *(row.person for row in found.rows), person} - {""}
    return visit.page(
        "interior/supervisor_access.html",
        status=422 if problem else 200,
        rows=[(row, *_told(visit.tongue, row.action, row.recipient)) for row in found.rows],
        next=visit.here(before=str(found.before), person=person) if found.before is not None else "",
        typed=visit.form.get("ref") or visit.draft.get("ref") or ref,
        problem=visit.tongue._(problem) if problem else "",
        person=person,
        people=sorted(known),
    )


async def narrow(visit: Visit) -> web.StreamResponse:
    """Lead to the log of a case or a person; what is typed may be a name, and no address holds it unless it fits."""
    ref = "".join(visit.form.get("ref", "").split())
    if ref and not REFERENCE.fullmatch(ref):
        return await access(visit, NOT_FOUND)
    return await visit.to(visit.path("access", ref=ref, person=visit.form.get("person", "")[:64]))


def _told(tongue: Tongue, action: str, recipient: str | None) -> tuple[str, str]:
    """Return what was done, and to whom something was given, in words."""
    return words.looked(tongue, action), words.recipient(tongue, recipient)


async def reasons(visit: Visit, problem: str = "", why: str = "") -> web.StreamResponse:
    """Show the looks at one case, a page at a time; for a reason that stands with the reasons, once it is recorded."""
    ref, context = visit.request.match_info["ref"], visit.site.desk.context
    row = await visit.site.desk.inquiries.find_case(ref)
    is_erased = row is None or row.state == State.ERASED
    reason = None if is_erased or problem else await reason_of(visit, ref)
    which = (before_of(visit), reading.SHOWN_MAX + 1)
    if reason is None:
        seen = await reading.looks(context, ref, *which)
    else:
        seen = await reading.opened_looks(context, ref, visit.person.id, ROLE, reason.why, *which)
    if not seen:
        raise NotFound("nobody looked at such a case")
    return visit.page(
        "interior/supervisor_reasons.html",
        status=422 if problem else 200,
        ref=ref,
        lines=[(one, *_told(visit.tongue, one.action, one.recipient)) for one in seen[: reading.SHOWN_MAX]],
        part=part_of_looks(visit, seen),
        reason=reason,
        is_erased=is_erased,
        problem=visit.tongue._(problem) if problem else "",
        why=why or visit.draft.get("why", ""),
    )


async def open_reasons(visit: Visit) -> web.StreamResponse:
    """Take the reason to read the reasons, and lead back to the page that asked for it; nothing is shown yet."""
    why, problem = given(visit.form)
    if problem or visit.session is None:
        return await reasons(visit, problem, why)
    await give(visit.site.accounts.papers, visit.session, visit.request.match_info["ref"], why, visit.now)
    return await visit.to(visit.here())


# What persons are owed.


async def requests(visit: Visit, problems: Sequence[tuple[str, str]] = (), status: int = 200) -> web.StreamResponse:
    """Offer the account of a case, and show the corrections and erasures that no State has confirmed."""
    wanted = visit.query("open") == "yes"
    demands = await rights.unconfirmed(visit.site.desk.context) if wanted else ()
    today = visit.now.astimezone(visit.tongue.zone).date()
    return visit.page(
        "interior/supervisor_requests.html",
        status=status,
        wanted=wanted,
        demands=[
            (one, visit.tongue.code("message_type", one.kind), "late" if one.due_on < today else "soon")
            for one in demands
        ],
        problems=problems,
        errors=dict(problems),
        typed=visit.form or visit.draft,
    )


async def account(visit: Visit) -> web.StreamResponse:
    """Make the account of one case, to be printed and handed over; the look is recorded before it is shown."""
    ref, (why, problem) = visit.form.get("ref", ""), given(visit.form)
    problems = [] if ref else [("ref", visit.tongue._("Enter the reference of the case."))]
    problems += [("why", visit.tongue._(problem))] if problem else []
    if problems:
        return await requests(visit, problems, 422)
    try:
        made = await rights.account(visit.site.desk.context, ref, visit.person.id, ROLE, why)
    except NotFound:
        return await requests(visit, [("ref", visit.tongue._("There is no such case here, or it was erased."))], 422)
    tongue = visit.tongue
    # The person learns when and to whom, as from the command; who looked here, and why, is for the officer alone.
    looks = [(tongue.instant(one.at), *_told(tongue, one.action, one.recipient)) for one in made.looks]
    sent = [sent_line(visit, one) for one in made.sent]
    country = tongue.country(made.country)
    return visit.page("interior/supervisor_account.html", made=made, country=country, sent=sent, looks=looks)


# By which rules data leaves.


def _rules(tongue: Tongue) -> list[tuple[str, str, str, bool, str]]:
    return [
        (
            rule.id,
            tongue._(rule.title),
            rule.source.removesuffix(" (unverified)"),
            "(unverified)" not in rule.source,
            tongue.comma.join(tongue._(words.CHECKED[when]) for when in When if when in rule.when),
        )
        for rule in RULES
    ]


def _instruments() -> list[Mapping[str, Any]]:
    return [schemas.load_instruments()[name] for name in sorted(schemas.load_instruments())]


def needs(matrix: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return what ``matrix`` says of each element for each purpose."""
    return {(row["element"], purpose): need for row in matrix["elements"] for purpose, need in row["purposes"].items()}


async def policy(visit: Visit) -> web.StreamResponse:
    """Show the rules, the matrix, the periods of retention, the instruments and the versions."""
    context = visit.site.desk.context
    purposes = tuple(schemas.codes("purpose"))
    return visit.page(
        "interior/supervisor_policy.html",
        rules=_rules(visit.tongue),
        matrix=MATRIX,
        purposes=[one for one in purposes if one in MATRIX["elements"][0]["purposes"]],
        never=NEVER,
        chosen=context.policy,
        instruments=_instruments(),
        version=__version__,
    )


# A dry run.


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposed matrix would change: one element for one purpose, now and then (``None``: not in the table)."""

    element: str
    purpose: str
    now: str | None
    then: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One element of a record: what happens to it now and under the proposed matrix."""

    member: str
    now: Line
    then: Line


def changes(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[Change]:
    """Return where ``then`` differs from ``now``, by element and purpose."""
    old, new = needs(now), needs(then)
    return [
        Change(element, purpose, old.get((element, purpose)), new.get((element, purpose)))
        for element, purpose in dict.fromkeys([*old, *new])
        if old.get((element, purpose)) != new.get((element, purpose))
    ]


def under(draft: Mapping[str, Any], matrix: Mapping[str, Any]) -> list[Line]:
    """
    Return what would happen to each element of ``draft`` in a first request, were ``matrix`` the table.

    For the table in force a test holds this to ``minimise.disclose``, which alone decides what leaves.
    """
    rows = {member: row for row in matrix["elements"] for member in row["members"]}
    never = {row["field"]: row["because"] for row in matrix["never"]}
    members = [*draft["elements"], *(["representative_ref"] if draft.get("representative") else [])]
    made = [_line(member, rows.get(member), draft["purpose"]) for member in members]
    national = draft.get("national", {})
    return made + [Line(name, name, "forbidden", "MIN-3", never.get(name, "a national field")) for name in national]


def _line(member: str, row: Mapping[str, Any] | None, purpose: str) -> Line:
    if row is None:
        return Line(member, member, "forbidden", "MIN-1", "the table does not name it")
    element, need = row["element"], row["purposes"].get(purpose, "forbidden")
    if row["attachment"]:
        return Line(element, member, "withheld", "MIN-4", "an image leaves only once it was drawn anew here")
    if need == "required":
        return Line(element, member, "sent", "-", "needed to answer")
    if need == "tier2":
        return Line(element, member, "withheld", "MIN-2", "leaves only after the other State asks for it")
    return Line(element, member, "forbidden", "MIN-1", f"not needed for the purpose {purpose}")


STATUSES: Mapping[str, tuple[str, str]] = {
    "sent": (N_("Would leave"), "soon"),
    "withheld": (N_("Would be withheld"), "good"),
    "forbidden": (N_("Would never leave"), "good"),
}
"""What happens to an element, and the kind of its tag."""

_NOTHING = N_("Choose a file or paste the record.")
_BAD_JSON = N_("This is not strict JSON. Check the brackets, the quotes, and that no name stands twice.")
_LARGE = N_("This is longer than a page takes.")


class _Unread(Exception):
    """A value that was typed or uploaded cannot be read; ``problems`` say why, in the language of the visitor."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


def _value(visit: Visit, name: str, schema: str) -> Mapping[str, Any] | None:
    """Return the value uploaded or pasted as ``name``; ``None`` if there is none. Raises ``_Unread``."""
    raw = visit.uploads.get(f"{name}_file", b"") or visit.form.get(name, "").encode()
    if not raw:
        return None
    if len(raw) > UPLOAD_MAX:
        raise _Unread(visit.tongue._(_LARGE))
    try:
        value = ijson.loads(raw)
        schemas.validate(schema, value)
    except ijson.BadJson:
        raise _Unread(visit.tongue._(_BAD_JSON)) from None
    except SchemaError as error:
        raise _Unread(*(unfit.said(visit.tongue, one) for one in error.problems)) from None
    return value


async def trial(visit: Visit) -> web.StreamResponse:
    """Show the form of the dry run."""
    return _trial(visit, [])


def _trial(visit: Visit, problems: list[tuple[str, str]]) -> web.Response:
    return visit.page(
        "interior/supervisor_try.html",
        status=422 if problems else 200,
        problems=problems,
        errors=dict(reversed(problems)),  # beside its field stands the first
        typed=visit.form,
    )


async def run(visit: Visit) -> web.StreamResponse:
    """Show what would leave for a record, and what a proposed matrix would change. Nothing is kept of either."""
    problems: list[tuple[str, str]] = []
    read: dict[str, Mapping[str, Any] | None] = {}
    for name, schema in (("draft", "case-draft"), ("matrix", "matrix")):
        try:
            read[name] = _value(visit, name, schema)
        except _Unread as error:
            problems += [(name, text) for text in error.problems]
    if not problems and read["draft"] is None and read["matrix"] is None:
        problems.append(("draft", visit.tongue._(_NOTHING)))
    if problems:
        return _trial(visit, problems)
    draft, matrix = read["draft"], read["matrix"]
    made: Preview | None = visit.site.desk.clear.preview(draft) if draft is not None else None
    both: list[Compared] = []
    if draft is not None and made is not None and matrix is not None:
        then = {line.member: line for line in under(draft, matrix)}
        both = [Compared(line.member, line, then[line.member]) for line in made.lines]
    return visit.page(
        "interior/supervisor_tried.html",
        made=made,
        changes=changes(MATRIX, matrix) if matrix is not None else None,
        both=[one for one in both if (one.now.status, one.now.rule) != (one.then.status, one.then.rule)],
        statuses={code: (visit.tongue._(text), kind) for code, (text, kind) in STATUSES.items()},
    )


ROUTES = (
    Route("GET", "/access", "access", access, ROLES),
    Route("POST", "/access", "access-narrow", narrow, ROLES),
    Route("GET", "/access/{ref}", "access-case", reasons, ROLES),
    Route("POST", "/access/{ref}", "access-reasons", open_reasons, ROLES),
    Route("GET", "/requests", "requests", requests, ROLES),
    Route("POST", "/requests", "requests-account", account, ROLES),
    Route("GET", "/policy", "policy", policy, ROLES),
    Route("GET", "/policy/try", "policy-try", trial, ROLES),
    Route("POST", "/policy/try", "policy-run", run, ROLES, upload=2 * UPLOAD_MAX),
)

NAVIGATION = (
    Entry("access", N_("Record of access"), ROLES),
    Entry("requests", N_("Rights of persons"), ROLES),
    Entry("policy", N_("Policy"), ROLES),
)
