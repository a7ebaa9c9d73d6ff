"""
An OpenID provider on loopback: oauthlib's code flow with PKCE and nonce, and HTTP around it.

``faults`` are set by a test and make it wrong in one way: a claim changed, an algorithm, another issuer.
"""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from aiohttp import ClientSession, web
from joserfc import jwt
from joserfc.jwk import ECKey
from oauthlib.openid import RequestValidator, Server

from keys import b64

CLIENT, SECRET = "isthmus", "a secret of the test / with signs"


@dataclass
class Grant:
    """What was granted with one code."""

    person: str
    redirect: str
    nonce: str
    challenge: str
    method: str


@dataclass
class Provider:
    """The provider, running: its address, who signs in there, what it does wrong, and what it was asked."""

    now: datetime
    issuer: str = ""
    person: str = "officer"
    redirects: str = "https://interior.example"
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    claims: dict[str, Any] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    said_issuer: str | None = None
    algorithm: str = "ES256"
    signing: Any = None
    grants: dict[str, Grant] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    async def visit(self, address: str, **changes: str) -> dict[str, str]:
        """Do what a browser does with the address it was sent to; return what it brings back in the query."""
        async with ClientSession() as browser, browser.get(address, allow_redirects=False) as answer:
            assert 302 == answer.status, await answer.text()
            query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
        return {**query, **changes}

    def token(self, claims: dict[str, Any]) -> str:
        """Return an ID token of ``claims`` as the faults have it."""
        header = {"alg": self.algorithm, "kid": (self.signing or self.key).kid}
        if self.algorithm == "none":
            return ".".join(b64.encode(json.dumps(part).encode()) for part in (header, claims)) + "."
        return jwt.encode(header, claims, self.signing or self.key, algorithms=[self.algorithm])


class _Rules(RequestValidator):  # type: ignore[misc]  # oauthlib has no types
    """What oauthlib asks about clients and codes."""

    def __init__(self, provider: Provider) -> None:
        self._own = provider

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **more: Any) -> bool:
        return client_id == CLIENT

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **more: Any) -> bool:
        return redirect_uri == f"{self._own.redirects}/sign-in/openid/back"

    def validate_response_type(self, client_id: str, response_type: str, *args: Any, **more: Any) -> bool:
        return response_type == "code"

    def validate_scopes(self, client_id: str, scopes: list[str], *args: Any, **more: Any) -> bool:
        return "openid" in scopes

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return True

    def validate_silent_login(self, request: Any) -> bool:
        return True

    def validate_silent_authorization(self, request: Any) -> bool:
        return True

    def validate_user_match(self, id_token_hint: str, scopes: Any, claims: Any, request: Any) -> bool:
        return True

    def save_authorization_code(self, client_id: str, code: dict[str, str], request: Any, *args: Any) -> None:
        self._own.grants[code["code"]] = Grant(
            self._own.person, request.redirect_uri, request.nonce, request.code_challenge, request.code_challenge_method
        )

    def client_authentication_required(self, request: Any, *args: Any, **more: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **more: Any) -> bool:
        kind, _, pair = request.headers.get("Authorization", "").partition(" ")
        id, _, secret = base64.b64decode(pair).decode().partition(":")
        request.client = type("Client", (), {"client_id": CLIENT})()
        return (kind, unquote(id), unquote(secret)) == ("Basic", CLIENT, SECRET)

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any) -> bool:
        grant = self._own.grants.get(code)
        request.user, request.scopes = grant and grant.person, ["openid"]
        return grant is not None

    def get_code_challenge(self, code: str, request: Any) -> str:
        return self._own.grants[code].challenge

    def get_code_challenge_method(self, code: str, request: Any) -> str:
        return self._own.grants[code].method

    def confirm_redirect_uri(self, client_id: str, code: str, redirect_uri: str, *args: Any, **more: Any) -> bool:
        return redirect_uri == self._own.grants[code].redirect

    def validate_grant_type(self, client_id: str, grant_type: str, *args: Any, **more: Any) -> bool:
        return grant_type == "authorization_code"

    def get_authorization_code_scopes(self, client_id: str, code: str, redirect_uri: str, request: Any) -> list[str]:
        return ["openid"]

    def get_authorization_code_nonce(self, client_id: str, code: str, redirect_uri: str, request: Any) -> str:
        return self._own.grants[code].nonce

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **more: Any) -> None:
        """Keep no access token: nobody asks for anything with one."""

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **more: Any) -> None:
        del self._own.grants[code]

    def finalize_id_token(self, id_token: dict[str, Any], token: Any, handler: Any, request: Any) -> str:
        at = int(self._own.now.timestamp())
        claims = {**id_token, "iss": self._own.issuer, "sub": "1", "iat": at, "exp": at + 300}
        claims |= {"preferred_username": request.user, **self._own.claims}
        return self._own.token({name: value for name, value in claims.items() if name not in self._own.gone})


@asynccontextmanager
async def provider(now: datetime) -> AsyncIterator[Provider]:
    """Run a provider on loopback."""
    own = Provider(now)
    server = Server(_Rules(own))

    async def describe(request: web.Request) -> web.Response:
        own.asked.append("metadata")
        said = {
            "issuer": own.issuer,
            "authorization_endpoint": f"{own.issuer}/authorize",
            "token_endpoint": f"{own.issuer}/token",
            "jwks_uri": f"{own.issuer}/keys",
        }
        return web.json_response({**said, **own.metadata})

    async def keys(request: web.Request) -> web.Response:
        own.asked.append("keys")
        return web.json_response({"keys": [own.key.as_dict(private=False)]})

    async def authorize(request: web.Request) -> web.Response:
        uri = str(request.url)
        scopes, found = server.validate_authorization_request(uri, "GET")
        headers, body, status = server.create_authorization_response(uri, "GET", scopes=scopes, credentials=found)
        if own.said_issuer is not None:
            headers["Location"] += f"&iss={own.said_issuer}"
        return web.Response(status=status, headers=headers, text=body)

    async def token(request: web.Request) -> web.Response:
        own.asked.append("token")
        found = server.create_token_response(
            str(request.url).replace("http:", "https:"), "POST", await request.text(), dict(request.headers)
        )
        headers, body, status = found
        return web.Response(status=status, headers=headers, text=body)

    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", describe)
    app.router.add_get("/keys", keys)
    app.router.add_get("/authorize", authorize)
    app.router.add_post("/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    own.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield own
    finally:
        await runner.cleanup()
