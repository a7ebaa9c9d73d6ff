"""
The door for a ministry's own system: JSON in, JSON out, one person behind every act.

Rule 1: a token names a person and a header the role; what that role may do is read from the state tables.
Rule 2: personal content leaves only to a desk, for a justification, and the look is recorded before it does (R-13).
Rule 3: an error says in plain words what is wrong and quotes nothing that was sent. Which rule refused is told to whom
it concerns (``gateway.services.audience``).
"""

import asyncio
import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from gateway.core.attachments import FILE_MAX_BYTES
from gateway.core.case import Case, Side, State
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.notices import grants
from gateway.core.reuse import DESK as HERE
from gateway.core.reuse import held_under, reuse_findings
from gateway.core.unseen import JOINERS
from gateway.core.verification import CLERK, OFFICER
from gateway.http import openapi
from gateway.http.errors import local_problem, neutral_headers, problem_of
from gateway.http.limits import Limits, Room, read_body
from gateway.http.local_problems import BadMediaType, BadRequest, NoToken, problem_for
from gateway.services import access, act_bodies, elsewhere, referral, rights
from gateway.services.acts import (
    ANYBODY,
    DESK,
    GONE,
    LISTS,
    RETURN_DESK,
    RETURN_PARTS,
    VERBS,
    Call,
    DeskServices,
    Verb,
    check_shown,
)
from gateway.services.as_json import (
    allowed_json,
    content_json,
    desk_json,
    made_json,
    pending_json,
    plain,
    preview_json,
    return_json,
    row_json,
)
from gateway.services.audience import find_after, find_row, list_cases, list_overdue
from gateway.services.clear import PREVIEWED
from gateway.services.context import Forbidden, NotFound, acting
from gateway.services.inquire import BoardRow, Place
from schemas import ijson

BODY_MAX_BYTES = 1 << 20
"""A case draft has a few kilobytes; its attachments are named by digest."""

ATTACHMENT_MAX_BYTES = FILE_MAX_BYTES * 4 // 3 + 1024
"""A body that brings a file: its base64url, and the little around it."""

_ONCE = re.compile(r'"([ !#-\[\]-~]{1,255})"')
"""An ``Idempotency-Key``: a String of RFC 9651 section 3.3.3 without escapes."""


@dataclass(frozen=True, slots=True)
class LocalServices:
    """What stands behind the door. ``tokens`` maps the SHA-256 of a token (hexadecimal) to the id of its person."""

    desk: DeskServices
    tokens: Mapping[str, str] = field(repr=False)


