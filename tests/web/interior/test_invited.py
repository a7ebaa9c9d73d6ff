"""The page of who is invited, and that nothing else opens for them: no other case, no list, no later day."""

import re
from datetime import date, timedelta

import pyotp
import pytest

from gateway.core.case import State
from gateway.services import rights
from gateway.services.account_store import Invitation
from gateway.services.invitations import INVITABLE, invitable
from gateway.services.retain import erase_in
from gateway.web import interior
from gateway.web.visit import ANYONE, Route
from schemas import codes
from tests.support import homeward, story
from tests.web.interior.case_support import personal, read, recorded
from tests.web.support import Answer, Desk, Officer, links_of

WHY = "Advising the person on 25 November"
OPEN = {
    *("home", "invited", "invited-look", "fresh", "prove", "methods", "passkey-new", "passkey-add", "passkey-remove"),
    *("passkey-removed", "code-new", "code-add", "code-picture", "code-remove", "code-removed", "end-others", "keep"),
    *("sign-out", "leave", "others", "shortcuts", "shortcuts-form"),
}
"""Routes of no case that an invitation opens: its page, and the person's own account."""


async def guest_of(desk: Desk, ref: str, role: str, days: int = 20) -> tuple[Officer, Invitation]:
    """Return somebody invited to ``ref`` in ``role``, signed in, and the invitation."""
    now = desk.network.clock.now()
    made = await desk.site.accounts.invite(ref, role, "first", now, now + timedelta(days=days))
    return await desk.officer(made.person, level="link", invitation=made), made


async def opened(guest: Officer) -> str:
    """Give a reason and return the words of the page that shows the content then."""
    await guest.get("/invited")
    page = await guest.post("/invited", {"why": WHY})
    assert 200 == page.status
    return page.words


# The page.


async def test_every_role_is_told_who_is_responsible_and_nothing_of_the_person(both: tuple[Desk, Desk]) -> None:
    """Officer, state, own role and last day; the way to stop it at once where the tables give one."""
    for desk, at in zip(both, ("ours", "theirs"), strict=True):
        ours, theirs = await homeward.proposed(desk.network, minor=True)
        ref = ours if at == "ours" else theirs
        case = await read(desk.network, desk.country, ref)
        for role in invitable(case.side):
            guest, made = await guest_of(desk, ref, role)
            page = await guest.get("/")
            assert "/invited" == page.path
            assert "first" in page.words
            assert "Case officer" in page.words
            assert "A return was proposed" in page.words
            assert guest.desk.site.tongue("en").instant(made.until) in page.words
            assert [] == personal(page.text)
            stops = role not in ("escort", "reception", "document_issuer")
            assert stops == ("desk-noprint" in page.text)
            assert all(link.startswith((f"/cases/{ref}", "/", "?", "#")) for link in links_of(page.text))
            assert not re.search(rf"/cases/(?!{ref})", page.text)


async def test_who_can_only_stop_a_case_does_not_read_that_there_is_nothing(both: tuple[Desk, Desk]) -> None:
    """A lawyer whose one step is to stop the case is pointed to it, in place of reading that the role has none."""
    desk, _ = both
    guest, _ = await guest_of(desk, await story.sent(desk.network), "lawyer")
    page = await guest.get("/invited")
    said = ["There is no step for your role" in page.words, "Stop the case at once" in page.words]
    assert [False, True] == said
    assert "In this state your role has the one step at the top of this page, and no other." in page.words


async def test_a_guest_learns_how_to_come_in_again(both: tuple[Desk, Desk]) -> None:
    """The link is used up: while a means can be set up the page leads there, and else says who gives a new link."""
    desk, _ = both
    guest, made = await guest_of(desk, await story.sent(desk.network), "guardian")
    page, now, accounts = await guest.get("/invited"), desk.network.clock.now(), desk.site.accounts
    assert ("by a passkey or an authenticator app that you set up now" in page.words, True) == (
        True,
        "/account" in links_of(page.text),
    )
    assert 200 == (await guest.get("/account/passkey", follow=False)).status
    await accounts.renew(made.id, made.ref, now, now + timedelta(days=30))
    page = await guest.get("/invited")
    assert "To come in again, ask whoever invited you for a new link." in page.words
    assert "set up now" not in page.words
    secret = accounts.new_secret()
    await accounts.add_code(made.person, secret, pyotp.TOTP(secret).at(now), "interior", now)
    assert "Your link is used up" not in (await guest.get("/invited")).words


async def test_a_guardian_gets_the_account_for_a_reason_and_it_is_recorded(both: tuple[Desk, Desk]) -> None:
    """Nothing before the reason; then what was sent, to whom and when; each look is on record as one to the person."""
    desk, _ = both
    ref, _ = await story.replied(desk.network)
    for role in ("guardian", "lawyer"):
        guest, made = await guest_of(desk, ref, role)
        assert [] == personal((await guest.get("/invited")).text)
        assert 422 == (await guest.post("/invited", {"why": ""})).status
        words = await opened(guest)
        assert "Иванова" in words
        assert "Request" in words
        await guest.get("/invited")
        entries = [one for one in await recorded(desk.network, "XAA", ref) if one[0] == made.person]
        assert [(made.person, "view", WHY), (made.person, "access", WHY)] * 2 == entries
        closed = await guest.post("/invited", {"end": "yes"})
        assert [] == personal(closed.text)


