"""
What a stranger, or an officer who is one in truth, sends to the desks: every route of every desk, over real HTTP.

The rows of ``docs/security/asvs.csv`` that no other test shows are shown here; a test names the requirement of OWASP
ASVS 5.0 it is about.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyotp
import pytest
from aiohttp import FormData

import schemas
from gateway import serving, settings, system
from gateway.desks import PAGES
from gateway.http.listen import listen
from gateway.services.account_store import DESKS, Invitation, desk_of
from gateway.services.context import Person
from gateway.web.door import ASSETS, COOKIE, desks_app
from gateway.web.headers import HEADERS
from gateway.web.signin.openid import OpenId
from gateway.web.signin.sign_on import SignOn
from gateway.web.visit import ANYONE, SIGNED_IN, DeskPages, Route
from tests.support import story
from tests.support.network import HandClock, make_home, people_keys
from tests.web.operator.support import staffed
from tests.web.signin.provider import CLIENT, SECRET, provider
from tests.web.support import Answer, Desk, Officer, desks

ROLES = tuple(schemas.codes("person_role"))

EVERYBODYS = frozenset(
    {"sign-in", "sign-in-passkey", "sign-in-code", "sign-in-openid", "openid-back"}
    | {"link", "link-use", "signed-out", "help"}
)
"""Routes that whoever has not signed in may take: the ways in, the way out, and the help page."""

OWN = frozenset(
    {"fresh", "prove", "methods", "passkey-new", "passkey-add", "passkey-remove", "passkey-removed"}
    | {"code-new", "code-add", "code-picture", "code-remove", "code-removed"}
    | {"end-others", "keep", "sign-out", "shortcuts", "home", "invited", "invited-look"}
    | {"others", "leave", "shortcuts-form"}
)
"""Routes of whoever has signed in, whatever the role: one's own account, a first page, the case one is invited to."""

OFFICERS = {"interior": "first", "board": "board", "operator": "ada"}
"""Somebody who works at each desk."""

EVERYWHERE = "everywhere"
"""Somebody with every role, who could have a session at each desk."""

NOBODYS = frozenset({"gateway", "person", "stop"})
"""Actors of the state tables that no configuration can make a person."""

NOT_YOURS = "Your role does not allow this."
NO_TOKEN = "The form belongs to a session that has ended."
NOT_FROM_HERE = "The form did not come from a page of this desk."

PARTS = {"country": "XBB", "partner": "XBB", "person": "first", "name": "drafts", "verb": "freeze"}
"""What stands in a path for its parts; ``ref`` is the case, and any other part is ``x``."""

