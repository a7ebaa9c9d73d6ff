"""Vectors of cards and their chain."""

import json
from hashlib import sha256
from typing import Any

from nacl.signing import SigningKey

from conformance.reading import b64u, compact, key_id, sealing_key
from conformance.vectors.makers.collector import Collector, Json
from conformance.vectors.makers.story import ASKED, IDENTITY, LOG, NOW, SEAL_SEEDS, SIGNER, fixed, jws, public

TYP = "xg1-card+jws"


def card_claims(**changes: Any) -> Json:
    """Return the content of the example card of XBB, with members changed."""
    window = {"from": "2026-11-01T00:00:00Z", "until": "2027-12-01T00:00:00Z", "revoked_at": None}
    sealing = sealing_key(1, SEAL_SEEDS[1])[1]

    def row(key: SigningKey) -> Json:
        return {"kid": b64u(key_id("xg1 sign", public(key))), "key": b64u(public(key))}

    value: Json = {
        "v": 1,
        "country": "XBB",
        "serial": 1,
        "prev": None,
        "epoch": 1,
        "identity": b64u(public(IDENTITY)),
        "signing": [{**row(ASKED), **window}],
        "sealing": [{"kid": b64u(key_id("xg1 seal 1", sealing)), "key": b64u(sealing), **window, "suite": 1}],
        "roles": [{**row(SIGNER), **window, "role": "second_signer"}],
        "log": [row(LOG)],
        "addresses": ["https://gateway.example"],
        "spki": [],
        "authorities": [
            {"id": "XBB-01", "name": "Central registry", "tasks": ["NATIONALITY"], "from": "2026-01-01", "until": None}
        ],
        "issued_at": "2026-11-20T00:00:00Z",
    }
    return {**value, **changes}


def signed(key: SigningKey = IDENTITY, kind: str = TYP, **changes: Any) -> str:
    """Return the example card with members changed, signed."""
    return jws(compact(card_claims(**changes)), kind, key)


FIRST = signed()
DIGEST = b64u(sha256(compact(card_claims())).digest())
KNOWN = {"identity": public(IDENTITY).hex()}


def card_file() -> Collector:
    """Cards and their chain."""
    file = Collector("card", "Cards and their chain (protocol 8.1)")
    file.ok("card", "the first card", "M-8.1 M-8.2", {**KNOWN, "card": FIRST}, serial=1, digest=DIGEST)
    for about, text in {
        "by another key": signed(ASKED),
        "by another key that it names as identity": signed(ASKED, identity=b64u(public(ASKED))),
        "naming another identity": signed(identity=b64u(public(ASKED))),
        "of another typ": signed(kind="xg1-msg+jws"),
        "with a member more": signed(note="x"),
        "with an identity of small order": signed(identity=b64u(bytes(32))),
        "with a key under another key's id": signed(log=[{"kid": b64u(bytes(16)), "key": b64u(public(LOG))}]),
    }.items():
        file.bad("card", f"a card {about}", "M-8.1 M-8.2", {**KNOWN, "card": text})
    advances(file)
    rows_of_keys(file)
    return file


def advances(file: Collector) -> None:
    """Add the card that follows the one held, and those that do not."""
    following: Json = {"serial": 2, "prev": DIGEST, "issued_at": "2026-11-30T00:00:00Z"}
    base: Json = {**KNOWN, "held": FIRST, "now": NOW}
    file.ok("advance", "the next card", "M-8.1", {**base, "card": signed(**following)}, serial=2)
    raised = {**following, "epoch": 2}
    file.ok("advance", "the next card raises the epoch", "M-8.1", {**base, "card": signed(**raised)}, serial=2)
    faults: dict[str, Json] = {
        "that leaves a number out": {"serial": 3},
        "with the number of the one held": {"serial": 1},
        "that follows another": {"prev": b64u(fixed("other card"))},
        "that follows none": {"prev": None},
        "of another country": {"country": "XAA"},
        "issued before the one held": {"issued_at": "2026-11-19T00:00:00Z"},
        "issued later than now": {"issued_at": "2026-12-01T09:05:01Z"},
    }
    for about, fault in faults.items():
        file.bad("advance", f"a card {about}", "M-8.1", {**base, "card": signed(**{**following, **fault})})
    other = signed(ASKED, **{**following, "identity": b64u(public(ASKED))})
    file.bad("advance", "a card by a new identity key", "M-8.1", {**base, "card": other})
    higher = signed(epoch=2)
    after = b64u(sha256(compact(card_claims(epoch=2))).digest())
    lowered = {**KNOWN, "held": higher, "now": NOW, "card": signed(**{**following, "prev": after})}
    file.bad("advance", "a card that lowers the epoch", "M-8.1", lowered)
    dead = [{**card_claims()["signing"][0], "revoked_at": "2026-11-15T00:00:00Z"}]
    revoking = compact(card_claims(signing=dead))
    again = {**following, "prev": b64u(sha256(revoking).digest())}
    undone = {**KNOWN, "held": jws(revoking, TYP, IDENTITY), "now": NOW, "card": signed(**again)}
    file.bad("advance", "a card that brings a revoked key back", "M-8.1", undone)


def rows_of_keys(file: Collector) -> None:
    """Add what a card may say besides, and what it may not."""
    one = card_claims()["roles"][0]
    another = SigningKey(fixed("XBB second signer 2"))
    other_row = {**one, "kid": b64u(key_id("xg1 sign", public(another))), "key": b64u(public(another))}
    first_cards: tuple[tuple[str, Json], ...] = (
        ("with a later number, as the first of a State", {"serial": 7, "prev": b64u(fixed("card 6"))}),
        (
            "whose addresses end with a slash",
            {"addresses": ["https://gateway.example/", "https://gateway.example/xb/"]},
        ),
        ("with two keys of one role", {"roles": [one, other_row]}),
    )
    for about, changes in first_cards:
        raw = compact(card_claims(**changes))
        found = {"serial": json.loads(raw)["serial"], "digest": b64u(sha256(raw).digest())}
        file.ok("card", f"a card {about}", "M-8.1 M-8.2", {**KNOWN, "card": jws(raw, TYP, IDENTITY)}, **found)
    identity = {"kid": b64u(key_id("xg1 sign", public(IDENTITY))), "key": b64u(public(IDENTITY))}
    wrong_cards: tuple[tuple[str, Json], ...] = (
        ("of number 7 that follows none", {"serial": 7}),
        ("of number 1 that follows another", {"prev": b64u(fixed("card 0"))}),
        ("with one key for two roles", {"roles": [one, {**one, "role": "escort"}]}),
        ("with one key twice for one role", {"roles": [one, one]}),
        (
            "with a signing key that is a log key",
            {"log": [{name: card_claims()["signing"][0][name] for name in identity}]},
        ),
        ("with the identity key as a log key", {"log": [identity]}),
        ("whose address ends with two slashes", {"addresses": ["https://gateway.example//"]}),
        ("whose address has a query", {"addresses": ["https://gateway.example/?a=1"]}),
    )
    for about, changes in wrong_cards:
        file.bad("card", f"a card {about}", "M-8.1 M-8.2", {**KNOWN, "card": signed(**changes)})
