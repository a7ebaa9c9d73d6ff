"""The asylum stop and freezing: nothing leaves but one neutral withdrawal."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from gateway.core.case import State, serialize_case
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.verification import MAY_FREEZE
from gateway.services import access, cases
from gateway.services.account_store import Invitation
from gateway.services.context import Forbidden, NotFound, Person
from gateway.services.hold import Hold
from gateway.services.offered import open_steps
from gateway.services.ports import Tx
from gateway.services.steps import DROPPED
from gateway.serving import desk_services
from tests.support import homeward, story
from tests.support.network import Network

FOUND_ADULT = {"class": "adult", "decision": {"ref": "AGE-7", "on": "2026-11-25", "by": "Youth Office"}}
STATES = ["unknown", "indicated", "requested", "pending", "granted", "refused", "withdrawn"]


@pytest.mark.parametrize("name", STATES)
async def test_no_state_but_none_can_be_approved(network: Network, name: str) -> None:
    """Every protection state but an attested none stops the approval (R-01)."""
    protection = {"state": name, "attested_by": None, "attested_on": None, "basis": None}
    with pytest.raises(RuleRefused, match="R-01"):
        await story.cleared(network, asylum=protection)


async def test_unattested_none_does_not_pass(network: Network) -> None:
    """The word none without who, when and why is no attestation."""
    protection = {"state": "none", "attested_by": None, "attested_on": None, "basis": None}
    with pytest.raises(RuleRefused, match="R-01"):
        await story.cleared(network, asylum=protection)


async def test_who_stops_a_case_does_not_attest_by_it_that_nothing_stands_against_it(network: Network) -> None:
    """A stop says what became known; a none is the word of the authority that attests it alone (R-01)."""
    ref = await story.sent(network)
    hold, none = network.gateways["XAA"].hold, (await story.case(network, "XAA", ref)).draft["asylum"]
    with pytest.raises(Forbidden, match="asylum authority"):
        await hold.freeze(ref, "I looked into it", "first", "case_officer", {**none, "basis": "a look of mine"})
    assert "SENT" == await story.state(network, "XAA", ref)
    await hold.freeze(ref, "doubt", "protection", "asylum_authority", {**none, "basis": "another interview"})
    case = await story.case(network, "XAA", ref)
    assert ("FROZEN", "another interview") == (case.state, case.draft["asylum"]["basis"])


async def test_freeze_before_posting_sends_nothing(network: Network) -> None:
    """A case frozen and withdrawn before anything was posted sends nothing at all."""
    ref = await story.sent(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ref, "she said she is afraid", "protection", "asylum_authority")
    await hold.withdraw(ref, "protection", "asylum_authority")
    network.clock.pass_(days=2)
    assert (0, []) == (await network.deliver(), network.wires.posted)


async def test_freeze_after_posting_sends_one_withdrawal(network: Network) -> None:
    """After something was posted, exactly one withdrawal leaves, at the next full hour (M-5.25)."""
    ours, theirs = await story.acknowledged(network)
    count = len(network.wires.posted)
    hold = network.gateways["XAA"].hold
    network.clock.pass_(minutes=17)
    await hold.freeze(ours, "indication", "welfare", "child_welfare")
    await hold.withdraw(ours, "welfare", "child_welfare")
    assert 0 == await network.deliver()
    network.clock.pass_(minutes=43)
    assert 1 == await network.deliver()
    assert (count + 1, "WITHDRAWN") == (len(network.wires.posted), await story.state(network, "XBB", theirs))


@pytest.mark.parametrize("demands", [False, True])
async def test_withdrawal_does_not_show_what_was_known_as_it_was_decided(network: Network, demands: bool) -> None:
    """What the other State says until the hour is taken, and neither the withdrawal nor what follows names anything."""
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "known", "protection", "asylum_authority")
    await network.gateways["XAA"].hold.withdraw(ours, "protection", "asylum_authority")
    if demands:
        await network.gateways["XAA"].notices.demand_erasure(ours, "first", "case_officer")
    await network.deliver()
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()
    for type in ("withdrawal", *(["erasure"] if demands else ())):
        said = await story.payload(network, "XAA", ours, type)
        assert (None, None) == (said.prev, said.in_reply_to)
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)


async def test_nothing_is_retried_while_frozen(network: Network) -> None:
    """A message posted without a receipt is not posted again once the case is frozen, and its number is closed."""
    network.wires.lose_answers = True
    ours = await story.sent(network)
    await network.gateways["XAA"].deliverer.run_once()
    network.wires.lose_answers = False
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "indication", "protection", "asylum_authority")
    network.clock.pass_(days=1)
    assert 0 == await network.deliver()
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    assert 1 == await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", await story.twin(network, ours))


async def test_withdrawal_of_a_request_that_never_came(network: Network) -> None:
    """A withdrawal whose request was lost on the way is accepted, and keeps only ids."""
    network.wires.cut = True
    ours = await story.sent(network)
    await network.gateways["XAA"].deliverer.run_once()
    network.wires.cut = False
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "indication", "protection", "asylum_authority")
    await hold.withdraw(ours, "protection", "asylum_authority")
    network.clock.pass_(hours=2)
    await network.deliver()
    assert 200 == network.wires.answers[-1].status
    assert "None" == await story.twin(network, ours)


async def elements_approved(network: Network) -> tuple[str, str]:
    """Take a case to elements that XBB asked for and two persons of XAA have signed; return both references."""
    ours, theirs = await story.acknowledged(network)
    clear = network.gateways["XAA"].clear
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    prepared, thread = await clear.prepare(ours, "first"), await homeward.thread(network, ours)
    signed = network.approval(prepared.digest, thread, "second", "elements.approval", "liaison_officer")
    await clear.approve(ours, signed, "second")
    return ours, theirs


async def test_elements_do_not_leave_where_the_case_was_suspended_and_closed(network: Network) -> None:
    """What waited while the desk paused is taken out as it puts the case away, and nothing of it leaves (R-02)."""
    ours, theirs = await elements_approved(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.send(ours, "first")
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    await gateway.clear.close(ours, "first")
    assert ("CLOSED", 0) == (await story.state(network, "XAA", ours), await network.deliver())
    network.clock.pass_(days=1)
    assert 0 == await network.deliver()
    await gateway.notices.demand_erasure(ours, "first", "case_officer")
    await network.deliver()
    assert [False] == [notice.ours for notice in (await story.case(network, "XBB", theirs)).notices]


@pytest.mark.parametrize("kind", ["use-report.request", "onward.request"])
async def test_question_about_data_does_not_leave_where_the_case_was_suspended_and_closed(
    network: Network, kind: str
) -> None:
    """It was asked before the stop: a finding says that it was not heard, and a person may ask anew (R-02)."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]

    async def ask() -> None:
        if kind == "use-report.request":
            await gateway.notices.ask_use(ours, "first", "case_officer")
        else:
            await gateway.notices.ask_onward(ours, "TRAVEL_DOC", "CONSULATE", "first", "case_officer")

    async def heard() -> list[str]:
        return [notice.kind for notice in (await story.case(network, "XBB", theirs)).notices]

    await ask()
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    await gateway.clear.close(ours, "first")
    assert (0, []) == (await network.deliver(), await heard())
    assert (DROPPED % {"type": kind},) == (await story.case(network, "XAA", ours)).findings
    await ask()
    await network.deliver()
    assert [kind] == await heard()


