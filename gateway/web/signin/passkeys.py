"""
Passkeys (WebAuthn level 3): enrolling one, and proving presence with it.

Rule 1: user verification is required everywhere; a stolen key without its PIN or finger is not its person.
Rule 2: a challenge is drawn here, kept here, and taken once, for one use, by the browser or session it was made for.
Rule 3: the relying party is the host name of the one desk; a passkey of one desk is none at another.
Rule 4: signing in begins with no name (the authenticator knows whose it is), so it cannot tell which persons exist.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_authenticator_data,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.services.account_store import CHALLENGE_LASTS, TOKEN_BYTES, Passkey, Session
from gateway.services.accounts import Accounts
from gateway.web.signin.refused import Refused
from keys import b64

CREDENTIAL_MAX_CHARS = 16_384
"""The longest response of an authenticator that is read: a registration with a chain of certificates has some 6,000."""

PASSKEYS_MAX = 10
NAME_MAX_CHARS = 60

ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,  # all that older devices with a TPM have
]

_TIMEOUT_MS = int(CHALLENGE_LASTS.total_seconds() * 1000)
_TRANSPORTS = frozenset({"usb", "nfc", "ble", "internal", "hybrid", "smart-card"})


@dataclass(frozen=True, slots=True)
class Asserted:
    """An assertion that holds: whose passkey it is by, what was kept with its challenge, and its parts as they came."""

    passkey: Passkey
    kept: Mapping[str, Any]
    challenge: str
    authenticator_data: bytes
    client_data: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Passkeys:
    """The ceremonies of one desk, whose address is ``origin``."""

    accounts: Accounts
    origin: str
    desk: str

    @property
    def rp_id(self) -> str:
        """Return the relying party: the host name of the desk."""
        return urlsplit(self.origin).hostname or ""

    async def enrol_options(self, session: Session, now: datetime) -> str:
        """Return the options of ``navigator.credentials.create`` as JSON, for the person of ``session``."""
        raw = self.accounts.random.bytes(TOKEN_BYTES)
        known = await self.accounts.passkeys(session.person)
        options = webauthn.generate_registration_options(
            rp_id=self.rp_id,
            rp_name=self.rp_id,
            user_id=self.accounts.user_handle(session.person),
            user_name=session.person,
            challenge=raw,
            timeout=_TIMEOUT_MS,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=b64.decode(one.id)) for one in known],
            supported_pub_key_algs=ALGORITHMS,
        )
        await self.accounts.make_challenge(b64.encode(raw), "enrol", session.id, now, person=session.person)
        return webauthn.options_to_json(options)

    async def enrol(self, session: Session, credential: str, name: str, now: datetime) -> Passkey:
        """Keep the passkey that ``credential`` (JSON) registers. Raises ``Refused``, ``Conflict``, ``Forbidden``."""
        parsed = _parse_registration(credential)
        challenge = _challenge_of(parsed.response.client_data_json)
        kept = await self.accounts.take_challenge(challenge, "enrol", session.id, now)
        if kept is None or kept["person"] != session.person:
            raise Refused("challenge")
        if len(await self.accounts.passkeys(session.person)) >= PASSKEYS_MAX:
            raise Refused("too-many")
        try:
            verified = webauthn.verify_registration_response(
                credential=parsed,
                expected_challenge=b64.decode(challenge),
                expected_rp_id=self.rp_id,
                expected_origin=self.origin,
                require_user_verification=True,
                supported_pub_key_algs=ALGORITHMS,
            )
        except WebAuthnException as error:
            raise Refused("registration") from error
        transports = tuple(one.value for one in parsed.response.transports or () if one.value in _TRANSPORTS)
        made = Passkey(
            b64.encode(verified.credential_id),
            session.person,
            verified.credential_public_key,
            verified.sign_count,
            transports,
            name[:NAME_MAX_CHARS],
            now,
        )
        await self.accounts.add_passkey(made, self.desk, now, session=session)
        return made

    async def options(
        self, use: str, binding: str, now: datetime, *, person: str | None = None, raw: bytes = b"", more: Any = None
    ) -> str:
        """
        Return the options of ``navigator.credentials.get`` as JSON, and keep its challenge for ``use``.

        With ``person`` only their passkeys are asked for; that is for whoever has signed in. ``raw`` is the challenge
        where it is made of something (32 bytes), and ``more`` what its end will need.
        """
        challenge = raw or self.accounts.random.bytes(TOKEN_BYTES)
        known = await self.accounts.passkeys(person) if person is not None else ()
        options = webauthn.generate_authentication_options(
            rp_id=self.rp_id,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=[PublicKeyCredentialDescriptor(id=b64.decode(one.id)) for one in known],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        await self.accounts.make_challenge(b64.encode(challenge), use, binding, now, person=person, more=more)
        return webauthn.options_to_json(options)

    async def verify(self, use: str, binding: str, credential: str, now: datetime) -> Asserted:
        """
        Return the assertion in ``credential`` (JSON) if it holds for a challenge of this use and binding.

        The challenge is taken whatever comes of it. Raises ``Refused``.
        """
        parsed = _parse_assertion(credential)
        response = parsed.response
        challenge = _challenge_of(response.client_data_json)
        kept = await self.accounts.take_challenge(challenge, use, binding, now)
        if kept is None:
            raise Refused("challenge")
        passkey = await self.accounts.find_passkey(b64.encode(parsed.raw_id))
        if passkey is None or kept["person"] not in (None, passkey.person):
            raise Refused("credential")
        # WebAuthn level 3, 7.2 step 6: without a name beforehand the handle says whose it is, and both must agree.
        expected = self.accounts.user_handle(passkey.person)
        if response.user_handle != expected and (kept["person"] is None or response.user_handle is not None):
            raise Refused("user-handle")
        try:
            count = webauthn.verify_authentication_response(
                credential=parsed,
                expected_challenge=b64.decode(challenge),
                expected_rp_id=self.rp_id,
                expected_origin=self.origin,
                credential_public_key=passkey.key,
                credential_current_sign_count=passkey.count,
                require_user_verification=True,
            ).new_sign_count
        except WebAuthnException as error:
            raise Refused(_why(parsed, passkey)) from error
        if not await self.accounts.passkey_used(passkey, count, now):
            raise Refused("counter")
        return Asserted(
            passkey, kept, challenge, response.authenticator_data, response.client_data_json, response.signature
        )


def _parse_registration(text: str) -> RegistrationCredential:
    try:
        return parse_registration_credential_json(_bounded(text))
    except (WebAuthnException, ValueError, TypeError, RecursionError) as error:
        raise Refused("malformed") from error


def _parse_assertion(text: str) -> AuthenticationCredential:
    try:
        return parse_authentication_credential_json(_bounded(text))
    except (WebAuthnException, ValueError, TypeError, RecursionError) as error:
        raise Refused("malformed") from error


def _bounded(text: str) -> str:
    if len(text) > CREDENTIAL_MAX_CHARS:
        raise Refused("malformed")
    return text


def _challenge_of(client_data: bytes) -> str:
    """Return the challenge (base64url) that ``client_data`` answers; from within a frame of another site it is none."""
    try:
        said = json.loads(client_data)
        challenge = said["challenge"]
        if said.get("crossOrigin") not in (None, False) or "topOrigin" in said:
            raise Refused("framed")
        if not isinstance(challenge, str) or len(b64.decode(challenge)) != TOKEN_BYTES:
            raise Refused("malformed")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused("malformed") from error
    return challenge


def _why(parsed: AuthenticationCredential, passkey: Passkey) -> str:
    """Return ``counter`` if the counter went back, which is a sign of a copied key and worth a word of its own."""
    try:
        count = parse_authenticator_data(parsed.response.authenticator_data).sign_count
    except WebAuthnException:
        return "assertion"
    return "counter" if (count or passkey.count) and count <= passkey.count else "assertion"
