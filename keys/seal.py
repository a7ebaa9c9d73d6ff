"""
Sealing to one recipient: HPKE (RFC 9180), base mode, single shot, with a post-quantum hybrid KEM.

Rule 1: one byte names the whole suite; nothing is negotiated (``docs/protocol.md`` section 2).
Rule 2: a private key is a 32-byte seed. SHAKE256 expands it to the seed of ML-KEM and the private key of the curve.
Rule 3: a public key has one encoding of one length, or one key would have two ids.

The ``info`` is the head of the envelope, so a sealed text opens only under the head it was sealed for. Keys are objects
that hold what the library parsed: on the path of a message nothing is parsed anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import shake_256
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
)
from cryptography.hazmat.primitives.hpke import Suite as HpkeSuite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.utils import random

from keys.errors import BadKey, CannotOpen
from keys.ids import SEAL, key_id

SEED_BYTES = 32

_MLKEM_SEED_BYTES = 64
_MLKEM768_PUBLIC_BYTES = 1184
_MLKEM1024_PUBLIC_BYTES = 1568
_X25519_BYTES = 32
_P384_SCALAR_BYTES = 48
_P384_POINT_BYTES = 97
_UNCOMPRESSED = 0x04

_Private = MLKEM768X25519PrivateKey | MLKEM1024P384PrivateKey
_Public = MLKEM768X25519PublicKey | MLKEM1024P384PublicKey


@dataclass(frozen=True, slots=True)
class Suite:
    """One row of the table of suites: lengths in bytes, the library's suite, and how its keys are read."""

    number: int
    public_bytes: int
    hpke: HpkeSuite
    private_key: Callable[[bytes], tuple[_Private, bytes]]
    public_key: Callable[[bytes], _Public]


def _x25519_private(seed: bytes) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    expanded = shake_256(seed).digest(_MLKEM_SEED_BYTES + _X25519_BYTES)
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
    curve = x25519.X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(lattice, curve), public


def _x25519_public(public: bytes) -> MLKEM768X25519PublicKey:
    lattice = mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM768_PUBLIC_BYTES])
    curve = x25519.X25519PublicKey.from_public_bytes(public[_MLKEM768_PUBLIC_BYTES:])
    # A point of small order is read without complaint and fails at the first message; it should fail in the card.
    x25519.X25519PrivateKey.generate().exchange(curve)
    return MLKEM768X25519PublicKey(lattice, curve)


def _p384_private(seed: bytes) -> tuple[MLKEM1024P384PrivateKey, bytes]:
    expanded = shake_256(seed).digest(_MLKEM_SEED_BYTES + _P384_SCALAR_BYTES)
    lattice = mlkem.MLKEM1024PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
    # One seed in 2^190 gives no scalar of the group; the library then raises ValueError.
    curve = ec.derive_private_key(int.from_bytes(expanded[_MLKEM_SEED_BYTES:]), ec.SECP384R1())
    point = curve.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return MLKEM1024P384PrivateKey(lattice, curve), lattice.public_key().public_bytes_raw() + point


def _p384_public(public: bytes) -> MLKEM1024P384PublicKey:
    point = public[_MLKEM1024_PUBLIC_BYTES:]
    if point[0] != _UNCOMPRESSED:
        raise ValueError("the point is not uncompressed")
    lattice = mlkem.MLKEM1024PublicKey.from_public_bytes(public[:_MLKEM1024_PUBLIC_BYTES])
    curve = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point)
    return MLKEM1024P384PublicKey(lattice, curve)


SUITES: Mapping[int, Suite] = MappingProxyType(
    {
        1: Suite(
            number=1,
            public_bytes=_MLKEM768_PUBLIC_BYTES + _X25519_BYTES,
            hpke=HpkeSuite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
            private_key=_x25519_private,
            public_key=_x25519_public,
        ),
        2: Suite(
            number=2,
            public_bytes=_MLKEM1024_PUBLIC_BYTES + _P384_POINT_BYTES,
            hpke=HpkeSuite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM),
            private_key=_p384_private,
            public_key=_p384_public,
        ),
    }
)


def _suite(number: int) -> Suite:
    try:
        return SUITES[number]
    except KeyError:
        raise BadKey("not a suite of this protocol") from None


class _Key:
    """What both halves of a sealing key tell of it."""

    __slots__ = ("_kid", "_public", "_suite")

    def __init__(self, suite: Suite, public: bytes) -> None:
        self._suite = suite
        self._public = public
        self._kid = key_id(SEAL[suite.number], public)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(suite={self.suite}, kid={self._kid.hex()!r})"

    @property
    def suite(self) -> int:
        """Return the number of the suite."""
        return self._suite.number

    @property
    def public(self) -> bytes:
        """Return the public key, as in the card: ML-KEM key, then X25519 key or uncompressed P-384 point."""
        return self._public

    @property
    def kid(self) -> bytes:
        """Return the key id (16 bytes)."""
        return self._kid


class SealingKey(_Key):
    """A private key that opens what was sealed to its public key."""

    __slots__ = ("_decrypt", "_private", "_seed")

    def __init__(self, suite: int, seed: bytes) -> None:
        """Take the 32-byte seed. Raises ``BadKey`` for another length or an unknown suite."""
        row = _suite(suite)
        if len(seed) != SEED_BYTES:
            raise BadKey(f"the seed of a sealing key has {SEED_BYTES} bytes")
        try:
            self._private, public = row.private_key(seed)
        except ValueError:
            raise BadKey("this seed gives no key of the suite") from None
        super().__init__(row, public)
        self._seed = seed
        self._decrypt = row.hpke.decrypt

    @classmethod
    def generate(cls, suite: int) -> "SealingKey":
        """Return a new key of ``suite`` from the randomness of the operating system."""
        return cls(suite, random(SEED_BYTES))

    @property
    def seed(self) -> bytes:
        """Return the seed (32 bytes, secret), for the key store alone."""
        return self._seed

    def open(self, info: bytes, enc_ct: bytes) -> bytes:
        """
        Return the plaintext sealed to this key under ``info``; ``enc_ct`` is the encapsulated key, then the ciphertext.

        Raises ``CannotOpen``, without a reason.
        """
        try:
            return self._decrypt(enc_ct, self._private, info)
        except (InvalidTag, ValueError):
            raise CannotOpen("the sealed bytes do not open") from None


class RecipientKey(_Key):
    """A public key that messages are sealed to."""

    __slots__ = ("_encrypt", "_key")

    def __init__(self, suite: int, public: bytes) -> None:
        """
        Take a public key of ``suite``.

        Raises ``BadKey``: an unknown suite, another length, ML-KEM coefficients out of range, a point that is
        compressed, of small order or not on its curve.
        """
        row = _suite(suite)
        if len(public) != row.public_bytes:
            raise BadKey(f"a public key of suite {suite} has {row.public_bytes} bytes")
        try:
            self._key = row.public_key(public)
        except ValueError:
            raise BadKey(f"not a usable public key of suite {suite}") from None
        super().__init__(row, public)
        self._encrypt = row.hpke.encrypt

    def seal(self, info: bytes, plaintext: bytes) -> bytes:
        """Return the encapsulated key and the ciphertext, one after the other; never the same twice."""
        return self._encrypt(plaintext, self._key, info)


@lru_cache(maxsize=1024)
def recipient_key(suite: int, public: bytes) -> RecipientKey:
    """Return the key for these bytes, parsed once: some 200 States with a few keys each. Raises ``BadKey``."""
    return RecipientKey(suite, public)
