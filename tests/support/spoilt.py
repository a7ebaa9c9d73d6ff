"""Sealed bytes that are not what was sealed."""


def spoilt(sealed: bytes | None) -> bytes:
    """Return sealed bytes with one bit changed."""
    assert sealed is not None
    return sealed[:-1] + bytes([sealed[-1] ^ 1])
