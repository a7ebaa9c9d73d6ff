"""
The least data that answers the question: purpose x element, as a table.

Rule 1: an element leaves only if the table says so for the purpose. What the table does not name does not leave.
Rule 2: an element marked ``tier2`` leaves only after the other State asked for exactly that element.
Rule 3: a national field never leaves, for any purpose; the wire has no place for it.
Rule 4: of an image there is only what this gateway drew anew (``gateway.core.attachments``); the file itself stays.

The table is ``schemas/matrix.json``, with the source of each row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import schemas
from gateway.core.attachments import drawn
from gateway.core.facts import Finding

MATRIX: Mapping[str, Any] = schemas.load_matrix()
_ELEMENTS: Mapping[str, Mapping[str, Any]] = {row["element"]: row for row in MATRIX["elements"]}
_ELEMENT_OF: Mapping[str, str] = {member: row["element"] for row in MATRIX["elements"] for member in row["members"]}
NEVER: Mapping[str, str] = {row["field"]: row["because"] for row in MATRIX["never"]}


@dataclass(frozen=True, slots=True)
class Line:
    """
    What happens to one element of the file.

    ``status`` is ``sent``, ``withheld`` (may leave later, or is not needed) or ``forbidden`` (never for this purpose);
    ``rule`` is MIN-1 to MIN-4 or ``-``.
    """

    element: str
    member: str
    status: str
    rule: str
    because: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What leaves (``elements``, ready for the body), what happens to each element in the file, what is missing."""

    elements: Mapping[str, Any]
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]


def _judge(member: str, purpose: str, asked: frozenset[str], images: Mapping[str, Any]) -> Line:
    element = _ELEMENT_OF.get(member)
    if element is None:
        return Line(member, member, "forbidden", "MIN-1", "the table does not name it")
    need = _ELEMENTS[element]["purposes"].get(purpose, "forbidden")
    if _ELEMENTS[element]["attachment"] and member not in images:
        return Line(element, member, "withheld", "MIN-4", "an image leaves only once it was drawn anew here")
    if need == "required" or (need == "tier2" and element in asked):
        return Line(element, member, "sent", "-", "needed to answer" if need == "required" else "asked for")
    if need == "tier2":
        return Line(element, member, "withheld", "MIN-2", "leaves only after the other State asks for it")
    return Line(element, member, "forbidden", "MIN-1", f"not needed for the purpose {purpose}")


def members_of(elements: Iterable[str]) -> frozenset[str]:
    """Return the members of a body that hold ``elements`` (codes); a code the table does not name has none."""
    return frozenset(member for name in elements if name in _ELEMENTS for member in _ELEMENTS[name]["members"])


def elements_in(members: Iterable[str]) -> frozenset[str]:
    """Return the elements (codes) that ``members`` of a body hold; one that the table does not name is of none."""
    return frozenset(_ELEMENT_OF[member] for member in members if member in _ELEMENT_OF)


def disclose(
    draft: Mapping[str, Any],
    purpose: str,
    asked: Iterable[str] | None = None,
    renditions: Mapping[str, Any] | None = None,
) -> Disclosure:
    """
    Divide the national record ``draft`` into what leaves for ``purpose`` and what does not.

    With ``asked`` (element names of a tier-2 question) only those elements leave and the tier-1 elements, already sent,
    stay; without it, tier 1 leaves. A required element that the file lacks is a finding, MIN-5. ``renditions`` are what
    the case keeps of the images drawn anew; one of a file that the record no longer names counts for nothing.
    """
    wanted, images = frozenset(asked or ()), drawn(draft, renditions or {})
    file: dict[str, Any] = dict(draft["elements"])
    if draft.get("representative"):
        file["representative_ref"] = draft["representative"]["ref"]
    file |= {member: one["wire"] for member, one in images.items()}
    lines = [_judge(member, purpose, wanted, images) for member in file]
    if asked is not None:
        lines = [_second_tier(line, wanted) for line in lines]
    lines += [
        Line(name, name, "forbidden", "MIN-3", NEVER.get(name, "a national field"))
        for name in draft.get("national", {})
    ]
    sent = {line.member: file[line.member] for line in lines if line.status == "sent"}
    return Disclosure(sent, tuple(lines), _missing(sent, purpose, wanted if asked is not None else None))


def _second_tier(line: Line, wanted: frozenset[str]) -> Line:
    if line.status == "sent" and line.element not in wanted:
        return Line(line.element, line.member, "withheld", "MIN-2", "sent before; not asked for again")
    return line


def _missing(sent: Mapping[str, Any], purpose: str, asked: frozenset[str] | None) -> tuple[Finding, ...]:
    have = {_ELEMENT_OF[member] for member in sent}
    if asked is not None:
        # What was asked for and is not in the file simply does not leave; a question that yields nothing is no answer.
        return () if have else (Finding("MIN-5", "none of the elements asked for is in the file", "elements"),)
    return tuple(
        Finding("MIN-5", f"{element} is required for {purpose} and not in the file", "elements")
        for element in required(purpose)
        if element not in have
    )


def required(purpose: str) -> tuple[str, ...]:
    """Return the elements (codes) without which no question for ``purpose`` leaves (MIN-5)."""
    return tuple(
        row["element"]
        for row in MATRIX["elements"]
        # Not everybody has a representative, or a document to take an image of: neither holds a message back.
        if row["purposes"].get(purpose) == "required" and not row["reference"] and not row["attachment"]
    )


def excess(elements: Mapping[str, Any], purpose: str, asked: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """
    Return a finding for each received element that ``purpose`` does not allow (code ``not-minimised``).

    ``asked`` are the elements our own tier-2 question named; ``None`` for a first request, where none may come.
    """
    wanted = frozenset(asked or ())
    found = []
    for member in elements:
        element = _ELEMENT_OF.get(member, "")
        need = _ELEMENTS[element]["purposes"].get(purpose, "forbidden") if element else "forbidden"
        if asked is not None and element not in wanted:
            found.append(Finding("MIN-2", f"{member} was not asked for", f"elements.{member}"))
        elif need == "forbidden" or (need == "tier2" and element not in wanted):
            found.append(Finding("MIN-1", f"{member} may not be sent for {purpose}", f"elements.{member}"))
    return tuple(found)
