"""The mark "do not press" at the desk: who sets it alone, who takes it away in two, and what the pages say of it."""

import pytest

from gateway.core.case import State
from gateway.core.machine import RuleRefused
from gateway.core.verification_guards import REMINDERS_MAX
from gateway.services.escalate import Escalation
from tests.support import story
from tests.web.interior.case_support import personal
from tests.web.support import Desk

WHY = "her brother reads the letters of that office"
REMIND = "/steps/reminder"


async def late(desk: Desk) -> tuple[str, str]:
    """Return a case whose answer is late, and where its mark is set."""
    ours, _ = await story.acknowledged(desk.network)
    desk.network.clock.pass_(days=60)
    await desk.network.refresh()
    return ours, f"/cases/{ours}/pressing"


async def test_one_marks_a_case_and_two_others_let_it_be_pressed_for(both: tuple[Desk, Desk]) -> None:
    """At once and alone, for a reason nobody is shown; who proposed the end of it reads that another has to say so."""
    desk, _ = both
    ours, at = await late(desk)
    welfare, first, second = [await desk.officer(name) for name in ("welfare", "first", "second")]
    page = await welfare.get(at)
    assert (200, []) == (page.status, personal(page.text))
    assert 422 == (await welfare.post(at, {"why": ""})).status
    assert "“do not press”" in (await welfare.post(at, {"why": WHY})).words

    page = await first.get(f"/cases/{ours}")
    assert ("“do not press”" in page.words, WHY in page.text, at in page.text) == (True, False, True)
    assert REMIND not in page.text  # it would be refused
    with pytest.raises(RuleRefused, match="D-06"):
        await desk.gateway.reminder.remind(ours, "first", "case_officer")
    assert "Propose to take the mark away" in (await first.get(at)).words
    assert "The mark stands until a second" in (await first.post(f"{at}/allow", {})).words
    page = await first.get(at)
    assert ("You were the first" in page.words, f"{at}/allow" in page.text) == (True, False)
    assert "proposed by first" in (await first.get(f"/cases/{ours}")).words
    for who, told in ((first, "Another person than you"), (second, "First: first")):
        assert f"Let the other State be reminded again {told}" in (await who.get("/queues/second")).words
    assert "proposed by first" in (await second.get(at)).words
    assert "may be reminded again" in (await second.post(f"{at}/allow", {})).words
    page = await first.get(f"/cases/{ours}")
    assert ("“do not press”" in page.words, REMIND in page.text) == (False, True)
    assert ours not in (await second.get("/queues/second")).text


async def test_a_mark_that_is_set_again_waits_for_nobody(both: tuple[Desk, Desk]) -> None:
    """Who set it anew knows something: what was proposed before that is over."""
    desk, _ = both
    ours, at = await late(desk)
    welfare, first = [await desk.officer(name) for name in ("welfare", "first")]
    await welfare.get(at)
    await welfare.post(at, {"why": WHY})
    await first.get(at)
    await first.post(f"{at}/allow", {})
    assert "1" == (await welfare.get("/queues/second/count")).text
    await Escalation(desk.gateway.context).stop(ours, WHY, "welfare", "child_welfare")
    assert "0" == (await welfare.get("/queues/second/count")).text


async def test_a_reminder_is_offered_once_something_is_late(both: tuple[Desk, Desk]) -> None:
    """Before that it would be refused, and so would it be once a thread takes no more (D-10)."""
    desk, _ = both
    ours, _ = await story.acknowledged(desk.network)
    assert REMIND not in (await (await desk.officer("first")).get(f"/cases/{ours}")).text
    desk.network.clock.pass_(days=60)
    assert REMIND in (await (await desk.officer("first")).get(f"/cases/{ours}")).text
    await story.put(desk.network, "XAA", ours, State.ACKNOWLEDGED, reminders=REMINDERS_MAX)
    assert REMIND not in (await (await desk.officer("first")).get(f"/cases/{ours}")).text


async def test_the_mark_is_offered_while_an_answer_is_awaited(both: tuple[Desk, Desk]) -> None:
    """From when the request is written until it is answered: nobody is pressed after. A mark that stands is led to."""
    desk, _ = both
    ours = await desk.gateway.clear.new(story.draft(), "first")
    officer, at = await desk.officer("first"), f"/cases/{ours}/pressing"
    waiting = {
        State.DRAFT,
        State.CLEARED,
        State.NOT_ACCEPTED,
        State.SENT,
        State.DELIVERED,
        State.ACKNOWLEDGED,
        State.DECIDED,
        State.FROZEN,
    }
    for state in (*waiting, State.REPLIED, State.UNDELIVERED, State.PROPOSED, State.WITHDRAWN):
        await story.put(desk.network, "XAA", ours, state)
        assert (state in waiting) == (at in (await officer.get(f"/cases/{ours}")).text), state
    await Escalation(desk.gateway.context).stop(ours, WHY, "welfare", "child_welfare")
    assert at in (await officer.get(f"/cases/{ours}")).text


async def test_a_guardian_marks_and_does_not_take_the_mark_away(both: tuple[Desk, Desk]) -> None:
    """Nor does anybody mark a case of another State, or one in a role that does not answer for the person."""
    asking, asked = both
    ours, theirs = await story.acknowledged(asking.network)
    at = f"/cases/{ours}/pressing"
    guardian = await asking.officer("guardian")
    assert at in (await guardian.get(f"/cases/{ours}")).text
    await guardian.get(at)
    assert "“do not press”" in (await guardian.post(at, {"why": WHY})).words
    page = await guardian.get(at)
    assert ("two different persons" in page.words, f"{at}/allow" in page.text) == (True, False)
    assert 403 == (await guardian.post(f"{at}/allow", {})).status
    assert 403 == (await (await asking.officer("court")).get(at)).status
    clerk = await asked.officer("first")
    assert "pressing" not in (await clerk.get(f"/cases/{theirs}")).text
    assert 404 == (await clerk.get(f"/cases/{theirs}/pressing")).status
    assert 404 == (await (await asked.officer("welfare")).get(f"/cases/{theirs}/pressing")).status
