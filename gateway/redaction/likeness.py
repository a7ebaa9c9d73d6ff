"""Whether two words are one: folded, by sound across scripts, with one letter wrong or another ending."""

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core import spellings
from gateway.core.names import NoTable, transliterate
from gateway.core.spellings import Sounds, sounds
from gateway.redaction.fold import latin, skeleton
from gateway.redaction.seen import Piece, letters_of

_TYPO_MIN = 5


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the record in every form it is compared in."""

    text: str
    script: str
    sounds: Sounds
    fine: str
    seen: str


@functools.lru_cache(maxsize=16_384)
def word_of(text: str) -> Word:
    """Return ``text``, a word of the record, in every form it is compared in."""
    folded = "".join(letters_of(char) for char in unicodedata.normalize("NFKC", text))
    return Word(folded, spellings.script(folded), sounds(folded), _fine(folded), folded.translate(spellings.LOOKALIKES))


@functools.lru_cache(maxsize=16_384)
def _fine(folded: str) -> str:
    """Return ``folded`` in plain Latin letters, those of one sound made one: for the shortest names."""
    plain = latin(folded).translate({ord("y"): "i", ord("j"): "i", ord("w"): "u"})
    return re.sub(r"(.)\1+", r"\1", re.sub("[^a-z0-9]", "", plain))


def same(word: Word, piece: Piece) -> bool:
    """Tell whether ``piece`` of the text is ``word`` in any spelling."""
    if word.text == piece.text or (len(word.text) > 2 and word.seen == piece.text.translate(spellings.LOOKALIKES)):
        return True
    script = spellings.script(piece.text)
    if script == word.script:
        if any(_declined(one, word.text) for one in _bare_forms(piece.text, script)):
            return True
        if len(word.text) >= _TYPO_MIN and not piece.joined and _mistyped(piece.text, word.text):
            return True
    return _sounds_like(word, piece, script)


def alike(word: Word, text: str) -> bool:
    """Tell whether ``text``, one of several words that must stand together, is ``word`` in any spelling."""
    if word.text == text:
        return True
    script = spellings.script(text)
    if not script or text[0].isdecimal():
        return False
    if script == word.script:
        return _declined(text, word.text) or (len(word.text) >= _TYPO_MIN and _mistyped(text, word.text))
    return bool(word.sounds.whole & _heard(text, script).whole)


def _bare_forms(text: str, script: str) -> Iterator[str]:
    """Yield ``text`` and, of an Arabic word, what is left without the short words written together with it."""
    yield text
    if script == "arabic":
        yield from (rest for rest in (re.sub("^[وفبكل]{0,2}(?:ال)?", "", text), text[1:]) if len(rest) > 1)


def _declined(text: str, name: str) -> bool:
    """Tell whether ``text`` is ``name`` with another ending, both folded and in one script."""
    if text == name:
        return True
    if text[:1] != name[:1]:
        return False  # most words, and what follows takes its time
    common = len(name)
    while not text.startswith(name[:common]):
        common -= 1
    stem, rest = name[:common], text[common:]
    if len(name) >= 6:
        return common >= len(name) - 2 and len(text) <= len(name) + 4
    least = len(name) - 1 if len(name) > 3 and name[-1] in _VOWELS else len(name)
    return common >= max(2, least) and rest in spellings.ENDINGS and len(stem) + len(rest) <= len(name) + 4


_VOWELS = frozenset("aeiouyаеиіоуяюєыэьαειουηωاهي")


def _mistyped(text: str, name: str) -> bool:
    """Tell whether one letter makes ``name`` of ``text``, or of its beginning where an ending follows."""
    if abs(len(text) - len(name)) <= 1 and _one_off(text, name):
        return True
    if len(name) < 6 or not len(name) < len(text) <= len(name) + 4:
        return False
    return any(
        text[size:] in spellings.ENDINGS and _one_off(text[:size], name)
        for size in range(len(name) - 1, min(len(name) + 2, len(text)))
    )


def _one_off(one: str, two: str) -> bool:
    """Tell whether at most one letter is wrong, missing, too many, or two neighbours are swapped."""
    if one == two:
        return True
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    a, b = one[start:], two[start:]
    if a[1:] == b[1:] or a[1:] == b or a == b[1:]:
        return True
    return len(a) > 1 and len(b) > 1 and (a[1], a[0]) == (b[0], b[1]) and a[2:] == b[2:]


def _sounds_like(word: Word, piece: Piece, script: str) -> bool:
    """Tell whether the two share a sound; a word of the text's language must share more than one that is none."""
    if not script or not word.script:
        return False
    heard = _heard(piece.text, script)
    if len(word.fine) > 1 and word.fine == _fine(piece.text) and script != word.script:
        return True
    # Two words of the language that only together sound like a name are two words.
    stops = 3 if piece.joined and piece.known else 2
    shared = word.sounds.whole & heard.whole
    whole = any(_stops(key) >= stops or (_stops(key) and len(key) > 3) for key in shared)
    if whole and (not piece.known or script != word.script or _near(piece.text, word.text)):
        return True
    across = script != word.script and not (piece.joined and piece.known)
    if across and _prolonged(word, heard):
        return True
    least = 4 if piece.joined and piece.known else 3
    if script != word.script and "arabic" in (script, word.script) and _vowels_added(word.sounds, heard, least):
        return True
    if piece.known:
        return False
    least = 4 if piece.joined else 2 if "arabic" in (script, word.script) and script != word.script else 3
    if any(len(key) >= least for key in word.sounds.bare & heard.bare):
        return script != word.script or _near(piece.text, word.text)
    return script != word.script and any(
        key[:-1] in word.sounds.bare and len(key) > 3 and key[-1] in "MFHTNSL" for key in heard.bare
    )


