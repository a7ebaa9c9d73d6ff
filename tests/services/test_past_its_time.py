"""What a partner lacks that was put back by more than thirty days: posted past its time, refused, and heard behind."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core import wire
from gateway.core.codes import PeerError, Reason
from gateway.core.machine import NOT_TOLD
from gateway.core.messages import SUSPENSION, USE_REQUEST
from gateway.core.notices import open_demands
from gateway.services.passed_over import LOST_THERE
from gateway.services.receive import Reply, problem
from gateway.services.resync import PASSED_OVER
from keys import b64, card
from keys.sign import SigningKey
from tests.support import homeward, story
from tests.support.network import Network
from tests.support.restoring import back_up, card_of, findings_of, next_card_of, outbox, restore, settle

CASE, WELFARE = ("first", "case_officer"), ("welfare", "child_welfare")


async def put_back(network: Network, country: str, backup: Path, days: int = 31) -> None:
    """Put a State back to ``backup`` so many days later, and let everything come that comes by itself."""
    network.clock.pass_(days=days)
    await network.refresh()
    for gateway in network.gateways.values():
        await gateway.retention.run_once(network.clock.now())
    await restore(network, country, backup)
    await settle(network, 1)


async def forgotten(network: Network, folder: Path, days: int = 31) -> tuple[str, str]:
    """Have XBB forget a question of XAA what became of the data, in a return that it knows; return both cases."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", folder / "backup")
    await network.gateways["XAA"].notices.ask_use(ours, *CASE)
    await network.deliver()
    await put_back(network, "XBB", backup, days)
    return ours, theirs


async def suspend(network: Network, ours: str) -> None:
    await network.gateways["XAA"].returning.suspend(ours, "unsafe", *WELFARE)


async def said(network: Network, ours: str) -> list[tuple[str, str]]:
    """Return type and state of what XAA said in a case since the proposal."""
    return [(row.type, row.state) for row in await outbox(network, "XAA", ours)][2:]


async def test_stop_is_heard_behind_what_is_over(network: Network, tmp_path: Path) -> None:
    """The bytes that it lacks are refused, which uses their number; nothing of them is taken, and the stop is heard."""
    ours, theirs = await forgotten(network, tmp_path)
    await suspend(network, ours)
    await settle(network, 1)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)
    assert () == open_demands(await story.case(network, "XBB", theirs))
    assert [LOST_THERE] == await findings_of(network, "XAA", ours)
    assert [(USE_REQUEST, "receipted"), (SUSPENSION, "receipted")] == await said(network, ours)


