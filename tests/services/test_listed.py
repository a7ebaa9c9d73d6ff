"""What a listing says after a restore, and how long it is waited for: tables, over the real store in memory."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.core import wire
from gateway.core.case import Side, State
from gateway.core.messages import RESYNC, SUSPENSION, WITHDRAWAL
from gateway.core.verification_changes import next_full_hour
from gateway.services import channel, listing
from gateway.services.ports import Store, Tx
from gateway.services.resync import _given_up, _unsent, _waited
from gateway.services.rows import EventRow, OutboundRow
from gateway.storage.sqlite import open_memory
from keys import b64
from schemas import ijson
from tests.storage.support import NOW, Signer, case, event, inbound, outbound, thread
from tests.support import story
from tests.support.network import Network, final
from tests.support.restoring import LOST_NUMBER, back_up, findings_of, outbox, put_back, restore

ASK, ASKED = Side.REQUESTING.value, Side.REQUESTED.value
PARTS = timedelta(seconds=listing.OTHER_PARTS_S)


@pytest.fixture
def store() -> Store:
    """An empty store in memory."""
    return open_memory(sign_batch=Signer(), now=NOW)


# Of which cases, and messages, a listing speaks.


@pytest.mark.parametrize(
    ("side", "partner", "state", "is_one"),
    [
        *((ASK, "XBB", one, True) for one in ("DRAFT", "CLEARED", "FROZEN", "WITHDRAWN", "CLOSED")),
        (ASK, "XBB", "SENT", False),
        (ASK, "XCC", "CLEARED", False),
        (ASKED, "XBB", "FROZEN", False),
    ],
)
async def test_what_is_listed_may_be_of_a_case_of_which_nothing_was_sent(
    store: Store, side: str, partner: str, state: str, is_one: bool
) -> None:
    """A case of ours with that State, in whatever state a request leaves none behind; of no other one."""
    row = case(side=side, partner=partner, state=state)
    await store.commit(lambda tx: tx.save_case(row))
    assert (row.ref if is_one else None) == await store.read(lambda tx: _unsent(tx, "XBB", row.thread))


@pytest.mark.parametrize(
    ("state", "steps", "given_up"),
    [
        (State.WITHDRAWN, [], True),
        (State.FROZEN, [event(target="WITHDRAWN")], False),
        (State.CLOSED, [event(target="WITHDRAWN"), event(target="CLOSED")], True),
        (State.CLOSED, [event(event="discard", target="CLOSED")], True),
        (State.CLOSED, [event(event="close", target="CLOSED")], False),
    ],
)
async def test_a_case_was_given_up_that_was_withdrawn_or_discarded(
    store: Store, state: State, steps: list[EventRow], given_up: bool
) -> None:
    """A closed case says no more how it ended; its steps do."""
    row = case(side=ASK, state=state.value)

    async def unit(tx: Tx) -> None:
        await tx.save_case(row)
        for step in steps:
            await tx.add_event(step)

    await store.commit(unit)
    assert given_up == await store.read(lambda tx: _given_up(tx, row))


@pytest.mark.parametrize(
    ("row", "waited", "dropped"),
    [
        (outbound(), True, False),
        (outbound(state="posted", posted_at=NOW), False, False),
        (outbound(ref=None, thread=None, seq=None), False, False),
        (outbound(type=WITHDRAWAL), False, False),
        (outbound(type=SUSPENSION), False, False),
        (outbound(state="dropped"), False, True),
        (outbound(state="dropped", posted_at=NOW), False, False),
    ],
)
def test_what_never_left(row: OutboundRow, waited: bool, dropped: bool) -> None:
    """What waits of a case and is no stop is dropped at a restore; what was dropped so may have left all the same."""
    assert (waited, dropped) == (_waited(row), row.never_left)


async def test_where_a_thread_stood_is_its_last_message_before_the_restore(store: Store) -> None:
    """Of those that were taken in that thread, in an epoch before the one that it goes on in."""
    rows = [
        inbound("m1", epoch=1, seq=1),
        inbound("m2", epoch=2, seq=1),
        inbound("m3", epoch=2, seq=2),
        inbound("m4", epoch=2, seq=3, status="refused"),
        inbound("m5", epoch=2, seq=4, thread="thread-c2"),
        inbound("m6", epoch=3, seq=1),
        inbound("m7", epoch=2, seq=None),
    ]

    async def unit(tx: Tx) -> None:
        for row in rows:
            await tx.add_inbound(row)

    await store.commit(unit)
    stood = [{"thread": "thread-c1", "epoch": 2, "seq": 2, "payload": "digest-m3"}]
    assert stood == await store.read(lambda tx: listing._before(tx, thread(in_epoch=3)))
    assert [] == await store.read(lambda tx: listing._before(tx, thread(in_epoch=1)))
    assert [] == await store.read(lambda tx: listing._before(tx, thread(in_epoch=3, ref=None)))


# How long a listing is waited for.


async def waited(store: Store, *came_at: datetime) -> None:
    """Wait for a listing of XBB from a restore on; its last part, made at ``NOW``, comes at each of ``came_at``."""
    await store.commit(lambda tx: listing.await_one(tx, "XBB", NOW))
    for at in came_at:
        await store.commit(partial(listing.came, country="XBB", made_at=NOW, now=at))


@pytest.mark.parametrize(
    ("came", "after", "awaited"),
    [
        ([], timedelta(days=365), True),
        ([NOW], timedelta(0), True),
        ([NOW], PARTS - timedelta(seconds=1), True),
        ([NOW], PARTS, False),
        ([NOW, NOW + PARTS], PARTS, False),
        ([NOW + timedelta(days=1)], timedelta(0), True),
    ],
)
async def test_a_listing_is_awaited_until_its_other_parts_are_there(
    store: Store, came: list[datetime], after: timedelta, awaited: bool
) -> None:
    """Without end until it comes, then for twenty minutes from its last part; a second listing lengthens nothing."""
    await waited(store, *came)
    assert awaited == (await store.commit(lambda tx: listing.is_awaited(tx, "XBB", NOW + after))).value
    assert not (await store.commit(lambda tx: listing.is_awaited(tx, "XCC", NOW))).value


async def test_no_wait_is_longer_because_a_clock_was_ahead(store: Store) -> None:
    """An end that was set by a clock of tomorrow is set anew at the first look by one that is right, and stays."""
    await waited(store, NOW + timedelta(days=1))
    found = [
        (await store.commit(partial(listing.is_awaited, country="XBB", now=NOW + after))).value
        for after in (timedelta(0), PARTS - timedelta(seconds=1), PARTS)
    ]
    assert [True, True, False] == found


@pytest.mark.parametrize(
    ("ahead", "came_at", "looked_at", "awaited"),
    [
        # It was made before the restore, an hour ago: another one follows.
        (timedelta(0), timedelta(minutes=1), timedelta(days=9), True),
        # By a clock of next week, which is right as the listing comes, or is put right afterwards, or nobody saw it.
        (timedelta(days=7), timedelta(minutes=15), timedelta(minutes=16), False),
        (timedelta(days=7), timedelta(days=7, minutes=5), timedelta(minutes=16), False),
        (timedelta(days=7), timedelta(days=7, minutes=5), timedelta(days=9), True),
        # By one that was ahead by minutes, and is right as the listing comes, which waited for the line.
        (timedelta(minutes=20), timedelta(minutes=16), timedelta(hours=1), False),
    ],
)
async def test_a_listing_counts_where_a_clock_was_ahead_at_the_restore(
    store: Store, ahead: timedelta, came_at: timedelta, looked_at: timedelta, awaited: bool
) -> None:
    """No clock tells it then from one of before the restore, and nobody makes another."""
    await waited(store)
    await store.commit(lambda tx: tx.set_meta(listing.RESTORED_AT, wire.format_instant(NOW + ahead)))
    made_at = NOW - timedelta(hours=1)
    await store.commit(partial(listing.came, country="XBB", made_at=made_at, now=NOW + came_at))
    await store.commit(partial(listing.is_awaited, country="XBB", now=NOW + looked_at))
    found = await store.commit(partial(listing.is_awaited, country="XBB", now=NOW + looked_at + PARTS))
    assert awaited is found.value


async def test_what_counted_by_a_clock_that_was_ahead_counts_at_no_later_restore(store: Store) -> None:
    """Neither what was seen of that clock, nor a listing that came before it was."""
    await waited(store)
    for restored in (NOW + timedelta(days=7), NOW):
        await store.commit(lambda tx, at=restored: tx.set_meta(listing.RESTORED_AT, wire.format_instant(at)))
        await store.commit(lambda tx: listing.await_one(tx, "XBB", NOW))
        for now in (NOW, NOW + timedelta(days=8)):
            made_at = NOW - timedelta(hours=1)
            await store.commit(partial(listing.came, country="XBB", made_at=made_at, now=now))
    assert (await store.commit(partial(listing.is_awaited, country="XBB", now=NOW + timedelta(days=9)))).value


@pytest.mark.parametrize(
    ("restored", "came", "issued_at", "may"),
    [
        (False, [], NOW, False),
        (True, [], NOW + timedelta(days=9), True),
        (True, [NOW + timedelta(hours=1)], NOW + wire.SKEW, True),
        (True, [NOW + timedelta(hours=1)], NOW + wire.SKEW + timedelta(seconds=1), False),
    ],
)
async def test_what_was_made_before_the_listing_may_have_come_before_the_restore(
    store: Store, restored: bool, came: list[datetime], issued_at: datetime, may: bool
) -> None:
    """By the clock of who made both, give or take what partners bear; until a listing comes every message may have."""
    if restored:
        await waited(store, *came)
    assert may == await store.read(lambda tx: listing.may_have_come(tx, "XBB", issued_at))


async def test_a_listing_of_an_earlier_restore_says_nothing_of_this_one(store: Store) -> None:
    """Whatever it was made after may have come before the restore that followed."""
    await waited(store, NOW)
    await waited(store)
    assert await store.read(lambda tx: listing.may_have_come(tx, "XBB", NOW + timedelta(days=1)))


# Through real gateways.


async def listed(network: Network, *rows: dict[str, Any], more: bool = False) -> None:
    """Have XBB list ``rows``, each laid over a message that XAA does not know, and let that come."""
    unknown = [wire.payload_digest(b"%d" % number) for number in range(len(rows))]
    threads = [{"thread": "", "epoch": 1, "seq": 1, "payload": digest} for digest in unknown]
    body = ijson.dumps({"threads": [{**one, **row} for one, row in zip(threads, rows, strict=True)], "more": more})
    context, now = network.gateways["XBB"].context, network.clock.now()
    await context.commit(lambda tx: channel.queue(context, tx, "XAA", RESYNC, body, now))
    await network.deliver(refresh=False)


async def stands(network: Network) -> str | None:
    """Return how it stands at XAA with the listing of XBB."""
    return await network.gateways["XAA"].store.read(lambda tx: listing.stands(tx, "XBB"))


def names(count: int) -> list[str]:
    """Return the names of ``count`` threads."""
    return [b64.encode(bytes([number]) * 16) for number in range(count)]


async def test_what_is_listed_is_told_where_a_request_was_refused_before_that(network: Network) -> None:
    """Sent anew before the listing came, it was refused as the other State had it: that it was lost is told even so."""
    ours = await story.cleared(network)
    await story.put(network, "XAA", ours, State.NOT_ACCEPTED)
    await listed(network, {"thread": (await story.row(network, "XAA", ours)).thread})
    assert [LOST_NUMBER] == await findings_of(network, "XAA", ours)
    assert [] == await outbox(network, "XAA", ours)


async def test_each_thread_that_a_listing_names_is_remembered(network: Network) -> None:
    """Of two that are unknown here both are, with the case of ours that one is of; that is said, and withdraws none."""
    ours = await story.cleared(network)
    mine, (other,) = (await story.row(network, "XAA", ours)).thread, names(1)
    await listed(network, {"thread": other}, {"thread": mine})
    read = network.gateways["XAA"].store.read
    rows = [await read(lambda tx, one=one: tx.find_thread("XBB", one)) for one in (other, mine)]
    assert [None, ours] == [row.ref for row in rows]
    assert [wire.payload_digest(b"0"), wire.payload_digest(b"1")] == [row.seen for row in rows]
    assert [LOST_NUMBER] == await findings_of(network, "XAA", ours)
    assert [1, 1] == [values["seq"] for name, values in network.logs if name == "thread.behind"]
    assert [] == await outbox(network, "XAA", ours)


async def test_of_a_thread_that_went_on_in_the_new_epoch_a_listing_says_where_it_stood_before(
    network: Network, tmp_path: Path
) -> None:
    """Of one that has not gone on since the last restore its last message says all: what stood before it says less."""
    for number in range(2):
        await restore(network, "XAA", back_up(network, "XAA", tmp_path / str(number)))
    await network.deliver()
    network.logs.clear()
    context = network.gateways["XBB"].context

    async def unit(tx: Tx) -> None:
        for epoch, name in zip((2, 3), names(2), strict=True):
            old, last = (wire.payload_digest(f"{name} {number}".encode()) for number in (1, 2))
            row = inbound(name, partner="XAA", thread=name, epoch=epoch - 1, seq=epoch, digest=old)
            await tx.add_inbound(row)
            stands = {"ref": "c1", "in_epoch": epoch, "in_seq": 10 * epoch, "in_digest": last}
            await tx.save_thread(thread(partner="XAA", thread=name, **stands))
        await listing.queue(context, tx, "XAA", network.clock.now())

    await context.commit(unit)
    await network.deliver(refresh=False)
    assert [20, 30, 3] == [values["seq"] for name, values in network.logs if name == "thread.behind"]


async def test_what_is_listed_of_a_thread_that_was_begun_is_not_the_last_that_was_seen(network: Network) -> None:
    """Either side may have begun it, by one message; what comes next there names what was seen since."""
    begun = [("in", 0), (None, 1), (None, 0)]
    rows = [
        thread(thread=name, ref=None, in_digest=digest, out_seq=out_seq)
        for name, (digest, out_seq) in zip(names(3), begun, strict=True)
    ]
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> None:
        for row in rows:
            await tx.save_thread(row)

    await context.commit(unit)
    await listed(network, *({"thread": name} for name in names(3)))
    found = [await context.store.read(lambda tx, name=name: tx.find_thread("XBB", name)) for name in names(3)]
    assert ["seen", "seen", wire.payload_digest(b"2")] == [row.seen for row in found]


async def test_request_that_is_listed_of_a_case_that_was_given_up_is_withdrawn_at_the_full_hour(
    network: Network, tmp_path: Path
) -> None:
    """As any withdrawal of a case that was frozen: when it leaves does not tell when somebody looked."""
    ours = await story.sent(network)
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    (row,) = await outbox(network, "XAA", ours)
    assert ("dropped", None, None, network.clock.now()) == (row.state, row.envelope, row.sealed, row.answered_at)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "known now", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(minutes=10)
    await listed(network, {"thread": row.thread, "payload": row.digest})
    _, late = await outbox(network, "XAA", ours)
    assert (WITHDRAWAL, next_full_hour(network.clock.now())) == (late.type, late.not_before)


@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_withdrawal_is_said_once_and_by_who_asked(network: Network, country: str) -> None:
    """Whatever the other State lists, of a case that was withdrawn, to who has said so or was told so."""
    ours, theirs = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "known now", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    ref, asking = (ours, True) if country == "XAA" else (theirs, False)
    context, other = network.gateways[country].context, network.gateways["XBB" if asking else "XAA"].context
    said = await outbox(network, country, ref)
    if not asking:  # one that was dropped here, as it waited in a backup
        dropped = said[0]._replace(state="dropped", posted_at=None)
        await context.commit(lambda tx: tx.save_outbound(dropped))
    payload = wire.payload_digest(b"lost") if asking else said[0].digest
    row = {"thread": said[0].thread, "epoch": 1, "seq": 9, "payload": payload}
    body, now = ijson.dumps({"threads": [row], "more": False}), network.clock.now()
    await other.commit(lambda tx: channel.queue(other, tx, country, RESYNC, body, now))
    await network.deliver(refresh=False)
    assert [LOST_NUMBER.replace("1", "9")] == await findings_of(network, country, ref)
    assert [one.id for one in said] == [one.id for one in await outbox(network, country, ref)]


async def test_a_part_behind_which_others_follow_is_no_listing_that_came(network: Network, tmp_path: Path) -> None:
    """What it does not name may stand in the next one."""
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await listed(network, more=True)
    assert "waits" == await stands(network)
    await listed(network)
    assert "waits" != await stands(network)


async def test_listing_counts_as_come_where_our_clock_was_ahead_at_the_restore(
    network: Network, tmp_path: Path
) -> None:
    """By a clock that is right it was made before the restore; none would ever be made after it, for an hour."""
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"), minutes=60)
    await network.deliver()
    assert "waits" != await stands(network)


@pytest.mark.parametrize("count", [0, listing.THREADS_A_MESSAGE, listing.THREADS_A_MESSAGE + 1])
async def test_the_last_part_of_a_listing_says_that_it_is_the_last(
    network: Network, tmp_path: Path, count: int
) -> None:
    """Of as many threads as fit one message there is one, and none is under way beside another listing."""
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    context = network.gateways["XBB"].context

    async def unit(tx: Tx) -> list[OutboundRow]:
        for name in names(count):
            digest = wire.payload_digest(name.encode())
            await tx.save_thread(thread(partner="XAA", thread=name, ref=None, in_digest=digest))
        for _ in range(2):
            await listing.queue(context, tx, "XAA", network.clock.now())
        return [row for row in await tx.waiting_outbound("XAA") if row.type == RESYNC]

    parts = (await context.commit(unit)).value
    assert 1 + (count > listing.THREADS_A_MESSAGE) == len(parts)
    for part in parts:
        assert "waits" == await stands(network)
        for one in parts:
            at = network.clock.now() + timedelta(days=one is not part)
            await context.commit(lambda tx, one=one, at=at: tx.save_outbound(one._replace(next_try_at=at)))
        await network.deliver(refresh=False)
    assert "waits" != await stands(network)


async def test_a_log_in_which_nothing_stood_begins_with_nothing(network: Network) -> None:
    """However often its keeper is restored: the first entry of a later one is a checkpoint, or there is none."""
    gateway = network.gateways["XAA"]
    for _ in range(2):
        await gateway.resync.begin_epoch(network.clock.now())
    head = await gateway.store.read(lambda tx: tx.log_head("XBB"))
    assert head is not None
    assert ("XAA/XBB/3", 0) == (head.origin, head.frontier.size)
    assert "3" == await gateway.store.read(lambda tx: tx.find_meta("epoch"))


async def test_threads_are_listed_a_part_at_a_time(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many a State has: the others follow once what was listed has its answer, and the last says that it is."""
    monkeypatch.setattr(listing, "THREADS_A_MESSAGE", 1)
    monkeypatch.setattr(listing, "THREADS_AT_ONCE", 2)
    await hold(network, 5)
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await network.refresh()
    seen = [await waits_for(network)]
    for _ in range(3):
        assert "waits" == await stands(network)
        await network.deliver(rounds=1, refresh=False)
        seen.append(await waits_for(network))
    assert [2, 2, 1, 0] == seen
    assert "waits" != await stands(network)
    listed = await network.gateways["XAA"].store.read(lambda tx: tx.threads("XBB"))
    assert sorted(names(5)) == sorted(one.thread for one in listed if one.seen is not None)


async def test_listing_goes_on_behind_a_part_that_is_given_up(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A final problem about one part does not keep who waits for the last one waiting."""
    monkeypatch.setattr(listing, "THREADS_AT_ONCE", 1)
    await hold(network, 2)
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await network.refresh()
    post, network.wires.post = network.wires.post, final  # type: ignore[method-assign]
    await network.gateways["XBB"].deliverer.run_once()
    network.wires.post = post  # type: ignore[method-assign]
    await network.deliver(refresh=False)
    assert "waits" != await stands(network)


async def hold(network: Network, count: int) -> None:
    """Have XBB hold a message of XAA in so many threads."""

    async def unit(tx: Tx) -> None:
        for name in names(count):
            digest = wire.payload_digest(name.encode())
            await tx.save_thread(thread(partner="XAA", thread=name, ref=None, in_digest=digest))

    await network.gateways["XBB"].store.commit(unit)


async def waits_for(network: Network) -> int:
    """Return how many parts of a listing wait at XBB."""
    rows = await network.gateways["XBB"].store.read(lambda tx: tx.waiting_in("XAA", None))
    return sum(row.type == RESYNC for row in rows)
