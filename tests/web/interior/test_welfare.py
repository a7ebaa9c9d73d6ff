"""What waits for the authority in charge: which cases, what exactly it signs, and how it says no."""

import pytest

from gateway.core.case import Side, State
from gateway.core.messages import PROPOSAL
from gateway.core.verification import IN_CHARGE
from gateway.services import reading
from gateway.services.context import Person
from gateway.services.inquire import Place
from gateway.web.interior import welfare
from tests.support import homeward, story
from tests.support.network import Network
from tests.web.interior.case_support import WHY, everybody, looked, personal, read, recorded
from tests.web.support import Desk, links_of


async def to_sign(network: Network, minor: bool = True) -> tuple[str, str]:
    """Take a case to a proposal that the desk has approved and the authority in charge has not signed."""
    ours, theirs = await homeward.assessed(network, minor)
    pending = await network.gateways["XAA"].returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    return ours, theirs


async def to_accept(network: Network) -> tuple[str, str]:
    """Take a case to an acceptance that XBB's desk has prepared."""
    ours, theirs = await homeward.proposed(network, minor=True)
    returning = network.gateways["XBB"].returning
    await returning.prepare_acceptance(theirs, homeward.ANSWER, "first", "registry_clerk")
    return ours, theirs


async def sign(network: Network, ref: str) -> None:
    """Sign the proposal as child welfare of XAA."""
    pending = (await read(network, "XAA", ref)).pending
    assert pending is not None
    await homeward.endorse(network, ref, pending, minor=True)


# The tables.


def test_what_is_signed_is_read_from_the_tables() -> None:
    """Child welfare signs a proposal on one side and an acceptance on the other; escort and reception a handover."""
    assert {"endorse"} == reading.signable(Side.REQUESTING, "child_welfare")
    assert {"accept"} == reading.signable(Side.REQUESTED, "child_welfare")
    assert {"endorse"} == reading.signable(Side.REQUESTING, "coordinator")
    assert {"hand_over"} == reading.signable(Side.REQUESTING, "escort")
    assert {"confirm_handover"} == reading.signable(Side.REQUESTED, "reception")
    assert frozenset() == reading.signable(Side.REQUESTED, "coordinator")
    assert (State.ASSESSED,) == reading.states_awaiting(Side.REQUESTING, "child_welfare", frozenset({"endorse"}))
    assert (State.PROPOSED,) == reading.states_awaiting(Side.REQUESTED, "child_welfare", frozenset({"accept"}))


@pytest.mark.parametrize("text", ["", "~", "x", "2026-11-25~ref", "no-date~ref", "2026-11-25T09:00:00~ref"])
def test_a_place_that_is_none_is_the_beginning(text: str) -> None:
    """What an address holds instead of a place is never guessed at."""
    assert welfare.place_of(text) is None


def test_a_place_survives_the_address() -> None:
    """A place is read back as it was written, with a due instant and without."""
    for place in (Place(homeward.DEPARTS_AT, "ref"), Place(None, "ref")):
        assert place == welfare.place_of(welfare.place_text(place))


async def test_where_nothing_is_written_yet_she_reads_who_has_still_to_write_it(both: tuple[Desk, Desk]) -> None:
    """A return that was proposed is decided by a signature, and not "on the record"; a stopped one by nothing now."""
    _, desk = both
    _, theirs = await homeward.proposed(desk.network, minor=True)
    who = await desk.officer("welfare")
    words = (await looked(who, theirs, "/sign-off")).words
    assert ("desk has still to prepare" in words, "on the record" in words) == (True, False)
    await desk.gateway.hold.freeze(theirs, "doubt", "welfare", "child_welfare")
    words = (await who.get(f"/cases/{theirs}/sign-off")).words
    assert ("waits for your signature now" in words, "on the record" in words) == (True, False)


async def test_what_is_decided_on_the_record_is_decided_where_the_record_stands(both: tuple[Desk, Desk]) -> None:
    """Who says that the assessments are complete reads them above that button; a text to sign stands for itself."""
    desk, _ = both
    network = desk.network
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING, **homeward.MINOR)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    await network.gateways["XAA"].returning.consider(ours, homeward.record(True), "first", "case_officer")
    words = (await looked(await desk.officer("welfare"), ours, "/sign-off")).words
    record, button = words.index("Our record of the return"), words.index("Say that the assessments are complete")
    assert record < words.index("Best interests") < button
    signed, _ = await to_sign(network)
    assert "Our record of the return" not in (await looked(await desk.officer("welfare"), signed, "/sign-off")).words


