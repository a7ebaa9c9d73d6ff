"""
What has a form of its own: addresses of mail, accounts, telephone numbers, accounts of banks, positions, plates, dates.

Rule 1: a pattern may find too much, and never decides that something is harmless: no checksum lets a number pass.
Rule 2: the exchange's own references (``NV-2025-0041``) and amounts of money are not identifying and are left.
"""

import re
from dataclasses import dataclass

from gateway.redaction.fold import _DIGITS


@dataclass(frozen=True, slots=True)
class Hit:
    """``text[start:end]`` has the form of ``kind``; ``sure`` when nothing harmless has it."""

    start: int
    end: int
    kind: str
    sure: bool


_O = r"[0-9OoIl|]"
_GAP = r"[\s.\-–/()\u00a0]{0,3}"
_OWN = re.compile(r"\b(?:NV|RA)-\d{4}-\d{3,6}\b")
_MONEY = re.compile(
    r"(?:€|\$|£|\b(?:eur|euros?|euro|usd|gbp|lek[ëe]?|lei|leva|mdl|din(?:ara?)?|дин\w*|грн\w*|гривен\w*|руб\w*|євро|евро|евра|يورو|دولار|دينار\w*|جنيه\w*))\s?"
    r"\d{1,3}(?:[\s.,\u00a0]?\d{3})*(?:[.,]\d{1,2})?(?!\d)"
    r"|(?<![\d.,])\d{1,3}(?:[\s.,\u00a0]?\d{3})*(?:[.,]\d{1,2})?\s?(?:€|\$|£|eur\b|euros?\b|usd\b|gbp\b|lek\w?\b|lei\b|leva\b|mdl\b|din(?:ara?)?\b|дин|грн|гривен|руб|євро|евро|евра|يورو|دولار|دينار|جنيه)",
    re.I,
)
_AT_WORD = (
    "at|arobase?|arroba|arond[aă]?|a rond|chez|собака|собачка|песик|равлик|ludo a|et|majmun(?:če|ce)?|мајмун(?:че)?|آت"
)
_AT = rf"(?:\s?(?:@|\(at\)|\[at\]|\{{at\}}|\s(?:{_AT_WORD})\s)\s?)"
_DOT_WORD = "dot|punct|punto|point|pik[ëe]|ta[cč]ka|тачка|крапка|точка|نقطة|دوت"
_DOT = rf"(?:\.|\s?[(\[](?:{_DOT_WORD})[)\]]\s?|\s(?:{_DOT_WORD})\s)"
# Every repetition is bounded, so that no text of the longest length takes long, whatever it is made of.
_LOCAL = r"[\w.+\-%\u00c0-\u024f\u0400-\u04ff]{1,64}(?:\s?\(?dot\)?\s?[\w.+\-]{1,64}){0,4}"
_MAIL = re.compile(
    rf"{_LOCAL}{_AT}[\w\-]{{1,64}}(?:{_DOT}[\w\-]{{1,64}}){{0,8}}{_DOT}[a-zа-яء-ي]{{2,64}}"
    rf"|{_LOCAL}\s{{0,4}}@\s{{0,4}}[\w\-]{{1,64}}\s{{0,4}}\.\s{{0,4}}[\w\-.]{{1,250}}\w",
    re.I,
)
_URL = re.compile(
    r"(?:https?://|www\.)\S+[\w/]|\b(?:t\.me|wa\.me|vk\.com|fb\.com|fb\.me|facebook\.com|instagram\.com|tiktok\.com|x\.com|ok\.ru|m\.me|snapchat\.com)/[\w./\-@]+",
    re.I,
)
_MAP = re.compile(
    r"\b(?:geo:\S+|(?:https?://)?(?:maps?|osm|goo)\.[\w.\-]{1,250}/\S+|\S{0,250}/maps?/\S+|\S{0,250}[?&]q=-?\d\S*"
    r"|///\w{1,64}\.\w{1,64}\.\w{1,64}|(?<![\w.])[^\W\d_]{4,64}\.[^\W\d_]{4,64}\.[^\W\d_]{4,64}(?!\w|\.\w))",
    re.I,
)
_HANDLE = re.compile(r"(?<![\w.])@\s?[\w][\w.\-]{1,}\w|(?<![\w.])@[\w]{2,}")
_IBAN = re.compile(r"\b[A-Z]{2}\s?\d{2}(?:[\s\-]?[A-Z0-9]{2,4}){2,8}(?:[\s\-]?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(
    r"(?<!\d)(?:\d{4}[\s\-]?){3}\d{3,4}(?!\d)|(?<!\d)\d{4}[\s\-]?\d{6}[\s\-]?\d{5}(?!\d)"
    r"|(?<!\d)[\d*xX]{4}[\s\-][\d*xX]{4}[\s\-][\d*xX]{4}[\s\-]\d{4}(?!\d)"
)
_DMS = re.compile(
    r"\d{1,3}\s?°\s?\d{0,2}(?:[.,]\d+)?\s?[′'’ʹ]?\s?(?:\d{0,2}(?:[.,]\d+)?\s?[″\"”]?)?\s?[NSEWOВЕПСЮЗ]?(?:[\s,;]*\d{1,3}\s?°\s?\d{0,2}(?:[.,]\d+)?\s?[′'’ʹ]?\s?(?:\d{0,2}(?:[.,]\d+)?\s?[″\"”]?)?\s?[NSEWOВЕПСЮЗ]?)?"
)
_DECIMAL = re.compile(
    r"[NSEW]?\s?-?\d{1,3}[.,]\d{3,8}\s?°?\s?[NSEW]?\s?[,;/\s]\s?[NSEW]?\s?-?\d{1,3}[.,]\d{3,8}\s?°?\s?[NSEW]?"
)
_PHONE = re.compile(
    rf"(?:\+|\b00)\s?\(?{_O}(?:{_GAP}{_O}){{6,14}}|(?<![\w.,]){_O}(?:[\s.\-–/()]{{0,2}}{_O}){{6,14}}(?![\w])"
)
_DATE = re.compile(
    r"(?<![\d.])(?:\d{1,2}\s?[./\-]\s?\d{1,2}\s?[./\-]\s?(?:\d{4}|\d{2})|\d{4}[./\-]\d{1,2}[./\-]\d{1,2})(?![\d])"
)
_MIXED = re.compile(r"(?<![\w\-])(?=[\w\-/]{0,64}\d)(?=[\w\-/]{0,64}[^\W\d_])\w{1,64}(?:[\-/]\w{1,64}){0,8}(?!\w)")
_RUN = re.compile(r"\d(?:[\s().\-/+–]{0,2}\d){5,}")
_PLATE = re.compile(
    r"(?<![\w\-])[A-ZА-ЯІЇЄČĆŠŽĐ]{1,3}[\s\-]?\d{2,5}[\s\-]?[A-ZА-ЯІЇЄČĆŠŽĐ]{1,3}(?![\w])|(?<![\w\-])\d{1,4}[\s\-][A-ZА-Я]{2,3}(?:[\s\-]\d{2,4})?(?![\w])"
    r"|(?<![\w\-])[A-Z]{2}\d{2}\s[A-Z]{3}(?![\w])|(?<![\w\-])[A-Z]{1,2}\s\d{2,3}\s[A-Z]{3}(?![\w])"
)

