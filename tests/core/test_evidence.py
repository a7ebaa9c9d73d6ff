"""
The verifier against files that a cheating gateway would make: every hash is right and the manifest is signed anew.

The export is made by hand from fixed keys, without store or services.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import (
    checkpoint,
    cosign,
    evidence,
    evidence_manifest,
    evidence_rows,
    evidence_trust,
    merkle,
    wire,
)
from gateway.core.evidence_manifest import Manifest
from gateway.core.evidence_verifier import Anchors, verify
from keys import b64, card, jws, trust_list
from keys.card import parse_card
from keys.cosign import CosigningKey
from keys.seal import SealingKey
from keys.sign import SigningKey
from tests.support.evidence import faults_by_member
from tests.support.proofs import inclusion_proof
from tests.support.rows import for_each
from tests.support.trust_list import World, make_world, now

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
R = bytes(range(32))
THREAD = b64.encode(bytes([9]) * 16)


@dataclass(frozen=True)
class State:
    """One State of the test: its keys."""

    country: str
    identity: SigningKey
    signing: SigningKey
    log: SigningKey


XAA = State("XAA", *(SigningKey(bytes([number]) * 32) for number in (1, 2, 3)))
XBB = State("XBB", *(SigningKey(bytes([number]) * 32) for number in (4, 5, 6)))


def make_card(state: State, **changes: Any) -> bytes:
    """Return a card of ``state``, with ``changes`` in its claims."""
    sealing = sealing_key(state.country)
    window = {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "revoked_at": None}
    claims = {
        "v": 1,
        "country": state.country,
        "serial": 1,
        "prev": None,
        "epoch": 1,
        "identity": b64.encode(state.identity.public),
        "signing": [{"kid": state.signing.kid, "key": b64.encode(state.signing.public), **window}],
        "sealing": [{"kid": b64.encode(sealing.kid), "suite": 1, "key": b64.encode(sealing.public), **window}],
        "roles": [],
        "log": [{"kid": state.log.kid, "key": b64.encode(state.log.public)}],
        "addresses": ["https://gateway.example"],
        "spki": [],
        "authorities": [
            {"id": f"{state.country}-01", "name": "One", "tasks": ["NATIONALITY"], "from": "2026-01-01", "until": None}
        ],
        "issued_at": "2026-01-01T00:00:00Z",
    }
    return card.sign_card(claims | changes, state.identity)


@cache
def sealing_key(country: str) -> SealingKey:
    return SealingKey(1, sha256(country.encode()).digest())


def revoked(state: State) -> bytes:
    """Return a second card that revokes the signing key from before the test's instant on."""
    first = parse_card(make_card(state))
    window = {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "revoked_at": "2026-02-01T00:00:00Z"}
    signing = [{"kid": state.signing.kid, "key": b64.encode(state.signing.public), **window}]
    return make_card(state, serial=2, prev=first.digest, signing=signing)


MESSAGE = wire.serialize_payload(
    type="withdrawal",
    id=b64.encode(bytes([7]) * 16),
    sender="XAA",
    recipient="XBB",
    thread=THREAD,
    epoch=1,
    seq=2,
    prev=None,
    issued_at=NOW,
    expires_at=NOW + timedelta(days=1),
    in_reply_to=None,
    clock=None,
    statements=(),
    body=b'{"code":"WITHDRAWN_NO_REASON"}',
)
DIGEST = wire.payload_digest(MESSAGE)
RECEIPT = wire.Receipt("XBB", "XAA", DIGEST, wire.ACCEPTED, None, NOW, date(2026, 3, 20), date(2026, 4, 3))
RECEIPT_NAME = f"receipts/{DIGEST}.jws"
CONTENT_NAME = f"content/{DIGEST}.jws"

ROW: Mapping[str, Any] = {
    "direction": "sent",
    "type": "withdrawal",
    "id": b64.encode(bytes([7]) * 16),
    "epoch": 1,
    "seq": 2,
    "digest": DIGEST,
    "queued_at": "2026-03-20T12:00:00Z",
    "posted_at": "2026-03-20T12:00:00Z",
    "received_at": None,
    "answered_at": "2026-03-20T12:00:01Z",
    "expires_at": "2026-03-21T12:00:00Z",
    "state": "receipted",
    "status": "accepted",
    "code": None,
}
CLOCK: Mapping[str, Any] = {
    "step": "reply",
    "version": 1,
    "cause": "started",
    "current": True,
    "instrument": "POLICY_DEFAULT",
    "start_event": "receipt",
    "evidence": DIGEST,
    "start_on": "2026-03-20",
    "soft_on": None,
    "due_on": "2026-04-03",
    "due_at": "2026-04-03T22:00:00Z",
    "calendar": "XBB-2026-27",
    "calendar_version": "1",
    "zone": "Europe/Vienna",
    "reason": None,
    "confidence": "unverified",
}