TYPES = frozenset(
    {"text/html", "text/plain", "text/csv", "text/css", "image/svg+xml", "application/json", "application/jose"}
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """All three desks of a gateway, with two operators and a person for each role, named as the role."""
    network = await staffed(tmp_path)
    gateway = network.gateways["XAA"]
    added = {role: Person(role, frozenset({role}), bytes(32)) for role in ROLES}
    added[EVERYWHERE] = Person(EVERYWHERE, frozenset(ROLES), bytes(32))
    gateway.context.persons = {**gateway.context.persons, **added}
    try:
        async with desks(network, tmp_path, PAGES, extra=serving.page_services(gateway)) as made:
            yield made
    finally:
        await network.close()


def path_of(route: Route, ref: str = "x") -> str:
    """Return a path that ``route`` takes."""
    known = {**PARTS, "ref": ref}
    return re.sub(r"\{(\w+)[^}]*\}", lambda part: known.get(part[1], "x"), route.path)


def pages_of(desk: str) -> DeskPages:
    """Return the pages of a desk."""
    return next(one for one in PAGES if one.name == desk)


async def sent(officer: Officer, route: Route, ref: str = "x", **fields: str) -> Answer:
    """Send a request for ``route`` as its page would: a form carries the token of the session."""
    if route.method == "GET":
        return await officer.send("GET", path_of(route, ref))
    token = officer.session.csrf if officer.session is not None else "x"
    return await officer.send("POST", path_of(route, ref), data=FormData({"csrf": token, **fields}))


def assert_headed(answer: Answer, kept: bool = False) -> None:
    """Assert that an answer has every header, may be kept only if it is a file, and is for no other site."""
    assert dict(HEADERS) == {name: answer.headers.get(name) for name in HEADERS}, answer.path
    assert ("max-age" if kept else "no-store") in answer.headers["Cache-Control"], answer.path
    assert [] == [name for name in answer.headers if name.lower().startswith("access-control-")], answer.path


# Who may take which route.


def test_every_route_says_whose_it_is() -> None:
    """A route is of roles there are, or of everybody by a list that is kept here (ASVS 8.2.1)."""
    for pages in PAGES:
        for route in pages.routes:
            if route.roles == ANYONE:
                assert route.name in EVERYBODYS, route
            elif route.roles == SIGNED_IN:
                assert route.name in OWN, route
            else:
                assert pages.name in {desk_of(role) for role in route.roles & set(ROLES)}, route
                assert route.roles - set(ROLES) <= NOBODYS, route


@pytest.mark.parametrize("at", DESKS)
async def test_a_role_takes_its_own_routes_alone(desk: Desk, at: str) -> None:
    """Each role at each route of its desk: refused where it is not named, right token or not (ASVS 8.2.1)."""
    refused = taken = 0
    for role in ROLES:
        if desk_of(role) != at:
            continue
        officer = await desk.officer(role, at)
        for route in pages_of(at).routes:
            if route.name in EVERYBODYS | OWN:
                continue
            answer = await sent(officer, route)
            if role not in route.roles:
                assert (403, True) == (answer.status, NOT_YOURS in answer.words), (role, route.method, route.path)
                refused += 1
            elif route.method == "GET" and "{" not in route.path:
                assert answer.status in (200, 303, 404), (role, route.path)
                taken += 1
    assert taken >= 3
    assert refused > 500 or at != "interior"


@pytest.mark.parametrize("at", DESKS)
async def test_no_desk_opens_to_another_ones_session(desk: Desk, at: str) -> None:
    """The cookie of one desk is nobody's at another: every route leads to sign in (ASVS 7.2.1, 8.2.1)."""
    for other in DESKS:
        if other == at:
            continue
        officer = await desk.officer(EVERYWHERE, other)
        officer.at = at
        for route in pages_of(at).routes:
            if route.name in EVERYBODYS:
                continue
            answer = await sent(officer, route)
            assert 303 == answer.status, (other, route.method, route.path)
            assert answer.location.startswith("/sign-in?"), (other, route.method, route.path)


async def test_an_office_that_ended_ends_the_session(desk: Desk) -> None:
    """From the instant of ``active_until`` on no page opens, without a sign-out or a restart (ASVS 7.4.2)."""
    context = desk.network.gateways["XAA"].context
    until = desk.network.clock.now() + timedelta(minutes=5)
    leaving = Person("leaving", frozenset({"case_officer"}), bytes(32), None, until)
    context.persons["leaving"] = leaving  # type: ignore[index]  # a dict of the fixture
    officer = await desk.officer("leaving")
    assert 200 == (await officer.get("/", follow=False)).status
    desk.network.clock.pass_(minutes=5)
    answer = await officer.get("/", follow=False)
    assert (303, True) == (answer.status, answer.location.startswith("/sign-in"))


# Forms.


@pytest.mark.parametrize("at", DESKS)
async def test_no_form_counts_from_elsewhere(desk: Desk, at: str) -> None:
    """Every POST route: without the session's token, or from another site, nothing is done (ASVS 3.5.1)."""
    officer, nobody = await desk.officer(OFFICERS[at], at), desk.nobody(at)
    assert officer.session is not None
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    tried = 0
    for route in pages_of(at).routes:
        if route.method != "POST":
            continue
        path, right = path_of(route), officer.session.csrf
        for token in ("", "A" * 43):
            answer = await officer.send("POST", path, data=FormData({"csrf": token}))
            assert (403, True) == (answer.status, NO_TOKEN in answer.words), path
        answer = await officer.send("POST", path, data=FormData({"csrf": right}), headers=elsewhere)
        assert (403, True) == (answer.status, NOT_FROM_HERE in answer.words), path
        answer = await nobody.send("POST", path, data=FormData({"csrf": right}), headers=elsewhere)
        assert (403, True) == (answer.status, NOT_FROM_HERE in answer.words), path
        tried += 1
    assert tried > 10


async def test_a_token_in_the_address_is_none(desk: Desk) -> None:
    """What is posted counts, and the query of the address does not (ASVS 3.5.1)."""
    officer = await desk.officer("first")
    assert officer.session is not None
    answer = await officer.send("POST", f"/help/shortcuts?csrf={officer.session.csrf}", data=FormData({"a": "1"}))
    assert 403 == answer.status


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/xml", ""])
async def test_what_no_form_sends_is_refused(desk: Desk, kind: str) -> None:
    """A body of another kind does nothing on any desk, also with the right token (ASVS 3.5.2)."""
    officer = await desk.officer("first")
    assert officer.session is not None
    body = f"csrf={officer.session.csrf}&shortcuts=on".encode()
    answer = await officer.send("POST", "/help/shortcuts", data=body, headers={"Content-Type": kind})
    assert answer.status in (403, 422)
    assert "Set-Cookie" not in answer.headers


async def test_no_page_changes_a_case_by_being_looked_at(desk: Desk) -> None:
    """Every GET of the interior desk, by those who may: case and outbox stay as they were (ASVS 3.5.3)."""
    ref, _ = await story.acknowledged(desk.network)
    before = await _kept(desk, ref)
    for name in ("first", "second", "welfare", "protection"):
        officer = await desk.officer(name)
        for route in pages_of("interior").routes:
            if route.method == "GET":
                answer = await sent(officer, route, ref)
                assert answer.status < 500, route.path
    assert before == await _kept(desk, ref)


async def _kept(desk: Desk, ref: str) -> tuple[Any, ...]:
    """Return the row of a case, its value, and the messages of it that were sent or wait."""
    row = await story.row(desk.network, "XAA", ref)

    async def unit(tx: Any) -> list[str]:
        return [one.id for one in await tx.outbound_of_case(ref)]

    return row, await story.case(desk.network, "XAA", ref), await desk.gateway.store.read(unit)


METHODS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "COPY")


