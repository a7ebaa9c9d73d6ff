"""
Which cells of a table may be shown, so that nobody in a small cell can be found by arithmetic.

Rule 1: a cell below the minimum is hidden, nought too: "none of them" is also said of every one of them.
Rule 2: what is hidden stays hidden from whoever subtracts: further cells are hidden until every small cell could be
anything over a range as wide as the minimum, given all that is shown and that no count is negative.
Rule 3: a table is tested together with every table released before it, over all rows, columns, totals and periods.

Rule 2 is exact. A table with totals is a network in which every cell is an edge and every sum a node, so the smallest
and the largest value a hidden cell can have are found by sending flow along hidden edges (R. D. Cox, L. H. Ernst,
"Controlled rounding", INFOR 20(4), 1982, uses the same network). Rule 3 is linear algebra.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from itertools import combinations, product

TOTAL = "*"
"""The row or column that holds sums."""

ONE_ROW = ("",)
"""The rows of a table that has only columns; it has no row of sums."""

Key = tuple[str, str]
Cells = Mapping[Key, int | None]
"""A table: a number for each (row, column), ``None`` where it is hidden."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The rows and columns of a table without its sums; a table of one row is ``ONE_ROW``."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]

    def every(self) -> Iterator[Key]:
        """Yield the key of every cell, sums last in each row and in the table."""
        rows = self.rows if self.rows == ONE_ROW else (*self.rows, TOTAL)
        return product(rows, (*self.columns, TOTAL))

    def inner(self, key: Key) -> Iterator[Key]:
        """Yield the cells without sums that ``key`` counts together."""
        row, column = key
        rows = self.rows if row == TOTAL else (row,)
        columns = self.columns if column == TOTAL else (column,)
        return product(rows, columns)


def with_totals(inner: Mapping[Key, int], shape: Shape) -> dict[Key, int]:
    """Return every cell of a table, sums included, from its ``inner`` counts; one that is not there is nought."""
    return {key: sum(inner.get(one, 0) for one in shape.inner(key)) for key in shape.every()}


# One table.


def _ends(key: Key, shape: Shape) -> tuple[str, str]:
    """Return the two sums a cell stands in, as the nodes its edge leads from and to."""
    row, column = key
    if shape.rows == ONE_ROW:
        return ("b", "a") if column == TOTAL else ("a", "b")
    across, down = f"r{row}", f"c{column}"
    # An inner cell leads from its row to its column; a sum leads back, so that in every node what comes in goes out.
    return (across, down) if (row == TOTAL) == (column == TOTAL) else (down, across)


def _room(full: Mapping[Key, int], hidden: frozenset[Key], key: Key, shape: Shape, enough: int) -> tuple[int, int]:
    """Return by how much the hidden cell ``key`` can be smaller and larger, neither further than ``enough``."""
    tail, head = _ends(key, shape)
    others = hidden - {key}
    down = _flow(full, others, shape, tail, head, min(enough, full[key]))
    return down, _flow(full, others, shape, head, tail, enough)


def _flow(full: Mapping[Key, int], hidden: frozenset[Key], shape: Shape, start: str, end: str, enough: int) -> int:
    """Return how much can be sent from ``start`` to ``end`` by changing hidden cells, at most ``enough``."""
    now = {key: full[key] for key in hidden}
    sent = 0
    while sent < enough:
        path = _path(now, shape, start, end)
        if path is None:
            break
        step = min([enough - sent, *(now[key] for key, up in path if not up)])
        for key, up in path:
            now[key] += step if up else -step
        sent += step
    return sent


def _path(now: Mapping[Key, int], shape: Shape, start: str, end: str) -> list[tuple[Key, bool]] | None:
    """Return cells to raise (true) or lower along a shortest way from ``start`` to ``end``, or ``None``."""
    steps: dict[str, list[tuple[str, Key, bool]]] = {}
    for key, value in now.items():
        tail, head = _ends(key, shape)
        steps.setdefault(tail, []).append((head, key, True))
        if value > 0:
            steps.setdefault(head, []).append((tail, key, False))
    came: dict[str, tuple[str, Key, bool]] = {}
    waiting = deque([start])
    while waiting and end not in came:
        node = waiting.popleft()
        for following, key, up in steps.get(node, ()):
            if following not in came and following != start:
                came[following] = (node, key, up)
                waiting.append(following)
    if end not in came:
        return None
    path, node = [], end
    while node != start:
        node, key, up = came[node]
        path.append((key, up))
    return path


