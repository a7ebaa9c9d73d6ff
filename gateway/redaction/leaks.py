"""
Does a text say what the case's own record says? Every name, number, date, address and place of it, however written.

Rule 1: this is the last gate and fails closed. It may take a harmless word for a name of the case; the other way round
is a fault. It lets nothing pass because it stands in the record anyway, or leaves with the message in another place.
Rule 2: a leak says which field of the record and where in the text, never what stands there.
Rule 3: two spellings are compared in four ways: folded (case, accents, digits of any script, letters that only look
alike, forms of one letter, digits for letters in a word that has letters: B0ra, 3omar), joined (whatever stands between
letters: spaces, hyphens, line breaks), by sound (``sounds``, across Latin, Cyrillic, Arabic and Greek), and with one
letter wrong or another ending.

Other scripts are compared folded and joined, those of East Asia letter by letter; across scripts a name in them is
found by its Latin form, where the record has one. Of numbers spelt out the digits zero to nine are read, and a day
beside its month; a year spelt out is not.

Not found: a name of three consonants, written in another script, that a space divides into two words of the language;
a name of one or two consonants in a spelling of another script that shares neither its sound nor its letters.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.core import spellings
from gateway.redaction.likeness import Word, alike, bones, same, word_of
from gateway.redaction.said_dates import EDTF, Date, said
from gateway.redaction.secrets import DENSE, Secret, secrets
from gateway.redaction.seen import Seen, Span, letters_of


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """The text says something of ``field`` (a dotted place in the record) at ``text[start:end]`` (code points)."""

    field: str
    start: int
    end: int


def leaks(
    text: str, record: Mapping[str, Any], refs: Iterable[str] = (), language: str | None = None
) -> tuple[Leak, ...]:
    """
    Return where ``text`` says something that ``record`` (schema ``case-draft``) says; empty means nothing was found.

    ``refs`` are further numbers of the case (its reference, its thread). ``language`` is that of the text, if known;
    it only helps to tell words from names. What stands in square brackets as a mark of redaction is not looked at.

    Raises ``TooMuch`` where the comparison would take longer than anybody may wait; that counts as a leak.
    """
    seen = Seen(text, language)
    found: dict[Leak, None] = {}
    wanted = (*secrets(record), *(Secret("ref", "number", ref) for ref in refs))
    if len(wanted) * len(seen.forms) > COMPARISONS_MAX:
        raise TooMuch("the record says too much, or the text is too long, to compare the two in reasonable time")
    for secret in wanted:
        spans = [*islice(_MATCHERS[secret.kind](seen, secret), _SPANS_MAX)]
        if spans:
            # The longest says most of where it stands; that it is somewhere in the text says least.
            start, end = max(spans, key=lambda span: (span != (0, len(seen.stream)), span[1] - span[0]))
            found[Leak(secret.field, *seen.place(start, end))] = None
    return tuple(sorted(found))


class TooMuch(ValueError):
    """Say that text and record are too long to be compared."""


COMPARISONS_MAX = 600_000
"""
Words of the record times words of the text; so many take some three seconds, in which a gateway does nothing else.

