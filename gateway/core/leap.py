"""
Whether the clock went on steadily. What cannot be undone waits for a day after it leapt.

A clock that is set wrong, or a machine that starts with a wrong one, shows a day weeks from now at once. Whoever goes
by it erases, destroys and gives up before anybody can see that it is wrong. A gateway that was off for as long looks
the same from within, and waits too: a day more is nothing beside the months after which anything is destroyed.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

LEAP = timedelta(days=1)
"""Two looks at the clock that are further apart than this, either way, are a leap. Looks are an hour apart."""

PATIENCE = timedelta(days=1)
"""How long after a leap nothing is done that cannot be undone: time to see it and to set the clock right."""


SETTLED = timedelta(days=30)
"""
How long after a leap an instant that lies ahead of the clock counts as wrong, and not the clock. One that was ahead and
is right, and one that is behind, look the same from within; but of one that is behind no State takes a word, and by now
whatever was said by it has run out (``gateway.core.wire.MAX_VALIDITY``): somebody has seen it.
"""


class Steady(NamedTuple):
    """
    What was seen of the clock: the first look after its last leap, the last look of all, and the one before the leap.

    ``before`` is ``None`` where no leap is known. ``sure`` is what was past before the first of several leaps, each
    within a day of the one before; ``None`` where the last leap is none of several, or led back to that instant.
    """

    since: datetime
    seen: datetime
    before: datetime | None = None
    sure: datetime | None = None

    @property
    def until(self) -> datetime:
        """Return the instant until which nothing is done that cannot be undone."""
        return self.since + PATIENCE


def look(last: Steady | None, now: datetime) -> Steady:
    """Return what is known of the clock once it shows ``now``; nothing was known where ``last`` is ``None``."""
    if last is None:
        return Steady(now, now)
    if abs(now - last.seen) > LEAP:
        first = (last.sure or last.before) if last.seen < last.until else None
        return Steady(now, now, last.seen, min(first, last.seen) if first and now - first > LEAP else None)
    return last._replace(seen=now)


def is_steady(last: Steady | None, now: datetime) -> bool:
    """Return whether the clock that shows ``now`` has gone on steadily for long enough; unknown means no."""
    return last is not None and abs(now - last.seen) <= LEAP and now >= last.until


def is_settled(last: Steady | None, now: datetime) -> bool:
    """Return whether the clock that shows ``now`` has gone on steadily for ``SETTLED``; unknown means no."""
    return is_steady(last, now) and last is not None and now - last.since >= SETTLED


def before_leap(last: Steady | None, now: datetime) -> datetime | None:
    """
    Return what the clock that shows ``now`` said before it leapt, if it did so less than a day ago; else ``None``.

    Where a clock that is wrong is set to another wrong day within a day, what it said between the two is no more past
    than either: it is what it said before the first leap.

    Of a clock that was never looked at no leap is known: a new gateway refuses what is over from its first hour on.
    """
    found = None if last is None else look(last, now)
    return (found.sure or found.before) if found is not None and now < found.until else None