def signed_receipt(receipt: wire.Receipt = RECEIPT, state: State = XBB) -> bytes:
    return jws.sign(wire.serialize_receipt(receipt), jws.TYP_RECEIPT, state.signing)


def proof(
    state: State,
    other: str,
    receipt: bytes,
    *,
    more: bytes = bytes(32),
    signer: SigningKey | None = None,
    epoch: int = 1,
) -> str:
    """Return the proof that ``receipt`` is the first of two entries in the log of ``state``."""
    origin = checkpoint.origin(state.country, other, epoch)
    leaves = [merkle.leaf_hash(checkpoint.log_entry(receipt, R)), more]
    body = checkpoint.checkpoint_body(origin, 2, merkle.root_hash(leaves))
    note = checkpoint.sign_note(body, origin, signer or state.log)
    return checkpoint.proof_text(0, inclusion_proof(leaves, 0, 2), note)


def opening(keeper: str, other: str) -> dict[str, Any]:
    return {
        "receipt": RECEIPT_NAME,
        "proof": f"log/{DIGEST}.{keeper}.proof",
        "keeper": keeper,
        "origin": f"{keeper}/{other}/1",
        "index": 0,
        "r": b64.encode(R),
    }


ABOUT = Manifest("ref", "XAA", "XBB", "requesting", THREAD, NOW, NOW, True, False, {})
TABLES: Mapping[str, list[Mapping[str, Any]]] = {
    evidence.MESSAGES: [ROW],
    evidence.EVENTS: [],
    evidence.CLOCKS: [CLOCK],
    evidence.OPENINGS: [opening("XAA", "XBB"), opening("XBB", "XAA")],
    evidence.GONE: [],
}


def plain(**tables: list[Mapping[str, Any]]) -> dict[str, bytes]:
    """Return the members of an export without its manifest; ``messages=[…]`` replaces a table."""
    receipt = signed_receipt()
    members = {
        evidence.README: b"read me",
        "cards/XAA-1.jws": make_card(XAA),
        "cards/XBB-1.jws": make_card(XBB),
        RECEIPT_NAME: receipt,
        f"log/{DIGEST}.XAA.proof": proof(XAA, "XBB", receipt).encode(),
        f"log/{DIGEST}.XBB.proof": proof(XBB, "XAA", receipt).encode(),
        CONTENT_NAME: jws.sign(MESSAGE, jws.TYP_MESSAGE, XAA.signing),
    }
    for name, rows in TABLES.items():
        members[name] = evidence.table(name, tables.get(evidence.TABLES[name], rows))
    return members


def signed(members: Mapping[str, bytes], about: Manifest = ABOUT, signer: SigningKey | None = None) -> dict[str, bytes]:
    """Return ``members`` with a right manifest over them, signed by the gateway that cheats."""
    return evidence_manifest.build(about, members, signer or XAA.signing)


def faults(members: Mapping[str, bytes]) -> dict[str, list[str]]:
    return faults_by_member(verify(members).faults)


def test_export_made_by_hand_verifies() -> None:
    """The export that the forgeries below start from is in order, and its report says what is proved."""
    report = verify(signed(plain()))
    notes = ("XAA/XBB/1: the checkpoint of 2 entries is cosigned by nobody",)
    assert ((), notes) == (report.faults, report.notes)
    (message,) = report.messages
    assert ("XBB", NOW, date(2026, 4, 3)) == (message.receipt_by, message.received_at, message.due_on)


def _without(*names: str) -> dict[str, bytes]:
    return {name: raw for name, raw in plain().items() if name not in names}


