"""
What a stop takes out of the outbox, message by message: the case is as it was before that was said, and it can be said.

Whatever no step back tells stands among the findings until it is said again (R-02). So is what is owed where another
State refused it for its times, or a restore shows that it never left.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.core.case import Case, State
from gateway.core.messages import ONWARD_REQUEST, RECTIFICATION, TYPES
from gateway.services.deliver import Line
from gateway.services.steps import DROPPED
from tests.support import homeward, interviews, story
from tests.support.network import Network, wrong_clock
from tests.support.restoring import (
    after_the_listing,
    back_up,
    findings_of,
    outbox,
    refused_for_its_times,
    restore,
    settle,
)

DESKS = {
    "XAA": (("first", "case_officer"), ("second", "liaison_officer")),
    "XBB": (("first", "registry_clerk"), ("second", "desk_head")),
}
REPORT: Mapping[str, Any] = {"number": 1, "held": True, "restrictions_kept": True, "uses": []}

Made = tuple[str, str, Callable[[], Awaitable[object]]]
"""A State, its case, and what puts a message of that in the outbox."""


async def acknowledgement(network: Network) -> Made:
    _, theirs = await story.received(network)
    return "XBB", theirs, partial(network.gateways["XBB"].answer.acknowledge, theirs, "first")


async def question(network: Network) -> Made:
    _, theirs = await story.acknowledged(network)
    return "XBB", theirs, partial(network.gateways["XBB"].answer.ask, theirs, ["SEX"], 2, "first")


async def interview(network: Network) -> Made:
    _, theirs = await story.acknowledged(network, **interviews.OPEN)
    return "XBB", theirs, partial(network.gateways["XBB"].answer.ask_interview, theirs, interviews.PROPOSAL, "first")


async def interview_result(network: Network) -> Made:
    _, theirs = await interviews.agreed(network)
    network.clock.pass_(days=16)
    await network.refresh()
    return "XBB", theirs, partial(network.gateways["XBB"].answer.report_interview, theirs, interviews.RESULT, "first")


async def delay(network: Network) -> Made:
    _, theirs = await story.acknowledged(network)
    say = network.gateways["XBB"].answer.delay
    return "XBB", theirs, partial(say, theirs, "ARCHIVE_SEARCH", "2027-01-20", "first")


async def reply(network: Network) -> Made:
    _, theirs = await story.acknowledged(network)
    return "XBB", theirs, partial(story.give_answer, network, theirs, story.reply())


async def second_reply(network: Network) -> Made:
    """The first one was heard, and stands."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first", "case_officer")
    await network.deliver()
    return "XBB", theirs, partial(story.give_answer, network, theirs, story.reply())


async def acceptance(network: Network) -> Made:
    _, theirs = await homeward.proposed(network)
    return "XBB", theirs, partial(homeward.accept, network, theirs)


async def refusal(network: Network) -> Made:
    _, theirs = await homeward.proposed(network)
    refuse = network.gateways["XBB"].returning.refuse
    return "XBB", theirs, partial(refuse, theirs, "NO_CARER", "first", "registry_clerk")


async def document(network: Network) -> Made:
    _, theirs = await homeward.asked_for_a_document(network)
    return "XBB", theirs, partial(network.gateways["XBB"].returning.issue, theirs, homeward.DOCUMENT, "issuer")


async def reissue(network: Network) -> Made:
    _, theirs = await homeward.documented(network)
    another = {**homeward.DOCUMENT, "number_digest": "B" * 42 + "A"}
    return "XBB", theirs, partial(network.gateways["XBB"].returning.reissue, theirs, another, "issuer")


async def objection(network: Network) -> Made:
    ours, _ = await story.replied(network, "NOT_FOUND")
    return "XAA", ours, partial(network.gateways["XAA"].clear.contest, ours, "NEW_ELEMENT", "first", "case_officer")


async def reminder(network: Network) -> Made:
    ours, _ = await story.acknowledged(network)
    network.clock.pass_(days=60)
    await network.refresh()
    return "XAA", ours, partial(network.gateways["XAA"].reminder.remind, ours, "first", "case_officer")


