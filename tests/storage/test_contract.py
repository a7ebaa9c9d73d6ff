"""What every store must do, whatever its dialect: the rows of the port, one by one."""

import asyncio
import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gateway.core.merkle import Frontier
from gateway.services.ports import BadValue, Committed, Conflict, Draft, Store, Tx, Unavailable
from gateway.services.rows import (
    AccessRow,
    ConflictRow,
    KeptRow,
    LogHead,
    NoContactRow,
    OutboundRow,
    PartnerRow,
    ReleaseRow,
    ThreadRow,
    TrustEvent,
    WitnessedRow,
)
from gateway.storage import BrokenUnit
from keys import b64
from tests.storage.support import (
    EMPTY_LOG,
    NOW,
    Signer,
    accept,
    case,
    digest,
    event,
    inbound,
    outbound,
    receipt,
    thread,
)


async def put(store: Store, *calls: tuple[str, Any]) -> None:
    """Call methods of a ``Tx`` with one argument each, in one unit."""

    async def unit(tx: Tx) -> None:
        for name, argument in calls:
            await getattr(tx, name)(argument)

    await store.commit(unit)


async def get(store: Store, name: str, *arguments: Any, **named: Any) -> Any:
    """Return what a method of a reading ``Tx`` returns."""

    async def unit(tx: Tx) -> Any:
        return await getattr(tx, name)(*arguments, **named)

    return await store.read(unit)


# Rows


async def test_case_comes_back(store: Store) -> None:
    """A case comes back as it was saved."""
    await put(store, ("save_case", case()))
    assert case() == await get(store, "find_case", "c1")


async def test_a_unit_moves_a_case_there_and_back(store: Store) -> None:
    """What a unit saves of a case is what it saved last, also where that is what stood there when it began."""
    await put(store, ("save_case", case()))

    async def unit(tx: Tx) -> None:
        row = await tx.find_case("c1")
        assert row is not None
        await tx.save_case(row._replace(version=2, state="FROZEN", due_at=None))
        await tx.save_case(row._replace(version=3))
        with pytest.raises(Conflict):
            await tx.save_case(row._replace(version=3))

    await store.commit(unit)
    assert case(version=3) == await get(store, "find_case", "c1")


async def test_a_unit_takes_a_case_without_a_key_from_version_to_version(store: Store) -> None:
    """What a unit begins without a key it moves as often as any other, each version once."""

    async def unit(tx: Tx) -> None:
        row = case(wrapped_key=None, sealed=None)
        for version in (1, 2, 3):
            await tx.save_case(row._replace(version=version))
        with pytest.raises(Conflict):
            await tx.save_case(row._replace(version=3))

    await store.commit(unit)
    assert case(wrapped_key=None, sealed=None, version=3) == await get(store, "find_case", "c1")


async def test_a_case_in_which_we_ask_is_found_by_thread_partner_and_state(store: Store) -> None:
    """Its reference comes back, and that of nothing else: not of another State, side or state."""
    rows = [case(f"c{at}", thread=f"t{at}", side="requesting", partner="XBB", state="DRAFT") for at in range(5)]
    rows[1], rows[2] = rows[1]._replace(state="CLOSED"), rows[2]._replace(state="SENT")
    rows[3], rows[4] = rows[3]._replace(partner="XCC"), rows[4]._replace(side="requested")
    await put(store, *(("save_case", row) for row in rows))
    found = [await get(store, "find_asked", "XBB", f"t{at}", ["DRAFT", "CLOSED"]) for at in range(6)]
    assert ["c0", "c1", None, None, None, None] == found


async def test_bare_case_comes_back(store: Store) -> None:
    """A case with every optional column empty comes back as it was saved."""
    optional = ("officer", "step", "instrument", "calendar", "due_on", "due_at", "wrapped_key", "sealed")
    changes: dict[str, Any] = dict.fromkeys(optional)
    bare = case(**changes)
    await put(store, ("save_case", bare))
    assert bare == await get(store, "find_case", "c1")


async def test_missing_rows_are_none(store: Store) -> None:
    """What is not stored is None or empty."""
    found = [
        await get(store, "find_case", "x"),
        await get(store, "find_thread", "XBB", "x"),
        await get(store, "find_inbound", "XBB", "x"),
        await get(store, "find_inbound_by_id", "XBB", "x"),
        await get(store, "find_inbound_by_envelope", b"x"),
        await get(store, "find_outbound", "XBB", "x"),
        await get(store, "find_outbound_by_digest", "XBB", "x"),
        await get(store, "find_partner", "XCC"),
        await get(store, "log_head", "XCC"),
        await get(store, "find_log_entry", "XBB", "issued", "x"),
        await get(store, "find_meta", "x"),
    ]
    assert [None] * len(found) == found
    for name in ("events", "accesses", "inbound_of_case", "outbound_of_case", "log_entries", "threads"):
        assert not await get(store, name, "x")


async def test_next_version_is_saved(store: Store) -> None:
    """A case of the next version replaces the stored one, its key too."""
    later = case(version=2, state="ANSWERED", sealed=b"other", wrapped_key=b"rewrapped", closed_at=NOW, extended=True)
    await put(store, ("save_case", case()), ("save_case", later))
    assert later == await get(store, "find_case", "c1")


@pytest.mark.parametrize(
    ("column", "value"),
    {
        "side": "requested",
        "partner": "XCC",
        "thread": "thread-other",
        "state": "ANSWERED",
        "officer": "other",
        "step": "other",
        "instrument": "other",
        "calendar": "other",
        "due_on": date(2031, 2, 3),
        "due_at": NOW + timedelta(days=9),
        "reminders": 7,
        "extended": True,
        "delay_notice": False,
        "opened_at": NOW - timedelta(days=1),
        "changed_at": NOW + timedelta(days=1),
        "closed_at": NOW,
        "words": 2,
        "wrapped_key": b"rewrapped",
        "sealed": b"other",
    }.items(),
)
async def test_each_column_of_a_case_is_saved_alone(store: Store, column: str, value: object) -> None:
    """What changed is stored, and everything else stays, whichever column it is."""
    later = case(version=2, **{column: value})
    assert later != case(version=2), "the value is the one that stands"
    await put(store, ("save_case", case()), ("save_case", later))
    assert later == await get(store, "find_case", "c1")
    back = case(version=3)
    await put(store, ("save_case", back))
    assert back == await get(store, "find_case", "c1")


@pytest.mark.parametrize("version", [1, 3])
async def test_other_version_is_a_conflict(store: Store, version: int) -> None:
    """A case of any version but the next is refused."""
    await put(store, ("save_case", case()))
    with pytest.raises(Conflict):
        await put(store, ("save_case", case(version=version)))


async def test_thread_of_another_case_is_a_conflict(store: Store) -> None:
    """Two cases cannot share a thread of one partner, whatever else of the second is stored in the same unit."""
    await put(store, ("save_case", case()), ("save_thread", thread(ref=None)), ("save_thread", thread(ref="c1")))
    with pytest.raises(Conflict):
        await put(store, ("save_case", case("c2", thread="thread-c1")), ("save_thread", thread(ref="c2")))
    with pytest.raises(Conflict):
        await put(store, ("save_thread", thread(ref=None)))
    assert ("c1", None) == (
        (await get(store, "find_thread", "XBB", "thread-c1")).ref,
        await get(store, "find_case", "c2"),
    )


async def test_key_is_not_dropped_by_a_save(store: Store) -> None:
    """A save without the key is refused: only an erasure drops it."""
    await put(store, ("save_case", case()))
    with pytest.raises(BrokenUnit):
        await put(store, ("save_case", case(version=2, wrapped_key=None)))


