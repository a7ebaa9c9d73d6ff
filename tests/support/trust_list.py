"""
A trust list with its trustees, its publisher and its countries, for tests: real keys, real files, real signatures.

The ceremony is that of ``isthmus trust`` without the passphrases. ``forge`` writes what our publisher refuses to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Snapshot

from gateway import home
from gateway.core.wire import format_instant
from gateway.transport.trust_list import TrustList
from gateway.transport.trust_repository import Repository
from keys import b64, card, trust_list, trust_policy
from keys.card import Card
from keys.durable_file import write_durably
from keys.seal import SealingKey
from keys.sign import SigningKey

TRUSTEES = ("one", "two", "three", "four", "five")


def now() -> datetime:
    """Return the present instant in whole seconds; a list is read by the machine's clock."""
    return datetime.now(UTC).replace(microsecond=0)


@cache
def sealing_keys(count: int) -> tuple[SealingKey, ...]:
    """Return sealing keys, made once a process: making them is slow, and no test here opens anything."""
    return tuple(SealingKey.generate(1) for _ in range(count))


def first_card(country: str, identity: SigningKey, at: datetime, windows: int = 1) -> Card:
    """Return a first card of ``country`` with keys of its own, ``windows`` sealing keys among them."""
    start = at.replace(microsecond=0) - timedelta(hours=1)

    def window(kid: str, public: bytes, begin: datetime, lasts: timedelta) -> dict[str, Any]:
        span = {"from": format_instant(begin), "until": format_instant(begin + lasts), "revoked_at": None}
        return {"kid": kid, "key": b64.encode(public), **span}

    signing, log = SigningKey.generate(), SigningKey.generate()
    sealing = [
        {"suite": 1, **window(b64.encode(key.kid), key.public, start + n * home.WINDOW_EVERY, home.WINDOW_LASTS)}
        for n, key in enumerate(sealing_keys(windows))
    ]
    claims = {
        "v": 1,
        "country": country,
        "serial": 1,
        "prev": None,
        "epoch": 1,
        "identity": b64.encode(identity.public),
        "signing": [window(signing.kid, signing.public, start, timedelta(days=366))],
        "sealing": sealing,
        "roles": [],
        "log": [{"kid": log.kid, "key": b64.encode(log.public)}],
        "addresses": ["https://127.0.0.1:8443"],
        "spki": [],
        "authorities": [
            {"id": f"{country}-01", "name": "A", "tasks": ["NATIONALITY"], "from": "2026-01-01", "until": None}
        ],
        "issued_at": format_instant(at),
    }
    return card.parse_card(card.sign_card(claims, identity))


@dataclass
class State:
    """One country: its identity key, the three keys of its part of the list, and its cards, oldest first."""

    code: str
    identity: SigningKey
    keys: tuple[SigningKey, ...]
    cards: list[Card]

    def document(self) -> bytes:
        """Return the list of its cards as it stands in the trust list."""
        return trust_policy.serialize_cards(self.code, [one.raw for one in self.cards])

    def next_card(self, *, at: datetime | None = None, **changes: Any) -> Card:
        """Issue the next card, with ``changes``, now or ``at`` another instant."""
        made = home.next_card(self.cards[-1], changes, self.identity, at or now())
        self.cards.append(made)
        return made


