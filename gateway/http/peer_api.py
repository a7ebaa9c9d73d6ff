"""
The door for partners: a few paths, bytes in, bytes out (``docs/protocol.md`` section 1).

Rule 1: size, media type and encoding are checked here, in the order of section 5.1; everything else is the services'.
Rule 2: whatever goes wrong, a partner sees a code of the protocol or a bare HTTP status, and the same bytes for each.
Rule 3: no answer tells a version, and none may be kept by a cache.
Rule 4: whoever breaks the protocol is told so once and let go: what else waits on that connection is not read.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Any, Protocol

import structlog
from aiohttp import web

from gateway.core import envelope, wire
from gateway.core.codes import PeerError, Reason
from gateway.core.cosign import CONFLICT_MAX_BYTES, CONFLICT_MEDIA_TYPE, SUBMISSION_MAX_BYTES, Said
from gateway.http.errors import http_problem, neutral_headers, problem_of
from gateway.http.limits import (
    BodyTooLarge,
    BodyTooSlow,
    Limits,
    Overloaded,
    Room,
    Share,
    TokenBuckets,
    address_group,
    read_body,
)
from gateway.http.turns import know
from gateway.services.ports import Conflict, Unavailable
from gateway.services.receive import Reply, problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FAULTS = frozenset({400, 404, 405, 413, 429})
"""Statuses no partner gets that keeps to the protocol, or to its share; the other refusals pass with time."""

NOT_HERE = frozenset({Reason.HTTP_BODY_TIMEOUT, Reason.DRAINING})
"""Why a body never came whole, or found no room: anybody can bring that about, so it is counted as no answer."""

CONTINUATION = "/xg/1/log/{origin:[0-9a-f]{64}}/{size:[1-9][0-9]{0,15}}/{root:[0-9a-f]{64}}/{to:[1-9][0-9]{0,15}}"


class Receiving(Protocol):
    """What takes in envelopes; ``gateway.services.receive.Receiver`` does."""

    async def receive(self, raw: bytes) -> Reply:
        """Take in one envelope."""
        ...

    async def collect(self, raw: bytes) -> Reply:
        """Answer one sealed ``collect``."""
        ...


class TakingAnswers(Protocol):
    """What takes an answer to a message of ours; ``gateway.services.deliver.Deliverer`` does."""

    async def take_answer(self, raw: bytes) -> None:
        """Take one answer. Raises ``PeerError``."""
        ...


class Watching(Protocol):
    """What watches logs and answers for ours; ``gateway.services.witness.Witness`` does."""

    async def add_checkpoint(self, raw: bytes) -> Said:
        """Answer ``add-checkpoint`` of tlog-witness."""
        ...

    async def take_conflict(self, raw: bytes) -> Said:
        """Take two notes that are said to convict the keeper of a log."""
        ...

    async def continuation(self, origin_hash: bytes, size: int, root: bytes, to: int) -> Said:
        """Answer what continues a checkpoint of one of our logs."""
        ...


class _Door:
    def __init__(
        self,
        receiver: Receiving,
        deliverer: TakingAnswers,
        watch: Watching | None,
        log: Callable[..., None],
        limits: Limits,
        answered: Counter[int],
    ) -> None:
        self._receiver = receiver
        self._deliverer = deliverer
        self._watch = watch
        self._log = log
        self._limits = limits
        self._answered = answered
        self._room = Room(limits)
        self._buckets = TokenBuckets(limits.requests_per_minute)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        with self._room.share() as share:
            raw = await self._read(request, share, envelope.MEDIA_TYPE, self._limits.envelope_max_bytes)
            return _answered(request, await self._receiver.receive(raw))

    async def collect(self, request: web.Request) -> web.StreamResponse:
        with self._room.share() as share:
            raw = await self._read(request, share, envelope.MEDIA_TYPE, self._limits.envelope_max_bytes)
            return _answered(request, await self._receiver.collect(raw))

    async def answers(self, request: web.Request) -> web.StreamResponse:
        with self._room.share() as share:
            raw = await self._read(request, share, wire.ANSWER_MEDIA_TYPE, wire.ANSWER_MAX_BYTES)
            await self._deliverer.take_answer(raw)
            know(request.transport)
            return web.Response(status=204)

    async def add_checkpoint(self, request: web.Request) -> web.StreamResponse:
        with self._room.share() as share:
            raw = await self._read(request, share, None, SUBMISSION_MAX_BYTES)
            return _said(await self._watching().add_checkpoint(raw))

    async def conflicts(self, request: web.Request) -> web.StreamResponse:
        with self._room.share() as share:
            raw = await self._read(request, share, CONFLICT_MEDIA_TYPE, CONFLICT_MAX_BYTES)
            return _said(await self._watching().take_conflict(raw))

    async def continuation(self, request: web.Request) -> web.StreamResponse:
        if self._buckets.take(address_group(request.remote), asyncio.get_running_loop().time()):
            raise PeerError(Reason.HTTP_RATE)
        if "?" in request.raw_path:
            raise PeerError(Reason.HTTP_MEDIA_TYPE)
        part = request.match_info
        origin, root = bytes.fromhex(part["origin"]), bytes.fromhex(part["root"])
        return _said(await self._watching().continuation(origin, int(part["size"]), root, int(part["to"])))

    def _watching(self) -> Watching:
        if self._watch is None:
            raise web.HTTPNotFound
        return self._watch

    async def _read(self, request: web.Request, share: Share, media_type: str | None, most: int) -> bytes:
        """Return the body, checked as far as it can be before it is opened: section 5.1, steps 1 and 2."""
        if self._buckets.take(address_group(request.remote), asyncio.get_running_loop().time()):
            raise PeerError(Reason.HTTP_RATE)
        if (request.content_length or 0) > most:
            raise PeerError(Reason.HTTP_TOO_LARGE)
        # The format of a witness names no media type for what it is shown, so that one path takes any.
        if request.headers.get("Content-Type") != (media_type or request.headers.get("Content-Type")):
            raise PeerError(Reason.HTTP_MEDIA_TYPE)
        if "?" in request.raw_path:
            raise PeerError(Reason.HTTP_MEDIA_TYPE)
        if "Content-Encoding" in request.headers:
            raise PeerError(Reason.HTTP_CONTENT_ENCODING)
        return await read_body(request, most, self._limits.body_timeout_s, share)

    @web.middleware
    async def neutral(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn whatever is raised into the protocol's answer; a fault of ours is ``later`` and an alarm."""
        bound = structlog.contextvars.bind_contextvars(request=secrets.token_hex(8))
        reason: Reason | None = None
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = problem_of(error)
        except Exception as error:
            reason = self._reason(error)
            self._log("request.refused", reason=str(reason))
            response = _response(problem(PeerError(reason)))
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        if reason not in NOT_HERE:
            self._answered[response.status] += 1
        if response.status in FAULTS or not request.content.is_eof():
            response.force_close()
        return response

    def _reason(self, error: Exception) -> Reason:
        match error:
            case PeerError():
                return error.reason
            case BodyTooLarge():
                return Reason.HTTP_TOO_LARGE
            case BodyTooSlow():
                return Reason.HTTP_BODY_TIMEOUT
            case Overloaded():
                return Reason.DRAINING
            case Unavailable():
                self._log("store.unavailable", error=type(error).__name__, hint=error.hint)
                return Reason.STORE_UNAVAILABLE
            case Conflict():
                return Reason.STORE_CONFLICT
            case _:
                # Its text may quote a message; its type is enough to find it, and the services log the step.
                self._log("gateway.fault", error=type(error).__name__)
                return Reason.STORE_UNAVAILABLE


