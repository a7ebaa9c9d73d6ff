"""Strict I-JSON: what two parsers could read differently is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ijson
from schemas.ijson import MAX_INT, BadJson
from tests.support.rows import for_each

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_round_trip(value: dict[str, Any]) -> None:
    """Whatever is written is read back, in the same order."""
    raw = ijson.dumps(value)
    assert value == ijson.loads(raw)
    assert list(value) == list(ijson.loads(raw))
    assert raw == ijson.dumps(ijson.loads(raw))


@given(st.dictionaries(TEXT, VALUES, max_size=4), st.booleans())
def test_reads_what_json_writes(value: dict[str, Any], ascii_only: bool) -> None:
    """The library's own writing, with spaces and with or without escapes, is read as the library reads it."""
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=1).encode()
    assert value == ijson.loads(raw)


@given(st.text(alphabet=':[,-09.eE"x', max_size=8).map(str.encode))
def test_a_fraction_is_found_as_its_pattern_says(raw: bytes) -> None:
    """What is looked for first, because it takes less, passes over nothing."""
    assert bool(ijson._FRACTION.search(raw)) == ijson._has_fraction(raw)


@given(st.text(alphabet='{}[]",:\\u0019a-.e \n\x00\u00e9', max_size=40))
def test_agrees_with_json(text: str) -> None:
    """What is read at all is read as the standard library reads it."""
    try:
        value = ijson.loads(text.encode())
    except BadJson:
        return
    assert json.loads(text) == value


@given(st.binary(max_size=60))
def test_bytes_at_random(raw: bytes) -> None:
    """Bytes at random raise nothing but ``BadJson``."""
    try:
        ijson.loads(raw)
    except BadJson:
        return


def test_dumps_is_compact_utf8() -> None:
    """No spaces, no escapes that need not be, order of insertion."""
    assert '{"b":[1,true,null],"a":"é\\n"}'.encode() == ijson.dumps({"b": [1, True, None], "a": "é\n"})


REFUSED = {
    "empty": b"",
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "latin 1": b'{"a":"\xe9"}',
    "overlong": b'{"a":"\xc0\xaf"}',
    "surrogate as bytes": b'{"a":"\xed\xa0\x80"}',
    "surrogate as escape": b'{"a":"\\ud800"}',
    "low surrogate first": b'{"a":"\\udc00\\ud800"}',
    "surrogate in a name": b'{"\\uDBFF":1}',
    "noncharacter": '{"a":"\ufffe"}'.encode(),
    "noncharacter as escape": b'{"a":"\\uffff"}',
    "noncharacter as pair": b'{"a":"\\ud83f\\udfff"}',
    "name twice": b'{"a":1,"a":1}',
    "name twice, escaped": b'{"a":1,"\\u0061":1}',
    "name twice, deep": b'{"a":[{"b":{},"b":{}}]}',
    "float": b'{"a":1.0}',
    "exponent": b'{"a":1e2}',
    "negative zero": b'{"a":-0}',
    "leading zero": b'{"a":01}',
    "plus": b'{"a":+1}',
    "too large": b'{"a":9007199254740992}',
    "too small": b'{"a":-9007199254740992}',
    "very long integer": b'{"a":' + b"9" * 100_000 + b"}",
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":Infinity}',
    "minus infinity": b'{"a":-Infinity}',
    "other whitespace": b'{"a":\x0c1}',
    "no-break space": '\u00a0{"a":1}'.encode(),
    "bytes after": b'{"a":1}x',
    "object after": b'{"a":1}{}',
    "zero after": b'{"a":1}\x00',
    "cut short": b'{"a":1',
    "comma at the end": b'{"a":1,}',
    "comment": b'{"a":1/**/}',
    "single quotes": b"{'a':1}",
    "bare name": b"{a:1}",
    "control character": b'{"a":"\x01"}',
    "line break in a string": b'{"a":"\n"}',
    "escape not known": b'{"a":"\\x41"}',
    "escape cut short": b'{"a":"\\u00e"}',
    "crossed brackets": b'{"a":[1}]',
    "list": b"[]",
    "string": b'"a"',
    "number": b"1",
    "null": b"null",
}


@for_each("raw", REFUSED.values(), ids=REFUSED.keys())
def test_refused(raw: bytes) -> None:
    """Each of these is read differently by somebody, and refused."""
    with pytest.raises(BadJson) as caught:
        ijson.loads(raw)
    assert caught.value.reason == str(caught.value)


@pytest.mark.parametrize("number", [0, 1, -1, MAX_INT, -MAX_INT])
def test_integers_at_the_bounds(number: int) -> None:
    """Integers up to 2^53 - 1 in magnitude are read."""
    assert {"a": number} == ijson.loads(b'{"a":%d}' % number)


