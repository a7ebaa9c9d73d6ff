"""
What a gateway's answers prove, checked by the suite alone: signatures, receipts, and one log that never changes.

Rule 1: an answer counts only after every check that its sender must make (M-5.17, M-7.4).
Rule 2: the hash over any run of leaves is the same for ever. Every node that a proof shows is kept, and one that shows
another hash later is a fork, whatever sizes the two trees have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from conformance.reading import (
    Json,
    Refused,
    b64u,
    check_entry,
    instant,
    leaf_hash,
    open_entry,
    read_answer,
    read_jws,
    read_proof,
    read_receipt,
    sealing_public,
    strict_json,
    unb64u,
)
from conformance.registry import Wrong
from conformance.writing import CARD, Recipient


@dataclass(frozen=True)
class Card:
    """A card that was read; whether it is to be believed is for the caller to say."""

    raw: str
    value: Json
    digest: str

    def signing(self, kid: str, at: datetime) -> bytes | None:
        """Return the signing key called ``kid``, if it is active at ``at``."""
        return next(
            (unb64u(row["key"]) for row in self.value["signing"] if row["kid"] == kid and active(row, at)), None
        )

    def role(self, role: str, kid: str, at: datetime) -> bytes | None:
        """Return the key of ``role`` called ``kid``, if it is in its window and not revoked."""
        rows = (row for row in self.value["roles"] if (row["role"], row["kid"]) == (role, kid))
        return next((unb64u(row["key"]) for row in rows if active(row, at)), None)

    def sealing(self, at: datetime) -> Recipient:
        """Return the key that a message to this State is sealed to (protocol 2.1)."""
        rows = [row for row in self.value["sealing"] if active(row, at)]
        if not rows:
            raise Wrong(f"the card of {self.value['country']} has no sealing key that is active at {at:%Y-%m-%d %H:%M}")
        latest = max(row["from"] for row in rows)
        row = min((row for row in rows if row["from"] == latest), key=lambda row: int(row["suite"]))
        try:
            return Recipient(row["suite"], sealing_public(row["suite"], unb64u(row["key"])))
        except Refused:
            raise Wrong(f"the card of {self.value['country']} has a sealing key that is none (M-2.2)") from None

    @property
    def logs(self) -> list[bytes]:
        """Return the log keys."""
        return [unb64u(row["key"]) for row in self.value["log"]]


def active(row: Mapping[str, str | None], at: datetime) -> bool:
    """Return whether a key of a card is in its window and not revoked."""
    begin, end, revoked = (row[name] for name in ("from", "until", "revoked_at"))
    return instant(begin or "") <= at < instant(end or "") and (revoked is None or at < instant(revoked))


def read_chain(cards: Sequence[str]) -> Card:
    """Return the last of a State's cards, each signed by the identity key of the first and naming the one before."""
    return _read_chain(tuple(cards))


@lru_cache(maxsize=256)
def _read_chain(cards: tuple[str, ...]) -> Card:
    held: Card | None = None
    for raw in cards:
        try:
            value = strict_json(unb64u(raw.split(".")[1]))
            _, content = read_jws(raw, CARD, unb64u(held.value["identity"] if held else value["identity"]))
        except (Refused, LookupError, TypeError) as error:
            raise Wrong(f"a card of the gateway does not verify: {error}") from None
        new = Card(raw, value, b64u(sha256(content).digest()))
        if held and (new.value["serial"], new.value["prev"]) != (held.value["serial"] + 1, held.digest):
            raise Wrong("a card of the gateway does not follow the one before")
        held = new
    if held is None:
        raise Wrong("the gateway has no card")
    return held


class LogView:
    """What was seen of one log so far."""

    def __init__(self, origin: str) -> None:
        """Begin with nothing seen."""
        self.origin = origin
        self.size = 0
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._receipts: dict[int, str] = {}

    def see(self, receipt: str, r: bytes, proof: str, keys: list[bytes]) -> int:
        """
        Check one proof under ``keys``, and that it agrees with all that was seen; return the size of its tree.

        Raises ``Wrong``.
        """
        try:
            index, size = check_entry(receipt, r, proof, self.origin, *keys)
        except Refused:
            told = "the proof does not verify under the log keys of the card, for the log's name and this receipt"
            raise Wrong(told) from None
        _, path, _ = read_proof(proof)
        self._walk(0, size, index, path, leaf_hash(open_entry(receipt, r)))
        if self._receipts.setdefault(index, receipt) != receipt:
            raise Wrong(f"entry {index} of the log was another receipt before: the log is forked")
        self.size = max(self.size, size)
        return size

    def _walk(self, start: int, end: int, index: int, path: list[bytes], leaf: bytes) -> bytes:
        if end - start == 1:
            made = leaf
        else:
            middle = start + (1 << (end - start - 1).bit_length() - 1)
            sides = [(start, middle), (middle, end)]
            near = sides[index >= middle]
            far = sides[index < middle]
            self._keep(far, path[-1])
            inner = self._walk(*near, index, path[:-1], leaf)
            left, right = (inner, path[-1]) if index < middle else (path[-1], inner)
            made = sha256(b"\x01" + left + right).digest()
        self._keep((start, end), made)
        return made

    def _keep(self, run: tuple[int, int], node: bytes) -> None:
        if self._nodes.setdefault(run, node) != node:
            raise Wrong(f"the entries {run[0]} to {run[1] - 1} of the log were others before: the log is forked")


def read_receipt_of(receipt: str, digest: str, sender: str, recipient: str, card: Card) -> Json:
    """
    Return the receipt that ``sender`` (by ``card``) gave to ``recipient`` for the payload ``digest``.

    Raises ``Wrong`` for whatever its reader must not take.
    """
    try:
        claims = read_receipt(unb64u(receipt.split(".")[1]))
        kid = strict_json(unb64u(receipt.split(".")[0]))["kid"]
        key = card.signing(kid, instant(claims["received_at"]))
        if key is None:
            raise Wrong("the receipt is by no signing key of the card that was active at received_at")
        read_jws(receipt, "xg1-receipt+jws", key)
    except (Refused, LookupError, TypeError, ValueError) as error:
        raise Wrong(f"the receipt is not as defined: {error}") from None
    wanted = {"from": sender, "to": recipient, "payload": digest}
    for name, value in wanted.items():
        if claims[name] != value:
            raise Wrong(f"the receipt names {name} {claims[name]}, not {value}")
    return claims


def read_parts(raw: bytes) -> Json:
    """Return receipt, ``r`` and proof of an answer. Raises ``Wrong``."""
    try:
        return read_answer(raw)
    except Refused as error:
        raise Wrong(f"the answer is not as defined: {error}") from None
