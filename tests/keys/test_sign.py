"""Ed25519, and what a careless library would accept."""

import pytest

from keys import sign
from keys.errors import BadKey, BadSignature
from keys.sign import SigningKey
from tests.keys.small_order import SMALL_ORDER

ORDER = 2**252 + 27742317777372353535851937790883648493


def test_sign_verifies(signer: SigningKey) -> None:
    """A signature verifies under the key that made it."""
    sign.verify(signer.public, signer.sign(b"message"), b"message")


def test_public_key_of_a_seed_may_stand_in_a_card(signer: SigningKey) -> None:
    """Every key made here passes the check for cards."""
    sign.check_public(signer.public)


def test_generate_differs() -> None:
    """Two keys made are two keys, and a key comes back from its seed."""
    one, two = SigningKey.generate(), SigningKey.generate()
    assert one.public != two.public
    assert one.public == SigningKey(one.seed).public


def test_repr_has_no_secret(signer: SigningKey) -> None:
    """A key in a log line shows its id."""
    assert f"SigningKey(kid='{signer.kid}')" == repr(signer)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_seed_of_other_length(length: int) -> None:
    """A seed has 32 bytes."""
    with pytest.raises(BadKey):
        SigningKey(bytes(length))


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_small_order_refused_as_public_key(point: str) -> None:
    """A point of small order, the identity first, never enters a card."""
    with pytest.raises(BadKey):
        sign.check_public(bytes.fromhex(point))


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_small_order_verifies_nothing(point: str) -> None:
    """Under a point of small order not even the forgery good for every message verifies."""
    public = bytes.fromhex(point)
    identity = bytes.fromhex(SMALL_ORDER[0])
    for commitment in (identity, public):
        with pytest.raises(BadSignature):
            sign.verify(public, commitment + bytes(32), b"message")


@pytest.mark.parametrize("public", [b"", bytes(31), b"\x02" + bytes(31), b"\xff" * 32, bytes(33)], ids=len)
def test_other_bytes_refused_as_public_key(public: bytes) -> None:
    """Wrong lengths and bytes that are no point are refused."""
    with pytest.raises(BadKey):
        sign.check_public(public)


def test_malleable_s_refused(signer: SigningKey) -> None:
    """A signature with the group order added to S is another text for the same act, and refused."""
    signature = signer.sign(b"message")
    higher = int.from_bytes(signature[32:], "little") + ORDER
    with pytest.raises(BadSignature):
        sign.verify(signer.public, signature[:32] + higher.to_bytes(32, "little"), b"message")


@pytest.mark.parametrize("place", range(64))
def test_every_byte_of_a_signature_counts(signer: SigningKey, place: int) -> None:
    """A signature with any byte changed is refused."""
    signature = bytearray(signer.sign(b"message"))
    signature[place] ^= 1
    with pytest.raises(BadSignature):
        sign.verify(signer.public, bytes(signature), b"message")


@pytest.mark.parametrize("length", [0, 63, 65])
def test_signature_of_other_length(signer: SigningKey, length: int) -> None:
    """A longer signature does not lend bytes to the message, and a shorter one takes none."""
    signed = signer.sign(b"message") + b"message"
    with pytest.raises(BadSignature):
        sign.verify(signer.public, signed[:length], signed[length:])


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33)], ids=len)
def test_verify_with_key_of_other_length(signer: SigningKey, public: bytes) -> None:
    """A key of another length verifies nothing, and nothing is read beyond it."""
    with pytest.raises(BadSignature):
        sign.verify(public, signer.sign(b"message"), b"message")
