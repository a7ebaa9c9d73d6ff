"""
Key cards: which keys, addresses and authorities a country has, signed by its offline identity key.

Rule 1: a card verifies under the identity key of the card held before it; under another one, a person decides.
Rule 2: cards form a chain. Each names the digest of the one before, counts on by one and never lowers the epoch.
Rule 3: a key is judged at an instant given by the caller, the logged time of receipt: valid from ``from`` until before
``until``, and not from ``revoked_at`` on. What was signed before a revocation stands.
Rule 4: a key has one use. A revocation is not taken back, and an identity key signs nothing but cards.

Claims are checked by the schema ``card``; what a schema cannot see is checked here (``docs/protocol.md`` section 8).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import chain
from typing import Any, TypeVar

from keys import b64, cosign, instants, jws, sign
from keys.errors import BadJws, BadKey, BadSignature, CardRefused, RevokedKey, UnknownKey
from keys.ids import SEAL, SIGN, key_id
from keys.jws import Jws
from keys.seal import RecipientKey, recipient_key
from schemas import SchemaError, ijson, validate

MEMBERS = (
    "v",
    "country",
    "serial",
    "prev",
    "epoch",
    "identity",
    "signing",
    "sealing",
    "roles",
    "log",
    "cosigning",
    "addresses",
    "spki",
    "authorities",
    "issued_at",
)
"""The claims in the order in which they are written; ``cosigning`` may be left out."""

CLOCK_SKEW_MAX = timedelta(seconds=300)
"""How far a card may be ahead of our clock; the same as for messages."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key that signs checkpoints of a country's logs; ``kid`` as text, ``key`` 32 bytes. It has no window."""

    kid: str
    key: bytes


@dataclass(frozen=True, slots=True)
class CardKey:
    """A key with its window: valid from ``valid_from`` until before ``valid_until``, not from ``revoked_at`` on."""

    kid: str
    key: bytes = field(repr=False)
    valid_from: datetime
    valid_until: datetime
    revoked_at: datetime | None

    def is_revoked(self, at: datetime) -> bool:
        """Return whether the key had been revoked by ``at``."""
        return self.revoked_at is not None and at >= self.revoked_at

    def is_active(self, at: datetime) -> bool:
        """Return whether the key may be used at ``at``."""
        return self.valid_from <= at < self.valid_until and not self.is_revoked(at)


@dataclass(frozen=True, slots=True)
class RoleKey(CardKey):
    """A key of a person or an authority that makes statements in ``role``."""

    role: str


@dataclass(frozen=True, slots=True)
class SealingEntry(CardKey):
    """A key that messages are sealed to, of ``suite``."""

    suite: int


@dataclass(frozen=True, slots=True)
class Authority:
    """A competent authority: neutral name, the purposes it answers for, first and last day of its competence."""

    id: str
    name: str
    tasks: tuple[str, ...]
    from_on: date
    until_on: date | None


K = TypeVar("K", bound=CardKey)

Revoked = Mapping[str, Mapping[str, datetime]]
"""Revoked keys: by what they are for (``signing``, ``sealing``, ``roles``), the id of each and since when."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card whose signature verified under ``identity``. Digests are base64url text; ``raw`` is the JWS."""

    country: str
    serial: int
    prev: str | None
    epoch: int
    identity: bytes = field(repr=False)
    signing: tuple[CardKey, ...]
    sealing: tuple[SealingEntry, ...]
    roles: tuple[RoleKey, ...]
    log: tuple[LogKey, ...]
    cosigning: tuple[bytes, ...] = field(repr=False)
    addresses: tuple[str, ...]
    spki: tuple[str, ...]
    authorities: tuple[Authority, ...]
    issued_at: datetime
    digest: str
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what the schema cannot see. Raises ``CardRefused``."""
        if (self.prev is None) != (self.serial == 1):
            raise CardRefused("bad-card", "the first card, and only that one, names none before it")
        kids = [key.kid for key in chain[CardKey | LogKey](self.signing, self.sealing, self.roles, self.log)]
        if len({*kids, _kid(self.identity)}) != len(kids) + 1:
            raise CardRefused("bad-card", "a key stands in two places")
        if any(key.valid_from >= key.valid_until for key in chain(self.signing, self.sealing, self.roles)):
            raise CardRefused("bad-card", "a window that ends before it begins")

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the identity key in groups of four hexadecimal digits, for two people to read out."""
        digits = sha256(self.identity).hexdigest()
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))

    def signing_key(self, kid: str, at: datetime) -> bytes:
        """
        Return the key (32 bytes) that may sign messages and receipts at ``at``.

        Raises ``RevokedKey``, and ``UnknownKey`` also for a key outside its window.
        """
        return _get(self.signing, kid, at).key

    def receipt_key(self, kid: str, made_at: datetime, now: datetime) -> bytes:
        """
        Return the key (32 bytes) of a receipt: in its window when the receipt was made, and not revoked by ``now``.

        A stored answer may be weeks old and its key rotated since (M-8.3); a revoked key could date a receipt back.
        Raises as ``signing_key``.
        """
        if any(entry.kid == kid and entry.is_revoked(now) for entry in self.signing):
            raise RevokedKey("the key was revoked")
        return self.signing_key(kid, made_at)

    def role_key(self, kid: str, role: str, at: datetime) -> bytes:
        """Return the key (32 bytes) that may make statements in ``role`` at ``at``. Raises as ``signing_key``."""
        return _get([key for key in self.roles if key.role == role], kid, at).key

    def sealing_key(self, at: datetime, suites: Collection[int]) -> RecipientKey:
        """
        Return the key to seal to at ``at``: of those active and of a suite in ``suites``, the one that began last.

        Raises ``UnknownKey`` if there is none.
        """
        active = [entry for entry in self.sealing if entry.suite in suites and entry.is_active(at)]
        if not active:
            raise UnknownKey("no sealing key of the card is active")
        newest = max(active, key=lambda entry: (entry.valid_from, -entry.suite))
        return recipient_key(newest.suite, newest.key)


