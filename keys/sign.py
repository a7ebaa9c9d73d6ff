"""
Ed25519 signatures (RFC 8032) by libsodium.

libsodium refuses the malleable S, points of small order and encodings that are not canonical. OpenSSL does not: it
takes a forged signature for every message under the identity point. So nothing else here verifies Ed25519.
"""

from functools import lru_cache
from typing import Protocol

from nacl import bindings, exceptions
from nacl.utils import random

from keys import b64
from keys.errors import BadKey, BadSignature
from keys.ids import SIGN, key_id

SEED_BYTES = 32
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64


class Signer(Protocol):
    """Whatever signs with one Ed25519 key, here or in a device."""

    @property
    def public(self) -> bytes:
        """Return the public key (32 bytes)."""
        ...

    @property
    def kid(self) -> str:
        """Return the key id as text (22 characters)."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message`` (64 bytes)."""
        ...


class SigningKey:
    """An Ed25519 private key in memory."""

    __slots__ = ("_kid", "_public", "_secret")

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed of RFC 8032. Raises ``BadKey`` for another length."""
        if len(seed) != SEED_BYTES:
            raise BadKey(f"the seed of a signing key has {SEED_BYTES} bytes")
        self._public, self._secret = bindings.crypto_sign_seed_keypair(seed)
        self._kid = b64.encode(key_id(SIGN, self._public))

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a new key from the randomness of the operating system."""
        return cls(random(SEED_BYTES))

    def __repr__(self) -> str:
        return f"SigningKey(kid={self._kid!r})"

    @property
    def seed(self) -> bytes:
        """Return the seed (32 bytes, secret), for the key store alone."""
        return self._secret[:SEED_BYTES]

    @property
    def public(self) -> bytes:
        """Return the public key (32 bytes)."""
        return self._public

    @property
    def kid(self) -> str:
        """Return the key id as text (22 characters)."""
        return self._kid

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message`` (64 bytes); the same message gives the same signature."""
        return bindings.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Return if ``signature`` (64 bytes) over ``message`` is by ``public`` (32 bytes); else raise ``BadSignature``."""
    # The library reads by pointer: lengths are ours to check.
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        raise BadSignature("a key or signature of the wrong length")
    try:
        bindings.crypto_sign_open(signature + message, public)
    except exceptions.BadSignatureError:
        raise BadSignature("the signature does not verify") from None


def check_public(public: bytes) -> None:
    """
    Return if ``public`` may stand in a card: 32 canonical bytes, a point of the main subgroup, not of small order.

    Raises ``BadKey``.
    """
    if len(public) != PUBLIC_BYTES or not _is_point(public):
        raise BadKey("not a usable Ed25519 public key")


@lru_cache(maxsize=4096)
def _is_point(public: bytes) -> bool:
    """Return whether the library takes ``public``: a tenth of a millisecond, and a card is read often, key by key."""
    return bool(bindings.crypto_core_ed25519_is_valid_point(public))
