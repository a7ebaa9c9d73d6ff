"""What the protocol says of a return (5.10, 6) is what the rows of both sides do."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core import documents
from gateway.core.case import Side
from gateway.core.case import State as S
from gateway.core.machine import PARTNER, Event, Row, step
from gateway.core.messages import HANDOVER, HANDS, MONITORING, SCHEDULE, TYPES, event_name, required_statements
from gateway.core.return_bodies import departed
from gateway.core.return_guards import notice_at
from gateway.core.returns import ARRANGED, AWAY, REQUESTED_RETURN, REQUESTING_RETURN
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS, table_for
from tests.core import return_support as kit
from tests.core import support
from tests.core.support import NOW
from tests.schemas.support import EXAMPLES, read

HELD = (S.FROZEN, S.SUSPENDED)
SIDES = {"asking": REQUESTING_RETURN, "asked": REQUESTED_RETURN}
COURSE = (
    S.REPLIED,
    S.CONSIDERED,
    S.ASSESSED,
    S.PROPOSED,
    S.ACCEPTED,
    S.DECIDED,
    S.DOCUMENTED,
    S.SCHEDULED,
    S.DEPARTED,
    S.HANDED_OVER,
    S.MONITORING,
    S.CLOSED_SAFE,
    S.CLOSED_CONCERN,
    S.LOST_CONTACT,
)
"""The states of a return in the order in which it goes on."""
LEAVES = datetime(2027, 2, 9, 8, 30, tzinfo=UTC)


def rows(side: str, event: str, *states: S) -> list[Row]:
    """Return the rows of ``side`` for ``event``, in ``states`` only if any are given."""
    return [row for row in SIDES[side] if row.event == event and (not states or row.source in states)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("event", ["suspension", "resumption"])
def test_stop_of_the_partner_is_always_heard(side: str, event: str) -> None:
    """Whoever is told that the other side stops, or goes on, takes it without a condition (M-5.33)."""
    assert rows(side, event)
    assert [] == [row for row in rows(side, event) if row.who != {"partner"}]
    assert [] == [row for row in rows(side, event) if row.guards and row.source not in HELD]
    # Where the case is stopped, only a verification that does not know the word refuses it, stopped or not (M-5.30).
    assert {("taken_there",)} == {row.guards for row in rows(side, event, *HELD)}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("event", ["suspension", "resumption"])
@pytest.mark.parametrize("held", HELD)
def test_stop_of_the_partner_is_heard_in_every_stopped_return(side: Side, event: str, held: S) -> None:
    """Where a return that is not stopped takes word of a stop, one that is stopped takes it as well (M-5.33)."""
    table = table_for(side)
    taken = [row.source for row in table.rows if row.event == event and row.source not in HELD]
    assert {*ARRANGED, *AWAY} <= set(taken)
    for state in taken:
        case = kit.case_in(side, held, resume_to=state, holders=(("carol", "guardian"),))
        moved, _ = step(table, case, Event(event, case.partner, PARTNER, {"body": {}}), support.NOW)
        assert (held, state) == (moved.state, moved.resume_to)


@pytest.mark.parametrize("side", SIDES)
def test_only_its_own_suspension_is_lifted(side: str) -> None:
    """A release is by who suspended; a resumption of the partner is another event (M-5.33)."""
    assert [("same_freezer",)] == [row.guards for row in rows(side, "release", S.SUSPENDED)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("state", AWAY)
def test_take_back_needs_no_consent(side: str, state: S) -> None:
    """From departure on either State takes the other's word, and the case is called back (M-5.34)."""
    assert [(S.RECALL, ())] == [(row.target, row.guards) for row in rows(side, "take_back", state)]


@pytest.mark.parametrize("state", AWAY)
def test_nobody_on_the_way_is_dropped(state: S) -> None:
    """While the person is away the asked State has no row for a withdrawal (M-5.34)."""
    assert [] == [row for row in REQUESTED_ROWS if (row.source, row.event) == (state, "withdrawal")]


@pytest.mark.parametrize("side", SIDES)
def test_silence_moves_no_return(side: str) -> None:
    """No row that only the gateway brings about leads on in a return; those there are lead back (M-5.35)."""
    moves = [(row.source, row.target) for row in SIDES[side] if row.who == {"gateway"}]
    places = [(COURSE.index(S(a)), COURSE.index(S(b))) for a, b in moves if a in COURSE and b in COURSE]
    assert places
    assert [] == [place for place in places if place[0] < place[1]]


