"""
Who looked at a case, disclosed it or stepped into it, and why (R-13).
"""

from datetime import datetime

from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.ports import AccessRow, Tx
from keys import b64

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


def justification_of(context: Context, held: Held, row: AccessRow) -> str:
    """Return the words that ``record`` sealed."""
    sealed = b64.decode(row.justification)
    return context.vault.open(held.key, "access", held.case.ref, "justification", sealed).decode().rstrip(" ")
