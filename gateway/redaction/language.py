"""
Which of the nine languages a text is in, or none: text in a language nobody here can read is held.

Rule 1: the script decides first; among the languages of a script the share of known words decides.
Rule 2: the best language must know most of the small words, and more of them than any other; else there is none.
Rule 3: Latin letters that are none of the Latin languages may be Ukrainian or Russian as people type it abroad; it is
compared in Cyrillic, letter for letter.
"""

import dataclasses
import re

from gateway.redaction.fold import fold, serbian
from gateway.redaction.tokens import Token
from gateway.redaction.vocabulary import is_word

LANGUAGES = ("en", "fr", "es", "ro", "sq", "sr", "uk", "ru", "ar")
_LATIN = ("en", "fr", "es", "ro", "sq", "sr")
_CYRILLIC = ("uk", "ru", "sr")
LEAST = 0.33
"""Half of a note may be names and numbers; a text of another language scores less than this in every one of ours."""

_MARGIN = 0.75
"""The next best language, and every language named only to be told apart, must stay below this part of the best."""

# The words a language cannot do without, folded: three letters or fewer carry most of the evidence in a short note.
_SMALL = {
    "en": "the of and to in is was a his her he she they that with for on at by from no not it has had as be or this",
    "fr": "le la les de des du et a est un une elle il ne pas que qui dans pour sur par avec son sa ses au en nous",
    "es": "el la los las de del y a es un una no que en se su con por para al lo ha fue como ella le esta",
    "ro": "si de la in pe cu o un nu ca este se a din sa au fost ei lui pentru prin care dupa mai al ale i",
    "sq": "dhe e te ne me se nuk i ka nga per eshte qe u do tha saj tij si ku nje kjo ajo po ta pa me s",
    "sr": "i je u na se da ne sa za od koja koji su po iz o a kod jos nije samo ali bez kao to do ona on",
    "uk": "і в на з що не та до у за від про із як але її його вона він був була й по для це під має",
    "ru": "и в на с что не к у за от о из как но ее его она он был была по для это под он со во же ему ей",
    "ar": "في من على إلى عن أن لا ما هو هي مع هذا هذه التي الذي كان كانت قال قالت لم لن قد ثم أو بعد قبل",
}
# Neighbours nobody here reads, so that Italian is not taken for Spanish.
_OTHERS = {
    "it": "il lo la gli le di del della e che un una per con non si è sono ha al dal nel alla ma come più suo da i o",
    "pt": "o a os as do da dos das em no na e que um uma para com não se é foi ao pela mais seu sua por de ela",
    "ca": "el la els les del dels i que un una per amb no es és ha al però com més seu seva de en va",
    "de": "der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als auch es an er sie hat",
    "nl": "de het een en van in op te dat die is met voor niet zijn aan er om ook als bij haar hij ze",
    "pl": "i w na z się do nie że to jest o jak po za od przez ale jego jej dla ma był była oraz",
    "cs": "a v na se je že s z do o k za po pro jako ale by jeho její má byl byla to i ve",
    "hu": "a az és hogy nem is egy meg de van volt ez azt mert csak már még el ki",
    "tr": "bir ve bu için ile da de olarak çok daha var ne gibi kadar sonra ama o mi değil",
    "bg": "и на в да се е за от с не си по че като но са ще до ли той тя беше към",
    "fa": "و در به از که این است را با برای می آن یک تا شد شده بود خود هم ما او",
    "ur": "کے میں کی ہے اور سے کا کو نے پر ہیں اس یہ نہیں تھا",
    "mk": "и на во да се е за од со не си по дека како но ќе до ли тој таа беше кон",
}
SMALL_WORDS = {lang: frozenset(fold(word) for word in words.split()) for lang, words in (_SMALL | _OTHERS).items()}
# Letters that only one of the languages of a script has.
_ONLY = {"uk": re.compile("[іїєґ]"), "ru": re.compile("[ыэъё]"), "sr": re.compile("[јљњћђџ]")}


def form(token: Token, language: str) -> str:
    """Return the form of ``token`` that the tables of ``language`` hold."""
    return serbian(token.text) if language == "sr" else token.folded


