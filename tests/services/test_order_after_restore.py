"""After a restore what one side says is heard in the order in which it was said, and a stop waits for none of it."""

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from gateway.core.machine import IllegalStep, RuleRefused
from gateway.core.messages import HANDOVER, REPLY, RESYNC, USE_REQUEST
from gateway.core.wire import format_instant
from gateway.services import anew, judge
from gateway.services.ports import Tx
from tests.support import homeward, story
from tests.support.interviews import OPEN, PROPOSAL
from tests.support.network import Network, wrong_clock
from tests.support.restoring import LOST_NUMBER, back_up, findings_of, outbox, put_back, restore, settle


async def restored_in_an_outage(network: Network, folder: Path) -> None:
    """Back XBB up while nothing gets through, then restore it, the line being back."""
    backup = back_up(network, "XBB", folder / "backup")
    network.wires.cut = False
    await restore(network, "XBB", backup)
    await settle(network)


async def same_state(network: Network, ours: str, theirs: str) -> str:
    """Return the state of both cases, which must be the same."""
    one, other = await homeward.states(network, ours, theirs)
    assert one == other
    return one


async def test_acknowledgement_is_said_before_the_question_behind_it(network: Network, tmp_path: Path) -> None:
    """Of two messages of an old epoch the one that was posted is not said anew behind the one that waited."""
    ours, theirs = await story.received(network)
    answer = network.gateways["XBB"].answer
    network.wires.cut = True
    await answer.acknowledge(theirs, "first")
    await network.deliver(1)
    await answer.ask(theirs, ["SEX"], 2, "first")
    await restored_in_an_outage(network, tmp_path)
    assert "NEEDS_TIER2" == await same_state(network, ours, theirs)


async def test_last_report_stays_the_last(network: Network, tmp_path: Path) -> None:
    """A person who was last seen in danger is not last seen safe because of a restore."""
    ours, theirs = await homeward.handed_over(network)
    today, returning = network.clock.now().date().isoformat(), network.gateways["XBB"].returning
    network.wires.cut = True
    await returning.report(theirs, "SEEN_SAFE", today, False, "reception", "reception")
    await network.deliver(1)
    await returning.report(theirs, "SEEN_CONCERN", today, False, "reception", "reception")
    await restored_in_an_outage(network, tmp_path)
    assert "SEEN_CONCERN" == (await story.case(network, "XAA", ours)).said["return.monitoring"]["status"]


async def test_handover_is_said_before_the_report_behind_it(network: Network, tmp_path: Path) -> None:
    """A report on a person does not come before word that she arrived, which would refuse it."""
    ours, theirs = await homeward.delivered(network)
    today = network.clock.now().date().isoformat()
    network.wires.cut = True
    await homeward.confirm_handover(network, theirs, days=7)
    await network.deliver(1)
    returning = network.gateways["XBB"].returning
    await returning.report(theirs, "SEEN_CONCERN", today, False, "reception", "reception")
    await restored_in_an_outage(network, tmp_path)
    assert "MONITORING" == await same_state(network, ours, theirs)


async def test_what_was_refused_stays_on_file_as_refused(network: Network, tmp_path: Path) -> None:
    """It had left: its desk reads that the other State refused it, and what it said is kept (R-18)."""
    _, theirs = await story.acknowledged(network)
    network.wires.cut = True
    await story.give_answer(network, theirs, story.reply())
    await network.deliver(1)
    await network.gateways["XBB"].notices.ask_use(theirs, "first", "registry_clerk")
    await restored_in_an_outage(network, tmp_path)
    reply = (await outbox(network, "XBB", theirs))[1]
    assert ("refused", True) == (reply.state, reply.sealed is not None)
    assert ["not accepted: illegal-step", anew.NEVER_CAME] == await findings_of(network, "XBB", theirs)
    steps = await network.gateways["XBB"].store.read(lambda tx: tx.events(theirs))
    assert [("reply_not_accepted", "XAA")] == [
        (one.event, one.actor) for one in steps if one.event.startswith("reply_")
    ]


