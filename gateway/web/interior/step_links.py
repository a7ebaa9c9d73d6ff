"""
The steps that a visitor may take in a case now, as links to the pages that take them.

Rule 1: what the tables allow is offered, but for what the case has no place for: an answer needs a question that is
open, and who is called back has left. A stop is let go of by who may (V-07), and by nobody else.
Rule 2: a guest is offered what a guest's word may do.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from gateway.core.case import Case, Side, State
from gateway.core.machine import Event
from gateway.core.messages import ERASURE, ONWARD_REQUEST, RECTIFICATION, USE_REQUEST
from gateway.core.remark import is_confirmed
from gateway.core.tables import table_for
from gateway.services import person_stop
from gateway.services.acts import allowed
from gateway.services.guests import is_guest
from gateway.services.inquire import BoardRow
from gateway.services.invitations import GUEST_VERBS
from gateway.web.interior.case_view import Link, stop_verb
from gateway.web.interior.step_texts import TEXTS
from gateway.web.visit import Visit

PAGES: Final[Mapping[str, str]] = {
    "amend": "amend",
    "attachment": "case-pictures",
    "attachment-removal": "case-pictures",
    "remark": "remark",
    "remark-confirmation": "remark",
    "approval": "approve",
    "send": "send",
}
"""Steps that have pages of their own, by the route that begins them."""

ANSWERS: Final[Mapping[str, str]] = {
    "use-report": USE_REQUEST,
    "onward-answer": ONWARD_REQUEST,
    "confirmation": RECTIFICATION,
    "destruction": ERASURE,
}
"""Steps that answer a numbered question or demand of the other State, with the kind of it."""

OF_WHAT_IS_PREPARED: Final = frozenset(
    {"answer", "countersignature", "approval", "send", "propose", "endorsement", "accept", "document-request"}
    | {"interview-agreement"}
)
"""Steps that sign or send a text which somebody prepared before."""

ABOUT_DATA: Final = frozenset(
    {"use-question", "onward-question", "strike", "rectification", "rectification-approval", "erasure-demand", *ANSWERS}
)
"""Steps about data that was sent: in a group of their own, for most days they are not needed."""


LETS_GO: Final = "release"
"""The step that ends a stop: of those in whose roles the tables have it, most did not stop the case."""


def steps_of(visit: Visit, row: BoardRow) -> dict[str, list[str]]:
    """Return the steps that the tables allow the visitor's roles now: each verb with those of them that may."""
    return dict(allowed(Side(row.side), State(row.state), visit.roles))


async def verbs(visit: Visit, row: BoardRow, case: Case | None = None) -> list[str]:
    """Return the steps the visitor may take now; with the ``case`` without answers to what was not asked."""
    found = steps_of(visit, row)
    guest = visit.session is not None and is_guest(visit.session.person)
    open_to = [verb for verb in found if verb in TEXTS and (verb in GUEST_VERBS or not guest)]
    if LETS_GO in open_to and not await visit.site.desk.hold.lets_go_in(row.ref, visit.person.id, found[LETS_GO]):
        open_to.remove(LETS_GO)
    return [verb for verb in open_to if case is None or _applies(case, verb, visit.now)]


def _applies(case: Case, verb: str, now: datetime) -> bool:
    if verb in OF_WHAT_IS_PREPARED:
        # Right values for wrong ones are approved, and leave, by a step of their own.
        return case.pending is not None and case.pending.type != RECTIFICATION
    if verb == "recall":
        return _may_call_back(case, now)
    if verb == "apart":
        return person_stop.HOLDER in case.holders
    if verb == "attachment-removal":
        return bool(case.renditions)
    if verb == "remark-confirmation":
        return may_be_confirmed(case)
    if verb == "rectification-approval":
        return case.pending is not None and case.pending.type == RECTIFICATION
    if verb not in ANSWERS:
        return True
    return any(one.kind == ANSWERS[verb] and not one.ours and one.answer is None for one in case.notices)


def _may_call_back(case: Case, now: datetime) -> bool:
    """Tell whether there is somebody to call back, or word of it to be said: where nobody has left there is not."""
    table, event = table_for(case.side), Event("recall", "", "")
    row = table.index.get((case.state, event.name))
    return row is not None and not any(table.guards[name](case, event, now) for name in row.guards)


def may_be_confirmed(case: Case) -> bool:
    """Tell whether a remark was read and redacted in ``case`` that a person has not confirmed yet."""
    remark = case.remark
    return remark is not None and not (remark.reasons or remark.sent or is_confirmed(case.draft, remark))


async def links(visit: Visit, row: BoardRow, case: Case | None = None) -> Sequence[Link]:
    """Return a link for each step that the visitor may take now."""
    return [link(visit, row, verb) for verb in await verbs(visit, row, case)]


async def stop_of(visit: Visit, row: BoardRow) -> Link | None:
    """Return the link to the step that stops the case at once, if the visitor may take it now."""
    verb = stop_verb(Side(row.side), State(row.state))
    return link(visit, row, verb) if verb is not None and verb in await verbs(visit, row) else None


def link(visit: Visit, row: BoardRow, verb: str) -> Link:
    """Return the link to the page that takes the step ``verb``."""
    own = PAGES.get(verb)
    path = visit.path(own, ref=row.ref) if own else visit.path("step", ref=row.ref, verb=verb)
    return Link(verb, visit.tongue._(TEXTS[verb].title), path)
