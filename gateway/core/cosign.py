"""
Cosignatures and what a witness judges: C2SP tlog-cosignature (type 0x06, ML-DSA-44) and tlog-witness.

    cosignature   U+2014 SP name SP base64(key id (4) | u64 seconds | signature (2420)) LF
    key id        SHA-256(name | 0x0A | 0x06 | key), first 4 bytes
    signed        "subtree/v1" 0x0A 0x00 | u8 length, name | u64 seconds | u8 length, origin | u64 0 | u64 size | root
    submission    "old " n LF  base64(hash) LF ...  LF  signed note

The name of a cosigner is its country code. A cosignature says that at that instant this was the largest tree of the log
its signer knew, and that it continues every smaller one. So two of the keeper's own that contradict one another, or two
of its signatures over one size and different roots, convict the keeper by themselves: whoever holds both needs nobody's
word (``docs/protocol.md`` section 7.3).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

from gateway.core import checkpoint
from gateway.core.checkpoint import Checkpoint, parse_hash, parse_number, serialize_base64
from gateway.core.merkle import EMPTY_ROOT, BadProof, verify_consistency
from keys import cosign as mldsa
from keys.cosign import Cosigner
from keys.errors import BadSignature

COSIGNER_TYPE = b"\x06"
LABEL = b"subtree/v1\n\x00"

SUBMISSION_MAX_BYTES = 64 << 10
"""A note with 16 signatures of this kind and 63 hashes take 56 KiB."""

CONFLICT_MEDIA_TYPE = "application/xg1-conflict+json"
CONFLICT_MAX_BYTES = 128 << 10
"""Two notes with 16 signatures each, as JSON."""

PATH_MAX = 63

AHEAD_MAX = timedelta(seconds=300)
"""How far a keeper's cosignature may be ahead of our clock; one of the far future could never be contradicted."""

_TIME_BYTES = 8
_LATEST = 253402300799
"""The last second that an instant can name, of the year 9999; a cosignature of later is none."""


def cosigner_id(name: str, public: bytes) -> bytes:
    """Return the 4 bytes that name an ML-DSA-44 key in a signed note."""
    return sha256(name.encode() + b"\n" + COSIGNER_TYPE + public).digest()[:4]


def cosigned(name: str, seconds: int, head: Checkpoint) -> bytes:
    """Return the bytes that the cosigner ``name`` signs over a whole tree at ``seconds`` since 1970."""
    named, origin = name.encode(), head.origin.encode()
    return b"".join(
        (
            *(LABEL, len(named).to_bytes(1), named, seconds.to_bytes(8)),
            *(len(origin).to_bytes(1), origin, (0).to_bytes(8), head.size.to_bytes(8), head.root),
        )
    )


def cosign(note: str, name: str, signer: Cosigner, at: datetime) -> str:
    """Return the line by which ``name`` cosigns the checkpoint in ``note`` at ``at``. Raises ``BadProof``."""
    head, seconds = checkpoint.parse_checkpoint(checkpoint.parse_note(note).text), int(at.timestamp())
    signature = signer.sign(cosigned(name, seconds, head))
    blob = cosigner_id(name, signer.public) + seconds.to_bytes(_TIME_BYTES) + signature
    return checkpoint.signature_line(name, blob)


def cosigned_at(note: str, name: str, keys: Collection[bytes]) -> datetime | None:
    """
    Return when ``name`` cosigned the checkpoint in ``note`` by one of ``keys``; ``None`` if it did not.

    Signatures under other names or keys are passed over. Raises ``BadProof`` for one of a known key that does not
    verify, or that names no instant.
    """
    parsed = checkpoint.parse_note(note)
    head = checkpoint.parse_checkpoint(parsed.text)
    known = {cosigner_id(name, key): key for key in keys}
    found = [(blob, known[blob[:4]]) for signer, blob in parsed.signatures if signer == name and blob[:4] in known]
    instants = [_verified(blob[4:], name, key, head) for blob, key in found]
    return max(instants, default=None)


@lru_cache(maxsize=checkpoint.NOTES_KNOWN)
def _verified(blob: bytes, name: str, key: bytes, head: Checkpoint) -> datetime:
    seconds = int.from_bytes(blob[:_TIME_BYTES])
    if not 0 < seconds <= _LATEST:
        raise BadProof("cosignature names no instant")
    try:
        mldsa.verify(key, blob[_TIME_BYTES:], cosigned(name, seconds, head))
    except BadSignature:
        raise BadProof(f"cosignature of {name} does not verify") from None
    return datetime.fromtimestamp(seconds, UTC)


