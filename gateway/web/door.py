"""
What stands before every page of a desk: host name, session, form, rights, errors.

Rule 1: a request that names another host than the desk's own is answered by nobody here.
Rule 2: a form counts only if the browser says it comes from this desk and it carries the session's token. Nothing of
another is kept for anybody either, also where the session has ended.
Rule 3: a form is taken once. Its second submission is sent where the first one led, also after a restart; one that gave
its browser a new session, as signing in does, while this process runs. With something else in it, it is no second
submission: it is not taken, and whoever sent it is told so.
Rule 4: whatever goes wrong is a page that says what happened, what did not, and what to do; it quotes nothing.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from multidict import MultiDict

from gateway.core.machine import IllegalStep
from gateway.services.account_store import Invitation, Session, hashed
from gateway.services.context import Forbidden, NotFound
from gateway.services.ports import BadValue, Unavailable
from gateway.web import language
from gateway.web.error_page import FAULT, NO_ENTRY, NOT_OPEN, Told, to_a_guest, to_the_board, told_of, told_of_status
from gateway.web.headers import add_headers
from gateway.web.posted import (
    ASKED,
    CARRIED,
    FIELDS_MAX,
    FORM_MAX_BYTES,
    NEVER_KEPT,
    NO_FORM,
    PROVING,
    UNSENT,
    BadForm,
    clean,
    is_utf8,
    read_fields,
)
from gateway.web.signin import cookies
from gateway.web.site import Site
from gateway.web.visit import ANYONE, SIGNED_IN, DeskPages, Route, Visit, is_own

COOKIE = "__Host-desk"
LANGUAGE_COOKIE = "__Host-lang"
YEAR_S = 31536000

BACKGROUND = "Desk-Background"
"""Header of what a page asks by itself, such as counts: an open page does not keep its session."""

VISIT = web.RequestKey("visit", Visit)
"""Where a request keeps what the guard needs for a page about an error."""

FORM_TIMEOUT_S = 15.0
FORM_BYTES_PER_S = 16 * 1024
"""
A form with a file in it has a second more for so many bytes of it that came, so that 8 MiB get through a line of
131 kbit/s. Only in a session, or one that ended by itself: whoever has none has little to send, and no more time.
"""

RETRY_AFTER_S = "2"
RUNNING_LOOK_S = 0.1
RUNNING_LOOKS = 50
"""How long the second submission of a form waits for the first one to be done: five seconds."""

SAID_MAX = 1000
"""Forms of which a desk remembers what they said once they were taken: enough for whoever clicks twice."""

LED_LASTS = timedelta(seconds=10)
"""How long a form that signed in by a code brings its own browser a session, if that let go of the first."""

ASSETS: Mapping[str, str] = {
    "desk.css": "text/css",
    "desk.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
    "emblem.svg": "image/svg+xml",
}
"""What is served of ``static/``, and as what."""


Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


def desks_app(site: Site, desks: Sequence[DeskPages]) -> web.Application:
    """Return one application that serves each desk under the host name of its origin, and nothing under another."""
    root = web.Application(client_max_size=FORM_MAX_BYTES)
    root.on_response_prepare.append(add_headers)
    for pages in desks:
        site.open(pages)
        root.add_domain(urlsplit(site.origins[pages.name]).netloc, _desk_app(site, pages))

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        return web.Response(status=421, text="No desk has this name.\n")

    root.router.add_route("*", "/{path:.*}", elsewhere)
    return root


def _desk_app(site: Site, pages: DeskPages) -> web.Application:
    door = _Door(site, pages)
    app = web.Application(middlewares=[door.guard])
    for route in pages.routes:
        app.router.add_route(route.method, route.path, door.handler(route), name=None)
    app.router.add_get("/static/{name}", door.asset)
    return app


_UNPROVED = frozenset({"fresh", "prove", "keep", "sign-out"})
"""What is open to whoever came by the link of an invitation and has still to prove that it is theirs."""

_MISSING = Route("GET", "", "missing", None, ANYONE)  # type: ignore[arg-type]


@dataclass(slots=True)
class _Led:
    """
    Where a form led that began a session, what was said there, which session, what was typed in which browser, when.

    Of several clicks each takes its ``turn``: it ends the session of the one before it, and not of the first.
    """

    location: str
    said: str
    session: Session
    typed: str
    at: datetime
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class _Door:
    def __init__(self, site: Site, pages: DeskPages) -> None:
        self._site = site
        self._pages = pages
        folder = files("gateway.web").joinpath("static")
        self._assets = {name: folder.joinpath(name).read_bytes() for name in ASSETS}
        if site.look.emblem is not None:
            self._assets["emblem.svg"] = site.look.emblem
        # A country's colour is its own file: no page has a style inside it.
        self._assets["brand.css"] = f":root {{ --desk-brand-colour: {site.look.colour}; }}\n".encode()
        self._said: dict[tuple[str, str], str] = {}
        # Where a form led that began a session; by the tokens that stood in it. No token of a session is in it: who
        # sends such a form again is led there, and gets nothing by it but for what ``_lead`` says.
        self._led: dict[tuple[str, str], _Led] = {}
        self._beginning: set[tuple[str, str]] = set()
        site.assets = {name: hashlib.sha256(raw).hexdigest()[:12] for name, raw in self._assets.items()}

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Serve a file of the look. Pages name it with a digest of it, so a browser may keep it."""
        name = request.match_info["name"]
        if name not in self._assets:
            raise web.HTTPNotFound
        return web.Response(
            body=self._assets[name],
            content_type=ASSETS.get(name, "text/css"),
            charset=None if name.endswith(".svg") else "utf-8",
            headers={"Cache-Control": "private, max-age=86400, immutable"},
        )

    def handler(self, route: Route) -> Serve:
        """Return what serves ``route``."""

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, route)

        return serve

    async def _serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        site, now = self._site, self._site.now()
        token = request.cookies.get(COOKIE, "")
        session = await self._find(request, now)
        visit = Visit(site, self._pages, request, route, now, self._tongue(request, session), session)
        request[VISIT] = visit
        structlog.contextvars.bind_contextvars(desk=self._pages.name)
        if request.method == "GET" and (wanted := visit.query("lang")):
            return await self._choose_language(visit, wanted)
        if request.method == "POST":
            try:
                await self._read_form(visit, token)
            except BadForm as error:
                if error.code != "token":
                    raise
                if (led := self._led.get(_tokens(visit))) is not None:
                    return await visit.to(led.location, told=led.said)
                if not await self._keep_of_earlier(visit):
                    raise
                return await visit.to(_back(request))
            # A form may take its time to arrive, minutes with a file in it: the session was ended meanwhile, or it goes
            # on from here, as the time of the page does that follows.
            now = visit.now = site.now()
            if token:
                session = visit.session = await self._find(request, now)
            if UNSENT in visit.forms:
                return await self._sign_in(visit, token)
            if session is None and (led := await self._find_led(visit)) is not None:
                return await self._lead(visit, led)
        if route.roles >= ANYONE:
            return await self._answer(visit)
        if session is None:
            return await self._sign_in(visit, token)
        if session.enrolling and not route.enrolling:
            return await visit.to(visit.path("methods"))
        if session.is_unproved and route.name not in _UNPROVED:
            return await visit.to(visit.path("fresh", next=_back(request)))
        if not site.allows(route, session, now):
            raise Forbidden("this page is not for your role", "")
        if session.invitation is not None and not _is_invited(session.invitation, route, request):
            raise NotFound("the invitation is to another case")
        if route.fresh and not session.is_fresh(now):
            if request.method == "POST":
                await self._keep_typed(visit, session)
            return await visit.to(visit.path("fresh", next=_back(request)))
        return await self._answer(visit)

    async def _answer(self, visit: Visit) -> web.StreamResponse:
        """Take the step, and keep for its page what was typed and could not be shown there yet."""
        response = await self._take(visit)
        if visit.not_shown and visit.session is not None:
            await self._keep_typed(visit, visit.session)
        return response

    async def _take(self, visit: Visit) -> web.StreamResponse:
        """Take the step once: the token of a form is claimed before it, and led on after it."""
        site, session = self._site, visit.session
        visit.once = self._site.accounts.random.token()
        if session is not None and visit.request.method == "GET" and BACKGROUND not in visit.request.headers:
            visit.told = await site.accounts.take_told(session, visit.request.path)
            kept = await site.accounts.papers.take_draft(session.person, visit.request.path, visit.now)
            visit.draft = MultiDict(kept) if kept else {}
        token = visit.forms.get("once", "") if visit.request.method == "POST" else ""
        if session is None or not token:
            tokens = _tokens(visit)
            self._beginning.add(tokens)
            try:
                response = await visit.route.handler(visit)
                self._keep_led(visit, session, response)
            finally:
                self._beginning.discard(tokens)
            return response
        typed = _digest_of(visit, token)
        claim = await site.accounts.papers.claim(session, token, visit.now)
        for _ in range(RUNNING_LOOKS):  # who clicks twice should see what came of the first
            if claim.state != "running":
                break
            await asyncio.sleep(RUNNING_LOOK_S)
            claim = await site.accounts.papers.claim(session, token, visit.now)
        if claim.state == "done" and claim.typed not in ("", typed):
            # A window that was stopped as it sent, or was gone back to, has the form still, and it was changed there.
            raise BadForm("changed")
        if claim.state == "done":
            # The page it led to was perhaps asked for already, and let go of by the second click: its banner with it.
            return await visit.to(claim.location, told=self._said.get((session.id, token), ""))
        if claim.state == "running":
            raise BadForm("running")
        try:
            response = await visit.route.handler(visit)
        except BaseException:
            await site.accounts.papers.release(session, token)
            raise
        location = response.headers.get("Location", "")
        if response.status == 303 and is_own(location):
            self._said[session.id, token] = visit.said
            if len(self._said) > SAID_MAX:
                del self._said[next(iter(self._said))]
            await site.accounts.papers.finish(session, token, typed, location)
        else:
            await site.accounts.papers.release(session, token)
        self._keep_led(visit, session, response)
        return response

    def _keep_led(self, visit: Visit, before: Session | None, response: web.StreamResponse) -> None:
        """Note where the form led, if it put another session in the place of ``before``: its tokens are over then."""
        location, tokens = response.headers.get("Location", ""), _tokens(visit)
        if not tokens[1] or visit.session is None or (before is not None and before.id == visit.session.id):
            return
        if response.status == 303 and is_own(location):
            self._led[tokens] = _Led(location, visit.said, visit.session, _typed_in(visit), visit.now)
            if len(self._led) > SAID_MAX:
                del self._led[next(iter(self._led))]

    async def _find_led(self, visit: Visit) -> "_Led | None":
        """Return where the form led, if it began a session; while the first one is at work its end is waited for."""
        tokens = _tokens(visit)
        for _ in range(RUNNING_LOOKS if tokens[1] else 0):  # without a token it is no form of ours, and led nowhere
            if tokens not in self._beginning:
                break
            await asyncio.sleep(RUNNING_LOOK_S)
        return self._led.get(tokens)

    async def _lead(self, visit: Visit, led: "_Led") -> web.StreamResponse:
        """
        Lead a form that began a session where it led first, and its own browser with a session in place of that one.

        A second click lets go of what the first one brings, over a slow line; a code, which needs no script that would
        hold it back, is good once. The cookie of the ceremony tells the browser, and the first session ends by it. With
        another person or code typed it is another try, and opens nothing.
        """
        response = await visit.to(led.location)
        typed, is_by_code = _typed_in(visit), visit.route.name == "sign-in-code"
        is_same = is_by_code and typed != "" and hmac.compare_digest(typed, led.typed)
        if is_same and timedelta() <= visit.now - led.at < LED_LASTS:
            async with led.turn:
                with suppress(Forbidden):  # it was ended meanwhile: who signed out is not signed in by it
                    token, led.session = await self._site.accounts.refresh(led.session, led.session.level, visit.now)
                    set_session(response, token)
        return response

    # Who, in which language.

    async def _find(self, request: web.Request, now: datetime) -> Session | None:
        """Return the session of whoever asks, and note it as seen: but for what a page asks by itself."""
        token = request.cookies.get(COOKIE, "")
        stepped = BACKGROUND not in request.headers
        return await self._site.accounts.find(token, self._pages.name, now, touch=stepped) if token else None

    def _tongue(self, request: web.Request, session: Session | None) -> language.Tongue:
        chosen = (session.language if session else "") or request.cookies.get(LANGUAGE_COOKIE)
        accepted = request.headers.get("Accept-Language", "")
        return self._site.tongue(language.choose(chosen, accepted, self._site.default_language))

    async def _choose_language(self, visit: Visit, wanted: str) -> web.StreamResponse:
        """Keep the language chosen and show the same page again, without the choice in its address."""
        response = await visit.to(visit.here(lang=""))
        if wanted in language.LANGUAGES:
            give_cookie(response, LANGUAGE_COOKIE, wanted, YEAR_S)
            if visit.session is not None:
                await self._site.accounts.set_language(visit.session, wanted)
        return response

    async def _sign_in(self, visit: Visit, token: str) -> web.StreamResponse:
        """
        Lead to the sign-in page, and from there back where a session goes on; what was typed is kept for its person.

        Whom another site led here, such as a notice read on the web, may well have a session: its cookie is ``Strict``,
        and comes along with the next step, which is one of ours.
        """
        request, kept = visit.request, "0" if visit.request.method == "POST" and UNSENT not in visit.forms else ""
        if request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
            response = visit.page("signin/step_in.html", path=request.path_qs)
            response.headers["Refresh"] = f"0; url={request.path_qs}"
            return response
        if request.method == "POST" and token:
            ended = visit.session or await self._site.accounts.find_ended(token, self._pages.name, visit.now)
            if ended is not None and _is_of(visit, ended):
                kept = "1" if await self._keep_typed(visit, ended) else kept
        return await visit.to(visit.path("sign-in", next=_back(request), kept=kept))

    async def _keep_typed(self, visit: Visit, session: Session) -> bool:
        """
        Keep for the person of ``session`` what they typed, to stand in the page again; no proof of who it was.

        Returns whether there was any. Of whom a link alone says that it is they, nothing is: who made it held it first,
        and would have it stand where they sign.
        """
        if session.is_unproved or session.enrolling:
            return False
        typed = visit.forms.items() if visit.request.method == "POST" else visit.draft.items()
        fields = [(name, text) for name, text in typed if name not in NEVER_KEPT]
        names, papers, path = {name for name, _ in fields}, self._site.accounts.papers, visit.request.path
        if names <= CARRIED:
            return False
        if names <= CARRIED | ASKED:  # what waits there for a reason is not lost by the page that asks for it
            waits = await papers.find_draft(session.person, path, visit.now) or ()
            fields += [pair for pair in waits if pair[0] not in names]
        await papers.keep_draft(session.person, path, fields, visit.now)
        return True

    async def _keep_of_earlier(self, visit: Visit) -> bool:
        """
        Keep what was typed in a form of an earlier session of the same person; return whether there was any.

        A browser lets a window sleep that is not looked at: its page hears neither that the time was over nor that its
        person signed in again in another.
        """
        if visit.session is None:
            return False
        of = await self._site.accounts.find_earlier(visit.session, visit.forms.get("csrf", ""))
        return of is not None and await self._keep_typed(visit, of)

    async def _keep_for_later(self, visit: Visit, error: Exception) -> bool:
        """
        Keep what was typed, or what a page was to show again, though it came to nothing by ``error``.

        Returns whether something is kept that was sent now.
        """
        session = visit.session
        if session is None or not self._site.allows(visit.route, session, visit.now):
            return False
        # The file of the desks itself cannot serve, or the address is one that no store holds.
        with suppress(Unavailable, BadValue):
            if visit.request.method == "GET" or _is_kept(error):
                return await self._keep_typed(visit, session) and visit.request.method == "POST"
        return False

    # Forms.

    async def _read_form(self, visit: Visit, token: str) -> None:
        """Read the fields posted, and take them only from a page of this desk in this session."""
        request = visit.request
        if not self._is_own_form(request):
            raise BadForm("foreign")
        if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
            raise BadForm("kind")
        if not is_utf8(request.charset):
            raise BadForm("kind")
        posted: list[tuple[str, str]] = []
        odd: BadForm | None = None
        try:
            latest = asyncio.get_running_loop().time() + FORM_TIMEOUT_S
            async with asyncio.timeout_at(latest) as bound:
                is_known = visit.session is not None or await self._is_ended(visit, token)

                def came(total: int) -> None:
                    if is_known:
                        bound.reschedule(latest + total / FORM_BYTES_PER_S)

                visit.uploads = await read_fields(request, visit.route.upload, posted, came, is_known=is_known)
        except (BadForm, TimeoutError) as error:
            odd = error if isinstance(error, BadForm) else BadForm("slow")
            if not posted:
                raise odd from None
        except NO_FORM:
            raise BadForm("kind") from None
        if len(posted) > FIELDS_MAX:
            raise BadForm("large")
        for name, value in posted:
            try:
                visit.forms.add(name, clean(name, value))
            except BadForm as error:
                odd = odd or error
        if visit.session is not None and not _is_of(visit, visit.session):
            raise BadForm("token")
        if odd is not None:  # last, so that the rest, as far as it came, is known to be this person's and can be kept
            raise odd

    async def _is_ended(self, visit: Visit, token: str) -> bool:
        """Tell whether the form is of a session that ended by itself, so that what was typed is kept."""
        accounts = self._site.accounts
        return bool(token) and await accounts.find_ended(token, self._pages.name, visit.now) is not None

    def _is_own_form(self, request: web.Request) -> bool:
        """Tell whether the browser says that the form comes from this desk (Fetch Metadata, or else its origin)."""
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        own = self._site.origins[self._pages.name]
        if site is not None:
            return site == "same-origin" and origin in (None, "null", own)
        return origin == own

    # Errors.

    @web.middleware
    async def guard(self, request: web.Request, handler: Serve) -> web.StreamResponse:
        """Turn whatever is raised into a page."""
        told: Told | None
        visit: Visit | None
        session: Session | None = None
        again, allowed = "", ""
        try:
            answer = await handler(request)
            if answer.status == 503:
                answer.headers.setdefault("Retry-After", RETRY_AFTER_S)
            return answer
        except web.HTTPException as error:
            if error.status < 400:
                raise
            told, allowed = told_of_status(error.status), error.headers.get("Allow", "")
            if VISIT not in request:  # no route has this address: whoever signed in still finds the way on, and out
                with suppress(Unavailable):
                    session = await self._find(request, self._site.now())
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if (visit := request.get(VISIT)) is not None and await self._keep_for_later(visit, error):
                again = visit.here()
            told = told_of(error)
            if told is None:
                self._site.desk.context.log("gateway.fault", error=type(error).__name__)
                told = FAULT
            elif type(error) is NotFound and "ref" not in request.match_info:
                told = NO_ENTRY
            elif isinstance(error, IllegalStep) and request.method == "GET":
                told = NOT_OPEN
        if self._pages.name == "board":
            told = to_the_board(told)
        visit = request.get(VISIT)
        if visit is None:
            tongue = self._tongue(request, session)
            visit = Visit(self._site, self._pages, request, _MISSING, self._site.now(), tongue, session)
        if visit.is_guest:
            told = to_a_guest(told)
        visit.once = self._site.accounts.random.token()
        more = {"case": _case_of(visit, told), "again": again if told.again else ""}
        response: web.Response = visit.page("error.html", status=told.status, problem=told, **more)
        if allowed:
            response.headers["Allow"] = allowed  # RFC 9110, section 15.5.6
        if told.status == 503:
            response.headers["Retry-After"] = RETRY_AFTER_S
        if not request.content.is_eof():
            response.force_close()
        return response


