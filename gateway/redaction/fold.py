"""
One spelling for many: what is compared is folded, so that case, accents, scripts and forms of digits do not matter.

``fold`` keeps the script; ``latin`` brings Cyrillic, Arabic and Greek to Latin letters; ``skeleton`` keeps what
survives one more romanisation: the consonants, with those that are mixed up (c/k/q, v/w, y/i/j) made one.
"""

import functools
import re
import unicodedata

_DIGITS = {ord(c): str(i % 10) for i, c in enumerate("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹")}
_ARABIC = {ord("أ"): "ا", ord("إ"): "ا", ord("آ"): "ا", ord("ٱ"): "ا", ord("ى"): "ي", ord("ة"): "ه", ord("ؤ"): "و"}
_ARABIC |= {ord("ئ"): "ي", ord("ـ"): "", ord("ک"): "ك", ord("ی"): "ي", ord("گ"): "ك"}
_LETTERS = {ord("đ"): "d", ord("ł"): "l", ord("ø"): "o", ord("ı"): "i", ord("ß"): "ss", ord("æ"): "ae", ord("œ"): "oe"}
_MARKS = {ord(c): "'" for c in "’ʼ‘`´′"}
_FIRST = _DIGITS | _ARABIC | _LETTERS | _MARKS

_CYRILLIC = dict(
    zip(
        "абвгґдеєжзийіїклмнопрстуфхцчшщъыьэюяђѓѕјљњћќџ",
        (
            "a b v g g d e ie zh z i i i i k l m n o p r s t u f h ts ch sh sch - y - e iu ia dj gj dz j lj nj c kj dz"
        ).split(),
        strict=True,
    )
)
# Serbian is written in both scripts, letter for letter; its tables are in Cyrillic and its words are compared in Latin.
_SERBIAN = dict(
    zip(
        "абвгдђежзијклљмнњопрстћуфхцчџш",
        "a b v g d dj e z z i j k l lj m n nj o p r s t c u f h c c dz s".split(),
        strict=True,
    )
)
_ARABIC_LATIN = dict(
    zip(
        "ابتثجحخدذرزسشصضطظعغفقكلمنهويء",
        "a b t th j h kh d dh r z s sh s d t z a gh f q k l m n h w y -".split(),
        strict=True,
    )
)
_GREEK = dict(
    zip("αβγδεζηθικλμνξοπρστυφχψως", "a v g d e z i th i k l m n x o p r s t i f h ps o s".split(), strict=True)
)
_LATIN = {ord(k): v.strip("-") for table in (_CYRILLIC, _ARABIC_LATIN, _GREEK) for k, v in table.items()}
_SERBIAN_LATIN = {ord(k): v for k, v in _SERBIAN.items()}


@functools.lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Return ``text`` without case, accents, vowel signs and forms of one letter; digits are 0 to 9."""
    spread = unicodedata.normalize("NFKD", text.casefold().translate(_FIRST))
    return "".join(c for c in spread if not unicodedata.combining(c)).translate(_FIRST)


def serbian(text: str) -> str:
    """Return ``text`` folded, its Serbian Cyrillic letter for letter in Latin; đ is dj in both."""
    low = unicodedata.normalize("NFC", text.casefold()).replace("đ", "dj").translate(_SERBIAN_LATIN)
    return fold(low)


@functools.lru_cache(maxsize=65_536)
def latin(text: str) -> str:
    """Return ``text`` folded and in Latin letters, by one simple table a script (for comparing, not for reading)."""
    low = fold(unicodedata.normalize("NFC", text.casefold()).translate(_LATIN))
    return low.translate(_LATIN)


def skeleton(text: str) -> str:
    """Return the consonants of ``text`` in Latin, those that romanisations mix up made one, none doubled."""
    word = re.sub(r"[^a-z0-9]", "", latin(text))
    for old, new in (("sch", "s"), ("sh", "s"), ("ch", "s"), ("zh", "z"), ("kh", "h"), ("gh", "g"), ("th", "t")):
        word = word.replace(old, new)
    for old, new in (
        ("dh", "d"),
        ("ph", "f"),
        ("ts", "s"),
        ("dz", "z"),
        ("x", "ks"),
        ("q", "k"),
        ("c", "k"),
        ("w", "v"),
    ):
        word = word.replace(old, new)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouyj]", "", word))
