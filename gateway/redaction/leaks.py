"""
Does a text say what the case's own record says? Every name, number, date, address and place of it, however written.

Rule 1: this is the last gate and fails closed. It may take a harmless word for a name of the case; the other way round
is a fault. It lets nothing pass because it stands in the record anyway, or leaves with the message in another place.
Rule 2: a leak says which field of the record and where in the text, never what stands there.
Rule 3: two spellings are compared in four ways: folded (case, accents, digits of any script, letters that only look
alike), joined (whatever stands between letters: spaces, hyphens, line breaks), by sound (``sounds``, across Latin,
Cyrillic, Arabic and Greek), and with one letter wrong or another ending.

Other scripts are compared folded and joined; across scripts a name in them is found by its Latin form, where the record
has one. Of numbers spelt out the digits zero to nine are read; a day spelt out is found by its month.

Not found: a name of three consonants, written in another script, that a space divides into two words of the language;
a name of one or two consonants in a spelling of another script that shares neither its sound nor its letters.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any

from gateway.core import spellings
from gateway.core.names import NoTable, transliterate
from gateway.core.spellings import Sounds, sounds
from gateway.redaction import language as languages
from gateway.redaction.fold import fold, latin, serbian, skeleton
from gateway.redaction.vocabulary import is_word


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
    seen = _Seen(text, language)
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


# What the record says.


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
_EDTF = re.compile(r"^[~?%]?(\d{4}|\d{2}XX|\d{3}X)(?:-(\d\d|XX))?(?:-(\d\d|XX))?[~?%]?$")
_NUMBER = re.compile(r"\w*\d[\w]*(?:[\s().\-/+–]{1,3}\w*\d\w*)*")
_WORD = re.compile(r"[^\W\d_]+")
_CAPITALS = "[A-Z\u0410-\u042f\u0404\u0406\u0407]"
_PLATE = re.compile(
    rf"\b{_CAPITALS}{{1,3}}[\s\-]?\d{{2,5}}(?:[\s\-]?{_CAPITALS}{{1,3}})?\b|\b\d{{2,5}}[\s\-]?{_CAPITALS}{{2,3}}\b"
)
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
    yield from (Secret(where, "name", word) for word in words if len(word) > 1 and fold(word) not in _PARTICLES)
    if len(words) > 1:
        yield Secret(where, "phrase", " ".join(words))


def _of_place(where: str, text: str) -> Iterator[Secret]:
    yield from (Secret(where, "name", word) for word in _words(text) if len(word) > 2 and not _common(word))
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
        if len(word) < 3 or _common(word):
            continue
        known = _known(word)
        if (capital and (whole or not first)) or not known or (whole and not capital and len(word) > 6):
            yield Secret(where, "word", word)
    for one in _NUMBER.findall(plain):
        if _digits(one) > 3 and not re.fullmatch(r"(?:19|20)\d\d", one):
            yield Secret(where, "number", one)
    yield from (Secret(where, "number", one) for one in _PLATE.findall(plain))
    yield from (Secret(where, "date", f"{y:04}-{m:02}-{d:02}") for y, m, d in _dates_in(plain))


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
        if len(one + two) > 5 and not (_small(one) or _small(two)):
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
    yield from (one for one in text.split("/") if _EDTF.match(one))


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(text))


def _plain(text: str) -> str:
    """Return ``text`` composed and without what cannot be seen."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Mn"))


def _digits(text: str) -> int:
    return sum(c.isdecimal() for c in text)


_SMALL = frozenset(word for words in languages._SMALL_WORDS.values() for word in words)


def _small(word: str) -> bool:
    return fold(word) in _SMALL


def _common(word: str) -> bool:
    return _small(word) or fold(word) in spellings.GENERIC


@functools.lru_cache(maxsize=65_536)
def _known(word: str, language: str | None = None) -> bool:
    """Tell whether ``word`` is one of the language, or with ``None`` of any language of its script."""
    folded = fold(word)
    of = (language,) if language in languages.LANGUAGES else spellings.LANGUAGES_OF.get(spellings.script(folded), ())
    for name in of:
        form = serbian(word) if name == "sr" else folded
        forms = [form, *(languages.stripped(form) if name == "ar" else ())]
        if any(is_word(one, name) for one in forms):
            return True
    return False


