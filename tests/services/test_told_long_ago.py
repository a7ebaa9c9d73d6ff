"""What a State was told more than thirty days before the backup that it was put back to: said once more, or told of."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.case import State
from gateway.core.machine import NOT_TOLD
from gateway.core.messages import ACCEPTANCE, CONTEST, MONITORING, RESUMPTION, SUSPENSION, TAKE_BACK
from gateway.core.return_changes import REPORTED
from gateway.services.answers import SAYS_OTHERWISE
from gateway.services.resync import PASSED_OVER
from tests.support import homeward, story
from tests.support.network import Network
from tests.support.restoring import (
    back_up,
    both_put_back,
    card_of,
    findings_of,
    next_card_of,
    outbox,
    put_back_later,
    raise_epochs,
    restore,
    settle,
)
from tests.support.stolen import steal_from

CASE, WELFARE = ("first", "case_officer"), ("welfare", "child_welfare")


async def said(network: Network, country: str, ref: str, type: str) -> list[str]:
    """Return how each message of ``type`` stands that ``country`` has said in its case."""
    return [row.state for row in await outbox(network, country, ref) if row.type == type]


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("knows", [False, True])
async def test_danger_is_said_anew(network: Network, tmp_path: Path, knows: bool, final: bool) -> None:
    """Whoever forgot how she was found acts for nobody; whoever knows it hears it once more, and nobody is told."""
    ours, theirs = await homeward.handed_over(network)
    network.clock.pass_(days=190)
    await network.refresh()
    before = back_up(network, "XAA", tmp_path / "before")
    on = (network.clock.now() - timedelta(days=1)).date().isoformat()
    await network.gateways["XBB"].returning.report(theirs, "SEEN_CONCERN", on, final, "reception", "reception")
    await network.deliver()
    quiet = await findings_of(network, "XBB", theirs)
    await put_back_later(network, "XAA", back_up(network, "XAA", tmp_path / "after") if knows else before)
    found = REPORTED % {"status": "SEEN_CONCERN", "day": on}
    assert 1 == (await findings_of(network, "XAA", ours)).count(found)
    words = ["receipted", "refused" if knows and final else "receipted"]
    assert words == await said(network, "XBB", theirs, MONITORING)
    if knows:
        assert quiet == await findings_of(network, "XBB", theirs)
    await raise_epochs(network, "XAA")
    assert words == await said(network, "XBB", theirs, MONITORING)


async def stopped_and_let_go(network: Network, folder: Path, by: str) -> tuple[str, str, Path]:
    """Have ``by`` stop a return and let it go on; return both cases, and a backup of the other State from between."""
    ours, theirs = await homeward.accepted(network, days=300)
    gateway, ref = network.gateways[by], ours if by == "XAA" else theirs
    other = "XBB" if by == "XAA" else "XAA"
    await gateway.returning.suspend(ref, "danger", *WELFARE)
    await network.deliver()
    before = back_up(network, other, folder / "before")
    await gateway.hold.release(ref, *WELFARE)
    await gateway.hold.resume(ref, *(CASE if by == "XAA" else ("first", "registry_clerk")))
    await network.deliver()
    return ours, theirs, before


@pytest.mark.parametrize("by", ["XAA", "XBB"])
@pytest.mark.parametrize("knows", [False, True])
async def test_that_a_return_goes_on_is_said_anew(network: Network, tmp_path: Path, by: str, knows: bool) -> None:
    """Whoever forgot it would hold the return for a stop that it cannot lift; whoever knows it is moved by nothing."""
    ours, theirs, before = await stopped_and_let_go(network, tmp_path, by)
    other, ref = ("XBB", ours) if by == "XAA" else ("XAA", theirs)
    await put_back_later(network, other, back_up(network, other, tmp_path / "after") if knows else before)
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert ["receipted"] * 2 == await said(network, by, ref, RESUMPTION)
    await raise_epochs(network, other)
    assert ["receipted"] * 2 == await said(network, by, ref, RESUMPTION)


async def test_people_tell_that_a_return_goes_on_where_its_epoch_is_over(network: Network, tmp_path: Path) -> None:
    """A stop after it may have been lost in the restore of who says it."""
    ours, theirs, before = await stopped_and_let_go(network, tmp_path, "XBB")
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "own"))
    await settle(network, 1)
    await put_back_later(network, "XAA", before)
    assert ["SUSPENDED", "ACCEPTED"] == list(await homeward.states(network, ours, theirs))
    assert NOT_TOLD in await findings_of(network, "XBB", theirs)


async def told_long_ago(network: Network, folder: Path, by: str, before: Path, *, knows: bool, epochs: bool) -> None:
    """Put who heard ``by`` back, to ``before`` or to where it ``knows`` that; ``by`` too, where its ``epochs`` pass."""
    other = "XBB" if by == "XAA" else "XAA"
    backup = back_up(network, other, folder / "after") if knows else before
    if epochs:
        await both_put_back(network, folder, by, backup)
    else:
        await put_back_later(network, other, backup)


@pytest.mark.parametrize("knows", [False, True])
@pytest.mark.parametrize("epochs", [False, True])
async def test_acceptance_is_said_anew(network: Network, tmp_path: Path, knows: bool, epochs: bool) -> None:
    """Nobody accepts a proposal twice, and who forgot that waits; so it is of what an epoch that is over said of it."""
    ours, theirs = await homeward.proposed(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await homeward.accept(network, theirs, days=300)
    await network.deliver()
    await told_long_ago(network, tmp_path, "XBB", before, knows=knows, epochs=epochs)
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    words = await said(network, "XBB", theirs, ACCEPTANCE)
    await raise_epochs(network, "XAA")
    assert words == await said(network, "XBB", theirs, ACCEPTANCE)


async def test_acceptance_is_not_said_anew_whose_reply_was_taken_back(network: Network, tmp_path: Path) -> None:
    """R-04 would hold it for good, and behind it word that the reply is none: whoever forgot both hears that alone."""
    ours, theirs = await homeward.proposed(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await homeward.accept(network, theirs)
    await network.deliver()
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    await network.deliver()
    await both_put_back(network, tmp_path, "XBB", before)
    assert [] == [row.type for row in await outbox(network, "XBB", theirs) if row.waits]
    assert (await story.case(network, "XAA", ours)).reply is None
    assert State.PROPOSED == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("epochs", [False, True])
async def test_acceptance_of_an_adult_who_is_a_minor_is_not_said_anew(
    network: Network, tmp_path: Path, epochs: bool
) -> None:
    """A date of birth was set right since: R-06 would hold it for good, and behind it whatever is said."""
    ours, theirs = await homeward.proposed(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await homeward.accept(network, theirs, days=300)
    await network.deliver()
    notices, right = network.gateways["XAA"].notices, {"birth_date": "2012-01-02"}
    pending = await notices.prepare_rectification(ours, ["BIRTH_DATE"], right, *CASE)
    at = await homeward.thread(network, ours)
    signed = network.approval(pending.digest, at, "second", "rectification.approval", "liaison_officer")
    await notices.rectify(ours, signed, "second")
    await network.deliver()
    await told_long_ago(network, tmp_path, "XBB", before, knows=False, epochs=epochs)
    assert [] == [row.type for row in await outbox(network, "XBB", theirs) if row.waits]
    found = SAYS_OTHERWISE % {"receipt": "refused", "first_receipt": "accepted"} if epochs else NOT_TOLD
    assert [found] == await findings_of(network, "XBB", theirs)


async def test_recall_waits_behind_no_acceptance_that_does_not_hold(network: Network, tmp_path: Path) -> None:
    """The signature of it is over: said anew R-10 would hold it, and nobody hear of the recall, nor be told of that."""
    _, theirs = await homeward.proposed(network, minor=True)
    before = back_up(network, "XAA", tmp_path / "before")
    await homeward.accept(network, theirs, minor=True, days=20)
    await network.deliver()
    network.clock.pass_(days=21)
    await network.refresh()
    await story.put(network, "XBB", theirs, State.DEPARTED)
    await network.gateways["XBB"].returning.recall(theirs, "danger", "UNSAFE", "2027-06-01", *WELFARE)
    await network.deliver()
    await both_put_back(network, tmp_path, "XBB", before)
    assert [] == [row.type for row in await outbox(network, "XBB", theirs) if row.waits]
    assert NOT_TOLD in await findings_of(network, "XBB", theirs)


async def test_people_tell_of_an_acceptance_whose_signature_is_over(network: Network, tmp_path: Path) -> None:
    """Said anew it would be refused by who knows it and by who forgot it, and a desk be told that it does not hold."""
    _, theirs = await homeward.proposed(network, days=300)
    await homeward.accept(network, theirs, days=20)
    await network.deliver()
    await put_back_later(network, "XAA", back_up(network, "XAA", tmp_path / "after"))
    assert (["receipted"], [NOT_TOLD]) == (
        await said(network, "XBB", theirs, ACCEPTANCE),
        await findings_of(network, "XBB", theirs),
    )


async def test_people_tell_of_a_danger_past_its_day(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it leaves that may be kept no longer, and what stands before that may not either (M-5.28)."""
    monkeypatch.setattr(homeward, "HANDLING", {**homeward.HANDLING, "retain_until": "2027-03-01"})
    ours, theirs = await homeward.handed_over(network)
    before = back_up(network, "XAA", tmp_path / "before")
    on = network.clock.now().date().isoformat()
    await network.gateways["XBB"].returning.report(theirs, "SEEN_CONCERN", on, False, "reception", "reception")
    await network.deliver()
    await put_back_later(network, "XAA", before, 90)
    assert ["HANDED_OVER", "MONITORING"] == list(await homeward.states(network, ours, theirs))
    assert (["receipted"], [NOT_TOLD]) == (
        await said(network, "XBB", theirs, MONITORING),
        await findings_of(network, "XBB", theirs),
    )


