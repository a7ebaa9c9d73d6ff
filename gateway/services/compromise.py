"""
After a theft of keys: what waits is signed anew, and every partner is greeted under the new key.

Rule 1: what waits to be posted carries a signature that no partner takes any more. The same payload is signed again by
the key in use, so it stays the same message: same id, number and digest. What is posted again later, or waits in a
backup from before the theft, is signed again as it leaves (``leaving``).
Rule 2: a partner is met again when it answers a message that only the new key signed: it has then taken the card that
revokes the old one, and we have its answer under a card that we hold.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from gateway.core import wire
from gateway.core.messages import RESYNC
from gateway.services import listing, outbox
from gateway.services.context import Context
from gateway.services.directory import announce_again
from gateway.services.ports import Tx, Unavailable
from gateway.services.rows import OutboundRow, SealingEnd
from gateway.services.windows import REVOKED
from keys.errors import BadRest

ANSWERED, WAITS, ON_HOLD = "answered", "waits", "hold"
"""What is known of a partner: it has answered under the new key, it has not yet, it could not be written to."""

PORTION = 100
"""Messages signed again in one transaction: more may wait than there is memory. A run cut short is run again."""

DONE = "replaced"
"""Name of the stored epoch in which keys were replaced and every partner was written to: nothing is left to do."""


class Compromise:
    """What the gateway of a context does once its new keys are in place."""

    def __init__(self, context: Context) -> None:
        """Work for the gateway of ``context``, opened with the new keys and the card that lists them."""
        self._context = context
        self._greetings: dict[str, str] = {}

    async def note_destroyed(self, ends: Mapping[bytes, datetime], now: datetime) -> None:
        """Note the stolen sealing keys whose private halves were destroyed: raw id to end of window."""

        async def unit(tx: Tx) -> None:
            for kid, until in ends.items():
                await tx.save_sealing_end(SealingEnd(kid, until, now, REVOKED))

        await self._context.commit(unit)

    async def sign_again(self, now: datetime) -> tuple[int, int]:
        """
        Sign again what waits, and drop what is not to be; return how many were signed, and how many were not.

        Dropped are what a case that is erased said, and lists of what we hold: those are made anew (``greet``). What
        else is of no case nobody would say again.
        """

        async def unit(tx: Tx, country: str, after: OutboundRow | None) -> tuple[list[bool], OutboundRow | None]:
            signed = list[bool]()
            room = PORTION
            while room and (rows := await tx.waiting_outbound(country, after, min(room, outbox.AT_ONCE))):
                signed += [await self._sign_again(tx, row, now) for row in rows]
                after, room = rows[-1], room - len(rows)
            return signed, None if room else after

        done, last = list[bool](), None
        for country in self._context.partners:
            while True:
                some, last = (await self._context.commit(partial(unit, country=country, after=last))).value
                done += some
                if last is None:
                    break
        return done.count(True), done.count(False)

    async def _sign_again(self, tx: Tx, row: OutboundRow, now: datetime) -> bool:
        context = self._context
        case = await tx.find_case(row.ref) if row.ref else None
        is_erased = row.ref is not None and (case is None or case.wrapped_key is None)
        if row.sealed is None or is_erased or row.type == RESYNC:
            await tx.save_outbound(row._replace(state="dropped", envelope=None, answered_at=now))
            return False
        try:
            signed = outbox.sign_anew(context, row, case, now)
        except BadRest as error:
            # It does not leave (``leaving``) and expires, which a person is told. The others do not wait for that.
            context.log_fault(row.partner, row.type, error)
            return False
        await tx.save_outbound(signed._replace(next_try_at=max(now, row.not_before)))
        return True

    async def greet(self, now: datetime) -> None:
        """
        Queue for each partner a list of what we hold of it: what it holds of ours beyond that was forged or lost.

        Where no key of it is held that waits for one. What we announced since the theft nobody goes by any more,
        whoever did: what holds yet is announced again.
        """
        context = self._context
        for country in context.partners:
            try:
                await context.commit(partial(announce_again, context, country=country, now=now))
                queued = await context.commit(partial(listing.queue, context, country=country, now=now))
                outbox.check_recipient(context, country, now)
                self._greetings[country] = queued.value
            except Unavailable as error:
                context.log("partner.not_greeted", country=country, error=str(error), hint=error.hint)
        await context.commit(self._note_done)
        context.wake()

    async def _note_done(self, tx: Tx) -> None:
        await tx.set_meta(DONE, str(self._context.epoch))

    async def met(self) -> dict[str, str]:
        """Return for each partner whether it has answered under the new key."""

        async def look(tx: Tx) -> dict[str, str]:
            found = {}
            for country in self._context.partners:
                id = self._greetings.get(country)
                row = await tx.find_outbound(country, id) if id else None
                answered = row is not None and row.state == "receipted"
                found[country] = ANSWERED if answered else WAITS if id else ON_HOLD
            return found

        return await self._context.store.read(look)

    async def nudge(self, now: datetime) -> None:
        """Try again what waits: a partner that had not taken the card asks for patience, and may have it by now."""

        async def unit(tx: Tx) -> None:
            await tx.hasten_outbound(now, now, now + wire.MAX_VALIDITY)
            for country in self._context.partners:
                partner = await tx.find_partner(country)
                if partner is not None and partner.open_until is not None:
                    await tx.save_partner(partner._replace(open_until=None))

        await self._context.commit(unit)
        self._context.wake()
