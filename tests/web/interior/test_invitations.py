"""Inviting to a case: who may, what is shown once, what is recorded, and taking it back."""

import re
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.case import State
from gateway.services import invitations
from gateway.services.context import Forbidden
from gateway.services.guests import is_guest
from gateway.services.invitations import INVITABLE
from gateway.services.ports import Unavailable
from gateway.services.retain import erase_in
from tests.support import homeward, story
from tests.web.interior.case_support import personal, read, recorded
from tests.web.support import Answer, Desk, Officer

FIELDS = {"role": "lawyer", "who": "guest", "until": "2026-12-24", "why": "Counsel of the person asked to take part"}


async def invited(officer: Officer, ref: str, **changes: str) -> Answer:
    """Invite as a person does: the form, the page with the effect, the button; return the page that comes then."""
    path = f"/cases/{ref}/invitations"
    await officer.get(path)
    asked = await officer.post(path, {**FIELDS, **changes})
    assert "Nobody has been invited yet" in asked.words, asked.words
    return await officer.post(path, {"confirm": "yes"})


def link_of(page: Answer) -> str:
    """Return the path of the link that the page shows; an empty text if it shows none."""
    found = re.search(r"http://interior\.localhost:\d+(/link/[\w-]+)", page.text)
    return found[1] if found else ""


async def one_of(desk: Desk, ref: str) -> Any:
    """Return the one invitation to a case."""
    (one,) = await desk.site.accounts.invitations(ref)
    return one


async def test_the_link_is_shown_once_and_opens_the_case(both: tuple[Desk, Desk]) -> None:
    """The page after the invitation has the link, the next one has not; it opens the guest's page, one time."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    made = await invited(officer, ref)
    link = link_of(made)
    assert link
    assert "" == link_of(await officer.get(made.path))
    assert "" == link_of(await officer.get(f"/cases/{ref}/invitations"))
    guest = desk.nobody()
    await guest.get(link)
    page = await guest.post(link)
    assert "/invited" == page.path
    for said in (made.words, (await officer.get(f"/cases/{ref}/invitations")).words, page.words):
        # It lasts to the end of its last day, and that is no beginning of the next.
        assert (True, False) == ("2026-12-24 23:59" in said, "00:00" in said), said
    assert "You were invited to this one case" in page.words
    late = desk.nobody()
    assert 410 == (await late.get(link)).status


async def test_nothing_is_done_before_the_confirmation_and_once_after_it(both: tuple[Desk, Desk]) -> None:
    """The form makes no invitation, the button one; sent twice it leads to the same."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    path = f"/cases/{ref}/invitations"
    await officer.get(path)
    asked = await officer.post(path, FIELDS)
    assert [] == list(await desk.site.accounts.invitations(ref))
    first = await officer.post(path, {"confirm": "yes"})
    officer.last = asked
    again = await officer.post(path, {"confirm": "yes"})
    assert first.path == again.path
    assert is_guest((await one_of(desk, ref)).person)


