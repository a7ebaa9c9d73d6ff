"""Two of the bugs planted are caught, and all of them can still be planted; ``python -m drills.planted`` tries all."""

import pytest

from tests.conformance import mutate
from tests.sim import planted
from tests.support.rows import for_each

BUGS = {one.name: one for one in planted.load()}
FEW = {"904-done-before-the-receipt": 0, "906-tried-again-after-a-freeze": 0}
"""Bugs, and from which seed on the simulation is to find them."""


@for_each("name", BUGS)
def test_bug_can_be_planted(name: str) -> None:
    """Every patch applies to the tree as it is, each hunk at one place."""
    mutate.check(BUGS[name])


def test_there_are_fourteen() -> None:
    """There are fourteen bugs, each of them another one, and what is played with some of them is of one of them."""
    assert planted.PLAYED.keys() <= BUGS.keys()
    assert (14, 14) == (len(BUGS), len({one.hunks for one in BUGS.values()}))


@pytest.mark.parametrize("name", FEW)
def test_bug_is_caught(name: str) -> None:
    """Within five seeds the invariant that the patch names does not hold."""
    assert planted.judge(BUGS[name], seeds=5, start=FEW[name]) is not None
