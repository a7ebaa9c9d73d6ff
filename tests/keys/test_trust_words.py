"""Fingerprints as two people read them to one another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import trust_words

FINGERPRINT = bytes(range(32))
FIRST = "alfa alfa alfa quebec"


@given(st.binary(min_size=32, max_size=32))
def test_words_and_digits_come_back(fingerprint: bytes) -> None:
    """What is read out as words or digits is the fingerprint again, in any case and with the numbers of the lines."""
    assert fingerprint == trust_words.read(trust_words.lines(fingerprint))
    assert fingerprint == trust_words.read(" ".join(trust_words.words(fingerprint)).upper())
    assert fingerprint == trust_words.read(trust_words.hexadecimal(fingerprint))


def test_the_words_are_those_of_base32() -> None:
    """The first line says the first four signs of base32, and there are 13 lines."""
    lines = trust_words.lines(FINGERPRINT).splitlines()
    assert 13 == len(lines)
    assert f" 1  {FIRST}" == lines[0]


def test_other_spellings_are_read() -> None:
    """Alpha, juliet and x-ray are what people write."""
    text = trust_words.lines(bytes.fromhex("4a" * 32))
    assert bytes.fromhex("4a" * 32) == trust_words.read(text.replace("juliett", "juliet").replace("xray", "x-ray"))


def test_a_word_heard_wrongly_is_mostly_noticed() -> None:
    """Of all ways to hear one word as another at most one in eight passes the check sum, and none as the same key."""
    said = list(trust_words.words(FINGERPRINT))
    passed = tried = 0
    for at in range(len(said) - 1):
        for word in set(trust_words.words(bytes(range(100, 132)))) - {said[at]}:
            tried += 1
            try:
                assert FINGERPRINT != trust_words.read(" ".join([*said[:at], word, *said[at + 1 :]]))
                passed += 1
            except ValueError:
                continue
    assert tried > 500
    assert passed < tried / 8


@pytest.mark.parametrize(
    "text", ["", "alfa", " ".join(["alfa"] * 51), " ".join(["alpine"] * 52), "0" * 63, "g" * 64, "alfa " * 53]
)
def test_what_is_no_fingerprint(text: str) -> None:
    """Anything but 52 words or 64 digits is refused."""
    with pytest.raises(ValueError, match="52 words"):
        trust_words.read(text)


def test_a_fingerprint_has_32_bytes() -> None:
    """Shorter bytes have no words."""
    with pytest.raises(ValueError, match="32 bytes"):
        trust_words.words(b"short")
