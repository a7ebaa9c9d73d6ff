"""
Who looked at a case, disclosed it or stepped into it, and why (R-13).
"""

from collections.abc import Iterable
from datetime import datetime

from gateway.core.case import Case
from gateway.services import cases
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import Tx
from gateway.services.representing import check_representing
from gateway.services.rows import AccessRow
from keys import b64

REASON_MIN, REASON_MAX = 3, 400
"""Characters of a reason for a look, at a desk and over the local API alike: fewer tell nobody anything (R-13)."""

_WHY_SIZE = 2048
"""
Bytes a justification is filled up to before it is sealed, so that its length does not tell whose it is: 400 characters
of any script fit. A longer one is filled up to the next power of two.
"""


async def record(
    context: Context,
    tx: Tx,
    held: Held,
    person: str,
    action: str,
    why: str,
    now: datetime,
    recipient: str | None = None,
) -> None:
    """
    Record a look at, or a disclosure of, the case (R-13).

    The justification is somebody's own words and may name a person, so it is sealed under the case's key,
    filled up with spaces (those at its end do not count).
    """
    raw = why.encode()
    filled = raw.ljust(max(_WHY_SIZE, 1 << (len(raw) - 1).bit_length()))
    sealed = context.vault.seal(held.key, "access", held.case.ref, "justification", filled)
    await tx.add_access(AccessRow(held.case.ref, now, person, action, b64.encode(sealed), recipient))


async def look(context: Context, ref: str, person: str, role: str, *, why: str, action: str = "view") -> Case:
    """
    Return the case ``ref`` once the look (``action``) and the reason for it, ``why``, are recorded durably (R-13).

    In the ``role`` of a guardian or lawyer a person sees the cases of those they represent; whom the desk invited to
    this very case no file need name. Raises ``NotFound``, also to one who represents another person, and
    ``Unavailable``.
    """
    now = context.clock.now()

    async def unit(tx: Tx) -> Case:
        held = await _held(context, tx, ref, person, role, now)
        await record(context, tx, held, person, action, why, now)
        return held.case

    case: Case = (await context.commit(unit)).value
    return case


async def view_each(context: Context, tx: Tx, refs: Iterable[str], person: str, why: str, now: datetime) -> None:
    """Record a look at each of ``refs`` that can be read: they were named to ``person``, who looked at another."""
    for ref in refs:
        if (held := cases.readable(context, await tx.find_case(ref))) is not None:
            await record(context, tx, held, person, "view", why, now)


async def glance(context: Context, ref: str, person: str, role: str) -> Case:
    """
    Return the case ``ref`` to whoever shows nothing personal of it; nothing is recorded.

    Raises as ``look`` does.
    """

    async def unit(tx: Tx) -> Case:
        return (await _held(context, tx, ref, person, role, context.clock.now())).case

    return await context.store.read(unit)


async def stand(context: Context, ref: str, person: str, role: str) -> str:
    """
    Return the mark of the case ``ref`` that tells nothing of its content (``cases.mark_unread``); nothing is recorded.

    To be taken before what is shown is read. Raises as ``look`` does.
    """

    async def unit(tx: Tx) -> str:
        await _held(context, tx, ref, person, role, context.clock.now())
        return await cases.mark_unread(context, tx, ref)

    return await context.store.read(unit)


async def _held(context: Context, tx: Tx, ref: str, person: str, role: str, now: datetime) -> Held:
    held = await cases.load(context, tx, ref)
    check_representing(context, held.case, person, role, now)
    return held


def justification_of(context: Context, held: Held, row: AccessRow) -> str:
    """Return the words that ``record`` sealed."""
    sealed = b64.decode(row.justification)
    return context.vault.open(held.key, "access", held.case.ref, "justification", sealed).decode().rstrip(" ")
