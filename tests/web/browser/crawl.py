"""
Every page there is: links followed from the first page of each desk, as everybody who works there.

Pages are asked for over HTTP with the session a browser would have. Of each route only so many pages are asked for,
and of each page the first of its kind is remembered as a shape, for a browser to look at.
"""

import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pyotp
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from gateway.demo.states import HOST, PEOPLE
from gateway.desks import PAGES
from gateway.services.account_store import DESKS, desk_of
from gateway.services.ports import Tx
from gateway.web.door import COOKIE
from gateway.web.visit import Route
from tests.web.browser.stage import Stage
from tests.web.support import hidden_of, links_of, text_of

WHY = "to see that every page stands"
ENDS = frozenset({"sign-out", "code-picture"})
"""Routes that are no page, or end the session."""


ANSWERED = frozenset({("code-remove", 409), ("passkey-remove", 409)})
"""Refusals that are what the page is for: the last way of signing in is not removed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of page: desk, route, what kind of it (step of a case, state), and the status it came with."""

    desk: str
    route: str
    kind: str
    status: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page as somebody saw it: State, person, shape, path, its HTML, and the session in which it came."""

    country: str
    person: str
    shape: Shape
    path: str
    html: str
    token: str = field(repr=False)

    @property
    def words(self) -> str:
        """Return what a person reads on it."""
        return text_of(self.html)

    def __str__(self) -> str:
        """Return where it stands, for a message of a test."""
        return f"{self.country} {self.person} {self.shape.desk} {self.shape.route} {self.path}"


@dataclass
class Visitor:
    """Somebody with a session at a desk, over HTTP. ``opens`` tells whether they give a reason for each case."""

    stage: Stage
    country: str
    person: str
    desk: str
    token: str
    opens: bool = False
    lang: str = "en"
    opened: set[str] = field(default_factory=set)

    @property
    def origin(self) -> str:
        """Return the address of the desk."""
        return self.stage.address(self.country, self.desk)

    def headers(self) -> Mapping[str, str]:
        """Return what a browser sends with a request."""
        host = urlsplit(self.origin).netloc
        return {
            "Host": host,
            "Cookie": f"{COOKIE}={self.token}",
            "Accept-Language": self.lang,
            "Sec-Fetch-Site": "same-origin",
        }

    async def get(self, client: ClientSession, path: str) -> tuple[int, str, str]:
        """Return status, type and text of a page; of a redirection, where it leads."""
        url = f"http://{HOST}:{urlsplit(self.origin).port}{path}"
        async with client.get(url, headers=self.headers(), allow_redirects=False) as answer:
            if answer.status == 303:
                return 303, "", answer.headers["Location"]
            return answer.status, answer.content_type, await answer.text(errors="replace")

    async def explain(self, client: ClientSession, ref: str, html: str) -> None:
        """Give a reason to see the case ``ref``, if the page asks for one."""
        path = f"/cases/{ref}/look"
        if ref in self.opened or f'action="{path}"' not in html:
            return
        self.opened.add(ref)
        url = f"http://{HOST}:{urlsplit(self.origin).port}{path}"
        fields = {**hidden_of(html, path), "why": WHY}
        async with client.post(url, data=fields, headers=self.headers(), allow_redirects=False) as answer:
            assert answer.status == 303, path


async def visitors(stage: Stage, *, opens: bool = False, lang: str = "en") -> list[Visitor]:
    """Return everybody at every desk of both States, signed in a moment ago by the code of an app."""
    found = []
    for country, desks in stage.start.desks.items():
        for person, roles in PEOPLE.items():
            for desk in sorted({desk_of(role) for role in roles}, key=DESKS.index):
                accounts, now = desks.site.accounts, desks.site.now()
                if not await accounts.has_code(person):
                    secret = accounts.new_secret()
                    await accounts.add_code(person, secret, pyotp.TOTP(secret).at(now), desk, now)
                token, _ = await accounts.begin(person, desk, "code", now)
                found.append(Visitor(stage, country, person, desk, token, opens, lang))
    return found


@dataclass
class Crawl:
    """
    A walk through every desk: ``limit`` pages of each kind for each visitor, ``by_state`` to tell cases by their state.

    With ``shared`` what belongs to a case is asked for once in each State, whoever is the first to see it.

    ``pages`` are all that came, ``faults`` what should not have: a fault of ours, a link that leads nowhere.
    """

    stage: Stage
    limit: int = 1
    by_state: bool = False
    shared: bool = False
    pages: list[Page] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    _routes: dict[str, list[tuple[re.Pattern[str], Route]]] = field(default_factory=dict)
    _counts: Counter[tuple[str, ...]] = field(default_factory=Counter)

    async def load(self) -> None:
        """Read in which state each case stands, and which routes there are."""
        for gateway in self.stage.world.gateways.values():

            async def unit(tx: Tx) -> dict[str, str]:
                rows = [await tx.find_case(ref) for ref in await tx.case_refs("", 1000)]
                return {row.ref: row.state for row in rows if row is not None}

            self.states |= await gateway.store.read(unit)
        for pages in PAGES:
            self._routes[pages.name] = [
                (re.compile(re.sub(r"\\{[a-z]+\\}", "([^/]+)", re.escape(route.path)) + "$"), route)
                for route in pages.routes
                if route.method == "GET" and route.name not in ENDS
            ]

    def shape(self, desk: str, path: str) -> tuple[str, str, str] | None:
        """Return route, kind and case of a path of a desk; ``None`` if it has no such page."""
        for pattern, route in self._routes[desk]:
            if found := pattern.match(urlsplit(path).path):
                parts = dict(zip(re.findall(r"\{([a-z]+)\}", route.path), found.groups(), strict=True))
                ref = parts.get("ref", "")
                kind = [parts[name] for name in ("verb", "task", "name") if name in parts]
                kind += [self.states.get(ref, "")] if ref and self.by_state else []
                return route.name, " ".join(kind), ref
        return None

    async def walk(self, who: Visitor, client: ClientSession) -> None:
        """Follow every link from the first page of a desk, as far as the limit goes."""
        seen = {"/"}
        waiting = deque(["/"])
        while waiting:
            path = waiting.popleft()
            found = self.shape(who.desk, path)
            if found is None:
                if not path.startswith("/static/"):
                    self.faults.append(f"{who.desk}: {path} is no page")
                continue
            route, kind, ref = found
            by = "" if self.shared and ref and route != "case" else who.person
            key = (who.country, who.desk, by, route, kind)
            self._counts[key] += 1
            if self._counts[key] > self.limit:
                continue
            status, sort, text = await who.get(client, path)
            if status == 303:
                self._note(text, seen, waiting)
                continue
            if sort != "text/html":
                continue
            if who.opens and ref and ref not in who.opened:
                await who.explain(client, ref, text)
                status, sort, text = await who.get(client, path)
            self.pages.append(
                Page(who.country, who.person, Shape(who.desk, route, kind, status), path, text, who.token)
            )
            if status >= 400 and (route, status) not in ANSWERED:
                self.faults.append(f"{self.pages[-1]}: {status}")
            for link in links_of(text):
                self._note(link, seen, waiting)

    def _note(self, link: str, seen: set[str], waiting: deque[str]) -> None:
        """Keep a link of a desk to be followed; the choice of a language and another desk's address are none."""
        path = link.partition("#")[0]
        if path.startswith("/") and "lang=" not in path and path not in seen:
            seen.add(path)
            waiting.append(path)


