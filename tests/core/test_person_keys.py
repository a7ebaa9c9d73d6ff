"""The keyed values of a person: when two files meet, when they do not, and that a value says nothing."""

import hashlib
import hmac
import time
import unicodedata
from datetime import date
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.names import transliterate
from gateway.core.person_keys import NAMES_MAX, YEARS_MAX, Use, person_values, sound
from gateway.core.spellings import bare_sounds, sounds
from keys.rest import Vault
from tests.core.person_files import VAULT, both_meet, meet, name, values
from tests.support.pace import slowness
from tests.support.rows import for_each

OTHER = Vault(b"o" * 32)

LATIN = st.text("abcdefghijklmnopqrstuvwxyzáäčéöøšüßż", min_size=4, max_size=9)
CYRILLIC = st.text("абвгдеєжзиіїйклмнопрстуфхцчшщьюя", min_size=4, max_size=9)
DAYS = st.dates(min_value=date(1960, 1, 1), max_value=date(2020, 12, 31))


PETRENKO = name("Petrenko", "Olha")

SAME: dict[str, tuple[Any, Any]] = {
    "case and accents": (name("GARCÍA", "JOSÉ"), name("Garcia", "Jose")),
    "umlaut written out": (name("Müller", "Jürgen", "de-Latn"), name("Mueller", "Juergen", "de-Latn")),
    "umlaut left out": (name("Müller", "Jürgen", "de-Latn"), name("Muller", "Jurgen", "de-Latn")),
    "transliterated": (name("Щербаківська", "Юлія", "uk-Cyrl"), name("Shcherbakivska", "Yuliia")),
    "transliterated by other usage": (name("Щербаківська", "Юлія", "uk-Cyrl"), name("Scherbakivska", "Julia")),
    "two scripts": (name("Иванова", "Мария", "ru-Cyrl"), name("Ivanova", "Mariia")),
    "the document's own Latin form": (
        name("محمد", "أحمد", "ar-Arab", latin=("MUHAMMAD", "AHMED")),
        name("Muhammad", "Ahmed"),
    ),
    "spelled by ear": (name("Mohammed", "Ahmed"), name("Muhamad", "Ahmad")),
    "spelled by ear from Arabic letters": (name("محمد", "أحمد", "ar-Arab"), name("Mohamed", "Ahmad")),
    "an ending spelled by ear": (name("Иванова", "Мария", "ru-Cyrl"), name("Ivanova", "Maria")),
    "a letter typed wrong": (name("Petrenko", "Olexandra"), name("Petrinko", "Olexandra")),
    "family and given name exchanged": (name("Petrenko", "Olha"), name("Olha", "Petrenko")),
    "undivided": (name(None, None, full="Olha Petrenko"), name("Petrenko", "Olha")),
    "undivided with a middle name": (name(None, None, full="Olha Maria Petrenko"), name("Petrenko", "Olha")),
    "a second given name": (name("Petrenko", "Olha Maria"), name("Petrenko", "Maria")),
    "one of two family names": (name("García López", "María"), name("Garcia", "Maria")),
    "hyphen": (name("Meyer-Landrut", "Lena"), name("Meyer Landrut", "Lena")),
    "apostrophe": (name("O\u2019Connor", "Sinéad"), name("OConnor", "Sinead")),
    "two words written as one": (name("Rahmani", "Abdel Rahman"), name("Rahmani", "Abdelrahman")),
    "a family name of two words written as one": (name("Abd Allah", "Maryam"), name("Abdallah", "Maryam")),
    "a hyphen left out": (name("Popescu", "Ana-Maria"), name("Popescu", "Anamaria")),
    "a particle written together": (name("De Souza Lima", "Maria"), name("Desouza Lima", "Maria")),
    "an undivided name with two words as one": (
        name(None, None, full="Abdel Rahman Rahmani"),
        name("Rahmani", "Abdelrahman"),
    ),
    "an article by another ear": (name("Al-Sayed", "Fatima"), name("Elsayed", "Fatima")),
    "words as one, and neither is long": (name("Okafor", "Chidinma"), name("Okafor", "Chi Dinma")),
    "a c with its mark left out abroad": (name("Petrović", "Jelena"), name("Petrovich", "Jelena")),
    "a short name with that c": (name("Kovač", "Ana"), name("Kovach", "Ana")),
    "a c with a cedilla": (name("Çela", "Drita"), name("Chela", "Drita")),
    "one sound in two spellings of neighbours": (name("Hoxha", "Mirela"), name("Hodža", "Mirela")),
    "that sound at the beginning": (name("Xhaferi", "Albana"), name("Džaferi", "Albana")),
    "a d with a stroke": (name("Đorđević", "Jelena"), name("Djordjevic", "Jelena")),
    "a t with a comma": (name("Țurcanu", "Irina"), name("Tsurcanu", "Irina")),
    "a short name by ear": (name("Youssef", "Leila"), name("Yusuf", "Layla")),
    "hardly a consonant": (name("Ali", "Leila"), name("Aly", "Layla")),
    "two scripts by ear": (name("Петровић", "Јелена", "sr-Cyrl"), name("Petrovich", "Yelena")),
    "Greek letters by ear": (name("Παπαδοπούλου", "Ελένη", "el-Grek"), name("Papadopoulou", "Eleni")),
    "a name of one part by ear": (name(None, "Abdul Rahman"), name(None, None, full="Abdelrahman")),
    "a short name alone": (name("Ng", None), name(None, None, full="Ng")),
    "undivided, of as many words as are divided": (name(None, None, full="Li An Bo Ce Du"), name("Du", "Li")),
    "a name alone": (name("Petrenko", None), name(None, None, full="Petrenko")),
    "an article left out in Arabic": (name("الحسيني", "علي", "ar-Arab"), name("حسيني", "علي", "ar-Arab")),
    "an article left out in Latin": (name("Al-Ali", "Omar"), name("Ali", "Omar")),
    "an article of one word with the name": (name("Alhusseini", "Omar"), name("Husseini", "Omar")),
    "an article said with the letter after it": (name("Ashshami", "Omar"), name("Al Shami", "Omar")),
    "an Arabic article, and none by ear": (name("الحسيني", "علي", "ar-Arab"), name("Husseini", "Aly")),
    "an article inside a name by ear": (name("نور الدين", "سارة", "ar-Arab"), name("Noureddine", "Sarah")),
    "an article in an undivided name": (name(None, None, "ar-Arab", "علي الحسيني"), name("Husseini", "Ali")),
    "Chinese without a space": (name(None, None, "zh-Hans", "王小明"), name("王", "小明", "zh-Hans")),
    "Korean without a space": (name("김", "철수", "ko-Kore"), name(None, None, "ko-Kore", "김철수")),
    "Japanese, given name first": (name(None, None, "ja-Jpan", "花子山田"), name("山田", "花子", "ja-Jpan")),
    "a digit read for a letter": (name("Petrenko", "0lha"), name("Petrenko", "Olha")),
    "a digit with two readings": (name("Al1yev", "L3yla"), name("Aliyev", "Leyla")),
    "the other one of them": (name("A1iyev", "Leyla"), name("Aliyev", "Leyla")),
    "a digit in Cyrillic": (name("Петренк0", "Ольга", "uk-Cyrl"), name("Петренко", "Ольга", "uk-Cyrl")),
    "Vietnamese without marks": (name("Nguyễn", "Đức", "vi-Latn"), name("Nguyen", "Duc")),
    "Turkish letters without a dot": (name("IŞIK", "İPEK", "tr-Latn"), name("Isik", "Ipek")),
}


