"""The help page of every desk: what it is for, whom to ask, and keyboard shortcuts, which can be switched on."""

from aiohttp import web

from gateway.web.door import YEAR_S, give_cookie
from gateway.web.visit import ANYONE, SIGNED_IN, Route, Visit

SHORTCUTS_COOKIE = "__Host-shortcuts"


async def show(visit: Visit) -> web.StreamResponse:
    """Show the help page."""
    return visit.page("help.html", shortcuts=visit.request.cookies.get(SHORTCUTS_COOKIE) == "on")


async def choose(visit: Visit) -> web.StreamResponse:
    """Switch the shortcuts on or off (WCAG 2.2, 2.1.4): they are off until somebody wants them."""
    response = await visit.to(visit.path("help"))
    wanted = "on" if visit.form.get("shortcuts") == "on" else "off"
    give_cookie(response, SHORTCUTS_COOKIE, wanted, YEAR_S)
    return response


ROUTES = (
    Route("GET", "/help", "help", show, ANYONE, enrolling=True),
    Route("GET", "/help/shortcuts", "shortcuts-form", show, SIGNED_IN),
    Route("POST", "/help/shortcuts", "shortcuts", choose, SIGNED_IN),
)