FORGERIES: Mapping[str, tuple[str, str, Callable[[], dict[str, bytes]]]] = {
    "a receipt by another State's key": (
        RECEIPT_NAME,
        "lists the key",
        lambda: plain() | {RECEIPT_NAME: signed_receipt(state=XAA)},
    ),
    "a receipt from the wrong side": (
        RECEIPT_NAME,
        "not from the State",
        lambda: plain() | {RECEIPT_NAME: signed_receipt(replace(RECEIPT, sender="XAA", recipient="XBB"), XAA)},
    ),
    "a receipt of another message": (
        RECEIPT_NAME,
        "another message",
        lambda: plain() | {RECEIPT_NAME: signed_receipt(replace(RECEIPT, payload="A" * 43))},
    ),
    "a receipt signed before the key was valid": (
        RECEIPT_NAME,
        "at that time",
        lambda: plain() | {RECEIPT_NAME: signed_receipt(replace(RECEIPT, received_at=NOW - timedelta(days=200)))},
    ),
    "a receipt by a revoked key": (
        RECEIPT_NAME,
        "revoked",
        lambda: plain() | {"cards/XBB-2.jws": revoked(XBB)},
    ),
    "a receipt of a day without a UTC": (
        RECEIPT_NAME,
        "",
        lambda: (
            plain()
            | {
                RECEIPT_NAME: jws.sign(
                    wire.serialize_receipt(RECEIPT).replace(b"2026-03-20T12:00:00Z", b"0001-01-01T00:00:00+09:00"),
                    jws.TYP_RECEIPT,
                    XBB.signing,
                )
            }
        ),
    ),
    "another status": (
        evidence.MESSAGES,
        "no receipt that stands",
        lambda: plain(messages=[{**ROW, "status": "refused", "code": "stale"}]),
    ),
    "a status hidden": (
        evidence.MESSAGES,
        "no status",
        lambda: plain(messages=[{**ROW, "status": None}]),
    ),
    "another code": (
        evidence.MESSAGES,
        "no receipt that stands",
        lambda: plain(messages=[{**ROW, "code": "stale"}]),
    ),
    "received at no instant": (
        evidence.MESSAGES,
        "no instant of receipt",
        lambda: plain(messages=[{**ROW, "direction": "received", "status": None}]),
    ),
    "a message left out": (RECEIPT_NAME, "no message in", lambda: plain(messages=[])),
    "a message twice": (evidence.MESSAGES, "twice", lambda: plain(messages=[ROW, ROW])),
    "another type": (
        CONTENT_NAME,
        "not the one that",
        lambda: plain(messages=[{**ROW, "type": "reminder"}]),
    ),
    **{
        f"another {name}": (CONTENT_NAME, "not the one that", partial(plain, messages=[{**ROW, name: value}]))
        for name, value in (("id", b64.encode(bytes(16))), ("epoch", 2), ("seq", 3))
    },
    "a receipt in the log of the receiver alone": (
        RECEIPT_NAME,
        "no opening that stands puts the receipt into the log of the State that exported",
        lambda: {name: raw for name, raw in plain(openings=[opening("XBB", "XAA")]).items() if ".XAA." not in name},
    ),
    "an opening by a State that has no part": (
        evidence.OPENINGS,
        "has no part",
        lambda: plain(openings=[*TABLES[evidence.OPENINGS], {**opening("XBB", "XAA"), "keeper": "XCC"}]),
    ),
    "a receipt in no log": (
        RECEIPT_NAME,
        "no opening",
        lambda: plain(openings=[]),
    ),
    "an opening by another r": (
        f"log/{DIGEST}.XAA.proof",
        "root",
        lambda: plain(openings=[{**opening("XAA", "XBB"), "r": b64.encode(bytes(32))}, opening("XBB", "XAA")]),
    ),
    "an opening at another index": (
        f"log/{DIGEST}.XAA.proof",
        "another index",
        lambda: plain(openings=[{**opening("XAA", "XBB"), "index": 1}, opening("XBB", "XAA")]),
    ),
    "an opening in another log": (
        f"log/{DIGEST}.XAA.proof",
        "between the two States",
        lambda: plain(openings=[{**opening("XAA", "XBB"), "origin": "XAA/XCC/1"}, opening("XBB", "XAA")]),
    ),
    "an opening that names nothing": (
        evidence.OPENINGS,
        "not there",
        lambda: plain(openings=[opening("XAA", "XBB"), {**opening("XBB", "XAA"), "proof": "../../etc/passwd"}]),
    ),
    "a checkpoint by another key": (
        f"log/{DIGEST}.XBB.proof",
        "not signed by a log key",
        lambda: plain() | {f"log/{DIGEST}.XBB.proof": proof(XBB, "XAA", signed_receipt(), signer=XAA.log).encode()},
    ),
    "two states of one log": (
        f"log/{DIGEST}.2.XAA.proof",
        "different roots",
        lambda: (
            plain(
                openings=[*TABLES[evidence.OPENINGS], {**opening("XAA", "XBB"), "proof": f"log/{DIGEST}.2.XAA.proof"}]
            )
            | {f"log/{DIGEST}.2.XAA.proof": proof(XAA, "XBB", signed_receipt(), more=bytes([1]) * 32).encode()}
        ),
    ),
    "a proof nobody uses": (
        f"log/{DIGEST}.XBB.proof",
        "no row",
        lambda: plain(openings=[opening("XAA", "XBB")]),
    ),
    "content by another key": (
        CONTENT_NAME,
        "lists the key",
        lambda: plain() | {CONTENT_NAME: jws.sign(MESSAGE, jws.TYP_MESSAGE, XBB.signing)},
    ),
    "other content": (
        CONTENT_NAME,
        "another digest",
        lambda: (
            plain() | {CONTENT_NAME: jws.sign(MESSAGE.replace(b'"seq":2', b'"seq":3'), jws.TYP_MESSAGE, XAA.signing)}
        ),
    ),
    "content of no instant": (
        CONTENT_NAME,
        "not an instant",
        lambda: plain(messages=[{**ROW, "status": None, "queued_at": None}]),
    ),
    "content left out": (evidence.GONE, "does not tell", lambda: _without(CONTENT_NAME)),
    "a clock without a cause": (
        evidence.CLOCKS,
        "started by no message",
        lambda: plain(clocks=[{**CLOCK, "evidence": "A" * 43}]),
    ),
    "a clock that runs backwards": (
        evidence.CLOCKS,
        "due before",
        lambda: plain(clocks=[{**CLOCK, "due_on": "2026-03-19"}]),
    ),
    "a day written otherwise": (
        evidence.CLOCKS,
        "due_on",
        lambda: plain(clocks=[{**CLOCK, "due_on": "20260403"}]),
    ),
    "a soft day after the last one": (
        evidence.CLOCKS,
        "due before",
        lambda: plain(clocks=[{**CLOCK, "soft_on": "2026-04-04"}]),
    ),
    "two current clocks": (evidence.CLOCKS, "two clocks", lambda: plain(clocks=[CLOCK, CLOCK])),
    "a row of another form": (
        evidence.EVENTS,
        "members",
        lambda: plain(events=[{"name": "somebody"}]),
    ),
    "a card of a third State": (
        "cards/XCC-1.jws",
        "no part",
        lambda: plain() | {"cards/XCC-1.jws": make_card(replace(XBB, country="XCC"))},
    ),
    "a card by another name": (
        "cards/XBB-3.jws",
        "its name says",
        lambda: _without("cards/XBB-1.jws") | {"cards/XBB-3.jws": make_card(XBB)},
    ),
    "a chain broken": (
        "cards/XBB-2.jws",
        "does not name the one before",
        lambda: plain() | {"cards/XBB-2.jws": make_card(XBB, serial=2, prev="A" * 43)},
    ),
    "no card of the partner": (evidence.MANIFEST, "no card of XBB", lambda: _without("cards/XBB-1.jws")),
    "a table left out": (evidence.EVENTS, "missing", lambda: _without(evidence.EVENTS)),
    "no text to read": (evidence.MANIFEST, "README", lambda: _without(evidence.README)),
    "a table that is none": (
        evidence.GONE,
        "not the table",
        lambda: plain() | {evidence.GONE: b'{"gone":{}}'},
    ),
    "a table with another one in it": (
        evidence.GONE,
        "not the table",
        lambda: plain() | {evidence.GONE: b'{"gone":[],"more":[]}'},
    ),
}


