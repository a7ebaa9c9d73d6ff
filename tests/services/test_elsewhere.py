"""What another case with the same number says of the person: that she is a minor, or does not wish to return."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.core.machine import RuleRefused
from gateway.core.return_checks import NO_ELSEWHERE
from gateway.core.return_guards import OUTDATED
from gateway.core.rule_checks import MINOR_ELSEWHERE
from gateway.services import cases, elsewhere, person_stop
from gateway.services.elsewhere import find
from gateway.services.no_contact import NoContact
from gateway.services.ports import Tx
from gateway.services.resync import DROPPED, PASSED_OVER
from tests.support import homeward, interviews, story
from tests.support.network import START, Network, make_network
from tests.support.restoring import back_up, restore, settle

DOCUMENT = {"type": "P", "number": "AB 12345", "issuer": "XBB"}
HERS: Any = {"elements": {**story.ADULT["elements"], "document": DOCUMENT}}
ELSEWHERE = pytest.raises(RuleRefused, match="R-06: another open case")


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Three States, so that XAA may ask two of them about one person."""
    made = await make_network(tmp_path, ("XAA", "XBB", "XCC"))
    yield made
    await made.close()


async def a_child(network: Network, **changes: Any) -> str:
    """Open a case toward XCC that has the person as a minor."""
    return await network.gateways["XAA"].clear.new(
        story.draft(to="XCC", **homeward.MINOR, **{**HERS, **changes}), "first"
    )


async def test_no_question_is_approved_about_an_adult_who_is_a_child_elsewhere(network: Network) -> None:
    """The second person is shown why, and the approval is refused; as the minor she is, she is asked about."""
    gateway, child = network.gateways["XAA"], await a_child(network)
    with ELSEWHERE:
        await story.cleared(network, **HERS)
    adult = await gateway.clear.new(story.draft(**HERS), "first")
    preview, _ = await gateway.clear.show(adult, "second", "liaison_officer")
    assert [("R-06", MINOR_ELSEWHERE)] == [(found.rule, found.because) for found in preview.findings]
    await gateway.clear.amend(adult, story.draft(**homeward.MINOR, **HERS), "first")
    preview, _ = await gateway.clear.show(adult, "second", "liaison_officer")
    assert () == preview.findings
    assert "DRAFT" == await story.state(network, "XAA", child)


async def test_what_was_approved_of_an_adult_does_not_leave(network: Network) -> None:
    """That another case says so since is looked at when it is sent, too."""
    adult = await story.cleared(network, **HERS)
    await a_child(network)
    with ELSEWHERE:
        await network.gateways["XAA"].clear.send(adult, "first")


async def told(network: Network, ref: str) -> tuple[tuple[str, ...], list[str]]:
    """Return what the desk of XAA is told of a message that waits: without a reason, and for one."""
    case = await story.case(network, "XAA", ref)
    return person_stop.known(case), list(person_stop.told(case))


async def named(network: Network, ref: str) -> tuple[str, ...]:
    """Return what a desk of XAA that looks at the content of ``ref`` for a reason learns of other cases."""
    return await find(network.gateways["XAA"].context, ref, "first", "who is she")


async def test_whoever_is_refused_learns_which_case_it_is_for_a_reason(network: Network) -> None:
    """The refusal names no other case; a look at the content does, and stands on record in the one that is named."""
    gateway, child = network.gateways["XAA"], await a_child(network)
    adult = await gateway.clear.new(story.draft(**HERS), "first")
    assert (f"{MINOR_ELSEWHERE}: {child}",) == await named(network, adult)
    looks = await gateway.store.read(lambda tx: tx.accesses(child))
    assert ("first", "view") == (looks[-1].person, looks[-1].action)
    assert () == await named(network, child)


