"""The tables of what a thread takes (protocol 5.9, M-5.30) say what the rows of the state table say."""

import re
from collections.abc import Iterable
from pathlib import Path

from gateway.core.case import State as S
from gateway.core.machine import Row
from gateway.core.messages import AFTER_WITHDRAWAL, FINAL_EVENTS, SCHEDULE_EVENTS, TYPES
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS
from tests.support.rows import for_each

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("### 5.9 ")[2].partition("### 5.10 ")[0]
ASKED, REST = SECTION.split("The asking State accepts:")
ASKING, LEADS = REST.split("Where a message leads")
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
    "return considered": (REQUESTING_ROWS, ASKING, (S.CONSIDERED,)),
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
    "closed or withdrawn ": (REQUESTING_ROWS, ASKING, (S.CLOSED, S.WITHDRAWN, S.NOT_RETURNED)),
}
SEVERAL = {
    "verification.delay": {"delay", "extension"},
    "return.acceptance": {"acceptance", "refusal"},
    "return.schedule": set(SCHEDULE_EVENTS.values()),
    "return.monitoring": {"monitoring", *FINAL_EVENTS.values()},
}
"""Types that are one of several events, as their body says."""


def _taken(rows: Iterable[Row], state: S) -> set[str]:
    """
    Return the types whose event the partner may bring in ``state``.

    Where a row asks whether a question was told that waits still, the thread stands at that, wherever the case does.
    """
    mine = (row for row in rows if row.source == state and "partner" in row.who)
    events = {row.event for row in mine if "asked_still" not in row.guards}
    return {row.type for row in TYPES.values() if events & SEVERAL.get(row.type, {row.event})}


@for_each("place", PLACES)
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


def test_what_leads_out_of_an_undelivered_thread() -> None:
    """As the page says it, three messages do, and none leads out of a thread that is closed or withdrawn."""
    said = " ".join(LEADS.split()).partition("leaves it undelivered, but for three: ")[2].partition(". A thread")[0]
    assert ["verification.reply", "return.schedule", "departed", "withdrawal"] == re.findall(r"`([a-z.-]+)`", said)
    rows = [row for row in (*REQUESTING_ROWS, *REQUESTED_ROWS) if "partner" in row.who and row.target in set(S)]
    assert {"reply", "departure", "withdrawal"} == {row.event for row in rows if row.source == S.UNDELIVERED}
    assert set() == {row.event for row in rows if row.source in (S.CLOSED, S.WITHDRAWN)}


SAID = {
    "verification.request": ("send", None),
    "verification.acknowledgement": ("acknowledge", "acknowledgement"),
    "verification.redirect": ("redirect", "redirection"),
    "verification.question": ("ask", "question"),
    "verification.elements": ("send", "elements"),
    "verification.interview": ("ask_interview", "interview"),
    "verification.interview-answer": ("interview_answer", "interview_answer"),
    "verification.reply": ("answer", "reply"),
    "verification.contest": ("contest", "contest"),
    "return.proposal": ("propose", "proposal"),
    "return.acceptance, accepted": ("accept", "acceptance"),
    "return.acceptance, refused": ("refuse", "refusal"),
    "travel-document.request": ("request_document", "document_request"),
    "travel-document.issued": ("issue", "document"),
    "return.schedule, planned": ("schedule", "schedule_notice"),
    "return.schedule, cancelled": ("cancel", "cancellation"),
    "return.schedule, departed": ("depart", "departure"),
    "return.handover by the asking State": ("hand_over", "handover"),
    "return.handover by the asked State": ("confirm_handover", "handover"),
    "return.monitoring, final false": ("report", "monitoring"),
    "return.monitoring, final true": ("report_safe", "monitoring_safe"),
    "return.take-back": ("recall", "take_back"),
    "withdrawal": ("withdraw", "withdrawal"),
}
"""Each row of the table of where a message leads: the event of who says it, and that of who accepts it."""

