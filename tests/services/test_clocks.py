"""A clock starts at the evidence its agreement names, and both sides reckon the same from it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.core.case import State
from gateway.core.deadlines import Evidence
from gateway.core.machine import RuleRefused
from gateway.core.retry import FAILURES_TO_OPEN
from gateway.core.verification_guards import REMINDERS_MAX
from gateway.services import outage
from gateway.services.escalate import Escalation
from gateway.services.ports import Unavailable
from gateway.services.reckon import RECKONS_OTHERWISE, Reckoner
from tests.support import homeward, story
from tests.support.agreements import agree, between_us
from tests.support.holds import held
from tests.support.network import Network, open_gateway


async def clocks(network: Network, ours: str, theirs: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the clocks of both sides by step."""
    found = [await story.case(network, country, ref) for country, ref in (("XAA", ours), ("XBB", theirs))]
    first, second = ({clock.step: clock for clock in case.clocks} for case in found)
    return first, second


async def test_confirmed_receipt_is_the_acknowledgement_and_not_the_receipt(network: Network) -> None:
    """Where the agreement counts from the confirmed receipt, no reply is due until the other desk acknowledged."""
    agree(network, "BILAT-RU-CH")
    ours, theirs = await story.received(network)
    mine, yours = await clocks(network, ours, theirs)
    assert ({"acknowledgement"}, {"acknowledgement"}) == (set(mine), set(yours))
    network.clock.pass_(days=3)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    mine, yours = await clocks(network, ours, theirs)
    assert ("BILAT-RU-CH", "2026-11-28", "2026-12-23") == (
        mine["reply"].instrument,
        mine["reply"].start_on.isoformat(),
        mine["reply"].due_on.isoformat(),
    )
    assert mine["reply"] == yours["reply"]
    assert () == (await story.case(network, "XAA", ours)).findings


async def test_the_acknowledgement_says_the_dates_that_follow_from_it(network: Network) -> None:
    """It names the days reckoned from itself, before the clock runs anywhere; the receipt of the request named none."""
    agree(network, "EURA-UA-AT")
    ours, theirs = await story.received(network)
    network.clock.pass_(days=1)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    before, _ = await clocks(network, ours, theirs)
    await network.deliver()
    after, _ = await clocks(network, ours, theirs)
    events = await network.gateways["XAA"].store.read(lambda tx: tx.events(ours))
    assert ("reply" in before, after["reply"].due_on.isoformat()) == (False, "2026-12-10")
    assert "reckoned" not in [event.event for event in events]


async def test_another_date_in_the_acknowledgement_is_a_finding(network: Network) -> None:
    """Where the other State counts by another agreement, ours stands and the difference is noted."""
    agree(network, "BILAT-RU-CH")
    asked = network.gateways["XBB"].context
    asked.reckoner = Reckoner(
        [between_us("EURA-UA-AT"), *asked.reckoner.instruments[1:]], asked.reckoner.calendars, asked.reckoner.ladder
    )
    ours, _ = await story.acknowledged(network)
    (found,) = (await story.case(network, "XAA", ours)).findings
    assert "the other State reckons 2026-12-09, we reckon 2026-12-20" == found


async def test_until_an_interview_is_held_the_general_agreement_holds(network: Network) -> None:
    """A clock that only an interview starts leaves the reply to the next agreement where there is none."""
    agree(network, "EURA-RU-AT", "EURA-RU")
    ours, theirs = await story.received(network)
    mine, yours = await clocks(network, ours, theirs)
    assert ("EURA-RU", "2026-12-20") == (mine["reply"].instrument, mine["reply"].due_on.isoformat())
    assert ("EURA-RU-AT", "2026-12-05") == (
        mine["interview_result"].instrument,
        mine["interview_result"].due_on.isoformat(),
    )
    assert mine == yours


async def test_a_positive_reply_starts_what_counts_from_it(network: Network) -> None:
    """The time for the journey runs from the positive reply, on both sides alike."""
    agree(network, "BILAT-AT-MK")
    ours, theirs = await story.replied(network)
    mine, yours = await clocks(network, ours, theirs)
    assert "2027-02-25" == mine["transfer"].due_on.isoformat()
    assert mine["transfer"] == yours["transfer"]


