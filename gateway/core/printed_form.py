"""
A message on paper, for a partner whose line is down: the sealed envelope as text for QR codes, with its digest.

What is printed is the envelope that would have been posted, byte for byte, so paper shows no more than the line would.
It is cut into parts of one code each, in letters and digits that a person can also type. The other State joins them,
checks the digest, and receives the envelope like one that came over the line; its answer goes back the same way.

Rule 1: the same bytes always give the same form; no time, name or place of printing is in it.
Rule 2: a part says what it is, which of how many, and of which whole; joined parts are the whole or an error.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Final

PART_CHARS: Final = 1500
"""Characters of one code: alphanumeric QR of a size that a page holds and a telephone reads, at error level M."""

_PART = re.compile(r"XG1F:([MA]):([1-9][0-9]{0,3}):([1-9][0-9]{0,3}):([0-9A-F]{16}):([A-Z2-7]+)")


class Kind(StrEnum):
    """What a form carries: a message (an envelope) or the answer to one."""

    MESSAGE = "M"
    ANSWER = "A"


def serialize_parts(kind: Kind, raw: bytes) -> tuple[str, ...]:
    """Return ``raw`` as the texts of its QR codes: ``XG1F:<kind>:<n>:<of>:<16 hex of SHA-256>:<base32>``."""
    text = base64.b32encode(raw).decode("ascii").rstrip("=")
    pieces = [text[start : start + PART_CHARS] for start in range(0, len(text), PART_CHARS)]
    whole = sha256(raw).hexdigest()[:16].upper()
    return tuple(f"XG1F:{kind}:{n}:{len(pieces)}:{whole}:{piece}" for n, piece in enumerate(pieces, 1))


def parse_parts(lines: Iterable[str]) -> tuple[Kind, bytes]:
    """
    Return what the scanned ``lines`` carry, in whatever order and however often each was scanned.

    Raises ``ValueError`` that names the part at fault: no part of a form, of another form, missing, or misread.
    """
    found: dict[int, str] = {}
    heads = set()
    for line in filter(None, map(str.strip, lines)):
        part = _PART.fullmatch(line)
        if part is None:
            raise ValueError("a line is no part of a form")
        heads.add((part[1], part[3], part[4]))
        if len(heads) > 1:
            raise ValueError("the parts are of several forms; scan one form at a time")
        if found.setdefault(int(part[2]), part[5]) != part[5]:
            raise ValueError(f"part {part[2]} was read in two ways; scan it again")
    if not heads:
        raise ValueError("there are none; scan the codes of a form, one a line")
    ((kind, count, whole),) = heads
    if missing := [n for n in range(1, int(count) + 1) if n not in found]:
        raise ValueError(f"part {missing[0]} of {count} is missing")
    raw = _decoded("".join(found[n] for n in range(1, int(count) + 1)))
    if len(found) != int(count) or sha256(raw).hexdigest()[:16].upper() != whole:
        raise ValueError("the digest of the whole is another one; scan all parts again")
    return Kind(kind), raw


def _decoded(text: str) -> bytes:
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise ValueError("the parts are no whole; scan all of them again") from None


def form_text(kind: Kind, raw: bytes, sender: str, recipient: str) -> str:
    """Return the text of the form: who to whom, the whole SHA-256 in groups to compare by telephone, how many codes."""
    digest = sha256(raw).hexdigest().upper()
    groups = " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
    what = "Sealed message" if kind is Kind.MESSAGE else "Answer to a sealed message"
    return "\n".join(
        (
            f"{what} from {sender} to {recipient}",
            f"Bytes: {len(raw)}",
            f"SHA-256: {groups}",
            f"Codes: {len(serialize_parts(kind, raw))}",
            "Scan every code, one a line, in any order; then: isthmus form read FILE",
            "",
        )
    )
