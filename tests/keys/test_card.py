"""Key cards: what is in one, which follows which, and when a key counts."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from keys import b64, card, ids, jws
from keys.card import Card
from keys.errors import CardRefused, RevokedKey, UnknownKey
from keys.seal import SealingKey
from keys.sign import SigningKey
from schemas import ijson

Claims = dict[str, Any]
Following = Callable[..., Claims]
SECOND = timedelta(seconds=1)


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(CardRefused) as caught:
        call()
    return caught.value.code


def test_round_trip(claims: Claims, identity: SigningKey, first: Card) -> None:
    """A card says what its claims say."""
    assert ("XBB", 1, None, 1) == (first.country, first.serial, first.prev, first.epoch)
    assert identity.public == first.identity
    assert ("https://gateway.example",) == first.addresses
    assert datetime(2026, 1, 1, tzinfo=UTC) == first.issued_at
    assert first.raw == card.sign_card(claims, identity)


def test_written_in_the_order_of_the_table(claims: Claims, identity: SigningKey) -> None:
    """The order in which claims are given does not change the card."""
    backwards = dict(reversed(claims.items()))
    assert card.sign_card(claims, identity) == card.sign_card(backwards, identity)


def test_digest_is_over_the_claims(claims: Claims, first: Card) -> None:
    """The next card names the digest of the claims as signed."""
    assert card.digest_of(card.serialize_card(claims)) == first.digest


def test_verify_under_known_identity(first: Card, identity: SigningKey) -> None:
    """A card verifies under the identity key that was pinned."""
    assert first == card.verify_card(first.raw, identity.public)


def test_verify_under_other_identity(first: Card, signer: SigningKey) -> None:
    """A card that is whole, but another's, needs a person."""
    with pytest.raises(CardRefused) as caught:
        card.verify_card(first.raw, signer.public)
    assert ("wrong-identity", True) == (caught.value.code, caught.value.needs_hold)


def test_every_byte_counts(first: Card) -> None:
    """A card with any byte changed is refused, and by nothing but its own error."""
    for place in range(0, len(first.raw), 7):
        changed = bytearray(first.raw)
        changed[place] ^= 1
        assert _code(lambda raw=bytes(changed): card.parse_card(raw)) in {"bad-card", "bad-signature"}


def test_signed_by_another_key(claims: Claims, identity: SigningKey, signer: SigningKey) -> None:
    """A card signed by a key other than the identity it names is refused."""
    raw = jws.sign(card.serialize_card(claims), jws.TYP_CARD, signer)
    assert "bad-card" == _code(lambda: card.parse_card(raw))


def test_signed_by_another_key_under_its_name(claims: Claims, identity: SigningKey, signer: SigningKey) -> None:
    """A card that names its identity key and is signed by another is refused."""

    class Impostor:
        public = identity.public
        kid = identity.kid

        def sign(self, message: bytes) -> bytes:
            return signer.sign(message)

    raw = jws.sign(card.serialize_card(claims), jws.TYP_CARD, Impostor())
    assert "bad-signature" == _code(lambda: card.parse_card(raw))


def test_name_twice(claims: Claims, identity: SigningKey) -> None:
    """A card whose claims name a member twice is refused, although it is signed."""
    twice = card.serialize_card(claims).replace(b'{"v":1,', b'{"v":1,"v":1,', 1)
    raw = jws.sign(twice, jws.TYP_CARD, identity)
    assert "bad-card" == _code(lambda: card.parse_card(raw))


def test_fingerprint_can_be_read_out(first: Card) -> None:
    """A fingerprint is sixteen groups of four digits."""
    assert [4] * 16 == [len(group) for group in first.fingerprint.split()]


def test_identity_itself_is_not_a_signing_key(claims: Claims, identity: SigningKey) -> None:
    """The identity key signs nothing but cards."""
    claims["signing"][0].update(kid=identity.kid, key=b64.encode(identity.public))
    assert "bad-card" == _code(lambda: card.sign_card(claims, identity))


IDENTITY_POINT = bytes([1]) + bytes(31)


def _put(path: tuple[Any, ...], value: object) -> Callable[[Claims], None]:
    def change(claims: Claims) -> None:
        target: Any = claims
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return change