async def test_question_about_an_adult_who_is_a_child_elsewhere_stays(network: Network) -> None:
    """Sent and never posted, it does not leave once another case has her as a minor, and the desk is told at once."""
    adult = await story.sent(network, **HERS)
    child = await a_child(network)
    assert (0, []) == (await network.deliver(), network.wires.posted)
    assert ((person_stop.WAITS,), [MINOR_ELSEWHERE]) == await told(network, adult)
    await network.gateways["XAA"].clear.close(child, "first", event="discard")
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert ("DELIVERED", ((), [])) == (await story.state(network, "XAA", adult), await told(network, adult))


async def test_what_may_be_abroad_is_posted_again(network: Network) -> None:
    """A question that was posted before keeps its number: what sets it right waits behind it."""
    network.wires.cut = True
    adult = await story.sent(network, **HERS)
    await network.deliver()
    await a_child(network)
    network.wires.cut = False
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ("DELIVERED", ((), [])) == (await story.state(network, "XAA", adult), await told(network, adult))


async def test_elements_of_an_adult_who_is_a_child_elsewhere_stay(network: Network) -> None:
    """So does what is told of her in answer to a question."""
    ours, theirs = await story.acknowledged(network, **HERS)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    gateway = network.gateways["XAA"]
    prepared, thread = await gateway.clear.prepare(ours, "first"), await homeward.thread(network, ours)
    signed = network.approval(prepared.digest, thread, "second", "elements.approval", "liaison_officer")
    await gateway.clear.approve(ours, signed, "second")
    await gateway.clear.send(ours, "first")
    await a_child(network)
    assert (0, [MINOR_ELSEWHERE]) == (await network.deliver(), (await told(network, ours))[1])


async def test_what_waits_no_more_is_told_no_more(network: Network) -> None:
    """Once the message is taken out nothing is held, and nothing stands there that says so."""
    adult = await story.sent(network, **HERS)
    await a_child(network)
    await network.deliver()
    await network.gateways["XAA"].hold.freeze(adult, "who is she", "first", "case_officer")
    assert ((), []) == await told(network, adult)


async def test_another_rule_beside_it_takes_no_word_of_it_away(network: Network) -> None:
    """A State that may not be contacted meanwhile (N-01) makes nobody less of a minor: the desk goes on knowing."""
    adult = await story.sent(network, **HERS)
    await a_child(network)
    await network.deliver()
    listed = NoContact(network.gateways["XAA"].context)
    await listed.propose("XBB", "danger", "second", "liaison_officer")
    await listed.confirm("XBB", "danger", "welfare", "child_welfare")
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert [MINOR_ELSEWHERE] == (await told(network, adult))[1]
    assert "go_on" not in await history(network, adult)


async def test_what_a_restore_dropped_waits_no_more(network: Network) -> None:
    """A message that was held and does not leave after a restore is not told as one that waits."""
    adult = await story.sent(network, **HERS)
    await a_child(network)
    await network.deliver()
    await network.gateways["XAA"].resync.begin_epoch(network.clock.now())
    assert ((DROPPED,), []) == await told(network, adult)


async def test_what_is_not_posted_again_is_not_told_as_waiting(network: Network, tmp_path: Path) -> None:
    """A proposal that a restored State may have lost, and that her no holds, does not wait: it is passed over."""
    gateway, person = network.gateways["XAA"], ("first", "case_officer")
    first = (await homeward.assessed(network))[0]
    second, _ = await homeward.prepared(network)
    for ref in (first, second):
        await numbered(network, ref)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await gateway.returning.propose(second, *person)
    await network.deliver()
    no = homeward.record(wish={**homeward.RECORD["wish"], "wish": "undecided", "written_on": "2026-11-25"})
    await gateway.returning.record(first, no, *person)
    await restore(network, "XBB", backup)
    await settle(network, 2)
    assert ((PASSED_OVER,), []) == await told(network, second)


async def numbered(network: Network, ref: str) -> None:
    """Have the return ``ref`` be of the person with the number."""
    case = await story.case(network, "XAA", ref)
    await story.put(network, "XAA", ref, case.state, draft={**case.draft, **HERS})