def _case_of(visit: Visit, told: Told) -> str:
    """Return where the case is of which a page says that something went wrong; nowhere for who may not see it."""
    ref, route = visit.request.match_info.get("ref", ""), _CASES.get(visit.pages.name, "")
    if not (ref and route and told.status != 404 and visit.may(route)):
        return ""
    invited = visit.session is not None and visit.session.invitation is not None
    return visit.path("invited") if invited else visit.path(route, ref=ref)


_CASES: Mapping[str, str] = {"interior": "case", "board": "reply"}
"""The page of one case, by its desk."""


def give_cookie(response: web.StreamResponse, name: str, value: str, lasts_s: int | None = None) -> None:
    """Have the browser keep ``value`` for so many seconds, or for as long as it runs; no other site gets it sent."""
    response.set_cookie(name, value, max_age=lasts_s, secure=True, httponly=True, samesite="Strict", path="/")


def is_ours(name: str) -> bool:
    """Return whether a cookie of this name is of this host, and may be one that a desk gave."""
    return name.startswith("__Host-")


def set_session(response: web.StreamResponse, token: str) -> None:
    """Give the browser the token of its session, for as long as it runs."""
    give_cookie(response, COOKIE, token)


def _is_invited(invitation: Invitation, route: Route, request: web.Request) -> bool:
    """Tell whether an invitation reaches a page: one of its own case, or one that is everybody's who signed in."""
    ref = request.match_info.get("ref")
    return route.roles <= SIGNED_IN if ref is None else ref == invitation.ref


