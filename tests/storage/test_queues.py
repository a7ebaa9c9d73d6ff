"""The queues of the desks: which cases they hold, in which order, how they are counted, and what that costs."""

import pytest

from gateway.services.inquire import Place, Wanted
from gateway.services.ports import Store, Tx
from gateway.storage.reads import SqlInquiries
from tests.storage.asked import asked_of_queue
from tests.storage.queues import BOTH, CASES, OURS, QUEUES


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

    await store.commit(fill)
    return read_models


@pytest.mark.parametrize("name", QUEUES)
async def test_queue_holds_what_is_wanted(inquiries: SqlInquiries, name: str) -> None:
    """A queue holds just the open cases wanted, soonest due first, and the count is of the same ones."""
    wanted, expected = QUEUES[name]
    assert list(expected) == [row.ref for row in await inquiries.queue(wanted)]
    assert list(reversed(expected)) == [row.ref for row in await inquiries.queue(wanted, latest=True)]
    assert len(expected) == await inquiries.count(wanted)


@pytest.mark.parametrize("latest", [False, True])
async def test_queue_goes_on_after_a_page(inquiries: SqlInquiries, latest: bool) -> None:
    """Pages follow one another without gap or overlap in both orders, across states and rows due at one instant."""
    seen: list[str] = []
    after: Place | None = None
    while page := await inquiries.queue(Wanted(), limit=1, after=after, latest=latest):
        seen += [row.ref for row in page]
        after = page[-1].place
    assert (list("afbec") if latest else list("cebfa")) == seen


async def test_count_is_bounded(inquiries: SqlInquiries) -> None:
    """A count stops at the most that is shown, also across states."""
    assert 2 == await inquiries.count(Wanted(OURS, BOTH), most=2)
    assert 1 == await inquiries.count(Wanted(), most=1)


async def test_officers_are_those_with_open_cases(inquiries: SqlInquiries) -> None:
    """Each officer with an open case is named once, and nobody is named where a case has none."""
    assert [None, "p1", "p2"] == await inquiries.officers()


def test_queue_of_one_side_names_its_states() -> None:
    """A queue that would have to be looked for in the whole table cannot be asked for."""
    with pytest.raises(ValueError, match="names its states"):
        Wanted(OURS)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", QUEUES)
@pytest.mark.parametrize("latest", [False, True])
async def test_queue_is_read_along_an_index(inquiries: SqlInquiries, name: str, latest: bool) -> None:
    """No queue is sorted, and none but that of everything open is scanned."""
    for statement, values in await asked_of_queue(QUEUES[name][0], latest=latest):
        plan = await inquiries._all(f"EXPLAIN QUERY PLAN {statement}", values)
        text = " ".join(row[3] for row in plan)
        assert "USING INDEX case_" in text
        assert "TEMP B-TREE" not in text
        assert "SCAN" not in text or QUEUES[name][0] == Wanted()