@for_each("name", FORGERIES)
def test_forgery_with_a_right_manifest_is_named(name: str) -> None:
    """Rehashing and signing anew does not help: what contradicts a signature is found and named."""
    member, reason, make = FORGERIES[name]
    assert reason in "; ".join(faults(signed(make()))[member])


def test_content_of_another_case() -> None:
    """A message of another case of the same two States proves nothing in this one."""
    assert "not the one that" in faults(signed(plain(), replace(ABOUT, thread=b64.encode(bytes(16)))))[CONTENT_NAME][0]


def test_content_that_the_other_state_sent() -> None:
    """What the other State signed is no message of who exports."""
    message = MESSAGE.replace(b'"from":"XAA","to":"XBB"', b'"from":"XBB","to":"XAA"')
    digest = wire.payload_digest(message)
    members = plain(messages=[ROW, {**ROW, "digest": digest, "status": None}])
    name = f"content/{digest}.jws"
    found = faults(signed(members | {name: jws.sign(message, jws.TYP_MESSAGE, XBB.signing)}))
    assert {name: ["the message is not between these two States in this direction"]} == found


def test_content_where_there_should_be_none() -> None:
    """A file that says it holds no content may hold none."""
    assert CONTENT_NAME in faults(signed(plain(), replace(ABOUT, content=False)))


@pytest.mark.parametrize(
    "about", [replace(ABOUT, partner="XAA"), replace(ABOUT, country="XBB"), replace(ABOUT, country="XCC")]
)
def test_manifest_of_other_states(about: Manifest) -> None:
    """A manifest about other States than the cards and receipts is found."""
    assert evidence.SIGNED in faults(signed(plain(), about)) or evidence.MANIFEST in faults(signed(plain(), about))


