"""What every store must do with what cases were opened for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.services.ports import Conflict, Store, Tx
from gateway.services.rows import OpeningRow
from tests.storage.support import NOW, case, digest

ROW = OpeningRow(digest("key")[:16], digest("body")[:16], "c1", NOW)


async def enter(store: Store, row: OpeningRow = ROW) -> None:
    """Store a case, if it is not stored yet, and what it was opened for."""

    async def unit(tx: Tx) -> None:
        if await tx.find_case(row.ref) is None:
            await tx.save_case(case(row.ref))
        await tx.add_opening(row)

    await store.commit(unit)


async def found(store: Store) -> OpeningRow | None:
    """Return what is stored under the key."""
    return await store.read(lambda tx: tx.find_opening(ROW.key))


async def test_a_key_opens_once(store: Store) -> None:
    """What was entered first stays, and the case of a second request is not stored either."""
    await enter(store)
    with pytest.raises(Conflict):
        await enter(store, replace(ROW, ref="c2"))
    assert (ROW, None) == (await found(store), await store.read(lambda tx: tx.find_case("c2")))


async def test_an_erasure_leaves_the_key_alone(store: Store) -> None:
    """Of an erased case it is known that it was opened, and not for what."""
    await enter(store)
    await store.commit(lambda tx: tx.erase_case("c1"))
    assert replace(ROW, body=None) == await found(store)


async def test_a_key_is_deleted_in_its_time(store: Store) -> None:
    """Only what is older than the instant goes, so many at once."""
    await enter(store)
    await enter(store, replace(ROW, key=bytes(16), at=NOW - timedelta(seconds=1)))
    left = []
    for before in (NOW, NOW, NOW + timedelta(seconds=1)):
        went = (await store.commit(lambda tx, before=before: tx.purge_openings(before, 1))).value
        left.append((went, await found(store)))
    assert [(1, ROW), (0, ROW), (1, None)] == left