async def test_it_is_recorded_with_the_role_before_it_is_made(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of access says who invited, as what and why; if it cannot be written there is no invitation."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    path = f"/cases/{ref}/invitations"
    await officer.get(path)
    await officer.post(path, FIELDS)

    async def refuse() -> Any:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.gateway.store), "commit", lambda self, unit, partner: refuse())
        assert 503 == (await officer.post(path, {"confirm": "yes"})).status
    assert [] == list(await desk.site.accounts.invitations(ref))
    await invited(officer, ref, role="asylum_authority", who="protection")
    assert ("first", "invite", f"{FIELDS['why']} (protection)") == (await recorded(desk.network, "XAA", ref))[-1]
    rows = await desk.gateway.store.read(lambda tx: tx.accesses(ref))
    assert "asylum_authority" == rows[-1].recipient
    log = (await officer.get(f"/cases/{ref}/log")).words
    assert "invited somebody to the case Asylum authority" in log
    assert "protection" == (await one_of(desk, ref)).person


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"role": "second_signer"}, "Choose in which role."),
        ({"role": "reception"}, "Choose in which role."),  # a service of the side that accepts
        ({"role": ""}, "Choose in which role."),
        ({"who": ""}, "Choose who is invited."),
        ({"who": "nobody-here"}, "Choose who is invited."),
        ({"who": "guest.1"}, "Choose who is invited."),
        ({"who": "protection"}, "This person does not hold the role."),
        ({"until": "2026-02-31"}, "Enter the last day"),
        ({"until": "2026-W50-4"}, "Enter the last day"),
        ({"until": ""}, "Enter the last day"),
        ({"until": "9999-12-31"}, "Enter the last day"),
        ({"until": "2026-11-24"}, "The last day is over."),
        ({"until": "2027-06-01"}, "180 days at most"),
        ({"why": ""}, "Say why they are invited."),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(both: tuple[Desk, Desk], changes: dict[str, str], says: str) -> None:
    """A role that has no step here, a person without it, a day that is no day: nothing is made, also with confirm."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    path = f"/cases/{ref}/invitations"
    await officer.get(path)
    answer = await officer.post(path, {**FIELDS, **changes, "confirm": "yes"})
    assert 422 == answer.status
    assert says in answer.words
    assert [] == list(await desk.site.accounts.invitations(ref))


async def test_the_desk_in_charge_invites_and_nobody_else(both: tuple[Desk, Desk]) -> None:
    """The desk of its side; child welfare for a return of a minor, not of an adult; no other role."""
    asking, asked = both
    adult, _ = await homeward.proposed(asking.network)
    path = f"/cases/{adult}/invitations"
    statuses = {
        name: (await (await asking.officer(name)).get(path)).status
        for name in ("first", "second", "welfare", "coordinator", "signer", "protection", "guardian", "dpo", "escort")
    }
    assert {"first", "second"} == {name for name, status in statuses.items() if status == 200}
    assert {200, 403} == set(statuses.values())
    ours, theirs = await homeward.proposed(asking.network, minor=True)
    assert 200 == (await (await asking.officer("welfare")).get(f"/cases/{ours}/invitations")).status
    assert 200 == (await (await asked.officer("welfare")).get(f"/cases/{theirs}/invitations")).status
    assert 200 == (await (await asked.officer("second")).get(f"/cases/{theirs}/invitations")).status  # head of desk
    context = asking.gateway.context
    with pytest.raises(Forbidden, match="invites nobody"):
        await invitations.check_inviter(context, adult, "welfare", "child_welfare")
    with pytest.raises(Forbidden, match="invites nobody"):
        await invitations.check_inviter(context, adult, "first", "registry_clerk")


async def test_who_is_invited_invites_nobody(both: tuple[Desk, Desk]) -> None:
    """A guest in a role of the desk gets none of these pages, and the service refuses it too."""
    _, desk = both
    _, theirs = await story.received(desk.network)
    mine = await desk.site.accounts.invite(
        theirs, "lawyer", "first", desk.network.clock.now(), desk.network.clock.now() + timedelta(days=3)
    )
    guest = await desk.guest(theirs, "registry_clerk")
    assert guest.session is not None
    path = f"/cases/{theirs}/invitations"
    for at in (path, f"{path}/{mine.id}", f"{path}/{mine.id}/revoke"):
        await guest.get("/invited")
        assert 403 == (await guest.get(at)).status
        await guest.get("/invited")
        assert 403 == (await guest.post(at, {**FIELDS, "confirm": "yes"})).status
    assert "/invitations" not in (await guest.get(f"/cases/{theirs}")).text
    wish = invitations.Wish(theirs, "lawyer", None, desk.network.clock.now() + timedelta(days=3), "why")
    with pytest.raises(Forbidden):
        await invitations.invite(desk.gateway.context, desk.site.accounts, wish, guest.session.person, "registry_clerk")
    assert 2 == len(await desk.site.accounts.invitations(theirs))


async def test_taking_it_back_ends_link_and_sessions(both: tuple[Desk, Desk]) -> None:
    """At once: the open page asks to sign in, the link that was not used is dead, and it is on record."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    made = await invited(officer, ref)
    one = await one_of(desk, ref)
    guest = await desk.officer(one.person, level="link", invitation=one)
    assert 200 == (await guest.get("/invited")).status
    asked = await officer.get(f"{made.path}/revoke")
    assert "Nothing has been changed yet" in asked.words
    assert (await one_of(desk, ref)).revoked_at is None
    done = await officer.post(f"{made.path}/revoke")
    assert "taken back" in done.words
    assert "Taken back" in done.words
    assert (await guest.get("/invited")).path.startswith("/sign-in")
    assert 410 == (await desk.nobody().get(link_of(made))).status
    assert ("first", "uninvite", one.person) == (await recorded(desk.network, "XAA", ref))[-1]
    assert 404 == (await officer.post(f"{made.path}/revoke", {"confirm": "yes"})).status


async def test_no_page_of_invitations_tells_who_stopped_the_case(both: tuple[Desk, Desk]) -> None:
    """Which role stopped a case tells of the person, and is shown for a reason alone: these pages ask for none."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    made = await invited(officer, ref)
    one = await one_of(desk, ref)
    pages = (f"/cases/{ref}/invitations", made.path, f"{made.path}/revoke")
    before = [(await officer.get(page)).words for page in pages]
    await desk.gateway.hold.freeze(ref, "The person asked for time", one.person, "lawyer")
    assert before == [(await officer.get(page)).words for page in pages]


async def test_who_was_invited_as_the_guardian_of_before_is_not_said_to_be_let_in(both: tuple[Desk, Desk]) -> None:
    """Once the record names another, the list says of the invitation that it opens nothing; of a lawyer's it stands."""
    desk, _ = both
    draft = story.draft(**homeward.MINOR)
    ref = await desk.gateway.clear.new(draft, "first")
    officer = await desk.officer("first")
    for role in ("guardian", "lawyer"):
        await officer.get(f"/cases/{ref}/invitations")
        await officer.post(f"/cases/{ref}/invitations", {**FIELDS, "role": role})
        await officer.post(f"/cases/{ref}/invitations", {"confirm": "yes"})
    no_more, found = "Opens the case no more", []
    for _ in range(2):
        desk.network.clock.pass_(seconds=1)
        found.append((await officer.get(f"/cases/{ref}/invitations")).words.count(no_more))
        named = {**draft["representative"], "signed_by": "Youth Court"}
        await desk.gateway.clear.amend(ref, {**draft, "representative": named}, "first")
    (guardian,) = [one for one in await desk.site.accounts.invitations(ref) if one.role == "guardian"]
    assert [0, 1] == found
    assert no_more in (await officer.get(f"/cases/{ref}/invitations/{guardian.id}")).words


