"""What the outbox tells of a thread, and which numbers are free in it: tables, over a store of one case."""

from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.case import Case, Side, State
from gateway.core.messages import CONFIRMATION, INFORMATION_ANSWER, PROPOSAL, REPLY, SCHEDULE, WITHDRAWAL
from gateway.services import threads
from tests.services.one_case import message, over
from tests.storage.support import NOW, case, outbound, thread

ASK, ASKED = Side.REQUESTING, Side.REQUESTED


def value(side: Side = ASK, **changes: Any) -> Case:
    """Return the case of the tables."""
    members = {"ref": "c1", "partner": "XBB", "thread": "thread-c1", "state": State.SENT, "officer": "first"}
    return Case(**{**members, "side": side, "purpose": "verification", **changes})


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


@pytest.mark.parametrize(
    ("said", "under_way"),
    [
        ("1.1 return.proposal posted", True),
        ("1.1 return.proposal queued", False),
        ("1.1 return.proposal receipted", False),
        ("1.1 return.proposal dropped", False),
        ("1.1 return.handover posted", False),
    ],
)
async def test_what_is_under_way_was_posted_and_has_no_answer(said: str, under_way: bool) -> None:
    """What waits is not abroad, and what was answered is known."""
    store = await over(case(), [message(said)])
    assert under_way is await store.read(partial(threads.is_under_way, case=value(), types={PROPOSAL}))


async def test_what_was_answered_before_a_restore_of_its_partner_is_not_under_way() -> None:
    """It is posted again, and its answer is kept."""
    store = await over(case(), [message("1.1 return.proposal posted")._replace(answer=b"kept")])
    assert not await store.read(partial(threads.is_under_way, case=value(), types={PROPOSAL}))


def test_no_instant_counts_for_the_receipt_of_what_was_refused() -> None:
    """Its clock does not start."""
    assert threads.counted_at(message("1.1 verification.request refused")._replace(answer=b"kept")) is None


TABLE = ["1.1 return.proposal receipted", "1.2 suspension receipted", "1.3 return.proposal receipted"]


@pytest.mark.parametrize(
    ("said", "named", "late"),
    [
        (TABLE, "1.2", True),
        (TABLE, "1.1", True),
        (TABLE, "1.3", False),
        (TABLE, "unknown", False),
        ([*TABLE[:2], "1.3 return.proposal refused"], "1.2", False),
        ([*TABLE[:2], "1.3 return.proposal dropped"], "1.2", False),
        ([*TABLE[:2], "2.1 return.proposal posted"], "1.2", True),
        (["1.1 suspension receipted"], "1.1", False),
        (["1.1 suspension dropped", "1.2 return.proposal posted"], "1.1", False),
    ],
)
async def test_word_that_knew_of_no_proposal_of_ours_since_is_late(said: list[str], named: str, late: bool) -> None:
    """What it names as taken last stands before the last proposal that was not refused (M-3.12)."""
    store = await over(case(), [message(text) for text in said])
    assert late is await store.read(partial(threads.is_late, case=value(), in_reply_to=f"digest-{named}"))


@pytest.mark.parametrize(
    ("said", "changes", "posted"),
    [
        ([], None, False),
        (["1.1 verification.request queued"], {"out_seq": 1, "seen": "own", "in_digest": None}, False),
        (["1.1 verification.request posted"], {"out_seq": 1, "seen": "own", "in_digest": None}, True),
        (["1.1 verification.request dropped"], {"out_seq": 0, "seen": None, "in_digest": None}, True),
        ([], {"out_seq": 0, "seen": "listed", "in_digest": None}, True),
        ([], {"out_seq": 0, "seen": "theirs", "in_digest": "theirs"}, False),
    ],
)
async def test_anything_of_a_thread_was_posted_as_far_as_we_know_or_were_told(
    said: list[str], changes: dict[str, Any] | None, posted: bool
) -> None:
    """A listing of the other State puts the digest there of what a restore made us forget (M-5.25)."""
    row = None if changes is None else thread(**changes)
    store = await over(case(), [message(text) for text in said], thread=row)
    assert posted is await store.read(partial(threads.was_posted, case=value()))


@pytest.mark.parametrize(
    ("said", "unconfirmed"),
    [
        ([], True),
        (["1.1 return.schedule receipted"], False),
        (["1.1 return.schedule posted"], True),
        (["1.1 return.schedule refused"], True),
        (["1.1 return.schedule receipted", "1.2 return.schedule posted"], True),
        (["1.1 return.schedule refused", "1.2 return.schedule receipted"], False),
        (["1.1 return.schedule receipted", "1.2 return.schedule dropped"], False),
    ],
)
async def test_what_was_said_last_of_a_journey_was_taken(said: list[str], unconfirmed: bool) -> None:
    """What was taken out was not said."""
    store = await over(case(), [message(text) for text in said])
    assert unconfirmed is await store.read(partial(threads.is_unconfirmed, case=value()))


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
    found = await store.read(partial(threads.undo_of, case=value(said=said)))
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


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (["1.1 return.proposal receipted", "1.2 return.schedule queued"], 2),
        (["1.1 return.proposal receipted", "1.2 return.schedule posted"], 2),
        (["2.3 return.proposal receipted", "1.1 return.schedule posted"], 1),
        ([], 0),
    ],
)
async def test_last_number_that_counts_left_or_waits(said: list[str], last: int) -> None:
    """One that was never posted, and waits no more, was given back."""
    given_back = outbound("gone", state="dropped", epoch=1, seq=7, posted_at=None)
    store = await over(case(), [given_back, *(message(text) for text in said)])
    held: Any = SimpleNamespace(case=value())
    assert last == await store.read(partial(threads._last_given, held=held, thread=thread(out_epoch=1)))


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
