"""A text that says what the record says is found, however it is written; what is found is a field and no value."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from gateway.redaction.leaks import Leak, TooMuch, leaks
from gateway.redaction.secrets import secrets
from tests.redaction import disguises
from tests.redaction.disguises import disguised_name, disguised_number, names, numbers, remarks
from tests.support.rows import for_each

MANY = settings(max_examples=1_500, deadline=None)


def record(**elements: Any) -> dict[str, Any]:
    """Return a record with these elements."""
    return {"elements": elements}


def named(*parts: str, script: str = "sq-Latn") -> dict[str, Any]:
    """Return a record of a person with a family name and given names."""
    family, *given_names = parts
    name = {"family": family, "given": " ".join(given_names) or None, "script": script, "latin": None}
    return record(names=[name])


def fields(text: str, of: dict[str, Any], language: str | None = None) -> set[str]:
    """Return the fields of the record that the text tells something of."""
    return {leak.field for leak in leaks(text, of, (), language)}


@MANY
@given(data=st.data())
def test_a_name_is_found_in_every_disguise(data: st.DataObject) -> None:
    """Any name, in any script, case, accent, spacing, transliteration or ending, is found in a remark around it."""
    name = data.draw(names())
    text = data.draw(remarks(data.draw(disguised_name(name))))
    assert "names" in fields(text, named(name.text, script=name.script))


@MANY
@given(data=st.data())
def test_a_number_is_found_in_every_disguise(data: st.DataObject) -> None:
    """Any number, in any digits and with anything between them, is found."""
    number = data.draw(numbers())
    text = data.draw(remarks(data.draw(disguised_number(number))))
    assert "personal_number" in fields(text, record(personal_number=number))


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_a_date_of_birth_is_found_in_every_spelling(data: st.DataObject) -> None:
    """Any date, with its month in figures or in words of nine languages, in any order, is found."""
    on = data.draw(st.dates(min_value=disguises.FIRST, max_value=disguises.LAST))
    text = data.draw(remarks(data.draw(disguises.written_date(on))))
    assert "birth_date" in fields(text, record(birth_date=on.isoformat()))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_leak_names_a_field_and_no_value(data: st.DataObject) -> None:
    """What is found says where and which field; the place is inside the text."""
    name = data.draw(names())
    text = data.draw(remarks(data.draw(disguised_name(name))))
    for leak in leaks(text, named(name.text, script=name.script)):
        assert isinstance(leak, Leak)
        assert name.text not in repr(leak)
        assert 0 <= leak.start < leak.end <= len(text)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=500), name=st.text(min_size=1, max_size=40))
def test_no_text_and_no_record_breaks_it(text: str, name: str) -> None:
    """Whatever stands in text and record, the comparison ends with an answer."""
    made = leaks(text, {**named(name), "national": {"notes": [name], "shelter": name}, "justification": text})
    assert isinstance(made, tuple)


@for_each(
    "text",
    [
        "HOXHA", "hoxha", "Hoxhës", "Hoxhait", "H o x h a", "Hox-\nha", "H.O.X.H.A", "Ｈｏｘｈａ", "𝐇𝐨𝐱𝐡𝐚",
        "Ho\u200bxha", "Hó\u0301xha", "Hoxa", "Hoxhha", "Ohxha", "mrHoxha", "Ходжа", "Ходжою",
        "Χότζα", "هوجا", "وهوجا", "Нохһа", "🇭🇴🇽🇭🇦", "🅗🅞🅧🅗🅐", "🅷 🅾 🆇 🅷 🅰", "ʜᴏxʜᴀ", "⠓⠕⠭⠓⠁",
    ],
)  # fmt: skip
def test_one_name_in_many_spellings(text: str) -> None:
    """The spellings that people make of one name."""
    assert {"names"} == fields(f"It was {text} who asked.", named("Hoxha"))


@for_each(
    ("name", "script", "text"),
    [
        ("Шевченко", "uk-Cyrl", "Shevchenko"), ("Шевченко", "uk-Cyrl", "Chevtchenko"), ("Щербак", "uk-Cyrl",
        "Shcherbak"),
        ("Марія", "uk-Cyrl", "Mariya"), ("Мария", "ru-Cyrl", "Marii"), ("Фёдор", "ru-Cyrl", "Fyodor"),
        ("Петровић", "sr-Cyrl", "Petrović"), ("Ђорђе", "sr-Cyrl", "Đorđe"), ("Ђорђе", "sr-Cyrl", "Djordje"),
        ("محمد", "ar-Arab", "Mohammed"), ("محمد", "ar-Arab", "Muhamad"), ("محمد", "ar-Arab", "Мухаммед"),
        ("فاطمة", "ar-Arab", "Fatima"), ("كريم", "ar-Arab", "Karim"), ("الحسيني", "ar-Arab", "al-Husseini"),
        ("Γεώργιος", "el-Grek", "Georgios"), ("Παπαδόπουλος", "el-Grek", "Papadopoulos"), ("Nguyễn", "vi-Latn",
        "NGUYEN"),
        ("Łukasz", "pl-Latn", "lukasz"), ("Björn", "sv-Latn", "Bjorn"), ("Mohammed", "en-Latn", "محمد"),
        ("Alexandra", "ro-Latn", "Александра"), ("O'Brien", "en-Latn", "OBrien"), ("Ion", "ro-Latn", "ION"),
        ("Li", "en-Latn", "Li"), ("Krasniqi", "sq-Latn", "Краснічі"),
    ],
)  # fmt: skip
def test_a_name_across_scripts(name: str, script: str, text: str) -> None:
    """Usual romanisations, and the usual forms of Latin names in other scripts."""
    assert {"names"} == fields(f"— {text} —", named(name, script=script))


@for_each(
    ("name", "script", "text"),
    [
        ("王", "zh-Hans", "王"), ("小明", "zh-Hans", "王小明"), ("김", "ko-Kore", "김철수"),
        ("さくら", "ja-Jpan", "サクラ"), ("ሠላም", "am-Ethi", "ሰላም"), ("Ƙasimu", "ha-Latn", "Kasimu"),
        ("Kɔku", "ee-Latn", "Koku"),
        ("Ҷамшед", "tg-Cyrl", "Jamshed"), ("Қасымова", "kk-Cyrl", "Kasymova"), ("Đức", "vi-Latn", "Duc"),
        ("الحسيني", "ar-Arab", "Husseini"), ("الحسيني", "ar-Arab", "حسيني"), ("Alhusseini", "en-Latn", "Husseini"),
        ("Husseini", "en-Latn", "الحسيني"),
    ],
)  # fmt: skip
def test_a_name_of_other_languages(name: str, script: str, text: str) -> None:
    """A name of one letter in East Asia, letters said alike, hooks left out, and an Arabic article left out."""
    assert {"names"} == fields(f"It was {text} who asked.", named(name, script=script))


@for_each(
    ("name", "text"),
    [
        ("هدى", "ھدى"), ("هدى", "ہدى"), ("طه", "طھ"), ("كرم", "ڪرم"), ("ريم", "رېم"), ("علي", "علے"), ("نور", "نۆر"),
        ("فرح", "ڢرح"), ("قمر", "ڧمر"), ("ھدى", "هدى"), ("كرم", "ګرم"), ("زهرا", "ځهرا"), ("شريف", "ښريف"),
        ("منصور", "منڝور"), ("سعيد", "سځيد"), ("جمال", "ڄمال"),
    ],
)  # fmt: skip
def test_a_name_in_letters_of_another_keyboard(name: str, text: str) -> None:
    """Letters of Kurdish, Urdu and the Maghreb that stand for an Arabic one do not hide a name."""
    assert {"names"} == fields(f"يذكر أن {text} طلبت رسالة.", named(name, script="ar-Arab"))


@for_each(
    ("name", "text"),
    [
        ("Bora", "B0ra"), ("Bora", "b0r4"), ("Bora", "B0rës"), ("Maria", "M4r1a"), ("Ali", "Al1"), ("Ali", "4li"),
        ("Ali", "A1i"), ("Leila", "L31l4"), ("Hoxha", "H0xh4"), ("Tetiana", "7e7i4n4"), ("Gjergj", "9jer6j"),
        ("Zef", "2ef"), ("Mirela", "M 1 r 3 l 4"), ("Tatiana", "7-4-7-1-4-n-4"), ("Бора", "Б0ра"), ("Зоя", "3оя"),
        ("Мария", "M4r1a"), ("Oksana", "Окс4на"), ("Omar", "3omar"), ("Ahmed", "a7med"), ("محمد", "Mo7ammed"),
        ("Khaled", "5aled"),
    ],
)  # fmt: skip
def test_digits_for_letters_do_not_hide_a_name(name: str, text: str) -> None:
    """A digit in a word is read as the letters it is typed for, in Latin and Cyrillic."""
    script = "uk-Cyrl" if "\u0400" < name < "\u0500" else "ar-Arab" if name > "\u0600" else "en-Latn"
    assert {"names"} == fields(f"It was {text} who asked.", named(name, script=script))


@pytest.mark.parametrize("name", ["Sam", "Lam", "Ist", "Zahi", "Lan", "Li", "Lea", "Alma"])
def test_numbers_in_words_are_no_names(name: str) -> None:
    """Times, ordinals, units, rooms and acts are not read as a short name that they resemble."""
    text = "At 5am, at 1am and 10am on the 1st and 2nd, room A4, level L1, in 24h; 1an, 5 kg, 8km, COVID19, act 84511."
    assert set() == fields(text, named(name))


@pytest.mark.parametrize("number", ["1234/2026", "nr. 482-2026", "C 1145 / 2026."])
def test_the_year_of_an_act_is_not_its_number(number: str) -> None:
    """A remark that speaks of that year tells nothing of the act; its whole number does."""
    of = {"representative": {"ref": number}}
    assert set() == fields("She has lived in the country since 2026.", of)
    assert {"representative"} == fields(f"See the act {number}", of)


@pytest.mark.parametrize(
    "text",
    ["069 123 45 67", "+355 69 1234567", "00355691234567", "٠٦٩١٢٣٤٥٦٧", "0-6-9-1-2-3-4-5-6-7", "o691234567",
    "0691284567", "a number that ends with 4567", "... 34567",
     "zero six nine one two three four five six seven", "нуль шість дев'ять один два три чотири п'ять шість сім"],
)  # fmt: skip
def test_one_number_in_many_spellings(text: str) -> None:
    """A telephone number of the notes, as people write and dial it."""
    of = {"elements": {}, "national": {"notes": ["calls from 0691234567"]}}
    assert {"national.notes"} == fields(f"Reached at {text}.", of)


@for_each(
    "text",
    ["17 May 1994", "May 17th", "17.05.1994", "17/5/94", "1994-05-17", "the 17th of May", "17 mai",
    "17 de mayo de 1994",
     "17 травня 1994 року", "17 мая", "17. maj 1994", "17 maj", "١٧ مايو ١٩٩٤", "May 1994", "1994", "17051994",
     "940517",
     "17 travnya", "5/1994", "mai 94", "17.V.94", "17. V", "17/V-94", "V 1994"],
)  # fmt: skip
def test_one_date_in_many_spellings(text: str) -> None:
    """Day and month, month and year, the year of birth: each tells."""
    assert {"birth_date"} == fields(f"Said {text}, they think.", record(birth_date="1994-05-17"))


@pytest.mark.parametrize(
    "text", ["27 Ordibehesht 1373", "1373/2/27", "۱۳۷۳", "6 ذو الحجة 1414", "1414 AH", "17/5/2537", "2537"]
)
def test_a_year_of_birth_in_another_calendar_tells_too(text: str) -> None:
    """The year of birth as Iran, the Hijri calendar and Thailand count it."""
    assert {"birth_date"} == fields(f"Said {text}, they think.", record(birth_date="1994-05-17"))
    assert set() == fields(f"Said {text}, they think.", record(birth_date="1998-11-03"))


@for_each(
    ("day", "text"),
    [
        (17, "the seventeenth of May"), (17, "le dix-sept mai"), (17, "el diecisiete de mayo"),
        (17, "pe șaptesprezece mai"), (17, "më shtatëmbëdhjetë maj"), (17, "sedamnaestog maja"),
        (17, "седамнаестог маја"), (17, "сімнадцятого травня"), (17, "семнадцатого мая"), (17, "السابع عشر من مايو"),
        (21, "May twenty-first"), (21, "le vingt et un mai"), (21, "двадцять першого травня"),
        (31, "treizeci și unu mai"),
        (24, "njëzet e katër maj"), (22, "الثاني والعشرين من مايو"), (3, "третього травня"), (5, "п'ятого травня"),
        (19, "дев’ятнадцятого травня"), (1, "le premier mai"),
    ],
)  # fmt: skip
def test_a_day_spelt_out_is_found_beside_its_month(day: int, text: str) -> None:
    """In each of the nine languages, in one word or two."""
    assert {"birth_date"} == fields(f"Said {text}, they think.", record(birth_date=f"1994-05-{day:02}"))
    assert set() == fields(f"Said {text}, they think.", record(birth_date=f"1994-05-{day % 28 + 1:02}"))


@pytest.mark.parametrize("text", ["2026", "in May", "on the 17th", "page 17, line 6", "19 94", "IV 94", "part V of 17"])
def test_a_part_that_everybody_shares_is_no_date(text: str) -> None:
    """A month alone, a day alone or another year says nothing of the date."""
    assert set() == fields(f"Said {text}.", record(birth_date="1994-05-17"))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "1. I want to go home. 2. I am ill."),
        ("en", "At 1 I left"),
        ("sr", "Tačke 1 i 2 su jasne."),
        ("sq", "1 i 2"),
    ],
)
def test_a_word_of_one_letter_beside_a_number_is_no_month(language: str, text: str) -> None:
    """The first of January is the birthday of many whose day nobody knows; a list with numbers does not tell it."""
    assert set() == fields(text, record(birth_date="2008-01-01"), language)


@pytest.mark.parametrize("text", ["1.I.2008", "1/I", "1. I", "3 I 2008 and 1 i 2008"])
def test_january_in_roman_letters_is_a_month(text: str) -> None:
    """With a mark beside it, at the end, or between a day and a year, also in English."""
    assert {"birth_date"} == fields(f"Born {text}.", record(birth_date="2008-01-01"), "en")
    assert {"entry_date"} == fields("Entered 3 I 2024.", record(entry_date="2024-01-03"), "en")


def test_a_day_of_entry_is_found_by_month_and_year() -> None:
    """Dates other than of birth are not found by their year alone, which many things share."""
    of = record(entry_date="2024-08/2024-10")
    assert {"entry_date"} == fields("Entered in August 2024.", of)
    assert {"entry_date"} == fields("Entered in October 2024.", of)
    assert {"entry_date"} == fields("Entered on 3.VIII.2024.", of)
    assert set() == fields("Entered in 2024.", of)


NATIONAL = {
    "elements": {},
    "national": {
        "shelter": "Lighthouse, 4 blue door, Graz",
        "present_address": "Lime Street 12, second floor",
        "notes": ["The man who drove is called Arben. He uses arben_77 and a van GR 482 KL."],
        "health": {"needs": "insulin"},
    },
}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Near the lighthouse.", "national.shelter"), ("In Graz.", "national.shelter"), ("В Граці.",
        "national.shelter"),
        ("The blue door.", "national.shelter"), ("On Lime street.", "national.present_address"),
        ("The second floor", "national.present_address"), ("Арбен", "national.notes"), ("with GR-482-KL",
        "national.notes"),
        ("l i g h t h o u s e", "national.shelter"), ("LIMESTREET", "national.present_address"),
    ],
)  # fmt: skip
def test_the_national_file_is_compared_too(text: str, field: str) -> None:
    """Place of the shelter, address, and whoever the notes name."""
    assert field in fields(text, NATIONAL)


@pytest.mark.parametrize(
    "text",
    [
        "The person can be met on weekdays before noon and speaks a little English.",
        "La personne demande que la réponse soit donnée par écrit.",
        "Se ruega contestar por escrito antes de fin de mes.",
        "Просимо відповісти письмово до кінця місяця.",
        "يرجى الرد كتابة قبل نهاية الشهر.",
    ],
)
def test_a_plain_remark_meets_no_alarm(text: str) -> None:
    """What tells nothing of the case passes."""
    of = {**NATIONAL, "elements": {**named("Hoxha", "Drita")["elements"], "birth_date": "1994-05-17"}}
    assert () == leaks(text, of)


@pytest.mark.parametrize(
    ("number", "text", "is_found"),
    [
        ("ABCD1E", "It is ABCD1E here.", True),
        ("ABCD1E", "It is \u0410\u0412\u0421D1\u0415 here.", True),
        ("AB1C", "See AB1C now.", True),
        ("482", "It is 482 there.", True),
        ("482", "It is 14825 there.", False),
    ],
)
def test_a_short_number_is_found_where_it_stands_whole(number: str, text: str, is_found: bool) -> None:
    """Mostly letters, also such as only look like them; three digits alone, and not within another number."""
    assert ({"personal_number"} if is_found else set()) == fields(text, record(personal_number=number))


@pytest.mark.parametrize(("name", "text"), [("Krasniqi", "iqinsark"), ("Ion", "I\u043en")])
def test_a_name_backwards_or_in_letters_of_another_script_is_found(name: str, text: str) -> None:
    """Whoever knows that names are looked for may write one so."""
    assert {"names"} == fields(f"It was {text} who asked.", named(name))


@pytest.mark.parametrize("text", ["street Lime", "Lime Stret", "Limestreet", "Streetlime"])
def test_two_words_of_an_address_are_found_together(text: str) -> None:
    """In either order, as one word, and with a letter missing."""
    assert {"national.present_address"} == fields(f"Near {text} there.", NATIONAL)


def test_marks_of_redaction_are_not_looked_at() -> None:
    """A person called Person does not make every mark a leak, and a bracket hides nothing else."""
    assert set() == fields("[PERSON] asked, [...] too.", named("Person"))
    assert {"names"} == fields("[HOXHA] asked.", named("Hoxha"))


def test_the_numbers_of_the_case_are_compared() -> None:
    """Its reference and thread are numbers too."""
    found = leaks("about 2Xml2lW8lIXCjs1xU80jTA", record(), ("2Xml2lW8lIXCjs1xU80jTA",))
    assert ["ref"] == [leak.field for leak in found]


def test_the_conditions_that_leave_anyway_are_no_secret() -> None:
    """Until when data is kept stands in the message itself."""
    assert () == leaks("kept until 30 June 2027", {"elements": {}, "handling": {"retain_until": "2027-06-30"}})


def test_a_particle_is_no_name() -> None:
    """Words that many names have and every language too say nothing."""
    assert [] == [one.text for one in secrets(named("de la Cruz")) if one.kind == "name" and len(one.text) < 4]


def test_the_place_is_that_of_the_text_as_it_was_given() -> None:
    """What a page would mark is the name with whatever stood inside it."""
    text = "Ask D-r-i-t-a now."
    (leak,) = leaks(text, named("Drita"))
    assert "D-r-i-t-a" == text[leak.start : leak.end]


def test_the_oracle_of_these_tests_is_no_part_of_the_code() -> None:
    """The disguises are made by tables of their own: a fault in one does not hide itself in the other."""
    source = Path(disguises.__file__).read_text(encoding="utf-8")
    assert "gateway" not in re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)


WRITTEN_BY_HAND = [
    *(("national", name) for name in sorted(schemas.load("case-draft")["properties"]["national"]["properties"])),
    *(("asylum", name) for name in ("attested_by", "basis")),
    *(("consent", name) for name in ("by", "scope")),
    ("endangerment_check", "by"), ("representative", "signed_by"), ("transfer_ground", "reference"),
]  # fmt: skip


@for_each(("group", "member"), WRITTEN_BY_HAND)
def test_whatever_is_written_by_hand_is_compared(group: str, member: str) -> None:
    """No place for free words in a record is left out: a name and a number in it are found."""
    of = {"elements": {}, group: {member: "He was seen with Zeqiri, file 7714093."}}
    assert {f"{group}.{member}"} == fields("It was Zeqiri who asked.", of)
    assert {f"{group}.{member}"} == fields("It is about 7714093.", of)


def test_what_cannot_be_compared_in_time_is_not_compared() -> None:
    """A gateway does not stand still for a record of thousands of names; it is told, and holds the remark."""
    words = [f"{a}{b}{c}{d}".capitalize() for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES for d in SYLLABLES]
    text = " ".join(words[:90])
    with pytest.raises(TooMuch):
        leaks(text, {"elements": {}, "national": {"shelter": words[1_000:6_000]}})


def test_a_long_record_is_compared_in_time() -> None:
    """Five hundred names in the notes, and a remark of the usual length: well under a second of work."""
    words = [f"{a}{b}{c}{d}".capitalize() for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES for d in SYLLABLES]
    of = {"elements": {}, "national": {"shelter": words[:500]}}
    text = "The person waits for an answer in writing from the office that took the papers to the court on Monday. " * 5
    start = time.process_time()
    leaks(text[:500], of, (), "en")
    assert time.process_time() - start < 4


SYLLABLES = ("ba", "do", "gi", "ku", "le", "mo", "ni", "pu", "ra")
