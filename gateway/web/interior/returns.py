"""
The page of a return: the record, what each side said, who has signed until when, and what comes next.

Rule 1: a role sees what ``gateway.services.acts`` gives it: the desks and who decides see the whole, the others the
messages their act is about. Which it is stands on the page.
Rule 2: all of it is content: it is shown for a reason only, and the look is recorded first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from gateway.core.case import Case, Release
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    PROPOSAL,
    REISSUE,
    SCHEDULE,
    TAKE_BACK,
)
from gateway.services.acts import RETURN_DESK, RETURN_PARTS
from gateway.services.reading import ReturnPart, part_of_return
from gateway.web import readable
from gateway.web.interior.case import MINE_FIRST, RETURNS, asks, opened, shown
from gateway.web.interior.case_view import Section
from gateway.web.interior.looks import acting_as, seen
from gateway.web.language import N_, Tongue
from gateway.web.visit import Route, Visit
from schemas import ijson

SAID: Final = (
    PROPOSAL,
    ACCEPTANCE,
    DOCUMENT_REQUEST,
    DOCUMENT,
    REISSUE,
    SCHEDULE,
    HANDOVER,
    MONITORING,
    TAKE_BACK,
)
"""What is said of a return, in the order in which it is."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who released something, for which side, until when; and whether that instant has passed."""

    side: str
    what: str
    role: str
    until: str
    lapsed: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a return on the way to its end, and whether it was reached."""

    text: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A return as one role sees it. ``whole`` tells whether that is all of it."""

    role: str
    whole: bool
    record: Section | None
    said: tuple[Section, ...]
    signatures: tuple[Signature, ...]
    prepared: Section | None
    digest: str
    window: str
    stages: tuple[Stage, ...]


async def arrangement(visit: Visit) -> web.StreamResponse:
    """Show the return for a reason; without one, ask for it."""
    row, head, _ = await opened(visit)
    role = acting_as(visit, RETURN_DESK, MINE_FIRST) or acting_as(visit, frozenset(RETURN_PARTS))
    if head.gone or head.reason is None or role is None:
        return asks(visit, row, head, visit.request.path)
    case = await seen(visit, row, role, head.reason.why)
    return shown(visit, "return.html", row, head, made=arranged(visit.tongue, case, role, visit.now))


def arranged(tongue: Tongue, case: Case, role: str, now: datetime) -> Arrangement:
    """Return the return in ``case`` as ``role`` sees it, in words."""
    part = part_of_return(case, role)
    return Arrangement(
        role=tongue.role(role),
        whole=role in RETURN_DESK,
        record=recorded(tongue, part),
        said=_said(tongue, part.said),
        signatures=tuple(signature(tongue, one, now) for one in part.releases),
        prepared=prepared(tongue, part),
        digest=part.prepared.digest if part.prepared else "",
        window=_window(tongue, part.said),
        stages=_stages(tongue, part.said, part.releases),
    )


def _said(tongue: Tongue, said: Mapping[str, Mapping[str, object]]) -> tuple[Section, ...]:
    order: Sequence[str] = [*(type for type in SAID if type in said), *(type for type in said if type not in SAID)]
    return tuple(
        Section(type.replace(".", "-"), tongue.code("message_type", type), readable.parts(tongue, type, said[type]))
        for type in order
    )


def recorded(tongue: Tongue, part: ReturnPart) -> Section | None:
    """Return what this State recorded of the return, where the role sees it."""
    if not part.record:
        return None
    title = tongue._(N_("Our record of the return"))
    return Section("record", title, readable.parts(tongue, "return-record", part.record))


def prepared(tongue: Tongue, part: ReturnPart) -> Section | None:
    """Return the body that is prepared, exactly what is signed, as a person reads it."""
    if part.prepared is None:
        return None
    value = ijson.loads(part.prepared.body.encode())
    title = tongue.code("message_type", part.prepared.type)
    return Section("prepared", title, readable.parts(tongue, part.prepared.type, value))


def signature(tongue: Tongue, one: Release, now: datetime) -> Signature:
    """Return in words who released what, and until when."""
    ours = one.authority == "ours"
    until = datetime.fromisoformat(one.valid_until)
    return Signature(
        tongue._(N_("This State")) if ours else tongue._(N_("The other State")),
        tongue.code("statement_kind", one.kind),
        tongue.code("role", one.role),
        tongue.instant(until),
        until <= now,
        one.digest,
    )


def _window(tongue: Tongue, said: Mapping[str, Mapping[str, object]]) -> str:
    window = said.get(PROPOSAL, {}).get("window")
    if not isinstance(window, Mapping):
        return ""
    return tongue._(N_("From %(first)s until %(last)s"), first=window["from"], last=window["until"])


_STAGES: Final = (
    (PROPOSAL, N_("Proposed")),
    (ACCEPTANCE, N_("Accepted")),
    (DOCUMENT, N_("Travel document")),
    (SCHEDULE, N_("Journey planned")),
    (HANDOVER, N_("Handed over")),
    (MONITORING, N_("The months after")),
)


def _stages(tongue: Tongue, said: Mapping[str, object], releases: Sequence[Release]) -> tuple[Stage, ...]:
    signed = any(one.authority == "ours" and one.kind == "return.release" for one in releases)
    first = Stage(tongue._(N_("Signed by the authority in charge")), signed or PROPOSAL in said)
    return (first, *(Stage(tongue._(text), type in said) for type, text in _STAGES))


ROUTES = (Route("GET", "/cases/{ref}/return", "case-return", arrangement, RETURNS),)
