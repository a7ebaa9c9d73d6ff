"""A link proves that somebody holds a link: what it opens for a person who has means of their own."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.case import State
from gateway.services.account_store import Invitation
from tests.support import story
from tests.web.interior.case_support import put, read, two_desks
from tests.web.support import Desk, Officer

ATTESTED = {
    "b.protection.state": "none",
    "b.protection.attested_by": "protection",
    "b.protection.attested_on": "2026-11-24",
    "b.protection.basis": "INTERVIEW",
    "b.why": "asked to",
}


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Desk]:
    """The interior desk of the State that asks."""
    async with two_desks(tmp_path) as (made, _):
        yield made


async def by_link(desk: Desk, ref: str, role: str, person: str | None) -> tuple[Officer, Invitation]:
    """Invite, and return the browser of whoever used the link: here that is the desk that made it."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    made = await accounts.invite(ref, role, "first", now, now + timedelta(days=3), person=person)
    token = await accounts.make_link(made.person, "interior", "invitation", now, now + timedelta(days=1), made)
    holder = desk.nobody()
    await holder.get(f"/link/{token}")
    await holder.post(f"/link/{token}", follow=False)
    return holder, made


async def test_the_link_of_an_invitation_is_not_the_person_it_is_for(asking: Desk) -> None:
    """Whoever made it holds it first: no page, no step and no attestation in the name of a person who works here."""
    ref = await story.sent(asking.network)
    await put(asking.network, "XAA", ref, State.FROZEN, holders=(("protection", "asylum_authority"),))
    before = await read(asking.network, "XAA", ref)
    holder, _ = await by_link(asking, ref, "asylum_authority", "protection")
    for path in ("/invited", f"/cases/{ref}", f"/cases/{ref}/steps/attestation", "/account", "/account/passkey"):
        assert (await holder.get(path)).path.startswith("/again?"), path
    answer = await holder.post(f"/cases/{ref}/steps/attestation", {**ATTESTED, "confirm": "yes"}, follow=False)
    assert answer.location.startswith("/again?")
    await holder.get("/")
    answer = await holder.post(f"/cases/{ref}/steps/release", {"confirm": "yes"}, follow=False)
    assert answer.location.startswith("/again?")
    assert before == await read(asking.network, "XAA", ref)


async def test_no_means_is_added_for_a_person_by_the_link_of_an_invitation(asking: Desk) -> None:
    """A first passkey or app comes by the operator's link; a guest, who gets none, adds it by the invitation's."""
    ref = await story.sent(asking.network)
    holder, _ = await by_link(asking, ref, "lawyer", "lawyer")
    assert "/again?next=%2Faccount%2Fcode" == (await holder.get("/account/code")).path
    guest, _ = await by_link(asking, ref, "lawyer", None)
    page = await guest.get("/account/code")
    assert (200, "/account/code") == (page.status, page.path)


async def test_the_person_invited_goes_on_with_means_of_their_own(asking: Desk) -> None:
    """Once presence is proved the same session opens the page of the invitation, and that case alone."""
    ref = await story.sent(asking.network)
    holder, made = await by_link(asking, ref, "lawyer", "lawyer")
    now = asking.network.clock.now()
    session = await asking.site.accounts.find(holder.cookie, "interior", now)
    assert session is not None
    holder.cookie, proved = await asking.site.accounts.refresh(session, "code", now)
    assert made == proved.invitation
    page = await holder.get("/invited")
    assert (200, "/invited") == (page.status, page.path)


async def test_a_renewed_link_lets_go_of_nothing(asking: Desk) -> None:
    """The desk could follow a link it makes: what a guest stopped is let go with means of the guest's own."""
    ref = await story.sent(asking.network)
    guest = await asking.guest(ref, "lawyer")
    assert guest.session is not None
    assert guest.session.invitation is not None
    await asking.gateway.hold.freeze(ref, "danger", guest.session.person, "lawyer")
    assert 403 == (await guest.get(f"/cases/{ref}/steps/release")).status

    own = await asking.officer(guest.session.person, level="passkey", invitation=guest.session.invitation)
    assert 200 == (await own.get(f"/cases/{ref}/steps/release")).status