async def a_no_beside_a_proposal(network: Network) -> tuple[str, str]:
    """Have one case of the person say no while a proposal waits for the line in another; return both references."""
    returning, person = network.gateways["XAA"].returning, ("first", "case_officer")
    first, second = (await homeward.assessed(network))[0], (await homeward.prepared(network))[0]
    for ref in (first, second):
        await numbered(network, ref)
    await returning.propose(second, *person)
    no = homeward.record(wish={**homeward.RECORD["wish"], "wish": "undecided", "written_on": "2026-11-25"})
    await returning.record(first, no, *person)
    return first, second


async def a_proposal(network: Network) -> str:
    """Have a return be proposed, which waits; return its case."""
    ours = (await homeward.prepared(network))[0]
    await network.gateways["XAA"].returning.propose(ours, "first", "case_officer")
    return ours


async def a_document(network: Network) -> str:
    """Have a travel document be asked for, which waits; return the case."""
    ours, returning = (await homeward.accepted(network))[0], network.gateways["XAA"].returning
    await returning.record(ours, homeward.record(decision=homeward.DECISION), "first", "case_officer")
    await returning.decide(ours, *homeward.in_charge(False)[:2])
    pending = await returning.prepare_document(ours, "2026-12-10", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await returning.request_document(ours, "first", "case_officer")
    return ours


async def an_interview(network: Network) -> str:
    """Have an interview be agreed to, of which word waits; return the case."""
    ours = (await interviews.proposed(network))[0]
    await interviews.prepared(network, ours)
    await network.gateways["XAA"].clear.agree_interview(ours, "first")
    return ours


@pytest.mark.parametrize("step", [a_proposal, a_document, an_interview])
async def test_no_step_further_leaves_for_an_adult_who_is_a_child_elsewhere(
    network: Network, step: Callable[[Network], Awaitable[str]]
) -> None:
    """Whatever it is that was never posted, it stays, and the desk is told."""
    ours = await step(network)
    await numbered(network, ours)
    await a_child(network)
    assert (0, [MINOR_ELSEWHERE]) == (await network.deliver(), (await told(network, ours))[1])


async def test_a_no_to_an_interview_leaves_for_an_adult_who_is_a_child_elsewhere(network: Network) -> None:
    """It takes nobody further, whatever is recorded of her age."""
    ours, theirs = await interviews.proposed(network)
    await network.gateways["XAA"].clear.decline_interview(ours, "first")
    await numbered(network, ours)
    await a_child(network)
    await network.deliver()
    assert "DECLINED" == (await story.case(network, "XBB", theirs)).interview["answer"]["decision"]


async def test_plan_of_an_adult_who_is_a_child_elsewhere_stays(network: Network) -> None:
    """A plan that waits for its day does not leave on it while another case has her as a minor."""
    ours, theirs = await homeward.scheduled(network)
    await numbered(network, ours)
    other = await a_child(network)
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    assert ((person_stop.WAITS,), [MINOR_ELSEWHERE]) == await told(network, ours)
    await network.gateways["XAA"].clear.close(other, "first", event="discard")
    network.clock.pass_(minutes=5)
    await network.deliver()
    assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)
    assert ((), []) == await told(network, ours)


async def test_nobody_departs_as_an_adult_who_is_a_child_elsewhere(network: Network) -> None:
    """A return that was arranged for an adult stands still on the day of departure, until one of the two is right."""
    gateway = network.gateways["XAA"]
    ours, _ = await homeward.on_the_day(network)
    await numbered(network, ours)
    other = await a_child(network)
    with ELSEWHERE:
        await gateway.returning.depart(ours, "escort")
    await gateway.clear.close(other, "first", event="discard")
    await gateway.returning.depart(ours, "escort")
    assert "DEPARTED" == await story.state(network, "XAA", ours)


