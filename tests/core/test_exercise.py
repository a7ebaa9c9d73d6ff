"""The one form of an exercise: the bytes that people approve are those inside, and no others read alike."""

import pytest

from gateway.core.exercise import unwrap, wrap
from gateway.core.messages import REQUEST

BODY = '{"a":{}}'

OTHER = {
    "white space before the body": f'{{"of":"{REQUEST}","body": {BODY}}}',
    "white space behind it": f'{{"of":"{REQUEST}","body":{BODY} }}',
    "white space before the type": f'{{ "of":"{REQUEST}","body":{BODY}}}',
    "another order": f'{{"body":{BODY},"of":"{REQUEST}"}}',
    "an escape": f'{{"of":"\\u0076{REQUEST[1:]}","body":{BODY}}}',
    "no object": f'{{"of":"{REQUEST}","body":[{{}}}}',
    "no type": '{"of":"verification.gossip","body":{"a":{}}}',
}


def test_what_is_exercised_comes_back() -> None:
    """Type and body are what was wrapped, byte for byte."""
    assert (REQUEST, BODY.encode()) == unwrap(wrap(REQUEST, BODY).encode())


@pytest.mark.parametrize("name", OTHER)
def test_another_form_is_none(name: str) -> None:
    """What JSON reads alike, and signs otherwise, is refused (M-5.37)."""
    with pytest.raises(ValueError, match="exercise"):
        unwrap(OTHER[name].encode())
