"""
The outside of a message: head, padding, size classes.

    head     = "XG1" 0x00 | suite (1 byte) | key id (16 bytes)
    envelope = head | enc | ct
    ct       = AEAD of  u32be(len) | jws | zeros, to one of four sizes

Rule 1: an envelope of a suite has one of four lengths, so type, language and length of what it holds cannot be seen.
Rule 2: this file cuts and joins bytes; it holds no key. ``keys.seal`` seals and opens (protocol 4).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from gateway.core.codes import PeerError, Reason

MAGIC = b"XG1\x00"
KID_BYTES = 16
HEAD_BYTES = len(MAGIC) + 1 + KID_BYTES
TAG_BYTES = 16
LENGTH_BYTES = 4

# Sizes of the AEAD's plaintext. Nearly every structured message fits the first; the others are for attachments.
SIZES = (8 << 10, 64 << 10, 512 << 10, 4 << 20)

# Bytes of encapsulated key for each suite (protocol 2).
ENC_BYTES: Mapping[int, int] = MappingProxyType({1: 1120, 2: 1665})


def envelope_bytes(suite: int, plaintext_bytes: int) -> int:
    """Return the length of an envelope of ``suite`` around a padded plaintext."""
    return HEAD_BYTES + ENC_BYTES[suite] + plaintext_bytes + TAG_BYTES


# The only lengths an envelope of each suite may have.
LENGTHS: Mapping[int, frozenset[int]] = MappingProxyType(
    {suite: frozenset(envelope_bytes(suite, size) for size in SIZES) for suite in ENC_BYTES}
)
MAX_BYTES = max(length for lengths in LENGTHS.values() for length in lengths)

MEDIA_TYPE = "application/xg1-envelope"
MEDIA_TYPE_SEVERAL = "application/xg1-envelopes"

# A reply to a collect holds at most this many envelopes (M-5.19); the schema of ``collect`` says the same.
COLLECT_MAX = 64

# ... and at most this many bytes, so that a reply fits into memory; one envelope of the largest size always fits.
COLLECT_MAX_BYTES = 8 << 20

_ZEROS = bytes(SIZES[0])


class BadEnvelope(PeerError):
    """Say that bytes are not an envelope: magic, suite or length."""


class BadPadding(PeerError):
    """Say that an opened plaintext is not length, content and zeros."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope cut into its parts: suite number, key id (16 bytes), head (21 bytes), and enc | ct."""

    suite: int
    kid: bytes
    head: bytes
    enc_ct: bytes


def head(suite: int, kid: bytes) -> bytes:
    """
    Return the 21 bytes before the sealed part, which are also the HPKE info.

    Raises ``ValueError`` for a suite that does not exist or a key id that has not 16 bytes.
    """
    if suite not in ENC_BYTES or len(kid) != KID_BYTES:
        raise ValueError("a head names a known suite and a key id of 16 bytes")
    return MAGIC + bytes((suite,)) + kid


def pad(jws: bytes) -> bytes:
    """
    Return ``jws`` padded to the smallest size that holds it.

    Raises ``ValueError`` if it is empty or larger than the largest size allows.
    """
    needed = LENGTH_BYTES + len(jws)
    size = next((size for size in SIZES if size >= needed), None)
    if size is None or not jws:
        raise ValueError("a message has 1 byte to 4 MiB less 4 bytes; split larger attachments")
    return b"".join((len(jws).to_bytes(LENGTH_BYTES, "big"), jws, bytes(size - needed)))


def unpad(plain: bytes) -> bytes:
    """
    Return the JWS inside an opened plaintext. A larger size than needed is allowed; a tail that is not zero is not.

    Raises ``BadPadding``.
    """
    if len(plain) not in SIZES:
        raise BadPadding(Reason.PADDING_LENGTH, f"{len(plain)} bytes is no size")
    end = LENGTH_BYTES + int.from_bytes(plain[:LENGTH_BYTES], "big")
    if not LENGTH_BYTES < end <= len(plain):
        raise BadPadding(Reason.PADDING_LENGTH, "length runs past the end or is zero")
    tail = len(plain) - end
    if not plain.endswith(_ZEROS[:tail] if tail <= len(_ZEROS) else bytes(tail)):
        raise BadPadding(Reason.PADDING_TAIL, "tail is not zero")
    return plain[LENGTH_BYTES:end]


def parse(raw: bytes, allowed_suites: Iterable[int] = (1, 2)) -> Envelope:
    """
    Cut ``raw`` into its parts after checking magic, suite and exact length, in this order (protocol 5.1).

    Raises ``BadEnvelope``, and ``PeerError`` (``unknown-key``) for a suite that is not among ``allowed_suites``: its
    sender may not know that yet.
    """
    if len(raw) < HEAD_BYTES or not raw.startswith(MAGIC):
        raise BadEnvelope(Reason.ENVELOPE_MAGIC)
    suite = raw[len(MAGIC)]
    if suite not in ENC_BYTES:
        raise BadEnvelope(Reason.ENVELOPE_SUITE, f"suite {suite}")
    if len(raw) not in LENGTHS[suite]:
        raise BadEnvelope(Reason.ENVELOPE_SIZE, f"{len(raw)} bytes")
    if suite not in allowed_suites:
        raise PeerError(Reason.KEY_SUITE_NOT_ALLOWED, f"suite {suite}")
    return Envelope(suite, raw[len(MAGIC) + 1 : HEAD_BYTES], raw[:HEAD_BYTES], raw[HEAD_BYTES:])


def suite_of(raw: bytes) -> int:
    """Return the number of the suite that the envelope ``raw`` of ours is sealed in."""
    return raw[len(MAGIC)]


def envelope_id(raw: bytes) -> bytes:
    """Return the id of an envelope: SHA-256 of all its bytes (32 bytes)."""
    return sha256(raw).digest()


def serialize_several(envelopes: Sequence[bytes]) -> bytes:
    """
    Return envelopes as the body of a reply to ``collect``: u32be(length) | envelope, repeated (protocol 5.6).

    Raises ``ValueError`` for more than ``COLLECT_MAX`` envelopes or ``COLLECT_MAX_BYTES`` in all.
    """
    raw = b"".join(len(item).to_bytes(LENGTH_BYTES, "big") + item for item in envelopes)
    if len(envelopes) > COLLECT_MAX or len(raw) > COLLECT_MAX_BYTES:
        raise ValueError(f"at most {COLLECT_MAX} envelopes and {COLLECT_MAX_BYTES} bytes")
    return raw


def parse_several(raw: bytes) -> list[bytes]:
    """
    Return the envelopes in the body of a reply to ``collect``; each is still to be parsed.

    Raises ``BadEnvelope`` for a length past the end or larger than an envelope, and for too many.
    """
    if len(raw) > COLLECT_MAX_BYTES:
        raise BadEnvelope(Reason.ENVELOPE_SIZE, "reply to collect is too large")
    found: list[bytes] = []
    position = 0
    while position < len(raw):
        start = position + LENGTH_BYTES
        position = start + int.from_bytes(raw[position:start], "big")
        if start > len(raw) or position > len(raw) or position - start > MAX_BYTES or len(found) == COLLECT_MAX:
            raise BadEnvelope(Reason.ENVELOPE_SIZE, "not a sequence of envelopes")
        found.append(raw[start:position])
    return found
