"""Names: the tables of ICAO Doc 9303 part 3, sets of Latin forms, comparing, and texts that are no name."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.names import (
    ARABIC,
    BY_LANGUAGE,
    CYRILLIC,
    FORMS_MAX,
    LATIN,
    USAGE,
    BadText,
    NoTable,
    check_text,
    compare_lists,
    compare_names,
    fold,
    transliterate,
)
from tests.support.rows import for_each


def name(family: str | None, given: str | None, script: str, **more: object) -> dict[str, object]:
    """Return a wire name."""
    parts = {"use": "document", "family": family, "given": given, "patronymic": None, "full": None, "latin": None}
    return {**parts, "script": script, **more}


# --- table A ----------------------------------------------------------------------------------------------------------


@for_each(
    ("text", "expected"),
    [
        ("Ä", ("AE", "A")),
        ("Å", ("AA", "A")),
        ("Ö", ("OE", "O")),
        ("Ü", ("UE", "UXX", "U")),
        ("Ñ", ("N", "NXX")),
        ("ß", ("SS",)),
        ("ẞ", ("SS",)),
        ("Æ", ("AE",)),
        ("Ø", ("OE",)),
        ("Þ", ("TH",)),
        ("Ł", ("L",)),
        ("ı", ("I",)),
        ("İ", ("I",)),
        ("Ĳ", ("IJ",)),
        ("Thérèse", ("THERESE",)),
        ("Cañon", ("CANON", "CANXXON")),
        ("Müller", ("MUELLER", "MUXXLLER", "MULLER")),
        ("O'Connor", ("OCONNOR",)),
        ("O\u2019Connor", ("OCONNOR",)),
        ("Smith-Jones", ("SMITH JONES",)),
        ("van  der Muellen", ("VAN DER MUELLEN",)),
        ("Ștefănescu", ("STEFANESCU",)),
        ("Nguyễn", ("NGUYEN",)),
        ("Mu\u0308ller", ("MUELLER", "MUXXLLER", "MULLER")),
        ("", ()),
        (" - ", ()),
    ],
)
def test_latin(text, expected):
    """Latin letters have the outputs of table A, several where the table has several."""
    assert expected == transliterate(text, "Latn")


def test_one_system_within_a_name():
    """The same letter has the same output throughout one text; another letter is free."""
    assert ("MAEAE", "MAA") == transliterate("Mää", "fi-Latn")
    assert ("AEOE", "AEO", "AOE", "AO") == transliterate("Äö", "fi-Latn")


# --- table B ----------------------------------------------------------------------------------------------------------


@for_each(
    ("text", "script", "expected"),
    [
        ("Григорий", "ru-Cyrl", "GRIGORII"),
        ("Григорій", "uk-Cyrl", "HRYHORII"),
        ("Щербаков Юрий", "ru-Cyrl", "SHCHERBAKOV IURII"),
        ("Юрій", "uk-Cyrl", "YURII"),
        ("Яна Єва Їжак Йосип", "uk-Cyrl", "YANA YEVA YIZHAK YOSYP"),
        ("Марія Андріївна", "uk-Cyrl", "MARIIA ANDRIIVNA"),
        ("Подъячев", "ru-Cyrl", "PODIEIACHEV"),
        ("Ольга Соловьёва", "ru-Cyrl", "OLGA SOLOVEVA"),
        ("Жељко Ђорђевић", "sr-Cyrl", "ZELJKO DORDEVIC"),
        ("Џаја Њушка Шћекић", "sr-Cyrl", "DZAJA NJUSKA SCEKIC"),
        ("Ѓорѓи Ќулафков Џамбаз", "mk-Cyrl", "GJORGJI KJULAFKOV DJAMBAZ"),
        ("Щерев", "bg-Cyrl", "SHTEREV"),
        ("Ёсіф Ігар", "be-Cyrl", "IOSIF IHAR"),
        ("Святлана Ўладзімір", "be-Cyrl", "SVIATLANA ULADZIMIR"),
        ("Юрій", "ukr-Cyrl", "YURII"),
        ("Мар\u02bcяна", "uk-Cyrl", "MARIANA"),
        ("Мари\u0301я", "ru-Cyrl", "MARIIA"),
    ],
)
def test_cyrillic(text, script, expected):
    """Table B depends on the language, and in Ukrainian on the place in the word."""
    assert expected == transliterate(text, script)[0]


def test_an_open_language_gives_every_language():
    """Where the language is not known, the outputs of each are candidates, those that hold for most first."""
    assert ("G", "H") == transliterate("Г", "Cyrl")
    assert {"GRIGORII", "HRYHORYI"} <= set(transliterate("Григорий", "und-Cyrl"))


def test_one_name_in_two_languages():
    """A name written in Russian and in Ukrainian letters meets in its Latin forms."""
    russian, ukrainian = name("Григорович", "Юрий", "ru-Cyrl"), name("Григорович", "Юрій", "uk-Cyrl")
    assert "NAME_TRANSLIT" == compare_names(russian, ukrainian)


# --- table C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ابو بكر محمد بن زكريا الرازي", ("ABW BKR MXHMD BN ZKRYA ALRAZY",)),
        ("فاطمة", ("FAXTTMXAH", "FAXTTMXTA")),
        ("فاطمة الزهراء", ("FAXTTMXAH ALZHRAXE", "FAXTTMXTA ALZHRAXE")),
        ("مُحَمَّد", ("MXHMMD", "MXHMD")),
        ("فضّة", ("FXDZXDZXAH", "FXDZXAH", "FXDZXDZXTA", "FXDZXTA")),
        ("محـــمد", ("MXHMD",)),
        ("گل", ("XGGL",)),
    ],
)
def test_arabic(text, expected):
    """Table C gives consonants; shadda doubles or is left out; teh marbuta has two outputs."""
    assert set(expected) == set(transliterate(text, "ar-Arab"))
    assert expected[0] == transliterate(text, "ar-Arab")[0]


def test_teh_marbuta_inside_a_word():
    """Within a word the general output comes first."""
    assert ("XTAB", "XAHB") == transliterate("ةب", "ar-Arab")


def test_presence_of_shadda_does_not_matter():
    """A pointed and a bare spelling agree."""
    pointed, bare = name("مُحَمَّد", "عليّ", "ar-Arab"), name("محمد", "علي", "ar-Arab")
    assert "NAME_TRANSLIT" == compare_names(pointed, bare)


# --- all tables -------------------------------------------------------------------------------------------------------


@for_each("table", [LATIN, CYRILLIC, ARABIC, *BY_LANGUAGE.values(), *USAGE.values()])
def test_tables_give_letters(table):
    """Every row is one letter and gives letters A to Z, or nothing."""
    for letter, outputs in table.items():
        assert 1 == len(letter)
        assert outputs
        assert all(out == "" or (out.isascii() and out.isalpha() and out.isupper()) for out in outputs)


def test_tables_are_of_one_script():
    """No row has fallen into the table of another script."""
    for word, table in (("LATIN", LATIN), ("CYRILLIC", CYRILLIC), ("ARABIC", ARABIC)):
        assert {word} == {unicodedata.name(letter).split()[0] for letter in table}
    for table in (*BY_LANGUAGE.values(), *USAGE.values()):
        assert set(table) <= set(CYRILLIC)


@pytest.mark.parametrize(("text", "forms"), [("Maria\u0640", ("MARIA",)), ("\u04c0", ()), ("\u0674", ())])
def test_what_says_nothing_is_left_out_where_it_is_called_latin(text, forms):
    """A tatweel, a palochka or a high hamza is nothing in a name of any script, whichever the desk has chosen."""
    assert forms == transliterate(text, "Latn", usage=True)


@pytest.mark.parametrize(
    ("text", "script"), [("ლევან", "ka-Geor"), ("Иван", "ru-Latn"), ("Ivan", "ru-Cyrl"), ("Ivan", "fa-Arab")]
)
def test_no_table(text, script):
    """A script without a table, or a letter that is not of the script, has no output."""
    with pytest.raises(NoTable):
        transliterate(text, script)


def test_the_number_of_forms_is_bounded():
    """A name with every ambiguous letter has no more forms than the limit, quickly."""
    text = "ГИЙЄЇЮЯГИЙЄЇЮЯ ГИЙЄЇЮЯ"
    started = time.process_time()
    assert len(transliterate(text, "Cyrl", usage=True)) <= FORMS_MAX
    hostile = name(text, text, "und-Cyrl", full=text)
    compare_names(hostile, name("Б", "Б", "ru-Cyrl", full="Б Б"))
    assert time.process_time() - started < 2


@given(st.text(max_size=20), st.sampled_from(["Latn", "ru-Cyrl", "uk-Cyrl", "ar-Arab", "Cyrl"]), st.booleans())
def test_forms_are_latin_letters(text, script, usage):
    """Whatever the text, its forms are words of A to Z, all different, or there is no table."""
    try:
        forms = transliterate(text, script, usage)
    except NoTable:
        return
    assert len(set(forms)) == len(forms)
    for form in forms:
        assert form == " ".join(form.split())
        assert form.replace(" ", "").isascii()
        assert form.replace(" ", "").isalpha()


@given(st.text("АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюя", min_size=1, max_size=12))
def test_usage_only_adds(text):
    """What is met in documents is added to what the table gives, and nothing is taken away."""
    assert set(transliterate(text, "ru-Cyrl")) <= set(transliterate(text, "ru-Cyrl", usage=True)) or FORMS_MAX == len(
        transliterate(text, "ru-Cyrl", usage=True)
    )


# --- comparing --------------------------------------------------------------------------------------------------------


@for_each(
    ("a", "b"),
    [
        ("Müller", "MULLER"),
        ("Łukasz", "lukasz"),
        ("Straße", "STRASSE"),
        ("O'Connor", "OConnor"),
        ("Smith-Jones", "smith  jones"),
        ("İbrahim", "ibrahim"),
        ("Ёлкин", "ЕЛКИН"),
        ("أحمد", "احمد"),
        ("فاطمة", "فاطمه"),
        ("مُحَمَّد", "محمد"),
        ("مصطفى", "مصطفي"),
        ("کریم", "كريم"),
        ("Γιώργος", "ΓΙΩΡΓΟΣ"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_fold(a, b):
    """Spellings that differ by case, marks, points or apostrophes fold together."""
    assert fold(a) == fold(b)


def test_fold_keeps_vowels_of_india():
    """Marks that are vowels are kept, so different names stay different."""
    assert fold("\u0930\u093e\u092e") != fold("\u0930\u092e")
    assert fold("\u0915\u0941") != fold("\u0915")


@given(st.text(max_size=20))
def test_fold_again_changes_nothing(text):
    """Folding is done once and for all."""
    assert fold(fold(text)) == fold(text)


def test_every_letter_folds_to_one_that_folds_to_itself():
    """A letter, its capital and its small one fold to the same, which has no other capital and no form left in it."""
    letters = [char for char in map(chr, range(0x20000)) if unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lm")]
    folded = {char: fold(char) for char in letters}
    assert [char for char, form in folded.items() if fold(form) != form or form.upper() != form] == []
    assert [char for char in letters if {fold(char.upper()), fold(char.lower())} != {folded[char]}] == []


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (name("Müller", "Anna", "de-Latn"), name("MÜLLER", "anna", "de-Latn"), "NAME_EXACT"),
        (name("Müller", "Anna", "de-Latn"), name("Mueller", "Anna", "en-Latn"), "NAME_TRANSLIT"),
        (name("Müller", "Anna", "de-Latn"), name("Muller", "Anna", "en-Latn"), "NAME_TRANSLIT"),
        (name("Иванов", "Юрий", "ru-Cyrl"), name("IVANOV", "IURII", "en-Latn"), "NAME_TRANSLIT"),
        (name("Иванов", "Юрий", "ru-Cyrl"), name("Ivanov", "Yuri", "en-Latn"), None),
        (name("Иванов", "Юрий", "ru-Cyrl"), name("Ivanov", "Yurii", "en-Latn"), "NAME_TRANSLIT"),
        (name("Müller", "Anna", "de-Latn"), name("Müller", "Hanna", "de-Latn"), None),
        (name("Müller", None, "de-Latn"), name("Müller", "Anna", "de-Latn"), None),
        (name(None, "Suharto", "id-Latn"), name(None, "SUHARTÓ", "id-Latn"), "NAME_TRANSLIT"),
        (name("Иванов", "Юрий", "ru-Cyrl"), name("Иванов", "Юрий", "uk-Cyrl"), "NAME_EXACT"),
        (name("ლომიძე", "ლევან", "ka-Geor"), name("ლომიძე", "ლევან", "ka-Geor"), "NAME_EXACT"),
    ],
)
def test_compare(a, b, expected):
    """Two names agree exactly, through a Latin form, or not as far as anyone can say; and both ways alike."""
    assert (expected, expected) == (compare_names(a, b), compare_names(b, a))


def test_a_latin_form_that_came_along_counts():
    """A romanised form from a document finds a name for whose script there is no table."""
    latin = {"family": "Lomidze", "given": "Levan", "patronymic": None, "full": None, "system": "ICAO9303"}
    georgian = name("ლომიძე", "ლევან", "ka-Geor", latin=latin)
    assert "NAME_TRANSLIT" == compare_names(georgian, name("LOMIDZE", "LEVAN", "en-Latn"))


def test_a_name_that_is_not_divided():
    """A whole name agrees with a divided one of the same words in any order, and with no other."""
    whole = name(None, None, "en-Latn", full="Anna Maria Eriksson")
    assert "NAME_TRANSLIT" == compare_names(whole, name("Eriksson", "Anna Maria", "sv-Latn"))
    assert "NAME_TRANSLIT" == compare_names(name("Eriksson", "Maria Anna", "sv-Latn"), whole)
    assert None is compare_names(whole, name("Eriksson", "Anna", "sv-Latn"))
    assert None is compare_names(whole, name("Eriksson", "Anna Maria Anna", "sv-Latn"))


def test_two_whole_names():
    """Two whole names agree through their forms, and two different ones do not agree for lack of parts."""
    a, b = (name(None, None, "de-Latn", full=text) for text in ("Anna Müller", "Anna Mueller"))
    assert "NAME_TRANSLIT" == compare_names(a, b)
    assert None is compare_names(a, name(None, None, "de-Latn", full="Berta Mayer"))


def test_the_best_of_two_lists():
    """Of several names the best agreement counts."""
    ours = [name("Müller", "Anna", "de-Latn"), name("Schmidt", "Anna", "de-Latn")]
    assert "NAME_EXACT" == compare_lists(ours, [name("Mueller", "Anna", "de-Latn"), name("Schmidt", "Anna", "de-Latn")])
    assert "NAME_TRANSLIT" == compare_lists(ours, [name("Mueller", "Anna", "de-Latn")])
    assert None is compare_lists(ours, [name("Mayer", "Anna", "de-Latn")])
    assert None is compare_lists([], ours)


def test_the_patronymic_is_not_compared():
    """A register without a patronymic still agrees."""
    ours = name("Иванов", "Юрий", "ru-Cyrl", patronymic="Петрович")
    assert "NAME_TRANSLIT" == compare_names(ours, name("Ivanov", "Iurii", "en-Latn"))


# --- what is no name --------------------------------------------------------------------------------------------------

GOOD = [
    "Anna",
    "O'Connor",
    "O\u2019Connor",
    "Jean-Pierre",
    "Nguyễn Thị",
    "Мар\u02bcяна",
    "محمد",
    "مُحَمَّد",
    "שָׁלוֹם",
    "山田 たろう",
    "ლევან",
    "Ĳsbrand",
    "Martin Luther King, Jr.",
    "Anna Анна",
    "\u0915\u094d\u0937\u093f",
]


@for_each("text", GOOD)
def test_names(text):
    """Names of many scripts are names, even a second word in another script."""
    check_text(text, 80)


BAD = {
    "empty": ("", "length"),
    "long": ("a" * 81, "length"),
    "space before": (" Anna", "space"),
    "newline after": ("Anna\n", "space"),
    "null": ("An\0na", "control"),
    "tab": ("An\tna", "control"),
    "line separator": ("An\u2028na", "control"),
    "right to left override": ("An\u202ena", "control"),
    "isolate": ("An\u2066na", "control"),
    "zero width space": ("An\u200bna", "control"),
    "zero width joiner": ("An\u200dna", "control"),
    "soft hyphen": ("An\u00adna", "control"),
    "no-break space": ("An\u00a0na", "control"),
    "byte order mark": ("An\ufeffna", "control"),
    "grapheme joiner": ("An\u034fna", "control"),
    "hangul filler": ("An\u3164na", "control"),
    "variation selector": ("An\ufe0fna", "control"),
    "variation selector of plane 14": ("An\U000e0100na", "control"),
    "last variation selector": ("An\U000e01efna", "control"),
    "filler of a small script": ("An\U00016fe4na", "control"),
    "blank of Braille": ("An\u2800na", "control"),
    "note without a head": ("An\U0001d159na", "control"),
    "shorthand control": ("An\U0001bca0na", "control"),
    "tag": ("An\U000e0041na", "control"),
    "private use": ("An\ue000na", "control"),
    "surrogate": ("An\ud800na", "control"),
    "unassigned": ("An\u0378na", "control"),
    "full width": ("\uff21nna", "form"),
    "mathematical": ("\U0001d400nna", "form"),
    "presentation form": ("\ufeb3", "form"),
    "superscript": ("Ann\u1d43", "form"),
    "marks": ("Anna" + "\u0301" * 5, "marks"),
    "cyrillic a": ("Ann\u0430", "mixed"),
    "greek o": ("\u039fConnor", "mixed"),
    "latin in cyrillic": ("Ив\u0061н", "mixed"),
    "armenian": ("\u0555Connor", "mixed"),
}


@for_each(("text", "code"), BAD.values(), ids=BAD)
def test_no_names(text, code):
    """What hides, reverses or imitates is refused with its code, and is not quoted."""
    with pytest.raises(BadText) as refused:
        check_text(text, 80)
    assert code == refused.value.code
    assert len(text) < 3 or text not in str(refused.value)


@pytest.mark.parametrize("code", [0x34F, 0x115F, 0x180B, 0x2800, 0x3164, 0xFE0F, 0x16FE4, 0x1D159, 0xE0100, 0xE01EF])
def test_what_nobody_sees_is_not_compared(code):
    """A name with a character that cannot be seen has the forms of the name without it."""
    hidden = f"He{chr(code)}lena"
    assert (fold("Helena"), transliterate("Helena", "Latn")) == (fold(hidden), transliterate(hidden, "Latn"))


@given(st.text(max_size=20))
def test_nothing_but_its_own_error(text):
    """Any text is a name or raises the one error, and a name is printable."""
    try:
        check_text(text, 20)
    except BadText:
        return
    assert text.isprintable()