@for_each("case", SAME)
def test_one_name_in_two_spellings_meets(case: str) -> None:
    """Two files of one person meet however her name is spelled."""
    ours, theirs = SAME[case]
    assert both_meet(values(ours), values(theirs))


OTHERS: dict[str, tuple[Any, Any]] = {
    "another family name": (PETRENKO, name("Kovalenko", "Olha")),
    "another given name": (PETRENKO, name("Petrenko", "Iryna")),
    "one name alone": (PETRENKO, name("Petrenko", None)),
    "nothing but a mark": (name(None, None, full="-"), name(None, None, full="'")),
    "nothing but marks in both parts": (name("-", "."), name("'", "*")),
    "nothing but signs that say nothing": (name(None, None, full="\u0640 \u04c0"), name(None, None, full="\u0674")),
    "nothing but an apostrophe beside a name": (name("'", None), PETRENKO),
    "a name that begins like an article, by sound": (name("Petrenko", "Alina"), name("Petrenko", "Inna")),
    "that by letters": (name("Petrenko", "Elena"), name("Petrenko", "Ena")),
    "numbers for names": (name("123", "456"), name("124", "456")),
    "an article alone in common": (name("Al-Sayed", "Omar"), name("Al-Masri", "Omar")),
    "a particle in common": (name("van der Berg", "Jan"), name("van der Meer", "Jan")),
    "both given names in another order of parts": (name("Petrenko", "Olha"), name("Olhenko", "Petra")),
}


