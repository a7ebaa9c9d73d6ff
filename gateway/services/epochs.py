"""
Since when a State's card has named its epoch: what it stored before a restore of its own is in the log of that time.

Rule 1: a message is answered from no log that was over when it was made, as far as we knew by then. One that is so all
the same is taken, and told: where a clock was wrong, or a card came early, it may be honest.
Rule 2: epochs rise, but where officers confirmed another identity or a lower epoch (M-8.5): then the State begins anew,
and nothing it says after that is weighed by the numbers it gave before.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from gateway.core.wire import format_instant
from gateway.services.ports import CARD_EPOCHS, Tx

KEPT = 32
"""Raised epochs of one State that are remembered, the latest; of messages older than those any earlier log may tell."""

A_DAY = 16
"""
Epochs of one State, as its cards name them in a day, for which something is brought to it. Each has everything of a
month posted again and all threads listed anew, and a card is made in a moment; nobody restores so often.
"""

_BEGUN = "begun:"
"""Begins the name under which it is kept how often a State began anew."""


async def note(tx: Tx, country: str, epoch: int, now: datetime) -> None:
    """Remember that the card of ``country`` names ``epoch`` since ``now``, if it named another one before."""
    known = await _known(tx, country)
    if not known or known[-1][0] != epoch:
        lines = [f"{number} {format_instant(since)}" for number, since in [*known, (epoch, now)][-KEPT:]]
        await tx.set_meta(CARD_EPOCHS + country, "\n".join(lines))


async def current(tx: Tx, country: str) -> int | None:
    """
    Return the epoch that the newest card held of ``country`` names, whichever process took it; ``None`` if none did.

    Nobody takes another one before the batch has ended.
    """
    known = await _known(tx, country)
    return known[-1][0] if known else None


async def are_many(tx: Tx, country: str, now: datetime) -> bool:
    """Return whether the card of ``country`` named more epochs within a day than it is brought anything for."""
    return sum(abs(now - since) < timedelta(days=1) for _, since in await _known(tx, country)) > A_DAY


async def earliest(tx: Tx, country: str, at: datetime) -> int:
    """
    Return the epoch that the card of ``country`` named last before ``at``; the first, where nothing is known of it.

    Not the highest: a State that began anew may be in a lower one than it ever was, and has no other log. If it did so
    since, it is that one: what was made before is answered from there too.
    """
    known = await _known(tx, country)
    before = [number for number, since in known if since < at]
    return min([before[-1] if before else 1, *(number for number, since in known if since >= at)])


async def begin_anew(tx: Tx, country: str) -> None:
    """Remember that ``country`` was confirmed under another identity, or in a lower epoch."""
    await tx.set_meta(_BEGUN + country, str(await begun(tx, country) + 1))


async def begun(tx: Tx, country: str) -> int:
    """Return how often ``country`` began anew since it was first believed."""
    return int(await tx.find_meta(_BEGUN + country) or 0)


async def _known(tx: Tx, country: str) -> tuple[tuple[int, datetime], ...]:
    """Return the epochs that the card of ``country`` named, each with the instant since when, oldest first."""
    return _parse(await tx.find_meta(CARD_EPOCHS + country) or "")


@lru_cache(maxsize=1024)
def _parse(text: str) -> tuple[tuple[int, datetime], ...]:
    pairs = (line.split(" ") for line in text.splitlines())
    return tuple((int(number), datetime.fromisoformat(since)) for number, since in pairs)
