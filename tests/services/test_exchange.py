"""Two States confirm a nationality: the whole story through the real services, keys and stores."""

import json
from dataclasses import replace

import pytest

from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services.context import Forbidden, NotFound
from gateway.services.deliver import Line
from gateway.services.ports import Unavailable
from gateway.services.reckon import Reckoner
from tests.support import story
from tests.support.network import Network, open_gateway


async def test_positive_answer_reaches_the_asking_desk(network: Network) -> None:
    """A request, its acknowledgement and a positive reply move both cases to REPLIED."""
    ours, theirs = await story.replied(network)
    assert ("REPLIED", "REPLIED") == (
        await story.state(network, "XAA", ours),
        await story.state(network, "XBB", theirs),
    )
    assert "NATIONAL" == (await story.case(network, "XAA", ours)).reply["outcome"]


async def test_receipt_starts_the_same_clock_on_both_sides(network: Network) -> None:
    """Both sides reckon the same due date from the receipt."""
    ours, theirs = await story.received(network)
    mine, yours = await story.case(network, "XAA", ours), await story.case(network, "XBB", theirs)
    assert mine.clock("reply").due_on == yours.clock("reply").due_on
    assert () == mine.findings


async def test_author_cannot_approve(network: Network) -> None:
    """The author of a draft cannot be its approver, whatever roles the person holds."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "second", "liaison_officer")
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "request.approval", "liaison_officer")
    with pytest.raises(RuleRefused, match="V-01"):
        await gateway.clear.approve(ref, signed, "second")


async def test_a_preview_counts_the_days_where_the_record_is_kept(network: Network) -> None:
    """What is attested of a day that has not come there is shown as what it is, before it is approved in vain."""
    gateway = network.gateways["XAA"]
    gateway.context.zone = "Pacific/Pago_Pago"
    attested = {**story.draft()["asylum"], "attested_on": network.clock.now().date().isoformat()}
    draft = story.draft(asylum=attested)
    shown, _ = await gateway.clear.show(await gateway.clear.new(draft, "first"), "second", "liaison_officer")
    for preview in (gateway.clear.preview(draft), shown):
        assert ["R-01"] == [finding.rule for finding in preview.findings]


async def test_approval_of_other_bytes_is_refused(network: Network) -> None:
    """A statement over another digest than the prepared body's approves nothing."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first")
    _, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    other = "A" * 43
    signed = network.approval(other, thread, "second", "request.approval", "liaison_officer")
    with pytest.raises(Forbidden):
        await gateway.clear.approve(ref, signed, "second")


