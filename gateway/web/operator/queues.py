"""What waits for partners and what came from them: counts and instants, never what or about whom."""

from datetime import datetime

from aiohttp import web

from gateway.services.operate import INBOX_LAST, Line
from gateway.web.language import Tongue
from gateway.web.operator.desk import ROLES, ago, left, operate
from gateway.web.visit import Route, Visit


def _state(tongue: Tongue, line: Line, now: datetime) -> tuple[str, str]:
    """Return how the way to a partner stands in words, and the kind of its tag."""
    if line.held:
        return tongue._("On hold: nothing is sent"), "late"
    if line.barred:
        return tongue._("Not to be contacted: nothing is sent"), "late"
    if line.open_until is not None and line.open_until > now:
        return tongue._("Out of reach: tried again later"), "late"
    if line.failures:
        return tongue.ngettext("%(n)s attempt in a row failed", "%(n)s attempts in a row failed", line.failures), "soon"
    if line.outbox is not None:
        return tongue._("Waiting"), "soon"
    return tongue._("Nothing waits"), "good"


def _ways(tongue: Tongue) -> dict[str, str]:
    return {
        "push": tongue._("We post"),
        "pull": tongue._("It collects"),
        "collect": tongue._("We post and collect"),
        "": tongue._("No partner any more"),
    }


async def queues(visit: Visit) -> web.StreamResponse:
    """Show the outbox by partner, and figures of what was received last."""
    tongue, ways = visit.tongue, _ways(visit.tongue)
    lines = [(one, ways[one.transmission], *_state(tongue, one, visit.now)) for one in await operate(visit).lines()]
    inbox = await operate(visit).queues.inbox(INBOX_LAST)
    return visit.page("operator/queues.html", lines_of=lines, inbox=inbox, last=INBOX_LAST, ago=ago, left=left)


ROUTES = (Route("GET", "/queues", "queues", queues, ROLES),)
