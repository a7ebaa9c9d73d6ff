"""Text is cut into words, numbers and marks, and nothing is lost."""

import pytest
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


@pytest.mark.parametrize(
    "text",
    [
        "Insp. Crețu vine azi.",
        "Met Belén Mtz. Solís today.",
        "Dovodi ga kap. Dragan sutra.",
        "Приведе інсп. Ткач завтра.",
    ],
)
def test_a_title_cut_short_does_not_end_a_sentence(text: str) -> None:
    """The name behind it is read with it, not as the first word of a sentence of its own."""
    assert len(sentences(tokens(text))) == 1


@pytest.mark.parametrize("text", ["She has PTSD. He left.", "Sleeps in a flat. He left.", "Seen at noon. Solís left."])
def test_other_words_end_a_sentence_with_their_dot(text: str) -> None:
    """An abbreviation in capitals and a short word are no titles."""
    assert len(sentences(tokens(text))) == 2


def test_a_text_in_small_letters_has_sentences_though_a_name_in_it_has_a_capital() -> None:
    """One name typed with care does not make one sentence of a whole note."""
    assert len(sentences(tokens("she left on monday. her aunt Mirela rang today. nobody has seen her"))) == 3


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