def _key(path: tuple[Any, ...], public: bytes) -> Callable[[Claims], None]:
    def change(claims: Claims) -> None:
        entry: Any = claims
        for step in path:
            entry = entry[step]
        entry.update(key=b64.encode(public), kid=b64.encode(ids.key_id(ids.SIGN, public)))

    return change


def _log_key_signs(claims: Claims) -> None:
    claims["signing"][0].update(claims["log"][0])


def _compressed(claims: Claims) -> None:
    public = b64.decode(claims["sealing"][2]["key"])
    public = public[:1568] + bytes([2 + public[-1] % 2]) + public[1569:]
    claims["sealing"][2].update(key=b64.encode(public), kid=b64.encode(ids.key_id(ids.SEAL[2], public)))


BAD_CLAIMS: dict[str, Callable[[Claims], None]] = {
    "one member more": _put(("note",), "x"),
    "other version": _put(("v",), 2),
    "no signing key": _put(("signing",), []),
    "serial zero": _put(("serial",), 0),
    "serial one with one before": _put(("prev",), "A" * 43),
    "serial two with none before": _put(("serial",), 2),
    "signing key of small order": _key(("signing", 0), IDENTITY_POINT),
    "role key of small order": _key(("roles", 0), IDENTITY_POINT),
    "log key of small order": _key(("log", 0), IDENTITY_POINT),
    "log key also signs": _log_key_signs,
    "key id of another key": _put(("signing", 0, "kid"), "A" * 22),
    "sealing key of the other suite": _put(("sealing", 0, "suite"), 2),
    "sealing key compressed": _compressed,
    "window turned round": _put(("signing", 0, "until"), "2025-12-31T00:00:00Z"),
    "window empty": _put(("signing", 0, "until"), "2026-01-01T00:00:00Z"),
    "instant with a zone": _put(("issued_at",), "2026-01-01T00:00:00+00:00"),
    "address without a scheme": _put(("addresses",), ["gateway.example"]),
}


@pytest.mark.parametrize("change", BAD_CLAIMS.values(), ids=BAD_CLAIMS.keys())
def test_bad_claims(claims: Claims, identity: SigningKey, change: Callable[[Claims], None]) -> None:
    """Claims that are wrong are refused when they are signed and when they are read."""
    change(claims)
    assert "bad-card" == _code(lambda: card.sign_card(claims, identity))
    raw = jws.sign(ijson.dumps(claims), jws.TYP_CARD, identity)
    assert "bad-card" == _code(lambda: card.parse_card(raw))


# Which follows which


def _advance(first: Card, claims: Claims, identity: SigningKey, now: datetime) -> Card:
    return card.advance(first, card.sign_card(claims, identity), now)


def test_advance(first: Card, following: Following, identity: SigningKey, now: datetime) -> None:
    """The next card of the chain takes the place of the one held."""
    assert 2 == _advance(first, following(), identity, now).serial


def test_advance_to_the_same(first: Card, now: datetime) -> None:
    """The card held, published again, changes nothing."""
    assert first is card.advance(first, first.raw, now)


def test_advance_raises_the_epoch(first: Card, following: Following, identity: SigningKey, now: datetime) -> None:
    """A restore is announced by a higher epoch."""
    assert 2 == _advance(first, following(epoch=2), identity, now).epoch


REFUSALS = {
    "prev-mismatch": {"prev": "A" * 43},
    "serial-skip": {"serial": 3},
    "issued-earlier": {"issued_at": "2025-12-31T23:59:59Z"},
    "not-yet": {"issued_at": "2026-03-20T12:05:01Z"},
    "wrong-country": {"country": "XAA"},
}


@pytest.mark.parametrize(("code", "changes"), REFUSALS.items(), ids=REFUSALS.keys())
def test_refused_as_next(
    first: Card, following: Following, identity: SigningKey, now: datetime, code: str, changes: Claims
) -> None:
    """A card that does not continue the one held is refused by name, and needs no person to be so."""
    with pytest.raises(CardRefused) as caught:
        _advance(first, following(**changes), identity, now)
    broken = code in ("prev-mismatch", "epoch-lower", "revocation-undone")
    assert (code, broken) == (caught.value.code, caught.value.needs_hold)


def test_issued_within_the_skew(first: Card, following: Following, identity: SigningKey, now: datetime) -> None:
    """A clock five minutes ahead is forgiven."""
    assert _advance(first, following(issued_at="2026-03-20T12:05:00Z"), identity, now)


