"""New keys in the place of stolen ones, as ``isthmus compromise`` leaves them, for whoever has no command line."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway import home
from gateway.cli.keys import window
from gateway.core import wire
from gateway.services.compromise import Compromise
from keys import b64, card
from keys.card import Card
from keys.custody import KeyStore
from keys.sign import SigningKey
from tests.support.network import Network, open_gateway
from tests.support.restoring import card_of, next_card_of

BACK = wire.MAX_VALIDITY + timedelta(days=1)
"""How far back the new signing key is valid."""


def replace_keys(store: KeyStore, held: Card, now: datetime) -> tuple[dict[str, Any], dict[bytes, datetime]]:
    """
    Destroy the keys in ``store`` that sign and open, stolen an hour ago, and put new ones in their place.

    Returns what the card after ``held`` says of them, and the ends of the windows of what is gone, by raw id.
    """
    now, since = now.replace(microsecond=0), wire.format_instant(now.replace(microsecond=0) - timedelta(hours=1))
    listed = card.claims_of(held)
    ends = {b64.decode(one["kid"]): _at(one["until"]) for one in listed["sealing"]}
    stolen = home.sealing_keys(store)
    gone = {key.kid: ends.get(key.kid, now) for _, key in stolen}
    opens, signs = home.add_sealing_key(store, 1), SigningKey.generate()
    store.put(home.NEXT, signs.seed)
    for name, _ in stolen:
        store.destroy(name)
    store.replace(home.SIGNING, home.NEXT)
    begin = now - timedelta(hours=1)
    open_until, sign_until = begin + timedelta(days=90), now + timedelta(days=366)
    sealing = [one for one in listed["sealing"] if _at(one["from"]) <= now < _at(one["until"])]
    made = {"suite": 1, **window(b64.encode(opens.kid), opens.public, begin, open_until)}
    return {
        "sealing": [*_revoked(sealing, since), made],
        "signing": [*_revoked(listed["signing"], since)[-7:], window(signs.kid, signs.public, now - BACK, sign_until)],
    }, gone


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _revoked(entries: list[Mapping[str, Any]], since: str) -> list[dict[str, Any]]:
    return [{**one, "revoked_at": one["revoked_at"] or since} for one in entries]


async def steal_from(network: Network, country: str) -> None:
    """Have ``country`` replace stolen keys, begin a new epoch, and greet everybody; all of them read its new card."""
    gateway = network.gateways[country]
    epoch = await gateway.resync.begin_epoch(network.clock.now())
    changes, gone = replace_keys(gateway.keys, card_of(network, country), network.clock.now())
    await gateway.close()
    next_card_of(network, country, epoch=epoch, **changes)
    gateway = await open_gateway(network, country)
    met, now = Compromise(gateway.context), network.clock.now()
    await met.note_destroyed(gone, now)
    await met.sign_again(now)
    await met.greet(now)
    await network.refresh()
