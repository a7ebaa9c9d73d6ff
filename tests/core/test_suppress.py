"""What is hidden in a table cannot be found by arithmetic, by whoever tries every table that fits."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.suppress import (
    ONE_ROW,
    TOTAL,
    Cells,
    Key,
    Shape,
    Shown,
    exposed,
    hide_until_safe,
    suppress,
    with_totals,
)

MINIMUM = 3


def shape(rows: int, columns: int) -> Shape:
    """Return a shape of so many rows (0: the one row of a table without) and columns."""
    names = tuple(f"r{number}" for number in range(rows)) or ONE_ROW
    return Shape(names, tuple(f"c{number}" for number in range(columns)))


def full(of: Shape, values: list[int]) -> dict[Key, int]:
    """Return a table with sums over inner values, row by row."""
    return with_totals(dict(zip(product(of.rows, of.columns), values, strict=True)), of)


def fitting(of: Shape, cells: Cells, highest: int) -> list[dict[Key, int]]:
    """Return every table with inner counts up to ``highest`` that fits all that is shown."""
    shown = {key: value for key, value in cells.items() if value is not None}
    inner = list(product(of.rows, of.columns))
    ranges = [[shown[key]] if key in shown else range(highest + 1) for key in inner]
    tables = (with_totals(dict(zip(inner, values, strict=True)), of) for values in product(*ranges))
    return [table for table in tables if all(table[key] == value for key, value in shown.items())]


def values_of(tables: list[dict[Key, int]], key: Key) -> set[int]:
    """Return the values a cell has in some table that fits."""
    return {table[key] for table in tables}


@st.composite
def small_tables(draw: st.DrawFn) -> tuple[Shape, list[int]]:
    """Draw a table small enough to try every other."""
    rows, columns = draw(st.sampled_from([(0, 2), (0, 3), (2, 2)]))
    count = max(rows, 1) * columns
    return shape(rows, columns), draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))


@settings(deadline=None)
@given(small_tables())
def test_attacker_who_tries_every_table_finds_no_small_cell(drawn: tuple[Shape, list[int]]) -> None:
    """Each cell below the minimum might be anything over a range as wide as the minimum, and might be above it."""
    of, values = drawn
    table = full(of, values)
    cells = suppress(table, of, MINIMUM)
    tables = fitting(of, cells, 9)
    for key, value in table.items():
        if value < MINIMUM:
            possible = values_of(tables, key)
            assert max(possible) - min(possible) >= MINIMUM
            assert max(possible) >= MINIMUM


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(2, 5), st.data())
def test_nothing_small_follows_by_adding_and_subtracting(rows: int, columns: int, data: st.DataObject) -> None:
    """No combination of rows, columns and sums of a larger table comes to a cell below the minimum."""
    of = shape(rows, columns)
    count = rows * columns
    table = full(of, data.draw(st.lists(st.integers(0, 40), min_size=count, max_size=count)))
    cells = suppress(table, of, 11)
    assert () == exposed([Shown("row", "column", ("2026Q1",), of, cells)], 11)
    assert {value for value in cells.values() if value is not None} <= {n for n in table.values() if n >= 11}


def test_table_of_large_cells_is_whole() -> None:
    """Where no cell is small, nothing is hidden."""
    of = shape(2, 2)
    table = full(of, [12, 15, 20, 11])
    assert table == suppress(table, of, 11)


def test_one_small_cell_hides_three_more() -> None:
    """A single small cell in a table with sums is protected by a rectangle, so that neither row nor column tells it."""
    of = shape(2, 3)
    cells = suppress(full(of, [4, 30, 50, 20, 25, 60]), of, 11)
    assert {("r0", "c0"), ("r0", "c1"), ("r1", "c0"), ("r1", "c1")} == {key for key, n in cells.items() if n is None}


def test_hidden_sum_of_two_small_cells_is_not_told_by_the_rest() -> None:
    """Two small cells whose sum is small take a third with them: their sum would otherwise tell how few they are."""
    of = shape(0, 3)
    cells = suppress(full(of, [1, 2, 30]), of, 11)
    assert [None, None, None] == [cells["", column] for column in of.columns]


def test_nought_is_hidden() -> None:
    """That nobody is in a cell is said of everybody, so it is not said."""
    of = shape(0, 3)
    assert suppress(full(of, [0, 20, 20]), of, 11)["", "c0"] is None


QUARTERS = ("2026Q1", "2026Q2", "2026Q3", "2026Q4")


def shown(values: list[int], periods: tuple[str, ...], **hide: bool) -> Shown:
    """Return a table of one row with two columns."""
    of = shape(0, 2)
    cells: dict[Key, int | None] = dict(full(of, values))
    return Shown("", "answer", periods, of, {key: None if hide.get(key[1]) else n for key, n in cells.items()})


def test_year_less_three_quarters_is_found() -> None:
    """A year after three of its quarters tells the fourth; what that leaves small is named."""
    before = [shown([20, 20], (quarter,)) for quarter in QUARTERS[:3]]
    year = shown([64, 100], QUARTERS)
    assert (("", "answer"), ("", "c0"), ("2026Q4",)) in exposed([*before, year], 11)


def test_year_is_hidden_as_far_as_its_quarters_tell() -> None:
    """A later table hides what would expose a small cell of an earlier period, and shows the rest."""
    before = [shown([20, 20], (quarter,)) for quarter in QUARTERS[:3]]
    safe = hide_until_safe(shown([64, 100], QUARTERS), before, 11)
    assert () == exposed([*before, safe], 11)
    assert 164 == safe.cells["", TOTAL]


def test_tables_of_other_years_are_not_looked_at() -> None:
    """A table of a period that nothing links to the new one changes nothing."""
    other = shown([3, 20], ("2020Q1",))
    assert () == exposed([other, shown([20, 20], ("2026Q1",))], 11)


def test_two_tables_of_the_same_cases_are_looked_at_together() -> None:
    """What one table hides by hiding its sum, a table by State that shows the sum would tell."""
    by_state = Shape(("XBB", "XCC"), ("IN_TIME", "LATE"))
    inner = {("XBB", "IN_TIME"): 30, ("XBB", "LATE"): 20, ("XCC", "IN_TIME"): 40, ("XCC", "LATE"): 3}
    cells: dict[Key, int | None] = dict(with_totals(inner, by_state))
    cells |= {("XCC", "LATE"): None, ("XCC", TOTAL): None, (TOTAL, "LATE"): None, (TOTAL, TOTAL): None}
    state = Shown("partner", "answer", ("2026Q1",), by_state, cells)
    whole = Shape(ONE_ROW, ("IN_TIME", "LATE"))
    one = with_totals({("", "IN_TIME"): 70, ("", "LATE"): 23}, whole)
    assert () == exposed([state], 11)
    found = exposed([state, Shown("", "answer", ("2026Q1",), whole, one)], 11)
    assert {(("partner", "answer"), ("XCC", "LATE"), ("2026Q1",))} == set(found)


@pytest.mark.parametrize("periods", [("2026Q1", "2026Q2")])
@given(st.lists(st.integers(0, 8), min_size=4, max_size=4))
def test_attacker_with_two_quarters_and_their_sum_finds_nothing(periods: tuple[str, str], values: list[int]) -> None:
    """After a quarter and then both together were shown, no small cell of either quarter has one possible value."""
    of = shape(0, 2)
    first, second = full(of, values[:2]), full(of, values[2:])
    both = {key: first[key] + second[key] for key in first}
    one = Shown("", "answer", periods[:1], of, suppress(first, of, MINIMUM))
    sums = hide_until_safe(Shown("", "answer", periods, of, suppress(both, of, MINIMUM)), [one], MINIMUM)
    assert () == exposed([one, sums], MINIMUM)
