"""
The door for a ministry's own system: JSON in, JSON out, one person behind every act.

Rule 1: a token names a person and a header the role; what that role may do is read from the state tables.
Rule 2: personal content leaves only to a desk, for a justification, and the look is recorded before it does (R-13).
Rule 3: an error says in plain words what is wrong and quotes nothing that was sent.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from aiohttp import web

from gateway.core.case import Case, Pending, Side, State
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.messages import (
    ACCEPTANCE,
    DOCUMENT,
    DOCUMENT_REQUEST,
    HANDOVER,
    MONITORING,
    REISSUE,
    REPLY,
    SCHEDULE,
)
from gateway.core.notices import grants
from gateway.core.preview import Preview
from gateway.core.returns import IN_CHARGE, RETURN_STATES
from gateway.core.reuse import DESK as HERE
from gateway.core.reuse import held_under, reuse_findings
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS, table_for
from gateway.core.verification import ANSWERING, CLERK, OFFICER
from gateway.http import openapi
from gateway.http.errors import http_problem, local_problem, neutral_headers
from gateway.http.limits import BodyTooLarge, BodyTooSlow, Limits, Overloaded, Room, read_body
from gateway.services import cases, person_stop, rights
from gateway.services.answer import Answer
from gateway.services.clear import Clear
from gateway.services.context import Context, Forbidden, NotFound, acting
from gateway.services.hold import MAY_TELL_APART, Hold
from gateway.services.inquire import BoardRow, Inquiries, Place
from gateway.services.notices import Notices
from gateway.services.ports import Conflict, Tx, Unavailable
from gateway.services.remind import Reminder
from gateway.services.returning import APPROVAL as RETURN_APPROVAL
from gateway.services.returning import Protocol, Returning
from schemas import SchemaError, ijson

BODY_MAX_BYTES = 1 << 20
"""A case draft has a few kilobytes; its attachments are named by digest."""

JUSTIFICATION_MAX = 400

DESK = OFFICER | CLERK | {"second_signer"}
"""Roles that may see personal content, for a justification."""

LISTS = DESK | {"foreign_affairs", "child_welfare", "dpo"}
"""Roles that may see lists of cases, in which there is no identity. Others ask for a case they know of."""


@dataclass(frozen=True, slots=True)
class LocalServices:
    """
    What stands behind the door. ``tokens`` maps the SHA-256 of a token (hexadecimal) to the id of its person.

    ``evidence(ref, person, role, why)`` returns the zip that proves a case, without personal content, and records the
    look itself.
    """

    context: Context
    clear: Clear
    answer: Answer
    hold: Hold
    notices: Notices
    returning: Returning
    reminder: Reminder
    inquiries: Inquiries
    tokens: Mapping[str, str] = field(repr=False)
    evidence: Callable[[str, str, str, str], Awaitable[bytes]]


class BadRequest(Exception):
    """A parameter or header is missing or is none; says which, and what to do."""


class NoToken(Exception):
    """No token, or one that names nobody; which of the two is not said."""


class BadMediaType(Exception):
    """The body is not sent as JSON."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may be served: who acts in which role, on which case (empty: on none), with what body."""

    person: str
    role: str
    ref: str
    body: Mapping[str, Any]


Act = Callable[[LocalServices, Call], Awaitable[Preview | Pending | Protocol | None]]


@dataclass(frozen=True, slots=True)
class Verb:
    """
    One step a person takes: the ``events`` of the state tables it may bring, on which sides, and what does it.

    ``only`` names the roles that may, where the gateway itself brings the event after persons have decided; empty, they
    are those of the tables. ``states`` names where an event that several verbs bring is this one's; empty, everywhere.
    """

    events: frozenset[str]
    sides: frozenset[Side]
    act: Act
    only: frozenset[str] = frozenset()
    states: frozenset[State] = frozenset()

    def roles(self, side: Side) -> frozenset[str]:
        """Return every role that may bring one of its events on ``side``, in whatever state."""
        rows = REQUESTING_ROWS if side is Side.REQUESTING else REQUESTED_ROWS
        found = frozenset(role for row in rows if row.event in self.events for role in row.who)
        return found & self.only if self.only else found

    def anybody(self) -> frozenset[str]:
        """Return every role that may bring one of its events on some side."""
        return frozenset(role for side in self.sides for role in self.roles(side))