def test_manifest_signed_by_the_other_state() -> None:
    """Only the State that the manifest names as the exporting one may sign it."""
    assert {evidence.SIGNED} == set(faults(signed(plain(), signer=XBB.signing)))


def test_other_kind_of_signature_is_no_manifest() -> None:
    """A signature made for another kind of object does not stand for a manifest."""
    members = signed(plain())
    members[evidence.SIGNED] = jws.sign(members[evidence.MANIFEST], jws.TYP_MESSAGE, XAA.signing)
    assert {evidence.SIGNED} == set(faults(members))


def test_every_fault_is_reported() -> None:
    """Three things wrong in three members give faults in all three."""
    members = signed(plain())
    changed = {evidence.README, RECEIPT_NAME, evidence.EVENTS}
    assert changed <= set(faults(members | {name: members[name] + b"\n" for name in changed}))


def test_file_from_before_the_confidence_was_kept_is_whole() -> None:
    """Rows without how sure the figure is were exported once, and verify as they did; other members do not go."""
    before = {name: value for name, value in CLOCK.items() if name != "confidence"}
    assert () == verify(signed(plain(clocks=[before]))).faults
    less = {name: value for name, value in CLOCK.items() if name != "reason"}
    assert {evidence.CLOCKS} == set(faults(signed(plain(clocks=[less]))))


def test_two_reckonings_are_a_note_and_no_fault() -> None:
    """That the States reckon different due dates is for people to settle; the file is whole."""
    report = verify(signed(plain(clocks=[{**CLOCK, "due_on": "2026-04-07"}])))
    assert () == report.faults
    assert any("2026-04-03" in note and "2026-04-07" in note for note in report.notes)


def dated_back(*, theirs: bool) -> dict[str, bytes]:
    """Return a receipt by a key that XBB revoked since, of before that; without ``theirs`` no log of XBB holds it."""
    first = parse_card(make_card(XBB))
    window = {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "revoked_at": "2026-04-01T00:00:00Z"}
    signing = [{"kid": XBB.signing.kid, "key": b64.encode(XBB.signing.public), **window}]
    members = plain() if theirs else plain(openings=[opening("XAA", "XBB")])
    if not theirs:
        del members[f"log/{DIGEST}.XBB.proof"]
    return members | {"cards/XBB-2.jws": make_card(XBB, serial=2, prev=first.digest, signing=signing)}


def test_receipt_that_stands_in_the_log_of_who_exports_alone_proves_nothing() -> None:
    """Who has a stolen key of the other State dates receipts as they like; its log has none of them."""
    found = faults(signed(dated_back(theirs=False)))
    assert {"messages.json": ["row 1: no opening puts a receipt that says so into the receiver's log"]} == found


def test_receipt_by_a_key_revoked_since_is_told_where_nobody_shows_that_it_is_older() -> None:
    """It is a note, for a receipt of before proves what it proved; where cosignatures are demanded it is a fault."""
    pins = {"XAA": [XAA.identity.public], "XBB": [XBB.identity.public]}
    members = signed(dated_back(theirs=True))
    text = "its key was revoked since, and nobody else signed before that a log held it"
    report = verify(members, Anchors(identities=pins))
    assert ((), True) == (report.faults, f"{RECEIPT_NAME}: {text}" in report.notes)
    report = verify(members, Anchors(identities=pins, witnessed=True))
    assert text in [fault.reason for fault in report.faults if fault.member == RECEIPT_NAME]


def received_from_a_thief() -> dict[str, bytes]:
    """Return a message of XBB by a key that it revoked since, in a receipt and a log of XAA alone, who exports it."""
    message = MESSAGE.replace(b'"from":"XAA","to":"XBB"', b'"from":"XBB","to":"XAA"')
    digest = wire.payload_digest(message)
    receipt = signed_receipt(wire.Receipt("XAA", "XBB", digest, wire.ACCEPTED, None, NOW, None, None), XAA)
    row = {**ROW, "direction": "received", "digest": digest, "received_at": "2026-03-20T12:00:00Z", "state": None}
    row |= dict.fromkeys(("queued_at", "posted_at", "answered_at"))
    names = {"receipt": f"receipts/{digest}.jws", "proof": f"log/{digest}.XAA.proof"}
    members = dated_back(theirs=True) | plain(
        messages=[ROW, row], openings=[*TABLES[evidence.OPENINGS], {**opening("XAA", "XBB"), **names}]
    )
    return members | {
        names["receipt"]: receipt,
        names["proof"]: proof(XAA, "XBB", receipt, more=bytes([3]) * 32).encode(),
        f"content/{digest}.jws": jws.sign(message, jws.TYP_MESSAGE, XBB.signing),
    }


