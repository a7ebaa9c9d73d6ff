"""
How one word is spelt in another script or by another ear, as tables: sounds, months, digits, words of every address.

Rule 1: everything here is about folded text: lower case, no accents, digits 0 to 9.
Rule 2: a sound is coarse on purpose. Two spellings of one name share a sound; two words that share one need not be one.

The sounds are those that the usual romanisations of Cyrillic (ISO 9, BGN/PCGN, national), Arabic (ISO 233, by ear, in
English and French spelling) and Greek (ISO 843, by ear), and the usual Cyrillic and Arabic forms of Latin names, mix
up. The spellings were gathered for this gateway from those systems as they are commonly described (unverified).
"""

import functools
import re
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import NamedTuple

from gateway.core.names import table_of

KEYS_MAX = 96
"""Sounds of one word. Most words have fewer than eight; the plainest come first."""

SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "latin": re.compile("[a-z\u00df-\u024f\u0250-\u02af\u1e00-\u1eff]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "arabic": re.compile("[\u0620-\u06ff\u0750-\u077f\u08a0-\u08ff]"),
    "greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
}

LANGUAGES_OF: Mapping[str, tuple[str, ...]] = {
    "latin": ("en", "fr", "es", "ro", "sq", "sr"),
    "cyrillic": ("uk", "ru", "sr"),
    "arabic": ("ar",),
}


@functools.lru_cache(maxsize=65_536)
def script(word: str) -> str:
    """Return the script of the first letter of ``word``, an empty text for one that has no table here."""
    return next((name for name, letters in SCRIPTS.items() if letters.match(word)), "")


# --- sounds -----------------------------------------------------------------------------------------------------------


# B is b p, F is f v w, K is k q g, T is t d, S is every hiss and every stop that ends in one; a is a e, o is o u,
# i is i j y. L M N R stand for themselves, H for h and what is spelt kh.
_SOUNDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "latin": table_of(
        """
        a a, b B, c K/S, d T, e a, f F, g K/S/H, h H/-, i i, j i/S/H, k K, l L, m M, n N, o o, p B, q K/S, r R, s S,
        t T, u o, v F, w F/o, x KS/S/H, y i, z S, ch S/K/H, sh S, zh S, kh H/K, gh K/H/-, th T/S, dh T/S, ph F, xh S,
        dj S, dzh S, dz S, ts S, tz S, tch S, sch S, shch S, tsch S, chtch S, gj S/K/T/Ki/Ti, nj Ni/NS,
        gn N/Ni/KN, lj Li/LS,
        ck K, qu K/KF, ou o, oo o, ee i, ll L/i, yu io/o, iu io/o, ju io/o/So, ya ia/a, ja ia/a/Sa, ie ia/i/a, ye ia/a,
        je ia/a/Sa, yo io/o, jo io/o/So, ey ai/i, ei ai/i, ay ai/i, ai ai/a, au ao/o/aF, eu ao/aF/o, ev aF/ao, mp MB/B,
        nt NT/T, aa a, uu o, ii i
        """
    ),
    "cyrillic": table_of(
        """
        а a, б B, в F, г K/H, ґ K, д T, е a/ia/io/o, ж S, з S, и i, і i, к K, л L, м M, н N, о o, п B, р R, с S,
        т T, у o/F,
        ф F, х H/K, ц S, ч S, ш S, щ S, ъ -/a, ы i, ь -/i, э a, ю io/o, я ia/a, є ia/a, ђ S/T, ѕ S, ј i, љ Li/L, њ Ni/N,
        ћ S, џ S, дж S, дз S, тс S, тц S, тч S, ья ia/a, ье ia/a, ьо io/o, гь S/K, кь S/K, ай ai/a, ей ai/i, ау ao/aF,
        еу ao/aF, нь N/Ni, ль L/Li, кс KS/S, ғ K/H, қ K, ў o/F, ө o, ү o, ң N, ҳ H, һ H
        """
    ),
    "arabic": table_of(
        """
        ا a/-, ب B, ت T, ث T/S, ج S/K, ح H, خ H/K, د T, ذ T/S, ر R, ز S, س S, ش S, ص S, ض T, ط T, ظ T/S, ع -/a, غ K/H/R,
        ف F, ق K, ك K, ل L, م M, ن N, ه H/-/a/T, و o/F, ي i, ء -, پ B, چ S, ژ S, ڤ F, گ K, ٱ a/-, تش S, تس S,
        دج S, كس KS/S,
        يا ia/a, يو io/o, وا oa/Fa/a, او ao/aF/o
        """
    ),
    "greek": table_of(
        """
        α a, β F/B, γ K/i/H, δ T, ε a, ζ S, η i, θ T/S, ι i, κ K, λ L, μ M, ν N, ξ KS/S, ο o, π B, ρ R, σ S, τ T, υ i/o,
        φ F, χ H/K/S, ψ BS, ω o, ου o, μπ B/MB, ντ T/NT, γκ K/NK, γγ NK/K, τζ S, τσ S, αυ aF, ευ aF, ει i, οι i, αι a,
        τζι S, γι i/Ki/Hi/Si
        """
    ),
}
_LONGEST = 5
_VOWELS = "aoi"


