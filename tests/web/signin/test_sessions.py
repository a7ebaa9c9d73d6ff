"""The sessions of one person, as the account page shows and ends them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.web import interior
from tests.web.support import Desk, one_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with one_desk(tmp_path, [interior.PAGES]) as made:
        yield made


async def test_open_sessions_are_listed_and_others_end_after_a_proof(desk: Desk) -> None:
    """Open sessions are listed, those that ran out are not; to end the others takes a fresh proof (ASVS 7.5.2)."""
    await desk.officer("first")
    desk.network.clock.pass_(minutes=16)
    other, here = await desk.officer("first"), await desk.officer("first")
    page = await here.get("/account")
    assert 2 == page.words.count("Confirmation desk 2026")
    assert 1 == page.words.count("This one")

    desk.network.clock.pass_(minutes=6)
    await here.get("/account")
    answer = await here.post("/account/sessions/end", follow=False)
    assert "/again" in answer.location
    assert 200 == (await other.get("/")).status

    fresh = await desk.officer("first")
    await fresh.get("/account")
    done = await fresh.post("/account/sessions/end")
    assert "other sessions were ended." in done.words
    assert "/sign-in" in (await other.get("/", follow=False)).location
