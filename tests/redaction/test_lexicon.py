"""The word tables: how a word of a text is looked for in them."""

import pytest

from gateway.redaction import lexicon
from gateway.redaction.features import read


@pytest.mark.parametrize(
    ("name", "language"),
    [("Tijanu", "sr"), ("Сандром", "sr"), ("Оксаною", "uk"), ("Людмилы", "ru"), ("Bajramit", "sq"), ("Marinei", "ro")],
)
def test_a_given_name_is_known_in_its_cases(name: str, language: str) -> None:
    """A name is told in the dative as in the nominative."""
    (classes,) = read(name, language).classes
    assert "any_case" in classes


def test_a_name_in_serbian_cyrillic_is_found_in_the_latin_lists() -> None:
    """Ч, ш and ж are c, s and z there, as in the table of Serbian, and not ch, sh and zh."""
    (classes,) = read("Божидар", "sr").classes
    assert "any_given" in classes


def test_languages_that_bend_no_names_have_no_cases() -> None:
    """An English word is not cut."""
    assert lexicon.spellings("Anna", "en") == ("anna", frozenset())