async def test_question_about_data_of_who_is_asked_does_not_leave_where_a_stopped_case_was_closed(
    network: Network,
) -> None:
    """Nor does one that waited as the other State stopped the return, once the desk there puts the case away (R-02)."""
    ours, theirs = await homeward.accepted(network)
    asked = network.gateways["XBB"]
    await asked.notices.ask_use(theirs, "first", "registry_clerk")
    await network.gateways["XAA"].returning.suspend(ours, "a colleague asks", "first", "case_officer")
    await network.gateways["XAA"].deliverer.run_once()
    await asked.answer.close(theirs, "first")
    await network.deliver()
    assert () == (await story.case(network, "XAA", ours)).notices
    found = (await story.case(network, "XBB", theirs)).findings
    assert (DROPPED % {"type": "use-report.request"},) == found


async def test_case_is_not_set_aside_for_good_while_a_question_about_data_may_be_under_way(network: Network) -> None:
    """Closed, it would post it again, and nobody is to hear more of what was set aside (R-02, decision 0038)."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    network.wires.cut = True
    await gateway.notices.ask_use(ours, "first", "case_officer")
    await network.deliver(1)
    network.wires.cut = False
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    with pytest.raises(RuleRefused, match="R-02"):
        await gateway.clear.close(ours, "first")


async def test_case_is_not_set_aside_for_good_while_elements_may_be_under_way(network: Network) -> None:
    """Closed, it would post them again, and tell what was perhaps never heard: it is withdrawn instead (R-02)."""
    ours, theirs = await elements_approved(network)
    gateway = network.gateways["XAA"]
    network.wires.cut = True
    await gateway.clear.send(ours, "first")
    await network.deliver(1)
    network.wires.cut = False
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    with pytest.raises(RuleRefused, match="R-02"):
        await gateway.clear.close(ours, "first")
    network.clock.pass_(hours=1)
    assert ("SUSPENDED", 0) == (await story.state(network, "XAA", ours), await network.deliver())
    await gateway.hold.freeze(ours, "she was seen there", "first", "case_officer")
    await gateway.hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=2)
    assert (1, "WITHDRAWN") == (await network.deliver(), await story.state(network, "XBB", theirs))


async def test_case_is_not_set_aside_for_good_while_its_request_has_no_receipt(network: Network) -> None:
    """An acknowledgement may overtake the receipt; closed, the case would post its request again (R-02)."""
    ours = await story.sent(network)
    network.wires.lose_answers = True
    await network.deliver(1)
    network.wires.lose_answers = False
    (theirs,) = await network.gateways["XBB"].store.read(lambda tx: tx.cases(("RECEIVED",)))
    await network.gateways["XBB"].answer.acknowledge(theirs.ref, "first")
    await network.gateways["XBB"].deliverer.run_once()
    gateway = network.gateways["XAA"]
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    with pytest.raises(RuleRefused, match="R-02"):
        await gateway.clear.close(ours, "first")


async def _rectified(network: Network, ours: str) -> None:
    """Say in the case of XAA that the date of birth was wrong, and which is right."""
    notices, right = network.gateways["XAA"].notices, {"birth_date": "1999-01-02"}
    pending = await notices.prepare_rectification(ours, ["BIRTH_DATE"], right, "first", "case_officer")
    thread = await homeward.thread(network, ours)
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await notices.rectify(ours, signed, "second")


async def test_no_right_value_leaves_where_the_case_was_suspended_and_closed(network: Network) -> None:
    """That something was wrong is said all the same, and destroyed there; what is right waited, and stays (R-02)."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    await _rectified(network, ours)
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    assert 0 == await network.deliver()
    await gateway.clear.close(ours, "first")
    await network.deliver()
    case = await story.case(network, "XBB", theirs)
    assert (False, [False]) == ("birth_date" in case.received["elements"], [one.ours for one in case.notices])
    assert "1999-01-02" == (await story.case(network, "XAA", ours)).draft["elements"]["birth_date"]


