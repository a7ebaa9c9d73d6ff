"""
The characters that nobody can see, one set for names, remarks, forms and whatever else a person reads and decides on.

Rule 1: a character is here if Unicode shows nothing for it: what has the property Default_Ignorable_Code_Point, whether
or not this Python knows it yet, and a few that are a mark or a sign by their category and a blank by their shape.
Rule 2: who asks decides what to do: a name and a number refuse them, a form for comparing drops them. The patterns of
the schemas say the same set, so that a partner refuses what we do.

The two joiners are in the set; where they spell words (Arabic letters in running text) the caller lets them through.
"""

import re

IGNORABLE = (
    "\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point of Unicode 16.0 (DerivedCoreProperties.txt), as the inside of a class of characters."""

BLANK = "\u2800\U00016fe4\U0001d159"
"""No dots of Braille, the filler of Khitan small script and the note without a head: seen by their shape, nothing."""

JOINERS = "\u200c\u200d"
"""Zero-width non-joiner and joiner, part of the spelling of some scripts."""

_UNSEEN = re.compile(f"[{IGNORABLE}{BLANK}]")


def has_unseen(text: str, but: str = "") -> bool:
    """Tell whether ``text`` has a character that nobody can see, other than those in ``but``."""
    return any(char not in but for char in _UNSEEN.findall(text))


def without_unseen(text: str) -> str:
    """Return ``text`` without what nobody can see, for comparing."""
    return _UNSEEN.sub("", text)