async def test_case_does_not_go_on_as_that_of_an_adult(network: Network) -> None:
    """A case that was stopped is not resumed for an adult while another has her as a minor."""
    gateway, ours = network.gateways["XAA"], (await story.acknowledged(network, **HERS))[0]
    await gateway.hold.freeze(ours, "doubt", "first", "case_officer")
    await gateway.hold.release(ours, "first", "case_officer")
    await a_child(network)
    await gateway.hold.resume(ours, "first", "case_officer")
    with ELSEWHERE:
        await gateway.hold.resume(ours, "second", "liaison_officer")


async def set_right(network: Network, ref: str, document: Any) -> None:
    """Send another number in place of the one that went abroad, as two persons of the desk."""
    notices = network.gateways["XAA"].notices
    pending = await notices.prepare_rectification(ref, ["DOCUMENT"], {"document": document}, "first", "case_officer")
    thread = await homeward.thread(network, ref)
    signed = network.approval(pending.digest, thread, "second", "rectification.approval", "liaison_officer")
    await notices.rectify(ref, signed, "second")


async def test_a_number_that_was_set_right_counts_no_more(network: Network) -> None:
    """A child was asked about with the number of her mother: once that is set right, nothing holds the mother's."""
    child, theirs = await story.acknowledged(network, **homeward.MINOR, **HERS)
    await network.gateways["XBB"].answer.ask(theirs, ["DOCUMENT"], 2, "first")
    await network.deliver()
    gateway = network.gateways["XAA"]
    prepared, thread = await gateway.clear.prepare(child, "first"), await homeward.thread(network, child)
    signed = network.approval(prepared.digest, thread, "second", "elements.approval", "liaison_officer")
    await gateway.clear.approve(child, signed, "second")
    await gateway.clear.send(child, "first")
    await network.deliver()
    mother = await gateway.clear.new(story.draft(to="XCC", **HERS), "first")
    assert ["R-06"] == [one.rule for one in (await gateway.clear.show(mother, "second", "liaison_officer"))[0].findings]
    await set_right(network, child, {**DOCUMENT, "number": "CD 67890"})
    assert () == (await gateway.clear.show(mother, "second", "liaison_officer"))[0].findings
    await set_right(network, child, DOCUMENT)
    assert ["R-06"] == [one.rule for one in (await gateway.clear.show(mother, "second", "liaison_officer"))[0].findings]


async def test_a_name_alone_makes_nobody_a_child(network: Network) -> None:
    """Namesakes born in one year are an adult and a child; a number is one person's."""
    await a_child(network, elements=story.ADULT["elements"])
    assert "CLEARED" == await story.state(network, "XAA", await story.cleared(network, **HERS))


async def test_a_case_that_is_over_says_nothing_of_today(network: Network) -> None:
    """Who was a minor when her case was put away is asked about as what is recorded of her now."""
    await network.gateways["XAA"].clear.close(await a_child(network), "first", event="discard")
    assert "CLEARED" == await story.state(network, "XAA", await story.cleared(network, **HERS))


async def said_no(network: Network, **wish: Any) -> str:
    """Have the person say no to a return in a case that is put away then, and another with the number be prepared."""
    gateway, person = network.gateways["XAA"], ("first", "case_officer")
    first, _ = await homeward.assessed(network)
    await numbered(network, first)
    no = homeward.record(wish={**homeward.RECORD["wish"], **wish})
    await gateway.returning.record(first, no, *person)
    await gateway.returning.decline(first, "coordinator", "coordinator")
    await gateway.clear.close(first, "first")
    second, _ = await homeward.prepared(network)
    await numbered(network, second)
    return second


@pytest.mark.parametrize(
    "no",
    [
        {"wish": "stay", "written_on": "2026-11-24"},
        {"wish": "elsewhere", "written_on": "2026-11-23"},
        {"wish": "undecided", "written_on": None},
        {"revoked_on": "2026-11-24"},
        {"revoked_on": "2026-11-23"},
        {"written_on": "2026-11-10", "revoked_on": "2026-11-24"},
    ],
)
async def test_a_no_is_not_unsaid_by_another_case(network: Network, no: dict[str, Any]) -> None:
    """A return is not proposed on a yes that is older than the no in a case which was put away (R-23)."""
    second = await said_no(network, **no)
    with pytest.raises(RuleRefused, match=r"^R-23: in another case [^:]*$"):
        await network.gateways["XAA"].returning.propose(second, "first", "case_officer")


