"""A card in which keys are revoked."""

from datetime import datetime
from typing import Any

from gateway import home
from gateway.core import wire
from gateway.transport.card_directory import load_cards, write_card
from keys import card
from keys.custody import open_store
from keys.sign import SigningKey
from tests.support.network import Network


async def revoke(network: Network, country: str, kids: set[str], at: datetime, **changes: Any) -> None:
    """Issue and publish to everyone the card of ``country`` in which ``kids`` are revoked at ``at``."""
    path = network.homes[country]
    store = open_store(f"file:{path / home.IDENTITY_FILE}", passphrase=lambda: "correct horse", environ={})
    held = card.parse_card(load_cards(path / "cards", country)[-1])
    claims = card.claims_of(held)
    text = wire.format_instant(at)
    for group in ("signing", "sealing", "roles"):
        entries = [{**one, "revoked_at": text} if one["kid"] in kids else one for one in claims[group]]
        changes.setdefault(group, []).extend(entries)
    made = home.next_card(held, changes, SigningKey(store.get(home.IDENTITY)), network.clock.now())
    for other in network.homes.values():
        write_card(other / "cards", made)
    await network.refresh()
