"""
Who is competent for what, in which State, from which day: what a State announced of itself, and what holds on a day.

Rule 1: a change is whole. Of those that are valid by the day the one of the latest epoch, and in it with the highest
serial, replaces all others, in whatever order they came: a State that was restored counts on from what it still knows.
What was announced after a State began anew, under another identity or in a lower epoch, replaces all that was
announced before.
Rule 2: where nothing was announced, the authorities of the State's card hold.
Rule 3: an officer is an opaque id with tasks and days; nobody's name is in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from keys.card import Authority


@dataclass(frozen=True, slots=True)
class Officer:
    """A liaison officer: opaque id (22 characters), authority, tasks (codes of ``purpose``), first and last day."""

    id: str
    authority: str
    tasks: tuple[str, ...]
    from_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True)
class Change:
    """
    One announced directory: the body of a ``directory`` message, and the epoch it was announced in.

    ``begun`` is how often its State had begun anew by then.
    """

    serial: int
    valid_from: date
    authorities: tuple[Authority, ...]
    officers: tuple[Officer, ...]
    epoch: int = 1
    begun: int = 0

    @property
    def order(self) -> tuple[int, int, int]:
        """Return what says which of two changes is the later one."""
        return self.begun, self.epoch, self.serial


def _span(entry: Mapping[str, Any]) -> tuple[date, date | None]:
    until = entry["until"]
    return date.fromisoformat(entry["from"]), None if until is None else date.fromisoformat(until)


def parse_change(body: Mapping[str, Any], epoch: int = 1, begun: int = 0) -> Change:
    """Return the body of a ``directory`` message of ``epoch`` (its schema holds) as a value."""
    return Change(
        body["serial"],
        date.fromisoformat(body["valid_from"]),
        tuple(Authority(one["id"], one["name"], tuple(one["tasks"]), *_span(one)) for one in body["authorities"]),
        tuple(Officer(one["id"], one["authority"], tuple(one["tasks"]), *_span(one)) for one in body["officers"]),
        epoch,
        begun,
    )


def faults(country: str, change: Change) -> tuple[str, ...]:
    """
    Return what contradicts itself in a directory of ``country``; empty means it may be taken.

    An authority is one of the country and stands once; an officer works at an authority that is listed (M-3.22).
    """
    ids = [one.id for one in change.authorities]
    found = [f"{id} is no authority of {country}" for id in ids if not id.startswith(f"{country}-")]
    found += [f"{id} stands twice" for id in sorted({id for id in ids if ids.count(id) > 1})]
    found += [f"{one.authority} is not listed" for one in change.officers if one.authority not in ids]
    return tuple(found)


def in_force(changes: Sequence[Change], on: date) -> Change | None:
    """Return the directory that holds on the day ``on``, or ``None`` if none was announced for it."""
    valid = [one for one in changes if one.valid_from <= on]
    return max(valid, key=lambda one: one.order, default=None)


def yet_to_hold(changes: Sequence[Change], today: date, since: int) -> tuple[Change, ...]:
    """
    Return which of a State's own ``changes`` hold today or will, of those from the serial ``since`` on, in their order.

    One that is not later than another, and not valid before it, holds on no day. The one made last always does.
    """
    now = in_force(changes, today)
    left = [one for one in changes if one.serial >= since and (now is None or one.order >= now.order)]
    return tuple(
        one
        for one in sorted(left, key=lambda one: one.order)
        if not any(later.order > one.order and later.valid_from <= one.valid_from for later in changes)
    )


def authorities(changes: Sequence[Change], card: Sequence[Authority], on: date) -> tuple[Authority, ...]:
    """Return the authorities that are competent for anything on the day ``on``."""
    change = in_force(changes, on)
    return tuple(one for one in (card if change is None else change.authorities) if _counts(one, on))


def officers(changes: Sequence[Change], on: date) -> tuple[Officer, ...]:
    """Return the liaison officers in charge on the day ``on``."""
    change = in_force(changes, on)
    return tuple(one for one in (() if change is None else change.officers) if _counts(one, on))


def _counts(one: Authority | Officer, on: date) -> bool:
    return one.from_on <= on and (one.until_on is None or on <= one.until_on)