async def test_a_reason_that_a_guest_gave_too_late_stands_there_again(both: tuple[Desk, Desk]) -> None:
    """As at every other page that asks why, it is in its field once they have come in again."""
    desk, _ = both
    guest, made = await guest_of(desk, await story.sent(desk.network), "guardian")
    await guest.get("/invited")
    desk.network.clock.pass_(minutes=20)
    await guest.post("/invited", {"why": WHY}, follow=False)
    again = await desk.officer(made.person, level="link", invitation=made)
    assert WHY == (await again.get("/invited")).form("/invited")["why"]


async def test_a_restriction_is_said_with_its_end(both: tuple[Desk, Desk]) -> None:
    """The account is held back, and who asks learns until when and where to complain (R-22)."""
    desk, _ = both
    ref, _ = await story.replied(desk.network)
    ground = next(iter(codes("restriction_ground")))
    await rights.restrict(desk.gateway.context, ref, ground, date(2026, 12, 20), "dpo")
    guest, made = await guest_of(desk, ref, "guardian")
    words = await opened(guest)
    assert "A restriction holds this back until 2026-12-20" in words
    assert "data-protection authority" in words
    assert [] == personal(words)
    assert (made.person, "access-withheld", WHY) in await recorded(desk.network, "XAA", ref)


async def test_who_carries_and_receives_sees_the_messages_of_their_task(both: tuple[Desk, Desk]) -> None:
    """The escort gets the plan, the receiving service what it prepares for, the issuer the document; no more."""
    asking, asked = both
    ours, theirs = await homeward.on_the_day(asking.network)
    cases = (
        (asking, ours, "escort", "return.schedule", "return.proposal"),
        (asked, theirs, "reception", "return.schedule", "return.proposal"),
        (asked, theirs, "document_issuer", "travel-document.issued", "return.schedule"),
    )
    names = codes("message_type")
    for desk, ref, role, shown, hidden in cases:
        guest, _ = await guest_of(desk, ref, role)
        assert [] == personal((await guest.get("/invited")).text)
        words = await opened(guest)
        assert names[shown]["en"] in words
        assert names[hidden]["en"] not in words
        assert (role == "document_issuer") == bool(personal(words))  # its request names whom the document is for


async def test_a_guest_stops_the_case_through_its_page(both: tuple[Desk, Desk]) -> None:
    """Two actions: the link on the page and the button; the case stands still, and the guest lets go of nothing."""
    desk, _ = both
    ref, _ = await story.received(desk.network)
    guest, made = await guest_of(desk, ref, "lawyer")
    page = await guest.get("/invited")
    freeze = next(link for link in links_of(page.text) if link.endswith("/steps/freeze"))
    asked = await guest.get(freeze)
    assert (200, True) == (asked.status, 'href="/invited"' in asked.text)
    fields = {"b.reason": "The person asked for it"}
    done = await guest.post(freeze, fields)
    assert ("/invited", True) == (done.path, "The case is stopped" in done.words)  # where the step was offered
    case = await read(desk.network, "XAA", ref)
    assert (State.FROZEN, ((made.person, "lawyer"),)) == (case.state, tuple(case.holders))
    again = await guest.get("/invited")
    assert "Stopped" in again.words
    assert not any(link.endswith("/steps/release") for link in links_of(again.text))
    assert "Let go of a case" not in again.words  # the officer, whom the page says to ask, may not do it either
    assert "Somebody of this gateway in your role can, who did not invite you" in again.words
    assert "Somebody of this gateway in your role can" not in page.words
    assert 403 == (await guest.get(f"/cases/{ref}/steps/release")).status


async def test_what_a_guest_cannot_take_is_said_and_not_linked(both: tuple[Desk, Desk]) -> None:
    """Steps that need a key or a second person are named without a link, and their pages are refused."""
    desk, _ = both
    _, theirs = await story.acknowledged(desk.network)
    asked = both[1]
    guest, _ = await guest_of(asked, theirs, "registry_clerk")
    page = await guest.get("/invited")
    assert "need somebody who has a place and a key of their own" in page.words
    links = links_of(page.text)
    assert f"/cases/{theirs}/steps/question" in links
    for verb in ("reply", "answer"):
        assert f"/cases/{theirs}/steps/{verb}" not in links
        assert 403 == (await guest.get(f"/cases/{theirs}/steps/{verb}")).status
        assert f"/steps/{verb}" not in (await guest.get(f"/cases/{theirs}")).text


