"""
What the tagger and the stop see of a text: classes, forms and neighbours of each word, and hardly the words themselves.

The classes (kin, role, street, illness ...) are shared by all languages, so that what is learned from a note in one
holds in the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gateway.redaction import language as languages
from gateway.redaction import lexicon, patterns
from gateway.redaction.tokens import Token, sentences, tokens
from gateway.redaction.vocabulary import is_word


@dataclass(frozen=True, slots=True)
class Read:
    """
    A text as it was read.

    ``sentences`` are ranges of ``found``; ``classes`` and ``ideas`` are those of each token, by the
    tables of ``language``.
    """

    text: str
    found: list[Token]
    sentences: list[tuple[int, int]]
    language: str
    hits: list[patterns.Hit]
    classes: list[frozenset[str]]
    ideas: list[frozenset[str]]
    known: list[str]
    """For each token ``w`` (a word), ``p`` (a word once a short prefix is taken off), ``x`` (unknown) or ``-``."""


def read(text: str, language: str, found: list[Token] | None = None) -> Read:
    """
    Return ``text`` as read in ``language`` (a code of ``language.LANGUAGES``).

    ``found`` are its tokens as ``language.recognise`` returned them; without it, as they stand.
    """
    found = tokens(text) if found is None else found
    classes = []
    for token, own in zip(found, lexicon.table(language).classify(found), strict=True):
        classes.append(own | (_names(token.text, language) if len(token.text) > 1 else frozenset()))
    ideas = lexicon.ideas(language).classify(found)
    known = [_known(token, language) for token in found]
    return Read(text, found, sentences(found), language, patterns.hits(text), classes, ideas, known)


def _names(word: str, language: str) -> frozenset[str]:
    as_it_stands, cases = lexicon.spellings(word, language)
    names = lexicon.names()
    exact = {"any_" + kind for kind, held in names.items() if as_it_stands in held}
    return frozenset(exact | ({"any_case"} if cases & names["given"] else set()))


def _known(token: Token, language: str) -> str:
    if not token.text[0].isalpha():
        return "-"
    word = languages.form(token, language)
    parts = [part for part in word.split("'") if part]
    if all(is_word(part, language) or len(part) < 2 for part in parts) or is_word(word, language):
        return "w"
    if len(parts) > 1 and is_word(max(parts, key=len), language):
        return "p"
    if language == "ar" and any(is_word(bare, language) for bare in languages.stripped(word)):
        return "p"
    return "x"


def _shape(text: str) -> str:
    if text.isdigit():
        return f"d{min(len(text), 9)}"
    if not text[0].isalnum():
        return text[0]
    if any(c.isdigit() for c in text):
        return "mixed"
    if text.isupper() and len(text) > 1:
        return "XX"
    if text[0].isupper():
        return "Xx"
    return "xx" if text[0].islower() else "cc"


def _length(text: str) -> str:
    return "1" if len(text) == 1 else "2" if len(text) == 2 else "3" if len(text) < 6 else "6"


def of_tokens(view: Read, *, listed: bool = True) -> list[list[str]]:
    """
    Return the features of each token of ``view``.

    ``listed=False`` leaves out what lists of names say: the tagger is trained on both, and does not lean on them.
    """
    found = view.found
    shapes = [_shape(token.text) for token in found]
    letters = [s for t, s in zip(found, shapes, strict=True) if t.text[0].isalpha() and len(t.text) > 1]
    capitals = sum(s == "XX" for s in letters) > len(letters) / 2
    small = not any(s in ("Xx", "XX") for s in letters) and view.language != "ar"
    style = "caps" if capitals else "small" if small else "ar" if view.language == "ar" else "usual"
    first = {begin for begin, _ in view.sentences}
    hit_kinds: list[set[str]] = [set() for _ in found]
    for hit in view.hits:
        inside = [i for i, t in enumerate(found) if t.start < hit.end and t.end > hit.start]
        for i in inside:
            hit_kinds[i].add(hit.kind)
    shown = [_shown(view, i, listed) for i in range(len(found))]
    rows = []
    for begin, end in _covered(view.sentences, len(found)):
        seen: list[str] = []
        for i in range(begin, end):
            rows.append(_row(view, i, shapes, style, first, hit_kinds, shown, seen))
            seen = ([c for c in shown[i] if not c.startswith("any_")] + seen)[:6]
    return rows


def _covered(ranges: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    return list(ranges) if ranges else ([(0, count)] if count else [])


_LISTS = frozenset({"given", "surname", "any_given", "any_surname", "any_case", "name_ambiguous"})


def _shown(view: Read, i: int, listed: bool) -> list[str]:
    classes = view.classes[i]
    return sorted(classes if listed else classes - _LISTS)


def _row(
    view: Read, i: int, shapes: list[str], style: str, first: set[int], hits: list[set[str]],
    shown: list[list[str]], seen: list[str],
) -> list[str]:  # fmt: skip
    token, count = view.found[i], len(view.found)
    shape, known = shapes[i], view.known[i]
    initial = "0" if i in first else "1"
    word = languages.form(token, view.language)
    row = [
        "b", f"s={shape}", f"k={known}", f"sk={shape}|{known}|{initial}|{style}", f"len={_length(token.text)}|{known}",
        f"w={word}" if not token.text.isdigit() else f"n={len(token.text)}",
        f"pre={view.language}{word[:3]}", f"suf={view.language}{word[-3:]}", f"st={style}",
        f"l={view.language}|{known}|{shape}",
    ]  # fmt: skip
    row += [f"c={c}" for c in shown[i]]
    row += [f"ck={c}|{known}|{shape}" for c in shown[i]]
    row += [f"h={kind}" for kind in sorted(hits[i])]
    row += [f"seen={c}" for c in dict.fromkeys(seen)]
    row += [f"seenk={c}|{known}|{shape}" for c in dict.fromkeys(seen[:4])]
    for step in (-3, -2, -1, 1, 2, 3):
        at = i + step
        if not 0 <= at < count:
            row.append(f"{step}:none")
            continue
        row += [f"{step}:c={c}" for c in shown[at]]
        row += [f"{step}:h={kind}" for kind in sorted(hits[at])]
        if abs(step) < 3:
            row += [
                f"{step}:s={shapes[at]}",
                f"{step}:k={view.known[at]}",
                f"{step}:sk={shapes[at]}{view.known[at]}|{shape}{known}",
            ]
        if abs(step) == 1:
            row += [f"{step}:w={languages.form(view.found[at], view.language)}"]
            row += [f"{step}:ck={c}|{known}|{shape}" for c in shown[at]]
    if view.found[i].first_of_line:
        row.append("line")
    return row


def of_sentence(view: Read, begin: int, end: int, telling: Sequence[float]) -> list[str]:
    """
    Return the features of the sentence ``found[begin:end]`` for the stop.

    ``telling`` is the tagger's chance for each token of the text that it tells of protection, or of fear of return.

    Ideas and classes are shared by all languages, and so are their pairs; words are the language's own, whole, as
    beginnings and in pieces of four and five letters, so that an ending or a slip of the pen changes few of them.
    """
    lang = view.language
    words = [
        languages.form(view.found[i], lang)
        for i in range(begin, end)
        if view.found[i].text[0].isalpha() and view.known[i] != "x"
    ]
    classes = sorted({c for i in range(begin, end) for c in view.classes[i] if c in STOP_CLASSES})
    ideas = sorted({c for i in range(begin, end) for c in view.ideas[i]})
    row = {"b", *(f"c={c}" for c in classes), *(f"i={c}" for c in ideas)}
    row |= {f"cc={a}+{b}" for n, a in enumerate(classes) for b in classes[n + 1 :]}
    row |= {f"ii={a}+{b}" for n, a in enumerate(ideas) for b in ideas[n + 1 :]}
    row |= {f"ww={lang}{a}_{b}" for a, b in pairwise(words)}
    for word in set(words):
        row |= {f"w={lang}{word}", *(f"p{n}={lang}{word[:n]}" for n in (4, 5, 6) if len(word) > n)}
        row |= {f"g={lang}{piece}" for piece in _pieces(word)}
    marks = {token.text for token in view.found[begin:end]}
    row |= {name for name, signs in (("asks", "?؟"), ("quotes", "\"«»„“”'‘’")) if marks & set(signs)}
    row |= {f"most={min(int(max(telling[begin:end]) * 5), 4)}", f"sum={min(int(sum(telling[begin:end]) / 2), 5)}"}
    return sorted(row)


def _pieces(word: str) -> set[str]:
    edged = f"_{word}_"
    return {edged[i : i + n] for n in (4, 5) for i in range(len(edged) + 1 - n)}


STOP_CLASSES = frozenset(
    "asylum fear harm going_back authority secrecy apply legal_help negation leaflet animal harmless_fear wish_home "
    "kin place stays shelter health sexual document case_file born role".split()
)
