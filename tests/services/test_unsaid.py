"""
What was sent and never posted, where what it rests on is set right, taken back, or fell, before it leaves.

Every type of message that says something of the person on what the other State sent, or of what is owed, is here; of a
proposal and a plan, which rest on our own record, ``test_elsewhere`` and ``test_journey_as_agreed`` tell.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.machine import RuleRefused
from gateway.core.messages import (
    ACCEPTANCE,
    CONTEST,
    DELAY,
    DOCUMENT,
    ELEMENTS,
    INTERVIEW_ANSWER,
    RECTIFICATION,
    REISSUE,
    REMINDER,
    REPLY,
    USE_REQUEST,
)
from gateway.core.return_guards import OUTDATED
from gateway.services import heard, person_stop, reading
from gateway.services.answer import ANSWER_WAITS, UNISSUED, UNSAID
from gateway.services.notices import STILL_HERE
from tests.support import homeward, interviews, story
from tests.support.network import Network

CASE, CLERK = "case_officer", "registry_clerk"


async def said(network: Network, country: str, ref: str, *types: str) -> list[tuple[str, str]]:
    """Return each message of ``types`` of a case of ``country`` with what became of it."""
    rows = await network.gateways[country].store.read(lambda tx: tx.outbound_of_case(ref))
    return [(row.type, row.state) for row in rows if row.type in types]


async def set_right(network: Network, ours: str, birth_date: str) -> None:
    """Send another date of birth in place of the one that went abroad, and have it arrive before XBB posts anything."""
    notices = network.gateways["XAA"].notices
    pending = await notices.prepare_rectification(ours, ["BIRTH_DATE"], {"birth_date": birth_date}, "first", CASE)
    thread = await homeward.thread(network, ours)
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await notices.rectify(ours, signed, "second")
    await network.gateways["XAA"].deliverer.run_once()


async def by_a_value(network: Network, ours: str, theirs: str) -> None:
    """The asking State sends a right value."""
    await set_right(network, ours, "1999-01-02")


async def by_a_word(network: Network, ours: str, theirs: str) -> None:
    """The asking State says that something was wrong."""
    await network.gateways["XAA"].notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)
    await network.gateways["XAA"].deliverer.run_once()


async def by_us(network: Network, ours: str, theirs: str) -> None:
    """The desk that answered takes it back."""
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", CLERK)


CORRECTIONS = (by_a_value, by_a_word, by_us)


@pytest.mark.parametrize("corrects", [by_a_word, by_us])
@pytest.mark.parametrize("stopped", [False, True])
async def test_what_was_asked_is_taken_where_an_answer_behind_it_did_not_leave(
    network: Network, corrects: Callable[[Network, str, str], Awaitable[None]], stopped: bool
) -> None:
    """The other State heard the question and answers it: that our reply was taken out takes no question back."""
    ours, theirs = await story.acknowledged(network)
    asked, clear = network.gateways["XBB"], network.gateways["XAA"].clear
    await asked.answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply())
    await corrects(network, ours, theirs)
    if stopped:
        await asked.hold.freeze(theirs, "known now", "first", CLERK)
    preview = await clear.prepare(ours, "first")
    thread = await homeward.thread(network, ours)
    signed = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
    await clear.approve(ours, signed, "second")
    await clear.send(ours, "first")
    await network.deliver()
    assert [(ELEMENTS, "receipted")] == await said(network, "XAA", ours, ELEMENTS)
    assert 2 == (await story.case(network, "XBB", theirs)).received["elements"]["sex"]


async def test_what_was_answered_is_not_taken_twice(network: Network) -> None:
    """A question that was answered waits for nothing more, whatever becomes of the reply."""
    ours, theirs = await interviews.agreed(network)
    await story.give_answer(network, theirs, story.reply())
    await by_us(network, ours, theirs)
    case = await story.case(network, "XBB", theirs)
    store = network.gateways["XBB"].store
    assert not await store.read(lambda tx: heard.is_asked_still(tx, case, INTERVIEW_ANSWER))


@pytest.mark.parametrize("value", [story.reply(), story.reply("NOT_NATIONAL", reason="CITIZENSHIP_LOST")])
@pytest.mark.parametrize("corrects", CORRECTIONS, ids=[one.__name__ for one in CORRECTIONS])
async def test_an_answer_does_not_leave_on_what_was_set_right(
    network: Network, corrects: Callable[[Network, str, str], Awaitable[None]], value: dict[str, Any]
) -> None:
    """An answer that waited for the line is taken out, whoever corrects, and the desk answers on what is right."""
    ours, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, value)
    await network.gateways["XBB"].notices.ask_use(theirs, "first", CLERK)  # what waits behind it still leaves
    await corrects(network, ours, theirs)
    case = await story.case(network, "XBB", theirs)
    assert ("ACKNOWLEDGED", None, [UNSAID]) == (case.state, case.reply, list(case.findings))
    told = [one.event for one in await reading.history(network.gateways["XBB"].context, theirs)]
    assert (1, 0) == (told.count(reading.TAKEN_OUT), told.count("reply_not_accepted"))  # nobody abroad refused it
    await network.deliver()
    asked = await story.case(network, "XAA", ours)
    assert (None, [USE_REQUEST]) == (asked.reply, [one.kind for one in asked.notices if not one.ours])
    assert [] == await said(network, "XBB", theirs, RECTIFICATION)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    asked = await story.case(network, "XAA", ours)
    assert ("REPLIED", "NATIONAL") == (asked.state, asked.reply["outcome"])
    assert [(REPLY, "dropped"), (REPLY, "receipted")] == sorted(await said(network, "XBB", theirs, REPLY))


async def test_an_answer_to_a_second_look_goes_back_to_that(network: Network) -> None:
    """Nothing is acknowledged anew: the other State would refuse an extension, and the images would be erased."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    await network.gateways["XAA"].clear.contest(ours, "REGISTER_INCOMPLETE", "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply())
    await by_a_word(network, ours, theirs)
    case = await story.case(network, "XBB", theirs)
    assert ("CONTESTED", [UNSAID]) == (case.state, list(case.findings))
    told = [one.event for one in await reading.history(network.gateways["XBB"].context, theirs)]
    assert 1 == told.count(reading.TAKEN_OUT)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    assert ("REPLIED", "REPLIED") == await homeward.states(network, ours, theirs)