@pytest.mark.parametrize("at", DESKS)
async def test_a_route_has_its_own_method_alone(desk: Desk, at: str) -> None:
    """Another method is refused on every path, for whoever may take the path too, and those named (ASVS 3.5.3)."""
    officer = await desk.officer(OFFICERS[at], at)
    for path in sorted({path_of(route) for route in pages_of(at).routes}):
        own = {route.method for route in pages_of(at).routes if path_of(route) == path}
        for method in METHODS:
            answer = await officer.send(method, path)
            assert (405, own) == (answer.status, {*answer.headers.get("Allow", "").split(",")}), (method, path)
            assert_headed(answer)


async def test_no_header_or_field_makes_another_method(desk: Desk) -> None:
    """A GET stays a GET, and a POST a POST, whatever it says besides (ASVS 3.5.3)."""
    officer = await desk.officer("first")
    assert officer.session is not None
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        # The address of a form shows its page, and one that no page has a form for takes no GET at all.
        for path, status in (("/sign-out", 200), ("/session/keep", 405)):
            query = f"_method=POST&csrf={officer.session.csrf}"
            answer = await officer.send("GET", f"{path}?{query}", headers={name: "POST"})
            assert status == answer.status
    assert 200 == (await officer.get("/")).status


async def test_fields_that_a_form_does_not_have_set_nothing(desk: Desk) -> None:
    """A person, a level, a role or a state written into a form is no field of it (ASVS 8.2.3, 8.3.1)."""
    officer = await desk.officer("first")
    page = await officer.get("/account/code")
    secret = re.search(r"Secret: ([A-Z2-7]{32})", page.words)
    assert secret is not None
    more = {"person": "second", "level": "passkey", "desk": "operator", "roles": "operator", "enrolling": ""}
    code = pyotp.TOTP(secret[1]).at(desk.site.now())
    await officer.post("/account/code", {"code": code, **more})
    accounts = desk.site.accounts
    assert (True, False) == (await accounts.has_code("first"), await accounts.has_code("second"))
    session = await accounts.find(officer.cookie, "interior", desk.site.now())
    assert session is not None
    assert ("first", "interior", "code") == (session.person, session.desk, session.level)


