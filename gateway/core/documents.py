"""
Travel and identity documents as ICAO Doc 9303 describes them: check digits and the machine readable zone.

Rule 1: a zone is read whole or not at all. A wrong check digit is an error, never a guess at the right character.
Rule 2: what is read is the document. Who holds it stands in the zone too, is checked, and goes no further.
Rule 3: an error names the place in the zone, never what stands there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from keys import b64

FILLER = "<"

KINDS = frozenset("ACIPV")
"""
First letters of the document codes of Doc 9303 (parts 4 to 7): identity card, passport, visa.

What stands behind it says more of the kind, or is the issuer's own.
"""

STATUS_CODES = frozenset({"XXA", "XXB", "XXC"})
"""Nationality codes of Doc 9303 part 3 section 5 that say a status instead of a State; they never leave."""

STATUS_TYPES = frozenset({"PR", "PS", "PT"})
"""Document codes of Doc 9303 part 4 section 4.4 for refugees, stateless persons and aliens; they never leave either."""

_WEIGHTS = (7, 3, 1)
_ALPHABET = re.compile(r"[0-9A-Z<]+", re.ASCII)
_LETTERS = re.compile(r"[A-Z<]+", re.ASCII)
_DATE = re.compile(r"([0-9]{2}|<<)(0[1-9]|1[0-2]|<<)(0[1-9]|[12][0-9]|3[01]|<<)", re.ASCII)


class BadMrz(ValueError):
    """Say that a machine readable zone, or a part of one, is not what Doc 9303 allows."""


@dataclass(frozen=True, slots=True)
class Mrz:
    """
    The document that a machine readable zone is printed on: its code, its issuer and its number, without fillers.

    The zone says who holds it, too. That is checked and goes no further: nobody has asked for it here.
    """

    document_code: str
    issuer: str
    number: str


def check_digit(text: str) -> str:
    """
    Return the check digit of ``text``: weights 7, 3, 1, modulus 10 (Doc 9303 part 3, section 4.9).

    Raises:
        BadMrz: ``text`` is empty or has something other than 0-9, A-Z and the filler.
    """
    if _ALPHABET.fullmatch(text) is None:
        raise BadMrz("only digits, capital letters A to Z and fillers have a check digit")
    values = (0 if char == FILLER else int(char, 36) for char in text)
    return str(sum(value * _WEIGHTS[place % 3] for place, value in enumerate(values)) % 10)


def verify_number(number: str, digit: str) -> None:
    """
    Return if ``digit`` is the check digit of the document number ``number``.

    Raises:
        BadMrz: it is another one, or the number has no check digit.
    """
    _verify("document number", number, digit)


def _verify(name: str, text: str, digit: str) -> None:
    if check_digit(text) != digit:
        raise BadMrz(f"the check digit of the {name} is wrong")


def parse_mrz(lines: Sequence[str]) -> Mrz:
    """
    Return what the two or three ``lines`` of a zone say.

    Three lines of 30 characters are a TD1, two of 36 a TD2, two of 44 a TD3; with the code V the two-line forms are
    the visas MRV-B and MRV-A, which have no digit over the whole (Doc 9303 parts 4 to 7).

    Raises:
        BadMrz: the lengths fit no form, a character is not allowed, or a check digit is wrong.
    """
    shape = (len(lines), len(lines[0]) if lines else 0)
    if shape not in ((3, 30), (2, 36), (2, 44)) or len({len(line) for line in lines}) != 1:
        raise BadMrz("a zone has three lines of 30, two of 36 or two of 44 characters")
    if any(_ALPHABET.fullmatch(line) is None for line in lines):
        raise BadMrz("a zone has digits, capital letters A to Z and fillers only")
    if shape == (3, 30):
        return _parse_td1(*lines)
    return _parse_two_lines(lines[0], lines[1])


def _parse_td1(first: str, second: str, third: str) -> Mrz:
    """
    Return what a TD1 says (part 5, section 4.2).

    Line 1: code 2, issuer 3, number 9, digit, optional 15. Line 2: birth 6, digit, sex, expiry 6, digit,
    nationality 3, optional 11, digit over all. Line 3: name 30.
    """
    number = _number(first[5:14], first[14], first[15:30])
    _verify("whole zone", first[5:30] + second[0:7] + second[8:15] + second[18:29], second[29])
    _verify_holder(first[:5], third, second[15:18], second[0:7], second[7], second[8:15])
    return Mrz(_text(first[:2]), _text(first[2:5]), number)


def _parse_two_lines(first: str, second: str) -> Mrz:
    """
    Return what a TD2, a TD3 or a visa says (parts 6, 4 and 7).

    Line 1: code 2, issuer 3, name. Line 2: number 9, digit, nationality 3, birth 6, digit, sex, expiry 6, digit,
    optional; a TD3 ends with a digit over the optional data and one over all, a TD2 with one over all.
    """
    visa, long = first[0] == "V", len(first) == 44
    if not visa:
        _verify("whole zone", second[0:10] + second[13:20] + second[21:-1], second[-1])
    if long and not visa and (second[42] != FILLER or second[28:42].strip(FILLER)):
        _verify("optional data", second[28:42], second[42])
    if long or visa:
        verify_number(second[0:9], second[9])
        number = _text(second[0:9])
    else:
        number = _number(second[0:9], second[9], second[28:35])
    _verify_holder(first[:5], first[5:], second[10:13], second[13:20], second[20], second[21:28])
    return Mrz(_text(first[:2]), _text(first[2:5]), number)


def _number(field: str, digit: str, optional: str) -> str:
    """
    Return the document number.

    A number of more than nine characters goes on in the optional data, with its digit behind it and a filler in the
    digit's usual place (parts 5 and 6, note j).
    """
    if digit != FILLER or FILLER in field:
        verify_number(field, digit)
        return _text(field)
    more = optional.partition(FILLER)[0]
    if len(more) < 2:
        raise BadMrz("a long document number goes on in the optional data and has a check digit there")
    verify_number(field + more[:-1], more[-1])
    return field + more[:-1]


def _verify_holder(head: str, name: str, nationality: str, birth: str, sex: str, expiry: str) -> None:
    """Return if the rest of a zone is well formed; ``birth`` and ``expiry`` have their check digit behind them."""
    for label, field in (("date of birth", birth), ("date of expiry", expiry)):
        _verify(label, field[:6], field[6])
        if _DATE.fullmatch(field[:6]) is None:
            raise BadMrz(f"the {label} is no date")
    if sex not in ("M", "F", FILLER):
        raise BadMrz("the sex is M, F or a filler")
    if head[0] not in KINDS:
        raise BadMrz("the document code begins with A, C, I, P or V")
    if not all(_LETTERS.fullmatch(field) for field in (head, nationality, name)):
        raise BadMrz("codes and names have letters and fillers only")
    if not name.strip(FILLER):
        raise BadMrz("a name has a first part")


def _text(field: str) -> str:
    """Return ``field`` with fillers as single spaces and none at the ends."""
    return " ".join(part for part in field.split(FILLER) if part)


def number_digest(thread: str, number: str) -> str:
    """
    Return how a travel document is named in a message: SHA-256 of the thread's 16 bytes and ``number`` as printed.

    So both States mean one document, and the same number looks different in every thread (protocol M-3.13).
    """
    return b64.encode(sha256(b64.decode(thread) + number.encode()).digest())
