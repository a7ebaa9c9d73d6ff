"""Figures of real cases: released once, with two persons where they tell about a State, and kept beyond an erasure."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.core.figures import ANSWERS, PUBLIC, Course, Span
from gateway.core.suppress import TOTAL
from gateway.services import cases, figures
from gateway.services.context import Context, Forbidden, Person
from gateway.services.figures import CannotRelease, Release
from gateway.services.ports import Tx
from gateway.services.steady import SteadyClock
from keys import b64
from schemas import ijson
from tests.support import story
from tests.support.erased import erase
from tests.support.network import Network, open_gateway


@pytest.fixture
def watched(network: Network) -> Network:
    """A network whose first State has a coordinator besides its desks."""
    context = network.gateways["XAA"].context
    context.persons = {**context.persons, "watch": Person("watch", frozenset({"coordinator"}), bytes(32))}
    return network


async def release(network: Network, name: str = "answers", period: str = "2026", second: str | None = None) -> Release:
    """Release a table of the requests of XAA."""
    context = network.gateways["XAA"].context
    return await figures.release(context, name, "requesting", period, "watch", "coordinator", second)


@pytest.mark.parametrize(("days", "answer"), [(2, "IN_TIME"), (50, "LATE")])
async def test_second_look_makes_the_first_answer_neither_earlier_nor_later(
    network: Network, days: int, answer: str
) -> None:
    """An answer was in time or late by the day it had to meet, and not by that of a second look weeks afterwards."""
    ours, theirs = await story.acknowledged(network)
    network.clock.pass_(days=days)
    await network.refresh()
    await story.give_answer(network, theirs, story.reply("NOT_FOUND", as_of="2026-11-25"))
    await network.deliver()
    network.clock.pass_(days=40)
    await network.refresh()
    await network.gateways["XAA"].clear.contest(ours, "NEW_ELEMENT", "first", "case_officer")
    await network.deliver()
    for gateway in network.gateways.values():
        (one,) = await figures.courses(gateway.context, network.clock.now())
        assert answer == one.answer


async def test_cases_are_counted_a_part_at_a_time_and_each_once(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is erased while they are counted stands neither twice nor not at all in a table."""
    refs = [(await story.replied(network))[0] for _ in range(3)]
    gateway, now = network.gateways["XAA"], network.clock.now()
    monkeypatch.setattr(cases, "PART", 1)
    parts, looked = cases.parts, list[str]()

    async def then_erase(context: Context) -> AsyncIterator[Sequence[str]]:
        async for some in parts(context):
            yield some
            looked.extend(some)
            if looked == sorted(refs)[:1]:
                await erase(gateway, max(refs), now)
                await erase(gateway, min(refs), now)

    monkeypatch.setattr(cases, "parts", then_erase)
    assert 3 == len(await figures.courses(gateway.context, now))


async def test_case_has_a_course(network: Network) -> None:
    """A confirmed case is in the figures of both sides, with the time its answer took."""
    await story.replied(network)
    for country, direction in (("XAA", "requesting"), ("XBB", "requested")):
        (one,) = await figures.courses(network.gateways[country].context, network.clock.now())
        assert (direction, "2026Q4", "IN_TIME", "NATIONAL") == (one.direction, one.quarter, one.answer, one.outcome)
        assert ("REGISTER", "OPEN") == (one.method, one.return_)
        assert Span("reply", 0, done=True) in one.spans


async def test_exercise_is_in_no_figure(network: Network) -> None:
    """An invented person counts nowhere."""
    ours, _ = await story.replied(network)
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> None:
        held = await cases.load(context, tx, ours)
        invented = replace(held.case, exercise=True)
        await cases.note(context, tx, held, invented, "test", "first", network.clock.now())

    await context.commit(unit)
    assert () == await figures.courses(context, network.clock.now())