async def test_a_no_to_one_state_is_none_to_another(network: Network) -> None:
    """Who does not wish to go to a State may wish to go to another: a no holds back no case toward that."""
    second = await said_no(network, wish="stay", written_on="2026-11-24")
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> list[bool]:
        case = (await cases.load(context, tx, second)).case
        same = await elsewhere.others(context, tx, case)
        toward = (case, replace(case, partner="XCC"))
        return [await elsewhere.no_elsewhere(context, tx, one, same) is not None for one in toward]

    assert [True, False] == await context.store.read(unit)


async def test_which_case_has_the_no_is_named_for_a_reason(network: Network) -> None:
    """The desk has to find the no, though its case is closed."""
    second = await said_no(network, wish="stay", written_on="2026-11-24")
    (line,) = await named(network, second)
    assert (NO_ELSEWHERE, "CLOSED") == (line.partition(":")[0], await story.state(network, "XAA", line.split(": ")[1]))


async def test_who_wishes_to_return_after_all_does(network: Network) -> None:
    """A wish that was written since counts, on the day of the revocation as well; nothing is said of the no then."""
    second = await said_no(network, written_on="2026-11-22", revoked_on="2026-11-23")
    assert () == await named(network, second)
    await network.gateways["XAA"].returning.propose(second, "first", "case_officer")
    assert "PROPOSED" == await story.state(network, "XAA", second)


async def test_a_no_without_a_day_is_of_the_day_it_was_recorded(network: Network) -> None:
    """That its case is put away later, by a desk or a timer, makes the no no younger."""
    gateway = network.gateways["XAA"]
    first, _ = await homeward.assessed(network)
    await numbered(network, first)
    no = homeward.record(wish={**homeward.RECORD["wish"], "wish": "undecided", "written_on": None})
    await gateway.returning.record(first, no, "first", "case_officer")
    network.clock.pass_(days=2)
    await gateway.returning.decline(first, "coordinator", "coordinator")
    await gateway.clear.close(first, "first")
    case = await story.case(network, "XAA", (await homeward.prepared(network))[0])
    await numbered(network, case.ref)

    async def look(tx: Tx) -> tuple[date, str] | None:
        others = await elsewhere.others(gateway.context, tx, case)
        return await elsewhere.no_elsewhere(gateway.context, tx, case, others)

    found = await gateway.store.read(look)
    assert (START.date(), first) == found


async def test_a_return_does_not_leave_once_she_says_no_elsewhere(network: Network) -> None:
    """A proposal that waits for the line stays when another case records meanwhile that she does not want it."""
    gateway, person = network.gateways["XAA"], ("first", "case_officer")
    _, second = await a_no_beside_a_proposal(network)
    assert 0 == await network.deliver()
    assert ((person_stop.WAITS,), [NO_ELSEWHERE]) == await told(network, second)
    network.clock.pass_(days=1)
    assert 0 == await network.deliver()
    assert 1 == len([one for one in await history(network, second) if one == "stop"]), "it is told once"
    await gateway.returning.reassess(second, *person)
    assert ((), []) == await told(network, second), "the proposal is taken out"


