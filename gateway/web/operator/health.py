"""
The first page: what ``isthmus check`` would say now, area by area, each finding with its next step.

A look takes a while on a large database, so it is kept for some minutes; the page says when it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway.services.health import Item, Terms
from gateway.web.language import N_, Tongue
from gateway.web.operator.desk import ROLES, operate
from gateway.web.visit import Route, Visit

AREAS: Mapping[str, str] = {
    "config": N_("Configuration"),
    "files": N_("Files"),
    "crypto": N_("Cryptography"),
    "keys": N_("Keys"),
    "card": N_("Our card"),
    "tls": N_("Certificate"),
    "database": N_("Database"),
    "nodes": N_("Nodes"),
    "hold": N_("Holds"),
    "trust": N_("What is published"),
    "log": N_("Logs"),
    "partner": N_("Partners"),
    "calendar": N_("Calendars"),
    "disk": N_("Disk"),
    "clock": N_("Clock"),
    "reach": N_("Reaching partners"),
}
"""What each area of the checks is called."""

PARTS: Mapping[str, str] = {
    "agreements": N_("Agreements"),
    "authority": N_("Authority"),
    "calendar": N_("Calendar"),
    "calendars": N_("Calendars"),
    "card": N_("Our card"),
    "country": N_("Country"),
    "desks": N_("Desks"),
    "gateway": N_("State, log key or key-encryption key"),
    "limits": N_("Limits"),
    "notices": N_("Notices to the desks"),
    "partners": N_("Partners"),
    "persons": N_("People"),
    "policy": N_("Policy"),
    "retention": N_("Retention"),
    "sealing keys": N_("Sealing keys"),
    "signing key": N_("Signing key"),
    "suites": N_("Cryptographic suites"),
    "transparency": N_("Witnesses and time stamps"),
    "trust": N_("Where the trust list is"),
    "version": N_("Version"),
    "zone": N_("Time zone"),
}
"""What each part is called in which nodes may differ (``gateway.services.nodes``)."""

LEVELS: Mapping[str, tuple[str, str]] = {
    "finding": (N_("To be mended"), "late"),
    "note": (N_("To know"), "soon"),
    "ok": (N_("Well"), "good"),
}
"""What each level is called, worst first, and the kind of its tag."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page."""

    area: str
    state: str
    kind: str
    text: str
    hint: str


def rows(tongue: Tongue, items: tuple[Item, ...]) -> list[Row]:
    """Return the lines of the page, what is to be mended first."""
    order = list(LEVELS)
    return [
        Row(
            tongue._(AREAS[item.area]) if item.area in AREAS else item.area,
            tongue._(LEVELS[item.level][0]),
            LEVELS[item.level][1],
            _said(tongue, item.template, item.values),
            _said(tongue, item.after, item.values) if item.after else "",
        )
        for item in sorted(items, key=lambda item: order.index(item.level))
    ]


def _said(tongue: Tongue, template: str, values: Mapping[str, object]) -> str:
    """Return a text of a check with its values, in one line without control characters."""
    words = {name: _named(tongue, value) if isinstance(value, Terms) else value for name, value in values.items()}
    return "".join(sign if sign.isprintable() else " " for sign in tongue._(template) % words)


def _named(tongue: Tongue, terms: Terms) -> str:
    return tongue.comma.join(tongue._(PARTS[term]) if term in PARTS else term for term in terms)


async def health(visit: Visit) -> web.StreamResponse:
    """Show how the gateway is."""
    found = await operate(visit).health(visit.now)
    levels = [item.level for item in found.items]
    bad, known, shown = levels.count("finding"), levels.count("note"), rows(visit.tongue, found.items)
    return visit.page("operator/health.html", found=found, bad=bad, known=known, rows=shown)


async def look(visit: Visit) -> web.StreamResponse:
    """Look at everything now, and at the partners' doors too if that was asked for."""
    await operate(visit).health(visit.now, again=True, online=visit.form.get("online") == "yes")
    return await visit.to(visit.path("health"), told=visit.tongue._("Everything was looked at just now."))


ROUTES = (
    Route("GET", "/", "health", health, ROLES),
    Route("GET", "/look", "looked", health, ROLES),
    Route("POST", "/look", "look", look, ROLES),
)