@pytest.mark.parametrize("wrong", ["thread", "person", "kind", "role"])
async def test_an_approval_of_something_else_is_none(network: Network, wrong: str) -> None:
    """A statement of another thread, by another key, of another kind or role, approves nothing."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first")
    preview, thread = await gateway.clear.show(ref, "second", "liaison_officer")
    right = {"digest": preview.digest, "thread": thread, "person": "second"}
    right |= {"kind": "request.approval", "role": "liaison_officer"}
    other = {"thread": "A" * 22, "person": "first", "kind": "elements.approval", "role": "second_signer"}
    with pytest.raises(Forbidden):
        await gateway.clear.approve(ref, network.approval(**(right | {wrong: other[wrong]})), "second")
    await gateway.clear.approve(ref, network.approval(**right), "second")


@pytest.mark.parametrize("wrong", ["digest", "thread", "person", "kind", "role"])
async def test_a_second_signature_of_something_else_is_none(network: Network, wrong: str) -> None:
    """The same of the second signature under an answer."""
    _, theirs = await story.acknowledged(network)
    gateway = network.gateways["XBB"]
    pending = await gateway.answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    thread = (await story.row(network, "XBB", theirs)).thread
    right = {"digest": pending.digest, "thread": thread, "person": "signer"}
    right |= {"kind": "reply.second-signature", "role": "second_signer"}
    other = {"digest": "A" * 43, "thread": "A" * 22, "person": "first", "kind": "request.approval", "role": "desk_head"}
    with pytest.raises(Forbidden):
        await gateway.answer.countersign(theirs, network.approval(**(right | {wrong: other[wrong]})), "signer")
    await gateway.answer.countersign(theirs, network.approval(**right), "signer")


async def test_a_second_signature_by_a_key_that_no_card_lists_is_said_before_it_travels(network: Network) -> None:
    """The other State could not verify it, so it is refused here, with what to do."""
    _, theirs = await story.acknowledged(network)
    gateway = network.gateways["XBB"]
    pending = await gateway.answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    thread = (await story.row(network, "XBB", theirs)).thread
    signed = network.approval(pending.digest, thread, "signer", "reply.second-signature", "second_signer")
    assert gateway.context.own is not None
    gateway.context.own = replace(gateway.context.own, roles=())
    with pytest.raises(Forbidden, match="does not list") as refused:
        await gateway.answer.countersign(theirs, signed, "signer")
    assert "--add-role second_signer" in refused.value.hint


async def test_an_approval_ends_when_it_says(network: Network) -> None:
    """What was approved for a day is not sent the day after; it is approved anew."""
    ref = await story.cleared(network)
    network.clock.pass_(days=2)
    await network.refresh()
    with pytest.raises(RuleRefused, match="V-03"):
        await network.gateways["XAA"].clear.send(ref, "first")


async def test_a_second_signature_ends_when_it_says(network: Network) -> None:
    """An answer that is not positive does not leave on a signature that has ended since."""
    _, theirs = await story.acknowledged(network)
    gateway = network.gateways["XBB"]
    pending = await gateway.answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    thread = (await story.row(network, "XBB", theirs)).thread
    signed = network.approval(pending.digest, thread, "signer", "reply.second-signature", "second_signer")
    await gateway.answer.countersign(theirs, signed, "signer")
    network.clock.pass_(days=2)
    await network.refresh()
    with pytest.raises(RuleRefused, match="V-05"):
        await gateway.answer.answer(theirs, "first")


@pytest.mark.parametrize("key", [None, b"\x01" * 32])
async def test_nothing_is_sent_by_an_approval_whose_key_is_its_persons_no_more(
    network: Network, key: bytes | None
) -> None:
    """Whoever stole it approved what nobody looked at; with the key out of the configuration that leaves no more."""
    ref = await story.cleared(network)
    context = network.gateways["XAA"].context
    persons = dict(context.persons)
    second = persons.pop("second")
    context.persons = persons if key is None else {**persons, "second": replace(second, key=key)}
    with pytest.raises(RuleRefused, match="V-03"):
        await network.gateways["XAA"].clear.send(ref, "first")
    context.persons = {**persons, "second": second}
    await network.gateways["XAA"].clear.send(ref, "first")


async def test_nothing_is_sent_without_approval(network: Network) -> None:
    """A draft that nobody approved cannot be sent."""
    gateway = network.gateways["XAA"]
    ref = await gateway.clear.new(story.draft(), "first")
    with pytest.raises(IllegalStep):
        await gateway.clear.send(ref, "first")


async def test_sent_body_is_the_previewed_body(network: Network) -> None:
    """The other State stores exactly the elements that the approver saw."""
    _, theirs = await story.received(network)
    body = (await story.case(network, "XBB", theirs)).received
    assert {"names", "birth_date", "birth_place"} == set(body["elements"])


async def test_tier_two_leaves_only_after_its_question(network: Network) -> None:
    """Sex stays withheld until XBB asks for it, and then it is all that leaves."""
    ours, theirs = await story.acknowledged(network)
    asked, asker = network.gateways["XBB"], network.gateways["XAA"]
    await asked.answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    assert "NEEDS_TIER2" == await story.state(network, "XAA", ours)
    preview = await asker.clear.prepare(ours, "first")
    _, thread = await asker.clear.show(ours, "second", "liaison_officer")
    signed = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
    await asker.clear.approve(ours, signed, "second")
    await asker.clear.send(ours, "first")
    await network.deliver()
    received = (await story.case(network, "XBB", theirs)).received["elements"]
    assert 2 == received["sex"]
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)


async def test_negative_answer_needs_a_second_signer(network: Network) -> None:
    """An answer that is not positive does not leave with one signature."""
    _, theirs = await story.acknowledged(network)
    gateway = network.gateways["XBB"]
    await gateway.answer.prepare(theirs, story.reply("NOT_FOUND"), "first")
    with pytest.raises(RuleRefused, match="V-05"):
        await gateway.answer.answer(theirs, "first")


async def test_an_answer_made_before_further_elements_came_does_not_leave(network: Network) -> None:
    """What was prepared and countersigned without them is void once they arrive: the person may be found by them."""
    ours, theirs = await story.acknowledged(network)
    asked, asker = network.gateways["XBB"].answer, network.gateways["XAA"].clear
    made = await asked.prepare(theirs, story.reply("NOT_FOUND"), "first")
    thread = (await story.case(network, "XBB", theirs)).thread
    signed = network.approval(made.digest, thread, "signer", "reply.second-signature", "second_signer")
    await asked.countersign(theirs, signed, "signer")
    await asked.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    preview = await asker.prepare(ours, "first")
    approval = network.approval(preview.digest, thread, "second", "elements.approval", "liaison_officer")
    await asker.approve(ours, approval, "second")
    await asker.send(ours, "first")
    await network.deliver()
    with pytest.raises(IllegalStep):
        await asked.answer(theirs, "first")


async def test_countersigned_negative_answer_arrives(network: Network) -> None:
    """With the second signature the answer leaves and is accepted as what it says."""
    ours, _ = await story.replied(network, "NOT_FOUND")
    assert "NOT_FOUND" == (await story.case(network, "XAA", ours)).reply["outcome"]


async def test_not_found_does_not_become_no(network: Network) -> None:
    """NOT_NATIONAL without an entry that was found is refused at the desk (R-26)."""
    _, theirs = await story.acknowledged(network)
    value = story.reply("NOT_NATIONAL", match_basis=[], reason="DIFFERENT_PERSON_MATCHED")
    with pytest.raises(RuleRefused, match="R-26"):
        await network.gateways["XBB"].answer.prepare(theirs, value, "first")


async def test_reply_keeps_the_conditions_of_the_request(network: Network) -> None:
    """Whoever prepares an answer cannot loosen the use restrictions that came with the request (R-05)."""
    _, theirs = await story.acknowledged(network)
    asked = (await story.case(network, "XBB", theirs)).received["handling"]
    loose = {**asked, "use_restrictions": ["P0"], "onward": "ask"}
    await network.gateways["XBB"].answer.prepare(theirs, story.reply(handling=loose), "first")
    prepared = json.loads((await story.case(network, "XBB", theirs)).pending.body)
    assert asked == prepared["handling"]


async def test_method_outside_the_limit_is_refused(network: Network) -> None:
    """A reply found by a method the request did not allow does not leave (M-01)."""
    _, theirs = await story.acknowledged(network)
    value = story.reply(method_used=["CONSULAR_INTERVIEW"])
    with pytest.raises(RuleRefused, match="M-01"):
        await network.gateways["XBB"].answer.prepare(theirs, value, "first")


async def test_contest_gets_one_second_look(network: Network) -> None:
    """A reply is contested once; after the second reply no more."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    gateway = network.gateways["XAA"]
    await gateway.clear.contest(ours, "REGISTER_INCOMPLETE", "first")
    await network.deliver()
    assert "CONTESTED" == await story.state(network, "XBB", theirs)
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()
    assert "NATIONAL" == (await story.case(network, "XAA", ours)).reply["outcome"]
    with pytest.raises(RuleRefused, match="V-06"):
        await gateway.clear.contest(ours, "NEW_ELEMENT", "first")