def test_spaces_around_and_between() -> None:
    """White space of JSON may stand where JSON allows it: an answer is padded with spaces."""
    assert {"a": [1]} == ijson.loads(b' {\t"a" :\r\n[ 1 ] } ' + b" " * 4096)


def test_pair_of_surrogates_is_one_character() -> None:
    """Escapes may write a character beyond the first plane."""
    assert {"a": "\U0001f600"} == ijson.loads(b'{"a":"\\ud83d\\ude00"}')


@pytest.mark.parametrize("text", ["[" * 40, "]}" * 40, '\\"[' * 20, "\\\\", '\\\\"' * 9, "\\"])
def test_brackets_in_strings_are_not_depth(text: str) -> None:
    """What stands in a string, escaped or not, nests nothing."""
    value = {text: text, "a": [[text], {text: [text]}]}
    assert value == ijson.loads(json.dumps(value).encode())


def _nested(depth: int, opening: str, closing: str) -> bytes:
    inner = depth - 1
    return ('{"a":' + opening * inner + "1" + closing * inner + "}").encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"[":', "}]")])
def test_depth(opening: str, closing: str) -> None:
    """Sixteen levels are read, seventeen are not, whatever they are made of and however many stand side by side."""
    levels = 2 if opening.startswith("[{") else 1
    allowed = _nested(1 + (ijson.MAX_DEPTH - 1) // levels, opening, closing)
    assert ijson.loads(allowed)
    assert ijson.loads(b'{"x":[' + b"[]," * 99 + b'{}],"y":' + allowed[5:])
    with pytest.raises(BadJson, match="nested"):
        ijson.loads(_nested(2 + ijson.MAX_DEPTH // levels, opening, closing))


def test_depth_of_the_caller() -> None:
    """A caller may allow less."""
    assert ijson.loads(b'{"a":[]}', max_depth=2)
    with pytest.raises(BadJson, match="nested"):
        ijson.loads(b'{"a":[[]]}', max_depth=2)


HOSTILE = {
    "open lists": b"[" * (1 << 20),
    "open objects": b'{"a":' * 200_000,
    "closed lists": b"[" * 500_000 + b"]" * 500_000,
    "closed again and again": b'{"a":[' + b"[]," * 300_000 + b"[]",
    "escapes": b'{"a":"' + b'\\"[' * 300_000,
    "quotes": b'"' * (1 << 20),
}


@pytest.mark.timeout(100)
@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_megabyte(raw: bytes) -> None:
    """A megabyte made to exhaust the reader is refused like any other."""
    with pytest.raises(BadJson):
        ijson.loads(raw)


NOT_WRITTEN = {
    "float": {"a": 1.0},
    "NaN": {"a": float("nan")},
    "large": {"a": [2**53]},
    "surrogate": {"a": "\ud800"},
    "surrogate in a name": {"\ud800": 1},
    "noncharacter": {"a": "\U0010ffff"},
    "bytes": {"a": b"a"},
    "set": {"a": {1}},
    "name is a number": {1: 1},
    "name is null": {None: 1},
}


@pytest.mark.parametrize("value", NOT_WRITTEN.values(), ids=NOT_WRITTEN.keys())
def test_not_written(value: dict[Any, Any]) -> None:
    """What would not be read is not written."""
    with pytest.raises(BadJson):
        ijson.dumps(value)


def test_not_written_too_deep() -> None:
    """What is nested deeper than is read is not written; a value that holds itself is the extreme of it."""
    value: list[Any] = []
    for _ in range(ijson.MAX_DEPTH - 1):
        value = [value]
    assert ijson.dumps(value)
    with pytest.raises(BadJson, match="nested"):
        ijson.dumps([value])
    value.append(value)
    with pytest.raises(BadJson, match="nested"):
        ijson.dumps(value)


TOKENS = (
    "1",
    "-0",
    "-1",
    "1e5",
    "1e-7",
    "1E300",
    "1.5",
    "-0.0",
    "9007199254740991",
    "9007199254740992",
    "null",
    "true",
)
STRINGS = ('"a"', '"1e5"', '"x.5"', '"\\u0061"', '"\\ud800"', '"\uffff"', '"\u00e9"', '"\\n"', '"\\/"')
WRITTEN = st.recursive(
    st.sampled_from((*TOKENS, *STRINGS)),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(('"a"', '"b"', '"\\u0061"')), inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{name}:{value}" for name, value in pairs) + "}"
        )
    ),
    max_leaves=12,
)


@given(WRITTEN)
def test_what_is_read_faster_is_read_alike(text: str) -> None:
    """Bytes as we write them take another way; a space behind them does not, and value or refusal are the same."""
    raw = f'{{"k":{text}}}'.encode()
    found = []
    for each in (raw, raw + b" "):
        try:
            found.append(repr(ijson.loads(each)))
        except ijson.BadJson as error:
            found.append(error.reason)
    assert found[0] == found[1]