async def test_a_role_that_is_not_held_is_not_acted_in(desk: Desk) -> None:
    """Whoever names another's role in the address or the form acts in their own (ASVS 8.3.1)."""
    ref = await story.sent(desk.network)
    clerk = await desk.officer("first")
    path = f"/cases/{ref}/steps/freeze?role=asylum_authority"
    await clerk.get(path)
    fields = {"b.reason": "x", "b.protection.state": "none", "role": "asylum_authority", "by": "protection"}
    assert 422 == (await clerk.post(path, fields)).status
    assert "SENT" == await story.state(desk.network, "XAA", ref)
    await clerk.get(path)
    await clerk.post(path, {"b.reason": "x", "role": "child_welfare", "by": "welfare", "b.state": "CLOSED"})
    assert "FROZEN" == await story.state(desk.network, "XAA", ref)
    history = (await clerk.get(f"/cases/{ref}/timeline")).words
    assert "Case officer" in history
    assert "Child welfare" not in history


# What an answer tells the browser.


@pytest.mark.parametrize(("at", "name"), OFFICERS.items())
async def test_every_route_answers_with_every_header(desk: Desk, at: str, name: str) -> None:
    """No frame, no sniffing, no other site, nothing kept, strict transport; the token stays in its cookie."""
    ref, _ = await story.acknowledged(desk.network)
    officer, shown = await desk.officer(name, at), 0
    for route in pages_of(at).routes:
        if route.name == "sign-out":
            continue
        answer = await sent(officer, route, ref)
        assert_headed(answer)
        assert answer.status < 500, route.path
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        assert kind in TYPES or not answer.body, (route.path, kind)
        assert not answer.body or kind.startswith(("text/html", "image/")) or _is_harmless(answer), route.path
        assert officer.cookie not in answer.text + str(answer.location), route.path
        if answer.status == 200 and kind == "text/html" and route.name not in EVERYBODYS:
            assert 'action="/sign-out"' in answer.text, route.path
            shown += 1
        if route.name in ("end-others", "prove"):
            officer = await desk.officer(name, at)
    assert shown >= {"interior": 15, "board": 6, "operator": 10}[at]


def _is_harmless(answer: Answer) -> bool:
    """Tell whether a file is saved and not shown, or is plain text or JSON, which a browser does not run."""
    plain = answer.headers["Content-Type"].startswith(("text/plain", "application/json"))
    return plain or answer.headers.get("Content-Disposition", "").startswith("attachment")


async def test_files_of_the_look_have_every_header(desk: Desk) -> None:
    """What may be kept is the look alone, and a country's emblem runs no script of its own (ASVS 3.2.1, 3.4.4)."""
    for name in (*ASSETS, "brand.css"):
        answer = await desk.nobody().send("GET", f"/static/{name}")
        assert 200 == answer.status
        assert_headed(answer, kept=True)
    for name in ("..%2fdoor.py", "%2e%2e/door.py", "desk.css%00", "LICENSE-govuk-frontend.txt", ".", "x" * 3000):
        assert 404 == (await desk.nobody().send("GET", f"/static/{name}")).status


async def test_every_cookie_that_is_set_has_its_flags(desk: Desk) -> None:
    """Each cookie of each answer is of this host and this site, and no script reads it (ASVS 3.3.1 to 3.3.4)."""
    officer, seen = await desk.officer("first"), set()
    now = desk.site.now()
    link = await desk.site.accounts.make_link("second", "interior", "enrol", now, now + timedelta(hours=1))
    guest = desk.nobody()
    await guest.get(f"/link/{link}")
    await officer.get("/help")
    for answer in (
        await guest.post(f"/link/{link}", follow=False),
        await desk.nobody().send("GET", "/sign-in"),
        await officer.send("GET", "/?lang=fr"),
        await officer.post("/help/shortcuts", {"shortcuts": "on"}, follow=False),
        await _signed_out(officer),
    ):
        cookie = answer.headers["Set-Cookie"]
        name, flags = cookie.partition("=")[0], set(cookie.split("; ")[1:])
        assert name.startswith("__Host-")
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= flags, cookie
        assert not any(flag.startswith("Domain") for flag in flags)
        seen.add(name)
    assert {COOKIE, "__Host-sign-in", "__Host-lang", "__Host-shortcuts"} == seen


async def _signed_out(officer: Officer) -> Answer:
    assert officer.session is not None
    return await officer.send("POST", "/sign-out", data=FormData({"csrf": officer.session.csrf}))


