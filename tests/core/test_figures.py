"""Durations by Kaplan and Meier, the course of a case, and fixed tables with nothing small in them."""

import random
import statistics
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from gateway.core.figures import (
    ALIKE,
    ANSWERS,
    COLUMNS,
    DURATION_COLUMNS,
    INTERNAL,
    METHODS,
    OUTCOMES,
    PUBLIC,
    RETURNS,
    TABLES,
    Course,
    File,
    Span,
    Step,
    course,
    quantile,
    quarters,
    released_from,
    survival,
    tabulate,
    tabulate_durations,
)
from gateway.core.messages import POSITIVE_OUTCOMES
from gateway.core.suppress import TOTAL, Known, Shown, exposed

HALF = Fraction(1, 2)
NOW = datetime(2027, 3, 1, tzinfo=UTC)
START = datetime(2026, 11, 25, 9, tzinfo=UTC)

REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
"""Weeks of remission under 6-MP (Freireich and others, Blood 21, 1963), a usual textbook example; + is censored."""


def spans(text: str) -> list[Span]:
    """Return spans of one step from days, a plus marking one that is open."""
    return [Span("reply", int(one.rstrip("+")), done=not one.endswith("+")) for one in text.split()]


def test_kaplan_meier_gives_the_textbook_curve() -> None:
    """The curve of the textbook example, to three digits, and its median of 23 weeks."""
    expected = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert expected == {day: round(float(share), 3) for day, share in survival(spans(REMISSION))}
    assert 23 == quantile(spans(REMISSION), HALF)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_without_open_cases_the_median_is_the_plain_one(days: list[int]) -> None:
    """Where nothing is open, the median is the ordinary one, of an even number the lower."""
    assert statistics.median_low(days) == quantile([Span("reply", day, done=True) for day in days], HALF)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.lists(st.integers(0, 400), max_size=40))
def test_open_cases_never_make_it_faster(done: list[int], open_: list[int]) -> None:
    """The median with the open cases is no smaller than that of the ended ones alone, or is not reached."""
    ended = [Span("reply", day, done=True) for day in done]
    whole = quantile([*ended, *(Span("reply", day, done=False) for day in open_)], HALF)
    assert whole is None or whole >= (quantile(ended, HALF) or 0)


def test_median_that_is_not_reached_is_not_made_up() -> None:
    """If more than half are still open before the half has ended, there is no median."""
    assert quantile(spans("5 9+ 9+ 9+"), HALF) is None


# Courses.


def steps(*told: tuple[float, str, str]) -> list[Step]:
    """Return steps, each (days after the start, event, state it led to)."""
    return [Step(START + timedelta(days=days), event, target) for days, event, target in told]


def made(*told: tuple[float, str, str], direction: str = "requesting", **changes: Any) -> Course:
    """Return the course of a case with these steps, due after ten days."""
    values: dict[str, Any] = {"extended": False, "delay_notice": False, "reply": None}
    values |= {"due_at": START + timedelta(days=10), **changes}
    found = course(File(direction, "XBB", "POLICY_DEFAULT", **values), steps(*told), NOW)
    assert found is not None
    return found


SENT = (0.0, "receipt", "DELIVERED")
POSITIVE = {"outcome": "NATIONAL", "method_used": ["POPULATION_REGISTER"]}
REPLIED = (3.5, "reply", "REPLIED")
RETURNED = (
    SENT,
    REPLIED,
    (20, "propose", "PROPOSED"),
    (24, "acceptance", "ACCEPTED"),
    (30, "request_document", "DECIDED"),
    (32, "document", "DOCUMENTED"),
    (44, "handover", "HANDED_OVER"),
)


def test_draft_that_never_left_is_in_no_figure() -> None:
    """A case whose request never arrived has no course."""
    file = File("requesting", "XBB", "", False, False, None, None)
    assert course(file, steps((0, "approve", "CLEARED"), (1, "discard", "CLOSED")), NOW) is None


@pytest.mark.parametrize(
    ("answer", "told", "changes"),
    [
        ("IN_TIME", (SENT, REPLIED), {"reply": POSITIVE}),
        ("LATE", (SENT, (11, "reply", "REPLIED")), {"reply": POSITIVE}),
        ("WITHDRAWN", (SENT, (2, "freeze", "FROZEN"), (3, "withdraw", "WITHDRAWN")), {}),
        ("SILENT", (SENT,), {}),
        ("NOTIFIED", (SENT,), {"delay_notice": True}),
        ("PENDING", (SENT,), {"due_at": NOW + timedelta(days=1)}),
        ("ENDED", (SENT, (30, "undelivered", "UNDELIVERED")), {}),
    ],
)
def test_answer(answer: str, told: tuple[Any, ...], changes: dict[str, Any]) -> None:
    """Each case has one of the answers there are."""
    assert answer == made(*told, **changes).answer
    assert answer in ANSWERS


