"""
Note in the store that its journal holds copies of what was destroyed, until it is cut (``services.retain``).
"""

from gateway.services.ports import Tx

JOURNAL, FULL = "journal", "holds erased rows"


async def fill_journal(tx: Tx) -> None:
    """Note that the journal holds what was destroyed, until ``Retention.empty_journal`` has cut it."""
    await tx.set_meta(JOURNAL, FULL)
