"""The rows about data that was sent: each can be taken, each guard refuses something, and refuses it alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.core import notices
from gateway.core.case import Case, Notice, Side, State
from gateway.core.facts import about
from gateway.core.machine import KEEP, STAY, Event, IllegalStep, Row, RuleRefused, Send, Table, step
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    CONFIRMATION,
    ELEMENTS,
    ERASURE,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    PROPOSAL,
    RECTIFICATION,
    TYPES,
    USE_ANSWER,
    USE_REQUEST,
)
from gateway.core.notices import grants, last_number, open_demands, unanswered
from gateway.core.person_keys import FOUND_BY
from gateway.core.return_changes import TO_BE_TAKEN_BACK
from gateway.core.reuse import received_under
from gateway.core.tables import APPLIES, GUARDS, REQUESTED, REQUESTING, TERMINAL, table_for
from schemas import ijson
from tests.core import support
from tests.core.notice_bodies import ASKED, HANDLING, value_of
from tests.support.rows import each_holds

NAMES = frozenset(notices.APPLIES)
ROWS = [
    (side, row)
    for side, table in ((Side.REQUESTING, REQUESTING), (Side.REQUESTED, REQUESTED))
    for row in table.rows
    if row.event in NAMES
]


def good(side: Side, row: Row) -> tuple[Case, Event]:
    """Return a case in the row's source state and its event, to which nothing objects."""
    value = value_of(side, row.event)
    pending = support.prepared(value, type=RECTIFICATION) if row.event == "rectify" else None
    made = support.asking if side is Side.REQUESTING else support.asked
    case = made(row.source, notices=ASKED, asked=("SEX",), pending=pending, resume_to=State.REPLIED)
    role = min(row.who)
    type = ELEMENTS if row.event == "rectify" else ""
    facts = about(case, support.NOW, type, value, around=support.AROUND, justification="answer")
    data = {
        "value": value,
        "body": value if role == "partner" else ijson.dumps(value).decode(),
        "pending": support.prepared(value, type=RECTIFICATION),
        "digest": pending.digest if pending else "",
        "statement": "statement",
        "posted": True,
        "sent": ("sex",),
    }
    return case, Event(row.event, "boris", role, data, replace(facts, frozen=False))


def test_row_can_be_taken() -> None:
    """With everything in order each row leads where it says, and the step gives the same answer twice."""

    def take(item: tuple[Side, Row]) -> None:
        side, row = item
        case, event = good(side, row)
        moved, effects = step(table_for(side), case, event, support.NOW)
        assert (row.source if row.target in (STAY, KEEP) else State(row.target)) == moved.state
        assert (moved, effects) == step(table_for(side), case, event, support.NOW)

    each_holds(take, ROWS, support.named)


SPOILT: dict[str, Callable[[Case, Event], tuple[Case, Event]]] = {
    "fresh_number": lambda case, event: (case, with_value(event, number=1)),
    "asked_before": lambda case, event: (case, with_value(event, number=9)),
    "was_asked": lambda case, event: (case, with_value(event, number=9)),
    "erasure_asked": lambda case, event: (case, with_value(event, number=9)),
    "nobody_comes": lambda case, event: (replace(case, said={PROPOSAL: {}}), event),
    "nothing_new": lambda case, event: (
        case,
        with_value(event, parts=["LAST_RESIDENCE"], handling=HANDLING, elements={"last_residence": {}}),
    ),
    "was_sent": lambda case, event: (
        case,
        with_value(event, parts=["REPLY"] if case.side is Side.REQUESTING else ["SEX"]),
    ),
    "posted": lambda case, event: (case, replace(event, data={**event.data, "posted": False})),
    "two_persons": lambda case, event: (case, replace(event, actor="anna")),
    "same_bytes": lambda case, event: (case, replace(event, data={**event.data, "digest": "other"})),
    "correction_only": lambda case, event: (case, with_value(event, elements={"personal_number": "900101-1"})),
    "rules_send": lambda case, event: (case, with_facts(event)),
}


def with_value(event: Event, **changes: Any) -> Event:
    """Return the event with another body."""
    return replace(event, data={**event.data, "value": {**event.data["value"], **changes}})


def with_facts(event: Event) -> Event:
    """Return the event with facts to which a rule objects on either side."""
    assert event.facts is not None
    return replace(event, facts=replace(event.facts, around=support.around(recipient_ready=False)))


GUARDED = [(side, row, guard) for side, row in ROWS for guard in row.guards]