def _get(keys: Sequence[K], kid: str, at: datetime) -> K:
    for key in keys:
        if key.kid == kid:
            if key.is_revoked(at):
                raise RevokedKey("the key had been revoked")
            if not key.is_active(at):
                raise UnknownKey("the key was not in its window")
            return key
    raise UnknownKey("no such key in the card for this use")


def digest_of(payload: bytes) -> str:
    """Return the digest by which the next card names this one: SHA-256 of the claims as signed, base64url."""
    return b64.encode(sha256(payload).digest())


def serialize_card(claims: Mapping[str, Any]) -> bytes:
    """
    Return the bytes to be signed: the claims in the order of ``MEMBERS``, without white space.

    Raises ``CardRefused`` if they do not fit the schema.
    """
    _check_schema(claims)
    return ijson.dumps({name: claims[name] for name in MEMBERS if name in claims})


def sign_card(claims: Mapping[str, Any], identity: sign.Signer) -> bytes:
    """
    Return a card over ``claims``, signed by the identity key they name.

    What is returned has been read again as a partner will read it. Raises ``CardRefused``.
    """
    raw = jws.sign(serialize_card(claims), jws.TYP_CARD, identity)
    verify_card(raw, identity.public)
    return raw


def parse_card(raw: bytes) -> Card:
    """
    Return the card ``raw`` holds, verified under the identity key that it names itself.

    That proves it whole, not whose it is: ``verify_card`` and ``advance`` do. Raises ``CardRefused``.
    """
    try:
        parts = jws.parse(raw, jws.TYP_CARD)
        claims = ijson.loads(parts.payload)
    except (BadJws, ijson.BadJson) as error:
        raise CardRefused("bad-card", str(error)) from error
    _check_schema(claims)
    card = _card(claims, parts, raw)
    if parts.kid != _kid(card.identity):
        raise CardRefused("bad-card", "signed by another key than it names as identity")
    try:
        parts.verify(card.identity)
    except BadSignature as error:
        raise CardRefused("bad-signature", "the signature does not verify") from error
    return card


def claims_of(card: Card) -> dict[str, Any]:
    """Return the claims of ``card`` as they were signed, to make the next card from."""
    return ijson.loads(jws.parse(card.raw, jws.TYP_CARD).payload)


def verify_card(raw: bytes, identity: bytes) -> Card:
    """Return the card ``raw`` holds if it is by ``identity`` (32 bytes). Raises ``CardRefused``."""
    card = parse_card(raw)
    if card.identity != identity:
        raise CardRefused("wrong-identity", "signed by another identity key than the one known")
    return card


def revocations(card: Card) -> Revoked:
    """Return what ``card`` says is revoked."""
    groups: Mapping[str, Sequence[CardKey]] = {"signing": card.signing, "sealing": card.sealing, "roles": card.roles}
    return {
        use: {key.kid: key.revoked_at for key in keys if key.revoked_at is not None} for use, keys in groups.items()
    }


def earliest(*said: Revoked) -> Revoked:
    """Return all that any of ``said`` says is revoked, each key since the earliest instant that one of them names."""
    found: dict[str, dict[str, datetime]] = {}
    for one in said:
        for use, keys in one.items():
            group = found.setdefault(use, {})
            for kid, at in keys.items():
                group[kid] = min(at, group.get(kid, at))
    return found


