"""The queues of the interior desk: what is in them, how they are narrowed, and that no identity is."""

import html
import re
from pathlib import Path

import pytest

from gateway.core.case import Side, State
from gateway.core.tables import table_for
from gateway.web.interior import PAGES, queues
from gateway.web.interior.queues import PAGE, QUEUES
from tests.support import homeward, story
from tests.web.support import Desk, one_desk


def row_of(page: str, ref: str) -> str:
    """Return the row of a case in a list."""
    return next(row for row in re.findall(r"<tr .*?</tr>", page, re.DOTALL) if f"/cases/{ref}" in row)


async def test_case_moves_from_queue_to_queue(desk: Desk) -> None:
    """A case stands in the queue of what is to be done next, and in no other of the way."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    first, second = await desk.officer("first"), await desk.officer("second")
    assert ref in (await first.get("/queues/drafts")).text
    assert ref in (await second.get("/queues/to-approve")).text
    await desk.gateway.clear.close(ref, "first", event="discard")
    assert ref not in (await first.get("/queues/drafts")).text
    ref = await story.cleared(desk.network)
    assert ref in (await first.get("/queues/to-send")).text
    await desk.gateway.clear.send(ref, "first")
    waiting = await first.get("/queues/waiting")  # the other State has nothing of it yet, and owes nothing
    assert (True, True) == (ref in waiting.text, "is on its way or with the other State" in waiting.words)
    await desk.network.deliver()
    assert ref in (await first.get("/queues/waiting")).text
    assert ref not in (await first.get("/queues/to-answer")).text


async def test_row_says_all_in_words(desk: Desk) -> None:
    """A row has reference, State, side, state in words, officer with role, lateness with the calendar; no name."""
    ours, _ = await story.acknowledged(desk.network)
    page = await (await desk.officer("first")).get("/queues/waiting")
    row = row_of(page.text, ours)
    case = await story.row(desk.network, "XAA", ours)
    for words in (
        "Test State XBB",
        "We asked",
        "first",
        "Case officer",
        "left",
        case.due_on.isoformat(),
        case.calendar,
    ):
        assert words in row, words
    for part in ("Иванова", "Мария", "IVANOVA", "Северск", "House 3", "documents lost", "2001"):
        assert part not in page.text, part


async def test_lateness_counts_working_days(desk: Desk) -> None:
    """Past its day a case is late by working days, in the overdue queue and nowhere as 'left'."""
    ours, _ = await story.acknowledged(desk.network)
    case = await story.row(desk.network, "XAA", ours)
    while desk.network.clock.now() < case.due_at:
        desk.network.clock.pass_(hours=12)
    desk.network.clock.pass_(days=7)
    page = await (await desk.officer("first")).get("/queues/overdue")
    assert ours in page.text
    row = row_of(page.text, ours)
    assert "working days late" in row
    assert "left" not in row


async def test_who_stopped_a_case_finds_it_among_those_that_stand_still(desk: Desk) -> None:
    """It goes on only once they let go: their own line says so, and nobody else's says who it was."""
    own, another = await story.sent(desk.network), await story.sent(desk.network)
    await desk.gateway.hold.freeze(own, "she is in danger", "welfare", "child_welfare")
    await desk.gateway.hold.freeze(another, "she asked for it", "protection", "asylum_authority")
    page = (await (await desk.officer("welfare")).get("/queues/held")).text
    assert (True, False) == tuple("Stopped by you" in row_of(page, ref) for ref in (own, another))
    of_others = (await (await desk.officer("first")).get("/queues/held")).words
    assert (True, True, False) == (own in of_others, another in of_others, "Stopped by you" in of_others)
    await desk.gateway.hold.release(own, "welfare", "child_welfare")
    page = (await (await desk.officer("welfare")).get("/queues/held")).text
    assert "Stopped by you" not in row_of(page, own)