async def test_a_person_of_the_configuration_is_held_to_the_invitation(both: tuple[Desk, Desk]) -> None:
    """In a session of the invitation they have its one role and its one case; the roles they hold besides are not."""
    desk, _ = both
    ref, other = await story.sent(desk.network), await story.sent(desk.network)
    now = desk.network.clock.now()
    made = await desk.site.accounts.invite(
        ref, "registry_clerk", "second", now, now + timedelta(days=3), person="first"
    )
    one = await desk.officer("first", level="code", invitation=made)
    assert "Registry clerk" in (await one.get("/invited")).words
    assert 404 == (await one.get(f"/cases/{other}")).status
    assert 403 == (await one.get(f"/cases/{ref}/steps/send")).status
    assert "need somebody who has a place" not in (await one.get("/invited")).words


async def test_without_an_invitation_there_is_no_such_page(both: tuple[Desk, Desk]) -> None:
    """An officer is led home; nobody is led to sign in."""
    desk, _ = both
    assert "/" == (await (await desk.officer("first")).get("/invited")).path
    assert (await desk.nobody().get("/invited")).path.startswith("/sign-in")


# Nothing else.


def _path(route: Route, ref: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", route.path.replace("{ref}", ref))


@pytest.mark.parametrize("role", INVITABLE)
async def test_no_route_of_the_desk_opens_another_case_or_a_list(both: tuple[Desk, Desk], role: str) -> None:
    """Every route of the interior desk, by GET or POST: not with another reference, and not without one."""
    desk = both[1] if role in ("reception", "document_issuer", "registry_clerk") else both[0]
    ours, theirs = await homeward.proposed(desk.network)
    other_ours, other_theirs = await homeward.proposed(desk.network)
    ref, other = (theirs, other_theirs) if desk is both[1] else (ours, other_ours)
    guest, _ = await guest_of(desk, ref, role)
    before = await story.row(desk.network, desk.country, other), await recorded(desk.network, desk.country, other)
    tried = 0
    for route in interior.PAGES.routes:
        if route.roles >= ANYONE or route.name in OPEN:
            continue
        answer = await _tried(guest, route, _path(route, other))
        assert answer.status in (403, 404), (route.method, route.path, answer.status)
        unknown = await _tried(guest, route, _path(route, "A" * 22))
        assert (unknown.status, unknown.words) == (answer.status, answer.words), route.path
        tried += 1
    assert tried > 30
    assert before == (
        await story.row(desk.network, desk.country, other),
        await recorded(desk.network, desk.country, other),
    )


def test_what_is_open_is_only_what_stands_in_the_list() -> None:
    """A new route without a reference that whoever signed in may take must be looked at for guests, and listed here."""
    free = {route.name for route in interior.PAGES.routes if "{ref}" not in route.path and "signed-in" in route.roles}
    assert free <= OPEN


async def _tried(guest: Officer, route: Route, path: str) -> Answer:
    await guest.get("/invited")
    if route.method == "GET":
        return await guest.get(path, follow=False)
    return await guest.post(path, {"confirm": "yes", "why": WHY}, follow=False)


# Not later, not after.


async def test_it_ends_on_its_day(both: tuple[Desk, Desk]) -> None:
    """A session of an invitation ends with it, in the middle of work."""
    desk, _ = both
    ref = await story.sent(desk.network)
    now = desk.network.clock.now()
    made = await desk.site.accounts.invite(ref, "lawyer", "first", now, now + timedelta(minutes=10))
    guest = await desk.officer(made.person, level="link", invitation=made)
    assert 200 == (await guest.get("/invited")).status
    desk.network.clock.pass_(minutes=10)
    assert (await guest.get("/invited")).path.startswith("/sign-in")
    assert (await guest.get(f"/cases/{ref}")).path.startswith("/sign-in")


@pytest.mark.parametrize("state", [State.BLOCKED, State.ERASED])
async def test_nothing_is_left_of_a_case_that_is_locked_or_erased(both: tuple[Desk, Desk], state: State) -> None:
    """The page is not there any more, and shows neither state nor content; also where a reason stood."""
    desk, _ = both
    ref, _ = await story.replied(desk.network)
    guest, _ = await guest_of(desk, ref, "guardian")
    await opened(guest)
    if state is State.BLOCKED:
        await story.put(desk.network, "XAA", ref, state)
    else:
        context = desk.gateway.context
        await context.commit(lambda tx: erase_in(context, tx, ref, context.clock.now()))
    answer = await guest.get("/invited")
    assert 404 == answer.status
    assert [] == personal(answer.text)
    assert 404 == (await guest.post("/invited", {"why": WHY})).status


async def test_a_role_that_was_taken_away_ends_the_invitation(both: tuple[Desk, Desk]) -> None:
    """A person of the configuration who no longer holds the role is not here by it either."""
    desk, _ = both
    ref = await story.sent(desk.network)
    now = desk.network.clock.now()
    made = await desk.site.accounts.invite(ref, "lawyer", "first", now, now + timedelta(days=3), person="lawyer")
    one = await desk.officer("lawyer", level="code", invitation=made)
    assert "/invited" == (await one.get("/invited")).path
    persons = dict(desk.site.accounts.persons)
    persons["lawyer"] = type(persons["lawyer"])("lawyer", frozenset({"court"}), bytes(32))
    desk.site.accounts.persons = persons
    assert (await one.get("/invited")).path.startswith("/sign-in")
