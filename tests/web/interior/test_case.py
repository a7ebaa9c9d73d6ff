"""The page of a case: what is seen with and without a reason, by whom, and what is recorded before it is shown."""

import io
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway.core.case import Side, State
from gateway.core.referral import DUE, LIMITS
from gateway.core.tables import REQUESTED_ROWS, REQUESTING_ROWS, stop_event
from gateway.services import acts, evidence, person_stop, reading, rights
from gateway.services.ports import Conflict, Tx, Unavailable
from gateway.services.representing import REPRESENTING
from gateway.services.retain import erase_in
from gateway.web import words
from gateway.web.interior import PAGES
from gateway.web.interior import case as pages
from gateway.web.reasons import LASTS
from tests.support import homeward, story
from tests.support.network import make_network
from tests.support.restoring import LOST_NUMBER
from tests.support.spoilt import spoilt
from tests.web.interior.case_support import (
    WHY,
    everybody,
    looked,
    personal,
    recorded,
    title_of,
)
from tests.web.support import Desk, Officer, desks, links_of

PARTS = ("", "/timeline", "/messages", "/data", "/return", "/documents", "/print", "/log")


# Every state, every role.


@pytest.mark.parametrize("side", list(Side))
async def test_every_state_is_shown_to_every_role_and_names_nobody(both: tuple[Desk, Desk], side: Side) -> None:
    """Whatever state a case is in, each role gets its pages, in words, and nothing of the person without a reason."""
    desk = both[0] if side is Side.REQUESTING else both[1]
    ours, theirs = await homeward.handed_over(desk.network)
    ref = ours if side is Side.REQUESTING else theirs
    people = [await desk.officer(name) for name in everybody()]
    rows = REQUESTING_ROWS if side is Side.REQUESTING else REQUESTED_ROWS
    known = {state for state in State if any(state in (row.source, row.target) for row in rows)} - {State.ERASED}
    assert len(known) > 20
    for state in sorted(known):
        await story.put(desk.network, desk.country, ref, state)
        for one in people:
            answer = await one.get(f"/cases/{ref}")
            assert 200 == answer.status, (state, one.name, answer.words)
            assert words.STATES[state] in answer.words
            assert [] == personal(answer.text)
    assert all(action != "view" for _, action, _ in await recorded(desk.network, desk.country, ref))


@pytest.mark.parametrize("side", list(Side))
async def test_every_page_is_shown_in_every_state_for_a_reason(both: tuple[Desk, Desk], side: Side) -> None:
    """With a reason the desk gets each part of the case, in whatever state it is; once locked, no content any more."""
    desk = both[0] if side is Side.REQUESTING else both[1]
    ours, theirs = await homeward.handed_over(desk.network)
    ref = ours if side is Side.REQUESTING else theirs
    officer = await desk.officer("first")
    await looked(officer, ref)
    for state in State:
        if state is State.ERASED:
            continue
        await story.put(desk.network, desk.country, ref, state)
        for part in PARTS:
            answer = await officer.get(f"/cases/{ref}{part}")
            assert 200 == answer.status, (state, part, answer.words)
            is_shown = part in ("", "/print", "/return") and state is not State.BLOCKED
            assert is_shown == bool(personal(answer.text)), (state, part)


async def test_pages_of_a_role_are_its_own(both: tuple[Desk, Desk]) -> None:
    """A part of the case that is not for a role is not linked, and refused to who types its address."""
    desk, _ = both
    ours, _ = await homeward.handed_over(desk.network)
    for name in everybody():
        one = await desk.officer(name)
        roles = desk.site.desk.context.persons[name].roles
        linked = links_of((await one.get(f"/cases/{ours}")).text)
        for route in pages.ROUTES:
            if route.method == "GET":
                path = route.path.replace("{ref}", ours)
                status = (await one.get(path)).status
                assert (200 if roles & route.roles else 403) == status, (name, path)
                if path in linked:
                    assert roles & route.roles, (name, path)


async def test_foreign_affairs_have_no_page_here(both: tuple[Desk, Desk]) -> None:
    """Who works at the board is not at this desk."""
    desk, _ = both
    ours = await story.sent(desk.network)
    with pytest.raises(Exception, match="no access"):
        await desk.officer("board")
    assert 303 == (await desk.nobody().get(f"/cases/{ours}", follow=False)).status


# The head.


async def test_head_says_who_and_until_when(both: tuple[Desk, Desk]) -> None:
    """Partner, side, officer with roles, what is waited for, its day with the calendar, and the agreement."""
    desk, _ = both
    ours, _ = await story.acknowledged(desk.network)
    text = (await (await desk.officer("first")).get(f"/cases/{ours}")).words
    row = await story.row(desk.network, "XAA", ours)
    assert row.due_on is not None
    for wanted in (
        "Test State XBB",
        "We asked",
        "first Case officer, Registry clerk",
        f"Due on {row.due_on.isoformat()}",
        str(row.calendar),
        "working days left",
        "Figures not verified yet",
        words.STATES[State.ACKNOWLEDGED],
    ):
        assert wanted in text
    assert "Minor" not in text


async def test_head_is_late_in_words(both: tuple[Desk, Desk]) -> None:
    """A case past its day says so in working days of the calendar its day came from."""
    desk, _ = both
    ours, _ = await story.acknowledged(desk.network)
    desk.network.clock.pass_(days=30)
    text = (await (await desk.officer("first")).get(f"/cases/{ours}")).words
    assert re.search(r"\d+ working days late", text)


async def test_who_may_see_the_case_reads_that_the_person_is_represented(both: tuple[Desk, Desk]) -> None:
    """The desk and who is in charge read it in words on every page; the escort, who sees no case, does not."""
    desk, _ = both
    ours, _ = await homeward.handed_over(desk.network, minor=True)
    for name, reads in (("first", True), ("second", True), ("welfare", True), ("escort", False), ("issuer", False)):
        text = (await (await desk.officer(name)).get(f"/cases/{ours}")).words
        assert reads == ("Minor, or treated as one" in text), name


