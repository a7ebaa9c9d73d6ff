"""What turns out once a person has left holds nothing any more: whoever must act is told of it by a finding."""

import pytest

from gateway.core.case import State
from gateway.core.notices import MINOR_LATE, TAKEN_BACK_LATE
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