async def test_whoever_signed_out_is_out(desk: Desk) -> None:
    """The cookie that a copy was kept of opens no route any more (ASVS 7.4.1)."""
    officer = await desk.officer("first")
    kept = officer.cookie
    answer = await _signed_out(officer)
    assert '"cache", "storage"' == answer.headers["Clear-Site-Data"]
    officer.cookie = kept
    for path in ("/", "/queues/mine", "/account", "/search"):
        answer = await officer.get(path, follow=False)
        assert (303, True) == (answer.status, answer.location.startswith("/sign-in")), path


# Where an answer leads.

ELSEWHERE = (
    *("https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)"),
    *("/%0d%0aX-Injected:1", "/\r\nX-Injected: 1", "/\tevil", "///evil.example", "http:evil.example", "/ok\u2028x"),
)


async def test_no_answer_leads_elsewhere(desk: Desk) -> None:
    """Whatever stands in ``next``, the way on is a path of this desk, in one line of one header (ASVS 3.7.2)."""
    officer, nobody, led = await desk.officer("first"), desk.nobody(), {"Sec-Fetch-Site": "cross-site"}
    for wanted in ELSEWHERE:
        for answer in (
            await officer.send("GET", f"/sign-in?next={quote(wanted)}"),
            await officer.send("GET", f"/help?lang=fr&next={quote(wanted)}"),
            await nobody.send("GET", f"/account?next={quote(wanted)}"),
            await nobody.send("GET", f"/account?next={quote(wanted)}", headers=led),
        ):
            lead = answer.location or answer.headers["Refresh"].partition("url=")[2]
            assert re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", lead), (wanted, lead)
            assert "X-Injected" not in answer.headers


async def test_an_address_that_looks_like_a_host_is_no_page(desk: Desk) -> None:
    """A path with two slashes leads nowhere, also for who comes from another site (ASVS 3.7.2)."""
    for path in ("//evil.example/", "//evil.example/cases/x", "/\\evil.example/"):
        answer = await desk.nobody().send("GET", path, headers={"Sec-Fetch-Site": "cross-site"})
        assert (404, None, "") == (answer.status, answer.headers.get("Refresh"), answer.location), path


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"},
        {"X-Original-URL": "//evil.example", "X-Rewrite-URL": "/operator", "X-Host": "evil.example"},
        {"Origin": "https://evil.example", "Referer": "https://evil.example/x"},
    ],
)
async def test_what_a_request_says_of_its_host_is_not_repeated(desk: Desk, headers: dict[str, str]) -> None:
    """Addresses come from the configuration, whatever a proxy or a stranger adds (ASVS 3.4.2, 3.5.4)."""
    ada = await desk.officer("ada", "operator")
    for path in ("/", "/people/first", "/sign-in", "/nothing", "/keys"):
        answer = await ada.send("GET", path, headers=headers)
        assert "evil.example" not in answer.text + str(dict(answer.headers)), path
        assert_headed(answer)


@pytest.mark.parametrize(
    "host", ["evil.example", "interior.localhost.", "interior.localhost:1", "x@interior.localhost"]
)
async def test_another_host_has_no_desk(desk: Desk, host: str) -> None:
    """A name that is not letter for letter the desk's own gets no page (ASVS 3.5.4)."""
    answer = await desk.nobody().send("GET", "/sign-in", headers={"Host": host})
    assert answer.status in (400, 421)
    assert "Set-Cookie" not in answer.headers
    assert answer.status == 400 or dict(HEADERS) == {name: answer.headers.get(name) for name in HEADERS}


# What is no request.


def _hostile(host: str) -> dict[str, bytes]:
    """Return requests that no browser sends, by what is wrong with them."""
    line = f"GET /help HTTP/1.1\r\nHost: {host}\r\n".encode()
    post = f"POST /sign-in/code HTTP/1.1\r\nHost: {host}\r\n".encode()
    return {
        "a header of 20,000 bytes": line + b"X: " + b"secret" * 3400 + b"\r\n\r\n",
        "an address of 20,000 bytes": b"GET /"
        + b"secret" * 3400
        + b" HTTP/1.1\r\nHost: "
        + host.encode()
        + b"\r\n\r\n",
        "300 headers": line + b"".join(b"X-%d: secret\r\n" % number for number in range(300)) + b"\r\n",
        "no name in a header": line + b": secret\r\n\r\n",
        "a header that goes on": line + b"X: a\r\n secret\r\n\r\n",
        "no host": b"GET /help HTTP/1.1\r\nX: secret\r\n\r\n",
        "two hosts": line + b"Host: secret.example\r\n\r\n",
        "two lengths": post + b"Content-Length: 4\r\nContent-Length: 6\r\n\r\nsecret",
        "a length and chunks": post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a length below nothing": post + b"Content-Length: -1\r\n\r\n",
        "no HTTP": b"secret\r\n\r\n",
    }