async def test_case_is_not_set_aside_for_good_while_a_right_value_may_be_under_way(network: Network) -> None:
    """Closed, it would post the correction again, and the value with it; that one was wrong may wait so (R-02)."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    network.wires.cut = True
    await _rectified(network, ours)
    await network.deliver(1)
    network.wires.cut = False
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    with pytest.raises(RuleRefused, match="R-02"):
        await gateway.clear.close(ours, "first")
    assert "1999-01-02" != (await story.case(network, "XBB", theirs)).received["elements"]["birth_date"]


async def test_case_is_set_aside_while_word_that_a_value_was_wrong_may_be_under_way(network: Network) -> None:
    """It brings nothing, and leaves once the case is closed (R-02, R-16)."""
    ours, theirs = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    network.wires.cut = True
    await gateway.notices.strike(ours, ["BIRTH_DATE"], "first", "case_officer")
    await network.deliver(1)
    network.wires.cut = False
    await gateway.returning.suspend(ours, "she was seen there", "first", "case_officer")
    await gateway.clear.close(ours, "first")
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "birth_date" not in (await story.case(network, "XBB", theirs)).received["elements"]


async def test_frozen_case_sends_no_reminder(network: Network) -> None:
    """A frozen case is neither overdue nor reminded of."""
    ours, _ = await story.acknowledged(network)
    await network.gateways["XAA"].hold.freeze(ours, "indication", "protection", "asylum_authority")
    network.clock.pass_(days=40)
    assert 0 == (await network.gateways["XAA"].reminder.run_once(network.clock.now())).overdue


async def test_reply_that_crosses_a_freeze_is_kept(network: Network) -> None:
    """A reply that arrives while frozen is accepted, and the case resumes as replied."""
    ours, theirs = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "protection", "asylum_authority")
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    assert "FROZEN" == await story.state(network, "XAA", ours)
    await hold.release(ours, "protection", "asylum_authority")
    await hold.resume(ours, "first", "case_officer")
    await hold.resume(ours, "second", "liaison_officer")
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def _restated(hold: Hold, ref: str) -> None:
    await hold.restate(ref, FOUND_ADULT, None, "as decided", "welfare", "child_welfare")


async def _attested(hold: Hold, ref: str) -> None:
    none = {**story.draft()["asylum"], "attested_on": "2026-11-25"}
    await hold.attest(ref, none, "asked again", "protection", "asylum_authority")


async def _corrected(hold: Hold, ref: str) -> None:
    await hold.correct(ref, {**story.ADULT["elements"], "birth_date": "1999-07-12"}, "a slip", "first", "case_officer")


@pytest.mark.parametrize("changed", [_restated, _attested, _corrected])
async def test_who_proposed_before_the_record_changed_proposes_anew(
    network: Network, changed: Callable[[Hold, str], Awaitable[None]]
) -> None:
    """Two persons let a case go on as it stands: one who agreed before it was set right has not seen that (V-01)."""
    ours, _ = await story.acknowledged(network, **homeward.MINOR)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "the record is wrong", "welfare", "child_welfare")
    await hold.release(ours, "welfare", "child_welfare")
    await hold.resume(ours, "first", "case_officer")
    await changed(hold, ours)
    await hold.resume(ours, "second", "liaison_officer")
    assert "FROZEN" == await story.state(network, "XAA", ours)


async def test_who_proposed_before_the_other_state_corrected_proposes_anew(network: Network) -> None:
    """As the asked State: of who is somebody else by now, two persons say that the case goes on (V-01)."""
    ours, theirs = await story.acknowledged(network)
    hold = network.gateways["XBB"].hold
    await hold.freeze(theirs, "danger", "first", "registry_clerk")
    await hold.release(theirs, "first", "registry_clerk")
    await hold.resume(theirs, "first", "registry_clerk")
    await _rectified(network, ours)
    await network.deliver()
    await hold.resume(theirs, "second", "desk_head")
    assert "FROZEN" == await story.state(network, "XBB", theirs)
    await hold.resume(theirs, "first", "registry_clerk")
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)


async def test_only_the_freezer_lets_go(network: Network) -> None:
    """A case frozen by one authority is not released by another."""
    ours, _ = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "doubt", "protection", "asylum_authority")
    with pytest.raises(RuleRefused, match="V-07"):
        await hold.release(ours, "welfare", "child_welfare")


GUEST = "guest.g"


async def stopped_by_guest(network: Network, role: str, country: str = "XAA") -> str:
    """Return a case that a guest in ``role`` stopped; a lawyer and a court are persons of the gateway too."""
    ours, theirs = await story.acknowledged(network)
    ref, context, now = ours if country == "XAA" else theirs, network.gateways[country].context, network.clock.now()
    added = {
        name: Person(name, roles, bytes(32))
        for name, roles in {
            "lawyer": frozenset({"lawyer"}),
            "lawyer-too": frozenset({"lawyer", "case_officer"}),
            "court": frozenset({"court"}),
            "dpo": frozenset({"dpo"}),
            "clerk": frozenset({"registry_clerk"}),
        }.items()
    }
    context.persons = {**context.persons, **added}
    context.guests.take(Invitation("g", ref, role, GUEST, "first", now, now + timedelta(days=9)))
    await network.gateways[country].hold.freeze(ref, "doubt", GUEST, role)
    return ref


def represent(network: Network, ref: str, person: str) -> None:
    """Have the desk invite ``person`` of XAA to the case as the lawyer of its person."""
    now = network.clock.now()
    one = Invitation(f"of-{person}", ref, "lawyer", person, "second", now, now + timedelta(days=9))
    network.gateways["XAA"].context.guests.take(one)


@pytest.mark.parametrize("role", ["asylum_authority", "lawyer", "guardian", "court"])
async def test_nobody_in_another_role_lets_go_for_a_guest(network: Network, role: str) -> None:
    """Not the desk, not child welfare, not the office of data protection, not the guest: the stop stands (V-07)."""
    ref, hold = await stopped_by_guest(network, role), network.gateways["XAA"].hold
    with pytest.raises(Forbidden):
        await hold.release(ref, GUEST, role)
    for person, known in network.gateways["XAA"].context.persons.items():
        for acting in known.roles & MAY_FREEZE - {role}:
            with pytest.raises(RuleRefused, match="V-07"):
                await hold.release(ref, person, acting)
    assert ((GUEST, role),) == (await story.case(network, "XAA", ref)).holders


async def test_the_same_role_lets_go_for_a_guest_and_two_persons_resume(network: Network) -> None:
    """A person of this gateway who holds the very role, and then the case goes on as any other."""
    ref, hold = await stopped_by_guest(network, "lawyer"), network.gateways["XAA"].hold
    represent(network, ref, "lawyer")
    with pytest.raises(RuleRefused, match="V-08"):
        await hold.resume(ref, "first", "case_officer")
    await hold.release(ref, "lawyer", "lawyer")
    await hold.resume(ref, "first", "case_officer")
    await hold.resume(ref, "second", "liaison_officer")
    assert "ACKNOWLEDGED" == await story.state(network, "XAA", ref)


async def test_an_own_stop_is_let_go_before_that_of_a_guest(network: Network) -> None:
    """Whoever stopped the case too ends their own by it, and the guest's only by saying so again."""
    ref, hold = await stopped_by_guest(network, "lawyer"), network.gateways["XAA"].hold
    represent(network, ref, "lawyer")
    await hold.freeze(ref, "doubt", "lawyer", "lawyer")
    await hold.release(ref, "lawyer", "lawyer")
    assert ((GUEST, "lawyer"),) == (await story.case(network, "XAA", ref)).holders
    await hold.release(ref, "lawyer", "lawyer")
    assert () == (await story.case(network, "XAA", ref)).holders


