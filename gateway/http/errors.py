"""
Problem documents (RFC 9457): what each door says when it does not do what was asked.

The peer door says a code of the protocol and nothing else; ``gateway.core.codes`` holds its bytes. The local door says
in plain words what is wrong and what to do, and quotes nothing that was sent: it may be somebody's name.
"""

import http
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.core.codes import PROBLEM_MEDIA_TYPE
from schemas import ijson

TYPE_PREFIX = "urn:isthmus:"
NEUTRAL_SERVER = "xg1"
"""What each door calls itself: the protocol, and no product or version."""


def http_problem(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a problem that says no more than its HTTP status does (type ``about:blank``)."""
    value = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status}
    return _response(status, value, headers)


def problem_of(error: web.HTTPException) -> web.Response:
    """Return ``http_problem`` for what aiohttp raised, with the methods that a path does take where it said them."""
    allow = error.headers.get("Allow")
    return http_problem(error.status, {"Allow": allow} if allow else None)


def local_problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    hint: str = "",
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return a problem of the local door: type ``urn:isthmus:<code>``, words for a person, and members in ``more``."""
    value: dict[str, Any] = {"type": TYPE_PREFIX + code, "title": title, "status": status, "detail": detail}
    if hint:
        value["hint"] = hint
    return _response(status, value | dict(more or {}), headers)


def _response(status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None) -> web.Response:
    return web.Response(status=status, body=ijson.dumps(value), content_type=PROBLEM_MEDIA_TYPE, headers=headers)


async def neutral_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Let nothing be kept by a cache, and name no version; a signal of each application."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Server"] = NEUTRAL_SERVER
