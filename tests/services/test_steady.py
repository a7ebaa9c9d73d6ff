"""What cannot be undone waits while the clock is not believed: a year ahead for an hour destroys nothing."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import checks, serving, settings
from gateway.checks.look import Look
from gateway.core.case import State
from gateway.core.return_guards import CLOCK_LEAPT
from gateway.core.rule_checks import NOT_YET
from gateway.services import person_stop
from gateway.services.person_stop import told
from gateway.services.steady import SteadyClock
from tests.support import homeward, story
from tests.support.network import HandClock, Network, open_gateway, wrong_clock
from tests.support.questions import asked, only
from tests.support.restoring import back_up, outbox, put_back, settle
from tests.support.sealing import ends, names

YEAR = 366 * 24 * 60
"""In minutes."""
DAY_OF_LOOKS = 24


class StillClock(HandClock):
    """One for loops that run: what sleeps does not move it."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def live(network: Network, country: str, hours: int) -> SteadyClock:
    """Look at the clock of ``country`` as a gateway that serves does, for so many hours."""
    steady = SteadyClock(network.gateways[country].context)
    await steady.run_once(network.clock.now())
    for _ in range(hours):
        network.clock.pass_(hours=1)
        await steady.run_once(network.clock.now())
    return steady


def checked(network: Network, country: str) -> list[str]:
    """Return what ``isthmus check`` says of the clock of ``country``."""
    chosen = settings.load(network.homes[country], {})
    look = Look(chosen, lambda: "correct horse", network.clock.now())
    return [item.text for item in checks.run(look) if item.area == "clock"]


async def test_two_years_ahead_for_an_hour_erase_nothing(network: Network) -> None:
    """A closed case is there afterwards, and goes when its day has come and the clock has gone on for a day."""
    ours, _ = await story.replied(network)
    await story.put(network, "XAA", ours, State.BLOCKED)
    steady, gateway = await live(network, "XAA", DAY_OF_LOOKS), network.gateways["XAA"]
    with wrong_clock(network, "XAA", 2 * YEAR) as wrong:
        assert () == await gateway.retention.run_once(wrong.now())
        await steady.run_once(wrong.now())
        wrong.pass_(hours=1)
        assert () == await gateway.retention.run_once(wrong.now())
    assert State.BLOCKED == (await story.case(network, "XAA", ours)).state
    network.clock.pass_(days=541)
    await live(network, "XAA", DAY_OF_LOOKS - 1)
    assert () == await gateway.retention.run_once(network.clock.now())
    await live(network, "XAA", 1)
    assert (ours,) == await gateway.retention.run_once(network.clock.now())


async def test_a_year_ahead_for_an_hour_destroys_no_key(network: Network) -> None:
    """Every private half is there afterwards, and its partners' messages open."""
    steady, gateway = await live(network, "XBB", DAY_OF_LOOKS), network.gateways["XBB"]
    with wrong_clock(network, "XBB", YEAR) as wrong:
        assert () == await gateway.windows.run_once(wrong.now())
        await steady.run_once(wrong.now())
        assert () == await gateway.windows.run_once(wrong.now())
    assert (13, []) == (len(names(network, "XBB")), await ends(network, "XBB"))
    await story.received(network)
    network.clock.instant = gateway.context.own.sealing[0].valid_until - timedelta(hours=30)
    await live(network, "XBB", 31)
    assert (gateway.context.own.sealing[0].kid,) == await gateway.windows.run_once(network.clock.now())


