"""Proofs of a tree of which all leaves are at hand, for logs that a test makes or forges."""

from collections.abc import Sequence

from gateway.core.merkle import consistency_ranges, inclusion_ranges, root_hash


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """
    Return the audit path of leaf ``index`` in the tree of the first ``size`` leaves (RFC 9162 section 2.1.3.1).

    Raises ``ValueError`` if there is no such leaf.
    """
    if size > len(leaf_hashes):
        raise ValueError("no such leaf in a tree of this size")
    return tuple(root_hash(leaf_hashes[start:end]) for start, end in inclusion_ranges(index, size))


def consistency_proof(leaf_hashes: Sequence[bytes], old: int, new: int) -> tuple[bytes, ...]:
    """
    Return the proof that the tree of ``old`` leaves is a prefix of that of ``new`` (RFC 9162 section 2.1.4.1).

    Raises ``ValueError`` unless 0 < old <= new <= number of leaves.
    """
    if new > len(leaf_hashes):
        raise ValueError("no such pair of trees")
    return tuple(root_hash(leaf_hashes[start:end]) for start, end in consistency_ranges(old, new))
