"""The printed form: parts that join to the same bytes, and faults that are named."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.printed_form import PART_CHARS, Kind, form_text, parse_parts, serialize_parts

RAW = bytes(range(256)) * 36


@given(raw=st.binary(min_size=1, max_size=9349), kind=st.sampled_from(Kind))
def test_parts_join_to_the_same_bytes(raw: bytes, kind: Kind) -> None:
    """Whatever is printed is read again, in another order and scanned twice."""
    parts = serialize_parts(kind, raw)
    assert (kind, raw) == parse_parts([*reversed(parts), parts[0], ""])


def test_every_part_is_alphanumeric() -> None:
    """A part holds only what a QR code writes in its alphanumeric mode, and is no longer than one code holds."""
    for part in serialize_parts(Kind.MESSAGE, RAW):
        assert re.fullmatch(r"[0-9A-Z:]+", part)
        assert len(part) <= PART_CHARS + 40


def test_the_same_bytes_give_the_same_form() -> None:
    """Nothing of time or place is on it; its digest is in groups to read aloud."""
    once, again = (form_text(Kind.MESSAGE, RAW, "XAA", "XBB") for _ in range(2))
    assert once == again
    assert re.search(r"SHA-256: (?:[0-9A-F]{4} ){15}[0-9A-F]{4}\n", once)


PARTS = list(serialize_parts(Kind.MESSAGE, RAW))
OTHER = list(serialize_parts(Kind.MESSAGE, RAW[1:]))
FAULTS = {
    "nothing": ([], "none"),
    "no part": (["hello"], "no part"),
    "missing": (PARTS[:-1], "missing"),
    "two forms": ([*PARTS, OTHER[0]], "several forms"),
    "misread": ([PARTS[0][:-1] + ("A" if PARTS[0][-1] != "A" else "B"), *PARTS[1:]], "digest"),
    "read in two ways": ([*PARTS, PARTS[0][:-1] + ("A" if PARTS[0][-1] != "A" else "B")], "two ways"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(name: str) -> None:
    """A form that is not whole is refused with the part at fault."""
    lines, because = FAULTS[name]
    with pytest.raises(ValueError, match=because):
        parse_parts(lines)
