"""
The end of sealing keys: each private half is destroyed when its window ends (``docs/protocol.md`` 8.1, M-8.4).

Rule 1: a key goes when the last card of ours that lists it says so, or says that it is revoked; never one that no card
lists yet.
Rule 2: it is destroyed first and noted after that. What a crash leaves between the two is noted at the next look, with
the later instant: the note never says that a key was gone while it was not.
Rule 3: while the clock is not believed (``gateway.services.steady``) no window ends a key. What is revoked goes at
once.
Rule 4: a store that cannot be written is said so, once, and the key is forgotten in memory all the same.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.services.context import Context
from gateway.services.ports import Tx, Unavailable
from gateway.services.rows import SealingEnd
from keys import b64
from keys.card import Card, parse_card
from keys.errors import CardRefused, NoSuchKey, StoreError

EVERY = timedelta(hours=1)
"""A look at least so often: a card that revokes a key may come at any time."""

ENDED, REVOKED = "window", "revoked"

Destroy = Callable[[bytes], None]
"""Destroys the private half of a raw key id (16 bytes). Raises ``keys.errors.StoreError``."""


class Ending(NamedTuple):
    """A sealing key that our cards list: the end of its window, and whether it was revoked."""

    until: datetime
    revoked: bool


class Windows:
    """The loop that destroys what is over."""

    def __init__(self, context: Context, destroy: Destroy, cards: Callable[[], Awaitable[Sequence[bytes]]]) -> None:
        """``destroy`` reaches the key store; ``cards`` returns our own published cards, oldest first."""
        self._context = context
        self._destroy = destroy
        self._cards = cards
        self._held = set(context.keyring.sealing)

    async def run(self) -> None:
        """Destroy each key when its window ends, until cancelled."""
        while True:
            now = self._context.clock.now()
            try:
                await self.run_once(now)
            except Unavailable as error:
                self._context.unavailable(error)
            ends = [entry.valid_until for entry in self._context.windows.values() if entry.valid_until > now]
            wait = min([EVERY, *(end - now for end in ends)])
            await self._context.clock.sleep(max(1.0, wait.total_seconds()))

    async def run_once(self, now: datetime) -> tuple[str, ...]:
        """Destroy what has ended by ``now`` and note it; return the ids (text) of what is gone since the last look."""
        believed = self._context.believes(now)
        over = {
            kid: ending
            for kid, ending in endings(await self._cards()).items()
            if ending.revoked or (believed and ending.until <= now)
        }
        for kid in over.keys() & self._held:
            self._end(kid)
        gone = [SealingEnd(kid, one.until, now, REVOKED if one.revoked else ENDED) for kid, one in over.items()]
        return await self._note([row for row in gone if row.kid not in self._held])

    def _end(self, kid: bytes) -> None:
        """Destroy one private half in the store, and forget it here whether or not that could be done."""
        known = self._context.keyring.sealing.pop(kid, None) is not None
        try:
            self._destroy(kid)
        except NoSuchKey:
            pass  # somebody destroyed it at the command line
        except StoreError as error:
            if known:
                self._context.log("key.kept", kid=b64.encode(kid), error=str(error), hint=error.hint)
            return
        self._held.discard(kid)

    async def _note(self, gone: Sequence[SealingEnd]) -> tuple[str, ...]:
        async def known(tx: Tx) -> set[bytes]:
            return {row.kid for row in await tx.sealing_ends()}

        noted = await self._context.store.read(known)
        new = [row for row in gone if row.kid not in noted]

        async def unit(tx: Tx) -> None:
            for row in new:
                await tx.save_sealing_end(row)
                self._context.log("key.destroyed", kid=b64.encode(row.kid), reason=row.reason)

        if new:
            await self._context.commit(unit)
        return tuple(b64.encode(row.kid) for row in new)


def endings(published: Sequence[bytes]) -> dict[bytes, Ending]:
    """Return what our cards say of each sealing key, by raw id; the last card that lists it counts."""
    found: dict[bytes, Ending] = {}
    for raw in published:
        try:
            card = parse_card(raw)
        except CardRefused:
            continue  # ``isthmus check`` says so; a card that cannot be read ends no key
        found |= _listed(card)
    return found


def _listed(card: Card) -> dict[bytes, Ending]:
    return {b64.decode(key.kid): Ending(key.valid_until, key.revoked_at is not None) for key in card.sealing}