async def test_who_is_treated_as_a_minor_for_want_of_a_word_is_not_called_one(both: tuple[Desk, Desk]) -> None:
    """A request does not tell whether its person is a minor; who is asked reads that, and what follows from it."""
    asking, desk = both
    ours, theirs = await story.acknowledged(desk.network)
    text = (await (await desk.officer("first")).get(f"/cases/{theirs}")).words
    assert (True, False) == ("Not told whether a minor: treated as one" in text, "Minor, or treated" in text)
    assert "treated as one" not in (await (await asking.officer("first")).get(f"/cases/{ours}")).words


async def test_officer_who_left_is_told(both: tuple[Desk, Desk]) -> None:
    """An officer who is not of this gateway any more stands there as such."""
    desk, _ = both
    ours = await story.sent(desk.network)
    officer = await desk.officer("second")
    persons = desk.site.desk.context.persons
    desk.site.desk.context.persons = {id: one for id, one in persons.items() if id != "first"}
    assert "Not in office" in (await officer.get(f"/cases/{ours}")).words


async def test_title_and_addresses_name_nobody(both: tuple[Desk, Desk]) -> None:
    """Title, address and links of an opened case hold its reference and no identity."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    answer = await looked(officer, ours)
    assert personal(answer.text)
    assert [] == personal(title_of(answer.text) + answer.path + " ".join(links_of(answer.text)))
    assert ours in title_of(answer.text)


# Steps.


async def test_steps_are_those_of_the_tables(both: tuple[Desk, Desk]) -> None:
    """
    Every step that is linked is allowed now; what is left out answers a question that nobody asked, or says something
    in the name of a person whom who looks does not represent.
    """
    desk, _ = both
    ours, _ = await homeward.accepted(desk.network)
    unasked = {"use-report", "onward-answer", "confirmation", "destruction", "rectification-approval"}
    for name in everybody():
        officer = await desk.officer(name)
        roles = desk.site.desk.context.persons[name].roles
        may = {verb for verb, _ in acts.allowed(Side.REQUESTING, State.ACCEPTED, roles)}
        text = (await officer.get(f"/cases/{ours}")).text
        found = {one.rsplit("/", 1)[1] for one in links_of(text) if f"/cases/{ours}/steps/" in one}
        assert found <= may, name
        assert may - found <= unasked | ({"record"} if roles <= REPRESENTING else set()), name


async def test_stop_is_on_every_page_for_who_may(both: tuple[Desk, Desk]) -> None:
    """Whoever may stop the case finds the step on each page of it, one link away; who may not does not."""
    desk, _ = both
    ours, _ = await story.acknowledged(desk.network)
    assert "freeze" == stop_event(Side.REQUESTING, State.ACKNOWLEDGED)
    told = set()
    for name in everybody():
        officer = await desk.officer(name)
        roles = desk.site.desk.context.persons[name].roles
        may = any(verb == "freeze" for verb, _ in acts.allowed(Side.REQUESTING, State.ACKNOWLEDGED, roles))
        told.add(may)
        for tab in links_of((await officer.get(f"/cases/{ours}")).text):
            if re.fullmatch(rf"/cases/{ours}(/(timeline|messages|data|documents|log))?", tab):
                text = (await officer.get(tab)).text
                assert may == (f'href="/cases/{ours}/steps/freeze"' in text), (name, tab)
    assert {True, False} == told


async def test_after_departure_the_stop_is_to_call_back(both: tuple[Desk, Desk]) -> None:
    """Once the person is on the way the button calls them back."""
    desk, _ = both
    ours, _ = await homeward.departed(desk.network)
    text = (await (await desk.officer("first")).get(f"/cases/{ours}")).text
    assert f'govuk-button--warning" href="/cases/{ours}/steps/recall"' in text


async def test_nobody_is_called_back_who_has_not_left(both: tuple[Desk, Desk]) -> None:
    """Where the step would only be refused (V-35) it is no link: one is prepared, another stopped early."""
    here, there = both
    _, theirs = await homeward.accepted(here.network)
    await here.network.gateways["XBB"].returning.suspend(theirs, "not today", "welfare", "child_welfare")
    prepared, _ = await homeward.assessed(here.network)
    for desk, ref in ((here, prepared), (there, theirs)):
        text = (await (await desk.officer("first")).get(f"/cases/{ref}")).text
        assert f"/cases/{ref}/steps/recall" not in links_of(text)
        assert f"/cases/{ref}/steps/" in text


# Reasons and looks.


async def test_content_is_shown_for_a_reason_that_was_recorded(both: tuple[Desk, Desk]) -> None:
    """The page asks; the reason given is recorded with the look, and the content is there in words."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    before = await recorded(desk.network, "XAA", ours)
    closed = await officer.get(f"/cases/{ours}")
    assert "Why do you need to see it?" in closed.words
    assert [] == personal(closed.text)
    assert before == await recorded(desk.network, "XAA", ours)
    opened = await officer.post(f"/cases/{ours}/look", {"why": WHY})
    assert f"/cases/{ours}" == opened.path
    for wanted in ("Иванова", "Given names", "Is a national", "House 3"):
        assert wanted in opened.words
    assert [*before, ("first", "view", WHY)] == await recorded(desk.network, "XAA", ours)