@for_each("case", OTHERS)
def test_other_names_do_not_meet(case: str) -> None:
    """Persons born on the same day who have other names do not meet."""
    ours, theirs = OTHERS[case]
    assert not both_meet(values(ours), values(theirs))


COLLIDING = (name("Petrenko", "Olha"), name("Petrenka", "Ilha"))
"""Two names that sound alike; the sound takes such persons together, and people tell them apart."""


def test_names_that_sound_alike_meet() -> None:
    """That two persons of one year of birth have names that sound alike is a stated collision."""
    assert both_meet(values(COLLIDING[0]), values(COLLIDING[1]))


BIRTHS = {
    ("2001-04-17", "2001"): True,
    ("2001-04-17", "2001-04-XX"): True,
    ("2001-04-17", "2001-XX-XX"): True,
    ("2001-04-17", "200X"): True,
    ("2001-04-17", "1999/2002"): True,
    ("2001-04-17", "2002?"): True,
    ("2001-04-17", "2002~"): True,
    ("2001-04-17", "19XX"): True,  # as good as no date: it meets every date
    ("2001-04-17", None): True,
    ("19XX", None): True,
    (None, None): True,
    ("2001-04-17", "2001-11-02"): True,  # a stated collision: one year is one bucket
    ("2001-04-17", "1380-01-28"): True,  # the same day in Iran: of such a year nobody knows what it says
    ("2001-04-17", "2544"): True,  # and in Thailand
    ("2001-04-17", "1422-01-23"): True,  # and in the Hijri calendar
    ("1963-04-17", "1885"): True,  # and of the Indian national calendar
    ("1985-04-17", "1885"): True,  # or a slip: nobody who lives was born then
    ("2001-04-17", "1901"): False,
    ("2001-04-17", "2002-04-17"): False,
    ("2001-04-17", "2003?"): False,
    ("199X", "2001"): False,
}


@for_each(("births", "expected"), BIRTHS.items())
def test_dates_of_birth_that_may_be_one_meet(births: tuple[str | None, str | None], expected: bool) -> None:
    """The same name meets if both may be born in one year, and always where nobody knows."""
    assert expected == both_meet(values(PETRENKO, born=births[0]), values(PETRENKO, born=births[1]))


