"""
The recogniser keeps what is promised of it, on notes that were held back while it was built.

``held_back/LANG.jsonl`` are 36 notes a language, written by people who saw neither the recogniser nor its lessons, and
never used for learning. ``blind/LANG.jsonl`` are 17 or 18 more, of another hand and other offices, written before
anything of the recogniser was read; no mistake on them was mended. ``score.py`` counts: an entity has leaked when any
word that identifies it is left.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.redaction.language import LANGUAGES
from gateway.redaction.redact import redact
from tests.redaction import score

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Return every held-back note as scored."""
    return scored("held_back")


@pytest.fixture(scope="module")
def blind() -> list[dict[str, Any]]:
    """Return every note of the other hand as scored."""
    return scored("blind")


def scored(folder: str) -> list[dict[str, Any]]:
    """Return the notes of ``folder`` with what was made of them."""
    lines = [line for lang in LANGUAGES for line in (HERE / folder / f"{lang}.jsonl").read_text("utf-8").splitlines()]
    gold = [json.loads(line) for line in lines]
    said = {}
    for note in gold:
        made = redact(note["text"], note["lang"])
        said[note["id"]] = {"id": note["id"], "redacted": made.text, "block": made.block}
    return score.Scorer(gold).run(said)


def strict(rows: list[dict[str, Any]], kind: str = "ALL_HARD") -> float:
    """Return the part of entities of ``kind`` of which no identifying word is left."""
    types: Mapping[str, Any] = score.summarise(rows)["types"]
    return float(types[kind]["strict"])


def test_there_are_thirty_notes_a_language(rows: list[dict[str, Any]]) -> None:
    """No language is measured on a handful."""
    assert all(sum(row["lang"] == lang for row in rows) >= 30 for lang in LANGUAGES)


def test_of_what_identifies_nineteen_in_twenty_are_removed(rows: list[dict[str, Any]]) -> None:
    """Strict recall over the hard types is 95 % at least."""
    assert strict(rows) >= 0.95


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_is_left_behind(rows: list[dict[str, Any]], language: str) -> None:
    """Strict recall over the hard types is 88 % at least in each language."""
    assert strict([row for row in rows if row["lang"] == language]) >= 0.88


def test_places_of_safety_are_removed(rows: list[dict[str, Any]]) -> None:
    """Strict recall of where the person lives under protection is 95 % at least."""
    assert strict(rows, "SHELTER") >= 0.95


def test_harmless_text_stays(rows: list[dict[str, Any]]) -> None:
    """At most 15 % of the characters that identify nobody are removed; at most a quarter of clean notes is touched."""
    summary = score.summarise(rows)
    assert summary["over_all"] <= 0.15
    assert summary["over_clean_notes"] <= 0.25


def test_texts_that_tell_of_protection_are_held(rows: list[dict[str, Any]]) -> None:
    """97 % of them are held; at most half of those that only look so, and 5 % of all others."""
    summary = score.summarise(rows)
    held = summary["false_block"]
    assert summary["block_recall"] >= 0.97
    assert held["near-miss"][0] <= held["near-miss"][1] / 2
    others = [held[kind] for kind in ("general", "clean")]
    assert sum(wrong for wrong, _ in others) <= 0.05 * sum(count for _, count in others)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_is_left_behind_on_notes_of_another_hand(blind: list[dict[str, Any]], language: str) -> None:
    """Strict recall over the hard types is 88 % at least in each language there too."""
    assert strict([row for row in blind if row["lang"] == language]) >= 0.88


def test_on_notes_of_another_hand_the_gate_holds_and_harmless_text_stays(blind: list[dict[str, Any]]) -> None:
    """97 % of what tells is held, half at most of what only looks so, 5 % of others; 15 % of harmless text goes."""
    test_harmless_text_stays(blind)
    test_texts_that_tell_of_protection_are_held(blind)
