"""The tables of what a thread takes (protocol 5.9, M-5.30) say what the rows of the state table say."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.core.case import State as S
from gateway.core.machine import Row
from gateway.core.messages import AFTER_WITHDRAWAL, FINAL_EVENTS, SCHEDULE_EVENTS, TYPES
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("### 5.9 ")[2].partition("### 5.10 ")[0]
ASKED, ASKING = SECTION.split("The asking State accepts:")
OVER = (S.CLOSED_SAFE, S.CLOSED_CONCERN, S.LOST_CONTACT)
ANYWHERE = {kind for kind in re.findall(r"`([a-z.-]+)`", SECTION.partition("[M-5.31]")[2]) if kind in TYPES}
"""What M-5.31 allows at every place; the tables leave it out."""

PLACES = {
    "request accepted": (REQUESTED_ROWS, ASKED, (S.RECEIVED,)),
    "redirected": (REQUESTED_ROWS, ASKED, (S.REDIRECTED,)),
    "acknowledged": (REQUESTED_ROWS, ASKED, (S.ACKNOWLEDGED, S.EXTENDED)),
    "question sent": (REQUESTED_ROWS, ASKED, (S.NEEDS_TIER2,)),
    "interview proposed": (REQUESTED_ROWS, ASKED, (S.NEEDS_INTERVIEW,)),
    "reply sent": (REQUESTED_ROWS, ASKED, (S.REPLIED,)),
    "contested": (REQUESTED_ROWS, ASKED, (S.CONTESTED,)),
    "proposal accepted": (REQUESTED_ROWS, ASKED, (S.PROPOSED,)),
    "acceptance sent": (REQUESTED_ROWS, ASKED, (S.ACCEPTED,)),
    "document issued": (REQUESTED_ROWS, ASKED, (S.DOCUMENTED,)),
    "schedule accepted": (REQUESTED_ROWS, ASKED, (S.SCHEDULED,)),
    "departed": (REQUESTED_ROWS, ASKED, (S.DEPARTED,)),
    "handed over": (REQUESTED_ROWS, ASKED, (S.HANDED_OVER, S.MONITORING)),
    "return ended": (REQUESTED_ROWS, ASKED, OVER),
    "called back": (REQUESTED_ROWS, ASKED, (S.RECALL,)),
    "undelivered": (REQUESTED_ROWS, ASKED, (S.UNDELIVERED,)),
    "closed or withdrawn": (REQUESTED_ROWS, ASKED, (S.CLOSED, S.WITHDRAWN)),
    "request sent": (REQUESTING_ROWS, ASKING, (S.SENT, S.DELIVERED)),
    "redirected ": (REQUESTING_ROWS, ASKING, (S.REDIRECTED,)),
    "acknowledged ": (REQUESTING_ROWS, ASKING, (S.ACKNOWLEDGED, S.EXTENDED)),
    "question accepted": (REQUESTING_ROWS, ASKING, (S.NEEDS_TIER2,)),
    "interview accepted": (REQUESTING_ROWS, ASKING, (S.NEEDS_INTERVIEW,)),
    "reply accepted": (REQUESTING_ROWS, ASKING, (S.REPLIED,)),
    "contested ": (REQUESTING_ROWS, ASKING, (S.CONTESTED,)),
    "return considered": (REQUESTING_ROWS, ASKING, (S.CONSIDERED, S.NOT_RETURNED)),
    "return assessed": (REQUESTING_ROWS, ASKING, (S.ASSESSED,)),
    "proposal sent": (REQUESTING_ROWS, ASKING, (S.PROPOSED,)),
    "acceptance accepted": (REQUESTING_ROWS, ASKING, (S.ACCEPTED,)),
    "decided": (REQUESTING_ROWS, ASKING, (S.DECIDED,)),
    "document accepted": (REQUESTING_ROWS, ASKING, (S.DOCUMENTED,)),
    "schedule sent": (REQUESTING_ROWS, ASKING, (S.SCHEDULED,)),
    "departed ": (REQUESTING_ROWS, ASKING, (S.DEPARTED,)),
    "handed over ": (REQUESTING_ROWS, ASKING, (S.HANDED_OVER, S.MONITORING)),
    "return ended ": (REQUESTING_ROWS, ASKING, OVER),
    "called back ": (REQUESTING_ROWS, ASKING, (S.RECALL,)),
    "undelivered ": (REQUESTING_ROWS, ASKING, (S.UNDELIVERED,)),
    "closed or withdrawn ": (REQUESTING_ROWS, ASKING, (S.CLOSED, S.WITHDRAWN)),
}
SEVERAL = {
    "verification.delay": {"delay", "extension"},
    "return.acceptance": {"acceptance", "refusal"},
    "return.schedule": set(SCHEDULE_EVENTS.values()),
    "return.monitoring": {"monitoring", *FINAL_EVENTS.values()},
}
"""Types that are one of several events, as their body says."""


def _taken(rows: Iterable[Row], state: S) -> set[str]:
    """Return the types whose event the partner may bring in ``state``."""
    events = {row.event for row in rows if row.source == state and "partner" in row.who}
    return {row.type for row in TYPES.values() if events & SEVERAL.get(row.type, {row.event})}


@pytest.mark.parametrize("place", PLACES)
def test_row_says_what_the_state_table_says(place: str) -> None:
    """Each row names the types whose event the partner may bring in each state it stands for, and no others."""
    rows, part, states = PLACES[place]
    shown = re.search(rf"^\| {place.strip()} \| (.+) \|$", part, re.MULTILINE)
    assert shown is not None
    types = set(re.findall(r"`([a-z.-]+)`", shown[1]))
    for state in states:
        assert types == _taken(rows, state) - ANYWHERE, state


def test_what_is_taken_at_every_place() -> None:
    """The types of M-5.31 are taken wherever the tables have a row, but for the asked State after a withdrawal."""
    assert AFTER_WITHDRAWAL < ANYWHERE
    for place, (rows, _, states) in PLACES.items():
        for state in states:
            withdrawn = state is S.WITHDRAWN and rows is REQUESTED_ROWS
            assert (AFTER_WITHDRAWAL if withdrawn else ANYWHERE) == _taken(rows, state) & ANYWHERE, place


def test_no_row_is_left_out() -> None:
    """Every row of the two tables is checked, but for the thread that no request has opened."""
    shown = re.findall(r"^\| ([a-z ]+) \| (?:`|none)", ASKED + ASKING, re.MULTILINE)
    assert sorted(place.strip() for place in [*PLACES, "no request accepted"]) == sorted(shown)
