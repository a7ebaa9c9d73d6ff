"""Desks that have nothing but the pages of signing in."""

from gateway.web.help import ROUTES as HELP
from gateway.web.signin.pages import ROUTES
from gateway.web.visit import SIGNED_IN, DeskPages, Route, Visit


async def _home(visit: Visit) -> object:
    return visit.page("help.html", shortcuts=False)


PAGES = [
    DeskPages(name, name, (*ROUTES, *HELP, Route("GET", "/", "home", _home, SIGNED_IN)), ())  # type: ignore[arg-type]
    for name in ("interior", "board", "operator")
]
