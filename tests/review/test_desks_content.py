"""What was opened for a reason is closed again when the reason ends, wherever a copy of it lies."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.case import State
from gateway.desks import forget_gone
from gateway.services.retain import erase_in
from gateway.web.interior import PAGES
from gateway.web.reasons import LASTS
from tests.support import story
from tests.web.interior.case_support import personal, recorded
from tests.web.support import Desk, Officer, one_desk

WHY = "a spelling to set right"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk of XAA."""
    async with one_desk(tmp_path, [PAGES]) as made:
        yield made


async def drafted(desk: Desk) -> str:
    """Return a case that is a draft."""
    return await desk.site.desk.clear.new(story.draft(), "first")


async def amending(officer: Officer, ref: str) -> str:
    """Open the draft of a case to change it and return the address of the copy."""
    await officer.get(f"/cases/{ref}/amend")
    answer = await officer.post(f"/cases/{ref}/amend", {"why": WHY})
    assert answer.path.startswith("/requests/"), answer.words
    return answer.path


async def test_the_copy_of_a_draft_is_shown_for_a_reason_and_each_look_is_recorded(desk: Desk) -> None:
    """A task that shows the person is a look of its own, as the case itself would be."""
    ref = await drafted(desk)
    first = await desk.officer("first")
    path = await amending(first, ref)
    before = await recorded(desk.network, "XAA", ref)
    assert personal((await first.get(f"{path}/names")).text)
    assert [*before, ("first", "view", WHY)] == await recorded(desk.network, "XAA", ref)


async def test_the_copy_of_a_draft_is_closed_when_the_reason_ends(desk: Desk) -> None:
    """Fifteen minutes later, or in another session, it is asked for again, and the same copy opens then."""
    ref = await drafted(desk)
    first = await desk.officer("first")
    path = await amending(first, ref)
    desk.network.clock.pass_(seconds=LASTS.total_seconds() - 60)
    await first.get("/")
    desk.network.clock.pass_(minutes=2)
    for page in ("/names", "/review", "/person"):
        shown = await first.get(path + page)
        assert shown.path.startswith(f"/cases/{ref}/amend"), page
        assert [] == personal(shown.text)
    answer = await first.post(f"/cases/{ref}/amend", {"why": WHY})
    assert f"{path}/person" == answer.path
    assert personal((await first.get(f"{path}/names")).text)


async def test_what_was_typed_into_the_copy_is_kept_while_the_reason_is_asked_for(desk: Desk) -> None:
    """A task posted after the reason ended is in its fields again once the reason is given."""
    ref = await drafted(desk)
    first = await desk.officer("first")
    path = await amending(first, ref)
    await first.get(f"{path}/person")
    desk.network.clock.pass_(minutes=14)
    await first.send("POST", "/session/keep", data={"csrf": first.session.csrf if first.session else ""})
    desk.network.clock.pass_(minutes=2)
    asked = await first.post(f"{path}/person", {"b.elements.birth_date": "1999-12"})
    assert asked.path.startswith(f"/cases/{ref}/amend")
    answer = await first.post(f"/cases/{ref}/amend", {"why": WHY})
    assert "1999-12" == answer.form(f"{path}/person")["b.elements.birth_date"]


@pytest.mark.parametrize("ends", ["locked", "erased"])
async def test_the_copy_of_a_draft_ends_with_its_case(desk: Desk, ends: str) -> None:
    """Of a case that is locked or erased nothing is shown any more, and its copies are deleted."""
    ref = await drafted(desk)
    first = await desk.officer("first")
    path = await amending(first, ref)
    if ends == "locked":
        await story.put(desk.network, "XAA", ref, State.BLOCKED)
    else:
        context = desk.gateway.context
        await story.put(desk.network, "XAA", ref, State.BLOCKED)
        await context.commit(lambda tx: erase_in(context, tx, ref, context.clock.now()))
    shown = await first.get(f"{path}/names")
    assert shown.status in (404, 409)
    assert [] == personal(shown.text)
    await first.get("/requests/new")
    await first.post("/requests/new")  # one that is of no case stays
    for _ in range(2):
        await forget_gone(desk.site)
        assert [""] == [one.ref for one in await desk.site.accounts.papers.works("first")]


async def test_a_name_typed_into_the_search_stands_in_no_address(desk: Desk) -> None:
    """What somebody types to find a case is posted: it may be a name, whatever the page asks for."""
    ours, _ = await story.acknowledged(desk.network)
    first = await desk.officer("first")
    for path in ("/", "/search"):
        page = await first.get(path)
        assert 'method="get"' not in page.text
        found = await first.post("/search", {"ref": ours})
        assert f"/cases/{ours}" == found.path
    await first.get("/search")
    missed = await first.post("/search", {"ref": "Иванова"}, follow=False)
    assert (404, "") == (missed.status, missed.location)


async def test_a_proof_of_presence_of_later_than_now_is_none(desk: Desk) -> None:
    """A clock that was set back does not lengthen what a proof is good for."""
    first = await desk.officer("first")
    assert first.session is not None
    now = desk.network.clock.now()
    assert first.session.is_fresh(now)
    assert not first.session.is_fresh(now - timedelta(minutes=30))