class Sounds(NamedTuple):
    """The sounds of a word: ``whole`` with vowels, where ``*`` stands for those it ends in, ``bare`` without any."""

    whole: frozenset[str]
    bare: frozenset[str]


@functools.lru_cache(maxsize=65_536)
def sounds(word: str) -> Sounds:
    """Return the sounds of the folded ``word``; none for one in a script that has no table, or with other letters."""
    table = _SOUNDS.get(script(word))
    if table is None:
        return Sounds(frozenset(), frozenset())
    made = ["".join(choice) for choice in islice(product(*_units(word, table)), KEYS_MAX)]
    whole = frozenset(_tidy(key) for key in made)
    bare = frozenset(_once(re.sub(f"[{_VOWELS}*]", "", key)) for key in whole)
    return Sounds(whole - {""}, bare - {""})


@functools.lru_cache(maxsize=65_536)
def bare_sounds(word: str) -> tuple[str, ...]:
    """
    Return the sounds of the folded ``word`` without vowels, the plainest first, at most ``KEYS_MAX``.

    They are those of ``sounds``, found without making the vowels first, so that more of a long word's fit the bound.
    """
    table = _SOUNDS.get(script(word))
    if table is None:
        return ()
    units = (dict.fromkeys(re.sub(f"[{_VOWELS}]", "", one) for one in unit) for unit in _units(word, table))
    made = (_once("".join(choice)) for choice in islice(product(*units), KEYS_MAX))
    return tuple(filter(None, dict.fromkeys(made)))


