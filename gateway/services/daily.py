"""
What one partner may leave here in a day: each message with a verdict stays as a row and an entry in a log, for good.

Rule 1: nothing is lost by it. What comes beyond is answered ``rate``, stores nothing, and is taken another day.
Rule 2: what stops something, takes data back or fetches has room of its own, which nothing else can use up.
Rule 3: whoever recorded what passes can send it again without any key. What is known counts nothing, and what is over
counts by itself: no stranger uses up what a State may send.
Rule 4: a person hears of it when half of either is used up. It is counted in memory, by each process for itself.
"""

from dataclasses import dataclass
from datetime import date, datetime

from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    COLLECT,
    DIRECTORY,
    RESYNC,
    SCHEDULE,
    TAKE_BACK,
    WITHDRAWAL,
    WORD_OF_STOP,
)
from gateway.core.wire import SKEW, Payload

HEARD = AFTER_WITHDRAWAL | WORD_OF_STOP | {WITHDRAWAL, TAKE_BACK, SCHEDULE, COLLECT}
"""
Types that stop something, take data back, or tell that somebody is on the way or does not come; and what fetches such
a word of ours.
"""

DIRECTORY_COSTS = 1000
"""As many messages as a directory counts for: a State has few, and all that are kept of it are read for each."""

_PARTS = 4
"""What is ``HEARD`` has one part more."""


@dataclass(slots=True)
class _Day:
    on: date
    messages: int = 0
    bytes: int = 0
    told: bool = False


class Daily:
    """What each partner left here since midnight (UTC), in this process."""

    def __init__(self, messages: int, mebibytes: int) -> None:
        """Let each leave so many ``messages``, and so many ``mebibytes`` of them, in a day."""
        self._messages = messages
        self._bytes = mebibytes << 20
        self._days: dict[str, _Day] = {}

    def is_full(self, payload: Payload, now: datetime) -> bool:
        """Return whether the sender of ``payload`` left so much today that none like it is taken, if it is new."""
        day, parts = self._today(_account(payload, now), now), _PARTS + (payload.type in HEARD)
        return day.messages * _PARTS >= self._messages * parts or day.bytes * _PARTS >= self._bytes * parts

    def count(self, payload: Payload, size: int, now: datetime) -> None:
        """Count a message of ``size`` bytes that was not known and left something."""
        day = self._today(_account(payload, now), now)
        day.messages += _cost(payload)
        day.bytes += size

    def is_busy(self, country: str, now: datetime) -> bool:
        """Return whether ``country`` left half of what it may today, or half as much that is over came from it."""
        return any(self._is_half(self._today(account, now)) for account in (country, _over(country)))

    def is_busy_now(self, payload: Payload, now: datetime) -> bool:
        """Return whether half is used up of what ``payload`` counts for, and that was not said yet today."""
        day = self._today(_account(payload, now), now)
        is_news = self._is_half(day) and not day.told
        day.told = day.told or is_news
        return is_news

    def _is_half(self, day: _Day) -> bool:
        return day.messages * 2 >= self._messages or day.bytes * 2 >= self._bytes

    def _today(self, account: str, now: datetime) -> _Day:
        day = self._days.get(account)
        if day is None or day.on != now.date():
            self._days[account] = day = _Day(now.date())
        return day


def is_over(payload: Payload, now: datetime) -> bool:
    """Return whether ``payload`` came past its time, and so counts by itself."""
    return now > payload.expires_at + SKEW


def _account(payload: Payload, now: datetime) -> str:
    return _over(payload.sender) if is_over(payload, now) else payload.sender


def _over(country: str) -> str:
    return f"{country} over"


def _cost(payload: Payload) -> int:
    """Return how many messages a payload counts for. A listing may leave a row for each thread in it."""
    if payload.type == RESYNC and isinstance(payload.body.get("threads"), list):
        return 1 + len(payload.body["threads"])
    return DIRECTORY_COSTS if payload.type == DIRECTORY else 1
