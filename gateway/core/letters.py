"""
One letter for all that are forms of it: what a keyboard of another language writes, or another school of writing.

Rule 1: a letter whose name in the Unicode Character Database says that it is another WITH something (a dot, a ring, a
hook, a stroke) is that other letter here. Names of characters are normative there and never change (UAX 44; Unicode
stability policy), so the table is whole for every letter there is, and no list of ours.
Rule 2: what has a name of its own there, and is written for another all the same, stands in ``OWN``, by name.
Rule 3: a letter with a sound of its own that has rows in ``spellings`` stays (peh, tcheh, jeh, gaf, veh of Persian).

This is for comparing, where two that are taken for one are looked at by people. Nothing here is a transliteration.
"""

import functools
import unicodedata
from collections.abc import Mapping


def _own() -> Mapping[str, str]:
    """Return ``{name of a letter: name of the letter it is written for}``, each without the name of its script."""
    arabic = """
        ALEF: ALEF WASLA, LOW ALEF; BEH: DOTLESS BEH, BEEH, BEHEH; TEH: TTEH, TTEHEH, TEHEH; DAL: DDAL, DAHAL, DDAHAL,
        DUL; REH: RREH; FEH: DOTLESS FEH, AFRICAN FEH; QAF: DOTLESS QAF, AFRICAN QAF; KAF: KEHEH, SWASH KAF;
        NOON: NOON GHUNNA, RNOON, AFRICAN NOON, NYEH; HEH: HEH GOAL, HEH DOACHASHMEE, AE, TEH MARBUTA, TEH MARBUTA GOAL;
        WAW: OE, U, YU, VE, KIRGHIZ OE, KIRGHIZ YU, STRAIGHT WAW;
        YEH: FARSI YEH, E, YEH BARREE, KASHMIRI YEH, ALEF MAKSURA, ROHINGYA YEH, THIN YEH;
        JEEM: DYEH; PEH: PEHEH; TCHEH: TCHEHEH;
        GAF: GUEH, NGOEH, GRAF, NG, KAF WITH RING, KAF WITH DOT ABOVE, KEHEH WITH DOT ABOVE;
        GAF: KEHEH WITH THREE DOTS ABOVE;
        ZAIN: HAH WITH HAMZA ABOVE; SEEN: HAH WITH THREE DOTS ABOVE; SHEEN: SEEN WITH DOT BELOW AND DOT ABOVE;
        JEH: REH WITH DOT BELOW AND DOT ABOVE; NOON: AIN WITH THREE DOTS ABOVE
    """  # From NG on: gaf of Pashto, Malay and Morocco; dze, tse, khin and zhe of Pashto; nga of Malay.
    cyrillic = """
        U: STRAIGHT U, STRAIGHT U WITH STROKE; KA: BASHKIR KA, ALEUT KA, QA; HA: SHHA, SHHA WITH DESCENDER; A: SCHWA;
        O: BARRED O; CHE: KHAKASSIAN CHE; ZE: ABKHASIAN DZE; VE: WE
    """
    latin = """
        E: OPEN E, TURNED E, REVERSED E; O: OPEN O, BARRED O; G: GAMMA, SCRIPT G; I: DOTLESS I, IOTA; U: UPSILON, U BAR;
        D: AFRICAN D
    """
    made: dict[str, str] = {}
    for prefixes, table in (
        (("ARABIC LETTER",), arabic),
        (("CYRILLIC SMALL LETTER", "CYRILLIC CAPITAL LETTER"), cyrillic),
        (("LATIN SMALL LETTER", "LATIN CAPITAL LETTER"), latin),
    ):
        for row in table.split(";"):
            letter, _, forms = row.partition(":")
            for prefix in prefixes:
                made |= {
                    f"{prefix} {' '.join(form.split())}": f"{prefix} {letter.strip()}" for form in forms.split(",")
                }
    return made


OWN = _own()
"""
Letters with names of their own. Arabic: those of Persian, Urdu, Sindhi, Pashto, Kurdish, Uyghur, Malay, the Maghreb and
West Africa, by the code charts of Unicode, which say of which language each is, and by how names of those languages are
written in Arabic and Persian (the second unverified). Cyrillic: Turkic and Caucasian languages. Latin: West Africa.
"""

_NONE = frozenset({"\u0640", "\u0674", "\u04c0", "\u04cf"})
"""Tatweel, the high hamza and the palochka: nothing is left of a name by leaving them out."""

_ETHIOPIC = (("PHARYNGEAL ", "GLOTTAL "), ("HH", "H"), ("KX", "H"), ("X", "H"), ("SZ", "S"), ("TZ", "TS"))
"""Syllables of Ethiopic that are said alike in Amharic, and that names are written with by turns (sa and sza)."""

_KATAKANA = {code: chr(code - 0x60) for code in range(0x30A1, 0x30F7)}


@functools.lru_cache(maxsize=16_384)
def plain_letter(char: str) -> str:
    """Return the letter that ``char`` is a form of, in its case; itself if it is none, empty if it says nothing."""
    if char < "\u0080":
        return char
    if char in _NONE:
        return ""
    if ord(char) in _KATAKANA:
        return _KATAKANA[ord(char)]
    name = unicodedata.name(char, "")
    if name.startswith("ETHIOPIC SYLLABLE "):
        return _syllable(char, name.removeprefix("ETHIOPIC SYLLABLE "))
    if not unicodedata.category(char).startswith("L"):
        return char
    while name in OWN or " WITH " in name:
        name = OWN.get(name) or name.rpartition(" WITH ")[0]
    try:
        plain = unicodedata.lookup(name) if name else char
    except KeyError:
        return char
    return "" if plain in _NONE else plain


def _syllable(char: str, name: str) -> str:
    plain = next((new + name.removeprefix(old) for old, new in _ETHIOPIC if name.startswith(old)), name)
    # Of these two rows the first and the fourth are one sound.
    plain = {"HA": "HAA", "GLOTTAL A": "GLOTTAL AA"}.get(plain, plain)
    try:
        return unicodedata.lookup(f"ETHIOPIC SYLLABLE {plain}")
    except KeyError:
        return char


def plain_letters(text: str) -> str:
    """Return ``text`` with each letter the one it is a form of."""
    return "".join(map(plain_letter, text))