def _close(services: LocalServices, call: Call) -> Awaitable[None]:
    desk = services.clear if call.role in OFFICER else services.answer
    return desk.close(call.ref, call.person, call.role)


def _freeze(services: LocalServices, call: Call) -> Awaitable[None]:
    return services.hold.freeze(call.ref, call.body["reason"], call.person, call.role, call.body.get("protection"))


async def _tell_apart(services: LocalServices, call: Call) -> None:
    await services.hold.tell_apart(call.ref, call.body["why"], call.person, call.role)


def _correct(services: LocalServices, call: Call) -> Awaitable[None]:
    return services.hold.correct(call.ref, call.body["elements"], call.body["why"], call.person, call.role)


def _attest(services: LocalServices, call: Call) -> Awaitable[None]:
    return services.hold.attest(call.ref, call.body["protection"], call.body["why"], call.person, call.role)


def _ask(services: LocalServices, call: Call) -> Awaitable[None]:
    return services.answer.ask(call.ref, list(call.body["elements"]), call.body["candidates"], call.person, call.role)


def _delay(services: LocalServices, call: Call) -> Awaitable[None]:
    return services.answer.delay(call.ref, call.body["reason"], call.body["eta"], call.person, call.role)


def _redirect(services: LocalServices, call: Call) -> Awaitable[None]:
    named, reason = call.body["authority"]["id"], call.body["reason"]
    return services.answer.redirect(call.ref, named, reason, call.person, call.role)


def _prepare_interview(services: LocalServices, call: Call) -> Awaitable[Pending]:
    answer = {name: call.body[name] for name in ("present", "on")}
    return services.clear.prepare_interview(call.ref, answer, call.body["consent"], call.person, call.role)


def _ask_onward(services: LocalServices, call: Call) -> Awaitable[None]:
    purpose, recipient = call.body["purpose"], call.body["recipient"]
    return services.notices.ask_onward(call.ref, purpose, recipient, call.person, call.role)


def _answer_onward(services: LocalServices, call: Call) -> Awaitable[None]:
    number, until = call.body["number"], call.body["until"]
    return services.notices.answer_onward(call.ref, number, until, call.person, call.role)


def _rectify(services: LocalServices, call: Call) -> Awaitable[Pending]:
    parts, elements = call.body["parts"], call.body["elements"]
    return services.notices.prepare_rectification(call.ref, parts, elements, call.person, call.role)


def _confirm(services: LocalServices, call: Call) -> Awaitable[None]:
    number, result = call.body["number"], call.body["result"]
    return services.notices.confirm(call.ref, number, result, call.person, call.role)


async def _approve(services: LocalServices, call: Call) -> None:
    """Approve what is prepared: of a verification, or of a return."""
    row = await services.inquiries.find_case(call.ref)
    desk = services.returning if row is not None and row.state in RETURN_STATES else services.clear
    await desk.approve(call.ref, call.body["statement"], call.person, call.role)


def _returning(act: Callable[[Returning, Mapping[str, Any]], Callable[..., Awaitable[Any]]], *names: str) -> Act:
    """Return what takes a step of a return: the method that ``act`` names, with these members of the body."""

    async def step(services: LocalServices, call: Call) -> Preview | Pending | Protocol | None:
        given = [call.body[name] for name in names] if names != _WHOLE else [call.body]
        made: Pending | Protocol | None = await act(services.returning, call.body)(
            call.ref, *given, person=call.person, role=call.role
        )
        return made

    return step


_WHOLE = ("",)
"""In place of members: the body itself."""

