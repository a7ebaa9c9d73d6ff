"""
What a thief of this machine can read, message by message.

Rule 1: the theft is a span of time, from the earliest instant at which it may have begun until the gateway was stopped.
What lay here at any moment of it counts as taken.
Rule 2: on the line a thief reads what came sealed to a key whose private half lay here in that span, however long ago
it was recorded. What we sent was sealed to keys that never lay here. The note that a key was destroyed is of the one
machine that did it: where others have a key store of their own, it counts only for who says that all of them did. A key
that a card of ours lists lay here until somebody noted that it was destroyed, also where nobody finds it any more.
Rule 3: with the database too a thief reads every message kept under the key of a case that was not erased before.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.rows import Trace
from keys import b64
from keys.card import parse_card
from keys.errors import CardRefused

PAGE = 5000

INBOUND, OUTBOUND = "inbound", "outbound"


@dataclass(frozen=True, slots=True)
class Exposed:
    """
    One message that can be read: where it passed, who it is from or to, and by which way.

    ``line`` says that a recording of the line is enough, ``disk`` that it lies in the database. ``keys`` are the stolen
    keys it came sealed to; where ``certain`` is false it was received before that was kept, and they are those that
    were in their window then.
    """

    direction: str
    partner: str
    id: str
    digest: str
    type: str
    at: datetime
    ref: str | None
    keys: tuple[str, ...]
    line: bool
    disk: bool
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Exposure:
    """
    What can be read after a theft in [``since``, ``until``]: with which keys, of which cases, and how many messages.

    ``line`` counts those of which a recording of the line is enough, ``disk`` those that lie in the database.
    """

    since: datetime
    until: datetime
    keys: tuple[str, ...]
    cases: tuple[str, ...]
    line: int
    disk: int


class _Window(NamedTuple):
    begin: datetime
    end: datetime


async def exposure(
    context: Context,
    published: Sequence[bytes],
    since: datetime,
    until: datetime,
    *,
    database: bool,
    elsewhere: bool,
    tell: Callable[[Exposed], object],
) -> Exposure:
    """
    Return what a thief can read who had the key store, and with ``database`` the database, in [``since``, ``until``].

    Each message is told as it is found, in the order of the store: they may be more than there is memory.

    Args:
        context: the gateway, before any key of it is destroyed.
        published: our own cards, oldest first.
        since: the earliest instant at which the theft may have begun.
        until: when the gateway was stopped.
        database: whether the database may have been taken too.
        elsewhere: whether another machine may hold a key still that was noted as destroyed before ``since``.
        tell: hears of each message.
    """
    ends = await context.store.read(lambda tx: tx.sealing_ends())
    windows = _windows(published)
    held = set(context.keyring.sealing) | (windows.keys() - {row.kid for row in ends})
    stolen = held | {row.kid for row in ends if elsewhere or row.destroyed_at >= since}
    again: dict[tuple[str, str], list[bytes]] = {}
    for partner, digest, kid in await context.store.read(lambda tx: tx.inbound_again()):
        again.setdefault((partner, digest), []).append(kid)
    readable = await _readable(context, since) if database else {}
    line = disk = 0
    for direction in (INBOUND, OUTBOUND):
        async for trace in _all(context, direction):
            certain = trace.kid is not None or direction == OUTBOUND
            kids = _kids(trace, windows) | set(again.get((trace.partner, trace.digest), ()))
            taken = tuple(sorted(b64.encode(kid) for kid in kids & stolen)) if direction == INBOUND else ()
            kept = readable.get(trace.ref or "")
            is_kept = kept is not None and (trace.kept or kept)
            if taken or is_kept:
                tell(_exposed(trace, taken, is_kept, certain or not taken))
            line, disk = line + bool(taken), disk + is_kept
    return Exposure(since, until, tuple(sorted(map(b64.encode, stolen))), tuple(sorted(readable)), line, disk)


def _exposed(trace: Trace, keys: tuple[str, ...], disk: bool, certain: bool) -> Exposed:
    line = bool(keys)
    return Exposed(
        *(trace.direction, trace.partner, trace.id, trace.digest, trace.type, trace.at, trace.ref, keys, line, disk),
        certain,
    )


def _kids(trace: Trace, windows: Mapping[bytes, _Window]) -> set[bytes]:
    """Return the keys a received message may have come sealed to: the one noted, or all that were in their window."""
    if trace.kid is not None:
        return {trace.kid}
    return {kid for kid, window in windows.items() if window.begin <= trace.at < window.end}


def _windows(published: Sequence[bytes]) -> dict[bytes, _Window]:
    found: dict[bytes, _Window] = {}
    for raw in published:
        try:
            card = parse_card(raw)
        except CardRefused:
            continue
        found |= {b64.decode(key.kid): _Window(key.valid_from, key.valid_until) for key in card.sealing}
    return found


async def _readable(context: Context, since: datetime) -> dict[str, bool]:
    """
    Return the cases whose key lay here at ``since`` or later; true for one that was erased after that.

    Of such a case the bytes are gone here, and a copy taken before the erasure has them.
    """
    found: dict[str, bool] = {}
    after = ""
    while True:

        async def look(tx: Tx, after: str = after) -> tuple[Sequence[str], dict[str, bool]]:
            refs = await tx.case_refs(after, PAGE)
            held = {ref: await _erased_at(tx, ref) for ref in refs}
            return refs, {ref: at is not None for ref, at in held.items() if at is None or at >= since}

        refs, some = await context.store.read(look)
        if not refs:
            return found
        found |= some
        after = refs[-1]


async def _erased_at(tx: Tx, ref: str) -> datetime | None:
    row = await tx.find_case(ref)
    if row is None or row.wrapped_key is not None:
        return None
    # The first: a restore erases again what it brought back. The case as it stood last is the fallback.
    erased = [event.at for event in await tx.events(ref) if event.event == "erase"]
    return min(erased, default=row.changed_at)


async def _all(context: Context, direction: str) -> AsyncIterator[Trace]:
    after = 0
    while True:

        async def look(tx: Tx, after: int = after) -> Sequence[Trace]:
            return await tx.traces(direction, after, PAGE)

        page = await context.store.read(look)
        for trace in page:
            yield trace
        if len(page) < PAGE:
            return
        after = page[-1].number