@pytest.mark.parametrize("knows", [False, True])
@pytest.mark.parametrize("epochs", [False, True])
async def test_objection_is_said_anew(network: Network, tmp_path: Path, knows: bool, epochs: bool) -> None:
    """It is made once, so its desk cannot make it again, and would wait for a second look that nobody takes."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", *CASE)
    await network.deliver()
    await told_long_ago(network, tmp_path, "XAA", before, knows=knows, epochs=epochs)
    assert ["CONTESTED"] * 2 == list(await homeward.states(network, ours, theirs))
    words = await said(network, "XAA", ours, CONTEST)
    await raise_epochs(network, "XBB")
    assert words == await said(network, "XAA", ours, CONTEST)


@pytest.mark.parametrize("knows", [False, True])
async def test_acceptance_is_said_anew_as_its_stopped_return_goes_on(
    network: Network, tmp_path: Path, knows: bool
) -> None:
    """While it stood still word of the stop alone was said; who forgot the acceptance would wait for it for good."""
    ours, theirs = await homeward.proposed(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await homeward.accept(network, theirs, days=300)
    await network.deliver()
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await told_long_ago(network, tmp_path, "XBB", before, knows=knows, epochs=False)
    await network.gateways["XBB"].hold.release(theirs, *WELFARE)
    await network.gateways["XBB"].hold.resume(theirs, "first", "registry_clerk")
    await network.deliver()
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    words = ["receipted", "refused" if knows else "receipted"]
    assert words == await said(network, "XBB", theirs, ACCEPTANCE)


@pytest.mark.parametrize("knows", [False, True])
async def test_objection_is_said_anew_as_its_stopped_case_goes_on(
    network: Network, tmp_path: Path, knows: bool
) -> None:
    """While it stood still nothing was said; who forgot the objection takes no second look."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", *CASE)
    await network.deliver()
    await network.gateways["XAA"].hold.freeze(ours, "doubt", *CASE)
    await told_long_ago(network, tmp_path, "XAA", before, knows=knows, epochs=False)
    await network.gateways["XAA"].hold.release(ours, *CASE)
    await network.gateways["XAA"].hold.resume(ours, *CASE)
    await network.gateways["XAA"].hold.resume(ours, "second", "liaison_officer")
    await settle(network, 1)
    assert ["CONTESTED"] * 2 == list(await homeward.states(network, ours, theirs))
    words = ["receipted", "refused" if knows else "receipted"]
    assert words == await said(network, "XAA", ours, CONTEST)


