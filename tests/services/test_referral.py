"""Who has to refer a person whom no State takes for its own: what is shown for a reason, and how it ends (R-26)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.core.case import State
from gateway.core.machine import IllegalStep, RuleRefused
from gateway.services import access, cases, referral
from gateway.services.context import Forbidden
from gateway.services.ports import Tx
from tests.support import story
from tests.support.network import Network, make_network
from tests.support.spoilt import spoilt

WHY = "the answer came"
BOTH = ["XBB", "XCC"]
DENIES = story.reply("NOT_NATIONAL", reason="CITIZENSHIP_LOST")
REQUESTED = {"state": "requested", "attested_by": "protection", "attested_on": "2026-11-25", "basis": "application"}


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Three States, so that XAA may ask two of them about one person."""
    made = await make_network(tmp_path, ("XAA", "XBB", "XCC"))
    yield made
    await made.close()


async def found(network: Network, ref: str) -> tuple[str, ...] | None:
    """Return which other files are counted in ``ref``, as an officer is shown them who says why."""
    return await referral.find(network.gateways["XAA"].context, ref, "first", WHY)


async def settled(network: Network, ref: str, why: str = "she was referred", person: str = "first", **how: str) -> None:
    """Say what was done about it."""
    role = how.get("role", "case_officer")
    await referral.settle(network.gateways["XAA"].context, ref, why, person, role)


async def asked_both(network: Network, *, denied: int = 2, **changes: Any) -> tuple[str, str]:
    """Ask both States that one person is said to come from; so many of them deny."""
    here = await story.sent(network, claimed_origin=BOTH, **changes)
    there = await story.sent(network, to="XCC", claimed_origin=BOTH)
    for ref in (here, there)[:denied]:
        await story.put(network, "XAA", ref, State.REPLIED, reply=DENIES)
    return here, there


async def looks(network: Network, ref: str) -> list[tuple[str, str, str]]:
    """Return person, action and reason of each entry in the record of access."""
    context = network.gateways["XAA"].context

    async def unit(tx: Tx) -> list[tuple[str, str, str]]:
        held = await cases.load(context, tx, ref)
        rows = await tx.accesses(ref)
        return [(row.person, row.action, access.justification_of(context, held, row)) for row in rows]

    return await context.store.read(unit)


async def kept(network: Network, ref: str) -> Any:
    """Return what is kept of a case but for who looked at it: its row, its history, its messages."""

    async def unit(tx: Tx) -> Any:
        return await tx.find_case(ref), await tx.events(ref), await tx.outbound_of_case(ref)

    return await network.gateways["XAA"].store.read(unit)


@pytest.mark.parametrize(
    ("outcome", "changes", "due"),
    [
        ("NOT_NATIONAL", {"reason": "CITIZENSHIP_LOST"}, ()),
        ("NOT_FOUND", {}, ()),
        ("CANNOT_SAY", {"reason": "REGISTER_INCOMPLETE", "match_basis": [], "confidence": "NONE"}, None),
        ("REFUSED", {"reason": "DUPLICATE", "match_basis": [], "confidence": "NONE"}, None),
        ("NATIONAL", {}, None),
    ],
)
async def test_an_answer_that_came_refers_by_what_it_says(
    network: Network, outcome: str, changes: dict[str, Any], due: tuple[str, ...] | None
) -> None:
    """What the only State denies, or did not find, asks for a referral; what it cannot say, or refuses, does not."""
    ours, _ = await story.replied(network, outcome, **changes)
    assert due == await found(network, ours)


async def test_the_side_that_is_asked_refers_nobody(network: Network) -> None:
    """Whose register it is knows nothing of whom else the person was said to be of."""
    _, theirs = await story.replied(network, "NOT_NATIONAL", reason="CITIZENSHIP_LOST")
    assert await referral.find(network.gateways["XBB"].context, theirs, "first", WHY) is None


async def test_a_second_file_of_the_person_is_counted_and_looked_at_on_record(network: Network) -> None:
    """Each file names the other, and what was read in the other stands in the record of that one."""
    here, there = await asked_both(network)
    assert ((there,), (here,)) == (await found(network, here), await found(network, there))
    assert [("first", "view", WHY)] == (await looks(network, there))[-1:]


async def test_a_state_that_has_not_answered_keeps_it_away(network: Network) -> None:
    """While one of two is silent nothing is shown, and the other file is not looked at for it."""
    here, there = await asked_both(network, denied=1)
    before = await looks(network, there)
    assert (None, before) == (await found(network, here), await looks(network, there))


async def test_a_file_that_cannot_be_read_keeps_it_away(network: Network) -> None:
    """What it holds may say otherwise."""
    here, there = await asked_both(network)

    async def unit(tx: Tx) -> None:
        row = await tx.find_case(there)
        assert row is not None
        await tx.save_case(row._replace(version=row.version + 1, sealed=spoilt(row.sealed)))

    await network.gateways["XAA"].context.commit(unit)
    assert await found(network, here) is None