A remark of 500 characters has some 180 words (with each two that follow one another): that leaves 3,300 for the record.
"""

_SPANS_MAX = 64
"""Places of one name in one text that are looked at to say where it stands; one is enough to hold the text."""

_INSIDE_MIN, _REVERSED_MIN, _SKELETON_MIN = 5, 6, 6


def _spelt(seen: Seen, secret: Secret) -> Iterator[Span]:
    """Yield where a word of the record stands, in any spelling."""
    word = word_of(secret.text)
    if DENSE.match(word.text):
        # Such a text has no spaces, and no language that is read here has such letters.
        yield from ((start, start + len(word.text)) for start in _places(seen.stream, word.text))
        return
    if len(word.text) < 2:
        return
    for pieces in seen.forms.values():
        if same(word, pieces[0]):
            yield from ((piece.start, piece.end) for piece in pieces)
    yield from _inside(seen, word)


def _inside(seen: Seen, word: Word) -> Iterator[Span]:
    """Yield where the word stands inside other letters, or across what stands between letters."""
    size = len(word.text)
    if size >= _INSIDE_MIN - 1:
        for start in _places(seen.stream, word.text):
            if size >= _INSIDE_MIN or not seen.within_known(start, start + size):
                yield start, start + size
    if size >= _REVERSED_MIN:
        yield from ((start, start + size) for start in _places(seen.stream, word.text[::-1]))
    if size >= _INSIDE_MIN:
        yield from ((start, start + size) for start in _places(seen.looks, word.seen))
    if any(len(one) >= _SKELETON_MIN and one in seen.bones for one in bones(word.text)):
        yield 0, len(seen.stream)


def _places(stream: str, text: str) -> Iterator[int]:
    at = stream.find(text)
    while at >= 0:
        yield at
        at = stream.find(text, at + 1)


def _together(seen: Seen, secret: Secret) -> Iterator[Span]:
    """Yield where two words (or more) of the record stand one after the other, in this order or the other."""
    words = [word_of(one) for one in secret.text.split()]
    for order in (words, words[::-1]):
        joined = "".join(one.text for one in order)
        if len(joined) > 4:
            yield from ((start, start + len(joined)) for start in _places(seen.stream, joined))
        for first in range(len(seen.cuts) - len(order) + 1):
            spans = seen.cuts[first : first + len(order)]
            if all(alike(word, seen.stream[a:b]) for word, (a, b) in zip(order, spans, strict=True)):
                yield spans[0][0], spans[-1][1]


_WINDOW = 6
"""So many digits in a row of a number are the number: part of a telephone number is dialled too."""

_LAST = 4
"""So many at its end, if they stand alone: a number is told by its last four."""


_YEAR_AT_END = re.compile(r"\d\W+(?:19|20)\d\d\W*$")
"""The number of an act as offices write it, 1234/2026: the year of it is that of many things, and tells nobody."""


def _numbered(seen: Seen, secret: Secret) -> Iterator[Span]:
    """Yield where a number of the record stands, whole or in part, whatever stands between its digits."""
    plain = "".join(letters_of(char) for char in unicodedata.normalize("NFKC", secret.text))
    digits = "".join(char for char in plain if char.isdecimal())
    if len(digits) >= _WINDOW:
        windows = {digits[i : i + _WINDOW] for i in range(len(digits) - _WINDOW + 1)}
        for stream, places in seen.numbers:
            for i in range(len(stream) - _WINDOW + 1):
                if stream[i : i + _WINDOW] in windows:
                    yield places[i], places[i + _WINDOW - 1] + 1
        year = _YEAR_AT_END.search(secret.text)
        for stream, places in seen.runs:
            if len(stream) >= _LAST and digits.endswith(stream) and not (year and stream == digits[-4:]):
                yield places[0], places[-1] + 1
    elif len(digits) > 2:
        for stream, places in seen.runs:
            for start in _places(stream, digits) if len(digits) > 3 else [0] if stream == digits else []:
                yield places[start], places[start + len(digits) - 1] + 1
    if len(digits) > 6:
        for stream, places in seen.runs:
            if len(stream) == len(digits) and sum(a != b for a, b in zip(stream, digits, strict=True)) < 2:
                yield places[0], places[-1] + 1
    looks = plain.translate(spellings.LOOKALIKES)
    if len(plain) > 3 and not plain.isdecimal():
        yield from ((start, start + len(looks)) for start in _places(seen.looks, looks))


def _dated(seen: Seen, secret: Secret) -> Iterator[Span]:
    """Yield where a date of the record stands: day and month, month and year, all three, and of a birth the year."""
    found = EDTF.match(secret.text)
    if found is None:
        return
    year, month, day = (int(part) if part and part.isdecimal() else None for part in found.groups())
    wanted = Date(year, month, day)
    yield from said(seen, wanted)
    if secret.kind == "birth":
        decade = found.group(1).rstrip("X")
        others = frozenset(map(str, wanted.years_elsewhere()))
        for one in seen.items:
            is_year = one.text.isdecimal() and len(one.text) == 4 and len(decade) > 2
            if is_year and (one.text.startswith(decade) or one.text in others):
                yield one.start, one.end
    for compact in wanted.compact():
        for stream, places in seen.numbers:
            for start in _places(stream, compact):
                yield places[start], places[start + len(compact) - 1] + 1


_MATCHERS: Mapping[str, Callable[[Seen, Secret], Iterator[Span]]] = {
    "name": _spelt,
    "word": _spelt,
    "phrase": _together,
    "number": _numbered,
    "date": _dated,
    "birth": _dated,
}
