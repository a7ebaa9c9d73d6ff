"""
The trust list: who says which key is which country's. A repository of The Update Framework (TUF), in five parts.

    root       the trustees' keys and how many of them it takes, and the online keys; signed by the old and the new
    targets    which keys speak for which country, and the policies; signed by the trustees
    XBB        the cards of XBB, by as many of its own keys as the trustees wrote down; over ``cards/XBB/*`` and no more
    snapshot, timestamp   which versions belong together, and that this is still so; by a key that is online

Rule 1: signatures are Ed25519 and are verified by ``keys.sign``; a key of another kind, of small order, or under an id
that is not its own, is not read at all.
Rule 2: what is signed says by itself until when it holds. Nothing here reads a clock; the reader does.
Rule 3: the online keys say nothing about whose key is whose. Who steals them can delay, and cannot speak for anyone.

Bytes and values only (``docs/protocol.md`` section 8.4); the files are in ``gateway.transport.trust_repository``.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Key, Signature
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import SerializationError

from keys import instants, sign
from keys.errors import BadKey, BadSignature
from keys.trust_policy import BadList, cards_path, is_country
from keys.trust_words import fingerprint_of, hexadecimal

ROOT_LASTS = TARGETS_LASTS = COUNTRY_LASTS = timedelta(days=400)
"""One ceremony a year, and a month to come together for it."""

SNAPSHOT_LASTS = timedelta(days=7)
TIMESTAMP_LASTS = timedelta(days=1)
"""For how long a captured publisher can hold back what is new before readers notice; it signs every hour."""

TRUSTEES_THRESHOLD = 3
COUNTRY_THRESHOLD = 2

NAMES_MEMBER = "x-xg1-names"
"""Member of root with the names of its keys. Readers that do not know it keep it as it is."""

TRUSTEES_ROLES = ("root", "targets")
ONLINE_ROLES = ("snapshot", "timestamp")

T = TypeVar("T", Root, Targets, Snapshot, Timestamp)


class ListKey(Key):
    """An Ed25519 key of a trust list. Verifies by libsodium, which takes no key of small order (``keys.sign``)."""

    @classmethod
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> "ListKey":
        """Read a key. Raises ``ValueError`` if the id is not its own or the key is no usable point."""
        keytype, scheme, keyval = cls._from_dict(key_dict)
        made = cls(keyid, keytype, scheme, keyval, key_dict)
        if (keytype, scheme) != ("ed25519", "ed25519") or key_dict or set(keyval) != {"public"}:
            raise ValueError("a key of a trust list is Ed25519 and has no other members")
        _check_point(made.public)
        # The id is in the signed file and nobody else checks it: one key under two ids would count twice.
        if keyval["public"] != made.public.hex():
            raise ValueError("a key that is not written in lower-case hexadecimal")
        if keyid != _key_id(made.to_dict()):
            raise ValueError("a key under an id that is not its own")
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the key as it stands in root or targets."""
        return self._to_dict()

    @property
    def public(self) -> bytes:
        """Return the public key (32 bytes)."""
        return bytes.fromhex(self.keyval["public"])

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Raise ``UnverifiedSignatureError`` unless ``signature`` over ``data`` is by this key."""
        try:
            sign.verify(self.public, bytes.fromhex(signature.signature), data)
        except (BadSignature, ValueError) as error:
            raise UnverifiedSignatureError("the signature does not verify") from error
        except Exception as error:  # the interface has no other way to say so
            raise VerificationError(str(error)) from error


@lru_cache(maxsize=4096)
def _check_point(public: bytes) -> None:
    """Return if ``public`` is a usable point; a list of many countries is read again and again, with the same keys."""
    try:
        sign.check_public(public)
    except BadKey as error:
        raise ValueError(str(error)) from error


# The library's table of kinds of keys: one kind, ours. RSA, ECDSA and keys held by others' services are not read.
KEY_FOR_TYPE_AND_SCHEME.clear()
KEY_FOR_TYPE_AND_SCHEME[("ed25519", "ed25519")] = ListKey


def _key_id(claims: Mapping[str, Any]) -> str:
    return sha256(str(encode_canonical(dict(claims))).encode("utf-8")).hexdigest()


def list_key(public: bytes) -> ListKey:
    """Return the key of a trust list over ``public`` (32 bytes). Raises ``BadList``."""
    claims = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public.hex()}}
    try:
        return ListKey.from_dict(_key_id(claims), claims)
    except ValueError as error:
        raise BadList(str(error)) from error


# Parts of the list


def new_root(
    trustees: Mapping[str, bytes], online: Mapping[str, bytes], now: datetime, threshold: int = TRUSTEES_THRESHOLD
) -> Metadata[Root]:
    """
    Return the first root, unsigned: ``trustees`` and ``online`` keys (32 bytes) by name.

    Raises ``BadList`` if the threshold can be met by no more than half of the trustees, or a key stands twice.
    """
    root = Root(version=1, expires=now + ROOT_LASTS, consistent_snapshot=True)
    _fill(root, trustees, online, threshold)
    return Metadata(root)


def next_root(
    root: Root,
    now: datetime,
    *,
    trustees: Mapping[str, bytes] | None = None,
    online: Mapping[str, bytes] | None = None,
    threshold: int | None = None,
) -> Metadata[Root]:
    """Return the root after ``root``, unsigned, with other trustees, online keys or threshold. Raises ``BadList``."""
    made = Root(version=root.version + 1, expires=now + ROOT_LASTS, consistent_snapshot=True)
    _fill(
        made,
        keys_of(root, "root") if trustees is None else trustees,
        keys_of(root, "timestamp") if online is None else online,
        root.roles["root"].threshold if threshold is None else threshold,
    )
    return Metadata(made)


def _fill(root: Root, trustees: Mapping[str, bytes], online: Mapping[str, bytes], threshold: int) -> None:
    _check_majority(threshold, len(trustees))
    if not online or set(online) & set(trustees):
        raise BadList("there is an online key, and its name is not a trustee's")
    if len({*trustees.values(), *online.values()}) < len(trustees) + len(online):
        raise BadList("a key stands twice")
    names = {}
    for holders, roles in ((trustees, TRUSTEES_ROLES), (online, ONLINE_ROLES)):
        for name, public in holders.items():
            key = list_key(public)
            names[key.keyid] = name
            for role in roles:
                root.add_key(key, role)
    for role in TRUSTEES_ROLES:
        root.roles[role].threshold = threshold
    root.unrecognized_fields[NAMES_MEMBER] = names


def _check_majority(threshold: int, trustees: int) -> None:
    if not trustees < 2 * threshold <= 2 * trustees:
        raise BadList(f"{threshold} of {trustees}: it takes more than half of the trustees, and not more than all")


def keys_of(root: Root, role: str) -> dict[str, bytes]:
    """Return the keys (32 bytes) of a role of ``root`` by the names that it gives them."""
    names = root.unrecognized_fields.get(NAMES_MEMBER, {})
    return {names.get(keyid, keyid[:16]): _public(root.keys[keyid]) for keyid in root.roles[role].keyids}


def _public(key: Key) -> bytes:
    return bytes.fromhex(key.keyval["public"])


def new_targets(now: datetime) -> Metadata[Targets]:
    """Return the first targets, unsigned: no country and no policy."""
    return Metadata(Targets(version=1, expires=now + TARGETS_LASTS, delegations=Delegations({}, {})))


def next_targets(targets: Targets, now: datetime) -> Metadata[Targets]:
    """Return the targets after ``targets``, unsigned and otherwise alike."""
    made = deepcopy(targets)  # ``from_dict`` of its own ``to_dict`` would share the lists of keys
    made.version, made.expires = targets.version + 1, now + TARGETS_LASTS
    if made.delegations is None:
        made.delegations = Delegations({}, {})
    return Metadata(made)


def delegate(targets: Targets, country: str, publics: Sequence[bytes], threshold: int = COUNTRY_THRESHOLD) -> None:
    """
    Let ``threshold`` of the keys ``publics`` (32 bytes each) speak for ``country``, in place of those that did.

    A search for its cards ends there, whatever else is in the list. Raises ``BadList``.
    """
    roles = _roles(targets)
    if not 1 <= threshold <= len(publics) or len(set(publics)) < len(publics):
        raise BadList(f"{threshold} of {len(set(publics))} different keys cannot be")
    if len(publics) > 1 and threshold < 2:
        raise BadList("one key of several would speak for the country")
    if {public for other, keys in countries(targets).items() if other != country for public in keys} & set(publics):
        raise BadList("a key speaks for one country")
    remove(targets, country)
    roles[country] = DelegatedRole(country, [], threshold, True, paths=[f"cards/{country}/*"])
    for public in publics:
        targets.add_key(list_key(public), country)


def remove(targets: Targets, country: str) -> None:
    """Let nobody speak for ``country`` any more, if somebody did."""
    role = _roles(targets).get(country)
    for keyid in list(role.keyids) if role else []:
        targets.revoke_key(keyid, country)
    _roles(targets).pop(country, None)


def _roles(targets: Targets) -> dict[str, DelegatedRole]:
    if targets.delegations is None or targets.delegations.roles is None:
        raise BadList("targets without a list of countries")
    return targets.delegations.roles


def countries(targets: Targets) -> dict[str, tuple[bytes, ...]]:
    """
    Return the keys (32 bytes) that speak for each country of ``targets``.

    A delegation of another form than ``delegate`` makes names nobody (M-8.9), nor does one with a key of another one
    or with one that is not there. Nor is a State named before whose delegation another one over its cards stands: a
    search for them ends there.
    """
    if targets.delegations is None or targets.delegations.roles is None:
        return {}
    keys, roles = targets.delegations.keys, targets.delegations.roles
    uses = Counter(keyid for role in roles.values() for keyid in set(role.keyids))
    found: dict[str, tuple[bytes, ...]] = {}
    before: list[DelegatedRole] = []
    for name, role in roles.items():
        if not is_country(name) or list(role.paths or ()) != [f"cards/{name}/*"]:
            before.append(role)
        elif (
            role.terminating
            and role.threshold >= min(2, len(role.keyids))
            and all(uses[keyid] == 1 and keyid in keys for keyid in role.keyids)
            and not any(other.is_delegated_path(cards_path(name)) for other in before)
        ):
            found[name] = tuple(_public(keys[keyid]) for keyid in role.keyids)
    return found


def new_country(country: str, document: bytes, now: datetime, before: Targets | None = None) -> Metadata[Targets]:
    """Return the part of ``country`` with its cards, unsigned, after the one ``before``."""
    version = 1 if before is None else before.version + 1
    made = Targets(version=version, expires=now + COUNTRY_LASTS)
    set_target(made, cards_path(country), document)
    return Metadata(made)


def set_target(targets: Targets, path: str, content: bytes) -> None:
    """Name ``content`` as what is at ``path``."""
    targets.targets[path] = TargetFile.from_data(path, content, ["sha256"])


def new_snapshot(parts: Mapping[str, bytes], now: datetime, before: Snapshot | None = None) -> Metadata[Snapshot]:
    """Return which versions belong together, unsigned: ``parts`` are targets and each country by role, as signed."""
    meta = {f"{role}.json": MetaFile.from_data(_version(raw, Targets), raw, ["sha256"]) for role, raw in parts.items()}
    if before is not None:
        # A part is never left out again: readers take that for a list that was cut.
        meta = {**before.meta, **meta}
    return Metadata(Snapshot(_following(before), expires=now + SNAPSHOT_LASTS, meta=meta))


def new_timestamp(snapshot: bytes, now: datetime, before: Timestamp | None = None) -> Metadata[Timestamp]:
    """Return the statement that ``snapshot``, as signed, is the newest; unsigned."""
    meta = MetaFile.from_data(_version(snapshot, Snapshot), snapshot, ["sha256"])
    return Metadata(Timestamp(_following(before), expires=now + TIMESTAMP_LASTS, snapshot_meta=meta))


def _following(before: Snapshot | Timestamp | None) -> int:
    return 1 if before is None else before.version + 1


def _version(raw: bytes, kind: type[T]) -> int:
    version: int = parse(raw, kind).signed.version
    return version


# As bytes, and signed


def parse(raw: bytes, kind: type[T]) -> Metadata[T]:
    """
    Return the part of the kind ``kind`` in ``raw``; no signature is verified.

    Raises ``BadList``, also for what has no canonical form: nobody can sign it, nor compare it; and for a root by which
    half of the trustees or fewer sign for all (M-8.8), as any client of TUF would have it.
    """
    try:
        made = Metadata[T].from_bytes(raw)
        _ = made.signed_bytes
    except SerializationError as error:
        raise BadList("not a part of a trust list: it holds what has no canonical form") from error
    except RepositoryError as error:
        raise BadList(f"not a part of a trust list: {error.__cause__ or error}") from error
    if made.signed.type != kind.type:
        raise BadList(f"a part of the kind {made.signed.type!r} where {kind.type!r} is due")
    if isinstance(made.signed, Root):
        for role in TRUSTEES_ROLES:
            _check_majority(made.signed.roles[role].threshold, len(made.signed.roles[role].keyids))
    return made


def parse_root_or_targets(raw: bytes) -> Metadata[Any]:
    """Return the root or the targets in ``raw``, whichever it is. Raises ``BadList``."""
    try:
        return parse(raw, Root)
    except BadList:
        return parse(raw, Targets)


def serialize(part: Metadata[Any]) -> bytes:
    """Return ``part`` as it is written to its file, with the signatures that it has."""
    return part.to_bytes()


def add_signature(part: Metadata[Any], signer: sign.Signer) -> str:
    """Sign ``part`` with ``signer`` beside those that signed already, and return the id of the key."""
    keyid = list_key(signer.public).keyid
    part.signatures[keyid] = Signature(keyid, signer.sign(part.signed_bytes).hex())
    return keyid


def fingerprint(part: Metadata[Any]) -> bytes:
    """Return the SHA-256 of what is signed in ``part``: the same whoever has signed by then."""
    return fingerprint_of(part.signed_bytes)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a part is signed under one rule: the keys (32 bytes) that did and did not, and how many are missing."""

    threshold: int
    signed: tuple[bytes, ...]
    unsigned: tuple[bytes, ...]

    @property
    def missing(self) -> int:
        """Return how many signatures are missing."""
        return max(0, self.threshold - len(self.signed))


