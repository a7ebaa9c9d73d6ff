"""C2SP tlog-policy: what is read, what is refused, and when a quorum is met."""

import pytest

from gateway.core.cosign import cosigner_id
from gateway.core.witness_policy import POLICY_MAX_BYTES, BadPolicy, parse_policy, parse_vkey
from keys.cosign import CosigningKey
from tests.support.rows import for_each
from tests.support.vkeys import serialize_vkey

KEYS = {name: CosigningKey(bytes([number]) * 32).public for number, name in enumerate(("XAA", "XBB", "XCC", "XDD"))}
VKEYS = {name: serialize_vkey(name, key) for name, key in KEYS.items()}
WITNESSES = "".join(f"witness {name} {vkey} https://{name.lower()}.example\n" for name, vkey in VKEYS.items())


def pairs(*names: str) -> set[tuple[str, bytes]]:
    """Return who cosigned, as a verifier knows it."""
    return {(name, KEYS[name]) for name in names}


def test_quorum_of_groups() -> None:
    """Both States, and one of two others: groups in groups are counted as they are written."""
    text = f"# ours\n\n{WITNESSES}group others any XCC XDD\n\tgroup whole all XAA XBB others \nquorum whole\n"
    policy = parse_policy(text.encode())
    assert policy.satisfied(pairs("XAA", "XBB", "XDD"))
    assert not policy.satisfied(pairs("XAA", "XBB"))
    assert not policy.satisfied(pairs("XAA", "XCC", "XDD"))
    assert not policy.satisfied({("XAA", KEYS["XBB"]), ("XBB", KEYS["XBB"]), ("XCC", KEYS["XCC"])})


def test_quorum_of_a_number_of_one_and_of_none() -> None:
    """A group of two of four, a single witness, and no quorum at all."""
    two = parse_policy(f"{WITNESSES}group some 2 XAA XBB XCC XDD\nquorum some\n".encode())
    assert [False, True] == [two.satisfied(pairs(*names)) for names in (("XCC",), ("XCC", "XDD"))]
    assert parse_policy(f"{WITNESSES}quorum XBB\n".encode()).satisfied(pairs("XBB"))
    assert parse_policy(b"quorum none\n").satisfied(set())


BAD = {
    "no quorum": f"{WITNESSES}",
    "two quorums": f"{WITNESSES}quorum XAA\nquorum XBB\n",
    "quorum not defined": f"{WITNESSES}quorum XZZ\n",
    "quorum before its witness": f"quorum XAA\n{WITNESSES}",
    "name twice": f"{WITNESSES}witness XAA {serialize_vkey('XEE', bytes(1312))}\nquorum XAA\n",
    "key twice": f"{WITNESSES}witness XEE {VKEYS['XAA']}\nquorum XAA\n",
    "name none": f"witness none {VKEYS['XAA']}\nquorum none\n",
    "member not defined": f"{WITNESSES}group g all XAA XZZ\nquorum g\n",
    "member none": f"{WITNESSES}group g any none\nquorum g\n",
    "member twice": f"{WITNESSES}group g 2 XAA XAA\nquorum g\n",
    "member of two groups": f"{WITNESSES}group g any XAA\ngroup h any XAA\nquorum g\n",
    "of itself": f"{WITNESSES}group g any g\nquorum g\n",
    "more than it has": f"{WITNESSES}group g 3 XAA XBB\nquorum g\n",
    "none of them": f"{WITNESSES}group g 0 XAA XBB\nquorum g\n",
    "empty group": f"{WITNESSES}group g any\nquorum g\n",
    "unknown word": f"{WITNESSES}observer XAA\nquorum XAA\n",
    "id of another key": f"witness XAA {VKEYS['XAA'].replace('XAA', 'XBB', 1)}\nquorum XAA\n",
    "no base64": "witness XAA XAA+00000000+!\nquorum XAA\n",
    "no key": "witness XAA XAA\nquorum XAA\n",
    "last line open": f"{WITNESSES}quorum XAA",
    "comment open": f"{WITNESSES}quorum XAA\n#",
    "too long": f"{WITNESSES}quorum XAA\n" + "#\n" * (POLICY_MAX_BYTES // 2),
    "empty": "",
}


@for_each("name", BAD)
def test_bad_policy(name: str) -> None:
    """Each departure is refused, with the line it is in."""
    with pytest.raises(BadPolicy):
        parse_policy(BAD[name].encode())


def test_other_kinds_of_keys_count_for_nothing() -> None:
    """A witness that cosigns with Ed25519 may stand in the file, and never makes our quorum."""
    policy = parse_policy(b"witness one one+00000000+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nquorum one\n")
    assert not policy.satisfied({("one", bytes(32))})


def test_vkey_comes_back() -> None:
    """A verifier key names the cosigner, the id and the key."""
    assert ("XAA", b"\x06", KEYS["XAA"]) == parse_vkey(VKEYS["XAA"])
    assert cosigner_id("XAA", KEYS["XAA"]).hex() == VKEYS["XAA"].split("+")[1]