_SURE = (
    ("EMAIL", _MAIL), ("GPS", _MAP), ("HANDLE", _URL), ("HANDLE", _HANDLE), ("BANK", _IBAN), ("BANK", _CARD),
    ("GPS", _DECIMAL), ("GPS", _DMS),
)  # fmt: skip
_UNSURE = (("PHONE", _PHONE), ("DATE", _DATE), ("PLATE", _PLATE), ("MIXED", _MIXED), ("RUN", _RUN))


def hits(text: str) -> list[Hit]:
    """Return what in ``text`` has a form, the sure ones first; those of one list may overlap those of another."""
    plain = text.translate(_DIGITS)
    free = [match.span() for pattern in (_OWN, _MONEY) for match in pattern.finditer(plain)]
    found = []
    for sure, table in ((True, _SURE), (False, _UNSURE)):
        for kind, pattern in table:
            for match in pattern.finditer(plain):
                start, end = match.span()
                if any(a <= start and end <= b for a, b in free) or end - start < 3:
                    continue
                if kind == "GPS" and pattern is _DMS and not re.search(r"\d\s?°\s?\d", match.group()):
                    continue
                if kind == "PHONE" and sum(c.isdigit() for c in match.group()) < 6:
                    continue
                found.append(Hit(start, end, kind, sure))
    return found


def own(text: str) -> list[tuple[int, int]]:
    """Return where the exchange's own references stand: they are never taken for a number of somebody's."""
    return [match.span() for match in _OWN.finditer(text)]