def test_guard_refuses_alone() -> None:
    """Each guard refuses what it is there for; without it, exactly that would pass."""

    def take(item: tuple[Side, Row, str]) -> None:
        side, row, guard = item
        case, event = SPOILT[guard](*good(side, row))
        with pytest.raises(RuleRefused):
            step(table_for(side), case, event, support.NOW)
        loose = replace(row, guards=tuple(name for name in row.guards if name != guard))
        rows = tuple(loose if other is row else other for other in table_for(side).rows)
        moved, _ = step(Table(rows, GUARDS, APPLIES, TERMINAL), case, event, support.NOW)
        assert (row.source if row.target == STAY else State(row.target)) == moved.state

    each_holds(take, GUARDED, support.named)


HEARD = {
    "use_request": USE_REQUEST,
    "onward_request": ONWARD_REQUEST,
    "rectification": RECTIFICATION,
    "erasure": ERASURE,
}


@pytest.mark.parametrize("state", [State.ACKNOWLEDGED, State.FROZEN])
@pytest.mark.parametrize("name", HEARD)
def test_what_waits_for_an_answer_has_a_bound(name: str, state: State) -> None:
    """Past it another one is refused, stopped or not; an answer makes room again (M-5.39)."""
    most, kind = notices.UNANSWERED_MAX[HEARD[name]], HEARD[name]
    case, event = good(Side.REQUESTED, REQUESTED.index[state, name])
    asked = tuple(Notice(kind, False, number, "2026-11-30", {"number": number}) for number in range(1, most + 1))
    event = with_value(event, number=most + 1)
    with pytest.raises(RuleRefused, match="V-10"):
        step(REQUESTED, replace(case, notices=asked), event, support.NOW)
    answered = (replace(asked[0], answer={"number": 1}), *asked[1:])
    moved, _ = step(REQUESTED, replace(case, notices=answered), event, support.NOW)
    assert most + 1 == len(moved.notices)


def test_what_follows_a_withdrawal_sends_nothing_else() -> None:
    """From a withdrawn case only the exempt types leave."""
    sent = set()
    for side, row in ROWS:
        if row.source is State.WITHDRAWN:
            case, event = good(side, row)
            _, effects = step(table_for(side), case, event, support.NOW)
            sent |= {effect.type for effect in effects if isinstance(effect, Send)}
    assert sent == AFTER_WITHDRAWAL


def test_what_a_row_says_is_named() -> None:
    """Each type lists every step of what is said of the data that says it."""
    assert [] == support.not_named(ROWS, good)


def test_nothing_is_said_while_a_case_is_stopped() -> None:
    """From a frozen or suspended case nothing of this leaves; what arrives is heard."""
    stopped = {row.event for _, row in ROWS if row.source in (State.FROZEN, State.SUSPENDED)}
    known = {TYPES[kind].event for kind in (*AFTER_WITHDRAWAL, USE_REQUEST, USE_ANSWER, ONWARD_REQUEST, ONWARD_ANSWER)}
    assert known == stopped


@pytest.mark.parametrize("state", [State.DRAFT, State.CLEARED, State.NOT_ACCEPTED])
@pytest.mark.parametrize("held", [State.FROZEN, State.SUSPENDED])
def test_stopped_case_of_which_nothing_is_there_hears_nothing(held: State, state: State) -> None:
    """Where the other State has accepted no request, no question is taken, whether or not the case is stopped."""
    case = support.asking(held, resume_to=state)
    with pytest.raises(IllegalStep):
        step(REQUESTING, case, Event("use_request", "XBB", "partner", {"value": {"number": 1}}), support.NOW)


def test_nobody_on_the_way_is_lost() -> None:
    """No copy is destroyed between departure and the end of a return."""
    under_way = {State.DEPARTED, State.HANDED_OVER, State.MONITORING, State.RECALL, State.SCHEDULED}
    assert not under_way & {row.source for _, row in ROWS if row.event == "destroy"}


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "theirs"])
def test_what_we_told_of_a_stop_outlives_what_they_sent(theirs: bool) -> None:
    """Of what was said our word of a stop, or that somebody is called back, stays, for it may have to be said again."""
    told = {"suspension": {"code": "SUSPENDED"}, "return.take-back": {"reason": "UNSAFE", "by": "2026-12-20"}}
    found = (TO_BE_TAKEN_BACK % {"day": "2026-12-20", "reason": "UNSAFE"},) if theirs else ()
    case, event = good(Side.REQUESTING, REQUESTING.index[State.CLOSED, "destroy"])
    case = replace(case, said={**told, "return.acceptance": {}, "return.proposal": {}}, findings=found)
    moved, _ = step(REQUESTING, case, event, support.NOW)
    assert (set(told) - ({"return.take-back"} if theirs else set()), ()) == (set(moved.said), moved.findings)


