"""What every store must do with the traces of messages and with sealing keys that are gone."""

from datetime import timedelta

from gateway.services.ports import Store, Tx
from gateway.services.rows import SealingEnd, Trace
from tests.storage.support import NOW, case, digest, inbound, outbound

KID = digest("key")[:16]
GONE = SealingEnd(KID, NOW, NOW + timedelta(hours=1), "window")


async def test_what_is_gone_stays_as_it_was_noted_first(store: Store) -> None:
    """A second note about a key changes nothing: what was gone was gone then."""

    async def unit(tx: Tx) -> None:
        await tx.save_sealing_end(GONE)
        await tx.save_sealing_end(GONE._replace(destroyed_at=NOW + timedelta(days=9), reason="revoked"))
        await tx.save_sealing_end(SealingEnd(digest("other")[:16], NOW, NOW, "revoked"))

    await store.commit(unit)
    found = await store.read(lambda tx: tx.sealing_ends())
    assert [digest("other")[:16], KID] == [row.kid for row in found]
    assert GONE == found[1]


async def test_traces_come_in_order_and_in_pages(store: Store) -> None:
    """A trace says that a message passed and whether it is kept, and has no place for its content."""

    async def unit(tx: Tx) -> None:
        await tx.save_case(case("c1"))
        await tx.add_inbound(inbound("m1", kid=KID))
        await tx.add_inbound(inbound("m2", id="id-m2", sealed=None, ref=None, kid=None))
        await tx.save_outbound(outbound("m3"))

    await store.commit(unit)
    first = await store.read(lambda tx: tx.traces("inbound", 0, 1))
    second = await store.read(lambda tx: tx.traces("inbound", first[0].number, 9))
    sent = await store.read(lambda tx: tx.traces("outbound", 0, 9))
    assert [("digest-m1", KID, True), ("digest-m2", None, False)] == [
        (one.digest, one.kid, one.kept) for one in (*first, *second)
    ]
    assert [("outbound", "digest-m3", None)] == [(one.direction, one.digest, one.kid) for one in sent]
    assert {"number", "direction", "partner", "id", "digest", "type", "at", "ref", "kid", "kept"} == set(Trace._fields)


async def test_an_erased_case_keeps_its_traces_and_nothing_more(store: Store) -> None:
    """After an erasure it can still be said that a message passed, and that it is not kept."""

    async def unit(tx: Tx) -> None:
        await tx.save_case(case("c1"))
        await tx.add_inbound(inbound("m1", kid=KID))
        await tx.erase_case("c1")

    await store.commit(unit)
    (found,) = await store.read(lambda tx: tx.traces("inbound", 0, 9))
    assert (KID, False) == (found.kid, found.kept)


async def test_a_message_under_two_keys_is_noted_once_for_each(store: Store) -> None:
    """However often it comes again, one row says under which other key."""

    async def unit(tx: Tx) -> None:
        for _ in range(2):
            await tx.add_inbound_again("XBB", "digest-m1", KID)

    await store.commit(unit)
    assert (("XBB", "digest-m1", KID),) == await store.read(lambda tx: tx.inbound_again())


async def test_the_key_of_a_message_comes_back(store: Store) -> None:
    """Saving a row again keeps the key it came sealed to."""

    async def unit(tx: Tx) -> None:
        await tx.save_case(case("c1"))
        await tx.add_inbound(inbound("m1", kid=KID))
        await tx.save_inbound(inbound("m1", kid=KID, status="refused", sealed=None))

    await store.commit(unit)
    found = await store.read(lambda tx: tx.find_inbound("XBB", "digest-m1"))
    assert found is not None
    assert (KID, "refused") == (found.kid, found.status)
