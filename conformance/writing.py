"""
The other half of ``reading``: keys, JWS, envelopes, receipts, logs, cards and statements, made from values.

Every function makes what it is told to make, right or wrong: a case plants its fault in an argument, and the bytes
around the fault stay right.
"""

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha3_256, sha256

import nacl.signing
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey, MLKEM1024P384PublicKey

from conformance.reading import SUITES, Json, b64u, compact, key_id, leaf_hash, sealing_key, tree_hash

SIZES = (8192, 65536, 524288, 4194304)
MESSAGE, RECEIPT, CARD, STATEMENT = "xg1-msg+jws", "xg1-receipt+jws", "xg1-card+jws", "xg1-statement+jws"


def stamp(instant: datetime) -> str:
    """Return an instant as it stands on the wire."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(raw: bytes) -> str:
    """Return the digest of a payload or a body."""
    return b64u(sha256(raw).digest())


# Keys


@dataclass(frozen=True)
class Key:
    """An Ed25519 key from a 32-byte seed; ``named`` is another kid to sign under, ``fixed`` what it always signs."""

    seed: bytes
    named: str | None = None
    fixed: bytes | None = None

    @cached_property
    def _private(self) -> nacl.signing.SigningKey:
        return nacl.signing.SigningKey(self.seed)

    @property
    def public(self) -> bytes:
        """Return the 32 public bytes."""
        return bytes(self._private.verify_key)

    @property
    def kid(self) -> str:
        """Return the key id to write, which is that of the key unless told otherwise."""
        return self.named or b64u(key_id("xg1 sign", self.public))

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message``."""
        return self.fixed if self.fixed is not None else self._private.sign(message).signature


@dataclass(frozen=True)
class Recipient:
    """A public key that envelopes are sealed to, as a card lists it."""

    suite: int
    public: bytes

    @property
    def kid(self) -> bytes:
        """Return the 16 bytes that name the key."""
        return key_id(f"xg1 seal {self.suite}", self.public)

    @property
    def head(self) -> bytes:
        """Return the head of an envelope to this key."""
        return b"XG1\x00" + bytes([self.suite]) + self.kid

    def seal(self, info: bytes, plain: bytes) -> bytes:
        """Return encapsulated key and ciphertext of ``plain`` under ``info``."""
        public = self.public
        if self.suite == 1:
            kem, curve = mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]), public[1184:]
            key = MLKEM768X25519PublicKey(kem, x25519.X25519PublicKey.from_public_bytes(curve))
            return SUITES[1][0].encrypt(plain, key, info)
        kem1024 = mlkem.MLKEM1024PublicKey.from_public_bytes(public[:1568])
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public[1568:])
        return SUITES[2][0].encrypt(plain, MLKEM1024P384PublicKey(kem1024, point), info)


@dataclass(frozen=True)
class Weak(Recipient):
    """A recipient of suite 1 who is sealed to under ``point``, of small order, as a library does that takes it."""

    point: bytes

    def seal(self, info: bytes, plain: bytes) -> bytes:
        """Return encapsulated key and ciphertext (RFC 9180): the share of X25519 in the secret is nothing at all."""
        shared, kem = mlkem.MLKEM768PublicKey.from_public_bytes(self.public[:1184]).encapsulate()
        secret = sha3_256(shared + bytes(32) + self.point + self.public[1184:] + bytes.fromhex("5c2e2f2f5e5c")).digest()
        suite = b"HPKE-v1HPKE" + bytes.fromhex("647a00010003")

        def extract(salt: bytes, label: bytes, value: bytes) -> bytes:
            return hmac.digest(salt, suite + label + value, "sha256")

        context = b"\0" + extract(bytes(32), b"psk_id_hash", b"") + extract(bytes(32), b"info_hash", info)
        made = extract(secret, b"secret", b"")

        def expand(label: bytes, length: int) -> bytes:
            return hmac.digest(made, length.to_bytes(2) + suite + label + context + b"\1", "sha256")[:length]

        sealed = ChaCha20Poly1305(expand(b"key", 32)).encrypt(expand(b"base_nonce", 12), plain, b"")
        return kem + self.point + sealed