async def test_cases_by_state(store: Store) -> None:
    """Cases of some states come soonest due first, those without a due date last."""
    rows = [
        case("a", due_at=None),
        case("b", state="ASKED", due_at=NOW + timedelta(days=2)),
        case("c", due_at=NOW + timedelta(days=1)),
        case("d", state="CLOSED"),
        case("e", due_at=NOW + timedelta(days=3)),
    ]
    await put(store, *(("save_case", row) for row in rows))
    found = await get(store, "cases", states=("RECEIVED", "ASKED"))
    assert ["c", "b", "e", "a"] == [row.ref for row in found]
    assert ["c", "b"] == [row.ref for row in await get(store, "cases", states=("RECEIVED", "ASKED"), limit=2)]
    assert ["d"] == [row.ref for row in await get(store, "cases", states=("CLOSED",))]


async def test_cases_behind_a_place(store: Store) -> None:
    """A list is continued after its last row, with and without a due date, also where that row has moved since."""
    due = {"a": None, "b": NOW + timedelta(days=2), "c": NOW + timedelta(days=1), "d": None}
    rows = [case(name, due_at=due_at) for name, due_at in due.items()]
    await put(store, *(("save_case", row) for row in rows))
    found, last = [], None
    while page := await get(store, "cases", states=("RECEIVED",), limit=1, after=last):
        found, last = [*found, page[0].ref], page[0]
        await put(store, ("save_case", last._replace(state="CLOSED", version=2)))
    assert ["c", "b", "a", "d"] == found


async def test_events_come_in_order(store: Store) -> None:
    """The steps of a case come back in order."""
    steps = [event(), event(event="ANSWER", digest=None, sealed=None)]
    await put(store, ("save_case", case()), *(("add_event", step) for step in steps))
    assert tuple(steps) == await get(store, "events", "c1")


async def test_events_after_one_are_told_by_their_number(store: Store) -> None:
    """Which steps of a case came after the last one of any case, no clock says."""
    await put(store, ("save_case", case()), ("save_case", case("c2")))
    assert 0 == await get(store, "last_event")
    await put(store, ("add_event", event()), ("add_event", event("c2")))
    last = await get(store, "last_event")
    await put(store, ("add_event", event(event="ANSWER", at=NOW - timedelta(days=1))))
    assert ["ANSWER"] == [step.event for step in await get(store, "events", "c1", last)]


async def test_a_store_knows_how_far_it_has_come(store: Store) -> None:
    """A step, a message of ours and an entry of a log each raise it, in either dialect, and nothing takes it back."""
    found = [await get(store, "extent")]
    await put(store, ("save_case", case()), ("add_event", event()))
    found.append(await get(store, "extent"))
    await put(store, ("save_outbound", outbound()))
    found.append(await get(store, "extent"))
    await store.commit(lambda tx: tx.save_log_head("XBB", EMPTY_LOG))
    await store.commit(accept("m1"))
    found.append(await get(store, "extent"))
    await put(store, ("erase_case", "c1"))
    found.append(await get(store, "extent"))
    assert [0, 1, 2, 3, 3] == found


async def test_event_needs_its_case(store: Store) -> None:
    """A step of a case that is not stored is refused."""
    with pytest.raises(BrokenUnit):
        await put(store, ("add_event", event("nowhere")))


async def test_threads_are_saved_anew(store: Store) -> None:
    """A thread comes back as last saved, alone and in the list of its partner."""
    ended = thread(in_seq=9, ended="withdrawn", seen=None)
    await put(store, ("save_thread", thread()), ("save_thread", ended), ("save_thread", thread(partner="XCC")))
    assert ended == await get(store, "find_thread", "XBB", "thread-c1")
    assert (ended,) == await get(store, "threads", "XBB")


async def test_threads_count_from_an_epoch(store: Store) -> None:
    """What a State said in lower epochs counts as said in that one; a thread it said nothing in stays as it is."""
    rows = {id: thread(ref=None, thread=id, in_epoch=epoch) for id, epoch in zip("abcd", (0, 1, 4, 5), strict=True)}
    await put(store, *(("save_thread", row) for row in rows.values()), ("save_thread", thread(partner="XCC")))

    async def unit(tx: Tx) -> ThreadRow | None:
        await tx.find_thread("XBB", "b")
        await tx.count_from("XBB", 4)
        return await tx.find_thread("XBB", "b")

    assert rows["b"]._replace(in_epoch=4) == (await store.commit(unit)).value
    assert [0, 4, 4, 5] == [row.in_epoch for row in await get(store, "threads", "XBB")]
    assert (thread(partner="XCC"),) == await get(store, "threads", "XCC")


async def test_inbound_is_found_three_ways(store: Store) -> None:
    """A received message is found by digest, by id and by envelope, and in its case."""
    await put(store, ("add_inbound", inbound()))
    assert inbound() == await get(store, "find_inbound", "XBB", "digest-m1")
    assert inbound() == await get(store, "find_inbound_by_id", "XBB", "id-m1")
    assert inbound() == await get(store, "find_inbound_by_envelope", digest("m1"))
    assert (inbound(),) == await get(store, "inbound_of_case", "c1")
    for last in (None, 1):
        assert (inbound(sealed=None),) == await get(store, "inbound_of_case", "c1", last, bare=True)


async def test_refused_inbound_comes_back(store: Store) -> None:
    """A refused message without thread or case comes back as it was saved."""
    refused = inbound(thread=None, seq=None, ref=None, sealed=None, status="refused", code="stale")
    await put(store, ("add_inbound", refused))
    assert refused == await get(store, "find_inbound", "XBB", "digest-m1")


async def test_inbound_is_stored_once(store: Store) -> None:
    """A second message with the same digest is a conflict, whatever its id."""
    await put(store, ("add_inbound", inbound()))
    with pytest.raises(Conflict):
        await put(store, ("add_inbound", inbound(id="other")))


async def test_first_message_of_an_id_is_found(store: Store) -> None:
    """A message that uses an old id is kept beside the first, which stays the one found by that id."""
    await put(store, ("add_inbound", inbound()), ("add_inbound", inbound(digest="other", status="refused")))
    found: Any = await get(store, "find_inbound_by_id", "XBB", inbound().id)
    assert inbound().digest == found.digest


async def test_inbound_is_saved_anew(store: Store) -> None:
    """A stored message may change; one that is not stored is a conflict."""
    changed = inbound(answer=b"answer")
    await put(store, ("add_inbound", inbound()), ("save_inbound", changed))
    assert changed == await get(store, "find_inbound", "XBB", "digest-m1")
    with pytest.raises(Conflict):
        await put(store, ("save_inbound", inbound("m2")))


async def test_outbound_is_saved_anew(store: Store) -> None:
    """A message to send comes back as last saved, fractions of its next try included."""
    sent = outbound(
        state="receipted",
        envelope=b"re-sealed",
        next_try_at=NOW + timedelta(seconds=1.25),
        attempts=2,
        posted_at=NOW,
        answered_at=NOW,
        status="accepted",
        answer=b"answer",
    )
    await put(store, ("save_outbound", outbound()), ("save_outbound", sent))
    assert sent == await get(store, "find_outbound", "XBB", "id-m1")
    assert sent == await get(store, "find_outbound_by_digest", "XBB", "digest-m1")
    assert (sent,) == await get(store, "outbound_of_case", "c1")


async def test_what_never_left_a_case_is_found_alone(store: Store) -> None:
    """Of the messages of a case those that are queued are asked for in the order in which they were put there."""
    states = ("queued", "posted", "receipted", "queued", "dropped")
    rows = [outbound(f"m{seq}", seq=seq, state=state) for seq, state in enumerate(states)]
    await put(store, *(("save_outbound", row) for row in (*rows, outbound("other", ref="c2"))))
    assert (rows[0], rows[3]) == await get(store, "queued_of_case", "c1")


