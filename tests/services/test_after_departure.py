"""
What turns out once a person has left, or was to leave, holds nothing any more: whoever must act is told of it.

By a finding on the case, or by its place on the list of what is overdue.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.case import State
from gateway.core.messages import PROPOSAL, SCHEDULE
from gateway.core.notices import MINOR_LATE, TAKEN_BACK_LATE
from gateway.services import cases
from tests.support import homeward, story
from tests.support.network import Network


async def rectify_birth(network: Network, ours: str, birth_date: str) -> None:
    """Have two officers of XAA set the date of birth right that was sent."""
    notices = network.gateways["XAA"].notices
    pending = await notices.prepare_rectification(
        ours, ["BIRTH_DATE"], {"birth_date": birth_date}, "first", "case_officer"
    )
    at = await homeward.thread(network, ours)
    signed = network.approval(pending.digest, at, "second", "rectification.approval", "liaison_officer")
    await notices.rectify(ours, signed, "second")
    await network.deliver()


async def strike_reply(network: Network, theirs: str) -> None:
    """Have XBB take its reply back."""
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    await network.deliver()


@pytest.mark.parametrize("stopped", [False, True], ids=["away", "stopped"])
async def test_a_reply_that_is_taken_back_of_who_left_is_told_to_people(network: Network, stopped: bool) -> None:
    """She is on the way to a State that says no more that she is its own: nothing is held: people speak to it."""
    ours, theirs = await homeward.departed(network)
    if stopped:  # a stop of the other State that crossed the departure
        await story.put(network, "XAA", ours, State.SUSPENDED, resume_to=State.DEPARTED, holders=(("XBB", "partner"),))
    await strike_reply(network, theirs)
    found = await story.case(network, "XAA", ours)
    assert (None, (TAKEN_BACK_LATE,)) == (found.reply, found.findings)


async def test_a_reply_that_is_taken_back_before_anybody_left_holds_the_return(network: Network) -> None:
    """R-04 holds every step then, and says so: no finding is needed."""
    ours, theirs = await homeward.accepted(network)
    await strike_reply(network, theirs)
    found = await story.case(network, "XAA", ours)
    assert (None, ()) == (found.reply, found.findings)


@pytest.mark.parametrize(
    ("minor", "birth_date", "findings"),
    [(False, "2010-02-03", (MINOR_LATE,)), (False, "2001-02-03", ()), (True, "2010-02-03", ())],
    ids=["came as an adult", "is one", "came as a minor"],
)
async def test_who_came_as_an_adult_and_is_a_minor_is_told_to_people_where_she_is(
    network: Network, minor: bool, birth_date: str, findings: tuple[str, ...]
) -> None:
    """No authority for minors there had a say before she came, and no step of a return is left that R-06 could hold."""
    ours, theirs = await homeward.handed_over(network, minor)
    await network.refresh()
    await rectify_birth(network, ours, birth_date)
    assert findings == (await story.case(network, "XBB", theirs)).findings


async def is_overdue(network: Network, country: str, ref: str) -> bool:
    """Return whether a case stands on the list of what is overdue in ``country``, once its loop has looked."""
    gateway = network.gateways[country]
    await gateway.reminder.run_once(network.clock.now())
    now = network.clock.now()
    return ref in [row.ref for row in await gateway.inquiries.board(overdue_at=now)]


@pytest.mark.parametrize("stopped", [False, True], ids=["planned", "stopped in silence"])
async def test_who_was_to_arrive_and_of_whom_nothing_was_said_is_overdue(network: Network, stopped: bool) -> None:
    """By her plan, which is sealed until it is over: neither State waits for weeks while nobody knows where she is."""
    ours, theirs = await homeward.on_the_day(network)
    if stopped:
        await network.gateways["XAA"].hold.freeze(ours, "a new danger", "first", "case_officer")
    before = [await is_overdue(network, *one) for one in (("XAA", ours), ("XBB", theirs))]
    assert [False, False] == before
    assert "2027-02-28" == str((await story.row(network, "XAA", ours)).due_on)
    told = len(network.logs)
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=4))
    after = [await is_overdue(network, *one) for one in (("XAA", ours), ("XBB", theirs))] * 2
    assert [True, True] * 2 == after
    said = [values["ref"] for event, values in network.logs[told:] if event == "case.notice"]
    assert [ours, theirs] == said, "told once"
    assert "2026-12-14" == str((await story.row(network, "XBB", theirs)).due_on)


async def test_who_travels_in_the_last_night_of_the_proposed_days_is_told_of_too(network: Network) -> None:
    """Those days are over before she is to arrive, and she is on the list by them: the desk is told all the same."""
    ours, _ = await homeward.on_the_day(network)
    said = (await story.case(network, "XAA", ours)).said
    proposal = {**said[PROPOSAL], "window": {"from": "2026-12-01", "until": "2026-12-14"}}
    plan = {**said[SCHEDULE], "arrives_at": "2026-12-15T05:00:00Z"}
    await story.put(network, "XAA", ours, State.SCHEDULED, said={**said, PROPOSAL: proposal, SCHEDULE: plan})
    homeward.move_to(network, datetime(2026, 12, 15, 1, tzinfo=UTC))
    assert await is_overdue(network, "XAA", ours)
    told = len(network.logs)
    homeward.move_to(network, datetime(2026, 12, 15, 6, tzinfo=UTC))
    assert [True, True] == [await is_overdue(network, "XAA", ours) for _ in range(2)]
    assert [ours] == [values["ref"] for event, values in network.logs[told:] if event == "case.notice"]


async def test_a_journey_that_was_called_off_or_begun_is_not_overdue_by_its_plan(network: Network) -> None:
    """Called off, the days of the proposal count again; begun, the arrival that was told with it."""
    ours, theirs = await homeward.on_the_day(network)
    await network.gateways["XAA"].returning.cancel(ours, "escort", "escort")
    await network.deliver()
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=4))
    assert [False, False] == [await is_overdue(network, *one) for one in (("XAA", ours), ("XBB", theirs))]


async def test_who_was_called_back_in_silence_and_is_not_back_is_overdue_here(network: Network) -> None:
    """The other State knows nothing of it and looks for nobody: from her arrival on she is on our list, until back."""
    ours, theirs = await homeward.departed(network)
    said = {"state": "indicated", "attested_by": "protection", "attested_on": "2026-12-14", "basis": "call"}
    returning = network.gateways["XAA"].returning
    await returning.recall(ours, "fears", "UNSAFE", "2026-12-16", "protection", "asylum_authority", said)
    await network.deliver()
    assert ("RECALL", "DEPARTED") == await homeward.states(network, ours, theirs)
    homeward.move_to(network, homeward.DEPARTS_AT + timedelta(hours=4))
    assert await is_overdue(network, "XAA", ours)
    await network.gateways["XAA"].hold.release(ours, "protection", "asylum_authority")
    await returning.returned(ours, "first", "case_officer")
    assert not await is_overdue(network, "XAA", ours)


async def test_what_stands_still_without_a_day_is_not_walked_for_a_journey(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of what was ever stopped has no day, and comes last: none of it is read each five minutes."""
    gateway, reads = network.gateways["XAA"], list[object]()
    for _ in range(3):
        await gateway.hold.freeze(await story.cleared(network), "known now", "first", "case_officer")
    read = gateway.context.store.read

    async def counted(unit: Any) -> Any:
        reads.append(unit)
        return await read(unit)

    monkeypatch.setattr(cases, "PART", 1)
    monkeypatch.setattr(gateway.context.store, "read", counted)
    await gateway.reminder._date_journeys(network.clock.now())
    assert 1 == len(reads)
