"""The whole story in a browser: a question is asked, approved, sent, answered; one is late; a return is refused."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.demo.report import case_of
from gateway.demo.states import ASKED
from gateway.web.language import LANGUAGES
from tests.web.browser.stage import Seat, Stage, staged
from tests.web.browser.story import OWN, WHY, Tale
from tests.web.chromium import CHROMIUM

pytestmark = pytest.mark.timeout(600)

TOLD = tuple(LANGUAGES) if os.environ.get("DESK_MANUAL") == "1" else ("en",)
"""Languages in which the story is told; the manual wants its pictures in each."""

PICTURES = [
    *("start", "home", "names", "gates", "tasks", "check", "asked", "passkey", "approve", "send", "timeline"),
    *("received", "answer", "codes", "reply", "clock", "late", "remind", "reminded", "sign-off", "refuse", "refused"),
]


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is missing")
@pytest.mark.parametrize("lang", TOLD)
async def test_story(tmp_path: Path, lang: str) -> None:
    """The story is told in full, in a world of its own: a return is refused once, and a week passes once."""
    async with staged(tmp_path) as stage:
        await tell(stage, lang)


async def tell(stage: Stage, lang: str) -> None:
    """Six people take a case from the first word to the answer, press for others, and stop a return."""
    tale = Tale(stage, lang)
    officer = await tale.draft()
    assert ("DRAFT", "") == await tale.state()
    assert officer.say("The case was opened. Nothing has been sent: a second person has to approve it.") == (
        await officer.told()
    )
    assert 403 == await officer.go(f"/cases/{tale.ref}/approve")

    liaison = await tale.approve()
    assert ("CLEARED", "") == await tale.state()
    assert liaison.say("Approved. Nothing has been sent yet.") == await liaison.told()

    await tale.send(officer)
    assert "DELIVERED" == (await tale.state())[0]

    clerk = await tale.answer()
    assert ("REPLIED", "REPLIED") == await tale.state()
    await clerk.go("/queues/to-answer")
    assert tale.their_ref not in await clerk.page.content()

    await tale.read(officer)
    main = await officer.page.locator("main").inner_text()
    assert officer.tongue.code("outcome", "NATIONAL") in main
    assert OWN[0] in main
    await officer.go(f"/cases/{tale.ref}/log")
    assert WHY in await officer.page.locator("main").inner_text()  # the reason stands in the record of access
    assert [] == await found_on(officer, OWN)

    board = await tale.press()
    assert "/reminders/" in board.path
    assert board.say("The reminder is in the outbox") in await board.page.locator("main").inner_text()
    assert [] == await found_on(board, OWN)

    welfare, minor = await tale.refuse()
    theirs, _ = await case_of(stage.world.gateways[ASKED], minor)
    assert ("REPLIED", f"/cases/{minor}") == (theirs.state, welfare.path)

    assert PICTURES == tale.pictures
    assert [] == stage.complaints()


async def found_on(seat: Seat, texts: Sequence[str]) -> list[str]:
    """Return which of ``texts`` the page holds anywhere."""
    html = await seat.page.content()
    return [text for text in texts if text in html]
