"""
Does the text tell of a wish for protection, or of a fear of return, however indirectly? Then it is held for a person.

Rule 1: this can hold a message and can release none: what releases is the attested field of the case, elsewhere.
Rule 2: the most telling sentence is judged, and the text as a whole; the two judgements are weighed together.
Rule 3: what is said in plain words in one sentence holds whatever the judgements are (``PLAIN``).

Each judgement is a logistic regression: the sum of the weights of what the sentence, or the text, has. A feature's
weight stands at the place its CRC-32 gives it, so the model is two plain rows of numbers, ``model/stop.weights``, made
by ``tools/redaction_train.py``.
"""

import functools
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.redaction.features import Read, of_sentence

PLACES = 1 << 19
"""Weights a judgement; two features in one place share a weight, and training has seen to that."""

SENTENCE_SHARE = 0.8
"""How much the most telling sentence counts; the rest is the text's."""

HOLDS = 1.0
"""From this on (log odds, weighed) a text is held. Chosen on the training notes: docs/redaction.md."""

_OF_OTHERS = frozenset({"t_other_sense", "t_leaflet", "t_other_person", "t_no"})
PLAIN: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    # A claim of protection is made, pending or planned.
    (frozenset({"t_claim", "t_protection"}), _OF_OTHERS | {"t_negator"}),
    # A relation was given protection somewhere.
    (frozenset({"kin", "place", "t_protection"}), _OF_OTHERS | {"t_office"}),
    # Death waits at the end of the way back.
    (frozenset({"t_kill", "t_sent_back"}), _OF_OTHERS),
    (frozenset({"t_kill", "t_not_back"}), _OF_OTHERS),
    (frozenset({"t_kill", "t_there"}), _OF_OTHERS),
    # The State of origin is to learn nothing.
    (frozenset({"t_not_tell", "t_home_state"}), frozenset({"t_other_sense"})),
)
"""Ideas and classes of words that hold a text when one sentence has all of the first and none of the second."""

_MODEL = Path(__file__).parent / "model" / "stop.weights"


def place(feature: str) -> int:
    """Return where the weight of ``feature`` stands, 0 to ``PLACES`` - 1."""
    return zlib.crc32(feature.encode()) % PLACES


@functools.lru_cache(maxsize=1)
def _weights() -> tuple[memoryview, memoryview]:
    held = memoryview(_MODEL.read_bytes())
    return held[: PLACES * 2], held[PLACES * 2 :]


def _sum(weights: memoryview, places: Iterable[int]) -> float:
    return math.fsum(struct.unpack_from("<e", weights, at * 2)[0] for at in places)


def score(view: Read, telling: Sequence[float]) -> float:
    """
    Return the log odds that ``view`` tells of such a wish or fear; 0 is even.

    ``telling`` is the tagger's chance for each token that it does.
    """
    if not view.sentences:
        return -math.inf
    sentences = [{place(f) for f in of_sentence(view, begin, end, telling)} for begin, end in view.sentences]
    of_one, of_all = _weights()
    most = max(_sum(of_one, places) for places in sentences)
    return SENTENCE_SHARE * most + (1 - SENTENCE_SHARE) * _sum(of_all, set().union(*sentences))


def _plain(view: Read) -> bool:
    for begin, end in view.sentences:
        said = frozenset().union(*view.ideas[begin:end], *view.classes[begin:end])
        if any(needed <= said and not said & without for needed, without in PLAIN):
            return True
    return False


def holds(view: Read, telling: Sequence[float]) -> bool:
    """Tell whether the text must be held."""
    return _plain(view) or score(view, telling) >= HOLDS
