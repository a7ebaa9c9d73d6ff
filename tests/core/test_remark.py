"""The pure part of a remark: one mark for all, words taken out and none put in, what a confirmation counts for."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.case import Case, Stop, parse_case, serialize_case
from gateway.core.messages import ELEMENTS, REQUEST
from gateway.core.preview import compose
from gateway.core.remark import (
    About,
    digest_of,
    is_confirmed,
    is_shortened,
    is_waiting,
    marked,
    still_stops,
    wire_fault,
)
from tests.core import support
from tests.core.support import AROUND, NOW, WRITTEN, draft, remark, take
from tests.support.rows import for_each


@pytest.mark.parametrize(
    ("text", "spans", "leaves"),
    [
        ("Ana waits.", [(0, 3)], "[...] waits."),
        ("Ask Ana, please.", [(4, 7)], "Ask [...], please."),
        ("Ana Ova waits", [(0, 3), (4, 7)], "[...] waits"),
        ("Ana, born 1994, waits", [(0, 3), (5, 14)], "[...], waits"),
        ("one\n two\tthree", [], "one two three"),
        ("e\u0301", [], "é"),
        ("Ana", [(0, 3)], "[...]"),
    ],
)
def test_one_mark_stands_for_whatever_was_taken_out(text: str, spans: list[tuple[int, int]], leaves: str) -> None:
    """Neither what kind of thing it was, nor how many stood together, can be read from it."""
    assert leaves == marked(text, [(start, end, "PERSON") for start, end in spans])


@pytest.mark.parametrize("spans", [[(2, 1, "X")], [(0, 99, "X")], [(0, 2, "X"), (1, 3, "X")], [(-1, 2, "X")]])
def test_spans_that_are_none_are_refused(spans: list[tuple[int, int, str]]) -> None:
    """What cannot be taken out is not left in."""
    with pytest.raises(ValueError, match="spans"):
        marked("Ana waits", spans)


@settings(deadline=None)
@given(
    words=st.lists(st.sampled_from(["ask", "her", "on", "weekdays", "[...]", "before", "noon"]), min_size=1),
    data=st.data(),
)
def test_words_may_be_taken_out(words: list[str], data: st.DataObject) -> None:
    """Any words may go, in any number, and the rest keeps its order."""
    kept = [word for word in words if data.draw(st.booleans())]
    assert is_shortened(" ".join(kept), " ".join(words)) is bool(kept)


@settings(deadline=None)
@given(words=st.lists(st.sampled_from(["ask", "her"]), min_size=1), at=st.integers(0, 5))
def test_no_word_may_be_put_in(words: list[str], at: int) -> None:
    """Not even one, wherever."""
    assert not is_shortened(" ".join([*words[:at], "now", *words[at:]]), " ".join(words))


@for_each(
    "text",
    [
        "",
        "a" * 501,
        "a\nb",
        "a\u202eb",
        "a\u200bb",
        "e\u0301",
        " a",
        "a ",
        "a\x00b",
        "\u2028",
        "a\ufe0fb",
        "a\u115fb",
        "a\U000e0100b",
        "a\U00016fe4b",
        "a\u2800b",
    ],
)
def test_what_is_no_remark_on_the_wire(text: str) -> None:
    """Control, bidirectional and invisible characters, other forms of a letter, and too much or too little of it."""
    assert wire_fault(text)


@pytest.mark.parametrize("text", ["a", "a" * 500, "لا یمکن", "می\u200cخواهم", "[...] waits — «yes»"])
def test_what_is_a_remark_on_the_wire(text: str) -> None:
    """Text of any script, with the joiners that Arabic letters are written with."""
    assert None is wire_fault(text)


RECORD = draft(remark=WRITTEN)


def test_a_confirmation_counts_for_what_was_confirmed() -> None:
    """Another text, another remark, another record, one that left or is held: each ends it."""
    good = remark(RECORD)
    assert is_confirmed(RECORD, good)
    assert not is_confirmed(RECORD, replace(good, text="Ana asked"))
    assert not is_confirmed({**RECORD, "officer": "boris"}, good)
    assert not is_confirmed({**RECORD, "remark": {**WRITTEN, "text": "other"}}, good)
    assert not is_confirmed(RECORD, replace(good, sent=True))
    assert not is_confirmed(RECORD, replace(good, reasons=("code",)))
    assert not is_confirmed(RECORD, remark())
    assert not is_confirmed(RECORD, None)


ASYLUM = {"state": "none", "attested_by": "protection", "attested_on": "2026-11-20", "basis": "interview"}


@pytest.mark.parametrize(
    ("now", "stops"),
    [
        (ASYLUM, True),
        ({**ASYLUM, "basis": "file"}, False),
        ({**ASYLUM, "attested_on": "2026-11-21"}, False),
        ({**ASYLUM, "attested_on": "2026-11-19"}, True),
        ({**ASYLUM, "attested_on": None}, True),
    ],
)
def test_what_a_remark_told_of_protection_stops_until_it_is_attested_anew(now: dict[str, str], stops: bool) -> None:
    """By another attestation than stood then, of that day or a later one; the very same releases nothing."""
    assert stops == still_stops(Stop(digest_of(ASYLUM), "2026-11-20"), now)
    assert not still_stops(None, now)


def test_a_remark_waits_until_it_left() -> None:
    """What was written waits; what left does not, and another one waits again."""
    assert is_waiting(RECORD, None)
    assert is_waiting(RECORD, remark(RECORD))
    assert not is_waiting(RECORD, remark(RECORD, sent=True))
    assert is_waiting({**RECORD, "remark": {**WRITTEN, "text": "other"}}, remark(RECORD, sent=True))
    assert not is_waiting(draft(), None)


@pytest.mark.parametrize("asked", [None, ("SEX",)])
def test_only_a_confirmed_remark_is_in_a_body(asked: tuple[str, ...] | None) -> None:
    """In a request and with further elements alike; the line of the table says which rule."""
    for made, status in ((remark(RECORD), "sent"), (remark(), "withheld")):
        known = About(made, 500, ())
        preview = compose(RECORD, "XAA-01", NOW, around=AROUND, asked=asked, remark=known)
        line = next(line for line in preview.lines if line.member == "remark")
        assert (status, "REM-3") == (line.status, line.rule)
        assert ('"remark"' in preview.body) is (status == "sent")
        assert (ELEMENTS if asked else REQUEST) == preview.type


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (About(remark(RECORD, sent=True), 500, ()), ("withheld", "REM-3", "it left with a message before")),
        (About(remark(), None, ()), ("forbidden", "REM-1", "no agreement with that State allows a remark here")),
        (
            About(remark(RECORD, reasons=("PROTECTION",)), 500, ()),
            ("withheld", "REM-2", "it is held, and is written anew or taken out"),
        ),
        (About(None, 500, ()), ("withheld", "REM-3", "nobody has confirmed the redacted text")),
    ],
    ids=["it left", "no agreement", "held", "not read"],
)
def test_the_preview_says_why_a_remark_stays(known: About, line: tuple[str, str, str]) -> None:
    """Whoever prepares the message sees the one reason that stands, and the body has no remark."""
    preview = compose(RECORD, "XAA-01", NOW, around=AROUND, remark=known)
    assert [line] == [(one.status, one.rule, one.because) for one in preview.lines if one.member == "remark"]
    assert '"remark"' not in preview.body


def test_sending_uses_a_remark_up() -> None:
    """What left is part of no further message."""
    known = About(remark(RECORD), 500, ())
    preview = compose(RECORD, "XAA-01", NOW, around=AROUND, remark=known)
    pending = replace(preview.pending("anna"), approver="boris", statement="s")
    case = support.asking(support.State.CLEARED, draft=RECORD, remark=remark(RECORD), pending=pending)
    moved, _ = take(case, "send", "anna", "case_officer", digest=preview.digest)
    assert moved.remark.sent


def test_a_case_keeps_its_remark() -> None:
    """What is stored is read as it was; a case from before there were remarks has none."""
    case = support.asking(draft=RECORD, remark=remark(RECORD), remark_stop=Stop(digest_of({}), "2026-12-01"))
    assert case == parse_case(serialize_case(case))
    old = serialize_case(support.asking()).replace(b'"remark":null,"remark_stop":null', b'"exercise":false')
    assert isinstance(parse_case(old), Case)