async def test_what_is_no_request_is_refused_and_not_repeated(desk: Desk) -> None:
    """At the door that a gateway really opens: refused in neutral words, nothing of it quoted, nothing to be kept."""
    runner = await listen(desks_app(desk.site, PAGES), "127.0.0.1", 0, headers=HEADERS)
    try:
        for fault, request in _hostile(f"interior.localhost:{desk.port}").items():
            answer = await _raw(runner.addresses[0][1], request)
            assert re.match(r"HTTP/1\.[01] 4\d\d ", answer), (fault, answer[:60])
            assert [] == [word for word in ("secret", "aiohttp", "Python") if word in answer], fault
            assert "Cache-Control: no-store" in answer, fault
    finally:
        await runner.cleanup()


async def test_what_is_no_request_has_the_headers_too(desk: Desk) -> None:
    """Also the answer to what no browser sends has every header of the desks (ASVS 3.4.1, 3.4.4, 3.4.6)."""
    runner = await listen(desks_app(desk.site, PAGES), "127.0.0.1", 0, headers=HEADERS)
    try:
        answer = await _raw(runner.addresses[0][1], b"GET /help HTTP/1.1\r\nno header\r\n\r\n")
    finally:
        await runner.cleanup()
    assert [] == [name for name, value in HEADERS.items() if f"{name}: {value}\r\n" not in answer]