@dataclass(frozen=True)
class SealingKey:
    """A sealing key made from a seed."""

    suite: int
    seed: bytes

    @cached_property
    def recipient(self) -> Recipient:
        """Return its public half."""
        return Recipient(self.suite, sealing_key(self.suite, self.seed)[1])


# Messages


def sign_jws(content: bytes, typ: str, key: Key, header: bytes | None = None) -> str:
    """Return a JWS; ``header`` takes the place of the right one."""
    head = header if header is not None else compact({"alg": "Ed25519", "kid": key.kid, "typ": typ})
    signed = f"{b64u(head)}.{b64u(content)}"
    return f"{signed}.{b64u(key.sign(signed.encode()))}"


def pad(content: bytes, size: int | None = None) -> bytes:
    """Return the padded plaintext, in the smallest size or in ``size``."""
    size = size or next(size for size in SIZES if size >= 4 + len(content))
    return len(content).to_bytes(4, "big") + content + bytes(size - 4 - len(content))


def write_payload(frame: Json, body: bytes) -> bytes:
    """Return a payload: ``frame`` in its order, the bytes of ``body`` last."""
    return compact(frame)[:-1] + b',"body":' + body + b"}"


def write_statement(thread: str, kind: str, role: str, about: str, valid_until: datetime, key: Key) -> str:
    """Return a statement of ``kind`` in ``role`` over the digest ``about``."""
    value = {
        "v": 1,
        "thread": thread,
        "statement": kind,
        "role": role,
        "digest": about,
        "valid_until": stamp(valid_until),
    }
    return sign_jws(compact(value), STATEMENT, key)


# Logs and answers


def root_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the inclusion proof of one leaf, from the leaf up (RFC 9162 section 2.1.3.1)."""
    if len(leaves) < 2:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = list(leaves[:split]), list(leaves[split:])
    if index < split:
        return [*root_path(left, index), tree_hash(right)]
    return [*root_path(right, index - split), tree_hash(left)]


def write_note(origin: str, size: int, root: bytes, key: Key) -> str:
    """Return a signed checkpoint."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    return f"{text}\n{signature_line(origin, key, text)}"


def signature_line(name: str, key: Key, text: str) -> str:
    """Return the line of a note by which ``key``, called ``name``, signs ``text``."""
    hint = sha256(name.encode() + b"\n\x01" + key.public).digest()[:4]
    return f"\u2014 {name} {base64.b64encode(hint + key.sign(text.encode())).decode()}\n"


def write_proof(index: int, path: Sequence[bytes], note: str) -> str:
    """Return a log proof."""
    lines = [f"c2sp.org/tlog-proof@v1\nindex {index}\n", *(f"{base64.b64encode(item).decode()}\n" for item in path)]
    return "".join(lines) + "\n" + note


class Log:
    """The log of a test State about one partner."""

    def __init__(self, origin: str, key: Key) -> None:
        """Begin empty."""
        self.origin = origin
        self.key = key
        self.leaves: list[bytes] = []

    def enter(self, receipt: str, r: bytes) -> str:
        """Enter a receipt and return its proof in the tree as it then stands."""
        self.leaves.append(leaf_hash(hmac.digest(r, sha256(receipt.encode()).digest(), "sha256")))
        index = len(self.leaves) - 1
        note = write_note(self.origin, len(self.leaves), tree_hash(self.leaves), self.key)
        return write_proof(index, root_path(self.leaves, index), note)


def write_answer(receipt: str, r: str, proof: str) -> bytes:
    """Return an answer with its spaces."""
    raw = compact({"receipt": receipt, "r": r, "proof": proof})
    return raw + b" " * (-len(raw) % 4096)