_ASKING = frozenset({Side.REQUESTING})
_ASKED = frozenset({Side.REQUESTED})
_BOTH = _ASKING | _ASKED


def _verb(events: str, sides: frozenset[Side], act: Act, states: frozenset[State] = frozenset()) -> Verb:
    return Verb(frozenset(events.split()), sides, act, states=states)


_OF_A_RETURN: Mapping[str, Verb] = {
    # The side that proposes.
    "consideration": _verb("consider", _ASKING, _returning(lambda r, b: r.consider, *_WHOLE)),
    "record": _verb("record", _ASKING, _returning(lambda r, b: r.record, *_WHOLE)),
    "assessment": _verb("assess", _ASKING, _returning(lambda r, b: r.assess)),
    "decline": _verb("decline", _ASKING, _returning(lambda r, b: r.decline)),
    "reassessment": _verb("reassess", _ASKING, _returning(lambda r, b: r.reassess)),
    "proposal": _verb("prepare", _ASKING, _returning(lambda r, b: r.prepare, *_WHOLE), frozenset({State.ASSESSED})),
    "endorsement": _verb("endorse", _ASKING, _returning(lambda r, b: r.endorse, "statement")),
    "propose": _verb("propose", _ASKING, _returning(lambda r, b: r.propose)),
    "decision": _verb("decide", _ASKING, _returning(lambda r, b: r.decide)),
    "document": _verb(
        "prepare", _ASKING, _returning(lambda r, b: r.prepare_document, "needed_by"), frozenset({State.DECIDED})
    ),
    "document-request": _verb("request_document", _ASKING, _returning(lambda r, b: r.request_document)),
    "schedule": _verb("schedule", _ASKING, _returning(lambda r, b: r.schedule, *_WHOLE)),
    "cancellation": _verb("cancel", _ASKING, _returning(lambda r, b: r.cancel)),
    "departure": _verb("depart", _ASKING, _returning(lambda r, b: partial(r.depart, arrives_at=b.get("arrives_at")))),
    "handover": _verb("hand_over", _ASKING, _returning(lambda r, b: r.hand_over, "protocol", "statement")),
    "returned": _verb("returned", _ASKING, _returning(lambda r, b: r.returned)),
    # Either side.
    "protocol": _verb("hand_over confirm_handover", _BOTH, _returning(lambda r, b: r.protocol, "protocol")),
    "recall": _verb(
        "recall",
        _BOTH,
        _returning(lambda r, b: partial(r.recall, protection=b.get("protection")), "reason", "code", "by"),
    ),
    "suspension": _verb("suspend", _BOTH, _returning(lambda r, b: r.suspend, "reason")),
    # The side that accepts.
    "acceptance": _verb(
        "prepare", _ASKED, _returning(lambda r, b: r.prepare_acceptance, *_WHOLE), frozenset({State.PROPOSED})
    ),
    "accept": _verb("accept", _ASKED, _returning(lambda r, b: r.accept, "statement")),
    "refusal": _verb("refuse", _ASKED, _returning(lambda r, b: r.refuse, "reason")),
    "issue": _verb("issue", _ASKED, _returning(lambda r, b: r.issue, *_WHOLE)),
    "reissue": _verb("reissue_document", _ASKED, _returning(lambda r, b: r.reissue, *_WHOLE)),
    "handover-confirmation": _verb(
        "confirm_handover", _ASKED, _returning(lambda r, b: r.confirm_handover, "statement")
    ),
    "report": _verb(
        "report report_safe report_concern report_lost",
        _ASKED,
        _returning(lambda r, b: r.report, "status", "on", "final"),
    ),
}


