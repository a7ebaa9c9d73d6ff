"""
When a message is tried again, and when a partner is left alone for a while.

Pure: the spread of the jitter and the instant are arguments, and a circuit is a value the store keeps, so a restarted
gateway goes on where it stopped (protocol 5.3, M-5.11, M-5.12).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MIN_WAIT_S = 2.0
MAX_WAIT_S = 3600.0

# A partner is left alone after this many failures in a row: fewer would open on one lost connection, more would knock
# on a closed door for every queued message.
FAILURES_TO_OPEN = 5


def backoff(attempt: int, spread: float, retry_after_s: float | None = None) -> float:
    """
    Return the seconds to wait after failed attempt number ``attempt`` (from 1), between 2 and 3600.

    The upper bound doubles from 4 s to 3600 s; the wait lies in its upper half, at ``spread`` (0 to 1), so that two
    senders that failed together do not come back together. A partner's ``Retry-After`` lengthens the wait, up to 3600.

    Raises ``ValueError`` for an attempt below 1 or a spread beyond 0 to 1.
    """
    if attempt < 1:
        raise ValueError("attempts count from 1")
    if not 0.0 <= spread <= 1.0:
        raise ValueError("spread lies between 0 and 1")
    ceiling = MAX_WAIT_S if attempt > 10 else min(MAX_WAIT_S, 2 * MIN_WAIT_S * 2.0 ** (attempt - 1))
    wait = ceiling / 2 * (1.0 + spread)
    return wait if retry_after_s is None else max(wait, min(retry_after_s, MAX_WAIT_S))


@dataclass(frozen=True, slots=True)
class Circuit:
    """
    How a partner has answered lately: failures in a row, and until when it is left alone.

    Closed below ``FAILURES_TO_OPEN`` failures; then open until ``open_until``; then one probe at a time until one
    succeeds.
    """

    failures: int = 0
    open_until: datetime | None = None

    def __post_init__(self) -> None:
        """Check the count and that the instant is aware."""
        if self.failures < 0:
            raise ValueError("failures is not negative")
        if self.open_until is not None and self.open_until.tzinfo is None:
            raise ValueError("open_until is an aware instant")

    @property
    def opened(self) -> bool:
        """Return whether so many failures came in a row that the partner is left alone, or tried by one probe."""
        return self.failures >= FAILURES_TO_OPEN

    def after_failure(self, now: datetime, spread: float) -> "Circuit":
        """Return the circuit after one more failure at ``now``."""
        failures = self.failures + 1
        if failures < FAILURES_TO_OPEN:
            return replace(self, failures=failures, open_until=None)
        wait_s = backoff(failures - FAILURES_TO_OPEN + 1, spread)
        return replace(self, failures=failures, open_until=now + timedelta(seconds=wait_s))

    def after_success(self) -> "Circuit":
        """Return the closed circuit."""
        return Circuit()

    def allows(self, now: datetime) -> bool:
        """
        Return whether anything may be posted at ``now``.

        No wait is longer than ``MAX_WAIT_S``: an end beyond that was set by a clock that was ahead, and stops nothing.
        """
        return self.open_until is None or not now < self.open_until <= now + timedelta(seconds=MAX_WAIT_S)

    def width(self, now: datetime, full: int) -> int:
        """Return how many messages may be in flight at ``now``: ``full``, one probe, or none."""
        if not self.allows(now):
            return 0
        return min(1, full) if self.opened else full
