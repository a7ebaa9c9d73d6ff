"""What happens when the card of a State is by another identity key than the one held (docs/protocol.md 8.2)."""

import pytest

from gateway import home
from gateway.core.card_chain import advance_chain
from gateway.core.codes import PeerError
from gateway.core.machine import RuleRefused
from gateway.services.context import Forbidden
from gateway.services.ports import Tx
from gateway.services.rows import TrustEvent
from gateway.services.trust import Trust
from gateway.services.trust_acts import TrustActs
from keys import b64, card, trust_words
from keys.sign import SigningKey
from tests.support import story
from tests.support.network import Network, open_gateway
from tests.support.trust_list import World, first_card, now
from tests.trust.homes import OFFICERS, confirm


def _new_identity(network: Network, world: World) -> SigningKey:
    """Let XBB publish a first card under another identity key; its own three keys sign that part of the list."""
    other = SigningKey.generate()
    world.states["XBB"].cards = [first_card("XBB", other, network.clock.now())]
    world.publish_cards("XBB")
    return other


async def test_another_identity_key_holds_everything(both: tuple[Network, World]) -> None:
    """Nothing is sent to the State, and what it sends stays sealed with it, until an officer confirms."""
    network, world = both
    waiting = await story.sent(network)
    _new_identity(network, world)
    assert 0 == await network.deliver()
    assert "wrong-identity" in network.gateways["XAA"].context.trust.holds()["XBB"]
    assert [] == network.wires.posted
    assert "SENT" == await story.state(network, "XAA", waiting)


async def test_what_no_card_of_the_list_follows_does_not_stay(both: tuple[Network, World]) -> None:
    """A card that was read before is kept where one that is listed names it, and goes where none does."""
    network, world = both
    gateway, first = network.gateways["XAA"], world.states["XBB"].cards[0]
    second = world.issue("XBB", at=network.clock.now())
    await gateway.refresh_trust()
    world.states["XBB"].cards = [second]
    world.publish_cards("XBB")
    await gateway.refresh_trust()
    assert (first.raw, second.raw) == await gateway.cards.cards("XBB")
    _new_identity(network, world)
    await gateway.refresh_trust()
    assert (world.states["XBB"].cards[0].raw,) == await gateway.cards.cards("XBB")


async def test_what_no_card_of_the_list_follows_goes_as_the_list_grows_shorter(both: tuple[Network, World]) -> None:
    """Also where what is listed still is the end of what was kept: whoever begins anew takes the same cards."""
    network, world = both
    gateway, state = network.gateways["XAA"], world.states["XBB"]
    first, at = state.cards[0], network.clock.now()
    second = home.next_card(first, {"addresses": ["https://127.0.0.1:8001"]}, state.identity, at)
    third = home.next_card(home.next_card(first, {}, state.identity, at), {}, state.identity, at)
    for listed in ([first, second, third], [third]):
        state.cards = listed
        world.publish_cards("XBB")
        await gateway.refresh_trust()
        assert tuple(one.raw for one in listed) == await gateway.cards.cards("XBB")


async def test_what_a_state_on_hold_sends_is_answered_hold(both: tuple[Network, World]) -> None:
    """Its envelope is answered 423 and nothing of it is stored; it is taken after the hold."""
    network, world = both
    _, theirs = await story.received(network)
    _new_identity(network, world)
    await network.gateways["XAA"].refresh_trust()
    await network.gateways["XBB"].answer.acknowledge(theirs, "first")
    await network.gateways["XBB"].deliverer.run_once()
    assert 423 == network.wires.answers[-1].status


async def test_no_case_is_sent_to_a_state_on_hold(both: tuple[Network, World]) -> None:
    """A cleared case stays cleared (N-02)."""
    network, world = both
    ref = await story.cleared(network)
    _new_identity(network, world)
    await network.refresh()
    with pytest.raises(RuleRefused, match="N-02"):
        await network.gateways["XAA"].clear.send(ref, "first")


