"""What a State announced of itself, and what holds on a day, in whatever order it came and whatever was said again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain, combinations, permutations, product

from gateway.core.directory import Change, in_force, yet_to_hold
from tests.support.rows import for_each

TODAY = date(2026, 12, 1)
DAYS = [TODAY + timedelta(days=number) for number in range(3)]
THREE_DAYS = list(product(range(3), repeat=3))
"""From which day each of three changes is valid."""


def change(serial: int, day: int) -> Change:
    """Return a change that is valid from ``day`` days after today."""
    return Change(serial, TODAY + timedelta(days=day), (), ())


def serials(changes: Sequence[Change]) -> list[int | None]:
    """Return the serial of what holds on each of the days."""
    return [None if (one := in_force(changes, day)) is None else one.serial for day in DAYS]


@for_each("days", THREE_DAYS, ids=str)
def test_no_order_of_arrival_changes_what_holds(days: tuple[int, ...]) -> None:
    """One that comes behind a later one holds until that begins, as it would have if it had come before it (M-3.22)."""
    made = [change(serial, day) for serial, day in enumerate(days, 1)]
    assert {tuple(serials(made))} == {tuple(serials(came)) for came in permutations(made)}


def said_in_the_next_epoch(made: Sequence[Change], waits: Sequence[int]) -> list[Change]:
    """Return what a State says again in epoch 2 of what it ``made``, of which the serials in ``waits`` never came."""
    again = dict.fromkeys(chain.from_iterable(yet_to_hold(made, TODAY, since) for since in waits))
    return [replace(one, epoch=2) for one in again]


@for_each("days", THREE_DAYS, ids=str)
def test_what_is_said_again_in_a_later_epoch_takes_the_place_of_nothing_newer(days: tuple[int, ...]) -> None:
    """Whatever came before our epoch rose, and in whatever order the rest is heard, a partner goes by what we do."""
    made = [change(serial, day) for serial, day in enumerate(days, 1)]
    for count in range(len(made) + 1):
        for waits in combinations((1, 2, 3), count):
            came = [one for one in made if one.serial not in waits]
            for heard in permutations(said_in_the_next_epoch(made, waits)):
                assert serials(made) == serials([*came, *heard])


def test_what_holds_no_more_is_not_said_again() -> None:
    """Neither what another took the place of before it began, nor what was over by today; the last one always is."""
    made = [change(1, -9), change(2, -5), change(3, 2), change(4, 1), change(5, 2)]
    assert [2, 4, 5] == [one.serial for one in yet_to_hold(made, TODAY, 1)]
    assert [4, 5] == [one.serial for one in yet_to_hold(made, TODAY, 3)]
    assert [5] == [one.serial for one in yet_to_hold(made, TODAY, 5)]
