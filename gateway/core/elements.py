"""
Whether elements can be what they say: names that show what they are, dates that exist, documents of a known kind.

A schema sees the form of an element; this file sees its sense. It runs before anything leaves and on what arrives.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.core import edtf
from gateway.core.documents import describe_type
from gateway.core.names import BadText, check_text
from gateway.core.rules import Finding

RULE = "E-01"
NAME_MAX = 160
"""As in the schemas: a whole name in one line."""

_PARTS = ("family", "given", "patronymic", "full")


def element_findings(elements: Mapping[str, Any]) -> tuple[Finding, ...]:
    """
    Return a finding for each element that cannot be what it says, without its value.

    ``elements`` has been accepted by its schema. Names: no control, bidirectional or invisible character, no word in
    two scripts. Dates: EDTF level 1 that exists. Document type: one that ICAO Doc 9303 names.
    """
    return tuple(Finding(RULE, because, f"elements.{where}") for where, because in _faults(elements))


def _faults(elements: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, name in enumerate(elements.get("names", ())):
        for part in _PARTS:
            yield from _name(name.get(part), f"names/{index}/{part}")
            yield from _name((name.get("latin") or {}).get(part), f"names/{index}/latin/{part}")
    for member in ("mother_given_names", "father_given_names"):
        yield from _name(elements.get(member), member)
    for member, text in (
        ("birth_date", elements.get("birth_date")),
        ("entry_date", elements.get("entry_date")),
        ("permit", (elements.get("permit") or {}).get("as_of")),
    ):
        yield from _date(text, member)
    document = elements.get("document")
    if document is not None and describe_type(document["type"]) is None:
        yield "document", "a document type that ICAO Doc 9303 does not name"


def _name(text: str | None, where: str) -> Iterator[tuple[str, str]]:
    if text is None:
        return
    try:
        check_text(text, NAME_MAX)
    except BadText as error:
        yield where, str(error)


def _date(text: str | None, where: str) -> Iterator[tuple[str, str]]:
    if text is None:
        return
    try:
        edtf.parse(text)
    except edtf.BadEdtf:
        yield where, "no date of the calendar in EDTF level 1"