def test_day_begun_counts_as_a_day() -> None:
    """An answer after three days and a half took four."""
    assert Span("reply", 4, done=True) in made(SENT, REPLIED, reply=POSITIVE).spans


def test_stop_ends_what_was_waited_for_without_an_answer() -> None:
    """A case that was frozen counts as waiting up to the freeze, and not after it."""
    assert Span("reply", 2, done=False) in made(SENT, (2, "freeze", "FROZEN"), (30, "reply", "FROZEN")).spans


def test_both_sides_have_the_same_course() -> None:
    """The side that was asked tells the same durations under the names of its own steps."""
    mirrored = (
        (0.0, "request", "RECEIVED"),
        (3.5, "answer", "REPLIED"),
        (20, "proposal", "PROPOSED"),
        (24, "accept", "ACCEPTED"),
        (30, "document_request", "ACCEPTED"),
        (32, "issue", "DOCUMENTED"),
        (44, "confirm_handover", "HANDED_OVER"),
    )
    ours, theirs = made(*RETURNED, reply=POSITIVE), made(*mirrored, direction="requested", reply=POSITIVE)
    assert ours.spans == theirs.spans
    assert {"acceptance": 4, "travel_document": 2, "return": 20} == {
        span.step: span.days for span in ours.spans if span.step in ("acceptance", "travel_document", "return")
    }


@pytest.mark.parametrize(
    ("stands", "more"),
    [
        ("ARRIVED", ()),
        ("SAFE", ((300, "monitoring_safe", "CLOSED_SAFE"), (301, "close", "CLOSED"))),
        ("CONCERN", ((300, "monitoring_concern", "CLOSED_CONCERN"),)),
        ("LOST", ((300, "monitoring_lost", "LOST_CONTACT"),)),
    ],
)
def test_return_stands_where_it_ended(stands: str, more: tuple[Any, ...]) -> None:
    """A return that was carried out stands where its follow-up ended."""
    assert stands == made(*RETURNED, *more, reply=POSITIVE).return_


@pytest.mark.parametrize(
    ("stands", "told", "reply"),
    [
        ("NOT_OPEN", (SENT,), None),
        ("NOT_OPEN", (SENT, REPLIED), {"outcome": "NOT_FOUND", "method_used": []}),
        ("OPEN", (SENT, REPLIED), POSITIVE),
        ("NOT_PURSUED", (SENT, REPLIED, (9, "close", "CLOSED")), POSITIVE),
        ("UNDER_WAY", (SENT, REPLIED, (9, "propose", "PROPOSED")), POSITIVE),
        ("NOT_PURSUED", (SENT, REPLIED, (9, "decline", "NOT_RETURNED")), POSITIVE),
    ],
)
def test_return_before_anybody_travels(stands: str, told: tuple[Any, ...], reply: dict[str, Any] | None) -> None:
    """A return that was not carried out stands where it is, or was not pursued."""
    assert stands == made(*told, reply=reply).return_


def test_course_is_kept_and_read_again() -> None:
    """What is kept of an erased case gives the same course."""
    one = made(*RETURNED, reply=POSITIVE)
    assert one == Course.from_dict(one.to_dict())


def test_course_holds_no_day_and_no_age() -> None:
    """A course has no field for a reference, a month, an age or a name, so no table can have one."""
    kept = {"direction", "partner", "instrument", "quarter", "answer", "extension", "method", "outcome", "return_"}
    assert {*kept, "spans"} == set(Course.__dataclass_fields__)
    assert {"", "partner", "instrument"} == {table.rows for table in TABLES.values()}


# Periods and tables.


@pytest.mark.parametrize(
    ("period", "day"),
    [
        ("2026Q3", date(2027, 1, 1)),
        ("2026Q4", date(2027, 4, 1)),
        ("2026", date(2027, 4, 1)),
        ("2026Q1", date(2026, 7, 1)),
    ],
)
def test_figures_wait_a_whole_quarter(period: str, day: date) -> None:
    """A period is shown from the first day after the quarter that follows it."""
    assert day == released_from(period)


@pytest.mark.parametrize("period", ["2026Q5", "2026Q", "26", "2026-03", "all", "٢٠٢٦"])
def test_other_periods_are_refused(period: str) -> None:
    """There are years and quarters; a month is none."""
    with pytest.raises(ValueError, match="a period is a year"):
        quarters(period)