NUMBERS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "document": (
        {"document": {"type": "P", "number": "AB 12-345", "issuer": "XBB"}},
        {"document": {"type": "I", "number": "ab12345", "issuer": "XBB"}},
        True,
    ),
    "O read as 0": (
        {"document": {"type": "P", "number": "AO1", "issuer": "XBB"}},
        {"document": {"type": "P", "number": "A0I", "issuer": "XBB"}},
        True,
    ),
    "digits of another script": (
        {"document": {"type": "P", "number": "A١٢٣٤٥٦", "issuer": "XBB"}},
        {"document": {"type": "P", "number": "A123456", "issuer": "XBB"}},
        True,
    ),
    "Persian digits": ({"personal_number": "۹۰۰۱۰۱۱"}, {"personal_number": "9001011"}, True),
    "Cyrillic letters typed as those they look like": (
        {"document": {"type": "P", "number": "\u0421\u041d 123456", "issuer": "XBB"}},
        {"document": {"type": "P", "number": "CH123456", "issuer": "XBB"}},
        True,
    ),
    "Cyrillic letters transliterated": (
        {"document": {"type": "P", "number": "\u0421\u041d 123456", "issuer": "XBB"}},
        {"document": {"type": "P", "number": "SN123456", "issuer": "XBB"}},
        True,
    ),
    "Greek letters": (
        {"document": {"type": "P", "number": "\u0391\u039a 123456", "issuer": "XBB"}},
        {"document": {"type": "P", "number": "AK 123456", "issuer": "XBB"}},
        True,
    ),
    "the sign for a number": ({"personal_number": "\u2116 771"}, {"personal_number": "771"}, True),
    "nothing but marks": ({"personal_number": "--"}, {"personal_number": "--"}, False),
    "nothing but zeros": ({"personal_number": "000000"}, {"personal_number": "000000"}, False),
    "a word for none": ({"personal_number": "n/a"}, {"personal_number": "N.A."}, False),
    "none in full": ({"personal_number": "None"}, {"personal_number": "none"}, False),
    "document of another issuer": (
        {"document": {"type": "P", "number": "AB12345", "issuer": "XBB"}},
        {"document": {"type": "P", "number": "AB12345", "issuer": "XCC"}},
        False,
    ),
    "personal number": ({"personal_number": "900101-1"}, {"personal_number": "9001011"}, True),
    "personal number of another State": (
        {"personal_number": "1", "to": "XBB"},
        {"personal_number": "1", "to": "XCC"},
        False,
    ),
    "permit": (
        {"permit": {"type": "PR", "number": "77-1", "as_of": "2024"}},
        {"permit": {"type": "LT", "number": "771", "as_of": "2023"}},
        True,
    ),
    "a document is no permit": (
        {"document": {"type": "P", "number": "771", "issuer": "XBB"}},
        {"permit": {"type": "PR", "number": "771", "as_of": "2024"}},
        False,
    ),
}


@for_each("case", NUMBERS)
def test_numbers_meet_whatever_the_name(case: str) -> None:
    """A number with its issuer is the same, as printed or typed; and it is known to be one of a number."""
    ours, theirs, expected = NUMBERS[case]
    a, b = values(PETRENKO, **ours), values(name("Kovalenko", "Iryna"), born="1980", **theirs)
    assert expected == both_meet(a, b)
    assert expected == any(one.number for one in a if one.value in meet(a, b))


def partly(day: date) -> list[str]:
    """Return ways to say a date of birth that is known in part, or not for sure."""
    return [f"{day:%Y}", f"{day:%Y-%m}", f"{day:%Y-%m}-XX", f"{day:%Y}?", f"{day:%Y}"[:3] + "X"]


@given(st.one_of(st.tuples(LATIN, LATIN), st.tuples(CYRILLIC, CYRILLIC)), DAYS, st.data())
def test_one_person_written_twice_meets(parts: tuple[str, str], day: date, data: st.DataObject) -> None:
    """Whatever Latin form of the name and whatever part of the date a second file has, the two meet."""
    script = "uk-Cyrl" if "а" <= parts[0][0] <= "ґ" else "de-Latn"
    latin = [data.draw(st.sampled_from(transliterate(part, script, usage=True))).title() for part in parts]
    again = values(name(*latin), born=data.draw(st.sampled_from(partly(day))))
    assert both_meet(values(name(*parts, script), born=day.isoformat()), again)