async def test_two_named_officers_lift_the_hold(both: tuple[Network, World]) -> None:
    """One officer who compared the new key changes nothing; with a second one it is held, and both words are kept."""
    network, world = both
    other = _new_identity(network, world)
    gateway = network.gateways["XAA"]
    await gateway.refresh_trust()
    acts = TrustActs(gateway.context)
    assert not await acts.compare("XBB", other.public, "read out by telephone", *OFFICERS[0])
    assert not await acts.compare("XBB", other.public, "read out once more", *OFFICERS[0])
    await gateway.refresh_trust()
    assert ["XBB"] == list(gateway.context.trust.holds())
    assert await acts.compare("XBB", other.public, "their envoy brought it", *OFFICERS[1])
    await gateway.refresh_trust()
    assert other.public == gateway.context.trust.card("XBB").identity
    events = await gateway.store.read(lambda tx: tx.trust_events())
    assert [("held", None), ("confirm", "second"), ("confirm", "third")] == [(one.act, one.person) for one in events]
    assert ["read out once more", "their envoy brought it"] == [one.reason for one in events[1:]]
    assert events[1].fingerprint == events[2].fingerprint is not None


async def test_a_key_that_nobody_published_lifts_nothing(both: tuple[Network, World]) -> None:
    """Confirming a key by which there is no card leaves the hold as it is."""
    network, world = both
    _new_identity(network, world)
    gateway = network.gateways["XAA"]
    await gateway.refresh_trust()
    with pytest.raises(PeerError):
        await confirm(network, SigningKey.generate().public)
    assert ["XBB"] == list(gateway.context.trust.holds())


async def test_a_case_officer_lifts_no_hold(both: tuple[Network, World]) -> None:
    """Whoever handles cases does not decide about keys."""
    network, world = both
    other = _new_identity(network, world)
    await network.refresh()
    with pytest.raises(Forbidden):
        await TrustActs(network.gateways["XAA"].context).compare("XBB", other.public, "?", "first", "case_officer")


async def test_two_cards_of_one_serial_hold(both: tuple[Network, World]) -> None:
    """A State that shows two different cards of the same serial is on hold: somebody else may have its key (M-8.6)."""
    network, world = both
    state = world.states["XBB"]
    first = state.cards[0]
    state.next_card(at=network.clock.now(), addresses=["https://127.0.0.1:8001"])
    world.publish_cards("XBB")
    await network.refresh()
    state.cards = [first]
    state.next_card(at=network.clock.now(), addresses=["https://127.0.0.1:8002"])
    world.publish_cards("XBB")
    await network.refresh()
    assert "prev-mismatch" in network.gateways["XAA"].context.trust.holds()["XBB"]


async def test_a_hold_survives_a_restart(both: tuple[Network, World]) -> None:
    """A gateway that starts again is still on hold with the State, before it reads anything."""
    network, world = both
    _new_identity(network, world)
    await network.refresh()
    await network.gateways["XAA"].close()
    gateway = await open_gateway(network, "XAA")
    assert ["XBB"] == list(gateway.context.trust.holds())


async def test_the_next_card_of_the_same_identity_is_taken(both: tuple[Network, World]) -> None:
    """A card that continues the chain needs nobody."""
    network, world = both
    world.issue("XBB", at=network.clock.now(), addresses=["https://127.0.0.1:8001"])
    await network.refresh()
    assert 2 == network.gateways["XAA"].context.trust.card("XBB").serial


def test_new_partner_takes_the_identity_that_it_compared() -> None:
    """Who pins the present identity of a State that changed it passes over the cards before the change (M-8.2)."""
    old, new = SigningKey.generate(), SigningKey.generate()
    first = first_card("XBB", old, now())
    second = home.card_of_new_identity(first, new, now())
    third = home.next_card(second, {}, new, now())
    published = [first.raw, second.raw, third.raw]
    taken = advance_chain(None, new.public, published, now(), "XBB")
    assert taken.card is not None
    assert (3, None) == (taken.card.serial, taken.fault)
    taken = advance_chain(None, SigningKey.generate().public, published, now(), "XBB")
    assert taken.card is None
    assert "wrong-identity" in (taken.hold or "")


def test_card_of_another_identity_after_the_one_compared_holds() -> None:
    """What follows under yet another identity key is a reason to hold, also for a new partner (M-8.5)."""
    own, other = SigningKey.generate(), SigningKey.generate()
    first = first_card("XBB", own, now())
    taken = advance_chain(None, own.public, [first.raw, home.card_of_new_identity(first, other, now()).raw], now())
    assert taken.card == first
    assert "wrong-identity" in (taken.hold or "")