def _units(word: str, table: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    at = 0
    while at < len(word):
        for size in range(min(_LONGEST, len(word) - at), 0, -1):
            if (found := table.get(word[at : at + size])) is not None:
                yield found
                at += size
                break
        else:
            at += 1


def _once(key: str) -> str:
    """Return ``key`` without doubled sounds; a stop before a hiss belongs to it (ts, dz)."""
    return re.sub(r"(.)\1+", r"\1", re.sub("T+S", "S", re.sub(r"(.)\1+", r"\1", key)))


def _tidy(key: str) -> str:
    return re.sub(f"[{_VOWELS}]+$", "*", _once(key))


# --- words of numbers, months and addresses ---------------------------------------------------------------------------

DIGIT_WORDS: Mapping[str, str] = {
    word: str(digit)
    for row in (
        "zero one two three four five six seven eight nine",
        "zero un deux trois quatre cinq six sept huit neuf",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
        "zero unu doi trei patru cinci sase sapte opt noua",
        "zero nje dy tre kater pese gjashte shtate tete nente",
        "nula jedan dva tri cetiri pet sest sedam osam devet",
        "нула један два три четири пет шест седам осам девет",
        "нуль один два три чотири п'ять шість сім вісім дев'ять",
        "ноль один два три четыре пять шесть семь восемь девять",
        "صفر واحد اثنان ثلاثه اربعه خمسه سته سبعه ثمانيه تسعه",
    )
    for digit, word in enumerate(row.split())
} | {"oh": "0", "пять": "5", "пясть": "5", "пят": "5", "девять": "9", "una": "1", "une": "1", "одна": "1", "две": "2"}

_MONTHS = (
    "januar janvier enero ianuar ianvar janar sicn sichn январ янв січ јануар يناير كانون جانفي yanvar ianvar",
    "februar fevrier febrero februarie shkurt ljut liut феврал лют фебруар فبراير شباط فيفري fevral",
    "march mars marzo martie mart berez марта март берез مارس اذار marta",
    "april avril abril aprilie prill kvit апрел квіт април ابريل نيسان افريل aprel",
    "may mai mayo maj trav мая май трав мај مايو ايار ماي maya",
    "june juin junio iunie qershor jun cerv cherv июн черв јун يونيو حزيران جوان iyun iiun",
    "july juillet julio iulie korrik jul lip июл лип јул يوليو تموز جويليه iyul iiul",
    "august aout agosto gusht serp август серп اغسطس اب اوت avgust",
    "septemb septiemb setiemb shtator veres сентябр верес септемб سبتمبر ايلول sentiabr sentyabr",
    "octob octub octomb tetor oktob zovt zhovt октябр жовт октоб اكتوبر تشرين oktiabr oktyabr",
    "novemb noviemb noiemb nentor lystop ноябр листоп новемб نوفمبر تشرين noiabr noyabr",
    "decemb diciemb dhjetor dezemb hrud grud декабр груд децемб ديسمبر كانون dekabr",
)
_STEMS = tuple(
    sorted(((stem, n) for n, row in enumerate(_MONTHS, 1) for stem in row.split()), key=lambda s: -len(s[0]))
)
_SHORT = {word: n for n, row in enumerate(
    (
        "jan ene ian янв січ јан sij", "feb fev fevr fevrier shk фев лют феб", "mar mrt мар бер",
        "apr avr abr pri апр кві",
        "may mai maj мај тра май", "jun juin qer июн чер јун", "jul juil kor июл лип јул", "aug aou ago gus авг сер",
        "sep sept set sht сен вер сеп", "oct okt tet окт жов", "nov noi nen ноя лис нов", "dec dic dek dhj дек гру дец",
    ), 1) for word in row.split()}  # fmt: skip
_ENDING_MAX = 5

ROMAN: Mapping[str, int] = {word: n for n, word in enumerate("i ii iii iv v vi vii viii ix x xi xii".split(), 1)}
"""The number of a month in Roman letters, as a day is written in much of Europe: 17.V.1994."""


@functools.lru_cache(maxsize=16_384)
def months(word: str) -> frozenset[int]:
    """Return the months (1 to 12) that the folded ``word`` may name, in any of nine languages and its endings."""
    short = {_SHORT[word]} if word in _SHORT else set()
    return frozenset(
        short | {n for stem, n in _STEMS if word.startswith(stem) and len(word) <= len(stem) + _ENDING_MAX}
    )


_DAY_WORDS: Mapping[int, str] = {
    1: "one first un une premier uno primero unu intai nje pare prv* прв* перш* перв* один одна اول حادي واحد",
    2: "two second deux dos doi dy dyte drug* друг* втор* два две ثاني ثان اثنان اثنين",
    3: "three third trois tres trei tre trete trec* трећ* трет* три ثالث ثلاثه",
    4: "four fourth quatre cuatro patru kater katert cetvrt* cetiri четврт* четверт* чотири четыре رابع اربعه",
    5: "five fifth cinq cinco cinci pese peste pet pet* пет пят* пять خامس خمسه",
    6: "six sixth seis sase gjashte sest* шест* шост* шість سادس سته",
    7: "seven seventh sept siete sapte shtate sedm* sedam седм* сьом* седьм* седам сім семь سابع سبعه",
    8: "eight eighth huit ocho opt tete osm* osam осм* восьм* осам вісім восемь ثامن ثمانيه",
    9: "nine ninth neuf nueve noua nente devet* девет* девят* تاسع تسعه",
    10: "ten tenth dix diez zece dhjete deset* десет* десят* عاشر عشر عشره",
    11: "eleven eleventh onze once unsprezece njembedhjete jedanaest* једанаест* одинадцят* одиннадцат*",
    12: "twelve twelfth douze doce doisprezece douasprezece dymbedhjete dvanaest* дванаест* дванадцят* двенадцат*",
    13: "thirteen thirteenth treize trece treisprezece trembedhjete trinaest* тринаест* тринадцят* тринадцат*",
    14: "fourteen fourteenth quatorze catorce paisprezece "
    "katermbedhjete cetrnaest* четрнаест* чотирнадцят* четырнадцат*",
    15: "fifteen fifteenth quinze quince cincisprezece pesembedhjete petnaest* петнаест* пятнадцят* пятнадцат*",
    16: "sixteen sixteenth seize dieciseis saisprezece gjashtembedhjete sesnaest* шеснаест* шістнадцят* шестнадцат*",
    17: "seventeen seventeenth diecisiete saptesprezece shtatembedhjete sedamnaest* седамнаест* сімнадцят* семнадцат*",
    18: "eighteen eighteenth dieciocho optsprezece tetembedhjete osamnaest* осамнаест* вісімнадцят* восемнадцат*",
    19: "nineteen nineteenth diecinueve nouasprezece nentembedhjete devetnaest* деветнаест* девятнадцят* девятнадцат*",
    20: "twenty twentieth vingt veinte douazeci njezet njezete dvadeset* двадесет* двадцят* двадцат* عشرين عشرون",
    **{
        21 + i: form
        for i, form in enumerate(
            "veintiuno veintidos veintitres veinticuatro veinticinco "
            "veintiseis veintisiete veintiocho veintinueve".split()
        )
    },
    30: "thirty thirtieth trente treinta treizeci tridhjete trideset* тридесет* тридцят* тридцат* ثلاثين ثلاثون",
}
_DAY_OF = {form: n for n, row in _DAY_WORDS.items() for form in row.split() if not form.endswith("*")}
_DAY_STEMS = tuple(
    sorted(
        ((form[:-1], n) for n, row in _DAY_WORDS.items() for form in row.split() if form.endswith("*")),
        key=lambda one: -len(one[0]),
    )
)
_DAY_ENDING_MAX = 4
AND = frozenset("and et y si e i та и".split())
"""What may stand between the two words of a day: vingt et un."""


@functools.lru_cache(maxsize=16_384)
def day_word(word: str) -> int | None:
    """Return the number, 1 to 20, 30 or one of Spanish between, that the folded ``word`` is in nine languages."""
    for form in (word, re.sub("^[وبل]?(?:ال)?", "", word)):
        if form in _DAY_OF:
            return _DAY_OF[form]
        for stem, n in _DAY_STEMS:
            if form.startswith(stem) and len(form) <= len(stem) + _DAY_ENDING_MAX:
                return n
    return None


GENERIC = frozenset(
    """
    street road lane avenue square house home flat floor room building block apartment centre center shelter
    office court
    north south east west city town village district region county old new near number first second third safe family
    women children person authority ministry police hospital school church record interview agreement act
    section article
    service department social welfare youth child protection desk officer case file note notes document
    rue route avenue place maison foyer appartement etage batiment ville village centre tribunal bureau service
    calle avenida plaza casa piso edificio ciudad pueblo centro
    strada bulevardul piata casa bloc etaj oras sat centru
    rruga sheshi shtepi shtepia kati pallati qytet fshat qendra
    ulica trg kuca stan sprat zgrada grad selo centar
    вулиця вул площа будинок квартира поверх місто село центр улица ул площадь дом квартира этаж город село центр
    улица трг кућа стан спрат град село центар
    شارع طريق ميدان بيت دار منزل شقه طابق عماره مدينه قريه مركز
    asylum officer ministry none basis
    """.split()
)
"""Words that every address and every office is made of, folded; alone they say nothing of a case."""

MARKS = frozenset(
    """
    ... … PERSON PERSON_SUBJECT PHONE EMAIL HANDLE ADDRESS SHELTER CASE_NO DOC_ID DOB BANK PLATE GPS HEALTH
    SEXUAL ASYLUM
    TEXT DATE
    """.split()
)
"""What stands in square brackets where something was taken out."""

ENDINGS = frozenset(
    """
    a y i e u o oi oiu oju iu ju ii ia ja am ami ah akh ov ova ovi ovy ove ovoi ovu evi em iem im ym ei eiu iei ui ie ev
    s es ish it ut in un en n t ve te et ul ului lui iei le lor elor ilor ilor ës x ita ito sk ska ski skoi ta ne se na
    а у ы и і е о ой ою ою ей ею єю ам ами ах ах ом ем єм ім им ым ых их ого ому ов ова ову овой ові еві ів ін ина
    ин ину ию ия ії ій ью ье ем у ю я ша
    ه ها هم ي ا ات ين ون
    α ας ου ο ος η ης ες ων
    """.split()
)
"""Endings that names take in nine languages, folded."""

LOOKALIKES = str.maketrans(
    dict(
        zip(
            "аеорсухіјѕкмтнвгԁһӏѵԛԝαεορυικντχβγηω0158324679l",
            "aeopcyxijskmthbrdhivqwaeopuikvtxbynwoisbezagtgi",
            strict=True,
        )
    )
)
"""Letters and digits that look like a Latin letter, for one more comparison; l counts as i."""

CIPHERS: Mapping[str, tuple[Mapping[int, str], ...]] = {
    script: tuple({ord(str(digit)): letters for digit, letters in enumerate(row.split("|"))} for row in rows)
    for script, rows in {
        "latin": ("o|i|z|e|a|s|g|t|b|g", "o|l|z|e|a|s|b|t|b|g", "o|i||a|a|kh|t|h|gh|q"),
        "cyrillic": ("о|і|з|е|а|с|б|т|в|д", "о|л|з|з|ч|с|б|т|в|д"),
    }.items()
}
"""
Digits that stand for letters inside a word, by script: those they look like, the other letter of 1, 3, 4 and 6, and
those of Arabic that digits are typed for in Latin letters (3omar, a7med).
"""
