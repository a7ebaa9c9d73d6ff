"""The timers of retention: counted from the closing, never longer than the figures, shorter if the sender says so."""

import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import schemas
from gateway import erased
from gateway.cli.evidence_file import verify_bytes
from gateway.core.case import ENDED, Case, State
from gateway.core.machine import Event, IllegalStep, RuleRefused
from gateway.core.messages import ACCEPTANCE
from gateway.core.return_guards import UNTOLD
from gateway.core.verification_changes import ANSWERED_LATE
from gateway.services import cases, retain, steps
from gateway.services.context import Context, Forbidden, Person
from gateway.services.evidence import export
from gateway.services.journal import fill_journal, full_journal
from gateway.services.ports import Committed, Tx, Unavailable, Unit
from gateway.services.retain import OVER, UNANSWERED_DAYS, UNSENT_DAYS, ErasedEntry, erase_and_confirm
from gateway.services.rows import CaseRow
from gateway.services.steady import SteadyClock
from gateway.storage import sqlite
from gateway.storage.case_rows import CaseRows
from tests.support import homeward, story
from tests.support.erased import erase
from tests.support.full_disk import files_of_at_most
from tests.support.network import Network, nothing_leaves
from tests.support.posted import payloads
from tests.support.restoring import outbox

ENDS = (State.NOT_RETURNED, State.CLOSED_SAFE, State.CLOSED_CONCERN, State.LOST_CONTACT)


async def run(network: Network, country: str) -> tuple[str, ...]:
    """Run the timers of one gateway once."""
    return await network.gateways[country].retention.run_once(network.clock.now())


BY_SIDE = [("XAA", end) for end in ENDS] + [("XBB", end) for end in ENDS if end is not State.NOT_RETURNED]
"""The ends that each side's table knows."""


@pytest.mark.parametrize(("country", "end"), BY_SIDE)
async def test_end_of_a_return_is_closed_blocked_and_erased(network: Network, country: str, end: State) -> None:
    """Each end of a return goes the same way: closed when left alone, blocked after 180 days, erased after 540."""
    ours, theirs = await story.replied(network)
    ref = ours if country == "XAA" else theirs
    await network.gateways[country].context.commit(lambda tx: _keep_until_2099(network, country, tx, ref))
    await story.put(network, country, ref, end)
    states = []
    for days in (61, 180, 359):
        network.clock.pass_(days=days)
        assert () == await run(network, country)
        states.append(await story.state(network, country, ref))
    assert ["CLOSED", "BLOCKED", "BLOCKED"] == states
    network.clock.pass_(days=2)
    assert (ref,) == await run(network, country)


@pytest.mark.parametrize(("country", "end"), BY_SIDE)
async def test_evidence_of_an_erased_return_verifies(network: Network, country: str, end: State) -> None:
    """After the erasure of a case that ended so, receipts and proofs still verify and nothing of the key is left."""
    ours, theirs = await story.replied(network)
    ref = ours if country == "XAA" else theirs
    await story.put(network, country, ref, end)
    gateway = network.gateways[country]
    await erase(gateway, ref, network.clock.now())
    raw = await export(gateway.context, ref, "second", "desk_head", "a dispute", cards=gateway.cards)
    assert () == verify_bytes(raw).faults
    left = await story.row(network, country, ref)
    assert (None, None) == (left.wrapped_key, left.sealed)


async def _keep_until_2099(network: Network, country: str, tx: Tx, ref: str) -> None:
    """Let what was received be kept for long, so that the timers alone decide."""
    context = network.gateways[country].context
    held = await cases.load(context, tx, ref)
    if held.case.received is None:
        return
    handling = {**held.case.received["handling"], "retain_until": "2099-01-01"}
    fields = {name: getattr(held.case, name) for name in Case.__dataclass_fields__}
    kept = Case(**{**fields, "received": {**held.case.received, "handling": handling}})
    await cases.store(context, tx, held, kept, Event("test", "first", "case_officer"), "", network.clock.now())


async def test_case_is_not_closed_before_it_was_opened(network: Network) -> None:
    """One that is closed by a clock of long ago is neither blocked nor erased as the clock is right again."""
    ours, _ = await story.replied(network)
    network.clock.pass_(days=-700)
    await network.gateways["XAA"].clear.close(ours, "first")
    network.clock.pass_(days=702)
    await run(network, "XAA")
    assert "CLOSED" == await story.state(network, "XAA", ours)
    network.clock.pass_(days=179)
    await run(network, "XAA")
    assert "BLOCKED" == await story.state(network, "XAA", ours)


async def test_step_after_the_closing_keeps_nothing_longer(network: Network) -> None:
    """What happens to a closed case does not begin its period anew."""
    ours, _ = await story.replied(network)
    await network.gateways["XAA"].clear.close(ours, "first")
    network.clock.pass_(days=179)
    await story.put(network, "XAA", ours, State.CLOSED)
    network.clock.pass_(days=2)
    await run(network, "XAA")
    assert "BLOCKED" == await story.state(network, "XAA", ours)


async def test_day_the_sender_set_goes_before_the_timers(network: Network) -> None:
    """What was received is erased after the sender's day, even if nobody closed the case and no period is over."""
    ours, theirs = await story.replied(network)
    network.clock.pass_(days=157)
    assert () == await run(network, "XBB")
    network.clock.pass_(days=1)
    assert (theirs,) == await run(network, "XBB")
    assert "ERASED" == await story.state(network, "XBB", theirs)
    assert () == await run(network, "XAA")
    assert "CLOSED" == await story.state(network, "XAA", ours)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_day_the_sender_set_ends_in_utc_wherever_the_desk_is(network: Network, zone: str) -> None:
    """Both States keep it for as long: until 24:00 in UTC, whatever day it is by the clocks of either."""
    _, theirs = await story.replied(network)
    network.gateways["XBB"].context.zone = zone
    network.clock.instant = datetime(2027, 5, 1, 23, 59, tzinfo=UTC)
    assert () == await run(network, "XBB")
    network.clock.pass_(minutes=1)
    assert (theirs,) == await run(network, "XBB")