def suppress(full: Mapping[Key, int], shape: Shape, minimum: int) -> dict[Key, int | None]:
    """
    Return the table ``full`` (sums included) with hidden cells.

    Every cell below ``minimum`` is hidden, and for each of them the values that fit all that is shown reach up to the
    minimum at least and span as much. To protect one, the cells of the ring through it are hidden that hide least.
    """
    small = sorted(key for key, value in full.items() if value < minimum)
    hidden = frozenset(small)
    while bare := next((key for key in small if not _protected(full, hidden, key, shape, minimum)), None):
        hidden |= _ring(full, hidden, bare, shape, minimum) or frozenset(full)
    return {key: None if key in hidden else value for key, value in full.items()}


def _ring(full: Mapping[Key, int], hidden: frozenset[Key], key: Key, shape: Shape, minimum: int) -> frozenset[Key]:
    """
    Return cells that, once hidden, let ``key`` be larger by ``minimum``: those that hide the least; empty if none do.

    A cell on the way is raised, or lowered by ``minimum`` if it is as large. Hiding one costs its count (Dijkstra).
    """
    start, end = reversed(_ends(key, shape))
    steps: dict[str, list[tuple[int, str, Key]]] = {}
    for other, value in full.items():
        tail, head = _ends(other, shape)
        cost = 0 if other in hidden else value
        if other != key:
            steps.setdefault(tail, []).append((cost, head, other))
            if value >= minimum:
                steps.setdefault(head, []).append((cost, tail, other))
    waiting: list[tuple[int, str, frozenset[Key]]] = [(0, start, frozenset())]
    done: set[str] = set()
    while waiting:
        cost, node, way = heappop(waiting)
        if node == end:
            return way
        if node in done:
            continue
        done.add(node)
        for more, following, other in steps.get(node, ()):
            if following not in done:
                heappush(waiting, (cost + more, following, way | {other}))
    return frozenset()


def _protected(full: Mapping[Key, int], hidden: frozenset[Key], key: Key, shape: Shape, minimum: int) -> bool:
    if len(hidden) == len(full):
        return True
    down, up = _room(full, hidden, key, shape, minimum)
    return full[key] + up >= minimum and down + up >= minimum


# A table together with those before it.


@dataclass(frozen=True, slots=True)
class Shown:
    """
    A table as it was shown: which property its rows and its columns tell, of cases of which periods, and the cells.

    ``rows`` is empty for a table of one row. ``periods`` are the smallest periods there are, here quarters.
    """

    rows: str
    columns: str
    periods: tuple[str, ...]
    shape: Shape
    cells: Cells

    @property
    def kind(self) -> Key:
        """Return what the table counts by."""
        return self.rows, self.columns


Unknown = tuple[Key, str, str, str]
"""How many cases there are of one kind of table, row, column and period."""

Row = dict[Unknown | None, int]
"""A linear equation modulo ``_PRIME``: a factor for each unknown, and under ``None`` the value they come to."""

_PRIME = (1 << 61) - 1
"""A field in which elimination stays fast and exact; a chance zero in it has odds of one to 2 ** 60."""

_LARGEST = 1 << 40
"""No count is larger. What comes to more, or is no whole number, is a contradiction, and counts as exposed."""


Alike = Mapping[str, Mapping[str, frozenset[str]]]
"""
For each property groups of its values, by name: the cases in a group of one name are the same by every property.

So what two tables by different properties say of one group is one number, as their sums are.
"""


@dataclass(frozen=True, slots=True)
class Known:
    """
    What a reader knows besides the tables: which groups are ``alike``, and what rows of two kinds have in common.

    A case in a row of the property ``outer`` is in one of the rows of ``inner`` that ``within`` names for it: a State
    is asked under the agreements that bind it, and under no others.
    """

    alike: Alike = field(default_factory=dict)
    outer: str = ""
    inner: str = ""
    within: Mapping[str, frozenset[str]] = field(default_factory=dict)


_NOTHING = Known()