@pytest.mark.parametrize("days", [3, 40])
async def test_nothing_is_said_anew_as_a_case_goes_on_whose_other_state_forgot_nothing(
    network: Network, days: int
) -> None:
    """However long it stood still."""
    ours, _ = await story.replied(network, "NOT_FOUND")
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", *CASE)
    await network.deliver()
    await network.gateways["XAA"].hold.freeze(ours, "doubt", *CASE)
    network.clock.pass_(days=days)
    await network.refresh()
    await network.gateways["XAA"].hold.release(ours, *CASE)
    await network.gateways["XAA"].hold.resume(ours, *CASE)
    await network.gateways["XAA"].hold.resume(ours, "second", "liaison_officer")
    await network.deliver()
    assert ["receipted"] == await said(network, "XAA", ours, CONTEST)


async def test_people_tell_that_who_asks_has_stopped(network: Network, tmp_path: Path) -> None:
    """Nobody leaves by what was forgotten of that, so it is not said anew; but who was put back goes on meanwhile."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].returning.suspend(ours, "danger", *WELFARE)
    await network.deliver()
    await put_back_later(network, "XBB", before)
    assert ("SUSPENDED", "ACCEPTED") == await homeward.states(network, ours, theirs)
    assert [PASSED_OVER] == await findings_of(network, "XAA", ours)
    assert ["receipted"] == await said(network, "XAA", ours, SUSPENSION)


async def test_nobody_is_told_of_a_stop_that_is_posted_again(network: Network, tmp_path: Path) -> None:
    """Within thirty days it is heard by itself."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XBB", tmp_path / "before")
    await network.gateways["XAA"].returning.suspend(ours, "danger", *WELFARE)
    await network.deliver()
    await restore(network, "XBB", before)
    await settle(network, 2)
    assert ("SUSPENDED", "SUSPENDED") == await homeward.states(network, ours, theirs)
    assert PASSED_OVER not in await findings_of(network, "XAA", ours)


