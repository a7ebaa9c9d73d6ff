"""What is no text is refused with a code, and what people really write is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redaction.refuse import MOST_CHARACTERS, refusals
from tests.support.rows import for_each


@for_each(
    ("text", "code"),
    [
        ("a" * (MOST_CHARACTERS + 1), "text-too-long"),
        ("x" * 10_000_000, "text-too-long"),
        ("name\x00", "text-not-printable"),
        ("PK\x03\x04 zip", "text-not-printable"),
        ("\ufffd replaced", "text-not-printable"),
        ("Rosa \u202eanaM\u202c", "text-direction"),
        ("ab\u2066cd\u2069", "text-direction"),
        ("Ro\u200bsa", "text-invisible"),
        ("Ro\u00adsa", "text-invisible"),
        ("Ro\u200csa", "text-invisible"),
        ("Ro\ufff9sa", "text-invisible"),
        ("\U000e0041\U000e0042", "text-invisible"),
        ("Ro\U00016fe4sa", "text-invisible"),
        ("Ro\u2800sa", "text-invisible"),
        ("Ro\U0001d159sa", "text-invisible"),
        ("&#1056;&#1086;&#1079;&#1072;", "text-coded"),
        ("&#x420;&#x43E", "text-coded"),
        ("R&oacute;sa", "text-coded"),
        ("%D0%A0%D0%BE", "text-coded"),
        ("=D0=A0=D0=BE", "text-coded"),
        (r"\u0420\u043e", "text-coded"),
        ("Z\u0301\u0302\u0303\u0304a", "text-marks"),
        ("R\u043esa", "text-mixed-script"),
        ("\u0420osa", "text-mixed-script"),
        ("Ros\u10d0", "text-mixed-script"),
        ("\U0001f1ed\U0001f1f4", "text-not-printable"),
        ("\U0001f157\U0001f15e", "text-not-printable"),
        ("\u2480\u24c7", "text-not-printable"),
        ("\u2813\u2815", "text-not-printable"),
        ("\u2070\u2076\u2079", "text-not-printable"),
        ("\xb3\xb9\xb2", "text-not-printable"),
        ("\uff32\uff4f\uff53\uff41", "text-mixed-script"),
        ("\U0001d411\U0001d428\U0001d42c\U0001d41a", "text-mixed-script"),
    ],
)
def test_what_is_no_text_has_a_code(text: str, code: str) -> None:
    """Length, bytes, direction, what is unseen, codes, piled marks and look-alikes each have a code of their own."""
    assert code in refusals(text)


@pytest.mark.parametrize(
    "text",
    [
        "Née à Šabac, n.º 5, 2.ª puerta",
        "бʼє, під'їзд, м’яч",
        "می‌خواهد",
        "مُحَمَّدٌ",
        "Θεία Ευανθία",
        "AT&T; 50 % de 20 %, R & D; a=b, C:\\users",
        "Tel.\t+355 69 1\nfax",
        "\ufee3\ufea4\ufee4\ufeaa",
        "a" * MOST_CHARACTERS,
        "",
    ],
)
def test_what_people_write_passes(text: str) -> None:
    """Accents, ordinals, apostrophes, vowel signs and joiners of Persian are text."""
    assert refusals(text) == []


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text: str) -> None:
    """Nothing is raised, and the answer is the same twice."""
    assert refusals(text) == refusals(text)
