"""
The word tables: for each language, which words belong to which class (``lexicon/``: kin, role, street, illness ...) and
which express which idea (``ideas/``: sent back, they wait, nobody there may know ...).

A table is TOML: a class and its words, folded when they are read. ``stem*`` stands for every word that begins so,
``two words`` for words that follow one another. Names of people are asked across all languages, since the people are.
"""

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path

from gateway.redaction.fold import latin, serbian
from gateway.redaction.language import LANGUAGES, form, stripped
from gateway.redaction.tokens import Token, tokens

_HERE = Path(__file__).parent
_NAMES = ("given", "surname")


class Table:
    """The classes of one language's words: ``exact`` words, ``stems`` and ``phrases`` by their first word."""

    def __init__(self, language: str, folder: str = "lexicon") -> None:
        """Read the table of ``language``, a code of ``language.LANGUAGES``, in ``folder``."""
        self._language = language
        self._exact: dict[str, set[str]] = {}
        self._stems: dict[str, set[str]] = {}
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        raw = tomllib.loads((_HERE / folder / f"{language}.toml").read_text("utf-8"))
        for name, items in raw.items():
            for item in items:
                self._add(name, item)

    def _add(self, name: str, item: str) -> None:
        words = [form(token, self._language) for token in tokens(item.replace("*", "")) if token.is_word]
        if not words:
            return
        if len(words) > 1:
            if item.endswith("*"):
                words[-1] += "*"
            self._phrases.setdefault(words[0], []).append((tuple(words[1:]), name))
        elif item.endswith("*"):
            self._stems.setdefault(words[0], set()).add(name)
        else:
            self._exact.setdefault(words[0], set()).add(name)

    def of_word(self, word: str) -> frozenset[str]:
        """Return the classes of the folded ``word``."""
        return _of_word(self, word)

    def _look(self, word: str) -> set[str]:
        found = set(self._exact.get(word, ()))
        for size in range(3, len(word) + 1):
            found |= self._stems.get(word[:size], set())
        return found

    def classify(self, found: list[Token]) -> list[frozenset[str]]:
        """Return for each token of a text the classes it belongs to, alone or as part of words that belong together."""
        forms = [form(token, self._language) for token in found]
        classes = [
            set(self.of_word(word)) if token.is_word else set() for word, token in zip(forms, found, strict=True)
        ]
        for i, word in enumerate(forms):
            for rest, name in self._phrases.get(word, ()):
                span = _follows(forms, found, i, rest)
                for at in range(i, i + span):
                    classes[at].add(name)
        return [frozenset(one) for one in classes]


@functools.lru_cache(maxsize=65_536)
def _of_word(table: Table, word: str) -> frozenset[str]:
    found = table._look(word)
    if table._language == "ar":
        for bare in stripped(word):
            found |= table._look(bare) | table._look("ال" + bare)
        found |= table._look("ال" + word)
    return frozenset(found)


def _follows(forms: list[str], found: list[Token], i: int, rest: tuple[str, ...]) -> int:
    at = i
    for wanted in rest:
        at += 1
        while at < len(forms) and not found[at].is_word and found[at].text in "-'":
            at += 1
        if at >= len(forms):
            return 0
        if forms[at] != wanted and not (wanted.endswith("*") and forms[at].startswith(wanted[:-1])):
            return 0
    return at - i + 1


@functools.lru_cache(maxsize=16)
def table(language: str) -> Table:
    """Return the table of ``language``."""
    return Table(language)


@functools.lru_cache(maxsize=16)
def ideas(language: str) -> Table:
    """Return the table of the ideas that the stop looks for, as words of ``language``."""
    return Table(language, "ideas")


@functools.lru_cache(maxsize=1)
def names() -> Mapping[str, frozenset[str]]:
    """Return the given names and surnames of every language's table, in Latin letters, by ``given`` and ``surname``."""
    gathered: dict[str, set[str]] = {name: set() for name in _NAMES}
    for language in LANGUAGES:
        raw = tomllib.loads((_HERE / "lexicon" / f"{language}.toml").read_text("utf-8"))
        for name in _NAMES:
            for item in raw.get(name, ()):
                gathered[name] |= {serbian(item) if language == "sr" else latin(item)}
    return {name: frozenset(items) for name, items in gathered.items()}


# Endings that a name takes, in Latin letters as names() holds them.
_ENDINGS = {
    "sr": "a e i u o om em",
    "uk": "a u e i ia iu ie oi ei oiu eiu ieiu om em ovi evi ievi",
    "ru": "a u e i y ia iu oi ei iei om em",
    "sq": "i u a it ut at in un en es s se ja",
    "ro": "ei ii ului ul",
}


@functools.lru_cache(maxsize=65_536)
def spellings(text: str, language: str) -> tuple[str, frozenset[str]]:
    """
    Return ``text`` as ``names`` would hold it, and what it may be a case of: Tijana of Tijanu.

    English, French, Spanish and Arabic bend no names: the second is empty there.
    """
    word = serbian(text) if language == "sr" else latin(text)
    stems = {word[: -len(end)] for end in _ENDINGS.get(language, "").split() if word.endswith(end)}
    return word, frozenset(stem + end for stem in stems if len(stem) > 2 for end in ("", "a", "ia", "e")) - {word}
