"""
The State's own sign-on: OpenID Connect, authorization code flow with PKCE.

Rule 1: the browser brings back the state it was sent with, in the cookie it was sent with; once, within five minutes.
Rule 2: an answer is for us only if issuer, audience and nonce are the ones we asked with (OpenID Connect Core 3.1.3.7,
RFC 9207), signed under one of a few algorithms by a key that the issuer publishes.
Rule 3: the claim named in the configuration must be the id of a person there. What else the provider says about
somebody, roles above all, counts for nothing here.

Sign-on elsewhere proves who it is, not that the person is at this desk now: acts ask for a passkey or a code besides.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.services.accounts import Accounts
from gateway.services.ports import Unavailable
from gateway.settings import is_loopback
from gateway.web.signin.refused import Refused

USE: Final = "openid"
ALGORITHMS: Final = ["ES256", "Ed25519", "EdDSA", "PS256", "RS256"]
"""Signatures taken. None of them is a MAC under a secret that we hold ourselves, and ``none`` is not one."""

BACK: Final = "/sign-in/openid/back"
"""Where the provider sends the browser back to, at each desk."""

DOCUMENT_MAX_BYTES = 262_144
TIMEOUT_S = 10.0
DISCOVERY_LASTS = timedelta(hours=1)
REFETCH_EVERY = timedelta(seconds=30)
"""How often keys are fetched anew because a token names one that is not known: not as often as somebody can ask."""

LEEWAY = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""

TOKEN_AGE_MAX = timedelta(minutes=10)


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
class OpenId:
    """
    The relying party. ``claim`` is the claim whose value is a person's id.

    ``issuer`` is compared letter by letter, and its addresses are https but on loopback.
    """

    accounts: Accounts
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    claim: str = "preferred_username"
    _provider: Provider | None = None
    _keys: KeySet | None = None
    _keys_at: datetime | None = None
    _client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections to the provider."""
        if self._client is not None:
            await self._client.close()

    async def begin(self, origin: str, binding: str, now: datetime, *, back_to: str = "") -> str:
        """Return where to send the browser. ``origin`` is the desk's. Raises ``Unavailable``, ``Refused``."""
        provider = await self._discover(now)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        more = {"nonce": nonce, "verifier": verifier, "origin": origin, "back_to": back_to}
        await self.accounts.make_challenge(state, USE, binding, now, more=more)
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": origin + BACK,
            "scope": _scope(self.claim),
            "state": state,
            "nonce": nonce,
            "code_challenge": _s256(verifier),
            "code_challenge_method": "S256",
        }
        return f"{provider.authorization}{'&' if '?' in provider.authorization else '?'}{urlencode(query)}"

    async def finish(self, query: Mapping[str, str], origin: str, binding: str, now: datetime) -> tuple[str, str]:
        """
        Return the id of the person that the provider's answer is about, and where to go on.

        Raises ``Refused``, and ``Unavailable`` if the provider cannot be reached.
        """
        kept = await self.accounts.take_challenge(query.get("state", ""), USE, binding, now)
        if kept is None or kept["origin"] != origin:
            raise Refused("state")
        provider = await self._discover(now)
        said = query.get("iss")
        if (said is None and provider.says_issuer) or (said is not None and said != self.issuer):
            raise Refused("issuer")  # RFC 9207 section 2.4
        if "error" in query or not query.get("code"):
            raise Refused("provider-refused")
        token = await self._redeem(provider, query["code"], origin, kept["verifier"])
        claims = await self._verify(token, provider, kept["nonce"], now)
        return self._person(claims), kept["back_to"]

    async def _redeem(self, provider: Provider, code: str, origin: str, verifier: str) -> str:
        """Return the ID token for a code, sending the verifier that only we know (RFC 7636)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": origin + BACK,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        if provider.basic:
            # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        status, document = await self._fetch("POST", provider.token, data=form, headers=headers)
        token = document.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise Refused("code")
        return token

    async def _verify(self, token: str, provider: Provider, nonce: str, now: datetime) -> dict[str, Any]:
        """Return the claims of an ID token that holds, in the order of OpenID Connect Core 3.1.3.7."""
        claims = await self._signed(token, provider, now)
        # SPEC: The Issuer Identifier MUST exactly match the value of the iss (issuer) Claim.
        if claims.get("iss") != self.issuer:
            raise Refused("issuer")
        # SPEC: The Client MUST validate that the aud (audience) Claim contains its client_id value. The ID Token MUST
        # be rejected if it contains additional audiences not trusted by the Client.
        audience = claims.get("aud")
        if audience not in (self.client_id, [self.client_id]):
            raise Refused("audience")
        if claims.get("azp", self.client_id) != self.client_id:
            raise Refused("audience")
        # SPEC: The current time MUST be before the time represented by the exp Claim.
        expires, issued = _instant(claims.get("exp")), _instant(claims.get("iat"))
        if now.timestamp() >= expires + LEEWAY.total_seconds():
            raise Refused("expired")
        # SPEC: The iat Claim can be used to reject tokens that were issued too far away from the current time.
        age = now.timestamp() - issued
        if not -LEEWAY.total_seconds() <= age <= TOKEN_AGE_MAX.total_seconds():
            raise Refused("expired")
        # SPEC: If a nonce value was sent in the Authentication Request, a nonce Claim MUST be present and its value
        # checked to verify that it is the same value as the one that was sent.
        given = claims.get("nonce")
        if not isinstance(given, str) or not secrets.compare_digest(given.encode(), nonce.encode()):
            raise Refused("nonce")
        return claims

    async def _signed(self, token: str, provider: Provider, now: datetime) -> dict[str, Any]:
        """Return the claims of a token whose signature verifies; a key that is not known is looked for once more."""
        for anew in (False, True):
            keys = await self._published(provider, now, anew=anew)
            try:
                return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                failed = error
        raise Refused("signature") from failed

    async def _published(self, provider: Provider, now: datetime, *, anew: bool) -> KeySet:
        """Return the provider's keys, fetched again if ``anew`` and not just fetched."""
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

    async def _discover(self, now: datetime) -> Provider:
        """Return what the provider says of itself, read at most an hour ago."""
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

    def _person(self, claims: Mapping[str, Any]) -> str:
        """Return the id that the claim names, if it is a person's here."""
        id = claims.get(self.claim)
        if not isinstance(id, str) or id not in self.accounts.persons:
            raise Refused("person")
        if self.claim == "email" and claims.get("email_verified") is not True:
            raise Refused("person")
        return id


def _address(value: object) -> str:
    """Return an address of the provider if it is https, or on loopback. Raises ``Unavailable``."""
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    near = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not near:
        raise Unavailable("an address of the sign-on is not https", "check desks.openid.issuer")
    return parts.geturl()


def _s256(verifier: str) -> str:
    """Return the challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _scope(claim: str) -> str:
    """Return the least scope in which the claim comes."""
    return {"sub": "openid", "email": "openid email"}.get(claim, "openid profile")


def _is_signing(key: Any) -> bool:
    """Tell whether a published key is a public one for signatures; a secret one has no place there."""
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"


def _instant(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Refused("expired")
    return float(value)
