"""
Strict I-JSON (RFC 7493): one way to read it and one way to write it.

Rule 1: what two parsers could read differently is refused: a name twice, a float, an integer beyond 2^53 - 1, a lone
surrogate, a byte order mark, bytes after the value.
Rule 2: what is signed is the exact bytes; nothing here rewrites them. ``dumps`` is for values that are new.

The scanner is the C one of the standard library. What it would let through is caught by its hooks, and what it would
recurse into is measured beforehand without recursion (``docs/protocol.md`` section 3). What is written as we write it
is read faster, by ``orjson``, and to the same effect.
"""

import json
import re
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 16
"""Objects and arrays within one another, the outermost counted. A message needs seven."""

MAX_INT = 2**53 - 1
"""The largest integer that every JSON implementation holds exactly (RFC 7493 section 2.2)."""

_INT_CHARACTERS = len(str(-MAX_INT))

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{}')

# Surrogates and noncharacters, which RFC 7493 section 2.1 forbids in names and strings.
_FORBIDDEN = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


# In an object without white space outside of strings, a number follows one of these. Inside a string it is a false
# alarm. A number that is the whole text is no object, and refused as that.
_FRACTION = re.compile(rb"[:\[,]-?[0-9]+[.eE]")
# Without digits and signs such a number leaves what stands before and behind it side by side. Looking for that first
# takes a third of the time, and what it finds within a string is rare.
_SIDE_BY_SIDE = bytes.maketrans(b":[eE", b",,..")
_OF_NUMBERS = b"-0123456789"

_HIGH_BYTES = bytes(range(0xED, 0x100))
"""First bytes, in UTF-8, of characters from U+D000 on; all that is forbidden begins with one of them."""


class BadJson(ValueError):
    """Say that bytes are not strict I-JSON; ``reason`` says why and quotes nothing of what was read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def loads(raw: bytes, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """
    Return the object that ``raw`` holds: UTF-8, one JSON object, white space around it allowed.

    Raises ``BadJson``. Time and memory stay linear in the length of ``raw``, whatever it holds.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJson("not UTF-8") from None
    if text.startswith("\ufeff"):
        raise BadJson("begins with a byte order mark")
    _check_depth(raw, max_depth)
    value = _canonical(raw)
    if value is None:
        try:
            value = _DECODER.decode(text)
        except BadJson:
            raise
        except (ValueError, RecursionError):
            raise BadJson("not JSON") from None
    if not isinstance(value, dict):
        raise BadJson("not an object")
    if "\\u" in text:  # an escape may stand for what UTF-8 cannot say
        text += _ENCODER.encode(value)
    _check_characters(text, raw)
    return value


def dumps(value: object) -> bytes:
    """
    Return ``value`` as UTF-8 without white space, members in the order of insertion.

    Raises ``BadJson`` for what ``loads`` would refuse, the outermost kind excepted: here it may be any.
    """
    _check_value(value, MAX_DEPTH)
    text = _ENCODER.encode(value)
    raw = text.encode("utf-8", "surrogatepass")
    _check_characters(text, raw)
    return raw


def _check_depth(raw: bytes, max_depth: int) -> None:
    """Refuse brackets nested too deep. What is no JSON may pass, or be called too deep: either way it is refused."""
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return
    if b"\\" in raw:  # without escapes, every second piece between quotation marks is outside the strings
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(raw.translate(_BRACKETS, _NOT_STRUCTURE).split(b'"')[::2])
    for _ in range(max_depth):  # each round takes away the innermost pairs, so what is left after n is deeper than n
        if not outside:
            return
        outside = outside.replace(b"[]", b"")
    if outside:
        raise BadJson(f"nested deeper than {max_depth}, or not balanced")


def _canonical(raw: bytes) -> object:
    """
    Return what ``raw`` holds if it is written as we write it ourselves, or ``None``; most of what arrives is.

    A library reads it in a third of the time and is not strict. But what it writes again byte for byte has no name
    twice, no integer beyond its bounds and no other form of a number; fractions alone would come back as they were.
    """
    try:
        value: object = orjson.loads(raw)
        same = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) == raw
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return value if same and not _has_fraction(raw) else None


def _has_fraction(raw: bytes) -> bool:
    """Return whether a number with a fraction or an exponent may stand in ``raw``, which is as ``orjson`` writes it."""
    return b",." in raw.translate(_SIDE_BY_SIDE, _OF_NUMBERS) and _FRACTION.search(raw) is not None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson("a name twice in one object")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _INT_CHARACTERS or not -MAX_INT <= (number := int(digits)) <= MAX_INT:
        raise BadJson("an integer beyond 2^53 - 1")
    if digits == "-0":
        raise BadJson("a negative zero")
    return number


def _refuse_float(_: str) -> NoReturn:
    raise BadJson("a number that is not an integer")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_refuse_float, parse_constant=_refuse_float
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))


def _check_characters(text: str, raw: bytes) -> None:
    """
    Refuse what RFC 7493 forbids in ``text``.

    ``raw`` is its UTF-8, or what it was read from: where no byte begins a character from U+D000 on, and no escape was
    read, there is nothing to look for.
    """
    if text.isascii() or (b"\\u" not in raw and len(raw.translate(None, _HIGH_BYTES)) == len(raw)):
        return
    if _FORBIDDEN.search(text):
        raise BadJson("a surrogate or noncharacter in a string")


def _check_value(value: object, depth: int) -> None:
    if isinstance(value, str) or value is None or value is True or value is False:
        return
    elif isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            raise BadJson("an integer beyond 2^53 - 1")
    elif not isinstance(value, dict | list | tuple):
        raise BadJson(f"a value of the kind {type(value).__name__}")
    elif depth == 0:
        raise BadJson(f"nested deeper than {MAX_DEPTH}")
    elif isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                raise BadJson("a name that is not a string")
            if type(member) is not str:
                _check_value(member, depth - 1)
    else:
        for member in value:
            if type(member) is not str:
                _check_value(member, depth - 1)
