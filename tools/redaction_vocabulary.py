"""
Makes the word sets of ``gateway/redaction/vocabulary`` from the word lists of simplemma (MIT).

The package is not pinned here:

    pip install simplemma==2.0.0 && python -m tools.redaction_vocabulary

Of each list the lower-case forms are taken, folded: names, which lists write with a capital, are not words. The same
lists give the same files. It is run again only when the folding or the lists change.
"""

import re

from gateway.redaction import vocabulary
from gateway.redaction.fold import fold, serbian

# Serbian is a variety of the list of Serbo-Croatian, which has both scripts.
LISTS = {"en": "en", "fr": "fr", "es": "es", "ro": "ro", "sq": "sq", "sr": "hbs", "uk": "uk", "ru": "ru", "ar": "ar"}
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")


def words(language: str) -> set[str]:
    """Return the folded lower-case forms of ``language``."""
    from simplemma.strategies.dictionaries import DefaultDictionaryFactory  # type: ignore[import-not-found]

    folded = serbian if language == "sr" else fold
    found = set()
    for form in DefaultDictionaryFactory().get_dictionary(LISTS[language]):
        # Arabic has no capitals to tell names by; its list is taken whole.
        if _WORD.fullmatch(form) and (form[0].islower() or language == "ar"):
            found |= {folded(part) for part in form.split("-")}
    return found - {""}


def pack(found: set[str]) -> bytes:
    """Return the Bloom filter of ``found``, as ``vocabulary`` reads it."""
    size = (len(found) * vocabulary.BITS_A_FORM + 7) // 8
    held = bytearray(size)
    for word in found:
        for at in vocabulary.places(word, size * 8):
            held[at >> 3] |= 1 << (at & 7)
    return bytes(held)


def main() -> None:
    """Write one file a language and say how many forms each holds."""
    for language in LISTS:
        found = words(language)
        vocabulary.path_of(language).write_bytes(pack(found))
        print(language, len(found))


if __name__ == "__main__":
    main()
