"""
The steps that a visitor may take in a case now (``services.offered``), as links to the pages that take them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gateway.core.case import HELD, Side, State
from gateway.services.acts import allowed
from gateway.services.inquire import BoardRow
from gateway.services.offered import ANSWERS, open_steps
from gateway.web.interior.case_view import Link, stop_verb
from gateway.web.interior.step_texts import TEXTS
from gateway.web.interior.step_variants import text_of
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

ABOUT_DATA: Final = frozenset(
    {"use-question", "onward-question", "strike", "rectification", "rectification-approval", "erasure-demand", *ANSWERS}
)
"""Steps about data that was sent: in a group of their own, for most days they are not needed."""


LETS_GO: Final = "release"
"""The step that ends a stop."""


def steps_of(visit: Visit, row: BoardRow) -> dict[str, list[str]]:
    """Return the steps that the tables allow the visitor's roles now: each verb with those of them that may."""
    return dict(allowed(Side(row.side), State(row.state), visit.roles))


async def verbs(visit: Visit, row: BoardRow) -> list[str]:
    """Return the steps that the visitor may take now and that would not be refused."""
    found = await open_steps(visit.site.desk, row, visit.person.id, visit.roles)
    return [verb for verb in found if verb in TEXTS]


async def links(visit: Visit, row: BoardRow) -> Sequence[Link]:
    """Return a link for each step that the visitor may take now."""
    is_own = await is_own_stop(visit, row, visit.roles)
    return [link(visit, row, verb, is_own=is_own) for verb in await verbs(visit, row)]


async def is_own_stop(visit: Visit, row: BoardRow, roles: Collection[str]) -> bool:
    """Tell whether the case stands still, and the visitor, in one of ``roles``, is among those who stopped it."""
    return bool(row.state in HELD and await visit.site.desk.hold.stopped_by([row.ref], visit.person.id, roles))


async def stop_of(visit: Visit, row: BoardRow) -> Link | None:
    """Return the link to the step that stops the case at once, if the visitor may take it now."""
    verb = stop_verb(Side(row.side), State(row.state))
    if verb not in steps_of(visit, row):
        return None
    return link(visit, row, verb, is_own=await is_own_stop(visit, row, visit.roles))


def link(visit: Visit, row: BoardRow, verb: str, *, is_own: bool = False) -> Link:
    """Return the link to the page that takes the step ``verb``; ``is_own`` where the visitor has stopped the case."""
    own = PAGES.get(verb)
    path = visit.path(own, ref=row.ref) if own else visit.path("step", ref=row.ref, verb=verb)
    return Link(verb, visit.tongue._(text_of(verb, row.side, row.state, is_own=is_own).title), path)
