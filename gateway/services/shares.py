"""
What of one partner may be under way at once: a rate by address bounds nobody who has many addresses.

Who sends is known once a signature was verified, so this bounds what waits for the store, not what it cost until then.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.core.codes import PeerError, Reason

SHARE_MAX = 1024
"""
Messages of one State, or answers by it, that may be under way to the store at once: a quarter of what one door lets in,
so that the others are served. A State that posts as the protocol recommends has some dozens.
"""


class Shares:
    """What each partner has under way, of one kind, in this process."""

    def __init__(self, most: int = SHARE_MAX) -> None:
        """Allow ``most`` to each."""
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def of(self, country: str) -> Iterator[None]:
        """Have one more of ``country`` under way. Raises ``PeerError`` (``later``) if it has its share already."""
        if self._taken[country] >= self._most:
            raise PeerError(Reason.SENDER_SHARE)
        self._taken[country] += 1
        try:
            yield
        finally:
            self._taken[country] -= 1