async def test_a_unit_sees_where_it_left_a_thread(store: Store) -> None:
    """A thread that a unit has read, or found not to be there, stands for it as it saved it since."""

    async def unit(tx: Tx) -> list[ThreadRow | None]:
        found = [await tx.find_thread("XBB", "t1")]
        for seq in (1, 2):
            await tx.save_thread(ThreadRow("XBB", "t1", "c1", out_epoch=1, out_seq=seq))
            found.append(await tx.find_thread("XBB", "t1"))
        return found

    seen = (await store.commit(unit)).value
    assert [None, 1, 2] == [row and row.out_seq for row in seen]
    assert seen[-1] == await get(store, "find_thread", "XBB", "t1")


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "other"},
        {"thread": None},
        {"epoch": 9},
        {"seq": 9},
        {"type": "other"},
        {"ref": None},
        {"queued_at": NOW - timedelta(seconds=1)},
        {"not_before": NOW + timedelta(seconds=1)},
        {"expires_at": NOW + timedelta(days=99)},
    ],
    ids=str,
)
async def test_a_message_to_send_says_what_it_said(store: Store, other: dict[str, Any]) -> None:
    """Nobody saves under an id of a message another one: digest, place, type, case and its instants stay."""
    await put(store, ("save_outbound", outbound()))
    with pytest.raises(BrokenUnit):
        await put(store, ("save_outbound", outbound(state="posted", **other)))
    assert outbound() == await get(store, "find_outbound", "XBB", "id-m1")


async def test_a_message_is_saved_anew_by_the_unit_that_read_it(store: Store) -> None:
    """Also of a message that the same unit has read, other bytes are kept, and it says what it said."""
    await put(store, ("save_outbound", outbound()))

    async def unit(tx: Tx) -> None:
        (row,) = await tx.due_outbound(NOW, 9, "XBB")
        await tx.save_outbound(row._replace(state="posted", envelope=b"re-sealed"))
        await tx.save_outbound(row._replace(state="posted", attempts=1))
        with pytest.raises(BrokenUnit):
            await tx.save_outbound(row._replace(seq=9))
        found = await tx.find_outbound("XBB", "id-m1")
        assert found == row._replace(state="posted", attempts=1)
        await tx.save_outbound(found._replace(state="receipted", envelope=None))

    await store.commit(unit)
    last = outbound(state="receipted", attempts=1, envelope=None)
    assert last == await get(store, "find_outbound", "XBB", "id-m1")


async def test_a_message_is_found_again_without_its_bytes(store: Store) -> None:
    """How it stands is read anew, and saving it leaves the bytes in the store as they are by then."""
    known = outbound()
    await put(store, ("save_outbound", known))
    await put(store, ("save_outbound", known._replace(state="posted", attempts=2, envelope=b"re-sealed")))

    async def unit(tx: Tx) -> None:
        found = await tx.find_outbound_again(known)
        assert found == known._replace(state="posted", attempts=2)
        await tx.save_outbound(found._replace(state="receipted"))
        assert await tx.find_outbound_again(outbound("none")) is None

    await store.commit(unit)
    last = known._replace(state="receipted", attempts=2, envelope=b"re-sealed")
    assert last == await get(store, "find_outbound", "XBB", "id-m1")


async def test_outbound_since(store: Store) -> None:
    """Messages that could leave since an instant come in the order of queueing, those to another partner apart."""
    days = [NOW + timedelta(days=day) for day in range(4)]
    rows = [outbound(str(day), queued_at=days[day], not_before=days[day]) for day in (3, 1, 2)]
    rows += [outbound("day", not_before=days[2]), outbound("x", partner="XCC", not_before=days[3])]
    await put(store, *(("save_outbound", row) for row in rows))
    found = await get(store, "outbound_since", "XBB", days[2])
    assert ["id-day", "id-2", "id-3"] == [row.id for row in found]


async def test_outbound_since_is_read_in_portions(store: Store) -> None:
    """Each begins behind the last message of the one before, also where many were queued in one second."""
    days = [NOW + timedelta(days=day) for day in range(4)]
    rows = [outbound(f"plan{one}", not_before=days[3]) for one in range(3)]
    rows += [outbound(f"{one}", queued_at=days[1], not_before=days[1]) for one in range(3)]
    rows += [outbound("last", queued_at=days[2], not_before=days[2]), outbound("x", partner="XCC", queued_at=days[2])]
    await put(store, *(("save_outbound", row) for row in rows))
    for limit in (1, 2, 3, 4, 7):
        found, last = list[OutboundRow](), None
        while part := await get(store, "outbound_since", "XBB", days[1], last, limit):
            assert len(part) == min(limit, 7 - len(found))
            found, last = [*found, *part], part[-1]
        assert ["plan0", "plan1", "plan2", "0", "1", "2", "last"] == [row.id.removeprefix("id-") for row in found]


async def test_partner_comes_back(store: Store) -> None:
    """What is known of a partner comes back as last saved."""
    known = PartnerRow("XBB", 3, NOW, "identity", b"card", NOW, 2)
    await put(store, ("save_partner", PartnerRow("XBB", 0, None, None, None, None, 0)), ("save_partner", known))
    assert known == await get(store, "find_partner", "XBB")


async def test_the_end_of_each_card_held_tells_which_it_is(store: Store) -> None:
    """By country, and of a card that is no longer the whole; a State without one has none."""
    long = bytes(range(250)) * 200
    cards = {"XBB": b"card", "XCC": None, "XDD": long, "XEE": b""}
    rows = [PartnerRow(country, 0, None, None, card, NOW, 2) for country, card in cards.items()]
    await put(store, *(("save_partner", row) for row in rows))
    assert {"XBB": b"card", "XDD": long[-86:], "XEE": b""} == await get(store, "card_ends")


NO_VALUES = {"NUL": "a\x00", "half a pair": "a\ud800", "an undecoded byte": "a\udcff"}


@pytest.mark.parametrize("text", NO_VALUES.values(), ids=NO_VALUES)
async def test_what_no_store_can_hold_is_refused_as_that(store: Store, text: str) -> None:
    """Looked for or written, in every dialect alike; it is no fault, and what the unit wrote before is not there."""
    for name in ("find_case", "find_partner", "find_meta", "outbound_of_case", "metas"):
        with pytest.raises(BadValue):
            await get(store, name, text)
        with pytest.raises(BadValue):
            await put(store, (name, text))
    with pytest.raises(BadValue):
        await put(store, ("save_case", case("a")), ("save_case", case("b", officer=text)))
    assert None is await get(store, "find_case", "a")


async def test_a_number_that_no_store_can_hold_is_refused_as_that(store: Store) -> None:
    """Beyond 64 bits on either side."""
    for number in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(BadValue):
            await get(store, "trust_events", number)
    assert () == await get(store, "trust_events", (1 << 63) - 1)


async def test_accesses_come_in_order(store: Store) -> None:
    """Looks at a case come back in order."""
    looks = [AccessRow("c1", NOW, "p2", "show", "review", None), AccessRow("c1", NOW, "p1", "export", "court", "court")]
    await put(store, *(("add_access", look) for look in looks))
    assert tuple(looks) == await get(store, "accesses", "c1")


async def test_meta_is_saved_anew(store: Store) -> None:
    """A named value comes back as last set."""

    async def unit(tx: Tx) -> None:
        await tx.set_meta("epoch", "1")
        await tx.set_meta("epoch", "2")

    await store.commit(unit)
    assert "2" == await get(store, "find_meta", "epoch")


async def test_what_is_forgotten_is_not_found_by_who_forgot_it(store: Store) -> None:
    """A unit that read a value, and drops it, finds none afterwards."""

    async def unit(tx: Tx) -> tuple[str | None, str | None]:
        await tx.set_meta("a", "1")
        before = await tx.find_meta("a")
        await tx.drop_meta("a")
        return before, await tx.find_meta("a")

    assert ("1", None) == (await store.commit(unit)).value


