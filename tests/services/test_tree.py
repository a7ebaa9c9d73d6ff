"""Hashes of a log out of the store: the same as from all leaves at once, and with few rows read."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import merkle
from gateway.services import tree
from gateway.services.ports import Committed
from tests.support.proofs import consistency_proof, inclusion_proof

ALL = tuple(sha256(number.to_bytes(4)).digest() for number in range(70_000))


class Rows:
    """A store and its transactions with one log of ``ALL[:size]``; ``read_rows`` counts what was read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.nodes: dict[int, list[bytes]] = {}
        self.meta: dict[str, str] = {}
        self.read_rows = 0
        self.store = self

    async def read(self, unit: Any) -> Any:
        return await unit(self)

    async def commit(self, unit: Any) -> Committed:
        return Committed(await unit(self), None)

    async def log_leaves(self, origin: str, start: int, limit: int) -> Sequence[bytes]:
        found = ALL[: self.size][start : start + limit]
        self.read_rows += len(found)
        return found

    async def log_nodes(self, origin: str, level: int, start: int, limit: int) -> Sequence[bytes]:
        found = self.nodes.get(level, [])[start : start + limit]
        self.read_rows += len(found)
        return found

    async def add_log_nodes(self, origin: str, level: int, start: int, hashes: Sequence[bytes]) -> None:
        assert start == len(self.nodes.setdefault(level, []))
        self.nodes[level] += hashes

    async def find_meta(self, name: str) -> str | None:
        return self.meta.get(name)

    async def set_meta(self, name: str, value: str) -> None:
        self.meta[name] = value


def stored(rows: Rows) -> Any:
    """Return ``rows`` as the port it stands for."""
    return rows


async def grown(size: int) -> Rows:
    """Return a log of ``size`` leaves with the roots of its subtrees stored."""
    rows = Rows(size)
    await tree.grow(stored(rows), "o", size)
    return rows


SIZES = (1, 2, 255, 256, 257, 511, 512, 4_096, 4_097, 65_535, 65_536, 65_537, 70_000)


async def test_root_is_that_of_all_leaves() -> None:
    """Whatever the size, and whether or not subtrees are stored, the root is that of the tree."""
    whole = await grown(len(ALL))
    assert [273, 1] == [len(whole.nodes[level]) for level in sorted(whole.nodes)]
    for size in SIZES:
        expected = merkle.root_hash(ALL[:size])
        assert expected == await tree.root(stored(whole), "o", size)
        if size < 1_000:
            assert expected == await tree.root(stored(Rows(size)), "o", size)
    assert merkle.EMPTY_ROOT == await tree.root(stored(whole), "o", 0)


async def test_proof_reads_few_rows() -> None:
    """A proof in a log of 70,000 entries reads some hundreds of rows, not all of them."""
    whole = await grown(len(ALL))
    whole.read_rows = 0
    path = await tree.consistency(stored(whole), "o", 33_333, 70_000)
    merkle.verify_consistency(33_333, 70_000, path, merkle.root_hash(ALL[:33_333]), merkle.root_hash(ALL))
    assert 2_000 > whole.read_rows


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1_500), st.data())
async def test_proofs_are_those_of_the_tree(size: int, data: st.DataObject) -> None:
    """Paths of inclusion and consistency are those that all leaves give."""
    rows = await grown(size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert inclusion_proof(ALL, index, size) == await tree.inclusion(stored(rows), "o", index, size)
    assert consistency_proof(ALL, old, size) == await tree.consistency(stored(rows), "o", old, size)


async def test_growing_goes_on_where_it_stopped() -> None:
    """What is stored is not made again, and a log that grew gets the subtrees that became complete."""
    rows = await grown(600)
    assert {1: 2} == {level: len(nodes) for level, nodes in rows.nodes.items()}
    rows.size, rows.read_rows = 1_100, 0
    await tree.grow(stored(rows), "o", 1_100)
    assert (4, 512) == (len(rows.nodes[1]), rows.read_rows)
    await tree.grow(stored(rows), "o", 1_100)
    assert 512 == rows.read_rows


async def test_log_shorter_than_its_head_says() -> None:
    """Where entries are missing nothing is stored, and no root is invented."""
    rows = Rows(300)
    await tree.grow(stored(rows), "o", 600)
    assert {} == rows.nodes
    with pytest.raises(ValueError, match="fewer entries"):
        await tree.root(stored(rows), "o", 600)