BY_ASKED = {
    *("acknowledge", "redirect", "ask", "ask_interview", "answer", "accept", "refuse", "issue", "confirm_handover"),
    *("report", "report_safe"),
}
ROWS = re.findall(r"^\| (`.+?) \| ([a-z ]+) \| ([a-z ]+) \|$", LEADS, re.MULTILINE)


def _led(rows: Iterable[Row], event: str, by: bool) -> set[S]:
    """Return where ``event`` leads in ``rows``, by the partner or not; where it stays, the states it stays in."""
    fitting = [row for row in rows if row.event == event and ("partner" in row.who) is by]
    moved = {S(row.target) for row in fitting if row.target in set(S)} - {S.UNDELIVERED}
    return moved or {S(row.source) for row in fitting if row.source in (S.DECIDED, S.DEPARTED, S.ACCEPTED)}


def _stands_for(place: str, rows: Iterable[Row]) -> set[S]:
    found = [set(states) for name, (of, _, states) in PLACES.items() if name.strip() == place and of is rows]
    return found[0]


@for_each("row", ROWS, ids=lambda row: row[0])
def test_where_a_message_leads_is_where_the_state_tables_lead(row: tuple[str, str, str]) -> None:
    """Who says it, and who accepts it, is then at the place that the page names."""
    name, said, accepted = row[0].replace("`", ""), row[1], row[2]
    own, theirs = SAID[name]
    sender = REQUESTED_ROWS if own in BY_ASKED else REQUESTING_ROWS
    taker = REQUESTING_ROWS if sender is REQUESTED_ROWS else REQUESTED_ROWS
    leads = _led(sender, own, by=False)
    if name == "verification.request":
        leads = {S.SENT}  # the same event sends elements, from another state
    elif name == "verification.elements":
        leads = {S.ACKNOWLEDGED}
    assert leads, name
    assert leads <= _stands_for(said, sender), name
    if theirs is not None:
        led = _led(taker, theirs, by=True)
        assert led, name
        assert led <= _stands_for(accepted, taker), name


def test_every_message_that_leads_somewhere_has_its_row() -> None:
    """The table is whole: each message that is an event of its own has a row, and no row is of another."""
    shown = [name.replace("`", "") for name, _, _ in ROWS]
    assert sorted(SAID) == sorted(shown)


NOWHERE = LEADS.partition("Nor does what is accepted lead anywhere")[2].partition("The places of a return")[0]
LEADS_TO = {name.replace("`", ""): accepted for name, _, accepted in ROWS}
CALLED_BACK_LEADS = {"return.proposal", "withdrawal"}


def _crossed(place: str) -> set[str]:
    """Return the types that lead nowhere at ``place``, as the page says it in words."""
    return {
        "return considered": set(TYPES),
        "return assessed": set(TYPES),
        "called back": set(TYPES) - CALLED_BACK_LEADS,
        "schedule sent": {"travel-document.issued"},
        "departed": {"travel-document.issued"},
        "handed over": {"return.handover"},
    }.get(place.strip(), set())


@for_each("place", [place for place in PLACES if place.strip() not in ("undelivered", "closed or withdrawn")])
def test_what_only_crossed_a_step_leads_nowhere(place: str) -> None:
    """What is accepted stays where the page says that it leads nowhere, and else goes where the table of leads says."""
    rows, _, states = PLACES[place]
    asking = rows is REQUESTING_ROWS
    for state in states:
        for type in _taken(rows, state) - ANYWHERE - {"travel-document.reissue"}:  # has words of its own
            mine = [row for row in rows if row.source == state and "partner" in row.who]
            events = SEVERAL.get(type, {TYPES[type].event})
            goes = {S(row.target) for row in mine if row.event in events and row.target in set(S)}
            named = {
                led
                for name, led in LEADS_TO.items()
                if name.split(",")[0].split(" by ")[0] == type
                and (" by the ask" not in name or asking == ("asked" in name))
            }
            there = {one for led in named for one in _stands_for(led, rows)}
            left = goes - {state, S.SUSPENDED} - set(states)
            assert left <= (set() if type in _crossed(place) else there), (state, type)
            if place.strip() not in named and named and type not in _crossed(place):
                assert left, (state, type)


