"""
The tree of a log: RFC 6962 / RFC 9162 hashes, proofs and their checks.

Rule 1: a leaf is hashed with prefix 0x00 and an inner node with 0x01, so neither can pass for the other.
Rule 2: the writer keeps a frontier only (the roots of the complete subtrees, left to right); proofs for the entries of
the newest batch need nothing else. Proofs for older entries are made from all leaf hashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


class BadProof(Exception):
    """Say that a proof, checkpoint or log entry does not verify; ``reason`` names the fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf (RFC 9162 section 2.1.1), 32 bytes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 9162 section 2.1.1), 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """
    A tree of ``size`` leaves, kept as the roots of its complete subtrees, largest first.

    There is one hash for each bit set in ``size``. Enough to append, to give the root, and to prove what is appended
    next.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Check that the hashes are as many as ``size`` asks for."""
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError("a frontier holds one hash for each bit of its size")
        if any(len(item) != HASH_BYTES for item in self.hashes):
            raise ValueError("a hash has 32 bytes")

    def append(self, leaf_hashes: Sequence[bytes]) -> "Frontier":
        """Return the frontier after ``leaf_hashes`` (32 bytes each) were added."""
        size, stack = self.size, list(self.hashes)
        for leaf in leaf_hashes:
            node, rest = leaf, size
            while rest & 1:
                node = node_hash(stack.pop(), node)
                rest >>= 1
            stack.append(node)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """Return the root hash (RFC 9162 section 2.1.1); of an empty tree SHA-256 of nothing."""
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return node

    def subtrees(self) -> dict[tuple[int, int], bytes]:
        """Return the complete subtrees as (first leaf, one past the last leaf) -> root."""
        found, start = {}, 0
        bits = (1 << shift for shift in range(self.size.bit_length() - 1, -1, -1) if self.size >> shift & 1)
        for width, root in zip(bits, self.hashes, strict=True):
            found[start, start + width] = root
            start += width
        return found


def split(width: int) -> int:
    """Return the largest power of two below ``width``, where RFC 9162 splits a tree of ``width`` > 1 leaves."""
    return 1 << (width - 1).bit_length() - 1


def batch_proofs(before: Frontier, leaf_hashes: Sequence[bytes]) -> tuple[Frontier, list[tuple[bytes, ...]]]:
    """
    Append a batch and return the new frontier with an inclusion proof of each new leaf in the new tree.

    Every sibling on a new leaf's path is either a complete subtree of the old tree, which the frontier holds, or covers
    new leaves. The cost grows with the batch and the logarithm of the tree, never with the tree.
    """
    old = before.size
    known = before.subtrees()
    for offset, leaf in enumerate(leaf_hashes):
        known[old + offset, old + offset + 1] = leaf

    def root_of(start: int, end: int) -> bytes:
        """Return the root of leaves ``start`` to ``end``, computing each inner node once."""
        root = known.get((start, end))
        if root is None:
            middle = start + split(end - start)
            root = known[start, end] = node_hash(root_of(start, middle), root_of(middle, end))
        return root

    proofs: list[tuple[bytes, ...]] = []

    def descend(start: int, end: int, above: tuple[bytes, ...]) -> None:
        """Collect the proofs of the new leaves below this node; ``above`` is their common end."""
        if end <= old:
            return
        if end - start == 1:
            proofs.append(above)
            return
        middle = start + split(end - start)
        if middle > old:
            descend(start, middle, (root_of(middle, end), *above))
        descend(middle, end, (root_of(start, middle), *above))

    if leaf_hashes:
        descend(0, old + len(leaf_hashes), ())
    return before.append(leaf_hashes), proofs


def root_hash(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over all ``leaf_hashes`` (32 bytes each)."""
    return Frontier().append(leaf_hashes).root()


def inclusion_ranges(index: int, size: int) -> tuple[tuple[int, int], ...]:
    """
    Return of which subtrees, as (first leaf, one past the last), the hashes of an audit path are the roots, in order.

    The path is that of leaf ``index`` in the tree of the first ``size`` leaves (RFC 9162 section 2.1.3.1).
    Raises ``ValueError`` if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of this size")
    path: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """
    Check that the leaf with hash ``leaf`` stands at ``index`` of the tree (RFC 9162 section 2.1.3.2).

    Raises ``BadProof``.
    """
    if not 0 <= index < size:
        raise BadProof("index is not below the tree size")
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise BadProof("inclusion proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise BadProof("inclusion proof is too short")
    if node != root:
        raise BadProof("inclusion proof does not lead to the root")


def consistency_ranges(old: int, new: int) -> tuple[tuple[int, int], ...]:
    """
    Return of which subtrees the hashes of a consistency proof are the roots, in order (RFC 9162 section 2.1.4.1).

    Raises ``ValueError`` unless 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError("no such pair of trees")
    path: list[tuple[int, int]] = []
    start, end, whole = 0, new, True
    while end != old:
        middle = start + split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, end))
    return tuple(reversed(path))


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """
    Check that the tree (``old``, ``old_root``) is a prefix of (``new``, ``new_root``) (RFC 9162 section 2.1.4.2).

    Raises ``BadProof``.
    """
    if not 0 < old <= new:
        raise BadProof("sizes are not in order")
    if old == new:
        if proof:
            raise BadProof("consistency proof is too long")
        if old_root != new_root:
            raise BadProof("two roots for one size")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise BadProof("consistency proof is too short")
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise BadProof("consistency proof is too long")
        if position & 1 or position == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise BadProof("consistency proof is too short")
    if first != old_root:
        raise BadProof("consistency proof does not lead to the old root")
    if second != new_root:
        raise BadProof("consistency proof does not lead to the new root")
