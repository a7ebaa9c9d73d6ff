"""Replies to watch: the list, its parts, one case, the file, and putting a case aside."""

import csv
import html
import io
import re
from datetime import timedelta

import pytest

from gateway.core.case import State
from gateway.core.verification_guards import REMINDERS_MAX
from gateway.services.as_csv import csv_line
from gateway.services.escalate import Escalation
from gateway.web import board
from gateway.web.board.desk import BOARD, ROLES
from gateway.web.board.replies import COLUMNS
from tests.support import story
from tests.support.network import Network
from tests.web.support import Desk, Officer, links_of


async def test_a_case_waited_for_stands_in_the_list(network: Network, officer: Officer) -> None:
    """The list shows reference, State, what is waited for, the date with its calendar, and who is in charge."""
    ref, _ = await story.acknowledged(network)
    page = await officer.get("/")
    assert 200 == page.status
    row = await story.row(network, "XAA", ref)
    for text in (ref, "XBB", "Reply", row.due_on.isoformat(), row.calendar, "In time", "first"):
        assert text in page.words, text


async def late(network: Network, days: int = 60) -> str:
    """Return a case whose reply is late by far."""
    ref, _ = await story.acknowledged(network)
    network.clock.pass_(days=days)
    return ref


async def test_a_late_case_says_how_late_in_words_and_how_far_silence_has_led(desk: Desk) -> None:
    """Lateness stands in words beside the colour, in working days, with the rung that silence has reached."""
    ref = await late(desk.network)
    page = await (await desk.officer("board", at="board")).get("/")
    assert ref in page.words
    assert "Very late" in page.words
    assert "working days late" in page.words
    assert "L4 Note verbale" in page.words


async def test_what_is_chosen_on_the_screen_is_not_on_paper(desk: Desk) -> None:
    """A box is for a press: on paper its column took the room of another, and in Arabic it was cut off."""
    await late(desk.network)
    page = (await (await desk.officer("board", at="board")).get("/")).text
    cells = [cell for cell in re.findall(r"<t[hd] [^>]*>.*?</t[hd]>", page, re.DOTALL) if "Choose" in cell]
    assert [True] * 2 == ["desk-noprint" in cell.partition(">")[0] for cell in cells]


async def test_what_is_said_of_a_case_is_said_once(desk: Desk) -> None:
    """A State whose name holds its code, how late a reply is, and that it is due today stand once on each page."""
    ref = await late(desk.network)
    someone = await desk.officer("board", at="board")
    pages = [(await someone.get(path)).words for path in (f"/replies/{ref}", "/partners/XBB", "/", "/partners")]
    assert 1 == pages[0].count("Very late")
    assert [True] * 4 == ["Test State XBB" in page for page in pages]
    assert [] == [page for page in pages if "XBB Test" in page or "XBB XBB" in page or "XBB (XBB" in page]
    desk.network.clock.instant = (await story.row(desk.network, "XAA", ref)).due_at - timedelta(hours=1)
    assert 1 == (await (await desk.officer("board", at="board")).get(f"/replies/{ref}")).words.count("Due today")


async def test_an_agreement_is_called_by_its_title(desk: Desk) -> None:
    """The page of a case says what the agreement is called; the default of the gateway in the language of the page."""
    ref = await late(desk.network)
    for lang, said in (("en", "Default where no agreement gives a time"), ("fr", "Délai par défaut")):
        page = await (await desk.officer("board", at="board", language=lang)).get(f"/replies/{ref}")
        assert (True, False) == (said in page.words, "POLICY_DEFAULT" in page.words)


async def test_a_reminder_that_would_not_go_is_not_offered(desk: Desk) -> None:
    """While the last reminder is too recent the page says until when, and has no button for another."""
    ref = await late(desk.network)
    await desk.network.refresh()
    someone = await desk.officer("board", at="board")
    assert 'action="/reminders"' in (await someone.get(f"/replies/{ref}")).text
    await desk.gateway.reminder.remind(ref, "first", "case_officer")
    page = await someone.get(f"/replies/{ref}")
    assert "No further reminder is sent before" in page.words
    assert 'action="/reminders"' not in page.text


async def test_nothing_is_offered_in_a_case_that_would_be_refused(desk: Desk) -> None:
    """Neither before the reply is late, nor a rung that is not reached, nor where it is not to be pressed for."""
    ref, _ = await story.acknowledged(desk.network)

    async def offered() -> tuple[str, list[bool]]:
        page = await (await desk.officer("board", at="board")).get(f"/replies/{ref}")
        return page.words, [one in page.text for one in ('action="/reminders"', 'value="L3"', 'value="L6"')]

    words, found = await offered()
    assert ("once the reply is late" in words, [False] * 3) == (True, found)
    desk.network.clock.pass_(days=60)
    await desk.network.refresh()
    assert [True, True, False] == (await offered())[1]
    await story.put(desk.network, "XAA", ref, State.ACKNOWLEDGED, reminders=REMINDERS_MAX)
    words, found = await offered()
    assert ("No more reminders" in words, [False, True, False]) == (True, found)
    await Escalation(desk.gateway.context).stop(ref, "it endangers", "welfare", "child_welfare")
    words, found = await offered()
    assert ("No reminder is sent: the case is marked" in words, [False] * 3) == (True, found)