async def _write_card(network: Network, raw: bytes) -> None:
    """Write a card of XBB where XAA keeps the one it holds, as whoever runs its database can."""

    async def unit(tx: Tx) -> None:
        row = await tx.find_partner("XBB")
        assert row is not None
        await tx.save_partner(row._replace(card=raw, hold=None))

    await network.gateways["XAA"].store.commit(unit)


async def test_a_card_that_somebody_wrote_into_the_database_is_not_gone_by(both: tuple[Network, World]) -> None:
    """Nothing is sealed to the keys of who can write there and has no key of ours, now or at the next start."""
    network, world = both
    stranger = SigningKey.generate()
    claims = card.claims_of(world.states["XBB"].cards[-1]) | {"identity": b64.encode(stranger.public)}
    forged, trust = card.sign_card(claims, stranger), network.gateways["XAA"].context.trust

    async def unit(tx: Tx) -> None:
        fingerprint = trust_words.fingerprint_of(stranger.public).hex()
        for person in ("second", "third"):
            said = TrustEvent(0, network.clock.now(), "XBB", "confirm", person, "by telephone", fingerprint)
            await tx.add_trust_event(said)
        await tx.set_meta("confirmed:XBB", b64.encode(stranger.public))

    await network.gateways["XAA"].store.commit(unit)
    await _write_card(network, forged)
    await trust.load()
    assert (None, ("trust.fault", {"country": "XBB", "error": "CardRefused"})) == (trust.find("XBB"), network.logs[-1])
    await network.refresh()
    assert trust.find("XBB") is None
    await network.gateways["XAA"].close()
    begun = await open_gateway(network, "XAA")
    assert begun.context.trust.find("XBB") is None
    await confirm(network, world.states["XBB"].identity.public)
    assert world.states["XBB"].identity.public == begun.context.trust.card("XBB").identity


async def test_a_key_that_officers_replaced_is_gone_by_no_more(both: tuple[Network, World]) -> None:
    """A State changes a stolen key: no card of the thief is held, though the configuration still names that key."""
    network, world = both
    stolen, trust = world.states["XBB"].identity, network.gateways["XAA"].context.trust
    forged = home.next_card(world.states["XBB"].cards[-1], {}, stolen, network.clock.now())
    other = _new_identity(network, world)
    await network.refresh()
    await confirm(network, other.public)
    assert other.public == trust.card("XBB").identity
    await _write_card(network, forged.raw)
    await trust.load()
    assert trust.find("XBB") is None


async def test_what_officers_confirmed_holds_over_a_start(both: tuple[Network, World]) -> None:
    """Also where nobody has written the new key into the configuration yet, and for another process."""
    network, world = both
    other, running = _new_identity(network, world), network.gateways["XAA"]
    await network.refresh()
    await confirm(network, other.public)
    held = running.context.trust
    second = Trust(held._pins, held._source, running.store, network.clock, vault=held._vault)
    await second.load()
    await running.close()
    begun = (await open_gateway(network, "XAA")).context.trust
    assert [other.public] * 2 == [one.card("XBB").identity for one in (second, begun)]


async def test_a_key_that_is_confirmed_once_more_counts_at_once(both: tuple[Network, World]) -> None:
    """What an earlier version confirmed is not sealed: officers say so again, and no process has to be started anew."""
    network, world = both
    other = _new_identity(network, world)
    await network.refresh()
    await confirm(network, other.public)
    await network.gateways["XAA"].store.commit(lambda tx: tx.drop_meta("confirmed:XBB"))
    await network.gateways["XAA"].close()
    begun = await open_gateway(network, "XAA")
    held = begun.context.trust
    second = Trust(held._pins, held._source, begun.store, network.clock, vault=held._vault)
    await second.load()
    assert [None, None] == [held.find("XBB"), second.find("XBB")]
    await confirm(network, other.public)
    assert await begun.store.read(second.changed)
    await second.load()
    assert [other.public] * 2 == [one.card("XBB").identity for one in (held, second)]
