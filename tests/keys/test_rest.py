"""Stored values open in their own place alone."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import BadKey, BadRest
from keys.rest import Vault

VAULT = Vault(bytes(range(32)))
KEY, WRAPPED = VAULT.new_case_key("case 1")
PLACE = ("elements", "row 1", "body")


@given(st.binary(max_size=200))
def test_round_trip(plaintext: bytes) -> None:
    """What was sealed opens in its place, 40 bytes shorter."""
    sealed = VAULT.seal(KEY, *PLACE, plaintext)
    assert plaintext == VAULT.open(KEY, *PLACE, sealed)
    assert len(plaintext) + 40 == len(sealed)


def test_unwrap() -> None:
    """The wrapped key is the key."""
    assert KEY == VAULT.unwrap("case 1", WRAPPED)


OTHER_PLACES = {
    "row": ("elements", "row 2", "body"),
    "column": ("elements", "row 1", "name"),
    "table": ("messages", "row 1", "body"),
    "letters moved between": ("elementsr", "ow 1", "body"),
    "joined": ("elements", "row 1body", ""),
}


@pytest.mark.parametrize("place", OTHER_PLACES.values(), ids=OTHER_PLACES.keys())
def test_other_place(place: tuple[str, str, str]) -> None:
    """A value put in the place of another does not open."""
    sealed = VAULT.seal(KEY, *PLACE, b"text")
    with pytest.raises(BadRest):
        VAULT.open(KEY, *place, sealed)


def test_other_case() -> None:
    """A value of one case does not open under the key of another."""
    other, _ = VAULT.new_case_key("case 2")
    with pytest.raises(BadRest):
        VAULT.open(other, *PLACE, VAULT.seal(KEY, *PLACE, b"text"))


def test_wrapped_key_of_other_case() -> None:
    """The wrapped key of one case does not unwrap as another's."""
    with pytest.raises(BadRest):
        VAULT.unwrap("case 2", WRAPPED)


def test_wrapped_under_other_kek() -> None:
    """A wrapped key does not unwrap under another key-encryption key."""
    with pytest.raises(BadRest):
        Vault(bytes(32)).unwrap("case 1", WRAPPED)


def test_wrapped_key_is_no_row() -> None:
    """A wrapped key cannot be passed off as a row, nor a row as a wrapped key."""
    row = VAULT.seal(KEY, "xg1 case key", "case 1", "", bytes(32))
    with pytest.raises(BadRest):
        Vault(KEY).unwrap("case 1", row)


def test_every_byte_counts() -> None:
    """A sealed value with any byte changed, or cut short anywhere, does not open."""
    sealed = VAULT.seal(KEY, *PLACE, b"text")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        for other in (bytes(changed), sealed[:place]):
            with pytest.raises(BadRest):
                VAULT.open(KEY, *PLACE, other)


def test_sealed_differs_each_time() -> None:
    """The same value is never sealed to the same bytes: equal names do not show."""
    assert VAULT.seal(KEY, *PLACE, b"text") != VAULT.seal(KEY, *PLACE, b"text")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_kek_of_other_length(length: int) -> None:
    """A key-encryption key has 32 bytes."""
    with pytest.raises(BadKey):
        Vault(bytes(length))


def test_repr_has_no_secret() -> None:
    """A vault in a log line shows nothing."""
    assert "Vault()" == repr(VAULT)


def test_index_value_is_the_same_under_one_key_alone() -> None:
    """A text has one value under a key and another under another; it is 16 bytes and no hash of the text."""
    vault, again, other = Vault(bytes(32)), Vault(bytes(32)), Vault(b"\x01" * 32)
    value = vault.index_value("name|A B|2001")
    assert (16, value) == (len(value), again.index_value("name|A B|2001"))
    assert value not in (other.index_value("name|A B|2001"), vault.index_value("name|A B|2002"))
    assert value != hmac.digest(bytes(32), b"name|A B|2001", "sha256")[:16]


def test_value_of_no_case_opens_in_its_place_alone() -> None:
    """What is kept about a State opens in its own place, and not with a key of another purpose."""
    vault = Vault(bytes(32))
    sealed = vault.seal_own("no_contact", "XBB", "sealed", b"why")
    assert b"why" == vault.open_own("no_contact", "XBB", "sealed", sealed)
    for place in (("no_contact", "XCC", "sealed"), ("no_contact", "XBB", "other")):
        with pytest.raises(BadRest):
            vault.open_own(*place, sealed)
    with pytest.raises(BadRest):
        vault.open(bytes(32), "no_contact", "XBB", "sealed", sealed)
