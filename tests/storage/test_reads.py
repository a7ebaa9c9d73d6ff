"""The read models: what they show, in which order, and that a page costs the page."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.escalation import ALLOW, PROPOSE, STOP
from gateway.services.inquire import AuditRow, BoardRow, Figures, Place
from gateway.services.operate import Inbox, Outbox
from gateway.services.ports import BadValue, Store, Tx, Unavailable
from gateway.services.rows import AccessRow, ApartRow, EventRow
from gateway.storage import SqliteInquiries, StoreError, reads
from gateway.storage.reads import SqlInquiries
from tests.storage.support import NOW, case, digest, inbound, outbound

CASES = (
    case("a", due_at=None, due_on=None),
    case("b", partner="XCC", state="ASKED", due_at=NOW + timedelta(days=2)),
    case("c", due_at=NOW - timedelta(days=1), officer="p2"),
    case("d", state="CLOSED", closed_at=NOW),
    case("e", due_at=NOW - timedelta(days=1)),
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
        for at in range(3):
            await tx.add_access(AccessRow("ab"[at % 2], NOW, "p1", "show", f"look {at}", None))
        await tx.save_outbound(outbound("waiting", ref=None))
        await tx.save_outbound(outbound("done", ref=None, state="receipted"))

    await store.commit(fill)
    return read_models


async def test_board_shows_open_cases(inquiries: SqlInquiries) -> None:
    """The board shows open cases, soonest due first, those without a due date last."""
    assert ["c", "e", "b", "a"] == [row.ref for row in await inquiries.board()]
    assert ["c", "e", "a"] == [row.ref for row in await inquiries.board(partner="XBB")]


@pytest.mark.parametrize("text", ["a\x00", "a\ud800"])
async def test_what_no_column_can_hold_is_refused_as_that(inquiries: SqlInquiries, text: str) -> None:
    """An address may hold any character: a list with one that is none would be empty, and read as all is well."""
    for looked in (
        inquiries.find_case(text),
        inquiries.find_watched(text),
        inquiries.still_watched([text]),
        inquiries.board(partner=text),
        inquiries.cases(officer=text),
        inquiries.board(after=Place(None, text)),
        inquiries.audit(ref=text),
        inquiries.audit(before=1 << 63),
    ):
        with pytest.raises(BadValue):
            await looked


async def test_board_shows_overdue_cases(inquiries: SqlInquiries) -> None:
    """With an instant the board shows only what was due before it."""
    assert ["c", "e"] == [row.ref for row in await inquiries.board(overdue_at=NOW)]
    assert [] == await inquiries.board(partner="XCC", overdue_at=NOW)


async def test_board_goes_on_after_a_page(inquiries: SqlInquiries) -> None:
    """Pages follow one another without gap or overlap, across rows due at one instant and those never due."""
    seen: list[str] = []
    after: Place | None = None
    while page := await inquiries.board(limit=1, after=after):
        seen += [row.ref for row in page]
        after = page[-1].place
    assert ["c", "e", "b", "a"] == seen


async def test_board_row_is_the_case(inquiries: SqlInquiries) -> None:
    """A row shows every column of its case that it has a field for."""
    row = await inquiries.find_case("b")
    assert row is not None
    columns = [field.name for field in fields(BoardRow) if field.name != "notice_due"]
    assert [getattr(CASES[1], name) for name in columns] == [getattr(row, name) for name in columns]
    assert await inquiries.find_case("x") is None


async def test_queue_by_state_and_officer(inquiries: SqlInquiries) -> None:
    """A queue holds the cases of some states, of one officer if named, and pages across states."""
    assert ["c", "e", "b", "a"] == [row.ref for row in await inquiries.cases(states=("RECEIVED", "ASKED"))]
    assert ["e", "b", "a"] == [row.ref for row in await inquiries.cases(states=("RECEIVED", "ASKED"), officer="p1")]
    assert ["c"] == [row.ref for row in await inquiries.cases(officer="p2")]
    assert ["d"] == [row.ref for row in await inquiries.cases(states=("CLOSED",))]
    after = Place(NOW - timedelta(days=1), "e")
    assert ["b"] == [row.ref for row in await inquiries.cases(states=("RECEIVED", "ASKED"), limit=1, after=after)]


async def test_audit_shows_the_latest_first(inquiries: SqlInquiries) -> None:
    """The record of access comes latest first, of one case or of all, and pages."""
    rows = await inquiries.audit()
    assert ["look 2", "look 1", "look 0"] == [row.justification for row in rows]
    assert AuditRow(3, "a", NOW, "p1", "show", "look 2", None) == rows[0]
    assert ["look 1"] == [row.justification for row in await inquiries.audit(limit=1, before=rows[0].number)]
    assert ["look 2", "look 0"] == [row.justification for row in await inquiries.audit(ref="a")]


async def test_figures_count(inquiries: SqlInquiries) -> None:
    """Figures count cases by partner and state, overdue cases, and waiting messages."""
    cases = {("XBB", "RECEIVED"): 3, ("XCC", "ASKED"): 1, ("XBB", "CLOSED"): 1}
    assert Figures(cases, {"XBB": 2}, {"XBB": 1}) == await inquiries.figures(NOW)


async def test_what_waits_is_counted_by_partner(inquiries: SqlInquiries, store: Store) -> None:
    """The outbox tells of each partner how much waits, how often it was tried, and the first instants."""
    posted = outbound("m1", ref=None, state="posted", posted_at=NOW, attempts=3, expires_at=NOW + timedelta(hours=1))
    await store.commit(lambda tx: tx.save_outbound(posted))
    await store.commit(lambda tx: tx.save_outbound(outbound("m2", ref=None, partner="XCC")))
    week = NOW + timedelta(days=7)
    expected = [
        Outbox("XBB", 2, 3, NOW, NOW, NOW + timedelta(hours=1)),
        Outbox("XCC", 1, 0, NOW, NOW, week),
    ]
    assert expected == await inquiries.outbox()


async def test_what_came_last_is_counted_by_outcome(inquiries: SqlInquiries, store: Store) -> None:
    """The inbox tells of the last messages alone, by partner, verdict and code, with when the last one came."""
    for number, code in enumerate((None, "old", None, "late")):
        at = NOW + timedelta(hours=number)
        row = inbound(f"m{number}", status="refused" if code else "accepted", code=code, received_at=at)
        await store.commit(lambda tx, row=row: tx.add_inbound(row))
    expected = [
        Inbox("XBB", "accepted", None, 1, NOW + timedelta(hours=2)),
        Inbox("XBB", "refused", "late", 1, NOW + timedelta(hours=3)),
        Inbox("XBB", "refused", "old", 1, NOW + timedelta(hours=1)),
    ]
    assert expected == await inquiries.inbox(3)


async def test_what_waits_for_a_word_is_found_in_any_state(store: Store, inquiries: SqlInquiries) -> None:
    """By each word alone or by both, page by page; and cases of which one person said that they are about another."""

    async def fill(tx: Tx) -> None:
        for row, words in zip(CASES, (1, 2, 3, 2, 0), strict=True):
            await tx.save_case(row._replace(version=2, words=words))
        await tx.save_apart(ApartRow("c", "a", digest("s"), "p1", NOW, None, None))
        await tx.save_apart(ApartRow("e", "a", digest("s"), "p1", NOW, "p2", NOW))

    await store.commit(fill)
    by_words = [[row.ref for row in await inquiries.words_due(which)] for which in (1, 2, 3)]
    assert [["c", "a"], ["c", "b", "d"], ["c", "b", "d", "a"]] == by_words
    first = (await inquiries.words_due(3, limit=1))[0]
    assert ["b", "d"] == [row.ref for row in await inquiries.words_due(3, limit=2, after=first.place)]
    assert ["c"] == [row.ref for row in await inquiries.apart_begun()]

    async def press(tx: Tx) -> None:
        for ref, steps in (("a", (STOP, PROPOSE)), ("b", (STOP, PROPOSE, ALLOW)), ("c", (STOP, PROPOSE, STOP))):
            for step in steps:
                await tx.add_event(EventRow(ref, NOW, step, "p1", "case_officer", "ASKED", "ASKED", None, None))

    await store.commit(press)
    assert ["a"] == [row.ref for row in await inquiries.pressing_proposed()]
    await store.commit(lambda tx: tx.save_case(CASES[2]._replace(version=3, words=2)))
    assert ["a"] == [row.ref for row in await inquiries.words_due(1)]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["_APART_BEGUN", "_PROPOSED"])
async def test_a_first_word_alone_is_found_along_indexes(inquiries: SqlInquiries, name: str) -> None:
    """The few that are found are sorted, and no table is gone through."""
    statement = getattr(reads, name)
    plan = await inquiries._all(f"EXPLAIN QUERY PLAN {statement}", tuple("x" * statement.count("?")))
    assert [] == [row[3] for row in plan if "SCAN" in row[3] and "INDEX" not in row[3]]


async def test_inquiries_cannot_write(inquiries: SqlInquiries) -> None:
    """The connection of the read models cannot write."""
    with pytest.raises(Unavailable):
        await inquiries._all("DELETE FROM meta", ())


async def test_missing_store_is_refused(tmp_path: Path) -> None:
    """Read models over no store are refused with a hint."""
    with pytest.raises(StoreError) as caught:
        await SqliteInquiries.open(tmp_path / "none.db")
    assert caught.value.hint


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "name", ["_OPEN", "_OPEN_OF_PARTNER", "_OF_STATE", "_OF_OFFICER", "_OPEN_OF_OFFICER", "_WORDS_DUE"]
)
async def test_pages_are_read_along_an_index(inquiries: SqlInquiries, name: str) -> None:
    """No page is sorted or scanned."""
    statement = getattr(reads, name)
    plan = await inquiries._all(f"EXPLAIN QUERY PLAN {statement}", tuple("x" * statement.count("?")))
    text = " ".join(row[3] for row in plan)
    assert "USING INDEX" in text
    assert "SCAN" not in text or name == "_OPEN"
    if name != "_OPEN_OF_OFFICER":
        assert "TEMP B-TREE" not in text


def test_board_row_has_no_place_for_a_person() -> None:
    """No field of a board row may hold sealed bytes, a key or a name."""
    names = {field.name for field in fields(BoardRow)}
    assert not names & {"sealed", "wrapped_key", "thread", "name", "elements", "justification"}
