"""Check digits and machine readable zones, with the specimens of ICAO Doc 9303."""

import contextlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.documents import (
    STATUS_CODES,
    BadMrz,
    Mrz,
    check_digit,
    number_digest,
    parse_mrz,
    verify_number,
)
from keys import b64
from tests.support.rows import for_each

TD1 = (
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
)
TD2 = (
    "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
    "D231458907UTO7408122F1204159<<<<<<<6",
)
TD3 = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
MRV_A = (
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L8988901C4XXX4009078F96121096ZE184226B<<<<<<",
)
MRV_B = (
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<",
    "L8988901C4XXX4009078F9612109<<<<<<<<",
)
SPECIMENS = {"TD1": TD1, "TD2": TD2, "TD3": TD3, "MRV-A": MRV_A, "MRV-B": MRV_B}


@pytest.mark.parametrize(
    ("text", "digit"),
    [
        ("520727", "3"),
        ("AB2134<<<", "5"),
        ("L898902C3", "6"),
        ("740812", "2"),
        ("120415", "9"),
        ("ZE184226B<<<<<", "1"),
        ("D23145890", "7"),
        ("<", "0"),
        ("<<<<<<<<<<<<<<", "0"),
    ],
)
def test_check_digit(text, digit):
    """The examples of the standard have their digits."""
    assert digit == check_digit(text)


@pytest.mark.parametrize("text", ["", "ab2134", "AB 2134", "AB-2134", "АБ", "٣٤", "²", "A\n"])
def test_check_digit_refuses(text):
    """Nothing but digits, A to Z and fillers has a check digit."""
    with pytest.raises(BadMrz):
        check_digit(text)


def test_verify_number():
    """A wrong digit raises, the right one does not."""
    verify_number("L898902C3", "6")
    with pytest.raises(BadMrz, match="document number"):
        verify_number("L898902C3", "7")


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<", min_size=1, max_size=30), st.data())
def test_one_wrong_digit_is_seen(text, data):
    """Another digit in the place of a digit always changes the check digit, since 7, 3 and 1 have no factor of 10."""
    places = [place for place, char in enumerate(text) if char.isdigit()]
    if places:
        place = data.draw(st.sampled_from(places))
        other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != text[place]]))
        assert check_digit(text) != check_digit(text[:place] + other + text[place + 1 :])


DOCUMENTS = {
    "TD1": Mrz("I", "UTO", "D23145890"),
    "TD2": Mrz("I", "UTO", "D23145890"),
    "TD3": Mrz("P", "UTO", "L898902C3"),
    "MRV-A": Mrz("V", "UTO", "L8988901C"),
    "MRV-B": Mrz("V", "UTO", "L8988901C"),
}


@pytest.mark.parametrize(("form", "lines"), SPECIMENS.items())
def test_specimens(form, lines):
    """The specimens of the standard are read as printed; of who holds the document nothing is."""
    assert DOCUMENTS[form] == parse_mrz(lines)


def test_number_of_more_than_nine_characters():
    """It goes on in the optional data, with its digit behind it (Doc 9303 part 6, note j)."""
    assert "D23145890734" == parse_mrz((TD2[0], "D23145890<UTO7408122F12041597349<<<2")).number
    with pytest.raises(BadMrz, match="document number"):
        parse_mrz((TD2[0], "D23145890<UTO7408122F12041597348<<<5"))


def test_a_document_has_another_digest_in_each_thread():
    """Nobody who sees two threads finds by the digest that both are of one document."""
    one, other = b64.encode(bytes(16)), b64.encode(bytes([1]) * 16)
    assert number_digest(one, "P123") != number_digest(other, "P123")
    assert number_digest(one, "P123") == b64.encode(sha256(bytes(16) + b"P123").digest())


@pytest.mark.parametrize(("form", "lines"), SPECIMENS.items())
def test_every_wrong_digit_is_seen(form, lines):
    """Changing any digit of a specimen is refused; only a visa's optional data has no check."""
    for row, line in enumerate(lines):
        for place, char in enumerate(line):
            if char.isdigit() and not (form == "MRV-A" and row == 1 and place > 27):
                wrong = line[:place] + str((int(char) + 1) % 10) + line[place + 1 :]
                with pytest.raises(BadMrz):
                    parse_mrz([*lines[:row], wrong, *lines[row + 1 :]])