async def test_any_other_reply_starts_nothing(network: Network) -> None:
    """No clock of a journey runs from a reply that is not positive."""
    agree(network, "BILAT-AT-MK")
    ours, theirs = await story.replied(network, "NOT_FOUND")
    mine, yours = await clocks(network, ours, theirs)
    assert [] == [step for step in (*mine, *yours) if step == "transfer"]


async def test_a_second_look_keeps_the_first_clock(network: Network) -> None:
    """A contest starts the reply anew; the clock that ran until then stands in its history."""
    ours, theirs = await story.replied(network, "NOT_FOUND")
    network.clock.pass_(days=2)
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first", "case_officer")
    await network.deliver()
    mine, yours = await clocks(network, ours, theirs)
    assert ("restarted", 2, 1) == (mine["reply"].cause, mine["reply"].version, len(mine["reply"].history))
    assert mine["reply"] == yours["reply"]


async def test_a_second_look_counts_from_its_receipt_where_an_acknowledgement_counts(network: Network) -> None:
    """Nobody acknowledges a contest: its receipt starts the time, and both sides reckon alike."""
    agree(network, "BILAT-RU-CH")
    ours, theirs = await story.replied(network, "NOT_FOUND")
    network.clock.pass_(days=59)
    await network.refresh()
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first", "case_officer")
    await network.deliver()
    mine, yours = await clocks(network, ours, theirs)
    assert ("restarted", network.clock.now().date()) == (mine["reply"].cause, mine["reply"].start_on)
    assert mine["reply"] == yours["reply"]
    assert () == (await story.case(network, "XAA", ours)).findings


async def test_nothing_is_owed_by_the_clock_that_the_first_reply_answered(network: Network) -> None:
    """Until the contest is receipted no day is over, whatever the day of the reply that was contested."""
    ours, _ = await story.replied(network, "NOT_FOUND")
    network.clock.pass_(days=59)
    await network.refresh()
    network.wires.cut = True
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first", "case_officer")
    row = await story.row(network, "XAA", ours)
    late = await network.gateways["XAA"].reminder.run_once(network.clock.now())
    assert ("CONTESTED", None, 0) == (row.state, row.due_on, late.overdue)


async def test_an_extension_goes_by_the_agreement_of_its_clock(network: Network) -> None:
    """The rule that started a clock extends it, not whichever governs the step by then."""
    agree(network, "EURA-RU-AT", "EURA-RU")
    ours, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await network.deliver()
    mine, yours = await clocks(network, ours, theirs)
    assert ("EURA-RU", (35,)) == (mine["reply"].instrument, mine["reply"].extended)
    assert mine["reply"].due_on == yours["reply"].due_on


@pytest.mark.parametrize(
    ("validity", "governs"),
    [
        ({"valid_from": "2027-01-01"}, "EURA-RS"),
        ({"valid_from": "2027-01-02"}, "POLICY_DEFAULT"),
        ({"valid_until": "2026-12-31"}, "POLICY_DEFAULT"),
        ({"valid_until": "2027-01-01"}, "EURA-RS"),
    ],
)
async def test_an_agreement_holds_by_the_day_of_the_state_that_is_asked(
    network: Network, validity: dict[str, str], governs: str
) -> None:
    """At half past midnight of New Year there, when UTC still has the day before."""
    old = network.gateways["XAA"].context.reckoner
    assert "Asia/Tbilisi" == old.calendars["XBB"].zone
    everybody = [one for one in old.instruments if one.specificity == 0]
    reckoner = Reckoner([between_us("EURA-RS", **validity), *everybody], old.calendars, old.ladder)
    at = datetime(2026, 12, 31, 20, 30, tzinfo=UTC)
    (clock,) = reckoner.start("XAA", "XBB", Evidence("receipt", at, "digest"), ["reply"])
    assert (governs, date(2027, 1, 1)) == (clock.instrument, clock.start_on)


