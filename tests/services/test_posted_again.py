"""What is posted again to a partner that was restored, by where a case stands: a table, over a store of one case."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core import checkpoint, wire
from gateway.core.case import Side, State
from gateway.services.passed_over import bring_along, bring_back, fill, fills, is_filled, lacking, may_repeat, unfill
from gateway.services.ports import Store, Tx
from gateway.services.resync import _may_leave, go_on, goes_behind, is_past
from gateway.services.rows import CaseRow, EventRow, OutboundRow, PartnerRow
from gateway.storage.sqlite import open_memory
from tests.storage.support import NOW, Signer, case, event, outbound

ASK, ASKED = Side.REQUESTING, Side.REQUESTED


async def over(row: CaseRow, said: Sequence[OutboundRow] = (), steps: Sequence[EventRow] = ()) -> Store:
    """Return a store in memory with one case, what was said in it and its steps, of a partner in its second epoch."""
    store = open_memory(sign_batch=Signer(), now=NOW)

    async def unit(tx: Tx) -> None:
        await tx.save_partner(PartnerRow("XBB", epoch=2))
        await tx.save_case(row)
        for one in said:
            await tx.save_outbound(one)
        for step in steps:
            await tx.add_event(step)

    await store.commit(unit)
    return store


def said(text: str) -> list[OutboundRow]:
    """Return messages in the order of ``text``: a type each, its state behind a stroke, its epoch behind an @."""
    rows = []
    for number, one in enumerate(text.split(), 1):
        what, _, epoch = one.partition("@")
        kind, _, state = what.partition("/")
        numbered = {"epoch": int(epoch or 1), "seq": number if not epoch else 10 - number}
        rows.append(outbound(f"m{number}", type=kind, state=state or "receipted", **numbered))
    return rows


TABLE: dict[str, tuple[Side, State, str, str]] = {
    "a case that goes on": (ASK, State.SENT, "verification.request reminder", "verification.request reminder"),
    "a frozen case where we ask, though a stop was told": (ASK, State.FROZEN, "return.proposal suspension", ""),
    "a frozen case where we are asked": (ASKED, State.FROZEN, "verification.reply", ""),
    "a frozen case where we are asked, and the stop was told": (
        *(ASKED, State.FROZEN),
        *("return.acceptance suspension", "return.acceptance suspension"),
    ),
    "what takes data back in a frozen case": (
        *(ASK, State.FROZEN),
        *("verification.request erasure confirmation withdrawal", "erasure confirmation withdrawal"),
    ),
    "a correction in a frozen case where we ask": (
        ASK,
        State.FROZEN,
        "verification.request rectification",
        "",
    ),
    "a correction in a case that the other State suspended": (
        ASKED,
        State.SUSPENDED,
        "return.acceptance rectification return.document",
        "return.acceptance rectification",
    ),
    "a correction in a frozen case": (ASKED, State.FROZEN, "return.acceptance rectification", ""),
    "a correction of who asks, in a suspended case": (ASK, State.SUSPENDED, "return.proposal rectification", ""),
    "what nobody answered yet": (ASK, State.FROZEN, "verification.request/posted", "verification.request/posted"),
    "before word of a stop": (ASK, State.SUSPENDED, "return.proposal suspension", "return.proposal suspension"),
    "before word of a stop that waits": (ASK, State.SUSPENDED, "return.proposal suspension/queued", "return.proposal"),
    "before a stop that was refused": (
        ASK,
        State.SUSPENDED,
        "return.proposal suspension/refused",
        "return.proposal suspension/refused",
    ),
    "where word of the stop was taken out": (ASK, State.SUSPENDED, "return.proposal suspension/dropped", ""),
    "before and after our own withdrawal": (
        *(ASK, State.WITHDRAWN),
        *(
            "verification.request rectification@1 withdrawal@2 rectification@3",
            "rectification@1 withdrawal@2 rectification@3",
        ),
    ),
    "after the other one withdrew": (
        *(ASKED, State.WITHDRAWN),
        *(
            "verification.acknowledgement rectification verification.reply",
            "verification.acknowledgement rectification",
        ),
    ),
    "after the other one withdrew, over a restore of ours": (
        *(ASKED, State.WITHDRAWN),
        *("verification.acknowledgement@1 rectification@2", "verification.acknowledgement@1 rectification@2"),
    ),
    "a case that was closed": (ASKED, State.CLOSED, "verification.reply", "verification.reply"),
}


async def again(row: CaseRow, rows: Sequence[OutboundRow], steps: Sequence[EventRow] = ()) -> list[OutboundRow]:
    """Return which of ``rows`` that left are posted again."""
    store = await over(row, rows, steps)
    left = [one for one in rows if one.state not in ("queued", "dropped")]
    return [one for one in left if await store.read(partial(_may_leave, row=one))]


@pytest.mark.parametrize("name", TABLE)
async def test_posted_again_by_where_the_case_stands(name: str) -> None:
    """A partner that forgot a case that stands still here learns no more of it than that, and what takes data back."""
    side, state, text, goes = TABLE[name]
    rows = said(text)
    expected = [row for row, one in zip(rows, text.split(), strict=True) if one in goes.split()]
    assert expected == await again(case(side=side.value, state=state.value), rows)


async def test_nothing_of_a_case_that_was_erased_is_posted_again() -> None:
    """Nor is it where word of a stop was said in it."""
    row = case(side=ASKED.value, state=State.ERASED.value, wrapped_key=None, sealed=None)
    assert [] == await again(row, said("return.acceptance suspension"))


async def test_nothing_of_a_case_that_was_withdrawn_is_posted_again_once_it_is_closed() -> None:
    """A closed case says no more whether it was withdrawn; its steps do."""
    row, steps = case(side=ASKED.value, state=State.CLOSED.value), [event(target=State.WITHDRAWN.value)]
    assert [] == await again(row, said("verification.reply"), steps)


SET_ASIDE = [event(source=State.SUSPENDED.value, target=State.CLOSED.value)]


@pytest.mark.parametrize(
    ("side", "text", "goes"),
    [
        (ASK, "verification.request verification.elements", ""),
        (ASK, "verification.request/posted verification.elements", "verification.request/posted"),
        (ASK, "verification.request rectification erasure confirmation", "rectification erasure confirmation"),
        (ASK, "return.proposal suspension rectification", "return.proposal suspension rectification"),
        (ASK, "return.proposal suspension/dropped", ""),
        (ASKED, "verification.acknowledgement verification.reply", "verification.acknowledgement verification.reply"),
    ],
)
async def test_posted_again_of_a_case_that_was_set_aside_and_closed(side: Side, text: str, goes: str) -> None:
    """Who asks says no more than while it was suspended, and what takes data back; who is asked owes its answer."""
    rows = said(text)
    expected = [row for row, one in zip(rows, text.split(), strict=True) if one in goes.split()]
    assert expected == await again(case(side=side.value, state=State.CLOSED.value), rows, SET_ASIDE)


async def test_what_is_of_no_case_is_posted_again() -> None:
    """An announcement of our directory that the partner forgot is told once more."""
    row = outbound(type="directory", state="receipted", ref=None, thread=None, seq=None)
    assert [row] == await again(case(), [row])


@pytest.mark.parametrize(
    ("changes", "goes"),
    [
        ({"state": "posted"}, True),
        ({"state": "refused"}, True),
        ({"state": "queued"}, False),
        ({"state": "dropped"}, False),
        ({"state": "undelivered"}, False),
        ({"envelope": None}, False),
        ({"type": "resync"}, False),
        ({"expires_at": NOW - wire.SKEW}, True),
        ({"expires_at": NOW - wire.SKEW - timedelta(seconds=1)}, False),
    ],
)
def test_what_may_be_posted_again_at_all(changes: dict[str, Any], goes: bool) -> None:
    """What left and may still be taken, but no listing: that is made anew."""
    assert goes == may_repeat(outbound(**{"state": "receipted", **changes}), NOW)


async def test_case_that_went_on_before_brings_nothing_back() -> None:
    """What its partner forgot was posted again as the restore was noticed; each step would do so once more."""
    row = case(side=ASK.value, state=State.SENT.value)
    store = await over(row, [outbound(state="receipted", answer=b"of an earlier epoch")])
    before = await store.read(lambda tx: tx.outbound_of_case(row.ref))
    await store.commit(lambda tx: bring_back(None, tx, row, row, NOW))  # type: ignore[arg-type]  # it is not looked at
    assert before == await store.read(lambda tx: tx.outbound_of_case(row.ref))


def answer(epoch: int) -> bytes:
    """Return the stored answer to a message, from the log of XBB of ``epoch``."""
    proof = checkpoint.proof_text(0, (), f"{checkpoint.origin('XBB', 'XAA', epoch)}\n1\n")
    return wire.serialize_answer(wire.Answer(b"a.b.c", b"r" * 32, proof))


async def posted_again(
    row: CaseRow, before: State | None, rows: Sequence[OutboundRow], steps: Sequence[EventRow] = ()
) -> list[str]:
    """Return the ids of ``rows`` that leave again, and nothing else of them, as a step from ``before``, or a notice."""
    store = await over(row, rows, steps)
    context: Any = SimpleNamespace(queued=False, surely=lambda at: at)  # all that is looked at

    async def unit(tx: Tx) -> None:
        if before is None:
            await bring_along(context, tx, row, NOW)
        else:
            await bring_back(context, tx, row._replace(state=before.value), row, NOW)

    await store.commit(unit)
    kept = {one.id: one for one in await store.read(lambda tx: tx.outbound_of_case(row.ref))}
    again = [one for one in rows if kept[one.id] != one]
    assert [one._replace(state="posted", next_try_at=NOW, attempts=1) for one in again] == [kept[o.id] for o in again]
    assert bool(again) is context.queued
    return [one.id for one in again]


WAS_WITHDRAWN = [event(target=State.WITHDRAWN.value)]


@pytest.mark.parametrize(
    ("before", "side", "state", "steps", "goes"),
    [
        (State.FROZEN, ASK, State.SENT, [], True),
        (State.SUSPENDED, ASKED, State.ACCEPTED, [], True),
        (State.FROZEN, ASKED, State.CLOSED, [], True),
        (State.SENT, ASK, State.SENT, [], False),
        (State.SUSPENDED, ASK, State.FROZEN, [], False),
        (State.FROZEN, ASK, State.WITHDRAWN, WAS_WITHDRAWN, False),
        (State.WITHDRAWN, ASK, State.CLOSED, WAS_WITHDRAWN, False),
        (State.SUSPENDED, ASK, State.CLOSED, SET_ASIDE, False),
        (State.REPLIED, ASK, State.CLOSED, [], False),
        (None, ASKED, State.WITHDRAWN, WAS_WITHDRAWN, True),
        (None, ASKED, State.CLOSED, WAS_WITHDRAWN, True),
        (None, ASK, State.WITHDRAWN, WAS_WITHDRAWN, False),
        (None, ASK, State.CLOSED, SET_ASIDE, False),
        (None, ASKED, State.FROZEN, [], False),
        (None, ASKED, State.CLOSED, [], False),
        (None, ASKED, State.REPLIED, [], False),
    ],
)
async def test_what_a_partner_forgot_comes_back_with_a_case_that_goes_on_or_takes_data_back(
    before: State | None, side: Side, state: State, steps: list[EventRow], goes: bool
) -> None:
    """Not where it stands still after the step as well, nor with a notice in a case that is posted again as it is."""
    row = case(side=side.value, state=state.value)
    rows = [outbound(state="receipted", answer=answer(1), next_try_at=NOW - timedelta(days=1))]
    assert goes == bool(await posted_again(row, before, rows, steps))


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [(State.FROZEN, State.WITHDRAWN, WAS_WITHDRAWN), (State.SUSPENDED, State.CLOSED, SET_ASIDE)],
)
async def test_what_takes_data_back_comes_back_as_its_case_is_given_up(
    before: State, after: State, steps: list[EventRow]
) -> None:
    """Nobody lets such a case go on, so nothing else of it comes back."""
    left: dict[str, Any] = {"state": "receipted", "answer": answer(1), "next_try_at": NOW - timedelta(days=1)}
    types = ("verification.request", "rectification", "erasure", "confirmation")
    rows = [outbound(f"m{n}", type=type, seq=n, **left) for n, type in enumerate(types)]
    row = case(side=ASK.value, state=after.value)
    assert ["id-m1", "id-m2", "id-m3"] == await posted_again(row, before, rows, steps)


@pytest.mark.parametrize(("behind", "goes_on"), [("suspension", True), ("suspension/dropped", False)])
async def test_what_is_posted_again_stands_as_before_once_its_case_is_set_aside(behind: str, goes_on: bool) -> None:
    """Nobody lets that case go on any more, unless word of its stop is to be heard behind it."""
    rows = said(f"verification.request/posted erasure/posted return.proposal/posted {behind}")
    rows = [one._replace(answer=None if "proposal" in one.type else answer(1), status="accepted") for one in rows]
    row = case(side=ASK.value, state=State.CLOSED.value)
    store = await over(row, rows, SET_ASIDE)
    before = row._replace(state=State.SUSPENDED.value)
    await store.commit(lambda tx: bring_back(SimpleNamespace(queued=False, surely=lambda at: at), tx, before, row, NOW))  # type: ignore[arg-type]
    kept = {one.id: one.state for one in await store.read(lambda tx: tx.outbound_of_case(row.ref))}
    assert ["posted" if goes_on else "receipted", "posted", "posted"] == [kept[one.id] for one in rows[:3]]


async def test_what_comes_back_was_answered_before_the_restore_and_may_still_be_taken() -> None:
    """What is under way, nobody answered, or was answered since, is not begun anew; what is over, or gone, is not."""
    left = {"next_try_at": NOW - timedelta(days=1), "state": "receipted", "answer": answer(1)}
    rows = [
        outbound("m1", **left),
        outbound("m2", **{**left, "state": "refused"}, seq=2),
        outbound("m3", **{**left, "state": "posted"}, seq=3),
        outbound("m4", **{**left, "state": "dropped"}, seq=4),
        outbound("m5", **{**left, "answer": None}, seq=5),
        outbound("m6", **{**left, "answer": answer(2)}, seq=6),
        outbound("m7", **{**left, "envelope": None}, seq=7),
        outbound("m8", **left, seq=8, expires_at=NOW - wire.SKEW - timedelta(seconds=1)),
    ]
    row = case(side=ASK.value, state=State.SENT.value)
    assert ["id-m1", "id-m2"] == await posted_again(row, State.FROZEN, rows)
    assert [] == await posted_again(row, State.FROZEN, rows[2:])


async def test_what_was_answered_before_its_state_began_anew_in_a_lower_epoch_comes_back() -> None:
    """That epoch is a new one (M-8.5), and has forgotten more than any other: no number says which log is the older."""
    row = case(side=ASK.value, state=State.SENT.value)
    rows = [outbound(state="receipted", answer=answer(5), next_try_at=NOW - timedelta(days=1))]
    assert [rows[0].id] == await posted_again(row, State.FROZEN, rows)


@pytest.mark.parametrize(
    ("country", "epoch", "past"), [("XBB", 1, True), ("XBB", 2, False), ("XBB", 3, True), ("XCC", 1, False)]
)
async def test_a_log_is_past_once_another_epoch_was_noticed(country: str, epoch: int, past: bool) -> None:
    """An answer from the log of the epoch that a partner is in settles its message."""
    store = await over(case())
    assert past == await store.read(lambda tx: is_past(tx, country, epoch))


@pytest.mark.parametrize(
    ("side", "changes", "behind", "passes"),
    [
        (ASK, {}, {}, True),
        (ASK, {}, {"state": "posted"}, True),
        (ASK, {"epoch": 1, "seq": 7}, {"epoch": 2, "seq": 1}, True),
        (ASKED, {}, {}, False),
        (ASK, {"answer": None}, {}, True),
        (ASK, {"type": "withdrawal"}, {}, False),
        (ASK, {"ref": None}, {}, False),
        (ASK, {"ref": "another"}, {}, False),
        (ASK, {}, {"type": "erasure"}, False),
        (ASK, {}, {"state": "receipted"}, False),
        (ASK, {}, {"seq": 1}, False),
        (ASK, {"seq": 3}, {}, False),
        (ASK, {"epoch": 2}, {}, False),
    ],
)
async def test_what_our_withdrawal_passes(
    side: Side, changes: dict[str, Any], behind: dict[str, Any], passes: bool
) -> None:
    """A message, where we ask, before a withdrawal that waits: answered or not, and though its case cannot be read."""
    row = outbound("m1", **{"type": "rectification", "state": "posted", "answer": answer(1), **changes})
    other = outbound("m2", **{"type": "withdrawal", "seq": 2, **behind})
    held = case(side=side.value, state=State.WITHDRAWN.value, wrapped_key=None, sealed=None)
    store = await over(held, [row, other])
    assert passes == (await store.commit(lambda tx: goes_behind(SimpleNamespace(), tx, row, NOW))).value  # type: ignore[arg-type]


@pytest.mark.parametrize(("now", "goes_on"), [("posted", True), ("dropped", False), ("refused", False)])
async def test_message_goes_on_unless_something_became_of_it_meanwhile(now: str, goes_on: bool) -> None:
    """What a stop took back while an answer was read is not posted again by that answer."""
    row, later = outbound(state="posted"), NOW + timedelta(hours=1)
    store = await over(case(), [row._replace(state=now)])
    await store.commit(lambda tx: go_on(tx, row, later))
    found = await store.read(lambda tx: tx.find_outbound(row.partner, row.id))
    assert goes_on == (found is not None and found.next_try_at == later)


async def filled(text: str, epoch: int = 2) -> tuple[Store, list[OutboundRow]]:
    """Return a store in which the first two messages of ``text`` were posted past their time in the epoch of XBB."""
    rows = [one._replace(answer=answer(1) if one.state != "queued" else None) for one in said(text)]
    store = await over(case(side=ASK.value, state=State.SENT.value), rows)
    await store.commit(lambda tx: fill(tx, rows[:2], PartnerRow("XBB", epoch=epoch), NOW))
    return store, rows


OLD = "verification.request verification.elements"


@pytest.mark.parametrize(
    ("behind", "epoch", "goes_on"),
    [
        ("reminder/queued", 2, True),
        ("reminder/posted", 2, True),
        ("reminder", 2, False),
        ("reminder/dropped", 2, False),
        ("reminder/queued", 1, False),
    ],
)
async def test_what_is_posted_past_its_time_makes_room_for_what_waits(behind: str, epoch: int, goes_on: bool) -> None:
    """Its number has to be used there, in the epoch in which its State was found to lack it."""
    store, rows = await filled(f"{OLD} {behind}", epoch)
    assert [goes_on, goes_on, False] == [await store.read(partial(fills, row=one)) for one in rows]


async def test_what_is_posted_past_its_time_is_so_once_unless_a_rule_kept_it() -> None:
    """Another restore of its State, or what a rule kept back, begins anew."""
    store, rows = await filled(f"{OLD} reminder/queued")
    assert [True, True, False] == [await store.read(partial(is_filled, row=one)) for one in rows]
    await store.commit(lambda tx: tx.save_partner(PartnerRow("XBB", epoch=3)))
    assert not await store.read(partial(is_filled, row=rows[0]))
    await store.commit(lambda tx: tx.save_partner(PartnerRow("XBB", epoch=2)))
    await store.commit(lambda tx: unfill(tx, rows[0]))
    assert not await store.read(partial(is_filled, row=rows[0]))


def test_what_a_partner_lacks_is_over_and_was_answered_before_its_restore() -> None:
    """Not what may still be taken, was answered since, stands behind, or is of an epoch of ours that is over."""
    ended: dict[str, Any] = {"state": "receipted", "answer": answer(1), "envelope": None}
    rows = [
        outbound("m2", **ended, seq=2),
        outbound("m1", **ended, seq=1),
        outbound("m3", **{**ended, "envelope": b"kept"}, seq=3, expires_at=NOW),
        outbound("m4", **{**ended, "answer": answer(2)}, seq=4),
        outbound("m5", **{**ended, "answer": None}, seq=5),
        outbound("m6", **{**ended, "epoch": 0}, seq=1),
        outbound("m9", **ended, seq=9),
    ]
    found = lacking(rows, outbound("m8", seq=8), PartnerRow("XBB", epoch=2), NOW)
    assert ["id-m1", "id-m2"] == [one.id for one in found]