VERBS: Mapping[str, Verb] = {
    "amend": _verb("amend", _ASKING, lambda s, c: s.clear.amend(c.ref, c.body, c.person, c.role)),
    "approval": _verb("approve", _ASKING, _approve),
    "send": _verb("send", _ASKING, lambda s, c: s.clear.send(c.ref, c.person, c.role)),
    "elements": _verb(
        "prepare", _ASKING, lambda s, c: s.clear.prepare(c.ref, c.person, c.role), frozenset({State.NEEDS_TIER2})
    ),
    "contest": _verb("contest", _ASKING, lambda s, c: s.clear.contest(c.ref, c.body["ground"], c.person, c.role)),
    "reminder": _verb("remind", _ASKING, lambda s, c: s.reminder.remind(c.ref, c.person, c.role)),
    "discard": _verb("discard", _ASKING, lambda s, c: s.clear.close(c.ref, c.person, c.role, "discard")),
    "freeze": _verb("freeze", _BOTH, _freeze),
    "release": _verb("release", _BOTH, lambda s, c: s.hold.release(c.ref, c.person, c.role)),
    "resume": _verb("propose_resume resume", _BOTH, lambda s, c: s.hold.resume(c.ref, c.person, c.role)),
    "apart": Verb(frozenset({"release"}), _ASKING, _tell_apart, MAY_TELL_APART),
    "correction": _verb("correct", _ASKING, _correct),
    "attestation": _verb("attest", _ASKING, _attest),
    "withdraw": _verb("withdraw", _ASKING, lambda s, c: s.hold.withdraw(c.ref, c.person, c.role)),
    "close": _verb("close", _BOTH, _close),
    "redirect": _verb("redirect", _ASKED, _redirect),
    "interview": _verb("ask_interview", _ASKED, lambda s, c: s.answer.ask_interview(c.ref, c.body, c.person, c.role)),
    "interview-consent": _verb("prepare", _ASKING, _prepare_interview),
    "interview-agreement": _verb(
        "interview_answer", _ASKING, lambda s, c: s.clear.agree_interview(c.ref, c.person, c.role)
    ),
    "interview-refusal": _verb(
        "decline_interview", _ASKING, lambda s, c: s.clear.decline_interview(c.ref, c.person, c.role)
    ),
    "interview-result": _verb(
        "report_interview", _ASKED, lambda s, c: s.answer.report_interview(c.ref, c.body, c.person, c.role)
    ),
    "use-question": _verb("ask_use", _BOTH, lambda s, c: s.notices.ask_use(c.ref, c.person, c.role)),
    "use-report": _verb("report_use", _BOTH, lambda s, c: s.notices.report_use(c.ref, c.body, c.person, c.role)),
    "onward-question": _verb("ask_onward", _BOTH, _ask_onward),
    "onward-answer": _verb("answer_onward", _BOTH, _answer_onward),
    "strike": _verb("strike", _BOTH, lambda s, c: s.notices.strike(c.ref, c.body["parts"], c.person, c.role)),
    "rectification": _verb("prepare_rectification", _ASKING, _rectify),
    "rectification-approval": _verb(
        "rectify", _ASKING, lambda s, c: s.notices.rectify(c.ref, c.body["statement"], c.person, c.role)
    ),
    "erasure-demand": _verb("demand_erasure", _BOTH, lambda s, c: s.notices.demand_erasure(c.ref, c.person, c.role)),
    "confirmation": _verb("confirm", _BOTH, _confirm),
    "destruction": _verb("destroy", _BOTH, lambda s, c: s.notices.destroy(c.ref, c.body["number"], c.person, c.role)),
    "acknowledge": _verb("acknowledge", _ASKED, lambda s, c: s.answer.acknowledge(c.ref, c.person, c.role)),
    "question": _verb("ask", _ASKED, _ask),
    "delay": _verb("notify_delay", _ASKED, _delay),
    "extension": _verb("extend", _ASKED, lambda s, c: s.answer.extend(c.ref, c.body["reason"], c.person, c.role)),
    "reply": _verb(
        "prepare", _ASKED, lambda s, c: s.answer.prepare(c.ref, c.body, c.person, c.role), frozenset(ANSWERING)
    ),
    "countersignature": _verb(
        "countersign", _ASKED, lambda s, c: s.answer.countersign(c.ref, c.body["statement"], c.person)
    ),
    "answer": _verb("answer", _ASKED, lambda s, c: s.answer.answer(c.ref, c.person, c.role)),
    **_OF_A_RETURN,
}
"""Every step that is taken through ``POST /v1/cases/{ref}/<verb>``."""