def many(count: int, seed: int, quarter: str = "2026Q1") -> list[Course]:
    """Return invented courses with five States, one of which is rare."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        answer = chance.choices(ANSWERS, [20, 8, 2, 3, 3, 1, 1])[0]
        answered = answer in ("IN_TIME", "LATE")
        outcome = chance.choices(OUTCOMES[:-1], [9, 2, 1, 3, 1, 3, 1, 1, 1, 1])[0] if answered else OUTCOMES[-1]
        positive = outcome in POSITIVE_OUTCOMES
        made.append(
            Course(
                "requesting",
                chance.choices(["XBB", "XCC", "XDD", "XEE"], [20, 10, 5, 1])[0],
                "POLICY_DEFAULT",
                quarter,
                answer,
                chance.choice(COLUMNS["extension"]),
                chance.choices(METHODS[:-1], [9, 2, 1])[0] if answered else METHODS[-1],
                outcome,
                chance.choices(RETURNS[1:], [5, 4, 2, 2, 1, 1, 1])[0] if positive else RETURNS[0],
                (Span("reply", chance.randint(1, 60), done=chance.random() < 0.8),),
            )
        )
    return made


ROWS = {"": [], "partner": ["XBB", "XCC", "XDD", "XEE", "XFF"], "instrument": ["PALERMO8", "POLICY_DEFAULT"]}


@pytest.mark.parametrize("seed", range(6))
def test_all_tables_of_a_year_and_its_quarters_expose_nothing(seed: int) -> None:
    """Every table of three quarters and then of the year, released one after another, tell no small cell to anybody."""
    by_quarter = {f"2026Q{number}": many(60, seed * 10 + number, f"2026Q{number}") for number in range(1, 5)}
    year = [one for found in by_quarter.values() for one in found]
    before: list[tuple[str, Shown]] = []
    for period in ("2026Q1", "2026Q2", "2026Q3", "2026"):
        for table in TABLES.values():
            if not table.durations:
                found = by_quarter.get(period, year)
                before.append((table.audience, tabulate(table, ROWS[table.rows], period, found, before)))
    assert () == exposed([shown for audience, shown in before if audience == PUBLIC], 11, Known(ALIKE))
    assert () == exposed([shown for _, shown in before], 5, Known(ALIKE))
    assert any(value for audience, shown in before if audience == INTERNAL for value in shown.cells.values())


def alike(count: int, answer: str, outcome: str, return_: str, quarter: str = "2026Q1") -> list[Course]:
    """Return so many courses that are the same."""
    method = "NONE" if outcome == "NONE" else "REGISTER"
    row = ("requesting", "XBB", "POLICY_DEFAULT", quarter, answer, "NEITHER", method, outcome, return_)
    return [Course(*row, ())] * count


def both(first: str, second: str, courses: list[Course]) -> tuple[Shown, Shown]:
    """Return two public tables of the same cases, the second made with the first in view."""
    one = tabulate(TABLES[first], [], "2026Q1", courses, [])
    return one, tabulate(TABLES[second], [], "2026Q1", courses, [(PUBLIC, one)])


def test_small_outcome_does_not_follow_from_where_returns_stand() -> None:
    """A return is open where the answer is positive: what is hidden in one table is not the rest of another."""
    courses = alike(45, "IN_TIME", "NATIONAL", "OPEN") + alike(4, "IN_TIME", "PR_AT_DATE", "OPEN")
    courses += alike(12, "IN_TIME", "NOT_NATIONAL", "NOT_OPEN") + alike(20, "SILENT", "NONE", "NOT_OPEN")
    outcomes, returns = both("outcomes", "returns", courses)
    assert outcomes.cells["", "PR_AT_DATE"] is None
    told = (outcomes.cells["", TOTAL] or returns.cells["", TOTAL], outcomes.cells["", "NATIONAL"])
    assert None in (*told, returns.cells["", "NOT_OPEN"])


def test_small_late_does_not_follow_from_what_the_answers_said() -> None:
    """In time and late are the requests with an answer, in every table."""
    courses = alike(70, "IN_TIME", "NATIONAL", "OPEN") + alike(3, "LATE", "NATIONAL", "OPEN")
    courses += alike(30, "IN_TIME", "NOT_FOUND", "NOT_OPEN") + alike(40, "SILENT", "NONE", "NOT_OPEN")
    answers, outcomes = both("answers", "outcomes", courses)
    total = answers.cells["", TOTAL] or outcomes.cells["", TOTAL]
    assert None in (total, answers.cells["", "IN_TIME"], outcomes.cells["", "NONE"])


def test_every_outcome_that_a_reply_can_have_has_a_column() -> None:
    """Tables count the same requests: the difference of two sums would be a count of its own."""
    assert set(OUTCOMES) == {*schemas.codes("outcome"), "NONE"}


def test_year_less_its_quarters_does_not_tell_what_changed() -> None:
    """Where a late answer came after a quarter was shown, no cell of the year tells so beside its four quarters."""
    named = [f"2026Q{number}" for number in range(1, 5)]
    by_quarter = {
        one: alike(45, "IN_TIME", "NATIONAL", "OPEN", one)
        + alike(20, "SILENT", "NONE", "NOT_OPEN", one)
        + alike(25, "LATE", "NATIONAL", "OPEN", one)
        for one in named
    }
    before: list[tuple[str, Shown]] = []
    for one in named:
        before.append((PUBLIC, tabulate(TABLES["answers"], [], one, by_quarter[one], before)))
    (gone,) = alike(1, "LATE", "NATIONAL", "OPEN")
    moved = [gone, *(one for found in by_quarter.values() for one in found)]
    moved.remove(alike(1, "SILENT", "NONE", "NOT_OPEN")[0])
    year = tabulate(TABLES["answers"], [], "2026", moved, before)
    for key, value in year.cells.items():
        parts = [shown.cells[key] for _, shown in before]
        assert value is None or None in parts or value == sum(part or 0 for part in parts)
    assert year.cells["", "IN_TIME"] == 180


def under(partner: str, instrument: str, *numbers: int) -> list[Course]:
    """Return courses of one State under one agreement, so many for each answer."""
    row = ("requesting", partner, instrument, "2026Q1")
    return [
        Course(*row, answer, "NEITHER", "REGISTER", "NONE", "NOT_OPEN", ())
        for answer, number in zip(ANSWERS, numbers, strict=True)
        for _ in range(number)
    ]


def test_small_agreement_is_not_a_state_less_its_other_agreements() -> None:
    """Every agreement binds known States: what a State has under one is not the rest of what it has under all."""
    courses = under("RUS", "BILAT-RU-CH", 1, 0, 0, 0, 0, 0, 0) + under("RUS", "EURA-RU", 20, 8, 6, 12, 8, 30, 6)
    courses += under("TUR", "EURA-TR", 12, 8, 6, 20, 8, 30, 12) + under("MDA", "EURA-MD", 8, 12, 6, 20, 30, 8, 6)
    bound = {"RUS": {"BILAT-RU-CH", "EURA-RU"}, "TUR": {"EURA-TR"}, "MDA": {"EURA-MD"}}
    within = {state: frozenset(names) for state, names in bound.items()}
    states = tabulate(TABLES["partner-answers"], list(within), "2026Q1", courses, [], within)
    rows = ["BILAT-RU-CH", "EURA-RU", "EURA-TR", "EURA-MD"]
    shown = tabulate(TABLES["agreement-answers"], rows, "2026Q1", courses, [(INTERNAL, states)], within)
    for column in (*ANSWERS, TOTAL):
        whole, rest, small = states.cells["RUS", column], shown.cells["EURA-RU", column], shown.cells[rows[0], column]
        assert small is not None or None in (whole, rest) or (whole or 0) - (rest or 0) >= 5
    assert any(value for (row, _), value in shown.cells.items() if row == "EURA-TR")


def test_rare_state_is_as_invisible_as_one_without_a_case() -> None:
    """A State with few cases and one with none look alike: nothing of either is shown."""
    shown = tabulate(TABLES["partner-answers"], ROWS["partner"], "2026Q1", many(60, 1), [])
    assert {None} == {value for (row, _), value in shown.cells.items() if row in ("XEE", "XFF")}


def durations(days: list[int], open_: int = 0) -> tuple[int | None, ...]:
    """Return the line of the step ``reply`` of the public table."""
    base = many(1, 1)[0]
    found = [Span("reply", day, done=True) for day in days] + [Span("reply", 90, done=False)] * open_
    courses = [Course.from_dict({**base.to_dict(), "spans": [[one.step, one.days, one.done]]}) for one in found]
    cells = tabulate_durations(TABLES["durations"], [], courses)
    return tuple(cells["reply", column] for column in DURATION_COLUMNS)


def test_durations_of_one_agreement_are_its_own() -> None:
    """In a table by agreement each row tells of the cases under it, and of no other."""
    base = many(1, 1)[0].to_dict()
    spans = {"quick": 10, "slow": 40}
    courses = [
        Course.from_dict({**base, "instrument": name, "spans": [["reply", days, True]]})
        for name, days in spans.items()
        for _ in range(20)
    ]
    cells = tabulate_durations(TABLES["agreement-durations"], list(spans), courses)
    assert spans == {name: cells[f"{name} reply", DURATION_COLUMNS[1]] for name in spans}


def test_durations_of_few_cases_are_not_shown() -> None:
    """Ten ended cases are too few for anybody to see how long they took."""
    assert (None, None, None) == durations(list(range(10)))


def test_slowest_case_is_not_shown() -> None:
    """A percentile that only one or two cases reached is left out: it would tell how long one person waited."""
    assert (11, 15, None) == durations([*range(10, 20), 300])


def test_count_beside_a_duration_cannot_be_subtracted() -> None:
    """The number of cases is rounded down to tens."""
    assert (40, 23, 41) == durations(list(range(1, 46)), 0)