async def test_erased_case_keeps_its_place_in_the_figures(network: Network) -> None:
    """An erasure keeps the course and nothing that leads back to the case."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    before = await figures.courses(gateway.context, network.clock.now())
    await erase(gateway, ours, network.clock.now())
    assert before == await figures.courses(gateway.context, network.clock.now())
    (kept,) = await gateway.store.read(lambda tx: tx.kept_figures())
    assert ours not in kept
    await erase(gateway, ours, network.clock.now())
    assert 1 == len(await gateway.store.read(lambda tx: tx.kept_figures()))


async def test_what_the_figures_keep_of_an_erased_case_tells_nothing_without_the_key(network: Network) -> None:
    """Its durations lead to the steps that stay in clear; the store does not say what was answered there."""
    ours, _ = await story.replied(network)
    gateway = network.gateways["XAA"]
    await erase(gateway, ours, network.clock.now())
    (kept,) = await gateway.store.read(lambda tx: tx.kept_figures())
    (course,) = await figures.courses(gateway.context, network.clock.now())
    words = (b'"NATIONAL"', b'"XBB"', b'"2026Q4"', b'"spans"')  # without its marks XBB is in one base64 of two hundred
    assert all(word in ijson.dumps(course.to_dict()) for word in words)
    assert [] == [word for word in words if word in kept.encode() or word in b64.decode(kept)]
    shorter = replace(course, outcome="REFUSED", spans=())
    assert len(kept) == len(figures.sealed(gateway.context, shorter))


async def test_what_earlier_versions_kept_in_clear_is_sealed_at_the_next_start(network: Network) -> None:
    """The courses are the same, and none is in clear in the store any more."""
    ours, _ = await story.replied(network)
    gateway, now = network.gateways["XAA"], network.clock.now()
    await erase(gateway, ours, now)
    (course,) = await figures.courses(gateway.context, now)

    async def earlier(tx: Tx) -> None:
        await tx.add_figure(ijson.dumps(course.to_dict()).decode())
        await tx.drop_meta("figures.sealed")

    await gateway.context.commit(earlier)
    assert (course, course) == await figures.courses(gateway.context, now)
    await gateway.close()
    again = await open_gateway(network, "XAA")
    assert (course, course) == await figures.courses(again.context, now)
    assert [] == [one for one in await again.store.read(lambda tx: tx.kept_figures()) if one.startswith("{")]


async def test_what_was_kept_in_clear_is_in_no_file_after_the_next_round(network: Network) -> None:
    """A row that was deleted stays in the files until they are cleaned, by the round of the timers after the start."""
    ours, _ = await story.replied(network)
    gateway, now = network.gateways["XAA"], network.clock.now()
    await erase(gateway, ours, now)
    (course,) = await figures.courses(gateway.context, now)
    clear = ijson.dumps(course.to_dict()).decode()

    async def earlier(tx: Tx) -> None:
        await tx.add_figure(clear)
        await tx.drop_meta("figures.sealed")

    await gateway.context.commit(earlier)
    await gateway.close()
    again = await open_gateway(network, "XAA")
    await again.retention.run_once(now)
    files = [file for file in again.settings.home.rglob("*") if file.is_file()]
    assert [] == [file.name for file in files if clear.encode() in file.read_bytes()]


async def test_too_early_is_refused(watched: Network) -> None:
    """Nothing is shown of a period before a whole quarter has passed after it."""
    with pytest.raises(CannotRelease, match="2027-04-01"):
        await release(watched)


async def test_what_is_early_but_for_a_clock_that_leapt_is_refused(watched: Network) -> None:
    """A table is shown once: one of a period that goes on could be shown as it is to be never more."""
    steady = SteadyClock(watched.gateways["XAA"].context)
    await steady.run_once(watched.clock.now())
    watched.clock.pass_(days=200)
    for _ in range(24):
        with pytest.raises(CannotRelease, match="2027-04-01"):
            await release(watched)
        await steady.run_once(watched.clock.now())
        watched.clock.pass_(hours=1)
    await release(watched)


async def test_table_is_shown_once_and_stays_in_the_ledger(watched: Network) -> None:
    """A released table is in the ledger as it was shown, and a second release of it is refused."""
    watched.clock.pass_(days=200)
    made = await release(watched)
    assert {None} == set(made.cells.values())
    (listed,) = await figures.ledger(watched.gateways["XAA"].context)
    assert made == replace(listed, at=made.at)
    with pytest.raises(CannotRelease, match="shown before"):
        await release(watched)


async def test_other_roles_release_nothing(watched: Network) -> None:
    """A desk that handles cases does not publish about them."""
    watched.clock.pass_(days=200)
    context = watched.gateways["XAA"].context
    with pytest.raises(Forbidden):
        await figures.release(context, "answers", "requesting", "2026", "first", "case_officer")


@pytest.mark.parametrize("second", [None, "watch", "first"])
async def test_figures_about_a_state_need_a_second_person(watched: Network, second: str | None) -> None:
    """A table about single States is not shown without another person of foreign affairs."""
    watched.clock.pass_(days=200)
    with pytest.raises(Forbidden):
        await release(watched, "partner-answers", second=second)


async def test_who_holds_both_offices_is_one_person(watched: Network) -> None:
    """Whoever may be the second to say yes is not so to their own release."""
    watched.clock.pass_(days=200)
    context = watched.gateways["XAA"].context
    both = replace(context.persons["watch"], roles=frozenset({"coordinator", "foreign_affairs"}))
    context.persons = {**context.persons, "watch": both}
    with pytest.raises(Forbidden, match="two different persons"):
        await release(watched, "partner-answers", second="watch")


async def test_figures_about_a_state_with_two_persons(watched: Network) -> None:
    """With both persons it is shown, to the ministries and not to the public, and the ledger names both."""
    watched.clock.pass_(days=200)
    made = await release(watched, "partner-answers", second="board")
    assert ("watch", "board") == (made.first, made.second)
    assert () == await figures.ledger(watched.gateways["XAA"].context, PUBLIC)


async def test_durations_are_released_like_the_rest(watched: Network) -> None:
    """A table of durations is entered with steps as rows and read again as it was shown."""
    await story.replied(watched)
    watched.clock.pass_(days=200)
    made = await release(watched, "durations")
    (listed,) = await figures.ledger(watched.gateways["XAA"].context)
    assert made.cells == listed.cells
    assert ("reply", "median_days") in listed.cells


async def test_released_tables_are_tested_together(watched: Network) -> None:
    """A later table of overlapping periods is released against the ones before it, without a fault."""
    watched.clock.pass_(days=200)
    for name in ("answers", "outcomes", "returns"):
        await release(watched, name, "2026Q4")
    made = await release(watched, "answers", "2026")
    assert 4 == made.number
    assert watched.clock.now() - made.at < timedelta(seconds=1)


async def kept(network: Network, *answers: str) -> None:
    """Keep the courses of thirty erased cases of 2026Q4 for each of ``answers``."""
    for answer in answers:
        told = ("REGISTER", "NATIONAL", "OPEN") if answer in ("IN_TIME", "LATE") else ("NONE", "NONE", "NOT_OPEN")
        one = Course("requesting", "XBB", "POLICY_DEFAULT", "2026Q4", answer, "NEITHER", *told, ())
        context = network.gateways["XAA"].context
        text = figures.sealed(context, one)
        for _ in range(30):
            await context.commit(lambda tx, text=text: tx.add_figure(text))


async def test_quarter_is_counted_as_it_stood_when_it_was_first_shown(watched: Network) -> None:
    """What became of a case after the first table of its quarter is in no later table of it, nor in one of its year."""
    await kept(watched, *ANSWERS)
    watched.clock.pass_(days=200)
    first = await release(watched, "answers", "2026Q4")
    await kept(watched, "LATE")
    year, outcomes = await release(watched, "answers", "2026"), await release(watched, "outcomes", "2026Q4")
    assert (210, 30) == (first.cells["", TOTAL], first.cells["", "LATE"])
    assert first.cells == year.cells
    assert outcomes.cells["", TOTAL] in (None, 210)
    standing = await watched.gateways["XAA"].context.store.read(lambda tx: tx.find_meta("figures.requesting.2026Q4"))
    assert standing
    assert [] == [raw for raw in (standing.encode(), b64.decode(standing)) if b'"LATE"' in raw]  # LATE alone by chance