async def _raw(port: int, request: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        return (await asyncio.wait_for(reader.read(-1 if b"close" in request else 65_536), 10)).decode("latin-1")
    finally:
        writer.close()


BYTES = ("%ff", "%00", "%f0%90%80", "..%2f..%2fetc%2fpasswd", "%3Cscript%3E", "'%20OR%201=1--", "%25s", "x" * 2000)


@pytest.mark.parametrize(("at", "name"), OFFICERS.items())
async def test_no_part_of_an_address_is_a_fault(desk: Desk, at: str, name: str) -> None:
    """Every part of every path: a page that says so and quotes nothing, never a fault of ours (ASVS 3.2.2)."""
    officer = await desk.officer(name, at)
    for route in pages_of(at).routes:
        if route.method == "GET" and "{" in route.path:
            for part in BYTES:
                path = re.sub(r"\{[^}]*\}", part, route.path)
                answer = await _as_it_is(officer, path)
                assert re.match(r"HTTP/1\.1 [234]", answer), (path, answer[:60])
                assert "<script>" not in answer, path
    assert [] == [values for event, values in desk.network.logs if event == "gateway.fault"]


async def _as_it_is(officer: Officer, path: str, more: str = "") -> str:
    """Send a path byte for byte: a client would mend it."""
    head = f"GET {path} HTTP/1.1\r\nHost: {officer.at}.localhost:{officer.desk.port}\r\nConnection: close\r\n"
    cookie = f"Cookie: {COOKIE}={officer.cookie}\r\n" if not more else ""
    return await _raw(officer.desk.port, f"{head}{cookie}{more}\r\n".encode("latin-1"))


async def test_no_cookie_is_a_fault(desk: Desk) -> None:
    """A cookie of any bytes is nobody's session."""
    answer = await _as_it_is(desk.nobody(), "/account", f"Cookie: {COOKIE}=\xff\xfe\r\n")
    assert answer.startswith("HTTP/1.1 303"), answer[:60]


# What is kept, and what there is not.


async def test_no_link_is_in_the_file(desk: Desk, tmp_path: Path) -> None:
    """Of a one-time link its digest alone is kept: whoever reads the file opens nothing (ASVS 6.5.2)."""
    now = desk.site.now()
    token = await desk.site.accounts.make_link("first", "interior", "enrol", now, now + timedelta(hours=1))
    assert 43 == len(token)
    files = list(tmp_path.glob("desks-XAA.db*"))
    assert files
    assert not any(token.encode() in path.read_bytes() for path in files)


async def test_seeds_of_codes_are_long_and_random(desk: Desk) -> None:
    """A seed has 160 bits of the operating system's random source, and no two are alike (ASVS 6.5.3)."""
    assert isinstance(desk.site.accounts.random, system.SystemRandom)
    seeds = {desk.site.accounts.new_secret() for _ in range(100)}
    assert (100, {20}) == (len(seeds), {len(base64.b32decode(seed)) for seed in seeds})


def test_a_new_home_has_no_person(tmp_path: Path) -> None:
    """Nobody can sign in before somebody was added: there is no account to begin with (ASVS 6.3.2)."""
    make_home(tmp_path / "home", "XAA", people_keys(), HandClock().now())
    assert [] == settings.load(tmp_path / "home", {}).values["persons"]


def test_no_page_knows_a_password() -> None:
    """No password, hint or secret question is asked for anywhere (ASVS 6.2, 6.4.2)."""
    folder = Path(desks_app.__code__.co_filename).parent
    texts = [*folder.rglob("*.html"), *folder.rglob("*.js")]
    assert len(texts) > 50
    assert [] == [path.name for path in texts if re.search("password|secret question", path.read_text("utf-8"), re.I)]


def test_the_script_takes_no_message_of_another_site() -> None:
    """It listens to pages of its own origin alone, and to nothing of what they say (ASVS 3.5.5)."""
    text = (Path(desks_app.__code__.co_filename).parent / "static/desk.js").read_text("utf-8")
    assert "window.addEventListener" not in text
    assert "onmessage" not in text
    taken = re.findall(r'addEventListener\("message", ([^;]*)\);', text)
    assert ["restart", "() => ((endsAt = Date.now()), look())"] == taken  # neither takes what is said
    assert len(taken) == text.count('"message"')


# Signing on elsewhere.


async def _at_the_provider(desk: Desk, there: Any) -> Officer:
    there.person, there.redirects = "first", desk.site.origins["interior"]
    desk.site.openid = OpenId(desk.site.accounts, SignOn(there.issuer, CLIENT, SECRET))
    return desk.nobody()


async def test_tokens_of_the_provider_stay_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser sees a code, and neither the verifier, nor a token, nor our secret (ASVS 10.1.1, 10.1.2)."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    async with provider(desk.site.now()) as there:
        made: list[str] = []
        browser = await _at_the_provider(desk, there)
        token = there.token

        def kept(claims: dict[str, Any]) -> str:
            made.append(token(claims))
            return made[-1]

        monkeypatch.setattr(there, "token", kept)
        away = await browser.get("/sign-in/openid?next=/account", follow=False)
        query = await there.visit(away.location)
        answer = await browser.send("GET", f"/sign-in/openid/back?state={query['state']}&code={query['code']}")
        await desk.site.openid.close()  # type: ignore[union-attr]  # set above
    assert (200, 1) == (answer.status, len(made))
    for one in (away, answer):
        said = one.text + str(dict(one.headers)) + str(browser.cookies)
        assert [] == [text for text in (made[0], SECRET, "code_verifier", "access_token") if text in said]
    flags = set(away.headers["Set-Cookie"].split("; "))
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= flags


async def test_no_other_site_begins_a_sign_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is led to the sign-on by another site is asked first (ASVS 7.6.2)."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    async with provider(desk.site.now()) as there:
        browser = await _at_the_provider(desk, there)
        answer = await browser.send("GET", "/sign-in/openid", headers={"Sec-Fetch-Site": "cross-site"})
        await desk.site.openid.close()  # type: ignore[union-attr]  # set above
    assert not answer.location.startswith(there.issuer)


# Invited.


async def test_an_invitation_is_to_its_own_case_whatever_the_address_says(desk: Desk) -> None:
    """A guest who writes another reference into a path gets the page of a case there is not (ASVS 8.2.2)."""
    mine, other = await story.sent(desk.network), await story.sent(desk.network)
    guest = await desk.guest(mine, "lawyer")
    assert guest.session is not None
    assert isinstance(guest.session.invitation, Invitation)
    for route in pages_of("interior").routes:
        if "{ref}" in route.path:
            theirs, none = await sent(guest, route, other), await sent(guest, route, "A" * 22)
            assert theirs.status in (403, 404), route.path
            assert (none.status, none.words) == (theirs.status, theirs.words), route.path
