"""
What a case can prove to somebody who has neither our network nor our database: the file, its members, its manifest.

An export is a set of named members. ``manifest.json`` lists each with SHA-256 and size; ``manifest.jws`` is the same
manifest signed by the gateway that exported it. Without content no member names a person, or tells whether and why a
State paused.

``docs/evidence.md`` explains the members to an expert; the cryptography is ``docs/protocol.md`` sections 3, 7 and 8.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.core import evidence_trust
from keys.card import Card

FORMAT: Final = "isthmus-evidence/1"

README: Final = "README.txt"
MANIFEST: Final = "manifest.json"
SIGNED: Final = "manifest.jws"
MESSAGES: Final = "messages.json"
EVENTS: Final = "events.json"
CLOCKS: Final = "clocks.json"
OPENINGS: Final = "openings.json"
GONE: Final = "gone.json"
TABLES = {MESSAGES: "messages", EVENTS: "events", CLOCKS: "clocks", OPENINGS: "openings", GONE: "gone"}
"""Members that hold one list, and the name of that list."""

SENT: Final = "sent"
RECEIVED: Final = "received"

DIGEST = r"[A-Za-z0-9_-]{43}"
CARD_NAME = re.compile(r"cards/([A-Z]{3})-([1-9][0-9]{0,8})\.jws")
RECEIPT_NAME = re.compile(rf"receipts/({DIGEST})(?:\.[1-9][0-9]{{0,3}})?\.jws")
PROOF_NAME = re.compile(rf"log/{DIGEST}(?:\.[1-9][0-9]{{0,3}})?\.[A-Z]{{3}}\.proof")
CONTENT_NAME = re.compile(rf"content/({DIGEST})\.jws")
STAMP_NAME = re.compile(r"stamps/([A-Z]{3})\.([A-Z]{3})\.([1-9][0-9]{0,15})\.([1-9][0-9]{0,15})\.tsr")
_TRUST_NAMES = (evidence_trust.ROOT, evidence_trust.PART, evidence_trust.CARDS, re.compile(evidence_trust.WITNESS))
_FIXED = frozenset({README, MANIFEST, SIGNED, *TABLES})


def known_name(name: str) -> bool:
    """Return whether ``name`` is one that a member may have; none leads out of a directory."""
    patterns = (CARD_NAME, RECEIPT_NAME, PROOF_NAME, CONTENT_NAME, STAMP_NAME, *_TRUST_NAMES)
    return name in _FIXED or any(pattern.fullmatch(name) for pattern in patterns)


def card_name(card: Card) -> str:
    """Return the member that holds ``card``."""
    return f"cards/{card.country}-{card.serial}.jws"


def stamp_name(origin: str, size: int) -> str:
    """Return the member that holds the time-stamp of the checkpoint of ``size`` entries of the log ``origin``."""
    return f"stamps/{origin.replace('/', '.')}.{size}.tsr"


def receipt_stem(digest: str, number: int) -> str:
    """Return the stem of the names about the ``number``-th (from 1) receipt for the payload ``digest``."""
    return digest if number == 1 else f"{digest}.{number}"


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the member ``name`` of ``TABLES`` over ``rows``: JSON, indented for a reader."""
    return indented({TABLES[name]: list(rows)})


def indented(value: Mapping[str, Any]) -> bytes:
    """Return ``value`` as JSON in UTF-8, indented for a reader, with a line feed at its end."""
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"
