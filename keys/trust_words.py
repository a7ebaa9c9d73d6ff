"""
Fingerprints that two people read to one another: as words of the spelling alphabet, or as hexadecimal digits.

The words are those of the radiotelephony alphabet (ICAO Annex 10, Volume II; ITU Radio Regulations, Appendix 14), which
officials everywhere know. Each stands for one sign of base32 (RFC 4648 section 6); 52 of them say all 256 bits. The
last word holds four bits of a check sum, so that a word heard wrongly is mostly noticed before the comparison ends.
"""

import base64
import re
from hashlib import sha256

DIGEST_BYTES = 32
GROUP = 4

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TEXT = (
    "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey xray yankee zulu two three four five six seven"
)
_WORDS = _TEXT.split()
_OTHERS = {"alpha": "alfa", "juliet": "juliett", "whisky": "whiskey"}
"""As people write them who do not have the list before them."""

_SIGN = dict(zip(_WORDS, _ALPHABET, strict=True))
_WORD = dict(zip(_ALPHABET, _WORDS, strict=True))


def fingerprint_of(key: bytes) -> bytes:
    """Return the fingerprint of a public key (32 bytes), or of the signed bytes of a list: its SHA-256."""
    return sha256(key).digest()


def hexadecimal(fingerprint: bytes) -> str:
    """Return ``fingerprint`` (32 bytes) in groups of four hexadecimal digits."""
    digits = fingerprint.hex()
    return " ".join(digits[at : at + GROUP] for at in range(0, len(digits), GROUP))


def words(fingerprint: bytes) -> tuple[str, ...]:
    """Return ``fingerprint`` (32 bytes) as 52 words. Raises ``ValueError`` for another length."""
    if len(fingerprint) != DIGEST_BYTES:
        raise ValueError(f"a fingerprint has {DIGEST_BYTES} bytes")
    text = base64.b32encode(fingerprint + bytes([_check(fingerprint) << 4])).decode().rstrip("=")
    return tuple(_WORD[sign] for sign in text[:52])


def lines(fingerprint: bytes) -> str:
    """Return the words of ``fingerprint`` in 13 numbered lines of four, so that a line left out is noticed."""
    said = words(fingerprint)
    return "\n".join(f"{at // GROUP + 1:>2}  {' '.join(said[at : at + GROUP])}" for at in range(0, len(said), GROUP))


def read(text: str) -> bytes:
    """
    Return the fingerprint (32 bytes) in ``text``: 64 hexadecimal digits, or 52 words, numbered lines or not.

    Raises ``ValueError`` for anything else, and for words whose check sum is wrong.
    """
    digits = "".join(text.split()).lower()
    if re.fullmatch(r"[0-9a-f]{64}", digits):
        return bytes.fromhex(digits)
    said = [_OTHERS.get(word, word) for word in re.findall(r"[a-z]+", text.lower().replace("x-ray", "xray"))]
    if len(said) != 52 or not set(said) <= _SIGN.keys():
        raise ValueError("a fingerprint is 52 words of the spelling alphabet, or 64 hexadecimal digits")
    raw = base64.b32decode("".join(_SIGN[word] for word in said) + "A" * 4)
    fingerprint = raw[:DIGEST_BYTES]
    if raw[DIGEST_BYTES] != _check(fingerprint) << 4:
        raise ValueError("the check sum of the words is wrong: at least one was read or heard wrongly")
    return fingerprint


def _check(fingerprint: bytes) -> int:
    return sha256(b"xg1 words\x00" + fingerprint).digest()[0] >> 4
