"""
What every answer of a desk says to the browser: load nothing from elsewhere, run nothing written into a page, keep
nothing, show the page in no frame, tell nobody where one came from.
"""

from collections.abc import Mapping

from aiohttp import web

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

PICTURE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Of a picture: no script, no form, no origin of its own."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
    "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Server": "xg1",
}
"""Strict-Transport-Security counts only where the page came over TLS; browsers ignore it otherwise (RFC 6797)."""


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every answer; a signal of each application."""
    response.headers.update(HEADERS)
    if response.content_type == "image/jpeg":
        # A picture opened by itself is a page of its own, and has even less to do than one of ours.
        response.headers["Content-Security-Policy"] = PICTURE_POLICY
    response.headers.setdefault("Cache-Control", "no-store")