async def test_meta_is_found_by_how_its_name_begins(store: Store) -> None:
    """Named values come back by the beginning of their names, in the order of these, and go one by one."""
    names = ("a:", "a:B", "a:b", "a:Z:1", "a", "a;", "b:a:", "A:b")

    async def unit(tx: Tx) -> None:
        for name in names:
            await tx.set_meta(name, f"of {name}")

    await store.commit(unit)
    found = await get(store, "metas", "a:")
    assert [(name, f"of {name}") for name in ("a:", "a:B", "a:Z:1", "a:b")] == list(found)
    await put(store, ("drop_meta", "a:B"), ("drop_meta", "a:B"), ("drop_meta", "nobody"))
    assert ["a:", "a:Z:1", "a:b"] == [name for name, _ in await get(store, "metas", "a:")]
    assert () == tuple(await get(store, "metas", "c:"))


async def test_instant_without_zone_is_refused(store: Store) -> None:
    """A naive instant is refused rather than read in the machine's zone."""
    with pytest.raises(BrokenUnit):
        await put(store, ("save_case", case(opened_at=datetime(2026, 1, 1))))


# Delivery


async def due(store: Store, after_s: float = 0, limit: int = 10, partner: str = "XBB") -> list[str]:
    """Return the names of the messages due some seconds from now."""
    rows = await get(store, "due_outbound", NOW + timedelta(seconds=after_s), limit, partner)
    return [row.id.removeprefix("id-") for row in rows]


async def test_due_outbound_stops_and_waits(store: Store) -> None:
    """Only the first waiting number of each thread is due, those of an earlier epoch before those of a later one."""
    rows = [
        outbound("1", seq=1, state="posted"),
        outbound("2", seq=2),
        outbound("other thread", thread="t2", seq=5),
        outbound("later epoch", epoch=2, seq=1),
        outbound("other thread of a later epoch", thread="t3", epoch=2, seq=1),
        outbound("no thread", thread=None, seq=None),
    ]
    await put(store, *(("save_outbound", row) for row in rows))
    assert {"1", "other thread", "other thread of a later epoch", "no thread"} == set(await due(store))


@pytest.mark.parametrize("type", ["suspension", "return.take-back"])
async def test_word_of_a_stop_passes_what_was_never_posted_in_an_epoch_before(store: Store, type: str) -> None:
    """It waits for what was posted, in any epoch, and for what stands before it in its own."""
    rows = [
        outbound("never posted", thread="t1", seq=7),
        outbound("stop", thread="t1", epoch=2, seq=1, type=type),
        outbound("posted", thread="t2", seq=7, state="posted"),
        outbound("stop behind it", thread="t2", epoch=2, seq=1, type=type),
        outbound("first", thread="t3", epoch=2, seq=1),
        outbound("stop behind that", thread="t3", epoch=2, seq=2, type=type),
    ]
    await put(store, *(("save_outbound", row) for row in rows))
    assert {"never posted", "stop", "posted", "first"} == set(await due(store))


@pytest.mark.parametrize("state", ["receipted", "refused", "dropped", "undelivered"])
async def test_answered_number_frees_the_next(store: Store, state: str) -> None:
    """Number n+1 is due once n waits no more."""
    await put(store, ("save_outbound", outbound("1", seq=1, state=state)), ("save_outbound", outbound("2", seq=2)))
    assert ["2"] == await due(store)


@pytest.mark.parametrize("column", ["not_before", "next_try_at"])
async def test_due_outbound_waits_for_its_time(store: Store, column: str) -> None:
    """A message is not due before both of its instants."""
    await put(store, ("save_outbound", outbound("1", **{column: NOW + timedelta(seconds=60)})))
    assert [] == await due(store, 59)
    assert ["1"] == await due(store, 60)


async def test_due_outbound_of_a_partner(store: Store) -> None:
    """Only messages to the partner asked for are due, the longest due first, up to the limit."""
    early = NOW - timedelta(hours=1)
    rows = [
        outbound("late", next_try_at=NOW - timedelta(seconds=5), thread="a", not_before=early),
        outbound("later", next_try_at=NOW - timedelta(seconds=1), thread="b", not_before=early),
        outbound("latest", next_try_at=NOW - timedelta(seconds=9), thread="c", partner="XCC", not_before=early),
    ]
    await put(store, *(("save_outbound", row) for row in rows))
    assert ["late", "later"] == await due(store)
    assert ["late"] == await due(store, limit=1)
    assert ["latest"] == await due(store, partner="XCC")
    assert [] == await due(store, partner="XDD")


async def test_collectable_outbound_is_in_the_order_of_queueing(store: Store) -> None:
    """However often it was fetched, the first queued comes first; what is not due, or of another partner, does not."""
    rows = [
        outbound("fetched", thread="a", next_try_at=NOW - timedelta(seconds=1)),
        outbound("newer", thread="b", next_try_at=NOW - timedelta(seconds=9)),
        outbound("waits", thread="c", next_try_at=NOW + timedelta(seconds=1)),
        outbound("other", thread="d", partner="XCC"),
    ]
    await put(store, *(("save_outbound", row) for row in rows))
    found = await get(store, "collectable_outbound", NOW, 10, "XBB")
    assert ["id-fetched", "id-newer"] == [row.id for row in found]


async def test_what_would_wait_too_long_is_hastened(store: Store) -> None:
    """What would be tried later than anything may wait is tried now; what has a time of its own still waits."""
    far, latest = NOW + timedelta(days=365), NOW + timedelta(hours=2)
    await put(
        store,
        ("save_outbound", outbound("ahead", thread="t1", state="posted", next_try_at=far)),
        ("save_outbound", outbound("bound", thread="t2", next_try_at=far, not_before=NOW + timedelta(days=1))),
        ("save_outbound", outbound("soon", thread="t3", next_try_at=latest)),
        ("save_outbound", outbound("done", thread="t4", state="receipted", next_try_at=far)),
    )
    assert (await store.commit(lambda tx: tx.hasten_outbound(NOW, latest, latest))).value == 2
    assert [row.id for row in await get(store, "due_outbound", NOW, 9, "XBB")] == ["id-ahead"]
    assert (await get(store, "find_outbound", "XBB", "id-done")).next_try_at == far


async def test_what_is_dated_too_far_ahead_does_not_wait_for_that_day(store: Store) -> None:
    """What a clock far ahead queued is bound to no instant of its own; dated a little ahead, it waits so long."""
    far, near = NOW + timedelta(days=30), NOW + timedelta(minutes=10)
    hour = NOW + timedelta(hours=1)
    await put(
        store,
        ("save_outbound", outbound("far", thread="t1", queued_at=far, not_before=far, next_try_at=far)),
        ("save_outbound", outbound("tried", thread="t2", queued_at=far, not_before=far, next_try_at=NOW)),
        ("save_outbound", outbound("plan", thread="t3", queued_at=NOW, not_before=far, next_try_at=far)),
        ("save_outbound", outbound("near", thread="t4", queued_at=near, not_before=near, next_try_at=near)),
        ("save_outbound", outbound("left", thread="t5", state="posted", not_before=far, next_try_at=NOW)),
    )
    await store.commit(lambda tx: tx.hasten_outbound(NOW, NOW, hour))
    assert ["id-far", "id-tried", "id-left"] == [row.id for row in await get(store, "due_outbound", NOW, 9, "XBB")]


async def test_what_is_bound_to_too_late_an_instant_is_let_go(store: Store) -> None:
    """Of one type what was never posted, and may not leave before an instant that is too late, leaves at another."""
    far, latest = NOW + timedelta(days=1), NOW + timedelta(hours=1)
    await put(
        store,
        ("save_outbound", outbound("far", thread="t1", type="suspension", next_try_at=far, not_before=far)),
        ("save_outbound", outbound("soon", thread="t2", type="suspension", next_try_at=latest, not_before=latest)),
        ("save_outbound", outbound("plan", thread="t3", next_try_at=far, not_before=far)),
    )
    assert 1 == (await store.commit(lambda tx: tx.hasten_bound("suspension", NOW, latest))).value
    assert ["id-far"] == [row.id for row in await get(store, "due_outbound", NOW, 9, "XBB")]


