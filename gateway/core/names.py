"""
Names: Latin forms as ICAO Doc 9303 part 3, section 6 makes them, forms for comparing, and what is no name at all.

Rule 1: a letter may have several outputs (Ä is AE or A), so a name has a set of Latin forms. One can produce them and
look whether two sets meet; one cannot say which is right.
Rule 2: the original script is the name. A Latin form is a help for finding it, and a Latin form that a document
carries goes before one that is made here.
Rule 3: that two names agree is a reason for a person to look, never a finding. That they do not agree is nothing.

Table C keeps the consonants of the Arabic script and no vowels. What passports carry is mostly spelled by ear
(Mohammed, Mohamed); no table makes that, so it is found only through the ``latin`` member of a name.
"""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from gateway.core.letters import plain_letter, plain_letters
from gateway.core.unseen import has_unseen, without_unseen

FORMS_MAX = 256
"""Latin forms made of one text. An ambiguous letter doubles them; more than eight such letters are not usual."""

MARKS_MAX = 4
"""Combining marks in a row that a name may have; Vietnamese and pointed Hebrew need three."""


class BadText(ValueError):
    """
    Say why a text cannot be a name, without quoting it.

    ``code`` is one of ``length``, ``space``, ``control``, ``marks``, ``form`` and ``mixed``.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class NoTable(ValueError):
    """Say that a text has a letter for which Doc 9303 has no Latin output, or is in a script it has no table for."""


def table_of(text: str) -> dict[str, tuple[str, ...]]:
    """Return ``{letters: outputs}`` of rows "letters output/output", the recommended output first, ``-`` for none."""
    rows = (row.split() for row in text.split(",") if row.strip())
    return {letter: tuple("" if out == "-" else out for out in outputs.split("/")) for letter, outputs in rows}


LATIN = table_of(
    """
    À A, Á A, Â A, Ã A, Ä AE/A, Å AA/A, Æ AE, Ç C, È E, É E, Ê E, Ë E, Ì I, Í I, Î I, Ï I, Ð D, Ñ N/NXX,
    Ò O, Ó O, Ô O, Õ O, Ö OE/O, Ø OE, Ù U, Ú U, Û U, Ü UE/UXX/U, Ý Y, Þ TH, Ā A, Ă A, Ą A, Ć C, Ĉ C, Ċ C, Č C,
    Ď D, Đ D, Ē E, Ĕ E, Ė E, Ę E, Ě E, Ĝ G, Ğ G, Ġ G, Ģ G, Ĥ H, Ħ H, Ĩ I, Ī I, Ĭ I, Į I, İ I, ı I, Ĳ IJ, Ĵ J, Ķ K,
    Ĺ L, Ļ L, Ľ L, Ŀ L, Ł L, Ń N, Ņ N, Ň N, Ŋ N, Ō O, Ŏ O, Ő O, Œ OE, Ŕ R, Ŗ R, Ř R, Ś S, Ŝ S, Ş S, Š S, Ţ T, Ť T,
    Ŧ T, Ũ U, Ū U, Ŭ U, Ů U, Ű U, Ų U, Ŵ W, Ŷ Y, Ÿ Y, Ź Z, Ż Z, Ž Z, ẞ SS
    """
)
"""Table A. A Latin letter that it lacks is read by its base letter (Romanian Ș, Vietnamese Ễ, Hausa Ɓ)."""

BEYOND_LATIN = table_of("Ə A/E")
"""Latin letters of names that table A lacks and that are no form of another; common usage, not Doc 9303."""

CYRILLIC = table_of(
    """
    А A, Б B, В V, Г G, Д D, Е E, Ё E, Ж ZH, З Z, И I, Й I, К K, Л L, М M, Н N, О O, П P, Р R, С S, Т T, У U, Ф F,
    Х KH, Ц TS, Ч CH, Ш SH, Щ SHCH, Ъ IE, Ы Y, Ь -, Э E, Ю IU, Я IA, І I, Ї I, Є IE, Ґ G, Ў U, Ђ D, Ѓ G, Ѕ DZ, Ј J,
    Љ LJ, Њ NJ, Ћ C, Ќ K, Џ DZ, Ѫ U, Ѵ Y, Ғ G
    """
)
"""Table B, the outputs that hold unless a language below says otherwise. The soft sign has none."""

BY_LANGUAGE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "be": table_of("Ё IO, Г H"),
    "bg": table_of("Щ SHT"),
    "mk": table_of("Ѓ GJ, Ќ KJ, Џ DJ, Х H, Ц C"),
    "ru": {},
    "sr": table_of("Ж Z, Х H, Ц C, Ч C, Ш S"),
    "uk": table_of("Г H, И Y"),
}
"""Table B, where the output depends on the language."""

FIRST_LETTER: Mapping[str, Mapping[str, tuple[str, ...]]] = {"uk": table_of("Є YE, Ї YI, Й Y, Ю YU, Я YA")}
"""Table B, where the output of the first letter of a word depends on the language."""

USAGE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "be": table_of("Ё IO/YO, Й I/Y, Ю IU/YU, Я IA/YA"),
    "bg": table_of("Ъ IE/A, Ц TS/C, Х KH/H, Й I/Y, Ю IU/YU, Я IA/YA"),
    "mk": table_of("Ж ZH/Z, Ч CH/C, Ш SH/S"),
    "ru": table_of("Ё E/YO/IO, Й I/Y, Х KH/H, Ц TS/TC, Ъ IE/-, Э E/EH, Ю IU/YU, Я IA/YA"),
    "sr": table_of("Ђ D/DJ, Ж Z/ZH, Ч C/CH, Ш S/SH, Ћ C/CH"),
    "uk": table_of("Г H/G, И Y/I, Й I/Y, Є IE/YE, Ї I/YI, Ю IU/YU, Я IA/YA"),
}
"""Earlier and parallel national usage found in documents, for comparing only; not Doc 9303."""

ARABIC = table_of(
    """
    ء XE, آ XAA, أ XAE, ؤ U/XW, إ I, ئ XI, ا A, ب B, ت T, ث XTH, ج J, ح XH, خ XKH, د D, ذ XDH, ر R, ز Z, س S, ش XSH,
    ص XSS, ض XDZ, ط XTT, ظ XZZ, ع E, غ G, ف F, ق Q, ك K, ل L, م M, ن N, ه H, و W, ى XAY, ي Y, ٱ XXA, ٹ XXT, ټ XRT,
    پ P, ځ XKE, څ XXH, چ XC, ڈ XXD, ډ XDR, ڑ XXR, ړ XRR, ږ XRX, ژ XJ, ښ XXS, ک XKK, ګ XXK, ڭ XNG, گ XGG, ں XNN,
    ڼ XXN, ھ XDO, ۀ XYH, ہ XXG, ۂ XGE, ۃ XTG, ی XYA/Y/XAY, ۍ XXY, ې Y, ے XYB, ۓ XBE
    """
)
"""
Table C. XW for waw with hamza is that of the drafts of the table and still met. A letter that it lacks is read by the
one it is a form of (``letters``).
"""

TEH_MARBUTA, SHADDA = "\u0629", "\u0651"

_LANGUAGES = {"bel": "be", "bul": "bg", "mkd": "mk", "rus": "ru", "srp": "sr", "ukr": "uk"}
_APOSTROPHES = frozenset(
    "'\u2019\u02bc\u02bb\u0060\u00b4\u2018\u02b9\u02be\u02bf\u02bd\u201b\u2032\u055a\u05f3\ua78b\ua78c"
)
_NO_APOSTROPHES = dict.fromkeys(map(ord, _APOSTROPHES))
_BREAKS = re.compile(r"[\s\-\u2010\u2011\u2012\u2013.,<\u060c]+")
"""
What divides the words of one name. For comparing more does (``_is_break``); but what another sign divides (A/B) is no
name, and its parts may not be of two scripts.
"""


# --- Latin forms ------------------------------------------------------------------------------------------------------


def transliterate(text: str, script: str, usage: bool = False) -> tuple[str, ...]:
    """
    Return the Latin forms of ``text``, the recommended one first, at most ``FORMS_MAX``.

    A form has the letters A to Z and single spaces. Hyphens become spaces and apostrophes go (Doc 9303 part 3,
    section 4.6). Within one text a letter always has the same output, since whoever wrote it used one system.

    Args:
        script: language and ISO 15924 script (``uk-Cyrl``), or the script alone, which leaves the language open.
        usage: add what is met in documents and is not Doc 9303; for comparing.

    Raises:
        NoTable: Doc 9303 has no table for the script or no row for a letter.
    """
    language, _, name = script.rpartition("-")
    units = _units(text, _LANGUAGES.get(language, language), name, usage)
    distinct = {key: outputs for key, outputs in units if len(outputs) > 1}
    forms: dict[str, None] = {}
    for choice in islice(product(*distinct.values()), FORMS_MAX):
        chosen = dict(zip(distinct, choice, strict=True))
        forms[" ".join("".join(chosen.get(key, outputs[0]) for key, outputs in units).split())] = None
    return tuple(form for form in forms if form)


_Units = list[tuple[str, tuple[str, ...]]]
"""For each letter a key, the same for the same choice, and its outputs."""


def _units(text: str, language: str, script: str, usage: bool) -> _Units:
    words = _spaced(unicodedata.normalize("NFC", without_unseen(text))).split()
    units: _Units = []
    for word in words:
        units.append((" ", (" ",)))
        match script:
            case "Latn":
                units += [(char, _latin(char)) for char in _letters(word)]
            case "Cyrl":
                letters = _letters(word)
                units += [_cyrillic(char, place == 0, language, usage) for place, char in enumerate(letters)]
            case "Arab":
                units += _arabic(word)
            case _:
                raise NoTable("there is no table for this script")
    return units


@functools.lru_cache(maxsize=4_096)
def _is_break(char: str) -> bool:
    """Tell whether ``char`` stands between words: space, or any mark of punctuation but an apostrophe (C·D, A/B)."""
    return (char.isspace() or unicodedata.category(char)[0] in "PSZ") and char not in _APOSTROPHES


def _spaced(text: str) -> str:
    return "".join(" " if _is_break(char) else char for char in text)


def _letters(word: str) -> list[str]:
    """Return the capital letters of ``word``, without apostrophes; sharp s and dotless i keep rows of their own."""
    capital = (char if char == "ı" else "ẞ" if char == "ß" else char.upper() for char in word)
    return [char for char in "".join(capital) if char not in _APOSTROPHES]


def _latin(char: str) -> tuple[str, ...]:
    if "A" <= char <= "Z":
        return (char,)
    outputs = LATIN.get(char) or BEYOND_LATIN.get(char)
    if outputs:
        return outputs
    if unicodedata.combining(char):
        return ("",)
    base = plain_letter(unicodedata.normalize("NFD", char)[0]).upper()
    if base == char:
        raise NoTable("table A has no row for a letter")
    return _latin(base) if base else ("",)


def _cyrillic(char: str, first: bool, language: str, usage: bool) -> tuple[str, tuple[str, ...]]:
    """Return key and outputs of one letter; with the language open, those of every language."""
    if char not in CYRILLIC:
        if unicodedata.combining(char):
            return char, ("",)
        base = plain_letter(unicodedata.normalize("NFD", char)[0])
        if base == "":
            return char, ("",)
        if base not in CYRILLIC:
            raise NoTable("table B has no row for a letter")
        return _cyrillic(base, first, language, usage)
    known = [language] if language in BY_LANGUAGE else list(BY_LANGUAGE)
    outputs: list[str] = [] if language in BY_LANGUAGE else [*CYRILLIC[char]]
    for each in known:
        at_start = FIRST_LETTER.get(each, {}) if first else {}
        outputs += at_start.get(char) or BY_LANGUAGE[each].get(char) or CYRILLIC[char]
    if usage:
        outputs += [out for each in known for out in USAGE[each].get(char, ())]
    return f"{char}{'^' if first else ''}", tuple(dict.fromkeys(outputs))


def _arabic(word: str) -> _Units:
    units: _Units = []
    letters = [char for char in word if not _is_not_encoded(char) and char not in _APOSTROPHES]
    last = max((place for place, char in enumerate(letters) if char != SHADDA), default=0)
    for place, char in enumerate(letters):
        if char == TEH_MARBUTA:
            units.append((f"{char}{place == last}", ("XAH", "XTA") if place == last else ("XTA", "XAH")))
        elif char == SHADDA and units:
            # It doubles what stands before it, and it is often left out.
            units.append((char + units[-1][0], (units[-1][1][0], "")))
        elif (row := char if char in ARABIC else plain_letter(char)) in ARABIC:
            units.append((row, ARABIC[row]))
        else:
            raise NoTable("table C has no row for a letter")
    return units


def _is_not_encoded(char: str) -> bool:
    """Tell whether table C does not encode ``char``: tatweel, the short vowels, sukun and every other mark."""
    return plain_letter(char) == "" or (unicodedata.combining(char) > 0 and char != SHADDA)


# --- comparing --------------------------------------------------------------------------------------------------------

_FOLD = str.maketrans({"Ð": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "Ŋ": "N", "Ə": "A"})
_FOLDED_MARKS = ("COMBINING", "ARABIC", "HEBREW")
_KANA_MARKS = frozenset("\u3099\u309a")
"""They make another sound of a kana, and no name is written without them."""


def fold(text: str) -> str:
    """
    Return ``text`` for comparing within one script: no case, no diacritics, no points, nothing unseen, single spaces.

    Marks are dropped where a name is also written without them (Latin, Greek, Cyrillic, Arabic, Hebrew) and kept
    where they are vowels (the scripts of India and South-East Asia). Letters that are forms of one are that one
    (``letters``). Whatever stands between words is a space.
    """
    plain = plain_letters(_unmarked(text.casefold()))
    # The letter that one is a form of may have a mark (Ҋ is one of Й) and a capital where the form itself has none.
    return " ".join(_spaced(_unmarked(plain).upper().translate(_FOLD)).split())


def _unmarked(text: str) -> str:
    bare = text.translate(_NO_APOSTROPHES)
    if bare.isascii():
        return bare  # nothing else falls away there, and most names of a search have plain letters
    spread = without_unseen(unicodedata.normalize("NFKD", bare))
    kept = (char for char in spread if char not in _APOSTROPHES and not _is_folded_mark(char))
    return unicodedata.normalize("NFC", "".join(kept))


def _is_folded_mark(char: str) -> bool:
    if unicodedata.category(char) != "Mn" or char in _KANA_MARKS:
        return False
    return unicodedata.name(char, "").startswith(_FOLDED_MARKS)


ARTICLES = frozenset({"AL", "EL", "\u0627\u0644"})
"""The Arabic article as a word of its own, folded."""

_ATTACHED = re.compile(r"(?:\u0627\u0644(?=...)|[AE]L(?=....)|[AEU](?:SH(?=SH..)|([STDNRZ])(?=\1..)))")


def without_article(word: str) -> str:
    """
    Return the folded ``word`` without an Arabic article at its beginning (ALHUSSEINI, ASHSHAMI), if it may be one.

    In Latin letters it may also be the beginning of a name (ALINA); what is left is for finding, and says nothing.
    """
    found = _ATTACHED.match(word)
    return word[found.end() :] if found else word


@dataclass(frozen=True, slots=True)
class Forms:
    """
    The forms under which the parts of one name may be found, folded or in Latin letters.

    A part the name lacks has the empty form; ``whole`` is empty unless the name has an undivided form.
    """

    family: frozenset[str]
    given: frozenset[str]
    whole: frozenset[str]


def forms_of(name: Mapping[str, Any]) -> Forms:
    """
    Return the forms of ``name`` (the wire's name object).

    They are: each part itself, folded; its Latin forms, where Doc 9303 has a table; and the Latin form that came with
    it. The patronymic is left out, since a machine readable zone and many registers have none.
    """
    latin: Mapping[str, Any] = name.get("latin") or {}

    def forms(part: str) -> frozenset[str]:
        found = {*_forms(name.get(part) or "", str(name["script"])), *_forms(latin.get(part) or "", "Latn")}
        return frozenset(found - {""})

    return Forms(forms("family") or _NOTHING, forms("given") or _NOTHING, forms("full"))


_NOTHING = frozenset({""})


def _forms(text: str, script: str) -> tuple[str, ...]:
    try:
        return (fold(text), *transliterate(text, script, usage=True))
    except NoTable:
        return (fold(text),)


def compare_names(a: Mapping[str, Any], b: Mapping[str, Any]) -> str | None:
    """
    Return how two names (wire objects) agree: ``NAME_EXACT``, ``NAME_TRANSLIT``, or ``None`` if nothing says so.

    Exact: the same parts in the same script but for case and spaces. Otherwise the forms of each part are compared; a
    name that is not divided agrees with a divided one that has the same words in any order. The codes are those of
    the list `match_basis`.
    """
    if _plain(a) == _plain(b) and _script(a) == _script(b):
        return "NAME_EXACT"
    ours, theirs = forms_of(a), forms_of(b)
    named = _NOTHING not in (ours.family | ours.given, theirs.family | theirs.given)
    if named and ours.family & theirs.family and ours.given & theirs.given:
        return "NAME_TRANSLIT"
    if ours.whole & theirs.whole or _undivided(ours.whole, theirs) or _undivided(theirs.whole, ours):
        return "NAME_TRANSLIT"
    return None


def compare_lists(ours: Iterable[Mapping[str, Any]], theirs: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the best agreement of any name of one list with any of the other, or ``None``."""
    others = list(theirs)
    found = {compare_names(a, b) for a in ours for b in others}
    return next((basis for basis in ("NAME_EXACT", "NAME_TRANSLIT") if basis in found), None)


def _plain(name: Mapping[str, Any]) -> tuple[str, ...]:
    parts = (unicodedata.normalize("NFC", name.get(part) or "").casefold() for part in ("family", "given", "full"))
    return tuple(" ".join(part.split()) for part in parts)


def _script(name: Mapping[str, Any]) -> str:
    return str(name["script"]).rpartition("-")[2]


def _undivided(whole: Iterable[str], divided: Forms) -> bool:
    """Tell whether an undivided form has the words of a divided name, in any order."""
    given = {_words(form) for form in divided.given}
    for form in whole:
        words = Counter(form.split())
        for family in divided.family:
            taken = Counter(family.split())
            if taken <= words and tuple(sorted((words - taken).elements())) in given:
                return True
    return False


def _words(form: str) -> tuple[str, ...]:
    return tuple(sorted(form.split()))


# --- what is no name --------------------------------------------------------------------------------------------------

_FORMS = ("<font>", "<wide>", "<narrow>", "<circle>", "<super>", "<sub>", "<square>", "<vertical>", "<small>")
_PRESENTATION = ("<initial>", "<medial>", "<final>", "<isolated>")
_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"})


# Words of plain Latin or plain Cyrillic letters pass every check below; most names are such, and need no table.
_PLAIN = re.compile(r"(?:[A-Za-z]+|[\u0410-\u044f]+)(?:[ -](?:[A-Za-z]+|[\u0410-\u044f]+))*")


def check_text(text: str, max_len: int) -> None:
    """
    Return if ``text`` can be a name of at most ``max_len`` characters, one that shows what it is.

    Refused are: control, bidirectional and invisible characters, characters that are no letter of running text
    (mathematical, full width, presentation forms), more than ``MARKS_MAX`` marks in a row, and a word with letters of
    two scripts, which looks like another word (Unicode UTS 39, section 5).

    Raises:
        BadText: with the code of the first of these that is found.
    """
    if len(text) <= max_len and _PLAIN.fullmatch(text):
        return
    if not 1 <= len(text) <= max_len:
        raise BadText("length", f"a name has 1 to {max_len} characters")
    if text != text.strip():
        raise BadText("space", "a name has no space at either end")
    marks = 0
    for char in text:
        _check_char(char)
        marks = marks + 1 if unicodedata.category(char).startswith("M") else 0
        if marks > MARKS_MAX:
            raise BadText("marks", f"a name has at most {MARKS_MAX} marks on one letter")
    for word in _BREAKS.split(text):
        if len(_scripts(word)) > 1:
            raise BadText("mixed", "a word of a name has letters of one script")


def _check_char(char: str) -> None:
    category = unicodedata.category(char)
    if char != " " and (category[0] in "CZ" or has_unseen(char)):
        raise BadText("control", "a name has no control, bidirectional or invisible character")
    if unicodedata.decomposition(char).startswith(_FORMS + _PRESENTATION):
        raise BadText("form", "a name has plain letters, no mathematical, full width or presentation forms")


def _scripts(word: str) -> set[str]:
    """Return the scripts of the letters of ``word``; those of East Asia, which are written together, are one."""
    letters = (char for char in word if unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lo"))
    scripts = {unicodedata.name(char, "").partition(" ")[0] for char in letters}
    return {"EAST ASIAN" if script in _EAST_ASIAN else script for script in scripts}