async def test_extension_moves_both_clocks_alike(network: Network) -> None:
    """A reasoned extension before the due date gives both sides the same later date, once."""
    ours, theirs = await story.acknowledged(network)
    before = (await story.case(network, "XAA", ours)).clock("reply").due_on
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await network.deliver()
    mine = (await story.case(network, "XAA", ours)).clock("reply")
    assert (await story.case(network, "XBB", theirs)).clock("reply").due_on == mine.due_on > before
    with pytest.raises((RuleRefused, IllegalStep)):
        await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        (-10, [("message.refused", "XAA", "stale"), ("clock.apart", "XAA", "behind"), ("clock.apart", "XBB", "ahead")]),
        (-4, []),
        (4, []),
        (10, [("clock.apart", "XBB", "behind")]),
    ],
)
async def test_a_clock_that_is_off_is_told_on_either_side(
    network: Network, minutes: int, told: list[tuple[str, str, str]]
) -> None:
    """Where two clocks show so different times that a message is refused, the log of each says which way its own is."""
    await story.sent(network)
    deliverer = network.gateways["XAA"].deliverer
    (claimed,) = await deliverer.claim("XBB", Line(1))
    network.clock.pass_(minutes=minutes)
    reply = await network.gateways["XBB"].receiver.receive(claimed.envelope)
    network.clock.pass_(minutes=-minutes)
    await deliverer.settle(claimed.row, reply.body)
    assert told == [
        (event, values["partner"], values["code"])
        for event, values in network.logs
        if event in ("message.refused", "clock.apart")
    ]