def test_epoch_lower(claims: Claims, following: Following, identity: SigningKey, now: datetime) -> None:
    """An epoch is never taken back."""
    claims["epoch"] = 3
    held = card.parse_card(card.sign_card(claims, identity))
    lower = following(epoch=2, prev=held.digest)
    assert "epoch-lower" == _code(lambda: _advance(held, lower, identity, now))


def test_wrong_identity_needs_hold(first: Card, following: Following, signer: SigningKey, now: datetime) -> None:
    """A next card under another identity key is a matter for a person."""
    other = SigningKey(bytes([77]) * 32)
    raw = card.sign_card(following(identity=b64.encode(other.public)), other)
    with pytest.raises(CardRefused) as caught:
        card.advance(first, raw, now)
    assert ("wrong-identity", True) == (caught.value.code, caught.value.needs_hold)


def test_rollback(first: Card, following: Following, identity: SigningKey, now: datetime) -> None:
    """The first card does not come back after the second."""
    second = _advance(first, following(), identity, now)
    assert "rollback" == _code(lambda: card.advance(second, first.raw, now))


def test_two_cards_of_one_serial(first: Card, claims: Claims, identity: SigningKey, now: datetime) -> None:
    """Another card of the serial held is refused: somebody signed twice."""
    claims["addresses"] = []
    assert "rollback" == _code(lambda: _advance(first, claims, identity, now))


@pytest.mark.parametrize("revoked_at", [None, "2026-02-02T00:00:00Z"], ids=["gone", "later"])
def test_revocation_is_not_undone(
    claims: Claims, following: Following, identity: SigningKey, now: datetime, revoked_at: str | None
) -> None:
    """A key revoked once does not come back, and its revocation does not move on."""
    claims["signing"][0]["revoked_at"] = "2026-02-01T00:00:00Z"
    held = card.parse_card(card.sign_card(claims, identity))
    after = following(prev=held.digest)
    after["signing"][0]["revoked_at"] = revoked_at
    assert "revocation-undone" == _code(lambda: _advance(held, after, identity, now))


def test_revocation_by_an_earlier_card_is_not_undone(
    first: Card, following: Following, identity: SigningKey, signer: SigningKey, now: datetime
) -> None:
    """What a card before the one held revoked stays so, though the one held says nothing of it."""
    said = {"signing": {signer.kid: datetime(2026, 2, 1, tzinfo=UTC)}}
    raw = card.sign_card(following(), identity)
    assert "revocation-undone" == _code(lambda: card.advance(first, raw, now, said))


def test_earliest_revocation_counts() -> None:
    """Whichever card says so, a key is revoked since the first instant that one of them names."""
    early, late = ({"signing": {"kid": datetime(2026, month, 1, tzinfo=UTC)}} for month in (1, 2))
    assert early == card.earliest(early, late) == card.earliest(late, early)


def test_revocation_may_move_back(claims: Claims, following: Following, identity: SigningKey, now: datetime) -> None:
    """A theft found to be older is announced as older."""
    claims["signing"][0]["revoked_at"] = "2026-02-01T00:00:00Z"
    held = card.parse_card(card.sign_card(claims, identity))
    after = following(prev=held.digest)
    after["signing"][0]["revoked_at"] = "2026-01-15T00:00:00Z"
    assert _advance(held, after, identity, now)


# When a key counts


def test_window(first: Card, signer: SigningKey) -> None:
    """A key counts from its first instant until before its last."""
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    for at in (begins, ends - SECOND):
        assert signer.public == first.signing_key(signer.kid, at)
    for at in (begins - SECOND, ends):
        with pytest.raises(UnknownKey):
            first.signing_key(signer.kid, at)


def test_revoked(claims: Claims, identity: SigningKey, signer: SigningKey) -> None:
    """What came before the revocation stands; what came at it or after falls."""
    claims["signing"][0]["revoked_at"] = "2026-02-01T00:00:00Z"
    held = card.parse_card(card.sign_card(claims, identity))
    revoked_at = datetime(2026, 2, 1, tzinfo=UTC)
    assert signer.public == held.signing_key(signer.kid, revoked_at - SECOND)
    for at in (revoked_at, revoked_at + timedelta(days=900)):
        with pytest.raises(RevokedKey):
            held.signing_key(signer.kid, at)