# The list.


async def test_list_holds_what_waits_for_the_one_in_charge(both: tuple[Desk, Desk]) -> None:
    """A minor's case waits for child welfare and an adult's for the coordinator, each for what its state asks."""
    desk, _ = both
    minors, _ = await to_sign(desk.network)
    adults, _ = await to_sign(desk.network, minor=False)
    asked, _ = await story.replied(desk.network)
    for name, wanted, other in (("welfare", minors, adults), ("coordinator", adults, minors)):
        answer = await (await desk.officer(name)).get("/sign-offs")
        assert 200 == answer.status
        assert f"/cases/{wanted}/sign-off" in links_of(answer.text)
        assert other not in answer.text
        assert asked not in answer.text
        assert "Ready to be signed" in answer.words
        assert [] == personal(answer.text)
        home = await (await desk.officer(name)).get("/")
        assert "/queues/sign-offs" in links_of(home.text)
        assert "sees no lists" not in home.words
    assert all(action != "view" for _, action, _ in await recorded(desk.network, "XAA", minors))
    welfare_officer = await desk.officer("welfare")
    assert "1" == (await welfare_officer.get("/queues/sign-offs/count")).text  # a card counts what the list holds
    await sign(desk.network, minors)
    assert "0" == (await welfare_officer.get("/queues/sign-offs/count")).text


async def test_whoever_holds_both_offices_reads_what_waits_for_either(both: tuple[Desk, Desk]) -> None:
    """In a small State one authority is in charge of minors and of adults: its list, its card, its page hold both."""
    desk, _ = both
    persons = {**desk.site.accounts.persons, "either": Person("either", IN_CHARGE, bytes(32))}
    desk.site.accounts.persons = desk.gateway.context.persons = persons
    minors, _ = await to_sign(desk.network)
    adults, _ = await to_sign(desk.network, minor=False)
    who = await desk.officer("either")
    links = links_of((await who.get("/sign-offs")).text)
    assert [] == [ref for ref in (minors, adults) if f"/cases/{ref}/sign-off" not in links]
    assert "2" == (await who.get("/queues/sign-offs/count")).text
    for ref in (minors, adults):
        answer = await looked(who, ref, "/sign-off")
        assert f"/cases/{ref}/steps/endorsement" in links_of(answer.text)
        assert "another authority is in charge" not in answer.words


async def test_list_says_how_far_it_is(both: tuple[Desk, Desk]) -> None:
    """To be assessed, to be prepared, to be approved, to be signed, signed: each in words, and then it is gone."""
    desk, _ = both
    network = desk.network
    officer = await desk.officer("welfare")
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING, **homeward.MINOR)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    returning = network.gateways["XAA"].returning
    await returning.consider(ours, homeward.record(minor=True), "first", "case_officer")
    assert "To be decided on the record" in (await officer.get("/sign-offs")).words
    await returning.assess(ours, "welfare", "child_welfare")
    assert "The desk has still to prepare it" in (await officer.get("/sign-offs")).words
    pending = await returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    assert "the desk has still to approve it" in (await officer.get("/sign-offs")).words
    await homeward.approve(network, ours, pending, "return.approval")
    assert "Ready to be signed" in (await officer.get("/sign-offs")).words
    await sign(network, ours)
    answer = await officer.get("/sign-offs")
    assert ours not in answer.text
    assert "No case waits for your signature." in answer.words


async def test_list_of_the_side_that_accepts(both: tuple[Desk, Desk]) -> None:
    """There the acceptance waits, once the desk has prepared it."""
    _, desk = both
    _, theirs = await to_accept(desk.network)
    answer = await (await desk.officer("welfare")).get("/sign-offs")
    assert f"/cases/{theirs}/sign-off" in links_of(answer.text)
    assert "We were asked" not in answer.words
    assert "Ready to be signed" in answer.words


