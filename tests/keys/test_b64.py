"""Base64url without padding, one text for each value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import b64


@given(st.binary(max_size=70))
def test_round_trip(value: bytes) -> None:
    """What was encoded decodes to itself, from text and from bytes."""
    text = b64.encode(value)
    assert value == b64.decode(text) == b64.decode(text.encode())


@given(st.text(alphabet="AQgwz-_09+/= \n\u00e9", max_size=12))
def test_one_text_for_each_value(text: str) -> None:
    """Whatever decodes is the text that encoding gives."""
    try:
        value = b64.decode(text)
    except ValueError:
        return
    assert text == b64.encode(value)


@pytest.mark.parametrize(
    "text", ["A", "AA==", "AB", "AA\n", " AA", "A+A", "A/AA", "AAAAA", "\u0410A", "AA=A", "A.A"], ids=repr
)
def test_refuses(text: str) -> None:
    """Padding, other letters, white space and unused bits are refused."""
    with pytest.raises(ValueError, match=r"."):
        b64.decode(text)
