"""What a restore of ours left open, and what of it is said anew (``anew``): tables, over a store of one case."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core import messages, wire
from gateway.core.case import State
from gateway.services import anew, listing
from gateway.services.ports import Store, Tx
from gateway.services.rows import OutboundRow
from tests.services.one_case import message, over, value
from tests.storage.support import NOW, case
from tests.support.rows import for_each

OURS: Any = SimpleNamespace(epoch=2)
"""A context in its second epoch: what it said in the first one was left open by a restore."""


async def restored(said: list[OutboundRow]) -> Store:
    """Return a store of one case and what was ``said`` in it, which waits for the listing of its partner."""
    store = await over(case(), said)
    await store.commit(lambda tx: listing.await_one(tx, "XBB", NOW))
    return store


# What waits for the listing.


@pytest.mark.parametrize(
    ("row", "parked"),
    [
        (message("1.1 verification.reply queued"), True),
        (message("1.1 verification.reply posted"), False),
        (message("2.1 verification.reply queued"), False),
        (message("1.1 withdrawal queued"), False),
        (message("1.1 confirmation queued")._replace(ref=None), False),
    ],
)
async def test_what_was_never_posted_in_a_case_waits_for_the_listing(row: OutboundRow, parked: bool) -> None:
    """A number of a withdrawal is freed by nothing, and of what is of no case nothing is dropped (rule 1)."""
    store = await restored([row])
    assert parked is await store.read(partial(anew.is_parked, OURS, row=row))


@pytest.mark.parametrize(
    ("refused", "others", "waits"),
    [
        ("1.1 verification.reply refused", ["1.2 use-report.request queued"], True),
        ("1.1 verification.reply refused", [], False),
        ("1.1 verification.reply refused", ["2.1 use-report.request queued"], False),
        ("1.1 verification.reply refused", ["1.2 use-report.request posted"], False),
        ("1.2 verification.reply refused", ["1.1 use-report.request queued"], False),
        ("1.1 withdrawal refused", ["1.2 rectification queued"], False),
        ("1.1 return.schedule refused", ["1.2 return.monitoring queued"], False),
        ("1.1 return.monitoring refused", ["1.2 return.take-back queued"], False),
        ("1.1 return.monitoring refused", ["1.2 return.handover queued"], True),
    ],
)
async def test_a_refusal_waits_for_the_listing_where_it_decides_on_something_behind_it(
    refused: str, others: list[str], waits: bool
) -> None:
    """A withdrawal, word of a stop and of who left wait for none, nor does what such word stands behind (rule 5)."""
    row = message(refused)
    store = await restored([row, *map(message, others)])
    assert waits is await store.read(partial(anew.waits, OURS, row=row, now=NOW))


RESTORED = NOW - timedelta(hours=2)
BEHIND = "1.2 use-report.request queued"


@pytest.mark.parametrize(
    ("refused", "behind", "listing_came", "received_at", "settled"),
    [
        ("verification.reply", [BEHIND], RESTORED, RESTORED - wire.SKEW, True),
        ("verification.reply", [BEHIND], RESTORED, RESTORED - timedelta(hours=1), True),
        ("verification.reply", [BEHIND], NOW, RESTORED - timedelta(hours=1), False),
        ("verification.reply", [BEHIND], NOW, RESTORED - wire.SKEW, True),
        ("verification.reply", [BEHIND], None, RESTORED - timedelta(hours=1), False),
        ("verification.reply", [], RESTORED, NOW, False),
        ("return.schedule", [], NOW, RESTORED - wire.SKEW, True),
        ("return.schedule", [], RESTORED, RESTORED - timedelta(hours=1), False),
    ],
)
async def test_a_refusal_says_of_what_stands_behind_it_if_it_is_of_after_the_restore_or_all_is_listed(
    refused: str, behind: list[str], listing_came: datetime | None, received_at: datetime, settled: bool
) -> None:
    """Then nothing of that had left; word of who has left is settled with what is said since, too (rule 5)."""
    row, rows = message(f"1.1 {refused} refused"), [message(text) for text in behind]
    store = await over(case(), [row, *rows])

    async def unit(tx: Tx) -> bool:
        await tx.set_meta(listing.RESTORED_AT, wire.format_instant(RESTORED))
        if listing_came is not None:
            await listing.await_one(tx, "XBB", NOW)
            await listing.came(tx, "XBB", listing_came, listing_came)
        return await anew._is_settled(tx, row, rows, received_at, NOW)

    assert settled is (await store.commit(unit)).value


@pytest.mark.parametrize(("partners", "sealed"), [((), b"kept"), (("XBB",), None)])
def test_what_is_of_no_case_is_said_anew_to_a_partner_if_it_is_kept(
    partners: tuple[str, ...], sealed: bytes | None
) -> None:
    """Nobody would ever fetch it, and it would be said anew each time it ends."""
    context: Any = SimpleNamespace(partners=partners)
    assert anew._kept(context, message("1.1 directory undelivered")._replace(ref=None, sealed=sealed)) is None


async def test_what_a_restore_left_open_is_settled_in_its_order() -> None:
    """By epoch and number, whichever was put in the outbox first; a withdrawal is not among it."""
    said = ["1.2 return.monitoring queued", "1.1 return.handover queued", "0.9 return.schedule queued"]
    store = await restored([*map(message, said), message("1.3 withdrawal queued"), message("2.1 rectification queued")])
    found = await store.read(partial(anew._parked, ref="c1", epoch=2))
    assert ["return.schedule", "return.handover", "return.monitoring"] == [row.type for row in found]


# What is said anew.


ALLOWS = frozenset(
    {messages.REQUEST, messages.ACKNOWLEDGEMENT, messages.DELAY, messages.ELEMENTS, messages.REPLY, messages.CONTEST}
    | {messages.REMINDER, messages.PROPOSAL, messages.ACCEPTANCE, messages.DOCUMENT_REQUEST, messages.DOCUMENT}
    | {messages.REISSUE, messages.SCHEDULE, messages.RESUMPTION, messages.INTERVIEW_ANSWER, messages.USE_REQUEST}
    | {messages.ONWARD_REQUEST, messages.ONWARD_ANSWER}
)
"""Types by which something may be allowed that was forbidden since the backup, or that a person says again."""

PLANNED, DECIDED = {"status": "planned"}, {"decision": "accepted"}


@for_each("type", sorted(messages.SAID_BY.keys() - {messages.WITHDRAWAL, *anew.threads.STOPS}))
def test_what_allows_nothing_is_said_anew_and_what_allows_something_by_a_person(type: str) -> None:
    """A question, what takes data back and what tells of what was done leave by nobody's doing (rule 3)."""
    assert (type not in ALLOWS) is anew.is_kept(value(), type, {**PLANNED, **DECIDED})