async def waits_anew(network: Network, restored: str) -> None:
    """Have the epoch of ``restored`` raised a month later, and what is said to it once more still wait."""
    network.clock.pass_(days=31)
    await network.refresh()
    next_card_of(network, restored, epoch=card_of(network, restored).epoch + 1)
    await network.refresh()


@pytest.mark.parametrize("freezes", [False, True])
async def test_acceptance_that_waits_to_be_said_once_more_is_not_taken_back_by_a_stop(
    network: Network, freezes: bool
) -> None:
    """It was heard: the case goes on where it stood. A second acceptance, for which its desk would wait, is refused."""
    _, theirs = await homeward.accepted(network, days=300)
    await waits_anew(network, "XAA")
    assert ["receipted", "queued"] == await said(network, "XBB", theirs, ACCEPTANCE)
    gateway = network.gateways["XBB"]
    await (gateway.hold.freeze if freezes else gateway.returning.suspend)(theirs, "danger", *WELFARE)
    assert State.ACCEPTED is (await story.case(network, "XBB", theirs)).resume_to


async def test_objection_that_waits_to_be_said_once_more_is_not_taken_back_by_a_stop(network: Network) -> None:
    """Nor is the second look that the other State owes."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", *CASE)
    await network.deliver()
    await waits_anew(network, "XBB")
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "in doubt", *CASE)
    await hold.release(ours, *CASE)
    for desk in (CASE, ("second", "liaison_officer")):
        await hold.resume(ours, *desk)
    await settle(network, 1)
    assert ("CONTESTED", "CONTESTED") == await homeward.states(network, ours, theirs)


async def test_objection_that_is_said_once_more_as_its_answer_comes_alarms_nobody(
    network: Network, tmp_path: Path
) -> None:
    """It crossed the second look of a State that had forgotten nothing."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", *CASE)
    await network.deliver()
    network.clock.pass_(days=31)
    await network.refresh()
    await restore(network, "XBB", back_up(network, "XBB", tmp_path / "after"))
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.gateways["XBB"].deliverer.run_once()
    assert "REPLIED" == await story.state(network, "XAA", ours)
    await settle(network, 1)
    assert ["receipted", "refused"] == await said(network, "XAA", ours, CONTEST)
    assert [] == await findings_of(network, "XAA", ours)


