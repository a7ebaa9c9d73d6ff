"""
Travel and identity documents as ICAO Doc 9303 describes them: check digits and the machine readable zone.

Rule 1: a zone is read whole or not at all. A wrong check digit is an error, never a guess at the right character.
Rule 2: what is read keeps the spelling of the zone. Putting it beside a register is for ``names`` and for people.
Rule 3: an error names the place in the zone, never what stands there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from gateway.core.edtf import parse
from keys import b64

FILLER = "<"

DOCUMENT_TYPES: Mapping[str, str] = {
    "P": "Passport",
    "PP": "Ordinary passport",
    "PD": "Diplomatic passport",
    "PO": "Official or service passport",
    "PE": "Emergency passport",
    "I": "Identity card",
    "A": "Identity card",
    "C": "Identity card",
    "IP": "Passport card",
    "AC": "Crew member certificate",
    "V": "Visa",
}
"""
Document codes that mean the same everywhere (Doc 9303 parts 4, 5, 6 and 7).

The second letter after I, A and C is the issuer's own, apart from the two above, so an unknown pair is read by its
first letter.
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
    What a machine readable zone says.

    ``format`` is ``TD1``, ``TD2``, ``TD3``, ``MRV-A`` or ``MRV-B``. ``birth`` and ``expiry`` are YYMMDD with ``<<`` for
    an unknown part. ``sex`` is ``M``, ``F`` or ``X`` (unspecified). ``truncated``: the name fills its field, so parts
    of it may be missing. ``optional`` is the issuer's own data, fillers stripped.
    """

    format: str
    document_code: str
    issuer: str
    number: str
    nationality: str
    birth: str
    sex: str
    expiry: str
    family: str
    given: str
    truncated: bool
    optional: tuple[str, ...]

    def birth_date(self, latest: date) -> str | None:
        """
        Return the date of birth as EDTF, in the latest century that is not after ``latest``, or ``None`` if unknown.

        A zone has two digits for the year; whose birthday was more than a century ago needs the printed date.
        """
        return date_of_birth(self.birth, latest)


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


def describe_type(code: str) -> str | None:
    """Return what kind of document ``code`` (one or two letters) is, or ``None`` if that is not said anywhere."""
    return DOCUMENT_TYPES.get(code) or DOCUMENT_TYPES.get(code[:1])


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
    number, optional = _number(first[5:14], first[14], first[15:30])
    _verify("whole zone", first[5:30] + second[0:7] + second[8:15] + second[18:29], second[29])
    rest = (optional, _text(second[18:29]))
    return _build("TD1", first[:5], third, number, second[15:18], second[0:7], second[7], second[8:15], rest)


def _parse_two_lines(first: str, second: str) -> Mrz:
    """
    Return what a TD2, a TD3 or a visa says (parts 6, 4 and 7).

    Line 1: code 2, issuer 3, name. Line 2: number 9, digit, nationality 3, birth 6, digit, sex, expiry 6, digit,
    optional; a TD3 ends with a digit over the optional data and one over all, a TD2 with one over all.
    """
    long, visa = len(first) == 44, first[0] == "V"
    if visa:
        form, own = ("MRV-A" if long else "MRV-B"), second[28:]
    else:
        form, own = ("TD3", second[28:42]) if long else ("TD2", second[28:35])
        _verify("whole zone", second[0:10] + second[13:20] + second[21:-1], second[-1])
    if form == "TD3" and (second[42] != FILLER or own.strip(FILLER)):
        _verify("optional data", own, second[42])
    if form == "TD2":
        number, optional = _number(second[0:9], second[9], own)
    else:
        verify_number(second[0:9], second[9])
        number, optional = _text(second[0:9]), _text(own)
    return _build(
        form, first[:5], first[5:], number, second[10:13], second[13:20], second[20], second[21:28], (optional,)
    )


def _number(field: str, digit: str, optional: str) -> tuple[str, str]:
    """
    Return the document number and what is left of the optional data.

    A number of more than nine characters goes on in the optional data, with its digit behind it and a filler in the
    digit's usual place (parts 5 and 6, note j).
    """
    if digit != FILLER or FILLER in field:
        verify_number(field, digit)
        return _text(field), _text(optional)
    more, _, left = optional.partition(FILLER)
    if len(more) < 2:
        raise BadMrz("a long document number goes on in the optional data and has a check digit there")
    verify_number(field + more[:-1], more[-1])
    return field + more[:-1], _text(left)


def _build(
    form: str,
    head: str,
    name: str,
    number: str,
    nationality: str,
    birth: str,
    sex: str,
    expiry: str,
    optional: tuple[str, ...],
) -> Mrz:
    """Return the zone from its fields; ``birth`` and ``expiry`` still have their check digit behind them."""
    for label, field in (("date of birth", birth), ("date of expiry", expiry)):
        _verify(label, field[:6], field[6])
        if _DATE.fullmatch(field[:6]) is None:
            raise BadMrz(f"the {label} is no date")
    if sex not in ("M", "F", FILLER):
        raise BadMrz("the sex is M, F or a filler")
    if head[0] not in "ACIPV":
        raise BadMrz("the document code begins with A, C, I, P or V")
    if not all(_LETTERS.fullmatch(field) for field in (head, nationality, name)):
        raise BadMrz("codes and names have letters and fillers only")
    family, _, given = name.strip(FILLER).partition(FILLER * 2)
    if not family:
        raise BadMrz("a name has a first part")
    return Mrz(
        form,
        _text(head[:2]),
        _text(head[2:]),
        number,
        _text(nationality),
        birth[:6],
        "X" if sex == FILLER else sex,
        expiry[:6],
        _text(family),
        _text(given),
        not name.endswith(FILLER),
        optional,
    )


def _text(field: str) -> str:
    """Return ``field`` with fillers as single spaces and none at the ends."""
    return " ".join(part for part in field.split(FILLER) if part)


def date_of_birth(field: str, latest: date) -> str | None:
    """
    Return the YYMMDD ``field`` of a zone as EDTF, or ``None`` if even the year is unknown.

    Raises:
        BadMrz: it is no date.
    """
    found = _DATE.fullmatch(field)
    if found is None:
        raise BadMrz("the date of birth is no date")
    year, month, day = (part.replace(FILLER, "X") for part in found.groups())
    if year == "XX":
        return None
    century = latest.year // 100
    for two in (f"{century:02}", f"{century - 1:02}"):
        text = f"{two}{year}" if month == "XX" else f"{two}{year}-{month}-{day}"
        try:
            if parse(text).lower <= latest:
                return text
        except ValueError:
            continue
    raise BadMrz("the date of birth is no date")


def number_digest(thread: str, number: str) -> str:
    """
    Return how a travel document is named in a message: SHA-256 of the thread's 16 bytes and ``number`` as printed.

    So both States mean one document, and the same number looks different in every thread (protocol M-3.13).
    """
    return b64.encode(sha256(b64.decode(thread) + number.encode()).digest())
