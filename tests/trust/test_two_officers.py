"""Two officers lift a hold, and neither of them alone, whatever happens between their words (docs/protocol.md 8.2)."""

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.services.ports import HttpAnswer, Tx
from gateway.services.rows import PartnerRow
from gateway.services.trust import Trust
from gateway.services.trust_acts import TrustActs
from keys import b64
from schemas import ijson
from tests.support import story
from tests.support.network import Network
from tests.support.trust_list import World
from tests.trust.homes import OFFICERS, confirm

FIRST, SECOND = OFFICERS
WHY = "read out by telephone"


@pytest.fixture
def acts(both: tuple[Network, World]) -> TrustActs:
    """What the officers of XAA decide."""
    return TrustActs(both[0].gateways["XAA"].context)


@pytest.fixture
def identity(both: tuple[Network, World]) -> bytes:
    """The identity key of XBB."""
    return both[1].states["XBB"].identity.public


async def test_a_word_from_before_a_hold_does_not_count(
    both: tuple[Network, World], acts: TrustActs, identity: bytes
) -> None:
    """What a first officer compared before somebody held the State again is no half of what lifts that hold."""
    trust = both[0].gateways["XAA"].context.trust
    await acts.hold("XBB", "no answer for days", *FIRST)
    assert not await acts.compare("XBB", identity, WHY, *FIRST)
    await acts.hold("XBB", "its identity key was stolen", *FIRST)
    assert {} == await acts.comparisons()
    assert not await acts.compare("XBB", identity, WHY, *SECOND)
    assert ["XBB"] == list(trust.holds())
    assert await acts.compare("XBB", identity, WHY, *FIRST)
    assert {} == trust.holds()


async def test_a_first_word_that_somebody_wrote_into_the_database_is_none(
    both: tuple[Network, World], acts: TrustActs, identity: bytes
) -> None:
    """Whoever can write to it and has no key is no officer: the word of the one who compares lifts nothing alone."""
    network, trust = both[0], both[0].gateways["XAA"].context.trust
    await acts.hold("XBB", "its machine was taken", *FIRST)
    hold = len(await network.gateways["XAA"].store.read(lambda tx: tx.trust_events()))
    value = {"identity": b64.encode(identity), "person": FIRST[0], "at": network.clock.now().isoformat(), "reason": WHY}
    text = ijson.dumps(value | {"hold": hold}).decode()
    await network.gateways["XAA"].store.commit(lambda tx: tx.set_meta("trust.compared.XBB", text))
    assert not await acts.compare("XBB", identity, WHY, *SECOND)
    assert ["XBB"] == list(trust.holds())


async def test_a_word_is_used_once(both: tuple[Network, World], acts: TrustActs, identity: bytes) -> None:
    """What lifted one hold is gone with it: the next one takes two words again."""
    await acts.hold("XBB", "no answer for days", *FIRST)
    await confirm(both[0], identity)
    await acts.hold("XBB", "its machine was taken", *FIRST)
    assert not await acts.compare("XBB", identity, WHY, *SECOND)
    assert ["XBB"] == list(both[0].gateways["XAA"].context.trust.holds())


@pytest.mark.parametrize("between", ["take-back", "hold"])
async def test_what_comes_while_the_second_word_is_read_counts(
    both: tuple[Network, World], acts: TrustActs, identity: bytes, between: str
) -> None:
    """A word taken back, or a new hold, that is there before the hold is lifted keeps it from being lifted."""
    trust = both[0].gateways["XAA"].context.trust
    await acts.hold("XBB", "no answer for days", *FIRST)
    await acts.compare("XBB", identity, WHY, *FIRST)
    real = trust._source.cards

    async def slow(country: str) -> Sequence[bytes]:
        trust._source.cards = real  # type: ignore[method-assign]
        if between == "hold":
            await acts.hold("XBB", "its identity key was stolen", *FIRST)
        else:
            await acts.take_back("XBB", "a slip of the eye", *FIRST)
        return await real(country)

    trust._source.cards = slow  # type: ignore[method-assign]
    assert not await acts.compare("XBB", identity, WHY, *SECOND)
    assert ["XBB"] == list(trust.holds())


async def test_lifting_a_hold_does_not_go_back_to_an_older_card(
    both: tuple[Network, World], acts: TrustActs, identity: bytes
) -> None:
    """Whoever publishes shows an older card of the same key: the newer one stays, with what it revokes."""
    network, world = both
    context = network.gateways["XAA"].context
    world.issue("XBB", at=network.clock.now())
    await network.refresh()
    assert 2 == context.trust.card("XBB").serial
    first = world.states["XBB"].cards[0].raw

    async def old(country: str) -> Sequence[bytes]:
        return [first]

    context.trust._source.cards = old  # type: ignore[method-assign]
    await acts.hold("XBB", "no answer for days", *FIRST)
    await confirm(network, identity)
    assert ({}, 2) == (context.trust.holds(), context.trust.card("XBB").serial)


async def test_a_hold_is_lifted_with_the_card_that_another_process_took(
    both: tuple[Network, World], acts: TrustActs, identity: bytes
) -> None:
    """Another process took a newer card meanwhile, which this one has not seen: that card stays, with the hold gone."""
    network, world = both
    trust = network.gateways["XAA"].context.trust
    await acts.hold("XBB", "no answer for days", *FIRST)
    before = await trust._source.cards("XBB")
    newest = world.issue("XBB", at=network.clock.now())

    async def take(tx: Tx) -> None:
        row = await tx.find_partner("XBB")
        assert row is not None
        await tx.save_partner(row._replace(card=newest.raw))

    await network.gateways["XAA"].store.commit(take)

    async def old(country: str) -> Sequence[bytes]:
        return before

    trust._source.cards = old  # type: ignore[method-assign]
    await confirm(network, identity)
    assert ({}, newest.serial) == (trust.holds(), trust.card("XBB").serial)


async def test_no_answer_counts_of_a_state_that_another_process_put_on_hold(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stole its keys takes no stop off our hands in the seconds until this process hears of the hold."""
    ref, ours = await story.sent(network), network.gateways["XAA"]
    await network.refresh()
    held, post = ours.context.trust, network.wires.post
    other = Trust(held._pins, held._source, ours.store, network.clock, vault=held._vault)
    await other.load()

    async def held_meanwhile(*what: Any) -> HttpAnswer:
        answer = await post(*what)
        await other.hold("XBB", "second", "a key may be stolen", network.clock.now())
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(network.wires, "post", held_meanwhile)
        assert 1 == await ours.deliverer.run_once()
    assert "SENT" == await story.state(network, "XAA", ref)
    await ours.store.commit(lambda tx: tx.save_partner(PartnerRow("XBB")))
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ref)
