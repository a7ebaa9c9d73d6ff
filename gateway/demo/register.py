"""
A toy population register of XBB, with invented people.

Rule 1: it is searched, never asked for a person by name: names by ``compare_names``, dates by overlap, the rest by the
elements that came. Change an entry and the outcome changes with it.
Rule 2: that something does not agree is no reason to leave an entry out, unless another entry does agree.
Rule 3: it knows its own gaps. No entry in a volume that was lost is not the same as no entry.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from gateway.core import edtf
from gateway.core.names import compare_lists, fold

COUNTRY = "XBB"


class Standing(StrEnum):
    """What an entry says of the person's nationality of XBB."""

    NATIONAL = "national"
    RENOUNCED = "renounced"
    LOST = "lost"
    FOREIGN = "foreign"


class Kept(StrEnum):
    """Where the entries of a volume are."""

    REGISTER = "register"
    ARCHIVE = "archive"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Permit:
    """A permanent residence permit: its number, first day and last day (``None`` while it holds)."""

    number: str
    from_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``names`` are name objects as on the wire; ``documents`` too; unknown is ``None``."""

    names: Sequence[Mapping[str, Any]]
    birth_date: str
    birth_unit: str
    standing: Standing
    sex: int
    mother_given_names: str | None = None
    father_given_names: str | None = None
    personal_number: str | None = None
    documents: Sequence[Mapping[str, str]] = ()
    permits: Sequence[Permit] = ()
    kept: Kept = Kept.REGISTER


@dataclass(frozen=True, slots=True)
class Volume:
    """The entries of one place and of births from ``first`` to ``last`` (years), and where they are kept."""

    unit: str
    first: int
    last: int
    kept: Kept


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that may be the person, and the codes (list ``match_basis``) of what agreed."""

    entry: Entry
    basis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """
    What a search found: the entries that may be meant, and the volumes that could not be looked at, by where they are.
    """

    matches: tuple[Match, ...]
    unseen: frozenset[Kept] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Register:
    """The register: its entries and its volumes."""

    entries: Sequence[Entry]
    volumes: Sequence[Volume]

    def search(self, elements: Mapping[str, Any], archive: bool) -> Search:
        """Search for ``elements`` (wire object); ``archive`` says whether the archive may be looked at."""
        open_to_us = {Kept.REGISTER, Kept.ARCHIVE} if archive else {Kept.REGISTER}
        agreeing = (_compare(entry, elements) for entry in self.entries if entry.kept in open_to_us)
        matches = _narrow([match for match in agreeing if match], elements)
        unseen = {volume.kept for volume in self.volumes if volume.kept not in open_to_us and _covers(volume, elements)}
        return Search(tuple(matches), frozenset(unseen))


def _compare(entry: Entry, elements: Mapping[str, Any]) -> Match | None:
    """Return how ``entry`` agrees with the elements of the first tier, or ``None`` if name or birth date do not."""
    name = compare_lists(elements["names"], entry.names)
    asked, held = edtf.parse(elements["birth_date"]), edtf.parse(entry.birth_date)
    if name is None or not edtf.overlaps(asked, held):
        return None
    same_day = asked.is_exact and held.is_exact
    basis = [name, "DOB_EXACT" if same_day else "DOB_PARTIAL"]
    if _same_unit(elements.get("birth_place"), entry.birth_unit):
        basis.append("POB")
    return Match(entry, tuple(basis))


def _same_unit(place: Mapping[str, Any] | None, unit: str) -> bool:
    return bool(place and place["country"] == COUNTRY and place["unit"] and fold(place["unit"]) == fold(unit))


def _covers(volume: Volume, elements: Mapping[str, Any]) -> bool:
    born = edtf.parse(elements["birth_date"])
    overlap = born.lower.year <= volume.last and volume.first <= born.upper.year
    return overlap and _same_unit(elements.get("birth_place"), volume.unit)


# The elements of the second tier: each with the code it adds to the basis, if it has one, and when it agrees.


def _same_sex(entry: Entry, value: Any) -> bool:
    return bool(entry.sex == value)


def _same_number(entry: Entry, value: Any) -> bool:
    return entry.personal_number is not None and fold(entry.personal_number) == fold(value)


def _same_document(entry: Entry, value: Any) -> bool:
    return any(document == value for document in entry.documents)


def _same_mother(entry: Entry, value: Any) -> bool:
    return entry.mother_given_names is not None and fold(entry.mother_given_names) == fold(value)


def _same_father(entry: Entry, value: Any) -> bool:
    return entry.father_given_names is not None and fold(entry.father_given_names) == fold(value)


SECOND_TIER: Sequence[tuple[str, str | None, Callable[[Entry, Any], bool]]] = (
    ("document", "DOCNO", _same_document),
    ("personal_number", "PERSONAL_NO", _same_number),
    ("mother_given_names", "MOTHER", _same_mother),
    ("father_given_names", "FATHER", _same_father),
    ("sex", None, _same_sex),
)


def _narrow(matches: Sequence[Match], elements: Mapping[str, Any]) -> Sequence[Match]:
    """Keep, for each element of the second tier that came, the entries that agree with it; if none does, all."""
    for member, code, agrees in SECOND_TIER:
        if member not in elements:
            continue
        fitting = [match for match in matches if agrees(match.entry, elements[member])]
        more = (code,) if code else ()
        matches = [Match(match.entry, (*match.basis, *more)) for match in fitting] or matches
    return matches
