"""Base64url without padding (RFC 4648 section 5), and only the one text that each value has."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(value: bytes) -> str:
    """Return ``value`` as base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def decode(text: str | bytes) -> bytes:
    """
    Return the bytes that ``text`` stands for.

    Raises ``ValueError`` for padding, another alphabet, white space, and for unused bits that are not zero.
    """
    given = text.encode("ascii") if isinstance(text, str) else text
    value = urlsafe_b64decode(given + b"=" * (-len(given) % 4))
    # The library skips what it does not know. Writing the value again leaves one text for each value.
    if urlsafe_b64encode(value).rstrip(b"=") != given:
        raise ValueError("not canonical base64url without padding")
    return value