async def test_what_is_attested_by_a_clock_that_was_ahead_waits_and_its_desk_learns_why(network: Network) -> None:
    """No contact rests on a day that has not come (R-01): the case says so, and on that day it leaves."""
    network.clock.pass_(days=3)
    protection = {"state": "none", "attested_by": "protection", "attested_on": "2026-11-28", "basis": "interview"}
    ours, deliverer = await story.sent(network, asylum=protection), network.gateways["XAA"].deliverer
    await deliverer.look()
    network.clock.pass_(days=-3)
    await deliverer.look()
    network.clock.pass_(minutes=2)
    await network.deliver()
    case = await story.case(network, "XAA", ours)
    assert ((NOT_YET,), (person_stop.WAITS,), [NOT_YET]) == (case.findings, person_stop.known(case), [*told(case)])
    network.clock.pass_(days=3)
    await network.deliver()
    assert ("DELIVERED", ()) == ((case := await story.case(network, "XAA", ours)).state, case.findings)


@pytest.mark.parametrize("looked", [False, True], ids=["before it is looked at", "after"])
async def test_a_year_ahead_for_an_hour_gives_up_no_message(network: Network, looked: bool) -> None:
    """A request that waits for a line that is down waits on, and comes once the clock is right."""
    ours, steady = await story.sent(network), await live(network, "XAA", DAY_OF_LOOKS)
    deliverer = network.gateways["XAA"].deliverer
    with wrong_clock(network, "XAA", YEAR) as wrong:
        if looked:
            await steady.run_once(wrong.now())
        await deliverer.run_once()
        await deliverer.look()
    assert "SENT" == (await story.case(network, "XAA", ours)).state.value
    await deliverer.look()
    network.clock.pass_(minutes=2)
    await network.deliver()
    assert "DELIVERED" == (await story.case(network, "XAA", ours)).state.value


async def test_the_check_tells_nobody_to_destroy_what_a_wrong_clock_ended(network: Network) -> None:
    """A year ahead every key has ended; once the clock is right again the check names the leap back, and its end."""
    steady = await live(network, "XAA", DAY_OF_LOOKS)
    chosen = settings.load(network.homes["XAA"], {})
    with wrong_clock(network, "XAA", YEAR) as wrong:
        for looked in (False, True):
            if looked:
                await steady.run_once(wrong.now())
            items = checks.run(Look(chosen, lambda: "correct horse", wrong.now()))
            assert "isthmus keys destroy" not in [item.hint for item in items]
            assert any("go once the clock has gone on for a day" in item.text for item in items)
    (told,) = [text for text in checked(network, "XAA") if text.startswith("the clock went")]
    assert told.endswith("nothing is erased, destroyed or given up before 2026-11-27 09:00")


async def test_a_restart_is_no_leap_and_a_long_absence_is_one(network: Network) -> None:
    """What was seen of the clock outlives the process; a gateway that was off for two days waits for another one."""
    await live(network, "XAA", DAY_OF_LOOKS)
    for absence, believed in (({"minutes": 5}, True), ({"days": 2}, False)):
        await network.gateways["XAA"].close()
        await open_gateway(network, "XAA")
        network.clock.pass_(**absence)
        await live(network, "XAA", 0)
        assert believed == network.gateways["XAA"].context.believes(network.clock.now())
    assert ["clock.leapt"] == [event for event, _ in network.logs if event == "clock.leapt"]


async def test_the_check_tells_of_a_leap_for_a_day(network: Network) -> None:
    """Until the clock has gone on for a day the check names both instants and the end of the wait; then no more."""
    await live(network, "XAA", DAY_OF_LOOKS)
    network.clock.pass_(days=2)
    await live(network, "XAA", 0)
    told = [text for text in checked(network, "XAA") if text.startswith("the clock went")]
    assert [
        "the clock went from 2026-11-26 09:00 to 2026-11-28 09:00 UTC at once: nothing is erased, destroyed or given "
        "up before 2026-11-29 09:00"
    ] == told
    await live(network, "XAA", DAY_OF_LOOKS)
    assert not any(text.startswith("the clock went") for text in checked(network, "XAA"))


