"""What may stand in a trust list, and who has to sign it."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import DelegatedRole, Root, Targets

from keys import trust_list, trust_policy
from keys.sign import SigningKey
from keys.trust_policy import BadList
from tests.keys.small_order import SMALL_ORDER

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
KEYS = [SigningKey.generate() for _ in range(8)]
HOLDERS = {f"t{n}": key.public for n, key in enumerate(KEYS[:5])}
ONLINE = {"publisher": KEYS[5].public}


def _root(**changes: Any) -> trust_list.Metadata[Root]:
    return trust_list.new_root(**{"trustees": HOLDERS, "online": ONLINE, "now": NOW} | changes)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_of_small_order_is_no_key(point: str) -> None:
    """One signature by such a key would pass for every list (M-8.8)."""
    with pytest.raises(BadList):
        trust_list.list_key(bytes.fromhex(point))


def test_a_root_with_a_key_of_small_order_is_not_read() -> None:
    """Nor is it read where somebody else wrote it."""
    raw = trust_list.serialize(_root()).replace(KEYS[0].public.hex().encode(), SMALL_ORDER[0].encode())
    with pytest.raises(BadList):
        trust_list.parse(raw, Root)


def test_a_key_under_another_id_is_not_read() -> None:
    """Otherwise one key under two ids would count as two trustees."""
    keyid = trust_list.list_key(KEYS[0].public).keyid
    raw = trust_list.serialize(_root()).replace(keyid.encode(), keyid[::-1].encode())
    with pytest.raises(BadList, match="id that is not its own"):
        trust_list.parse(raw, Root)


@pytest.mark.parametrize(
    "spelled", [str.upper, lambda digits: digits[:2] + " " + digits[2:]], ids=["capitals", "space"]
)
def test_a_key_has_one_text(spelled: Callable[[str], str]) -> None:
    """Otherwise one key, written in two ways under the id of each, would count as two trustees."""
    digits = KEYS[0].public.hex()
    keyid = trust_list.list_key(KEYS[0].public).keyid
    other = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": spelled(digits)}}
    another = sha256(str(encode_canonical(other)).encode()).hexdigest()
    raw = trust_list.serialize(_root()).replace(digits.encode(), spelled(digits).encode())
    with pytest.raises(BadList, match="lower-case"):
        trust_list.parse(raw.replace(keyid.encode(), another.encode()), Root)


@pytest.mark.parametrize(("kind", "scheme"), [("rsa", "rsassa-pss-sha256"), ("ecdsa", "ecdsa-sha2-nistp256")])
def test_only_ed25519_is_read(kind: str, scheme: str) -> None:
    """A list with a key of another kind is not read."""
    raw = trust_list.serialize(_root())
    other = raw.replace(b'"keytype":"ed25519"', f'"keytype":"{kind}"'.encode(), 1)
    other = other.replace(b'"scheme":"ed25519"', f'"scheme":"{scheme}"'.encode(), 1)
    assert raw != other
    with pytest.raises(BadList):
        trust_list.parse(other, Root)


@pytest.mark.parametrize("threshold", [0, 1, 2, 6])
def test_a_minority_is_no_threshold(threshold: int) -> None:
    """It takes more than half of the trustees, and no more than there are."""
    with pytest.raises(BadList, match="more than half"):
        _root(threshold=threshold)


@pytest.mark.parametrize(
    "changes",
    [
        {"online": {}},
        {"online": {"t0": KEYS[6].public}},
        {"online": {"publisher": KEYS[0].public}},
        {"trustees": HOLDERS | {"t6": KEYS[0].public}},
    ],
    ids=["no-online-key", "a-name-twice", "a-trustee-online", "a-key-twice"],
)
def test_a_root_that_cannot_be(changes: dict[str, Any]) -> None:
    """Each key has one holder and one use."""
    with pytest.raises(BadList):
        _root(**changes)


def test_signatures_are_counted_under_the_old_and_the_new_root() -> None:
    """The next root has two rules to meet: of the trustees before, and of its own."""
    before = _root()
    made = trust_list.next_root(
        before.signed,
        NOW,
        trustees={f"n{n}": key.public for n, key in enumerate(KEYS[2:5])}
        | {"n6": KEYS[6].public, "n7": KEYS[7].public},
    )
    for key in KEYS[2:5]:
        trust_list.add_signature(made, key)
    assert [0, 0] == [one.missing for one in trust_list.standings(made, "root", before.signed, None)]
    made.signatures.pop(trust_list.list_key(KEYS[4].public).keyid)
    trust_list.add_signature(made, KEYS[7])
    assert [1, 0] == [one.missing for one in trust_list.standings(made, "root", before.signed, None)]


def test_a_false_signature_does_not_count() -> None:
    """A signature over other bytes is as good as none."""
    root = _root()
    trust_list.add_signature(root, KEYS[0])
    root.signed.version = 2
    assert 3 == trust_list.standings(root, "root", None, None)[0].missing


@pytest.mark.parametrize(
    ("keys", "threshold"), [([], 2), ([0], 2), ([0, 0, 1], 2), ([0, 1, 2], 1), ([0, 1, 2], 4), ([0, 1, 2], 0)]
)
def test_who_cannot_speak_for_a_country(keys: list[int], threshold: int) -> None:
    """Too few keys, one twice, or one that would do alone."""
    targets = trust_list.new_targets(NOW).signed
    with pytest.raises(BadList):
        trust_list.delegate(targets, "XBB", [KEYS[at].public for at in keys], threshold)


def test_a_key_speaks_for_one_country() -> None:
    """A key of XBB is not taken for XCC as well."""
    targets = trust_list.new_targets(NOW).signed
    trust_list.delegate(targets, "XBB", [key.public for key in KEYS[:3]])
    with pytest.raises(BadList, match="one country"):
        trust_list.delegate(targets, "XCC", [key.public for key in KEYS[2:5]])


def test_a_country_has_its_own_folder_and_no_more() -> None:
    """What speaks for XBB is a terminating role over the cards of XBB; one over more is no country's (M-8.9)."""
    targets = trust_list.new_targets(NOW).signed
    trust_list.delegate(targets, "XBB", [key.public for key in KEYS[:3]])
    assert ["XBB"] == list(trust_list.countries(targets))
    assert targets.delegations is not None
    assert targets.delegations.roles is not None
    role = targets.delegations.roles["XBB"]
    assert (True, ["cards/XBB/*"], 2) == (role.terminating, role.paths, role.threshold)
    role.paths = ["cards/*"]
    assert {} == trust_list.countries(targets)