def test_received_at_another_instant_than_the_receipt_says() -> None:
    """Who exports received it: its own receipt says when, and a row that dates it otherwise is found."""
    members = received_from_a_thief()
    raw = members[evidence.MESSAGES].replace(b'"received_at": "2026-03-20T12', b'"received_at": "2026-03-20T11')
    assert raw != members[evidence.MESSAGES]
    found = faults(signed(members | {evidence.MESSAGES: raw}))
    assert ["row 2: no receipt that stands says so"] == found[evidence.MESSAGES]


COSIGNER = CosigningKey(bytes([7]) * 32)


def cosigned(members: Mapping[str, bytes], place: str, country: str, at: datetime = NOW) -> dict[str, bytes]:
    """Return ``members`` with the checkpoint of the proof at ``place`` cosigned by ``country`` with ``COSIGNER``."""
    proof = members[place].decode()
    line = cosign.cosign(checkpoint.parse_proof(proof).checkpoint, country, COSIGNER, at)
    return {**members, place: (proof + line).encode()}


def test_own_cosignature_does_not_show_that_a_receipt_is_older() -> None:
    """Who exports and has a stolen key of the other State signs its own checkpoints as it likes."""
    members = received_from_a_thief()
    (name,) = {name for name in members if name.startswith("content/")} - {CONTENT_NAME}
    place = name.replace("content/", "log/").replace(".jws", ".XAA.proof")
    second = make_card(XAA, serial=2, prev=parse_card(make_card(XAA)).digest, cosigning=[b64.encode(COSIGNER.public)])
    report = verify(signed(cosigned(members | {"cards/XAA-2.jws": second}, place, "XAA")))
    assert {"XAA"} == {by for one in report.checkpoints for by in one.cosigned}
    assert any(name in note for note in report.notes)


def test_earliest_of_two_revocations_counts() -> None:
    """A theft found to be older is announced as older: what was cosigned since then shows nothing any more."""
    members, place = dated_back(theirs=True), f"log/{DIGEST}.XBB.proof"
    second = parse_card(members["cards/XBB-2.jws"])
    signing = [{**card.claims_of(second)["signing"][0], "revoked_at": "2026-03-21T12:00:00Z"}]
    changes = {"signing": signing, "cosigning": [b64.encode(COSIGNER.public)]}
    members["cards/XBB-3.jws"] = make_card(XBB, serial=3, prev=second.digest, **changes)
    notes = verify(signed(cosigned(members, place, "XBB", NOW + timedelta(days=2)))).notes
    assert any(note.startswith(RECEIPT_NAME) for note in notes)
    notes = verify(signed(cosigned(members, place, "XBB", NOW + timedelta(hours=2)))).notes
    assert not any(note.startswith(RECEIPT_NAME) for note in notes)


def test_key_of_a_message_is_judged_when_it_was_received() -> None:
    """A message that waited is signed by a key of the day on which it was received (M-8.3)."""
    assert {} == faults(signed(plain(messages=[{**ROW, "queued_at": "2025-12-01T12:00:00Z"}])))


def test_third_state_alone_is_no_quorum() -> None:
    """That the log was the same for all says only who cosigns beside the two States, and not in their place."""
    third = make_card(replace(XBB, country="XCC"), cosigning=[b64.encode(COSIGNER.public)])
    report = verify(signed(cosigned(plain() | {"cards/XCC-1.jws": third}, f"log/{DIGEST}.XAA.proof", "XCC")))
    assert ((), [(["XCC"], False)]) == (report.faults, [(list(one.cosigned), one.enough) for one in report.checkpoints])