# What the text says, in every form it is compared in.


@dataclass(frozen=True, slots=True)
class Piece:
    """
    A word of the text, or several joined: folded, with the places of its first and last letter in the stream.

    ``known`` says that it is a word (or words) of the text's language; ``joined`` that it was several.
    """

    text: str
    start: int
    end: int
    known: bool
    joined: bool


_MARK = re.compile(r"\[(?:\.\.\.|…|[A-Z_]{3,20})\]")
_SHORT, _RUN_MAX = 2, 40
_APART = re.compile(r"[.,;:!?…»«\"'()\[\]،؛؟]* [.,;:!?…»«\"'()\[\]،؛؟]*")
"""What stands between two words of a text. Anything else may have been put into one."""


@dataclass(slots=True)
class _Seen:
    """The text as a stream of folded letters and digits, and as pieces."""

    raw: str
    language: str | None
    stream: str = ""
    at: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    forms: dict[tuple[str, bool, bool], list[Piece]] = field(default_factory=dict)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    looks: str = ""
    bones: str = ""
    items: list["Item"] = field(default_factory=list)
    runs: list[tuple[str, list[int]]] = field(default_factory=list)
    numbers: list[tuple[str, list[int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        hidden = [match.span() for match in _MARK.finditer(self.raw) if match.group()[1:-1] in spellings.MARKS]
        letters: list[str] = []
        last = ""
        for place, char in enumerate(self.raw):
            if any(start <= place < end for start, end in hidden):
                last = ""
                continue
            made = _char(char)
            if not made:
                if not unicodedata.combining(char) and unicodedata.category(char) != "Cf":
                    last = ""
                continue
            for one in made:
                kind = "digit" if one.isdecimal() else "letter"
                if kind != last:
                    self.cuts.append((len(letters), len(letters)))
                letters.append(one)
                self.at.append(place)
                self.cuts[-1] = (self.cuts[-1][0], len(letters))
                last = kind
        self.stream = "".join(letters)
        self.looks = self.stream.translate(spellings.LOOKALIKES)
        self.bones = skeleton(self.stream)
        self.pieces = [*self._single(), *self._joined()]
        for piece in self.pieces:
            self.forms.setdefault((piece.text, piece.known, piece.joined), []).append(piece)
        self.items = [*self._items()]
        self.runs = [*self._runs()]
        self.numbers = [*self._numbers()]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where ``stream[start:end]`` stands in the text."""
        return self.at[start], self.at[end - 1] + 1

    def _single(self) -> Iterator[Piece]:
        for start, end in self.cuts:
            word = self.stream[start:end]
            if not word[0].isdecimal():
                yield Piece(word, start, end, _known(word, self.language), joined=False)

    def _joined(self) -> Iterator[Piece]:
        """Yield two words that follow one another as one, and runs of words of a letter or two as one each."""
        singles = [*self._single()]
        for one, two in pairwise(singles):
            if one.end == two.start:
                between = self.raw[self.at[one.end - 1] + 1 : self.at[two.start]]
                known = one.known and two.known and _APART.fullmatch(between) is not None
                yield Piece(one.text + two.text, one.start, two.end, known, joined=True)
        for first, start in enumerate(singles):
            made = start.text
            for last in range(first + 1, len(singles)):
                piece = singles[last]
                # One piece of a run may be longer: "M ohammed".
                if piece.start != singles[last - 1].end or len(made) > _RUN_MAX:
                    break
                if len(piece.text) > _SHORT and len(start.text) > _SHORT:
                    break
                made += piece.text
                if last > first + 1:
                    # Four letters one by one are a word that is spelt out, and no words that follow one another.
                    spelt = len(made) == last - first + 1 > 3
                    yield Piece(made, start.start, piece.end, known=False, joined=not spelt)
                if len(piece.text) > _SHORT:
                    break

    def within_known(self, start: int, end: int) -> bool:
        """Tell whether ``stream[start:end]`` is the inner part of one word that the language has."""
        return any(one.start < start and end <= one.end and one.known for one in self.pieces if not one.joined)

    def close(self, end: int, start: int) -> bool:
        """Tell whether nothing but the marks of a date stands between two places of the stream."""
        return re.fullmatch(r"[\s./\-–,]{0,3}", self.raw[self.at[end - 1] + 1 : self.at[start]]) is not None

    def _items(self) -> Iterator["Item"]:
        for place, (start, end) in enumerate(self.cuts):
            text = self.stream[start:end]
            named = frozenset() if text[0].isdecimal() else spellings.months(text) | spellings.months(latin(text))
            if named or text[0].isdecimal():
                yield Item(text, start, end, place, named)

    def _runs(self) -> Iterator[tuple[str, list[int]]]:
        """Yield the digits that stand together but for the marks between them, with the place of each."""
        run: list[int] = []
        for start, end in self.cuts:
            if not self.stream[start].isdecimal():
                continue
            if run and not re.fullmatch(r"[^\w]{0,3}", self.raw[self.at[run[-1]] + 1 : self.at[start]]):
                yield "".join(self.stream[i] for i in run), run
                run = []
            run = [*run, *range(start, end)]
        if run:
            yield "".join(self.stream[i] for i in run), run

    def _numbers(self) -> Iterator[tuple[str, list[int]]]:
        """Yield all digits of the text in a row, as written, with those spelt out, and with letters read as digits."""
        written = [i for i, char in enumerate(self.stream) if char.isdecimal()]
        yield "".join(self.stream[i] for i in written), written
        spelt: list[tuple[str, int]] = []
        read: list[tuple[str, int]] = []
        for place, (start, end) in enumerate(self.cuts):
            text, rest = self.stream[start:end], self.cuts[place + 1 : place + 2]
            pair = text + self.stream[rest[0][0] : rest[0][1]] if rest else ""
            if text[0].isdecimal():
                spelt += [(char, start + i) for i, char in enumerate(text)]
                read += [(char, start + i) for i, char in enumerate(text)]
            elif digit := spellings.DIGIT_WORDS.get(text) or spellings.DIGIT_WORDS.get(pair):
                spelt.append((digit, start))
            elif len(text) < 4 and all(char in _READ for char in text):
                read += [(_READ[char], start + i) for i, char in enumerate(text)]
        for made in (spelt, read):
            yield "".join(char for char, _ in made), [place for _, place in made]


def _symbols() -> Mapping[str, str]:
    """Return the letters of signs that Unicode takes for none: of flags, on black, small capitals, Braille."""
    abc = "abcdefghijklmnopqrstuvwxyz"
    made = {chr(first + i): abc[i] for first in (0x1F150, 0x1F170, 0x1F1E6) for i in range(26)}
    braille = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵"
    small = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡ ʏᴢ"
    made |= dict(zip(braille, abc, strict=True))
    return made | {char: abc[i] for i, char in enumerate(small) if char != " "}


_SYMBOLS = _symbols()

_READ = {"o": "0", "о": "0", "l": "1", "i": "1", "s": "5", "b": "8", "z": "2"}
"""Letters that stand for digits where a machine misread them."""


@functools.lru_cache(maxsize=8_192)
def _char(char: str) -> str:
    """Return the letters and digits that ``char`` stands for, folded; empty for everything else."""
    char = _SYMBOLS.get(char, char)
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    plain = fold(unicodedata.normalize("NFKC", char))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain if c.isalnum())


# Comparing a word.


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the record in every form it is compared in."""

    text: str
    script: str
    sounds: Sounds
    fine: str
    seen: str


@functools.lru_cache(maxsize=16_384)
def _word(text: str) -> _Word:
    folded = "".join(_char(char) for char in unicodedata.normalize("NFKC", text))
    return _Word(
        folded, spellings.script(folded), sounds(folded), _fine(folded), folded.translate(spellings.LOOKALIKES)
    )


@functools.lru_cache(maxsize=16_384)
def _fine(folded: str) -> str:
    """Return ``folded`` in plain Latin letters, those of one sound made one: for the shortest names."""
    plain = latin(folded).translate({ord("y"): "i", ord("j"): "i", ord("w"): "u"})
    return re.sub(r"(.)\1+", r"\1", re.sub("[^a-z0-9]", "", plain))


Span = tuple[int, int]
_TYPO_MIN, _INSIDE_MIN, _REVERSED_MIN, _SKELETON_MIN = 5, 5, 6, 6


def _spelt(seen: _Seen, secret: Secret) -> Iterator[Span]:
    """Yield where a word of the record stands, in any spelling."""
    word = _word(secret.text)
    if len(word.text) < 2:
        return
    for pieces in seen.forms.values():
        if _same(word, pieces[0]):
            yield from ((piece.start, piece.end) for piece in pieces)
    yield from _inside(seen, word)


def _same(word: _Word, piece: Piece) -> bool:
    if word.text == piece.text or (len(word.text) > 2 and word.seen == piece.text.translate(spellings.LOOKALIKES)):
        return True
    script = spellings.script(piece.text)
    if script == word.script:
        if any(_declined(one, word.text) for one in _bare_forms(piece.text, script)):
            return True
        if len(word.text) >= _TYPO_MIN and not piece.joined and _mistyped(piece.text, word.text):
            return True
    return _sounds_like(word, piece, script)


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


def _sounds_like(word: _Word, piece: Piece, script: str) -> bool:
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


def _prolonged(word: _Word, heard: Sounds) -> bool:
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


def _inside(seen: _Seen, word: _Word) -> Iterator[Span]:
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
    bones = _bones(word.text)
    if any(len(one) >= _SKELETON_MIN and one in seen.bones for one in bones):
        yield 0, len(seen.stream)


@functools.lru_cache(maxsize=16_384)
def _bones(folded: str) -> frozenset[str]:
    """Return the skeletons of a word in its romanisations."""
    name = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab"}.get(spellings.script(folded), "")
    try:
        forms = transliterate(folded, name, usage=True)[:24] if name else ()
    except NoTable:
        forms = ()
    return frozenset(skeleton(form) for form in (folded, *forms))


def _places(stream: str, text: str) -> Iterator[int]:
    at = stream.find(text)
    while at >= 0:
        yield at
        at = stream.find(text, at + 1)


# Words that identify together, numbers, dates.


def _together(seen: _Seen, secret: Secret) -> Iterator[Span]:
    """Yield where two words (or more) of the record stand one after the other, in this order or the other."""
    words = [_word(one) for one in secret.text.split()]
    for order in (words, words[::-1]):
        joined = "".join(one.text for one in order)
        if len(joined) > 4:
            yield from ((start, start + len(joined)) for start in _places(seen.stream, joined))
        for first in range(len(seen.cuts) - len(order) + 1):
            spans = seen.cuts[first : first + len(order)]
            if all(_alike(word, seen.stream[a:b]) for word, (a, b) in zip(order, spans, strict=True)):
                yield spans[0][0], spans[-1][1]


def _alike(word: _Word, text: str) -> bool:
    if word.text == text:
        return True
    script = spellings.script(text)
    if not script or text[0].isdecimal():
        return False
    if script == word.script:
        return _declined(text, word.text) or (len(word.text) >= _TYPO_MIN and _mistyped(text, word.text))
    return bool(word.sounds.whole & _heard(text, script).whole)


_WINDOW = 6
"""So many digits in a row of a number are the number: part of a telephone number is dialled too."""


def _numbered(seen: _Seen, secret: Secret) -> Iterator[Span]:
    """Yield where a number of the record stands, whole or in part, whatever stands between its digits."""
    plain = "".join(_char(char) for char in unicodedata.normalize("NFKC", secret.text))
    digits = "".join(char for char in plain if char.isdecimal())
    if len(digits) >= _WINDOW:
        windows = {digits[i : i + _WINDOW] for i in range(len(digits) - _WINDOW + 1)}
        for stream, places in seen.numbers:
            for i in range(len(stream) - _WINDOW + 1):
                if stream[i : i + _WINDOW] in windows:
                    yield places[i], places[i + _WINDOW - 1] + 1
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


def _dated(seen: _Seen, secret: Secret) -> Iterator[Span]:
    """Yield where a date of the record stands: day and month, month and year, all three, and of a birth the year."""
    found = _EDTF.match(secret.text)
    if found is None:
        return
    year, month, day = (int(part) if part and part.isdecimal() else None for part in found.groups())
    wanted = _Date(year, month, day)
    yield from _said(seen, wanted)
    if secret.kind == "birth":
        decade = found.group(1).rstrip("X")
        for one in seen.items:
            if one.text.isdecimal() and len(one.text) == 4 and one.text.startswith(decade) and len(decade) > 2:
                yield one.start, one.end
    for compact in wanted.compact():
        for stream, places in seen.numbers:
            for start in _places(stream, compact):
                yield places[start], places[start + len(compact) - 1] + 1


@dataclass(frozen=True, slots=True)
class _Date:
    year: int | None
    month: int | None
    day: int | None

    def is_year(self, item: "Item") -> bool:
        """Tell whether ``item`` is the year, in four digits or two."""
        if self.year is None or not item.text.isdecimal():
            return False
        return item.text == f"{self.year:04}" or item.text == f"{self.year % 100:02}"

    def is_month(self, item: "Item") -> bool:
        """Tell whether ``item`` may name the month."""
        return self.month is not None and (self.month in item.months or item.number == self.month)

    def is_day(self, item: "Item") -> bool:
        """Tell whether ``item`` is the day."""
        return self.day is not None and item.number == self.day

    def compact(self) -> Iterator[str]:
        """Yield the date as digits alone."""
        if None in (self.year, self.month, self.day):
            return
        y, m, d = f"{self.year:04}", f"{self.month:02}", f"{self.day:02}"
        yield from dict.fromkeys((y + m + d, d + m + y, m + d + y, d + m + y[2:], y[2:] + m + d, m + d + y[2:]))


@dataclass(frozen=True, slots=True)
class Item:
    """A part of what may be a date: a number, or a word that names months. ``word`` is its place among all words."""

    text: str
    start: int
    end: int
    word: int
    months: frozenset[int]

    @property
    def number(self) -> int | None:
        """Return the number it is, ``None`` for a word."""
        return int(self.text) if self.text.isdecimal() and len(self.text) < 5 else None


_GAP = 3
"""Words that may stand between the parts of a date: 17 of the month of May."""


def _said(seen: _Seen, wanted: _Date) -> Iterator[Span]:
    for i, one in enumerate(seen.items):
        for two in seen.items[i + 1 : i + 4]:
            if two.word - one.word > _GAP:
                break
            named = bool(one.months or two.months)
            # Two bare numbers are a date only where they are written as one: 17.05, 5/1994.
            written = two.word - one.word == 1 and seen.close(one.end, two.start)
            for a, b in ((one, two), (two, one)):
                day = wanted.is_day(a) and wanted.is_month(b)
                year = wanted.is_year(a) and wanted.is_month(b) and (b.months or len(a.text) == 4)
                if (day or year) and (named or written):
                    yield one.start, two.end


def _dates_in(text: str) -> list[tuple[int, int, int]]:
    """Return the dates (year, month, day) written in digits or with a month's name in a text in free words."""
    seen = _Seen(text, None)
    found = []
    for one, two, three in zip(seen.items, seen.items[1:], seen.items[2:], strict=False):
        if three.word - one.word > 2 * _GAP:
            continue
        for y, m, d in ((one, two, three), (three, two, one), (three, one, two)):
            if y.number is None or d.number is None or len(y.text) != 4 or not 1 <= d.number <= 31:
                continue
            found += [(y.number, month, d.number) for month in m.months or {m.number or 0} if 1 <= month <= 12]
    return found


_MATCHERS: Mapping[str, Callable[[_Seen, Secret], Iterator[Span]]] = {
    "name": _spelt,
    "word": _spelt,
    "phrase": _together,
    "number": _numbered,
    "date": _dated,
    "birth": _dated,
}