@pytest.mark.parametrize("state", [State.BLOCKED, State.ERASED])
async def test_a_file_that_is_locked_is_counted_nowhere(network: Network, state: State) -> None:
    """Nobody reads it any more, so nothing is known of what that State said; nor has it a task of its own."""
    here, there = await asked_both(network)
    await story.put(network, "XAA", there, state)
    assert (None, None) == (await found(network, here), await found(network, there))


async def test_files_told_apart_are_not_counted_together(network: Network) -> None:
    """What two persons say is somebody else neither denies for this person nor names a State for her."""
    there = await story.sent(network, to="XCC", claimed_origin=["XCC"], elements=_without_numbers())
    here = await story.sent(network)
    hold = network.gateways["XAA"].hold
    await hold.freeze(here, "she asks for it", "protection", "asylum_authority", REQUESTED)
    await story.put(network, "XAA", there, State.FROZEN, reply=DENIES, resume_to=State.REPLIED)
    assert await found(network, there) is None
    assert not await hold.tell_apart(there, "the photographs differ", "first", "case_officer")
    assert await hold.tell_apart(there, "I looked at both files", "welfare", "child_welfare")
    assert () == await found(network, there)
    # Who was not held is the other of the two all the same.
    await story.put(network, "XAA", here, State.REPLIED, reply=DENIES)
    assert () == await found(network, here)


def _without_numbers() -> dict[str, Any]:
    """Return what is known of the person but for the numbers, which nobody tells apart."""
    return {name: part for name, part in story.ADULT["elements"].items() if name in _OF_NO_NUMBER}


_OF_NO_NUMBER = ("names", "birth_date", "birth_place", "sex")


async def test_a_person_ends_it_with_a_reason_in_one_file(network: Network) -> None:
    """It is asked no more in that file; one that shares a value may be of somebody else, who has to be referred yet."""
    here, there = await asked_both(network)
    await settled(network, here)
    assert ("first", "settle", "she was referred") == (await looks(network, here))[-1]
    assert (None, (here,)) == (await found(network, here), await found(network, there))
    assert all(action != "settle" for _, action, _ in await looks(network, there))


async def test_nothing_moves_leaves_or_is_noted_by_it(network: Network) -> None:
    """Shown and ended, it changes no case, no history and no outbox, tells nobody, and logs no line."""
    here, there = await asked_both(network)
    before, logged = [await kept(network, ref) for ref in (here, there)], [*network.logs]
    assert await found(network, here) is not None
    await settled(network, here)
    assert (before, logged) == ([await kept(network, ref) for ref in (here, there)], network.logs)


async def test_a_file_without_a_negative_answer_asks_nothing(network: Network) -> None:
    """It stands where the answer was read that asks for it: no other file of the person is searched for it."""
    here, there = await asked_both(network)
    later = await story.sent(network, claimed_origin=BOTH)
    await story.put(network, "XAA", later, State.WITHDRAWN, withdraws_at="2026-11-25T10:00:00+00:00")
    counted = [await found(network, ref) for ref in (here, there, later)]
    assert [{there, later}, {here, later}, None] == [one and set(one) for one in counted]


async def test_more_files_than_anybody_compares_say_nothing(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a name that many have, no page opens every file, and what it did not open may say otherwise."""
    here, there = await asked_both(network)
    monkeypatch.setattr(referral, "COUNTED_MAX", 0)
    before = await looks(network, there)
    assert (None, before) == (await found(network, here), await looks(network, there))


@pytest.mark.parametrize(
    ("person", "role", "why", "error"),
    [
        ("board", "foreign_affairs", "it is done", Forbidden),
        ("first", "registry_clerk", "it is done", Forbidden),
        ("second", "case_officer", "it is done", Forbidden),
        ("first", "case_officer", "  ", RuleRefused),
    ],
)
async def test_only_an_officer_who_says_why_ends_it(
    network: Network, person: str, role: str, why: str, error: type[Exception]
) -> None:
    """Foreign affairs never do, nor a clerk, nor anybody without a reason; it stays."""
    here, there = await asked_both(network)
    with pytest.raises(error):
        await settled(network, here, why, person, role=role)
    assert (there,) == await found(network, here)


async def test_what_is_not_asked_cannot_be_ended(network: Network) -> None:
    """A task that is not there is no step, once it is ended too: nothing is settled beforehand."""
    here, there = await asked_both(network, denied=1)
    with pytest.raises(IllegalStep):
        await settled(network, here)
    await story.put(network, "XAA", there, State.REPLIED, reply=DENIES)
    await settled(network, here)
    with pytest.raises(IllegalStep):
        await settled(network, here)