def advance(held: Card, raw: bytes, now: datetime, revoked: Revoked | None = None) -> Card:
    """
    Return the card that follows ``held``; the same card again is ``held``.

    ``revoked`` is what cards before ``held`` revoked, which it may leave out.

    Raises ``CardRefused`` with one of ``bad-card bad-signature wrong-country wrong-identity rollback serial-skip
    prev-mismatch epoch-lower issued-earlier not-yet revocation-undone``.
    """
    if raw == held.raw:
        return held
    card = parse_card(raw)
    if card.country != held.country:
        raise CardRefused("wrong-country", "a card of another country")
    if card.identity != held.identity:
        raise CardRefused("wrong-identity", "signed by another identity key than the card held")
    if card.serial <= held.serial:
        raise CardRefused("rollback", "a card that is not newer, and not the one held")
    if card.serial != held.serial + 1:
        raise CardRefused("serial-skip", "a card between the one held and this one is missing")
    if card.prev != held.digest:
        raise CardRefused("prev-mismatch", "it follows another card than the one held")
    if card.epoch < held.epoch:
        raise CardRefused("epoch-lower", "its epoch is lower than that of the card held")
    if card.issued_at < held.issued_at:
        raise CardRefused("issued-earlier", "it was issued before the card held")
    if card.issued_at > now + CLOCK_SKEW_MAX:
        raise CardRefused("not-yet", "it was issued after now")
    _check_revocations(earliest(revoked or {}, revocations(held)), card)
    return card


def _check_revocations(revoked: Revoked, card: Card) -> None:
    """Refuse a key that comes back: revoked before, for whatever use, and now not, or later. It may be left out."""
    since = {kid: at for keys in revoked.values() for kid, at in keys.items()}
    for key in _windowed(card):
        before = since.get(key.kid)
        if before is not None and (key.revoked_at is None or key.revoked_at > before):
            raise CardRefused("revocation-undone", "a key revoked before is valid for longer")


def _windowed(card: Card) -> chain[CardKey]:
    return chain(card.signing, card.sealing, card.roles)


def _kid(public: bytes) -> str:
    return b64.encode(key_id(SIGN, public))


def _check_schema(claims: Mapping[str, Any]) -> None:
    try:
        validate("card", claims)
    except SchemaError as error:
        raise CardRefused("bad-card", str(error)) from error


def _card(claims: Mapping[str, Any], parts: Jws, raw: bytes) -> Card:
    try:
        return Card(
            country=claims["country"],
            serial=claims["serial"],
            prev=claims["prev"],
            epoch=claims["epoch"],
            identity=_public(claims["identity"]),
            signing=tuple(CardKey(**_signing(entry), **_window(entry)) for entry in claims["signing"]),
            sealing=tuple(_sealing(entry) for entry in claims["sealing"]),
            roles=tuple(RoleKey(**_signing(entry), **_window(entry), role=entry["role"]) for entry in claims["roles"]),
            log=tuple(LogKey(**_signing(entry)) for entry in claims["log"]),
            cosigning=tuple(_cosigning(text) for text in claims.get("cosigning", ())),
            addresses=tuple(claims["addresses"]),
            spki=tuple(claims["spki"]),
            authorities=tuple(_authority(entry) for entry in claims["authorities"]),
            issued_at=instants.parse(claims["issued_at"]),
            digest=digest_of(parts.payload),
            raw=raw,
        )
    except (BadKey, ValueError) as error:
        raise CardRefused("bad-card", str(error)) from error


def _public(text: str) -> bytes:
    public = b64.decode(text)
    sign.check_public(public)
    return public


def _cosigning(text: str) -> bytes:
    public = b64.decode(text)
    cosign.check_public(public)
    return public


def _named(entry: Mapping[str, Any], key: bytes, label: str) -> dict[str, Any]:
    if entry["kid"] != b64.encode(key_id(label, key)):
        raise ValueError("a key id that is not the one of its key")
    return {"kid": entry["kid"], "key": key}


def _signing(entry: Mapping[str, Any]) -> dict[str, Any]:
    return _named(entry, _public(entry["key"]), SIGN)


def _sealing(entry: Mapping[str, Any]) -> SealingEntry:
    suite = entry["suite"]
    key = recipient_key(suite, b64.decode(entry["key"])).public
    return SealingEntry(**_named(entry, key, SEAL[suite]), **_window(entry), suite=suite)


def _window(entry: Mapping[str, Any]) -> dict[str, Any]:
    revoked_at = entry["revoked_at"]
    return {
        "valid_from": instants.parse(entry["from"]),
        "valid_until": instants.parse(entry["until"]),
        "revoked_at": None if revoked_at is None else instants.parse(revoked_at),
    }


def _authority(entry: Mapping[str, Any]) -> Authority:
    day: Callable[[str], date] = date.fromisoformat
    until = entry["until"]
    return Authority(
        entry["id"], entry["name"], tuple(entry["tasks"]), day(entry["from"]), None if until is None else day(until)
    )
