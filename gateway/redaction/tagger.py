"""
Which words of a text identify somebody, as a model of sequences (conditional random fields) learned from marked notes.

The model is ``model/tags.crfsuite``, made by ``tools/redaction_train.py`` from the notes beside that tool.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

import pycrfsuite

from gateway.redaction.features import Read, of_tokens

_MODEL = Path(__file__).parent / "model" / "tags.crfsuite"


@functools.lru_cache(maxsize=1)
def _tagger() -> pycrfsuite.Tagger:
    tagger = pycrfsuite.Tagger()
    tagger.open(str(_MODEL))
    return tagger


def chances(view: Read) -> list[Mapping[str, float]]:
    """Return for each token the chance (0 to 1) of each type it may be of; ``O`` is the chance that it is harmless."""
    tagger = _tagger()
    tagger.set(of_tokens(view))
    labels = tagger.labels()
    return [{label: tagger.marginal(label, i) for label in labels} for i in range(len(view.found))]
