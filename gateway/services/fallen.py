"""
Messages that fell: accepted here after the instant from which their State has since revoked the key that signed them.

Rule 1: a message received before that instant stands, and so does what followed from it.
Rule 2: one received at it or later is not taken back by the gateway, which cannot know what was done upon it. It
becomes a finding on its case, once, and a person decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.wire import format_instant
from gateway.services import cases
from gateway.services.context import Context
from gateway.services.exposure import INBOUND, PAGE
from gateway.services.ports import Trace, Tx
from keys import jws
from keys.card import Card


@dataclass(frozen=True, slots=True)
class Fallen:
    """One message that fell: from whom, which, of which case, when it was received, and the key that signed it."""

    partner: str
    digest: str
    ref: str
    received_at: datetime
    kid: str
    revoked_at: datetime


class FallenMessages:
    """
    Looks once at each revocation of a partner's signing key that a card brings, in each process and at each start.

    Another process may have gone by the older card for longer, and taken in what this one would not have.
    """

    def __init__(self, context: Context) -> None:
        """Work for the gateway of ``context``."""
        self._context = context
        self._seen: set[str] = set()

    async def run_once(self, now: datetime) -> tuple[Fallen, ...]:
        """Look at the revocations that are new in the cards held, note what fell on its case, and return it."""
        found: list[Fallen] = []
        for country in self._context.partners:
            card = self._context.trust.find(country)
            new = _revocations(card) - self._seen if card is not None else set()
            if card is None or not new:
                continue
            found += await self._note(await fallen(self._context, card), now)
            self._seen |= new
        return tuple(found)

    async def _note(self, found: Sequence[Fallen], now: datetime) -> Sequence[Fallen]:
        async def unit(tx: Tx) -> None:
            for one in found:
                await self._tell(tx, one, now)

        if found:
            await self._context.commit(unit)
        return found

    async def _tell(self, tx: Tx, one: Fallen, now: datetime) -> None:
        self._context.log("message.fell", partner=one.partner, ref=one.ref, digest=one.digest, kid=one.kid)
        row = await tx.find_case(one.ref)
        if row is None or row.sealed is None:
            return
        held = cases.unseal(self._context, row)
        received, revoked = format_instant(one.received_at), format_instant(one.revoked_at)
        text = (
            f"the message {one.digest} of {one.partner} was received on {received}, and its key is revoked as of "
            f"{revoked}: do not rely on it, and ask again"
        )
        if text not in held.case.findings:
            case = replace(held.case, findings=(*held.case.findings, text))
            await cases.note(self._context, tx, held, case, "revoked", one.partner, now)


def _revocations(card: Card) -> set[str]:
    return {
        f"{card.country}/{key.kid}/{format_instant(key.revoked_at)}"
        for key in card.signing
        if key.revoked_at is not None
    }


async def fallen(context: Context, card: Card) -> tuple[Fallen, ...]:
    """Return the messages of the State of ``card`` kept here that fell by it, in the order in which they came."""
    revoked = {key.kid: key.revoked_at for key in card.signing if key.revoked_at is not None}
    if not revoked:
        return ()
    first, after, found = min(revoked.values()), 0, list[Fallen]()
    while True:

        async def look(tx: Tx, after: int = after) -> tuple[Sequence[Trace], list[Fallen]]:
            page = await tx.traces(INBOUND, after, PAGE)
            late = [one for one in page if one.partner == card.country and one.kept and one.at >= first]
            kids = [(one, await _signer(context, tx, one)) for one in late]
            return page, [
                Fallen(one.partner, one.digest, one.ref or "", one.at, kid, revoked[kid])
                for one, kid in kids
                if kid in revoked and one.at >= revoked[kid]
            ]

        page, some = await context.store.read(look)
        found += some
        if len(page) < PAGE:
            return tuple(found)
        after = page[-1].number


async def _signer(context: Context, tx: Tx, trace: Trace) -> str:
    """Return the id of the key that signed a message kept here; empty where its case is gone meanwhile."""
    row = await tx.find_inbound(trace.partner, trace.digest)
    case = await tx.find_case(trace.ref or "")
    if row is None or row.sealed is None or case is None or case.wrapped_key is None:
        return ""
    key = context.vault.unwrap(case.ref, case.wrapped_key)
    return jws.parse(context.vault.open(key, "inbound", row.digest, "sealed", row.sealed), jws.TYP_MESSAGE).kid