async def test_who_works_at_the_desk_does_not_let_go_for_a_guest(network: Network) -> None:
    """An officer who holds the role as well is of those who make the links (V-07)."""
    ref, hold = await stopped_by_guest(network, "lawyer"), network.gateways["XAA"].hold
    represent(network, ref, "lawyer-too")
    with pytest.raises(RuleRefused, match="V-07: who invites"):
        await hold.release(ref, "lawyer-too", "lawyer")
    assert ((GUEST, "lawyer"),) == (await story.case(network, "XAA", ref)).holders


async def may_let_go(hold: Hold, ref: str, person: str, gone: Collection[tuple[str, str]], tx: Tx) -> bool:
    """Tell whether ``person``, a clerk, may end the stops of all who are ``gone``."""
    held = await cases.load(hold._context, tx, ref)
    return await hold._is_apart(tx, held, person, "registry_clerk", gone)


async def test_who_invited_does_not_let_go_for_a_guest(network: Network) -> None:
    """A clerk who asked somebody in, or renewed it, is on record for it; another clerk lets go (V-07)."""
    ref = await stopped_by_guest(network, "registry_clerk", "XBB")
    context, hold = network.gateways["XBB"].context, network.gateways["XBB"].hold

    async def unit(tx: Tx) -> None:
        held = await cases.load(context, tx, ref)
        now = context.clock.now()
        await access.record(context, tx, held, "clerk", "invite", "to look", now, "registry_clerk")
        await access.record(context, tx, held, "first", "look", "to see", now)  # who looked made no link

    await context.commit(unit)
    gone = ((GUEST, "registry_clerk"), ("left", "registry_clerk"))  # beside the guest somebody who left the office
    for person, roles in (("clerk", {"registry_clerk"}), ("head", {"registry_clerk", "desk_head"})):
        context.persons = {**context.persons, person: Person(person, frozenset(roles), bytes(32))}
        with pytest.raises(RuleRefused, match="V-07: who invites"):
            await hold.release(ref, person, "registry_clerk")
        assert not await context.store.read(partial(may_let_go, hold, ref, person, gone))
    await hold.release(ref, "first", "registry_clerk")
    assert () == (await story.case(network, "XBB", ref)).holders


