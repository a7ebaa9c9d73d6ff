"""Text is cut into words, numbers and marks, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.redaction.tokens import sentences, tokens


def cut(text: str) -> list[str]:
    """Return the tokens as text."""
    return [token.text for token in tokens(text)]


def test_short_words_before_a_vowel_stand_alone() -> None:
    """French and Albanian elisions are tokens of their own; Ukrainian and English apostrophes are not cut."""
    assert cut("l'asile d’une s'do") == ["l'", "asile", "d’", "une", "s'", "do"]
    assert cut("під'їзд бʼє she's O'Neill") == ["під'їзд", "бʼє", "she's", "O'Neill"]


def test_vowel_signs_belong_to_their_word() -> None:
    """An Arabic word with vowel signs is one token."""
    assert cut("مُحَمَّد هنا") == ["مُحَمَّد", "هنا"]


def test_an_initial_does_not_end_a_sentence() -> None:
    """The dot after an initial belongs to the name; the one after a word ends the sentence."""
    found = tokens("Seen by J. Prela today. He left.")
    assert len(sentences(found)) == 2


@given(st.text(max_size=200))
def test_every_character_is_in_a_token_or_is_white_space(text: str) -> None:
    """Tokens lie in order, do not overlap, and leave out white space alone."""
    at = 0
    for token in tokens(text):
        assert token.start >= at
        assert text[at : token.start].strip() == ""
        assert text[token.start : token.end] == token.text
        at = token.end
    assert text[at:].strip() == ""


@given(st.text(max_size=200))
def test_every_token_is_in_one_sentence(text: str) -> None:
    """The sentences are ranges that follow one another without a gap."""
    found = tokens(text)
    ranges = sentences(found)
    assert [i for begin, end in ranges for i in range(begin, end)] == list(range(len(found)))