async def test_reply_is_heard_behind_what_is_over(network: Network, tmp_path: Path) -> None:
    """Who asks and was put back to before a notice of delay has its answer all the same."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2027-01-20", "first")
    await network.deliver()
    await put_back(network, "XAA", backup)
    await story.give_answer(network, theirs, story.reply())
    await settle(network, 1)
    assert "REPLIED" == await story.state(network, "XAA", ours)
    assert [LOST_THERE] == await findings_of(network, "XBB", theirs)


async def test_nothing_is_posted_past_its_time_while_nothing_waits_behind_it(network: Network, tmp_path: Path) -> None:
    """Nor is any of it once that is heard: it leaves once for its number."""
    ours, _ = await forgotten(network, tmp_path)
    before = [row.attempts for row in await outbox(network, "XAA", ours)]
    await settle(network, 2)
    assert before == [row.attempts for row in await outbox(network, "XAA", ours)]
    await suspend(network, ours)
    await settle(network, 2)
    assert [one + 2 for one in before] == [row.attempts for row in await outbox(network, "XAA", ours)][: len(before)]


async def test_a_number_that_is_missing_for_another_reason_has_it_posted_once(network: Network, tmp_path: Path) -> None:
    """Whoever says that one is missing however often is posted to once, and people tell it the stop."""
    ours, _ = await forgotten(network, tmp_path)
    receiver = network.gateways["XBB"].receiver

    async def gap(raw: bytes) -> Reply:
        return problem(PeerError(Reason.SEQ_GAP))

    receiver.receive = gap  # type: ignore[method-assign]
    before = [row.attempts for row in await outbox(network, "XAA", ours)]
    await suspend(network, ours)
    await settle(network, 5)
    assert [one + 2 for one in before] == [row.attempts for row in await outbox(network, "XAA", ours)][: len(before)]
    assert [NOT_TOLD, PASSED_OVER] == await findings_of(network, "XAA", ours)


async def test_nothing_is_posted_past_its_time_that_a_rule_holds(network: Network, tmp_path: Path) -> None:
    """A stopped case says nothing: what is posted past its time waits for that too, and leaves once it goes on."""
    ours, _ = await story.acknowledged(network)
    backup = back_up(network, "XBB", tmp_path / "backup")
    gateway = network.gateways["XAA"]
    await gateway.notices.ask_use(ours, *CASE)
    await network.deliver()
    await put_back(network, "XBB", backup)
    await gateway.notices.strike(ours, ["SEX"], *CASE)
    network.wires.cut = True
    await network.deliver(1)
    await gateway.hold.freeze(ours, "in doubt", *CASE)
    network.wires.cut = False
    before = [row.attempts for row in await outbox(network, "XAA", ours)]
    await settle(network, 2)
    assert before == [row.attempts for row in await outbox(network, "XAA", ours)]
    await gateway.hold.release(ours, *CASE)
    await gateway.hold.resume(ours, *CASE)
    await gateway.hold.resume(ours, "second", "liaison_officer")
    await settle(network, 2)
    assert "receipted" == (await outbox(network, "XAA", ours))[-1].state


async def test_word_that_a_return_goes_on_does_not_bring_its_stop_back(network: Network, tmp_path: Path) -> None:
    """Word of a stop that was forgotten and is over is refused, and not said anew once the return goes on."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await suspend(network, ours)
    await network.deliver()
    await put_back(network, "XBB", backup)
    await go_on(network, ours)
    await settle(network, 2)
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert [LOST_THERE] == await findings_of(network, "XAA", ours)


async def go_on(network: Network, ours: str) -> None:
    await network.gateways["XAA"].hold.release(ours, *WELFARE)
    await network.gateways["XAA"].hold.resume(ours, *CASE)


async def test_stop_that_stands_is_heard_behind_one_that_is_over(network: Network, tmp_path: Path) -> None:
    """A case that stands still takes along what stands before word of that, past its time as well."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await suspend(network, ours)
    await go_on(network, ours)
    await network.deliver()
    network.clock.pass_(days=5)
    await suspend(network, ours)
    await network.deliver()
    await put_back(network, "XBB", backup, days=28)
    await settle(network, 1)
    assert ["SUSPENDED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert {"receipted"} == {row.state for row in await outbox(network, "XAA", ours)}


async def stopped_there(network: Network, folder: Path, *, knows: bool) -> tuple[str, str]:
    """Have XBB stop a return, and put XAA back to after that or, where it does not know it, to before."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", folder / "before")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await put_back(network, "XAA", back_up(network, "XAA", folder / "after") if knows else before)
    return ours, theirs


async def words_of_stop(network: Network, theirs: str) -> list[str]:
    """Return how each word of XBB stands that it has stopped a case."""
    return [row.state for row in await outbox(network, "XBB", theirs) if row.type == SUSPENSION]