async def document_request(network: Network) -> Made:
    ours, _ = await homeward.accepted(network)
    returning = network.gateways["XAA"].returning
    person, role, _ = homeward.in_charge(minor=False)
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, person, role)

    async def ask() -> None:
        pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
        await homeward.approve(network, ours, pending, "travel.approval")
        await returning.request_document(ours, "first", "case_officer")

    return "XAA", ours, ask


async def plan(network: Network) -> Made:
    ours, _ = await homeward.documented(network)
    returning = network.gateways["XAA"].returning
    record = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL)
    await returning.record(ours, record, "first", "case_officer")
    return "XAA", ours, partial(returning.schedule, ours, homeward.JOURNEY, "second")


def about_data(country: str, what: str) -> Callable[[Network], Awaitable[Made]]:
    """Return what says ``what`` about data as ``country``, which the other State has asked where that is an answer."""
    other = "XBB" if country == "XAA" else "XAA"
    of_ours, of_theirs = (["REPLY"] if each == "XBB" else ["SEX"] for each in (country, other))

    async def make(network: Network) -> Made:
        refs = dict(zip(("XAA", "XBB"), await story.replied(network), strict=True))
        notices, theirs = network.gateways[country].notices, network.gateways[other].notices
        (desk, head), (asker, _) = DESKS[country], DESKS[other]
        questions = {
            "report_use": partial(theirs.ask_use, refs[other], *asker),
            "answer_onward": partial(theirs.ask_onward, refs[other], "TRAVEL_DOC", "CONSULATE", *asker),
            "confirm": partial(theirs.strike, refs[other], of_theirs, *asker),
        }
        says: Mapping[str, Callable[[], Awaitable[object]]] = {
            "report_use": partial(notices.report_use, refs[country], REPORT, *desk),
            "answer_onward": partial(notices.answer_onward, refs[country], 1, "2027-01-01", *head),
            "confirm": partial(notices.confirm, refs[country], 1, "DONE", *desk),
            "ask_use": partial(notices.ask_use, refs[country], *desk),
            "ask_onward": partial(notices.ask_onward, refs[country], "TRAVEL_DOC", "CONSULATE", *desk),
            "demand_erasure": partial(notices.demand_erasure, refs[country], *desk),
            "strike": partial(notices.strike, refs[country], of_ours, *desk),
        }
        if what in questions:
            await questions[what]()
            await network.deliver()
        return country, refs[country], says[what]

    make.__name__ = f"{what}_{country}"
    return make


ABOUT_DATA = [
    about_data(country, what)
    for country in ("XAA", "XBB")
    for what in ("report_use", "answer_onward", "confirm", "ask_use", "ask_onward", "demand_erasure", "strike")
    if (country, what) != ("XBB", "strike")
]
MADE = [
    *(acknowledgement, question, interview, interview_result, delay, reply, second_reply),
    *(acceptance, refusal, document, reissue, objection, reminder, document_request, plan),
    *ABOUT_DATA,
]


async def stopped_and_let_go(network: Network, country: str, ref: str) -> None:
    """Freeze a case, and have two persons let it go on."""
    await network.gateways[country].hold.freeze(ref, "in doubt", *DESKS[country][0])
    await let_go(network, country, ref)


async def let_go(network: Network, country: str, ref: str) -> None:
    """Have two persons let a case go on that was frozen."""
    hold, (desk, second) = network.gateways[country].hold, DESKS[country]
    await hold.release(ref, *desk)
    await hold.resume(ref, *desk)
    await hold.resume(ref, *second)


def shown(case: Case) -> tuple[object, ...]:
    """Return what is owed by what was said in a case, and what was not said of it."""
    owed = [(one.kind, one.answer) for one in case.notices if not one.ours]
    return case.state, case.reply, case.delay, (case.interview or {}).get("result"), owed


async def suspended_and_let_go(network: Network, country: str, ref: str) -> None:
    """Have the authority for minors suspend a return, and let it go on with one person of the desk."""
    welfare, hold = ("welfare", "child_welfare"), network.gateways[country].hold
    await network.gateways[country].returning.suspend(ref, "danger", *welfare)
    await hold.release(ref, *welfare)
    await hold.resume(ref, *DESKS[country][0])


STOPPED = [
    *((make, stopped_and_let_go) for make in MADE),
    *((make, suspended_and_let_go) for make in (acceptance, document, reissue, document_request, plan)),
]