# The trust list in the file, from the root that was compared.


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A trust list that names both States."""
    made = make_world(tmp_path)
    for state in (XAA, XBB):
        made.add(state.country, identity=state.identity, first=parse_card(make_card(state)))
    return made


def of_list(world: World) -> dict[str, bytes]:
    """Return the parts of a trust list as an export holds them."""
    held = world.repository
    parts = {"1.root": held.root(1), "timestamp": held.timestamp(), "snapshot": held.snapshot()}
    parts |= {"targets": held.targets(), **{country: held.part(country) for country in world.states}}
    members = {f"trust/{name}.json": trust_list.serialize(part) for name, part in parts.items() if part is not None}
    return members | {f"trust/{country}.cards.json": state.document() for country, state in world.states.items()}


def anchors(world: World, **identities: list[bytes]) -> Anchors:
    """Return the root of the list, as somebody compared it, and ``identities`` that were compared besides."""
    return Anchors(identities, (world.folder / "metadata" / "1.root.json").read_bytes())


def by_member(world: World, members: Mapping[str, bytes], **identities: list[bytes]) -> dict[str, list[str]]:
    return faults_by_member(verify(signed(members), anchors(world, **identities)).faults)


def test_root_leads_to_both_states(world: World) -> None:
    """The file that the forgeries below start from is in order, and nobody has to compare an identity key."""
    members = signed(plain() | of_list(world))
    report = verify(members, anchors(world))
    assert ((), [True, True]) == (report.faults, [one.pinned for one in report.identities])
    assert [False, False] == [one.pinned for one in verify(members).identities]  # the file brought that root itself


def test_state_whose_cards_of_the_list_are_left_out(world: World) -> None:
    """Otherwise the root that was compared would say nothing of that State, and anybody's keys would do."""
    cut = {name: raw for name, raw in of_list(world).items() if not name.startswith("trust/XBB")}
    assert {"trust/XBB.cards.json": ["missing"]} == by_member(world, plain() | cut)


def test_state_for_which_the_list_lets_anybody_speak(world: World) -> None:
    """A delegation of another form than that of a State leads to no card (M-8.9)."""
    targets = world.repository.targets()
    assert targets is not None
    draft = trust_list.next_targets(targets.signed, now())
    assert draft.signed.delegations is not None
    assert draft.signed.delegations.roles is not None
    draft.signed.delegations.roles["XBB"].threshold = 1
    world.repository.save_draft("targets", draft)
    world.sign("targets", world.three())
    world.publish()
    found = by_member(world, plain() | of_list(world))
    assert ["the trust list lets nobody speak for this State"] == found["trust/XBB.cards.json"]


def test_card_of_another_state_in_the_list(world: World) -> None:
    """A State that lists the card of another speaks by no key of that one."""
    world.states["XBB"].cards = [parse_card(make_card(XAA))]
    world.publish_cards("XBB")
    assert ["a card of another State"] == by_member(world, plain() | of_list(world))["trust/XBB.cards.json"]


def test_identity_that_was_compared_goes_before_the_list(world: World) -> None:
    """No card under another key than that is believed, whoever lists it."""
    found = by_member(world, plain() | of_list(world), XBB=[XAA.signing.public])
    assert "no card of XBB stands" in found[evidence.MANIFEST]


def test_later_identity_of_the_list_is_not_the_one_that_was_compared(world: World) -> None:
    """Where the list goes on under another identity key, its keys sign nothing for who compared the one before."""
    later = State("XBB", *(SigningKey(bytes([number]) * 32) for number in (10, 11, 12)))
    second = make_card(later, serial=2, prev=parse_card(make_card(XBB)).digest)
    world.states["XBB"].cards.append(parse_card(second))
    world.publish_cards("XBB")
    members = plain() | of_list(world) | {RECEIPT_NAME: signed_receipt(state=later)}
    found = by_member(world, members, XBB=[XBB.identity.public])[RECEIPT_NAME]
    assert "no card of XBB in the file lists the key at that time" in found


@pytest.mark.parametrize("old", [True, False], ids=["by the trustees before alone", "by the new trustees alone"])
def test_next_root_is_signed_by_the_trustees_before_and_by_its_own(world: World, old: bool) -> None:
    """Else whoever makes a root of their own, or a few trustees of old, would lead to keys of theirs."""
    strangers = {name: SigningKey.generate() for name in world.trustees}
    root = world.repository.root()
    assert root is not None
    made = trust_list.next_root(root.signed, NOW, trustees={name: key.public for name, key in strangers.items()})
    for key in (world.trustees if old else strangers).values():
        trust_list.add_signature(made, key)
    found = by_member(world, plain() | of_list(world) | {"trust/2.root.json": trust_list.serialize(made)})
    assert "trust/2.root.json" in found


def test_quorum_that_the_list_does_not_name(world: World) -> None:
    """Who exports does not say itself whose cosignatures suffice."""
    members = plain() | of_list(world) | {evidence_trust.WITNESS: b"quorum none\n"}
    assert ["other bytes than the trust list names"] == by_member(world, members)[evidence_trust.WITNESS]


def test_message_by_a_key_revoked_since_is_told_where_nobody_shows_that_it_is_older() -> None:
    """Who exports and has a stolen key of the other State could have made it, with a receipt that is dated back."""
    members = received_from_a_thief()
    (name,) = {name for name in members if name.startswith("content/")} - {CONTENT_NAME}
    report = verify(signed(members))
    text = "its key was revoked since, and nobody else signed before that a log held it"
    assert f"{name}: {text}" in report.notes
    assert text in faults_by_member(verify(signed(members), Anchors(witnessed=True)).faults)[name]


