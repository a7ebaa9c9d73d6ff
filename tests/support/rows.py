"""One test for all rows of a table, where a row costs less than handing a test out: it names each that fails."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

Row = TypeVar("Row")


def each_holds(attempt: Callable[[Row], object], rows: Iterable[Row], named: Callable[[Row], str] = str) -> None:
    """Fail by the names of all rows with which ``attempt`` fails, and how it does; there has to be a row."""
    listed, found = list(rows), []
    assert listed, "there are no rows"
    for row in listed:
        try:
            attempt(row)
        except (Exception, pytest.fail.Exception) as error:
            found.append(f"{named(row)}: {type(error).__name__}: {error}")
    # Not by comparing the list: of that a runner shows the first alone.
    assert not found, "\n".join([f"{len(found)} of {len(listed)} rows", *found])