async def test_an_extension_goes_by_an_agreement_that_ended_meanwhile(network: Network) -> None:
    """A clock runs by the rule that started it to its end, and the note verbale names the article of that rule."""
    for gateway in network.gateways.values():
        old = gateway.context.reckoner
        everybody = [one for one in old.instruments if one.specificity == 0]
        ended = between_us("EURA-RU", valid_until="2026-11-30")
        gateway.context.reckoner = Reckoner([ended, *everybody], old.calendars, old.ladder)
    ours, theirs = await story.acknowledged(network)
    network.clock.pass_(days=10)
    await network.refresh()
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await network.deliver()
    mine, yours = await clocks(network, ours, theirs)
    assert ("EURA-RU", (35,)) == (mine["reply"].instrument, mine["reply"].extended)
    assert mine == yours
    network.clock.pass_(days=120)
    await network.refresh()
    note = await Escalation(network.gateways["XAA"].context).note("XBB", "board", "foreign_affairs", draft=True)
    assert [("EURA-RU", True)] == [(one.instrument, one.article is not None) for one in note.items]


async def extended_while_the_line_was_down(network: Network, day: int, until: int) -> tuple[str, str]:
    """Extend the case on a day of December while nothing can be posted, which lasts until another day."""
    ours, theirs = await story.acknowledged(network)
    homeward.move_to(network, network.clock.now().replace(month=12, day=day))
    await network.refresh()
    network.wires.cut = True
    await network.gateways["XBB"].answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await network.deliver()
    homeward.move_to(network, network.clock.now().replace(day=until))
    network.wires.cut = False
    await network.refresh()
    await network.deliver()
    return ours, theirs


async def test_an_extension_in_time_counts_although_the_line_was_down(network: Network) -> None:
    """It counts from the moment its desk hands it in, on both sides; that it came after the due day is a finding."""
    ours, theirs = await extended_while_the_line_was_down(network, day=8, until=12)
    mine, yours = await clocks(network, ours, theirs)
    assert ((10,), mine["reply"].due_on) == (mine["reply"].extended, yours["reply"].due_on)
    (found,) = (await story.case(network, "XAA", ours)).findings
    assert "the extension came on 2026-12-12, after 2026-12-09; its sender dates it 2026-12-08" == found


async def test_an_extension_to_another_day_than_is_reckoned_here_is_a_finding(network: Network) -> None:
    """A State that knows of a holiday after the first period names another end; both days are told."""
    ours, theirs = await story.acknowledged(network)
    asked = network.gateways["XBB"]
    due_on = (await story.case(network, "XBB", theirs)).clock("reply").due_on
    old = asked.context.reckoner
    calendar = old.calendars["XBB"]
    newer = replace(calendar, version="decree", holidays={**calendar.holidays, due_on + timedelta(days=1): "Decree"})
    asked.context.reckoner = Reckoner(old.instruments, {**old.calendars, "XBB": newer}, old.ladder)
    await asked.answer.extend(theirs, "ARCHIVE_SEARCH", "first")
    await network.deliver()
    mine, yours = await clocks(network, ours, theirs)
    assert mine["reply"].due_on < yours["reply"].due_on
    (found,) = (await story.case(network, "XAA", ours)).findings
    assert RECKONS_OTHERWISE % {"day": yours["reply"].due_on, "own_day": mine["reply"].due_on} == found


async def test_an_extension_that_comes_in_time_leaves_no_finding(network: Network) -> None:
    """A day on the way is nothing to note while the due day lasts."""
    ours, _ = await extended_while_the_line_was_down(network, day=8, until=9)
    assert () == (await story.case(network, "XAA", ours)).findings