async def test_an_answer_that_may_be_abroad_is_not_taken_out(network: Network) -> None:
    """Once it was posted its number has to be used: it is taken back by a message, as ever."""
    ours, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply())
    network.wires.cut = True
    await network.gateways["XBB"].deliverer.run_once()
    network.wires.cut = False
    await set_right(network, ours, "1999-01-02")
    assert "REPLIED" == await story.state(network, "XBB", theirs)
    network.clock.pass_(hours=2)
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_no_case_is_closed_upon_an_answer_that_has_not_left(network: Network) -> None:
    """What it rests on may be set right yet, and nobody would answer again: neither a desk closes it, nor a timer."""
    _, theirs = await story.acknowledged(network)
    unknown = {"reason": "REGISTER_INCOMPLETE", "match_basis": [], "confidence": "NONE"}
    await story.give_answer(network, theirs, story.reply("CANNOT_SAY", **unknown))
    desk = network.gateways["XBB"]
    with pytest.raises(RuleRefused, match=ANSWER_WAITS):
        await desk.answer.close(theirs, "first", CLERK)
    desk.context.policy = replace(desk.context.policy, closed_after_days=1)
    network.clock.pass_(days=2)
    await desk.retention.run_once(network.clock.now())
    assert "REPLIED" == await story.state(network, "XBB", theirs)
    await network.refresh()
    await network.deliver()
    await desk.answer.close(theirs, "first", CLERK)


