"""
The first page of the interior desk: what waits for whoever signed in, as figures that lead to lists.

Who may see no list, as a guardian or an escort, finds a case by its reference; who is invited to one case is led to
the page of the invitation.
"""

from aiohttp import web

from gateway.core.verification import OFFICER
from gateway.services.acts import ANYBODY
from gateway.web.interior.queues import QUEUES, SEES, Queue, count, shown
from gateway.web.language import N_
from gateway.web.visit import SIGNED_IN, Entry, Route, Visit

Card = tuple[str, str, str, str, str]
"""Figure, text, path, note, and the path of the live figure: what the macro ``cards`` takes."""


async def home(visit: Visit) -> web.StreamResponse:
    """Show what waits for the roles of whoever asks."""
    invitation = visit.session.invitation if visit.session else None
    if invitation is not None:
        return await visit.to(visit.path("invited"))
    queues = [queue for queue in QUEUES.values() if queue.roles & visit.roles & SEES]
    return visit.page(
        "interior/home.html",
        cards=[await _card(visit, queue) for queue in queues],
        may_write=bool(visit.roles & OFFICER),
        may_search=bool(visit.roles & ANYBODY),
    )


async def _card(visit: Visit, queue: Queue) -> Card:
    found = await count(visit, queue)
    return (
        shown(found),
        visit.tongue._(queue.title),
        visit.path("queue", name=queue.name),
        visit.tongue._(queue.about),
        visit.path("queue-count", name=queue.name),
    )


ROUTES = (Route("GET", "/", "home", home, SIGNED_IN),)

NAVIGATION = (Entry("home", N_("Home"), ANYBODY | SEES),)