@pytest.mark.parametrize("then", [None, "freeze", "ask"])
async def test_refused_extension_is_none(network: Network, then: str | None) -> None:
    """An extension that was refused leaves both clocks as they were, says so, and may be said again."""
    ours, theirs = await story.acknowledged(network)
    before, asked = (await story.case(network, "XBB", theirs)).clock("reply"), network.gateways["XBB"]
    network.clock.pass_(minutes=10)
    await asked.answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    assert (await story.case(network, "XBB", theirs)).clock("reply").due_on > before.due_on
    (claimed,) = await asked.deliverer.claim("XAA", Line(1))
    if then == "freeze":
        await asked.hold.freeze(theirs, "known now", "first", "registry_clerk")
    elif then == "ask":
        await asked.answer.ask(theirs, ["SEX"], 2, "first")
    network.clock.pass_(minutes=-10)
    reply = await network.gateways["XAA"].receiver.receive(claimed.envelope)
    await asked.deliverer.settle(claimed.row, reply.body)
    case = await story.case(network, "XBB", theirs)
    clock = case.clock("reply")
    mine = (await story.case(network, "XAA", ours)).clock("reply")
    assert (mine.due_on, before.due_at, (), "shortened") == (clock.due_on, clock.due_at, clock.extended, clock.cause)
    assert ({"freeze": "FROZEN", "ask": "NEEDS_TIER2"}.get(then or "", "ACKNOWLEDGED"), None) == (
        case.state,
        case.delay,
    )
    assert case.resume_to == ("ACKNOWLEDGED" if then == "freeze" else None)
    assert "not accepted: stale" in case.findings
    if then is None:
        network.clock.pass_(minutes=1)
        await asked.answer.extend(theirs, "ARCHIVE_SEARCH", "first")
        await network.deliver()
        mine = (await story.case(network, "XAA", ours)).clock("reply")
        assert (await story.case(network, "XBB", theirs)).clock("reply").due_on == mine.due_on > before.due_on


