"""
Text with every word that could identify somebody replaced by the type of what stood there, such as ``[PERSON]``.

Rule 1: a word goes from a small chance on that it identifies somebody (``MAY_IDENTIFY``): it must be shown harmless.
Rule 2: what has a sure form goes whatever the tagger says, and so does every long run of digits not known to be free.
Rule 3: a name found once goes everywhere in the text, in every ending.
Rule 4: a word beside one that goes needs less of a chance to go too (``BESIDE``): names and places are several words.
Rule 5: a word in another script than the text's language is written in goes: it is a name, or nobody here can tell.
Rule 6: a text that is not text, or in no language that can be read here, is held whole; so is one that the stop holds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.redaction import language as languages
from gateway.redaction import patterns, stop, tagger
from gateway.redaction.features import Read, read
from gateway.redaction.refuse import refusals
from gateway.redaction.tokens import tokens

MAY_IDENTIFY = 0.05
"""From this chance of identifying somebody on a word goes. Chosen on the training notes: docs/redaction.md."""

BESIDE = 0.03
"""And from this one beside a word that goes as a name, a place or a date of birth: docs/redaction.md."""

MAY_TELL = 0.12
"""From this chance of telling of illness, abuse or protection on a word goes: it identifies nobody by itself."""

LONE = 0.5
"""In a text that nowhere likely names anyone, a word must be this likely to identify before it goes."""

LONE_TELLS = 0.7
"""And in such a text a word must be this likely to tell of illness, abuse or protection."""

_NAMES = ("PERSON", "PERSON_SUBJECT")
_SOFT = ("HEALTH", "SEXUAL", "ASYLUM")
_PHRASES = ("ADDRESS", "SHELTER", "HEALTH", "SEXUAL", "ASYLUM")
_NUMBERS = ("PHONE", "DOC_ID", "CASE_NO", "BANK", "PLATE", "GPS", "DOB")
_SEVERAL = ("PERSON", "PERSON_SUBJECT", "ADDRESS", "SHELTER", "DOB")
_SURE_LENGTH = 6
"""A run of this many digits is somebody's number unless it is a date, an amount or the exchange's own reference."""


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` (code points) was of ``type``."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """
    What became of a text.

    ``reasons`` are codes, and with any of them ``block`` is true: the text is held, and ``text`` is for a person to
    read here, never to be sent.
    """

    text: str
    spans: tuple[Span, ...]
    block: bool
    reasons: tuple[str, ...]
    language: str | None


WITHHELD = "[TEXT]"


def redact(text: str, language: str | None = None) -> Redaction:
    """
    Return ``text`` redacted. ``language`` is what the writer says it is in; the text must be in it.

    Nothing is raised for any text: what cannot be read is withheld whole and held, with a code.
    """
    wrong = refusals(text)
    if wrong:
        return _withheld(text, tuple(wrong))
    if not text.strip():
        return Redaction(text, (), False, (), language)
    found, cut = languages.recognise(tokens(text))
    if found is None:
        return _withheld(text, ("language-unknown",))
    view = read(text, found, cut)
    chances = tagger.chances(view)
    spans = _spans(view, _types(view, chances))
    reasons = []
    if language in languages.LANGUAGES and language != found:
        reasons.append("language-other")
    if stop.holds(view, [chance.get("ASYLUM", 0.0) for chance in chances]):
        reasons.append("held-for-person")
    return Redaction(replace(text, spans), spans, bool(reasons), tuple(reasons), found)


def _withheld(text: str, reasons: tuple[str, ...]) -> Redaction:
    return Redaction(WITHHELD, (Span(0, len(text), "TEXT"),), True, reasons, None)


def replace(text: str, spans: Sequence[Span]) -> str:
    """Return ``text`` with each of ``spans`` (sorted, not overlapping) replaced by its type in square brackets."""
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], f"[{span.type}]"]
        at = span.end
    return "".join([*parts, text[at:]])


def _types(view: Read, chances: Sequence[Mapping[str, float]]) -> list[str | None]:
    judged = [_judge(chance, LONE, LONE_TELLS) for chance in chances]
    if any(hit.sure for hit in view.hits) or any(kind and kind not in (*_SOFT, "DOB") for kind in judged):
        types = [_judge(chance, MAY_IDENTIFY, MAY_TELL) for chance in chances]
    else:
        # Nobody is named: office language. A day in it is a birthday only where the sentence speaks of one.
        types = [kind if kind != "DOB" or _of_birth(view, i) else None for i, kind in enumerate(judged)]
    for hit in sorted(view.hits, key=lambda hit: (hit.sure, hit.end - hit.start)):
        inside = [i for i, t in enumerate(view.found) if t.start < hit.end and t.end > hit.start]
        if hit.sure:
            for i in inside:
                types[i] = hit.kind
        elif hit.kind == "RUN" or (hit.kind == "PHONE" and _digits(view, inside) >= _SURE_LENGTH):
            _fill_number(view, inside, types, chances)
    _complete(view, types, chances)
    own = patterns.own(view.text)
    for i, token in enumerate(view.found):
        if any(a <= token.start and token.end <= b for a, b in own):
            types[i] = None
    for i, token in enumerate(view.found):
        if types[i] is None and _foreign(token.text, view.language):
            types[i] = "PERSON"
    _same_names(view, types)
    _close_gaps(view, types)
    return types


_NOT_LATIN = re.compile("[\u0370-\u03ff\u0400-\u052f\u0590-\u06ff\u0750-\u077f\u0900-\u1fff\u2e80-\uffdc]")
_NOT_CYRILLIC = re.compile("[\u0370-\u03ff\u0590-\u06ff\u0750-\u077f\u0900-\u1fff\u2e80-\uffdc]")
_NOT_ARABIC = re.compile("[\u0370-\u03ff\u0400-\u052f\u0590-\u05ff\u0900-\u1dff\u2e80-\ufaff]")
_FOREIGN = {"uk": _NOT_CYRILLIC, "ru": _NOT_CYRILLIC, "sr": _NOT_CYRILLIC, "ar": _NOT_ARABIC}
"""Letters that the texts of a language do not have; Latin ones are in every text, and the tagger's to judge."""


