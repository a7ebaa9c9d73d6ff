"""One test for all rows of a table, where a row costs less than handing a test out: it names each that fails."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import pytest

Row = TypeVar("Row")


def each_holds(attempt: Callable[[Row], object], rows: Iterable[Row], named: Callable[[Row], str] = str) -> None:
    """Fail by the names of all rows with which ``attempt`` fails or skips, and how; there has to be a row."""
    listed, found = list(rows), []
    assert listed, "there are no rows"
    for row in listed:
        try:
            attempt(row)
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
            found.append(f"{named(row)}: {type(error).__name__}: {error}")
    # Not by comparing the list: of that a runner shows the first alone.
    assert not found, "\n".join([f"{len(found)} of {len(listed)} rows", *found])


def for_each(
    names: str | Sequence[str], rows: Iterable[Any], ids: Callable[[Any], object] | Iterable[str] = str
) -> Callable[[Callable[..., object]], Callable[[], None]]:
    """
    Make one test of a function that is to hold for all rows, told as ``pytest.mark.parametrize`` is told of them.

    A row is the argument ``names``, or, of several names, an argument for each; ``ids`` say how a row is called, beside
    its number. A row of which something is returned fails: what is still to be awaited or gone through was not tried.
    """
    told = [names] if isinstance(names, str) else list(names)
    listed = [(row,) if isinstance(names, str) else tuple(row) for row in rows]
    texts = ["-".join(str(ids(one))[:80] for one in row) for row in listed] if callable(ids) else ids
    called = [(f"{number} {text}", row) for number, (text, row) in enumerate(zip(texts, listed, strict=True), 1)]

    def make(attempt: Callable[..., object]) -> Callable[[], None]:
        def take(one: tuple[str, Sequence[Any]]) -> None:
            left = attempt(**dict(zip(told, one[1], strict=True)))
            assert left is None, f"left {left!r}"

        def test() -> None:
            each_holds(take, called, lambda one: one[0])

        # Not what it wraps: the runner would take the names of its arguments for fixtures.
        test.__name__, test.__qualname__, test.__doc__ = attempt.__name__, attempt.__qualname__, attempt.__doc__
        test.__module__ = attempt.__module__
        return test

    return make
