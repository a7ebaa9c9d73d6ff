"""
Checkpoints and proofs of a log as text: C2SP signed-note, tlog-checkpoint and tlog-proof.

    checkpoint   origin LF size LF base64(root) LF            the text that is signed
    signed note  text LF  then for each key: U+2014 SP name SP base64(key id (4) | signature) LF
    proof        "c2sp.org/tlog-proof@v1" LF "index " n LF  base64(hash) LF ...  LF  signed note

The origin is ``XBB/XAA/<epoch>``: the log that XBB keeps about its traffic with XAA. The key's name is the origin.
An entry commits to a receipt without showing it: HMAC-SHA-256(r, SHA-256(receipt)) (protocol 7).
"""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from hmac import digest as hmac_digest

from gateway.core.merkle import HASH_BYTES, BadProof, leaf_hash, verify_inclusion
from keys.errors import BadSignature
from keys.sign import Signer, verify
from schemas.ijson import MAX_INT

__all__ = [
    "BadProof",
    "Checkpoint",
    "Note",
    "Proof",
    "bare",
    "checkpoint_body",
    "log_entry",
    "note_key_id",
    "origin",
    "parse_base64",
    "parse_checkpoint",
    "parse_hash",
    "parse_note",
    "parse_number",
    "parse_proof",
    "proof_text",
    "serialize_base64",
    "sign_note",
    "signature_line",
    "verify_entry",
    "verify_note",
]

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
ED25519_TYPE = b"\x01"
SIGNATURE_BYTES = 64

# A note carries our signature, a post-quantum one and those of witnesses; signed-note asks for at least 16.
MAX_SIGNATURES = 16
MAX_PROOF_CHARS = 48 << 10
MAX_PATH = 63

NOTES_KNOWN = 128
"""
Notes that are remembered in parts, and as signed, the latest: a few for each partner that answers at the moment. Each
is looked at again and again until its log is witnessed that far; there is nothing of a person in them.
"""

_DASH = "\u2014 "
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME = re.compile(r"[A-Za-z0-9._/-]{1,255}")
_ORIGIN = re.compile(r"[A-Z]{3}/[A-Z]{3}/[1-9][0-9]{0,15}")


def origin(keeper: str, partner: str, epoch: int) -> str:
    """
    Return the origin of the log that ``keeper`` keeps about its traffic with ``partner``, such as ``XAA/XBB/1``.

    Raises ``ValueError`` for what is no two country codes and an epoch from 1.
    """
    text = f"{keeper}/{partner}/{epoch}"
    if not _ORIGIN.fullmatch(text):
        raise ValueError("an origin is two country codes and an epoch")
    return text


def log_entry(receipt: bytes, r: bytes) -> bytes:
    """Return the log entry (32 bytes) of a receipt (the JWS) under the fresh opening ``r`` (32 bytes)."""
    return hmac_digest(r, sha256(receipt).digest(), "sha256")


def note_key_id(name: str, public: bytes) -> bytes:
    """Return the 4 bytes that name an Ed25519 key in a signed note."""
    return sha256(name.encode() + b"\n" + ED25519_TYPE + public).digest()[:4]


def serialize_base64(raw: bytes) -> str:
    """Return ``raw`` as standard base64, as the C2SP formats have it."""
    return binascii.b2a_base64(raw, newline=False).decode("ascii")


def parse_base64(text: str, reason: str) -> bytes:
    """Return the bytes of canonical standard base64; raises ``BadProof``."""
    try:
        raw = binascii.a2b_base64(text)
    except ValueError:
        raise BadProof(reason) from None
    if serialize_base64(raw) != text:  # what was passed over in reading is missing when it is written again
        raise BadProof(reason)
    return raw


def parse_number(text: str, reason: str) -> int:
    """Return a decimal without leading zeros, at most 2^53 - 1 as everywhere else; raises ``BadProof``."""
    if not _NUMBER.fullmatch(text) or int(text) > MAX_INT:
        raise BadProof(reason)
    return int(text)