def with_lines(note: str, lines: str) -> str:
    """
    Return ``note`` with the signature lines of ``lines`` that it does not hold yet.

    A line in the name and by the key of one that is there replaces it. Raises ``BadProof``, also if there are too many.
    """
    text = checkpoint.parse_note(note).text
    merged: dict[tuple[str, bytes], bytes] = {}
    for raw in (note, f"{text}\n{lines}"):
        merged |= {(name, blob[:4]): blob for name, blob in checkpoint.parse_note(raw).signatures}
    made = text + "\n" + "".join(checkpoint.signature_line(name, blob) for (name, _), blob in merged.items())
    checkpoint.parse_note(made)
    return made


def lines_by(lines: str, name: str, keys: Collection[bytes]) -> str:
    """
    Return those of the signature ``lines`` that are by ``name`` and one of ``keys``, one for each key.

    A cosigner sends what it likes; in the name or by the key of another it has nothing to say. Raises ``BadProof``.
    """
    known = {cosigner_id(name, key) for key in keys}
    signatures = checkpoint.parse_note(f"\n\n{lines}").signatures
    theirs = {blob[:4]: blob for signer, blob in signatures if signer == name and blob[:4] in known}
    return "".join(checkpoint.signature_line(name, blob) for blob in theirs.values())


# What is shown to a witness.


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed checkpoint with the proof that it continues the tree of ``old`` leaves."""

    old: int
    path: tuple[bytes, ...]
    note: str


def serialize_submission(submission: Submission) -> bytes:
    """Return the body of ``add-checkpoint``, and of the answer to who asks what continues a checkpoint."""
    lines = (f"old {submission.old}", *map(serialize_base64, submission.path), "", submission.note)
    return "\n".join(lines).encode()


def parse_submission(raw: bytes) -> Submission:
    """Cut a submission into its parts, verifying nothing; raises ``BadProof``."""
    try:
        head, separator, note = raw.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise BadProof("submission is not text") from None
    lines = head.split("\n")
    if not separator or len(raw) > SUBMISSION_MAX_BYTES or not lines[0].startswith("old "):
        raise BadProof("submission has no old size")
    if len(lines) - 1 > PATH_MAX:
        raise BadProof("submission has too many hashes")
    checkpoint.parse_checkpoint(checkpoint.parse_note(note).text)
    old = parse_number(lines[0].removeprefix("old "), "submission has no old size")
    return Submission(old, tuple(parse_hash(line, "submission has a bad hash") for line in lines[1:]), note)


# What a witness says.


class Conflict(StrEnum):
    """How a log contradicts itself; ``UNPROVED`` alone rests on the word of who asked for a proof and got none."""

    FORK = "fork"
    ROLLBACK = "rollback"
    UNPROVED = "unproved"


@dataclass(frozen=True, slots=True)
class Keeper:
    """Whose log it is: its country, its log keys (Ed25519) and its cosigning keys (ML-DSA-44), from its card."""

    country: str
    log: tuple[bytes, ...]
    cosigning: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a witness says of a submission: HTTP status, the size it holds, and what it convicts the keeper of.

    ``status`` 200 means that the checkpoint is to be stored and cosigned; 409 that another size is held, or with
    ``size`` ``None`` that another root is.
    """

    status: int
    size: int | None = 0
    conflict: Conflict | None = None


def verify_keeper(note: str, keeper: Keeper) -> Checkpoint:
    """Return the checkpoint in ``note`` if a log key of ``keeper`` signed it under its origin. Raises ``BadProof``."""
    origin = checkpoint.parse_checkpoint(checkpoint.parse_note(note).text).origin
    return checkpoint.parse_checkpoint(checkpoint.verify_note(note, origin, *keeper.log))


def by_keeper(note: str, keeper: Keeper) -> str:
    """Return ``note`` with the signatures of its keeper alone, which leaves room for others. Raises ``BadProof``."""
    parsed = checkpoint.parse_note(note)
    origin = checkpoint.parse_checkpoint(parsed.text).origin
    known = {(origin, checkpoint.note_key_id(origin, key)) for key in keeper.log}
    known |= {(keeper.country, cosigner_id(keeper.country, key)) for key in keeper.cosigning}
    theirs = {(name, blob[:4]): blob for name, blob in parsed.signatures if (name, blob[:4]) in known}
    return parsed.text + "\n" + "".join(checkpoint.signature_line(name, blob) for (name, _), blob in theirs.items())