async def test_the_authority_that_attests_finds_what_it_stopped_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no list of cases: its home counts those that wait for it to let go, and leads to them, in both orders."""
    monkeypatch.setattr(queues, "PAGE", 2)
    refs = [await story.sent(desk.network) for _ in range(6)]
    for ref in refs:
        who = ("welfare", "child_welfare") if ref == refs[2] else ("protection", "asylum_authority")
        await desk.gateway.hold.freeze(ref, "she spoke of fear", *who)
    await desk.gateway.hold.release(refs[3], "protection", "asylum_authority")
    protection = await desk.officer("protection")
    assert "Cases that you stopped" in (await protection.get("/")).words
    assert "4" == (await protection.get("/queues/own-stops/count")).text
    mine = sorted(ref for ref in refs if ref not in (refs[2], refs[3]))
    for order in ("", "?order=latest"):
        seen, path = list[str](), f"/queues/own-stops{order}"
        while path:
            page = await protection.get(path)
            seen += re.findall(r'href="/cases/([A-Za-z0-9_-]{22})"', page.text)
            onward = re.search(r'href="([^"]*)" rel="next"', page.text)
            path = html.unescape(onward[1]) if onward else ""
        assert (mine, len(mine)) == (sorted(seen), len(seen))
    assert 404 == (await protection.get("/queues/held")).status
    assert 404 == (await (await desk.officer("first")).get("/queues/own-stops")).status


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("", True),
        ("?partner=XBB", True),
        ("?officer=first", True),
        ("?officer=second", False),
        ("?side=requesting", True),
        ("?side=requested", False),
        ("?state=DRAFT", True),
        ("?state=SENT", False),
        ("?partner=XBB&officer=first&side=requesting&state=DRAFT", True),
        ("?partner=../../etc&side=x&state=CLOSED&after=nonsense&order=%00", True),
        ("?after=99999999999999~x", True),
        ("?after=~zzzzzzzzzzzzzzzzzzzzzz", False),
    ],
)
async def test_queue_is_narrowed_by_its_address(desk: Desk, query: str, fits: bool) -> None:
    """The address narrows the list; what names nothing is left out of it and never an error."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    page = await (await desk.officer("first")).get(f"/queues/open{query}")
    assert page.status == 200
    assert (ref in page.text) == fits


async def test_a_place_that_no_store_holds_is_told_as_what_it_is(desk: Desk) -> None:
    """Whoever follows a broken address of a list reads that the address is wrong, and nothing of a case."""
    page = await (await desk.officer("first")).get("/queues/open?after=~%00")
    assert (400, True) == (page.status, "a character that is none" in page.words)
    assert "case" not in page.words.partition("cannot be taken")[2].partition("Go back")[0]


