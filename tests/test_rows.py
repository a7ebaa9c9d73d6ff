"""One test for all rows: each is tried, whatever becomes of another, and each that fails is named."""

from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.support.rows import for_each


def _fails(row: str) -> None:
    assert row != "b"


def _skips(row: str) -> None:
    if row == "b":
        pytest.skip("not here")


def _tells(row: str) -> bool:
    return row == "b"


def _waits(row: str) -> Iterator[None]:
    yield
    assert row != "b"


def _cannot_be_called(other: str) -> NoReturn:
    raise NotImplementedError(other)


FAILING = {_fails: "1 of 4", _skips: "1 of 4", _tells: "4 of 4", _waits: "4 of 4", _cannot_be_called: "4 of 4"}


@pytest.mark.parametrize(("attempt", "told"), FAILING.items())
def test_a_row_that_is_not_tried_fails_by_its_name(attempt, told):
    """Also where it is skipped, or left to somebody who goes through it; the rows behind it are tried."""
    with pytest.raises(AssertionError, match=rf"^{told} rows\n(.*\n)*2 b: "):
        for_each("row", ["a", "b", "c", "d"])(attempt)()


def test_there_has_to_be_a_row_and_a_name_for_each():
    """A table that was emptied shows nothing, and names for other rows show the wrong one."""
    with pytest.raises(AssertionError, match="no rows"):
        for_each("row", [])(_fails)()
    with pytest.raises(ValueError, match="longer"):
        for_each("row", ["a", "c"], ids=["a"])
