"""Gateways whose homes read a trust list, for tests of what a list does to their messages."""

import shutil
from pathlib import Path

from gateway import home, settings
from gateway.services.trust_acts import TrustActs
from keys import b64, card
from keys.custody import open_store
from keys.sign import SigningKey
from tests.support.network import Network, make_network, open_gateway
from tests.support.trust_list import World, make_world

OFFICERS = (("second", "liaison_officer"), ("third", "operator"))
"""Who decides about keys in XAA."""


def identity(network: Network, country: str) -> SigningKey:
    """Return the identity key in the home of ``country``."""
    path = network.homes[country] / home.IDENTITY_FILE
    return SigningKey(open_store(f"file:{path}", passphrase=lambda: "correct horse", environ={}).get(home.IDENTITY))


def first_of(network: Network, country: str) -> card.Card:
    """Return the first card in the home of ``country``."""
    return card.parse_card((network.homes[country] / "cards" / country / "1.jws").read_bytes())


async def listed(folder: Path) -> tuple[Network, World]:
    """Return XAA, with ``OFFICERS``, and XBB, whose gateways read their cards from one trust list and nowhere else."""
    network = await make_network(folder / "homes")
    world = make_world(folder / "list")
    for country in network.homes:
        world.add(country, identity=identity(network, country), first=first_of(network, country))
    for country, path in network.homes.items():
        await network.gateways[country].close()
        shutil.copy(world.folder / "metadata" / "1.root.json", path / "root.json")
        for other in network.homes.keys() - {country}:
            shutil.rmtree(path / "cards" / other)
        file = path / settings.FILE_NAME
        lines = f'[trust]\nrepository = "{world.folder.as_uri()}"\nroot = "root.json"\n'
        file.write_text(file.read_text().replace("[trust]\n", lines))
    file = network.homes["XAA"] / settings.FILE_NAME
    key = b64.encode(SigningKey.generate().public)
    file.write_text(file.read_text() + f'\n[[persons]]\nid = "third"\nroles = ["operator"]\nkey = "{key}"\n')
    for country in network.homes:
        await open_gateway(network, country)
    await network.refresh()
    return network, world


async def confirm(network: Network, identity: bytes) -> None:
    """Let each of ``OFFICERS`` say that the identity key of XBB was compared."""
    acts = TrustActs(network.gateways["XAA"].context)
    for person, role in OFFICERS:
        await acts.compare("XBB", identity, "read out by telephone", person, role)