class _Door:
    def __init__(self, services: LocalServices, limits: Limits) -> None:
        self._services = services
        self._limits = limits
        self._room = Room(limits)
        self._document = ijson.dumps(openapi.document())
        self._handlers: Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
            "openapi": self._openapi,
            "preview": self._preview,
            "open": self._open,
            "exercise": self._exercise,
            "queue": self._queue,
            "overdue": self._overdue,
            "case": self._case,
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
        found = [person for held, person in self._services.tokens.items() if hmac.compare_digest(held, digest)]
        if scheme.lower() != "bearer" or not token or not found:
            raise NoToken
        return found[0]

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
        context = self._services.context
        known = context.persons.get(person)
        fitting = sorted(known.roles & allowed, key=lambda role: (role not in DESK, role)) if known else []
        if not fitting:
            raise Forbidden("none of your roles may do this", "ask a person whose role may")
        acting(context, person, fitting[0], context.clock.now())
        return fitting

    async def _body(self, request: web.Request, schema: str | None) -> Mapping[str, Any]:
        """Return the body, checked by the schema the document shows. Raises what says why not."""
        with self._room.share() as share:
            raw = await read_body(request, BODY_MAX_BYTES, self._limits.body_timeout_s, share)
        if schema is None and not raw.strip():
            return {}
        if request.content_type != openapi.MEDIA_TYPE or "Content-Encoding" in request.headers:
            raise BadMediaType
        value = ijson.loads(raw)
        if schema is None:
            if value:
                raise BadRequest("this step takes no body")
            return {}
        openapi.validate(schema, value)
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
        return _json(preview_json(self._services.clear.preview(call.body), None))

    async def _open(self, request: web.Request) -> web.StreamResponse:
        call = await self._writing(request, OFFICER, "case-draft")
        ref = await self._services.clear.new(call.body, call.person, call.role)
        return _json({"ref": ref}, status=201, headers={"Location": f"/v1/cases/{ref}"})

    async def _exercise(self, request: web.Request) -> web.StreamResponse:
        call = await self._writing(request, OFFICER, "case-draft")
        ref = await self._services.clear.new(call.body, call.person, call.role, exercise=True)
        return _json({"ref": ref}, status=201, headers={"Location": f"/v1/cases/{ref}"})

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        self._reading(request, LISTS)
        states = request.query.getall("state", [])
        if not all(state in State.__members__ for state in states):
            raise BadRequest("'state' names no state; the document lists them")
        limit, after = _page(request)
        rows = await self._services.inquiries.cases(
            states=states, officer=request.query.get("officer"), limit=limit, after=after
        )
        return _json(_board_json(rows, limit))

    async def _overdue(self, request: web.Request) -> web.StreamResponse:
        self._reading(request, LISTS)
        limit, after = _page(request)
        now = self._services.context.clock.now()
        rows = await self._services.inquiries.board(
            partner=request.query.get("partner"), overdue_at=now, limit=limit, after=after
        )
        return _json(_board_json(rows, limit))

    # One case.

    async def _case(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, _ANYBODY)
        row = await self._row(call.ref)
        why = _justification(request)
        case = await self._look(call, why, "view") if call.role in DESK and row.state not in _GONE else None
        if case and why and (purpose := request.query.get("purpose")):
            _check_use(case, purpose, self._services.context.clock.now().date())
        roles = self._services.context.persons[call.person].roles
        value = {
            "case": row_json(row),
            "allowed": allowed_json(Side(row.side), State(row.state), roles),
            "desk": desk_json(case) if case else None,
            "content": content_json(case) if case and why else None,
        }
        return _json(value)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, DESK)
        if (await self._row(call.ref)).state in _GONE:
            raise NotFound("the case is blocked or erased; its content is not shown")
        case = await self._look(call, _needed(_justification(request)), "preview")
        if case.side is Side.REQUESTING and (case.pending is None or case.pending.type not in RETURN_APPROVAL):
            preview, thread = await self._services.clear.show(call.ref, call.person, call.role)
            return _json(preview_json(preview, thread))
        if case.pending is None:
            raise NotFound("nothing is prepared in this case")
        return _json(pending_json(case.pending, case.thread))

    async def _return(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, RETURN_DESK | frozenset(RETURN_PARTS))
        if (await self._row(call.ref)).state in _GONE:
            raise NotFound("the case is blocked or erased; its content is not shown")
        return _json(return_json(await self._look(call, _needed(_justification(request)), "view"), call.role))

    async def _evidence(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, OFFICER | CLERK | {"dpo"})
        why = _needed(_justification(request))
        raw = await self._services.evidence(call.ref, call.person, call.role, why)
        return _json({"ref": call.ref, "zip": base64.b64encode(raw).decode("ascii")})

    async def _account(self, request: web.Request) -> web.StreamResponse:
        call = self._reading(request, rights.READERS)
        why = _needed(_justification(request))
        made = await rights.account(self._services.context, call.ref, call.person, call.role, why)
        return _json({"account": rights.account_json(made), "text": rights.account_text(made)})

    def _step(
        self, name: str, verb: Verb, schema: str | None
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def step(request: web.Request) -> web.StreamResponse:
            # Whoever may never take this step learns nothing about the case, not even that there is none.
            fitting = self._fitting(self._person(request), verb.anybody())
            row = await self._row(request.match_info["ref"])
            if Side(row.side) not in verb.sides:
                raise IllegalStep(row.state, name, fitting[0])
            call = await self._writing(request, verb.roles(Side(row.side)), schema)
            made = await verb.act(self._services, call)
            value: dict[str, Any] = {"ref": call.ref, "state": (await self._row(call.ref)).state}
            if made is not None:
                value["prepared"] = prepared_json(made)
            return _json(value)

        return step

    async def _row(self, ref: str) -> BoardRow:
        row = await self._services.inquiries.find_case(ref)
        if row is None:
            raise NotFound("there is no such case here")
        return row

    async def _look(self, call: Call, why: str, action: str) -> Case:
        """Return the case; with a reason ``why``, only after the look is recorded durably."""
        context = self._services.context
        now = context.clock.now()

        async def unit(tx: Tx) -> Case:
            held = await cases.load(context, tx, call.ref)
            await rights.check_representing(tx, held, call.person, call.role)
            if why:
                await cases.record_access(context, tx, held, call.person, action, why, now)
            return held.case

        if not why:
            return await context.store.read(unit)
        case: Case = (await context.commit(unit)).value
        return case

    # Errors.

    @web.middleware
    async def plain(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Turn whatever is raised into a problem document."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            allow = error.headers.get("Allow")
            return http_problem(error.status, {"Allow": allow} if allow else None)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            response = problem_for(error)
            if response is None:
                self._services.context.log("gateway.fault", error=type(error).__name__)
                response = local_problem(
                    500, "fault", "A fault of the gateway", "The gateway has logged what to look for."
                )
            if not request.content.is_eof():
                response.force_close()
            return response


_ANYBODY = LISTS | frozenset(role for verb in VERBS.values() for role in verb.anybody())
"""Everyone who may bring some event may see that a case exists and where it stands."""

_GONE = frozenset({State.BLOCKED.value, State.ERASED.value})
"""States whose content no desk sees any more."""

_RETRY = {"Retry-After": "2"}


def problem_for(error: Exception) -> web.Response | None:
    """Return the problem document for ``error``, or ``None`` if it is a fault of ours."""
    match error:
        case SchemaError():
            places = [{"pointer": one.pointer, "text": one.text} for one in error.problems]
            detail = "The body does not fit its schema; 'problems' lists where."
            return local_problem(422, "schema", "Not as the schema demands", detail, more={"problems": places})
        case ijson.BadJson():
            return local_problem(400, "bad-json", "Not strict JSON", f"The body cannot be read: {error.reason}.")
        case BadRequest():
            return local_problem(400, "bad-request", "Not a request of this API", str(error))
        case NoToken():
            detail = "Send 'Authorization: Bearer TOKEN' with a token of a person of this gateway."
            headers = {"WWW-Authenticate": "Bearer"}
            return local_problem(401, "no-token", "Who is asking?", detail, headers=headers)
        case Forbidden():
            return local_problem(403, "forbidden", "Not yours to do", str(error), hint=error.hint)
        case NotFound():
            return local_problem(404, "not-found", "No such case", str(error))
        case IllegalStep():
            hint = "GET the case: 'allowed' lists the steps you may take now"
            return local_problem(409, "illegal-step", "Not a step of this case now", str(error), hint=hint)
        case RuleRefused():
            more = {"findings": [asdict(finding) for finding in error.findings]}
            return local_problem(422, "rule-refused", "A rule refuses", "'findings' says which and why.", more=more)
    return _problem_for_carriage(error)


def _problem_for_carriage(error: Exception) -> web.Response | None:
    """Return the problem document for what went wrong with the request itself, or with the time it came at."""
    match error:
        case Conflict():
            detail = "The case changed meanwhile; read it again."
            return local_problem(409, "conflict", "Changed meanwhile", detail, headers=_RETRY)
        case Unavailable():
            return local_problem(503, "later", "Not now", str(error), hint=error.hint, headers=_RETRY)
        case Overloaded():
            return local_problem(503, "later", "Not now", "Too many requests at once.", headers=_RETRY)
        case BodyTooLarge():
            return local_problem(413, "too-large", "Too large", f"A body has at most {BODY_MAX_BYTES} bytes.")
        case BodyTooSlow():
            return local_problem(408, "too-slow", "Too slow", "The body did not arrive in time.")
        case BadMediaType():
            detail = "Send the body as application/json, not encoded."
            return local_problem(415, "media-type", "Not JSON", detail)
    return None


# Reading parameters.


def _check_use(case: Case, purpose: str, today: date) -> None:
    """Raise ``RuleRefused`` if the re-use table does not let this desk use the content for ``purpose`` (R-05)."""
    found = reuse_findings(held_under(case), grants(case), purpose=purpose, body=HERE, today=today)
    if found:
        raise RuleRefused(found)


def _justification(request: web.Request) -> str:
    given = request.query.get("justification") or request.headers.get(openapi.JUSTIFICATION_HEADER) or ""
    text = given.strip()
    if len(text) > JUSTIFICATION_MAX or not text.isprintable():
        raise BadRequest(f"a justification is one line of at most {JUSTIFICATION_MAX} characters")
    return text


def _needed(justification: str) -> str:
    if not justification:
        raise Forbidden("personal content is shown for a justification only", "add ?justification=... to the request")
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


def _json(value: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=ijson.dumps(value), content_type=openapi.MEDIA_TYPE, headers=headers)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def row_json(row: BoardRow) -> dict[str, Any]:
    """Return a row of a list as JSON values; it has no field for an identity."""
    return {name: _plain(value) for name, value in asdict(row).items()}


def _board_json(rows: Any, limit: int) -> dict[str, Any]:
    place = rows[-1].place if len(rows) == limit else None
    after = None if place is None else f"{_plain(place.due_at) or ''}~{place.ref}"
    return {"cases": [row_json(row) for row in rows], "next": after}


def preview_json(preview: Preview, thread: str | None) -> dict[str, Any]:
    """Return a preview as JSON values; ``thread`` is named by the statement that approves it."""
    return {
        "type": preview.type,
        "body": preview.body,
        "digest": preview.digest,
        "thread": thread,
        "lines": [asdict(line) for line in preview.lines],
        "findings": [asdict(finding) for finding in preview.findings],
    }


def pending_json(pending: Pending, thread: str | None) -> dict[str, Any]:
    """Return a body prepared by the requested desk as JSON values, in the form of a preview."""
    return {
        "type": pending.type,
        "body": pending.body,
        "digest": pending.digest,
        "thread": thread,
        "lines": [],
        "findings": [],
    }


def prepared_json(made: Preview | Pending | Protocol) -> dict[str, Any]:
    """Return what a step prepared as JSON values."""
    match made:
        case Preview():
            return preview_json(made, None)
        case Pending():
            return pending_json(made, None)
        case Protocol(body, digest, thread):
            return pending_json(Pending(HANDOVER, body, digest, ""), thread)


def allowed_json(side: Side, state: State, roles: frozenset[str]) -> list[dict[str, Any]]:
    """Return the steps that somebody with ``roles`` may take in ``state``, each with the roles that may take it."""
    table = table_for(side)
    events = {role: frozenset(table.events(state, role)) for role in sorted(roles)}
    found = []
    for name, verb in VERBS.items():
        here = side in verb.sides and (not verb.states or state in verb.states)
        fitting = [role for role, brought in events.items() if here and brought & verb.events]
        if fitting:
            found.append({"verb": name, "roles": fitting})
    return found


def desk_json(case: Case) -> dict[str, Any]:
    """Return what a desk sees of a case without a justification: nothing of the person."""
    pending = case.pending
    return {
        "thread": case.thread,
        "purpose": case.purpose,
        "clocks": [clock.to_dict() for clock in case.clocks],
        "findings": list(case.findings),
        "pending": pending and {name: getattr(pending, name) for name in ("type", "digest", "author", "approver")},
        "contests": case.contests,
        "exercise": case.exercise,
        "notices": [asdict(notice) for notice in case.notices],
    }


RETURN_DESK = DESK | IN_CHARGE | {"guardian", "lawyer", "court"}
"""Roles that see the whole of a return."""

RETURN_PARTS: Mapping[str, frozenset[str]] = {
    "escort": frozenset({SCHEDULE, HANDOVER}),
    "reception": frozenset({ACCEPTANCE, SCHEDULE, HANDOVER, MONITORING}),
    "document_issuer": frozenset({DOCUMENT_REQUEST, DOCUMENT, REISSUE}),
}
"""What the others see of it: the messages that their act is about."""


def return_json(case: Case, role: str) -> dict[str, Any]:
    """Return what ``role`` sees of the return: record, what was said, who signed until when, what is prepared."""
    whole = role in RETURN_DESK
    pending = case.pending if whole and case.pending and case.pending.type != REPLY else None
    return {
        "thread": case.thread,
        "record": case.record if whole else None,
        "said": {type: body for type, body in case.said.items() if whole or type in RETURN_PARTS[role]},
        "releases": [
            {"authority": one.authority, "kind": one.kind, "role": one.role, "valid_until": one.valid_until}
            for one in case.releases
        ],
        "prepared": pending_json(pending, case.thread) if pending else None,
    }


def content_json(case: Case) -> dict[str, Any]:
    """Return the personal content of a case."""
    return {
        "draft": case.draft,
        "received": case.received,
        "asked": list(case.asked),
        "reply": case.reply,
        "delay": case.delay,
        "held": list(person_stop.reasons(case)),
        "interview": case.interview,
    }


def local_app(services: LocalServices, *, limits: Limits | None = None) -> web.Application:
    """Return the application of the local API: every route of ``openapi.routes`` and no other."""
    door = _Door(services, limits or Limits())
    app = web.Application(middlewares=[door.plain])
    app.on_response_prepare.append(neutral_headers)
    for route in openapi.ROUTES:
        app.router.add_route(route.method, route.path, door.handler(route))
    return app
