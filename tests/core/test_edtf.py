"""Partly known dates: what is one, which days it may mean, and when two agree."""

from datetime import date, timedelta

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.core.edtf import BadEdtf, overlaps, parse
from tests.support.rows import for_each

SCHEMA_TEXT = schemas.load("common")["$defs"]["edtf"]


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("1998-02-03", "1998-02-03", "1998-02-03"),
        ("1998-02", "1998-02-01", "1998-02-28"),
        ("1996-02-XX", "1996-02-01", "1996-02-29"),
        ("1998", "1998-01-01", "1998-12-31"),
        ("1998-XX", "1998-01-01", "1998-12-31"),
        ("1998-XX-XX", "1998-01-01", "1998-12-31"),
        ("199X", "1990-01-01", "1999-12-31"),
        ("19XX", "1900-01-01", "1999-12-31"),
        ("2006/2008", "2006-01-01", "2008-12-31"),
        ("2006-05~/2008-06-07?", "2006-05-01", "2008-06-07"),
        ("2006-05-10/2006-05-10", "2006-05-10", "2006-05-10"),
    ],
)
def test_bounds(text, lower, upper):
    """The days a value may mean are all it does not exclude."""
    found = parse(text)
    assert (lower, upper, text) == (found.lower.isoformat(), found.upper.isoformat(), found.text)


@pytest.mark.parametrize(
    ("text", "uncertain", "approximate"),
    [
        ("1998", False, False),
        ("1998?", True, False),
        ("1998~", False, True),
        ("1998%", True, True),
        ("1998?/1999~", True, True),
        ("1998/1999?", True, False),
    ],
)
def test_qualifiers(text, uncertain, approximate):
    """A qualifier at either end is one of the whole, and moves no bound."""
    found, bare = parse(text), parse(text.translate({ord(mark): None for mark in "?~%"}))
    assert (uncertain, approximate) == (found.uncertain, found.approximate)
    assert (bare.lower, bare.upper) == (found.lower, found.upper)


BAD = {
    "empty": "",
    "short": "98",
    "old unknown digit": "1998-uu",
    "small x": "199x",
    "month": "2001-13",
    "month zero": "2001-00",
    "day": "2001-02-30",
    "no leap year": "1900-02-29",
    "year zero": "0000",
    "backwards": "2008/2006",
    "backwards by a day": "2008-01-02/2008-01-01",
    "one digit": "2001-4",
    "dots": "12.04.2001",
    "time": "2001-04-12T00:00",
    "newline": "2001-04-12\n",
    "space": " 2001",
    "day after unknown month": "2001-XX-12",
    "month after unknown year": "200X-04",
    "unknown month after unknown year": "200X-XX",
    "three unknown digits": "2XXX",
    "half unknown month": "2001-1X",
    "two qualifiers": "2001??",
    "inner qualifier": "2001?-04",
    "open end": "2001/",
    "open start": "/2001",
    "dots as end": "2001/..",
    "three ends": "2001/2002/2003",
    "sign": "-2001",
    "season": "2001-21",
    "other digits": "٢٠٠١",
    "long": "2001-04-12?/2001-04-12?/",
}


@for_each("text", BAD.values(), ids=BAD)
def test_refused(text):
    """What is outside the grammar is refused, and the message does not repeat it."""
    with pytest.raises(BadEdtf) as refused:
        parse(text)
    assert len(text) < 4 or text not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1998-01-02", True), ("1998-01-02?", False), ("1998", False), ("1998-01-01/1998-01-01", True)],
)
def test_exact(text, expected):
    """One day without a qualifier is exact, however it is written."""
    assert expected == parse(text).is_exact


DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@st.composite
def values(draw):
    """Draw a text of the grammar."""

    def one(day: date) -> str:
        year = day.strftime("%Y")
        forms = [year, f"{year[:3]}X", f"{year[:2]}XX", day.strftime("%Y-%m"), day.isoformat()]
        forms += [f"{year}-XX", f"{year}-XX-XX", day.strftime("%Y-%m-XX")]
        return draw(st.sampled_from(forms)) + draw(st.sampled_from(["", "?", "~", "%"]))

    first = one(draw(DAYS))
    if draw(st.booleans()):
        return first
    after = parse(first).upper + timedelta(days=draw(st.integers(0, 4000)))
    return f"{first}/{one(after)}"


@given(values())
def test_round(text):
    """A value keeps its text, has its days in order, and is the same when parsed again."""
    found = parse(text)
    assert (text, found) == (found.text, parse(found.text))
    assert found.lower <= found.upper


@given(values())
def test_the_schema_takes_what_is_parsed(text):
    """Every value of the grammar in these centuries fits the schema of the wire."""
    assert jsonschema_rs.is_valid(SCHEMA_TEXT, text)


@given(values(), values())
def test_overlap(a, b):
    """Agreement goes both ways, holds with oneself, and is exactly that some day is in both."""
    x, y = parse(a), parse(b)
    assert overlaps(x, x)
    assert overlaps(x, y) == overlaps(y, x)
    assert overlaps(x, y) == (max(x.lower, y.lower) <= min(x.upper, y.upper))


@given(values(), DAYS)
def test_a_day_agrees_if_it_is_among_the_days(text, day):
    """An exact date agrees with a partly known one if and only if it is one of its days."""
    found, exact = parse(text), parse(day.isoformat())
    assert (found.lower <= day <= found.upper) == overlaps(found, exact)


@given(st.text(max_size=30))
def test_nothing_but_its_own_error(text):
    """Any text is a date or raises the one error."""
    try:
        parse(text)
    except BadEdtf:
        return
    assert text.isascii()