@pytest.mark.parametrize(("make", "stop"), STOPPED, ids=lambda one: one.__name__)
async def test_what_a_stop_takes_out_can_be_said_again(
    network: Network,
    make: Callable[[Network], Awaitable[Made]],
    stop: Callable[[Network, str, str], Awaitable[None]],
) -> None:
    """The case is as it was before it was said; it is said again, and taken, and no finding asks for it any more."""
    country, ref, say = await make(network)
    before, quiet = await story.case(network, country, ref), await findings_of(network, country, ref)
    await say()
    await stop(network, country, ref)
    assert shown(before) == shown(await story.case(network, country, ref))
    (gone,) = {row.type for row in await outbox(network, country, ref) if row.state == "dropped"}
    asks = {DROPPED % {"type": gone}} if TYPES[gone].undo is None else set()
    assert asks == {*await findings_of(network, country, ref)} - {*quiet}
    await say()
    assert quiet == await findings_of(network, country, ref)
    for _ in range(18):  # until the plan of a journey may leave
        await network.deliver()
        network.clock.pass_(days=1)
        await network.refresh()
    assert ["receipted"] == [row.state for row in await outbox(network, country, ref) if row.type == gone][-1:]


async def test_correction_that_a_stop_took_out_is_said_by_hand_where_the_person_left_meanwhile(
    network: Network,
) -> None:
    """The case goes on as a recall, which says another word; that the reply is none is found until it is said."""
    ours, theirs = await homeward.on_the_day(network)
    strike = partial(network.gateways["XBB"].notices.strike, theirs, ["REPLY"], *DESKS["XBB"][0])
    await strike()
    await network.gateways["XBB"].hold.freeze(theirs, "in doubt", *DESKS["XBB"][0])
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.gateways["XAA"].deliverer.run_once()
    await network.gateways["XBB"].returning.recall(theirs, "danger", "UNSAFE", "2027-06-01", "welfare", "child_welfare")
    assert DROPPED % {"type": RECTIFICATION} in await findings_of(network, "XBB", theirs)
    await strike()
    assert DROPPED % {"type": RECTIFICATION} not in await findings_of(network, "XBB", theirs)
    await network.deliver()
    assert ("RECALL", None) == ((case := await story.case(network, "XAA", ours)).state, case.reply)


async def test_that_a_reply_is_none_is_said_as_the_case_goes_on(network: Network) -> None:
    """Nobody takes it back twice; and then nothing says that it has to be said again."""
    _, theirs, strike = await about_data("XBB", "strike")(network)
    await strike()
    await stopped_and_let_go(network, "XBB", theirs)
    words = [row.state for row in await outbox(network, "XBB", theirs) if row.type == RECTIFICATION]
    assert (["dropped", "queued"], []) == (sorted(words), await findings_of(network, "XBB", theirs))


async def test_that_a_reply_is_none_is_said_as_the_case_goes_on_where_it_was_refused_for_its_times(
    network: Network,
) -> None:
    """It was to be said once more, and that was taken out: by the word that was refused nobody heard of it."""
    ours, theirs = await story.replied(network)
    await refused_for_its_times(network, network.gateways["XBB"].notices.strike(theirs, ["REPLY"], *DESKS["XBB"][0]))
    await stopped_and_let_go(network, "XBB", theirs)
    await network.deliver()
    assert None is (await story.case(network, "XAA", ours)).reply


@pytest.mark.parametrize("heard", [False, True])
async def test_each_part_that_was_dropped_is_said_by_a_correction_of_its_own(network: Network, heard: bool) -> None:
    """Once all of them are said no finding asks for one, whatever of what was heard before is not confirmed."""
    ours, _ = await story.replied(network)
    strike = network.gateways["XAA"].notices.strike
    await strike(ours, ["SEX"], *DESKS["XAA"][0])
    if heard:
        await network.deliver()
    await strike(ours, ["BIRTH_PLACE"], *DESKS["XAA"][0])
    await stopped_and_let_go(network, "XAA", ours)
    found = [DROPPED % {"type": RECTIFICATION}]
    for part in ("BIRTH_PLACE",) if heard else ("SEX", "BIRTH_PLACE"):
        assert found == await findings_of(network, "XAA", ours)
        await strike(ours, [part], *DESKS["XAA"][0])
    assert [] == await findings_of(network, "XAA", ours)


