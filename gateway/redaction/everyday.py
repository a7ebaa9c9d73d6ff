"""Which words are everybody's: those of a language, short ones, those of every address; they tell of nobody."""

import functools

from gateway.core import spellings
from gateway.redaction import language as languages
from gateway.redaction.fold import fold, serbian
from gateway.redaction.vocabulary import is_word

_SMALL = frozenset(word for words in languages.SMALL_WORDS.values() for word in words)


def is_small(word: str) -> bool:
    """Tell whether ``word`` is one of the short words of any language."""
    return fold(word) in _SMALL


def is_common(word: str) -> bool:
    """Tell whether ``word`` is a short one, or one that every address and every office is made of."""
    return is_small(word) or fold(word) in spellings.GENERIC


@functools.lru_cache(maxsize=65_536)
def is_known(word: str, language: str | None = None) -> bool:
    """Tell whether ``word`` is one of the language, or with ``None`` of any language of its script."""
    folded = fold(word)
    of = (language,) if language in languages.LANGUAGES else spellings.LANGUAGES_OF.get(spellings.script(folded), ())
    for name in of:
        form = serbian(word) if name == "sr" else folded
        forms = [form, *(languages.stripped(form) if name == "ar" else ())]
        if any(is_word(one, name) for one in forms):
            return True
    return False