def _back(request: web.Request) -> str:
    """Return where to go on after signing in: the page asked for, or the one a form was on."""
    return request.path_qs


def _tokens(visit: Visit) -> tuple[str, str]:
    """Return the tokens that stood in the form: of the session, empty before there is one, and of the form itself."""
    return visit.forms.get("csrf", ""), visit.forms.get("once", "")


def _typed_in(visit: Visit) -> str:
    """Return a digest of who was named and by which code, in the browser of this ceremony; empty if it is of none."""
    browser, form = cookies.binding(visit.request, cookies.CEREMONY), visit.form
    return hashed("\n".join((browser, form.get("person", ""), form.get("code", "")))) if browser else ""


def _digest_of(visit: Visit, token: str) -> str:
    """Return a digest of what was posted where, but for what proves who it was: that is another at each click."""
    fields = [(name, text) for name, text in visit.forms.items() if name not in PROVING]
    files = [(name, hashlib.sha256(raw).hexdigest()) for name, raw in visit.uploads.items()]
    return hashed(repr((token, visit.request.path, fields, files)))


def _is_of(visit: Visit, session: Session) -> bool:
    """Tell whether the form that was posted is one that a page of ``session`` had."""
    return hmac.compare_digest(visit.forms.get("csrf", "").encode(), session.csrf.encode())


def _is_kept(error: Exception) -> bool:
    """Tell whether a form that came to nothing by ``error`` may be sent again by the same person."""
    if isinstance(error, BadForm):
        return error.code in ("text", "large", "slow", "changed")  # of any other it is not known whose it is
    return not isinstance(error, Forbidden | NotFound)