async def test_what_waits_for_a_partner(store: Store) -> None:
    """Everything without an answer waits, whenever it was queued and may leave, in the order of queueing."""
    late = NOW + timedelta(days=400)
    await put(
        store,
        ("save_outbound", outbound("plan", thread="t1", next_try_at=late, not_before=late)),
        ("save_outbound", outbound("posted", thread="t2", state="posted")),
        ("save_outbound", outbound("done", thread="t3", state="receipted")),
        ("save_outbound", outbound("dropped", thread="t4", state="dropped")),
        ("save_outbound", outbound("other", thread="t5", partner="XCC")),
    )
    waiting = await get(store, "waiting_outbound", "XBB")
    assert ["id-plan", "id-posted"] == [row.id for row in waiting]
    assert ["id-plan"] == [row.id for row in await get(store, "waiting_outbound", "XBB", None, 1)]
    assert ["id-posted"] == [row.id for row in await get(store, "waiting_outbound", "XBB", waiting[0], 1)]
    assert () == await get(store, "waiting_outbound", "XBB", waiting[1], 1)


async def test_what_waits_in_one_thread_or_in_none(store: Store) -> None:
    """It is read by itself: of all that waits there may be more than there is memory."""
    await put(
        store,
        ("save_outbound", outbound("a", thread="t1")),
        ("save_outbound", outbound("b", thread="t1", seq=2, state="posted", ref=None)),
        ("save_outbound", outbound("c", thread="t2", ref=None)),
        ("save_outbound", outbound("d", thread="t1", seq=3, state="receipted")),
        ("save_outbound", outbound("e", thread=None, seq=None, ref=None)),
        ("save_outbound", outbound("f", thread=None, seq=None, ref=None, partner="XCC")),
    )
    assert ["id-a", "id-b"] == [row.id for row in await get(store, "waiting_in", "XBB", "t1")]
    assert ["id-e"] == [row.id for row in await get(store, "waiting_in", "XBB", None)]
    assert [2, 1, 0] == [await get(store, "count_of_nothing", *one) for one in (("XBB", 9), ("XBB", 1), ("XCC", 9))]


async def test_what_was_posted_in_vain_is_hastened_for_one_partner(store: Store) -> None:
    """What was posted and would be tried later than an instant is tried at another; the rest keeps its time."""
    far, at, latest = NOW + timedelta(hours=1), NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    await put(
        store,
        ("save_outbound", outbound("vain", thread="t1", state="posted", next_try_at=far)),
        ("save_outbound", outbound("leased", thread="t2", state="posted", next_try_at=latest)),
        ("save_outbound", outbound("queued", thread="t3", next_try_at=far)),
        ("save_outbound", outbound("done", thread="t4", state="receipted", next_try_at=far)),
        ("save_outbound", outbound("other", thread="t5", partner="XCC", state="posted", next_try_at=far)),
    )
    assert (await store.commit(lambda tx: tx.hasten_posted("XBB", at, latest))).value == 1
    assert [] == list(await get(store, "due_outbound", at - timedelta(seconds=1), 9, "XBB"))
    assert ["id-vain"] == [row.id for row in await get(store, "due_outbound", at, 9, "XBB")]


async def test_partners_due(store: Store) -> None:
    """A partner is due from when a message to it may be tried that waits for no other."""
    rows = [
        outbound("head", seq=1, state="posted", next_try_at=NOW + timedelta(seconds=30.5)),
        outbound("follower", seq=2),
        outbound("held", partner="XCC", not_before=NOW + timedelta(seconds=90)),
        outbound("done", partner="XDD", state="receipted"),
    ]
    assert not await get(store, "partners_due", NOW)
    await put(store, *(("save_outbound", row) for row in rows))
    assert not await get(store, "partners_due", NOW + timedelta(seconds=30))
    assert ["XBB"] == list(await get(store, "partners_due", NOW + timedelta(seconds=31)))
    assert ["XBB", "XCC"] == sorted(await get(store, "partners_due", NOW + timedelta(seconds=90)))


async def test_expired_outbound(store: Store) -> None:
    """Waiting messages past their expiry are listed, the oldest first, without their bytes."""
    rows = [
        outbound("b", expires_at=NOW - timedelta(seconds=1), state="posted"),
        outbound("a", expires_at=NOW - timedelta(seconds=9)),
        outbound("done", expires_at=NOW - timedelta(seconds=9), state="receipted"),
        outbound("live", expires_at=NOW),
    ]
    await put(store, *(("save_outbound", row) for row in rows))
    found = await get(store, "expired_outbound", NOW, 10)
    assert [("id-a", None, None), ("id-b", None, None)] == [(row.id, row.envelope, row.sealed) for row in found]


# Figures


async def test_figures_of_erased_cases_are_kept(store: Store) -> None:
    """What is kept of erased cases is read again, but not in the order of the erasures, which would lead to them."""
    courses = [f'{{"number":{number}}}' for number in range(30)]
    await put(store, *(("add_figure", course) for course in courses))
    found = await get(store, "kept_figures")
    assert (sorted(courses), False) == (sorted(found), list(found) == courses)
    await store.commit(lambda tx: tx.drop_figures())
    assert () == tuple(await get(store, "kept_figures"))


async def test_release_is_entered_once(store: Store) -> None:
    """A table is in the ledger as it was shown, and the same one for the same period is not entered again."""
    row = ReleaseRow(0, NOW, "answers", "requesting", "2026", "watch", None, "{}")
    other = row._replace(direction="requested", second="board")
    await put(store, ("add_release", row), ("add_release", other))
    assert (row._replace(number=1), other._replace(number=2)) == await get(store, "releases")
    with pytest.raises(Conflict):
        await put(store, ("add_release", row))


# Retention


async def test_purge_answers(store: Store) -> None:
    """Answers go a while after their message expired, the oldest first, so many at once; ids and digests stay."""
    rows = [
        inbound("old", expires_at=NOW - timedelta(seconds=301), answer=b"a"),
        inbound("new", expires_at=NOW - timedelta(seconds=300), answer=b"a"),
        inbound("older", expires_at=NOW - timedelta(seconds=302), answer=b"a"),
    ]
    bare = [row._replace(answer=None) for row in rows]
    await put(store, *(("add_inbound", row) for row in rows))
    left = []
    for _ in range(3):
        went = (await store.commit(lambda tx: tx.purge_answers(NOW, 300, 1))).value
        left.append((went, [await get(store, "find_inbound", "XBB", row.digest) for row in rows]))
    assert [(1, [*rows[:2], bare[2]]), (1, [bare[0], rows[1], bare[2]])] == left[:2]
    assert (0, left[1][1]) == left[2]


async def test_purge_collects(store: Store) -> None:
    """Accepted ones that are over go, so many at once: none in a log, nothing else, and not what came last of all."""
    over, bare = NOW - timedelta(seconds=1), {"thread": None, "seq": None, "ref": None, "sealed": None}
    how: dict[str, dict[str, Any]] = {
        "older": {"expires_at": over - timedelta(seconds=1)},
        "old": {},
        "again": {"code": "id-reuse"},
        "refused": {"status": "refused", "code": "expired"},
        "other": {"type": "directory"},
        "new": {"expires_at": NOW},
        "last": {},
    }
    rows = [inbound(name, **{"type": "collect", "expires_at": over, **bare, **one}) for name, one in how.items()]
    await put(store, *(("add_inbound", row) for row in rows))
    left = []
    for _ in range(3):
        went = (await store.commit(lambda tx: tx.purge_collects(NOW, 1))).value
        left.append((went, [one.id[3:] for one in await get(store, "traces", "inbound", 0, 10)]))
    names = list(how)
    assert [(1, names[1:]), (1, names[2:]), (0, names[2:])] == left