@pytest.mark.parametrize("role", ["asylum_authority", "lawyer", "guardian"])
async def test_who_may_let_go_is_said_as_it_is_held(network: Network, role: str) -> None:
    """Of every person in every role what is said before is what comes of it (V-07)."""
    ref, hold = await stopped_by_guest(network, role), network.gateways["XAA"].hold
    await hold.freeze(ref, "doubt", "second", "liaison_officer")
    said, done = set[tuple[str, str]](), set[tuple[str, str]]()
    for person, known in network.gateways["XAA"].context.persons.items():
        roles = known.roles & MAY_FREEZE
        said |= {(person, one) for one in await offered(network, ref, "release", person, roles)}
        for one in sorted(roles):
            with suppress(RuleRefused):
                await hold.release(ref, person, one)
                done.add((person, one))
    assert said == done
    assert ("second", "liaison_officer") in said
    for person in (GUEST, "nobody"):
        assert () == await offered(network, ref, "release", person, frozenset({role}))


async def test_who_may_go_on_is_said_as_it_is_held(network: Network) -> None:
    """Nobody before who stopped the case let go; then whoever proposes it, and then a second in the role it takes."""
    ref, gateway = await story.sent(network), network.gateways["XAA"]
    third = Person("third", frozenset({"case_officer"}), bytes(32))
    gateway.context.persons = {**gateway.context.persons, third.id: third}
    officers = (("first", "case_officer"), ("second", "liaison_officer"), ("third", "case_officer"))

    async def said() -> list[str]:
        return [who for who, role in officers if await offered(network, ref, "resume", who, frozenset({role}))]

    await gateway.hold.freeze(ref, "doubt", "first", "case_officer")
    assert [] == await said()
    with pytest.raises(RuleRefused, match="V-08"):
        await gateway.hold.resume(ref, "second", "liaison_officer")
    await gateway.hold.release(ref, "first", "case_officer")
    assert ["first", "second", "third"] == await said()
    await gateway.hold.resume(ref, "first", "case_officer")
    assert ["second"] == await said()  # who has proposed it was asked for it again
    with pytest.raises(IllegalStep):
        await gateway.hold.resume(ref, "third", "case_officer")
    await gateway.hold.resume(ref, "second", "liaison_officer")
    assert ("DRAFT", []) == (await story.state(network, "XAA", ref), await said())


async def test_who_alone_lets_go_on_and_proposed_it_is_still_the_second(network: Network) -> None:
    """Where one person holds the role that lets a case go on and spoke first, nobody could be the second any more."""
    ref, gateway = await story.sent(network), network.gateways["XAA"]
    await gateway.hold.freeze(ref, "doubt", "first", "case_officer")
    await gateway.hold.release(ref, "first", "case_officer")
    await gateway.hold.resume(ref, "second", "liaison_officer")
    assert () == await offered(network, ref, "resume", "second", frozenset({"liaison_officer"}))
    assert ("case_officer",) == await offered(network, ref, "resume", "first", frozenset({"case_officer"}))
    assert not await gateway.hold.is_second(ref, "resume", "first", "case_officer")
    await gateway.hold.resume(ref, "first", "case_officer")
    assert "FROZEN" == await story.state(network, "XAA", ref)
    assert not await gateway.hold.is_second(ref, "resume", "first", "case_officer")  # who has proposed it
    assert await gateway.hold.is_second(ref, "resume", "second", "liaison_officer")
    await gateway.hold.resume(ref, "second", "liaison_officer")
    assert "DRAFT" == await story.state(network, "XAA", ref)