async def test_proposal_whose_refusal_was_taken_out_is_accepted(network: Network) -> None:
    """What the other State signed with it counts as it did before."""
    ours, theirs = await homeward.proposed(network, minor=True)
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "first", "registry_clerk")
    await stopped_and_let_go(network, "XBB", theirs)
    await homeward.accept(network, theirs, minor=True)
    await network.deliver()
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def test_delay_that_was_heard_counts_where_the_next_is_taken_out(network: Network) -> None:
    """The other State knows of the first day that was named."""
    _, theirs = await story.acknowledged(network)
    say = network.gateways["XBB"].answer.delay
    await say(theirs, "ARCHIVE_SEARCH", "2027-01-20", "first")
    await network.deliver()
    await say(theirs, "ARCHIVE_SEARCH", "2027-02-20", "first")
    await stopped_and_let_go(network, "XBB", theirs)
    assert "2027-01-20" == ((await story.case(network, "XBB", theirs)).delay or {}).get("eta")


async def test_reply_that_was_taken_back_does_not_count_where_the_next_is_taken_out(network: Network) -> None:
    """That it is none was taken out with the next one, and is said as the case goes on."""
    _, theirs, say = await second_reply(network)
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], *DESKS["XBB"][0])
    await say()
    await stopped_and_let_go(network, "XBB", theirs)
    assert None is (await story.case(network, "XBB", theirs)).reply
    words = [row.type for row in await outbox(network, "XBB", theirs) if row.state == "queued"]
    assert ([RECTIFICATION], []) == (words, await findings_of(network, "XBB", theirs))


async def test_each_question_to_pass_on_that_was_dropped_is_asked_again(network: Network) -> None:
    """Once each is, no finding asks for one."""
    ours, _ = await story.replied(network)
    ask = network.gateways["XAA"].notices.ask_onward
    asked = (("TRAVEL_DOC", "CONSULATE"), ("TRAVEL_DOC", "COURT"))
    for one in asked:
        await ask(ours, *one, *DESKS["XAA"][0])
    await stopped_and_let_go(network, "XAA", ours)
    found = [DROPPED % {"type": ONWARD_REQUEST}]
    for one in asked:
        assert found == await findings_of(network, "XAA", ours)
        await ask(ours, *one, *DESKS["XAA"][0])
    assert [] == await findings_of(network, "XAA", ours)


def owed(*names: str) -> list[Callable[[Network], Awaitable[Made]]]:
    """Return what puts an answer that is owed in the outbox: of ``names``, or of all."""
    made = [delay, interview_result, *ABOUT_DATA]
    answers = [one for one in made if one.__name__.rpartition("_")[0] in ("report_use", "answer_onward", "confirm")]
    return [one for one in (delay, interview_result, *answers) if not names or one.__name__ in names]


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("make", owed(), ids=lambda make: make.__name__)
async def test_what_is_refused_for_its_times_is_owed_still(
    network: Network, make: Callable[[Network], Awaitable[Made]], stopped: bool
) -> None:
    """The other State waits for it, so the desk is offered the step again, also once a stop in between is over."""
    country, ref, say = await make(network)
    before = await story.case(network, country, ref)
    network.clock.pass_(hours=1)
    with wrong_clock(network, country, 10):
        await say()
        (claimed,) = await network.gateways[country].deliverer.claim(before.partner, Line(1))
        if stopped:
            await network.gateways[country].hold.freeze(ref, "in doubt", *DESKS[country][0])
    answer = await network.gateways[before.partner].receiver.receive(claimed.envelope)
    await network.gateways[country].deliverer.settle(claimed.row, answer.body)
    network.clock.pass_(minutes=30)
    if stopped:
        await let_go(network, country, ref)
    assert ["not accepted: stale"] == await findings_of(network, country, ref)
    assert shown(before) == shown(await story.case(network, country, ref))
    await say()
    await network.deliver()
    assert "receipted" == (await outbox(network, country, ref))[-1].state


