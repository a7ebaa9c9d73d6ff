"""
The way in by the State's own sign-on: OpenID Connect, authorization code flow with PKCE.

Rule 1: the browser brings back the state it was sent with, in the cookie it was sent with; once, within five minutes.
Rule 2: an answer is for us only if issuer, audience and nonce are the ones we asked with (OpenID Connect Core 3.1.3.7,
RFC 9207), signed under one of a few algorithms by a key that the issuer publishes.
Rule 3: the claim named in the configuration must be the id of a person there. What else the provider says about
somebody, roles above all, counts for nothing here.

Sign-on elsewhere proves who it is, not that the person is at this desk now: acts ask for a passkey or a code besides.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError

from gateway.services.accounts import Accounts
from gateway.web.signin.refused import Refused
from gateway.web.signin.sign_on import Provider, SignOn

USE: Final = "openid"
ALGORITHMS: Final = ["ES256", "Ed25519", "EdDSA", "PS256", "RS256"]
"""Signatures taken. None of them is a MAC under a secret that we hold ourselves, and ``none`` is not one."""

BACK: Final = "/sign-in/openid/back"
"""Where the provider sends the browser back to, at each desk."""

LEEWAY = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""

TOKEN_AGE_MAX = timedelta(minutes=10)


@dataclass(slots=True)
class OpenId:
    """The relying party at ``sign_on``. ``claim`` is the claim whose value is a person's id."""

    accounts: Accounts
    sign_on: SignOn
    claim: str = "preferred_username"

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self.sign_on.close()

    async def begin(self, origin: str, binding: str, now: datetime, *, back_to: str = "") -> str:
        """Return where to send the browser. ``origin`` is the desk's. Raises ``Unavailable``, ``Refused``."""
        provider = await self.sign_on.discover(now)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        more = {"nonce": nonce, "verifier": verifier, "origin": origin, "back_to": back_to}
        await self.accounts.make_challenge(state, USE, binding, now, more=more)
        query = {
            "response_type": "code",
            "client_id": self.sign_on.client_id,
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
        provider = await self.sign_on.discover(now)
        said = query.get("iss")
        if (said is None and provider.says_issuer) or (said is not None and said != self.sign_on.issuer):
            raise Refused("issuer")  # RFC 9207 section 2.4
        if "error" in query or not query.get("code"):
            raise Refused("provider-refused")
        token = await self._redeem(provider, query["code"], origin, kept["verifier"])
        claims = await self._verify(token, provider, kept["nonce"], now)
        return self._person(claims), kept["back_to"]

    async def _redeem(self, provider: Provider, code: str, origin: str, verifier: str) -> str:
        """Return the ID token for a code, sending the verifier that only we know (RFC 7636)."""
        status, document = await self.sign_on.exchange(provider, code, origin + BACK, verifier)
        token = document.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise Refused("code")
        return token

    async def _verify(self, token: str, provider: Provider, nonce: str, now: datetime) -> dict[str, Any]:
        """Return the claims of an ID token that holds, in the order of OpenID Connect Core 3.1.3.7."""
        claims = await self._signed(token, provider, now)
        # SPEC: The Issuer Identifier MUST exactly match the value of the iss (issuer) Claim.
        if claims.get("iss") != self.sign_on.issuer:
            raise Refused("issuer")
        # SPEC: The Client MUST validate that the aud (audience) Claim contains its client_id value. The ID Token MUST
        # be rejected if it contains additional audiences not trusted by the Client.
        audience = claims.get("aud")
        if audience not in (self.sign_on.client_id, [self.sign_on.client_id]):
            raise Refused("audience")
        if claims.get("azp", self.sign_on.client_id) != self.sign_on.client_id:
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
            keys = await self.sign_on.keys(provider, now, anew=anew)
            try:
                return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                failed = error
        raise Refused("signature") from failed

    def _person(self, claims: Mapping[str, Any]) -> str:
        """Return the id that the claim names, if it is a person's here."""
        id = claims.get(self.claim)
        if not isinstance(id, str) or id not in self.accounts.persons:
            raise Refused("person")
        if self.claim == "email" and claims.get("email_verified") is not True:
            raise Refused("person")
        return id


def _s256(verifier: str) -> str:
    """Return the challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _scope(claim: str) -> str:
    """Return the least scope in which the claim comes."""
    return {"sub": "openid", "email": "openid email"}.get(claim, "openid profile")


def _instant(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Refused("expired")
    return float(value)
