"""A link proves that somebody holds a link: what it opens for a person who has means of their own."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from gateway.core.case import State
from gateway.services import invitations
from gateway.services.account_store import Invitation
from gateway.services.context import Forbidden
from gateway.services.invitations import Wish
from tests.support import story
from tests.web.interior.case_support import read, two_desks
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
    await story.put(asking.network, "XAA", ref, State.FROZEN, holders=(("protection", "asylum_authority"),))
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


async def stopped_by_guest(desk: Desk, ref: str) -> tuple[Officer, Invitation, str]:
    """Invite a guest of the asylum authority as a desk does, who follows the link and stops the case."""
    accounts, now = desk.site.accounts, desk.network.clock.now()
    wish = Wish(ref, "asylum_authority", None, now + timedelta(days=20), "to attest")
    made, token = await invitations.invite(desk.gateway.context, accounts, wish, "first", "case_officer")
    guest = await following(desk, token)
    await guest.get(f"/cases/{ref}/steps/freeze")
    await guest.post(f"/cases/{ref}/steps/freeze", {"b.reason": "she asks for protection"})
    assert ((made.person, "asylum_authority"),) == (await read(desk.network, "XAA", ref)).holders
    return guest, made, token


async def following(desk: Desk, token: str) -> Officer:
    """Return the browser of whoever used the link."""
    browser = desk.nobody()
    await browser.get(f"/link/{token}")
    await browser.post(f"/link/{token}")
    return browser


async def renewed(desk: Desk, made: Invitation) -> str:
    """Renew an invitation as a desk does and return the token of the new link."""
    wish = Wish(made.ref, "", None, made.until, "the link was lost")
    context, accounts = desk.gateway.context, desk.site.accounts
    return (await invitations.renew(context, accounts, made.id, wish, "first", "case_officer"))[1]


async def sets_up_codes(desk: Desk, browser: Officer) -> bool:
    """Set up an app of codes in ``browser`` and return whether it was offered."""
    page = await browser.get("/account/code")
    found = re.search(r"Secret: ([A-Z2-7]{32})", page.words)
    if found is not None:
        await browser.post("/account/code", {"code": pyotp.TOTP(found[1]).at(desk.site.now())})
    return found is not None


async def test_a_renewed_link_sets_up_no_means_and_lets_go_of_nothing(asking: Desk) -> None:
    """The desk follows the link it made anew: no codes in the name of the guest who stopped the case (0021)."""
    ref, _ = await story.received(asking.network)
    _, made, _ = await stopped_by_guest(asking, ref)
    officer = await following(asking, await renewed(asking, made))
    assert not await sets_up_codes(asking, officer)
    assert "by the first link of the invitation alone" in (await officer.get("/account/passkey")).words
    await officer.get("/")
    assert 403 == (await officer.post(f"/cases/{ref}/steps/release", {"confirm": "yes"})).status
    assert ((made.person, "asylum_authority"),) == (await read(asking.network, "XAA", ref)).holders


async def test_means_that_a_desk_set_up_before_let_go_of_nothing(asking: Desk) -> None:
    """The desk opens the first link itself and hands over the second: its codes are no word of the guest's (0021)."""
    ref, _ = await story.received(asking.network)
    accounts, now = asking.site.accounts, asking.network.clock.now()
    wish = Wish(ref, "asylum_authority", None, now + timedelta(days=20), "to attest")
    made, token = await invitations.invite(asking.gateway.context, accounts, wish, "first", "case_officer")
    officer = await following(asking, token)
    assert await sets_up_codes(asking, officer)
    authority = await following(asking, await renewed(asking, made))
    await authority.get(f"/cases/{ref}/steps/freeze")
    await authority.post(f"/cases/{ref}/steps/freeze", {"b.reason": "she asks for protection"})
    assert 403 == (await officer.get(f"/cases/{ref}/steps/release")).status
    await officer.get("/")
    assert 403 == (await officer.post(f"/cases/{ref}/steps/release", {"confirm": "yes"})).status
    with pytest.raises(Forbidden):
        await asking.gateway.hold.release(ref, made.person, "asylum_authority")
    assert ((made.person, "asylum_authority"),) == (await read(asking.network, "XAA", ref)).holders


async def test_the_authority_itself_lets_go_for_its_guest(asking: Desk) -> None:
    """A person of the gateway in the very same role does, at the desk, and the case may be resumed then."""
    ref, _ = await story.received(asking.network)
    await stopped_by_guest(asking, ref)
    authority = await asking.officer("protection")
    await authority.get(f"/cases/{ref}/steps/release")
    await authority.post(f"/cases/{ref}/steps/release", {"confirm": "yes"})
    case = await read(asking.network, "XAA", ref)
    assert ((), True, State.FROZEN) == (case.holders, case.released, case.state)