async def test_a_plan_that_is_not_of_the_record_any_more_does_not_leave(network: Network) -> None:
    """A departure was moved while its plan waited for its day: nobody is told of a journey that nobody makes (V-39)."""
    ours, theirs = await homeward.scheduled(network)
    later = {**homeward.TRAVEL, "departs_at": (homeward.DEPARTS_AT + timedelta(hours=3)).isoformat()}
    returning = network.gateways["XAA"].returning
    moved = homeward.record(decision=homeward.DECISION, travel=later)
    await returning.record(ours, moved, "first", "case_officer")
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=71))
    await network.deliver()
    assert ("SCHEDULED", "DOCUMENTED") == await homeward.states(network, ours, theirs)
    assert OUTDATED + "the message names another departure than the record" in (await told(network, ours))[1]
    await returning.cancel(ours, "first", "case_officer")
    await returning.schedule(ours, {**homeward.JOURNEY, "arrives_at": "2026-12-14T15:10:00Z"}, "second")
    homeward.move_to(network, homeward.DEPARTS_AT - timedelta(hours=68))
    await network.deliver()
    assert ("SCHEDULED", "SCHEDULED") == await homeward.states(network, ours, theirs)
    assert ((), []) == await told(network, ours)


async def test_a_proposal_with_the_day_of_an_older_wish_does_not_leave(network: Network) -> None:
    """A wish was written since she said no elsewhere: what was signed on the one before is proposed anew (V-32)."""
    gateway, person = network.gateways["XAA"], ("first", "case_officer")
    _, second = await a_no_beside_a_proposal(network)
    network.clock.pass_(days=1)
    again = homeward.record(wish={**homeward.RECORD["wish"], "written_on": "2026-11-26"})
    await gateway.returning.record(second, again, *person)
    assert 0 == await network.deliver()
    assert ((person_stop.WAITS,), [OUTDATED + "the consent is not the one on record"]) == await told(network, second)
    await gateway.returning.reassess(second, *person)
    assert ((), []) == await told(network, second), "the proposal is taken out"


async def test_what_is_set_right_leaves_before_a_message_that_is_held(network: Network) -> None:
    """A place of birth is struck abroad although a proposal waits: that one stays behind, and still does not leave."""
    gateway, person = network.gateways["XAA"], ("first", "case_officer")
    _, second = await a_no_beside_a_proposal(network)
    assert 0 == await network.deliver()
    await gateway.notices.strike(second, ["BIRTH_PLACE"], *person)
    assert 1 == await network.deliver()
    theirs = await story.case(network, "XBB", await story.twin(network, second))
    assert "birth_place" not in theirs.received["elements"]
    assert [("rectification", "receipted"), ("return.proposal", "queued")] == await waiting(network, second)


async def test_what_brings_another_value_steps_behind_what_is_set_right(network: Network) -> None:
    """Elements that wait step behind the correction of a name; of what they bring themselves none is made (R-16)."""
    ours, theirs = await story.acknowledged(network, **HERS)
    await network.gateways["XBB"].answer.ask(theirs, ["SEX"], 2, "first")
    await network.deliver()
    gateway = network.gateways["XAA"]
    prepared, thread = await gateway.clear.prepare(ours, "first"), await homeward.thread(network, ours)
    signed = network.approval(prepared.digest, thread, "second", "elements.approval", "liaison_officer")
    await gateway.clear.approve(ours, signed, "second")
    await gateway.clear.send(ours, "first")
    with pytest.raises(RuleRefused):
        await gateway.notices.strike(ours, ["SEX"], "first", "case_officer")
    await gateway.notices.strike(ours, ["NAMES"], "first", "case_officer")
    assert ("verification.elements", "queued") == (await waiting(network, ours))[-1]
    await network.deliver()
    assert {"receipted"} == {state for _, state in await waiting(network, ours)}


async def waiting(network: Network, ref: str) -> list[tuple[str, str]]:
    """Return what XAA said last in its case ``ref``, or has still to say, in the order of its numbers."""
    rows = await network.gateways["XAA"].store.read(lambda tx: tx.outbound_of_case(ref))
    said = sorted((row for row in rows if row.state != "dropped"), key=lambda row: row.seq or 0)
    return [(row.type, row.state) for row in said][-2:]


async def history(network: Network, ref: str) -> list[str]:
    """Return the names of what happened in XAA's case ``ref``."""
    return [one.event for one in await network.gateways["XAA"].store.read(lambda tx: tx.events(ref))]
