"""The first page: figures that lead to lists, by role, and never more than a bounded count."""

import pytest

from gateway.web.interior import queues
from gateway.web.interior.queues import QUEUES, shown
from tests.support import story
from tests.support.network import PEOPLE
from tests.web.support import Desk, links_of


async def test_figures_are_those_of_the_lists(desk: Desk) -> None:
    """Each figure leads to its list and counts what is in it, also as a number for the script."""
    await desk.gateway.clear.new(story.draft(), "first")
    await story.cleared(desk.network)
    first = await desk.officer("first")
    page = await first.get("/")
    assert "/queues/drafts" in links_of(page.text)
    assert 'data-count-url="/queues/drafts/count"' in page.text
    found = [(await first.get(f"/queues/{name}/count")).text for name in ("drafts", "to-send", "open")]
    assert ["1", "1", "2"] == found


@pytest.mark.parametrize("name", [name for name, roles in PEOPLE.items() if "foreign_affairs" not in roles])
async def test_everybody_has_a_first_page(desk: Desk, name: str) -> None:
    """Each role has a first page; every card on it leads to a list that opens."""
    officer = await desk.officer(name)
    page = await officer.get("/")
    assert page.status == 200
    for link in (link for link in links_of(page.text) if link.startswith("/queues/")):
        assert (await officer.get(link)).status == 200, link


async def test_who_sees_no_case_is_not_sent_to_look_for_one(desk: Desk) -> None:
    """An information officer, who has no case, is told where the work is done, and nothing of finding a case."""
    words = (await (await desk.officer("writer")).get("/")).words
    assert (True, False) == ("at the machine itself" in words, "by its reference" in words)


def test_figure_is_bounded() -> None:
    """A figure is exact up to 99 and says 99+ from then on."""
    assert [shown(n) for n in (0, 99, 100, 5000)] == ["0", "99", "99+", "99+"]


async def test_a_figure_that_is_kept_fresh_is_the_one_of_the_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is more than is counted stays so: a minute later it was an exact number, and a wrong one."""
    monkeypatch.setattr(queues, "COUNT_MOST", 2)
    for _ in range(3):
        await desk.gateway.clear.new(story.draft(), "first")
    first = await desk.officer("first")
    fresh = (await first.get("/queues/drafts/count")).text
    assert ("1+", True) == (fresh, f'data-count-url="/queues/drafts/count">{fresh}<' in (await first.get("/")).text)


async def test_nobody_is_led_to_sign_in(desk: Desk) -> None:
    """Who has not signed in is led to do so, and learns nothing."""
    answer = await desk.nobody().get("/queues/open", follow=False)
    assert answer.status == 303
    assert answer.location.startswith("/sign-in")


async def test_texts_stand_in_every_language(desk: Desk) -> None:
    """The page is in the language asked for, right to left where it is written so."""
    page = await (await desk.officer("first", language="ar")).get("/")
    assert '<html class="govuk-template" lang="ar" dir="rtl" ' in page.text


def test_queue_names_are_neutral() -> None:
    """No name of a queue, which stands in addresses, says what happened to anybody."""
    for name in QUEUES:
        assert not any(word in name for word in ("victim", "traffick", "child", "asylum", "minor"))