async def test_digest_of_a_body_is_shown_for_a_reason(both: tuple[Desk, Desk]) -> None:
    """A body can be guessed by its digest: until somebody says why, the case and the page that sends show none."""
    desk, _ = both
    ours = await story.cleared(desk.network)
    digest = (await story.case(desk.network, "XAA", ours)).pending.digest
    officer = await desk.officer("first")
    closed = [await officer.get(f"/cases/{ours}{tail}") for tail in ("", "/send")]
    assert ["Prepared by" in closed[0].words, *(digest in page.text for page in closed)] == [True, False, False]
    assert digest in (await looked(officer, ours)).words


async def test_the_side_that_was_asked_sees_what_it_received(both: tuple[Desk, Desk]) -> None:
    """The desk of the other State sees what was sent to it, and nothing of the record that stays with the first."""
    _, desk = both
    _, theirs = await story.acknowledged(desk.network)
    text = (await looked(await desk.officer("first"), theirs)).words
    assert "What the other State sent" in text
    assert "Иванова" in text
    assert "House 3" not in text
    assert text.index("What is known of the person") < text.index("Conditions for who receives it")
    assert "How far the State that is asked may go" in text  # which is this one here, and the other one there


async def test_each_look_is_recorded(both: tuple[Desk, Desk]) -> None:
    """The reason is asked for once in a quarter of an hour, and every page that shows content is a look of its own."""
    desk, _ = both
    ours, _ = await homeward.proposed(desk.network)
    officer = await desk.officer("first")
    await looked(officer, ours)
    before = len(await recorded(desk.network, "XAA", ours))
    for path in ("", "/return", "/print", "/log"):
        await officer.get(f"/cases/{ours}{path}")
    actions = [action for _, action, _ in (await recorded(desk.network, "XAA", ours))[before:]]
    assert ["view", "view", "print", "log"] == actions


