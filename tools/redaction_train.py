"""
Trains the two models of free text from the marked notes of ``tools/redaction_notes``.

``LANG.jsonl`` holds notes with their spans, ``LANG.tsv`` sentences that tell of a wish for protection (1) or do not
(0). Persons, numbers and places in them are invented. The same notes always give the same models, in some minutes.

    python -m tools.redaction_train [--check]

``--check`` trains nothing; it exits 1 when the models were made from other notes, tables or features than those here.
"""

import argparse
import hashlib
import json
import random
import struct
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pycrfsuite

from gateway.redaction import stop
from gateway.redaction.features import Read, of_sentence, of_tokens, read
from gateway.redaction.language import LANGUAGES

NOTES = Path(__file__).parent / "redaction_notes"
PACKAGE = Path(__file__).parent.parent / "gateway" / "redaction"
MODEL = PACKAGE / "model"

FOLDS = 4
"""Into how many parts the notes are divided, so that the stop learns from what a tagger says of notes it never saw."""

Note = Mapping[str, Any]


def notes() -> list[dict[str, Any]]:
    """Return the marked notes of every language."""
    lines = [line for lang in LANGUAGES for line in (NOTES / f"{lang}.jsonl").read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines if line.strip()]


def gate_lines() -> list[tuple[str, str, str]]:
    """Return ``(language, "1" or "0", sentence)`` of every language."""
    found = []
    for lang in LANGUAGES:
        for line in (NOTES / f"{lang}.tsv").read_text("utf-8").splitlines():
            told, _, sentence = line.partition("\t")
            if told in ("0", "1") and sentence:
                found.append((lang, told, sentence))
    return found


def inputs_digest() -> str:
    """
    Return the SHA-256 (hex) of what the models are made from: notes, tables, and what is seen of the notes.

    Of the code it is what it does that counts, on every tenth note: a comment may change, a feature may not.
    """
    tables = [*sorted((PACKAGE / "lexicon").iterdir()), *sorted((PACKAGE / "ideas").iterdir())]
    digest = hashlib.sha256(str(stop.PLACES).encode())
    for file in [*sorted(NOTES.iterdir()), *tables]:
        digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    for note in notes()[::10]:
        view = read(note["text"], note["lang"])
        digest.update(
            repr(
                [of_tokens(view), [of_sentence(view, *one, [0.5] * len(view.found)) for one in view.sentences]]
            ).encode()
        )
    return digest.hexdigest()


def _labels(note: Note, view: Read) -> list[str]:
    labels = ["O"] * len(view.found)
    for span in note["spans"]:
        for i, token in enumerate(view.found):
            if token.start < span["end"] and token.end > span["start"]:
                labels[i] = span["type"]
    return labels


def _small(note: Note) -> Note:
    lowered = note["text"].lower()
    return {**note, "text": lowered} if len(lowered) == len(note["text"]) else note


def _bare(note: Note) -> Note:
    text = "".join(_without_mark(char) for char in note["text"].lower())
    return {**note, "text": text} if len(text) == len(note["text"]) else note


def _without_mark(char: str) -> str:
    spread = unicodedata.normalize("NFD", char)
    return spread[0] if len(spread) > 1 and unicodedata.combining(spread[1]) else char


def _lessons(marked: Sequence[Note]) -> Iterator[tuple[list[list[str]], list[str]]]:
    chance = random.Random(7)
    for note in marked:
        view = read(note["text"], note["lang"])
        # Twice: with what the lists of names say and without, so that a name in no list is found by its neighbours.
        yield of_tokens(view), _labels(note, view)
        yield of_tokens(view, listed=False), _labels(note, view)
        if note["lang"] != "ar" and chance.random() < 0.35:
            # And some as people type in haste: no capitals, perhaps no accents.
            hasty = (_bare if chance.random() < 0.6 else _small)(note)
            view = read(hasty["text"], note["lang"])
            yield of_tokens(view, listed=chance.random() < 0.5), _labels(hasty, view)


def train_tags(marked: Sequence[Note], to: Path) -> None:
    """Train the model of the tagger on ``marked`` and write it ``to`` a file."""
    settings = {
        "c1": 0.2,
        "c2": 0.05,
        "max_iterations": 120,
        "feature.possible_transitions": True,
        "feature.minfreq": 2,
    }
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params=settings, verbose=False)
    for features, labels in _lessons(marked):
        trainer.append(features, labels)
    trainer.train(str(to))


