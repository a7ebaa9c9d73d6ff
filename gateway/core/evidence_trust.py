"""
The trust list in an export: who said whose card is whose, as of the instant of the export, verified from one root.

    trust/1.root.json ...      every root from the first, each signed by the one before and by itself
    trust/timestamp.json, trust/snapshot.json, trust/targets.json, trust/XAA.json     as they were read last
    trust/XAA.cards.json       the cards of XAA as the list has them; trust/witness.txt whose cosignatures suffice

Rule 1: only the root is believed that the verifier brings. A root in the file is a step of the way, never its start.
Rule 2: expiry is judged at the instant of the export. That the list was not renewed by then is told, and no fault of
the file: a gateway goes on for days with the cards it holds (``docs/protocol.md`` section 8).
Rule 3: nothing a hostile file holds may raise here but ``BadList``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from keys import trust_list, trust_policy
from keys.trust_policy import BadList

ROOT: Final = re.compile(r"trust/([1-9][0-9]{0,5})\.root\.json")
PART: Final = re.compile(r"trust/(timestamp|snapshot|targets|[A-Z]{3})\.json")
CARDS: Final = re.compile(r"trust/([A-Z]{3})\.cards\.json")
WITNESS: Final = "trust/witness.txt"


@dataclass(slots=True)
class Listed:
    """
    What a trust list in an export says, and what is wrong with it.

    ``cards`` are raw cards by country; ``pinned`` tells whether the chain of roots begins at the one the verifier
    brought. ``faults`` are (member, reason).
    """

    pinned: bool = False
    cards: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    policy: bytes | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_there(members: Mapping[str, bytes]) -> bool:
    """Return whether an export holds a trust list, or a part of one."""
    return any(name.startswith("trust/") for name in members)


def read(members: Mapping[str, bytes], root: bytes | None, at: datetime) -> Listed:
    """Return what the trust list in ``members`` says at ``at``, verified from ``root`` (the bytes of its file)."""
    found = Listed()
    try:
        last, found.pinned = _roots(members, root)
        targets = _chain(members, last, at, found)
        _countries(members, targets, found)
    except _Fault as fault:
        found.faults.append((fault.member, fault.reason))
    return found


class _Fault(Exception):
    def __init__(self, member: str, reason: object) -> None:
        super().__init__(member)
        self.member, self.reason = member, str(reason)


def _parsed(members: Mapping[str, bytes], name: str, kind: type[Any]) -> Metadata[Any]:
    raw = members.get(name)
    if raw is None:
        raise _Fault(name, "missing")
    try:
        return trust_list.parse(raw, kind)
    except BadList as error:
        raise _Fault(name, error) from None


def _signed(name: str, part: Metadata[Any], role: str, by: Root | Targets) -> None:
    try:
        by.verify_delegate(role, part.signed_bytes, part.signatures)
    except (RepositoryError, ValueError) as error:
        raise _Fault(name, error) from None


def _roots(members: Mapping[str, bytes], pinned: bytes | None) -> tuple[Root, bool]:
    """Return the last root that the first one leads to, and whether that first one was brought by the verifier."""
    numbers = sorted(int(match[1]) for name in members if (match := ROOT.fullmatch(name)))
    if not numbers:
        raise _Fault("trust/1.root.json", "missing")
    first = f"trust/{numbers[0]}.root.json"
    start = _parsed({first: pinned}, first, Root) if pinned is not None else _parsed(members, first, Root)
    _signed(first, start, "root", start.signed)
    last: Root = start.signed
    for number in numbers:
        name = f"trust/{number}.root.json"
        part = _parsed(members, name, Root)
        if number <= start.signed.version:
            if number == start.signed.version and part.signed_bytes != start.signed_bytes:
                raise _Fault(name, "another root than the one that was compared")
            continue
        if number != last.version + 1 or part.signed.version != number:
            raise _Fault(name, "a root between this one and the one before is missing")
        _signed(name, part, "root", last)
        _signed(name, part, "root", part.signed)
        last = part.signed
    return last, pinned is not None


def _chain(members: Mapping[str, bytes], root: Root, at: datetime, found: Listed) -> Targets:
    stamp = _part(members, "timestamp", Timestamp, root, at, found)
    snapshot = _part(members, "snapshot", Snapshot, root, at, found)
    _same(members, "trust/snapshot.json", snapshot, stamp.snapshot_meta)
    targets: Targets = _part(members, "targets", Targets, root, at, found)
    _same(members, "trust/targets.json", targets, snapshot.meta.get("targets.json"))
    for name in members:
        match = PART.fullmatch(name)
        if match is not None and len(match[1]) == _CODE:
            part = _part(members, match[1], Targets, targets, at, found)
            _same(members, name, part, snapshot.meta.get(f"{match[1]}.json"))
    policy = members.get(WITNESS)
    if policy is not None:
        _target(WITNESS, policy, targets.targets.get(trust_policy.policy_path(trust_policy.WITNESS)))
        found.policy = policy
    _expired("trust/root.json", root.expires, at, found)
    return targets


_CODE = 3


def _part(
    members: Mapping[str, bytes], role: str, kind: type[Any], by: Root | Targets, at: datetime, found: Listed
) -> Any:
    name = f"trust/{role}.json"
    part = _parsed(members, name, kind)
    _signed(name, part, role, by)
    _expired(name, part.signed.expires, at, found)
    return part.signed


def _expired(name: str, expires: datetime, at: datetime, found: Listed) -> None:
    if expires < at:
        late = (at - expires) // timedelta(hours=1)
        found.notes.append(f"{name.removeprefix('trust/')} of the trust list had run out {late} h before the export")


def _same(members: Mapping[str, bytes], name: str, part: Any, meta: MetaFile | None) -> None:
    """Check that a part is the one that the part above it names."""
    raw = members[name]
    if meta is None or part.version != meta.version:
        raise _Fault(name, "another version than the trust list names")
    if meta.hashes and meta.hashes.get("sha256") not in (None, sha256(raw).hexdigest()):
        raise _Fault(name, "other bytes than the trust list names")


def _target(name: str, raw: bytes, target: TargetFile | None) -> None:
    if target is None or (target.length, target.hashes.get("sha256")) != (len(raw), sha256(raw).hexdigest()):
        raise _Fault(name, "other bytes than the trust list names")


def _countries(members: Mapping[str, bytes], targets: Targets, found: Listed) -> None:
    listed = trust_list.countries(targets)
    for name in sorted(members):
        match = CARDS.fullmatch(name)
        if match is None:
            continue
        country = match[1]
        if country not in listed:
            raise _Fault(name, "the trust list lets nobody speak for this State")
        part = _parsed(members, f"trust/{country}.json", Targets).signed
        _target(name, members[name], part.targets.get(trust_policy.cards_path(country)))
        try:
            found.cards[country] = trust_policy.parse_cards(members[name], country)
        except BadList as error:
            raise _Fault(name, error) from None
