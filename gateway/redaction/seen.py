"""What a text says, in every form it is compared in: a stream of folded letters and digits, its words, its numbers."""

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.core import spellings
from gateway.core.letters import plain_letter
from gateway.redaction.everyday import is_known
from gateway.redaction.fold import fold, latin, skeleton

Span = tuple[int, int]
"""Where something stands in the stream of a text: its first letter, and the one after its last."""


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


@dataclass(frozen=True, slots=True)
class Item:
    """
    A part of what may be a date: a number, a word that names months, or words that name a day.

    ``word`` is its place among all words, of several that of the last; ``spelt`` is the day, where it is in words.
    """

    text: str
    start: int
    end: int
    word: int
    months: frozenset[int]
    spelt: int | None = None

    @property
    def number(self) -> int | None:
        """Return the number it is in digits, ``None`` for a word."""
        return int(self.text) if self.text.isdecimal() and len(self.text) < 5 else None


_MARK = re.compile(r"\[(?:\.\.\.|…|[A-Z_]{3,20})\]")
_SHORT, _RUN_MAX = 2, 40
_CIPHER_MIN = 3
_MEASURE = re.compile(r"[0-9]+(?:[ap]m|st|nd|rd|th|h|hrs?|min|m|[ckm]m|k?g|km|e|er|re|eme|ani?|ans?)")
"""A number with its unit or its ending, written as one word."""
_APOSTROPHES = "'’ʼ‘`´"
_APART = re.compile(r"[.,;:!?…»«\"'()\[\]،؛؟]* [.,;:!?…»«\"'()\[\]،؛؟]*")
"""What stands between two words of a text. Anything else may have been put into one."""


@dataclass(slots=True)
class Seen:
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
    items: list[Item] = field(default_factory=list)
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
            made = letters_of(char)
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
        self.pieces = [*self._single(), *self._joined(), *self._ciphered()]
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
                yield Piece(word, start, end, is_known(word, self.language), joined=False)

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

    def _ciphered(self) -> Iterator[Piece]:
        """
        Yield words with digits in them (B0ra), each as it is read with letters for them.

        Where there is little to go by, a short word or more digits than letters, it counts as several words of the
        language, which must share more with a name than its sound. A number and its ending is none (5am, 1st).
        """
        for start, end in self._written_as_one():
            text = self.stream[start:end]
            digits = sum(map(str.isdecimal, text))
            script = spellings.script(re.sub("[0-9]", "", text))
            if len(text) < _CIPHER_MIN or digits in (0, len(text)) or _MEASURE.fullmatch(text):
                continue
            is_weak = len(text) <= _CIPHER_MIN or 2 * digits > len(text)
            for made in dict.fromkeys(text.translate(table) for table in spellings.CIPHERS.get(script, ())):
                yield Piece(made, start, end, known=is_weak, joined=is_weak)

    def _written_as_one(self) -> Iterator[Span]:
        """Yield where letters and digits stand with nothing between them."""
        run: list[int] = []
        for start, end in self.cuts:
            if run and (run[1] != start or self.at[start] != self.at[start - 1] + 1):
                yield run[0], run[1]
                run = []
            run = [run[0] if run else start, end]
        if run:
            yield run[0], run[1]

    def within_known(self, start: int, end: int) -> bool:
        """Tell whether ``stream[start:end]`` is the inner part of one word that the language has."""
        return any(one.start < start and end <= one.end and one.known for one in self.pieces if not one.joined)

    def close(self, end: int, start: int) -> bool:
        """Tell whether nothing but the marks of a date stands between two places of the stream."""
        return re.fullmatch(r"[\s./\-–,]{0,3}", self.raw[self.at[end - 1] + 1 : self.at[start]]) is not None

    def _items(self) -> Iterator[Item]:
        for place, (start, end) in enumerate(self.cuts):
            text = self.stream[start:end]
            named = frozenset() if text[0].isdecimal() else spellings.months(text) | spellings.months(latin(text))
            if text in spellings.ROMAN and self._beside_a_number(place) and not self._is_small_word(place):
                named |= {spellings.ROMAN[text]}
            if named or text[0].isdecimal():
                yield Item(text, start, end, place, named)
            for begin, spelt in self._spelt(place):
                yield Item(self.stream[begin:end], begin, end, place, frozenset(), spelt)

    def _spelt(self, place: int) -> Iterator[tuple[int, int]]:
        """Yield the days whose last word is at ``place``, each with where it begins: one word, or ten and one."""
        own, begin = self._day_at(place)
        if own is None:
            return
        yield self.cuts[begin][0], own
        before = begin - 1
        if before > 0 and self.stream[slice(*self.cuts[before])] in spellings.AND:
            before -= 1
        if before >= 0:
            other, begin = self._day_at(before)
            if other is not None and (min(own, other) < 10) and max(own, other) in (10, 20, 30):
                yield self.cuts[begin][0], own + other

    def _day_at(self, place: int) -> tuple[int | None, int]:
        """Return the number that the word ending at ``place`` is, and the place where it begins (п'ятого has two)."""
        word = self.stream[slice(*self.cuts[place])]
        found = spellings.day_word(word)
        if found is None and place:
            pair = self.stream[self.cuts[place - 1][0] : self.cuts[place][1]]
            if self.raw[self.at[self.cuts[place - 1][1] - 1] + 1] in _APOSTROPHES:
                return spellings.day_word(pair), place - 1
        return found, place

    def _beside_a_number(self, place: int) -> bool:
        """Tell whether a word is written as one with a number: a letter that is a number elsewhere is a word."""
        around = self.cuts[max(place - 1, 0) : place + 2]
        return any(
            (self.stream[one[0]].isdecimal() or self.stream[two[0]].isdecimal()) and self.close(one[1], two[0])
            for one, two in pairwise(around)
        )

    def _is_small_word(self, place: int) -> bool:
        """
        Tell whether a word is the I of English, or the and of Serbian and Albanian, and no month: 1. I want; 1 i 2.

        It stands between blanks. With a day on one side and a year of four digits on the other it is a month all the
        same.
        """
        at = self.at[self.cuts[place][0]]
        is_one = self.raw[at] == "i" or (self.raw[at] == "I" and self.language == "en")
        if self.cuts[place][1] - self.cuts[place][0] > 1 or not is_one:
            return False
        around = [
            self.stream[slice(*cut)] for cut in (*self.cuts[place - 1 : place], *self.cuts[place + 1 : place + 2])
        ]
        is_date = len(around) == 2 and all(map(str.isdecimal, around)) and 4 in map(len, around)
        return not is_date and self.raw[at - 1 : at].isspace() and self.raw[at + 1 : at + 2].isspace()

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
def letters_of(char: str) -> str:
    """Return the letters and digits that ``char`` stands for, folded; empty for everything else."""
    char = _SYMBOLS.get(char, char)
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    # What looks like a Latin letter stays, to be compared as that.
    spread = unicodedata.normalize("NFKC", char)
    plain = fold("".join(one if ord(one) in spellings.LOOKALIKES else plain_letter(one) for one in spread))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain if c.isalnum())