async def test_purge_envelopes(store: Store) -> None:
    """Envelopes of messages done with that could leave before an instant go, so many at once; the row stays."""
    old, recent = NOW - timedelta(days=31), NOW - timedelta(days=29)
    older = old - timedelta(seconds=1)
    rows = [
        outbound("done", state="receipted", queued_at=old, not_before=old),
        outbound("before", state="refused", queued_at=older, not_before=older),
        outbound("waiting", state="posted", queued_at=old, not_before=old),
        outbound("recent", state="receipted", queued_at=recent, not_before=recent),
        outbound("day", state="receipted", queued_at=old, not_before=recent),
    ]

    await put(store, *(("save_outbound", row) for row in rows))
    left = []
    for _ in range(3):
        went = (await store.commit(lambda tx: tx.purge_envelopes(NOW - timedelta(days=30), 1))).value
        found = [await get(store, "find_outbound", "XBB", row.id) for row in rows]
        assert [row._replace(envelope=None) for row in rows] == [row._replace(envelope=None) for row in found]
        left.append((went, [row.id for row, one in zip(rows, found, strict=True) if one == row]))
    names = [row.id for row in rows]
    assert [(1, [names[0], *names[2:]]), (1, names[2:]), (0, names[2:])] == left


async def test_purge_takes_the_bytes_of_a_message_of_no_case(store: Store) -> None:
    """What is kept of a message of no case, to seal it anew, goes with its envelope and not before."""
    old = NOW - timedelta(days=31)
    rows = [
        outbound("done", ref=None, state="receipted", queued_at=old, not_before=old),
        outbound("waiting", ref=None, state="posted", queued_at=old, not_before=old),
    ]
    await put(store, *(("save_outbound", row) for row in rows))
    assert Committed(1, None) == await store.commit(lambda tx: tx.purge_envelopes(NOW - timedelta(days=30), 9))
    found = [await get(store, "find_outbound", "XBB", row.id) for row in rows]
    assert [rows[0]._replace(envelope=None, sealed=None), rows[1]] == found


async def test_large_cases_come_a_few_at_a_time(store: Store) -> None:
    """Whoever goes through cases with images has some megabytes of them at once, however many there are."""
    refs = [f"c{number}" for number in range(7)]

    async def fill(tx: Tx) -> None:
        for ref in refs:
            await tx.save_case(case(ref, sealed=bytes(3 << 20), state=("RECEIVED", "CLOSED")[ref > "c4"]))

    await store.commit(fill)
    found, sizes, last = list[str](), list[int](), None
    for _ in range(9):
        rows = await store.read(lambda tx: tx.cases(states=("RECEIVED", "CLOSED"), limit=200, after=last))  # noqa: B023  # at once
        if not rows:
            break
        found, last = [*found, *(row.ref for row in rows)], rows[-1]
        sizes.append(sum(len(row.sealed or b"") for row in rows))
    assert refs == found
    assert max(sizes) < 12 << 20
    assert ["c5", "c6"] == [row.ref for row in await store.read(lambda tx: tx.cases(states=("CLOSED",)))]


async def test_erasure_empties_a_case(store: Store) -> None:
    """An erasure drops the key and every sealed column of a case, and nothing of another."""
    kept = (case("c2"), event("c2"), inbound("k", ref="c2"), outbound("k", ref="c2"))
    await put(store, ("save_case", case(words=3)), ("add_event", event()), ("add_inbound", inbound(answer=b"answer")))
    await put(store, ("save_outbound", outbound(answer=b"answer")))
    names = ("save_case", "add_event", "add_inbound", "save_outbound")
    await put(store, *zip(names, kept, strict=True))
    await put(store, ("erase_case", "c1"))
    assert case(wrapped_key=None, sealed=None) == await get(store, "find_case", "c1")
    assert (event(sealed=None, digest=None),) == await get(store, "events", "c1")
    assert (inbound(sealed=None, answer=b"answer"),) == await get(store, "inbound_of_case", "c1")
    gone = outbound(sealed=None, envelope=None, answer=b"answer")
    assert (gone,) == await get(store, "outbound_of_case", "c1")
    assert kept[0] == await get(store, "find_case", "c2")
    assert (kept[3],) == await get(store, "outbound_of_case", "c2")
    assert ("c1",) == await get(store, "erased_refs")
    assert ("c2",) == await get(store, "not_erased", ["c2", "c1", "c3"])


async def test_erased_case_takes_its_next_version(store: Store) -> None:
    """An erased case may still be saved, without key and content."""
    last = case(version=2, state="ERASED", wrapped_key=None, sealed=None)
    await put(store, ("save_case", case()), ("erase_case", "c1"), ("save_case", last))
    assert last == await get(store, "find_case", "c1")


async def test_what_a_unit_erases_does_not_come_back_in_it(store: Store) -> None:
    """A unit that read a case and its message before it erased them cannot bring them back either."""
    await put(store, ("save_case", case()), ("save_outbound", outbound()))

    async def unit(tx: Tx) -> None:
        kept, sent = await tx.find_case("c1"), await tx.find_outbound("XBB", "id-m1")
        assert kept is not None
        assert sent is not None
        await tx.erase_case("c1")
        await tx.save_outbound(sent._replace(state="dropped"))
        with pytest.raises(Conflict):
            await tx.save_case(kept._replace(version=2))

    await store.commit(unit)
    gone = outbound(state="dropped", envelope=None, sealed=None)
    assert gone == await get(store, "find_outbound", "XBB", "id-m1")


async def test_erased_case_does_not_come_back(store: Store) -> None:
    """An older row in somebody's hands cannot bring back what was erased."""
    await put(store, ("save_case", case()), ("save_outbound", outbound()), ("add_inbound", inbound()))
    await put(store, ("erase_case", "c1"))
    with pytest.raises(Conflict):
        await put(store, ("save_case", case(version=2)))
    await put(store, ("save_outbound", outbound(state="posted")), ("save_inbound", inbound()), ("add_event", event()))
    message: OutboundRow = await get(store, "find_outbound", "XBB", "id-m1")
    assert (None, None) == (message.envelope, message.sealed)
    assert inbound(sealed=None) == await get(store, "find_inbound", "XBB", "digest-m1")
    assert (event(sealed=None, digest=None),) == await get(store, "events", "c1")


# Logs


async def test_log_head_moves_to_a_new_origin(store: Store) -> None:
    """After a new epoch the new log is appended to and the old one stays readable."""
    await store.commit(accept("m1"))
    later = LogHead("XAA/XBB/2", Frontier(0, ()), "")

    async def begin(tx: Tx) -> None:
        await tx.save_log_head("XBB", later)

    await store.commit(begin)
    await store.commit(accept("m2"))
    head = await get(store, "log_head", "XBB")
    assert ("XAA/XBB/2", 1, "checkpoint 1") == (head.origin, head.frontier.size, head.checkpoint)
    assert ("XAA/XBB/1", "XAA/XBB/2") == await get(store, "log_origins")
    assert "XAA/XBB/1" == (await get(store, "find_log_entry", "XBB", "issued", "digest-m1")).origin


async def test_log_entries_come_in_order(store: Store, signer: Signer) -> None:
    """The entries of a log come back in order, from a position, up to a limit."""
    for name in ("a", "b", "c", "d"):
        await store.commit(accept(name))
    names = [entry.digest for entry in await get(store, "log_entries", "XAA/XBB/1")]
    assert ["digest-a", "digest-b", "digest-c", "digest-d"] == names
    found = await get(store, "log_entries", "XAA/XBB/1", 1, 2)
    assert [(1, "digest-b"), (2, "digest-c")] == [(entry.index, entry.digest) for entry in found]
    assert (b"claims b", digest("r"), digest("digest-b"), NOW) == (
        found[0].receipt,
        found[0].r,
        found[0].leaf,
        found[0].at,
    )


async def test_frontier_comes_back(store: Store) -> None:
    """The frontier the store keeps is the one the signer made."""
    for name in ("a", "b", "c"):
        await store.commit(accept(name))
    expected = Frontier().append([digest(f"digest-{name}") for name in "abc"])
    assert LogHead("XAA/XBB/1", expected, "checkpoint 3") == await get(store, "log_head", "XBB")


