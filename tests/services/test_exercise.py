"""Exercises between two gateways: the whole exchange, and no way for anybody to take one for the other."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.core import exercise, return_bodies, wire
from gateway.core.machine import RuleRefused, Send
from gateway.core.messages import EXERCISE, REQUEST, TYPES
from gateway.core.notices import open_demands
from gateway.services import cases, outbox, rights, threads
from gateway.services.outbox import Letter
from gateway.services.retain import erase_and_confirm
from gateway.services.rows import ThreadRow
from schemas import ijson
from tests.support import homeward, story
from tests.support.network import Network, wrong_clock
from tests.support.posted import payloads


async def sent(network: Network, **changes: Any) -> str:
    """Open, approve and send an exercise in XAA."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(**changes), "first", exercise=True)
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    await gateway.clear.approve(ref, signed, "second")
    await gateway.clear.send(ref, "first")
    return ref


async def received(network: Network) -> tuple[str, str]:
    """Send an exercise and deliver it; return its reference here and there."""
    ours = await sent(network)
    await network.deliver()
    return ours, await story.twin(network, ours)


async def statuses(network: Network, country: str, ref: str) -> list[str | None]:
    """Return how the other State answered each message of a case."""

    async def unit(tx: Any) -> list[str | None]:
        return [row.code or row.status for row in await tx.outbound_of_case(ref)]

    return await network.gateways[country].store.read(unit)


async def test_the_whole_exchange_is_exercised(network: Network) -> None:
    """Request, acknowledgement, a negative reply with its second signature, and a withdrawal, all as an exercise."""
    ours, theirs = await received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ("REPLIED", "NOT_FOUND", True) == (case.state, case.reply["outcome"], case.exercise)


async def test_account_of_an_exercise_tells_what_left_as_any_other(network: Network) -> None:
    """Whoever practises sees what they will see: the kind of message, its conditions, and each element by its name."""
    ours, _ = await received(network)
    context = network.gateways["XAA"].context
    (told,) = (await rights.account(context, ours, "first", "case_officer", "she asked for it")).sent
    assert (REQUEST, "NATIONALITY", ("P0", "P1")) == (told.type, told.purpose, told.use_restrictions)
    assert (True, story.draft()["elements"]["names"]) == (bool(told.legal_basis), told.elements.get("names"))


async def test_what_the_asked_side_says_is_receipted(network: Network) -> None:
    """A reply of an exercise starts the same clocks as any other, so its receipt is taken at the first attempt."""
    _, theirs = await received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()
    assert ["accepted", "accepted"] == await statuses(network, "XBB", theirs)


@pytest.mark.parametrize("minutes", [0, 10], ids=["at once", "once more, for a wrong clock"])
async def test_the_erasure_of_an_exercise_is_confirmed_as_one(network: Network, minutes: int) -> None:
    """Also where the case is gone by then: word of another kind would be refused there, and the demand stay open."""
    ours, theirs = await received(network)
    await network.gateways["XAA"].notices.demand_erasure(ours, "first", "case_officer")
    await network.deliver()
    context = network.gateways["XBB"].context
    with wrong_clock(network, "XBB", minutes):
        await context.commit(lambda tx: erase_and_confirm(context, tx, theirs, context.clock.now()))
        await network.deliver(refresh=False)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert () == open_demands(await story.case(network, "XAA", ours))


async def test_every_signed_payload_says_exercise(network: Network) -> None:
    """No payload of an exercise is of a real type, in either direction."""
    _, theirs = await received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    assert {EXERCISE} == {one.type for country in ("XAA", "XBB") for one in payloads(network, country)}


async def test_every_reference_shows_it(network: Network) -> None:
    """Both references begin with the mark, which boards, logs and pages show; a real one does not."""
    refs = await received(network)
    real = await story.sent(network)
    assert [True, True, False] == [exercise.is_exercise(ref) for ref in (*refs, real)]


async def test_figures_leave_it_out(network: Network) -> None:
    """An exercise is counted nowhere."""
    await received(network)
    figures = await network.gateways["XAA"].inquiries.figures(network.clock.now())
    assert ({}, {}) == (dict(figures.cases), dict(figures.overdue))


