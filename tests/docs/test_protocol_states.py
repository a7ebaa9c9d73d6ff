"""The tables of what a thread takes (protocol 5.9, M-5.30) say what the rows of the state table say."""

import re
from pathlib import Path

import pytest

from gateway.core.case import State as S
from gateway.core.messages import TYPES
from gateway.core.verification import REQUESTED_ROWS, REQUESTING_ROWS

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
ASKED, ASKING = PAGE.partition("### 5.9 ")[2].partition("## 6.")[0].split("The asking State accepts:")

PLACES = {
    "request accepted": (REQUESTED_ROWS, ASKED, (S.RECEIVED,)),
    "acknowledged": (REQUESTED_ROWS, ASKED, (S.ACKNOWLEDGED, S.EXTENDED)),
    "question sent": (REQUESTED_ROWS, ASKED, (S.NEEDS_TIER2,)),
    "reply sent": (REQUESTED_ROWS, ASKED, (S.REPLIED,)),
    "contested": (REQUESTED_ROWS, ASKED, (S.CONTESTED,)),
    "ended or withdrawn": (REQUESTED_ROWS, ASKED, (S.UNDELIVERED, S.CLOSED, S.WITHDRAWN)),
    "request sent": (REQUESTING_ROWS, ASKING, (S.SENT, S.DELIVERED)),
    "acknowledged ": (REQUESTING_ROWS, ASKING, (S.ACKNOWLEDGED, S.EXTENDED)),
    "question accepted": (REQUESTING_ROWS, ASKING, (S.NEEDS_TIER2,)),
    "reply accepted": (REQUESTING_ROWS, ASKING, (S.REPLIED,)),
    "contested ": (REQUESTING_ROWS, ASKING, (S.CONTESTED,)),
    "ended or withdrawn ": (REQUESTING_ROWS, ASKING, (S.UNDELIVERED, S.CLOSED, S.WITHDRAWN)),
}


@pytest.mark.parametrize("place", PLACES)
def test_row_says_what_the_state_table_says(place: str) -> None:
    """Each row names the types whose event the partner may bring in each state it stands for, and no others."""
    rows, part, states = PLACES[place]
    shown = re.search(rf"^\| {place.strip()} \| (.+) \|$", part, re.MULTILINE)
    assert shown is not None
    types = set(re.findall(r"`([a-z.]+)`", shown[1]))
    for state in states:
        events = {row.event for row in rows if row.source == state and "partner" in row.who}
        assert types == {row.type for row in TYPES.values() if row.event in events}, state


def test_no_row_is_left_out() -> None:
    """Every row of the two tables is checked, but for the thread that no request has opened."""
    shown = re.findall(r"^\| ([a-z ]+) \| (?:`|none)", ASKED + ASKING, re.MULTILINE)
    assert sorted(place.strip() for place in [*PLACES, "no request accepted"]) == sorted(shown)