def _told_by(tags: Path, view: Read) -> list[float]:
    tagger = pycrfsuite.Tagger()
    tagger.open(str(tags))
    tagger.set(of_tokens(view))
    return [tagger.marginal("ASYLUM", i) for i in range(len(view.found))]


def _fold(marked: Sequence[Note], fold: int) -> list[list[float]]:
    with tempfile.TemporaryDirectory() as directory:
        tags = Path(directory) / "tags.crfsuite"
        train_tags([note for n, note in enumerate(marked) if n % FOLDS != fold], tags)
        return [_told_by(tags, read(note["text"], note["lang"])) for note in marked[fold::FOLDS]]


def out_of_fold(marked: Sequence[Note]) -> list[list[float]]:
    """Return for each note of ``marked`` what a tagger that never saw it says of each token: its chance to tell."""
    told: list[list[float]] = [[] for _ in marked]
    with ProcessPoolExecutor(max_workers=2) as pool:
        for fold, found in enumerate(pool.map(_fold, [marked] * FOLDS, range(FOLDS))):
            told[fold::FOLDS] = found
    return told


def _judgement(lessons: Sequence[tuple[set[int], bool]], spread: float) -> bytes:
    """Return the weights, two bytes each, of the logistic regression learned from ``lessons``."""
    settings = {"c1": 0.0, "c2": spread, "max_iterations": 200, "feature.minfreq": 1}
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params=settings, verbose=False)
    for places, telling in lessons:
        trainer.append([[str(at) for at in sorted(places)]], ["1" if telling else "0"])
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "one.crfsuite"
        trainer.train(str(file))
        tagger = pycrfsuite.Tagger()
        tagger.open(str(file))
        weights = [0.0] * stop.PLACES
        for (at, label), weight in tagger.info().state_features.items():
            weights[int(at)] += weight if label == "1" else -weight
    return struct.pack(f"<{stop.PLACES}e", *weights)


def _places(view: Read, begin: int, end: int, telling: Sequence[float]) -> set[int]:
    return {stop.place(feature) for feature in of_sentence(view, begin, end, telling)}


def train_stop(marked: Sequence[Note], lines: Sequence[tuple[str, str, str]], tags: Path, to: Path) -> None:
    """Train the model of the stop on ``marked`` and ``lines``, with the tagger in ``tags``; write it ``to`` a file."""
    of_one, of_all = [], []
    for note, telling in zip(marked, out_of_fold(marked), strict=True):
        view = read(note["text"], note["lang"])
        spans = [span for span in note["spans"] if span["type"] == "ASYLUM" and note["asylum"]]
        whole: set[int] = set()
        for begin, end in view.sentences:
            places = _places(view, begin, end, telling)
            first, last = view.found[begin].start, view.found[end - 1].end
            of_one.append((places, any(span["start"] < last and span["end"] > first for span in spans)))
            whole |= places
        of_all.append((whole, bool(note["asylum"])))
    for language, told, sentence in lines:
        view = read(sentence, language)
        lesson = (_places(view, 0, len(view.found), _told_by(tags, view)), told == "1")
        of_one.append(lesson)
        of_all.append(lesson)
    to.write_bytes(_judgement(of_one, 2.0) + _judgement(of_all, 3.3))


def main() -> None:
    """Train both models, or check that they are not older than what they are made from."""
    parser = argparse.ArgumentParser(prog="redaction_train", description=__doc__)
    parser.add_argument("--check", action="store_true")
    record = MODEL / "made-from.json"
    if parser.parse_args().check:
        made_from = json.loads(record.read_text("utf-8"))["inputs"]
        sys.exit(0 if made_from == inputs_digest() else "the models are older than their notes: train them again")
    MODEL.mkdir(exist_ok=True)
    marked = notes()
    train_tags(marked, MODEL / "tags.crfsuite")
    train_stop(marked, gate_lines(), MODEL / "tags.crfsuite", MODEL / "stop.weights")
    record.write_text(json.dumps({"inputs": inputs_digest(), "notes": len(marked)}) + "\n", "utf-8")
    print(f"{len(marked)} notes, {len(gate_lines())} sentences")


if __name__ == "__main__":
    main()
