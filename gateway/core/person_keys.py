"""
The keyed values under which a stop is found again when the same person stands in another case.

Rule 1: a shared value is a reason for a person to look, never a finding that two are one. No shared value says nothing.
Rule 2: nothing here can be read back: every value is keyed by the caller, and what it is made of is not kept.
Rule 3: what is not known widens. A date of birth that is missing or wide meets every date; it never keeps two apart.

A number (of a document with its issuer, or a personal number with its country) is two values, by the two ways to read
its letters. A name is combined with each year the person may have been born in, so that two dates that may be the same
day share a year. Two persons are taken together, and then told apart by people, if they were born in the same year and
share

- a family name and one given name, in any order and in any spelling that Doc 9303 or usage makes of them;
- all words of the name, in any order;
- the sound of both (below), which most spellings by ear have in common (Mohammed, Muhamad; Petrović, Petrovich).

Two neighbouring words of a name, and all words of a part of it, also count as one (Abdel Rahman, Abdelrahman). The
Arabic article may be there or not (al-Husseini, Alhusseini, Husseini).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntFlag
from itertools import chain, combinations, islice, pairwise, product, zip_longest
from typing import Any, TypeVar

from gateway.core.age import FIRST_YEAR, YEARS_IN_DOUBT
from gateway.core.edtf import BadEdtf, parse
from gateway.core.names import ARTICLES, CYRILLIC, NoTable, fold, transliterate, without_article
from gateway.core.spellings import CIPHERS, bare_sounds, script, sounds

T = TypeVar("T")

Keyed = Callable[[str], bytes]
"""Makes a keyed value of a text: ``keys.rest.Vault.index_value``."""

VERSION = 10
"""Raised whenever the same file would give other values, so that a store makes its index anew."""

YEARS_MAX = 12
"""A date of birth that spans more years than this is as good as none: it is sought under the name alone."""

YEARS_OF_BIRTH = range(FIRST_YEAR, 2200)
"""
Of a year outside these nobody knows what it says: 1380 and 2544 are 2001 in Iran and in Thailand, 1885 is 1963 in
India, or a slip.
"""

FORMS_MAX = 48
"""Forms of one part of a name that are indexed; the sound covers most of the spellings beyond."""

NAMES_MAX = 1024
"""Name keys of one file, so that no file makes an index grow without bound; five Arabic words make 640."""

UNDIVIDED_WORDS_MAX = 5
"""An undivided name of at most so many words is indexed under each group of two or more of them."""

FAMILY_WORD_MIN = 4
"""Letters a word of a family name of several words needs to stand for it alone: not ``van``, ``del`` or ``bin``."""

SOUND_MIN = 3
"""Letters that the sound of a whole name needs to be a value; one that has fewer is taken with its vowels."""

SOUNDS_MAX = 8
"""Sounds of one part of a name that are indexed, the plainest first; most have one to three."""


class Use(IntFlag):
    """Whether a value is one a case is found under, one it seeks others under, or both."""

    FOUND = 1
    SEEKS = 2


@dataclass(frozen=True, slots=True)
class PersonValue:
    """
    One keyed value of a case, 16 bytes. ``number`` says that it is made of a number that the file has, not of a name.

    A number that was set right is found still, and as little certain as a name: of one who has it, it was wrong.
    """

    value: bytes
    use: Use
    number: bool


FOUND_BY = ("names", "birth_date", "document", "permit", "personal_number")
"""The elements of a file that values are made of."""


def person_values(
    draft: Mapping[str, Any], keyed: Keyed, former: Iterable[Mapping[str, Any]] = ()
) -> tuple[PersonValue, ...]:
    """
    Return the keyed values of the person in ``draft`` (schema ``case-draft``), without doubles, in order.

    Two files meet if one seeks a value under which the other is found; whichever of the two looks finds the other.
    ``former`` are elements as they stood before they were rectified: each name is sought with each date there was.
    """
    known = [draft["elements"], *former]
    found: dict[str, tuple[Use, bool]] = {}
    for elements in reversed(known):  # last those that the file has
        number = elements is draft["elements"]
        found |= dict.fromkeys(_numbers(elements, draft["to"]), (Use.FOUND | Use.SEEKS, number))
    for elements, born in product(known, dict.fromkeys(one.get("birth_date") for one in known)):
        for name in islice(dict.fromkeys(_name_keys(elements.get("names") or ())), NAMES_MAX):
            for text, use in _birth(_years(born)):
                key = f"{name}|{text}"
                found[key] = (found.get(key, (use, False))[0] | use, False)
    made = (PersonValue(keyed(text), use, number) for text, (use, number) in found.items())
    return tuple(sorted(made, key=lambda one: one.value))


# Numbers.


def _numbers(elements: Mapping[str, Any], requested: str) -> Iterator[str]:
    """Yield what stands for each number; personal numbers and permits are those of the State that is asked."""
    document, permit = elements.get("document") or {}, elements.get("permit") or {}
    for kind, issuer, text in (
        ("document", document.get("issuer"), document.get("number")),
        ("permit", requested, permit.get("number")),
        ("personal", requested, elements.get("personal_number")),
    ):
        looks, reads = _plain_numbers(text or "")
        # Two values each: how many a case has would tell the script of a number that is withheld.
        for number, mark in ((looks, ""), (reads, "" if reads != looks else "|")):
            if number.strip("0X") and number not in _NO_NUMBERS:
                yield f"{kind}|{issuer}|{number}{mark}"


def _plain_numbers(text: str) -> tuple[str, str]:
    """
    Return the letters and digits of a number as printed; O and I, which are read as 0 and 1, are those digits.

    So is the digit of any other script: a clerk copies a number as it stands, or as it is read out. Its Cyrillic and
    Greek letters are typed as the Latin ones they look like (the first form), or as those that table B has for them.
    """
    spread = unicodedata.normalize("NFKD", text.replace("\u2116", ""))
    letters = "".join(char for char in spread if char.isalnum()).upper()
    digits = "".join(str(unicodedata.digit(char, char)) for char in letters)
    reads = "".join(CYRILLIC.get(char, (char,))[0] for char in digits)
    looks, reads = (form.replace("O", "0").replace("I", "1") for form in (digits.translate(_LOOKS_LATIN), reads))
    return looks, reads


_NO_NUMBERS = frozenset(["NA", "N0", "N0NE", "N1L", "NULL", "UNK", "UNKN0WN", "L0ST", "TBA", "TBC"])
"""What is typed where there is no number, as ``_plain_numbers`` has it; zeros and crosses alone are none either."""

_LOOKS_LATIN = str.maketrans(
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u04ae"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    "ABESIJKMHOPCTYXYABEZHIKMNOPTYX",
)
"""Capitals of Cyrillic and Greek that look like a Latin one (Unicode UTS 39, confusables.txt)."""


# Dates of birth.


def _years(text: str | None) -> range | None:
    """Return the years the person may have been born in, ``None`` if they are too many or nobody knows."""
    if text is None:
        return None
    try:
        born = parse(text)
    except BadEdtf:
        return None
    doubt = YEARS_IN_DOUBT if born.uncertain or born.approximate else 0
    years = range(born.lower.year - doubt, born.upper.year + doubt + 1)
    return years if len(years) <= YEARS_MAX and years[0] in YEARS_OF_BIRTH and years[-1] in YEARS_OF_BIRTH else None


def _birth(years: range | None) -> Iterator[tuple[str, Use]]:
    """
    Yield what stands for the date of birth in a value of a name.

    Whoever has years is found under each, and under ``any``, where those without years seek; and seeks under each, and
    under ``wide``, where those without years are found. Two with years so meet in a year and nowhere else.
    """
    if years is None:
        yield "any", Use.FOUND | Use.SEEKS
        yield "wide", Use.FOUND
        return
    for year in years:
        yield str(year), Use.FOUND | Use.SEEKS
    yield "any", Use.FOUND
    yield "wide", Use.SEEKS


# Names.


def _name_keys(names: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """
    Yield the keys of every name; of each name the plainest first, for a file of many has its end cut off.

    Of one name no more are made than are kept of a file: a name of many words has some hundred thousand.
    """
    made = [[*islice(_keys_of(name), NAMES_MAX)] for name in names]
    for place in range(max(map(len, made), default=0)):
        yield from (keys[place] for keys in made if place < len(keys))


def _keys_of(name: Mapping[str, Any]) -> Iterator[str]:
    script, latin = str(name["script"]), name.get("latin") or {}

    def forms(part: str) -> list[str]:
        return list(dict.fromkeys((*_forms(latin.get(part), "Latn"), *_forms(name.get(part), script))))

    family, given, whole = forms("family"), forms("given"), forms("full")
    # By turns, so that neither crowds out the other where a file of many names has its end cut off.
    heard = chain(_sounds(family, given, whole, script), _ears(name))
    # Without articles first: who meets with them meets without.
    bare = ([*dict.fromkeys(map(_bare, part))] for part in (family, given, whole))
    turns = zip_longest(_once(chain(_written(*bare), _written(family, given, whole))), _once(heard))
    yield from filter(None, chain.from_iterable(turns))


def _once(keys: Iterable[T]) -> Iterator[T]:
    """Yield each of ``keys`` once, in order, as they are made."""
    known = set[T]()
    for key in keys:
        if key not in known:
            known.add(key)
            yield key


def _written(family: list[str], given: list[str], whole: list[str]) -> Iterator[str]:
    for one, other in product(family[:FORMS_MAX] or [""], given[:FORMS_MAX] or [""]):
        yield from _divided(one, other)
    for form in whole[:FORMS_MAX]:
        yield from (_key(words) for words in _groups(form))


def _forms(text: str | None, script: str) -> tuple[str, ...]:
    """Return the folded form of a part of a name and, where there is a table, its Latin forms, the usual one first."""
    if not text or not _says_something(text):
        return ()
    if (read := _read(text)) != [text]:
        return tuple(form for one in read for form in _forms(one, script))
    if not (folded := fold(text)):
        return ()
    try:
        return (folded, *transliterate(text, script, usage=True))
    except NoTable:
        return (folded,)


def _says_something(text: str) -> bool:
    """Tell whether ``text`` has a letter or a digit: marks alone are no name, and meet nobody."""
    return any(map(str.isalnum, unicodedata.normalize("NFKD", text)))


def _read(text: str) -> list[str]:
    """Return ``text`` with letters for the digits in a word that has letters (0lha, A1i), in each reading there is."""
    if not any(map(str.isdecimal, text)):
        return [text]
    words = [(word, CIPHERS.get(script(re.sub(r"\d", "", word.casefold())[:1]), ({},))) for word in text.split()]
    read = (
        " ".join(word.translate(ways[min(turn, len(ways) - 1)]) for word, ways in words) for turn in range(_READINGS)
    )
    return list(dict.fromkeys(read))


_READINGS = 2
"""Those a machine or a typist takes a letter for; the third table is of those who write Arabic so."""


def _bare(form: str) -> str:
    """Return the folded form of a part of a name without the Arabic article, written as a word or with one."""
    return " ".join(without_article(word) for word in form.split() if word not in ARTICLES) or form


def _bare_heard(form: str) -> str:
    """
    Return ``form`` without the article as Arabic letters or words of their own say it.

    In one word of Latin letters it may be the beginning of a name, and by sound Alina would be Ina, Anna and Inna.
    """
    words = (word for word in form.split() if word not in ARTICLES)
    return " ".join(word if word.isascii() else without_article(word) for word in words) or form


def _divided(family: str, given: str) -> Iterator[str]:
    """Yield keys of a divided name: all words, then each given name with the whole family name or a part of it."""
    if not family or not given:
        if family or given:
            yield from (_key(words) for words in _whole((family or given).split()))
        return
    parts, names = family.split(), given.split()
    yield _key([*parts, *names])
    if family.casefold() == family:
        # In a script without capitals a whole name may have no spaces (王小明), with the family name first or last.
        yield from (_key(["".join(words)]) for words in ((*parts, *names), (*names, *parts)))
    for words, name in product([parts, *([part] for part in _family_parts(parts))], _given_parts(names)):
        yield _key([*words, name])


def _whole(words: list[str]) -> Iterator[list[str]]:
    """Yield the words of a name of one part, and all of them as one."""
    yield words
    if len(words) > 1:
        yield ["".join(words)]


def _family_parts(words: list[str]) -> list[str]:
    """Return what stands for a family name of several words: all as one, each long one, and two neighbours as one."""
    if len(words) == 1:
        return []
    long = [word for word in words if len(word) >= FAMILY_WORD_MIN]
    pairs = [a + b for a, b in pairwise(words) if max(len(a), len(b)) >= FAMILY_WORD_MIN]
    return list(dict.fromkeys(["".join(words), *long, *pairs]))


def _given_parts(words: list[str]) -> list[str]:
    """Return what may be one given name: each word, two neighbours as one, and all as one."""
    return list(dict.fromkeys([*words, *(a + b for a, b in pairwise(words)), "".join(words)]))


def _groups(whole: str) -> Iterator[tuple[str, ...]]:
    """Yield groups of the words of an undivided name, in which nobody says what is the family name."""
    words = whole.split()
    yield from map(tuple, _whole(words))
    if not 2 < len(words) <= UNDIVIDED_WORDS_MAX:
        return
    for count in range(2, len(words)):
        yield from combinations(words, count)
    for at in range(len(words) - 1):
        joined = words[at] + words[at + 1]
        others = [*words[:at], *words[at + 2 :]]
        for count in range(1, len(others) + 1):
            yield from ((joined, *some) for some in combinations(others, count))


def _key(words: Iterable[str]) -> str:
    return f"name|{' '.join(sorted(words))}"


# Sounds.

_PAIRS = {"SCH": "S", "SHCH": "S", "SH": "S", "CH": "S", "ZH": "S", "TS": "S", "TZ": "S", "CZ": "S"} | {
    "KH": "H",
    "PH": "F",
    "TH": "T",
    "DH": "D",
    "GH": "G",
    "CK": "K",
    "QU": "K",
    "DJ": "J",
}
_ONE = str.maketrans({"C": "K", "Q": "K", "X": "KS", "Z": "S", "V": "F"} | dict.fromkeys("AEIOUJYW"))
_LONGEST_FIRST = sorted(_PAIRS, key=len, reverse=True)


def _sounds(family: list[str], given: list[str], whole: list[str], script: str) -> Iterator[str]:
    """
    Yield the sound of a name: that of its family name with each given name, and of an undivided name its groups.

    The forms of table C write what an Arabic letter is by an X before it; it has no sound.
    """

    def heard(form: str) -> str:
        plain = form.replace("X", "") if script.endswith("Arab") else form
        return " ".join(filter(None, map(sound, plain.split())))

    first, second = (list(dict.fromkeys(map(heard, forms)))[:FORMS_MAX] for forms in (family, given))
    undivided = (group for form in dict.fromkeys(map(heard, whole)) for group in _groups(form))
    divided = ((*one.split(), name) for one, other in product(first, second) for name in other.split())
    for words in _once(tuple(sorted(group)) for group in chain(undivided, divided)):
        if len(words) > 1 and len("".join(words)) >= SOUND_MIN:
            yield f"sound|{' '.join(words)}"


def sound(word: str) -> str:
    """
    Return what is heard of ``word`` (capital Latin letters) in most spellings: consonants, those that are alike as one.

    Empty for a word of another script: its letters have no sound here.
    """
    if not (word.isascii() and word.isalpha()):
        return ""
    for pair in _LONGEST_FIRST:
        word = word.replace(pair, _PAIRS[pair])
    heard = word.removesuffix("H").translate(_ONE)
    return "".join(char for place, char in enumerate(heard) if char != heard[place - 1 : place])


_BY_EAR = str.maketrans({"Đ": "DJ", "đ": "dj", "Ð": "DJ", "ð": "dj", "Ț": "TS", "ț": "ts", "Ţ": "TS", "ţ": "ts"})
"""Letters that lose their sound with their mark; those that keep it (č, š, ž) need no row."""


def _ears(name: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the sound of a name by the tables of ``spellings``, where a letter has several and scripts share them.

    Taken are the parts of a name as in ``_divided``, and of an undivided one each two groups of neighbouring words; all
    of them without articles, and with them.
    """
    latin = name.get("latin") or {}

    def heard(part: str) -> list[str]:
        texts = (text for text in (name.get(part), latin.get(part)) if text and _says_something(text))
        read = [one for text in texts for one in _read(text)]
        forms = (fold(form) for text in read for form in (text, unicodedata.normalize("NFC", text).translate(_BY_EAR)))
        return [*filter(None, dict.fromkeys(forms))]

    parts = [heard(part) for part in ("family", "given", "full")]
    yield from _ears_of(*([*dict.fromkeys(map(_bare_heard, part))] for part in parts))
    yield from _ears_of(*parts)