async def test_a_case_that_is_kept_hides_none_behind_it(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case is looked at in every round, however many stay: none is kept longer because others are kept."""
    monkeypatch.setattr(cases, "PART", 1)
    kept, over = sorted([(await story.replied(network, "NOT_FOUND"))[1] for _ in range(2)])
    await network.gateways["XBB"].context.commit(lambda tx: _keep_until_2099(network, "XBB", tx, kept))
    network.clock.pass_(days=157)
    assert () == await run(network, "XBB")
    network.clock.pass_(days=1)
    assert (over,) == await run(network, "XBB")
    assert "CLOSED" == await story.state(network, "XBB", kept)


async def test_what_goes_on_while_others_are_erased_is_kept(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was over when the list was made, and is kept longer before its turn comes, is neither erased nor noted."""
    refs = {(await story.replied(network, "NOT_FOUND"))[1] for _ in range(2)}
    gateway, context = network.gateways["XBB"], network.gateways["XBB"].context
    network.clock.pass_(days=157)
    assert () == await run(network, "XBB")
    network.clock.pass_(days=1)
    commit = context.store.commit

    async def then_another_is_kept_longer(unit: Unit[Any], partner: str = "") -> Committed:
        made = await commit(unit, partner)
        states = {ref: await story.state(network, "XBB", ref) for ref in refs}
        if sorted(states.values()) == ["CLOSED", "ERASED"]:
            monkeypatch.undo()
            (later,) = [ref for ref, state in states.items() if state == "CLOSED"]
            await context.commit(lambda tx: _keep_until_2099(network, "XBB", tx, later))
        return made

    monkeypatch.setattr(context.store, "commit", then_another_is_kept_longer)
    erased = await gateway.retention.run_once(network.clock.now())
    (kept,) = refs - set(erased)
    assert ("CLOSED", False) == (await story.state(network, "XBB", kept), kept in _listed(network, "XBB"))


async def test_tables_are_cleaned_once_in_a_round(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many cases are erased together: over PostgreSQL each cleaning goes through whole tables."""
    refs = {(await story.replied(network))[1] for _ in range(3)}
    store, cleaned = network.gateways["XBB"].store, list[bool]()
    network.clock.pass_(days=157)
    assert () == await run(network, "XBB")
    network.clock.pass_(days=1)
    truncate = store.truncate

    async def counted() -> None:
        cleaned.append(True)
        await truncate()

    monkeypatch.setattr(store, "truncate", counted)
    assert refs == set(await run(network, "XBB"))
    assert ([True], None) == (cleaned, await store.read(full_journal))


async def test_what_is_due_goes_in_portions(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many answers and envelopes are due at once, no transaction takes more than a portion of them."""
    monkeypatch.setattr(retain, "PORTION", 2)
    context, refs = network.gateways["XBB"].context, [(await story.replied(network))[1] for _ in range(3)]
    network.clock.pass_(days=40)
    commit, left = context.store.commit, list[tuple[int, ...]]()

    async def kept(tx: Tx) -> tuple[int, ...]:
        answers = [row.answer for ref in refs for row in await tx.inbound_of_case(ref)]
        envelopes = [row.envelope for ref in refs for row in await tx.outbound_of_case(ref)]
        return tuple(sum(one is not None for one in held) for held in (answers, envelopes))

    async def watched(unit: Unit[Any], partner: str = "") -> Committed:
        made = await commit(unit, partner)
        left.append(await context.store.read(kept))
        return made

    before = await context.store.read(kept)
    assert min(before) > 2
    monkeypatch.setattr(context.store, "commit", watched)
    await run(network, "XBB")
    went = [earlier - later for pair in pairwise([before, *left]) for earlier, later in zip(*pair, strict=True)]
    assert ((0, 0), 2) == (left[-1], max(went))


async def test_what_was_taken_up_while_the_timers_ran_is_not_discarded(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft that somebody changes after the timers read it, and before they come to it, stays a draft."""
    refs = {await network.gateways["XAA"].clear.new(story.draft(), "first") for _ in range(2)}
    network.clock.pass_(days=UNSENT_DAYS + 1)
    move, changed = steps.move, list[str]()

    async def then_the_other_is_changed(context: Context, tx: Tx, held: cases.Held, *rest: Any) -> cases.Held:
        moved = await move(context, tx, held, *rest)
        for ref in refs - {held.case.ref} if not changed else ():
            other = await cases.load(context, tx, ref)
            await cases.note(context, tx, other, other.case, "test", "first", network.clock.now())
            changed.append(ref)
        return moved

    monkeypatch.setattr(steps, "move", then_the_other_is_changed)
    await run(network, "XAA")
    assert ["DRAFT"] == [await story.state(network, "XAA", ref) for ref in changed]


def _listed(network: Network, country: str) -> list[str]:
    """Return what the list of erased cases names."""
    file = network.homes[country] / "erased.txt"
    return file.read_text().split() if file.exists() else []


async def test_a_case_is_listed_once_however_often_its_unit_runs(network: Network) -> None:
    """A transaction that meets another is run again."""
    entry = ErasedEntry(network.gateways["XAA"].context, "XAA-1")
    for _ in range(2):
        entry.note()
    assert ["XAA-1"] == _listed(network, "XAA")


@pytest.mark.parametrize("made", [False, True], ids=["makes the file", "finds a file that another process just made"])
def test_a_case_is_on_the_disk_before_it_counts_as_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """A power cut right after an erasure brings it back by no backup: the line is on the disk, and the file's name."""
    synced, sync, listed = list[tuple[bool, str]](), os.fsync, tmp_path / erased.ERASED_FILE

    def watched(descriptor: int) -> None:
        of_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((of_folder, listed.read_text().strip() if listed.exists() else "no file"))
        sync(descriptor)

    monkeypatch.setattr(erased.os, "fsync", watched)
    if made:
        listed.touch(0o600)  # whoever did may have been killed before its folder was synced
    erased.note(listed, "XAA-1")
    assert ([] if made else [(False, "no file"), (True, "")]) == synced[:-2]
    assert [(False, "XAA-1"), (True, "XAA-1")] == synced[-2:]
    assert 0o600 == listed.stat().st_mode & 0o777


async def test_a_start_erases_again_however_much_is_listed(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part by part: a list of years is no reason to let anything come back."""
    monkeypatch.setattr(erased, "PART", 1)
    refs = [(await story.received(network))[0] for _ in range(2)]
    listed = network.homes["XAA"] / erased.ERASED_FILE
    for ref in refs:
        erased.note(listed, ref)
    await erased.apply(network.gateways["XAA"].context, listed)
    assert ["ERASED", "ERASED"] == [await story.state(network, "XAA", ref) for ref in refs]


async def test_a_list_that_cannot_be_read_ends_no_gateway(network: Network, tmp_path: Path) -> None:
    """A node looks each hour what others erased: where it has no descriptor left, or a disk fails, it looks again."""
    (tmp_path / erased.ERASED_FILE).mkdir()
    with pytest.raises(Unavailable, match=f"list of erased cases, {tmp_path / erased.ERASED_FILE}: ") as told:
        await erased.take_over(network.gateways["XAA"].context, tmp_path / erased.ERASED_FILE)
    assert "owner" in told.value.hint


async def test_a_line_that_a_disk_spoilt_hides_no_other(network: Network) -> None:
    """It is the reference of no case; a start erases what the others name."""
    ours, _ = await story.received(network)
    context, listed = network.gateways["XAA"].context, network.homes["XAA"] / erased.ERASED_FILE
    listed.write_bytes(b"\xff\xfe\x00\n")
    erased.note(listed, ours)
    await erased.apply(context, listed)
    assert "ERASED" == await story.state(network, "XAA", ours)


async def test_a_start_where_nothing_came_back_stands_in_nobodys_way(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the list of erased cases, and erased, is looked at without a transaction that others wait for."""
    ours, _ = await story.received(network)
    context, listed = network.gateways["XAA"].context, network.homes["XAA"] / erased.ERASED_FILE
    erased.note(listed, ours)

    async def written(unit: Unit[Any], partner: str = "") -> Committed:
        raise AssertionError("a transaction was begun")

    with monkeypatch.context() as patch:
        patch.setattr(context.store, "commit", written)
        with pytest.raises(AssertionError):
            await erased.apply(context, listed)
    await erased.apply(context, listed)
    assert "ERASED" == await story.state(network, "XAA", ours)
    monkeypatch.setattr(context.store, "commit", written)
    await erased.apply(context, listed)


async def test_a_start_looks_for_what_came_back_by_no_case_alone(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command does, a stop among them: over a list of years it would wait for minutes."""
    refs = [(await story.received(network))[0] for _ in range(2)]
    context, listed = network.gateways["XAA"].context, network.homes["XAA"] / erased.ERASED_FILE
    erased.note(listed, refs[0])
    await erased.apply(context, listed)

    async def one_by_one(tx: CaseRows, ref: str) -> CaseRow | None:
        raise AssertionError(f"{ref} was looked for alone")

    with monkeypatch.context() as patch:
        patch.setattr(CaseRows, "find_case", one_by_one)
        await erased.apply(context, listed)
    assert "ERASED" == await story.state(network, "XAA", refs[0])
    assert "ERASED" != await story.state(network, "XAA", refs[1])


async def test_what_was_erased_again_at_a_start_that_failed_leaves_the_journal_later(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start finds that nothing came back: the journal is noted with the erasure, for the timers to cut it."""
    ours, _ = await story.received(network)
    context, listed = network.gateways["XAA"].context, network.homes["XAA"] / erased.ERASED_FILE
    erased.note(listed, ours)

    async def read_just_now() -> None:
        raise Unavailable("another process reads the store", "end it")

    with monkeypatch.context() as patch:
        patch.setattr(context.store, "truncate", read_just_now)
        with pytest.raises(Unavailable):
            await erased.apply(context, listed)
    await erased.apply(context, listed)
    assert await context.store.read(full_journal) is not None


async def test_work_that_is_not_done_is_not_erased(network: Network) -> None:
    """A request that still waits for its answer is not erased under the desk's hands."""
    _, theirs = await story.acknowledged(network)
    network.clock.pass_(days=200)
    assert () == await run(network, "XBB")
    assert "ACKNOWLEDGED" == await story.state(network, "XBB", theirs)


async def test_question_that_was_pointed_to_another_authority_is_not_closed_by_the_timer(network: Network) -> None:
    """Its answer is owed still: one that is given on day 59 and arrives on day 63 leads to where answers lead."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.redirect(theirs, "XBB-ID-01", "OTHER_TASK", "first")
    await network.deliver()
    network.clock.pass_(days=59)
    await network.refresh()
    network.wires.cut = True
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await story.give_answer(network, theirs, story.reply(as_of="2027-01-23"))
    network.clock.pass_(days=4)
    await run(network, "XAA")
    await run(network, "XBB")
    network.wires.cut = False
    await network.refresh()
    await network.deliver()
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_question_whose_only_answer_was_taken_back_is_not_closed_by_the_timer(network: Network) -> None:
    """It is unanswered like one that never had an answer, and people see to it."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    await network.deliver()
    network.clock.pass_(days=100)
    await run(network, "XBB")
    case = await story.case(network, "XBB", theirs)  # closed, it could not take an objection of who asks
    assert (State.REPLIED, None) == (case.state, case.reply)
    network.clock.pass_(days=300)
    await run(network, "XAA")
    case = await story.case(network, "XAA", ours)
    assert (State.REPLIED, None) == (case.state, case.reply)


async def test_question_whose_answer_has_not_left_is_not_closed_by_the_timer(network: Network) -> None:
    """It is not answered before that leaves; closed, nobody here would answer anew what was refused there."""
    _, theirs = await story.acknowledged(network)
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    network.clock.pass_(days=61)
    await run(network, "XBB")
    assert "REPLIED" == await story.state(network, "XBB", theirs)


async def test_what_the_other_state_withdrew_is_closed_at_once_and_ours_after_a_while(network: Network) -> None:
    """There it rests on no ground any more; here somebody has to look at why it was stopped."""
    ours, theirs = await story.received(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(ours, "x", "first", "case_officer")
    await hold.withdraw(ours, "first", "case_officer")
    network.clock.pass_(hours=1)
    await network.deliver()
    network.clock.pass_(seconds=1)
    for country in network.gateways:
        await run(network, country)
    assert ("WITHDRAWN", "CLOSED") == await homeward.states(network, ours, theirs)


async def test_recall_that_was_not_told_is_left_to_people(network: Network) -> None:
    """The other State may look for her still, and a closed case would tell it nothing (V-35)."""
    told, untold = [(await story.replied(network))[0] for _ in range(2)]
    for ref, findings in ((told, ()), (untold, (UNTOLD,))):
        await story.put(network, "XAA", ref, State.NOT_RETURNED, findings=findings)
    network.clock.pass_(days=61)
    await run(network, "XAA")
    assert ("CLOSED", "NOT_RETURNED") == (
        await story.state(network, "XAA", told),
        await story.state(network, "XAA", untold),
    )


async def test_answer_to_what_the_timer_closed_unanswered_is_kept(network: Network) -> None:
    """The receipts of a request are lost and the timer closes it; XBB holds it and answers: nothing of that is lost."""
    ours = await story.sent(network)
    network.wires.lose_answers = True
    await network.deliver()
    network.clock.pass_(days=32)
    await network.refresh()
    await network.deliver()
    assert "UNDELIVERED" == await story.state(network, "XAA", ours)
    theirs = await story.twin(network, ours)
    network.wires.lose_answers = False
    network.clock.pass_(days=62)
    await run(network, "XAA")
    await network.refresh()
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await story.give_answer(network, theirs, story.reply(as_of="2027-02-20"))
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert (State.CLOSED, ANSWERED_LATE) == (case.state, case.findings[-1])
    assert "NATIONAL" == case.reply["outcome"]
    kept = await network.gateways["XAA"].store.read(lambda tx: tx.inbound_of_case(ours))
    assert {"verification.reply"} == {row.type for row in kept if row.sealed is not None}


async def test_a_return_is_prepared_for_as_long_as_the_reply_counts(network: Network) -> None:
    """While a return is prepared for months, neither side closes its case, and the proposal is taken then."""
    ours, theirs = await homeward.prepared(network)
    for _ in range(2):
        network.clock.pass_(days=29)
        await network.refresh()
        await run(network, "XAA")
        await run(network, "XBB")
    network.clock.pass_(days=5)
    await network.refresh()
    await run(network, "XBB")
    assert ("ASSESSED", "REPLIED") == await homeward.states(network, ours, theirs)
    pending = await network.gateways["XAA"].returning.prepare(ours, homeward.PLAN, "first", "case_officer")
    await homeward.approve(network, ours, pending, "return.approval")
    await homeward.endorse(network, ours, pending)
    await network.gateways["XAA"].returning.propose(ours, "first", "case_officer")
    await network.deliver()
    assert ("PROPOSED", "PROPOSED") == await homeward.states(network, ours, theirs)


async def test_a_reply_that_counts_no_more_keeps_nothing_open(network: Network) -> None:
    """Past the day that stands in it, the side that prepared a return is closed too; the other one a while later."""
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING)
    await story.give_answer(network, theirs, story.reply(valid_until="2027-01-31"))
    await network.deliver()
    await network.gateways["XAA"].returning.consider(ours, homeward.record(), "first", "case_officer")
    states = []
    for days in (67, 2, 58, 2):  # 31 January, 2 February, 1 April and 3 April
        network.clock.pass_(days=days)
        await run(network, "XAA")
        await run(network, "XBB")
        states.append(await homeward.states(network, ours, theirs))
    before, closed = ("CONSIDERED", "REPLIED"), ("CLOSED", "REPLIED")
    assert [before, closed, closed, ("CLOSED", "CLOSED")] == states


async def test_a_return_that_was_forgotten_is_closed_after_a_year(network: Network) -> None:
    """Whatever the dates of a reply and a request leave open, nobody's data are kept because somebody began."""
    ours, theirs = await story.acknowledged(network, handling=homeward.HANDLING)
    await story.give_answer(network, theirs, story.reply())
    await network.deliver()
    await network.gateways["XAA"].returning.consider(ours, homeward.record(), "first", "case_officer")
    states = []
    for days in (364, 1):
        network.clock.pass_(days=days)
        await run(network, "XAA")
        await run(network, "XBB")
        states.append(await homeward.states(network, ours, theirs))
    assert [("CONSIDERED", "REPLIED"), ("CLOSED", "CLOSED")] == states


async def test_whoever_is_awaited_there_is_left_to_people(network: Network) -> None:
    """A return that is considered anew, of a person the other State prepares for, is closed by no timer."""
    ours, theirs = await homeward.accepted(network)
    await network.gateways["XAA"].returning.reassess(ours, "first", "case_officer")
    network.clock.pass_(days=400)
    await run(network, "XAA")
    await run(network, "XBB")
    assert ("CONSIDERED", "ACCEPTED") == await homeward.states(network, ours, theirs)


async def month_without_receipts(network: Network) -> None:
    """Let what waits arrive, and every answer to it be lost until its time is over."""
    network.wires.lose_answers = True
    await network.deliver()
    network.clock.pass_(days=32)
    await network.refresh()
    await network.deliver()
    network.wires.lose_answers = False


async def test_whoever_may_be_awaited_though_no_receipt_came_is_left_to_people(network: Network) -> None:
    """A proposal that the other State has, and whose receipts were lost, is closed by no timer on either side."""
    ours, theirs = await homeward.prepared(network)
    await network.gateways["XAA"].returning.propose(ours, "first", "case_officer")
    await month_without_receipts(network)
    assert ("UNDELIVERED", "PROPOSED") == await homeward.states(network, ours, theirs)
    network.clock.pass_(days=400)
    await run(network, "XAA")
    await run(network, "XBB")
    assert ("UNDELIVERED", "PROPOSED") == await homeward.states(network, ours, theirs)


async def test_whoever_was_accepted_though_no_receipt_came_is_left_to_people(network: Network) -> None:
    """An acceptance that got no receipt may have come all the same, and somebody may arrive: no timer closes that."""
    ours, theirs = await homeward.proposed(network)
    await homeward.accept(network, theirs)
    await month_without_receipts(network)
    assert ("ACCEPTED", "UNDELIVERED") == await homeward.states(network, ours, theirs)
    network.clock.pass_(days=62)
    await run(network, "XBB")
    assert ("ACCEPTED", "UNDELIVERED") == await homeward.states(network, ours, theirs)


@pytest.mark.parametrize("stopped", [False, True])
async def test_whoever_was_accepted_though_no_receipt_came_is_not_erased_by_a_timer(
    network: Network, stopped: bool
) -> None:
    """Somebody may arrive, whatever day the other State set: people put it away, and then it goes on that day."""
    _, theirs = await homeward.proposed(network)
    await homeward.accept(network, theirs)
    await month_without_receipts(network)
    if stopped:
        await network.gateways["XBB"].hold.freeze(theirs, "x", "second", "desk_head")
    homeward.move_to(network, datetime(2028, 7, 1, 12, tzinfo=UTC) + timedelta(days=UNANSWERED_DAYS))
    assert () == await run(network, "XBB")
    if not stopped:
        await network.gateways["XBB"].answer.close(theirs, "first")
        network.clock.pass_(minutes=1)
        assert (theirs,) == await run(network, "XBB")


async def test_whoever_was_refused_while_the_return_was_assessed_anew_is_awaited_no_more(network: Network) -> None:
    """The refusal crossed the step, and counts all the same: the timers close the case as any other in the end."""
    ours, theirs = await homeward.proposed(network)
    await network.gateways["XAA"].returning.reassess(ours, "first", "case_officer")
    await network.gateways["XAA"].returning.assess(ours, "coordinator", "coordinator")
    await network.gateways["XBB"].returning.refuse(theirs, "NOT_SAFE", "first", "registry_clerk")
    await network.deliver()
    network.clock.pass_(days=400)
    await run(network, "XAA")
    assert "CLOSED" == await story.state(network, "XAA", ours)


async def test_whoever_was_refused_and_whose_next_proposal_never_left_is_awaited_no_more(network: Network) -> None:
    """A rule held the second proposal until its time was over: the other State refused all it ever had."""
    ours, theirs = await homeward.proposed(network)
    await network.gateways["XBB"].returning.refuse(theirs, "NOT_SAFE", "first", "registry_clerk")
    await network.deliver()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network.gateways["XAA"].deliverer, "run_once", nothing_leaves)
        await homeward.propose_other_days(network, ours, minor=False)
    network.clock.pass_(days=32)
    await network.refresh()
    await network.deliver()
    assert ("UNDELIVERED", "REPLIED") == await homeward.states(network, ours, theirs)
    network.clock.pass_(days=61)
    await run(network, "XAA")
    assert "CLOSED" == await story.state(network, "XAA", ours)


async def test_an_answer_that_cannot_be_read_keeps_its_own_case_alone_open(network: Network) -> None:
    """Nobody knows whether that person is awaited: the case is left to people, who may end it; all other timers run."""
    ours, _ = await homeward.accepted(network)
    await network.gateways["XAA"].returning.reassess(ours, "first", "case_officer")
    other, _ = await story.replied(network, "NOT_FOUND")

    async def damage(tx: Tx) -> None:
        (answer,) = [row for row in await tx.inbound_of_case(ours) if row.type == ACCEPTANCE]
        await tx.save_inbound(answer._replace(sealed=b"damaged"))

    await network.gateways["XAA"].context.commit(damage)
    network.clock.pass_(days=400)
    await run(network, "XAA")
    assert ["CONSIDERED", "CLOSED"] == [await story.state(network, "XAA", ref) for ref in (ours, other)]
    await network.gateways["XAA"].returning.decline(ours, "coordinator", "coordinator")
    assert "NOT_RETURNED" == await story.state(network, "XAA", ours)


def test_every_end_is_left_to_the_gateway() -> None:
    """No end of a return is left out of the states that the gateway closes."""
    assert set(ENDS) <= set(OVER)


@pytest.mark.parametrize(
    ("name", "most"),
    [("closed_after_days", 60), ("blocked_after_days", 180), ("erased_after_days", 540), ("envelope_days", 30)],
)
def test_configuration_can_only_shorten(name: str, most: int) -> None:
    """A period longer than the figure in force is no valid configuration."""
    least = schemas.load("configuration")["properties"]["retention"]["properties"][name]
    assert (1, most) == (least["minimum"], least["maximum"])
    assert timedelta(days=most) <= timedelta(days=548)


async def test_shorter_period_of_erasure_holds_for_what_is_not_locked_yet(network: Network) -> None:
    """A State whose law says 90 days sets that one period, and its closed cases go by it."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    gateway.context.policy = replace(gateway.context.policy, erased_after_days=90)
    await gateway.clear.close(ours, "first")
    network.clock.pass_(days=89)
    assert () == await run(network, "XAA")
    network.clock.pass_(days=1)
    assert (ours,) == await run(network, "XAA")


async def test_file_that_nobody_sent_is_discarded_and_goes_like_the_rest(network: Network) -> None:
    """A record with a name that was begun and left is closed after its period, and erased after that."""
    ref = await network.gateways["XAA"].clear.new(story.draft(), "first")
    network.clock.pass_(days=UNSENT_DAYS)
    await run(network, "XAA")
    assert "DRAFT" == await story.state(network, "XAA", ref)
    network.clock.pass_(days=1)
    await run(network, "XAA")
    assert "CLOSED" == await story.state(network, "XAA", ref)
    network.clock.pass_(days=540)
    await run(network, "XAA")
    network.clock.pass_(days=1)
    assert (ref,) == await run(network, "XAA")


async def test_file_that_tells_of_a_need_for_protection_is_left_to_people(network: Network) -> None:
    """It stops every other case of the person, and no timer ends that."""
    asylum = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-20", "basis": "application"}
    ref = await network.gateways["XAA"].clear.new(story.draft(asylum=asylum), "first")
    network.clock.pass_(days=2000)
    await run(network, "XAA")
    assert "DRAFT" == await story.state(network, "XAA", ref)


async def test_file_that_stops_another_of_the_person_is_left_to_people(network: Network) -> None:
    """Nobody has attested anything in it, and the person's other case is held for that: no timer lets go."""
    gateway = network.gateways["XAA"]
    unknown = {"state": "unknown", "attested_by": None, "attested_on": None, "basis": None}
    here = await gateway.clear.new(story.draft(asylum=unknown), "first")
    there = await gateway.clear.new(story.draft(to="XCC"), "first")
    network.clock.pass_(days=2000)
    await run(network, "XAA")
    assert ("DRAFT", "FROZEN") == (await story.state(network, "XAA", here), await story.state(network, "XAA", there))


@pytest.mark.parametrize("stopped", [False, True])
async def test_what_nobody_answered_goes_long_after_the_day_its_sender_set(network: Network, stopped: bool) -> None:
    """From that day on no answer can be given, so none is lost; and a stop makes no difference that shows."""
    _, theirs = await story.received(network)
    if stopped:
        await network.gateways["XBB"].hold.freeze(theirs, "x", "second", "desk_head")
    network.clock.pass_(days=157 + UNANSWERED_DAYS)
    assert () == await run(network, "XBB")
    with pytest.raises((RuleRefused, IllegalStep)):
        await network.gateways["XBB"].answer.prepare(theirs, story.reply(as_of="2027-10-28"), "first")
    network.clock.pass_(days=1)
    assert (theirs,) == await run(network, "XBB")


async def test_what_was_stopped_where_a_message_was_lost_is_not_kept_for_good(network: Network) -> None:
    """It goes as what was never answered does: a stop keeps no data that nobody can act upon."""
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await month_without_receipts(network)
    assert ("ACKNOWLEDGED", "UNDELIVERED") == await homeward.states(network, ours, theirs)
    await network.gateways["XBB"].hold.freeze(theirs, "x", "second", "desk_head")
    network.clock.pass_(days=157 - 32 + UNANSWERED_DAYS)
    assert () == await run(network, "XBB")
    network.clock.pass_(days=1)
    assert (theirs,) == await run(network, "XBB")


@pytest.mark.parametrize("stopped", [False, True])
async def test_proposal_that_nobody_answered_goes_long_after_the_day_its_sender_set(
    network: Network, stopped: bool
) -> None:
    """From that day on nobody can accept it, so nobody comes by it who would have to be awaited."""
    ours, theirs = await homeward.proposed(network)
    if stopped:
        await network.gateways["XBB"].hold.freeze(theirs, "x", "second", "desk_head")
    last = datetime(2028, 6, 30, 12, tzinfo=UTC) + timedelta(days=UNANSWERED_DAYS)
    homeward.move_to(network, last)
    assert () == await run(network, "XBB")
    with pytest.raises((RuleRefused, IllegalStep)):
        await homeward.accept(network, theirs)
    network.clock.pass_(days=1)
    assert (theirs,) == await run(network, "XBB")
    assert () == await run(network, "XAA")
    assert "PROPOSED" == await story.state(network, "XAA", ours), "people say there that nobody comes, or ask anew"


@pytest.mark.parametrize("stopped", [False, True])
async def test_whoever_was_accepted_is_awaited_past_the_day_that_was_set(network: Network, stopped: bool) -> None:
    """Somebody may come by an acceptance, so what it rests on is left to people, whether or not it is stopped."""
    _, theirs = await homeward.accepted(network)
    if stopped:
        await network.gateways["XBB"].hold.freeze(theirs, "x", "second", "desk_head")
    homeward.move_to(network, datetime(2030, 1, 1, tzinfo=UTC))
    assert () == await run(network, "XBB")
    assert ("FROZEN" if stopped else "ACCEPTED") == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("room", [0, 10])
async def test_case_is_not_erased_while_it_cannot_be_noted_in_full(network: Network, room: int) -> None:
    """With no room, or room for part of a line, on the list of erased cases nothing is destroyed until there is."""
    ours, _ = await story.received(network)
    gateway, listed = network.gateways["XAA"], network.homes["XAA"] / "erased.txt"
    listed.write_bytes(b"x" * (4 << 20))  # longer than any other file here
    with files_of_at_most((4 << 20) + room), pytest.raises(Unavailable):
        await erase(gateway, ours, network.clock.now())
    assert "DELIVERED" == await story.state(network, "XAA", ours)
    await erase(gateway, ours, network.clock.now())
    assert ours in listed.read_text().split()


async def test_nothing_is_waited_for_in_a_case_that_was_erased(network: Network) -> None:
    """Nothing of it is on its way or due, on either side of it; when it was closed is known as before."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.close(ours, "first")
    before = await story.row(network, "XAA", ours)
    late, _ = await story.acknowledged(network)
    unsent = await story.sent(network)
    network.clock.pass_(days=3)
    for ref in (unsent, ours, late):
        await erase(gateway, ref, network.clock.now())
    rows = [await story.row(network, "XAA", ref) for ref in (unsent, ours, late)]
    assert [("ERASED", None, None, None)] * 3 == [(row.state, row.step, row.due_on, row.due_at) for row in rows]
    assert [network.clock.now(), before.closed_at] == [row.closed_at for row in rows[:2]]
    assert not [row for ref in (unsent, late) for row in await outbox(network, "XAA", ref) if row.waits]


async def test_what_is_destroyed_while_the_journal_is_cut_has_it_cut_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case that another desk destroys meanwhile may lie behind what was cut: the journal counts as full still."""
    ours, _ = await story.received(network)
    gateway, context = network.gateways["XAA"], network.gateways["XAA"].context
    truncate = context.store.truncate

    async def while_another_is_destroyed() -> None:
        await truncate()
        await context.commit(fill_journal)

    with monkeypatch.context() as patch:
        patch.setattr(context.store, "truncate", while_another_is_destroyed)
        await erase(gateway, ours, network.clock.now())
    assert await context.store.read(full_journal) is not None
    await gateway.retention.empty_journal()
    assert await context.store.read(full_journal) is None


async def test_erasure_is_not_said_to_have_failed_while_somebody_reads(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case is gone; its journal, which a reader holds, is cut at the next look, and the log says so."""
    ours, _ = await story.received(network)
    gateway, context = network.gateways["XAA"], network.gateways["XAA"].context
    monkeypatch.setattr(sqlite, "_WAIT", "PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(gateway.settings.database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM meta").fetchall()
        await erase(gateway, ours, network.clock.now())
    assert "ERASED" == await story.state(network, "XAA", ours)
    assert "store.unavailable" in [event for event, _ in network.logs]
    assert await context.store.read(full_journal) is not None
    await gateway.retention.empty_journal()
    assert await context.store.read(full_journal) is None


async def withdrawn_unheard(network: Network) -> tuple[str, str]:
    """Return a case that is closed, and its other side that did not hear of its withdrawal; cases go after a day."""
    ours, theirs = await story.received(network)
    gateway = network.gateways["XAA"]
    gateway.context.policy = replace(gateway.context.policy, erased_after_days=1)
    network.wires.cut = True
    await gateway.hold.freeze(ours, "x", "first", "case_officer")
    await gateway.hold.withdraw(ours, "first", "case_officer")
    await gateway.clear.close(ours, "first")
    return ours, theirs


async def test_withdrawal_that_is_under_way_outlasts_no_case(network: Network) -> None:
    """However short the periods are: the other State would work on what was stopped here, and nobody would know."""
    ours, theirs = await withdrawn_unheard(network)
    network.clock.pass_(days=3)
    assert () == await run(network, "XAA")
    network.wires.cut = False
    await network.deliver()
    assert "WITHDRAWN" == await story.state(network, "XBB", theirs)
    network.clock.pass_(hours=1)
    assert (ours,) == await run(network, "XAA")


async def test_data_that_was_taken_back_outlasts_no_case(network: Network) -> None:
    """Word of it is waited for, and so is word of a stop; an answer that matters to us alone is not."""
    _, theirs = await homeward.proposed(network)
    asked, struck = [(await story.replied(network))[0] for _ in range(2)]
    for gateway in network.gateways.values():
        gateway.context.policy = replace(gateway.context.policy, erased_after_days=1)
    network.wires.cut = True
    asking, stopping = network.gateways["XAA"], network.gateways["XBB"]
    await stopping.returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await stopping.answer.close(theirs, "first")
    for ref in (asked, struck):
        await asking.clear.close(ref, "first")
    await asking.notices.ask_use(asked, "first", "case_officer")
    await asking.notices.strike(struck, ["NAMES"], "first", "case_officer")
    network.clock.pass_(days=3)
    assert ((asked,), ()) == (await run(network, "XAA"), await run(network, "XBB"))


async def test_word_that_nobody_takes_keeps_nothing_for_ever(network: Network) -> None:
    """It is said once more each time it ran out: the case goes thirty days after its day all the same."""
    ours, _ = await withdrawn_unheard(network)
    network.clock.pass_(days=30)
    assert () == await run(network, "XAA")
    network.clock.pass_(days=1)
    assert (ours,) == await run(network, "XAA")


@pytest.mark.parametrize("loss", ["waits", "may be abroad", "came without a receipt"])
@pytest.mark.parametrize("put_back", [False, True], ids=["", "put back"])
async def test_reply_that_was_taken_back_is_heard_though_its_case_is_gone(
    network: Network, loss: str, put_back: bool
) -> None:
    """On the day its sender set, all that came goes; that our answer was wrong names nobody, and is still said."""
    ours, theirs = await story.replied(network)
    network.clock.pass_(days=157)
    await network.refresh()
    await run(network, "XBB")
    network.wires.lose_answers = loss == "came without a receipt"
    network.wires.cut = not network.wires.lose_answers
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    if loss != "waits":
        await network.deliver()
    network.clock.pass_(days=1)
    if put_back:
        erased.note(network.homes["XBB"] / erased.ERASED_FILE, theirs)
        await erased.apply(network.gateways["XBB"].context, network.homes["XBB"] / erased.ERASED_FILE)
    else:
        assert (theirs,) == await run(network, "XBB")
    assert "ERASED" == await story.state(network, "XBB", theirs)
    network.wires.cut = network.wires.lose_answers = False
    await network.refresh()
    for _ in range(3):
        network.clock.pass_(hours=1)
        await network.deliver()
    assert (await story.case(network, "XAA", ours)).reply is None
    waiting = await network.gateways["XBB"].store.read(lambda tx: tx.waiting_outbound("XAA"))
    assert [] == [row.type for row in waiting]


async def test_what_a_stop_holds_does_not_leave_with_the_case(network: Network) -> None:
    """A demand without an answer stays here as its case, which was stopped since, is erased (R-02)."""
    _, theirs = await story.acknowledged(network)
    gateway, context = network.gateways["XBB"], network.gateways["XBB"].context
    network.wires.cut = True
    await gateway.notices.demand_erasure(theirs, "first", "registry_clerk")
    await network.deliver()
    await gateway.hold.freeze(theirs, "x", "first", "registry_clerk")
    await context.commit(lambda tx: erase_and_confirm(context, tx, theirs, network.clock.now()))
    assert () == await gateway.store.read(lambda tx: tx.waiting_outbound("XAA"))


# As ordered.


async def erased_as_ordered(network: Network, ref: str, second: str = "second") -> str:
    """Return the state of a case of XAA once it was to be erased before its time; ``left`` is no more in office."""
    gateway = network.gateways["XAA"]
    dpo = Person("dpo", frozenset({"dpo", "desk_head"}), bytes(32))
    left = Person("left", frozenset({"desk_head"}), bytes(32), active_until=network.clock.now())
    gateway.context.persons = {**gateway.context.persons, "dpo": dpo, "left": left}
    await gateway.retention.erase_as_ordered(ref, "dpo", second)
    return await story.state(network, "XAA", ref)


@pytest.mark.parametrize("state", [State.CLOSED, State.BLOCKED])
async def test_case_is_erased_before_its_time_by_two_persons(network: Network, state: State) -> None:
    """It goes as by the timer, is listed, and the record of access says who did it; one of a namesake stays open."""
    ours, _ = await story.replied(network)
    await story.cleared(network)
    gateway = network.gateways["XAA"]
    await story.put(network, "XAA", ours, state)
    assert "ERASED" == await erased_as_ordered(network, ours)
    looks = await gateway.store.read(lambda tx: tx.accesses(ours))
    assert [("dpo", "erase"), ("second", "erase")] == [(one.person, one.action) for one in looks][-2:]
    assert ours in (network.homes["XAA"] / "erased.txt").read_text().split()
    assert await gateway.store.read(full_journal) is None


@pytest.mark.parametrize("second", ["dpo", "first", "left", "nobody"])
async def test_nobody_erases_a_case_alone(network: Network, second: str) -> None:
    """The second person is another one, in office, and of those who answer for the desk."""
    ours, _ = await story.replied(network)
    await network.gateways["XAA"].clear.close(ours, "first")
    with pytest.raises(Forbidden):
        await erased_as_ordered(network, ours, second)
    assert "CLOSED" == await story.state(network, "XAA", ours)


async def test_nobody_else_carries_out_such_an_order(network: Network) -> None:
    """Two officers of the desk erase nothing before its time."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.close(ours, "first")
    with pytest.raises(Forbidden):
        await gateway.retention.erase_as_ordered(ours, "first", "second")


@pytest.mark.parametrize("state", [one for one in State if one not in ENDED])
async def test_only_what_is_over_is_erased_before_its_time(network: Network, state: State) -> None:
    """Whoever is away, awaited, stopped or unanswered is not: the case is brought to its end first."""
    ours, _ = await story.replied(network)
    await story.put(network, "XAA", ours, state)
    with pytest.raises(IllegalStep):
        await erased_as_ordered(network, ours)
    assert state.value == await story.state(network, "XAA", ours)


async def test_order_to_erase_lifts_no_stop(network: Network) -> None:
    """A closed case that tells of a need for protection stops the person's others until its time is over (R-01)."""
    ours, _ = await story.replied(network)
    draft = story.draft()
    await story.put(
        network, "XAA", ours, State.CLOSED, draft={**draft, "asylum": {**draft["asylum"], "state": "applied"}}
    )
    with pytest.raises(RuleRefused, match="R-01"):
        await erased_as_ordered(network, ours)


async def test_order_to_erase_takes_nothing_from_an_open_case_of_the_person(network: Network) -> None:
    """That she said no, or is a minor, counts there by the number both have; once that one is over, too, both go."""
    document = {"type": "P", "number": "AB 12345", "issuer": "XBB"}
    numbered = {"elements": {**story.draft()["elements"], "document": document}}
    ours, other = [await story.cleared(network, **numbered) for _ in range(2)]
    gateway = network.gateways["XAA"]
    await story.put(network, "XAA", ours, State.CLOSED)
    with pytest.raises(RuleRefused, match="same number"):
        await erased_as_ordered(network, ours)
    await gateway.clear.close(other, "first", "case_officer", "discard")
    assert ["ERASED", "ERASED"] == [await erased_as_ordered(network, ref) for ref in (ours, other)]


async def test_order_to_erase_takes_no_word_out_of_the_outbox(network: Network) -> None:
    """Word that was taken back waits without an answer: erased now it would never be heard (R-16)."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await gateway.clear.close(ours, "first")
    network.wires.cut = True
    await gateway.notices.strike(ours, ["NAMES"], "first", "case_officer")
    with pytest.raises(Unavailable, match="not answered yet"):
        await erased_as_ordered(network, ours)
    network.wires.cut = False
    await network.deliver()
    assert "ERASED" == await erased_as_ordered(network, ours)


# A clock that was wrong.


async def after_a_leap(network: Network, country: str = "XAA", days: int = 1) -> tuple[str, ...]:
    """Let the clock go on for some days and an hour from now, and run the timers each half day, from the first on."""
    gateway, gone = network.gateways[country], tuple[str, ...]()
    steady = SteadyClock(gateway.context)
    for half in range(2 * days + 1):
        await steady.run_once(network.clock.now())
        gone += await gateway.retention.run_once(network.clock.now())
        network.clock.pass_(hours=12 if half < 2 * days else 1)
    await steady.run_once(network.clock.now())
    return gone + await gateway.retention.run_once(network.clock.now())


async def test_what_was_fetched_is_forgotten_a_day_after_it_might_be(network: Network) -> None:
    """Ahead by less than that a clock did not leap, and set right it would take the same message again (M-5.20)."""
    for _ in range(3):  # the last one of all stays
        await network.gateways["XBB"].collector.run_once("XAA")
    first = payloads(network, "XAA", "/xg/1/collect")[0].digest
    kept = []
    for hours in (23, 2):
        network.clock.pass_(hours=hours)
        await run(network, "XAA")
        kept.append(await network.gateways["XAA"].store.read(lambda tx: tx.find_inbound("XBB", first)) is not None)
    assert [True, False] == kept


async def test_case_that_was_closed_in_the_far_future_is_not_kept_for_ever(network: Network) -> None:
    """Its periods run from when the clock had gone on rightly for a month; so they do for one that was opened then."""
    ours, gateway = (await story.replied(network))[0], network.gateways["XAA"]
    right = network.clock.instant
    await after_a_leap(network)
    network.clock.instant = datetime(2106, 2, 7, 6, 28, tzinfo=UTC)
    await gateway.clear.close(ours, "first")
    opened = await story.cleared(network, handling={**story.draft()["handling"], "retain_until": "2107-01-01"})
    network.clock.instant = right + timedelta(days=2)
    await gateway.clear.close(opened, "first", "case_officer", "discard")
    assert () == await after_a_leap(network, days=31)
    rows = [await story.row(network, "XAA", ref) for ref in (ours, opened)]
    now = network.clock.now()
    assert [True, True] == [now - timedelta(days=4) < (row.closed_at or now) <= now for row in rows]
    network.clock.pass_(days=534)
    assert () == await after_a_leap(network)
    network.clock.pass_(days=5)
    assert {ours, opened} == set(await after_a_leap(network))


@pytest.mark.parametrize(("behind", "days"), [(3 * 365, 40), (200, 29)], ids=["before-our-card", "not-for-long"])
async def test_clock_that_was_behind_ends_nothing(network: Network, behind: int, days: int) -> None:
    """A case closed yesterday, and one not sent yet, lie ahead of such a clock, and it is not they that are wrong."""
    ours, gateway = (await story.replied(network))[0], network.gateways["XAA"]
    if behind < 365 and gateway.context.own is not None:  # a card may be a year old
        gateway.context.own = replace(gateway.context.own, issued_at=network.clock.now() - timedelta(days=300))
    await gateway.clear.close(ours, "first")
    unsent = await story.cleared(network, handling={**story.draft()["handling"], "retain_until": "2107-01-01"})
    await after_a_leap(network)
    network.clock.pass_(days=-behind)
    assert () == await after_a_leap(network, days=days)
    network.clock.pass_(days=behind - days)
    assert () == await after_a_leap(network)
    assert ["CLOSED", "CLEARED"] == [await story.state(network, "XAA", ref) for ref in (ours, unsent)]


async def test_step_by_a_clock_of_long_ago_closes_nothing(network: Network) -> None:
    """A return may still be proposed on the reply: that somebody took a step in 1970 made nobody leave it alone."""
    _, theirs = await story.replied(network)
    gateway, right = network.gateways["XBB"], network.clock.instant
    network.clock.instant = datetime(1970, 1, 1, 1, tzinfo=UTC)
    await gateway.hold.freeze(theirs, "x", "second", "desk_head")
    await gateway.hold.release(theirs, "second", "desk_head")
    for person, role in (("first", "registry_clerk"), ("second", "desk_head")):
        await gateway.hold.resume(theirs, person, role)
    network.clock.instant = right + timedelta(days=2)
    assert "REPLIED" == await story.state(network, "XBB", theirs)
    assert () == await run(network, "XBB")
    assert "REPLIED" == await story.state(network, "XBB", theirs)