def test_words_of_what_leads_nowhere_name_these_types() -> None:
    """The words that say so name each place and type that is left out of the table of leads."""
    words = " ".join(NOWHERE.split())
    assert [place for place in ("considered", "assessed", "called back", "schedule sent", "departed") if place in words]
    assert ["return.proposal", "withdrawal", "travel-document.issued", "return.handover"] == re.findall(
        r"`([a-z.-]+)`", words
    )


TOGETHER = {
    "request sent": "request accepted",
    "question accepted": "question sent",
    "interview accepted": "interview proposed",
    "reply accepted": "reply sent",
    "proposal sent": "proposal accepted",
    "acceptance accepted": "acceptance sent",
    "decided": "acceptance sent",
    "document accepted": "document issued",
    "schedule sent": "schedule accepted",
}
"""Which places of the two go together, that of the asking State first; the others have one name on both sides."""
BEGUN = {name.split(",")[0].split(" by ")[0]: set[str]() for name in SAID}
for _name, (_event, _) in SAID.items():
    BEGUN[_name.split(",")[0].split(" by ")[0]].add(_event)
BEGUN |= {
    "reminder": {"remind"},
    "verification.delay": {"notify_delay", "extend"},
    "verification.interview-result": {"report_interview"},
    "travel-document.reissue": {"reissue_document"},
    "return.monitoring": {"report", "report_safe"},
}
"""The events by which a desk says each type."""
NOT_BEGUN = {
    ("reminder", "reply accepted"),
    ("return.proposal", "reply accepted"),  # a return is considered and assessed first
    *(("return.proposal", place) for place in ("proposal sent", "acceptance accepted", "decided")),
    *(("return.proposal", place) for place in ("document accepted", "schedule sent")),
    *(("return.schedule", place) for place in ("proposal sent", "acceptance accepted", "decided")),
    ("travel-document.request", "acceptance accepted"),  # the return is decided first
    ("travel-document.request", "document accepted"),
    ("travel-document.reissue", "acceptance sent"),
    ("travel-document.issued", "document issued"),
    ("travel-document.issued", "schedule accepted"),
    ("travel-document.issued", "departed"),
    ("travel-document.reissue", "departed"),
    ("return.handover", "handed over "),
}
"""What the other State takes and no desk begins: it may have crossed a step. The page says each in words."""
BY_WORDS = {"considered", "assessed", "called back", "undelivered", "closed or withdrawn"}


@for_each("place", [place for place in PLACES if not any(word in place for word in BY_WORDS)])
def test_a_side_says_what_the_other_one_takes(place: str) -> None:
    """But for a stop and a withdrawal, and what only crosses, a desk says what the other State takes where that is."""
    rows, _, states = PLACES[place]
    asking = rows is REQUESTING_ROWS
    own = place.strip()
    there = TOGETHER.get(own) if asking else {theirs: name for name, theirs in TOGETHER.items()}.get(own)
    shown = re.search(rf"^\| {there or own} \| (.+) \|$", ASKED if asking else ASKING, re.MULTILINE)
    assert shown is not None
    taken = set(re.findall(r"`([a-z.-]+)`", shown[1])) - {"suspension", "resumption", "withdrawal"}
    begun = set[str]()
    for state in states:
        events = {row.event for row in rows if row.source == state and "partner" not in row.who}
        begun |= {
            type for type, ways in BEGUN.items() if events & ways and type not in ("verification.request", "withdrawal")
        }
    assert begun == taken - {type for type, at in NOT_BEGUN if at == place}


def test_words_of_what_nobody_begins_name_these_types() -> None:
    """The words that say so name each type of which a place is left out, but for the proposal, which has its own."""
    words = (
        " ".join(LEADS.split())
        .partition("Of the other rows some name such things, too")[2]
        .partition("of the other. ")[0]
    )
    assert {type for type, _ in NOT_BEGUN} - {"return.proposal"} == set(re.findall(r"`([a-z.-]+)`", words))