async def test_a_leap_is_told_before_what_comes_of_it(network: Network) -> None:
    """Whoever goes through the findings from the first sets the clock, and makes no key by one that is ahead."""
    await live(network, "XAA", DAY_OF_LOOKS)
    network.clock.pass_(days=366)
    await live(network, "XAA", 0)
    chosen = settings.load(network.homes["XAA"], {})
    said = checks.run(Look(chosen, lambda: "correct horse", network.clock.now()))
    leap = next(item for item in said if item.text.startswith("the clock went"))
    first = next(item for item in said if item.level == "finding")
    assert ("keys", True) == (first.area, said.index(leap) < said.index(first))


async def test_a_gateway_goes_by_its_clock_as_soon_as_it_is_ready(network: Network) -> None:
    """Partners collect from the first moment on: what their messages wait past is not given up by a wrong clock."""
    await live(network, "XAA", DAY_OF_LOOKS)
    gateway, believed = network.gateways["XAA"], list[bool]()

    class Heard(list[Any]):
        def append(self, told: Any) -> None:
            if told[0] == "gateway.ready":
                believed.append(gateway.context.believes(gateway.context.clock.now()))
            super().append(told)

    gateway.context.believes, network.logs = (lambda now: True), Heard()
    gateway.settings.values["listeners"]["peers"]["port"] = 0
    gateway.context.clock = StillClock(network.clock.now() + timedelta(minutes=YEAR))
    ready = asyncio.Event()
    task = asyncio.create_task(serving.serve(gateway, ready=ready, loops=False))
    await asyncio.wait_for(ready.wait(), 30)
    task.cancel()
    await asyncio.wait({task})
    assert [False] == believed


async def test_six_days_ahead_for_an_hour_keep_nothing_from_a_partner_that_was_restored(
    network: Network, tmp_path: Path
) -> None:
    """That its epoch was raised is noticed once: what counts as over by such a clock is posted again all the same."""
    ours, theirs = await story.acknowledged(network)
    backup = back_up(network, "XAA", tmp_path / "backup")
    await story.give_answer(network, theirs, story.reply("NATIONAL"))
    await network.deliver()
    network.clock.pass_(days=26)
    await network.refresh()
    await live(network, "XBB", DAY_OF_LOOKS)
    await put_back(network, "XAA", backup)
    answering = network.gateways["XBB"]
    with wrong_clock(network, "XBB", 6 * 24 * 60):
        await answering.refresh_trust()
    assert ("partner.restored", {"country": "XAA"}) in network.logs
    await answering.deliverer.look()
    await settle(network, 1)
    assert "REPLIED" == await story.state(network, "XAA", ours)


async def test_a_year_ahead_for_an_hour_forgets_no_question(network: Network) -> None:
    """A question about no person is there afterwards, and so is what its answer is to be given to."""
    await asked(network)
    await live(network, "XBB", DAY_OF_LOOKS)
    with wrong_clock(network, "XBB", YEAR) as wrong:
        assert 0 == await network.gateways["XBB"].information.run_once(wrong.now())
    assert "asked" == (await only(network, "XBB")).state


async def test_a_year_ahead_for_an_hour_ends_no_travel_document(network: Network) -> None:
    """A person with a valid document is not led back to where another has to be asked for."""
    ours, _ = await homeward.documented(network)
    await live(network, "XAA", DAY_OF_LOOKS)
    with wrong_clock(network, "XAA", YEAR) as wrong:
        assert () == await network.gateways["XAA"].returning.run_once(wrong.now())
    assert State.DOCUMENTED == (await story.case(network, "XAA", ours)).state


