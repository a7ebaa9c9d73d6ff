"""
What was struck is destroyed where it came in: the signed messages that brought it, of which nothing can be cut out.

Rule 1: a message that brought none of what was struck stays. Digest, receipt and log entry of every message stay.
Rule 2: a reply stays with its signature until the case is erased, or a person destroys it as the other State asks
(``Notices.destroy``): what a State has signed must not be out of our evidence by a word of its own.
"""

from collections.abc import Iterable

from gateway.core import exercise
from gateway.core.messages import DOCUMENT_REQUEST, ELEMENTS, RECTIFICATION, REQUEST
from gateway.core.minimise import members_of
from gateway.services import threads
from gateway.services.cases import Held
from gateway.services.context import Context
from gateway.services.journal import fill_journal
from gateway.services.ports import Tx
from gateway.services.rows import InboundRow
from keys.errors import BadRest

_BRINGS_ELEMENTS = frozenset({REQUEST, ELEMENTS, DOCUMENT_REQUEST, RECTIFICATION})


async def drop_struck(context: Context, tx: Tx, held: Held, parts: Iterable[str]) -> None:
    """Destroy the signed messages kept of a case that brought any of ``parts``; its file let go of these before."""
    wrong = members_of(parts)
    if wrong:
        await fill_journal(tx)
    for one in await tx.inbound_of_case(held.case.ref, bare=True):  # one after the other: each may have images
        row = await tx.find_inbound(one.partner, one.digest) if one.type in _BRINGS_ELEMENTS else None
        if row is not None and row.sealed is not None and _brought(context, held, row, wrong):
            await tx.save_inbound(row._replace(sealed=None))


def _brought(context: Context, held: Held, row: InboundRow, wrong: frozenset[str]) -> bool:
    """Return whether the elements of a message hold any of ``wrong``; one that cannot be read is taken to."""
    try:
        body = exercise.body_of(threads.received(context, held, row))
    except BadRest as error:
        context.log_fault(row.partner, row.type, error)
        return True
    return bool(wrong & set(body.get("elements") or {}))