def _candidates(found: list[Token]) -> tuple[str, ...]:
    letters = "".join(token.text for token in found if token.is_word)
    arabic = len(re.findall(r"[\u0620-\u06ff]", letters))
    cyrillic = len(re.findall(r"[\u0400-\u04ff]", letters))
    latin = len(re.findall(r"[A-Za-z\u00c0-\u024f]", letters))
    # Numbers, plates and addresses of mail are Latin in every text: the other scripts count double.
    best = max((2 * arabic, ("ar",)), (2 * cyrillic, _CYRILLIC), (latin, _LATIN))
    return best[1] if best[0] else ()


def scores(found: list[Token]) -> dict[str, float]:
    """Return for each language of the script of ``found`` how much of it is that language, 0 to 1."""
    candidates = _candidates(found)
    whole = "".join(token.text for token in found).casefold()
    only = [lang for lang in candidates if lang in _ONLY and candidates == _CYRILLIC and _ONLY[lang].search(whole)]
    result = {}
    for lang in candidates:
        share = _share(found, lang)
        # A letter that only another language has weighs more than any number of words.
        result[lang] = share / 4 if only and lang not in only else share
    return result


def _share(found: list[Token], lang: str) -> float:
    """Return the share of known words and twice that of small words, halved; names and numbers are in neither."""
    words = [form(token, lang) for token in found if token.text.isalpha()]
    if not words:
        return 0.0
    longer = [word for word in words if len(word) > 1]
    known = sum(is_word(word, lang) or _bare_arabic(word, lang) for word in longer)
    small = sum(word in SMALL_WORDS[lang] for word in words)
    return (known / max(1, len(longer)) + 2 * small / len(words)) / 2


def _bare_arabic(word: str, lang: str) -> bool:
    return lang == "ar" and any(is_word(bare, lang) for bare in stripped(word))


def stripped(word: str) -> list[str]:
    """Return ``word`` (folded Arabic) without the short words written together with it: and, so, with, to, as, the."""
    forms = []
    rest = word
    for prefixes in ("وف", "بلكس", ""):
        if prefixes and len(rest) > 3 and rest[0] in prefixes:
            rest = rest[1:]
            forms.append(rest)
    if len(rest) > 3 and rest.startswith("ال"):
        forms.append(rest[2:])
    elif len(rest) > 3 and rest.startswith("ل") and word.startswith(("لل", "ولل")):
        forms.append(rest[1:])
    return forms


# Longest first. What the table does not name stands letter for letter.
_ROMAN = tuple(
    pair.split("=")
    for pair in "shch=щ sch=щ zh=ж kh=х ts=ц ch=ч sh=ш yu=ю iu=ю ju=ю ya=я ia=я ja=я yi=ї ye=є je=є yo=ё jo=ё".split()
)
_ROMAN_LETTERS = {
    "uk": str.maketrans("abvgdezijklmnoprstufhcyw'", "абвгдезійклмнопрстуфгциуь"),
    "ru": str.maketrans("abvgdezijklmnoprstufhcyw'", "абвгдезийклмнопрстуфхцывь"),
}


def in_cyrillic(token: Token, language: str) -> Token:
    """Return ``token`` with the folded form that its Latin letters have in Cyrillic, in ``language`` (uk or ru)."""
    word = re.sub(r"(?<=[aeou])y(?![aeiou])", "й", token.folded)
    for roman, letter in _ROMAN:
        word = word.replace(roman, letter)
    word = word.translate(_ROMAN_LETTERS[language])
    return dataclasses.replace(token, folded=fold(word if language == "uk" else word.replace("є", "е")))


def recognise(found: list[Token]) -> tuple[str | None, list[Token]]:
    """Return the language of ``found``, or ``None``, and its tokens as they are compared in that language."""
    ranked = sorted(scores(found).items(), key=lambda item: -item[1])
    if ranked and ranked[0][1] >= LEAST and (len(ranked) == 1 or ranked[1][1] <= ranked[0][1] * _MARGIN):
        best = ranked[0][0]
        if _nearest(found, best):
            return best, found
    if _candidates(found) == _LATIN:
        turned = {lang: [in_cyrillic(token, lang) for token in found] for lang in _ROMAN_LETTERS}
        shares = sorted((_share(tokens, lang), lang) for lang, tokens in turned.items())
        if shares[-1][0] >= LEAST:
            return shares[-1][1], turned[shares[-1][1]]
    return None, found


def _nearest(found: list[Token], best: str) -> bool:
    ours = sum(form(token, best) in SMALL_WORDS[best] for token in found if token.is_word)
    others = max(sum(token.folded in SMALL_WORDS[lang] for token in found) for lang in _OTHERS)
    return others <= ours + 1