async def test_a_plan_is_not_told_by_a_clock_that_is_ahead(network: Network) -> None:
    """What was told cannot be taken back: a plan whose hour came with a leap waits for a day, and its desk is told."""
    ours, _ = await homeward.scheduled(network)
    steady, deliverer = await live(network, "XAA", 1), network.gateways["XAA"].deliverer
    ahead = homeward.DEPARTS_AT - timedelta(hours=71) - network.clock.now()
    with wrong_clock(network, "XAA", ahead // timedelta(minutes=1)) as wrong:
        await deliverer.run_once()
        assert CLOCK_LEAPT in (await story.case(network, "XAA", ours)).findings
        for _ in range(DAY_OF_LOOKS):
            assert "queued" == (await outbox(network, "XAA", ours))[-1].state
            await steady.run_once(wrong.now())
            wrong.pass_(hours=1)
            await deliverer.run_once()
        assert CLOCK_LEAPT not in (await story.case(network, "XAA", ours)).findings
        assert "queued" != (await outbox(network, "XAA", ours))[-1].state


async def test_stop_does_not_wait_for_the_clock_behind_what_had_no_answer(network: Network) -> None:
    """Who was off for a month doubts its clock for a day: what may be over is posted, and the stop heard behind it."""
    ours, theirs = await homeward.proposed(network, days=300)
    await live(network, "XBB", 1)
    network.wires.lose_answers = True
    await homeward.accept(network, theirs, days=300)
    await network.deliver(1)
    network.wires.lose_answers = False
    await off_for_a_month_and_stopped(network, theirs)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)


async def test_stop_does_not_wait_for_the_clock_behind_what_is_posted_again(network: Network, tmp_path: Path) -> None:
    """Nor where its State was put back meanwhile: what that had taken before stands as it did."""
    ours, theirs = await homeward.accepted(network, days=300)
    await live(network, "XBB", 1)
    await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await off_for_a_month_and_stopped(network, theirs)
    assert "SUSPENDED" == await story.state(network, "XAA", ours)
    assert ["receipted"] * 4 == [row.state for row in await outbox(network, "XBB", theirs)]


async def test_recall_does_not_wait_for_the_clock_behind_what_never_left(network: Network) -> None:
    """Who was off for a month as somebody left, and calls her back on that day, says both at once."""
    ours, theirs = await homeward.on_the_day(network)
    await live(network, "XAA", 1)
    returning = network.gateways["XAA"].returning
    await returning.depart(ours, "escort")
    await off_for_a_month(network, "XAA")
    await returning.recall(ours, "danger", "UNSAFE", "2027-06-01", "first", "case_officer")
    await heard_within_the_hour(network, "XAA")
    assert "RECALL" == await story.state(network, "XBB", theirs)


@pytest.mark.parametrize("lost", [False, True])
async def test_reply_taken_back_does_not_wait_for_the_clock(network: Network, tmp_path: Path, lost: bool) -> None:
    """Behind what had no answer, or is posted again to a restored State: a return rests on that reply there."""
    ours, theirs = await homeward.proposed(network, days=300)
    await live(network, "XBB", 1)
    network.wires.lose_answers = lost
    await homeward.accept(network, theirs, days=300)
    await network.deliver(1)
    network.wires.lose_answers = False
    if not lost:
        await put_back(network, "XAA", back_up(network, "XAA", tmp_path / "backup"))
    await off_for_a_month(network, "XBB")
    await network.gateways["XBB"].notices.strike(theirs, ["REPLY"], "first", "registry_clerk")
    await heard_within_the_hour(network, "XBB")
    assert (await story.case(network, "XAA", ours)).reply is None


async def off_for_a_month_and_stopped(network: Network, theirs: str) -> None:
    """Have XBB start after a month in which it was off, and stop a return within the hour."""
    await off_for_a_month(network, "XBB")
    await network.gateways["XBB"].returning.suspend(theirs, "danger", "welfare", "child_welfare")
    await heard_within_the_hour(network, "XBB")


async def off_for_a_month(network: Network, country: str) -> None:
    """Have ``country`` start after a month in which it was off."""
    network.clock.pass_(days=31)
    await live(network, country, 0)
    await network.refresh()


async def heard_within_the_hour(network: Network, country: str) -> None:
    """Have what waits leave for an hour, in which ``country`` does not believe its clock."""
    for _ in range(3):
        await network.deliver()
        network.clock.pass_(minutes=20)
    assert not network.gateways[country].context.believes(network.clock.now())
