"""Reminders for several cases: what goes, what does not and why, and that it goes once."""

from gateway.services.escalate import Escalation
from tests.support import story
from tests.web.support import Desk


async def late(desk: Desk, count: int) -> list[str]:
    """Return cases whose replies are late."""
    refs = [(await story.acknowledged(desk.network))[0] for _ in range(count)]
    desk.network.clock.pass_(days=40)
    await desk.network.refresh()
    return refs


async def test_reminders_go_after_their_effect_was_shown_and_are_reported(desk: Desk) -> None:
    """The chosen cases stand on a page that says nothing has been sent; then each is sent and reported."""
    refs = await late(desk, 3)
    someone = await desk.officer("board", at="board")
    await someone.get("/")
    shown = await someone.post("/reminders", {"ref": refs[:2]})
    assert "Nothing has been sent yet" in shown.words
    assert "at least 7 days" in shown.words
    assert refs[2] not in shown.words
    assert 0 == (await story.row(desk.network, "XAA", refs[0])).reminders

    report = await someone.post("/reminders")
    assert "2 reminders are in the outbox" in report.words
    assert [1, 1, 0] == [(await story.row(desk.network, "XAA", ref)).reminders for ref in refs]
    again = await someone.get(report.path)
    assert "2 reminders are in the outbox" in again.words
    assert "stands here again" not in again.words


async def test_what_may_not_be_reminded_of_is_told_with_its_reason(desk: Desk) -> None:
    """Not late, too recent, marked, gone: each stays, with its reason, and keeps no other from going."""
    cooling, marked, fine, answered = await late(desk, 4)
    early = (await story.acknowledged(desk.network))[0]
    network, gateway = desk.network, desk.gateway
    await gateway.reminder.remind(cooling, "first", "case_officer")
    await Escalation(gateway.context).stop(marked, "it endangers", "welfare", "child_welfare")
    await gateway.hold.freeze(answered, "asked for", "second", "liaison_officer")

    someone = await desk.officer("board", at="board")
    await someone.get("/")
    shown = await someone.post("/reminders", {"ref": [cooling, marked, fine, answered, early, "no-such-case"]})
    for reason in ("too recent. The next one may go from 20", "do not press", "not late", "nothing is waited for"):
        assert reason in shown.words, reason
    report = await someone.post("/reminders")
    assert "One reminder is in the outbox" in report.words
    assert [1, 0, 1, 0, 0] == [
        (await story.row(network, "XAA", ref)).reminders for ref in (cooling, marked, fine, answered, early)
    ]


async def test_a_reminder_by_a_clock_that_was_ahead_keeps_back_none(desk: Desk) -> None:
    """A cool-down that begins on a day that has not come yet is none for foreign affairs either."""
    (ref,) = await late(desk, 1)
    desk.network.clock.pass_(days=20)
    await desk.network.refresh()
    await desk.gateway.reminder.remind(ref, "first", "case_officer")
    desk.network.clock.pass_(days=-20)
    await desk.network.refresh()
    someone = await desk.officer("board", at="board")
    await someone.get("/")
    await someone.post("/reminders", {"ref": [ref]})
    report = await someone.post("/reminders")
    assert "One reminder is in the outbox" in report.words


async def test_a_case_that_changes_between_page_and_confirmation_is_not_reminded_of(desk: Desk) -> None:
    """Each case is looked at once more before its reminder leaves; what a rule holds back is told without the rule."""
    (ref,) = await late(desk, 1)
    someone = await desk.officer("board", at="board")
    await someone.get("/")
    await someone.post("/reminders", {"ref": [ref]})
    await Escalation(desk.gateway.context).stop(ref, "it endangers", "welfare", "child_welfare")
    report = await someone.post("/reminders")
    assert "0 reminders are in the outbox" in report.words
    assert "do not press" in report.words


async def test_a_second_press_of_the_button_sends_nothing_more(desk: Desk) -> None:
    """The confirmation counts once: the second is led to the report of the first."""
    (ref,) = await late(desk, 1)
    someone = await desk.officer("board", at="board")
    await someone.get("/")
    chosen = (await someone.post("/reminders", {"ref": [ref]}, follow=False)).location  # a browser goes back to it
    assert "Nothing has been sent yet" in (await someone.get(chosen)).words
    page = someone.last
    first = await someone.post("/reminders", follow=False)
    someone.last = page
    second = await someone.post("/reminders", follow=False)
    assert first.location == second.location
    assert "the last reminder is too recent" in (await someone.get(chosen)).words
    assert 1 == (await story.row(desk.network, "XAA", ref)).reminders


async def test_nothing_chosen_is_a_problem(desk: Desk) -> None:
    """Nothing chosen sends nothing, and the list says so as a problem that leads to it, not as something done."""
    await late(desk, 1)
    someone = await desk.officer("board", at="board")
    await someone.get("/")
    page = await someone.post("/reminders")
    assert "no case was chosen" in page.words
    assert ("govuk-error-summary" in page.text, "banner--success" in page.text) == (True, False)
    assert ('href="#replies"' in page.text, 'id="replies"' in page.text) == (True, True)


async def test_the_report_is_for_whoever_sent(desk: Desk) -> None:
    """A report that is not there is no page."""
    someone = await desk.officer("board", at="board")
    assert 404 == (await someone.get("/reminders/nothing")).status
    assert "Choose the cases once more" in (await someone.get("/reminders")).words