@pytest.mark.parametrize("corrects", CORRECTIONS[:2], ids=[one.__name__ for one in CORRECTIONS[:2]])
async def test_a_document_is_not_told_after_the_correction_of_what_it_was_made_from(
    network: Network, corrects: Callable[[Network, str, str], Awaitable[None]]
) -> None:
    """Heard after the correction it would pass for one that was made by it: it is taken out, and issued again."""
    ours, theirs = await homeward.asked_for_a_document(network)
    issuer = network.gateways["XBB"].returning
    await issuer.issue(theirs, homeward.DOCUMENT, "issuer")
    await corrects(network, ours, theirs)
    case = await story.case(network, "XBB", theirs)
    assert ("ACCEPTED", False, [UNISSUED]) == (case.state, DOCUMENT in case.said, list(case.findings))
    await network.deliver()
    assert "DECIDED" == await story.state(network, "XAA", ours)
    await issuer.issue(theirs, {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A"}, "issuer")
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    assert [(DOCUMENT, "dropped"), (DOCUMENT, "receipted")] == sorted(await said(network, "XBB", theirs, DOCUMENT))


async def test_one_in_place_of_the_last_is_not_told_after_such_a_correction(network: Network) -> None:
    """The document before it counts again, and the finding says that another is to be issued."""
    ours, theirs = await homeward.documented(network)
    issuer = network.gateways["XBB"].returning
    await issuer.reissue(theirs, {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A"}, "issuer")
    await by_a_word(network, ours, theirs)
    case = await story.case(network, "XBB", theirs)
    assert ("DOCUMENTED", False, [UNISSUED]) == (case.state, REISSUE in case.said, list(case.findings))
    assert [(REISSUE, "dropped")] == await said(network, "XBB", theirs, REISSUE)


async def further_elements(network: Network) -> tuple[str, str]:
    """Have XBB ask for the sex, and XAA answer with what waits here; return both cases."""
    ours, theirs = await story.acknowledged(network, elements={**story.draft()["elements"], "sex": 2})
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    desk = network.gateways["XAA"].clear
    await desk.prepare(ours, "first")
    preview, thread = await desk.show(ours, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
    await desk.approve(ours, signed, "second")
    await desk.send(ours, "first")
    return ours, theirs


async def test_what_was_never_posted_is_set_right_here_and_not_told_as_it_was(network: Network) -> None:
    """It may be of somebody else: a correction does not follow it abroad; the desk stops the case, which keeps it."""
    ours, theirs = await further_elements(network)
    desk = network.gateways["XAA"]
    with pytest.raises(RuleRefused, match=STILL_HERE):
        await desk.notices.strike(ours, ["SEX"], "first", CASE)
    with pytest.raises(RuleRefused, match=STILL_HERE):
        await desk.notices.prepare_rectification(ours, ["SEX"], {"sex": 1}, "first", CASE)
    await desk.notices.strike(ours, ["BIRTH_PLACE"], "first", CASE)  # of what is abroad it is said as ever
    await desk.hold.freeze(ours, "misread", "first", CASE)
    await network.deliver()
    assert {(ELEMENTS, "dropped")} == {*await said(network, "XAA", ours, ELEMENTS)}
    assert "sex" not in (await story.case(network, "XBB", theirs)).received["elements"]
    assert "NEEDS_TIER2" == (await story.case(network, "XAA", ours)).resume_to


async def test_what_may_be_abroad_is_set_right_by_a_message(network: Network) -> None:
    """Once it was posted its number has to be used, and the correction follows it."""
    ours, theirs = await further_elements(network)
    network.wires.cut = True
    await network.gateways["XAA"].deliverer.run_once()
    network.wires.cut = False
    await network.gateways["XAA"].notices.strike(ours, ["SEX"], "first", CASE)
    network.clock.pass_(hours=2)
    await network.deliver()
    assert "sex" not in (await story.case(network, "XBB", theirs)).received["elements"]
    assert [(ELEMENTS, "receipted"), (RECTIFICATION, "receipted")] == await said(
        network, "XAA", ours, ELEMENTS, RECTIFICATION
    )


async def test_a_return_is_not_accepted_as_that_of_an_adult_who_is_none(network: Network) -> None:
    """An acceptance that waited stays where the date of birth is set right to that of a minor, and the desk is told."""
    ours, theirs = await homeward.proposed(network)
    await homeward.accept(network, theirs)
    await set_right(network, ours, "2012-01-02")
    network.clock.pass_(minutes=5)
    await network.gateways["XBB"].deliverer.run_once()
    assert [(ACCEPTANCE, "queued")] == await said(network, "XBB", theirs, ACCEPTANCE)
    case = await story.case(network, "XBB", theirs)
    assert [OUTDATED] == [one[: len(OUTDATED)] for one in person_stop.told(case)]
    await network.gateways["XBB"].hold.freeze(theirs, "a minor", "first", CLERK)
    assert "PROPOSED" == (await story.case(network, "XBB", theirs)).resume_to


async def test_a_time_that_was_never_extended_there_is_not_here(network: Network) -> None:
    """A stop takes an extension out that never left: the clock ends when the other State says it ends."""
    _, theirs = await story.acknowledged(network)
    before = (await story.case(network, "XBB", theirs)).clock("reply").due_on
    desk = network.gateways["XBB"]
    await desk.answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    assert (await story.case(network, "XBB", theirs)).clock("reply").due_on > before
    await desk.hold.freeze(theirs, "doubt", "first", CLERK)
    case = await story.case(network, "XBB", theirs)
    assert (before, "ACKNOWLEDGED", None) == (case.clock("reply").due_on, case.resume_to, case.delay)
    assert [(DELAY, "dropped")] == await said(network, "XBB", theirs, DELAY)
    await desk.hold.release(theirs, "first", CLERK)
    await desk.hold.resume(theirs, "first", CLERK)
    await desk.hold.resume(theirs, "second", "desk_head")
    await desk.answer.extend(theirs, "ARCHIVE_SEARCH", "first")


async def test_nobody_is_pressed_who_has_answered(network: Network) -> None:
    """A reminder that waited for the line is taken out as the answer arrives (D-03)."""
    ours, theirs = await story.acknowledged(network)
    network.clock.pass_(days=60)
    await network.refresh()
    await network.gateways["XAA"].reminder.remind(ours, "first", CASE)
    await story.give_answer(network, theirs, story.reply())
    network.clock.pass_(minutes=1)
    await network.gateways["XBB"].deliverer.run_once()
    assert "REPLIED" == await story.state(network, "XAA", ours)
    assert [(REMINDER, "dropped")] == await said(network, "XAA", ours, REMINDER)


async def test_nothing_more_is_told_of_the_person_to_who_has_answered(network: Network) -> None:
    """Further elements that waited for the line are taken out as the answer arrives: it was given without them."""
    ours, theirs = await further_elements(network)
    await story.give_answer(network, theirs, story.reply())
    await network.gateways["XBB"].deliverer.run_once()
    assert "REPLIED" == await story.state(network, "XAA", ours)
    assert [(ELEMENTS, "dropped")] == await said(network, "XAA", ours, ELEMENTS)
    await network.gateways["XAA"].clear.close(ours, "first")
    assert 0 == await network.deliver()


async def test_nobody_looks_again_for_a_desk_that_has_closed_the_case(network: Network) -> None:
    """An objection that waited for the line does not leave a case that its desk has closed since."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    desk = network.gateways["XAA"].clear
    await desk.contest(ours, "NEW_ELEMENT", "first")
    await desk.close(ours, "first")
    await network.deliver()
    assert ("REPLIED", [(CONTEST, "dropped")]) == (
        await story.state(network, "XBB", theirs),
        await said(network, "XAA", ours, CONTEST),
    )
