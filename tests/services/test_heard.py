"""What the outbox tells of what the other State has heard: tables, over a store of one case."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.messages import PROPOSAL
from gateway.services import heard
from tests.services.one_case import message, over, value
from tests.storage.support import case, thread

NOTHING: Any = None
HELD: Any = SimpleNamespace(case=value())


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
    assert under_way is await store.read(lambda tx: heard.is_under_way(NOTHING, tx, HELD, {PROPOSAL}))


async def test_what_was_answered_before_a_restore_of_its_partner_is_not_under_way() -> None:
    """It is posted again, and its answer is kept."""
    store = await over(case(), [message("1.1 return.proposal posted")._replace(answer=b"kept")])
    assert not await store.read(lambda tx: heard.is_under_way(NOTHING, tx, HELD, {PROPOSAL}))


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
        ([*TABLE[:2], "1.3 return.proposal undelivered"], "1.2", True),
        ([*TABLE[:2], "2.1 return.proposal posted"], "1.2", True),
        (["1.1 suspension receipted"], "1.1", False),
        (["1.1 suspension dropped", "1.2 return.proposal posted"], "1.1", False),
    ],
)
async def test_word_that_knew_of_no_proposal_of_ours_since_is_late(said: list[str], named: str, late: bool) -> None:
    """What it names as taken last stands before the last proposal that was not refused (M-3.12)."""
    store = await over(case(), [message(text) for text in said])
    assert late is await store.read(partial(heard.is_late, case=value(), in_reply_to=f"digest-{named}"))


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
    assert posted is await store.read(partial(heard.was_posted, case=value()))


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
    assert unconfirmed is await store.read(partial(heard.is_unconfirmed, case=value()))