async def test_a_longer_time_keeps_the_guest_the_same_person(both: tuple[Desk, Desk]) -> None:
    """They may act again after the invitation ran out and was renewed; the link before is over."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    before = await invited(officer, ref, until="2026-11-26")
    one = await one_of(desk, ref)
    hold = desk.gateway.hold
    await hold.freeze(ref, "The person asked for time", one.person, "lawyer")
    desk.network.clock.pass_(days=3)
    with pytest.raises(Forbidden):
        await hold.freeze(ref, "And once more", one.person, "lawyer")
    assert 410 == (await desk.nobody().get(link_of(before))).status
    officer = await desk.officer("first")
    assert "Over" in (await officer.get(before.path)).words
    renewed = await officer.post(before.path, {"until": "2026-12-10", "why": "Counsel goes on"})
    link = link_of(renewed)
    assert link
    assert 410 == (await desk.nobody().get(link_of(before))).status
    assert one.person == (await one_of(desk, ref)).person
    await hold.freeze(ref, "And once more", one.person, "lawyer")
    assert ((one.person, "lawyer"),) == (await read(desk.network, "XAA", ref)).holders
    assert ("first", "invite", f"Counsel goes on ({one.person})") == (await recorded(desk.network, "XAA", ref))[-1]


async def test_what_was_taken_back_is_not_renewed(both: tuple[Desk, Desk]) -> None:
    """It is over for good, also by a form that was open before, and the record of access tells of no other."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    made = await invited(officer, ref)
    one = await one_of(desk, ref)
    await desk.site.accounts.revoke(one.id, ref, desk.network.clock.now())
    before = await recorded(desk.network, "XAA", ref)
    assert 404 == (await officer.post(made.path, {"until": "2026-12-10", "why": "Once more"})).status
    assert before == await recorded(desk.network, "XAA", ref)
    assert not desk.gateway.context.guests.invited(one.person, "lawyer", ref, desk.network.clock.now())


async def test_an_invitation_is_reached_by_its_own_case_alone(both: tuple[Desk, Desk]) -> None:
    """Under the reference of another case there is no such invitation, to see, to renew or to take back."""
    desk, _ = both
    ref, other = await story.sent(desk.network), await story.sent(desk.network)
    officer = await desk.officer("first")
    await invited(officer, ref)
    one = await one_of(desk, ref)
    await officer.get(f"/cases/{other}/invitations")
    for path in (f"/cases/{other}/invitations/{one.id}", f"/cases/{other}/invitations/{one.id}/revoke"):
        assert 404 == (await officer.get(path)).status
        await officer.get(f"/cases/{other}/invitations")
        fields = {"confirm": "yes", "until": "2026-12-10", "why": "Another case"}
        assert 404 == (await officer.post(path, fields)).status
    assert (await one_of(desk, ref)) == one


async def test_nobody_is_invited_to_a_case_that_is_locked_or_erased(both: tuple[Desk, Desk]) -> None:
    """A locked case keeps its list and takes no more, nor does one who was invited stay longer; erased, it is gone."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    path = f"/cases/{ref}/invitations"
    made = await invited(officer, ref)
    one = await one_of(desk, ref)
    await officer.get(path)
    await story.put(desk.network, "XAA", ref, State.BLOCKED)
    assert 404 == (await officer.post(path, {**FIELDS, "confirm": "yes"})).status
    assert "Nobody is invited to it any more" in (await officer.get(path)).words
    await officer.get(made.path)
    assert 404 == (await officer.post(made.path, {"until": "2027-01-10", "why": "Once more"})).status
    context = desk.gateway.context
    await context.commit(lambda tx: erase_in(context, tx, ref, context.clock.now()))
    assert 404 == (await officer.get(path)).status
    assert one == await one_of(desk, ref)


async def test_the_pages_name_no_person_of_the_case(both: tuple[Desk, Desk]) -> None:
    """List, confirmation and invitation tell of the case what a list tells."""
    desk, _ = both
    ref, _ = await homeward.proposed(desk.network, minor=True)
    officer = await desk.officer("first")
    for role in (role for role in INVITABLE if role not in ("reception", "document_issuer")):
        assert [] == personal((await invited(officer, ref, role=role)).text)
    listed = await officer.get(f"/cases/{ref}/invitations")
    assert [] == personal(listed.text)
    assert 6 == listed.words.count("A guest") - listed.words.count("A guest, who") - listed.words.count("A guest can")
    assert f"/cases/{ref}/invitations" in (await officer.get(f"/cases/{ref}")).text
