"""Distrust: by an officer here, at once; by the trustees, of a State or of one key (docs/protocol.md 8.4)."""

import asyncio
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import app, serving, settings
from gateway.app import Gateway
from gateway.core.codes import PeerError
from gateway.core.wire import format_instant
from gateway.services.ports import Unavailable
from gateway.services.trust import LOOK_S, CardSource
from gateway.services.trust_acts import TrustActs
from gateway.storage.sqlite import run_inline
from gateway.transport.card_directory import CardDirectory, write_card
from gateway.transport.trust_list import TrustList
from keys import b64, card, trust_policy
from keys.seal import SealingKey
from tests.support import story
from tests.support.network import HandClock, Network, open_gateway
from tests.support.no_contact import listed
from tests.support.trust_list import World
from tests.trust.homes import confirm


class Yielding(HandClock):
    """A clock that is set by hand, and lets others run while somebody sleeps."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0)


def no_log(event: str, **values: Any) -> None:
    """Write nothing."""


def _distrust(**what: Any) -> bytes:
    return json.dumps({"v": 1, "countries": [], "keys": []} | what).encode()


async def test_an_officer_distrusts_a_state_at_once(both: tuple[Network, World]) -> None:
    """From then on nothing is sent to it, and its newest card in the list lifts nothing."""
    network, world = both
    await story.sent(network)
    gateway = network.gateways["XAA"]
    await TrustActs(gateway.context).hold("XBB", "its machine was taken", "second", "liaison_officer")
    world.issue("XBB", at=network.clock.now())
    assert 0 == await network.deliver()
    assert "second" in gateway.context.trust.holds()["XBB"]


async def test_a_running_gateway_notices_a_hold_by_another_process(both: tuple[Network, World]) -> None:
    """The command line holds a State, and the serving gateway has it within one look, without reading the list."""
    network, _ = both
    server = network.gateways["XAA"]
    server.context.clock = clock = Yielding()
    other = await open_gateway(network, "XAA")
    loop = asyncio.create_task(serving._trust_loop(server))
    try:
        await asyncio.sleep(0)
        assert {} == server.context.trust.holds()
        await TrustActs(other.context).hold("XBB", "its machine was taken", "second", "liaison_officer")
        before = clock.now()
        for _ in range(200):
            await asyncio.sleep(0)
            if server.context.trust.holds():
                break
        assert ["XBB"] == list(server.context.trust.holds())
        assert 2 * LOOK_S >= (clock.now() - before).total_seconds()
    finally:
        loop.cancel()
        await server.close()


async def test_a_running_gateway_notices_whom_another_process_listed(both: tuple[Network, World]) -> None:
    """From a board that nothing leaves from nobody knocks at a State that the command line has listed (N-01)."""
    network, _ = both
    server = network.gateways["XAA"]
    server.context.clock = Yielding()
    await open_gateway(network, "XAA")
    loop = asyncio.create_task(serving._trust_loop(server))
    try:
        await listed(network)
        for _ in range(200):
            await asyncio.sleep(0)
        assert server.context.no_contact("XBB") is not None
    finally:
        loop.cancel()
        await server.close()


async def test_whom_the_trustees_distrust_is_on_hold_at_every_node(both: tuple[Network, World]) -> None:
    """A node whose own line to the list is cut goes by what another one read, and no longer than that does."""
    network, world = both
    cut = await _cut_off(network)
    since = {"country": "XBB", "since": format_instant(network.clock.now())}
    for said, expected in ((_distrust(countries=[since]), ["XBB"]), (_distrust(), [])):
        world.set_policy(trust_policy.DISTRUST, said)
        await network.gateways["XAA"].refresh_trust()
        assert await cut.store.read(cut.context.trust.changed)
        await cut.context.trust.load()
        assert expected == list(cut.context.trust.holds())
        assert not await cut.store.read(cut.context.trust.changed)
    await cut.close()


async def _cut_off(network: Network, cards: CardSource | None = None) -> Gateway:
    """Return another node of XAA, which reads ``cards`` and, without these, cards alone."""
    chosen = settings.load(network.homes["XAA"], {})
    return await app.build(
        chosen,
        passphrase=lambda: "correct horse",
        clock=network.clock,
        run=run_inline,
        cards=cards or CardDirectory(chosen.cards),
        log=no_log,
    )


async def test_suites_that_the_trustees_bar_are_barred_at_every_node(both: tuple[Network, World]) -> None:
    """Also at a node whose own line to the list is cut, as soon as it looks at what another one read."""
    network, world = both
    cut = await _cut_off(network)
    assert frozenset({1, 2}) == cut.context.suites
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[2]}')
    await network.gateways["XAA"].refresh_trust()
    assert await cut.store.read(cut.context.trust.changed)
    await cut.context.trust.load()
    assert frozenset({2}) == cut.context.suites
    await cut.close()


async def test_an_older_list_is_not_told_over_a_newer_one(both: tuple[Network, World], tmp_path: Path) -> None:
    """A node that reads a mirror which is behind lifts nothing of what another one read of the newer list."""
    network, world = both
    mirror = shutil.copytree(world.folder, tmp_path / "mirror")
    since = {"country": "XBB", "since": format_instant(network.clock.now())}
    world.set_policy(trust_policy.DISTRUST, _distrust(countries=[since]))
    await network.gateways["XAA"].refresh_trust()
    root = network.homes["XAA"] / "root.json"
    behind = await _cut_off(network, TrustList(mirror.as_uri(), root, tmp_path / "cache", tmp_path / "cards", "XAA"))
    await behind.refresh_trust()
    cut = await _cut_off(network)
    assert (["XBB"], ["XBB"]) == (list(behind.context.trust.holds()), list(cut.context.trust.holds()))
    await behind.close()
    await cut.close()


async def test_decisions_in_the_store_that_cannot_be_read_hold_everybody(both: tuple[Network, World]) -> None:
    """Somebody may have written there: it is told, and nobody is believed until the list was read again."""
    network, _ = both
    gateway = network.gateways["XAA"]
    await gateway.store.commit(lambda tx: tx.set_meta("trustees", "spoiled"))
    assert await gateway.store.read(gateway.context.trust.changed)
    await gateway.context.trust.load()
    assert ["XBB"] == list(gateway.context.trust.holds())
    assert "trust.fault" in [event for event, _ in network.logs]
    await gateway.refresh_trust()
    assert {} == gateway.context.trust.holds()


async def test_a_policy_that_cannot_be_read_here_any_more_is_taken_anew(both: tuple[Network, World]) -> None:
    """Its file was spoiled: everybody is on hold until the list is read again, though nothing in that has changed."""
    network, world = both
    world.set_policy(trust_policy.DISTRUST, _distrust())
    await network.refresh()
    gateway = network.gateways["XAA"]
    (gateway.settings.data / "trust" / "policy" / trust_policy.DISTRUST).write_text("spoiled")
    await gateway.context.trust.load()
    assert ["XBB"] == list(gateway.context.trust.holds())
    await gateway.refresh_trust()
    assert {} == gateway.context.trust.holds()


async def test_a_key_that_the_trustees_distrust_stays_revoked_where_what_was_told_is_spoiled(
    both: tuple[Network, World],
) -> None:
    """By the list that lies here: no statement that fell with a key counts again because a row cannot be read."""
    network, world = both
    gateway = network.gateways["XAA"]
    trust, at = gateway.context.trust, network.clock.now()
    kid = trust.card("XBB").signing[0].kid
    key = {"country": "XBB", "kid": kid, "revoked_at": format_instant(at)}
    world.set_policy(trust_policy.DISTRUST, _distrust(keys=[key]))
    await gateway.refresh_trust()
    await gateway.store.commit(lambda tx: tx.set_meta("trustees", "spoiled"))
    await trust.load()
    assert {kid: at.replace(microsecond=0)} == trust.revoked("XBB")


async def test_whom_an_earlier_state_was_told_not_to_believe_is_on_hold(both: tuple[Network, World]) -> None:
    """It kept that under another name, and not sealed: a node cut off goes by it until another one read the list."""
    network, _ = both
    said = _distrust(countries=[{"country": "XBB", "since": format_instant(network.clock.now())}])
    await network.gateways["XAA"].store.commit(lambda tx: tx.drop_meta("trustees"))
    await network.gateways["XAA"].store.commit(lambda tx: tx.set_meta("distrust", said.decode()))
    cut = await _cut_off(network)
    assert ["XBB"] == list(cut.context.trust.holds())
    await network.gateways["XAA"].refresh_trust()
    assert await cut.store.read(cut.context.trust.changed)
    await cut.context.trust.load()
    assert {} == cut.context.trust.holds()
    assert await cut.store.read(lambda tx: tx.find_meta("distrust")) is None
    await cut.close()


async def test_revoked_keys_that_cannot_be_read_hold_their_state_alone(trio: Network) -> None:
    """The row of one State is spoiled: that one is on hold, which is told, and the others go on."""
    gateway = trio.gateways["XAA"]
    await gateway.store.commit(lambda tx: tx.set_meta("revoked:XBB", '{"signing":[]}'))
    await gateway.context.trust.load()
    assert ["XBB"] == list(gateway.context.trust.holds())
    assert ("trust.fault", {"country": "XBB", "error": "ValueError"}) == trio.logs[-1]
    await gateway.refresh_trust()
    assert ["XBB"] == list(gateway.context.trust.holds())
    assert gateway.context.trust.find("XCC") is not None


async def test_officers_lift_the_hold_of_a_state_whose_revoked_keys_cannot_be_read(both: tuple[Network, World]) -> None:
    """What the card says counts from then on, here and at the next start."""
    network, world = both
    gateway = network.gateways["XAA"]
    await gateway.store.commit(lambda tx: tx.set_meta("revoked:XBB", "["))
    await gateway.context.trust.load()
    await confirm(network, world.states["XBB"].identity.public)
    await gateway.context.trust.load()
    assert {} == gateway.context.trust.holds()


async def test_a_state_that_the_trustees_distrust_is_on_hold(both: tuple[Network, World]) -> None:
    """It is on hold as long as the list says so, no officer lifts that, and a restart changes nothing (M-8.12)."""
    network, world = both
    since = {"country": "XBB", "since": format_instant(network.clock.now())}
    world.set_policy(trust_policy.DISTRUST, _distrust(countries=[since]))
    await network.refresh()
    gateway = network.gateways["XAA"]
    assert "trustees" in gateway.context.trust.holds()["XBB"]
    identity = world.states["XBB"].identity.public
    with pytest.raises(PeerError, match="hold"):
        await confirm(network, identity)
    await gateway.close()
    gateway = await open_gateway(network, "XAA")
    assert ["XBB"] == list(gateway.context.trust.holds())
    world.set_policy(trust_policy.DISTRUST, _distrust())
    await gateway.refresh_trust()
    assert {} == gateway.context.trust.holds()


async def test_a_key_that_the_trustees_distrust_is_revoked(both: tuple[Network, World]) -> None:
    """From the instant they name on, what the key signs is answered `unknown-signer`; before it stood."""
    network, world = both
    trust = network.gateways["XAA"].context.trust
    kid, at = trust.card("XBB").signing[0].kid, network.clock.now()
    key = {"country": "XBB", "kid": kid, "revoked_at": format_instant(at)}
    world.set_policy(trust_policy.DISTRUST, _distrust(keys=[key]))
    network.clock.pass_(minutes=1)
    await network.refresh()
    with pytest.raises(PeerError, match="revoked"):
        trust.signing_key("XBB", kid, network.clock.now())
    trust.signing_key("XBB", kid, at.replace(minute=at.minute - 1) if at.minute else at.replace(hour=at.hour - 1))


async def test_the_trustees_narrow_the_suites(both: tuple[Network, World]) -> None:
    """A suite that the list no longer allows is neither sealed to nor taken, whatever the configuration says."""
    network, world = both
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[2]}')
    await network.refresh()
    assert frozenset({2}) == network.gateways["XAA"].context.suites
    await network.gateways["XAA"].close()
    gateway = await open_gateway(network, "XAA")
    assert frozenset({2}) == gateway.context.suites


async def _with_both_suites(network: Network, world: World, country: str) -> None:
    """Let ``country`` list and hold a sealing key of suite 2 beside its key of suite 1, which is the one in use."""
    gateway, now = network.gateways[country], network.clock.now()
    made = SealingKey.generate(2)
    assert gateway.context.own is not None
    claims = card.claims_of(gateway.context.own)
    entry = {"kid": b64.encode(made.kid), "suite": 2, "key": b64.encode(made.public), "revoked_at": None}
    entry |= {"from": format_instant(now - timedelta(days=1)), "until": format_instant(now + timedelta(days=40))}
    issued = world.issue(country, at=now, sealing=[*claims["sealing"][:-1], entry])
    write_card(network.homes[country] / "cards", issued)
    gateway.context.keyring.sealing[made.kid] = made


async def test_what_waits_is_sealed_in_the_suite_that_is_left(both: tuple[Network, World]) -> None:
    """What was sealed before the trustees narrowed the suites is sealed anew in one that is left, and arrives."""
    network, world = both
    for country in ("XAA", "XBB"):
        await _with_both_suites(network, world, country)
    await network.refresh()
    network.wires.cut = True
    ours = await story.sent(network)
    await network.deliver(1)
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[2]}')
    await network.refresh()
    network.wires.cut = False
    network.clock.pass_(hours=2)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_message_in_a_suite_that_its_recipient_takes_no_more_is_not_lost(both: tuple[Network, World]) -> None:
    """A recipient that read the narrower policy first asks for another key; its sender seals anew once it read it."""
    network, world = both
    for country in ("XAA", "XBB"):
        await _with_both_suites(network, world, country)
    await network.refresh()
    ours = await story.sent(network)
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[2]}')
    await network.gateways["XBB"].refresh_trust()
    await network.deliver(1, refresh=False)
    assert [410] == [one.status for one in network.wires.answers]
    network.clock.pass_(hours=2)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_nothing_goes_abroad_in_a_suite_that_is_not_allowed(both: tuple[Network, World]) -> None:
    """What was sealed and never posted waits where its recipient lists no key of a suite that is left."""
    network, world = both
    ours = await story.sent(network)
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[2]}')
    await network.deliver()
    assert [] == network.wires.posted
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[1,2]}')
    network.clock.pass_(hours=1)
    await network.deliver()
    assert "DELIVERED" == await story.state(network, "XAA", ours)


async def test_the_trustees_allow_no_more_than_we_do(both: tuple[Network, World]) -> None:
    """A list that allows both suites does not widen a gateway that was set to one."""
    network, world = both
    file = network.homes["XAA"] / "isthmus.toml"
    file.write_text(file.read_text().replace("suites = [1, 2]", "suites = [1]"))
    await network.gateways["XAA"].close()
    gateway = await open_gateway(network, "XAA")
    world.set_policy(trust_policy.SUITES, b'{"v":1,"suites":[1,2]}')
    await gateway.refresh_trust()
    assert frozenset({1}) == gateway.context.suites


async def test_whom_the_trustees_distrust_is_on_hold_though_nothing_can_be_stored(
    both: tuple[Network, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk keeps a node from telling the others, and not from going by what it read."""
    network, world = both
    gateway = network.gateways["XAA"]

    async def full(unit: Any) -> Any:
        raise Unavailable("the disk is full", "make room")

    world.set_policy(
        trust_policy.DISTRUST, _distrust(countries=[{"country": "XBB", "since": format_instant(network.clock.now())}])
    )
    monkeypatch.setattr(gateway.store, "commit", full)
    with pytest.raises(Unavailable):
        await gateway.context.trust.run_once(network.clock.now())
    assert ["XBB"] == list(gateway.context.trust.holds())