async def test_a_real_state_has_no_room_in_it(network: Network) -> None:
    """A draft with a place of a State that exists opens no exercise."""
    elements = story.draft()["elements"] | {"birth_place": {"country": "AUT", "unit": "Northtown"}}
    with pytest.raises(RuleRefused, match="V-14"):
        await sent(network, elements=elements)


async def test_a_real_state_has_no_room_in_it_later(network: Network) -> None:
    """Neither a new draft, nor a correction of the record, nor a rectification makes an exercise of a real person."""
    gateway = network.gateways["XAA"]
    real = {**story.ADULT["elements"], "birth_place": {"country": "AUT", "unit": None}}
    ref = await gateway.clear.new(story.draft(), "first", exercise=True)
    with pytest.raises(RuleRefused, match="V-14"):
        await gateway.clear.amend(ref, story.draft(elements=real), "first")
    ours, _ = await received(network)
    place = {"birth_place": real["birth_place"]}
    with pytest.raises(RuleRefused, match="V-14"):
        await gateway.notices.prepare_rectification(ours, ["BIRTH_PLACE"], place, "first", "case_officer")
    await gateway.hold.freeze(ours, "wrong entry", "first", "case_officer")
    with pytest.raises(RuleRefused, match="V-14"):
        await gateway.hold.correct(ours, real, "mistyped", "first", "case_officer")


async def forged(network: Network, ref: str, as_exercise: bool, type: str, body: str) -> None:
    """Send a message in the thread of ``ref`` as what it is not, as a gateway that kept to no rule would."""
    context, now = network.gateways["XAA"].context, network.clock.now()

    async def unit(tx: Any) -> None:
        held = await cases.load(context, tx, ref)
        turned = cases.Held(held.row, replace(held.case, exercise=as_exercise), held.key)
        await threads.queue(context, tx, turned, Send(type, body), now)

    await context.commit(unit)
    await network.deliver()