def conflict(held: str, shown: str, keeper: Keeper) -> Conflict | None:
    """
    Return of what two signed notes of one log convict its keeper, whoever brings them; ``None`` if of nothing.

    Raises ``BadProof`` if either is not by the keeper, or they are of two logs.
    """
    verify_keeper(held, keeper)
    return contradiction(held, shown, keeper)


def contradiction(held: str, shown: str, keeper: Keeper) -> Conflict | None:
    """
    Return of what ``shown`` convicts the keeper beside ``held``, which was verified when it was taken.

    That may have been under a key which the card lists no more: a keeper lays no history aside with its key. A fork is
    two roots for one size. A rollback is a smaller tree that the keeper itself cosigned as its largest later than a
    larger one (M-7.10). Raises ``BadProof`` if ``shown`` is not by the keeper, or they are of two logs.
    """
    first, second = checkpoint.parse_checkpoint(checkpoint.parse_note(held).text), verify_keeper(shown, keeper)
    if first.origin != second.origin:
        raise BadProof("checkpoints of two logs")
    if first.size == second.size:
        return Conflict.FORK if first.root != second.root else None
    (_, large), (_, small) = sorted(((first.size, held), (second.size, shown)), reverse=True)
    before, after = (_instant(note, keeper) for note in (large, small))
    return Conflict.ROLLBACK if before is not None and after is not None and before < after else None


def _instant(note: str, keeper: Keeper) -> datetime | None:
    try:
        return cosigned_at(note, keeper.country, keeper.cosigning)
    except BadProof:
        return None  # a line that was of no known key when the note was taken


def judge(held: str | None, submission: Submission, keeper: Keeper, now: datetime) -> Verdict:
    """
    Judge a submission by the last checkpoint cosigned of its log, in the order of tlog-witness.

    ``held`` is the signed note of that checkpoint, ``None`` if none was. Raises nothing: what is wrong is a status.
    """
    try:
        shown = verify_keeper(submission.note, keeper)
        at = cosigned_at(submission.note, keeper.country, keeper.cosigning)
    except BadProof:
        return Verdict(403)
    if at is None or at > now + AHEAD_MAX:
        # Without an instant by the keeper itself, that it went back could not be shown to anybody (M-7.9).
        return Verdict(403)
    found = contradiction(held, submission.note, keeper) if held is not None else None
    before = checkpoint.parse_checkpoint(checkpoint.parse_note(held).text) if held is not None else None
    size = before.size if before is not None else 0
    if submission.old > shown.size:
        return Verdict(400, size, found)
    if submission.old != size:
        return Verdict(409, size, found)
    if before is not None and shown.size == before.size and shown.root != before.root:
        return Verdict(409, None, found)
    try:
        _continues(before, shown, submission.path)
    except BadProof:
        return Verdict(422, size, found)
    # It continues what is held, and its keeper may have dated it before that.
    return Verdict(200, size) if found is None else Verdict(422, size, found)


def _continues(before: Checkpoint | None, shown: Checkpoint, path: Sequence[bytes]) -> None:
    if shown.size == 0 and shown.root != EMPTY_ROOT:
        raise BadProof("the empty tree has another root")
    if before is None or before.size == 0:
        if path:
            raise BadProof("consistency proof is too long")
        return
    verify_consistency(before.size, shown.size, path, before.root, shown.root)


def check_continuation(before: Checkpoint, raw: bytes, keeper: Keeper) -> Checkpoint:
    """
    Check that ``raw`` (a submission) is by the keeper and continues ``before``, verified once; return where it leads.

    Raises ``BadProof``.
    """
    submission = parse_submission(raw)
    shown = verify_keeper(submission.note, keeper)
    if shown.origin != before.origin or submission.old != before.size:
        raise BadProof("the answer is about another checkpoint")
    _continues(before, shown, submission.path)
    return shown


@dataclass(frozen=True, slots=True)
class Said:
    """What a witness answers: HTTP status, and on success or conflict the body with its media type."""

    status: int
    media_type: str = ""
    body: bytes = b""
