"""
Since when a State's card has named its epoch: what it stored before a restore of its own is in the log of that time.

Rule 1: a message is answered from no log that was over when it was made, as far as we knew by then.
"""

from datetime import datetime

from gateway.core.wire import format_instant
from gateway.services.ports import Tx

KEPT = 32
"""Raised epochs of one State that are remembered, the latest; of messages older than those any earlier log may tell."""

_NAME = "epochs:"


async def note(tx: Tx, country: str, epoch: int, now: datetime) -> None:
    """Remember that the card of ``country`` names ``epoch`` since ``now``, if it named another one before."""
    known = await _known(tx, country)
    if not known or known[-1][0] != epoch:
        lines = [f"{number} {format_instant(since)}" for number, since in [*known, (epoch, now)][-KEPT:]]
        await tx.set_meta(_NAME + country, "\n".join(lines))


async def earliest(tx: Tx, country: str, at: datetime) -> int:
    """Return the epoch that the card of ``country`` named before ``at``; the first, where nothing is known of it."""
    known = await _known(tx, country)
    return max((number for number, since in known if since < at), default=1)


async def _known(tx: Tx, country: str) -> list[tuple[int, datetime]]:
    """Return the epochs that the card of ``country`` named, each with the instant since when, oldest first."""
    pairs = (line.split(" ") for line in (await tx.get_meta(_NAME + country) or "").splitlines())
    return [(int(number), datetime.fromisoformat(since)) for number, since in pairs]