def shapes(pages: Sequence[Page]) -> dict[Shape, Page]:
    """Return the first page of each shape."""
    made: dict[Shape, Page] = {}
    for page in pages:
        made.setdefault(page.shape, page)
    return made


@asynccontextmanager
async def client() -> AsyncIterator[ClientSession]:
    """Return a client for pages, which keeps no cookie by itself."""
    door = TCPConnector(keepalive_timeout=10)  # let go before the other end does, or a request meets a closed door
    async with ClientSession(connector=door, cookie_jar=DummyCookieJar(), timeout=ClientTimeout(60)) as made:
        yield made


async def crawl(
    stage: Stage,
    *,
    opens: bool = False,
    limit: int = 1,
    by_state: bool = False,
    shared: bool = False,
    lang: str = "en",
) -> Crawl:
    """Walk through every desk as everybody who works there."""
    made = Crawl(stage, limit, by_state, shared)
    await made.load()
    async with client() as http:
        for who in await visitors(stage, opens=opens, lang=lang):
            await made.walk(who, http)
    return made


def kinds(pages: Sequence[Page]) -> list[Page]:
    """Return one page of each kind, whatever the state of its case."""
    made: dict[tuple[str, str, str], Page] = {}
    for shape, page in shapes(pages).items():
        if shape.status == 200:
            made.setdefault((shape.desk, shape.route, _step(shape)), page)
    return list(made.values())


def _step(shape: Shape) -> str:
    return shape.kind.partition(" ")[0] if shape.route == "step" else ""