BAD_SHAPES = {
    "nothing": (),
    "one line": TD3[:1],
    "three long lines": (*TD3, TD3[0]),
    "two short lines": TD1[:2],
    "unequal": (TD3[0], TD3[1][:-1]),
    "mixed": (TD2[0], TD3[1]),
    "small letters": tuple(line.lower() for line in TD3),
    "space": (TD3[0].replace("<", " "), TD3[1]),
    "other script": (TD3[0].replace("E", "Е"), TD3[1]),
    "newline": (TD3[0][:-1] + "\n", TD3[1]),
    "unknown code": ("X" + TD3[0][1:], TD3[1]),
    "digit in the name": (TD3[0].replace("ANNA", "ANN4"), TD3[1]),
    "no name": (TD3[0][:5] + "<" * 39, TD3[1]),
}


@for_each("lines", BAD_SHAPES.values(), ids=BAD_SHAPES)
def test_bad_zones(lines):
    """What has not the shape of a zone is refused."""
    with pytest.raises(BadMrz):
        parse_mrz(lines)


def td3(
    number: str = "L898902C3", birth: str = "740812", sex: str = "F", own: str = "<" * 14, own_digit: str = ""
) -> str:
    """Return a second line with all its digits."""
    line = number.ljust(9, "<") + check_digit(number.ljust(9, "<")) + "UTO" + birth + check_digit(birth) + sex
    line += "120415" + "9" + own + (own_digit or check_digit(own))
    return line + check_digit(line[0:10] + line[13:20] + line[21:43])


def test_td3_composes():
    """The helper of these tests makes the specimen's line."""
    assert TD3[1] == td3(own="ZE184226B<<<<<")


@pytest.mark.parametrize("digit", ["0", "<"])
def test_empty_optional_data_may_have_a_filler(digit):
    """Without optional data the digit may be 0 or a filler; with them it must be theirs."""
    assert "L898902C3" == parse_mrz((TD3[0], td3(own_digit=digit))).number
    with pytest.raises(BadMrz):
        parse_mrz((TD3[0], td3(own="ZE184226B<<<<<", own_digit="<")))


HOLDERS = {
    "one name": ("P<UTOARKFREITH".ljust(44, "<"), TD3[1]),
    "a name that fills its field": ("P<UTOBENNELONG<WOOLOOMOOLOO<WARRANDYTE<<DING", TD3[1]),
    "a man": (TD3[0], td3(sex="M")),
    "unspecified": (TD3[0], td3(sex="<")),
    "unknown day": (TD3[0], td3(birth="7408<<")),
    "unknown day and month": (TD3[0], td3(birth="74<<<<")),
    "unknown date": (TD3[0], td3(birth="<<<<<<")),
}


@pytest.mark.parametrize("lines", HOLDERS.values(), ids=HOLDERS)
def test_whoever_holds_it(lines):
    """What a zone may say of the holder changes nothing of the document."""
    assert DOCUMENTS["TD3"] == parse_mrz(lines)


@pytest.mark.parametrize("birth", ["741312", "740800", "740832", "ABCDEF", "7<0812"])
def test_a_birth_that_is_no_date(birth):
    """A month, a day or a year that there is not is refused, whatever its check digit."""
    with pytest.raises(BadMrz):
        parse_mrz((TD3[0], td3(birth=birth)))


@pytest.mark.parametrize("sex", ["X", "1", "A"])
def test_bad_sex(sex):
    """Any other character in its place is refused."""
    with pytest.raises(BadMrz):
        parse_mrz((TD3[0], td3(sex=sex)))


def test_long_number_of_a_card():
    """A number of more than nine characters goes on in the optional data, where its digit is."""
    number = "D23145890734"
    first = f"I<UTO{number[:9]}<{number[9:]}{check_digit(number)}".ljust(30, "<")
    second = TD1[1][:29]
    whole = check_digit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
    assert number == parse_mrz((first, second + whole, TD1[2])).number


def test_long_number_without_its_rest():
    """A filler in the digit's place and nothing in the optional data is refused."""
    first = "I<UTOD23145890<".ljust(30, "<")
    second = TD1[1][:29]
    whole = check_digit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
    with pytest.raises(BadMrz, match="long document number"):
        parse_mrz((first, second + whole, TD1[2]))


def test_a_short_number_is_stripped():
    """A number of fewer than nine characters loses its fillers, and the digit covers them."""
    assert "AB2134" == parse_mrz((TD3[0], td3(number="AB2134"))).number


def test_a_short_country_code():
    """Germany's code is one letter."""
    assert "D" == parse_mrz((TD3[0].replace("UTO", "D<<", 1), TD3[1])).issuer


def test_status_codes():
    """The three codes that say a status instead of a State are known as such."""
    assert {"XXA", "XXB", "XXC"} == STATUS_CODES


@given(st.lists(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<", min_size=30, max_size=44), max_size=3))
def test_nothing_but_its_own_error(lines):
    """Any lines are a zone or raise the one error."""
    with contextlib.suppress(BadMrz):
        parse_mrz(lines)
