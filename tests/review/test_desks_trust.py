"""Two operators decide whom we believe: both are in office when it takes effect, and neither is a stolen link."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.web import operator
from tests.web.operator.support import staffed_desk
from tests.web.support import Desk

WHY = "liaison office, telephone"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Serve the operator's pages."""
    async with staffed_desk(tmp_path, [operator.PAGES]) as made:
        yield made


@pytest.mark.parametrize("ends", ["office", "role", "entry"])
async def test_the_word_of_who_no_longer_decides_is_not_the_first_of_two(desk: Desk, ends: str) -> None:
    """Who left after comparing a key is nobody's first officer: the next one begins anew, and the hold stays."""
    context, acts = desk.gateway.context, desk.site.extra["operate"].acts
    identity = context.trust.card("XBB").identity
    await acts.hold("XBB", WHY, "ada", "operator")
    assert not await acts.compare("XBB", identity, WHY, "ada", "operator")
    persons = dict(context.persons)
    ada = persons.pop("ada")
    if ends == "office":
        persons["ada"] = replace(ada, active_until=desk.network.clock.now())
    elif ends == "role":
        persons["ada"] = replace(ada, roles=frozenset({"dpo"}))
    context.persons = persons
    assert {} == await acts.comparisons()
    assert not await acts.compare("XBB", identity, WHY, "grace", "operator")
    assert ["XBB"] == list(context.trust.holds())
    assert "grace" == (await acts.comparisons())["XBB"].person


async def test_ending_all_sessions_ends_the_links_that_wait(desk: Desk) -> None:
    """A link that somebody else may hold opens nothing afterwards; one made later does."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    until = now + timedelta(hours=24)
    stolen = await accounts.make_link("grace", "operator", "enrol", now, until)
    others = await accounts.make_link("dora", "interior", "enrol", now, until)
    ada = await desk.officer("ada", "operator")
    await ada.get("/people/grace/end")
    await ada.post("/people/grace/end")
    assert await accounts.use_link(stolen, "operator", now) is None
    assert await accounts.use_link(others, "interior", now) is not None
    new = await accounts.make_link("grace", "operator", "enrol", now, until)
    assert await accounts.use_link(new, "operator", now) is not None
