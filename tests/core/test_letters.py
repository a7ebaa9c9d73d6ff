"""Letters that are forms of one: whole for every letter there is, done once, and never out of its script."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.letters import OWN, plain_letter, plain_letters
from gateway.core.spellings import sounds
from tests.core.person_files import both_meet, name, values
from tests.support.rows import for_each

ARABIC = [
    char
    for first, last in ((0x620, 0x64A), (0x66E, 0x6D5), (0x6EE, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8C7))
    for char in map(chr, range(first, last + 1))
    if unicodedata.category(char) == "Lo" and unicodedata.normalize("NFKD", char) == char
]
BASIC = frozenset("ابتثجحخدذرزسشصضطظعغفقكلمنهويء" + "پچژگڤ")


def test_every_arabic_letter_is_one_of_those_that_have_a_sound() -> None:
    """Of every letter of the Arabic blocks it is known for which of 34 it stands; of none nothing is."""
    assert {char for char in ARABIC if plain_letter(char) not in BASIC} == {"\u0674"}
    assert [char for char in BASIC if plain_letter(char) != char or sounds(char) == ((), ())] == []


def test_a_name_in_any_form_of_a_letter_meets() -> None:
    """Two files meet whichever form of a letter stands in a name, in the family or the given name."""
    apart = []
    for char in ARABIC:
        with_form, with_plain = f"منص{char}ور", f"منص{plain_letter(char)}ور"
        plain = values(name(with_plain, "مريم", "ar-Arab"))
        family = values(name(with_form, "مريم", "ar-Arab"))
        given = values(name(None, None, "ur-Arab", f"{with_form} مريم"))
        apart += [f"U+{ord(char):04X}" for form in (family, given) if not both_meet(form, plain)]
    assert [] == apart


def test_what_has_a_name_of_its_own_is_a_letter() -> None:
    """Every name in the table is that of a character, in one case at least, and leads to another."""
    for form, letter in OWN.items():
        cases = {
            text.replace(" SMALL ", f" {case} ").replace(" CAPITAL ", f" {case} ")
            for text in (form,)
            for case in ("SMALL", "CAPITAL")
        }
        assert any(_is_known(one) for one in cases), form
        assert form != letter
        assert _is_known(letter), letter


def _is_known(text: str) -> bool:
    try:
        return bool(unicodedata.lookup(text))
    except KeyError:
        return False


@given(st.characters())
def test_it_is_done_once(char: str) -> None:
    """The letter that another is a form of is a form of none."""
    plain = plain_letter(char)
    assert plain_letters(plain) == plain
    assert len(plain) <= 1


@given(st.characters(categories=("Lu", "Ll", "Lo", "Lt")))
def test_a_letter_stays_in_its_script(char: str) -> None:
    """No letter becomes one of another script, katakana apart, which is hiragana then; and its case stays."""
    plain = plain_letter(char)
    if plain:
        script = unicodedata.name(char, "").partition(" ")[0].replace("KATAKANA", "HIRAGANA")
        assert script == unicodedata.name(plain, "").partition(" ")[0].replace("KATAKANA", "HIRAGANA")
        assert char.isupper() <= plain.isupper() or unicodedata.category(char) == "Lt"


SAME = {
    "swash kaf": (name("ڪريم", "سعاد", "ar-Arab"), name("كريم", "سعاد", "ar-Arab")),
    "feh of the Maghreb": (name("ڢرحات", "سعاد", "ar-Arab"), name("فرحات", "سعاد", "ar-Arab")),
    "qaf of the Maghreb": (name("ڧاسم", "سعاد", "ar-Arab"), name("قاسم", "سعاد", "ar-Arab")),
    "Urdu": (name("بٹ", "شاہین", "ur-Arab"), name("بت", "شاهين", "ar-Arab")),
    "Kurdish": (name("ڕەسووڵ", "هێرۆ", "ckb-Arab"), name("رهسوول", "هيرو", "ar-Arab")),
    "Pashto in Dari": (name("ځدراڼ", "ګلالۍ", "ps-Arab"), name("زدران", "گلالی", "fa-Arab")),
    "Pashto by ear": (name("ځدراڼ", "ګلالۍ", "ps-Arab"), name("Zadran", "Golalai")),
    "a Maghrebi letter and its Latin form by ear": (name("بلڧاسم", "ڢاطمة", "ar-Arab"), name("Belkacem", "Fatima")),
    "Tajik letters": (name("Раҳмонов", "Ҷамшед", "tg-Cyrl"), name("Рахмонов", "Чамшед", "ru-Cyrl")),
    "Tajik by ear": (name("Раҳмонов", "Ҷамшед", "tg-Cyrl"), name("Rahmonov", "Jamshed")),
    "Kazakh in Russian letters": (name("Қасымова", "Әлия", "kk-Cyrl"), name("Касымова", "Алия", "ru-Cyrl")),
    "Hausa hooks left out": (name("Ɗanladi", "Ƙasimu", "ha-Latn"), name("Danladi", "Kasimu")),
    "Ewe letters": (name("Agbɛko", "Kɔku", "ee-Latn"), name("Agbeko", "Koku")),
    "Sámi letters": (name("Меҋев", "Анна", "sjd-Cyrl"), name("Меиев", "Анна", "ru-Cyrl")),
    "a letter without a capital": (name("Taɽaɳi", "Mina", "pa-Latn"), name("Tarani", "Mina")),
    "Amharic letters said alike": (name("ኃይሉ", "ሠላም", "am-Ethi"), name("ሀይሉ", "ሰላም", "am-Ethi")),
    "Amharic first letters": (name("ዓለሙ", "ፀሐይ", "am-Ethi"), name("አለሙ", "ጸሀይ", "am-Ethi")),
    "katakana and hiragana": (name("佐藤", "サクラ", "ja-Jpan"), name("佐藤", "さくら", "ja-Jpan")),
    "a dot between words of a Uyghur name": (
        name(None, None, "zh-Hans", "阿依古丽·买买提"),
        name(None, None, "zh-Hans", "阿依古丽•买买提"),
    ),
    "that dot and a space": (name(None, None, "zh-Hans", "阿依古丽·买买提"), name("买买提", "阿依古丽", "zh-Hans")),
    "a slash between names": (name("Okafor", "Ada/Ngozi"), name("Okafor", "Ngozi")),
    "an acute accent for an apostrophe": (name("O´Connor", "Sinéad"), name("OConnor", "Sinead")),
    "a prime for an apostrophe": (name("Лук′янчук", "Ольга", "uk-Cyrl"), name("Лук'янчук", "Ольга", "uk-Cyrl")),
}


@for_each("case", SAME)
def test_letters_of_another_keyboard_meet(case: str) -> None:
    """Two files of one person meet whatever keyboard her name was typed on."""
    ours, theirs = SAME[case]
    assert both_meet(values(ours), values(theirs))


def test_a_voiced_kana_is_another_letter() -> None:
    """Katō and Gatō are two names: the mark of a voiced kana is no accent."""
    assert not both_meet(values(name("かとう", "はな", "ja-Jpan")), values(name("がとう", "はな", "ja-Jpan")))