def test_departure_looks_at_everything_again() -> None:
    """On the day consent, conclusions, release and acceptance still stand, and the document lasts (M-5.36, M-6.5)."""
    (leaving,) = rows("asking", "depart")
    needed = {"reconfirmed_today", "consented", "assessed_positive", "welfare_released", "welfare_accepted"}
    assert needed | {"document_outlasts_travel"} <= set(leaving.guards)


def test_schedule_needs_both_signatures() -> None:
    """No plan leaves when the release or the acceptance has run out (M-6.5)."""
    (planning,) = rows("asking", "schedule")
    assert {"welfare_released", "welfare_accepted"} <= set(planning.guards)


def test_both_hands_hold_one_record() -> None:
    """Either side takes the second hand only under the bytes of the first (M-3.15, M-6.6)."""
    (asking,), (asked,) = rows("asking", "handover", S.DEPARTED), rows("asked", "confirm_handover")
    assert ["both_hands"] * 2 == [guard for row in (asking, asked) for guard in row.guards if guard == "both_hands"]


@pytest.mark.parametrize("kind", sorted(HANDS))
def test_handover_carries_the_hand_that_sends_it(kind: str) -> None:
    """A handover has one statement, of the hand it brings; without any the first hand is missing (M-6.4)."""
    assert ((kind, HANDS[kind]),) == required_statements(HANDOVER, {}, [kind])
    assert (("handover.delivery", "escort"),) == required_statements(HANDOVER, {})


@pytest.mark.parametrize("type", sorted(type for type in TYPES if type.startswith(("return.", "travel-document."))))
def test_every_example_is_an_event_of_the_other_side(type: str) -> None:
    """Whatever form a message of a return has, the table of a side that may receive it knows the event."""
    known = {row.event for row in (*REQUESTING_ROWS, *REQUESTED_ROWS) if "partner" in row.who}
    bodies = [read(path) for path in sorted((EXAMPLES / type / "valid").glob("*.json"))]
    assert {event_name(type, body) for body in bodies} <= known


@pytest.mark.parametrize(
    ("status", "event"),
    [("SEEN_SAFE", "safe"), ("SEEN_CONCERN", "concern"), ("DECLINED", "lost"), ("NOT_FOUND", "lost")],
)
def test_last_status_says_how_it_ended(status: str, event: str) -> None:
    """Who is no longer seen is not called safe."""
    assert f"monitoring_{event}" == event_name(MONITORING, {"status": status, "final": True})


@pytest.mark.parametrize("ahead_h", [72, 73, 24 * 30])
def test_plan_waits_until_three_days_before(ahead_h: int) -> None:
    """A plan made earlier is sealed until 72 hours before departure (M-5.32)."""
    assert LEAVES - timedelta(hours=72) == notice_at(LEAVES, LEAVES - timedelta(hours=ahead_h))


def test_late_plan_leaves_at_once() -> None:
    """A plan made within the last 72 hours waits for nothing."""
    assert LEAVES - timedelta(hours=5) == notice_at(LEAVES, LEAVES - timedelta(hours=5))


def test_document_number_differs_by_thread() -> None:
    """One number gives another digest in another thread, so that it links nothing (M-3.13)."""
    first, second = (documents.number_digest(thread * 21 + "A", "X1234567") for thread in "AB")
    assert first != second


@pytest.mark.parametrize(("consent", "told"), [("2026-12-01", ["OXYGEN"]), ("2026-12-02", []), (None, [])])
def test_who_took_back_that_consent_leaves_all_the_same(consent: str | None, told: list[str]) -> None:
    """Word of a departure repeats medical needs only while the person agrees to it; it is no reason to stay (R-23)."""
    plan = kit.schedule(medical_needs=["OXYGEN"])
    travel = {"departs_at": "2026-12-01T15:00:00+01:00", "notice_h": 48, "medical_consent_on": consent}
    case = kit.case_in(Side.REQUESTING, S.SCHEDULED, said={SCHEDULE: plan}, record=kit.record(travel=travel))
    assert told == departed(case, NOW, None)["medical_needs"]
