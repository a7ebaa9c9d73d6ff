"""
Messages that fell: accepted here after the instant from which their State has since revoked the key that signed them.

Rule 1: a message received before that instant stands, and so does what followed from it.
Rule 2: one received at it or later is not taken back by the gateway, which cannot know what was done upon it. It
becomes a finding on its case, once, and a person decides.
Rule 3: of one whose key cannot be told any more, because its row is spoiled, the same is said: it may have fallen.
Rule 4: what counts is every revocation by the chain of cards, not the last card alone, which may leave the key out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from gateway.core.wire import format_instant
from gateway.services import cases, directory
from gateway.services.context import Context
from gateway.services.exposure import INBOUND, PAGE
from gateway.services.ports import Trace, Tx
from keys import jws


@dataclass(frozen=True, slots=True)
class Fallen:
    """
    One message that fell: from whom, which, of which case, when it was received, and the key that signed it.

    ``kid`` is empty where it could not be read; ``revoked_at`` is then the earliest of its State.
    """

    partner: str
    digest: str
    ref: str
    received_at: datetime
    kid: str
    revoked_at: datetime


@dataclass(slots=True)
class _Looked:
    """
    How far was looked for what fell by ``revoked``: to the trace numbered ``end``, to ``before`` in the look before.

    ``done`` are the traces behind ``before`` that were judged.
    """

    revoked: Mapping[str, datetime]
    before: int = 0
    end: int = 0
    done: set[int] = field(default_factory=set)


class FallenMessages:
    """
    Looks at what was received since each revocation of a partner's signing key, in each process and from each start on.

    What was verified a moment before a card was taken may be stored a moment after the look that followed, and another
    process may have gone by the older card for longer. So each look begins where the one before the last one ended.
    """

    def __init__(self, context: Context) -> None:
        """Work for the gateway of ``context``."""
        self._context = context
        self._looked: dict[str, _Looked] = {}

    async def run_once(self, now: datetime) -> tuple[Fallen, ...]:
        """Look for what fell and was not looked at before, note it on its case, and return it."""
        found: list[Fallen] = []
        for country in self._context.partners:
            revoked = self._context.trust.revoked(country)
            if not revoked:
                continue
            looked = self._looked.get(country)
            if looked is None or looked.revoked != revoked:
                looked = _Looked(revoked)
                await self._tell_directory(country)
            fell, judged, end = await fallen(self._context, country, revoked, looked.before, looked.done)
            found += await self._note(fell, now)
            done = {number for number in (*looked.done, *judged) if number > looked.end}
            self._looked[country] = _Looked(revoked, looked.end, end, done)
        return tuple(found)

    async def _tell_directory(self, country: str) -> None:
        """Tell the log what fell of what ``country`` announced of itself; nobody goes by it any more."""
        for digest in await self._context.store.read(partial(directory.fallen, self._context, country=country)):
            self._context.log("directory.fell", partner=country, digest=digest)

    async def _note(self, found: Sequence[Fallen], now: datetime) -> Sequence[Fallen]:
        async def unit(tx: Tx) -> None:
            for one in found:
                await self._tell(tx, one, now)

        if found:
            await self._context.commit(unit)
        return found

    async def _tell(self, tx: Tx, one: Fallen, now: datetime) -> None:
        if one.kid:
            self._context.log("message.fell", partner=one.partner, ref=one.ref, digest=one.digest, kid=one.kid)
        row = await tx.find_case(one.ref)
        if row is None or row.sealed is None:
            return
        try:
            held = cases.unseal(self._context, row)
        except Exception as error:
            # The line above is all that can be said; what fell on other cases is said there all the same.
            self._context.log("case.unreadable", ref=one.ref, error=type(error).__name__)
            return
        text = _text(one)
        if text not in held.case.findings:
            case = replace(held.case, findings=(*held.case.findings, text))
            await cases.note(self._context, tx, held, case, "revoked", one.partner, now)


def _text(one: Fallen) -> str:
    received, revoked = format_instant(one.received_at), format_instant(one.revoked_at)
    if not one.kid:
        return (
            f"the message {one.digest} of {one.partner} was received on {received} and cannot be read here any more, "
            f"and a key of that State is revoked as of {revoked}: do not rely on it, and ask again"
        )
    return (
        f"the message {one.digest} of {one.partner} was received on {received}, and its key is revoked as of "
        f"{revoked}: do not rely on it, and ask again"
    )


async def fallen(
    context: Context, country: str, revoked: Mapping[str, datetime], after: int = 0, done: Collection[int] = ()
) -> tuple[Sequence[Fallen], Sequence[int], int]:
    """
    Return the messages of ``country`` kept here that fell by ``revoked``, in the order in which they came.

    Those whose key cannot be told are among them, and a line in the log names each. Looked at are the traces numbered
    above ``after`` that are not ``done``; returned as well are the numbers of those judged, and the last one there was.
    """
    first, found, judged = min(revoked.values()), list[Fallen](), list[int]()
    while True:

        async def look(tx: Tx, after: int = after) -> tuple[Sequence[Trace], list[int], list[Fallen]]:
            page = await tx.traces(INBOUND, after, PAGE)
            late = [one for one in page if one.partner == country and one.kept and one.at >= first]
            kids = [(one, await _signer(context, tx, one)) for one in late if one.number not in done]
            return (
                page,
                [one.number for one in late],
                [
                    Fallen(one.partner, one.digest, one.ref or "", one.at, kid or "", since)
                    for one, kid in kids
                    if (since := first if kid is None else revoked.get(kid)) is not None and one.at >= since
                ],
            )

        page, numbers, some = await context.store.read(look)
        found += some
        judged += numbers
        after = page[-1].number if page else after
        if len(page) < PAGE:
            return found, judged, after


async def _signer(context: Context, tx: Tx, trace: Trace) -> str | None:
    """Return the id of the key that signed a message kept here: empty if its case is gone, ``None`` if unreadable."""
    row = await tx.find_inbound(trace.partner, trace.digest)
    case = await tx.find_case(trace.ref or "")
    if row is None or row.sealed is None or case is None or case.wrapped_key is None:
        return ""
    try:
        key = context.vault.unwrap(case.ref, case.wrapped_key)
        return jws.parse(context.vault.open(key, "inbound", row.digest, "sealed", row.sealed), jws.TYP_MESSAGE).kid
    except Exception as error:
        # Whatever is wrong with one row, the cards are taken, and the messages of others judged.
        context.log(
            "message.unreadable", partner=row.partner, ref=case.ref, digest=row.digest, error=type(error).__name__
        )
        return None