async def test_the_list_is_narrowed_by_its_address(desk: Desk) -> None:
    """A State and a part of the list in the address narrow it; what there is not is no page."""
    ref = await late(desk.network)
    someone = await desk.officer("board", at="board")
    assert ref in (await someone.get("/?partner=XBB&band=very-late")).words
    for query in ("band=soon", "band=due", "band=open", "band=undated", "band=late"):
        assert ref not in (await someone.get(f"/?{query}")).words, query
    for query in ("partner=XZZ", "band=purple", "after=nowhere", "after=99999999999999.x", "partner=XBB%27"):
        assert 404 == (await someone.get(f"/?{query}")).status, query


async def test_the_figures_of_a_state_are_those_of_the_list_they_lead_to(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Narrowed to one State, the figures above the list count its cases and no others'; each leads to as many."""
    context = desk.site.desk.context
    monkeypatch.setattr(context, "partners", {**context.partners, "XCC": context.partners["XBB"]})
    desk.site.extra[BOARD].partners = ["XBB", "XCC"]
    await story.sent(desk.network)
    someone = await desk.officer("board", at="board")
    card = r'<span class="desk-card__figure">(\d+)</span><a class="govuk-link" href="(/[^"]*band=[^"]*)"'
    for query, total in (("", 1), ("?partner=XBB", 1), ("?partner=XCC", 0)):
        figures = re.findall(card, (await someone.get(f"/{query}")).text)
        assert 6 == len(figures)
        lists = [(await someone.get(html.unescape(path))).text for _, path in figures]
        shown = [len({one for one in links_of(text) if one.startswith("/replies/")}) for text in lists]
        assert (total, [int(figure) for figure, _ in figures]) == (sum(shown), shown), query


async def test_pages_follow_one_another(desk: Desk) -> None:
    """The list goes on behind the last row shown, without gap or overlap."""
    refs = [await story.sent(desk.network) for _ in range(33)]
    someone = await desk.officer("board", at="board")
    first = await someone.get("/")
    (onward,) = [path for path in links_of(first.text) if "after=" in path and "lang=" not in path]
    second = await someone.get(onward)
    shown = [[ref for ref in refs if ref in page.words] for page in (first, second)]
    assert [30, 3] == [len(one) for one in shown]
    assert set(refs) == {*shown[0], *shown[1]}


async def test_put_aside_is_for_oneself_until_a_day_and_is_undone(desk: Desk) -> None:
    """Whoever puts a case aside does not see it in the list until its day; others do; it can be taken up again."""
    ref = await late(desk.network)
    someone = await desk.officer("board", at="board")
    await someone.get(f"/replies/{ref}")
    until = (desk.network.clock.now() + timedelta(days=9)).date().isoformat()
    arabic = until.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))  # as an Arabic keyboard types it
    done = await someone.post(f"/replies/{ref}/aside", {"until": arabic, "reason": "HOLIDAY"})
    assert f"put aside until {until}" in done.words
    assert f"/replies/{ref}" not in links_of(done.text)
    aside = await someone.get("/?aside=1")
    assert f"/replies/{ref}" in links_of(aside.text)
    assert "The other authority is closed for a holiday" in aside.words
    await someone.get(f"/replies/{ref}")
    assert f"/replies/{ref}" in links_of((await someone.post(f"/replies/{ref}/taken-up")).text)

    await someone.get(f"/replies/{ref}")
    await someone.post(f"/replies/{ref}/aside", {"until": until, "reason": "HOLIDAY"})
    desk.network.clock.pass_(days=10)
    again = await (await desk.officer("board", at="board")).get("/")
    assert f"/replies/{ref}" in links_of(again.text)


async def test_what_was_answered_is_aside_no_more(desk: Desk) -> None:
    """The figure and the list it leads to say the same: a case that was put aside and answered since is in neither."""
    ours, theirs = await story.acknowledged(desk.network)
    waits = await story.sent(desk.network)
    someone = await desk.officer("board", at="board")
    until = (desk.network.clock.now() + timedelta(days=9)).date().isoformat()
    for ref in (ours, waits):
        await someone.get(f"/replies/{ref}")
        await someone.post(f"/replies/{ref}/aside", {"until": until, "reason": "OTHER"})
    await story.give_answer(desk.network, theirs, story.reply())
    await desk.network.deliver()
    page = await someone.get("/?aside=1")
    figures = re.findall(r'<span class="desk-card__figure">(\d+)</span><a class="govuk-link" href="([^"]*)"', page.text)
    assert [waits] == [ref for ref in (ours, waits) if f"/replies/{ref}" in links_of(page.text)]
    assert ["1"] == [figure for figure, path in figures if "aside=1" in path]