async def test_list_goes_on_after_its_last_row(both: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has a bound; the next begins where it ended, and every case stands on one of them."""
    desk, _ = both
    monkeypatch.setattr(welfare, "PAGE", 1)
    refs = {(await to_sign(desk.network))[0] for _ in range(3)}
    officer = await desk.officer("welfare")
    found, path = [], "/sign-offs"
    for _ in range(3):
        answer = await officer.get(path)
        found += [ref for ref in refs if f"/cases/{ref}/sign-off" in links_of(answer.text)]
        following = [one for one in links_of(answer.text) if one.startswith("/sign-offs?after=") and "lang=" not in one]
        path = following[0] if following else ""
    assert sorted(refs) == sorted(found)
    assert "" == path


async def test_sign_offs_are_for_who_is_in_charge(both: tuple[Desk, Desk]) -> None:
    """Nobody else gets the list or the page, and the navigation shows it to them alone."""
    desk, _ = both
    ours, _ = await to_sign(desk.network)
    for name in everybody():
        officer = await desk.officer(name)
        may = name in ("welfare", "coordinator")
        for path in ("/sign-offs", f"/cases/{ours}/sign-off"):
            answer = await officer.get(path)
            assert (200 if may else 403) == answer.status, (name, path)
            assert may == ("/sign-offs" in links_of(answer.text))


# What is signed.


def steps_on(html: str) -> set[str]:
    """Return the steps that a page leads to."""
    return {one.rsplit("/", 1)[1] for one in links_of(html) if "/steps/" in one}


async def test_what_is_signed_is_shown_exactly(both: tuple[Desk, Desk]) -> None:
    """The bytes that wait, in words, with their digest, who prepared and who approved; recorded before it is shown."""
    desk, _ = both
    ours, _ = await to_sign(desk.network)
    pending = (await read(desk.network, "XAA", ours)).pending
    assert pending is not None
    assert PROPOSAL == pending.type
    officer = await desk.officer("welfare")
    closed = await officer.get(f"/cases/{ours}/sign-off")
    assert pending.digest not in closed.text
    answer = await officer.post(f"/cases/{ours}/look", {"why": WHY})
    assert f"/cases/{ours}/sign-off" == answer.path
    for wanted in (
        pending.digest,
        "What exactly is signed: Proposal of a return",
        "Interpreter",
        "2026-12-10",
        "Best interests",
        "Prepared by first",
        "Approved by second",
        "no role can override you",
    ):
        assert wanted in answer.words
    assert ("welfare", "preview", WHY) == (await recorded(desk.network, "XAA", ours))[-1]


async def test_signing_and_saying_no_are_one_link_away(both: tuple[Desk, Desk]) -> None:
    """On each side the page leads to the step that signs and to every way to say no that the state allows."""
    desk, asked = both
    ours, theirs = await to_accept(desk.network)
    waits, _ = await to_sign(desk.network)
    here, there = await desk.officer("welfare"), await asked.officer("welfare")
    steps = {
        one.rsplit("/", 1)[1] for one in links_of((await looked(here, waits, "/sign-off")).text) if "/steps/" in one
    }
    assert {"endorsement", "decline", "suspension", "freeze"} <= steps
    assert "accept" not in steps
    steps = {
        one.rsplit("/", 1)[1] for one in links_of((await looked(there, theirs, "/sign-off")).text) if "/steps/" in one
    }
    assert {"accept", "refusal", "suspension", "freeze"} <= steps
    steps = {
        one.rsplit("/", 1)[1] for one in links_of((await looked(here, ours, "/sign-off")).text) if "/steps/" in one
    }
    assert not {"endorsement", "accept"} & steps
    assert {"suspension", "freeze"} <= steps


async def test_another_authority_may_stop_and_not_sign(both: tuple[Desk, Desk]) -> None:
    """Child welfare that is not in charge of this person reads who is, is offered no signature, and may still stop."""
    desk, _ = both
    ours, _ = await to_sign(desk.network, minor=False)
    answer = await looked(await desk.officer("welfare"), ours, "/sign-off")
    assert "another authority is in charge: Coordinator of referrals" in answer.words
    steps = steps_on(answer.text)
    assert "endorsement" not in steps
    assert "freeze" in steps


@pytest.mark.parametrize("side", list(Side))
async def test_page_stands_in_every_state(both: tuple[Desk, Desk], side: Side) -> None:
    """Whatever the state, the page says what there is to sign or that there is nothing."""
    desk = both[0] if side is Side.REQUESTING else both[1]
    ours, theirs = await homeward.handed_over(desk.network, minor=True)
    ref = ours if side is Side.REQUESTING else theirs
    officer = await desk.officer("welfare")
    await looked(officer, ref, "/sign-off")
    for state in State:
        if state is not State.ERASED:
            await story.put(desk.network, desk.country, ref, state)
            answer = await officer.get(f"/cases/{ref}/sign-off")
            assert 200 == answer.status, (state, answer.words)
            assert 200 == (await officer.get("/sign-offs")).status
