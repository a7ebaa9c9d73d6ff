"""No value of a case reaches the board: not a page, not a file, not an address, in no script and no encoding."""

import random

import pytest

from tests.web.board.canaries import Canaries, Hay, search
from tests.web.support import Desk

CASES = 300


@pytest.mark.timeout(600)
async def test_no_value_of_any_case_reaches_the_board(desk: Desk) -> None:
    """Over 300 cases full of canaries, every page, file and paper of the board is read, and none is found."""
    cases, canaries, pages, found = await search(desk, CASES, seed=random.randrange(1 << 32))
    assert [] == found
    assert (CASES, True, True) == (cases, canaries > 30 * CASES, pages > CASES)


def test_the_search_finds_what_is_there() -> None:
    """A canary is found as it is, folded, broken by tags, in entities, in percent signs, and transliterated."""
    canaries = Canaries(7)
    word, cyrillic, number = canaries.word(), canaries.word("Cyrl"), canaries.number()
    for text, one in (
        (f"<b>{word}</b>", word),
        (f"{word[:5]}<wbr>-{word[5:]}".upper(), word),
        ("".join(f"&#{ord(char)};" for char in cyrillic), cyrillic),
        (f"/x?q={number[:3]}%2D{number[3:]}", number),
        (cyrillic.encode().hex(), cyrillic),
    ):
        hay = Hay()
        hay.add(text)
        assert [one] == hay.holds([word, cyrillic, number]), text
    empty = Hay()
    empty.add("nothing of the kind is here")
    assert [] == empty.holds(canaries.made)