def test_receipt_key_may_have_ended_but_not_be_revoked(
    claims: Claims, identity: SigningKey, signer: SigningKey
) -> None:
    """A receipt counts by the key of its day for as long as that key is not revoked, whatever day it names."""
    made_at, later = datetime(2026, 1, 15, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    assert signer.public == card.parse_card(card.sign_card(claims, identity)).receipt_key(signer.kid, made_at, later)
    claims["signing"][0]["revoked_at"] = "2026-02-01T00:00:00Z"
    with pytest.raises(RevokedKey):
        card.parse_card(card.sign_card(claims, identity)).receipt_key(signer.kid, made_at, later)


def test_key_has_one_use(first: Card, signer: SigningKey, role_signer: SigningKey, now: datetime) -> None:
    """A role key signs no message and a signing key makes no statement."""
    with pytest.raises(UnknownKey):
        first.signing_key(role_signer.kid, now)
    with pytest.raises(UnknownKey):
        first.role_key(signer.kid, "second_signer", now)


def test_role_key(first: Card, role_signer: SigningKey, now: datetime) -> None:
    """A role key counts for its own role alone."""
    assert role_signer.public == first.role_key(role_signer.kid, "second_signer", now)
    with pytest.raises(UnknownKey):
        first.role_key(role_signer.kid, "desk_head", now)


def test_two_log_keys(claims: Claims, identity: SigningKey, log_signer: SigningKey) -> None:
    """A card may list two log keys, each with its id."""
    other = SigningKey(bytes([78]) * 32)
    claims["log"].append({"kid": other.kid, "key": b64.encode(other.public)})
    held = card.parse_card(card.sign_card(claims, identity))
    assert [(log_signer.kid, log_signer.public), (other.kid, other.public)] == [(one.kid, one.key) for one in held.log]


@pytest.mark.parametrize(("day", "which"), [(1, 0), (15, 0), (16, 1), (30, 1), (31, 1)])
def test_newest_sealing_key(first: Card, sealing_keys: tuple[SealingKey, ...], day: int, which: int) -> None:
    """While two windows overlap, messages are sealed to the key that began last."""
    assert sealing_keys[which].kid == first.sealing_key(datetime(2026, 3, day, tzinfo=UTC), [1]).kid


def test_of_two_suites_that_began_at_once_the_lower_is_used(
    claims: Claims, identity: SigningKey, sealing_keys: tuple[SealingKey, ...], now: datetime
) -> None:
    """Every sender takes the same key."""
    window = {name: claims["sealing"][1][name] for name in ("from", "until")}
    claims["sealing"][2] |= window
    assert sealing_keys[1].kid == card.parse_card(card.sign_card(claims, identity)).sealing_key(now, {1, 2}).kid


def test_sealing_key_of_allowed_suite(first: Card, sealing_keys: tuple[SealingKey, ...], now: datetime) -> None:
    """Only suites that the policy allows are used."""
    assert sealing_keys[2].kid == first.sealing_key(now, {2}).kid


@pytest.mark.parametrize("at", [datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 4, 15, tzinfo=UTC)])
def test_no_sealing_key(first: Card, at: datetime) -> None:
    """Where no window is open there is no key, and nothing is sealed."""
    with pytest.raises(UnknownKey):
        first.sealing_key(at, {1, 2})


def test_revoked_sealing_key(
    claims: Claims, identity: SigningKey, sealing_keys: tuple[SealingKey, ...], now: datetime
) -> None:
    """A revoked sealing key gives way to the one before it."""
    claims["sealing"][1]["revoked_at"] = "2026-03-18T00:00:00Z"
    held = card.parse_card(card.sign_card(claims, identity))
    assert sealing_keys[0].kid == held.sealing_key(now, {1}).kid


def test_sealing_key_parsed_once(first: Card, now: datetime) -> None:
    """The key object of a card is the same each time."""
    assert first.sealing_key(now, {1}) is first.sealing_key(now, {1})


def test_authority(first: Card) -> None:
    """An authority is read with its tasks and the first day of its competence."""
    (authority,) = first.authorities
    assert (("NATIONALITY",), date(2026, 1, 1), None) == (authority.tasks, authority.from_on, authority.until_on)