async def test_a_decree_after_the_fact_is_reckoned_at_the_next_start(network: Network) -> None:
    """With a new calendar every open clock gets a new version, once; the old one is kept."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    assert 0 == await gateway.reminder.reckon_anew(network.clock.now())
    before = (await story.case(network, "XAA", ours)).clock("reply")
    old = gateway.context.reckoner
    calendar = old.calendars["XBB"]
    newer = replace(calendar, version="decree", holidays={**calendar.holidays, before.due_on: "Decree"})
    gateway.context.reckoner = Reckoner(old.instruments, {**old.calendars, "XBB": newer}, old.ladder)
    assert [1, 0] == [await gateway.reminder.reckon_anew(network.clock.now()) for _ in range(2)]
    after = (await story.case(network, "XAA", ours)).clock("reply")
    assert ("recomputed", "decree", before) == (after.cause, after.calendar_version, after.history[-1])
    assert after.due_on > before.due_on
    assert after.due_at == (await story.row(network, "XAA", ours)).due_at


def know_until(network: Network, day: date, version: str) -> None:
    """Let the calendar of XBB end with ``day`` on both sides."""
    for gateway in network.gateways.values():
        old = gateway.context.reckoner
        known = old.calendars["XBB"]
        holidays = {on: name for on, name in known.holidays.items() if on <= day}
        calendar = replace(known, version=version, valid_until=day, holidays=holidays)
        gateway.context.reckoner = Reckoner(old.instruments, {**old.calendars, "XBB": calendar}, old.ladder)


async def anew(network: Network) -> list[int]:
    return [await gateway.reminder.reckon_anew(network.clock.now()) for gateway in network.gateways.values()]


async def test_a_clock_that_no_calendar_knew_the_days_for_begins_once_one_does(network: Network) -> None:
    """Asked in the last week a calendar knows: with the next calendar both sides reckon from that day, once."""
    know_until(network, date(2026, 12, 1), "1")
    ours, theirs = await story.acknowledged(network)
    row = await story.row(network, "XAA", ours)
    network.clock.pass_(days=2)
    know_until(network, date(2027, 12, 31), "next")
    assert [[1, 1], [0, 0]] == [await anew(network), await anew(network)]
    mine, yours = await clocks(network, ours, theirs)
    assert (None, "2026-11-25", "2026-12-09") == (
        row.due_on,
        mine["reply"].start_on.isoformat(),
        mine["reply"].due_on.isoformat(),
    )
    assert mine == yours
    assert ("no calendar here knows the days for reply",) == (await story.case(network, "XAA", ours)).findings
    assert mine["reply"].due_at == (await story.row(network, "XAA", ours)).due_at
    network.clock.pass_(days=12)
    assert (theirs,) == await told(network)


async def test_an_acknowledgement_that_came_without_a_calendar_counts_once_there_is_one(network: Network) -> None:
    """From the day the other desk acknowledged it, and not from that of the receipt, on both sides alike."""
    agree(network, "BILAT-RU-CH")
    held = [(gateway.context, gateway.context.reckoner) for gateway in network.gateways.values()]
    for context, old in held:
        context.reckoner = Reckoner(old.instruments, {}, old.ladder)
    ours, theirs = await story.received(network)
    network.clock.pass_(days=3)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    network.clock.pass_(days=3)
    for context, old in held:
        context.reckoner = old
    await anew(network)
    mine, yours = await clocks(network, ours, theirs)
    assert "2026-11-28" == mine["reply"].start_on.isoformat()
    assert mine == yours


@pytest.mark.parametrize("agreement", ["BILAT-RU-CH", "POLICY_DEFAULT"])
async def test_a_second_look_that_was_asked_for_without_a_calendar_is_reckoned_from_its_receipt(
    network: Network, agreement: str
) -> None:
    """The contest starts its clock once a calendar is there; what was acknowledged and answered starts none again."""
    agree(network, agreement)
    ours, theirs = await story.replied(network, "NOT_FOUND")
    network.clock.pass_(days=5)
    held = [(gateway.context, gateway.context.reckoner) for gateway in network.gateways.values()]
    for context, old in held:
        context.reckoner = Reckoner(old.instruments, {}, old.ladder)
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first", "case_officer")
    await network.deliver()
    assert None is (await story.row(network, "XAA", ours)).due_on
    for context, old in held:
        context.reckoner = old
    know_until(network, date(2027, 12, 31), "next")
    await anew(network)
    mine, yours = await clocks(network, ours, theirs)
    assert ("restarted", "2026-11-30") == (mine["reply"].cause, mine["reply"].start_on.isoformat())
    assert mine["reply"] == yours["reply"]


async def test_what_a_store_that_is_away_kept_from_being_reckoned_is_reckoned_later(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case whose batch did not commit is looked at again with all others; it is not left with the old dates."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    before = (await story.case(network, "XAA", ours)).clock("reply")
    old = gateway.context.reckoner
    calendar = old.calendars["XBB"]
    newer = replace(calendar, version="decree", holidays={**calendar.holidays, before.due_on: "Decree"})
    gateway.context.reckoner = Reckoner(old.instruments, {**old.calendars, "XBB": newer}, old.ladder)

    commit = gateway.store.commit

    async def away_once(unit: Any, partner: str = "") -> Any:
        monkeypatch.setattr(gateway.store, "commit", commit)
        raise Unavailable("another node holds what this one needs", "try again later")

    monkeypatch.setattr(gateway.store, "commit", away_once)
    with pytest.raises(Unavailable):
        await gateway.reminder.reckon_anew(network.clock.now())
    assert 1 == await gateway.reminder.reckon_anew(network.clock.now())
    assert (await story.case(network, "XAA", ours)).clock("reply").due_on > before.due_on


# The notice of delay.


async def told(network: Network) -> tuple[str, ...]:
    return (await network.gateways["XBB"].reminder.run_once(network.clock.now())).told


async def test_our_desk_is_told_at_80_percent_and_nothing_leaves(network: Network) -> None:
    """Eight of ten working days have passed without an answer or a notice: the desk is told, once, and that is all."""
    _, theirs = await story.acknowledged(network)
    network.clock.pass_(days=11)
    assert () == await told(network)
    network.clock.pass_(days=1)
    posted = len(network.wires.posted)
    assert [(theirs,), ()] == [await told(network), await told(network)]
    await network.deliver()
    assert posted == len(network.wires.posted)
    assert ("case.notice", theirs, "ACKNOWLEDGED") in [
        (event, values.get("ref"), values.get("state")) for event, values in network.logs
    ]
    board = await network.gateways["XBB"].inquiries.find_case(theirs)
    assert board is not None
    assert (True, False) == (board.notice_due, board.delay_notice)


async def test_a_notice_of_delay_counts_until_the_day_it_names(network: Network) -> None:
    """Who said until when it takes is told again when that day has passed."""
    _, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2026-12-14", "first")
    await network.deliver()
    network.clock.pass_(days=19)
    assert () == await told(network)
    board = await network.gateways["XBB"].inquiries.find_case(theirs)
    assert board is not None
    assert (False, True) == (board.notice_due, board.delay_notice)
    network.clock.pass_(days=1)
    assert (theirs,) == await told(network)


async def test_a_notice_of_delay_says_nothing_of_a_second_look(network: Network) -> None:
    """Our desk is told of the second look at 80 % of its own time, whatever it was told, and said, before (R-11)."""
    ours, theirs = await story.acknowledged(network)
    desk = network.gateways["XBB"]
    first = (await story.case(network, "XBB", theirs)).clock("reply")
    network.clock.pass_(days=(first.delay_on - network.clock.now().date()).days)
    await network.refresh()
    assert (theirs,) == await told(network)
    await desk.answer.delay(theirs, "ARCHIVE_SEARCH", "2027-02-20", "first")
    await story.give_answer(network, theirs, story.reply("NOT_FOUND"))
    await network.deliver()
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first")
    await network.deliver()
    before = await desk.inquiries.find_case(theirs)
    second = (await story.case(network, "XBB", theirs)).clock("reply")
    network.clock.pass_(days=(second.delay_on - network.clock.now().date()).days)
    assert (theirs,) == await told(network)
    after = await desk.inquiries.find_case(theirs)
    assert [(False, False), (True, False)] == [(row.notice_due, row.delay_notice) for row in (before, after) if row]


@pytest.mark.parametrize("delayed", [True, False])
async def test_what_was_said_of_the_reply_says_nothing_of_the_travel_document(
    network: Network, monkeypatch: pytest.MonkeyPatch, delayed: bool
) -> None:
    """Our desk is told of a document that it owes at 80 % of its own time, whatever it was told, and said, before."""
    acknowledged, desk = story.acknowledged, network.gateways["XBB"]

    async def late(network: Network, **changes: Any) -> tuple[str, str]:
        ours, theirs = await acknowledged(network, **changes)
        first = (await story.case(network, "XBB", theirs)).clock("reply")
        network.clock.pass_(days=(first.delay_on - network.clock.now().date()).days)
        await network.refresh()
        assert (theirs,) == await told(network)
        if delayed:
            await desk.answer.delay(theirs, "ARCHIVE_SEARCH", "2027-02-20", "first")
        return ours, theirs

    monkeypatch.setattr(story, "acknowledged", late)
    _, theirs = await homeward.asked_for_a_document(network)
    before = await desk.inquiries.find_case(theirs)
    owed = (await story.case(network, "XBB", theirs)).clock("travel_document")
    network.clock.pass_(days=(owed.delay_on - network.clock.now().date()).days)
    assert (theirs,) == await told(network)
    after = await desk.inquiries.find_case(theirs)
    assert [False, True] == [row.notice_due for row in (before, after) if row]


async def test_a_notice_of_delay_counts_for_ninety_days_past_the_due_day_at_most(network: Network) -> None:
    """Who names a day that never comes is told again all the same."""
    _, theirs = await story.acknowledged(network)
    await network.gateways["XBB"].answer.delay(theirs, "ARCHIVE_SEARCH", "2099-12-31", "first")
    due_on = (await story.case(network, "XBB", theirs)).clock("reply").due_on
    network.clock.pass_(days=(due_on - network.clock.now().date()).days + 90)
    assert () == await told(network)
    network.clock.pass_(days=1)
    assert (theirs,) == await told(network)


async def test_our_desk_is_told_on_the_day_although_days_of_rest_follow(network: Network) -> None:
    """Of two working days with a long rest between them 80 % is the first, however much of the time is left then."""
    for gateway in network.gateways.values():
        old = gateway.context.reckoner
        known = old.calendars["XBB"]
        rest = {date(2026, 11, day): "Rest" for day in (27, 30)}
        longer = replace(known, holidays={**known.holidays, **rest})
        gateway.context.reckoner = Reckoner(old.instruments, {**old.calendars, "XBB": longer}, old.ladder)
    _, theirs = await story.received(network)
    assert () == await told(network)
    network.clock.pass_(days=1)
    assert "2026-11-26" == network.clock.now().date().isoformat()
    assert [(theirs,), ()] == [await told(network), await told(network)]


async def test_nobody_is_told_of_a_stopped_or_answered_case(network: Network) -> None:
    """A frozen case and an answered one owe nothing."""
    _, frozen = await story.acknowledged(network)
    _, answered = await story.replied(network)
    await network.gateways["XBB"].hold.freeze(frozen, "stop", "second", "desk_head")
    network.clock.pass_(days=30)
    assert () == await told(network)
    assert answered != frozen


async def test_it_is_told_once_over_a_restart_too(network: Network) -> None:
    """That the desk was told stands in the history of the case."""
    _, theirs = await story.acknowledged(network)
    network.clock.pass_(days=12)
    assert (theirs,) == await told(network)
    await network.gateways["XBB"].close()
    await open_gateway(network, "XBB")
    assert () == await told(network)


async def test_desk_that_a_clock_told_ahead_of_time_is_told_in_time(network: Network) -> None:
    """What a clock that was a month ahead said was due is told once more when it is."""
    _, theirs = await story.acknowledged(network)
    network.clock.pass_(days=40)
    assert (theirs,) == await told(network)
    network.clock.pass_(days=-40)
    assert () == await told(network)
    network.clock.pass_(days=12)
    assert [(theirs,), ()] == [await told(network), await told(network)]


async def test_reminding_has_an_end(network: Network) -> None:
    """As many leave as a thread takes and a number can tell; then none, by itself or by a person's hand (M-5.41)."""
    ours, _ = await story.acknowledged(network)
    gateway, left = network.gateways["XAA"], []
    network.clock.pass_(days=60)
    await story.put(network, "XAA", ours, State.ACKNOWLEDGED, reminders=REMINDERS_MAX - 1)
    for _ in range(2):
        await network.refresh()
        left.append((await gateway.reminder.run_once(network.clock.now())).refs)
        network.clock.pass_(days=8)
    assert [(ours,), ()] == left
    with pytest.raises(RuleRefused, match="D-10"):
        await gateway.reminder.remind(ours, "first", "case_officer")


