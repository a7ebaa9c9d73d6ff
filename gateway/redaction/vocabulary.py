"""
The words of a language, as a set one can ask and not list: is this a word, or perhaps a name?

Each file of ``vocabulary/`` is a Bloom filter (K hashes of BLAKE2b) over the folded lower-case forms of one language,
made by ``tools/redaction_vocabulary.py``: a word of the list is always known, a word outside it is taken for known in
about 2 of 100. It weighs a byte a form, and is read without being taken apart.
"""

import functools
import hashlib
import mmap
from pathlib import Path

HASHES = 5
BITS_A_FORM = 8
_FOLDER = Path(__file__).parent / "vocabulary"


def places(folded: str, bits: int) -> list[int]:
    """Return the ``HASHES`` bit numbers of ``folded`` in a filter of ``bits`` bits."""
    digest = hashlib.blake2b(folded.encode(), digest_size=16).digest()
    one, two = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1
    return [(one + i * two) % bits for i in range(HASHES)]


def path_of(language: str) -> Path:
    """Return where the set of ``language`` lies."""
    return _FOLDER / f"{language}.bloom"


@functools.lru_cache(maxsize=32)
def _filter(language: str) -> mmap.mmap:
    with path_of(language).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@functools.lru_cache(maxsize=65_536)
def is_word(folded: str, language: str) -> bool:
    """Tell whether the folded form ``folded`` is a word of ``language`` (a code of ``language.LANGUAGES``)."""
    held = _filter(language)
    return all(held[at >> 3] >> (at & 7) & 1 for at in places(folded, len(held) * 8))
