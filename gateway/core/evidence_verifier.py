"""
Check what a case can prove, with no network and no database, and report what is wrong with it.

Rule 1: every fault is reported, each with the member it is in. A verifier never stops at the first.
Rule 2: nothing in a member is believed because another member says so: receipts verify under keys of the cards, log
entries open with r and lead to a signed checkpoint, messages have the digest that their receipts name.
Rule 3: nothing a hostile file holds may raise here; what cannot be read is a fault.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any

from gateway.core import checkpoint, cosign, evidence_trust, wire
from gateway.core.checkpoint import Checkpoint
from gateway.core.codes import PeerError
from gateway.core.evidence import (
    CARD_NAME,
    CLOCKS,
    CONTENT_NAME,
    GONE,
    MANIFEST,
    MESSAGES,
    OPENINGS,
    PROOF_NAME,
    README,
    RECEIPT_NAME,
    RECEIVED,
    SENT,
    SIGNED,
    STAMP_NAME,
    TABLES,
    card_name,
)
from gateway.core.evidence_manifest import Manifest, parse_manifest, serialize_manifest
from gateway.core.evidence_report import Fault, Identity, Proved, Report, Stood
from gateway.core.evidence_rows import FORMS, LATER
from gateway.core.merkle import BadProof
from gateway.core.messages import TYPES
from gateway.core.wire import Receipt
from gateway.core.witness_policy import BadPolicy, WitnessPolicy, parse_policy
from keys import b64, instants
from keys import jws as jws_format
from keys.card import Card, parse_card
from keys.errors import KeysError, RevokedKey, UnknownKey
from schemas import ijson

# What reading a hostile member may raise. OverflowError: an instant that has no equal in UTC.
_BAD = (KeysError, PeerError, BadProof, ValueError, OverflowError)

WITHOUT_CONTENT = (
    "of a message without its content it is the word of %(country)s alone what kind it was, that it is of this case, "
    "and, if it was received, that %(partner)s sent it"
)
"""Note on a file that lacks the content of a message: a receipt names a digest, and nothing else of what it is for."""

CheckToken = Callable[[bytes, bytes], str]
"""Returns the instant in a time-stamp response over a message, or raises ``ValueError``."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """
    What a verifier brings along, none of it out of the file.

    ``identities`` are, for a country, the identity keys (32 bytes each) that were compared out of band; a card of that
    country under another one is a fault. ``root`` is the file of the trust list's root that was compared: it leads to
    the cards of all States. Without either the file is checked against the cards it brings itself, which proves it
    whole but not whose it is; the report lists the fingerprints to compare. ``check_token`` checks time-stamps.
    ``witnessed`` makes a checkpoint that lacks its quorum a fault.
    """

    identities: Mapping[str, Collection[bytes]] = field(default_factory=dict)
    root: bytes | None = None
    check_token: CheckToken | None = None
    witnessed: bool = False


def verify(members: Mapping[str, bytes], anchors: Anchors | None = None) -> Report:
    """Check an export (name to content, as they stood in the file) and return everything that is wrong with it."""
    return _Verifier(members, anchors or Anchors()).run()


@dataclass(slots=True)
class _Verifier:
    """One run of the checks. Each method adds to ``faults`` and ``notes`` and raises nothing."""

    members: Mapping[str, bytes]
    anchors: Anchors
    pins: dict[str, Collection[bytes]] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)
    policy: WitnessPolicy | None = None
    heads: dict[tuple[str, int], tuple[Checkpoint, str, dict[str, datetime], set[tuple[str, bytes]]]] = field(
        default_factory=dict
    )
    stamped: dict[tuple[str, int], str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cards: dict[str, list[Card]] = field(default_factory=dict)
    listed: dict[str, list[Card]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    about: dict[str, dict[str, Receipt]] = field(default_factory=dict)
    """The same for the digest of each message."""
    cosigned: dict[str, list[tuple[str, bytes, datetime | BadProof | None]]] = field(default_factory=dict)
    """For each note by whom, and under which key, it is cosigned since when, or why it is not."""
    entered: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    """For each receipt, under which checkpoint (origin and size) it stands in the log of each State."""

    def run(self) -> Report:
        """Check everything in an order in which what is needed later is known."""
        self._trust()
        self._read_cards()
        manifest = self._manifest()
        for name in TABLES:
            self.rows[name] = self._table(name)
        proved: tuple[Proved, ...] = ()
        if manifest is not None:
            self._listed(manifest)
            self._belongs(manifest)
            self._receipts(manifest)
            self._openings(manifest)
            proved = self._messages(manifest)
            self._stamps()
            self._dated(manifest)
            self._cosigned(manifest)
            self._content(manifest)
            self._clocks()
            self._gone(manifest)
        return Report(
            manifest=manifest,
            members=len(self.members),
            identities=self._identities(),
            messages=proved,
            checkpoints=self._stood(manifest),
            notes=tuple(dict.fromkeys(self.notes)),
            faults=tuple(dict.fromkeys(self.faults)),
        )

    def _fault(self, member: str, reason: object) -> None:
        self.faults.append(Fault(member, str(reason) or type(reason).__name__))

    def _named(self, pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
        found = ((name, pattern.fullmatch(name)) for name in sorted(self.members))
        return [(name, match) for name, match in found if match]

    # The trust list: who says whose card is whose.

    def _trust(self) -> None:
        """Take from the trust list in the file which identity keys are whose, and whose cosignatures suffice."""
        self.pins, self.pinned = dict(self.anchors.identities), set(self.anchors.identities)
        at = self._exported_at()
        if at is None or not evidence_trust.is_there(self.members):
            if self.anchors.root is not None:
                self._fault("", "holds no trust list that would lead from the root to its cards")
            return
        listed = evidence_trust.read(self.members, self.anchors.root, at)
        for name, reason in listed.faults:
            self._fault(name, reason)
        self.notes += listed.notes
        for country, raws in listed.cards.items():
            self._take_listed(country, raws, pinned=listed.pinned)
        # Who exports writes a list of its own, too: whose cosignatures suffice is not for that to say.
        if listed.policy is not None and listed.pinned:
            try:
                self.policy = parse_policy(listed.policy)
            except BadPolicy as error:
                self._fault(evidence_trust.WITNESS, error)

    def _take_listed(self, country: str, raws: Sequence[bytes], *, pinned: bool) -> None:
        """Check the cards of the file against those that the list has, and pin their identity keys."""
        name = f"trust/{country}.cards.json"
        try:
            cards = [parse_card(raw) for raw in raws]
        except KeysError as error:
            self._fault(name, error)
            return
        if any(card.country != country for card in cards):
            self._fault(name, "a card of another State")
            return
        self.pins.setdefault(country, frozenset(card.identity for card in cards))
        self.pinned |= {country} if pinned else set()
        self.listed[country] = [card for card in cards if card.identity in self.pins[country]]
        for card in cards:
            here = self.members.get(card_name(card))
            if here is not None and here != card.raw:
                self._fault(card_name(card), "another card than the trust list has")

    def _exported_at(self) -> datetime | None:
        """Return the instant of the export, not verified yet; a changed one is found later."""
        for name in (MANIFEST, SIGNED):
            try:
                raw = self.members[name]
                if name == SIGNED:
                    raw = jws_format.parse(raw, jws_format.TYP_EVIDENCE).payload
                return parse_manifest(raw).exported_at
            except (KeyError, *_BAD):
                continue
        return None

    # Cards: whose keys are whose.

    def _read_cards(self) -> None:
        """
        Read the cards, the last of each State first: one that stands names the card before it, whoever signed that.

        So the cards of before a change of the identity key stand by the key that was compared, which came after it.
        """
        named = {digest for cards in self.listed.values() for digest in self._before(cards)}
        for name, match in sorted(self._named(CARD_NAME), key=lambda one: int(one[1][2]), reverse=True):
            try:
                card = parse_card(self.members[name])
            except _BAD as error:
                self._fault(name, error)
                continue
            pins, own = self.pins.get(card.country), (card.country, card.digest)
            if (card.country, str(card.serial)) != match.groups():
                self._fault(name, "the card is of another country or serial than its name says")
            elif pins is not None and card.identity not in pins and own not in named:
                self._fault(name, "the card is signed by another identity key than the one given")
            else:
                self.cards.setdefault(card.country, []).append(card)
                named |= self._before([card])
        for country, cards in self.cards.items():
            # Who exports may leave out a card, and what the list says by it, such as that a key was revoked, holds.
            held = {card.raw for card in cards}
            cards += [card for card in self.listed.get(country, ()) if card.raw not in held]
            cards.sort(key=lambda card: card.serial)
            self._chain(cards)

    def _before(self, cards: Sequence[Card]) -> set[tuple[str, str]]:
        """Return State and digest of the card that each of ``cards`` names as the one before it."""
        return {(card.country, card.prev) for card in cards if card.prev is not None}

    def _chain(self, cards: Sequence[Card]) -> None:
        """Check that each card continues the one before it, where that one is in the file."""
        for before, card in pairwise(cards):
            if card.serial == before.serial + 1 and card.identity == before.identity and card.prev != before.digest:
                self._fault(card_name(card), "the card does not name the one before it")

    def _identities(self) -> tuple[Identity, ...]:
        found = []
        for country, cards in sorted(self.cards.items()):
            for identity, card in {card.identity: card for card in cards}.items():
                pinned = country in self.pinned and identity in self.pins.get(country, ())
                found.append(Identity(country, b64.encode(identity), card.fingerprint, pinned))
        return tuple(found)

    def _signing_key(self, country: str, kid: str, at: datetime) -> bytes:
        """Return the key that may sign for ``country`` at ``at`` by all its cards. Raises ``UnknownKey``."""
        key, reason = None, UnknownKey(f"no card of {country} in the file lists the key at that time")
        for card in self.cards.get(country, ()):
            try:
                key = card.signing_key(kid, at)
            except RevokedKey:
                raise  # revoked by any card is revoked, whatever an older one said
            except UnknownKey:
                continue
        if key is None:
            raise reason
        return key

    # The manifest: that the file is whole.

    def _manifest(self) -> Manifest | None:
        """Return the signed manifest; if the signature is at fault, the unsigned one, so that the rest is checked."""
        plain = self.members.get(MANIFEST)
        signed = self._signed_manifest()
        if plain is None:
            self._fault(MANIFEST, "missing")
        elif signed is not None and serialize_manifest(signed) != plain:
            self._fault(MANIFEST, "not what was signed")
        elif signed is None:
            try:
                return parse_manifest(plain)
            except ValueError as error:
                self._fault(MANIFEST, error)
        return signed

    def _signed_manifest(self) -> Manifest | None:
        raw = self.members.get(SIGNED)
        if raw is None:
            self._fault(SIGNED, "missing")
            return None
        try:
            parts = jws_format.parse(raw, jws_format.TYP_EVIDENCE)
            manifest = parse_manifest(parts.payload)
            parts.verify(self._signing_key(manifest.country, parts.kid, manifest.exported_at))
        except _BAD as error:
            self._fault(SIGNED, error)
            return None
        return manifest

    def _listed(self, manifest: Manifest) -> None:
        """Check members against the manifest, both ways."""
        for name in sorted(self.members.keys() - manifest.members.keys() - {MANIFEST, SIGNED}):
            self._fault(name, "not in the manifest")
        for name, (digest, size) in manifest.members.items():
            raw = self.members.get(name)
            if raw is None:
                self._fault(name, "in the manifest, and missing")
            elif (sha256(raw).hexdigest(), len(raw)) != (digest, size):
                self._fault(name, "other bytes than the manifest says")
        for name in (README, *TABLES):
            if name not in manifest.members:
                self._fault(MANIFEST, f"does not list {name}")

    def _belongs(self, manifest: Manifest) -> None:
        """Check that the cards are those of the two States."""
        two = {manifest.country, manifest.partner}
        if len(two) != 2:
            self._fault(MANIFEST, "a case is between two States")
        for country in sorted(two - self.cards.keys()):
            self._fault(MANIFEST, f"no card of {country} stands")
        for country in sorted(self.cards.keys() - two - self._signers()):
            for card in self.cards[country]:
                self._fault(card_name(card), "a card of a State that has no part in the case")
        if evidence_trust.is_there(self.members):
            for country in sorted(two):
                if f"trust/{country}.cards.json" not in self.members:
                    self._fault(f"trust/{country}.cards.json", "missing")

    def _signers(self) -> set[str]:
        """Return the names under which the checkpoints of the file are signed."""
        found: set[str] = set()
        for name, _ in self._named(PROOF_NAME):
            try:
                note = checkpoint.parse_proof(self.members[name].decode()).checkpoint
                found |= {signer for signer, _ in checkpoint.parse_note(note).signatures}
            except _BAD:
                continue
        return found

    def _table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table that have their form; the others are faults."""
        raw = self.members.get(name)
        if raw is None:
            self._fault(name, "missing")
            return []
        try:
            value = ijson.loads(raw)
        except ValueError as error:
            self._fault(name, error)
            return []
        rows = value.get(TABLES[name])
        if tuple(value) != (TABLES[name],) or not isinstance(rows, list):
            self._fault(name, "not the table expected")
            return []
        return [row for number, row in enumerate(rows, 1) if self._has_form(name, number, row)]

    def _has_form(self, name: str, number: int, row: Any) -> bool:
        form = FORMS[name]
        before = tuple(key for key in form if key not in LATER.get(name, ()))
        if not isinstance(row, dict) or tuple(row) not in (tuple(form), before):
            self._fault(name, f"row {number}: not the members expected")
            return False
        wrong = [key for key in row if not form[key](row[key])]
        for key in wrong:
            self._fault(name, f"row {number}: {key} is not of its kind")
        return not wrong

    # Receipts: who said what, when.

    def _receipts(self, manifest: Manifest) -> None:
        known = {row["digest"]: row for row in self.rows[MESSAGES]}
        for name, match in self._named(RECEIPT_NAME):
            try:
                parts = jws_format.parse(self.members[name], jws_format.TYP_RECEIPT)
                receipt = wire.parse_receipt(parts.payload)
                parts.verify(self._signing_key(receipt.sender, parts.kid, receipt.received_at))
            except _BAD as error:
                self._fault(name, error)
                continue
            message = known.get(receipt.payload)
            if receipt.payload != match[1]:
                self._fault(name, "the receipt is about another message than its name says")
            elif message is None:
                self._fault(name, f"the receipt is about no message in {MESSAGES}")
            elif (receipt.sender, receipt.recipient) != _between(manifest, message["direction"]):
                self._fault(name, "the receipt is not from the State that received the message to the one that sent it")
            else:
                self.receipts[name] = receipt
                self.about.setdefault(receipt.payload, {})[name] = receipt

    def _messages(self, manifest: Manifest) -> tuple[Proved, ...]:
        rows = self.rows[MESSAGES]
        digests = [row["digest"] for row in rows]
        if len(set(digests)) != len(digests):
            self._fault(MESSAGES, "a message stands twice")
        return tuple(self._proved(manifest, number, row) for number, row in enumerate(rows, 1))

    def _proved(self, manifest: Manifest, number: int, row: Mapping[str, Any]) -> Proved:
        """
        Find the receipt that says what the row says; without one the row says more than is proved.

        That of a message which was sent stands in the log of the State that received it. In the log of the State that
        exports alone it may be by a key that was stolen from the other.
        """
        of_it = self.about.get(row["digest"], {})
        about = list(of_it.values())
        fitting = [receipt for receipt in about if _fits(row, receipt)]
        if row["status"] is not None and not fitting:
            self._fault(MESSAGES, f"row {number}: no receipt that stands says so")
        elif row["direction"] == SENT and fitting:
            there = [one for name, one in of_it.items() if manifest.partner in self.entered.get(name, ())]
            if not any(receipt in there for receipt in fitting):
                self._fault(MESSAGES, f"row {number}: no opening puts a receipt that says so into the receiver's log")
            fitting.sort(key=lambda receipt: receipt not in there)
        if row["status"] is None and about:
            self._fault(MESSAGES, f"row {number}: there is a receipt, and the row has no status")
        if row["status"] is None and row["received_at"] is not None:
            self._fault(MESSAGES, f"row {number}: it says when the message was received, and no receipt does")
        if row["direction"] == RECEIVED and row["received_at"] is None:
            self._fault(MESSAGES, f"row {number}: received, and no instant of receipt")
        for receipt in about:
            if receipt not in fitting[:1]:
                at = instants.serialize(receipt.received_at)
                self.notes.append(f"message {row['digest']}: a second receipt says {receipt.status} at {at}")
        said = {name: row[name] for name in ("direction", "type", "digest", "status", "code")}
        if not fitting:
            return Proved(**said)
        first = fitting[0]
        return Proved(
            **said, receipt_by=first.sender, received_at=first.received_at, start_on=first.start_on, due_on=first.due_on
        )

    # Openings: that the receipts stood in a log that nobody could write afterwards.

    def _openings(self, manifest: Manifest) -> None:
        roots: dict[tuple[str, int], bytes] = {}
        used = set()
        for number, row in enumerate(self.rows[OPENINGS], 1):
            used.add(row["proof"])
            receipt = self.members.get(row["receipt"]) if RECEIPT_NAME.fullmatch(row["receipt"]) else None
            proof = self.members.get(row["proof"]) if PROOF_NAME.fullmatch(row["proof"]) else None
            if receipt is None or proof is None:
                self._fault(OPENINGS, f"row {number}: names a member that is not there")
                continue
            if row["keeper"] not in (manifest.country, manifest.partner):
                self._fault(OPENINGS, f"row {number}: the log of a State that has no part in the case")
                continue
            try:
                head = self._open(manifest, row, receipt, proof)
            except _BAD as error:
                self._fault(row["proof"], error)
                continue
            self.entered.setdefault(row["receipt"], {})[row["keeper"]] = (head.origin, head.size)
            self._cosigners(row["proof"], head, proof)
            if roots.setdefault((head.origin, head.size), head.root) != head.root:
                self._fault(row["proof"], "two checkpoints of one log and size have different roots")
        for name, _ in self._named(RECEIPT_NAME):
            if manifest.country not in self.entered.get(name, ()):
                self._fault(name, "no opening that stands puts the receipt into the log of the State that exported")
        for name, _ in self._named(PROOF_NAME):
            if name not in used:
                self._fault(name, f"no row of {OPENINGS} uses the proof")

    def _open(self, manifest: Manifest, row: Mapping[str, Any], receipt: bytes, proof: bytes) -> checkpoint.Checkpoint:
        """Return the checkpoint that ``receipt`` stands under by ``row``. Raises ``BadProof``, ``ValueError``."""
        other = manifest.partner if row["keeper"] == manifest.country else manifest.country
        epoch = row["origin"].removeprefix(f"{row['keeper']}/{other}/")
        if not epoch.isascii() or not epoch.isdigit() or row["origin"] != f"{row['keeper']}/{other}/{epoch}":
            raise BadProof("the log is not one between the two States")
        parsed, r = checkpoint.parse_proof(proof.decode()), b64.decode(row["r"])
        keys = dict.fromkeys(entry.key for card in self.cards.get(row["keeper"], ()) for entry in card.log)
        if not keys:
            raise BadProof(f"no card of {row['keeper']} in the file lists a log key")
        head = checkpoint.verify_entry(receipt, r, parsed, row["origin"], *keys)
        if parsed.index != row["index"]:
            raise BadProof("the entry stands at another index than the opening says")
        return head

    # Cosignatures and time-stamps: that the log was the same for others, and when.

    def _cosigners(self, name: str, head: Checkpoint, proof: bytes) -> None:
        """Remember who cosigned the checkpoint of a proof that stands; one that does not verify is a fault."""
        note = checkpoint.parse_proof(proof.decode()).checkpoint
        _, _, instants_by, known = self.heads.setdefault((head.origin, head.size), (head, name, {}, set()))
        if note not in self.cosigned:  # most proofs of a file are under few of them
            self.cosigned[note] = list(self._cosignatures(note))
        for country, key, at in self.cosigned[note]:
            if isinstance(at, BadProof):
                self._fault(name, at)
            elif at is not None and self.pinned and country not in self.pinned:
                self.notes.append(f"a cosignature of {country} does not count: its identity key was not compared")
            elif at is not None:
                instants_by[country] = at
                known.add((country, key))

    def _cosignatures(self, note: str) -> Iterator[tuple[str, bytes, datetime | BadProof | None]]:
        for country, cards in self.cards.items():
            for key in {key for card in cards for key in card.cosigning}:
                try:
                    yield country, key, cosign.cosigned_at(note, country, (key,))
                except BadProof as error:
                    yield country, key, error

    def _cosigned(self, manifest: Manifest) -> None:
        """Say of each checkpoint of the exporting State who stands by it, if that is not enough."""
        for (origin, size), (_, name, by, known) in self.heads.items():
            if not origin.startswith(f"{manifest.country}/") or self._enough(manifest, by, known):
                continue
            who = f"{', '.join(sorted(by))} alone" if by else "nobody"
            text = f"the checkpoint of {size} entries is cosigned by {who}"
            if self.anchors.witnessed:
                self._fault(name, text)
            else:
                self.notes.append(f"{origin}: {text}")

    def _enough(self, manifest: Manifest, by: Collection[str], known: Collection[tuple[str, bytes]]) -> bool:
        """Return whether cosignatures make the quorum (M-7.13): that of the list, or both States and a third one."""
        if self.policy is not None:
            return self.policy.satisfied(known)
        two = {manifest.country, manifest.partner}
        return two <= set(by) and bool(set(by) - two)

    def _stamps(self) -> None:
        for name, match in self._named(STAMP_NAME):
            place = ("/".join(match.groups()[:3]), int(match[4]))
            if place not in self.heads:
                self._fault(name, "stamps a checkpoint that no proof of the file leads to")
                continue
            head = self.heads[place][0]
            if self.anchors.check_token is None:
                self.notes.append(f"{name}: not checked; give the certificates of the authority to check it")
                continue
            try:
                body = checkpoint.checkpoint_body(head.origin, head.size, head.root)
                self.stamped[place] = self.anchors.check_token(self.members[name], body.encode())
            except ValueError as error:
                self._fault(name, error)

    def _dated(self, manifest: Manifest) -> None:
        """
        Say of a receipt by a key that was revoked later if nobody but who exports shows that it stood before that.

        Whoever has such a key can date a receipt back, and a log alone does not show since when it holds an entry. Of a
        message that who exports received ``_message`` says the same.
        """
        for name, receipt in self.receipts.items():
            kid = jws_format.parse(self.members[name], jws_format.TYP_RECEIPT).kid
            self._dated_by(manifest, name, (receipt.sender, kid), (name,))

    def _dated_by(self, manifest: Manifest, name: str, key: tuple[str, str], receipts: Collection[str]) -> None:
        """Say it of the member ``name``, signed by ``key`` (State and kid), which is as old as ``receipts`` are."""
        country, kid = key
        listed = (one for card in self.cards.get(country, ()) for one in card.signing if one.kid == kid)
        revoked = min((one.revoked_at for one in listed if one.revoked_at is not None), default=None)
        places = [place for receipt in receipts for place in self.entered.get(receipt, {}).values()]
        by = (self.heads[place][2].items() for place in places)
        seen = [at for one in by for country, at in one if country != manifest.country]
        seen += [datetime.fromisoformat(self.stamped[place]) for place in places if place in self.stamped]
        if revoked is None or any(at < revoked for at in seen):
            return
        text = "its key was revoked since, and nobody else signed before that a log held it"
        if self.anchors.witnessed:
            self._fault(name, text)
        else:
            self.notes.append(f"{name}: {text}")

    def _stood(self, manifest: Manifest | None) -> tuple[Stood, ...]:
        if manifest is None:
            return ()
        return tuple(
            Stood(origin, size, by, self._enough(manifest, by, known), self.stamped.get((origin, size)))
            for (origin, size), (_, _, by, known) in sorted(self.heads.items())
            if origin.startswith(f"{manifest.country}/")
        )

    # Content: the messages themselves, where two persons disclosed them.

    def _content(self, manifest: Manifest) -> None:
        known = {row["digest"]: row for row in self.rows[MESSAGES]}
        for name, match in self._named(CONTENT_NAME):
            if not manifest.content:
                self._fault(name, "content in an export that says it has none")
            row = known.get(match[1])
            if row is None:
                self._fault(name, f"content of no message in {MESSAGES}")
                continue
            try:
                self._message(manifest, name, row)
            except _BAD as error:
                self._fault(name, error)
        if known.keys() - {match[1] for _, match in self._named(CONTENT_NAME)}:
            self.notes.append(WITHOUT_CONTENT % {"country": manifest.country, "partner": manifest.partner})

    def _message(self, manifest: Manifest, name: str, row: Mapping[str, Any]) -> None:
        """Check a signed message against its row, its receipt and the sender's keys. Raises."""
        parts = jws_format.parse(self.members[name], jws_format.TYP_MESSAGE)
        payload = wire.parse_payload(parts.payload)
        if payload.digest != row["digest"]:
            raise ValueError("the message has another digest than its name says")
        if (payload.recipient, payload.sender) != _between(manifest, row["direction"]):
            raise ValueError("the message is not between these two States in this direction")
        said = (payload.type, payload.id, payload.epoch, payload.seq, payload.thread)
        if said != (row["type"], row["id"], row["epoch"], row["seq"], manifest.thread):
            raise ValueError(f"the message is not the one that {MESSAGES} tells of")
        # M-8.3: the state of a key is judged at the time of receipt; of what was not received, when it was queued.
        about = self.about.get(row["digest"], {})
        of_it = {name: receipt.received_at for name, receipt in about.items() if _fits(row, receipt)}
        at = next(iter(of_it.values()), None) or instants.parse(row["queued_at"] or row["received_at"] or "")
        parts.verify(self._signing_key(payload.sender, parts.kid, at))
        if row["direction"] == RECEIVED:
            # Who exports says itself when it came, and could date back what it made with a stolen key of the other.
            self._dated_by(manifest, name, (payload.sender, parts.kid), of_it)

    # Clocks: who was late.

    def _clocks(self) -> None:
        known = {row["digest"] for row in self.rows[MESSAGES]}
        for number, row in enumerate(self.rows[CLOCKS], 1):
            if row["evidence"] not in known:
                self._fault(CLOCKS, f"row {number}: started by no message in {MESSAGES}")
            if not row["start_on"] <= (row["soft_on"] or row["due_on"]) <= row["due_on"]:
                self._fault(CLOCKS, f"row {number}: due before it started")
            self._compare(row)
        current = [row["step"] for row in self.rows[CLOCKS] if row["current"]]
        if len(set(current)) != len(current):
            self._fault(CLOCKS, "two clocks of one step are current")

    def _compare(self, row: Mapping[str, Any]) -> None:
        """Note where the receipt that started a clock gives another date; that is for people to settle."""
        if row["step"] not in _DATED or row["cause"] not in ("started", "restarted"):
            return
        for receipt in self.about.get(row["evidence"], {}).values():
            if receipt.due_on and receipt.due_on.isoformat() != row["due_on"]:
                self.notes.append(
                    f"{row['step']} to {row['evidence']}: {receipt.sender} reckons {receipt.due_on}, "
                    f"the exporting State {row['due_on']}"
                )

    def _gone(self, manifest: Manifest) -> None:
        """Check that what is missing is said to be missing."""
        told = {row["digest"] for row in self.rows[GONE] if row["what"] == "content"}
        held = {match[1] for _, match in self._named(CONTENT_NAME)}
        missing = {row["digest"] for row in self.rows[MESSAGES]} - held - told
        if manifest.content and missing:
            self._fault(GONE, "does not tell of every message whose content is missing")
        self.notes += [f"gone: {row['what']} {row['digest'] or ''}".rstrip() for row in self.rows[GONE]]


_DATED = frozenset(step for one in TYPES.values() if (step := one.clock_step) is not None)
"""The steps whose dates a receipt tells; that of a request starts another clock too, of which it says nothing."""


def _between(manifest: Manifest, direction: str) -> tuple[str, str]:
    """Return (State that received, State that sent) a message of ``direction``."""
    two = (manifest.partner, manifest.country)
    return two if direction == SENT else (two[1], two[0])


def _fits(row: Mapping[str, Any], receipt: Receipt) -> bool:
    """Return whether ``receipt`` says of a message what its row says."""
    if (receipt.payload, receipt.status, receipt.code) != (row["digest"], row["status"], row["code"]):
        return False
    if row["direction"] == SENT and row["received_at"] is None:
        return True  # its own State was not there
    return bool(instants.serialize(receipt.received_at) == row["received_at"])