async def returning(network: Network) -> tuple[str, str]:
    """Exercise a return up to the travel document; return the references of both States."""
    ours, theirs = await received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    acts = network.gateways["XAA"].returning
    record = homeward.record(decision=homeward.DECISION, travel=homeward.TRAVEL)
    await acts.consider(ours, record, "first", "case_officer")
    await acts.assess(ours, "coordinator", "coordinator")
    pending = await acts.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    await homeward.endorse(network, ours, pending)
    await acts.propose(ours, "first", "case_officer")
    await network.deliver()
    await homeward.accept(network, theirs)
    await network.deliver()
    await acts.decide(ours, "coordinator", "coordinator")
    pending = await acts.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await acts.request_document(ours, "first", "case_officer")
    await network.deliver()
    await network.gateways["XBB"].returning.issue(theirs, homeward.DOCUMENT, "issuer")
    await network.deliver()
    assert ("DOCUMENTED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    return ours, theirs


async def test_nobody_travels_to_a_real_place_in_it(network: Network) -> None:
    """No plan of an exercise ends in a State that exists; in an invented one it may."""
    ours, _ = await returning(network)
    acts = network.gateways["XAA"].returning
    with pytest.raises(RuleRefused, match="V-14"):
        await acts.schedule(ours, {**homeward.JOURNEY, "point": {"country": "AUT", "unit": "Northtown"}}, "second")
    await acts.schedule(ours, homeward.JOURNEY, "second")


@pytest.mark.parametrize(("country", "status"), [("XBB", "accepted"), ("AUT", "illegal-step")])
async def test_a_journey_to_a_real_place_is_refused_on_arrival(network: Network, country: str, status: str) -> None:
    """A plan that ends in a State that exists is no exercise to the other State either."""
    ours, theirs = await returning(network)
    case = await story.case(network, "XAA", ours)
    plan = return_bodies.planned(case, {**homeward.JOURNEY, "point": {"country": country, "unit": "Northtown"}})
    await forged(network, ours, True, "return.schedule", ijson.dumps(plan).decode())
    assert status == (await statuses(network, "XAA", ours))[-1]
    assert ("SCHEDULED" if status == "accepted" else "DOCUMENTED") == await story.state(network, "XBB", theirs)


def test_places_at_any_depth_are_looked_at() -> None:
    """Where a handover takes place is deep in its protocol, and named by where it stands."""
    body = {"handling": homeward.HANDLING, "protocol": dict(homeward.PROTOCOL)}
    assert () == exercise.body_findings(body)
    body["protocol"]["place"] = {"country": "AUT", "unit": "Northtown"}
    assert ["protocol.place"] == [found.where for found in exercise.body_findings(body)]


async def test_nothing_real_is_taken_in_an_exercise(network: Network) -> None:
    """A reminder that is real is refused in the thread of an exercise."""
    ours, _ = await received(network)
    await forged(network, ours, False, "reminder", '{"number":1,"step":"reply"}')
    assert ["accepted", "illegal-step"] == await statuses(network, "XAA", ours)


async def test_no_exercise_is_taken_in_a_real_thread(network: Network) -> None:
    """A reminder that is an exercise is refused in a real thread, and the case stays as it was."""
    ours, theirs = await story.received(network)
    await forged(network, ours, True, "reminder", '{"number":1,"step":"reply"}')
    assert ["accepted", "illegal-step"] == await statuses(network, "XAA", ours)
    assert 0 == (await story.case(network, "XBB", theirs)).reminders


@pytest.mark.parametrize(("born_in", "status"), [("XBB", "accepted"), ("AUT", "refused")])
async def test_a_real_state_in_an_exercise_is_refused_on_arrival(network: Network, born_in: str, status: str) -> None:
    """What our own check would stop is stopped by the other State too."""
    context, now = network.gateways["XAA"].context, network.clock.now().replace(microsecond=0)
    body = ijson.loads(network.gateways["XAA"].clear.preview(story.draft()).body.encode())
    body["elements"]["birth_place"] = {"country": born_in, "unit": "Northtown"}
    letter = Letter(  # of no case, so no rule of ours looks at it again
        partner="XBB",
        type=REQUEST,
        framed_as=EXERCISE,
        body=exercise.wrap(REQUEST, ijson.dumps(body).decode()).encode(),
        issued_at=now,
        expires_at=now + wire.MAX_VALIDITY,
        clock=context.reckoner.claim("XBB", TYPES[REQUEST].clock_step or ""),
    )
    thread = ThreadRow("XBB", context.random.token(), None)

    async def unit(tx: Any) -> None:
        await outbox.put(context, tx, letter, now, thread)

    await context.commit(unit)
    await network.deliver()
    assert 1 == len(payloads(network, "XBB"))
    (row,) = await context.store.read(lambda tx: tx.outbound_since("XBB", now))
    assert (status, status == "accepted") == (row.status, 1 == len(await network.gateways["XBB"].inquiries.cases()))


def test_wrapping_keeps_every_byte() -> None:
    """The body that people approved comes out as it went in."""
    body = '{ "code":"WITHDRAWN_NO_REASON" }'
    assert ("withdrawal", body.encode()) == exercise.unwrap(exercise.wrap("withdrawal", body).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b'{ "of":"withdrawal","body":{}}',
        b'{"of":"withdrawal", "body":{}}',
        b'{"body":{},"of":"withdrawal"}',
        b'{"of":"withdrawa\\u006c","body":{}}',
        b'{"of":"withdrawal","body":{}} ',
        b'{"of":"withdrawal"}',
    ],
)
def test_one_form_is_taken(raw: bytes) -> None:
    """White space, escapes and another order around the body are refused (M-5.37)."""
    with pytest.raises(ValueError, match="exercise"):
        exercise.unwrap(raw)


@pytest.mark.parametrize(("country", "verdict"), [("XAA", True), ("XZZ", True), ("XKX", False), ("AUT", False)])
def test_invented_states(country: str, verdict: bool) -> None:
    """The codes left to users are invented States; Kosovo's is not one of them."""
    assert verdict is exercise.invented(country)