def _ears(form: str) -> set[str]:
    return {*bare_sounds(form.lower()), *sounds(form.lower()).whole}


@given(st.lists(st.tuples(LATIN, LATIN), min_size=2, max_size=2), DAYS)
def test_two_persons_do_not_meet(persons: list[tuple[str, str]], day: date) -> None:
    """Two persons born on one day do not meet, unless some of their names are alike in letters or in sound."""
    forms = [[form for part in person for form in transliterate(part, "de-Latn", usage=True)] for person in persons]
    heard = [{sound(form) for form in some} | {ear for form in some for ear in _ears(form)} for some in forms]
    assume(not heard[0] & heard[1])
    a, b = (values(name(*person, "de-Latn"), born=day.isoformat()) for person in persons)
    assert not both_meet(a, b)


@given(LATIN, LATIN, DAYS, DAYS)
def test_namesakes_of_other_years_do_not_meet(family: str, given_: str, day: date, other: date) -> None:
    """Two persons of one name do not meet if they were born in different years."""
    assume(day.year != other.year)
    a, b = (values(name(family, given_, "de-Latn"), born=born.isoformat()) for born in (day, other))
    assert not both_meet(a, b)


NOTHING = st.text(st.characters(categories=("P", "S", "M", "Z", "Cf")), min_size=1, max_size=6)
"""Marks, signs and blanks of any script, without a letter or digit among them."""


@given(NOTHING, NOTHING, NOTHING, NOTHING)
def test_a_file_of_marks_alone_has_no_value(family: str, given_: str, whole: str, number: str) -> None:
    """Nobody is found by what says nothing: a name or number without a letter and a digit."""
    made = values(name(family, given_), name(None, None, full=whole), personal_number=number)
    spread = unicodedata.normalize("NFKD", family + given_ + whole + number)
    assert made == () or any(map(str.isalnum, spread))  # a sign such as the one for telephone is letters spread out


def test_no_value_can_be_made_without_the_key() -> None:
    """No value is a hash that somebody without the key could make, and another key gives none of them."""
    draft = {"to": "XBB", "elements": {"names": [PETRENKO], "birth_date": "2001", "personal_number": "9001011"}}
    texts: list[str] = []

    def keyed(text: str) -> bytes:
        texts.append(text)
        return VAULT.index_value(text)

    made = person_values(draft, keyed)
    hashes = (hashlib.sha256, hashlib.sha512, hashlib.md5)
    plain = {maker(text.encode()).digest()[:16] for text in texts for maker in hashes}
    plain |= {hmac.digest(b"k" * 32, text.encode(), "sha256")[:16] for text in texts}  # under the key itself
    ours = {one.value for one in made}
    theirs = {one.value for one in person_values(draft, OTHER.index_value)}
    assert (len(texts), set(), set()) == (len(ours), ours & plain, ours & theirs)


def test_values_hold_no_text() -> None:
    """A value is 16 bytes and as good as random: no letter of a name or number is in it."""
    made = values(PETRENKO, personal_number="900101-1")
    assert {16} == {len(one.value) for one in made}
    assert len(made) == len({one.value for one in made})


def test_a_number_has_as_many_values_whatever_its_letters() -> None:
    """Who counts the values of a case in a copy of the store does not learn the script of a number that is withheld."""
    numbers = ("900101-1", "\u0416-55120", "\u0661\u0662\u0663", "AB12345", "\u0421\u041d 77")
    assert {2} == {sum(one.number for one in values(PETRENKO, personal_number=number)) for number in numbers}


def test_a_file_makes_a_bounded_number_of_values() -> None:
    """However many spellings, words and years a file has, its values are bounded and quickly made."""
    words = " ".join("бвгджзклмнпрстфхцчшщ"[at : at + 3] for at in range(18))
    names = [name("Щербаківська Цїхєюяґгй", "Юлія Хцьєїй Ґїєю", "Cyrl") for _ in range(8)]
    names += [name(words, words[::-1], "Cyrl") for _ in range(5)]
    begun = time.process_time()
    made = values(*names, born="199X?")
    took = time.process_time() - begun
    assert len(made) <= NAMES_MAX * (YEARS_MAX + 2)
    assert took < 2 * slowness()