# Group commit


async def test_value_and_answer_come_back(store: Store) -> None:
    """A unit's value and the answer of its first receipt come back; the answer is stored."""
    assert Committed("m1", b"answer claims m1") == await store.commit(accept("m1"))
    assert inbound(answer=b"answer claims m1") == await get(store, "find_inbound", "XBB", "digest-m1")


async def test_entered_receipt_has_no_answer(store: Store) -> None:
    """A receipt that is only entered makes an entry and no answer."""

    async def unit(tx: Tx) -> None:
        tx.draft(Draft("XBB", "theirs", claims=None, receipt=b"receipt"))

    assert Committed(None, None) == await store.commit(unit)
    assert b"receipt" == (await get(store, "find_log_entry", "XBB", "received", "theirs")).receipt


async def test_first_receipt_answers(store: Store) -> None:
    """The answer of a unit is that of its first receipt, behind drafts of other units and kinds."""

    async def unit(tx: Tx) -> None:
        tx.draft(Draft("XBB", "theirs", claims=None, receipt=b"receipt"))
        for name in ("m2", "m3"):
            await tx.add_inbound(inbound(name))
            tx.draft(receipt(name))

    _, committed = await asyncio.gather(store.commit(accept("m1")), store.commit(unit))
    assert b"answer claims m2" == committed.answer


async def test_batch_is_signed_once(store: Store, signer: Signer) -> None:
    """Units that wait together are signed together, with the head their batch began with."""
    await asyncio.gather(*(store.commit(accept(f"m{n}")) for n in range(20)))
    assert 1 == len(signer.calls)
    heads, drafts = signer.calls[0]
    assert {"XBB": EMPTY_LOG} == heads
    assert [f"digest-m{n}" for n in range(20)] == [draft.digest for draft in drafts]


async def test_unit_sees_earlier_ones_of_its_batch(store: Store, signer: Signer) -> None:
    """A unit sees what earlier units of its batch wrote."""

    async def look(tx: Tx) -> bool:
        return await tx.find_inbound("XBB", "digest-m1") is not None

    _, seen = await asyncio.gather(store.commit(accept("m1")), store.commit(look))
    assert Committed(True, None) == seen


async def test_unit_sees_what_is_asked_for_often_as_earlier_ones_left_it(store: Store) -> None:
    """What a unit of a batch has read is read anew once another wrote it, and stays where the other failed."""
    partner = PartnerRow("XBB", 0, None, None, None, None, 0)
    entry = NoContactRow(0, "XCC", "first", NOW, None, None, None, None, None, None, b"sealed")
    seen: list[tuple[object, ...]] = []

    async def look(tx: Tx) -> None:
        found = await tx.find_partner("XBB")
        listed = len(await tx.no_contacts())
        named = [await tx.find_meta(name) for name in "abc"]
        seen.append((*named, found.failures if found else -1, listed))

    async def begin(tx: Tx) -> None:
        await tx.set_meta("a", "1")
        await tx.set_meta("b", "1")
        await tx.save_partner(partner)

    async def change(tx: Tx) -> None:
        await look(tx)
        await tx.set_meta("a", "2")
        await tx.drop_meta("b")
        await tx.set_meta("c", "3")
        await tx.save_partner(partner._replace(failures=1))
        await tx.save_no_contact(entry)
        await look(tx)

    async def spoil(tx: Tx) -> None:
        await change(tx)
        raise KeyError("mine")

    before, after = ("1", "1", None, 0, 0), ("2", None, "3", 1, 1)
    await store.commit(begin)
    await asyncio.gather(*(store.commit(unit) for unit in (look, spoil, look)), return_exceptions=True)
    assert [before, before, after, before] == seen[-4:]
    await asyncio.gather(*(store.commit(unit) for unit in (look, change, look)))
    assert [before, before, after, after] == seen[-4:]


async def test_failing_unit_fails_alone(store: Store, signer: Signer) -> None:
    """A unit that raises is rolled back with its drafts; the others of its batch stand."""

    async def fail(tx: Tx) -> None:
        await accept("m2")(tx)
        raise KeyError("mine")

    units = (accept("m1"), fail, accept("m3"))
    outcomes = await asyncio.gather(*(store.commit(unit) for unit in units), return_exceptions=True)
    assert [Committed("m1", b"answer claims m1"), Committed("m3", b"answer claims m3")] == [outcomes[0], outcomes[2]]
    assert isinstance(outcomes[1], KeyError)
    assert ["digest-m1", "digest-m3"] == [draft.digest for draft in signer.calls[0][1]]
    assert await get(store, "find_inbound", "XBB", "digest-m2") is None


async def test_unit_rolled_back_in_part_keeps_nothing(store: Store) -> None:
    """A conflict in the middle of a unit leaves nothing of it, and later units of the batch go on."""

    async def twice(tx: Tx) -> None:
        await tx.set_meta("left", "behind")
        await tx.add_inbound(inbound("m1"))

    outcomes = await asyncio.gather(
        *(store.commit(unit) for unit in (accept("m1"), twice, accept("m2"))), return_exceptions=True
    )
    assert isinstance(outcomes[1], Conflict)
    assert Committed("m2", b"answer claims m2") == outcomes[2]
    assert await get(store, "find_meta", "left") is None


@pytest.mark.parametrize("name", ["sleep", "future"])
async def test_suspending_unit_is_refused(store: Store, name: str) -> None:
    """A unit that awaits anything but its Tx is rolled back and refused."""
    future = asyncio.get_running_loop().create_future()

    async def suspend(tx: Tx) -> None:
        await tx.set_meta("left", "behind")
        await (asyncio.sleep(0) if name == "sleep" else future)

    with pytest.raises(BrokenUnit):
        await store.commit(suspend)
    assert await get(store, "find_meta", "left") is None


async def test_signer_that_fails_fails_the_batch(store: Store, signer: Signer) -> None:
    """If the batch cannot be signed nothing of it is stored, and the next batch is unharmed."""
    signer.failing = True

    async def plain(tx: Tx) -> None:
        await tx.set_meta("left", "behind")

    outcomes = await asyncio.gather(store.commit(accept("m1")), store.commit(plain), return_exceptions=True)
    assert [Unavailable, Unavailable] == [type(outcome) for outcome in outcomes]
    assert await get(store, "find_meta", "left") is None
    assert await get(store, "find_inbound", "XBB", "digest-m1") is None
    signer.failing = False
    assert Committed("m1", b"answer claims m1") == await store.commit(accept("m1"))


async def test_digest_is_logged_once_a_batch(store: Store) -> None:
    """A second entry about a digest fails its unit alone in the same batch; a later batch may log it again."""

    async def again(tx: Tx) -> None:
        tx.draft(receipt("m1"))

    outcomes = await asyncio.gather(store.commit(accept("m1")), store.commit(again), return_exceptions=True)
    assert isinstance(outcomes[0], Committed)
    assert isinstance(outcomes[1], Conflict)
    await store.commit(again)


async def test_receipt_needs_its_message(store: Store) -> None:
    """A receipt drafted for a message that is not stored fails its unit alone."""

    async def unit(tx: Tx) -> None:
        tx.draft(receipt("nowhere"))

    outcomes = await asyncio.gather(store.commit(unit), store.commit(accept("m1")), return_exceptions=True)
    assert isinstance(outcomes[0], BrokenUnit)
    assert isinstance(outcomes[1], Committed)


async def test_draft_needs_a_log(store: Store) -> None:
    """A draft about a partner whose log was not begun fails its unit."""

    async def unit(tx: Tx) -> None:
        tx.draft(Draft("XCC", "theirs", claims=None, receipt=b"receipt"))

    with pytest.raises(BrokenUnit):
        await store.commit(unit)


async def test_draft_is_one_of_two(store: Store) -> None:
    """A draft with neither claims nor receipt is refused."""

    async def unit(tx: Tx) -> None:
        tx.draft(Draft("XBB", "d", claims=None, receipt=None))

    with pytest.raises(BrokenUnit):
        await store.commit(unit)


