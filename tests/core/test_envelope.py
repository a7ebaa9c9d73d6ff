"""The outside of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codes import PeerError
from gateway.core.envelope import (
    COLLECT_MAX,
    ENC_BYTES,
    HEAD_BYTES,
    LENGTHS,
    MAX_BYTES,
    SIZES,
    BadEnvelope,
    BadPadding,
    envelope_id,
    head,
    pad,
    parse,
    parse_several,
    serialize_several,
    unpad,
)

KID = bytes(range(16))


def _raw(suite: int = 1, length: int = 9349) -> bytes:
    return (head(1, KID)[:4] + bytes((suite,)) + KID).ljust(length, b"\x5a")


def test_lengths_published() -> None:
    """A structured message has 9,349 bytes in suite 1 and 9,894 in suite 2."""
    assert (9349, 9894) == (min(LENGTHS[1]), min(LENGTHS[2]))


def test_parse_cuts() -> None:
    """An envelope is cut into head, suite, key id and the sealed rest."""
    raw = _raw()
    found = parse(raw)
    assert (1, KID, raw[:21], raw[21:]) == (found.suite, found.kid, found.head, found.enc_ct)
    assert head(1, KID) == found.head


@pytest.mark.parametrize("length", sorted(LENGTHS[1]))
def test_parse_accepts_four_lengths(length: int) -> None:
    """Each of the four lengths of a suite is an envelope."""
    assert length - HEAD_BYTES == len(parse(_raw(length=length)).enc_ct)


@pytest.mark.parametrize(
    ("raw", "code_reason"),
    {
        "empty": (b"", "envelope.magic"),
        "head only cut": (_raw()[:20], "envelope.magic"),
        "other magic": (b"XG2\x00" + _raw()[4:], "envelope.magic"),
        "suite 0": (_raw(suite=0), "envelope.suite"),
        "suite 3": (_raw(suite=3), "envelope.suite"),
        "length of the other suite": (_raw(length=9894), "envelope.size"),
        "one byte more": (_raw() + b"x", "envelope.size"),
        "one byte less": (_raw()[:-1], "envelope.size"),
        "head only": (_raw()[:21], "envelope.size"),
    }.values(),
)
def test_parse_refuses(raw: bytes, code_reason: str) -> None:
    """Whatever is not magic, suite and exact length is a bad envelope."""
    with pytest.raises(BadEnvelope) as caught:
        parse(raw)
    assert ("bad-envelope", code_reason) == (caught.value.code.code, str(caught.value.reason))


def test_parse_refuses_suite_not_allowed() -> None:
    """A known suite that policy does not allow asks for another key, once everything else is right."""
    with pytest.raises(PeerError, match=r"key\.suite-not-allowed"):
        parse(_raw(suite=2, length=9894), allowed_suites=(1,))
    with pytest.raises(BadEnvelope, match=r"envelope\.size"):
        parse(_raw(suite=2, length=9893), allowed_suites=(1,))


def test_id_depends_on_every_byte() -> None:
    """Two envelopes that differ anywhere have different ids."""
    assert envelope_id(_raw()) != envelope_id(_raw()[:-1] + b"y")


@pytest.mark.parametrize(("suite", "kid"), [(0, KID), (3, KID), (1, KID[:15]), (1, KID + b"x")])
def test_head_checks_arguments(suite: int, kid: bytes) -> None:
    """A head is not made for a suite or key id that cannot be."""
    with pytest.raises(ValueError, match="16 bytes"):
        head(suite, kid)


@given(st.binary(min_size=1, max_size=9000))
def test_pad_round_trip(jws: bytes) -> None:
    """What was padded comes back, from one of the sizes."""
    plain = pad(jws)
    assert jws == unpad(plain)
    assert len(plain) in SIZES[:2]


@pytest.mark.parametrize("size", SIZES)
def test_pad_picks_smallest(size: int) -> None:
    """A message fills a size up to its last byte before the next is taken."""
    assert size == len(pad(b"x" * (size - 4)))


@pytest.mark.parametrize("jws", [b"", b"x" * (SIZES[-1] - 3)], ids=["empty", "too large"])
def test_pad_refuses(jws: bytes) -> None:
    """Nothing, or more than the largest size, is not padded."""
    with pytest.raises(ValueError, match="4 MiB"):
        pad(jws)


def test_unpad_accepts_larger_size() -> None:
    """A sender may hide a small message in a larger size."""
    assert b"jws" == unpad((3).to_bytes(4, "big") + b"jws" + bytes(SIZES[1] - 7))


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        (b"", "padding.length"),
        (bytes(SIZES[0]), "padding.length"),
        (pad(b"jws")[:-1], "padding.length"),
        ((SIZES[0] - 3).to_bytes(4, "big") + bytes(SIZES[0] - 4), "padding.length"),
        (b"\xff" * SIZES[0], "padding.length"),
        (pad(b"jws")[:-1] + b"\x01", "padding.tail"),
        (pad(b"jws")[:7] + b"\x01" + pad(b"jws")[8:], "padding.tail"),
        (b"\x00\x00\x00\x01x" + bytes(SIZES[1] - 6) + b"\x01", "padding.tail"),
    ],
    ids=["empty", "zero length", "odd size", "past the end", "huge", "last byte", "first byte", "long tail"],
)
def test_unpad_refuses(plain: bytes, reason: str) -> None:
    """A wrong size, a length past the end, or a tail that is not zero is bad padding."""
    with pytest.raises(BadPadding) as caught:
        unpad(plain)
    assert ("bad-padding", reason) == (caught.value.code.code, str(caught.value.reason))


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_several_round_trip(items: list[bytes]) -> None:
    """Envelopes in a reply to collect come back in order."""
    assert items == parse_several(serialize_several(items))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00",
        b"\x00\x00\x00\x02x",
        b"\xff\xff\xff\xffx",
        serialize_several([b"a"]) + b"\x00\x00\x00",
        (MAX_BYTES + 1).to_bytes(4, "big") + bytes(MAX_BYTES + 1),
        serialize_several([b"a"] * COLLECT_MAX) + b"\x00\x00\x00\x01a",
        bytes((8 << 20) + 4),
    ],
    ids=["half a length", "past the end", "huge", "trailing", "too large", "too many", "whole too large"],
)
def test_several_refuses(raw: bytes) -> None:
    """A reply that is not lengths and envelopes is refused."""
    with pytest.raises(BadEnvelope):
        parse_several(raw)


def test_several_limits() -> None:
    """A reply holds no more envelopes or bytes than allowed."""
    with pytest.raises(ValueError, match="at most 64"):
        serialize_several([b"a"] * (COLLECT_MAX + 1))
    with pytest.raises(ValueError, match="at most 64"):
        serialize_several([bytes(MAX_BYTES)] * 2)


def test_suites_have_their_sizes() -> None:
    """The encapsulated keys have the lengths the registry gives."""
    assert {1: 1120, 2: 1665} == dict(ENC_BYTES)
