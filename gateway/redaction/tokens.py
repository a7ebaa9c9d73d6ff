"""Cut a text into words, numbers and marks, each with its place in the text."""

import re
from dataclasses import dataclass

from gateway.redaction.fold import fold

_SIGNS = r"\u0300-\u036f\u0610-\u061a\u064b-\u0652\u0670"
_WORD = rf"[^\W_][\w{_SIGNS}]*"
_TOKEN = re.compile(rf"{_WORD}(?:['’ʼ‘`]{_WORD})*|[^\s]")
# French and Albanian write short words before a vowel with an apostrophe; English and Ukrainian words keep theirs.
_ELISION = re.compile(r"(?:[ldsnmtcjLDSNMTCJ]|qu|Qu|QU|jusqu|lorsqu|puisqu)['’ʼ‘`](?=\w{2})")


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or mark: ``text[start:end]``, its folded form, and whether a line begins with it."""

    start: int
    end: int
    text: str
    folded: str
    first_of_line: bool

    @property
    def is_word(self) -> bool:
        """Tell whether this is letters or digits, not a mark."""
        return self.text[0].isalnum()


def tokens(text: str) -> list[Token]:
    """Return the tokens of ``text``, in order; what lies between two of them is white space."""
    found: list[Token] = []
    last = 0
    for match in _TOKEN.finditer(text):
        first = not found or "\n" in text[last : match.start()]
        last = match.end()
        start, word = match.start(), match.group()
        cut = _ELISION.match(word)
        if cut:
            found.append(Token(start, start + cut.end(), cut.group(), fold(cut.group()), first))
            start, word, first = start + cut.end(), word[cut.end() :], False
        found.append(Token(start, match.end(), word, fold(word), first))
    return found


_END = frozenset(".!?؟…;؛\u0964:•")

_TITLES = frozenset(
    "dr dra prof sgt insp supt det lt plt kom kap cms cpt mr mrs ms mme mlle sra srta hna hno dna dl gosp abg adv avv "
    "znj rev dott Cap Col Gen Lic Ing Av Sr Fr Mag Doc інсп инсп проф адв кап лейт полк госп гр др Ген Пом Ст".split()
)
"""Titles as they are cut short before a name; in small letters also where a sentence does not begin with them."""


def sentences(found: list[Token]) -> list[tuple[int, int]]:
    """Return the sentences as ranges of token numbers; a line break ends one, an abbreviation's dot does not."""
    # Typed in haste: nothing that may be a sentence begins with a capital, whatever names have one.
    hasty = not any(
        token.text[0].isupper() and (token.first_of_line or found[i - 1].text in _END) for i, token in enumerate(found)
    )
    ranges, begin = [], 0
    for i, token in enumerate(found):
        new_line = token.first_of_line and i > begin and not _carries_on(found, i)
        if new_line:
            ranges.append((begin, i))
            begin = i
        if token.text in _END and token.text not in (":", "•") and _ends(found, i, hasty=hasty):
            ranges.append((begin, i + 1))
            begin = i + 1
    if begin < len(found):
        ranges.append((begin, len(found)))
    return ranges


def _carries_on(found: list[Token], i: int) -> bool:
    # A name or number broken over a line: the line before ends without a mark and this one begins small.
    return found[i].text[0].islower() or (found[i - 1].text == "-" and found[i - 1].end == found[i - 1].start + 1)


def _ends(found: list[Token], i: int, *, hasty: bool) -> bool:
    if found[i].text != ".":
        return True
    before = found[i - 1] if i else None
    after = found[i + 1] if i + 1 < len(found) else None
    if after is None:
        return True
    if after.start == found[i].end:
        return False
    if hasty:
        return bool(before and len(before.text) > 2)
    if after.text[0].islower():
        return False
    return not (before and after.text[0].isupper() and _cut_short(before.text))


_VOWEL = re.compile("[aeiouyаеиоуыэюяєіїё]")


def _cut_short(word: str) -> bool:
    """Tell whether the dot behind ``word`` is that of an initial (N.), a title (Insp.) or a short name (Mtz.)."""
    if word in _TITLES or word.lower() in _TITLES:
        return True
    return word[0].isupper() and (len(word) <= 2 or (word[1:].islower() and not _VOWEL.search(word.lower())))
