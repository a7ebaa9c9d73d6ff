"""
Note in the store that its journal holds copies of what was destroyed, until it is cut (``services.retain``).

What is destroyed while the journal is being cut, here or at another node, may be in what is left: so each note has a
number, and only that one is taken away which stood there when the cutting began.
"""

from gateway.services.ports import Tx

JOURNAL, FULL = "journal", "holds erased rows"


async def fill_journal(tx: Tx) -> None:
    """Note that the journal holds what was destroyed, until ``Retention.empty_journal`` has cut it."""
    last = (await tx.find_meta(JOURNAL) or "").removeprefix(FULL)
    await tx.set_meta(JOURNAL, f"{FULL} {int(last or 0) + 1}")


async def full_journal(tx: Tx) -> str | None:
    """Return the note that the journal holds what was destroyed, ``None`` if it does not."""
    noted = await tx.find_meta(JOURNAL) or ""
    return noted if noted.startswith(FULL) else None


async def note_cut(tx: Tx, noted: str) -> None:
    """Take ``noted`` away, unless there is another by now."""
    if await tx.find_meta(JOURNAL) == noted:
        await tx.set_meta(JOURNAL, noted.removeprefix(FULL).strip())