@dataclass
class World:
    """The list in ``folder``, and everybody's keys."""

    folder: Path
    trustees: Mapping[str, SigningKey]
    online: SigningKey
    states: dict[str, State] = field(default_factory=dict)

    @property
    def repository(self) -> Repository:
        """Return the list."""
        return Repository(self.folder)

    def sign(self, role: str, by: Sequence[SigningKey]) -> None:
        """Sign the draft of ``role`` with the keys ``by``."""
        draft = self.repository.draft(role)
        assert draft is not None
        for key in by:
            trust_list.add_signature(draft, key)
        self.repository.save_draft(role, draft)

    def three(self) -> list[SigningKey]:
        """Return as many trustees as it takes."""
        return list(self.trustees.values())[:3]

    def add(self, *codes: str, identity: SigningKey | None = None, first: Card | None = None, windows: int = 1) -> None:
        """Let the trustees name ``codes``, each with a first card signed by two of its three keys; publish."""
        targets = self.repository.targets()
        assert targets is not None
        draft = trust_list.next_targets(targets.signed, now())
        for code in codes:
            own = identity or SigningKey.generate()
            keys = tuple(SigningKey.generate() for _ in range(3))
            trust_list.delegate(draft.signed, code, [key.public for key in keys])
            self.states[code] = State(code, own, keys, [first or first_card(code, own, now(), windows)])
        self.repository.save_draft("targets", draft)
        self.sign("targets", self.three())
        for code in codes:
            self.draft_cards(code)
            self.sign(code, self.states[code].keys[:2])
        self.publish()

    def draft_cards(self, code: str) -> None:
        """Draft the part of ``code`` with the cards it has now."""
        before, document = self.repository.part(code), self.states[code].document()
        made = trust_list.new_country(code, document, now(), before.signed if before else None)
        self.repository.save_draft(code, made, {trust_policy.cards_path(code): document})

    def issue(self, code: str, *, at: datetime | None = None, **changes: Any) -> Card:
        """Issue and publish the next card of ``code``."""
        made = self.states[code].next_card(at=at, **changes)
        self.publish_cards(code)
        return made

    def publish_cards(self, code: str) -> None:
        """Publish the cards that ``code`` has now."""
        self.draft_cards(code)
        self.sign(code, self.states[code].keys[:2])
        self.publish()

    def set_policy(self, name: str, raw: bytes) -> None:
        """Let the trustees put the policy ``name`` into the list, and publish it."""
        targets = self.repository.targets()
        assert targets is not None
        draft = trust_list.next_targets(targets.signed, now())
        trust_list.set_target(draft.signed, trust_policy.policy_path(name), raw)
        self.repository.save_draft("targets", draft, {trust_policy.policy_path(name): raw})
        self.sign("targets", self.three())
        self.publish()

    def remove(self, code: str) -> None:
        """Let the trustees take ``code`` out of the list, and publish it."""
        targets = self.repository.targets()
        assert targets is not None
        draft = trust_list.next_targets(targets.signed, now())
        trust_list.remove(draft.signed, code)
        self.repository.save_draft("targets", draft)
        self.sign("targets", self.three())
        self.publish()

    def publish(self) -> None:
        """Publish all that is signed; a test is at fault if something waits."""
        made = self.repository.publish(self.online, now())
        assert not made.waiting, made.waiting

    def forge(self, name: str, raw: bytes, content: Mapping[str, bytes] | None = None) -> None:
        """Put ``raw`` among the published metadata, and ``content`` among the targets, unchecked."""
        write_durably(self.folder / "metadata" / name, raw)
        for path, data in (content or {}).items():
            place = self.folder / "targets" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            write_durably(place, data)

    def forge_part(self, role: str, part: Metadata[Any], by: Sequence[SigningKey]) -> None:
        """Publish ``part`` as ``role``, signed by ``by`` alone, with a snapshot and a timestamp that name it."""
        part.signatures.clear()
        for key in by:
            trust_list.add_signature(part, key)
        raw = trust_list.serialize(part)
        self.forge(f"{part.signed.version}.{role}.json", raw)
        self.forge_snapshot({role: raw})

    def forge_snapshot(self, parts: Mapping[str, bytes]) -> None:
        """Say with the online key that ``parts`` are the newest, whatever they are."""
        old = self.repository.snapshot()
        assert old is not None
        made = trust_list.new_snapshot(parts, now(), old.signed)
        self.forge_top(made)

    def forge_top(self, snapshot: Metadata[Snapshot], lasts: timedelta = trust_list.TIMESTAMP_LASTS) -> None:
        """Sign ``snapshot`` and a timestamp over it, which holds for ``lasts``, with the online key."""
        snapshot.signatures.clear()
        trust_list.add_signature(snapshot, self.online)
        raw = trust_list.serialize(snapshot)
        before = self.repository.timestamp()
        stamp = trust_list.new_timestamp(raw, now(), before.signed if before else None)
        stamp.signed.expires = now() + lasts
        trust_list.add_signature(stamp, self.online)
        self.forge(f"{snapshot.signed.version}.snapshot.json", raw)
        self.forge("timestamp.json", trust_list.serialize(stamp))

    def reader(self, place: Path, repository: str | None = None, own: str = "XZZ") -> TrustList:
        """Return a reader of this list, pinned to its first root, that keeps what it reads under ``place``."""
        place.mkdir(parents=True, exist_ok=True)
        root = place / "root.json"
        if not root.exists():
            root.write_bytes((self.folder / "metadata" / "1.root.json").read_bytes())
        return TrustList(repository or self.folder.absolute().as_uri(), root, place / "cache", place / "cards", own)


def make_world(folder: Path, *codes: str, windows: int = 1) -> World:
    """Return a published list in ``folder`` with five trustees, of whom it takes three, and the countries ``codes``."""
    world = World(folder, {name: SigningKey.generate() for name in TRUSTEES}, SigningKey.generate())
    publics = {name: key.public for name, key in world.trustees.items()}
    world.repository.save_draft("root", trust_list.new_root(publics, {"publisher": world.online.public}, now()))
    world.repository.save_draft("targets", trust_list.new_targets(now()))
    for role in ("root", "targets"):
        world.sign(role, world.three())
    world.publish()
    if codes:
        world.add(*codes, windows=windows)
    return world