async def test_put_aside_asks_for_a_day_and_a_reason(desk: Desk) -> None:
    """A day that is past, too far or none, and a reason that is none of the list, are named with their fields."""
    ref = await late(desk.network)
    someone = await desk.officer("board", at="board")
    for until in ("", "2026-02-30", "2020-01-01", "2099-01-01", desk.network.clock.now().date().isoformat()):
        await someone.get(f"/replies/{ref}")
        page = await someone.post(f"/replies/{ref}/aside", {"until": until, "reason": "why not"})
        assert 422 == page.status, until
        assert 'href="#until"' in page.text
        latest = (desk.network.clock.now() + timedelta(days=60)).date().isoformat()
        assert f"Enter a day from tomorrow to {latest}" in page.words
        assert 'href="#reason"' in page.text


async def test_a_rung_taken_another_way_is_recorded_after_its_effect_was_shown(desk: Desk) -> None:
    """Recording a rung shows first that nothing is recorded yet; then it stands in the history, once."""
    ref = await late(desk.network, days=40)
    someone = await desk.officer("board", at="board")
    await someone.get(f"/replies/{ref}")
    unsaid = await someone.post(f"/replies/{ref}/level", {"level": ""})
    assert 'id="level-error"' in unsaid.text  # beside the field, and not above the page alone
    shown = await someone.post(f"/replies/{ref}/level", {"level": "L3"})
    assert "Nothing has been recorded yet" in shown.words
    done = await someone.post(f"/replies/{ref}/level")
    assert "It is recorded" in done.words
    history = await desk.gateway.inquiries.pressed([ref])
    assert ["escalate_l3"] == [one.event for one in history[ref]]
    await someone.post(f"/replies/{ref}/level", {"level": "L3"})
    assert 422 == (await someone.post(f"/replies/{ref}/level")).status
    page = await someone.get(f"/replies/{ref}")
    assert ('value="L3"' in page.text, "not again before it has rested" in page.words) == (False, True)


async def test_the_file_holds_the_list_and_no_formula(desk: Desk) -> None:
    """The CSV holds each row with codes and days; a cell that could be a formula is marked as text."""
    ref = await late(desk.network)
    someone = await desk.officer("board", at="board")
    answer = await someone.send("GET", "/replies.csv")
    assert 'attachment; filename="replies-2027-01-24.csv"' == answer.headers["Content-Disposition"]
    head, row = list(csv.reader(io.StringIO(answer.text)))
    assert list(COLUMNS) == head
    cells = dict(zip(head, row, strict=True))
    assert (ref, "XBB", "very-late", "working", "L4", "no") == tuple(
        cells[name] for name in ("ref", "partner", "band", "day_unit", "level", "do_not_press")
    )
    assert int(cells["days"]) > 10


async def test_the_day_a_case_was_opened_is_that_of_this_place(desk: Desk) -> None:
    """What was opened after midnight here was not opened the day before, as it was in UTC: on no page, in no file."""
    clock = desk.network.clock
    clock.instant = clock.instant.replace(hour=23, minute=30)  # in Vienna it is the next day
    opened, here = clock.instant.date().isoformat(), (clock.instant.date() + timedelta(days=1)).isoformat()
    ref = await story.sent(desk.network)
    someone = await desk.officer("board", at="board")
    page = (await someone.get(f"/replies/{ref}")).words
    assert f"Opened on {here}" in page, page
    assert opened not in page
    _, row = list(csv.reader(io.StringIO((await someone.send("GET", "/replies.csv")).text)))
    assert here == dict(zip(COLUMNS, row, strict=True))["opened_on"]


def test_no_cell_of_a_file_is_a_formula() -> None:
    """Whatever begins like a formula gets an apostrophe; numbers and truth values stay."""
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "plain", 5, True, None, 'a"b,c']
    (row,) = csv.reader(io.StringIO(csv_line(hostile), newline=""))
    assert ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\rx", "plain", "5", "yes", "", 'a"b,c'] == row


async def test_nobody_else_gets_in(desk: Desk) -> None:
    """No page of the board opens to a role of another desk, nor to whoever has not signed in."""
    for route in board.ROUTES:
        if route.roles == ROLES:
            path = route.path.replace("{", "").replace("}", "")
            answer = await desk.nobody("board").send(route.method, path, data={} if route.method == "POST" else None)
            assert 303 == answer.status, route.path
            assert answer.location.startswith("/sign-in"), route.path
    assert {"foreign_affairs"} == {role for route in board.ROUTES for role in route.roles} - {"anyone", "signed-in"}
