"""
One request to a desk: who asks, in which language, with which fields, and how a page is answered.

Rule 1: a route names the roles that may take it, and none means nobody.
Rule 2: fields are in Unicode normal form C, and hold no control or direction characters: those were refused before.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from aiohttp import web
from multidict import MultiDict

from gateway.services.account_store import Session
from gateway.services.context import Person
from gateway.services.guests import is_guest
from gateway.web.language import LANGUAGES, Tongue
from gateway.web.site import Site

ANYONE: Final = frozenset({"anyone"})
"""In place of roles: also who has not signed in."""

SIGNED_IN: Final = frozenset({"signed-in"})
"""In place of roles: whoever has signed in at this desk."""

_OF_A_PATH: Final = "/!$&'()*+,;=:@~"
"""What stands in a path as it is (RFC 3986 section 3.3), beside letters, digits and ``-._``."""


@dataclass(frozen=True, slots=True)
class Route:
    """
    One page or act. ``path`` is a pattern of aiohttp, ``name`` unique in its desk.

    ``fresh`` asks who it is once more if that was more than five minutes ago. ``enrolling`` is open also to whoever
    may do nothing yet but take up a way of signing in. ``upload`` takes a file of at most so many bytes.
    """

    method: str
    path: str
    name: str
    handler: "Callable[[Visit], Awaitable[web.StreamResponse]]"
    roles: frozenset[str]
    fresh: bool = False
    enrolling: bool = False
    upload: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the navigation: route, text (English) and the roles that see it."""

    route: str
    text: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeskPages:
    """All of one desk: its name, its title (English), its routes and its navigation."""

    name: str
    title: str
    routes: Sequence[Route]
    navigation: Sequence[Entry]


@dataclass(slots=True)
class Visit:
    """
    One request. ``now`` is taken once; ``form`` has the last value of each field posted, ``forms`` all of them.

    ``draft`` holds the fields that were posted here when the session had ended, to be shown again. A page that asks for
    something first says that they were ``not_shown``, and they are kept for when it is there. ``shown_once`` says that
    what stood there is shown this once and was typed by nobody, such as a link.
    ``told`` is the banner of this page, and ``said`` what this step leaves for the banner of the next.
    """

    site: Site
    pages: DeskPages
    request: web.Request
    route: Route
    now: datetime
    tongue: Tongue
    session: Session | None = None
    forms: MultiDict[str] = field(default_factory=MultiDict)
    uploads: Mapping[str, bytes] = field(default_factory=dict)
    draft: Mapping[str, str] = field(default_factory=dict)
    not_shown: bool = False
    shown_once: bool = False
    told: str = ""
    said: str = ""
    once: str = ""

    @property
    def form(self) -> Mapping[str, str]:
        """Return the last value of each field posted."""
        return dict(self.forms)

    @property
    def csrf(self) -> str:
        """Return the token that every form of this session carries."""
        return self.session.csrf if self.session else ""

    @property
    def person(self) -> Person:
        """Return who has signed in; raises ``LookupError`` where nobody has, as on a page for ``ANYONE``."""
        if self.session is None:
            raise LookupError("nobody has signed in here")
        return self.site.person_of(self.session)

    @property
    def roles(self) -> frozenset[str]:
        """Return the roles in force: those of the person, or the one role of an invitation; of nobody, none."""
        return self.site.roles_of(self.session, self.now) if self.session else frozenset()

    @property
    def is_guest(self) -> bool:
        """Tell whether whoever asks has no place in this gateway but by an invitation to one case."""
        return self.session is not None and is_guest(self.session.person)

    def query(self, name: str) -> str:
        """Return a parameter of the URL, stripped; an empty text if it is absent."""
        return self.request.query.get(name, "").strip()

    def path(self, name: str, /, **parts: str) -> str:
        """Return the path of the route ``name``; parts that its pattern does not have become its query."""
        route = self.site.route(self.pages.name, name)
        made, rest = route.path, dict(parts)
        for part in parts:
            if "{" + part + "}" in made:
                made = made.replace("{" + part + "}", quote(rest.pop(part), safe=""))
        left = {key: value for key, value in rest.items() if value != ""}
        return f"{made}?{urlencode(left)}" if left else made

    def here(self, **changes: str) -> str:
        """Return this page's own address with some parameters changed; an empty text takes one away."""
        query = {key: value for key, value in {**self.request.query, **changes}.items() if value != ""}
        # Anybody may ask for any address: what is in its path is written as it may stand in a header.
        path = quote(self.request.path, safe=_OF_A_PATH, errors="replace")
        return f"{path}?{urlencode(query, errors='replace')}" if query else path

    def may(self, route: str) -> bool:
        """Tell whether whoever asks may take the route ``route``."""
        return self.site.allows(self.site.route(self.pages.name, route), self.session, self.now)

    def navigation(self) -> list[tuple[str, str, bool]]:
        """Return path, text and whether it is this page, of each entry that whoever asks may see."""
        return [
            (self.path(entry.route), self.tongue._(entry.text), self.path(entry.route) == self.request.path)
            for entry in self.pages.navigation
            if self.session and not self.session.invitation and entry.roles & self.roles
        ]

    def languages(self) -> list[tuple[str, str, str, bool]]:
        """
        Return for each language: its code, its own name, the address that chooses it, whether it is the page's.

        None is offered where there is no page, or it shows what was typed or is shown once: a link would lose that, and
        to keep it would keep what a form is not to leave behind, such as the number of a document.
        """
        if self.request.method == "POST" or self.draft or not self.route.path:
            return []
        return [(lang, name, self.here(lang=lang), lang == self.tongue.lang) for lang, name in LANGUAGES.items()]

    def page(self, template: str, *, status: int = 200, **values: object) -> web.Response:
        """Return the page that ``template`` makes of ``values``."""
        text = self.site.render(self, template, {"failed": status >= 400, **values})
        return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")

    async def to(self, path: str, *, told: str = "") -> web.Response:
        """Return a redirection (303) to ``path`` of this desk; ``told`` is shown there once. Raises ``ValueError``."""
        if not is_own(path):
            raise ValueError("a desk leads to its own pages only")
        if told and self.session is not None:
            self.said = told
            await self.site.accounts.tell(self.session, unquote(urlsplit(path).path), told)
        return web.Response(status=303, headers={"Location": path})


def is_own(path: str) -> bool:
    """Tell whether ``path`` is a path of this desk and not another's address in disguise."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
