"""
Whether elements can be what they say: names that show what they are, dates that exist, documents of a known kind.

A schema sees the form of an element; this file sees its sense. It runs before anything leaves and on what arrives.
Images are measured by ``attachments``; none is decoded.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.core import edtf
from gateway.core.attachments import attachment_findings
from gateway.core.documents import KINDS
from gateway.core.facts import Finding
from gateway.core.names import BadText, check_text

RULE = "E-01"
NAME_MAX = 160
"""As in the schemas: a whole name in one line."""

_PARTS = ("family", "given", "patronymic", "full")


def element_findings(elements: Mapping[str, Any]) -> tuple[Finding, ...]:
    """
    Return a finding for each element that cannot be what it says, without its value.

    ``elements`` has been accepted by its schema. Names: no control, bidirectional or invisible character, no word in
    two scripts. Dates: EDTF level 1 that exists. Document type: one that ICAO Doc 9303 names. Images: bare JPEGs within
    the limits, with the digest they say (E-02).
    """
    found = tuple(Finding(RULE, because, f"elements.{where}") for where, because in _faults(elements))
    return (*found, *attachment_findings(elements))


def _faults(elements: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for where, text in _names(elements):
        try:
            check_text(text, NAME_MAX)
        except BadText as error:
            yield "/".join(map(str, where)), str(error)
    for member, text in _dates(elements):
        try:
            edtf.check(text)
        except edtf.BadEdtf:
            yield member, "no date of the calendar in EDTF level 1"
    document = elements.get("document")
    if document is not None and document["type"][:1] not in KINDS:
        yield "document", "a document type that ICAO Doc 9303 does not name"


def _names(elements: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield where each part of a name stands, to be joined only if there is something to say of it, and its text."""
    for index, name in enumerate(elements.get("names", ())):
        for part in _PARTS:
            if (text := name.get(part)) is not None:
                yield ("names", index, part), text
        if latin := name.get("latin"):
            for part in _PARTS:
                if (text := latin.get(part)) is not None:
                    yield ("names", index, "latin", part), text
    for member in ("mother_given_names", "father_given_names"):
        if (text := elements.get(member)) is not None:
            yield (member,), text


def _dates(elements: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where each date stands, and its text."""
    for member in ("birth_date", "entry_date"):
        if (text := elements.get(member)) is not None:
            yield member, text
    if (text := (elements.get("permit") or {}).get("as_of")) is not None:
        yield "permit", text
