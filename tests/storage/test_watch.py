"""What foreign affairs watches, as the store reads it: along indexes, page by page, without the table."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.escalation import Pressed
from gateway.core.note_verbale import reference
from gateway.services.inquire import WATCHED, Place, WatchPart
from gateway.services.ports import Store, Tx
from gateway.services.rows import EventRow
from gateway.storage import reads
from gateway.storage.reads import SqlInquiries
from tests.storage.support import NOW, case

DAY = timedelta(days=1)


def asked(ref: str, days: float | None, partner: str = "XBB", **changes: object) -> object:
    """Return a case that waits for ``partner``, due so many days from now."""
    due_at = None if days is None else NOW + days * DAY
    state = changes.pop("state", "ACKNOWLEDGED")
    return case(ref, side="requesting", state=state, partner=partner, due_at=due_at, thread=f"t-{ref}", **changes)


CASES = (
    asked("a", None, state="SENT"),
    asked("b", -30),
    asked("c", -1, "XCC"),
    asked("d", 1, "XCC"),
    asked("e", 1),
    asked("f", 40),
    asked("closed", -1, state="CLOSED", closed_at=NOW),
    asked("frozen", None, state="FROZEN"),
    case("theirs", side="requested", state="ACKNOWLEDGED", due_at=NOW - DAY),
)


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: pages read no store in memory."""
    return str(request.param)


@pytest.fixture
async def inquiries(store: Store, read_models: SqlInquiries) -> SqlInquiries:
    """Read models over a store with a few cases."""

    async def fill(tx: Tx) -> None:
        for row in CASES:
            await tx.save_case(row)
        for number, event in enumerate(("send", "remind", "stop_pressing", "escalate_l4", "escalated", "remind")):
            await tx.add_event(EventRow("b", NOW + number * DAY, event, "p", "r", "S", "S", None, None))

    await store.commit(fill)
    return read_models


async def test_what_is_waited_for_comes_soonest_due_first(inquiries: SqlInquiries) -> None:
    """Every open case that waits, of all States or one; nothing that is closed, stopped, or waited for by others."""
    assert ["b", "c", "d", "e", "f", "a"] == [row.ref for row in await inquiries.watched()]
    assert ["b", "e", "f", "a"] == [row.ref for row in await inquiries.watched(partner="XBB")]
    assert ["a"] == [row.ref for row in await inquiries.watched(undated=True)]
    seen, after = list[str](), None
    while page := await inquiries.watched(limit=1, after=after):
        seen.append(page[0].ref)
        after = page[0].place
    assert ["b", "c", "d", "e", "f", "a"] == seen


async def test_parts_of_several_states_are_merged(inquiries: SqlInquiries) -> None:
    """Each State has bounds of its own; the upper one counts in, the lower one does not; pages follow one another."""
    parts = [WatchPart("XBB", NOW - 30 * DAY, NOW + 40 * DAY), WatchPart("XCC", None, NOW - DAY)]
    assert ["c", "e", "f"] == [row.ref for row in await inquiries.watched_in(parts)]
    first = await inquiries.watched_in(parts, limit=2)
    assert ["f"] == [row.ref for row in await inquiries.watched_in(parts, limit=2, after=first[-1].place)]
    assert [] == list(await inquiries.watched_in([]))
    assert ["f"] == [row.ref for row in await inquiries.watched_in([WatchPart("XBB", NOW + DAY, None)])]
    assert [] == list(await inquiries.watched_in(parts, after=Place(NOW + 90 * DAY, "z")))


async def test_counts_fall_into_parts(inquiries: SqlInquiries) -> None:
    """Each case counts once; what comes after the last bound, and what has no date, are the last two numbers."""
    found = await inquiries.watched_counts({"XBB": [NOW, NOW + DAY], "XCC": [NOW], "XDD": []})
    assert {"XBB": (1, 1, 1, 1), "XCC": (1, 1, 0), "XDD": (0, 0)} == dict(found)


async def test_a_row_has_the_reference_of_notes_and_not_the_thread(inquiries: SqlInquiries) -> None:
    """The thread is used and not handed on."""
    row = await inquiries.find_watched("b")
    assert row is not None
    assert reference("t-b") == row.reference
    assert "t-b" not in repr(row)
    assert await inquiries.find_watched("closed") is None


async def test_which_of_many_are_still_waited_in_is_asked_at_once(inquiries: SqlInquiries) -> None:
    """Of those that are closed, stopped, asked of us or none, nothing is waited for; more are named than go at once."""
    refs = ["a", "closed", "b", "frozen", "theirs", *(f"none {number}" for number in range(300)), "f"]
    assert {"a", "b", "f"} == await inquiries.still_watched(refs)
    assert frozenset() == await inquiries.still_watched([])


async def test_how_a_case_was_pressed_for_is_read_by_names_of_steps(inquiries: SqlInquiries) -> None:
    """Reminders, rungs and the mark are found; other steps are not, however alike their names."""
    found = await inquiries.pressed(["b", "c"])
    names = [(1, "remind"), (2, "stop_pressing"), (3, "escalate_l4"), (5, "remind")]
    assert [Pressed(event, "p", NOW + day * DAY) for day, event in names] == list(found["b"])
    assert [] == list(found["c"])
    assert {} == dict(await inquiries.pressed([]))


async def test_the_last_cases_asked_come_with_their_steps(inquiries: SqlInquiries) -> None:
    """The latest first, closed ones too, those of one State, at most so many."""
    found = await inquiries.asked("XBB", 9)
    assert 6 == len(found)
    assert ["send", "remind", "stop_pressing", "escalate_l4", "escalated", "remind"] == [
        step.event for step in found[4].steps
    ]
    assert 2 == len(await inquiries.asked("XBB", 2))


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_every_statement_reads_along_its_index(path: Path, inquiries: SqlInquiries) -> None:
    """No page of the board reads or sorts the table, and the states of the indexes are those of the list."""
    with closing(sqlite3.connect(path)) as db:
        sql = "".join(
            row[0] or "" for row in db.execute("SELECT sql FROM sqlite_schema WHERE name LIKE 'case_watched%'")
        )
        assert all(f"'{state}'" in sql for state in WATCHED)
        part = reads._IN_PART
        for statement, values in (
            (reads._WATCHED, (-1, "", 9)),
            (reads._WATCHED_OF_PARTNER, ("XBB", -1, "", 9)),
            (f"SELECT {reads._WATCHED_COUNT}", ("XBB", 1, 2)),
            (reads._ASKED, ("XBB", 9)),
            (part, ("XBB", -1, "", 9, 9)),
        ):
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert not [line for line in plan if "TEMP B-TREE" in line], (statement, plan)
            assert not [line for line in plan if line.startswith("SCAN case_file") and "INDEX" not in line], plan


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_case_is_saved_without_a_table_made_for_it(path: Path, inquiries: SqlInquiries) -> None:
    """Whether it belongs into an index is compared: a list in its condition would become a table each time."""
    with closing(sqlite3.connect(path)) as db:
        save = "EXPLAIN UPDATE case_file SET state = ?, due_at = ? WHERE ref = ?"
        made = db.execute(save, ("DELIVERED", 1, "a")).fetchall()
    assert [] == [step for step in made if step[1] == "OpenEphemeral"]