@pytest.mark.parametrize("knows", [False, True])
async def test_stop_of_who_is_asked_is_said_anew_though_nothing_waits(
    network: Network, tmp_path: Path, knows: bool
) -> None:
    """Whoever forgot it goes on with nothing; whoever knows it takes it once more, and nobody is told anything."""
    ours, theirs = await stopped_there(network, tmp_path, knows=knows)
    assert ["SUSPENDED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert ([] if knows else [LOST_THERE]) == await findings_of(network, "XBB", theirs)
    said = await words_of_stop(network, theirs)
    assert {"receipted"} == {*said}
    # Once: what was said a day ago is posted again as it is.
    network.clock.pass_(days=1)
    next_card_of(network, "XAA", epoch=card_of(network, "XAA").epoch + 1)
    await network.refresh()
    await settle(network, 1)
    assert said == await words_of_stop(network, theirs)
    await network.gateways["XBB"].hold.release(theirs, *WELFARE)
    await network.gateways["XBB"].hold.resume(theirs, "first", "registry_clerk")
    await network.deliver()
    assert ["ACCEPTED"] * 2 == list(await homeward.states(network, ours, theirs))


async def test_nobody_tells_a_stop_to_who_keeps_nothing_of_it(network: Network, tmp_path: Path) -> None:
    """Who erased its case refuses word of the stop that it had taken, and goes on with nothing: no desk is told."""
    ours, theirs = await homeward.accepted(network, days=300)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await network.gateways["XAA"].retention.erase(ours, network.clock.now())
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    assert ["receipted", "refused"] == await words_of_stop(network, theirs)
    assert [] == await findings_of(network, "XBB", theirs)


async def test_people_tell_a_stop_to_who_lacks_the_return(network: Network, tmp_path: Path) -> None:
    """Who refuses it after the thread was filled knows of no return: that it took the stop once says nothing."""
    before = back_up(network, "XAA", tmp_path / "before")
    _, theirs = await homeward.accepted(network, days=300)
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    await put_back(network, "XAA", before)
    assert {LOST_THERE, NOT_TOLD} <= {*await findings_of(network, "XBB", theirs)}


async def test_stop_that_is_said_anew_ends_no_thread(network: Network, tmp_path: Path) -> None:
    """Whoever is out of reach for a month from then on hears it afterwards, and the return is where it was."""
    ours, theirs = await homeward.accepted(network, days=300)
    before = back_up(network, "XAA", tmp_path / "before")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", *WELFARE)
    await network.deliver()
    network.clock.pass_(days=31)
    await network.refresh()
    network.wires.cut = True
    await restore(network, "XAA", before)
    await settle(network, 1)
    network.clock.pass_(days=31)
    for gateway in network.gateways.values():
        await gateway.deliverer.expire(network.clock.now())
    network.wires.cut = False
    await settle(network, 4)
    assert ["SUSPENDED"] * 2 == list(await homeward.states(network, ours, theirs))
    assert "ACCEPTED" == (await story.case(network, "XBB", theirs)).resume_to
    assert NOT_TOLD not in await findings_of(network, "XBB", theirs)


@pytest.mark.parametrize("frozen", [False, True])
async def test_stop_of_who_asks_is_not_said_anew(network: Network, tmp_path: Path, frozen: bool) -> None:
    """The person is with it, and nobody leaves; what a freeze is about is told by nothing that is said of a stop."""
    ours, theirs = await homeward.accepted(network, days=300)
    backup = back_up(network, "XBB", tmp_path / "backup")
    await suspend(network, ours)
    await network.deliver()
    if frozen:
        await network.gateways["XAA"].hold.freeze(ours, "in doubt", *CASE)
    await put_back(network, "XBB", backup)
    assert [(SUSPENSION, "receipted")] == await said(network, ours)
    assert "ACCEPTED" == await story.state(network, "XBB", theirs)


async def test_it_is_posted_until_it_has_an_answer_while_something_waits(network: Network, tmp_path: Path) -> None:
    """A line that fails ends nothing of it; where what waited ran out, it is not posted any more either."""
    ours, theirs = await forgotten(network, tmp_path)
    await suspend(network, ours)
    await network.deliver(1)
    network.wires.cut = True
    gateway = network.gateways["XAA"]
    for _ in range(3):
        network.clock.pass_(hours=2)
        await network.deliver()
        await gateway.deliverer.expire(network.clock.now())
    assert "posted" == (await outbox(network, "XAA", ours))[0].state
    assert [NOT_TOLD] == await findings_of(network, "XAA", ours)
    network.wires.cut = False
    await settle(network, 2)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)


async def test_it_is_signed_anew_where_the_window_of_its_key_is_over(network: Network, tmp_path: Path) -> None:
    """Nobody takes a message under such a key, whatever its times say (M-3.6)."""
    ours, theirs = await forgotten(network, tmp_path)
    context, signer = network.gateways["XAA"].context, SigningKey.generate()
    held = card.claims_of(card_of(network, "XAA"))["signing"]
    begun = {**held[0], "kid": signer.kid, "key": b64.encode(signer.public)}
    over = {**held[0], "until": wire.format_instant(network.clock.now() - timedelta(days=1))}
    next_card_of(network, "XAA", signing=[over, begun])
    context.keyring = replace(context.keyring, signing=signer)
    await network.refresh()
    await suspend(network, ours)
    await settle(network, 1)
    assert "SUSPENDED" == await story.state(network, "XBB", theirs)