async def test_nothing_is_shown_if_the_look_cannot_be_recorded(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a store that takes nothing, the pages with content answer that they cannot now, and show none of it."""
    desk, _ = both
    ours, _ = await homeward.proposed(desk.network)
    officer = await desk.officer("first")
    await looked(officer, ours)
    before = await recorded(desk.network, "XAA", ours)
    for error in (Unavailable("the disk is full"), Conflict()):

        async def refuse(unit: Any, error: Exception = error) -> Any:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(type(desk.gateway.store), "commit", lambda self, unit, partner: refuse(unit))
            for path in ("", "/return", "/print", "/log"):
                answer = await officer.get(f"/cases/{ours}{path}")
                assert answer.status in (409, 503), path
                assert [] == personal(answer.text)
                assert WHY not in answer.text
    assert before == await recorded(desk.network, "XAA", ours)


async def test_a_reason_is_of_one_person_one_case_and_fifteen_minutes(both: tuple[Desk, Desk]) -> None:
    """It opens nothing for another person, nothing in another case, nothing at another sign-in, and nothing later."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    other = await story.sent(desk.network)
    officer, second = await desk.officer("first"), await desk.officer("second")
    await looked(officer, ours)
    assert [] == personal((await second.get(f"/cases/{ours}")).text)
    assert [] == personal((await officer.get(f"/cases/{other}")).text)
    desk.network.clock.pass_(minutes=10)
    assert personal((await officer.get(f"/cases/{ours}")).text)
    again = await desk.officer("first")
    assert [] == personal((await again.get(f"/cases/{ours}")).text)
    desk.network.clock.pass_(seconds=LASTS.total_seconds() - 600)
    assert [] == personal((await officer.get(f"/cases/{ours}")).text)


async def test_a_reason_given_at_one_node_stands_at_the_other(tmp_path: Path) -> None:
    """Behind one address the next request may come to another process: it does not ask again."""
    network = await make_network(tmp_path)
    async with desks(network, tmp_path, [PAGES]) as one, desks(network, tmp_path, [PAGES]) as two:
        ref = await story.sent(network)
        here = await one.officer("first")
        there = Officer(two, "first", "interior", here.cookie, here.session)
        await here.get(f"/cases/{ref}/pictures")
        await here.get(f"/cases/{ref}/pictures")
        await here.post(f"/cases/{ref}/look", {"why": "to see it", "back": f"/cases/{ref}/pictures"})
        assert 'name="why"' not in (await there.get(f"/cases/{ref}/pictures")).text
    await network.close()


async def test_a_reason_can_be_taken_back(both: tuple[Desk, Desk]) -> None:
    """Who is done closes the content, and is asked again."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    await looked(officer, ours)
    closed = await officer.post(f"/cases/{ours}/look/end")
    assert "The content is closed again." in closed.words
    assert [] == personal(closed.text)


async def test_a_reason_has_words(both: tuple[Desk, Desk]) -> None:
    """Nothing, blanks, two letters or a treatise are no reason: the field says what is wrong, nothing is recorded."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    before = await recorded(desk.network, "XAA", ours)
    for why in ("", "   ", "ok", "x" * 401):
        await officer.get(f"/cases/{ours}")
        answer = await officer.post(f"/cases/{ours}/look", {"why": why})
        assert 422 == answer.status
        assert "There is a problem" in answer.words
        assert 'href="#why"' in answer.text
        assert title_of(answer.text).startswith("Error:")
        assert [] == personal(answer.text)
    assert before == await recorded(desk.network, "XAA", ours)


async def test_a_reason_leads_to_its_own_case(both: tuple[Desk, Desk]) -> None:
    """Whatever address the form names, the way on is a page of this case."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    for back in ("https://elsewhere.example/", "//elsewhere.example", "/", "/cases/other/log", f"/cases/{ours}//x"):
        await officer.get(f"/cases/{ours}")
        answer = await officer.post(f"/cases/{ours}/look", {"why": WHY, "back": back}, follow=False)
        assert f"/cases/{ours}" == answer.location.removesuffix("//x")


async def test_content_is_for_the_desk(both: tuple[Desk, Desk]) -> None:
    """Child welfare, the data-protection officer or an escort give a reason and still see no draft."""
    desk, _ = both
    ours, _ = await homeward.handed_over(desk.network, minor=True)
    for name in ("welfare", "coordinator", "dpo"):
        officer = await desk.officer(name)
        await officer.get(f"/cases/{ours}/timeline")
        await officer.post(f"/cases/{ours}/look", {"why": WHY, "back": f"/cases/{ours}/print"})
        for path in ("", "/print"):
            assert [] == personal((await officer.get(f"/cases/{ours}{path}")).text), (name, path)


async def test_nothing_is_called_sent_that_waits(both: tuple[Desk, Desk]) -> None:
    """While the line is down a message stands in the timeline as one that is to be sent, and as sent once it left."""
    desk, _ = both
    ref = await story.sent(desk.network)
    officer = await desk.officer("first")
    for path in ("/timeline", "/messages"):
        text = (await officer.get(f"/cases/{ref}{path}")).words
        assert (True, False) == ("To be sent: Request for confirmation" in text, "Sent: Request" in text)
    await desk.network.deliver()
    assert "Sent: Request for confirmation" in (await officer.get(f"/cases/{ref}/timeline")).words


async def test_who_stopped_and_why_is_content(both: tuple[Desk, Desk]) -> None:
    """That the case is stopped stands in its head; by which role and why only for a reason."""
    desk, _ = both
    ours, _ = await story.acknowledged(desk.network)
    due_on = (await story.row(desk.network, "XAA", ours)).due_on
    await desk.gateway.hold.freeze(ours, "she spoke of fear", "protection", "asylum_authority")
    officer = await desk.officer("first")
    assert "Stopped: not counted as late here" in (await officer.get("/queues/held")).words
    for path in ("", "/timeline", "/messages"):
        text = (await officer.get(f"/cases/{ours}{path}")).words
        assert f"Stopped: not counted as late here The due day stays {due_on}" in text
        assert words.STATES[State.FROZEN] in text
        assert "Asylum authority" not in text
        assert "fear" not in text
    assert "Why the case stands still" in (await officer.get(f"/cases/{ours}")).words  # and where to read it
    opened = await looked(officer, ours)
    assert "Asylum authority" in opened.words
    assert "she spoke of fear" in opened.words


async def test_that_another_case_of_the_person_is_stopped_is_content(both: tuple[Desk, Desk]) -> None:
    """Of somebody who has departed the desk is told without a reason that it has to decide, and for one why."""
    desk, _ = both
    ours, _ = await homeward.departed(desk.network)
    asylum = {"state": "requested", "attested_by": None, "attested_on": None, "basis": None}
    other = await desk.gateway.clear.new(story.draft(to="XCC", asylum=asylum), "first")
    officer = await desk.officer("first")
    for path in ("", "/timeline", "/messages"):
        assert "another case" not in (await officer.get(f"/cases/{ours}{path}")).words
    assert person_stop.TO_DECIDE in (await officer.get(f"/cases/{ours}")).words
    page = (await looked(officer, ours)).words
    assert f"shares a value with this person is stopped: {other}." in page
    assert ("What is held back, and why" in page, "Why the case is stopped" in page) == (True, False)
    await desk.gateway.returning.recall(ours, "a danger there", "UNSAFE", "2026-12-20", "first", "case_officer")
    page = (await officer.get(f"/cases/{ours}")).words
    assert ("Why the person is called back" in page, "Why the case is stopped" in page) == (True, False)


async def test_what_another_case_says_is_told_in_the_language_of_the_page(both: tuple[Desk, Desk]) -> None:
    """Which case has the same number and another age, and what is set right first: for a reason, and not in English."""
    desk, _ = both
    document = {"type": "P", "number": "AB 12345", "issuer": "XBB"}
    hers = {"elements": {**story.ADULT["elements"], "document": document}}
    ours = await story.sent(desk.network, **hers)
    child = await desk.gateway.clear.new(story.draft(to="XCC", **homeward.MINOR, **hers), "first")
    await desk.network.deliver()
    officer = await desk.officer("first")
    await looked(officer, ours)
    assert f"as a minor: {child}. What is wrong" in (await officer.get(f"/cases/{ours}")).words
    other = await desk.officer("second", language="fr")
    await looked(other, ours)
    said = (await other.get(f"/cases/{ours}")).words
    assert f"mineure : {child}. Ce qui est faux" in said
    assert "as a minor" not in said


async def test_a_referral_is_content_and_is_ended_with_a_reason(both: tuple[Desk, Desk]) -> None:
    """That no State takes the person for its own is told for a reason alone, and ended by an officer."""
    desk, _ = both
    ours, theirs = await story.replied(desk.network, "NOT_NATIONAL", reason="CITIZENSHIP_LOST")
    officer, path = await desk.officer("first"), f"/cases/{ours}/task"
    for part in PARTS:
        assert "stateless" not in (await officer.get(f"/cases/{ours}{part}")).words.lower()
    shown = await looked(officer, ours)
    assert [DUE, LIMITS] == [text for text in (DUE, LIMITS) if text in shown.words]
    assert DUE not in (await looked(await both[1].officer("first"), theirs)).words
    assert 422 == (await officer.post(path, {"why": ""})).status
    assert DUE not in (await officer.post(path, {"why": "referred to the determining office"})).words
    done = ("first", "settle", "referred to the determining office")
    assert done in await recorded(desk.network, "XAA", ours)


async def test_who_signs_for_the_desk_sees_a_referral_and_ends_none(both: tuple[Desk, Desk]) -> None:
    """Whoever sees the content sees what it asks for; the form is an officer's."""
    desk, _ = both
    ours, _ = await story.replied(desk.network, "NOT_NATIONAL", reason="CITIZENSHIP_LOST")
    signer = await desk.officer("signer")
    shown = await looked(signer, ours)
    assert (True, False) == (DUE in shown.words, f"/cases/{ours}/task" in shown.text)
    assert 403 == (await signer.post(f"/cases/{ours}/task", {"why": WHY})).status


# Somebody else's case, no case, a case that is over.


async def test_unknown_reference(both: tuple[Desk, Desk]) -> None:
    """A reference that is none is answered like one that is not yours, on every page."""
    desk, _ = both
    officer = await desk.officer("first")
    for ref in ("AaIR7uqAAAAAAAAAAAAAAA", "..%2f..%2fetc", "x" * 300):
        for path in PARTS:
            answer = await officer.get(f"/cases/{ref}{path}")
            assert 404 == answer.status
            assert "no such case" in answer.words.lower()


async def test_an_invitation_opens_one_case(both: tuple[Desk, Desk]) -> None:
    """Who is invited sees that one case, and another like one that does not exist."""
    desk, _ = both
    ours, _ = await homeward.handed_over(desk.network, minor=True)
    other = await story.sent(desk.network)
    guest = await desk.guest(ours, "guardian")
    assert 200 == (await guest.get(f"/cases/{ours}")).status
    for ref in (other, "AaIR7uqAAAAAAAAAAAAAAA"):
        for path in ("", "/return", "/documents"):
            answer = await guest.get(f"/cases/{ref}{path}")
            assert 404 == answer.status
            assert other not in answer.words


async def test_a_guest_sees_the_return_for_a_reason(both: tuple[Desk, Desk]) -> None:
    """The guardian whom the desk invited need not stand in the file; the look is recorded under the guest's id."""
    desk, _ = both
    ours, _ = await homeward.proposed(desk.network, minor=True)
    guest = await desk.guest(ours, "guardian")
    answer = await looked(guest, ours, "/return")
    assert "Days of the return" in answer.words
    assert (guest.name, "view", WHY) == (await recorded(desk.network, "XAA", ours))[-1]


async def test_a_guardian_of_another_person_sees_nothing(both: tuple[Desk, Desk]) -> None:
    """Without an invitation the file must name the guardian, or the answer is that of no case at all."""
    desk, _ = both
    ours, _ = await homeward.proposed(desk.network, minor=True)
    officer = await desk.officer("guardian")
    answer = await looked(officer, ours, "/return")
    assert 404 == answer.status


async def test_locked_case_shows_no_content(both: tuple[Desk, Desk]) -> None:
    """A locked case says that it is, and gives content to nobody, whatever the reason."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    await looked(officer, ours)
    await story.put(desk.network, "XAA", ours, State.BLOCKED)
    before = await recorded(desk.network, "XAA", ours)
    for path in ("", "/return", "/print"):
        answer = await officer.get(f"/cases/{ours}{path}")
        assert "locked or erased" in answer.words
        assert [] == personal(answer.text)
    assert before == await recorded(desk.network, "XAA", ours)


async def test_erased_case_keeps_its_history_and_its_evidence(both: tuple[Desk, Desk]) -> None:
    """Of an erased case the steps and receipts stay, and who looked; not why, nor anything of the person."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    await looked(officer, ours)
    context = desk.gateway.context
    await story.put(desk.network, "XAA", ours, State.BLOCKED)

    async def erase(tx: Tx) -> None:
        await erase_in(context, tx, ours, context.clock.now())

    await context.commit(erase)
    for path in PARTS:
        answer = await officer.get(f"/cases/{ours}{path}")
        assert 200 == answer.status, path
        assert [] == personal(answer.text)
        assert WHY not in answer.text
    assert "looked at the content" in (await officer.get(f"/cases/{ours}/log")).words
    await officer.get(f"/cases/{ours}/documents")
    taken = await officer.post(f"/cases/{ours}/evidence", {"why": WHY})
    assert 200 == taken.status
    assert zipfile.is_zipfile(io.BytesIO(taken.body))


# Timeline, messages, data.


async def test_timeline_tells_steps_by_role_and_messages_with_their_proof(both: tuple[Desk, Desk]) -> None:
    """What happened and what passed, the latest first, by role, without a person's id."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    text = (await (await desk.officer("second")).get(f"/cases/{ours}/timeline")).words
    body = text[text.index("The latest first") :]
    places = [body.index(words.EVENTS[name]) for name in ("reply", "acknowledgement", "send", "approve", "open")]
    assert sorted(places) == places
    assert "Sent: Request for confirmation" in body
    assert "Received: Reply" in body
    assert not re.search(r"\b(first|second|signer)\b", body.replace("The latest first", ""))


async def test_messages_show_what_proves_them(both: tuple[Desk, Desk]) -> None:
    """A receipt is checked while the page is made, in both directions, with its number in the log of who gave it."""
    desk, asked = both
    ours, theirs = await story.replied(desk.network)
    passed = await reading.messages(desk.gateway.context, ours)
    assert [("verification.request", True), ("verification.acknowledgement", False), ("verification.reply", False)] == [
        (one.type, one.ours) for one in sorted(passed, key=lambda one: (not one.ours, one.seq or 0))
    ]
    assert {"checked"} == {one.proof.state for one in passed}
    assert {"XBB/XAA/1"} == {one.proof.origin for one in passed if one.ours}
    assert {"XAA/XBB/1"} == {one.proof.origin for one in passed if not one.ours}
    assert {"checked"} == {one.proof.state for one in await reading.messages(asked.gateway.context, theirs)}
    text = (await (await desk.officer("first")).get(f"/cases/{ours}/messages")).words
    assert 3 == text.count("Receipt and log entry are genuine")


@pytest.mark.parametrize("fault", ["other", "flipped"])
async def test_a_receipt_that_does_not_verify_says_so(both: tuple[Desk, Desk], fault: str) -> None:
    """A stored answer of another message, or with one byte changed, is told apart when the page is made."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    other, _ = await story.acknowledged(desk.network, officer="second")
    context = desk.gateway.context

    async def change(tx: Tx) -> None:
        mine = (await tx.outbound_of_case(ours))[0]
        answer = (await tx.outbound_of_case(other))[0].answer
        assert mine.answer is not None
        if fault == "flipped":
            at = mine.answer.index(b'"proof"') - 10
            answer = mine.answer[:at] + (b"A" if mine.answer[at : at + 1] != b"A" else b"B") + mine.answer[at + 1 :]
        await tx.save_outbound(mine._replace(answer=answer))

    await context.commit(change)
    text = (await (await desk.officer("first")).get(f"/cases/{ours}/messages")).words
    assert 1 == text.count("do not verify; tell the operator")
    assert 2 == text.count("Receipt and log entry are genuine")


async def test_message_on_its_way_has_no_receipt(both: tuple[Desk, Desk]) -> None:
    """What waits in the outbox says so, and proves nothing yet."""
    desk, _ = both
    ours = await story.sent(desk.network)
    text = (await (await desk.officer("first")).get(f"/cases/{ours}/messages")).words
    assert "Waiting in the outbox" in text
    assert "No receipt yet" in text


async def test_a_proof_outlives_its_answer(both: tuple[Desk, Desk]) -> None:
    """Once the answers are purged, the number in our log is still told for what we received."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    context = desk.gateway.context

    async def purge(tx: Tx) -> None:
        for row in await tx.inbound_of_case(ours):
            await tx.save_inbound(row._replace(answer=None))

    await context.commit(purge)
    states = {(one.ours, one.proof.state) for one in await reading.messages(context, ours)}
    assert {(True, "checked"), (False, "entered")} == states
    text = (await (await desk.officer("first")).get(f"/cases/{ours}/messages")).words
    assert 2 == text.count("Entered in our log as number")


@pytest.mark.parametrize("path", ["/timeline", "/messages", "/log"])
async def test_what_is_long_goes_on_behind_its_first_page(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Without gap or overlap, for who may take no evidence too."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    for _ in range(4):
        await looked(officer, ours)
    seen, at = list[str](), f"/cases/{ours}{path}"
    pattern = re.compile(r'<li class="desk-timeline__event">.*?</li>|<tr [^>]*>\s*<th scope="row".*?</tr>', re.DOTALL)
    officer = await desk.officer("second")
    whole = pattern.findall((await officer.get(at)).text)
    monkeypatch.setattr(reading, "SHOWN_MAX", 2)
    while at:
        text = (await officer.get(at)).text
        seen += (found := pattern.findall(text))
        assert len(found) <= 2
        onward = re.search(r'href="([^"]*)" rel="next"', text)
        at = onward[1] if onward else ""
    assert (whole, True) == (seen, len(whole) > 2)


async def test_the_answer_is_read_first(both: tuple[Desk, Desk]) -> None:
    """Whoever opens an answered case reads what was found before our own record, and before the conditions of it."""
    desk, _ = both
    ours, _ = await story.replied(desk.network, "NOT_FOUND")
    words = (await looked(await desk.officer("first"), ours)).words
    told = [words.index(text) for text in ("The reply What was found", "Our record State to ask")]
    assert sorted(told) == told
    reply = words[told[0] : told[1]]
    assert reply.index("What was found") < reply.index("Conditions for who receives it")


async def test_a_second_look_is_offered_once(both: tuple[Desk, Desk]) -> None:
    """It can be asked for one time only, so the case that was answered anew does not offer it."""
    desk, _ = both
    ours, theirs = await story.replied(desk.network, "NOT_FOUND")
    officer, path = await desk.officer("first"), f"/cases/{ours}/steps/contest"
    assert path in links_of((await officer.get(f"/cases/{ours}")).text)
    await desk.gateway.clear.contest(ours, "NEW_ELEMENT", "first")
    await desk.network.deliver()
    await story.give_answer(desk.network, theirs, story.reply())
    await desk.network.deliver()
    page = await officer.get(f"/cases/{ours}")
    assert ("REPLIED", False) == (await story.state(desk.network, "XAA", ours), path in links_of(page.text))


async def test_no_look_stands_on_two_pages_of_an_opened_record(
    both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page of it is a look that is recorded, and moved what follows by a line."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    for number in range(5):
        await desk.site.desk.evidence(ours, "second", "liaison_officer", f"check number {number}")
    await looked(officer, ours)
    monkeypatch.setattr(reading, "SHOWN_MAX", 2)
    words, at = "", f"/cases/{ours}/log"
    while at:
        page = await officer.get(at)
        words += page.words
        onward = re.search(r'href="([^"]*)" rel="next"', page.text)
        at = onward[1] if onward else ""
    assert [1] * 5 == [words.count(f"check number {number}") for number in range(5)]


async def test_questions_about_data_have_their_state(both: tuple[Desk, Desk]) -> None:
    """What was asked and demanded stands in words on both sides, open until it is answered."""
    desk, asked = both
    ours, theirs = await story.replied(desk.network)
    await desk.gateway.notices.ask_use(ours, "first", "case_officer")
    await desk.gateway.notices.strike(ours, ["BIRTH_PLACE"], "first", "case_officer")
    await desk.network.deliver()
    here, there = await desk.officer("first"), await asked.officer("first")
    text = (await here.get(f"/cases/{ours}/data")).words
    assert "Request for a report on use, number 1" in text
    assert "Rectification, number 1" in text
    assert "Place of birth" in text
    assert 2 == text.count("From us")
    page = await there.get(f"/cases/{theirs}/data")
    assert 2 == page.words.count("From the other State")
    assert f"/cases/{theirs}/steps/use-report" in links_of(page.text)
    await asked.gateway.notices.confirm(theirs, 1, "DONE", "first", "registry_clerk")
    await asked.network.deliver()
    assert "Answered" in (await here.get(f"/cases/{ours}/data")).words
    assert f"/cases/{theirs}/steps/confirmation" not in links_of((await there.get(f"/cases/{theirs}/data")).text)


# Documents.


async def test_evidence_is_a_file_that_was_recorded(both: tuple[Desk, Desk]) -> None:
    """
    The download is the zip of the export, without content, and its look is recorded with the reason. Its form alone of
    the page says that a file comes, for the page stays.
    """
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    page = await officer.get(f"/cases/{ours}/documents")
    assert [f"/cases/{ours}/evidence"] == re.findall(r'<form [^>]*action="([^"]*)"[^>]* data-file>', page.text)
    taken = await officer.post(f"/cases/{ours}/evidence", {"why": WHY})
    assert ("application/zip", f'attachment; filename="evidence-{ours}.zip"') == (
        taken.headers["Content-Type"],
        taken.headers["Content-Disposition"],
    )
    with zipfile.ZipFile(io.BytesIO(taken.body)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert [] == personal(whole.decode("utf-8", "replace"))
    assert ("first", "evidence", WHY) == (await recorded(desk.network, "XAA", ours))[-1]


@pytest.mark.parametrize("what", ["evidence", "account"])
async def test_no_document_without_a_reason(both: tuple[Desk, Desk], what: str) -> None:
    """Neither evidence nor account is made without words; the field says so."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    before = await recorded(desk.network, "XAA", ours)
    await officer.get(f"/cases/{ours}/documents")
    answer = await officer.post(f"/cases/{ours}/{what}", {"why": " "})
    assert 422 == answer.status
    assert f'href="#why-{what}"' in answer.text
    assert before == await recorded(desk.network, "XAA", ours)


@pytest.mark.parametrize(("page", "place"), [("", "look"), ("/documents", "evidence"), ("/documents", "account")])
async def test_a_reason_typed_outlasts_the_session(both: tuple[Desk, Desk], page: str, place: str) -> None:
    """Whoever signs in again after a pause finds in the form what they had typed there."""
    desk, _ = both
    ref, why = await story.sent(desk.network), "the court asked for it in 7 Hv 12/26"
    officer = await desk.officer("first")
    await officer.get(f"/cases/{ref}{page}")
    desk.network.clock.pass_(minutes=20)
    out = await officer.post(f"/cases/{ref}/{place}", {"why": why}, follow=False)
    assert f"/sign-in?next=%2Fcases%2F{ref}%2F{place}&kept=1" == out.location
    shown = await (await desk.officer("first")).get(f"/cases/{ref}/{place}")
    assert (200, True) == (shown.status, why in shown.text)


async def test_evidence_is_for_its_roles(both: tuple[Desk, Desk]) -> None:
    """Who may not export gets no zip by sending the form of somebody else."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    for name in everybody():
        roles = desk.site.desk.context.persons[name].roles
        officer = await desk.officer(name)
        await officer.get(f"/cases/{ours}")
        status = (await officer.post(f"/cases/{ours}/evidence", {"why": WHY})).status
        assert (200 if roles & evidence.ROLES else 403) == status, name


async def test_account_tells_what_was_sent(both: tuple[Desk, Desk]) -> None:
    """The account lists each message in words with its elements, conditions and receipt; the look is recorded first."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    await officer.get(f"/cases/{ours}/documents")
    answer = await officer.post(f"/cases/{ours}/account", {"why": "she asked for it"})
    assert 200 == answer.status
    for wanted in ("Request for confirmation", "Test State XBB", "Иванова", "For this confirmation only", "Accepted"):
        assert wanted in answer.words
    assert "House 3" not in answer.words
    assert ("first", "access", "she asked for it") == (await recorded(desk.network, "XAA", ours))[-1]


async def test_account_tells_what_was_asked_for(both: tuple[Desk, Desk]) -> None:
    """The account of a case in which this State asked back says for what, in words."""
    desk, other = both
    _, theirs = await story.acknowledged(desk.network)
    await other.gateway.answer.ask(theirs, ["SEX"], 2, "first")
    await desk.network.deliver()
    dpo = await other.officer("dpo")
    await dpo.get(f"/cases/{theirs}/documents")
    answer = await dpo.post(f"/cases/{theirs}/account", {"why": "she complained"})
    assert (200, True) == (answer.status, "Sex" in answer.words.partition("What was sent about you")[2])


async def test_account_tells_of_a_message_that_cannot_be_read(both: tuple[Desk, Desk]) -> None:
    """What is handed over names it, with the day on which it left and its receipt."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)

    async def spoil(tx: Tx) -> None:
        (row,) = await tx.outbound_of_case(ours)
        await tx.save_outbound(row._replace(sealed=spoilt(row.sealed)))

    await desk.network.gateways["XAA"].context.commit(spoil)
    officer = await desk.officer("first")
    await officer.get(f"/cases/{ours}/documents")
    told = (await officer.post(f"/cases/{ours}/account", {"why": "she asked for it"})).words
    found = [text in told for text in ("Request for confirmation", "Accepted", rights.NOT_READABLE, "Иванова")]
    assert [True, True, True, False] == found


async def test_account_of_what_a_restore_took_says_so(both: tuple[Desk, Desk]) -> None:
    """A page that is handed over does not say that nothing was sent where the other State holds what is lost here."""
    desk, _ = both
    ours = await story.cleared(desk.network)
    officer = await desk.officer("first")
    await officer.get(f"/cases/{ours}/documents")
    assert "Nothing was sent." in (await officer.post(f"/cases/{ours}/account", {"why": "she asked for it"})).words
    await story.put(desk.network, "XAA", ours, State.CLEARED, findings=(LOST_NUMBER,))
    told = (await officer.post(f"/cases/{ours}/account", {"why": "she asked for it"})).words
    assert [False, True] == [text in told for text in ("Nothing was sent.", rights.MAY_BE_MORE)]


async def test_a_restriction_holds_the_account_back_and_says_so(both: tuple[Desk, Desk]) -> None:
    """Until it ends the officer learns that something is held back and until when; the supervisor sees it with that."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    until = desk.network.clock.now().date() + timedelta(days=30)
    await rights.restrict(desk.gateway.context, ours, _ground(), until, "dpo")
    officer, dpo = await desk.officer("first"), await desk.officer("dpo")
    await officer.get(f"/cases/{ours}/documents")
    held = await officer.post(f"/cases/{ours}/account", {"why": "she asked for it"})
    assert 422 == held.status
    assert until.isoformat() in held.words
    assert [] == personal(held.text)
    await dpo.get(f"/cases/{ours}/documents")
    shown = await dpo.post(f"/cases/{ours}/account", {"why": "she complained"})
    assert 200 == shown.status
    assert until.isoformat() in shown.words


async def test_the_account_that_is_handed_over_names_nobody_who_looked(both: tuple[Desk, Desk]) -> None:
    """Made by the supervisor too, who reads who looked and why: that is in the record of access, and not on paper."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer, dpo = await desk.officer("first"), await desk.officer("dpo")
    await officer.get(f"/cases/{ours}")
    await officer.post(f"/cases/{ours}/look", {"why": "her lawyer telephoned"})
    await dpo.get(f"/cases/{ours}/documents")
    shown = await dpo.post(f"/cases/{ours}/account", {"why": "she complained"})
    assert "hand it over" in shown.words
    # On the screen alone: what to do with it, and the head of the case, which names its officer.
    assert re.search(r'<p class="[^"]*desk-noprint">[^<]*hand it over', shown.text)
    assert re.search(r'<div class="desk-noprint">\s*<div class="desk-case">', shown.text)
    told = shown.text.partition("What was sent about you")[2]
    assert [] == [one for one in ("Test State XAA", ours) if one not in told]
    looks = shown.text.partition('id="looks"')[2].partition("</table>")[0]
    assert "looked at the content" in looks
    assert [] == [told for told in ("her lawyer telephoned", "first", "she complained") if told in looks]


async def test_the_account_of_a_locked_case_is_for_the_supervisor_alone(both: tuple[Desk, Desk]) -> None:
    """It says all that was sent: the desk is neither offered it nor given it (R-25), and the person still gets it."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer, dpo = await desk.officer("first"), await desk.officer("dpo")
    await story.put(desk.network, "XAA", ours, State.BLOCKED)
    path = f"/cases/{ours}/account"
    assert path not in (await officer.get(f"/cases/{ours}/documents")).text
    answer = await officer.post(path, {"why": "she asked for it"})
    assert (403, []) == (answer.status, personal(answer.text))
    assert path in (await dpo.get(f"/cases/{ours}/documents")).text
    assert "Иванова" in (await dpo.post(path, {"why": "she asked for it"})).words


def _ground() -> str:
    return sorted(schemas.codes("restriction_ground"))[0]


async def test_print_repeats_the_screen_and_is_a_look(both: tuple[Desk, Desk]) -> None:
    """The print shows what the screen shows for the same person, and says who printed it when."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    assert [] == personal((await officer.get(f"/cases/{ours}/print")).text)
    answer = await officer.post(f"/cases/{ours}/look", {"why": WHY})
    assert f"/cases/{ours}/print" == answer.path
    assert "Иванова" in answer.words
    assert "Printed by first on 2026-11-25 10:00 UTC+01:00" in answer.words
    assert ("first", "print", WHY) == (await recorded(desk.network, "XAA", ours))[-1]


# The record of access.


async def test_reasons_of_others_are_read_for_a_reason(both: tuple[Desk, Desk]) -> None:
    """Who looked is told; why they did only for a reason of one's own, which then stands there too."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    await looked(await desk.officer("second"), ours, why="the names of her brothers")
    dpo = await desk.officer("dpo")
    closed = await dpo.get(f"/cases/{ours}/log")
    assert "looked at the content" in closed.words
    assert "brothers" not in closed.text
    opened = await dpo.post(f"/cases/{ours}/look", {"why": "yearly check of looks"})
    assert f"/cases/{ours}/log" == opened.path
    assert "the names of her brothers" in opened.words
    assert ("dpo", "log", "yearly check of looks") == (await recorded(desk.network, "XAA", ours))[-1]


async def test_a_repeated_form_is_taken_once(both: tuple[Desk, Desk]) -> None:
    """The reason sent twice leads to the same page, and a form without its token is refused."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    await officer.get(f"/cases/{ours}")
    fields = {**(officer.last.form(f"/cases/{ours}/look") if officer.last else {}), "why": WHY}
    first = await officer.send("POST", f"/cases/{ours}/look", data=fields)
    second = await officer.send("POST", f"/cases/{ours}/look", data=fields)
    assert (303, 303, first.location) == (first.status, second.status, second.location)
    refused = await officer.send("POST", f"/cases/{ours}/look", data={"why": WHY})
    assert 403 == refused.status


async def test_hostile_words_are_shown_as_words(both: tuple[Desk, Desk]) -> None:
    """Markup in a reason is text on every page that shows it."""
    desk, _ = both
    ours, _ = await story.replied(desk.network)
    officer = await desk.officer("first")
    await looked(officer, ours, why='<script>alert(1)</script>"&')
    text = (await officer.get(f"/cases/{ours}/log")).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