REFUSED = {"decision": "refused", "ground": "NO_CARER"}


@pytest.mark.parametrize(
    ("type", "said", "case", "is_kept"),
    [
        (messages.SCHEDULE, {"status": "departed"}, {}, True),
        (messages.SCHEDULE, {"status": "cancelled"}, {}, True),
        (messages.ACCEPTANCE, REFUSED, {"said": {messages.ACCEPTANCE: REFUSED}}, True),
        (messages.ACCEPTANCE, REFUSED, {}, False),
        (messages.ACCEPTANCE, DECIDED, {"said": {messages.ACCEPTANCE: DECIDED}}, False),
        (messages.REPLY, {}, {"state": State.CLOSED}, True),
        (messages.REPLY, {}, {"state": State.REPLIED}, False),
        (messages.REPLY, {}, {"state": State.CLOSED, "holders": (("welfare", "child_welfare"),)}, False),
        (messages.ACKNOWLEDGEMENT, {}, {"state": State.CLOSED}, False),
    ],
)
def test_what_is_said_anew_as_the_case_stands(
    type: str, said: Mapping[str, Any], case: Mapping[str, Any], is_kept: bool
) -> None:
    """Word of a journey, the refusal of the proposal that stands, and the answer on which a desk closed the case."""
    assert is_kept is anew.is_kept(value(**case), type, said)


# What another message takes the place of.


@pytest.mark.parametrize(
    ("row", "others", "since"),
    [
        ("1.1 return.schedule refused", ["1.2 return.schedule queued"], True),
        ("1.1 return.schedule refused", ["1.2 return.schedule posted"], True),
        ("1.1 return.schedule refused", ["2.1 return.schedule receipted"], True),
        ("1.1 return.schedule refused", ["1.2 return.schedule refused"], False),
        ("1.1 return.schedule refused", ["1.2 return.schedule dropped"], False),
        ("1.1 return.schedule refused", ["1.2 return.monitoring queued"], False),
        ("1.2 return.schedule refused", ["1.1 return.schedule receipted"], False),
        ("2.1 return.schedule refused", ["1.2 return.schedule receipted"], False),
        ("1.1 travel-document.issued refused", ["1.2 travel-document.reissue queued"], True),
    ],
)
async def test_another_takes_the_place_that_was_said_since_and_stands(row: str, others: list[str], since: bool) -> None:
    """What it led to is not undone by the refusal of the one before it."""
    refused = message(row)
    store = await restored([refused, *map(message, others)])
    assert since is await store.read(partial(anew._said_since, row=refused))


ACCEPTED = "1.2 return.acceptance refused"


@pytest.mark.parametrize(
    ("others", "taken_back"),
    [
        ([], False),
        *((["1.3 suspension " + state], True) for state in ("queued", "posted", "receipted")),
        *((["1.3 suspension " + state], False) for state in ("refused", "dropped", "undelivered")),
        (["1.1 suspension receipted"], False),
        (["1.3 suspension receipted", "1.4 resumption receipted"], False),
        (["1.3 suspension receipted", "1.4 resumption receipted", "2.1 suspension queued"], True),
        (["2.1 resumption queued", "1.3 suspension receipted"], False),
        (["1.3 resumption receipted", "1.4 suspension receipted", "1.5 return.schedule queued"], True),
    ],
)
async def test_an_acceptance_is_taken_back_by_a_stop_that_stands(others: list[str], taken_back: bool) -> None:
    """Said after it, whatever stands between them in the outbox; one that the return went on after is over."""
    row = message(ACCEPTED)
    store = await restored([row, *map(message, others)])
    assert taken_back is await store.read(partial(anew._taken_back, row=row))


@pytest.mark.parametrize(
    ("said", "taken_back"),
    [("1.2 rectification receipted", True), ("1.2 rectification refused", False), ("1.2 suspension receipted", False)],
)
async def test_a_reply_is_taken_back_by_a_correction_that_stands(said: str, taken_back: bool) -> None:
    """Nobody is told twice that it is struck, by an earlier restore and by this one."""
    row = message("1.1 verification.reply refused")
    store = await restored([row, message(said)])
    assert taken_back is await store.read(partial(anew._taken_back, row=row))
