"""The tree of a log: known answers, and every proof of every small tree."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.merkle import (
    EMPTY_ROOT,
    BadProof,
    Frontier,
    batch_proofs,
    leaf_hash,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.support.proofs import consistency_proof, inclusion_proof

# The eight leaves and roots that Certificate Transparency implementations share.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
Change = Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
MANY = [leaf_hash(number.to_bytes(2, "big")) for number in range(70)]


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_root_known(size: int, root: str) -> None:
    """The roots are those other implementations give."""
    assert root == root_hash(LEAVES[:size]).hex()


def test_root_empty() -> None:
    """An empty tree has the hash of nothing."""
    assert EMPTY_ROOT == Frontier().root()


def test_leaf_and_node_differ() -> None:
    """A leaf made of two hashes does not hash like the node above them."""
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


def test_inclusion_every_leaf_of_every_size() -> None:
    """Every leaf of every small tree is proved, and the proof leads to no other place."""
    for size in range(1, 34):
        root = root_hash(MANY[:size])
        for index in range(size):
            proof = inclusion_proof(MANY, index, size)
            verify_inclusion(MANY[index], index, size, proof, root)
            with pytest.raises(BadProof):
                verify_inclusion(MANY[(index + 1) % 70], index, size, proof, root)


def test_inclusion_other_index_refused() -> None:
    """A proof for one place does not pass for another."""
    proof = inclusion_proof(MANY, 3, 11)
    for index in set(range(-1, 12)) - {3}:
        with pytest.raises(BadProof):
            verify_inclusion(MANY[3], index, 11, proof, root_hash(MANY[:11]))


@pytest.mark.parametrize(
    "change", [lambda p: p[:-1], lambda p: (*p, p[0]), lambda p: (p[1], p[0], *p[2:]), lambda p: ()]
)
def test_inclusion_changed_path_refused(change: Change) -> None:
    """A path cut, extended or reordered is refused."""
    proof = change(inclusion_proof(MANY, 5, 13))
    with pytest.raises(BadProof):
        verify_inclusion(MANY[5], 5, 13, proof, root_hash(MANY[:13]))


def test_consistency_every_pair() -> None:
    """Every pair of small trees is proved, and the proof fits no other root."""
    for new in range(1, 26):
        for old in range(1, new + 1):
            proof = consistency_proof(MANY, old, new)
            verify_consistency(old, new, proof, root_hash(MANY[:old]), root_hash(MANY[:new]))
            with pytest.raises(BadProof):
                verify_consistency(old, new, proof, root_hash(MANY[1 : old + 1]), root_hash(MANY[:new]))
            with pytest.raises(BadProof):
                verify_consistency(old, new, proof, root_hash(MANY[:old]), root_hash(MANY[1 : new + 1]))


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: (*p, p[0]), lambda p: ()])
def test_consistency_changed_path_refused(change: Change) -> None:
    """A consistency path cut or extended is refused."""
    proof = change(consistency_proof(MANY, 6, 13))
    with pytest.raises(BadProof):
        verify_consistency(6, 13, proof, root_hash(MANY[:6]), root_hash(MANY[:13]))


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_consistency_sizes_refused(old: int, new: int) -> None:
    """Sizes that are no pair of trees are refused by prover and verifier."""
    with pytest.raises(ValueError, match="no such pair"):
        consistency_proof(MANY, old, new)
    with pytest.raises(BadProof):
        verify_consistency(old, new, (), MANY[0], MANY[1])


def test_consistency_same_size() -> None:
    """A tree is consistent with itself by an empty proof alone."""
    verify_consistency(4, 4, (), MANY[0], MANY[0])
    with pytest.raises(BadProof):
        verify_consistency(4, 4, (), MANY[0], MANY[1])
    with pytest.raises(BadProof):
        verify_consistency(4, 4, (MANY[0],), MANY[0], MANY[0])


def test_batch_proofs_equal_whole_tree() -> None:
    """A batch's proofs, made from the frontier alone, are those made from all leaves."""
    for old, count in itertools.product(range(34), range(1, 12)):
        frontier, proofs = batch_proofs(Frontier().append(MANY[:old]), MANY[old : old + count])
        assert Frontier().append(MANY[: old + count]) == frontier
        expected = [inclusion_proof(MANY, index, old + count) for index in range(old, old + count)]
        assert expected == proofs


def test_batch_empty() -> None:
    """An empty batch changes nothing and proves nothing."""
    frontier = Frontier().append(MANY[:5])
    assert (frontier, []) == batch_proofs(frontier, [])


@given(st.lists(st.integers(0, 9), max_size=7))
def test_frontier_does_not_depend_on_batches(sizes: list[int]) -> None:
    """However the leaves are cut into batches, the frontier is the same."""
    frontier, start = Frontier(), 0
    for size in sizes:
        frontier = frontier.append(MANY[start : start + size])
        start += size
    assert Frontier().append(MANY[:start]) == frontier


@pytest.mark.parametrize(("size", "hashes"), [(1, ()), (2, (MANY[0], MANY[1])), (-1, ()), (1, (b"short",))])
def test_frontier_checked(size: int, hashes: tuple[bytes, ...]) -> None:
    """A frontier that cannot be is not built."""
    with pytest.raises(ValueError, match="hash"):
        Frontier(size, hashes)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 71)])
def test_inclusion_no_such_leaf(index: int, size: int) -> None:
    """A proof of a leaf that is not there is not made."""
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_proof(MANY, index, size)
