"""
A remark in free words beside a message: off by default, and never in the words it was first written in.

Rule 1: what may leave is the text that was redacted, confirmed by a person, and has not changed since: neither it, nor
the remark it was made of, nor the record it was compared with.
Rule 2: whoever confirms may take words out, and can put none in.
Rule 3: wherever something was taken out stands the same mark. What kind of thing it was stays here: that there was an
address to hide, or an illness, already tells.

How it is read and compared is the work of ``gateway.redaction``; this file knows of neither.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.case import Case, Remark, Stop
from gateway.core.unseen import has_unseen
from keys import b64
from schemas import ijson

MOST_CHARACTERS = 500
"""The longest remark on the wire, whatever an agreement says."""

FURTHER_REMARK = "further_remark"
"""Where, in what a case received, the remark stands that came with further elements, beside that of the request."""

MARK = "[...]"
"""What stands where something was taken out."""

PROTECTION = "held-for-person"
"""The code with which a remark is held because it tells of a need for protection, or may."""


@dataclass(frozen=True, slots=True)
class About:
    """
    What the rules know of a remark when a message is composed, approved or sent.

    ``remark`` and ``stop`` are the case's. ``most`` is the number of characters an agreement allows in a message of
    this type, ``None`` where none allows a remark. ``leaks`` are the fields of the record that the remark tells
    something of; ``None`` says that nobody has compared the two.
    """

    remark: Remark | None = None
    most: int | None = None
    leaks: tuple[str, ...] | None = None
    stop: Stop | None = None


def about_case(case: Case) -> About:
    """Return what the case itself knows of its remark; the rest has to be looked up."""
    return About(remark=case.remark, stop=case.remark_stop)


def digest_of(value: object) -> str:
    """Return base64url SHA-256 of ``value`` as canonical JSON: of a remark, of a record, of an attestation."""
    return b64.encode(hashlib.sha256(ijson.dumps(value)).digest())


def wire_value(remark: Remark) -> dict[str, str]:
    """Return the member ``remark`` of a body."""
    return {"language": remark.language, "text": remark.text}


def seal(remark: Remark, draft: Mapping[str, Any] | None) -> str:
    """
    Return the digest that whoever confirms ``remark`` names: of what would leave, what it was made of, and the record.

    Two remarks may look the same once they are redacted, and the record may change between a look and a confirmation:
    neither is what was seen then. Nor can the words of a remark be guessed from it once the case is erased.
    """
    return digest_of({**wire_value(remark), "of": remark.of, "record": digest_of(draft)})


def still_stops(stop: Stop | None, asylum: Mapping[str, Any]) -> bool:
    """Tell whether ``asylum`` is still the attestation that stood when a remark told of protection, or an older one."""
    if stop is None:
        return False
    # Days of the schema are ISO dates: they compare as text. One that nobody named is older than any.
    return digest_of(asylum) == stop.asylum or (asylum["attested_on"] or "") < stop.on


def is_waiting(draft: Mapping[str, Any] | None, remark: Remark | None) -> bool:
    """Tell whether the record has a remark that has not left yet."""
    written = (draft or {}).get("remark")
    return written is not None and not (remark is not None and remark.sent and remark.of == digest_of(written))


def is_read(draft: Mapping[str, Any] | None, remark: Remark | None) -> bool:
    """Tell whether ``remark`` is what was made of the remark that stands in the record now."""
    return remark is not None and remark.of == digest_of((draft or {}).get("remark"))


def is_confirmed(draft: Mapping[str, Any] | None, remark: Remark | None) -> bool:
    """Tell whether a person confirmed the text of ``remark`` and nothing has changed since; it may be in a body."""
    if remark is None or draft is None or remark.sent or remark.reasons or not is_read(draft, remark):
        return False
    return remark.by is not None and remark.record == digest_of(draft) and remark.digest == seal(remark, draft)


def marked(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """
    Return ``text`` as it may leave: composed, on one line, with the one mark where each of ``spans`` was.

    Marks that only white space and punctuation divide are one: how many things were named tells something too.
    Raises ``ValueError`` if the spans are no spans of the text.
    """
    parts, at = [], 0
    for start, end, _ in sorted(spans):
        if not at <= start < end <= len(text):
            raise ValueError("spans overlap, or lie outside the text")
        parts += [text[at:start], f" {MARK} "]
        at = end
    whole = unicodedata.normalize("NFC", " ".join("".join([*parts, text[at:]]).split()))
    mark = re.escape(MARK)
    whole = re.sub(rf"{mark}(?:[\s,;:/()\-\u2013]*{mark})+", MARK, whole)
    return re.sub(rf"{mark} (?=[.,;:!?،؛؟)])", MARK, whole).strip()


def says_something(text: str) -> bool:
    """Tell whether anything is left of a text but marks."""
    return any(char.isalnum() for char in text.replace(MARK, ""))


def is_shortened(text: str, of: str) -> bool:
    """Tell whether ``text`` is ``of`` with words taken out and nothing put in: its words are words of it, in order."""
    left = iter(of.split())
    return bool(text.split()) and all(word in left for word in text.split())


_BARRED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = re.compile("(?<=[\u0620-\u06ff])[\u200c\u200d](?=[\u0620-\u06ff])")


def wire_fault(text: str) -> str | None:
    """Return what is wrong with ``text`` as the text of a remark on the wire, or ``None`` (protocol, the remark)."""
    if not 1 <= len(text) <= MOST_CHARACTERS:
        return f"a remark has 1 to {MOST_CHARACTERS} characters"
    if text != unicodedata.normalize("NFC", text):
        return "a remark is in normalisation form C"
    if has_unseen(joined := _JOINERS.sub("", text)) or any(unicodedata.category(char) in _BARRED for char in joined):
        return "a remark has no control, bidirectional or invisible character"
    return None if text == text.strip() else "a remark has no space at either end"