def test_withdrawn_thread_takes_no_value() -> None:
    """A rectification with values after a withdrawal is refused, even for elements that were sent."""
    case = support.asked(State.WITHDRAWN, notices=ASKED)
    value = {"number": 2, "parts": ["BIRTH_DATE"], "handling": HANDLING, "elements": {"birth_date": "1999"}}
    with pytest.raises(RuleRefused, match="R-16"):
        step(REQUESTED, case, Event("rectification", "XAA", "partner", {"value": value}), support.NOW)


def test_conditions_that_came_with_right_values_bind_too() -> None:
    """What the other State forbids of the values it corrects is looked up as what it forbids of the request (R-05)."""
    case = support.asked(State.REPLIED, notices=ASKED)
    strict = {**HANDLING, "use_restrictions": ["P3"]}
    value = {"number": 2, "parts": ["BIRTH_DATE"], "handling": strict, "elements": {"birth_date": "1999"}}
    moved, _ = step(REQUESTED, case, Event("rectification", "XAA", "partner", {"value": value}), support.NOW)
    assert frozenset({"P3"}) == received_under(moved)[-1].restrictions


def test_struck_part_is_gone() -> None:
    """What was named wrong and not replaced is no longer in what we hold."""
    case = support.asked(State.REPLIED, notices=ASKED)
    value = {"number": 2, "parts": ["BIRTH_DATE"], "handling": None, "elements": None}
    moved, _ = step(REQUESTED, case, Event("rectification", "XAA", "partner", {"value": value}), support.NOW)
    assert moved.received is not None
    assert "birth_date" not in moved.received["elements"]


def test_a_notice_holds_no_value() -> None:
    """The record of a rectification names parts and never what they said."""
    case, event = good(Side.REQUESTING, REQUESTING.index[State.REPLIED, "rectify"])
    moved, _ = step(REQUESTING, case, event, support.NOW)
    assert {"number": 2, "parts": ["SEX"]} == moved.notices[-1].body


def test_only_what_a_person_is_found_by_is_kept_as_it_was() -> None:
    """A wrong name still leads to other cases; of what nobody is found by nothing stays once it is corrected."""
    case, event = good(Side.REQUESTING, REQUESTING.index[State.REPLIED, "rectify"])
    assert () == step(REQUESTING, case, event, support.NOW)[0].former
    event = with_value(event, parts=["SEX", "BIRTH_DATE"], elements={"sex": 1, "birth_date": "1999-01-01"})
    event = replace(event, data={**event.data, "sent": ("sex", "birth_date")})
    (before,) = step(REQUESTING, case, event, support.NOW)[0].former
    assert case.draft is not None
    assert before == {name: part for name, part in case.draft["elements"].items() if name in FOUND_BY}


@pytest.mark.parametrize("lacking", ["elements", "draft"])
def test_nothing_is_corrected_by_no_value(lacking: str) -> None:
    """A correction has values, and a file they are compared with; what only strikes is another step (R-16)."""
    case, event = good(Side.REQUESTING, REQUESTING.index[State.REPLIED, "prepare_rectification"])
    spoilt = with_value(event, elements=None) if lacking == "elements" else event
    found = GUARDS["correction_only"](replace(case, draft=None) if lacking == "draft" else case, spoilt, support.NOW)
    assert ["R-16"] == [one.rule for one in found]


def test_a_release_is_a_yes_to_another_use_and_nothing_else() -> None:
    """Of all that the other State answered only its yes to a request of ours to hand on counts (R-05)."""
    yes = {"number": 1, "decision": "GRANTED", "until": "2027-01-31"}
    answered = tuple(replace(one, answer=yes) for one in ASKED)
    assert [("TRAVEL_DOC", "CONSULATE")] == [
        (one.purpose, one.body) for one in grants(support.asking(State.REPLIED, notices=answered))
    ]


def test_lists_of_what_is_open() -> None:
    """Open demands are ours and unanswered; what we owe is theirs and unanswered."""
    case = support.asking(State.REPLIED, notices=ASKED)
    assert [RECTIFICATION, ERASURE] == [one.kind for one in open_demands(case)]
    assert 4 == len(unanswered(case))
    assert (1, 0) == (last_number(case, ERASURE, ours=True), last_number(case, CONFIRMATION, ours=True))
    assert () == grants(case)
