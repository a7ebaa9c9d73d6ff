"""A card that is published and not taken may revoke a key that was stolen: who runs the gateway is told."""

import shutil
from datetime import timedelta

from gateway import checks, home, settings
from gateway.checks.look import Look
from gateway.transport.card_directory import load_cards, write_card
from keys import card
from keys.sign import SigningKey
from tests.support.network import Network
from tests.trust.revocation import revoke


def _told(network: Network) -> list[dict[str, str]]:
    return [values for event, values in network.logs if event == "trust.untaken"]


async def _revoked_ahead(network: Network) -> str:
    """Let XBB revoke the key it signs with by a clock that is ten minutes ahead; return the key's id."""
    kid = network.gateways["XBB"].context.keyring.signing.kid
    network.clock.pass_(minutes=10)
    await revoke(network, "XBB", set(), network.clock.now())  # a card of now, which is taken
    taken = len(load_cards(network.homes["XAA"] / "cards", "XBB"))
    assert taken == network.gateways["XAA"].context.trust.card("XBB").serial
    at = network.clock.now()
    network.clock.pass_(minutes=10)
    gateways, network.gateways = network.gateways, {}
    await revoke(network, "XBB", {kid}, at)
    network.clock.pass_(minutes=-10)
    network.gateways = gateways
    return kid


async def test_card_dated_ahead_is_told_once(network: Network) -> None:
    """A revocation in a card that is dated ahead is not taken yet: that is told, once, until it is taken."""
    kid = await _revoked_ahead(network)
    gateway = network.gateways["XAA"]
    await gateway.refresh_trust()
    await gateway.refresh_trust()
    assert [{"country": "XBB", "code": "not-yet"}] == _told(network)
    assert kid not in gateway.context.trust.revoked("XBB")
    network.clock.pass_(minutes=10)
    await gateway.refresh_trust()
    assert kid in gateway.context.trust.revoked("XBB")
    assert 1 == len(_told(network))


async def test_missing_card_is_told_also_where_the_directory_looks_whole(network: Network) -> None:
    """One card of a State got lost on the way: the gateway goes on by an old one, and says so, as a check does."""
    gateway, folder = network.gateways["XAA"], network.homes["XAA"] / "cards" / "XBB"
    held = gateway.context.trust.card("XBB").serial
    gateways, network.gateways = network.gateways, {}
    for _ in range(2):
        network.clock.pass_(minutes=1)
        await revoke(network, "XBB", set(), network.clock.now())
    network.gateways = gateways
    newest = folder / f"{held + 2}.jws"
    for path in set(folder.iterdir()) - {newest}:
        path.unlink()  # as where the newest alone was put there
    assert card.parse_card(newest.read_bytes()).serial == held + 2
    await gateway.refresh_trust()
    assert held == gateway.context.trust.card("XBB").serial
    assert [{"country": "XBB", "code": "serial-skip"}] == _told(network)
    assert [f"ask XBB for every card after {held}"] == _found(network, "not taken")


async def test_state_whose_cards_are_gone_grows_old(network: Network) -> None:
    """Where nothing of a State can be read, what is held of it grows old: a person is told, and it ends."""
    gateway = network.gateways["XAA"]
    shutil.rmtree(network.homes["XAA"] / "cards" / "XBB")
    network.clock.pass_(days=8)
    await gateway.refresh_trust()
    assert [("XBB", "no-sending")] == [
        (values["country"], values["state"]) for event, values in network.logs if event == "trust.stale"
    ]
    assert gateway.context.trust.find("XBB") is None
    assert gateway.context.trust.card("XBB").country == "XBB"
    assert "trust.unread" in [event for event, _ in network.logs]


async def test_card_that_holds_is_told_too(network: Network) -> None:
    """A State that its card puts on hold stands in the log, and not in the store alone."""
    gateway = network.gateways["XAA"]
    made = home.card_of_new_identity(gateway.context.trust.card("XBB"), SigningKey.generate(), network.clock.now())
    write_card(network.homes["XAA"] / "cards", made)
    await gateway.refresh_trust()
    assert ["XBB"] == list(gateway.context.trust.holds())
    assert [{"country": "XBB", "code": "wrong-identity"}] == _told(network)


def _found(network: Network, text: str) -> list[str]:
    """Return the next steps of what ``isthmus check`` finds in XAA with ``text`` in it."""
    chosen = settings.load(network.homes["XAA"], {})
    look = Look(chosen, lambda: "correct horse", network.clock.now() + timedelta(seconds=1))
    return [item.hint for item in checks.run(look) if text in item.text and item.level == "finding"]