@functools.lru_cache(maxsize=16_384)
def _heard(text: str, script: str) -> Sounds:
    made = [sounds(one) for one in dict.fromkeys(_bare_forms(text, script))]
    return Sounds(frozenset().union(*(one.whole for one in made)), frozenset().union(*(one.bare for one in made)))


def _vowels_added(one: Sounds, two: Sounds, least: int) -> bool:
    """Tell whether two words of ``least`` consonants or more are one, but for vowels that only one of them writes."""
    if not one.bare & two.bare:
        return False
    return any(
        _stops(a) >= least and (_spread(a).fullmatch(b) or _spread(b).fullmatch(a))
        for a in one.whole
        for b in two.whole
    )


@functools.lru_cache(maxsize=16_384)
def _spread(key: str) -> re.Pattern[str]:
    """Return what matches the sounds of ``key`` with any vowels for its own, and more of them between the others."""
    parts = re.findall("[aoi]+|[A-Z]", key.rstrip("*"))
    made = "[aoi]*"
    for part, before in zip(parts, ["", *parts], strict=False):
        if part.isupper():
            made += ("" if not before or not before.isupper() else "[aoi]*") + f"{part}(?:[aoi]*{part})*"
        elif before:
            made += "[aoi]+"
    return re.compile(made + "[aoi*]*")


def _stops(key: str) -> int:
    return sum(sound.isupper() for sound in key)


def _prolonged(word: Word, heard: Sounds) -> bool:
    """Tell whether a sound of the word begins one of the text, with an ending of up to three sounds."""
    stems = {key.rstrip("*") for key in word.sounds.whole if _stops(key) > 2}
    return any(
        len(key) - len(stem) <= 3 and key.startswith(stem) for stem in stems if len(stem) > 3 for key in heard.whole
    )


def _near(one: str, two: str) -> bool:
    """Tell whether at most two letters in five must change to make ``two`` of ``one``."""
    most = max(2, -(-2 * max(len(one), len(two)) // 5))
    if abs(len(one) - len(two)) > most:
        return False
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(two, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1] <= most


@functools.lru_cache(maxsize=16_384)
def bones(folded: str) -> frozenset[str]:
    """Return the skeletons of a word in its romanisations."""
    name = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab"}.get(spellings.script(folded), "")
    try:
        forms = transliterate(folded, name, usage=True)[:24] if name else ()
    except NoTable:
        forms = ()
    return frozenset(skeleton(form) for form in (folded, *forms))
