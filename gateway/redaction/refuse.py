"""
What is no text: too long, not printable, written to be read otherwise than it stands. It is refused with a code.

Rule 1: letters of two scripts in one word, and look-alikes that stand for other letters, are refused, not repaired.
Rule 2: letters written as codes (of HTML, of an address, of mail) are refused too: they tell a reader what no gate saw.
Rule 3: white space is space, tab and line break; no mark that cannot be seen and none that turns the direction is let
in, save the joiners (U+200C, U+200D) between Arabic letters, which spell words.
"""

import re
import unicodedata

from gateway.core.unseen import JOINERS, has_unseen

MOST_CHARACTERS = 4_000
"""Notes that are read here have a page at most; a remark that is sent has 500 characters (its own rule)."""

_MOST_MARKS = 3
"""More combining marks on one letter than any of the languages writes."""

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ANNOTATION = re.compile("[\ufff9-\ufffb]")
_JOINER = re.compile("(?<![\u0620-\u06ff])[\u200c\u200d]|[\u200c\u200d](?![\u0620-\u06ff])")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd\ufffe\uffff\ue000-\uf8ff]")
# Letters and digits that Unicode holds for signs: in circles, of flags, in Braille, raised. No table here has them.
_SIGNS = re.compile(
    "[\u2070-\u209c\u2460-\u24ff\u2776-\u2793\u2800-\u28ff\u3200-\u32ff\U0001f100-\U0001f1ff]|[\xb9\xb2\xb3]{2}"
)
# A system that knows Latin letters alone writes any other name so: &#1056;&#1086;&#1079;&#1072;, %D0%A0, =D0=A0.
_CODED = re.compile(
    r"&(?:#[0-9]{2,7}|#x[0-9a-f]{2,6}|[a-z][a-z0-9]{1,31};)|(?:[%=][0-9a-f]{2}){2}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}", re.I
)
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (
    ("latin", re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]")),
    ("greek", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("cyrillic", re.compile("[\u0400-\u052f]")),
    ("arabic", re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")),
)


def refusals(text: str) -> list[str]:
    """Return the codes of what is wrong with ``text`` as text, none for a text that may be read."""
    if len(text) > MOST_CHARACTERS:
        # Nothing else is looked for: the reader of ten megabytes is told that they are too long, at once.
        return ["text-too-long"]
    found = []
    if _CONTROL.search(text) or _SIGNS.search(text):
        found.append("text-not-printable")
    if _BIDI.search(text):
        found.append("text-direction")
    if has_unseen(_BIDI.sub("", text), but=JOINERS) or _ANNOTATION.search(text) or _JOINER.search(text):
        found.append("text-invisible")
    if _CODED.search(text):
        found.append("text-coded")
    if _too_many_marks(text):
        found.append("text-marks")
    if any(_scripts(word) > 1 for word in _WORD.findall(text)):
        found.append("text-mixed-script")
    return found


def _too_many_marks(text: str) -> bool:
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run > _MOST_MARKS:
            return True
    return False


def _scripts(word: str) -> int:
    # Ukrainian and Uzbek write their apostrophe as a letter (U+02BC); ordinals are Latin in every script.
    word = re.sub("[\u02bb\u02bc\u00aa\u00ba]", "", word)
    plain = unicodedata.normalize("NFKC", word)
    # A letter outside the four scripts, and a letter that only looks like another (mathematical, full width), counts
    # as a script of its own.
    seen = {name for name, letters in _SCRIPTS if letters.search(plain)}
    strange = any(not any(letters.match(c) for _, letters in _SCRIPTS) for c in plain if c.isalpha())
    return len(seen) + strange + (plain != unicodedata.normalize("NFC", word) and not seen & {"arabic"})