async def test_reminder_by_a_clock_that_was_ahead_keeps_back_no_later_one(network: Network) -> None:
    """A cool-down that begins on a day that has not come yet is none."""
    ours, _ = await story.acknowledged(network)
    reminder = network.gateways["XAA"].reminder
    network.clock.pass_(days=60)
    await network.refresh()
    assert (ours,) == (await reminder.run_once(network.clock.now())).refs
    network.clock.pass_(days=-20)
    await network.refresh()
    assert (ours,) == (await reminder.run_once(network.clock.now())).refs
    assert () == (await reminder.run_once(network.clock.now())).refs


@pytest.mark.parametrize("why", ["kept out", "out of reach", "clock"])
async def test_nobody_is_reminded_of_what_could_not_come(
    network: Network, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Where we kept a State out, or nothing came through, its answer may wait there: it gets a day to come."""
    ours, _ = await story.acknowledged(network)
    gateway, now = network.gateways["XAA"], network.clock.now

    async def reminded() -> tuple[str, ...]:
        return (await gateway.reminder.run_once(now())).refs

    lifted = await held(network, "XAA", "XBB") if why == "kept out" else None
    if why == "out of reach":
        for _ in range(FAILURES_TO_OPEN):
            await gateway.context.commit(lambda tx: outage.note(gateway.context, tx, "XBB", True, now(), 0.0))
    network.clock.pass_(days=60)
    await network.refresh()
    if why == "clock":
        steady = now() + timedelta(days=1)
        monkeypatch.setattr(gateway.context, "believes", lambda at: at >= steady)
    assert () == await reminded()
    if lifted is not None:
        await lifted()
    if why == "out of reach":
        await gateway.context.commit(lambda tx: outage.note(gateway.context, tx, "XBB", False, now(), 0.0))
    network.clock.pass_(hours=23)
    await network.refresh()
    assert () == await reminded()
    network.clock.pass_(hours=1)
    assert (ours,) == await reminded()


async def test_a_case_that_was_reminded_of_waits_for_no_commit(network: Network) -> None:
    """Many that are overdue rest from their last reminder: to find that out keeps no message waiting for the store."""
    ours, _ = await story.acknowledged(network)
    gateway = network.gateways["XAA"]
    network.clock.pass_(days=60)
    await network.refresh()
    assert (ours,) == (await gateway.reminder.run_once(network.clock.now())).refs
    before = gateway.store.load().batches
    rests = await gateway.reminder.run_once(network.clock.now())
    assert (1, (), before) == (rests.overdue, rests.refs, gateway.store.load().batches)


@pytest.mark.parametrize(("name", "n"), [("BILAT-CH-2007-556", 24), ("BILAT-CH-113729", 48)])
async def test_notice_before_a_journey(network: Network, name: str, n: int) -> None:
    """An agreement that wants so many hours before the arrival gives the last instant for the notice."""
    agree(network, name)
    departs, arrives = network.clock.now(), network.clock.now().replace(hour=20)
    by = network.gateways["XAA"].context.reckoner.notice_by("XAA", "XBB", departs, arrives)
    assert by is not None
    assert n * 3600 == (arrives - by).total_seconds()


async def test_a_journey_gives_the_notice_that_the_agreement_wants(network: Network) -> None:
    """Whatever the record says of it: 48 hours before arrival are refused once fewer are left, and taken before."""
    agree(network, "BILAT-CH-113729")
    ours, _ = await homeward.documented(network)
    returning, travel = network.gateways["XAA"].returning, {**homeward.TRAVEL, "notice_h": 24}
    made = homeward.record(decision=homeward.DECISION, travel=travel)
    await returning.record(ours, made, "first", "case_officer")
    arrives_at = datetime.fromisoformat(homeward.JOURNEY["arrives_at"])
    homeward.move_to(network, arrives_at - timedelta(hours=47))
    await network.refresh()
    with pytest.raises(RuleRefused, match="V-40"):
        await returning.schedule(ours, homeward.JOURNEY, "second")
    network.clock.instant = arrives_at - timedelta(hours=49)
    await returning.schedule(ours, homeward.JOURNEY, "second")
    assert "SCHEDULED" == await story.state(network, "XAA", ours)


async def test_no_journey_is_planned_where_no_calendar_says_when_notice_is_due(network: Network) -> None:
    """An agreement wants notice, and nothing here says how long before: nobody takes that for none at all."""
    agree(network, "BILAT-CH-113729")
    ours, _ = await homeward.documented(network)
    gateway = network.gateways["XAA"]
    made = homeward.record(decision=homeward.DECISION, travel={**homeward.TRAVEL, "notice_h": 24})
    await gateway.returning.record(ours, made, "first", "case_officer")
    known = gateway.context.reckoner
    gateway.context.reckoner = Reckoner(known.instruments, {}, known.ladder)
    with pytest.raises(RuleRefused, match="no calendar says"):
        await gateway.returning.schedule(ours, homeward.JOURNEY, "second")


# A return.


async def test_receipt_that_comes_behind_the_document_is_no_difference(network: Network) -> None:
    """Whether a document was there when another was asked for, who issues them knows, and its receipt says so."""
    ours, theirs = await homeward.asked_for_a_document(network)
    asking = network.gateways["XAA"].returning
    pending = await asking.prepare_document(ours, "2026-12-11", "first", "case_officer")
    await homeward.approve(network, ours, pending, "travel.approval")
    await asking.request_document(ours, "first", "case_officer")
    network.wires.lose_answers = True
    await network.deliver(1)
    network.wires.lose_answers = False
    await network.gateways["XBB"].returning.issue(theirs, homeward.DOCUMENT, "issuer")
    await network.deliver(1)
    assert "DOCUMENTED" == await story.state(network, "XAA", ours)
    network.clock.pass_(minutes=5)
    await network.deliver()
    mine, yours = await clocks(network, ours, theirs)
    assert mine["travel_document"].evidence == yours["travel_document"].evidence
    assert mine["travel_document"].due_on == yours["travel_document"].due_on
    assert () == (await story.case(network, "XAA", ours)).findings


async def test_the_clocks_of_a_travel_document(network: Network) -> None:
    """Its issue is due from the request, not from the reply before it; what follows goes by its dates."""
    agree(network, "EURA-GE")
    ours, theirs = await homeward.documented(network)
    mine, yours = await clocks(network, ours, theirs)
    document = homeward.DOCUMENT
    asked = [row for row in await sent_by(network, "XAA", ours) if row.type == "travel-document.request"]
    assert ("positive_reply", asked[0].digest) == (
        mine["travel_document"].start_event,
        mine["travel_document"].evidence,
    )
    assert document["issued_on"] == mine["travel_document_validity"].start_on.isoformat()
    again = mine["travel_document_reissue"]
    assert (document["valid_until"], 14) == (again.start_on.isoformat(), (again.due_on - again.start_on).days)
    assert mine == yours
    assert () == (await story.case(network, "XAA", ours)).findings


async def sent_by(network: Network, country: str, ref: str) -> Any:
    return await network.gateways[country].store.read(lambda tx: tx.outbound_of_case(ref))


async def test_without_a_calendar_no_date_is_guessed(network: Network) -> None:
    """Where no calendar of the asked State is held, nothing is reckoned on either side, and the desk says which."""
    for gateway in network.gateways.values():
        old = gateway.context.reckoner
        gateway.context.reckoner = Reckoner(old.instruments, {}, old.ladder)
    ours, theirs = await story.received(network)
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ("ACKNOWLEDGED", (), ()) == (case.state, case.clocks, case.findings)
    request = await story.payload(network, "XAA", ours, "verification.request")
    taken_up = await story.payload(network, "XBB", theirs, "verification.acknowledgement")
    assert (None, {"id": "XBB-NONE", "version": "0"}) == (request.clock, taken_up.body["calendar"])