async def test_pages_follow_one_another(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list goes on after its last row, in both orders, without gap or overlap."""
    monkeypatch.setattr(queues, "PAGE", 2)
    refs = sorted([await desk.gateway.clear.new(story.draft(), "first") for _ in range(5)])
    first = await desk.officer("first")
    for order, expected in (("", refs), ("?order=latest", refs[::-1])):
        seen: list[str] = []
        path = f"/queues/drafts{order}"
        while path:
            page = await first.get(path)
            seen += re.findall(r'href="/cases/([A-Za-z0-9_-]{22})"', page.text)
            onward = re.search(r'href="([^"]*)" rel="next"', page.text)
            path = html.unescape(onward[1]) if onward else ""
        assert seen == expected
    assert PAGE == 50


@pytest.mark.parametrize(("name", "at"), [("drafts", "first"), ("to-approve", "second")])
async def test_what_has_no_day_stands_by_its_age(desk: Desk, name: str, at: str) -> None:
    """The oldest first, and with the day it was opened on, by which one finds what lies long."""
    refs, days = [], []
    for _ in range(6):
        refs.append(await desk.gateway.clear.new(story.draft(), "first"))
        days.append(desk.network.clock.now().date().isoformat())
        desk.network.clock.pass_(days=1)
    officer = await desk.officer(at)
    page = (await officer.get(f"/queues/{name}")).text
    assert refs == re.findall(r'href="/cases/([A-Za-z0-9_-]{22})"', page)
    assert [True] * 6 == [day in row_of(page, ref) for ref, day in zip(refs, days, strict=True)]
    if name == "drafts":
        latest = (await officer.get(f"/queues/{name}?order=latest")).text
        assert refs[::-1] == re.findall(r'href="/cases/([A-Za-z0-9_-]{22})"', latest)


async def test_queue_without_an_officer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case whose officer has left office and has no deputy stands in a queue of its own."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    second = await desk.officer("second")
    assert ref not in (await second.get("/queues/unassigned")).text
    persons = dict(desk.site.desk.context.persons)
    del persons["first"]
    monkeypatch.setattr(desk.site.desk.context, "persons", persons)
    assert ref in (await second.get("/queues/unassigned")).text


async def test_roles_see_their_queues_alone(desk: Desk) -> None:
    """A queue of another role is not found, and one of a role without lists is not allowed."""
    assert (await (await desk.officer("welfare")).get("/queues/drafts")).status == 404
    assert (await (await desk.officer("welfare")).get("/queues/sign-offs")).status == 200
    assert (await (await desk.officer("escort")).get("/queues/open")).status == 403
    assert (await (await desk.officer("first")).get("/queues/nothing")).status == 404


async def test_invited_person_sees_no_list(desk: Desk) -> None:
    """An invitation to one case opens no queue, whatever its role, and no other case."""
    ref = await desk.gateway.clear.new(story.draft(), "first")
    other = await desk.gateway.clear.new(story.draft(), "first")
    for role in ("guardian", "child_welfare"):
        guest = await desk.guest(ref, role)
        for path in (
            "/queues/open",
            "/queues/sign-offs",
            "/queues/open/count",
            f"/cases/{other}",
            f"/search?ref={other}",
        ):
            assert (await guest.get(path)).status in (403, 404), (role, path)
        assert (await guest.get("/")).path == "/invited"


@pytest.mark.parametrize(("country", "queue"), [("XAA", "waiting"), ("XBB", "to-answer")])
async def test_a_proposal_is_owed_an_answer_like_a_request(tmp_path: Path, country: str, queue: str) -> None:
    """No agreement gives it a day, so it is never overdue: it stands among what waits, on both sides."""
    async with one_desk(tmp_path, [PAGES], country) as desk:
        ours, theirs = await homeward.proposed(desk.network)
        page = await (await desk.officer("first")).get(f"/queues/{queue}")
        assert (theirs if country == "XBB" else ours) in page.text


async def test_an_answer_that_was_not_delivered_is_seen_by_who_gave_it(tmp_path: Path) -> None:
    """Whoever is asked has said what it had to say only once it was heard."""
    async with one_desk(tmp_path, [PAGES], "XBB") as desk:
        _, theirs = await story.acknowledged(desk.network)
        await story.give_answer(desk.network, theirs, story.reply())
        desk.network.wires.cut = True
        desk.network.clock.pass_(days=32)
        await desk.network.deliver()
        assert "UNDELIVERED" == await story.state(desk.network, "XBB", theirs)
        assert theirs in (await (await desk.officer("first")).get("/queues/not-taken")).text


NOTHING_OWED = {
    (Side.REQUESTED, State.REPLIED),
    (Side.REQUESTING, State.WITHDRAWN),
    (Side.REQUESTED, State.WITHDRAWN),
}
"""Open states in which we have said what we had to say."""


@pytest.mark.parametrize("side", Side)
def test_every_open_state_has_a_queue(side: Side) -> None:
    """Whatever state an open case is in, some queue besides that of all holds it, unless nothing is owed by us."""
    held = {(one.side, state) for queue in QUEUES.values() for one in queue.holds for state in one.states}
    ended = {State.CLOSED, State.BLOCKED, State.ERASED}
    known = {row.source for row in table_for(side).rows} - ended
    assert {state for state in known if (side, state) not in held} == {s for at, s in NOTHING_OWED if at is side}