async def offered(network: Network, ref: str, verb: str, person: str, roles: frozenset[str]) -> tuple[str, ...]:
    """Return in which of ``roles`` the desk of XAA offers the step to ``person``."""
    services = desk_services(network.gateways["XAA"])
    row = await services.inquiries.find_case(ref)
    assert row is not None
    return (await open_steps(services, row, person, roles)).get(verb, ())


LEFT = datetime(2026, 11, 26, tzinfo=UTC)
COLLEAGUES = {
    "protection-too": frozenset({"asylum_authority"}),
    "welfare-too": frozenset({"child_welfare"}),
    "court": frozenset({"court"}),
    "court-too": frozenset({"court"}),
    "court-and-desk": frozenset({"court", "liaison_officer"}),
    "clerk": frozenset({"case_officer"}),
    "guardian": frozenset({"guardian"}),
    "guardian-of-another": frozenset({"guardian"}),
}


async def left_behind(network: Network, person: str, role: str, *, taken_out: bool = False) -> str:
    """Return a case that ``person`` stopped and left office since, by the end of it or out of the configuration."""
    ref, _ = await story.acknowledged(network)
    context = network.gateways["XAA"].context
    context.persons = {**context.persons, **{id: Person(id, roles, bytes(32)) for id, roles in COLLEAGUES.items()}}
    await network.gateways["XAA"].hold.freeze(ref, "doubt", person, role)
    gone = replace(context.persons[person], active_until=LEFT)
    context.persons = {id: one for id, one in context.persons.items() if id != person}
    if not taken_out:
        context.persons = {**context.persons, person: gone}
    network.clock.instant = LEFT
    return ref


@pytest.mark.parametrize("taken_out", [False, True])
@pytest.mark.parametrize(
    ("person", "role", "other"),
    [
        ("protection", "asylum_authority", "protection-too"),
        ("welfare", "child_welfare", "welfare-too"),
        ("first", "case_officer", "clerk"),
        ("court", "court", "court-too"),
    ],
)
async def test_who_holds_the_office_lets_go_for_who_left_it(
    network: Network, person: str, role: str, other: str, taken_out: bool
) -> None:
    """Another person of the very same role does, and nobody else: not the desk, no other authority (V-07)."""
    ref, gateway = await left_behind(network, person, role, taken_out=taken_out), network.gateways["XAA"]
    for id, known in gateway.context.persons.items():
        for acting in known.roles & MAY_FREEZE - {role}:
            assert () == await offered(network, ref, "release", id, frozenset({acting}))
            with pytest.raises((RuleRefused, Forbidden)):
                await gateway.hold.release(ref, id, acting)
    with pytest.raises(Forbidden):
        await gateway.hold.release(ref, person, role)
    assert (role,) == await offered(network, ref, "release", other, frozenset({role}))
    await gateway.hold.release(ref, other, role)
    assert () == (await story.case(network, "XAA", ref)).holders


async def test_who_changed_office_let_go_of_it_as_whoever_left(network: Network) -> None:
    """A person who holds another role now cannot let go; another in the role of the stop can."""
    ref, gateway = await left_behind(network, "welfare", "child_welfare"), network.gateways["XAA"]
    elsewhere = Person("welfare", frozenset({"court"}), bytes(32))
    gateway.context.persons = {**gateway.context.persons, "welfare": elsewhere}
    with pytest.raises(RuleRefused, match="V-07"):
        await gateway.hold.release(ref, "welfare", "court")
    await gateway.hold.release(ref, "welfare-too", "child_welfare")
    assert () == (await story.case(network, "XAA", ref)).holders


async def test_who_works_at_the_desk_does_not_let_go_for_who_left(network: Network) -> None:
    """An officer who holds the office of the authority as well lifts no stop of it (V-07)."""
    ref, gateway = await left_behind(network, "court", "court"), network.gateways["XAA"]
    with pytest.raises(RuleRefused, match="V-07: who invites"):
        await gateway.hold.release(ref, "court-and-desk", "court")
    assert (("court", "court"),) == (await story.case(network, "XAA", ref)).holders


async def test_a_guardian_glances_at_no_case_but_of_whom_they_represent(network: Network) -> None:
    """To anybody else's there is no such case; to who is named in the record there is."""
    ref, context = await left_behind(network, "guardian", "guardian"), network.gateways["XAA"].context
    with pytest.raises(NotFound):
        await access.glance(context, ref, "guardian-of-another", "guardian")
    named = {"ref": "2Xml2lW8lIXCjs1xU80jTA", "appointed_on": "2026-11-25", "signed_by": "guardian-of-another"}
    case = await story.case(network, "XAA", ref)
    await story.put(network, "XAA", ref, State.FROZEN, draft={**case.draft, "representative": named})
    assert ref == (await access.glance(context, ref, "guardian-of-another", "guardian")).ref