def _ears_of(*parts: list[str]) -> Iterator[str]:
    """Yield the sounds of the forms of a family name, of given names and of whole names."""
    families, givens, wholes = ([form.casefold().split() for form in part] for part in parts)
    for words in (*wholes, *(() if families and givens else (*families, *givens))):
        yield from (_heard([one]) for one in bare_sounds("".join(words))[:SOUNDS_MAX] if len(one) >= SOUND_MIN)
    divided = (
        product(["".join(family), *_family_parts(family)], _given_parts(given))
        for family, given in product(families, givens)
    )
    undivided = (_neighbours(words) for words in wholes if len(words) <= UNDIVIDED_WORDS_MAX)
    for one, other in _once(chain.from_iterable(chain[Iterable[tuple[str, str]]](divided, undivided))):
        yield from _pair_sounds(one, other)


def _neighbours(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each two groups of neighbouring words, each group as one word."""
    for a, b, c, d in product(range(len(words) + 1), repeat=4):
        if a < b <= c < d:
            yield "".join(words[a:b]), "".join(words[c:d])


def _pair_sounds(one: str, other: str) -> Iterator[str]:
    """Yield the sounds of two parts of a name without their vowels, or with them where little else is left."""
    bare = list(product(*(bare_sounds(part)[:SOUNDS_MAX] or ("",) for part in (one, other))))
    yield from (_heard(pair) for pair in bare if "" not in pair and len("".join(pair)) >= SOUND_MIN)
    if all(len("".join(pair)) >= SOUND_MIN for pair in bare):
        return
    for pair in product(*(sorted(sounds(part).whole)[:SOUNDS_MAX] for part in (one, other))):
        if len("".join(pair).replace("*", "")) >= SOUND_MIN:
            yield _heard(pair)


def _heard(pair: Iterable[str]) -> str:
    return f"ear|{' '.join(sorted(pair))}"