@pytest.mark.parametrize(
    ("name", "over", "named"),
    [
        ("helper", {"paths": ["cards/XBB/*"]}, {"XCC"}),
        ("helper", {"paths": ["cards/*/*"]}, set()),
        ("*", {"paths": ["cards/*/*"]}, set()),
        ("helper", {"path_hash_prefixes": [""]}, set()),
        ("helper", {"paths": ["policy/*", "cards/*/other.json"]}, {"XBB", "XCC"}),
    ],
)
def test_no_other_delegation_stands_before_it(name: str, over: dict[str, list[str]], named: set[str]) -> None:
    """A search for the cards of XBB would end at one that stands first; behind it another is no matter (M-8.9)."""
    targets = trust_list.new_targets(NOW).signed
    trust_list.delegate(targets, "XBB", [key.public for key in KEYS[:2]])
    trust_list.delegate(targets, "XCC", [key.public for key in KEYS[2:4]])
    assert targets.delegations is not None
    assert targets.delegations.roles is not None
    other = {name: DelegatedRole(name, [], 1, True, **over)}
    targets.delegations.roles = other | targets.delegations.roles
    assert named == set(trust_list.countries(targets))
    targets.delegations.roles = targets.delegations.roles | {name: targets.delegations.roles.pop(name)}
    assert {"XBB", "XCC"} == set(trust_list.countries(targets))


@pytest.mark.parametrize(
    "change",
    [
        lambda delegations: setattr(delegations.roles["XBB"], "terminating", False),
        lambda delegations: setattr(delegations.roles["XBB"], "threshold", 1),
        lambda delegations: delegations.keys.pop(delegations.roles["XBB"].keyids[0]),
        lambda delegations: delegations.roles["XBB"].keyids.append(delegations.roles["XCC"].keyids[0]),
    ],
    ids=["others are asked too", "one key would do", "a key that is not there", "a key of another State"],
)
def test_a_delegation_of_another_form_names_nobody(change: Callable[[Any], None]) -> None:
    """Whoever the trustees let speak in another way than theirs speaks for no State, and nothing is raised (M-8.9)."""
    targets = trust_list.new_targets(NOW).signed
    for country, keys in (("XBB", KEYS[:3]), ("XCC", KEYS[3:6])):
        trust_list.delegate(targets, country, [key.public for key in keys])
    change(targets.delegations)
    assert "XBB" not in trust_list.countries(targets)


