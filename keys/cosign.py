"""
ML-DSA-44 signatures (FIPS 204) by a State's cosigning key: what old checkpoints stand under.

Ed25519 falls to whoever has a large quantum computer, and a log is evidence for decades. So a checkpoint that is kept
carries a signature of this kind too, by the State that keeps the log and by those that watch it
(``docs/protocol.md`` section 7.3). A message never waits for one: they are made once an hour.
"""

from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from nacl.utils import random

from keys.errors import BadKey, BadSignature

SEED_BYTES = 32
PUBLIC_BYTES = 1312
SIGNATURE_BYTES = 2420


class Cosigner(Protocol):
    """Whatever signs with one ML-DSA-44 key, here or in a device."""

    @property
    def public(self) -> bytes:
        """Return the public key (1312 bytes)."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message`` (2420 bytes)."""
        ...


class CosigningKey:
    """An ML-DSA-44 private key in memory."""

    __slots__ = ("_public", "_secret")

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed (xi of FIPS 204). Raises ``BadKey`` for another length."""
        if len(seed) != SEED_BYTES:
            raise BadKey(f"the seed of a cosigning key has {SEED_BYTES} bytes")
        self._secret = MLDSA44PrivateKey.from_seed_bytes(seed)
        self._public = self._secret.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> "CosigningKey":
        """Return a new key from the randomness of the operating system."""
        return cls(random(SEED_BYTES))

    def __repr__(self) -> str:
        return f"CosigningKey({self._public[:8].hex()}…)"

    @property
    def seed(self) -> bytes:
        """Return the seed (32 bytes, secret), for the key store alone."""
        return self._secret.private_bytes_raw()

    @property
    def public(self) -> bytes:
        """Return the public key (1312 bytes)."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return a signature over ``message`` (2420 bytes) with an empty context; it differs from time to time."""
        return self._secret.sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Return if ``signature`` (2420 bytes) over ``message`` is by ``public`` (1312 bytes); else ``BadSignature``."""
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        raise BadSignature("a key or signature of the wrong length")
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise BadSignature("the signature does not verify") from None


def check_public(public: bytes) -> None:
    """Return if ``public`` may stand in a card: 1312 bytes that ML-DSA-44 takes. Raises ``BadKey``."""
    try:
        if len(public) != PUBLIC_BYTES:
            raise ValueError
        MLDSA44PublicKey.from_public_bytes(public)
    except ValueError:
        raise BadKey("not a usable ML-DSA-44 public key") from None