def _foreign(word: str, language: str) -> bool:
    return _FOREIGN.get(language, _NOT_LATIN).search(word) is not None


def _identifies(chance: Mapping[str, float]) -> float:
    return 1.0 - chance["O"] - sum(chance.get(label, 0.0) for label in _SOFT)


def _judge(chance: Mapping[str, float], identify: float, tell: float) -> str | None:
    if _identifies(chance) >= identify:
        return max((label for label in chance if label != "O" and label not in _SOFT), key=lambda label: chance[label])
    if 1.0 - chance["O"] >= tell:
        return max((label for label in chance if label != "O"), key=lambda label: chance[label])
    return None


def _of_birth(view: Read, i: int) -> bool:
    begin, end = next((begin, end) for begin, end in view.sentences if begin <= i < end)
    return any("born" in view.classes[n] for n in range(begin, end))


def _digits(view: Read, inside: list[int]) -> int:
    return sum(c.isdigit() for i in inside for c in view.found[i].text)


def _fill_number(
    view: Read, inside: list[int], types: list[str | None], chances: Sequence[Mapping[str, float]]
) -> None:
    if any(
        hit.kind == "DATE" and hit.start <= view.found[inside[0]].start and hit.end >= view.found[inside[-1]].end
        for hit in view.hits
    ):
        return
    best = max(_NUMBERS, key=lambda kind: sum(chances[i].get(kind, 0.0) for i in inside))
    for i in inside:
        if types[i] is None:
            types[i] = best


def _complete(view: Read, types: list[str | None], chances: Sequence[Mapping[str, float]]) -> None:
    for way in (1, -1):
        last: str | None = None
        for i in range(len(types))[::way]:
            token = view.found[i]
            if types[i] is None and token.is_word and last in _SEVERAL and _identifies(chances[i]) >= BESIDE:
                types[i] = last
            if token.is_word or token.text in ".;:!?؟؛":
                last = types[i]


def _same_names(view: Read, types: list[str | None]) -> None:
    named: dict[str, str] = {}
    for token, kind in zip(view.found, types, strict=True):
        if kind in _NAMES and len(token.folded) > 2 and token.is_word:
            named[token.folded] = kind
    for i, token in enumerate(view.found):
        if types[i] is None and token.is_word:
            for name, kind in named.items():
                if token.folded == name or (view.known[i] == "x" and _declined(token.folded, name)):
                    types[i] = kind


def _declined(word: str, name: str) -> bool:
    size = min(len(word), len(name)) - 1
    return size >= 4 and word[:size] == name[:size] and abs(len(word) - len(name)) <= 3


def _close_gaps(view: Read, types: list[str | None]) -> None:
    for i in range(1, len(types)):
        if types[i] is not None:
            continue
        kind = types[i - 1]
        if kind is None:
            continue
        reach = 3 if kind in _PHRASES else 1
        ahead = [n for n in range(i + 1, min(i + reach + 1, len(types))) if types[n] == kind]
        if ahead and all(types[n] is None for n in range(i, ahead[0])):
            marks_only = all(
                not view.found[n].is_word and view.found[n].text not in ",;.\n" for n in range(i, ahead[0])
            )
            if kind in _PHRASES or kind in _NUMBERS or marks_only:
                for n in range(i, ahead[0]):
                    types[n] = kind


def _spans(view: Read, types: Sequence[str | None]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for token, kind in zip(view.found, types, strict=True):
        if kind is None:
            continue
        last = spans[-1] if spans else None
        if last and last.type == kind and not view.text[last.end : token.start].strip():
            spans[-1] = Span(last.start, token.end, kind)
        else:
            spans.append(Span(token.start, token.end, kind))
    return tuple(spans)