def hide_until_safe(new: Shown, before: Sequence[Shown], minimum: int, known: Known = _NOTHING) -> Shown:
    """
    Return ``new`` with as many cells hidden as it takes to find no small cell from all tables.

    First goes what contradicts the tables before: cases moved since then, and whoever subtracts sees how many. Then for
    each small cell that is found, the smallest cell of its row or column goes, and if there is none the smallest of
    all. A table of which nothing is left has only hidden cells.
    """
    moved = _contradicting(new, before, known)
    new = replace(new, cells={key: None if key in moved else value for key, value in new.cells.items()})
    while found := exposed((*before, new), minimum, known):
        left = {key: value for key, value in new.cells.items() if value is not None}
        if not left:
            return new
        gone: dict[Key, int | None] = {}
        for kind, (row, column), _ in found:
            rows = {row} if kind[0] == new.rows else set()
            columns = {column} if kind[1] == new.columns else set()
            near = [key for key in left if key not in gone and (key[0] in rows or key[1] in columns)] or list(left)
            gone[min(near, key=lambda key: (left[key], key))] = None
        new = replace(new, cells={**new.cells, **gone})
    return new


def _contradicting(new: Shown, before: Sequence[Shown], known: Known) -> frozenset[Key]:
    """Return the cells of ``new`` that cannot be true together with the tables before and the others of its cells."""
    linked = _linked((*before, new))
    solved = _solve(_equations(linked, known, linked[:-1]))
    moved = set()
    for key, equation in _cells(new):
        rest = _reduced(solved, equation)
        if set(rest) == {None}:
            moved.add(key)
        else:
            _add(solved, rest)
    return frozenset(moved)


def exposed(
    tables: Sequence[Shown], minimum: int, known: Known = _NOTHING
) -> tuple[tuple[Key, Key, tuple[str, ...]], ...]:
    """
    Return each count below ``minimum`` that follows from ``tables`` by adding and subtracting: kind, cell, periods.

    Looked at are all cells and sums of every kind of table, for each period alone and as it was shown. Only tables that
    share periods with the last one, directly or through others, are looked at.
    """
    linked = _linked(tables)
    solved = _solve(_equations(linked, known, linked))
    found = []
    for kind, shape in _shapes(linked).items():
        spans: set[tuple[str, ...]] = {(period,) for table in linked for period in table.periods}
        spans |= {table.periods for table in linked}
        for key, span in product(shape.every(), sorted(spans)):
            value = _value(solved, _sum(kind, shape, key, span))
            if value is not None and not minimum <= value <= _LARGEST:
                found.append((kind, key, span))
    return tuple(found)


def _linked(tables: Sequence[Shown]) -> list[Shown]:
    if not tables:
        return []
    reached = set(tables[-1].periods)
    while True:
        linked = [table for table in tables if reached & set(table.periods)]
        wider = reached.union(*(table.periods for table in linked))
        if wider == reached:
            return linked
        reached = wider


def _shapes(tables: Iterable[Shown]) -> dict[Key, Shape]:
    """Return for each kind of table the shape that holds every row and column that was ever shown."""
    shapes: dict[Key, Shape] = {}
    for table in tables:
        known = shapes.get(table.kind, Shape((), ()))
        rows = tuple(dict.fromkeys((*known.rows, *table.shape.rows)))
        shapes[table.kind] = Shape(rows, tuple(dict.fromkeys((*known.columns, *table.shape.columns))))
    return shapes


def _sum(kind: Key, shape: Shape, key: Key, periods: Iterable[str]) -> Row:
    return {(kind, row, column, period): 1 for row, column in shape.inner(key) for period in periods}