LONG = (
    name("الحسيني العبيدي", "علي محمد حسن", "ar-Arab", latin=("Al Husseini Al Obeidi", "Ali Mohamed Hassan")),
    name("الخالدي", "مريم فاطمة الزهراء", "ar-Arab", latin=("Al Khalidi", "Maryam Fatima Zahra")),
    name("عبد الرحمن الشمري", "فاطمة", "ar-Arab", latin=("Abdulrahman Al Shammari", "Fatima")),
)
"""A file of one person with three long names."""


@pytest.mark.parametrize(
    "other",
    [
        name("Khaldi", "Mariem"), name("Shamari", "Fatma"), name("Obaidy", "Hassan"), name("Husaini", "Muhammad"),
        name("العبيدي", "حسن", "ar-Arab"), name("شمري", "فاطمة", "ar-Arab"), name("Халиди", "Марьям", "ru-Cyrl"),
        name(None, None, "ar-Arab", "مريم الخالدي"),
    ],
)  # fmt: skip
def test_long_names_do_not_crowd_each_other_out(other: Any) -> None:
    """Of three long names in two scripts each is found, in whole and in part and by ear."""
    assert both_meet(values(*LONG), values(other))


def test_what_was_rectified_is_still_sought() -> None:
    """A name and a date corrected one after the other: a file with either, old or new, meets."""
    old, new, later = {"names": [PETRENKO], "birth_date": "2001"}, name("Kovalenko", "Iryna"), "1999"
    former = [old, {"names": [new], "birth_date": "2001"}]
    now = {"to": "XBB", "elements": {"names": [new], "birth_date": later}}
    made = person_values(now, VAULT.index_value, former)
    assert all(both_meet(made, values(one, born=born)) for one in (PETRENKO, new) for born in ("2001", later))
    assert not both_meet(made, values(PETRENKO, born="1980"))


def test_file_without_a_name_has_only_its_numbers() -> None:
    """A file that knows no name is found by its numbers, and by nothing if it has none."""
    only = person_values({"to": "XBB", "elements": {"personal_number": "1"}}, VAULT.index_value)
    assert [(Use.FOUND | Use.SEEKS, True)] * 2 == [(one.use, one.number) for one in only]
    assert () == person_values({"to": "XBB", "elements": {"sex": 2, "birth_date": "2001"}}, VAULT.index_value)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("MOHAMMED", "MHMD"), ("MUHAMAD", "MHMD"), ("FATIMAH", "FTM"), ("SHEVCHENKO", "SFSNK"), ("ANNA", "N"), ("李", "")],
)
def test_sound(word: str, expected: str) -> None:
    """The sound of a word is its consonants, those alike as one; other scripts have none."""
    assert expected == sound(word)


FAMILIES = (
    "Petrenko",
    "Kovač",
    "Popescu",
    "Hoxha",
    "Okafor",
    "Rahmani",
    "Youssef",
    "Nguyen",
    "García",
    "Müller",
    "Ivanova",
    "Shehu",
)
GIVEN = (
    "Olha",
    "Ana",
    "Maria",
    "Mirela",
    "Chidinma",
    "Abdel",
    "Leila",
    "Lan",
    "Jelena",
    "Drita",
    "Fatima",
    "Viktor",
    "Omar",
    "Ngozi",
)
NAMESAKES = list(product(FAMILIES, GIVEN))


def test_most_persons_share_nothing() -> None:
    """The sounds are coarse, and still of 14,000 pairs born in one year under other names one in two hundred meets."""
    made = [values(name(*one), born="2001") for one in NAMESAKES]
    pairs = list(combinations(made, 2))
    assert sum(bool(meet(a, b)) for a, b in pairs) < len(pairs) / 200