async def test_refused_extension_does_not_undo_a_decree(network: Network) -> None:
    """A holiday that was named since the extension was handed in still counts once the extension is refused."""
    ours, theirs = await story.acknowledged(network)
    asked = network.gateways["XBB"]
    due_on = (await story.case(network, "XBB", theirs)).clock("reply").due_on
    network.clock.pass_(minutes=10)
    await asked.answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    (claimed,) = await asked.deliverer.claim("XAA", Line(1))
    for gateway in network.gateways.values():
        old = gateway.context.reckoner
        known = old.calendars["XBB"]
        newer = replace(known, version="decree", holidays={**known.holidays, due_on: "Decree"})
        gateway.context.reckoner = Reckoner(old.instruments, {**old.calendars, "XBB": newer}, old.ladder)
        await gateway.reminder.reckon_anew(network.clock.now())
    network.clock.pass_(minutes=-10)
    reply = await network.gateways["XAA"].receiver.receive(claimed.envelope)
    await asked.deliverer.settle(claimed.row, reply.body)
    mine, yours = [(await story.case(network, at, ref)).clock("reply") for at, ref in (("XAA", ours), ("XBB", theirs))]
    assert ((), "decree") == (yours.extended, yours.calendar_version)
    assert mine.due_on == yours.due_on > due_on


async def test_silence_only_escalates(network: Network) -> None:
    """A reply that never comes leads to one reminder a cool-down and to no other state."""
    ours, theirs = await story.acknowledged(network)
    network.clock.pass_(days=40)
    await network.refresh()
    gateway = network.gateways["XAA"]
    assert (1, (ours,)) == ((done := await gateway.reminder.run_once(network.clock.now())).overdue, done.refs)
    assert () == (await gateway.reminder.run_once(network.clock.now())).refs
    await network.deliver()
    assert ("ACKNOWLEDGED", 1) == (
        await story.state(network, "XAA", ours),
        (await story.case(network, "XBB", theirs)).reminders,
    )


async def test_lost_answer_is_asked_for_again(network: Network) -> None:
    """An answer lost on its way is given again, and nothing is applied twice."""
    network.wires.lose_answers = True
    ours = await story.sent(network)
    await network.gateways["XAA"].deliverer.run_once()
    network.wires.lose_answers = False
    network.clock.pass_(hours=2)
    await network.deliver()
    assert network.wires.answers[0].body == network.wires.answers[1].body
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_restart_resumes_what_was_under_way(network: Network) -> None:
    """A queued message survives a restart of its gateway."""
    network.wires.cut = True
    ours = await story.sent(network)
    await network.deliver(1)
    await network.gateways["XAA"].close()
    network.wires.cut = False
    await open_gateway(network, "XAA")
    network.clock.pass_(hours=2)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_next_number_waits_for_the_receipt(network: Network) -> None:
    """Two messages of one thread never fly at the same time."""
    _, theirs = await story.received(network)
    gateway = network.gateways["XBB"]
    await gateway.answer.acknowledge(theirs, "first")
    await gateway.answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-20", "first")
    assert 1 == len(await gateway.deliverer.claim("XAA", Line(10)))


async def test_expired_message_ends_its_thread(network: Network) -> None:
    """A message nobody ever took ends as undelivered, and the case says so."""
    network.wires.cut = True
    ours = await story.sent(network)
    await network.deliver(1)
    network.clock.pass_(days=31)
    await network.gateways["XAA"].deliverer.expire(network.clock.now())
    assert "UNDELIVERED" == await story.state(network, "XAA", ours)


async def test_no_sealing_key_means_not_now(network: Network) -> None:
    """When no key of the recipient is valid, sending is refused with its reason and nothing is queued."""
    ref = await story.cleared(network)
    network.clock.pass_(days=500)
    with pytest.raises((RuleRefused, Unavailable)):
        await network.gateways["XAA"].clear.send(ref, "first")
    assert "CLEARED" == await story.state(network, "XAA", ref)


async def test_unknown_case_is_not_found(network: Network) -> None:
    """A reference that does not exist says so, in the same words as an erased one."""
    with pytest.raises(NotFound):
        await network.gateways["XAA"].clear.send("A" * 22, "first")