def test_what_changes_is_said_in_words() -> None:
    """A signer reads versions, ends, holders and fingerprints, and what goes."""
    before = trust_list.new_targets(NOW)
    trust_list.delegate(before.signed, "XBB", [key.public for key in KEYS[:3]])
    after = trust_list.next_targets(before.signed, NOW)
    trust_list.remove(after.signed, "XBB")
    lines = trust_list.changes(after, before)
    assert "version: 1  ->  2" in lines
    assert "XBB keys needed: 2 of 3  ->  gone" in lines


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"signed":{"_type":"root"},"signatures":[]}'])
def test_what_is_no_list(raw: bytes) -> None:
    """Bytes that are no part of a list are refused, and nothing else is raised."""
    with pytest.raises(BadList):
        trust_list.parse(raw, Root)


def test_a_part_of_another_kind() -> None:
    """Targets are not taken where a root is due."""
    with pytest.raises(BadList, match="where 'root' is due"):
        trust_list.parse(trust_list.serialize(trust_list.new_targets(NOW)), Root)


def test_a_fingerprint_is_of_what_is_signed() -> None:
    """It stays the same as signatures come in, and differs for another content."""
    root = _root()
    before = trust_list.fingerprint(root)
    trust_list.add_signature(root, KEYS[0])
    assert before == trust_list.fingerprint(trust_list.parse_root_or_targets(trust_list.serialize(root)))
    root.signed.version = 2
    assert before != trust_list.fingerprint(root)


def test_cards_of_another_country_are_refused() -> None:
    """A list of cards says whose it is (M-8.11)."""
    raw = trust_policy.serialize_cards("XBB", [b"A" * 30 + b"." + b"B" * 30 + b"." + b"C" * 30])
    assert 1 == len(trust_policy.parse_cards(raw, "XBB"))
    with pytest.raises(BadList, match="XBB"):
        trust_policy.parse_cards(raw, "XAA")


@pytest.mark.parametrize(
    "raw", [b"", b'{"v":1,"v":1,"suites":[1]}', b'{"v":1,"suites":[3]}', b'{"v":1,"suites":[1.0]}']
)
def test_a_policy_is_strict(raw: bytes) -> None:
    """A policy that does not fit its schema, or is no strict JSON, is no policy."""
    with pytest.raises(BadList):
        trust_policy.check_policy(trust_policy.SUITES, raw)


def test_only_known_policies() -> None:
    """A policy of another name is refused; the list of witnesses is text."""
    trust_policy.check_policy(trust_policy.WITNESS, b"any text")
    with pytest.raises(BadList, match="no policy"):
        trust_policy.check_policy("other.json", b"{}")


def test_policies_are_read() -> None:
    """Suites, types and whom the trustees do not believe."""
    at = "2026-12-01T09:00:00Z"
    raw = (
        f'{{"v":1,"countries":[{{"country":"XBB","since":"{at}"}}],'
        f'"keys":[{{"country":"XCC","kid":"91mxcXc3aNlHNL8HROTzbQ","revoked_at":"{at}"}}]}}'
    )
    found = trust_policy.parse_distrust(raw.encode())
    assert ["XBB"] == list(found.countries)
    assert [("XCC", "91mxcXc3aNlHNL8HROTzbQ")] == list(found.keys)
    assert frozenset({1}) == trust_policy.parse_suites(b'{"v":1,"suites":[1]}')
    assert frozenset({"reminder"}) == trust_policy.parse_types(b'{"v":1,"types":["reminder"]}')


def test_targets_without_countries() -> None:
    """A part of a country names no other countries."""
    made = trust_list.new_country("XBB", b"{}", NOW)
    assert {} == trust_list.countries(made.signed)
    with pytest.raises(BadList):
        trust_list.delegate(made.signed, "XCC", [key.public for key in KEYS[:3]])
    assert isinstance(made.signed, Targets)
