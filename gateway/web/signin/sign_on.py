"""
What the State's own sign-on says of itself, and how it is asked: its description, its keys, the exchange of a code.

Its addresses are https but on loopback, and no redirection is followed.
"""

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.services.ports import Unavailable
from gateway.settings import is_loopback, split

DOCUMENT_MAX_BYTES = 262_144
TIMEOUT_S = 10.0
DISCOVERY_LASTS = timedelta(hours=1)
REFETCH_EVERY = timedelta(seconds=30)
"""How often keys are fetched anew because a token names one that is not known: not as often as somebody can ask."""

NOT_KNOWN = frozenset({"invalid_client", "unauthorized_client"})
"""What a provider says to a client that it does not know, or whose secret is not, or no longer, the right one."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What the provider says of itself (OpenID Connect Discovery)."""

    authorization: str
    token: str
    jwks: str
    says_issuer: bool
    basic: bool
    read_at: datetime


@dataclass(slots=True)
class SignOn:
    """The provider, and who we are there. ``issuer`` is compared letter by letter."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    _provider: Provider | None = None
    _keys: KeySet | None = None
    _keys_at: datetime | None = None
    _client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections to the provider."""
        if self._client is not None:
            await self._client.close()

    async def try_out(self, back: str, now: datetime) -> None:
        """
        Do what signing in takes of the provider, without anybody who signs in; ``back`` is where people are sent back.

        The code that is exchanged is made up: the provider refuses it, but not us. Raises ``Unavailable`` where nobody
        could sign in.
        """
        provider = await self.discover(now)
        await self.keys(provider, now, anew=False)
        status, document = await self.exchange(provider, secrets.token_urlsafe(32), back, secrets.token_urlsafe(32))
        if status == 401 or document.get("error") in NOT_KNOWN:
            hint = "see with whoever runs it that desks.openid.client_id is right, and whether the secret has ended"
            raise Unavailable("the sign-on does not take our client and secret", hint)
        if status >= 500 or "error" not in document:  # RFC 6749 section 5.2: what refuses a code says by a code why
            raise Unavailable("the sign-on does not say what it makes of a code", "ask whoever runs it")

    async def exchange(self, provider: Provider, code: str, back: str, verifier: str) -> tuple[int, dict[str, Any]]:
        """Return status and answer of the provider to a code. Raises ``Unavailable``."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        headers = {"Accept": "application/json"}
        if provider.basic:
            # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        return await self._fetch("POST", provider.token, data=form, headers=headers)

    async def keys(self, provider: Provider, now: datetime, *, anew: bool) -> KeySet:
        """Return the provider's keys, fetched again if ``anew`` and not just fetched. Raises ``Unavailable``."""
        # What a clock fetched that was ahead is as old as it lies ahead.
        age = None if self._keys_at is None else abs(now - self._keys_at)
        if self._keys is None or age is None or age >= (REFETCH_EVERY if anew else DISCOVERY_LASTS):
            status, document = await self._fetch("GET", provider.jwks)
            if status != 200:
                raise Unavailable("the sign-on does not publish its keys", "ask whoever runs it")
            try:
                self._keys = KeySet.import_key_set({"keys": [key for key in document["keys"] if _is_signing(key)]})
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise Unavailable("the keys of the sign-on cannot be read", "ask whoever runs it") from error
            self._keys_at = now
        return self._keys

    async def discover(self, now: datetime) -> Provider:
        """Return what the provider says of itself, read at most an hour ago. Raises ``Unavailable``."""
        if self._provider is not None and abs(now - self._provider.read_at) < DISCOVERY_LASTS:
            return self._provider
        status, document = await self._fetch("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:
            raise Unavailable("the sign-on does not describe itself", "check desks.openid.issuer")
        # SPEC (Discovery 4.3): The issuer value returned MUST be identical to the Issuer URL that was used as the
        # prefix to /.well-known/openid-configuration to retrieve the configuration information.
        if document.get("issuer") != self.issuer:
            raise Unavailable("the sign-on says it is another issuer", "check desks.openid.issuer")
        ways = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self._provider = Provider(
            _address(document.get("authorization_endpoint")),
            _address(document.get("token_endpoint")),
            _address(document.get("jwks_uri")),
            document.get("authorization_response_iss_parameter_supported") is True,
            "client_secret_basic" in ways,
            now,
        )
        return self._provider

    async def _fetch(self, method: str, address: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """Return status and JSON object of an answer of the provider; redirections are not followed."""
        if self._client is None:
            limit = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._client = aiohttp.ClientSession(timeout=limit, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._client.request(method, _address(address), allow_redirects=False, **more) as response:
                raw = bytearray()
                async for part in response.content.iter_chunked(65_536):
                    raw += part
                    if len(raw) > DOCUMENT_MAX_BYTES:
                        raise Unavailable("the sign-on sends more than it should", "ask whoever runs it")
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            hint = "see that the gateway reaches desks.openid.issuer; people sign in by their other means"
            raise Unavailable("the sign-on cannot be reached", hint) from error
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError):
            document = None
        return status, document if isinstance(document, dict) else {}


def _address(value: object) -> str:
    """Return an address of the provider if it is https, or on loopback. Raises ``Unavailable``."""
    parts = split(value) if isinstance(value, str) else None
    near = parts is not None and parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts is None or (parts.scheme != "https" and not near):
        raise Unavailable("an address of the sign-on is not https", "check desks.openid.issuer")
    return parts.geturl()


def _is_signing(key: Any) -> bool:
    """Tell whether a published key is a public one for signatures; a secret one has no place there."""
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
