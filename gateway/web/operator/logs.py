"""The logs: an audit on demand, the newest checkpoint of each with who put their name to it, and what contradicts."""

from collections.abc import Mapping

from aiohttp import web

from gateway.web.language import N_
from gateway.web.operator.desk import ROLES, operate
from gateway.web.visit import Route, Visit

CONTRADICTIONS: Mapping[str, str] = {
    "fork": N_("Two trees of one size"),
    "rollback": N_("A smaller tree after a larger one"),
    "unproved": N_("No proof given"),
}

SHOWN_MAX = 200
"""Findings shown; whoever needs more has ``isthmus log audit``."""


async def logs(visit: Visit) -> web.StreamResponse:
    """Show the logs, and what the last audit found."""
    here = operate(visit)
    return visit.page(
        "operator/logs.html",
        audited=here.audited,
        began=here.audit_began,
        shown_max=SHOWN_MAX,
        checkpoints=await here.cosigned(),
        conflicts=[(one, visit.tongue._(CONTRADICTIONS[one.kind])) for one in await here.conflicts()],
    )


async def audit(visit: Visit) -> web.StreamResponse:
    """Audit the logs; a long audit goes on while the page answers."""
    done = await operate(visit).audit(visit.now)
    told = N_("The logs were audited.") if done else N_("The audit is at work; look again later.")
    return await visit.to(visit.path("logs"), told=visit.tongue._(told))


ROUTES = (
    Route("GET", "/logs", "logs", logs, ROLES),
    Route("GET", "/logs/audit", "audited", logs, ROLES),
    Route("POST", "/logs/audit", "audit", audit, ROLES),
)
