"""What may not be told: everything the record of a case says of a person, each thing with its field."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gateway.core import names
from gateway.core.names import without_article
from gateway.redaction.everyday import is_common, is_known, is_small
from gateway.redaction.fold import fold
from gateway.redaction.said_dates import EDTF, dates_in


@dataclass(frozen=True, slots=True)
class Secret:
    """
    One thing the record says: ``text`` of the ``field``, of a ``kind``.

    Kinds: ``name`` (a word of a name), ``word`` (a word that may identify), ``phrase`` (words that identify together),
    ``number``, ``date`` (EDTF) and ``birth`` (the same, whose year alone tells).
    """

    field: str
    kind: str
    text: str


IDENTIFYING = frozenset(
    {"present_address", "shelter", "recruiter", "social_media", "guardian_contact", "criminal_file", "detention"}
)
"""National fields of which every word counts that is none of the words everybody uses."""

_NAME_PARTS = ("family", "given", "patronymic", "full")
_OFFICIALS = (
    ("asylum", "attested_by"),
    ("asylum", "basis"),
    ("endangerment_check", "by"),
    ("representative", "signed_by"),
    ("consent", "by"),
    ("consent", "scope"),
    ("transfer_ground", "reference"),
)
_NUMBER = re.compile(r"\w*\d[\w]*(?:[\s().\-/+–]{1,3}\w*\d\w*)*")
_WORD = re.compile(r"[^\W\d_]+")
_CAPITALS = "[A-Z\u0410-\u042f\u0404\u0406\u0407]"
_PLATE = re.compile(
    rf"\b{_CAPITALS}{{1,3}}[\s\-]?\d{{2,5}}(?:[\s\-]?{_CAPITALS}{{1,3}})?\b|\b\d{{2,5}}[\s\-]?{_CAPITALS}{{2,3}}\b"
)
DENSE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
"""A letter of East Asia: one alone is a name there."""

_PARTICLES = frozenset("de la le du del da do dos das van von der den el al ul bin ibn bint ben y e i und".split())


def secrets(record: Mapping[str, Any]) -> tuple[Secret, ...]:
    """Return everything ``record`` (schema ``case-draft``) says that a remark may not say, without doubles."""
    found = [*_of_elements(record.get("elements") or {}), *_of_national(record.get("national") or {})]
    for where, name in _OFFICIALS:
        found += _of_note(f"{where}.{name}", (record.get(where) or {}).get(name) or "")
    decision = (record.get("age") or {}).get("decision") or {}
    found += [*_of_note("age.decision", decision.get("by") or ""), *_of_note("officer", record.get("officer") or "")]
    found += _of_note("justification", record.get("justification") or "")
    numbers = (decision.get("ref"), (record.get("representative") or {}).get("ref"))
    found += [Secret("representative", "number", text) for text in numbers if text]
    found += [Secret(where, "date", text) for where, text in _dates_of(record)]
    return tuple(dict.fromkeys(found))


def _of_elements(elements: Mapping[str, Any]) -> Iterator[Secret]:
    for name in elements.get("names") or ():
        for held in (name, name.get("latin") or {}):
            for part in _NAME_PARTS:
                yield from _of_name("names", held.get(part) or "")
    for member in ("mother_given_names", "father_given_names"):
        yield from _of_name(member, elements.get(member) or "")
    for member in ("birth_place", "last_residence"):
        yield from _of_place(member, (elements.get(member) or {}).get("unit") or "")
    numbers = {member: elements.get(member) for member in ("personal_number", "representative_ref")}
    numbers |= {member: (elements.get(member) or {}).get("number") for member in ("document", "permit")}
    yield from (Secret(member, "number", text) for member, text in numbers.items() if text)
    yield from (Secret("birth_date", "birth", one) for one in _ends(elements.get("birth_date") or ""))


def _of_name(where: str, text: str) -> Iterator[Secret]:
    words = _words(text)
    told = [word for word in words if (len(word) > 1 or DENSE.match(word)) and fold(word) not in _PARTICLES]
    yield from (Secret(where, "name", word) for word in told)
    # Husseini is told by al-Husseini too; where that is a word of a language it is no name by itself.
    bare = ((word, without_article(names.fold(word))) for word in told)
    yield from (
        Secret(where, "name", one) for word, one in bare if one != names.fold(word) and not is_known(one.lower())
    )
    if len(words) > 1:
        yield Secret(where, "phrase", " ".join(words))


def _of_place(where: str, text: str) -> Iterator[Secret]:
    yield from (Secret(where, "name", word) for word in _words(text) if len(word) > 2 and not is_common(word))
    yield from _phrases(where, text)
    yield from (Secret(where, "number", one) for one in _NUMBER.findall(text) if _digits(one) > 3)


def _of_national(national: Mapping[str, Any]) -> Iterator[Secret]:
    for member, value in national.items():
        for text in _texts(value):
            if member in IDENTIFYING:
                yield from _phrases(f"national.{member}", text)
            yield from _of_note(f"national.{member}", text, whole=member in IDENTIFYING)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for text in value.values() if isinstance(text, str))
    elif isinstance(value, (list, tuple)):
        yield from (text for text in value if isinstance(text, str))


def _of_note(where: str, text: str, *, whole: bool = False) -> Iterator[Secret]:
    """Yield what identifies in a text in free words; with ``whole`` every word that is not of everybody's."""
    plain = _plain(text)
    for word, capital, first in _written(plain):
        if len(word) < 3 or is_common(word):
            continue
        known = is_known(word)
        if (capital and (whole or not first)) or not known or (whole and not capital and len(word) > 6):
            yield Secret(where, "word", word)
    for one in _NUMBER.findall(plain):
        if _digits(one) > 3 and not re.fullmatch(r"(?:19|20)\d\d", one):
            yield Secret(where, "number", one)
    yield from (Secret(where, "number", one) for one in _PLATE.findall(plain))
    yield from (Secret(where, "date", f"{y:04}-{m:02}-{d:02}") for y, m, d in dates_in(plain))


def _written(text: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield each word of ``text``, whether it begins with a capital, and whether it is the first of a sentence."""
    first = True
    last = 0
    for match in _WORD.finditer(text):
        between = text[last : match.start()]
        first = first if last == 0 else any(mark in between for mark in ".!?؟…\n:")
        last = match.end()
        yield match.group(), match.group()[0].isupper(), first


def _phrases(where: str, text: str) -> Iterator[Secret]:
    """Yield each two words that follow one another in ``text``: a name of a house is made of words of everybody's."""
    words = re.findall(r"[^\W_]+", _plain(text))
    for one, two in pairwise(words):
        if len(one + two) > 5 and not (is_small(one) or is_small(two)):
            yield Secret(where, "phrase", f"{one} {two}")


def _dates_of(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield every date of the record but that of birth and the last day of keeping, which the message says itself."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("birth_date", "retain_until", "national", "names", "handling", "number"):
                yield from _dates_of(inner, f"{where}.{name}" if where not in ("", "elements") else name)
    elif isinstance(value, str) and "-" in value and len(value) < 40:
        yield from ((where, one) for one in _ends(value))


def _ends(text: str) -> Iterator[str]:
    yield from (one for one in text.split("/") if EDTF.match(one))


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(text))


def _plain(text: str) -> str:
    """Return ``text`` composed and without what cannot be seen."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Mn"))


def _digits(text: str) -> int:
    return sum(c.isdecimal() for c in text)
