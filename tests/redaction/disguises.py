"""
Names, numbers and dates, and the ways in which people (and those who hide) write them, as Hypothesis strategies.

The tables here are of these tests alone; nothing of the gateway is used, so that a fault there does not hide itself.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache

from hypothesis import strategies as st

FIRST, LAST = date(1950, 1, 1), date(2015, 12, 31)


@dataclass(frozen=True)
class Name:
    """A word of a name, in its script."""

    text: str
    script: str


KNOWN = {
    "sq-Latn": "Hoxha Drita Krasniqi Gjergj Mirela Shpresa Zeqiri Besnik Lindita Arben Flutura".split(),
    "ro-Latn": "Popescu Cătălina Ștefan Ioana Dumitrașcu Țurcanu Gheorghe Ilinca Munteanu Viorica".split(),
    "fr-Latn": "Dubois François Hélène Guillaume Lefèvre Chantal Mireille Rousseau".split(),
    "es-Latn": "García Lucía Jiménez Begoña Muñoz Guillermo Yolanda Vázquez".split(),
    "pl-Latn": "Łukasz Wójcik Świętosław Żaneta Krzysztof Małgorzata".split(),
    "uk-Cyrl": "Шевченко Оксана Щербак Гнатюк Дмитро Ярослава Тетяна Коваленко Зінаїда Юрій".split(),
    "ru-Cyrl": "Иванова Алексей Кузнецова Наталья Сергеев Татьяна Жуков Цветкова Владимир".split(),
    "sr-Cyrl": "Петровић Јелена Милорад Живковић Снежана Драган Његош".split(),
    "ar-Arab": "محمد فاطمة إبراهيم عبدالرحمن خديجة مصطفى الحسيني زينب سليمان كريم منصور".split(),
    "el-Grek": "Παπαδόπουλος Γεώργιος Ελευθερία Δημήτρης Κωνσταντίνος Νικολέτα".split(),
}
_SYLLABLES = {
    "en-Latn": ("bdfgklmnprstvz", "aeiou"),
    "ro-Latn": ("bdfglmnprstvzșț", "aeiouăâ"),
    "ru-Cyrl": ("бвдзклмнпрстф", "аеиоу"),
    "uk-Cyrl": ("бвдзклмнпрстф", "аеиоуі"),
    "el-Grek": ("βδκλμνπρστφ", "αειο"),
}


@st.composite
def _made(draw: st.DrawFn) -> Name:
    """Return a name nobody has, of three or four syllables."""
    script = draw(st.sampled_from(sorted(_SYLLABLES)))
    consonants, vowels = _SYLLABLES[script]
    count = draw(st.integers(3, 4))
    parts = [draw(st.sampled_from(consonants)) + draw(st.sampled_from(vowels)) for _ in range(count)]
    tail = draw(st.sampled_from(("", draw(st.sampled_from(consonants)))))
    return Name(("".join(parts) + tail).capitalize(), script)


@cache
def names() -> st.SearchStrategy[Name]:
    """Return names that people have, and names that nobody has."""
    pairs = [Name(text, script) for script, texts in KNOWN.items() for text in texts]
    return st.one_of(st.sampled_from(pairs), _made())


# Disguises of a name.

_CYRILLIC = [
    dict(
        zip(
            "абвгґдеєжзиіїйклмнопрстуфхцчшщъыьэюяёђјљњћџ",
            table.split(),
            strict=True,
        )
    )
    for table in (
        "a b v g g d e ie zh z i i i i k l m n o p r s t u f kh ts ch sh shch - y - e iu ia e d j lj nj c dz",
        "a b v h g d e ye zh z y i yi y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya yo dj j lj nj c dz",
        "a b v g g d e je ž z i i ji j k l m n o p r s t u f h c č š šč - y - e ju ja jo đ j lj nj ć dž",
        "a b v g g d e ie j z i i i i k l m n o p r s t ou f kh ts tch ch chtch - y - e iou ia io dj i lj nj tch dj",
    )
]
_SHORT = {
    "محمد": "mohamed",
    "كريم": "karim",
    "منصور": "mansur",
    "سليمان": "suleiman",
    "مصطفى": "mustafa",
    "زينب": "zeinab",
}
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώ",
        "a v g d e z i th i k l m n x o p r s t y f ch ps o s a e i i o y o".split(),
        strict=True,
    )
)
_TO_CYRILLIC = dict(
    zip("abcdefghiklmnoprstuvwxyzjq", "а б к д е ф г х и к л м н о п р с т у в в кс и з й к".split(), strict=True)
)
_TO_GREEK = dict(
    zip("abcdefghiklmnoprstuvwxyzjq", "α μπ κ ντ ε φ γ χ ι κ λ μ ν ο π ρ σ τ ου β ου ξ υ ζ ι κ".split(), strict=True)
)
_TO_ARABIC = dict(
    zip("abcdefghiklmnoprstuvwxyzjq", "ا ب ك د ي ف غ ه ي ك ل م ن و ب ر س ت و ف و كس ي ز ي ق".split(), strict=True)
)
_DIGRAPHS = {
    "cyrillic": {"sh": "ш", "ch": "ч", "zh": "ж", "xh": "дж", "gj": "дь", "dj": "дж", "th": "т", "q": "ч", "x": "дз"},
    "arabic": {"sh": "ش", "ch": "تش", "zh": "ج", "xh": "ج", "gj": "ج", "dj": "ج", "th": "ث", "q": "تش"},
    "greek": {"sh": "σ", "ch": "τσ", "zh": "ζ", "xh": "τζ", "gj": "γκι", "dj": "τζ", "th": "θ", "q": "τσ", "x": "τζ"},
}


def _plain(text: str) -> str:
    spread = unicodedata.normalize("NFKD", text.casefold().translate({ord("ł"): "l", ord("đ"): "dj", ord("ø"): "o"}))
    return "".join(char for char in spread if not unicodedata.combining(char))


def _by(text: str, table: dict[str, str], digraphs: dict[str, str] | None = None) -> str:
    low, made, at = text, "", 0
    while at < len(low):
        pair = low[at : at + 2]
        if digraphs and pair in digraphs:
            made, at = made + digraphs[pair], at + 2
        elif digraphs and low[at] in digraphs:
            made, at = made + digraphs[low[at]], at + 1
        else:
            made, at = made + table.get(low[at], low[at]).replace("-", ""), at + 1
    return made


def transliterations(name: Name) -> list[str]:
    """Return the name in other scripts, as somebody would write it there."""
    low = unicodedata.normalize("NFC", name.text.casefold())
    if name.script.endswith("Cyrl"):
        return [_by(low, table) for table in _CYRILLIC]
    if name.script.endswith("Arab"):
        return [_SHORT[low]] if low in _SHORT else []
    if name.script.endswith("Grek"):
        return [_by(low.replace("ου", "ou"), _GREEK)]
    plain = _plain(low)
    if name.script == "sq-Latn":
        pairs = _DIGRAPHS
        made = [(_TO_CYRILLIC, pairs["cyrillic"]), (_TO_ARABIC, pairs["arabic"]), (_TO_GREEK, pairs["greek"])]
        return [_by(plain, table, digraphs) for table, digraphs in made]
    if name.script == "en-Latn":
        return [_by(plain, table) for table in (_TO_CYRILLIC, _TO_ARABIC, _TO_GREEK)]
    return []


_BETWEEN = (" ", "-", ".", "_", "·", "\n", "  ", "/", "\u00a0", " - ", "*", "\u200b", "\u00ad", "، ", "|")
_ENDINGS = {"Latn": ("s", "'s", "i", "it", "ës", "ului", "ei"), "Cyrl": ("а", "у", "ом", "ой", "ові", "и", "е")}
_WIDE = {ord(c): chr(ord(c) + 0xFEE0) for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_LOOKS = str.maketrans("aeopcyxiAEOPCXHKMTB", "аеорсухіАЕОРСХНКМТВ")


@st.composite
def disguised_name(draw: st.DrawFn, name: Name) -> str:
    """Return the name as it is written, hidden, declined, transliterated or mistyped."""
    text, whole = name.text, True
    if (others := transliterations(name)) and draw(st.booleans()):
        text, whole = draw(st.sampled_from(others)), False
    kind = draw(
        st.sampled_from(("as it is", "spaced", "broken", "ending", "typo", "form", "looks", "glued", "accents"))
    )
    if kind == "spaced":
        text = draw(st.sampled_from(_BETWEEN)).join(text)
    elif kind == "broken":
        at = draw(st.integers(1, len(text) - 1))
        # In another script a space may make two words of a name, and then it is none (said in ``leaks``).
        marks = _BETWEEN if whole else tuple(mark for mark in _BETWEEN if " " not in mark or "-" in mark)
        text = text[:at] + draw(st.sampled_from(marks)) + text[at:]
    elif kind == "ending" and whole:
        text += draw(st.sampled_from(_ENDINGS.get(name.script[-4:], ("",))))
    elif kind == "typo" and whole and len(text) >= 6:
        text = _mistyped(draw, text)
    elif kind == "form":
        text = draw(st.sampled_from((text.translate(_WIDE), unicodedata.normalize("NFD", text))))
    elif kind == "looks" and whole:
        text = text.translate(_LOOKS)
    elif kind == "glued" and whole and len(text) >= 5:
        text = draw(st.sampled_from(("x", "de", "mr"))) + text
    elif kind == "accents" and not name.script.endswith("Arab"):
        text = "".join(char + draw(st.sampled_from(("", "\u0301", "\u0308"))) for char in text)
    return draw(st.sampled_from((text, text.upper(), text.lower(), text.title(), text.swapcase())))


def _mistyped(draw: st.DrawFn, text: str) -> str:
    at = draw(st.integers(1, len(text) - 2))
    letter = draw(st.sampled_from(text.lower()))
    return draw(
        st.sampled_from(
            (
                text[:at] + text[at + 1 :],
                text[:at] + letter + text[at:],
                text[:at] + letter + text[at + 1 :],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            )
        )
    )


# Numbers and dates.

DIGITS = ("0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９")


@cache
def numbers() -> st.SearchStrategy[str]:
    """Return numbers as registers give them: digits, with letters before or after, or divided."""
    digits = st.text("0123456789", min_size=6, max_size=12)
    with_letters = st.builds(
        lambda a, b, c: a + b + c, st.text("ABCKZ", max_size=2), digits, st.text("AKX", max_size=1)
    )
    divided = digits.flatmap(lambda text: st.integers(2, len(text) - 2).map(lambda at: f"{text[:at]}-{text[at:]}"))
    return st.one_of(digits, with_letters, divided)


@st.composite
def disguised_number(draw: st.DrawFn, number: str) -> str:
    """Return the number in digits of any script, with anything between them."""
    text = number.translate(str.maketrans(DIGITS[0], draw(st.sampled_from(DIGITS))))
    kind = draw(st.sampled_from(("as it is", "spaced", "grouped", "joined", "lower")))
    between = draw(st.sampled_from((" ", "-", ".", "/", " - ", "\n", ") (", "\u200b", "_")))
    if kind == "spaced":
        return between.join(text)
    if kind == "grouped":
        size = draw(st.integers(2, 4))
        return between.join(text[i : i + size] for i in range(0, len(text), size))
    if kind == "joined":
        return text.replace("-", "")
    return text.lower() if kind == "lower" else text


_MONTHS = (
    "January February March April May June July August September October November December",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "janar shkurt mars prill maj qershor korrik gusht shtator tetor nëntor dhjetor",
    "januara februara marta aprila maja juna jula avgusta septembra oktobra novembra decembra",
    "јануара фебруара марта априла маја јуна јула августа септембра октобра новембра децембра",
    "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
)


@st.composite
def written_date(draw: st.DrawFn, on: date) -> str:
    """Return the date in figures or with the month in words, in some order, in digits of some script."""
    month = draw(st.sampled_from(_MONTHS)).split()[on.month - 1]
    mark = draw(st.sampled_from("./-"))
    d, m, y = on.day, on.month, on.year
    text = draw(
        st.sampled_from(
            (
                f"{d} {month} {y}", f"{month} {d}, {y}", f"{d}. {month}", f"{month} {y}",
                f"{d} {month.upper()} {y % 100:02}",
                f"{d:02}{mark}{m:02}{mark}{y}", f"{d}{mark}{m}{mark}{y % 100:02}", f"{y}{mark}{m:02}{mark}{d:02}",
                f"{d:02} {mark} {m:02} {mark} {y}", f"{d:02}{m:02}{y}", f"{y}{m:02}{d:02}", f"{m:02}{mark}{y}", f"{y}",
            )
        )
    )  # fmt: skip
    return text.translate(str.maketrans(DIGITS[0], draw(st.sampled_from(DIGITS[:3]))))


# Remarks around them.

AROUND = (
    ("", ""), ("We think that ", " can be reached in writing."), ("La personne ", " demande une réponse écrite."),
    ("Se trata de ", ", según dijo."), ("Persoana ", " așteaptă răspunsul."), ("Personi ", " pret përgjigje."),
    ("Особа ", " чекає на відповідь."), ("Просим ответить ", " письменно."), ("Особа ", " чека одговор."),
    ("نرجو الرد على ", " كتابة."), ("(", ")"), ("«", "»!"), ("[", "]"),
)  # fmt: skip


def remarks(inner: str) -> st.SearchStrategy[str]:
    """Return remarks in the nine languages around ``inner``."""
    return st.sampled_from(AROUND).map(lambda pair: pair[0] + inner + pair[1])
