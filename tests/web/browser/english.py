"""English on pages of another language: text nodes and spoken attributes, against the catalogue and the code lists."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

from babel.messages.pofile import read_po

import schemas

SILENT = frozenset({"script", "style", "bdi", "code", "kbd", "time"})
"""Elements whose text is nobody's sentence: names, references, codes, digests, days."""

SPOKEN = ("aria-label", "title", "alt", "placeholder")

_PLACE = re.compile(r"%\(\w+\)s|%%")


class _Texts(HTMLParser):
    """Collects text nodes and spoken attributes; what is marked as being in another language is left out."""

    def __init__(self, lang: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._lang = lang
        self._stack: list[tuple[str, bool]] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        had = dict(attrs)
        silent = tag in SILENT or had.get("lang", self._lang) != self._lang
        if tag not in _VOID:
            self._stack.append((tag, silent))
            self._silent += silent
        if not self._silent:
            self.found += [had[name] for name in SPOKEN if had.get(name)]

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._stack:
            closed, silent = self._stack.pop()
            self._silent -= silent
            if closed == tag:
                break

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(data)


_VOID = frozenset({"input", "meta", "link", "img", "br", "hr", "rect", "path", "wbr"})


def texts(html: str, lang: str) -> Iterator[str]:
    """Yield what a page says by itself, each text in one line."""
    parser = _Texts(lang)
    parser.feed(html)
    for text in parser.found:
        yield " ".join(text.split())


def texts_of(pages: Iterable[str], lang: str) -> frozenset[str]:
    """Return all that pages (HTML) say by themselves."""
    return frozenset(text for html in pages for text in texts(html, lang))


def english_in(said: Iterable[str], lang: str) -> list[str]:
    """Return those of the texts that are English sentences of the catalogue or English texts of codes."""
    whole, patterns = _english(lang)
    return sorted(text for text in said if text in whole or any(one.fullmatch(text) for one in patterns))


def latin_in(said: Iterable[str]) -> list[str]:
    """Return the texts in which several words in a row are in Latin letters, for a language that has none."""
    return sorted(text for text in said if _WORDS.search(_FINGERPRINT.sub("", text)))


_WORDS = re.compile(r"\b[A-Za-z][a-z]+ [a-z]{2,} [a-z]{2,}\b")
"""Three words in a row: fewer may be the name of a norm, a product or a person."""

_FINGERPRINT = re.compile(r"[0-9a-f]{4}(?: [0-9a-f]{4}){15}")
"""Its groups of digits may read as words: nobody's sentence."""


@cache
def _english(lang: str) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Return the English texts that are none of ``lang`` as well, and patterns of those with something filled in."""
    source = files("gateway.web").joinpath("locale", lang, "LC_MESSAGES", "desk.po")
    whole, patterns = set[str](), []
    with source.open("rb") as file:
        catalogue = read_po(file, locale=lang)
    for message in catalogue:
        ours = (message.id,) if isinstance(message.id, str) else message.id
        theirs = (message.string,) if isinstance(message.string, str) else message.string
        for text in ours:
            text = " ".join(text.split())
            if not text or text in {" ".join(one.split()) for one in theirs}:
                continue
            if not _PLACE.search(text):
                whole.add(text)
            elif len(re.findall(r"[A-Za-z]{2,}", _PLACE.sub("", text))) > 1:
                parts = [re.escape(part) for part in _PLACE.split(text)]
                patterns.append(re.compile(".+".join(parts)))
    return frozenset(whole | _codes(lang)), tuple(patterns)


def _codes(lang: str) -> set[str]:
    """Return the English texts of codes that are not those of ``lang``."""
    found: set[str] = set()
    both: set[str] = set()
    for name in schemas.code_lists():
        for said in schemas.codes(name).values():
            found.add(said["en"])
            both.add(said[lang])
    return found - both