@pytest.mark.parametrize("side", ["XAA", "XBB"])
async def test_what_waits_to_be_said_once_more_is_said_in_the_next_epoch(
    network: Network, tmp_path: Path, side: str
) -> None:
    """A theft of keys drops it no more than the word that was heard: no desk is told to withdraw."""
    if side == "XAA":
        ours, theirs = await story.replied(network, "NOT_FOUND")
        await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", *CASE)
        await network.deliver()
    else:
        ours, theirs = await homeward.accepted(network, days=300)
    network.clock.pass_(days=31)
    await network.refresh()
    other, ref, type = ("XBB", ours, CONTEST) if side == "XAA" else ("XAA", theirs, ACCEPTANCE)
    await restore(network, other, back_up(network, other, tmp_path / "after"))
    assert ["receipted", "queued"] == await said(network, side, ref, type)
    await steal_from(network, side)
    await settle(network, 2)
    assert ["receipted", "dropped", "refused"] == await said(network, side, ref, type)
    assert [] == await findings_of(network, side, ref)


@pytest.mark.parametrize("accepts", [False, True])
async def test_recall_that_is_said_once_more_as_another_return_is_proposed_alarms_nobody(
    network: Network, tmp_path: Path, accepts: bool
) -> None:
    """It crossed the proposal of a State that had forgotten nothing, and has the person back."""
    ours, theirs = await homeward.departed(network)
    await network.gateways["XBB"].returning.recall(theirs, "danger", "UNSAFE", "2027-06-01", *WELFARE)
    await network.deliver()
    returning = network.gateways["XAA"].returning
    await returning.returned(ours, *CASE)
    await returning.record(ours, homeward.record(), *CASE)
    await returning.assess(ours, "coordinator", "coordinator")
    network.clock.pass_(days=31)
    await network.refresh()
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "after"))
    asking = network.gateways["XAA"]
    plan = {**homeward.PLAN, "window": {"from": "2027-01-20", "until": "2027-02-28"}}
    pending = await asking.returning.prepare(ours, plan, *CASE)
    await homeward.approve(network, ours, pending, "return.approval")
    await homeward.endorse(network, ours, pending)
    await asking.returning.propose(ours, *CASE)
    await asking.deliverer.run_once()
    if accepts:
        await homeward.accept(network, theirs)
    await settle(network, 2)
    assert ("ACCEPTED" if accepts else "PROPOSED",) * 2 == await homeward.states(network, ours, theirs)
    assert "refused" in await said(network, "XBB", theirs, TAKE_BACK)
    assert [] == await findings_of(network, "XBB", theirs)


async def test_people_tell_that_a_return_goes_on_where_that_waits_over_a_new_epoch(
    network: Network, tmp_path: Path
) -> None:
    """No desk can say it again, and none is asked to: a stop after it may have been lost in the restore."""
    ours, theirs, before = await stopped_and_let_go(network, tmp_path, "XBB")
    network.clock.pass_(days=31)
    await network.refresh()
    await restore(network, "XAA", before)
    assert ["receipted", "queued"] == await said(network, "XBB", theirs, RESUMPTION)
    await steal_from(network, "XBB")
    await settle(network, 2)
    assert ("SUSPENDED", "ACCEPTED") == await homeward.states(network, ours, theirs)
    assert [NOT_TOLD] == await findings_of(network, "XBB", theirs)