async def test_nobody_lets_go_for_a_guardian_but_the_one_of_this_person(network: Network) -> None:
    """To stand up for somebody is no office: that of another person lifts nothing here, the next one of hers does."""
    ref, gateway = await left_behind(network, "guardian", "guardian"), network.gateways["XAA"]
    with pytest.raises(RuleRefused, match="V-07"):
        await gateway.hold.release(ref, "guardian-of-another", "guardian")
    named = {"ref": "2Xml2lW8lIXCjs1xU80jTA", "appointed_on": "2026-11-25", "signed_by": "guardian-of-another"}
    case = await story.case(network, "XAA", ref)
    await story.put(network, "XAA", ref, State.FROZEN, draft={**case.draft, "representative": named})
    await gateway.hold.release(ref, "guardian-of-another", "guardian")
    assert () == (await story.case(network, "XAA", ref)).holders


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside who left"])
async def test_nobody_lets_go_for_a_guest_but_who_represents_this_person(network: Network, beside: bool) -> None:
    """The lawyer of somebody else lifts nothing that hers stopped, as a guest, or before leaving office (V-07)."""
    ref, gateway = await stopped_by_guest(network, "lawyer"), network.gateways["XAA"]
    staff = gateway.context.persons
    if beside:
        gateway.context.persons = {**staff, "gone": Person("gone", frozenset({"lawyer"}), bytes(32))}
        await gateway.hold.freeze(ref, "doubt", "gone", "lawyer")
        gateway.context.persons = staff
    assert () == await offered(network, ref, "release", "lawyer", frozenset({"lawyer"}))
    with pytest.raises(RuleRefused, match="V-07"):
        await gateway.hold.release(ref, "lawyer", "lawyer")
    represent(network, ref, "lawyer")
    await gateway.hold.release(ref, "lawyer", "lawyer")
    assert () == (await story.case(network, "XAA", ref)).holders


async def test_who_is_in_office_is_let_go_for_by_nobody(network: Network) -> None:
    """A colleague of the same authority lifts no stop while who placed it is there, absent or not (V-07)."""
    ref, gateway = await left_behind(network, "protection", "asylum_authority"), network.gateways["XAA"]
    network.clock.instant = LEFT - timedelta(seconds=1)
    away = ((LEFT.date() - timedelta(days=9), LEFT.date() + timedelta(days=9)),)
    there = replace(gateway.context.persons["protection"], absences=away)
    gateway.context.persons = {**gateway.context.persons, "protection": there}
    with pytest.raises(RuleRefused, match="V-07"):
        await gateway.hold.release(ref, "protection-too", "asylum_authority")


async def test_a_case_that_a_guest_stopped_can_be_withdrawn(network: Network) -> None:
    """Where nobody has the role, the side that asks still has the safe way on."""
    ref, hold = await stopped_by_guest(network, "guardian"), network.gateways["XAA"].hold
    await hold.withdraw(ref, "first", "case_officer")
    assert "WITHDRAWN" == await story.state(network, "XAA", ref)


async def test_resume_needs_the_attested_none_again(network: Network) -> None:
    """A case frozen because protection was asked for cannot resume while that stands (R-01)."""
    ours, _ = await story.acknowledged(network)
    hold = network.gateways["XAA"].hold
    asked = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}
    await hold.freeze(ours, "application", "protection", "asylum_authority", asked)
    await hold.release(ours, "protection", "asylum_authority")
    await hold.resume(ours, "first", "case_officer")
    with pytest.raises(RuleRefused, match="R-01"):
        await hold.resume(ours, "second", "liaison_officer")


async def test_officer_cannot_freeze_in_a_role_not_held(network: Network) -> None:
    """Acting in a role the person does not hold is refused."""
    ours, _ = await story.acknowledged(network)
    with pytest.raises(Forbidden):
        await network.gateways["XAA"].hold.freeze(ours, "x", "first", "court")


