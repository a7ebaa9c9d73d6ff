"""A country made of fixed seeds: its keys, and the claims of its first card."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from keys import b64, card
from keys.card import Card
from keys.seal import SealingKey
from keys.sign import SigningKey

Claims = dict[str, Any]


@pytest.fixture(scope="session")
def identity() -> SigningKey:
    return SigningKey(bytes([1]) * 32)


@pytest.fixture(scope="session")
def signer() -> SigningKey:
    return SigningKey(bytes([2]) * 32)


@pytest.fixture(scope="session")
def role_signer() -> SigningKey:
    return SigningKey(bytes([3]) * 32)


@pytest.fixture(scope="session")
def log_signer() -> SigningKey:
    return SigningKey(bytes([4]) * 32)


@pytest.fixture(scope="session")
def sealing_keys() -> tuple[SealingKey, SealingKey, SealingKey]:
    """Two keys of suite 1, one after the other, and one of suite 2."""
    return SealingKey(1, bytes([5]) * 32), SealingKey(1, bytes([6]) * 32), SealingKey(2, bytes([7]) * 32)


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 3, 20, 12, tzinfo=UTC)


def _signing(key: SigningKey, begins: str, ends: str) -> Claims:
    return {"kid": key.kid, "key": b64.encode(key.public), "from": begins, "until": ends, "revoked_at": None}


def _sealing(key: SealingKey, begins: str, ends: str) -> Claims:
    window = {"from": begins, "until": ends, "revoked_at": None}
    return {"kid": b64.encode(key.kid), "suite": key.suite, "key": b64.encode(key.public), **window}


@pytest.fixture
def claims(
    identity: SigningKey,
    signer: SigningKey,
    role_signer: SigningKey,
    log_signer: SigningKey,
    sealing_keys: tuple[SealingKey, ...],
) -> Claims:
    """The claims of a first card, fresh for each test."""
    year = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    return {
        "v": 1,
        "country": "XBB",
        "serial": 1,
        "prev": None,
        "epoch": 1,
        "identity": b64.encode(identity.public),
        "signing": [_signing(signer, *year)],
        "sealing": [
            _sealing(sealing_keys[0], "2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z"),
            _sealing(sealing_keys[1], "2026-03-16T00:00:00Z", "2026-04-15T00:00:00Z"),
            _sealing(sealing_keys[2], "2026-03-01T00:00:00Z", "2026-04-15T00:00:00Z"),
        ],
        "roles": [{"role": "second_signer", **_signing(role_signer, *year)}],
        "log": [{"kid": log_signer.kid, "key": b64.encode(log_signer.public)}],
        "addresses": ["https://gateway.example"],
        "spki": [],
        "authorities": [
            {"id": "XBB-REG", "name": "Civil registry", "tasks": ["NATIONALITY"], "from": "2026-01-01", "until": None}
        ],
        "issued_at": "2026-01-01T00:00:00Z",
    }


@pytest.fixture
def first(claims: Claims, identity: SigningKey) -> Card:
    """The first card, as held."""
    return card.parse_card(card.sign_card(claims, identity))


@pytest.fixture
def following(claims: Claims, first: Card) -> Callable[..., Claims]:
    """A function that gives the claims of the second card, with changes."""

    def change(**changes: object) -> Claims:
        after = {"serial": 2, "prev": first.digest, "issued_at": "2026-03-01T00:00:00Z"}
        return {**claims, **after, **changes}

    return change
