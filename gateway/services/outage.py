"""How a partner answers lately: when it is left alone, and what leaves when an outage ends (M-5.11, M-5.12)."""

from datetime import datetime, timedelta

from gateway.core.retry import MAX_WAIT_S, Circuit
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import PartnerRow

LEASE_MARGIN_S = 10
"""A posted message is nobody else's to post for the time-out and this long; then any process may try again."""


async def note(
    context: Context, tx: Tx, country: str, failure: bool, now: datetime, spread: float, asked: datetime | None = None
) -> None:
    """
    Keep the partner's circuit: one more failure, or a success that closes it.

    Once it was open, what was posted in vain meanwhile may wait for an hour; it is tried as soon as the partner
    answers again, and ``asked`` for nothing later, now or before (M-5.11).
    """
    if asked is not None:
        await _ask_until(tx, country, asked, now)
    # Most answers change nothing, and hold up no other node: what is to be changed is looked at once more, and held.
    for held in (False, True):
        row = await tx.find_partner(country, held=held) or PartnerRow(country)
        circuit = Circuit(row.failures, row.open_until)
        if failure and not circuit.allows(now):
            return  # of the posts that were under way when it opened; counting each would keep it open for an hour
        after = circuit.after_failure(now, spread) if failure else circuit.after_success()
        if after == circuit:
            return
    await tx.save_partner(row._replace(failures=after.failures, open_until=after.open_until))
    if circuit.opened and not failure:
        await tx.set_meta(_ENDED + country, now.isoformat())
        at = await _asked_until(tx, country, now)
        # What waits no longer than a lease may be under way at this moment, here or at another node.
        await tx.hasten_posted(country, at, max(at, now + timedelta(seconds=lease_s(context))))


def lease_s(context: Context) -> float:
    """Return for how many seconds a message that is being posted is nobody else's."""
    return context.policy.post_timeout_s + LEASE_MARGIN_S


async def note_fetch(tx: Tx, country: str, now: datetime) -> None:
    """Keep that a partner, which has an address too, fetched what waits for it."""
    await tx.set_meta(_FETCHED + country, now.isoformat())


async def note_handed_out(tx: Tx, country: str, now: datetime) -> None:
    """Keep since when something is handed out to a partner that has answered nothing of it."""
    if await tx.find_meta(_HANDED_OUT + country) is None:
        await tx.set_meta(_HANDED_OUT + country, now.isoformat())


async def note_answered(tx: Tx, country: str) -> None:
    """Keep that a partner answered what was handed out to it."""
    await tx.drop_meta(_HANDED_OUT + country)


async def is_fetching(tx: Tx, country: str, now: datetime) -> bool:
    """
    Return whether a partner fetched lately, and answers what it is handed out.

    What fails to be posted to it is left for it to fetch then: each attempt would keep the message from it meanwhile.
    Who fetches and answers nothing may have stolen its keys, and must not keep its mail from being posted.
    """
    text, since = await tx.find_meta(_FETCHED + country), await tx.find_meta(_HANDED_OUT + country)
    if since is not None and abs(now - datetime.fromisoformat(since)) >= _FETCHES:
        return False
    return text is not None and abs(now - datetime.fromisoformat(text)) < _FETCHES


async def ended(tx: Tx, country: str) -> datetime | None:
    """Return when the last outage of a partner ended, ``None`` if there was none."""
    text = await tx.find_meta(_ENDED + country)
    return datetime.fromisoformat(text) if text else None


async def _ask_until(tx: Tx, country: str, until: datetime, now: datetime) -> None:
    """Keep until when a partner asked for nothing more (``Retry-After``), the latest of what it asked."""
    if until > await _asked_until(tx, country, now):
        await tx.set_meta(_ASKED + country, until.isoformat())


async def _asked_until(tx: Tx, country: str, now: datetime) -> datetime:
    """Return until when a partner asked for nothing more, ``now`` at the earliest."""
    text = await tx.find_meta(_ASKED + country)
    until = datetime.fromisoformat(text) if text else now
    # No wait is longer: an end beyond that was set by a clock that was ahead.
    return until if now < until <= now + timedelta(seconds=MAX_WAIT_S) else now


_ENDED = "outage_ended:"
"""Name, before the partner's code, of the instant at which it answered again after an outage."""

_FETCHED = "fetched:"
"""Name, before the partner's code, of the instant at which it fetched last, if it has an address too."""

_HANDED_OUT = "handed_out:"
"""Name, before the partner's code, of the instant of the first that it was handed out since its last answer to such."""

_FETCHES = timedelta(minutes=5)
"""So long a partner is waited for to fetch again, and to answer; whoever fetches does so twice a minute."""

_ASKED = "asked_until:"
"""Name, before the partner's code, of the instant until which it asked for nothing more."""
