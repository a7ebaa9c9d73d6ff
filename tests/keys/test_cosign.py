"""ML-DSA-44: made and verified, refused when anything is changed, and as the vectors of others have it."""

from pathlib import Path

import cryptography_vectors
import pytest

from keys import cosign
from keys.cosign import CosigningKey
from keys.errors import BadKey, BadSignature

KEY = CosigningKey(bytes(range(32)))


def test_signature_verifies() -> None:
    """What is signed verifies under the public key, and has the lengths of FIPS 204."""
    signature = KEY.sign(b"a tree")
    cosign.verify(KEY.public, signature, b"a tree")
    assert (2420, 1312) == (len(signature), len(KEY.public))


def test_same_seed_same_key() -> None:
    """A key is its seed of 32 bytes, and is shown without it."""
    assert CosigningKey(KEY.seed).public == KEY.public
    assert bytes(range(32)) == KEY.seed
    assert KEY.seed.hex()[:12] not in repr(KEY)
    assert CosigningKey.generate().public != CosigningKey.generate().public


def vectors() -> list[dict[str, bytes]]:
    """Return ten published vectors of ML-DSA-44 (deterministic, pure); each signature has a context."""
    path = Path(cryptography_vectors.__file__).parent / "asymmetric/MLDSA/kat_MLDSA_44_det_pure.rsp"
    found: list[dict[str, bytes]] = []
    for line in path.read_text().splitlines():
        name, _, value = line.partition(" = ")
        if name == "count":
            found.append({})
        elif found and name in ("xi", "pk", "msg", "sm"):
            found[-1][name] = bytes.fromhex(value)
    return found[:10]


def test_published_vectors() -> None:
    """A seed gives the published key; a signature made in a context is none of ours, for ours have an empty one."""
    assert 10 == len(vectors())
    for one in vectors():
        assert one["pk"] == CosigningKey(one["xi"]).public
        with pytest.raises(BadSignature):
            cosign.verify(one["pk"], one["sm"][:2420], one["msg"])


@pytest.mark.parametrize("place", [0, 1, 1000, 2419])
def test_changed_signature(place: int) -> None:
    """A changed byte of a signature, wherever it is, is found."""
    changed = bytearray(KEY.sign(b"a tree"))
    changed[place] ^= 1
    with pytest.raises(BadSignature):
        cosign.verify(KEY.public, bytes(changed), b"a tree")


def test_other_message_key_or_length() -> None:
    """Another message, another key, a cut signature or a cut key verify nothing."""
    signature, other = KEY.sign(b"a tree"), CosigningKey.generate().public
    for public, blob, message in (
        (KEY.public, signature, b"another tree"),
        (other, signature, b"a tree"),
        (KEY.public, signature[:-1], b"a tree"),
        (KEY.public, signature + b"\0", b"a tree"),
        (KEY.public[:-1], signature, b"a tree"),
        (b"", b"", b""),
    ):
        with pytest.raises(BadSignature):
            cosign.verify(public, blob, message)


def test_key_of_the_wrong_length() -> None:
    """A seed has 32 bytes and a public key 1312."""
    with pytest.raises(BadKey):
        CosigningKey(bytes(31))
    with pytest.raises(BadKey):
        cosign.check_public(bytes(1311))
    cosign.check_public(KEY.public)
