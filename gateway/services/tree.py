"""
Hashes of our logs out of the store: roots, and proofs of any two sizes, without reading the whole log.

Roots of complete subtrees of 256, 65,536 and more leaves are stored as the log grows (``grow``), in pieces that hold up
no message. Where one is not stored yet it is made from the leaves: slower, and the same.
"""

from gateway.core import merkle
from gateway.services.context import Context
from gateway.services.ports import Tx

FAN = 256
"""Subtrees of one level in one of the next."""

LEVELS = 6
PIECE = 16
"""Subtrees made in one transaction: 4,096 hashes, a few milliseconds."""


async def root(tx: Tx, origin: str, size: int) -> bytes:
    """Return the root of the first ``size`` leaves of a log. Raises ``ValueError`` if there are fewer."""
    return await _node(tx, origin, 0, size) if size else merkle.EMPTY_ROOT


async def consistency(tx: Tx, origin: str, old: int, new: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of ``old`` leaves is a prefix of that of ``new``. Raises ``ValueError``."""
    return tuple([await _node(tx, origin, *place) for place in merkle.consistency_ranges(old, new)])


async def inclusion(tx: Tx, origin: str, index: int, size: int) -> tuple[bytes, ...]:
    """Return the audit path of a leaf in the tree of ``size`` leaves. Raises ``ValueError``."""
    return tuple([await _node(tx, origin, *place) for place in merkle.inclusion_ranges(index, size)])


async def _node(tx: Tx, origin: str, start: int, end: int) -> bytes:
    """Return the root over the leaves ``start`` to ``end``."""
    width = end - start
    if width & (width - 1) or start % width:
        middle = start + merkle.split(width)
        return merkle.node_hash(await _node(tx, origin, start, middle), await _node(tx, origin, middle, end))
    for level in range((width.bit_length() - 1) // 8, -1, -1):
        unit: int = FAN**level
        hashes = await _hashes(tx, origin, level, start // unit, width // unit)
        if len(hashes) == width // unit:
            return merkle.root_hash(hashes)
    raise ValueError("the log has fewer entries")


async def _hashes(tx: Tx, origin: str, level: int, start: int, count: int) -> tuple[bytes, ...]:
    if level == 0:
        return tuple(await tx.log_leaves(origin, start, count))
    return tuple(await tx.log_nodes(origin, level, start, count))


async def grow(context: Context, origin: str, size: int) -> None:
    """Store the roots of all complete subtrees of the first ``size`` leaves that are not stored yet."""
    for level in range(1, LEVELS + 1):
        while await _piece(context, origin, level, size // FAN**level):
            pass


async def _piece(context: Context, origin: str, level: int, goal: int) -> bool:
    """Store up to ``PIECE`` subtrees of one level; return whether some were missing."""
    name = f"nodes:{origin}:{level}"

    async def unit(tx: Tx) -> bool:
        have = int(await tx.find_meta(name) or 0)
        count = min(PIECE, goal - have)
        if count <= 0:
            return False
        below = await _hashes(tx, origin, level - 1, have * FAN, count * FAN)
        if len(below) != count * FAN:
            return False  # of a log that is shorter than its head says: the audit tells
        made = [merkle.root_hash(below[at : at + FAN]) for at in range(0, len(below), FAN)]
        await tx.add_log_nodes(origin, level, have, made)
        await tx.set_meta(name, str(have + count))
        return True

    if goal == 0 or int(await context.store.read(lambda tx: tx.find_meta(name)) or 0) >= goal:
        return False
    more: bool = (await context.commit(unit)).value
    return more
