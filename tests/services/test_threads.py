"""What the outbox tells of a thread, and which numbers are free in it: tables, over a store of one case."""

from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest

from gateway.core.case import Side, State
from gateway.core.messages import CONFIRMATION, INFORMATION_ANSWER, REPLY, SCHEDULE, WITHDRAWAL
from gateway.services import standing, threads
from gateway.services.cases import Held
from tests.services.one_case import message, over, value
from tests.storage.support import NOW, case, thread

ASK, ASKED = Side.REQUESTING, Side.REQUESTED


@pytest.mark.parametrize(
    ("ended", "side", "follow"),
    [
        (None, ASK, {REPLY, CONFIRMATION, WITHDRAWAL}),
        (None, ASKED, {REPLY, CONFIRMATION, WITHDRAWAL}),
        ("withdrawn", ASK, {CONFIRMATION, WITHDRAWAL}),
        ("withdrawn", ASKED, {CONFIRMATION, WITHDRAWAL}),
        ("undelivered", ASK, {WITHDRAWAL}),
        ("undelivered", ASKED, {CONFIRMATION, WITHDRAWAL}),
    ],
)
def test_what_may_follow_in_a_thread_that_has_ended(ended: str | None, side: Side, follow: set[str]) -> None:
    """What takes data back, where a withdrawal closes the numbers before it or none is ever closed (M-5.23, M-5.10)."""
    assert follow == {type for type in (REPLY, CONFIRMATION, WITHDRAWAL) if threads._may_follow(side, type, ended)}


@pytest.mark.parametrize(
    ("side", "gone", "epoch", "changes", "last"),
    [
        (ASKED, ["1.3 verification.reply posted"], 1, {}, 2),
        (ASKED, ["1.3 verification.reply posted", "1.2 verification.delay posted"], 1, {}, 1),
        (ASKED, ["1.6 verification.reply posted"], 1, {}, 4),
        (None, ["1.3 confirmation posted"], 1, {"ref": None}, 2),
        (ASK, ["1.3 return.proposal posted"], 1, {}, 4),
        (ASKED, ["1.3 verification.reply posted"], 2, {"out_epoch": 2}, 4),
        (ASKED, ["2.3 verification.reply posted"], 2, {"out_epoch": 1}, 4),
        (ASKED, [f"1.3 {INFORMATION_ANSWER} posted"], 1, {}, 4),
    ],
)
async def test_which_number_is_given_back(
    side: Side | None, gone: list[str], epoch: int, changes: dict[str, Any], last: int
) -> None:
    """The first of what is given up, of our epoch, where we are asked: no withdrawal of ours closes it (M-5.10)."""
    row = None if side is None else case(side=side.value)
    store = await over(row, thread=thread(**{"out_epoch": 1, "out_seq": 4, **changes}))
    await store.commit(lambda tx: threads.give_back(tx, epoch, [message(text) for text in gone]))
    found = await store.read(lambda tx: tx.find_thread("XBB", "thread-c1"))
    assert last == (found and found.out_seq)


@pytest.mark.parametrize(
    ("other", "used"),
    [
        ("1.3 verification.reply dropped", True),
        ("1.3 verification.reply undelivered", True),
        ("1.3 verification.reply queued", False),
        ("1.2 verification.reply dropped", False),
        ("2.3 verification.reply dropped", False),
    ],
)
async def test_number_was_used_before_by_another_message_that_may_have_come(other: str, used: bool) -> None:
    """Only by one that was posted, at the very place."""
    row = message("1.3 rectification posted")._replace(id="anew", digest="anew")
    store = await over(case(), [message(other), row], thread=thread())
    assert used is await store.read(partial(threads.used_before, row=row))


@pytest.mark.parametrize(
    ("changes", "used"),
    [({}, True), ({"posted_at": None}, False), ({"ref": "c1"}, False), ({"type": INFORMATION_ANSWER}, False)],
)
async def test_place_of_a_message_of_no_case_that_was_given_up_is_remembered(
    changes: dict[str, Any], used: bool
) -> None:
    """If it was posted: what has its number next may find it used (M-5.10)."""
    lost = message("1.3 confirmation undelivered")._replace(ref=None)._replace(**changes)
    store = await over(None, thread=thread(ref=None))
    await store.commit(partial(threads.note_lost, row=lost))
    anew = message("1.3 confirmation posted")._replace(id="anew", digest="anew", ref=None)
    assert used is await store.read(partial(threads.used_before, row=anew))


def test_no_instant_counts_for_the_receipt_of_what_was_refused() -> None:
    """Its clock does not start."""
    assert threads.counted_at(message("1.1 verification.request refused")._replace(answer=b"kept")) is None


@pytest.mark.parametrize(
    ("waits", "said", "state"),
    [
        ("1.1 return.schedule queued", {SCHEDULE: {}}, State.DOCUMENTED),
        ("1.1 return.schedule queued", {}, None),
        ("1.1 use-report.request queued", {}, None),
    ],
)
async def test_word_that_a_journey_is_off_undoes_nothing(waits: str, said: dict[str, Any], state: State | None) -> None:
    """A plan that never left does: the case falls back to where it was before."""
    store = await over(case(), [message(waits)])
    held, nothing_is_read = Held(case(), value(said=said), b""), cast("Any", None)
    found = await store.read(lambda tx: standing.undo_of(nothing_is_read, tx, held))
    assert (state and state.value) == found


@pytest.mark.parametrize(
    ("said", "ended", "last"),
    [
        (["1.2 withdrawal posted"], "withdrawn", 2),
        (["1.2 withdrawal posted"], None, 0),
        (["1.2 withdrawal posted", "1.4 withdrawal queued"], "withdrawn", 4),
        (["2.2 withdrawal posted"], "withdrawn", 0),
        (["1.2 rectification posted"], "withdrawn", 0),
    ],
)
async def test_number_of_a_withdrawal_is_freed_by_nothing_before_it(
    said: list[str], ended: str | None, last: int
) -> None:
    """It is the last of ours in the epoch of the thread."""
    row = thread(out_epoch=1, ended=ended)
    store = await over(case(), [message(text) for text in said], thread=row)
    assert last == await store.read(partial(threads._withdrawn_at, case=value(), thread=row))


async def test_a_withdrawal_gives_up_what_was_posted_and_names_what_of_it_takes_data_back() -> None:
    """In its order, and neither what was answered nor what waits, nor the withdrawal itself."""
    texts = ["1.4 erasure posted", "1.1 verification.elements posted", "1.2 rectification posted"]
    others = ["1.3 return.proposal receipted", "1.5 use-report.request queued", "1.6 withdrawal posted"]
    store = await over(case(), [message(text) for text in (*texts, *others)])
    gone = (await store.commit(lambda tx: threads.abandon(tx, value(), NOW + timedelta(hours=1)))).value
    assert ["rectification", "erasure"] == [row.type for row in gone]
    rows = await store.read(lambda tx: tx.outbound_of_case("c1"))
    assert {text.split()[0] for text in texts} == {f"{row.epoch}.{row.seq}" for row in rows if row.state == "dropped"}
    assert not any(row.envelope for row in rows if row.state == "dropped")