class _Door:
    def __init__(self, services: LocalServices) -> None:
        self._desk = services.desk
        self._tokens = services.tokens
        self._limits = Limits()
        self._room = Room(self._limits)
        self._document = ijson.dumps(openapi.document())
        self._handlers: Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
            "openapi": self._openapi,
            "preview": self._preview,
            "open": self._open,
            "exercise": self._exercise,
            "queue": self._queue,
            "overdue": self._overdue,
            "case": self._case,
            "settle": self._settle,
            "show": self._show,
            "return": self._return,
            "evidence": self._evidence,
            "account": self._account,
        }

    def handler(self, route: openapi.Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return what serves ``route``."""
        return self._handlers.get(route.name) or self._step(route.name, VERBS[route.name], route.request)

    # Reading a request.

    def _person(self, request: web.Request) -> str:
        """Return whose token came with the request. Raises ``NoToken``."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        digest = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
        # All are compared, each in constant time, so that the time tells nothing of which was close.
        found = [person for held, person in self._tokens.items() if hmac.compare_digest(held, digest)]
        if scheme.lower() != "bearer" or not token or not found:
            raise NoToken
        return found[0]

    def _roles(self, request: web.Request) -> frozenset[str]:
        """Return the roles of whose token came with the request; none if it names nobody."""
        try:
            known = self._desk.context.persons.get(self._person(request))
        except NoToken:
            return frozenset()
        return known.roles if known else frozenset()

    def _role(self, request: web.Request, person: str, allowed: frozenset[str]) -> str:
        """
        Return the role the person acts in: the one named, or the only one that fits.

        Raises ``Forbidden``, and ``BadRequest`` if several fit and none is named.
        """
        fitting, named = self._fitting(person, allowed), request.headers.get(openapi.ROLE_HEADER)
        if named is None and len(fitting) > 1:
            raise BadRequest(f"name the role you act in by the header {openapi.ROLE_HEADER}: {', '.join(fitting)}")
        if named is not None and named not in fitting:
            raise Forbidden("the role named is not yours, or may not do this", f"yours that may: {', '.join(fitting)}")
        return named or fitting[0]

    def _fitting(self, person: str, allowed: frozenset[str]) -> list[str]:
        """Return the person's roles that are ``allowed``, those of a desk first. Raises ``Forbidden`` if none is."""
        context = self._desk.context
        known = context.persons.get(person)
        fitting = sorted(known.roles & allowed, key=lambda role: (role not in DESK, role)) if known else []
        if not fitting:
            raise Forbidden("none of your roles may do this", "ask a person whose role may")
        acting(context, person, fitting[0], context.clock.now())
        return fitting

    async def _body(self, request: web.Request, schema: str | None) -> Mapping[str, Any]:
        """Return the body, checked by the schema the document shows. Raises what says why not."""
        most = ATTACHMENT_MAX_BYTES if schema == "Attachment" else BODY_MAX_BYTES
        with self._room.share() as share:
            raw = await read_body(request, most, self._limits.body_timeout_s, share)
        if schema is None and not raw.strip():
            return {}
        if request.content_type != openapi.MEDIA_TYPE or "Content-Encoding" in request.headers:
            raise BadMediaType
        value = ijson.loads(raw)
        if schema is None:
            if value:
                raise BadRequest("this step takes no body")
            return {}
        act_bodies.validate(schema, value)
        return value

    async def _writing(self, request: web.Request, allowed: frozenset[str], schema: str | None) -> Call:
        """Return a call that changes something or reckons with a body; its role must be clear."""
        person = self._person(request)
        role = self._role(request, person, allowed)
        return Call(person, role, request.match_info.get("ref", ""), await self._body(request, schema))

    def _reading(self, request: web.Request, allowed: frozenset[str]) -> Call:
        """Return a call that only looks; of several roles that fit, one of a desk is taken."""
        person = self._person(request)
        named = openapi.ROLE_HEADER in request.headers
        role = self._role(request, person, allowed) if named else self._fitting(person, allowed)[0]
        return Call(person, role, request.match_info.get("ref", ""), {})

    # What is not about one case.

    async def _openapi(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._document, content_type=openapi.MEDIA_TYPE)

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        call = await self._writing(request, OFFICER, "case-draft")
        return _json(preview_json(self._desk.clear.preview(call.body), None))

    async def _open(self, request: web.Request) -> web.StreamResponse:
        return await self._opened(request, exercise=False)

    async def _exercise(self, request: web.Request) -> web.StreamResponse:
        return await self._opened(request, exercise=True)

    async def _opened(self, request: web.Request, *, exercise: bool) -> web.StreamResponse:
        call = await self._writing(request, OFFICER, "case-draft")
        once = _once(request)
        ref = await self._desk.clear.new(call.body, call.person, call.role, exercise=exercise, once=once)
        return _json({"ref": ref}, status=201, headers={"Location": f"/v1/cases/{ref}"})

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        self._reading(request, LISTS)
        states = request.query.getall("state", [])
        if not all(state in State.__members__ for state in states):
            raise BadRequest("'state' names no state; the document lists them")
        limit, after = _page(request)
        roles, officer = self._roles(request), request.query.get("officer")
        rows = await list_cases(self._desk.inquiries, roles, states=states, officer=officer, limit=limit, after=after)
        return _json(_board_json(rows, limit, roles))

    async def _overdue(self, request: web.Request) -> web.StreamResponse:
        self._reading(request, LISTS)
        limit, after = _page(request)
        roles, now = self._roles(request), self._desk.context.clock.now()
        rows = await list_overdue(
            self._desk.inquiries, roles, now, partner=request.query.get("partner"), limit=limit, after=after
        )
        return _json(_board_json(rows, limit, roles))

    # One case.

    async def _case(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, ANYBODY)
        roles = self._roles(request)
        row = await find_row(self._desk.inquiries, call.ref, roles)
        why = _justification(request)
        of = (self._desk.context, call.ref, call.person, call.role)
        case, seen = None, ""
        if call.role in DESK and row.state not in GONE:
            seen = await access.stand(*of)
            case = await (access.look(*of, why=why) if why else access.glance(*of))
        if case and why and (purpose := request.query.get("purpose")):
            _check_use(case, purpose, self._desk.context.clock.now().date())
        counted = await referral.find(*of[:3], why) if case and why else None
        named = await elsewhere.find(*of[:3], why) if case and why else ()
        value = {
            "case": row_json(row, roles),
            "allowed": allowed_json(Side(row.side), State(row.state), roles),
            "desk": desk_json(case, shown=bool(why)) if case else None,
            "content": content_json(case, counted, named) if case and why else None,
        }
        return _json(value, headers=_tag(seen) if case else None)

    async def _settle(self, request: web.Request) -> web.StreamResponse:
        call = await self._writing(request, OFFICER, "Settled")
        row = await find_row(self._desk.inquiries, call.ref, {call.role})
        await referral.settle(self._desk.context, call.ref, call.body["why"], call.person, call.role)
        return _json({"ref": call.ref, "state": row.state})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, DESK)
        check_shown(await find_row(self._desk.inquiries, call.ref, {call.role}))
        why = _needed(_justification(request))
        of = (self._desk.context, call.ref, call.person, call.role)
        seen = await access.stand(*of)
        case = await access.look(*of, why=why, action="preview")
        if case.side is Side.REQUESTING and (case.pending is None or case.pending.type in PREVIEWED):
            preview, thread = await self._desk.clear.show(call.ref, call.person, call.role)
            return _json(preview_json(preview, thread), headers=_tag(seen))
        if case.pending is None:
            raise NotFound("nothing is prepared in this case")
        return _json(pending_json(case.pending, case.thread), headers=_tag(seen))

    async def _return(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, RETURN_DESK | frozenset(RETURN_PARTS))
        check_shown(await find_row(self._desk.inquiries, call.ref, {call.role}))
        why = _needed(_justification(request))
        of = (self._desk.context, call.ref, call.person, call.role)
        seen = await access.stand(*of)
        case = await access.look(*of, why=why)
        return _json(return_json(case, call.role), headers=_tag(seen))

    async def _evidence(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, OFFICER | CLERK | {"dpo"})
        why = _needed(_justification(request))
        raw = await self._desk.evidence(call.ref, call.person, call.role, why)
        return _json({"ref": call.ref, "zip": base64.b64encode(raw).decode("ascii")})

    async def _account(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, rights.READERS)
        why = _needed(_justification(request))
        made = await rights.account(self._desk.context, call.ref, call.person, call.role, why)
        return _json({"account": rights.account_json(made), "text": rights.account_text(made)})

    def _step(
        self, name: str, verb: Verb, schema: str | None
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def step(request: web.Request) -> web.StreamResponse:
            # Whoever may never take this step learns nothing about the case, not even that there is none.
            fitting = self._fitting(self._person(request), verb.anybody())
            roles = self._roles(request)
            row = await find_row(self._desk.inquiries, request.match_info["ref"], roles)
            if Side(row.side) not in verb.sides:
                raise IllegalStep(row.state, name, fitting[0])
            seen = _seen(request) if verb.compared else None
            call = replace(await self._writing(request, verb.roles(Side(row.side)), schema), seen=seen)
            made = await verb.act(self._desk, call)
            row = await find_after(self._desk.inquiries, row, roles)
            return _json({"ref": call.ref, "state": row.state, **made_json(made)})

        return step

    # Errors.

    @web.middleware
    async def plain(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Turn whatever is raised into a problem document."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            return problem_of(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            response = problem_for(error, self._roles(request))
            if response is None:
                self._desk.context.log("gateway.fault", error=type(error).__name__)
                response = local_problem(
                    500, "fault", "A fault of the gateway", "The gateway has logged what to look for."
                )
            if not request.content.is_eof():
                response.force_close()
            return response


# Reading parameters.


def _check_use(case: Case, purpose: str, today: date) -> None:
    """Raise ``RuleRefused`` if the re-use table does not let this desk use the content for ``purpose`` (R-05)."""
    found = reuse_findings(held_under(case), grants(case), purpose=purpose, body=HERE, today=today)
    if found:
        raise RuleRefused(found)


def _is_of_a_line(char: str) -> bool:
    """Tell whether ``char`` may stand in a line: the joiners of a spelling and the blanks of French do."""
    return char.isprintable() or char in JOINERS or unicodedata.category(char) == "Zs"


def _justification(request: web.Request) -> str:
    given = request.query.get("justification") or unquote(request.headers.get(openapi.JUSTIFICATION_HEADER, ""))
    text = given.strip()
    if len(text) > access.REASON_MAX or not all(map(_is_of_a_line, text)):
        raise BadRequest(f"a justification is one line of at most {access.REASON_MAX} characters")
    if text and len(text) < access.REASON_MIN:
        raise BadRequest("a justification says why, in words that whoever checks the log understands")
    return text


def _seen(request: web.Request) -> str | None:
    """Return the mark of the case that the caller read, ``None`` if they do not say (``If-Match``)."""
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    mark = given.removeprefix('"').removesuffix('"')
    if given != f'"{mark}"' or not mark.isascii() or '"' in mark:
        raise BadRequest("'If-Match' is the one 'ETag' that the case was read with")
    return mark


def _once(request: web.Request) -> str | None:
    """Return the key under which the request may come again, ``None`` if it has none (``Idempotency-Key``)."""
    given = request.headers.getall(openapi.ONCE_HEADER, [])
    if not given:
        return None
    found = _ONCE.fullmatch(given[0]) if len(given) == 1 else None
    if found is None:
        raise BadRequest(
            f"'{openapi.ONCE_HEADER}' is one text in quotes, such as \"8e03978e-40d5-43dd-bc93-6894a57f9324\""
        )
    return found[1]


def _needed(justification: str) -> str:
    if not justification:
        # Not in the address: it may name somebody, and an address is kept in the log of whatever stands between.
        hint = f"say why in the header {openapi.JUSTIFICATION_HEADER}, percent-encoded as UTF-8"
        raise Forbidden("personal content is shown for a justification only", hint)
    return justification


def _page(request: web.Request) -> tuple[int, Place | None]:
    """Return how many rows are asked for, and after which."""
    text = request.query.get("limit", "100")
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= openapi.LIMIT_MAX):
        raise BadRequest(f"'limit' is a number from 1 to {openapi.LIMIT_MAX}")
    after = request.query.get("after")
    if after is None:
        return int(text), None
    due, _, ref = after.partition("~")
    try:
        due_at = datetime.fromisoformat(due) if due else None
    except ValueError:
        raise BadRequest("'after' is the 'next' of the page before") from None
    if not ref or (due_at is not None and due_at.tzinfo is None):
        raise BadRequest("'after' is the 'next' of the page before")
    return int(text), Place(due_at, ref)


# Writing values.


def _tag(seen: str) -> Mapping[str, str]:
    """Return the header that says which state of the case was read (RFC 9110 section 8.8.3)."""
    return {"ETag": f'"{seen}"'}


def _json(value: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=ijson.dumps(value), content_type=openapi.MEDIA_TYPE, headers=headers)


def _board_json(rows: Sequence[BoardRow], limit: int, roles: Collection[str]) -> dict[str, Any]:
    place = rows[-1].place if len(rows) == limit else None
    after = None if place is None else f"{plain(place.due_at) or ''}~{place.ref}"
    return {"cases": [row_json(row, roles) for row in rows], "next": after}


def local_app(services: LocalServices) -> web.Application:
    """Return the application of the local API: every route of ``openapi.ROUTES`` and no other."""
    door = _Door(services)
    app = web.Application(middlewares=[door.plain])
    app.on_response_prepare.append(neutral_headers)
    for route in openapi.ROUTES:
        app.router.add_route(route.method, route.path, door.handler(route))
    return app
