"""
What ties a ceremony to the browser it began in, before there is a session.

The value in the cookie is random and stands nowhere else; its SHA-256 is the binding of the challenge. The one of
OpenID Connect must come along when another site leads back here, so it is ``Lax``; the other is ``Strict``.
"""

import secrets

from aiohttp import web

from gateway.services.account_store import CHALLENGE_LASTS, hashed

CEREMONY = "__Host-sign-in"
OPENID = "__Host-openid"

_SAME_SITE = {CEREMONY: "Strict", OPENID: "Lax"}
_LASTS_S = int(CHALLENGE_LASTS.total_seconds())


def binding(request: web.Request, name: str) -> str:
    """Return the binding of the cookie ``name``; an empty text, which no challenge is bound to, if there is none."""
    value = request.cookies.get(name, "")
    return hashed(value) if value else ""


def new_value() -> str:
    """Return a new value for a cookie."""
    return secrets.token_urlsafe(32)


def give(response: web.StreamResponse, name: str, value: str) -> None:
    """Let the browser keep ``value`` for as long as a challenge lasts."""
    response.set_cookie(name, value, max_age=_LASTS_S, secure=True, httponly=True, samesite=_SAME_SITE[name], path="/")


def take_away(response: web.StreamResponse, name: str) -> None:
    """Let the browser forget the cookie."""
    response.set_cookie(name, "", max_age=0, secure=True, httponly=True, samesite=_SAME_SITE[name], path="/")