@pytest.mark.parametrize(
    "make", owed("delay", "report_use_XAA", "answer_onward_XAA", "answer_onward_XBB"), ids=lambda make: make.__name__
)
async def test_what_never_left_before_a_restore_is_owed_still(
    network: Network, tmp_path: Path, make: Callable[[Network], Awaitable[Made]]
) -> None:
    """A person decides whether it is said; the rest is said by itself."""
    country, ref, say = await make(network)
    before = await story.case(network, country, ref)
    await say()
    await restore(network, country, back_up(network, country, tmp_path / "backup"))
    await after_the_listing(network)
    assert shown(before) == shown(await story.case(network, country, ref))


async def test_answer_that_the_other_state_takes_for_none_is_not_owed_without_end(network: Network) -> None:
    """A restore may have taken the question: each answer would be refused, and no desk could close the case (R-17)."""
    country, ref, say = await about_data("XBB", "report_use")(network)
    other = next(iter(await network.gateways["XAA"].store.read(lambda tx: tx.cases(["REPLIED"], limit=9))))
    await story.put(network, "XAA", other.ref, State.REPLIED, notices=())
    await say()
    await network.deliver()
    assert ["not accepted: illegal-step"] == await findings_of(network, country, ref)
    await network.gateways[country].answer.close(ref, *DESKS[country][0])


async def test_answer_that_is_refused_takes_back_no_other_that_was_given_since(network: Network) -> None:
    """The question is answered by that."""
    country, ref, say = await about_data("XBB", "answer_onward")(network)
    network.clock.pass_(hours=1)
    with wrong_clock(network, country, 10):
        await say()
        (claimed,) = await network.gateways[country].deliverer.claim("XAA", Line(1))
    await network.gateways[country].notices.answer_onward(ref, 1, None, *DESKS[country][1])
    answer = await network.gateways["XAA"].receiver.receive(claimed.envelope)
    await network.gateways[country].deliverer.settle(claimed.row, answer.body)
    (question,) = (await story.case(network, country, ref)).notices
    assert "REFUSED" == question.answer["decision"]


@pytest.mark.parametrize("then", [None, "stops again", "stopped there"])
async def test_that_a_return_goes_on_is_said_again_where_it_was_refused_for_its_times(
    network: Network, then: str | None
) -> None:
    """The other State would hold it for good, and nobody there could let it go on; not where it is stopped again."""
    ours, theirs = await homeward.accepted(network)
    gateway, welfare = network.gateways["XBB"], ("welfare", "child_welfare")
    await gateway.returning.suspend(theirs, "danger", *welfare)
    await network.deliver()
    await gateway.hold.release(theirs, *welfare)
    network.clock.pass_(hours=1)
    if then is None:
        await refused_for_its_times(network, gateway.hold.resume(theirs, "first", "registry_clerk"))
        await settle(network, 1)
    else:
        with wrong_clock(network, "XBB", 10):
            await gateway.hold.resume(theirs, "first", "registry_clerk")
            (claimed,) = await gateway.deliverer.claim("XAA", Line(1))
            if then == "stops again":
                await gateway.returning.suspend(theirs, "danger", *welfare)
            else:
                await network.gateways["XAA"].returning.suspend(ours, "danger", *welfare)
                await network.gateways["XAA"].deliverer.run_once()
        answer = await network.gateways["XAA"].receiver.receive(claimed.envelope)
        await gateway.deliverer.settle(claimed.row, answer.body)
        await settle(network, 1)
    if then == "stopped there":
        await network.gateways["XAA"].hold.release(ours, *welfare)
        await network.gateways["XAA"].hold.resume(ours, "first", "case_officer")
        await network.deliver()
    assert (["SUSPENDED"] if then == "stops again" else ["ACCEPTED"]) * 2 == list(
        await homeward.states(network, ours, theirs)
    )


async def test_refusal_of_a_return_is_said_again_where_it_was_refused_for_its_times(network: Network) -> None:
    """The other State waits for an answer, and no step of the case gives one any more."""
    ours, theirs = await homeward.proposed(network)
    refuse = network.gateways["XBB"].returning.refuse
    await refused_for_its_times(network, refuse(theirs, "NO_CARER", "first", "registry_clerk"))
    await settle(network, 1)
    assert ("ASSESSED", "REPLIED") == await homeward.states(network, ours, theirs)