async def hold_listing(network: Network) -> None:
    """Have the listing by XAA be posted in two hours, as one is that was refused for its times."""
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> None:
        for row in await tx.waiting_outbound("XBB"):
            if row.type == RESYNC:
                await tx.save_outbound(row._replace(next_try_at=network.clock.now() + timedelta(hours=2)))

    await context.commit(unit)


async def on_the_day_forgotten(network: Network, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Take a case to the morning of departure, and restore XBB to before it accepted; it has not settled yet."""
    accept, backups = homeward.accept, list[Path]()

    async def accept_after_a_backup(network: Network, theirs: str, minor: bool, days: int) -> None:
        backups.append(back_up(network, "XBB", folder / "backup"))
        await accept(network, theirs, minor, days)

    monkeypatch.setattr(homeward, "accept", accept_after_a_backup)
    found = await homeward.on_the_day(network)
    await restore(network, "XBB", backups[0])
    return found


@pytest.mark.parametrize("listed", [True, False])
async def test_who_left_by_an_acceptance_that_a_restore_lost_is_awaited(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    """Restored to before it accepted, a State knows of the proposal alone, and awaits who is on the way."""
    ours, theirs = await on_the_day_forgotten(network, tmp_path, monkeypatch)
    await (settle(network) if listed else hold_listing(network))
    await network.deliver()
    assert ("SCHEDULED", "PROPOSED") == await homeward.states(network, ours, theirs)
    await network.gateways["XAA"].returning.depart(ours, "escort", arrives_at="2026-12-14T20:00:00Z")
    await network.deliver()
    assert "DEPARTED" == await same_state(network, ours, theirs)


async def test_both_desks_learn_that_who_left_is_not_awaited(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A State that was restored to before it accepted, and refuses then, takes no word of a departure: people speak."""
    ours, theirs = await on_the_day_forgotten(network, tmp_path, monkeypatch)
    await settle(network)
    await network.gateways["XBB"].returning.refuse(theirs, "NO_CARER", "first", "registry_clerk")
    await network.deliver()
    await network.gateways["XAA"].returning.depart(ours, "escort", arrives_at="2026-12-14T20:00:00Z")
    await network.deliver()
    assert ("DEPARTED", "REPLIED") == await homeward.states(network, ours, theirs)
    assert anew.NOT_AWAITED in (await story.case(network, "XAA", ours)).findings
    assert judge.COMES in (await story.case(network, "XBB", theirs)).findings


@pytest.mark.parametrize("what", ["question", "interview"])
async def test_question_is_not_asked_again_whose_own_answer_falls_back(
    network: Network, tmp_path: Path, what: str
) -> None:
    """What a posted question was to find out had been found: nobody is asked or interviewed for nothing."""
    ours, theirs = await story.acknowledged(network, **(OPEN if what == "interview" else {}))
    answer = network.gateways["XBB"].answer
    network.wires.cut = True
    if what == "question":
        await answer.ask(theirs, ["SEX"], 2, "first")
    else:
        await answer.ask_interview(theirs, PROPOSAL, "first")
    await network.deliver(1)
    await story.give_answer(network, theirs, story.reply())
    await restored_in_an_outage(network, tmp_path)
    assert "ACKNOWLEDGED" == await same_state(network, ours, theirs)


@pytest.mark.parametrize("minutes", [0, -120])
async def test_refusal_that_was_stored_settles_nothing_behind_it(
    network: Network, tmp_path: Path, minutes: int
) -> None:
    """What stood behind a message that was refused before the backup may have left: the listing decides, no clock."""
    _, theirs = await story.acknowledged(network)
    with wrong_clock(network, "XBB", 10):
        await story.give_answer(network, theirs, story.reply())
        network.wires.lose_answers = True
        await network.deliver(1, refresh=False)  # refused, for it is dated ahead; the answer is lost
        network.wires.lose_answers = False
    network.clock.pass_(minutes=30)
    await network.gateways["XBB"].notices.ask_use(theirs, "first", "registry_clerk")
    backup = back_up(network, "XBB", tmp_path / "backup")
    network.clock.pass_(hours=1)
    await network.deliver()
    await put_back(network, "XBB", backup, minutes=minutes)
    await network.refresh()
    await network.gateways["XBB"].deliverer.run_once()  # before the listing comes
    await settle(network)
    rows = [(row.type, row.state) for row in await outbox(network, "XBB", theirs)]
    assert [(REPLY, "refused"), (USE_REQUEST, "receipted")] == rows[1:3]


async def test_recall_waits_for_no_listing_behind_what_was_said_since(network: Network, tmp_path: Path) -> None:
    """A person is called back at once, although a report waits behind what the restore left open."""
    ours, theirs = await homeward.delivered(network)
    await homeward.confirm_handover(network, theirs, days=7)
    await put_back(network, "XBB", back_up(network, "XBB", tmp_path / "backup"))
    for country in ("XBB", "XAA"):
        await network.gateways[country].refresh_trust()
    returning, today = network.gateways["XBB"].returning, network.clock.now().date().isoformat()
    await returning.report(theirs, "SEEN_CONCERN", today, False, "reception", "reception")
    await returning.recall(theirs, "danger", "UNSAFE", "2026-12-20", "welfare", "child_welfare")
    await network.gateways["XBB"].deliverer.run_once()
    assert "RECALL" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("posted", [False, True])
async def test_departure_is_heard_after_a_restore(network: Network, tmp_path: Path, posted: bool) -> None:
    """Who is on the way is awaited: word of a departure is said once more, whether it was posted or waited."""
    ours, theirs = await homeward.on_the_day(network)
    network.wires.cut = True
    await network.gateways["XAA"].returning.depart(ours, "escort")
    if posted:
        await network.deliver(1)
    backup = back_up(network, "XAA", tmp_path / "backup")
    network.wires.cut = False
    await restore(network, "XAA", backup)
    await settle(network)
    assert "DEPARTED" == await same_state(network, ours, theirs)


async def departed_in_vain(network: Network, backup: Path, *, posted: bool) -> tuple[str, str]:
    """Have a person leave, word of it be lost on its way or not ``posted`` at all, and XAA be restored."""
    ours, theirs = await homeward.on_the_day(network)
    await network.gateways["XAA"].returning.depart(ours, "escort")
    if posted:
        network.wires.cut = True
        await network.gateways["XAA"].deliverer.run_once()
        network.wires.cut = False
    await restore(network, "XAA", back_up(network, "XAA", backup))
    return ours, theirs


@pytest.mark.parametrize("posted", [False, True], ids=["never posted", "posted"])
async def test_departure_that_a_restore_left_open_is_heard_after_a_month(
    network: Network, tmp_path: Path, posted: bool
) -> None:
    """A line that is down for longer than a message counts ends no word of a departure after a restore either."""
    ours, theirs = await departed_in_vain(network, tmp_path / "backup", posted=posted)
    network.clock.pass_(days=31)
    await network.refresh()
    await network.gateways["XAA"].deliverer.expire(network.clock.now())
    await network.deliver()
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ("DEPARTED", "DEPARTED") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("posted", [False, True], ids=["never posted", "posted"])
async def test_recall_after_a_restore_waits_behind_word_of_the_departure(
    network: Network, tmp_path: Path, posted: bool
) -> None:
    """A departure of an epoch that is over is said anew before the recall of today, which nobody could take else."""
    ours, theirs = await departed_in_vain(network, tmp_path / "backup", posted=posted)
    act = network.gateways["XAA"].returning
    await act.recall(ours, "unsafe", "UNSAFE", "2026-12-20", "first", "case_officer")
    await network.deliver()
    network.clock.pass_(hours=2)
    await network.deliver()
    assert ("RECALL", "RECALL") == await homeward.states(network, ours, theirs)


async def sign_the_handover(network: Network, ours: str) -> None:
    """Have the escort of XAA sign that the person was handed over, as the first hand."""
    returning = network.gateways["XAA"].returning
    seen = await returning.protocol(ours, homeward.PROTOCOL, "escort", "escort")
    signed = network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort")
    await returning.hand_over(ours, homeward.PROTOCOL, signed, "escort")


async def test_departure_that_our_restore_forgot_is_said_on_a_later_day(network: Network, tmp_path: Path) -> None:
    """The escort says when it was and signs once more, before anything is taken; so all that comes again is taken."""
    ours, theirs = await homeward.on_the_day(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    left_at = format_instant(network.clock.now())
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.deliver()
    network.clock.pass_(hours=5)
    await sign_the_handover(network, ours)
    await network.deliver()
    await homeward.confirm_handover(network, theirs, days=7)
    report, day = network.gateways["XBB"].returning.report, network.clock.now().date().isoformat()
    await report(theirs, "SEEN_CONCERN", day, False, "reception", "reception")
    await network.deliver()
    network.clock.pass_(days=1)
    await put_back(network, "XAA", backup)
    await network.gateways["XAA"].returning.depart(ours, "escort", left_at=left_at)
    await sign_the_handover(network, ours)
    for each in network.gateways.values():
        await each.refresh_trust()
    await settle(network)
    case = await story.case(network, "XAA", ours)
    assert "MONITORING" == await same_state(network, ours, theirs)
    assert ("SEEN_CONCERN", left_at) == (
        case.said["return.monitoring"]["status"],
        case.said["return.schedule"]["departs_at"],
    )


@pytest.mark.parametrize("departure_first", [True, False], ids=["as the manual has it", "the other way round"])
async def test_departure_is_said_again_before_the_stop_that_followed_it(
    network: Network, tmp_path: Path, departure_first: bool
) -> None:
    """Who left and was stopped since is called back here only if she has left here: a frozen case lets nobody leave."""
    ours, _ = await homeward.on_the_day(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    left_at = format_instant(network.clock.now())
    network.clock.pass_(days=1)
    await put_back(network, "XAA", backup)
    returning, hold = network.gateways["XAA"].returning, network.gateways["XAA"].hold
    if not departure_first:
        await hold.freeze(ours, "known since", "first", "case_officer")
        with pytest.raises(IllegalStep):
            await returning.depart(ours, "escort", left_at=left_at)
        return
    await returning.depart(ours, "escort", left_at=left_at)
    await returning.recall(ours, "known since", "UNSAFE", "2026-12-20", "first", "case_officer")
    assert "RECALL" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize(
    "left_at",
    ["2026-12-13T09:00:00Z", "2026-12-14T08:40:00", "2026-12-14T10:00:00Z", "soon"],
    ids=["on another day than planned", "without an offset", "since the restore", "never"],
)
async def test_departure_of_the_past_is_one_that_a_restore_took(network: Network, tmp_path: Path, left_at: str) -> None:
    """Nobody says of an earlier day what no restore can have taken, nor of a journey on another day than planned."""
    ours, _ = await homeward.on_the_day(network)
    network.clock.pass_(hours=1)
    await restore(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    returning = network.gateways["XAA"].returning
    network.clock.pass_(hours=1)
    with pytest.raises(RuleRefused):
        await returning.depart(ours, "escort", left_at=left_at)
    await returning.depart(ours, "escort", left_at="2026-12-14T08:42:00Z")


async def test_a_departure_of_the_past_is_judged_by_the_days_of_any_other(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offset in which the escort names the instant moves no last day: she left while the reply was valid."""
    reply = {**story.reply(), "valid_until": "2026-12-14"}
    monkeypatch.setattr(story, "reply", lambda: reply)
    ours, _ = await homeward.on_the_day(network)
    backup, left_at = back_up(network, "XAA", tmp_path / "backup"), network.clock.now()
    network.clock.pass_(hours=1)
    await put_back(network, "XAA", backup)
    next_day = left_at.astimezone(timezone(timedelta(hours=16))).isoformat(timespec="seconds")
    await network.gateways["XAA"].returning.depart(ours, "escort", left_at=next_day)
    assert "DEPARTED" == await story.state(network, "XAA", ours)


async def test_no_departure_of_the_past_without_a_restore(network: Network) -> None:
    """Where no restore took anything a departure is said as it begins, and at no other time."""
    ours, _ = await homeward.on_the_day(network)
    with pytest.raises(RuleRefused):
        await network.gateways["XAA"].returning.depart(ours, "escort", left_at="2026-12-14T08:31:00Z")


@pytest.mark.parametrize("left", [False, True], ids=["", "left since"])
async def test_hand_of_the_escort_is_heard_though_it_waited_at_a_restore(
    network: Network, tmp_path: Path, left: bool
) -> None:
    """It tells what took place: dropped, it would keep the other State from signing that the person arrived."""
    ours, theirs = await homeward.departed(network)
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=5))
    returning = network.gateways["XAA"].returning
    seen = await returning.protocol(ours, homeward.PROTOCOL, "escort", "escort")
    signed = network.approval(seen.digest, seen.thread, "escort", "handover.delivery", "escort")
    await returning.hand_over(ours, homeward.PROTOCOL, signed, "escort")
    backup = back_up(network, "XAA", tmp_path / "backup")
    if left:
        await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network, 1)
    assert HANDOVER in (await story.case(network, "XBB", theirs)).said
    assert [] == await findings_of(network, "XAA", ours)


@pytest.mark.parametrize("left", [False, True], ids=["", "left since"])
@pytest.mark.parametrize("act", ["strike", "demand_erasure"])
async def test_what_takes_data_back_is_heard_though_it_waited_at_a_restore(
    network: Network, tmp_path: Path, act: str, left: bool
) -> None:
    """It asks for nothing and tells nothing: dropped, the other State would go by what is wrong, or keep it."""
    ours, theirs = await story.acknowledged(network)
    notices = network.gateways["XAA"].notices
    by = ("first", "case_officer")
    await (notices.strike(ours, ["SEX"], *by) if act == "strike" else notices.demand_erasure(ours, *by))
    backup = back_up(network, "XAA", tmp_path / "backup")
    if left:
        await network.deliver()
    await restore(network, "XAA", backup)
    await settle(network, 1)
    assert [1] == [one.number for one in (await story.case(network, "XBB", theirs)).notices]
    assert [] == await findings_of(network, "XAA", ours)


async def test_desk_is_told_of_a_lost_request_though_it_sends_it_anew_before_the_listing(
    network: Network, tmp_path: Path
) -> None:
    """An answer to it came before the listing, and was of no case then: what follows in the thread is of this one."""
    ours = await story.cleared(network)
    before = back_up(network, "XAA", tmp_path / "before")
    await network.gateways["XAA"].clear.send(ours, "first")
    await network.deliver()
    (theirs,) = await network.gateways["XBB"].store.read(lambda tx: tx.cases(["RECEIVED"], limit=2))
    await network.gateways["XBB"].answer.acknowledge(theirs.ref, "first")
    await put_back(network, "XAA", before)
    await network.deliver(refresh=False)
    await network.gateways["XAA"].clear.send(ours, "first")
    await network.refresh()
    await network.gateways["XBB"].deliverer.run_once()  # the listing alone
    await settle(network)
    assert LOST_NUMBER in await findings_of(network, "XAA", ours)
    assert "NOT_ACCEPTED" == await story.state(network, "XAA", ours)