def test_what_a_receipt_does_not_say_is_told_where_there_is_no_content() -> None:
    """What kind a message was, of which case, and that it was sent at all, is the word of the State that exports."""
    without = _without(CONTENT_NAME)
    report = verify(signed(without, replace(ABOUT, content=False)))
    assert ((), True) == (report.faults, any("the word of XAA alone" in note for note in report.notes))


def test_second_receipt_of_another_instant_is_told() -> None:
    """A State that received a message twice signed two instants; which of them counts is for people to settle."""
    later = signed_receipt(replace(RECEIPT, received_at=NOW + timedelta(hours=2)))
    stem = f"{DIGEST}.2"
    second = {**opening("XAA", "XBB"), "receipt": f"receipts/{stem}.jws", "proof": f"log/{stem}.XAA.proof"}
    members = plain(openings=[*TABLES[evidence.OPENINGS], {**second, "origin": "XAA/XBB/2"}])
    note = proof(XAA, "XBB", later, epoch=2)
    report = verify(signed(members | {second["receipt"]: later, second["proof"]: note.encode()}))
    assert () == report.faults
    assert f"message {DIGEST}: a second receipt says accepted at 2026-03-20T14:00:00Z" in report.notes


def test_rotated_key_is_found_in_an_older_card() -> None:
    """A receipt by a key that only an older card lists still verifies, while no card revokes it."""
    later = SigningKey(bytes([8]) * 32)
    window = {"from": "2026-06-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "revoked_at": None}
    signing = [{"kid": later.kid, "key": b64.encode(later.public), **window}]
    second = make_card(XBB, serial=2, prev=parse_card(make_card(XBB)).digest, signing=signing)
    assert {} == faults(signed(plain() | {"cards/XBB-2.jws": second}))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b"[]",
        b'{"format":"isthmus-evidence/1"}',
        b"\xff",
        json.dumps(dict.fromkeys(evidence_manifest._MANIFEST_MEMBERS)).encode(),
        signed(plain())[evidence.MANIFEST].replace(b"2026-03-20T12:00:00Z", b"00010101T000000+0100"),
    ],
)
def test_manifest_that_is_none(value: bytes) -> None:
    """Whatever stands for the manifest, signed or not, is a fault and raises nothing."""
    members = plain() | {evidence.MANIFEST: value, evidence.SIGNED: jws.sign(value, jws.TYP_EVIDENCE, XAA.signing)}
    assert {evidence.MANIFEST, evidence.SIGNED} <= set(faults(members))


SPOILT: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "white space": lambda value: json.dumps(value).encode(),
    "a number for a boolean": lambda value: evidence.indented({**value, "content": int(value["content"])}),
    "another number for a boolean": lambda value: evidence.indented({**value, "erased": int(value["erased"])}),
    "a number for a text": lambda value: evidence.indented({**value, "case": 1}),
    "an unknown member": lambda value: evidence.indented(
        {**value, "members": dict(sorted([*value["members"].items(), ("a.exe", {"sha256": "", "size": 1})]))}
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_manifest_has_one_form(name: str) -> None:
    """White space, a value of another kind or a name that no member has make it none."""
    raw = signed(plain())[evidence.MANIFEST]
    assert raw == evidence_manifest.serialize_manifest(evidence_manifest.parse_manifest(raw))
    with pytest.raises(ValueError, match="not a manifest of this format"):
        evidence_manifest.parse_manifest(SPOILT[name](json.loads(raw)))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.just(DIGEST) | st.just("XAA"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(evidence.TABLES)), st.data())
def test_hostile_rows_raise_nothing(name: str, data: st.DataObject) -> None:
    """Rows of any values, in a manifest that is right, lead to faults and never to an error."""
    form = evidence_rows.FORMS[name]
    made = [{key: data.draw(VALUES) for key in form} for _ in range(2)]
    mixed = [{**row, **data.draw(st.dictionaries(st.sampled_from(list(form)), VALUES))} for row in TABLES[name]]
    report = verify(signed(plain(**{evidence.TABLES[name]: [*made, *mixed]})))
    assert {evidence.SIGNED, evidence.MANIFEST}.isdisjoint(faults_by_member(report.faults))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(signed(plain()))), st.binary(max_size=40), st.integers(0, 2000))
def test_hostile_bytes_raise_nothing(name: str, piece: bytes, at: int) -> None:
    """Any member cut and filled with anything is named."""
    members = signed(plain())
    raw = members[name]
    changed = raw[: at % (len(raw) + 1)] + piece
    assert changed == raw or name in faults(members | {name: changed})
