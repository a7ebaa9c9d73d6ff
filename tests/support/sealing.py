"""Which sealing keys a gateway has, and which are gone."""

from gateway import home
from gateway.services.rows import SealingEnd
from keys.custody import open_store
from tests.support.network import Network


def names(network: Network, country: str) -> list[str]:
    """Return the names of the sealing keys in the key store on disk."""
    store = open_store(f"file:{network.homes[country]}/{home.KEY_FILE}", passphrase=lambda: "correct horse", environ={})
    return [name for name in store.names() if name.startswith("seal.")]


async def ends(network: Network, country: str) -> list[SealingEnd]:
    """Return what the store says of private halves that are gone."""
    return list(await network.gateways[country].store.read(lambda tx: tx.sealing_ends()))
