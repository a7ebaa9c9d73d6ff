"""A gateway's desks on loopback, and a person at one of them: what a browser does, without the browser."""

import re
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, FormData, TCPConnector, web

from gateway import app, serving
from gateway.services.account_store import Invitation, Session
from gateway.services.accounts import Accounts
from gateway.storage.sqlite_desks import SqliteDesks
from gateway.web.door import COOKIE, desks_app
from gateway.web.signin.hand import Hand, key_name
from gateway.web.site import Look, Site
from gateway.web.visit import DeskPages
from keys import b64
from keys.custody import open_store
from schemas import ijson
from tests.support.network import PEOPLE, Network, make_network

NAMES = ("interior", "board", "operator")


@dataclass
class Answer:
    """What came back: status, headers, and the text; ``path`` is where it was got from after following a 303."""

    status: int
    text: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def words(self) -> str:
        """Return what a person reads on the page."""
        return text_of(self.text)

    @property
    def location(self) -> str:
        """Return where a redirection leads."""
        return self.headers.get("Location", "")

    def form(self, action: str = "") -> dict[str, str]:
        """Return the fields of the form of this page that posts to ``action``; without one, of its first own form."""
        return form_of(self.text, action)


@dataclass
class Officer:
    """
    One person with a session in one browser: ``get`` and ``post`` as a browser sends them.

    ``last`` is the last page; ``post`` takes its tokens, and the hidden fields of the form that leads to the path.
    """

    desk: "Desk"
    name: str
    at: str
    cookie: str
    session: Session | None
    language: str = "en"
    last: Answer | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    def _headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {COOKIE: self.cookie, **self.cookies} if self.cookie else self.cookies
        cookie = "; ".join(f"{name}={value}" for name, value in kept.items())
        made = {
            "Host": f"{self.at}.localhost:{self.desk.port}",
            "Accept-Language": self.language,
            "Sec-Fetch-Site": "same-origin",
            **({"Cookie": cookie} if cookie else {}),
        }
        return {**made, **(more or {})}

    async def send(
        self, method: str, path: str, *, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request as it is and follow nothing."""
        url = f"http://127.0.0.1:{self.desk.port}{path}"
        client, head = self.desk.client, self._headers(headers)
        async with client.request(method, url, data=data, headers=head, allow_redirects=False) as answer:
            body = await answer.read()
            for name, morsel in answer.cookies.items():
                if name == COOKIE:
                    self.cookie = morsel.value
                else:
                    self.cookies[name] = morsel.value
            text = body.decode("utf-8", "replace")
            return Answer(answer.status, text, path, dict(answer.headers), body)

    async def get(self, path: str, *, follow: bool = True) -> Answer:
        """Return the page at ``path``; redirections are followed, at most five."""
        answer = await self.send("GET", path)
        for _ in range(5):
            if not (follow and answer.status == 303):
                break
            answer = await self.send("GET", answer.location)
        self.last = answer
        return answer

    async def post(
        self, path: str, fields: Mapping[str, Any] | Sequence[tuple[str, str]] = (), *, follow: bool = True
    ) -> Answer:
        """
        Post ``fields`` to ``path`` with csrf, once and hidden fields of the last page; follow the 303 that comes back.

        A field whose value is a list is sent once for each; one that is bytes is sent as a file.
        """
        pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        named = {name for name, _ in pairs}
        assert self.last is not None, "get the page with the form first"
        hidden = [(name, value) for name, value in hidden_of(self.last.text, path).items() if name not in named]
        data = FormData()
        is_file = any(isinstance(value, bytes) for _, value in pairs)
        for name, value in [*hidden, *pairs]:
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, bytes):
                    data.add_field(name, one, filename="file.json", content_type="application/json")
                elif is_file:
                    data.add_field(name, one, content_type="text/plain; charset=utf-8")
                else:
                    data.add_field(name, one)
        answer = await self.send("POST", path, data=data)
        if follow and answer.status == 303:
            return await self.get(answer.location)
        self.last = answer
        return answer


@dataclass
class Desk:
    """The desks of one gateway, served on a port of loopback."""

    network: Network
    country: str
    site: Site
    store: SqliteDesks
    port: int
    client: ClientSession
    """Keeps connections and no cookie: it is the browser of everybody here."""

    @property
    def gateway(self) -> app.Gateway:
        """Return the gateway behind the desks."""
        return self.network.gateways[self.country]

    async def officer(
        self,
        name: str,
        at: str = "interior",
        level: str = "code",
        *,
        invitation: Invitation | None = None,
        language: str = "en",
    ) -> Officer:
        """Return ``name`` at the desk ``at``, signed in by ``level`` a moment ago."""
        token, session = await self.site.accounts.begin(
            name, at, level, self.network.clock.now(), invitation=invitation
        )
        return Officer(self, name, at, token, session, language)

    async def guest(self, ref: str, role: str) -> Officer:
        """Return somebody who is invited to the one case ``ref`` in ``role``."""
        now = self.network.clock.now()
        made = await self.site.accounts.invite(ref, role, "first", now, now.replace(month=12, day=24))
        return await self.officer(made.person, level="link", invitation=made)

    def nobody(self, at: str = "interior") -> Officer:
        """Return a browser in which nobody has signed in."""
        return Officer(self, "", at, "", None)


@asynccontextmanager
async def desks(
    network: Network, root: Path, pages: Sequence[DeskPages], country: str = "XAA", **more: Any
) -> AsyncIterator[Desk]:
    """Serve ``pages`` for the gateway of ``country`` in ``network``; their file is a new one under ``root``."""
    gateway = network.gateways[country]
    services = serving.desk_services(gateway)
    context = services.context
    store = await SqliteDesks.open(root / f"desks-{country}.db", context.clock.now())
    accounts = Accounts(store, context.persons, context.vault, context.random, context.log, context.guests)
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        site = Site(
            desk=services,
            accounts=accounts,
            look=Look({"en": f"Republic of {country}"}),
            origins={name: f"http://{name}.localhost:{port}" for name in NAMES},
            values=gateway.settings.values,
            hand=Hand(person_keys(network), context.persons),
            **more,
        )
        runner = web.AppRunner(desks_app(site, pages), handle_signals=False)
        await runner.setup()
        try:
            await web.SockSite(runner, door).start()
            lines = TCPConnector(keepalive_timeout=10)  # let go before the other end does
            async with ClientSession(connector=lines, cookie_jar=DummyCookieJar()) as client:
                yield Desk(network, country, site, store, port, client)
        finally:
            await runner.cleanup()
            await store.close()


@asynccontextmanager
async def one_desk(root: Path, pages: Sequence[DeskPages], country: str = "XAA", **wish: Any) -> AsyncIterator[Desk]:
    """Serve ``pages`` for a new network of two gateways."""
    network = await make_network(root, **wish)
    try:
        async with desks(network, root, pages, country) as made:
            yield made
    finally:
        await network.close()


def person_keys(network: Network) -> Any:
    """Return a key store with the keys of all people of the network, as the gateway holds them for its desks."""
    held = {key_name(name): b64.encode(network.keys[name].seed) for name in PEOPLE}
    return open_store("env:KEYS", environ={"KEYS": b64.encode(ijson.dumps(held))})


# Reading pages.


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._skip += tag in ("script", "style", "dialog", "head")

    def handle_endtag(self, tag: str) -> None:
        self._skip -= tag in ("script", "style", "dialog", "head")

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.found.append(data)


def text_of(html: str) -> str:
    """Return the words of a page as a person reads them, in one line."""
    parser = _Words()
    parser.feed(html)
    return re.sub(r"\s+", " ", " ".join(parser.found)).strip()


class _Forms(HTMLParser):
    """Collects forms: their action, and their fields in order with type and value."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[tuple[dict[str, str | None], list[tuple[str, str, str]]]] = []
        self._open = False
        self._area: str | None = None
        self._select: str | None = None
        self._chosen: str | None = None
        self._text = ""

    def _add(self, name: str, kind: str, value: str) -> None:
        if self._open:
            self.forms[-1][1].append((name, kind, value))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        had = dict(attrs)
        name, value = had.get("name") or "", had.get("value") or ""
        if tag == "form":
            self.forms.append((had, []))
            self._open = True
        elif tag == "input" and name:
            kind = had.get("type") or "text"
            if kind not in ("radio", "checkbox") or "checked" in had:
                self._add(name, kind, value)
        elif tag == "textarea":
            self._area, self._text = name, ""
        elif tag == "select":
            self._select, self._chosen = name, ""
        elif tag == "option" and self._select is not None and "selected" in had:
            self._chosen = value

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            self._add(self._area, "textarea", self._text.removeprefix("\n"))
            self._area = None
        elif tag == "select" and self._select is not None:
            self._add(self._select, "select", self._chosen or "")
            self._select = None
        elif tag == "form":
            self._open = False


def _forms(html: str) -> list[tuple[dict[str, str | None], list[tuple[str, str, str]]]]:
    parser = _Forms()
    parser.feed(html)
    return [form for form in parser.forms if (form[0].get("action") or "") != "/sign-out"]


def form_of(html: str, action: str = "") -> dict[str, str]:
    """Return the last value of each field of the form that leads to ``action``, or of the first one that posts."""
    for had, fields in _forms(html):
        if (had.get("action") == action) if action else had.get("method") == "post":
            return {name: value for name, _, value in fields}
    raise AssertionError(f"the page has no form for {action or 'a post'}: {text_of(html)[:300]}")


def hidden_of(html: str, action: str = "") -> dict[str, str]:
    """Return the hidden fields of the form that leads to ``action``; of one without an action if there is no such."""
    posting = [(had, fields) for had, fields in _forms(html) if had.get("method") == "post"]
    fitting = [fields for had, fields in posting if had.get("action") == action]
    fitting += [fields for had, fields in posting if not had.get("action")]
    if fitting:
        return {name: value for name, kind, value in fitting[0] if kind == "hidden"}
    found = re.search(r'<meta name="csrf" content="([^"]*)"', html)
    return {"csrf": found[1]} if found else {}


def links_of(html: str) -> list[str]:
    """Return where the links of a page lead."""
    return [one.replace("&amp;", "&") for one in re.findall(r'<a [^>]*href="([^"]*)"', html)]
