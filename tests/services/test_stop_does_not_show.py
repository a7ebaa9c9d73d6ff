"""What another State learns from the answers to messages that its own desk would never let it send."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.services import outbox
from gateway.services.outbox import Letter
from gateway.services.rows import ThreadRow
from tests.support import homeward, story
from tests.support.network import HandClock, Network

WORDS = [("suspension", b'{"code":"SUSPENDED"}'), ("resumption", b'{"code":"RESUMED"}')]


async def probe(network: Network, country: str, thread: str, type: str, body: bytes) -> str | None:
    """Have ``country`` post any message in a thread, past its own desk; return the code of the answer, if refused."""
    context, partner = network.gateways[country].context, "XAA" if country == "XBB" else "XBB"
    now = network.clock.now().replace(microsecond=0)

    async def unit(tx: Any) -> str:
        row = await tx.find_thread(partner, thread) or ThreadRow(partner, thread, None)
        letter = Letter(partner=partner, type=type, body=body, issued_at=now, expires_at=now + timedelta(days=30))
        return (await outbox.put(context, tx, letter, now, row)).id

    id = (await context.commit(unit)).value
    await network.deliver()
    row = await network.gateways[country].store.read(lambda tx: tx.find_outbound(partner, id))
    assert row.status is not None
    return row.code


async def by_asylum(network: Network, country: str, ref: str) -> None:
    """Stop a case because protection is asked for."""
    await network.gateways[country].hold.freeze(ref, "known now", "protection", "asylum_authority")


async def by_welfare(network: Network, country: str, ref: str) -> None:
    """Stop a case for the person's welfare."""
    await network.gateways[country].hold.freeze(ref, "danger", "welfare", "child_welfare")


async def by_pause(network: Network, country: str, ref: str) -> None:
    """Suspend a case at the desk, which tells nobody."""
    role = "case_officer" if country == "XAA" else "registry_clerk"
    await network.gateways[country].returning.suspend(ref, "to look again", "first", role)


STOPS = [by_asylum, by_welfare, by_pause]
Stop = Callable[[Network, str, str], Awaitable[None]]


@pytest.mark.parametrize(("type", "body"), WORDS, ids=["suspension", "resumption"])
@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.__name__)
@pytest.mark.parametrize("country", ["XAA", "XBB"])
async def test_word_of_a_stop_does_not_tell_of_ours(
    network: Network, country: str, stop: Stop, type: str, body: bytes
) -> None:
    """In a verification a word of a stop is refused, whether or not the case is stopped (M-5.30)."""
    ours, theirs = await story.acknowledged(network)
    thread = (await story.row(network, "XAA", ours)).thread
    ref, other = (ours, "XBB") if country == "XAA" else (theirs, "XAA")
    assert "illegal-step" == await probe(network, other, thread, type, body)
    await stop(network, country, ref)
    assert "illegal-step" == await probe(network, other, thread, type, body)


async def test_other_state_does_not_hold_a_verification(network: Network) -> None:
    """In a verification the other State has no word of a stop, so none of it keeps a case from going on."""
    ours, _ = await story.acknowledged(network)
    thread = (await story.row(network, "XAA", ours)).thread
    await by_asylum(network, "XAA", ours)
    await probe(network, "XBB", thread, *WORDS[0])
    await network.gateways["XAA"].hold.release(ours, "protection", "asylum_authority")
    assert (await story.case(network, "XAA", ours)).released


async def test_instant_of_a_withdrawal_does_not_show(network: Network) -> None:
    """A withdrawal leaves at the next full hour (M-5.26); until then its thread answers as where it was stopped."""
    ours, _ = await story.acknowledged(network)
    thread = (await story.row(network, "XAA", ours)).thread
    await by_asylum(network, "XAA", ours)
    await network.gateways["XAA"].hold.withdraw(ours, "protection", "asylum_authority")
    assert "illegal-step" == await probe(network, "XBB", thread, *WORDS[0])
    network.clock.pass_(minutes=60)
    assert await probe(network, "XBB", thread, *WORDS[0]) is None


async def refused_request(network: Network) -> tuple[str, str]:
    """Have XBB refuse a request for its times; return XAA's case and its thread."""
    theirs = network.gateways["XBB"].context
    theirs.clock = HandClock(network.clock.now() - timedelta(minutes=10))
    ours = await story.sent(network)
    await network.gateways["XAA"].deliverer.run_once()
    theirs.clock = network.clock
    assert "NOT_ACCEPTED" == await story.state(network, "XAA", ours)
    return ours, (await story.row(network, "XAA", ours)).thread


async def test_who_refused_a_request_cannot_tell_a_stop(network: Network) -> None:
    """Where no request was accepted no question about data is taken, whether or not the case is stopped (M-5.31)."""
    ours, thread = await refused_request(network)
    assert "illegal-step" == await probe(network, "XBB", thread, "use-report.request", b'{"number":1}')
    await by_asylum(network, "XAA", ours)
    assert "illegal-step" == await probe(network, "XBB", thread, "use-report.request", b'{"number":2}')


async def test_withdrawal_after_departure_is_refused_in_a_stopped_case_too(network: Network) -> None:
    """Who is on the way is not dropped, also where word of the departure came while the case was stopped (M-5.34)."""
    ours, theirs = await homeward.on_the_day(network)
    thread = (await story.row(network, "XAA", ours)).thread
    await network.gateways["XBB"].hold.freeze(theirs, "danger", "welfare", "child_welfare")
    await network.gateways["XAA"].returning.depart(ours, "escort")
    await network.gateways["XAA"].deliverer.run_once()
    stopped = await story.case(network, "XBB", theirs)
    assert ("FROZEN", "DEPARTED") == (stopped.state, stopped.resume_to)
    assert "illegal-step" == await probe(network, "XAA", thread, "withdrawal", b'{"code":"WITHDRAWN_NO_REASON"}')