async def test_withdrawn_case_takes_no_more_from_us(network: Network) -> None:
    """After a withdrawal neither send nor remind nor contest is a step."""
    ours, _ = await story.replied(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "duplicate", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    with pytest.raises(IllegalStep):
        await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first")


async def test_two_reasons_look_alike_on_the_wire(network: Network) -> None:
    """Withdrawals for different reasons are the same messages at the same hour, but for ids (M-5.26)."""
    seen = []
    for reason, person, role in (
        ("twice", "first", "case_officer"),
        ("asks for protection", "protection", "asylum_authority"),
    ):
        ours, _ = await story.acknowledged(network)
        before = len(network.wires.posted)
        await network.gateways["XAA"].hold.freeze(ours, reason, person, role)
        await network.gateways["XAA"].hold.withdraw(ours, person, role)
        network.clock.instant = network.clock.instant.replace(minute=0) + timedelta(hours=1)
        await network.deliver()
        seen.append([(country, path, len(body)) for country, path, body in network.wires.posted[before:]])
    assert seen[0] == seen[1]
    assert 1 == len(seen[0])


async def test_the_mark_of_a_case_hangs_on_nothing_of_its_content_for_who_was_not_shown_it(network: Network) -> None:
    """The authority that corrects unseen gets the same mark whatever stands there, and another once it was changed."""
    desk, (ours, _) = network.gateways["XAA"], await story.received(network)
    await desk.hold.freeze(ours, "who is she", "protection", "asylum_authority")
    of, case = (desk.context, ours, "protection", "asylum_authority"), await story.case(network, "XAA", ours)
    unread, whole, elements = await access.stand(*of), cases.mark(desk.context, case), case.draft["elements"]
    other = {**elements, "birth_date": "1999-01-02"}
    case = replace(case, draft={**case.draft, "elements": other})

    async def put(tx: Tx) -> None:
        row, key, vault = *(await cases.load(desk.context, tx, ours))[::2], desk.context.vault
        sealed = vault.seal(key, "case", ours, "sealed", serialize_case(case))
        await tx.save_case(row._replace(sealed=sealed, version=row.version + 1))

    await desk.context.commit(put)
    assert (True, False) == (unread == await access.stand(*of), whole == cases.mark(desk.context, case))
    await desk.hold.correct(ours, elements, "as her passport says", *of[2:], seen=unread)
    with pytest.raises(cases.Changed):
        await desk.hold.correct(ours, other, "as her passport says", *of[2:], seen=unread)


@pytest.mark.parametrize("name", ["attest", "correct", "restate"])
async def test_who_is_asked_has_no_record_to_set_right(network: Network, name: str) -> None:
    """Its refusal is of the step, which it never has, and not of what the draft lacks that it never made."""
    _, theirs = await story.acknowledged(network)
    hold, draft = network.gateways["XBB"].hold, story.draft()
    acts = {
        "attest": partial(hold.attest, theirs, draft["asylum"], "why", "protection", "asylum_authority"),
        "correct": partial(hold.correct, theirs, draft["elements"], "why", "protection", "asylum_authority"),
        "restate": partial(hold.restate, theirs, draft["age"], None, "why", "welfare", "child_welfare"),
    }
    with pytest.raises(IllegalStep):
        await acts[name]()


@pytest.mark.parametrize(("again", "stands"), [(["SEX"], True), (["SEX", "BIRTH_PLACE"], False)])
async def test_finding_goes_once_what_was_dropped_is_said(network: Network, again: list[str], stands: bool) -> None:
    """It asked for that; as long as a part of it is not said it stays."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    for part in ("SEX", "BIRTH_PLACE"):
        await gateway.notices.strike(ours, [part], "first", "case_officer")
    await gateway.hold.freeze(ours, "in doubt", "first", "case_officer")
    found = DROPPED % {"type": "rectification"}
    assert found in (await story.case(network, "XAA", ours)).findings
    await gateway.hold.release(ours, "first", "case_officer")
    await gateway.hold.resume(ours, "first", "case_officer")
    await gateway.hold.resume(ours, "second", "liaison_officer")
    await gateway.notices.strike(ours, again, "first", "case_officer")
    assert stands is (found in (await story.case(network, "XAA", ours)).findings)


@pytest.mark.parametrize("first", ["XAA", "XBB"])
async def test_return_that_both_states_told_of_and_froze_goes_on(network: Network, first: str) -> None:
    """Each waited for the word of the other that it holds it no more, and neither could say it."""
    refs = dict(zip(("XAA", "XBB"), await homeward.accepted(network), strict=True))
    desks = {"XAA": (("first", "case_officer"), ("second", "liaison_officer"))}
    desks["XBB"] = (("first", "registry_clerk"), ("second", "desk_head"))
    await network.gateways["XAA"].returning.suspend(refs["XAA"], "danger", "welfare", "child_welfare")
    for country, ref in refs.items():
        await network.deliver()
        await network.gateways[country].hold.freeze(ref, "danger", *desks[country][0])
    await network.deliver()
    await network.gateways["XAA"].hold.release(refs["XAA"], "welfare", "child_welfare")
    stands = []
    for country in (first, *(one for one in refs if one != first)):
        hold = network.gateways[country].hold
        with pytest.raises(RuleRefused):
            await hold.resume(refs[country], *desks[country][0])
        await hold.release(refs[country], *desks[country][0])
        for desk in desks[country]:
            await hold.resume(refs[country], *desk)
        await network.deliver()
        stands.append(await story.state(network, country, refs[country]))
    assert ["SUSPENDED", "ACCEPTED"] == stands
    assert ("ACCEPTED", "ACCEPTED") == await homeward.states(network, refs["XAA"], refs["XBB"])