def _answered(request: web.Request, reply: Reply) -> web.Response:
    """Return ``reply`` as a response; where it is an answer, it was a partner who asked."""
    if reply.status == 200:
        know(request.transport)
    return _response(reply)


def _response(reply: Reply) -> web.Response:
    headers = {"Content-Type": reply.media_type}
    if reply.retry_after_s is not None:
        headers["Retry-After"] = str(ceil(reply.retry_after_s))
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _said(said: Said) -> web.StreamResponse:
    """Return what a witness says; where it says no more than a status, the problem of that status."""
    if not said.media_type and said.status >= 400:
        return http_problem(said.status)
    headers = {"Content-Type": said.media_type} if said.media_type else None
    return web.Response(status=said.status, body=said.body or None, headers=headers)


def peer_app(
    receiver: Receiving,
    deliverer: TakingAnswers,
    *,
    log: Callable[..., None],
    limits: Limits | Mapping[str, Any] | None = None,
    watch: Watching | None = None,
    answered: Counter[int] | None = None,
) -> web.Application:
    """
    Return the application that partners reach. Without ``watch`` nothing is cosigned: those paths say 404.

    ``limits`` are ``Limits`` or the section of that name in a configuration. ``log(event, **values)`` gets
    ``request.refused`` with the local reason, and ``gateway.fault`` with the type of an error nobody expected.
    ``answered`` counts the answers by HTTP status, but for those to bodies that are ``NOT_HERE``.
    """
    bounds = limits if isinstance(limits, Limits) else Limits.of(limits or {})
    door = _Door(receiver, deliverer, watch, log, bounds, Counter() if answered is None else answered)
    app = web.Application(middlewares=[door.neutral])
    app.on_response_prepare.append(neutral_headers)
    app.router.add_post("/xg/1/messages", door.messages)
    app.router.add_post("/xg/1/collect", door.collect)
    app.router.add_post("/xg/1/answers", door.answers)
    app.router.add_post("/xg/1/log/add-checkpoint", door.add_checkpoint)
    app.router.add_post("/xg/1/log/conflicts", door.conflicts)
    app.router.add_get(CONTINUATION, door.continuation, allow_head=False)
    return app
