"""
Kept checkpoints and cosignatures (protocol 7.3): how a test State keeps one, shows it, and judges what is shown to it.

    cosignature   U+2014 SP name SP base64(key id (4) | u64 seconds | signature (2420)) LF
    key id        SHA-256(name | 0x0A | 0x06 | key), first 4 bytes
    signed        "subtree/v1" 0x0A 0x00 | u8 length, name | u64 seconds | u8 length, origin | u64 0 | u64 size | root
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from conformance.reading import Refused, check_consistency, read_checkpoint, read_note, read_number, tree_hash, unb64
from conformance.writing import Key, write_note

ADD, CONFLICTS, LOG = "/xg/1/log/add-checkpoint", "/xg/1/log/conflicts", "/xg/1/log/"
CONFLICT = "application/xg1-conflict+json"


class CosigningKey:
    """An ML-DSA-44 key from a 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        """Make the key."""
        self._private = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()

    def cosign(self, name: str, note: str, at: datetime) -> str:
        """Return the line by which ``name`` cosigns the checkpoint in ``note`` at ``at``."""
        seconds = int(at.timestamp())
        signature = self.sign(cosigned(name, seconds, note))
        return cosignature(name, cosigner_id(name, self.public), seconds, signature)

    def sign(self, message: bytes, context: bytes | None = None) -> bytes:
        """Return a signature over ``message``; the protocol has no ``context``."""
        return self._private.sign(message, context)


def cosigner_id(name: str, public: bytes) -> bytes:
    """Return the 4 bytes that name a cosigning key."""
    return sha256(name.encode() + b"\n\x06" + public).digest()[:4]


def cosignature(name: str, key: bytes, seconds: int, signature: bytes) -> str:
    """Return the line of a cosignature of ``name`` by the key that is called ``key``."""
    return f"\u2014 {name} {base64.b64encode(key + seconds.to_bytes(8, 'big') + signature).decode()}\n"


def cosigned(name: str, seconds: int, note: str) -> bytes:
    """Return the bytes that ``name`` signs over the whole tree of the checkpoint in ``note``."""
    origin, size, root = note.split("\n")[:3]
    named, log = name.encode(), origin.encode()
    tree = (0).to_bytes(8, "big") + int(size).to_bytes(8, "big") + unb64(root)
    head = b"subtree/v1\n\x00" + bytes([len(named)]) + named + seconds.to_bytes(8, "big")
    return head + bytes([len(log)]) + log + tree


def cosigned_at(note: str, name: str, keys: Sequence[bytes]) -> int | None:
    """
    Return at which second ``name`` cosigned the checkpoint in ``note`` under one of ``keys``, or ``None``.

    Raises ``Refused`` for a cosignature of a known key that does not verify.
    """
    found = None
    for signer, blob in read_note(note)[1]:
        for public in keys if signer == name else ():
            if blob[:4] != cosigner_id(name, public):
                continue
            found = int.from_bytes(blob[4:12], "big")
            try:
                MLDSA44PublicKey.from_public_bytes(public).verify(blob[12:], cosigned(name, found, note))
            except InvalidSignature:
                raise Refused from None
            if found == 0:
                raise Refused
    return found


def proof_between(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """Return the proof that the tree of ``leaves`` continues that of the first ``old`` (RFC 9162 section 2.1.4.1)."""

    def walk(old: int, part: list[bytes], whole: bool) -> list[bytes]:
        if old == len(part):
            return [] if whole else [tree_hash(part)]
        split = 1 << (len(part) - 1).bit_length() - 1
        if old <= split:
            return [*walk(old, part[:split], whole), tree_hash(part[split:])]
        return [*walk(old - split, part[split:], False), tree_hash(part[:split])]

    return walk(old, list(leaves), True) if 0 < old < len(leaves) else []


@dataclass(frozen=True)
class Shown:
    """What somebody shows to a witness, or gives to who asks what continues a checkpoint."""

    old: int
    path: list[bytes]
    note: str

    def write(self) -> bytes:
        """Return it as it stands on the wire."""
        lines = [f"old {self.old}", *(base64.b64encode(item).decode() for item in self.path), "", self.note]
        return "\n".join(lines).encode()


def read_shown(raw: bytes) -> Shown:
    """Return what is shown by ``raw``; raises ``Refused``."""
    head, blank, note = raw.decode().partition("\n\n")
    lines = head.split("\n")
    if not blank or not lines[0].startswith("old ") or len(lines) > 64:
        raise Refused
    return Shown(read_number(lines[0][4:]), [unb64(line) for line in lines[1:]], note)


class KeptLog:
    """A log of a test State, which can have any history that a case wants."""

    def __init__(self, keeper: str, about: str, log_key: Key, cosigning: CosigningKey, name: str = "") -> None:
        """Make the log of ``keeper`` about ``about``; one with another ``name`` has another history."""
        self.origin = f"{keeper}/{about}/1"
        self.keeper = keeper
        self._log_key = log_key
        self._cosigning = cosigning
        self._name = name

    def leaves(self, size: int) -> list[bytes]:
        """Return the leaves of the tree of ``size``."""
        return [sha256(f"{self.origin} {index} {self._name}".encode()).digest() for index in range(size)]

    def note(self, leaves: list[bytes], at: datetime | None) -> str:
        """Return the checkpoint over ``leaves``, kept at ``at``, or without the keeper's cosignature."""
        note = write_note(self.origin, len(leaves), tree_hash(leaves), self._log_key)
        return note + (self._cosigning.cosign(self.keeper, note, at) if at else "")

    def kept(self, size: int, at: datetime | None) -> str:
        """Return the checkpoint of ``size`` entries, kept at ``at``."""
        return self.note(self.leaves(size), at)

    def shown(self, size: int, old: int, at: datetime | None) -> Shown:
        """Return what shows the checkpoint of ``size`` to a witness that knows ``old`` entries."""
        return Shown(old, proof_between(self.leaves(size), old), self.kept(size, at))


def check_shown(shown: Shown, origin: str, log_key: bytes, held: tuple[int, bytes] | None) -> tuple[int, bytes]:
    """Return size and root of the checkpoint that is shown, after checking that it continues ``held``."""
    size, root = read_checkpoint(shown.note, origin, log_key)
    if held is not None:
        if shown.old != held[0]:
            raise Refused
        check_consistency(held[0], size, shown.path, held[1], root)
    return size, root