def standings(part: Metadata[Any], role: str, root: Root | None, targets: Targets | None) -> tuple[Standing, ...]:
    """
    Return how far ``part`` is signed for ``role``, once for each rule that it must meet.

    A root must meet its own rule and that of ``root``, the one before it, if there is one. Raises ``BadList``.
    """
    by: list[Root | Targets] = [one for one in (root,) if one is not None]
    if role == "root":
        by.append(part.signed)
    elif role not in ("targets", *ONLINE_ROLES):
        by = [one for one in (targets,) if one is not None]
    if not by:
        raise BadList(f"nothing says yet who signs {role!r}")
    try:
        results = [one.get_verification_result(role, part.signed_bytes, part.signatures) for one in by]
    except ValueError as error:
        raise BadList(f"nothing says who signs {role!r}") from error
    return tuple(
        Standing(
            result.threshold,
            tuple(_public(key) for key in result.signed.values()),
            tuple(_public(key) for key in result.unsigned.values()),
        )
        for result in results
    )


# What a signer reads before signing


def changes(part: Metadata[Any], before: Metadata[Any] | None) -> tuple[str, ...]:
    """Return in words, one line each, what ``part`` says anew compared with ``before``."""
    old, new = _facts(before.signed) if before else {}, _facts(part.signed)
    lines = [f"{name}: {new[name]}" for name in new if name not in old]
    lines += [f"{name}: {old[name]}  ->  {new[name]}" for name in new if name in old and old[name] != new[name]]
    lines += [f"{name}: {old[name]}  ->  gone" for name in old if name not in new]
    return tuple(lines)


def _facts(signed: Any) -> dict[str, str]:
    facts = {"version": str(signed.version), "expires": instants.serialize(signed.expires)}
    if isinstance(signed, Root):
        facts["trustees needed"] = f"{signed.roles['root'].threshold} of {len(signed.roles['root'].keyids)}"
        for role, holder in (("root", "trustee"), ("timestamp", "online key")):
            for name, public in keys_of(signed, role).items():
                facts[f"{holder} {name}"] = hexadecimal(fingerprint_of(public))
    if isinstance(signed, Targets):
        facts |= dict(_target_facts(signed))
    return facts


def _target_facts(targets: Targets) -> Iterator[tuple[str, str]]:
    for country, publics in countries(targets).items():
        yield f"{country} keys needed", f"{_roles(targets)[country].threshold} of {len(publics)}"
        for number, public in enumerate(publics, 1):
            yield f"{country} key {number}", hexadecimal(fingerprint_of(public))
    for path, target in targets.targets.items():
        yield path, f"{target.length} bytes, SHA-256 {target.hashes.get('sha256')}"