async def test_cancelled_caller_leaves_its_batch_whole(store: Store) -> None:
    """A caller cancelled before its batch takes its unit back; the rest of the batch commits."""
    tasks = [asyncio.create_task(store.commit(accept(f"m{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert [Committed("m0", b"answer claims m0"), Committed("m2", b"answer claims m2")] == [outcomes[0], outcomes[2]]


async def test_caller_cancelled_in_flight_leaves_its_batch_whole(store: Store) -> None:
    """A caller cancelled while its batch commits breaks nothing; its unit stands."""
    running = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def slow(tx: Tx) -> None:
        await tx.set_meta("slow", "stands")
        loop.call_soon_threadsafe(running.set)

    tasks = [asyncio.create_task(store.commit(slow)), asyncio.create_task(store.commit(accept("m1")))]
    await running.wait()
    tasks[0].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], Committed)
    assert "stands" == await get(store, "find_meta", "slow")


async def test_close_drains(store: Store) -> None:
    """Closing commits what waits and refuses what comes later."""
    tasks = [asyncio.create_task(store.commit(accept(f"m{n}"))) for n in range(300)]
    await asyncio.sleep(0)
    await store.close()
    assert all(isinstance(outcome, Committed) for outcome in await asyncio.gather(*tasks))
    with pytest.raises(Unavailable):
        await store.commit(accept("late"))
    with pytest.raises(Unavailable):
        await get(store, "find_meta", "x")


async def test_read_cannot_write(store: Store) -> None:
    """A write or a draft while reading is refused."""

    async def write(tx: Tx) -> None:
        await tx.set_meta("x", "y")

    async def log(tx: Tx) -> None:
        tx.draft(receipt())

    for unit in (write, log):
        with pytest.raises(BrokenUnit):
            await store.read(unit)


async def test_read_raises_what_its_unit_raises(store: Store) -> None:
    """An error of a reading unit comes out as it is, and the next read works."""

    async def fail(tx: Tx) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        await store.read(fail)
    assert await get(store, "find_meta", "x") is None


async def test_tx_ends_with_its_unit(store: Store) -> None:
    """A Tx kept beyond its unit is refused."""
    kept: list[Tx] = []

    async def unit(tx: Tx) -> None:
        kept.append(tx)

    await store.commit(unit)
    with pytest.raises(BrokenUnit):
        await kept[0].find_meta("x")


# Checkpoints that are kept, and evidence


KEPT = KeptRow("XAA/XBB/1", 4, digest("root"), NOW, "a note\n", None)


async def test_kept_checkpoint_comes_back(store: Store) -> None:
    """Kept checkpoints come back, the largest first; more signatures or a token take the place of what was stored."""
    larger = KEPT._replace(size=9, root=digest("another"))
    await put(store, ("save_kept", KEPT), ("save_kept", larger))
    assert (larger, KEPT) == await get(store, "kept", "XAA/XBB/1")
    assert (larger,) == await get(store, "kept", "XAA/XBB/1", limit=1)
    assert (larger,) == await get(store, "kept", "XAA/XBB/1", at_least=5)
    assert (KEPT,) == await get(store, "kept", "XAA/XBB/1", limit=1, smallest=True)
    assert () == await get(store, "kept", "XAA/XCC/1")
    more = KEPT._replace(note="a note, cosigned\n", token=b"token")
    await put(store, ("save_kept", more))
    assert (larger, more) == await get(store, "kept", "XAA/XBB/1")


async def test_two_roots_are_not_kept_of_one_size(store: Store) -> None:
    """A log has one root for each size, also if its gateway is mistaken."""
    await put(store, ("save_kept", KEPT))
    with pytest.raises(Conflict):
        await put(store, ("save_kept", KEPT._replace(root=digest("another"))))
    assert (KEPT,) == await get(store, "kept", "XAA/XBB/1")


async def test_witnessed_checkpoint_is_the_last(store: Store) -> None:
    """Of each log we watch the last checkpoint that we cosigned is stored."""
    row = WitnessedRow("XBB/XCC/1", 4, NOW, "a note\n")
    assert await get(store, "find_witnessed", row.origin) is None
    later = row._replace(size=9, note="another\n")
    await put(store, ("save_witnessed", row), ("save_witnessed", later))
    assert later == await get(store, "find_witnessed", row.origin)
    assert (later,) == await get(store, "witnessed")
    await put(store, ("drop_witnessed", row.origin), ("drop_witnessed", "XBB/XCC/2"))
    assert () == await get(store, "witnessed")


async def test_evidence_is_stored_once(store: Store) -> None:
    """Two notes that contradict one another stand once, whoever brings them again; who was told is kept with them."""
    row = ConflictRow(0, "XBB/XCC/1", "fork", NOW, "XBB", "held\n", "shown\n", ())
    saved = []

    async def unit(tx: Tx) -> None:
        saved.extend([await tx.save_conflict(row), await tx.save_conflict(row._replace(source="XCC"))])

    await store.commit(unit)
    (found,) = await get(store, "conflicts")
    assert ([True, False], row._replace(number=found.number)) == (saved, found)
    told = found._replace(told=("XBB", "XCC"))
    await put(store, ("save_conflict", told))
    assert (told,) == await get(store, "conflicts")


async def test_evidence_is_stored_however_long_its_notes(store: Store) -> None:
    """Notes that keeper and witnesses signed with ML-DSA-44 are kilobytes of base64 each, and no index holds them."""
    held, shown = (b64.encode(random.Random(seed).randbytes(8 * 2420)) for seed in (1, 2))
    row = ConflictRow(0, "XBB/XCC/1", "fork", NOW, "XBB", held, shown, ())
    saved = []

    async def unit(tx: Tx) -> None:
        saved.extend([await tx.save_conflict(row), await tx.save_conflict(row._replace(source="XCC"))])

    await store.commit(unit)
    (found,) = await get(store, "conflicts")
    assert ([True, False], row._replace(number=found.number)) == (saved, found)


async def test_subtrees_come_back_in_order(store: Store) -> None:
    """Hashes of subtrees are stored by level, and read from any place on."""
    hashes = [digest(str(number)) for number in range(5)]

    async def unit(tx: Tx) -> None:
        await tx.add_log_nodes("o", 1, 0, hashes[:3])
        await tx.add_log_nodes("o", 1, 3, hashes[3:])

    await store.commit(unit)
    assert tuple(hashes[1:3]) == await get(store, "log_nodes", "o", 1, 1, 2)
    assert tuple(hashes[4:]) == await get(store, "log_nodes", "o", 1, 4, 9)
    assert () == await get(store, "log_nodes", "o", 2, 0, 9)


async def test_leaves_of_a_log(store: Store) -> None:
    """The leaf hashes of a log are read without its receipts."""
    await store.commit(accept("m1"))
    await store.commit(accept("m2"))
    entries = await get(store, "log_entries", EMPTY_LOG.origin)
    assert tuple(entry.leaf for entry in entries) == await get(store, "log_leaves", EMPTY_LOG.origin, 0, 9)
    assert (entries[1].leaf,) == await get(store, "log_leaves", EMPTY_LOG.origin, 1, 1)


async def test_what_was_decided_about_states_is_kept_in_order(store: Store) -> None:
    """Events get rising numbers, come back as they were, and can be read from one on."""
    held = TrustEvent(0, NOW, "XBB", "held", None, "wrong-identity: signed by another identity key")
    confirmed = TrustEvent(0, NOW, "XBB", "confirm", "second", "read out by telephone", "00" * 32)
    await put(store, ("add_trust_event", held), ("add_trust_event", confirmed))
    events = await get(store, "trust_events")
    assert [held, confirmed] == [one._replace(number=0) for one in events]
    assert [events[1]] == list(await get(store, "trust_events", events[0].number))
    assert () == tuple(await get(store, "trust_events", events[1].number))