def _equations(tables: Sequence[Shown], known: Known, told: Sequence[Shown]) -> Iterator[Row]:
    """Yield that two of ``tables`` count the same cases by what both tell, and what each cell of ``told`` says."""
    shapes = _shapes(tables)
    periods = sorted({period for table in tables for period in table.periods})
    for (one, first), (other, second) in combinations(shapes.items(), 2):
        rows = dict.fromkeys((*first.rows, *second.rows)) if one[0] == other[0] else (TOTAL,)
        columns = dict.fromkeys((*first.columns, *second.columns)) if one[1] == other[1] else (TOTAL,)
        for key, period in product(product(rows, columns), periods):
            left, right = _sum(one, first, key, (period,)), _sum(other, second, key, (period,))
            yield {**left, **dict.fromkeys(right, _PRIME - 1)}
        groups, others = (known.alike.get(kind[1], {}) if one[1] != other[1] else {} for kind in (one, other))
        for name, row, period in product(sorted(set(groups) & set(others)), rows, periods):
            left = _group(one, first, row, groups[name], period)
            yield {**left, **dict.fromkeys(_group(other, second, row, others[name], period), _PRIME - 1)}
    for kind, shape in shapes.items():
        finer = shapes.get((known.inner, kind[1]))
        if kind[0] == known.outer and known.outer and finer is not None:
            yield from _nested(kind[1], shape, finer, known, periods)
    for table in told:
        yield from (equation for _, equation in _cells(table))


def _nested(columns: str, outer: Shape, inner: Shape, known: Known, periods: Sequence[str]) -> Iterator[Row]:
    """
    Yield that each row of either kind is the sum of what it has in common with the rows of the other.

    A row of which nothing is known may have something in common with each. One that has with none is left out: that it
    holds nothing can be read without any table.
    """
    common = {row: known.within.get(row, frozenset(inner.rows)) for row in outer.rows}
    joint = (f"{known.outer} {known.inner}", columns)
    for column, period in product(outer.columns, periods):
        for row, within in common.items():
            if within:
                parts: Row = {(joint, f"{row} {one}", column, period): _PRIME - 1 for one in sorted(within)}
                yield {((known.outer, columns), row, column, period): 1, **parts}
        for one in inner.rows:
            rows = [row for row, within in common.items() if one in within]
            if rows:
                parts = {(joint, f"{row} {one}", column, period): _PRIME - 1 for row in rows}
                yield {((known.inner, columns), one, column, period): 1, **parts}


def _group(kind: Key, shape: Shape, row: str, columns: Iterable[str], period: str) -> Row:
    """Return the sum of some columns in a row, of one period."""
    return {(kind, across, column, period): 1 for column in sorted(columns) for across, _ in shape.inner((row, column))}


def _cells(table: Shown) -> Iterator[tuple[Key, Row]]:
    """Yield what each shown cell of a table says."""
    for key, value in table.cells.items():
        if value is not None:
            yield key, {**_sum(table.kind, table.shape, key, table.periods), None: value}


def _solve(equations: Iterable[Row]) -> dict[Unknown, tuple[int, Row]]:
    """
    Return the equations in solved form, each with its place in the order, under an unknown that has the factor 1 in it.

    An equation holds no unknown that one before it was solved for.
    """
    solved: dict[Unknown, tuple[int, Row]] = {}
    for equation in equations:
        _add(solved, _reduced(solved, equation))
    return solved


def _add(solved: dict[Unknown, tuple[int, Row]], rest: Row) -> None:
    """Take in an equation in which nothing is left that was solved for."""
    leading = next((unknown for unknown in rest if unknown is not None), None)
    if leading is None:
        return  # it follows from the others, or cases moved between two tables and it contradicts them
    factor = pow(rest[leading], -1, _PRIME)
    solved[leading] = len(solved), {unknown: value * factor % _PRIME for unknown, value in rest.items()}


def _reduced(solved: Mapping[Unknown, tuple[int, Row]], equation: Row) -> Row:
    """Return ``equation`` with every unknown replaced that is solved for, in their order, so that none comes back."""
    rest = dict(equation)
    waiting = [(solved[unknown][0], unknown) for unknown in rest if unknown is not None and unknown in solved]
    heapify(waiting)
    while waiting:
        _, unknown = heappop(waiting)
        factor = rest.get(unknown, 0)
        if not factor:
            continue
        for other, value in solved[unknown][1].items():
            changed = (rest.get(other, 0) - factor * value) % _PRIME
            if changed:
                if other is not None and other not in rest and other in solved:
                    heappush(waiting, (solved[other][0], other))
                rest[other] = changed
            else:
                rest.pop(other, None)
    return rest


def _value(solved: Mapping[Unknown, tuple[int, Row]], wanted: Row) -> int | None:
    """Return what the unknowns of ``wanted`` come to, or ``None`` if the equations leave it open."""
    rest = _reduced(solved, wanted)
    value = (-rest.pop(None, 0)) % _PRIME
    return None if rest else value
