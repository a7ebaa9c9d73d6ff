"""The models are those of the notes and tables beside them."""

import json
import tomllib

import pytest

from gateway.redaction.language import LANGUAGES
from tools import redaction_train as train


def test_models_are_not_older_than_what_they_are_made_from() -> None:
    """Whoever changes a note, a table or a feature trains anew: python -m tools.redaction_train."""
    assert json.loads((train.MODEL / "made-from.json").read_text("utf-8"))["inputs"] == train.inputs_digest()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("folder", ["lexicon", "ideas"])
def test_tables_of_all_languages_have_the_same_classes(language: str, folder: str) -> None:
    """A class that one language lacks would be a gap in that language alone."""

    def keys(lang: str) -> set[str]:
        return set(tomllib.loads((train.PACKAGE / folder / f"{lang}.toml").read_text("utf-8"))) - {"common"}

    assert keys("en") == keys(language)


def test_spans_of_notes_lie_in_their_texts() -> None:
    """Each note's spans are sorted, apart, and within it."""
    for note in train.notes():
        at = 0
        for span in note["spans"]:
            assert at <= span["start"] < span["end"] <= len(note["text"]), note["id"]
            at = span["end"]
