"""The page of a State: agreement, calendar, reply times, whom to speak to, and the test of the connection."""

from datetime import timedelta

from tests.support import story
from tests.web.support import Desk, links_of


async def test_a_state_is_shown_with_agreement_calendar_and_condition(desk: Desk) -> None:
    """The page names the agreements with source and mark, the calendar with its version, and authorities."""
    someone = await desk.officer("board", at="board")
    assert "/partners/XBB" in links_of((await someone.get("/partners")).text)
    page = await someone.get("/partners/XBB")
    calendar = desk.gateway.context.reckoner.calendars["XBB"]
    for text in ("Not verified", "Governs", "Source", calendar.id, calendar.version, "XBB-ID-01", "Card held"):
        assert text in page.words, text
    assert 404 == (await someone.get("/partners/XZZ")).status


async def test_what_belongs_to_an_agreement_stands_below_it(desk: Desk) -> None:
    """No heading of the page's own rank stands within the part of an agreement, also where it names no period."""
    someone = await desk.officer("board", at="board")
    page = (await someone.get("/partners/XBB")).text
    assert "It names no period in days." in page
    assert "Periods of PALERMO8" not in page


async def test_reply_times_are_shown_from_five_replies_on(desk: Desk) -> None:
    """Median and 90 % follow from real courses; fewer than five replies show nothing."""
    network = desk.network
    someone = await desk.officer("board", at="board")
    for _ in range(4):
        await _answered(desk, days=3)
    few = await desk.site.extra["board"].times_of("XBB", network.clock.now())
    assert (None, None, None) == (few.at_least, few.median_days, few.p90_days)
    for days in (3, 9, 9, 9):
        await _answered(desk, days=days)
    network.clock.pass_(minutes=11)
    shown = await desk.site.extra["board"].times_of("XBB", network.clock.now())
    assert (5, 3, 9) == (shown.at_least, shown.median_days, shown.p90_days)
    someone = await desk.officer("board", at="board")
    assert "9" in (await someone.get("/partners/XBB")).words


async def _answered(desk: Desk, days: int) -> None:
    """Ask, and have it answered after so many days."""
    network = desk.network
    await network.refresh()
    _, theirs = await story.acknowledged(network)
    network.clock.instant += timedelta(days=days) - timedelta(minutes=1)
    await network.refresh()
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()


async def test_the_connection_is_tested_for_real(desk: Desk) -> None:
    """The test knocks at the other gateway and looks at its card; a cut wire and a hold are told in words."""
    someone = await desk.officer("board", at="board")
    await someone.get("/partners/XBB")
    posted = len(desk.network.wires.posted)
    page = await someone.post("/partners/XBB/test")
    assert ("XBB", "/xg/1/messages", b"") == desk.network.wires.posted[posted]
    assert "Its gateway answered" in page.words
    assert "Card 1 is held and may be used" in page.words
    desk.network.wires.cut = True
    await someone.get("/partners/XBB")
    assert "did not answer" in (await someone.post("/partners/XBB/test")).words
    await desk.gateway.context.trust.hold("XBB", "second", "no longer believed", desk.network.clock.now())
    held = await someone.get("/partners/XBB")
    assert "on hold" in held.words
    assert "No card of this State may be used now" in (await someone.post("/partners/XBB/test")).words


async def test_a_state_not_to_be_contacted_is_not_knocked_at(desk: Desk) -> None:
    """Nothing is tried with a State on the list, and its digest is empty."""
    await story.acknowledged(desk.network)
    desk.network.clock.pass_(days=40)
    keeper = desk.gateway.no_contact
    await keeper.propose("XBB", "it is at war", "board", "foreign_affairs")
    await keeper.confirm("XBB", "it is at war", "second", "liaison_officer")
    someone = await desk.officer("board", at="board")
    await someone.get("/partners/XBB")
    posted = len(desk.network.wires.posted)
    assert "Nothing was tried" in (await someone.post("/partners/XBB/test")).words
    assert posted == len(desk.network.wires.posted)
    assert "Nothing is open or due soon." in (await someone.send("GET", "/digests/XBB/text")).text
