"""Base64url without padding (RFC 4648 section 5), and only the one text that each value has."""

from binascii import a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def _encoded(value: bytes) -> bytes:
    # Not ``base64.urlsafe_b64encode``: its layers cost as much as the work, and every message needs a dozen of these.
    return b2a_base64(value, newline=False).translate(_TO_URL).rstrip(b"=")


def encode(value: bytes) -> str:
    """Return ``value`` as base64url without padding."""
    return _encoded(value).decode("ascii")


def decode(text: str | bytes) -> bytes:
    """
    Return the bytes that ``text`` stands for.

    Raises ``ValueError`` for padding, another alphabet, white space, and for unused bits that are not zero.
    """
    given = text.encode("ascii") if isinstance(text, str) else text
    value = a2b_base64(given.translate(_FROM_URL) + b"=" * (-len(given) % 4))
    # The library skips what it does not know. Writing the value again leaves one text for each value.
    if _encoded(value) != given:
        raise ValueError("not canonical base64url without padding")
    return value