def parse_hash(text: str, reason: str) -> bytes:
    """Return a hash (32 bytes) in canonical base64; raises ``BadProof``."""
    raw = parse_base64(text, reason)
    if len(raw) != HASH_BYTES:
        raise BadProof(reason)
    return raw


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: origin, number of entries, root hash (32 bytes)."""

    origin: str
    size: int
    root: bytes


def checkpoint_body(origin: str, size: int, root: bytes) -> str:
    """Return the text of a checkpoint, the part that is signed."""
    return f"{origin}\n{size}\n{serialize_base64(root)}\n"


@lru_cache(maxsize=NOTES_KNOWN)
def parse_checkpoint(text: str) -> Checkpoint:
    """Parse the text of a checkpoint; raises ``BadProof``. Lines of extensions are refused: none is defined."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise BadProof("checkpoint is not three lines")
    if not _NAME.fullmatch(lines[0]):
        raise BadProof("checkpoint has no origin")
    return Checkpoint(lines[0], parse_number(lines[1], "checkpoint size"), parse_hash(lines[2], "checkpoint root"))


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text and its signatures as (key name, key id and signature bytes)."""

    text: str
    signatures: tuple[tuple[str, bytes], ...]


def sign_note(text: str, name: str, signer: Signer) -> str:
    """Return ``text`` as a signed note with one Ed25519 signature by ``signer`` under key name ``name``."""
    signature = signer.sign(text.encode())
    return f"{text}\n{signature_line(name, note_key_id(name, signer.public) + signature)}"


def signature_line(name: str, blob: bytes) -> str:
    """Return the line of a signature by ``name``; ``blob`` is key id (4 bytes) and signature."""
    return f"{_DASH}{name} {serialize_base64(blob)}\n"


@lru_cache(maxsize=NOTES_KNOWN)
def parse_note(raw: str) -> Note:
    """Cut a signed note into text and signatures, verifying nothing; raises ``BadProof``."""
    text, separator, block = raw.rpartition("\n\n")
    lines = block.split("\n")
    if not separator or lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise BadProof("note has no signature block")
    signatures = []
    for line in lines:
        parts = line.removeprefix(_DASH).split(" ")
        if not line.startswith(_DASH) or len(parts) != 2 or not _NAME.fullmatch(parts[0]):
            raise BadProof("note has a bad signature line")
        signatures.append((parts[0], parse_base64(parts[1], "note has a bad signature line")))
    return Note(text + "\n", tuple(signatures))


def bare(note: str) -> str:
    """Return a checkpoint's ``note`` with the signatures of its log alone; raises ``BadProof``."""
    parsed = parse_note(note)
    name = parse_checkpoint(parsed.text).origin
    signed = [blob for signer, blob in parsed.signatures if signer == name and len(blob) == 4 + SIGNATURE_BYTES]
    return parsed.text + "\n" + "".join(signature_line(name, blob) for blob in signed)


@lru_cache(maxsize=NOTES_KNOWN)
def verify_note(raw: str, name: str, *publics: bytes) -> str:
    """
    Return the text of a note signed by any of the Ed25519 keys ``publics`` under ``name``; others are ignored.

    All answers of one batch show one note: what verified stays known. Raises ``BadProof`` if none of the keys has
    signed, or any signature in the name of one does not verify (M-7.3).
    """
    note = parse_note(raw)
    known = {note_key_id(name, public): public for public in publics}
    ours = [(known[blob[:4]], blob[4:]) for signer, blob in note.signatures if signer == name and blob[:4] in known]
    if not ours:
        raise BadProof("checkpoint is not signed by a log key")
    for public, signature in ours:
        try:
            verify(public, signature, note.text.encode())
        except BadSignature:
            raise BadProof("checkpoint signature does not verify") from None
    return note.text


@dataclass(frozen=True, slots=True)
class Proof:
    """A tlog-proof cut into index, path (32-byte hashes from the leaf's sibling up) and the signed checkpoint."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str


def proof_text(index: int, path: Sequence[bytes], checkpoint: str) -> str:
    """Return a tlog-proof of the entry at ``index`` against the signed ``checkpoint``."""
    return "\n".join((PROOF_HEADER, f"index {index}", *map(serialize_base64, path), "", checkpoint))


def parse_proof(text: str) -> Proof:
    """Cut a tlog-proof into its parts, verifying nothing; raises ``BadProof``. An ``extra`` line is refused."""
    if len(text) > MAX_PROOF_CHARS:
        raise BadProof("proof is too long")
    head, separator, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != PROOF_HEADER:
        raise BadProof("proof has no header")
    if len(lines) < 2 or not lines[1].startswith("index "):
        raise BadProof("proof has no index")
    if len(lines) - 2 > MAX_PATH:
        raise BadProof("proof has too many hashes")
    index = parse_number(lines[1].removeprefix("index "), "proof has no index")
    return Proof(index, tuple(parse_hash(line, "proof has a bad hash") for line in lines[2:]), checkpoint)


def verify_entry(receipt: bytes, r: bytes, proof: Proof, origin: str, *log_keys: bytes) -> Checkpoint:
    """
    Check that ``receipt`` (the JWS), opened by ``r``, stands in the log ``origin`` by its keys (protocol 7.2).

    Returns the checkpoint it stands under, at ``proof.index``. Raises ``BadProof`` naming the fault.
    """
    checkpoint = parse_checkpoint(verify_note(proof.checkpoint, origin, *log_keys))
    if checkpoint.origin != origin:
        raise BadProof("checkpoint is of another log")
    leaf = leaf_hash(log_entry(receipt, r))
    verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
    return checkpoint
