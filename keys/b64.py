"""Base64url without padding (RFC 4648 section 5), and only the one text that each value has."""

from binascii import a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")  # what is of the other alphabet becomes what is of none


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
    value = a2b_base64(given.translate(_FROM_URL) + b"=" * (-len(given) % 4), strict_mode=True)
    # The library does not look at unused bits, nor whether the padding is ours. Writing the last bytes again does.
    left = len(value) % 3
    if len(value) * 4 // 3 + (left > 0) != len(given) or (left and not given.endswith(_encoded(value[-left:]))):
        raise ValueError("not canonical base64url without padding")
    return value
